"""Settings: how I want to hear of things."""

import streamlit as st

from core.ui.page import Page


def notices_section(page: Page) -> None:
    """Draw the section."""
    st.caption(f"Nothing here yet, {page.actor.name}.")
