"""Choosing a saved reply while answering: type a few letters of it, Enter puts it into the answer, filled in.

With `/` at the beginning of a line of the answer one gets here without the mouse (answer_watch.js).
"""

import streamlit as st

from core import db
from core.services import saved_replies
from core.services.inbox import ConversationView
from core.services.saved_replies import ReplyRow
from core.ui import answer_draft as draft
from core.ui.doing import do
from core.ui.page import Page

BEGINNING = 300  # characters of a reply that can be searched by here


def saved_reply_picker(page: Page, view: ConversationView) -> None:
    """Draw it; nothing is drawn before there is a reply."""
    with db.read() as session:
        rows = saved_replies.ranked(saved_replies.replies(session), view.language)
    if not rows:
        return
    by_id = {row.id: row for row in rows}
    key = f"reply_picker_{view.id}_{st.session_state.get('replies_picked', 0)}"
    st.selectbox(
        "Saved replies",
        list(by_id),
        index=None,
        key=key,
        format_func=lambda reply_id: told(by_id[reply_id]) if reply_id in by_id else "",
        placeholder="Saved replies",
        label_visibility="collapsed",
        width=200,
        on_change=_insert,
        args=(page, view, key),
    )


def told(row: ReplyRow) -> str:
    """A reply in one line: its name, its language, how it begins."""
    return f"{row.name} · {row.language.upper()} · {' '.join(row.text.split())[:BEGINNING]}"


def _insert(page: Page, view: ConversationView, key: str) -> None:
    reply_id = st.session_state.get(key)
    st.session_state["replies_picked"] = st.session_state.get("replies_picked", 0) + 1  # it is empty again
    if reply_id is None:
        return
    text = do(lambda session: saved_replies.use(session, page.actor, reply_id, view))
    if text:
        draft.add_text(view.id, text)
        draft.focus("box")
