"""Channels' zones and their slots' moments: from a weekday and a clock to aware times. No database here.

A slot is a time on the clock of the channel's zone. On the night that skips it, it is the first moment after; on the
night that has it twice, the first of the two (`plan_drafts.local_to_utc`).
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, time, timedelta
from zoneinfo import ZoneInfo

from core.errors import UserError
from core.services.plan_drafts import local_to_utc
from core.settings import settings

DAY_NAMES = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
LONG_DAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")


@dataclass(frozen=True)
class SlotRow:
    """A time of the week at which a channel likes to publish; `weekday` 0 is Monday, `at` is "09:30"."""

    id: int
    channel_id: int
    weekday: int
    at: str

    @property
    def words(self) -> str:
        """“Mon 09:30”."""
        return f"{DAY_NAMES[self.weekday]} {self.at}"


@dataclass(frozen=True)
class SlotTime:
    """One occurrence of a slot, aware UTC; `note` is a sentence on the two odd nights."""

    at: datetime
    slot: SlotRow
    note: str | None = None


def zone_of(name: str | None) -> ZoneInfo:
    """A channel's zone: its own, else the hub's."""
    return ZoneInfo(name or settings().time_zone)


def clock(text: str) -> time:
    """“9”, “9:30”, “09.30” as a time. Raises `UserError`."""
    hour, _, minute = text.strip().replace(".", ":").partition(":")
    try:
        return time(int(hour), int(minute or 0))
    except ValueError:
        raise UserError(f"“{text.strip()}” is no time of day. Write it like 09:30.") from None


def weekday_of(text: str) -> int:
    """“mon”, “Monday”, “Mo” as 0 … “sun” as 6. Raises `UserError`."""
    wanted = text.strip().lower()
    german = ("montag", "dienstag", "mittwoch", "donnerstag", "freitag", "samstag", "sonntag")
    for names in (LONG_DAYS, german):
        for number, name in enumerate(names):
            if len(wanted) >= 2 and name.lower().startswith(wanted):
                return number
    raise UserError(f"“{text.strip()}” is no weekday. Write it like mon or tuesday.")


def slot_times(slots: Iterable[SlotRow], zone: ZoneInfo, after: datetime, until: datetime) -> list[SlotTime]:
    """The slots' moments after `after` up to `until` (both aware), in order; none twice."""
    by_day: dict[int, list[SlotRow]] = {}
    for slot in slots:
        by_day.setdefault(slot.weekday, []).append(slot)
    found: dict[datetime, SlotTime] = {}
    day = after.astimezone(zone).date() - timedelta(days=1)
    last = until.astimezone(zone).date() + timedelta(days=1)
    while day <= last and by_day:
        for slot in by_day.get(day.weekday(), ()):
            at, note = local_to_utc(datetime.combine(day, clock(slot.at)), zone)
            if after < at <= until:
                found.setdefault(at, SlotTime(at, slot, note))
        day += timedelta(days=1)
    return [found[at] for at in sorted(found)]


def place(zone: ZoneInfo) -> str:
    """“London” of Europe/London, “Buenos Aires” of America/Argentina/Buenos_Aires; UTC stays UTC."""
    return zone.key.rpartition("/")[2].replace("_", " ")


def differs(at: datetime, one: ZoneInfo, other: ZoneInfo) -> bool:
    """Whether the clocks of two zones show different times then."""
    return at.astimezone(one).replace(tzinfo=None) != at.astimezone(other).replace(tzinfo=None)


def both_clocks(at: datetime, own: ZoneInfo, channels: Sequence[tuple[str, ZoneInfo]]) -> str:
    """“09:00 Europe/Berlin · 08:00 in London (Coffee UK)”: a member's clock, and each other one where it differs.

    `channels` are names with their zones; the day is told where it isn't the same.
    """
    mine = at.astimezone(own)
    places: dict[ZoneInfo, list[str]] = {}
    for name, zone in channels:
        if differs(at, own, zone):
            places.setdefault(zone, []).append(name)
    told = [f"{mine:%H:%M} {own.key}"]
    for zone, names in places.items():
        there = at.astimezone(zone)
        day = f"{there:%a} " if there.date() != mine.date() else ""
        told.append(f"{day}{there:%H:%M} in {place(zone)} ({', '.join(names)})")
    return " · ".join(told)
