"""How positive or negative a text is, by one language's word lists: negation, emphasis, contrast, questions, emoji.

Pure; the lists are read in `tone_words.py`. The steps and what they are worth are told in docs/tone.md.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache

from core.services.tone_words import Entry, Lexicon, Phrase, fits, signs

REACH = 4  # words a “not” reaches forward
REACH_BACK = 6  # and back, to a word that says what it is worth beside one (“gefällt mir leider gar nicht”)
BOOST_REACH = 2
GAP = 2  # words that may stand in a phrase's “…”
BEFORE_BUT, AFTER_BUT, THOUGH = 0.5, 1.2, 0.4
LOUD, DRAWN_OUT = 1.15, 1.2
WHY, URGENT = -0.6, -0.9  # what asking why, and asking with several question marks, is worth by itself
REPEATED, MOST_OF_EMOJI = 0.3, 4.0
NOT_ASKED, PHRASE_ASKED = 0.5, 0.6  # what is left in a question of a word beside a “not”, of a phrase
TWIST = -0.8  # rolling eyes turn praise round
CAPS_LETTERS = 12  # so many capitals, and hardly anything else, are shouting

_ENDS = frozenset(".!?;…\n")
_THRICE = re.compile(r"([^\W\d_])\1{2,}")


@dataclass(frozen=True, slots=True)
class Scored:
    """`score` > 0 is positive. `known`: how many words the lists know, those without a mood too; `signs`: emoji."""

    score: float
    known: int
    signs: int


@cache
def _token() -> re.Pattern[str]:
    emoji, _, emoticons = signs()
    faces = "|".join(re.escape(one.lower()) for one in sorted(emoticons, key=len, reverse=True))
    return re.compile(
        rf"(?P<face>(?<![\d:/])(?:{faces})(?!\w))|(?P<word>\d+/\d+|[^\W_]+)|(?P<emoji>[{''.join(emoji)}])|(?P<stop>[.!?;,…\n:()]+)"
    )


@cache
def _faces() -> dict[str, float]:
    return {face.lower(): weight for face, weight in signs()[2].items()}


def score(text: str, lists: Lexicon, capitals: bool = False) -> Scored:
    """Judge a folded text. `capitals`: it was written in them throughout."""
    reading = _Reading(lists)
    faces: list[str] = []
    for sentence, stop in _sentences(text, faces):
        reading.read(sentence, stop)
    said = sum(reading.parts) * (LOUD if capitals else 1)
    return Scored(_with_signs(said, faces), reading.known, len(faces))


def _sentences(text: str, faces: list[str]) -> Iterator[tuple[list[str], str]]:
    """The words of each sentence, commas among them as “,”, and what it ends with; emoji go to `faces`."""
    words: list[str] = []
    for match in _token().finditer(text):
        kind, token = match.lastgroup, match.group()
        if kind == "word":
            words.append(token)
        elif kind == "stop":
            if _ENDS.isdisjoint(token):
                words.append(",")
            else:
                yield words, token
                words = []
        else:
            faces.append(token)
            words.append(",")
    yield words, ""


def _with_signs(said: float, faces: list[str]) -> float:
    """Emoji and emoticons count each kind once, repeats a little; rolling eyes turn praise round."""
    if not faces:
        return said
    emoji, twists, _ = signs()
    kinds = dict.fromkeys(faces)
    worth = 0.0
    for one in kinds:
        weight = emoji.get(one, _faces().get(one, 0.0))
        worth += weight * (1 + REPEATED * (min(faces.count(one), 4) - 1))
    if said > 0 and not twists.isdisjoint(kinds):
        said *= TWIST
    return said + max(-MOST_OF_EMOJI, min(MOST_OF_EMOJI, worth))


class _Reading:
    """Goes through the sentences of one text; `parts` is what each word or phrase contributed."""

    def __init__(self, lists: Lexicon) -> None:
        self.lists = lists
        self.parts: list[float] = []
        self.known = 0

    def read(self, words: list[str], stop: str) -> None:
        if not words:
            return
        asks = "?" in stop
        why = asks and words[0] in self.lists.kinds["why"]
        begin = len(self.parts)
        _Sentence(self, words, asks and not why).read()
        if why:
            self.parts.append(WHY)
        if stop.count("?") > 1 or (asks and "!" in stop):
            self.parts.append(URGENT)
        if "!" in stop:
            self.parts[begin:] = [part * LOUD for part in self.parts[begin:]]

    def turn(self) -> None:
        """After a “but” counts more than before it."""
        self.parts = [part * BEFORE_BUT for part in self.parts]


class _Sentence:
    def __init__(self, reading: _Reading, words: list[str], asks: bool) -> None:
        self.reading, self.lists, self.words, self.asks = reading, reading.lists, words, asks
        self.negated = 0  # words that the last “not” still reaches
        self.boost, self.boost_left = 1.0, 0
        self.factor = self.clause = 1.0
        self.waiting: tuple[int, int, Entry] | None = None  # where a word stands that a “not” may follow, its part

    def read(self) -> None:
        at, words, lists = 0, self.words, self.lists
        while at < len(words):
            word = words[at]
            if word == ",":
                self._clause_ends()
            elif (found := self._phrase(at)) is not None:
                phrase, length = found
                self._add_phrase(phrase)
                at += length
                continue
            elif word in lists.kinds["contrast"]:
                self._clause_ends()
                self.reading.turn()
                self.factor = AFTER_BUT
            elif word in lists.kinds["though"]:
                self.clause = THOUGH
            else:
                self._word(at, word)
            at += 1

    def _clause_ends(self) -> None:
        self.negated, self.boost, self.boost_left, self.clause, self.waiting = 0, 1.0, 0, 1.0, None

    def _word(self, at: int, word: str) -> None:
        lists = self.lists
        entry = lists.entry(word)
        if entry is not None:
            self.reading.known += 1
        if word in lists.kinds["negate"]:
            self._not(at)
            return
        if word in lists.kinds["lacking"]:  # “ohne” belongs to what follows, never to what was said before
            self.waiting = None
            self._not(at)
            return
        if word in lists.boost and (entry is None or self._strengthens(at)):
            self.boost *= lists.boost[word]
            self.boost_left = BOOST_REACH
            return
        if entry is not None:
            self._add(at, word, entry)
        self.negated -= self.negated > 0
        self.boost_left -= 1
        if self.boost_left < 0:
            self.boost = 1.0

    def _strengthens(self, at: int) -> bool:
        """Whether a word that is strong itself (“super”) stands before one it strengthens."""
        following = self.words[at + 1] if at + 1 < len(self.words) else ","
        entry = self.lists.entry(following)
        return following in self.lists.boost or (entry is not None and entry.weight != 0)

    def _not(self, at: int) -> None:
        waiting = self.waiting
        if waiting is not None and at - waiting[0] <= REACH_BACK:
            _, part, entry = waiting
            self.reading.parts[part] = self._worth(entry, True)
            self.waiting = None
        self.negated = REACH + 1
        self.boost = 1.0

    def _worth(self, entry: Entry, negated: bool) -> float:
        plain = entry.asked if self.asks else entry.weight
        worth = entry.negated * (NOT_ASKED if self.asks else 1) if negated else plain
        return worth * self.factor * self.clause

    def _add(self, at: int, word: str, entry: Entry) -> None:
        negated = self.negated > 0
        worth = self._worth(entry, negated) * self.boost
        if _THRICE.search(word):
            worth *= DRAWN_OUT
        self.reading.parts.append(worth)
        self.boost = 1.0
        if entry.by_not and not negated:
            self.waiting = (at, len(self.reading.parts) - 1, entry)

    def _add_phrase(self, phrase: Phrase) -> None:
        self.reading.known += 1
        worth = phrase.weight * self.factor * self.clause
        if self.negated and worth > 0:
            worth = -worth
        if self.asks:
            worth *= PHRASE_ASKED
        self.reading.parts.append(worth * self.boost)
        self.boost, self.negated, self.waiting = 1.0, 0, None

    def _phrase(self, at: int) -> tuple[Phrase, int] | None:
        """The longest phrase that begins here, with how many words it takes."""
        best: tuple[Phrase, int] | None = None
        for phrase in self.lists.begun_by(self.words[at]):
            length = _length(phrase, self.words, at)
            if length and (best is None or length > best[1]):
                best = phrase, length
        return best


def _length(phrase: Phrase, words: list[str], at: int) -> int:
    """How many words a phrase takes from here on, its first being here; 0: it isn't here."""
    here, gap, end = at + 1, 0, len(words)
    for step in phrase.steps[1:]:
        if step.is_gap:
            gap = GAP
            continue
        last = here + gap
        while here < end:
            word = words[here]
            if word in step.words or (step.open and any(fits(form, word) for form in step.open)):
                break
            if here == last or word == ",":
                return 0
            here += 1
        else:
            return 0
        here, gap = here + 1, 0
    return here - at
