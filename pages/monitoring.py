"""Monitoring: what is said about us where nobody asked us. Monitors left, their hits right, newest first."""

import streamlit as st

from core import db
from core.services import monitoring
from core.services.health import health
from core.services.monitoring import MentionFilter, MentionPage, MonitorRow
from core.services.team import Right
from core.ui.answer import tell
from core.ui.mention_list import STATES, create_form, mention_card, monitor_list, soon
from core.ui.page import act, open_page
from core.ui.parts import empty

MORE = 20
LOOK_AGAIN = 15  # seconds

page = open_page("Monitoring", ":material/radar:")
may_change = page.actor.may(Right.MONITOR)


def filters(rows: list[MonitorRow]) -> MentionFilter:
    """Draw the filters; all of them stand in the URL."""
    by_name = {row.name: row for row in rows}
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        state = st.segmented_control(
            "State",
            list(STATES),
            default="New",
            required=True,
            key="state",
            bind="query-params",
            label_visibility="collapsed",
        )
        name = st.selectbox(
            "Monitor",
            list(by_name),
            index=None,
            key="monitor",
            bind="query-params",
            placeholder="All monitors",
            label_visibility="collapsed",
        )
        search = st.text_input(
            "Search",
            key="search",
            type="search",
            live="300ms",
            bind="query-params",
            placeholder="Search hits",
            icon=":material/search:",
            label_visibility="collapsed",
        )
    chosen = by_name.get(name or "")
    return MentionFilter(monitor_id=chosen.id if chosen else None, state=STATES[state or "New"], search=search or "")


def rows_shown(wanted: MentionFilter) -> int:
    """How many hits to show: it begins anew with each change of filter."""
    if st.session_state.get("hits_filter") != wanted:
        st.session_state["hits_filter"], st.session_state["hits_shown"] = wanted, MORE
    return int(st.session_state["hits_shown"])


def show_more() -> None:
    st.session_state["hits_shown"] = st.session_state.get("hits_shown", MORE) + MORE


@st.fragment(run_every=LOOK_AGAIN, key="hits")
def hits_part() -> None:
    wanted = filters(all_monitors)
    with db.read() as session:
        found = monitoring.mentions(session, wanted, limit=rows_shown(wanted))
    tell()
    if not found.rows:
        nothing_found(wanted)
        return
    mark_all(wanted, found)
    for row in found.rows:
        mention_card(page, row)
    if found.next:
        st.button("Show more", key="more", width="stretch", on_click=show_more)


def mark_all(wanted: MentionFilter, found: MentionPage) -> None:
    """One click for all of them, when they are new and nothing else hides some."""
    if not may_change or wanted.search or STATES["New"] != wanted.state:
        return
    if st.button("Mark all as seen", key="all_seen", icon=":material/done_all:", type="tertiary"):
        now = db.utc_now()
        act(lambda s: monitoring.mark_all_seen(s, page.actor, wanted.monitor_id, now), done="All seen")


def nothing_found(wanted: MentionFilter) -> None:
    """Say whether there will be something, and when."""
    active = [row for row in all_monitors if not row.paused and row.places]
    if wanted.search or wanted.monitor_id or wanted.state != STATES["New"]:
        empty("Nothing fits", "No hit matches these filters.")
    elif any(row.total for row in all_monitors):
        empty("All seen", "New hits appear here by themselves.")
    elif active:
        following = min(active, key=lambda row: (row.next_at is None, row.next_at or db.utc_now()))
        empty("Nothing found so far", f"Next look: {soon(following, page.zone)}. Hits appear here by themselves.")
    else:
        empty("Nothing is searched", "Every monitor is paused, or no channel can search for what it asks.")


with db.read() as session:
    all_monitors = monitoring.monitors(session)
    searchable = monitoring.can_search(session)
state = health()
if not state.ok:
    st.warning(state.detail, icon=":material/power_off:")
if not searchable:
    way = "pages/channels.py" if page.actor.may(Right.CHANNELS) else None
    empty("No channel can search yet", "Connect one, and monitors look through its network.", way, "Connect a channel")
left, right = st.columns([0.34, 0.66], gap="medium")
with left:
    if may_change:
        with st.expander("New monitor", icon=":material/add:", expanded=not all_monitors):
            create_form(page, len(all_monitors))
    monitor_list(page, all_monitors)
with right:
    if all_monitors:
        hits_part()
    elif searchable:
        empty(
            "What should the hub listen for?",
            "Create a monitor: a hashtag, a product, your name. Its hits appear here.",
        )
