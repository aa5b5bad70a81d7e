"""Until when something is put off: words, and clocks that change twice a year."""

from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest

from core.errors import UserError
from core.services import snooze_times

BERLIN = ZoneInfo("Europe/Berlin")


def at(text: str) -> datetime:
    """A moment on the clocks of Berlin."""
    return datetime.fromisoformat(text).replace(tzinfo=BERLIN).astimezone(UTC)


def said(moment: datetime) -> str:
    return f"{moment.astimezone(BERLIN):%a %d.%m. %H:%M}"


def test_what_is_offered_on_a_wednesday():
    offered = snooze_times.choices(at("2026-11-25 14:30"), BERLIN)
    assert {words: said(moment) for words, moment in offered.items()} == {
        "In 1 hour": "Wed 25.11. 15:30",
        "Tomorrow 9:00": "Thu 26.11. 09:00",
        "Next Monday 9:00": "Mon 30.11. 09:00",
    }


def test_on_a_sunday_tomorrow_and_next_monday_are_one_and_on_a_monday_it_is_a_week_off():
    assert list(snooze_times.choices(at("2026-11-29 10:00"), BERLIN)) == ["In 1 hour", "Tomorrow 9:00"]
    assert said(snooze_times.choices(at("2026-11-30 08:00"), BERLIN)["Next Monday 9:00"]) == "Mon 07.12. 09:00"


def test_the_day_is_that_of_the_member_not_of_the_server():
    half_past_eleven_at_night_in_utc = datetime(2026, 11, 25, 23, 30, tzinfo=UTC)  # already Thursday in Berlin
    offered = snooze_times.choices(half_past_eleven_at_night_in_utc, BERLIN)
    assert said(offered["Tomorrow 9:00"]) == "Fri 27.11. 09:00"


@pytest.mark.parametrize(("now", "utc_hour"), [("2026-03-28 20:00", 7), ("2026-10-24 20:00", 8)])
def test_nine_is_nine_across_the_change_of_the_clocks(now: str, utc_hour: int):
    """Those nights have 23 and 25 hours."""
    tomorrow = snooze_times.choices(at(now), BERLIN)["Tomorrow 9:00"]
    assert said(tomorrow).endswith("09:00") and tomorrow.hour == utc_hour


@pytest.mark.parametrize(("now", "later"), [("2026-03-29 01:30", "03:30"), ("2026-10-25 02:30", "02:30")])
def test_an_hour_is_an_hour_across_the_change_of_the_clocks(now: str, later: str):
    begin = at(now)
    moment = snooze_times.choices(begin, BERLIN)["In 1 hour"]
    assert moment - begin == timedelta(hours=1) and said(moment).endswith(later)


def test_a_time_that_is_left_out_in_spring_and_one_that_comes_twice_in_autumn():
    assert said(snooze_times.moment(date(2026, 3, 29), time(2, 30), BERLIN)).endswith("03:30")
    assert snooze_times.moment(date(2026, 10, 25), time(2, 30), BERLIN) == datetime(2026, 10, 25, 0, 30, tzinfo=UTC)


@pytest.mark.parametrize(
    ("words", "meant"),
    [
        ("tomorrow", "Sun 29.03. 09:00"),
        ("Monday", "Mon 30.03. 09:00"),
        ("90m", "Sat 28.03. 21:30"),
        ("2 h", "Sat 28.03. 22:00"),
        ("1d", "Sun 29.03. 20:00"),  # a day of the clock: 23 hours here
        ("2026-04-01T09:00", "Wed 01.04. 09:00"),
        ("2026-04-01T07:00:00Z", "Wed 01.04. 09:00"),
    ],
)
def test_what_people_type(words: str, meant: str):
    assert said(snooze_times.until(words, at("2026-03-28 20:00"), BERLIN)) == meant


@pytest.mark.parametrize("words", ["", "soon", "5 parsecs", "-1h", "99999d"])
def test_what_nobody_understands_is_told(words: str):
    with pytest.raises(UserError, match="is no time"):
        snooze_times.until(words, at("2026-03-28 20:00"), BERLIN)


def test_neither_the_past_nor_a_time_beyond_a_year():
    now = at("2026-03-28 20:00")
    with pytest.raises(UserError, match="over"):
        snooze_times.checked(now, now)
    with pytest.raises(UserError, match="a year at most"):
        snooze_times.checked(now + timedelta(days=400), now)
    assert snooze_times.checked(now + timedelta(days=365), now) == now + timedelta(days=365)
