"""What was moved in the plan a moment ago: said once, with the way back. For calendar and board."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import streamlit as st
from sqlmodel import Session

from core import db
from core.errors import UserError
from core.ui.parts import shown

OFFERED = 60.0  # seconds
_LAST, _REFUSED, _ROUND = "plan_said_last", "plan_said_refused", "plan_said_round"
_UNDONE = "plan_said_undone"  # a callback can't draw


@dataclass(frozen=True)
class Done:
    """A sentence about what was done, what else is worth knowing, and how it is taken back."""

    sentence: str  # Markdown; what people typed in it has gone through `shown`
    notes: tuple[str, ...]
    undo: Callable[[Session], None]


def keep(sentence: str, notes: Sequence[str], undo: Callable[[Session], None]) -> None:
    """Offer to take this back, and nothing older."""
    st.session_state[_LAST] = (Done(sentence, tuple(notes), undo), time.monotonic())
    st.session_state.pop(_REFUSED, None)


def refuse(sentence: str) -> None:
    """Say why it didn't go, once."""
    st.session_state[_REFUSED] = sentence
    st.session_state.pop(_LAST, None)


def turn() -> int:
    """Counts what was done: drawn along, it makes the browser draw anew even where nothing has changed."""
    return int(st.session_state.get(_ROUND, 0))


def next_turn() -> None:
    """Something was done, or tried."""
    st.session_state[_ROUND] = turn() + 1


def say() -> None:
    """How the last move went, with the way back."""
    refused = st.session_state.pop(_REFUSED, None)
    if refused:
        st.error(shown(refused), icon=":material/error:")
    if st.session_state.pop(_UNDONE, False):
        st.toast("Undone", icon=":material/check:")
    done, at = st.session_state.get(_LAST) or (None, 0.0)
    if done is None or time.monotonic() - at > OFFERED:
        return
    with st.container(horizontal=True, vertical_alignment="center", border=True, key="plan_moved"):
        st.markdown(" ".join([f":material/check: {done.sentence}", *map(shown, done.notes)]), width="stretch")
        st.button("Undo", icon=":material/undo:", key="plan_undo", type="tertiary", on_click=_take_back, args=(done,))


def _take_back(done: Done) -> None:
    st.session_state.pop(_LAST, None)
    next_turn()
    try:
        with db.write() as session:
            done.undo(session)
    except UserError as error:
        refuse(str(error))
    else:
        st.session_state[_UNDONE] = True
