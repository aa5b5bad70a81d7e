"""Hours and spans of time as people write and read them: “9–12, 13–17:30”, “4 h”, “Sachsen”. No row is read here."""

import re
from collections.abc import Iterable
from functools import lru_cache

from core.errors import UserError

DAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
CLOSED = {"", "-", "–", "closed", "zu", "geschlossen"}
_TIME = r"(\d{1,2})(?:\s*[:.h]\s*(\d{2}))?\s*(?:uhr|h)?"
_SPAN = re.compile(rf"{_TIME}\s*(?:-|–|—|bis|to)\s*{_TIME}", re.IGNORECASE)
_LENGTH = re.compile(r"(?:(\d+(?:[.,]\d+)?)\s*h)?\s*(?:(\d+)\s*(?:m|min)?)?", re.IGNORECASE)

Span = tuple[int, int]


def spans_of(text: str, day: int) -> tuple[Span, ...]:
    """“9–12, 13:00–17.30” as minutes since midnight; “closed” and nothing as none. Raises `UserError`."""
    if text.strip().lower() in CLOSED:
        return ()
    found: list[Span] = []
    for part in re.split(r"[,;+&]|\bund\b|\band\b", text):
        match = _SPAN.fullmatch(part.strip())
        if match is None:
            raise UserError(f"{DAYS[day]}: “{part.strip()[:40]}” isn't understood. Write it like 9–12, 13:00–17:30.")
        start_hour, start_minute, end_hour, end_minute = (int(value or 0) for value in match.groups())
        found.append((_minutes(start_hour, start_minute, day), _minutes(end_hour, end_minute, day)))
    return fold_spans(found, day)


def _minutes(hour: int, minute: int, day: int) -> int:
    total = hour * 60 + minute
    if minute > 59 or total > 24 * 60:
        raise UserError(f"{DAYS[day]}: {hour}:{minute:02d} is no time of day. The last one is 24:00.")
    return total


def fold_spans(spans: Iterable[Span], day: int) -> tuple[Span, ...]:
    """Spans of a day in order, those that touch as one. Raises `UserError` for one that is none, or that overlaps."""
    folded: list[Span] = []
    for start, end in sorted(spans):
        if not 0 <= start < end <= 24 * 60:
            raise UserError(f"{DAYS[day]}: {_words((start, end))} ends before it begins. After 24:00 is the next day.")
        if folded and start < folded[-1][1]:
            raise UserError(f"{DAYS[day]}: {_words(folded[-1])} and {_words((start, end))} overlap. Make one of them.")
        if folded and start == folded[-1][1]:
            folded[-1] = (folded[-1][0], end)
        else:
            folded.append((start, end))
    return tuple(folded)


def clock(text: str) -> int:
    """“09:30” as minutes since midnight."""
    hour, minute = text.split(":")
    return int(hour) * 60 + int(minute)


def span_words(span: Span) -> list[str]:
    """As a row keeps it: ["09:00", "17:00"]."""
    return [f"{minute // 60:02d}:{minute % 60:02d}" for minute in span]


def _words(span: Span) -> str:
    return "–".join(span_words(span))


def day_words(spans: Iterable[Span]) -> str:
    """As people read and write it: “09:00–12:00, 13:00–17:30”; nothing for a free day."""
    return ", ".join(map(_words, spans))


def length_words(seconds: float) -> str:
    """A span of business time: “45 s”, “8 min”, “1 h 20 min”, “31 h”. Hours stay hours: a day has no fixed length."""
    minutes = round(seconds / 60)
    if seconds < 60:
        return f"{round(seconds)} s" if round(seconds) < 60 else "1 min"
    if minutes < 60:
        return f"{minutes} min"
    rest = minutes % 60
    return f"{minutes // 60} h {rest} min" if rest and minutes < 10 * 60 else f"{round(minutes / 60)} h"


def target_words(minutes: int) -> str:
    """A target, exactly: “45 min”, “4 h”, “1 h 30 min”."""
    hours, rest = divmod(minutes, 60)
    return " ".join([*([f"{hours} h"] if hours else []), *([f"{rest} min"] if rest or not hours else [])])


def minutes_of(text: str) -> int:
    """“90”, “90 min”, “1.5 h”, “1h30” as minutes. Raises `UserError`."""
    match = _LENGTH.fullmatch(text.strip())
    if match is None or not any(match.groups()):
        raise UserError(f"“{text.strip()[:40]}” is no span of time. Write it like 90 min or 4 h.")
    hours, minutes = match.groups()
    return round(float((hours or "0").replace(",", ".")) * 60) + int(minutes or 0)


@lru_cache(maxsize=1)
def days_of() -> dict[str, tuple[str, ...]]:
    """Countries whose holidays are known, with the codes of their regions."""
    import holidays

    known = holidays.list_supported_countries(include_aliases=False)
    return {code: tuple(regions) for code, regions in sorted(known.items())}


@lru_cache(maxsize=1)
def country_names() -> dict[str, str]:
    """Countries by code with their English names, in the order of the names."""
    from babel import Locale

    territories = Locale("en").territories
    named = {code: str(territories.get(code, code)) for code in days_of()}
    return dict(sorted(named.items(), key=lambda item: item[1].casefold()))


@lru_cache(maxsize=32)
def region_names(country: str) -> dict[str, str]:
    """A country's regions by code with the names they give themselves, in the order of the names."""
    import holidays

    if not days_of().get(country):
        return {}
    aliases = holidays.country_holidays(country).get_subdivision_aliases()
    named = {code: (aliases.get(code) or [code])[0] for code in days_of()[country]}
    return dict(sorted(named.items(), key=lambda item: item[1].casefold()))
