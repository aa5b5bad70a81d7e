"""A wall-clock time as the moment it means, in any zone: `local_to_utc` held against a search by hand.

The search knows nothing of folds: it tries every offset that the zone has around that day, and takes the moments at
which a clock there really shows the time. None: the time is skipped. Two: it comes twice.
"""

from datetime import UTC, datetime, timedelta
from functools import cache
from zoneinfo import ZoneInfo, available_timezones

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.services.plan_drafts import local_to_utc

ODD = ("Australia/Lord_Howe", "Pacific/Apia", "Antarctica/Troll", "Africa/Casablanca", "America/Scoresbysund")
USUAL = ("Europe/Berlin", "America/New_York", "Asia/Kathmandu", "UTC", "America/St_Johns", "Pacific/Chatham")
ALL = sorted(zone for zone in available_timezones() if not zone.startswith(("posix/", "right/")) and "/" in zone)
ZONES = st.sampled_from(ODD) | st.sampled_from(USUAL) | st.sampled_from(ALL)
FIRST, LAST = datetime(1971, 1, 1), datetime(2060, 12, 31)
HOUR = timedelta(hours=1)


def reading(moment: datetime, zone: str) -> datetime:
    """What a clock there shows."""
    return moment.astimezone(ZoneInfo(zone)).replace(tzinfo=None, fold=0)


def moments(local: datetime, zone: str) -> list[datetime]:
    """When a clock there shows `local`: every offset around that day is tried."""
    there = local.replace(tzinfo=UTC)
    offsets = {
        reading(there + HOUR * step, zone) - (there + HOUR * step).replace(tzinfo=None) for step in range(-40, 41)
    }
    found = {(local - offset).replace(tzinfo=UTC) for offset in offsets}
    return sorted(moment for moment in found if reading(moment, zone) == local)


@cache
def changes(zone: str, year: int) -> tuple[datetime, ...]:
    """The moments of a year at which the clock there is put forward or back."""
    found, moment = [], datetime(year, 1, 1, tzinfo=UTC)

    def offset(at: datetime) -> timedelta:
        return reading(at, zone) - at.replace(tzinfo=None)

    for _ in range(366):
        low, high = moment, moment + timedelta(days=1)
        if offset(low) != offset(high):
            before = offset(low)
            while high - low > timedelta(seconds=1):
                middle = low + (high - low) / 2
                low, high = (middle, high) if offset(middle) == before else (low, middle)
            found.append(high.replace(microsecond=0))
        moment += timedelta(days=1)
    return tuple(found)


@st.composite
def near_a_change(draw: st.DrawFn) -> tuple[str, datetime]:
    """A zone, and a wall-clock time within hours of a change there (any time where that year has none)."""
    zone = draw(st.sampled_from(ODD) | ZONES)
    found = changes(zone, draw(st.integers(2005, 2037)))
    if not found:
        return zone, draw(st.datetimes(FIRST, LAST))
    shown = reading(draw(st.sampled_from(found)), zone)
    return zone, shown + draw(st.timedeltas(timedelta(hours=-27), timedelta(hours=3)))


ANY = near_a_change() | st.tuples(ZONES, st.datetimes(FIRST, LAST))


@given(ANY)
@settings(max_examples=400, deadline=None)
def test_a_time_is_the_moment_that_a_clock_there_shows_it(given_: tuple[str, datetime]) -> None:
    zone, local = given_
    moment, note = local_to_utc(local, ZoneInfo(zone))
    assert moment.tzinfo is UTC
    there = moments(local, zone)
    if there:
        assert moment == there[0], "of two it is the first"
        assert (note is None) == (len(there) == 1)
        assert note is None or f"{local:%H:%M} comes twice" in note
    else:
        assert reading(moment, zone) > local
        assert reading(moment - timedelta(microseconds=1), zone) < local, "the first moment after the gap"
        assert note is not None and f"goes out at {reading(moment, zone):%H:%M}" in note


@given(ANY, st.timedeltas(timedelta(0), timedelta(hours=30)))
@settings(max_examples=200, deadline=None)
def test_what_is_later_on_the_wall_never_goes_out_earlier(given_: tuple[str, datetime], later: timedelta) -> None:
    zone, local = given_
    assert local_to_utc(local, ZoneInfo(zone))[0] <= local_to_utc(local + later, ZoneInfo(zone))[0]


@given(ANY, st.sampled_from([0, 1]))
@settings(max_examples=100, deadline=None)
def test_what_else_stands_with_a_time_makes_no_difference(given_: tuple[str, datetime], fold: int) -> None:
    zone, local = given_
    plain = local_to_utc(local, ZoneInfo(zone))
    assert local_to_utc(local.replace(fold=fold), ZoneInfo(zone)) == plain
    assert local_to_utc(local.replace(tzinfo=UTC), ZoneInfo(zone)) == plain


@pytest.mark.parametrize(
    ("zone", "local", "moment", "word"),
    [
        ("Europe/Berlin", "2026-03-29 02:30", "2026-03-29 01:00", "doesn't exist"),
        ("Europe/Berlin", "2026-10-25 02:30", "2026-10-25 00:30", "comes twice"),
        ("Australia/Lord_Howe", "2026-10-04 02:15", "2026-10-03 15:30", "doesn't exist"),  # half an hour
        ("Australia/Lord_Howe", "2026-10-04 02:30", "2026-10-03 15:30", None),
        ("Australia/Lord_Howe", "2026-04-05 01:45", "2026-04-04 14:45", "comes twice"),
        ("Pacific/Apia", "2011-12-30 10:00", "2011-12-30 10:00", "doesn't exist"),  # a day that never was
        ("Antarctica/Troll", "2026-03-29 02:59", "2026-03-29 01:00", "doesn't exist"),  # two hours
        ("Antarctica/Troll", "2026-10-25 01:01", "2026-10-24 23:01", "comes twice"),
        ("Africa/Casablanca", "2026-02-15 02:30", "2026-02-15 01:30", "comes twice"),  # Ramadan
        ("Africa/Casablanca", "2026-03-22 02:30", "2026-03-22 02:00", "doesn't exist"),
        ("America/New_York", "2026-03-08 02:00", "2026-03-08 07:00", "doesn't exist"),
        ("Asia/Kathmandu", "2026-03-29 02:30", "2026-03-28 20:45", None),
    ],
)
def test_the_odd_nights_of_odd_places(zone: str, local: str, moment: str, word: str | None) -> None:
    found, note = local_to_utc(datetime.fromisoformat(local), ZoneInfo(zone))
    assert found == datetime.fromisoformat(moment).replace(tzinfo=UTC)
    assert note is None if word is None else note is not None and word in note
