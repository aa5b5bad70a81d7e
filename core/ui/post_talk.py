"""Comments beside a post: what the team says about it, and what was decided in its review."""

import streamlit as st
from sqlmodel import Session

from core import db
from core.models.planning_work import RemarkKind
from core.services import notices, post_comments
from core.services.planning import PostDetail
from core.services.post_comments import Comment
from core.services.team import Right
from core.ui.page import Page, act
from core.ui.parts import shown, today_or_day

DECISIONS = {
    RemarkKind.ASKED: ("violet", "rate_review", "asked for approval"),
    RemarkKind.APPROVED: ("green", "verified", "approved it"),
    RemarkKind.RETURNED: ("orange", "undo", "returned it"),
    RemarkKind.WITHDRAWN: ("gray", "history", ""),
}


def talk(page: Page, detail: PostDetail) -> None:
    """All that was said, newest at the end, and the box for more."""
    most = st.session_state.get(f"talk_{detail.id}_most", post_comments.PAGE)
    with db.read() as session:
        found = post_comments.comments(session, detail.id, limit=most)
        names = post_comments.names(session, page.actor)
        told = notices.is_told(session, page.actor, f"post:{detail.id}")
    if told:
        with db.write() as session:
            notices.mark_read(session, page.actor, target=f"post:{detail.id}")
    st.subheader("Comments", anchor=False)
    if found.before is not None:
        st.button("Earlier ones", key=f"talk_more_{detail.id}", type="tertiary", icon=":material/expand_less:",
                  on_click=_more, args=(detail.id, most))  # fmt: skip
    if not found.rows:
        st.caption("Only the team sees what is written here. Name a colleague with @ and they are told.")
    with st.container(gap="small"):
        for row in found.rows:
            _entry(page, row)
    _box(page, detail, names)


def _more(post_id: int, most: int) -> None:
    st.session_state[f"talk_{post_id}_most"] = most + post_comments.PAGE


def _entry(page: Page, row: Comment) -> None:
    when = f":small[:gray[{today_or_day(row.at, page.zone)}]]"
    by = shown(row.by or ("The hub" if row.kind is RemarkKind.WITHDRAWN else "Command line"))
    with st.container(horizontal=True, vertical_alignment="top", gap="small", key=f"talk_row_{row.id}"):
        if row.kind is RemarkKind.COMMENT:
            st.markdown(f"**{by}** &nbsp;{when}  \n{shown(row.text)}", width="stretch")
        else:
            colour, symbol, word = DECISIONS[row.kind]
            head = f":{colour}[:material/{symbol}: **{by}** {word}]".replace(" ]", "]")
            text = f"  \n{shown(row.text)}" if row.text else ""
            st.markdown(f"{head} &nbsp;{when}{text}", width="stretch")
        mine = row.member_id is not None and row.member_id == page.actor.id
        if row.kind is RemarkKind.COMMENT and (mine or page.actor.may(Right.TEAM)):
            _delete(page, row)


def _delete(page: Page, row: Comment) -> None:
    with st.popover("", icon=":material/more_horiz:", type="tertiary", key=f"talk_menu_{row.id}", help="More"):
        if st.button("Delete the comment", key=f"talk_gone_{row.id}", icon=":material/delete:"):
            act(lambda s: post_comments.remove_comment(s, page.actor, row.id), done="Deleted.")


def _box(page: Page, detail: PostDetail, names: tuple[post_comments.Name, ...]) -> None:
    """Where a comment is written. It stays when something is wrong, and goes once it is kept."""
    count = st.session_state.setdefault(f"talk_{detail.id}_box", 0)
    key = f"talk_text_{detail.id}_{count}"
    text = st.text_area("Comment", key=key, height=80, max_chars=post_comments.LENGTH, label_visibility="collapsed",
                        placeholder="Comment for the team …")  # fmt: skip

    def say(session: Session) -> int:
        made = post_comments.comment(session, page.actor, detail.id, st.session_state.get(key) or text or "")
        st.session_state[f"talk_{detail.id}_box"] = count + 1
        return made

    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        if names:
            by = {name.name: name.word for name in names}
            st.selectbox("Name somebody", list(by), index=None, key=f"talk_name_{detail.id}", width=220,
                         label_visibility="collapsed", placeholder="@ Name a colleague",
                         on_change=_name, args=(key, detail.id, by))  # fmt: skip
        if st.button("Comment", key=f"talk_say_{detail.id}", icon=":material/comment:"):
            act(say, done="Kept.")


def _name(key: str, post_id: int, by: dict[str, str]) -> None:
    """In a callback: put @name behind what is written."""
    chosen = st.session_state.get(f"talk_name_{post_id}")
    st.session_state[f"talk_name_{post_id}"] = None
    if chosen in by:
        there = (st.session_state.get(key) or "").rstrip()
        st.session_state[key] = f"{there} @{by[chosen]} ".lstrip()
