"""The command line: its forms, exit codes, and that JSON is alone on standard output."""

import json
import logging
import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

from core import db, vault
from core.cli import app
from core.models.planning import Delivery, DeliveryState
from core.services import connecting, team
from tests import factories

ROOT = Path(__file__).parents[1]


def process(*words: str, stdin: str | None = None) -> subprocess.CompletedProcess[str]:
    """In a process of its own, as a person runs it: most of a second goes into starting it."""
    command = [sys.executable, "-m", "core", *words]
    return subprocess.run(command, cwd=ROOT, input=stdin, capture_output=True, text=True, timeout=60, check=False)


def run(*words: str, stdin: str | None = None) -> subprocess.CompletedProcess[str]:
    """As `process` says it, but here and at once. What a process would have to read anew is read anew."""
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    root.handlers.clear()  # the command line sets up its own, on standard error
    db.reset()
    vault.reset()
    try:
        ran = CliRunner().invoke(app, list(words), input=stdin, catch_exceptions=False, prog_name="python -m core")
    finally:
        root.handlers[:] = handlers
        root.setLevel(level)
    return subprocess.CompletedProcess(words, ran.exit_code, ran.stdout, ran.stderr)


def rows(*words: str) -> list[dict]:
    ran = run(*words, "--json")
    assert ran.returncode == 0, ran.stderr
    return json.loads(ran.stdout)


def test_migrate_makes_a_database_and_may_be_run_again(tmp_path, monkeypatch):
    monkeypatch.setenv("HUB_DATA_DIR", str(tmp_path / "new"))
    assert run("migrate").returncode == 0 and (tmp_path / "new" / "hub.db").exists()
    assert run("migrate").returncode == 0


def test_as_a_process_it_answers_as_here(hub):
    factories.conversation(factories.channel().id, "Wo bleibt die Lieferung?")
    listed = process("inbox", "list", "--json")
    assert listed.returncode == 0 and listed.stdout == run("inbox", "list", "--json").stdout and not listed.stderr
    for words, code in ((("inbox", "show", "999"), 1), (("nonsense",), 2)):
        ended, here = process(*words), run(*words)
        assert (ended.returncode, ended.stdout) == (here.returncode, here.stdout) == (code, "")
        assert ended.stderr.split() == here.stderr.split(), "but for how wide the terminal is"


def test_a_member_is_added_with_the_password_from_standard_input(hub):
    words = ("member", "add", "anna@example.org", "--name", "Anna", "--role", "admin", "--password-stdin")
    assert run(*words, stdin="ein langes Passwort\n").returncode == 0
    with db.read() as session:
        assert [(m.email, m.role.value) for m in team.members(session)] == [("anna@example.org", "admin")]
    again = run(*words, stdin="ein langes Passwort\n")
    assert again.returncode == 1 and again.stderr.count("\n") == 1 and "already" in again.stderr and not again.stdout


@pytest.mark.parametrize(
    "words",
    [
        ("member", "add", "a@example.org", "--name", "A", "--role", "boss", "--password-stdin"),
        ("channel", "add", "mastodon"),
        ("post", "schedule", "--channel", "1", "--text", "x", "--at", "tomorrow"),
        ("inbox", "list", "--state", "somewhere"),
        ("nonsense",),
    ],
)
def test_wrong_use_is_exit_code_2(hub, words):
    ran = run(*words, stdin="")
    assert ran.returncode == 2 and not ran.stdout and "Traceback" not in ran.stderr


@pytest.mark.parametrize(
    "words",
    [
        ("inbox", "show", "999"),
        ("post", "show", "999"),
        ("channel", "pause", "999"),
        ("post", "schedule", "--channel", "999", "--text", "x", "--at", "2099-01-01T00:00:00Z"),
        ("channel", "add", "mastodon", "--base-url", "http://127.0.0.1:9", "--token", "geheim-token"),
        ("channel", "add", "friendster", "--base-url", "https://x.example", "--token", "t"),
    ],
)
def test_what_could_not_be_done_is_exit_code_1_with_one_sentence(hub, words):
    ran = run(*words)
    assert ran.returncode == 1 and not ran.stdout, ran.stdout
    assert len(ran.stderr.strip().splitlines()) == 1 and "geheim" not in ran.stderr


def test_posts_are_scheduled_shown_and_cancelled(hub, tmp_path):
    channel = factories.channel()
    from PIL import Image

    picture = tmp_path / "bild.png"
    Image.new("RGB", (20, 20)).save(picture)
    made = run("post", "schedule", "--channel", str(channel.id), "--text", "Moin", "--at", "2099-01-01T09:00:00+01:00",
               "--media", str(picture), "--alt", "Schwarz")  # fmt: skip
    assert made.returncode == 0, made.stderr
    (post,) = rows("post", "list")
    assert (post["id"], post["state"], post["planned_at"]) == (
        int(made.stdout),
        "scheduled",
        "2099-01-01T08:00:00+00:00",
    )
    (delivery,) = rows("post", "show", made.stdout.strip())
    assert delivery["state"] == "scheduled" and delivery["handle"] == channel.handle
    assert run("post", "cancel", made.stdout.strip()).returncode == 0
    with db.read() as session:
        assert session.get(Delivery, delivery["id"]).state is DeliveryState.CANCELLED


def test_the_inbox_is_listed_searched_shown_and_answered(hub):
    channel = factories.channel()
    talk = factories.conversation(channel.id, "Wo bleibt die Lieferung?")
    factories.conversation(channel.id, "Danke!")
    assert len(rows("inbox", "list")) == 2
    assert [r["id"] for r in rows("inbox", "list", "--state", "open", "--search", "Lieferung")] == [talk.id]
    assert rows("inbox", "list", "--state", "resolved") == []
    assert run("inbox", "reply", str(talk.id), "--text", "Ist unterwegs.").returncode == 0
    assert [(m["direction"], m["text"]) for m in rows("inbox", "show", str(talk.id))] == [
        ("in", "Wo bleibt die Lieferung?"),
        ("out", "Ist unterwegs."),
    ]


def test_monitors_and_channels_are_listed(hub):
    channel = factories.channel()
    assert run("monitor", "add", "Kaffee", "--query", "#Kaffee").returncode == 0
    assert [(m["name"], m["query"]) for m in rows("monitor", "list")] == [("Kaffee", "#Kaffee")]
    assert rows("monitor", "mentions") == []
    assert run("channel", "pause", str(channel.id)).returncode == 0
    assert [(c["id"], c["state"]) for c in rows("channel", "list")] == [(channel.id, "paused")]
    assert run("channel", "resume", str(channel.id)).returncode == 0
    assert rows("channel", "list")[0]["state"] == "active"


def test_doctor_says_what_is_wrong_and_leaves_with_1(hub):
    ran = run("doctor")
    assert ran.returncode == 1 and "FAIL  Worker" in ran.stdout and "ok    Database" in ran.stdout


def test_seed_fills_an_empty_hub_and_refuses_a_full_one(hub):
    assert run("seed", "--messages", "200", "--posts", "20", "--channels", "3").returncode == 0
    assert len(rows("channel", "list")) == 3 and len(rows("post", "list")) == 20
    again = run("seed", "--messages", "10")
    assert again.returncode == 1 and "already" in again.stderr


def test_keys_and_tokens_are_sealed(hub):
    channel = factories.channel()
    data = (hub / "hub.db").read_bytes() + (hub / "hub.db-wal").read_bytes()
    assert channel.sealed in data and b"token-" not in data.replace(channel.sealed, b"")
    assert (hub / "secret.key").stat().st_mode & 0o077 == 0
    assert connecting.normal_address("Social.Example/") == "https://social.example"
