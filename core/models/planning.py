"""The content plan: campaigns, media assets, posts, and deliveries (one post, or one answer, on one channel).

What the team does with a post before and after it goes out (review, versions, journal, stop button) is
`planning_work.py`; when posts go out (slots, recurrences, key dates) is `planning_time.py`; what is written with
(snippets, people, links) and where drafts come from is `planning_sources.py`.
"""

from datetime import date, datetime
from enum import StrEnum
from typing import Any

from sqlmodel import CheckConstraint, Field, Index, SQLModel, UniqueConstraint, text

from core.models.columns import Leased, choice, flag, key, link, long_text, maybe, moment, plain_json


class PostState(StrEnum):
    """Where a post stands as a whole; follows from its deliveries once it is scheduled (`planning.settle_post`)."""

    IDEA = "idea"
    DRAFT = "draft"
    IN_REVIEW = "in_review"  # somebody who may approve is asked to
    APPROVED = "approved"  # may be scheduled as it stands
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
    DELETED = "deleted"  # was published, and taken off the network again by us


class CampaignGoal(StrEnum):
    """What a campaign is for."""

    TRAFFIC = "traffic"
    LEADS = "leads"
    IMAGE = "image"
    SUPPORT = "support"
    OPINION = "opinion"


class Campaign(SQLModel, table=True):
    """Posts that belong together. Empty UTM values follow from the network and the name."""

    id: int = key()
    name: str = Field(unique=True, max_length=80)
    color: str = Field(default="gray", max_length=16, sa_column_kwargs={"server_default": "gray"})
    starts_on: date | None = None
    ends_on: date | None = None  # the last day
    goal: CampaignGoal | None = maybe(CampaignGoal)
    audience: str = Field(default="", max_length=200, sa_column_kwargs={"server_default": ""})
    paid: bool = flag()  # advertising that the law wants labelled
    utm_source: str = Field(default="", max_length=80, sa_column_kwargs={"server_default": ""})
    utm_medium: str = Field(default="", max_length=80, sa_column_kwargs={"server_default": ""})
    utm_campaign: str = Field(default="", max_length=120, sa_column_kwargs={"server_default": ""})
    archived_at: datetime | None = moment(nullable=True)


class MediaKind(StrEnum):
    """What a media asset is."""

    IMAGE = "image"
    VIDEO = "video"


class MediaAsset(SQLModel, table=True):
    """An uploaded image or video; the file lies in the media folder under its checksum."""

    id: int = key()
    sha256: str = Field(unique=True, max_length=64)
    filename: str = Field(max_length=200)  # as uploaded, for people only
    mime: str = Field(max_length=60)
    size: int  # bytes
    width: int  # pixels
    height: int
    kind: MediaKind = choice(MediaKind.IMAGE)
    duration: float | None = None  # seconds, of a video
    frame_rate: float | None = None  # a second, of a video
    created_at: datetime = moment(now=True)  # or uploaded again


class Post(SQLModel, table=True):
    """One item of the content plan."""

    __table_args__ = (
        Index("ix_post_planned", "planned_at", "id"),
        Index("ix_post_state", "state", "planned_at", "id"),
        Index("ix_post_recurrence", "recurrence_id", "planned_at"),
    )

    id: int = key()
    title: str = Field(default="", max_length=200)
    text: str = long_text("")
    language: str | None = Field(default=None, max_length=16)
    state: PostState = choice(PostState.DRAFT)
    planned_at: datetime | None = moment(nullable=True)  # when it goes out, or is meant to
    campaign_id: int | None = link("campaign.id", nullable=True, index=True)
    member_id: int | None = link("member.id", nullable=True)
    content_warning: str = Field(default="", max_length=300, sa_column_kwargs={"server_default": ""})
    visibility: str | None = Field(
        default=None, max_length=16
    )  # of `Capabilities.visibilities`; None: the network's usual
    first_comment: str = long_text("")  # goes out below the post, right after it
    tagged: bool = flag()  # links get the campaign's UTM parameters …
    untagged_links: list[str] | None = plain_json()  # … except these, as they stand in the text
    queued: bool = flag()  # its time was given by the channel's slots
    recurrence_id: int | None = None  # made by this recurrence, which may be gone
    origin: str = Field(default="", max_length=40, sa_column_kwargs={"server_default": ""})  # "feed:3", "import"
    submitted_at: datetime | None = moment(nullable=True)  # since when it is in review
    approved_at: datetime | None = moment(nullable=True)
    approved_by: int | None = link("member.id", nullable=True)
    approved_digest: str | None = Field(default=None, max_length=64)  # of the content that was approved
    review: dict[str, Any] | None = plain_json()  # who wrote and who approved, as `services/approval.py` keeps it
    version: int = 1  # counts saved changes: a save of an older version is a conflict
    created_at: datetime = moment(now=True)
    updated_at: datetime = moment(now=True)


class PostMedia(SQLModel, table=True):
    """An image or video of a post, with its alt text, place, and what must stay in sight when it is cropped."""

    __table_args__ = (UniqueConstraint("post_id", "position"),)

    id: int = key()
    post_id: int = link("post.id")
    media_id: int = link("mediaasset.id", index=True)
    position: int = 0
    alt: str = long_text("")
    focal_x: float | None = None  # −1 (left) to 1 (right); None: the middle
    focal_y: float | None = None  # −1 (bottom) to 1 (top)


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
        Index(
            "ix_delivery_proof",
            "proof_due_at",
            sqlite_where=text("proof_due_at IS NOT NULL"),
            postgresql_where=text("proof_due_at IS NOT NULL"),
        ),
        Index(
            "ix_delivery_gone",
            "gone_at",
            sqlite_where=text("gone_at IS NOT NULL"),
            postgresql_where=text("gone_at IS NOT NULL"),
        ),
        Index("ix_delivery_published", "published_at", "id"),
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
    seen_at: datetime | None = moment(nullable=True)  # when it was read back from the network for the first time
    proof_due_at: datetime | None = moment(nullable=True)  # when it is read back next; None: no more
    proof_looks: int = Field(default=0, sa_column_kwargs={"server_default": "0"})
    gone_at: datetime | None = moment(nullable=True)  # when the network didn't have it any more, or we took it down
    edited_at: datetime | None = moment(nullable=True)  # when its text was changed on the network
    released_at: datetime | None = moment(nullable=True)  # goes out although publishing is stopped
    created_at: datetime = moment(now=True)
