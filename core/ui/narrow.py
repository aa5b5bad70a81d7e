"""Whether the window is narrow, like a telephone's: Python can't see it, so the browser tells."""

from collections.abc import Callable

import streamlit as st

NARROW = 640  # px, as in Streamlit's own layout
_KEY = "window_width"
_JS = """
export default function ({ data, parentElement, setStateValue }) {
  if (parentElement.watched) return;
  parentElement.watched = true;
  const narrow = matchMedia(`(max-width: ${data.narrow}px)`);
  const tell = () => { if (parentElement.isConnected) setStateValue("narrow", narrow.matches); };
  narrow.addEventListener("change", tell);
  if (narrow.matches !== data.known) tell();
}
"""
_component = st.components.v2.component("window_width", js=_JS)


def told() -> bool | None:
    """In a callback: what the browser has just told."""
    return getattr(st.session_state.get(_KEY), "narrow", None)


def is_narrow(on_change: Callable[[], None]) -> bool:
    """What the browser has told; at first what its kind suggests. Draws nothing that can be seen.

    `on_change` is a callback: the browser tells another width than was thought.
    """
    known = told()
    if known is None:
        known = "Mobi" in st.context.headers.get("User-Agent", "")
    with st.container(key="window_width_box", height=1, border=False):
        _component(key=_KEY, data={"narrow": NARROW, "known": bool(known)}, on_narrow_change=on_change)
    return bool(known)
