"""RSS and Atom feeds whose entries become drafts: follow one, see how each does, pause, remove."""

from collections.abc import Sequence
from functools import partial

import streamlit as st
from sqlmodel import Session

from core import db
from core.services import feeds, planning
from core.services.channels import ChannelRow
from core.services.feeds import SourceForm, SourceRow
from core.services.team import Right
from core.ui.page import Page, act
from core.ui.parts import ago, exact, shown


def feed_sources(page: Page, channels: Sequence[ChannelRow]) -> None:
    """All feeds; who may plan adds and changes them."""
    may = page.actor.may(Right.PLAN)
    with db.read() as session:
        rows = feeds.sources(session)
    with st.container(horizontal=True, vertical_alignment="center"):
        st.markdown("### Feeds that become drafts", width="stretch")
        if may and st.button("Follow a feed", key="feed_new", icon=":material/rss_feed:"):
            _dialog(page, None, channels)
    st.caption(
        "New entries of a blog, a shop or a press page become drafts, each once. Nothing of it goes out by itself."
    )
    for row in rows:
        _source(page, row, channels, may)


def _source(page: Page, row: SourceRow, channels: Sequence[ChannelRow], may: bool) -> None:
    with st.container(border=True, gap="xxsmall", key=f"feed_{row.id}"):
        with st.container(horizontal=True, vertical_alignment="center", gap="small"):
            st.markdown(f":material/rss_feed: **{shown(row.form.name)}**", width="content")
            if row.paused:
                st.badge("Paused", icon=":material/pause_circle:", color="gray")
            st.space("stretch")
            if may:
                _buttons(page, row, channels)
        drafts = "1 draft" if row.drafts == 1 else f"{row.drafts} drafts"
        read = f"read {ago(row.read_at, page.zone)}" if row.read_at else "not read yet"
        st.caption(f"{shown(row.form.url)} · {drafts} · {read}", help=exact(row.read_at, page.zone))
        if row.trouble:
            st.markdown(f":red[:material/error: {shown(row.trouble)}]")


def _buttons(page: Page, row: SourceRow, channels: Sequence[ChannelRow]) -> None:
    word, symbol = ("Go on", "play_arrow") if row.paused else ("Pause", "pause")
    if st.button(word, key=f"feed_pause_{row.id}", icon=f":material/{symbol}:", type="tertiary"):
        act(partial(_pause, page, row), done="Paused." if not row.paused else "It is read again.")
    if st.button("Edit", key=f"feed_edit_{row.id}", icon=":material/edit:", type="tertiary"):
        _dialog(page, row, channels)
    with st.popover("", icon=":material/delete:", help=f"Follow {row.form.name} no more", type="tertiary"):
        st.write("Its drafts stay.")
        if st.button("Follow it no more", key=f"feed_delete_{row.id}"):
            act(partial(_delete, page, row), done="It is followed no more.")


def _pause(page: Page, row: SourceRow, session: Session) -> None:
    feeds.pause_source(session, page.actor, row.id, not row.paused)


def _delete(page: Page, row: SourceRow, session: Session) -> None:
    feeds.delete_source(session, page.actor, row.id)


@st.dialog("Feed", icon=":material/rss_feed:", width="medium")
def _dialog(page: Page, row: SourceRow | None, channels: Sequence[ChannelRow]) -> None:
    with db.read() as session:
        campaigns = [name for _, name in planning.campaigns(session)]
    form = _fields(row.form if row else SourceForm(""), f"feed_form_{row.id if row else 'new'}", channels, campaigns)

    def save(session: Session) -> None:
        if row:
            feeds.change_source(session, page.actor, row.id, form)
        else:
            feeds.add_source(session, page.actor, form)

    if st.button("Save", type="primary", icon=":material/check:", key="feed_save"):
        act(save, done="The feed is read within seconds.")


def _fields(form: SourceForm, key: str, channels: Sequence[ChannelRow], campaigns: Sequence[str]) -> SourceForm:
    url = st.text_input("Address", form.url, key=f"{key}_url", placeholder="https://blog.example/feed.xml")
    name = st.text_input("Name", form.name, key=f"{key}_name", max_chars=feeds.NAME_LENGTH)
    by_id = {row.id: row.handle for row in channels}
    chosen = st.multiselect("Channels", list(by_id), [i for i in form.channel_ids if i in by_id],
                            format_func=lambda i: by_id[i], key=f"{key}_channels")  # fmt: skip
    template = st.text_area("Text of a draft", form.template, key=f"{key}_template", height=120,
                            help="{title}, {link} and {summary} stand for what the entry says.")  # fmt: skip
    with st.container(horizontal=True, vertical_alignment="bottom"):
        options = ["", *campaigns]
        campaign = st.selectbox("Campaign", options, options.index(form.campaign) if form.campaign in options else 0,
                                format_func=lambda one: one or "None", key=f"{key}_campaign", width=240)  # fmt: skip
        idea = st.checkbox("As ideas, not drafts", form.as_idea, key=f"{key}_idea")
    return SourceForm(url or "", name or "", tuple(chosen), campaign or "", template or "", bool(idea))
