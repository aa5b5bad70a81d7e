"""The saved replies in the settings: writing one with a look at what it becomes, finding, changing, deleting."""

from collections.abc import Callable
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from core import db
from core.services import saved_replies
from core.services.team import COMMAND_LINE, Actor

HOSTILE = "**fett** :red[rot]"


def around() -> None:
    from core.ui.page import open_page
    from core.ui.settings_replies import replies_section

    replies_section(open_page("Settings"))


def opened() -> AppTest:
    return fine(AppTest.from_function(around, default_timeout=30).run())


def fine(page: AppTest) -> AppTest:
    assert not page.exception, page.exception
    return page


def press(page: AppTest, label: str) -> AppTest:
    (button,) = [b for b in page.button if label in (b.label, b.key)]
    return fine(button.click().run())


def words(page: AppTest) -> str:
    kinds = (page.markdown, page.caption, page.error, page.toast)
    return "\n".join(element.value for kind in kinds for element in kind).replace("\\", "").replace("\u2060", "")


def stored() -> list[tuple[str, str, str]]:
    with db.read() as session:
        return [(row.name, row.language, row.text) for row in saved_replies.replies(session)]


def add(name: str = "Lieferzeit", language: str = "de", text: str = "Am Montag, {contact}.") -> int:
    with db.write() as session:
        return saved_replies.create_reply(session, COMMAND_LINE, name=name, language=language, text=text)


@pytest.fixture
def anna(signed_in: Callable[..., Actor]) -> Actor:
    return signed_in("editor")


def test_without_any_it_says_what_would_help(anna: Actor):
    assert "No saved replies yet" in words(opened())


def test_one_is_written_shown_as_it_will_read_and_kept(anna: Actor):
    page = opened()
    page.text_input[0].input("Lieferzeit")
    page = fine(page.text_area[0].input("Hallo {contact}, hier ist {member}.").run())
    assert f"Hallo Erika Muster, hier ist {anna.name}." in words(page)
    page = press(page, "Save the reply")
    assert stored() == [("Lieferzeit", "de", "Hallo {contact}, hier ist {member}.")]
    assert "The reply is there." in words(page) and page.text_area[0].value == ""


def test_what_is_wrong_is_said_and_what_was_typed_stays(anna: Actor):
    page = opened()
    page = fine(page.text_area[0].input("Hallo {kontakt}").run())
    assert "{kontakt} is no variable" in words(page)
    page = press(page, "Save the reply")
    assert "Give the reply a name" in words(page) and page.text_area[0].value == "Hallo {kontakt}" and stored() == []


def test_a_variable_is_put_in_by_a_click(anna: Actor):
    page = fine(opened().text_area[0].input("Hallo").run())
    page = press(page, "new_reply_0_put_contact")
    assert page.text_area[0].value == "Hallo {contact}"


def test_one_is_changed(anna: Actor):
    reply_id = add()
    page = opened()
    (text,) = [area for area in page.text_area if area.value == "Am Montag, {contact}."]
    page = fine(text.input("Am Dienstag.").run())
    page = press(page, f"save_reply_{reply_id}")
    assert stored() == [("Lieferzeit", "de", "Am Dienstag.")] and "Saved." in words(page)


def test_one_is_deleted(anna: Actor):
    reply_id = add()
    press(opened(), f"delete_reply_{reply_id}")
    assert stored() == []


def test_among_many_one_is_found(anna: Actor):
    for number in range(6):
        add(f"Antwort {number}", text=f"Wort{number}")
    page = opened()
    page = fine(page.text_input(key="replies_search").input("wort3").run())
    assert "Antwort 3" in words(page) and "Antwort 4" not in words(page)
    page = fine(page.text_input(key="replies_search").input("gibtsnicht").run())
    assert "No reply holds these words" in words(page)


def test_what_a_reply_holds_is_never_markdown(anna: Actor):
    add(HOSTILE, text=HOSTILE)
    page = opened()
    assert words(page).count(HOSTILE) >= 2
    assert not any(HOSTILE in element.value for element in [*page.markdown, *page.caption])


def test_a_viewer_only_looks(hub: Path, signed_in: Callable[..., Actor]):
    signed_in("viewer")
    add()
    page = opened()
    assert "Am Montag, {contact}." in words(page)
    assert not page.text_area and not [
        b for b in page.button if (b.key or "").startswith(("reply_", "save_", "delete_"))
    ]
