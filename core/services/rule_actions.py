"""The “then” of a rule: which actions there are, how they are written down, and what an automatic answer may hold.

Pure: no database, no network. An action is plain JSON such as `{"do": "assign", "member_id": 3}`. Doing them is
`rule_work.py`'s, the conditions are `rule_terms.py`'s.
"""

import re
from collections.abc import Collection
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from core.errors import UserError
from core.models.inbox import Goal, Priority
from core.services.rule_terms import numbers, one_of, only

MOST_ACTIONS = 20
LONGEST_SNOOZE = 365 * 24  # hours
LONGEST_ANSWER = 5_000  # characters; a channel's own limit is checked when the rule is saved
LONGEST_NAME = 60

VARIABLES = ("contact", "channel")  # {contact}, {channel}

_VARIABLE = re.compile(r"\{\s*(\w+)\s*\}")
_NOT_IN_NAMES = re.compile(r"[^\w '’\-]+")


class Do(StrEnum):
    """What can be done with a conversation."""

    ASSIGN = "assign"  # unless somebody has it
    LABEL = "label"
    GOAL = "goal"  # unless it has one
    PRIORITY = "priority"
    RESOLVE = "resolve"
    SNOOZE = "snooze"
    NOTIFY = "notify"
    ANSWER = "answer"


class Often(StrEnum):
    """When an automatic answer may go out."""

    OUTSIDE = "outside"  # while nobody is there
    ALWAYS = "always"


@dataclass(frozen=True)
class Team:
    """What actions may name: who can have conversations, who can be told, labels. All by number."""

    answering: Collection[int]
    members: Collection[int]
    labels: Collection[int]


_FIELDS: dict[Do, set[str]] = {
    Do.ASSIGN: {"member_id"},
    Do.LABEL: {"label_id"},
    Do.GOAL: {"goal"},
    Do.PRIORITY: {"priority"},
    Do.RESOLVE: set(),
    Do.SNOOZE: {"hours"},
    Do.NOTIFY: {"member_ids"},
    Do.ANSWER: {"text", "when"},
}


def checked_actions(given: Any, team: Team) -> list[dict[str, Any]]:
    """The actions in their one form. Raises `UserError` with what to put right."""
    if not isinstance(given, list) or not all(isinstance(one, dict) for one in given):
        raise UserError('Write actions as a list like [{"do": "resolve"}].')
    if not given:
        raise UserError("Say what is to be done: add an action.")
    if len(given) > MOST_ACTIONS:
        raise UserError(f"{len(given)} actions are too many. Take up to {MOST_ACTIONS}.")
    made = [_checked(one, team) for one in given]
    unique: list[dict[str, Any]] = []
    for one in made:
        if one not in unique:
            unique.append(one)
    _agree([Do(one["do"]) for one in unique])
    return unique


def _checked(given: dict[str, Any], team: Team) -> dict[str, Any]:
    do = one_of(Do, given.get("do"), "do")
    only(given, {"do"} | _FIELDS[do], f"The action {do.value}")
    made: dict[str, Any] = {"do": do.value}
    if do == Do.ASSIGN:
        (member,) = numbers([given.get("member_id")], team.answering, "member who may answer")
        return made | {"member_id": member}
    if do == Do.LABEL:
        (label,) = numbers([given.get("label_id")], team.labels, "label")
        return made | {"label_id": label}
    if do == Do.GOAL:
        return made | {"goal": one_of(Goal, given.get("goal"), "goal").value}
    if do == Do.PRIORITY:
        return made | {"priority": one_of(Priority, given.get("priority"), "priority").value}
    if do == Do.SNOOZE:
        return made | {"hours": _hours(given.get("hours"))}
    if do == Do.NOTIFY:
        return made | {"member_ids": numbers(given.get("member_ids"), team.members, "member to tell")}
    if do == Do.ANSWER:
        when = one_of(Often, given.get("when", Often.OUTSIDE), "when")
        return made | {"text": _answer(given.get("text")), "when": when.value}
    return made


def _hours(given: Any) -> int:
    if not isinstance(given, int) or isinstance(given, bool) or not 1 <= given <= LONGEST_SNOOZE:
        raise UserError(f"Snooze for whole hours, from 1 to {LONGEST_SNOOZE}.")
    return given


def _answer(given: Any) -> str:
    text = given.replace("\x00", "").strip() if isinstance(given, str) else ""
    if not text:
        raise UserError("The automatic answer is empty. Write what people are to be told.")
    if len(text) > LONGEST_ANSWER:
        raise UserError(f"The automatic answer is {len(text) - LONGEST_ANSWER} characters too long. Shorten it.")
    for name in _VARIABLE.findall(text):
        if name not in VARIABLES:
            there = ", ".join(f"{{{one}}}" for one in VARIABLES)
            raise UserError(f"{{{name}}} can't be filled in by a rule. What can: {there}.")
    return text


def _agree(acts: list[Do]) -> None:
    """Refuse what contradicts itself."""
    for do in (Do.ASSIGN, Do.GOAL, Do.PRIORITY, Do.SNOOZE, Do.ANSWER):
        if acts.count(do) > 1:
            raise UserError(f"A rule has one “{do.value}” at most. Take the others away.")
    if Do.RESOLVE in acts and Do.SNOOZE in acts:
        raise UserError("A rule can resolve a conversation or snooze it, not both.")


def filled(text: str, contact: str, handle: str, channel: str) -> str:
    """An automatic answer with its variables filled in.

    What people call themselves goes out under our name, so nothing in it may be a link, a handle or a hashtag.
    """
    name = _harmless(contact) or _harmless(plain_user(handle))
    values = {"contact": name, "channel": channel}
    return _VARIABLE.sub(lambda found: values.get(found[1], found[0]), text)


def plain_user(handle: str) -> str:
    """“lena” of “@lena@norden.example” and of “lena.bsky.example”."""
    return re.split(r"[@.]", handle.strip().removeprefix("@"), maxsplit=1)[0]


def _harmless(name: str) -> str:
    return " ".join(_NOT_IN_NAMES.sub(" ", name).split())[:LONGEST_NAME].strip()


def goes_out(often: str, inside: bool) -> bool:
    """Whether an automatic answer may go out, with the team there or not."""
    return Often(often) == Often.ALWAYS or not inside
