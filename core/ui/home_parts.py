"""The parts of Home: the two doors of a first visit, and lists of what waits."""

import streamlit as st

from core import db
from core.models.channel import ChannelState
from core.models.planning import DeliveryState
from core.services import notices, sandbox
from core.services.health import WORKER_LATE
from core.services.notices import NoticeKind
from core.services.overview import CAP, Overview
from core.services.team import Right
from core.ui.page import Page, act_alone
from core.ui.parts import ago, exact, shown

DELIVERY_WORDS = {DeliveryState.UNCONFIRMED: "Not confirmed", DeliveryState.PUBLISHED: "Gone"}
CHANNEL_WORDS = {ChannelState.NEEDS_REAUTH: "Reconnect", ChannelState.ACTIVE: "Trouble"}


def count(number: int) -> str:
    """A capped count for people."""
    return f"{CAP - 1}+" if number >= CAP else str(number)


def two_doors(page: Page) -> None:
    """Nothing is connected yet: connect a channel, or look around first."""
    st.header("Two ways to begin", anchor=False)
    if not page.actor.may(Right.CHANNELS):
        st.info("No channel is connected yet. Ask an administrator of your team to connect the first one.")
        return
    left, right = st.columns(2, gap="medium")
    with left.container(border=True, height="stretch"):
        st.markdown("### :material/add_link: Connect a channel")
        st.write(
            "Bring your own profiles on Mastodon or Bluesky. Their messages arrive in the inbox within a minute, "
            "and posts can be planned at once."
        )
        if st.button("Connect a channel", type="primary", key="door_connect"):
            st.switch_page("pages/channels.py")
    with right.container(border=True, height="stretch"):
        st.markdown("### :material/explore: Explore the sandbox")
        st.write(
            "An invented company with three channels, its audience and half a year of history, on a small network that "
            "runs only on this machine. Try everything; nothing leaves the house, and it can be removed again."
        )
        if st.button("Explore the sandbox", key="door_sandbox"):
            act_alone(lambda: sandbox.explore(page.actor), done="The sandbox is being filled.", spinner="Opening …")


def worker_state(home: Overview) -> None:
    """Say when nobody syncs and publishes."""
    if home.worker_age is None:
        st.error(
            "The worker isn't running: nothing is synced or published. Start the hub with `make run`.",
            icon=":material/power_off:",
        )
    elif home.worker_age > WORKER_LATE.total_seconds():
        st.error(
            f"The worker has been silent for {home.worker_age / 60:.0f} minutes: nothing is synced or published. "
            "Start the hub again.",
            icon=":material/power_off:",
        )


def headline(home: Overview, at_risk: int = 0) -> None:
    """One sentence first: is there something to do? `at_risk`: scheduled posts that won't go out as things stand."""
    troubles = len(home.deliveries) + len(home.channels)
    if home.waiting_count or troubles or at_risk:
        words = [
            f"**{count(home.waiting_count)}** waiting for an answer" if home.waiting_count else "",
            f"**{troubles}** to look after" if troubles else "",
            f"**{at_risk}** at risk" if at_risk else "",
            f"**{len(home.due)}** going out today" if home.due else "",
        ]
        st.markdown(" · ".join(word for word in words if word))
    else:
        st.success("Nobody waits for an answer and nothing is broken.", icon=":material/check_circle:")


def waiting(home: Overview, page: Page) -> None:
    """Who has waited longest."""
    st.header("Waiting for an answer", anchor=False)
    if not home.waiting:
        st.caption("Questions and comments that nobody has answered will appear here, longest wait first.")
        return
    for talk in home.waiting:
        with st.container(border=True, gap="xxsmall"):
            who, since = st.columns([3, 1], vertical_alignment="center")
            who.page_link(
                "pages/inbox.py",
                label=f"**{shown(talk.contact)}**",
                query_params={"conversation": str(talk.conversation_id)},
            )
            since.caption(ago(talk.waiting_since, page.zone), help=exact(talk.waiting_since, page.zone))
            st.caption(shown(talk.preview))
    if home.waiting_count > len(home.waiting):
        st.page_link("pages/inbox.py", label=f"All {count(home.waiting_count)} in the inbox", icon=":material/inbox:")


def mentions(home: Overview) -> None:
    """Hits of the monitors nobody has looked at."""
    if home.new_mentions:
        st.page_link(
            "pages/monitoring.py",
            label=f"{count(home.new_mentions)} new mentions found by your monitors",
            icon=":material/radar:",
        )


NOTICE_SYMBOLS = {
    NoticeKind.ASSIGNED: "person_add",
    NoticeKind.MENTIONED: "alternate_email",
    NoticeKind.TARGET: "timer",
    NoticeKind.SNOOZED: "alarm",
    NoticeKind.CHANNEL: "link_off",
    NoticeKind.RULE: "rule",
    NoticeKind.REVIEW: "rate_review",
    NoticeKind.REVIEWED: "fact_check",
    NoticeKind.COMMENT: "comment",
    NoticeKind.STOP: "front_hand",
    NoticeKind.RISK: "warning",
    NoticeKind.GONE: "visibility_off",
}


def for_you(page: Page) -> None:
    """What this member was told and hasn't read."""
    with db.read() as session:
        count, rows = notices.unread_count(session, page.actor), notices.unread(session, page.actor)
    if not count:
        return
    with st.container(horizontal=True, vertical_alignment="center"):
        st.header(f"For you ({min(count, notices.CAP - 1)}{'+' if count >= notices.CAP else ''})", anchor=False)
        st.button("All read", key="notices_read", type="tertiary", on_click=_read, args=(page, None))
    for row in rows:
        with st.container(horizontal=True, vertical_alignment="center", gap="small"):
            label, icon = shown(row.text), f":material/{NOTICE_SYMBOLS[row.kind]}:"
            if row.conversation_id is not None:
                query = {"conversation": str(row.conversation_id)}
                st.page_link("pages/inbox.py", label=label, icon=icon, query_params=query, width="stretch")
            elif row.target.startswith("channel:"):
                st.page_link("pages/channels.py", label=label, icon=icon, width="stretch")
            elif row.post_id is not None:
                query = {"post": str(row.post_id)}
                st.page_link("pages/planning.py", label=label, icon=icon, query_params=query, width="stretch")
            elif row.target == "reviews":
                query = {"plan_state": "In review", "plan_range": "Everything"}
                st.page_link("pages/planning.py", label=label, icon=icon, query_params=query, width="stretch")
            else:
                st.markdown(f"{icon} {label}", width="stretch")
            st.caption(ago(row.created_at, page.zone), help=exact(row.created_at, page.zone), width="content")
            st.button(
                "",
                key=f"notice_{row.id}",
                icon=":material/check:",
                type="tertiary",
                help="Read",
                on_click=_read,
                args=(page, row.id),
            )


def _read(page: Page, notice_id: int | None) -> None:
    with db.write() as session:
        notices.mark_read(session, page.actor, notice_id=notice_id)


def trouble(home: Overview) -> None:
    """What failed, or may have, and channels that need care."""
    if not home.deliveries and not home.channels:
        return
    st.header("Needs care", anchor=False)
    for delivery in home.deliveries:
        with st.container(border=True, gap="xxsmall"):
            label = f"**{DELIVERY_WORDS.get(delivery.state, 'Not sent')}:** {shown(delivery.title)}"
            if delivery.post_id is not None:
                st.page_link("pages/planning.py", label=label, query_params={"post": str(delivery.post_id)})
            else:
                st.page_link(
                    "pages/inbox.py", label=label, query_params={"conversation": str(delivery.conversation_id)}
                )
            st.caption(f"{shown(delivery.channel)} · {shown(delivery.error)}")
    for channel in home.channels:
        with st.container(border=True, gap="xxsmall"):
            word = CHANNEL_WORDS.get(channel.state, "Trouble")
            st.page_link("pages/channels.py", label=f"**{word}:** {shown(channel.handle)}")
            st.caption(shown(channel.error))


def due_today(home: Overview, page: Page) -> None:
    """What goes out until midnight."""
    st.header("Going out today", anchor=False)
    if not home.due:
        st.caption("Posts that are scheduled for today will appear here.")
        st.page_link("pages/planning.py", label="Plan a post", icon=":material/edit_calendar:")
        return
    for post in home.due:
        with st.container(border=True, gap="xxsmall"):
            when, what = st.columns([1, 4], vertical_alignment="center")
            when.markdown(f"**{post.due_at.astimezone(page.zone):%H:%M}**")
            what.page_link("pages/planning.py", label=shown(post.title), query_params={"post": str(post.post_id)})
            if post.overdue:
                st.caption(":red[:material/warning: Overdue: it is held, or waits for the worker or its channel.]")
            elif post.channels > 1:
                st.caption(f"{post.channels} channels")
