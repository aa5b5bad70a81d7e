"""The inbox list: conversations newest first, filtered, by keyset, or found by search. Reads only.

A constant number of statements whatever shows: the channels meant; the rows; for a search the hits.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from typing import Any

from sqlalchemy import ColumnElement, Integer, bindparam, func, literal_column, select, text, tuple_, union_all
from sqlmodel import Session, col

from core.connectors.base import Kind
from core.db import UtcDateTime
from core.models.channel import Channel, ChannelState, Group
from core.models.inbox import Contact, Conversation, ConversationState, Direction, Message
from core.models.planning import Delivery, DeliveryState
from core.services import inbox_search
from core.services.inbox_search import Snippet

CONTACTS_FIRST = 5  # conversations found by their contact, shown above those found by a message


@dataclass(frozen=True)
class InboxFilter:
    """Which conversations are meant; what isn't set doesn't restrict."""

    state: ConversationState | None = ConversationState.OPEN
    channel_ids: tuple[int, ...] = ()
    group_id: int | None = None
    kind: Kind | None = None
    unread_only: bool = False
    search: str = ""


@dataclass(frozen=True)
class Cursor:
    """Where a page ended. In a search `id` is a message's and `at` None; else a conversation's last message."""

    id: int
    at: datetime | None = None


@dataclass(frozen=True)
class ConversationRow:
    """One line of the list. `trouble`: an answer of ours failed or may not be out. `found`: what a search met."""

    id: int
    contact: str
    contact_handle: str
    channel_id: int
    network: str
    channel_handle: str
    group: str
    kind: Kind
    state: ConversationState
    unread: int
    message_count: int
    preview: str
    preview_direction: Direction
    last_message_at: datetime
    waiting_since: datetime | None
    trouble: bool
    found: Snippet | None = None


@dataclass(frozen=True)
class Page:
    """One page of the list. `next` goes into the next call; None: this was the last."""

    rows: tuple[ConversationRow, ...]
    next: Cursor | None


@dataclass(frozen=True)
class Waiting:
    """Open conversations in which somebody waits for an answer."""

    count: int
    oldest: datetime | None


def conversations(session: Session, wanted: InboxFilter, after: Cursor | None = None, limit: int = 30) -> Page:
    """Conversations newest first; with a search, those found: contacts first, then messages, newest first."""
    channel_ids = _channel_ids(session, wanted)
    if not channel_ids:
        return Page((), None)
    if wanted.search.strip():
        return _search(session, wanted, channel_ids, after, limit)
    place = {} if after is None else {"after_at": after.at, "after_id": after.id}
    statement = _newest(tuple(channel_ids), wanted, bool(place), limit + 1)
    rows = _rows(session, statement, place)
    if len(rows) <= limit:
        return Page(tuple(rows), None)
    last = rows[limit - 1]
    return Page(tuple(rows[:limit]), Cursor(last.id, last.last_message_at))


def waiting(session: Session) -> Waiting:
    """How many wait, and since when the one who waits longest."""
    count, oldest = session.execute(
        select(func.count(), func.min(col(Conversation.waiting_since)))
        .where(text("conversation.state = 'open' AND conversation.waiting_since IS NOT NULL"))
        .select_from(Conversation)
    ).one()
    return Waiting(count, oldest)


def _channel_ids(session: Session, wanted: InboxFilter) -> list[int]:
    visible = select(col(Channel.id)).where(col(Channel.state) != ChannelState.REMOVED)
    if wanted.channel_ids:
        visible = visible.where(col(Channel.id).in_(wanted.channel_ids))
    if wanted.group_id is not None:
        visible = visible.where(col(Channel.group_id) == wanted.group_id)
    return list(session.execute(visible).scalars())


def _where(wanted: InboxFilter) -> list[ColumnElement[bool]]:
    found: list[ColumnElement[bool]] = []
    if wanted.state is not None:
        found.append(col(Conversation.state) == wanted.state)
    if wanted.kind is not None:
        found.append(col(Conversation.kind) == wanted.kind)
    if wanted.unread_only:
        # Written out: a partial index is only used when its condition stands in the statement itself.
        found.append(literal_column("conversation.unread > 0"))
    return found


def _found_where(wanted: InboxFilter, channel_ids: Sequence[int]) -> list[ColumnElement[bool]]:
    """The same for hits of a search, worded so that no index of the list is taken: the hits lead, not the filter."""
    found: list[ColumnElement[bool]] = [(col(Conversation.channel_id) + 0).in_(channel_ids)]
    if wanted.state is not None:
        found.append(func.coalesce(col(Conversation.state), "") == wanted.state)
    if wanted.kind is not None:
        found.append(func.coalesce(col(Conversation.kind), "") == wanted.kind)
    if wanted.unread_only:
        found.append(col(Conversation.unread) + 0 > 0)
    return found


@lru_cache(maxsize=128)  # building the statement costs more than running it
def _newest(channel_ids: tuple[int, ...], wanted: InboxFilter, paged: bool, limit: int) -> Any:
    """The newest: each channel's own newest by its index, merged. Quick however rare the state is.

    With `paged` the statement takes `after_at` and `after_id`.
    """
    at, key = col(Conversation.last_message_at), col(Conversation.id)
    where = _where(wanted)
    if paged:
        moment = bindparam("after_at", type_=UtcDateTime())
        where.append(tuple_(at, key) < tuple_(moment, bindparam("after_id", type_=Integer())))
    parts = []
    for channel_id in channel_ids:
        newest: Any = select(key.label("id"), at.label("at")).where(col(Conversation.channel_id) == channel_id, *where)
        part = newest.order_by(at.desc(), key.desc()).limit(limit).subquery()
        parts.append(select(part.c.id, part.c.at))
    merged = union_all(*parts).subquery()
    ids = select(merged.c.id).order_by(merged.c.at.desc(), merged.c.id.desc()).limit(limit)
    return _full_rows().where(col(Conversation.id).in_(ids))


def _full_rows() -> Any:
    troubled = (
        select(col(Message.conversation_id))
        .join(Delivery, col(Delivery.message_id) == col(Message.id))
        .where(col(Delivery.state).in_([DeliveryState.FAILED, DeliveryState.UNCONFIRMED]))
    )
    return (
        select(
            *_columns(Conversation, "id", "channel_id", "kind", "state", "unread", "message_count", "preview"),
            *_columns(Conversation, "preview_direction", "last_message_at", "waiting_since"),
            col(Contact.name).label("name"),
            func.coalesce(col(Contact.handle), "").label("contact_handle"),
            col(Channel.network),
            col(Channel.handle).label("channel_handle"),
            func.coalesce(col(Group.name), "").label("group"),
            col(Conversation.id).in_(troubled).label("trouble"),
        )
        .join(Channel, col(Channel.id) == col(Conversation.channel_id))
        .outerjoin(Contact, col(Contact.id) == col(Conversation.contact_id))
        .outerjoin(Group, col(Group.id) == col(Channel.group_id))
        .order_by(col(Conversation.last_message_at).desc(), col(Conversation.id).desc())
    )


def _rows(session: Session, statement: Any, values: dict[str, Any]) -> list[ConversationRow]:
    return [_row(dict(row._mapping)) for row in session.execute(statement, values)]


def _columns(model: type[Conversation], *names: str) -> list[Any]:
    return [getattr(model, name) for name in names]


def _row(values: dict[str, Any]) -> ConversationRow:
    name = values.pop("name")
    contact = name or values["contact_handle"] or "Unknown"
    return ConversationRow(**values | {"contact": contact, "trouble": bool(values["trouble"])})


def _search(
    session: Session, wanted: InboxFilter, channel_ids: Sequence[int], after: Cursor | None, limit: int
) -> Page:
    terms = inbox_search.terms(wanted.search)
    where = _found_where(wanted, channel_ids)
    people: list[int] = []
    if after is None:
        people = inbox_search.conversations_of_contacts(session, wanted.search, where, CONTACTS_FIRST)
    hits: list[inbox_search.Hit] = []
    following = None
    if terms.phrases:
        hits, following = inbox_search.hits(session, terms, where, after.id if after else None, limit)
    found = {hit.conversation_id: inbox_search.snippet(hit.text, terms) for hit in hits}
    ids = list(dict.fromkeys([*people, *found]))
    by_id = {row.id: row for row in _rows(session, _full_rows().where(col(Conversation.id).in_(ids)), {})}
    rows = [_with_hit(by_id[i], found.get(i)) for i in ids if i in by_id]
    return Page(tuple(rows), Cursor(following) if following is not None else None)


def _with_hit(row: ConversationRow, found: Snippet | None) -> ConversationRow:
    return ConversationRow(**row.__dict__ | {"found": found})
