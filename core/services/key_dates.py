"""Days the team wants to know of while it plans: a fair, a launch, an anniversary. Some come every year.

Public holidays aren't kept here: they follow from the team's country (`service_hours.py`).
"""

from calendar import isleap
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

from sqlalchemy import func, select
from sqlmodel import Session, col

from core.errors import NotFound, UserError
from core.models.planning_time import KeyDate
from core.services.labels import COLORS
from core.services.team import Actor, Right, audit, require

NAME_LENGTH = 120  # characters
MOST = 500  # more are no help any more
LONGEST = 366  # days


@dataclass(frozen=True)
class KeyDateRow:
    """A key date as it was written down; `until_on` is the last day of several."""

    id: int
    day: date
    until_on: date | None
    name: str
    color: str
    yearly: bool


@dataclass(frozen=True)
class Occurrence:
    """A key date in a year: from its first to its last day."""

    key_date: KeyDateRow
    first: date
    last: date


def key_dates(session: Session) -> list[KeyDateRow]:
    """All of them, earliest first. One statement."""
    rows: Any = session.execute(
        select(KeyDate.id, KeyDate.day, KeyDate.until_on, KeyDate.name, KeyDate.color, KeyDate.yearly)  # type: ignore[call-overload]
        .order_by(col(KeyDate.day), col(KeyDate.id))
        .limit(MOST)
    )
    return [KeyDateRow(*row) for row in rows]


def occurrences(rows: Sequence[KeyDateRow], since: date, until: date) -> list[Occurrence]:
    """When they are between `since` and `until` (not included), in order; those that reach into the time too."""
    found = [
        one
        for row in rows
        for one in _times(row, since, until)
        if one.first < until and one.last >= since
    ]  # fmt: skip
    return sorted(found, key=lambda one: (one.first, one.key_date.id))


def add_key_date(
    session: Session,
    actor: Actor,
    name: str,
    day: date,
    until_on: date | None = None,
    color: str = "violet",
    yearly: bool = False,
) -> int:
    """Write one down; gives its number. Raises `UserError` with what to put right."""
    require(actor, Right.PLAN)
    if session.execute(select(func.count(col(KeyDate.id)))).scalar_one() >= MOST:
        raise UserError(f"There are {MOST} key dates already. Delete some that are over.")
    row = KeyDate(name=_name(name), day=day, until_on=_last(day, until_on), color=_color(color), yearly=yearly)
    session.add(row)
    session.flush()
    audit(session, actor, "keydate.add", f"keydate:{row.id}", row.name)
    return row.id


def change_key_date(session: Session, actor: Actor, row: KeyDateRow) -> None:
    """Keep a key date as `row` says it. Raises `NotFound`, or `UserError` with what to put right."""
    require(actor, Right.PLAN)
    kept = _found(session, row.id)
    kept.name, kept.day, kept.until_on = _name(row.name), row.day, _last(row.day, row.until_on)
    kept.color, kept.yearly = _color(row.color), row.yearly
    session.add(kept)
    audit(session, actor, "keydate.change", f"keydate:{row.id}", kept.name)


def delete_key_date(session: Session, actor: Actor, key_date_id: int) -> None:
    """Forget one. Raises `NotFound`."""
    require(actor, Right.PLAN)
    row = _found(session, key_date_id)
    audit(session, actor, "keydate.delete", f"keydate:{key_date_id}", row.name)
    session.delete(row)


# --- inside -----------------------------------------------------------------------------------------------------------


def _found(session: Session, key_date_id: int) -> KeyDate:
    row = session.get(KeyDate, key_date_id)
    if row is None:
        raise NotFound("This key date isn't there any more. Somebody may have deleted it.")
    return row


def _name(name: str) -> str:
    name = " ".join(name.split())
    if not name:
        raise UserError("A key date needs a name. Write one.")
    if len(name) > NAME_LENGTH:
        raise UserError(f"The name is over {NAME_LENGTH} characters. Shorten it.")
    return name


def _last(day: date, until_on: date | None) -> date | None:
    if until_on is None or until_on == day:
        return None
    if until_on < day:
        raise UserError("The last day is before the first one. Swap them.")
    if (until_on - day).days >= LONGEST:
        raise UserError("A key date lasts a year at most. Choose an earlier last day.")
    return until_on


def _color(color: str) -> str:
    if color not in COLORS:
        raise UserError(f"“{color}” is no colour the hub has. Choose one of {', '.join(COLORS)}.")
    return color


def _times(row: KeyDateRow, since: date, until: date) -> Iterator[Occurrence]:
    length = (row.until_on or row.day) - row.day
    if not row.yearly:
        yield Occurrence(row, row.day, row.day + length)
        return
    for year in range(max(since.year - 1, row.day.year), until.year + 1):  # one may begin in the year before
        first = _in_year(row.day, year)
        yield Occurrence(row, first, first + length)


def _in_year(day: date, year: int) -> date:
    """29 February is the 28th in most years."""
    if (day.month, day.day) == (2, 29) and not isleap(year):
        return day.replace(year=year, day=28)
    return day.replace(year=year)


def day_after(one: Occurrence) -> date:
    """The first day that is free of it again."""
    return one.last + timedelta(days=1)
