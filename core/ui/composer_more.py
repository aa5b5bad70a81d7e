"""What goes with a post where it is needed: language, who sees it, content warning, first comment, campaign, links.

Collapsed until something of it is used. Fields that no chosen network has are not shown, but keep what was typed.
"""

import hashlib
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from core.connectors.base import VISIBILITIES
from core.connectors.registry import connector_class
from core.services.channels import ChannelRow
from core.services.plan_typed import CampaignLook, TypedPost
from core.services.planning import PostDetail
from core.services.utm import links_in, shown_links
from core.ui.composer_pickers import pickers
from core.ui.composer_state import seed
from core.ui.page import Page
from core.ui.parts import shown

LANGUAGES = {
    "": "Not said",
    "de": "Deutsch",
    "en": "English",
    "fr": "Français",
    "nl": "Nederlands",
    "it": "Italiano",
    "es": "Español",
    "pl": "Polski",
    "tr": "Türkçe",
    "uk": "Українська",
    "da": "Dansk",
}
USUAL = "As usual there"
MOST_LINKS = 20


@dataclass(frozen=True)
class More:
    """What was chosen, as `Changes` takes it; `links` and `look` are filled in once it is known what goes out."""

    fields: Mapping[str, Any]
    links: DeltaGenerator
    look: DeltaGenerator


def more_fields(
    page: Page, key: str, detail: PostDetail | None, channels: Sequence[ChannelRow], campaigns: Sequence[str]
) -> More:
    """Draw the section."""
    _seed(key, detail)
    used = _used(key, channels)
    opened = st.session_state.setdefault(f"{key}_more_opened", bool(used))
    label = f"More: {', '.join(used)}" if used else "More: language, campaign, first comment"
    with st.expander(label, expanded=opened, icon=":material/tune:", key=f"{key}_more"):
        with st.container(horizontal=True, vertical_alignment="bottom"):
            campaign = _campaign(key, campaigns)
            look = st.container(width="content")
            language = _language(key)
            visibility = _visibility(key, channels)
        warning = _warning(key, channels)
        comment = _comment(page, key, channels)
        tagged = st.toggle(
            "Add campaign parameters to links",
            key=f"{key}_tagged",
            help="utm_source, utm_medium and utm_campaign: web statistics then tell which post brought somebody.",
            persist_state="session",
        )
        links = st.container(gap="xsmall")
    return More(
        {
            "language": language,
            "campaign": campaign,
            "visibility": visibility,
            "content_warning": warning,
            "first_comment": comment,
            "tagged": tagged,
            "untagged_links": tuple(st.session_state[f"{key}_untagged"]),
        },
        links,
        look,
    )


def _seed(key: str, detail: PostDetail | None) -> None:
    seed(key, "language", (detail.language if detail else None) or "")
    seed(key, "campaign", detail.campaign if detail else "")
    seed(key, "visibility", (detail.visibility if detail else None) or "")
    seed(key, "content_warning", detail.content_warning if detail else "")
    seed(key, "first_comment", detail.first_comment if detail else "")
    seed(key, "tagged", detail.tagged if detail else False)
    seed(key, "untagged", list(detail.untagged_links) if detail else [])


def _used(key: str, channels: Sequence[ChannelRow]) -> list[str]:
    """What is in use, in words, so that it is seen with the section closed."""
    held: Callable[[str], Any] = lambda name: st.session_state[f"{key}_{name}"]  # noqa: E731
    words = [
        shown(str(held("campaign"))) if held("campaign") else "",
        LANGUAGES.get(held("language"), held("language")) if held("language") else "",
        VISIBILITIES.get(held("visibility"), "").lower() if held("visibility") else "",
        "content warning" if held("content_warning") else "",
        "first comment" if held("first_comment") else "",
        "campaign parameters" if held("tagged") else "",
    ]
    return [word for word in words if word]


def _language(key: str) -> str:
    held = str(st.session_state[f"{key}_language"] or "")
    options = list(dict.fromkeys([*LANGUAGES, held]))
    return (
        st.selectbox(
            "Language",
            options,
            format_func=lambda code: LANGUAGES.get(code, code),
            key=f"{key}_language",
            width=150,
            persist_state="session",
        )
        or ""
    )


def _campaign(key: str, campaigns: Sequence[str]) -> str:
    held = str(st.session_state[f"{key}_campaign"] or "")
    return (
        st.selectbox(
            "Campaign",
            list(dict.fromkeys(["", *campaigns, held])),
            format_func=lambda name: name or "None",
            accept_new_options=True,
            key=f"{key}_campaign",
            width=260,
            help="Choose one, or type the name of a new one.",
            persist_state="session",
        )
        or ""
    )


def _visibility(key: str, channels: Sequence[ChannelRow]) -> str:
    """Only what a chosen network has, from wide to narrow; what was chosen before stays to be seen."""
    held = str(st.session_state[f"{key}_visibility"] or "")
    had = {name for channel in channels for name in channel.capabilities.visibilities}
    if not had and not held:
        return ""
    options = ["", *(name for name in VISIBILITIES if name in had or name == held)]
    return (
        st.selectbox(
            "Who sees it",
            options,
            format_func=lambda name: VISIBILITIES.get(name, USUAL),
            key=f"{key}_visibility",
            width=190,
            help="Quiet public: everybody can see it, but it isn't pushed into public timelines. "
            "It holds for every part of a thread.",
            persist_state="session",
        )
        or ""
    )


def _warning(key: str, channels: Sequence[ChannelRow]) -> str:
    if not any(c.capabilities.content_warnings for c in channels) and not st.session_state[f"{key}_content_warning"]:
        return str(st.session_state[f"{key}_content_warning"])
    return (
        st.text_input(
            "Content warning",
            key=f"{key}_content_warning",
            max_chars=300,
            placeholder="What people should know before they open the post",
            help="Stands in front of every part and hides it until it is opened; it counts as characters. Networks "
            "without content warnings get it as the first line.",
            persist_state="session",
        )
        or ""
    )


def _comment(page: Page, key: str, channels: Sequence[ChannelRow]) -> str:
    comment = st.text_area(
        "First comment",
        key=f"{key}_first_comment",
        height="content",
        placeholder="Goes out below the post right after it: a link, hashtags, a question",
        persist_state="session",
    )
    with st.container(horizontal=True, gap="small"):
        pickers(page, key, "first_comment", channels)
    return comment or ""


# --- filled in afterwards ---------------------------------------------------------------------------------------------


def fill_more(
    key: str, more: More, channels: Sequence[ChannelRow], typed: TypedPost, look: CampaignLook | None
) -> None:
    """The campaign's colour, and the links as they go out."""
    if look is not None:
        with more.look:
            st.badge(look.kind, color=look.color)  # type: ignore[arg-type]
    if more.fields["tagged"]:
        with more.links:
            _links(key, channels, typed)


def _links(key: str, channels: Sequence[ChannelRow], typed: TypedPost) -> None:
    """Each link with its parameters to be seen; a tick takes them away."""
    if typed.taken.tags is None:
        st.caption(":orange[:material/warning:] Choose a campaign: the parameters name it.")
        return
    text = "\n".join([typed.said.text, *typed.variants.values(), typed.said.first_comment])
    found = links_in(text)
    if not found:
        st.caption("There is no link in the text yet. Each one will be listed here as it goes out.")
        return
    networks = list(dict.fromkeys(channel.network for channel in channels)) or [""]
    for url in found[:MOST_LINKS]:
        _link(key, url, networks, typed)
    if len(found) > MOST_LINKS:
        st.caption(f"{len(found) - MOST_LINKS} more links get their parameters too.")


def _link(key: str, url: str, networks: Sequence[str], typed: TypedPost) -> None:
    assert typed.taken.tags is not None
    mark = hashlib.sha256(url.encode()).hexdigest()[:12]
    left_out = url in st.session_state[f"{key}_untagged"]
    wanted = st.checkbox(
        _bare(url),
        key=seed(key, f"link_{mark}", not left_out),
        on_change=_leave_out,
        args=(key, url, f"{key}_link_{mark}"),
    )
    if not wanted:
        return
    for network in networks:
        (link,) = shown_links(url, typed.taken.tags.on(network))
        more = link.tagged.partition("?")[2].partition("#")[0]
        label = f"{connector_class(network).capabilities.label}: " if network else ""
        own = " :gray-badge[has parameters of its own]" if link.own else ""
        st.caption(f"{label}?{shown(more)}{own}")


def _bare(url: str) -> str:
    """As people read it, and such that Markdown makes no link of it: a click is meant for the tick."""
    words = re.sub(r"^https?://(www\.)?", "", url, flags=re.IGNORECASE)
    return shown(words if len(words) <= 70 else f"{words[:69]}…")


def _leave_out(key: str, url: str, box: str) -> None:
    untagged = [one for one in st.session_state[f"{key}_untagged"] if one != url]
    st.session_state[f"{key}_untagged"] = untagged if st.session_state[box] else [*untagged, url]
