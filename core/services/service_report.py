"""How fast the team was, in business time: first answers and resolutions by channel, member and week.

Plain Python, so that the command line needs no data frames. A median and a 90th percentile are values that occurred
or lie between two that did: the percentile is the nearest rank, the shortest time within which nine of ten were done.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from statistics import median
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import case, func, select
from sqlmodel import Session, col

from core import db
from core.models.channel import Channel, ChannelState
from core.models.inbox import Conversation, ConversationState
from core.models.inbox_work import ServiceKind, ServiceTime
from core.models.team import Member
from core.services import service_hours
from core.services.service_hours import SECOND, Hours, open_ticks

NOBODY = "Without a member"  # answered at the network itself, by the command line or a rule


@dataclass(frozen=True)
class Figures:
    """`count` spans: median and 90th percentile in business seconds; the share within the target, if there is one."""

    count: int
    median: float | None
    p90: float | None
    within: float | None


@dataclass(frozen=True)
class Line:
    """The figures of one channel (`target_minutes` set), member or week. `key`: its id, or the week's Monday."""

    key: int | date | None
    name: str
    figures: Figures
    target_minutes: int | None = None


@dataclass(frozen=True)
class Part:
    """First answers, or resolutions."""

    total: Figures
    by_channel: tuple[Line, ...]
    by_member: tuple[Line, ...]
    by_week: tuple[Line, ...]


@dataclass(frozen=True)
class ServiceReport:
    """What ended from `since` to `until`; `waiting` and `overdue` are those without an answer now."""

    since: datetime
    until: datetime
    hours: Hours
    first: Part
    resolution: Part
    waiting: int
    overdue: int


@dataclass(frozen=True)
class _Span:
    channel_id: int
    member_id: int | None
    week: date
    seconds: float
    within: bool | None


def report(
    session: Session,
    since: datetime,
    until: datetime,
    zone: ZoneInfo,
    channel_ids: Sequence[int] = (),
    group_id: int | None = None,
) -> ServiceReport:
    """The figures of a time and of some channels (none named: all). Five statements, whatever there is.

    `zone` says where a week begins. What ended in the time counts, with the hours and targets of today.
    """
    hours = service_hours.current(session)
    channels = _channels(session, channel_ids, group_id)
    targets = {key: own or hours.target_minutes for key, (_, own) in channels.items()}
    people: Any = session.execute(select(col(Member.id), col(Member.name)))
    names: dict[int, str] = dict(people.all())
    spans = _spans(session, since, until, zone, hours, targets)
    handles = {key: handle for key, (handle, _) in channels.items()}
    first, resolution = (_part(spans[kind], handles, targets, names) for kind in ServiceKind)
    waiting, overdue = _waiting(session, list(channels))
    return ServiceReport(since, until, hours, first, resolution, waiting, overdue)


def _channels(session: Session, channel_ids: Sequence[int], group_id: int | None) -> dict[int, tuple[str, int | None]]:
    asked = select(col(Channel.id), col(Channel.handle), col(Channel.target_minutes)).where(
        col(Channel.state) != ChannelState.REMOVED
    )
    if channel_ids:
        asked = asked.where(col(Channel.id).in_(channel_ids))
    if group_id is not None:
        asked = asked.where(col(Channel.group_id) == group_id)
    return {key: (handle, own) for key, handle, own in session.execute(asked)}


def _spans(
    session: Session, since: datetime, until: datetime, zone: ZoneInfo, hours: Hours, targets: dict[int, int]
) -> dict[ServiceKind, list[_Span]]:
    t = ServiceTime
    asked = select(t.kind, t.channel_id, t.member_id, t.started_at, t.ended_at).where(  # type: ignore[call-overload]
        col(t.kind).in_(list(ServiceKind)),
        col(t.ended_at) >= since,
        col(t.ended_at) < until,
        col(t.channel_id).in_(targets),
    )
    found: dict[ServiceKind, list[_Span]] = {kind: [] for kind in ServiceKind}
    for kind, channel_id, member_id, start, end in session.execute(asked):
        seconds = open_ticks(hours, start, end) / SECOND
        day = end.astimezone(zone).date()
        within = seconds <= 60 * targets[channel_id] if kind is ServiceKind.FIRST else None
        found[kind].append(_Span(channel_id, member_id, day - timedelta(days=day.weekday()), seconds, within))
    return found


def _part(spans: list[_Span], handles: dict[int, str], targets: dict[int, int], names: dict[int, str]) -> Part:
    by_channel = [
        Line(key, handles[key], figures(some), targets[key]) for key, some in _by(spans, lambda s: s.channel_id)
    ]
    by_member = [
        Line(key, names.get(key or 0, NOBODY), figures(some)) for key, some in _by(spans, lambda s: s.member_id)
    ]
    by_week = [Line(key, f"{key:%Y-%m-%d}", figures(some)) for key, some in _by(spans, lambda s: s.week)]
    return Part(
        figures(spans),
        tuple(sorted(by_channel, key=_busiest)),
        tuple(sorted(by_member, key=_busiest)),
        tuple(sorted(by_week, key=lambda line: line.name)),
    )


def _busiest(line: Line) -> tuple[int, str]:
    return -line.figures.count, line.name


def _by(spans: Iterable[_Span], key: Callable[[_Span], Any]) -> Iterable[tuple[Any, list[_Span]]]:
    found: dict[Any, list[_Span]] = {}
    for span in spans:
        found.setdefault(key(span), []).append(span)
    return found.items()


def figures(spans: Sequence[_Span]) -> Figures:
    """What some spans come to."""
    if not spans:
        return Figures(0, None, None, None)
    seconds = sorted(span.seconds for span in spans)
    rank = -(-9 * len(seconds) // 10)  # rounded up
    judged = [span.within for span in spans if span.within is not None]
    return Figures(len(seconds), median(seconds), seconds[rank - 1], sum(judged) / len(judged) if judged else None)


def _waiting(session: Session, channel_ids: list[int]) -> tuple[int, int]:
    late = func.coalesce(func.sum(case((col(Conversation.respond_by) < db.utc_now(), 1), else_=0)), 0)
    asked = select(func.count(), late).where(
        col(Conversation.state) == ConversationState.OPEN,
        col(Conversation.waiting_since).is_not(None),
        col(Conversation.channel_id).in_(channel_ids),
    )
    count, overdue = session.execute(asked).one()
    return int(count), int(overdue)
