"""Who was erased stays erased: what is older doesn't come in again when a network lists it once more.

Only keyed fingerprints are kept: of a person's profiles, and of the conversations that went with them. What somebody
writes after they were erased is new and comes in as anybody's. Erasing itself is `contact_gdpr.py`.
"""

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import select
from sqlmodel import Session, col

from core import vault
from core.connectors.base import RemoteMessage
from core.db import upsert, utc_now
from core.models.channel import Channel
from core.models.inbox import Erased
from core.services.intake_rows import chunks


def person_print(network: str, remote_id: str) -> str:
    """Recognises a profile."""
    return vault.fingerprint("person", network, remote_id)


def thread_print(channel_id: int, remote_id: str) -> str:
    """Recognises a conversation on one of our channels."""
    return vault.fingerprint("thread", str(channel_id), remote_id)


def remember(session: Session, prints: Sequence[str]) -> None:
    """From now on nothing that is older comes in."""
    newest = upsert(session, Erased.__table__)  # type: ignore[attr-defined]
    again = newest.on_conflict_do_update(index_elements=["fingerprint"], set_={"at": newest.excluded.at})
    now = utc_now()
    for some in chunks(prints):
        session.execute(again, [{"fingerprint": one, "at": now} for one in some])


def without_erased(session: Session, channel: Channel, items: dict[str, RemoteMessage]) -> dict[str, RemoteMessage]:
    """What may come in: not what somebody wrote before they were erased, nor what we wrote in a talk that went too.

    One statement (a chunk).
    """
    prints = {key: _print(channel, item) for key, item in items.items()}
    gone = _erased_at(session, set(prints.values()))
    if not gone:
        return items
    return {key: item for key, item in items.items() if prints[key] not in gone or item.sent_at > gone[prints[key]]}


def _print(channel: Channel, item: RemoteMessage) -> str:
    if item.is_own:
        return thread_print(channel.id, item.thread_id)
    return person_print(channel.network, item.author.remote_id)


def _erased_at(session: Session, prints: Iterable[str]) -> dict[str, datetime]:
    found: dict[str, datetime] = {}
    for some in chunks(sorted(prints)):
        rows: Any = session.execute(
            select(col(Erased.fingerprint), col(Erased.at)).where(col(Erased.fingerprint).in_(some))
        )
        found |= dict(rows.all())
    return found
