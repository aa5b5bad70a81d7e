"""What came in from a network goes into the tables here, set-wise: messages, mentions, edits, deletions.

Fetching is `sync.py`'s affair; our own posts and numbers are stored by `intake_numbers.py` (offered here too). A batch
takes a constant number of statements however many items it has (long lists go in chunks), and nothing comes in twice.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import and_, bindparam, case, delete, func, null, select, update
from sqlmodel import Session, col

from core.connectors.base import RemoteMessage
from core.db import upsert, utc_now
from core.models.channel import Channel
from core.models.inbox import Conversation, ConversationState, Direction, Message
from core.models.monitoring import Mention
from core.models.planning import Delivery, DeliveryState
from core.services import service_time
from core.services.erased import without_erased
from core.services.intake_numbers import store_channel_metrics, store_posts
from core.services.intake_rows import (
    HISTORY,
    address,
    chunks,
    media,
    mention_row,
    message_row,
    store_contacts,
    talk_row,
    usable,
    words,
)
from core.services.moods import follow_newest, judge_edited
from core.services.plan_drafts import thread_texts
from core.services.settling import settle

__all__ = [
    "StoreResult",
    "follow_edits",
    "make_room",
    "mark_removed",
    "settle",
    "store_channel_metrics",
    "store_mentions",
    "store_messages",
    "store_posts",
]

_UNDER_WAY = (DeliveryState.SENDING, DeliveryState.CHECKING, DeliveryState.UNCONFIRMED, DeliveryState.PUBLISHED)


@dataclass(frozen=True)
class StoreResult:
    """How many messages were new, and how many known ones had changed."""

    new: int = 0
    edited: int = 0


@dataclass(frozen=True)
class _Talk:
    """A conversation that a batch touches. `last_at` None: the batch made it."""

    id: int
    last_at: datetime | None


def store_messages(session: Session, channel: Channel, items: Sequence[RemoteMessage]) -> StoreResult:
    """Store what came in on a channel, with its contacts and conversations.

    A known message follows its edit and is never stored twice; an answer sent from here is recognised as ours.
    New messages count as unread and open their conversation again, except history: what is older than 30 days, or was
    answered by us afterwards, arrives read and resolved, so that a new team isn't drowned by its first connection.
    """
    given = without_erased(session, channel, usable(items))
    known = _known(session, channel.id, list(given))
    edited = _edit(session, known, given)
    arrived = new = [item for item in given.values() if item.remote_id not in known]
    if any(item.is_own for item in new):
        new = _without_our_answers(session, channel.id, new)
    if not new:
        _measure(session, channel, arrived, {})
        return StoreResult(0, edited)
    people = store_contacts(session, channel.network, (item.author for item in new if not item.is_own))
    talks = _talks(session, channel.id, new)
    rows = [message_row(channel.id, talks[item.thread_id].id, people, item) for item in new]
    inserted = upsert(session, Message.__table__).on_conflict_do_nothing()  # type: ignore[attr-defined]
    session.execute(inserted, rows)
    _wake(session, talks, new)
    settle(session, [talk.id for talk in talks.values()])
    _measure(session, channel, arrived, talks)
    return StoreResult(len(new), edited)


def _measure(session: Session, channel: Channel, arrived: Sequence[RemoteMessage], talks: dict[str, _Talk]) -> None:
    """Answers given at the network count too; what comes late may change who waited for which of them."""

    def matters(item: RemoteMessage) -> bool:
        talk = talks.get(item.thread_id)
        return item.is_own or bool(talk and talk.last_at and item.sent_at <= talk.last_at)

    young = [item.remote_id for item in arrived if item.sent_at >= channel.created_at and matters(item)]
    service_time.note_arrivals(session, channel.id, young)


def follow_edits(session: Session, channel: Channel, items: Sequence[RemoteMessage]) -> int:
    """Bring known messages to the wording they have now at the network; gives how many changed."""
    given = usable(items)
    return _edit(session, _known(session, channel.id, list(given)), given)


def mark_removed(session: Session, channel_id: int, remote_ids: Sequence[str]) -> int:
    """Messages and mentions that the network no longer has: their words and media go, the rows stay. Gives how many."""
    touched: list[int] = []
    for some in chunks(remote_ids):
        there = (col(Message.channel_id) == channel_id, col(Message.remote_id).in_(some))
        touched += session.execute(
            update(Message)
            .where(*there, col(Message.deleted_at).is_(None))
            .values(deleted_at=utc_now(), text="", media=None)
            .returning(col(Message.conversation_id))
            .execution_options(synchronize_session=False)
        ).scalars()
        session.execute(
            update(Mention)
            .where(col(Mention.channel_id) == channel_id, col(Mention.remote_id).in_(some))
            .where(col(Mention.deleted_at).is_(None))
            .values(deleted_at=utc_now(), text="")
            .execution_options(synchronize_session=False)
        )
    if touched:
        follow_newest(session, touched)
    settle(session, touched)
    return len(touched)


def store_mentions(session: Session, monitor_id: int, channel: Channel, items: Sequence[RemoteMessage]) -> int:
    """Store the hits of a monitor; gives how many are new. Known ones get their newest wording and numbers.

    Posts of our own channels are no hits. What was written more than 30 days ago arrives as seen.
    """
    ours = set(session.execute(select(col(Channel.handle)).where(col(Channel.network) == channel.network)).scalars())
    there = without_erased(session, channel, usable(items))
    written = (item for item in there.values() if not item.is_own and item.author.handle not in ours)
    hits = {item.uri or item.remote_id: item for item in written}
    if not hits:
        return 0
    known: set[str] = set()
    for some in chunks(list(hits)):
        found = select(col(Mention.uri)).where(col(Mention.monitor_id) == monitor_id, col(Mention.uri).in_(some))
        known.update(session.execute(found).scalars())
    people = store_contacts(session, channel.network, (item.author for item in hits.values()))
    now = utc_now()
    rows = [mention_row(monitor_id, channel.id, people, uri, item, now) for uri, item in hits.items()]
    newest = upsert(session, Mention.__table__)  # type: ignore[attr-defined]
    changing = ("text", "likes", "shares", "comments", "deleted_at")
    session.execute(
        newest.on_conflict_do_update(
            index_elements=["monitor_id", "uri"], set_={name: newest.excluded[name] for name in changing}
        ),
        rows,
    )
    return len(hits.keys() - known)


def make_room(session: Session, message_id: int, channel_id: int, remote_id: str) -> None:
    """Call it before a sent answer gets its remote id: the copy that a sync may have brought meanwhile goes."""
    copy = (
        col(Message.channel_id) == channel_id,
        col(Message.remote_id) == remote_id,
        col(Message.id) != message_id,
    )
    session.execute(delete(Message).where(*copy).execution_options(synchronize_session=False))


def _known(session: Session, channel_id: int, remote_ids: Sequence[str]) -> dict[str, Any]:
    """Rows (id, remote_id, conversation_id, text, edited_at, deleted_at, member_id) by remote id."""
    m = Message
    columns = (m.id, m.remote_id, m.conversation_id, m.text, m.edited_at, m.deleted_at, m.member_id)
    found: dict[str, Any] = {}
    for some in chunks(remote_ids):
        there = select(*columns).where(col(m.channel_id) == channel_id, col(m.remote_id).in_(some))  # type: ignore[call-overload]
        found |= {row.remote_id: row for row in session.execute(there)}
    return found


def _edit(session: Session, known: dict[str, Any], items: dict[str, RemoteMessage]) -> int:
    """Update those known messages that read differently now."""
    changed = [(row, items[key]) for key, row in known.items() if _is_edited(row, items[key])]
    if not changed:
        return 0
    rows = [
        {
            "key": row.id,
            "text_now": words(item.text),
            "media_now": media(item.media),
            "edited_now": item.edited_at or row.edited_at,
        }
        for row, item in changed
    ]
    table: Any = Message.__table__  # type: ignore[attr-defined]
    session.execute(
        update(table)
        .where(table.c.id == bindparam("key"))
        .values(
            text=bindparam("text_now"),
            media=bindparam("media_now"),
            edited_at=bindparam("edited_now"),
            deleted_at=None,
        ),
        rows,
    )
    talks = [row.conversation_id for row, _ in changed]
    reworded = [(row.id, words(item.text), item.language) for row, item in changed if row.text != words(item.text)]
    if reworded:
        judge_edited(session, reworded)
        follow_newest(session, talks)
    settle(session, talks)
    return len(changed)


def _is_edited(row: Any, item: RemoteMessage) -> bool:
    newer = item.edited_at is not None and (row.edited_at is None or item.edited_at > row.edited_at)
    if row.member_id is not None:  # written here: the network shows it with handles and short links, that is no edit
        return newer
    return newer or row.deleted_at is not None or bool(row.text != words(item.text))


def _without_our_answers(session: Session, channel_id: int, new: list[RemoteMessage]) -> list[RemoteMessage]:
    """Give answers sent from here the remote id they turned up with; the rest is new indeed."""
    pending = session.execute(
        select(
            *(col(Message.id), col(Message.text), col(Message.reply_to)),
            col(Delivery.remote_id),
            col(Delivery.sent_at),
        )
        .join(Delivery, col(Delivery.message_id) == col(Message.id))
        .where(
            col(Message.channel_id) == channel_id,
            col(Message.remote_id).is_(None),
            col(Delivery.state).in_(_UNDER_WAY),
        )
        .order_by(col(Message.id))
    ).all()
    left, waiting = [], list(pending)
    for item in new:
        ours = next((row for row in waiting if item.is_own and _is_answer(row, item)), None)
        if ours is None:
            left.append(item)
        else:
            waiting.remove(ours)
            session.execute(
                update(Message)
                .where(col(Message.id) == ours.id)
                .values(remote_id=item.remote_id, url=address(item.url))
            )
    return left


def _is_answer(row: Any, item: RemoteMessage) -> bool:
    """Whether a message of ours at the network is this answer: by its id, else by place, time and words."""
    if row.remote_id is not None:
        return bool(row.remote_id == item.remote_id)
    if row.sent_at is None or row.reply_to != item.reply_to or item.sent_at < row.sent_at - timedelta(minutes=5):
        return False
    # Of a long answer, the first part; the others are known once the network has taken them.
    said, meant = " ".join(item.text.split()), " ".join(thread_texts(str(row.text))[0].split())
    return said == meant or said.endswith(" " + meant)  # behind the handles of those it answers


def _talks(session: Session, channel_id: int, items: Sequence[RemoteMessage]) -> dict[str, _Talk]:
    """The conversations of these messages by thread id; missing ones are made, resolved until `_wake` opens them."""
    threads = list(dict.fromkeys(item.thread_id for item in items))
    talks = {key: _Talk(row_id, last_at) for key, row_id, last_at in _talk_rows(session, channel_id, threads)}
    missing = {item.thread_id: item for item in items if item.thread_id not in talks}
    if missing:
        now = utc_now()
        rows = [talk_row(channel_id, item, now) for item in missing.values()]
        made = upsert(session, Conversation.__table__).on_conflict_do_nothing()  # type: ignore[attr-defined]
        session.execute(made, rows)
        talks |= {key: _Talk(row_id, None) for key, row_id, _ in _talk_rows(session, channel_id, list(missing))}
    return talks


def _talk_rows(session: Session, channel_id: int, threads: Sequence[str]) -> Iterator[Any]:
    c = Conversation
    for some in chunks(threads):
        there = (col(c.channel_id) == channel_id, col(c.remote_id).in_(some))
        yield from session.execute(select(c.remote_id, c.id, c.last_message_at).where(*there))  # type: ignore[call-overload]


def _wake(session: Session, talks: dict[str, _Talk], new: Sequence[RemoteMessage]) -> None:
    """Count unread messages, and open again whatever isn't open where something newer came in."""
    young = utc_now() - HISTORY
    fresh = [item for item in new if not item.is_own and item.sent_at > young]
    answered = _last_answers(session, sorted({talks[item.thread_id].id for item in fresh}))
    counts: dict[int, int] = {}
    reopen: set[int] = set()
    for item in fresh:
        talk = talks[item.thread_id]
        if talk.id in answered and item.sent_at <= answered[talk.id]:
            continue
        counts[talk.id] = counts.get(talk.id, 0) + 1
        if talk.last_at is None or item.sent_at > talk.last_at:
            reopen.add(talk.id)
    if not counts:
        return
    table: Any = Conversation.__table__  # type: ignore[attr-defined]
    reopens = and_(bindparam("reopens") == 1, table.c.state != ConversationState.OPEN)
    session.execute(
        update(table)
        .where(table.c.id == bindparam("key"))
        .values(
            unread=table.c.unread + bindparam("more"),
            state=case((reopens, ConversationState.OPEN.value), else_=table.c.state),
            snoozed_until=case((reopens, null()), else_=table.c.snoozed_until),
            resolved_at=case((reopens, null()), else_=table.c.resolved_at),
        ),
        [{"key": key, "more": count, "reopens": int(key in reopen)} for key, count in counts.items()],
    )


def _last_answers(session: Session, talk_ids: Sequence[int]) -> dict[int, datetime]:
    found: dict[int, datetime] = {}
    for some in chunks(talk_ids):
        rows: Any = session.execute(
            select(col(Message.conversation_id), func.max(col(Message.sent_at)))
            .where(
                col(Message.conversation_id).in_(some),
                col(Message.direction) == Direction.OUT,
                col(Message.automatic).is_(False),
            )
            .group_by(col(Message.conversation_id))
        )
        found |= dict(rows.all())
    return found
