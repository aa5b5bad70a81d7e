"""The command line for when posts go out: slots, queues, what comes again, best times, a channel's zone."""

import json
from pathlib import Path
from typing import Any

import pytest
import time_machine
from sqlmodel import select
from typer.testing import CliRunner

from core import db
from core.cli import app
from core.models.planning import Post, PostState
from tests import factories

MONDAY = "2026-11-30T06:00:00+00:00"


@pytest.fixture(autouse=True)
def monday():
    with time_machine.travel(MONDAY, tick=False):
        yield


def run(*words: object) -> Any:
    return CliRunner().invoke(app, [str(word) for word in words])


def told(*words: object) -> Any:
    ran = run(*words)
    assert ran.exit_code == 0, ran.output
    return json.loads(ran.stdout)


def test_slots_queue_and_zone(hub: Path):
    channel = factories.channel()
    assert run("channel", "zone", channel.id, "Europe/London").exit_code == 0
    assert told("channel", "list", "--json")[0]["time_zone"] == "Europe/London"
    ran = run("slot", "add", "--channel", channel.id, "--day", "mon", "--day", "di", "--at", "9", "--at", "17:00")
    assert ran.stdout == "4 new.\n"
    rows = told("slot", "list", "--json")
    assert (rows[0]["day"], rows[0]["at"], rows[0]["zone"]) == ("Mon", "09:00", "Europe/London")
    assert told("slot", "next", "--channel", channel.id, "--json")[0]["at"] == "2026-11-30T09:00:00+00:00"
    posts = [factories.post(channel.id, text=text) for text in ("A", "B")]
    assert [run("queue", "add", post.id).stdout.strip() for post in posts] == [
        "2026-11-30T09:00:00+00:00",
        "2026-11-30T17:00:00+00:00",
    ]
    assert run("queue", "move", posts[1].id, "--channel", channel.id, "--to", "top").exit_code == 0
    assert [row["title"] for row in told("queue", "list", "--channel", channel.id, "--json")] == ["B", "A"]
    assert run("queue", "shuffle", "--channel", channel.id, "--seed", 1).stdout == "2 moved.\n"
    assert run("slot", "delete", rows[0]["id"]).exit_code == 0
    assert run("queue", "close-gaps", "--channel", channel.id).stdout == "2 moved.\n"
    wrong = run("slot", "add", "--channel", channel.id, "--day", "xx", "--at", "9")
    assert wrong.exit_code == 1 and "no weekday" in wrong.stderr


def test_repeat(hub: Path):
    post = factories.post(factories.channel().id)
    ran = run("repeat", "add", post.id, "--unit", "day", "--at", "09:00", "--most", 3)
    assert ran.exit_code == 0, ran.output
    (row,) = told("repeat", "list", "--json")
    assert (row["made"], row["ended"], len(row["next"])) == (3, True, 3)
    assert run("repeat", "pause", row["id"]).stdout == "3 taken back.\n"
    assert run("repeat", "resume", row["id"]).exit_code == 0
    assert run("repeat", "end", row["id"]).stdout == "3 taken back.\n"
    assert told("repeat", "list", "--json") == []


def test_the_odd_nights_are_said(hub: Path):
    post = factories.post(factories.channel().id)
    ran = run("repeat", "add", post.id, "--unit", "day", "--at", "02:30", "--from", "2027-03-27")
    assert "2027-03-28: 02:30 doesn't exist that night (summer time begins). It goes out at 03:00." in ran.stderr
    channel = factories.channel()
    ran = run("post", "schedule", "--channel", channel.id, "--text", "Nachts", "--at", "2027-10-31T02:30")
    assert ran.exit_code == 0 and "comes twice that night. It goes out the first time." in ran.stderr
    with db.read() as session:
        made = session.exec(select(Post).where(Post.text == "Nachts")).one()
    assert made.state is PostState.SCHEDULED and f"{made.planned_at:%d %H:%M}" == "31 00:30"


def test_best_time_says_what_is_missing(hub: Path):
    channel = factories.channel()
    ran = run("post", "best-time", "--channel", channel.id, "--json")
    assert ran.exit_code == 0 and json.loads(ran.stdout) == [] and "30 more measured posts" in ran.stderr
