"""What somebody typed into the composer and didn't save: kept for each member and post, seen by nobody else.

`place` is "post:12", or "new". A draft is gone when its post is saved, thrown away, or not touched for a month.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import delete, select
from sqlmodel import Session, col

from core import db
from core.db import utc_now
from core.models.planning_work import ComposerDraft
from core.services.team import Actor

KEPT = timedelta(days=30)
NEW = "new"


def place_of(post_id: int | None) -> str:
    """Where it is kept."""
    return NEW if post_id is None else f"post:{post_id}"


@dataclass(frozen=True)
class Unsaved:
    """What was typed on top of `base_version` of the post."""

    base_version: int
    content: Mapping[str, Any]
    saved_at: datetime


def unsaved(session: Session, actor: Actor, place: str) -> Unsaved | None:
    """What this member has typed there; None when there is nothing. One read."""
    row = session.execute(_mine(actor, place)).scalar_one_or_none()
    return Unsaved(row.base_version, row.content or {}, row.saved_at) if row else None


def _mine(actor: Actor, place: str) -> Any:
    return select(ComposerDraft).where(col(ComposerDraft.member_id) == actor.id, col(ComposerDraft.place) == place)


def keep(session: Session, actor: Actor, place: str, base_version: int, content: Mapping[str, Any]) -> None:
    """Keep what is typed now instead of what was there. One statement."""
    if actor.id is None:
        return
    values = {"base_version": base_version, "content": dict(content), "saved_at": utc_now()}
    made = db.upsert(session, ComposerDraft.__table__).values(member_id=actor.id, place=place, **values)  # type: ignore[attr-defined]
    session.execute(made.on_conflict_do_update(index_elements=["member_id", "place"], set_=values))


def drop(session: Session, actor: Actor, place: str) -> None:
    """It was saved, or thrown away."""
    session.execute(
        delete(ComposerDraft).where(col(ComposerDraft.member_id) == actor.id, col(ComposerDraft.place) == place)
    )


def forget_old(session: Session) -> None:
    """What nobody touched for a month, and what belongs to a post that is gone."""
    session.execute(delete(ComposerDraft).where(col(ComposerDraft.saved_at) < utc_now() - KEPT))
