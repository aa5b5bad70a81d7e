"""What the worker is made of: threads that take only what they can start, and alarms that say when to look."""

import logging
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor, wait
from datetime import datetime, timedelta
from typing import Protocol

from sqlmodel import Session

from core import db
from core.settings import settings

log = logging.getLogger("hub.worker")

LONGEST_PAUSE = 10.0  # seconds: claims that ran out make no noise


def safely(call: Callable[..., object], *given: object) -> None:
    """A fault in one tick or one piece of work is logged, and the worker goes on."""
    try:
        call(*given)
    except Exception:
        log.exception("%s failed", getattr(call, "__qualname__", call))


class Crew:
    """Threads that are given only what they can start at once, so that no claim waits in a queue."""

    def __init__(self, name: str, size: int) -> None:
        self._pool = ThreadPoolExecutor(size, thread_name_prefix=name)
        self._size = size
        self._running: set[Future[None]] = set()

    @property
    def free(self) -> int:
        """How many threads have nothing to do."""
        self._running = {future for future in self._running if not future.done()}
        return self._size - len(self._running)

    @property
    def idle(self) -> bool:
        """Whether all of them have nothing to do."""
        return self.free == self._size

    def start(self, call: Callable[..., object], *given: object) -> None:
        """Run `call(*given)` in a free thread; where none is, not at all."""
        if self.free:
            self._running.add(self._pool.submit(safely, call, *given))

    def finish(self, seconds: float) -> bool:
        """Wait for the work in hand; False when it takes longer."""
        return not wait(self._running, timeout=max(seconds, 0)).not_done


class Queue(Protocol):
    """A service whose rows are jobs: `publishing`, `sync`."""

    def anything_due(self, session: Session) -> bool:
        """Whether something can be claimed now."""

    def next_due(self, session: Session) -> datetime | None:
        """When the next thing will be due."""


class Alarm:
    """Rings when something may be due: at the time that it is, when somebody changed the database, and now and then."""

    def __init__(self, queue: Queue, changes: db.Changes) -> None:
        self._queue, self._changes = queue, changes
        self._seen = -1
        self._again = db.utc_now()
        self._pause = timedelta(seconds=min(LONGEST_PAUSE, settings().lease_seconds / 4))

    def seconds(self) -> float:
        """How long nothing is due, as far as was known at the last look; 0 when something is overdue."""
        return max(0.0, (self._again - db.utc_now()).total_seconds())

    def rings(self) -> bool:
        """Whether anything is due. Asks the database only when the answer may have changed."""
        version, now = self._changes.version(), db.utc_now()
        if version == self._seen and now < self._again:
            return False
        with db.read() as session:
            due, soon = self._queue.anything_due(session), self._queue.next_due(session)
        self._seen = version
        self._again = now if due else min(soon or now + self._pause, now + self._pause)
        return bool(due)
