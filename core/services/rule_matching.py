"""Messages as rules see them, and which rules match: shared by the worker (`triage.py`) and the dry run (`rules.py`).

Reads only. What follows from a match is `rule_work.py`'s.
"""

import logging
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import false, func, literal_column, or_, select
from sqlalchemy.orm import aliased
from sqlmodel import Session, col

from core.models.channel import Channel, ChannelState
from core.models.inbox import Contact, Conversation, Direction, Message, Sentiment
from core.models.inbox_work import ContactLabel, Rule
from core.services import service_hours
from core.services.intake_rows import chunks
from core.services.rule_actions import Do
from core.services.rule_terms import On, Subject, Test, asks, compiled, main_language, plain_handle, spelled
from core.services.tone import Tone

log = logging.getLogger("hub.rules")


@dataclass(frozen=True, slots=True)
class Arrived:
    """A message that came in, with what is known of where it came in and who wrote it."""

    id: int
    conversation_id: int
    channel_id: int
    text: str
    language: str | None
    sentiment: Sentiment | None
    corrected: bool
    at: datetime
    deleted_at: datetime | None
    kind: str
    contact_id: int | None
    contact_handle: str
    contact_name: str
    contact_remote_id: str
    group_id: int | None
    network: str
    channel_handle: str
    channel_name: str
    channel_state: ChannelState


@dataclass(frozen=True, slots=True)
class Compiled:
    """A rule ready to be tried."""

    id: int
    name: str
    stop: bool
    test: Test
    actions: tuple[Mapping[str, Any], ...]
    looks_at: frozenset[On]


# --- messages ---------------------------------------------------------------------------------------------------------

_COLUMNS: tuple[Any, ...] = (
    *(Message.id, Message.conversation_id, Message.channel_id, Message.text, Message.language, Message.sentiment),
    *(Message.corrected, Message.sent_at, Message.deleted_at, Conversation.kind, Message.contact_id),
    func.coalesce(Contact.handle, ""),
    func.coalesce(Contact.name, ""),
    func.coalesce(Contact.remote_id, ""),
    *(Channel.group_id, Channel.network, Channel.handle, Channel.name, Channel.state),
)


def _arrived() -> Any:
    return (
        select(*_COLUMNS)
        .join(Conversation, col(Conversation.id) == col(Message.conversation_id))
        .join(Channel, col(Channel.id) == col(Message.channel_id))
        .outerjoin(Contact, col(Contact.id) == col(Message.contact_id))
    )


# A partial index is only used when its condition stands in the statement itself: no bound values here.
UNTRIAGED = (col(Message.triaged) == false(), col(Message.direction) == literal_column("'in'"))


def untriaged(session: Session, limit: int) -> list[Arrived]:
    """Messages that the worker hasn't looked at yet, in the order they came in. One statement."""
    first = select(col(Message.id)).where(*UNTRIAGED).order_by(col(Message.id)).limit(limit)
    there = _arrived().where(col(Message.id).in_(first)).order_by(col(Message.id))
    return [Arrived(*row) for row in session.execute(there)]


def latest(session: Session, last: int) -> list[Arrived]:
    """The last messages that came in and are still there, in the order they came in. One statement."""
    there = (
        _arrived()
        .where(
            col(Message.direction) == Direction.IN,
            col(Message.deleted_at).is_(None),
            col(Channel.state) != ChannelState.REMOVED,
        )
        .order_by(col(Message.id).desc())
        .limit(last)
    )
    return [Arrived(*row) for row in reversed(session.execute(there).all())]


def subjects(
    session: Session, messages: Sequence[Arrived], tones: Mapping[int, Tone], rules: Iterable[Compiled]
) -> list[Subject]:
    """The messages as conditions look at them; only what the rules look at is worked out."""
    wanted: frozenset[On] = frozenset().union(*(rule.looks_at for rule in rules))
    labelled = _labels(session, messages) if On.LABEL in wanted else {}
    inside = _inside(session) if On.HOURS in wanted else lambda _: False
    words = spelled if On.WORDS in wanted else lambda _: ""
    nothing: frozenset[int] = frozenset()
    return [
        Subject(
            channel_id=one.channel_id,
            group_id=one.group_id,
            kind=one.kind,
            spelled=words(one.text),
            handle=plain_handle(one.contact_handle),
            labels=labelled.get(one.contact_id or 0, nothing),
            language=main_language(tones[one.id].language),
            sentiment=tones[one.id].sentiment,
            inside=inside(one.at),
        )
        for one in messages
    ]


def _inside(session: Session) -> Callable[[datetime], bool]:
    hours = service_hours.current(session)
    return lambda moment: service_hours.is_open(hours, moment)


def _labels(session: Session, messages: Sequence[Arrived]) -> dict[int, frozenset[int]]:
    """The labels of who wrote, those of contacts that are the same person too. One statement (a chunk)."""
    found: dict[int, set[int]] = {}
    same = aliased(Contact)
    person = func.coalesce(col(Contact.person_id), col(Contact.id))
    for some in chunks(sorted({one.contact_id for one in messages if one.contact_id is not None})):
        rows = session.execute(
            select(col(Contact.id), col(ContactLabel.label_id))
            .join(same, or_(col(same.id) == person, col(same.person_id) == person))
            .join(ContactLabel, col(ContactLabel.contact_id) == col(same.id))
            .where(col(Contact.id).in_(some))
        )
        for contact_id, label_id in rows:
            found.setdefault(contact_id, set()).add(label_id)
    return {key: frozenset(values) for key, values in found.items()}


# --- rules ------------------------------------------------------------------------------------------------------------


def compiled_rule(rule_id: int, name: str, stop: bool, conditions: Any, actions: Any) -> Compiled:
    """A rule ready to be tried. Raises `ValueError` for one that can't be read."""
    try:
        looks_at = frozenset(on for on in On if asks(conditions, on))
        for one in actions:
            Do(one["do"])
        return Compiled(rule_id, name, stop, compiled(conditions), tuple(actions), looks_at)
    except (KeyError, TypeError, AttributeError) as error:
        raise ValueError(f"the rule {rule_id} can't be read: {error!r}") from error


def enabled_rules(session: Session, before: int | None = None) -> list[Compiled]:
    """The rules that are on, in their order; `before`: only those above this position. One that can't be read is
    passed over and logged, so that it doesn't hold up the others."""
    r = Rule
    asked = select(r.id, r.name, r.stop, r.conditions, r.actions).where(col(r.enabled).is_(True))  # type: ignore[call-overload]
    if before is not None:
        asked = asked.where(col(r.position) < before)
    found = []
    for row in session.execute(asked.order_by(col(r.position), col(r.id))):
        try:
            found.append(compiled_rule(*row))
        except Exception:
            log.warning("passed over the rule %s, it can't be read", row[0], exc_info=True)
    return found


def matches(rules: Iterable[Compiled], subject: Subject) -> Iterator[Compiled]:
    """The rules that apply to a message, in their order, up to the first that stops."""
    for rule in rules:
        if rule.test(subject):
            yield rule
            if rule.stop:
                return


def answered_at(session: Session, conversation_ids: Iterable[int]) -> dict[int, datetime]:
    """When we answered last, a rule's answers apart. One statement (a chunk)."""
    found: dict[int, datetime] = {}
    for some in chunks(sorted(set(conversation_ids))):
        rows: Any = session.execute(
            select(col(Message.conversation_id), func.max(col(Message.sent_at)))
            .where(
                col(Message.conversation_id).in_(some),
                col(Message.direction) == Direction.OUT,
                col(Message.automatic).is_(False),
            )
            .group_by(col(Message.conversation_id))
        )
        found |= dict(rows.all())
    return found


def own_profiles(session: Session) -> frozenset[tuple[str, str]]:
    """Our own channels as (network, handle) and (network, remote id), removed ones too. One statement."""
    rows = session.execute(select(col(Channel.network), col(Channel.handle), col(Channel.remote_id))).all()
    return frozenset(
        (network, plain_handle(name)) for network, handle, remote_id in rows for name in (handle, remote_id) if name
    )


def is_ours(message: Arrived, ours: frozenset[tuple[str, str]]) -> bool:
    """Whether one of our own channels wrote it."""
    return any((message.network, plain_handle(name)) in ours for name in _called(message))


def _called(message: Arrived) -> Iterator[str]:
    yield from filter(None, (message.contact_handle, message.contact_remote_id))
