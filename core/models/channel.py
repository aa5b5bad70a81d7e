"""Groups, channels with their sealed credentials, connecting, sync cursors and the worker's heartbeat."""

from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import LargeBinary
from sqlmodel import Field, Index, SQLModel, UniqueConstraint

from core.models.columns import Leased, choice, key, link, long_text, moment, plain_json


class ChannelState(StrEnum):
    """Whether the worker may use a channel."""

    ACTIVE = "active"
    PAUSED = "paused"
    NEEDS_REAUTH = "needs_reauth"
    REMOVED = "removed"  # hidden at once; the worker deletes what is left of it


class SyncKind(StrEnum):
    """What one cursor keeps up to date."""

    INBOX = "inbox"
    RECHECK = "recheck"
    MONITOR = "monitor"
    POSTS = "posts"  # our own posts and their metrics
    PROFILE = "profile"  # channel metrics, limits


class Group(SQLModel, table=True):
    """Channels that serve one audience or product line."""

    __tablename__ = "channel_group"

    id: int = key()
    name: str = Field(unique=True, max_length=80)


class Channel(SQLModel, table=True):
    """One connected profile of ours on a network."""

    __table_args__ = (UniqueConstraint("network", "base_url", "remote_id"),)

    id: int = key()
    network: str = Field(max_length=32)
    base_url: str = Field(max_length=300)
    remote_id: str = Field(max_length=300)  # as in `Profile.remote_id`
    handle: str = Field(max_length=300)
    name: str = Field(default="", max_length=300)
    url: str | None = Field(default=None, max_length=500)
    group_id: int | None = link("channel_group.id", nullable=True, index=True)
    state: ChannelState = choice(ChannelState.ACTIVE)
    is_sandbox: bool = False
    sealed: bytes | None = Field(default=None, sa_type=LargeBinary, repr=False)
    limits: dict[str, Any] | None = plain_json()
    time_zone: str | None = Field(default=None, max_length=64)  # of its audience; None: the hub's
    access_ends_at: datetime | None = moment(nullable=True)  # when its sign-in ends for good; None: it isn't known to
    target_minutes: int | None = None  # first answer within, in business minutes; None: the hub's target
    last_error: str | None = long_text(None)
    last_sync_at: datetime | None = moment(nullable=True)
    created_at: datetime = moment(now=True)
    removed_at: datetime | None = moment(nullable=True)


class OAuthApp(SQLModel, table=True):
    """Our registration at one server, made once and used for each channel there."""

    __table_args__ = (UniqueConstraint("network", "base_url", "redirect_uri"),)

    id: int = key()
    network: str = Field(max_length=32)
    base_url: str = Field(max_length=300)
    redirect_uri: str = Field(max_length=500)
    sealed: bytes = Field(sa_type=LargeBinary, repr=False)
    created_at: datetime = moment(now=True)


class OAuthFlow(SQLModel, table=True):
    """A connection under way: between leaving for the network and coming back. Used once, valid for minutes."""

    id: int = key()
    state_hash: str = Field(unique=True, max_length=64)
    app_id: int = link("oauthapp.id")
    member_id: int = link("member.id")
    group_id: int | None = link("channel_group.id", nullable=True)
    channel_id: int | None = link("channel.id", nullable=True)  # set when an existing channel is reconnected
    sealed: bytes = Field(sa_type=LargeBinary, repr=False)  # the PKCE verifier
    expires_at: datetime = moment()


class SyncCursor(Leased, table=True):
    """Where one kind of sync of one channel stands; the row is the job."""

    __table_args__ = (
        UniqueConstraint("channel_id", "kind", "monitor_id"),
        Index("ix_synccursor_due", "due_at"),
    )

    id: int = key()
    channel_id: int = link("channel.id")
    kind: SyncKind = choice(SyncKind.INBOX)
    monitor_id: int | None = link("monitor.id", nullable=True)
    cursor: str | None = long_text(None)
    done_at: datetime | None = moment(nullable=True)


class WorkerBeat(SQLModel, table=True):
    """One row a running worker: its heartbeat. A worker that died leaves an old row behind."""

    worker_id: str = Field(primary_key=True, max_length=80)
    pid: int
    host: str = Field(max_length=255)
    started_at: datetime = moment(now=True)
    beat_at: datetime = moment(now=True)
