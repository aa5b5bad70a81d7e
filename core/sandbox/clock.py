"""Two clocks: the real one, and the audience's, which runs `speed` times as fast and never goes backwards."""

from collections.abc import Callable
from datetime import UTC, datetime

from core.sandbox.store import Store


class Clock:
    """`seconds` gives seconds since 1970. The speed, and how far the audience is ahead, survive a restart."""

    def __init__(self, store: Store, seconds: Callable[[], float]) -> None:
        self.seconds = seconds
        self._store = store
        self._speed = float(store.recall("speed", "1"))
        self._lead = float(store.recall("lead", "0"))
        self._since = seconds()

    def now(self) -> datetime:
        """The time, aware, UTC."""
        return datetime.fromtimestamp(self.seconds(), UTC)

    def audience(self) -> float:
        """Seconds since 1970 by which likes grow and people react."""
        return self.seconds() + self._ahead()

    def _ahead(self) -> float:
        return self._lead + (self._speed - 1) * (self.seconds() - self._since)

    @property
    def speed(self) -> float:
        """How much faster than real time the audience lives; 1 is real, 0 stands still."""
        return self._speed

    @speed.setter
    def speed(self, value: float) -> None:
        self.keep()
        self._speed = max(0.0, value)
        self._store.remember("speed", str(self._speed))

    def keep(self) -> None:
        """Write down how far the audience is ahead."""
        self._lead, self._since = self._ahead(), self.seconds()
        self._store.remember("lead", str(self._lead))
