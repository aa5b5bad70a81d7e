"""What the team's work on conversations needs: labels, views, saved replies, rules, deeds, presence, service time."""

from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlmodel import CheckConstraint, Field, Index, SQLModel, UniqueConstraint

from core.connectors.base import Act
from core.models.columns import choice, key, link, long_text, moment, plain_json


class Label(SQLModel, table=True):
    """A word the team sorts conversations and contacts by."""

    id: int = key()
    name: str = Field(unique=True, max_length=40)
    color: str = Field(default="gray", max_length=16)  # a Streamlit colour name


class ConversationLabel(SQLModel, table=True):
    """A label on a conversation."""

    __tablename__ = "conversation_label"
    __table_args__ = (Index("ix_conversation_label_label", "label_id", "conversation_id"),)

    conversation_id: int = Field(primary_key=True, foreign_key="conversation.id", ondelete="CASCADE")
    label_id: int = Field(primary_key=True, foreign_key="label.id", ondelete="CASCADE")


class ContactLabel(SQLModel, table=True):
    """A label on a contact."""

    __tablename__ = "contact_label"
    __table_args__ = (Index("ix_contact_label_label", "label_id", "contact_id"),)

    contact_id: int = Field(primary_key=True, foreign_key="contact.id", ondelete="CASCADE")
    label_id: int = Field(primary_key=True, foreign_key="label.id", ondelete="CASCADE")


class SavedView(SQLModel, table=True):
    """A member's own view of the inbox: the part of the address behind the question mark."""

    __table_args__ = (UniqueConstraint("member_id", "name"),)

    id: int = key()
    member_id: int = link("member.id")
    name: str = Field(max_length=40)
    query: str = Field(max_length=1000)
    created_at: datetime = moment(now=True)


class SavedReply(SQLModel, table=True):
    """An answer kept for next time. `text` may hold {contact}, {member}, {channel}."""

    __table_args__ = (UniqueConstraint("name", "language"),)

    id: int = key()
    name: str = Field(max_length=80)
    language: str = Field(default="de", max_length=16)
    text: str = long_text("")
    used: int = 0
    member_id: int | None = link("member.id", nullable=True)
    updated_at: datetime = moment(now=True)


class Rule(SQLModel, table=True):
    """If … then … for what comes in; `services/rules.py` knows the form of both."""

    id: int = key()
    name: str = Field(unique=True, max_length=80)
    position: int = 0
    enabled: bool = True
    stop: bool = False  # no rule below it is tried once it matched
    conditions: dict[str, Any] | None = plain_json()
    actions: list[dict[str, Any]] | None = plain_json()
    matched: int = 0
    matched_at: datetime | None = moment(nullable=True)
    trouble: str | None = long_text(None)  # why an action could not be done, the last time that one could not
    created_at: datetime = moment(now=True)


class Doing(StrEnum):
    """What somebody does in a conversation right now."""

    READING = "reading"
    WRITING = "writing"


class Presence(SQLModel, table=True):
    """Who is in a conversation: a heartbeat. Older than a few seconds means gone."""

    conversation_id: int = Field(primary_key=True, foreign_key="conversation.id", ondelete="CASCADE")
    member_id: int = Field(primary_key=True, foreign_key="member.id", ondelete="CASCADE")
    doing: Doing = choice(Doing.READING)
    at: datetime = moment(now=True)


class Deed(SQLModel, table=True):
    """Something that one of our channels did at its network and that stands until it is taken back: a like, a block.

    It is about a message or about a contact; of contacts that share a person, about the one who wrote.
    """

    __table_args__ = (
        CheckConstraint("(message_id IS NULL) <> (contact_id IS NULL)", name="message_or_contact"),
        UniqueConstraint("message_id", "act"),
        UniqueConstraint("contact_id", "channel_id", "act"),
    )

    id: int = key()
    channel_id: int = link("channel.id", index=True)
    message_id: int | None = Field(default=None, foreign_key="message.id", ondelete="CASCADE")
    contact_id: int | None = Field(default=None, foreign_key="contact.id", ondelete="CASCADE")
    act: Act = choice(Act.LIKE)
    member_id: int | None = link("member.id", nullable=True)
    at: datetime = moment(now=True)


class ServiceKind(StrEnum):
    """What a service time measures."""

    FIRST = "first"  # from their message to our answer
    RESOLUTION = "resolution"  # from their first message to resolved


class ServiceTime(SQLModel, table=True):
    """One measured span; business seconds are computed from it when it is read, with the hours of today."""

    __table_args__ = (
        UniqueConstraint("conversation_id", "kind", "started_at"),  # nobody's wait is counted twice
        Index("ix_servicetime_kind", "kind", "ended_at", "channel_id"),
    )

    id: int = key()
    kind: ServiceKind = choice(ServiceKind.FIRST)
    conversation_id: int = link("conversation.id")
    channel_id: int = link("channel.id")
    member_id: int | None = link("member.id", nullable=True)
    started_at: datetime = moment()
    ended_at: datetime = moment()


class ServiceHours(SQLModel, table=True):
    """When the team is there, and what it promises: one row, id 1."""

    id: int = key()
    weekly: dict[str, Any] | None = plain_json()  # {"0": [["09:00", "17:00"]], …}, Monday is 0
    country: str | None = Field(default=None, max_length=2)
    region: str | None = Field(default=None, max_length=32)
    time_zone: str = Field(default="Europe/Berlin", max_length=64)
    target_minutes: int = 240  # first answer within, in business minutes
    undo_seconds: int = 20  # an answer waits so long before it goes out
