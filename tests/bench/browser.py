"""A click in a real browser until its result is seen: the inbox against an empty Streamlit page."""

import statistics
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from playwright.sync_api import Page, sync_playwright

from tests.e2e.conftest import ARGUMENTS, EMAIL, NAME, PASSWORD, installed_browser
from tests.hub_process import free_port, running_hub, wait_for

EMPTY = """
import streamlit as st

@st.fragment
def part():
    if st.button("Click"):
        st.session_state["count"] = st.session_state.get("count", 0) + 1
    st.text(f"seen {st.session_state.get('count', 0)}")

part()
"""
CLICKS = 15


def inbox_click(folder: Path) -> list[dict[str, Any]]:
    """Median milliseconds from the click on a conversation until its messages are visible."""
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=installed_browser(), args=ARGUMENTS)
        tab = chromium.new_page(viewport={"width": 1440, "height": 900})
        floor = _empty(tab, folder)
        with running_hub(folder, worker=False) as hub:
            hub.cli(
                "member", "add", EMAIL, "--name", NAME, "--role", "admin", "--password-stdin", stdin=PASSWORD + "\n"
            )
            value = _inbox(tab, hub.url)
        chromium.close()
    return [{"name": "inbox_click", "value": value, "unit": "ms", "floor": floor, "ratio": round(value / floor, 3)}]


def _median(call: Any) -> float:
    took = []
    for number in range(CLICKS):
        start = time.perf_counter()
        call(number)
        took.append(time.perf_counter() - start)
        time.sleep(0.3)
    return round(statistics.median(took[3:]) * 1000, 1)


def _empty(tab: Page, folder: Path) -> float:
    script, port = folder.parent / "empty.py", free_port()
    script.write_text(EMPTY)
    server = subprocess.Popen(
        [sys.executable, "-m", "streamlit", "run", str(script), "--server.port", str(port), "--server.headless=true"],
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, cwd=folder.parent,
    )  # fmt: skip
    try:
        import httpx

        wait_for(lambda: httpx.get(f"http://127.0.0.1:{port}/_stcore/health").status_code == 200, "an empty page")
        tab.goto(f"http://127.0.0.1:{port}/")
        button = tab.get_by_role("button", name="Click")
        button.wait_for()

        def click(number: int) -> None:
            button.click()
            tab.get_by_text(f"seen {number + 1}", exact=True).wait_for()

        return _median(click)
    finally:
        server.terminate()
        server.wait(10)


def _inbox(tab: Page, url: str) -> float:
    tab.goto(f"{url}/signin")
    tab.get_by_label("E-mail").fill(EMAIL)
    tab.get_by_label("Password").fill(PASSWORD)
    tab.get_by_role("button", name="Sign in").click()
    tab.wait_for_timeout(2000)
    tab.goto(f"{url}/inbox?view=all")
    rows = tab.get_by_role("listbox", name="Conversations").get_by_role("option")
    rows.first.wait_for()
    rows.nth(CLICKS + 1).click()
    tab.get_by_role("log").wait_for()

    def click(number: int) -> None:
        before = tab.get_by_role("log").inner_text()
        rows.nth(number).click()
        tab.wait_for_function(
            "before => { const find = root => { for (const e of root.querySelectorAll('*')) {"
            " if (e.getAttribute('role') === 'log') return e; if (e.shadowRoot) { const f = find(e.shadowRoot);"
            " if (f) return f; } } return null; }; const log = find(document);"
            " return log && log.innerText.length > 0 && log.innerText !== before; }",
            arg=before,
            polling=5,
        )

    return _median(click)
