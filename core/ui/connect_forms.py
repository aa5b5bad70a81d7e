"""Forms that connect a channel: a tab a network, in it the ways it offers: sign-in there, token, app password.

What was typed stays when something is wrong; secrets are forgotten as soon as they have been used.
"""

from urllib.parse import urlsplit

import streamlit as st

from core.connectors.base import Auth, Connector
from core.connectors.registry import NETWORKS, connector_class
from core.services import channels
from core.services.channels import ChannelRow, GroupRow
from core.ui.page import Page, act, act_alone

NO_GROUP = "No group"
FORM_WIDTH = 640  # pixels


def connect_forms(page: Page, groups: list[GroupRow]) -> None:
    """Connect a new channel, or one that is there already: the same profile is recognised."""
    with st.container(width=FORM_WIDTH):
        tabs = st.tabs([kind.capabilities.label for kind in NETWORKS.values()])
    for tab, (network, kind) in zip(tabs, NETWORKS.items(), strict=True):
        with tab:
            _ways(page, network, kind, groups)


def group_choice(groups: list[GroupRow], key: str, now: str = "") -> str | None:
    """A group by name, or a new one by typing its name; None for no group."""
    names = [NO_GROUP, *(group.name for group in groups)]
    chosen = st.selectbox(
        "Group",
        names,
        index=names.index(now) if now in names else 0,
        key=key,
        accept_new_options=True,
        help="Channels for one audience or product line. Type a name to make a new group.",
    )
    return None if not chosen or chosen == NO_GROUP else str(chosen)


def _ways(page: Page, network: str, kind: type[Connector], groups: list[GroupRow]) -> None:
    offered = kind.capabilities.auth
    if Auth.OAUTH in offered:
        _oauth(page, network, groups)
    if Auth.APP_PASSWORD in offered:
        _password(page, network, kind, groups)
    if Auth.TOKEN in offered:
        with st.expander("Use an access token instead", icon=":material/password:"):
            _token(page, network, groups)


def _server(key: str, value: str = "", locked: bool = False) -> str:
    return st.text_input(
        "Server address",
        value,
        key=key,
        placeholder="mastodon.social",
        disabled=locked,
        help="Also Pixelfed, GoToSocial, Pleroma, Friendica and others that speak the Mastodon API.",
    )


def _oauth(page: Page, network: str, groups: list[GroupRow]) -> None:
    st.write("Sign in at your server and allow the hub to read and write. Your password stays there.")
    with st.form(f"oauth_{network}", border=False):
        address = _server(f"oauth_{network}_server")
        group = group_choice(groups, key=f"oauth_{network}_group")
        asked = st.form_submit_button("Continue", type="primary", icon=":material/login:")
    if asked:
        group_id = act(lambda session: channels.ensure_group(session, group), rerun=None) if group else None
        if group_id is not None or not group:
            _leave(page, address, network, group_id)


def _leave(page: Page, address: str, network: str, group_id: int | None = None, channel_id: int | None = None) -> None:
    target = act_alone(
        lambda: channels.start_oauth(page.actor, address, group_id, channel_id, network=network),
        spinner="Asking the server …",
        rerun=None,
    )
    if target:
        place = urlsplit(target).netloc
        st.success(f"{place} is ready. Allow access there; you come back here by yourself.", icon=":material/check:")
        st.link_button(f"Sign in at {place}", target, type="primary", icon=":material/open_in_new:")


def _token(page: Page, network: str, groups: list[GroupRow]) -> None:
    with st.form(f"token_{network}", border=False):
        address = _server(f"token_{network}_server")
        token = st.text_input(
            "Access token",
            type="password",
            key=_once(f"token_{network}"),
            autocomplete="off",
            help="Made in the server's settings under Development, with the scopes read and write.",
        )
        group = group_choice(groups, key=f"token_{network}_group")
        if st.form_submit_button("Connect", type="primary", icon=":material/add_link:"):
            connected = act_alone(
                lambda: _and_forget(
                    f"token_{network}", channels.connect_token(page.actor, network, address, token, group)
                ),
                done="Connected. Its messages arrive within a minute.",
                spinner="Asking the server …",
            )
            assert connected is None or connected


def _password(page: Page, network: str, kind: type[Connector], groups: list[GroupRow]) -> None:
    label = kind.capabilities.label
    st.write(f"Make an app password in {label}'s settings (Privacy and security) and use it here, not your own.")
    with st.form(f"password_{network}", border=False):
        handle = st.text_input("Handle", key=f"password_{network}_handle", placeholder="name.bsky.social")
        password = st.text_input("App password", type="password", key=_once(f"password_{network}"), autocomplete="off")
        address = st.text_input(
            "Own server",
            key=f"password_{network}_server",
            placeholder=urlsplit(kind.default_base_url).netloc,
            help="Only if your account is on a server of its own; else leave this empty.",
        )
        group = group_choice(groups, key=f"password_{network}_group")
        if st.form_submit_button("Connect", type="primary", icon=":material/add_link:"):
            act_alone(
                lambda: _and_forget(
                    f"password_{network}",
                    channels.connect_password(page.actor, network, address, handle, password, group),
                ),
                done="Connected. Its messages arrive within a minute.",
                spinner="Asking the server …",
            )


def reconnect_form(page: Page, row: ChannelRow) -> None:
    """Renew a channel's access at the server it is on, the way its network offers."""
    offered = connector_class(row.network).capabilities.auth
    place = urlsplit(row.base_url).netloc
    if Auth.OAUTH in offered:
        if st.button(f"Continue at {place}", type="primary", icon=":material/login:"):
            _leave(page, row.base_url, row.network, channel_id=row.id)
        st.caption("Or, without signing in there:")
    word = "New app password" if Auth.APP_PASSWORD in offered else "New access token"
    with st.form(f"renew_{row.id}_form", border=False):
        given = st.text_input(word, type="password", key=_once(f"renew_{row.id}"), autocomplete="off")
        if st.form_submit_button("Reconnect", icon=":material/key:"):
            act_alone(
                lambda: _and_forget(f"renew_{row.id}", channels.reconnect(page.actor, row.id, given)),
                done=f"{row.handle} is connected again.",
                spinner="Asking the server …",
            )


def _once(name: str) -> str:
    """The key of a secret's field; another one after the secret was used, so that the field is empty."""
    return f"{name}_secret_{st.session_state.get(f'{name}_used', 0)}"


def _and_forget(name: str, channel_id: int) -> int:
    st.session_state[f"{name}_used"] = st.session_state.get(f"{name}_used", 0) + 1
    return channel_id
