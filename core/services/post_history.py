"""What a post said after each saved change: versions to compare and to go back to.

A version holds all of the content as plain JSON: names beside numbers, so that it can still be read when a channel or
a campaign is gone. A save that changes nothing makes no version. Kept are the first one and the last hundred.
"""

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import delete, func, select
from sqlmodel import Session, col

from core.errors import NotFound, UserError
from core.models.channel import Channel, ChannelState
from core.models.planning import Campaign, Delivery, MediaAsset, Post, PostMedia
from core.models.planning_work import PostVersion
from core.models.team import Member
from core.services.plan_changes import Changes
from core.services.post_diff import Content, Diff, Piece, TextDiff, by_id, diff
from core.services.team import Actor

__all__ = ["Content", "Diff", "Piece", "TextDiff", "diff"]

KEPT = 100
EVERY = 10  # so often the oldest are taken away
PAGE = 20


def record(session: Session, actor: Actor, post: Post, action: str) -> None:
    """Keep what the post says now as version `post.version`, in the caller's transaction."""
    session.flush()
    now = content_of(session, post)
    last = select(col(PostVersion.content)).where(col(PostVersion.post_id) == post.id)
    last = last.order_by(col(PostVersion.number).desc()).limit(1)
    if session.execute(last).scalar_one_or_none() == now:
        return
    session.add(PostVersion(post_id=post.id, number=post.version, member_id=actor.id, action=action, content=now))
    session.flush()
    if post.version > KEPT and post.version % EVERY == 0:
        _thin_out(session, post.id)


def _thin_out(session: Session, post_id: int) -> None:
    """Without the oldest, but for the very first."""
    numbers = select(col(PostVersion.number)).where(col(PostVersion.post_id) == post_id)
    kept = list(session.execute(numbers.order_by(col(PostVersion.number).desc()).limit(KEPT)).scalars())
    first = select(func.min(col(PostVersion.number))).where(col(PostVersion.post_id) == post_id).scalar_subquery()
    session.execute(
        delete(PostVersion)
        .where(col(PostVersion.post_id) == post_id, col(PostVersion.number) < kept[-1], col(PostVersion.number) > first)
        .execution_options(synchronize_session=False)
    )


def content_of(session: Session, post: Post) -> dict[str, Any]:
    """All that a post says and where, as plain JSON. Three reads."""
    channels = session.execute(
        select(col(Delivery.channel_id), col(Channel.handle), col(Delivery.text))
        .join(Channel, col(Channel.id) == col(Delivery.channel_id))
        .where(col(Delivery.post_id) == post.id)
        .order_by(col(Delivery.id))
    ).all()
    images = session.execute(
        select(PostMedia, col(MediaAsset.filename))
        .join(MediaAsset, col(MediaAsset.id) == col(PostMedia.media_id))
        .where(col(PostMedia.post_id) == post.id)
        .order_by(col(PostMedia.position))
    ).all()
    campaign = session.get(Campaign, post.campaign_id) if post.campaign_id is not None else None
    return {
        "title": post.title,
        "text": post.text,
        "language": post.language or "",
        "channels": [{"id": number, "handle": handle, "text": text} for number, handle, text in channels],
        "images": [{"id": m.media_id, "name": name, "alt": m.alt, "focus": _focus(m)} for m, name in images],
        "content_warning": post.content_warning,
        "visibility": post.visibility or "",
        "first_comment": post.first_comment,
        "campaign": campaign.name if campaign else "",
        "tagged": post.tagged,
        "untagged_links": sorted(post.untagged_links or ()),
        "planned_at": post.planned_at.astimezone(UTC).isoformat() if post.planned_at else None,
        "state": post.state.value,
    }


def _focus(row: PostMedia) -> list[float] | None:
    return None if row.focal_x is None or row.focal_y is None else [row.focal_x, row.focal_y]


# --- to look at -------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Version:
    """What the post said after one save. `by` is empty for the command line and jobs of the worker."""

    number: int
    at: datetime
    by: str
    action: str  # as in the audit trail
    content: Content


@dataclass(frozen=True)
class VersionPage:
    """Versions, newest first; `before` continues, None when there are no older ones."""

    rows: tuple[Version, ...]
    before: int | None


def versions(session: Session, post_id: int, before: int | None = None, limit: int = PAGE) -> VersionPage:
    """The newest versions (older than number `before`). One read."""
    wanted = _rows(post_id).order_by(col(PostVersion.number).desc()).limit(limit + 1)
    if before is not None:
        wanted = wanted.where(col(PostVersion.number) < before)
    rows = session.execute(wanted).all()
    shown = tuple(_version(row, name) for row, name in rows[:limit])
    return VersionPage(shown, shown[-1].number if len(rows) > limit else None)


def version(session: Session, post_id: int, number: int) -> Version:
    """One version. Raises `NotFound`."""
    found = session.execute(_rows(post_id).where(col(PostVersion.number) == number)).one_or_none()
    if found is None:
        raise NotFound(f"Version {number} of this post isn't kept.")
    return _version(*found)


def version_at(session: Session, post_id: int, number: int) -> Version | None:
    """What the post said when it had this number: the version kept at it or last before it."""
    last = _rows(post_id).where(col(PostVersion.number) <= number).order_by(col(PostVersion.number).desc()).limit(1)
    found = session.execute(last).one_or_none()
    return _version(*found) if found else None


def _rows(post_id: int) -> Any:
    return (
        select(PostVersion, func.coalesce(col(Member.name), ""))
        .outerjoin(Member, col(Member.id) == col(PostVersion.member_id))
        .where(col(PostVersion.post_id) == post_id)
    )


def _version(row: PostVersion, name: str) -> Version:
    return Version(row.number, row.at, name, row.action, row.content or {})


# --- going back -------------------------------------------------------------------------------------------------------


def changes_from(session: Session, content: Content) -> tuple[Changes, tuple[str, ...]]:
    """A kept content as `Changes`, and sentences on what can't come back: channels and images that are gone."""
    channels, images = by_id(content, "channels"), by_id(content, "images")
    usable = select(col(Channel.id)).where(col(Channel.id).in_(channels), col(Channel.state) != ChannelState.REMOVED)
    there = set(session.execute(usable).scalars())
    stored = set(session.execute(select(col(MediaAsset.id)).where(col(MediaAsset.id).in_(images))).scalars())
    lost = [f"The channel {one['handle']} isn't there any more." for n, one in channels.items() if n not in there]
    lost += [f"The image {one['name']} isn't there any more." for n, one in images.items() if n not in stored]
    changes = Changes(
        title=content.get("title") or "",
        text=content.get("text") or "",
        language=content.get("language") or "",
        channel_ids=tuple(number for number in channels if number in there),
        variants={number: one.get("text") for number, one in channels.items() if number in there},
        images=tuple((number, one.get("alt") or "") for number, one in images.items() if number in stored),
        focal={n: (f[0], f[1]) if (f := one.get("focus")) else None for n, one in images.items() if n in stored},
        content_warning=content.get("content_warning") or "",
        visibility=content.get("visibility") or "",
        first_comment=content.get("first_comment") or "",
        tagged=bool(content.get("tagged")),
        campaign=content.get("campaign") or "",
        untagged_links=tuple(content.get("untagged_links") or ()),
    )
    return changes, tuple(lost)


def as_changes(session: Session, post_id: int) -> Changes:
    """What a post says now, to be written into another one."""
    post = session.get(Post, post_id)
    if post is None:
        raise NotFound("This post isn't in the plan any more. Somebody may have deleted it.")
    return changes_from(session, content_of(session, post))[0]


def restore(session: Session, actor: Actor, post_id: int, number: int, version_now: int) -> tuple[str, ...]:
    """Save what version `number` said as a new version; gives what could not come back. Its time stays as it is.

    A save like any other: raises `Conflict` when somebody saved after `version_now`, and a review applies.
    """
    from core.services import planning

    old = version(session, post_id, number)
    changes, lost = changes_from(session, old.content)
    if not changes.channel_ids and by_id(old.content, "channels"):
        raise UserError("None of that version's channels is there any more. Copy its text instead.")
    planning.save_post(session, actor, post_id, version_now, changes)
    return lost
