"""The worker looks at what came in as soon as it is there; a rule's answer goes out once, and ends nobody's wait."""

import httpx
import pytest
from sqlmodel import Session, col, select

from core import db
from core.models.channel import Channel
from core.models.inbox import Conversation, Direction, Message
from core.models.inbox_work import ServiceTime
from core.models.planning import Delivery, DeliveryState
from core.sandbox.people import CONTACTS
from core.sandbox.plan import CHANNELS
from core.services import intake, rules, triage
from core.services.crew import Alarm
from core.services.rules import RuleDraft
from core.services.team import COMMAND_LINE
from tests import factories
from tests.conftest import counted
from tests.reliability.conftest import Stage, nursery, sandbox, stage

__all__ = ["nursery", "sandbox", "stage"]

ANSWER = "Danke! Morgen ab 9 Uhr ist wieder jemand da."


def answering() -> None:
    with db.write() as session:
        action = {"do": "answer", "text": ANSWER, "when": "always"}
        rules.create_rule(session, COMMAND_LINE, RuleDraft("Nachts", {"match": "all", "of": []}, [action]))


def comes_in(stage: Stage) -> int:
    """Somebody writes in the sandbox, and a sync brings it; gives the conversation."""
    said = {"who": CONTACTS[0].username, "text": "Ist wer da?", "to": f"{CHANNELS[0].handle}"}
    httpx.post(f"{stage.box.url}/_sandbox/say", json=said, headers=stage.box.admin).raise_for_status()
    connector = stage.connector()
    item = connector.fetch_inbox("", lambda _: None).items[-1]
    connector.close()
    with db.write() as session:
        intake.store_messages(session, session.get_one(Channel, stage.channels[0]), [item])
        return session.exec(select(Conversation.id)).one()


def answer_of(session: Session) -> Message:
    return session.exec(select(Message).where(Message.direction == Direction.OUT)).one()


def test_a_running_worker_answers_once(stage: Stage) -> None:
    answering()
    with stage.working(hurried=False):
        key = comes_in(stage)
        stage.until(lambda: len(stage.writes()) == 1 and not stage.open())
    with db.read() as session:
        sent, talk = answer_of(session), session.get_one(Conversation, key)
        assert session.exec(select(Delivery.state)).one() == DeliveryState.PUBLISHED
        assert session.exec(select(ServiceTime)).all() == [], "nobody of the team has answered"
    assert sent.automatic and sent.remote_id == stage.writes()[0]["status_id"]
    assert stage.texts()[0].endswith(ANSWER)
    assert talk.waiting_since is not None and talk.respond_by is not None and talk.unread == 1
    assert "Traceback" not in stage.log.read_text()


@pytest.mark.parametrize("point", ["claimed", "answered"])
def test_killed_on_the_way_it_is_still_answered_once(stage: Stage, point: str) -> None:
    answering()
    comes_in(stage)
    triage.run()
    stage.crash_at(point)
    stage.recover(process=True)
    assert len(stage.texts()) == 1
    with db.read() as session:
        assert answer_of(session).automatic


def test_once_looks_at_everything_before_it_ends(stage: Stage) -> None:
    key = comes_in(stage)
    process = stage.start_plain("--once")
    assert process.wait(60) == 0, stage.log.read_text()
    with db.read() as session:
        assert all(session.exec(select(Message.triaged)).all())
        assert session.get_one(Conversation, key).respond_by is not None


@pytest.mark.usefixtures("hub")
def test_at_rest_it_asks_nothing() -> None:
    changes = db.Changes()
    alarm = Alarm(triage, changes)
    assert not alarm.rings()
    with counted() as ran:
        assert not any(alarm.rings() for _ in range(50))
    assert ran == []
    talk = factories.conversation(factories.channel().id)
    assert alarm.rings(), "somebody wrote"
    triage.run()
    assert not alarm.rings()
    with db.read() as session:
        assert session.exec(select(Message.triaged).where(col(Message.conversation_id) == talk.id)).all() == [True]
    changes.close()
