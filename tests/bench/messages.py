"""Messages as a network would bring them, and the same as plain rows."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

from core import db
from core.connectors.base import Author, Kind, RemoteMessage
from core.services.seed import Writer


def batch(writer: Writer, number: int, size: int) -> list[RemoteMessage]:
    """`size` new messages in about `size / 4` conversations of as many contacts."""
    now = db.utc_now()
    found = []
    for index in range(size):
        who = index // 4
        author = Author(
            f"a{number}.{who}@bench.example", f"@a{number}.{who}@bench.example", f"Person {who}", followers=9
        )
        found.append(
            RemoteMessage(
                remote_id=f"b{number}.{index}",
                thread_id=f"t{number}.{who}",
                kind=Kind.MENTION,
                author=author,
                text=writer.message(),
                sent_at=now - timedelta(seconds=size - index),
                url=f"https://bench.example/{number}/{index}",
            )
        )
    return found


def plain_rows(
    items: Sequence[RemoteMessage], channel_id: int, conversation_id: int
) -> tuple[str, list[tuple[Any, ...]]]:
    """The statement and rows that put the same messages straight into the table (its indexes and triggers too)."""
    statement = (
        "INSERT INTO message (conversation_id, channel_id, direction, remote_id, text, url, sent_at) "
        "VALUES (?, ?, 'in', ?, ?, ?, ?)"
    )
    rows = [(conversation_id, channel_id, m.remote_id, m.text, m.url, db.stored_time(m.sent_at)) for m in items]
    return statement, rows
