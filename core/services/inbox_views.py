"""Views of the inbox: the built-in ones, a member's own, and both as the query of an address.

A query (`view=open&label=4&goal=complaint`) names what is asked for by number or by name, so that it can be shared,
kept and typed. What a filter finds is `inbox_list.py`.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any
from urllib.parse import parse_qsl, urlencode

from sqlalchemy import ColumnElement, func, literal, literal_column, or_, select
from sqlmodel import Session, col

from core.connectors.base import Kind
from core.db import utc_now
from core.errors import NotFound, UserError
from core.models.channel import Channel, ChannelState, Group
from core.models.inbox import Contact, Conversation, ConversationState, Goal, Priority, Sentiment
from core.models.inbox_work import Label, SavedView
from core.models.team import Member
from core.services.inbox_streams import NOBODY, InboxFilter
from core.services.team import Actor, Right, require

MOST = 30  # views of one's own; more are no order any more
NAME_LENGTH = 40
CAP = 100  # counted no further


class View(StrEnum):
    """What the inbox can show at a click; the value is its name in an address."""

    MINE = "mine"
    UNASSIGNED = "unassigned"
    OPEN = "open"
    OVERDUE = "overdue"
    PENDING = "pending"
    SNOOZED = "snoozed"
    RESOLVED = "resolved"
    ALL = "all"


STATES = {
    View.PENDING: ConversationState.PENDING,
    View.SNOOZED: ConversationState.SNOOZED,
    View.RESOLVED: ConversationState.RESOLVED,
    View.ALL: None,
}


@dataclass(frozen=True)
class OwnView:
    """A view a member has kept."""

    id: int
    name: str
    query: str


def view_named(name: str | None) -> View:
    """The view an address names; all open ones where it names none that there is."""
    return View(name) if name in set(View) else View.OPEN


def within(view: View, actor: Actor, restrictions: InboxFilter) -> InboxFilter:
    """What a view shows under further restrictions. What the view itself says goes before them."""
    wanted = replace(restrictions, state=STATES.get(view, ConversationState.OPEN), overdue=view == View.OVERDUE)
    if view == View.MINE:
        return replace(wanted, assignee=actor.id or 0)
    return replace(wanted, assignee=NOBODY) if view == View.UNASSIGNED else wanted


def counts(session: Session, actor: Actor) -> dict[View, int]:
    """How many are mine, nobody's, and wait too long; `CAP` stands for that many or more. One statement."""
    opened: ColumnElement[bool] = literal_column("conversation.state = 'open'")
    late: tuple[ColumnElement[bool], ...] = (
        opened,
        literal_column("conversation.respond_by IS NOT NULL"),
        col(Conversation.respond_by) < utc_now(),
    )
    asked: dict[View, tuple[ColumnElement[bool], ...]] = {
        View.MINE: (opened, col(Conversation.assignee_id) == (actor.id or 0)),
        View.UNASSIGNED: (opened, col(Conversation.assignee_id).is_(None)),
        View.OVERDUE: late,
    }
    some = [
        select(literal(1)).select_from(Conversation).where(*where).limit(CAP).subquery() for where in asked.values()
    ]
    row = session.execute(select(*(select(func.count()).select_from(few).scalar_subquery() for few in some))).one()
    return dict(zip(asked, map(int, row), strict=True))


# --- as an address --------------------------------------------------------------------------------------------------


def query_of(view: View, wanted: InboxFilter) -> str:
    """What is asked for as a query, by numbers: it still means the same when a label or a member is renamed."""
    given: dict[str, Any] = {
        "view": view.value,
        "search": " ".join(wanted.search.split()),
        "channel": ",".join(map(str, wanted.channel_ids)),
        "group": wanted.group_id,
        "kind": wanted.kind,
        "label": wanted.label_id,
        "goal": wanted.goal,
        "sentiment": wanted.sentiment,
        "language": wanted.language,
        "contact": wanted.contact_id,
        "priority": wanted.priority,
        "assignee": None if view in (View.MINE, View.UNASSIGNED) else wanted.assignee,
        "unread": "true" if wanted.unread_only else None,
    }
    return urlencode({name: str(value) for name, value in given.items() if value not in (None, "")})


def asked(session: Session, actor: Actor, query: str) -> tuple[View, InboxFilter]:
    """What a query asks for. Names of channels, groups, labels and members do as well as numbers.

    Raises `UserError` for a word it doesn't know, `NotFound` for what isn't there any more.
    """
    given = {name: value.strip() for name, value in parse_qsl(query.lstrip("?")) if value.strip()}
    unknown = sorted(set(given) - set(_READERS) - {"view"})
    if unknown:
        raise UserError(f"“{unknown[0]}” can't be asked for. Take: view, {', '.join(_READERS)}.")
    if given.get("view", View.OPEN) not in set(View):
        raise UserError(f"There is no view “{given['view']}”. Take one of: {', '.join(View)}.")
    view = view_named(given.pop("view", None))
    if view == View.MINE and actor.id is None:
        raise UserError("“Mine” are a member's. Say whose: --member.")
    values: dict[str, Any] = {}
    for name, value in given.items():
        field, read = _READERS[name]
        values[field] = read(session, value)
    return view, within(view, actor, InboxFilter(**values))


_Reader = Callable[[Session | None, str], Any]


def _word(kind: type[StrEnum]) -> _Reader:
    def read(_: Session | None, value: str) -> Any:
        if value.lower() not in set(kind):
            raise UserError(f"There is no {kind.__name__.lower()} “{value}”. Take one of: {', '.join(kind)}.")
        return kind(value.lower())

    return read


def _row(what: str, key: Any, *names: Any, **visible: Any) -> _Reader:
    """Reads a number or one of the names of a row as its number; without a session a number is taken for granted."""

    def read(session: Session | None, value: str) -> int:
        if session is None:
            return int(value)
        same = key == int(value) if value.isdecimal() and len(value) < 18 else None
        for where in (same, *(or_(name == value, func.lower(name) == value.lower()) for name in names)):
            if where is None:
                continue
            found = session.execute(select(key).where(where, *visible.values()).limit(1)).scalar()
            if found is not None:
                return int(found)
        raise NotFound(f"There is no {what} “{value}” (any more).")

    return read


_channel = _row("channel", col(Channel.id), col(Channel.handle), seen=col(Channel.state) != ChannelState.REMOVED)
_member = _row("member", col(Member.id), col(Member.name), col(Member.email))


def _channels(session: Session | None, value: str) -> tuple[int, ...]:
    return tuple(_channel(session, part.strip()) for part in value.split(",") if part.strip())


def _assignee(session: Session | None, value: str) -> Any:
    return NOBODY if value.lower() == NOBODY else _member(session, value)


_READERS: Mapping[str, tuple[str, _Reader]] = {
    "search": ("search", lambda _, value: value),
    "channel": ("channel_ids", _channels),
    "group": ("group_id", _row("group", col(Group.id), col(Group.name))),
    "kind": ("kind", _word(Kind)),
    "label": ("label_id", _row("label", col(Label.id), col(Label.name))),
    "goal": ("goal", _word(Goal)),
    "sentiment": ("sentiment", _word(Sentiment)),
    "language": ("language", lambda _, value: value[:16].lower()),
    "contact": ("contact_id", _row("contact", col(Contact.id), col(Contact.handle))),
    "priority": ("priority", _word(Priority)),
    "assignee": ("assignee", _assignee),
    "unread": ("unread_only", lambda _, value: value.lower() in {"1", "true", "yes"}),
}


def meant(actor: Actor, query: str) -> tuple[View, InboxFilter]:
    """What a kept query asks for, by its numbers alone: nothing is looked up, so what they name may be gone."""
    given = dict(parse_qsl(query))
    view = view_named(given.pop("view", None))
    values = {_READERS[name][0]: _READERS[name][1](None, value) for name, value in given.items() if name in _READERS}
    return view, within(view, actor, InboxFilter(**values))


# --- one's own ------------------------------------------------------------------------------------------------------


def own_views(session: Session, actor: Actor) -> tuple[OwnView, ...]:
    """The views this member has kept, by name. One statement."""
    rows = session.execute(select(SavedView).where(col(SavedView.member_id) == (actor.id or 0))).scalars()
    kept = (OwnView(row.id, row.name, row.query) for row in rows)
    return tuple(sorted(kept, key=lambda row: (row.name.casefold(), row.id)))


def keep_view(session: Session, actor: Actor, name: str, query: str) -> int:
    """Keep a view under a name of one's own; what had this name is replaced. Gives its number."""
    require(actor, Right.LOOK)
    if actor.id is None:
        raise UserError("Views belong to a member. Say whose: --member.")
    tidy = _tidy(name)
    view, wanted = asked(session, actor, query)
    kept = own_views(session, actor)
    same = next((row for row in kept if row.name.casefold() == tidy.casefold()), None)
    if same is None and len(kept) >= MOST:
        raise UserError(f"You have {MOST} views already. Delete one you don't need first.")
    row = session.get(SavedView, same.id) if same else None
    if row is None:
        row = SavedView(member_id=actor.id, name=tidy, query="")
        session.add(row)
    row.name, row.query = tidy, query_of(view, wanted)
    if len(row.query) > 1000:
        raise UserError("This search is too long to be kept. Shorten it.")
    session.flush()
    return row.id


def rename_view(session: Session, actor: Actor, view_id: int, name: str) -> None:
    """Another name for a view of one's own."""
    row, tidy = _own(session, actor, view_id), _tidy(name)
    if any(other.id != row.id and other.name.casefold() == tidy.casefold() for other in own_views(session, actor)):
        raise UserError(f"You already have a view “{tidy}”. Take another name.")
    row.name = tidy
    session.flush()


def delete_view(session: Session, actor: Actor, view_id: int) -> None:
    """Forget a view of one's own."""
    session.delete(_own(session, actor, view_id))
    session.flush()


def own_named(views: Sequence[OwnView], name: str) -> OwnView:
    """The one with this name, in whatever case. Raises `NotFound`."""
    for row in views:
        if row.name.casefold() == _tidy(name).casefold():
            return row
    raise NotFound(f"There is no view “{name}” of yours.")


def _own(session: Session, actor: Actor, view_id: int) -> SavedView:
    row = session.get(SavedView, view_id)
    if row is None or row.member_id != actor.id:  # somebody else's isn't there for us
        raise NotFound("This view isn't there any more.")
    return row


def _tidy(name: str) -> str:
    tidy = " ".join(name.split())
    if not tidy:
        raise UserError("Give the view a name.")
    if len(tidy) > NAME_LENGTH:
        raise UserError(f"The name is {len(tidy) - NAME_LENGTH} characters too long. Shorten it.")
    return tidy
