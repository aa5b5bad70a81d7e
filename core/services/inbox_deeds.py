"""What our channels did at their networks and still stands: remembered here, read with each message. Doing it is
`inbox_actions.py`'s."""

from typing import Any

from sqlalchemy import String, and_, cast, delete, func, or_, select
from sqlmodel import Session, col

from core.connectors.base import ON_AUTHOR, UNDONE_BY, Act
from core.db import upsert, utc_now
from core.models.inbox import Message
from core.models.inbox_work import Deed

_UNDOES = {undo: act for act, undo in UNDONE_BY.items()}


def deeds_column() -> Any:
    """For a SELECT of messages: what was done about each, and about its author through the same channel."""
    about_author = and_(
        col(Deed.contact_id) == col(Message.contact_id), col(Deed.channel_id) == col(Message.channel_id)
    )
    return (
        select(func.aggregate_strings(cast(col(Deed.act), String), ","))
        .where(or_(col(Deed.message_id) == col(Message.id), about_author))
        .correlate(Message)
        .scalar_subquery()
    )


def read_deeds(stored: str | None) -> frozenset[Act]:
    """What `deeds_column` gave."""
    return frozenset(Act(value) for value in (stored or "").split(",") if value)


def remember(session: Session, message: Message, act: Act, member_id: int | None) -> None:
    """Keep what was just done, or forget what was just taken back. A block ends following, as at the networks."""
    if act in ON_AUTHOR and message.contact_id is None:
        return
    if act in _UNDOES:
        _forget(session, message, _UNDOES[act])
    elif act in UNDONE_BY:
        row = _about(message, act) | {"act": act, "member_id": member_id, "at": utc_now()}
        session.execute(upsert(session, Deed.__table__).on_conflict_do_nothing(), [row])  # type: ignore[attr-defined]
        if act is Act.BLOCK:
            _forget(session, message, Act.FOLLOW)


def _about(message: Message, act: Act) -> dict[str, int | None]:
    on_author = act in ON_AUTHOR
    return {
        "channel_id": message.channel_id,
        "message_id": None if on_author else message.id,
        "contact_id": message.contact_id if on_author else None,
    }


def _forget(session: Session, message: Message, act: Act) -> None:
    same = [col(getattr(Deed, name)) == value for name, value in _about(message, act).items() if value is not None]
    session.execute(delete(Deed).where(col(Deed.act) == act, *same).execution_options(synchronize_session=False))
