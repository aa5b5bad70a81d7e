"""The content plan: write, schedule, change, cancel, delete posts.

What it looks like is next door (`plan_list.py`), as is what is published (`plan_drafts.py`) and what a person decides
about a delivery that got stuck (`plan_deliveries.py`); all of it is offered here too. Sending is the worker's
(`publishing.py`). A post that is scheduled stays valid: each change is judged for every channel in one transaction.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta

from sqlalchemy import select
from sqlmodel import Session, col

from core.connectors.base import Draft, Severity
from core.db import utc_now
from core.errors import NotFound, UserError
from core.models.channel import Channel, ChannelState
from core.models.planning import Delivery, DeliveryState, Post, PostState
from core.models.planning_work import EventKind
from core.services import approval, journal, post_history, preflight, weblinks
from core.services.pattern_guard import refuse_pattern
from core.services.plan_changes import OUT, Changes, apply, content, deliveries_of, ensure_campaign, judged
from core.services.plan_deliveries import (
    accepted_parts,
    confirm_delivery,
    give_up_delivery,
    reset,
    retry_delivery,
    settle_post,
)
from core.services.plan_drafts import (
    draft_from,
    draft_of,
    drafts_of,
    first_error,
    local_to_utc,
    post_images,
    problems_for,
    problems_of,
)
from core.services.plan_list import (
    PlanCursor,
    PlanFilter,
    PlanPage,
    PlanRow,
    PostDetail,
    all_posts,
    campaigns,
    delivery_facts,
    draft_facts,
    plan,
    post_detail,
    undated,
)
from core.services.team import Actor, Right, audit, require

__all__ = [
    "Changes",
    "PlanCursor",
    "PlanFilter",
    "PlanPage",
    "PlanRow",
    "PostDetail",
    "all_posts",
    "campaigns",
    "confirm_delivery",
    "delivery_facts",
    "draft_facts",
    "draft_from",
    "draft_of",
    "drafts_of",
    "ensure_campaign",
    "give_up_delivery",
    "local_to_utc",
    "plan",
    "post_detail",
    "post_images",
    "problems_for",
    "problems_of",
    "retry_delivery",
    "settle_post",
    "undated",
]

UNSCHEDULED = (PostState.IDEA, PostState.DRAFT, PostState.IN_REVIEW, PostState.APPROVED)
LATE = timedelta(minutes=1)  # a time that passed while somebody was typing is still good
WAITING = (DeliveryState.DRAFT, DeliveryState.SCHEDULED)
FREE = (*WAITING, DeliveryState.FAILED, DeliveryState.CANCELLED)


class Conflict(UserError):
    """Somebody else saved the post meanwhile, as `version`. `theirs` is their text, `mine` the one not saved."""

    def __init__(self, theirs: str, mine: str, version: int = 0) -> None:
        super().__init__("Somebody else has changed this post meanwhile. Compare both texts, then save again.")
        self.theirs, self.mine, self.version = theirs, mine, version


def create_post(
    session: Session,
    actor: Actor,
    *,
    title: str = "",
    text: str = "",
    channel_ids: Sequence[int] = (),
    variants: Mapping[int, str | None] | None = None,
    images: Sequence[tuple[int, str]] = (),
    planned_at: datetime | None = None,
    campaign: str = "",
    language: str | None = None,
    idea: bool = False,
    origin: str = "",
    more: Changes | None = None,
) -> int:
    """Write a new post, not scheduled yet; gives its number. `more`: what else to save of it; it goes first."""
    require(actor, Right.PLAN)
    post = Post(member_id=actor.id, state=PostState.IDEA if idea else PostState.DRAFT, origin=origin)
    session.add(post)
    session.flush()
    if more is None:
        more = Changes(
            title=title,
            text=text,
            language=language,
            channel_ids=tuple(channel_ids),
            variants=variants,
            images=tuple(images),
            planned_at=planned_at,
            campaign=campaign,
        )
    apply(session, post, more)
    post_history.record(session, actor, post, "post.create")
    audit(session, actor, "post.create", f"post:{post.id}")
    session.flush()
    return post.id


def save_post(session: Session, actor: Actor, post_id: int, version: int, changes: Changes) -> int:
    """Save changes made to `version`; gives the new version. A scheduled post is judged anew and stays scheduled.

    Raises `Conflict` when somebody saved meanwhile, `UserError` when it is out already or a channel wouldn't take it.
    """
    require(actor, Right.PLAN)
    post = _post(session, post_id)
    if post.version != version:
        raise Conflict(post.text, changes.text if changes.text is not None else "", post.version)
    before = judged(session, post)
    planned = post.planned_at
    apply(session, post, changes)
    if judged(session, post) != before:
        if content(before) != content(judged(session, post)) and approval.content_changed(session, actor, post):
            _keep_back(session, post)
        if post.state is PostState.SCHEDULED:
            _schedule(session, actor, post, post.planned_at, WAITING, late=post.planned_at == planned)
    _touched(session, actor, post, "post.change")
    return post.version


def schedule_post(session: Session, actor: Actor, post_id: int, at: datetime) -> tuple[str, ...]:
    """Have it published on all its channels at `at` (aware); gives what is worth a second look, as sentences.

    Raises `UserError` with the first thing in the way, and changes nothing then.
    """
    require(actor, Right.PLAN)
    post = _post(session, post_id)
    warnings = _schedule(session, actor, post, at, _sendable(session, post))
    _touched(session, actor, post, "post.schedule", at.isoformat())
    return warnings


def publish_now(session: Session, actor: Actor, post_id: int) -> tuple[str, ...]:
    """Have the worker publish it at once. Gives and raises what `schedule_post` does."""
    require(actor, Right.PLAN)
    post = _post(session, post_id)
    warnings = _schedule(session, actor, post, utc_now(), _sendable(session, post))
    _touched(session, actor, post, "post.publish_now")
    return warnings


def unschedule_post(session: Session, actor: Actor, post_id: int) -> None:
    """Back to a draft, which keeps its time as a plan."""
    require(actor, Right.PLAN)
    post = _post(session, post_id)
    rows = deliveries_of(session, post_id)
    if any(row.state in OUT or accepted_parts(row) for row in rows):
        raise UserError("This post is out, or on its way. It can't become a draft again.")
    for row in rows:
        if row.state is DeliveryState.SCHEDULED:
            journal.note(session, row, EventKind.CANCELLED, "Back to a draft.", actor=actor)
        reset(row, DeliveryState.DRAFT)
    post.state = PostState.DRAFT
    _touched(session, actor, post, "post.unschedule")


def cancel_post(session: Session, actor: Actor, post_id: int) -> None:
    """Take back whatever isn't out yet. Raises `UserError` when nothing can be taken back any more."""
    require(actor, Right.PLAN)
    post = _post(session, post_id)
    rows = deliveries_of(session, post_id)
    free = [row for row in rows if row.state in (DeliveryState.DRAFT, DeliveryState.SCHEDULED, DeliveryState.FAILED)]
    if rows and not free:
        raise UserError("Nothing of this post can be taken back: it is out, on its way, or cancelled already.")
    for row in free:
        journal.note(session, row, EventKind.CANCELLED, actor=actor)
        reset(row, DeliveryState.CANCELLED)
    if any(row.state in OUT for row in rows):
        session.flush()
        settle_post(session, post_id)
    else:
        post.state = PostState.CANCELLED
    _touched(session, actor, post, "post.cancel")


def set_idea(session: Session, actor: Actor, post_id: int, idea: bool) -> None:
    """An idea or a draft: both aren't scheduled, one is further than the other."""
    require(actor, Right.PLAN)
    post = _post(session, post_id)
    if post.state in (*UNSCHEDULED, PostState.CANCELLED):
        post.state = PostState.IDEA if idea else PostState.DRAFT
        _touched(session, actor, post, "post.change")


def delete_post(session: Session, actor: Actor, post_id: int) -> None:
    """Remove it from the plan. Only while nothing of it is out."""
    require(actor, Right.PLAN)
    post = _post(session, post_id)
    if any(row.state in OUT or accepted_parts(row) for row in deliveries_of(session, post_id)):
        raise UserError("This post is out, or on its way, so it stays in the plan.")
    approval.close_request(session, post)
    audit(session, actor, "post.delete", f"post:{post_id}", post.title)
    session.delete(post)


# --- inside -----------------------------------------------------------------------------------------------------------


def _post(session: Session, post_id: int) -> Post:
    post = session.get(Post, post_id)
    if post is None:
        raise NotFound("This post isn't in the plan any more. Somebody may have deleted it.")
    return post


def _touched(session: Session, actor: Actor, post: Post, action: str, detail: str = "") -> None:
    post.version += 1
    post.updated_at = utc_now()
    if post.submitted_at is not None and post.state not in (PostState.IN_REVIEW, PostState.NEEDS_CARE):
        approval.close_request(session, post)
    post_history.record(session, actor, post, action)
    audit(session, actor, action, f"post:{post.id}", detail)
    session.flush()


def _keep_back(session: Session, post: Post) -> None:
    """It went back into review: nothing of it may go out meanwhile."""
    for row in deliveries_of(session, post.id):
        if row.state is DeliveryState.SCHEDULED:
            journal.note(session, row, EventKind.CANCELLED, "Back into review: what was approved has changed.")
            reset(row, DeliveryState.DRAFT)
    session.flush()


def _sendable(session: Session, post: Post) -> tuple[DeliveryState, ...]:
    """Deliveries that scheduling takes along. What was given up stays so, unless all of the post was cancelled."""
    begun = post.state in (PostState.SCHEDULED, PostState.PUBLISHED, PostState.NEEDS_CARE)
    begun = begun or any(row.state in OUT for row in deliveries_of(session, post.id))  # back in review since
    return (*WAITING, DeliveryState.FAILED) if begun else FREE


def _schedule(
    session: Session,
    actor: Actor,
    post: Post,
    at: datetime | None,
    states: tuple[DeliveryState, ...],
    late: bool = False,
) -> tuple[str, ...]:
    """Judge and schedule the deliveries in `states`. `late`: a time that has passed is good enough."""
    if at is None:
        raise UserError("Say when it goes out: choose a day and a time.")
    if at.tzinfo is None:
        raise ValueError("a time without a zone")
    if not late and at < utc_now() - LATE:
        raise UserError("That time has passed. Choose a later one, or publish now.")
    rows = deliveries_of(session, post.id)
    free = [row for row in rows if row.state in states]
    if not rows:
        raise UserError("Choose at least one channel for this post.")
    if not free:
        raise UserError("Nothing of this post is left to send: it is out, on its way, or was given up.")
    refuse_pattern(session, post.id)
    approval.check(session, actor, post)
    drafts, channels = drafts_of(session, free), _channels_of(session, free)
    for row in free:
        _judge(channels[row.channel_id], drafts[row.id])
        if row.state is not DeliveryState.SCHEDULED or row.due_at != at:
            reset(row, DeliveryState.SCHEDULED)
            row.due_at = at
            journal.note(session, row, EventKind.SCHEDULED, actor=actor)
    post.queued = post.queued and post.planned_at == at  # another time is no slot's any more
    post.planned_at = at
    session.flush()
    warnings = _preflight(session, post, drafts)
    settle_post(session, post.id)
    return tuple(warnings)


def _preflight(session: Session, post: Post, drafts: Mapping[int, Draft]) -> list[str]:
    """Warnings of the preflight; the drafts' links will be looked at. Raises `UserError` with the first error."""
    weblinks.ask(session, [part.text for draft in drafts.values() for part in draft.parts])
    found = preflight.findings(session, post, drafts)
    blocking = next((f for f in found if f.severity is Severity.ERROR), None)
    if blocking:
        raise UserError(blocking.message)
    return [f.message for f in found]


NOT_ACTIVE = {
    ChannelState.PAUSED: "is paused. Resume it on the Channels page, or leave it out.",
    ChannelState.NEEDS_REAUTH: "must be reconnected first. Do that on the Channels page, or leave it out.",
    ChannelState.REMOVED: "was removed. Leave it out.",
}


def _channels_of(session: Session, rows: Sequence[Delivery]) -> dict[int, Channel]:
    asked = select(Channel).where(col(Channel.id).in_([row.channel_id for row in rows]))
    return {channel.id: channel for channel in session.execute(asked).scalars()}


def _judge(channel: Channel, draft: Draft) -> None:
    """Raise `UserError` with what keeps this draft from going out on the channel."""
    if channel.state in NOT_ACTIVE:
        raise UserError(f"{channel.handle} {NOT_ACTIVE[channel.state]}")
    blocking = first_error(problems_of(channel, draft))
    if blocking:
        raise UserError(f"{channel.handle}: {blocking.message}")
