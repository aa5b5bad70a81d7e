"""The messages of a conversation as one element: bubbles, theirs left, ours right, notes across; all of it text.

A component of our own for the same reasons as `conversation_list.py`: fifty messages in one go, and a stranger's words
only ever become text nodes; links are made of http(s) addresses alone. Around it is plain Streamlit (`answer.py`).
"""

from collections.abc import Callable
from math import ceil
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import streamlit as st

from core.db import utc_now
from core.models.inbox import Direction
from core.services.inbox import AnswerState, ConversationView, MessageView
from core.ui import message_menu, message_mood
from core.ui.parts import ago, exact

_STATES = {
    AnswerState.HELD: ("Goes out soon", "busy"),
    AnswerState.SENDING: ("Sending …", "busy"),
    AnswerState.CHECKING: ("Checking whether it is out …", "busy"),
    AnswerState.SENT: ("Sent", "good"),
    AnswerState.FAILED: ("Not sent", "bad"),
    AnswerState.UNCONFIRMED: ("Maybe sent: look at the network", "bad"),
}
_TAKE_BACK = [("take_back", "Take back")]
_ACTIONS = {
    AnswerState.FAILED: [("retry", "Try again"), ("discard", "Discard")],
    AnswerState.UNCONFIRMED: [("confirm", "It is there"), ("retry", "Send again"), ("discard", "Discard")],
}

ASSETS = Path(__file__).parent / "assets"
_HTML = """<div class="thread" tabindex="0" role="log" aria-label="Messages"></div>
<div class="menu" popover role="menu"></div>"""

_component = st.components.v2.component(
    "thread",
    html=_HTML,
    css=(ASSETS / "thread.css").read_text(encoding="utf-8"),
    js=(ASSETS / "thread.js").read_text(encoding="utf-8"),
)


def thread(
    view: ConversationView,
    zone: ZoneInfo,
    may_answer: bool,
    on_act: Callable[[], None],
    on_earlier: Callable[[], None],
) -> None:
    """Draw the messages. `may_answer`: whether retry, discard and the like are offered."""
    data = shown_thread(view, zone, may_answer)
    _component(
        key="messages",
        data=data,
        on_act_change=on_act,
        on_earlier_change=on_earlier,
        on_settled_change=lambda: st.rerun("thread"),
    )


def acted() -> tuple[str, int] | None:
    """In a callback: what was clicked (`retry`, `discard`, `reply`, …, or an act of its menu) and on which message."""
    value = getattr(st.session_state.get("messages"), "act", None)
    return (str(value["name"]), int(value["id"])) if value else None


def shown_thread(view: ConversationView, zone: ZoneInfo, may_answer: bool) -> dict[str, Any]:
    """The conversation as the browser draws it: plain values, every one shown as text."""
    post = view.about
    if post is not None and any(message.url and message.url == post.url for message in view.messages):
        post = None  # it stands in the conversation itself
    return {
        "id": view.id,
        "may": may_answer,
        "busy": view.on_its_way,
        "earlier": view.earlier is not None,
        "about": post
        and {
            "title": "Our post",
            "text": post.text,
            "url": web_link(post.url),
            "when": ago(post.published_at, zone),
            "exact": exact(post.published_at, zone),
        },
        "messages": [_shown(view, message, zone) for message in view.messages],
    }


def _shown(view: ConversationView, message: MessageView, zone: ZoneInfo) -> dict[str, Any]:
    state, tone = _STATES[message.answer] if message.answer else ("", "")
    marks = ["edited"] if message.edited_at else []
    if message.deleted_at:
        marks.append("deleted at the network")
    marks += message_menu.marks(message)
    answerable = message.direction == Direction.IN and message.remote_id and not message.deleted_at
    actions = _ACTIONS.get(message.answer, []) if message.answer else [("reply", "Answer this")] if answerable else []
    if message.may_take_back:
        actions = _TAKE_BACK
    left = _seconds_left(message)
    if left is not None:
        state = f"Goes out in {left} s"
    return {
        "id": message.id,
        "side": message.direction.value,
        "author": message.author,
        "handle": "Note, for the team only" if message.direction == Direction.NOTE else _handle(message),
        "when": ago(message.sent_at, zone),
        "exact": exact(message.sent_at, zone),
        "text": message.text,
        "url": web_link(message.url),
        "media": [_media(m.url, m.kind, m.alt) for m in message.media if web_link(m.url) or m.media_id],
        "marks": marks,
        "mood": message_mood.mark(message),
        "deleted": message.deleted_at is not None,
        "state": state,
        "tone": tone,
        "left": left,
        "why": _why(message, zone),
        "actions": actions,
        "menu": message_menu.menu(view, message),
    }


def _seconds_left(message: MessageView) -> int | None:
    """Until a held answer goes out; the browser counts on from there."""
    if message.answer != AnswerState.HELD or message.due_at is None:
        return None
    return max(0, ceil((message.due_at - utc_now()).total_seconds()))


def _handle(message: MessageView) -> str:
    return message.handle if message.handle != message.author else ""


def _media(url: str, kind: str, alt: str) -> dict[str, str]:
    label = kind.capitalize() or "File"
    return {"url": url, "label": f"{label}: {alt[:80]}" if alt else label}


def _why(message: MessageView, zone: ZoneInfo) -> str:
    if not message.error or message.answer in (None, AnswerState.SENT):
        return ""
    if message.answer == AnswerState.SENDING and message.due_at:
        return f"{message.error} Next attempt: {exact(message.due_at, zone)}."
    return message.error


def web_link(url: str | None) -> str | None:
    """The address if it is one of the web, else None: nothing else becomes a link."""
    return url if url and url.lower().startswith(("http://", "https://")) else None
