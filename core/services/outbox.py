"""What goes out around now: on its way, in doubt, just published with its proof. Reads only, for page and CLI."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import and_, or_, select
from sqlmodel import Session, col

from core import db
from core.models.channel import Channel, ChannelState
from core.models.inbox import Message
from core.models.planning import Delivery, DeliveryState, Post
from core.services import holds
from core.services.proof_steps import Facts, Line, Step, journal_of, steps

NEXT = timedelta(hours=1)
RECENT = timedelta(hours=24)
MOST = 40  # rows of a part
IN_DOUBT = (DeliveryState.CHECKING,)
LATE = timedelta(minutes=2)


@dataclass(frozen=True)
class OutboxRow:
    """A delivery around now. `waits` says why one that is due doesn't go out, else it is empty."""

    id: int
    title: str
    handle: str
    network: str
    url: str | None
    post_id: int | None
    conversation_id: int | None
    facts: Facts
    lines: tuple[Line, ...]
    waits: str = ""

    @property
    def steps(self) -> tuple[Step, ...]:
        """The proof so far."""
        return steps(self.facts, self.lines)


@dataclass(frozen=True)
class Outbox:
    """Going out within the next hour (or already on its way), in doubt, and published within a day, newest first.

    `more` says that a part was cut at `MOST` rows.
    """

    going: tuple[OutboxRow, ...]
    doubtful: tuple[OutboxRow, ...]
    published: tuple[OutboxRow, ...]
    more: bool = False


def outbox(session: Session, limit: int = MOST) -> Outbox:
    """Everything around now. Four statements, whatever there is."""
    now = db.utc_now()
    soon = and_(col(Delivery.state) == DeliveryState.SCHEDULED, col(Delivery.due_at) <= now + NEXT)
    moving = or_(soon, col(Delivery.state).in_((DeliveryState.SENDING, DeliveryState.CHECKING)))
    going = _found(session, [moving], [col(Delivery.due_at), col(Delivery.id)], limit)
    out = [col(Delivery.state) == DeliveryState.PUBLISHED, col(Delivery.published_at) > now - RECENT]
    recent = _found(session, out, [col(Delivery.published_at).desc(), col(Delivery.id).desc()], limit)
    rows = [*going[:limit], *recent[:limit]]
    lines = journal_of(session, [row.id for row, *_ in rows])
    held = bool(holds.open_holds(session))
    made = [_row(now, lines, held, *found) for found in rows]
    return Outbox(
        going=tuple(row for row in made if row.facts.state in (DeliveryState.SCHEDULED, DeliveryState.SENDING)),
        doubtful=tuple(row for row in made if row.facts.state in IN_DOUBT),
        published=tuple(row for row in made if row.facts.state is DeliveryState.PUBLISHED),
        more=len(going) > limit or len(recent) > limit,
    )


def _found(session: Session, where: Sequence[Any], order: Sequence[Any], limit: int) -> Sequence[Any]:
    """One more than `limit`, to know whether there are more."""
    return session.execute(
        select(
            *(Delivery, col(Channel.handle), col(Channel.network), col(Channel.state), col(Post.title), col(Post.text)),
            *(col(Message.text), col(Message.conversation_id)),
        )
        .join(Channel, col(Channel.id) == col(Delivery.channel_id))
        .outerjoin(Post, col(Post.id) == col(Delivery.post_id))
        .outerjoin(Message, col(Message.id) == col(Delivery.message_id))
        .where(*where)
        .order_by(*order)
        .limit(limit + 1)
    ).all()


def _row(
    now: datetime,
    lines: dict[int, tuple[Line, ...]],
    held: bool,
    row: Delivery,
    handle: str,
    network: str,
    state: ChannelState,
    title: str | None,
    text: str | None,
    answer: str | None,
    conversation_id: int | None,
) -> OutboxRow:
    words = " ".join((title or text or answer or "").split())[:80] or f"Delivery {row.id}"
    waits = _waits(row, state, now, held) if row.state is not DeliveryState.PUBLISHED else ""
    place = (row.url, row.post_id, conversation_id, Facts.of(row), lines.get(row.id, ()))
    return OutboxRow(row.id, words, handle, network, *place, waits=waits)


def _waits(row: Delivery, state: ChannelState, now: datetime, held: bool) -> str:
    if state is ChannelState.PAUSED:
        return "The channel is paused: it goes out when the channel is resumed."
    if state is ChannelState.NEEDS_REAUTH:
        return "The channel must be reconnected first."
    if row.due_at is not None and row.due_at < now - LATE and row.state is DeliveryState.SCHEDULED:
        return "Publishing is stopped." if held else "Overdue: it waits for the worker."
    return ""
