"""The inbox: views and conversations on the left, the open one in the middle, who it is on the right.

Fragments, so that nothing is drawn again that didn't change: the list (looks again by itself), the open conversation,
and within it the messages (look again by themselves, sooner while an answer is on its way).
"""

import streamlit as st

from core import db
from core.errors import NotFound
from core.models.inbox import ConversationState
from core.services import inbox
from core.services.channels import channels, groups
from core.services.health import health
from core.services.inbox import ConversationView
from core.services.inbox_views import query_of
from core.services.team import Right
from core.ui.answer import act_on_message, answer_box, do, head, presence_line
from core.ui.contact_panel import contact_panel
from core.ui.conversation_bar import conversation_bar
from core.ui.conversation_list import chosen, conversation_list, grows, reach, waiting_line
from core.ui.inbox_bulk import bulk_bar, by_key, undo_line
from core.ui.inbox_columns import columns, roomy
from core.ui.inbox_filter import choices, inbox_filter, is_restricted
from core.ui.inbox_keys import inbox_keys
from core.ui.inbox_views import keep_or_delete, views
from core.ui.message_menu import confirm_act
from core.ui.page import open_page
from core.ui.parts import empty
from core.ui.thread import thread

MORE = 50  # messages at a time
LOOK_AGAIN = 8  # seconds
LOOK_SOON = 2

page = open_page("Inbox", ":material/inbox:")
roomy()
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


@st.fragment(run_every=LOOK_AGAIN, key="list")
def list_part() -> None:
    with db.read() as session:
        offered = choices(session, all_channels, all_groups)
    view = views(page, offered)
    wanted, box = inbox_filter(page, view, offered, opened())
    asked = query_of(view, wanted)
    with box:
        keep_or_delete(page, view, wanted)
    rows, depth = reach(asked)
    with db.read() as session:
        found = inbox.conversations(session, wanted, limit=rows, depth=depth)
        if grown := grows(found, asked):
            found = inbox.conversations(session, wanted, limit=grown, depth=depth)
        who_waits = inbox.waiting(session)
    if not bulk_bar(page, found.rows, offered):
        waiting_line(who_waits)
    undo_line(page, opened())
    if found.rows or found.next:
        conversation_list(found, page, opened(), asked, open_conversation)
    elif is_restricted(wanted):
        empty("Nothing fits", "No conversation matches the search and the filters. Try another word or view.")
    elif wanted.state == ConversationState.OPEN:
        empty("All done", "Nobody is waiting. New comments, mentions and direct messages appear here by themselves.")
    else:
        empty("Nothing here", "No conversation is in this view.")


def load(conversation_id: int) -> ConversationView | None:
    try:
        with db.read() as session:
            return inbox.conversation(session, conversation_id, limit=st.session_state.get("messages_shown", MORE))
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
    middle, right = columns("contact")
    with middle:
        open_part(view)
    if right is not None:
        with right:
            contact_panel(page, view)


def open_part(view: ConversationView) -> None:
    """What was said, what was decided, and the box for the answer. The messages are sent first: one waits for them."""
    above = st.container()
    fresh, conversation_id = [view], view.id

    @st.fragment(run_every=LOOK_SOON if view.on_its_way else LOOK_AGAIN)
    def messages_part() -> None:
        now = fresh.pop() if fresh else load(conversation_id)
        if now is not None:
            thread(now, page.zone, may_answer, lambda: act_on_message(page, conversation_id), show_earlier)

    @st.fragment
    def answer_part() -> None:
        answer_box(page, view)

    messages_part()
    with above:
        head(page, view)
        conversation_bar(page, view)
    confirm_act(page, view)
    presence_line(page, view)
    answer_part()
    if view.unread and may_answer and st.session_state.get("keep_unread") != view.id:
        do(lambda session: inbox.mark_read(session, page.actor, conversation_id))


@st.fragment(key="keys")
def keys_part() -> None:
    inbox_keys(lambda what: by_key(page, what, opened()))


def show_earlier() -> None:
    st.session_state["messages_shown"] = st.session_state.get("messages_shown", MORE) + MORE
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
left, rest = st.columns([0.36, 0.64], gap="medium")
with left:
    list_part()
    keys_part()
with rest.container(key="opened"):
    thread_part()
