"""Queues: posts take the next free slot, trade their times in order or by chance, and close up again."""

from collections import Counter
from datetime import UTC, datetime, timedelta
from itertools import pairwise, permutations
from pathlib import Path
from typing import Any

import pytest
import time_machine
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlmodel import select

from core import db
from core.errors import NotFound, PermissionDenied, UserError
from core.models.planning import Campaign, Delivery, DeliveryState, Post, PostState
from core.models.planning_work import PostVersion
from core.models.team import Role
from core.services import planning, queue, slots
from core.services.planning import Changes, Conflict
from core.services.queue_order import neighbours, shuffled
from core.services.team import COMMAND_LINE
from tests import factories
from tests.conftest import counted

MONDAY = datetime(2026, 11, 30, 6, tzinfo=UTC)  # 07:00 in Berlin
NINE = MONDAY.replace(hour=8)
DAY = timedelta(days=1)


@pytest.fixture(autouse=True)
def monday():
    with time_machine.travel(MONDAY, tick=False):
        yield


def channel_with(*wanted: tuple[int, str]) -> int:
    row = factories.channel()
    with db.write() as session:
        slots.add_slots(session, COMMAND_LINE, row.id, wanted or [(day, "09:00") for day in range(7)])
    return int(row.id)


def enqueued(*channel_ids: int, text: str = "Hallo", campaign: str = "") -> int:
    with db.write() as session:
        post_id = planning.create_post(
            session, COMMAND_LINE, title=text, text=text, channel_ids=channel_ids, campaign=campaign
        )
        queue.enqueue(session, COMMAND_LINE, post_id)
    return post_id


def order(channel_id: int) -> list[int]:
    with db.read() as session:
        return [row.id for row in queue.queue(session, channel_id)]


def times(channel_id: int) -> list[datetime]:
    with db.read() as session:
        return [row.at for row in queue.queue(session, channel_id)]


def do(call: Any, *what: Any) -> Any:
    with db.write() as session:
        return call(session, COMMAND_LINE, *what)


def rows(model: Any) -> list[Any]:
    with db.read() as session:
        return list(session.exec(select(model).order_by(model.id)).all())


# --- into the queue -------------------------------------------------------------------------------------------------


def test_posts_take_one_slot_after_the_other_and_are_scheduled(hub: Path):
    channel = channel_with()
    ids = [enqueued(channel) for _ in range(3)]
    assert order(channel) == ids and times(channel) == [NINE, NINE + DAY, NINE + 2 * DAY]
    assert {post.state for post in rows(Post)} == {PostState.SCHEDULED}
    assert [row.due_at for row in rows(Delivery)] == times(channel)


def test_what_cannot_be_queued_says_why_and_stays_a_draft(hub: Path):
    bare, channel = factories.channel(), channel_with((0, "09:00"))
    lost, long = factories.post(bare.id), factories.post(channel, text="x" * 501)
    nowhere = factories.post()
    for post, said in ((lost, "no channel|has slots"), (long, "too long"), (nowhere, "at least one channel")):
        with pytest.raises(UserError, match=said):
            do(queue.enqueue, post.id)
    for _ in range(9):  # the Mondays of sixty days
        enqueued(channel)
    with pytest.raises(UserError, match="next two months are taken"):
        enqueued(channel)
    with pytest.raises(NotFound):
        do(queue.enqueue, 4711)
    assert all(p.state is PostState.DRAFT and not p.queued for p in rows(Post) if p.id in (lost.id, long.id))


def test_a_place_can_be_held_while_the_post_is_still_a_draft(hub: Path):
    channel = channel_with()
    draft = factories.post(channel)
    assert do(queue.hold_place, draft.id) == NINE
    assert order(channel) == [draft.id] and rows(Post)[0].state is PostState.DRAFT
    other = enqueued(channel)
    assert times(channel) == [NINE, NINE + DAY] and order(channel) == [draft.id, other]


def test_a_time_of_its_own_takes_a_post_out_of_the_queue(hub: Path):
    channel = channel_with()
    one, two, three = (enqueued(channel) for _ in range(3))
    do(planning.schedule_post, one, NINE + timedelta(hours=3))
    version = next(post.version for post in rows(Post) if post.id == two)
    do(planning.save_post, two, version, Changes(planned_at=NINE + timedelta(hours=5)))
    do(planning.schedule_post, three, NINE + 2 * DAY)  # the same time: nothing has changed
    assert order(channel) == [three]


# --- another order --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("which", "to", "expected"),
    [(1, "up", [1, 0, 2, 3]), (1, "down", [0, 2, 1, 3]), (3, "top", [3, 0, 1, 2]), (0, "bottom", [1, 2, 3, 0]),
     (0, "up", [0, 1, 2, 3]), (3, "down", [0, 1, 2, 3])],
)  # fmt: skip
def test_a_post_moves_and_the_others_give_way(hub: Path, which, to, expected):
    channel = channel_with()
    ids = [enqueued(channel) for _ in range(4)]
    before = times(channel)
    do(queue.move, channel, ids[which], to)
    assert order(channel) == [ids[i] for i in expected] and times(channel) == before
    due = {row.post_id: row.due_at for row in rows(Delivery)}
    assert [due[i] for i in order(channel)] == before  # what the worker looks at moved too
    with db.read() as session:
        last = {v.post_id: v for v in session.exec(select(PostVersion).order_by(PostVersion.number)).all()}
    for post in rows(Post):  # and the history knows
        assert (
            last[post.id].number <= post.version and last[post.id].content["planned_at"] == post.planned_at.isoformat()
        )


def test_whoever_has_a_moved_post_open_sees_the_conflict(hub: Path):
    channel = channel_with()
    ids = [enqueued(channel) for _ in range(2)]
    opened = next(post.version for post in rows(Post) if post.id == ids[1])
    do(queue.move, channel, ids[1], "up")
    with pytest.raises(Conflict):
        do(planning.save_post, ids[1], opened, Changes(text="Neu"))


def test_changing_the_order_takes_as_many_statements_for_many_as_for_few(hub: Path):
    ran: list[int] = []
    for many in (3, 12):
        channel = channel_with(*[(day, f"{hour:02}:00") for day in range(7) for hour in (9, 17)])
        for _ in range(many):
            enqueued(channel)
        with counted() as statements:
            do(queue.shuffle, channel, 7)
        ran.append(len(statements))
    assert ran[0] == ran[1] <= 16


def test_what_goes_out_any_minute_stays_where_it_is(hub: Path):
    channel = channel_with()
    first, second, third = (enqueued(channel) for _ in range(3))
    with time_machine.travel(NINE - timedelta(minutes=1), tick=False):
        with pytest.raises(UserError, match="goes out within minutes"):
            do(queue.move, channel, first, "down")
        do(queue.move, channel, third, "top")
        assert order(channel) == [first, third, second]


def test_what_is_being_sent_stops_the_change_and_nothing_moves(hub: Path):
    channel = channel_with()
    ids = [enqueued(channel) for _ in range(2)]
    with db.write() as session:
        session.exec(select(Delivery).where(Delivery.post_id == ids[0])).one().state = DeliveryState.SENDING
    with pytest.raises(UserError, match="just going out"):
        do(queue.move, channel, ids[1], "up")
    assert order(channel) == ids


def test_a_post_on_two_channels_moves_only_where_both_are_free(hub: Path):
    one, two = channel_with(), factories.channel().id
    alone, both = enqueued(one), enqueued(one, two)
    factories.post(two, text="Schon da", at=NINE)
    with pytest.raises(UserError, match="has “Schon da” at that time"):
        do(queue.move, one, both, "up")
    assert order(one) == [alone, both]
    later = enqueued(one)
    do(queue.move, one, both, "down")
    assert order(one) == [alone, later, both] and order(two) == [both]


def test_a_shuffle_trades_times_and_separates_campaigns(hub: Path):
    channel = channel_with()
    for number in range(6):
        enqueued(channel, text=f"Post {number}", campaign="Herbst" if number < 3 else "")
    before, known = times(channel), order(channel)
    campaigns = {post.id: post.campaign_id for post in rows(Post)}
    moved = do(queue.shuffle, channel, 3)
    after = order(channel)
    assert times(channel) == before and sorted(after) == sorted(known) and after != known
    assert moved == sum(a != b for a, b in zip(after, known, strict=True))
    assert not any(campaigns[a] and campaigns[a] == campaigns[b] for a, b in pairwise(after))
    assert rows(Campaign)[0].name == "Herbst"


@settings(max_examples=200, deadline=None)
@given(st.lists(st.sampled_from([None, 1, 2, 3]), max_size=6), st.integers(0, 2**20))
def test_a_shuffle_of_one_line_has_the_fewest_neighbours_possible(campaigns, seed):
    items = [(key, "line", campaign) for key, campaign in enumerate(campaigns)]
    found = shuffled(items, seed)
    assert sorted(found) == list(range(len(items))) and found == shuffled(items, seed)
    fewest = min(neighbours(some) for some in permutations(items))
    assert neighbours([items[key] for key in found]) == fewest


@settings(max_examples=100, deadline=None)
@given(st.lists(st.tuples(st.sampled_from("ab"), st.sampled_from([None, 1, 2])), max_size=12), st.integers(0, 99))
def test_a_shuffle_never_leaves_its_line(pairs, seed):
    items = [(key, line, campaign) for key, (line, campaign) in enumerate(pairs)]
    found = [items[key] for key in shuffled(items, seed)]
    assert [line for _, line, _ in found] == [line for _, line, _ in items]
    assert sorted(found) == sorted(items) if all(c is not None for *_, c in items) else Counter(found) == Counter(items)


def test_a_long_tight_queue_is_still_separated():
    items = [(key, "line", 1 if key < 25 else None) for key in range(49)]
    assert all(not neighbours([items[key] for key in shuffled(items, seed)]) for seed in range(20))


def test_every_order_comes_up(hub: Path):
    items = [(key, "line", None) for key in range(3)]
    assert len({tuple(shuffled(items, seed)) for seed in range(60)}) == 5  # all but the one there was


# --- gaps and changed slots -----------------------------------------------------------------------------------------


def test_gaps_close_in_order_after_a_deletion(hub: Path):
    channel = channel_with()
    one, two, three, four = (enqueued(channel) for _ in range(4))
    factories.post(channel, at=NINE + timedelta(minutes=5))  # by hand, where the first was
    do(planning.delete_post, two)
    with db.write() as session:
        session.delete(session.get_one(Post, one))
    assert do(queue.close_gaps, channel) == 2
    assert order(channel) == [three, four] and times(channel) == [NINE + DAY, NINE + 2 * DAY]
    assert do(queue.close_gaps, channel) == 0


def test_a_changed_slot_leaves_strays_that_are_laid_anew(hub: Path):
    channel = channel_with((0, "09:00"), (1, "09:00"))
    ids = [enqueued(channel) for _ in range(2)]
    with db.write() as session:
        first, second = slots.slots(session, [channel])
        slots.change_slot(session, COMMAND_LINE, first.id, 0, "11:00")
        slots.delete_slot(session, COMMAND_LINE, second.id)
    with db.read() as session:
        assert [row.stray for row in queue.queue(session, channel)] == [True, True]
    assert do(queue.close_gaps, channel) == 2
    assert order(channel) == ids and times(channel) == [NINE.replace(hour=10), NINE.replace(hour=10) + 7 * DAY]
    with db.read() as session:
        assert not any(row.stray for row in queue.queue(session, channel))
    with db.write() as session:
        slots.delete_slot(session, COMMAND_LINE, first.id)
    with pytest.raises(UserError, match="has slots yet"):
        do(queue.close_gaps, channel)


def test_a_queue_can_be_read_for_a_group_in_constant_statements(hub: Path):
    group = factories.group("Kaffee")
    inside = factories.channel(group_id=group.id)
    outside = channel_with()
    with db.write() as session:
        slots.add_slots(session, COMMAND_LINE, inside.id, [(0, "09:00")])
    mine = enqueued(inside.id)
    enqueued(outside)
    with counted() as ran, db.read() as session:
        assert [row.id for row in queue.queue(session, group_id=group.id)] == [mine]
    assert len(ran) == 4


def test_who_may_not_plan_changes_no_queue(hub: Path):
    channel = channel_with()
    post, viewer = enqueued(channel), factories.actor(Role.VIEWER)
    for call, what in ((queue.enqueue, (post,)), (queue.move, (channel, post, "up")), (queue.shuffle, (channel,)),
                       (queue.close_gaps, (channel,))):  # fmt: skip
        with pytest.raises(PermissionDenied), db.write() as session:
            call(session, viewer, *what)
