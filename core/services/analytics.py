"""What came of it: followers, reactions and posts by channel, group and time, as data frames for charts.

Totals come from `Publication` (newest totals of each post) and `Snapshot` (raw totals over time). Reactions count on
the day a post was published, as every tool in the field does; followers are levels at the end of a day. Nothing is
estimated: what a network doesn't give, or nobody has measured yet, is missing (NaN, None), not zero. Drawing is
`core/ui/charts.py`, folding into what one chart shows `analytics_tables.py`.
"""

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from enum import StrEnum
from typing import Any
from zoneinfo import ZoneInfo

import pandas as pd
from sqlalchemy import DateTime, column, func, select, true, type_coerce, values
from sqlmodel import Session, col

from core import db
from core.connectors.base import METRICS, Capabilities
from core.connectors.registry import connector_class
from core.models.analytics import Publication, Snapshot
from core.models.channel import Channel, ChannelState, Group

REACTIONS = ("likes", "shares", "comments", "quotes")
POST_METRICS = (*REACTIONS, "reach")
NO_GROUP = "No group"


class Fold(StrEnum):
    """How many values become one."""

    SUM = "sum"
    MEAN = "mean"  # a post, on average
    LAST = "last"  # a level: its state at the end


@dataclass(frozen=True)
class Measure:
    """Something to count: `column` of the frame of posts, or of followers."""

    name: str
    label: str
    column: str
    fold: Fold = Fold.SUM
    of_posts: bool = True


MEASURES: dict[str, Measure] = {
    m.name: m
    for m in (
        Measure("followers", METRICS["followers"], "followers", Fold.LAST, of_posts=False),
        Measure("gained", "New followers", "gained", of_posts=False),
        Measure("interactions", "Interactions", "interactions"),
        Measure("per_post", "Interactions per post", "interactions", Fold.MEAN),
        *(Measure(name, METRICS[name], name) for name in POST_METRICS),
        Measure("published", "Posts published", "published"),
    )
}


@dataclass(frozen=True)
class Scope:
    """Which channels and which time. `since` and `until` are aware; `zone` says where a day begins."""

    since: datetime
    until: datetime
    zone: ZoneInfo
    channel_ids: tuple[int, ...] = ()  # empty: all
    group_id: int | None = None

    @property
    def before(self) -> datetime:
        """Where the span of the same length just before begins, to compare with."""
        return self.since.astimezone(UTC) - (self.until - self.since)

    @property
    def days(self) -> tuple[date, date]:
        """The first and the last local day."""
        last = self.until - timedelta(microseconds=1)
        return self.since.astimezone(self.zone).date(), last.astimezone(self.zone).date()


def last_days(days: int, zone: ZoneInfo, **which: Any) -> Scope:
    """Today and the `days - 1` days before it, from midnight in `zone` until now."""
    now = db.utc_now()
    start = (now.astimezone(zone) - timedelta(days=days - 1)).replace(hour=0, minute=0, second=0, microsecond=0)
    return Scope(start.astimezone(UTC), now, zone, **which)


@dataclass(frozen=True)
class Report:
    """All the page's charts need. `posts`: as in `posts_in`; `followers`: as in `followers_in`.

    `before` are the totals of the span before, None where the hub doesn't know all of it: history begins somewhere.
    `given` are the measures that the scope's networks give at all.
    """

    scope: Scope
    posts: pd.DataFrame
    followers: pd.DataFrame
    before: "Totals | None"
    given: tuple[Measure, ...] = field(default=())


def report(session: Session, scope: Scope) -> Report:
    """Five statements, whatever there is."""
    labels = _labels(session, scope)
    posts, followers = posts_in(session, scope, labels), followers_in(session, scope, labels)
    return Report(scope, posts, followers, _before(session, scope, labels), _given(labels))


@dataclass(frozen=True)
class _Label:
    """A channel by the names it is split by."""

    channel: str
    group: str
    network: str
    capabilities: Capabilities


def _labels(session: Session, scope: Scope) -> dict[int, _Label]:
    """The scope's channels by id."""
    rows = session.execute(
        select(col(Channel.id), col(Channel.handle), col(Group.name), col(Channel.network), col(Channel.group_id))
        .outerjoin(Group, col(Group.id) == col(Channel.group_id))
        .where(col(Channel.state) != ChannelState.REMOVED)
        .order_by(col(Channel.handle), col(Channel.id))
    ).all()
    able = {network: connector_class(network).capabilities for _, _, _, network, _ in rows}
    # Names out of all channels, so that filtering doesn't rename one.
    names = channel_names([(key, handle, able[network].label) for key, handle, _, network, _ in rows])
    return {
        key: _Label(names[key], group or NO_GROUP, able[network].label, able[network])
        for key, _, group, network, group_id in rows
        if (not scope.channel_ids or key in scope.channel_ids) and scope.group_id in {None, group_id}
    }


def channel_names(channels: Sequence[tuple[int, str, str]]) -> dict[int, str]:
    """A short name of its own for each channel, by id, out of (id, handle, network).

    `@name` where that is enough, else the whole handle, else with its network, or its number.
    """
    rows = list(channels)
    forms = [
        {key: re.sub(r"^(@[^@]+)@.*", r"\1", handle) for key, handle, _ in rows},
        {key: handle for key, handle, _ in rows},
        {key: f"{handle} ({network})" for key, handle, network in rows},
        {key: f"{handle} ({network}) #{key}" for key, handle, network in rows},
    ]
    used = [Counter(form.values()) for form in forms]
    return {
        key: next(form[key] for form, count in zip(forms, used, strict=True) if count[form[key]] == 1)
        for key, *_ in rows
    }


def _given(labels: Mapping[int, _Label]) -> tuple[Measure, ...]:
    offered = {"interactions", "per_post", "published"}
    for label in labels.values():
        offered |= {*label.capabilities.post_metrics, *label.capabilities.channel_metrics}
    if "followers" in offered:
        offered.add("gained")
    return tuple(measure for name, measure in MEASURES.items() if name in offered)


def posts_in(session: Session, scope: Scope, labels: Mapping[int, _Label]) -> pd.DataFrame:
    """One row a post published in the scope: at (local), channel, group, network, likes, …, interactions, published."""
    asked = select(
        # The bare type: a hundred thousand times through a decorator in Python is half a second.
        type_coerce(col(Publication.published_at), DateTime(timezone=True)),
        col(Publication.channel_id),
        col(Publication.measured_at).is_not(None),
        *(getattr(Publication, name) for name in POST_METRICS),
    ).where(*_published(labels, scope.since, scope.until))
    rows = map(tuple, session.connection().execute(asked))
    frame = pd.DataFrame(list(rows), columns=["at", "channel_id", "measured", *POST_METRICS])
    frame["at"] = pd.to_datetime(frame["at"], utc=True).dt.tz_convert(scope.zone)
    measured = frame.pop("measured").astype(bool)
    for name in POST_METRICS:
        known = measured & frame["channel_id"].isin(_givers(labels, name))
        frame[name] = frame[name].astype(float).where(known)
    frame["interactions"] = frame[list(REACTIONS)].sum(axis=1, min_count=1)
    frame["published"] = 1.0
    return _named(frame, labels)


def _givers(labels: Mapping[int, _Label], metric: str) -> list[int]:
    return [key for key, label in labels.items() if metric in label.capabilities.post_metrics]


def _published(labels: Mapping[int, _Label], since: datetime, until: datetime) -> list[Any]:
    return [
        col(Publication.channel_id).in_(labels),
        col(Publication.published_at) >= since,
        col(Publication.published_at) < until,
        col(Publication.deleted_at).is_(None),
    ]


def _named(frame: pd.DataFrame, labels: Mapping[int, _Label]) -> pd.DataFrame:
    for name in ("channel", "group", "network"):
        names = {key: getattr(label, name) for key, label in labels.items()}
        frame[name] = frame["channel_id"].map(names).astype("category")
    return frame


def followers_in(session: Session, scope: Scope, labels: Mapping[int, _Label]) -> pd.DataFrame:
    """One row a channel and local day: at (the day), channel, group, network, followers, gained.

    `followers` is the level at the day's end; a day without a snapshot carries the last one on, also from before the
    scope. `gained` is the difference to the day before, 0 on a channel's first day: connecting it gains nobody.
    """
    first, last = scope.days
    days = pd.date_range(pd.Timestamp(first) - pd.Timedelta(days=1), pd.Timestamp(last))
    ends = [datetime.combine(day.date() + timedelta(days=1), time(), scope.zone).astimezone(UTC) for day in days]
    rows: Any = session.execute(_levels(ends, scope, labels)).all()
    by_end = dict(zip(ends, days, strict=True))
    frame = pd.DataFrame([(by_end[end], key, value) for key, end, value in rows], columns=["at", "channel_id", "value"])
    frame = frame.astype({"at": "datetime64[us]", "value": float}).sort_values(["channel_id", "at"])
    frame["followers"] = frame.pop("value")
    frame["gained"] = frame.groupby("channel_id")["followers"].diff().fillna(0.0).where(frame["followers"].notna())
    frame = frame[(frame["at"] >= pd.Timestamp(first)) & frame["followers"].notna()]
    return _named(frame.reset_index(drop=True), labels)


def _levels(ends: Sequence[datetime], scope: Scope, labels: Mapping[int, _Label]) -> Any:
    """(channel, end of a day, the last snapshot before it): a look-up each, however many snapshots there are."""
    days: Any = values(column("at", db.UtcDateTime), name="ends").data([(end,) for end in ends]).cte("days")
    level = (
        select(col(Snapshot.value))
        .where(
            col(Snapshot.channel_id) == col(Channel.id),
            col(Snapshot.metric) == "followers",
            col(Snapshot.publication_id).is_(None),
            col(Snapshot.at) < days.c.at,
            col(Snapshot.at) < scope.until,
        )
        .order_by(col(Snapshot.at).desc(), col(Snapshot.id).desc())
        .limit(1)
        .correlate(Channel, days)
        .scalar_subquery()
    )
    return select(col(Channel.id), days.c.at, level).join(days, true()).where(col(Channel.id).in_(labels))


def local_days(moments: "pd.Series[Any]") -> "pd.Series[Any]":
    """The days of local times, as dates without a zone, which is how charts and files show them."""
    plain: pd.Series[Any] = moments.dt.tz_localize(None)
    days: pd.Series[Any] = plain.dt.normalize()
    return days


@dataclass(frozen=True)
class Totals:
    """Sums over posts; None where nothing of it was measured."""

    published: int
    interactions: int | None
    likes: int | None
    shares: int | None
    comments: int | None
    reach: int | None


def totals(posts: pd.DataFrame) -> Totals:
    """The figures at the head of the page, out of `posts_in`."""
    sums = {name: posts[name].sum(min_count=1) for name in ("interactions", "likes", "shares", "comments", "reach")}
    return Totals(
        int(posts["published"].sum()), **{name: None if pd.isna(value) else int(value) for name, value in sums.items()}
    )


def _before(session: Session, scope: Scope, labels: Mapping[int, _Label]) -> Totals | None:
    """The totals of the span before, counted by the database. None where no post is older: then it isn't all known."""
    older = select(col(Publication.id)).where(
        col(Publication.channel_id).in_(labels), col(Publication.published_at) < scope.before
    )
    if session.execute(older.limit(1)).first() is None:
        return None
    measured = col(Publication.measured_at).is_not(None)
    rows: Any = session.execute(
        select(
            col(Publication.channel_id),
            func.count(),
            *(func.sum(getattr(Publication, name)).filter(measured) for name in POST_METRICS),
        )
        .where(*_published(labels, scope.before, scope.since))
        .group_by(col(Publication.channel_id))
    ).all()
    frame = pd.DataFrame(list(map(tuple, rows)), columns=["channel_id", "published", *POST_METRICS])
    for name in POST_METRICS:
        frame[name] = frame[name].astype(float).where(frame["channel_id"].isin(_givers(labels, name)))
    frame["interactions"] = frame[list(REACTIONS)].sum(axis=1, min_count=1)
    return totals(frame)


@dataclass(frozen=True)
class TopPost:
    """A published post with its totals; None is what nobody measured."""

    published_at: datetime
    channel: str
    text: str
    url: str | None
    likes: int | None
    shares: int | None
    comments: int | None
    interactions: int | None
    reach: int | None


def top_posts(session: Session, scope: Scope, by: str = "interactions", limit: int = 20) -> list[TopPost]:
    """The measured posts with most of `by` (a reaction, reach or interactions), best first. Two statements."""
    labels = _labels(session, scope)
    together: Any = sum((getattr(Publication, name) for name in REACTIONS[1:]), start=Publication.likes)
    order: Any = together if by == "interactions" else getattr(Publication, by)
    newest = (col(Publication.published_at).desc(), col(Publication.id).desc())
    rows = session.execute(
        select(Publication)
        .where(*_published(labels, scope.since, scope.until), col(Publication.measured_at).is_not(None))
        .order_by(order.desc().nulls_last(), *newest)
        .limit(limit)
    ).scalars()
    return [_top_post(row, labels[row.channel_id]) for row in rows]


def _top_post(row: Publication, label: _Label) -> TopPost:
    given = {n: getattr(row, n) if n in label.capabilities.post_metrics else None for n in POST_METRICS}
    together = [given.pop(name) if name == "quotes" else given[name] for name in REACTIONS]
    known = [number for number in together if number is not None]
    return TopPost(
        row.published_at, label.channel, row.text, row.url, interactions=sum(known) if known else None, **given
    )
