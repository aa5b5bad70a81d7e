"""Beside the calendar: drafts and ideas without a time, and giving them one."""

from collections.abc import Callable, Sequence
from datetime import date, datetime, time, timedelta

import streamlit as st

from core.db import utc_now
from core.models.planning import PostState
from core.services import plan_calendar
from core.services.plan_calendar import Move
from core.services.planning import PlanRow
from core.services.team import Right
from core.ui.composer_state import TURN_TO, WRITE
from core.ui.page import Page, act
from core.ui.parts import shown
from core.ui.plan_words import POSTS

AT_FIRST, MORE = 6, "unplanned_shown"
WORDS = 80


def unplanned(page: Page, rows: Sequence[PlanRow], moved: Callable[[Page, Move], None]) -> None:
    """Draw the list. `moved` offers to undo what was planned."""
    rows = [row for row in rows if row.state is not PostState.CANCELLED]
    count = st.session_state.get(MORE, AT_FIRST)
    st.markdown(f"**Without a time** ({len(rows)})")
    with st.container(gap="small", key="unplanned"):
        for row in rows[:count]:
            _one(page, row, moved)
    if len(rows) > count and st.button("Show more", key="unplanned_more", type="tertiary"):
        st.session_state[MORE] = count + 10
        st.rerun()


def _one(page: Page, row: PlanRow, moved: Callable[[Page, Move], None]) -> None:
    title = row.title or " ".join(row.text.split())[:WORDS] or f"Post {row.id}"
    word, colour, symbol = POSTS[row.state]
    with st.container(border=True, gap="xsmall"):
        st.markdown(f":small[{shown(title)}] :{colour}-badge[:material/{symbol}: {word}]")
        with st.container(horizontal=True, vertical_alignment="center", gap="xsmall"):
            if page.actor.may(Right.PLAN):
                box = st.popover(
                    "Plan it", icon=":material/event:", type="tertiary", on_change="rerun", key=f"plan_it_{row.id}"
                )
                if box.open:
                    with box:
                        _give_time(page, row, moved)
            if st.button("", icon=":material/open_in_new:", key=f"open_undated_{row.id}", type="tertiary", help="Open"):
                st.query_params["post"] = str(row.id)
                st.session_state[TURN_TO] = WRITE
                st.rerun()


def _give_time(page: Page, row: PlanRow, moved: Callable[[Page, Move], None]) -> None:
    tomorrow = (utc_now().astimezone(page.zone) + timedelta(days=1)).date()
    day: date = st.date_input("Day", value=tomorrow, key=f"plan_day_{row.id}", format="DD.MM.YYYY")
    clock: time = st.time_input("Time", value=time(9), key=f"plan_time_{row.id}", step=timedelta(minutes=5))
    st.caption(page.zone.key)
    if st.button("Give it this time", type="primary", key=f"plan_go_{row.id}") and day and clock:
        local = datetime.combine(day, clock)
        move = act(
            lambda s: plan_calendar.move_post(s, page.actor, row.id, local, page.zone, row.planned_at), rerun=None
        )
        if move is not None:
            moved(page, move)
            st.rerun()
