"""The plan by days: what goes out when, gaps, clashes, days to know of, and moving a post to another time.

Reads are few statements with the columns that are shown, whatever they show. What days look like is
`ui/plan_calendar.py`'s; whether a post may be scheduled is decided by `planning.py`.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, time, timedelta
from itertools import pairwise
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import and_, case, func, select, true
from sqlmodel import Session, col

from core.db import utc_now
from core.errors import NotFound, UserError
from core.models.planning import Campaign, Delivery, DeliveryState, Post, PostState
from core.services import planning, service_hours
from core.services.key_dates import Occurrence, key_dates, occurrences
from core.services.plan_changes import OUT, Changes, deliveries_of
from core.services.plan_deliveries import accepted_parts
from core.services.plan_drafts import local_to_utc
from core.services.plan_list import PlanFilter, conditions
from core.services.service_hours import Hours
from core.services.team import Actor, Right, audit, require

MOST = 3_000  # posts in one look
CLASH = timedelta(hours=1)  # closer together on one channel is a clash
WORDS = 120  # characters of a text that stand for a title
NOT_GOING_OUT = (PostState.IDEA, PostState.CANCELLED)
NOT_SENT = (DeliveryState.CANCELLED, DeliveryState.DELETED)
BY_PLAN = (PostState.IDEA, PostState.DRAFT, PostState.IN_REVIEW, PostState.APPROVED)


@dataclass(frozen=True)
class CalendarPost:
    """A post with a time. `title` is its title, else how its text begins; `clashes`: on these channels."""

    id: int
    title: str
    state: PostState
    planned_at: datetime
    campaign_id: int | None
    channel_ids: tuple[int, ...]
    clashes: tuple[int, ...] = ()


@dataclass(frozen=True)
class Band:
    """A campaign that runs in the time that is looked at; None: open at that end."""

    id: int
    name: str
    color: str
    starts_on: date | None
    ends_on: date | None


@dataclass(frozen=True)
class Clash:
    """Two posts on one channel within the hour; titles are of any post, whatever the filter."""

    channel_id: int
    first: int
    second: int
    at: datetime
    next_at: datetime


@dataclass(frozen=True)
class Calendar:
    """What is planned in a time. `going_out` is (channel, when) of all that will or did go out, whatever the filter."""

    posts: tuple[CalendarPost, ...]
    bands: tuple[Band, ...]
    colors: Mapping[int, str]  # of all campaigns
    clashes: tuple[Clash, ...]
    going_out: tuple[tuple[int, datetime], ...]
    cut: bool  # there are more than `MOST`


@dataclass(frozen=True)
class Days:
    """What to know of the days: public holidays, key dates, and on which of them the team works."""

    holidays: Mapping[date, str]
    key_dates: tuple[Occurrence, ...]
    work_days: frozenset[date]


def calendar_month(session: Session, wanted: PlanFilter, since: datetime, until: datetime) -> Calendar:
    """What is planned from `since` until before `until` (aware). Three statements, whatever it shows."""
    rows = _posts(session, wanted, since - CLASH, until + CLASH)
    channels, going_out = _deliveries(session, rows, since - CLASH, until + CLASH)
    clashes = clashes_of(going_out)
    flagged: dict[int, list[int]] = {}
    for clash in clashes:
        for post_id in (clash.first, clash.second):
            flagged.setdefault(post_id, []).append(clash.channel_id)
    posts = tuple(
        CalendarPost(
            key,
            title or " ".join(words.split()),
            state,
            at,
            campaign_id,
            tuple(channels.get(key, ())),
            tuple(dict.fromkeys(flagged[key])) if key in flagged else (),
        )
        for key, title, words, state, at, campaign_id, fits in rows[:MOST]
        if fits and since <= at < until
    )
    bands, colors = _campaigns(session, since, until)
    within = tuple(clash for clash in clashes if since <= clash.next_at and clash.at < until)
    out = tuple((channel, at) for channel, at, _ in going_out if since <= at < until)
    return Calendar(posts, bands, colors, within, out, len(rows) > MOST)


def _posts(session: Session, wanted: PlanFilter, since: datetime, until: datetime) -> Sequence[Any]:
    """Every post of this time, those too that the filter leaves out: they clash all the same. The last column says."""
    fits = case((and_(true(), *conditions(replace(wanted, since=None, until=None))), 1), else_=0)
    asked: Any = select(  # type: ignore[call-overload]
        *(Post.id, Post.title, func.substr(Post.text, 1, WORDS), Post.state, Post.planned_at, Post.campaign_id, fits)
    )
    asked = asked.where(col(Post.planned_at) >= since, col(Post.planned_at) < until)
    asked = asked.order_by(col(Post.planned_at), col(Post.id)).limit(MOST + 1)
    rows: Sequence[Any] = session.connection().execute(asked).all()  # thousands of rows: without the session's share
    return rows


def _deliveries(
    session: Session, posts: Sequence[Any], since: datetime, until: datetime
) -> tuple[dict[int, list[int]], list[tuple[int, datetime, int]]]:
    """Channels by post, and (channel, when, post) of what goes out."""
    times = {row[0]: row[4] for row in posts if row[3] not in NOT_GOING_OUT}
    sent = case((col(Delivery.state).in_(NOT_SENT), 0), else_=1)
    asked = (
        select(col(Delivery.post_id), col(Delivery.channel_id), sent)
        .join(Post, col(Post.id) == col(Delivery.post_id))
        .where(col(Post.planned_at) >= since, col(Post.planned_at) < until)
        .order_by(col(Post.planned_at), col(Post.id))
        .limit(10 * MOST)
    )
    rows = session.connection().execute(asked).all()  # at once: a row at a time takes four times as long
    channels: dict[int, list[int]] = {}
    going_out: list[tuple[int, datetime, int]] = []
    for post_id, channel_id, out in rows:
        channels.setdefault(post_id, []).append(channel_id)
        if out and post_id in times:
            going_out.append((channel_id, times[post_id], post_id))
    return channels, going_out


def _campaigns(session: Session, since: datetime, until: datetime) -> tuple[tuple[Band, ...], dict[int, str]]:
    """Those that run meanwhile, by their beginning, and the colour of every one."""
    rows: Any = session.execute(
        select(  # type: ignore[call-overload]
            *(Campaign.id, Campaign.name, Campaign.color, Campaign.starts_on, Campaign.ends_on, Campaign.archived_at)
        ).order_by(col(Campaign.starts_on), col(Campaign.name))
    ).all()
    first, last = since.date(), until.date()
    bands = tuple(
        Band(key, name, color, start, end)
        for key, name, color, start, end, archived in rows
        if archived is None and (start or end) and (start or first) <= last and (end or last) >= first
    )
    return bands, {key: color for key, _, color, *_ in rows}


def clashes_of(going_out: Iterable[tuple[int, datetime, int]]) -> list[Clash]:
    """Neighbours on one channel that are less than an hour apart; `going_out` is (channel, when, post)."""
    by_channel: dict[int, list[tuple[datetime, int]]] = {}
    for channel_id, at, post_id in going_out:
        by_channel.setdefault(channel_id, []).append((at, post_id))
    found = [
        Clash(channel_id, one, two, at, next_at)
        for channel_id, times in by_channel.items()
        for (at, one), (next_at, two) in pairwise(sorted(times))
        if next_at - at < CLASH
    ]
    return sorted(found, key=lambda clash: (clash.at, clash.channel_id, clash.second))


def gaps(
    calendar: Calendar, days: Iterable[date], zone: ZoneInfo, channel_ids: Collection[int] | None = None
) -> list[date]:
    """Which of `days` nothing goes out on, in this zone: on these channels, or (None) on any."""
    counted = (at for channel, at in calendar.going_out if channel_ids is None or channel in channel_ids)
    taken = {at.astimezone(zone).date() for at in counted}
    return sorted(day for day in days if day not in taken)


def days_to_know(session: Session, since: date, until: date) -> Days:
    """Holidays, key dates and work days from `since` until before `until`. Two statements."""
    hours = service_hours.current(session)
    holidays: dict[date, str] = {}
    for year in range(since.year, until.year + 1):
        holidays |= service_hours.free_days(hours.country, hours.region, year)
    holidays = {day: name for day, name in sorted(holidays.items()) if since <= day < until}
    return Days(
        holidays, tuple(occurrences(key_dates(session), since, until)), _work_days(hours, since, until, holidays)
    )


def _work_days(hours: Hours, since: date, until: date, free: Mapping[date, str]) -> frozenset[date]:
    days = (since + timedelta(days=n) for n in range((until - since).days))
    return frozenset(day for day in days if hours.weekly[day.weekday()] and day not in free)


def start_of(day: date, zone: ZoneInfo) -> datetime:
    """The moment (UTC) at which the day begins in this zone."""
    return local_to_utc(datetime.combine(day, time()), zone)[0]


def weeks_of_month(day: date) -> tuple[date, date]:
    """The whole weeks, Monday first, that show this day's month: (first day, day after the last)."""
    first = day.replace(day=1)
    last = (first + timedelta(days=31)).replace(day=1) - timedelta(days=1)
    return first - timedelta(days=first.weekday()), last + timedelta(days=7 - last.weekday())


# --- moving -----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Move:
    """A post that was moved. `note` is what to know of that night, `warnings` what is worth a second look."""

    post_id: int
    before: datetime | None
    after: datetime
    queued: bool  # before
    note: str | None
    warnings: tuple[str, ...]


def move_post(
    session: Session, actor: Actor, post_id: int, local: datetime, zone: ZoneInfo, seen: datetime | None
) -> Move:
    """Give a post another time: `local` on the clock of `zone`. `seen` is the time it had when it was taken hold of.

    A scheduled post is judged anew and stays scheduled, any other only changes its time. Raises `UserError` with what
    is in the way, and changes nothing then.
    """
    require(actor, Right.PLAN)
    post = _movable(session, post_id)
    if post.planned_at != seen:
        raise UserError("Somebody else has moved this post meanwhile. Look where it is now, then move it again.")
    at, note = local_to_utc(local, zone)
    if at < utc_now() - planning.LATE:
        raise UserError(
            f"{local:%a %d %b, %H:%M} has passed. Drop it on a later time, or open it to choose one."
        )  # fmt: skip
    before, queued = post.planned_at, post.queued
    warnings = _give_time(session, actor, post, at)
    post.queued = False  # its time isn't the slot's any more
    return Move(post_id, before, at, queued, note, warnings)


def undo_move(session: Session, actor: Actor, move: Move) -> None:
    """Back to the time it had. Raises `UserError` when somebody has changed it since, or the time has passed."""
    require(actor, Right.PLAN)
    post = _movable(session, move.post_id)
    if post.planned_at != move.after:
        raise UserError("It has been moved again since. Nothing was undone.")
    if move.before is None and post.state is PostState.SCHEDULED:
        raise UserError("It has been scheduled since. Make it a draft again first.")
    if move.before is None:
        planning.save_post(session, actor, post.id, post.version, Changes(no_time=True))
    else:
        _give_time(session, actor, post, move.before)
    post.queued = move.queued
    session.flush()


def _movable(session: Session, post_id: int) -> Post:
    """The post, if its time may change."""
    post = session.get(Post, post_id)
    if post is None:
        raise NotFound("This post isn't in the plan any more. Somebody may have deleted it.")
    if post.state is PostState.PUBLISHED:
        raise UserError("It is published: its time can't be changed any more.")
    if post.state is PostState.CANCELLED:
        raise UserError("It was cancelled. Open it and make it a draft again before you move it.")
    if post.state is PostState.NEEDS_CARE:
        raise UserError("It needs care first: open it and decide about the channels where it didn't go out.")
    if post.state is PostState.SCHEDULED:
        rows = deliveries_of(session, post_id)
        if any(row.state in OUT or accepted_parts(row) for row in rows):
            raise UserError("It is on its way, or out on a channel already. Open it to move what is left.")
    return post


def _give_time(session: Session, actor: Actor, post: Post, at: datetime) -> tuple[str, ...]:
    if post.state is PostState.SCHEDULED:
        return planning.schedule_post(session, actor, post.id, at)
    planning.save_post(session, actor, post.id, post.version, Changes(planned_at=at))
    audit(session, actor, "post.plan", f"post:{post.id}", at.isoformat())
    return ()


# --- for the command line ---------------------------------------------------------------------------------------------


def calendar_facts(calendar: Calendar, days: Days, zone: ZoneInfo) -> list[dict[str, Any]]:
    """Posts, holidays and key dates in order, as plain rows."""
    rows: list[dict[str, Any]] = [
        {"day": day, "time": None, "what": "holiday", "id": None, "title": name, "state": "", "channel_ids": []}
        for day, name in days.holidays.items()
    ]
    rows += [
        {"day": one.first, "time": None, "what": "key date", "id": one.key_date.id, "title": one.key_date.name,
         "state": "", "channel_ids": []}
        for one in days.key_dates
    ]  # fmt: skip
    for post in calendar.posts:
        local = post.planned_at.astimezone(zone)
        rows.append(
            {"day": local.date(), "time": f"{local:%H:%M}", "what": "post", "id": post.id, "title": post.title,
             "state": post.state, "channel_ids": list(post.channel_ids)}
        )  # fmt: skip
    return sorted(rows, key=lambda row: (row["day"], row["time"] or ""))


def titles(session: Session, post_ids: Sequence[int]) -> dict[int, str]:
    """What these posts are called. One statement."""
    rows: Any = session.execute(
        select(Post.id, Post.title, func.substr(Post.text, 1, WORDS)).where(col(Post.id).in_(post_ids))  # type: ignore[call-overload]
    )
    return {key: title or " ".join(words.split()) or f"Post {key}" for key, title, words in rows}
