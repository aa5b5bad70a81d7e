"""What posts are written with (snippets, hashtag sets, people), the links they hold, feeds in and out."""

from datetime import datetime
from enum import StrEnum

from sqlalchemy import LargeBinary
from sqlmodel import Field, Index, SQLModel, UniqueConstraint

from core.models.columns import Leased, choice, flag, key, link, long_text, moment, plain_json


class BlockKind(StrEnum):
    """What a text block is."""

    SNIPPET = "snippet"
    HASHTAGS = "hashtags"


class TextBlock(SQLModel, table=True):
    """A piece of text that is put into posts: a snippet, or a set of hashtags."""

    __table_args__ = (UniqueConstraint("kind", "name"),)

    id: int = key()
    kind: BlockKind = choice(BlockKind.SNIPPET)
    name: str = Field(max_length=80)
    text: str = long_text("")
    language: str | None = Field(default=None, max_length=16)
    used: int = 0
    updated_at: datetime = moment(now=True)


class NamedPerson(SQLModel, table=True):
    """Somebody posts name as `@[Name]`: on each network by the handle they have there, elsewhere by name."""

    id: int = key()
    name: str = Field(unique=True, max_length=80)
    handles: dict[str, str] | None = plain_json()  # network -> handle, without @
    updated_at: datetime = moment(now=True)


class WebLink(Leased, table=True):
    """A link that posts hold: whether it answers, and the card networks make of it. Looked at by the worker."""

    __table_args__ = (Index("ix_weblink_due", "due_at"),)

    id: int = key()
    url: str = Field(unique=True, max_length=2000)
    checked_at: datetime | None = moment(nullable=True)
    ok: bool | None = None  # None: not looked at yet, or it could not be told
    status: int | None = None  # HTTP
    said: str = Field(default="", max_length=300)  # a sentence: why it isn't well
    title: str = Field(default="", max_length=300)
    description: str = long_text("")
    image: bytes | None = Field(default=None, sa_type=LargeBinary, repr=False)  # small, for the preview
    image_type: str = Field(default="", max_length=40)
    asked_at: datetime = moment(now=True)  # when a post last held it


class CalendarFeed(SQLModel, table=True):
    """A member's secret link to the plan as iCal. The table holds only the SHA-256 of its token."""

    id: int = key()
    member_id: int = link("member.id", index=True)
    token_hash: str = Field(unique=True, max_length=64)
    name: str = Field(default="", max_length=80)
    group_id: int | None = Field(default=None, foreign_key="channel_group.id", ondelete="CASCADE")  # None: all
    created_at: datetime = moment(now=True)
    used_at: datetime | None = moment(nullable=True)
    revoked_at: datetime | None = moment(nullable=True)


class FeedSource(Leased, table=True):
    """An RSS or Atom feed whose entries become drafts."""

    __table_args__ = (Index("ix_feedsource_due", "due_at"),)

    id: int = key()
    name: str = Field(max_length=120)
    url: str = Field(unique=True, max_length=1000)
    channel_ids: list[int] | None = plain_json()
    campaign_id: int | None = link("campaign.id", nullable=True)
    template: str = long_text("{title}\n\n{link}")
    as_idea: bool = flag()
    etag: str = Field(default="", max_length=300)
    modified: str = Field(default="", max_length=100)
    paused: bool = flag()
    member_id: int | None = link("member.id", nullable=True)
    read_at: datetime | None = moment(nullable=True)
    created_at: datetime = moment(now=True)


class FeedItem(SQLModel, table=True):
    """An entry of a feed that was seen: it becomes a draft once, whatever becomes of the draft."""

    __table_args__ = (UniqueConstraint("source_id", "guid_hash"),)

    id: int = key()
    source_id: int = link("feedsource.id")
    guid_hash: str = Field(max_length=64)
    post_id: int | None = link("post.id", nullable=True)
    at: datetime = moment(now=True)
