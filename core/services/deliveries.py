"""The database half of publishing: short transactions that move a delivery through its life. Talks to no network.

What is sent and when is decided in `publishing.py`. Here it is written down, and refused where the claim is no longer
ours. Between `fix` and the network's answer a part has `sent_at` and no `remote_id`: it may have left.
"""

import logging
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from sqlalchemy import and_, bindparam, case, func, or_, select
from sqlmodel import Session, col

from core import db, lease
from core.connectors.base import Draft, Prepared, Sent
from core.db import UtcDateTime
from core.errors import OutcomeUnknown, Rejected
from core.lease import Claim
from core.models.analytics import Publication
from core.models.channel import Channel, ChannelState
from core.models.inbox import Message
from core.models.planning import Delivery, DeliveryState
from core.models.planning_work import EventKind
from core.services import approval, holds, journal, planning, service_time
from core.services.answer_parts import note_further
from core.services.delivery_ends import Ending, beside, follow, jot
from core.services.delivery_parts import Job, Part, Stopwatch, digest, keep_parts, parts_of
from core.services.intake import make_room
from core.services.proof_marks import FIRST_LOOK
from core.settings import settings

log = logging.getLogger("hub.publishing")

OPEN = (DeliveryState.SCHEDULED, DeliveryState.SENDING, DeliveryState.CHECKING)
RESENT = "Not in the timeline, so the very same request goes out once more: the server takes it only once."
ADOPTED = "No answer came, but it was found on the channel's own timeline."
HELD_PAUSE = timedelta(seconds=30)
HELD = "No answer, and not in the timeline. Publishing is stopped, so it isn't sent again for now."
TWIN_TIME = timedelta(days=1)
MAYBE_OUT = (DeliveryState.SENDING, DeliveryState.CHECKING, DeliveryState.UNCONFIRMED)

# --- claiming -----------------------------------------------------------------------------------------------------


def _due(now: datetime) -> tuple[Any, ...]:
    return (
        col(Delivery.state).in_(OPEN),
        col(Delivery.due_at) <= now,
        or_(col(Delivery.claim_token).is_(None), col(Delivery.lease_until) < now),
        col(Channel.id) == col(Delivery.channel_id),
        col(Channel.state) == ChannelState.ACTIVE,
        holds.not_held(),
    )


def anything_due(session: Session, within: float = 0.0) -> bool:
    """Whether a delivery of an active channel is due, now or in so many seconds. One cheap read."""
    ready = _due(db.utc_now() + timedelta(seconds=within))
    return session.execute(select(col(Delivery.id)).where(*ready).limit(1)).first() is not None


def next_due(session: Session) -> datetime | None:
    """When the next delivery that nobody works on is due, maybe long ago; None when none waits. One cheap read."""
    return session.execute(_NEXT).scalar_one_or_none()


def claim_due(session: Session, limit: int) -> list[Claim]:
    """Take up to `limit` due deliveries: the oldest of each channel, and none of a channel that is being worked on.

    One at a time a channel: posts go out in the order they are due, and whoever looks for a post of unknown fate
    never finds one that another is just sending.
    """
    if limit < 1:
        return []
    session.connection()  # on SQLite this waits for the lock, so that `now` is now
    free = _free_channels(session)[:limit]
    if free and session.get_bind().dialect.name == "postgresql":
        # Whoever holds the channel's row decides alone, others pass it over; then look again under that lock.
        locked = select(col(Channel.id)).where(col(Channel.id).in_(free)).with_for_update(skip_locked=True)
        ours = set(session.execute(locked).scalars())
        free = [channel_id for channel_id in _free_channels(session) if channel_id in ours]
    claims: list[Claim] = []
    for channel_id in free:
        # "+ 0" keeps it from the index of all deliveries that the channel ever had.
        where = [col(Delivery.state).in_(OPEN), (col(Delivery.channel_id) + 0) == channel_id, holds.not_held()]
        claims += lease.claim(session, Delivery, where, 1, settings().lease_seconds)
    return claims


def _free_channels(session: Session) -> list[int]:
    """Channels with due deliveries of which none is being worked on; the one that has waited longest first."""
    return list(session.execute(_FREE, {"now": db.utc_now()}).scalars())


def _free_statement() -> Any:
    now = bindparam("now", type_=UtcDateTime())
    held = and_(col(Delivery.claim_token).is_not(None), col(Delivery.lease_until) >= now)
    return (
        select(col(Delivery.channel_id))
        .join(Channel, col(Channel.id) == col(Delivery.channel_id))
        .where(
            col(Delivery.state).in_(OPEN),
            col(Delivery.due_at) <= now,
            col(Channel.state) == ChannelState.ACTIVE,
            holds.not_held(),
        )
        .group_by(col(Delivery.channel_id))
        .having(func.max(case((held, 1), else_=0)) == 0)
        .order_by(func.min(col(Delivery.due_at)))
    )


def _next_statement() -> Any:
    waiting = select(col(Delivery.due_at)).join(Channel, col(Channel.id) == col(Delivery.channel_id))
    return (
        waiting.where(
            col(Delivery.state).in_(OPEN),
            col(Delivery.claim_token).is_(None),
            col(Channel.state) == ChannelState.ACTIVE,
            holds.not_held(),
        )
        .order_by(col(Delivery.due_at))
        .limit(1)
    )


_FREE, _NEXT = _free_statement(), _next_statement()  # asked all the time: built once


def load(claim: Claim) -> Job | None:
    """What the work needs to know; None when the row is no longer ours, or no longer to be sent."""
    with db.read() as session:
        row = lease.hold(session, Delivery, claim)
        if row is None or row.state not in OPEN:
            return None
        job = Job(claim, row.channel_id, row.state, tuple(parts_of(row)))
        if job.in_doubt or approval.may_go_out(session, row):
            try:
                return replace(job, draft=_draft(session, row))
            except Exception as error:
                return replace(job, trouble=error)
    with db.write() as session:
        row = lease.hold(session, Delivery, claim)
        if row is not None and row.state in OPEN:
            _approved(session, row)
            _release(row)
    return None


def _approved(session: Session, row: Delivery) -> bool:
    """Whether it may go out as it stands; else its post goes back into review."""
    if approval.may_go_out(session, row):
        return True
    approval.send_back(session, row)
    log.warning("delivery %s: not approved as it stands, back into review", row.id)
    return False


def _draft(session: Session, row: Delivery) -> Draft:
    draft: Draft = planning.draft_of(session, row)
    for image in (image for part in draft.parts for image in part.images):
        if not Path(image.path).is_file():
            raise Rejected("An image of this post is missing on disk. Add it again, then retry.")
    return draft


# --- the way through ----------------------------------------------------------------------------------------------


def fix(job: Job, number: int, prepared: Prepared) -> Stopwatch | None:
    """Write down that this very request is about to leave. None: it must not (the row changed hands or was changed).

    The stopwatch runs since the claim was renewed: whoever sends looks at it first.
    """
    with db.write() as session:
        row = lease.hold(session, Delivery, job.claim)
        if row is None or not _still_meant(session, row, job) or not _approved(session, row):
            if row is not None:
                _release(row)
            return None
        now, watch = db.utc_now(), Stopwatch()
        assert job.draft is not None
        parts = parts_of(row)[:number]
        kept = job.parts[number] if number < len(job.parts) else None
        fresh = kept is None or kept.replay_key != prepared.replay_key
        if kept is None or fresh:
            mark = digest(job.draft, number)
            piece, count = job.draft.parts[number], len(job.draft.parts)
            kept = Part(prepared.replay_key, prepared.request, mark, piece.text, count, fixed_at=now)
        keep_parts(row, [*parts, replace(kept, sent_at=now, tried_at=now)])
        row.state, row.looks = DeliveryState.SENDING, 0
        row.sent_at = now if number == 0 else row.sent_at
        row.lease_until = now + timedelta(seconds=settings().lease_seconds)
        if fresh:  # of the same request, tried again, the journal has it
            jot(session, row, EventKind.INTENDED, at=now)
        return watch


def _still_meant(session: Session, row: Delivery, job: Job) -> bool:
    """Nobody cancelled, moved or changed it, nor paused its channel, since the work began."""
    if row.state not in (DeliveryState.SCHEDULED, DeliveryState.SENDING):
        return False
    if row.due_at is None or row.due_at > db.utc_now():
        return False
    if not _is_active(session, row):
        return False
    if job.pending == 0 and holds.is_held(session, row):  # of a thread that is half out, the rest follows
        return False
    return parts_of(row)[: job.pending] == list(job.parts[: job.pending]) and _draft(session, row) == job.draft


def fix_again(claim: Claim, number: int) -> Stopwatch | None:
    """Write down that a part of unknown outcome is about to leave once more, unchanged. None: it must not."""
    with db.write() as session:
        row = lease.hold(session, Delivery, claim)
        if row is None or row.state not in (DeliveryState.SENDING, DeliveryState.CHECKING):
            return None
        if not _is_active(session, row):
            _release(row)
            return None
        if number == 0 and holds.is_held(session, row):
            lease.snooze(row, db.utc_now() + HELD_PAUSE, OutcomeUnknown(HELD))
            jot(session, row, EventKind.LOOKED, HELD)
            return None
        parts, now, watch = parts_of(row), db.utc_now(), Stopwatch()
        parts[number] = replace(parts[number], tried_at=now)
        keep_parts(row, parts)
        row.state = DeliveryState.CHECKING
        row.lease_until = now + timedelta(seconds=settings().lease_seconds)
        jot(session, row, EventKind.RESENT, RESENT)
        return watch


@dataclass(frozen=True)
class Noted:
    """What was written down: whether parts are left to send under this claim, else what was taken next."""

    more: bool = False
    taken: tuple[Claim, ...] = ()


def accept(claim: Claim, number: int, key: str, sent: Sent, take_next: bool, left_at: datetime | None = None) -> Noted:
    """Write down that the network accepted a part; after the last one, take what is due next in the same commit.

    Whoever sent it knows the truth, even if the claim was lost meanwhile (the process was stopped for long): then the
    result is kept as long as the row still has this very request without an answer. The claim of whoever looks for it
    in the meantime ends, and their own finding is dropped as this one would have been.

    `left_at`: when the request left.
    """
    with db.write() as session:
        row = session.get(Delivery, claim.id, with_for_update=True)
        parts = parts_of(row) if row is not None else []
        if row is None or number >= len(parts) or parts[number].replay_key != key:
            log.error("delivery %s: accepted as %s, but it was begun anew or is gone", claim.id, sent.remote_id)
        elif parts[number].remote_id is None:
            if _accepted(session, row, number, sent, row.claim_token == claim.token, EventKind.ACCEPTED, left_at):
                return Noted(more=True)
        elif parts[number].remote_id != sent.remote_id:
            log.error("delivery %s: online twice, as %s and %s", row.id, parts[number].remote_id, sent.remote_id)
        return Noted(taken=tuple(claim_due(session, 1) if take_next else ()))


def adopt(claim: Claim, number: int, found: Sent, take_next: bool) -> Noted | None:
    """As `accept`, for a post that a look has found. None when it can't be told to be this one.

    It isn't when another delivery has it already; it can't be told when another delivery with the same words on the
    same channel has no answer either.
    """
    with db.write() as session:
        row = lease.hold(session, Delivery, claim)
        if row is not None:
            if _somebody_elses(session, row, found.remote_id) or _has_twin(session, row, number):
                return None
            if _accepted(session, row, number, found, True, EventKind.ADOPTED):
                return Noted(more=True)
        return Noted(taken=tuple(claim_due(session, 1) if take_next else ()))


def conclude(claim: Claim, ending: Ending | None, take_next: bool) -> tuple[Claim, ...]:
    """Let `ending` decide what becomes of the row, if it is still ours; in the same commit, take what is due next."""
    with db.write() as session:
        if ending is not None:
            row = lease.hold(session, Delivery, claim)
            if row is None:
                log.warning("delivery %s: the claim was lost, the outcome is left to its new holder", claim.id)
            elif row.state not in OPEN or row.due_at is None or row.due_at > db.utc_now():
                _release(row)  # cancelled, put back or moved while nothing had left: whoever did that knows better
            else:
                ending(session, row)
        return tuple(claim_due(session, 1) if take_next else ())


# --- rows ---------------------------------------------------------------------------------------------------------


def _is_active(session: Session, row: Delivery) -> bool:
    state = select(col(Channel.state)).where(col(Channel.id) == row.channel_id)
    return session.execute(state).scalar_one() is ChannelState.ACTIVE


def _release(row: Delivery) -> None:
    """Give the claim back and leave everything else as whoever changed the row wants it."""
    row.claim_token = row.lease_until = None


def _accepted(
    session: Session,
    row: Delivery,
    number: int,
    sent: Sent,
    held: bool,
    how: EventKind,
    left_at: datetime | None = None,
) -> bool:
    """Keep what the network said. True: parts are left, and the claim is held to send them."""
    parts, attempts = parts_of(row), row.attempts
    parts[number] = replace(parts[number], at=sent.at, remote_id=sent.remote_id, url=sent.url, extra=dict(sent.extra))
    keep_parts(row, parts)
    row.attempts = row.looks = 0
    if number == 0:
        row.remote_id, row.url, row.published_at = sent.remote_id, sent.url, sent.at
    done = number + 1 >= parts[number].count
    if done:
        row.state = DeliveryState.PUBLISHED
        row.proof_due_at, row.proof_looks = db.utc_now() + FIRST_LOOK, 0
        lease.finish(row)
    elif held:
        row.state = DeliveryState.SENDING  # a thread that is half out can't be cancelled while it goes on
        row.lease_until = db.utc_now() + timedelta(seconds=settings().lease_seconds)
    else:
        row.state = DeliveryState.SENDING
        lease.finish(row, db.utc_now())  # the rest of the thread is for whoever comes next
    if not held:
        log.warning("delivery %s: accepted as %s by a worker that had lost its claim", row.id, sent.remote_id)
    with beside(session, row):
        journal.note_sent(session, row, number, attempts, how, ADOPTED if how is EventKind.ADOPTED else "", left_at)
    with beside(session, row):
        if row.message_id is None:
            _note_publication(session, row, parts[number], sent)
        elif number == 0:
            _note_answer(session, row, sent)
        else:
            note_further(session, row, parts, number, sent)
        if done:
            follow(session, row)
    return held and not done


def _note_publication(session: Session, row: Delivery, part: Part, sent: Sent) -> None:
    """So that analytics sees it at once; a sync may have brought it already."""
    publication = {
        "channel_id": row.channel_id,
        "delivery_id": row.id,
        "remote_id": sent.remote_id,
        "text": part.text,
        "url": sent.url,
        "published_at": sent.at,
    }
    counts = dict.fromkeys(("likes", "shares", "comments", "quotes"), 0)
    made = db.upsert(session, Publication.__table__).values(publication | counts)  # type: ignore[attr-defined]
    session.execute(
        made.on_conflict_do_update(index_elements=["channel_id", "remote_id"], set_={"delivery_id": row.id})
    )


def _note_answer(session: Session, row: Delivery, sent: Sent) -> None:
    assert row.message_id is not None
    make_room(session, row.message_id, row.channel_id, sent.remote_id)
    message = session.get_one(Message, row.message_id)
    message.remote_id, message.url, message.sent_at = sent.remote_id, sent.url, sent.at
    service_time.note_answer(session, message)


def _somebody_elses(session: Session, row: Delivery, remote_id: str) -> bool:
    """Whether a post at the network is known as another delivery's, or as another part of this one."""
    if any(part.remote_id == remote_id for part in parts_of(row)):
        return True
    post = select(col(Publication.id)).where(
        col(Publication.channel_id) == row.channel_id,
        col(Publication.remote_id) == remote_id,
        col(Publication.delivery_id) != row.id,
    )
    answer = (
        select(col(Message.id))
        .join(Delivery, col(Delivery.message_id) == col(Message.id))
        .where(
            col(Message.channel_id) == row.channel_id,
            col(Message.remote_id) == remote_id,
            col(Delivery.id) != row.id,
        )
    )
    return any(session.execute(there.limit(1)).first() for there in (post, answer))


def _has_twin(session: Session, row: Delivery, number: int) -> bool:
    """Whether another delivery of the channel with the very same words may be what was found."""
    part = parts_of(row)[number]
    mark, since = part.digest, (part.sent_at or db.utc_now()) - TWIN_TIME
    # One that a person saw online has no answer either: nobody knows under which number.
    seen = and_(col(Delivery.state) == DeliveryState.PUBLISHED, col(Delivery.sent_at) >= since)
    others = select(col(Delivery.parts)).where(
        col(Delivery.channel_id) == row.channel_id,
        or_(col(Delivery.state).in_(MAYBE_OUT), seen),
        col(Delivery.id) != row.id,
    )
    for stored in session.execute(others).scalars():
        parts = [Part.from_json(one) for one in stored or ()]
        if any(part.sent is None and part.sent_at is not None and part.digest == mark for part in parts):
            return True
    return False
