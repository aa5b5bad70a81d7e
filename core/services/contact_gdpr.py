"""What is stored about a person, as a copy for them (GDPR Art. 15). Its erasure (Art. 17) is `contact_erasure.py`.

Both are about the person: of contacts that were merged, all.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import or_, select
from sqlmodel import Session, col

from core.db import utc_now
from core.models.channel import Channel
from core.models.inbox import Contact, Conversation, Direction, Message
from core.models.inbox_work import Deed
from core.models.monitoring import Mention, Monitor
from core.services import contacts
from core.services.contact_people import profiles
from core.services.intake_rows import chunks
from core.services.team import Actor, Right, audit, require

FORM = 1  # of the export


@dataclass(frozen=True)
class Person:
    """Whom it is about: their contacts, the conversations they wrote in, those that are theirs alone."""

    rows: tuple[Contact, ...]
    ids: tuple[int, ...]
    alone: tuple[int, ...]
    shared: tuple[int, ...]


def export_contact(session: Session, actor: Actor, contact_id: int) -> dict[str, Any]:
    """All that is stored about a person, as values JSON knows; times are ISO 8601, UTC.

    Of conversations that others take part in only what this person wrote, and what we answered to that. Read it
    before it is handed over: notes and answers may speak of somebody else. A constant number of statements.
    """
    require(actor, Right.ANSWER)
    person = whole_person(session, contact_id)
    view = contacts.contact(session, contact_id, limit=1)
    audit(session, actor, "contact.export", f"contact:{person.ids[0]}")
    return {
        "form": FORM,
        "made_at": _iso(utc_now()),
        "profiles": [_profile(row) for row in person.rows],
        "labels": [row.name for row in view.labels],
        "stage": {"is": view.stage.value, "by": "a member" if view.said else "derived", "from": _facts(view)},
        "conversations": _talks(session, person),
        "messages": _messages(session, person),
        "answers": _answers(session, person),
        "notes": _notes(session, person),
        "mentions": _mentions(session, person),
        "actions": _deeds(session, person),
    }


def whole_person(session: Session, contact_id: int) -> Person:
    """Find them. Raises `NotFound`."""
    rows = profiles(session, contact_id)
    ids = tuple(row.id for row in rows)
    wrote = select(col(Message.conversation_id)).where(col(Message.contact_id).in_(ids))
    theirs = select(col(Conversation.id)).where(col(Conversation.contact_id).in_(ids))
    talks = sorted(set(session.execute(wrote.union(theirs)).scalars()))
    shared: set[int] = set()
    for some in chunks(talks):
        others = select(col(Message.conversation_id)).where(
            col(Message.conversation_id).in_(some),
            col(Message.direction) == Direction.IN,
            or_(col(Message.contact_id).is_(None), col(Message.contact_id).not_in(ids)),
        )
        shared.update(session.execute(others.distinct()).scalars())
    return Person(rows, ids, tuple(key for key in talks if key not in shared), tuple(sorted(shared)))


# --- telling ----------------------------------------------------------------------------------------------------------


def _iso(moment: datetime | None) -> str | None:
    return moment.isoformat() if moment else None


def _profile(row: Contact) -> dict[str, Any]:
    return {
        "network": row.network,
        "remote_id": row.remote_id,
        "handle": row.handle,
        "name": row.name,
        "url": row.url,
        "followers": row.followers,
        "first_seen_at": _iso(row.first_seen_at),
        "note": row.note,
    }


def _facts(view: contacts.ContactView) -> dict[str, int]:
    facts = view.facts
    names = ("conversations", "messages", "days", "positive", "negative", "praise", "mentions")
    return {name: getattr(facts, name) for name in names}


def _talks(session: Session, person: Person) -> list[dict[str, Any]]:
    c = Conversation
    found: list[dict[str, Any]] = []
    for some in chunks((*person.alone, *person.shared)):
        rows = session.execute(
            select(c, col(Channel.network), col(Channel.handle))
            .join(Channel, col(Channel.id) == col(c.channel_id))
            .where(col(c.id).in_(some))
            .order_by(col(c.id))
        )
        found += [
            {
                "id": row.id,
                "network": network,
                "our_channel": handle,
                "kind": row.kind.value,
                "state": row.state.value,
                "goal": row.goal.value if row.goal else None,
                "with_others": row.id in person.shared,
                "first_stored_at": _iso(row.created_at),
                "last_message_at": _iso(row.last_message_at),
            }
            for row, network, handle in rows
        ]
    return found


def _messages(session: Session, person: Person) -> list[dict[str, Any]]:
    rows = session.execute(
        select(Message).where(col(Message.contact_id).in_(person.ids)).order_by(col(Message.sent_at), col(Message.id))
    ).scalars()
    return [
        _said(row)
        | {
            "mood": row.sentiment.value if row.sentiment else None,
            "mood_by": "a member" if row.corrected else "derived",
            "language": row.language,
            "attached": row.media or [],
            "edited_at": _iso(row.edited_at),
            "deleted_at_network_at": _iso(row.deleted_at),
        }
        for row in rows
    ]


def _said(row: Message) -> dict[str, Any]:
    return {
        "conversation": row.conversation_id,
        "at": _iso(row.sent_at),
        "text": row.text,
        "url": row.url,
        "remote_id": row.remote_id,
    }


def _answers(session: Session, person: Person) -> list[dict[str, Any]]:
    """What we wrote to them: in conversations of theirs alone everything, in others what answers their words."""
    theirs = select(col(Message.remote_id)).where(
        col(Message.contact_id).in_(person.ids), col(Message.remote_id).is_not(None)
    )
    found: list[Message] = []
    for some in chunks(person.alone):
        found += _ours(session, Direction.OUT, some)
    for some in chunks(person.shared):
        found += _ours(session, Direction.OUT, some, col(Message.reply_to).in_(theirs))
    return [_said(row) for row in sorted(found, key=lambda row: (row.sent_at, row.id))]


def _notes(session: Session, person: Person) -> list[dict[str, Any]]:
    """What the team noted in conversations of theirs alone."""
    found: list[Message] = []
    for some in chunks(person.alone):
        found += _ours(session, Direction.NOTE, some)
    rows = sorted(found, key=lambda row: (row.sent_at, row.id))
    return [{"conversation": row.conversation_id, "at": _iso(row.sent_at), "text": row.text} for row in rows]


def _ours(session: Session, direction: Direction, talks: Sequence[int], *more: Any) -> Sequence[Message]:
    there = select(Message).where(col(Message.conversation_id).in_(talks), col(Message.direction) == direction, *more)
    return session.execute(there).scalars().all()


def _mentions(session: Session, person: Person) -> list[dict[str, Any]]:
    m = Mention
    rows = session.execute(
        select(m, col(Monitor.name))
        .join(Monitor, col(Monitor.id) == col(m.monitor_id))
        .where(col(m.contact_id).in_(person.ids))
        .order_by(col(m.sent_at), col(m.id))
    )
    return [
        {
            "found_by": name,
            "at": _iso(row.sent_at),
            "found_at": _iso(row.found_at),
            "text": row.text,
            "url": row.url,
            "remote_id": row.remote_id,
            "likes": row.likes,
            "shares": row.shares,
            "comments": row.comments,
        }
        for row, name in rows
    ]


def _deeds(session: Session, person: Person) -> list[dict[str, Any]]:
    """What our channels did at the network about them or what they wrote, and still stands."""
    theirs = select(col(Message.id)).where(col(Message.contact_id).in_(person.ids))
    rows = session.execute(
        select(Deed, col(Channel.handle))
        .join(Channel, col(Channel.id) == col(Deed.channel_id))
        .where(or_(col(Deed.contact_id).in_(person.ids), col(Deed.message_id).in_(theirs)))
        .order_by(col(Deed.at), col(Deed.id))
    )
    return [{"did": row.act.value, "by_our_channel": handle, "at": _iso(row.at)} for row, handle in rows]
