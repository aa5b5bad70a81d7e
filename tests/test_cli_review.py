"""Review, comments and versions without a browser."""

import json
from datetime import timedelta

import pytest

from core import db
from core.models.planning import Post, PostState
from core.models.team import Role
from core.services import approval, planning
from core.services.planning import Changes
from core.services.team import COMMAND_LINE
from tests import factories
from tests.test_cli_handling import refused, run

pytestmark = pytest.mark.usefixtures("hub")


def state(post_id):
    with db.read() as session:
        return session.get_one(Post, post_id).state


def written(text="Neu"):
    ben, channel = factories.actor(Role.EDITOR), factories.channel()
    with db.write() as session:
        return ben, planning.create_post(session, ben, text=text, channel_ids=[channel.id])


def test_rules_ask_approve_and_return():
    boss = factories.actor()
    group = factories.group("Nord")
    assert run("review", "rule", "set", "--role", "admin", "--four-eyes") == "0"
    run("review", "rule", "set", "--group", "nord", "--not-required")
    rows = json.loads(run("review", "rule", "list", "--json"))
    assert [(r["group"], r["required"], r["four_eyes"]) for r in rows] == [(0, True, True), (group.id, False, False)]
    run("review", "rule", "drop", "Nord")
    assert len(json.loads(run("review", "rule", "list", "--json"))) == 1
    ben, post_id = written()
    run("review", "ask", str(post_id))
    (row,) = json.loads(run("review", "list", "--json"))
    assert (row["post_id"], row["author"], row["asked_by"]) == (post_id, ben.name, "Command line")
    (who,) = json.loads(run("review", "who", str(post_id), "--json"))
    assert who["people"] == [boss.name]
    run("review", "return", str(post_id), "--reason", "Preis fehlt")
    assert state(post_id) is PostState.DRAFT
    run("review", "ask", str(post_id))
    assert "Read it again" in refused("review", "approve", str(post_id), "--version", "7")[1]
    assert run("review", "approve", str(post_id)) == "Approved."
    with db.write() as session:
        planning.schedule_post(session, ben, post_id, db.utc_now() + timedelta(hours=1))
    assert run("review", "list") == "Nothing is in review."
    assert refused("review", "rule", "set", "--role", "boss")[0] == 2


def test_the_command_line_cannot_schedule_what_nobody_approved():
    channel = factories.channel()
    factories.actor()
    with db.write() as session:
        approval.save_rule(session, COMMAND_LINE, None, required=True)
    at = (db.utc_now() + timedelta(hours=1)).isoformat()
    code, said = refused("post", "schedule", "--channel", str(channel.id), "--text", "Moin", "--at", at)
    assert code == 1 and "approval first" in said


def test_comments_versions_and_going_back():
    ben, post_id = written("Alte Fassung")
    with db.write() as session:
        planning.save_post(session, ben, post_id, 1, Changes(text="Neue Fassung"))
    run("post", "comment", str(post_id), "Was meint ihr?")
    (said,) = json.loads(run("post", "comments", str(post_id), "--json"))
    assert (said["text"], said["kind"]) == ("Was meint ihr?", "comment")
    rows = json.loads(run("post", "versions", str(post_id), "--json"))
    assert [(r["number"], r["by"]) for r in rows] == [(2, ben.name), (1, ben.name)]
    (change,) = json.loads(run("post", "versions", str(post_id), "--number", "2", "--json"))
    assert change == {"of": "Text", "change": "[-Alte-]{+Neue+} Fassung"}
    run("post", "restore", str(post_id), "1")
    with db.read() as session:
        assert session.get_one(Post, post_id).text == "Alte Fassung"
