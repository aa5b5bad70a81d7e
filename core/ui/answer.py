"""Around the messages of a conversation: its head with what can be done, the box for an answer, who else is here.

What is being written is kept by `answer_draft.py`; its images are `answer_images.py`'s, saved replies
`saved_reply_picker.py`'s.
"""

from functools import partial

import streamlit as st
from sqlmodel import Session

from core import db
from core.connectors.base import ReplyTo
from core.models.inbox import ConversationState, Direction
from core.models.inbox_work import Doing
from core.services import inbox, inbox_presence, service_hours
from core.services.inbox import AnsweredMeanwhile, ConversationView, Given, Judgement, MessageView
from core.services.team import Right
from core.ui import answer_draft as draft
from core.ui.answer_images import image_button, image_rows, pictures, put_back
from core.ui.answer_watch import answer_watch
from core.ui.conversation_list import KINDS, STATES, waited
from core.ui.doing import do, refuse, report, tell
from core.ui.message_menu import act_on
from core.ui.page import Page
from core.ui.parts import ago, shown
from core.ui.saved_reply_picker import saved_reply_picker
from core.ui.thread import acted, web_link
from core.ui.undo import remember

__all__ = ["act_on_message", "answer_box", "do", "head", "presence_line", "tell"]

BOTH = ["thread", "list"]
NEAR = 0.9  # of what fits: from here on the count is coloured


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
        remember(do(lambda session: inbox.set_state(session, page.actor, view.id, state), done))
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


# --- the box --------------------------------------------------------------------------------------------------------


def answer_box(page: Page, view: ConversationView) -> None:
    """Where an answer or a note is written. What is written is kept for each conversation until it is sent."""
    if not page.actor.may(Right.ANSWER):
        st.caption("Your role lets you read. To answer, ask an administrator for another one.")
        return
    tell()
    reason = inbox.why_no_answer(view.network, view.channel_state, view.channel_handle)
    if reason:
        st.warning(shown(reason), icon=":material/link_off:")
    draft.look(view)
    _quicker(page, view)
    answered = _answered(view)
    st.text_area(
        "Answer",
        key=draft.box(view.id),
        height=100,
        persist_state="session",
        placeholder=f"Answer {view.contact} …",
        label_visibility="collapsed",
        on_change=draft.committed,
        args=(view.id,),
    )
    image_rows(view)
    found = inbox.judge(view.network, view.limits, draft.text_of(view.id), pictures(view), _place(view, answered))
    _remarks(view, found, answered)
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        with st.container(horizontal=True, vertical_alignment="center", gap="small"):
            saved_reply_picker(page, view)
            image_button(page, view)
            st.markdown(_count(found), width="content", help=_counted(found))
        with st.container(horizontal=True, vertical_alignment="center", gap="small", width="content"):
            _buttons_below(page, view, found, disabled=reason is not None)
    answer_watch(page, view.id)


def _buttons_below(page: Page, view: ConversationView, found: Judgement, disabled: bool) -> None:
    st.button(
        "Keep as note",
        key="note",
        icon=":material/sticky_note_2:",
        help="Only the team sees it; @name tells a colleague.",
        on_click=_note,
        args=(page, view.id),
    )
    anyway, parts = draft.stopped(view.id) is not None, len(found.lengths)
    label = "Send anyway" if anyway else "Send" if parts == 1 else f"Send as {parts} posts"
    st.button(
        label,
        key="send_anyway" if anyway else "send",
        type="primary",
        icon=":material/send:",
        disabled=disabled,
        shortcut=None if anyway else "Mod+Enter",  # what somebody else has answered is to be read first
        on_click=_send,
        args=(page, view.id),
    )


def _place(view: ConversationView, answered: MessageView | None) -> ReplyTo:
    """What the answer will stand under, as far as its length goes."""
    message = answered or _newest(view)
    handle = message.handle if message else view.contact_handle
    return ReplyTo(message.remote_id or "" if message else "", "", view.kind, handle)


def _newest(view: ConversationView) -> MessageView | None:
    came_in = (m for m in reversed(view.messages) if m.direction == Direction.IN and m.remote_id and not m.deleted_at)
    return next(came_in, None)


def _answered(view: ConversationView) -> MessageView | None:
    """Say which message is answered when it isn't simply the newest; gives it."""
    target = draft.target(view.id)
    message = next((m for m in view.messages if m.id == target and m.direction == Direction.IN), None)
    if message is None or message is _newest(view):
        return message
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        begin = " ".join(message.text.split())[:80]
        st.caption(f":material/reply: {shown(f'To {message.author}: {begin}')}", width="stretch")
        st.button(
            "",
            key="answer_newest",
            icon=":material/close:",
            type="tertiary",
            help="Answer the newest message instead",
            on_click=draft.aim,
            args=(view.id, None),
        )
    return message


# --- what the network makes of it -----------------------------------------------------------------------------------


def _count(found: Judgement) -> str:
    """“243 of 500 characters”, for a thread each of its posts."""
    lengths = " · ".join(str(length) for length in found.lengths)
    words = f"{lengths} of {found.most} characters"
    if found.over:
        return f":red[:small[{words}: {found.over} too many]]"
    return f":{'orange' if max(found.lengths) > found.most * NEAR else 'gray'}[:small[{words}]]"


def _counted(found: Judgement) -> str | None:
    if not found.before:
        return None
    return f"{shown(found.before)} goes before it, so that they are told. It is counted."


def _remarks(view: ConversationView, found: Judgement, answered: MessageView | None) -> None:
    """What to do about a text that is too long, and about images that nobody described or the network won't take."""
    if found.over:
        posts = inbox.split(draft.text_of(view.id), view.network, view.limits, _place(view, answered))
        if len(posts) <= inbox.MOST_PARTS:
            with st.container(horizontal=True, vertical_alignment="center", gap="small"):
                st.caption("Too long for one post.", width="content")
                st.button(
                    f"Part it into {len(posts)} posts",
                    key="part",
                    icon=":material/format_line_spacing:",
                    type="tertiary",
                    help="Between sentences, at lines of ---. You can move them before you send.",
                    on_click=draft.put_text,
                    args=(view.id, inbox.BETWEEN.join(posts)),
                )
        else:
            st.caption(f"Too long, even for {inbox.MOST_PARTS} posts.")
    if draft.is_unsent(view.id):
        for sentence in found.remarks:
            st.markdown(f":orange[:small[:material/warning: {shown(sentence)}]]")


# --- sending --------------------------------------------------------------------------------------------------------


def _send(page: Page, conversation_id: int) -> None:
    """In a callback: send what stands in the box. Whatever is wrong, it stays there."""
    newest, looked = draft.seen(conversation_id)

    def send(session: Session) -> float:
        hold = float(service_hours.current(session).undo_seconds)
        inbox.send_reply(
            session,
            page.actor,
            conversation_id,
            draft.text_of(conversation_id),
            draft.target(conversation_id),
            images=draft.images(conversation_id),
            hold_seconds=hold,
            seen=newest,
            seen_at=looked,
        )
        inbox_presence.beat(session, page.actor, conversation_id, Doing.READING)
        return hold

    def stopping(session: Session) -> float | AnsweredMeanwhile:
        try:
            return send(session)
        except AnsweredMeanwhile as error:  # raised before anything was written
            return error

    done = do(stopping)
    if done is None:
        return  # why is said at the box
    if isinstance(done, AnsweredMeanwhile):
        draft.stop(conversation_id, done)
    else:
        draft.clear(conversation_id)
        report(f"On its way in {done:.0f} s; until then it can be taken back" if done else "On its way")
    st.rerun(BOTH)


def _note(page: Page, conversation_id: int) -> None:
    if draft.chosen(conversation_id):
        refuse("A note can't hold images. Remove them, or send it as an answer.")
        return
    text = draft.text_of(conversation_id)
    if do(lambda session: inbox.add_note(session, page.actor, conversation_id, text), "Note kept"):
        draft.clear(conversation_id)
        st.rerun(BOTH)


def _quicker(page: Page, view: ConversationView) -> None:
    """Somebody has answered while this was being written: what they sent, and the way out."""
    other = draft.stopped(view.id)
    if other is None:
        return
    with st.container(border=True, gap="xsmall"):
        with st.container(horizontal=True, vertical_alignment="center", gap="small"):
            when = ago(other.at, page.zone)
            told = f":orange[:material/group:] **{shown(other.by)} has answered meanwhile** ({when})"
            st.markdown(f"{told}. Yours was not sent: is it still needed?", width="stretch")
            st.button(
                "Discard mine",
                key="discard_mine",
                icon=":material/delete:",
                type="tertiary",
                on_click=draft.clear,
                args=(view.id,),
            )
        st.caption(shown(other.quoted))


def act_on_message(page: Page, conversation_id: int) -> None:
    """What was clicked at a message: answer it, or decide about an answer of ours that isn't out."""
    clicked = acted()
    if clicked is None:
        return
    name, message_id = clicked
    if name == "reply":
        draft.aim(conversation_id, message_id)
        draft.focus("box")
    elif name == "retry":
        do(lambda session: inbox.retry_reply(session, page.actor, message_id), "On its way again")
    elif name == "confirm":
        do(lambda session: inbox.confirm_reply(session, page.actor, message_id), "Marked as sent")
    elif name in ("discard", "take_back"):
        _write_anew(page, conversation_id, name, message_id)
    else:
        act_on(page, name, message_id)
    st.rerun(BOTH)


def _write_anew(page: Page, conversation_id: int, name: str, message_id: int) -> None:
    """Into the box with it, behind what may be there already."""
    done = "Discarded: its text is below" if name == "discard" else "Taken back: it is in the box again"

    def remove(session: Session) -> Given:
        had = inbox.given(session, message_id)
        (inbox.discard_reply if name == "discard" else inbox.take_back)(session, page.actor, message_id)
        return had

    had = do(remove, done)
    if had is None:
        return
    if not draft.is_unsent(conversation_id):
        draft.aim(conversation_id, had.to_message if name == "take_back" else draft.target(conversation_id))
    draft.add_text(conversation_id, had.text)
    put_back(conversation_id, had.images)
    draft.focus("box")


# --- who else is here -----------------------------------------------------------------------------------------------


def presence_line(page: Page, view: ConversationView) -> None:
    """Say who else reads or writes here, and let them know of us. Looks every three seconds."""
    st.fragment(run_every=inbox_presence.BEAT, key="presence")(partial(_presence, page, view.id))()


def _presence(page: Page, conversation_id: int) -> None:
    before = st.session_state.get("present_in")
    st.session_state["present_in"] = conversation_id
    writes = page.actor.may(Right.ANSWER) and draft.is_unsent(conversation_id)
    with db.write() as session:
        if before not in (None, conversation_id):
            inbox_presence.leave(session, page.actor, before)
        inbox_presence.beat(session, page.actor, conversation_id, Doing.WRITING if writes else Doing.READING)
        here = inbox_presence.others(session, page.actor, conversation_id)
        newest = inbox_presence.newest_message(session, conversation_id)
    draft.look_again(conversation_id, newest)
    writing = any(one.doing is Doing.WRITING for one in here)
    words = shown(inbox_presence.presence_words(here))
    # An empty line keeps the place: nothing moves under somebody's hands when a colleague comes.
    colour, symbol = ("orange", "edit") if writing else ("gray", "visibility")
    st.markdown(f":{colour}[:small[:material/{symbol}: {words}]]" if words else ":small[&nbsp;]")
