"""Planning: the editorial plan as a table, and the composer for one post."""

from datetime import timedelta

import streamlit as st

from core import db
from core.db import utc_now
from core.errors import NotFound
from core.models.planning import PostState
from core.services import channels, planning
from core.services.planning import PlanFilter
from core.services.team import Right
from core.ui.composer import composer
from core.ui.delivery_list import deliveries
from core.ui.page import open_page
from core.ui.parts import empty, shown
from core.ui.plan_table import plan_table
from core.ui.plan_words import POSTS, state_badge

ROWS = 200
RANGES = {"upcoming": "Upcoming", "past": "Past 30 days", "all": "Everything"}

page = open_page("Planning")
may = page.actor.may(Right.PLAN)


def plan_view() -> None:
    """The table with its filters; all of them stand in the URL."""
    with st.container(horizontal=True, vertical_alignment="bottom"):
        span = st.segmented_control("Time", list(RANGES), default="upcoming", required=True, key="range",
                                    format_func=RANGES.__getitem__, bind="query-params")  # fmt: skip
        state = st.selectbox("State", ["any", *PostState], key="state", bind="query-params", width=170,
                             format_func=lambda s: "Any state" if s == "any" else POSTS[PostState(s)][0])  # fmt: skip
        handles = {"any": "Any channel"} | {str(row.id): row.handle for row in connected}
        channel = st.selectbox("Channel", list(handles), key="channel", bind="query-params", width=260,
                               format_func=lambda i: handles.get(i, "Any channel"))  # fmt: skip
        words = st.text_input("Search", key="words", bind="query-params", type="search", width=220)
    now = utc_now()
    wanted = PlanFilter(
        since={"upcoming": now - timedelta(days=1), "past": now - timedelta(days=30)}.get(span),
        until=now if span == "past" else None,
        states=(PostState(state),) if state != "any" else (),
        channel_ids=(int(channel),) if channel != "any" else (),
        text=words or "",
    )
    shown_rows = st.session_state.get("plan_rows", ROWS)
    with db.read() as session:
        found = planning.plan(session, wanted, limit=shown_rows)
        undated = planning.undated(session, wanted) if span == "upcoming" else ()
        names = [name for _, name in planning.campaigns(session)]
    rows = [*found.rows, *undated]
    if not rows and wanted == PlanFilter(since=wanted.since) and not connected:
        empty("Nothing is planned yet", "Connect a channel first; then write the first post.", "pages/channels.py",
              "Connect a channel")  # fmt: skip
        return
    if not rows:
        st.caption("Nothing matches yet. Add a row below, or write a post.")
    plan_table(page, rows, connected, names)
    open_one(rows)
    if found.next is not None and st.button(f"Show {ROWS} more", key="more_posts"):
        st.session_state["plan_rows"] = shown_rows + ROWS
        st.rerun()


def open_one(rows: list[planning.PlanRow]) -> None:
    """From the table into the composer."""
    titles = {row.id: row.title or row.text[:60] or f"Post {row.id}" for row in rows}
    with st.container(horizontal=True, vertical_alignment="bottom"):
        post_id = st.selectbox("Open a post", list(titles), index=None, format_func=titles.get, key="open_post",
                               placeholder="Choose one to see its channels, preview and links", width=420)  # fmt: skip
        if post_id is not None:
            st.query_params.from_dict({"view": "write", "post": str(post_id)})
            st.session_state.pop("open_post")
            st.session_state.pop("view", None)
            st.rerun()


def write_view() -> None:
    """One post: the composer, or for who may not change it, what it says."""
    given = st.query_params.get("post", "")
    detail = None
    with db.read() as session:
        names = [name for _, name in planning.campaigns(session)]
        if given.isdecimal():
            try:
                detail = planning.post_detail(session, int(given))
            except NotFound as error:
                st.warning(str(error), icon=":material/search_off:")
    if detail and may and st.button("New post", icon=":material/add:", type="tertiary"):
        st.query_params.from_dict({"view": "write"})
        st.rerun()
    if may:
        composer(page, detail, connected, names)
    elif detail:
        state_badge(detail.state)
        st.markdown(f"**{shown(detail.title)}**  \n{shown(detail.text)}")
        deliveries(page, detail)
    else:
        st.info("Your role lets you look at the plan, not change it.")


with db.read() as session:
    connected = channels.channels(session)
if "post" in st.query_params and "view" not in st.query_params:
    st.query_params["view"] = "write"
view = st.segmented_control("View", ["plan", "write"], default="plan", required=True, key="view", bind="query-params",
                            format_func={"plan": "Plan", "write": "Write"}.__getitem__,
                            label_visibility="collapsed")  # fmt: skip
if view == "write":
    write_view()
else:
    plan_view()
