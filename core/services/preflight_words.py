"""What the preflight reads out of words: hashtags nobody can read aloud, labels of advertising, likeness. Pure."""

import re
import unicodedata
from collections.abc import Collection, Iterable, Sequence
from functools import lru_cache
from pathlib import Path

from rapidfuzz import fuzz, process

HASHTAG = re.compile(r"(?<![\w&/#])#(\w{2,100})")
WORDS_FILE = Path(__file__).parent / "lexicon" / "hashtag_words.txt"
SHORTEST_TAG = 7  # letters; shorter ones are read well enough
SHORTEST_WORD = 2
ALIKE = 88.0  # of 100, by rapidfuzz's ratio: from here on two posts say the same
SHORT = 25  # characters: shorter texts are alike by chance

# Where the law wants advertising labelled, the word stands at the beginning and is understood at once. “Anzeige” and
# “Werbung” are; German courts refused “sponsored by” (BGH I ZR 2/11) and “#ad” among other tags (OLG Celle 13 U 53/17).
LABELS = ("anzeige", "werbung")
ENGLISH_LABELS = ("advertisement", "advert", "ad", "paid partnership")
_BEFORE_LABEL = r"[\s\W_]{0,6}"


def unreadable_hashtags(text: str, known: Iterable[str] = ()) -> list[tuple[str, str]]:
    """(as written, how it can be read) of hashtags that are several words without a capital between them.

    A screen reader spells out #wirliebenkaffee; #WirLiebenKaffee it reads. `known`: words beside the common ones, say
    those of the post itself. German compounds may be taken for two words, so this only asks.
    """
    words = common_words() | {word.casefold() for word in known}
    found: dict[str, str] = {}
    for tag in HASHTAG.findall(text):
        if tag == tag.lower() and tag.isalpha() and len(tag) >= SHORTEST_TAG:
            parts = _parted(tag, words)
            if len(parts) > 1:
                found.setdefault(f"#{tag}", "#" + "".join(part[:1].upper() + part[1:] for part in parts))
    return list(found.items())


def _parted(tag: str, words: Collection[str]) -> Sequence[str]:
    """The tag as the fewest known words one behind the other; itself where that can't be done, or it is one."""
    if tag in words:
        return (tag,)
    best: list[tuple[str, ...] | None] = [(), *[None] * len(tag)]
    for end in range(SHORTEST_WORD, len(tag) + 1):
        for start in range(max(0, end - 30), end - SHORTEST_WORD + 1):
            before, piece = best[start], tag[start:end]
            if before is not None and piece in words:
                longer = (*before, piece)
                if best[end] is None or len(longer) < len(best[end] or ()):
                    best[end] = longer
    return best[len(tag)] or (tag,)


@lru_cache(maxsize=1)
def common_words() -> frozenset[str]:
    """The words of `lexicon/hashtag_words.txt`."""
    lines = WORDS_FILE.read_text(encoding="utf-8").splitlines()
    return frozenset(word for line in lines if not line.startswith("#") for word in line.split())


def words_of(text: str) -> set[str]:
    """The words of a text that are long enough to be told from endings."""
    return set(re.findall(r"[^\W\d_]{3,}", text.casefold()))


def is_labelled(text: str, language: str | None) -> bool:
    """Whether a text begins with a label of advertising, in brackets, as a hashtag or plain."""
    labels = (*LABELS, *ENGLISH_LABELS) if (language or "").startswith("en") else LABELS
    names = "|".join(re.escape(label) for label in labels)
    return re.match(rf"{_BEFORE_LABEL}(?:{names})(?!\w)", text, re.IGNORECASE) is not None


def normal(text: str) -> str:
    """A text as it is compared: no links, no case, no marks, one space between words."""
    bare = re.sub(r"https?://\S+", " ", unicodedata.normalize("NFKC", text).casefold())
    return " ".join(re.sub(r"[\W_]+", " ", bare).split())


def most_alike(text: str, others: Sequence[str]) -> tuple[int, float] | None:
    """(index, likeness of 100) of the text most like this one, if any is like it; all as `normal` gives them."""
    if len(text) < SHORT or not others:
        return None
    found = process.extractOne(text, others, scorer=fuzz.ratio, score_cutoff=ALIKE)
    return (int(found[2]), float(found[1])) if found else None
