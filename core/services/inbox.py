"""What the team does in the inbox: answer, retry, read, resolve, note. This is the door to it; pages come in here.

Behind it are the list and its search (`inbox_list.py`, `inbox_search.py`), one conversation (`inbox_thread.py`),
answers (`inbox_answers.py`) and what they may say (`answer_text.py`). Sending is the worker's (`publishing.py`);
storing what comes in is `intake.py`.
"""

from sqlalchemy import update
from sqlmodel import Session, col

from core.db import utc_now
from core.errors import UserError
from core.models.inbox import Conversation, ConversationState, Direction, Message
from core.services import inbox_handling
from core.services.answer_text import MOST_PARTS, Judgement, answer_length, judge, split
from core.services.inbox_answers import (
    AnsweredMeanwhile,
    Given,
    confirm_reply,
    discard_reply,
    given,
    retry_reply,
    send_reply,
    take_back,
    talk_of,
    why_no_answer,
)
from core.services.inbox_handling import Undo
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
from core.services.plan_drafts import BETWEEN
from core.services.team import Actor, Right, audit, require

__all__ = [
    "BETWEEN",
    "MOST_PARTS",
    "About",
    "AnswerState",
    "AnsweredMeanwhile",
    "ConversationRow",
    "ConversationView",
    "Cursor",
    "Given",
    "InboxFilter",
    "Judgement",
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
    "given",
    "judge",
    "mark_read",
    "mark_unread",
    "retry_reply",
    "send_reply",
    "set_state",
    "settle",
    "split",
    "take_back",
    "waiting",
    "why_no_answer",
]

NOTE_LENGTH = 5000  # characters


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


def set_state(session: Session, actor: Actor, conversation_id: int, state: ConversationState) -> Undo:
    """Resolve, reopen or park one conversation: `inbox_handling.set_states`, which says more."""
    return inbox_handling.set_states(session, actor, [conversation_id], state)


def add_note(session: Session, actor: Actor, conversation_id: int, text: str) -> int:
    """Write a note that only the team sees; members it names (@anna) are told. Gives the message's id."""
    require(actor, Right.ANSWER)
    talk, _ = talk_of(session, conversation_id)
    note = text.strip()
    if not note:
        raise UserError("The note is empty. Write something first.")
    if len(note) > NOTE_LENGTH:
        raise UserError(f"The note is {len(note) - NOTE_LENGTH} characters too long. Shorten it.")
    message_id = _store(session, talk, actor, note)
    audit(session, actor, "conversation.note", f"conversation:{talk.id}")
    inbox_handling.note_mentions(session, actor, talk.id, note)
    settle(session, [talk.id])
    return message_id


def _store(session: Session, talk: Conversation, actor: Actor, text: str) -> int:
    note = Message(
        conversation_id=talk.id,
        channel_id=talk.channel_id,
        member_id=actor.id,
        direction=Direction.NOTE,
        text=text,
        sent_at=utc_now(),
    )
    session.add(note)
    session.flush()
    return note.id
