"""Contacts, conversations and their messages. An answer on its way out also has a `Delivery` (planning)."""

from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlmodel import Field, Index, SQLModel, UniqueConstraint, text

from core.connectors.base import Kind
from core.models.columns import choice, key, link, long_text, moment, plain_json


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


class Contact(SQLModel, table=True):
    """A person or organisation outside the team."""

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


class Conversation(SQLModel, table=True):
    """One thread with contacts on one channel. The columns after `kind` are kept by `services/inbox.py:settle`."""

    __table_args__ = (
        UniqueConstraint("channel_id", "remote_id"),
        # The list merges each channel's newest (`services/inbox_list.py`), so every index leads with the channel.
        Index("ix_conversation_channel", "channel_id", "last_message_at", "id", "kind"),
        Index("ix_conversation_channel_state", "channel_id", "state", "last_message_at", "id", "kind"),
        Index("ix_conversation_contact", "contact_id", "last_message_at"),
        Index(
            "ix_conversation_waiting",
            "waiting_since",
            sqlite_where=text("state = 'open' AND waiting_since IS NOT NULL"),
            postgresql_where=text("state = 'open' AND waiting_since IS NOT NULL"),
        ),
        Index(
            "ix_conversation_unread",
            "channel_id",
            "last_message_at",
            "id",
            "state",
            "kind",
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
    created_at: datetime = moment(now=True)


class Message(SQLModel, table=True):
    """One entry in a conversation. `text` is plain and safe to show as text."""

    __table_args__ = (
        UniqueConstraint("channel_id", "remote_id"),
        Index("ix_message_conversation", "conversation_id", "sent_at", "id"),
    )

    id: int = key()
    conversation_id: int = link("conversation.id")
    channel_id: int = link("channel.id")
    contact_id: int | None = link("contact.id", nullable=True, index=True)  # who wrote it, when it came in
    member_id: int | None = link("member.id", nullable=True)  # who wrote it, when we did it here
    direction: Direction = choice(Direction.IN)
    remote_id: str | None = Field(default=None, max_length=400)  # None until an answer has been sent
    reply_to: str | None = Field(default=None, max_length=400)  # remote id of what it answers
    text: str = long_text("")
    url: str | None = Field(default=None, max_length=500)
    language: str | None = Field(default=None, max_length=16)
    media: list[dict[str, Any]] | None = plain_json()
    sent_at: datetime = moment()
    edited_at: datetime | None = moment(nullable=True)
    deleted_at: datetime | None = moment(nullable=True)  # at the network
