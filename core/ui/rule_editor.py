"""Writing a rule: a form that reads like a sentence, and a look at what the rule would have done.

What is typed stays until it is saved or thrown away, whatever is wrong with it. What a rule may hold is decided in
`services/rules.py`, the fields of a condition or action are `rule_fields.py`.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from itertools import count
from typing import Any

import streamlit as st
from sqlmodel import Session

from core import db
from core.errors import UserError
from core.services import rules
from core.services.rule_terms import MOST_CONDITIONS
from core.services.rule_words import Names, names
from core.services.rules import RuleDraft, RuleRow, Trial
from core.ui.page import Page, act, say_later
from core.ui.parts import shown
from core.ui.rule_fields import action, choice, condition
from core.ui.rule_trial import trial_table

_EDITING = "rule_editing"
_numbers = count(1)


@dataclass
class _Editing:
    """The rule that is being written: what its fields began with. Fields are keyed by `token` and their number."""

    rule: RuleRow | None
    token: int = field(default_factory=lambda: next(_numbers))
    conditions: list[tuple[int, Mapping[str, Any]]] = field(default_factory=list)
    actions: list[tuple[int, Mapping[str, Any]]] = field(default_factory=list)
    trial: tuple[RuleDraft, Trial] | None = None

    def key(self, *parts: object) -> str:
        """The key of a field."""
        return "_".join(map(str, ("rule", self.token, *parts)))


def edit(rule: RuleRow | None = None) -> None:
    """In a callback: begin to write a new rule, or to change one."""
    began = _Editing(rule)
    began.conditions = [(next(_numbers), one) for one in (rule.conditions.get("of", ()) if rule else [{"on": "words"}])]
    began.actions = [(next(_numbers), one) for one in (rule.actions if rule else [{"do": "assign"}])]
    st.session_state[_EDITING] = began


def is_editing() -> bool:
    """Whether a rule is being written."""
    return st.session_state.get(_EDITING) is not None


@st.fragment(key="rule_editor")
def rule_editor(page: Page) -> None:
    """Draw the form, with what the rule does in a sentence."""
    editing: _Editing | None = st.session_state.get(_EDITING)
    if editing is None:
        return
    with db.read() as session:
        known = names(session)
    rule = editing.rule
    st.header(f"Change {shown(rule.name)}" if rule else "New rule", anchor=False)
    name = st.text_input(
        "Name",
        value=rule.name if rule else "",
        max_chars=rules.NAME_LENGTH,
        key=editing.key("name"),
        placeholder="Ärger mit Rechnungen",
        persist_state="session",
    )
    conditions = _conditions(editing, known)
    actions = _actions(editing, known)
    stop = st.checkbox(
        "Then try no rule below it",
        value=rule.stop if rule else False,
        key=editing.key("stop"),
        persist_state="session",
        help="Without this, all rules that match do their part; where two disagree, the upper one has its way.",
    )
    draft = RuleDraft(name, conditions, actions, stop, rule.position if rule else None)
    _preview(draft)
    _buttons(page, editing, draft)


def _preview(draft: RuleDraft) -> None:
    with st.container(border=True):
        try:
            with db.read() as session:
                said = rules.described(session, draft)
        except UserError as error:
            st.markdown(f":gray[:material/edit_note: {shown(str(error))}]")
        else:
            st.markdown(f":material/bolt: {shown(said)}")


def _buttons(page: Page, editing: _Editing, draft: RuleDraft) -> None:
    with st.container(horizontal=True, gap="small"):
        save = st.button("Save the rule", type="primary", icon=":material/check:", key=editing.key("save"))
        wanted = f"Try on the last {rules.TRIED} messages"
        tried = st.button(wanted, icon=":material/science:", key=editing.key("try"))
        if st.button("Cancel", type="tertiary", key=editing.key("cancel")):
            _close()
    if save:
        _save(page, editing, draft)
    if tried:
        with db.read() as session:
            found = act_on(lambda: rules.dry_run(session, page.actor, draft))
        editing.trial = (draft, found) if found else None
    if editing.trial:
        before, trial = editing.trial
        if before != draft:
            st.caption("The rule has been changed since it was tried.")
        trial_table(page, trial)


def act_on(call: Callable[[], Trial]) -> Trial | None:
    """Try something; what is wrong with it becomes a sentence."""
    try:
        return call()
    except UserError as error:
        st.error(shown(str(error)), icon=":material/error:")
        return None


def _save(page: Page, editing: _Editing, draft: RuleDraft) -> None:
    def keep(session: Session) -> bool:
        if editing.rule is None:
            rules.create_rule(session, page.actor, draft)
        else:
            rules.edit_rule(session, page.actor, editing.rule.id, draft)
        return True

    if act(keep, rerun=None):
        say_later("The rule is saved. It applies to what comes in from now on.")
        _close()


def _close() -> None:
    st.session_state[_EDITING] = None
    st.rerun(scope="app")


# --- rows that come and go ------------------------------------------------------------------------------------------


def _remove(rows: list[tuple[int, Mapping[str, Any]]], number: int) -> None:
    rows[:] = [row for row in rows if row[0] != number]


def _append(rows: list[tuple[int, Mapping[str, Any]]], given: Mapping[str, Any]) -> None:
    rows.append((next(_numbers), given))


def _conditions(editing: _Editing, known: Names) -> dict[str, Any]:
    match = "all"
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        st.markdown("**If**", width="content")
        if len(editing.conditions) > 1:
            before = editing.rule.conditions.get("match", "all") if editing.rule else "all"
            words = {"all": "all of these are so", "any": "any of these is so"}
            before = before if before in words else "all"
            match = choice("How many of the conditions", words, before, editing.key("match"), 195) or "all"
        elif not editing.conditions:
            st.markdown("anything comes in", width="content")
    made = [
        condition(known, given, editing.key(number), partial(_remove, editing.conditions, number))
        for number, given in list(editing.conditions)
    ]
    st.button(
        "Condition",
        icon=":material/add:",
        type="tertiary",
        key=editing.key("add_condition"),
        disabled=len(editing.conditions) >= MOST_CONDITIONS,
        on_click=_append,
        args=(editing.conditions, {"on": "words"}),
    )
    return {"match": match, "of": made}


def _actions(editing: _Editing, known: Names) -> list[dict[str, Any]]:
    st.markdown("**then**")
    made = [
        action(known, given, editing.key(number), partial(_remove, editing.actions, number))
        for number, given in list(editing.actions)
    ]
    st.button(
        "Action",
        icon=":material/add:",
        type="tertiary",
        key=editing.key("add_action"),
        on_click=_append,
        args=(editing.actions, {"do": "label"}),
    )
    return made
