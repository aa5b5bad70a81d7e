"""`rule` on the command line."""

import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from core import db
from core.cli import app
from core.models.inbox import Conversation, ConversationState
from tests import factories

pytestmark = pytest.mark.usefixtures("hub")

RULE: dict[str, Any] = {
    "name": "Rechnungen",
    "conditions": {"match": "all", "of": [{"on": "words", "has": "any", "words": ["rechnung*"]}]},
    "actions": [{"do": "resolve"}],
}


def run(*words: object, stdin: str | None = None) -> str:
    """Standard output of a command that must succeed."""
    ran = CliRunner().invoke(app, [str(word) for word in words], input=stdin)
    assert ran.exit_code == 0, ran.output
    return ran.stdout.strip()


def refused(*words: object, stdin: str | None = None) -> tuple[int, str]:
    """Exit code and what was said on standard error; nothing else may be said."""
    ran = CliRunner().invoke(app, [str(word) for word in words], input=stdin)
    assert ran.stdout == ""
    return ran.exit_code, " ".join(ran.stderr.replace("│", "").split())


def listed() -> list[dict[str, Any]]:
    return json.loads(run("rule", "list", "--json"))


def test_a_rule_is_added_from_a_file_or_from_standard_input(tmp_path: Path):
    assert listed() == [] and run("rule", "list") == "There is no rule yet."
    file = tmp_path / "rule.json"
    file.write_text(json.dumps(RULE))
    one = run("rule", "add", file)
    two = run("rule", "add", "--json-stdin", stdin=json.dumps(RULE | {"name": "Zwei", "enabled": False, "stop": True}))
    first, second = listed()
    assert (str(first["id"]), str(second["id"])) == (one, two)
    assert {name: first[name] for name in RULE} == RULE
    assert (first["enabled"], first["stop"], first["matched"]) == (True, False, 0)
    assert (second["enabled"], second["stop"], second["position"]) == (False, True, 2)
    assert "If it says “rechnung…”, resolve it." in run("rule", "list")


def test_what_is_listed_can_be_added_again():
    run("rule", "add", "--json-stdin", stdin=json.dumps(RULE))
    (row,) = listed()
    again = {name: row[name] for name in ("conditions", "actions", "stop", "enabled")} | {"name": "Noch einmal"}
    run("rule", "add", "--json-stdin", stdin=json.dumps(again))
    assert [row["sentence"] for row in listed()] == [row["sentence"]] * 2


def test_rules_are_changed_moved_switched_and_removed():
    one = run("rule", "add", "--json-stdin", stdin=json.dumps(RULE))
    two = run("rule", "add", "--json-stdin", stdin=json.dumps(RULE | {"name": "Zwei"}))
    run("rule", "move", two, "--by", "-1")
    run("rule", "disable", one)
    assert [(row["name"], row["enabled"]) for row in listed()] == [("Zwei", True), ("Rechnungen", False)]
    run("rule", "enable", one)
    run("rule", "edit", two, "--json-stdin", stdin=json.dumps(RULE | {"name": "Drei", "enabled": False}))
    assert [(row["name"], row["enabled"]) for row in listed()] == [("Drei", False), ("Rechnungen", True)]
    run("rule", "remove", two)
    assert [row["name"] for row in listed()] == ["Rechnungen"]


def test_trying_shows_the_hits_and_changes_nothing(tmp_path: Path):
    talk = factories.conversation(factories.channel().id, "Hallo", "Meine Rechnung?")
    number = run("rule", "add", "--json-stdin", stdin=json.dumps(RULE))
    file = tmp_path / "rule.json"
    file.write_text(json.dumps(RULE | {"name": ""}))
    for words in ((number,), ("--file", file)):
        (hit,) = json.loads(run("rule", "try", *words, "--json"))
        assert (hit["conversation_id"], hit["text"], hit["would"]) == (talk.id, "Meine Rechnung?", ["resolve it"])
    (hit,) = json.loads(run("rule", "try", "--json-stdin", "--json", "--last", 1, stdin=json.dumps(RULE)))
    assert "resolve it" in run("rule", "try", number)
    with db.read() as session:
        assert session.get_one(Conversation, talk.id).state == ConversationState.OPEN
    assert listed()[0]["matched"] == 0


@pytest.mark.parametrize(
    ("words", "stdin", "code", "why"),
    [
        (("add", "--json-stdin"), "{", 1, "This is no JSON (line 1)"),
        (("add", "--json-stdin"), "[]", 1, "A rule is written like"),
        (("add", "--json-stdin"), '{"if": 1}', 1, "can't have “if”"),
        (("add", "--json-stdin"), '{"name": 3}', 1, "“name” is text"),
        (("add", "--json-stdin"), '{"name": "x", "stop": "no"}', 1, "“stop” is true or false"),
        (("add", "--json-stdin"), '{"name": "x"}', 1, "add an action"),
        (("add", "nowhere.json"), None, 1, "nowhere.json can't be read: No such file"),
        (("add",), None, 2, "Give a file with the rule, or --json-stdin."),
        (("add", "x.json", "--json-stdin"), "{}", 2, "Give a file with the rule, or --json-stdin."),
        (("try",), None, 2, "Give a rule's number"),
        (("try", "99"), None, 1, "isn't there any more"),
        (("enable", "99"), None, 1, "isn't there any more"),
        (("move", "99", "--by", "1"), None, 1, "isn't there any more"),
    ],
)
def test_what_cannot_be_done_is_told(words: tuple[str, ...], stdin: str | None, code: int, why: str):
    ended, told = refused("rule", *words, stdin=stdin)
    assert ended == code and why in told
