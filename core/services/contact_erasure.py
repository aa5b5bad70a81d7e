"""Erasing a person (GDPR Art. 17): of contacts that were merged, all.

What exactly goes, what stays and why is told in docs/contacts.md; keep the two in step. The audit trail says that it
was done, by whom and how much, not about whom. That it doesn't come in again is `erased.py`'s.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, delete, or_, select, text, update
from sqlmodel import Session, col

from core.errors import UserError
from core.models.inbox import Contact, Conversation, Direction, Message
from core.models.inbox_work import Rule
from core.models.monitoring import Mention
from core.models.planning import Delivery, DeliveryState
from core.models.team import Notice
from core.services.contact_gdpr import Person, whole_person
from core.services.erased import person_print, remember, thread_print
from core.services.intake_rows import chunks
from core.services.settling import settle
from core.services.team import Actor, Right, audit, require

ERASED = "[erased]"  # stands where their name was in what we wrote
SHORTEST = 3  # letters of a name that is looked for
UNSENT = (DeliveryState.DRAFT, DeliveryState.SCHEDULED, DeliveryState.FAILED, DeliveryState.CANCELLED)


@dataclass(frozen=True)
class Erasure:
    """What went. `rules` still name a handle of theirs in a condition: a person has to change those."""

    profiles: int
    messages: int
    conversations: int  # as a whole, because nobody else wrote in them
    mentions: int
    rules: tuple[str, ...] = ()


@dataclass(frozen=True)
class _Names:
    """How others may speak of them. `sure` means them wherever it stands, `likely` only in what was said to them."""

    sure: tuple[str, ...]
    likely: tuple[str, ...]


def delete_contact(session: Session, actor: Actor, contact_id: int) -> Erasure:
    """Erase a person: what they wrote, their names, and what the team noted about them. It can't be undone.

    Conversations in which nobody else wrote go as a whole, our answers too; in others our words stay, without their
    name. What they wrote until now doesn't come in again, however often a network lists it. Raises `UserError` while an
    answer to them is being sent, or waits for somebody to look whether it is out.
    """
    require(actor, Right.PRIVACY)
    person = whole_person(session, contact_id)
    _nothing_under_way(session, person)
    if session.get_bind().dialect.name == "sqlite":
        session.execute(text("PRAGMA secure_delete=ON"))  # overwrites what is deleted instead of only letting it go
    _remember(session, person)
    names = _names(person.rows)
    mentions = _delete(session, Mention, col(Mention.contact_id).in_(person.ids))
    messages = _delete_words(session, person, names)
    _forget_notices(session, person, names)
    rules = _rules_naming(session, person)
    for row in person.rows:
        session.delete(row)
    session.flush()
    made = Erasure(len(person.ids), messages, len(person.alone), mentions, rules)
    told = f"{made.profiles} profiles, {messages} messages, {made.conversations} conversations, {mentions} mentions"
    audit(session, actor, "contact.erase", f"contact:{person.ids[0]}", told)
    return made


def without_names(words: str, names: Sequence[str]) -> str:
    """A text in which each of these names, as whole words in whatever case, is replaced by `ERASED`."""
    if not names:
        return words
    either = "|".join(re.escape(name) for name in sorted(names, key=len, reverse=True))
    return re.sub(rf"(?<!\w)@?(?:{either})(?!\w)", ERASED, words, flags=re.IGNORECASE)


def _names(rows: Sequence[Contact]) -> _Names:
    """A handle, or a name of several words, is nobody else's. A single word may be any word: “Kaffee”."""
    handles = {row.handle.strip().lstrip("@") for row in rows}
    spoken = {" ".join(row.name.split()) for row in rows}
    full = {name for name in spoken if " " in name}
    parts = {part for name in spoken for part in name.split()}
    short = {handle.split("@")[0].split(".")[0] for handle in handles}  # “@anna” without its server
    return _Names(
        sure=tuple(word for word in handles | full if len(word) >= SHORTEST),
        likely=tuple(word for word in handles | full | parts | short if len(word) >= SHORTEST),
    )


def _nothing_under_way(session: Session, person: Person) -> None:
    """What is being sent would leave its text behind; what may be out has to be known first."""
    states: set[DeliveryState] = set()
    for some in chunks((*person.alone, *person.shared)):
        found = (
            select(col(Delivery.state))
            .join(Message, col(Message.id) == col(Delivery.message_id))
            .where(
                col(Message.conversation_id).in_(some),
                col(Delivery.state).in_([DeliveryState.SENDING, DeliveryState.CHECKING, DeliveryState.UNCONFIRMED]),
            )
        )
        states.update(session.execute(found.distinct()).scalars())
    if DeliveryState.UNCONFIRMED in states:
        raise UserError("It isn't known whether an answer to this person is out. Say so in the conversation first.")
    if states:
        raise UserError("An answer to this person is being sent right now. Erase them in a minute.")


def _remember(session: Session, person: Person) -> None:
    prints = [person_print(row.network, row.remote_id) for row in person.rows]
    for some in chunks(person.alone):
        threads: Any = session.execute(
            select(col(Conversation.channel_id), col(Conversation.remote_id)).where(col(Conversation.id).in_(some))
        )
        prints += [thread_print(*row) for row in threads]
    remember(session, prints)


def _delete_words(session: Session, person: Person, names: _Names) -> int:
    """What they wrote, conversations that were theirs alone, their name in others; gives how many messages."""
    written = select(col(Message.remote_id)).where(col(Message.contact_id).in_(person.ids))
    remote_ids = {key for key in session.execute(written).scalars() if key}
    number = _delete(session, Message, col(Message.contact_id).in_(person.ids))
    for alone in chunks(person.alone):
        _delete(session, Message, col(Message.conversation_id).in_(alone))
        _delete(session, Conversation, col(Conversation.id).in_(alone))
    for shared in chunks(person.shared):
        _clean(session, shared, names, remote_ids)
        for some in chunks(sorted(remote_ids)):  # ids hold handles at some networks
            answered = (col(Message.conversation_id).in_(shared), col(Message.reply_to).in_(some))
            _update(session, update(Message).where(*answered).values(reply_to=None))
        theirs = (col(Conversation.id).in_(shared), col(Conversation.contact_id).in_(person.ids))
        _update(session, update(Conversation).where(*theirs).values(contact_id=None))
    settle(session, person.shared)
    for left in chunks(person.shared):  # what was unread may have gone
        most = col(Conversation.message_count)
        fewer = update(Conversation).where(col(Conversation.id).in_(left), col(Conversation.unread) > most)
        _update(session, fewer.values(unread=most))
    return number


def _clean(session: Session, talks: Sequence[int], names: _Names, remote_ids: set[str]) -> None:
    """Our own words in conversations with others: their name goes, and what tells that it was an answer to them.

    What was not sent to them yet goes altogether. What waits to be sent to others stays as it was written.
    """
    ours = (
        select(Message, col(Delivery.state))
        .outerjoin(Delivery, col(Delivery.message_id) == col(Message.id))
        .where(col(Message.conversation_id).in_(talks), col(Message.direction).in_([Direction.OUT, Direction.NOTE]))
    )
    unsent, cleaned = [], []
    for row, state in session.execute(ours).all():
        to_them = row.reply_to in remote_ids
        words = without_names(row.text, names.likely if to_them else names.sure)
        if to_them and state in UNSENT:
            unsent.append(row.id)
        elif to_them or (words != row.text and state != DeliveryState.SCHEDULED):
            row.text = words
            cleaned.append(row.id)
    session.flush()
    for some in chunks(cleaned):  # the request that left held the words too
        _update(session, update(Delivery).where(col(Delivery.message_id).in_(some)).values(parts=None))
    for gone in chunks(unsent):
        _delete(session, Message, col(Message.id).in_(gone))


def _forget_notices(session: Session, person: Person, names: _Names) -> None:
    """What members were told of them."""
    for some in chunks([f"conversation:{key}" for key in person.alone]):
        _delete(session, Notice, col(Notice.target).in_(some))
    told: list[ColumnElement[bool]] = [col(Notice.text).contains(name, autoescape=True) for name in names.sure]
    told += [col(Notice.text).startswith(f"{row.name[:80]} on ", autoescape=True) for row in person.rows if row.name]
    if told:
        _delete(session, Notice, or_(*told))


def _rules_naming(session: Session, person: Person) -> tuple[str, ...]:
    handles = {row.handle.lstrip("@").casefold() for row in person.rows if row.handle}
    found = []
    for name, conditions in session.execute(select(col(Rule.name), col(Rule.conditions))):
        for one in (conditions or {}).get("of", ()):
            values = one.get("is") if isinstance(one, dict) and one.get("on") == "contact" else None
            if isinstance(values, list) and handles & {str(value).lstrip("@").casefold() for value in values}:
                found.append(name)
                break
    return tuple(sorted(found))


def _delete(session: Session, table: Any, which: Any) -> int:
    gone = delete(table).where(which).returning(table.id).execution_options(synchronize_session=False)
    return len(session.execute(gone).all())


def _update(session: Session, statement: Any) -> None:
    session.execute(statement.execution_options(synchronize_session=False))
