"""Members named in an internal note: @anna, @anna.muster, or the name in front of their e-mail's @. They are told."""

import re
import unicodedata
from collections.abc import Iterable

from sqlalchemy import select
from sqlmodel import Session, col

from core.models.channel import Channel
from core.models.inbox import Conversation
from core.models.team import Member
from core.services.notices import NoticeKind, notify
from core.services.team import Actor

# Neither an e-mail address (anna@norden.example) nor a handle of a network (@anna@norden.example) names a member.
_NAMED = re.compile(r"(?<![\w.@/])@(\w[\w.\-]*+)(?!@)")


def mentioned(text: str, members: Iterable[tuple[int, str, str]]) -> set[int]:
    """Which of the members (id, name, e-mail) a text names. Where two share a first name, both are meant."""
    words = {_folded(word.rstrip(".-")) for word in _NAMED.findall(text)}
    return {key for key, name, email in members if words & _called(name, email)}


def note_mentions(session: Session, actor: Actor, conversation_id: int, text: str) -> int:
    """Tell the members that a note names; gives how many. What the note says is not repeated elsewhere."""
    if _NAMED.search(text) is None:
        return 0
    team = select(col(Member.id), col(Member.name), col(Member.email)).where(col(Member.disabled_at).is_(None))
    meant = mentioned(text, [(row[0], row[1], row[2]) for row in session.execute(team)])
    if not meant:
        return 0
    where = session.execute(
        select(col(Channel.handle))
        .join(Conversation, col(Conversation.channel_id) == col(Channel.id))
        .where(col(Conversation.id) == conversation_id)
    ).scalar_one_or_none()
    told = f"{actor.name} mentioned you in a note{f' on {where}' if where else ''}."
    return notify(session, meant, NoticeKind.MENTIONED, told, f"conversation:{conversation_id}", by=actor)


def _called(name: str, email: str) -> set[str]:
    parts = _folded(name).split()
    return {_folded(email.partition("@")[0]), *parts[:1], ".".join(parts)}


def _folded(word: str) -> str:
    """Without case and accents: people type @jurgen and mean Jürgen."""
    plain = unicodedata.normalize("NFKD", word.casefold())
    return "".join(c for c in plain if not unicodedata.combining(c))
