"""Seal and unseal secrets (Fernet). The key comes from `HUB_SECRET_KEY` or a 0600 file in the data folder."""

import base64
import contextlib
import hashlib
import hmac
import json
import os
from functools import lru_cache
from pathlib import Path

from cryptography.fernet import Fernet, InvalidToken

from core.errors import UserError
from core.settings import settings

KEY_FILE = "secret.key"


def _key_from_file(path: Path) -> bytes:
    """Read the key, or make one. Written aside and linked in: web and worker agree on one."""
    if not path.exists():
        aside = path.with_name(f"{path.name}.{os.getpid()}")
        descriptor = os.open(aside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            file.write(Fernet.generate_key())
        with contextlib.suppress(FileExistsError):
            os.link(aside, path)
        aside.unlink()
    return path.read_bytes().strip()


@lru_cache(maxsize=1)
def _key() -> bytes:
    config = settings()
    if config.secret_key:
        # Any passphrase will do: it is stretched to the 32 bytes that Fernet wants.
        digest = hashlib.scrypt(config.secret_key.encode(), salt=b"social-hub", n=2**14, r=8, p=1, dklen=32)
        return base64.urlsafe_b64encode(digest)
    config.ensure_folders()
    return _key_from_file(config.data_dir / KEY_FILE)


@lru_cache(maxsize=1)
def _fernet() -> Fernet:
    return Fernet(_key())


def reset() -> None:
    """Forget the key held in memory (tests, and after the settings changed)."""
    _key.cache_clear()
    _fernet.cache_clear()


def fingerprint(*parts: str) -> str:
    """64 hex digits that recognise these words again, for whoever holds the key; they can't be turned back."""
    return hmac.new(b"fingerprint:" + _key(), "\0".join(parts).encode(), hashlib.sha256).hexdigest()


def seal(secret: dict[str, str]) -> bytes:
    """Encrypt a small mapping of secrets for the database."""
    return _fernet().encrypt(json.dumps(secret).encode())


def unseal(sealed: bytes) -> dict[str, str]:
    """Decrypt what `seal` made. Raises `UserError` where the key doesn't fit."""
    try:
        opened: dict[str, str] = json.loads(_fernet().decrypt(sealed))
    except InvalidToken as error:
        raise UserError(
            "The stored credentials can't be opened with this key. Set HUB_SECRET_KEY (or data/secret.key) "
            "to the key they were sealed with, or reconnect the channel."
        ) from error
    return opened
