"""Due rows are the queue: claim, hold, renew, snooze, back off, finish. Knows nothing of what the work is.

Rows are claimed in one short transaction, committed before a network is talked to. Whoever finishes must still hold the
claim: `hold` gives None once somebody else took over. A claim whose lease ran out is given to the next who asks; what
that means for work that may have left is the caller's to decide (`services/publishing.py` looks before it sends).
"""

import random
import secrets
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, TypeVar

from sqlalchemy import ColumnElement, CursorResult, or_, select, update
from sqlmodel import Session, col

from core.db import utc_now
from core.models.columns import Leased

Row = TypeVar("Row", bound=Leased)

BACKOFF_FIRST = 5.0  # seconds
BACKOFF_MOST = 900.0
LONGEST_WORK = 600.0  # seconds that one claim may be worked on; every request ends long before


@dataclass(frozen=True)
class Claim:
    """A row that is ours until the lease ends. `expired`: somebody held it before and never finished."""

    id: int
    token: str
    expired: bool = False


def claim(
    session: Session, table: type[Row], where: Sequence[ColumnElement[bool]], limit: int, lease_seconds: float
) -> list[Claim]:
    """Take up to `limit` due rows, oldest first. The caller commits before it starts to work."""
    now, keys = utc_now(), table.__table__.c  # type: ignore[attr-defined]
    due = (
        select(keys.id)
        .where(keys.due_at <= now, or_(keys.claim_token.is_(None), keys.lease_until < now), *where)
        .order_by(keys.due_at, keys.id)
        .limit(limit)
    )
    if session.get_bind().dialect.name == "postgresql":
        due = due.with_for_update(skip_locked=True)
    # The order is asked for once more: the outer statement is free to forget that of the inner one.
    found = select(keys.id, keys.claim_token).where(keys.id.in_(due)).order_by(keys.due_at, keys.id)
    before: dict[int, str | None] = {row.id: row.claim_token for row in session.execute(found)}
    if not before:
        return []
    token = secrets.token_hex(16)
    taken = session.execute(
        update(table)
        .where(keys.id.in_(list(before)))
        # Counted from here: waiting for the database's lock must not eat the lease.
        .values(claim_token=token, lease_until=utc_now() + timedelta(seconds=lease_seconds))
        .execution_options(synchronize_session=False)
    )
    assert isinstance(taken, CursorResult) and taken.rowcount == len(before)
    return [Claim(row, token, expired=before[row] is not None) for row in before]


def hold(session: Session, table: type[Row], claimed: Claim) -> Row | None:
    """The row, locked for this transaction, if the claim is still ours."""
    keys: Any = table.__table__.c  # type: ignore[attr-defined]
    found = select(table).where(keys.id == claimed.id, keys.claim_token == claimed.token).with_for_update()
    return session.execute(found, execution_options={"populate_existing": True}).scalars().one_or_none()


def renew(session: Session, table: type[Row], tokens: Sequence[str], lease_seconds: float) -> None:
    """Keep claims alive while their work goes on."""
    if tokens:
        session.execute(
            update(table)
            .where(col(table.claim_token).in_(tokens))
            .values(lease_until=utc_now() + timedelta(seconds=lease_seconds))
            .execution_options(synchronize_session=False)
        )


class Keeper:
    """Knows the claims that this process works on, and renews them for as long as the work may take.

    Work that hangs for longer than `longest` seconds is no longer renewed: somebody else then looks at the row.
    """

    def __init__(self, longest: float = LONGEST_WORK) -> None:
        self.longest = longest
        self._lock = threading.Lock()
        self._held: dict[tuple[type[Leased], str], float] = {}

    @contextmanager
    def keeping(self, table: type[Leased], claimed: Claim) -> Iterator[None]:
        """While the block runs, `renew` includes this claim."""
        key = (table, claimed.token)
        with self._lock:
            self._held[key] = time.monotonic()
        try:
            yield
        finally:
            with self._lock:
                self._held.pop(key, None)

    def tokens(self) -> dict[type[Leased], list[str]]:
        """What is worked on now, without what has hung for too long."""
        oldest = time.monotonic() - self.longest
        held: dict[type[Leased], list[str]] = {}
        with self._lock:
            for (table, token), since in self._held.items():
                if since >= oldest:
                    held.setdefault(table, []).append(token)
        return held


def finish(row: Leased, due_at: datetime | None = None) -> None:
    """Done well. `due_at` is when the row is due again; None: never."""
    row.claim_token = row.lease_until = row.last_error = row.error_kind = None
    row.attempts = 0
    row.due_at = due_at


def give_up(row: Leased, error: Exception) -> None:
    """Done badly, and for good: the row keeps the reason and isn't due any more."""
    _note(row, error)
    row.due_at = None


def snooze(row: Leased, until: datetime, error: Exception) -> None:
    """Not now, and not the row's fault: no attempt is spent."""
    _note(row, error)
    row.due_at = until


def back_off(row: Leased, error: Exception, first: float = BACKOFF_FIRST) -> None:
    """Try again later: an attempt is spent, the pause doubles, with jitter so that rows don't march in step."""
    _note(row, error)
    row.attempts += 1
    pause = min(first * 2 ** (row.attempts - 1), BACKOFF_MOST)
    row.due_at = utc_now() + timedelta(seconds=pause * random.uniform(0.75, 1.25))  # noqa: S311 - no secret


def _note(row: Leased, error: Exception) -> None:
    row.claim_token = row.lease_until = None
    row.last_error = str(error)[:500] or type(error).__name__
    row.error_kind = type(error).__name__
