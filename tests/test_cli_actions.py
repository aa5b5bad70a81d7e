"""`act` on the command line."""

import json

import pytest
from typer.testing import CliRunner

from core import db
from core.cli import app
from core.connectors import registry
from core.connectors.base import Act, Kind
from core.models.inbox import Direction, Message
from tests import factories
from tests.services.test_inbox_actions import Acting, network

__all__ = ["network"]
pytestmark = pytest.mark.usefixtures("hub", "network")


@pytest.fixture
def messages(monkeypatch: pytest.MonkeyPatch) -> tuple[int, int]:
    """What somebody wrote, and what we answered."""
    monkeypatch.setitem(registry.NETWORKS, "fake", Acting)
    talk = factories.conversation(factories.channel("fake").id, "Wann?", kind=Kind.COMMENT)
    answer = factories.message(talk, "Am Montag.", direction=Direction.OUT)
    return answer.id - 1, answer.id


def run(*words: object, stdin: str = "", code: int = 0) -> tuple[str, str]:
    """(standard output, standard error) of a command that must end with this code."""
    ran = CliRunner().invoke(app, ["act", *map(str, words)], input=stdin)
    assert ran.exit_code == code, ran.output
    return ran.stdout.strip(), " ".join(ran.stderr.split())


def test_what_can_be_done_is_listed(messages: tuple[int, int]):
    theirs, ours = messages
    listed = json.loads(run(theirs, "--json")[0])
    assert {"act": "like", "about": "message"} in listed and {"act": "block", "about": "author"} in listed
    assert json.loads(run(ours, "--json")[0]) == [{"act": "delete_own", "about": "message"}]
    assert run(999, code=1)[1] == "This message isn't there any more."


def test_it_is_done_and_said(messages: tuple[int, int], network: type[Acting]):
    assert run(messages[0], "like")[0] == "Liked."
    assert run(messages[0], "unlike")[0] == "Like taken back."
    assert [act for act, _, _ in network.asked] == [Act.LIKE, Act.UNLIKE]


def test_what_cannot_be_undone_is_asked_for(messages: tuple[int, int], network: type[Acting]):
    run(messages[1], "delete_own", stdin="n\n", code=1)
    assert network.asked == []
    assert run(messages[1], "delete_own", "--yes")[0] == "Deleted at the network."
    with db.read() as session:
        assert session.get_one(Message, messages[1]).deleted_at is not None


def test_a_wrong_word_names_the_right_ones(messages: tuple[int, int]):
    _, said = run(messages[0], "applaud", code=2)
    assert "There is no “applaud”" in said and "delete_own" in said
