"""How well `core.services.tone` judges a hand-labelled sample: `python -m tests.tone_report`.

The sample has three parts: `tune`, for making the lists; `held`, written before them and never tuned on; `fresh`,
written after the last change to them. Prints how well each is judged, by language, with a confusion matrix; what the
parts of the approach contribute (each left out once); how well languages are told apart; texts a second. `--errors`
shows what is judged wrongly in `tune`: never look at the others'. A file of one's own, of the same form, may be given.
"""

import argparse
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from unittest import mock

from core.services import tone, tone_mood, tone_words

PROMISED = 5_000.0  # texts a second in one thread
SAMPLES = Path(__file__).parent / "samples"
MOODS = ("positive", "neutral", "negative")


@dataclass(frozen=True)
class Text:
    """One row of the sample."""

    half: str
    language: str
    mood: str
    text: str


@dataclass(frozen=True)
class Measured:
    """`matrix[labelled, judged]` counts; judged None is unknown."""

    matrix: Counter[tuple[str, str | None]]
    language_right: int

    @property
    def total(self) -> int:
        return sum(self.matrix.values())

    @property
    def accuracy(self) -> float:
        return sum(self.matrix[mood, mood] for mood in MOODS) / self.total

    @property
    def language_accuracy(self) -> float:
        return self.language_right / self.total

    @property
    def macro_f1(self) -> float:
        return sum(map(self.f1, MOODS)) / len(MOODS)

    def f1(self, mood: str) -> float:
        """2·hits / (labelled so + judged so)."""
        labelled = sum(count for (label, _), count in self.matrix.items() if label == mood)
        judged = sum(count for (_, found), count in self.matrix.items() if found == mood)
        return 2 * self.matrix[mood, mood] / (labelled + judged) if labelled + judged else 0.0


def sample(half: str | None = None, path: Path = SAMPLES / "tone.tsv") -> list[Text]:
    """The hand-labelled texts: those for tuning (`tune`), held out (`held`), written last (`fresh`), or all."""
    lines = path.read_text(encoding="utf-8").splitlines()[1:]
    rows = [Text(*line.split("\t", 3)) for line in lines if line]
    return [row for row in rows if half in (None, row.half)]


def languages() -> list[tuple[str | None, str]]:
    """Short texts with their language; None: nothing tells."""
    lines = (SAMPLES / "languages.tsv").read_text(encoding="utf-8").splitlines()[1:]
    pairs = [line.split("\t", 1) for line in lines]
    return [(None if language == "-" else language, text) for language, text in pairs]


def measure(texts: Sequence[Text]) -> Measured:
    """Judge each text as the worker does when the network says nothing of its language."""
    matrix: Counter[tuple[str, str | None]] = Counter()
    right = 0
    for row in texts:
        found = tone.judge(row.text, None)
        matrix[row.mood, found.sentiment and found.sentiment.value] += 1
        right += (found.language or "-") == row.language
    return Measured(matrix, right)


def errors(texts: Sequence[Text]) -> Iterator[tuple[Text, tone.Tone]]:
    """What is judged wrongly."""
    for row in texts:
        found = tone.judge(row.text, None)
        if found.sentiment != row.mood:
            yield row, found


# --- what the parts contribute ---------------------------------------------------------------------------------------


@contextmanager
def without(part: str) -> Iterator[None]:
    """One part of the approach left out, for as long as this lasts. Negation: its rule, and phrases with a “not”."""
    lists = [tone_words.lexicon("de"), tone_words.lexicon("en")]
    negators = {word for one in lists for word in one.kinds["negate"] | one.kinds["lacking"]}
    patch = mock.patch.object
    with ExitStack() as stack:
        if part == "negation":
            stack.enter_context(patch(tone_words.Lexicon, "begun_by", _phrases_without(negators)))
        elif part == "emoji":
            stack.enter_context(patch(tone_mood, "_with_signs", lambda said, faces: said))
        elif part == "phrases":
            stack.enter_context(patch(tone_words.Lexicon, "begun_by", lambda self, word: ()))
        elif part == "questions":
            stack.enter_context(patch(tone_mood._Reading, "read", _not_asked(tone_mood._Reading.read)))
        for one in lists:
            if part == "emphasis":
                stack.enter_context(mock.patch.dict(one.boost, clear=True))
            kinds = {"negation": ["negate", "lacking"], "contrast": ["contrast", "though"]}.get(part, [])
            stack.enter_context(mock.patch.dict(one.kinds, {kind: set() for kind in kinds}))
        yield


def _phrases_without(words: set[str]) -> Callable[..., tuple[tone_words.Phrase, ...]]:
    begun_by = tone_words.Lexicon.begun_by
    return lambda self, word: tuple(
        phrase for phrase in begun_by(self, word) if not any(step.words & words for step in phrase.steps)
    )


def _not_asked(read: Callable[..., None]) -> Callable[..., None]:
    return lambda self, words, stop: read(self, words, stop.replace("?", "."))


PARTS = ("negation", "emoji", "phrases", "emphasis", "contrast", "questions")


# --- speed -----------------------------------------------------------------------------------------------------------


def rate(seconds: float = 2.0) -> float:
    """Texts a second in one thread, over the whole sample again and again."""
    texts = [row.text for row in sample()]
    for text in texts:
        tone.judge(text, None)
    done, start = 0, time.perf_counter()
    while (took := time.perf_counter() - start) < seconds:
        for text in texts:
            tone.judge(text, None)
        done += len(texts)
    return done / took


# --- printing --------------------------------------------------------------------------------------------------------


def _print_measured(name: str, texts: Sequence[Text]) -> None:
    found = measure(texts)
    print(f"{name:24}{found.total:6}{found.accuracy:10.1%}{found.macro_f1:10.3f}{found.language_accuracy:11.1%}")


def _print_matrix(half: str, texts: Sequence[Text]) -> None:
    found = measure(texts)
    print(
        f"\n{half + ': labelled / judged':>27}" + "".join(f"{mood:>10}" for mood in (*MOODS, "unknown")) + f"{'F1':>8}"
    )
    for mood in MOODS:
        cells = "".join(f"{found.matrix[mood, judged]:10}" for judged in (*MOODS, None))
        print(f"{mood:>27}{cells}{found.f1(mood):8.3f}")


def _print_ablation(texts: Sequence[Text]) -> None:
    print(f"\n{'held and fresh':>27}{'accuracy':>10}{'macro-F1':>10}")
    whole = measure(texts)
    print(f"{'all of it':>27}{whole.accuracy:10.1%}{whole.macro_f1:10.3f}")
    for part in PARTS:
        with without(part):
            less = measure(texts)
        print(f"{'without ' + part:>27}{less.accuracy:10.1%}{less.macro_f1:10.3f}")


def main() -> None:
    """Print all of it."""
    parser = argparse.ArgumentParser(prog="python -m tests.tone_report", description=__doc__)
    parser.add_argument("file", type=Path, nargs="?", default=SAMPLES / "tone.tsv")
    parser.add_argument("--errors", action="store_true")
    given = parser.parse_args()
    if given.errors:
        for row, found in errors(sample("tune", given.file)):
            print(f"{row.language} {row.mood:9} {found.language or '-'} {found.sentiment or '-':9} {row.text}")
        return
    parts = {half: sample(half, given.file) for half in ("tune", "held", "fresh")}
    print(f"{'':24}{'texts':>6}{'accuracy':>10}{'macro-F1':>10}{'language':>11}")
    for half, texts in parts.items():
        if texts:
            _print_measured(half, texts)
            for language in sorted({row.language for row in texts} - {"-"}):
                _print_measured(f"  {language}", [row for row in texts if row.language == language])
    for half in ("held", "fresh"):
        _print_matrix(half, parts[half])
    _print_ablation(parts["held"] + parts["fresh"])
    short = languages()
    right = sum(tone.judge(text, None).language == language for language, text in short)
    print(f"\nlanguage of very short and foreign texts: {right} of {len(short)}")
    print(f"{rate():,.0f} texts/s")


if __name__ == "__main__":
    main()
