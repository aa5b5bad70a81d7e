"""The menu at a message in a real browser: by mouse and by keyboard, while the page looks again by itself.

A sandbox is at the other end, so what is done really happens there.
"""

import time
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Locator, Page, WebSocket, expect
from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg

from tests.e2e.conftest import EMAIL, NAME, PASSWORD
from tests.hub_process import running_hub

pytestmark = pytest.mark.e2e

LOOK_AGAIN = 8  # seconds: how often the inbox looks again by itself
LOOKING = 4  # parts of it do: the list, what is decided, the messages, who else is here
FOCUSED = """() => {
  let at = document.activeElement;
  while (at.shadowRoot?.activeElement) at = at.shadowRoot.activeElement;
  return at.getAttribute("aria-label") ?? at.textContent;
}"""


class Looks:
    """What the page asks for by itself, read off its socket."""

    def __init__(self, page: Page) -> None:
        self.page, self.parts, self.busy = page, set[str](), False
        page.clock.install()
        page.on("websocket", self._listen)

    def _listen(self, socket: WebSocket) -> None:
        socket.on("framesent", self._sent)
        socket.on("framereceived", self._got)

    def _sent(self, frame: bytes | str) -> None:
        told = BackMsg.FromString(frame) if isinstance(frame, bytes) else BackMsg()
        if told.rerun_script.is_auto_rerun:
            self.parts.add(told.rerun_script.fragment_id)
            self.busy = True

    def _got(self, frame: bytes | str) -> None:
        told = ForwardMsg.FromString(frame) if isinstance(frame, bytes) else ForwardMsg()
        if told.WhichOneof("type") == "script_finished":
            self.busy = told.script_finished == ForwardMsg.FINISHED_EARLY_FOR_RERUN

    def again(self) -> None:
        """Its time has come: every part looks, and what they got is drawn."""
        self.parts.clear()
        self.page.clock.fast_forward(1000 * (LOOK_AGAIN + 1))
        end = time.monotonic() + 20
        while len(self.parts) < LOOKING or self.busy:
            assert time.monotonic() < end, (self.parts, self.busy)
            self.page.wait_for_timeout(50)
        self.page.wait_for_timeout(100)  # drawn


@pytest.fixture(scope="module")
def inbox(browser: Browser, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Page]:
    """Anna has opened the newest comment below one of our posts."""
    with running_hub(tmp_path_factory.mktemp("menu") / "data", HUB_SYNC_SECONDS="600") as hub:
        words = ("member", "add", EMAIL, "--name", NAME, "--role", "admin", "--password-stdin")
        assert hub.cli(*words, stdin=PASSWORD + "\n").returncode == 0
        seeded = hub.cli("sandbox", "seed")
        assert seeded.returncode == 0, seeded.stderr
        hub.settled()
        context = browser.new_context(viewport={"width": 1440, "height": 900}, base_url=hub.url)
        page = context.new_page()
        page.looks = Looks(page)  # type: ignore[attr-defined]
        page.goto("/inbox", wait_until="domcontentloaded")
        page.get_by_label("E-mail").fill(EMAIL)
        page.get_by_label("Password").fill(PASSWORD)
        page.get_by_role("button", name="Sign in").click()
        options = page.get_by_role("listbox", name="Conversations").get_by_role("option")
        options.filter(has_text="Comment").first.click()
        expect(page.get_by_role("log", name="Messages").locator("article.out").first).to_be_visible()
        yield page
        context.close()


@pytest.fixture
def looks(inbox: Page) -> Looks:
    return inbox.looks  # type: ignore[attr-defined]


def message(inbox: Page, side: str) -> Locator:
    return inbox.get_by_role("log", name="Messages").locator(f"article.{side}").first


def open_menu(inbox: Page, side: str) -> Locator:
    message(inbox, side).hover()
    message(inbox, side).locator(".dots").click()
    return inbox.get_by_role("menu")


def test_by_keyboard_alone_a_message_is_liked_while_the_page_looks_again(inbox: Page, looks: Looks):
    dots = message(inbox, "in").locator(".dots")
    dots.focus()
    inbox.keyboard.press("Enter")
    menu = inbox.get_by_role("menu")
    expect(menu.get_by_role("menuitem").first).to_be_focused()
    looks.again()
    expect(menu).to_be_visible()
    inbox.keyboard.press("Escape")
    expect(menu).to_be_hidden()
    assert "More about the message" in inbox.evaluate(FOCUSED), "back where one came from"
    inbox.keyboard.press("Enter")
    expect(menu.get_by_role("menuitem").first).to_be_focused()
    inbox.keyboard.press("End")
    assert "Block" in inbox.evaluate(FOCUSED)
    inbox.keyboard.press("ArrowDown")
    inbox.keyboard.press("Enter")
    expect(message(inbox, "in").get_by_text("Liked")).to_be_visible()
    expect(open_menu(inbox, "in").get_by_role("menuitem").first).to_have_text("Take the like back")
    inbox.keyboard.press("Escape")


def test_a_click_beside_the_menu_closes_it_and_another_click_opens_it_again(inbox: Page):
    menu = open_menu(inbox, "in")
    expect(menu).to_be_visible()
    message(inbox, "in").locator(".dots").click()
    expect(menu).to_be_hidden()
    open_menu(inbox, "in")
    expect(menu).to_be_visible()
    answer = inbox.get_by_label("Answer", exact=True)
    place = answer.bounding_box()
    assert place
    answer.click(position={"x": place["width"] - 30, "y": 20})  # the menu may lie over its beginning
    expect(menu).to_be_hidden()
    expect(answer).to_be_focused()


def test_deleting_is_asked_for_and_can_be_left(inbox: Page, looks: Looks):
    dialog = inbox.get_by_role("dialog", name="Delete this message?")
    for leave in ("Escape", "Cancel"):
        open_menu(inbox, "out").get_by_role("menuitem", name="Delete").click()
        expect(dialog).to_be_visible()
        looks.again()
        expect(dialog).to_be_visible()
        if leave == "Escape":
            inbox.keyboard.press("Escape")
        else:
            dialog.get_by_role("button", name="Cancel").click()
        expect(dialog).to_be_hidden()
        looks.again()
        expect(dialog).to_be_hidden()
    open_menu(inbox, "out").get_by_role("menuitem", name="Delete").click()
    dialog.get_by_role("button", name="Delete").click()
    expect(message(inbox, "out").get_by_text("deleted at the network")).to_be_visible()
    expect(dialog).to_be_hidden()


def test_whoever_is_blocked_can_be_let_back_in(inbox: Page):
    open_menu(inbox, "in").get_by_role("menuitem", name="Block").click()
    inbox.get_by_role("dialog").get_by_role("button", name="Block").click()
    expect(message(inbox, "in").get_by_text("Author blocked")).to_be_visible()
    open_menu(inbox, "in").get_by_role("menuitem", name="Unblock").click()
    expect(message(inbox, "in").get_by_text("Author blocked")).to_be_hidden()
