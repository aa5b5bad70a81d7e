"""Home: what needs somebody now. Loads one overview and shows it; the first visit finds two doors."""

import streamlit as st

from core import db
from core.services.overview import overview
from core.ui import home_parts as parts
from core.ui.page import open_page

page = open_page("Home", "home")


@st.fragment(run_every=15, key="home")
def now() -> None:
    """Everything that waits, refreshed by itself."""
    with db.read() as session:
        home = overview(session, page.zone)
    if not home.has_channels:
        parts.two_doors(page)
        return
    parts.worker_state(home)
    parts.headline(home)
    parts.for_you(page)
    left, right = st.columns(2, gap="large")
    with left:
        parts.waiting(home, page)
        parts.mentions(home)
    with right:
        parts.trouble(home)
        parts.due_today(home, page)


now()
