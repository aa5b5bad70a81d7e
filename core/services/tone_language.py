"""Which language a short text is in: by the small words that tell languages apart, else by py3langid.

py3langid (and numpy with it) is loaded when small words don't decide for the first time, with the tables of the
languages below only: docs/tone.md says what it costs.
"""

import logging
import threading
from collections.abc import Sequence
from functools import cache
from typing import Any

from core.services.tone_words import lexicon, markers

log = logging.getLogger("hub.tone")

LANGUAGES = (
    *("de", "en", "fr", "it", "es", "pt", "nl", "da", "sv", "no", "fi", "pl", "cs", "hu", "ro", "tr"),
    *("el", "ru", "uk", "ar", "he", "ja", "zh", "ko"),
)
SURE = 0.8  # of py3langid, from 0 to 1
ENOUGH, AHEAD, A_HINT = 0.9, 1.5, 0.5  # of small words: 1 for each that speaks for one language alone
SHARED = 0.4  # what a word is worth that speaks for several
OF_A_LIST = 0.6  # a word that only one language's list of moods knows
LETTERS = 8  # py3langid is asked for no less
BYTES = 600  # and reads no more

_loading = threading.Lock()


def language_of(words: Sequence[str], text: str) -> str | None:
    """The language of a text, given its folded words too; None: nothing tells."""
    votes = _votes(words)
    best = max(votes, key=lambda one: votes[one], default="")
    second = max((votes[one] for one in votes if one != best), default=0.0)
    lead = votes.get(best, 0.0)
    if lead >= ENOUGH and lead >= AHEAD * second:
        return best
    guessed, sure = _guessed(text)
    if guessed is not None and sure >= SURE:
        return guessed
    return best if lead >= A_HINT and lead > second else None


def _votes(words: Sequence[str]) -> dict[str, float]:
    votes: dict[str, float] = {}
    known = markers()
    for word in set(words):
        languages = known.get(word)
        if languages is not None:
            worth = 1.0 if len(languages) == 1 else SHARED
            for one in languages:
                votes[one] = votes.get(one, 0.0) + worth
            continue
        german, english = lexicon("de").entry(word), lexicon("en").entry(word)
        if (german is None) is not (english is None):
            one = "de" if german is not None else "en"
            votes[one] = votes.get(one, 0.0) + OF_A_LIST
    return votes


def _guessed(text: str) -> tuple[str | None, float]:
    if sum(map(str.isalpha, text)) < (LETTERS if text.isascii() else 2):
        return None, 0.0
    language, sure = _identifier().classify(text.encode()[:BYTES])
    return str(language), float(sure)


def _identifier() -> Any:
    with _loading:
        return _loaded()


@cache
def _loaded() -> Any:
    """py3langid with the columns of our languages: those of the other hundred are let go."""
    from py3langid.langid import MODEL_DIR, MODEL_FILE, LanguageIdentifier
    from py3langid.modelio import load_model

    weights, priors, classes, moves, rows, output = load_model(MODEL_DIR / MODEL_FILE)
    ours = [index for index, name in enumerate(classes) if name in LANGUAGES]
    return LanguageIdentifier(
        weights[:, ours].copy(),
        priors[ours].copy(),
        [classes[index] for index in ours],
        moves,
        output,
        norm_probs=True,
        tk_row=rows,
    )
