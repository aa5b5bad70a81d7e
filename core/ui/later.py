"""Has the browser ask once more in a moment: for what is worked out aside. Unlike `run_every` it ends by itself."""

import time

import streamlit as st

_JS = """
export default function ({ data, parentElement, setTriggerValue }) {
  clearTimeout(parentElement.later);
  parentElement.later = setTimeout(() => {
    if (parentElement.isConnected || parentElement.host?.isConnected) setTriggerValue("due", data.turn);
  }, data.seconds * 1000);
}
"""
_component = st.components.v2.component("later", js=_JS)


def once_more(key: str, seconds: float) -> None:
    """In a fragment: draw it again after so many seconds. Not drawn any more, it asks no more."""
    with st.container(height=1, border=False, key=f"{key}_box"):
        _component(
            key=key, data={"seconds": seconds, "turn": round(time.monotonic() * 1000)}, on_due_change=lambda: None
        )
