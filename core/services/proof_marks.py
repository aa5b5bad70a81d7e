"""Whether a network has what we published: marking a delivery seen or missing, with what follows. Asks no network.

Who looks, and when, is `proofs.py`'s; a sync that reads our posts anyway marks them here at no cost.
"""

from collections.abc import Iterable
from datetime import timedelta
from typing import Any

from sqlalchemy import and_, select
from sqlmodel import Session, col

from core import db
from core.models.analytics import Publication
from core.models.channel import Channel
from core.models.inbox import Message
from core.models.planning import Delivery, DeliveryState, Post
from core.models.planning_work import EventKind
from core.models.team import Member, Role
from core.services import journal
from core.services.delivery_parts import parts_of
from core.services.notices import NoticeKind, notify

FIRST_LOOK = timedelta(seconds=5)
SEEN_IN_SYNC = "Seen among the channel's own posts."
BACK = "It is there again."
REMOVED = "The network doesn't have it any more."
GONE = "Published, but not on the network any more."


def gone() -> Any:
    """A condition on `Delivery`: published, and the network doesn't have it any more."""
    return and_(col(Delivery.gone_at).is_not(None), col(Delivery.state) == DeliveryState.PUBLISHED)


def mark_seen(session: Session, row: Delivery, detail: str = "") -> None:
    """It is there. Looked for no more."""
    row.seen_at = row.seen_at or db.utc_now()
    if row.gone_at is not None:
        row.gone_at, detail = None, BACK
    row.proof_due_at = None
    journal.note(session, row, EventKind.SEEN, detail, part=last_part(row))


def mark_missing(session: Session, row: Delivery, detail: str) -> None:
    """It isn't there (any more), and nobody here took it down: whoever wrote it is told. Looked for no more."""
    row.gone_at = row.gone_at or db.utc_now()
    row.proof_due_at = None
    journal.note(session, row, EventKind.MISSING, detail, part=last_part(row))
    _tell(session, row)


def seen_in_sync(session: Session, channel_id: int, delivery_ids: Iterable[int], there: Iterable[str]) -> None:
    """A sync has read these posts of ours (`there`: remote ids). A thread counts once all its parts were among them."""
    wanted = (col(Delivery.seen_at).is_(None), col(Delivery.state) == DeliveryState.PUBLISHED)
    for row in _rows(session, channel_id, delivery_ids, *wanted):
        if remote_ids(row) <= set(there):
            mark_seen(session, row, SEEN_IN_SYNC)


def gone_in_sync(session: Session, channel_id: int, delivery_ids: Iterable[int]) -> None:
    """The network, asked for numbers, no longer had these posts of ours."""
    wanted = (col(Delivery.gone_at).is_(None), col(Delivery.state) == DeliveryState.PUBLISHED)
    for row in _rows(session, channel_id, delivery_ids, *wanted):
        mark_missing(session, row, REMOVED)


def remote_ids(row: Delivery) -> set[str]:
    """What a delivery is at its network: every part that was accepted."""
    parts = {part.remote_id for part in parts_of(row) if part.remote_id}
    return parts or ({row.remote_id} if row.remote_id else set())


def last_part(row: Delivery) -> int:
    """Number of the last part."""
    return max(len(row.parts or ()) - 1, 0)


def taken_down(session: Session, row: Delivery) -> bool:
    """Whether we know of a removal already: an answer that was deleted in the inbox, say."""
    if row.message_id is not None:
        where = (col(Message.id) == row.message_id, col(Message.deleted_at).is_not(None))
        return session.execute(select(col(Message.id)).where(*where)).first() is not None
    return False


def close_publications(session: Session, row: Delivery, which: Iterable[str]) -> None:
    """Analytics hears that these posts are off the network."""
    there = (col(Publication.channel_id) == row.channel_id, col(Publication.remote_id).in_(list(which)))
    for publication in session.execute(select(Publication).where(*there)).scalars():
        publication.deleted_at = publication.deleted_at or db.utc_now()


def _rows(session: Session, channel_id: int, delivery_ids: Iterable[int], *where: Any) -> list[Delivery]:
    ids = list(delivery_ids)
    if not ids:
        return []
    rows = select(Delivery).where(col(Delivery.id).in_(ids), col(Delivery.channel_id) == channel_id, *where)
    return list(session.execute(rows.with_for_update()).scalars())


def _tell(session: Session, row: Delivery) -> None:
    """Whoever wrote it, else the administrators."""
    handle = session.get_one(Channel, row.channel_id).handle
    if row.post_id is not None:
        post = session.get_one(Post, row.post_id)
        writer, title, target = post.member_id, post.title or " ".join(post.text.split())[:60], f"post:{post.id}"
    else:
        message = session.get_one(Message, row.message_id)
        title, target = " ".join(message.text.split())[:60], f"conversation:{message.conversation_id}"
        writer = message.member_id
    members = [writer] if writer is not None else _admins(session)
    notify(session, members, NoticeKind.GONE, f"“{title}” isn't on {handle} any more.", target)


def _admins(session: Session) -> list[int]:
    return list(session.execute(select(col(Member.id)).where(col(Member.role) == Role.ADMIN)).scalars())
