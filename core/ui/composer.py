"""The composer: one text, variants where channels differ, images with alt text, live preview, time, and what to do.

Everything typed lives in widgets under one key a post, so nothing is lost when a channel refuses the text.
"""

from collections.abc import Sequence

import streamlit as st

from core.services.channels import ChannelRow
from core.services.planning import Changes, PostDetail
from core.ui import composer_side
from core.ui.composer_actions import actions
from core.ui.composer_checks import checks
from core.ui.composer_media import media_fields
from core.ui.composer_state import Typed
from core.ui.composer_time import time_fields
from core.ui.delivery_list import deliveries
from core.ui.page import Page
from core.ui.parts import exact, shown
from core.ui.plan_words import state_badge
from core.ui.preview import previews

LANGUAGES = {"": "Not said", "de": "Deutsch", "en": "English"}


def composer(page: Page, detail: PostDetail | None, channels: Sequence[ChannelRow], campaigns: Sequence[str]) -> None:
    """Write a new post, or change one. Draws a fragment: typing reruns nothing else."""
    _composer(page, detail, channels, campaigns)


@st.fragment(key="composer")
def _composer(page: Page, detail: PostDetail | None, channels: Sequence[ChannelRow], campaigns: Sequence[str]) -> None:
    key = f"post_{detail.id}_{detail.version}" if detail else f"post_new_{st.session_state.get('new_posts', 0)}"
    left, right = st.columns([3, 2], gap="large")
    with left:
        if detail:
            _head(page, detail)
        composer_side.restore(page, key, detail)
        typed = _fields(page, key, detail, channels, campaigns)
        composer_side.autosave(page, key, detail, typed)
        checks(page, key, detail, typed)
        actions(page, key, detail, typed)
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
    title = st.text_input("Title", value=detail.title if detail else "", max_chars=200, key=f"{key}_title",
                          placeholder="For the plan only, nobody outside sees it")  # fmt: skip
    by_id = {channel.id: channel for channel in channels}
    chosen = st.multiselect(
        "Channels",
        list(by_id),
        default=[d.channel_id for d in detail.deliveries if d.channel_id in by_id] if detail else [],
        format_func=lambda i: f"{by_id[i].handle} · {by_id[i].network_label}",
        key=f"{key}_channels",
        placeholder="Choose where it goes",
    )
    text = st.text_area("Text", value=detail.text if detail else "", height=200, key=f"{key}_text",
                        help="A line with only --- begins the next entry of a thread.")  # fmt: skip
    st.caption("Preview and count follow when you leave the field or press Ctrl+Enter.")
    picked = tuple(by_id[i] for i in chosen)
    variants = _variants(key, detail, picked, text)
    images, focal = media_fields(page, key, detail)
    at, note = time_fields(page, key, detail, picked)
    with st.container(horizontal=True):
        language = st.selectbox("Language", list(LANGUAGES), format_func=LANGUAGES.__getitem__, key=f"{key}_language",
                                index=_index([*LANGUAGES], detail.language if detail else None), width=160)  # fmt: skip
        campaign = _campaign(key, detail, campaigns)
    changes = Changes(
        title=title,
        text=text,
        language=language or "",
        channel_ids=tuple(chosen),
        variants=variants,
        images=images,
        focal=focal,
        planned_at=at,
        campaign=campaign,
    )
    return Typed(changes, at, note, picked)


def _index(options: Sequence[str], wanted: str | None) -> int:
    return list(options).index(wanted) if wanted is not None and wanted in options else 0


def _variants(key: str, detail: PostDetail | None, channels: Sequence[ChannelRow], text: str) -> dict[int, str | None]:
    """A text of its own for a channel, only where somebody wants one."""
    stored = {d.channel_id: d.text for d in detail.deliveries} if detail else {}
    variants: dict[int, str | None] = {}
    for channel in channels:
        own = stored.get(channel.id)
        different = st.toggle(f"Different text for {shown(channel.handle)}", value=own is not None,
                              key=f"{key}_differs_{channel.id}")  # fmt: skip
        variants[channel.id] = None
        if different:
            variants[channel.id] = st.text_area(
                f"Text for {channel.handle}", value=own or text, height=140, key=f"{key}_variant_{channel.id}"
            )
    return variants


def _campaign(key: str, detail: PostDetail | None, campaigns: Sequence[str]) -> str:
    options = ["", *campaigns]
    return (
        st.selectbox(
            "Campaign",
            options,
            index=_index(options, detail.campaign if detail else ""),
            format_func=lambda name: name or "None",
            accept_new_options=True,
            key=f"{key}_campaign",
            width=260,
        )
        or ""
    )
