"""Around the messages of a conversation: its head with what can be done, and the box where an answer is written."""

from collections.abc import Callable
from typing import TypeVar

import streamlit as st
from sqlmodel import Session

from core import db
from core.errors import UserError
from core.models.inbox import ConversationState, Direction
from core.services import inbox
from core.services.inbox import ConversationView
from core.services.team import Right
from core.ui.conversation_list import KINDS, STATES, waited
from core.ui.page import Page
from core.ui.parts import shown
from core.ui.thread import acted, web_link

T = TypeVar("T")
BOTH = ["thread", "list"]
_TOLD = "inbox_told"


def do(call: Callable[[Session], T], done: str | None = None) -> T | None:
    """Write, in a widget's callback: unlike with `act`, only thread and list are drawn again. None: it failed.

    What there is to tell is kept for `tell`, since a callback can't draw; what was typed stays.
    """
    try:
        with db.write() as session:
            result = call(session)
    except UserError as error:
        st.session_state[_TOLD] = (False, str(error))
        return None
    if done:
        st.session_state[_TOLD] = (True, done)
    return result


def tell() -> None:
    """Say once how the last action went."""
    good, sentence = st.session_state.pop(_TOLD, (True, None))
    if sentence and good:
        st.toast(sentence, icon=":material/check:")
    elif sentence:
        st.error(shown(sentence), icon=":material/error:")


def head(page: Page, view: ConversationView) -> None:
    """Who it is, where, how it stands, and what can be done with it."""
    with st.container(gap="xsmall"):
        with st.container(horizontal=True, vertical_alignment="center", gap="small"):
            st.markdown(f"**{shown(view.contact)}** &nbsp; {_badges(view)}", width="stretch")
            if page.actor.may(Right.ANSWER):
                _buttons(page, view)
        st.caption(shown(_about(view)))


def _badges(view: ConversationView) -> str:
    state = STATES[view.state]
    colour = {"Open": "blue", "Resolved": "green"}.get(state, "gray")
    badges = [f":{colour}-badge[{state}]"]
    if view.waiting_since and view.state != ConversationState.RESOLVED:
        badges.append(f":orange-badge[Waits {waited(view.waiting_since)}]")
    return " ".join(badges)


def _about(view: ConversationView) -> str:
    reach = f"{view.contact_followers:,} followers".replace(",", " ") if view.contact_followers is not None else ""
    handle = view.contact_handle if view.contact_handle != view.contact else ""
    parts = [handle, reach, f"{KINDS[view.kind]} on {view.channel_handle}", view.group]
    return " · ".join(part for part in parts if part)


def _buttons(page: Page, view: ConversationView) -> None:
    def to(state: ConversationState, done: str) -> None:
        do(lambda session: inbox.set_state(session, page.actor, view.id, state), done)
        st.rerun(BOTH)

    def unread() -> None:
        do(lambda session: inbox.mark_unread(session, page.actor, view.id), "Marked unread")
        st.session_state["keep_unread"] = view.id
        st.rerun(BOTH)

    resolved = view.state == ConversationState.RESOLVED
    with st.container(horizontal=True, gap="xsmall", width="content"):
        if resolved or view.state == ConversationState.PENDING:
            st.button(
                "Reopen",
                key="reopen",
                icon=":material/undo:",
                on_click=to,
                args=(ConversationState.OPEN, "Open again"),
            )
        else:
            st.button(
                "Pending",
                key="pending",
                icon=":material/hourglass_top:",
                help="Wait for somebody else: it leaves the open ones.",
                on_click=to,
                args=(ConversationState.PENDING, "Pending"),
            )
        if not resolved:
            st.button(
                "Resolve",
                key="resolve",
                icon=":material/check:",
                on_click=to,
                args=(ConversationState.RESOLVED, "Resolved"),
            )
        st.button("", key="unread_again", icon=":material/mark_email_unread:", help="Mark unread", on_click=unread)
        address = next((web_link(m.url) for m in reversed(view.messages) if web_link(m.url)), None)
        if address:
            st.link_button("", address, key="at_network", icon=":material/open_in_new:", help="Open at the network")


def answer_box(page: Page, view: ConversationView) -> None:
    """Where an answer or a note is written. Text is kept for each conversation until it is sent."""
    if not page.actor.may(Right.ANSWER):
        st.caption("Your role lets you read. To answer, ask an administrator for another one.")
        return
    reason = inbox.why_no_answer(view.network, view.channel_state, view.channel_handle)
    if reason:
        st.warning(shown(reason), icon=":material/link_off:")
    _answered(view)
    text = st.text_area(
        "Answer",
        key=_box(view.id),
        height=96,
        persist_state="session",
        placeholder=f"Answer {view.contact} …",
        label_visibility="collapsed",
    )
    length, most = inbox.answer_length(view.network, view.limits, text or "")
    with st.container(horizontal=True, vertical_alignment="center"):
        count = f"{length} of {most} characters"
        st.caption(f":red[{count}: {length - most} too many]" if length > most else count, width="stretch")
        st.button(
            "Keep as note",
            key="note",
            icon=":material/sticky_note_2:",
            help="Only the team sees it.",
            on_click=_note,
            args=(page, view.id),
        )
        st.button(
            "Send",
            key="send",
            type="primary",
            icon=":material/send:",
            disabled=reason is not None,
            shortcut="Mod+Enter",
            on_click=_send,
            args=(page, view.id),
        )


def _answered(view: ConversationView) -> None:
    """Say which message is answered when it isn't simply the newest."""
    target = st.session_state.get(f"answer_to_{view.id}")
    message = next((m for m in view.messages if m.id == target and m.direction == Direction.IN), None)
    if message is None:
        return
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        begin = " ".join(message.text.split())[:80]
        st.caption(f":material/reply: {shown(f'To {message.author}: {begin}')}", width="stretch")
        st.button(
            "",
            key="answer_newest",
            icon=":material/close:",
            type="tertiary",
            help="Answer the newest message instead",
            on_click=lambda: st.session_state.pop(f"answer_to_{view.id}", None),
        )


def _box(conversation_id: int) -> str:
    """The key of a conversation's text box. A new one after each sending: the browser then drops what was typed."""
    return f"answer_{conversation_id}_{st.session_state.get(f'answers_{conversation_id}', 0)}"


def _fresh_box(conversation_id: int, text: str = "") -> None:
    st.session_state.pop(_box(conversation_id), None)
    count = f"answers_{conversation_id}"
    st.session_state[count] = st.session_state.get(count, 0) + 1
    if text:
        st.session_state[_box(conversation_id)] = text


def _send(page: Page, conversation_id: int) -> None:
    target = f"answer_to_{conversation_id}"
    text, to_message = st.session_state.get(_box(conversation_id)) or "", st.session_state.get(target)
    if do(lambda session: inbox.send_reply(session, page.actor, conversation_id, text, to_message), "On its way"):
        _fresh_box(conversation_id)
        st.session_state.pop(target, None)
    st.rerun(BOTH)


def _note(page: Page, conversation_id: int) -> None:
    text = st.session_state.get(_box(conversation_id)) or ""
    if do(lambda session: inbox.add_note(session, page.actor, conversation_id, text), "Note kept"):
        _fresh_box(conversation_id)
    st.rerun(BOTH)


def act_on_message(page: Page, conversation_id: int) -> None:
    """What was clicked at a message: answer it, or decide about an answer of ours that didn't get out."""
    clicked = acted()
    if clicked is None:
        return
    name, message_id = clicked
    if name == "reply":
        st.session_state[f"answer_to_{conversation_id}"] = message_id
    elif name == "retry":
        do(lambda session: inbox.retry_reply(session, page.actor, message_id), "On its way again")
    elif name == "confirm":
        do(lambda session: inbox.confirm_reply(session, page.actor, message_id), "Marked as sent")
    elif name == "discard":
        text = do(lambda session: inbox.discard_reply(session, page.actor, message_id), "Discarded: its text is below")
        if text and not st.session_state.get(_box(conversation_id)):
            _fresh_box(conversation_id, text)
    st.rerun(BOTH)
