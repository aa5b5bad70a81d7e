"""How fast the team answers: the deadline of who waits, a warning before it is missed, and what is measured.

Spans are kept as two moments and counted in business time when they are read (`service_report.py`), so that changed
hours change the past too. First answers follow from the messages alone and are derived anew around each that comes in
or goes out: whatever order a network tells them in, nothing is counted twice. What happened before a channel was
connected is not measured.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import groupby
from typing import Any

from sqlalchemy import and_, bindparam, delete, func, or_, select, update
from sqlalchemy.orm import aliased
from sqlmodel import Session, col

from core import db
from core.models.channel import Channel, ChannelState
from core.models.inbox import Contact, Conversation, ConversationState, Direction, Message
from core.models.inbox_work import ServiceKind, ServiceTime
from core.models.planning import Delivery, DeliveryState
from core.models.team import Member, Role
from core.services import service_hours
from core.services.intake_rows import chunks
from core.services.notices import NoticeKind, notify
from core.services.service_hours import add_business, business_seconds
from core.services.team import Actor

BATCH = 500  # conversations in one transaction of the worker
SINGLY = 3  # so many at once are told one by one; more in one sentence, or people stop reading
SLACK = timedelta(minutes=5)  # a network's clock and ours; how far an answer's own time may be off
NEVER = datetime(1, 1, 1, tzinfo=UTC)

# --- the deadline ---------------------------------------------------------------------------------------------------


def promise(session: Session, conversation_ids: Sequence[int]) -> None:
    """Set the deadline where somebody waits in these conversations: the channel's target, else the hub's.

    Three statements (a chunk). What waited already when the channel was connected has the whole target from then on.
    """
    hours = service_hours.current(session)
    for some in chunks(sorted(set(conversation_ids))):
        waiting = (
            select(
                *(col(Conversation.id), col(Conversation.waiting_since), col(Conversation.respond_by)),
                *(col(Channel.created_at), col(Channel.target_minutes)),
            )
            .join(Channel, col(Channel.id) == col(Conversation.channel_id))
            .where(col(Conversation.id).in_(some), col(Conversation.waiting_since).is_not(None))
        )
        changed = []
        for key, since, known, connected, own in session.execute(waiting):
            due = add_business(hours, max(since, connected), 60 * (own or hours.target_minutes))
            if due != known:
                changed.append({"key": key, "since": since, "due": due})
        if changed:
            table: Any = Conversation.__table__  # type: ignore[attr-defined]
            still = (table.c.id == bindparam("key"), table.c.waiting_since == bindparam("since"))
            session.execute(update(table).where(*still).values(respond_by=bindparam("due")), changed)


def watch() -> None:
    """The worker's part: deadlines for who has none (an answer that failed, new hours), warnings for who waits long."""
    before: list[int] = []
    while True:
        with db.read() as session:
            missing = list(session.execute(_UNPROMISED).scalars())
        if not missing or missing == before:
            break
        with db.write() as session:
            promise(session, missing)
        before = missing
    with db.read() as session:
        urgent = bool(_urgent(session, db.utc_now()))
    if urgent:
        with db.write() as session:
            warn(session)


_UNPROMISED = (
    select(col(Conversation.id))
    .where(
        col(Conversation.state) == ConversationState.OPEN,
        col(Conversation.waiting_since).is_not(None),
        col(Conversation.respond_by).is_(None),
    )
    .order_by(col(Conversation.id))
    .limit(BATCH)
)


# --- warning --------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Urgent:
    """Somebody whose answer is nearly due."""

    id: int
    who: str
    handle: str
    due: datetime
    assignee: int | None


def lead_seconds(target_minutes: int) -> float:
    """How long before the deadline the team is warned: a quarter of the target, at least 30 minutes, at most half."""
    return 60.0 * min(max(target_minutes / 4, 30), target_minutes / 2)


def warn(session: Session) -> int:
    """Tell who should answer that a target is nearly missed, once for each message that waits. Gives how many waited.

    Told is the assignee, else everybody who may answer.
    """
    now = db.utc_now()
    urgent = _urgent(session, now)
    if not urgent:
        return 0
    answering = _answering(session)
    audiences: dict[tuple[int, ...], list[_Urgent]] = {}
    for one in urgent:
        audience = (one.assignee,) if one.assignee in answering else tuple(sorted(answering))
        audiences.setdefault(audience, []).append(one)
    zone = service_hours.current(session).zone
    for audience, cases in audiences.items():
        if len(cases) <= SINGLY:
            for one in cases:
                notify(session, audience, NoticeKind.TARGET, _sentence(one, now, zone), f"conversation:{one.id}")
        else:
            first = min(cases, key=lambda case: case.due)
            text = f"{len(cases)} people wait for an answer, first {_sentence(first, now, zone)}"
            notify(session, audience, NoticeKind.TARGET, text, f"conversation:{first.id}")
    told = update(Conversation).where(col(Conversation.id).in_([one.id for one in urgent]))
    marked = told.values(warned_for=col(Conversation.waiting_since))
    session.execute(marked.execution_options(synchronize_session=False))
    return len(urgent)


def _urgent(session: Session, now: datetime) -> list[_Urgent]:
    """Those of whom nobody was warned yet although their deadline is near; the most urgent first."""
    hours = service_hours.current(session)
    longest = session.execute(select(func.max(col(Channel.target_minutes)))).scalar() or 0
    horizon = add_business(hours, now, lead_seconds(max(longest, hours.target_minutes)))
    nearly = (
        select(
            *(col(Conversation.id), col(Conversation.respond_by), col(Conversation.assignee_id)),
            *(col(Channel.handle), col(Channel.target_minutes), col(Contact.name), col(Contact.handle)),
        )
        .join(Channel, col(Channel.id) == col(Conversation.channel_id))
        .outerjoin(Contact, col(Contact.id) == col(Conversation.contact_id))
        .where(
            col(Conversation.state) == ConversationState.OPEN,
            col(Conversation.respond_by) <= horizon,
            col(Conversation.waiting_since).is_not(None),
            or_(
                col(Conversation.warned_for).is_(None),
                col(Conversation.warned_for) != col(Conversation.waiting_since),
            ),
            col(Channel.state) != ChannelState.REMOVED,
        )
        .order_by(col(Conversation.respond_by), col(Conversation.id))
        .limit(BATCH)
    )
    return [
        _Urgent(key, name or contact or "Somebody", handle, due, assignee)
        for key, due, assignee, handle, own, name, contact in session.execute(nearly)
        if business_seconds(hours, now, due) <= lead_seconds(own or hours.target_minutes)
    ]


def _answering(session: Session) -> set[int]:
    """Who may answer."""
    found = select(col(Member.id)).where(
        col(Member.disabled_at).is_(None), col(Member.role).in_([Role.ADMIN, Role.EDITOR])
    )
    return set(session.execute(found).scalars())


def _sentence(one: _Urgent, now: datetime, zone: Any) -> str:
    when = f"{one.due.astimezone(zone):%a %d %b, %H:%M %Z}"
    due = "is due" if one.due > now else "was due"
    return f"{one.who[:80]} on {one.handle[:80]}: the answer {due} {when}."


# --- measuring ------------------------------------------------------------------------------------------------------


def note_answer(session: Session, message: Message) -> None:
    """An answer of ours is really out. Call it when its row says so."""
    session.flush()
    note_answers(session, [message.conversation_id], message.sent_at - SLACK)


def note_arrivals(session: Session, channel_id: int, remote_ids: Sequence[str]) -> None:
    """Messages of ours have come in from the network, or theirs from before what was known already."""
    ids: set[int] = set()
    first: datetime | None = None
    for some in chunks(list(remote_ids)):
        there = (col(Message.channel_id) == channel_id, col(Message.remote_id).in_(some))
        touched = select(col(Message.conversation_id), func.min(col(Message.sent_at))).where(*there)
        for conversation_id, at in session.execute(touched.group_by(col(Message.conversation_id))):
            ids.add(conversation_id)
            first = at if first is None else min(at, first)
    if first is not None:
        note_answers(session, sorted(ids), first)


def note_answers(session: Session, conversation_ids: Sequence[int], since: datetime) -> None:
    """Derive the first answers of these conversations from `since` on. May be called again; four statements (a chunk).

    One is counted for each time somebody began to wait: from their oldest message without an answer to ours. Who
    answered is the member, or nobody where it was done at the network itself.
    """
    for some in chunks(conversation_ids):
        rows = session.execute(_said(some, since)).all()
        ends = _resolutions(session, some)
        first = col(ServiceTime.kind) == ServiceKind.FIRST
        there = (first, col(ServiceTime.conversation_id).in_(some), col(ServiceTime.ended_at) >= since)
        session.execute(delete(ServiceTime).where(*there).execution_options(synchronize_session=False))
        found: list[dict[str, Any]] = []
        for key, said in groupby(rows, key=lambda row: row.conversation_id):
            found += _first_answers(said, ends.get(key, ()))
        _insert(session, found)


def _said(conversation_ids: Sequence[int], since: datetime) -> Any:
    """What was said in these conversations behind our last answer before `since`, in order; only what is really out."""
    earlier, sending = aliased(Message), aliased(Delivery)
    answered = (
        select(col(earlier.sent_at))
        .outerjoin(sending, col(sending.message_id) == col(earlier.id))
        .where(
            col(earlier.conversation_id) == col(Message.conversation_id),
            col(earlier.sent_at) < since,
            col(earlier.direction) == Direction.OUT,
            col(earlier.automatic).is_(False),
            or_(col(earlier.remote_id).is_not(None), col(sending.state) == DeliveryState.PUBLISHED),
        )
        .order_by(col(earlier.sent_at).desc())
        .limit(1)
        .correlate(Message)
        .scalar_subquery()
    )
    out = and_(
        col(Message.direction) == Direction.OUT,
        col(Message.automatic).is_(False),  # a rule's answer ends nobody's wait
        or_(col(Message.remote_id).is_not(None), col(Delivery.state) == DeliveryState.PUBLISHED),
    )
    m = Message
    columns = (m.conversation_id, m.channel_id, m.direction, m.sent_at, m.deleted_at, m.member_id)
    return (
        select(*columns)  # type: ignore[call-overload]
        .join(Channel, col(Channel.id) == col(m.channel_id))
        .outerjoin(Delivery, col(Delivery.message_id) == col(m.id))
        .where(
            col(m.conversation_id).in_(conversation_ids),
            col(m.sent_at) >= col(Channel.created_at),
            col(m.sent_at) > func.coalesce(answered, NEVER),
            or_(col(m.direction) == Direction.IN, out),
        )
        .order_by(col(m.conversation_id), col(m.sent_at), col(m.direction), col(m.id))
    )


def _resolutions(session: Session, conversation_ids: Sequence[int]) -> dict[int, list[datetime]]:
    asked = select(col(ServiceTime.conversation_id), col(ServiceTime.ended_at)).where(
        col(ServiceTime.conversation_id).in_(conversation_ids), col(ServiceTime.kind) == ServiceKind.RESOLUTION
    )
    found: dict[int, list[datetime]] = {}
    for key, ended_at in session.execute(asked):
        found.setdefault(key, []).append(ended_at)
    return found


@dataclass
class _Wait:
    """Whoever waits while one goes through a conversation."""

    since: list[tuple[datetime, datetime | None]] = field(default_factory=list)  # (written, deleted)

    def wrote(self, row: Any, resolved: Iterable[datetime]) -> None:
        """They wrote. What was resolved before needed no answer."""
        ends = [end for end in resolved if end < row.sent_at]
        self.since = [one for one in self.since if not any(one[0] <= end for end in ends)]
        self.since.append((row.sent_at, row.deleted_at))

    def began(self, answered: datetime) -> datetime | None:
        """Since when they waited, if they did; nobody waits for an answer to what they took back."""
        left = [at for at, deleted in self.since if deleted is None or deleted > answered]
        self.since = []
        return min(left, default=None)


def _first_answers(said: Iterable[Any], resolved: Iterable[datetime]) -> list[dict[str, Any]]:
    wait, found = _Wait(), []
    for row in said:
        if row.direction == Direction.IN:
            wait.wrote(row, resolved)
        elif (since := wait.began(row.sent_at)) is not None:
            found.append(
                _span(ServiceKind.FIRST, row.conversation_id, row.channel_id, row.member_id, since, row.sent_at)
            )
    return found


def note_resolution(session: Session, actor: Actor, conversation_ids: Sequence[int]) -> None:
    """These conversations were resolved just now: it took since their first message after the last time.

    Two statements (a chunk). Call it for those alone that weren't resolved before.
    """
    now = db.utc_now()
    last = (
        select(func.max(col(ServiceTime.ended_at)))
        .where(
            col(ServiceTime.conversation_id) == col(Conversation.id), col(ServiceTime.kind) == ServiceKind.RESOLUTION
        )
        .correlate(Conversation)
        .scalar_subquery()
    )
    began = (
        select(func.min(col(Message.sent_at)))
        .where(
            col(Message.conversation_id) == col(Conversation.id),
            col(Message.direction) == Direction.IN,
            col(Message.deleted_at).is_(None),
            col(Message.sent_at) >= col(Channel.created_at),
            col(Message.sent_at) <= now,
            col(Message.sent_at) > func.coalesce(last, NEVER),
        )
        .correlate(Conversation, Channel)
        .scalar_subquery()
    )
    for some in chunks(sorted(set(conversation_ids))):
        asked = select(col(Conversation.id), col(Conversation.channel_id), began).join(
            Channel, col(Channel.id) == col(Conversation.channel_id)
        )
        spans: Any = session.execute(asked.where(col(Conversation.id).in_(some))).all()
        resolved = ServiceKind.RESOLUTION
        _insert(session, [_span(resolved, key, place, actor.id, at, now) for key, place, at in spans if at is not None])


def forget_resolution(session: Session, conversation_ids: Sequence[int]) -> None:
    """They weren't resolved after all: taken back, or reopened by hand. One that they wrote after stays."""
    later = (
        select(col(Message.id))
        .where(
            col(Message.conversation_id) == col(ServiceTime.conversation_id),
            col(Message.direction) == Direction.IN,
            col(Message.sent_at) > col(ServiceTime.ended_at),
        )
        .correlate(ServiceTime)
        .exists()
    )
    for some in chunks(sorted(set(conversation_ids))):
        there = (col(ServiceTime.conversation_id).in_(some), col(ServiceTime.kind) == ServiceKind.RESOLUTION)
        session.execute(delete(ServiceTime).where(*there, ~later).execution_options(synchronize_session=False))


def _span(
    kind: ServiceKind, conversation: int, channel: int, member: int | None, start: datetime, end: datetime
) -> dict[str, Any]:
    return {
        **{"kind": kind, "conversation_id": conversation, "channel_id": channel, "member_id": member},
        **{"started_at": start, "ended_at": end},
    }


def _insert(session: Session, spans: list[dict[str, Any]]) -> None:
    if spans:
        made = db.upsert(session, ServiceTime.__table__).on_conflict_do_nothing()  # type: ignore[attr-defined]
        session.execute(made, spans)
