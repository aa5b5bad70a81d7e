"""The queue of a channel: posts whose time came from slots, in the order in which they go out, and changing that order.

Times are traded, never invented: what moves up takes the time of the post it passes. Only what is still to be sent is
touched. A post on several channels stands in each one's queue and has one time; it moves only to where all its channels
are free. Each change is one transaction with a constant number of statements, and counts as a saved change of each post
it moves, so that whoever has one open sees the conflict.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import func, select
from sqlmodel import Session, col

from core.db import utc_now
from core.errors import NotFound, UserError
from core.models.channel import Channel
from core.models.planning import Campaign, Delivery, DeliveryState, Post, PostState
from core.models.planning_work import EventKind
from core.services import journal, planning
from core.services.plan_deliveries import accepted_parts, reset
from core.services.post_moves import record_moves
from core.services.queue_order import shuffled
from core.services.slot_times import SlotRow, slot_times
from core.services.slots import AHEAD, LEAD, NEAR, Planned, next_free_slot, planned, slots, zones
from core.services.team import Actor, Right, audit, require

SOON = timedelta(minutes=2)  # what goes out sooner stays where it is
WAITS = (PostState.DRAFT, PostState.IN_REVIEW, PostState.APPROVED, PostState.SCHEDULED)
STILL = (DeliveryState.DRAFT, DeliveryState.SCHEDULED, DeliveryState.CANCELLED)
NO_SLOTS = "None of its channels has slots yet. Add some in the view Queue, or choose a day and a time."
ALL_TAKEN = "All slots of the next two months are taken. Add slots, or choose a day and a time."


@dataclass(frozen=True)
class QueuedPost:
    """A post that waits for its slot. `stray`: its time is no slot's (any more)."""

    id: int
    title: str
    state: PostState
    at: datetime
    channel_ids: tuple[int, ...]
    campaign_id: int | None
    campaign: str
    color: str
    recurrence_id: int | None
    stray: bool


def queue(session: Session, channel_id: int | None = None, group_id: int | None = None) -> tuple[QueuedPost, ...]:
    """What waits in the queue of a channel, or of a group's channels, next first. Four statements."""
    on = select(col(Delivery.post_id)).where(col(Delivery.post_id) == col(Post.id))
    if channel_id is not None:
        on = on.where(col(Delivery.channel_id) == channel_id, col(Delivery.state) != DeliveryState.CANCELLED)
    if group_id is not None:
        on = on.join(Channel, col(Channel.id) == col(Delivery.channel_id)).where(col(Channel.group_id) == group_id)
    rows = session.execute(
        select(Post, func.coalesce(col(Campaign.name), ""), func.coalesce(col(Campaign.color), ""))
        .outerjoin(Campaign, col(Campaign.id) == col(Post.campaign_id))
        .where(col(Post.queued), col(Post.state).in_(WAITS), col(Post.planned_at) > utc_now(), on.exists())
        .order_by(col(Post.planned_at), col(Post.id))
    ).all()
    channels = _channels(session, [post.id for post, _, _ in rows])
    regular = _slot_moments(session, channels, [post.planned_at for post, _, _ in rows])
    return tuple(
        QueuedPost(
            id=post.id,
            title=post.title or " ".join(post.text.split())[:60] or f"Post {post.id}",
            state=post.state,
            at=post.planned_at,
            channel_ids=channels.get(post.id, ()),
            campaign_id=post.campaign_id,
            campaign=name,
            color=color,
            recurrence_id=post.recurrence_id,
            stray=post.planned_at not in regular,
        )
        for post, name, color in rows
    )


def _channels(session: Session, post_ids: Collection[int]) -> dict[int, tuple[int, ...]]:
    """The channels of each post, in the order they were chosen."""
    found: dict[int, tuple[int, ...]] = {}
    rows = (
        select(col(Delivery.post_id), col(Delivery.channel_id))
        .where(col(Delivery.post_id).in_(post_ids), col(Delivery.state) != DeliveryState.CANCELLED)
        .order_by(col(Delivery.id))
    )
    for post_id, channel_id in session.execute(rows):
        assert post_id is not None
        found[post_id] = (*found.get(post_id, ()), channel_id)
    return found


def _slot_moments(
    session: Session, channels: Mapping[int, tuple[int, ...]], times: Sequence[datetime]
) -> set[datetime]:
    """The moments of all slots of these channels, as far as the queue reaches."""
    ids = {channel_id for some in channels.values() for channel_id in some}
    if not ids:
        return set()
    found, clocks = slots(session, ids), zones(session, ids)
    since, until = min(times) - NEAR, max(times)
    return {
        time.at
        for channel_id in ids
        for time in slot_times([s for s in found if s.channel_id == channel_id], clocks[channel_id], since, until)
    }


# --- into the queue ---------------------------------------------------------------------------------------------------


def enqueue(session: Session, actor: Actor, post_id: int, after: datetime | None = None) -> datetime:
    """Schedule a post at the next free slot of its channels; gives that moment.

    It is judged like any other post (`planning.schedule_post`); raises `UserError` with what is in the way.
    """
    require(actor, Right.PLAN)
    at = _next_place(session, post_id, after)
    planning.schedule_post(session, actor, post_id, at)
    mark(session, post_id)
    return at


def hold_place(session: Session, actor: Actor, post_id: int, after: datetime | None = None) -> datetime:
    """Give a post the next free slot without scheduling it: it keeps the place while it is reviewed."""
    require(actor, Right.PLAN)
    at = _next_place(session, post_id, after)
    post = session.get_one(Post, post_id)
    planning.save_post(session, actor, post_id, post.version, planning.Changes(planned_at=at))
    mark(session, post_id)
    return at


def mark(session: Session, post_id: int, queued: bool = True) -> None:
    """Remember that its time came from a slot, in the caller's transaction; any other time takes the mark away."""
    post = session.get_one(Post, post_id)
    post.queued = queued
    session.flush()


def _next_place(session: Session, post_id: int, after: datetime | None) -> datetime:
    if session.get(Post, post_id) is None:
        raise NotFound("This post isn't in the plan any more. Somebody may have deleted it.")
    ids = _channels(session, [post_id]).get(post_id, ())
    if not ids:
        raise UserError("Choose at least one channel for this post.")
    # Two people must not be given the same place: whoever comes second waits here (SQLite has one writer anyway).
    session.execute(select(col(Channel.id)).where(col(Channel.id).in_(ids)).order_by(col(Channel.id)).with_for_update())
    slot = next_free_slot(session, ids, after, without=[post_id])
    if slot is None:
        raise UserError(ALL_TAKEN if slots(session, ids) else NO_SLOTS)
    return slot.at


# --- another order ----------------------------------------------------------------------------------------------------


def move(session: Session, actor: Actor, channel_id: int, post_id: int, to: str) -> None:
    """Move a post within the channel's queue: `to` is "up", "down", "top" or "bottom". The others give way in order."""
    require(actor, Right.PLAN)
    rows = _movable(session, channel_id)
    ids = [row.id for row in rows]
    if post_id not in ids:
        raise UserError("This post doesn't wait in the queue any more, or goes out within minutes.")
    place = ids.index(post_id)
    wanted = {"up": place - 1, "down": place + 1, "top": 0, "bottom": len(ids) - 1}[to]
    if not 0 <= wanted < len(ids) or wanted == place:
        return
    ids.insert(wanted, ids.pop(place))
    _lay(session, actor, channel_id, rows, [(i, row.at) for i, row in zip(ids, rows, strict=True)], f"queue.{to}")


def shuffle(session: Session, actor: Actor, channel_id: int, seed: int | None = None) -> int:
    """Deal the times of the channel's queue anew; gives how many posts have another time now.

    Posts trade times with those that go to the very same channels. Two of one campaign don't follow each other where
    that can be avoided.
    """
    require(actor, Right.PLAN)
    rows = _movable(session, channel_id)
    order = shuffled([(row.id, frozenset(row.channel_ids), row.campaign_id) for row in rows], seed)
    return _lay(
        session, actor, channel_id, rows, [(i, r.at) for i, r in zip(order, rows, strict=True)], "queue.shuffle"
    )


def close_gaps(session: Session, actor: Actor, channel_id: int) -> int:
    """Lay the queue onto the channel's slots anew, in its order, without gaps; gives how many posts have another time.

    This is also what brings a queue back into step when slots, or the channel's zone, were changed.
    """
    require(actor, Right.PLAN)
    rows = _movable(session, channel_id)
    ids = {channel for row in rows for channel in row.channel_ids}
    found, clocks = slots(session, ids) if ids else [], zones(session, ids)
    start = utc_now() + LEAD
    mine = {row.id for row in rows}
    held = [
        (p.channel_id, p.at) for p in planned(session, ids, start - NEAR, start + AHEAD + NEAR) if p.post_id not in mine
    ]
    times: list[tuple[int, datetime]] = []
    last = start
    for row in rows:
        at = _first_free(row, found, clocks, held, last, start + AHEAD)
        held += [(channel, at) for channel in row.channel_ids]
        times.append((row.id, at))
        last = at
    return _lay(session, actor, channel_id, rows, times, "queue.close_gaps", traded=False)


def _first_free(
    row: QueuedPost,
    found: Sequence[SlotRow],
    clocks: Mapping[int, object],
    held: Sequence[tuple[int, datetime]],
    after: datetime,
    until: datetime,
) -> datetime:
    having = {slot.channel_id for slot in found}
    lead = next((channel for channel in row.channel_ids if channel in having), None)
    if lead is None:
        raise UserError(f"“{row.title}”: {NO_SLOTS}")
    mine = [at for channel, at in held if channel in row.channel_ids]
    for time in slot_times([s for s in found if s.channel_id == lead], clocks[lead], after, until):  # type: ignore[arg-type]
        if not any(abs(at - time.at) < NEAR for at in mine):
            return time.at
    raise UserError(f"“{row.title}”: {ALL_TAKEN}")


def _movable(session: Session, channel_id: int) -> list[QueuedPost]:
    """What of the queue can still change places."""
    soon = utc_now() + SOON
    return [row for row in queue(session, channel_id) if row.at > soon]


def _lay(
    session: Session,
    actor: Actor,
    channel_id: int,
    rows: Sequence[QueuedPost],
    times: Sequence[tuple[int, datetime]],
    action: str,
    traded: bool = True,
) -> int:
    """Give the posts their new times. Raises `UserError` where one of their other channels isn't free then."""
    by_id = {row.id: row for row in rows}
    moved = {post_id: at for post_id, at in times if by_id[post_id].at != at}
    if not moved:
        return 0
    if traded:
        _no_clash(session, channel_id, by_id, moved)
    posts = list(session.execute(select(Post).where(col(Post.id).in_(moved))).scalars())
    deliveries = list(session.execute(select(Delivery).where(col(Delivery.post_id).in_(moved))).scalars())
    if any(row.state not in STILL or accepted_parts(row) for row in deliveries):
        raise UserError("One of these posts is just going out. Look again in a minute.")
    scheduled = [row for row in deliveries if row.state is DeliveryState.SCHEDULED]
    for row in scheduled:
        reset(row, DeliveryState.SCHEDULED)
        row.due_at = moved[row.post_id or 0]
    journal.note_all(session, [row.id for row in scheduled], EventKind.SCHEDULED, actor=actor)
    for post in posts:
        post.planned_at = moved[post.id]
        post.version += 1
        post.updated_at = utc_now()
    record_moves(session, actor, posts, action)
    audit(session, actor, action, f"channel:{channel_id}", f"{len(moved)} posts")
    session.flush()
    return len(moved)


def _no_clash(
    session: Session, channel_id: int, by_id: Mapping[int, QueuedPost], moved: Mapping[int, datetime]
) -> None:
    """On the queue's own channel times are only traded; on a post's other channels somebody else may be there."""
    others = {channel for post_id in moved for channel in by_id[post_id].channel_ids} - {channel_id}
    if not others:
        return
    held: list[Planned] = planned(session, others, min(moved.values()) - NEAR, max(moved.values()) + NEAR)
    for post_id, at in moved.items():
        for one in held:
            if one.channel_id in by_id[post_id].channel_ids and one.post_id not in moved and abs(one.at - at) < NEAR:
                handle = session.get_one(Channel, one.channel_id).handle
                raise UserError(f"“{by_id[post_id].title}” can't go there: {handle} has “{one.title}” at that time.")
