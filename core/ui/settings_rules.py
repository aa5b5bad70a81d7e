"""Settings: what happens by itself with what comes in."""

import streamlit as st

from core.ui.page import Page


def rules_section(page: Page) -> None:
    """Draw the section."""
    st.caption(f"Nothing here yet, {page.actor.name}.")
