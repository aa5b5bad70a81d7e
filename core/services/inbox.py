"""What the team does in the inbox: answer, retry, read, resolve, note.

Reading is next door and offered here too: the list and its search (`inbox_list.py`, `inbox_search.py`), one
conversation (`inbox_thread.py`). Sending is the worker's (`publishing.py`); storing what comes in is `intake.py`.
"""

from sqlalchemy import select, update
from sqlmodel import Session, col

from core.connectors.base import Draft, DraftPart, Limits, ReplyTo, Severity, validate
from core.connectors.registry import connector_class
from core.db import utc_now
from core.errors import NotFound, UserError
from core.models.channel import Channel, ChannelState
from core.models.inbox import Contact, Conversation, ConversationState, Direction, Message
from core.models.planning import Delivery, DeliveryState
from core.services.inbox_list import (
    ConversationRow,
    Cursor,
    InboxFilter,
    Page,
    Waiting,
    conversations,
    waiting,
)
from core.services.inbox_search import Snippet
from core.services.inbox_thread import (
    About,
    AnswerState,
    ConversationView,
    MediaLink,
    MessageView,
    ThreadCursor,
    conversation,
)
from core.services.intake import settle
from core.services.team import Actor, Right, audit, require

__all__ = [
    "About",
    "AnswerState",
    "ConversationRow",
    "ConversationView",
    "Cursor",
    "InboxFilter",
    "MediaLink",
    "MessageView",
    "Page",
    "Snippet",
    "ThreadCursor",
    "Waiting",
    "add_note",
    "answer_length",
    "confirm_reply",
    "conversation",
    "conversations",
    "discard_reply",
    "mark_read",
    "mark_unread",
    "retry_reply",
    "send_reply",
    "set_state",
    "settle",
    "waiting",
    "why_no_answer",
]

NOTE_LENGTH = 5000  # characters


def answer_length(network: str, limits: Limits, text: str) -> tuple[int, int]:
    """How long the network counts this answer, and how long it may be."""
    return connector_class(network).length(text, limits), limits.text_length


def why_no_answer(network: str, state: ChannelState, handle: str) -> str | None:
    """Why nothing can be answered through a channel now, as a sentence; None when it can."""
    capabilities = connector_class(network).capabilities
    if not capabilities.replies:
        return f"{capabilities.label} doesn't let the hub answer. Open the message at the network to answer there."
    return {
        ChannelState.ACTIVE: None,
        ChannelState.PAUSED: f"{handle} is paused. Resume it on the Channels page to answer.",
        ChannelState.NEEDS_REAUTH: f"{handle} must be reconnected before you can answer. Do that on the Channels page.",
        ChannelState.REMOVED: f"{handle} was removed. Connect it again to answer.",
    }[state]


def send_reply(session: Session, actor: Actor, conversation_id: int, text: str, to_message: int | None = None) -> int:
    """Put an answer on its way: to `to_message`, or to the newest message that came in. Gives the message's id.

    Raises `UserError` when the channel can't send now or its network wouldn't take the text.
    """
    require(actor, Right.ANSWER)
    talk, channel = _talk(session, conversation_id)
    reason = why_no_answer(channel.network, channel.state, channel.handle)
    if reason:
        raise UserError(reason)
    answered, contact = _answered(session, conversation_id, to_message)
    assert answered.remote_id is not None
    draft = Draft(
        parts=(DraftPart(text.strip()),),
        reply_to=ReplyTo(answered.remote_id, talk.remote_id, talk.kind, contact.handle if contact else ""),
    )
    for problem in validate(connector_class(channel.network), draft, Limits.from_json(channel.limits)):
        if problem.severity == Severity.ERROR:
            raise UserError(problem.message)
    message_id = _store(session, talk, actor, Direction.OUT, text.strip(), reply_to=answered.remote_id)
    session.add(
        Delivery(
            message_id=message_id,
            channel_id=channel.id,
            text=text.strip(),
            state=DeliveryState.SCHEDULED,
            due_at=utc_now(),
        )
    )
    talk.unread = 0
    if talk.state == ConversationState.SNOOZED:
        talk.state = ConversationState.OPEN
    audit(session, actor, "message.reply", f"conversation:{talk.id}", f"channel:{channel.id}")
    session.flush()
    settle(session, [talk.id])
    return message_id


def retry_reply(session: Session, actor: Actor, message_id: int) -> None:
    """Send an answer again that failed, or of which somebody has seen that it isn't out."""
    require(actor, Right.ANSWER)
    message, delivery = _answer(session, message_id)
    _, channel = _talk(session, message.conversation_id)
    reason = why_no_answer(channel.network, channel.state, channel.handle)
    if reason:
        raise UserError(reason)
    # A new request: what was fixed for the one before is not to be looked for any more.
    delivery.parts = delivery.sent_at = delivery.last_error = delivery.error_kind = None
    delivery.attempts = delivery.looks = 0
    delivery.state, delivery.due_at = DeliveryState.SCHEDULED, utc_now()
    audit(session, actor, "message.retry", f"conversation:{message.conversation_id}", f"delivery:{delivery.id}")
    settle(session, [message.conversation_id])


def confirm_reply(session: Session, actor: Actor, message_id: int) -> None:
    """Somebody has seen at the network that an unconfirmed answer is out."""
    require(actor, Right.ANSWER)
    message, delivery = _answer(session, message_id)
    delivery.state, delivery.due_at = DeliveryState.PUBLISHED, None
    delivery.published_at = delivery.sent_at or utc_now()
    delivery.last_error = delivery.error_kind = None
    audit(session, actor, "message.confirm", f"conversation:{message.conversation_id}", f"delivery:{delivery.id}")


def discard_reply(session: Session, actor: Actor, message_id: int) -> str:
    """Throw an answer away that didn't go out; gives its text, so that it can be written anew."""
    require(actor, Right.ANSWER)
    message, delivery = _answer(session, message_id)
    audit(session, actor, "message.discard", f"conversation:{message.conversation_id}", f"delivery:{delivery.id}")
    session.delete(delivery)
    session.flush()
    session.delete(message)
    session.flush()
    settle(session, [message.conversation_id])
    return message.text


def mark_read(session: Session, actor: Actor, conversation_id: int) -> None:
    """Nothing in it is new any more."""
    require(actor, Right.ANSWER)
    read = update(Conversation).where(col(Conversation.id) == conversation_id, col(Conversation.unread) > 0)
    session.execute(read.values(unread=0))


def mark_unread(session: Session, actor: Actor, conversation_id: int) -> None:
    """Somebody should look at it again."""
    require(actor, Right.ANSWER)
    unread = update(Conversation).where(col(Conversation.id) == conversation_id, col(Conversation.unread) == 0)
    session.execute(unread.values(unread=1))


def set_state(session: Session, actor: Actor, conversation_id: int, state: ConversationState) -> None:
    """Resolve, reopen or park a conversation. Resolving also marks it read."""
    require(actor, Right.ANSWER)
    talk, _ = _talk(session, conversation_id)
    if talk.state == state:
        return
    talk.state = state
    if state == ConversationState.RESOLVED:
        talk.unread = 0
    audit(session, actor, f"conversation.{state.value}", f"conversation:{talk.id}")


def add_note(session: Session, actor: Actor, conversation_id: int, text: str) -> int:
    """Write a note that only the team sees. Gives the message's id."""
    require(actor, Right.ANSWER)
    talk, _ = _talk(session, conversation_id)
    note = text.strip()
    if not note:
        raise UserError("The note is empty. Write something first.")
    if len(note) > NOTE_LENGTH:
        raise UserError(f"The note is {len(note) - NOTE_LENGTH} characters too long. Shorten it.")
    message_id = _store(session, talk, actor, Direction.NOTE, note)
    audit(session, actor, "conversation.note", f"conversation:{talk.id}")
    settle(session, [talk.id])
    return message_id


def _talk(session: Session, conversation_id: int) -> tuple[Conversation, Channel]:
    found = session.execute(
        select(Conversation, Channel)
        .join(Channel, col(Channel.id) == col(Conversation.channel_id))
        .where(col(Conversation.id) == conversation_id)
    ).one_or_none()
    if found is None:
        raise NotFound("This conversation isn't there any more. Choose another one from the list.")
    talk, channel = found
    return talk, channel


def _answered(session: Session, conversation_id: int, to_message: int | None) -> tuple[Message, Contact | None]:
    """The message an answer belongs under."""
    candidates = (
        select(Message, Contact)
        .outerjoin(Contact, col(Contact.id) == col(Message.contact_id))
        .where(
            col(Message.conversation_id) == conversation_id,
            col(Message.direction) == Direction.IN,
            col(Message.remote_id).is_not(None),
        )
    )
    if to_message is not None:
        candidates = candidates.where(col(Message.id) == to_message)
    found = session.execute(
        candidates.where(col(Message.deleted_at).is_(None))
        .order_by(col(Message.sent_at).desc(), col(Message.id).desc())
        .limit(1)
    ).one_or_none()
    if found is None:
        raise UserError("What you want to answer was deleted at the network. Choose another message.")
    message, contact = found
    return message, contact


def _answer(session: Session, message_id: int) -> tuple[Message, Delivery]:
    """An answer that isn't out and isn't being sent: the only kind a person may change."""
    found = session.execute(
        select(Message, Delivery)
        .join(Delivery, col(Delivery.message_id) == col(Message.id))
        .where(col(Message.id) == message_id)
        .with_for_update(of=Delivery)
    ).one_or_none()
    if found is None:
        raise NotFound("This answer isn't there any more.")
    message, delivery = found
    if delivery.state not in (DeliveryState.FAILED, DeliveryState.UNCONFIRMED):
        raise UserError("This answer is already out or on its way.")
    return message, delivery


def _store(
    session: Session, talk: Conversation, actor: Actor, direction: Direction, text: str, reply_to: str | None = None
) -> int:
    message = Message(
        conversation_id=talk.id,
        channel_id=talk.channel_id,
        member_id=actor.id,
        direction=direction,
        reply_to=reply_to,
        text=text,
        sent_at=utc_now(),
    )
    session.add(message)
    session.flush()
    return message.id
