"""Monitors (saved searches) and their mentions (hits)."""

from datetime import datetime
from enum import StrEnum

from sqlmodel import Field, Index, SQLModel, UniqueConstraint
from sqlmodel import text as sql

from core.models.columns import choice, key, link, long_text, moment


class MentionState(StrEnum):
    """What the team did with a mention."""

    NEW = "new"
    SEEN = "seen"
    DISMISSED = "dismissed"


class Monitor(SQLModel, table=True):
    """A saved search for keywords, hashtags, phrases, on every network that lets us search."""

    id: int = key()
    name: str = Field(unique=True, max_length=80)
    query: str = Field(max_length=300)
    paused: bool = False
    member_id: int | None = link("member.id", nullable=True)
    created_at: datetime = moment(now=True)


class Mention(SQLModel, table=True):
    """One hit of a monitor."""

    __table_args__ = (
        UniqueConstraint("monitor_id", "uri"),
        Index("ix_mention_newest", "sent_at", "id"),
        Index("ix_mention_new", "sent_at", sqlite_where=sql("state = 'new'"), postgresql_where=sql("state = 'new'")),
        Index("ix_mention_monitor", "monitor_id", "sent_at", "id"),
        Index("ix_mention_monitor_state", "monitor_id", "state", "sent_at", "id"),
    )

    id: int = key()
    monitor_id: int = link("monitor.id")
    channel_id: int = link("channel.id", index=True)  # the channel through which it was found
    contact_id: int | None = link("contact.id", nullable=True, index=True)
    conversation_id: int | None = link("conversation.id", nullable=True, index=True)  # once we answered
    remote_id: str = Field(max_length=400)
    thread_id: str = Field(max_length=400)
    uri: str = Field(max_length=500)
    url: str | None = Field(default=None, max_length=500)
    text: str = long_text("")
    language: str | None = Field(default=None, max_length=16)
    state: MentionState = choice(MentionState.NEW)
    likes: int = 0
    shares: int = 0
    comments: int = 0
    sent_at: datetime = moment()
    found_at: datetime = moment(now=True)
    deleted_at: datetime | None = moment(nullable=True)
