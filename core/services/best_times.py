"""When a channel's audience reacts, from its own data of the last 180 days: the week by hours, in the channel's zone.

Two things are known: how posts published at an hour did (likes, shares, comments and quotes together), and when people
write to us. Posts answer the question itself, so they decide; where there are too few, or they can't tell, the hours at
which people write do, and it is said. What can't be told better than chance isn't claimed (`best_times_model.py`).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from enum import StrEnum
from statistics import fmean, quantiles
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import func, literal_column, select, text
from sqlmodel import Session, col

from core.db import utc_hour, utc_now
from core.models.analytics import Publication
from core.models.inbox import Direction, Message
from core.services.best_times_model import HOURS, Z90, Fit, fit_days, fit_values
from core.services.plan_drafts import local_to_utc
from core.services.slot_times import DAY_NAMES
from core.services.slots import LEAD, NEAR, planned, zones

SPAN = timedelta(days=180)
RIPE = timedelta(days=2)  # a younger post hasn't got its reactions yet
ENOUGH_POSTS = 30
ENOUGH_MESSAGES = 200
ENOUGH_DAYS = 28
MOST_POSTS = 5000  # the newest; more say nothing more
SEASON = timedelta(days=30)  # posts are compared with those of about the same time: audiences grow
SEASON_POSTS = 10
HIGHEST = 0.95  # quantile at which a lucky post is cut
SOON = timedelta(days=14)  # suggestions lie within
CAME: Any = literal_column(f"'{Direction.IN.value}'")  # written out, so that the partial index serves


class Basis(StrEnum):
    """What an estimate stands on."""

    POSTS = "posts"
    MESSAGES = "messages"


class Level(StrEnum):
    """How sure an hour is."""

    HIGH = "high"
    MEDIUM = "medium"
    NONE = "none"  # no better than chance


@dataclass(frozen=True)
class Hour:
    """One hour of the week. `effect` 0.34: a third more than usual; `low` to `high` hold it with 90 %."""

    weekday: int
    hour: int
    effect: float
    low: float
    high: float
    count: int  # posts published then, or messages that came
    level: Level

    @property
    def words(self) -> str:
        """“Tue 18:00”."""
        return f"{DAY_NAMES[self.weekday]} {self.hour:02}:00"


@dataclass(frozen=True)
class Week:
    """All 168 hours by one basis, Monday 0:00 first; `total` posts or messages over `days`. Empty: too little data."""

    basis: Basis
    total: int
    days: int
    hours: tuple[Hour, ...]
    missing: str  # what more it takes; "" when there is enough

    @property
    def tells(self) -> bool:
        """Whether any hour does better than chance would."""
        return any(hour.level is Level.HIGH for hour in self.hours)

    @property
    def best(self) -> tuple[Hour, ...]:
        """Hours worth posting at, the surest gain first. Only where it tells anything."""
        if not self.tells:
            return ()
        good = [hour for hour in self.hours if hour.level is not Level.NONE]
        return tuple(sorted(good, key=lambda hour: (-hour.low, hour.weekday, hour.hour)))


@dataclass(frozen=True)
class BestTimes:
    """What is known of a channel's audience, in the channel's zone."""

    channel_id: int
    zone: ZoneInfo
    posts: Week
    messages: Week

    @property
    def deciding(self) -> Week | None:
        """The week that suggestions follow; None when neither tells anything."""
        return next((week for week in (self.posts, self.messages) if week.best), None)

    @property
    def enough(self) -> bool:
        """Whether there is enough data to ask at all."""
        return not (self.posts.missing and self.messages.missing)


@dataclass(frozen=True)
class Suggestion:
    """A time to post at: aware UTC, with its reason."""

    at: datetime
    hour: Hour
    reason: str


def best_times(session: Session, channel_id: int) -> BestTimes:
    """When the audience of a channel reacts. Three statements; the messages are counted by the database."""
    now = utc_now()
    zone = zones(session, [channel_id])[channel_id]
    return BestTimes(
        channel_id,
        zone,
        _posts_week(_posts(session, channel_id, now), zone),
        _messages_week(_messages(session, channel_id, now), zone, now),
    )


# --- posts ----------------------------------------------------------------------------------------------------------


def _posts(session: Session, channel_id: int, now: datetime) -> list[tuple[datetime, int]]:
    """When each measured post was published and what it got, oldest first."""
    together: Any = (
        col(Publication.likes) + col(Publication.shares) + col(Publication.comments) + col(Publication.quotes)
    )
    rows = session.execute(
        select(col(Publication.published_at), together)
        .where(
            col(Publication.channel_id) == channel_id,
            col(Publication.published_at) >= now - SPAN,
            col(Publication.published_at) <= now - RIPE,
            col(Publication.deleted_at).is_(None),
            col(Publication.measured_at).is_not(None),
        )
        .order_by(col(Publication.published_at).desc())
        .limit(MOST_POSTS)
    )
    return [(at, int(got or 0)) for at, got in rows][::-1]


def _posts_week(rows: Sequence[tuple[datetime, int]], zone: ZoneInfo) -> Week:
    total = len(rows)
    days = _span_days([at for at, _ in rows])
    if total < ENOUGH_POSTS:
        return Week(Basis.POSTS, total, days, (), f"{ENOUGH_POSTS - total} more measured posts")
    if not any(got for _, got in rows):
        return Week(Basis.POSTS, total, days, (), "posts that somebody reacted to")
    hours = [_hour_of_week(at, zone) for at, _ in rows]
    return Week(Basis.POSTS, total, days, _hours(fit_values(hours, relative(rows))), "")


def relative(rows: Sequence[tuple[datetime, int]]) -> list[float]:
    """What each post got, as a multiple of what posts of about the same time got; lucky ones are cut."""
    got = [float(number) for _, number in rows]
    cap = max(quantiles(got, n=100, method="inclusive")[round(100 * HIGHEST) - 1], 1.0)
    cut = [min(number, cap) for number in got]
    usual = fmean(cut)
    first = rows[0][0]
    seasons: dict[int, list[float]] = {}
    places = [(at - first) // SEASON for at, _ in rows]
    for place, number in zip(places, cut, strict=True):
        seasons.setdefault(place, []).append(number)
    means = {place: fmean(some) for place, some in seasons.items() if len(some) >= SEASON_POSTS and any(some)}
    return [number / means.get(place, usual) for place, number in zip(places, cut, strict=True)]


# --- messages -------------------------------------------------------------------------------------------------------


def _messages(session: Session, channel_id: int, now: datetime) -> list[tuple[datetime, int]]:
    """How many messages came in each hour (UTC) in which any came."""
    hour = utc_hour(session, col(Message.sent_at)).label("hour")
    rows = session.execute(
        select(hour, func.count())
        .where(
            col(Message.channel_id) == channel_id,
            col(Message.direction) == CAME,
            col(Message.sent_at) >= now - SPAN,
            col(Message.sent_at) <= now,
        )
        .group_by(text("hour"))  # by name: PostgreSQL takes the same expression with its own parameters for another
    )
    return sorted((datetime.strptime(at, "%Y-%m-%d %H").replace(tzinfo=UTC), count) for at, count in rows)


def _messages_week(rows: Sequence[tuple[datetime, int]], zone: ZoneInfo, now: datetime) -> Week:
    total = sum(count for _, count in rows)
    first = rows[0][0].astimezone(zone).date() + timedelta(days=1) if rows else now.date()
    days = max((now.astimezone(zone).date() - first).days, 0)  # whole days only, neither the first nor today
    if total < ENOUGH_MESSAGES or days < ENOUGH_DAYS:
        wanted = [f"{ENOUGH_MESSAGES - total} more messages"] if total < ENOUGH_MESSAGES else []
        wanted += [f"{ENOUGH_DAYS - days} more days"] if days < ENOUGH_DAYS else []
        return Week(Basis.MESSAGES, total, days, (), " and ".join(wanted))
    table = _by_local_day(rows, zone, first, days)
    shared = [number for day in table for number in day]
    cap = max(quantiles(shared, n=1000, method="inclusive")[989], 1.0)
    weekdays = [(first.weekday() + number) % 7 for number in range(days)]
    fit = fit_days(weekdays, [[min(number, cap) for number in day] for day in table])
    came = [0] * HOURS
    for weekday, day in zip(weekdays, table, strict=True):
        for hour, number in enumerate(day):
            came[24 * weekday + hour] += int(number)
    return Week(Basis.MESSAGES, total, days, _hours(fit, came), "")


def _by_local_day(rows: Sequence[tuple[datetime, int]], zone: ZoneInfo, first: date, days: int) -> list[list[float]]:
    """24 counts a local day. The zone's offset is looked up an hour, so both odd nights are right."""
    table = [[0.0] * 24 for _ in range(days)]
    for at, count in rows:
        local = at.astimezone(zone)
        place = (local.date() - first).days
        if 0 <= place < days:
            table[place][local.hour] += count
    return table


# --- the week -------------------------------------------------------------------------------------------------------


def _hour_of_week(at: datetime, zone: ZoneInfo) -> int:
    local = at.astimezone(zone)
    return 24 * local.weekday() + local.hour


def _span_days(times: Sequence[datetime]) -> int:
    return (times[-1] - times[0]).days + 1 if times else 0


def _hours(fit: Fit, came: Sequence[int] | None = None) -> tuple[Hour, ...]:
    count = came or fit.count
    found = []
    for place in range(HOURS):
        effect, reach = fit.effect[place], Z90 * fit.sd[place]
        z = fit.z[place]
        level = Level.HIGH if z > fit.sure else Level.MEDIUM if z > fit.likely and fit.tells else Level.NONE
        low, high = max(effect - reach, -1.0), effect + reach
        found.append(Hour(*divmod(place, 24), effect, low, high, count[place], level))
    return tuple(found)


# --- what to do with it ---------------------------------------------------------------------------------------------


def suggestions(
    session: Session, found: BestTimes, channel_ids: Sequence[int] = (), count: int = 3, after: datetime | None = None
) -> list[Suggestion]:
    """The best hours of the coming two weeks at which none of the channels has anything planned. One statement.

    `channel_ids`: all that the post goes to; the first is the one whose audience was looked at.
    """
    week = found.deciding
    if week is None:
        return []
    start = max(after or utc_now(), utc_now() + LEAD)
    ids = {found.channel_id, *channel_ids}
    held = [one.at for one in planned(session, ids, start - NEAR, start + SOON + timedelta(hours=1))]
    chosen: list[Suggestion] = []
    for later in range(2):  # each hour once before any comes again a week later
        for hour in week.best:
            at = _next(hour, found.zone, start, later)
            if at is not None and len(chosen) < count and not _taken(at, held):
                chosen.append(Suggestion(at, hour, reason(hour, week)))
    return chosen


def _next(hour: Hour, zone: ZoneInfo, after: datetime, later: int) -> datetime | None:
    """When that hour begins next (or a week later), within `SOON`."""
    today = after.astimezone(zone).date()
    day = today + timedelta(days=(hour.weekday - today.weekday()) % 7)
    at, _ = local_to_utc(datetime.combine(day, time(hour.hour)), zone)
    weeks = later + (at < after)
    at, _ = local_to_utc(datetime.combine(day + timedelta(days=7 * weeks), time(hour.hour)), zone)
    return at if at <= after + SOON else None


def _taken(at: datetime, held: Sequence[datetime]) -> bool:
    return any(at - NEAR < one < at + timedelta(hours=1) for one in held)


def reason(hour: Hour, week: Week) -> str:
    """“34 % more reactions than usual · 6 of 212 posts in 180 days · confidence high”."""
    more = f"{round(100 * hour.effect)} % more"
    if week.basis is Basis.POSTS:
        told = f"{more} reactions than usual · {hour.count} of {week.total:,} posts"
    else:
        told = f"people write {more} than usual · {hour.count:,} of {week.total:,} messages"
    return f"{told} in {week.days} days · confidence {hour.level.value}"


def answer(found: BestTimes) -> str:
    """The sentence that answers when this audience reacts, or says that it isn't known."""
    week = found.deciding
    if week is not None:
        best = week.best[0]
        what = "posts got about {} % more reactions" if week.basis is Basis.POSTS else "people write about {} % more"
        span = f"90 % sure: {round(100 * best.low)} to {round(100 * best.high)} %"
        told = f"Best on {best.words}: {what.format(round(100 * best.effect))} than usual ({span})."
        if week.basis is Basis.MESSAGES:
            told += " " + _why_messages(found.posts)
        return told
    if not found.enough:
        return (
            f"Not enough data yet: it takes {found.posts.missing}, or {found.messages.missing}, "
            f"before hours can be compared."
        )
    asked = [f"{week.total:,} {week.basis.value}" for week in (found.posts, found.messages) if not week.missing]
    return (
        f"The data can't tell: over {' and '.join(asked)}, no hour did better than chance would. "
        "Any time is as good as another for now."
    )


def _why_messages(posts: Week) -> str:
    if posts.missing:
        return f"By when people write; to compare posts it takes {posts.missing}."
    return f"By when people write: {posts.total:,} posts alone can't tell."
