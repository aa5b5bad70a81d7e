"""Until when something is put off: the choices people are offered, and days and times of a clock as moments."""

import re
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from core.errors import UserError

MORNING = time(9)
LONGEST = timedelta(days=366)

_SPAN = re.compile(r"(\d{1,4})\s*(m|min|h|d)")
_UNITS = {"m": "minutes", "min": "minutes", "h": "hours", "d": "days"}


def moment(day: date, at: time, zone: ZoneInfo) -> datetime:
    """A day and a time on the clocks of a zone, in UTC.

    An hour that is left out in spring counts from before it (02:30 becomes 03:30), of one that comes twice in autumn
    the first is meant.
    """
    return datetime.combine(day, at, tzinfo=zone).astimezone(UTC)


def choices(now: datetime, zone: ZoneInfo) -> dict[str, datetime]:
    """What is offered at once, by its words: in an hour, tomorrow and next Monday at nine; none of them twice."""
    today = now.astimezone(zone).date()
    tomorrow, monday = today + timedelta(days=1), today + timedelta(days=7 - today.weekday())
    offered = {"In 1 hour": now + timedelta(hours=1), "Tomorrow 9:00": moment(tomorrow, MORNING, zone)}
    if monday != tomorrow:
        offered["Next Monday 9:00"] = moment(monday, MORNING, zone)
    return offered


def until(words: str, now: datetime, zone: ZoneInfo) -> datetime:
    """What somebody typed: “tomorrow”, “monday”, “90m”, “2h”, “3d”, or ISO 8601, without an offset in `zone`.

    Days are days of the clock: “3d” is the same time of day, across a change to summer time too.
    """
    typed = words.strip().lower()
    today = now.astimezone(zone).date()
    if typed == "tomorrow":
        return moment(today + timedelta(days=1), MORNING, zone)
    if typed == "monday":
        return moment(today + timedelta(days=7 - today.weekday()), MORNING, zone)
    if span := _SPAN.fullmatch(typed):
        number, unit = int(span[1]), _UNITS[span[2]]
        if unit == "days":
            return moment(today + timedelta(days=number), now.astimezone(zone).time(), zone)
        return now + timedelta(**{unit: number})
    try:
        parsed = datetime.fromisoformat(words.strip())
    except ValueError:
        raise UserError(f"“{words}” is no time. Write tomorrow, monday, 2h, 3d or 2026-12-01T09:00.") from None
    return (parsed if parsed.tzinfo else parsed.replace(tzinfo=zone)).astimezone(UTC)


def checked(wanted: datetime, now: datetime) -> datetime:
    """The same moment if something can be put off until then; else `UserError`."""
    if wanted <= now:
        raise UserError("That time is over. Choose one to come.")
    if wanted > now + LONGEST:
        raise UserError("Snooze for a year at most, or resolve it.")
    return wanted
