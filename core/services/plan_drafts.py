"""From what was typed to what is published: thread parts, images with their files, local times. One way for all.

Composer's preview, scheduler and worker use the same `Draft`, made here.
"""

import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass, fields, replace
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import select
from sqlmodel import Session, col

from core.connectors.base import Draft, DraftImage, DraftPart, Limits, Problem, ReplyTo, Severity, validate
from core.connectors.registry import connector_class
from core.errors import Rejected
from core.models.channel import Channel
from core.models.inbox import Contact, Conversation, Message
from core.models.planning import Delivery, MediaAsset, Post, PostMedia
from core.services.media import draft_images, media_path

THREAD_LINE = re.compile(r"^[ \t]*---[ \t]*$", re.MULTILINE)
BETWEEN = "\n---\n"  # how the hub itself writes such a line


@dataclass(frozen=True)
class PostImage:
    """An image of a post as the composer shows it; `path` is the local file."""

    media_id: int
    alt: str
    filename: str
    mime: str
    size: int
    width: int
    height: int
    path: str
    focus: tuple[float, float] | None = None  # as in `DraftImage`
    duration: float | None = None  # seconds, of a video
    frame_rate: float | None = None

    def for_draft(self) -> DraftImage:
        """As connectors want it."""
        named = {field.name: getattr(self, field.name) for field in fields(DraftImage)}
        return DraftImage(**named)


def draft_from(text: str, images: Sequence[DraftImage] = (), language: str | None = None) -> Draft:
    """A draft from typed text: a line of only `---` begins the next entry of a thread; images go with the first."""
    texts = thread_texts(text)
    parts = [DraftPart(texts[0], tuple(images)), *(DraftPart(piece) for piece in texts[1:])]
    return Draft(tuple(parts), language)


def thread_texts(text: str) -> list[str]:
    """The entries of a thread as they stand in one text; at least one, which may be empty."""
    pieces = [piece.strip() for piece in THREAD_LINE.split(text)]
    return [piece for piece in pieces if piece] or [""]


def answer_draft(text: str, images: Sequence[DraftImage], to: ReplyTo, language: str | None = None) -> Draft:
    """An answer as it goes out: parted by lines of `---` like a post, each part below the one before."""
    return replace(draft_from(text, images, language), reply_to=to)


def post_images(session: Session, post_id: int) -> list[PostImage]:
    """A post's images in their order."""
    return images_of(session, [post_id]).get(post_id, [])


def images_of(session: Session, post_ids: Collection[int]) -> dict[int, list[PostImage]]:
    """The images of many posts, each post's in their order. One statement."""
    rows = session.execute(
        select(PostMedia, MediaAsset)
        .join(MediaAsset, col(MediaAsset.id) == col(PostMedia.media_id))
        .where(col(PostMedia.post_id).in_(post_ids))
        .order_by(col(PostMedia.post_id), col(PostMedia.position))
    ).all()
    found: dict[int, list[PostImage]] = {}
    for m, a in rows:
        image = PostImage(
            *(a.id, m.alt, a.filename, a.mime, a.size, a.width, a.height, str(media_path(a.sha256, a.mime))),
            focus=None if m.focal_x is None or m.focal_y is None else (m.focal_x, m.focal_y),
            duration=a.duration,
            frame_rate=a.frame_rate,
        )
        found.setdefault(m.post_id, []).append(image)
    return found


def draft_of(session: Session, delivery: Delivery) -> Draft:
    """What a delivery publishes: its variant or the post's text, or an answer with what it replies to."""
    if delivery.message_id is not None:
        return _answer_draft(session, delivery)
    post = session.get(Post, delivery.post_id)
    if post is None:
        raise Rejected("The post of this delivery is gone.")
    images = [image.for_draft() for image in post_images(session, post.id)]
    text = delivery.text if delivery.text is not None else post.text
    return draft_from(text, images, post.language)


def drafts_of(session: Session, deliveries: Sequence[Delivery]) -> dict[int, Draft]:
    """What many deliveries of posts publish, by their numbers: the same as `draft_of`, in a constant number of
    statements. Deliveries whose post is gone, and answers, are left out."""
    ids = {row.post_id for row in deliveries if row.post_id is not None}
    posts = {post.id: post for post in session.execute(select(Post).where(col(Post.id).in_(ids))).scalars()}
    images = images_of(session, ids)
    drafts: dict[int, Draft] = {}
    for row in deliveries:
        post = posts.get(row.post_id or 0)
        if post is not None:
            text = row.text if row.text is not None else post.text
            pictures = [image.for_draft() for image in images.get(post.id, ())]
            drafts[row.id] = draft_from(text, pictures, post.language)
    return drafts


def _answer_draft(session: Session, delivery: Delivery) -> Draft:
    found = session.execute(
        select(Message, Conversation, Contact)
        .join(Conversation, col(Conversation.id) == col(Message.conversation_id))
        .outerjoin(Contact, col(Contact.id) == col(Conversation.contact_id))
        .where(col(Message.id) == delivery.message_id)
    ).one_or_none()
    if found is None:
        raise Rejected("The answer of this delivery is gone.")
    message, talk, contact = found
    if not message.reply_to:
        raise Rejected("The message that this answers is gone.")
    chosen = own_images(message.media)
    images = draft_images(session, chosen)
    if len(images) < len(chosen):
        raise Rejected("An image of this answer is gone. Discard the answer, then add the image again.")
    to = ReplyTo(message.reply_to, talk.remote_id, talk.kind, contact.handle if contact else "")
    return answer_draft(delivery.text or message.text, images, to, message.language)


def own_images(media: Sequence[dict[str, Any]] | None) -> list[tuple[int, str]]:
    """(media id, alt text) of the images that a message of ours was written with, in their order."""
    return [(int(m["media_id"]), str(m.get("alt") or "")) for m in media or () if m.get("media_id") is not None]


def problems_of(channel: Channel, draft: Draft) -> list[Problem]:
    """What stands against this draft on this channel: errors block, warnings ask."""
    return problems_for(channel.network, Limits.from_json(channel.limits), draft)


def problems_for(network: str, limits: Limits, draft: Draft) -> list[Problem]:
    """The same, for the composer, which has no row at hand."""
    return validate(connector_class(network), draft, limits)


def first_error(problems: Sequence[Problem]) -> Problem | None:
    """The first that blocks."""
    return next((problem for problem in problems if problem.severity is Severity.ERROR), None)


def local_to_utc(local: datetime, zone: ZoneInfo) -> tuple[datetime, str | None]:
    """A wall-clock time as UTC, and a sentence on the two odd nights of the year.

    A time that summer time skips moves to the first moment that exists; one that comes twice is the first of the two.
    """
    local = local.replace(tzinfo=None, fold=0)
    moment = local.replace(tzinfo=zone).astimezone(UTC)
    there = moment.astimezone(zone).replace(tzinfo=None)
    if there != local:
        # The gap: with fold=0 the offset before the change was used, which lands as far after it as `local` was in.
        after = local.replace(tzinfo=zone, fold=1).utcoffset() or timedelta()
        before = local.replace(tzinfo=zone, fold=0).utcoffset() or timedelta()
        moment = _first_after_gap(local, zone, before, after)
        shown = moment.astimezone(zone)
        return moment, f"{local:%H:%M} doesn't exist that night (summer time begins). It goes out at {shown:%H:%M}."
    twice = local.replace(tzinfo=zone, fold=1).astimezone(UTC) != moment
    return moment, f"{local:%H:%M} comes twice that night. It goes out the first time." if twice else None


def _first_after_gap(local: datetime, zone: ZoneInfo, before: timedelta, after: timedelta) -> datetime:
    """The moment at which the clock jumps: searched between the readings of both offsets."""
    low, high = sorted(((local - before).replace(tzinfo=UTC), (local - after).replace(tzinfo=UTC)))
    start = low.astimezone(zone).utcoffset()
    while high - low > timedelta(seconds=1):
        middle = low + (high - low) / 2
        if middle.astimezone(zone).utcoffset() == start:
            low = middle
        else:
            high = middle
    return high.replace(microsecond=0)
