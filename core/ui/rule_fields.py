"""The fields of a rule: one row a condition or action, in words that read on like a sentence.

Each gives what it holds as plain JSON, whatever is still missing. What is typed outlives a look at another page.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Literal

import streamlit as st

from core.connectors.base import Kind
from core.models.inbox import Priority, Sentiment
from core.services.rule_actions import LONGEST_ANSWER, LONGEST_SNOOZE, VARIABLES, Do, Often
from core.services.rule_terms import On, When
from core.services.rule_words import GOAL_WORDS, KIND_WORDS, LANGUAGES, Names, language_name

ON = {
    On.WORDS: "the text",
    On.SENTIMENT: "the mood",
    On.LANGUAGE: "the language",
    On.KIND: "the message",
    On.CHANNEL: "the channel",
    On.GROUP: "the channel's group",
    On.CONTACT: "who wrote it",
    On.LABEL: "a label of who wrote it",
    On.HOURS: "the time",
}
HAS = {"any": "has one of", "all": "has all of", "not any": "has none of", "not all": "lacks one of"}
IS = {"": "is", "not": "isn't"}
TIMES = {When.INSIDE.value: "is within the service hours", When.OUTSIDE.value: "is outside the service hours"}
DO = {
    Do.ASSIGN: "assign it to",
    Do.LABEL: "label it",
    Do.GOAL: "mark it as",
    Do.PRIORITY: "give it the priority",
    Do.NOTIFY: "tell",
    Do.SNOOZE: "snooze it for (hours)",
    Do.RESOLVE: "resolve it",
    Do.ANSWER: "answer by itself",
}
OFTEN = {Often.OUTSIDE.value: "while nobody is there", Often.ALWAYS.value: "at any time"}
KEPT = {  # what to know about an action
    Do.ASSIGN: "Unless somebody has it already.",
    Do.GOAL: "Unless it has a goal already.",
    Do.RESOLVE: "Unless something newer has come in.",
    Do.SNOOZE: "Unless something newer has come in.",
    Do.ANSWER: "Once in 24 hours in a conversation, never to what is older than an hour, never to our own channels. "
    "Who wrote still waits for an answer of yours.",
}
WORDS_HELP = "Separated by commas. Whole words; liefer* finds all that begin so. Case and accents don't matter."
FIRST, SECOND = 195, 155  # pixels: the first two fields of a row


def choice(
    label: str, options: Mapping[Any, str], now: Any, key: str, width: int | Literal["stretch"] = "stretch"
) -> Any:
    """A box for one of several; nothing chosen where `now` isn't among them."""
    codes = list(options)
    return st.selectbox(
        label,
        codes,
        index=codes.index(now) if now in codes else None,
        format_func=lambda code: options.get(code, str(code)),
        key=key,
        placeholder="Choose",
        label_visibility="collapsed",
        persist_state="session",
        width=width,
    )


def _several(label: str, options: Mapping[Any, str], now: Sequence[Any], key: str) -> list[Any]:
    return st.multiselect(
        label,
        list(options),
        default=[one for one in now if one in options],
        format_func=lambda code: options.get(code, str(code)),
        key=key,
        placeholder="Choose",
        label_visibility="collapsed",
        persist_state="session",
    )


def _cross(key: str, what: str, remove: Callable[[], None]) -> None:
    st.button(
        "",
        icon=":material/close:",
        type="tertiary",
        key=f"{key}_remove",
        help=f"Take this {what} out",
        on_click=remove,
    )


# --- conditions -----------------------------------------------------------------------------------------------------


def condition(known: Names, given: Mapping[str, Any], row: str, remove: Callable[[], None]) -> dict[str, Any]:
    """A row for a condition that began as `given`; `row` is the key of its fields."""
    with st.container(horizontal=True, vertical_alignment="center", gap="small", key=row):
        on = On(choice("What is looked at", ON, given.get("on"), f"{row}_on", FIRST) or On.WORDS)
        began = given if given.get("on") == on else {}
        key = f"{row}_{on.value}"
        turned = bool(began.get("not"))
        if on == On.HOURS:
            time = {(When.INSIDE, False), (When.OUTSIDE, True)}
            now = "inside" if (began.get("is", "outside"), turned) in time else "outside"
            made = {"on": on.value, "is": choice("When", TIMES, now, f"{key}_verb")}
        elif on == On.WORDS:
            verb = ("not " if turned else "") + str(began.get("has", "any"))
            verb = choice("How", HAS, verb, f"{key}_verb", SECOND) or "any"
            words = _typed("Words", began.get("words", ()), key, "liefer*, wo bleibt")
            made = {"on": on.value, "has": verb.removeprefix("not "), "words": words} | _not(verb)
        else:
            verb = choice("How", IS, "not" if turned else "", f"{key}_verb", SECOND) or ""
            made = {"on": on.value, "is": _values(on, known, began.get("is", ()), key)} | _not(verb)
        _cross(row, "condition", remove)
    if on == On.WORDS:
        st.caption(WORDS_HELP)
    return made


def _not(verb: str) -> dict[str, Any]:
    return {"not": True} if verb.startswith("not") else {}


def _values(on: On, known: Names, now: Sequence[Any], key: str) -> list[Any]:
    if on == On.CONTACT:
        return _typed("Handles", now, key, "@lena@norden.example, @ben@sueden.example")
    named: dict[On, Mapping[Any, str]] = {
        On.KIND: {kind.value: words for kind, words in KIND_WORDS.items() if kind != Kind.REVIEW or kind in now},
        On.SENTIMENT: {mood.value: mood.value for mood in Sentiment},
        On.LANGUAGE: LANGUAGES | {code: language_name(code) for code in now if code not in LANGUAGES},
    }
    return _several(ON[on].capitalize(), named.get(on) or known.of(on), now, f"{key}_value")


def _typed(label: str, now: Sequence[str], key: str, example: str) -> list[str]:
    text = st.text_input(
        label,
        value=", ".join(now),
        key=f"{key}_value",
        placeholder=example,
        label_visibility="collapsed",
        persist_state="session",
    )
    return [word.strip() for word in (text or "").split(",") if word.strip()]


# --- actions --------------------------------------------------------------------------------------------------------


def action(known: Names, given: Mapping[str, Any], row: str, remove: Callable[[], None]) -> dict[str, Any]:
    """A row for an action that began as `given`; `row` is the key of its fields."""
    with st.container(horizontal=True, vertical_alignment="center", gap="small", key=row):
        do = Do(choice("What is done", DO, given.get("do"), f"{row}_do", FIRST) or Do.ASSIGN)
        began = given if given.get("do") == do else {}
        key = f"{row}_{do.value}"
        made = {"do": do.value} | _FIELDS[do](known, began, key)
        _cross(row, "action", remove)
    if do == Do.ANSWER:
        made["text"] = _answer(began, key)
    if do in KEPT:
        st.caption(KEPT[do])
    return made


def _one(name: str, label: str, options: Mapping[Any, str], began: Mapping[str, Any], key: str) -> dict[str, Any]:
    return {name: choice(label, options, began.get(name), f"{key}_value")}


def _label(known: Names, began: Mapping[str, Any], key: str) -> dict[str, Any]:
    if not known.labels:
        st.caption("There is no label yet: add one under Labels.", width="stretch")
        return {"label_id": None}
    return _one("label_id", "Label", known.labels, began, key)


def _hours(known: Names, began: Mapping[str, Any], key: str) -> dict[str, Any]:
    value = began.get("hours", 24)
    hours = st.number_input(
        "Hours",
        min_value=1,
        max_value=LONGEST_SNOOZE,
        value=value,
        step=1,
        key=f"{key}_value",
        label_visibility="collapsed",
        persist_state="session",
    )
    return {"hours": hours}


def _tell(known: Names, began: Mapping[str, Any], key: str) -> dict[str, Any]:
    return {"member_ids": _several("Members", known.members, began.get("member_ids", ()), f"{key}_value")}


def _nothing(known: Names, began: Mapping[str, Any], key: str) -> dict[str, Any]:
    st.space("stretch")
    return {}


def _often(known: Names, began: Mapping[str, Any], key: str) -> dict[str, Any]:
    return {"when": choice("When", OFTEN, began.get("when", Often.OUTSIDE.value), f"{key}_when")}


def _answer(began: Mapping[str, Any], key: str) -> str:
    there = " and ".join(f"{{{name}}}" for name in VARIABLES)
    text = st.text_area(
        "The answer",
        value=began.get("text", ""),
        max_chars=LONGEST_ANSWER,
        height=120,
        key=f"{key}_text",
        placeholder="Hallo {contact}, wir sind ab 9 Uhr wieder für Sie da.",
        help=f"{there} are filled in.",
        persist_state="session",
    )
    return text or ""


_FIELDS: dict[Do, Callable[[Names, Mapping[str, Any], str], dict[str, Any]]] = {
    Do.ASSIGN: lambda known, began, key: _one("member_id", "Member", known.answering, began, key),
    Do.LABEL: _label,
    Do.GOAL: lambda _, began, key: _one("goal", "Goal", {g.value: w for g, w in GOAL_WORDS.items()}, began, key),
    Do.PRIORITY: lambda _, began, key: _one("priority", "Priority", {p.value: p.value for p in Priority}, began, key),
    Do.NOTIFY: _tell,
    Do.SNOOZE: _hours,
    Do.RESOLVE: _nothing,
    Do.ANSWER: _often,
}
