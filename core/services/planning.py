"""The content plan: write, schedule, change, cancel, delete posts.

What it looks like is next door (`plan_list.py`), as is what is published (`plan_drafts.py`) and what a person decides
about a delivery that got stuck (`plan_deliveries.py`); all of it is offered here too. Sending is the worker's
(`publishing.py`). A post that is scheduled stays valid: each change is judged for every channel in one transaction.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import delete, select
from sqlmodel import Session, col

from core.connectors.base import Severity
from core.connectors.registry import connector_class
from core.db import utc_now
from core.errors import NotFound, UserError
from core.models.channel import Channel, ChannelState
from core.models.planning import Campaign, Delivery, DeliveryState, MediaAsset, Post, PostMedia, PostState
from core.services.plan_deliveries import (
    accepted_parts,
    confirm_delivery,
    give_up_delivery,
    reset,
    retry_delivery,
    settle_post,
)
from core.services.plan_drafts import (
    draft_from,
    draft_of,
    first_error,
    local_to_utc,
    post_images,
    problems_for,
    problems_of,
)
from core.services.plan_list import (
    PlanCursor,
    PlanFilter,
    PlanPage,
    PlanRow,
    PostDetail,
    all_posts,
    campaigns,
    delivery_facts,
    plan,
    post_detail,
    undated,
)
from core.services.team import Actor, Right, audit, require

__all__ = [
    "PlanCursor",
    "PlanFilter",
    "PlanPage",
    "PlanRow",
    "PostDetail",
    "all_posts",
    "campaigns",
    "confirm_delivery",
    "delivery_facts",
    "draft_from",
    "draft_of",
    "give_up_delivery",
    "local_to_utc",
    "plan",
    "post_detail",
    "post_images",
    "problems_for",
    "problems_of",
    "retry_delivery",
    "settle_post",
    "undated",
]

LATE = timedelta(minutes=1)  # a time that passed while somebody was typing is still good
WAITING = (DeliveryState.DRAFT, DeliveryState.SCHEDULED)
FREE = (*WAITING, DeliveryState.FAILED, DeliveryState.CANCELLED)
OUT = (DeliveryState.SENDING, DeliveryState.CHECKING, DeliveryState.PUBLISHED, DeliveryState.UNCONFIRMED)


class Conflict(UserError):
    """Somebody else saved the post meanwhile, as `version`. `theirs` is their text, `mine` the one not saved."""

    def __init__(self, theirs: str, mine: str, version: int = 0) -> None:
        super().__init__("Somebody else has changed this post meanwhile. Compare both texts, then save again.")
        self.theirs, self.mine, self.version = theirs, mine, version


@dataclass(frozen=True)
class Changes:
    """What to save of a post; None leaves a thing as it is. `variants`: channel id to text, or None for the post's."""

    title: str | None = None
    text: str | None = None
    language: str | None = None
    channel_ids: tuple[int, ...] | None = None
    variants: Mapping[int, str | None] | None = None
    images: tuple[tuple[int, str], ...] | None = None  # (media id, alt text), in order
    planned_at: datetime | None = None
    no_time: bool = False  # take its time away
    campaign: str | None = None  # its name; "" takes the post out of its campaign
    idea: bool | None = None  # idea or draft, while it isn't scheduled


def create_post(
    session: Session,
    actor: Actor,
    *,
    title: str = "",
    text: str = "",
    channel_ids: Sequence[int] = (),
    variants: Mapping[int, str | None] | None = None,
    images: Sequence[tuple[int, str]] = (),
    planned_at: datetime | None = None,
    campaign: str = "",
    language: str | None = None,
    idea: bool = False,
) -> int:
    """Write a new post, not scheduled yet; gives its number."""
    require(actor, Right.PLAN)
    post = Post(member_id=actor.id, state=PostState.IDEA if idea else PostState.DRAFT)
    session.add(post)
    session.flush()
    changes = Changes(
        title=title,
        text=text,
        language=language,
        channel_ids=tuple(channel_ids),
        variants=variants,
        images=tuple(images),
        planned_at=planned_at,
        campaign=campaign,
    )
    _apply(session, actor, post, changes)
    audit(session, actor, "post.create", f"post:{post.id}")
    session.flush()
    return post.id


def save_post(session: Session, actor: Actor, post_id: int, version: int, changes: Changes) -> int:
    """Save changes made to `version`; gives the new version. A scheduled post is judged anew and stays scheduled.

    Raises `Conflict` when somebody saved meanwhile, `UserError` when it is out already or a channel wouldn't take it.
    """
    require(actor, Right.PLAN)
    post = _post(session, post_id)
    if post.version != version:
        raise Conflict(post.text, changes.text if changes.text is not None else "", post.version)
    before = _judged(session, post)
    planned = post.planned_at
    _apply(session, actor, post, changes)
    if post.state is PostState.SCHEDULED and _judged(session, post) != before:
        _schedule(session, post, post.planned_at, WAITING, late=post.planned_at == planned)
    _touched(session, actor, post, "post.change")
    return post.version


def schedule_post(session: Session, actor: Actor, post_id: int, at: datetime) -> tuple[str, ...]:
    """Have it published on all its channels at `at` (aware); gives what is worth a second look, as sentences.

    Raises `UserError` with the first thing in the way, and changes nothing then.
    """
    require(actor, Right.PLAN)
    post = _post(session, post_id)
    warnings = _schedule(session, post, at, _sendable(post))
    _touched(session, actor, post, "post.schedule", at.isoformat())
    return warnings


def publish_now(session: Session, actor: Actor, post_id: int) -> tuple[str, ...]:
    """Have the worker publish it at once. Gives and raises what `schedule_post` does."""
    require(actor, Right.PLAN)
    post = _post(session, post_id)
    warnings = _schedule(session, post, utc_now(), _sendable(post))
    _touched(session, actor, post, "post.publish_now")
    return warnings


def unschedule_post(session: Session, actor: Actor, post_id: int) -> None:
    """Back to a draft, which keeps its time as a plan."""
    require(actor, Right.PLAN)
    post = _post(session, post_id)
    rows = _deliveries(session, post_id)
    if any(row.state in OUT or accepted_parts(row) for row in rows):
        raise UserError("This post is out, or on its way. It can't become a draft again.")
    for row in rows:
        reset(row, DeliveryState.DRAFT)
    post.state = PostState.DRAFT
    _touched(session, actor, post, "post.unschedule")


def cancel_post(session: Session, actor: Actor, post_id: int) -> None:
    """Take back whatever isn't out yet. Raises `UserError` when nothing can be taken back any more."""
    require(actor, Right.PLAN)
    post = _post(session, post_id)
    rows = _deliveries(session, post_id)
    free = [row for row in rows if row.state in (DeliveryState.DRAFT, DeliveryState.SCHEDULED, DeliveryState.FAILED)]
    if rows and not free:
        raise UserError("Nothing of this post can be taken back: it is out, on its way, or cancelled already.")
    for row in free:
        reset(row, DeliveryState.CANCELLED)
    if any(row.state in OUT for row in rows):
        session.flush()
        settle_post(session, post_id)
    else:
        post.state = PostState.CANCELLED
    _touched(session, actor, post, "post.cancel")


def set_idea(session: Session, actor: Actor, post_id: int, idea: bool) -> None:
    """An idea or a draft: both aren't scheduled, one is further than the other."""
    require(actor, Right.PLAN)
    post = _post(session, post_id)
    if post.state in (PostState.IDEA, PostState.DRAFT, PostState.CANCELLED):
        post.state = PostState.IDEA if idea else PostState.DRAFT
        _touched(session, actor, post, "post.change")


def delete_post(session: Session, actor: Actor, post_id: int) -> None:
    """Remove it from the plan. Only while nothing of it is out."""
    require(actor, Right.PLAN)
    post = _post(session, post_id)
    if any(row.state in OUT or accepted_parts(row) for row in _deliveries(session, post_id)):
        raise UserError("This post is out, or on its way, so it stays in the plan.")
    audit(session, actor, "post.delete", f"post:{post_id}", post.title)
    session.delete(post)


def ensure_campaign(session: Session, name: str) -> int:
    """The campaign's number; made if it isn't there."""
    name = " ".join(name.split())[:80]
    row = session.execute(select(Campaign).where(col(Campaign.name) == name)).scalar_one_or_none()
    if row is None:
        row = Campaign(name=name)
        session.add(row)
        session.flush()
    return row.id


# --- inside -----------------------------------------------------------------------------------------------------------


def _post(session: Session, post_id: int) -> Post:
    post = session.get(Post, post_id)
    if post is None:
        raise NotFound("This post isn't in the plan any more. Somebody may have deleted it.")
    return post


def _deliveries(session: Session, post_id: int) -> list[Delivery]:
    rows = select(Delivery).where(col(Delivery.post_id) == post_id).order_by(col(Delivery.id))
    return list(session.execute(rows).scalars())


def _touched(session: Session, actor: Actor, post: Post, action: str, detail: str = "") -> None:
    post.version += 1
    post.updated_at = utc_now()
    audit(session, actor, action, f"post:{post.id}", detail)
    session.flush()


def _apply(session: Session, actor: Actor, post: Post, changes: Changes) -> None:
    rows = _deliveries(session, post.id)
    words = changes.text is not None or changes.images is not None
    if words and any(row.state in OUT for row in rows):
        images = [(image.media_id, image.alt) for image in post_images(session, post.id)]
        if (changes.text not in (None, post.text)) or (changes.images is not None and list(changes.images) != images):
            raise UserError(
                "This post is out, or on its way: its text and images can't be changed here any more. "
                "A channel it hasn't reached can still get a different text."
            )
    if changes.title is not None:
        post.title = " ".join(changes.title.split())[:200]
    if changes.text is not None:
        post.text = changes.text
    if changes.language is not None:
        post.language = changes.language or None
    if changes.planned_at is not None or changes.no_time:
        post.planned_at = changes.planned_at
    if changes.campaign is not None:
        post.campaign_id = ensure_campaign(session, changes.campaign) if changes.campaign.strip() else None
    if changes.idea is not None and post.state in (PostState.IDEA, PostState.DRAFT):
        post.state = PostState.IDEA if changes.idea else PostState.DRAFT
    if changes.images is not None:
        _set_images(session, post, changes.images)
    if changes.channel_ids is not None:
        _set_channels(session, post, rows, changes.channel_ids)
    session.flush()
    if changes.variants is not None:
        _set_variants(session, post, changes.variants)


def _set_images(session: Session, post: Post, images: Sequence[tuple[int, str]]) -> None:
    ids = [media_id for media_id, _ in images]
    known = set(session.execute(select(col(MediaAsset.id)).where(col(MediaAsset.id).in_(ids))).scalars())
    if not set(ids) <= known:
        raise NotFound("One of the images isn't there any more. Add it again.")
    session.execute(delete(PostMedia).where(col(PostMedia.post_id) == post.id))
    for position, (media_id, alt) in enumerate(images):
        session.add(PostMedia(post_id=post.id, media_id=media_id, position=position, alt=alt.strip()))
    session.flush()


def _set_channels(session: Session, post: Post, rows: Sequence[Delivery], channel_ids: Sequence[int]) -> None:
    wanted = list(dict.fromkeys(channel_ids))
    asked = [*wanted, *(row.channel_id for row in rows)]
    found = {c.id: c for c in session.execute(select(Channel).where(col(Channel.id).in_(asked))).scalars()}
    for channel_id in wanted:
        if channel_id not in found or found[channel_id].state is ChannelState.REMOVED:
            raise UserError(f"There is no channel {channel_id}. Choose one from the Channels page.")
        if not connector_class(found[channel_id].network).capabilities.publishes:
            raise UserError(f"{found[channel_id].handle} can't publish.")
    for row in rows:
        if row.channel_id in wanted:
            continue
        if row.state not in OUT and not accepted_parts(row):
            session.delete(row)
        elif found[row.channel_id].state is not ChannelState.REMOVED:  # nobody can choose a removed one again
            raise UserError(f"It is already out on {found[row.channel_id].handle}. Choose that channel again.")
    there = {row.channel_id for row in rows}
    for channel_id in wanted:
        if channel_id not in there:
            session.add(Delivery(post_id=post.id, channel_id=channel_id))


def _set_variants(session: Session, post: Post, variants: Mapping[int, str | None]) -> None:
    for row in _deliveries(session, post.id):
        if row.channel_id not in variants:
            continue
        text = variants[row.channel_id]
        text = text if text and text.strip() and text != post.text else None
        if text != row.text and row.state in OUT:
            handle = session.get_one(Channel, row.channel_id).handle
            raise UserError(f"It is out on {handle}, or on its way there: that text can't be changed here any more.")
        row.text = text
    session.flush()


def _judged(session: Session, post: Post) -> tuple[Any, ...]:
    """What decides whether and when a channel takes it: a change of anything else needs no new judgement."""
    images = [(image.media_id, image.alt) for image in post_images(session, post.id)]
    return post.text, post.planned_at, images, {row.channel_id: row.text for row in _deliveries(session, post.id)}


def _sendable(post: Post) -> tuple[DeliveryState, ...]:
    """Deliveries that scheduling takes along. What was given up stays so, unless all of the post was cancelled."""
    begun = post.state in (PostState.SCHEDULED, PostState.PUBLISHED, PostState.NEEDS_CARE)
    return (*WAITING, DeliveryState.FAILED) if begun else FREE


def _schedule(
    session: Session, post: Post, at: datetime | None, states: tuple[DeliveryState, ...], late: bool = False
) -> tuple[str, ...]:
    """Judge and schedule the deliveries in `states`. `late`: a time that has passed is good enough."""
    if at is None:
        raise UserError("Say when it goes out: choose a day and a time.")
    if at.tzinfo is None:
        raise ValueError("a time without a zone")
    if not late and at < utc_now() - LATE:
        raise UserError("That time has passed. Choose a later one, or publish now.")
    rows = _deliveries(session, post.id)
    free = [row for row in rows if row.state in states]
    if not rows:
        raise UserError("Choose at least one channel for this post.")
    if not free:
        raise UserError("Nothing of this post is left to send: it is out, on its way, or was given up.")
    warnings: list[str] = []
    for row in free:
        warnings += _judge(session, row)
        if row.state is not DeliveryState.SCHEDULED or row.due_at != at:
            reset(row, DeliveryState.SCHEDULED)
            row.due_at = at
    post.planned_at = at
    session.flush()
    settle_post(session, post.id)
    return tuple(warnings)


NOT_ACTIVE = {
    ChannelState.PAUSED: "is paused. Resume it on the Channels page, or leave it out.",
    ChannelState.NEEDS_REAUTH: "must be reconnected first. Do that on the Channels page, or leave it out.",
    ChannelState.REMOVED: "was removed. Leave it out.",
}


def _judge(session: Session, row: Delivery) -> list[str]:
    """Warnings for this delivery. Raises `UserError` with what keeps it from going out."""
    channel: Any = session.get_one(Channel, row.channel_id)
    if channel.state in NOT_ACTIVE:
        raise UserError(f"{channel.handle} {NOT_ACTIVE[channel.state]}")
    problems = problems_of(channel, draft_of(session, row))
    blocking = first_error(problems)
    if blocking:
        raise UserError(f"{channel.handle}: {blocking.message}")
    return [f"{channel.handle}: {p.message}" for p in problems if p.severity is Severity.WARNING]
