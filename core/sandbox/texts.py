"""The sentences people say, read from `texts/*.txt`, and how they are drawn and filled. No database, no clock."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from random import Random

FOLDER = Path(__file__).parent / "texts"

MARKS = {
    "P": "posts",
    "Q": "questions",
    "C": "complaints",
    "L": "praise",
    "M": "mentions",
    "D": "directs",
    "H": "public",
    "T": "thanks",
    "R": "reactions",
    "O": "openings",
    "E": "closings",
}
TURNS = {"A": "us", "F": "them"}

SLOTS: dict[str, tuple[str, ...]] = {
    "kaffee": (
        "Äthiopien Guji",
        "Kolumbien Huila",
        "Honduras Marcala",
        "Peru Cajamarca",
        "Sumatra Gayo",
        "Kenia Nyeri",
    ),
    "note": (
        "Blaubeere und Kakao",
        "roter Johannisbeere und Karamell",
        "Haselnuss und Vollmilchschokolade",
        "Bergamotte und Honig",
        "Pflaume und Zimt",
        "Orange und Schwarztee",
    ),
    "stadt": ("Oldenburg", "Leipzig", "Münster", "Graz", "Kiel", "Freiburg", "Osnabrück", "Wilhelmshaven"),
    "tag": ("Dienstag", "Mittwoch", "Donnerstag", "Freitag", "Samstag"),
    "herkunft": ("Huehuetenango", "Nariño", "Cajamarca"),
    "model": ("Wader", "Mudlark", "Long Bill"),
    "city": ("Ghent", "Utrecht", "Cardiff", "Copenhagen", "Leeds", "Porto", "Aarhus"),
    "day": ("Tuesday", "Wednesday", "Thursday", "Friday", "Saturday"),
}


@dataclass(frozen=True)
class Talk:
    """Something said and what follows: `turns` are ("us" | "them", text), in order."""

    text: str
    turns: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True)
class Topic:
    """One section of a text file. `said` is by the names in MARKS; `handle` is a channel (or a language)."""

    key: str
    handle: str
    tags: tuple[str, ...]
    keywords: tuple[str, ...]
    said: dict[str, tuple[Talk, ...]]

    def get(self, what: str) -> tuple[Talk, ...]:
        """All of one kind (`questions`, `praise`, …); empty if there is none."""
        return self.said.get(what, ())


@lru_cache(maxsize=1)
def topics() -> dict[str, Topic]:
    """Every topic by its key. Raises `ValueError` for a line that can't be read."""
    found = [topic for path in sorted(FOLDER.glob("*.txt")) for topic in _read(path)]
    return {topic.key: topic for topic in found}


def _read(path: Path) -> list[Topic]:
    sections = re.split(r"^== ", path.read_text("utf-8"), flags=re.MULTILINE)[1:]
    return [_section(section) for section in sections]


def _section(section: str) -> Topic:
    head, *lines = section.strip().splitlines()
    key, handle, tags, keywords = (part.strip() for part in head.split("|"))
    said: dict[str, list[tuple[str, list[tuple[str, str]]]]] = {}
    turns: list[tuple[str, str]] = []
    for line in filter(None, lines):
        mark, text = line[0], line[2:].replace("\\n", "\n")
        if mark in TURNS:
            turns.append((TURNS[mark], text))
        elif mark in MARKS and line[1] == " ":
            turns = []
            said.setdefault(MARKS[mark], []).append((text, turns))
        else:
            raise ValueError(f"Section {key}: can't read {line!r}")
    talks = {kind: tuple(Talk(text, tuple(after)) for text, after in entries) for kind, entries in said.items()}
    return Topic(key, handle, tuple(tags.split()), tuple(keywords.split()), talks)


def topics_of(handle: str) -> list[Topic]:
    """The topics a channel posts about."""
    return [topic for topic in topics().values() if topic.handle == handle and topic.get("posts")]


def open_of(handle: str) -> Topic:
    """What is said around a channel without a post of ours: mentions, direct messages, public posts."""
    return next(t for t in topics().values() if t.handle == handle and t.get("mentions"))


def guess_topic(handle: str, text: str) -> Topic | None:
    """The topic a post of this channel is most likely about, by its words; None if nothing fits."""
    words = text.lower()
    scored = [(sum(words.count(k) for k in topic.keywords), topic.key) for topic in topics_of(handle)]
    best, key = max(scored, default=(0, ""))
    return topics()[key] if best else None


def slots(rng: Random, handle: str) -> dict[str, str]:
    """One choice for every brace, used for a whole thread. `{at}` is the channel's mention."""
    return {name: rng.choice(values) for name, values in SLOTS.items()} | {"at": f"@{handle}"}


def fill(text: str, values: dict[str, str]) -> str:
    """Put the values in; a brace that isn't ours stays as it is."""
    return re.sub(r"\{(\w+)\}", lambda m: values.get(m[1], m[0]), text)


class Deck:
    """Draws from lists like from a shuffled pack: nothing comes twice before all came once."""

    def __init__(self, rng: Random) -> None:
        self._rng = rng
        self._left: dict[tuple[str, str], list[Talk]] = {}

    def draw(self, topic: Topic, what: str) -> Talk:
        """The next one of a kind. Raises `IndexError` if the topic has none."""
        left = self._left.setdefault((topic.key, what), [])
        if not left:
            left.extend(topic.get(what))
            self._rng.shuffle(left)
        return left.pop()

    def dressed(self, text: str, language: str, rng: Random) -> str:
        """The text with an opening or closing now and then, as people write."""
        small = topics()[language]
        if rng.random() < 0.22:
            text = f"{self.draw(small, 'openings').text} {text}"
        if rng.random() < 0.16:
            text = f"{text} {self.draw(small, 'closings').text}"
        return text


def kind_weights(handle: str) -> Sequence[tuple[str, float]]:
    """How often a comment is a question, praise or a complaint: the service channel hears more complaints."""
    if handle.endswith("hilfe"):
        return (("questions", 0.42), ("complaints", 0.36), ("praise", 0.22))
    return (("questions", 0.38), ("praise", 0.42), ("complaints", 0.20))


def pick_kind(rng: Random, handle: str) -> str:
    """Draw the kind of a comment by `kind_weights`."""
    kinds, weights = zip(*kind_weights(handle), strict=True)
    return str(rng.choices(kinds, weights)[0])
