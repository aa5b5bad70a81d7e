"""What can be changed of a post, and writing it into its rows. When that is allowed to count is `planning.py`'s.

Nothing is judged here but what could never be right: a channel that isn't there, a text that is out already.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import delete, select
from sqlmodel import Session, col

from core.connectors.base import VISIBILITIES
from core.connectors.registry import connector_class
from core.errors import NotFound, UserError
from core.models.channel import Channel, ChannelState
from core.models.planning import Campaign, Delivery, DeliveryState, MediaAsset, Post, PostMedia, PostState
from core.services.plan_deliveries import accepted_parts
from core.services.plan_drafts import post_images

OUT = (
    DeliveryState.SENDING,
    DeliveryState.CHECKING,
    DeliveryState.PUBLISHED,
    DeliveryState.UNCONFIRMED,
    DeliveryState.DELETED,
)


@dataclass(frozen=True)
class Changes:
    """What to save of a post; None leaves a thing as it is. `variants`: channel id to text, or None for the post's."""

    title: str | None = None
    text: str | None = None
    language: str | None = None
    channel_ids: tuple[int, ...] | None = None
    variants: Mapping[int, str | None] | None = None
    images: tuple[tuple[int, str], ...] | None = None  # (media id, alt text), in order
    focal: Mapping[int, tuple[float, float] | None] | None = None  # media id to what stays in sight; with `images`
    content_warning: str | None = None
    visibility: str | None = None  # "" for the network's usual
    first_comment: str | None = None
    tagged: bool | None = None  # links get the campaign's UTM parameters …
    untagged_links: tuple[str, ...] | None = None  # … except these
    planned_at: datetime | None = None
    no_time: bool = False  # take its time away
    campaign: str | None = None  # its name; "" takes the post out of its campaign
    idea: bool | None = None  # idea or draft, while it isn't scheduled


def ensure_campaign(session: Session, name: str) -> int:
    """The campaign's number; made if it isn't there."""
    name = " ".join(name.split())[:80]
    row = session.execute(select(Campaign).where(col(Campaign.name) == name)).scalar_one_or_none()
    if row is None:
        row = Campaign(name=name)
        session.add(row)
        session.flush()
    return row.id


def deliveries_of(session: Session, post_id: int) -> list[Delivery]:
    """A post's deliveries, in the order they were made."""
    rows = select(Delivery).where(col(Delivery.post_id) == post_id).order_by(col(Delivery.id))
    return list(session.execute(rows).scalars())


def apply(session: Session, post: Post, changes: Changes) -> None:
    """Write the changes into post, images and deliveries. Raises `UserError` for what is out already."""
    rows = deliveries_of(session, post.id)
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
        post.queued = post.queued and post.planned_at == changes.planned_at  # another time is no slot's any more
        post.planned_at = changes.planned_at
    if changes.campaign is not None:
        post.campaign_id = ensure_campaign(session, changes.campaign) if changes.campaign.strip() else None
    if changes.idea is not None and post.state in (PostState.IDEA, PostState.DRAFT):
        post.state = PostState.IDEA if changes.idea else PostState.DRAFT
    _apply_details(post, changes)
    if changes.images is not None:
        _set_images(session, post, changes.images, changes.focal or {})
    if changes.channel_ids is not None:
        _set_channels(session, post, rows, changes.channel_ids)
    session.flush()
    if changes.variants is not None:
        _set_variants(session, post, changes.variants)


def _apply_details(post: Post, changes: Changes) -> None:
    """What goes out with the text, where the network has it."""
    if changes.content_warning is not None:
        post.content_warning = " ".join(changes.content_warning.split())[:300]
    if changes.visibility is not None:
        if changes.visibility not in ("", *VISIBILITIES):
            raise UserError(f"“{changes.visibility}” is no visibility. Take {', '.join(VISIBILITIES)}.")
        post.visibility = changes.visibility or None
    if changes.first_comment is not None:
        post.first_comment = changes.first_comment.strip()
    if changes.tagged is not None:
        post.tagged = changes.tagged
    if changes.untagged_links is not None:
        post.untagged_links = list(changes.untagged_links) or None


def _set_images(
    session: Session,
    post: Post,
    images: Sequence[tuple[int, str]],
    focal: Mapping[int, tuple[float, float] | None],
) -> None:
    ids = [media_id for media_id, _ in images]
    known = set(session.execute(select(col(MediaAsset.id)).where(col(MediaAsset.id).in_(ids))).scalars())
    if not set(ids) <= known:
        raise NotFound("One of the images isn't there any more. Add it again.")
    session.execute(delete(PostMedia).where(col(PostMedia.post_id) == post.id))
    for position, (media_id, alt) in enumerate(images):
        x, y = focal.get(media_id) or (None, None)
        session.add(
            PostMedia(post_id=post.id, media_id=media_id, position=position, alt=alt.strip(), focal_x=x, focal_y=y)
        )
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
    for row in deliveries_of(session, post.id):
        if row.channel_id not in variants:
            continue
        text = variants[row.channel_id]
        text = text if text and text.strip() and text != post.text else None
        if text != row.text and row.state in OUT:
            handle = session.get_one(Channel, row.channel_id).handle
            raise UserError(f"It is out on {handle}, or on its way there: that text can't be changed here any more.")
        row.text = text
    session.flush()


def judged(session: Session, post: Post) -> tuple[Any, ...]:
    """What decides whether and when a channel takes it: a change of anything else needs no new judgement."""
    images = [(image.media_id, image.alt, image.focus) for image in post_images(session, post.id)]
    details = (post.content_warning, post.visibility, post.first_comment, post.tagged, post.campaign_id, post.language)
    texts = {row.channel_id: row.text for row in deliveries_of(session, post.id)}
    return post.planned_at, post.text, images, (*details, tuple(post.untagged_links or ())), texts


def content(judged: tuple[Any, ...]) -> tuple[Any, ...]:
    """Of what is judged, that which readers see: the time is none of it."""
    return judged[1:]
