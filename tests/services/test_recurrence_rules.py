"""Rules of posts that come again: wall-clock time stays, days are right, ends and odd nights are honoured."""

from datetime import UTC, date, datetime, time, timedelta
from itertools import islice, pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.errors import UserError
from core.models.planning_time import RecurrenceKind, RecurrenceUnit
from core.services.recurrence_rules import Rule, checked, days, first_moment, next_after, occurrences, words

ZONES = (
    "Europe/Berlin",
    "Europe/London",
    "America/New_York",
    "Asia/Kolkata",
    "Australia/Lord_Howe",
    "Africa/Casablanca",
)
DAY, WEEK, MONTH = RecurrenceUnit.DAY, RecurrenceUnit.WEEK, RecurrenceUnit.MONTH


def rule(starts_on: date = date(2026, 12, 1), **values) -> Rule:
    return Rule(**({"kind": RecurrenceKind.CALENDAR, "starts_on": starts_on, "time_zone": "Europe/Berlin"} | values))


def first_days(one: Rule, count: int) -> list[date]:
    return list(islice(days(one, one.starts_on - timedelta(days=1)), count))


@pytest.mark.parametrize(
    ("one", "expected"),
    [
        (rule(unit=DAY, every=3), ["12-01", "12-04", "12-07"]),
        (rule(unit=WEEK), ["12-01", "12-08", "12-15"]),  # a Tuesday
        (rule(unit=WEEK, weekdays=(0, 3)), ["12-03", "12-07", "12-10"]),
        (rule(unit=WEEK, every=2, weekdays=(0, 1, 4)), ["12-01", "12-04", "12-14"]),
        (rule(date(2027, 1, 31), unit=MONTH), ["01-31", "02-28", "03-31", "04-30", "05-31"]),
        (rule(date(2027, 8, 31), unit=MONTH, every=6), ["08-31", "02-29", "08-31"]),  # 2028 has a 29th
        (rule(date(2027, 1, 30), unit=MONTH), ["01-30", "02-28", "03-30"]),
    ],
)
def test_the_days_of_a_rule(one, expected):
    assert [f"{day:%m-%d}" for day in first_days(one, len(expected))] == expected


@pytest.mark.parametrize(
    ("starts_on", "at", "zone", "moment", "said"),
    [
        (date(2026, 10, 25), "02:30", "Europe/Berlin", datetime(2026, 10, 25, 0, 30, tzinfo=UTC), "comes twice"),
        (date(2027, 3, 28), "02:30", "Europe/Berlin", datetime(2027, 3, 28, 1, tzinfo=UTC), "goes out at 03:00"),
        (date(2027, 3, 14), "02:30", "America/New_York", datetime(2027, 3, 14, 7, tzinfo=UTC), "goes out at 03:00"),
        (date(2027, 3, 28), "09:00", "Europe/Berlin", datetime(2027, 3, 28, 7, tzinfo=UTC), None),
    ],
)
def test_the_odd_nights_have_one_answer_and_say_it(starts_on, at, zone, moment, said):
    found = first_moment(rule(starts_on, unit=DAY, at=at, time_zone=zone))
    assert found is not None and found.at == moment
    assert said in (found.note or "") if said else found.note is None


def test_a_daily_post_at_half_past_two_comes_once_on_each_odd_night():
    autumn = occurrences(rule(date(2026, 10, 24), unit=DAY, at="02:30"), datetime(2026, 10, 23, 12, tzinfo=UTC), 3)
    assert [one.at.hour for one in autumn] == [0, 0, 1] and [one.day.day for one in autumn] == [24, 25, 26]
    spring = occurrences(rule(date(2027, 3, 27), unit=DAY, at="02:30"), datetime(2027, 3, 26, 12, tzinfo=UTC), 3)
    assert [f"{one.at:%d %H:%M}" for one in spring] == ["27 01:30", "28 01:00", "29 00:30"]


rules = st.builds(
    rule,
    starts_on=st.dates(date(2025, 1, 1), date(2028, 12, 31)),
    unit=st.sampled_from(RecurrenceUnit),
    every=st.integers(1, 13),
    weekdays=st.sets(st.integers(0, 6)).map(lambda days: tuple(sorted(days))),
    at=st.times().map(lambda at: f"{at:%H:%M}"),
    time_zone=st.sampled_from(ZONES),
    until_on=st.none() | st.dates(date(2025, 1, 1), date(2030, 12, 31)),
)


@settings(max_examples=150, deadline=None)
@given(rules, st.datetimes(datetime(2024, 12, 1), datetime(2029, 1, 1), timezones=st.just(UTC)))
def test_moments_are_aware_rise_keep_the_wall_clock_and_end(one, after):
    found = occurrences(one, after, 8)
    assert all(moment.at.utcoffset() == timedelta(0) and moment.at > after for moment in found)
    assert all(a.at < b.at for a, b in pairwise(found))
    for moment in found:
        assert moment.day >= one.starts_on and (one.until_on is None or moment.day <= one.until_on)
        local = moment.at.astimezone(one.zone)
        if moment.note is None:
            assert (local.date(), f"{local:%H:%M}") == (moment.day, one.at)
        else:
            moved = local.replace(tzinfo=None) - datetime.combine(moment.day, time.fromisoformat(one.at))
            assert timedelta(0) <= moved <= timedelta(hours=1)
    if one.until_on is None:
        assert len(found) == 8  # without an end it never ends
    # Whoever asks from a moment in between gets the same moments: nothing depends on when it is asked.
    if len(found) > 2:
        assert next_after(one, found[1].at - timedelta(minutes=1)) == found[1]


@settings(max_examples=100, deadline=None)
@given(st.dates(date(2025, 1, 1), date(2028, 12, 31)), st.integers(1, 14))
def test_months_keep_their_day_or_take_their_last(starts_on, every):
    for day in first_days(rule(starts_on, unit=MONTH, every=every), 12):
        following = day + timedelta(days=1)
        assert day.day == starts_on.day or (following.day == 1 and day.day < starts_on.day)


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"every": 0}, "every how many"),
        ({"time_zone": "Berlin"}, "no time zone"),
        ({"weekdays": (7,)}, "Monday to Sunday"),
        ({"most": 0}, "A limit is"),
        ({"until_on": date(2026, 11, 1)}, "last day lies before"),
        ({"at": "noon"}, "no time of day"),
        ({"kind": RecurrenceKind.EVERGREEN, "rest_days": 0}, "rests"),
    ],
)
def test_what_could_never_be_right_is_refused_with_a_sentence(values, said):
    with pytest.raises(UserError, match=said):
        checked(rule(**values))


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({}, "Every week on Tue at 09:00 (Europe/Berlin)"),
        ({"every": 2, "weekdays": (0, 2, 4), "until_on": date(2026, 12, 31), "most": 20},
         "Every 2 weeks on Mon, Wed and Fri at 09:00 (Europe/Berlin), until 31 Dec 2026, 20 times at most"),
        ({"unit": MONTH, "starts_on": date(2027, 1, 31), "most": 1},
         "Every month on day 31, or the last day of a shorter month at 09:00 (Europe/Berlin), once"),
        ({"kind": RecurrenceKind.EVERGREEN, "rest_days": 30},
         "Evergreen: into a free slot when the queue has run dry, 30 days of rest between two"),
    ],
)  # fmt: skip
def test_a_rule_is_told_in_a_sentence(values, said):
    assert words(rule(**values)) == said
