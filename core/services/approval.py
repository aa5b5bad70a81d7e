"""Review: asking, approving, returning, and the locks that keep what isn't approved from going out.

Which posts need it and who may is `approval_rules.py`, how a post stands `approval_state.py`, what exactly was approved
`approval_digest.py`, other rules `approval_recheck.py`; all of it is offered here too. The life of a reviewed post:

    draft ──submit_for_review──► in review ──approve──► approved ──schedule──► scheduled ──may_go_out──► sent
      ▲                            │  ▲                    │                      │            │
      └──── return, withdraw ──────┘  └──── a change of the content ──────────────┴── not as approved

An approval is of content: `content_changed` ends it, times may move. There are two locks. `check` is asked by whatever
schedules, for everybody: pages, imports, queues, the command line. A member who may approve the post approves it by
scheduling it, unless the rule asks for four eyes; the command line may approve, but only by saying so: jobs of the
worker act in its name. `may_go_out` is asked right before a delivery leaves and compares what really goes out with
what was approved; if it isn't, the post goes back into review and nothing of it is sent.
"""

from collections.abc import Sequence

from sqlalchemy import select
from sqlmodel import Session, col

from core.db import utc_now
from core.errors import NotFound, PermissionDenied, UserError
from core.models.channel import Channel
from core.models.planning import Delivery, DeliveryState, Post, PostState
from core.models.planning_work import EventKind, RemarkKind
from core.models.team import Role
from core.services import approval_rules, journal
from core.services.approval_digest import digest
from core.services.approval_moves import (
    HELD,
    ask,
    askers,
    into_review,
    keep_back,
    remark,
    tell_writers,
    where,
)
from core.services.approval_recheck import drop_rule, recheck, save_rule, unapproved
from core.services.approval_rules import (
    EVERYWHERE,
    Person,
    Rule,
    allowed,
    applying,
    groups_of,
    rule_for,
    rules,
    team,
)
from core.services.approval_state import (
    UNASKED,
    Need,
    Standing,
    Waiting,
    approvers,
    in_review,
    missing,
    open_rules,
    outlook,
    required_rules,
    review_of,
    standing,
    waiting_for,
    writers,
)
from core.services.notices import NoticeKind, settle
from core.services.team import Actor, Right, audit, require

__all__ = [
    "EVERYWHERE",
    "Need",
    "Person",
    "Rule",
    "Standing",
    "Waiting",
    "approvers",
    "drop_rule",
    "in_review",
    "outlook",
    "recheck",
    "rule_for",
    "rules",
    "save_rule",
    "standing",
    "team",
    "unapproved",
    "waiting_for",
]

ASKABLE = (PostState.IDEA, PostState.DRAFT, PostState.APPROVED, PostState.NEEDS_CARE)
BEFORE = (PostState.IDEA, PostState.DRAFT, PostState.IN_REVIEW)


# --- what people do ---------------------------------------------------------------------------------------------------


def submit_for_review(session: Session, actor: Actor, post_id: int) -> None:
    """Ask for approval. Everybody who may approve is told. Of what is approved already the approval ends: what is in
    review can't be scheduled, and nobody but who may approve takes it out of there as approved.
    """
    require(actor, Right.PLAN)
    post = _post(session, post_id)
    if post.state not in ASKABLE:
        raise UserError("Only an idea or a draft can be sent for review.")
    if not groups_of(session, [post_id]):
        raise UserError("Choose its channels first: who may approve it depends on them.")
    if not open_rules(session, post):
        _forget(post)
    post.state, post.submitted_at = PostState.IN_REVIEW, utc_now()
    remark(session, actor, post, RemarkKind.ASKED)
    ask(session, actor, post, f"{actor.name} asks for your approval of a post{where(session, post_id)}.")
    audit(session, actor, "post.submit", f"post:{post_id}")
    session.flush()


def approve(session: Session, actor: Actor, post_id: int, version: int | None = None) -> tuple[str, ...]:
    """Approve it for every rule that lets this member; gives where somebody else must approve it still.

    `version`: the one that was read; `UserError` when it has changed meanwhile.
    """
    post = _post(session, post_id)
    if version is not None and post.version != version:
        raise UserError("It was changed while you read it. Read it again, then approve it.")
    if post.state in (PostState.CANCELLED, PostState.PUBLISHED):
        raise UserError("Nothing of this post is left to approve: it is out, or cancelled.")
    still = open_rules(session, post)
    people = team(session) if still else []
    mine = [rule for rule in still if allowed(rule, actor.id, writers(post), people)]
    if still and not mine:
        raise PermissionDenied(_refusal(actor, post, still, people))
    if not still:
        require(actor, Right.PLAN)
        if post.state is not PostState.IN_REVIEW:
            raise UserError("It needs no approval, or has it already.")
    left = _record(session, actor, post, mine, still)
    places = "" if not left else f"For {' and '.join(rule.where for rule in mine)}."
    remark(session, actor, post, RemarkKind.APPROVED, places)
    if not left:
        settle(session, NoticeKind.REVIEW, f"post:{post_id}")
        tell_writers(session, actor, post, f"{actor.name} approved your post{where(session, post_id)}.")
    audit(session, actor, "post.approve", f"post:{post_id}", f"version {post.version}")
    session.flush()
    return tuple(rule.where for rule in left)


def return_to_author(session: Session, actor: Actor, post_id: int, reason: str) -> None:
    """Send it back with a reason; an approval ends, and what is scheduled of it isn't any more."""
    post, reason = _post(session, post_id), reason.strip()
    if post.state not in (PostState.IN_REVIEW, PostState.APPROVED, PostState.SCHEDULED):
        raise UserError("Only what is in review, approved or scheduled can be returned.")
    needed = required_rules(session, post_id)
    people = team(session) if needed else []
    if needed and not any(allowed(rule, actor.id, (), people) for rule in needed):
        raise PermissionDenied(_refusal(actor, post, needed, people))
    if not needed:
        require(actor, Right.PLAN)
    if not reason:
        raise UserError("Say why, so that the author knows what to change.")
    if len(reason) > 2000:
        raise UserError(f"The reason is {len(reason) - 2000} characters too long.")
    keep_back(session, [post.id], "It was returned to its author.")
    _forget(post)
    post.state = PostState.DRAFT
    remark(session, actor, post, RemarkKind.RETURNED, reason)
    settle(session, NoticeKind.REVIEW, f"post:{post_id}")
    tell_writers(session, actor, post, f"{actor.name} returned your post{where(session, post_id)}.")
    audit(session, actor, "post.return", f"post:{post_id}")
    session.flush()


def withdraw(session: Session, actor: Actor, post_id: int) -> None:
    """Take back the request: the author's, whoever asked, or an administrator's to do."""
    require(actor, Right.PLAN)
    post = _post(session, post_id)
    if post.state is not PostState.IN_REVIEW:
        raise UserError("It isn't in review any more. Look at the post again.")
    if actor.role is not Role.ADMIN and actor.id not in {*writers(post), *askers(session, post_id)}:
        raise PermissionDenied("Only who wrote the post or asked for the review can take it back.")
    post.state, post.submitted_at = PostState.DRAFT, None
    remark(session, actor, post, RemarkKind.WITHDRAWN, "Took the request back.")
    settle(session, NoticeKind.REVIEW, f"post:{post_id}")
    audit(session, actor, "post.withdraw", f"post:{post_id}")
    session.flush()


def may_approve(session: Session, actor: Actor, post: Post) -> bool:
    """Whether there is something to approve of this post that this member may."""
    still = open_rules(session, post)
    if not still:
        return post.state is PostState.IN_REVIEW and actor.may(Right.PLAN)
    people = team(session)
    return any(allowed(rule, actor.id, writers(post), people) for rule in still)


# --- what others ask --------------------------------------------------------------------------------------------------


def check(session: Session, actor: Actor, post: Post) -> None:
    """Raise `UserError` when this post must be approved and isn't, as it stands now.

    A member who may approve all that is open approves it hereby; that is recorded.
    """
    still = open_rules(session, post)
    if still:
        people = team(session)
        if actor.id is None or not all(allowed(rule, actor.id, writers(post), people) for rule in still):
            raise UserError(missing(still, writers(post), people, post.state is PostState.IN_REVIEW))
        _record(session, actor, post, still, still)
        remark(session, actor, post, RemarkKind.APPROVED, "By scheduling it.")
        audit(session, actor, "post.approve", f"post:{post.id}", "by scheduling it")
    if post.submitted_at is not None:
        close_request(session, post)


def close_request(session: Session, post: Post) -> None:
    """Nobody is asked to approve it any more: it was scheduled, taken back, cancelled or deleted."""
    post.submitted_at = None
    settle(session, NoticeKind.REVIEW, f"post:{post.id}")


def content_changed(session: Session, actor: Actor, post: Post) -> bool:
    """Called after a saved change of text, media or channels: an approval that no longer fits ends.

    True when the post went back into review, so that it must not stay scheduled.
    """
    review = review_of(post)
    had = bool(review["approvals"])
    wrote = [] if post.approved_digest else review["writers"]
    post.review = {"writers": [*(w for w in wrote if w != actor.id), actor.id]}
    post.approved_at = post.approved_by = post.approved_digest = None
    if post.state in (PostState.IDEA, PostState.DRAFT, PostState.CANCELLED, PostState.PUBLISHED):
        return False
    if post.state is PostState.IN_REVIEW:
        if had:
            remark(session, actor, post, RemarkKind.WITHDRAWN, "Changed it: what was approved of it counts no more.")
            ask(session, actor, post, f"{actor.name} changed a post that you may approve{where(session, post.id)}.")
        return False
    still = open_rules(session, post)
    people = team(session) if still else []
    if still and actor.id is not None and all(allowed(rule, actor.id, writers(post), people) for rule in still):
        _record(session, actor, post, still, still)
        remark(session, actor, post, RemarkKind.APPROVED, "By changing it.")
        return False
    if not still and post.state is not PostState.APPROVED:
        return False
    into_review(session, actor, post, "Changed it: it needs approval again.")
    ask(session, actor, post, f"{actor.name} changed a post that was approved{where(session, post.id)}.")
    return True


def check_edit(session: Session, actor: Actor, post: Post, channel_id: int | None = None) -> None:
    """Raise `UserError` unless this member may change what is published already (of one channel, or of all).

    Nobody looks at such a change before it is seen, so it takes somebody who may approve it; where the rule asks for
    four eyes, it takes a new post.
    """
    rows = select(col(Channel.group_id)).join(Delivery, col(Delivery.channel_id) == col(Channel.id))
    rows = rows.where(col(Delivery.post_id) == post.id)
    if channel_id is not None:
        rows = rows.where(col(Channel.id) == channel_id)
    needed = [r for r in applying(rules(session), session.execute(rows.distinct()).scalars()) if r.required]
    if not needed:
        return
    if any(rule.four_eyes for rule in needed):
        raise UserError(
            "Four eyes must see what goes out here, so a published text can't be changed by one person. "
            "Delete it, and plan a corrected post."
        )
    people = team(session)
    shut = [rule for rule in needed if not allowed(rule, actor.id, (), people)]
    if shut:
        raise UserError(f"Only who may approve can change what is published: {approval_rules.who(shut[0], people)}.")


def inherit(session: Session, copy: Post, source: Post) -> bool:
    """A copy of an approved post (one that comes again) is approved as long as it says the same; True when it is."""
    session.flush()
    kept = review_of(source)
    if not kept["approvals"] or digest(session, copy).whole != kept["digest"]:
        return False
    copy.review = kept
    copy.approved_at, copy.approved_by, copy.approved_digest = (
        source.approved_at,
        source.approved_by,
        source.approved_digest,
    )
    session.flush()
    return True


# --- the last lock ----------------------------------------------------------------------------------------------------


def may_go_out(session: Session, row: Delivery) -> bool:
    """The last lock, asked right before a delivery leaves: whether what it sends is approved where that is required.

    One read where no rule requires anything. Asked for each part of a thread: what is left of it may have changed.
    """
    if row.post_id is None:
        return True
    needed = required_rules(session, row.post_id)
    post = session.get(Post, row.post_id) if needed else None
    if post is None:
        return True
    kept, now = review_of(post), digest(session, post)
    given = {entry["group"] for entry in kept["approvals"]}
    fits = kept["channels"].get(str(row.channel_id)) == now.channels.get(row.channel_id)
    return fits and all(rule.group_id in given for rule in needed)


def send_back(session: Session, row: Delivery) -> None:
    """What `may_go_out` refused: the post goes back into review, which is written down; nothing (more) of it is sent.

    The row must not be in doubt: what may have left is looked up first.
    """
    from core.services.plan_deliveries import reset

    post = session.get(Post, row.post_id)
    if post is None:
        return
    if row.state is not DeliveryState.SCHEDULED:  # a thread that is half out
        reset(row, DeliveryState.DRAFT)
        journal.note(session, row, EventKind.WAITING, HELD)
    into_review(session, None, post, "It was due, but isn't approved as it stands.")
    place = where(session, post.id)
    ask(session, None, post, f"A post{place} was due and isn't approved as it stands. It waits for you.")
    tell_writers(session, None, post, f"Your post{place} was due, but isn't approved as it stands.")
    session.flush()


# --- inside -----------------------------------------------------------------------------------------------------------


def _post(session: Session, post_id: int) -> Post:
    post = session.get(Post, post_id)
    if post is None:
        raise NotFound("This post isn't in the plan any more. Somebody may have deleted it.")
    return post


def _record(session: Session, actor: Actor, post: Post, mine: Sequence[Rule], still: Sequence[Rule]) -> list[Rule]:
    """Write down that this one approved it for these rules; gives the rules that are open still."""
    review, now, at = review_of(post), digest(session, post), utc_now()
    if review["digest"] != now.whole:
        review["approvals"] = []
    groups: list[int | str | None] = [rule.group_id for rule in mine]
    groups = groups or [UNASKED]
    made = [{"group": group, "by": actor.id, "name": actor.name, "at": at.isoformat()} for group in groups]
    channels = {str(number): mark for number, mark in now.channels.items()}
    kept = [entry for entry in review["approvals"] if entry["group"] not in groups]
    post.review = {
        "writers": review["writers"],
        "approvals": [*kept, *made],
        "digest": now.whole,
        "channels": channels,
    }
    left = [rule for rule in still if rule not in mine]
    if not left:
        post.approved_at, post.approved_by, post.approved_digest = at, actor.id, now.whole
        post.submitted_at = None
        if post.state in BEFORE:
            post.state = PostState.APPROVED
    session.flush()
    return left


def _forget(post: Post) -> None:
    """No approval is left; who wrote it is."""
    post.review = {"writers": review_of(post)["writers"]}
    post.submitted_at = post.approved_at = post.approved_by = post.approved_digest = None


def _refusal(actor: Actor, post: Post, still: Sequence[Rule], people: Sequence[Person]) -> str:
    own = actor.id in writers(post) and any(rule.four_eyes and allowed(rule, actor.id, (), people) for rule in still)
    if own:
        return "Four eyes must see it: you can't approve what you wrote. " + missing(still, writers(post), people)
    return "You can't approve this post. " + missing(still, writers(post), people)
