"""Language and mood of what people write, worked out here, offline. Pure; how and how well: docs/tone.md.

Mood is told for German and English; for other languages it is None, unknown, and never guessed. The word lists are
read by `tone_words.py`, weighed by `tone_mood.py`; the language is found by `tone_language.py`. When a message is
judged is `triage.py`'s affair; what a member says about it instead, `moods.py`'s.
"""

import re
import unicodedata
from dataclasses import dataclass

from core.models.inbox import Sentiment
from core.services.tone_language import language_of
from core.services.tone_mood import CAPS_LETTERS, Scored, score
from core.services.tone_words import folded, lexicon

JUDGED = ("de", "en")
LONGEST = 4_000  # characters that are looked at
THRESHOLD = 0.8  # from here a text is positive, from its negative on negative
LONG, PER_WORD, MOST = 25, 0.02, 1.0  # in long texts words with a mood turn up by chance: a little more is asked for

_NOISE = re.compile(
    r"https?://\S+|www\.\S+|\S+@\S+\.\w+|(?<!\w)@[\w.\-]+(?:@[\w.\-]+)?|[\u200b-\u200d\ufe0e\ufe0f\U0001f3fb-\U0001f3ff]"
)
_HASHTAG = re.compile(r"(?<!\w)#\w+")
_WORD = re.compile(r"[^\W\d_]+")


@dataclass(frozen=True, slots=True)
class Tone:
    """Language and mood of a text; None: nobody can tell."""

    language: str | None
    sentiment: Sentiment | None


def judge(text: str, language: str | None = None) -> Tone:
    """Language (what the network says, else found) and mood of a text of any length."""
    plain = unicodedata.normalize("NFC", _NOISE.sub(" ", text[:LONGEST]))
    small = folded(plain)
    words = _WORD.findall(small)
    if language is None:
        untagged = _HASHTAG.sub(" ", plain)
        language = language_of(_WORD.findall(folded(untagged)), untagged)
    main = language.replace("_", "-").partition("-")[0].lower() if language else None
    if main is not None and main not in JUDGED:
        return Tone(language, None)
    capitals = _shouted(plain)
    found = [score(small, lexicon(one), capitals) for one in ((main,) if main else JUDGED)]
    return Tone(language, _agreed(found, len(words), sure=main is not None))


def _shouted(text: str) -> bool:
    capitals = sum(map(str.isupper, text))
    return capitals >= CAPS_LETTERS and capitals > 4 * sum(map(str.islower, text))


def _agreed(found: list[Scored], words: int, sure: bool) -> Sentiment | None:
    """One language's judgement; of a text without a language, what both say that know anything of it."""
    telling = found if sure else [one for one in found if one.known or (one.signs and not words)]
    moods = {_mood(one.score, words) for one in telling}
    return moods.pop() if len(moods) == 1 else None


def _mood(worth: float, words: int) -> Sentiment:
    threshold = THRESHOLD + min(MOST, PER_WORD * max(0, words - LONG))
    if worth >= threshold:
        return Sentiment.POSITIVE
    return Sentiment.NEGATIVE if worth <= -threshold else Sentiment.NEUTRAL
