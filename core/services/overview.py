"""What needs somebody now: the facts behind Home and the counts in the navigation. Reads only."""

from dataclasses import dataclass
from datetime import datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import ColumnElement, and_, func, or_, select, union_all
from sqlalchemy.sql.elements import SQLCoreOperations
from sqlmodel import Session, col

from core import db
from core.connectors.base import Kind
from core.models.channel import Channel, ChannelState, SyncCursor
from core.models.inbox import Contact, Conversation, ConversationState, Message
from core.models.monitoring import Mention, MentionState
from core.models.planning import Delivery, DeliveryState, Post
from core.services.health import worker_age
from core.services.proof_marks import GONE, gone

CAP = 100  # counting stops here: "99+" is all that navigation shows
OVERDUE = timedelta(minutes=2)
FEW = 6


@dataclass(frozen=True)
class DuePost:
    """A post that goes out today. `channels` is how many channels it goes to."""

    post_id: int
    title: str
    due_at: datetime
    channels: int
    overdue: bool


@dataclass(frozen=True)
class WaitingTalk:
    """A conversation somebody waits in."""

    conversation_id: int
    contact: str
    channel_id: int
    kind: Kind
    preview: str
    waiting_since: datetime


@dataclass(frozen=True)
class TroubledDelivery:
    """A post or an answer that did not go out, or may not have; or one that is gone (its state is `published`)."""

    delivery_id: int
    post_id: int | None
    conversation_id: int | None
    title: str
    channel: str
    state: DeliveryState
    error: str


@dataclass(frozen=True)
class TroubledChannel:
    """A channel somebody has to look after."""

    channel_id: int
    handle: str
    state: ChannelState
    error: str


@dataclass(frozen=True)
class Overview:
    """Everything Home shows. Counts are capped at CAP; `worker_age` in seconds, None without a worker."""

    has_channels: bool
    worker_age: float | None
    due: list[DuePost]
    waiting: list[WaitingTalk]
    waiting_count: int
    deliveries: list[TroubledDelivery]
    channels: list[TroubledChannel]
    new_mentions: int


def _capped(*where: ColumnElement[bool] | SQLCoreOperations[bool], of: Any) -> Any:
    few = select(of).where(*where).limit(CAP).subquery()
    return select(func.count()).select_from(few).scalar_subquery()


def _troubled() -> ColumnElement[bool]:
    return col(Delivery.state).in_([DeliveryState.FAILED, DeliveryState.UNCONFIRMED])


def _channel_trouble() -> ColumnElement[bool]:
    return or_(
        col(Channel.state) == ChannelState.NEEDS_REAUTH,
        and_(col(Channel.state) == ChannelState.ACTIVE, col(Channel.last_error).is_not(None)),
    )


def waiting_counts(session: Session) -> dict[str, int]:
    """How much waits behind each door (`inbox`, `monitoring`, `planning`, `channels`), capped at CAP. One statement.

    `sandbox` is the number of sandbox channels.
    """
    row = session.execute(
        select(
            _capped(col(Conversation.unread) > 0, of=col(Conversation.id)).label("inbox"),
            _capped(col(Mention.state) == MentionState.NEW, of=col(Mention.id)).label("monitoring"),
            _capped(or_(_troubled(), gone()), of=col(Delivery.id)).label("planning"),
            _capped(_channel_trouble(), of=col(Channel.id)).label("channels"),
            _capped(col(Channel.is_sandbox), col(Channel.state) != ChannelState.REMOVED, of=col(Channel.id)).label(
                "sandbox"
            ),
        )
    ).one()
    return dict(row._mapping)


def overview(session: Session, zone: ZoneInfo) -> Overview:
    """Everything Home shows, in a constant number of statements. `zone` says where today ends."""
    counts = waiting_counts(session)
    waiting = _waiting_open()
    return Overview(
        has_channels=session.execute(
            select(select(col(Channel.id)).where(col(Channel.state) != ChannelState.REMOVED).exists())
        ).scalar_one(),
        worker_age=worker_age(session),
        due=_due_today(session, zone),
        waiting=_waiting(session),
        waiting_count=session.execute(select(_capped(*waiting, of=col(Conversation.id)))).scalar_one(),
        deliveries=_deliveries(session),
        channels=_channels(session),
        new_mentions=counts["monitoring"],
    )


def _due_today(session: Session, zone: ZoneInfo) -> list[DuePost]:
    now = db.utc_now()
    tomorrow = datetime.combine(now.astimezone(zone).date() + timedelta(days=1), time(), zone)
    rows = session.execute(
        select(
            col(Post.id),
            col(Post.title),
            col(Post.text),
            func.min(col(Delivery.due_at)).label("due_at"),
            func.count(col(Delivery.id)),
        )
        .join(Delivery, col(Delivery.post_id) == col(Post.id))
        .where(
            col(Delivery.state).in_([DeliveryState.SCHEDULED, DeliveryState.SENDING, DeliveryState.CHECKING]),
            col(Delivery.due_at) < tomorrow,
        )
        .group_by(col(Post.id))
        .order_by("due_at")
        .limit(30)
    ).all()
    return [DuePost(i, title or text[:80], due, count, due < now - OVERDUE) for i, title, text, due, count in rows]


def _waiting_open() -> tuple[ColumnElement[bool], ColumnElement[bool]]:
    return col(Conversation.state) == ConversationState.OPEN, col(Conversation.waiting_since).is_not(None)


def _waiting(session: Session) -> list[WaitingTalk]:
    rows = session.execute(
        select(Conversation, col(Contact.name), col(Contact.handle))
        .outerjoin(Contact, col(Contact.id) == col(Conversation.contact_id))
        .where(*_waiting_open())
        .order_by(col(Conversation.waiting_since))
        .limit(FEW)
    ).all()
    return [
        WaitingTalk(c.id, name or handle or "Unknown", c.channel_id, c.kind, c.preview, c.waiting_since)
        for c, name, handle in rows
    ]


def _deliveries(session: Session) -> list[TroubledDelivery]:
    rows = session.execute(
        select(
            Delivery,
            col(Post.title),
            col(Post.text),
            col(Message.conversation_id),
            col(Message.text),
            col(Channel.handle),
        )
        .join(Channel, col(Channel.id) == col(Delivery.channel_id))
        .outerjoin(Post, col(Post.id) == col(Delivery.post_id))
        .outerjoin(Message, col(Message.id) == col(Delivery.message_id))
        .where(or_(_troubled(), gone()))
        .order_by(col(Delivery.id).desc())
        .limit(FEW)
    ).all()
    return [
        TroubledDelivery(d.id, d.post_id, talk, title or (text or answer or "")[:80], handle, d.state, _said(d))
        for d, title, text, talk, answer, handle in rows
    ]


def _said(row: Delivery) -> str:
    return GONE if row.state is DeliveryState.PUBLISHED else row.last_error or ""


def _channels(session: Session) -> list[TroubledChannel]:
    """Channels with trouble of their own, and those one of whose syncs keeps failing."""
    ill: Any = select(col(Channel.id), col(Channel.last_error).label("error")).where(_channel_trouble())
    failing = (
        select(col(SyncCursor.channel_id), col(SyncCursor.last_error))
        .join(Channel, col(Channel.id) == col(SyncCursor.channel_id))
        .where(col(SyncCursor.attempts) >= 3, col(Channel.state) == ChannelState.ACTIVE)
    )
    both = union_all(ill, failing).subquery()
    rows = session.execute(
        select(col(Channel.id), col(Channel.handle), col(Channel.state), func.max(both.c.error))
        .join(both, both.c.id == col(Channel.id))
        .group_by(col(Channel.id), col(Channel.handle), col(Channel.state))
        .order_by(col(Channel.handle))
        .limit(FEW)
    ).all()
    return [TroubledChannel(i, handle, state, error or "") for i, handle, state, error in rows]
