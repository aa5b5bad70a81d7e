"""Contacts, conversations and their messages. An answer on its way out also has a `Delivery` (planning)."""

from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlmodel import Field, Index, SQLModel, UniqueConstraint, text

from core.connectors.base import Kind
from core.models.columns import choice, flag, key, link, long_text, maybe, moment, plain_json


class ConversationState(StrEnum):
    """Where a conversation stands."""

    OPEN = "open"
    PENDING = "pending"
    SNOOZED = "snoozed"
    RESOLVED = "resolved"


class Direction(StrEnum):
    """Who wrote a message: they, we, or we for ourselves."""

    IN = "in"
    OUT = "out"
    NOTE = "note"


class Priority(StrEnum):
    """How soon somebody should look."""

    LOW = "low"
    NORMAL = "normal"
    HIGH = "high"
    URGENT = "urgent"


class Goal(StrEnum):
    """What a conversation is for the company; reports count by it."""

    INQUIRY = "inquiry"  # somebody may become a customer
    SUPPORT = "support"
    OPINION = "opinion"
    PRAISE = "praise"
    COMPLAINT = "complaint"


class Sentiment(StrEnum):
    """The mood of a text."""

    POSITIVE = "positive"
    NEUTRAL = "neutral"
    NEGATIVE = "negative"


class Stage(StrEnum):
    """How far somebody has come on the way from user to fan."""

    NEW = "new"
    RETURNING = "returning"
    ENGAGED = "engaged"
    FAN = "fan"
    ADVOCATE = "advocate"


class Contact(SQLModel, table=True):
    """A person or organisation outside the team. Two that are one person share `person_id`, the older one's id."""

    __table_args__ = (
        UniqueConstraint("network", "remote_id"),
        Index("ix_contact_handle", text("handle COLLATE NOCASE")),
        Index("ix_contact_name", text("name COLLATE NOCASE")),
    )

    id: int = key()
    network: str = Field(max_length=32)
    remote_id: str = Field(max_length=300)
    handle: str = Field(default="", max_length=300)
    name: str = Field(default="", max_length=300)
    url: str | None = Field(default=None, max_length=500)
    followers: int | None = None
    first_seen_at: datetime = moment(now=True)
    person_id: int | None = link("contact.id", nullable=True, index=True)  # None: nobody else is this person
    stage: Stage | None = maybe(Stage)  # what a member said; None: derived from what they did
    note: str = long_text("")


class Erased(SQLModel, table=True):
    """Somebody whose data was erased, or a conversation that went with them: what is older must not come in again.

    The fingerprint is keyed (`vault.fingerprint`): it recognises, and tells nobody who it was.
    """

    fingerprint: str = Field(primary_key=True, max_length=64)
    at: datetime = moment(now=True)


_CARRIED = ("kind", "priority", "goal", "sentiment", "language")  # what the list's filters ask for


class Conversation(SQLModel, table=True):
    """One thread with contacts on one channel.

    `settle` (services/settling.py) keeps `contact_id` and what follows `unread` up to `waiting_since`; `sentiment`,
    `language` and `respond_by` are the worker's (services/triage.py), the rest is the team's.
    """

    __table_args__ = (
        UniqueConstraint("channel_id", "remote_id"),
        # The list follows one of these in its order and finds in it what else is asked for: `inbox_streams.py`.
        Index("ix_conversation_channel", "channel_id", "last_message_at", "id", *_CARRIED, "assignee_id"),
        Index(
            "ix_conversation_channel_state", "channel_id", "state", "last_message_at", "id", *_CARRIED, "assignee_id"
        ),
        Index("ix_conversation_contact", "contact_id", "last_message_at"),
        Index("ix_conversation_assignee", "assignee_id", "state", "last_message_at", "id", "channel_id", *_CARRIED),
        Index(
            "ix_conversation_snoozed",
            "snoozed_until",
            sqlite_where=text("state = 'snoozed'"),
            postgresql_where=text("state = 'snoozed'"),
        ),
        Index(
            "ix_conversation_respond_by",
            *("respond_by", "id", "channel_id", *_CARRIED, "assignee_id"),
            sqlite_where=text("state = 'open' AND respond_by IS NOT NULL"),
            postgresql_where=text("state = 'open' AND respond_by IS NOT NULL"),
        ),
        Index(
            "ix_conversation_waiting",
            "waiting_since",
            sqlite_where=text("state = 'open' AND waiting_since IS NOT NULL"),
            postgresql_where=text("state = 'open' AND waiting_since IS NOT NULL"),
        ),
        Index(
            "ix_conversation_unpromised",
            "id",
            sqlite_where=text("state = 'open' AND waiting_since IS NOT NULL AND respond_by IS NULL"),
            postgresql_where=text("state = 'open' AND waiting_since IS NOT NULL AND respond_by IS NULL"),
        ),
        Index(
            "ix_conversation_unread",
            *("channel_id", "last_message_at", "id", "state", *_CARRIED, "assignee_id"),
            sqlite_where=text("unread > 0"),
            postgresql_where=text("unread > 0"),
        ),
    )

    id: int = key()
    channel_id: int = link("channel.id")
    remote_id: str = Field(max_length=400)  # `RemoteMessage.thread_id`
    kind: Kind = choice(Kind.MENTION)
    contact_id: int | None = link("contact.id", nullable=True)  # who wrote last to us
    state: ConversationState = choice(ConversationState.OPEN)
    unread: int = 0
    message_count: int = 0
    preview: str = Field(default="", max_length=200)  # beginning of the newest message
    preview_direction: Direction = choice(Direction.IN)
    last_message_at: datetime = moment()
    waiting_since: datetime | None = moment(nullable=True)  # oldest message in that nobody has answered
    respond_by: datetime | None = moment(nullable=True)  # when the channel's target for that one is missed
    warned_for: datetime | None = moment(nullable=True)  # the `waiting_since` the team was warned about
    assignee_id: int | None = link("member.id", nullable=True)
    priority: Priority = choice(Priority.NORMAL)
    goal: Goal | None = maybe(Goal)
    sentiment: Sentiment | None = maybe(Sentiment)  # of the newest message in
    language: str | None = Field(default=None, max_length=16)  # of the newest message in
    snoozed_until: datetime | None = moment(nullable=True)
    resolved_at: datetime | None = moment(nullable=True)
    created_at: datetime = moment(now=True)


class Message(SQLModel, table=True):
    """One entry in a conversation. `text` is plain and safe to show as text."""

    __table_args__ = (
        UniqueConstraint("channel_id", "remote_id"),
        Index("ix_message_conversation", "conversation_id", "sent_at", "id"),
        Index("ix_message_contact", "contact_id", "conversation_id", "sent_at"),  # what one person wrote, and where
        Index(  # when people write: best_times.py
            "ix_message_came",
            "channel_id",
            "sent_at",
            sqlite_where=text("direction = 'in'"),
            postgresql_where=text("direction = 'in'"),
        ),
        Index(
            "ix_message_triage",
            "id",
            sqlite_where=text("triaged = 0 AND direction = 'in'"),
            postgresql_where=text("NOT triaged AND direction = 'in'"),
        ),
    )

    id: int = key()
    conversation_id: int = link("conversation.id")
    channel_id: int = link("channel.id")
    contact_id: int | None = link("contact.id", nullable=True)  # who wrote it, when it came in
    member_id: int | None = link("member.id", nullable=True)  # who wrote it, when we did it here
    direction: Direction = choice(Direction.IN)
    remote_id: str | None = Field(default=None, max_length=400)  # None until an answer has been sent
    reply_to: str | None = Field(default=None, max_length=400)  # remote id of what it answers
    text: str = long_text("")
    url: str | None = Field(default=None, max_length=500)
    language: str | None = Field(default=None, max_length=16)
    sentiment: Sentiment | None = maybe(Sentiment)
    corrected: bool = flag()  # a member has said what the sentiment is
    triaged: bool = flag()  # the worker has looked at it: language, sentiment, rules
    automatic: bool = flag()  # a rule's answer: who wrote still waits for one of a person
    media: list[dict[str, Any]] | None = plain_json()  # ours: {"media_id", "alt"}; theirs: {"url", "kind", "alt"}
    sent_at: datetime = moment()
    edited_at: datetime | None = moment(nullable=True)
    deleted_at: datetime | None = moment(nullable=True)  # at the network
