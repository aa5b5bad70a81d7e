"""The key of a box that shows what is stored, and stores what is chosen in it.

A page that looks again by itself sends what its browser shows. Were a box under the same key given another value on the
server (a colleague decided), a browser that hasn't drawn it yet would send the old one, and that counts as a choice of
its user. So the box gets a new key whenever it has to show something that its user didn't choose: what a browser sends
for the old one then means nothing.
"""

from collections.abc import Sequence
from typing import Any

import streamlit as st


def fresh_key(name: str, stored: Any) -> str:
    """The key to draw the box called `name` with; where it is new, the box begins with `stored`."""
    key = key_now(name)
    if key not in st.session_state or _plain(st.session_state[key]) == _plain(stored):
        return key
    st.session_state[_turn(name)] = st.session_state.get(_turn(name), 0) + 1
    return key_now(name)


def key_now(name: str) -> str:
    """The key the box called `name` was drawn with last."""
    return f"{name}_{st.session_state.get(_turn(name), 0)}"


def _turn(name: str) -> str:
    return f"{name}_turn"


def _plain(value: Any) -> Any:
    """What is ticked is the same in any order."""
    return frozenset(value) if isinstance(value, Sequence) and not isinstance(value, str) else value
