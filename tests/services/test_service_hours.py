"""Business time: what people would count on the wall clock, and laws that hold for any hours, nights and holidays."""

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlmodel import select

from core import db
from core.errors import NotFound, PermissionDenied, UserError
from core.models.inbox import Conversation
from core.models.inbox_work import ServiceHours
from core.models.team import AuditEntry, Role
from core.services import service_hours, service_time
from core.services.service_hours import (
    OFFICE,
    Hours,
    add_business,
    business_seconds,
    check,
    free_days,
    is_open,
    open_ticks,
)
from core.services.service_words import (
    country_names,
    day_words,
    length_words,
    minutes_of,
    region_names,
    spans_of,
    target_words,
)
from core.services.team import Actor
from tests import factories
from tests.conftest import counted

BERLIN = ZoneInfo("Europe/Berlin")
ALWAYS = (((0, 1440),),) * 7
HOUR = 3600.0


def at(text: str) -> datetime:
    """A moment in Berlin."""
    return datetime.fromisoformat(text).replace(tzinfo=BERLIN)


# --- examples -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("start", "end", "counted_hours"),
    [
        ("2026-06-08 09:00", "2026-06-08 17:00", 8),  # a Monday
        ("2026-06-08 07:00", "2026-06-08 10:00", 1),
        ("2026-06-08 16:30", "2026-06-09 09:30", 1),
        ("2026-06-05 16:00", "2026-06-08 10:00", 2),  # over the weekend
        ("2026-06-06 10:00", "2026-06-07 18:00", 0),
        ("2026-12-24 09:00", "2026-12-28 17:00", 16),  # Christmas Day is a Friday
        ("2026-06-08 12:00", "2026-06-08 12:00", 0),
        ("2026-06-08 12:00", "2026-06-08 10:00", -2),
    ],
)
def test_what_is_counted_is_when_somebody_is_there(start: str, end: str, counted_hours: float):
    assert business_seconds(Hours(country="DE"), at(start), at(end)) == counted_hours * HOUR


def test_holidays_are_those_of_the_state():
    start, end = at("2026-11-18 09:00"), at("2026-11-18 17:00")  # Buß- und Bettag: Saxony alone
    assert business_seconds(Hours(country="DE", region="SN"), start, end) == 0
    assert business_seconds(Hours(country="DE", region="BY"), start, end) == 8 * HOUR
    assert business_seconds(Hours(country="DE"), start, end) == 8 * HOUR
    assert business_seconds(Hours(country=None), at("2026-12-25 09:00"), at("2026-12-25 17:00")) == 8 * HOUR
    vienna = Hours(country="AT", time_zone="Europe/Vienna")
    assert business_seconds(vienna, at("2026-10-26 09:00"), at("2026-10-26 17:00")) == 0
    assert "Repentance" in free_days("DE", "SN", 2026)[date(2026, 11, 18)]


def test_several_spans_a_day_leave_the_break_out():
    hours = Hours((((540, 720), (780, 1050)),) * 5 + ((), ()))
    assert business_seconds(hours, at("2026-06-08 11:30"), at("2026-06-08 13:30")) == HOUR
    assert add_business(hours, at("2026-06-08 11:30"), HOUR) == at("2026-06-08 13:30")
    assert is_open(hours, at("2026-06-08 11:59")) and not is_open(hours, at("2026-06-08 12:00"))


def test_the_night_the_clock_is_changed_has_the_hours_it_has():
    always = Hours(ALWAYS)
    spring, autumn = "2026-03-29", "2026-10-25"
    assert business_seconds(always, at(f"{spring} 00:00"), at("2026-03-30 00:00")) == 23 * HOUR
    assert business_seconds(always, at(f"{autumn} 00:00"), at("2026-10-26 00:00")) == 25 * HOUR
    nights = Hours((((120, 180),),) * 7)  # two to three: an hour that is missing, and one that comes twice
    assert business_seconds(nights, at(f"{spring} 00:00"), at(f"{spring} 12:00")) == 0
    assert business_seconds(nights, at(f"{autumn} 00:00"), at(f"{autumn} 12:00")) == 2 * HOUR
    # Office hours begin at nine on the wall, whatever UTC says.
    assert add_business(Hours(), at("2026-03-27 16:00"), 2 * HOUR) == datetime(2026, 3, 30, 8, tzinfo=UTC)
    assert add_business(Hours(), at("2026-10-23 16:00"), 2 * HOUR) == datetime(2026, 10, 26, 9, tzinfo=UTC)


def test_half_an_hour_of_summer_time_is_right_too():
    """Lord Howe changes by thirty minutes, and Kathmandu is 5 h 45 min ahead."""
    howe = ZoneInfo("Australia/Lord_Howe")
    day = datetime(2026, 10, 4, tzinfo=howe), datetime(2026, 10, 5, tzinfo=howe)
    assert business_seconds(Hours(ALWAYS, time_zone="Australia/Lord_Howe"), *day) == 23.5 * HOUR
    nine = datetime(2026, 6, 8, 9, tzinfo=ZoneInfo("Asia/Kathmandu"))
    assert add_business(Hours(time_zone="Asia/Kathmandu"), nine, 60) == datetime(2026, 6, 8, 3, 16, tzinfo=UTC)


def test_a_deadline_is_the_first_moment_that_suffices():
    hours = Hours(country="DE")
    assert add_business(hours, at("2026-06-08 09:00"), 8 * HOUR) == at("2026-06-08 17:00")  # not Tuesday at nine
    assert add_business(hours, at("2026-06-05 16:30"), 4 * HOUR) == at("2026-06-08 12:30")
    assert add_business(hours, at("2026-06-06 12:00"), 0) == at("2026-06-06 12:00")
    assert add_business(hours, at("2026-12-31 16:00"), 2 * HOUR) == at("2027-01-04 10:00")


def test_hours_without_any_hour_are_refused_instead_of_searched_for_ever():
    with pytest.raises(ValueError):
        add_business(Hours(((),) * 7), at("2026-06-08 09:00"), 1)
    with pytest.raises(ValueError):
        add_business(Hours(), at("2026-06-08 09:00"), -1)


# --- laws -----------------------------------------------------------------------------------------------------------

zones = st.sampled_from(["Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Asia/Kathmandu", "UTC"])
places = st.sampled_from([(None, None), ("DE", None), ("DE", "SN"), ("DE", "BY"), ("AT", None), ("US", "CA")])
cuts = st.lists(st.integers(0, 96), min_size=2, max_size=6, unique=True).map(sorted)
days = st.one_of(
    st.just(()),
    cuts.map(lambda c: tuple((15 * a, 15 * b) for a, b in zip(c[::2], c[1::2], strict=False))),
)
weeks = st.tuples(*[days] * 7).filter(any)


@st.composite
def any_hours(draw: st.DrawFn) -> Hours:
    country, region = draw(places)
    return Hours(draw(weeks), country, region, draw(zones))


# Around nights in which clocks change and around New Year as often as anywhere else.
anchors = st.sampled_from(
    [
        datetime(2026, *day, tzinfo=UTC)
        for day in ((3, 8), (3, 29), (4, 5), (10, 4), (10, 25), (11, 1), (12, 31), (6, 8))
    ]
)
nearby = st.builds(
    lambda anchor, micros: anchor + timedelta(microseconds=micros),
    anchors,
    st.integers(-2 * 86400 * 10**6, 2 * 86400 * 10**6),
)
moments = st.one_of(
    nearby,
    st.datetimes(datetime(2015, 1, 1), datetime(2035, 1, 1)).map(lambda moment: moment.replace(tzinfo=UTC)),
)
amounts = st.integers(0, 40 * 86400)


@given(any_hours(), moments, moments, moments)
@settings(max_examples=150, deadline=None)
def test_parts_add_up_to_the_whole(hours: Hours, a: datetime, b: datetime, c: datetime):
    assert open_ticks(hours, a, b) + open_ticks(hours, b, c) == open_ticks(hours, a, c)
    assert open_ticks(hours, a, b) == -open_ticks(hours, b, a)


@given(any_hours(), moments, moments)
@settings(max_examples=150, deadline=None)
def test_no_more_is_counted_than_passes(hours: Hours, a: datetime, b: datetime):
    first, last = sorted((a, b))
    assert 0 <= open_ticks(hours, first, last) <= (last - first) // timedelta(microseconds=1)
    if is_open(hours, first) and first < last:
        assert open_ticks(hours, first, last) > 0


@given(any_hours(), moments, amounts)
@settings(max_examples=150, deadline=None)
def test_what_is_added_is_what_is_counted(hours: Hours, start: datetime, seconds: int):
    end = add_business(hours, start, seconds)
    assert business_seconds(hours, start, end) == seconds
    if seconds:  # and it is the first such moment
        assert business_seconds(hours, start, end - timedelta(microseconds=1)) < seconds


@given(any_hours(), moments, moments)
@settings(max_examples=150, deadline=None)
def test_adding_what_was_counted_leads_back(hours: Hours, a: datetime, b: datetime):
    first, last = sorted((a, b))
    back = add_business(hours, first, business_seconds(hours, first, last))
    assert back <= last + timedelta(microseconds=1)  # a float of twenty years has no finer end
    assert abs(open_ticks(hours, back, last)) <= 1  # between the two nobody is there


@given(any_hours(), moments, amounts, amounts)
@settings(max_examples=150, deadline=None)
def test_adding_in_steps_and_more_never_earlier(hours: Hours, start: datetime, x: int, y: int):
    assert add_business(hours, add_business(hours, start, x), y) == add_business(hours, start, x + y)
    assert add_business(hours, start, x) <= add_business(hours, start, x + y)


@given(any_hours(), moments, moments, amounts)
@settings(max_examples=150, deadline=None)
def test_who_starts_later_is_due_later(hours: Hours, a: datetime, b: datetime, seconds: int):
    first, second = sorted((a, b))
    assert add_business(hours, first, seconds) <= add_business(hours, second, seconds)


@given(any_hours(), moments)
@settings(max_examples=150, deadline=None)
def test_open_is_what_the_clock_on_the_wall_says(hours: Hours, moment: datetime):
    local = moment.astimezone(hours.zone)
    minute = local.hour * 60 + local.minute
    within = any(start <= minute < end for start, end in hours.weekly[local.weekday()])
    assert is_open(hours, moment) == (within and local.date() not in free_days(hours.country, hours.region, local.year))


# --- words ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        ("9-17", "09:00–17:00"),
        ("9:00–12:30, 13.30 – 18", "09:00–12:30, 13:30–18:00"),
        ("13-18; 9-12", "09:00–12:00, 13:00–18:00"),
        ("9 bis 17 Uhr", "09:00–17:00"),
        ("0-24", "00:00–24:00"),
        ("9-12, 12-17", "09:00–17:00"),
        ("", ""),
        ("Geschlossen", ""),
    ],
)
def test_hours_are_read_as_people_type_them(typed: str, meant: str):
    assert day_words(spans_of(typed, 0)) == meant
    assert spans_of(meant, 0) == spans_of(typed, 0)


@pytest.mark.parametrize(
    ("typed", "said"),
    [
        ("morgens", "Tuesday: “morgens” isn't understood"),
        ("9-12, 11-17", "Tuesday: 09:00–12:00 and 11:00–17:00 overlap"),
        ("17-9", "Tuesday: 17:00–09:00 ends before it begins"),
        ("9-25", "Tuesday: 25:00 is no time of day"),
        ("9:75-12", "Tuesday: 9:75 is no time of day"),
        ("9-9", "ends before it begins"),
    ],
)
def test_what_is_wrong_gets_a_sentence(typed: str, said: str):
    with pytest.raises(UserError, match=said):
        spans_of(typed, 1)


def test_spans_of_time_are_read_and_told():
    assert [minutes_of(text) for text in ("90", "90 min", "1.5 h", "1h30", "4 h", "1,5h")] == [90, 90, 90, 90, 240, 90]
    for wrong in ("", "bald", "4 days"):
        with pytest.raises(UserError, match="no span of time"):
            minutes_of(wrong)
    assert [length_words(s) for s in (0, 45, 59.8, 480, 4800, 3600, 111_600)] == [
        *("0 s", "45 s", "1 min", "8 min", "1 h 20 min", "1 h", "31 h")
    ]
    assert [target_words(m) for m in (45, 60, 90, 240)] == ["45 min", "1 h", "1 h 30 min", "4 h"]


def test_countries_and_states_have_names():
    assert country_names()["DE"] == "Germany" and country_names()["AT"] == "Austria"
    states = region_names("DE")
    assert states["SN"] == "Sachsen" and states["BW"] == "Baden-Württemberg" and len(states) >= 16
    assert region_names("XX") == {}


# --- the row --------------------------------------------------------------------------------------------------------


@pytest.fixture
def admin(hub: object) -> Actor:
    return factories.actor()


def saved(actor: Actor, hours: Hours) -> None:
    with db.write() as session:
        service_hours.save(session, actor, hours)


def now_hours() -> Hours:
    with db.read() as session:
        return service_hours.current(session)


def test_without_a_row_office_hours_hold(admin: Actor):
    found = now_hours()
    assert found.weekly == OFFICE and (found.target_minutes, found.undo_seconds) == (240, 20)
    assert (found.country, found.time_zone) == ("DE", "Europe/Berlin")


def test_what_is_saved_is_what_holds(admin: Actor):
    wanted = Hours((((540, 720), (780, 1440)),) + ((),) * 6, "DE", "SN", "Europe/Vienna", 90, 0)
    saved(admin, wanted)
    assert now_hours() == wanted
    saved(admin, Hours())
    assert now_hours() == Hours()
    with db.read() as session:
        row = session.get_one(ServiceHours, 1)
        assert row.weekly is not None and row.weekly["0"] == [["09:00", "17:00"]] and row.weekly["6"] == []
        assert [e.action for e in session.exec(select(AuditEntry))] == ["hours.set", "hours.set"]


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"weekly": ((),) * 7}, "at least one day"),
        ({"weekly": OFFICE[:6]}, "seven days"),
        ({"weekly": (((540, 480),), *OFFICE[1:])}, "Monday: 09:00–08:00 ends before it begins"),
        ({"time_zone": "Europe/Chemnitz"}, "no time zone “Europe/Chemnitz”"),
        ({"country": "XX"}, "Choose a country"),
        ({"country": "DE", "region": "ZH"}, "isn't a region"),
        ({"country": None, "region": "SN"}, "isn't a region"),
        ({"target_minutes": 0}, "target must be"),
        ({"undo_seconds": 301}, "up to 300 seconds"),
    ],
)
def test_wrong_hours_are_refused_and_change_nothing(admin: Actor, wrong: dict, said: str):
    with pytest.raises(UserError, match=said):
        saved(admin, Hours(**wrong))
    assert now_hours() == Hours(country="DE")


def test_only_administrators_change_hours(admin: Actor):
    with pytest.raises(PermissionDenied):
        saved(factories.actor(Role.EDITOR), Hours())
    channel, editor = factories.channel(), factories.actor(Role.EDITOR)
    with pytest.raises(PermissionDenied), db.write() as session:
        service_hours.set_channel_target(session, editor, channel.id, 30)


def test_touching_spans_become_one():
    assert check(Hours((((540, 720), (720, 1020)), *OFFICE[1:]))).weekly[0] == ((540, 1020),)


def deadline(conversation_id: int) -> datetime | None:
    with db.read() as session:
        return session.get_one(Conversation, conversation_id).respond_by


def test_new_hours_and_targets_move_the_deadlines(admin: Actor):
    mine = factories.channel(created_at=at("2026-01-01 00:00"))
    other = factories.channel(created_at=at("2026-01-01 00:00"))
    talks = [factories.conversation(c.id, at=at("2026-06-08 10:00")).id for c in (mine, other)]
    service_time.watch()
    assert [deadline(key) for key in talks] == [at("2026-06-08 14:00")] * 2
    with db.write() as session:
        service_hours.set_channel_target(session, admin, mine.id, 60)
    service_time.watch()
    assert [deadline(key) for key in talks] == [at("2026-06-08 11:00"), at("2026-06-08 14:00")]
    saved(admin, Hours((((540, 660),),) * 7, target_minutes=120))
    service_time.watch()
    assert [deadline(key) for key in talks] == [at("2026-06-08 11:00"), at("2026-06-09 10:00")]
    with db.write() as session:
        service_hours.set_channel_target(session, admin, mine.id, None)
    service_time.watch()
    assert deadline(talks[0]) == at("2026-06-09 10:00")


def test_the_time_to_take_back_alone_moves_no_deadline(admin: Actor):
    talk = factories.conversation(factories.channel().id)
    service_time.watch()
    before = deadline(talk.id)
    saved(admin, Hours(country="DE", undo_seconds=5))
    assert before is not None and deadline(talk.id) == before


def test_a_channels_target_is_checked(admin: Actor):
    channel = factories.channel()
    with pytest.raises(UserError, match="between 1 minute"), db.write() as session:
        service_hours.set_channel_target(session, admin, channel.id, 0)
    with pytest.raises(NotFound), db.write() as session:
        service_hours.set_channel_target(session, admin, 999, 30)


def test_reading_the_hours_is_one_statement(admin: Actor):
    saved(admin, Hours())
    with counted() as ran:
        now_hours()
    assert len(ran) == 1
