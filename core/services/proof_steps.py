"""Reading the journal: the lines of a delivery, and the proof that follows from them as steps and one sentence.

Steps are what everybody wants to see first (intended, sent, accepted, seen); the lines are what happened on the way.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from zoneinfo import ZoneInfo

from sqlalchemy import select
from sqlmodel import Session, col

from core.models.channel import Channel
from core.models.planning import Delivery, DeliveryState
from core.models.planning_work import DeliveryEvent, EventKind
from core.models.team import Member

LINES = 3_000  # of all deliveries that are asked for together
BEGINS = (EventKind.RETRIED, EventKind.SCHEDULED)  # what came before these is no part of the proof
PATIENCE = 3  # looks for what was published, until “not seen yet” is worth a word


class Mark(StrEnum):
    """How far a step is."""

    DONE = "done"
    NOW = "now"
    OPEN = "open"
    DOUBT = "doubt"
    BAD = "bad"


@dataclass(frozen=True)
class Line:
    """One line of the journal. `by`: the member who decided, else empty. `last_at`: as `at`, unless it repeated."""

    delivery_id: int
    at: datetime
    kind: EventKind
    part: int
    attempt: int
    detail: str
    by: str
    times: int
    last_at: datetime


@dataclass(frozen=True)
class Step:
    """One step of the proof: a word, when (None: not yet, or not known), and how far it is."""

    word: str
    at: datetime | None
    mark: Mark


@dataclass(frozen=True)
class Facts:
    """What the steps of a delivery follow from, as its row has it. `parts`: entries of the thread that were begun."""

    state: DeliveryState
    due_at: datetime | None = None
    sent_at: datetime | None = None
    published_at: datetime | None = None
    seen_at: datetime | None = None
    gone_at: datetime | None = None
    edited_at: datetime | None = None
    proof_due_at: datetime | None = None
    proof_looks: int = 0
    looks: int = 0
    parts: int = 1

    @classmethod
    def of(cls, row: Delivery) -> "Facts":
        """From the row."""
        times = (row.due_at, row.sent_at, row.published_at, row.seen_at, row.gone_at, row.edited_at, row.proof_due_at)
        return cls(row.state, *times, proof_looks=row.proof_looks, looks=row.looks, parts=len(row.parts or ()) or 1)


@dataclass(frozen=True)
class Proof:
    """A delivery's facts with its journal, oldest line first. `remote`: something of it is out, and where is known."""

    facts: Facts
    lines: tuple[Line, ...] = ()
    remote: bool = False
    text: str = ""  # what stands there, as far as the hub knows
    profile: str = ""  # the channel's own page there, to look for it


def journal_of(session: Session, delivery_ids: Sequence[int]) -> dict[int, tuple[Line, ...]]:
    """The lines of these deliveries, oldest first. One statement."""
    rows = session.execute(
        select(DeliveryEvent, col(Member.name))
        .outerjoin(Member, col(Member.id) == col(DeliveryEvent.member_id))
        .where(col(DeliveryEvent.delivery_id).in_(delivery_ids))
        .order_by(col(DeliveryEvent.id).desc())
        .limit(LINES)
    ).all()
    found: dict[int, list[Line]] = {}
    for e, name in reversed(rows):
        line = Line(e.delivery_id, e.at, e.kind, e.part, e.attempt, e.detail, name or "", e.times, e.last_at or e.at)
        found.setdefault(e.delivery_id, []).append(line)
    return {delivery_id: tuple(lines) for delivery_id, lines in found.items()}


def proofs_of(session: Session, post_id: int) -> dict[int, Proof]:
    """The proof of each of a post's deliveries. Two statements."""
    asked = select(Delivery, col(Channel.url)).join(Channel, col(Channel.id) == col(Delivery.channel_id))
    rows = session.execute(asked.where(col(Delivery.post_id) == post_id)).all()
    lines = journal_of(session, [row.id for row, _ in rows])
    proofs = {}
    for row, profile in rows:
        out = [part for part in row.parts or () if part.get("remote_id")]
        text = "\n---\n".join(str(part.get("text", "")) for part in out)
        proofs[row.id] = Proof(Facts.of(row), lines.get(row.id, ()), bool(out), text, profile or "")
    return proofs


# --- what it proves ---------------------------------------------------------------------------------------------------


def steps(facts: Facts, lines: Sequence[Line] = ()) -> tuple[Step, ...]:
    """Intended → Sent → Accepted → Seen, as far as it got. Without lines, from the facts alone."""
    told = _last_run(lines)
    begun = _first(told, EventKind.INTENDED)
    left = _first(told, EventKind.SENT, EventKind.RESENT)
    sent_at = left.at if left else facts.sent_at if _is_out(facts) else None
    if facts.state is DeliveryState.SCHEDULED:
        return (Step("Due", facts.due_at, Mark.OPEN),)
    if facts.state in (DeliveryState.DRAFT, DeliveryState.CANCELLED):
        return ()
    made = [Step("Intended", begun.at if begun else facts.sent_at, Mark.DONE)] if begun or facts.sent_at else []
    if facts.state is DeliveryState.FAILED:
        failed = _last(told, EventKind.FAILED)
        made += [Step("Sent", sent_at, Mark.DONE)] if sent_at else []
        return (*made, Step("Failed", failed.at if failed else None, Mark.BAD))
    made.append(_sent(facts, sent_at))
    if _is_out(facts):
        made += [_accepted(facts, told), *_afterwards(facts)]
    return tuple(made)


def _accepted(facts: Facts, told: Sequence[Line]) -> Step:
    words = {EventKind.ADOPTED: "Found there", EventKind.CONFIRMED: "Confirmed by hand"}
    line = _last(told, EventKind.ACCEPTED, EventKind.ADOPTED, EventKind.CONFIRMED)
    word = words.get(line.kind, "Accepted") if line else "Accepted"
    return Step(word, line.at if line else facts.published_at, Mark.DONE)


def _is_out(facts: Facts) -> bool:
    return facts.state in (DeliveryState.PUBLISHED, DeliveryState.DELETED)


def _sent(facts: Facts, left: datetime | None) -> Step:
    if facts.state is DeliveryState.SENDING:
        return Step("Sending", left or facts.sent_at, Mark.NOW)
    if facts.state in (DeliveryState.CHECKING, DeliveryState.UNCONFIRMED):
        return Step("Sent, no answer", left or facts.sent_at, Mark.DOUBT)
    return Step("Sent", left, Mark.DONE if left else Mark.OPEN)


def _afterwards(facts: Facts) -> list[Step]:
    """What the network has of it since."""
    made = []
    if facts.seen_at is not None:
        made.append(Step("Seen", facts.seen_at, Mark.DONE))
    if facts.edited_at is not None:
        made.append(Step("Changed", facts.edited_at, Mark.DONE))
    if facts.state is DeliveryState.DELETED:
        made.append(Step("Taken down", facts.gone_at, Mark.DONE))
    elif facts.gone_at is not None:
        made.append(Step("Gone", facts.gone_at, Mark.BAD))
    elif facts.seen_at is None and facts.proof_due_at is not None:
        late = facts.proof_looks >= PATIENCE
        made.append(Step("Not seen yet" if late else "Looking", None, Mark.DOUBT if late else Mark.NOW))
    return made


def sentence(facts: Facts, lines: Sequence[Line], zone: ZoneInfo) -> str:
    """What to know beyond the steps, in words and times of `zone`; empty where the steps say it all."""
    told = _last_run(lines)
    if facts.state in (DeliveryState.CHECKING, DeliveryState.UNCONFIRMED):
        return _doubt(facts, told, zone)
    if facts.state is DeliveryState.SENDING and facts.parts > 1:
        return f"A thread on its way: entry {facts.parts} was begun."
    if facts.state is DeliveryState.SCHEDULED and told and told[-1].kind is EventKind.WAITING:
        return f"Put off: {told[-1].detail.rstrip('.')}. Next try {_clock(facts.due_at, zone)}."
    if facts.state is not DeliveryState.PUBLISHED:
        return ""
    if facts.gone_at is not None:
        missing = _last(told, EventKind.MISSING)
        return missing.detail if missing else ""
    if facts.seen_at is None and facts.proof_looks >= PATIENCE and facts.proof_due_at is not None:
        again = _clock(facts.proof_due_at, zone)
        return f"Accepted, but not seen in {facts.proof_looks} looks. Next look {again}."
    return ""


def _doubt(facts: Facts, told: Sequence[Line], zone: ZoneInfo) -> str:
    """“Sent 09:00:02, no answer. Looked 3 times, next look 09:01:12.”"""
    sent, looks = _first(told, EventKind.SENT), looked_times(told, facts)
    begun = f"Sent {_clock(sent.at if sent else facts.sent_at, zone)}, no answer."
    again = sum(line.times for line in told if line.kind is EventKind.RESENT)
    if again:
        begun += f" The same request went out again {_times(again)}: the server takes it only once."
    if facts.state is DeliveryState.UNCONFIRMED:
        return f"{begun} Looked {_times(looks)} and didn't find it."
    looked = f"Looked {_times(looks)}" if looks else "Not looked yet"
    return f"{begun} {looked}, next look {_clock(facts.due_at, zone)}."


def _clock(at: datetime | None, zone: ZoneInfo) -> str:
    return f"{at.astimezone(zone):%H:%M:%S}" if at else "soon"


def looked_times(lines: Sequence[Line], facts: Facts) -> int:
    """How often it was looked for since it was sent."""
    return sum(line.times for line in lines if line.kind is EventKind.LOOKED) or facts.looks


def _times(number: int) -> str:
    return {1: "once", 2: "twice"}.get(number, f"{number} times")


def _last_run(lines: Sequence[Line]) -> Sequence[Line]:
    """From the last time that somebody scheduled it, or had it tried again."""
    for index in range(len(lines) - 1, -1, -1):
        again = lines[index].kind is EventKind.CONFIRMED and "again" in lines[index].detail
        if lines[index].kind in BEGINS or again:
            return lines[index:] if not again else lines[index + 1 :]
    return lines


def _first(lines: Sequence[Line], *kinds: EventKind) -> Line | None:
    return next((line for line in lines if line.kind in kinds), None)


def _last(lines: Sequence[Line], *kinds: EventKind) -> Line | None:
    return next((line for line in reversed(lines) if line.kind in kinds), None)
