"""The Monitoring page as a person meets it: make a monitor, see hits, answer, put aside."""

from collections.abc import Callable
from pathlib import Path

import pytest
from sqlmodel import select
from streamlit.testing.v1 import AppTest

from core import db
from core.models.inbox import Conversation
from core.models.monitoring import Mention, MentionState, Monitor
from core.services import monitoring
from core.services.team import COMMAND_LINE, Actor
from tests import factories

PAGE = Path(__file__).parents[2] / "pages" / "monitoring.py"
HOSTILE = "**fett** <script>alert(1)</script> [klick](javascript:alert(1)) #kaffee"


def opened(**filters: str) -> AppTest:
    page = AppTest.from_file(str(PAGE), default_timeout=30)
    for name, value in filters.items():
        page.query_params[name] = value
    page.run()
    assert not page.exception, page.exception
    return page


def press(page: AppTest, label: str) -> AppTest:
    button = next(b for b in page.button if label in (b.label, b.key))
    page = button.click().run()
    assert not page.exception, page.exception
    return page


def press_in_dialog(page: AppTest, opener: str, label: str) -> AppTest:
    """`AppTest` runs the whole page for each click, which closes a dialog: both buttons are pressed in one go."""
    page.button(key=opener).click()
    return press(page, label)


def words(page: AppTest) -> str:
    kinds = (page.markdown, page.caption, page.error, page.warning, page.toast)
    return "\n".join(element.value for kind in kinds for element in kind).replace("\\", "").replace("\u2060", "")


def mention(monitor_id: int, channel_id: int, text: str = "Guter #kaffee", number: int = 0) -> int:
    writer = factories.contact(name="Anna", followers=1234)
    with db.write() as session:
        row = Mention(
            monitor_id=monitor_id,
            channel_id=channel_id,
            contact_id=writer.id,
            remote_id=f"r{number}",
            thread_id=f"r{number}",
            uri=f"https://social.example/{number}",
            url="javascript:alert(1)",
            text=text,
            likes=1,
            sent_at=db.utc_now(),
        )
        session.add(row)
        session.flush()
        return row.id


@pytest.fixture
def editor(hub: Path, signed_in: Callable[..., Actor]) -> Actor:
    return signed_in("editor")


@pytest.fixture
def monitor(editor: Actor) -> int:
    factories.channel()
    with db.write() as session:
        return monitoring.create_monitor(session, COMMAND_LINE, "Marke", "#kaffee")


def state_of(mention_id: int) -> MentionState:
    with db.read() as session:
        return session.get_one(Mention, mention_id).state


def test_without_a_channel_it_says_that_nobody_can_search(editor: Actor):
    assert "No channel can search yet" in words(opened())


def test_a_monitor_is_made_and_the_fields_are_empty_again(editor: Actor):
    factories.channel()
    page = opened()
    assert "What should the hub listen for?" in words(page)
    page.text_input(key="name_0").input("Marke")
    page.text_input(key="query_0").input("#kaffee bohne")
    page = press(page, "Create monitor")
    assert "Marke" in words(page) and "#kaffee bohne" in words(page) and "Nothing found so far" in words(page)
    assert page.text_input(key="name_1").value == ""


def test_a_wrong_query_is_explained_and_stays(editor: Actor):
    factories.channel()
    page = opened()
    page.text_input(key="name_0").input("Marke")
    page.text_input(key="query_0").input('"kaffee')
    page = press(page, "Create monitor")
    assert "quotation mark is missing" in words(page) and page.text_input(key="query_0").value == '"kaffee'


def test_a_hit_shows_who_what_and_how_far_it_reaches_and_stays_text(monitor: int):
    mention(monitor, 1, HOSTILE)
    page = opened()
    assert HOSTILE in words(page) and "Anna" in words(page) and "1 234 followers · 1 like" in words(page)
    for element in [*page.markdown, *page.caption]:
        assert "**fett**" not in element.value and "<script>" not in element.value and "[klick](" not in element.value
    assert "javascript:alert(1)" not in str([element.proto for element in page.get("link_button")])


def test_seen_and_dismissed_leave_the_new_ones(monitor: int):
    seen, dismissed = mention(monitor, 1, number=1), mention(monitor, 1, number=2)
    press(opened(), f"seen_{seen}")
    page = press(opened(), f"dismissed_{dismissed}")
    assert (state_of(seen), state_of(dismissed)) == (MentionState.SEEN, MentionState.DISMISSED)
    assert "All seen" in words(page)
    press(opened(state="Dismissed"), f"new_{dismissed}")
    assert state_of(dismissed) == MentionState.NEW


def test_all_seen_at_once(monitor: int):
    hits = [mention(monitor, 1, number=number) for number in range(3)]
    press(opened(), "Mark all as seen")
    assert {state_of(hit) for hit in hits} == {MentionState.SEEN}


def test_answering_makes_a_conversation(monitor: int):
    hit = mention(monitor, 1)
    page = press(opened(), f"answer_{hit}")
    page.text_area(key=f"mention_answer_{hit}").input("Danke!")
    press_in_dialog(page, f"answer_{hit}", f"send_{hit}")
    with db.read() as session:
        assert session.exec(select(Conversation)).one().preview == "Danke!"
    assert state_of(hit) == MentionState.SEEN


def test_pause_and_delete(monitor: int):
    page = press(opened(), f"pause_{monitor}")
    assert "Paused" in words(page)
    press_in_dialog(press(opened(), f"delete_{monitor}"), f"delete_{monitor}", "delete_sure")
    with db.read() as session:
        assert session.exec(select(Monitor)).all() == []


def test_hits_come_in_pages(monitor: int):
    for number in range(25):
        mention(monitor, 1, f"Treffer {number} #kaffee", number)
    page = opened()
    assert words(page).count("Treffer") == 20
    assert words(press(page, "Show more")).count("Treffer") == 25


def test_a_filter_that_fits_nothing_says_so(monitor: int):
    mention(monitor, 1)
    assert "No hit matches" in words(opened(search="gibtsnicht"))


def test_a_viewer_sees_hits_and_changes_nothing(hub: Path, signed_in: Callable[..., Actor]):
    signed_in("viewer")
    factories.channel()
    with db.write() as session:
        monitor_id = monitoring.create_monitor(session, COMMAND_LINE, "Marke", "#kaffee")
    mention(monitor_id, 1)
    page = opened()
    assert "Guter #kaffee" in words(page)
    assert not {b.label for b in page.button} & {
        "Answer",
        "Seen",
        "Dismiss",
        "Create monitor",
        "Mark all as seen",
        "Delete",
    }
