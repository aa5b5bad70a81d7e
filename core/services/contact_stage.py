"""How far somebody has come on the way from user to fan, worked out from what they did. Pure: no database, no clock.

| stage | when (the highest that fits counts) |
| --- | --- |
| new | has written once, or several times on one day |
| returning | came back: wrote on 2 different days, or in 2 conversations |
| engaged | stays in touch: 3 conversations or more, on 4 different days or more |
| fan | likes us: 3 kind words or more, on 3 different days or more, and well disposed |
| advocate | speaks for us: 3 posts about us that our monitors found, 2 kind words or more, and well disposed |

A *kind word* is a message whose mood is positive, or a conversation whose goal is praise; whichever are more. *Well
disposed*: kind words are at least twice as many as messages whose mood is negative, so one bad day makes nobody a
stranger, and whoever complains most of the time is no fan however often they write. *Days* are days (UTC) on which they
wrote to us, or about us in a post that a monitor found. Nothing fades: somebody who was a fan and went silent stays
one. The thresholds are our choice, not science; they stand below as numbers, docs/contacts.md explains them, and a
member can correct the stage of any contact.
"""

from dataclasses import dataclass

from core.models.inbox import Stage

RETURNING_DAYS = 2
RETURNING_CONVERSATIONS = 2
ENGAGED_DAYS = 4
ENGAGED_CONVERSATIONS = 3
FAN_KIND_WORDS = 3
FAN_DAYS = 3
ADVOCATE_MENTIONS = 3
ADVOCATE_KIND_WORDS = 2
WELL_DISPOSED = 2  # kind words for each negative message


@dataclass(frozen=True)
class Facts:
    """What one person did, over all their profiles."""

    conversations: int = 0  # in which they wrote
    messages: int = 0  # they wrote to us
    days: int = 0  # on which they wrote to us or about us
    positive: int = 0  # messages
    negative: int = 0
    praise: int = 0  # conversations
    mentions: int = 0  # posts about us, found by monitors

    @property
    def kind_words(self) -> int:
        """Positive messages or conversations of praise, whichever are more: they may be the same words."""
        return max(self.positive, self.praise)

    @property
    def is_well_disposed(self) -> bool:
        """Whether they are kind far more often than not."""
        return self.kind_words > 0 and self.kind_words >= WELL_DISPOSED * self.negative


def stage_of(facts: Facts) -> Stage:
    """The highest stage that fits. A table of what that takes stands at the head of this module."""
    if facts.is_well_disposed:
        if facts.mentions >= ADVOCATE_MENTIONS and facts.kind_words >= ADVOCATE_KIND_WORDS:
            return Stage.ADVOCATE
        if facts.kind_words >= FAN_KIND_WORDS and facts.days >= FAN_DAYS:
            return Stage.FAN
    if facts.conversations >= ENGAGED_CONVERSATIONS and facts.days >= ENGAGED_DAYS:
        return Stage.ENGAGED
    if facts.days >= RETURNING_DAYS or facts.conversations >= RETURNING_CONVERSATIONS:
        return Stage.RETURNING
    return Stage.NEW


def because(facts: Facts) -> str:
    """What the stage follows from, for people: “3 conversations on 4 days · 5 kind words, 1 negative”."""
    parts = [f"{_many(facts.conversations, 'conversation')} on {_many(facts.days, 'day')}"]
    if facts.kind_words or facts.negative:
        negative = f", {facts.negative} negative" if facts.negative else ""
        parts.append(f"{_many(facts.kind_words, 'kind word')}{negative}")
    if facts.mentions:
        parts.append(f"{_many(facts.mentions, 'post')} about us")
    return " · ".join(parts)


def _many(number: int, word: str) -> str:
    return f"{number} {word}" if number == 1 else f"{number} {word}s"
