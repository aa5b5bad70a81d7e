"""The “if” of a rule: which conditions there are, how they are written down, and matchers compiled from them.

Pure: no database, no network. A condition is plain JSON such as `{"on": "words", "has": "any", "words": ["liefer*"]}`;
`"not": true` turns it round. What is done when they hold is `rule_actions.py`'s, and how both read as a sentence
`rule_words.py`'s.
"""

import re
import unicodedata
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import reduce
from typing import Any, TypeVar

from core.connectors.base import Kind
from core.errors import UserError
from core.models.inbox import Sentiment

MOST_CONDITIONS = 20
MOST_VALUES = 200  # words, handles, channels … in one condition
LONGEST_WORD = 80  # characters
LONGEST_HANDLE = 300

_TOKEN = re.compile(r"\w+|[\u2600-\u27bf\U0001f000-\U0001faff]")  # words, and each emoji by itself
_MARKS = re.compile(r"[\u0300-\u036f]+")
_LANGUAGE = re.compile(r"[a-z]{2,3}")


class On(StrEnum):
    """What a condition looks at."""

    CHANNEL = "channel"
    GROUP = "group"
    KIND = "kind"
    WORDS = "words"
    CONTACT = "contact"  # their handle
    LABEL = "label"  # a label on the contact
    LANGUAGE = "language"
    SENTIMENT = "sentiment"
    HOURS = "hours"


class Match(StrEnum):
    """Whether all conditions must hold, or one is enough."""

    ALL = "all"
    ANY = "any"


class When(StrEnum):
    """Where a moment lies."""

    INSIDE = "inside"
    OUTSIDE = "outside"


@dataclass(frozen=True, slots=True)
class Subject:
    """What the conditions look at: one message, ready for comparing. `spelled` is its text by `spelled()`."""

    channel_id: int
    group_id: int | None
    kind: str
    spelled: str
    handle: str  # as `plain_handle` gives it
    labels: frozenset[int]
    language: str | None
    sentiment: str | None
    inside: bool  # it came within the service hours


Choice = TypeVar("Choice", bound=StrEnum)
Test = Callable[[Subject], bool]
Known = Mapping[On, Collection[int]]
"""The numbers of the channels, groups and labels that there are."""


# --- texts ------------------------------------------------------------------------------------------------------------


def spelled(text: str) -> str:
    """A text as words with a space around each, without case and accents: “ grosse liefer verzogerung ”.

    So that looking for a word, a beginning or a phrase is looking for a part of it.
    """
    if not text.isascii():
        text = unicodedata.normalize("NFKD", text)
    text = text.casefold()
    if not text.isascii():
        text = _MARKS.sub("", text)
    return f" {' '.join(_TOKEN.findall(text))} "


def needle(word: str) -> str:
    """What to look for in a spelled text: “liefer*” finds every word that begins so, “wo bleibt” the phrase.

    Raises `UserError` when nothing could ever be found.
    """
    bare = word.strip()
    begins = bare.endswith("*")
    inner = bare.rstrip("*")
    if "*" in inner:
        raise UserError(f"“{bare}”: a * can only stand at the end of a word, like liefer*.")
    found = spelled(inner)
    if not found.strip():
        raise UserError(f"“{bare}” has no letter or digit to look for.")
    return found[:-1] if begins else found


def plain_handle(handle: str) -> str:
    """A handle for comparing: without the first @ and without case."""
    return handle.strip().removeprefix("@").casefold()


def main_language(language: str | None) -> str | None:
    """“de” of “de-AT”."""
    return language.replace("_", "-").partition("-")[0].lower() if language else None


# --- checking ---------------------------------------------------------------------------------------------------------


def checked_conditions(given: Any, known: Known) -> dict[str, Any]:
    """The conditions in their one form, `{"match": "all", "of": […]}`. Raises `UserError` with what to put right.

    Without conditions a rule applies to whatever comes in.
    """
    if not isinstance(given, dict):
        raise UserError('Write conditions like {"match": "all", "of": […]}.')
    only(given, {"match", "of"}, "The conditions")
    match = one_of(Match, given.get("match", Match.ALL), "match")
    several = given.get("of", [])
    if not isinstance(several, list) or not all(isinstance(one, dict) for one in several):
        raise UserError('“of” is a list of conditions like {"on": "kind", "is": ["comment"]}.')
    if len(several) > MOST_CONDITIONS:
        raise UserError(f"{len(several)} conditions are too many. Make two rules of it: up to {MOST_CONDITIONS} each.")
    return {"match": match.value, "of": [_checked(one, known) for one in several]}


def _checked(given: dict[str, Any], known: Known) -> dict[str, Any]:
    on = one_of(On, given.get("on"), "on")
    turned = given.get("not", False)
    if not isinstance(turned, bool):
        raise UserError("“not” is true or false.")
    if on == On.WORDS:
        only(given, {"on", "not", "has", "words"}, "A condition on words")
        has = one_of(Match, given.get("has", Match.ANY), "has")
        words = _texts(given.get("words"), "Say which words are to be looked for.")
        for word in words:
            needle(word)
        made: dict[str, Any] = {"on": on.value, "has": has.value, "words": words}
    else:
        only(given, {"on", "not", "is"}, f"A condition on {on.value}")
        made = {"on": on.value, "is": _values(on, given.get("is"), known)}
    return made | ({"not": True} if turned else {})


def _values(on: On, given: Any, known: Known) -> Any:
    if on == On.HOURS:
        return one_of(When, given, "is").value
    if on in (On.CHANNEL, On.GROUP, On.LABEL):
        return numbers(given, known.get(on, ()), on.value)
    values = _texts(given, _MISSING[on], LONGEST_HANDLE)
    if on == On.KIND:
        return [one_of(Kind, value, "is").value for value in values]
    if on == On.SENTIMENT:
        return [one_of(Sentiment, value, "is").value for value in values]
    if on == On.LANGUAGE:
        return [_language(value) for value in values]
    if any(not plain_handle(value) for value in values):
        raise UserError("A handle is empty. Write it as the network does, like @lena@norden.example.")
    return values


_MISSING = {
    On.KIND: "Choose which kinds of messages are meant.",
    On.SENTIMENT: "Choose which mood is meant.",
    On.LANGUAGE: "Choose which languages are meant.",
    On.CONTACT: "Write whose messages are meant: handles like @lena@norden.example.",
}


def numbers(given: Any, known: Collection[int], what: str) -> list[int]:
    """Numbers of things that there are; without repeating any."""
    if not isinstance(given, list) or not given or None in given:
        raise UserError(f"Choose at least one {what}.")
    if len(given) > MOST_VALUES:
        raise UserError(f"Choose up to {MOST_VALUES} at once.")
    for value in given:
        if not isinstance(value, int) or isinstance(value, bool):
            raise UserError(f"“{value}” isn't the number of a {what}.")
        if value not in known:
            raise UserError(f"The {what} {value} isn't there any more. Choose another one.")
    return list(dict.fromkeys(given))


def _language(value: str) -> str:
    found = main_language(value) or ""
    if not _LANGUAGE.fullmatch(found):
        raise UserError(f"“{value}” is no language. Write its short form, like de or en.")
    return found


def _texts(given: Any, missing: str, longest: int = LONGEST_WORD) -> list[str]:
    if not isinstance(given, list) or not all(isinstance(one, str) for one in given):
        raise UserError(missing)
    tidy = list(dict.fromkeys(filter(None, (" ".join(one.replace("\x00", "").split()) for one in given))))
    if not tidy:
        raise UserError(missing)
    if len(tidy) > MOST_VALUES:
        raise UserError(f"{len(tidy)} are too many in one condition. Take up to {MOST_VALUES}.")
    for one in tidy:
        if len(one) > longest:
            raise UserError(f"“{one[:40]}…” is too long. Shorten it.")
    return tidy


def one_of(kind: type[Choice], given: Any, name: str) -> Choice:
    """The member of an enum that is meant, or a `UserError` that names those there are."""
    try:
        return kind(given)
    except ValueError:
        there = ", ".join(kind)
        said = f"“{given}”" if given is not None else "nothing"
        raise UserError(f"“{name}” is {said}. It can be one of: {there}.") from None


def only(given: Mapping[str, Any], allowed: set[str], what: str) -> None:
    """Refuse what would be passed over in silence, such as a slip of the pen."""
    if unknown := sorted(set(given) - allowed):
        raise UserError(f"{what} can't have “{unknown[0]}”. It can have: {', '.join(sorted(allowed))}.")


# --- compiling --------------------------------------------------------------------------------------------------------


def compiled(conditions: Mapping[str, Any]) -> Test:
    """A quick test out of checked conditions. Raises `KeyError`, `ValueError` or `UserError` for what isn't any."""
    tests = tuple(_turned(one, _test(one)) for one in conditions["of"])
    if not tests:
        return lambda _: True
    return reduce(_both if Match(conditions["match"]) == Match.ALL else _either, tests)


def _both(one: Test, other: Test) -> Test:
    return lambda subject: one(subject) and other(subject)


def _either(one: Test, other: Test) -> Test:
    return lambda subject: one(subject) or other(subject)


def asks(conditions: Mapping[str, Any], on: On) -> bool:
    """Whether any of the conditions looks at this."""
    return any(one["on"] == on for one in conditions["of"])


def _turned(condition: Mapping[str, Any], test: Test) -> Test:
    return (lambda subject: not test(subject)) if condition.get("not") else test


def _test(condition: Mapping[str, Any]) -> Test:
    on = On(condition["on"])
    if on == On.WORDS:
        return _words_test([needle(word) for word in condition["words"]], Match(condition["has"]))
    if on == On.HOURS:
        wanted = When(condition["is"]) == When.INSIDE
        return lambda subject: subject.inside is wanted
    values: frozenset[Any] = frozenset(condition["is"])
    if on == On.CONTACT:
        handles = frozenset(map(plain_handle, values))
        return lambda subject: subject.handle in handles
    if on == On.LABEL:
        return lambda subject: not values.isdisjoint(subject.labels)
    return _VALUE_TESTS[on](values)


_VALUE_TESTS: dict[On, Callable[[frozenset[Any]], Test]] = {
    On.CHANNEL: lambda values: lambda subject: subject.channel_id in values,
    On.GROUP: lambda values: lambda subject: subject.group_id in values,
    On.KIND: lambda values: lambda subject: subject.kind in values,
    On.LANGUAGE: lambda values: lambda subject: subject.language in values,
    On.SENTIMENT: lambda values: lambda subject: subject.sentiment in values,
}


def _words_test(needles: Sequence[str], has: Match) -> Test:
    def any_of(subject: Subject) -> bool:
        text = subject.spelled
        for one in needles:  # noqa: SIM110 - a generator costs more than the search
            if one in text:
                return True
        return False

    def all_of(subject: Subject) -> bool:
        text = subject.spelled
        return all(one in text for one in needles)

    return any_of if has == Match.ANY else all_of
