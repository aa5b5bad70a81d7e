"""What stands in a cell of a spreadsheet, understood: days and times, channels, states, languages; German and English.

A cell that can't be read raises `UserError` with what to write instead. Nothing is guessed where two readings are
possible: which of 12/01 is the day is asked once (`day_order`).
"""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, time
from enum import StrEnum
from zoneinfo import ZoneInfo

from core.errors import UserError
from core.models.planning import PostState
from core.services.channel_list import ChannelRow
from core.services.plan_drafts import local_to_utc
from core.services.plan_files import Cell


class DayOrder(StrEnum):
    """How 12/01/2026 is meant."""

    DAY_FIRST = "day"
    MONTH_FIRST = "month"


STATES: dict[PostState, tuple[str, ...]] = {  # the first word is the one we write
    PostState.IDEA: ("Idea", "Idee", "Themenidee"),
    PostState.DRAFT: ("Draft", "Entwurf", "In Arbeit", "Open", "Offen"),
    PostState.IN_REVIEW: ("In review", "Review", "In Prüfung", "Zur Freigabe", "In Freigabe", "Zu prüfen"),
    PostState.APPROVED: ("Approved", "Freigegeben", "Genehmigt"),
    PostState.SCHEDULED: ("Scheduled", "Geplant", "Eingeplant", "Planned", "Terminiert"),
    PostState.PUBLISHED: ("Published", "Veröffentlicht", "Online", "Live"),
    PostState.NEEDS_CARE: ("Needs care", "Braucht Aufmerksamkeit", "Fehler", "Failed"),
    PostState.CANCELLED: ("Cancelled", "Canceled", "Abgesagt", "Storniert", "Abgebrochen", "Verworfen"),
}
_STATES = {word.casefold(): state for state, words in STATES.items() for word in (*words, state.value)}
LANGUAGES = {
    "de": ("deutsch", "german", "de-de"),
    "en": ("englisch", "english"),
    "fr": ("französisch", "french"),
    "it": ("italienisch", "italian"),
    "es": ("spanisch", "spanish"),
    "nl": ("niederländisch", "dutch"),
    "pl": ("polnisch", "polish"),
}
_LANGUAGES = {word: code for code, words in LANGUAGES.items() for word in words}
MONTHS = (
    ("jan", "januar", "january", "jänner"),
    ("feb", "februar", "february"),
    ("mar", "mär", "mrz", "märz", "march"),
    ("apr", "april"),
    ("may", "mai"),
    ("jun", "juni", "june"),
    ("jul", "juli", "july"),
    ("aug", "august"),
    ("sep", "sept", "september"),
    ("okt", "oct", "oktober", "october"),
    ("nov", "november"),
    ("dez", "dec", "dezember", "december"),
)
_MONTHS = {word: number for number, words in enumerate(MONTHS, start=1) for word in words}
_WEEKDAY = re.compile(
    r"^(?:mo|di|mi|do|fr|sa|so|mon|tue|tues|wed|thu|thur|thurs|fri|sat|sun|montag|dienstag|mittwoch|donnerstag|freitag"
    r"|samstag|sonnabend|sonntag|monday|tuesday|wednesday|thursday|friday|saturday|sunday)[.,]*\s+",
    re.IGNORECASE,
)
_REST = r"(?:$|(?:,?\s+(?:um|at)?\s*|T)(?P<rest>\S.*)$)"
_ISO = re.compile(r"^(?P<y>\d{4})[-/.](?P<m>\d{1,2})[-/.](?P<d>\d{1,2})" + _REST)
_DOTTED = re.compile(r"^(?P<d>\d{1,2})\.\s?(?P<m>\d{1,2})\.\s?(?P<y>\d{4}|\d{2})" + _REST)
_SLASHED = re.compile(r"^(?P<a>\d{1,2})(?P<s>[/-])(?P<b>\d{1,2})(?P=s)(?P<y>\d{4}|\d{2})" + _REST)
_NAMED = re.compile(
    r"^(?P<d>\d{1,2})\.?(?:st|nd|rd|th)?\s+(?P<name>[^\W\d]+)\.?,?\s+(?P<y>\d{4})" + _REST, re.IGNORECASE
)
_NAMED_US = re.compile(
    r"^(?P<name>[^\W\d]+)\.?\s+(?P<d>\d{1,2})(?:st|nd|rd|th)?,?\s+(?P<y>\d{4})" + _REST, re.IGNORECASE
)
_TIME = re.compile(
    r"^(?P<h>\d{1,2})(?:\s*[:.h]\s*(?P<m>\d{2}))?(?::(?P<s>\d{2})(?:\.\d+)?)?\s*(?P<word>uhr(?:\s*(?P<late>\d{2}))?|am|pm|a\.m\.|p\.m\.|h)?"
    r"(?P<offset>Z|[+-]\d{2}:?\d{2})?$",
    re.IGNORECASE,
)


@dataclass(frozen=True)
class Moment:
    """What a cell says of a time; either half may be missing. `offset`: minutes east of UTC, where it says so."""

    day: date | None = None
    clock: time | None = None
    offset: str = ""


def day_order(cells: Iterable[Cell]) -> tuple[bool, DayOrder | None]:
    """(Whether there are dates like 12/01/2026, which way the others of the column show that they are meant)."""
    pairs = [
        (int(m["a"]), int(m["b"])) for cell in cells if isinstance(cell, str) and (m := _SLASHED.match(_plain(cell)))
    ]
    day_first, month_first = any(a > 12 for a, _ in pairs), any(b > 12 for _, b in pairs)
    if day_first == month_first:
        return bool(pairs), None
    return True, DayOrder.DAY_FIRST if day_first else DayOrder.MONTH_FIRST


def moment_in(cell: Cell, order: DayOrder | None) -> Moment:
    """A day, a time of the day, or both. Raises `UserError`."""
    if isinstance(cell, datetime):
        return Moment(cell.date(), None if cell.time() == time() else cell.time().replace(microsecond=0))
    if isinstance(cell, date):
        return Moment(cell)
    if isinstance(cell, time):
        return Moment(None, cell.replace(microsecond=0))
    words = _plain(cell)
    if not words:
        return Moment()
    day, rest = _day_in(words, order)
    if day is None:
        clock, offset = _clock_in(words)
        return Moment(None, clock, offset)
    if not rest:
        return Moment(day)
    clock, offset = _clock_in(rest)
    return Moment(day, clock, offset)


def _plain(cell: str) -> str:
    return _WEEKDAY.sub("", " ".join(cell.split()))


def _day_in(words: str, order: DayOrder | None) -> tuple[date | None, str]:
    for form in (_ISO, _DOTTED, _SLASHED, _NAMED, _NAMED_US):
        found = form.match(words)
        if found is None:
            continue
        said = found.groupdict()
        if form is _SLASHED:
            first, second = int(said["a"]), int(said["b"])
            if order is None and first <= 12 and second <= 12 and first != second:
                raise UserError(f"“{words}” can be read in two ways. Say whether the day or the month comes first.")
            day_first = first > 12 or (order is not DayOrder.MONTH_FIRST and second <= 12)
            day, month = (first, second) if day_first else (second, first)
        elif "name" in said:
            day, month = int(said["d"]), _MONTHS.get(said["name"].casefold(), 0)
        else:
            day, month = int(said["d"]), int(said["m"])
        year = int(said["y"]) + (2000 if len(said["y"]) == 2 else 0)
        try:
            return date(year, month, day), said["rest"] or ""
        except ValueError:
            raise UserError(f"“{words}” is no day of the calendar.") from None
    if re.match(r"^\d{1,2}\.\s?\d{1,2}\.?$", words) and not re.match(r"^\d{1,2}\.\d{2}$", words):
        raise UserError(f"“{words}” has no year. Write the day like 01.12.2026.")
    return None, words


def _clock_in(words: str) -> tuple[time, str]:
    found = _TIME.match(words.strip())
    wrong = UserError(f"“{words}” is no time. Write a day like 01.12.2026 and a time like 9:00.")
    if found is None or not (found["m"] or found["word"]):
        raise wrong
    hour, minute, word = int(found["h"]), int(found["m"] or found["late"] or 0), (found["word"] or "").casefold()
    if word[:1] in ("a", "p"):
        if not 1 <= hour <= 12:
            raise wrong
        hour = hour % 12 + (12 if word.startswith("p") else 0)
    try:
        return time(hour, minute, int(found["s"] or 0)), found["offset"] or ""
    except ValueError:
        raise wrong from None


def planned_at(
    cells: Sequence[Cell], order: DayOrder | None, zone: ZoneInfo, usual: time
) -> tuple[datetime | None, tuple[str, ...]]:
    """When it goes out, from one cell or several (day, time), on the clock of `zone`; and what there is to know of it.

    `usual` is taken where there is a day without a time. Raises `UserError`.
    """
    found = [moment_in(cell, order) for cell in cells]
    day = next((one.day for one in found if one.day), None)
    clock = next((one.clock for one in reversed(found) if one.clock is not None), None)
    offset = next((one.offset for one in reversed(found) if one.offset), "")
    if day is None:
        if clock is not None:
            raise UserError("There is a time, but no day.")
        return None, ()
    notes = () if clock is not None else (f"No time is given: {usual:%H:%M} is taken.",)
    local = datetime.combine(day, usual if clock is None else clock)
    if offset:
        return datetime.fromisoformat(f"{local.isoformat()}{offset.upper()}").astimezone(ZoneInfo("UTC")), notes
    moment, night = local_to_utc(local, zone)
    return moment, (*notes, night) if night else notes


# --- words ------------------------------------------------------------------------------------------------------------


def state_in(cell: Cell) -> PostState | None:
    """A state by its word; None where there is none. Raises `UserError`."""
    word = " ".join(str(cell).split())
    if not word:
        return None
    found = _STATES.get(word.casefold())
    if found is None:
        offered = ", ".join(words[0] for words in STATES.values())
        raise UserError(f"“{word[:60]}” is no state. Take one of: {offered}.")
    return found


def state_word(state: PostState) -> str:
    """The word we write."""
    return STATES[state][0]


def language_in(cell: Cell) -> str | None:
    """A language by its name or code; None where there is none. Raises `UserError`."""
    word = str(cell).strip().casefold()
    if not word:
        return None
    if word in _LANGUAGES:
        return _LANGUAGES[word]
    if re.fullmatch(r"[a-z]{2,3}(-[a-z0-9]{2,8})?", word):
        return word
    raise UserError(f"“{str(cell)[:40]}” is no language. Write its code, like de or en.")


@dataclass(frozen=True)
class ChannelNames:
    """Channels by what people call them: the name we write, and back from handle, name, network or number."""

    by_id: dict[int, str]
    ids: dict[str, tuple[int, ...]] = field(default_factory=dict)  # by a way to call them

    @classmethod
    def of(cls, channels: Sequence[ChannelRow]) -> "ChannelNames":
        """Of these channels. Where two handles are alike, the network is written beside."""
        handles = [one.handle for one in channels]
        written = {
            one.id: one.handle if handles.count(one.handle) == 1 else f"{one.handle} ({one.network_label})"
            for one in channels
        }
        ids: dict[str, tuple[int, ...]] = {}
        for one in channels:
            short = one.handle.removeprefix("@")
            ways = (written[one.id], one.handle, short, short.partition("@")[0], short.partition(".")[0], one.name)
            for way in {way.casefold().strip() for way in (*ways, one.network_label, str(one.id), f"#{one.id}")}:
                ids[way] = (*ids.get(way, ()), one.id)
        return cls(written, ids)

    def find(self, cell: Cell) -> tuple[int, ...]:
        """Numbers of the channels a cell names, parted by commas, semicolons or lines. Raises `UserError`."""
        words = str(cell).strip()
        if len(self.ids.get(words.casefold(), ())) == 1:
            return self.ids[words.casefold()]
        found: list[int] = []
        for name in filter(None, (" ".join(part.split()) for part in re.split(r"[,;\n]", words))):
            there = self.ids.get(name.casefold(), ())
            if len(there) > 1:
                several = ", ".join(self.by_id[number] for number in there)
                raise UserError(f"“{name[:60]}” may be several channels: {several}. Write the handle.")
            if not there:
                raise UserError(f"“{name[:60]}” isn't connected. Write a channel's handle, name or number.")
            found += there
        return tuple(dict.fromkeys(found))

    def words(self, ids: Iterable[int]) -> str:
        """The names of these channels, as a cell holds them; of one that is gone, its number."""
        return ", ".join(self.by_id.get(number, f"#{number}") for number in ids)
