"""What needs somebody: deliveries that failed, may be out, or are gone from their network. Listed, and decided in bulk.

One that can't be decided as wished doesn't keep the others from it: each gives a sentence. Single decisions are
`plan_deliveries.py`'s for posts and `inbox_answers.py`'s for answers.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import func, or_, select
from sqlmodel import Session, col

from core.errors import UserError
from core.models.channel import Channel
from core.models.inbox import Message
from core.models.planning import Delivery, DeliveryState, Post
from core.models.planning_work import EventKind
from core.services import inbox_answers, journal, plan_deliveries, planning
from core.services.proof_marks import GONE, close_publications, gone, remote_ids
from core.services.team import Actor, Right, audit, require

MOST = 200  # deliveries decided at once
CAP = 100  # counting stops here
TROUBLED = col(Delivery.state).in_((DeliveryState.FAILED, DeliveryState.UNCONFIRMED))


class Care(StrEnum):
    """Why a delivery needs somebody."""

    FAILED = "failed"
    UNCONFIRMED = "unconfirmed"
    GONE = "gone"


@dataclass(frozen=True)
class CareRow:
    """A delivery that needs somebody. An answer has `conversation_id` in place of `post_id`."""

    id: int
    care: Care
    title: str
    channel_id: int
    handle: str
    network: str
    reason: str
    url: str | None  # where it is, else the channel's own page there
    since: datetime | None
    post_id: int | None
    conversation_id: int | None


@dataclass(frozen=True)
class Outcome:
    """What became of one of many: a sentence, and whether it is as wished."""

    delivery_id: int
    label: str
    ok: bool
    said: str


# --- the list ---------------------------------------------------------------------------------------------------------


def care_rows(
    session: Session, before: int | None = None, limit: int = 25, care: Care | None = None
) -> tuple[tuple[CareRow, ...], int | None]:
    """A page of what needs care, the newest first, and where the next one begins (`before`). One statement."""
    wanted: dict[Care | None, Any] = {
        None: or_(TROUBLED, gone()),
        Care.FAILED: col(Delivery.state) == DeliveryState.FAILED,
        Care.UNCONFIRMED: col(Delivery.state) == DeliveryState.UNCONFIRMED,
        Care.GONE: gone(),
    }
    where = [wanted[care]] if before is None else [wanted[care], col(Delivery.id) < before]
    rows = session.execute(
        select(
            *(Delivery, col(Channel.handle), col(Channel.network), col(Channel.url)),
            *(col(Post.title), col(Post.text), col(Message.text), col(Message.conversation_id)),
        )
        .join(Channel, col(Channel.id) == col(Delivery.channel_id))
        .outerjoin(Post, col(Post.id) == col(Delivery.post_id))
        .outerjoin(Message, col(Message.id) == col(Delivery.message_id))
        .where(*where)
        .order_by(col(Delivery.id).desc())
        .limit(limit + 1)
    ).all()
    page = tuple(_row(*row) for row in rows[:limit])
    return page, page[-1].id if len(rows) > limit else None


def _row(
    row: Delivery,
    handle: str,
    network: str,
    profile: str | None,
    title: str | None,
    text: str | None,
    answer: str | None,
    conversation_id: int | None,
) -> CareRow:
    words = " ".join((title or text or answer or "").split())[:80]
    if row.state is DeliveryState.PUBLISHED:
        care, reason, since = Care.GONE, GONE, row.gone_at
    else:
        care = Care.FAILED if row.state is DeliveryState.FAILED else Care.UNCONFIRMED
        reason, since = row.last_error or "", row.sent_at
    place = (row.url or profile, since, row.post_id, conversation_id)
    return CareRow(row.id, care, words or f"Post {row.post_id}", row.channel_id, handle, network, reason, *place)


def care_count(session: Session) -> int:
    """How many need care, capped at CAP. One statement."""
    few = (select(col(Delivery.id)).where(condition).limit(CAP) for condition in (TROUBLED, gone()))
    first, second = (select(func.count()).select_from(part.subquery()).scalar_subquery() for part in few)
    return min(CAP, int(session.execute(select(first + second)).scalar_one()))


# --- deciding ---------------------------------------------------------------------------------------------------------


def retry_deliveries(session: Session, actor: Actor, delivery_ids: Sequence[int]) -> list[Outcome]:
    """Send again what failed. What may be out isn't sent again by this: say of it that it isn't online."""

    def one(row: Delivery) -> str:
        if row.message_id is not None and row.state is DeliveryState.FAILED:
            inbox_answers.retry_reply(session, actor, row.message_id)
        else:
            _only(row, DeliveryState.FAILED, "It may be online. Look there, then say whether it is.")
            plan_deliveries.retry_delivery(session, actor, row.id)
        return "It is on its way again."

    return _each(session, actor, delivery_ids, one)


def retry_with_text(session: Session, actor: Actor, delivery_id: int, version: int, text: str) -> None:
    """Give a failed delivery a text of its own, and send it. `version` is the post's, as the writer saw it.

    Raises `Conflict` when somebody saved meanwhile, `UserError` when the channel wouldn't take it: nothing is changed.
    """
    row = session.get(Delivery, delivery_id)
    if row is None or row.post_id is None or row.state is not DeliveryState.FAILED:
        raise UserError("Its state has changed meanwhile. Look at the post again.")
    planning.save_post(session, actor, row.post_id, version, planning.Changes(variants={row.channel_id: text}))
    plan_deliveries.retry_delivery(session, actor, delivery_id)


def give_up_deliveries(session: Session, actor: Actor, delivery_ids: Sequence[int]) -> list[Outcome]:
    """Leave unsent what failed, for good."""

    def one(row: Delivery) -> str:
        if row.message_id is not None:
            raise UserError("This is an answer. Discard it in its conversation, where its text isn't lost.")
        _only(row, DeliveryState.FAILED, "It may be online. Look there, then say whether it is.")
        plan_deliveries.give_up_delivery(session, actor, row.id)
        return "Left unsent."

    return _each(session, actor, delivery_ids, one)


def confirm_deliveries(session: Session, actor: Actor, delivery_ids: Sequence[int], published: bool) -> list[Outcome]:
    """Somebody has looked at the networks: these are online, or they aren't and are sent again."""

    def one(row: Delivery) -> str:
        _only(row, DeliveryState.UNCONFIRMED, "There is no doubt about it: it failed, and isn't online.")
        if row.message_id is None:
            plan_deliveries.confirm_delivery(session, actor, row.id, published)
        elif published:
            inbox_answers.confirm_reply(session, actor, row.message_id)
        else:
            inbox_answers.retry_reply(session, actor, row.message_id)
        return "Noted: it is online." if published else "It is sent again."

    return _each(session, actor, delivery_ids, one)


def note_gone(session: Session, actor: Actor, delivery_ids: Sequence[int]) -> list[Outcome]:
    """Somebody knows that these aren't on their networks any more: they count as taken down from now on."""

    def one(row: Delivery) -> str:
        if row.state is not DeliveryState.PUBLISHED or row.gone_at is None:
            raise UserError("It isn't gone, as far as the hub knows.")
        row.state = DeliveryState.DELETED
        close_publications(session, row, remote_ids(row))
        journal.note(session, row, EventKind.DELETED, "Noted that it isn't there any more.", actor=actor)
        audit(session, actor, "delivery.note_gone", f"delivery:{row.id}")
        session.flush()
        if row.post_id is not None:
            plan_deliveries.settle_post(session, row.post_id)
        return "Noted."

    return _each(session, actor, delivery_ids, one)


def _only(row: Delivery, state: DeliveryState, otherwise: str) -> None:
    if row.state is not state:
        doubtful = row.state in (DeliveryState.FAILED, DeliveryState.UNCONFIRMED)
        raise UserError(otherwise if doubtful else "Somebody has decided about it meanwhile.")


def _each(session: Session, actor: Actor, delivery_ids: Iterable[int], one: Callable[[Delivery], str]) -> list[Outcome]:
    """Do it to each in a savepoint of its own: what can't be done to one undoes nothing of the others."""
    require(actor, Right.PLAN)
    ids = list(dict.fromkeys(delivery_ids))
    if len(ids) > MOST:
        raise UserError(f"{len(ids)} at once are too many. Choose at most {MOST}.")
    found = select(Delivery, col(Channel.handle)).join(Channel, col(Channel.id) == col(Delivery.channel_id))
    asked = found.where(col(Delivery.id).in_(ids)).with_for_update(of=Delivery)
    rows = {row.id: (row, handle) for row, handle in session.execute(asked).all()}
    outcomes = []
    for delivery_id in ids:
        row, handle = rows.get(delivery_id, (None, ""))
        if row is None:
            outcomes.append(Outcome(delivery_id, f"Delivery {delivery_id}", False, "It isn't there any more."))
            continue
        try:
            with session.begin_nested():
                said = one(row)
                session.flush()
        except UserError as error:
            outcomes.append(Outcome(delivery_id, handle, False, str(error)))
        else:
            outcomes.append(Outcome(delivery_id, handle, True, said))
    return outcomes


def summary(outcomes: Sequence[Outcome], done: str) -> str:
    """One sentence about all: “3 are on their way again. 1 could not be done.”"""
    well = sum(outcome.ok for outcome in outcomes)
    left = len(outcomes) - well
    words = [f"{well} {done}." if well else "", f"{left} could not be done." if left else ""]
    return " ".join(word for word in words if word) or "Nothing was chosen."
