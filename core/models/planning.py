"""The content plan: campaigns, media assets, posts, and deliveries (one post, or one answer, on one channel)."""

from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlmodel import CheckConstraint, Field, Index, SQLModel, UniqueConstraint

from core.models.columns import Leased, choice, key, link, long_text, moment, plain_json


class PostState(StrEnum):
    """Where a post stands as a whole; follows from its deliveries once it is scheduled (`planning.settle_post`)."""

    IDEA = "idea"
    DRAFT = "draft"
    SCHEDULED = "scheduled"
    PUBLISHED = "published"
    NEEDS_CARE = "needs_care"  # a delivery failed or is unconfirmed
    CANCELLED = "cancelled"


class DeliveryState(StrEnum):
    """The life of a delivery. ARCHITECTURE.md draws it."""

    DRAFT = "draft"  # belongs to a post that isn't scheduled
    SCHEDULED = "scheduled"  # goes out at `due_at`
    SENDING = "sending"  # the request is fixed and may have left
    CHECKING = "checking"  # outcome unknown: looked up at `due_at`
    PUBLISHED = "published"
    FAILED = "failed"  # refused for good, or too many attempts; never sent
    UNCONFIRMED = "unconfirmed"  # may or may not be out: a person decides
    CANCELLED = "cancelled"


class Campaign(SQLModel, table=True):
    """Posts that belong together."""

    id: int = key()
    name: str = Field(unique=True, max_length=80)


class MediaAsset(SQLModel, table=True):
    """An uploaded image; the file lies in the media folder under its checksum."""

    id: int = key()
    sha256: str = Field(unique=True, max_length=64)
    filename: str = Field(max_length=200)  # as uploaded, for people only
    mime: str = Field(max_length=60)
    size: int  # bytes
    width: int  # pixels
    height: int
    created_at: datetime = moment(now=True)


class Post(SQLModel, table=True):
    """One item of the content plan."""

    __table_args__ = (
        Index("ix_post_planned", "planned_at", "id"),
        Index("ix_post_state", "state", "planned_at", "id"),
    )

    id: int = key()
    title: str = Field(default="", max_length=200)
    text: str = long_text("")
    language: str | None = Field(default=None, max_length=16)
    state: PostState = choice(PostState.DRAFT)
    planned_at: datetime | None = moment(nullable=True)  # when it goes out, or is meant to
    campaign_id: int | None = link("campaign.id", nullable=True, index=True)
    member_id: int | None = link("member.id", nullable=True)
    version: int = 1  # counts saved changes: a save of an older version is a conflict
    created_at: datetime = moment(now=True)
    updated_at: datetime = moment(now=True)


class PostMedia(SQLModel, table=True):
    """An image of a post, with its alt text and place."""

    __table_args__ = (UniqueConstraint("post_id", "position"),)

    id: int = key()
    post_id: int = link("post.id")
    media_id: int = link("mediaasset.id", index=True)
    position: int = 0
    alt: str = long_text("")


class Delivery(Leased, table=True):
    """One post on one channel, or one answer (`message_id`) on its way out. The row is the job.

    `parts` is the state of each thread entry, first to last: a list of
    `{"replay_key", "request", "sent_at", "remote_id", "url", "extra"}`; `request` is fixed and committed before the
    first byte leaves.
    """

    __table_args__ = (
        CheckConstraint("(post_id IS NULL) <> (message_id IS NULL)", name="post_or_message"),
        UniqueConstraint("post_id", "channel_id"),
        Index("ix_delivery_state", "state", "due_at"),
    )

    id: int = key()
    channel_id: int = link("channel.id", index=True)
    post_id: int | None = Field(default=None, foreign_key="post.id", ondelete="CASCADE")
    message_id: int | None = Field(default=None, foreign_key="message.id", ondelete="CASCADE", unique=True)
    text: str | None = long_text(None)  # variant for this channel; None takes the post's text
    state: DeliveryState = choice(DeliveryState.DRAFT)
    parts: list[dict[str, Any]] | None = plain_json()
    looks: int = 0  # how often an unknown outcome was looked up
    sent_at: datetime | None = moment(nullable=True)  # when the first byte of the first part was about to leave
    remote_id: str | None = Field(default=None, max_length=400)  # of the first part
    url: str | None = Field(default=None, max_length=500)
    published_at: datetime | None = moment(nullable=True)
    created_at: datetime = moment(now=True)
