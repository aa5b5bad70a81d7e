"""`reply …` and `inbox reply` on the command line."""

import json
from pathlib import Path

import pytest
from sqlmodel import select
from typer.testing import CliRunner, Result

from core import db
from core.cli import app
from core.connectors.base import Limits
from core.models.inbox import Direction, Message
from core.models.planning import Delivery, DeliveryState
from tests import factories

pytestmark = pytest.mark.usefixtures("hub")


def run(*words: str, stdin: str | None = None) -> Result:
    return CliRunner().invoke(app, list(words), input=stdin)


def rows(*words: str) -> list[dict]:
    ran = run("reply", "list", *words, "--json")
    assert ran.exit_code == 0, ran.output
    return json.loads(ran.stdout)


def sent() -> Message:
    with db.read() as session:
        return session.exec(select(Message).where(Message.direction == Direction.OUT)).one()


def test_replies_are_kept_found_changed_and_removed():
    assert run("reply", "add", "Danke", "--text", "Danke, {contact}!").exit_code == 0
    assert run("reply", "add", "Danke", "--language", "en", "--text", "-", stdin="Thank you!\n").exit_code == 0
    assert [(r["name"], r["language"], r["text"], r["used"]) for r in rows()] == [
        ("Danke", "de", "Danke, {contact}!", 0),
        ("Danke", "en", "Thank you!", 0),
    ]
    assert [r["language"] for r in rows("--search", "thank")] == ["en"]
    assert run("reply", "change", "Danke", "--language", "en", "--rename", "Thanks").exit_code == 0
    assert run("reply", "remove", "danke").exit_code == 0
    assert [r["name"] for r in rows()] == ["Thanks"]


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (("reply", "remove", "gibtsnicht"), 1),
        (("reply", "add", "X", "--text", "Hallo {kontakt}"), 1),
        (("reply", "change", "X"), 2),
        (("inbox", "reply", "1"), 2),
        (("inbox", "reply", "1", "--text", "a", "--saved", "b"), 2),
        (("inbox", "reply", "1", "--text", "a", "--alt", "b"), 2),
        (("inbox", "reply", "1", "--text", "a", "--image", "gibtsnicht.png"), 2),
        (("inbox", "reply", "999", "--text", "a"), 1),
    ],
)
def test_what_cannot_be_done_says_so(words: tuple[str, ...], code: int):
    ran = run(*words)
    assert ran.exit_code == code and ran.stderr and not ran.stdout


def test_an_answer_with_an_image_goes_out_at_once(tmp_path: Path):
    from PIL import Image

    talk = factories.conversation(factories.channel().id)
    Image.new("RGB", (20, 20)).save(tmp_path / "a.png")
    ran = run("inbox", "reply", str(talk.id), "--text", "Hier", "--image", str(tmp_path / "a.png"), "--alt", "Schwarz")
    assert ran.exit_code == 0, ran.output
    message = sent()
    assert ran.stdout.strip() == str(message.id) and message.media is not None
    assert [one["alt"] for one in message.media] == ["Schwarz"]
    with db.read() as session:
        delivery = session.exec(select(Delivery)).one()
    assert delivery.state is DeliveryState.SCHEDULED and delivery.due_at is not None
    assert delivery.due_at <= db.utc_now()


def test_a_saved_reply_is_filled_in():
    writer = factories.contact(name="Erika Muster")
    talk = factories.conversation(factories.channel().id, contact_id=writer.id)
    run("reply", "add", "Danke", "--text", "Danke, {contact}!")
    assert run("inbox", "reply", str(talk.id), "--saved", "danke").exit_code == 0
    assert sent().text == "Danke, Erika Muster!" and rows()[0]["used"] == 1


def test_a_text_that_is_too_long_is_refused_or_parted():
    talk = factories.conversation(factories.channel("bluesky", limits=Limits(text_length=20).to_json()).id)
    text = "Das tut uns leid. Am Montag geht es."
    assert run("inbox", "reply", str(talk.id), "--text", text).exit_code == 1
    assert run("inbox", "reply", str(talk.id), "--text", text, "--thread").exit_code == 0
    assert sent().text == "Das tut uns leid.\n---\nAm Montag geht es."
