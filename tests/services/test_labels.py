"""The team's labels: adding, renaming, colouring, deleting, and where they are."""

from collections.abc import Callable

import pytest
from sqlmodel import select

from core import db
from core.errors import NotFound, PermissionDenied, UserError
from core.models.inbox_work import ContactLabel, ConversationLabel
from core.models.team import AuditEntry, Role
from core.services import inbox_handling, labels
from core.services.labels import LabelRow
from core.services.team import COMMAND_LINE
from tests import factories
from tests.conftest import counted

pytestmark = pytest.mark.usefixtures("hub")


def made(name: str, color: str = "gray") -> int:
    with db.write() as session:
        return labels.create_label(session, COMMAND_LINE, name, color)


def listed() -> tuple[LabelRow, ...]:
    with db.read() as session:
        return labels.labels(session)


def test_labels_are_sorted_by_name_whatever_the_case():
    for name in ("zoll", "Lieferung", "ärger", "Anfrage"):
        made(name)
    assert [row.name for row in listed()] == ["Anfrage", "Lieferung", "zoll", "ärger"]


def test_a_name_is_tidied_and_taken_only_once():
    made("  Große   Bestellung ")
    assert listed()[0].name == "Große Bestellung"
    with pytest.raises(UserError, match="already is a label “Große Bestellung”"):
        made("GROSSE BESTELLUNG")


@pytest.mark.parametrize(("name", "why"), [("", "Give"), ("  \n ", "Give"), ("x" * 41, "1 characters too long")])
def test_a_name_that_cannot_be(name: str, why: str):
    with pytest.raises(UserError, match=why):
        made(name)
    assert listed() == ()


def test_a_colour_is_one_of_those_there_are():
    with pytest.raises(UserError, match="no label colour “pink”"):
        made("Lob", "pink")
    key = made("Lob", "green")
    with db.write() as session:
        labels.recolor_label(session, COMMAND_LINE, key, "red")
    assert listed()[0].color == "red"
    with pytest.raises(UserError), db.write() as session:
        labels.recolor_label(session, COMMAND_LINE, key, "unsafe]")


def test_renaming_keeps_it_where_it_is():
    key = made("Liferung")
    talk = factories.conversation(factories.channel().id)
    with db.write() as session:
        inbox_handling.add_label(session, COMMAND_LINE, [talk.id], key)
        labels.rename_label(session, COMMAND_LINE, key, "Lieferung")
        labels.rename_label(session, COMMAND_LINE, key, "lieferung")  # one's own name is no other's
    with db.read() as session:
        assert labels.labels_of(session, [talk.id])[talk.id] == (LabelRow(key, "lieferung", "gray"),)
    made("Lob")
    with pytest.raises(UserError, match="already is a label “Lob”"), db.write() as session:
        labels.rename_label(session, COMMAND_LINE, key, "LOB")


def test_deleting_says_on_how_many_it_was_and_takes_it_off():
    key, other, channel = made("Alt"), made("Neu"), factories.channel()
    talks = [factories.conversation(channel.id).id for _ in range(3)]
    contact_id = factories.contact().id
    with db.write() as session:
        inbox_handling.add_label(session, COMMAND_LINE, talks, key)
        inbox_handling.add_label(session, COMMAND_LINE, talks[:1], other)
        session.add(ContactLabel(contact_id=contact_id, label_id=key))
    assert [(row.name, row.used, row.contacts) for row in listed()] == [("Alt", 3, 1), ("Neu", 1, 0)]
    with db.write() as session:
        assert labels.delete_label(session, COMMAND_LINE, key) == 3
    with db.read() as session:
        assert [row.label_id for row in session.exec(select(ConversationLabel))] == [other]
        assert session.exec(select(ContactLabel)).all() == []
        assert session.exec(select(AuditEntry.detail).where(AuditEntry.action == "label.delete")).all() == [
            "Alt, on 3 conversations"
        ]
    with pytest.raises(NotFound), db.write() as session:
        labels.delete_label(session, COMMAND_LINE, key)


def test_labels_of_many_conversations_are_one_question():
    channel = factories.channel()
    one, two, none = (factories.conversation(channel.id).id for _ in range(3))
    b, a = made("b"), made("A", "blue")
    with db.write() as session:
        inbox_handling.add_label(session, COMMAND_LINE, [one, two], b)
        inbox_handling.add_label(session, COMMAND_LINE, [one], a)
    with counted() as ran, db.read() as session:
        found = labels.labels_of(session, [one, two, none])
    assert {key: [row.name for row in rows] for key, rows in found.items()} == {one: ["A", "b"], two: ["b"]}
    assert len(ran) == 1


def test_a_label_is_found_by_its_name():
    key = made("Lieferung")
    with db.read() as session:
        assert labels.label_named(session, " lieferung").id == key
        with pytest.raises(NotFound, match="no label “Lob”"):
            labels.label_named(session, "Lob")


@pytest.mark.parametrize(
    "write",
    [
        lambda s, a, i: labels.create_label(s, a, "Neu"),
        lambda s, a, i: labels.rename_label(s, a, i, "Anders"),
        lambda s, a, i: labels.recolor_label(s, a, i, "red"),
        labels.delete_label,
    ],
)
def test_a_viewer_changes_no_label(write: Callable):
    key, viewer = made("Alt"), factories.actor(Role.VIEWER)
    with pytest.raises(PermissionDenied), db.write() as session:
        write(session, viewer, key)
    assert listed() == (LabelRow(key, "Alt", "gray"),)
