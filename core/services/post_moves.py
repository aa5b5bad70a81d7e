"""Versions of posts of which only the time has changed, many at once. Any other change is `post_history.record`'s."""

from collections.abc import Sequence

from sqlalchemy import func, insert, select
from sqlmodel import Session, col

from core.models.planning import Post
from core.models.planning_work import PostVersion
from core.services.team import Actor


def record_moves(session: Session, actor: Actor, posts: Sequence[Post], action: str) -> None:
    """Keep the new times as versions `post.version`, in the caller's transaction. Two statements, however many."""
    ids = [post.id for post in posts]
    newest = (
        select(col(PostVersion.post_id), func.max(col(PostVersion.number)).label("number"))
        .where(col(PostVersion.post_id).in_(ids))
        .group_by(col(PostVersion.post_id))
        .subquery()
    )
    known = {
        row.post_id: row.content or {}
        for row in session.execute(
            select(PostVersion).join(
                newest,
                (newest.c.post_id == col(PostVersion.post_id)) & (newest.c.number == col(PostVersion.number)),
            )
        ).scalars()
    }
    rows = [
        {
            "post_id": post.id,
            "number": post.version,
            "at": post.updated_at,
            "member_id": actor.id,
            "action": action,
            "content": known[post.id] | {"planned_at": post.planned_at.isoformat() if post.planned_at else None},
        }
        for post in posts
        if post.id in known
    ]
    if rows:
        session.execute(insert(PostVersion), rows)
