"""The word lists behind `tone.py`: reading `lexicon/*.tsv` (format: docs/tone.md) and looking words up in them.

A lexicon is read when it is first asked for. What its entries do to a text is `tone_mood.py`'s.
"""

import re
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import TypeVar

T = TypeVar("T")

FOLDER = Path(__file__).parent / "lexicon"
MOST_KNOWN = 30_000  # words whose entry is remembered; strangers can invent any number of them

ASKED, NOT_BAD = 0.3, 0.6  # what is left of a word in a question; of a bad one, as good, after a “not”

_UMLAUTS = str.maketrans({"ä": "ae", "ö": "oe", "ü": "ue", "ß": "ss", "'": None, "’": None, "‘": None, "`": None})
_SHORTENED = {"ll": " will", "re": " are", "ve": " have", "d": " would", "m": " am"}
_SHORT = re.compile(r"(?<=[a-z])['’](ll|re|ve|d|m)\b")
_LONG_UMLAUT = re.compile(r"([äöü])\1+")
_DOUBLE = re.compile(r"([^\W\d_])\1")
_LONG = 7
_DRAWN_OUT = re.compile(r"([^\W\d_])\1{2,}")
_ENDINGS = (
    *("", "e", "en", "er", "es", "em", "ere", "eren", "erer", "eres"),
    *("ste", "sten", "ster", "stes", "stem", "este", "esten", "ester", "estes"),
)
_NUMBERS = frozenset(
    (
        *("ein", "eine", "einer", "einem", "zwei", "drei", "vier", "fuenf", "sechs", "sieben"),
        *("acht", "neun", "zehn", "zwoelf", "zwanzig", "paar", "mehreren", "vielen"),
        *("one", "two", "three", "four", "five", "six", "seven", "eight"),
        *("nine", "ten", "twelve", "twenty", "several", "many", "couple"),
    )
)
_RATED = re.compile(r"\d+/\d+")
_SHORTEST = 3  # letters a beginning or an end must have at least


def folded(text: str) -> str:
    """As lists and texts are compared: small letters, ä as ae, ß as ss, “I'll” in full, no other apostrophes."""
    small = text.lower()
    if "'" in small or "’" in small:
        small = _SHORT.sub(lambda found: _SHORTENED[found[1]], small)
    return _LONG_UMLAUT.sub(r"\1", small).translate(_UMLAUTS)


@dataclass(frozen=True, slots=True)
class Entry:
    """What a word does: `weight` as it stands, `negated` after (or before) a “not”, `asked` in a question."""

    weight: float
    negated: float
    asked: float
    by_not: bool = False  # what it is worth beside a “not” is said in the list: then a “not” behind it counts too


@dataclass(frozen=True, slots=True)
class Step:
    """One place of a phrase: one of `words`, or what fits `open` (“wart*”, “#”); a gap takes up to two of any."""

    words: frozenset[str]
    open: tuple[str, ...] = ()

    is_gap: bool = False


@dataclass(frozen=True, slots=True)
class Phrase:
    """Several words in a row, the first of which is no gap."""

    steps: tuple[Step, ...]
    weight: float


@dataclass
class Lexicon:
    """One language's lists. `words`, `stems` (declined), `begins`, `ends` by form; phrases by their first word."""

    words: dict[str, Entry] = field(default_factory=dict)
    stems: dict[str, Entry] = field(default_factory=dict)
    single: dict[str, Entry] = field(default_factory=dict)  # long words with double letters written once
    begins: dict[str, Entry] = field(default_factory=dict)
    ends: dict[str, Entry] = field(default_factory=dict)
    phrases: dict[str, list[Phrase]] = field(default_factory=lambda: defaultdict(list))
    openings: dict[str, list[Phrase]] = field(default_factory=lambda: defaultdict(list))  # by “wart*”, “#”
    boost: dict[str, float] = field(default_factory=dict)
    kinds: dict[str, set[str]] = field(default_factory=lambda: defaultdict(set))
    behind: "Lexicon | None" = None  # asked for what isn't here
    _known: dict[str, Entry | None] = field(default_factory=dict)
    _openers: dict[str, tuple[Phrase, ...]] = field(default_factory=dict)

    def entry(self, word: str) -> Entry | None:
        """What is known of a folded word, drawn-out letters (“suuuper”) and endings apart."""
        try:
            return self._known[word]
        except KeyError:
            pass
        found = self._find(word)
        if found is None and _DRAWN_OUT.search(word):
            found = self._find(_DRAWN_OUT.sub(r"\1", word)) or self._find(_DRAWN_OUT.sub(r"\1\1", word))
        return _remembered(self._known, word, found)

    def begun_by(self, word: str) -> tuple[Phrase, ...]:
        """The phrases that may begin with a folded word, the longest first."""
        try:
            return self._openers[word]
        except KeyError:
            found = list(self.phrases.get(word, ()))
            found += [one for first, some in self.openings.items() if fits(first, word) for one in some]
            found.sort(key=lambda one: -len(one.steps))
            return _remembered(self._openers, word, tuple(found))

    def _find(self, word: str) -> Entry | None:
        if (found := self.words.get(word)) is not None:
            return found
        for ending in _ENDINGS if self.stems else ():
            if word.endswith(ending) and (found := self.stems.get(word[: len(word) - len(ending)])) is not None:
                return found
        for length in range(len(word), _SHORTEST - 1, -1):
            if (found := self.begins.get(word[:length])) is not None:
                return found
        for start in range(1, len(word) - _SHORTEST):
            if (found := self.ends.get(word[start:])) is not None:
                return found
        if self.behind and (found := self.behind.entry(word)) is not None:
            return found
        return self.single.get(word)

    def add(self, kind: str, weight: str, form: str) -> None:
        """Take one form of one line."""
        if kind == "word" and " " not in form:
            self._add_word(_entry(weight), form)
        elif kind in ("word", "phrase"):
            for phrase in _phrases(form, float(weight.partition("/")[0])):
                for first in phrase.steps[0].words:
                    self.phrases[first].append(phrase)
                for first in phrase.steps[0].open:
                    self.openings[first].append(phrase)
        elif kind == "boost":
            self.boost[form] = float(weight)
        else:
            self.kinds[kind].add(form)

    def _add_word(self, entry: Entry, form: str) -> None:
        where, key = self.words, form
        if "*" not in form and (single := _DOUBLE.sub(r"\1", form)) != form and len(form) >= _LONG:
            self.single.setdefault(single.removesuffix("~"), entry)
        if form.endswith("~"):
            where, key = self.stems, form[:-1]
            # “teure~”, “edle~”: the form that has lost its e before the ending
            key = key[:-1] if key.endswith("e") and len(key) > _SHORTEST + 1 else key
        elif form.endswith("*"):
            where, key = self.begins, form[:-1]
        elif form.startswith("*"):
            where, key = self.ends, form[1:]
        where.setdefault(key, entry)


def _entry(weight: str) -> Entry:
    """“2”, “2/-2.5” (beside a not), “1/-2/-1.5” (and in a question)."""
    given = [float(part) for part in weight.split("/")]
    plain = given[0]
    negated = given[1] if len(given) > 1 else -plain if plain > 0 else -plain * NOT_BAD
    asked = given[2] if len(given) > 2 else plain * ASKED
    return Entry(plain, negated, asked, by_not=len(given) > 1)


def _phrases(form: str, weight: float) -> Iterator[Phrase]:
    """`a/b c … d`: alternatives with a slash, `…` for up to two words of any kind, `#` for a number."""
    steps = [_step(word) for word in form.split()]
    if steps and not steps[0].is_gap:
        yield Phrase(tuple(steps), weight)


def _step(word: str) -> Step:
    if word == "…":
        return Step(frozenset(), (), True)
    forms = [word] if _RATED.fullmatch(word) else word.split("/")
    is_open = {form: form.endswith("*") or form == "#" for form in forms}
    return Step(frozenset(form for form in forms if not is_open[form]), tuple(form for form in forms if is_open[form]))


def fits(form: str, word: str) -> bool:
    """Whether a word is a number (“#”), or begins so (“wart*”)."""
    return word in _NUMBERS or word.isdigit() if form == "#" else word.startswith(form[:-1])


def _remembered(known: dict[str, T], word: str, found: T) -> T:
    if len(known) >= MOST_KNOWN:
        known.clear()
    known[word] = found
    return found


def _lines(name: str) -> Iterator[tuple[str, str, str]]:
    for line in (FOLDER / name).read_text(encoding="utf-8").splitlines():
        if line and not line.startswith(("#", "kind\t")):
            kind, weight, forms = line.split("\t")
            yield kind, weight, forms


@cache
def lexicon(name: str) -> Lexicon:
    """The lists of `de` or `en`, read once; English ones have VADER's words behind them."""
    found = Lexicon(behind=lexicon("vader") if name == "en" else None)
    for kind, weight, forms in _lines(f"{name}.tsv"):
        for form in forms.split(","):
            if clean := folded(form).strip():
                found.add(kind, weight, clean)
    return found


@cache
def signs() -> tuple[dict[str, float], frozenset[str], dict[str, float]]:
    """Emoji with their weight, those that mean the opposite, and emoticons with their weight."""
    emoji: dict[str, float] = {}
    twists: set[str] = set()
    emoticons: dict[str, float] = {}
    for kind, weight, forms in _lines("emoji.tsv"):
        for form in forms.split():
            (emoticons if kind == "emoticon" else emoji)[form] = float(weight)
            if kind == "twist":
                twists.add(form)
    return emoji, frozenset(twists), emoticons


@cache
def markers() -> dict[str, tuple[str, ...]]:
    """Words that tell languages apart: folded word → the languages it speaks for."""
    found: dict[str, list[str]] = defaultdict(list)
    for name in ("de", "en"):
        for word in sorted(lexicon(name).kinds["marker"]):
            found[word].append(name)
    for language, _, forms in _lines("others.tsv"):
        for form in forms.split(","):
            found[folded(form).strip()].append(language)
    return {word: tuple(dict.fromkeys(languages)) for word, languages in found.items()}
