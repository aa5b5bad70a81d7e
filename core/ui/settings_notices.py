"""Settings: how I want to hear of things. Everybody sets their own."""

from collections.abc import Mapping
from datetime import time

import streamlit as st
from sqlmodel import Session

from core import db
from core.services import notice_sending, notice_wishes
from core.services.notice_wishes import Wishes
from core.services.notices import NoticeKind
from core.settings import settings
from core.ui.page import Page, act, act_alone
from core.ui.parts import exact, shown

WIDTH = 720
KINDS = {
    NoticeKind.ASSIGNED: "A conversation was assigned to me",
    NoticeKind.MENTIONED: "Somebody mentioned me in a note or a comment",
    NoticeKind.TARGET: "A promised answer is about to be late",
    NoticeKind.SNOOZED: "A conversation that I put off is back",
    NoticeKind.CHANNEL: "A channel needs reconnecting",
    NoticeKind.RULE: "A rule says so",
    NoticeKind.REVIEW: "A post waits for my approval",
    NoticeKind.REVIEWED: "My post was approved or returned",
    NoticeKind.COMMENT: "Somebody commented on my post",
    NoticeKind.STOP: "Publishing is stopped, or goes on",
    NoticeKind.RISK: "A scheduled post is at risk",
    NoticeKind.GONE: "Something published is gone from its network",
}
SERVICES = "https://appriseit.com/services/"


def notices_section(page: Page) -> None:
    """What shows in the app, and where it goes besides."""
    with db.read() as session:
        mine = notice_wishes.wishes(session, page.actor)
    with st.container(width=WIDTH):
        st.markdown("Whatever concerns you shows on **Home** until you have read it. It can reach you elsewhere, too.")
        if mine.trouble:
            when = exact(mine.trouble_at, page.zone)
            st.warning(f"{shown(mine.trouble)}  \n:small[{when}]", icon=":material/warning:")
        _addresses(page, mine)
        if mine.masked:
            _test(page)
        _when(page, mine)


def _addresses(page: Page, mine: Wishes) -> None:
    """Where to. Kept addresses are shown without their secrets and can only be replaced or taken away."""
    st.header("Where to", anchor=False)
    for address in mine.masked:
        st.markdown(f":material/outgoing_mail: {shown(address)}")
    made = st.session_state.setdefault("notice_addresses", 0)
    with st.form("notice_addresses_form", border=False):
        typed = st.text_area(
            "Other addresses instead" if mine.masked else "Addresses, one a line",
            key=f"notice_addresses_{made}",
            height=90,
            placeholder="mailtos://name:password@example.org?to=you@example.org",
        )
        st.caption(
            f"Mail, Slack, Teams, Matrix, Signal and a hundred more: [how their addresses look]({SERVICES}). A mail "
            "goes by your mailbox: `mailtos://name:password@example.org?to=you@example.org`. Addresses are sealed and "
            "never shown again. What is sent leaves the hub: a sentence that may name a person and a channel, and a "
            "link; never what somebody wrote."
        )
        saved = st.form_submit_button("Save the addresses", icon=":material/save:", type="primary")
    if saved:
        if not typed.strip():
            st.error("Type an address first.", icon=":material/error:")
        else:
            found = act_alone(lambda: notice_wishes.read_addresses(typed), spinner="Reading them …", rerun=None)
            if found is not None:
                st.session_state["notice_addresses"] = made + 1
                act(lambda s: _keep(s, page, mine, found), done="Saved. Send a test to see whether it arrives.")
    if mine.masked and st.button("Take the addresses away", type="tertiary", icon=":material/delete:"):
        act(lambda s: _keep(s, page, mine, {}), done="Notices show in the app alone.")


def _keep(session: Session, page: Page, mine: Wishes, addresses: Mapping[str, str]) -> None:
    quiet = (mine.quiet_from, mine.quiet_to) if mine.quiet_from and mine.quiet_to else None
    notice_wishes.save(
        session, page.actor, addresses=addresses, kinds=mine.kinds, quiet=quiet, digest_at=mine.digest_at
    )


def _test(page: Page) -> None:
    if st.button("Send a test", icon=":material/send:", key="notice_test"):
        told = act_alone(lambda: notice_sending.send_test(page.actor), spinner="Sending …", rerun=None)
        for label, outcome in told or ():
            if outcome.arrived:
                st.success(f"{shown(label)} took it. Look whether it arrived.", icon=":material/check:")
            else:
                st.error(f"{shown(label)}: {shown(outcome.said)}", icon=":material/error:")


def _when(page: Page, mine: Wishes) -> None:
    """What goes out, and when."""
    st.header("What, and when", anchor=False)
    with st.container(gap="xsmall"):
        kinds = [k for k, word in KINDS.items() if st.checkbox(word, value=k in mine.kinds, key=f"kind_{k.value}")]
    quiet = st.toggle("Quiet hours", value=mine.quiet_from is not None, key="notice_quiet")
    hours = None
    if quiet:
        with st.container(horizontal=True, vertical_alignment="bottom"):
            start = st.time_input("From", _clock(mine.quiet_from, "19:00"), key="quiet_from", width=130)
            end = st.time_input("to", _clock(mine.quiet_to, "08:00"), key="quiet_to", width=130)
            st.caption(page.zone.key)
        st.caption("What comes meanwhile follows afterwards as one message, what is urgent too.")
        if start and end:
            hours = (f"{start:%H:%M}", f"{end:%H:%M}")
    digest = st.toggle("One digest a day instead of single messages", value=mine.digest_at is not None,
                       key="notice_digest")  # fmt: skip
    at = None
    if digest:
        clock = st.time_input("at", _clock(mine.digest_at, "09:00"), key="digest_at", width=130)
        at = f"{clock:%H:%M}" if clock else None
    if not settings().public_url:
        st.caption("Messages carry links once an administrator has set the hub's address (HUB_PUBLIC_URL).")
    if st.button("Save", type="primary", icon=":material/save:", key="notice_save"):
        act(
            lambda s: notice_wishes.save(s, page.actor, kinds=kinds, quiet=hours, digest_at=at),
            done="Saved.",
        )


def _clock(stored: str | None, otherwise: str) -> time:
    return time.fromisoformat(stored or otherwise)
