"""A sandbox over HTTP, a hub with channels on it, and workers as processes of their own."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
from sqlmodel import select

from core import db, vault
from core.connectors.mastodon import Mastodon
from core.models.channel import Channel
from core.models.planning import Delivery, DeliveryState
from core.sandbox.plan import CHANNELS
from core.sandbox.serve import Sandbox, running_sandbox
from core.services import publishing
from tests import factories
from tests.reliability import crashing_worker
from tests.reliability.nursery import Nursery, Worker, running_nursery
from tests.reliability.pds import Pds, running_pds

ROOT = Path(__file__).parent.parent.parent
OPEN = (DeliveryState.SCHEDULED, DeliveryState.SENDING, DeliveryState.CHECKING)
LEASE = 1.0  # seconds


@dataclass
class Stage:
    """A hub with three channels on a sandbox, and its workers."""

    box: Sandbox
    folder: Path
    log: Path
    nursery: Nursery
    channels: list[int] = field(default_factory=list)
    environment: dict[str, str] = field(default_factory=dict)

    # --- the sandbox --------------------------------------------------------------------------------------------------

    def order(self, kind: str, **more: Any) -> None:
        """Have the sandbox fail (see `core/sandbox/faults.py`); posting, unless `path` says otherwise."""
        fault = {"kind": kind, "method": "POST", "path": "/api/v1/statuses", **more}
        httpx.post(f"{self.box.url}/_sandbox/faults", json=fault, headers=self.box.admin).raise_for_status()

    def honour(self, idempotency: bool) -> None:
        """Whether the sandbox honours Idempotency-Key; the hub's channels hear of it as they would by a sync."""
        mode = {"idempotency": idempotency}
        httpx.post(f"{self.box.url}/_sandbox/mode", json=mode, headers=self.box.admin).raise_for_status()
        connector = self.connector()
        limits = replace(connector.fetch_limits(), image_types=("image/png",)).to_json()
        connector.close()
        with db.write() as session:
            for row in session.exec(select(Channel)):
                row.limits = limits

    def connector(self) -> Mastodon:
        """A connector for the first channel."""
        host = self.box.url.removeprefix("http://")
        token = {"access_token": next(iter(self.box.tokens.values()))}
        return Mastodon(self.box.url, token, allowed_hosts=frozenset({host}))

    def writes(self) -> list[dict[str, Any]]:
        """Every write that the sandbox took, replays of known ones left out."""
        told = httpx.get(f"{self.box.url}/_sandbox/writes", headers=self.box.admin).raise_for_status().json()
        return [write for write in told if not write["replayed"]]

    def texts(self) -> list[str]:
        """What is online, in the order it was accepted."""
        return [write["text"] for write in self.writes()]

    # --- the hub ------------------------------------------------------------------------------------------------------

    def plan(self, text: str, channel: int = 0) -> int:
        """A delivery that is due now, by its id."""
        post = factories.post(self.channels[channel], text=text, at=db.utc_now() - timedelta(seconds=1))
        with db.read() as session:
            return session.exec(select(Delivery.id).where(Delivery.post_id == post.id)).one()

    def row(self, delivery_id: int) -> Delivery:
        """A delivery as it stands."""
        with db.read() as session:
            found = session.get_one(Delivery, delivery_id)
            session.expunge(found)
        return found

    def open(self) -> int:
        """How many deliveries haven't come to their end."""
        with db.read() as session:
            return len(session.exec(select(Delivery.id).where(Delivery.state.in_(OPEN))).all())  # type: ignore[attr-defined]

    # --- workers ------------------------------------------------------------------------------------------------------

    def start(self, *words: str) -> Worker:
        """A hurried worker process. `words`: see `crashing_worker`."""
        return self.nursery.start(words, self.environment, self.log)

    def start_plain(self, *words: str) -> "subprocess.Popen[bytes]":
        """A worker as people start it."""
        with self.log.open("ab") as log:
            return subprocess.Popen(
                [sys.executable, "worker.py", *words], cwd=ROOT, env=self.environment, stdout=log, stderr=log
            )

    def crash_at(self, point: str, number: int = 1, how: str = "kill") -> None:
        """A worker runs until it comes to that point, where it is killed or told to stop."""
        process = self.start(point, str(number), how)
        try:
            expected = -signal.SIGKILL if how == "kill" else 0
            assert process.wait(30) == expected, f"it never came to that point:\n{self.log.read_text()}"
        finally:
            process.kill()

    @contextmanager
    def working(self, *, hurried: bool = True) -> "Iterator[Worker | subprocess.Popen[bytes]]":
        """While the block runs, so does a healthy worker; it must stop in order."""
        before = self.started()
        process = self.start("never") if hurried else self.start_plain()
        try:
            self.until(lambda: self.started() > before)
            yield process
            process.terminate()
            assert process.wait(15) == 0, self.log.read_text()
        finally:
            process.kill()
            process.wait()

    def started(self) -> int:
        """How many workers have come up so far."""
        return self.log.read_text().count("started worker=") if self.log.exists() else 0

    def recover(self, *, process: bool = False) -> None:
        """A healthy worker (as a process of its own, or here, which is quicker) until every delivery has an end."""
        if process:
            with self.working():
                self.until(lambda: not self.open())
        else:
            self.until(lambda: publishing.publish_due() >= 0 and not self.open())

    def until(self, done: Callable[[], bool], seconds: float = 30) -> None:
        """Wait until something is the case."""
        end = time.monotonic() + seconds
        while not done():
            assert time.monotonic() < end, f"it didn't happen:\n{self.log.read_text()}"
            time.sleep(0.05)


@pytest.fixture
def hurried(monkeypatch: pytest.MonkeyPatch) -> None:
    """Short pauses between looks in this process, too."""
    for name in ("PAUSES", "REPLAY_PAUSES", "REPLAY_AFTER"):
        monkeypatch.setattr(publishing, name, getattr(publishing, name))
    crashing_worker.hurry()


@pytest.fixture(scope="session")
def sandbox() -> Iterator[Sandbox]:
    with running_sandbox() as box:
        yield box


@pytest.fixture(scope="session")
def nursery() -> Iterator[Nursery]:
    with running_nursery() as made:
        yield made


@pytest.fixture(scope="session")
def bluesky_server() -> Iterator[tuple[str, Pds]]:
    with running_pds() as made:
        yield made


@pytest.fixture
def stage(
    sandbox: Sandbox, nursery: Nursery, hub: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Stage]:
    settings = {
        "HUB_ALLOWED_PRIVATE_HOSTS": "127.0.0.1",
        "HUB_LEASE_SECONDS": str(LEASE),
        "HUB_DATA_DIR": str(hub),
        "HUB_LOG_LEVEL": "INFO",
    }
    for name, value in settings.items():
        monkeypatch.setenv(name, value)
    db.reset()
    made = Stage(sandbox, hub, tmp_path / "worker.log", nursery, environment=os.environ | settings)
    httpx.delete(f"{sandbox.url}/_sandbox/faults", headers=sandbox.admin).raise_for_status()
    with sandbox.network.store.writing():
        sandbox.network.store.run("DELETE FROM journal")
    for theirs in CHANNELS:
        sealed = vault.seal({"access_token": sandbox.tokens[theirs.handle]})
        made.channels.append(factories.channel(base_url=sandbox.url, handle=theirs.handle, sealed=sealed).id)
    made.honour(True)
    yield made
