"""Settings: when the team is there, holidays, and how soon it promises to answer."""

import streamlit as st

from core.ui.page import Page


def hours_section(page: Page) -> None:
    """Draw the section."""
    st.caption(f"Nothing here yet, {page.actor.name}.")
