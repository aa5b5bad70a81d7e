"""What tests of the doors get: passwords that hash in no time, and the real web process on a port of its own."""

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest
from argon2 import PasswordHasher

from core.services import sessions
from tests.hub_process import free_port

ROOT = Path(__file__).parents[2]


@pytest.fixture(autouse=True)
def quick_hashes(monkeypatch: pytest.MonkeyPatch) -> None:
    """Argon2 with hardly any work; the tests are about doors, not about hashing."""
    quick = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)
    monkeypatch.setattr(sessions, "_hasher", lambda: quick)
    monkeypatch.setattr(sessions, "_nobodys_hash", lambda: quick.hash("nobody"))


@dataclass(frozen=True)
class Hub:
    """A running web process and its data folder."""

    port: int
    folder: Path

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Hub]:
    """`streamlit run core/web/app.py` as the Procfile starts it, on a data folder that doesn't exist yet."""
    hub = Hub(free_port(), tmp_path_factory.mktemp("web") / "data")
    environment = {k: v for k, v in os.environ.items() if not k.startswith(("HUB_", "DATABASE_URL", "STREAMLIT_"))}
    command = [sys.executable, "-m", "streamlit", "run", "core/web/app.py", "--server.port", str(hub.port)]
    with (hub.folder.parent / "log").open("wb") as log:
        process = subprocess.Popen(
            [*command, "--server.address", "127.0.0.1"],
            cwd=ROOT,
            env=environment | {"HUB_DATA_DIR": str(hub.folder), "HUB_PORT": str(hub.port)},
            stdout=log,
            stderr=log,
        )
        try:
            _wait(hub, process)
            yield hub
        finally:
            process.terminate()
            process.wait(10)


def _wait(hub: Hub, process: "subprocess.Popen[bytes]") -> None:
    for _ in range(300):
        try:
            httpx.get(f"{hub.url}/healthz")
            return
        except httpx.TransportError:
            assert process.poll() is None, (hub.folder.parent / "log").read_text()
            time.sleep(0.1)
    raise AssertionError("The web process did not answer.")
