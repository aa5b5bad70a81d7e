"""The inbox by keyboard: single keys for what one does all day, and the list of them.

A component of our own because `st.button(shortcut=…)` knows neither `r`, `/` nor `?`, and moving through the list needs
no round trip. Keys act only where nothing is being typed; whom they disturb can switch them off, for this browser.
"""

from collections.abc import Callable

import streamlit as st

from core.ui.conversation_list import ASSETS

KEYS = (
    ("j", "Next conversation"),
    ("k", "Previous conversation"),
    ("r", "Write an answer"),
    ("Esc", "Leave the answer; untick all"),
    ("e", "Resolve what is open, or all that is ticked"),
    ("a", "Assign it to me"),
    ("x", "Tick the conversation; Shift+click ticks up to it"),
    ("u", "Undo what was decided last"),
    ("/", "Search"),
    ("?", "Show these keys"),
)
ACTIONS = {"e": "resolve", "a": "assign", "u": "undo"}
_KEY = "keys"

_HTML = """
<button type="button" class="door" hidden aria-haspopup="dialog"><kbd>?</kbd> Keyboard shortcuts</button>
<dialog aria-labelledby="title">
  <h2 id="title">Keyboard shortcuts</h2>
  <dl></dl>
  <label><input type="checkbox"> Use single keys in this browser</label>
  <form method="dialog"><button type="submit" class="close">Close</button></form>
</dialog>
"""

_component = st.components.v2.component(
    "inbox_keys",
    html=_HTML,
    css=(ASSETS / "inbox_keys.css").read_text(encoding="utf-8"),
    js=(ASSETS / "inbox_keys.js").read_text(encoding="utf-8"),
)


def inbox_keys(on_action: Callable[[str], None]) -> None:
    """Listen to the keys. `on_action` is a callback: `resolve`, `assign` or `undo` was asked for."""

    def told() -> None:
        what = str(getattr(st.session_state.get(_KEY), "act", "") or "")
        if what in ACTIONS.values():
            on_action(what)

    _component(key=_KEY, data={"keys": [list(pair) for pair in KEYS], "actions": ACTIONS}, on_act_change=told)
