"""A long answer becomes several posts at the network: here each that is out becomes a message of its own.

Called by the worker in the commit that keeps the network's answer (`deliveries.py`).
"""

from typing import Any

from sqlalchemy import select
from sqlmodel import Session, col

from core.connectors.base import Sent
from core.models.inbox import Direction, Message
from core.models.planning import Delivery
from core.services.delivery_parts import Part
from core.services.plan_drafts import BETWEEN, thread_texts


def note_further(session: Session, row: Delivery, parts: list[Part], number: int, sent: Sent) -> None:
    """Part `number` (not the first) was accepted as `sent`. The answer's first message keeps what is left to send."""
    first = session.get_one(Message, row.message_id)
    row.text = row.text or first.text  # what is sent is read from here, whatever the message says
    texts = thread_texts(row.text)
    first.text = BETWEEN.join([texts[0], *texts[number + 1 :]])
    values: dict[str, Any] = {
        "member_id": first.member_id,
        "direction": Direction.OUT,
        "reply_to": parts[number - 1].remote_id,
        "text": parts[number].text,
        "url": sent.url,
        "sent_at": sent.at,
    }
    there = select(Message).where(
        col(Message.channel_id) == row.channel_id, col(Message.remote_id) == sent.remote_id, col(Message.id) != first.id
    )
    message = session.execute(there).scalar_one_or_none()  # a sync may have brought it already
    if message is None:
        message = Message(
            conversation_id=first.conversation_id, channel_id=row.channel_id, remote_id=sent.remote_id, **values
        )
        session.add(message)
    else:
        for name, value in values.items():
            setattr(message, name, value)
