"""Settings: what happens by itself with what comes in. The list of rules; writing one is `rule_editor.py`."""

import streamlit as st

from core import db
from core.services import rules
from core.services.rules import RuleRow
from core.services.team import Right
from core.ui.page import Page, act
from core.ui.parts import ago, empty, exact, shown
from core.ui.rule_editor import act_on, edit, is_editing, rule_editor
from core.ui.rule_trial import trial_table

WIDTH = 920
_TRIED = "rule_tried"  # the rule that was tried last, with what it would have done


def rules_section(page: Page) -> None:
    """The rules in their order with how they fare; who may answer writes and changes them."""
    may = page.actor.may(Right.ANSWER)
    with st.container(width=WIDTH):
        if may and is_editing():
            rule_editor(page)
        else:
            _list(page, may)


def _list(page: Page, may: bool) -> None:
    with db.read() as session:
        rows = rules.rules(session)
    st.caption(
        "Each message that comes in goes through the rules from top to bottom. They fill in what nobody decided yet: "
        "who has a conversation and what it is for stay as they are once they are set."
    )
    if may:
        st.button("New rule", type="primary", icon=":material/add:", key="rule_new", on_click=edit)
    if not rows:
        empty("No rules yet", "A first one could be: if the mood is negative, give it high priority and tell somebody.")
        return
    for place, row in enumerate(rows):
        _one(page, row, may, first=place == 0, last=place == len(rows) - 1)


def _one(page: Page, row: RuleRow, may: bool, first: bool, last: bool) -> None:
    with st.container(border=True, gap="xsmall", key=f"rule_row_{row.id}"):
        with st.container(horizontal=True, vertical_alignment="center", gap="small"):
            off = "" if row.enabled else " &nbsp; :gray-badge[off]"
            st.markdown(f"{row.position}. **{shown(row.name)}**{off}", width="stretch")
            if may:
                _controls(page, row, first, last)
        st.markdown(shown(row.sentence))
        if row.stop:
            st.caption(":material/block: No rule below it is tried then.")
        with st.container(horizontal=True, vertical_alignment="center", gap="small"):
            st.caption(_fares(page, row), help=f"Last: {exact(row.matched_at, page.zone)}", width="content")
            if st.button("Try it", key=f"rule_try_{row.id}", type="tertiary", icon=":material/science:",
                         help=f"What it would have done to the last {rules.TRIED} messages"):  # fmt: skip
                _try(page, row)
        if row.trouble:
            st.warning(f"Something could not be done: {shown(row.trouble)}", icon=":material/warning:")
        tried_id, trial = st.session_state.get(_TRIED) or (None, None)
        if tried_id == row.id and trial is not None:
            trial_table(page, trial)


def _controls(page: Page, row: RuleRow, first: bool, last: bool) -> None:
    name = shown(row.name)
    # The state is part of the key: a switch that a colleague turned must not turn back by itself.
    on = st.toggle("On", value=row.enabled, key=f"rule_on_{row.id}_{row.enabled}")
    if on != row.enabled:
        done = f"{row.name} is {'on' if on else 'off'}."
        act(lambda session: rules.enable(session, page.actor, row.id, on), done=done)
    for step, where, there in ((-1, "up", first), (1, "down", last)):
        key, icon = f"rule_{where}_{row.id}", f":material/arrow_{where}ward:"
        if st.button("", key=key, icon=icon, type="tertiary", help=f"Move {name} {where}", disabled=there):
            _move(page, row, step)
    st.button("", key=f"rule_edit_{row.id}", icon=":material/edit:", type="tertiary", help=f"Change {name}",
              on_click=edit, args=(row,))  # fmt: skip
    with st.popover("", icon=":material/delete:", type="tertiary", help=f"Delete {name}"):
        st.markdown(f"**{name}** is gone for good then. What it did stays done.")
        if st.button("Delete the rule", key=f"rule_delete_{row.id}", type="primary", icon=":material/delete:"):
            act(lambda session: rules.delete_rule(session, page.actor, row.id), done=f"{row.name} is deleted.")


def _move(page: Page, row: RuleRow, step: int) -> None:
    act(lambda session: rules.move_rule(session, page.actor, row.id, step), done=f"{row.name} has moved.")


def _try(page: Page, row: RuleRow) -> None:
    with db.read() as session:
        trial = act_on(lambda: rules.dry_run(session, page.actor, row))
    st.session_state[_TRIED] = (row.id, trial) if trial else None


def _fares(page: Page, row: RuleRow) -> str:
    if not row.matched:
        return "has matched nothing yet"
    times = "once" if row.matched == 1 else f"{row.matched:,} times".replace(",", " ")
    return f"matched {times}, last {ago(row.matched_at, page.zone)}"
