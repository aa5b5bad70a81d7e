"""Reading a newest-first list again and again, without losing an entry: for networks whose cursor only goes back.

Pure but for the callable that fetches a page. Entries come again on purpose (a second fetch overlaps the first, for
what the network sorts in late): whoever stores them relies on their unique ids.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Generic, TypeVar

from core.connectors.atproto import moment, stamp

T = TypeVar("T")
Fetch = Callable[[str | None], tuple[list[T], str | None]]
"""Gives the entries of a page, newest first, and the cursor of the next older one."""


@dataclass(frozen=True)
class Mark:
    """How far we are. Stored as `since`, or as `since|top|page` while a long way back is under way."""

    since: datetime | None = None  # everything up to here has been read
    top: datetime | None = None  # the newest entry of the walk under way
    page: str | None = None  # where that walk goes on

    @classmethod
    def parse(cls, cursor: str | None) -> "Mark":
        """Read a stored cursor; one that makes no sense starts anew."""
        since, _, rest = (cursor or "").partition("|")
        top, _, page = rest.partition("|")
        return cls(moment(since), moment(top), page or None)

    def __str__(self) -> str:
        since = stamp(self.since) if self.since else ""
        return f"{since}|{stamp(self.top) if self.top else ''}|{self.page}" if self.page else since


@dataclass(frozen=True)
class Walk(Generic[T]):
    """What one walk brought: entries newest first, the mark to store, and whether to go on at once."""

    entries: list[T]
    mark: Mark
    more: bool


def walk(mark: Mark, fetch: Fetch[T], when: Callable[[T], datetime | None], pages: int, overlap: timedelta) -> Walk[T]:
    """Read back from the newest entry until `overlap` before what is known, at most `pages` pages at a time.

    A first walk (no `since`) ends after `pages`. A later one that has further to go is continued by its mark, so a
    long pause loses nothing.
    """
    entries: list[T] = []
    top, page = mark.top, mark.page
    floor = mark.since - overlap if mark.since else None
    for _ in range(pages):
        came_from = page
        found, page = fetch(page)
        entries += found
        times = [time for time in map(when, found) if time]
        top = max([time for time in (top, *times) if time], default=None)
        if not page or page == came_from or (floor and times and min(times) < floor):
            return Walk(entries, Mark(_not_ahead(top) or mark.since), more=False)
    if mark.since is None:
        return Walk(entries, Mark(_not_ahead(top)), more=False)
    return Walk(entries, Mark(mark.since, top, page), more=True)


def _not_ahead(top: datetime | None) -> datetime | None:
    """A time in the future would hide what comes until then."""
    return min(top, datetime.now(UTC)) if top else None
