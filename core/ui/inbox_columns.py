"""How the inbox uses the window: its full width, and the contact panel beside the open conversation.

What the columns hold is the page's. Hardly any style of our own, but what one sits in all day shouldn't be a third
margin.
"""

from typing import Any

import streamlit as st

NARROW = 1340  # px: below, the panel waits until it is asked for
_PARAM = "panel"
# Python doesn't know how wide the window is, so without a wish in the address the browser decides: it hides the panel,
# or the button that brings it. The column goes with what is in it, and the other one takes its place.
_STYLE = f"""<style>
[data-testid^="stBase"][data-testid*="rimary"] kbd {{ opacity: 1; }}
[data-testid="stMainBlockContainer"] {{ padding: 3.9rem clamp(1rem, 2vw, 2.5rem) 1rem; max-width: none; }}
[data-testid="stMainBlockContainer"] h1 {{ padding: 0; font-size: 1.45rem; }}
@media (max-width: {NARROW}px) {{
  [data-testid="stColumn"]:has(.st-key-panel_auto):not(:has([data-testid="stColumn"])) {{ display: none; }}
}}
@media (min-width: {NARROW + 1}px) {{ .st-key-panel_show_auto {{ display: none; }} }}
</style>"""
# A key on a button is paler than what it stands on allows; in the dark theme `page.py` sees to it.
_LIGHT = '<style>[data-testid^="stBase"][data-testid*="rimary"] kbd { color: #fff; }</style>'


def roomy() -> None:
    """Let the page use the window. Once, at its beginning."""
    st.html(_STYLE if st.context.theme.type == "dark" else _STYLE + _LIGHT)


def columns(what: str) -> tuple[Any, Any]:
    """In the fragment "thread": the middle column, and the right one unless it is wished away in the address."""
    wish = st.query_params.get(_PARAM)
    if wish == "off":
        _button("Show", what, "panel_show", "on")
        return st.container(), None
    if wish != "on":
        _button("Show", what, "panel_show_auto", "on")
    middle, right = st.columns([0.64, 0.36], gap="medium")
    panel = right.container(key="panel_on" if wish == "on" else "panel_auto", gap="small")
    with panel:
        _button("Hide", what, "panel_hide", "off")
    return middle, panel


def _button(word: str, what: str, key: str, wish: str) -> None:
    def want() -> None:
        st.query_params[_PARAM] = wish
        st.rerun("thread")

    icon = ":material/right_panel_open:" if wish == "on" else ":material/right_panel_close:"
    with st.container(key=key, horizontal=True, horizontal_alignment="right"):
        st.button(f"{word} {what}", key=f"{key}_button", type="tertiary", icon=icon, on_click=want)
