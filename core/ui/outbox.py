"""The outbox: what needs care, what is in doubt, what goes out within the hour, what just went out and its proof."""

from collections.abc import Callable, Sequence

import streamlit as st

from core import db
from core.services.channel_list import ChannelRow
from core.services.outbox import MOST, OutboxRow, outbox
from core.services.proof_steps import sentence
from core.ui.care_list import care_list
from core.ui.page import Page
from core.ui.parts import exact, network_icon, shown, today_or_day
from core.ui.plan_words import state_badge
from core.ui.proof_parts import journal_button, proof_line, short

EVERY = 5.0  # seconds


def plan_outbox(page: Page, channels: Sequence[ChannelRow]) -> None:
    """What people have to decide first; below, what moves by itself and is looked at again all the time."""
    care_list(page)
    _moving(page)


@st.fragment(run_every=EVERY, key="outbox")
def _moving(page: Page) -> None:
    with db.read() as session:
        found = outbox(session)
    _part(page, "In doubt", found.doubtful, _doubtful, "")
    _part(page, "Going out", found.going, _going, "What goes out within the hour will appear here.")
    empty = "What went out within a day will appear here, with the proof that the network has it."
    _part(page, "Just published", found.published, _published, empty)
    if found.more:
        st.caption(f"Only {MOST} are shown. The table has them all.")


def _part(
    page: Page, title: str, rows: Sequence[OutboxRow], draw: Callable[[Page, OutboxRow], None], nothing: str
) -> None:
    if not rows and not nothing:
        return
    st.header(f"{title} ({len(rows)})" if rows else title, anchor=False)
    if not rows:
        st.caption(nothing)
    for row in rows:
        with st.container(border=True, gap="xsmall", key=f"outbox_{row.id}"):
            draw(page, row)


def _head(row: OutboxRow) -> None:
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        st.image(network_icon(row.network), width=20, alt=row.network)
        page, query = "pages/planning.py", {"post": str(row.post_id)}
        if row.post_id is None:
            page, query = "pages/inbox.py", {"conversation": str(row.conversation_id)}
        st.page_link(page, label=f"**{shown(short(row.title))}**", query_params=query)
        st.caption(shown(row.handle))


def _going(page: Page, row: OutboxRow) -> None:
    _head(row)
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        state_badge(row.facts.state)
        if row.facts.due_at is not None:
            st.caption(today_or_day(row.facts.due_at, page.zone), help=exact(row.facts.due_at, page.zone))
    said = row.waits or sentence(row.facts, row.lines, page.zone)
    if said:
        st.markdown(f":orange[:material/hourglass_empty: {shown(said)}]")


def _doubtful(page: Page, row: OutboxRow) -> None:
    _head(row)
    proof_line(row.steps, page.zone)
    st.markdown(f":orange[{shown(sentence(row.facts, row.lines, page.zone))}]")
    if row.waits:
        st.caption(shown(row.waits))
    journal_button(row.lines, page.zone, f"outbox_{row.id}")


def _published(page: Page, row: OutboxRow) -> None:
    _head(row)
    proof_line(row.steps, page.zone)
    said = sentence(row.facts, row.lines, page.zone)
    if said:
        st.caption(shown(said))
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        if row.url and row.url.startswith(("https://", "http://")):
            st.link_button("Open", row.url, icon=":material/open_in_new:", type="tertiary")
        journal_button(row.lines, page.zone, f"outbox_{row.id}")
