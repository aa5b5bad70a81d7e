"""The editable plan in two real browsers: cells, a paste from a spreadsheet, and two people at one row."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.e2e.conftest import NAME, PASSWORD
from tests.e2e.test_plan_views import drawn, python
from tests.hub_process import RunningHub, running_hub

pytestmark = pytest.mark.e2e

FILL = """
from datetime import timedelta
from core import db
from tests import factories
one = factories.channel(handle="@laden@social.example")
for hours, title in enumerate(("Winterkaffee", "Frühlingskaffee", "Sommerkaffee"), start=5):
    factories.post(one.id, text=title, title=title, at=db.utc_now() + timedelta(hours=2 * hours))
"""
TITLES = """
from sqlmodel import select
from core import db
from core.models.planning import Post
with db.read() as session:
    print("|".join(session.exec(select(Post.title).order_by(Post.id))))
"""
HEADER, ROW = 35, 35  # pixels, of the table
PEOPLE = ("anna@example.org", "bernd@example.org")


@pytest.fixture(scope="module")
def hub(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningHub]:
    with running_hub(tmp_path_factory.mktemp("hub") / "data", worker=False) as made:
        for email in PEOPLE:
            words = ("member", "add", email, "--name", NAME, "--role", "admin", "--password-stdin")
            assert made.cli(*words, stdin=PASSWORD + "\n").returncode == 0
        python(made, FILL)
        yield made


@pytest.fixture
def tabs(browser: Browser, hub: RunningHub) -> Iterator[list[Page]]:
    """Anna's and Bernd's, each in a browser of their own, looking at the table."""
    contexts = [browser.new_context(viewport={"width": 1440, "height": 900}, base_url=hub.url) for _ in PEOPLE]
    opened = []
    for context, email in zip(contexts, PEOPLE, strict=True):
        context.grant_permissions(["clipboard-read", "clipboard-write"])
        context.set_default_timeout(20_000)
        tab = context.new_page()
        tab.goto("/signin?next=/planning")
        tab.get_by_label("E-mail").fill(email)
        tab.get_by_label("Password").fill(PASSWORD)
        tab.get_by_role("button", name="Sign in").click()
        expect(tab.get_by_test_id("stDataFrame").locator("canvas").first).to_be_visible()
        drawn(tab)
        opened.append(tab)
    yield opened
    for context in contexts:
        context.close()


def choose(tab: Page, row: int) -> None:
    """Click on the title in a row, the first is 0."""
    box = tab.get_by_test_id("stDataFrame").first.bounding_box()
    assert box is not None
    tab.mouse.click(box["x"] + 80, box["y"] + HEADER + ROW * row + ROW / 2)
    tab.wait_for_timeout(300)  # the table is a picture: nothing in it tells that it has heard


def write(tab: Page, row: int, title: str) -> None:
    choose(tab, row)
    tab.keyboard.press("Enter")
    box = tab.locator("#portal textarea, #portal input").first
    expect(box).to_be_visible()
    box.fill(title)
    tab.keyboard.press("Tab")


def titles(hub: RunningHub) -> list[str]:
    return python(hub, TITLES).split("|")


def test_cells_a_paste_and_a_conflict(hub: RunningHub, tabs: list[Page]) -> None:
    anna, bernd = tabs
    write(anna, 0, "Annas Titel")
    expect(anna.get_by_text("can be saved")).to_be_visible()
    choose(anna, 1)
    anna.evaluate("text => navigator.clipboard.writeText(text)", "Eins aus Excel\nZwei aus Excel")
    anna.keyboard.press("Control+v")
    expect(anna.get_by_text("3 rows not saved yet")).to_be_visible()
    write(bernd, 0, "Bernds Titel")
    bernd.get_by_role("button", name="Save changes").click()
    expect(bernd.get_by_text("not saved yet")).to_have_count(0)
    assert titles(hub)[0] == "Bernds Titel"
    anna.get_by_role("button", name="Save changes").click()
    expect(anna.get_by_text("somebody else has changed this row")).to_be_visible()
    expect(anna.get_by_text("Bernds Titel", exact=True).first).to_be_visible()
    assert titles(hub) == ["Bernds Titel", "Eins aus Excel", "Zwei aus Excel"]
    anna.get_by_role("button", name="Keep yours").click()
    expect(anna.get_by_text("can be saved")).to_be_visible()
    anna.get_by_role("button", name="Save changes").click()
    expect(anna.get_by_text("not saved yet")).to_have_count(0)
    assert titles(hub) == ["Annas Titel", "Eins aus Excel", "Zwei aus Excel"]
