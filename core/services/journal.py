"""The journal of a delivery: what was intended, sent, accepted, seen, and what people decided. Append-only.

Lines are written in the transaction that changes the row, so the journal never says what did not happen.
"""

from datetime import datetime

from sqlmodel import Session

from core.db import utc_now
from core.models.planning import Delivery
from core.models.planning_work import DeliveryEvent, EventKind
from core.services.team import Actor


def note(
    session: Session,
    row: Delivery,
    kind: EventKind,
    detail: str = "",
    *,
    part: int = 0,
    actor: Actor | None = None,
    at: datetime | None = None,
) -> None:
    """Write one line, in the caller's transaction. `detail` is a sentence for people, never a secret."""
    session.add(
        DeliveryEvent(
            delivery_id=row.id,
            at=at or utc_now(),
            kind=kind,
            part=part,
            attempt=row.attempts,
            detail=detail[:500],
            member_id=actor.id if actor else None,
        )
    )
