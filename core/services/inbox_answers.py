"""Answers on their way out: sent after a pause in which they can be taken back, tried again, confirmed, discarded.

A second sender is stopped once with what the first one has sent. What an answer may say is `answer_text.py`'s; the
worker sends (`publishing.py`), and turns the parts of a long answer into messages (`answer_parts.py`).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import or_, select, true
from sqlmodel import Session, col

from core import db
from core.connectors.base import DraftImage, Limits, ReplyTo
from core.connectors.registry import connector_class
from core.errors import NotFound, UserError
from core.models.channel import Channel, ChannelState
from core.models.inbox import Contact, Conversation, ConversationState, Direction, Message
from core.models.planning import Delivery, DeliveryState
from core.models.planning_work import EventKind
from core.models.team import Member
from core.services import journal, service_time
from core.services.answer_text import judge
from core.services.intake import settle
from core.services.media import draft_images
from core.services.plan_deliveries import ONLINE, accepted_parts, reset
from core.services.plan_drafts import BETWEEN, own_images, thread_texts
from core.services.team import Actor, Right, audit, require

SLACK = timedelta(minutes=5)  # a network's clock and ours
QUOTED = 240  # characters of what the first one sent
TOO_LATE = "This answer is already on its way and can't be taken back any more."


class AnsweredMeanwhile(UserError):
    """Somebody else has answered since the writer looked. Sent again with `seen=newest` and `seen_at=at` it passes."""

    def __init__(self, by: str, text: str, at: datetime, newest: int) -> None:
        self.by, self.text, self.at, self.newest = by, text, at, newest
        self.quoted = text if len(text) <= QUOTED else text[: QUOTED - 1].rstrip() + "…"
        super().__init__(
            f"{by} has answered meanwhile: “{self.quoted}” Yours was not sent. See whether it is still "
            "needed, then send it anyway or discard it."
        )


@dataclass(frozen=True)
class Given:
    """What was written in an answer that isn't out, to put it back into the box. `images`: (media id, alt text)."""

    text: str
    images: tuple[tuple[int, str], ...]
    to_message: int | None


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


# --- sending --------------------------------------------------------------------------------------------------------


def send_reply(
    session: Session,
    actor: Actor,
    conversation_id: int,
    text: str,
    to_message: int | None = None,
    *,
    images: Sequence[tuple[int, str]] = (),
    hold_seconds: float = 0.0,
    seen: int | None = None,
    seen_at: datetime | None = None,
) -> int:
    """Put an answer on its way: to `to_message`, or to the newest message that came in. Gives the message's id.

    `images` are (media id, alt text); lines of only `---` part a long answer. It waits `hold_seconds` before the worker
    may send it. `seen` is the newest message that the writer has seen, and `seen_at` when: raises `AnsweredMeanwhile`
    if another member has answered after it. Raises `UserError` when the channel can't send now or its network wouldn't
    take the answer.
    """
    require(actor, Right.ANSWER)
    talk, channel = talk_of(session, conversation_id, lock=True)
    reason = why_no_answer(channel.network, channel.state, channel.handle)
    if reason:
        raise UserError(reason)
    answered, contact = _answered(session, conversation_id, to_message)
    assert answered.remote_id is not None
    to = ReplyTo(answered.remote_id, talk.remote_id, talk.kind, contact.handle if contact else "")
    refused = judge(channel.network, Limits.from_json(channel.limits), text, _pictures(session, images), to).error
    if refused:
        raise UserError(refused)
    if seen is not None:
        _stop_second(session, actor, conversation_id, seen, seen_at)
    message = _store(session, talk, actor, text.strip(), images, answered.remote_id)
    due = db.utc_now() + timedelta(seconds=max(0.0, hold_seconds))
    delivery = Delivery(
        message_id=message.id, channel_id=channel.id, text=message.text, state=DeliveryState.SCHEDULED, due_at=due
    )
    session.add(delivery)
    session.flush()
    journal.note(session, delivery, EventKind.SCHEDULED, actor=actor)
    talk.unread = 0
    if talk.state == ConversationState.SNOOZED:
        talk.state, talk.snoozed_until = ConversationState.OPEN, None
    audit(session, actor, "message.reply", f"conversation:{talk.id}", f"channel:{channel.id}")
    session.flush()
    settle(session, [talk.id])
    return message.id


def _pictures(session: Session, images: Sequence[tuple[int, str]]) -> list[DraftImage]:
    found = draft_images(session, images)
    if len(found) < len(images):
        raise UserError("An image of this answer isn't there any more. Remove it, then add it again.")
    return found


def _store(
    session: Session, talk: Conversation, actor: Actor, text: str, images: Sequence[tuple[int, str]], reply_to: str
) -> Message:
    message = Message(
        conversation_id=talk.id,
        channel_id=talk.channel_id,
        member_id=actor.id,
        direction=Direction.OUT,
        reply_to=reply_to,
        text=text,
        media=[{"media_id": media_id, "alt": alt} for media_id, alt in images] or None,
        sent_at=db.utc_now(),
    )
    session.add(message)
    session.flush()
    return message


def _stop_second(session: Session, actor: Actor, conversation_id: int, seen: int, seen_at: datetime | None) -> None:
    """Raise `AnsweredMeanwhile` for the newest answer of somebody else that the writer has not seen."""
    looked = session.get(Message, seen)
    since = (looked.sent_at if looked is not None else db.utc_now() - timedelta(days=1)) - SLACK
    others = true() if actor.id is None else or_(col(Message.member_id).is_(None), col(Message.member_id) != actor.id)
    # A number may be given anew after an answer was taken back: then the time tells.
    unseen = or_(col(Message.id) > seen, col(Delivery.created_at) > seen_at) if seen_at else col(Message.id) > seen
    lost = (DeliveryState.FAILED, DeliveryState.CANCELLED)
    found = session.execute(
        select(Message, col(Member.name), col(Delivery.id))
        .outerjoin(Member, col(Member.id) == col(Message.member_id))
        .outerjoin(Delivery, col(Delivery.message_id) == col(Message.id))
        .where(
            col(Message.conversation_id) == conversation_id,
            col(Message.direction) == Direction.OUT,
            col(Message.deleted_at).is_(None),
            col(Message.sent_at) > since,  # what a sync brings late is no answer to this
            or_(col(Delivery.id).is_(None), col(Delivery.state).not_in(lost)),
            others,
            unseen,
        )
        .order_by(col(Message.id).desc())
        .limit(1)
    ).one_or_none()
    if found is not None:
        message, name, delivery = found
        by = name or ("The hub itself" if delivery is not None else "Somebody at the network")
        raise AnsweredMeanwhile(by, message.text, message.sent_at, max(message.id, seen))


# --- while it isn't out ---------------------------------------------------------------------------------------------


def take_back(session: Session, actor: Actor, message_id: int) -> str:
    """Stop an answer that still waits; gives its text. Raises `UserError` once the worker may have it.

    Whoever sends commits `sending` before the first byte leaves, and needs the row for it: what is deleted here while
    nobody has claimed it never goes out.
    """
    require(actor, Right.ANSWER)
    message, delivery, channel = _answer(session, message_id, TOO_LATE)
    if not is_held(delivery, channel.state, db.utc_now()):
        raise UserError(TOO_LATE)
    audit(session, actor, "message.take_back", f"conversation:{message.conversation_id}", f"channel:{channel.id}")
    return _remove(session, message, delivery)


def is_held(delivery: Delivery, state: ChannelState, now: datetime) -> bool:
    """Whether an answer can still be taken back: nobody works on it, nor may yet, and nothing of it is out."""
    if delivery.state is not DeliveryState.SCHEDULED or delivery.claim_token is not None or accepted_parts(delivery):
        return False
    return state is not ChannelState.ACTIVE or (delivery.due_at is not None and delivery.due_at > now)


def given(session: Session, message_id: int) -> Given:
    """What was written in an answer that isn't out, or of a long one what is left. Read it before it is removed."""
    message, delivery, _ = _answer(session, message_id, "This answer isn't there any more.")
    target = select(col(Message.id)).where(
        col(Message.conversation_id) == message.conversation_id, col(Message.remote_id) == message.reply_to
    )
    images = () if accepted_parts(delivery) else tuple(own_images(message.media))
    return Given(_left(message, delivery), images, session.execute(target).scalar_one_or_none())


def retry_reply(session: Session, actor: Actor, message_id: int) -> None:
    """Send an answer again that failed, or of which somebody has seen that it isn't out. What is out stays out."""
    require(actor, Right.ANSWER)
    message, delivery, channel = _stuck(session, message_id)
    reason = why_no_answer(channel.network, channel.state, channel.handle)
    if reason:
        raise UserError(reason)
    journal.note(session, delivery, EventKind.RETRIED, actor=actor)
    # A new request: what was fixed for the one before is not to be looked for any more.
    reset(delivery, DeliveryState.SCHEDULED)
    delivery.due_at = db.utc_now()
    audit(session, actor, "message.retry", f"conversation:{message.conversation_id}", f"delivery:{delivery.id}")
    settle(session, [message.conversation_id])


def confirm_reply(session: Session, actor: Actor, message_id: int) -> None:
    """Somebody has seen at the network that an unconfirmed answer is out."""
    require(actor, Right.ANSWER)
    message, delivery, _ = _stuck(session, message_id)
    delivery.state, delivery.due_at = DeliveryState.PUBLISHED, None
    delivery.published_at = delivery.sent_at or db.utc_now()
    delivery.last_error = delivery.error_kind = None
    journal.note(session, delivery, EventKind.CONFIRMED, ONLINE, actor=actor)
    service_time.note_answer(session, message)
    audit(session, actor, "message.confirm", f"conversation:{message.conversation_id}", f"delivery:{delivery.id}")


def discard_reply(session: Session, actor: Actor, message_id: int) -> str:
    """Throw an answer away that didn't go out; gives its text, so that it can be written anew.

    Of a long one, what is out stays out: the text is that of the rest.
    """
    require(actor, Right.ANSWER)
    message, delivery, _ = _stuck(session, message_id)
    audit(session, actor, "message.discard", f"conversation:{message.conversation_id}", f"delivery:{delivery.id}")
    return _remove(session, message, delivery)


def _remove(session: Session, message: Message, delivery: Delivery) -> str:
    text = _left(message, delivery)
    if accepted_parts(delivery):
        message.text = thread_texts(delivery.text or message.text)[0]
        delivery.state, delivery.due_at = DeliveryState.PUBLISHED, None
        delivery.published_at = delivery.published_at or delivery.sent_at or db.utc_now()
        delivery.last_error = delivery.error_kind = None
        journal.note(session, delivery, EventKind.GIVEN_UP, "The rest of the answer was discarded.")
    else:
        session.delete(delivery)
        session.flush()
        session.delete(message)
    session.flush()
    settle(session, [message.conversation_id])
    return text


def _left(message: Message, delivery: Delivery) -> str:
    """The text of what isn't out."""
    out = len(accepted_parts(delivery) or ())
    text = delivery.text or message.text
    return BETWEEN.join(thread_texts(text)[out:]) if out else text


# --- rows -----------------------------------------------------------------------------------------------------------


def talk_of(session: Session, conversation_id: int, lock: bool = False) -> tuple[Conversation, Channel]:
    """A conversation and its channel; `lock` keeps others from answering it until the transaction ends."""
    asked = (
        select(Conversation, Channel)
        .join(Channel, col(Channel.id) == col(Conversation.channel_id))
        .where(col(Conversation.id) == conversation_id)
    )
    found = session.execute(asked.with_for_update(of=Conversation) if lock else asked).one_or_none()
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


def _answer(session: Session, message_id: int, gone: str) -> tuple[Message, Delivery, Channel]:
    found = session.execute(
        select(Message, Delivery, Channel)
        .join(Delivery, col(Delivery.message_id) == col(Message.id))
        .join(Channel, col(Channel.id) == col(Message.channel_id))
        .where(col(Message.id) == message_id)
        .with_for_update(of=Delivery)
    ).one_or_none()
    if found is None:
        raise NotFound(gone)
    message, delivery, channel = found
    return message, delivery, channel


def _stuck(session: Session, message_id: int) -> tuple[Message, Delivery, Channel]:
    """An answer that isn't out and isn't being sent: the only kind that a person may decide about."""
    message, delivery, channel = _answer(session, message_id, "This answer isn't there any more.")
    if delivery.state not in (DeliveryState.FAILED, DeliveryState.UNCONFIRMED):
        raise UserError("This answer is already out or on its way.")
    return message, delivery, channel
