"""What one member should know: assigned to me, mentioned, a target about to break, a channel to reconnect.

A notice is a row; the app shows it, the worker also sends it by the member's other ways (mail, Slack, …).
"""

from collections.abc import Iterable
from enum import StrEnum

from sqlalchemy import select
from sqlmodel import Session, col

from core.models.team import Member, Notice
from core.services.team import Actor


class NoticeKind(StrEnum):
    """Why somebody is told."""

    ASSIGNED = "assigned"
    MENTIONED = "mentioned"
    TARGET = "target"  # the promised time for an answer is nearly over
    CHANNEL = "channel"  # a channel needs reconnecting
    RULE = "rule"  # a rule said so


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
