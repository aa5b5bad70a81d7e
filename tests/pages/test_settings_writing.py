"""The settings of what posts are written with: text blocks, and people with their handles."""

from collections.abc import Callable

import pytest
from streamlit.testing.v1 import AppTest

from core import db
from core.models.planning_sources import BlockKind
from core.services import contact_people, named_people, text_blocks
from core.services.team import COMMAND_LINE, Actor
from tests import factories

HOSTILE = "**fett** :red[rot]"


def blocks_page() -> None:
    from core.ui.page import open_page
    from core.ui.settings_blocks import blocks_section

    blocks_section(open_page("Settings"))


def people_page() -> None:
    from core.ui.page import open_page
    from core.ui.settings_people import people_section

    people_section(open_page("Settings"))


def opened(page: Callable[[], None]) -> AppTest:
    return fine(AppTest.from_function(page, default_timeout=30).run())


def fine(page: AppTest) -> AppTest:
    assert not page.exception, page.exception
    return page


def press(page: AppTest, label: str) -> AppTest:
    (button,) = [b for b in page.button if label in (b.label, b.key)]
    return fine(button.click().run())


def words(page: AppTest) -> str:
    kinds = (page.markdown, page.caption, page.error, page.toast)
    return "\n".join(element.value for kind in kinds for element in kind).replace("\\", "").replace("\u2060", "")


@pytest.fixture
def anna(signed_in: Callable[..., Actor]) -> Actor:
    return signed_in("editor")


def test_a_hashtag_set_is_written_changed_and_deleted(anna: Actor):
    page = opened(blocks_page)
    assert "No text blocks yet" in words(page)
    fine(page.button_group[0].set_value(BlockKind.HASHTAGS).run())
    page.text_input(key="new_block_0_name").set_value("Kaffee")
    page.text_area(key="new_block_0_text_hashtags").set_value("Kaffee #fair-trade")
    page = press(page, "Save the text block")
    assert "no hashtag" in words(page)
    assert page.text_input(key="new_block_0_name").value == "Kaffee", "what was typed is gone"
    fine(page.text_area(key="new_block_0_text_hashtags").set_value("Kaffee FairTrade").run())
    assert "So they will stand there: #Kaffee #FairTrade" in words(page)
    page = press(page, "Save the text block")
    with db.read() as session:
        (row,) = text_blocks.blocks(session)
    assert row.text == "#Kaffee #FairTrade" and "not used yet" in words(page)
    key = f"block_{row.id}_{row.updated_at:%H%M%S%f}"
    page.text_input(key=f"{key}_name").set_value(HOSTILE)
    page = press(page, f"save_block_{row.id}")
    assert HOSTILE in words(page) and "**fett**" not in "".join(m.value for m in page.markdown)
    press(page, f"delete_block_{row.id}")
    with db.read() as session:
        assert text_blocks.blocks(session) == []


def test_somebody_is_added_and_a_wrong_handle_says_how_they_look(anna: Actor):
    page = opened(people_page)
    assert "Nobody is in the list yet" in words(page)
    page.text_input(key="new_person_0_name").set_value("Lena")
    page.text_input(key="new_person_0_mastodon").set_value("lena")
    page = press(page, "Add to the list")
    assert "lena@norden.social" in words(page) and page.error
    page.text_input(key="new_person_0_mastodon").set_value("@lena@norden.social")
    page = press(page, "Add to the list")
    assert "@lena@norden.social" in words(page) and "Lena, by name only" in words(page)


def test_a_contact_is_taken_over_with_all_profiles(anna: Actor):
    one = factories.contact(name="Lena Fuchs", handle="@lena@norden.social")
    two = factories.contact("bluesky", name="Lena", handle="lena.bsky.social")
    with db.write() as session:
        contact_people.merge(session, COMMAND_LINE, one.id, two.id)
    page = opened(people_page)
    fine(page.text_input(key="people_contact").set_value("fuchs").run())
    page = press(page, "Take over")
    with db.read() as session:
        (row,) = named_people.people(session)
    assert row.handles == {"mastodon": "lena@norden.social", "bluesky": "lena.bsky.social"}
    press(page, f"delete_person_{row.id}")
    with db.read() as session:
        assert named_people.people(session) == []


def test_who_only_looks_changes_nothing(signed_in: Callable[..., Actor]):
    signed_in("viewer")
    with db.write() as session:
        text_blocks.create_block(session, COMMAND_LINE, kind=BlockKind.SNIPPET, name="Gruß", text="Bis bald.")
        named_people.create_person(session, COMMAND_LINE, "Lena", {"bluesky": "lena.bsky.social"})
    for page in (opened(blocks_page), opened(people_page)):
        assert {b.label for b in page.button} <= {"Sign out"}, [b.label for b in page.button]
