"""Takes the pictures in docs/ anew: `make screenshots`. A hub of its own, filled by the sandbox, in Chromium."""

import json
import tempfile
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

from playwright.sync_api import Browser, sync_playwright

from tests.e2e.conftest import ARGUMENTS, EMAIL, NAME, PASSWORD, installed_browser
from tests.hub_process import ROOT, RunningHub, running_hub

PICTURES = ROOT / "docs" / "pictures"
PAGES = {
    "home": "/",
    "inbox": "/inbox",
    "monitoring": "/monitoring",
    "planning": "/planning",
    "calendar": "/planning?plan_view=Calendar",
    "board": "/planning?plan_view=Board",
    "queue": "/planning?plan_view=Queue",
    "outbox": "/planning?plan_view=Outbox",
    "composer": "/planning?plan_view=Write&post=3",
    "analytics": "/analytics",
    "channels": "/channels",
    "team": "/team",
    "rules": "/settings?section=Rules",
}
RULES = (
    {
        "name": "Verärgert",
        "conditions": {"match": "all", "of": [{"on": "sentiment", "is": ["negative"]}]},
        "actions": [{"do": "priority", "priority": "high"}, {"do": "goal", "goal": "complaint"}],
    },
    {
        "name": "Fragen nach dem Preis",
        "conditions": {"match": "all", "of": [{"on": "words", "has": "any", "words": ["preis*", "kostet", "price*"]}]},
        "actions": [{"do": "goal", "goal": "inquiry"}],
    },
)


def take(browser: Browser, hub: RunningHub, suffix: str, width: int, scheme: str, names: list[str]) -> None:
    """One picture a page."""
    context = browser.new_context(viewport={"width": width, "height": 900}, color_scheme=scheme, base_url=hub.url)  # type: ignore[arg-type]
    tab = context.new_page()
    tab.goto("/", wait_until="domcontentloaded")
    tab.get_by_label("E-mail").fill(EMAIL)
    tab.get_by_label("Password").fill(PASSWORD)
    tab.get_by_role("button", name="Sign in").click()
    tab.wait_for_timeout(3000)
    for name in names:
        tab.goto(PAGES[name], wait_until="domcontentloaded")
        tab.wait_for_timeout(4500)
        if name == "inbox":
            tab.get_by_role("listbox", name="Conversations").get_by_role("option").nth(2).click()
            tab.wait_for_timeout(2500)
        tab.screenshot(path=PICTURES / f"{name}{suffix}.png")
    context.close()


def main() -> None:
    """Fill a hub, wait until the worker has brought everything, take the pictures."""
    PICTURES.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as folder, running_hub(Path(folder) / "data", HUB_SYNC_SECONDS="5") as hub:
        hub.cli("member", "add", EMAIL, "--name", NAME, "--role", "admin", "--password-stdin", stdin=PASSWORD + "\n")
        hub.cli("sandbox", "seed")
        hub.cli("monitor", "add", "Kaffee im Netz", "--query", "#Kaffee")
        hub.cli("monitor", "add", "Lastenräder", "--query", "#CargoBike")
        for one in RULES:
            hub.cli("rule", "add", "--json-stdin", stdin=json.dumps(one))
        soon = (datetime.now(UTC) + timedelta(seconds=5)).isoformat()
        for channel, said in (
            ("1", "Frisch geröstet: unser Kolumbien Huila ist wieder da."),
            ("3", "Test rides today!"),
        ):
            hub.cli("post", "schedule", "--channel", channel, "--text", said, "--at", soon)
        time.sleep(25)
        with sync_playwright() as playwright:
            chromium = playwright.chromium.launch(executable_path=installed_browser(), args=ARGUMENTS)
            take(chromium, hub, "", 1440, "light", list(PAGES))
            take(chromium, hub, "-dark", 1440, "dark", ["inbox", "analytics", "composer", "calendar"])
            take(chromium, hub, "-narrow", 420, "light", ["inbox", "planning", "composer", "board"])
            chromium.close()


if __name__ == "__main__":
    main()
