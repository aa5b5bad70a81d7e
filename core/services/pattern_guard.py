"""A post that comes again is a pattern: its copies go out, it doesn't. Asked by whatever schedules."""

from sqlalchemy import select
from sqlmodel import Session, col

from core.errors import UserError
from core.models.planning_time import Recurrence


def refuse_pattern(session: Session, post_id: int) -> None:
    """Raise `UserError` when this post comes again. One indexed read."""
    if session.execute(select(col(Recurrence.id)).where(col(Recurrence.post_id) == post_id)).first() is not None:
        raise UserError(
            "This post comes again: its copies go out, it doesn't. "
            "Change when in the composer under Repeat, or end the repetition first."
        )
