"""What the team does with a post: review and comments, versions and autosave, its journal, the stop button."""

from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlmodel import Field, Index, SQLModel, UniqueConstraint, text

from core.models.columns import choice, flag, key, link, long_text, moment, plain_json


class EventKind(StrEnum):
    """What happened to a delivery."""

    SCHEDULED = "scheduled"
    INTENDED = "intended"  # the request is fixed and committed; from here on it may leave
    SENT = "sent"  # it left, or may have
    ACCEPTED = "accepted"  # the network took it
    ADOPTED = "adopted"  # no answer came, but it was found on our own timeline
    SEEN = "seen"  # read back from the network
    MISSING = "missing"  # the network doesn't have it (any more)
    LOOKED = "looked"  # looked for after an unknown outcome, and not found
    RESENT = "resent"  # the very same request once more, where replay is honoured
    WAITING = "waiting"  # put off: a pause, a fault, a channel that needs care
    FAILED = "failed"
    UNCONFIRMED = "unconfirmed"
    RETRIED = "retried"  # a person: try again
    CONFIRMED = "confirmed"  # a person: it is online, or it isn't
    GIVEN_UP = "given_up"
    CANCELLED = "cancelled"
    HELD = "held"  # kept back by the stop button
    RELEASED = "released"
    EDITED = "edited"  # changed on the network
    DELETED = "deleted"  # taken off the network


class DeliveryEvent(SQLModel, table=True):
    """One line of a delivery's journal; `detail` is a sentence (the network's answer in words).

    Append-only, but for `times` and `last_at`: the same thing happening again and again is one line that counts.
    """

    __table_args__ = (Index("ix_deliveryevent_delivery", "delivery_id", "id"),)

    id: int = key()
    delivery_id: int = link("delivery.id")
    at: datetime = moment(now=True)
    kind: EventKind = choice(EventKind.SCHEDULED)
    part: int = 0  # entry of a thread, from 0
    attempt: int = 0
    detail: str = long_text("")
    member_id: int | None = link("member.id", nullable=True)
    times: int = Field(default=1, sa_column_kwargs={"server_default": "1"})
    last_at: datetime | None = moment(nullable=True)  # when it happened for the last time; None: once, at `at`


class PostVersion(SQLModel, table=True):
    """What a post said after a saved change; as `services/post_history.py` writes it."""

    __table_args__ = (UniqueConstraint("post_id", "number"),)

    id: int = key()
    post_id: int = link("post.id")
    number: int  # `Post.version` after the change
    at: datetime = moment(now=True)
    member_id: int | None = link("member.id", nullable=True)
    action: str = Field(max_length=40)  # as in the audit trail
    content: dict[str, Any] | None = plain_json()


class RemarkKind(StrEnum):
    """What stands beside a post."""

    COMMENT = "comment"
    ASKED = "asked"  # for review
    APPROVED = "approved"
    RETURNED = "returned"  # to its author, with a reason
    WITHDRAWN = "withdrawn"  # an approval that a change has ended


class PostComment(SQLModel, table=True):
    """What a member says about a post, for the team only; decisions of the review stand among them."""

    __table_args__ = (Index("ix_postcomment_post", "post_id", "id"),)

    id: int = key()
    post_id: int = link("post.id")
    member_id: int | None = link("member.id", nullable=True)
    at: datetime = moment(now=True)
    kind: RemarkKind = choice(RemarkKind.COMMENT)
    text: str = long_text("")


class ComposerDraft(SQLModel, table=True):
    """What a member has typed and not saved yet. `place`: "post:12", or "new"."""

    __table_args__ = (UniqueConstraint("member_id", "place"),)

    id: int = key()
    member_id: int = link("member.id")
    place: str = Field(max_length=40)
    base_version: int = 0  # the version that was opened
    content: dict[str, Any] | None = plain_json()
    saved_at: datetime = moment(now=True)


class ApprovalRule(SQLModel, table=True):
    """Whether posts of a group must be approved, and who may. `group_id` None: all groups without their own rule."""

    id: int = key()
    group_id: int | None = Field(default=None, foreign_key="channel_group.id", ondelete="CASCADE", unique=True)
    required: bool = flag()
    roles: list[str] | None = plain_json()  # of Role; whoever has one of them may approve
    member_ids: list[int] | None = plain_json()  # … or is one of these
    four_eyes: bool = flag()  # nobody approves what they wrote themselves


class PublishingHold(SQLModel, table=True):
    """The stop button: while `ended_at` is None, no post of the group (None: of any channel) goes out."""

    __table_args__ = (
        Index(
            "ix_publishinghold_open",
            "group_id",
            sqlite_where=text("ended_at IS NULL"),
            postgresql_where=text("ended_at IS NULL"),
        ),
    )

    id: int = key()
    group_id: int | None = Field(default=None, foreign_key="channel_group.id", ondelete="CASCADE")
    reason: str = Field(max_length=300)
    member_id: int | None = link("member.id", nullable=True)
    started_at: datetime = moment(now=True)
    ended_at: datetime | None = moment(nullable=True)
    ended_by: int | None = link("member.id", nullable=True)
