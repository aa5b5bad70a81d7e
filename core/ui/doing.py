"""Changing something in a widget's callback, and saying afterwards how it went: the inbox's way of acting.

Unlike `act` (page.py), which draws the whole page again, what is drawn again is up to the callback.
"""

from collections.abc import Callable
from typing import TypeVar

import streamlit as st
from sqlmodel import Session

from core import db
from core.errors import UserError
from core.ui.parts import shown

T = TypeVar("T")
_TOLD = "inbox_told"


def do(call: Callable[[Session], T], done: str | None = None) -> T | None:
    """Write, in a widget's callback: unlike with `act`, only thread and list are drawn again. None: it failed.

    What there is to tell is kept for `tell`, since a callback can't draw; what was typed stays.
    """
    try:
        with db.write() as session:
            result = call(session)
    except UserError as error:
        refuse(str(error))
        return None
    if done:
        report(done)
    return result


def report(done: str) -> None:
    """Keep a sentence about what was done for `tell`."""
    st.session_state[_TOLD] = (True, done)


def refuse(sentence: str) -> None:
    """Keep a sentence about what could not be done for `tell`."""
    st.session_state[_TOLD] = (False, sentence)


def tell() -> None:
    """Say once how the last action went."""
    good, sentence = st.session_state.pop(_TOLD, (True, None))
    if sentence and good:
        st.toast(shown(sentence), icon=":material/check:")
    elif sentence:
        st.error(shown(sentence), icon=":material/error:")
