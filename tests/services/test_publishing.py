"""Deliveries go out once, whatever the network answers: every answer at every step, on a network in memory."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from sqlmodel import Session, select

from core import db, lease, vault
from core.connectors.base import Limits, Replay
from core.errors import NeedsReauth, OutcomeUnknown, RateLimited, Rejected, RemoteGone, RetryLater
from core.models.analytics import Publication
from core.models.channel import Channel, ChannelState
from core.models.inbox import Direction, Message
from core.models.planning import Delivery, DeliveryState, Post, PostState
from core.services import deliveries, delivery_ends, planning, publishing
from tests import factories
from tests.fake_network import Clock, FakeNetwork, clock, network

__all__ = ["clock", "network"]

S = DeliveryState


def channel(kind: Replay = Replay.NONE, **values: Any) -> Channel:
    limits = replace(Limits(), replay=kind, replay_window=3600.0)
    return factories.channel("fake", base_url="https://fake.example", limits=limits.to_json(), **values)


def planned(text: str = "Guten Morgen!", kind: Replay = Replay.NONE, on: Channel | None = None) -> int:
    """A delivery that is due now, by its id."""
    post = factories.post((on or channel(kind)).id, text=text, at=db.utc_now() - timedelta(seconds=1))
    with db.read() as session:
        return session.exec(select(Delivery.id).where(Delivery.post_id == post.id)).one()


def row(delivery_id: int) -> Delivery:
    with db.read() as session:
        found = session.get_one(Delivery, delivery_id)
        session.expunge(found)
    return found


def post_of(delivery_id: int) -> Post:
    with db.read() as session:
        found = session.get_one(Post, row(delivery_id).post_id)
        session.expunge(found)
    return found


def publications() -> list[Publication]:
    with db.read() as session:
        found = list(session.exec(select(Publication).order_by(Publication.id)))
        session.expunge_all()
    return found


def pass_time(clock: Clock, seconds: float) -> None:
    """Let time pass and work on what has become due, as a worker would."""
    end = clock.now + timedelta(seconds=seconds)
    while clock.now < end:
        clock.advance(min(1.0, (end - clock.now).total_seconds()))
        publishing.publish_due()


# --- the good way -----------------------------------------------------------------------------------------------------


def test_a_due_post_goes_out_and_everybody_hears_of_it(network: FakeNetwork) -> None:
    delivery = planned("Frisch geröstet")
    assert publishing.publish_due() == 1
    assert network.texts() == ["Frisch geröstet"]
    done = row(delivery)
    assert (done.state, done.remote_id, done.url) == (S.PUBLISHED, "r1", "https://fake.example/r1")
    assert done.published_at == network.posts[0].at
    assert (done.due_at, done.claim_token, done.last_error) == (None, None, None)
    assert post_of(delivery).state is PostState.PUBLISHED
    (publication,) = publications()
    assert (publication.delivery_id, publication.remote_id, publication.text) == (delivery, "r1", "Frisch geröstet")
    assert publishing.publish_due() == 0


def test_what_is_not_due_waits(network: FakeNetwork) -> None:
    factories.post(channel().id, at=db.utc_now() + timedelta(minutes=1))
    assert publishing.publish_due() == 0
    assert network.writes == []


def test_the_request_is_committed_before_it_leaves(network: FakeNetwork, monkeypatch: pytest.MonkeyPatch) -> None:
    delivery = planned()
    seen: list[Delivery] = []
    original = network.publish
    monkeypatch.setattr(network, "publish", lambda prepared: (seen.append(row(delivery)), original(prepared))[1])
    publishing.publish_due()
    (before,) = seen
    assert before.state is S.SENDING
    assert before.parts is not None and before.sent_at is not None
    assert before.parts[0]["request"] == network.writes[0].request
    assert before.parts[0]["replay_key"] == network.writes[0].replay_key


def test_a_thread_goes_out_in_order_each_below_the_one_before(network: FakeNetwork) -> None:
    delivery = planned("eins\n---\nzwei\n---\ndrei")
    publishing.publish_due()
    assert network.texts() == ["eins", "zwei", "drei"]
    assert [post.request["below"] for post in network.posts] == [None, "r1", "r2"]
    assert (row(delivery).state, row(delivery).remote_id) == (S.PUBLISHED, "r1")


def test_posts_of_a_channel_go_out_in_the_order_they_are_due(network: FakeNetwork) -> None:
    here = channel()
    for text, minutes in (("dritter", 1), ("erster", 9), ("zweiter", 5)):
        factories.post(here.id, text=text, at=db.utc_now() - timedelta(minutes=minutes))
    publishing.publish_due()
    assert network.texts() == ["erster", "zweiter", "dritter"]


def test_an_answer_gets_its_place_in_the_conversation(network: FakeNetwork) -> None:
    here = channel()
    talk = factories.conversation(here.id, "Wann liefert ihr?", at=db.utc_now() - timedelta(minutes=5))
    message = factories.message(talk, "Morgen!", direction=Direction.OUT, remote_id=None, reply_to="m1")
    with db.write() as session:
        values: dict[str, Any] = {"state": S.SCHEDULED, "due_at": db.utc_now()}
        session.add(Delivery(message_id=message.id, channel_id=here.id, text="Morgen!", **values))
    publishing.publish_due()
    assert network.posts[0].request["below"] == "m1"
    with db.read() as session:
        sent = session.get_one(Message, message.id)
        assert (sent.remote_id, sent.url, sent.sent_at) == ("r1", "https://fake.example/r1", network.posts[0].at)
    assert publications() == []


def test_an_answer_that_a_sync_has_brought_already_is_there_once(network: FakeNetwork) -> None:
    here = channel()
    talk = factories.conversation(here.id, "Wann liefert ihr?")
    message = factories.message(talk, "Morgen!", direction=Direction.OUT, remote_id=None, reply_to="m1")
    factories.message(talk, "Morgen!", direction=Direction.OUT, remote_id="r1")
    with db.write() as session:
        session.add(Delivery(message_id=message.id, channel_id=here.id, state=S.SCHEDULED, due_at=db.utc_now()))
    publishing.publish_due()
    with db.read() as session:
        ours = session.exec(select(Message).where(Message.direction == Direction.OUT)).one()
        assert (ours.id, ours.remote_id) == (message.id, "r1")
        assert session.exec(select(Delivery)).one().state is S.PUBLISHED


def test_a_post_that_a_sync_has_brought_already_is_linked(network: FakeNetwork) -> None:
    here = channel()
    with db.write() as session:
        session.add(Publication(channel_id=here.id, remote_id="r1", published_at=db.utc_now(), likes=3))
    delivery = planned(on=here)
    publishing.publish_due()
    (publication,) = publications()
    assert (publication.delivery_id, publication.likes) == (delivery, 3)


# --- nothing left yet -------------------------------------------------------------------------------------------------


def test_a_rate_limit_waits_and_spends_no_attempt(network: FakeNetwork, clock: Clock) -> None:
    delivery = planned()
    network.faults.append("429")
    publishing.publish_due()
    waiting = row(delivery)
    assert (waiting.state, waiting.attempts) == (S.SCHEDULED, 0)
    assert waiting.due_at == clock.now + timedelta(seconds=30)
    clock.advance(29)
    assert publishing.publish_due() == 0
    clock.advance(2)
    publishing.publish_due()
    assert row(delivery).state is S.PUBLISHED
    assert network.writes[0] == network.writes[1], "the same request, to the byte"
    assert network.prepared == 1


def test_a_refused_connection_is_tried_again_and_then_given_up(network: FakeNetwork, clock: Clock) -> None:
    delivery = planned()
    network.faults.extend(["refused"] * delivery_ends.ATTEMPTS)
    publishing.publish_due()
    assert (row(delivery).state, row(delivery).attempts) == (S.SCHEDULED, 1)
    for _ in range(delivery_ends.ATTEMPTS):
        clock.advance(1200)
        publishing.publish_due()
    assert row(delivery).state is S.FAILED
    assert "can't be reached" in (row(delivery).last_error or "")
    assert post_of(delivery).state is PostState.NEEDS_CARE
    assert network.texts() == []


def test_a_refused_post_fails_with_the_networks_sentence(network: FakeNetwork) -> None:
    delivery = planned()
    network.faults.append("422")
    publishing.publish_due()
    assert (row(delivery).state, row(delivery).last_error) == (S.FAILED, "Validation failed: too long")
    assert row(delivery).due_at is None


def test_a_revoked_token_stops_only_its_channel_until_it_is_connected_again(network: FakeNetwork) -> None:
    ill, well = channel(), channel()
    first, second, other = planned("eins", on=ill), planned("zwei", on=ill), planned("drei", on=well)
    network.faults.append("401")
    publishing.publish_due()
    assert [row(d).state for d in (first, second, other)] == [S.SCHEDULED, S.SCHEDULED, S.PUBLISHED]
    assert row(first).attempts == 0
    with db.write() as session:
        stopped = session.get_one(Channel, ill.id)
        assert stopped.state is ChannelState.NEEDS_REAUTH
        stopped.state = ChannelState.ACTIVE
    publishing.publish_due()
    assert network.texts() == ["drei", "eins", "zwei"]


def test_a_key_that_does_not_fit_is_told_and_nothing_is_lost(
    network: FakeNetwork, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    here = channel(sealed=b"sealed with another key")
    delivery = planned(on=here)
    publishing.publish_due()
    assert row(delivery).state is S.SCHEDULED
    with db.write() as session:
        found = session.get_one(Channel, here.id)
        assert "key" in (found.last_error or "") and found.state is ChannelState.ACTIVE
        found.sealed = vault.seal({"access_token": "good"})
    pass_time(clock, 61)
    assert row(delivery).state is S.PUBLISHED


@pytest.mark.parametrize(
    ("error", "state"),
    [
        (RateLimited("Pause.", db.utc_now() + timedelta(hours=1)), S.SCHEDULED),
        (RetryLater("The upload broke."), S.SCHEDULED),
        (OutcomeUnknown("The upload's answer broke."), S.SCHEDULED),
        (NeedsReauth("Signed out."), S.SCHEDULED),
        (Rejected("This image isn't one."), S.FAILED),
        (RemoteGone("What this answers is gone."), S.FAILED),
        (ZeroDivisionError("a bug"), S.SCHEDULED),
    ],
)
def test_faults_while_preparing_send_nothing(network: FakeNetwork, error: Exception, state: DeliveryState) -> None:
    delivery = planned()
    network.prepare_faults.append(error)
    publishing.publish_due()
    assert network.writes == []
    assert (row(delivery).state, row(delivery).claim_token) == (state, None)
    assert row(delivery).last_error


def test_a_bug_is_put_off_and_others_go_on(network: FakeNetwork, caplog: pytest.LogCaptureFixture) -> None:
    first, second = planned("eins"), planned("zwei")
    network.prepare_faults.append(ZeroDivisionError("division by zero"))
    publishing.publish_due()
    assert {row(first).state, row(second).state} == {S.SCHEDULED, S.PUBLISHED}
    assert "ZeroDivisionError" in (row(first).last_error or row(second).last_error or "")
    assert any(record.exc_info for record in caplog.records), "with its traceback"


def test_a_text_that_no_longer_fits_fails_with_a_sentence(network: FakeNetwork) -> None:
    delivery = planned("x" * 501)
    publishing.publish_due()
    assert row(delivery).state is S.FAILED
    assert "too long" in (row(delivery).last_error or "")
    assert network.prepared == 0


def test_a_paused_channel_sends_nothing(network: FakeNetwork) -> None:
    planned(on=channel(state=ChannelState.PAUSED))
    with db.read() as session:
        assert not publishing.anything_due(session)
    assert publishing.publish_due() == 0


@pytest.mark.parametrize("by", ["cancelled", "moved", "reworded", "paused"])
def test_what_was_changed_while_it_was_prepared_is_not_sent(
    network: FakeNetwork, monkeypatch: pytest.MonkeyPatch, by: str
) -> None:
    delivery = planned("alt")

    def meanwhile(_point: str) -> None:
        monkeypatch.setattr(network, "gate", lambda _point: None)
        with db.write() as session:
            found = session.get_one(Delivery, delivery)
            if by == "cancelled":
                found.state = S.CANCELLED
            elif by == "moved":
                found.due_at = db.utc_now() + timedelta(days=1)
            elif by == "reworded":
                found.text = "neu"
            else:
                session.get_one(Channel, found.channel_id).state = ChannelState.PAUSED

    monkeypatch.setattr(network, "gate", meanwhile)
    publishing.publish_due()
    assert network.texts() == (["neu"] if by == "reworded" else [])
    assert row(delivery).claim_token is None


# --- nobody knows whether it is out -----------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", list(Replay))
@pytest.mark.parametrize("fault", ["drop_after", "bug_after", "late"])
def test_what_was_accepted_without_an_answer_is_found_and_not_sent_again(
    network: FakeNetwork, clock: Clock, kind: Replay, fault: str
) -> None:
    network.replay = kind
    delivery = planned(kind=kind)
    network.faults.append(fault)
    publishing.publish_due()
    assert row(delivery).state is S.CHECKING
    pass_time(clock, 70)
    assert row(delivery).state is S.PUBLISHED
    assert row(delivery).remote_id == network.posts[0].remote_id
    assert network.texts() == ["Guten Morgen!"]
    if kind is not Replay.RECORD:
        assert len(network.writes) == 1


@pytest.mark.parametrize("kind", [Replay.KEY, Replay.RECORD])
def test_what_did_not_arrive_is_sent_again_where_replay_is_honoured(
    network: FakeNetwork, clock: Clock, kind: Replay
) -> None:
    network.replay = kind
    delivery = planned(kind=kind)
    network.faults.extend(["drop_before", "drop_before"])
    publishing.publish_due()
    pass_time(clock, 120)
    assert (row(delivery).state, network.texts()) == (S.PUBLISHED, ["Guten Morgen!"])
    assert len(network.writes) == 3
    assert network.writes[0] == network.writes[1] == network.writes[2]


def test_a_slow_server_gets_time_before_the_same_key_follows(network: FakeNetwork, clock: Clock) -> None:
    network.replay = Replay.KEY
    planned(kind=Replay.KEY)
    network.faults.append("drop_before")
    publishing.publish_due()
    pass_time(clock, 19)
    assert network.looks > 0
    assert len(network.writes) == 1


def test_where_nothing_is_honoured_it_is_never_sent_again_and_a_person_decides(
    network: FakeNetwork, clock: Clock
) -> None:
    delivery = planned()
    network.faults.append("drop_before")
    publishing.publish_due()
    pass_time(clock, 600)
    stopped = row(delivery)
    assert stopped.state is S.UNCONFIRMED
    assert "may or may not be online" in (stopped.last_error or "")
    assert network.looks == len(publishing.PAUSES)
    assert len(network.writes) == 1
    assert post_of(delivery).state is PostState.NEEDS_CARE


def test_a_replay_after_the_servers_memory_is_not_made(network: FakeNetwork, clock: Clock) -> None:
    network.replay = Replay.KEY
    delivery = planned(kind=Replay.KEY)
    network.faults.append("drop_before")
    publishing.publish_due()
    clock.advance(3600)
    pass_time(clock, 900)
    assert row(delivery).state is S.UNCONFIRMED
    assert len(network.writes) == 1


def test_a_refused_replay_is_no_proof_that_the_first_is_not_out(network: FakeNetwork, clock: Clock) -> None:
    network.replay = Replay.KEY
    delivery = planned(kind=Replay.KEY)
    network.faults.extend(["drop_before", *["422"] * 20])
    publishing.publish_due()
    pass_time(clock, 3600)
    assert row(delivery).state is S.UNCONFIRMED


@pytest.mark.parametrize(
    "error",
    [
        RateLimited("Pause.", db.utc_now() + timedelta(seconds=40)),
        RetryLater("Broken."),
        Rejected("You may not look."),
        ZeroDivisionError("a bug"),
    ],
)
def test_a_look_that_fails_is_made_again(network: FakeNetwork, clock: Clock, error: Exception) -> None:
    delivery = planned()
    network.faults.append("drop_after")
    network.look_faults.append(error)
    publishing.publish_due()
    pass_time(clock, 60)
    assert (row(delivery).state, network.texts()) == (S.PUBLISHED, ["Guten Morgen!"])


def test_signed_out_while_looking_waits_for_the_channel(network: FakeNetwork, clock: Clock) -> None:
    here = channel()
    delivery = planned(on=here)
    network.faults.append("drop_after")
    network.look_faults.append(NeedsReauth("Signed out."))
    publishing.publish_due()
    pass_time(clock, 600)
    assert row(delivery).state is S.CHECKING
    with db.write() as session:
        session.get_one(Channel, here.id).state = ChannelState.ACTIVE
    publishing.publish_due()
    assert (row(delivery).state, network.texts()) == (S.PUBLISHED, ["Guten Morgen!"])


def test_another_post_with_the_same_words_is_not_taken_for_it(network: FakeNetwork, clock: Clock) -> None:
    here = channel()
    lost, sent = planned("Montag!", on=here), planned("Montag!", on=here)
    network.faults.append("drop_before")
    publishing.publish_due()
    assert row(sent).state is S.PUBLISHED
    pass_time(clock, 600)
    assert row(lost).state is S.UNCONFIRMED
    assert network.texts() == ["Montag!"]


def test_of_two_with_the_same_words_without_an_answer_neither_is_guessed(network: FakeNetwork, clock: Clock) -> None:
    here = channel()
    first, second = planned("Montag!", on=here), planned("Montag!", on=here)
    network.faults.extend(["drop_after", "drop_before"])
    publishing.publish_due()
    pass_time(clock, 600)
    assert {row(first).state, row(second).state} == {S.UNCONFIRMED}
    assert network.texts() == ["Montag!"]


def test_of_two_with_the_same_words_the_key_tells_which(network: FakeNetwork, clock: Clock) -> None:
    network.replay = Replay.KEY
    here = channel(Replay.KEY)
    first, second = planned("Montag!", on=here), planned("Montag!", on=here)
    network.faults.extend(["drop_after", "drop_before"])
    publishing.publish_due()
    pass_time(clock, 600)
    assert (row(first).remote_id, row(second).remote_id) == ("r1", "r2")
    assert network.texts() == ["Montag!", "Montag!"]


def test_a_thread_goes_on_after_its_lost_part_was_found(network: FakeNetwork, clock: Clock) -> None:
    delivery = planned("eins\n---\nzwei\n---\ndrei")
    network.faults.extend(["accept", "drop_after"])
    publishing.publish_due()
    assert (row(delivery).state, network.texts()) == (S.CHECKING, ["eins", "zwei"])
    pass_time(clock, 10)
    assert network.texts() == ["eins", "zwei", "drei"]
    assert row(delivery).state is S.PUBLISHED


def test_a_thread_that_is_refused_in_the_middle_says_what_is_online(network: FakeNetwork) -> None:
    delivery = planned("eins\n---\nzwei")
    network.faults.extend(["accept", "422"])
    publishing.publish_due()
    assert row(delivery).state is S.FAILED
    assert "1 of 2 parts are online" in (row(delivery).last_error or "")
    with db.write() as session:  # a person tries again
        found = session.get_one(Delivery, delivery)
        found.state, found.due_at, found.last_error = S.SCHEDULED, db.utc_now(), None
    publishing.publish_due()
    assert (row(delivery).state, network.texts()) == (S.PUBLISHED, ["eins", "zwei"])


# --- a worker that died, or slept -------------------------------------------------------------------------------------


def claimed() -> lease.Claim:
    with db.write() as session:
        (claim,) = publishing.claim_due(session, 1)
    return claim


def test_a_channel_is_worked_on_by_one_at_a_time(network: FakeNetwork) -> None:
    here, there = channel(), channel()
    for on in (here, here, there):
        planned(on=on)
    with db.write() as session:
        assert len(publishing.claim_due(session, 5)) == 2
    with db.write() as session:
        assert publishing.claim_due(session, 5) == []


def test_a_claim_that_ran_out_before_anything_left_begins_again(network: FakeNetwork, clock: Clock) -> None:
    delivery = planned()
    claimed()
    assert publishing.publish_due() == 0
    clock.advance(31)
    publishing.publish_due()
    assert (row(delivery).state, network.texts()) == (S.PUBLISHED, ["Guten Morgen!"])


def test_who_slept_before_sending_sends_nothing(
    network: FakeNetwork, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Stopped after the commit, longer than the lease, while another took over: what it wakes up with isn't sent."""
    network.replay = Replay.NONE
    delivery = planned()
    original = deliveries.fix

    def slow_fix(*given: Any) -> Any:
        monkeypatch.setattr(deliveries, "fix", original)
        watch = original(*given)
        clock.advance(40)
        publishing.publish_due()  # the other worker: finds it in `sending`, looks, finds nothing
        return watch

    monkeypatch.setattr(deliveries, "fix", slow_fix)
    publishing.publish_due()
    assert network.writes == []
    assert row(delivery).state is S.CHECKING
    pass_time(clock, 900)
    assert row(delivery).state is S.UNCONFIRMED, "nobody knows any more that nothing left: a person decides"


def test_who_slept_before_sending_and_kept_its_claim_begins_again(
    network: FakeNetwork, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    delivery = planned()
    original = deliveries.fix

    def slow_fix(*given: Any) -> Any:
        monkeypatch.setattr(deliveries, "fix", original)
        watch = original(*given)
        clock.advance(40)
        return watch

    monkeypatch.setattr(deliveries, "fix", slow_fix)
    publishing.publish_due()
    assert (row(delivery).state, network.texts()) == (S.PUBLISHED, ["Guten Morgen!"])


@pytest.mark.parametrize("kind", list(Replay))
def test_who_slept_while_sending_still_tells_what_came_of_it(
    network: FakeNetwork, clock: Clock, monkeypatch: pytest.MonkeyPatch, kind: Replay
) -> None:
    network.replay = kind
    delivery = planned(kind=kind)
    other: list[lease.Claim] = []

    def meanwhile(point: str) -> None:
        if point == "answer" and not other:
            clock.advance(31)
            other.append(claimed())

    monkeypatch.setattr(network, "gate", meanwhile)
    publishing.publish_due()
    assert (row(delivery).state, row(delivery).remote_id) == (S.PUBLISHED, "r1")
    publishing.run(other[0])  # who had taken over finds nothing left to do
    assert (row(delivery).state, network.texts()) == (S.PUBLISHED, ["Guten Morgen!"])


def test_a_finding_is_not_taken_over_from_one_who_lost_the_claim(network: FakeNetwork, clock: Clock) -> None:
    delivery = planned()
    network.faults.append("drop_after")
    publishing.publish_due()
    clock.advance(6)
    late = claimed()
    clock.advance(31)
    publishing.publish_due()
    assert row(delivery).state is S.PUBLISHED
    publishing.run(late)
    assert (row(delivery).state, row(delivery).remote_id, network.texts()) == (S.PUBLISHED, "r1", ["Guten Morgen!"])


def test_a_fault_in_what_follows_does_not_lose_the_answer(
    network: FakeNetwork, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def broken(_session: Session, _post_id: int) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr(planning, "settle_post", broken)
    delivery = planned()
    publishing.publish_due()
    assert (row(delivery).state, row(delivery).remote_id) == (S.PUBLISHED, "r1")
    assert "what follows from it could not be stored" in caplog.text


def test_few_commits_a_delivery(network: FakeNetwork, monkeypatch: pytest.MonkeyPatch) -> None:
    from sqlalchemy import event

    here = channel()
    for _ in range(10):
        planned(on=here)
    commits: list[object] = []
    event.listen(db.engine(), "commit", lambda connection: commits.append(connection))
    publishing.publish_due()
    assert len(network.texts()) == 10
    assert len(commits) <= 31
