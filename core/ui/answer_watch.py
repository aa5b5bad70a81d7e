"""Listens to the text box of an answer, whose text Streamlit only tells once it is left.

A component of our own: the count must follow while one types, colleagues must see it within seconds, and what is
typed must outlive a reload. It draws nothing. Text is kept in the tab (sessionStorage), never longer than that.
"""

import streamlit as st

from core.ui import answer_draft as draft
from core.ui.conversation_list import ASSETS
from core.ui.page import Page

_KEY = "answer_watch"

_component = st.components.v2.component(
    "answer_watch",
    html='<span class="watch" hidden></span>',
    js=(ASSETS / "answer_watch.js").read_text(encoding="utf-8"),
)


def answer_watch(page: Page, conversation_id: int) -> None:
    """Listen to the box of this conversation; draw it after the box."""

    def typed() -> None:
        told = getattr(st.session_state.get(_KEY), "typed", None) or {}
        draft.typing(conversation_id, str(told.get("box", "")), str(told.get("text", "")))

    def restored() -> None:
        told = getattr(st.session_state.get(_KEY), "restored", None) or {}
        text = str(told.get("text", ""))
        if told.get("box") == draft.box(conversation_id) and text and not draft.text_of(conversation_id):
            draft.put_text(conversation_id, text)

    _component(
        key=_KEY,
        data={
            "conversation": conversation_id,
            "member": page.actor.id,
            "visit": draft.visit(),
            "box": draft.box(conversation_id),
            "text": draft.text_of(conversation_id),
            "focus": draft.focus_now(),
        },
        on_typed_change=typed,
        on_restored_change=restored,
    )
