"""The stop button: pause publishing, everywhere or for a group, see what is held, and let it go again in order.

What keeps a post back is a condition on the rows that may be claimed (`not_held`), asked once more in the commit before
anything leaves (`is_held`). Answers in the inbox go on: in a crisis people must be able to talk. Of a thread that is
half out, the rest follows; an answer that never came is still looked for.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from functools import lru_cache
from typing import Any

from sqlalchemy import func, or_, select
from sqlalchemy.orm import aliased
from sqlmodel import Session, col

from core.db import utc_now
from core.errors import NotFound, UserError
from core.models.channel import Channel, Group
from core.models.planning import Delivery, DeliveryState, Post, PostState
from core.models.planning_work import EventKind, PublishingHold
from core.models.team import Member
from core.services import journal, post_history
from core.services.notices import NoticeKind, notify
from core.services.plan_deliveries import reset, settle_post
from core.services.team import Actor, Right, audit, require

EVERYWHERE = "All channels"
REASON_LENGTH = 300  # characters
LONGEST_GAP = 24 * 60  # minutes
MOST = 500  # posts that are let go at a time


class Release(StrEnum):
    """What becomes of posts whose time has passed while they were held."""

    NOW = "now"  # they go out at once, one after another
    IN_ORDER = "in_order"  # new times, in the order they were planned
    DRAFTS = "drafts"  # back to drafts, which keep their time as a plan


@dataclass(frozen=True)
class HoldRow:
    """A stop that is in force. `group` is its name, or EVERYWHERE."""

    id: int
    group_id: int | None
    group: str
    reason: str
    by: str
    started_at: datetime


@dataclass(frozen=True)
class HeldPost:
    """A post that a stop keeps back; `overdue`: its time has come. `channels` are handles."""

    post_id: int
    title: str
    due_at: datetime
    overdue: bool
    channels: tuple[str, ...]


# --- what is kept back ------------------------------------------------------------------------------------------------


@lru_cache(maxsize=1)
def not_held() -> Any:
    """A condition on `Delivery`: the stop button doesn't keep it back. Asked all the time, so it is built once."""
    theirs = aliased(Channel)
    stop = (
        select(col(PublishingHold.id))
        .select_from(PublishingHold)
        .join(theirs, col(theirs.id) == col(Delivery.channel_id))
        .where(
            col(PublishingHold.ended_at).is_(None),
            or_(col(PublishingHold.group_id).is_(None), col(PublishingHold.group_id) == col(theirs.group_id)),
        )
        .correlate(Delivery)
    )
    return or_(
        col(Delivery.message_id).is_not(None),
        col(Delivery.released_at).is_not(None),
        col(Delivery.state) != DeliveryState.SCHEDULED,
        ~stop.exists(),
    )


def is_held(session: Session, row: Delivery) -> bool:
    """Whether the stop button keeps this delivery back now, whatever state it is in."""
    if row.message_id is not None or row.released_at is not None:
        return False
    group = select(col(Channel.group_id)).where(col(Channel.id) == row.channel_id).scalar_subquery()
    stop = select(col(PublishingHold.id)).where(
        col(PublishingHold.ended_at).is_(None),
        or_(col(PublishingHold.group_id).is_(None), col(PublishingHold.group_id) == group),
    )
    return session.execute(stop.limit(1)).first() is not None


def open_holds(session: Session) -> tuple[HoldRow, ...]:
    """The stops in force, the oldest first. One statement."""
    rows = session.execute(
        select(PublishingHold, col(Group.name), func.coalesce(col(Member.name), "Command line"))
        .outerjoin(Group, col(Group.id) == col(PublishingHold.group_id))
        .outerjoin(Member, col(Member.id) == col(PublishingHold.member_id))
        .where(col(PublishingHold.ended_at).is_(None))
        .order_by(col(PublishingHold.id))
    ).all()
    return tuple(HoldRow(h.id, h.group_id, name or EVERYWHERE, h.reason, by, h.started_at) for h, name, by in rows)


def held_posts(session: Session, hold_id: int, limit: int = MOST) -> tuple[HeldPost, ...]:
    """What a stop keeps back, the earliest first: overdue or still to come. Two statements. Raises `NotFound`."""
    hold, now = _hold(session, hold_id), utc_now()
    rows = session.execute(
        select(col(Post.id), col(Post.title), col(Post.text), col(Delivery.due_at), col(Channel.handle))
        .join(Delivery, col(Delivery.post_id) == col(Post.id))
        .join(Channel, col(Channel.id) == col(Delivery.channel_id))
        .where(*_kept_back(hold))
        .order_by(col(Delivery.due_at), col(Post.id), col(Channel.handle))
        .limit(limit)
    ).all()
    posts: dict[int, HeldPost] = {}
    for post_id, title, text, due_at, handle in rows:
        before = posts.get(post_id)
        handles = (*before.channels, handle) if before else (handle,)
        posts[post_id] = HeldPost(post_id, title or text[:80], due_at, due_at <= now, handles)
    return tuple(posts.values())


def held_counts(session: Session) -> dict[int, int]:
    """How many posts whose time has come each stop keeps back, by its number. One statement a stop; there are few."""
    now = utc_now()
    counts: dict[int, int] = {}
    for hold in session.execute(select(PublishingHold).where(col(PublishingHold.ended_at).is_(None))).scalars():
        due = select(func.count(func.distinct(col(Delivery.post_id)))).select_from(Delivery)
        due = due.join(Channel, col(Channel.id) == col(Delivery.channel_id))
        counts[hold.id] = int(session.execute(due.where(*_kept_back(hold), col(Delivery.due_at) <= now)).scalar_one())
    return counts


def _kept_back(hold: PublishingHold) -> list[Any]:
    where: list[Any] = [
        col(Delivery.state) == DeliveryState.SCHEDULED,
        col(Delivery.post_id).is_not(None),
        col(Delivery.released_at).is_(None),
    ]
    if hold.group_id is not None:
        where.append(col(Channel.group_id) == hold.group_id)
    return where


# --- stopping and letting go ------------------------------------------------------------------------------------------


def stop_publishing(session: Session, actor: Actor, reason: str, group_id: int | None = None) -> int:
    """From now on no post goes out, of a group or at all; gives the stop's number. Everybody of the team is told."""
    require(actor, Right.PLAN)
    reason = " ".join(reason.split())[:REASON_LENGTH]
    if not reason:
        raise UserError("Say why publishing is stopped: colleagues will wonder.")
    name = EVERYWHERE
    if group_id is not None:
        group = session.get(Group, group_id)
        if group is None:
            raise NotFound("This group isn't there any more. Choose another one.")
        name = group.name
    if any(hold.group_id == group_id for hold in open_holds(session)):
        raise UserError(f"Publishing is stopped already: {name}.")
    row = PublishingHold(group_id=group_id, reason=reason, member_id=actor.id)
    session.add(row)
    session.flush()
    audit(session, actor, "publishing.stop", f"hold:{row.id}", name)
    _tell(session, actor, f"Publishing is stopped ({name}): {reason}", row.id)
    return row.id


def release_posts(session: Session, actor: Actor, hold_id: int, post_ids: Sequence[int]) -> int:
    """Let some posts go although the stop stays; gives how many deliveries that were."""
    require(actor, Right.PLAN)
    hold = _hold(session, hold_id)
    rows = [row for row in _rows(session, hold) if row.post_id in set(post_ids)]
    if not rows:
        raise UserError("None of these is held any more. Look again.")
    for row in rows:
        row.released_at = utc_now()
        journal.note(session, row, EventKind.RELEASED, "Let go although publishing is stopped.", actor=actor)
    audit(session, actor, "publishing.release_some", f"hold:{hold_id}", f"{len(set(post_ids))} posts")
    session.flush()
    return len(rows)


def resume_publishing(
    session: Session,
    actor: Actor,
    hold_id: int,
    then: Release,
    start: datetime | None = None,
    gap_minutes: int = 15,
) -> int:
    """End a stop; gives how many posts had missed their time, of which `then` says what becomes.

    With `Release.IN_ORDER` the first goes out at `start` (aware), each next one `gap_minutes` later. Posts whose time
    is still to come keep it.
    """
    require(actor, Right.PLAN)
    hold, now = _hold(session, hold_id), utc_now()
    if then is Release.IN_ORDER:
        if start is None or start < now - timedelta(minutes=1):
            raise UserError("Say when the first one goes out: choose a time to come.")
        if not 0 <= gap_minutes <= LONGEST_GAP:
            raise UserError("Choose up to a day between two posts.")
    late: dict[int, list[Delivery]] = {}
    for row in _rows(session, hold):
        if row.due_at is not None and row.due_at <= now and row.post_id is not None:
            late.setdefault(row.post_id, []).append(row)
    session.execute(select(Post).where(col(Post.id).in_(late))).all()  # at once, not one by one below
    hold.ended_at, hold.ended_by = now, actor.id
    for number, (post_id, rows) in enumerate(late.items()):
        at = start + timedelta(minutes=gap_minutes * number) if then is Release.IN_ORDER and start else None
        _let_go(session, actor, post_id, rows, hold, then, at)
    audit(session, actor, "publishing.resume", f"hold:{hold_id}", f"{then.value}, {len(late)} posts")
    _tell(session, actor, f"Publishing goes on again. {len(late)} posts had been held.", hold_id)
    session.flush()
    return len(late)


def _let_go(
    session: Session,
    actor: Actor,
    post_id: int,
    rows: Sequence[Delivery],
    hold: PublishingHold,
    then: Release,
    at: datetime | None,
) -> None:
    post = session.get_one(Post, post_id)
    for row in rows:
        since = max(row.due_at or hold.started_at, hold.started_at)
        journal.note(session, row, EventKind.HELD, f"Publishing was stopped: {hold.reason}", at=since)
        if then is Release.DRAFTS:
            reset(row, DeliveryState.DRAFT)
        elif at is not None:
            row.due_at = at
        journal.note(session, row, EventKind.RELEASED, _WORDS[then], actor=actor)
    if then is Release.DRAFTS:
        session.flush()
        _settle_drafts(session, post)
    elif at is not None:
        post.planned_at = at
    if then is not Release.NOW:
        post.version += 1
        post.updated_at = utc_now()
        post_history.record(session, actor, post, "publishing.resume")


def _settle_drafts(session: Session, post: Post) -> None:
    """A post none of which is scheduled or out any more is a draft again, or still approved."""
    others = select(col(Delivery.state)).where(col(Delivery.post_id) == post.id)
    states = set(session.execute(others).scalars()) - {DeliveryState.CANCELLED, DeliveryState.DELETED}
    if states == {DeliveryState.DRAFT}:
        post.state = PostState.APPROVED if post.approved_at else PostState.DRAFT
    else:
        settle_post(session, post.id)


_WORDS = {
    Release.NOW: "Publishing goes on: sent at once.",
    Release.IN_ORDER: "Publishing goes on: it got a new time.",
    Release.DRAFTS: "Publishing goes on: it is a draft again.",
}


def _rows(session: Session, hold: PublishingHold) -> list[Delivery]:
    """The deliveries it keeps back, in the order they were planned."""
    rows = (
        select(Delivery)
        .join(Channel, col(Channel.id) == col(Delivery.channel_id))
        .where(*_kept_back(hold))
        .order_by(col(Delivery.due_at), col(Delivery.post_id), col(Delivery.id))
    )
    return list(session.execute(rows).scalars())


def _hold(session: Session, hold_id: int) -> PublishingHold:
    row = session.get(PublishingHold, hold_id)
    if row is None or row.ended_at is not None:
        raise NotFound("Somebody has ended this stop already.")
    return row


def _tell(session: Session, actor: Actor, text: str, hold_id: int) -> None:
    everybody = session.execute(select(col(Member.id))).scalars().all()
    notify(session, everybody, NoticeKind.STOP, text, f"hold:{hold_id}", by=actor)
