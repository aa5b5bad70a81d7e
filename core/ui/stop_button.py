"""The stop button: what is stopped and why, stopping, and letting held posts go again."""

from collections.abc import Sequence
from datetime import date, datetime, time, timedelta

import pandas as pd
import streamlit as st
from sqlmodel import Session

from core import db
from core.db import utc_now
from core.errors import UserError
from core.services import channels, holds
from core.services.holds import HeldPost, HoldRow, Release
from core.services.plan_drafts import local_to_utc
from core.services.team import Right
from core.ui.page import Page, act
from core.ui.parts import ago, exact, shown, today_or_day

ALL = 0  # the choice of all channels
THEN = {
    Release.NOW: "Send what is overdue now, one after another",
    Release.IN_ORDER: "Give what is overdue new times, in order",
    Release.DRAFTS: "Make drafts of what is overdue",
}


def stop_banner(page: Page) -> None:
    """What is stopped, why, and how much waits. Nothing is drawn while everything goes out."""
    with db.read() as session:
        rows = holds.open_holds(session)
        counts = holds.held_counts(session) if rows else {}
    for row in rows:
        with st.container(border=True, key=f"hold_{row.id}", gap="xsmall"):
            with st.container(horizontal=True, vertical_alignment="center"):
                st.markdown(
                    f":red[:material/front_hand: **Publishing is stopped: {shown(row.group)}**]  \n{shown(row.reason)}",
                    width="stretch",
                )
                if st.button("See what is held", key=f"hold_open_{row.id}", icon=":material/inventory_2:"):
                    _release_dialog(page, row)
            waiting = counts.get(row.id, 0)
            st.caption(
                f"by {shown(row.by)}, {ago(row.started_at, page.zone)} · {_posts(waiting)} overdue. "
                "Answers in the inbox go out as usual.",
                help=exact(row.started_at, page.zone),
            )


def stop_button(page: Page) -> None:
    """The way into the dialog, for who may."""
    if page.actor.may(Right.PLAN) and st.button(
        "Stop publishing", key="stop_publishing", icon=":material/front_hand:", type="tertiary"
    ):
        _stop_dialog(page)


@st.dialog("Stop publishing?", icon=":material/front_hand:")
def _stop_dialog(page: Page) -> None:
    with db.read() as session:
        groups = {ALL: holds.EVERYWHERE} | {row.id: row.name for row in channels.groups(session)}
    st.write("Until somebody lets them go, no scheduled post goes out. Answers in the inbox do.")
    chosen = st.selectbox("What", list(groups), format_func=groups.__getitem__, key="stop_group")
    reason = st.text_input(
        "Why", key="stop_reason", max_chars=holds.REASON_LENGTH, placeholder="The whole team will read it"
    )
    if st.button("Stop now", type="primary", icon=":material/front_hand:", key="stop_now"):
        act(lambda s: holds.stop_publishing(s, page.actor, reason or "", chosen or None), done="Publishing is stopped.")


@st.dialog("Held posts", icon=":material/front_hand:", width="large")
def _release_dialog(page: Page, row: HoldRow) -> None:
    with db.read() as session:
        held = holds.held_posts(session, row.id)
    st.markdown(f"**{shown(row.group)}**: {shown(row.reason)}")
    chosen = _held_table(page, row, held)
    if not page.actor.may(Right.PLAN):
        st.caption("Your role lets you look. Editors and administrators let posts go.")
        return
    if held and st.button(
        f"Let {_posts(len(chosen))} go, the stop stays" if chosen else "Tick posts to let only these go",
        key=f"hold_some_{row.id}",
        icon=":material/outbound:",
        disabled=not chosen,
    ):
        act(lambda s: holds.release_posts(s, page.actor, row.id, chosen), done="Let go.")
    st.divider()
    _resume(page, row, held)


def _held_table(page: Page, row: HoldRow, held: Sequence[HeldPost]) -> list[int]:
    """What is held; gives the ticked posts."""
    if not held:
        st.caption("Nothing is held. Posts that are scheduled while publishing is stopped will appear here.")
        return []
    frame = pd.DataFrame(
        {
            "Post": [post.title for post in held],
            "Planned": [today_or_day(post.due_at, page.zone) for post in held],
            "": ["overdue" if post.overdue else "to come" for post in held],
            "Channels": [", ".join(post.channels) for post in held],
        }
    )
    ticked = st.dataframe(
        frame,
        hide_index=True,
        on_select="rerun",
        selection_mode="multi-row",
        key=f"hold_rows_{row.id}",
        height=min(36 * (len(held) + 1) + 4, 340),
    )
    return [held[number].post_id for number in ticked.selection.rows if number < len(held)]


def _resume(page: Page, row: HoldRow, held: Sequence[HeldPost]) -> None:
    overdue = sum(post.overdue for post in held)
    st.markdown(
        f"**End the stop**  \n{_posts(overdue)} overdue, {_posts(len(held) - overdue)} still to come keep their times."
    )
    then = Release.NOW
    start, gap = None, 15
    if overdue:
        then = st.radio("What is overdue", list(THEN), format_func=THEN.__getitem__, key=f"hold_then_{row.id}")
    if then is Release.IN_ORDER:
        start, gap = _times(page, row)
    if st.button("Publishing goes on", type="primary", icon=":material/play_arrow:", key=f"hold_end_{row.id}"):

        def resume(session: Session) -> int:
            return holds.resume_publishing(session, page.actor, row.id, then, start, gap)

        act(resume, done="Publishing goes on.")


def _times(page: Page, row: HoldRow) -> tuple[datetime | None, int]:
    """(when the first one goes out, minutes between two)."""
    soon = (utc_now() + timedelta(minutes=10)).astimezone(page.zone)
    with st.container(horizontal=True, vertical_alignment="bottom"):
        day: date | None = st.date_input(
            "First on", value=soon.date(), format="DD.MM.YYYY", key=f"hold_day_{row.id}", width=160
        )
        clock: time | None = st.time_input("at", value=soon.time().replace(second=0, microsecond=0), step=300,
                                           key=f"hold_at_{row.id}", width=120)  # fmt: skip
        gap = st.number_input("Minutes between two", 0, holds.LONGEST_GAP, 15, key=f"hold_gap_{row.id}", width=170)
    if day is None or clock is None:
        raise UserError("Choose a day and a time.")
    at, note = local_to_utc(datetime.combine(day, clock), page.zone)
    if note:
        st.info(note, icon=":material/schedule:")
    return at, int(gap)


def _posts(count: int) -> str:
    return f"{count} post" if count == 1 else f"{count} posts"
