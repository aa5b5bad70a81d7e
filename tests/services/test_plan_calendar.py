"""The plan by days: what is where, gaps, clashes, and moving a post, over the two odd nights of the year as well."""

from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
import time_machine
from sqlmodel import select

from core import db
from core.errors import PermissionDenied, UserError
from core.models.channel import ChannelState
from core.models.planning import Campaign, Delivery, DeliveryState, Post, PostState
from core.models.team import Role
from core.services import plan_calendar, service_hours
from core.services.plan_calendar import Calendar, Move
from core.services.planning import PlanFilter
from core.services.team import Actor
from tests import factories
from tests.conftest import counted

BERLIN = ZoneInfo("Europe/Berlin")
NOW = datetime(2027, 3, 1, 9, tzinfo=UTC)  # a Monday; the clocks go forward on 28 March


@pytest.fixture(autouse=True)
def frozen(hub: Path):
    with time_machine.travel(NOW, tick=False):
        yield


@pytest.fixture
def editor(frozen: None) -> Actor:
    return factories.actor(Role.EDITOR)


def at(day: int, hour: int, minute: int = 0, month: int = 3) -> datetime:
    return datetime(2027, month, day, hour, minute, tzinfo=BERLIN).astimezone(UTC)


def march(wanted: PlanFilter | None = None) -> Calendar:
    with db.read() as session, counted() as ran:
        found = plan_calendar.calendar_month(session, wanted or PlanFilter(), at(1, 0), at(1, 0, month=4))
    assert len(ran) == 3, ran
    return found


def move(actor: Actor, post: Post, local: datetime, seen: datetime | None = None) -> Move:
    with db.write() as session:
        return plan_calendar.move_post(session, actor, post.id, local, BERLIN, seen or post.planned_at)


def undo(actor: Actor, made: Move) -> None:
    with db.write() as session:
        plan_calendar.undo_move(session, actor, made)


def stored(post: Post) -> Post:
    with db.read() as session:
        return session.get_one(Post, post.id)


# --- looking ----------------------------------------------------------------------------------------------------------


def test_a_month_holds_its_posts_however_many_in_three_statements():
    one, two = factories.channel(), factories.channel()
    for day in range(2, 30):
        factories.post(one.id, two.id, title=f"Tag {day}", at=at(day, 9))
    factories.post(one.id, at=at(28, 9) - timedelta(days=60))
    factories.post(one.id, text="Ohne Titel, aber mit Text", title="", at=at(31, 23, 59))
    found = march()
    assert len(found.posts) == 29 and not found.cut and not found.clashes
    assert found.posts[0].channel_ids == (one.id, two.id)
    assert found.posts[-1].title == "Ohne Titel, aber mit Text"


def test_filters_leave_posts_out_but_their_clashes_in():
    group = factories.group()
    one, two = factories.channel(group_id=group.id), factories.channel()
    kaffee = factories.post(one.id, text="Kaffee", at=at(10, 9))
    tee = factories.post(one.id, two.id, text="Tee", at=at(10, 9, 59))
    factories.post(two.id, text="Kakao", at=at(10, 11))
    assert {p.id for p in march(PlanFilter(group_id=group.id)).posts} == {kaffee.id, tee.id}
    assert [p.id for p in march(PlanFilter(channel_ids=(two.id,), text="tee")).posts] == [tee.id]
    assert march(PlanFilter(states=(PostState.PUBLISHED,))).posts == ()
    (only,) = march(PlanFilter(text="kaffee")).posts
    assert only.clashes == (one.id,), "it clashes with what the filter hides"


def test_clashes_are_less_than_an_hour_apart_on_the_same_channel():
    one, two = factories.channel(), factories.channel()
    first, second = factories.post(one.id, at=at(10, 9)), factories.post(one.id, at=at(10, 9, 59))
    factories.post(two.id, at=at(10, 9, 30))  # another channel
    factories.post(one.id, at=at(10, 10, 59))  # an hour later
    factories.post(one.id, at=at(10, 9, 15), state=PostState.CANCELLED)
    factories.post(one.id, at=at(10, 9, 15), state=PostState.IDEA)
    (clash,) = march().clashes
    assert (clash.first, clash.second, clash.channel_id) == (first.id, second.id, one.id)
    flagged = {p.id for p in march().posts if p.clashes}
    assert flagged == {first.id, second.id}


def test_a_clash_over_the_edge_of_the_month_shows_on_both_sides():
    one = factories.channel()
    factories.post(one.id, at=at(1, 0) - timedelta(minutes=20))
    inside = factories.post(one.id, at=at(1, 0) + timedelta(minutes=20))
    (clash,) = march().clashes
    assert clash.second == inside.id and march().posts[0].clashes == (one.id,)


def test_gaps_are_work_days_without_a_post_on_these_channels():
    admin = factories.actor()
    with db.write() as session:
        hours = service_hours.current(session)
        assert hours.country == "DE"
        service_hours.save(session, admin, hours)
    one, two = factories.channel(), factories.channel()
    for day in range(1, 27):
        factories.post(one.id if day != 10 else two.id, at=at(day, 9))
    factories.post(one.id, at=at(30, 9), state=PostState.IDEA)  # an idea fills no gap
    found = march()
    with db.read() as session, counted() as ran:
        days = plan_calendar.days_to_know(session, date(2027, 3, 1), date(2027, 4, 1))
    assert len(ran) == 2 and days.holidays == {date(2027, 3, 26): "Good Friday", date(2027, 3, 29): "Easter Monday"}
    assert plan_calendar.gaps(found, days.work_days, BERLIN) == [date(2027, 3, 30), date(2027, 3, 31)]
    only = plan_calendar.gaps(found, days.work_days, BERLIN, {one.id})
    assert only == [date(2027, 3, 10), date(2027, 3, 30), date(2027, 3, 31)]


def test_a_post_near_midnight_belongs_to_the_day_on_the_members_clock():
    one = factories.channel()
    factories.post(one.id, at=datetime(2027, 3, 9, 23, 30, tzinfo=UTC))  # 00:30 on the 10th in Berlin
    days = [date(2027, 3, 9), date(2027, 3, 10)]
    assert plan_calendar.gaps(march(), days, BERLIN) == [date(2027, 3, 9)]


def test_campaigns_are_bands_while_they_run():
    with db.write() as session:
        session.add(Campaign(name="Ostern", color="yellow", starts_on=date(2027, 3, 20), ends_on=date(2027, 4, 5)))
        session.add(Campaign(name="Vorbei", starts_on=date(2027, 1, 1), ends_on=date(2027, 2, 27)))
        session.add(Campaign(name="Seit je", ends_on=date(2027, 3, 2)))
        session.add(Campaign(name="Ohne Zeit"))
    assert [band.name for band in march().bands] == ["Seit je", "Ostern"]


def test_weeks_of_a_month_begin_on_monday():
    assert plan_calendar.weeks_of_month(date(2027, 2, 14)) == (date(2027, 2, 1), date(2027, 3, 1))  # four exactly
    assert plan_calendar.weeks_of_month(date(2026, 12, 31)) == (date(2026, 11, 30), date(2027, 1, 4))


# --- moving -----------------------------------------------------------------------------------------------------------


def test_a_scheduled_post_moves_with_its_deliveries_and_back(editor: Actor):
    channel = factories.channel()
    post = factories.post(channel.id, at=at(10, 9))
    made = move(editor, post, datetime(2027, 3, 12, 9))
    with db.read() as session:
        (row,) = session.exec(select(Delivery)).all()
    assert (stored(post).planned_at, row.due_at, row.state) == (at(12, 9), at(12, 9), DeliveryState.SCHEDULED)
    undo(editor, made)
    with db.read() as session:
        (row,) = session.exec(select(Delivery)).all()
    assert (stored(post).planned_at, row.due_at, stored(post).state) == (at(10, 9), at(10, 9), PostState.SCHEDULED)


def test_nine_o_clock_stays_nine_o_clock_over_the_change_of_the_clocks(editor: Actor):
    post = factories.post(factories.channel().id, at=at(26, 9))
    made = move(editor, post, datetime(2027, 3, 30, 9))
    assert made.after == datetime(2027, 3, 30, 7, tzinfo=UTC) and made.note is None
    assert made.after - at(26, 9) == timedelta(days=4, hours=-1)


def test_the_two_odd_nights_have_a_defined_time_and_say_so(editor: Actor):
    post = factories.post(factories.channel().id, at=at(10, 9))
    skipped = move(editor, post, datetime(2027, 3, 28, 2, 30))
    assert skipped.after == datetime(2027, 3, 28, 1, tzinfo=UTC) and "doesn't exist that night" in (skipped.note or "")
    twice = move(editor, stored(post), datetime(2027, 10, 31, 2, 30))
    assert twice.after == datetime(2027, 10, 31, 0, 30, tzinfo=UTC) and "comes twice" in (twice.note or "")


def test_a_draft_gets_a_time_and_loses_it_again(editor: Actor):
    post = factories.post(text="Noch offen")
    made = move(editor, post, datetime(2027, 3, 12, 9))
    assert (stored(post).planned_at, stored(post).state) == (at(12, 9), PostState.DRAFT)
    undo(editor, made)
    assert stored(post).planned_at is None


def test_a_time_given_by_a_slot_is_so_again_after_undoing(editor: Actor):
    post = factories.post(factories.channel().id, at=at(10, 9), queued=True)
    made = move(editor, post, datetime(2027, 3, 12, 9))
    assert not stored(post).queued
    undo(editor, made)
    assert stored(post).queued


@pytest.mark.parametrize(
    ("state", "local", "sentence"),
    [
        (PostState.PUBLISHED, datetime(2027, 3, 12, 9), "is published"),
        (PostState.CANCELLED, datetime(2027, 3, 12, 9), "was cancelled"),
        (PostState.NEEDS_CARE, datetime(2027, 3, 12, 9), "needs care first"),
        (PostState.SCHEDULED, datetime(2027, 2, 27, 9), "has passed"),
        (PostState.DRAFT, datetime(2027, 3, 1, 9, 30), "has passed"),  # now is 10:00 on the wall
    ],
)
def test_what_may_not_move_says_why_and_stays(editor: Actor, state: PostState, local: datetime, sentence: str):
    post = factories.post(factories.channel().id, at=at(10, 9), state=state)
    with pytest.raises(UserError, match=sentence):
        move(editor, post, local)
    assert stored(post).planned_at == at(10, 9) and stored(post).version == post.version


def test_what_is_partly_out_stays(editor: Actor):
    one, two = factories.channel(), factories.channel()
    post = factories.post(one.id, two.id, at=at(10, 9))
    with db.write() as session:
        session.exec(select(Delivery).where(Delivery.channel_id == one.id)).one().state = DeliveryState.PUBLISHED
    with pytest.raises(UserError, match="out on a channel already"):
        move(editor, post, datetime(2027, 3, 12, 9))


def test_a_paused_channel_keeps_a_scheduled_post_where_it_is(editor: Actor):
    channel = factories.channel(state=ChannelState.PAUSED)
    post = factories.post(channel.id, at=at(10, 9), queued=True)
    with pytest.raises(UserError, match="is paused"):
        move(editor, post, datetime(2027, 3, 12, 9))
    assert (stored(post).planned_at, stored(post).queued) == (at(10, 9), True)


def test_who_moved_it_meanwhile_is_noticed(editor: Actor):
    post = factories.post(factories.channel().id, at=at(10, 9))
    made = move(editor, post, datetime(2027, 3, 12, 9))
    with pytest.raises(UserError, match="Somebody else has moved"):
        move(editor, post, datetime(2027, 3, 15, 9), seen=at(10, 9))
    move(editor, stored(post), datetime(2027, 3, 16, 9))
    with pytest.raises(UserError, match="moved again since"):
        undo(editor, made)
    assert stored(post).planned_at == at(16, 9)


def test_a_viewer_moves_nothing():
    post = factories.post(factories.channel().id, at=at(10, 9))
    with pytest.raises(PermissionDenied):
        move(factories.actor(Role.VIEWER), post, datetime(2027, 3, 12, 9))
