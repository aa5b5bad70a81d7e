"""How the inbox list is read: which index leads, in which order, and how far it is followed. Reads only.

A list is merged from streams. A stream is the part of one index that a few equal columns name (a channel and a state, a
member and a state, a contact, who waits past the target), in the order the list has. All other conditions are checked
on the way, on columns the index carries, so that hardly a row is touched for nothing. How much is looked at is bounded:
a rare combination gives a short page and the place to go on from, never a slow one.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from typing import Any, Literal

from sqlalchemy import ColumnElement, Integer, bindparam, func, literal, literal_column, or_, select, tuple_, union_all
from sqlmodel import Session, col

from core.connectors.base import Kind
from core.db import UtcDateTime, utc_now
from core.models.inbox import Contact, Conversation, ConversationState, Goal, Priority, Sentiment
from core.models.inbox_work import ConversationLabel

LOOK = 50_000  # conversations one page looks at where the index carries what is asked for
LOOK_AT_ROWS = 3_000  # the same where each row has to be fetched
FEW = 1_500  # conversations with a label, up to which the label leads
LAST = (1 << 31) - 1  # the largest number a key can have
NOBODY: Literal["nobody"] = "nobody"


@dataclass(frozen=True)
class InboxFilter:
    """Which conversations are meant; what isn't set doesn't restrict.

    `overdue`: open, and the channel's target for an answer is missed; those are listed longest due first, all others
    newest first. `contact_id` means everybody who is the same person.
    """

    state: ConversationState | None = ConversationState.OPEN
    channel_ids: tuple[int, ...] = ()
    group_id: int | None = None
    kind: Kind | None = None
    unread_only: bool = False
    search: str = ""
    assignee: int | Literal["nobody"] | None = None
    label_id: int | None = None
    goal: Goal | None = None
    sentiment: Sentiment | None = None
    language: str | None = None
    contact_id: int | None = None
    priority: Priority | None = None
    overdue: bool = False


@dataclass(frozen=True)
class Cursor:
    """Where a page ended. In a search `id` is a message's and `at` None; else a conversation's, with its place."""

    id: int
    at: datetime | None = None


@dataclass(frozen=True)
class Plan:
    """What leads, for one filter: computed once a call, the key of the prepared statements."""

    wanted: InboxFilter
    channel_ids: tuple[int, ...]
    contact_ids: tuple[int, ...] = ()
    by_label: bool = False  # so few carry the label that they are simply all looked at

    @property
    def index(self) -> str:
        """The index that leads. Named in the statement: the planner's guess would depend on old statistics."""
        if self.wanted.overdue:
            return "ix_conversation_respond_by"
        if self.contact_ids:
            return "ix_conversation_contact"
        if self.by_label:
            return ""
        if self.wanted.unread_only:
            return "ix_conversation_unread"
        if self.wanted.assignee is not None:
            return "ix_conversation_assignee"
        return "ix_conversation_channel" if self.wanted.state is None else "ix_conversation_channel_state"

    @property
    def bounded(self) -> bool:
        """Whether conditions are checked on the way, so that it could become a long one."""
        plain = InboxFilter(
            state=self.wanted.state,
            channel_ids=self.wanted.channel_ids,
            group_id=self.wanted.group_id,
            unread_only=self.wanted.unread_only,
            search=self.wanted.search,
        )
        if self.by_label:
            return False
        if self.wanted.unread_only and self.wanted.state is not None:
            return True
        return self.wanted != plain

    @property
    def look(self) -> int:
        """How many conversations one page looks at."""
        rows = self.contact_ids or (self.wanted.overdue and self.wanted.unread_only)
        return LOOK_AT_ROWS if rows else LOOK


def plan(session: Session, wanted: InboxFilter, channel_ids: Sequence[int]) -> Plan:
    """Decide what leads. One statement each for a contact and a label."""
    contact_ids = same_person(session, wanted.contact_id) if wanted.contact_id is not None else ()
    by_label = False
    if wanted.label_id is not None and not (wanted.overdue or contact_ids):
        some = select(literal(1)).where(col(ConversationLabel.label_id) == wanted.label_id).limit(FEW + 1).subquery()
        by_label = session.execute(select(func.count()).select_from(some)).scalar_one() <= FEW
    return Plan(wanted, tuple(channel_ids), contact_ids, by_label)


def same_person(session: Session, contact_id: int) -> tuple[int, ...]:
    """A contact and those merged with it; the contact alone where it isn't known."""
    known = select(func.coalesce(col(Contact.person_id), contact_id)).where(col(Contact.id) == contact_id)
    person = known.scalar_subquery()
    same = select(col(Contact.id)).where(or_(col(Contact.person_id) == person, col(Contact.id) == person))
    return tuple(sorted({contact_id, *session.execute(same).scalars()}))


def turn_back(session: Session, made: Plan, values: dict[str, Any], depth: int) -> datetime | None:
    """How far back one page looks: nothing beyond this time; None: to the end. One statement.

    Each stream may give its share of what is looked at; the first one that still goes on behind it decides.
    """
    if not made.bounded:
        return None
    share = max(made.look * depth // max(len(_leads(made)), 1), 1)
    statement = _turn_back(made, "after_id" in values)
    found: datetime | None = session.execute(statement, values | {"share": share}).scalar()
    return found


def values(after: Cursor | None) -> dict[str, Any]:
    """What the statements take: the present moment, and behind a page its place."""
    return {"now": utc_now()} | ({} if after is None else {"after_at": after.at, "after_id": after.id})


def further(made: Plan, turned: datetime) -> Cursor:
    """The place to go on from behind a page that was cut short."""
    return Cursor(LAST if made.wanted.overdue else 0, turned)


def ids(made: Plan, paged: bool, turned: bool, limit: int) -> Any:
    """The wanted conversations' ids in order. Takes `values`, with `turned` also `turn`."""
    at = _at(made)
    parts = []
    for lead in _leads(made):
        where = [*lead, *_rest(made)]
        if paged:
            where.append(_behind(made))
        if turned:
            turn = bindparam("turn", type_=UtcDateTime())
            where.append(at <= turn if made.wanted.overdue else at >= turn)
        parts.append(_stream(made, where).limit(limit).subquery())
    merged = union_all(*(select(part.c.id, part.c.at) for part in parts)).subquery()
    order = (merged.c.at, merged.c.id) if made.wanted.overdue else (merged.c.at.desc(), merged.c.id.desc())
    return select(merged.c.id).order_by(*order).limit(limit)


def where_found(
    wanted: InboxFilter, channel_ids: Sequence[int], contact_ids: Sequence[int], now: datetime
) -> list[Any]:
    """The conditions for hits of a search, worded so that no index of the list is taken: the hits lead."""
    found: list[Any] = [(col(Conversation.channel_id) + 0).in_(channel_ids)]
    if wanted.state is not None:
        found.append(func.coalesce(col(Conversation.state), "") == wanted.state)
    if wanted.unread_only:
        found.append(col(Conversation.unread) + 0 > 0)
    if contact_ids:
        found.append((col(Conversation.contact_id) + 0).in_(contact_ids))
    if wanted.overdue:
        found += [
            func.coalesce(col(Conversation.state), "") == ConversationState.OPEN,
            col(Conversation.respond_by) < now,
        ]
    return [*found, *_assigned(wanted), *_carried(wanted)]


# --- the parts of a statement -------------------------------------------------------------------------------------


def _at(made: Plan) -> Any:
    return col(Conversation.respond_by) if made.wanted.overdue else col(Conversation.last_message_at)


def _behind(made: Plan) -> Any:
    here = tuple_(bindparam("after_at", type_=UtcDateTime()), bindparam("after_id", type_=Integer()))
    row = tuple_(_at(made), col(Conversation.id))
    return row > here if made.wanted.overdue else row < here


def _stream(made: Plan, where: Sequence[Any]) -> Any:
    at, key = _at(made), col(Conversation.id)
    order = (at, key) if made.wanted.overdue else (at.desc(), key.desc())
    found: Any = select(key.label("id"), at.label("at")).where(*where).order_by(*order)
    by = f"INDEXED BY {made.index}" if made.index else "NOT INDEXED"
    return found.with_hint(Conversation, by, "sqlite")


@lru_cache(maxsize=256)
def _turn_back(made: Plan, paged: bool) -> Any:
    parts = []
    for lead in _leads(made):
        where = [*lead, _behind(made)] if paged else lead
        part = _stream(made, where).limit(1).offset(bindparam("share", type_=Integer())).subquery()
        parts.append(select(part.c.at))
    turns = union_all(*parts).subquery()
    return select(func.min(turns.c.at) if made.wanted.overdue else func.max(turns.c.at))


@lru_cache(maxsize=256)
def _leads(made: Plan) -> tuple[tuple[Any, ...], ...]:
    """Each stream's own conditions: the beginning of the index, and what makes a partial one usable."""
    wanted, state = made.wanted, col(Conversation.state)
    if wanted.overdue:
        return ((*_written("state = 'open'", "respond_by IS NOT NULL"), _overdue()),)
    if made.contact_ids:
        return tuple((col(Conversation.contact_id) == key,) for key in made.contact_ids)
    if made.by_label:
        carrying = select(col(ConversationLabel.conversation_id)).where(
            col(ConversationLabel.label_id) == wanted.label_id
        )
        return ((col(Conversation.id).in_(carrying),),)
    if wanted.unread_only:
        unread = _written("unread > 0")
        return tuple((col(Conversation.channel_id) == key, *unread) for key in made.channel_ids)
    if wanted.assignee is not None:
        states = list(ConversationState) if wanted.state is None else [wanted.state]
        return tuple((*_assigned(wanted), state == one) for one in states)
    stands = () if wanted.state is None else (state == wanted.state,)
    return tuple((col(Conversation.channel_id) == key, *stands) for key in made.channel_ids)


def _rest(made: Plan) -> list[Any]:
    """What is checked on the way."""
    wanted, index = made.wanted, made.index
    by_channel = index in ("ix_conversation_channel", "ix_conversation_channel_state", "ix_conversation_unread")
    found: list[Any] = [] if by_channel else [(col(Conversation.channel_id) + 0).in_(made.channel_ids)]
    if wanted.state is not None and index not in ("ix_conversation_channel_state", "ix_conversation_assignee"):
        found.append(func.coalesce(col(Conversation.state), "") == wanted.state)
    if wanted.unread_only and index != "ix_conversation_unread":
        found.append(col(Conversation.unread) + 0 > 0)
    if made.contact_ids and index != "ix_conversation_contact":
        found.append((col(Conversation.contact_id) + 0).in_(made.contact_ids))
    if index != "ix_conversation_assignee":
        found += _assigned(wanted)
    return [*found, *_carried(wanted, label=not made.by_label)]


def _assigned(wanted: InboxFilter) -> list[ColumnElement[bool]]:
    if wanted.assignee is None:
        return []
    owner = col(Conversation.assignee_id)
    return [owner.is_(None) if wanted.assignee == NOBODY else owner == wanted.assignee]


def _carried(wanted: InboxFilter, label: bool = True) -> list[Any]:
    """Conditions on columns that lead no index, and the label."""
    names = ("kind", "goal", "sentiment", "language", "priority")
    given = {name: getattr(wanted, name) for name in names if getattr(wanted, name) is not None}
    found: list[Any] = [getattr(Conversation, name) == value for name, value in given.items()]
    if label and wanted.label_id is not None:
        # EXISTS, not IN: one look-up for each conversation that has come so far, not the label's whole list.
        carries = select(literal(1)).where(
            col(ConversationLabel.conversation_id) == col(Conversation.id),
            col(ConversationLabel.label_id) == wanted.label_id,
        )
        found.append(carries.correlate(Conversation).exists())
    return found


def _overdue() -> Any:
    return col(Conversation.respond_by) < bindparam("now", type_=UtcDateTime())


def _written(*conditions: str) -> tuple[Any, ...]:
    """Written out: a partial index is only used when its condition stands in the statement itself."""
    return tuple(literal_column(f"conversation.{condition}") for condition in conditions)
