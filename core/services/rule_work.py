"""What rules do: their actions carried out for a batch of messages, set-wise, in the caller's transaction.

A rule only fills in what nobody decided yet: who has a conversation and what it is for stay as they are once they are
set. Of several rules that match one message the upper one has its way. Which rules match is `rule_matching.py`'s.
An action that can't be done holds nothing up: the rule says so (`Rule.trouble`).
"""

import logging
from collections import Counter, defaultdict
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from sqlalchemy import bindparam, select, update
from sqlalchemy.exc import DBAPIError
from sqlmodel import Session, col

from core.db import utc_now
from core.errors import UserError
from core.models.inbox import Conversation, ConversationState, Direction, Goal, Message, Priority
from core.models.inbox_work import Rule
from core.models.team import Role
from core.services import inbox, inbox_handling, service_hours
from core.services.inbox_undo import forget
from core.services.intake_rows import chunks
from core.services.notices import NoticeKind, notify
from core.services.rule_actions import Do, filled, goes_out
from core.services.rule_matching import Arrived, Compiled, is_ours, own_profiles
from core.services.settling import settle
from core.services.team import Actor

log = logging.getLogger("hub.rules")

FRESH = timedelta(hours=1)  # nobody expects an automatic answer to what is older
ONCE_IN = timedelta(hours=24)  # one automatic answer in a conversation
SINGLY = 3  # so many matches are told one by one; more in one sentence
LONGEST_NAME = 80

_STATES = {Do.RESOLVE, Do.SNOOZE}


@dataclass(frozen=True, slots=True)
class Hit:
    """A rule matched a message."""

    rule: Compiled
    message: Arrived


@dataclass(frozen=True, slots=True)
class _Order:
    """An action to be done with a conversation, because of a message."""

    rule: Compiled
    action: int  # which of the rule's
    message: Arrived

    @property
    def values(self) -> Any:
        return self.rule.actions[self.action]


@dataclass
class _Plan:
    """What is to be done with which conversation; by `Do` and conversation where one order is enough."""

    one: dict[tuple[Do, int], _Order] = field(default_factory=dict)
    labels: dict[tuple[int, int], _Order] = field(default_factory=dict)  # by label and conversation
    notices: list[_Order] = field(default_factory=list)

    def of(self, *acts: Do) -> list[_Order]:
        return [order for (do, _), order in self.one.items() if do in acts]


def carry_out(session: Session, hits: Sequence[Hit]) -> None:
    """Do what the rules say, and note on each how often it matched. `hits` by message, a message's rules in order."""
    if not hits:
        return
    work = _Work(session)
    plan = _planned(hits)
    work.decide(plan)
    work.answer(plan.of(Do.ANSWER))
    work.put_states(plan.of(*_STATES))
    work.tell(plan.notices)
    _note(session, hits, work.troubles)


def _planned(hits: Iterable[Hit]) -> _Plan:
    plan = _Plan()
    done: set[tuple[int, Do]] = set()  # message, act: the upper rule had its way
    for hit in hits:
        talk = hit.message.conversation_id
        for place, values in enumerate(hit.rule.actions):
            do, order = Do(values["do"]), _Order(hit.rule, place, hit.message)
            kind = Do.RESOLVE if do in _STATES else do
            if do == Do.LABEL:
                plan.labels.setdefault((values["label_id"], talk), order)
            elif do == Do.NOTIFY:
                plan.notices.append(order)
            elif (hit.message.id, kind) not in done:
                done.add((hit.message.id, kind))
                if do in (Do.ASSIGN, Do.GOAL):  # what the first message brought is decided already
                    plan.one.setdefault((do, talk), order)
                else:
                    plan.one[kind, talk] = order
    return plan


def rule_actor(name: str) -> Actor:
    """A rule as somebody who acts."""
    return Actor(id=None, name=f"The rule “{name}”", email="", role=Role.ADMIN)


class _Work:
    """The doing, and what could not be done."""

    def __init__(self, session: Session) -> None:
        self.session = session
        self.now = utc_now()
        self.troubles: dict[int, str] = {}

    def decide(self, plan: _Plan) -> None:
        """Owner, goal, priority, labels."""
        session = self.session
        free = self._undecided(plan.of(Do.ASSIGN, Do.GOAL))
        for order, ids in _together(o for o in plan.of(Do.ASSIGN) if o.message.conversation_id in free[Do.ASSIGN]):
            self._try(order, inbox_handling.assign, session, _actor(order), ids, order.values["member_id"])
        for order, ids in _together(o for o in plan.of(Do.GOAL) if o.message.conversation_id in free[Do.GOAL]):
            self._try(order, inbox_handling.set_goal, session, _actor(order), ids, Goal(order.values["goal"]))
        for order, ids in _together(plan.of(Do.PRIORITY)):
            priority = Priority(order.values["priority"])
            self._try(order, inbox_handling.set_priority, session, _actor(order), ids, priority)
        for order, ids in _together(plan.labels.values()):
            self._try(order, inbox_handling.add_label, session, _actor(order), ids, order.values["label_id"])

    def put_states(self, orders: Sequence[_Order]) -> None:
        """Resolve and snooze, unless something newer came in that somebody should see."""
        newest = self._newest({order.message.conversation_id for order in orders})
        still = [order for order in orders if newest.get(order.message.conversation_id) == order.message.id]
        for order, ids in _together(still):
            if Do(order.values["do"]) == Do.RESOLVE:
                resolved = ConversationState.RESOLVED
                self._try(order, inbox_handling.set_states, self.session, _actor(order), ids, resolved)
            else:
                until = self.now + timedelta(hours=order.values["hours"])
                self._try(order, inbox_handling.snooze, self.session, _actor(order), ids, until)

    def answer(self, orders: Sequence[_Order]) -> None:
        """Automatic answers: to what is fresh, once a day in a conversation, never to ourselves."""
        fresh = [order for order in orders if self.now - order.message.at < FRESH]
        if not fresh:
            return
        inside = service_hours.is_open(service_hours.current(self.session), self.now)
        ours = own_profiles(self.session)
        due = [o for o in fresh if goes_out(o.values["when"], inside) and not is_ours(o.message, ours)]
        lately = self._answered_lately({order.message.conversation_id for order in due})
        for order in due:
            if order.message.conversation_id not in lately:
                self._try(order, self._send, order)

    def _send(self, order: _Order) -> None:
        """By the same way as a member's answer. Whoever wrote still waits for one of those, and it stays unread."""
        message = order.message
        talk = self.session.get_one(Conversation, message.conversation_id)
        unread = talk.unread
        channel = message.channel_name or message.channel_handle
        text = filled(order.values["text"], message.contact_name, message.contact_handle, channel)
        sent = inbox.send_reply(self.session, _actor(order), talk.id, text, message.id)
        self.session.get_one(Message, sent).automatic = True
        self.session.get_one(Conversation, talk.id).unread = unread
        settle(self.session, [talk.id])

    def tell(self, orders: Sequence[_Order]) -> None:
        """One notice a conversation, or one in all when there are many."""
        several: defaultdict[tuple[int, int], dict[int, _Order]] = defaultdict(dict)
        for order in orders:
            several[order.rule.id, order.action].setdefault(order.message.conversation_id, order)
        for group in several.values():
            first = next(iter(group.values()))
            members, name = first.values["member_ids"], first.rule.name[:LONGEST_NAME]
            if len(group) > SINGLY:
                text = f"Rule “{name}”: {len(group)} conversations, the first {_where(first.message)}."
                notify(self.session, members, NoticeKind.RULE, text)
                continue
            for key, order in group.items():
                text = f"Rule “{name}”: {_where(order.message)}."
                notify(self.session, members, NoticeKind.RULE, text, f"conversation:{key}")

    def _undecided(self, orders: Iterable[_Order]) -> dict[Do, set[int]]:
        """The conversations that nobody has, and those without a goal."""
        found: dict[Do, set[int]] = {Do.ASSIGN: set(), Do.GOAL: set()}
        ids = sorted({order.message.conversation_id for order in orders})
        c = Conversation
        for some in chunks(ids):
            rows = self.session.execute(select(c.id, c.assignee_id, c.goal).where(col(c.id).in_(some)))  # type: ignore[call-overload]
            for key, assignee, goal in rows:
                if assignee is None:
                    found[Do.ASSIGN].add(key)
                if goal is None:
                    found[Do.GOAL].add(key)
        return found

    def _newest(self, ids: Collection[int]) -> dict[int, int]:
        """The newest message that came in, by conversation. One statement (a chunk)."""
        found: dict[int, int] = {}
        newest = (
            select(col(Message.id))
            .where(
                col(Message.conversation_id) == col(Conversation.id),
                col(Message.direction) == Direction.IN,
                col(Message.deleted_at).is_(None),
            )
            .order_by(col(Message.sent_at).desc(), col(Message.id).desc())
            .limit(1)
            .correlate(Conversation)
            .scalar_subquery()
        )
        for some in chunks(sorted(ids)):
            rows: Any = self.session.execute(select(col(Conversation.id), newest).where(col(Conversation.id).in_(some)))
            found |= dict(rows.all())
        return found

    def _answered_lately(self, ids: Collection[int]) -> set[int]:
        found: set[int] = set()
        for some in chunks(sorted(ids)):
            lately = select(col(Message.conversation_id)).where(
                col(Message.conversation_id).in_(some),
                col(Message.automatic).is_(True),
                col(Message.sent_at) > self.now - ONCE_IN,
            )
            found.update(self.session.execute(lately).scalars())
        return found

    def _try(self, order: _Order, call: Callable[..., Any], *given: Any) -> None:
        """Do one thing, or nothing of it and remember why."""
        try:
            with self.session.begin_nested():
                call(*given)
        except UserError as error:
            self.troubles[order.rule.id] = str(error)
        except DBAPIError:
            raise  # the whole batch is tried again
        except Exception:
            log.exception("an action of the rule %s failed", order.rule.id)
            self.troubles[order.rule.id] = "Something went wrong that shouldn't have. The log of the worker says what."
            forget(self.session)


def _together(orders: Iterable[_Order]) -> Iterator[tuple[_Order, list[int]]]:
    """The same action of the same rule once, with all its conversations, at most as many as go at once."""
    several: defaultdict[tuple[int, int], list[_Order]] = defaultdict(list)
    for order in orders:
        several[order.rule.id, order.action].append(order)
    for group in several.values():
        for some in chunks([order.message.conversation_id for order in group], inbox_handling.MOST):
            yield group[0], list(some)


def _actor(order: _Order) -> Actor:
    return rule_actor(order.rule.name)


def _where(message: Arrived) -> str:
    who = message.contact_name or message.contact_handle or "somebody"
    return f"{who[:60]} on {message.channel_handle[:80]}"


def _note(session: Session, hits: Sequence[Hit], troubles: dict[int, str]) -> None:
    """How often each rule matched, and what it could not do."""
    counts = Counter(hit.rule.id for hit in hits)
    table: Any = Rule.__table__  # type: ignore[attr-defined]
    here = table.c.id == bindparam("key")
    counted = update(table).where(here).values(matched=table.c.matched + bindparam("more"), matched_at=utc_now())
    session.execute(counted, [{"key": key, "more": more} for key, more in counts.items()])
    if troubles:
        told = update(table).where(here).values(trouble=bindparam("why"))
        session.execute(told, [{"key": key, "why": why} for key, why in troubles.items()])
