"""Posts at risk: what is scheduled and won't go out as things stand, with the way to put it right."""

from collections.abc import Sequence

import streamlit as st

from core import db
from core.services.at_risk import Risk, RiskKind, risks
from core.settings import settings
from core.ui.page import Page
from core.ui.parts import exact, shown, today_or_day

FEW = 4
SYMBOLS = {
    RiskKind.CHANNEL: "link_off",
    RiskKind.ACCESS: "key_off",
    RiskKind.QUOTA: "speed",
    RiskKind.LIMITS: "straighten",
    RiskKind.APPROVAL: "approval",
}


def posts_at_risk(page: Page, found: Sequence[Risk]) -> None:
    """For Home: the nearest ones, and how many more there are. Nothing is drawn without any."""
    if not found:
        return
    st.header("At risk", anchor=False)
    _rows(page, found[:FEW])
    if len(found) > FEW:
        with st.expander(f"{len(found) - FEW} more at risk"):
            _rows(page, found[FEW : FEW + 50])


def risk_bar(page: Page) -> None:
    """For the plan: one line that opens."""
    found = risks_of_plan()
    if not found:
        return
    posts = len({risk.post_id for risk in found})
    words = "1 scheduled post is at risk" if posts == 1 else f"{posts} scheduled posts are at risk"
    with st.expander(f":orange[:material/warning: {words}]"):
        _rows(page, found[:50])


def risks_of_plan() -> tuple[Risk, ...]:
    """All risks, as they stood within the last 15 seconds."""
    return _looked_at(settings().database_url)


@st.cache_data(ttl=15, show_spinner=False)
def _looked_at(database: str) -> tuple[Risk, ...]:
    """As on Home: judging hundreds of posts at each click in the plan would cost more than the click."""
    with db.read() as session:
        return risks(session)


def _rows(page: Page, found: Sequence[Risk]) -> None:
    for risk in found:
        with st.container(border=True, gap="xxsmall"):
            with st.container(horizontal=True, vertical_alignment="center"):
                st.page_link(
                    "pages/planning.py",
                    label=f"**{shown(risk.title) or 'Post'}**",
                    icon=f":material/{SYMBOLS[risk.kind]}:",
                    query_params={"post": str(risk.post_id), "plan_view": "Write"},
                    width="stretch",
                )
                st.caption(today_or_day(risk.due_at, page.zone), help=exact(risk.due_at, page.zone), width="content")
            st.caption(f":orange[{shown(risk.message)}]")
            if risk.kind in (RiskKind.CHANNEL, RiskKind.ACCESS):
                st.page_link("pages/channels.py", label="Channels", icon=":material/arrow_forward:")
