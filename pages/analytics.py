"""Analytics: what came of it, for which channel, and when. Every chart answers a question in a sentence."""

import streamlit as st

from core import db
from core.services import analytics, channels
from core.ui import analytics_parts as parts
from core.ui.explorer import explorer
from core.ui.page import open_page
from core.ui.parts import empty
from core.ui.service_parts import service_section

ORDERS = {"Interactions": "interactions", "Likes": "likes", "Shares": "shares", "Comments": "comments"}

page = open_page("Analytics")
with db.read() as session:
    connected, groups = channels.channels(session), channels.groups(session)
if not connected:
    empty(
        "No figures yet",
        "Connect a channel: its followers, and what people make of its posts, appear here within minutes.",
        "pages/channels.py",
        "Connect a channel",
    )
    st.stop()

scope = parts.filters(connected, groups, page.zone)
with db.read() as session:
    found = analytics.report(session, scope)


# Fragments: what is chosen in one part doesn't draw the others anew.
@st.fragment(key="service")
def service() -> None:
    service_section(scope, connected)


if found.posts.empty and found.followers.empty:
    empty(
        "Nothing in this time",
        "Figures of a new channel appear within minutes. Otherwise choose a longer time, or other channels.",
    )
    service()  # people may have been answered before anything was counted
    st.stop()
gives_reach = any(measure.name == "reach" for measure in found.given)


@st.fragment(key="followers")
def followers() -> None:
    parts.follower_chart(found)


@st.fragment(key="top")
def top() -> None:
    st.header("Which posts did best?", anchor=False)
    orders = ORDERS | ({"Reach": "reach"} if gives_reach else {})
    by = st.segmented_control(
        "Most", list(orders), default="Interactions", required=True, key="top_by", bind="query-params"
    )
    with db.read() as session:
        rows = analytics.top_posts(session, scope, orders.get(by or "", "interactions"))
    parts.top_table(rows, page.zone, gives_reach)


@st.fragment(key="explorer")
def explore() -> None:
    st.header("What else do you want to know?", anchor=False)
    explorer(found)


over_time = parts.courses(found)
parts.figures(found, over_time)
followers()
parts.reaction_chart(found, over_time)
left, right = st.columns(2, gap="large")
with left:
    parts.channel_chart(found)
with right:
    parts.hour_chart(found)
service()
top()
explore()
