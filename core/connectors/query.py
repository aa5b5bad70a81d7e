"""What a monitor's query means, for networks whose own search is looser than a person expects. Pure.

`#tag` is a hashtag, `"some words"` a phrase, any other word a word; all of them must be there. Case and the
Unicode form (composed or not) make no difference. `from:…` and the like are left to the network.
"""

import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache

import regex

_PIECE = regex.compile(r'"([^"]+)"?|(\S+)')
_OPERATOR = regex.compile(r"^-?(from|author|to|mentions|lang|domain|url|since|until|did):\S+$", regex.IGNORECASE)
# Scripts that put no spaces between words: there a word may stand inside a longer run of letters.
_UNSPACED = regex.compile(r"[\p{Han}\p{Hiragana}\p{Katakana}\p{Thai}\p{Lao}\p{Khmer}\p{Myanmar}\p{Hangul}]")


@dataclass(frozen=True)
class Query:
    """A parsed query: hashtags without their sign, and patterns for words and phrases."""

    tags: frozenset[str]
    words: tuple["regex.Pattern[str]", ...]
    by_network: bool = False  # has parts that only the network can judge

    def matches(self, text: str, tags: Iterable[str]) -> bool:
        """Whether a text with these hashtags is meant. An empty query matches nothing."""
        if not self.tags and not self.words:
            return self.by_network
        there = {folded(tag) for tag in tags}
        plain = folded(text)
        return self.tags <= there and all(word.search(plain) for word in self.words)


def folded(text: str) -> str:
    """Text as it is compared: composed, without case."""
    return unicodedata.normalize("NFKC", text).casefold()


@lru_cache(maxsize=256)
def parse(query: str) -> Query:
    """Read what a person typed. Never fails."""
    tags: set[str] = set()
    words: list[regex.Pattern[str]] = []
    by_network = False
    for phrase, word in _PIECE.findall(query):
        term = folded(phrase or word).strip()
        if not phrase and term[:1] == "#" and len(term) > 1:
            tags.add(term[1:])
        elif word and _OPERATOR.match(term):
            by_network = True
        elif term:
            words.append(_pattern(term))
    return Query(frozenset(tags), tuple(words), by_network)


def _pattern(term: str) -> "regex.Pattern[str]":
    inner = r"\s+".join(regex.escape(part) for part in term.split())
    if _UNSPACED.search(term):
        return regex.compile(inner)
    return regex.compile(rf"(?<![\p{{L}}\p{{N}}_]){inner}(?![\p{{L}}\p{{N}}_])")
