"""The inbox as a team uses it: two members at once, by keyboard alone, without barriers."""

import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Locator, Page, TimeoutError, expect

from tests.e2e.conftest import PASSWORD
from tests.hub_process import ROOT, RunningHub, running_hub

pytestmark = pytest.mark.e2e

SOON = 15_000  # milliseconds: the list and what others decide are looked for every few seconds
SLOW = 60_000  # the worker has to come by

FILL = """
from datetime import timedelta
from core import db
from core.models.channel import Channel, ChannelState
from core.models.inbox import Contact, Conversation, Message
from sqlmodel import select
import sys
first, count = int(sys.argv[1]), int(sys.argv[2])
with db.write() as session:
    channel = session.exec(select(Channel).where(Channel.state == ChannelState.ACTIVE).order_by(Channel.id)).first()
    now = db.utc_now()
    for number in range(first, first + count):
        key, name = f"e2e{number}", f"Gast {number}"
        person = Contact(network=channel.network, remote_id=key, handle=f"@gast{number}", name=name)
        session.add(person)
        session.flush()
        at = now - timedelta(seconds=count - number + first)
        talk = Conversation(
            channel_id=channel.id, remote_id=key, contact_id=person.id, unread=1, message_count=1,
            preview=f"Frage Nummer {number}", last_message_at=at, waiting_since=at, respond_by=at + timedelta(hours=4),
        )
        session.add(talk)
        session.flush()
        session.add(Message(conversation_id=talk.id, channel_id=channel.id, contact_id=person.id, remote_id=key,
                            text=f"Frage Nummer {number}", sent_at=at, triaged=True))
"""


@dataclass
class Team:
    """Two members, each in front of a browser of their own."""

    hub: RunningHub
    anna: Page
    bernd: Page

    def arrive(self, first: int, count: int) -> None:
        """Messages of `Gast 1`, `Gast 2` … come in, the last one newest."""
        self.run(FILL, str(first), str(count))

    def run(self, *command: str) -> None:
        """Python beside the hub, on its database."""
        whole = [sys.executable, "-c", *command]
        subprocess.run(whole, cwd=ROOT, env=self.hub.env, check=True, capture_output=True, text=True)


@pytest.fixture(scope="module")
def team(browser: Browser, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Team]:
    with running_hub(tmp_path_factory.mktemp("team") / "data", HUB_SYNC_SECONDS="600") as hub:
        for name, role in (("Anna", "admin"), ("Bernd", "editor")):
            told = hub.cli(
                "member", "add", f"{name}@example.org", "--name", f"{name} Beispiel", "--role", role,
                "--password-stdin", stdin=PASSWORD + "\n",
            )  # fmt: skip
            assert told.returncode == 0, told.stderr
        assert hub.cli("sandbox", "seed").returncode == 0
        contexts = [browser.new_context(viewport={"width": 1440, "height": 900}, base_url=hub.url) for _ in range(2)]
        made = Team(hub, *(context.new_page() for context in contexts))
        for name, tab in (("anna", made.anna), ("bernd", made.bernd)):
            tab.set_default_timeout(20_000)
            tab.goto("/signin", wait_until="domcontentloaded")
            tab.get_by_label("E-mail").fill(f"{name}@example.org")
            tab.get_by_label("Password").fill(PASSWORD)
            tab.get_by_role("button", name="Sign in").click()
            expect(tab).not_to_have_url(re.compile("/signin"))
        hub.settled()  # the first look at known messages would find that the network doesn't know ours
        made.arrive(1, 40)
        yield made
        for context in contexts:
            context.close()


def enter(tab: Page, query: str = "search=Frage") -> Locator:
    """Open the inbox; gives its rows."""
    tab.goto(f"/inbox?{query}", wait_until="domcontentloaded")
    rows = tab.get_by_role("listbox", name="Conversations").get_by_role("option")
    expect(rows.first).to_be_visible(timeout=SLOW)
    expect(tab.get_by_role("button", name="Keyboard shortcuts")).to_be_visible()  # keys are heard
    return rows


def row(tab: Page, who: str) -> Locator:
    return tab.get_by_role("option").filter(has=tab.get_by_text(who, exact=True))


def log(tab: Page) -> Locator:
    return tab.get_by_role("log", name="Messages")


def open_talk(tab: Page, who: str) -> None:
    row(tab, who).click()
    number = who.split()[1]
    expect(log(tab).get_by_text(f"Frage Nummer {number}", exact=True)).to_be_visible()


def write(tab: Page, text: str) -> Locator:
    box = tab.get_by_role("textbox", name="Answer")
    box.fill(text)
    return box


def test_who_else_is_here_is_seen_and_an_assignment_too(team: Team):
    for tab in (team.anna, team.bernd):
        enter(tab)
        open_talk(tab, "Gast 40")
    expect(team.anna.get_by_text("Bernd Beispiel is reading this")).to_be_visible(timeout=SOON)
    expect(team.bernd.get_by_text("Anna Beispiel is reading this")).to_be_visible(timeout=SOON)
    team.anna.get_by_role("button", name="Assign to me").click()
    expect(row(team.anna, "Gast 40").get_by_title("Assigned to Anna Beispiel")).to_be_visible()
    expect(row(team.bernd, "Gast 40").get_by_title("Assigned to Anna Beispiel")).to_be_visible(timeout=SOON)
    enter(team.bernd, "view=unassigned&search=Frage")
    expect(row(team.bernd, "Gast 39")).to_be_visible()
    expect(row(team.bernd, "Gast 40")).to_have_count(0)


def test_the_second_sender_is_stopped_and_reads_what_the_first_one_wrote(team: Team):
    for tab in (team.anna, team.bernd):
        enter(tab)
        open_talk(tab, "Gast 38")
    write(team.bernd, "Am Dienstag, glaube ich.")
    team.bernd.keyboard.press("Tab")
    expect(team.anna.get_by_text("Bernd Beispiel is writing an answer")).to_be_visible(timeout=SOON)
    write(team.anna, "Wir liefern am Montag.").press("Control+Enter")
    expect(log(team.anna).get_by_text("Wir liefern am Montag.")).to_be_visible()
    team.bernd.get_by_role("button", name=re.compile("^.*Send")).last.click()
    expect(team.bernd.get_by_text(re.compile("Anna Beispiel has answered")).first).to_be_visible(timeout=SOON)
    expect(team.bernd.get_by_role("button", name="Send anyway")).to_be_visible()
    expect(team.bernd.get_by_role("textbox", name="Answer")).to_have_value("Am Dienstag, glaube ich.")
    expect(log(team.bernd).get_by_text("Wir liefern am Montag.")).to_be_visible(timeout=SOON)
    expect(log(team.bernd).get_by_text("Am Dienstag, glaube ich.")).to_have_count(0)


def test_an_answer_is_taken_back_before_it_goes_out(team: Team):
    enter(team.anna)
    open_talk(team.anna, "Gast 37")
    for text in ("Zu früh", "Wieder zu früh", "Noch einmal zu früh"):  # on a busy machine a click may come too late
        write(team.anna, text).press("Control+Enter")
        sent = log(team.anna).get_by_text(text, exact=True)
        expect(sent).to_be_visible()
        box = team.anna.get_by_role("textbox", name="Answer")
        with suppress(TimeoutError, AssertionError):
            log(team.anna).get_by_role("button", name="Take back").click(timeout=5_000)
            expect(box).to_have_value(text, timeout=10_000)
            break
    expect(sent).to_have_count(0)
    expect(box).to_have_value(text)


def test_many_are_resolved_at_once_and_undone_before_a_colleagues_eyes(team: Team):
    enter(team.bernd)
    enter(team.anna)
    row(team.anna, "Gast 36").locator(".pick").click()
    row(team.anna, "Gast 33").click(modifiers=["Shift"])
    expect(team.anna.get_by_text("4 ticked")).to_be_visible()
    team.anna.get_by_role("button", name="Resolve").first.click()
    expect(row(team.anna, "Gast 35")).to_have_count(0)
    expect(row(team.bernd, "Gast 35")).to_have_count(0, timeout=SOON)
    team.anna.get_by_role("button", name="Undo").click()
    for tab in (team.anna, team.bernd):
        expect(row(tab, "Gast 35")).to_be_visible(timeout=SOON)


def test_a_view_is_a_link_that_a_colleague_can_open(team: Team):
    enter(team.anna, "view=all")
    team.anna.get_by_role("button", name="Filter").click()
    team.anna.get_by_label("Kind").click()
    team.anna.get_by_role("option", name="Mention", exact=True).click()
    expect(team.anna).to_have_url(re.compile("kind=Mention"))
    team.anna.keyboard.press("Escape")
    views = team.anna.get_by_role("navigation", name="Views")
    views.get_by_role("link", name="Unassigned").click()
    expect(team.anna).to_have_url(re.compile("view=unassigned"))
    expect(views.get_by_role("link", name="Unassigned")).to_have_attribute("aria-current", "page")
    address = team.anna.url.removeprefix(team.hub.url)
    team.bernd.goto(address, wait_until="domcontentloaded")
    theirs = team.bernd.get_by_role("listbox", name="Conversations").get_by_role("option")
    expect(theirs.first).to_be_visible()
    expect(team.bernd.get_by_role("button", name="Filter (1)")).to_be_visible()
    mine = team.anna.get_by_role("listbox", name="Conversations").get_by_role("option")
    assert theirs.first.inner_text().split("\n")[0] == mine.first.inner_text().split("\n")[0]


def test_the_list_stays_where_it_is_while_messages_arrive(team: Team):
    enter(team.anna)
    looked_at = row(team.anna, "Gast 20")
    looked_at.scroll_into_view_if_needed()
    looked_at.hover()
    before = looked_at.bounding_box()
    team.arrive(41, 5)
    hint = team.anna.get_by_role("button", name="5 new above")
    expect(hint).to_be_visible(timeout=SOON)
    after = looked_at.bounding_box()
    assert before and after and abs(before["y"] - after["y"]) < 3
    hint.click()
    expect(row(team.anna, "Gast 45")).to_be_in_viewport()


def test_the_keyboard_is_enough(team: Team):
    tab = team.anna
    enter(tab)
    press = tab.keyboard.press
    press("j")
    expect(log(tab).get_by_text("Frage Nummer 45", exact=True)).to_be_visible()
    press("j")
    press("j")
    expect(log(tab).get_by_text("Frage Nummer 43", exact=True)).to_be_visible()
    press("k")
    expect(log(tab).get_by_text("Frage Nummer 44", exact=True)).to_be_visible()
    press("a")
    expect(row(tab, "Gast 44").get_by_title("Assigned to Anna Beispiel")).to_be_visible()
    press("r")
    box = tab.get_by_role("textbox", name="Answer")
    expect(box).to_be_focused()
    tab.keyboard.type("jeder darf ja")  # letters that are keys elsewhere
    expect(box).to_have_value("jeder darf ja")
    press("Control+a")
    press("Delete")
    press("Escape")
    expect(box).not_to_be_focused()
    press("e")
    expect(row(tab, "Gast 44")).to_have_count(0)
    press("j")  # goes on where the resolved one stood
    expect(log(tab).get_by_text("Frage Nummer 43", exact=True)).to_be_visible()
    press("u")
    expect(row(tab, "Gast 44")).to_be_visible()
    press("x")
    expect(tab.get_by_text("1 ticked")).to_be_visible()
    press("Escape")
    expect(tab.get_by_text("1 ticked")).to_have_count(0)
    press("?")
    expect(tab.get_by_role("dialog", name="Keyboard shortcuts")).to_be_visible()
    press("Escape")
    expect(tab.get_by_role("dialog", name="Keyboard shortcuts")).to_have_count(0)
    press("/")
    expect(tab.get_by_role("textbox", name="Search").or_(tab.get_by_role("searchbox", name="Search"))).to_be_focused()


def test_single_keys_can_be_switched_off(team: Team):
    tab = team.anna
    enter(tab)
    tab.get_by_role("button", name="Keyboard shortcuts").click()
    use = tab.get_by_role("checkbox", name="Use single keys in this browser")
    use.uncheck()
    tab.get_by_role("button", name="Close").last.click()
    tab.keyboard.press("j")
    tab.wait_for_timeout(800)
    expect(tab.locator('[role=option][aria-selected="true"]')).to_have_count(0)
    tab.evaluate("localStorage.clear()")


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_nothing_serious_keeps_anybody_out(team: Team, browser: Browser, scheme: str):
    """axe on the page with an open conversation, ticked rows and every kind of chip."""
    tab = team.anna
    tab.emulate_media(color_scheme=scheme)  # type: ignore[arg-type]
    enter(tab, "view=all")
    tab.get_by_role("option").nth(1).click()
    expect(log(tab)).to_be_visible()
    tab.get_by_role("option").nth(2).locator(".pick").click()
    expect(tab.get_by_text("1 ticked")).to_be_visible()
    tab.wait_for_timeout(1500)  # toasts have faded in: what is half transparent has no contrast yet
    found = Axe().run(tab).response["violations"]
    serious = [
        (rule["id"], [(node["target"], node["html"][:120]) for node in rule["nodes"]])
        for rule in found
        if rule["impact"] in ("serious", "critical")
    ]
    tab.emulate_media(color_scheme="light")
    assert not serious, serious
