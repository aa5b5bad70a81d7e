"""The inbox: conversations on the left, the open one on the right.

Three fragments, so that nothing is drawn again that didn't change: the list (looks again by itself), the open
conversation, and within it the messages (look again by themselves, sooner while an answer is on its way).
"""

import streamlit as st

from core import db
from core.errors import NotFound
from core.models.inbox import ConversationState
from core.services import inbox
from core.services.channels import channels, groups
from core.services.health import health
from core.services.inbox import ConversationView, InboxFilter
from core.services.team import Right
from core.ui.answer import act_on_message, answer_box, do, head, tell
from core.ui.conversation_list import chosen, conversation_list, waited
from core.ui.inbox_filter import inbox_filter, is_restricted
from core.ui.page import open_page
from core.ui.parts import empty
from core.ui.thread import thread

MORE = 30  # rows, or messages, at a time
LOOK_AGAIN = 8  # seconds
LOOK_SOON = 2

page = open_page("Inbox", ":material/inbox:")
may_answer = page.actor.may(Right.ANSWER)


def opened() -> int | None:
    """The conversation in the URL: the only place that says which one is open."""
    given = st.query_params.get("conversation", "")
    return int(given) if given.isdecimal() and len(given) < 18 else None


def open_conversation() -> None:
    conversation_id = chosen("open")
    if conversation_id is not None:
        st.query_params["conversation"] = str(conversation_id)
        st.session_state.pop("keep_unread", None)
        st.session_state.pop("messages_shown", None)
    st.rerun("thread")


def show_more() -> None:
    st.session_state["rows_shown"] = (chosen("more") or MORE) + MORE
    st.rerun("list")


def rows_shown(wanted: InboxFilter) -> int:
    """How many rows to show: it begins anew with each change of filter."""
    if st.session_state.get("rows_filter") != wanted:
        st.session_state["rows_filter"], st.session_state["rows_shown"] = wanted, MORE
    return int(st.session_state["rows_shown"])


@st.fragment(run_every=LOOK_AGAIN, key="list")
def list_part() -> None:
    wanted = inbox_filter(all_channels, all_groups)
    with db.read() as session:
        found = inbox.conversations(session, wanted, limit=rows_shown(wanted))
        who_waits = inbox.waiting(session)
    if who_waits.count and who_waits.oldest:
        word = "waits" if who_waits.count == 1 else "wait"
        st.caption(
            f":material/schedule: {who_waits.count} {word} for an answer, the longest {waited(who_waits.oldest)}"
        )
    if found.rows or found.next:
        more = None if found.next is None else "Search further back" if wanted.search.strip() else "Show more"
        conversation_list(found.rows, page.zone, opened(), more, open_conversation, show_more)
    elif is_restricted(wanted):
        empty("Nothing fits", "No conversation matches the search and the filters. Try another word or state.")
    elif wanted.state == ConversationState.OPEN:
        empty("All done", "Nobody is waiting. New comments, mentions and direct messages appear here by themselves.")
    else:
        empty("Nothing here", "No conversation is in this state.")


def load(conversation_id: int) -> ConversationView | None:
    try:
        with db.read() as session:
            return inbox.conversation(session, conversation_id, limit=st.session_state.get("messages_shown", 50))
    except NotFound:
        return None


@st.fragment(key="thread")
def thread_part() -> None:
    conversation_id = opened()
    if conversation_id is None:
        empty("Choose a conversation", "Its messages and the box for your answer appear here.")
        return
    view = load(conversation_id)
    if view is None:
        empty("Not there any more", "This conversation was removed. Choose another one from the list.")
        return
    head(page, view)
    tell()
    fresh = [view]

    @st.fragment(run_every=LOOK_SOON if view.on_its_way else LOOK_AGAIN)
    def messages_part() -> None:
        now = fresh.pop() if fresh else load(conversation_id)
        if now is not None:
            thread(now, page.zone, may_answer, lambda: act_on_message(page, conversation_id), show_earlier)

    @st.fragment
    def answer_part() -> None:
        answer_box(page, view)

    messages_part()
    answer_part()
    if view.unread and may_answer and st.session_state.get("keep_unread") != view.id:
        do(lambda session: inbox.mark_read(session, page.actor, conversation_id))


def show_earlier() -> None:
    st.session_state["messages_shown"] = st.session_state.get("messages_shown", 50) + 50
    st.rerun("thread")


with db.read() as session:
    all_channels, all_groups = channels(session), groups(session)
state = health()
if not state.ok:
    st.warning(state.detail, icon=":material/power_off:")
if not all_channels:
    way = "pages/channels.py" if page.actor.may(Right.CHANNELS) else None
    empty("No channel is connected yet", "Its messages arrive here within a minute.", way, "Connect a channel")
    st.stop()
left, right = st.columns([0.38, 0.62], gap="medium")
with left:
    list_part()
with right:
    thread_part()
