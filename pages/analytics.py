"""Analytics: what came of it, for which channel, and when. Every chart answers a question in a sentence."""

import streamlit as st

from core import db
from core.services import analytics, channels
from core.ui import analytics_parts as parts
from core.ui.page import open_page
from core.ui.parts import empty

SPANS = {"7 days": 7, "30 days": 30, "90 days": 90, "Half a year": 182}
ALL = "All"
ORDERS = {"Together": "interactions", "Likes": "likes", "Shares": "shares", "Comments": "comments"}

page = open_page("Analytics")
with db.read() as session:
    connected, groups = channels.channels(session), channels.groups(session)
if not connected:
    empty("No figures yet", "Connect a channel; its followers and reactions appear here within minutes.",
          "pages/channels.py", "Connect a channel")  # fmt: skip
    st.stop()

by_name, group_ids = {c.handle: c.id for c in connected}, {g.name: g.id for g in groups}
with st.container(horizontal=True, vertical_alignment="bottom"):
    span = st.segmented_control("Time", list(SPANS), default="90 days", required=True, key="span", bind="query-params")
    group = st.selectbox("Group", [ALL, *group_ids], key="of_group", bind="query-params", width=200)
    only = st.multiselect("Channels", list(by_name), key="of_channels", bind="query-params", placeholder="All")
days = SPANS[span or "90 days"]
scope = analytics.last_days(
    days, page.zone, channel_ids=tuple(by_name[name] for name in only if name in by_name), group_id=group_ids.get(group)
)
with db.read() as session:
    now, before = analytics.totals(session, scope), analytics.totals(session, scope.before())
    posts, levels = analytics.publications(session, scope), analytics.followers(session, scope)

parts.figures(now, before)
parts.follower_chart(levels)
parts.reaction_chart(posts, days)
left, right = st.columns(2, gap="large")
with left:
    parts.channel_chart(posts)
with right:
    parts.hour_chart(posts, page.zone.key)

st.subheader("Which posts did best?")


@st.fragment(key="top")
def top() -> None:
    """The table, sorted by what is chosen, without drawing the charts anew."""
    by = st.segmented_control("By", list(ORDERS), default="Together", required=True, key="top_by", bind="query-params")
    with db.read() as session:
        rows = analytics.top_posts(session, scope, ORDERS[by or "Together"])
    parts.top_table(page, rows)


@st.fragment(key="explorer")
def explorer() -> None:
    """The chart explorer, by itself."""
    parts.explorer(page, scope)


top()
st.subheader("Explore")
explorer()
