"""Monitoring: saved searches across the networks, and what they found."""

import streamlit as st

from core import db
from core.models.monitoring import MentionState
from core.services import monitoring
from core.services.monitoring import MentionFilter
from core.services.team import Right
from core.ui.mention_list import mention_list, monitor_list, new_monitor
from core.ui.page import act, open_page
from core.ui.parts import empty

MORE = 25
STATES = {"New": MentionState.NEW, "Seen": MentionState.SEEN, "Dismissed": MentionState.DISMISSED, "All": None}
EVERY = "All monitors"

page = open_page("Monitoring")
may = page.actor.may(Right.MONITOR)
hits, saved = st.columns([5, 3], gap="large")


@st.fragment(run_every=15, key="mentions")
def found() -> None:
    """The hits with their filters, refreshed by itself."""
    with db.read() as session:
        rows = monitoring.monitors(session)
    names = {row.name: row.id for row in rows}
    with st.container(horizontal=True, vertical_alignment="bottom"):
        state = st.segmented_control(
            "State", list(STATES), default="New", required=True, key="mention_state", bind="query-params"
        )
        name = st.selectbox("Monitor", [EVERY, *names], key="monitor", bind="query-params", width=220)
        words = st.text_input("Search", key="mention_search", bind="query-params", type="search", width=200)
    wanted = MentionFilter(monitor_id=names.get(name), state=STATES[state or "New"], search=words or "")
    limit = st.session_state.get("mentions_shown", MORE)
    with db.read() as session:
        shown_page = monitoring.mentions(session, wanted, limit=limit)
    if not shown_page.rows:
        what = "New hits" if wanted.state is MentionState.NEW else "Hits"
        st.caption(f"{what} appear here within two minutes of being written." if names else "")
    elif may and wanted.state is MentionState.NEW and st.button("Mark all as seen", icon=":material/done_all:"):
        newest = shown_page.rows[0].sent_at
        act(
            lambda s: monitoring.mark_all_seen(s, page.actor, wanted.monitor_id, newest),
            done="Marked as seen.",
        )
    mention_list(page, shown_page.rows)
    if shown_page.next is not None and st.button(f"Show {MORE} more", key="more_mentions"):
        st.session_state["mentions_shown"] = limit + MORE
        st.rerun(scope="fragment")


with db.read() as session:
    monitors, able = monitoring.monitors(session), monitoring.can_search(session)
with saved:
    st.markdown("##### Monitors")
    if may:
        new_monitor(page, first=not monitors)
    monitor_list(page, monitors)
with hits:
    if not able:
        empty(
            "No channel can search yet",
            "Connect one, and monitors look across its network.",
            "pages/channels.py",
            "Connect a channel",
        )
    if not monitors:
        empty("Nothing is watched yet", "Create a monitor: a hashtag or words that people use when they speak of you.")
    else:
        found()
