"""The content plan to look at: pages of rows by keyset, one post with all its deliveries, plain facts for the CLI."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from sqlalchemy import and_, func, or_, select
from sqlmodel import Session, col

from core.connectors.base import Limits
from core.errors import NotFound
from core.models.channel import Channel
from core.models.planning import Campaign, Delivery, DeliveryState, Post, PostState
from core.models.planning_time import Recurrence
from core.models.team import Member
from core.services.plan_drafts import PostImage, drafts_of, lengths, post_images


@dataclass(frozen=True)
class PlanFilter:
    """Which posts; an empty field leaves them all in. `since` and `until` are aware and include posts without a time
    only when neither is given."""

    since: datetime | None = None
    until: datetime | None = None
    states: tuple[PostState, ...] = ()
    channel_ids: tuple[int, ...] = ()
    group_id: int | None = None
    campaign_id: int | None = None
    text: str = ""


@dataclass(frozen=True)
class PlanCursor:
    """The last post shown: go on after it."""

    planned_at: datetime | None
    id: int


@dataclass(frozen=True)
class PlanRow:
    """One post of the plan. `trouble`: why a delivery needs care; `comes_again`: its copies go out, not itself."""

    id: int
    title: str
    text: str
    state: PostState
    planned_at: datetime | None
    campaign: str
    channel_ids: tuple[int, ...]
    version: int
    trouble: str
    comes_again: bool = False


@dataclass(frozen=True)
class PlanPage:
    """A page of the plan, earliest first, posts without a time last."""

    rows: tuple[PlanRow, ...]
    next: PlanCursor | None


@dataclass(frozen=True)
class DeliveryView:
    """A post on one channel."""

    id: int
    channel_id: int
    handle: str
    network: str
    state: DeliveryState
    text: str | None
    due_at: datetime | None
    published_at: datetime | None
    url: str | None
    error: str | None
    attempts: int
    seen_at: datetime | None = None
    gone_at: datetime | None = None
    edited_at: datetime | None = None


@dataclass(frozen=True)
class PostDetail:
    """Everything about one post."""

    id: int
    title: str
    text: str
    language: str | None
    state: PostState
    planned_at: datetime | None
    campaign: str
    version: int
    author: str
    updated_at: datetime
    images: tuple[PostImage, ...]
    deliveries: tuple[DeliveryView, ...]
    content_warning: str = ""
    visibility: str | None = None
    first_comment: str = ""
    tagged: bool = False
    untagged_links: tuple[str, ...] = ()
    queued: bool = False
    recurrence_id: int | None = None
    member_id: int | None = None  # who wrote it


def plan(session: Session, wanted: PlanFilter, after: PlanCursor | None = None, limit: int = 100) -> PlanPage:
    """A page of the plan. Two statements, whatever it shows."""
    where = conditions(wanted)
    if after is not None:
        where.append(_after(after))
    rows = session.execute(
        _listed()
        .where(*where)
        .order_by(col(Post.planned_at).nulls_last(), col(Post.id))  # as the index stands
        .limit(limit + 1)
    ).all()
    shown = rows[:limit]
    page = _plan_rows(session, shown)
    more = PlanCursor(page[-1].planned_at, page[-1].id) if len(rows) > limit else None
    return PlanPage(page, more)


def undated(session: Session, wanted: PlanFilter, limit: int = 100) -> tuple[PlanRow, ...]:
    """Posts without a time that are still to be worked on, newest first; the times of the filter don't count."""
    rows = session.execute(
        _listed()
        .where(*conditions(replace(wanted, since=None, until=None)), col(Post.planned_at).is_(None))
        .order_by(col(Post.id).desc())
        .limit(limit)
    ).all()
    return _plan_rows(session, rows)


def rows_by_id(session: Session, ids: Collection[int]) -> tuple[PlanRow, ...]:
    """These posts as rows of the plan, in no order; of one that is gone, nothing. Two statements."""
    return _plan_rows(session, session.execute(_listed().where(col(Post.id).in_(ids))).all())


def _listed() -> Any:
    """What a row of the plan shows, and no more: a page of whole posts takes twice the time."""
    p = Post
    return select(  # type: ignore[call-overload]
        *(p.id, p.title, p.text, p.state, p.planned_at, func.coalesce(col(Campaign.name), ""), p.version),
        comes_again(),
    ).outerjoin(Campaign, col(Campaign.id) == col(p.campaign_id))


def comes_again() -> Any:
    """Whether copies of a `Post` go out by a rule that hasn't ended; it may be paused."""
    lives = or_(col(Recurrence.next_at).is_not(None), col(Recurrence.paused))
    return select(col(Recurrence.id)).where(col(Recurrence.post_id) == col(Post.id), lives).exists()


def _plan_rows(session: Session, rows: Sequence[Any]) -> tuple[PlanRow, ...]:
    channels, trouble = _by_post(session, [row[0] for row in rows])
    return tuple(
        PlanRow(
            *(key, title, text, state, at, campaign, tuple(channels.get(key, ())), version),
            trouble.get(key, ""),
            again,
        )
        for key, title, text, state, at, campaign, version, again in rows
    )


def conditions(wanted: PlanFilter) -> list[Any]:
    """What a `Post` must fulfil to be wanted."""
    where: list[Any] = []
    if wanted.since is not None:
        where.append(col(Post.planned_at) >= wanted.since)
    if wanted.until is not None:
        where.append(col(Post.planned_at) < wanted.until)
    if wanted.states:
        where.append(col(Post.state).in_(wanted.states))
    if wanted.campaign_id is not None:
        where.append(col(Post.campaign_id) == wanted.campaign_id)
    if wanted.text.strip():
        where.append(_says(wanted.text.strip()))
    if wanted.channel_ids or wanted.group_id is not None:
        on = select(col(Delivery.post_id)).where(col(Delivery.post_id) == col(Post.id))
        if wanted.channel_ids:
            on = on.where(col(Delivery.channel_id).in_(wanted.channel_ids))
        if wanted.group_id is not None:
            on = on.join(Channel, col(Channel.id) == col(Delivery.channel_id)).where(
                col(Channel.group_id) == wanted.group_id
            )
        where.append(on.exists())
    return where


def _says(words: str) -> Any:
    """Title or text has these words, in any case. SQLite folds only ASCII letters, hence the spellings of “Räder”."""
    spellings = dict.fromkeys([words, words.lower(), words.upper(), words.capitalize()])
    return or_(*(c.icontains(w, autoescape=True) for w in spellings for c in (col(Post.title), col(Post.text))))


def _after(cursor: PlanCursor) -> Any:
    if cursor.planned_at is None:
        return and_(col(Post.planned_at).is_(None), col(Post.id) > cursor.id)
    return or_(
        col(Post.planned_at).is_(None),
        col(Post.planned_at) > cursor.planned_at,
        and_(col(Post.planned_at) == cursor.planned_at, col(Post.id) > cursor.id),
    )


def _by_post(session: Session, ids: list[int]) -> tuple[dict[int, list[int]], dict[int, str]]:
    channels: dict[int, list[int]] = {}
    trouble: dict[int, str] = {}
    rows = session.execute(
        select(col(Delivery.post_id), col(Delivery.channel_id), col(Delivery.state), col(Delivery.last_error))
        .where(col(Delivery.post_id).in_(ids))
        .order_by(col(Delivery.channel_id))
    ).all()
    for post_id, channel_id, state, error in rows:
        assert post_id is not None
        channels.setdefault(post_id, []).append(channel_id)
        if state in (DeliveryState.FAILED, DeliveryState.UNCONFIRMED):
            trouble[post_id] = error or state.value
    return channels, trouble


def post_detail(session: Session, post_id: int) -> PostDetail:
    """One post with its images and deliveries. Raises `NotFound`."""
    found = session.execute(
        select(Post, func.coalesce(col(Campaign.name), ""), func.coalesce(col(Member.name), "Command line"))
        .outerjoin(Campaign, col(Campaign.id) == col(Post.campaign_id))
        .outerjoin(Member, col(Member.id) == col(Post.member_id))
        .where(col(Post.id) == post_id)
    ).one_or_none()
    if found is None:
        raise NotFound("This post isn't in the plan any more. Somebody may have deleted it.")
    post, campaign, author = found
    rows = session.execute(
        select(Delivery, Channel)
        .join(Channel, col(Channel.id) == col(Delivery.channel_id))
        .where(col(Delivery.post_id) == post_id)
        .order_by(col(Delivery.id))
    ).all()
    deliveries = tuple(
        DeliveryView(
            *(d.id, c.id, c.handle, c.network, d.state, d.text, d.due_at, d.published_at, d.url, d.last_error),
            d.attempts,
            *(d.seen_at, d.gone_at, d.edited_at),
        )
        for d, c in rows
    )
    return PostDetail(
        id=post.id,
        title=post.title,
        text=post.text,
        language=post.language,
        state=post.state,
        planned_at=post.planned_at,
        campaign=campaign,
        version=post.version,
        author=author,
        updated_at=post.updated_at,
        images=tuple(post_images(session, post_id)),
        deliveries=deliveries,
        content_warning=post.content_warning,
        visibility=post.visibility,
        first_comment=post.first_comment,
        tagged=post.tagged,
        untagged_links=tuple(post.untagged_links or ()),
        queued=post.queued,
        recurrence_id=post.recurrence_id,
        member_id=post.member_id,
    )


def campaigns(session: Session) -> list[tuple[int, str]]:
    """Numbers and names of all campaigns, by name."""
    rows = session.execute(select(col(Campaign.id), col(Campaign.name)).order_by(col(Campaign.name)))
    return [(number, name) for number, name in rows]


def all_posts(session: Session) -> list[dict[str, Any]]:
    """The whole plan as plain rows, for the command line."""
    rows: list[PlanRow] = []
    after: PlanCursor | None = None
    while True:
        page = plan(session, PlanFilter(), after, limit=1000)
        rows += page.rows
        after = page.next
        if after is None:
            break
    names = ("id", "title", "text", "state", "planned_at", "campaign", "channel_ids", "trouble")
    return [{name: getattr(row, name) for name in names} for row in rows]


def delivery_facts(session: Session, post_id: int) -> list[dict[str, Any]]:
    """A post's deliveries as plain rows, for the command line. Raises `NotFound`."""
    detail = post_detail(session, post_id)
    names = ("id", "channel_id", "handle", "network", "state", "due_at", "published_at", "url", "error", "attempts")
    return [
        {"post_id": post_id, **{name: getattr(row, name) for name in names}, "text": row.text or detail.text}
        for row in detail.deliveries
    ]


def draft_facts(session: Session, post_id: int) -> list[dict[str, Any]]:
    """What goes out of a post, part by part, for the command line. Raises `NotFound`. Lengths as the network counts."""
    post_detail(session, post_id)
    rows = session.execute(
        select(Delivery, Channel)
        .join(Channel, col(Channel.id) == col(Delivery.channel_id))
        .where(col(Delivery.post_id) == post_id)
        .order_by(col(Delivery.id))
    ).all()
    drafts = drafts_of(session, [row for row, _ in rows])
    facts: list[dict[str, Any]] = []
    for row, channel in rows:
        draft, limits = drafts[row.id], Limits.from_json(channel.limits)
        counted = lengths(channel.network, limits, draft)
        for number, part in enumerate(draft.parts):
            facts.append(
                {
                    "channel_id": channel.id,
                    "handle": channel.handle,
                    "part": number + 1,
                    "comment": part.comment,
                    "length": counted[number],
                    "limit": limits.text_length,
                    "text": part.text,
                    "content_warning": draft.content_warning,
                    "visibility": draft.visibility,
                }
            )
    return facts
