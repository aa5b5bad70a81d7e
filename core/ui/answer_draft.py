"""What somebody is writing in a conversation, as the session keeps it: text, images, what they had seen. No widget.

All of it is kept for each conversation until it is sent, whatever fails, is drawn again or is opened meanwhile. The
text of the box is a widget's state; a new box (a new key) is the only way to give the browser another text for sure.
"""

import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import streamlit as st

from core import db
from core.services.inbox import AnsweredMeanwhile, ConversationView

LOOKED = timedelta(seconds=10)  # what came so long ago has been drawn, and was seen by who doesn't write


@dataclass(frozen=True)
class Chosen:
    """An image of the answer; `path` is the local file. Its alt text is the state of the widget `alt_key`."""

    media_id: int
    path: str


def _key(name: str, conversation_id: int) -> str:
    return f"answer_{name}_{conversation_id}"


# --- text -----------------------------------------------------------------------------------------------------------


def box(conversation_id: int) -> str:
    """The key of a conversation's text box."""
    return f"answer_{conversation_id}_{st.session_state.get(_key('boxes', conversation_id), 0)}"


def text_of(conversation_id: int) -> str:
    """What stands in the box, as far as the browser has told: also while somebody types on."""
    typed = st.session_state.get(_key("typed", conversation_id))
    return str(typed if typed is not None else st.session_state.get(box(conversation_id)) or "")


def put_text(conversation_id: int, text: str) -> None:
    """Another text, in a new box."""
    st.session_state.pop(box(conversation_id), None)
    committed(conversation_id)
    count = _key("boxes", conversation_id)
    st.session_state[count] = st.session_state.get(count, 0) + 1
    if text:
        st.session_state[box(conversation_id)] = text


def add_text(conversation_id: int, text: str) -> None:
    """More text behind what is there, with a paragraph between."""
    there = text_of(conversation_id).rstrip()
    put_text(conversation_id, f"{there}\n\n{text}" if there else text)


def typing(conversation_id: int, box_key: str, text: str) -> None:
    """The browser tells what is being typed. What comes late, for a box that has been sent, is dropped."""
    if box_key == box(conversation_id):
        st.session_state[_key("typed", conversation_id)] = text


def committed(conversation_id: int) -> None:
    """The box itself holds the newest text."""
    st.session_state.pop(_key("typed", conversation_id), None)


# --- images ---------------------------------------------------------------------------------------------------------


def chosen(conversation_id: int) -> list[Chosen]:
    """The images, in their order."""
    return list(st.session_state.get(_key("images", conversation_id), ()))


def add_image(conversation_id: int, image: Chosen, alt: str = "") -> None:
    """One more, unless it is there already."""
    there = chosen(conversation_id)
    if all(one.media_id != image.media_id for one in there):
        st.session_state[_key("images", conversation_id)] = [*there, image]
        if alt:
            st.session_state[alt_key(conversation_id, image.media_id)] = alt


def drop_image(conversation_id: int, media_id: int) -> None:
    """Without that one."""
    left = [one for one in chosen(conversation_id) if one.media_id != media_id]
    st.session_state[_key("images", conversation_id)] = left
    st.session_state.pop(alt_key(conversation_id, media_id), None)


def alt_key(conversation_id: int, media_id: int) -> str:
    """The key of an image's alt text."""
    return f"answer_alt_{conversation_id}_{media_id}"


def images(conversation_id: int) -> tuple[tuple[int, str], ...]:
    """(media id, alt text), as `send_reply` takes them."""
    return tuple(
        (one.media_id, str(st.session_state.get(alt_key(conversation_id, one.media_id)) or "").strip())
        for one in chosen(conversation_id)
    )


# --- the whole ------------------------------------------------------------------------------------------------------


def is_unsent(conversation_id: int) -> bool:
    """Whether there is anything that would be lost."""
    return bool(text_of(conversation_id).strip() or chosen(conversation_id))


def clear(conversation_id: int) -> None:
    """It was sent, kept as a note or discarded: an empty box."""
    put_text(conversation_id, "")
    for image in chosen(conversation_id):
        drop_image(conversation_id, image.media_id)
    for name in ("images", "to", "stopped", "seen", "newest"):
        st.session_state.pop(_key(name, conversation_id), None)


def target(conversation_id: int) -> int | None:
    """Which message is answered, when it isn't simply the newest."""
    found: int | None = st.session_state.get(_key("to", conversation_id))
    return found


def aim(conversation_id: int, message_id: int | None) -> None:
    """Answer this message; None: the newest."""
    st.session_state[_key("to", conversation_id)] = message_id


# --- what the writer has seen ---------------------------------------------------------------------------------------


def look(view: ConversationView) -> None:
    """The conversation is drawn: who doesn't write yet has seen what is in it."""
    if not is_unsent(view.id) and stopped(view.id) is None:
        _, at = seen(view.id)
        if at is None or view.read_at > at:
            st.session_state[_key("seen", view.id)] = (view.newest, view.read_at)


def look_again(conversation_id: int, newest: int) -> None:
    """`newest` is in the conversation now. The messages look again by themselves: soon it is drawn, and seen."""
    now = db.utc_now()
    key = _key("newest", conversation_id)
    earlier: list[tuple[int, datetime]] = [*st.session_state.get(key, ()), (newest, now)]
    drawn = [one for one in earlier if one[1] <= now - LOOKED]
    st.session_state[key] = [*drawn[-1:], *earlier[len(drawn) :]]
    if drawn and not is_unsent(conversation_id) and stopped(conversation_id) is None:
        _, at = seen(conversation_id)
        if at is None or drawn[-1][1] > at:
            st.session_state[_key("seen", conversation_id)] = drawn[-1]


def seen(conversation_id: int) -> tuple[int | None, datetime | None]:
    """The newest message that the writer had seen before they began, and when they looked."""
    found: tuple[int | None, datetime | None] = st.session_state.get(_key("seen", conversation_id), (None, None))
    return found


def stop(conversation_id: int, error: AnsweredMeanwhile) -> None:
    """Somebody was quicker: shown until it is sent anyway or discarded. What they sent is seen now."""
    st.session_state[_key("stopped", conversation_id)] = error
    st.session_state[_key("seen", conversation_id)] = (error.newest, db.utc_now())


def stopped(conversation_id: int) -> AnsweredMeanwhile | None:
    """Who was quicker, if somebody was."""
    found: AnsweredMeanwhile | None = st.session_state.get(_key("stopped", conversation_id))
    return found


# --- for the browser ------------------------------------------------------------------------------------------------


def visit() -> str:
    """Names this session of the browser: a page that was loaded again is another one."""
    return str(st.session_state.setdefault("answer_visit", secrets.token_hex(8)))


def focus(where: str) -> None:
    """Put the cursor there once it is drawn: `box` or `replies`."""
    number, _ = st.session_state.get("answer_focus", (0, ""))
    st.session_state["answer_focus"] = (number + 1, where)


def focus_now() -> Sequence[Any]:
    """(number of the wish, where)."""
    found: tuple[int, str] = st.session_state.get("answer_focus", (0, ""))
    return list(found)
