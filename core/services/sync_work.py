"""What each kind of sync asks of the network, and how its answer is stored. When it runs is `sync.py`'s.

A function here gets a connector and a job, talks to the network outside any transaction, and gives a `Found`: what to
store (`keep`, called in the one transaction that moves the cursor too), the new cursor, and whether there is more.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import select, union_all
from sqlmodel import Session, col

from core import db
from core.connectors.base import Connector, RemoteMessage
from core.errors import NetworkError
from core.lease import Claim
from core.models.analytics import Publication
from core.models.channel import Channel, ChannelState, SyncCursor, SyncKind
from core.models.inbox import Conversation, ConversationState, Direction, Message
from core.models.monitoring import Monitor
from core.services import intake
from core.services.intake_numbers import store_metrics

Counts = dict[str, int]

RECHECK_SPAN = timedelta(days=3)
RECHECK_MOST = 40  # messages
HISTORY_SPAN = timedelta(days=183)
HISTORY_MOST = 400  # posts
PAGE = 40
MEASURED_SPAN = timedelta(days=30)  # older posts are measured no more
MEASURED_PAUSE = timedelta(hours=1)


@dataclass(frozen=True)
class Job:
    """A claimed sync as plain values. `query` is a monitor's."""

    channel_id: int
    kind: SyncKind
    cursor: str | None
    monitor_id: int | None
    query: str


@dataclass(frozen=True)
class Found:
    """What came of a fetch. `cursor` None keeps the old one; `more`: the next run is due at once."""

    keep: Callable[[Session, Channel], Counts]
    cursor: str | None = None
    more: bool = False
    retry_after: datetime | None = None


def job(session: Session, claimed: Claim) -> Job | None:
    """What is to be done; None when there is nothing any more: channel not active, monitor paused, claim lost."""
    row = session.execute(
        select(SyncCursor, col(Channel.state), col(Monitor.query), col(Monitor.paused))
        .join(Channel, col(Channel.id) == col(SyncCursor.channel_id))
        .outerjoin(Monitor, col(Monitor.id) == col(SyncCursor.monitor_id))
        .where(col(SyncCursor.id) == claimed.id, col(SyncCursor.claim_token) == claimed.token)
    ).one_or_none()
    if row is None or row[1] != ChannelState.ACTIVE or row[3]:
        return None
    cursor, query = row[0], row[2] or ""
    if cursor.kind == SyncKind.MONITOR and not query:
        return None
    return Job(cursor.channel_id, cursor.kind, cursor.cursor, cursor.monitor_id, query)


def _inbox(connector: Connector, job: Job) -> Found:
    """Replies, mentions, direct messages since last time, with what stands above them."""
    batch = connector.fetch_inbox(job.cursor, lambda remote_id: thread_of(job.channel_id, remote_id))

    def keep(session: Session, channel: Channel) -> Counts:
        stored = intake.store_messages(session, channel, batch.items)
        removed = intake.mark_removed(session, channel.id, batch.removed)
        return {"new": stored.new, "edited": stored.edited, "removed": removed}

    return Found(keep, batch.next_cursor, batch.more, batch.retry_after)


def _recheck(connector: Connector, job: Job) -> Found:
    """Follow edits and deletions of recent messages."""
    remote_ids = _worth_a_look(job.channel_id)
    batch = connector.recheck(remote_ids) if remote_ids else None

    def keep(session: Session, channel: Channel) -> Counts:
        if batch is None:
            return {}
        edited = intake.follow_edits(session, channel, batch.items)
        return {"edited": edited, "removed": intake.mark_removed(session, channel.id, batch.removed)}

    return Found(keep, retry_after=batch.retry_after if batch else None)


def _monitor(connector: Connector, job: Job) -> Found:
    """New hits of a saved search."""
    batch = connector.search(job.query, job.cursor)

    def keep(session: Session, channel: Channel) -> Counts:
        assert job.monitor_id is not None
        new = intake.store_mentions(session, job.monitor_id, channel, batch.items)
        return {"new": new, "removed": intake.mark_removed(session, channel.id, batch.removed)}

    return Found(keep, batch.next_cursor, batch.more, batch.retry_after)


def _posts(connector: Connector, job: Job) -> Found:
    """Our own posts and their numbers.

    1. The first runs page back, half a year or 400 posts, one page a run (cursor `back|stored so far|page`).
    2. Later runs read the newest page, and measure up to 40 younger than a month that aren't on it. One that is missing
       from a page it belongs on is asked for by itself: gone only if the network says so.
    """
    going_back, page, stored = _place(job.cursor)
    batch = connector.own_posts(page, PAGE)
    if going_back:
        stored += len(batch.items)
        oldest = min((item.sent_at for item in batch.items), default=None)
        done = (
            not (batch.more and batch.next_cursor and batch.items)
            or stored >= HISTORY_MOST
            or (oldest is not None and oldest < db.utc_now() - HISTORY_SPAN)
        )
        cursor = "newest" if done else f"back|{stored}|{batch.next_cursor}"
        return Found(lambda s, c: {"new": intake.store_posts(s, c, batch.items)}, cursor, not done, batch.retry_after)
    others = _to_measure(job.channel_id, batch.items)
    measured = connector.post_metrics(others) if others else {}

    def keep(session: Session, channel: Channel) -> Counts:
        new = intake.store_posts(session, channel, batch.items)
        return {"new": new, "removed": store_metrics(session, channel, others, measured) if others else 0}

    return Found(keep, "newest", retry_after=batch.retry_after)


def _place(cursor: str | None) -> tuple[bool, str | None, int]:
    """(still paging back, page, stored so far)."""
    if cursor == "newest":
        return False, None, 0
    _, _, rest = (cursor or "").partition("|")
    stored, _, page = rest.partition("|")
    return True, page or None, int(stored) if stored.isdigit() else 0


def _profile(connector: Connector, job: Job) -> Found:
    """Followers and the like, the name we go by, and what the server accepts."""
    profile, metrics = connector.profile(), connector.channel_metrics()
    try:
        limits = connector.fetch_limits()
    except NetworkError:
        limits = None  # those we know still hold; the next run asks again

    def keep(session: Session, channel: Channel) -> Counts:
        channel.handle, channel.name = profile.handle[:300] or channel.handle, profile.name[:300]
        channel.url = profile.url or channel.url
        if channel.is_sandbox:  # its ids are made when it is founded, after its channels were connected
            channel.remote_id = profile.remote_id
        if limits is not None and limits.to_json() != channel.limits:
            channel.limits = limits.to_json()
        intake.store_channel_metrics(session, channel, metrics)
        return {}

    return Found(keep)


WORK: dict[SyncKind, Callable[[Connector, Job], Found]] = {
    SyncKind.INBOX: _inbox,
    SyncKind.RECHECK: _recheck,
    SyncKind.MONITOR: _monitor,
    SyncKind.POSTS: _posts,
    SyncKind.PROFILE: _profile,
}


def thread_of(channel_id: int, remote_id: str) -> str | None:
    """The thread of a message that the hub already has. One indexed read of its own."""
    with db.read() as session:
        return session.execute(
            select(col(Conversation.remote_id))
            .join(Message, col(Message.conversation_id) == col(Conversation.id))
            .where(col(Message.channel_id) == channel_id, col(Message.remote_id) == remote_id)
        ).scalar_one_or_none()


def _worth_a_look(channel_id: int) -> list[str]:
    """Remote ids of the newest messages that came in: those of three days, and those in open conversations."""
    c, m = Conversation, Message
    mine = select(col(c.id)).where(col(c.channel_id) == channel_id)
    newest = (col(c.last_message_at).desc(), col(c.id).desc())
    recent = mine.where(col(c.last_message_at) > db.utc_now() - RECHECK_SPAN).order_by(*newest).limit(RECHECK_MOST)
    still_open = mine.where(col(c.state) == ConversationState.OPEN).order_by(*newest).limit(RECHECK_MOST // 2)
    both = union_all(*(select(part.subquery().c.id) for part in (recent, still_open)))
    with db.read() as session:
        found = session.execute(
            select(col(m.remote_id))
            .where(
                col(m.conversation_id).in_(both),
                col(m.direction) == Direction.IN,
                col(m.remote_id).is_not(None),
                col(m.deleted_at).is_(None),
            )
            .order_by(col(m.sent_at).desc(), col(m.id).desc())
            .limit(RECHECK_MOST)
        ).scalars()
        return [remote_id for remote_id in found if remote_id is not None]


def _to_measure(channel_id: int, page: Sequence[RemoteMessage]) -> list[str]:
    """Younger posts of ours not on the newest page: first those that should be, then those measured longest ago."""
    p, now = Publication, db.utc_now()
    missing = col(p.published_at) >= min((item.sent_at for item in page), default=now)
    with db.read() as session:
        return list(
            session.execute(
                select(col(p.remote_id))
                .where(
                    col(p.channel_id) == channel_id,
                    col(p.published_at) > now - MEASURED_SPAN,
                    col(p.deleted_at).is_(None),
                    missing | col(p.measured_at).is_(None) | (col(p.measured_at) < now - MEASURED_PAUSE),
                    col(p.remote_id).not_in([item.remote_id for item in page]),
                )
                .order_by(missing.desc(), col(p.measured_at), col(p.id))
                .limit(PAGE)
            ).scalars()
        )
