"""A post's deliveries after the fact: what the post's state follows from, and what a person decides about stuck ones.

Nothing is sent here: a decision makes a row due again, or closes it. Answers in the inbox have their own actions
(`inbox.py`); `reset` and `accepted_parts` hold for both.
"""

from itertools import takewhile
from typing import Any

from sqlalchemy import select
from sqlmodel import Session, col

from core.db import utc_now
from core.errors import NotFound, UserError
from core.models.channel import Channel
from core.models.planning import Delivery, DeliveryState, Post, PostState
from core.models.planning_work import EventKind
from core.services import approval, journal
from core.services.plan_drafts import draft_of, first_error, problems_of
from core.services.team import Actor, Right, audit, require

BEFORE = (PostState.DRAFT, PostState.IN_REVIEW, PostState.APPROVED)
CARE = {DeliveryState.FAILED, DeliveryState.UNCONFIRMED}
ON_ITS_WAY = {DeliveryState.SCHEDULED, DeliveryState.SENDING, DeliveryState.CHECKING}

ONLINE = "Somebody looked: it is online."
NOT_ONLINE = "Somebody looked: it isn't online, so it is sent again."


def settle_post(session: Session, post_id: int) -> None:
    """Derive the post's state from its deliveries; called whenever one of them changed, in the same transaction."""
    post = session.get(Post, post_id)
    if post is None:
        return
    found = session.execute(select(col(Delivery.state)).where(col(Delivery.post_id) == post_id)).scalars()
    states = {state for state in found if state not in (DeliveryState.CANCELLED, DeliveryState.DELETED)}
    if DeliveryState.DRAFT in states and post.state in BEFORE:
        return  # some of it is out, the rest went back into review: that is what people are to see
    if not states:
        post.state = PostState.CANCELLED
    elif states & CARE:
        post.state = PostState.NEEDS_CARE
    elif states & ON_ITS_WAY:
        post.state = PostState.SCHEDULED
    elif DeliveryState.PUBLISHED in states:
        post.state = PostState.PUBLISHED


def retry_delivery(session: Session, actor: Actor, delivery_id: int) -> None:
    """Try again what failed; the parts of a thread that are out stay out and aren't sent again."""
    require(actor, Right.PLAN)
    row = _delivery(session, delivery_id, DeliveryState.FAILED)
    problem = first_error(problems_of(session.get_one(Channel, row.channel_id), draft_of(session, row)))
    if problem:
        raise UserError(f"It can't be sent like this: {problem.message}")
    approval.check(session, actor, session.get_one(Post, row.post_id))
    journal.note(session, row, EventKind.RETRIED, actor=actor)
    _again(session, row)
    audit(session, actor, "delivery.retry", f"delivery:{row.id}")


def give_up_delivery(session: Session, actor: Actor, delivery_id: int) -> None:
    """Leave a failed delivery unsent, for good. Of a thread, what is online stays online."""
    require(actor, Right.PLAN)
    row = _delivery(session, delivery_id, DeliveryState.FAILED)
    row.state = DeliveryState.CANCELLED
    if accepted_parts(row):
        row.state, row.published_at = DeliveryState.PUBLISHED, row.published_at or row.sent_at or utc_now()
    row.due_at = None
    out = len(accepted_parts(row) or ())
    detail = f"What is online stays online: {out} of its parts." if out else ""
    journal.note(session, row, EventKind.GIVEN_UP, detail, actor=actor)
    _follow(session, row)
    audit(session, actor, "delivery.give_up", f"delivery:{row.id}")


def confirm_delivery(session: Session, actor: Actor, delivery_id: int, published: bool, url: str | None = None) -> None:
    """A person has looked: an unconfirmed delivery is online (perhaps at `url`), or it isn't and is sent again."""
    require(actor, Right.PLAN)
    row = _delivery(session, delivery_id, DeliveryState.UNCONFIRMED)
    if published:
        if url and not url.startswith(("https://", "http://")):
            raise UserError("The address must begin with https://. Copy it from the network, or leave it empty.")
        row.state, row.due_at = DeliveryState.PUBLISHED, None
        row.published_at, row.url = row.published_at or row.sent_at or utc_now(), (url or row.url or "")[:500] or None
        row.last_error, row.error_kind = _unsent(row), None
        journal.note(session, row, EventKind.CONFIRMED, f"{ONLINE} {row.last_error or ''}".strip(), actor=actor)
        _follow(session, row)
    else:
        journal.note(session, row, EventKind.CONFIRMED, NOT_ONLINE, actor=actor)
        _again(session, row)
    audit(session, actor, "delivery.confirm", f"delivery:{row.id}", "online" if published else "not online")


def _unsent(row: Delivery) -> str | None:
    """What to say of a thread that a person saw online as far as its pending part: what follows was never sent."""
    known, count = len(accepted_parts(row) or ()) + 1, row.parts[0]["count"] if row.parts else 1
    return f"{known} of {count} parts are online; the others were not sent." if known < count else None


def accepted_parts(row: Delivery) -> list[dict[str, Any]] | None:
    """The entries of a thread that are out: they are never sent again, whatever becomes of the rest."""
    return list(takewhile(lambda part: part.get("remote_id"), row.parts or ())) or None


def reset(row: Delivery, state: DeliveryState) -> None:
    """Into `state` as if nothing had been tried, but for what is out. A worker that has just claimed the row notices
    before anything leaves."""
    row.state, row.due_at = state, None
    row.parts = accepted_parts(row)
    row.sent_at = row.sent_at if row.parts else None
    row.last_error = row.error_kind = None
    row.attempts = row.looks = 0
    row.released_at = None  # it stands under the stop button again


def _delivery(session: Session, delivery_id: int, state: DeliveryState) -> Delivery:
    row = session.get(Delivery, delivery_id)
    if row is None or row.post_id is None or row.state is not state:
        raise NotFound("Its state has changed meanwhile. Look at the post again.")
    return row


def _again(session: Session, row: Delivery) -> None:
    """Due now, with a new request."""
    reset(row, DeliveryState.SCHEDULED)
    row.due_at = utc_now()
    _follow(session, row)


def _follow(session: Session, row: Delivery) -> None:
    session.flush()
    if row.post_id is not None:
        settle_post(session, row.post_id)
