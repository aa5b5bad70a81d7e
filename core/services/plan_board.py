"""The plan by state: what stands where, and moving a post on. Two statements, however much there is.

A move calls what does it elsewhere (`planning.py`, `approval.py`), so a refusal is theirs and changes nothing.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import and_, case, func, or_, select
from sqlmodel import Session, col

from core.db import utc_now
from core.errors import NotFound, UserError
from core.models.planning import Campaign, Delivery, DeliveryState, Post, PostState
from core.models.planning_work import PostComment, RemarkKind
from core.models.team import Member
from core.services import approval, planning
from core.services.plan_deliveries import CARE
from core.services.plan_list import PlanFilter, comes_again, conditions
from core.services.team import Actor, Right, require

COLUMNS = (
    PostState.IDEA,
    PostState.DRAFT,
    PostState.IN_REVIEW,
    PostState.APPROVED,
    PostState.SCHEDULED,
    PostState.PUBLISHED,
    PostState.NEEDS_CARE,
)
SHOWN = 30  # cards in a column, at first
RECENT = timedelta(days=14)  # what was published before isn't on the board
WORDS = 160  # characters of the text
BY_TIME = (PostState.PUBLISHED, PostState.NEEDS_CARE)
# Where a card may be taken to from each column; whether this post may is decided when it is.
TARGETS: Mapping[PostState, tuple[PostState, ...]] = {
    PostState.IDEA: (PostState.DRAFT, PostState.IN_REVIEW, PostState.APPROVED, PostState.SCHEDULED),
    PostState.DRAFT: (PostState.IDEA, PostState.IN_REVIEW, PostState.APPROVED, PostState.SCHEDULED),
    PostState.IN_REVIEW: (PostState.IDEA, PostState.DRAFT, PostState.APPROVED, PostState.SCHEDULED),
    PostState.APPROVED: (PostState.IDEA, PostState.DRAFT, PostState.IN_REVIEW, PostState.SCHEDULED),
    PostState.SCHEDULED: (PostState.IDEA, PostState.DRAFT),
    PostState.NEEDS_CARE: (PostState.DRAFT,),
    PostState.PUBLISHED: (),
}


@dataclass(frozen=True)
class Card:
    """A post on the board. `trouble`: why a delivery needs care; `comments` of the team; `comes_again`: copies of it
    go out, not itself."""

    id: int
    title: str
    text: str  # how it begins
    state: PostState
    planned_at: datetime | None
    campaign: str
    color: str
    author: str
    comments: int
    channel_ids: tuple[int, ...]
    trouble: str
    comes_again: bool


@dataclass(frozen=True)
class Column:
    """A state with its posts, as far as they are shown, and how many there are."""

    state: PostState
    cards: tuple[Card, ...]
    total: int


@dataclass(frozen=True)
class CardMove:
    """A post that was moved: from where to where, and what is worth a second look."""

    post_id: int
    before: PostState
    after: PostState
    notes: tuple[str, ...]


def board(session: Session, wanted: PlanFilter, most: int = SHOWN) -> tuple[Column, ...]:
    """All columns: the next to go out first where it is scheduled, else the newest. Two statements."""
    rows = session.execute(_cards(wanted, most)).all()
    channels, trouble = _deliveries(session, [row.id for row in rows])
    found: dict[PostState, list[Card]] = {}
    totals: dict[PostState, int] = {}
    for r in rows:
        totals[r.state] = r.total
        found.setdefault(r.state, []).append(
            Card(
                *(r.id, r.title, " ".join(r.words.split()), r.state, r.planned_at, r.campaign or "", r.color or ""),
                *(r.author or "", r.comments, tuple(channels.get(r.id, ())), trouble.get(r.id, ""), r.again),
            )
        )
    return tuple(Column(state, tuple(found.get(state, ())), totals.get(state, 0)) for state in COLUMNS)


def move_card(session: Session, actor: Actor, post_id: int, seen: PostState, target: PostState) -> CardMove:
    """Take a post to another state; `seen` is where it stood. Raises `UserError` with what is in the way."""
    require(actor, Right.PLAN)
    post = session.get(Post, post_id)
    if post is None:
        raise NotFound("This post isn't in the plan any more. Somebody may have deleted it.")
    if post.state is not seen:
        raise UserError("Somebody else has moved this post meanwhile. Look where it stands now.")
    notes = _move(session, actor, post, target) if target is not seen else ()
    session.flush()
    return CardMove(post_id, seen, post.state, notes)


def undo_card(session: Session, actor: Actor, move: CardMove) -> None:
    """Take it back to where it stood. Raises `UserError` when somebody has moved it since."""
    if (move.before, move.after) != (PostState.APPROVED, PostState.SCHEDULED):
        move_card(session, actor, move.post_id, move.after, move.before)
        return
    move_card(session, actor, move.post_id, move.after, PostState.DRAFT)
    if approval.standing(session, actor, move.post_id).approved_by:  # what was approved still is
        session.get_one(Post, move.post_id).state = PostState.APPROVED
        session.flush()


# --- inside -----------------------------------------------------------------------------------------------------------


def _move(session: Session, actor: Actor, post: Post, target: PostState) -> tuple[str, ...]:
    if post.state is PostState.PUBLISHED:
        raise UserError("It is published. Open it to change it or take it down where the network allows that.")
    if target is PostState.PUBLISHED:
        raise UserError("A post gets there by being published. Schedule it, or open it and publish it now.")
    if target not in TARGETS.get(post.state, ()):
        raise UserError(_NOT_THERE.get(target) or "It can't be taken there. Open it to see what can be done.")
    if target is PostState.SCHEDULED:
        if post.planned_at is None:
            raise UserError("Say when it goes out first: open it, or give it a time in the calendar.")
        return planning.schedule_post(session, actor, post.id, post.planned_at)
    if target is PostState.IN_REVIEW:
        approval.submit_for_review(session, actor, post.id)
    elif target is PostState.APPROVED:
        left = approval.approve(session, actor, post.id, post.version)
        return (f"It must still be approved for {', '.join(left)}.",) if left else ()
    else:
        _back(session, actor, post, target)
    return ()


_NOT_THERE = {
    PostState.NEEDS_CARE: "Posts get there by themselves, when a channel refuses them.",
    PostState.SCHEDULED: "Open it and decide about the channels where it didn't go out.",
    PostState.IN_REVIEW: "It is scheduled: make it a draft first, then ask for review.",
    PostState.APPROVED: "It is scheduled, so nothing is left to approve.",
}


def _back(session: Session, actor: Actor, post: Post, target: PostState) -> None:
    """To draft or idea again."""
    if post.state in (PostState.SCHEDULED, PostState.NEEDS_CARE):
        planning.unschedule_post(session, actor, post.id)
    elif post.state is PostState.IN_REVIEW:
        approval.withdraw(session, actor, post.id)
    if post.state is not target:
        planning.set_idea(session, actor, post.id, target is PostState.IDEA)


def _cards(wanted: PlanFilter, most: int) -> Any:
    """The first `most` of each state, each with how many there are of its state."""
    state, at = col(Post.state), col(Post.planned_at)
    recent = and_(state == PostState.PUBLISHED, at >= utc_now() - RECENT)
    unfinished = [one for one in COLUMNS if one is not PostState.PUBLISHED]
    order = (
        case((state == PostState.SCHEDULED, at)).asc(),
        case((state.in_(BY_TIME), at)).desc(),
        col(Post.updated_at).desc(),
        col(Post.id).desc(),
    )
    ranked = (
        select(
            col(Post.id).label("id"),
            func.row_number().over(partition_by=state, order_by=order).label("place"),
            func.count().over(partition_by=state).label("total"),
        )
        .where(or_(state.in_(unfinished), recent), *conditions(replace(wanted, since=None, until=None)))
        .subquery()
    )
    said = (
        select(func.count())
        .where(col(PostComment.post_id) == col(Post.id), col(PostComment.kind) == RemarkKind.COMMENT)
        .correlate(Post)
        .scalar_subquery()
    )
    asked: Any = select(  # type: ignore[call-overload]
        *(Post.id, Post.title, func.substr(Post.text, 1, WORDS).label("words"), Post.state, Post.planned_at),
        *(col(Campaign.name).label("campaign"), Campaign.color, col(Member.name).label("author")),
        *(said.label("comments"), ranked.c.total),
        comes_again().label("again"),
    )
    return (
        asked.join(ranked, ranked.c.id == col(Post.id))
        .outerjoin(Campaign, col(Campaign.id) == col(Post.campaign_id))
        .outerjoin(Member, col(Member.id) == col(Post.member_id))
        .where(ranked.c.place <= most)
        .order_by(ranked.c.place)
    )


def _deliveries(session: Session, ids: list[int]) -> tuple[dict[int, list[int]], dict[int, str]]:
    channels: dict[int, list[int]] = {}
    trouble: dict[int, str] = {}
    rows = session.execute(
        select(col(Delivery.post_id), col(Delivery.channel_id), col(Delivery.state), col(Delivery.last_error))
        .where(col(Delivery.post_id).in_(ids), col(Delivery.state) != DeliveryState.CANCELLED)
        .order_by(col(Delivery.channel_id))
    )
    for post_id, channel_id, state, error in rows:
        assert post_id is not None
        channels.setdefault(post_id, []).append(channel_id)
        if state in CARE:
            trouble.setdefault(post_id, error or "Nobody knows whether it went out.")
    return channels, trouble
