"""Posts at risk: what is scheduled and won't go out as things stand, told before its time comes.

Looks ahead over everything that is scheduled: the channel doesn't work, its sign-in ends before the time, so much is
planned that the network's quota is used up, the text or media no longer fit what the server takes, a link that died.
"""

from bisect import bisect_left
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from sqlalchemy import select
from sqlmodel import Session, col

from core import db
from core.connectors.base import Draft, Limits
from core.db import utc_now
from core.models.channel import Channel, ChannelState
from core.models.planning import Delivery, DeliveryState, Post
from core.services import approval
from core.services.notices import NoticeKind, notify
from core.services.plan_drafts import drafts_of, first_error, problems_of

AHEAD = timedelta(days=14)
MOST = 500  # deliveries that are judged, the nearest first
SOON = timedelta(hours=24)  # so long before it goes out its author is told


class RiskKind(StrEnum):
    """Why it won't go out."""

    CHANNEL = "channel"
    ACCESS = "access"
    QUOTA = "quota"
    LIMITS = "limits"
    APPROVAL = "approval"  # what is sent would not be what was approved


@dataclass(frozen=True)
class Risk:
    """One delivery that is at risk, and a sentence that says what to do."""

    delivery_id: int
    post_id: int
    title: str
    channel_id: int
    handle: str
    due_at: datetime
    kind: RiskKind
    message: str
    author_id: int | None = None  # of the post


@dataclass(frozen=True)
class _Planned:
    delivery: Delivery
    channel: Channel
    title: str
    author_id: int | None

    def risk(self, kind: RiskKind, message: str) -> Risk:
        assert self.delivery.post_id is not None and self.delivery.due_at is not None
        where = (self.channel.id, self.channel.handle, self.delivery.due_at)
        return Risk(self.delivery.id, self.delivery.post_id, self.title, *where, kind, message, self.author_id)


def risks(session: Session, ahead: timedelta = AHEAD, most: int = MOST) -> tuple[Risk, ...]:
    """Everything scheduled within `ahead` that is at risk, the nearest first; one risk, the worst, for each delivery.

    A constant number of statements. Of more than `most` deliveries the nearest are judged.
    """
    planned = _planned(session, ahead, most)
    drafts = drafts_of(session, [one.delivery for one in planned])
    found = [*_channel_risks(planned), *_quota_risks(session, planned, drafts), *_limit_risks(planned, drafts)]
    found += _approval_risks(session, planned)
    worst: dict[int, Risk] = {}
    for risk in found:
        worst.setdefault(risk.delivery_id, risk)
    return tuple(sorted(worst.values(), key=lambda risk: (risk.due_at, risk.delivery_id)))


def warn_authors() -> int:
    """Tell who wrote a post that goes out within a day and is at risk, once; gives how many were told.

    Judging may take a moment, so that it happens outside of the transaction that writes.
    """
    with db.read() as session:
        mine = [(risk.author_id, risk) for risk in risks(session, SOON) if risk.author_id is not None]
    if not mine:
        return 0
    with db.write() as session:
        return sum(
            notify(session, [author], NoticeKind.RISK, f"At risk, {risk.title or 'a post'}: {risk.message}",
                   f"post:{risk.post_id}")
            for author, risk in mine
        )  # fmt: skip


def _planned(session: Session, ahead: timedelta, most: int) -> list[_Planned]:
    rows = session.execute(
        select(Delivery, Channel, col(Post.title), col(Post.text), col(Post.member_id))
        .join(Channel, col(Channel.id) == col(Delivery.channel_id))
        .join(Post, col(Post.id) == col(Delivery.post_id))
        .where(col(Delivery.state) == DeliveryState.SCHEDULED, col(Delivery.due_at) <= utc_now() + ahead)
        .order_by(col(Delivery.due_at), col(Delivery.id))
        .limit(most)
    ).all()
    return [_Planned(d, c, title or text[:80], author) for d, c, title, text, author in rows]


UNAPPROVED = "It isn't approved as it stands: its campaign, or somebody it names, has changed since. Approve it again."


def _approval_risks(session: Session, planned: Sequence[_Planned]) -> Iterator[Risk]:
    shut = approval.unapproved(session, sorted({one.delivery.post_id or 0 for one in planned}))
    return (one.risk(RiskKind.APPROVAL, UNAPPROVED) for one in planned if one.delivery.post_id in shut)


# --- the channel ------------------------------------------------------------------------------------------------------

_NOT_ACTIVE = {
    ChannelState.PAUSED: "{handle} is paused. Resume it on the Channels page before {when}.",
    ChannelState.NEEDS_REAUTH: "{handle} must be reconnected before {when}. Do that on the Channels page.",
    ChannelState.REMOVED: "{handle} was removed. Choose another channel.",
}


def _channel_risks(planned: Sequence[_Planned]) -> Iterator[Risk]:
    for one in planned:
        channel, due = one.channel, one.delivery.due_at
        assert due is not None
        if channel.state is not ChannelState.ACTIVE:
            words = _NOT_ACTIVE[channel.state].format(handle=channel.handle, when="it goes out")
            yield one.risk(RiskKind.CHANNEL, words)
        elif channel.access_ends_at is not None and channel.access_ends_at <= due:
            day = f"{channel.access_ends_at:%d %b}"
            yield one.risk(
                RiskKind.ACCESS, f"The sign-in of {channel.handle} ends on {day}, before this goes out. Reconnect it."
            )


# --- the quota --------------------------------------------------------------------------------------------------------


def _quota_risks(session: Session, planned: Sequence[_Planned], drafts: Mapping[int, Draft]) -> list[Risk]:
    """Those that come after the quota's last place, counting what went out within its span before."""
    by_channel: dict[int, list[_Planned]] = defaultdict(list)
    for one in planned:
        if Limits.from_json(one.channel.limits).quota_posts:
            by_channel[one.channel.id].append(one)
    if not by_channel:
        return []
    spent = _spent(session, list(by_channel))
    found: list[Risk] = []
    for channel_id, waiting in by_channel.items():
        limits = Limits.from_json(waiting[0].channel.limits)
        found += _beyond(waiting, spent.get(channel_id, []), limits, drafts)
    return found


def _beyond(
    waiting: Sequence[_Planned], spent: list[datetime], limits: Limits, drafts: Mapping[int, Draft]
) -> Iterator[Risk]:
    assert limits.quota_posts
    span, times = timedelta(seconds=limits.quota_seconds), sorted(spent)
    for one in waiting:
        due = one.delivery.due_at
        assert due is not None
        parts = len(drafts[one.delivery.id].parts) if one.delivery.id in drafts else 1
        within = len(times) - bisect_left(times, due - span)
        if within + parts > limits.quota_posts:
            hours = limits.quota_seconds / 3600
            yield one.risk(
                RiskKind.QUOTA,
                f"{one.channel.handle} takes {limits.quota_posts} posts in {hours:g} h, and so many are planned before "
                "this one. Choose a later time.",
            )
        times += [due] * parts  # `waiting` comes in the order it is due


def _spent(session: Session, channel_ids: Sequence[int]) -> dict[int, list[datetime]]:
    """When posts and answers went out on these channels, as far back as the longest quota reaches."""
    rows = session.execute(
        select(col(Delivery.channel_id), col(Delivery.published_at)).where(
            col(Delivery.channel_id).in_(channel_ids),
            col(Delivery.state) == DeliveryState.PUBLISHED,
            col(Delivery.published_at) > utc_now() - timedelta(days=1),
        )
    )
    found: dict[int, list[datetime]] = defaultdict(list)
    for channel_id, at in rows:
        found[channel_id].append(at)
    return found


# --- what the server takes --------------------------------------------------------------------------------------------


def _limit_risks(planned: Sequence[_Planned], drafts: Mapping[int, Draft]) -> Iterator[Risk]:
    """What no longer fits: limits change, and a server tells its own with each look at the profile."""
    for one in planned:
        draft = drafts.get(one.delivery.id)
        problem = first_error(problems_of(one.channel, draft)) if draft else None
        if problem:
            yield one.risk(RiskKind.LIMITS, f"{one.channel.handle} won't take it: {problem.message}")
