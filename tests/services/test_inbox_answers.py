"""Answers on their way out: the pause, taking back, the second sender, images, threads; sent exactly once all along."""

from dataclasses import replace
from datetime import timedelta
from io import BytesIO
from pathlib import Path

import pytest
from PIL import Image
from sqlmodel import select

from core import db
from core.connectors.base import DraftImage, Limits, Replay
from core.errors import PermissionDenied, UserError
from core.models.channel import Channel, ChannelState
from core.models.inbox import Conversation, ConversationState, Direction, Message
from core.models.planning import Delivery, DeliveryState
from core.models.team import AuditEntry, Role
from core.services import deliveries, inbox, media, planning, publishing
from core.services.inbox import AnsweredMeanwhile, AnswerState, ConversationView
from core.services.team import Actor
from tests import factories
from tests.fake_network import Clock, FakeNetwork, clock, network

__all__ = ["clock", "network"]

pytestmark = pytest.mark.usefixtures("hub")

S = DeliveryState
HOLD = 20.0


@pytest.fixture
def anna() -> Actor:
    return factories.actor(Role.EDITOR)


@pytest.fixture
def ben() -> Actor:
    return factories.actor(Role.EDITOR)


def fake_channel() -> Channel:
    limits = replace(Limits(), replay=Replay.NONE).to_json()
    return factories.channel("fake", base_url="https://fake.example", limits=limits)


def send(actor: Actor, talk: Conversation, text: str = "Am Montag.", **more) -> int:
    with db.write() as session:
        return inbox.send_reply(session, actor, talk.id, text, **more)


def back(actor: Actor, message_id: int) -> str:
    with db.write() as session:
        return inbox.take_back(session, actor, message_id)


def view(talk: Conversation) -> ConversationView:
    with db.read() as session:
        return inbox.conversation(session, talk.id)


def picture(actor: Actor, colour: str = "red") -> int:
    data = BytesIO()
    Image.new("RGB", (40, 30), colour).save(data, "PNG")
    with db.write() as session:
        return media.store_image(session, actor, data.getvalue(), f"{colour}.png")


def deliveries_left() -> list[Delivery]:
    with db.read() as session:
        return list(session.exec(select(Delivery)).all())


# --- the pause ------------------------------------------------------------------------------------------------------


def test_an_answer_waits_before_the_worker_may_send_it(network: FakeNetwork, clock: Clock, anna: Actor):
    talk = factories.conversation(fake_channel().id, at=clock.now)
    send(anna, talk, hold_seconds=HOLD)
    clock.advance(HOLD - 1)
    assert publishing.publish_due() == 0 and network.writes == []
    shown = view(talk)
    assert shown.messages[-1].answer == AnswerState.HELD and shown.messages[-1].may_take_back and shown.on_its_way
    clock.advance(1)
    publishing.publish_due()
    assert network.texts() == ["Am Montag."]
    assert view(talk).messages[-1].answer == AnswerState.SENT


def test_without_a_pause_it_goes_out_at_once(network: FakeNetwork, anna: Actor):
    talk = factories.conversation(fake_channel().id)
    send(anna, talk)
    assert view(talk).messages[-1].answer == AnswerState.SENDING
    publishing.publish_due()
    assert network.texts() == ["Am Montag."]


def test_taken_back_it_never_goes_out_and_they_wait_again(network: FakeNetwork, clock: Clock, anna: Actor):
    talk = factories.conversation(fake_channel().id, at=clock.now)
    answer = send(anna, talk, "  Am Montag.\n", hold_seconds=HOLD)
    assert back(anna, answer) == "Am Montag."
    clock.advance(60)
    assert publishing.publish_due() == 0 and network.writes == []
    shown = view(talk)
    assert len(shown.messages) == 1 and shown.waiting_since is not None
    assert deliveries_left() == []
    with db.read() as session:
        assert session.exec(select(AuditEntry.action)).all() == ["message.reply", "message.take_back"]


def test_once_its_time_has_come_it_cannot_be_taken_back(clock: Clock, network: FakeNetwork, anna: Actor):
    talk = factories.conversation(fake_channel().id, at=clock.now)
    answer = send(anna, talk, hold_seconds=HOLD)
    clock.advance(HOLD)
    with pytest.raises(UserError, match="on its way"):
        back(anna, answer)
    publishing.publish_due()
    with pytest.raises(UserError, match="on its way"):
        back(anna, answer)
    assert network.texts() == ["Am Montag."]


def test_what_a_worker_has_claimed_is_the_workers(network: FakeNetwork, anna: Actor):
    talk = factories.conversation(fake_channel().id)
    answer = send(anna, talk)
    (claim,) = publishing.claim_now(1)
    with pytest.raises(UserError, match="on its way"):
        back(anna, answer)
    publishing.run(claim)
    assert network.texts() == ["Am Montag."]


def test_taken_back_under_the_workers_hands_nothing_leaves(network: FakeNetwork, anna: Actor):
    """The commit before the first byte needs the row: should the check ever fail, still nothing goes out."""
    talk = factories.conversation(fake_channel().id)
    answer = send(anna, talk)
    (claim,) = publishing.claim_now(1)

    def remove(point: str) -> None:
        if point == "prepare":
            with db.write() as session:
                session.delete(session.exec(select(Delivery)).one())
                session.flush()
                session.delete(session.get_one(Message, answer))

    network.gate = remove
    publishing.run(claim)
    assert network.writes == []


def test_an_answer_of_a_paused_channel_can_be_taken_back(clock: Clock, anna: Actor):
    channel = factories.channel()
    talk = factories.conversation(channel.id, at=clock.now)
    answer = send(anna, talk, hold_seconds=HOLD)
    with db.write() as session:
        session.get_one(Channel, channel.id).state = ChannelState.PAUSED
    clock.advance(600)
    assert back(anna, answer) == "Am Montag."


def test_what_was_given_comes_back_whole(anna: Actor):
    talk = factories.conversation(factories.channel().id, "Eins", "Zwei")
    first = view(talk).messages[0].id
    red = picture(anna)
    answer = send(anna, talk, to_message=first, images=[(red, "Ein rotes Feld")], hold_seconds=HOLD)
    with db.read() as session:
        had = inbox.given(session, answer)
    assert (had.text, had.images, had.to_message) == ("Am Montag.", ((red, "Ein rotes Feld"),), first)


def test_a_viewer_takes_nothing_back(anna: Actor):
    answer = send(anna, factories.conversation(factories.channel().id), hold_seconds=HOLD)
    with pytest.raises(PermissionDenied):
        back(factories.actor(Role.VIEWER), answer)


# --- the second sender ----------------------------------------------------------------------------------------------


def test_the_second_sender_is_stopped_with_what_the_first_one_sent(anna: Actor, ben: Actor):
    talk = factories.conversation(factories.channel().id)
    seen = view(talk)
    send(anna, talk, "Am Montag.", hold_seconds=HOLD, seen=seen.newest, seen_at=seen.read_at)
    with pytest.raises(AnsweredMeanwhile) as stopped:
        send(ben, talk, "Am Dienstag.", seen=seen.newest, seen_at=seen.read_at)
    assert anna.name in str(stopped.value) and "Am Montag." in str(stopped.value)
    assert len(deliveries_left()) == 1
    send(ben, talk, "Am Dienstag.", seen=stopped.value.newest, seen_at=db.utc_now())
    assert [m.text for m in view(talk).messages[1:]] == ["Am Montag.", "Am Dienstag."]


def test_who_was_stopped_is_stopped_again_by_a_third(anna: Actor, ben: Actor):
    talk = factories.conversation(factories.channel().id)
    seen = view(talk).newest
    send(anna, talk, "Am Montag.")
    with pytest.raises(AnsweredMeanwhile) as stopped:
        send(ben, talk, "Am Dienstag.", seen=seen)
    send(factories.actor(), talk, "Am Mittwoch.")
    with pytest.raises(AnsweredMeanwhile, match="Mittwoch"):
        send(ben, talk, "Am Dienstag.", seen=stopped.value.newest)


def test_taken_back_and_sent_anew_is_new_even_under_the_same_number(anna: Actor, ben: Actor):
    talk = factories.conversation(factories.channel().id)
    back(anna, send(anna, talk, "Am Montag.", hold_seconds=HOLD))
    first = send(anna, talk, "Am Montag.", hold_seconds=HOLD)
    seen = view(talk)  # Ben has seen it
    back(anna, first)
    send(anna, talk, "Am Freitag.", hold_seconds=HOLD)
    with pytest.raises(AnsweredMeanwhile, match="Freitag"):
        send(ben, talk, "Doch am Samstag.", seen=seen.newest, seen_at=seen.read_at)


def test_ones_own_answers_and_new_questions_stop_nobody(anna: Actor):
    talk = factories.conversation(factories.channel().id)
    seen = view(talk).newest
    send(anna, talk, "Am Montag.", seen=seen)
    factories.message(talk, "Und am Wochenende?")
    send(anna, talk, "Nein.", seen=seen)
    assert len(deliveries_left()) == 2


def test_an_answer_that_failed_stops_nobody(anna: Actor, ben: Actor):
    talk = factories.conversation(factories.channel().id)
    seen = view(talk).newest
    send(anna, talk)
    with db.write() as session:
        session.exec(select(Delivery)).one().state = S.FAILED
    send(ben, talk, "Am Dienstag.", seen=seen)


def test_an_answer_given_at_the_network_stops_too_but_no_history(ben: Actor):
    talk = factories.conversation(factories.channel().id)
    seen = view(talk).newest
    factories.message(talk, "Längst geklärt", at=db.utc_now() - timedelta(days=3), direction=Direction.OUT)
    send(ben, talk, "Am Dienstag.", seen=seen)
    other = factories.conversation(factories.channel().id)
    seen = view(other).newest
    factories.message(other, "Schon geklärt", direction=Direction.OUT)
    with pytest.raises(AnsweredMeanwhile, match="at the network"):
        send(ben, other, "Am Dienstag.", seen=seen)


def test_a_refused_text_is_refused_before_anybody_is_stopped(anna: Actor, ben: Actor):
    talk = factories.conversation(factories.channel("bluesky", limits=Limits(text_length=12).to_json()).id)
    seen = view(talk).newest
    send(anna, talk)
    with pytest.raises(UserError, match="too long"):
        send(ben, talk, "Viel zu lange Antwort", seen=seen)


def test_answering_wakes_what_was_snoozed(anna: Actor):
    talk = factories.conversation(
        factories.channel().id, state=ConversationState.SNOOZED, snoozed_until=db.utc_now() + timedelta(days=1)
    )
    send(anna, talk)
    assert view(talk).state == ConversationState.OPEN


# --- images ---------------------------------------------------------------------------------------------------------


def test_images_go_out_with_their_alt_texts(anna: Actor):
    talk = factories.conversation(factories.channel().id)
    red, blue = picture(anna, "red"), picture(anna, "blue")
    send(anna, talk, images=[(blue, "Ein blaues Feld"), (red, "")])
    with db.read() as session:
        draft = planning.draft_of(session, session.exec(select(Delivery)).one())
    images: tuple[DraftImage, ...] = draft.parts[0].images
    assert [(Path(i.path).is_file(), i.mime, i.alt) for i in images] == [
        (True, "image/png", "Ein blaues Feld"),
        (True, "image/png", ""),
    ]
    shown = view(talk).messages[-1].media
    assert [(m.kind, m.alt, m.url) for m in shown] == [("image", "Ein blaues Feld", ""), ("image", "", "")]


def test_an_image_alone_is_an_answer(anna: Actor):
    talk = factories.conversation(factories.channel().id)
    send(anna, talk, "", images=[(picture(anna), "Lageplan")])
    assert view(talk).messages[-1].text == ""


@pytest.mark.parametrize(
    ("limits", "sentence"), [(Limits(images=1), "at most 1"), (Limits(image_types=("image/gif",)), "takes GIF")]
)
def test_images_that_the_channel_does_not_take_are_refused(anna: Actor, limits: Limits, sentence: str):
    talk = factories.conversation(factories.channel(limits=limits.to_json()).id)
    with pytest.raises(UserError, match=sentence):
        send(anna, talk, images=[(picture(anna, "red"), ""), (picture(anna, "blue"), "")])
    assert deliveries_left() == []


def test_an_image_that_is_not_there_is_said(anna: Actor):
    talk = factories.conversation(factories.channel().id)
    with pytest.raises(UserError, match="add it again"):
        send(anna, talk, images=[(4711, "")])


def test_an_image_missing_on_disk_fails_with_a_sentence_and_sends_nothing(network: FakeNetwork, anna: Actor):
    talk = factories.conversation(fake_channel().id)
    red = picture(anna)
    send(anna, talk, images=[(red, "")])
    with db.read() as session:
        Path(media.path_of(session, red)).unlink()
    publishing.publish_due()
    assert network.writes == [] and "missing on disk" in (view(talk).messages[-1].error or "")


# --- threads --------------------------------------------------------------------------------------------------------

LONG = "Eins.\n---\nZwei.\n---\nDrei."


def test_a_long_answer_goes_out_as_a_thread_and_stands_there_as_one(network: FakeNetwork, anna: Actor):
    talk = factories.conversation(fake_channel().id)
    send(anna, talk, LONG)
    publishing.publish_due()
    assert network.texts() == ["Eins.", "Zwei.", "Drei."]
    asked = view(talk).messages[0].remote_id
    assert [post.request["below"] for post in network.posts] == [asked, "r1", "r2"]
    ours = view(talk).messages[1:]
    assert [(m.text, m.remote_id, m.author) for m in ours] == [
        ("Eins.", "r1", anna.name),
        ("Zwei.", "r2", anna.name),
        ("Drei.", "r3", anna.name),
    ]
    assert ours[0].answer == AnswerState.SENT and view(talk).message_count == 4


def test_parts_that_a_sync_has_brought_already_are_there_once(network: FakeNetwork, anna: Actor):
    talk = factories.conversation(fake_channel().id)
    send(anna, talk, LONG)
    factories.message(talk, "@c1 Zwei.", direction=Direction.OUT, remote_id="r2")
    publishing.publish_due()
    assert sorted(m.text for m in view(talk).messages[1:]) == ["Drei.", "Eins.", "Zwei."]


def test_a_thread_that_breaks_goes_on_where_it_broke(network: FakeNetwork, anna: Actor):
    talk = factories.conversation(fake_channel().id)
    answer = send(anna, talk, LONG)
    network.faults.extend(["accept", "422"])
    publishing.publish_due()
    shown = view(talk).messages[-1]
    assert shown.answer == AnswerState.FAILED and "1 of 3 parts are online" in (shown.error or "")
    with db.write() as session:
        inbox.retry_reply(session, anna, answer)
    publishing.publish_due()
    assert network.texts() == ["Eins.", "Zwei.", "Drei."]


def test_discarding_a_broken_thread_keeps_what_is_out_and_gives_back_the_rest(network: FakeNetwork, anna: Actor):
    talk = factories.conversation(fake_channel().id)
    answer = send(anna, talk, LONG, images=[(picture(anna), "")])
    network.faults.extend(["accept", "422"])
    publishing.publish_due()
    with db.read() as session:
        assert inbox.given(session, answer).images == ()
    with db.write() as session:
        assert inbox.discard_reply(session, anna, answer) == "Zwei.\n---\nDrei."
    (out,) = view(talk).messages[1:]
    assert (out.text, out.remote_id, out.answer) == ("Eins.", "r1", AnswerState.SENT)


def test_a_part_without_an_answer_is_looked_for_and_never_sent_twice(network: FakeNetwork, clock: Clock, anna: Actor):
    talk = factories.conversation(fake_channel().id, at=clock.now)
    send(anna, talk, LONG)
    network.faults.extend(["accept", "drop_after"])
    for _ in range(30):
        publishing.publish_due()
        clock.advance(1)
    assert network.texts() == ["Eins.", "Zwei.", "Drei."]
    assert [m.text for m in view(talk).messages[1:]] == ["Eins.", "Zwei.", "Drei."]


def test_a_thread_half_out_can_no_longer_be_taken_back(network: FakeNetwork, clock: Clock, anna: Actor):
    talk = factories.conversation(fake_channel().id, at=clock.now)
    answer = send(anna, talk, LONG)
    network.faults.extend(["accept", "429"])
    publishing.publish_due()
    assert not view(talk).messages[-1].may_take_back
    with pytest.raises(UserError, match="on its way"):
        back(anna, answer)
    assert deliveries.next_due is not None and network.texts() == ["Eins."]


def test_what_waits_for_a_rate_limit_can_be_taken_back(network: FakeNetwork, clock: Clock, anna: Actor):
    talk = factories.conversation(fake_channel().id, at=clock.now)
    answer = send(anna, talk)
    network.faults.append("429")
    publishing.publish_due()
    shown = view(talk).messages[-1]
    assert shown.answer == AnswerState.SENDING and shown.may_take_back
    assert back(anna, answer) == "Am Montag."
    clock.advance(300)
    publishing.publish_due()
    assert network.texts() == []
