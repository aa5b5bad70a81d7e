"""The mood of a message in the thread: where it matters one sees it, and a member puts it right."""

from typing import Any

import pytest

from core import db
from core.models.inbox import Conversation, Direction, Message, Sentiment
from core.models.team import Role
from core.services.team import Actor
from tests import factories
from tests.pages.test_inbox import drawn, editor, opened, press, words
from tests.pages.test_message_menu import ids, menus, network

__all__ = ["drawn", "editor", "menus", "network"]


@pytest.fixture
def talk(editor: Actor) -> Conversation:
    made = factories.conversation(factories.channel("fake").id, "Na toll.")
    factories.message(made, "Wir helfen.", direction=Direction.OUT)
    return made


def set_mood(message_id: int, mood: Sentiment | None) -> None:
    with db.write() as session:
        session.get_one(Message, message_id).sentiment = mood


def moods_of(drawn: dict[str, Any]) -> list[str | None]:
    return [message["mood"] and message["mood"]["word"] for message in drawn["thread"]["messages"]]


@pytest.mark.parametrize(
    ("mood", "word"),
    [(Sentiment.POSITIVE, "Positive"), (Sentiment.NEGATIVE, "Negative"), (Sentiment.NEUTRAL, None), (None, None)],
)
def test_only_a_mood_that_matters_is_shown(
    talk: Conversation, drawn: dict[str, Any], mood: Sentiment | None, word: str | None
):
    set_mood(ids()[0], mood)
    opened(talk.id)
    assert moods_of(drawn) == [word, None]


def test_a_member_puts_it_right(talk: Conversation, drawn: dict[str, Any]):
    theirs, _ = ids()
    set_mood(theirs, Sentiment.POSITIVE)
    page = opened(talk.id)
    offered = [name for name, _, _ in drawn["thread"]["messages"][0]["menu"] if name.startswith("mood_")]
    assert offered == ["mood_neutral", "mood_negative"]
    assert not [name for name, _, _ in drawn["thread"]["messages"][1]["menu"] if name.startswith("mood_")]
    page = press(page, f"menu mood_negative {theirs}")
    assert "Mood set to negative" in words(page) and moods_of(drawn) == ["Negative", None]
    assert drawn["thread"]["messages"][0]["mood"]["title"] == "The mood a member of the team saw in it"
    with db.read() as session:
        assert session.get_one(Conversation, talk.id).sentiment is Sentiment.NEGATIVE
        assert session.get_one(Message, theirs).corrected


def test_who_may_only_look_gets_no_menu(talk: Conversation, drawn: dict[str, Any], editor: Actor):
    from core.models.team import Member

    with db.write() as session:
        session.get_one(Member, editor.id).role = Role.VIEWER
    page = opened(talk.id)
    assert not [button for button in page.button if button.key and button.key.startswith("menu mood_")]
