"""Monitors and their mentions: what is searched for, what was found, what the team does with it.

Searching is the worker's (`sync.py` runs the cursors made here, `intake.py` stores the hits).
"""

import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import regex
from sqlalchemy import delete, func, literal_column, select, tuple_, update
from sqlmodel import Session, col

from core.connectors import query as queries
from core.connectors.base import Kind
from core.connectors.registry import connector_class
from core.errors import NotFound, UserError
from core.models.channel import Channel, ChannelState, SyncCursor, SyncKind
from core.models.inbox import Contact, Conversation, Direction, Message
from core.models.monitoring import Mention, MentionState, Monitor
from core.services.inbox import send_reply
from core.services.intake import settle
from core.services.monitor_cursors import can_search, ensure_cursors
from core.services.team import Actor, Right, audit, require

__all__ = [
    "MentionCursor",
    "MentionFilter",
    "MentionPage",
    "MentionRow",
    "MonitorRow",
    "answer_channels",
    "answer_mention",
    "can_search",
    "check_query",
    "create_monitor",
    "delete_monitor",
    "edit_monitor",
    "ensure_cursors",
    "mark_all_seen",
    "mentions",
    "monitors",
    "pause_monitor",
    "set_mention_state",
]

NAME_LENGTH = 80  # characters
QUERY_LENGTH = 300
MOST_TERMS = 10

_HASHTAG = regex.compile(r"#[\p{L}\p{N}\p{M}_]*[\p{L}_][\p{L}\p{N}\p{M}_]*")


@dataclass(frozen=True)
class MonitorRow:
    """A monitor and how it does. `places`: the servers it searches; empty when no channel can search for it."""

    id: int
    name: str
    query: str
    paused: bool
    new: int
    total: int
    searched_at: datetime | None
    next_at: datetime | None
    error: str | None
    places: tuple[str, ...]


@dataclass(frozen=True)
class MentionFilter:
    """Which mentions are meant; what isn't set doesn't restrict."""

    monitor_id: int | None = None
    state: MentionState | None = MentionState.NEW
    network: str | None = None
    search: str = ""


@dataclass(frozen=True)
class MentionCursor:
    """Where a page ended."""

    at: datetime
    id: int


@dataclass(frozen=True)
class MentionRow:
    """One hit. `followers` is the author's reach, None where the network doesn't tell."""

    id: int
    monitor_id: int
    monitor: str
    channel_id: int
    network: str
    channel_handle: str
    author: str
    handle: str
    author_url: str | None
    followers: int | None
    text: str
    url: str | None
    state: MentionState
    likes: int
    shares: int
    comments: int
    sent_at: datetime
    deleted_at: datetime | None
    conversation_id: int | None


@dataclass(frozen=True)
class MentionPage:
    """One page of hits, newest first. `next` goes into the next call; None: this was the last."""

    rows: tuple[MentionRow, ...]
    next: MentionCursor | None


def create_monitor(session: Session, actor: Actor, name: str, query: str) -> int:
    """Save a search; the worker runs it at once. Gives its id. Raises `UserError` for a name or query that won't do."""
    require(actor, Right.MONITOR)
    monitor = Monitor(name=_good_name(session, name, None), query=check_query(query), member_id=actor.id)
    session.add(monitor)
    session.flush()
    ensure_cursors(session)
    audit(session, actor, "monitor.create", f"monitor:{monitor.id}", monitor.query)
    return monitor.id


def edit_monitor(session: Session, actor: Actor, monitor_id: int, name: str, query: str) -> None:
    """Rename a monitor or change what it looks for; hits found so far stay."""
    require(actor, Right.MONITOR)
    monitor = _monitor(session, monitor_id)
    monitor.name = _good_name(session, name, monitor_id)
    wanted = check_query(query)
    if wanted != monitor.query:
        monitor.query = wanted
        # A place in the old search means nothing in the new one.
        session.execute(delete(SyncCursor).where(col(SyncCursor.monitor_id) == monitor_id))
    session.flush()
    ensure_cursors(session)
    audit(session, actor, "monitor.edit", f"monitor:{monitor_id}", wanted)


def pause_monitor(session: Session, actor: Actor, monitor_id: int, paused: bool = True) -> None:
    """Stop searching, or go on."""
    require(actor, Right.MONITOR)
    _monitor(session, monitor_id).paused = paused
    session.flush()
    ensure_cursors(session)
    audit(session, actor, "monitor.pause" if paused else "monitor.resume", f"monitor:{monitor_id}")


def delete_monitor(session: Session, actor: Actor, monitor_id: int) -> None:
    """Delete a monitor with its hits. Conversations that came of them stay."""
    require(actor, Right.MONITOR)
    monitor = _monitor(session, monitor_id)
    audit(session, actor, "monitor.delete", f"monitor:{monitor_id}", monitor.name)
    session.execute(delete(SyncCursor).where(col(SyncCursor.monitor_id) == monitor_id))
    session.execute(delete(Mention).where(col(Mention.monitor_id) == monitor_id))
    session.execute(delete(Monitor).where(col(Monitor.id) == monitor_id))


def check_query(typed: str) -> str:
    """The query, tidied up. Raises `UserError` with a sentence when nothing could be found with it."""
    query = " ".join(unicodedata.normalize("NFC", typed).split())
    if not query:
        raise UserError('Say what to look for: a #hashtag, words, or a "quoted phrase".')
    if len(query) > QUERY_LENGTH:
        raise UserError(f"The search is {len(query) - QUERY_LENGTH} characters too long. Make two monitors of it.")
    if query.count('"') % 2:
        raise UserError("A quotation mark is missing: put one at each end of the phrase.")
    for word in regex.sub(r'"[^"]*"', " ", query).split():
        if word.startswith("#") and not _HASHTAG.fullmatch(word):
            raise UserError(f"“{word}” is no hashtag: it takes letters, digits and _, and at least one letter.")
    parsed = queries.parse(query)
    if not parsed.tags and not parsed.words:
        raise UserError("There is no word to look for in it. Add a #hashtag or a word.")
    if len(parsed.tags) + len(parsed.words) > MOST_TERMS:
        raise UserError(f"At most {MOST_TERMS} words and hashtags fit in one search: a hit must hold all of them.")
    return query


def monitors(session: Session) -> list[MonitorRow]:
    """All monitors by name, with what they found. Two statements."""
    places: dict[int, list[Any]] = {}
    for row in session.execute(
        select(SyncCursor, col(Channel.network), col(Channel.base_url))
        .join(Channel, col(Channel.id) == col(SyncCursor.channel_id))
        .where(col(SyncCursor.kind) == SyncKind.MONITOR, col(Channel.state) == ChannelState.ACTIVE)
    ):
        places.setdefault(row[0].monitor_id, []).append(row)
    hits = select(func.count()).where(col(Mention.monitor_id) == col(Monitor.id))
    new = hits.where(col(Mention.state) == MentionState.NEW, col(Mention.deleted_at).is_(None))
    rows = session.execute(
        select(
            Monitor,
            new.correlate(Monitor).scalar_subquery(),
            hits.correlate(Monitor).scalar_subquery(),
        ).order_by(func.lower(col(Monitor.name)))
    ).all()
    return [_monitor_row(monitor, fresh, total, places.get(monitor.id, [])) for monitor, fresh, total in rows]


def _monitor_row(monitor: Monitor, new: int, total: int, places: list[Any]) -> MonitorRow:
    cursors = [cursor for cursor, _, _ in places]
    return MonitorRow(
        id=monitor.id,
        name=monitor.name,
        query=monitor.query,
        paused=monitor.paused,
        new=new,
        total=total,
        searched_at=max((c.done_at for c in cursors if c.done_at), default=None),
        next_at=min((c.due_at for c in cursors if c.due_at), default=None),
        error=next((c.last_error for c in cursors if c.last_error), None),
        places=tuple(f"{connector_class(n).capabilities.label} ({url.split('//')[-1]})" for _, n, url in places),
    )


def mentions(
    session: Session, wanted: MentionFilter, after: MentionCursor | None = None, limit: int = 30
) -> MentionPage:
    """Hits newest first. One statement."""
    at, key = col(Mention.sent_at), col(Mention.id)
    newest = (
        select(Mention, col(Monitor.name), col(Channel.network), col(Channel.handle), Contact)
        .join(Monitor, col(Monitor.id) == col(Mention.monitor_id))
        .join(Channel, col(Channel.id) == col(Mention.channel_id))
        .outerjoin(Contact, col(Contact.id) == col(Mention.contact_id))
        .where(col(Mention.deleted_at).is_(None))
        .order_by(at.desc(), key.desc())
        .limit(limit + 1)
    )
    if wanted.monitor_id is not None:
        newest = newest.where(col(Mention.monitor_id) == wanted.monitor_id)
    if wanted.state is not None:
        # Written out, because a partial index is only used when its condition stands in the statement itself.
        new = wanted.state == MentionState.NEW and wanted.monitor_id is None
        newest = newest.where(literal_column("mention.state = 'new'") if new else col(Mention.state) == wanted.state)
    if wanted.network is not None:
        newest = newest.where(col(Channel.network) == wanted.network)
    if wanted.search.strip():
        newest = newest.where(col(Mention.text).icontains(wanted.search.strip(), autoescape=True))
    if after is not None:
        newest = newest.where(tuple_(at, key) < (after.at, after.id))
    rows = [_mention_row(row) for row in session.execute(newest)]
    if len(rows) <= limit:
        return MentionPage(tuple(rows), None)
    return MentionPage(tuple(rows[:limit]), MentionCursor(rows[limit - 1].sent_at, rows[limit - 1].id))


def _mention_row(row: Any) -> MentionRow:
    mention, monitor, network, channel_handle, contact = row
    same = ("id", "monitor_id", "channel_id", "text", "url", "state", "likes", "shares", "comments")
    return MentionRow(
        **{name: getattr(mention, name) for name in (*same, "sent_at", "deleted_at", "conversation_id")},
        monitor=monitor,
        network=network,
        channel_handle=channel_handle,
        author=(contact.name or contact.handle or "Unknown") if contact else "Unknown",
        handle=contact.handle if contact else "",
        author_url=contact.url if contact else None,
        followers=contact.followers if contact else None,
    )


def set_mention_state(session: Session, actor: Actor, mention_ids: Sequence[int], state: MentionState) -> None:
    """Mark mentions seen, dismissed or new again."""
    require(actor, Right.MONITOR)
    session.execute(update(Mention).where(col(Mention.id).in_(mention_ids)).values(state=state))


def mark_all_seen(session: Session, actor: Actor, monitor_id: int | None, newest: datetime) -> int:
    """Mark what was found up to `newest` as seen, of one monitor or of all. Gives how many."""
    require(actor, Right.MONITOR)
    seen = update(Mention).where(col(Mention.state) == MentionState.NEW, col(Mention.found_at) <= newest)
    if monitor_id is not None:
        seen = seen.where(col(Mention.monitor_id) == monitor_id)
    changed: Any = session.execute(seen.values(state=MentionState.SEEN))
    return int(changed.rowcount)


def answer_channels(session: Session, mention_id: int) -> list[tuple[int, str]]:
    """Channels a mention can be answered with (id, handle): active ones on its server, the finder first."""
    finder = _channel_of(session, mention_id)
    rows = session.execute(
        select(col(Channel.id), col(Channel.handle)).where(
            col(Channel.network) == finder.network,
            col(Channel.base_url) == finder.base_url,
            col(Channel.state) == ChannelState.ACTIVE,
        )
    ).all()
    return sorted(((i, handle) for i, handle in rows), key=lambda c: (c[0] != finder.id, c[1]))


def answer_mention(session: Session, actor: Actor, mention_id: int, text: str, channel_id: int | None = None) -> int:
    """Answer a hit, with the channel it was found with or another on that server. Gives the conversation's id."""
    require(actor, Right.ANSWER)
    mention = session.get(Mention, mention_id)
    if mention is None or mention.deleted_at is not None:
        raise NotFound("This was deleted at the network: there is nothing to answer any more.")
    allowed = {i for i, _ in answer_channels(session, mention_id)}
    chosen = mention.channel_id if channel_id is None else channel_id
    if allowed and chosen not in allowed:
        raise UserError("This can only be answered with an active channel on the server where it was found.")
    talk = _conversation_for(session, mention, chosen)
    message = _message_for(session, mention, talk)
    settle(session, [talk.id])
    send_reply(session, actor, talk.id, text, to_message=message.id)
    mention.conversation_id, mention.state = talk.id, MentionState.SEEN
    audit(session, actor, "mention.answer", f"mention:{mention.id}", f"conversation:{talk.id}")
    return talk.id


def _conversation_for(session: Session, mention: Mention, channel_id: int) -> Conversation:
    found = session.execute(
        select(Conversation).where(
            col(Conversation.channel_id) == channel_id, col(Conversation.remote_id) == mention.thread_id
        )
    ).scalar_one_or_none()
    if found is None:
        found = Conversation(
            channel_id=channel_id,
            remote_id=mention.thread_id,
            kind=Kind.MENTION,
            contact_id=mention.contact_id,
            last_message_at=mention.sent_at,
        )
        session.add(found)
        session.flush()
    return found


def _message_for(session: Session, mention: Mention, talk: Conversation) -> Message:
    found = session.execute(
        select(Message).where(col(Message.channel_id) == talk.channel_id, col(Message.remote_id) == mention.remote_id)
    ).scalar_one_or_none()
    if found is None:
        found = Message(
            conversation_id=talk.id,
            channel_id=talk.channel_id,
            contact_id=mention.contact_id,
            direction=Direction.IN,
            remote_id=mention.remote_id,
            text=mention.text,
            url=mention.url,
            language=mention.language,
            sent_at=mention.sent_at,
        )
        session.add(found)
        session.flush()
    return found


def _channel_of(session: Session, mention_id: int) -> Channel:
    found: Channel | None = session.execute(
        select(Channel).join(Mention, col(Mention.channel_id) == col(Channel.id)).where(col(Mention.id) == mention_id)
    ).scalar_one_or_none()
    if found is None:
        raise NotFound("This hit isn't there any more.")
    return found


def _monitor(session: Session, monitor_id: int) -> Monitor:
    found = session.get(Monitor, monitor_id)
    if found is None:
        raise NotFound("This monitor isn't there any more.")
    return found


def _good_name(session: Session, name: str, own_id: int | None) -> str:
    tidy = " ".join(name.split())
    if not tidy:
        raise UserError("Give the monitor a name.")
    if len(tidy) > NAME_LENGTH:
        raise UserError(f"The name is {len(tidy) - NAME_LENGTH} characters too long. Shorten it.")
    taken = select(col(Monitor.id)).where(func.lower(col(Monitor.name)) == tidy.lower())
    if session.execute(taken.where(col(Monitor.id) != (own_id or 0)).limit(1)).first():
        raise UserError(f"There is already a monitor called “{tidy}”. Choose another name.")
    return tidy
