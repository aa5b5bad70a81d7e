"""How a piece of work on a delivery may end, and what follows from it for post, conversation and channel.

Each ending runs in the transaction that gives the claim back (`deliveries.conclude`), and writes its line of the
journal there.
"""

import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime, timedelta

from sqlmodel import Session

from core import db, lease
from core.errors import NeedsReauth, OutcomeUnknown
from core.models.inbox import Message
from core.models.planning import Delivery, DeliveryState
from core.models.planning_work import EventKind
from core.services import channels, journal, planning
from core.services.delivery_parts import keep_parts, parts_of, pending
from core.services.intake import settle

log = logging.getLogger("hub.publishing")

ATTEMPTS = 8  # of a post that can't be sent: about a quarter of an hour
LOOK_ATTEMPTS = 60  # of a look that can't be made: half a day
CARE_PAUSE = timedelta(minutes=1)
UNCONFIRMED = (
    "The network gave no answer and the post isn't in its timeline: it may or may not be online. "
    "Look there, then say which it is."
)

Ending = Callable[[Session, Delivery], None]


def not_sent(number: int, then: Ending) -> Ending:
    """The request surely wasn't accepted: the row is as if it had not left, the fixed request is kept for next time."""

    def ending(session: Session, row: Delivery) -> None:
        parts = parts_of(row)
        if number < len(parts) and parts[number].sent is None:
            parts[number] = replace(parts[number], sent_at=None, tried_at=None)
            keep_parts(row, parts)
        row.state = DeliveryState.SCHEDULED
        then(session, row)

    return ending


def failed(error: Exception) -> Ending:
    """Refused for good. What is out of a thread stays out, and the sentence says so."""

    def ending(session: Session, row: Delivery) -> None:
        out = pending(parts_of(row))
        said = f"{error} ({out} of {row.parts[0]['count']} parts are online.)" if out and row.parts else str(error)
        row.state = DeliveryState.FAILED
        lease.give_up(row, error)
        row.last_error = said[:500]
        jot(session, row, EventKind.FAILED, said)
        settle_row(session, row)

    return ending


def snoozed(until: datetime, error: Exception) -> Ending:
    """Not before `until`; spends no attempt."""

    def ending(session: Session, row: Delivery) -> None:
        if row.state is DeliveryState.SENDING:
            row.state = DeliveryState.CHECKING
        lease.snooze(row, until, error)
        jot(session, row, EventKind.LOOKED if isinstance(error, OutcomeUnknown) else EventKind.WAITING, str(error))

    return ending


def put_off(error: Exception) -> Ending:
    """Again later, after a pause that doubles; for good after too many attempts."""

    def ending(session: Session, row: Delivery) -> None:
        lease.back_off(row, error)
        if row.state is not DeliveryState.SCHEDULED:
            row.state = DeliveryState.CHECKING
        if row.state is DeliveryState.SCHEDULED and row.attempts >= ATTEMPTS:
            failed(error)(session, row)
        elif row.state is DeliveryState.CHECKING and row.attempts >= LOOK_ATTEMPTS:
            _unconfirmed(session, row)
        else:
            jot(session, row, EventKind.WAITING, str(error))

    return ending


def needs_channel(error: Exception) -> Ending:
    """The channel needs care: the row waits as it is and spends no attempt. It is due again once the channel is active.

    What isn't `NeedsReauth` leaves the channel active (the key is missing, say): then the row asks again in a minute.
    """

    def ending(session: Session, row: Delivery) -> None:
        at_once = isinstance(error, NeedsReauth) and row.due_at is not None
        snoozed(row.due_at if at_once else db.utc_now() + CARE_PAUSE, error)(session, row)  # type: ignore[arg-type]
        channels.note_error(session, row.channel_id, error)

    return ending


def look_again(error: Exception, pauses: tuple[float, ...], looked: bool, left_at: datetime | None = None) -> Ending:
    """Nobody knows whether it is out: look after the next of `pauses` (seconds); after the last a person decides.

    `left_at`: when the request left that got no answer.
    """

    def ending(session: Session, row: Delivery) -> None:
        row.looks += looked
        if row.looks >= len(pauses):
            jot(session, row, EventKind.LOOKED, str(error))
            _unconfirmed(session, row)
            return
        row.state = DeliveryState.CHECKING
        row.attempts += not looked
        lease.snooze(row, db.utc_now() + timedelta(seconds=pauses[row.looks]), error)
        if left_at is not None:
            jot(session, row, EventKind.SENT, f"No answer: {error}", left_at)
        else:
            jot(session, row, EventKind.LOOKED if looked else EventKind.WAITING, str(error))

    return ending


def _unconfirmed(session: Session, row: Delivery) -> None:
    row.state = DeliveryState.UNCONFIRMED
    lease.give_up(row, OutcomeUnknown(UNCONFIRMED))
    jot(session, row, EventKind.UNCONFIRMED, UNCONFIRMED)
    settle_row(session, row)
    log.warning("delivery %s: unconfirmed, a person must look", row.id)


def jot(session: Session, row: Delivery, kind: EventKind, detail: str = "", at: datetime | None = None) -> None:
    """A line of the journal about the part that is worked on; a fault in it undoes nothing else."""
    with beside(session, row):
        journal.note(session, row, kind, detail, part=pending(parts_of(row)), at=at)


# --- what follows from a delivery -------------------------------------------------------------------------------------


def settle_row(session: Session, row: Delivery) -> None:
    """What follows from the delivery's state: the post's, or the conversation's."""
    with beside(session, row):
        follow(session, row)


def follow(session: Session, row: Delivery) -> None:
    if row.post_id is not None:
        planning.settle_post(session, row.post_id)
    elif row.message_id is not None:
        settle(session, [session.get_one(Message, row.message_id).conversation_id])


@contextmanager
def beside(session: Session, row: Delivery) -> Iterator[None]:
    """A fault in what only follows from a delivery must not undo the record of what the network accepted."""
    session.flush()
    delivery_id = row.id
    try:
        with session.begin_nested():
            yield
            session.flush()
    except Exception:
        log.exception("delivery %s: what follows from it could not be stored", delivery_id)
