"""Views of the inbox with five filters, and opening a long conversation; in a hub that was seeded, in this process."""

import sqlite3
from datetime import timedelta
from typing import Any

TARGET = 50.0  # ms, of the project, for a view with five filters at a million messages
LONG = 500  # messages in one conversation


def five_filters() -> list[Any]:
    """Filters as people combine them, each with another index in the lead; some fit hardly anything."""
    from core.connectors.base import Kind
    from core.models.inbox import ConversationState, Goal, Priority, Sentiment
    from core.services.inbox import InboxFilter
    from core.services.inbox_streams import NOBODY

    complaint = {"goal": Goal.COMPLAINT, "language": "de", "sentiment": Sentiment.NEGATIVE}
    return [
        InboxFilter(**complaint, channel_ids=(3,), priority=Priority.HIGH),
        InboxFilter(**complaint, state=None, group_id=1, kind=Kind.DIRECT),
        InboxFilter(**complaint, assignee=NOBODY, label_id=1),
        InboxFilter(**complaint, assignee=1, group_id=2, kind=Kind.COMMENT),
        InboxFilter(**complaint, overdue=True, label_id=2, group_id=1),
        InboxFilter(**complaint, unread_only=True, group_id=1),
        InboxFilter(**complaint, state=None, contact_id=5, kind=Kind.COMMENT),
        InboxFilter(
            state=None, label_id=2, goal=Goal.OPINION, language="en", priority=Priority.URGENT, kind=Kind.DIRECT
        ),
        InboxFilter(state=None, label_id=6, goal=Goal.PRAISE, language="de", group_id=1, kind=Kind.COMMENT),
        InboxFilter(state=ConversationState.SNOOZED, label_id=1, goal=Goal.PRAISE, language="en", kind=Kind.DIRECT),
        InboxFilter(**complaint, search="kaffee", group_id=1, kind=Kind.COMMENT),
    ]


def show(wanted: Any) -> None:
    """The list's own queries, with views and what its filters offer."""
    from core import db
    from core.models.team import Role
    from core.services import inbox_handling, inbox_views, labels
    from core.services.inbox import conversations
    from core.services.team import Actor

    me = Actor(1, "Bench", "", Role.ADMIN)
    with db.read() as session:
        labels.labels(session, counted=False), inbox_handling.people(session)
        inbox_views.counts(session, me), inbox_views.own_views(session, me)
        conversations(session, wanted)


def long_conversation() -> int:
    """Make a conversation of `LONG` messages; gives its number."""
    from core import db
    from core.models.inbox import Conversation, Direction, Message
    from core.services.seed import Writer

    writer, now = Writer(seed=11), db.utc_now()
    with db.write() as session:
        talk = Conversation(channel_id=1, remote_id="bench", contact_id=1, message_count=LONG, last_message_at=now)
        session.add(talk)
        session.flush()
        session.add_all(
            Message(
                conversation_id=talk.id,
                channel_id=1,
                contact_id=1,
                direction=Direction.OUT if n % 3 == 2 else Direction.IN,
                remote_id=f"bench.{n}",
                text=writer.message(),
                sent_at=now - timedelta(minutes=LONG - n),
            )
            for n in range(LONG)
        )
        return talk.id


def open_(conversation_id: int) -> None:
    """What the page reads when it is opened: its newest messages, and what was decided about it."""
    from core import db
    from core.services import inbox_handling
    from core.services.inbox import conversation

    with db.read() as session:
        conversation(session, conversation_id)
        inbox_handling.handling_of(session, [conversation_id])


def read_plainly(plain: sqlite3.Connection, conversation_id: int) -> None:
    """The floor of `open_`: the same messages by their index alone."""
    newest = "SELECT * FROM message WHERE conversation_id = ? ORDER BY sent_at DESC, id DESC LIMIT 50"
    plain.execute(newest, (conversation_id,)).fetchall()
