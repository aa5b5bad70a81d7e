"""What is kept of moods besides the worker's first look (`triage.py`): a member's correction, and what an edit changes.

A conversation is in the language and mood of the newest message that came in. How a text is judged is `tone.py`'s.
"""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import bindparam, false, select, update
from sqlmodel import Session, col

from core.errors import NotFound, UserError
from core.models.channel import Channel, ChannelState
from core.models.inbox import Conversation, Direction, Message, Sentiment
from core.services.inbox_undo import forget
from core.services.team import Actor, Right, audit, require
from core.services.tone import judge


def correct_sentiment(session: Session, actor: Actor, message_id: int, sentiment: Sentiment) -> None:
    """A member says what the mood of a message is: from then on it stays, through edits and the worker's looks.

    Raises `NotFound`, and `UserError` for what isn't somebody else's message or is gone.
    """
    require(actor, Right.ANSWER)
    message = session.get(Message, message_id)
    channel = session.get(Channel, message.channel_id) if message is not None else None
    if message is None or channel is None or channel.state is ChannelState.REMOVED:
        raise NotFound("This message isn't there any more.")
    if message.direction is not Direction.IN:
        raise UserError("Only what others wrote has a mood to correct.")
    if message.deleted_at is not None:
        raise UserError("This message was deleted at the network: there is nothing left to judge.")
    if message.corrected and message.sentiment is sentiment:
        return
    before = message.sentiment.value if message.sentiment else "unknown"
    message.sentiment, message.corrected = sentiment, True
    session.add(message)
    session.flush()
    detail = f"message:{message.id} {before} → {sentiment.value}"
    audit(session, actor, "message.sentiment", f"conversation:{message.conversation_id}", detail)
    follow_newest(session, [message.conversation_id])


def judge_edited(session: Session, edited: Sequence[tuple[int, str, str | None]]) -> None:
    """Judge messages anew whose text has changed: (id, text, language the network says). At
    least one. Rules don't run again, and what a member said about the mood stays. One statement; conversations follow
    with `follow_newest`.
    """
    rows = []
    for key, text, language in edited:
        found = judge(text, language)
        rows.append({"key": key, "language_now": language or found.language, "mood_now": found.sentiment})
    table: Any = Message.__table__  # type: ignore[attr-defined]
    theirs = (table.c.direction == Direction.IN, table.c.corrected == false())
    session.execute(
        update(table)
        .where(table.c.id == bindparam("key"), *theirs)
        .values(
            language=bindparam("language_now", type_=table.c.language.type),
            sentiment=bindparam("mood_now", type_=table.c.sentiment.type),
        ),
        rows,
    )


def follow_newest(session: Session, conversation_ids: Sequence[int]) -> None:
    """Conversations take language and mood of the newest message in that is still there. One statement."""

    def newest(value: Any) -> Any:
        return (
            select(value)
            .where(
                col(Message.conversation_id) == col(Conversation.id),
                col(Message.direction) == Direction.IN,
                col(Message.deleted_at).is_(None),
            )
            .order_by(col(Message.sent_at).desc(), col(Message.id).desc())
            .limit(1)
            .correlate(Conversation)
            .scalar_subquery()
        )

    session.execute(
        update(Conversation)
        .where(col(Conversation.id).in_(conversation_ids))
        .values(language=newest(col(Message.language)), sentiment=newest(col(Message.sentiment)))
        .execution_options(synchronize_session=False)
    )
    forget(session)
