"""Saved replies: found, filled in, counted; wrong ones refused with a sentence."""

import pytest
from hypothesis import given
from hypothesis import strategies as some

from core import db
from core.errors import NotFound, PermissionDenied, UserError
from core.models.team import Role
from core.services import inbox, saved_replies
from core.services.saved_replies import TEXT_LENGTH, ReplyRow, fill, ranked, replies, reply_named
from core.services.team import Actor
from tests import factories

NAMES = {"contact": "Erika", "member": "Anna", "channel": "Kaffee"}


@pytest.fixture
def anna(hub) -> Actor:
    return factories.actor(Role.EDITOR)


def add(actor: Actor, name: str = "Lieferzeit", language: str = "de", text: str = "Am Montag, {contact}!") -> int:
    with db.write() as session:
        return saved_replies.create_reply(session, actor, name=name, language=language, text=text)


def listed(search: str = "", language: str | None = None) -> list[str]:
    with db.read() as session:
        return [row.name for row in replies(session, search, language)]


def test_they_are_found_by_words_of_name_or_text_in_whatever_case(anna: Actor):
    add(anna, "Lieferzeit", text="Große Pakete brauchen länger.")
    add(anna, "Öffnungszeiten", text="Montag bis Freitag.")
    assert listed("grosse PAKETE") == listed("liefer paket") == ["Lieferzeit"]
    assert listed("offnung") == ["Öffnungszeiten"] and listed("gibtsnicht") == []
    assert listed() == ["Lieferzeit", "Öffnungszeiten"]


def test_the_same_name_may_be_there_once_in_each_language(anna: Actor):
    add(anna, "Danke", "de", "Danke!")
    add(anna, "Danke", "en", "Thank you!")
    assert listed(language="en") == ["Danke"]
    with pytest.raises(UserError, match="already"):
        add(anna, " danke ", "en")
    with db.read() as session, pytest.raises(UserError, match="Say which"):
        reply_named(session, "Danke")
    with db.read() as session:
        assert reply_named(session, "danke", "en").text == "Thank you!"
        with pytest.raises(NotFound):
            reply_named(session, "Bitte")


@pytest.mark.parametrize(
    ("given_", "sentence"),
    [
        ({"name": "  "}, "Give the reply a name"),
        ({"name": "x" * 81}, "1 characters too long"),
        ({"text": " \n"}, "empty"),
        ({"text": "x" * (TEXT_LENGTH + 2)}, "2 characters too long"),
        ({"language": "fr"}, "Take de or en"),
        ({"text": "Hallo {kontakt}"}, r"\{kontakt\} would stay"),
    ],
)
def test_what_is_wrong_is_said_and_nothing_is_kept(anna: Actor, given_: dict, sentence: str):
    with pytest.raises(UserError, match=sentence):
        add(anna, **given_)
    assert listed() == []


def test_braces_that_are_no_variable_may_stay(anna: Actor):
    add(anna, text="So geht es: { links } und {} und {a b}")
    assert fill("{ links } {}", **NAMES) == "{ links } {}"


def test_variables_are_filled_in_one_go():
    text = "Hallo {contact}, hier ist {member} von {Channel}. {contact}?"
    assert fill(text, **NAMES) == "Hallo Erika, hier ist Anna von Kaffee. Erika?"
    assert fill("Hallo {contact}!", contact="{member}", member="Anna", channel="") == "Hallo {member}!"
    assert fill("Hallo {contact}!", contact="Erika\n---\nX", member="", channel="") == "Hallo Erika --- X!"


def test_a_name_nobody_knows_leaves_no_hole():
    assert fill("Hallo {contact}, danke!", contact="", member="", channel="") == "Hallo, danke!"


@given(some.text(), some.text(), some.text())
def test_what_a_name_holds_is_never_read_as_a_variable(contact: str, member: str, channel: str):
    filled = fill("{contact}|{member}|{channel}", contact=contact, member=member, channel=channel)
    assert filled == "|".join(" ".join(value.split()) for value in (contact, member, channel))


def test_using_one_fills_it_in_for_the_conversation_and_counts(anna: Actor):
    channel = factories.channel(name="Kaffeerösterei")
    writer = factories.contact(name="Erika Muster")
    talk = factories.conversation(channel.id)
    factories.message(talk, "Hallo", contact_id=writer.id)
    reply_id = add(anna, text="Hallo {contact}! {member}, {channel}")
    with db.write() as session:
        inbox.settle(session, [talk.id])
    with db.write() as session:
        text = saved_replies.use(session, anna, reply_id, inbox.conversation(session, talk.id))
    assert text == f"Hallo Erika Muster! {anna.name}, Kaffeerösterei"
    with db.read() as session:
        assert replies(session)[0].used == 1


def test_changing_keeps_the_count_and_deleting_takes_it_away(anna: Actor):
    reply_id = add(anna)
    talk = factories.conversation(factories.channel().id)
    with db.write() as session:
        saved_replies.use(session, anna, reply_id, inbox.conversation(session, talk.id))
    with db.write() as session:
        saved_replies.change_reply(session, anna, reply_id, name="Versand", language="en", text="Tomorrow.")
    with db.read() as session:
        (row,) = replies(session)
    assert (row.name, row.language, row.text, row.used) == ("Versand", "en", "Tomorrow.", 1)
    with db.write() as session:
        saved_replies.delete_reply(session, anna, reply_id)
    assert listed() == []
    with pytest.raises(NotFound), db.write() as session:
        saved_replies.delete_reply(session, anna, reply_id)


def test_the_contacts_language_comes_first_then_the_most_used():
    now = db.utc_now()
    rows = [
        ReplyRow(1, "Zusage", "de", "", 1, now),
        ReplyRow(2, "Absage", "de", "", 0, now),
        ReplyRow(3, "Yes", "en", "", 9, now),
    ]
    assert [row.id for row in ranked(rows, "de-AT")] == [1, 2, 3]
    assert [row.id for row in ranked(rows, "en")] == [3, 1, 2]
    assert [row.id for row in ranked(rows, None)] == [3, 1, 2]


def test_a_viewer_changes_nothing(anna: Actor):
    reply_id, viewer = add(anna), factories.actor(Role.VIEWER)
    talk = factories.conversation(factories.channel().id)
    with pytest.raises(PermissionDenied):
        add(viewer, "Neu")
    with db.write() as session:
        for change in (
            lambda: saved_replies.delete_reply(session, viewer, reply_id),
            lambda: saved_replies.change_reply(session, viewer, reply_id, name="a", language="de", text="b"),
            lambda: saved_replies.use(session, viewer, reply_id, inbox.conversation(session, talk.id)),
        ):
            with pytest.raises(PermissionDenied):
                change()
