"""How a post will look on each channel, light and dark, and what stands against it: the very draft that is published.

Drawn by a component of our own (`assets/preview.js`), since a Mastodon post can't be put together of Streamlit's
parts: words become text nodes only, pictures are data addresses, nothing is fetched. What a network looks like is data
(`preview_looks.py`).
"""

from collections.abc import Sequence

import streamlit as st

from core import db
from core.connectors.base import Draft, Problem, Severity
from core.models.channel import ChannelState
from core.services import planning, weblinks
from core.services.channels import ChannelRow
from core.services.weblinks import Card
from core.ui.composer_state import Typed
from core.ui.conversation_list import ASSETS
from core.ui.parts import network_icon, shown
from core.ui.preview_looks import first_links, shown_draft

AT_ONCE = 2  # channels; of more one is chosen
LIGHT, DARK = "Light", "Dark"
WORDS = {
    Severity.ERROR: (":red", "error", "Keeps it from going out"),
    Severity.WARNING: (":orange", "warning", "Worth a look"),
}

_component = st.components.v2.component(
    "preview",
    html='<div class="preview"></div>',
    css=(ASSETS / "preview.css").read_text(encoding="utf-8"),
    js=(ASSETS / "preview.js").read_text(encoding="utf-8"),
)


def previews(typed: Typed, key: str) -> None:
    """What is typed, as it will stand on each chosen channel."""
    with st.container(horizontal=True, horizontal_alignment="distribute", vertical_alignment="center"):
        st.markdown("### Preview", width="content")
        dark = _is_dark() if typed.channels else False
    if not typed.channels:
        st.caption("Choose a channel to see how the post will look there.")
        return
    drawn = [(channel, typed.drafts[channel.id]) for channel in typed.channels if channel.id in typed.drafts]
    problems = {c.id: planning.problems_for(c.network, c.limits, draft) for c, draft in drawn}
    chosen = _chosen(drawn, problems, key)
    urls = first_links([(channel.network, draft) for channel, draft in chosen])
    cards: dict[str, Card] = {}
    if urls:
        with db.read() as session:
            cards = weblinks.cards(session, urls)
    for channel, draft in chosen:
        preview(channel, draft, cards, dark, problems[channel.id], key)


def preview(
    channel: ChannelRow, draft: Draft, cards: dict[str, Card], dark: bool, problems: Sequence[Problem], key: str
) -> None:
    """One channel: the post as it will stand there, its counts, and below what stands against it."""
    with st.container(gap="xsmall"):
        with st.container(horizontal=True, vertical_alignment="center", gap="small"):
            st.image(network_icon(channel.network), width=18, alt=channel.network_label)
            st.markdown(f":small[{channel.network_label} · {shown(channel.handle)}]", width="content")
        _component(key=f"{key}_preview_{channel.id}", data=shown_draft(channel, draft, cards, dark))
        for problem in problems:
            colour, symbol, word = WORDS[problem.severity]
            said = shown(f"{problem.where(draft)}{problem.message}")
            st.markdown(f"{colour}[:material/{symbol}: **{word}.** {said}]")
        if channel.state is not ChannelState.ACTIVE:
            st.warning(f"{shown(channel.handle)} is not active: look at the Channels page.", icon=":material/warning:")


def _is_dark() -> bool:
    """The preview's own light: as the hub's until somebody wants to see the other."""
    default = DARK if st.context.theme.type == "dark" else LIGHT
    chosen = st.segmented_control(
        "Light or dark",
        [LIGHT, DARK],
        default=default,
        format_func=lambda name: f":material/{'light_mode' if name == LIGHT else 'dark_mode'}:",
        key=f"preview_light_{default}",
        label_visibility="collapsed",
        help="Look at it as your readers do: many of them have a dark screen",
        width="content",
    )
    return (chosen or default) == DARK


def _chosen(
    drawn: Sequence[tuple[ChannelRow, Draft]], problems: dict[int, list[Problem]], key: str
) -> list[tuple[ChannelRow, Draft]]:
    """All of few; of many the one that is picked. Where something is wrong is marked in the choice."""
    if len(drawn) <= AT_ONCE:
        return list(drawn)
    by_id = {channel.id: (channel, draft) for channel, draft in drawn}
    place = f"{key}_preview_of"
    if st.session_state.get(place) not in by_id:
        st.session_state[place] = next(iter(by_id))

    def name(number: int) -> str:
        severities = {problem.severity for problem in problems[number]}
        mark = ":material/error: " if Severity.ERROR in severities else ":material/warning: " if severities else ""
        return f"{mark}{by_id[number][0].handle}"

    picked = st.selectbox(
        "Channel of the preview", list(by_id), format_func=name, key=place, label_visibility="collapsed"
    )
    return [by_id[picked]]
