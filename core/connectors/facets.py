"""Rich text of the AT Protocol: which bytes of a text are links, mentions and hashtags, and reading them back.

Pure: handles become DIDs through a callable that the connector gives. The rules are those of the ordinary client
(`detectFacets` in @atproto/api), minus cashtags. Offsets count UTF-8 bytes, the end is exclusive:
https://docs.bsky.app/docs/advanced-guides/post-richtext
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any
from urllib.parse import urlsplit

import regex

from core.connectors.base import graphemes
from core.connectors.seen_text import Piece, pieces, short_link

Facet = dict[str, Any]
"""`{"index": {"byteStart": int, "byteEnd": int}, "features": [{"$type": …}]}`, as records hold it."""

_Span = tuple[int, int, dict[str, str]]  # start and end in characters, the feature

LINK = "app.bsky.richtext.facet#link"
MENTION = "app.bsky.richtext.facet#mention"
TAG = "app.bsky.richtext.facet#tag"
TAG_GRAPHEMES, TAG_BYTES = 64, 640

# Bare names are links only under these endings: with every top-level domain, "README.md" would be one too.
_ENDINGS = (
    "com|org|net|edu|gov|info|biz|eu|de|at|ch|uk|fr|nl|it|es|pl|dk|se|no|io|app|dev|social|shop|blog|news|berlin|wien"
)
_URL = regex.compile(
    rf"(?:^|(?<=[\s(\[<„“\"]))(?:https?://\S+|(?:[a-z0-9-]+\.)+(?:{_ENDINGS})(?![\w@-]|\.\w)(?:[/?#:]\S*)?)",
    regex.IGNORECASE,
)
_LABEL = r"[a-zA-Z0-9](?:[a-zA-Z0-9-]{0,61}[a-zA-Z0-9])?"
_HANDLE = regex.compile(
    rf"(?:^|(?<=[\s(]))@((?:{_LABEL}\.)+[a-zA-Z](?:[a-zA-Z0-9-]{{0,61}}[a-zA-Z0-9])?)(?![\w@-]|\.\w)"
)
_INVISIBLE = r"\u00AD\u2060\u200A\u200B\u200C\u200D\u20e2"
_TAG = regex.compile(rf"(?:^|(?<=\s))[#＃]((?!\ufe0f)[^\s{_INVISIBLE}]*[^\d\s\p{{P}}{_INVISIBLE}]+[^\s{_INVISIBLE}]*)")
_TAIL = regex.compile(r"[.,;:!?'\"“”‘’»…>\]]+$")
_TAG_TAIL = regex.compile(r"\p{P}+$")


def facets(text: str, resolve: Callable[[str], str | None]) -> list[Facet]:
    """The facets of a text in reading order. `resolve` turns a handle into a DID; None leaves it plain text."""
    found: list[_Span] = [(start, end, {"$type": LINK, "uri": uri}) for start, end, uri in links(text)]
    found += [(start, end, {"$type": TAG, "tag": tag}) for start, end, tag in _tags(text)]
    known: dict[str, str | None] = {}
    for start, end, handle in _handles(text):
        if handle not in known:
            known[handle] = resolve(handle)
        if did := known[handle]:
            found.append((start, end, {"$type": MENTION, "did": did}))
    return [_facet(text, start, end, feature) for start, end, feature in _apart(found)]


def _apart(found: list[_Span]) -> list[_Span]:
    """Sorted, and without those that overlap an earlier one: readers may throw such facets away."""
    apart: list[_Span] = []
    for span in sorted(found, key=lambda one: one[0]):
        if not apart or span[0] >= apart[-1][1]:
            apart.append(span)
    return apart


def _facet(text: str, start: int, end: int, feature: dict[str, str]) -> Facet:
    first = len(text[:start].encode())
    return {
        "index": {"byteStart": first, "byteEnd": first + len(text[start:end].encode())},
        "features": [feature],
    }


def links(text: str) -> Iterator[tuple[int, int, str]]:
    """(start, end, address) of every link, in characters. A bare `example.com` becomes https://example.com."""
    for match in _URL.finditer(text):
        shown = _trim(match.group())
        uri = shown if shown.lower().startswith(("http://", "https://")) else f"https://{shown}"
        if _has_host(uri):
            yield match.start(), match.start() + len(shown), uri


def _trim(shown: str) -> str:
    """Without the punctuation of the sentence around it; a closing bracket stays where it was opened inside."""
    while True:
        shorter = _TAIL.sub("", shown)
        if shorter.endswith(")") and shorter.count("(") < shorter.count(")"):
            shorter = shorter[:-1]
        if shorter == shown:
            return shown
        shown = shorter


def _has_host(uri: str) -> bool:
    try:
        return bool(urlsplit(uri).hostname)
    except ValueError:
        return False


def _handles(text: str) -> Iterator[tuple[int, int, str]]:
    for match in _HANDLE.finditer(text):
        yield match.start(), match.end(), match.group(1).lower()


def _tags(text: str) -> Iterator[tuple[int, int, str]]:
    for match in _TAG.finditer(text):
        tag = _TAG_TAIL.sub("", match.group(1))
        if tag and graphemes(tag) <= TAG_GRAPHEMES and len(tag.encode()) <= TAG_BYTES:
            yield match.start(), match.start() + 1 + len(tag), tag


def hashtags(text: str) -> list[str]:
    """The hashtags written in a text, without their sign, in reading order."""
    return [tag for _, _, tag in _tags(text)]


def seen(text: str) -> list[Piece]:
    """A text as readers see it; handles are shown as mentions, whether or not somebody has them."""
    found = [(start, end, Piece("link", short_link(uri), uri)) for start, end, uri in links(text)]
    found += [(start, end, Piece("tag", text[start:end])) for start, end, _ in _tags(text)]
    found += [(start, end, Piece("mention", text[start:end])) for start, end, _ in _handles(text)]
    return pieces(text, found)


def features(record: Mapping[str, Any], kind: str) -> Iterator[tuple[int, int, Mapping[str, Any]]]:
    """(byteStart, byteEnd, feature) of every facet of one `kind` in somebody's record, broken ones left out."""
    for facet in _listed(record.get("facets")):
        index = facet.get("index")
        if not isinstance(index, Mapping):
            continue
        start, end = index.get("byteStart"), index.get("byteEnd")
        if not isinstance(start, int) or not isinstance(end, int) or not 0 <= start < end:
            continue
        for feature in _listed(facet.get("features")):
            if feature.get("$type") == kind:
                yield start, end, feature


def _listed(value: object) -> list[Mapping[str, Any]]:
    return [one for one in value if isinstance(one, Mapping)] if isinstance(value, Sequence) else []


def tags_of(record: Mapping[str, Any]) -> set[str]:
    """All hashtags of somebody's record, casefolded: out of its facets, its `tags`, and its plain text."""
    marked = [str(feature.get("tag", "")) for _, _, feature in features(record, TAG)]
    extra = record.get("tags")
    beside = [tag for tag in extra if isinstance(tag, str)] if isinstance(extra, list) else []
    text = record.get("text")
    written = hashtags(text) if isinstance(text, str) else []
    return {tag.lstrip("#＃").casefold() for tag in (*marked, *beside, *written) if tag}


def expanded(record: Mapping[str, Any]) -> str:
    """The text of somebody's record with every link in full.

    Clients shorten what they show ("example.com/very-lo…"), and words can carry any address: a person who reads
    plain text must see where a link really goes.
    """
    text = record.get("text")
    raw = text.encode(errors="replace") if isinstance(text, str) else b""
    for start, end, feature in sorted(features(record, LINK), key=lambda one: one[0], reverse=True):
        uri = feature.get("uri")
        if not isinstance(uri, str) or not uri.lower().startswith(("http://", "https://")) or end > len(raw):
            continue
        shown = raw[start:end].decode(errors="replace")
        if shown.strip() != uri:
            raw = raw[:start] + _in_full(shown, uri).encode(errors="replace") + raw[end:]
    return raw.decode(errors="replace")


def _in_full(shown: str, uri: str) -> str:
    bare = shown.strip().rstrip("….").lower()
    short = regex.sub(r"^https?://(www\.)?", "", uri.lower())
    if bare and short.startswith(regex.sub(r"^(https?://)?(www\.)?", "", bare)):
        return uri
    return f"{shown} ({uri})"
