"""What a delivery is made of while it is being sent: its parts, the job a worker has in hand, clocks. No query."""

import hashlib
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, ClassVar

from core.connectors.base import Draft, Prepared, Sent
from core.lease import Claim
from core.models.planning import Delivery, DeliveryState


@dataclass(frozen=True)
class Part:
    """One entry of a thread as `Delivery.parts` keeps it.

    `digest` names the draft it was made from, `count` is how many parts that had. `sent_at`: when it may have left for
    the first time; None as long as it surely has not. `tried_at`: when for the last time. `at`, `remote_id`, `url` and
    `extra` are what the network said when it accepted.
    """

    replay_key: str
    request: dict[str, Any]
    digest: str
    text: str
    count: int
    fixed_at: datetime
    sent_at: datetime | None = None
    tried_at: datetime | None = None
    at: datetime | None = None
    remote_id: str | None = None
    url: str | None = None
    extra: dict[str, str] = field(default_factory=dict)

    TIMES: ClassVar[tuple[str, ...]] = ("fixed_at", "sent_at", "tried_at", "at")

    def to_json(self) -> dict[str, Any]:
        """As plain JSON values."""
        plain = dict(self.__dict__)
        return plain | {name: plain[name].isoformat() for name in self.TIMES if plain[name]}

    @classmethod
    def from_json(cls, stored: dict[str, Any]) -> "Part":
        """Read what `to_json` wrote; unknown keys of another version are passed over."""
        known = {key: value for key, value in stored.items() if key in cls.__dataclass_fields__}
        times = {name: datetime.fromisoformat(known[name]) for name in cls.TIMES if known.get(name)}
        return cls(**(known | times))

    @property
    def prepared(self) -> Prepared:
        """The very request that was fixed."""
        return Prepared(self.replay_key, self.request)

    @property
    def sent(self) -> Sent | None:
        """What the network accepted; None as long as that isn't known."""
        if self.remote_id is None or self.at is None:
            return None
        return Sent(self.remote_id, self.url, self.at, self.extra)


@dataclass(frozen=True)
class Job:
    """A claimed delivery as it stood when the work began: `draft`, or `trouble` that says why there is none."""

    claim: Claim
    channel_id: int
    state: DeliveryState
    parts: tuple[Part, ...]
    draft: Draft | None = None
    trouble: Exception | None = None

    @property
    def pending(self) -> int:
        """Number of the first part that isn't known to be out."""
        return pending(self.parts)

    @property
    def in_doubt(self) -> bool:
        """Whether a part may have left and nobody knows what became of it."""
        if self.state is DeliveryState.SCHEDULED:
            return False
        return any(part.sent_at is not None for part in self.parts[self.pending :])


class Stopwatch:
    """Seconds since it was made, by whichever clock ran further: one of them stands still while a machine sleeps."""

    def __init__(self) -> None:
        self._wall, self._steady = time.time(), time.monotonic()

    def seconds(self) -> float:
        """Never less than what really passed."""
        return max(time.time() - self._wall, time.monotonic() - self._steady)


def pending(parts: Iterable[Part]) -> int:
    """How many parts from the first on are known to be out: the number of the one that comes next."""
    number = 0
    for part in parts:
        if part.sent is None:
            break
        number += 1
    return number


def parts_of(row: Delivery) -> list[Part]:
    """The parts as they are stored."""
    return [Part.from_json(stored) for stored in row.parts or ()]


def keep_parts(row: Delivery, parts: Sequence[Part]) -> None:
    """Store the parts."""
    row.parts = [part.to_json() for part in parts]


def digest(draft: Draft, number: int) -> str:
    """Names what a part says, to whom, with which images and where in the thread: equal for equal parts."""
    meant = (draft.parts[number], draft.language, draft.reply_to, number, draft.content_warning, draft.visibility)
    return hashlib.sha256(repr(meant).encode()).hexdigest()[:32]
