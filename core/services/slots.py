"""A channel's slots: the times of the week at which it likes to publish, which of them are taken, the next free one.

A slot is **free** when no post of its channel is planned within less than `NEAR` of it, whoever planned it and whatever
its state: a draft with a time holds its place too. For several channels the first of them that has slots leads: the
next free slot is the next of its slots at which none of the channels has anything planned.
"""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from sqlalchemy import select
from sqlmodel import Session, col

from core.db import utc_now
from core.errors import NotFound, UserError
from core.models.channel import Channel, ChannelState
from core.models.planning import Delivery, DeliveryState, Post, PostState
from core.models.planning_time import Slot
from core.services.slot_times import DAY_NAMES, SlotRow, SlotTime, clock, slot_times, zone_of
from core.services.team import Actor, Right, audit, require

NEAR = timedelta(minutes=15)  # two posts of a channel closer than that share a place; so do two slots
LEAD = timedelta(minutes=5)  # a slot sooner than that is too soon to be taken
AHEAD = timedelta(days=60)  # how far ahead a free slot is looked for
MOST = 7 * 24  # slots a channel may have

OFFERS: dict[str, tuple[tuple[int, str], ...]] = {
    "Mon–Fri 9:00 and 17:00": tuple((day, at) for day in range(5) for at in ("09:00", "17:00")),
    "Every day 12:00": tuple((day, "12:00") for day in range(7)),
    "Tue and Thu 10:00": ((1, "10:00"), (3, "10:00")),
}
GONE = (DeliveryState.CANCELLED, DeliveryState.DELETED, DeliveryState.FAILED)


@dataclass(frozen=True)
class Planned:
    """A post that holds a time on a channel."""

    channel_id: int
    at: datetime
    post_id: int
    title: str
    state: PostState
    queued: bool


@dataclass(frozen=True)
class SlotUse:
    """One occurrence of a slot and who fills it; `post` None: it is free."""

    time: SlotTime
    post: Planned | None


def slots(session: Session, channel_ids: Collection[int] = ()) -> list[SlotRow]:
    """The slots of these channels (of all, when none is named) through the week. One statement."""
    wanted = select(Slot).order_by(col(Slot.channel_id), col(Slot.weekday), col(Slot.at))
    if channel_ids:
        wanted = wanted.where(col(Slot.channel_id).in_(channel_ids))
    return [SlotRow(row.id, row.channel_id, row.weekday, row.at) for row in session.execute(wanted).scalars()]


def zones(session: Session, channel_ids: Collection[int]) -> dict[int, ZoneInfo]:
    """The zone of each channel. One statement."""
    found = select(col(Channel.id), col(Channel.time_zone)).where(col(Channel.id).in_(channel_ids))
    return {channel_id: zone_of(name) for channel_id, name in session.execute(found)}


def add_slots(session: Session, actor: Actor, channel_id: int, wanted: Iterable[tuple[int, str]]) -> int:
    """Give a channel slots: (weekday, "09:30"), 0 is Monday. Those it has already are passed over; gives how many
    are new. Raises `UserError` for no time of day, and for two closer than `NEAR`."""
    require(actor, Right.PLAN)
    _channel(session, channel_id)
    there = [(row.weekday, row.at) for row in slots(session, [channel_id])]
    new: list[tuple[int, str]] = []
    for weekday, text in wanted:
        one = _checked(weekday, text)
        if one not in there and one not in new:
            _apart(one, [*there, *new])
            new.append(one)
    if len(there) + len(new) > MOST:
        raise UserError(f"A channel has {MOST} slots at most. Delete some first.")
    session.add_all(Slot(channel_id=channel_id, weekday=weekday, at=at) for weekday, at in new)
    if new:
        told = ", ".join(f"{DAY_NAMES[weekday]} {at}" for weekday, at in new)
        audit(session, actor, "slot.add", f"channel:{channel_id}", told)
    session.flush()
    return len(new)


def change_slot(session: Session, actor: Actor, slot_id: int, weekday: int, at: str) -> None:
    """Move a slot. What is queued at its old time stays there until somebody lays the queue anew."""
    require(actor, Right.PLAN)
    row = _slot(session, slot_id)
    wanted = _checked(weekday, at)
    others = [(r.weekday, r.at) for r in slots(session, [row.channel_id]) if r.id != slot_id]
    if wanted in others:
        raise UserError(f"There already is a slot on {DAY_NAMES[wanted[0]]} at {wanted[1]}.")
    _apart(wanted, others)
    row.weekday, row.at = wanted
    audit(session, actor, "slot.change", f"channel:{row.channel_id}", f"{DAY_NAMES[wanted[0]]} {wanted[1]}")
    session.flush()


def delete_slot(session: Session, actor: Actor, slot_id: int) -> None:
    """Remove a slot. What is queued at its time stays there until somebody lays the queue anew."""
    delete_slots(session, actor, [slot_id])


def delete_slots(session: Session, actor: Actor, slot_ids: Sequence[int]) -> None:
    """As `delete_slot`, for many at once."""
    require(actor, Right.PLAN)
    for slot_id in slot_ids:
        row = _slot(session, slot_id)
        audit(session, actor, "slot.delete", f"channel:{row.channel_id}", f"{DAY_NAMES[row.weekday]} {row.at}")
        session.delete(row)
    session.flush()


def _checked(weekday: int, text: str) -> tuple[int, str]:
    if weekday not in range(7):
        raise UserError("A weekday is one of Monday to Sunday.")
    return weekday, f"{clock(text):%H:%M}"


def _apart(one: tuple[int, str], others: Iterable[tuple[int, str]]) -> None:
    """Refuse a slot that would share its place with another, over midnight and over Sunday night too."""
    week = 7 * 24 * 60
    for other in others:
        away = abs(_minute(one) - _minute(other))
        if min(away, week - away) < NEAR.total_seconds() / 60:
            raise UserError(
                f"{DAY_NAMES[one[0]]} {one[1]} is too close to the slot on {DAY_NAMES[other[0]]} at {other[1]}. "
                f"Slots of a channel are at least {NEAR.seconds // 60} minutes apart."
            )


def _minute(slot: tuple[int, str]) -> int:
    at = clock(slot[1])
    return (slot[0] * 24 + at.hour) * 60 + at.minute


def _slot(session: Session, slot_id: int) -> Slot:
    row = session.get(Slot, slot_id)
    if row is None:
        raise NotFound("This slot isn't there any more.")
    return row


def _channel(session: Session, channel_id: int) -> Channel:
    row = session.get(Channel, channel_id)
    if row is None or row.state is ChannelState.REMOVED:
        raise NotFound("This channel isn't there any more.")
    return row


# --- free and taken -------------------------------------------------------------------------------------------------


def planned(session: Session, channel_ids: Collection[int], since: datetime, until: datetime) -> list[Planned]:
    """What is planned on these channels from `since` to `until`, in order. One statement."""
    rows = session.execute(
        select(
            *(col(Delivery.channel_id), col(Post.planned_at), col(Post.id), col(Post.title), col(Post.text)),
            *(col(Post.state), col(Post.queued)),
        )
        .join(Post, col(Post.id) == col(Delivery.post_id))
        .where(
            col(Delivery.channel_id).in_(channel_ids),
            col(Delivery.state).not_in(GONE),
            col(Post.state) != PostState.CANCELLED,
            col(Post.planned_at) >= since,
            col(Post.planned_at) <= until,
        )
        .order_by(col(Post.planned_at), col(Post.id))
    )
    return [
        Planned(channel_id, at, post_id, title or " ".join(words.split())[:60], state, queued)
        for channel_id, at, post_id, title, words, state, queued in rows
        if at is not None
    ]


def upcoming(session: Session, channel_id: int, days: int = 14) -> list[SlotUse]:
    """The channel's slots of the coming days, each with the post that fills it. Three statements."""
    now = utc_now()
    until = now + timedelta(days=days)
    zone = zones(session, [channel_id])[channel_id]
    times = slot_times(slots(session, [channel_id]), zone, now, until)
    taken = planned(session, [channel_id], now - NEAR, until + NEAR) if times else []
    return [SlotUse(time, next((p for p in taken if abs(p.at - time.at) < NEAR), None)) for time in times]


def free_slots(
    session: Session,
    channel_ids: Sequence[int],
    after: datetime | None = None,
    count: int = 1,
    without: Collection[int] = (),
) -> list[SlotTime]:
    """The next free slots for a post on these channels, after `after` (now) and at most `AHEAD`. Three statements.

    The first channel that has slots leads, and all must be free. Posts named in `without` don't take a place.
    """
    found = slots(session, channel_ids) if channel_ids else []
    having = {slot.channel_id for slot in found}
    lead = next((channel_id for channel_id in channel_ids if channel_id in having), None)
    if lead is None:
        return []
    start = max(after or utc_now(), utc_now() + LEAD)
    zone = zones(session, [lead])[lead]
    times = slot_times([slot for slot in found if slot.channel_id == lead], zone, start, start + AHEAD)
    taken = planned(session, channel_ids, start - NEAR, start + AHEAD + NEAR)
    held = [one.at for one in taken if one.post_id not in set(without)]
    free: list[SlotTime] = []
    for time in times:
        if len(free) == count:
            break
        if not any(abs(at - time.at) < NEAR for at in [*held, *(one.at for one in free)]):
            free.append(time)
    return free


def next_free_slot(
    session: Session, channel_ids: Sequence[int], after: datetime | None = None, without: Collection[int] = ()
) -> SlotTime | None:
    """The next free slot; None where no channel has slots, or all are taken for two months."""
    return next(iter(free_slots(session, channel_ids, after, 1, without)), None)
