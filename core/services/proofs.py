"""Reading back what was published: was it really there? The worker looks at growing pauses until it has seen it.

1. Claim what is due, channel by channel, by moving `proof_due_at` on: whoever finishes must still find it there.
2. Ask the network, outside any transaction, for all posts of the channel at once (`Connector.recheck`).
3. Present: seen. Reported removed by two looks, or never seen by the last: gone, and somebody is told.

A look that could not be made says nothing and is made again. Channels that aren't active wait.
"""

import logging
from collections.abc import Mapping
from contextlib import closing
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import func, select
from sqlmodel import Session, col

from core import db
from core.errors import NeedsReauth, NetworkError, RateLimited, Rejected, RemoteGone, UserError
from core.models.channel import Channel, ChannelState
from core.models.planning import Delivery, DeliveryState
from core.models.planning_work import EventKind
from core.services import channels, journal
from core.services.proof_marks import close_publications, mark_missing, mark_seen, remote_ids, taken_down

log = logging.getLogger("hub.proofs")

PAUSES = (5.0, 30.0, 120.0, 600.0, 3600.0, 21600.0)  # seconds before each look; the first since it was published
AT_ONCE = 20  # deliveries of one request
HOLD = timedelta(minutes=3)  # a look that takes longer was cut off: somebody else makes it
TROUBLE = timedelta(minutes=1)  # after a look that could not be made
LONGEST = timedelta(days=3)  # then it stays unproven
REMOVED = "The network says that it isn't there."
NEVER = "It wasn't to be seen there in {looks} looks."


@dataclass(frozen=True)
class Batch:
    """Deliveries of one channel to be looked at: ids with remote ids. `until` is the mark of the claim."""

    channel_id: int
    until: datetime
    posts: Mapping[int, frozenset[str]]


@dataclass(frozen=True)
class Finding:
    """What a look gave: remote ids that are there and that are not; or the error that kept us from looking."""

    there: frozenset[str] = frozenset()
    removed: frozenset[str] = frozenset()
    error: Exception | None = None


# --- claiming ---------------------------------------------------------------------------------------------------------


def _waiting() -> tuple[Any, ...]:
    return (
        col(Delivery.proof_due_at).is_not(None),
        col(Channel.id) == col(Delivery.channel_id),
        col(Channel.state) == ChannelState.ACTIVE,
    )


def anything_due(session: Session) -> bool:
    """Whether something is to be looked at now. One indexed read."""
    due = select(col(Delivery.id)).where(*_waiting(), col(Delivery.proof_due_at) <= db.utc_now()).limit(1)
    return session.execute(due).first() is not None


def next_due(session: Session) -> datetime | None:
    """When the next look is due. One indexed read."""
    first = select(col(Delivery.proof_due_at)).where(*_waiting()).order_by(col(Delivery.proof_due_at)).limit(1)
    return session.execute(first).scalar_one_or_none()


def claim_due(limit: int) -> list[Batch]:
    """Take up to `AT_ONCE` due deliveries of each of up to `limit` channels. One short transaction."""
    if limit < 1:
        return []
    with db.write() as session:
        now = db.utc_now()
        due = (*_waiting(), col(Delivery.proof_due_at) <= now)
        longest = (
            select(col(Delivery.channel_id))
            .where(*due)
            .group_by(col(Delivery.channel_id))
            .order_by(func.min(col(Delivery.proof_due_at)))
            .limit(limit)
        )
        taken = [_take(session, channel_id, now) for channel_id in session.execute(longest).scalars().all()]
        return [batch for batch in taken if batch.posts]


def _take(session: Session, channel_id: int, now: datetime) -> Batch:
    rows = (
        select(Delivery)
        .where(col(Delivery.proof_due_at) <= now, (col(Delivery.channel_id) + 0) == channel_id)
        .order_by(col(Delivery.proof_due_at))
        .limit(AT_ONCE)
        .with_for_update(skip_locked=True)
    )
    until, posts = now + HOLD, {}
    for row in session.execute(rows).scalars():
        ids = frozenset(remote_ids(row))
        if row.state is not DeliveryState.PUBLISHED or not ids or taken_down(session, row):
            row.proof_due_at = None  # nothing to look for (any more)
        else:
            row.proof_due_at = until
            posts[row.id] = ids
    return Batch(channel_id, until, posts)


# --- looking ----------------------------------------------------------------------------------------------------------


def look(batch: Batch) -> int:
    """Read a batch back and write down what was found; gives how many were seen."""
    finding = _ask(batch)
    with db.write() as session:
        held = (col(Delivery.id).in_(list(batch.posts)), col(Delivery.proof_due_at) == batch.until)
        rows = session.execute(select(Delivery).where(*held).order_by(col(Delivery.id)).with_for_update()).scalars()
        seen = 0
        for row in rows.all():
            if finding.error is not None:
                _not_looked(session, row, finding.error)
            else:
                seen += _judge(session, row, batch.posts[row.id], finding)
        if isinstance(finding.error, (NeedsReauth, UserError)):
            channels.note_error(session, batch.channel_id, finding.error)
        return seen


def _ask(batch: Batch) -> Finding:
    asked = sorted(set().union(*batch.posts.values()))
    try:
        with closing(channels.open_connector(batch.channel_id)) as connector:
            told = connector.recheck(asked)
    except (NetworkError, UserError) as error:
        log.info("channel=%s: %s posts could not be read back (%s)", batch.channel_id, len(asked), type(error).__name__)
        return Finding(error=error)
    except Exception as error:
        log.exception("channel=%s: a fault of the hub while reading back", batch.channel_id)
        return Finding(error=error)
    return Finding(frozenset(item.remote_id for item in told.items), frozenset(told.removed))


def _judge(session: Session, row: Delivery, ids: frozenset[str], finding: Finding) -> int:
    looks = row.proof_looks = row.proof_looks + 1
    if ids <= finding.there:
        mark_seen(session, row)
        return 1
    removed = ids & finding.removed
    if removed and looks > 1:  # right after publishing a server may not know yet what it took
        if taken_down(session, row):
            row.proof_due_at = None
        else:
            mark_missing(session, row, REMOVED if removed == ids else f"{len(removed)} of {len(ids)} parts: {REMOVED}")
            close_publications(session, row, removed)
    elif looks >= len(PAUSES):
        mark_missing(session, row, NEVER.format(looks=looks))
    else:
        row.proof_due_at = db.utc_now() + timedelta(seconds=PAUSES[looks])
    return 0


def _not_looked(session: Session, row: Delivery, error: Exception) -> None:
    """No evidence either way: look again, for some days."""
    now = db.utc_now()
    if now - (row.published_at or now) > LONGEST:
        row.proof_due_at = None
        journal.note(session, row, EventKind.WAITING, f"It could not be read back: {error}")
    elif isinstance(error, RateLimited):
        row.proof_due_at = error.until
    elif isinstance(error, NeedsReauth):
        row.proof_due_at = now  # as soon as the channel is active again
    elif isinstance(error, (Rejected, RemoteGone)):
        row.proof_due_at = now + timedelta(seconds=PAUSES[-1])  # a server that doesn't let us read
    else:
        row.proof_due_at = now + TROUBLE


def look_due(channels_at_once: int = 8) -> int:
    """Look at all that is due, in this thread; gives how many were seen. The worker does the same with threads."""
    seen = 0
    while batches := claim_due(channels_at_once):
        seen += sum(look(batch) for batch in batches)
    return seen
