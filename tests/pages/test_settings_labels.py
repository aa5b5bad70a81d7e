"""The labels in the settings: adding, changing, deleting with a look at what they are on."""

from collections.abc import Callable
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from core import db
from core.services import inbox_handling, labels
from core.services.team import COMMAND_LINE, Actor
from tests import factories

HOSTILE = "**fett** :red[rot]"


def around() -> None:
    from core.ui.page import open_page
    from core.ui.settings_labels import labels_section

    labels_section(open_page("Settings"))


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


def stored() -> list[tuple[str, str]]:
    with db.read() as session:
        return [(row.name, row.color) for row in labels.labels(session)]


def a_label(name: str) -> int:
    with db.write() as session:
        return labels.create_label(session, COMMAND_LINE, name)


@pytest.fixture
def editor(hub: Path, signed_in: Callable[..., Actor]) -> Actor:
    return signed_in("editor")


def test_without_labels_it_says_what_they_are_for_and_takes_the_first(editor: Actor):
    page = opened()
    assert "No labels yet" in words(page)
    page.text_input[0].input("Lieferung")
    page.selectbox[0].set_value("green")
    page = press(page, "Add")
    assert stored() == [("Lieferung", "green")] and "not in use" in words(page)
    assert page.text_input[0].value == ""


def test_a_taken_name_is_told_and_stays_typed(editor: Actor):
    a_label("Lieferung")
    page = opened()
    page.text_input[0].input("LIEFERUNG")
    page = press(page, "Add")
    assert "already is a label “Lieferung”" in words(page) and page.text_input[0].value == "LIEFERUNG"


def test_name_and_colour_are_changed(editor: Actor):
    key = a_label("Liferung")
    page = opened()
    page.text_input(key=f"label_name_{key}").input("Lieferung")
    page.selectbox(key=f"label_color_{key}").set_value("red")
    press(page, "Save")
    assert stored() == [("Lieferung", "red")]


def test_before_deleting_one_sees_on_how_many_it_is(editor: Actor):
    key, channel = a_label(HOSTILE), factories.channel()
    talks = [factories.conversation(channel.id).id for _ in range(3)]
    with db.write() as session:
        inbox_handling.add_label(session, COMMAND_LINE, talks, key)
    page = opened()
    assert f"**{HOSTILE}** is on 3 conversations. Deleting takes it off" in words(page)
    assert all(HOSTILE not in element.value for element in page.markdown)
    page = press(page, "Delete the label")
    assert stored() == [] and "is deleted" in words(page)


def test_a_viewer_only_looks(hub: Path, signed_in: Callable[..., Actor]):
    signed_in("viewer")
    a_label("Lieferung")
    page = opened()
    assert "Lieferung" in words(page) and not page.button and not page.text_input
