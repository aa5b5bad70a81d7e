"""When the team is there: weekly hours, holidays, time zone; and counting in that time. One row, read by `current`.

A moment is open when the clock on the wall, in the team's time zone, is within one of the day's spans and the day is no
holiday. So a night in which the clock is put forward has an hour less, and the one in autumn an hour more. What is
measured and promised in this time is `service_time.py`'s; reading what people type is `service_words.py`'s.
"""

from bisect import bisect_left, bisect_right
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from itertools import accumulate
from typing import Any
from zoneinfo import ZoneInfo, available_timezones

from sqlalchemy import update
from sqlmodel import Session, col

from core.errors import NotFound, UserError
from core.models.channel import Channel, ChannelState
from core.models.inbox import Conversation
from core.models.inbox_work import ServiceHours
from core.services.service_words import clock, days_of, fold_spans, span_words
from core.services.team import Actor, Right, audit, require
from core.settings import settings

Span = tuple[int, int]  # minutes since midnight: from, to (1440 is midnight at the day's end)
Week = tuple[tuple[Span, ...], ...]  # seven days, Monday first

OFFICE: Week = (((9 * 60, 17 * 60),),) * 5 + ((), ())
LONGEST_TARGET = 30 * 24 * 60  # minutes
LONGEST_UNDO = 300  # seconds
FAR = 30  # years without an open minute: there never is one
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
TICK = timedelta(microseconds=1)
SECOND = 1_000_000  # ticks
MINUTE = 60 * SECOND
DAY = 24 * 60 * MINUTE


@dataclass(frozen=True)
class Hours:
    """When the team is there, and what it promises. `target_minutes` are business minutes."""

    weekly: Week = OFFICE
    country: str | None = None  # ISO 3166: whose holidays are free; None: none are
    region: str | None = None  # as in `holidays`: "SN" for Saxony
    time_zone: str = "Europe/Berlin"
    target_minutes: int = 240
    undo_seconds: int = 20

    @property
    def zone(self) -> ZoneInfo:
        """The time zone the weekly hours are meant in."""
        return ZoneInfo(self.time_zone)

    @property
    def week_minutes(self) -> int:
        """Open minutes of a week without holidays."""
        return sum(end - start for day in self.weekly for start, end in day)


# --- the row --------------------------------------------------------------------------------------------------------


def current(session: Session) -> Hours:
    """The team's hours. One statement; office hours in the hub's time zone until somebody sets them."""
    row = session.get(ServiceHours, 1)
    if row is None:
        zone = settings().time_zone
        return Hours(country="DE" if zone == "Europe/Berlin" else None, time_zone=zone)
    weekly = tuple(_stored(row.weekly, day) for day in range(7))
    return Hours(weekly, row.country, row.region, row.time_zone, row.target_minutes, row.undo_seconds)


def _stored(weekly: dict[str, Any] | None, day: int) -> tuple[Span, ...]:
    spans = (weekly or {}).get(str(day), ())
    return tuple((clock(start), clock(end)) for start, end in spans)


def save(session: Session, actor: Actor, hours: Hours) -> None:
    """Keep new hours. Who waits gets a new deadline from the worker within seconds.

    Raises `UserError` with what to put right; then nothing has changed.
    """
    require(actor, Right.TEAM)
    checked = check(hours)
    before = current(session)
    row = session.get(ServiceHours, 1) or ServiceHours(id=1)
    row.weekly = {str(day): [span_words(span) for span in spans] for day, spans in enumerate(checked.weekly)}
    row.country, row.region, row.time_zone = checked.country, checked.region, checked.time_zone
    row.target_minutes, row.undo_seconds = checked.target_minutes, checked.undo_seconds
    session.add(row)
    audit(session, actor, "hours.set", "hours:1", f"{checked.week_minutes} minutes a week")
    session.flush()
    if replace(before, undo_seconds=checked.undo_seconds) != checked:
        _promise_anew(session)


def check(hours: Hours) -> Hours:
    """The same hours in order, or a `UserError` that says what to put right."""
    if len(hours.weekly) != 7:
        raise UserError("A week has seven days. Give the hours of each.")
    weekly = tuple(fold_spans(spans, day) for day, spans in enumerate(hours.weekly))
    if not any(weekly):
        raise UserError("Give the hours of at least one day: without any, no answer could ever be due.")
    if hours.time_zone not in available_timezones():
        raise UserError(f"There is no time zone “{hours.time_zone}”. Write it like Europe/Berlin.")
    country, region = hours.country or None, hours.region or None
    if country is not None and country not in days_of():
        raise UserError(f"The holidays of “{country}” aren't known. Choose a country from the list.")
    if region is not None and region not in days_of().get(country or "", ()):
        raise UserError(f"“{region}” isn't a region of that country. Choose one from the list.")
    _check_target(hours.target_minutes)
    if not 0 <= hours.undo_seconds <= LONGEST_UNDO:
        raise UserError(f"Answers can wait up to {LONGEST_UNDO} seconds to be taken back. 0 sends them at once.")
    return replace(hours, weekly=weekly, country=country, region=region)


def set_channel_target(session: Session, actor: Actor, channel_id: int, minutes: int | None) -> None:
    """How soon this channel promises a first answer, in business minutes; None: as the rest of the hub."""
    require(actor, Right.CHANNELS)
    row = session.get(Channel, channel_id)
    if row is None or row.state == ChannelState.REMOVED:
        raise NotFound("This channel isn't there any more.")
    if minutes is not None:
        _check_target(minutes)
    if row.target_minutes == minutes:
        return
    row.target_minutes = minutes
    told = row.handle if minutes is None else f"{row.handle}: {minutes} minutes"
    audit(session, actor, "channel.target", f"channel:{channel_id}", told)
    session.flush()
    _promise_anew(session, channel_id)


def _check_target(minutes: int) -> None:
    if not 1 <= minutes <= LONGEST_TARGET:
        raise UserError(f"The target must be between 1 minute and {LONGEST_TARGET // 60} hours.")


def _promise_anew(session: Session, channel_id: int | None = None) -> None:
    """Forget the deadlines; the worker sets them anew, a batch at a time: there may be very many."""
    stale = update(Conversation).where(col(Conversation.respond_by).is_not(None))
    if channel_id is not None:
        stale = stale.where(col(Conversation.channel_id) == channel_id)
    session.execute(stale.values(respond_by=None).execution_options(synchronize_session=False))


# --- counting -------------------------------------------------------------------------------------------------------


def business_seconds(hours: Hours, start: datetime, end: datetime) -> float:
    """Open seconds between two aware moments; negative when `end` is the earlier one."""
    return open_ticks(hours, start, end) / SECOND


def open_ticks(hours: Hours, start: datetime, end: datetime) -> int:
    """As `business_seconds`, in whole microseconds: exact, so that parts add up to the whole."""
    if end < start:
        return -open_ticks(hours, end, start)
    calendar = _calendar(hours)
    first, last = start.astimezone(UTC), end.astimezone(UTC)
    between = sum(_year(*calendar, year).total for year in range(first.year, last.year))
    return between + _since_new_year(calendar, last) - _since_new_year(calendar, first)


def add_business(hours: Hours, start: datetime, seconds: float) -> datetime:
    """The first moment (UTC) at which `seconds` open seconds have passed since `start`.

    Raises `ValueError` for less than nothing, and for hours in which nobody is ever there.
    """
    if seconds < 0:
        raise ValueError("time can only be added")
    start = start.astimezone(UTC)
    left = round(seconds * SECOND)
    if not left:
        return start
    calendar = _calendar(hours)
    left += _since_new_year(calendar, start)
    for year in range(start.year, min(start.year + FAR, date.max.year)):
        table = _year(*calendar, year)
        if left <= table.total:
            return EPOCH + table.at(left) * TICK
        left -= table.total
    raise ValueError("nobody is ever there in these hours")


def is_open(hours: Hours, moment: datetime) -> bool:
    """Whether the team is there."""
    table = _year(*_calendar(hours), moment.astimezone(UTC).year)
    tick = (moment - EPOCH) // TICK
    place = bisect_right(table.opens, tick) - 1
    return place >= 0 and tick < table.closes[place]


@dataclass(frozen=True)
class _Year:
    """The open spans of one UTC year in ticks since 1970, and how much was open before each of them in that year."""

    opens: list[int]
    closes: list[int]
    before: list[int]
    total: int

    def passed(self, tick: int) -> int:
        """Open ticks from the year's beginning to this tick."""
        place = bisect_right(self.opens, tick) - 1
        return self.before[place] + min(tick, self.closes[place]) - self.opens[place] if place >= 0 else 0

    def at(self, passed: int) -> int:
        """The first tick at which so many (at least one) open ticks have passed."""
        place = bisect_left(self.before, passed) - 1
        return self.opens[place] + passed - self.before[place]


_Calendar = tuple[Week, str | None, str | None, str]


def _calendar(hours: Hours) -> _Calendar:
    """What the spans of a year follow from."""
    return hours.weekly, hours.country, hours.region, hours.time_zone


def _since_new_year(calendar: _Calendar, moment: datetime) -> int:
    return _year(*calendar, moment.year).passed((moment - EPOCH) // TICK)


@lru_cache(maxsize=256)
def _year(weekly: Week, country: str | None, region: str | None, zone: str, year: int) -> _Year:
    spans: list[Span] = []
    for begin, end, offset in _offsets(ZoneInfo(zone), year):
        spans += _open_within(weekly, country, region, begin, end, offset)
    lengths = [close - start for start, close in spans]
    return _Year([s for s, _ in spans], [e for _, e in spans], list(accumulate(lengths, initial=0))[:-1], sum(lengths))


def _open_within(
    weekly: Week, country: str | None, region: str | None, begin: int, end: int, offset: int
) -> list[Span]:
    """The open spans between two ticks through which the wall clock is `offset` ticks ahead of UTC."""
    found: list[Span] = []
    for day in range((begin + offset) // DAY, (end + offset - 1) // DAY + 1):
        local = date(1970, 1, 1) + timedelta(days=day)
        spans = weekly[local.weekday()]
        if not spans or local in free_days(country, region, local.year):
            continue
        midnight = day * DAY - offset
        for start, close in spans:
            span = max(midnight + start * MINUTE, begin), min(midnight + close * MINUTE, end)
            if span[0] < span[1]:
                found.append(span)
    return found


def _offsets(zone: ZoneInfo, year: int) -> list[tuple[int, int, int]]:
    """The year cut where the clock is changed: (from, to, how far it is ahead of UTC), all in ticks."""
    first = (datetime(year, 1, 1, tzinfo=UTC) - EPOCH) // TICK
    end = (datetime(year, 12, 31, tzinfo=UTC) - EPOCH) // TICK + DAY
    found, begin = [], first
    offset = _offset(zone, begin)
    for tick in range(first + DAY, end, DAY):
        if _offset(zone, tick) != offset:
            change = _change(zone, tick - DAY, tick)
            found.append((begin, change, offset))
            begin, offset = change, _offset(zone, tick)
    return [*found, (begin, end, offset)]


def _offset(zone: ZoneInfo, tick: int) -> int:
    return ((EPOCH + tick * TICK).astimezone(zone).utcoffset() or timedelta()) // TICK


def _change(zone: ZoneInfo, low: int, high: int) -> int:
    """The second at which the clock is changed between two ticks."""
    before, low, high = _offset(zone, low), low // SECOND, high // SECOND
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if _offset(zone, middle * SECOND) == before else (low, middle)
    return high * SECOND


@lru_cache(maxsize=256)
def holidays_of(country: str, region: str | None, year: int) -> dict[date, str]:
    """Public holidays of a year with their names. Source: the library `holidays`."""
    import holidays

    known = holidays.country_holidays(country, subdiv=region, years=year, language="en_US")
    return {day: name for day, name in sorted(known.items()) if day.year == year}


def free_days(country: str | None, region: str | None, year: int) -> dict[date, str]:
    """As `holidays_of`; nothing without a country."""
    return holidays_of(country, region, year) if country else {}


def upcoming_holidays(country: str | None, region: str | None, today: date, limit: int = 3) -> list[tuple[date, str]]:
    """The next holidays, so that people see whether it is the right place."""
    years = (today.year, today.year + 1)
    known = [(day, name) for year in years for day, name in free_days(country, region, year).items() if day >= today]
    return known[:limit]
