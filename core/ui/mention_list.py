"""Hits of monitors: who wrote what, how far it reaches, and what to do about it; and the monitors themselves."""

from collections.abc import Sequence

import streamlit as st

from core import db
from core.connectors.registry import connector_class
from core.models.monitoring import MentionState
from core.services import channels, monitoring
from core.services.monitoring import MentionRow, MonitorRow
from core.services.team import Right
from core.ui.page import Page, act
from core.ui.parts import ago, exact, network_icon, shown
from core.ui.preview import count_words

HINT = 'A hashtag (#Kaffee), words that must all be there (Kaffee Bremen), or a "quoted phrase".'


def monitor_list(page: Page, rows: Sequence[MonitorRow]) -> None:
    """Each monitor with its new hits, when it last looked, and where."""
    for row in rows:
        with st.container(border=True, gap="xxsmall", key=f"monitor_{row.id}"):
            with st.container(horizontal=True, vertical_alignment="center"):
                st.markdown(f"**{shown(row.name)}**")
                if row.paused:
                    st.badge("Paused", color="gray", icon=":material/pause:")
                elif row.new:
                    st.badge(f"{row.new} new", color="primary")
            st.caption(f"{shown(row.query)} · {row.total} found · looked {ago(row.searched_at, page.zone)}")
            if row.error:
                st.caption(f":red[{shown(row.error)}]")
            elif not row.places and not row.paused:
                st.caption(":orange[No connected channel can search for this.]")
            if page.actor.may(Right.MONITOR):
                with st.popover("Change", icon=":material/edit:", type="tertiary"):
                    _change(page, row)


def _change(page: Page, row: MonitorRow) -> None:
    with st.form(f"monitor_form_{row.id}", border=False):
        name = st.text_input("Name", value=row.name, max_chars=80)
        query = st.text_input("Search for", value=row.query, max_chars=300, help=HINT)
        if st.form_submit_button("Save", type="primary"):
            act(lambda s: monitoring.edit_monitor(s, page.actor, row.id, name, query), done="Saved.")
    with st.container(horizontal=True):
        if st.button("Go on" if row.paused else "Pause", key=f"pause_{row.id}"):
            act(lambda s: monitoring.pause_monitor(s, page.actor, row.id, not row.paused), done="Done.")
        if st.button("Delete with its hits", key=f"delete_{row.id}", icon=":material/delete:"):
            act(lambda s: monitoring.delete_monitor(s, page.actor, row.id), done="Deleted.")


def new_monitor(page: Page, first: bool) -> None:
    """The form for a new one; what was typed stays when it can't be."""
    with st.expander("New monitor", icon=":material/add:", expanded=first), st.form("new_monitor", border=False):
        name = st.text_input("Name", max_chars=80, placeholder="Kaffee in Bremen")
        query = st.text_input("Search for", max_chars=300, placeholder="#Kaffee", help=HINT)
        st.caption(HINT)
        if st.form_submit_button("Create", type="primary"):
            act(lambda s: monitoring.create_monitor(s, page.actor, name, query), done="The worker looks for it now.")


def mention_list(page: Page, rows: Sequence[MentionRow]) -> None:
    """The hits, newest first."""
    for row in rows:
        with st.container(border=True, gap="small", key=f"mention_{row.id}"):
            _who(page, row)
            st.markdown(shown(row.text) if row.deleted_at is None else ":gray[Deleted at the network.]")
            with st.container(horizontal=True, vertical_alignment="center"):
                st.caption(_numbers(row))
                _actions(page, row)


def _who(page: Page, row: MentionRow) -> None:
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        st.image(network_icon(row.network), width=20, alt=row.network)
        st.markdown(f"**{shown(row.author)}** :small[:gray[{shown(row.handle)}]]")
        st.caption(ago(row.sent_at, page.zone), help=exact(row.sent_at, page.zone))
        st.caption(f":material/radar: {shown(row.monitor)}")
        if row.conversation_id is not None:
            st.badge("Answered", color="green", icon=":material/check:")


def _numbers(row: MentionRow) -> str:
    reach = "reach unknown" if row.followers is None else f"reaches {row.followers:,} followers"
    return f"{reach} · {row.likes} likes · {row.shares} shares · {row.comments} comments"


def _actions(page: Page, row: MentionRow) -> None:
    if row.url and row.url.startswith(("https://", "http://")):
        st.link_button("Open", row.url, icon=":material/open_in_new:", type="tertiary")
    if row.conversation_id is not None:
        link = {"conversation": str(row.conversation_id)}
        st.page_link("pages/inbox.py", label="Conversation", icon=":material/inbox:", query_params=link)
    elif page.actor.may(Right.ANSWER) and row.deleted_at is None:
        with st.popover("Answer", icon=":material/reply:"):
            _answer(page, row)
    if page.actor.may(Right.MONITOR) and row.state is MentionState.NEW:
        for label, state, symbol in (
            ("Seen", MentionState.SEEN, "done"),
            ("Dismiss", MentionState.DISMISSED, "close"),
        ):
            if st.button(label, key=f"{label}_{row.id}", icon=f":material/{symbol}:", type="tertiary"):
                _mark(page, row.id, state)


def _answer(page: Page, row: MentionRow) -> None:
    with db.read() as session:
        ways = dict(monitoring.answer_channels(session, row.id))
        limits = {number: channels.channel(session, number).limits for number in ways}
    if not ways:
        st.markdown("No channel of this network can answer now. Look at the Channels page.")
        return
    by = st.selectbox("Answer as", list(ways), format_func=ways.__getitem__, key=f"as_{row.id}")
    text = st.text_area("Answer", key=f"answer_{row.id}", height=120)
    st.caption(count_words(row.network, text, limits[by]) if connector_class(row.network) else "")
    if st.button("Send", type="primary", key=f"send_{row.id}", icon=":material/send:"):
        act(
            lambda s: monitoring.answer_mention(s, page.actor, row.id, text, by),
            done="On its way. The conversation is in the inbox.",
        )


def _mark(page: Page, mention_id: int, state: MentionState) -> None:
    act(lambda s: monitoring.set_mention_state(s, page.actor, [mention_id], state), rerun="fragment")
