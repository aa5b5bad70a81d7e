"""Writing in a real browser: counts follow while one types, texts become threads, nothing keeps anybody out."""

import re
from collections.abc import Iterator

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, expect

from tests.e2e.conftest import EMAIL, NAME, PASSWORD
from tests.e2e.test_plan_views import python
from tests.hub_process import running_hub, wait_for

pytestmark = pytest.mark.e2e

FILL = """
from core import db
from core.connectors.bluesky import LIMITS
from core.services import named_people
from core.services.team import COMMAND_LINE
from tests import factories
factories.channel(handle="@laden@social.example")
factories.channel("bluesky", handle="laden.bsky.social", limits=LIMITS.to_json())
with db.write() as session:
    named_people.create_person(session, COMMAND_LINE, "Lena Fuchs", {"mastodon": "lena@norden.social"})
"""


@pytest.fixture(scope="module")
def tab(browser: Browser, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Page]:
    with running_hub(tmp_path_factory.mktemp("writing") / "data", worker=False) as hub:
        told = hub.cli("member", "add", EMAIL, "--name", NAME, "--role", "editor", "--password-stdin",
                       stdin=PASSWORD + "\n")  # fmt: skip
        assert told.returncode == 0, told.stderr
        python(hub, FILL)
        context = browser.new_context(viewport={"width": 1440, "height": 1000}, base_url=hub.url)
        page = context.new_page()
        page.set_default_timeout(20_000)
        page.goto("/signin", wait_until="domcontentloaded")
        page.get_by_label("E-mail").fill(EMAIL)
        page.get_by_label("Password").fill(PASSWORD)
        page.get_by_role("button", name="Sign in").click()
        expect(page).not_to_have_url(re.compile("/signin"))
        page.goto("/planning?plan_view=Write", wait_until="domcontentloaded")
        channels = page.get_by_role("combobox", name="Channels")
        for name in ("social.example", "bsky"):
            channels.fill(name)
            page.get_by_role("option").filter(has_text=name).click()
            expect(page.locator("[data-tag]").filter(has_text=name)).to_be_visible()
        page.keyboard.press("Escape")
        yield page
        context.close()


def test_counts_follow_while_one_types_and_the_cursor_stays(tab: Page):
    box = tab.get_by_role("textbox", name="Text", exact=True)
    box.click()
    box.press_sequentially("Moin ", delay=20)
    expect(tab.get_by_text("4 of 300 characters").first).to_be_visible()
    expect(box).to_be_focused()
    box.press_sequentially("liebe Leute", delay=20)
    expect(tab.get_by_text("16 of 500 characters").first).to_be_visible()
    expect(box).to_have_value("Moin liebe Leute")
    assert box.evaluate("box => box.selectionStart") == len("Moin liebe Leute")


def test_somebody_is_named_by_keyboard(tab: Page):
    tab.get_by_role("textbox", name="Text", exact=True).fill("Danke,")
    tab.get_by_role("button", name="Name somebody").first.press("Enter")
    search = tab.get_by_placeholder("Find somebody")
    search.press_sequentially("fuchs", delay=20)
    tab.get_by_role("button", name=re.compile("^Lena Fuchs lena@")).press("Enter")
    expect(tab.get_by_role("textbox", name="Text", exact=True)).to_have_value("Danke, @[Lena Fuchs]")
    expect(tab.get_by_text("12 of 500 characters").first).to_be_visible()  # “@lena”: a host doesn't count
    expect(tab.get_by_text("17 of 300 characters").first).to_be_visible()


def test_a_long_text_becomes_a_thread_where_it_must(tab: Page):
    text = ("Ein Satz mit ein paar Worten. " * 14).strip()
    tab.get_by_role("textbox", name="Text", exact=True).fill(text)
    tab.get_by_role("button", name="Split into a thread").click()
    tab.get_by_role("button", name="Only for laden.bsky.social").click()
    own = tab.get_by_role("textbox", name="Text for laden.bsky.social")
    expect(own).to_have_value(re.compile("\n---\n"))
    expect(tab.get_by_text("Thread of 2").first).to_be_visible()
    expect(tab.get_by_role("textbox", name="Text", exact=True)).to_have_value(text)
    tab.get_by_role("button", name="Same as the text").click()
    expect(own).to_have_count(0)


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_nothing_serious_keeps_anybody_out(tab: Page, scheme: str):
    tab.emulate_media(color_scheme=scheme)  # type: ignore[arg-type]
    tab.reload(wait_until="domcontentloaded")
    expect(tab.locator("[data-tag]").first).to_be_visible(timeout=40_000)  # what was typed is kept over a reload
    if not tab.get_by_role("textbox", name="First comment").is_visible():
        tab.get_by_text("More:").first.click()
    expect(tab.get_by_role("textbox", name="First comment")).to_be_visible()
    wait_for(lambda: tab.locator("[data-testid=stStatusWidget]").count() == 0, "the end of drawing", 20)
    found = Axe().run(tab).response["violations"]
    tab.emulate_media(color_scheme="light")
    serious = [
        (rule["id"], [(node["target"], node["html"][:160]) for node in rule["nodes"]])
        for rule in found
        if rule["impact"] in ("serious", "critical")
    ]
    assert not serious, serious
