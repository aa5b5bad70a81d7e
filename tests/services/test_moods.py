"""What a member says about a mood stays; what is edited is judged anew; conversations follow their newest message."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from sqlmodel import Session, col, select

from core import db
from core.connectors.base import Author, Kind, RemoteMessage
from core.errors import NotFound, PermissionDenied, UserError
from core.models.channel import Channel, ChannelState
from core.models.inbox import Conversation, Direction, Message, Sentiment
from core.models.inbox_work import Rule
from core.models.team import AuditEntry, Role
from core.services import intake, moods, rules, triage
from core.services.inbox import conversation
from core.services.rules import RuleDraft
from core.services.team import COMMAND_LINE
from tests import factories

pytestmark = pytest.mark.usefixtures("hub")

ANGRY, HAPPY, PLAIN = "Das ist furchtbar, eine Frechheit!", "Vielen Dank, das ist wunderbar!", "Wann habt ihr geöffnet?"
POSITIVE, NEUTRAL, NEGATIVE = Sentiment.POSITIVE, Sentiment.NEUTRAL, Sentiment.NEGATIVE
LENA = Author("lena@norden.example", "@lena@norden.example", "Lena")
NOW = db.utc_now()


def said(remote_id: str, text: str, minutes: int = 0, **more: Any) -> RemoteMessage:
    at = NOW - timedelta(minutes=30 - minutes)
    return RemoteMessage(remote_id, thread_id="t", kind=Kind.MENTION, author=LENA, text=text, sent_at=at, **more)


def come_in(channel: Channel, *items: RemoteMessage, store: Callable[..., Any] = intake.store_messages) -> None:
    with db.write() as session:
        store(session, session.get_one(Channel, channel.id), items)


def message(remote_id: str) -> Message:
    with db.read() as session:
        return session.exec(select(Message).where(col(Message.remote_id) == remote_id)).one()


def talk() -> Conversation:
    with db.read() as session:
        return session.exec(select(Conversation)).one()


def correct(remote_id: str, mood: Sentiment, actor: Any = COMMAND_LINE) -> None:
    with db.write() as session:
        moods.correct_sentiment(session, actor, message(remote_id).id, mood)


@pytest.fixture
def channel() -> Channel:
    made = factories.channel()
    come_in(made, said("m1", HAPPY), said("m2", ANGRY, minutes=5))
    triage.run()
    return made


def test_a_correction_shows_at_the_message_its_conversation_and_in_the_trail(channel: Channel):
    editor = factories.actor(Role.EDITOR)
    correct("m2", NEUTRAL, editor)
    assert (message("m2").sentiment, message("m2").corrected, talk().sentiment) == (NEUTRAL, True, NEUTRAL)
    with db.read() as session:
        entry = session.exec(select(AuditEntry).where(AuditEntry.action == "message.sentiment")).one()
        shown = conversation(session, talk().id).messages
    assert (entry.member_id, entry.target) == (editor.id, f"conversation:{talk().id}")
    assert entry.detail == f"message:{message('m2').id} negative → neutral"
    assert [(m.sentiment, m.corrected) for m in shown] == [(POSITIVE, False), (NEUTRAL, True)]


def test_an_older_message_leaves_the_conversation_as_it_is(channel: Channel):
    correct("m1", NEUTRAL)
    assert (message("m1").sentiment, talk().sentiment) == (NEUTRAL, NEGATIVE)


def test_a_correction_survives_another_look_of_the_worker_and_an_edit(channel: Channel):
    correct("m2", POSITIVE)
    with db.write() as session:
        session.get_one(Message, message("m2").id).triaged = False
    assert triage.run() == 1
    assert (message("m2").sentiment, talk().sentiment) == (POSITIVE, POSITIVE)
    come_in(channel, said("m2", ANGRY + " Und noch etwas.", minutes=5, edited_at=NOW))
    come_in(channel, said("m2", "Alles ganz schrecklich.", minutes=5, edited_at=NOW), store=intake.follow_edits)
    triage.run()
    assert message("m2").text == "Alles ganz schrecklich."
    assert (message("m2").sentiment, talk().sentiment) == (POSITIVE, POSITIVE)


def test_said_before_the_worker_looked_it_stays_too():
    channel = factories.channel()
    come_in(channel, said("m1", ANGRY))
    correct("m1", POSITIVE)
    triage.run()
    assert (message("m1").sentiment, message("m1").language, talk().sentiment) == (POSITIVE, "de", POSITIVE)


@pytest.mark.parametrize("store", [intake.store_messages, intake.follow_edits])
def test_an_edited_message_is_judged_anew_and_no_rule_runs_twice(channel: Channel, store: Callable[..., Any]):
    with db.write() as session:
        draft = RuleDraft("All", {"match": "all", "of": []}, [{"do": "priority", "priority": "high"}])
        rule = rules.create_rule(session, COMMAND_LINE, draft)
    come_in(channel, said("m3", ANGRY, minutes=9))
    triage.run()
    come_in(channel, said("m3", "Entschuldigung, hat sich geklärt: " + HAPPY, minutes=9, edited_at=NOW), store=store)
    assert (message("m3").sentiment, talk().sentiment) == (POSITIVE, POSITIVE)
    assert triage.run() == 0
    with db.read() as session:
        assert session.get_one(Rule, rule).matched == 1


def test_an_edit_into_another_language_is_followed(channel: Channel):
    come_in(channel, said("m2", "This is not what I ordered, I am very disappointed", minutes=5, edited_at=NOW))
    assert (message("m2").language, message("m2").sentiment, talk().language) == ("en", NEGATIVE, "en")
    come_in(channel, said("m2", "Grazie mille a tutti", minutes=5, edited_at=NOW + timedelta(minutes=1), language="it"))
    assert (message("m2").language, message("m2").sentiment, talk().sentiment) == ("it", None, None)


def test_an_edit_while_the_worker_judges_is_not_overwritten(monkeypatch: pytest.MonkeyPatch):
    channel = factories.channel()
    come_in(channel, said("m1", ANGRY))
    judged = triage._judged

    def interrupted(session: Session, limit: int) -> Any:
        found = judged(session, limit)
        session.rollback()
        come_in(channel, said("m1", HAPPY, edited_at=NOW))
        return found

    monkeypatch.setattr(triage, "_judged", interrupted)
    triage.run()
    assert (message("m1").sentiment, talk().sentiment, message("m1").triaged) == (POSITIVE, POSITIVE, True)


def test_deleted_the_conversation_follows_the_message_before(channel: Channel):
    with db.write() as session:
        intake.mark_removed(session, channel.id, ["m2"])
    assert talk().sentiment is POSITIVE
    with pytest.raises(UserError, match="deleted at the network"):
        correct("m2", POSITIVE)


def test_only_what_others_wrote_can_be_corrected(channel: Channel):
    factories.message(talk(), "Wir helfen.", direction=Direction.OUT, remote_id="ours")
    with pytest.raises(UserError, match="Only what others wrote"):
        correct("ours", POSITIVE)
    with pytest.raises(NotFound), db.write() as session:
        moods.correct_sentiment(session, COMMAND_LINE, 999, POSITIVE)
    with db.write() as session:
        session.get_one(Channel, channel.id).state = ChannelState.REMOVED
    with pytest.raises(NotFound):
        correct("m2", POSITIVE)


def test_whoever_may_only_look_corrects_nothing(channel: Channel):
    with pytest.raises(PermissionDenied):
        correct("m2", POSITIVE, factories.actor(Role.VIEWER))
    assert message("m2").sentiment is NEGATIVE


def test_saying_the_same_again_writes_nothing(channel: Channel):
    correct("m2", NEUTRAL)
    correct("m2", NEUTRAL)
    with db.read() as session:
        assert len(session.exec(select(AuditEntry).where(AuditEntry.action == "message.sentiment")).all()) == 1
