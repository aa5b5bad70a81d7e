"""The inbox list: conversations of a view, filtered, by keyset, or found by search; who waits. Reads only.

A constant number of statements whatever shows: the channels meant, what leads (only for a contact or a label), how far
is looked (only where much may be passed over), the rows, their labels; for a search the hits. Which index leads is
`inbox_streams.py`, what a view means and a member's own ones `inbox_views.py`.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from functools import lru_cache
from typing import Any

from sqlalchemy import func, literal, select, text
from sqlmodel import Session, col

from core.connectors.base import Kind
from core.db import utc_now
from core.models.channel import Channel, ChannelState, Group
from core.models.inbox import Contact, Conversation, ConversationState, Direction, Goal, Message, Priority, Sentiment
from core.models.inbox_work import ServiceHours
from core.models.planning import Delivery, DeliveryState
from core.models.team import Member
from core.services import inbox_search, inbox_streams
from core.services.inbox_search import Snippet
from core.services.inbox_streams import Cursor, InboxFilter, Plan
from core.services.labels import LabelRow, labels_of

__all__ = ["ConversationRow", "Cursor", "InboxFilter", "Page", "Waiting", "conversations", "waiting"]

CONTACTS_FIRST = 5  # conversations found by their contact, shown above those found by a message
TARGET_MINUTES = 240  # where nobody has set one


@dataclass(frozen=True)
class ConversationRow:
    """One line of the list. `trouble`: an answer of ours failed or may not be out. `found`: what a search met.

    `respond_by` is when the target of `target_minutes` (in business time) for an answer is missed.
    """

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
    respond_by: datetime | None
    target_minutes: int
    snoozed_until: datetime | None
    assignee_id: int | None
    assignee: str | None
    priority: Priority
    goal: Goal | None
    sentiment: Sentiment | None
    language: str | None
    labels: tuple[LabelRow, ...] = ()
    found: Snippet | None = None


@dataclass(frozen=True)
class Page:
    """One page of the list. `next` goes into the next call; None: this was the last.

    `short`: looking ended before the page was full. More may lie further back: go on from `next`, or look deeper.
    """

    rows: tuple[ConversationRow, ...]
    next: Cursor | None
    short: bool = False


@dataclass(frozen=True)
class Waiting:
    """Open conversations in which somebody waits for an answer."""

    count: int
    oldest: datetime | None


def conversations(
    session: Session, wanted: InboxFilter, after: Cursor | None = None, limit: int = 30, depth: int = 1
) -> Page:
    """Conversations newest first (those overdue: longest due first), or those found: contacts first, then messages.

    `depth` is how many times further back than usual is looked where filters let few through.
    """
    channel_ids = _channel_ids(session, wanted)
    if not channel_ids:
        return Page((), None)
    if wanted.search.strip():
        return _search(session, wanted, channel_ids, after, limit, depth)
    made = inbox_streams.plan(session, replace(wanted, search=""), channel_ids)
    values = inbox_streams.values(after)
    turn = inbox_streams.turn_back(session, made, values, depth)
    statement = _listed(made, after is not None, turn is not None, limit + 1)
    rows = _rows(session, statement, values | {"turn": turn})
    if len(rows) > limit:
        last = rows[limit - 1]
        return Page(tuple(rows[:limit]), Cursor(last.id, last.respond_by if wanted.overdue else last.last_message_at))
    return Page(tuple(rows), None if turn is None else inbox_streams.further(made, turn), short=turn is not None)


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


@lru_cache(maxsize=128)  # building the statement costs more than running it
def _listed(made: Plan, paged: bool, turned: bool, limit: int) -> Any:
    return _full_rows(inbox_streams.ids(made, paged, turned, limit), made.wanted.overdue)


def _full_rows(ids: Any, overdue: bool = False) -> Any:
    c, at, key = Conversation, col(Conversation.last_message_at), col(Conversation.id)
    troubled = (
        select(col(Message.conversation_id))
        .join(Delivery, col(Delivery.message_id) == col(Message.id))
        .where(col(Delivery.state).in_([DeliveryState.FAILED, DeliveryState.UNCONFIRMED]))
    )
    plain: list[Any] = [
        *(c.id, c.channel_id, c.kind, c.state, c.unread, c.message_count, c.preview, c.preview_direction),
        *(c.last_message_at, c.waiting_since, c.respond_by, c.snoozed_until, c.assignee_id, c.priority, c.goal),
        *(c.sentiment, c.language),
    ]
    return (
        select(
            *plain,
            col(Contact.name).label("name"),
            func.coalesce(col(Contact.handle), "").label("contact_handle"),
            col(Channel.network),
            col(Channel.handle).label("channel_handle"),
            func.coalesce(col(Channel.target_minutes), _hub_target(), literal(TARGET_MINUTES)).label("target_minutes"),
            func.coalesce(col(Group.name), "").label("group"),
            col(Member.name).label("assignee"),
            key.in_(troubled).label("trouble"),
        )
        .join(Channel, col(Channel.id) == col(c.channel_id))
        .outerjoin(Contact, col(Contact.id) == col(c.contact_id))
        .outerjoin(Group, col(Group.id) == col(Channel.group_id))
        .outerjoin(Member, col(Member.id) == col(c.assignee_id))
        .where(key.in_(ids))
        .order_by(*((col(c.respond_by), key) if overdue else (at.desc(), key.desc())))
    )


def _hub_target() -> Any:
    return select(col(ServiceHours.target_minutes)).order_by(col(ServiceHours.id)).limit(1).scalar_subquery()


def _rows(session: Session, statement: Any, values: dict[str, Any]) -> list[ConversationRow]:
    """Two statements: the rows, their labels."""
    found = [dict(row._mapping) for row in session.execute(statement, values)]
    named = labels_of(session, [row["id"] for row in found])
    return [_row(row, named.get(row["id"], ())) for row in found]


def _row(values: dict[str, Any], labels: tuple[LabelRow, ...]) -> ConversationRow:
    contact = values.pop("name") or values["contact_handle"] or "Unknown"
    return ConversationRow(**values | {"contact": contact, "trouble": bool(values["trouble"]), "labels": labels})


def _search(
    session: Session, wanted: InboxFilter, channel_ids: Sequence[int], after: Cursor | None, limit: int, depth: int
) -> Page:
    terms = inbox_search.terms(wanted.search)
    contacts = inbox_streams.same_person(session, wanted.contact_id) if wanted.contact_id is not None else ()
    where = inbox_streams.where_found(wanted, channel_ids, contacts, utc_now())
    people: list[int] = []
    if after is None:
        people = inbox_search.conversations_of_contacts(session, wanted.search, where, CONTACTS_FIRST)
    hits: list[inbox_search.Hit] = []
    following, short = None, False
    if terms.phrases:
        hits, following, short = inbox_search.hits(session, terms, where, after.id if after else None, limit, depth)
    found = {hit.conversation_id: inbox_search.snippet(hit.text, terms) for hit in hits}
    ids = list(dict.fromkeys([*people, *found]))
    by_id = {row.id: row for row in _rows(session, _full_rows(ids), {})}
    rows = [_with_hit(by_id[i], found.get(i)) for i in ids if i in by_id]
    return Page(tuple(rows), Cursor(following) if following is not None else None, short)


def _with_hit(row: ConversationRow, found: Snippet | None) -> ConversationRow:
    return replace(row, found=found)
