"""How a draft will look and count on each channel, and what stands against it: the very object that is published."""

from collections.abc import Sequence

import streamlit as st

from core import db
from core.connectors.base import Draft, Limits, Problem, Severity
from core.connectors.registry import connector_class
from core.models.channel import ChannelState
from core.services import media, planning
from core.services.channels import ChannelRow
from core.services.plan_drafts import draft_from
from core.ui.composer_state import Typed
from core.ui.parts import network_icon, shown

NEAR = 0.9  # from here on the count is coloured


def preview(channel: ChannelRow, draft: Draft, problems: Sequence[Problem]) -> None:
    """One channel: name, text as it will stand there, images, the count as its network counts."""
    with st.container(border=True, gap="small"):
        with st.container(horizontal=True, vertical_alignment="center", gap="small"):
            st.image(network_icon(channel.network), width=22, alt=channel.network_label)
            st.markdown(f"**{shown(channel.name or channel.handle)}** :small[:gray[{shown(channel.handle)}]]")
        for number, part in enumerate(draft.parts):
            if number:
                st.divider()
            st.markdown(shown(part.text) if part.text else ":gray[Your text will appear here.]")
            if part.images:
                st.image([image.path for image in part.images], width=150, alt=[image.alt for image in part.images])
            st.caption(count_words(channel.network, part.text, channel.limits))
        for problem in problems:
            where = f"Part {problem.part + 1}: " if len(draft.parts) > 1 else ""
            if problem.severity is Severity.ERROR:
                st.markdown(f":red[:material/error: {where}{shown(problem.message)}]")
            else:
                st.markdown(f":orange[:material/warning: {where}{shown(problem.message)}]")


def count_words(network: str, text: str, limits: Limits) -> str:
    """“243 of 500 characters”, coloured when it gets tight."""
    length = connector_class(network).length(text, limits)
    words = f"{length} of {limits.text_length} characters"
    if length > limits.text_length:
        return f":red[**{words}**]"
    return f":orange[{words}]" if length > limits.text_length * NEAR else words


def previews(typed: Typed, key: str) -> None:
    """What is typed, as it will stand on each chosen channel."""
    st.markdown("### Preview")
    if not typed.channels:
        st.caption("Choose a channel to see how the post will look there.")
        return
    held = st.session_state.get(f"{key}_images", [])
    alts = dict(typed.changes.images or ())
    with db.read() as session:
        pictures = media.draft_images(session, [(media_id, alts.get(media_id, "")) for media_id, _, _ in held])
    for channel in typed.channels:
        text = (typed.changes.variants or {}).get(channel.id) or typed.changes.text or ""
        draft = draft_from(text, pictures, typed.changes.language or None)
        preview(channel, draft, planning.problems_for(channel.network, channel.limits, draft))
        if channel.state is not ChannelState.ACTIVE:
            st.warning(f"{shown(channel.handle)} is not active: look at the Channels page.", icon=":material/warning:")
