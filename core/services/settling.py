"""Conversations' derived columns, recomputed set-wise from their messages. Unread isn't one: intake counts it."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import func, or_, select, update
from sqlalchemy.orm import aliased
from sqlmodel import Session, col

from core.models.inbox import Conversation, Direction, Message
from core.models.planning import Delivery, DeliveryState
from core.services.intake_rows import chunks

PREVIEW = 200  # characters


def settle(session: Session, conversation_ids: Sequence[int]) -> None:
    """Recompute what follows from a conversation's messages: preview, count, last time, contact, who waits since when.

    One statement (a chunk). Notes are ours alone and change nothing; an answer that failed leaves the contact waiting.
    """
    session.flush()
    for some in chunks(sorted(set(conversation_ids))):
        session.execute(_SETTLE.where(col(Conversation.id).in_(some)).execution_options(synchronize_session=False))
    for row in list(session.identity_map.values()):
        if isinstance(row, Conversation):
            session.expire(row)


def _settle_statement() -> Any:
    said = aliased(Message)
    ours = aliased(Message)
    here = (col(said.conversation_id) == col(Conversation.id), col(said.direction) != Direction.NOTE)
    newest = (col(said.sent_at).desc(), col(said.id).desc())

    def latest(value: Any, *where: Any) -> Any:
        return select(value).where(*here, *where).order_by(*newest).limit(1).correlate(Conversation).scalar_subquery()

    shown = col(said.deleted_at).is_(None)
    came_in = col(said.direction) == Direction.IN
    answered = (
        select(col(ours.id))
        .outerjoin(Delivery, col(Delivery.message_id) == col(ours.id))
        .where(
            col(ours.conversation_id) == col(Conversation.id),
            col(ours.direction) == Direction.OUT,
            col(ours.sent_at) >= col(said.sent_at),
            or_(
                col(Delivery.id).is_(None), col(Delivery.state).not_in([DeliveryState.FAILED, DeliveryState.CANCELLED])
            ),
        )
        .correlate(Conversation, said)
        .exists()
    )
    waiting = select(func.min(col(said.sent_at))).where(*here, came_in, shown, ~answered)
    count = select(func.count()).select_from(said).where(*here)
    text = func.substr(func.replace(col(said.text), "\n", " "), 1, PREVIEW)
    return update(Conversation).values(
        message_count=count.correlate(Conversation).scalar_subquery(),
        preview=func.coalesce(latest(text, shown), ""),
        preview_direction=func.coalesce(latest(col(said.direction), shown), Direction.IN.value),
        last_message_at=func.coalesce(latest(col(said.sent_at)), col(Conversation.last_message_at)),
        contact_id=func.coalesce(
            latest(col(said.contact_id), came_in, col(said.contact_id).is_not(None)), col(Conversation.contact_id)
        ),
        waiting_since=waiting.correlate(Conversation).scalar_subquery(),
    )


_SETTLE = _settle_statement()
