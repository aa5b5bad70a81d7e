"""The worker's part of posts that come again: copies are made ahead of time, each exactly once.

The row is the job: `next_at` moves in the transaction that makes the copy, and only if nobody else has moved it since
it was read, so two workers never make the same one. What was missed while no worker ran isn't made up for. A copy that
can't be scheduled is kept as a draft with its time (`held`), tried again with each look, and somebody is told.
"""

import logging
from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from sqlalchemy import or_, select, update
from sqlalchemy.orm import aliased
from sqlmodel import Session, col

from core import db
from core.db import utc_now
from core.errors import UserError
from core.models.planning import Delivery, DeliveryState, Post, PostState
from core.models.planning_time import Recurrence, RecurrenceKind, RecurrenceUnit
from core.models.team import Member, Role
from core.services import approval, planning, post_history, queue, slots
from core.services.notices import NoticeKind, notify
from core.services.plan_changes import Changes, apply
from core.services.queue import NO_SLOTS, SOON
from core.services.recurrence_copies import HELD, REPEAT, Copy, ahead, contents, copies, fingerprint
from core.services.recurrence_rules import Rule, next_after
from core.services.team import Actor, audit

log = logging.getLogger("hub.recurrences")

KEEPER = Actor(id=None, name="Worker", email="", role=Role.ADMIN)
PLANNED = timedelta(days=14)  # copies are made so far ahead, …
FEW = 5  # … and so many of one recurrence at most
FILL = timedelta(hours=1)  # an evergreen post leaves people this long to fill the slot themselves
NOWHERE = "None of its channels is connected any more. Choose others, then resume it."


def rule_of(row: Recurrence) -> Rule:
    """The rule that a row holds."""
    return Rule(
        kind=RecurrenceKind(row.kind),
        starts_on=row.starts_on,
        time_zone=row.time_zone,
        every=row.every,
        unit=RecurrenceUnit(row.unit),
        weekdays=tuple(row.weekdays or ()),
        at=row.at,
        rest_days=row.rest_days,
        until_on=row.until_on,
        most=row.most,
    )


def plan_ahead() -> int:
    """The worker's job: make the copies that are due, and let copies follow their pattern; gives how many were made."""
    with db.read() as session:
        wanted = due(session)
    made = 0
    for recurrence_id in wanted:
        with db.write() as session:
            made += advance(session, recurrence_id)
    if made:
        log.info("planned copies=%s", made)
    return made


def due(session: Session) -> list[int]:
    """Recurrences with something to do, longest rested first. One statement where there is none, else three."""
    now = utc_now()
    rows = session.execute(
        select(Recurrence, col(Post.version))
        .join(Post, col(Post.id) == col(Recurrence.post_id))
        .where(
            col(Recurrence.paused).is_(False),
            or_(
                col(Recurrence.next_at) <= now + PLANNED,
                col(Recurrence.followed) != col(Post.version),
                col(Recurrence.trouble).is_not(None),
            ),
        )
        .order_by(col(Recurrence.next_at), col(Recurrence.id))
    ).all()
    if not rows:
        return []
    there = ahead(session, [row.id for row, _ in rows], now)
    evergreen = [row.post_id for row, _ in rows if row.kind is RecurrenceKind.EVERGREEN]
    busy = _not_dry(session, evergreen, now) if evergreen else set()
    return [row.id for row, version in rows if _wants(row, there, busy, now) or row.followed != version or row.trouble]


def _wants(row: Recurrence, there: Mapping[int, int], busy: Collection[int], now: datetime) -> bool:
    """Whether a copy should be made now, as far as can be told without looking at its slots."""
    if row.next_at is None or row.next_at > now + PLANNED:
        return False
    if row.kind is RecurrenceKind.EVERGREEN:
        return row.post_id not in busy and not there.get(row.id)
    return there.get(row.id, 0) < FEW


def _not_dry(session: Session, post_ids: Sequence[int], now: datetime) -> set[int]:
    """Which of these posts go to a channel in whose queue something waits. One statement."""
    pattern, other = aliased(Delivery), aliased(Delivery)
    rows = (
        select(col(pattern.post_id))
        .join(other, col(other.channel_id) == col(pattern.channel_id))
        .join(Post, col(Post.id) == col(other.post_id))
        .where(
            col(pattern.post_id).in_(post_ids),
            col(Post.queued),
            col(Post.planned_at) > now,
            col(Post.state).in_(queue.WAITS),
            col(other.state) != DeliveryState.CANCELLED,
        )
        .distinct()
    )
    return {post_id for post_id in session.execute(rows).scalars() if post_id is not None}


# --- one recurrence -------------------------------------------------------------------------------------------------


def advance(session: Session, recurrence_id: int) -> int:
    """Make what is due of one recurrence, in the caller's transaction; gives how many copies."""
    row = session.get(Recurrence, recurrence_id, with_for_update=True, populate_existing=True)
    if row is None or row.paused:
        return 0
    pattern = session.get_one(Post, row.post_id)
    if pattern.state is PostState.CANCELLED:
        row.paused, row.trouble = True, "The post that comes again was cancelled."
        return 0
    follow(session, row, pattern)
    return (
        _calendar(session, row, pattern) if row.kind is RecurrenceKind.CALENDAR else _evergreen(session, row, pattern)
    )


def _calendar(session: Session, row: Recurrence, pattern: Post) -> int:
    rule, now, made = rule_of(row), utc_now(), 0
    there = ahead(session, [row.id], now).get(row.id, 0)
    while row.next_at is not None and row.next_at <= now + PLANNED and there < FEW:
        at: datetime | None = row.next_at
        if at is not None and at < now:  # nobody was there to plan it
            passed = next_after(rule, now)
            at = passed.at if passed else None
        if at is None or at > now + PLANNED:
            _move(session, row, at, made=0)
            break
        following = next_after(rule, at)
        if not _move(session, row, following.at if following else None, made=1):
            break
        _copy(session, row, pattern, at, queued=False)
        made, there = made + 1, there + 1
    return made


def _evergreen(session: Session, row: Recurrence, pattern: Post) -> int:
    now = utc_now()
    if not _wants(row, ahead(session, [row.id], now), _not_dry(session, [row.post_id], now), now):
        return 0
    assert row.next_at is not None
    ids = contents(session, [pattern])[pattern.id].channel_ids or ()
    slot = slots.next_free_slot(session, ids, now + FILL)
    if slot is None:
        _say(session, row, pattern, None if slots.slots(session, ids) else NO_SLOTS)
        return 0
    if slot.at < row.next_at or slot.at > now + PLANNED:  # it rests still, or the slot is far
        return 0
    rule = rule_of(row)
    if rule.until_on is not None and slot.at.astimezone(rule.zone).date() > rule.until_on:
        _move(session, row, None, made=0)
        return 0
    if not _move(session, row, slot.at + timedelta(days=row.rest_days), made=1):
        return 0
    _copy(session, row, pattern, slot.at, queued=True)
    return 1


def _move(session: Session, row: Recurrence, following: datetime | None, made: int) -> bool:
    """Move `next_at` on unless somebody else has. A recurrence that has made its most has ended."""
    if row.most is not None and row.made + made >= row.most:
        following = None
    moved = session.execute(
        update(Recurrence)
        .where(col(Recurrence.id) == row.id, col(Recurrence.next_at) == row.next_at, col(Recurrence.made) == row.made)
        .values(next_at=following, made=row.made + made)
        .returning(col(Recurrence.id))
        .execution_options(synchronize_session=False)
    ).first()
    session.refresh(row)
    return moved is not None


# --- a copy ---------------------------------------------------------------------------------------------------------


def _copy(session: Session, row: Recurrence, pattern: Post, at: datetime, queued: bool) -> None:
    content = contents(session, [pattern])[pattern.id]
    if not content.channel_ids:
        row.paused = True
        _say(session, row, pattern, NOWHERE)
        return
    post_id = planning.create_post(session, KEEPER, more=replace(content, planned_at=at))
    copy = session.get_one(Post, post_id)
    copy.recurrence_id, copy.member_id, copy.queued = row.id, row.member_id, queued
    _schedule(session, row, pattern, copy, fingerprint(contents(session, [copy])[copy.id]))


def _schedule(session: Session, row: Recurrence, pattern: Post, copy: Post, mark: str) -> bool:
    """Have a copy go out at its time, judged like any other post; else keep it as a draft and say why."""
    assert copy.planned_at is not None
    copy.origin = REPEAT + mark
    approval.inherit(session, copy, pattern)
    try:
        with session.begin_nested():
            planning.schedule_post(session, KEEPER, copy.id, copy.planned_at)
    except UserError as error:
        copy.origin = HELD + mark
        _say(session, row, pattern, str(error), copy)
        return False
    return True


def _say(session: Session, row: Recurrence, pattern: Post, trouble: str | None, copy: Post | None = None) -> None:
    """Keep why it can't go on; who made it, else the administrators, are told once."""
    if row.trouble == trouble:
        return
    row.trouble = trouble
    if trouble is None:
        return
    people = {row.member_id, pattern.member_id} - {None}
    if not people:
        people = set(session.execute(select(col(Member.id)).where(col(Member.role) == Role.ADMIN)).scalars())
    title = pattern.title or " ".join(pattern.text.split())[:60]
    told = f"“{title}” comes again, but could not be scheduled: {trouble}"
    notify(session, [p for p in people if p is not None], NoticeKind.RISK, told, f"post:{(copy or pattern).id}")


# --- following the pattern ------------------------------------------------------------------------------------------


def follow(session: Session, row: Recurrence, pattern: Post) -> int:
    """Give the copies that nobody changed by hand what their pattern says now; gives how many were renewed.

    Copies that could not be scheduled are tried again.
    """
    if row.followed == pattern.version and row.trouble is None:
        return 0
    waiting = copies(session, row.id, utc_now() + SOON)
    content = contents(session, [pattern])[pattern.id]
    held, renewed = False, 0
    for one in waiting:
        if not one.own or not content.channel_ids:
            continue
        if one.mark != fingerprint(content):
            renewed += 1
            held |= not _renew(session, row, pattern, one, content)
        elif one.held:
            held |= not _schedule(session, row, pattern, one.post, one.mark)
    if not held and content.channel_ids and row.trouble != NO_SLOTS:
        row.trouble = None
    if renewed:
        audit(session, KEEPER, "recurrence.follow", f"post:{pattern.id}", f"{renewed} copies")
    row.followed = pattern.version
    session.flush()
    return renewed


def _renew(session: Session, row: Recurrence, pattern: Post, one: Copy, content: Changes) -> bool:
    """Write what the pattern says into a copy. True unless it should be scheduled and can't be."""
    was = one.post.state
    if was is PostState.SCHEDULED:
        planning.unschedule_post(session, KEEPER, one.post.id)
    apply(session, one.post, content)
    mark = fingerprint(contents(session, [one.post])[one.post.id])
    one.post.origin = (HELD if one.held else REPEAT) + mark
    one.post.version += 1
    one.post.updated_at = utc_now()
    post_history.record(session, KEEPER, one.post, "recurrence.follow")
    if was is not PostState.SCHEDULED and not one.held:  # somebody took it back: it stays a draft
        return True
    return _schedule(session, row, pattern, one.post, mark)
