"""`work` and `label` on the command line."""

import json

import pytest
from typer.testing import CliRunner

from core import db
from core.cli import app
from core.models.inbox import Conversation, ConversationState, Goal, Priority
from core.services import labels
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
    return ran.exit_code, " ".join(ran.stderr.split())


def stored(conversation_id: int) -> Conversation:
    with db.read() as session:
        return session.get_one(Conversation, conversation_id)


def talks(number: int) -> list[int]:
    channel = factories.channel()
    return [factories.conversation(channel.id).id for _ in range(number)]


def test_conversations_are_handled_and_shown():
    one, two = talks(2)
    anna = factories.member(email="anna@example.org", name="Anna")
    assert run("work", "assign", one, two, "--to", "ANNA@example.org") == "2 conversations assigned to Anna."
    assert run("label", "add", "Große Bestellung", "--color", "red").isdecimal()
    assert run("work", "label", one, "--add", "große bestellung") == "Labelled Große Bestellung."
    run("work", "goal", one, "--to", "support")
    run("work", "priority", one, "--to", "urgent")
    (shown,) = json.loads(run("work", "show", one, "--json"))
    assert shown == {
        "id": one,
        "state": "open",
        "assignee": "Anna",
        "priority": "urgent",
        "goal": "support",
        "snoozed_until": None,
        "resolved_at": None,
        "labels": ["Große Bestellung"],
    }
    run("work", "assign", one, "--to", "nobody")
    run("work", "goal", one, "--to", "none")
    row = stored(one)
    assert (row.assignee_id, row.goal, row.priority) == (None, None, Priority.URGENT)
    assert (stored(two).assignee_id, stored(two).goal) == (anna.id, None)
    assert run("work", "label", one, "--remove", "Große Bestellung") == "Without the label Große Bestellung."
    assert Goal.SUPPORT.value not in run("work", "show", one)


def test_states_follow_one_another():
    (talk,) = talks(1)
    seen = []
    for command in (["resolve"], ["reopen"], ["snooze", "--until", "tomorrow"], ["reopen"], ["pending"]):
        run("work", command[0], talk, *command[1:])
        seen.append(stored(talk).state)
    s = ConversationState
    assert seen == [s.RESOLVED, s.OPEN, s.SNOOZED, s.OPEN, s.PENDING]
    assert run("work", "pending", talk) == "Nothing to change."


def test_labels_are_listed_renamed_and_removed():
    (talk,) = talks(1)
    assert json.loads(run("label", "list", "--json")) == []
    run("label", "add", "Liferung")
    run("label", "rename", "liferung", "--to", "Lieferung")
    run("work", "label", talk, "--add", "Lieferung")
    (row,) = json.loads(run("label", "list", "--json"))
    assert (row["name"], row["color"], row["used"], row["contacts"]) == ("Lieferung", "gray", 1, 0)
    assert run("label", "remove", "Lieferung") == "1"
    with db.read() as session:
        assert labels.labels(session) == ()


@pytest.mark.parametrize(
    ("words", "code", "why"),
    [
        (("work", "resolve", 999), 1, "isn't there any more"),
        (("work", "assign", 1, "--to", "niemand@example.org"), 1, "no member with the address"),
        (("work", "snooze", 1, "--until", "soon"), 1, "is no time"),
        (("work", "label", 1, "--add", "Nirgends"), 1, "no label “Nirgends”"),
        (("label", "add", "x" * 41), 1, "too long"),
        (("label", "add", "x", "--color", "pink"), 1, "no label colour"),
        (("work", "goal", 1, "--to", "fame"), 2, "no goal “fame”"),
        (("work", "priority", 1, "--to", "soon"), 2, "no priority “soon”"),
        (("work", "label", 1), 2, "--add or --remove"),
        (("work", "resolve"), 2, "Missing argument"),
    ],
)
def test_what_cannot_be_done_is_told(words: tuple[object, ...], code: int, why: str):
    talks(1)
    ended, told = refused(*words)
    assert ended == code
    assert why in told.replace("│", "").replace("  ", " ")
