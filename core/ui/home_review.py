"""Home: posts that wait for the approval of whoever looks."""

import streamlit as st

from core import db
from core.services import approval
from core.ui.page import Page
from core.ui.parts import ago, exact, shown, today_or_day

FEW = 6


def reviews(page: Page) -> None:
    """What waits, what goes out first at the top. Draws nothing where nothing waits. Eight reads at most."""
    with db.read() as session:
        found = approval.waiting_for(session, page.actor, FEW + 1)
    if not found:
        return
    st.header("Waiting for your approval", anchor=False)
    for row in found[:FEW]:
        with st.container(border=True, gap="xxsmall"):
            what, since = st.columns([3, 1], vertical_alignment="center")
            label = f"**{shown(row.title or ' '.join(row.text.split())[:60] or 'Without a text')}**"
            what.page_link("pages/planning.py", label=label, query_params={"post": str(row.post_id)})
            since.caption(ago(row.since, page.zone), help=exact(row.since, page.zone))
            when = f"meant for {today_or_day(row.planned_at, page.zone)}" if row.planned_at else "without a time yet"
            more = f" +{len(row.channels) - 1}" if len(row.channels) > 1 else ""
            st.caption(shown(" · ".join([*(f"{one}{more}" for one in row.channels[:1]), row.asked_by, when])))
    if len(found) > FEW:
        query = {"plan_state": "In review", "plan_range": "Everything"}
        st.page_link("pages/planning.py", label="All in review", icon=":material/rate_review:", query_params=query)
