"""How a draft will look and count on each channel, and what stands against it: the very object that is published."""

from collections.abc import Sequence

import streamlit as st

from core.connectors.base import Draft, Problem, Severity
from core.connectors.registry import connector_class
from core.models.channel import ChannelState
from core.services import planning
from core.services.channels import ChannelRow
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
            if part.comment:
                st.caption(":material/comment: First comment")
            st.markdown(shown(part.text) if part.text else ":gray[Your text will appear here.]")
            if part.images:
                st.image([image.path for image in part.images], width=150, alt=[image.alt for image in part.images])
            st.caption(_counted(channel, draft, number))
        for problem in problems:
            where = f"Part {problem.part + 1}: " if len(draft.parts) > 1 else ""
            if problem.severity is Severity.ERROR:
                st.markdown(f":red[:material/error: {where}{shown(problem.message)}]")
            else:
                st.markdown(f":orange[:material/warning: {where}{shown(problem.message)}]")


def _counted(channel: ChannelRow, draft: Draft, number: int) -> str:
    """“243 of 500 characters”, coloured when it gets tight."""
    limits = channel.limits
    length = connector_class(channel.network).part_length(draft, number, limits)
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
    for channel in typed.channels:
        draft = typed.drafts[channel.id]
        preview(channel, draft, planning.problems_for(channel.network, channel.limits, draft))
        if channel.state is not ChannelState.ACTIVE:
            st.warning(f"{shown(channel.handle)} is not active: look at the Channels page.", icon=":material/warning:")
