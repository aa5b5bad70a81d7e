"""How networks look, as data, and a draft as the preview's browser part draws it: plain values, all of it text.

A network without a look of its own gets the plain one. What is coloured and how links are shortened is the connector's
to say (`Connector.pieces`).
"""

from base64 import b64encode
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from core.connectors.base import VISIBILITIES, Draft, DraftImage, DraftPart
from core.connectors.registry import connector_class
from core.services.channels import ChannelRow
from core.services.media_views import small
from core.services.plan_drafts import lengths
from core.services.weblinks import Card

NEAR = 0.9  # of the length: from here on the count is coloured
MOST_TEXT = 12_000  # characters of one part that are drawn


@dataclass(frozen=True)
class Look:
    """One network's look. `css` is a class in preview.css; `actions` are icons of preview.js below a post."""

    css: str = "plain"
    actions: tuple[str, ...] = ("reply", "repost", "like")
    avatar: str = "round"  # round | square
    grid: str = "3 / 2"  # width to height of several images
    tallest: float = 1.25  # height of a single image by its width, at most
    beside: bool = False  # text and media stand beside the avatar, not below it
    fold: str = "Show more"
    unfold: str = "Show less"
    visibility: bool = False


LOOKS: dict[str, Look] = {
    "mastodon": Look(
        css="mastodon",
        actions=("reply", "boost", "star", "bookmark", "more"),
        avatar="square",
        visibility=True,
    ),
    "bluesky": Look(
        css="bluesky",
        actions=("reply", "repost", "like", "bookmark", "share"),
        tallest=1.33,
        beside=True,
    ),
}


def look_of(network: str) -> Look:
    """The look of a network, or the plain one."""
    return LOOKS.get(network, Look())


def shown_draft(channel: ChannelRow, draft: Draft, cards: Mapping[str, Card], dark: bool) -> dict[str, Any]:
    """A draft as one channel's card."""
    look = look_of(channel.network)
    counted = lengths(channel.network, channel.limits, draft)
    entries = sum(not part.comment for part in draft.parts)
    return {
        "look": look.__dict__,
        "dark": dark,
        "label": f"How it looks on {channel.network_label}, {channel.handle}",
        "name": channel.name or channel.handle,
        "handle": channel.handle if channel.handle.startswith("@") else f"@{channel.handle}",
        "initials": initials(channel.name or channel.handle),
        "hue": sum(map(ord, channel.handle)) % 360,
        "visibility": _visibility(channel, draft, look),
        "warning": draft.content_warning if channel.capabilities.content_warnings else "",
        "parts": [
            _part(channel, part, cards, number, entries, counted[number]) for number, part in enumerate(draft.parts)
        ],
    }


def first_links(drafts: Sequence[tuple[str, Draft]]) -> set[str]:
    """The links that networks would make cards of: (network, draft) each, the first link of a part without media."""
    found = (_first_link(network, part) for network, draft in drafts for part in draft.parts)
    return {url for url in found if url}


def _part(
    channel: ChannelRow, part: DraftPart, cards: Mapping[str, Card], number: int, entries: int, length: int
) -> dict[str, Any]:
    most = channel.limits.text_length
    url = _first_link(channel.network, part)
    return {
        "pieces": [[p.kind, p.text] for p in connector_class(channel.network).pieces(part.text[:MOST_TEXT])],
        "media": [_media(image, channel.capabilities.focal_points) for image in part.images],
        "card": _card(url, cards.get(url)) if url else None,
        "comment": part.comment,
        "place": _place(part, number, entries),
        "goes_on": not part.comment and (number + 1 < entries or entries == 1),
        "count": f"{length} of {most} characters",
        "tone": "over" if length > most else "near" if length > most * NEAR else "",
    }


def _place(part: DraftPart, number: int, entries: int) -> str:
    if part.comment:
        return "First comment, below the first" if entries > 1 else "First comment"
    return f"{number + 1} of {entries}" if entries > 1 else ""


def _media(image: DraftImage, focal_points: bool) -> dict[str, Any]:
    x, y = image.focus if image.focus and focal_points else (0.0, 0.0)
    return {
        "src": small(image.path),
        "alt": image.alt,
        "width": image.width,
        "height": image.height,
        "position": f"{50 + x * 50:.1f}% {50 - y * 50:.1f}%",
        "video": image.is_video,
        "duration": clock(image.duration) if image.is_video else "",
    }


def _first_link(network: str, part: DraftPart) -> str:
    if part.images:
        return ""
    return next((p.url for p in connector_class(network).pieces(part.text[:MOST_TEXT]) if p.kind == "link"), "")


def _card(url: str, card: Card | None) -> dict[str, str]:
    host = urlsplit(url).netloc.removeprefix("www.")
    if card is None:
        return {"host": host, "title": "", "description": "", "image": ""}
    image = f"data:image/jpeg;base64,{b64encode(card.image).decode()}" if card.image else ""
    return {"host": host, "title": card.title, "description": card.description, "image": image}


def _visibility(channel: ChannelRow, draft: Draft, look: Look) -> dict[str, str] | None:
    if not look.visibility or not channel.capabilities.visibilities:
        return None
    chosen = draft.visibility if draft.visibility in channel.capabilities.visibilities else None
    word = VISIBILITIES.get(chosen or "", "For whom the channel usually posts")
    return {"icon": chosen or "public", "word": word}


def initials(name: str) -> str:
    """One or two letters for a name."""
    words = [word for word in name.replace("@", " ").replace(".", " ").split() if word[0].isalnum()]
    return "".join(word[0] for word in words[:2]).upper() or "?"


def clock(seconds: float | None) -> str:
    """A duration as players write it: 0:07, 12:30."""
    whole = round(seconds or 0)
    return f"{whole // 60}:{whole % 60:02}"
