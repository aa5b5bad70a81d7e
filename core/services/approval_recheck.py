"""Other rules of approval, or other groups of channels: what is scheduled and now isn't approved goes back into review.

Better when the rules change than at its time. Which rules there are is `approval_rules.py`, what a review is
`approval.py`.
"""

from collections.abc import Sequence

from sqlalchemy import select
from sqlmodel import Session, col

from core.models.planning import Delivery, DeliveryState, Post
from core.models.team import Role
from core.services import approval_rules
from core.services.approval_digest import digests
from core.services.approval_moves import HELD, keep_back, reviewed
from core.services.approval_rules import allowed, applying, groups_of, named, rules, team
from core.services.approval_state import approved_for, writers
from core.services.notices import NoticeKind, notify
from core.services.team import Actor


def save_rule(
    session: Session,
    actor: Actor,
    group_id: int | None,
    *,
    required: bool,
    roles: Sequence[Role] = (),
    member_ids: Sequence[int] = (),
    four_eyes: bool = False,
) -> int:
    """Keep a rule; gives how many scheduled posts went back into review because of it."""
    approval_rules.save_rule(
        session, actor, group_id, required=required, roles=roles, member_ids=member_ids, four_eyes=four_eyes
    )
    return recheck(session, actor)


def drop_rule(session: Session, actor: Actor, group_id: int) -> int:
    """Let a group go by the rule for all others; gives how many scheduled posts went back into review."""
    approval_rules.drop_rule(session, actor, group_id)
    return recheck(session, actor)


def recheck(session: Session, actor: Actor) -> int:
    """After rules or groups of channels changed: what is scheduled and now isn't approved goes back into review.

    Better now than at its time. Gives how many posts that were; approvers hear of all of them at once.
    """
    session.flush()
    if not any(rule.required for rule in rules(session)):
        return 0
    waiting = (
        select(col(Delivery.post_id))
        .where(col(Delivery.state) == DeliveryState.SCHEDULED, col(Delivery.post_id).is_not(None))
        .distinct()
    )
    ids = [number for number in session.execute(waiting).scalars() if number is not None]
    back = 0
    told: set[int] = set()
    for start in range(0, len(ids), 500):
        shut = unapproved(session, ids[start : start + 500])
        posts = list(session.execute(select(Post).where(col(Post.id).in_(shut))).scalars()) if shut else []
        told |= _take_back(session, actor, posts)
        back += len(posts)
    if back:
        what = "One scheduled post waits" if back == 1 else f"{back} scheduled posts wait"
        notify(session, told, NoticeKind.REVIEW, f"{what} for an approval that is needed now.", "reviews", by=actor)
    session.flush()
    return back


def _take_back(session: Session, actor: Actor, posts: Sequence[Post]) -> set[int]:
    """Many posts into review, in a constant number of reads; gives who may approve one of them."""
    if not posts:
        return set()
    ids = [post.id for post in posts]
    keep_back(session, ids, HELD)
    every, people, groups, now = rules(session), team(session), groups_of(session, ids), digests(session, posts)
    told: set[int] = set()
    for post in posts:
        reviewed(session, actor, post, now[post.id].whole, "The rules changed: it needs approval now.")
        done, wrote = approved_for(post, now[post.id]), writers(post)
        still = [r for r in applying(every, groups.get(post.id, [None])) if r.required and r.group_id not in done]
        told |= {p.id for rule in still for p in named(rule, people) if allowed(rule, p.id, wrote, people)}
    return told


def unapproved(session: Session, post_ids: Sequence[int]) -> set[int]:
    """Which of these scheduled posts would be refused at their time. A constant number of reads."""
    every = rules(session)
    if not post_ids or not any(rule.required for rule in every):
        return set()
    groups = groups_of(session, post_ids)
    posts = list(session.execute(select(Post).where(col(Post.id).in_(post_ids))).scalars())
    now = digests(session, posts)
    found = set()
    for post in posts:
        needed = {rule.group_id for rule in applying(every, groups.get(post.id, [])) if rule.required}
        if not needed <= approved_for(post, now[post.id]):
            found.add(post.id)
    return found
