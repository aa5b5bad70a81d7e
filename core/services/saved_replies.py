"""Answers kept for next time: found by their words, filled in with who it is for, counted when used.

A reply has a name and a language; the same name may be there once in each. Which one fits best into a conversation is
decided in `ranked`; where it is picked is `ui/saved_reply_picker.py`.
"""

import re
import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import func, select, update
from sqlmodel import Session, col

from core import db
from core.errors import NotFound, UserError
from core.models.inbox_work import SavedReply
from core.services.inbox_thread import ConversationView
from core.services.team import Actor, Right, audit, require

LANGUAGES = {"de": "Deutsch", "en": "English"}
VARIABLES = {
    "contact": "the name of whom you answer",
    "member": "your name",
    "channel": "the name of the channel",
}
NAME_LENGTH = 80  # characters
TEXT_LENGTH = 5000
GONE = "This saved reply isn't there any more."

_VARIABLE = re.compile(r"\{([^{}\s]{1,40})\}")


@dataclass(frozen=True)
class ReplyRow:
    """A saved reply. `used`: how often somebody has put it into an answer."""

    id: int
    name: str
    language: str
    text: str
    used: int
    updated_at: datetime


# --- reading --------------------------------------------------------------------------------------------------------


def replies(session: Session, search: str = "", language: str | None = None) -> list[ReplyRow]:
    """All saved replies by name, or those that hold every word of `search`, in whatever case. One statement."""
    asked = select(SavedReply).order_by(func.lower(col(SavedReply.name)), col(SavedReply.language), col(SavedReply.id))
    if language:
        asked = asked.where(col(SavedReply.language) == language)
    return found_in([_row(row) for row in session.execute(asked).scalars()], search)


def found_in(rows: Iterable[ReplyRow], search: str) -> list[ReplyRow]:
    """Those whose name or text holds every word of `search`, in whatever case and with or without accents."""
    words = _plain(search).split()
    return [row for row in rows if all(word in _plain(f"{row.name} {row.text}") for word in words)]


def ranked(rows: Iterable[ReplyRow], language: str | None) -> list[ReplyRow]:
    """Those in the contact's language first, then the most used."""
    wanted = (language or "")[:2].lower()
    return sorted(rows, key=lambda row: (row.language != wanted, -row.used, row.name.casefold(), row.id))


def reply_named(session: Session, name: str, language: str | None = None) -> ReplyRow:
    """The reply of this name; raises `NotFound`, or `UserError` where the language must be told too."""
    found = [row for row in replies(session, language=language) if row.name.casefold() == name.strip().casefold()]
    if not found:
        raise NotFound(f"There is no saved reply “{name}”.")
    if len(found) > 1:
        raise UserError(f"“{name}” is there in {' and '.join(row.language for row in found)}. Say which one.")
    return found[0]


# --- filling in -----------------------------------------------------------------------------------------------------


def fill(text: str, *, contact: str, member: str, channel: str) -> str:
    """The text with its variables filled in, in one go: what a name holds is never read as a variable again.

    Where a name isn't known, the blank before it goes too: “Hallo {contact},” becomes “Hallo,”.
    """
    known = {"contact": contact, "member": member, "channel": channel}

    def put(match: re.Match[str]) -> str:
        value = known.get(match.group(2).lower())
        if value is None:
            return match.group()
        value = " ".join(value.split())
        return match.group(1) + value if value else ""

    return re.sub(r"([ \t]?)\{(\w+)\}", put, text)


def fill_for(text: str, view: ConversationView, actor: Actor) -> str:
    """As `fill`, for an answer in this conversation."""
    contact = "" if view.contact_id is None else view.contact
    return fill(text, contact=contact, member=actor.name, channel=view.channel_name)


def use(session: Session, actor: Actor, reply_id: int, view: ConversationView) -> str:
    """The reply filled in for a conversation; counts that it was used."""
    require(actor, Right.ANSWER)
    row = _stored(session, reply_id)
    counted = update(SavedReply).where(col(SavedReply.id) == reply_id).values(used=col(SavedReply.used) + 1)
    session.execute(counted.execution_options(synchronize_session=False))
    return fill_for(row.text, view, actor)


# --- changing -------------------------------------------------------------------------------------------------------


def create_reply(session: Session, actor: Actor, *, name: str, language: str, text: str) -> int:
    """Keep a reply; gives its number. Raises `UserError` for what is missing, too long, unknown or there already."""
    require(actor, Right.ANSWER)
    name, text = _checked(session, None, name, language, text)
    row = SavedReply(name=name, language=language, text=text, member_id=actor.id)
    session.add(row)
    session.flush()
    audit(session, actor, "reply.add", f"reply:{row.id}")
    return row.id


def change_reply(session: Session, actor: Actor, reply_id: int, *, name: str, language: str, text: str) -> None:
    """Give a reply other words; how often it was used stays."""
    require(actor, Right.ANSWER)
    row = _stored(session, reply_id)
    row.name, row.text = _checked(session, reply_id, name, language, text)
    row.language, row.updated_at = language, db.utc_now()
    audit(session, actor, "reply.change", f"reply:{reply_id}")


def delete_reply(session: Session, actor: Actor, reply_id: int) -> None:
    """Delete a reply. Answers that were made with it stay as they are."""
    require(actor, Right.ANSWER)
    session.delete(_stored(session, reply_id))
    audit(session, actor, "reply.delete", f"reply:{reply_id}")


def unknown_variables(text: str) -> list[str]:
    """What stands in braces and isn't a variable, as it was typed."""
    return sorted({name for name in _VARIABLE.findall(text) if name.lower() not in VARIABLES})


def _checked(session: Session, reply_id: int | None, name: str, language: str, text: str) -> tuple[str, str]:
    name, text = " ".join(name.split()), text.strip()
    if not name:
        raise UserError("Give the reply a name, so that colleagues find it.")
    if len(name) > NAME_LENGTH:
        raise UserError(f"The name is {len(name) - NAME_LENGTH} characters too long. Shorten it.")
    if language not in LANGUAGES:
        raise UserError(f"“{language}” isn't a language of the replies. Take {' or '.join(LANGUAGES)}.")
    if not text:
        raise UserError("The reply is empty. Write what it should say.")
    if len(text) > TEXT_LENGTH:
        raise UserError(f"The text is {len(text) - TEXT_LENGTH} characters too long. Shorten it.")
    wrong = unknown_variables(text)
    if wrong:
        known = ", ".join(f"{{{word}}}" for word in VARIABLES)
        raise UserError(f"{{{wrong[0]}}} would stay in the answer as it is. The variables are {known}.")
    _refuse_twin(session, reply_id, name, language)
    return name, text


def _refuse_twin(session: Session, reply_id: int | None, name: str, language: str) -> None:
    there: Sequence[ReplyRow] = replies(session, language=language)
    if any(row.name.casefold() == name.casefold() and row.id != reply_id for row in there):
        raise UserError(f"There already is a reply “{name}” in {LANGUAGES[language]}. Change that one, or rename this.")


def _stored(session: Session, reply_id: int) -> SavedReply:
    row = session.get(SavedReply, reply_id)
    if row is None:
        raise NotFound(GONE)
    return row


def _row(row: SavedReply) -> ReplyRow:
    return ReplyRow(row.id, row.name, row.language, row.text, row.used, row.updated_at)


def _plain(text: str) -> str:
    """Without case and accents: “große” is found by “GROSSE” and “grosse”."""
    taken_apart = unicodedata.normalize("NFKD", text.casefold())
    return "".join(sign for sign in taken_apart if not unicodedata.combining(sign))
