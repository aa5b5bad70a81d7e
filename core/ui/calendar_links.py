"""Secret links that show the plan in a calendar program: make one, see which there are, take them back."""

from functools import partial

import streamlit as st
from sqlmodel import Session

from core import db
from core.services import calendar_feeds, channels
from core.ui.page import Page, act
from core.ui.parts import ago, exact, shown

EVERYTHING = 0
_MADE = "calendar_link_made"


def calendar_links(page: Page) -> None:
    """A member's own links. A new one is shown once; nobody can read it out of the hub later."""
    with db.read() as session:
        rows = calendar_feeds.links(session, page.actor)
        groups = {EVERYTHING: "The whole plan"} | {row.id: row.name for row in channels.groups(session)}
    st.markdown("### The plan in your calendar")
    st.caption(
        "A secret link for Outlook, Google Calendar, Apple Calendar or Thunderbird. Whoever has it can read the plan: "
        "give it to nobody, and revoke it when you don't use it any more."
    )
    with st.container(horizontal=True, vertical_alignment="bottom"):
        name = st.text_input("Name", key="calendar_link_name", placeholder="My phone", max_chars=80, width=220)
        group = st.selectbox("What", list(groups), format_func=groups.__getitem__, key="calendar_link_group", width=220)
        if st.button("Make a link", key="calendar_link_add", icon=":material/add_link:"):
            made = act(lambda s: calendar_feeds.create_link(s, page.actor, name or "", group or None), rerun=None)
            if made:
                st.session_state[_MADE] = made
                st.rerun()
    if made := st.session_state.get(_MADE):
        st.success("Copy it now: it is shown this once.", icon=":material/key:")
        st.code(made, language=None, wrap_lines=True)
        if st.button("Done", key="calendar_link_seen", type="tertiary"):
            st.session_state.pop(_MADE)
            st.rerun()
    for row in rows:
        with st.container(horizontal=True, vertical_alignment="center", key=f"calendar_link_{row.id}"):
            st.markdown(f":material/calendar_month: **{shown(row.name) or 'Calendar link'}**", width="content")
            st.caption(shown(row.group) or "The whole plan", width="content")
            used = f"looked at {ago(row.used_at, page.zone)}" if row.used_at else "not used yet"
            st.caption(used, help=f"Made {exact(row.created_at, page.zone)}", width="stretch")
            if st.button("Revoke", key=f"calendar_link_revoke_{row.id}", icon=":material/link_off:", type="tertiary"):
                act(partial(_revoke, page, row.id), done="The link shows nothing now.")


def _revoke(page: Page, link_id: int, session: Session) -> None:
    calendar_feeds.revoke_link(session, page.actor, link_id)
