"""What was decided about conversations a moment ago: said once, with the way back. For the inbox's callbacks.

A callback can't draw, so what there is to say is kept until `say`. What can be decided is `inbox_handling.py`'s.
"""

import time
from collections.abc import Callable

import streamlit as st
from sqlmodel import Session

from core import db
from core.errors import UserError
from core.services import inbox_handling
from core.services.inbox_handling import Undo
from core.ui.page import Page
from core.ui.parts import shown

OFFERED = 30.0  # seconds
_LAST, _SAID = "undo_last", "undo_said"


def decide(call: Callable[[Session], Undo]) -> Undo | None:
    """In a callback: decide something in a transaction of its own, to be said and undone. None: it was refused."""
    try:
        with db.write() as session:
            made = call(session)
    except UserError as error:
        _keep(str(error), good=False)
        return None
    _keep(made.done)
    remember(made)
    return made


def remember(made: Undo | None) -> None:
    """Offer to undo this, and nothing older."""
    if made is not None:
        st.session_state[_LAST] = (made, time.monotonic()) if made.had else None


def say() -> None:
    """Say once how the last decision went."""
    good, sentence = st.session_state.pop(_SAID, (True, ""))
    if sentence:
        icon, duration = (":material/check:", 4) if good else (":material/error:", 10)
        st.toast(shown(sentence), icon=icon, duration=duration)


def last(conversation_id: int | None = None) -> Undo | None:
    """What can still be undone; only if it is about this conversation, where one is given."""
    made, at = st.session_state.get(_LAST) or (None, 0.0)
    if made is None or time.monotonic() - at > OFFERED:
        return None
    return made if conversation_id is None or conversation_id in made.ids else None


def undo_button(page: Page, key: str, rerun: list[str], conversation_id: int | None = None) -> None:
    """The way back, while it is open. `rerun`: the fragments that show what changes."""
    made = last(conversation_id)
    if made is None:
        return
    st.button(
        "Undo",
        key=key,
        icon=":material/undo:",
        type="tertiary",
        help=f"Takes back: {shown(made.done)}",
        on_click=take_back,
        args=(page, rerun),
    )


def take_back(page: Page, rerun: list[str]) -> None:
    """In a callback: undo what was decided last, as far as nobody changed it since."""
    made = last()
    if made is not None:
        st.session_state[_LAST] = None
        try:
            with db.write() as session:
                back = inbox_handling.undo(session, page.actor, made)
        except UserError as error:
            _keep(str(error), good=False)
        else:
            _keep(_undone(back, len(made.had)), good=back > 0)
    st.rerun(rerun)


def _undone(back: int, of: int) -> str:
    if back == of:
        return "Undone"
    if back == 0:
        return "Nothing was undone: it has been changed since."
    return f"Undone for {back} of {of}: the others have been changed since."


def _keep(sentence: str, good: bool = True) -> None:
    st.session_state[_SAID] = (good, sentence)
