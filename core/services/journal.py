"""The journal of a delivery: what was intended, sent, accepted, seen, and what people decided. Writing it only.

Lines are written in the transaction that changes the row, so the journal never says what did not happen. Reading it,
and making steps and sentences of it, is `proof_steps.py`'s.
"""

from collections.abc import Iterable
from datetime import datetime

from sqlalchemy import insert, select
from sqlmodel import Session, col

from core import db
from core.models.planning import Delivery
from core.models.planning_work import DeliveryEvent, EventKind
from core.services.team import Actor

DETAIL = 500  # characters that are kept
FOLDED = {EventKind.WAITING, EventKind.LOOKED}  # said once, and counted, while nothing else happens


def note(
    session: Session,
    row: Delivery,
    kind: EventKind,
    detail: str = "",
    *,
    part: int = 0,
    actor: Actor | None = None,
    at: datetime | None = None,
    attempt: int | None = None,
) -> None:
    """Write one line, in the caller's transaction. `detail` is a sentence for people, never a secret.

    A pause or a look that says the same as the line before counts that line up: an hour of trouble is one line.
    """
    if kind in FOLDED and _fold(session, row.id, kind, detail, part):
        return
    session.add(
        DeliveryEvent(
            delivery_id=row.id,
            at=at or db.utc_now(),
            kind=kind,
            part=part,
            attempt=row.attempts if attempt is None else attempt,
            detail=detail[:DETAIL],
            member_id=actor.id if actor else None,
        )
    )


def note_sent(
    session: Session,
    row: Delivery,
    part: int,
    attempt: int,
    how: EventKind,
    detail: str,
    left_at: datetime | None,
) -> None:
    """That a part left (at `left_at`, where that is known) and what the network made of it. One statement."""
    common = {"delivery_id": row.id, "part": part, "attempt": attempt, "times": 1}
    lines = [common | {"kind": how, "at": db.utc_now(), "detail": detail[:DETAIL]}]
    if left_at is not None:
        lines.insert(0, common | {"kind": EventKind.SENT, "at": left_at, "detail": ""})
    session.execute(insert(DeliveryEvent), lines)


def note_all(
    session: Session, delivery_ids: Iterable[int], kind: EventKind, detail: str = "", actor: Actor | None = None
) -> None:
    """The same line for many deliveries. One statement."""
    now, member = db.utc_now(), actor.id if actor else None
    common = {"at": now, "kind": kind, "part": 0, "attempt": 0, "detail": detail[:DETAIL], "member_id": member}
    lines = [{"delivery_id": delivery_id, "times": 1, **common} for delivery_id in delivery_ids]
    if lines:
        session.execute(insert(DeliveryEvent), lines)


def _fold(session: Session, delivery_id: int, kind: EventKind, detail: str, part: int) -> bool:
    """Count the last line up if it says the very same. One indexed read."""
    last = session.execute(
        select(DeliveryEvent)
        .where(col(DeliveryEvent.delivery_id) == delivery_id)
        .order_by(col(DeliveryEvent.id).desc())
        .limit(1)
    ).scalar_one_or_none()
    if last is None or (last.kind, last.detail, last.part) != (kind, detail[:DETAIL], part):
        return False
    last.times += 1
    last.last_at = db.utc_now()
    return True
