"""Posts that come again: copies planned ahead, each once, within end and limit; they follow their pattern."""

import threading
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import time_machine
from sqlmodel import select

from core import db
from core.errors import NotFound, PermissionDenied, UserError
from core.models.channel import Channel, ChannelState
from core.models.planning import Delivery, DeliveryState, MediaAsset, Post, PostMedia, PostState
from core.models.planning_time import Recurrence, RecurrenceKind, RecurrenceUnit
from core.models.team import Notice, Role
from core.services import approval, planning, queue, recurrence_work, recurrences, slots
from core.services.planning import Changes
from core.services.recurrence_rules import Rule
from core.services.recurrence_work import FEW, plan_ahead
from core.services.team import COMMAND_LINE
from tests import factories
from tests.conftest import counted

MONDAY = datetime(2026, 11, 30, 6, tzinfo=UTC)  # 07:00 in Berlin
NINE = MONDAY.replace(hour=8)
DAY = timedelta(days=1)


@pytest.fixture(autouse=True)
def clock() -> Iterator[Any]:
    with time_machine.travel(MONDAY, tick=False) as clock:
        yield clock


def rule(**values: Any) -> Rule:
    given = {
        "kind": RecurrenceKind.CALENDAR,
        "starts_on": date(2026, 11, 30),
        "time_zone": "Europe/Berlin",
        "unit": RecurrenceUnit.DAY,
        "at": "09:00",
    }
    return Rule(**(given | values))


def evergreen(**values: Any) -> Rule:
    return rule(**({"kind": RecurrenceKind.EVERGREEN, "rest_days": 7} | values))


def do(call: Any, *what: Any, actor: Any = COMMAND_LINE) -> Any:
    with db.write() as session:
        return call(session, actor, *what)


def rows(model: Any) -> list[Any]:
    with db.read() as session:
        return list(session.exec(select(model).order_by(model.id)).all())


def copies() -> list[Post]:
    return sorted((p for p in rows(Post) if p.recurrence_id is not None), key=lambda p: p.planned_at)


def the_one() -> recurrences.RecurrenceRow:
    with db.read() as session:
        (one,) = recurrences.recurrences(session)
    return one


def pattern(*channel_ids: int, text: str = "Guten Morgen!", **values: Any) -> int:
    return int(factories.post(*(channel_ids or (factories.channel().id,)), text=text, **values).id)


def saved(post_id: int, **changes: Any) -> None:
    version = next(p.version for p in rows(Post) if p.id == post_id)
    do(planning.save_post, post_id, version, Changes(**changes))


# --- copies ---------------------------------------------------------------------------------------------------------


def test_copies_are_planned_ahead_as_the_pattern_says_and_the_pattern_stays_out(hub: Path):
    one, two = factories.channel(), factories.channel()
    post = pattern(one.id, two.id, at=NINE + 3 * DAY, content_warning="Kaffee", language="de")
    with db.write() as session:
        session.exec(select(Delivery).where(Delivery.channel_id == two.id)).one().text = "Nur hier"
        session.add(MediaAsset(sha256="a" * 64, filename="a.png", mime="image/png", size=1, width=4, height=4))
        session.flush()
        session.add(PostMedia(post_id=post, media_id=1, alt="Tasse", focal_x=0.5, focal_y=-0.5))
    do(recurrences.begin, post, rule())
    made = copies()
    assert [copy.planned_at for copy in made] == [NINE + i * DAY for i in range(FEW)]
    assert {(c.text, c.content_warning, c.language, c.state, c.queued) for c in made} == {
        ("Guten Morgen!", "Kaffee", "de", PostState.SCHEDULED, False)
    }
    sent = [d for d in rows(Delivery) if d.post_id == made[0].id]
    assert [(d.channel_id, d.text, d.state, d.due_at) for d in sent] == [
        (one.id, None, DeliveryState.SCHEDULED, NINE),
        (two.id, "Nur hier", DeliveryState.SCHEDULED, NINE),
    ]
    image = next(m for m in rows(PostMedia) if m.post_id == made[0].id)
    assert (image.media_id, image.alt, image.focal_x, image.focal_y) == (1, "Tasse", 0.5, -0.5)
    source = next(p for p in rows(Post) if p.id == post)
    assert (source.state, source.planned_at) == (PostState.DRAFT, None)
    with pytest.raises(UserError, match="its copies go out, it doesn't"):
        do(planning.schedule_post, post, NINE + DAY)
    with pytest.raises(UserError, match="its copies go out, it doesn't"):
        do(planning.publish_now, post)


def test_the_worker_goes_on_and_an_idle_look_is_one_statement(hub: Path, clock: Any):
    post = pattern()
    do(recurrences.begin, post, rule(unit=RecurrenceUnit.WEEK))
    assert len(copies()) == 2 and plan_ahead() == 0  # within fourteen days
    clock.move_to(MONDAY + timedelta(hours=1))
    with counted() as ran:
        assert plan_ahead() == 0
    assert len(ran) == 1
    clock.move_to(MONDAY + 3 * DAY)
    assert plan_ahead() == 1
    assert [copy.planned_at for copy in copies()] == [NINE, NINE + 7 * DAY, NINE + 14 * DAY]


def test_wall_clock_time_is_kept_across_summer_time(hub: Path, clock: Any):
    clock.move_to(datetime(2027, 3, 26, tzinfo=UTC))
    post = pattern()
    do(recurrences.begin, post, rule(starts_on=date(2027, 3, 27), at="02:30"))
    assert [f"{copy.planned_at:%d %H:%M}" for copy in copies()[:3]] == ["27 01:30", "28 01:00", "29 00:30"]


def test_an_end_and_a_limit_are_kept(hub: Path, clock: Any):
    do(recurrences.begin, pattern(), rule(until_on=date(2026, 12, 2)))
    assert len(copies()) == 3 and the_one().ended
    do(recurrences.end, the_one().id)
    for _ in range(9):
        clock.shift(DAY)
        plan_ahead()
    assert copies() == []
    clock.move_to(MONDAY)
    do(recurrences.begin, pattern(), rule(most=7))
    for _ in range(9):
        clock.shift(DAY)
        plan_ahead()
    assert len(copies()) == 7 and the_one().ended and the_one().made == 7 and the_one().next == ()


def test_what_was_missed_is_not_made_up_for(hub: Path, clock: Any):
    do(recurrences.begin, pattern(), rule())
    clock.move_to(MONDAY + 30 * DAY)
    plan_ahead()
    late = [copy.planned_at for copy in copies()][FEW:]
    assert late == [NINE + (30 + i) * DAY for i in range(FEW)]


def test_two_workers_make_each_copy_once(hub: Path):
    for _ in range(4):
        do(recurrences.begin, pattern(), rule(most=1))
    with db.write() as session:
        for row in session.exec(select(Recurrence)).all():
            row.most, row.next_at = None, NINE + DAY
    ready = threading.Barrier(2)
    made: list[int] = []

    def work() -> None:
        ready.wait()
        made.append(plan_ahead())

    workers = [threading.Thread(target=work) for _ in range(2)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    times = [(copy.recurrence_id, copy.planned_at) for copy in copies()]
    assert len(times) == len(set(times)) == 4 * FEW and sum(made) == 4 * (FEW - 1)
    assert {row.made for row in rows(Recurrence)} == {FEW}


def test_a_row_that_somebody_else_moved_is_left_alone(hub: Path):
    """What `with_for_update` can't hold back on SQLite: the move itself looks whether it is still its turn."""
    do(recurrences.begin, pattern(), rule(most=2))
    with db.write() as session:
        row = session.exec(select(Recurrence)).one()
        row.most = None
        session.flush()
        session.connection().exec_driver_sql("UPDATE recurrence SET made = made + 1")
        assert recurrence_work._move(session, row, NINE, made=1) is False


# --- following ------------------------------------------------------------------------------------------------------


def test_copies_follow_their_pattern_but_for_those_changed_by_hand(hub: Path, clock: Any):
    post = pattern()
    do(recurrences.begin, post, rule())
    _, second, third, *_ = copies()
    saved(second.id, text="Von Hand")
    do(planning.unschedule_post, third.id)
    clock.move_to(NINE - timedelta(minutes=1))  # the first goes out any moment
    saved(post, text="Neuer Text", title="Neu")
    assert plan_ahead() == 0
    texts = [copy.text for copy in copies()]
    assert texts == ["Guten Morgen!", "Von Hand", "Neuer Text", "Neuer Text", "Neuer Text"]
    states = [copy.state for copy in copies()]
    assert states == [
        PostState.SCHEDULED,
        PostState.SCHEDULED,
        PostState.DRAFT,
        PostState.SCHEDULED,
        PostState.SCHEDULED,
    ]
    assert copies()[3].planned_at == NINE + 3 * DAY
    versions = [copy.version for copy in copies()]
    plan_ahead()
    assert [copy.version for copy in copies()] == versions  # once


def test_channels_and_variants_follow_too(hub: Path):
    one, two = factories.channel(), factories.channel()
    post = pattern(one.id)
    do(recurrences.begin, post, rule(most=2))
    saved(post, channel_ids=(two.id, one.id), variants={two.id: "Anders"})
    with db.write() as session:
        assert recurrences.follow_now(session, post) == 2
    for copy in copies():
        sent = {d.channel_id: d.text for d in rows(Delivery) if d.post_id == copy.id}
        assert sent == {one.id: None, two.id: "Anders"} and copy.state is PostState.SCHEDULED


# --- trouble --------------------------------------------------------------------------------------------------------


def test_a_copy_that_cannot_be_scheduled_is_kept_told_once_and_tried_again(hub: Path, clock: Any):
    author = factories.member(Role.EDITOR)
    channel = factories.channel()
    post = pattern(channel.id, member_id=author.id)
    do(recurrences.begin, post, rule(unit=RecurrenceUnit.WEEK))
    with db.write() as session:
        session.get_one(Channel, channel.id).state = ChannelState.PAUSED
    clock.move_to(MONDAY + 7 * DAY)
    assert plan_ahead() == 1
    last = copies()[-1]
    assert (last.state, last.planned_at) == (PostState.DRAFT, NINE + 14 * DAY)
    assert "is paused" in (the_one().trouble or "")
    (notice,) = rows(Notice)
    assert notice.member_id == author.id and "comes again" in notice.text and notice.target == f"post:{last.id}"
    plan_ahead()
    assert len(rows(Notice)) == 1 and len(copies()) == 3
    with db.write() as session:
        session.get_one(Channel, channel.id).state = ChannelState.ACTIVE
    plan_ahead()
    assert copies()[-1].state is PostState.SCHEDULED and the_one().trouble is None


def test_beginning_says_what_is_in_the_way_and_changes_nothing(hub: Path):
    channel = factories.channel()
    long, nowhere = pattern(channel.id, text="x" * 501), factories.post().id
    late = pattern(channel.id, at=NINE)
    for post_id, one, said in (
        (long, rule(), "too long"),
        (nowhere, rule(), "at least one channel"),
        (late, rule(until_on=date(2026, 11, 30), at="03:00"), "would never come"),
        (late, evergreen(), "has slots yet"),
        (4711, rule(), "isn't in the plan"),
    ):
        with pytest.raises((UserError, NotFound), match=said):
            do(recurrences.begin, post_id, one)
    assert copies() == [] and rows(Recurrence) == []
    assert next(p for p in rows(Post) if p.id == late).state is PostState.SCHEDULED


def test_a_removed_channel_is_left_out_and_without_any_it_pauses(hub: Path, clock: Any):
    one, two = factories.channel(), factories.channel()
    do(recurrences.begin, pattern(one.id, two.id), rule(unit=RecurrenceUnit.WEEK))
    with db.write() as session:
        session.get_one(Channel, one.id).state = ChannelState.REMOVED
    clock.move_to(MONDAY + 7 * DAY)
    plan_ahead()
    assert [d.channel_id for d in rows(Delivery) if d.post_id == copies()[-1].id] == [two.id]
    with db.write() as session:
        session.get_one(Channel, two.id).state = ChannelState.REMOVED
    clock.move_to(MONDAY + 14 * DAY)
    plan_ahead()
    assert the_one().paused and "connected any more" in (the_one().trouble or "")


# --- approval -------------------------------------------------------------------------------------------------------


def test_copies_inherit_the_approval_and_wait_without_one(hub: Path):
    boss, editor = factories.actor(Role.ADMIN), factories.actor(Role.EDITOR)
    do(lambda s, a: approval.save_rule(s, a, None, required=True, roles=[Role.ADMIN]), actor=boss)
    post = pattern(member_id=editor.id)
    with pytest.raises(UserError, match="approv"):
        do(recurrences.begin, post, rule(), actor=editor)
    do(recurrences.keep, post, rule(), actor=editor)  # what the composer does when a draft is saved
    assert the_one().paused and copies() == []
    do(approval.submit_for_review, post, actor=editor)
    do(approval.approve, post, actor=boss)
    do(recurrences.begin, post, rule(), actor=editor)
    assert [copy.state for copy in copies()] == [PostState.SCHEDULED] * FEW
    saved_by(editor, post, text="Nicht gelesen")
    plan_ahead()
    assert {(copy.text, copy.state) for copy in copies()} == {("Nicht gelesen", PostState.DRAFT)}
    assert "approv" in (the_one().trouble or "")
    do(approval.approve, post, actor=boss)
    plan_ahead()
    assert {copy.state for copy in copies()} == {PostState.SCHEDULED} and the_one().trouble is None


def saved_by(actor: Any, post_id: int, **changes: Any) -> None:
    version = next(p.version for p in rows(Post) if p.id == post_id)
    do(planning.save_post, post_id, version, Changes(**changes), actor=actor)


# --- evergreen ------------------------------------------------------------------------------------------------------


def test_an_evergreen_post_goes_into_a_free_slot_when_the_queue_has_run_dry(hub: Path, clock: Any):
    channel = factories.channel()
    do(slots.add_slots, channel.id, [(day, "09:00") for day in range(7)])
    waiting = pattern(channel.id, text="Wartet")
    do(queue.enqueue, waiting)
    one = pattern(channel.id, text="Immergrün")
    do(recurrences.begin, one, evergreen())
    assert copies() == [] and not the_one().trouble  # somebody waits in the queue
    clock.move_to(NINE + timedelta(minutes=1))
    assert plan_ahead() == 1 and plan_ahead() == 0
    (copy,) = copies()
    assert (copy.planned_at, copy.queued, copy.state) == (NINE + DAY, True, PostState.SCHEDULED)
    clock.move_to(NINE + DAY + timedelta(minutes=1))
    assert plan_ahead() == 0  # it rests
    clock.move_to(NINE + 7 * DAY + timedelta(minutes=1))
    assert plan_ahead() == 1 and copies()[-1].planned_at == NINE + 8 * DAY


def test_of_two_evergreen_posts_the_longer_rested_comes_first_and_people_have_an_hour(hub: Path, clock: Any):
    channel = factories.channel()
    do(slots.add_slots, channel.id, [(day, "07:30") for day in range(7)])
    for text in ("A", "B"):
        do(recurrences.begin, pattern(channel.id, text=text), evergreen(rest_days=2))
    for _ in range(5):
        plan_ahead()
        clock.shift(DAY)
    texts = [(copy.text, copy.planned_at.day) for copy in copies()]
    assert texts == [("A", 1), ("B", 3), ("A", 5)]  # 07:30 is too soon at seven, and one waits at a time


def test_an_evergreen_post_ends_too(hub: Path, clock: Any):
    channel = factories.channel()
    do(slots.add_slots, channel.id, [(day, "09:00") for day in range(7)])
    do(recurrences.begin, pattern(channel.id), evergreen(rest_days=1, most=2))
    do(recurrences.begin, pattern(factories.channel().id), rule(most=1))
    do(recurrences.begin, pattern(channel.id), evergreen(rest_days=1, until_on=date(2026, 12, 2)))
    for _ in range(12):
        clock.shift(timedelta(hours=12))
        plan_ahead()
    with db.read() as session:
        assert all(row.ended for row in recurrences.recurrences(session))
    assert max(copy.planned_at for copy in copies()) <= NINE + 2 * DAY


# --- pause, change, end ---------------------------------------------------------------------------------------------


def test_pausing_takes_copies_back_and_resuming_plans_them_anew(hub: Path):
    post = pattern()
    do(recurrences.begin, post, rule(most=20))
    kept = copies()[1]
    saved(kept.id, text="Von Hand")
    assert do(recurrences.pause, the_one().id) == FEW - 1
    assert [copy.id for copy in copies()] == [kept.id] and the_one().made == 1 and plan_ahead() == 0
    do(recurrences.resume, the_one().id)
    assert [c.planned_at for c in copies()].count(kept.planned_at) == 2  # the one by hand stays beside
    assert the_one().made == FEW and not the_one().paused


def test_another_rule_counts_from_now(hub: Path):
    post = pattern()
    do(recurrences.begin, post, rule())
    do(recurrences.change, the_one().id, rule(at="17:00", unit=RecurrenceUnit.WEEK, weekdays=(1,)))
    assert [copy.planned_at for copy in copies()] == [NINE.replace(hour=16) + DAY, NINE.replace(hour=16) + 8 * DAY]
    assert the_one().made == 2


def test_ending_leaves_an_ordinary_draft(hub: Path):
    post = pattern()
    do(recurrences.begin, post, rule())
    assert do(recurrences.end, the_one().id) == FEW
    assert copies() == [] and rows(Recurrence) == []
    do(planning.schedule_post, post, NINE + DAY)


def test_deleting_the_post_ends_it_and_copies_stay(hub: Path):
    post = pattern()
    do(recurrences.begin, post, rule())
    do(planning.delete_post, post)
    assert rows(Recurrence) == [] and len(copies()) == FEW and plan_ahead() == 0


def test_a_post_that_is_out_is_copied_and_a_copy_cannot_come_again(hub: Path):
    channel = factories.channel()
    out = pattern(channel.id, at=NINE - DAY, state=PostState.PUBLISHED)
    with db.write() as session:
        session.exec(select(Delivery)).one().state = DeliveryState.PUBLISHED
    do(recurrences.begin, out, rule(most=1))
    assert the_one().post_id != out and next(p for p in rows(Post) if p.id == out).planned_at == NINE - DAY
    with pytest.raises(UserError, match="is a copy"):
        do(recurrences.begin, copies()[0].id, rule())


def test_a_cancelled_pattern_pauses(hub: Path, clock: Any):
    post = pattern()
    do(recurrences.begin, post, rule(unit=RecurrenceUnit.WEEK))
    do(planning.cancel_post, post)
    clock.move_to(MONDAY + 7 * DAY)
    plan_ahead()
    assert the_one().paused and "cancelled" in (the_one().trouble or "")


def test_the_list_says_what_comes_in_constant_statements(hub: Path):
    channel, other = factories.channel(), factories.channel()
    ran = []
    for _ in range(2):
        do(recurrences.begin, pattern(channel.id, text="Täglich frisch"), rule(most=8))
        with counted() as statements, db.read() as session:
            found = recurrences.recurrences(session, channel.id)
        ran.append(len(statements))
    assert ran == [3, 3] and len(found) == 2
    one = found[0]
    assert one.words == "Every day at 09:00 (Europe/Berlin), 8 times at most" and one.made == FEW
    assert one.planned == tuple(NINE + i * DAY for i in range(5)) and one.next == tuple(
        NINE + i * DAY for i in (5, 6, 7)
    )
    with db.read() as session:
        assert recurrences.recurrences(session, other.id) == () and recurrences.of_post(session, copies()[0].id) is None


def test_who_may_not_plan_starts_nothing(hub: Path):
    viewer, post = factories.actor(Role.VIEWER), pattern()
    do(recurrences.begin, post, rule())
    number = the_one().id
    of_post = [(recurrences.begin, (post, rule())), (recurrences.change, (number, rule()))]
    for call, what in of_post + [
        (call, (number,)) for call in (recurrences.pause, recurrences.resume, recurrences.end)
    ]:
        with pytest.raises(PermissionDenied):
            do(call, *what, actor=viewer)
