"""What one member should know: assigned to me, mentioned, a target about to break, a channel to reconnect.

A notice is a row of one member's, and shows on their Home until they have read it.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from sqlalchemy import delete, func, select, update
from sqlmodel import Session, col

from core.db import utc_now
from core.models.team import Member, Notice
from core.services.team import Actor

CAP = 100  # counting stops here
KEPT = timedelta(days=30)  # after it was read


class NoticeKind(StrEnum):
    """Why somebody is told."""

    ASSIGNED = "assigned"
    MENTIONED = "mentioned"
    TARGET = "target"  # the promised time for an answer is nearly over
    SNOOZED = "snoozed"  # what was put off is back
    CHANNEL = "channel"  # a channel needs reconnecting
    RULE = "rule"  # a rule said so
    REVIEW = "review"  # a post waits for an approval that this member may give
    REVIEWED = "reviewed"  # a post of this member's was approved or returned
    COMMENT = "comment"  # somebody wrote something beside a post of this member's
    STOP = "stop"  # publishing was stopped, or goes on
    RISK = "risk"  # a scheduled post won't go out as things stand
    GONE = "gone"  # what was published isn't on its network any more


def notify(
    session: Session,
    members: Iterable[int],
    kind: NoticeKind,
    text: str,
    target: str = "",
    by: Actor | None = None,
) -> int:
    """Tell members something, in the caller's transaction; gives how many notices were written.

    `text` is one sentence, `target` like “conversation:7”. Nobody is told what they did themselves, disabled members
    nothing, and nobody twice while the same notice (kind and target) is unread.
    """
    wanted = set(members) - ({by.id} if by and by.id else set())
    if not wanted:
        return 0
    there = session.execute(select(col(Member.id)).where(col(Member.id).in_(wanted), col(Member.disabled_at).is_(None)))
    unread = select(col(Notice.member_id)).where(
        col(Notice.member_id).in_(wanted),
        col(Notice.kind) == kind.value,
        col(Notice.target) == target,
        col(Notice.read_at).is_(None),
    )
    told = set(session.execute(unread).scalars()) if target else set()
    new = [member_id for member_id in there.scalars() if member_id not in told]
    session.add_all(Notice(member_id=member_id, kind=kind.value, text=text[:300], target=target) for member_id in new)
    session.flush()
    return len(new)


@dataclass(frozen=True)
class NoticeRow:
    """One unread notice. `conversation_id` is set when it is about a conversation."""

    id: int
    kind: NoticeKind
    text: str
    target: str
    created_at: datetime

    @property
    def conversation_id(self) -> int | None:
        """The conversation it is about."""
        return self._number("conversation")

    @property
    def post_id(self) -> int | None:
        """The post it is about."""
        return self._number("post")

    def _number(self, wanted: str) -> int | None:
        room, _, number = self.target.partition(":")
        return int(number) if room == wanted and number.isdecimal() else None


def unread(session: Session, actor: Actor, limit: int = 8) -> tuple[NoticeRow, ...]:
    """What this member hasn't read yet, newest first. One indexed read."""
    rows = session.execute(
        select(Notice)
        .where(col(Notice.member_id) == actor.id, col(Notice.read_at).is_(None))
        .order_by(col(Notice.id).desc())
        .limit(limit)
    ).scalars()
    return tuple(NoticeRow(row.id, NoticeKind(row.kind), row.text, row.target, row.created_at) for row in rows)


def unread_count(session: Session, actor: Actor) -> int:
    """How many notices this member hasn't read, capped at CAP."""
    few = select(col(Notice.id)).where(col(Notice.member_id) == actor.id, col(Notice.read_at).is_(None)).limit(CAP)
    return int(session.execute(select(func.count()).select_from(few.subquery())).scalar_one())


def is_told(session: Session, actor: Actor, target: str) -> bool:
    """Whether something about `target` is unread. One indexed read."""
    mine = select(col(Notice.id)).where(col(Notice.member_id) == actor.id, col(Notice.read_at).is_(None))
    return session.execute(mine.where(col(Notice.target) == target).limit(1)).first() is not None


def mark_read(session: Session, actor: Actor, target: str | None = None, notice_id: int | None = None) -> int:
    """Read now: everything, one notice, or what is about `target`. Only one's own; gives how many."""
    mine = update(Notice).where(col(Notice.member_id) == actor.id, col(Notice.read_at).is_(None))
    if target is not None:
        mine = mine.where(col(Notice.target) == target)
    if notice_id is not None:
        mine = mine.where(col(Notice.id) == notice_id)
    return len(session.execute(mine.values(read_at=utc_now()).returning(col(Notice.id))).all())


def settle(session: Session, kind: NoticeKind, target: str) -> None:
    """What all members were told with this kind and target needs nobody any more: it counts as read."""
    told = update(Notice).where(col(Notice.kind) == kind.value, col(Notice.target) == target)
    session.execute(told.where(col(Notice.read_at).is_(None)).values(read_at=utc_now()))


def forget_old(session: Session) -> None:
    """What was read a month ago is of no use any more."""
    session.execute(delete(Notice).where(col(Notice.read_at) < utc_now() - KEPT))
