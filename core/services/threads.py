"""A text as a thread: lines of only `---` part it. Cutting a long one where a reader pauses, joining it again. Pure.

What is never cut: links, mentions (also `@[Name]`), hashtags, what a person sees as one sign, "z. B.", "3. Dezember".
"""

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import pairwise

import regex

BETWEEN = "\n---\n"  # how the hub itself writes such a line …
APART = "\n\n---\n\n"  # … and where a paragraph ends
LINE = re.compile(r"^[ \t]*---[ \t]*$", re.MULTILINE)
WINDOW = 256  # characters that are looked at first
FILLED = 1 / 3  # a part this full may end where a paragraph does; fuller ones are worth cutting a paragraph for

_PARAGRAPH = re.compile(r"[ \t]*\n[ \t]*\n\s*")
# A sentence ends at . ! ? … with what closes behind it; a line is taken for one too.
_SENTENCE = re.compile(r"[.!?…]+[\"'”“’»«)\]]*\s+|\s*\n\s*")
_SPACE = re.compile(r"\s+")
# Behind these a full stop ends no sentence: one letter (z. B.), a day (3. Oktober), an abbreviation.
_GOES_ON = re.compile(
    r"(?:^|[\s(„“\"'.])(?:[^\W\d_]|\d{1,2}|abs|abb|allg|bd|bzw|ca|dipl|dr|etc|evtl|exkl|ggf|hr|fr|inkl|jh|max|mind"
    r"|min|mio|mrd|mr|mrs|ms|mwst|nr|prof|sog|st|std|str|tel|usw|u\.a|vgl|vs|z\.b|d\.h|u\.u|i\.d\.r|e\.g|i\.e|jan"
    r"|feb|apr|jun|jul|aug|sept|sep|okt|nov|dez)\.\s+$",
    re.IGNORECASE,
)
_WHOLE = re.compile(r"@\[[^\[\]\n]+\]|https?://\S+|[@#＃][\w.@·-]+", re.IGNORECASE)
_NUMBER = re.compile(r"\s(\d{1,3})/(\d{1,3})$")


def thread_texts(text: str) -> list[str]:
    """The entries of a thread as they stand in one text; at least one, which may be empty."""
    pieces = [piece.strip() for piece in LINE.split(text)]
    return [piece for piece in pieces if piece] or [""]


def is_thread(text: str) -> bool:
    """Whether it is more than one entry."""
    return len(thread_texts(text)) > 1


def split_thread(text: str, length: Callable[[str], int], limit: int, numbering: bool = False) -> list[str]:
    """Entries no longer than `limit` as `length` counts: cut where a paragraph ends, else a sentence, else a word.

    Lines of `---` that are there stay cuts. `numbering` puts “1/3” behind each, and counts it; numbers that are there
    are made anew. Nothing but white space at the cuts is lost. What must stay whole and is too long stays too long.
    """
    return [piece for piece, _ in _split(text, length, limit, numbering)]


def as_thread(text: str, length: Callable[[str], int], limit: int, numbering: bool = False) -> str:
    """As `split_thread`, written as one text with lines of `---` that `join_thread` can take out again."""
    return _written(_split(text, length, limit, numbering))


def join_thread(text: str) -> str:
    """One text again: without lines of `---`, and without the numbers that `as_thread` has written."""
    entries = _entries(text)
    texts = without_numbers([piece for piece, _ in entries])
    gaps = ["\n\n" if "\n" in gap else " " for _, gap in entries]
    return "".join(piece + gap for piece, gap in zip(texts, gaps, strict=True)).strip()


def without_numbers(texts: Sequence[str]) -> list[str]:
    """Without “1/3”, “2/3”, “3/3” at their ends; as they are unless all are numbered so."""
    found = [_NUMBER.search(text) for text in texts]
    right = (match and match.groups() == (str(n), str(len(texts))) for n, match in enumerate(found, start=1))
    if len(texts) < 2 or not all(right):
        return list(texts)
    return [text[: match.start()].rstrip() for text, match in zip(texts, found, strict=True) if match]


# --- inside -----------------------------------------------------------------------------------------------------------

_Pieces = list[tuple[str, str]]  # an entry, and the white space that was cut behind it ("\n" in it: a paragraph's end)


def _split(text: str, length: Callable[[str], int], limit: int, numbering: bool) -> _Pieces:
    entries = _entries(text)
    bare = without_numbers([piece for piece, _ in entries])
    entries = [(piece, gap) for piece, (_, gap) in zip(bare, entries, strict=True)]
    pieces = _cut_all(entries, lambda piece: length(piece) <= limit)
    if not numbering or len(pieces) < 2:
        return pieces
    digits = len(str(len(pieces)))
    while True:
        mark = f" {'9' * digits}/{'9' * digits}"
        pieces = _cut_all(entries, lambda piece, mark=mark: length(piece + mark) <= limit)  # type: ignore[misc]
        if len(str(len(pieces))) <= digits:
            return [(f"{piece} {n}/{len(pieces)}", gap) for n, (piece, gap) in enumerate(pieces, start=1)]
        digits += 1


def _entries(text: str) -> _Pieces:
    raw = LINE.split(text)
    gaps = [_gap(one, two) for one, two in pairwise(raw)] + [""]
    kept = [(piece.strip(), gap) for piece, gap in zip(raw, gaps, strict=True) if piece.strip()]
    return kept or [("", "")]


def _gap(before: str, after: str) -> str:
    """What `---` stands for: the end of a paragraph where empty lines are around it."""
    tail, head = before[len(before.rstrip()) :], after[: len(after) - len(after.lstrip())]
    return "\n" if tail.count("\n") > 1 or head.count("\n") > 1 else " "


def _written(pieces: _Pieces) -> str:
    lines = [piece + (APART if "\n" in gap else BETWEEN) for piece, gap in pieces[:-1]]
    return "".join([*lines, pieces[-1][0]])


def _cut_all(entries: _Pieces, fits: Callable[[str], bool]) -> _Pieces:
    pieces: _Pieces = []
    for entry, behind in entries:
        rest = entry
        while rest:
            piece = beginning(rest, fits)
            left = rest[len(piece) :]
            gap = piece[len(piece.rstrip()) :] + left[: len(left) - len(left.lstrip())]
            rest = left.lstrip()
            pieces.append((piece.strip(), gap if rest else behind))
    return pieces or [("", "")]


def beginning(text: str, fits: Callable[[str], bool]) -> str:
    """The longest beginning that fits, ending as well as it can; at least one sign, or what must stay whole."""
    size = WINDOW
    while size < len(text) and fits(text[:size].strip()):
        size *= 2
    if size >= len(text) and fits(text):
        return text
    text = text[: 2 * size]  # what comes later can't fit: a long text costs no more than its parts
    whole = [match.span() for match in _WHOLE.finditer(text)]
    word = _last(text, _outside(_word_ends(text), whole), fits)
    paragraph = _last(text, [match.end() for match in _PARAGRAPH.finditer(text)], fits)
    if paragraph and paragraph >= word * FILLED:
        return text[:paragraph]
    ends = _outside(_sentence_ends(text), whole)
    sentence = _last(text, ends, fits)
    if sentence and (sentence >= word * FILLED or _next_fits(text, sentence, ends, fits)):
        return text[:sentence]
    spaces = _outside((match.end() for match in _SPACE.finditer(text)), whole)
    if word := word or _last(text, spaces, fits):
        return text[:word]
    letters = _outside((match.end() for match in regex.finditer(r"\X", text)), whole)
    if letter := _last(text, letters, fits):
        return text[:letter]
    if whole and whole[0][0] == 0:  # too long by itself: it stays so, with the punctuation behind it
        return text[: next(iter(spaces), len(text))]
    return text[: letters[0]]


def _last(text: str, ends: Sequence[int], fits: Callable[[str], bool]) -> int:
    """The last of these places up to which the text fits, by halving: what is longer never fits better. 0: none."""
    low, high = 0, len(ends)
    while low < high:
        middle = (low + high) // 2
        if fits(text[: ends[middle]].strip()):
            low = middle + 1
        else:
            high = middle
    return ends[low - 1] if low else 0


def _next_fits(text: str, end: int, ends: Sequence[int], fits: Callable[[str], bool]) -> bool:
    """Whether the sentence behind this end would fit by itself, so that it need not be cut."""
    until = next((one for one in ends if one > end), len(text))
    return fits(text[end:until].strip())


def _outside(ends: Iterable[int], whole: Sequence[tuple[int, int]]) -> list[int]:
    """Those places that are in nothing that stays whole."""
    kept, following = [], iter(whole)
    span = next(following, None)
    for end in ends:
        while span is not None and span[1] <= end:
            span = next(following, None)
        if span is None or end <= span[0]:
            kept.append(end)
    return kept


def _sentence_ends(text: str) -> Iterator[int]:
    for match in _SENTENCE.finditer(text):
        start, end = match.span()
        if "\n" in match.group() or not (text[end : end + 1].islower() or _goes_on(text, start, end)):
            yield end


def _word_ends(text: str) -> Iterator[int]:
    """Spaces, but for those of “z. B.” and “3. Dezember”."""
    return (match.end() for match in _SPACE.finditer(text) if not _goes_on(text, match.start(), match.end()))


def _goes_on(text: str, start: int, end: int) -> bool:
    return bool(_GOES_ON.search(text[max(0, start - 12) : end]))
