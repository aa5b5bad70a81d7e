"""RSS and Atom feeds whose entries become drafts, each once; the worker reads them.

What stood in a feed when it was added is known and old, but for the newest entry: it shows what a draft will look like.
A draft that somebody deletes doesn't come back.
"""

import logging
import random
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import func, select
from sqlmodel import Session, col

from core import db, lease
from core.connectors import feed_reader
from core.connectors.feed_reader import FeedEntry, FeedRead
from core.errors import HubError, NetworkError, NotFound, RetryLater, UserError
from core.lease import Claim
from core.models.channel import Channel, ChannelState
from core.models.planning import Campaign
from core.models.planning_sources import FeedItem, FeedSource
from core.models.team import Member, Role
from core.services import planning
from core.services.team import Actor, Right, actor_of, audit, require

log = logging.getLogger("hub.feeds")

EVERY = timedelta(minutes=30)
MOST_SOURCES = 50
MOST_DRAFTS = 20  # of one reading; the rest come with the next
NAME_LENGTH, ADDRESS_LENGTH, TEMPLATE_LENGTH = 120, 1000, 2000
TEMPLATE = "{title}\n\n{link}"
PLACES = ("{title}", "{link}", "{summary}")
_PLACE = re.compile("|".join(map(re.escape, PLACES)))
SUMMARY_LENGTH = 400  # characters of it that go into a draft
LEASE_SECONDS = 60.0

Read = Callable[[str, str, str], FeedRead]


@dataclass(frozen=True)
class SourceForm:
    """What a source is. `campaign` is a name; `template` holds PLACES."""

    url: str
    name: str = ""
    channel_ids: tuple[int, ...] = ()
    campaign: str = ""
    template: str = TEMPLATE
    as_idea: bool = False


@dataclass(frozen=True)
class SourceRow:
    """A source and how it does. `drafts`: how many it has made. `trouble` is a sentence, empty when it is well."""

    id: int
    form: SourceForm
    paused: bool
    read_at: datetime | None
    due_at: datetime | None
    drafts: int
    trouble: str


def sources(session: Session) -> tuple[SourceRow, ...]:
    """All sources by name. Two statements."""
    counts = select(col(FeedItem.source_id), func.count(col(FeedItem.post_id))).group_by(col(FeedItem.source_id))
    made = {source_id: count for source_id, count in session.execute(counts).all()}  # noqa: C416 - rows, not pairs
    rows = session.execute(
        select(FeedSource, func.coalesce(col(Campaign.name), ""))
        .outerjoin(Campaign, col(Campaign.id) == col(FeedSource.campaign_id))
        .order_by(func.lower(col(FeedSource.name)), col(FeedSource.id))
    ).all()
    return tuple(
        SourceRow(
            row.id,
            SourceForm(row.url, row.name, tuple(row.channel_ids or ()), campaign, row.template, row.as_idea),
            row.paused,
            row.read_at,
            row.due_at,
            made.get(row.id, 0),
            row.last_error or "",
        )
        for row, campaign in rows
    )


# --- changing ---------------------------------------------------------------------------------------------------------


def add_source(session: Session, actor: Actor, form: SourceForm) -> int:
    """Follow a feed; the worker reads it at once. Gives its number."""
    require(actor, Right.PLAN)
    checked = _checked(session, form, None)
    if int(session.execute(select(func.count()).select_from(FeedSource)).scalar_one()) >= MOST_SOURCES:
        raise UserError(f"There are {MOST_SOURCES} feeds already. Remove one first.")
    row = FeedSource(name=checked.name, url=checked.url, member_id=actor.id, due_at=db.utc_now())
    _fill(session, row, checked)
    session.add(row)
    session.flush()
    audit(session, actor, "feed.add", f"feed:{row.id}", row.name)
    return row.id


def change_source(session: Session, actor: Actor, source_id: int, form: SourceForm) -> None:
    """Say other things of it; drafts that are there stay as they are."""
    require(actor, Right.PLAN)
    row = _row(session, source_id)
    checked = _checked(session, form, source_id)
    if checked.url != row.url:
        row.etag = row.modified = ""
    row.name, row.url = checked.name, checked.url
    row.due_at, row.attempts, row.last_error, row.error_kind = db.utc_now(), 0, None, None
    _fill(session, row, checked)
    audit(session, actor, "feed.change", f"feed:{source_id}", row.name)
    session.flush()


def pause_source(session: Session, actor: Actor, source_id: int, paused: bool = True) -> None:
    """Stop reading it, or go on; what came meanwhile then becomes drafts."""
    require(actor, Right.PLAN)
    row = _row(session, source_id)
    row.paused = paused
    row.due_at = None if paused else db.utc_now()
    audit(session, actor, "feed.pause" if paused else "feed.resume", f"feed:{source_id}", row.name)
    session.flush()


def delete_source(session: Session, actor: Actor, source_id: int) -> None:
    """Follow it no more; its drafts stay."""
    require(actor, Right.PLAN)
    row = _row(session, source_id)
    audit(session, actor, "feed.delete", f"feed:{source_id}", row.name)
    session.delete(row)
    session.flush()


def _checked(session: Session, form: SourceForm, source_id: int | None) -> SourceForm:
    url = form.url.strip()
    if not url.startswith(("https://", "http://")) or len(url) > ADDRESS_LENGTH or any(c.isspace() for c in url):
        raise UserError("Give the feed's address; it begins with https://.")
    taken = session.execute(select(col(FeedSource.id)).where(col(FeedSource.url) == url)).scalar_one_or_none()
    if taken is not None and taken != source_id:
        raise UserError("This feed is followed already.")
    if not any(place in form.template for place in PLACES):
        raise UserError(f"The text needs at least one of {', '.join(PLACES)}.")
    if len(form.template) > TEMPLATE_LENGTH:
        raise UserError(f"The text is over {TEMPLATE_LENGTH} characters. Shorten it.")
    known = set(
        session.execute(
            select(col(Channel.id)).where(
                col(Channel.id).in_(form.channel_ids), col(Channel.state) != ChannelState.REMOVED
            )
        ).scalars()
    )
    if not set(form.channel_ids) <= known:
        raise UserError("One of the channels isn't connected any more. Choose again.")
    name = " ".join(form.name.split())[:NAME_LENGTH] or url.split("://", maxsplit=1)[1].split("/", maxsplit=1)[0]
    return SourceForm(url, name, form.channel_ids, form.campaign.strip(), form.template, form.as_idea)


def _fill(session: Session, row: FeedSource, form: SourceForm) -> None:
    row.channel_ids, row.template, row.as_idea = list(form.channel_ids), form.template, form.as_idea
    row.campaign_id = planning.ensure_campaign(session, form.campaign) if form.campaign else None


def _row(session: Session, source_id: int) -> FeedSource:
    row = session.get(FeedSource, source_id)
    if row is None:
        raise NotFound("This feed isn't followed any more.")
    return row


# --- the worker -------------------------------------------------------------------------------------------------------


def read_due(read: Read = feed_reader.read, limit: int = 5) -> int:
    """Read up to `limit` feeds that are due, one after another; gives how many. One cheap read when none is."""
    with db.read() as session:
        due = select(col(FeedSource.id)).where(col(FeedSource.due_at) <= db.utc_now()).limit(1)
        if session.execute(due).first() is None:
            return 0
    with db.write() as session:
        claims = lease.claim(session, FeedSource, [col(FeedSource.paused).is_(False)], limit, LEASE_SECONDS * limit)
    for claimed in claims:
        _read(claimed, read)
    return len(claims)


def _read(claimed: Claim, read: Read) -> None:
    with db.read() as session:
        row = lease.hold(session, FeedSource, claimed)
        if row is None:
            return
        asked = row.url, row.etag, row.modified
    try:
        found = read(*asked)
    except HubError as error:
        log.warning("feed=%s could not be read: %s", claimed.id, type(error).__name__)
        _failed(claimed, error)
        return
    except Exception as error:  # whatever a feed makes a parser stumble over
        log.exception("feed=%s: a fault of the hub", claimed.id)
        _failed(claimed, HubError(f"The hub stumbled over this feed ({type(error).__name__})."))
        return
    with db.write() as session:
        row = lease.hold(session, FeedSource, claimed)
        if row is not None:
            _store(session, row, found)


def _failed(claimed: Claim, error: HubError) -> None:
    with db.write() as session:
        row = lease.hold(session, FeedSource, claimed)
        if row is None:
            return
        if isinstance(error, RetryLater) or not isinstance(error, NetworkError):
            lease.back_off(row, error, first=60.0)
        else:
            lease.snooze(row, db.utc_now() + timedelta(hours=6), error)


def _store(session: Session, row: FeedSource, found: FeedRead) -> None:
    """Drafts, and what was seen, in one transaction with the next date: a restart makes none twice."""
    first = row.read_at is None
    new = _unseen(session, row.id, found.entries)
    wanted = new[:1] if first else new[-MOST_DRAFTS:]  # of many the oldest first
    left = 0 if first else len(new) - len(wanted)
    actor = _author(session, row)
    campaign = session.get(Campaign, row.campaign_id) if row.campaign_id else None
    channels = _still_there(session, row.channel_ids or ())
    for entry in reversed(wanted):
        post_id = planning.create_post(
            session,
            actor,
            title=entry.title[:200],
            text=draft_text(row.template, entry),
            channel_ids=channels,
            campaign=campaign.name if campaign else "",
            idea=row.as_idea,
            origin=f"feed:{row.id}",
        )
        session.add(FeedItem(source_id=row.id, guid_hash=entry.guid_hash, post_id=post_id))
    if first:
        session.add_all(FeedItem(source_id=row.id, guid_hash=entry.guid_hash) for entry in new[1:])
    if not found.unchanged and not left:
        row.etag, row.modified = found.etag, found.modified
    lease.finish(row, db.utc_now() if left else _next())
    row.read_at = db.utc_now()
    if wanted:
        log.info("feed=%s: %s new drafts", row.id, len(wanted))


def _unseen(session: Session, source_id: int, entries: Sequence[FeedEntry]) -> list[FeedEntry]:
    by_hash = {entry.guid_hash: entry for entry in reversed(entries)}
    seen = session.execute(
        select(col(FeedItem.guid_hash)).where(
            col(FeedItem.source_id) == source_id, col(FeedItem.guid_hash).in_(list(by_hash))
        )
    ).scalars()
    known = set(seen)
    return [entry for entry in reversed(by_hash.values()) if entry.guid_hash not in known]


def _author(session: Session, row: FeedSource) -> Actor:
    """Who added it, while they may plan; else nobody in particular."""
    member = session.get(Member, row.member_id) if row.member_id else None
    if member is not None and member.disabled_at is None and actor_of(member).may(Right.PLAN):
        return actor_of(member)
    return Actor(id=None, name=f"Feed {row.name}"[:120], email="", role=Role.EDITOR)


def _still_there(session: Session, channel_ids: Sequence[int]) -> list[int]:
    rows = session.execute(
        select(col(Channel.id)).where(col(Channel.id).in_(channel_ids), col(Channel.state) != ChannelState.REMOVED)
    ).scalars()
    return list(rows)


def draft_text(template: str, entry: FeedEntry) -> str:
    """The template with the entry's words in its places. What an entry says is never read as a template."""
    summary = entry.summary
    if len(summary) > SUMMARY_LENGTH:
        summary = summary[:SUMMARY_LENGTH].rsplit(" ", 1)[0].rstrip() + " …"
    words = {"{title}": entry.title, "{link}": entry.link, "{summary}": summary}
    text = _PLACE.sub(lambda place: words[place[0]], template)
    return "\n".join(line.rstrip() for line in text.strip().splitlines())


def _next() -> datetime:
    return db.utc_now() + EVERY * random.uniform(0.9, 1.1)  # noqa: S311 - no secret
