"""One conversation as it is read: its messages by page, how our answers fare, what it is about. Reads only."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import func, select, tuple_
from sqlmodel import Session, col

from core import db
from core.connectors.base import Act, Kind, Limits
from core.errors import NotFound
from core.models.analytics import Publication
from core.models.channel import Channel, ChannelState, Group
from core.models.inbox import Contact, Conversation, ConversationState, Direction, Message, Sentiment
from core.models.planning import Delivery, DeliveryState
from core.models.team import Member
from core.services.inbox_answers import is_held
from core.services.inbox_deeds import deeds_column, read_deeds


class AnswerState(StrEnum):
    """How an answer given here fares."""

    HELD = "held"  # waits so that it can be taken back
    SENDING = "sending"
    SENT = "sent"
    CHECKING = "checking"  # no answer from the network: the worker looks whether it is there
    FAILED = "failed"
    UNCONFIRMED = "unconfirmed"  # a person must look


_FARES = {
    DeliveryState.DRAFT: AnswerState.SENDING,
    DeliveryState.SCHEDULED: AnswerState.SENDING,
    DeliveryState.SENDING: AnswerState.SENDING,
    DeliveryState.CHECKING: AnswerState.CHECKING,
    DeliveryState.PUBLISHED: AnswerState.SENT,
    DeliveryState.FAILED: AnswerState.FAILED,
    DeliveryState.UNCONFIRMED: AnswerState.UNCONFIRMED,
    DeliveryState.CANCELLED: AnswerState.FAILED,
}


@dataclass(frozen=True)
class MediaLink:
    """Something attached, at the network. No `url`: an image of ours, `media_id`, that isn't there yet."""

    url: str
    kind: str
    alt: str
    media_id: int | None = None


@dataclass(frozen=True)
class MessageView:
    """One message. `answer` is set for what was written here; `error` says why it isn't out (yet)."""

    id: int
    direction: Direction
    author: str
    handle: str
    text: str
    sent_at: datetime
    url: str | None
    media: tuple[MediaLink, ...]
    edited_at: datetime | None
    deleted_at: datetime | None
    remote_id: str | None
    answer: AnswerState | None
    error: str | None
    due_at: datetime | None  # when it goes out, or when the next attempt is made
    may_take_back: bool = False  # nothing of it can leave before `due_at`
    done: frozenset[Act] = frozenset()  # at the network, about it or its author, and not taken back
    sentiment: Sentiment | None = None  # of what came in; None: nobody can tell
    corrected: bool = False  # a member has said so


@dataclass(frozen=True)
class About:
    """The post of ours that is commented on."""

    text: str
    url: str | None
    published_at: datetime
    likes: int
    shares: int
    comments: int


@dataclass(frozen=True)
class ThreadCursor:
    """The oldest message shown: go on above it."""

    at: datetime
    id: int


@dataclass(frozen=True)
class ConversationView:
    """A conversation with one page of its messages, oldest first. `earlier`: there are more above."""

    id: int
    kind: Kind
    state: ConversationState
    unread: int
    message_count: int
    waiting_since: datetime | None
    contact_id: int | None
    contact: str
    contact_handle: str
    contact_url: str | None
    contact_followers: int | None
    channel_id: int
    network: str
    channel_handle: str
    channel_name: str
    channel_state: ChannelState
    channel_error: str | None
    limits: Limits
    group: str
    about: About | None
    messages: tuple[MessageView, ...]
    earlier: ThreadCursor | None
    language: str | None  # of the newest message in
    read_at: datetime  # when this was looked at

    @property
    def on_its_way(self) -> bool:
        """Whether an answer is being sent: worth looking again soon."""
        under_way = (AnswerState.HELD, AnswerState.SENDING, AnswerState.CHECKING)
        return any(m.answer in under_way for m in self.messages)

    @property
    def newest(self) -> int:
        """Number of the last message that came into the hub; 0 without any."""
        return max((m.id for m in self.messages), default=0)


def conversation(
    session: Session, conversation_id: int, before: ThreadCursor | None = None, limit: int = 50
) -> ConversationView:
    """A conversation with its newest messages, or those above `before`. Three statements. Raises `NotFound`."""
    now = db.utc_now()
    found = session.execute(
        select(Conversation, Channel, Contact, func.coalesce(col(Group.name), ""))
        .join(Channel, col(Channel.id) == col(Conversation.channel_id))
        .outerjoin(Contact, col(Contact.id) == col(Conversation.contact_id))
        .outerjoin(Group, col(Group.id) == col(Channel.group_id))
        .where(col(Conversation.id) == conversation_id, col(Channel.state) != ChannelState.REMOVED)
    ).one_or_none()
    if found is None:
        raise NotFound("This conversation isn't there any more. Choose another one from the list.")
    talk, channel, contact, group = found
    rows = _newest_first(session, talk.id, before, limit + 1)
    earlier = ThreadCursor(rows[limit - 1][0].sent_at, rows[limit - 1][0].id) if len(rows) > limit else None
    messages = tuple(_message(row, channel, now) for row in reversed(rows[:limit]))
    return ConversationView(
        **{name: getattr(talk, name) for name in ("id", "kind", "state", "unread", "message_count", "waiting_since")},
        contact_id=talk.contact_id,
        contact=_name(contact),
        contact_handle=contact.handle if contact else "",
        contact_url=contact.url if contact else None,
        contact_followers=contact.followers if contact else None,
        channel_id=channel.id,
        network=channel.network,
        channel_handle=channel.handle,
        channel_name=channel.name or channel.handle,
        channel_state=channel.state,
        channel_error=channel.last_error,
        limits=Limits.from_json(channel.limits),
        group=group,
        about=_about(session, talk),
        messages=messages,
        earlier=earlier,
        language=talk.language,
        read_at=now,
    )


def _newest_first(session: Session, conversation_id: int, before: ThreadCursor | None, limit: int) -> Sequence[Any]:
    newest = (
        select(Message, Contact, col(Member.name), Delivery, deeds_column())
        .outerjoin(Contact, col(Contact.id) == col(Message.contact_id))
        .outerjoin(Member, col(Member.id) == col(Message.member_id))
        .outerjoin(Delivery, col(Delivery.message_id) == col(Message.id))
        .where(col(Message.conversation_id) == conversation_id)
        .order_by(col(Message.sent_at).desc(), col(Message.id).desc())
        .limit(limit)
    )
    if before is not None:
        newest = newest.where(tuple_(col(Message.sent_at), col(Message.id)) < (before.at, before.id))
    return session.execute(newest).all()


def _message(row: Any, channel: Channel, now: datetime) -> MessageView:
    message, contact, member, delivery, deeds = row
    incoming = message.direction == Direction.IN
    held = delivery is not None and is_held(delivery, channel.state, now)
    return MessageView(
        id=message.id,
        direction=message.direction,
        author=_name(contact) if incoming else member or channel.name or channel.handle,
        handle=(contact.handle if contact else "") if incoming else channel.handle,
        text=message.text,
        sent_at=message.sent_at,
        url=message.url or (delivery.url if delivery else None),
        media=tuple(_media(one) for one in message.media or ()),
        edited_at=message.edited_at,
        deleted_at=message.deleted_at,
        remote_id=message.remote_id,
        answer=_fares(delivery, held, now) if delivery else None,
        error=delivery.last_error if delivery else None,
        due_at=delivery.due_at if delivery else None,
        may_take_back=held,
        done=read_deeds(deeds),
        sentiment=message.sentiment if incoming else None,
        corrected=message.corrected,
    )


def _fares(delivery: Delivery, held: bool, now: datetime) -> AnswerState:
    """Held is what waits for the first time; what waits after a fault is being sent, with its reason beside it."""
    waits = held and not delivery.last_error and delivery.due_at is not None and delivery.due_at > now
    return AnswerState.HELD if waits else _FARES[delivery.state]


def _media(stored: dict[str, Any]) -> MediaLink:
    alt, media_id = str(stored.get("alt") or ""), stored.get("media_id")
    if media_id is not None:
        return MediaLink("", "image", alt, int(media_id))
    return MediaLink(str(stored.get("url", "")), str(stored.get("kind", "file")), alt)


def _name(contact: Contact | None) -> str:
    return (contact.name or contact.handle or "Unknown") if contact else "Unknown"


def _about(session: Session, talk: Conversation) -> About | None:
    post = session.execute(
        select(Publication).where(
            col(Publication.channel_id) == talk.channel_id, col(Publication.remote_id) == talk.remote_id
        )
    ).scalar_one_or_none()
    if post is None:
        return None
    return About(post.text, post.url, post.published_at, post.likes, post.shares, post.comments)
