"""How likes, reblogs and followers grow: pure functions of a post (or channel) and a time, no state, no randomness.

A post is seen in proportion to how many of the audience are online in the hours after it, most in the first hour. So
posts sent at a good time do better, and the best time can be found from the numbers.
"""

import math
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from hashlib import blake2b
from typing import NamedTuple
from zoneinfo import ZoneInfo

from core.sandbox.plan import BIKES, COFFEE, HELP

BERLIN = ZoneInfo("Europe/Berlin")
HOURS = 72  # after three days a post is old
HALF_LIFE = 0.08  # hours; the smaller, the more happens in the first minutes
LIKE_RATE = 0.02  # of the followers, for a post of average appeal seen by everybody
ANCHOR = date(2025, 1, 1)

# (centre hour, width, height) of each time of day people look, on working days and at weekends.
CURVES: dict[str, tuple[tuple[tuple[float, float, float], ...], tuple[tuple[float, float, float], ...]]] = {
    COFFEE: (((7.5, 1.3, 1.0), (13.0, 1.0, 0.45), (20.0, 2.0, 0.35)), ((10.0, 1.8, 0.85), (16.0, 1.8, 0.4))),
    HELP: (((9.5, 1.6, 0.8), (14.5, 1.8, 1.0)), ((11.0, 2.5, 0.35),)),
    BIKES: (((8.0, 1.0, 0.5), (18.0, 1.7, 1.0)), ((11.0, 2.2, 0.95), (19.0, 2.0, 0.4))),
}
_ANYBODY = (((8.0, 2.0, 0.6), (19.5, 2.5, 1.0)), ((11.0, 3.0, 0.8), (20.0, 2.5, 0.8)))
_WEEKDAY = {COFFEE: (0.9, 1.0, 0.95, 1.0, 0.8), HELP: (1.0, 1.0, 0.9, 0.85, 0.65), BIKES: (0.8, 0.9, 1.0, 0.95, 0.85)}

# At the anchor: followers; then a day: followers gained; then the swing of a season, and how many we follow.
_FOLLOWERS = {COFFEE: (2410, 3.1, 46, 212), HELP: (930, 0.85, 14, 38), BIKES: (1790, 5.2, 70, 305)}


class Day(NamedTuple):
    """One past snapshot of a channel: counts at a time (aware, UTC)."""

    at: datetime
    followers: int
    following: int
    posts: int


@lru_cache(maxsize=8)
def week(handle: str) -> tuple[float, ...]:
    """Share of the audience online (0…1) for each of the 168 hours of a week, Monday 0:00 first, Europe/Berlin."""
    workdays, weekend = CURVES.get(handle, _ANYBODY)
    factors = (*_WEEKDAY.get(handle, (1.0,) * 5), 1.0, 1.0)
    table = []
    for weekday in range(7):
        peaks = workdays if weekday < 5 else weekend
        for hour in range(24):
            bells = (h * math.exp(-(((hour + 0.5 - centre) / width) ** 2) / 2) for centre, width, h in peaks)
            table.append(min(1.0, 0.03 + factors[weekday] * sum(bells)))
    return tuple(table)


def audience(handle: str, at: datetime) -> float:
    """Share of a channel's audience that is online at a time (0…1)."""
    local = at.astimezone(BERLIN)
    return week(handle)[local.weekday() * 24 + local.hour]


def _weight(hours: float) -> float:
    return math.log1p(hours / HALF_LIFE)


def exposure(handle: str, created_at: datetime, age: timedelta) -> float:
    """How much of the greatest possible attention a post has had after `age` (0…1). Never falls as age grows."""
    hours = min(max(age.total_seconds() / 3600, 0.0), float(HOURS))
    return _exposure(handle, created_at, hours)


@lru_cache(maxsize=4096)
def _exposure(handle: str, created_at: datetime, hours: float) -> float:
    local = created_at.astimezone(BERLIN)
    start = local.weekday() * 24 + local.hour
    offset = local.minute / 60 + local.second / 3600
    table, seen, position = week(handle), 0.0, 0.0
    while position < hours:
        hour = int(position + offset + 1e-9)
        until = min(hours, hour + 1 - offset)
        seen += table[(start + hour) % 168] * (_weight(until) - _weight(position))
        position = until
    return seen / _weight(HOURS)


def likes(handle: str, created_at: datetime, appeal: float, age: timedelta, crowd: int | None = None) -> int:
    """Likes that came by themselves. `appeal` 1 is an average post; `crowd` (followers) is a channel's own if None."""
    size = followers(handle, created_at) if crowd is None else crowd
    return int(size * LIKE_RATE * appeal * exposure(handle, created_at, age))


def reblogs(handle: str, created_at: datetime, appeal: float, age: timedelta, crowd: int | None = None) -> int:
    """Reblogs that came by themselves; good posts are shared more than in proportion."""
    size = followers(handle, created_at) if crowd is None else crowd
    return int(size * LIKE_RATE * 0.2 * appeal**1.4 * exposure(handle, created_at, age))


def chance(*key: object) -> float:
    """A number in 0…1 that depends on nothing but the key."""
    digest = blake2b("|".join(map(str, key)).encode(), digest_size=8).digest()
    return int.from_bytes(digest, "big") / 2**64


def appeal_of(*key: object) -> float:
    """How good a post is: most between 0.5 and 1.8, now and then one that flies."""
    spread = math.sqrt(-2 * math.log(1 - chance("r", *key) * 0.9999)) * math.cos(2 * math.pi * chance("a", *key))
    return math.exp(0.45 * spread)


def followers(handle: str, at: datetime) -> int:
    """Followers of a channel at a time. Grows over weeks; single days may lose some, as everywhere."""
    days = (at - datetime(ANCHOR.year, ANCHOR.month, ANCHOR.day, tzinfo=UTC)) / timedelta(days=1)
    today = math.floor(days)
    before, after = _followers_on(handle, today), _followers_on(handle, today + 1)
    return max(0, int(before + (after - before) * (days - today)))


@lru_cache(maxsize=2048)
def _followers_on(handle: str, day: int) -> float:
    start, gain, swing, _ = _FOLLOWERS[handle]
    season = swing * math.sin(2 * math.pi * day / 61)
    return start + gain * day + season + (chance(handle, day) - 0.5) * 3 * gain


def following(handle: str, at: datetime) -> int:
    """How many accounts a channel follows: one more every five weeks."""
    return _FOLLOWERS[handle][3] + max(0, (at.astimezone(UTC).date() - ANCHOR).days // 35)


def history(handle: str, until: datetime, posts_at: Callable[[datetime], int], days: int = 182) -> list[Day]:
    """Daily snapshots up to `until`, oldest first. `posts_at` counts the channel's posts at a time."""
    times = (until - timedelta(days=back) for back in range(days, -1, -1))
    return [Day(at, followers(handle, at), following(handle, at), posts_at(at)) for at in times]
