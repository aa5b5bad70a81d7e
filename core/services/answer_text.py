"""What an answer may say: how long its network counts it, what stands against it, and a long one cut into a thread.

Pure: no database. Sending is `inbox_answers.py`.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from core.connectors.base import DraftImage, Limits, Problem, ReplyTo, Severity
from core.connectors.judging import validate
from core.connectors.registry import connector_class
from core.services.plan_drafts import answer_draft
from core.services.threads import beginning, thread_texts

MOST_PARTS = 10  # posts that one answer may become
_NOBODY = ReplyTo("", "")


@dataclass(frozen=True)
class Judgement:
    """An answer as its network sees it: the length of each post it becomes, and what stands against it."""

    lengths: tuple[int, ...]
    most: int  # what one post may have
    problems: tuple[Problem, ...]
    before: str = ""  # what the network wants before the text; it is counted

    @property
    def error(self) -> str | None:
        """Why it can't be sent, as a sentence; None when it can."""
        return next((p.message for p in self.problems if p.severity is Severity.ERROR), None)

    @property
    def remarks(self) -> tuple[str, ...]:
        """What else there is to say; that it is too long, or empty, is seen from `lengths`."""
        over = f" of {self.most})."
        return tuple(p.message for p in self.problems if not p.message.endswith(over) and max(self.lengths, default=0))

    @property
    def over(self) -> int:
        """By how much the longest part is too long; 0 when each fits."""
        return max(0, max(self.lengths) - self.most)


def judge(
    network: str, limits: Limits, text: str, images: Sequence[DraftImage] = (), to: ReplyTo | None = None
) -> Judgement:
    """What becomes of this text as an answer. Counted is what will stand there: some networks put a handle first."""
    connector, to = connector_class(network), to or _NOBODY
    draft = answer_draft(text.strip(), images, to)
    stands = tuple(
        replace(part, text=connector.answer_text(part.text, to, number == 0)) if part.text or part.images else part
        for number, part in enumerate(draft.parts)
    )
    problems = validate(connector, replace(draft, parts=stands), limits)
    if len(stands) > MOST_PARTS:
        many = f"{len(stands)} posts are too many for one answer: at most {MOST_PARTS}. Shorten it."
        problems.insert(0, Problem(Severity.ERROR, many))
    lengths = tuple(connector.length(part.text, limits) if part.text else 0 for part in stands)
    first, typed = stands[0].text, draft.parts[0].text
    before = first.removesuffix(typed).strip() if typed else ""
    return Judgement(lengths, limits.text_length, tuple(problems), before)


def answer_length(network: str, limits: Limits, text: str, to: ReplyTo | None = None) -> tuple[int, int]:
    """How long the network counts this answer (the longest of its posts), and how long it may be."""
    found = judge(network, limits, text, (), to)
    return max(found.lengths), found.most


# --- long answers ---------------------------------------------------------------------------------------------------


def split(text: str, network: str, limits: Limits, to: ReplyTo | None = None) -> list[str]:
    """Cut a text into posts that fit, where a reader pauses (`threads.beginning`).

    Lines of `---` that are there already stay cuts. Nothing but white space at the cuts is lost.
    """
    connector, to = connector_class(network), to or _NOBODY
    parts: list[str] = []

    def fits(piece: str) -> bool:
        stands = connector.answer_text(piece, to, first=not parts)
        small = limits.text_bytes is None or len(stands.encode()) <= limits.text_bytes
        return small and connector.length(stands, limits) <= limits.text_length

    for entry in thread_texts(text):
        rest = entry
        while rest:
            piece = beginning(rest, fits)
            parts.append(piece.strip())
            rest = rest[len(piece) :].lstrip()
    return parts or [""]
