"""A person changes their mind while a worker has the post in hand: what they said last holds, however the work ends."""

from collections.abc import Callable
from datetime import timedelta

import pytest
from sqlmodel import Session, select

from core import db
from core.connectors.base import Replay
from core.errors import NeedsReauth, OutcomeUnknown, RateLimited, Rejected, RetryLater
from core.models.planning import Delivery, DeliveryState
from core.services import holds, planning, publishing
from core.services.team import COMMAND_LINE
from tests import factories
from tests.fake_network import Clock, FakeNetwork, clock, network

__all__ = ["clock", "network"]

S = DeliveryState
LATER = timedelta(hours=2)
ENDINGS = ("refused", "later", "pause", "reconnect", "accepted")


def due(clock: Clock) -> Delivery:
    channel = factories.channel("fake")
    post = factories.post(channel.id, text="Voreilig", at=clock.now)
    with db.read() as session:
        return session.exec(select(Delivery).where(Delivery.post_id == post.id)).one()


def row_of(delivery: Delivery) -> Delivery:
    with db.read() as session:
        found = session.get_one(Delivery, delivery.id)
        session.expunge(found)
    return found


def while_it_is_prepared(network: FakeNetwork, clock: Clock, how: str, decide: Callable[[Session], object]) -> None:
    """The worker has claimed it and asks the network for something; meanwhile a person decides; then the work ends."""
    ends = {
        "refused": Rejected("No."),
        "later": RetryLater("The server can't be reached."),
        "pause": RateLimited("The network asks for a pause.", clock.now + timedelta(seconds=30)),
        "reconnect": NeedsReauth("The network no longer accepts our sign-in."),
    }
    if how in ends:
        network.prepare_faults.append(ends[how])

    def gate(point: str) -> None:
        if point == "prepare" and network.prepared == 0:
            with db.write() as session:
                decide(session)

    network.gate = gate
    publishing.publish_due()


def all_day(clock: Clock, seconds: float) -> None:
    for _ in range(12):
        clock.advance(seconds / 12)
        publishing.publish_due()


@pytest.mark.parametrize("how", ENDINGS)
def test_cancelled_while_it_is_prepared_it_never_goes_out(network: FakeNetwork, clock: Clock, how: str) -> None:
    delivery = due(clock)
    while_it_is_prepared(network, clock, how, lambda s: planning.cancel_post(s, COMMAND_LINE, delivery.post_id))
    all_day(clock, 7200)
    assert (row_of(delivery).state, network.texts()) == (S.CANCELLED, [])


@pytest.mark.parametrize("how", ENDINGS)
def test_put_back_into_drafts_while_it_is_prepared_it_stays_there(network: FakeNetwork, clock: Clock, how: str) -> None:
    delivery = due(clock)
    while_it_is_prepared(network, clock, how, lambda s: planning.unschedule_post(s, COMMAND_LINE, delivery.post_id))
    all_day(clock, 7200)
    assert (row_of(delivery).state, network.texts()) == (S.DRAFT, [])


@pytest.mark.parametrize("how", ENDINGS)
def test_moved_while_it_is_prepared_it_waits_for_its_new_time(network: FakeNetwork, clock: Clock, how: str) -> None:
    delivery, at = due(clock), clock.now + LATER
    while_it_is_prepared(network, clock, how, lambda s: planning.schedule_post(s, COMMAND_LINE, delivery.post_id, at))
    moved = row_of(delivery)
    assert (moved.state, moved.due_at, moved.last_error) == (S.SCHEDULED, at, None)
    all_day(clock, LATER.total_seconds() - 60)
    assert network.texts() == []
    all_day(clock, 120)
    assert (row_of(delivery).state, network.texts()) == (S.PUBLISHED, ["Voreilig"])


@pytest.mark.parametrize("how", ENDINGS)
def test_deleted_while_it_is_prepared_it_is_gone(network: FakeNetwork, clock: Clock, how: str) -> None:
    delivery = due(clock)
    while_it_is_prepared(network, clock, how, lambda s: planning.delete_post(s, COMMAND_LINE, delivery.post_id))
    all_day(clock, 7200)
    assert network.texts() == []


@pytest.mark.parametrize("how", ENDINGS)
def test_stopped_while_it_is_prepared_it_is_held(network: FakeNetwork, clock: Clock, how: str) -> None:
    delivery = due(clock)
    while_it_is_prepared(network, clock, how, lambda s: holds.stop_publishing(s, COMMAND_LINE, "A crisis"))
    all_day(clock, 7200)
    assert network.texts() == []
    assert row_of(delivery).state in (S.SCHEDULED, S.FAILED)


def test_edited_while_it_is_prepared_the_new_text_goes_out(network: FakeNetwork, clock: Clock) -> None:
    delivery = due(clock)

    def edit(session: Session) -> None:
        planning.save_post(session, COMMAND_LINE, delivery.post_id, 1, planning.Changes(text="Überlegt"))

    while_it_is_prepared(network, clock, "accepted", edit)
    all_day(clock, 600)
    assert (row_of(delivery).state, network.texts()) == (S.PUBLISHED, ["Überlegt"])


def test_what_a_person_saw_online_is_not_taken_for_another_of_the_same_words(
    network: FakeNetwork, clock: Clock
) -> None:
    """Two posts with the same words, both without an answer; the first is online, the second never was."""
    network.replay = Replay.NONE
    channel = factories.channel("fake")
    network.faults.extend(["late", "drop_before"])  # a slow server carries the first one out after the second was lost
    first = factories.post(channel.id, text="Guten Morgen!", at=clock.now)
    publishing.publish_due()
    second = factories.post(channel.id, text="Guten Morgen!", at=clock.now)
    for _ in range(600):
        clock.advance(2)
        publishing.publish_due()
        with db.write() as session:
            for row in session.exec(select(Delivery).where(Delivery.state == S.UNCONFIRMED)):
                if row.post_id == first.id:
                    planning.confirm_delivery(session, COMMAND_LINE, row.id, published=True)
    with db.read() as session:
        states = {row.post_id: row.state for row in session.exec(select(Delivery))}
    assert len(network.texts()) == 1
    assert states == {first.id: S.PUBLISHED, second.id: S.UNCONFIRMED}, "nobody knows of the second, and it says so"


def test_online_says_a_person_of_half_a_thread_and_what_was_not_sent_is_told(
    network: FakeNetwork, clock: Clock
) -> None:
    network.replay = Replay.NONE
    channel = factories.channel("fake")
    network.faults.extend(["accept", "drop_after"])
    network.look_faults.extend([OutcomeUnknown("The timeline can't be read.")] * 99)
    post = factories.post(channel.id, text="eins\n---\nzwei\n---\ndrei", at=clock.now)
    for _ in range(80):
        publishing.publish_due()
        clock.advance(1000)
    with db.read() as session:
        row = session.exec(select(Delivery).where(Delivery.post_id == post.id)).one()
    assert (row.state, network.texts()) == (S.UNCONFIRMED, ["eins", "zwei"])
    with db.write() as session:
        planning.confirm_delivery(session, COMMAND_LINE, row.id, published=True)
    row = row_of(row)
    assert row.state is S.PUBLISHED
    assert "2 of 3" in (row.last_error or ""), "the third part never went out, and the hub says so"
