"""The parts of the Channels page: a card a channel, and what can be done with it. Connecting: `connect_forms.py`."""

from urllib.parse import quote

import streamlit as st
from sqlmodel import Session

from core import db
from core.connectors.base import Capabilities, Limits, Search
from core.models.channel import ChannelState
from core.services import channels, service_hours, sync
from core.services.channels import ChannelRow, GroupRow
from core.services.service_words import target_words
from core.services.team import Right
from core.ui.channel_zone import zone_dialog, zone_line
from core.ui.connect_forms import NO_GROUP, group_choice, reconnect_form
from core.ui.page import Page, act, act_alone
from core.ui.parts import ago, exact, network_icon, shown
from core.ui.settings_hours import target_field

STATES = {
    ChannelState.ACTIVE: ("Active", "check_circle", "green"),
    ChannelState.PAUSED: ("Paused", "pause_circle", "gray"),
    ChannelState.NEEDS_REAUTH: ("Access lost", "key_off", "red"),
    ChannelState.REMOVED: ("Removed", "delete", "gray"),
}
ICONS = {
    "Sync now": "sync",
    "Pause": "pause",
    "Resume": "play_arrow",
    "Group": "folder",
    "Target": "timer",
    "Time zone": "schedule",
    "Reconnect": "key",
    "Remove": "link_off",
}
MEGABYTE = 1_000_000


def abilities(capabilities: Capabilities) -> list[str]:
    """What a channel can do, in the order worth showing."""
    able = [
        (capabilities.publishes, "Publish"),
        (capabilities.threads, "Threads"),
        (capabilities.replies, "Answer"),
        (capabilities.direct_messages, "Direct messages"),
        (capabilities.search == Search.HASHTAG, "Search hashtags"),
        (capabilities.search == Search.FULL, "Search"),
        (bool(capabilities.post_metrics or capabilities.channel_metrics), "Numbers"),
    ]
    return [word for can, word in able if can]


def accepts(limits: Limits) -> str:
    """What the server accepts, as a line."""
    size = limits.image_bytes / MEGABYTE
    images = "image" if limits.images == 1 else "images"
    return f"{limits.text_length:,} characters · {limits.images} {images} up to {size:.3g} MB"


def cards(page: Page, rows: list[ChannelRow], groups: list[GroupRow]) -> None:
    """All channels, under their group's name where there are groups."""
    for name in dict.fromkeys(row.group for row in rows):
        if groups:
            st.markdown(f"### {shown(name) if name else NO_GROUP}")
        for row in rows:
            if row.group == name:
                _card(page, row, groups)


def _card(page: Page, row: ChannelRow, groups: list[GroupRow]) -> None:
    with st.container(border=True, key=f"channel_{row.id}"):
        who, how, doing = st.columns([9, 6, 6], vertical_alignment="center")
        with who.container(horizontal=True, vertical_alignment="center"):
            st.image(network_icon(row.network), width=28, alt=row.network_label)
            _who(row)
        with how:
            _state(page, row)
        if page.actor.may(Right.CHANNELS):
            with doing.container(horizontal=True, horizontal_alignment="right"):
                _actions(page, row, groups)
        words = " ".join(f":gray-badge[{word}]" for word in abilities(row.capabilities))
        if row.target_minutes is not None:
            words += f" :primary-badge[:material/timer: Answers within {target_words(row.target_minutes)}]"
        st.markdown(f"{words} :gray[:small[{accepts(row.limits)}]]")
        zone_line(page, row)
        if row.last_error:
            _trouble(row)


def _who(row: ChannelRow) -> None:
    sandbox = " :violet-badge[:material/science: Sandbox]" if row.is_sandbox else ""
    with st.container(gap=None):
        st.markdown(f"**{shown(row.name or row.handle)}**{sandbox}")
        handle = shown(row.handle)
        safe = quote(row.url, safe=":/?#@!$&'*+,;=%~-._") if row.url else ""
        st.caption(f"[{handle}]({safe})" if safe.lower().startswith(("https://", "http://")) else handle)


def _state(page: Page, row: ChannelRow) -> None:
    word, icon, color = STATES[row.state]
    if row.last_error and row.state == ChannelState.ACTIVE:
        word, icon, color = "Trouble", "error", "orange"
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        st.badge(word, icon=f":material/{icon}:", color=color)  # type: ignore[arg-type]
        if row.last_sync_at is None:
            st.caption("Not synced yet", width="content")
        else:
            when, at = ago(row.last_sync_at, page.zone), exact(row.last_sync_at, page.zone)
            st.caption(f"Synced {when}", help=at, width="content")


def _trouble(row: ChannelRow) -> None:
    if row.state == ChannelState.NEEDS_REAUTH:
        st.error(f"{shown(row.last_error or '')} Nothing is synced or published until it is reconnected.")
    else:
        st.warning(shown(row.last_error or ""))


def _actions(page: Page, row: ChannelRow, groups: list[GroupRow]) -> None:
    if row.state == ChannelState.NEEDS_REAUTH and st.button(
        "Reconnect", key=f"reconnect_{row.id}", type="primary", icon=":material/key:"
    ):
        _reconnect(page, row)
    offered = {
        ChannelState.ACTIVE: ("Sync now", "Pause"),
        ChannelState.PAUSED: ("Resume",),
    }.get(row.state, ())
    chosen = st.menu_button(
        "Manage",
        [*offered, "Group", "Target", "Time zone", "Reconnect", "Remove"],
        key=f"manage_{row.id}",
        icon=":material/tune:",
        format_func=lambda word: f":material/{ICONS[word]}: {word}",
    )
    if chosen:
        _do(chosen, page, row, groups)


def _do(what: str, page: Page, row: ChannelRow, groups: list[GroupRow]) -> None:
    match what:
        case "Sync now":
            act_alone(lambda: sync.sync_channel_now(row.id), done="The worker is looking now.")
        case "Pause":
            act(lambda session: channels.pause(session, page.actor, row.id), done=f"{row.handle} is paused.")
        case "Resume":
            act(lambda session: channels.resume(session, page.actor, row.id), done=f"{row.handle} is active again.")
        case "Group":
            _group(page, row, groups)
        case "Target":
            _target(page, row)
        case "Time zone":
            zone_dialog(page, row)
        case "Reconnect":
            _reconnect(page, row)
        case "Remove":
            _remove(page, row)


@st.dialog("Group", icon=":material/folder:")
def _group(page: Page, row: ChannelRow, groups: list[GroupRow]) -> None:
    group_form(page, row, groups)


def group_form(page: Page, row: ChannelRow, groups: list[GroupRow]) -> None:
    """Put a channel into another group, or into a new one."""
    chosen = group_choice(groups, key=f"group_{row.id}", now=row.group)

    def move(session: Session) -> None:
        group_id = channels.ensure_group(session, chosen) if chosen else None
        channels.set_group(session, page.actor, row.id, group_id)

    if st.button("Save", key=f"move_{row.id}", type="primary"):
        act(move, done=f"{row.handle} is now in {chosen}." if chosen else f"{row.handle} is in no group now.")


@st.dialog("First answer", icon=":material/timer:")
def _target(page: Page, row: ChannelRow) -> None:
    target_form(page, row)


def target_form(page: Page, row: ChannelRow) -> None:
    """How soon this channel promises an answer: as the rest of the hub, or a target of its own."""
    with db.read() as session:
        usual = service_hours.current(session).target_minutes
    ways = [f"As everywhere ({target_words(usual)})", "Its own target"]
    own = st.radio("Target", ways, index=int(row.target_minutes is not None), key=f"target_{row.id}")
    minutes = None
    if own == ways[1]:
        with st.container(horizontal=True, vertical_alignment="bottom"):
            minutes = target_field("First answer within", row.target_minutes or usual, f"target_{row.id}")
        st.caption("Counted in the hours agreed on under Settings.")
    told = f"{row.handle} answers within {target_words(minutes or usual)} now."
    if st.button("Save", key=f"set_target_{row.id}", type="primary"):
        act(lambda session: service_hours.set_channel_target(session, page.actor, row.id, minutes), done=told)


@st.dialog("Reconnect", icon=":material/key:")
def _reconnect(page: Page, row: ChannelRow) -> None:
    st.write(f"{shown(row.handle)} keeps its conversations, numbers and plan. Only its access is renewed.")
    reconnect_form(page, row)


@st.dialog("Remove this channel?", icon=":material/link_off:")
def _remove(page: Page, row: ChannelRow) -> None:
    removal_form(page, row)


def removal_form(page: Page, row: ChannelRow) -> None:
    """Say what removing means, then do it."""
    st.markdown(
        f"**{shown(row.handle)}** will be disconnected:\n\n"
        "- The hub gives its access back and erases the stored credentials at once.\n"
        "- Its conversations, mentions and numbers are deleted from the hub.\n"
        "- Posts and answers still waiting to go out through it are cancelled.\n"
        f"- What is published stays on {row.network_label}."
    )
    keep, go = st.columns(2)
    if keep.button("Keep it", key=f"keep_{row.id}", width="stretch"):
        st.rerun()
    if go.button("Remove channel", key=f"really_{row.id}", type="primary", width="stretch"):
        act_alone(
            lambda: channels.remove(page.actor, row.id), done=f"{row.handle} was removed.", spinner="Disconnecting …"
        )
