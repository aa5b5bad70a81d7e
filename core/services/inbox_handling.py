"""What the team decides about conversations: who has them, how urgent, what for, labels, until when, how they stand.

Every change takes one conversation or up to `MOST` at once, in a constant number of statements, writes one line into
the audit trail and gives an `Undo`. Reading them is next door (`inbox_list.py`, `inbox_thread.py`); labels themselves
are `labels.py`, the words for times `snooze_times.py`, answers and notes `inbox.py`.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import func, literal, select, update
from sqlmodel import Session, col

from core.db import utc_now
from core.errors import NotFound, UserError
from core.models.channel import Channel, ChannelState
from core.models.inbox import Conversation, ConversationState, Goal, Priority
from core.models.inbox_work import ConversationLabel
from core.models.team import Member
from core.services import labels, snooze_times
from core.services.inbox_mentions import note_mentions
from core.services.inbox_undo import Undo, forget, measure, note, put_label, undo
from core.services.inbox_waking import wake_snoozed
from core.services.labels import LabelRow
from core.services.notices import NoticeKind, notify
from core.services.team import RIGHTS, Actor, Right, require

__all__ = [
    "MOST",
    "Handling",
    "Person",
    "Undo",
    "add_label",
    "assign",
    "handling_of",
    "note_mentions",
    "people",
    "person",
    "remove_label",
    "set_goal",
    "set_priority",
    "set_states",
    "snooze",
    "undo",
    "wake_snoozed",
]

MOST = 1_000  # conversations at once

STATE_WORDS = {
    ConversationState.OPEN: "open again",
    ConversationState.PENDING: "pending",
    ConversationState.SNOOZED: "snoozed",
    ConversationState.RESOLVED: "resolved",
}


@dataclass(frozen=True)
class Person:
    """A member who may answer, so conversations can be theirs."""

    id: int
    name: str


@dataclass(frozen=True)
class Handling:
    """How a conversation is handled. `assignee` is shown even when they can't sign in any more."""

    id: int
    state: ConversationState
    assignee_id: int | None
    assignee: str | None
    priority: Priority
    goal: Goal | None
    snoozed_until: datetime | None
    resolved_at: datetime | None
    labels: tuple[LabelRow, ...]


# --- reading ---------------------------------------------------------------------------------------------------------


def people(session: Session) -> tuple[Person, ...]:
    """Who conversations can be assigned to, by name."""
    may = [role for role, rights in RIGHTS.items() if Right.ANSWER in rights]
    rows = session.execute(
        select(col(Member.id), col(Member.name))
        .where(col(Member.disabled_at).is_(None), col(Member.role).in_(may))
        .order_by(func.lower(col(Member.name)), col(Member.id))
    )
    return tuple(Person(*row) for row in rows)


def person(session: Session, email: str) -> Person:
    """Who can have conversations, by their e-mail address. Raises `NotFound`."""
    row = session.execute(
        select(col(Member.id), col(Member.name)).where(
            col(Member.email) == email.strip().lower(), col(Member.disabled_at).is_(None)
        )
    ).one_or_none()
    if row is None:
        raise NotFound(f"There is no member with the address {email.strip()}.")
    return Person(*row)


def handling_of(session: Session, ids: Sequence[int]) -> dict[int, Handling]:
    """How these conversations are handled; those that aren't there are left out. Two statements."""
    c = Conversation
    wanted = sorted(set(ids))
    columns = (c.id, c.state, c.assignee_id, c.priority, c.goal, c.snoozed_until, c.resolved_at)
    rows: Any = session.execute(
        select(*columns, col(Member.name).label("assignee"))  # type: ignore[call-overload]
        .outerjoin(Member, col(Member.id) == col(c.assignee_id))
        .where(col(c.id).in_(wanted))
    )
    named = labels.labels_of(session, wanted)
    return {row.id: Handling(**row._mapping, labels=named.get(row.id, ())) for row in rows}


# --- changing --------------------------------------------------------------------------------------------------------


def assign(session: Session, actor: Actor, ids: Sequence[int], member_id: int | None) -> Undo:
    """Give conversations to a member, or to nobody. The member is told, unless they took them themselves."""
    require(actor, Right.ANSWER)
    name = None if member_id is None else _assignable(session, member_id)
    what = "assigned to nobody" if name is None else f"assigned to {name}"
    made = _set(session, actor, ids, "conversation.assign", {"assignee_id": member_id}, what)
    if member_id is not None and made.had:
        one = len(made.had) == 1
        text = f"{actor.name} assigned {'a conversation' if one else f'{len(made.had)} conversations'} to you."
        target = f"conversation:{made.ids[0]}" if one else ""
        notify(session, [member_id], NoticeKind.ASSIGNED, text, target, by=actor)
    return made


def set_priority(session: Session, actor: Actor, ids: Sequence[int], priority: Priority) -> Undo:
    """Say how soon somebody should look."""
    what = f"now of {priority.value} priority"
    return _set(session, actor, ids, "conversation.priority", {"priority": priority}, what)


def set_goal(session: Session, actor: Actor, ids: Sequence[int], goal: Goal | None) -> Undo:
    """Say what conversations are for the company; None takes it back."""
    what = "without a goal" if goal is None else f"marked as {goal.value}"
    return _set(session, actor, ids, "conversation.goal", {"goal": goal}, what)


def snooze(session: Session, actor: Actor, ids: Sequence[int], until: datetime) -> Undo:
    """Put conversations off: they come back at `until` (aware; within a year), or with the next message."""
    require(actor, Right.ANSWER)
    until = snooze_times.checked(until, utc_now())
    values = _stands(ConversationState.SNOOZED) | {"snoozed_until": until, "unread": 0}
    return _set(session, actor, ids, "conversation.snoozed", values, "snoozed", deciding=("state", "snoozed_until"))


def set_states(session: Session, actor: Actor, ids: Sequence[int], state: ConversationState) -> Undo:
    """Resolve, reopen or park conversations. Resolving also marks them read and ends their service time.

    A new message opens each of them again. `SNOOZED` needs a time: take `snooze`.
    """
    require(actor, Right.ANSWER)
    if state == ConversationState.SNOOZED:
        raise UserError("Say until when it is to be snoozed.")
    values = _stands(state)
    if state == ConversationState.RESOLVED:
        values |= {"resolved_at": utc_now(), "unread": 0}
    what = STATE_WORDS[state]
    return _set(session, actor, ids, f"conversation.{state.value}", values, what, deciding=("state",))


def add_label(session: Session, actor: Actor, ids: Sequence[int], label_id: int) -> Undo:
    """Put a label on conversations."""
    return _set_label(session, actor, ids, label_id, labelled=True)


def remove_label(session: Session, actor: Actor, ids: Sequence[int], label_id: int) -> Undo:
    """Take a label off conversations."""
    return _set_label(session, actor, ids, label_id, labelled=False)


# --- how -------------------------------------------------------------------------------------------------------------


def _stands(state: ConversationState) -> dict[str, Any]:
    """A state with the columns that belong to it."""
    return {"state": state, "snoozed_until": None, "resolved_at": None}


def _assignable(session: Session, member_id: int) -> str:
    member = session.get(Member, member_id)
    if member is None or member.disabled_at is not None:
        raise NotFound("This member isn't there any more. Choose somebody else.")
    if Right.ANSWER not in RIGHTS[member.role]:
        raise UserError(f"{member.name} may only read. Choose somebody who may answer.")
    return member.name


def _there(session: Session, ids: Sequence[int], columns: Sequence[Any]) -> Sequence[Any]:
    """(id, columns …) of those conversations that are there, held until the transaction ends."""
    wanted = sorted(set(ids))
    if not wanted:
        raise UserError("Choose a conversation first.")
    if len(wanted) > MOST:
        raise UserError(f"{len(wanted)} conversations are too many at once. Choose up to {MOST}.")
    session.flush()
    found = session.execute(
        select(col(Conversation.id), *columns)
        .join(Channel, col(Channel.id) == col(Conversation.channel_id))
        .where(col(Conversation.id).in_(wanted), col(Channel.state) != ChannelState.REMOVED)
        .order_by(col(Conversation.id))
        .with_for_update(of=Conversation)
    ).all()
    if not found:
        gone = "This conversation isn't" if len(wanted) == 1 else "These conversations aren't"
        raise NotFound(f"{gone} there any more. Choose from the list again.")
    return found


def _set(
    session: Session,
    actor: Actor,
    ids: Sequence[int],
    action: str,
    values: dict[str, Any],
    what: str,
    deciding: tuple[str, ...] = (),
) -> Undo:
    """Give columns their new values where those that decide (all of them) differ. Read, update, audit: 3 statements."""
    require(actor, Right.ANSWER)
    fields, left = tuple(values), tuple(values.values())
    differs = [i for i, name in enumerate(fields, start=1) if name in (deciding or fields)]
    found = _there(session, ids, [getattr(Conversation, name) for name in fields])
    had = tuple((row[0], tuple(row[1:])) for row in found if any(row[i] != left[i - 1] for i in differs))
    if had:
        session.execute(
            update(Conversation)
            .where(col(Conversation.id).in_([key for key, _ in had]))
            .values(**values)
            .execution_options(synchronize_session=False)
        )
        forget(session)
        detail = ", ".join(_detail(values[name]) for name in deciding or fields)
        note(session, actor, action, [key for key, _ in had], detail)
        if "state" in values:
            measure(session, actor, [(key, old[fields.index("state")], values["state"]) for key, old in had])
    return Undo(action, _done(len(had), what), fields, left, had)


def _set_label(session: Session, actor: Actor, ids: Sequence[int], label_id: int, labelled: bool) -> Undo:
    require(actor, Right.ANSWER)
    name = labels.label(session, label_id).name
    carries = (
        select(literal(1))
        .where(
            col(ConversationLabel.conversation_id) == col(Conversation.id), col(ConversationLabel.label_id) == label_id
        )
        .correlate(Conversation)
        .exists()
    )
    found = _there(session, ids, [carries])
    changed = [row[0] for row in found if bool(row[1]) != labelled]
    put_label(session, changed, label_id, labelled)
    action, word = ("conversation.label", "labelled") if labelled else ("conversation.unlabel", "without the label")
    if changed:
        note(session, actor, action, changed, f"label:{label_id}")
    had = tuple((key, ()) for key in changed)
    return Undo(action, _done(len(had), f"{word} {name}"), had=had, label_id=label_id, labelled=labelled)


def _detail(value: Any) -> str:
    if isinstance(value, datetime):
        return value.isoformat(timespec="minutes")
    return "none" if value is None else str(getattr(value, "value", value))


def _done(number: int, what: str) -> str:
    if number == 0:
        return "Nothing to change"
    return f"{what[0].upper()}{what[1:]}" if number == 1 else f"{number} conversations {what}"
