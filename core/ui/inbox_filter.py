"""Which conversations the inbox shows: search, state, channel, group, unread; all of it in the URL."""

from collections.abc import Sequence

import streamlit as st

from core.models.inbox import ConversationState
from core.services.channels import ChannelRow, GroupRow
from core.services.inbox import InboxFilter

STATES = {
    "Open": ConversationState.OPEN,
    "Pending": ConversationState.PENDING,
    "Resolved": ConversationState.RESOLVED,
    "All": None,
}


def inbox_filter(channels: Sequence[ChannelRow], groups: Sequence[GroupRow]) -> InboxFilter:
    """Draw the filters and give what they ask for."""
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        search = st.text_input(
            "Search",
            key="search",
            type="search",
            live="300ms",
            bind="query-params",
            placeholder="Search messages and people",
            icon=":material/search:",
            label_visibility="collapsed",
        )
        with st.popover(_label(), icon=":material/tune:", help="Channel, group, unread"):
            channel, group, unread = _restrictions(channels, groups)
    state = st.segmented_control(
        "State",
        list(STATES),
        default="Open",
        required=True,
        key="state",
        bind="query-params",
        label_visibility="collapsed",
        width="stretch",
    )
    return InboxFilter(
        state=STATES[state or "Open"],
        channel_ids=(channel.id,) if channel else (),
        group_id=group.id if group else None,
        unread_only=unread,
        search=search or "",
    )


def is_restricted(wanted: InboxFilter) -> bool:
    """Whether more than the state is asked for."""
    return bool(wanted.search.strip() or wanted.channel_ids or wanted.group_id or wanted.unread_only)


def _label() -> str:
    """Says how many restrictions are set, since they hide behind the button."""
    number = sum(bool(st.session_state.get(name)) for name in ("channel", "group", "unread"))
    return f"Filter ({number})" if number else "Filter"


def _restrictions(
    channels: Sequence[ChannelRow], groups: Sequence[GroupRow]
) -> tuple[ChannelRow | None, GroupRow | None, bool]:
    by_handle = {f"{row.handle} ({row.network_label})": row for row in channels}
    by_name = {row.name: row for row in groups}
    channel = st.selectbox(
        "Channel", list(by_handle), index=None, key="channel", bind="query-params", placeholder="All channels"
    )
    group = None
    if by_name:
        group = st.selectbox(
            "Group", list(by_name), index=None, key="group", bind="query-params", placeholder="All groups"
        )
    unread = st.toggle("Unread only", key="unread", bind="query-params")
    return by_handle.get(channel or ""), by_name.get(group or ""), unread
