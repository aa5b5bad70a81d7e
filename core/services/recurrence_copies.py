"""Copies of a post that comes again: what is copied, which copies still say what was copied, and taking them back.

A copy carries the fingerprint of what it was made from in `Post.origin`: "repeat:…", or "held:…" while it could not be
scheduled. As long as it says the same, nobody has changed it by hand, and it follows its pattern.
"""

import hashlib
from collections.abc import Collection, Sequence
from dataclasses import dataclass, fields
from datetime import datetime
from typing import Any

from sqlalchemy import delete, func, select
from sqlmodel import Session, col

from core.models.channel import Channel, ChannelState
from core.models.planning import Campaign, Delivery, DeliveryState, Post, PostMedia, PostState
from core.services.plan_changes import Changes
from core.services.plan_deliveries import accepted_parts

REPEAT, HELD = "repeat:", "held:"
UNSENT = (PostState.IDEA, PostState.DRAFT, PostState.IN_REVIEW, PostState.APPROVED, PostState.SCHEDULED)


@dataclass(frozen=True)
class Copy:
    """A copy that isn't out. `own`: nobody has changed it by hand; `mark`: of what it was made from."""

    post: Post
    own: bool
    held: bool
    mark: str


def contents(session: Session, posts: Sequence[Post]) -> dict[int, Changes]:
    """What each post says, ready to be written into another; removed channels are left out. Three statements."""
    ids = [post.id for post in posts]
    sent = session.execute(
        select(col(Delivery.post_id), col(Delivery.channel_id), col(Delivery.text))
        .join(Channel, col(Channel.id) == col(Delivery.channel_id))
        .where(col(Delivery.post_id).in_(ids), col(Channel.state) != ChannelState.REMOVED)
        .order_by(col(Delivery.id))
    ).all()
    shown = session.execute(
        select(PostMedia).where(col(PostMedia.post_id).in_(ids)).order_by(col(PostMedia.position))
    ).scalars()
    media: dict[int, list[PostMedia]] = {}
    for row in shown:
        media.setdefault(row.post_id, []).append(row)
    named = select(col(Campaign.id), col(Campaign.name)).where(col(Campaign.id).in_({p.campaign_id for p in posts}))
    campaigns: dict[int, str] = {row[0]: row[1] for row in session.execute(named)}
    return {
        post.id: _content(
            post,
            {channel: text for post_id, channel, text in sent if post_id == post.id},
            media.get(post.id, []),
            campaigns.get(post.campaign_id or 0, ""),
        )
        for post in posts
    }


def _content(post: Post, texts: dict[int, str | None], media: Sequence[PostMedia], campaign: str) -> Changes:
    return Changes(
        title=post.title,
        text=post.text,
        language=post.language or "",
        channel_ids=tuple(texts),
        variants=texts,
        images=tuple((row.media_id, row.alt) for row in media),
        focal={row.media_id: _focus(row) for row in media},
        content_warning=post.content_warning,
        visibility=post.visibility or "",
        first_comment=post.first_comment,
        tagged=post.tagged,
        untagged_links=tuple(post.untagged_links or ()),
        campaign=campaign,
    )


def _focus(row: PostMedia) -> tuple[float, float] | None:
    return None if row.focal_x is None or row.focal_y is None else (row.focal_x, row.focal_y)


def fingerprint(content: Changes) -> str:
    """Of what a post says; the order of its channels is none of it."""
    said: dict[str, Any] = {}
    for one in fields(content):
        value = getattr(content, one.name)
        if value is not None:
            said[one.name] = sorted(value.items()) if isinstance(value, dict) else value
    said["channel_ids"] = sorted(content.channel_ids or ())
    return hashlib.sha256(repr(sorted(said.items())).encode()).hexdigest()[:24]


def copies(session: Session, recurrence_id: int, after: datetime) -> list[Copy]:
    """The copies of a recurrence that go out after `after` and can still be changed, in order. Five statements."""
    posts = list(
        session.execute(
            select(Post)
            .where(col(Post.recurrence_id) == recurrence_id, col(Post.planned_at) > after, col(Post.state).in_(UNSENT))
            .order_by(col(Post.planned_at))
        ).scalars()
    )
    said = contents(session, posts) if posts else {}
    return [
        Copy(post, post.origin.endswith(f":{fingerprint(said[post.id])}"), post.origin.startswith(HELD), _mark(post))
        for post in posts
    ]


def _mark(post: Post) -> str:
    return post.origin.partition(":")[2]


def ahead(session: Session, recurrence_ids: Collection[int], after: datetime) -> dict[int, int]:
    """How many copies of each are planned after `after`. One statement."""
    rows = session.execute(
        select(col(Post.recurrence_id), func.count())
        .where(col(Post.recurrence_id).in_(recurrence_ids), col(Post.planned_at) > after, col(Post.state).in_(UNSENT))
        .group_by(col(Post.recurrence_id))
    )
    return {number: count for number, count in rows if number is not None}


def take_back(session: Session, recurrence_id: int, after: datetime) -> int:
    """Delete the copies that nobody has changed and that go out after `after`; gives how many."""
    ids = [copy.post.id for copy in copies(session, recurrence_id, after) if copy.own]
    if not ids:
        return 0
    busy = {
        row.post_id
        for row in session.execute(select(Delivery).where(col(Delivery.post_id).in_(ids))).scalars()
        if row.state not in (DeliveryState.DRAFT, DeliveryState.SCHEDULED) or accepted_parts(row)
    }
    free = [number for number in ids if number not in busy]
    session.execute(delete(Post).where(col(Post.id).in_(free)))
    session.flush()
    return len(free)
