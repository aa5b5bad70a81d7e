"""Channels: what is connected, how it fares, what it can do; connect, pause, reconnect, group, remove."""

import streamlit as st

from core import db
from core.services import channels, sandbox
from core.services.team import Right
from core.ui.channel_parts import cards
from core.ui.connect_forms import connect_forms
from core.ui.page import act_alone, open_page

page = open_page("Channels", "channels")
may = page.actor.may(Right.CHANNELS)


@st.fragment(run_every=20, key="channels")
def connected() -> None:
    """The channels as they are now, refreshed by itself."""
    with db.read() as session:
        rows, groups = channels.channels(session), channels.groups(session)
    cards(page, rows, groups)


def first_doors() -> None:
    """Nothing is connected: two ways to begin."""
    if not may:
        st.info("No channel is connected yet. Ask an administrator of your team to connect the first one.")
        return
    left, right = st.columns([3, 2], gap="large")
    with left:
        st.header("Connect a channel", anchor=False)
        connect_forms(page, [])
    with right.container(border=True):
        st.header("Explore the sandbox", anchor=False)
        st.write(
            "An invented company with three channels, its audience and half a year of history, on a small network that "
            "runs only on this machine. Try everything; nothing leaves the house, and it can be removed again."
        )
        if st.button("Explore the sandbox", key="explore", icon=":material/explore:"):
            act_alone(lambda: sandbox.explore(page.actor), done="The sandbox is being filled.", spinner="Opening …")


with db.read() as session:
    there, groups = channels.channels(session), channels.groups(session)
if not there:
    first_doors()
else:
    if may:
        wanted = st.query_params.get("connect") == "1"
        with st.expander("Connect a channel", icon=":material/add_link:", expanded=wanted):
            connect_forms(page, groups)
    connected()
