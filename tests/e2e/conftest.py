"""A real browser (Chromium) in front of a real hub."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect, sync_playwright

from tests.hub_process import RunningHub, running_hub

ARGUMENTS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update"]
expect.set_options(timeout=20_000)
NAME, EMAIL, PASSWORD = "Anna Beispiel", "anna@example.org", "ein langes Passwort"


def installed_browser() -> str | None:
    """A Chromium of the system; None leaves Playwright to its own."""
    return next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)


@pytest.fixture(scope="package")
def browser() -> Iterator[Browser]:
    """One Chromium for the tests of this folder; while it lives, its event loop runs and others can't start theirs."""
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=installed_browser(), args=ARGUMENTS)
        yield chromium
        chromium.close()


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningHub]:
    """A hub nobody has visited yet, with a worker that syncs often."""
    with running_hub(tmp_path_factory.mktemp("hub") / "data", HUB_SYNC_SECONDS="2") as hub:
        yield hub


@pytest.fixture(scope="module")
def context(browser: Browser, running: RunningHub) -> Iterator[BrowserContext]:
    """One person's browser: keeps its cookie from test to test."""
    opened = browser.new_context(viewport={"width": 1440, "height": 900}, base_url=running.url)
    opened.set_default_timeout(20_000)
    yield opened
    opened.close()


@pytest.fixture
def tab(context: BrowserContext, tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Page]:
    """A tab of this browser. When the test fails, its picture lies in test-results/."""
    page = context.new_page()
    yield page
    failed = getattr(request.node, "report_call", None)
    if failed is not None and failed.failed:
        folder = Path("test-results")
        folder.mkdir(exist_ok=True)
        page.screenshot(path=folder / f"{request.node.name}.png")
    page.close()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[None]):
    """Remember how the test went, so that `tab` can take a picture of a failure."""
    report = yield
    if report.when == "call":
        item.report_call = report  # type: ignore[attr-defined]
    return report
