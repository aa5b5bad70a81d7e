"""The content plan: write, schedule, change, cancel posts, and decide about deliveries that got stuck.

What it looks like is next door (`plan_list.py`), what is published in `plan_drafts.py`; sending is the worker's
(`publishing.py`). A post that is scheduled stays valid: each change is judged for every channel in one transaction.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import takewhile
from typing import Any

from sqlalchemy import delete, select
from sqlmodel import Session, col

from core.connectors.registry import connector_class
from core.db import utc_now
from core.errors import NotFound, UserError
from core.models.channel import Channel, ChannelState
from core.models.planning import Campaign, Delivery, DeliveryState, MediaAsset, Post, PostMedia, PostState
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
    "PlanFilter",
    "PlanPage",
    "PlanRow",
    "PostDetail",
    "all_posts",
    "campaigns",
    "delivery_facts",
    "draft_from",
    "draft_of",
    "local_to_utc",
    "plan",
    "post_detail",
    "post_images",
    "problems_for",
    "problems_of",
    "undated",
]

LATE = timedelta(minutes=1)  # a time that passed while somebody was typing is still good
FREE = (DeliveryState.DRAFT, DeliveryState.SCHEDULED, DeliveryState.CANCELLED, DeliveryState.FAILED)
OUT = (DeliveryState.SENDING, DeliveryState.CHECKING, DeliveryState.PUBLISHED, DeliveryState.UNCONFIRMED)


class Conflict(UserError):
    """Somebody else saved the post meanwhile. `theirs` is their text, `mine` the one that wasn't saved."""

    def __init__(self, theirs: str, mine: str) -> None:
        super().__init__("Somebody else has changed this post meanwhile. Compare both texts, then save again.")
        self.theirs, self.mine = theirs, mine


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
        raise Conflict(post.text, changes.text if changes.text is not None else "")
    _apply(session, actor, post, changes)
    if post.state is PostState.SCHEDULED:
        _schedule(session, post, changes.planned_at or post.planned_at, late=changes.planned_at is None)
    post.version += 1
    post.updated_at = utc_now()
    audit(session, actor, "post.change", f"post:{post.id}")
    session.flush()
    return post.version


def schedule_post(session: Session, actor: Actor, post_id: int, at: datetime) -> None:
    """Have it published on all its channels at `at` (aware). Raises `UserError` with the first thing in the way."""
    require(actor, Right.PLAN)
    post = _post(session, post_id)
    _schedule(session, post, at)
    _touched(session, actor, post, "post.schedule", at.isoformat())


def publish_now(session: Session, actor: Actor, post_id: int) -> None:
    """Have the worker publish it at once."""
    require(actor, Right.PLAN)
    post = _post(session, post_id)
    _schedule(session, post, utc_now())
    _touched(session, actor, post, "post.publish_now")


def unschedule_post(session: Session, actor: Actor, post_id: int) -> None:
    """Back to a draft, which keeps its time as a plan."""
    require(actor, Right.PLAN)
    post = _post(session, post_id)
    rows = _deliveries(session, post_id)
    if any(row.state in OUT or _accepted_parts(row) for row in rows):
        raise UserError("This post is out, or on its way. It can't become a draft again.")
    for row in rows:
        _reset(row, DeliveryState.DRAFT)
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
        _reset(row, DeliveryState.CANCELLED)
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


def delete_post(session: Session, actor: Actor, post_id: int) -> None:
    """Remove it from the plan. Only while nothing of it is out."""
    require(actor, Right.PLAN)
    post = _post(session, post_id)
    if any(row.state in OUT or _accepted_parts(row) for row in _deliveries(session, post_id)):
        raise UserError("This post is out, or on its way, so it stays in the plan.")
    audit(session, actor, "post.delete", f"post:{post_id}", post.title)
    session.delete(post)


def settle_post(session: Session, post_id: int) -> None:
    """Derive the post's state from its deliveries; called whenever one of them changed, in the same transaction."""
    post = session.get(Post, post_id)
    if post is None:
        return
    states = {
        state
        for state in session.execute(select(col(Delivery.state)).where(col(Delivery.post_id) == post_id)).scalars()
        if state is not DeliveryState.CANCELLED
    }
    if not states:
        post.state = PostState.CANCELLED
    elif states & {DeliveryState.FAILED, DeliveryState.UNCONFIRMED}:
        post.state = PostState.NEEDS_CARE
    elif states == {DeliveryState.PUBLISHED}:
        post.state = PostState.PUBLISHED
    elif states != {DeliveryState.DRAFT}:
        post.state = PostState.SCHEDULED


def retry_delivery(session: Session, actor: Actor, delivery_id: int) -> None:
    """Try again what failed; the parts of a thread that are out stay out and aren't sent again."""
    require(actor, Right.PLAN)
    row = _delivery(session, delivery_id, DeliveryState.FAILED)
    problem = first_error(problems_of(session.get_one(Channel, row.channel_id), draft_of(session, row)))
    if problem:
        raise UserError(f"It can't be sent like this: {problem.message}")
    _again(session, row)
    audit(session, actor, "delivery.retry", f"delivery:{row.id}")


def give_up_delivery(session: Session, actor: Actor, delivery_id: int) -> None:
    """Leave a failed delivery unsent, for good."""
    require(actor, Right.PLAN)
    row = _delivery(session, delivery_id, DeliveryState.FAILED)
    out = [part for part in row.parts or () if part.get("remote_id")]
    row.state = DeliveryState.PUBLISHED if out else DeliveryState.CANCELLED
    row.due_at = None
    _follow(session, row)
    audit(session, actor, "delivery.give_up", f"delivery:{row.id}")


def confirm_delivery(session: Session, actor: Actor, delivery_id: int, published: bool, url: str | None = None) -> None:
    """A person has looked: an unconfirmed delivery is online (perhaps at `url`), or it isn't and is sent again."""
    require(actor, Right.PLAN)
    row = _delivery(session, delivery_id, DeliveryState.UNCONFIRMED)
    if published:
        if url and not url.startswith(("https://", "http://")):
            raise UserError("The address must begin with https://. Copy it from the network, or leave it empty.")
        row.state, row.due_at = DeliveryState.PUBLISHED, None
        row.published_at, row.url = row.published_at or row.sent_at or utc_now(), url or row.url
        row.last_error = row.error_kind = None
        _follow(session, row)
    else:
        _again(session, row)
    audit(session, actor, "delivery.confirm", f"delivery:{row.id}", "online" if published else "not online")


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


def _delivery(session: Session, delivery_id: int, state: DeliveryState) -> Delivery:
    row = session.get(Delivery, delivery_id)
    if row is None or row.post_id is None or row.state is not state:
        raise NotFound("Its state has changed meanwhile. Look at the post again.")
    return row


def _touched(session: Session, actor: Actor, post: Post, action: str, detail: str = "") -> None:
    post.version += 1
    post.updated_at = utc_now()
    audit(session, actor, action, f"post:{post.id}", detail)
    session.flush()


def _follow(session: Session, row: Delivery) -> None:
    session.flush()
    if row.post_id is not None:
        settle_post(session, row.post_id)


def _again(session: Session, row: Delivery) -> None:
    """Due now, with a new request; parts of a thread that the network accepted are kept."""
    row.parts = _accepted_parts(row)
    row.attempts = row.looks = 0
    row.last_error = row.error_kind = None
    row.state, row.due_at = DeliveryState.SCHEDULED, utc_now()
    _follow(session, row)


def _accepted_parts(row: Delivery) -> list[dict[str, Any]] | None:
    """The entries of a thread that are out: they are never sent again, whatever becomes of the rest."""
    return list(takewhile(lambda part: part.get("remote_id"), row.parts or ())) or None


def _reset(row: Delivery, state: DeliveryState) -> None:
    """Not to be sent any more. A worker that has just claimed it sees that before anything leaves."""
    row.state, row.due_at = state, None
    row.parts = _accepted_parts(row)
    row.sent_at = row.sent_at if row.parts else None
    row.last_error = row.error_kind = None
    row.attempts = row.looks = 0


def _apply(session: Session, actor: Actor, post: Post, changes: Changes) -> None:
    rows = _deliveries(session, post.id)
    words = changes.text is not None or changes.images is not None
    if words and any(row.state in OUT for row in rows):
        images = [(image.media_id, image.alt) for image in post_images(session, post.id)]
        if (changes.text not in (None, post.text)) or (changes.images is not None and list(changes.images) != images):
            raise UserError("This post is out, or on its way: its text and images can't be changed here any more.")
    if changes.title is not None:
        post.title = " ".join(changes.title.split())[:200]
    if changes.text is not None:
        post.text = changes.text
    if changes.language is not None:
        post.language = changes.language or None
    if changes.planned_at is not None:
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
    found = {c.id: c for c in session.execute(select(Channel).where(col(Channel.id).in_(wanted))).scalars()}
    for channel_id in wanted:
        if channel_id not in found or found[channel_id].state is ChannelState.REMOVED:
            raise UserError(f"There is no channel {channel_id}. Choose one from the Channels page.")
        if not connector_class(found[channel_id].network).capabilities.publishes:
            raise UserError(f"{found[channel_id].handle} can't publish.")
    for row in rows:
        if row.channel_id not in wanted:
            if row.state in OUT:
                raise UserError("It is already out on a channel that you took away. Choose that channel again.")
            session.delete(row)
    there = {row.channel_id for row in rows}
    for channel_id in wanted:
        if channel_id not in there:
            session.add(Delivery(post_id=post.id, channel_id=channel_id))


def _set_variants(session: Session, post: Post, variants: Mapping[int, str | None]) -> None:
    for row in _deliveries(session, post.id):
        if row.channel_id in variants and row.state in FREE:
            text = variants[row.channel_id]
            row.text = text if text and text.strip() and text != post.text else None
    session.flush()


def _schedule(session: Session, post: Post, at: datetime | None, late: bool = False) -> None:
    if at is None:
        raise UserError("Say when it goes out: choose a day and a time.")
    if at.tzinfo is None:
        raise ValueError("a time without a zone")
    if not late and at < utc_now() - LATE:
        raise UserError("That time has passed. Choose a later one, or publish now.")
    rows = _deliveries(session, post.id)
    free = [row for row in rows if row.state in FREE]
    if not rows:
        raise UserError("Choose at least one channel for this post.")
    if not free:
        raise UserError("This post is out on all its channels already.")
    for row in free:
        _judge(session, row)
        moved = row.due_at != at or row.state is not DeliveryState.SCHEDULED
        row.state = DeliveryState.SCHEDULED
        if moved:
            row.due_at = at
            row.attempts = row.looks = 0
            row.last_error = row.error_kind = None
    post.planned_at = at
    session.flush()
    settle_post(session, post.id)


def _judge(session: Session, row: Delivery) -> None:
    """Raise `UserError` with what keeps this delivery from going out."""
    channel: Any = session.get_one(Channel, row.channel_id)
    reasons = {
        ChannelState.PAUSED: "is paused. Resume it on the Channels page, or leave it out.",
        ChannelState.NEEDS_REAUTH: "must be reconnected first. Do that on the Channels page, or leave it out.",
        ChannelState.REMOVED: "was removed. Leave it out.",
    }
    if channel.state in reasons:
        raise UserError(f"{channel.handle} {reasons[channel.state]}")
    problem = first_error(problems_of(channel, draft_of(session, row)))
    if problem:
        raise UserError(f"{channel.handle}: {problem.message}")
