"""`python -m core contact …`: looking people up, one person, copies and erasure."""

import json

from sqlmodel import select

from core import db
from core.models.inbox import Contact, Message
from core.services import labels
from core.services.team import COMMAND_LINE
from tests import factories
from tests.test_cli import rows, run


def somebody(name: str, *texts: str) -> int:
    person = factories.contact(name=name, handle=f"@{name.split()[0].lower()}@a.example")
    talk = factories.conversation(factories.channel().id, contact_id=person.id)
    for text in texts or ("Hallo",):
        factories.message(talk, text, contact_id=person.id)
    return int(person.id)


def test_people_are_found_and_shown(hub):
    lena = somebody("Lena Wübbenhorst", "Wo bleibt mein Paket?")
    somebody("Tomasz")
    (found,) = rows("contact", "list", "--search", "lena")
    assert (found["id"], found["handle"]) == (lena, "@lena@a.example")
    with db.write() as session:
        labels.create_label(session, COMMAND_LINE, "Presse", "blue")
    assert run("contact", "label", str(lena), "--add", "Presse").returncode == 0
    assert run("contact", "note", str(lena), "Schreibt für den Weser-Kurier").returncode == 0
    assert run("contact", "stage", str(lena), "--to", "fan").returncode == 0
    (one,) = rows("contact", "show", str(lena))
    assert (one["stage"], one["corrected"], one["labels"]) == ("fan", True, ["Presse"])
    assert one["note"] == "Schreibt für den Weser-Kurier"
    wrong = run("contact", "stage", str(lena), "--to", "superfan")
    assert wrong.returncode == 2 and "no stage" in wrong.stderr


def test_two_are_one_person_and_parted_again(hub):
    one, other = somebody("Lena"), somebody("Lena W.")
    assert run("contact", "merge", str(one), str(other)).returncode == 0
    assert len(rows("contact", "show", str(one))[0]["profiles"]) == 2
    assert run("contact", "part", str(other)).returncode == 0
    assert len(rows("contact", "show", str(one))[0]["profiles"]) == 1
    assert run("contact", "show", "999").returncode == 1


def test_a_copy_of_the_data_and_erasure(hub, tmp_path):
    lena = somebody("Lena", "Mein Paket fehlt", "Danke!")
    file = tmp_path / "lena.json"
    assert run("contact", "export", str(lena), "--file", str(file)).returncode == 0
    assert "Mein Paket fehlt" in file.read_text() and json.loads(file.read_text())
    asked = run("contact", "erase", str(lena), stdin="n\n")
    assert asked.returncode == 1
    with db.read() as session:
        assert session.get(Contact, lena) is not None
    told = run("contact", "erase", str(lena), "--yes")
    assert told.returncode == 0 and "2 messages" in told.stdout
    with db.read() as session:
        assert session.get(Contact, lena) is None
        assert not any("Paket" in one.text for one in session.exec(select(Message)))
