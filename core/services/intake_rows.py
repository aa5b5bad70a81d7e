"""Rows out of what a network sent: one function a table, contacts with their ids, and what keeps text within bounds.

What is stored when is decided in `intake.py` and `intake_numbers.py`.
"""

import logging
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime, timedelta
from typing import Any, TypeVar

from sqlalchemy import select
from sqlmodel import Session, col

from core.connectors.base import Author, RemoteMedia, RemoteMessage
from core.db import upsert, utc_now
from core.models.inbox import Contact, ConversationState, Direction
from core.models.monitoring import MentionState

log = logging.getLogger("hub.intake")

T = TypeVar("T")

CHUNK = 5_000  # values in one statement; SQLite takes 32,766
HISTORY = timedelta(days=30)  # what is older is nobody's work any more when it comes in


def chunks(values: Sequence[T], size: int = CHUNK) -> Iterator[Sequence[T]]:
    for start in range(0, len(values), size):
        yield values[start : start + size]


def usable(items: Iterable[RemoteMessage]) -> dict[str, RemoteMessage]:
    """By remote id, the last one counts; ids that no table can hold are left out and logged."""
    found: dict[str, RemoteMessage] = {}
    for item in items:
        if item.remote_id and item.thread_id and max(len(item.remote_id), len(item.thread_id)) <= 400:
            found[item.remote_id] = item
        else:
            log.warning("left out a message whose id can't be used (%s characters)", len(item.remote_id))
    return found


def store_contacts(session: Session, network: str, authors: Iterable[Author]) -> dict[str, int]:
    """Store contacts with the name they go by now; gives their ids by remote id."""
    people = {author.remote_id: author for author in authors if author.remote_id}
    known = _contacts(session, network, list(people))
    now = utc_now()
    rows = [
        {
            "network": network,
            "remote_id": key[:300],
            "handle": line(author.handle),
            "name": line(author.name),
            "url": address(author.url),
            "followers": author.followers
            if author.followers is not None
            else (known[key][4] if key in known else None),
            "first_seen_at": now,
        }
        for key, author in people.items()
    ]
    changed = [row for row in rows if _contact_values(row) != known.get(str(row["remote_id"]), (0,))[1:]]
    if changed:
        newest = upsert(session, Contact.__table__)  # type: ignore[attr-defined]
        names = {name: newest.excluded[name] for name in ("handle", "name", "url", "followers")}
        session.execute(
            newest.on_conflict_do_update(index_elements=["network", "remote_id"], set_=names),
            changed,
        )
        known |= _contacts(
            session, network, [str(row["remote_id"]) for row in changed if row["remote_id"] not in known]
        )
    return {key: values[0] for key, values in known.items()}


def _contacts(session: Session, network: str, remote_ids: Sequence[str]) -> dict[str, tuple[Any, ...]]:
    """(id, handle, name, url, followers) by remote id."""
    found: dict[str, tuple[Any, ...]] = {}
    c = Contact
    for some in chunks(remote_ids):
        rows = session.execute(
            select(c.remote_id, c.id, c.handle, c.name, c.url, c.followers).where(  # type: ignore[call-overload]
                col(c.network) == network, col(c.remote_id).in_(some)
            )
        )
        found |= {row[0]: tuple(row[1:]) for row in rows}
    return found


def _contact_values(row: dict[str, Any]) -> tuple[Any, ...]:
    return row["handle"], row["name"], row["url"], row["followers"]


def talk_row(channel_id: int, item: RemoteMessage, now: datetime) -> dict[str, Any]:
    return {
        "channel_id": channel_id,
        "remote_id": item.thread_id,
        "kind": item.kind,
        "contact_id": None,
        "state": ConversationState.RESOLVED,
        "unread": 0,
        "message_count": 0,
        "preview": "",
        "preview_direction": Direction.IN,
        "last_message_at": item.sent_at,
        "waiting_since": None,
        "created_at": now,
    }


def message_row(channel_id: int, talk_id: int, people: dict[str, int], item: RemoteMessage) -> dict[str, Any]:
    return {
        "conversation_id": talk_id,
        "channel_id": channel_id,
        "contact_id": None if item.is_own else people.get(item.author.remote_id),
        "direction": Direction.OUT if item.is_own else Direction.IN,
        "remote_id": item.remote_id,
        "reply_to": item.reply_to if item.reply_to and len(item.reply_to) <= 400 else None,
        "text": words(item.text),
        "url": address(item.url),
        "language": item.language[:16] if item.language else None,
        "media": media(item.media),
        "sent_at": item.sent_at,
        "edited_at": item.edited_at,
    }


def mention_row(
    monitor_id: int, channel_id: int, people: dict[str, int], uri: str, item: RemoteMessage, now: datetime
) -> dict[str, Any]:
    return {
        "monitor_id": monitor_id,
        "channel_id": channel_id,
        "contact_id": people.get(item.author.remote_id),
        "remote_id": item.remote_id,
        "thread_id": item.thread_id,
        "uri": uri[:500],
        "url": address(item.url),
        "text": words(item.text),
        "language": item.language[:16] if item.language else None,
        "state": MentionState.NEW if item.sent_at > now - HISTORY else MentionState.SEEN,
        "likes": item.metrics.get("likes", 0),
        "shares": item.metrics.get("shares", 0),
        "comments": item.metrics.get("comments", 0),
        "sent_at": item.sent_at,
        "found_at": now,
        "deleted_at": None,
    }


def words(text: str) -> str:
    return text.replace("\x00", "")


def line(text: str) -> str:
    return text.replace("\x00", "")[:300]


def address(url: str | None) -> str | None:
    """A link that a row can hold; only the web's."""
    return url if url and len(url) <= 500 and url.lower().startswith(("https://", "http://")) else None


def media(media: tuple[RemoteMedia, ...]) -> list[dict[str, Any]] | None:
    return [{"url": m.url, "kind": m.kind, "alt": m.alt} for m in media if address(m.url)] or None
