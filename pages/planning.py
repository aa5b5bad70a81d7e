"""Planning: the editorial plan as table, calendar and board, queues and campaigns, and the composer for one post."""

import streamlit as st

from core import db
from core.errors import NotFound
from core.services import channels, planning
from core.services.planning import PlanFilter
from core.services.team import Right
from core.ui import plan_filters
from core.ui.composer import composer
from core.ui.composer_state import PLAN, TURN_TO, WRITE
from core.ui.inbox_columns import roomy
from core.ui.outbox import plan_outbox
from core.ui.page import open_page
from core.ui.parts import empty
from core.ui.plan_board import plan_board
from core.ui.plan_calendar import plan_calendar
from core.ui.plan_campaigns import plan_campaigns
from core.ui.plan_exchange import plan_exchange
from core.ui.plan_queue import plan_queue
from core.ui.plan_table import plan_table
from core.ui.post_reading import read_post
from core.ui.risk_list import risk_bar
from core.ui.stop_button import stop_banner, stop_button

ROWS = 200
CALENDAR, BOARD = "Calendar", "Board"
FILTERED = (PLAN, CALENDAR, BOARD)  # three views of one plan
VIEWS = {
    "Outbox": plan_outbox,
    "Queue": plan_queue,
    "Campaigns": plan_campaigns,
    "Import and export": plan_exchange,
}

page = open_page("Planning")
roomy()
may = page.actor.may(Right.PLAN)


def plan_view(view: str) -> None:
    """Table, calendar or board, under the same filters; all of them stand in the URL."""
    with db.read() as session:
        known = planning.campaigns(session)
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        span = plan_filters.span_of_time() if view == PLAN else ""
        wanted = plan_filters.plan_filters(connected, known)
    if view == CALENDAR:
        plan_calendar(page, connected, wanted)
    elif view == BOARD:
        plan_board(page, connected, wanted)
    else:
        table_view(plan_filters.within(wanted, span), span, [name for _, name in known])


def table_view(wanted: PlanFilter, span: str, names: list[str]) -> None:
    """The table, a page of it."""
    shown_rows = st.session_state.get("plan_rows", ROWS)
    with db.read() as session:
        found = planning.plan(session, wanted, limit=shown_rows)
        undated = planning.undated(session, wanted) if span == plan_filters.UPCOMING else ()
    rows = [*found.rows, *undated]
    if not rows and not plan_filters.is_filtered(wanted) and not connected:
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
            st.session_state.pop("open_post")
            st.query_params["post"] = str(post_id)
            st.session_state[TURN_TO] = WRITE
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
        st.query_params.pop("post")
        st.rerun()
    if may:
        composer(page, detail, connected, names)
    elif detail:
        read_post(page, detail)
    else:
        st.info("Your role lets you look at the plan, not change it.")


with db.read() as session:
    connected = channels.channels(session)
stop_banner(page)
risk_bar(page)
turn_to = st.session_state.pop(TURN_TO, None)
if turn_to is None and "post" in st.query_params and not {"plan_view"} & {*st.session_state, *st.query_params}:
    turn_to = WRITE  # a link to a post
if turn_to is not None:
    st.session_state["plan_view"] = turn_to
with st.container(horizontal=True, vertical_alignment="center", horizontal_alignment="distribute"):
    view = st.segmented_control(
        "View",
        [*FILTERED, *VIEWS, WRITE],
        default=PLAN,
        required=True,
        key="plan_view",
        bind="query-params",
        label_visibility="collapsed",
    )
    stop_button(page)
if view == WRITE:
    write_view()
else:
    st.query_params.pop("post", None)
    if view in VIEWS:
        VIEWS[view](page, connected)
    else:
        plan_view(view or PLAN)
