"""The only reader of the environment: every setting of the hub, from the environment or `.env`."""

from functools import lru_cache
from pathlib import Path
from typing import Annotated

from pydantic import Field, field_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict


class Settings(BaseSettings):
    """All settings. `.env.example` lists them with their meaning; a test keeps the two in step."""

    model_config = SettingsConfigDict(env_file=".env", extra="ignore", env_ignore_empty=True)

    data_dir: Path = Field(Path("data"), validation_alias="HUB_DATA_DIR")
    host: str = Field("127.0.0.1", validation_alias="HUB_HOST")
    port: int = Field(8501, validation_alias="HUB_PORT", ge=1, le=65535)
    public_url: str | None = Field(None, validation_alias="HUB_PUBLIC_URL")
    secret_key: str | None = Field(None, validation_alias="HUB_SECRET_KEY", repr=False)
    database_url_: str | None = Field(None, validation_alias="DATABASE_URL", repr=False)
    allowed_private_hosts: Annotated[frozenset[str], NoDecode] = Field(
        frozenset(), validation_alias="HUB_ALLOWED_PRIVATE_HOSTS"
    )
    trusted_proxies: Annotated[frozenset[str], NoDecode] = Field(frozenset(), validation_alias="HUB_TRUSTED_PROXIES")
    sandbox_port: int = Field(8591, validation_alias="HUB_SANDBOX_PORT", ge=1, le=65535)
    log_level: str = Field("INFO", validation_alias="HUB_LOG_LEVEL")
    time_zone: str = Field("Europe/Berlin", validation_alias="HUB_TIME_ZONE")
    sync_seconds: float = Field(60, validation_alias="HUB_SYNC_SECONDS", gt=0)
    lease_seconds: float = Field(30, validation_alias="HUB_LEASE_SECONDS", gt=0)
    publish_threads: int = Field(8, validation_alias="HUB_PUBLISH_THREADS", ge=1, le=64)
    sync_threads: int = Field(4, validation_alias="HUB_SYNC_THREADS", ge=1, le=64)

    @field_validator("allowed_private_hosts", "trusted_proxies", mode="before")
    @classmethod
    def _comma_list(cls, value: object) -> object:
        if isinstance(value, str):
            return frozenset(part.strip().lower() for part in value.split(",") if part.strip())
        return value

    @property
    def database_url(self) -> str:
        """SQLAlchemy URL of the database; a SQLite file in the data folder unless `DATABASE_URL` is set."""
        return self.database_url_ or f"sqlite:///{(self.data_dir / 'hub.db').resolve()}"

    @property
    def media_dir(self) -> Path:
        """Where uploaded images lie, one file a media asset."""
        return self.data_dir / "media"

    @property
    def base_url(self) -> str:
        """The address people open the hub under, without a trailing slash."""
        return (self.public_url or f"http://localhost:{self.port}").rstrip("/")

    @property
    def sandbox_url(self) -> str:
        """Where the sandbox network listens: loopback only."""
        return f"http://127.0.0.1:{self.sandbox_port}"

    def ensure_folders(self) -> None:
        """Make the data folders, readable by nobody else."""
        for folder in (self.data_dir, self.media_dir):
            folder.mkdir(parents=True, exist_ok=True, mode=0o700)


@lru_cache(maxsize=1)
def settings() -> Settings:
    """The settings of this process, read once. Tests call `settings.cache_clear()`."""
    return Settings()
