"""The team's rules: if … then … for what comes in. Making, changing, ordering them, and trying them on what is there.

What they are made of is `rule_terms.py` (if) and `rule_actions.py` (then); the worker applies them in `triage.py`.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from sqlalchemy import select
from sqlmodel import Session, col

from core.connectors.base import Limits
from core.errors import NotFound, UserError
from core.models.channel import Channel, ChannelState
from core.models.inbox_work import Rule
from core.services import service_hours
from core.services.answer_text import judge
from core.services.rule_actions import Do, Team, checked_actions, filled, goes_out
from core.services.rule_matching import (
    Arrived,
    Compiled,
    compiled_rule,
    enabled_rules,
    is_ours,
    latest,
    matches,
    own_profiles,
    subjects,
)
from core.services.rule_terms import Match, On, checked_conditions
from core.services.rule_words import Names, action_words, names, sentence
from core.services.rule_work import ONCE_IN
from core.services.team import Actor, Right, audit, require
from core.services.tone import Tone

NAME_LENGTH = 80  # characters
MOST = 100  # rules
TRIED = 500  # messages
MOST_TRIED = 5_000


@dataclass(frozen=True)
class RuleDraft:
    """A rule as somebody writes it; `position` where it stands already (None: it would come last)."""

    name: str
    conditions: Any
    actions: Any
    stop: bool = False
    position: int | None = None


@dataclass(frozen=True)
class RuleRow:
    """A rule with how it fares. `sentence` says what it does; `trouble` what it could not do."""

    id: int
    name: str
    position: int
    enabled: bool
    stop: bool
    conditions: Mapping[str, Any]
    actions: Sequence[Mapping[str, Any]]
    matched: int
    matched_at: datetime | None
    trouble: str | None
    sentence: str


@dataclass(frozen=True)
class Tried:
    """A message that a rule applies to, and what it `would` do. `stopped_by`: a rule above stops before it is tried."""

    message_id: int
    conversation_id: int
    at: datetime
    channel: str
    contact: str
    text: str
    would: tuple[str, ...]
    stopped_by: str | None


@dataclass(frozen=True)
class Trial:
    """How a rule fares on the last messages: on how many it was tried, since when, and the hits, newest first."""

    looked: int
    since: datetime | None
    hits: tuple[Tried, ...]


# --- reading ----------------------------------------------------------------------------------------------------------


def rules(session: Session) -> tuple[RuleRow, ...]:
    """All rules in their order. Five statements."""
    known = names(session)
    rows = session.execute(select(Rule).order_by(col(Rule.position), col(Rule.id))).scalars()
    return tuple(_row(row, known) for row in rows)


def rule(session: Session, rule_id: int) -> RuleRow:
    """One rule. Raises `NotFound`."""
    return _row(_rule(session, rule_id), names(session))


def _row(row: Rule, known: Names) -> RuleRow:
    same = ("id", "name", "position", "enabled", "stop", "matched", "matched_at", "trouble")
    return RuleRow(
        **{name: getattr(row, name) for name in same},
        conditions=row.conditions or {},
        actions=row.actions or [],
        sentence=sentence(row.conditions, row.actions, known),
    )


# --- changing ---------------------------------------------------------------------------------------------------------


def create_rule(session: Session, actor: Actor, draft: RuleDraft, enabled: bool = True) -> int:
    """Add a rule behind the others; gives its number. Raises `UserError` with what to put right."""
    require(actor, Right.ANSWER)
    there = _ordered(session)
    if len(there) >= MOST:
        raise UserError(f"There are {MOST} rules already. Delete one that nobody needs first.")
    made = checked(session, draft)
    row = Rule(
        name=made.name,
        position=len(there) + 1,
        enabled=enabled,
        stop=made.stop,
        conditions=made.conditions,
        actions=made.actions,
    )
    session.add(row)
    session.flush()
    _number(there)
    audit(session, actor, "rule.add", f"rule:{row.id}", row.name)
    return row.id


def edit_rule(session: Session, actor: Actor, rule_id: int, draft: RuleDraft) -> None:
    """Change what a rule is called, asks for and does. Its place and its count stay."""
    require(actor, Right.ANSWER)
    row = _rule(session, rule_id)
    made = checked(session, draft, besides=rule_id)
    row.name, row.stop, row.conditions, row.actions = made.name, made.stop, made.conditions, made.actions
    row.trouble = None
    audit(session, actor, "rule.edit", f"rule:{rule_id}", row.name)
    session.flush()


def move_rule(session: Session, actor: Actor, rule_id: int, by: int) -> None:
    """Up (-1) or down (1) in the order; at the ends it stays where it is."""
    require(actor, Right.ANSWER)
    row, there = _rule(session, rule_id), _ordered(session)
    before = there.index(row)
    there.insert(max(0, before + by), there.pop(before))
    after = there.index(row)
    _number(there)
    if after != before:
        audit(session, actor, "rule.move", f"rule:{rule_id}", f"{before + 1} → {after + 1}")
    session.flush()


def enable(session: Session, actor: Actor, rule_id: int, enabled: bool) -> None:
    """Switch a rule on or off. What it did stays done."""
    require(actor, Right.ANSWER)
    row = _rule(session, rule_id)
    if row.enabled != enabled:
        row.enabled = enabled
        audit(session, actor, "rule.enable" if enabled else "rule.disable", f"rule:{rule_id}", row.name)
        session.flush()


def delete_rule(session: Session, actor: Actor, rule_id: int) -> None:
    """Delete a rule for good. What it did stays done."""
    require(actor, Right.ANSWER)
    row = _rule(session, rule_id)
    audit(session, actor, "rule.delete", f"rule:{rule_id}", row.name)
    session.delete(row)
    session.flush()
    _number(_ordered(session))
    session.flush()


def checked(session: Session, draft: RuleDraft, besides: int | None = None) -> RuleDraft:
    """The same rule in its one form. Raises `UserError` with what to put right; `besides`: the rule it replaces."""
    known = names(session)
    name = " ".join(draft.name.replace("\x00", "").split())
    if not name:
        raise UserError("Give the rule a name.")
    if len(name) > NAME_LENGTH:
        raise UserError(f"The name is {len(name) - NAME_LENGTH} characters too long. Shorten it.")
    for row in _ordered(session):
        if row.id != besides and row.name.casefold() == name.casefold():
            raise UserError(f"There already is a rule “{row.name}”.")
    made = replace(draft, name=name, **_terms(draft, known))
    _check_length(session, made)
    return made


def described(session: Session, draft: RuleDraft) -> str:
    """What a rule that is being written would do, as a sentence. Raises `UserError` with what is missing."""
    known = names(session)
    terms = _terms(draft, known)
    return sentence(terms["conditions"], terms["actions"], known)


def _terms(draft: RuleDraft, known: Names) -> dict[str, Any]:
    """Conditions and actions of a draft in their one form."""
    return {
        "conditions": checked_conditions(draft.conditions, {on: known.of(on) for on in On}),
        "actions": checked_actions(draft.actions, Team(known.answering, known.members, known.labels)),
    }


def _check_length(session: Session, draft: RuleDraft) -> None:
    """An automatic answer must fit on every channel that the rule can be about."""
    text = next((one["text"] for one in draft.actions if one["do"] == Do.ANSWER), None)
    if text is None:
        return
    for channel in session.execute(select(Channel).where(col(Channel.state) != ChannelState.REMOVED)).scalars():
        if _excludes(draft.conditions, channel):
            continue
        shortest = filled(text, "", "", channel.name or channel.handle)
        found = judge(channel.network, Limits.from_json(channel.limits), shortest)
        if found.over:
            over = f"{found.over} characters too long for {channel.handle}"
            raise UserError(f"The automatic answer is {over}. Shorten it, or leave that channel out.")
        if found.error:
            raise UserError(f"The automatic answer can't go out on {channel.handle}: {found.error}")


def _excludes(conditions: Mapping[str, Any], channel: Channel) -> bool:
    """Whether the conditions can't hold for what comes in on this channel."""
    if conditions["match"] != Match.ALL and len(conditions["of"]) > 1:
        return False
    places = {On.CHANNEL: channel.id, On.GROUP: channel.group_id}
    return any(
        one["on"] in places and (places[On(one["on"])] in one["is"]) is bool(one.get("not")) for one in conditions["of"]
    )


def _rule(session: Session, rule_id: int) -> Rule:
    row = session.get(Rule, rule_id)
    if row is None:
        raise NotFound("This rule isn't there any more.")
    return row


def _ordered(session: Session) -> list[Rule]:
    return list(session.execute(select(Rule).order_by(col(Rule.position), col(Rule.id))).scalars())


def _number(ordered: Sequence[Rule]) -> None:
    for position, row in enumerate(ordered, start=1):
        row.position = position


# --- trying -----------------------------------------------------------------------------------------------------------


def dry_run(session: Session, actor: Actor, rule: RuleRow | RuleDraft, last: int = TRIED) -> Trial:
    """What a rule would have done to the last messages that came in. Changes nothing.

    Takes a rule that is there or one that is being written; for the latter raises `UserError` with what to put right.
    A constant number of statements.
    """
    require(actor, Right.LOOK)
    known = names(session)
    if isinstance(rule, RuleDraft):
        rule = replace(rule, **_terms(rule, known))
    try:
        tried = compiled_rule(0, rule.name, rule.stop, rule.conditions, rule.actions)
    except ValueError:
        raise UserError("This rule can't be read. Write it anew.") from None
    messages = latest(session, max(1, min(last, MOST_TRIED)))
    above = [one for one in enabled_rules(session, before=rule.position) if one.stop]
    tones = _tones(messages)
    looked_at = subjects(session, messages, tones, [tried, *above])
    found = [
        (message, next((one.name for one in matches(above, subject)), None))
        for message, subject in zip(messages, looked_at, strict=True)
        if tried.test(subject)
    ]
    would = dict(_would(session, tried, [message for message, stopped_by in found if stopped_by is None], known))
    hits = [_tried(message, would.get(message.id, ()), stopped_by) for message, stopped_by in reversed(found)]
    return Trial(len(messages), min((one.at for one in messages), default=None), tuple(hits))


def _tones(messages: Sequence[Arrived]) -> dict[int, Tone]:
    """What the worker found; what it hasn't looked at yet is judged now."""
    from core.services.triage import judge

    return {one.id: Tone(one.language, one.sentiment) if one.sentiment is not None else judge(one) for one in messages}


def _would(
    session: Session, tried: Compiled, messages: Sequence[Arrived], known: Names
) -> Iterator[tuple[int, tuple[str, ...]]]:
    """What would have been done for each message, with the restraint that automatic answers are under."""
    said = [action_words(one, known) for one in tried.actions]
    hours, ours = service_hours.current(session), own_profiles(session)
    answered: dict[int, datetime] = {}

    def why_not(message: Arrived, often: str) -> str | None:
        before = answered.get(message.conversation_id)
        if is_ours(message, ours):
            return "no answer: one of our own channels wrote it"
        if not goes_out(often, service_hours.is_open(hours, message.at)):
            return "no answer: somebody is there"
        if before is not None and message.at - before < ONCE_IN:
            return "no answer: one has gone out within 24 h"
        answered[message.conversation_id] = message.at
        return None

    for message in sorted(messages, key=lambda one: (one.at, one.id)):
        refused = [why_not(message, one["when"]) if one["do"] == Do.ANSWER else None for one in tried.actions]
        yield message.id, tuple(no or words for no, words in zip(refused, said, strict=True))


def _tried(message: Arrived, would: tuple[str, ...], stopped_by: str | None) -> Tried:
    return Tried(
        message_id=message.id,
        conversation_id=message.conversation_id,
        at=message.at,
        channel=message.channel_handle,
        contact=message.contact_name or message.contact_handle or "Unknown",
        text=" ".join(message.text.split())[:200],
        would=would,
        stopped_by=stopped_by,
    )
