"""Proof that it happened: the journal of every way that a delivery can go, and reading back what was published."""

from datetime import timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from sqlmodel import Session, select

from core import db
from core.connectors.base import Author, Kind, RemoteMessage, Replay
from core.errors import NeedsReauth, RateLimited, Rejected, RetryLater
from core.models.analytics import Publication
from core.models.channel import Channel, ChannelState
from core.models.inbox import Direction, Message
from core.models.planning import Delivery, DeliveryState, Post
from core.models.planning_work import DeliveryEvent, EventKind
from core.models.team import Notice
from core.services import inbox_answers, intake, journal, planning, proof_steps, proofs, publishing
from core.services.intake_numbers import store_metrics
from core.services.outbox import outbox
from core.services.proof_steps import Facts, Mark
from tests import factories
from tests.conftest import counted
from tests.fake_network import Clock, FakeNetwork, clock, network
from tests.services.test_publishing import channel, pass_time, planned, row

__all__ = ["clock", "network"]

E, S = EventKind, DeliveryState
BERLIN = ZoneInfo("Europe/Berlin")


def lines(delivery_id: int) -> list[proof_steps.Line]:
    with db.read() as session:
        return list(proof_steps.journal_of(session, [delivery_id]).get(delivery_id, ()))


def kinds(delivery_id: int) -> list[EventKind]:
    return [line.kind for line in lines(delivery_id)]


def words(delivery_id: int) -> list[str]:
    with db.read() as session:
        found = proof_steps.steps(Facts.of(session.get_one(Delivery, delivery_id)), lines(delivery_id))
    return [step.word for step in found]


def told(delivery_id: int) -> str:
    return proof_steps.sentence(Facts.of(row(delivery_id)), lines(delivery_id), BERLIN)


def wait(clock: Clock, seconds: float) -> None:
    clock.advance(seconds)
    proofs.look_due()


# --- the journal ------------------------------------------------------------------------------------------------------


def test_a_post_that_goes_out_is_intended_sent_accepted_and_seen(network: FakeNetwork, clock: Clock) -> None:
    delivery = planned()
    publishing.publish_due()
    assert kinds(delivery) == [E.INTENDED, E.SENT, E.ACCEPTED]
    assert words(delivery) == ["Intended", "Sent", "Accepted", "Looking"]
    wait(clock, 6)
    assert kinds(delivery) == [E.INTENDED, E.SENT, E.ACCEPTED, E.SEEN]
    assert words(delivery) == ["Intended", "Sent", "Accepted", "Seen"]
    assert row(delivery).seen_at == clock.now and row(delivery).proof_due_at is None
    assert told(delivery) == ""


def test_what_was_intended_is_in_the_journal_before_it_leaves(
    network: FakeNetwork, monkeypatch: pytest.MonkeyPatch
) -> None:
    delivery = planned()
    before: list[list[EventKind]] = []
    original = network.publish
    monkeypatch.setattr(network, "publish", lambda p: (before.append(kinds(delivery)), original(p))[1])
    publishing.publish_due()
    assert before == [[E.INTENDED]]


def test_each_entry_of_a_thread_has_its_lines(network: FakeNetwork) -> None:
    delivery = planned("eins\n---\nzwei")
    publishing.publish_due()
    assert [(line.kind, line.part) for line in lines(delivery)] == [
        (kind, part) for part in (0, 1) for kind in (E.INTENDED, E.SENT, E.ACCEPTED)
    ]


def test_a_lost_answer_is_told_in_words_until_it_is_found(network: FakeNetwork, clock: Clock) -> None:
    delivery = planned()
    network.faults.append("late")  # the server works on it for 12 seconds and never answers
    publishing.publish_due()
    sent = f"{clock.now.astimezone(BERLIN):%H:%M:%S}"
    assert kinds(delivery) == [E.INTENDED, E.SENT]
    assert "No answer: The server did not answer in time." in lines(delivery)[1].detail
    assert told(delivery).startswith(f"Sent {sent}, no answer. Not looked yet, next look ")
    pass_time(clock, 6)
    due = row(delivery).due_at
    assert due is not None
    assert told(delivery) == f"Sent {sent}, no answer. Looked once, next look {due.astimezone(BERLIN):%H:%M:%S}."
    assert words(delivery) == ["Intended", "Sent, no answer"]
    pass_time(clock, 20)
    assert kinds(delivery) == [E.INTENDED, E.SENT, E.LOOKED, E.ADOPTED]
    assert words(delivery)[:3] == ["Intended", "Sent", "Found there"]


def test_what_is_never_found_is_said_and_a_person_decides(network: FakeNetwork, clock: Clock) -> None:
    who = factories.actor()
    delivery = planned()
    network.faults.append("drop_before")
    publishing.publish_due()
    pass_time(clock, 600)
    assert row(delivery).state is S.UNCONFIRMED
    assert kinds(delivery) == [E.INTENDED, E.SENT, E.LOOKED, E.UNCONFIRMED]
    looked = lines(delivery)[2]
    assert looked.times == 5 and looked.last_at > looked.at  # one line that counts, not five
    assert "Looked 5 times and didn't find it." in told(delivery)
    with db.write() as session:
        planning.confirm_delivery(session, who, delivery, False)
    publishing.publish_due()
    assert kinds(delivery)[4:] == [E.CONFIRMED, E.INTENDED, E.SENT, E.ACCEPTED]
    assert lines(delivery)[4].by == who.name
    assert words(delivery)[:3] == ["Intended", "Sent", "Accepted"]  # of the new run alone


def test_the_same_request_once_more_is_told(network: FakeNetwork, clock: Clock) -> None:
    delivery = planned(kind=Replay.KEY)
    network.replay = Replay.KEY
    network.faults.append("drop_before")
    publishing.publish_due()
    pass_time(clock, 30)
    assert kinds(delivery) == [E.INTENDED, E.SENT, E.LOOKED, E.RESENT, E.ACCEPTED]


def test_an_hour_of_trouble_is_one_line(network: FakeNetwork, clock: Clock) -> None:
    delivery = planned()
    network.faults.extend(["refused"] * 4)
    publishing.publish_due()
    assert told(delivery).startswith("Put off: The server can't be reached. Next try ")
    pass_time(clock, 120)
    assert kinds(delivery) == [E.INTENDED, E.WAITING, E.SENT, E.ACCEPTED]
    waiting = lines(delivery)[1]
    assert (waiting.times, waiting.detail) == (4, "The server can't be reached.")
    assert lines(delivery)[3].attempt == 4


def test_a_refusal_keeps_the_networks_words_and_decisions_their_author(network: FakeNetwork) -> None:
    who = factories.actor()
    delivery = planned()
    network.faults.append("422")
    publishing.publish_due()
    assert words(delivery)[-1] == "Failed"
    with db.write() as session:
        planning.retry_delivery(session, who, delivery)
    network.faults.append("422")
    publishing.publish_due()
    with db.write() as session:
        planning.give_up_delivery(session, who, delivery)
    assert kinds(delivery) == [E.INTENDED, E.FAILED, E.RETRIED, E.INTENDED, E.FAILED, E.GIVEN_UP]
    assert lines(delivery)[1].detail == "Validation failed: too long"
    assert [line.by for line in lines(delivery)] == ["", "", who.name, "", "", who.name]


def test_planning_and_cancelling_are_in_the_journal(hub: object) -> None:
    who, post = factories.actor(), factories.post(factories.channel().id)
    with db.write() as session:
        planning.schedule_post(session, who, post.id, db.utc_now() + timedelta(hours=1))
        planning.unschedule_post(session, who, post.id)
        planning.schedule_post(session, who, post.id, db.utc_now() + timedelta(hours=1))
        planning.cancel_post(session, who, post.id)
        delivery = session.exec(select(Delivery.id)).one()
    assert kinds(delivery) == [E.SCHEDULED, E.CANCELLED, E.SCHEDULED, E.CANCELLED]
    assert {line.by for line in lines(delivery)} == {who.name}


def test_a_disconnected_channel_tells_its_deliveries(network: FakeNetwork) -> None:
    from core.services import channels

    here = channel()
    delivery = planned(on=here)
    channels.remove(factories.actor(), here.id)
    assert [(line.kind, line.detail) for line in lines(delivery)] == [(E.CANCELLED, "The channel was disconnected.")]


def test_a_fault_in_the_journal_loses_nothing_of_the_record(
    network: FakeNetwork, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def broken(session: Session, *_: Any, **__: Any) -> None:
        session.add(DeliveryEvent(delivery_id=999_999, kind=E.SENT))

    monkeypatch.setattr(journal, "note", broken)
    monkeypatch.setattr(journal, "note_sent", broken)
    delivery = planned()
    publishing.publish_due()
    assert (row(delivery).state, row(delivery).remote_id) == (S.PUBLISHED, "r1")
    assert lines(delivery) == [] and network.texts() == ["Guten Morgen!"]
    assert "could not be stored" in caplog.text
    assert words(delivery)[:3] == ["Intended", "Sent", "Accepted"]  # the row itself tells


# --- reading back -----------------------------------------------------------------------------------------------------


def published(count: int, on: Channel | None = None) -> list[int]:
    here = on or channel()
    made = [planned(f"Nummer {number}", on=here) for number in range(count)]
    publishing.publish_due()
    return made


def test_many_posts_of_a_channel_are_read_back_in_one_request(network: FakeNetwork, clock: Clock) -> None:
    made = published(7)
    clock.advance(6)
    with counted() as ran:
        assert proofs.look_due() == 7
    assert [len(asked) for asked in network.read_back] == [7]
    assert all(row(delivery).seen_at for delivery in made)
    with counted() as few:
        published(1)
        clock.advance(6)
        few.clear()
        assert proofs.look_due() == 1
    assert len(ran) - len(few) == 6  # for each further one its line in the journal, nothing else


def test_looks_pause_longer_and_longer_and_then_it_is_missing(network: FakeNetwork, clock: Clock) -> None:
    who = factories.member()
    (delivery,) = published(1)
    with db.write() as session:
        session.get_one(Post, row(delivery).post_id).member_id = who.id
    network.hidden.add("r1")
    for pause in (5, 30, 120, 600, 3600):
        wait(clock, pause - 1)
        wait(clock, 1.5)
    assert len(network.read_back) == 5 and row(delivery).gone_at is None
    assert words(delivery)[-1] == "Not seen yet" and "not seen in 5 looks" in told(delivery)
    wait(clock, 21600)
    wait(clock, 90_000)
    assert len(network.read_back) == 6
    assert row(delivery).gone_at is not None and words(delivery)[-1] == "Gone"
    assert told(delivery) == "It wasn't to be seen there in 6 looks."
    with db.read() as session:
        (notice,) = session.exec(select(Notice))
    assert (notice.member_id, notice.kind, notice.target) == (who.id, "gone", f"post:{row(delivery).post_id}")


def test_removed_is_believed_at_the_second_look(network: FakeNetwork, clock: Clock) -> None:
    (delivery,) = published(1)
    network.posts.clear()
    wait(clock, 6)
    assert row(delivery).gone_at is None  # a server may not know at once what it took
    wait(clock, 31)
    assert row(delivery).gone_at == clock.now and kinds(delivery)[-1] is E.MISSING
    with db.read() as session:
        assert session.exec(select(Publication)).one().deleted_at is not None


def test_of_a_thread_every_entry_must_be_there(network: FakeNetwork, clock: Clock) -> None:
    delivery = planned("eins\n---\nzwei")
    publishing.publish_due()
    del network.posts[1]
    wait(clock, 6)
    wait(clock, 31)
    assert row(delivery).seen_at is None and row(delivery).gone_at is not None
    assert lines(delivery)[-1].detail == "1 of 2 parts: The network says that it isn't there."


@pytest.mark.parametrize("error", [RetryLater("away"), Rejected("no"), KeyError("bug")])
def test_a_look_that_could_not_be_made_says_nothing(network: FakeNetwork, clock: Clock, error: Exception) -> None:
    (delivery,) = published(1)
    network.read_faults.extend([error] * 3)
    for _ in range(3):
        wait(clock, 21601)
    assert (row(delivery).seen_at, row(delivery).gone_at, row(delivery).proof_looks) == (None, None, 0)
    wait(clock, 21601)
    assert row(delivery).seen_at is not None


def test_a_pause_of_the_network_is_kept(network: FakeNetwork, clock: Clock) -> None:
    (delivery,) = published(1)
    network.read_faults.append(RateLimited("Slow down.", clock.now + timedelta(minutes=9)))
    wait(clock, 6)
    wait(clock, 500)
    assert len(network.read_back) == 1
    wait(clock, 60)
    assert row(delivery).seen_at is not None


def test_signed_out_or_paused_it_waits_for_the_channel(network: FakeNetwork, clock: Clock) -> None:
    here = channel()
    (delivery,) = published(1, here)
    network.read_faults.append(NeedsReauth("Sign in again."))
    wait(clock, 6)
    with db.read() as session:
        assert session.get_one(Channel, here.id).state is ChannelState.NEEDS_REAUTH
    wait(clock, 4000)
    assert len(network.read_back) == 1
    with db.read() as session:
        assert not proofs.anything_due(session)
    with db.write() as session:
        session.get_one(Channel, here.id).state = ChannelState.ACTIVE
    wait(clock, 1)
    assert row(delivery).seen_at is not None


def test_two_workers_look_once_and_a_look_that_was_cut_off_is_made_again(network: FakeNetwork, clock: Clock) -> None:
    (delivery,) = published(1)
    clock.advance(6)
    (first,) = proofs.claim_due(4)
    assert proofs.claim_due(4) == []
    clock.advance(181)  # the first one died
    (second,) = proofs.claim_due(4)
    assert proofs.look(first) == 0  # … or was only slow: its finding is dropped
    assert proofs.look(second) == 1
    assert kinds(delivery).count(E.SEEN) == 1


def test_what_the_ordinary_sync_reads_counts(network: FakeNetwork, clock: Clock) -> None:
    here = channel()
    one, two, three = published(3, here)
    me = Author("me", "me")
    read = RemoteMessage("r1", "r1", Kind.COMMENT, me, "Nummer 0", clock.now, is_own=True)
    with db.write() as session:
        intake.store_posts(session, session.get_one(Channel, here.id), [read])
        store_metrics(session, session.get_one(Channel, here.id), ["r2", "r3"], {"r2": {"likes": 1}})
    assert row(one).seen_at is not None and row(two).seen_at is not None
    assert row(three).gone_at is not None
    wait(clock, 6)
    assert network.read_back == []
    with db.write() as session:  # it turns up again
        back = RemoteMessage("r3", "r3", Kind.COMMENT, me, "Nummer 2", clock.now, is_own=True)
        intake.store_posts(session, session.get_one(Channel, here.id), [back])
    assert row(three).gone_at is None and row(three).seen_at is not None


def test_an_answer_is_proven_too_and_one_deleted_in_the_inbox_is_not_missed(network: FakeNetwork, clock: Clock) -> None:
    here, who = channel(), factories.actor()
    talk = factories.conversation(here.id, "Wann liefert ihr?", at=clock.now - timedelta(minutes=5))
    made = []
    for text in ("Morgen!", "Übermorgen!"):
        with db.write() as session:
            message = inbox_answers.send_reply(session, who, talk.id, text)
            made.append(session.exec(select(Delivery.id).where(Delivery.message_id == message)).one())
    publishing.publish_due()
    assert kinds(made[0]) == [E.SCHEDULED, E.INTENDED, E.SENT, E.ACCEPTED]
    network.posts.pop()
    with db.write() as session:
        gone = session.exec(
            select(Message).where(Message.direction == Direction.OUT).order_by(Message.id.desc())
        ).first()  # type: ignore[attr-defined,union-attr]
        assert gone is not None
        gone.deleted_at = clock.now
    wait(clock, 6)
    wait(clock, 31)
    assert row(made[0]).seen_at is not None
    assert (row(made[1]).gone_at, row(made[1]).proof_due_at) == (None, None)


def test_an_idle_hub_asks_once_and_writes_nothing(hub: object) -> None:
    with counted() as ran, db.read() as session:
        assert not proofs.anything_due(session) and proofs.next_due(session) is None
    assert len(ran) == 2
    with db.read() as session:
        plan = session.connection().exec_driver_sql(
            "EXPLAIN QUERY PLAN SELECT id FROM delivery WHERE proof_due_at IS NOT NULL AND proof_due_at <= '2030'"
        )
        assert "ix_delivery_proof" in str(plan.all())


# --- the outbox -------------------------------------------------------------------------------------------------------


def test_the_outbox_shows_what_moves_now(network: FakeNetwork, clock: Clock) -> None:
    here = channel()
    published(2, here)
    network.faults.append("late")
    doubtful = planned("Zweifel", on=here)
    publishing.publish_due()
    factories.post(here.id, text="Gleich", at=clock.now + timedelta(minutes=10))
    factories.post(here.id, text="Morgen", at=clock.now + timedelta(days=1))
    paused = factories.channel("fake", state=ChannelState.PAUSED)
    factories.post(paused.id, text="Pausiert", at=clock.now - timedelta(minutes=10))

    def look() -> Any:
        with db.read() as session:
            return outbox(session)

    with counted() as ran:
        found = look()
    assert [r.title for r in found.going] == ["Pausiert", "Gleich"]
    assert "paused" in found.going[0].waits and found.going[1].waits == ""
    assert [r.id for r in found.doubtful] == [doubtful]
    assert [r.title for r in found.published] == ["Nummer 1", "Nummer 0"]
    assert [s.mark for s in found.published[0].steps] == [Mark.DONE, Mark.DONE, Mark.DONE, Mark.NOW]
    published(8, here)
    with counted() as more:
        assert len(look().published) == 10
    assert len(more) == len(ran) == 4


def test_facts_alone_are_enough_for_what_is_older_than_the_journal() -> None:
    at = db.utc_now()
    found = proof_steps.steps(Facts(S.PUBLISHED, sent_at=at, published_at=at))
    assert [(step.word, step.at) for step in found] == [("Intended", at), ("Sent", at), ("Accepted", at)]
    assert proof_steps.steps(Facts(S.DRAFT)) == () and proof_steps.steps(Facts(S.CANCELLED)) == ()
