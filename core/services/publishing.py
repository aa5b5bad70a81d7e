"""Publishing exactly once: takes a claimed delivery as far as it goes now, talking to its network.

The life of a delivery (rows are moved by `deliveries.py`, each move one commit):

1. `scheduled`, due, its channel active: claimed.
2. Prepared: uploads and look-ups, which may be repeated. Nothing has left.
3. `sending`: the request, its replay key and `sent_at` are committed. From here on it may have left.
4. Accepted: the answer is committed; the next part of a thread begins at 2, the last part makes it `published`.
   An answer that says "not accepted" (4xx, refused connection) takes it back to `scheduled` or to `failed`.
5. `checking`: no answer, or a claim in `sending` whose holder is gone. We look on our own timeline first. Found: that
   is it. Not found, and the network honours replay: the very same request once more. Otherwise we look again, later,
   a bounded number of times; then it is `unconfirmed`, and a person decides. Nothing is ever sent again blindly.

Two clocks keep a worker that was stopped in mid-step from sending what another has taken over meanwhile: the claim is
renewed in the commit of step 3, and if too much time has passed between that commit and the send, nothing is sent.
(What remains is a process that is stopped for minutes while it connects, on a server that waits for it as long. With
replay that does no harm. Without, a person would have to send it again meanwhile; the result is kept in any case.)
"""

import logging
import secrets
import time
from collections.abc import Callable
from datetime import datetime, timedelta
from types import TracebackType
from typing import TypeVar

from sqlalchemy.exc import SQLAlchemyError
from sqlmodel import Session

from core import db, lease
from core.connectors.base import Connector, Limits, Prepared, Replay, Sent, Severity
from core.connectors.judging import validate
from core.errors import (
    HubError,
    NeedsReauth,
    NotFound,
    OutcomeUnknown,
    RateLimited,
    Rejected,
    RemoteGone,
    RetryLater,
    UserError,
)
from core.lease import Claim, Keeper
from core.models.planning import Delivery
from core.services import channels, deliveries, delivery_ends
from core.services.deliveries import Noted, anything_due, claim_due, next_due
from core.services.delivery_ends import Ending
from core.services.delivery_parts import Job, Part, Stopwatch, digest
from core.settings import settings

__all__ = ["Publisher", "anything_due", "claim_due", "claim_now", "next_due", "publish_due", "renew_held", "run"]

log = logging.getLogger("hub.publishing")

T = TypeVar("T")

# Seconds until each look for a post of unknown fate. Where a replay is possible it pays to go on for longer.
PAUSES = (5.0, 15.0, 45.0, 120.0, 300.0)
REPLAY_PAUSES = (*PAUSES, 600.0, 900.0, 900.0)
# Seconds that a server gets to finish the first request before the same one follows: two at once may both pass its
# check of the key. A record under our own key has no such gap.
REPLAY_AFTER = {Replay.KEY: 20.0, Replay.RECORD: 0.0}
REPLAY_MARGIN = 120.0  # seconds before the server forgets the key
KEEP_REQUEST = timedelta(hours=1)  # after that uploads may be gone and times look old: prepared anew
CONNECTORS = 8  # that a thread keeps open while it goes from one channel to the next …
CONNECTOR_SECONDS = 30.0  # … for so long; then each is opened anew, in case that the channel was reconnected
STORE_AGAIN = (0.1, 0.5, 2.0, 5.0)  # seconds: what a network accepted is worth some patience with the database

_keeper = Keeper()


class Publisher:
    """Works on claims, one after another. For one thread."""

    def __init__(self, stopping: Callable[[], bool] = lambda: False) -> None:
        """Once `stopping` says so, no new work is taken."""
        self._stopping = stopping
        self._connectors: dict[int, tuple[Connector, float]] = {}  # by channel, with the time that they were opened

    def __enter__(self) -> "Publisher":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the connectors."""
        for connector, _ in self._connectors.values():
            connector.close()
        self._connectors.clear()

    def run(self, claim: Claim) -> Claim | None:
        """Take a delivery as far as it goes now; gives the claim of another that is due, if there is one."""
        with _keeper.keeping(Delivery, claim):
            try:
                end = self._work(claim)
            except SQLAlchemyError:
                raise  # nothing can be written down: the claim runs out and the row is looked at again
            except Exception as error:
                log.exception("delivery %s: a fault of the hub", claim.id)
                end = delivery_ends.put_off(_bug(error))
            if isinstance(end, Noted):
                taken = end.taken
            else:
                self.close()  # whatever went wrong, the next one begins with fresh credentials and connections
                taken = _surely(lambda: deliveries.conclude(claim, end, self._goes_on()))
        return taken[0] if taken else None

    def _goes_on(self) -> bool:
        return not self._stopping()

    def _work(self, claim: Claim) -> Ending | Noted | None:
        """One part after another. None: nothing is left to be written down."""
        while (job := deliveries.load(claim)) is not None:
            step = self._resolve(job) if job.in_doubt else self._send(job)
            if not isinstance(step, Noted) or not step.more:
                return step
        return None

    # --- a part that has not left -------------------------------------------------------------------------------------

    def _send(self, job: Job) -> Ending | Noted | None:
        try:
            connector = self._open(job.channel_id)
            number, prepared = self._prepare(job, connector)
        except Exception as error:
            return delivery_ends.not_sent(job.pending, _before_it_left(job, error))
        watch = deliveries.fix(job, number, prepared)
        if watch is None:
            return None
        if _too_late(watch):
            log.warning("delivery %s: stopped for %.0f s before sending, begun again", job.claim.id, watch.seconds())
            return delivery_ends.not_sent(number, delivery_ends.snoozed(db.utc_now(), RetryLater("Interrupted.")))
        left_at = db.utc_now()
        try:
            sent = connector.publish(prepared)
        except Exception as error:
            return _no_success(job, number, error, left_at)
        return self._accepted(job, number, prepared, sent, left_at)

    def _open(self, channel_id: int) -> Connector:
        connector, opened = self._connectors.get(channel_id, (None, 0.0))
        if connector is None or time.monotonic() - opened > CONNECTOR_SECONDS:
            if connector is not None or len(self._connectors) >= CONNECTORS:
                self.close()
            connector = channels.open_connector(channel_id)
            self._connectors[channel_id] = connector, time.monotonic()
        return connector

    def _prepare(self, job: Job, connector: Connector) -> tuple[int, Prepared]:
        """(number of the part, its request). A request that was fixed before and surely not accepted is kept."""
        if job.trouble is not None:
            raise job.trouble
        assert job.draft is not None
        number, draft = job.pending, job.draft
        if number >= len(draft.parts):
            raise Rejected("The post was shortened after some of its parts went out. Nothing is left to send.")
        for problem in validate(type(connector), draft, connector.limits):
            if problem.severity is Severity.ERROR:
                raise Rejected(problem.message)
        kept = job.parts[number] if number < len(job.parts) else None
        if kept and kept.digest == digest(draft, number) and db.utc_now() - kept.fixed_at < KEEP_REQUEST:
            return number, kept.prepared
        previous = [part.sent for part in job.parts[:number] if part.sent is not None]
        return number, connector.prepare(draft, number, secrets.token_hex(16), previous)

    def _accepted(
        self, job: Job, number: int, prepared: Prepared, sent: Sent, left_at: datetime | None = None
    ) -> Noted:
        log.info("delivery %s: part %s accepted as %s", job.claim.id, number + 1, sent.remote_id)
        key = prepared.replay_key
        return _surely(lambda: deliveries.accept(job.claim, number, key, sent, self._goes_on(), left_at))

    # --- a part that may have left ------------------------------------------------------------------------------------

    def _resolve(self, job: Job) -> Ending | Noted | None:
        """Look first; send the same again only where that is known to be safe."""
        number = job.pending
        part = job.parts[number]
        try:
            connector = self._open(job.channel_id)
            found = _look(connector, part)
        except Exception as error:
            return _no_look(job, error)
        if found is not None:
            noted = _surely(lambda: deliveries.adopt(job.claim, number, found, self._goes_on()))
            if noted is not None:
                log.info("delivery %s: part %s found online as %s", job.claim.id, number + 1, found.remote_id)
                return noted
        if not _replayable(connector.limits, part):
            return delivery_ends.look_again(OutcomeUnknown("No answer, and not in the timeline yet."), PAUSES, True)
        return self._replay(job, connector, number, part)

    def _replay(self, job: Job, connector: Connector, number: int, part: Part) -> Ending | Noted | None:
        """Send the very same request once more, after the server had time to finish the first."""
        assert part.tried_at is not None
        not_before = part.tried_at + timedelta(seconds=REPLAY_AFTER[connector.limits.replay])
        if db.utc_now() < not_before:
            return delivery_ends.snoozed(not_before, OutcomeUnknown("No answer, and not in the timeline yet."))
        watch = deliveries.fix_again(job.claim, number)
        if watch is None:
            return None
        try:
            if _too_late(watch):
                raise RetryLater("Interrupted.")
            log.info("delivery %s: part %s is not online, sent again with its key", job.claim.id, number + 1)
            sent = connector.publish(part.prepared)
        except (RateLimited, NeedsReauth, RetryLater) as error:
            return _no_look(job, error)
        except Exception as error:
            # A refusal says nothing about the first request: it may refuse what it has already.
            _trace(job, error)
            return delivery_ends.look_again(error, REPLAY_PAUSES, True)
        return self._accepted(job, number, part.prepared, sent)


# --- what an error means at each step ---------------------------------------------------------------------------------


def _before_it_left(job: Job, error: Exception) -> Ending:
    if isinstance(error, RateLimited):
        return delivery_ends.snoozed(error.until, error)
    if isinstance(error, NeedsReauth):
        return delivery_ends.needs_channel(error)
    if isinstance(error, (Rejected, RemoteGone, NotFound)):
        log.info("delivery %s: failed (%s)", job.claim.id, type(error).__name__)
        return delivery_ends.failed(error)
    if isinstance(error, UserError):
        return delivery_ends.needs_channel(error)
    _trace(job, error)
    return delivery_ends.put_off(error if isinstance(error, HubError) else _bug(error))


def _no_success(job: Job, number: int, error: Exception, left_at: datetime) -> Ending:
    if isinstance(error, (RateLimited, NeedsReauth, RetryLater, Rejected, RemoteGone)):
        return delivery_ends.not_sent(number, _before_it_left(job, error))
    _trace(job, error)
    log.warning("delivery %s: part %s may or may not be out (%s)", job.claim.id, number + 1, type(error).__name__)
    unknown = error if isinstance(error, OutcomeUnknown) else OutcomeUnknown(str(_bug(error)))
    return delivery_ends.look_again(unknown, PAUSES, False, left_at)


def _no_look(job: Job, error: Exception) -> Ending:
    if isinstance(error, RateLimited):
        return delivery_ends.snoozed(error.until, error)
    if isinstance(error, (NeedsReauth, UserError)):
        return delivery_ends.needs_channel(error)
    _trace(job, error)
    return delivery_ends.put_off(error if isinstance(error, HubError) else _bug(error))


def _trace(job: Job, error: Exception) -> None:
    if not isinstance(error, HubError):
        log.error("delivery %s: a fault of the hub", job.claim.id, exc_info=error)


def _bug(error: Exception) -> HubError:
    return HubError(f"The hub has a fault of its own ({type(error).__name__}). The worker's log has the details.")


# --- helpers ----------------------------------------------------------------------------------------------------------


def _look(connector: Connector, part: Part) -> Sent | None:
    assert part.sent_at is not None
    try:
        return connector.find_published(part.prepared, part.sent_at)
    except (Rejected, RemoteGone) as error:
        log.info("a look was refused (%s)", type(error).__name__)
        return None


def _replayable(limits: Limits, part: Part) -> bool:
    if limits.replay is Replay.RECORD:
        return True
    assert part.sent_at is not None
    age = (db.utc_now() - part.sent_at).total_seconds()
    return limits.replay is Replay.KEY and 0 <= age < limits.replay_window - REPLAY_MARGIN


def _too_late(watch: Stopwatch) -> bool:
    """Whether the claim may be another's by the time the request is out."""
    return watch.seconds() > settings().lease_seconds / 2


def _surely(store: Callable[[], T]) -> T:
    """Store the truth even if the database is locked or away for some seconds."""
    for pause in STORE_AGAIN:
        try:
            return store()
        except SQLAlchemyError as error:
            log.warning("the outcome could not be stored yet (%s)", type(error).__name__)
            time.sleep(pause)
    return store()


def claim_now(limit: int) -> list[Claim]:
    """Claim up to `limit` due deliveries, at most one a channel."""
    if limit < 1:
        return []
    with db.write() as session:
        return claim_due(session, limit)


def run(claim: Claim, stopping: Callable[[], bool] = lambda: False) -> int:
    """Work on a claimed delivery, and then on whatever else is due; gives how many deliveries that were."""
    worked = 0
    following: Claim | None = claim
    with Publisher(stopping) as publisher:
        while following is not None:
            worked += 1
            following = publisher.run(following)
    return worked


def publish_due() -> int:
    """Publish all that is due, one after another, in this thread; gives how many deliveries were worked on.

    For the command line and tests. The worker does the same with threads, and renews its leases meanwhile.
    """
    claims = claim_now(1)
    return run(claims[0]) if claims else 0


def renew_held(session: Session) -> None:
    """Keep the claims of this process alive; call it at least three times a lease."""
    lease.renew(session, Delivery, _keeper.tokens().get(Delivery, []), settings().lease_seconds)
