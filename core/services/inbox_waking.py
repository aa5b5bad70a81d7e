"""Waking what was put off until now: the worker's. Putting off is `inbox_handling.py`."""

from collections import Counter
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import case, select, text, update
from sqlmodel import Session, col

from core import db
from core.models.inbox import Conversation, ConversationState
from core.services.inbox_undo import forget
from core.services.notices import NoticeKind, notify

WAKE_AT_ONCE = 500


def anything_due() -> bool:
    """Whether `wake_snoozed` has anything to do: a glance at an index, without keeping writers waiting."""
    with db.read() as session:
        return session.execute(_due_snoozes(db.utc_now()).limit(1)).first() is not None


def wake_snoozed(session: Session) -> int:
    """Open again what was put off until now, as something to look at: unread, and its assignee is told.

    At most `WAKE_AT_ONCE`, the longest due first; gives how many.
    """
    asleep = col(Conversation.state) == ConversationState.SNOOZED
    due = _due_snoozes(db.utc_now()).order_by(col(Conversation.snoozed_until)).limit(WAKE_AT_ONCE)
    woken = session.execute(
        update(Conversation)
        .where(col(Conversation.id).in_(due), asleep)
        .values(
            state=ConversationState.OPEN,
            snoozed_until=None,
            unread=case((col(Conversation.unread) > 0, col(Conversation.unread)), else_=1),
        )
        .returning(col(Conversation.id), col(Conversation.assignee_id))
        .execution_options(synchronize_session=False)
    ).all()
    forget(session)
    _tell_woken(session, [(key, owner) for key, owner in woken if owner is not None])
    return len(woken)


def _due_snoozes(now: datetime) -> Any:
    # Written out: a partial index is only used when its condition stands in the statement itself.
    asleep = text("conversation.state = 'snoozed'")
    return select(col(Conversation.id)).where(asleep, col(Conversation.snoozed_until) <= now)


def _tell_woken(session: Session, woken: Sequence[tuple[int, int]]) -> None:
    """One notice a member, however many of theirs came back."""
    many = Counter(owner for _, owner in woken)
    for key, owner in {owner: (key, owner) for key, owner in woken}.values():
        one = many[owner] == 1
        words = "A conversation of yours is" if one else f"{many[owner]} conversations of yours are"
        notify(session, [owner], NoticeKind.SNOOZED, f"{words} back from snooze.", f"conversation:{key}" if one else "")
