"""The mood of a message in the thread: a quiet word where it matters, and in its menu what it was instead."""

from typing import Final

from core.models.inbox import Direction, Sentiment
from core.services.inbox import MessageView
from core.services.moods import correct_sentiment
from core.ui.doing import do
from core.ui.page import Page

_PREFIX: Final = "mood_"
_WORDS = {Sentiment.POSITIVE: "Positive", Sentiment.NEUTRAL: "Neutral", Sentiment.NEGATIVE: "Negative"}


def mark(message: MessageView) -> dict[str, str] | None:
    """The word to show, its colour and where it is from; None for what is neutral, unknown or gone."""
    mood = message.sentiment
    if mood is None or mood is Sentiment.NEUTRAL or message.deleted_at is not None:
        return None
    origin = "The mood a member of the team saw in it" if message.corrected else "The mood as far as words tell"
    return {"word": _WORDS[mood], "tone": mood.value, "title": origin}


def entries(message: MessageView) -> list[tuple[str, str, bool]]:
    """For the menu of a message: the moods it doesn't have now, as `message_menu.menu` has its acts."""
    if message.direction is not Direction.IN or message.deleted_at is not None:
        return []
    return [
        (_PREFIX + mood.value, f"Mood: {word.lower()}", False)
        for mood, word in _WORDS.items()
        if mood is not message.sentiment
    ]


def correct(page: Page, name: str, message_id: int) -> bool:
    """In a callback: correct the mood if that was chosen. False: it was something else."""
    if name not in {_PREFIX + mood for mood in _WORDS}:
        return False
    mood = Sentiment(name.removeprefix(_PREFIX))
    done = f"Mood set to {_WORDS[mood].lower()}"
    do(lambda session: correct_sentiment(session, page.actor, message_id, mood), done)
    return True
