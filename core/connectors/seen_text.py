"""How readers see a text: what a network colours, and how it shortens links. Pure; nothing is looked up.

Mastodon: `TextFormatter` (links without their beginning, 30 characters) and its patterns of mentions and hashtags.
Bluesky: `RichText` and `toShortUrl` of the ordinary client (host, and 13 characters of what follows).
"""

from collections.abc import Iterable, Iterator
from typing import NamedTuple
from urllib.parse import urlsplit

import regex

TAG = regex.compile(r"(?<![=/\w#])[#＃][\p{L}\p{M}\p{N}_·]*[\p{L}\p{M}_][\p{L}\p{M}\p{N}_·]*")
BEGINNING = regex.compile(r"https?://(?:www\.)?", regex.IGNORECASE)
SHOWN_OF_LINK = 30  # characters
LONG_PATH, SHOWN_OF_PATH = 15, 13


class Piece(NamedTuple):
    """A stretch of a text as it is shown. `kind`: "text", "link", "mention" or "tag"; `url` of a link, in full."""

    kind: str
    text: str
    url: str = ""


Span = tuple[int, int, Piece]
"""Start and end in the text as it was written, and what is shown instead."""


def pieces(text: str, spans: Iterable[Span]) -> list[Piece]:
    """The whole text in pieces; of spans that overlap the first counts."""
    return list(_pieces(text, sorted(spans, key=lambda span: span[0])))


def _pieces(text: str, spans: list[Span]) -> Iterator[Piece]:
    at = 0
    for start, end, piece in spans:
        if start < at:
            continue
        if start > at:
            yield Piece("text", text[at:start])
        yield piece
        at = end
    if at < len(text):
        yield Piece("text", text[at:])


def cut_link(url: str) -> str:
    """As Mastodon shows a link."""
    begun = BEGINNING.match(url)
    bare = url[begun.end() :] if begun else url
    return bare if len(bare) <= SHOWN_OF_LINK else f"{bare[:SHOWN_OF_LINK]}…"


def short_link(url: str) -> str:
    """As Bluesky shows a link."""
    try:
        parts = urlsplit(url)
    except ValueError:
        return url
    rest = ("" if parts.path == "/" else parts.path) + (f"?{parts.query}" if parts.query else "")
    rest += f"#{parts.fragment}" if parts.fragment else ""
    return parts.netloc + (rest if len(rest) <= LONG_PATH else f"{rest[:SHOWN_OF_PATH]}...")


def tag_spans(text: str) -> Iterator[Span]:
    """Hashtags as Mastodon finds them."""
    for found in TAG.finditer(text):
        yield found.start(), found.end(), Piece("tag", found.group())
