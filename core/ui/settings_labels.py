"""Settings: the labels of the team."""

import streamlit as st

from core.ui.page import Page


def labels_section(page: Page) -> None:
    """Draw the section."""
    st.caption(f"Nothing here yet, {page.actor.name}.")
