"""What came of it: our posts as they stand on the networks, and snapshots of raw totals."""

from datetime import datetime

from sqlmodel import Field, Index, SQLModel, UniqueConstraint

from core.models.columns import key, link, long_text, moment


class Publication(SQLModel, table=True):
    """One post of ours on one network, whether the hub sent it or not, with its newest totals."""

    __table_args__ = (
        UniqueConstraint("channel_id", "remote_id"),
        Index("ix_publication_newest", "published_at", "id"),
        Index("ix_publication_channel", "channel_id", "published_at"),
    )

    id: int = key()
    channel_id: int = link("channel.id")
    delivery_id: int | None = link("delivery.id", nullable=True, index=True)
    remote_id: str = Field(max_length=400)
    text: str = long_text("")
    url: str | None = Field(default=None, max_length=500)
    published_at: datetime = moment()
    deleted_at: datetime | None = moment(nullable=True)
    likes: int = 0
    shares: int = 0
    comments: int = 0
    quotes: int = 0
    reach: int | None = None  # None: the network doesn't tell
    measured_at: datetime | None = moment(nullable=True)


class Snapshot(SQLModel, table=True):
    """A metric's raw total at a time. Append-only; an unchanged total isn't repeated; differences are derived."""

    __table_args__ = (
        Index("ix_snapshot_channel", "channel_id", "metric", "at"),
        Index("ix_snapshot_publication", "publication_id", "metric", "at"),
    )

    id: int = key()
    channel_id: int = link("channel.id")
    publication_id: int | None = link("publication.id", nullable=True)  # None: a metric of the channel itself
    metric: str = Field(max_length=24)  # a key of METRICS
    value: int
    at: datetime = moment(now=True)
