"""Campaign parameters (utm_…) on the links of a text: put on, taken off, shown. Pure.

An address is only added to, never written anew: what is in it (umlauts, its own parameters, a fragment) stays as it
was typed. Parameters that a link has already are never doubled or changed.
"""

import re
import unicodedata
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass
from urllib.parse import quote, urlsplit

NETWORK = "{network}"  # in a campaign's own words for the source
MEDIUM = "social"  # where a campaign names none

_LINK = re.compile(r"(?<![\w@/.:=-])https?://[^\s<>\"„“”]+", re.IGNORECASE)
_TAIL = re.compile(r"[.,;:!?'’‘»«…\]*]+$")
_UMLAUTS = str.maketrans({"ä": "ae", "ö": "oe", "ü": "ue", "ß": "ss", "æ": "ae", "ø": "o"})


@dataclass(frozen=True)
class Tags:
    """What a campaign puts on links; empty words are made up from `name` and the network."""

    name: str
    source: str = ""
    medium: str = ""
    campaign: str = ""

    def on(self, network: str) -> dict[str, str]:
        """The parameters of links on that network, in the order they are written."""
        return {
            "utm_source": self.source.replace(NETWORK, network) or network,
            "utm_medium": self.medium or MEDIUM,
            "utm_campaign": self.campaign or slug(self.name),
        }


@dataclass(frozen=True)
class Link:
    """A link of a text: as typed, and as it goes out. `own`: it has utm parameters of its own."""

    typed: str
    tagged: str
    own: bool


def slug(name: str) -> str:
    """A name as it stands in an address: “Frühling & Café” is fruehling-cafe."""
    plain = unicodedata.normalize("NFKD", name.casefold().translate(_UMLAUTS))
    return re.sub(r"[^a-z0-9]+", "-", plain.encode("ascii", "ignore").decode()).strip("-")


def links_in(text: str) -> list[str]:
    """The http(s) links of a text in reading order, each once, without the punctuation of the sentence around them."""
    return list(dict.fromkeys(text[start:end] for start, end in _spans(text)))


def tag_links(text: str, parameters: Mapping[str, str], but: Collection[str] = ()) -> str:
    """The text with these parameters on its links, except on those in `but` (as typed). Doing it twice is doing it
    once."""
    left_out = set(but)
    return _each(text, lambda url: url if url in left_out else tagged(url, parameters))


def untag(text: str) -> str:
    """The text with links that have no utm parameters any more."""
    return _each(text, untagged)


def tagged(url: str, parameters: Mapping[str, str]) -> str:
    """One address with these parameters, behind its own and before its fragment."""
    address, mark, fragment = url.partition("#")
    path, _, query = address.partition("?")
    there = {_name(one) for one in query.split("&")}
    more = [f"{name}={quote(value, safe='-._~')}" for name, value in parameters.items() if value and name not in there]
    if not more:
        return url
    own = [query.rstrip("&")] if query.strip("&") else []
    return f"{path}?{'&'.join([*own, *more])}{mark}{fragment}"


def untagged(url: str) -> str:
    """One address without utm parameters; everything else stays as it was."""
    address, mark, fragment = url.partition("#")
    path, asked, query = address.partition("?")
    kept = [one for one in query.split("&") if not _name(one).startswith("utm_")]
    if len(kept) == len(query.split("&")):
        return url
    return f"{path}{asked if any(kept) else ''}{'&'.join(kept)}{mark}{fragment}"


def shown_links(text: str, parameters: Mapping[str, str], but: Collection[str] = ()) -> list[Link]:
    """The links of a text as typed and as they go out, for people to look at."""
    left_out = set(but)
    return [
        Link(url, url if url in left_out else tagged(url, parameters), untagged(url) != url) for url in links_in(text)
    ]


def _name(parameter: str) -> str:
    return parameter.partition("=")[0].lower()


def _each(text: str, change: Callable[[str], str]) -> str:
    pieces, done = [], 0
    for start, end in _spans(text):
        pieces += [text[done:start], change(text[start:end])]
        done = end
    return "".join([*pieces, text[done:]])


def _spans(text: str) -> Iterator[tuple[int, int]]:
    for match in _LINK.finditer(text):
        url = _trimmed(match.group())
        if _has_host(url):
            yield match.start(), match.start() + len(url)


def _trimmed(url: str) -> str:
    """Without the punctuation of the sentence around it; a bracket that was opened inside stays."""
    while True:
        shorter = _TAIL.sub("", url)
        if shorter.endswith(")") and shorter.count("(") < shorter.count(")"):
            shorter = shorter[:-1]
        if shorter == url:
            return url
        url = shorter


def _has_host(url: str) -> bool:
    try:
        return bool(urlsplit(url).hostname)
    except ValueError:
        return False
