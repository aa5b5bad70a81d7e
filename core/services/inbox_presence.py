"""Who is in a conversation right now, and whether they write: a heartbeat row a member. Older than `GONE` means gone.

Whoever has a conversation open beats every `BEAT` seconds. Stopping a second sender doesn't rest on this
(`inbox_answers.py` does that); it lets people see each other before it comes to that.
"""

from dataclasses import dataclass
from datetime import timedelta

from sqlalchemy import delete, func, select
from sqlmodel import Session, col

from core import db
from core.models.inbox import Message
from core.models.inbox_work import Doing, Presence
from core.models.team import Member
from core.services.team import Actor, Right, require

BEAT = 3.0  # seconds between two beats
GONE = timedelta(seconds=8)  # two beats may be late
KEPT = timedelta(minutes=1)


@dataclass(frozen=True)
class PresentMember:
    """A colleague who has the same conversation open."""

    id: int
    name: str
    doing: Doing


def beat(session: Session, actor: Actor, conversation_id: int, doing: Doing) -> None:
    """I am here. Clears away whoever left long ago. Does nothing for the command line, which is nobody."""
    require(actor, Right.LOOK)
    if actor.id is None:
        return
    now = db.utc_now()
    mine = db.upsert(session, Presence.__table__)  # type: ignore[attr-defined]
    values = {"conversation_id": conversation_id, "member_id": actor.id, "doing": doing, "at": now}
    session.execute(
        mine.values(values).on_conflict_do_update(
            index_elements=["conversation_id", "member_id"], set_={"doing": doing, "at": now}
        )
    )
    session.execute(delete(Presence).where(col(Presence.at) < now - KEPT))


def leave(session: Session, actor: Actor, conversation_id: int) -> None:
    """I am no longer here; nobody has to wait until I am taken for gone."""
    here = (col(Presence.conversation_id) == conversation_id, col(Presence.member_id) == actor.id)
    session.execute(delete(Presence).where(*here))


def others(session: Session, actor: Actor, conversation_id: int) -> tuple[PresentMember, ...]:
    """My colleagues in this conversation, those who write first. One statement."""
    here = (
        select(col(Member.id), col(Member.name), col(Presence.doing))
        .join(Presence, col(Presence.member_id) == col(Member.id))
        .where(col(Presence.conversation_id) == conversation_id, col(Presence.at) > db.utc_now() - GONE)
        .order_by(col(Member.name), col(Member.id))
    )
    if actor.id is not None:
        here = here.where(col(Member.id) != actor.id)
    found = [PresentMember(*row) for row in session.execute(here)]
    return tuple(sorted(found, key=lambda one: one.doing is not Doing.WRITING))


def newest_message(session: Session, conversation_id: int) -> int:
    """Number of the last message that came into the hub; 0 without any. One statement."""
    newest = select(func.max(col(Message.id))).where(col(Message.conversation_id) == conversation_id)
    return session.execute(newest).scalar_one() or 0


def presence_words(here: tuple[PresentMember, ...]) -> str:
    """“Ben is writing an answer”, “Anna and Ben are writing · Carla is here too”; empty when nobody else is here."""
    writing = [one.name for one in here if one.doing is Doing.WRITING]
    reading = [one.name for one in here if one.doing is not Doing.WRITING]
    said = []
    if writing:
        said.append(f"{_names(writing)} {'is' if len(writing) == 1 else 'are'} writing an answer")
    if reading:
        said.append(f"{_names(reading)} {'is' if len(reading) == 1 else 'are'} reading{' too' if writing else ' this'}")
    return " · ".join(said)


def _names(names: list[str]) -> str:
    if len(names) > 3:
        return f"{', '.join(names[:2])} and {len(names) - 2} others"
    return " and ".join([", ".join(names[:-1]), names[-1]] if len(names) > 1 else names)
