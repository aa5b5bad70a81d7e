"""Calendar and board in a real browser: what is dragged is stored, what isn't allowed snaps back, all can be undone."""

import json
import re
import subprocess
import sys
from collections.abc import Iterator

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, FrameLocator, Locator, Page, expect

from tests.e2e.conftest import EMAIL, NAME, PASSWORD
from tests.hub_process import ROOT, RunningHub, running_hub, wait_for

pytestmark = pytest.mark.e2e

# The month after the next: nothing of it has passed, whatever day it is.
FILL = """
from datetime import date, datetime, time, timedelta, timezone
from zoneinfo import ZoneInfo
from core.models.planning import PostState
from tests import factories
first = date.today().replace(day=1)
for _ in range(2):
    first = (first + timedelta(days=31)).replace(day=1)
monday = first + timedelta(days=(7 - first.weekday()) % 7)
def at(day, hour):
    return datetime.combine(day, time(hour), ZoneInfo("Europe/Berlin")).astimezone(timezone.utc)
one = factories.channel(handle="@laden@social.example")
factories.post(one.id, title="Winterkaffee", at=at(monday + timedelta(days=1), 9))
factories.post(one.id, title="Schon draußen", at=at(monday + timedelta(days=2), 9), state=PostState.PUBLISHED)
factories.post(one.id, title="Nur ein Entwurf", text="Noch ohne Termin")
print(monday.isoformat())
"""
STORED = """
import json
from sqlmodel import select
from core import db
from core.models.planning import Post
with db.read() as session:
    rows = session.exec(select(Post)).all()
    print(json.dumps({p.title: [p.state, p.planned_at.isoformat() if p.planned_at else None] for p in rows}))
"""


def python(hub: RunningHub, code: str) -> str:
    """Beside the hub, on its database."""
    ran = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, env=hub.env, capture_output=True, text=True, check=True
    )
    return ran.stdout.strip()


class Plan:
    """A hub with a plan, and somebody in front of it."""

    def __init__(self, hub: RunningHub, tab: Page) -> None:
        self.hub, self.tab = hub, tab
        self.monday = python(hub, FILL)

    def day(self, number: int) -> str:
        """A day of the first whole week of the month, Monday is 0."""
        return f"{self.monday[:8]}{int(self.monday[8:]) + number:02}"

    def stored(self, title: str) -> tuple[str, str]:
        """(state, day and UTC time) of a post."""
        state, at = json.loads(python(self.hub, STORED))[title]
        return state, (at or "")[:16]

    def enter(self, view: str, more: str = "") -> None:
        self.tab.goto(f"/planning?plan_view={view}{more}", wait_until="domcontentloaded")

    def calendar(self) -> FrameLocator:
        self.enter("Calendar", f"&cal_day={self.monday}")
        expect(self.frame().locator(".hub-post").first).to_be_visible(timeout=40_000)
        self.drawn()
        return self.frame()

    def frame(self) -> FrameLocator:
        """The calendar. While the page puts a new one in its place there are two: the first one stays."""
        return self.tab.frame_locator("iframe[title*='calendar']").first

    def drawn(self) -> None:
        """Wait until the page has drawn and one calendar is there: what is dragged before could vanish in the hand."""
        drawn(self.tab)
        expect(self.tab.locator("iframe[title*='calendar']")).to_have_count(1)


@pytest.fixture(scope="module")
def plan(browser: Browser, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Plan]:
    with running_hub(tmp_path_factory.mktemp("plan") / "data", worker=False) as hub:
        told = hub.cli("member", "add", EMAIL, "--name", NAME, "--role", "editor", "--password-stdin",
                       stdin=PASSWORD + "\n")  # fmt: skip
        assert told.returncode == 0, told.stderr
        context = browser.new_context(viewport={"width": 1440, "height": 1000}, base_url=hub.url, locale="de-DE")
        tab = context.new_page()
        tab.set_default_timeout(20_000)
        tab.goto("/signin", wait_until="domcontentloaded")
        tab.get_by_label("E-mail").fill(EMAIL)
        tab.get_by_label("Password").fill(PASSWORD)
        tab.get_by_role("button", name="Sign in").click()
        expect(tab).not_to_have_url(re.compile("/signin"))
        yield Plan(hub, tab)
        context.close()


def drawn(tab: Page) -> None:
    """Wait until the page has drawn."""
    expect(tab.locator("[data-test-script-state=notRunning]").first).to_be_attached()


def drag(tab: Page, what: Locator, to: Locator) -> None:
    """With the mouse, as a hand does: in steps."""
    what.scroll_into_view_if_needed()
    start, end = what.bounding_box(), to.bounding_box()
    assert start and end
    tab.mouse.move(start["x"] + 20, start["y"] + start["height"] / 2)
    tab.mouse.down()
    tab.mouse.move(end["x"] + 30, end["y"] + end["height"] * 0.6, steps=12)
    tab.mouse.up()


def test_a_post_is_dragged_to_another_day_and_back(plan: Plan):
    frame, tab = plan.calendar(), plan.tab
    before = plan.stored("Winterkaffee")[1]
    post = frame.locator(".hub-post", has_text="Winterkaffee")
    drag(tab, post, frame.locator(f"td[data-date='{plan.day(4)}']"))
    expect(tab.get_by_text("Moved to")).to_be_visible()
    assert plan.stored("Winterkaffee") == ("scheduled", f"{plan.day(4)}{before[10:]}")  # the clock's time stays
    plan.drawn()
    cell = frame.locator(f"td[data-date='{plan.day(4)}']")
    expect(cell.locator(".hub-post", has_text="Winterkaffee")).to_be_visible()

    tab.get_by_role("button", name="Undo").click()
    expect(frame.locator(f"td[data-date='{plan.day(1)}'] .hub-post", has_text="Winterkaffee")).to_be_visible()
    assert plan.stored("Winterkaffee") == ("scheduled", before)


def test_what_may_not_move_snaps_back_and_says_why(plan: Plan):
    frame, tab = plan.calendar(), plan.tab
    for _ in range(2):  # a second try is another one, and is told as well
        drag(tab, frame.locator(".hub-post", has_text="Schon draußen"), frame.locator(f"td[data-date='{plan.day(4)}']"))
        expect(tab.get_by_text("It is published: its time can't be changed")).to_be_visible()
        plan.drawn()
        expect(frame.locator(f"td[data-date='{plan.day(2)}'] .hub-post", has_text="Schon draußen")).to_be_visible()
    assert plan.stored("Schon draußen")[1].startswith(plan.day(2))


def test_an_empty_day_begins_a_post_and_a_post_opens(plan: Plan):
    frame, tab = plan.calendar(), plan.tab
    frame.locator(f"td[data-date='{plan.day(5)}']").click(position={"x": 40, "y": 60})
    year, month, day = plan.day(5).split("-")
    field = tab.get_by_test_id("stDateInput").first
    expect(field).to_contain_text(re.compile(rf"{day}\D*{month}\D*{year}"))
    frame = plan.calendar()
    frame.locator(".hub-post", has_text="Winterkaffee").click()
    expect(tab.get_by_label("Title", exact=True)).to_have_value("Winterkaffee")


def test_what_has_no_time_is_given_one_beside_the_calendar(plan: Plan):
    plan.calendar()
    tab = plan.tab
    tab.get_by_role("button", name=re.compile("Plan it")).click()
    tab.get_by_role("button", name="Give it this time").click()
    expect(tab.get_by_text("Moved to")).to_be_visible()
    state, at = plan.stored("Nur ein Entwurf")
    assert state == "draft" and at
    tab.get_by_role("button", name="Undo").click()
    expect(tab.get_by_role("button", name=re.compile("Plan it"))).to_be_visible()
    assert plan.stored("Nur ein Entwurf") == ("draft", "")


def test_filters_stay_from_view_to_view_and_while_one_writes(plan: Plan):
    tab = plan.tab
    plan.enter("Board", "&plan_search=winter")
    card = tab.get_by_role("article").filter(has_text="Winterkaffee")
    expect(card).to_be_visible(timeout=40_000)
    views = tab.get_by_role("radiogroup", name="View").or_(tab.get_by_test_id("stButtonGroup").first)
    views.get_by_text("Write", exact=True).first.click()
    expect(tab.get_by_label("Title", exact=True)).to_be_visible()
    drawn(tab)  # who turns back before, finds the address of a view that is gone (Streamlit writes it at the end)
    views.get_by_text("Board", exact=True).first.click()
    expect(card).to_be_visible()
    expect(tab.get_by_role("article")).to_have_count(1)
    expect(tab.get_by_placeholder("Search titles and texts")).to_have_value("winter")
    expect(tab).to_have_url(re.compile("plan_search=winter"))


def test_cards_move_on_the_board_by_mouse_and_by_keyboard_and_back(plan: Plan):
    plan.enter("Board")
    tab = plan.tab
    column = lambda name: tab.get_by_role("region", name=name, exact=True)  # noqa: E731
    card = tab.get_by_role("article").filter(has_text="Nur ein Entwurf")
    expect(column("Draft").get_by_text("Nur ein Entwurf")).to_be_visible(timeout=40_000)
    card.drag_to(column("Idea"))
    expect(tab.get_by_text("Moved to Idea")).to_be_visible()
    expect(column("Idea").get_by_text("Nur ein Entwurf")).to_be_visible()
    assert plan.stored("Nur ein Entwurf")[0] == "idea"
    tab.get_by_role("button", name="Undo").click()
    expect(column("Draft").get_by_text("Nur ein Entwurf")).to_be_visible()
    assert plan.stored("Nur ein Entwurf")[0] == "draft"

    tab.get_by_role("button", name="Move “Nur ein Entwurf” to …").focus()  # without a time it can't be scheduled
    tab.keyboard.press("Enter")
    tab.keyboard.press("End")
    tab.keyboard.press("Enter")
    expect(tab.get_by_text("Say when it goes out first")).to_be_visible()
    expect(column("Draft").get_by_text("Nur ein Entwurf")).to_be_visible()


def test_a_telephone_gets_a_list_and_one_column_at_a_time(plan: Plan):
    tab = plan.tab
    tab.set_viewport_size({"width": 420, "height": 900})
    try:
        plan.enter("Calendar", f"&cal_day={plan.monday}")
        frame = plan.frame()
        expect(frame.locator(".fc-list-event").first).to_be_visible(timeout=40_000)
        assert tab.evaluate("document.documentElement.scrollWidth") <= 420
        plan.enter("Board")
        expect(tab.get_by_role("button", name=re.compile("^Scheduled"))).to_be_visible(timeout=40_000)
        tab.get_by_role("button", name=re.compile("^Scheduled")).click()
        expect(tab.get_by_role("group", name="Board").get_by_role("region")).to_have_count(1)
        expect(tab.get_by_role("article").filter(has_text="Winterkaffee")).to_be_visible()
    finally:
        tab.set_viewport_size({"width": 1440, "height": 1000})


@pytest.mark.parametrize("view", ["Calendar", "Board"])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_nothing_serious_keeps_anybody_out(plan: Plan, view: str, scheme: str):
    tab = plan.tab
    tab.emulate_media(color_scheme=scheme)  # type: ignore[arg-type]
    if view == "Calendar":
        plan.calendar()
    else:
        plan.enter(view)
        expect(tab.get_by_role("article").first).to_be_visible(timeout=40_000)
    wait_for(lambda: tab.locator("[data-testid=stStatusWidget]").count() == 0, "the end of drawing", 20)
    found = Axe().run(tab).response["violations"]
    tab.emulate_media(color_scheme="light")
    serious = [
        (rule["id"], [(node["target"], node["html"][:120]) for node in rule["nodes"]])
        for rule in found
        if rule["impact"] in ("serious", "critical")
    ]
    assert not serious, serious
