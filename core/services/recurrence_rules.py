"""When a post comes again: the rule alone, its days and moments, and how it is said. No database here.

The clock of the rule's zone counts: 09:00 stays 09:00 when summer time begins or ends. On the two odd nights a time
means what `plan_drafts.local_to_utc` says. A day that a month lacks is its last one: the 31st is 30 April.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time, timedelta
from itertools import islice
from zoneinfo import ZoneInfo, available_timezones

from core.errors import UserError
from core.models.planning_time import RecurrenceKind, RecurrenceUnit
from core.services.plan_drafts import local_to_utc
from core.services.slot_times import DAY_NAMES, clock

MOST_EVERY = 366
MOST_COPIES = 1000
MOST_REST = 3650
FAR = 400  # days of the rule that are looked at for one moment: years, whatever the rule
UNITS = {RecurrenceUnit.DAY: "day", RecurrenceUnit.WEEK: "week", RecurrenceUnit.MONTH: "month"}


@dataclass(frozen=True)
class Rule:
    """How a post comes again. `at` is "09:30" on the clock of `time_zone`; `until_on` is the last day, `most` copies.

    An evergreen one has no calendar: it goes into a free slot once its channels' queue has run dry, and rests for
    `rest_days` after each copy.
    """

    kind: RecurrenceKind
    starts_on: date
    time_zone: str
    every: int = 1
    unit: RecurrenceUnit = RecurrenceUnit.WEEK
    weekdays: tuple[int, ...] = ()
    at: str = "09:00"
    rest_days: int = 0
    until_on: date | None = None
    most: int | None = None

    @property
    def zone(self) -> ZoneInfo:
        """Where its clock hangs."""
        return ZoneInfo(self.time_zone)


@dataclass(frozen=True)
class Occurrence:
    """One time of the rule, aware UTC; `note` is a sentence on the two odd nights."""

    at: datetime
    day: date
    note: str | None


def checked(rule: Rule) -> Rule:
    """The rule in order. Raises `UserError` for what could never be right."""
    if rule.time_zone not in available_timezones():
        raise UserError(f"There is no time zone “{rule.time_zone}”. Write it like Europe/Berlin.")
    if not 1 <= rule.every <= MOST_EVERY:
        raise UserError(f"Say every how many {UNITS[rule.unit]}s it comes: 1 to {MOST_EVERY}.")
    if not set(rule.weekdays) <= set(range(7)):
        raise UserError("A weekday is one of Monday to Sunday.")
    if rule.most is not None and not 1 <= rule.most <= MOST_COPIES:
        raise UserError(f"A limit is 1 to {MOST_COPIES} posts. Leave it empty for none.")
    if rule.until_on is not None and rule.until_on < rule.starts_on:
        raise UserError("The last day lies before the first. Choose a later one.")
    evergreen = rule.kind is RecurrenceKind.EVERGREEN
    if evergreen and not 1 <= rule.rest_days <= MOST_REST:
        raise UserError(f"Say for how many days an evergreen post rests between two: 1 to {MOST_REST}.")
    weekly = rule.unit is RecurrenceUnit.WEEK and not evergreen
    return replace(
        rule,
        at=f"{clock(rule.at):%H:%M}",
        weekdays=tuple(sorted(set(rule.weekdays))) if weekly else (),
        rest_days=rule.rest_days if evergreen else 0,
    )


def days(rule: Rule, after: date) -> Iterator[date]:
    """The rule's days after `after`, in order, without end (`until_on` is `next_after`'s)."""
    if rule.unit is RecurrenceUnit.DAY:
        yield from _daily(rule, after)
    elif rule.unit is RecurrenceUnit.WEEK:
        yield from _weekly(rule, after)
    else:
        yield from _monthly(rule, after)


def _daily(rule: Rule, after: date) -> Iterator[date]:
    passed = max((after - rule.starts_on).days // rule.every + 1, 0)
    while True:
        yield rule.starts_on + timedelta(days=passed * rule.every)
        passed += 1


def _weekly(rule: Rule, after: date) -> Iterator[date]:
    monday = rule.starts_on - timedelta(days=rule.starts_on.weekday())
    wanted = rule.weekdays or (rule.starts_on.weekday(),)
    passed = max((after - monday).days // (7 * rule.every), 0)
    while True:
        for weekday in wanted:
            day = monday + timedelta(days=7 * rule.every * passed + weekday)
            if day > after and day >= rule.starts_on:
                yield day
        passed += 1


def _monthly(rule: Rule, after: date) -> Iterator[date]:
    first = 12 * rule.starts_on.year + rule.starts_on.month - 1
    passed = max((12 * after.year + after.month - 1 - first) // rule.every, 0)
    while True:
        year, month = divmod(first + passed * rule.every, 12)
        day = date(year, month + 1, min(rule.starts_on.day, _length(year, month + 1)))
        if day > after:
            yield day
        passed += 1


def _length(year: int, month: int) -> int:
    following = date(year + month // 12, month % 12 + 1, 1)
    return (following - timedelta(days=1)).day


def next_after(rule: Rule, after: datetime) -> Occurrence | None:
    """The rule's first moment after `after` (aware); None when its last day lies before."""
    if after.tzinfo is None:
        raise ValueError("a time without a zone")
    at = clock(rule.at)
    start = after.astimezone(rule.zone).date() - timedelta(days=1)
    for day in islice(days(rule, start - timedelta(days=1)), FAR):
        if rule.until_on is not None and day > rule.until_on:
            return None
        moment, note = local_to_utc(datetime.combine(day, at), rule.zone)
        if moment > after:
            return Occurrence(moment, day, note)
    return None


def occurrences(rule: Rule, after: datetime, count: int) -> list[Occurrence]:
    """The next `count` moments after `after`, fewer where the rule ends."""
    found: list[Occurrence] = []
    while len(found) < count and (one := next_after(rule, found[-1].at if found else after)) is not None:
        found.append(one)
    return found


def first_moment(rule: Rule) -> Occurrence | None:
    """The very first."""
    return next_after(rule, datetime.combine(rule.starts_on - timedelta(days=2), time(), UTC))


def words(rule: Rule) -> str:
    """“Every 2 weeks on Mon and Thu at 09:00 (Europe/London), until 31 Dec 2026, 20 times at most”."""
    if rule.kind is RecurrenceKind.EVERGREEN:
        rest = "1 day" if rule.rest_days == 1 else f"{rule.rest_days} days"
        said = f"Evergreen: into a free slot when the queue has run dry, {rest} of rest between two"
    else:
        unit = UNITS[rule.unit]
        said = f"Every {unit}" if rule.every == 1 else f"Every {rule.every} {unit}s"
        said += f"{_on(rule)} at {rule.at} ({rule.time_zone})"
    if rule.until_on is not None:
        said += f", until {rule.until_on.day} {rule.until_on:%b %Y}"
    if rule.most is not None:
        said += ", once" if rule.most == 1 else f", {rule.most} times at most"
    return said


def _on(rule: Rule) -> str:
    if rule.unit is RecurrenceUnit.WEEK:
        names = [DAY_NAMES[day] for day in rule.weekdays or (rule.starts_on.weekday(),)]
        return " on " + (" and ".join([", ".join(names[:-1]), names[-1]]) if len(names) > 1 else names[0])
    if rule.unit is RecurrenceUnit.MONTH:
        number = rule.starts_on.day
        return f" on day {number}" + (", or the last day of a shorter month" if number > 28 else "")
    return ""
