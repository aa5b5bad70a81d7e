"""What the team says about a post, beside it: comments with @names, and the decisions of its review among them.

Nobody outside sees any of it. Decisions are written by `approval.py`; here they are only read.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import func, select
from sqlmodel import Session, col

from core.errors import NotFound, UserError
from core.models.planning import Post
from core.models.planning_work import PostComment, RemarkKind
from core.models.team import Member
from core.services.inbox_mentions import mentioned
from core.services.notices import NoticeKind, notify
from core.services.team import Actor, Right, audit, require

LENGTH = 2000
PAGE = 20


@dataclass(frozen=True)
class Comment:
    """One entry. `by` is empty when the hub itself wrote it."""

    id: int
    at: datetime
    kind: RemarkKind
    by: str
    member_id: int | None
    text: str


@dataclass(frozen=True)
class CommentPage:
    """Entries from old to new; `before` continues with older ones, None when there are none."""

    rows: tuple[Comment, ...]
    before: int | None


def comments(session: Session, post_id: int, before: int | None = None, limit: int = PAGE) -> CommentPage:
    """The newest entries (older than `before`), read from top to bottom. One read."""
    wanted = (
        select(PostComment, func.coalesce(col(Member.name), ""))
        .outerjoin(Member, col(Member.id) == col(PostComment.member_id))
        .where(col(PostComment.post_id) == post_id)
        .order_by(col(PostComment.id).desc())
        .limit(limit + 1)
    )
    if before is not None:
        wanted = wanted.where(col(PostComment.id) < before)
    rows = session.execute(wanted).all()
    shown = [Comment(r.id, r.at, r.kind, name, r.member_id, r.text) for r, name in rows[:limit]]
    return CommentPage(tuple(reversed(shown)), shown[-1].id if len(rows) > limit else None)


def comment(session: Session, actor: Actor, post_id: int, text: str) -> int:
    """Say something about a post, for the team; gives the comment's number. Whoever is named with @ is told.

    Everybody who may see the plan may comment. The post's author is told, too.
    """
    require(actor, Right.LOOK)
    post = session.get(Post, post_id)
    if post is None:
        raise NotFound("This post isn't in the plan any more. Somebody may have deleted it.")
    text = text.strip()
    if not text:
        raise UserError("Write something first.")
    if len(text) > LENGTH:
        raise UserError(f"A comment has at most {LENGTH} characters; this one has {len(text)}.")
    row = PostComment(post_id=post_id, member_id=actor.id, text=text)
    session.add(row)
    session.flush()
    _tell(session, actor, post, text)
    audit(session, actor, "post.comment", f"post:{post_id}")
    return row.id


def _tell(session: Session, actor: Actor, post: Post, text: str) -> None:
    """Those who are named, and the author. What the comment says is not repeated elsewhere."""
    there = select(col(Member.id), col(Member.name), col(Member.email)).where(col(Member.disabled_at).is_(None))
    named = mentioned(text, [(row[0], row[1], row[2]) for row in session.execute(there)]) if "@" in text else set()
    target = f"post:{post.id}"
    if named:
        told = f"{actor.name} mentioned you in a comment on a post."
        notify(session, named, NoticeKind.MENTIONED, told, target, by=actor)
    if post.member_id is not None and post.member_id not in named:
        notify(session, [post.member_id], NoticeKind.COMMENT, f"{actor.name} commented on your post.", target, by=actor)


def remove_comment(session: Session, actor: Actor, comment_id: int) -> None:
    """Take one's own comment away; administrators may take any. Decisions of a review stay."""
    row = session.get(PostComment, comment_id)
    if row is None:
        raise NotFound("This comment isn't there any more.")
    if row.kind is not RemarkKind.COMMENT:
        raise UserError("What was decided stays written down.")
    if row.member_id != actor.id or actor.id is None:
        require(actor, Right.TEAM)
    session.delete(row)
    audit(session, actor, "post.uncomment", f"post:{row.post_id}")
    session.flush()


@dataclass(frozen=True)
class Name:
    """A colleague, and what to write after @ so that they are told."""

    member_id: int
    name: str
    word: str


def names(session: Session, actor: Actor) -> tuple[Name, ...]:
    """Whom a comment can name: everybody else who can sign in. One read."""
    rows = session.execute(
        select(col(Member.id), col(Member.name)).where(col(Member.disabled_at).is_(None)).order_by(col(Member.name))
    ).all()
    firsts = [_first(name) for _, name in rows]
    return tuple(
        Name(number, name, first if firsts.count(first) == 1 else ".".join(name.split()))
        for (number, name), first in zip(rows, firsts, strict=True)
        if number != actor.id
    )


def _first(name: str) -> str:
    return (name.split() or [""])[0]


def counts(session: Session, post_ids: Sequence[int]) -> dict[int, int]:
    """How many comments posts have, without decisions. One read."""
    rows = session.execute(
        select(col(PostComment.post_id), func.count())
        .where(col(PostComment.post_id).in_(post_ids), col(PostComment.kind) == RemarkKind.COMMENT)
        .group_by(col(PostComment.post_id))
    )
    return {row[0]: row[1] for row in rows}
