"""Who else is in a conversation, and whether they write."""

from datetime import timedelta

import pytest
from sqlmodel import select

from core import db
from core.models.inbox_work import Doing, Presence
from core.models.team import Role
from core.services import inbox_presence
from core.services.inbox_presence import PresentMember, beat, leave, others, presence_words
from core.services.team import COMMAND_LINE, Actor
from tests import factories
from tests.conftest import counted
from tests.fake_network import Clock

pytestmark = pytest.mark.usefixtures("hub")


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    made = Clock()
    monkeypatch.setattr(db, "utc_now", made.utc_now)
    return made


def beats(actor: Actor, conversation_id: int, doing: Doing = Doing.READING) -> None:
    with db.write() as session:
        beat(session, actor, conversation_id, doing)


def seen_by(actor: Actor, conversation_id: int) -> list[tuple[str, Doing]]:
    with db.read() as session:
        return [(one.name, one.doing) for one in others(session, actor, conversation_id)]


def test_colleagues_see_each_other_and_not_themselves():
    talk = factories.conversation(factories.channel().id)
    anna, ben = factories.actor(), factories.actor(Role.VIEWER)
    beats(anna, talk.id, Doing.WRITING)
    beats(ben, talk.id)
    assert seen_by(ben, talk.id) == [(anna.name, Doing.WRITING)]
    assert seen_by(anna, talk.id) == [(ben.name, Doing.READING)]


def test_what_one_does_changes_with_the_next_beat():
    talk = factories.conversation(factories.channel().id)
    anna, ben = factories.actor(), factories.actor()
    beats(anna, talk.id, Doing.WRITING)
    beats(anna, talk.id, Doing.READING)
    assert seen_by(ben, talk.id) == [(anna.name, Doing.READING)]


def test_who_stops_beating_is_gone_and_cleared_away(clock: Clock):
    talk = factories.conversation(factories.channel().id)
    anna, ben = factories.actor(), factories.actor()
    beats(anna, talk.id)
    clock.advance(inbox_presence.BEAT * 2 + 1)
    assert seen_by(ben, talk.id), "two beats may be late"
    clock.advance(2)
    assert seen_by(ben, talk.id) == []
    clock.advance(60)
    beats(ben, talk.id)
    with db.read() as session:
        assert session.exec(select(Presence.member_id)).all() == [ben.id]


def test_who_goes_on_to_another_conversation_has_left_this_one():
    channel = factories.channel()
    here, there = factories.conversation(channel.id), factories.conversation(channel.id)
    anna, ben = factories.actor(), factories.actor()
    beats(anna, here.id)
    with db.write() as session:
        leave(session, anna, here.id)
        beat(session, anna, there.id, Doing.READING)
    assert seen_by(ben, here.id) == [] and seen_by(ben, there.id) == [(anna.name, Doing.READING)]


def test_the_command_line_is_nobody():
    talk = factories.conversation(factories.channel().id)
    beats(COMMAND_LINE, talk.id, Doing.WRITING)
    assert seen_by(factories.actor(), talk.id) == []


def test_asking_takes_one_statement_and_beating_two(clock: Clock):
    talk = factories.conversation(factories.channel().id)
    anna = factories.actor()
    with counted() as ran:
        beats(anna, talk.id)
    assert len(ran) == 2
    with counted() as ran:
        seen_by(anna, talk.id)
    assert len(ran) == 1
    assert timedelta(seconds=inbox_presence.BEAT) * 2 < inbox_presence.GONE


@pytest.mark.parametrize(
    ("who", "words"),
    [
        ([], ""),
        ([("Ben", "w")], "Ben is writing an answer"),
        ([("Ben", "r")], "Ben is reading this"),
        ([("Anna", "w"), ("Ben", "w"), ("Carla", "r")], "Anna and Ben are writing an answer · Carla is reading too"),
        ([(name, "r") for name in "ABCDE"], "A, B and 3 others are reading this"),
    ],
)
def test_it_is_said_in_a_sentence(who: list[tuple[str, str]], words: str):
    doing = {"w": Doing.WRITING, "r": Doing.READING}
    here = tuple(PresentMember(number, name, doing[does]) for number, (name, does) in enumerate(who))
    assert presence_words(here) == words
