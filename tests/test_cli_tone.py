"""`tone` on the command line."""

import json

import pytest
from typer.testing import CliRunner

from core import db
from core.cli import app
from core.models.inbox import Conversation, Message, Sentiment
from tests import factories

pytestmark = pytest.mark.usefixtures("hub")


def run(*words: object) -> str:
    """Standard output of a command that must succeed."""
    ran = CliRunner().invoke(app, [str(word) for word in words])
    assert ran.exit_code == 0, ran.output
    return ran.stdout.strip()


def refused(*words: object) -> tuple[int, str]:
    """Exit code and what was said on standard error; nothing else may be said."""
    ran = CliRunner().invoke(app, [str(word) for word in words])
    assert ran.stdout == ""
    return ran.exit_code, " ".join(ran.stderr.replace("│", "").split())


def test_a_text_is_judged():
    judged = json.loads(run("tone", "judge", "Das gefällt mir gar nicht", "--json"))
    assert judged == [{"language": "de", "sentiment": "negative"}]
    assert run("tone", "judge", "Lovely, thank you!").split() == ["LANGUAGE", "SENTIMENT", "en", "positive"]
    told = json.loads(run("tone", "judge", "Dank u wel", "--language", "nl", "--json"))
    assert told == [{"language": "nl", "sentiment": None}]


def test_a_mood_is_corrected():
    talk = factories.conversation(factories.channel().id, "Na toll.")
    message = factories.message(talk, "Ganz toll gemacht.")
    said = json.loads(run("tone", "correct", message.id, "negative", "--json"))
    assert said == [{"message_id": message.id, "language": None, "sentiment": "negative"}]
    with db.read() as session:
        assert session.get_one(Message, message.id).corrected
        assert session.get_one(Conversation, talk.id).sentiment is Sentiment.NEGATIVE
    assert run("tone", "correct", message.id, "neutral") == ""


def test_what_cannot_be_is_said_in_a_sentence():
    assert refused("tone", "correct", 7, "positive") == (1, "This message isn't there any more.")
    code, said = refused("tone", "correct", 7, "great")
    assert code == 2 and "There is no mood “great”. Take one of: positive, neutral, negative." in said
