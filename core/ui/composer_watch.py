"""Has counts, preview and what is kept follow while somebody writes, not only when a field is left. Draws nothing."""

import streamlit as st

from core.ui.conversation_list import ASSETS

_component = st.components.v2.component(
    "composer_watch",
    html='<span class="watch" hidden></span>',
    js=(ASSETS / "composer_watch.js").read_text(encoding="utf-8"),
)


def composer_watch(place: str) -> None:
    """Listen to the text fields in the container with this key."""
    _component(key="composer_watch", data={"place": place})
