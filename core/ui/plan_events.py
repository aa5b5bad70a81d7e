"""What the calendar draws: the plan as events of FullCalendar. Plain values; every word of them is shown as text.

Times are given on the clock of the member's zone, without an offset: the calendar itself knows no zones, so an hour
that a drop lands on is converted here in Python alone (`plan_drafts.local_to_utc`), odd nights included.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from functools import lru_cache
from typing import Any
from zoneinfo import ZoneInfo

from core.models.planning import PostState
from core.services.channels import ChannelRow
from core.services.key_dates import day_after
from core.services.plan_calendar import Band, Calendar, CalendarPost, Days
from core.ui.plan_words import POSTS

STATE, GROUP = "State", "Channel group"
MONTH, WEEK, LIST = "Month", "Week", "List"
GROUP_COLORS = ("blue", "orange", "violet", "green", "red", "yellow")
NO_GROUP, SEVERAL = ("No group", "gray"), ("Several groups", "primary")
HOLIDAY, KEY_DATE, BAND, POST, GAP = range(5)  # what stands above what in a day
POST_ID = "post:"
MOST_BANDS = 8
MOST_A_DAY = 30  # posts of a day in the month; how many more there are is said, and leads to the list
MORE_ID = "more:"
DAY = timedelta(days=1)


@dataclass(frozen=True)
class Look:
    """How the plan is to be shown. `gap_days` are marked; `round` makes each drawing's events its own."""

    zone: ZoneInfo
    view: str
    colour_by: str
    channels: Sequence[ChannelRow]
    first: date
    after: date  # the day after the last
    editable: bool
    gap_days: Collection[date] = ()
    gap_word: str = "Nothing planned"
    round: int = 0


def events(calendar: Calendar, days: Days, look: Look) -> list[dict[str, Any]]:
    """Holidays, key dates, campaigns, posts and gaps."""
    colours = Colours(look)
    found = [_day(f"holiday:{day}", day, day + DAY, name, HOLIDAY, "red", "hub-holiday")
             for day, name in days.holidays.items()]  # fmt: skip
    if look.view != LIST:
        found += [_tint(f"free:{day}", day, "", "hub-free") for day in days.holidays]
        found += [_band(band, look) for band in calendar.bands[:MOST_BANDS]]
        found += [_tint(f"gap:{day}", day, look.gap_word, "hub-gap") for day in look.gap_days]
    else:
        found += [_day(f"gap:{day}", day, day + DAY, look.gap_word, GAP, "gray", "hub-gap") for day in look.gap_days]
    for one in days.key_dates:
        last = day_after(one) if look.view != LIST else one.first + DAY
        found.append(
            _day(f"keydate:{one.key_date.id}:{one.first}", one.first, last, one.key_date.name, KEY_DATE,
                 one.key_date.color, "hub-day")
        )  # fmt: skip
    return found + _posts(calendar.posts, look, colours)


def _posts(posts: Sequence[CalendarPost], look: Look, colours: "Colours") -> list[dict[str, Any]]:
    """In the month no more than can be looked at: hundreds a day would be drawn for nothing."""
    found: list[dict[str, Any]] = []
    of_day: dict[date, int] = {}
    for post in posts:
        local = post.planned_at.astimezone(look.zone)
        day = local.date()
        of_day[day] = number = of_day.get(day, 0) + 1
        if number <= MOST_A_DAY or look.view != MONTH:
            found.append(_post(post, local, look, colours))
    if look.view == MONTH:
        for day, number in of_day.items():
            if number > MOST_A_DAY:
                title = f"and {number - MOST_A_DAY} more posts"
                more = _day(f"{MORE_ID}{day}", day, day + DAY, title, GAP, "gray", "hub-rest")
                found.append(more | {"start": f"{day}T23:59:59", "end": None, "allDay": False})
    return found


class Colours:
    """Which colour a post has, and what the colours mean."""

    def __init__(self, look: Look) -> None:
        self._by_state = look.colour_by != GROUP
        self._group_of = {row.id: row.group for row in look.channels}
        names = sorted({row.group for row in look.channels if row.group})
        self._groups = {name: GROUP_COLORS[n % len(GROUP_COLORS)] for n, name in enumerate(names)}

    def of(self, post: CalendarPost) -> tuple[str, str]:
        """(what it means, colour)."""
        if self._by_state:
            word, colour, _ = POSTS[post.state]
            return word, colour
        groups = {self._group_of.get(channel, "") for channel in post.channel_ids} or {""}
        if len(groups) > 1:
            return SEVERAL
        (name,) = groups
        return (name, self._groups[name]) if name in self._groups else NO_GROUP

    def legend(self, posts: Sequence[CalendarPost]) -> list[tuple[str, str]]:
        """What the colours of these posts mean, the usual order first."""
        used = {self.of(post) for post in posts}
        if self._by_state:
            return [(word, colour) for word, colour, _ in POSTS.values() if (word, colour) in used]
        return sorted(used - {SEVERAL, NO_GROUP}) + [one for one in (SEVERAL, NO_GROUP) if one in used]


def post_of(event: Any) -> tuple[int, datetime | None, datetime | None] | None:
    """From what the browser tells of an event: (post, its clock time now, when it went out as drawn). None: no post."""
    if not isinstance(event, dict) or not str(event.get("id", "")).startswith(POST_ID):
        return None
    number = str(event["id"]).removeprefix(POST_ID)
    if not number.isdecimal():
        return None
    drawn = event.get("extendedProps") or {}
    return int(number), clock(event.get("start")), _moment(drawn.get("at"))


def clock(value: Any) -> datetime | None:
    """A time as the calendar tells it: the wall clock, whatever zone stands behind it."""
    moment = _moment(value)
    return moment.replace(tzinfo=None) if moment else None


def _moment(value: Any) -> datetime | None:
    try:
        return datetime.fromisoformat(str(value).replace("Z", "+00:00"))
    except ValueError:
        return None


def _post(post: CalendarPost, local: datetime, look: Look, colours: Colours) -> dict[str, Any]:
    return {
        "id": f"{POST_ID}{post.id}",
        "title": post.title or f"Post {post.id}",
        "start": local.isoformat()[:19],  # what the clock says, without its zone
        "allDay": False,
        "classNames": _classes(colours.of(post)[1], post.state, bool(post.clashes)),
        "startEditable": look.editable and post.state is not PostState.CANCELLED,
        "rank": POST,
        "at": post.planned_at.isoformat(),
        "round": look.round,
    }


@lru_cache(maxsize=256)
def _classes(colour: str, state: PostState, clash: bool) -> list[str]:
    names = ["hub-post", f"hub-c-{colour}", f"hub-s-{state.value}"]
    return [*names, "hub-clash"] if clash else names


def _band(band: Band, look: Look) -> dict[str, Any]:
    """A campaign, as far as it can be seen: open ends run on."""
    start = max(band.starts_on or look.first, look.first)
    end = min((band.ends_on or look.after) + DAY, look.after)
    made = _day(f"campaign:{band.id}", start, end, band.name, BAND, band.color, "hub-band")
    return made | {"classNames": [*made["classNames"], *(["hub-begins"] if band.starts_on == start else [])]}


def _day(key: str, start: date, end: date, title: str, rank: int, colour: str, name: str) -> dict[str, Any]:
    return {
        "id": key,
        "title": title,
        "start": start.isoformat(),
        "end": end.isoformat(),
        "allDay": True,
        "classNames": [name, f"hub-c-{colour}"],
        "editable": False,
        "rank": rank,
    }


def _tint(key: str, day: date, title: str, name: str) -> dict[str, Any]:
    return {
        "id": key,
        "title": title,
        "start": day.isoformat(),
        "allDay": True,
        "display": "background",
        "classNames": [name],
        "rank": GAP,
    }
