"""The contact beside a conversation, as a person uses it: stage, labels, note, history, merging, parting, erasing."""

import time
from collections.abc import Callable
from pathlib import Path

import pytest
from sqlmodel import select
from streamlit.testing.v1 import AppTest

from core import db
from core.connectors.base import Kind
from core.models.inbox import Contact, Conversation, Message, Stage
from core.models.team import AuditEntry
from core.services import contacts, labels
from core.services.contacts import ContactView
from core.services.team import COMMAND_LINE, Actor
from tests import factories

HOSTILE = "**fett** :red[rot] [x](javascript:1)"


@pytest.fixture
def editor(hub: Path, signed_in: Callable[..., Actor]) -> Actor:
    return signed_in("editor")


def around() -> None:
    """The fragments that the inbox has around the panel."""
    import streamlit as st

    from core import db
    from core.services import inbox
    from core.ui.contact_panel import contact_panel
    from core.ui.page import open_page

    page = open_page("Inbox")

    @st.fragment(key="list")
    def list_part() -> None:
        st.caption("the list")

    @st.fragment(key="thread")
    def thread_part() -> None:
        st.caption("the thread")

    list_part()
    thread_part()
    with db.read() as session:
        view = inbox.conversation(session, int(st.query_params["conversation"]))
    contact_panel(page, view)


def fine(page: AppTest) -> AppTest:
    assert not page.exception, page.exception
    return page


def opened(conversation_id: int) -> AppTest:
    page = AppTest.from_function(around, default_timeout=30)
    page.query_params["conversation"] = str(conversation_id)
    return fine(page.run())


def press(page: AppTest, key: str) -> AppTest:
    return fine(page.button(key=key).click().run())


def words(page: AppTest) -> str:
    return "\n".join(str(part.value) for kind in (page.markdown, page.caption) for part in kind)


def dialog(call: str, contact_id: int, actor: Actor) -> AppTest:
    """A dialog by itself: a test's rerun is a whole one and would close it."""
    script = f"""
from zoneinfo import ZoneInfo
from core import db
from core.models.team import Role
from core.services import contacts
from core.services.team import Actor
from core.ui import contact_dialogs
from core.ui.page import Page
page = Page(Actor({actor.id}, "Somebody", "s@example.org", Role.{actor.role.name}), ZoneInfo("UTC"))
with db.read() as session:
    who = contacts.contact(session, {contact_id}, 1)
contact_dialogs.{call}
"""
    return fine(AppTest.from_string(script, default_timeout=30).run())


def a_talk(who: Contact, **values: object) -> Conversation:
    talk = factories.conversation(factories.channel().id, "Habt ihr offen?", contact_id=who.id, **values)
    with db.write() as session:
        for message in session.exec(select(Message).where(Message.conversation_id == talk.id)):
            message.contact_id = who.id
    return talk


def a_contact(name: str = "Jana Weiß") -> tuple[Contact, Conversation]:
    who = factories.contact(name=name)
    return who, a_talk(who)


def stored(contact_id: int) -> ContactView:
    with db.read() as session:
        return contacts.contact(session, contact_id, 10)


def test_a_stranger_s_name_is_text(editor: Actor) -> None:
    _, talk = a_contact(HOSTILE)
    told = words(opened(talk.id))
    assert "**fett**" not in told
    assert ":red[rot]" not in told
    assert "fett" in told


def test_the_stage_can_be_corrected_and_given_back(editor: Actor) -> None:
    who, talk = a_contact()
    page = opened(talk.id)
    key = f"stage_{stored(who.id).person_id}"
    fine(page.menu_button(key=key).click("fan").run())
    assert stored(who.id).stage == Stage.FAN
    assert "Set by the team" in words(page)
    fine(page.menu_button(key=key).click("derived").run())
    assert stored(who.id).said is None


def test_a_label_is_put_on_and_taken_off(editor: Actor) -> None:
    with db.write() as session:
        vip = labels.create_label(session, editor, "VIP")
    who, talk = a_contact()
    page = opened(talk.id)
    fine(page.pills[0].set_value([vip]).run())
    assert [row.name for row in stored(who.id).labels] == ["VIP"]
    fine(page.pills[0].set_value([]).run())
    assert stored(who.id).labels == ()


def test_a_note_is_saved_when_it_is_left(editor: Actor) -> None:
    who, talk = a_contact()
    page = opened(talk.id)
    fine(page.text_area[0].set_value("Ruft lieber an.").run())
    assert stored(who.id).note == "Ruft lieber an."


def test_a_note_written_by_a_colleague_meanwhile_is_not_lost_and_neither_is_mine(editor: Actor) -> None:
    who, talk = a_contact()
    page = opened(talk.id)
    with db.write() as session:
        contacts.set_note(session, COMMAND_LINE, who.id, "Von Jonas", "")
    fine(page.text_area[0].set_value("Von mir").run())
    assert stored(who.id).note == "Von Jonas"
    assert page.text_area[0].value == "Von mir"
    assert "Von Jonas" in words(page) + "\n".join(part.value for part in page.error)


def test_a_browser_that_has_not_drawn_a_colleague_s_change_takes_none_of_it_back(editor: Actor) -> None:
    with db.write() as session:
        vip = labels.create_label(session, editor, "VIP")
    who, talk = a_contact()
    page = opened(talk.id)
    before = page._tree.get_widget_states()  # what the browser shows, and sends when the page looks again by itself
    with db.write() as session:
        contacts.set_note(session, COMMAND_LINE, who.id, "Von Jonas", "")
        contacts.label(session, COMMAND_LINE, who.id, vip)
    fine(page.run())
    fine(page._run(before))
    now = stored(who.id)
    assert (now.note, [row.name for row in now.labels]) == ("Von Jonas", ["VIP"])
    assert fine(page.run()).text_area[0].value == "Von Jonas"
    fine(page.text_area[0].set_value("Von Jonas, und von mir").run())
    assert stored(who.id).note == "Von Jonas, und von mir"


def test_the_history_spans_channels_and_opens_a_conversation(editor: Actor) -> None:
    who, talk = a_contact()
    other = a_talk(who, kind=Kind.DIRECT)
    page = opened(talk.id)
    press(page, f"contact_open_{other.id}")
    assert page.query_params["conversation"] == str(other.id)


def test_merge_is_asked_for_and_both_are_shown(editor: Actor) -> None:
    who, _ = a_contact("Jana Weiß")
    other, _ = a_contact("J. W. Keramik")
    page = dialog("_merge_dialog(page, who.id)", who.id, editor)
    assert "Nobody looks alike" in words(page)
    fine(page.text_input(key="merge_search").set_value("Keramik").run())
    fine(page.radio(key="merge_with_Keramik").set_value(other.id).run())
    assert "Habt ihr offen" in words(page)  # both are shown side by side, with what they wrote last
    press(page, "merge_sure")
    assert len(stored(who.id).profiles) == 2


def test_a_merge_can_be_undone_beside_it(editor: Actor) -> None:
    who, talk = a_contact("Jana Weiß")
    other, _ = a_contact("J. W. Keramik")
    with db.write() as session:
        made = contacts.merge(session, editor, who.id, other.id)
    page = AppTest.from_function(around, default_timeout=30)
    page.query_params["conversation"] = str(talk.id)
    page.session_state["contact_merged"] = (made, time.monotonic())
    press(fine(page.run()), "contact_undo_merge")
    assert len(stored(who.id).profiles) == 1
    assert "contact_undo_merge" not in [button.key for button in page.button]


def test_parting_a_profile(editor: Actor) -> None:
    who, talk = a_contact("Jana Weiß")
    other, _ = a_contact("J. W. Keramik")
    with db.write() as session:
        contacts.merge(session, editor, who.id, other.id)
    page = opened(talk.id)
    press(page, f"contact_part_{other.id}")
    assert len(stored(who.id).profiles) == 1


def test_an_editor_cannot_erase(editor: Actor) -> None:
    _, talk = a_contact()
    assert "contact_erase" not in [button.key for button in opened(talk.id).button]


def test_erasing_asks_for_the_word_and_leaves_nothing(hub: Path, signed_in: Callable[..., Actor]) -> None:
    admin = signed_in("admin")
    who, _ = a_contact("Jana Weiß")
    page = dialog("_erase_dialog(page, who)", who.id, admin)
    assert page.button(key="erase_sure").disabled
    fine(page.text_input(key="erase_word").set_value("Erase ").run())
    page.button(key="erase_sure").click().run()
    with db.read() as session:
        assert session.get(Contact, who.id) is None
        assert "Jana" not in "".join(entry.model_dump_json() for entry in session.exec(select(AuditEntry)))


def test_a_viewer_reads_and_changes_nothing(hub: Path, signed_in: Callable[..., Actor]) -> None:
    signed_in("viewer")
    who, talk = a_contact()
    with db.write() as session:
        contacts.set_note(session, COMMAND_LINE, who.id, "Ruft lieber an.", "")
    page = opened(talk.id)
    assert "Ruft lieber an" in words(page)
    assert not page.text_area and not page.menu_button
    assert [button.key for button in page.button if str(button.key).startswith("contact_m")] == []
