"""Home: what needs somebody now. Loads one overview and shows it; the first visit finds two doors."""

from datetime import timedelta

import streamlit as st

from core import db
from core.services.at_risk import risks
from core.services.overview import overview
from core.ui import home_parts as parts
from core.ui.home_review import reviews
from core.ui.page import open_page
from core.ui.risk_list import posts_at_risk
from core.ui.stop_button import stop_banner

SOON, MOST = timedelta(days=3), 100  # how far Home looks for posts at risk

page = open_page("Home", "home")


@st.fragment(run_every=15, key="home")
def now() -> None:
    """Everything that waits, refreshed by itself."""
    with db.read() as session:
        home = overview(session, page.zone)
        found = risks(session, SOON, MOST)
    if not home.has_channels:
        parts.two_doors(page)
        return
    parts.worker_state(home)
    stop_banner(page)
    parts.headline(home, len({risk.post_id for risk in found}))
    parts.for_you(page)
    left, right = st.columns(2, gap="large")
    with left:
        parts.waiting(home, page)
        parts.mentions(home)
    with right:
        reviews(page)
        parts.trouble(home)
        posts_at_risk(page, found)
        parts.due_today(home, page)


now()
