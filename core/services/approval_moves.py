"""What a review does to a post, its deliveries and the people around it. When it does is `approval.py`'s to decide."""

from collections.abc import Iterable, Sequence

from sqlalchemy import select
from sqlmodel import Session, col

from core.db import utc_now
from core.models.channel import Channel
from core.models.planning import Delivery, DeliveryState, Post, PostState
from core.models.planning_work import EventKind, PostComment, RemarkKind
from core.services import journal
from core.services.approval_digest import digest
from core.services.approval_state import approvers, review_of, writers
from core.services.notices import NoticeKind, notify, settle
from core.services.team import Actor

HELD = "It isn't approved as it stands: back into review."


def into_review(session: Session, actor: Actor | None, post: Post, why: str) -> None:
    """Into review, whatever it was; nothing of it is scheduled any more. `actor` None: the hub itself."""
    keep_back(session, [post.id], HELD)
    reviewed(session, actor, post, digest(session, post).whole, why)
    session.flush()


def reviewed(session: Session, actor: Actor | None, post: Post, now: str, why: str) -> None:
    """It is in review; what was approved of it stays only if it still says that (`now`)."""
    post.state, post.submitted_at = PostState.IN_REVIEW, utc_now()
    post.approved_at = post.approved_by = post.approved_digest = None
    if review_of(post)["digest"] != now:
        post.review = {"writers": review_of(post)["writers"]}
    remark(session, actor, post, RemarkKind.WITHDRAWN, why)


def keep_back(session: Session, post_ids: Sequence[int], why: str) -> None:
    """Nothing of them that hasn't left yet may go out."""
    from core.services.plan_deliveries import reset  # which asks this module before it tries again

    rows = select(Delivery).where(col(Delivery.post_id).in_(post_ids), col(Delivery.state) == DeliveryState.SCHEDULED)
    kept = list(session.execute(rows).scalars())
    for row in kept:
        reset(row, DeliveryState.DRAFT)
    session.flush()
    journal.note_all(session, [row.id for row in kept], EventKind.WAITING, why)


def remark(session: Session, actor: Actor | None, post: Post, kind: RemarkKind, text: str = "") -> None:
    """A decision, among the comments of the post."""
    session.add(PostComment(post_id=post.id, member_id=actor.id if actor else None, kind=kind, text=text))


def ask(session: Session, actor: Actor | None, post: Post, text: str) -> None:
    """Tell everybody who may approve it."""
    session.flush()
    notify(session, (p.id for p in approvers(session, post)), NoticeKind.REVIEW, text, f"post:{post.id}", by=actor)


def tell_writers(session: Session, actor: Actor | None, post: Post, text: str) -> None:
    """Tell who wrote it and who asked for the review."""
    ids: Iterable[int | None] = {*writers(post), *askers(session, post.id)}
    there = [number for number in ids if number is not None]
    settle_for = f"post:{post.id}"
    settle(session, NoticeKind.REVIEWED, settle_for)  # what was decided before is history
    notify(session, there, NoticeKind.REVIEWED, text, settle_for, by=actor)


def askers(session: Session, post_id: int) -> set[int | None]:
    """Who asked for review last."""
    rows = (
        select(col(PostComment.member_id))
        .where(col(PostComment.post_id) == post_id, col(PostComment.kind) == RemarkKind.ASKED)
        .order_by(col(PostComment.id).desc())
        .limit(1)
    )
    return set(session.execute(rows).scalars())


def where(session: Session, post_id: int) -> str:
    """“ for @nord@norden.example and 2 more”. Notices leave the hub, so they say nothing of what a post says."""
    rows = (
        select(col(Channel.handle))
        .join(Delivery, col(Delivery.channel_id) == col(Channel.id))
        .where(col(Delivery.post_id) == post_id)
        .order_by(col(Delivery.id))
    )
    handles = list(session.execute(rows).scalars())
    if not handles:
        return ""
    return f" for {handles[0]}" + (f" and {len(handles) - 1} more" if len(handles) > 1 else "")
