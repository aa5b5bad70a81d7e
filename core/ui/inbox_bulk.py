"""What is done with many conversations at once: the bar over the list while some are ticked, and the way back."""

from collections.abc import Callable, Sequence
from datetime import datetime

import streamlit as st
from sqlmodel import Session

from core import db
from core.models.inbox import ConversationState
from core.services import inbox_handling, snooze_times
from core.services.inbox import ConversationRow
from core.services.inbox_handling import MOST, Undo
from core.services.team import Right
from core.ui import undo
from core.ui.conversation_list import pick, picked
from core.ui.inbox_filter import Choices
from core.ui.page import Page
from core.ui.parts import shown

BOTH = ["list", "thread"]
_NOBODY = -1


def bulk_bar(page: Page, rows: Sequence[ConversationRow], offered: Choices) -> bool:
    """Draw the bar if anything is ticked; says whether it is."""
    ids = [row.id for row in rows if row.id in set(picked().ids)]
    if not ids or not page.actor.may(Right.ANSWER):
        return False
    with st.container(key="bulk", horizontal=True, vertical_alignment="center", gap="xsmall"):
        st.markdown(f"**{len(ids)}** ticked", width="content")
        st.button(
            "Resolve",
            key="bulk_resolve",
            type="tertiary",
            icon=":material/check:",
            on_click=decide_all,
            args=(lambda s: inbox_handling.set_states(s, page.actor, ids, ConversationState.RESOLVED),),
        )
        _assign(page, ids, offered)
        _label(page, ids, offered)
        _snooze(page, ids)
        if len(ids) < min(len(rows), MOST):
            st.button(
                f"All {min(len(rows), MOST)}",
                key="bulk_all",
                type="tertiary",
                help=f"Tick all {min(len(rows), MOST)} that are shown",
                on_click=lambda: pick([row.id for row in rows[:MOST]]),
            )
        st.button("None", key="bulk_none", type="tertiary", help="Tick none", on_click=lambda: pick(()))
    return True


def undo_line(page: Page, opened: int | None) -> None:
    """Say how the last decision went, and offer the way back; for the open conversation its own bar does."""
    undo.say()
    made = undo.last()
    if made is None or made.ids == (opened,):
        return
    with st.container(key="undo_line", horizontal=True, vertical_alignment="center", gap="small"):
        st.caption(shown(made.done), width="content")
        undo.undo_button(page, "undo_many", BOTH)


def decide_all(call: Callable[[Session], Undo]) -> None:
    """In a callback: decide about what is ticked; then nothing is."""
    if undo.decide(call) is not None:
        pick(())
    st.rerun(BOTH)


def by_key(page: Page, what: str, opened: int | None) -> None:
    """In a callback of a key: undo, or resolve or take what is ticked, else the open conversation."""
    ids = list(picked().ids) or ([opened] if opened is not None else [])
    if not page.actor.may(Right.ANSWER) or (not ids and what != "undo"):
        st.rerun("list")
    if what == "resolve":
        decide_all(lambda s: inbox_handling.set_states(s, page.actor, ids, ConversationState.RESOLVED))
    elif what == "assign":
        decide_all(lambda s: inbox_handling.assign(s, page.actor, ids, page.actor.id))
    elif what == "undo":
        undo.take_back(page, BOTH)
    st.rerun("list")


def _assign(page: Page, ids: list[int], offered: Choices) -> None:
    names = {key: name for name, key in offered.of["assignee"].items() if isinstance(key, int)}

    def give() -> None:
        chosen = st.session_state["bulk_assign"]
        owner = None if chosen == _NOBODY else chosen
        decide_all(lambda session: inbox_handling.assign(session, page.actor, ids, owner))

    st.menu_button(
        "Assign",
        [*names, _NOBODY],
        key="bulk_assign",
        type="tertiary",
        icon=":material/person_add:",
        format_func=lambda key: shown(names.get(key, "Nobody")),
        on_click=give,
    )


def _label(page: Page, ids: list[int], offered: Choices) -> None:
    names = {key: name for name, key in offered.of["label"].items()}
    if not names:
        return

    def put() -> None:
        chosen = st.session_state["bulk_label"]
        decide_all(lambda session: inbox_handling.add_label(session, page.actor, ids, chosen))

    st.menu_button(
        "Label",
        list(names),
        key="bulk_label",
        type="tertiary",
        icon=":material/label:",
        format_func=lambda key: shown(names[key]),
        on_click=put,
    )


def _snooze(page: Page, ids: list[int]) -> None:
    times = snooze_times.choices(db.utc_now(), page.zone)

    def put_off() -> None:
        words = st.session_state["bulk_snooze"]
        until: datetime = snooze_times.choices(db.utc_now(), page.zone).get(words, times[words])
        decide_all(lambda session: inbox_handling.snooze(session, page.actor, ids, until))

    st.menu_button(
        "Snooze",
        list(times),
        key="bulk_snooze",
        type="tertiary",
        icon=":material/snooze:",
        format_func=str,
        on_click=put_off,
    )
