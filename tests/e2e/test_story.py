"""The way through the hub in a real browser, from the first visit to the chart, in the order a person goes it."""

import re

import pytest
from playwright.sync_api import BrowserContext, Page, expect

from tests.e2e.conftest import EMAIL, NAME, PASSWORD
from tests.hub_process import RunningHub, wait_for

pytestmark = pytest.mark.e2e

SLOW = 40_000  # milliseconds: the worker has to come by
POST = "Heute frisch geröstet: unser Winterkaffee. Wer probiert ihn zuerst?"
ANSWER = "Danke für die Nachricht! Wir kümmern uns gleich darum."


def open_page(tab: Page, path: str, title: str) -> None:
    tab.goto(path, wait_until="domcontentloaded")
    expect(tab.get_by_role("heading", name=title, exact=True)).to_be_visible()


def test_1_the_first_visit_makes_the_first_member(tab: Page):
    tab.goto("/", wait_until="domcontentloaded")
    expect(tab).to_have_url(re.compile("/welcome$"))
    tab.get_by_label("Your name").fill(NAME)
    tab.get_by_label("E-mail").fill(EMAIL)
    tab.get_by_label("Password").fill("kurz")
    tab.get_by_label("Password").evaluate("field => field.removeAttribute('minlength')")
    tab.get_by_role("button", name="Begin").click()
    expect(tab.get_by_role("alert")).to_contain_text("10 characters")
    assert tab.get_by_label("E-mail").input_value() == EMAIL
    tab.get_by_label("Password").fill(PASSWORD)
    tab.get_by_role("button", name="Begin").click()
    expect(tab.get_by_role("heading", name="Two ways to begin")).to_be_visible()


def test_2_the_sandbox_opens_and_its_messages_arrive(tab: Page):
    open_page(tab, "/", "Home")
    tab.get_by_role("button", name="Explore the sandbox").click()
    expect(tab.get_by_text("Sandbox: invented people")).to_be_visible()
    expect(tab.get_by_role("heading", name="Waiting for an answer")).to_be_visible(timeout=SLOW)


def test_3_channels_say_how_they_fare(tab: Page):
    open_page(tab, "/channels", "Channels")
    expect(tab.get_by_text("Brachvogel Kaffee (Sandbox)").first).to_be_visible()
    expect(tab.get_by_text("Synced").first).to_be_visible(timeout=SLOW)


def test_4_a_message_is_answered_and_the_answer_is_sent(tab: Page, running: RunningHub):
    open_page(tab, "/inbox", "Inbox")
    rows = tab.get_by_role("listbox", name="Conversations").get_by_role("option")
    expect(rows.first).to_be_visible(timeout=SLOW)
    rows.first.click()
    box = tab.get_by_role("textbox", name=re.compile("answer", re.IGNORECASE)).first
    box.fill(ANSWER)
    box.press("Control+Enter")
    tab.get_by_role("button", name=re.compile("^.*Send")).first.click()
    sent = tab.get_by_role("log").get_by_text(ANSWER)
    expect(sent.first).to_be_visible()
    expect(tab.get_by_role("log").get_by_text("Sent", exact=True).last).to_be_visible(timeout=SLOW)


def test_5_a_post_is_written_previewed_and_published(tab: Page, running: RunningHub):
    open_page(tab, "/planning?plan_view=Write", "Planning")
    tab.get_by_label("Title", exact=True).fill("Winterkaffee")
    tab.get_by_label("Channels").click()
    tab.get_by_role("option", name=re.compile("brachvogel_kaffee")).click()
    tab.keyboard.press("Escape")
    text = tab.get_by_role("textbox", name="Text", exact=True)
    text.fill(POST)
    text.press("Control+Enter")
    expect(tab.get_by_text(f"{len(POST)} of 500 characters").first).to_be_visible()
    tab.get_by_role("button", name=re.compile("Publish now")).click()
    tab.get_by_role("button", name="Yes, publish now").click()
    expect(tab).to_have_url(re.compile("post="))

    def online() -> bool:
        tab.reload(wait_until="domcontentloaded")
        tab.wait_for_timeout(1500)
        return tab.get_by_text(re.compile("Published")).count() > 0

    wait_for(online, "the published post", 40)


def test_6_a_monitor_finds_what_people_say(tab: Page):
    open_page(tab, "/monitoring", "Monitoring")
    tab.get_by_role("textbox", name="Name").first.fill("Kaffee im Netz")
    tab.get_by_role("textbox", name="Look for").first.fill("#Kaffee")
    tab.get_by_role("button", name="Create monitor").click()
    expect(tab.get_by_text("Kaffee im Netz").first).to_be_visible()

    def hits() -> bool:
        tab.reload(wait_until="domcontentloaded")
        tab.wait_for_timeout(1500)
        return tab.get_by_text(re.compile("#Kaffee")).count() > 1

    wait_for(hits, "a mention", 40)


def test_7_analytics_shows_followers_and_reactions(tab: Page):
    open_page(tab, "/analytics", "Analytics")
    expect(tab.locator("[data-testid=stVegaLiteChart]").first).to_be_visible(timeout=SLOW)
    expect(tab.get_by_text("Followers").first).to_be_visible()


def test_8_nothing_is_seen_without_signing_in(browser, running: RunningHub):
    stranger = browser.new_context(base_url=running.url)
    page = stranger.new_page()
    for path in ("/", "/inbox", "/planning"):
        page.goto(path, wait_until="domcontentloaded")
        expect(page).to_have_url(re.compile("/signin"))
    stranger.close()


def test_9_signing_out_closes_the_door(context: BrowserContext, tab: Page):
    tab.goto("/signout", wait_until="domcontentloaded")
    tab.get_by_role("button", name="Sign out").click()
    expect(tab).to_have_url(re.compile("/signin"))
    tab.goto("/inbox", wait_until="domcontentloaded")
    expect(tab).to_have_url(re.compile("/signin"))
