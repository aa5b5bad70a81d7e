"""Changing and taking down what is published, and deciding about many deliveries that need care at once."""

from datetime import timedelta
from typing import Any

import pytest
from sqlmodel import select

from core import db
from core.connectors.base import Capabilities
from core.errors import NeedsReauth, PermissionDenied, RetryLater, UserError
from core.models.analytics import Publication
from core.models.channel import Channel, ChannelState
from core.models.planning import Delivery, DeliveryState, Post, PostState
from core.models.planning_work import ApprovalRule, EventKind
from core.models.team import AuditEntry, Notice, Role
from core.services import delivery_care, planning, proofs, published, publishing
from core.services.delivery_care import Care
from tests import factories
from tests.conftest import counted
from tests.fake_network import Clock, FakeConnector, FakeNetwork, clock, network
from tests.services.test_proofs import kinds, lines, words
from tests.services.test_publishing import channel, pass_time, planned, post_of, publications, row

__all__ = ["clock", "network"]

E, S = EventKind, DeliveryState


def out(text: str = "Guten Morgen!", on: Channel | None = None) -> int:
    delivery = planned(text, on=on)
    publishing.publish_due()
    assert row(delivery).state is S.PUBLISHED
    return delivery


def both(text: str = "Überall") -> tuple[int, int, int]:
    """A post that is out on two channels: (post, one delivery, the other)."""
    post = factories.post(channel().id, channel().id, text=text, at=db.utc_now() - timedelta(seconds=1))
    publishing.publish_due()
    with db.read() as session:
        one, other = session.exec(select(Delivery.id).order_by(Delivery.id)).all()
    return post.id, one, other


def actions() -> list[str]:
    with db.read() as session:
        return [entry.action for entry in session.exec(select(AuditEntry).order_by(AuditEntry.id))]


def no_transaction(monkeypatch: pytest.MonkeyPatch, network: FakeNetwork) -> list[str]:
    """Note each deed at the network, and fail if a transaction is open meanwhile."""
    done: list[str] = []
    original = network.deed

    def watched(remote_id: str) -> Any:
        with db.write():  # refused (tests/conftest.py) while we hold one
            done.append(remote_id)
        return original(remote_id)

    monkeypatch.setattr(network, "deed", watched)
    return done


# --- changing ---------------------------------------------------------------------------------------------------------


def test_a_changed_text_stands_there_and_here(network: FakeNetwork, monkeypatch: pytest.MonkeyPatch) -> None:
    who, delivery = factories.actor(), out()
    done = no_transaction(monkeypatch, network)
    published.edit_published(who, delivery, "Guten Abend!")
    assert (network.texts(), done) == (["Guten Abend!"], ["r1"])
    changed, post = row(delivery), post_of(delivery)
    assert changed.edited_at is not None and changed.state is S.PUBLISHED
    assert (post.text, changed.text, post.version) == ("Guten Abend!", None, 2)
    assert publications()[0].text == "Guten Abend!"
    assert (kinds(delivery)[-1], lines(delivery)[-1].by) == (E.EDITED, who.name)
    assert "delivery.edit" in actions() and "Changed" in words(delivery)
    with pytest.raises(UserError, match="Nothing is changed"):
        published.edit_published(who, delivery, "Guten Abend!")


def test_of_a_thread_only_what_reads_differently_is_changed(
    network: FakeNetwork, monkeypatch: pytest.MonkeyPatch
) -> None:
    delivery = out("eins\n---\nzwei\n---\ndrei")
    done = no_transaction(monkeypatch, network)
    published.edit_published(factories.actor(), delivery, "eins\n---\nZWEI\n---\ndrei")
    assert (network.texts(), done) == (["eins", "ZWEI", "drei"], ["r2"])
    with db.read() as session:
        assert published.published_text(session, delivery) == "eins\n---\nZWEI\n---\ndrei"
    with pytest.raises(UserError, match="thread of 3 entries there, but this would be 2"):
        published.edit_published(factories.actor(), delivery, "eins\n---\nzwei")


def test_on_one_of_two_channels_it_becomes_that_channels_own_text(network: FakeNetwork) -> None:
    _, one, other = both()
    published.edit_published(factories.actor(), one, "Nur hier")
    assert (row(one).text, row(other).text, post_of(one).text) == ("Nur hier", None, "Überall")
    published.edit_published(factories.actor(), one, "Überall")
    assert row(one).text is None


def test_the_same_words_are_changed_everywhere_and_become_the_posts_text(network: FakeNetwork) -> None:
    post, one, other = both("Tippfehlr")
    assert all(o.ok for o in published.edit_post_published(factories.actor(), post, "Tippfehler"))
    assert network.texts() == ["Tippfehler", "Tippfehler"]
    assert (post_of(one).text, row(one).text, row(other).text) == ("Tippfehler", None, None)
    network.deed_faults.extend([None, RetryLater("The server can't be reached.")])
    outcomes = published.edit_post_published(factories.actor(), post, "Neu")
    assert [(o.ok, o.said) for o in outcomes] == [(True, "Changed."), (False, "The server can't be reached.")]
    assert (post_of(one).text, row(one).text, row(other).text) == ("Tippfehler", "Neu", None)


def test_what_reads_differently_keeps_its_words_when_all_are_changed(network: FakeNetwork) -> None:
    post = factories.post(channel().id, channel().id, channel().id, text="Alt", at=db.utc_now() - timedelta(seconds=1))
    with db.write() as session:
        own = session.exec(select(Delivery).order_by(Delivery.id.desc())).first()  # type: ignore[attr-defined]
        assert own is not None
        own.text = "Eigenes"
    publishing.publish_due()
    outcomes = published.edit_post_published(factories.actor(), post.id, "Neu")
    assert sorted(network.texts()) == ["Eigenes", "Neu", "Neu"]
    assert [o.ok for o in outcomes] == [True, True, False] and "reads differently" in outcomes[2].said


@pytest.mark.parametrize("text", ["x" * 501, "", "eins\n---\nzwei"])
def test_what_the_channel_would_not_take_never_leaves(network: FakeNetwork, text: str) -> None:
    delivery = out()
    with pytest.raises(UserError):
        published.edit_published(factories.actor(), delivery, text)
    assert network.texts() == ["Guten Morgen!"] and row(delivery).edited_at is None


def test_where_nothing_can_be_changed_it_is_said(network: FakeNetwork, monkeypatch: pytest.MonkeyPatch) -> None:
    delivery = out()
    fixed = Capabilities("fake", "Fake", FakeConnector.capabilities.auth, needs_base_url=True)
    monkeypatch.setattr(FakeConnector, "capabilities", fixed)
    with pytest.raises(UserError, match="Fake doesn't let anybody change what is published"):
        published.edit_published(factories.actor(), delivery, "Neu")


def test_who_may_not_approve_cannot_change_what_was_approved_by_the_back_door(network: FakeNetwork) -> None:
    delivery = out()
    with db.write() as session:
        session.add(ApprovalRule(required=True, roles=["admin"]))
    with pytest.raises(UserError, match="may approve"):
        published.edit_published(factories.actor(Role.EDITOR), delivery, "Heimlich")
    with pytest.raises(PermissionDenied):
        published.edit_published(factories.actor(Role.VIEWER), delivery, "Heimlich")
    assert network.texts() == ["Guten Morgen!"]
    published.edit_published(factories.actor(Role.ADMIN), delivery, "Offen")
    assert network.texts() == ["Offen"]


def test_what_was_changed_before_a_fault_is_kept_and_again_does_the_rest(network: FakeNetwork) -> None:
    delivery = out("eins\n---\nzwei")
    network.deed_faults.extend([None, RetryLater("The server can't be reached.")])
    with pytest.raises(RetryLater):
        published.edit_published(factories.actor(), delivery, "EINS\n---\nZWEI")
    assert network.texts() == ["EINS", "zwei"]
    with db.read() as session:
        assert published.published_text(session, delivery) == "EINS\n---\nzwei"
    published.edit_published(factories.actor(), delivery, "EINS\n---\nZWEI")
    assert network.texts() == ["EINS", "ZWEI"] and kinds(delivery).count(E.EDITED) == 2


def test_what_turns_out_to_be_gone_is_told(network: FakeNetwork) -> None:
    delivery = out()
    network.posts.clear()
    with pytest.raises(UserError, match="any more"):
        published.edit_published(factories.actor(), delivery, "Neu")
    assert row(delivery).gone_at is not None and kinds(delivery)[-1] is E.MISSING


def test_a_revoked_token_stops_the_channel(network: FakeNetwork) -> None:
    here = channel()
    delivery = out(on=here)
    network.deed_faults.append(NeedsReauth("Sign in again."))
    with pytest.raises(NeedsReauth):
        published.edit_published(factories.actor(), delivery, "Neu")
    with db.read() as session:
        assert session.get_one(Channel, here.id).state is ChannelState.NEEDS_REAUTH
    with pytest.raises(UserError, match="reconnect"):
        published.delete_published(factories.actor(), delivery)


# --- taking down ------------------------------------------------------------------------------------------------------


def test_what_is_taken_down_is_gone_there_and_known_here(
    network: FakeNetwork, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    who, delivery = factories.actor(), out("eins\n---\nzwei")
    done = no_transaction(monkeypatch, network)
    published.delete_published(who, delivery)
    assert (network.texts(), done) == ([], ["r2", "r1"])  # from the end, so that no entry hangs in the air
    gone = row(delivery)
    assert (gone.state, gone.gone_at) == (S.DELETED, clock.now)
    assert post_of(delivery).state is PostState.CANCELLED
    assert all(publication.deleted_at for publication in publications())
    assert kinds(delivery)[-2:] == [E.DELETED, E.DELETED] and actions()[-1] == "delivery.delete"
    clock.advance(4000)
    assert proofs.look_due() == 0 and network.read_back == []  # nobody misses it
    with db.read() as session:
        assert session.exec(select(Notice)).all() == []
    with pytest.raises(UserError, match="already"):
        published.delete_published(who, delivery)


def test_a_look_that_is_under_way_meanwhile_misses_nothing(network: FakeNetwork, clock: Clock) -> None:
    delivery = out()
    network.hidden.add("r1")
    clock.advance(6)
    proofs.look_due()  # the first look believes nothing yet
    clock.advance(31)
    (batch,) = proofs.claim_due(1)
    published.delete_published(factories.actor(), delivery)
    network.hidden.clear()
    proofs.look(batch)
    assert row(delivery).state is S.DELETED and E.MISSING not in kinds(delivery)


def test_what_is_gone_already_counts_as_taken_down_and_a_fault_in_the_middle_is_mended(network: FakeNetwork) -> None:
    delivery = out("eins\n---\nzwei")
    network.deed_faults.extend([None, RetryLater("The server can't be reached.")])
    with pytest.raises(RetryLater):
        published.delete_published(factories.actor(), delivery)
    assert network.texts() == ["eins"] and row(delivery).state is S.PUBLISHED
    published.delete_published(factories.actor(), delivery)
    assert network.texts() == [] and row(delivery).state is S.DELETED


def test_of_a_thread_that_failed_half_way_what_is_out_can_be_taken_down(network: FakeNetwork) -> None:
    delivery = planned("eins\n---\nzwei")
    network.faults.extend(["accept", "422"])
    publishing.publish_due()
    assert row(delivery).state is S.FAILED
    published.delete_published(factories.actor(), delivery)
    assert network.texts() == [] and row(delivery).state is S.DELETED


def test_a_post_is_taken_down_everywhere_in_one_go(network: FakeNetwork) -> None:
    post, one, other = both()
    network.deed_faults.append(RetryLater("The server can't be reached."))
    outcomes = published.delete_post_published(factories.actor(), post)
    assert [(o.delivery_id, o.ok) for o in outcomes] == [(one, False), (other, True)]
    assert outcomes[0].said == "The server can't be reached."
    assert (row(one).state, row(other).state, post_of(one).state) == (S.PUBLISHED, S.DELETED, PostState.PUBLISHED)


def test_what_is_not_out_cannot_be_taken_down(network: FakeNetwork) -> None:
    waiting = planned()
    with pytest.raises(UserError, match="isn't published"):
        published.delete_published(factories.actor(), waiting)
    confirmed = planned()
    with db.write() as session:
        session.get_one(Delivery, confirmed).state = S.PUBLISHED
    with pytest.raises(UserError, match="doesn't know where"):
        published.delete_published(factories.actor(), confirmed)


# --- many at once -----------------------------------------------------------------------------------------------------


def stuck(state: DeliveryState, count: int = 1, on: Channel | None = None) -> list[int]:
    made = []
    here = on or channel()
    for number in range(count):
        delivery = planned(f"{state.value} {number}", on=here)
        with db.write() as session:
            found = session.get_one(Delivery, delivery)
            found.state, found.due_at, found.last_error = state, None, "Too long."
        made.append(delivery)
    return made


def test_many_are_tried_again_and_one_that_cannot_be_stops_nobody(network: FakeNetwork) -> None:
    who = factories.actor()
    good = stuck(S.FAILED, 2)
    (doubtful,) = stuck(S.UNCONFIRMED)
    (bad,) = stuck(S.FAILED)
    with db.write() as session:
        session.get_one(Post, row(bad).post_id).text = "x" * 501
    with db.write() as session:
        outcomes = delivery_care.retry_deliveries(session, who, [bad, *good, doubtful, 4711])
    assert [(o.delivery_id, o.ok) for o in outcomes] == [
        *[(bad, False), (good[0], True), (good[1], True), (doubtful, False), (4711, False)]
    ]
    assert "1 character too long" in outcomes[0].said and "may be online" in outcomes[3].said
    assert [row(d).state for d in (*good, bad, doubtful)] == [S.SCHEDULED, S.SCHEDULED, S.FAILED, S.UNCONFIRMED]
    assert kinds(bad) == [] and kinds(good[0]) == [E.RETRIED]
    assert delivery_care.summary(outcomes, "are on their way again") == "2 are on their way again. 3 could not be done."


def test_half_of_a_decision_is_none(network: FakeNetwork, monkeypatch: pytest.MonkeyPatch) -> None:
    who, (bad, good) = factories.actor(), stuck(S.FAILED, 2)
    original = planning.retry_delivery

    def halfway(session: Any, actor: Any, delivery_id: int) -> None:
        original(session, actor, delivery_id)
        if delivery_id == bad:
            raise UserError("Not this one.")

    monkeypatch.setattr(delivery_care.plan_deliveries, "retry_delivery", halfway)
    with db.write() as session:
        outcomes = delivery_care.retry_deliveries(session, who, [bad, good])
    assert [o.ok for o in outcomes] == [False, True]
    assert (row(bad).state, row(good).state, kinds(bad)) == (S.FAILED, S.SCHEDULED, [])


def test_giving_up_confirming_and_noting_what_is_gone(network: FakeNetwork, clock: Clock) -> None:
    who = factories.actor()
    failed, doubtful = stuck(S.FAILED, 2), stuck(S.UNCONFIRMED, 2)
    missing = out("weg")
    network.posts.clear()
    for seconds in (6, 31):
        clock.advance(seconds)
        proofs.look_due()
    with db.read() as session:
        assert delivery_care.care_count(session) == 5
    with db.write() as session:
        assert all(o.ok for o in delivery_care.give_up_deliveries(session, who, failed))
        assert all(o.ok for o in delivery_care.confirm_deliveries(session, who, doubtful[:1], True))
        assert all(o.ok for o in delivery_care.confirm_deliveries(session, who, doubtful[1:], False))
        assert all(o.ok for o in delivery_care.note_gone(session, who, [missing]))
        assert [o.ok for o in delivery_care.note_gone(session, who, doubtful)] == [False, False]
    states = [row(d).state for d in (*failed, *doubtful, missing)]
    assert states == [S.CANCELLED, S.CANCELLED, S.PUBLISHED, S.SCHEDULED, S.DELETED]
    with db.read() as session:
        assert delivery_care.care_count(session) == 0
    viewer = factories.actor(Role.VIEWER)
    with pytest.raises(PermissionDenied), db.write() as session:
        delivery_care.retry_deliveries(session, viewer, failed)


def test_the_list_pages_by_key_in_one_statement(network: FakeNetwork, clock: Clock) -> None:
    failed = stuck(S.FAILED, 7)
    (doubtful,) = stuck(S.UNCONFIRMED)
    seen: list[int] = []
    before: int | None = None
    while True:
        with counted() as ran, db.read() as session:
            page, before = delivery_care.care_rows(session, before, limit=3)
        assert len(ran) == 1
        seen += [r.id for r in page]
        if before is None:
            break
    assert seen == [doubtful, *reversed(failed)]
    with db.read() as session:
        (only,), _ = delivery_care.care_rows(session, care=Care.UNCONFIRMED)
        assert (only.id, only.care, only.reason) == (doubtful, Care.UNCONFIRMED, "Too long.")
        asked = (
            "EXPLAIN QUERY PLAN SELECT id FROM delivery WHERE state IN ('failed', 'unconfirmed') "
            "OR (gone_at IS NOT NULL AND state = 'published')"
        )
        used = str(session.connection().exec_driver_sql(asked).all())
    assert "SCAN" not in used


def test_an_answer_that_failed_is_tried_again_from_the_list(network: FakeNetwork, clock: Clock) -> None:
    from core.services import inbox_answers

    here, who = channel(), factories.actor()
    talk = factories.conversation(here.id, "Wann?", at=clock.now - timedelta(minutes=5))
    with db.write() as session:
        inbox_answers.send_reply(session, who, talk.id, "Morgen!")
    network.faults.append("422")
    publishing.publish_due()
    with db.read() as session:
        (failed,), _ = delivery_care.care_rows(session)
    assert (failed.title, failed.conversation_id, failed.post_id) == ("Morgen!", talk.id, None)
    with db.write() as session:
        (refused,) = delivery_care.give_up_deliveries(session, who, [failed.id])
        (done,) = delivery_care.retry_deliveries(session, who, [failed.id])
    assert not refused.ok and "Discard it in its conversation" in refused.said and done.ok
    pass_time(clock, 2)
    assert network.texts() == ["Morgen!"]


def test_confirming_by_hand_leaves_a_step_that_says_so(network: FakeNetwork, clock: Clock) -> None:
    delivery, who = planned(), factories.actor()
    network.faults.append("drop_before")
    publishing.publish_due()
    pass_time(clock, 600)
    with db.write() as session:
        planning.confirm_delivery(session, who, delivery, True)
    assert words(delivery) == ["Intended", "Sent", "Confirmed by hand"]
    with db.read() as session:
        assert session.exec(select(Publication)).all() == []
