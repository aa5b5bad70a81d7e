"""Slots and zones: what a slot means on every night of the year, which one is free, and who may change them."""

from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
import time_machine
from hypothesis import given, settings
from hypothesis import strategies as st

from core import db
from core.errors import NotFound, PermissionDenied, UserError
from core.models.planning import PostState
from core.models.team import Role
from core.services import channel_zones, slots
from core.services.slot_times import SlotRow, both_clocks, clock, place, slot_times, weekday_of
from core.services.team import COMMAND_LINE
from tests import factories
from tests.conftest import counted

BERLIN, LONDON = ZoneInfo("Europe/Berlin"), ZoneInfo("Europe/London")
ZONES = ("Europe/Berlin", "Europe/London", "America/New_York", "Asia/Kolkata", "Australia/Lord_Howe", "UTC")
MONDAY = datetime(2026, 11, 30, 6, tzinfo=UTC)  # 07:00 in Berlin


def row(weekday: int, at: str) -> SlotRow:
    return SlotRow(1, 1, weekday, at)


def given_slots(channel_id: int, *wanted: tuple[int, str]) -> None:
    with db.write() as session:
        slots.add_slots(session, COMMAND_LINE, channel_id, wanted)


def next_free(*channel_ids: int, after: datetime | None = None) -> datetime | None:
    with db.read() as session:
        found = slots.next_free_slot(session, channel_ids, after)
    return found.at if found else None


# --- the clock --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("zone", "day", "at", "moment", "said"),
    [
        (BERLIN, date(2026, 10, 25), "02:30", datetime(2026, 10, 25, 0, 30, tzinfo=UTC), "comes twice"),
        (BERLIN, date(2027, 3, 28), "02:30", datetime(2027, 3, 28, 1, 0, tzinfo=UTC), "It goes out at 03:00"),
        (BERLIN, date(2027, 3, 28), "03:00", datetime(2027, 3, 28, 1, 0, tzinfo=UTC), None),
        (LONDON, date(2027, 3, 28), "01:30", datetime(2027, 3, 28, 1, 0, tzinfo=UTC), "It goes out at 02:00"),
        (ZoneInfo("America/New_York"), date(2026, 11, 1), "01:30", datetime(2026, 11, 1, 5, 30, tzinfo=UTC), "twice"),
        # Half an hour only: Lord Howe.
        (
            ZoneInfo("Australia/Lord_Howe"),
            date(2026, 10, 4),
            "02:10",
            datetime(2026, 10, 3, 15, 30, tzinfo=UTC),
            "02:30",
        ),
    ],
)
def test_a_slot_on_an_odd_night_has_one_answer_and_says_it(zone, day, at, moment, said):
    before = datetime.combine(day - timedelta(days=1), time(12), zone)
    (found,) = slot_times([row(day.weekday(), at)], zone, before, before + timedelta(days=2))
    assert found.at == moment
    assert said in found.note if said else found.note is None


def test_two_slots_that_fall_together_in_spring_are_one_place():
    before = datetime(2027, 3, 27, 12, tzinfo=UTC)
    found = slot_times([row(6, "02:30"), row(6, "03:00")], BERLIN, before, before + timedelta(days=1))
    assert [one.at for one in found] == [datetime(2027, 3, 28, 1, tzinfo=UTC)]


@settings(max_examples=60, deadline=None)
@given(
    st.sampled_from(ZONES),
    st.lists(st.tuples(st.integers(0, 6), st.times()), min_size=1, max_size=5),
    st.datetimes(datetime(2025, 1, 1), datetime(2030, 1, 1), timezones=st.just(UTC)),
    st.integers(1, 40),
)
def test_slots_are_aware_in_order_on_their_weekday_and_on_the_wall_clock(name, wanted, after, span):
    zone = ZoneInfo(name)
    rows = [row(day, f"{at:%H:%M}") for day, at in wanted]
    found = slot_times(rows, zone, after, after + timedelta(days=span))
    moments = [one.at for one in found]
    assert moments == sorted(set(moments)) and all(after < m <= after + timedelta(days=span) for m in moments)
    for one in found:
        local = one.at.astimezone(zone)
        assert one.at.utcoffset() == timedelta(0)
        assert local.weekday() == one.slot.weekday
        if one.note is None:
            assert f"{local:%H:%M}" == one.slot.at
        else:  # moved on by less than the gap, or the first of two
            assert (
                timedelta(0)
                <= datetime.combine(local.date(), local.time()) - datetime.combine(local.date(), clock(one.slot.at))
                <= timedelta(hours=1)
            )


def test_both_clocks_are_told_where_they_differ():
    at = datetime(2026, 12, 1, 8, tzinfo=UTC)
    shops = [("Coffee UK", LONDON), ("Kaffee", BERLIN), ("Kaffee AT", ZoneInfo("Europe/Vienna"))]
    assert both_clocks(at, BERLIN, shops) == "09:00 Europe/Berlin · 08:00 in London (Coffee UK)"
    assert both_clocks(at, BERLIN, [("Kaffee", BERLIN)]) == "09:00 Europe/Berlin"
    late = both_clocks(at, BERLIN, [("Auckland", ZoneInfo("Pacific/Auckland")), ("NYC", ZoneInfo("America/New_York"))])
    assert late == "09:00 Europe/Berlin · 21:00 in Auckland (Auckland) · 03:00 in New York (NYC)"
    night = datetime(2026, 12, 1, 23, tzinfo=UTC)
    assert both_clocks(night, LONDON, [("B", BERLIN)]) == "23:00 Europe/London · Wed 00:00 in Berlin (B)"
    assert place(ZoneInfo("America/Argentina/Buenos_Aires")) == "Buenos Aires"


@pytest.mark.parametrize(("text", "number"), [("mon", 0), ("Di", 1), ("wednesday", 2), ("Sonntag", 6), ("su", 6)])
def test_weekdays_are_read_in_english_and_german(text, number):
    assert weekday_of(text) == number


@pytest.mark.parametrize("text", ["", "m", "xyz"])
def test_what_is_no_weekday_is_refused(text):
    with pytest.raises(UserError, match="no weekday"):
        weekday_of(text)


# --- a channel's zone -------------------------------------------------------------------------------------------------


def test_a_channel_has_the_zone_of_its_audience(hub: Path):
    channel = factories.channel()
    with db.write() as session:
        channel_zones.set_time_zone(session, COMMAND_LINE, channel.id, "Europe/London")
    with db.read() as session:
        assert slots.zones(session, [channel.id]) == {channel.id: LONDON}
    with pytest.raises(UserError, match="Write it like Europe/London"), db.write() as session:
        channel_zones.set_time_zone(session, COMMAND_LINE, channel.id, "London")
    editor = factories.actor(Role.EDITOR)
    with pytest.raises(PermissionDenied), db.write() as session:
        channel_zones.set_time_zone(session, editor, channel.id, None)
    with db.write() as session:
        channel_zones.set_time_zone(session, COMMAND_LINE, channel.id, None)
    with db.read() as session:
        assert slots.zones(session, [channel.id]) == {channel.id: BERLIN}


# --- keeping slots ----------------------------------------------------------------------------------------------------


def test_slots_are_added_changed_and_deleted(hub: Path):
    channel = factories.channel()
    with db.write() as session:
        assert slots.add_slots(session, COMMAND_LINE, channel.id, slots.OFFERS["Mon–Fri 9:00 and 17:00"]) == 10
        assert slots.add_slots(session, COMMAND_LINE, channel.id, [(0, "9"), (0, "12.15")]) == 1
    with db.read() as session:
        known = slots.slots(session, [channel.id])
    assert [one.words for one in known[:3]] == ["Mon 09:00", "Mon 12:15", "Mon 17:00"]
    with db.write() as session:
        slots.change_slot(session, COMMAND_LINE, known[1].id, 6, "18:00")
        slots.delete_slot(session, COMMAND_LINE, known[0].id)
    with db.read() as session:
        assert [one.words for one in slots.slots(session)][::9] == ["Mon 17:00", "Sun 18:00"]
    with pytest.raises(NotFound), db.write() as session:
        slots.delete_slot(session, COMMAND_LINE, known[0].id)


@pytest.mark.parametrize(
    ("weekday", "at", "said"),
    [
        (0, "09:10", "15 minutes apart"),
        (6, "23:50", "too close to the slot on Mon at 00:00"),
        (0, "25:00", "no time of day"),
        (7, "09:00", "Monday to Sunday"),
    ],
)
def test_a_slot_that_cannot_be_is_refused_with_a_sentence(hub: Path, weekday, at, said):
    channel = factories.channel()
    given_slots(channel.id, (0, "09:00"), (0, "00:00"))
    with pytest.raises(UserError, match=said), db.write() as session:
        slots.add_slots(session, COMMAND_LINE, channel.id, [(weekday, at)])
    with db.read() as session:
        assert len(slots.slots(session)) == 2


def test_who_may_not_plan_has_no_say_in_slots(hub: Path):
    channel, viewer = factories.channel(), factories.actor(Role.VIEWER)
    with pytest.raises(PermissionDenied), db.write() as session:
        slots.add_slots(session, viewer, channel.id, [(0, "09:00")])


# --- free and taken ---------------------------------------------------------------------------------------------------


@time_machine.travel(MONDAY, tick=False)
def test_the_next_free_slot_passes_over_what_is_taken(hub: Path):
    channel = factories.channel()
    assert next_free(channel.id) is None  # no slots yet
    given_slots(channel.id, (0, "09:00"), (0, "17:00"), (2, "09:00"))
    nine, five = MONDAY.replace(hour=8), MONDAY.replace(hour=16)
    assert next_free(channel.id) == nine
    factories.post(channel.id, at=nine + timedelta(minutes=14))
    assert next_free(channel.id) == five
    assert next_free(channel.id, after=five) == nine + timedelta(days=2)
    factories.post(channel.id, at=five, state=PostState.DRAFT)  # a draft holds its place too
    assert next_free(channel.id) == nine + timedelta(days=2)
    factories.post(channel.id, at=nine + timedelta(days=2), state=PostState.CANCELLED)
    factories.post(factories.channel().id, at=nine + timedelta(days=2))  # somebody else's
    factories.post(channel.id, at=nine + timedelta(days=2, minutes=15))  # far enough
    assert next_free(channel.id) == nine + timedelta(days=2)


@time_machine.travel(MONDAY, tick=False)
def test_of_several_channels_the_first_with_slots_leads_and_all_must_be_free(hub: Path):
    bare, lead, other = factories.channel(), factories.channel(time_zone="Europe/London"), factories.channel()
    given_slots(lead.id, (0, "09:00"), (1, "09:00"))
    given_slots(other.id, (0, "08:00"))
    assert next_free(bare.id, lead.id, other.id) == MONDAY.replace(hour=9)  # London's clock
    factories.post(other.id, at=MONDAY.replace(hour=9))
    assert next_free(bare.id, lead.id, other.id) == MONDAY.replace(hour=9) + timedelta(days=1)
    assert next_free(bare.id, lead.id) == MONDAY.replace(hour=9)


@time_machine.travel(MONDAY.replace(hour=7, minute=57), tick=False)
def test_a_slot_within_minutes_is_too_soon(hub: Path):
    channel = factories.channel()
    given_slots(channel.id, (0, "09:00"))
    assert next_free(channel.id) == MONDAY.replace(hour=8) + timedelta(days=7)


@time_machine.travel(MONDAY, tick=False)
def test_upcoming_slots_say_who_fills_them_in_constant_statements(hub: Path):
    channel = factories.channel()
    given_slots(channel.id, *slots.OFFERS["Mon–Fri 9:00 and 17:00"])
    with counted() as ran, db.read() as session:
        few = slots.upcoming(session, channel.id, days=7)
    post = factories.post(channel.id, text="Am Morgen", at=MONDAY.replace(hour=8, minute=3))
    for day in range(1, 5):
        factories.post(channel.id, at=MONDAY.replace(hour=16) + timedelta(days=day))
    with counted() as again, db.read() as session:
        many = slots.upcoming(session, channel.id, days=7)
    assert len(few) == len(many) == 10 and len(ran) == len(again) == 3
    assert many[0].post is not None and (many[0].post.post_id, many[0].post.title) == (post.id, "Am Morgen")
    assert many[1].post is None and [use.post is None for use in few] == [True] * 10
