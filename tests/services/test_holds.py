"""The stop button: nothing of what it covers goes out, answers do, and afterwards everything goes on in order."""

from dataclasses import replace
from datetime import datetime, timedelta

import pytest
from sqlmodel import select

from core import db
from core.connectors.base import Limits, Replay
from core.errors import NotFound, PermissionDenied, UserError
from core.models.planning import Delivery, DeliveryState, Post, PostState
from core.models.planning_work import DeliveryEvent, EventKind
from core.models.team import Notice, Role
from core.services import deliveries, holds, planning, publishing
from core.services.holds import Release
from core.services.team import Actor
from tests import factories
from tests.conftest import counted
from tests.fake_network import FakeNetwork, network

__all__ = ["network"]

S = DeliveryState
VIEWER = Actor(id=None, name="Vera", email="", role=Role.VIEWER)


@pytest.fixture
def anna(network: FakeNetwork) -> Actor:
    return factories.actor(Role.EDITOR)


def channel(group_id: int | None = None, kind: Replay = Replay.NONE) -> int:
    limits = replace(Limits(), replay=kind, replay_window=3600.0)
    made = factories.channel("fake", base_url="https://fake.example", limits=limits.to_json(), group_id=group_id)
    return int(made.id)


def planned(text: str, on: int, minutes: float = -1) -> int:
    """A post that is (over)due since so many minutes, or due in so many; by its number."""
    return int(factories.post(on, text=text, at=db.utc_now() + timedelta(minutes=minutes)).id)


def stop(actor: Actor, reason: str = "Unfall im Werk", group_id: int | None = None) -> int:
    with db.write() as session:
        return holds.stop_publishing(session, actor, reason, group_id)


def resume(actor: Actor, hold_id: int, then: Release, start: datetime | None = None, gap: int = 15) -> int:
    with db.write() as session:
        return holds.resume_publishing(session, actor, hold_id, then, start, gap)


def publish() -> None:
    while publishing.publish_due():
        pass


def post(post_id: int) -> Post:
    with db.read() as session:
        return session.get_one(Post, post_id)


def deliveries_of(post_id: int) -> list[Delivery]:
    with db.read() as session:
        return list(session.exec(select(Delivery).where(Delivery.post_id == post_id).order_by(Delivery.id)))  # type: ignore[arg-type]


def test_while_publishing_is_stopped_no_post_goes_out_and_the_worker_rests(network: FakeNetwork, anna: Actor) -> None:
    on = channel()
    planned("Jetzt neu!", on)
    stop(anna)
    publish()
    assert network.texts() == []
    with db.read() as session:
        assert not deliveries.anything_due(session)
        assert deliveries.next_due(session) is None  # the worker needn't wake up for what is held


def test_a_group_that_is_stopped_holds_up_no_other(network: FakeNetwork, anna: Actor) -> None:
    coffee, bikes = factories.group("Kaffee"), factories.group("Räder")
    planned("Kaffee", channel(coffee.id))
    planned("Räder", channel(bikes.id))
    planned("Ohne Gruppe", channel())
    stop(anna, group_id=coffee.id)
    publish()
    assert sorted(network.texts()) == ["Ohne Gruppe", "Räder"]


def test_answers_go_out_all_the_same(network: FakeNetwork, anna: Actor) -> None:
    on = channel()
    talk = factories.conversation(on)
    from core.models.inbox import Direction

    answer = factories.message(talk, "Wir kümmern uns.", direction=Direction.OUT, remote_id=None, reply_to="m1")
    with db.write() as session:
        session.add(Delivery(channel_id=on, message_id=answer.id, state=S.SCHEDULED, due_at=db.utc_now()))
    stop(anna)
    publish()
    assert network.texts() == ["Wir kümmern uns."]


def test_pressed_while_a_post_is_being_prepared_it_does_not_leave(network: FakeNetwork, anna: Actor) -> None:
    post_id = planned("Fast draußen", channel())
    network.gate = lambda point: stop(anna) and None if point == "prepare" else None
    publish()
    assert network.texts() == []
    (row,) = deliveries_of(post_id)
    assert (row.state, row.claim_token, row.sent_at) == (S.SCHEDULED, None, None)


def test_a_thread_that_is_half_out_is_finished(network: FakeNetwork, anna: Actor) -> None:
    planned("eins\n---\nzwei", channel())
    pressed: list[int] = []

    def gate(point: str) -> None:
        if point == "answer" and not pressed:
            pressed.append(stop(anna))

    network.gate = gate
    publish()
    assert network.texts() == ["eins", "zwei"]


def test_a_lost_answer_is_looked_for_but_nothing_is_sent_again(network: FakeNetwork, anna: Actor) -> None:
    network.replay = Replay.KEY
    post_id = planned("Wohin?", channel(kind=Replay.KEY))
    network.faults.append("drop_before")
    publish()
    stop(anna)
    with db.write() as session:
        row = session.exec(select(Delivery).where(Delivery.post_id == post_id)).one()
        row.due_at = db.utc_now()
        assert row.parts is not None
        earlier = (db.utc_now() - timedelta(seconds=60)).isoformat()
        row.parts = [part | {"tried_at": earlier} for part in row.parts]
    looks = network.looks
    publish()
    assert network.looks > looks
    assert len(network.writes) == 1
    (row,) = deliveries_of(post_id)
    assert row.state is S.CHECKING
    assert "stopped" in (row.last_error or "")
    assert row.due_at is not None and row.due_at > db.utc_now()


def test_some_are_let_go_while_the_stop_stays(network: FakeNetwork, anna: Actor) -> None:
    on = channel()
    first, _second = planned("Wichtig", on, -2), planned("Kann warten", on)
    hold = stop(anna)
    with db.write() as session:
        assert holds.release_posts(session, anna, hold, [first]) == 1
    publish()
    assert network.texts() == ["Wichtig"]


def test_let_go_at_once_they_go_out_in_their_order(network: FakeNetwork, anna: Actor) -> None:
    on = channel()
    ids = [planned(text, on, -minutes) for text, minutes in (("eins", 30), ("zwei", 20), ("drei", 10))]
    hold = stop(anna)
    with db.read() as session:
        assert holds.held_counts(session) == {hold: 3}
    assert resume(anna, hold, Release.NOW) == 3
    publish()
    assert network.texts() == ["eins", "zwei", "drei"]
    with db.read() as session:
        kinds = list(
            session.exec(
                select(DeliveryEvent.kind)
                .where(DeliveryEvent.delivery_id == deliveries_of(ids[0])[0].id)
                .order_by(DeliveryEvent.id)  # type: ignore[arg-type]
            )
        )
    assert kinds[:2] == [EventKind.HELD, EventKind.RELEASED]


def test_new_times_in_order_keep_a_posts_channels_together(network: FakeNetwork, anna: Actor) -> None:
    one, two = channel(), channel()
    at = db.utc_now() - timedelta(minutes=30)
    first = int(factories.post(one, two, text="zuerst", at=at).id)
    second, later = planned("danach", one, -10), planned("morgen", one, 24 * 60)
    kept = post(later).planned_at
    hold = stop(anna)
    start = db.utc_now() + timedelta(hours=1)
    assert resume(anna, hold, Release.IN_ORDER, start, 30) == 2
    assert [row.due_at for row in deliveries_of(first)] == [start, start]
    assert [row.due_at for row in deliveries_of(second)] == [start + timedelta(minutes=30)]
    assert post(second).planned_at == start + timedelta(minutes=30)
    assert post(later).planned_at == kept
    publish()
    assert network.texts() == []


def test_back_to_drafts_unless_a_part_is_out_elsewhere(network: FakeNetwork, anna: Actor) -> None:
    coffee = factories.group("Kaffee")
    held_only = planned("nur hier", channel(coffee.id))
    both = int(factories.post(channel(coffee.id), channel(), text="beides", at=db.utc_now()).id)
    hold = stop(anna, group_id=coffee.id)
    publish()
    resume(anna, hold, Release.DRAFTS)
    publish()
    assert network.texts() == ["beides"]
    assert post(held_only).state is PostState.DRAFT
    assert post(both).state is PostState.PUBLISHED
    assert {row.state for row in deliveries_of(both)} == {S.DRAFT, S.PUBLISHED}
    with db.write() as session, pytest.raises(planning.Conflict):  # what somebody has open in the composer is old
        planning.save_post(session, anna, held_only, 1, planning.Changes(text="neu"))


def test_what_is_scheduled_anew_stands_under_the_stop_again(network: FakeNetwork, anna: Actor) -> None:
    on = channel()
    post_id = planned("Zweimal überlegt", on)
    hold = stop(anna)
    with db.write() as session:
        holds.release_posts(session, anna, hold, [post_id])
        planning.unschedule_post(session, anna, post_id)
        planning.publish_now(session, anna, post_id)
    publish()
    assert network.texts() == []


def test_who_may_and_what_must_be_said(network: FakeNetwork, anna: Actor) -> None:
    with db.write() as session:
        with pytest.raises(PermissionDenied):
            holds.stop_publishing(session, VIEWER, "Nein")
        with pytest.raises(UserError, match="Say why"):
            holds.stop_publishing(session, anna, "  ")
    hold = stop(anna)
    with pytest.raises(UserError, match="stopped already"):
        stop(anna)
    with pytest.raises(UserError, match="time to come"):
        resume(anna, hold, Release.IN_ORDER, db.utc_now() - timedelta(hours=1))
    with db.read() as session:
        assert [row.reason for row in holds.open_holds(session)] == ["Unfall im Werk"]
    resume(anna, hold, Release.NOW)
    with pytest.raises(NotFound, match="ended this stop"):
        resume(anna, hold, Release.NOW)


def test_everybody_else_is_told(network: FakeNetwork, anna: Actor) -> None:
    bernd = factories.member(Role.VIEWER)
    hold = stop(anna)
    resume(anna, hold, Release.NOW)
    with db.read() as session:
        told = [(row.member_id, row.text) for row in session.exec(select(Notice))]
    assert {member for member, _ in told} == {bernd.id}
    assert "Unfall im Werk" in told[0][1]


def test_many_held_posts_cost_no_query_each(network: FakeNetwork, anna: Actor) -> None:
    on = channel()
    hold = stop(anna)
    for number in range(3):
        planned(f"Nummer {number}", on)
    with db.read() as session, counted() as few:
        holds.held_posts(session, hold), holds.open_holds(session), holds.held_counts(session)
    for number in range(20):
        planned(f"Noch einer {number}", on)
    with db.read() as session, counted() as many:
        holds.held_posts(session, hold), holds.open_holds(session), holds.held_counts(session)
    assert len(many) == len(few)
