"""Posts that come again: begin, change, pause, resume, end; what there is, and when it comes next.

The post itself is the **pattern**: it isn't published any more, its copies are. Changing it changes the copies that
nobody has changed by hand and that aren't out. Pausing and ending take such copies back. Planning copies ahead is the
worker's (`recurrence_work.py`), but whoever begins sees the first ones at once.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import func, select
from sqlmodel import Session, col

from core.db import utc_now
from core.errors import NotFound, UserError
from core.models.channel import Channel, ChannelState
from core.models.planning import Delivery, Post, PostState
from core.models.planning_time import Recurrence, RecurrenceKind
from core.services import approval, planning
from core.services.plan_changes import OUT, deliveries_of
from core.services.plan_deliveries import accepted_parts
from core.services.queue import SOON
from core.services.recurrence_copies import UNSENT, contents, take_back
from core.services.recurrence_rules import Rule, checked, first_moment, next_after, occurrences, words
from core.services.recurrence_work import advance, follow, rule_of
from core.services.team import Actor, Right, audit, require

SHOWN = 5  # next times


@dataclass(frozen=True)
class RecurrenceRow:
    """A post that comes again. `planned` are the times of copies that wait, `next` the times there will be.

    `ended`: its last day or its limit is reached.
    """

    id: int
    post_id: int
    title: str
    rule: Rule
    channel_ids: tuple[int, ...]
    made: int
    planned: tuple[datetime, ...]
    next: tuple[datetime, ...]
    paused: bool
    ended: bool
    trouble: str | None

    @property
    def words(self) -> str:
        """The rule as a sentence."""
        return words(self.rule)


def recurrences(session: Session, channel_id: int | None = None) -> tuple[RecurrenceRow, ...]:
    """All of them, or those that go to a channel; the next to come first. Three statements."""
    wanted = select(Recurrence, Post).join(Post, col(Post.id) == col(Recurrence.post_id))
    if channel_id is not None:
        on = select(col(Delivery.id)).where(
            col(Delivery.post_id) == col(Recurrence.post_id), col(Delivery.channel_id) == channel_id
        )
        wanted = wanted.where(on.exists())
    order = (col(Recurrence.next_at).is_(None), col(Recurrence.next_at), col(Recurrence.id))
    return _rows(session, session.execute(wanted.order_by(*order)).all())


def of_post(session: Session, post_id: int) -> RecurrenceRow | None:
    """How this post comes again: it is a pattern. None: it doesn't. One statement when it doesn't."""
    wanted = select(Recurrence, Post).join(Post, col(Post.id) == col(Recurrence.post_id))
    return next(iter(_rows(session, session.execute(wanted.where(col(Post.id) == post_id)).all())), None)


def made_by(session: Session, recurrence_id: int) -> RecurrenceRow | None:
    """The recurrence that a copy came from; None when it has ended."""
    wanted = select(Recurrence, Post).join(Post, col(Post.id) == col(Recurrence.post_id))
    return next(iter(_rows(session, session.execute(wanted.where(col(Recurrence.id) == recurrence_id)).all())), None)


def _rows(session: Session, found: Sequence[Any]) -> tuple[RecurrenceRow, ...]:
    if not found:
        return ()
    channels: dict[int, tuple[int, ...]] = {}
    sent = select(col(Delivery.post_id), col(Delivery.channel_id)).join(
        Channel, col(Channel.id) == col(Delivery.channel_id)
    )
    sent = sent.where(col(Delivery.post_id).in_([p.id for _, p in found]), col(Channel.state) != ChannelState.REMOVED)
    for post_id, channel_id in session.execute(sent.order_by(col(Delivery.id))):
        channels[post_id or 0] = (*channels.get(post_id or 0, ()), channel_id)
    now = utc_now()
    planned: dict[int, list[datetime]] = {}
    waiting = (
        select(col(Post.recurrence_id), col(Post.planned_at))
        .where(
            col(Post.recurrence_id).in_([row.id for row, _ in found]),
            col(Post.planned_at) > now,
            col(Post.state).in_(UNSENT),
        )
        .order_by(col(Post.planned_at))
    )
    for number, at in session.execute(waiting):
        planned.setdefault(number or 0, []).append(at)
    return tuple(_row(row, post, channels.get(post.id, ()), planned.get(row.id, []), now) for row, post in found)


def _row(
    row: Recurrence, post: Post, channels: tuple[int, ...], planned: list[datetime], now: datetime
) -> RecurrenceRow:
    rule = rule_of(row)
    coming: list[datetime] = []
    if row.kind is RecurrenceKind.CALENDAR and row.next_at is not None:
        left = SHOWN if row.most is None else min(SHOWN, row.most - row.made)
        start = max(row.next_at - timedelta(seconds=1), now)
        coming = [one.at for one in occurrences(rule, start, left)]
    return RecurrenceRow(
        id=row.id,
        post_id=post.id,
        title=post.title or " ".join(post.text.split())[:60] or f"Post {post.id}",
        rule=rule,
        channel_ids=channels,
        made=row.made,
        planned=tuple(planned),
        next=tuple(coming),
        paused=row.paused,
        ended=row.next_at is None,
        trouble=row.trouble,
    )


# --- verbs ------------------------------------------------------------------------------------------------------------


def keep(session: Session, actor: Actor, post_id: int, rule: Rule) -> int:
    """Remember how a post comes again without beginning: it is paused until `begin`. Gives the recurrence's number.

    A rule that is kept already is changed; one that runs goes on by the new rule.
    """
    require(actor, Right.PLAN)
    rule = checked(rule)
    row = session.execute(select(Recurrence).where(col(Recurrence.post_id) == post_id)).scalar_one_or_none()
    if row is not None:
        if rule_of(row) != rule:
            _change(session, actor, row, rule)
        return int(row.id)
    pattern = _pattern(session, actor, post_id)
    row = Recurrence(post_id=pattern.id, member_id=actor.id, paused=True, starts_on=rule.starts_on, time_zone="UTC")
    _write(row, rule)
    row.followed = pattern.version
    session.add(row)
    session.flush()
    audit(session, actor, "recurrence.keep", f"post:{pattern.id}", words(rule))
    return row.id


def begin(session: Session, actor: Actor, post_id: int, rule: Rule) -> int:
    """Have a post come again by this rule; gives the recurrence's number. The first copies are planned at once.

    A post that is out stays as it is: a copy of it becomes the pattern. Raises `UserError` with what keeps the copies
    from being scheduled: a channel that wouldn't take them, an approval that is missing, no free slot.
    """
    number = keep(session, actor, post_id, rule)
    row = session.get_one(Recurrence, number)
    approval.check(session, actor, session.get_one(Post, row.post_id))
    _run(session, actor, row, "recurrence.begin")
    if row.trouble:
        raise UserError(row.trouble)
    if row.next_at is None and not row.made:
        raise UserError("It would never come: its last day is over before its first time. Choose later days.")
    return number


def change(session: Session, actor: Actor, recurrence_id: int, rule: Rule) -> None:
    """Another rule: copies that wait are taken back and planned anew, but for those changed by hand."""
    require(actor, Right.PLAN)
    row = _recurrence(session, recurrence_id)
    rule = checked(rule)
    if rule_of(row) != rule:
        _change(session, actor, row, rule)


def pause(session: Session, actor: Actor, recurrence_id: int) -> int:
    """No more copies until it is resumed; gives how many that waited were taken back."""
    require(actor, Right.PLAN)
    row = _recurrence(session, recurrence_id)
    back = _back(session, row)
    row.paused = True
    audit(session, actor, "recurrence.pause", f"post:{row.post_id}", f"{back} copies")
    session.flush()
    return back


def resume(session: Session, actor: Actor, recurrence_id: int) -> None:
    """Go on, from now."""
    require(actor, Right.PLAN)
    _run(session, actor, _recurrence(session, recurrence_id), "recurrence.resume")


def end(session: Session, actor: Actor, recurrence_id: int) -> int:
    """It doesn't come again: its post is an ordinary draft; gives how many copies that waited were taken back."""
    require(actor, Right.PLAN)
    row = _recurrence(session, recurrence_id)
    back = _back(session, row)
    audit(session, actor, "recurrence.end", f"post:{row.post_id}", f"{back} copies")
    session.delete(row)
    session.flush()
    return back


def follow_now(session: Session, post_id: int) -> int:
    """Let the copies of a post say at once what it says now; the worker would do it within a minute."""
    row = session.execute(select(Recurrence).where(col(Recurrence.post_id) == post_id)).scalar_one_or_none()
    return 0 if row is None or row.paused else follow(session, row, session.get_one(Post, post_id))


# --- inside -----------------------------------------------------------------------------------------------------------


def _recurrence(session: Session, recurrence_id: int) -> Recurrence:
    row = session.get(Recurrence, recurrence_id)
    if row is None:
        raise NotFound("This post doesn't come again any more. Somebody may have ended it.")
    return row


def _pattern(session: Session, actor: Actor, post_id: int) -> Post:
    """The post as a pattern: nothing of it goes out by itself. One that is out is copied."""
    post = session.get(Post, post_id)
    if post is None:
        raise NotFound("This post isn't in the plan any more. Somebody may have deleted it.")
    if post.recurrence_id is not None and made_by(session, post.recurrence_id) is not None:
        raise UserError("This post is a copy of one that comes again. Change that one's rule in the view Queue.")
    rows = deliveries_of(session, post_id)
    if not rows:
        raise UserError("Choose at least one channel for this post.")
    if any(row.state in OUT or accepted_parts(row) for row in rows):
        content = contents(session, [post])[post.id]
        post = session.get_one(Post, planning.create_post(session, actor, more=content))
    elif post.state in (PostState.SCHEDULED, PostState.NEEDS_CARE, PostState.CANCELLED):
        planning.unschedule_post(session, actor, post_id)
    post.planned_at, post.queued = None, False
    session.flush()
    return post


def _write(row: Recurrence, rule: Rule) -> None:
    row.kind, row.every, row.unit, row.at = rule.kind, rule.every, rule.unit, rule.at
    row.weekdays, row.time_zone, row.starts_on = list(rule.weekdays) or None, rule.time_zone, rule.starts_on
    row.rest_days, row.until_on, row.most = rule.rest_days, rule.until_on, rule.most
    row.next_at = _first(rule, row.made)


def _first(rule: Rule, made: int) -> datetime | None:
    """When the next copy is due, from now on."""
    now = utc_now()
    if rule.most is not None and made >= rule.most:
        return None
    if rule.kind is RecurrenceKind.EVERGREEN:
        return _evergreen_from(rule, now)
    first = first_moment(rule)
    if first is not None and first.at <= now:
        first = next_after(rule, now)
    return first.at if first else None


def _evergreen_from(rule: Rule, now: datetime) -> datetime | None:
    start = first_moment(replace(rule, at="00:00", weekdays=(), every=1, until_on=None))
    begins = max(start.at, now) if start else now
    over = rule.until_on is not None and begins.astimezone(rule.zone).date() > rule.until_on
    return None if over else begins


def _back(session: Session, row: Recurrence) -> int:
    """Take copies back that nobody changed; the limit counts them no more."""
    back = take_back(session, row.id, utc_now() + SOON)
    row.made -= back
    return back


def _change(session: Session, actor: Actor, row: Recurrence, rule: Rule) -> None:
    _back(session, row)
    _write(row, rule)
    audit(session, actor, "recurrence.change", f"post:{row.post_id}", words(rule))
    session.flush()
    if not row.paused:
        advance(session, row.id)


def _run(session: Session, actor: Actor, row: Recurrence, action: str) -> None:
    was = row.paused
    row.paused, row.trouble = False, None
    if was:
        row.next_at = _first(rule_of(row), row.made)
        rested = _rested(session, row)
        if row.next_at is not None and rested is not None:
            row.next_at = max(row.next_at, rested)
        audit(session, actor, action, f"post:{row.post_id}", words(rule_of(row)))
    session.flush()
    advance(session, row.id)
    session.refresh(row)


def _rested(session: Session, row: Recurrence) -> datetime | None:
    """Since when an evergreen post has rested after the last copy that stayed; None for a calendar's, or the first."""
    if row.kind is not RecurrenceKind.EVERGREEN:
        return None
    last = session.execute(
        select(func.max(col(Post.planned_at))).where(
            col(Post.recurrence_id) == row.id, col(Post.state) != PostState.CANCELLED
        )
    ).scalar_one_or_none()
    return last + timedelta(days=row.rest_days) if last else None
