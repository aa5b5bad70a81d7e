"""Conversations' derived columns, recomputed set-wise from their messages. Unread isn't one: intake counts it.

The deadline (`respond_by`) is only taken away here, when somebody else waits or nobody does; `service_time.py` sets it.
"""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import case, func, literal, or_, select, update
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.orm import aliased
from sqlalchemy.sql.functions import FunctionElement
from sqlmodel import Session, col

from core.db import UtcDateTime
from core.models.inbox import Conversation, Direction, Message
from core.models.inbox_work import ServiceKind, ServiceTime
from core.models.planning import Delivery, DeliveryState
from core.services.intake_rows import HISTORY, chunks

PREVIEW = 200  # characters
NEVER = literal(datetime(1, 1, 1, tzinfo=UTC), UtcDateTime())


class _BeforeIt(FunctionElement[datetime]):
    """So long before a moment that what was written then was history when it came in."""

    type = UtcDateTime()
    inherit_cache = True


@compiles(_BeforeIt, "sqlite")
def _before_sqlite(element: Any, compiler: Any, **given: Any) -> str:
    return f"strftime('%Y-%m-%d %H:%M:%f', {compiler.process(element.clauses, **given)}, '-{HISTORY.days} days')"


@compiles(_BeforeIt)
def _before_postgresql(element: Any, compiler: Any, **given: Any) -> str:
    return f"({compiler.process(element.clauses, **given)} - interval '{HISTORY.days} days')"


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
    here = (col(said.conversation_id) == col(Conversation.id), col(said.direction) != Direction.NOTE)
    newest = (col(said.sent_at).desc(), col(said.id).desc())

    def latest(value: Any, *where: Any) -> Any:
        return select(value).where(*here, *where).order_by(*newest).limit(1).correlate(Conversation).scalar_subquery()

    shown = col(said.deleted_at).is_(None)
    came_in = col(said.direction) == Direction.IN
    count = select(func.count()).select_from(said).where(*here)
    text = func.substr(func.replace(col(said.text), "\n", " "), 1, PREVIEW)
    waiting = _waiting()
    return update(Conversation).values(
        message_count=count.correlate(Conversation).scalar_subquery(),
        preview=func.coalesce(latest(text, shown), ""),
        preview_direction=func.coalesce(latest(col(said.direction), shown), Direction.IN.value),
        last_message_at=func.coalesce(latest(col(said.sent_at)), col(Conversation.last_message_at)),
        contact_id=func.coalesce(
            latest(col(said.contact_id), came_in, col(said.contact_id).is_not(None)), col(Conversation.contact_id)
        ),
        waiting_since=waiting,
        # What an UPDATE reads are the values before it.
        respond_by=case((waiting == col(Conversation.waiting_since), col(Conversation.respond_by)), else_=None),
    )


def _waiting() -> Any:
    """Since when somebody waits: their oldest message behind our last answer, and behind what was settled before.

    History that a channel brought along waits for nobody any more, even if its conversation goes on.
    """
    said = aliased(Message)
    return (
        select(func.min(col(said.sent_at)))
        .where(
            col(said.conversation_id) == col(Conversation.id),
            col(said.direction) == Direction.IN,
            col(said.deleted_at).is_(None),
            col(said.sent_at) > func.coalesce(_answered_at(), NEVER),
            col(said.sent_at) > func.coalesce(_settled_at(), NEVER),
            col(said.sent_at) > _BeforeIt(col(Conversation.created_at)),
        )
        .correlate(Conversation)
        .scalar_subquery()
    )


def _answered_at() -> Any:
    """When we answered last; an answer that failed is none."""
    ours = aliased(Message)
    return (
        select(col(ours.sent_at))
        .outerjoin(Delivery, col(Delivery.message_id) == col(ours.id))
        .where(
            col(ours.conversation_id) == col(Conversation.id),
            col(ours.direction) == Direction.OUT,
            col(ours.automatic).is_(False),  # a rule's answer is nobody's
            or_(
                col(Delivery.id).is_(None), col(Delivery.state).not_in([DeliveryState.FAILED, DeliveryState.CANCELLED])
            ),
        )
        .order_by(col(ours.sent_at).desc())
        .limit(1)
        .correlate(Conversation)
        .scalar_subquery()
    )


def _settled_at() -> Any:
    """When it was resolved, if they wrote since: what came before needed no answer, only the new does."""
    later = aliased(Message)
    wrote = (
        select(col(later.id))
        .where(
            col(later.conversation_id) == col(Conversation.id),
            col(later.direction) == Direction.IN,
            col(later.sent_at) > col(ServiceTime.ended_at),
        )
        .correlate(Conversation, ServiceTime)
        .exists()
    )
    return (
        select(func.max(col(ServiceTime.ended_at)))
        .where(
            col(ServiceTime.conversation_id) == col(Conversation.id),
            col(ServiceTime.kind) == ServiceKind.RESOLUTION,
            wrote,
        )
        .correlate(Conversation)
        .scalar_subquery()
    )


_SETTLE = _settle_statement()
