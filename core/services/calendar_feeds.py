"""The plan as iCal: a member's secret links, made, used and taken back; and what stands in the calendar.

Whoever has the link sees the plan, so it is a secret: the table keeps only its SHA-256, the link is shown once. It ends
when it is revoked, and with its member. What it shows is what every member may see; posts only, no messages, no people.
"""

import hashlib
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import func, select
from sqlmodel import Session, col

from core.db import utc_now
from core.errors import NotFound, UserError
from core.models.channel import Channel, Group
from core.models.planning import Campaign, Delivery, DeliveryState, Post, PostState
from core.models.planning_sources import CalendarFeed
from core.models.team import Member
from core.services.team import Actor, Right, audit, require
from core.settings import settings

PATH = "/calendar/"  # of the web process: PATH + token + ENDING
ENDING = ".ics"
BACK, AHEAD = timedelta(days=90), timedelta(days=400)
MOST_POSTS = 2000
MOST_LINKS = 20  # of one member
NOTED = timedelta(hours=1)  # a use is written down so often
LENGTH = timedelta(minutes=15)  # a post takes no time, but calendars show nothing shorter
WORDS = {
    PostState.IDEA: "Idea",
    PostState.DRAFT: "Draft",
    PostState.IN_REVIEW: "In review",
    PostState.APPROVED: "Approved",
    PostState.SCHEDULED: "Scheduled",
    PostState.PUBLISHED: "Published",
    PostState.NEEDS_CARE: "Needs care",
}
SURE = {PostState.SCHEDULED, PostState.PUBLISHED, PostState.NEEDS_CARE}


@dataclass(frozen=True)
class LinkRow:
    """One secret link, without its secret."""

    id: int
    name: str
    group: str
    created_at: datetime
    used_at: datetime | None


@dataclass(frozen=True)
class Entry:
    """One post in the calendar."""

    post_id: int
    title: str
    text: str
    state: PostState
    at: datetime
    updated_at: datetime
    version: int
    campaign: str
    channels: tuple[str, ...]


def links(session: Session, actor: Actor) -> tuple[LinkRow, ...]:
    """A member's own links that still work, the newest first. One statement."""
    rows = session.execute(
        select(CalendarFeed, func.coalesce(col(Group.name), ""))
        .outerjoin(Group, col(Group.id) == col(CalendarFeed.group_id))
        .where(col(CalendarFeed.member_id) == actor.id, col(CalendarFeed.revoked_at).is_(None))
        .order_by(col(CalendarFeed.id).desc())
    ).all()
    return tuple(LinkRow(f.id, f.name, group, f.created_at, f.used_at) for f, group in rows)


def create_link(session: Session, actor: Actor, name: str = "", group_id: int | None = None) -> str:
    """Make a link of one's own; gives its address, which is shown this once."""
    require(actor, Right.LOOK)
    if actor.id is None:
        raise UserError("A calendar link belongs to a member. Say whose it is.")
    if len(links(session, actor)) >= MOST_LINKS:
        raise UserError(f"You have {MOST_LINKS} links already. Revoke one that you don't use.")
    if group_id is not None and session.get(Group, group_id) is None:
        raise NotFound("This group isn't there any more. Choose another one.")
    token = secrets.token_urlsafe(32)
    row = CalendarFeed(member_id=actor.id, token_hash=_hash(token), name=" ".join(name.split())[:80], group_id=group_id)
    session.add(row)
    session.flush()
    audit(session, actor, "calendar_link.add", f"calendar_link:{row.id}", row.name)
    return f"{settings().base_url}{PATH}{token}{ENDING}"


def revoke_link(session: Session, actor: Actor, link_id: int) -> None:
    """From now on the link shows nothing. One's own; administrators revoke anybody's."""
    row = session.get(CalendarFeed, link_id)
    if row is None or row.revoked_at is not None:
        raise NotFound("This link is revoked already.")
    if row.member_id != actor.id:
        require(actor, Right.TEAM)
    row.revoked_at = utc_now()
    audit(session, actor, "calendar_link.revoke", f"calendar_link:{link_id}", row.name)
    session.flush()


@dataclass(frozen=True)
class Opened:
    """A link that works: which it is, and which channels it shows."""

    id: int
    group_id: int | None
    group: str
    noted: bool  # its use was written down a moment ago


def opened(session: Session, token: str) -> Opened | None:
    """The link with this token if it still works: not revoked, its member still there. One indexed read."""
    found = session.execute(
        select(CalendarFeed, func.coalesce(col(Group.name), ""))
        .join(Member, col(Member.id) == col(CalendarFeed.member_id))
        .outerjoin(Group, col(Group.id) == col(CalendarFeed.group_id))
        .where(
            col(CalendarFeed.token_hash) == _hash(token),
            col(CalendarFeed.revoked_at).is_(None),
            col(Member.disabled_at).is_(None),
        )
    ).one_or_none()
    if found is None:
        return None
    row, group = found
    return Opened(row.id, row.group_id, group, row.used_at is not None and row.used_at > utc_now() - NOTED)


def note_use(session: Session, link_id: int) -> None:
    """Somebody's calendar has looked."""
    row = session.get(CalendarFeed, link_id)
    if row is not None:
        row.used_at = utc_now()


def entries(session: Session, group_id: int | None = None) -> tuple[Entry, ...]:
    """The posts with a time from 90 days ago to 400 days ahead, the earliest first. Two statements."""
    now = utc_now()
    where: list[Any] = [
        col(Post.planned_at) >= now - BACK,
        col(Post.planned_at) <= now + AHEAD,
        col(Post.state) != PostState.CANCELLED,
    ]
    if group_id is not None:
        mine = select(col(Delivery.post_id)).join(Channel, col(Channel.id) == col(Delivery.channel_id))
        where.append(mine.where(col(Delivery.post_id) == col(Post.id), col(Channel.group_id) == group_id).exists())
    rows = session.execute(
        select(Post, func.coalesce(col(Campaign.name), ""))
        .outerjoin(Campaign, col(Campaign.id) == col(Post.campaign_id))
        .where(*where)
        .order_by(col(Post.planned_at), col(Post.id))
        .limit(MOST_POSTS)
    ).all()
    channels = _channels(session, [post.id for post, _ in rows])
    return tuple(
        Entry(p.id, p.title, p.text, p.state, p.planned_at, p.updated_at, p.version, campaign,
              tuple(channels.get(p.id, ())))
        for p, campaign in rows
    )  # fmt: skip


def _channels(session: Session, post_ids: Sequence[int]) -> dict[int, list[str]]:
    rows = session.execute(
        select(col(Delivery.post_id), col(Channel.handle))
        .join(Channel, col(Channel.id) == col(Delivery.channel_id))
        .where(col(Delivery.post_id).in_(post_ids), col(Delivery.state) != DeliveryState.CANCELLED)
        .order_by(col(Channel.handle))
    ).all()
    found: dict[int, list[str]] = {}
    for post_id, handle in rows:
        found.setdefault(post_id, []).append(handle)
    return found


def as_ical(rows: Sequence[Entry], name: str) -> bytes:
    """The posts as an iCalendar file (RFC 5545), times in UTC: each calendar shows them in its own zone."""
    from icalendar import Calendar, Event

    calendar = Calendar()
    calendar.add("prodid", "-//Social Hub//Content plan//EN")
    calendar.add("version", "2.0")
    calendar.add("x-wr-calname", f"Social Hub: {name}" if name else "Social Hub")
    calendar.add("x-published-ttl", "PT15M")
    for row in rows:
        event = Event()
        event.add("uid", f"post-{row.post_id}@social-hub")
        event.add("dtstamp", row.updated_at.astimezone(UTC))
        event.add("last-modified", row.updated_at.astimezone(UTC))
        event.add("sequence", row.version)
        event.add("dtstart", row.at.astimezone(UTC))
        event.add("dtend", (row.at + LENGTH).astimezone(UTC))
        event.add("summary", f"{row.title or ' '.join(row.text.split())[:80] or 'Post'} ({WORDS[row.state]})")
        event.add("description", "\n\n".join(part for part in (row.text, ", ".join(row.channels)) if part))
        event.add("status", "CONFIRMED" if row.state in SURE else "TENTATIVE")
        event.add("transp", "TRANSPARENT")
        event.add("url", f"{settings().base_url}/planning?plan_view=Write&post={row.post_id}")
        if row.campaign:
            event.add("categories", [row.campaign])
        calendar.add_component(event)
    return bytes(calendar.to_ical())


def _hash(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()
