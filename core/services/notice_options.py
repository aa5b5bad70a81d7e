"""What the command line's words for notification settings mean: "19:00-08:00", "none", names of kinds."""

import re
from collections.abc import Sequence

from core.errors import UserError
from core.services.notice_wishes import Wishes
from core.services.notices import NoticeKind

CLOCK = re.compile(r"([01]\d|2[0-3]):[0-5]\d")


def kinds_of(given: Sequence[str] | None, now: Wishes) -> tuple[NoticeKind, ...]:
    """The kinds named; those of now without a word."""
    known = {kind.value: kind for kind in NoticeKind}
    for word in given or ():
        if word not in known:
            raise UserError(f"There is no kind “{word}”. There are: {', '.join(known)}.")
    return tuple(known[word] for word in given) if given else now.kinds


def quiet_of(given: str | None, now: Wishes) -> tuple[str, str] | None:
    """From and to; None for no quiet hours."""
    if given is None:
        return (now.quiet_from, now.quiet_to) if now.quiet_from and now.quiet_to else None
    if given == "none":
        return None
    start, _, end = given.partition("-")
    return _clock(start), _clock(end)


def digest_of(given: str | None, now: Wishes) -> str | None:
    """The time of the digest; None for single messages."""
    if given is None:
        return now.digest_at
    return None if given == "none" else _clock(given)


def _clock(word: str) -> str:
    if not CLOCK.fullmatch(word.strip()):
        raise UserError(f"“{word}” is no time of day. Write it like 09:00.")
    return word.strip()
