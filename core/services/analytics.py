"""What came of it: followers, reactions and posts by channel, group and time, as data frames for charts.

Totals come from `Publication` (newest totals of each post) and `Snapshot` (raw totals over time). Reactions count on
the day a post was published, as every tool in the field does; followers are levels. Nothing is estimated: a measure
that a network doesn't give is missing, not zero.
"""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Any
from zoneinfo import ZoneInfo

import pandas as pd
from sqlalchemy import and_, func, select
from sqlmodel import Session, col

from core import db
from core.connectors.base import METRICS
from core.connectors.registry import NETWORKS
from core.models.analytics import Publication, Snapshot
from core.models.channel import Channel, ChannelState, Group

REACTIONS = ("likes", "shares", "comments", "quotes")
POST_MEASURES = (*REACTIONS, "reach")


class Breakdown(StrEnum):
    """What a measure is split by."""

    NONE = "none"
    CHANNEL = "channel"
    GROUP = "group"
    NETWORK = "network"
    WEEKDAY = "weekday"
    HOUR = "hour"


@dataclass(frozen=True)
class Measure:
    """Something to count. `level`: a state at a time (followers), not a sum over it."""

    name: str
    label: str
    level: bool = False
    per_post: bool = False


MEASURES: dict[str, Measure] = {
    m.name: m
    for m in (
        Measure("followers", METRICS["followers"], level=True),
        Measure("interactions", "Interactions"),
        *(Measure(name, METRICS[name]) for name in POST_MEASURES),
        Measure("published", "Posts published"),
        Measure("per_post", "Interactions per post", per_post=True),
    )
}
WEEKDAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")


@dataclass(frozen=True)
class Scope:
    """Which channels and which time. `since` and `until` are aware; `zone` says where a day begins."""

    since: datetime
    until: datetime
    zone: ZoneInfo
    channel_ids: tuple[int, ...] = ()
    group_id: int | None = None

    def before(self) -> "Scope":
        """The period of the same length just before, to compare with."""
        return Scope(self.since - (self.until - self.since), self.since, self.zone, self.channel_ids, self.group_id)


def last_days(days: int, zone: ZoneInfo, **which: Any) -> Scope:
    """From the beginning of the day `days - 1` days ago until now."""
    now = db.utc_now()
    start = (now.astimezone(zone) - timedelta(days=days - 1)).replace(hour=0, minute=0, second=0, microsecond=0)
    return Scope(start, now, zone, **which)


def _channels(scope: Scope) -> list[Any]:
    where: list[Any] = [col(Channel.state) != ChannelState.REMOVED]
    if scope.channel_ids:
        where.append(col(Channel.id).in_(scope.channel_ids))
    if scope.group_id is not None:
        where.append(col(Channel.group_id) == scope.group_id)
    return where


def measures_given(session: Session) -> list[Measure]:
    """The measures that at least one connected network gives."""
    networks = set(session.execute(select(col(Channel.network)).where(*_channels(_ALL)).distinct()).scalars())
    given: set[str] = set()
    for network in networks & set(NETWORKS):
        given |= {*NETWORKS[network].capabilities.post_metrics, *NETWORKS[network].capabilities.channel_metrics}
    return [m for m in MEASURES.values() if m.name in given or m.name in {"interactions", "published", "per_post"}]


_ALL = Scope(datetime.min.replace(tzinfo=UTC), datetime.max.replace(tzinfo=UTC), ZoneInfo("UTC"))


def publications(session: Session, scope: Scope) -> pd.DataFrame:
    """One row a post of ours published in the scope: at (local), channel, group, network, likes, …, interactions."""
    rows = session.execute(
        select(
            col(Publication.published_at),
            col(Channel.handle),
            col(Group.name),
            col(Channel.network),
            *(getattr(Publication, name) for name in POST_MEASURES),
        )
        .join(Channel, col(Channel.id) == Publication.channel_id)
        .outerjoin(Group, col(Group.id) == Channel.group_id)
        .where(
            col(Publication.published_at) >= scope.since,
            col(Publication.published_at) < scope.until,
            col(Publication.deleted_at).is_(None),
            *_channels(scope),
        )
    ).all()
    frame = pd.DataFrame(rows, columns=["at", "channel", "group", "network", *POST_MEASURES])
    frame["at"] = pd.to_datetime(frame["at"], utc=True).dt.tz_convert(str(scope.zone))
    frame["group"] = frame["group"].fillna("No group")
    frame["network"] = frame["network"].map(lambda n: NETWORKS[n].capabilities.label if n in NETWORKS else n)
    frame["interactions"] = frame[list(REACTIONS)].sum(axis=1)
    frame["published"] = 1
    return frame


def followers(session: Session, scope: Scope) -> pd.DataFrame:
    """Followers at the end of each local day: day, channel, group, network, value. Gaps carry the last value."""
    rows = session.execute(
        select(col(Snapshot.at), col(Snapshot.value), col(Channel.handle), col(Group.name), col(Channel.network))
        .join(Channel, col(Channel.id) == Snapshot.channel_id)
        .outerjoin(Group, col(Group.id) == Channel.group_id)
        .where(
            col(Snapshot.publication_id).is_(None),
            col(Snapshot.metric) == "followers",
            # A little more than asked for, so that the first day has a level to start from.
            col(Snapshot.at) >= scope.since - timedelta(days=40),
            col(Snapshot.at) < scope.until,
            *_channels(scope),
        )
        .order_by(col(Snapshot.at))
    ).all()
    frame = pd.DataFrame(rows, columns=["at", "value", "channel", "group", "network"])
    if frame.empty:
        return pd.DataFrame(columns=["day", "channel", "group", "network", "value"])
    frame["day"] = _days(frame["at"], scope.zone)
    frame["group"] = frame["group"].fillna("No group")
    frame["network"] = frame["network"].map(lambda n: NETWORKS[n].capabilities.label if n in NETWORKS else n)
    names = frame.drop_duplicates("channel").set_index("channel")[["group", "network"]]
    levels = frame.groupby(["day", "channel"])["value"].last().unstack("channel")
    every_day = pd.date_range(levels.index.min(), pd.Timestamp(scope.until.astimezone(scope.zone).date()), freq="D")
    levels = levels.reindex(every_day).ffill()
    levels = levels[levels.index >= pd.Timestamp(scope.since.astimezone(scope.zone).date())]
    long = levels.rename_axis("day").reset_index().melt("day", var_name="channel", value_name="value").dropna()
    return long.join(names, on="channel")[["day", "channel", "group", "network", "value"]]


def _days(moments: "pd.Series[Any]", zone: ZoneInfo) -> "pd.Series[Any]":
    local = pd.to_datetime(moments, utc=True).dt.tz_convert(str(zone))
    return local.dt.tz_localize(None).dt.normalize()


def explore(session: Session, measure: Measure, breakdown: Breakdown, scope: Scope) -> pd.DataFrame:
    """The chart explorer's table: columns `at` (day, or category for weekday and hour), `series`, `value`.

    Weekday and hour are those of publication, in the scope's zone. Levels (followers) have no weekday or hour.
    """
    if measure.level:
        return _explore_level(session, breakdown, scope)
    frame = publications(session, scope)
    if frame.empty:
        return pd.DataFrame(columns=["at", "series", "value"])
    frame["series"] = frame.get(breakdown.value, measure.label)
    if breakdown is Breakdown.WEEKDAY:
        frame["when"] = frame["at"].dt.dayofweek.map(dict(enumerate(WEEKDAYS)))
    elif breakdown is Breakdown.HOUR:
        frame["when"] = frame["at"].dt.hour
    else:
        frame["when"] = frame["at"].dt.tz_localize(None).dt.normalize()
    grouped = frame.groupby(["when", "series"])
    if measure.per_post:
        values = grouped["interactions"].mean().round(2)
    else:
        values = grouped[measure.name].sum(min_count=1).dropna()
    return values.reset_index(name="value").rename(columns={"when": "at"})


def _explore_level(session: Session, breakdown: Breakdown, scope: Scope) -> pd.DataFrame:
    frame = followers(session, scope)
    frame["series"] = frame.get(breakdown.value, "Followers")
    summed = pd.DataFrame(frame.groupby(["day", "series"])["value"].sum().reset_index())
    return summed.rename(columns={"day": "at"})[["at", "series", "value"]]


@dataclass(frozen=True)
class Totals:
    """Sums over a scope; followers are the newest level and `follower_change` its difference over the scope."""

    published: int
    likes: int
    shares: int
    comments: int
    reach: int | None
    followers: int | None
    follower_change: int | None


def totals(session: Session, scope: Scope) -> Totals:
    """The figures at the head of the page; one statement for posts, one for followers."""
    row: Any = session.execute(
        select(
            func.count(),
            *(func.coalesce(func.sum(getattr(Publication, name)), 0) for name in ("likes", "shares", "comments")),
            func.sum(col(Publication.reach)),
        )
        .select_from(Publication)
        .join(Channel, col(Channel.id) == Publication.channel_id)
        .where(
            and_(col(Publication.published_at) >= scope.since, col(Publication.published_at) < scope.until),
            col(Publication.deleted_at).is_(None),
            *_channels(scope),
        )
    ).one()
    level = followers(session, scope)
    last = first = None
    if not level.empty:
        by_day = level.groupby("day")["value"].sum()
        last, first = int(by_day.iloc[-1]), int(by_day.iloc[0])
    change = None if last is None or first is None else last - first
    return Totals(row[0], int(row[1]), int(row[2]), int(row[3]), row[4], last, change)


@dataclass(frozen=True)
class TopPost:
    """A published post with its totals."""

    published_at: datetime
    channel: str
    text: str
    url: str | None
    likes: int
    shares: int
    comments: int
    interactions: int
    reach: int | None


def top_posts(session: Session, scope: Scope, by: str = "interactions", limit: int = 20) -> list[TopPost]:
    """The posts with most of `by` (a post measure, or interactions), best first."""
    together = sum((getattr(Publication, name) for name in REACTIONS[1:]), start=getattr(Publication, REACTIONS[0]))
    order: Any = together if by == "interactions" else getattr(Publication, by)
    rows = session.execute(
        select(Publication, col(Channel.handle))
        .join(Channel, col(Channel.id) == Publication.channel_id)
        .where(
            col(Publication.published_at) >= scope.since,
            col(Publication.published_at) < scope.until,
            col(Publication.deleted_at).is_(None),
            *_channels(scope),
        )
        .order_by(order.desc(), col(Publication.published_at).desc())
        .limit(limit)
    ).all()
    return [
        TopPost(
            p.published_at,
            handle,
            p.text,
            p.url,
            p.likes,
            p.shares,
            p.comments,
            p.likes + p.shares + p.comments + p.quotes,
            p.reach,
        )
        for p, handle in rows
    ]
