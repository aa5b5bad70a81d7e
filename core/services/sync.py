"""Keeps channels in step with their networks: which sync is due, running it, and what its outcome means for the next.

The due `SyncCursor` is the job. It is claimed in a short transaction, the network is asked outside any, and items and
cursor are stored together: a restart resumes where it was. At most one sync of a channel runs at a time, so a slow
server holds up nobody else. What is fetched is in `sync_work.py`, storing in `intake.py`.
"""

import logging
import random
import threading
import time
from contextlib import closing
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import and_, exists, func, or_, select, update
from sqlalchemy.orm import aliased
from sqlmodel import Session, col

from core import db, lease
from core.errors import HubError, NeedsReauth, NetworkError, NotFound, OutcomeUnknown, RateLimited, RetryLater
from core.lease import Claim
from core.models.channel import Channel, ChannelState, SyncCursor, SyncKind
from core.services import channels
from core.services.sync_work import WORK, Found, Job
from core.services.sync_work import job as read_job
from core.settings import settings

__all__ = ["Claim", "anything_due", "claim_due", "next_due", "renew_held", "run", "sync_channel_now", "sync_due"]

log = logging.getLogger("hub.sync")

LEASE_SECONDS = 120.0
PUT_OFF = timedelta(hours=1)  # after what trying again soon won't mend
EVERY = {
    SyncKind.RECHECK: 600.0,
    SyncKind.MONITOR: 120.0,
    SyncKind.POSTS: 600.0,
    SyncKind.PROFILE: 3600.0,
}  # seconds; the inbox's is a setting
JITTER = 0.1

_held: dict[int, str] = {}  # claims of this process: row id -> token
_lock = threading.Lock()


def sync_due(worker_id: str, limit: int = 100) -> int:
    """Run up to `limit` syncs that are due, one after the other; gives how many ran. For `--once` and tests."""
    done = 0
    while done < limit:
        claims = claim_due(worker_id, min(limit - done, 10))
        if not claims:
            break
        for claimed in claims:
            run(claimed)
        done += len(claims)
    return done


def sync_channel_now(channel_id: int) -> None:
    """Have everything of a channel synced as soon as the worker looks, which is at once."""
    with db.write() as session:
        channels.make_due(session, channel_id)


def claim_due(worker_id: str, limit: int) -> list[Claim]:
    """Take up to `limit` due syncs, at most one a channel and none of a channel that has one under way."""
    with db.read() as session:
        if not anything_due(session):
            return []
    with db.write() as session:
        claims = lease.claim(session, SyncCursor, _free(), limit, LEASE_SECONDS)
    with _lock:
        _held.update((claimed.id, claimed.token) for claimed in claims)
    if claims:
        log.debug("claimed worker=%s syncs=%s", worker_id, len(claims))
    return claims


def anything_due(session: Session) -> bool:
    """Whether a sync of an active channel is due and free. One cheap read."""
    now = db.utc_now()
    c = SyncCursor
    free = or_(col(c.claim_token).is_(None), col(c.lease_until) < now)
    due = select(col(c.id)).where(col(c.due_at) <= now, free, _active()).limit(1)
    return session.execute(due).first() is not None


def next_due(session: Session) -> datetime | None:
    """When the next sync of an active channel is due; None without any."""
    waiting = select(func.min(col(SyncCursor.due_at))).where(_active(), col(SyncCursor.claim_token).is_(None))
    soonest: datetime | None = session.execute(waiting).scalar_one()
    return soonest


def renew_held(session: Session) -> None:
    """Keep the claims of this process alive; call it more often than every two minutes."""
    with _lock:
        tokens = list(set(_held.values()))
    lease.renew(session, SyncCursor, tokens, LEASE_SECONDS)


def run(claimed: Claim) -> None:
    """Do one claimed sync, whatever comes of it. Raises nothing but what ends the process."""
    started = time.monotonic()
    try:
        with db.read() as session:
            job = read_job(session, claimed)
        if job is None:
            _let_go(claimed)
            return
        try:
            with closing(channels.open_connector(job.channel_id)) as connector:
                found = WORK[job.kind](connector, job)
            kept = _store(claimed, job, found)
        except Exception as error:  # one broken channel must not hold up the others
            _fail(claimed, job, error)
        else:
            _told(job, kept, time.monotonic() - started)
    except Exception:
        log.exception("a sync could not be written down, it will be tried again when its lease ends")
    finally:
        with _lock:
            _held.pop(claimed.id, None)


def _active() -> Any:
    return col(SyncCursor.channel_id).in_(select(col(Channel.id)).where(col(Channel.state) == ChannelState.ACTIVE))


def _free() -> list[Any]:
    """Conditions of a cursor that may be claimed: nothing of its channel runs, and none of it was due earlier."""
    other, now = aliased(SyncCursor), db.utc_now()
    same = col(other.channel_id) == col(SyncCursor.channel_id)
    runs = and_(col(other.claim_token).is_not(None), col(other.lease_until) >= now)
    earlier = or_(
        col(other.due_at) < col(SyncCursor.due_at),
        and_(col(other.due_at) == col(SyncCursor.due_at), col(other.id) < col(SyncCursor.id)),
    )
    return [_active(), ~exists().where(same, or_(runs, earlier)).correlate(SyncCursor)]


def _let_go(claimed: Claim) -> None:
    """The channel was paused or the monitor deleted meanwhile: the row waits as it is."""
    with db.write() as session:
        row = lease.hold(session, SyncCursor, claimed)
        if row is not None:
            row.claim_token = row.lease_until = None


@dataclass(frozen=True)
class _Kept:
    """What one sync changed; `ours` False: another worker had taken over, nothing was stored."""

    counts: dict[str, int]
    ours: bool = True


def _store(claimed: Claim, job: Job, found: Found) -> _Kept:
    with db.write() as session:
        row = lease.hold(session, SyncCursor, claimed)
        channel = session.get(Channel, job.channel_id)
        if row is None or channel is None or channel.state == ChannelState.REMOVED:
            return _Kept({}, ours=False)
        now = db.utc_now()
        counts = found.keep(session, channel)
        if found.cursor is not None:
            row.cursor = found.cursor
        had_trouble = row.error_kind is not None
        lease.finish(row, now if found.more else max(found.retry_after or now, _next(job.kind, now)))
        row.done_at = channel.last_sync_at = now
        if (had_trouble or channel.last_error) and channel.state == ChannelState.ACTIVE:
            session.flush()
            _clear_error(session, channel)
        return _Kept(counts)


def _next(kind: SyncKind, now: datetime) -> datetime:
    """With jitter, so that channels connected together don't march in step."""
    seconds = EVERY.get(kind, settings().sync_seconds)
    return now + timedelta(seconds=seconds * random.uniform(1 - JITTER, 1 + JITTER))  # noqa: S311 - no secret


def _clear_error(session: Session, channel: Channel) -> None:
    """The channel is well again when none of its syncs has a lasting fault."""
    lasting = select(col(SyncCursor.id)).where(
        col(SyncCursor.channel_id) == channel.id,
        col(SyncCursor.error_kind).is_not(None),
        col(SyncCursor.error_kind).not_in([RetryLater.__name__, OutcomeUnknown.__name__, RateLimited.__name__]),
    )
    if session.execute(lasting.limit(1)).first() is None:
        channel.last_error = None


def _fail(claimed: Claim, job: Job, error: Exception) -> None:
    """Decide what an error means for this sync and its channel, by the table in ARCHITECTURE.md."""
    now = db.utc_now()
    with db.write() as session:
        row = lease.hold(session, SyncCursor, claimed)
        if row is None:
            return
        if isinstance(error, RateLimited):
            lease.snooze(row, error.until, error)
            _slow_down(session, job.channel_id, error.until)
        elif isinstance(error, NeedsReauth):
            lease.snooze(row, now, error)  # due as soon as the channel is active again
            channels.note_error(session, job.channel_id, error)
        elif isinstance(error, RetryLater | OutcomeUnknown):
            lease.back_off(row, error)
        elif isinstance(error, NotFound):  # removed meanwhile
            lease.give_up(row, error)
        elif isinstance(error, HubError):
            lease.snooze(row, now + PUT_OFF, error)
            _lasting(session, row, job, error)
        else:
            lease.snooze(row, now + PUT_OFF, error)
            row.last_error = f"Something unexpected went wrong ({type(error).__name__}). The log has the details."
            _lasting(session, row, job, HubError(row.last_error))
    known = isinstance(error, HubError)
    log.log(
        logging.WARNING if known else logging.ERROR,
        "sync failed channel=%s kind=%s error=%s%s",
        job.channel_id,
        job.kind.value,
        type(error).__name__,
        f" reason={str(error)[:200]!r}" if isinstance(error, NetworkError) else "",
        exc_info=None if known else error,
    )


def _lasting(session: Session, row: SyncCursor, job: Job, error: Exception) -> None:
    """Show it; but a monitor that the server won't run is no illness of its channel."""
    row.attempts += 1
    if job.kind != SyncKind.MONITOR:
        channels.note_error(session, job.channel_id, error)


def _slow_down(session: Session, channel_id: int, until: datetime) -> None:
    """A quota is the channel's, not one sync's: the others wait as well."""
    session.execute(
        update(SyncCursor)
        .where(
            col(SyncCursor.channel_id) == channel_id,
            col(SyncCursor.claim_token).is_(None),
            col(SyncCursor.due_at) < until,
        )
        .values(due_at=until + timedelta(seconds=1))
        .execution_options(synchronize_session=False)
    )


def _told(job: Job, kept: _Kept, seconds: float) -> None:
    changes = " ".join(f"{name}={count}" for name, count in kept.counts.items())
    log.log(
        logging.INFO if any(kept.counts.values()) or not kept.ours else logging.DEBUG,
        "synced channel=%s kind=%s%s%s ms=%.0f",
        job.channel_id,
        job.kind.value,
        f" {changes}" if changes else "",
        "" if kept.ours else " outcome=taken-over",
        seconds * 1000,
    )
