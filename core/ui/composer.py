"""The composer: one text, variants where channels differ, images with alt text, live preview, time, and what to do.

The frame, and the fields that come first; each other part is a file of its own (`composer_*.py`). Everything typed
lives in the session under one key a post (`composer_state.py`), so nothing is lost when a channel refuses the text, or
when somebody looks at another page.
"""

from collections.abc import Sequence

import streamlit as st

from core import db
from core.services.channels import ChannelRow
from core.services.plan_typed import campaign_look, typed_post
from core.services.planning import Changes, PostDetail
from core.ui import composer_side
from core.ui.composer_actions import actions
from core.ui.composer_channels import channel_lines, fill_counts, fill_threads
from core.ui.composer_checks import checks
from core.ui.composer_media import media_fields
from core.ui.composer_more import fill_more, more_fields
from core.ui.composer_pickers import pickers
from core.ui.composer_state import Typed, seed
from core.ui.composer_time import time_fields
from core.ui.composer_watch import composer_watch
from core.ui.delivery_list import deliveries
from core.ui.doing import tell
from core.ui.page import Page
from core.ui.parts import exact, shown
from core.ui.plan_words import state_badge
from core.ui.preview import previews

PLACE = "composer_fields"  # the container whose fields are listened to


def composer(page: Page, detail: PostDetail | None, channels: Sequence[ChannelRow], campaigns: Sequence[str]) -> None:
    """Write a new post, or change one. Draws a fragment: typing reruns nothing else."""
    _composer(page, detail, channels, campaigns)


@st.fragment(key="composer")
def _composer(page: Page, detail: PostDetail | None, channels: Sequence[ChannelRow], campaigns: Sequence[str]) -> None:
    key = f"post_{detail.id}_{detail.version}" if detail else f"post_new_{st.session_state.get('new_posts', 0)}"
    left, right = st.columns([3, 2], gap="large")
    with left, st.container(key=PLACE):
        if detail:
            _head(page, detail)
        tell()
        composer_side.restore(page, key, detail)
        typed = _fields(page, key, detail, channels, campaigns)
        composer_side.autosave(page, key, detail, typed)
        checks(page, key, detail, typed)
        actions(page, key, detail, typed)
        composer_watch(PLACE)
    with right:
        previews(typed, key)
        if detail and detail.deliveries:
            deliveries(page, detail)
        if detail:
            composer_side.beside(page, detail)


def _head(page: Page, detail: PostDetail) -> None:
    with st.container(horizontal=True, vertical_alignment="center"):
        state_badge(detail.state)
        st.caption(f"by {shown(detail.author)} · changed {exact(detail.updated_at, page.zone)}")


def _fields(
    page: Page, key: str, detail: PostDetail | None, channels: Sequence[ChannelRow], campaigns: Sequence[str]
) -> Typed:
    """All fields, from the text down; then, below each, what follows from all of them together."""
    title, picked = _first(key, detail, channels)
    text = st.text_area(
        "Text",
        key=seed(key, "text", detail.text if detail else ""),
        height=200,
        placeholder="What do you want to say?",
        help="A line with only --- begins the next entry of a thread. @[Name] becomes the handle on each network.",
        persist_state="session",
    )
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        pickers(page, key, "text", picked)
        threads = st.container(horizontal=True, width="content")
    variants, lines = channel_lines(page, key, detail, picked, text or "")
    images, focal = media_fields(page, key, detail, picked)
    at, note = time_fields(page, key, detail, picked)
    more = more_fields(page, key, detail, picked, campaigns)
    changes = Changes(
        title=title,
        text=text or "",
        channel_ids=tuple(channel.id for channel in picked),
        variants=variants,
        images=images,
        focal=focal,
        planned_at=at,
        **more.fields,
    )
    with db.read() as session:
        typed = typed_post(session, changes, picked)
        look = campaign_look(session, changes.campaign or "")
    fill_counts(lines, typed.drafts)
    fill_threads(key, text or "", threads, lines, typed)
    fill_more(key, more, picked, typed, look)
    return Typed(changes, at, note, picked, typed.drafts)


def _first(key: str, detail: PostDetail | None, channels: Sequence[ChannelRow]) -> tuple[str, tuple[ChannelRow, ...]]:
    """Title and channels."""
    title = st.text_input(
        "Title",
        key=seed(key, "title", detail.title if detail else ""),
        max_chars=200,
        placeholder="For the plan only, nobody outside sees it",
        persist_state="session",
    )
    by_id = {channel.id: channel for channel in channels}
    there = [d.channel_id for d in detail.deliveries if d.channel_id in by_id] if detail else []
    place = seed(key, "channels", there)
    if not set(st.session_state[place]) <= by_id.keys():  # one is gone since
        st.session_state[place] = [i for i in st.session_state[place] if i in by_id]
    chosen = st.multiselect(
        "Channels",
        list(by_id),
        format_func=lambda i: f"{by_id[i].handle} · {by_id[i].network_label}",
        key=place,
        placeholder="Choose where it goes",
        persist_state="session",
    )
    return title or "", tuple(by_id[i] for i in chosen)
