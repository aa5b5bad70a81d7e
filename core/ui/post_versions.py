"""The versions of a post: what each save changed, compared word by word, and going back."""

import streamlit as st
from sqlmodel import Session

from core import db
from core.services import post_history
from core.services.planning import PostDetail
from core.services.post_history import Version
from core.services.team import Right
from core.ui.page import Page, act
from core.ui.parts import ago, exact, shown
from core.ui.post_diff_view import show_diff

ACTIONS = {
    "post.create": "written",
    "post.change": "changed",
    "post.schedule": "scheduled",
    "post.publish_now": "published at once",
    "post.unschedule": "back to a draft",
    "post.cancel": "cancelled",
}
BEFORE, NOW = "The version before", "The newest"


def versions_button(page: Page, detail: PostDetail) -> None:
    """Opens the list."""
    if st.button("Versions", key=f"versions_{detail.id}", icon=":material/history:"):
        _dialog(page, detail)


@st.dialog("Versions", width="large", icon=":material/history:")
def _dialog(page: Page, detail: PostDetail) -> None:
    most = st.session_state.get(f"versions_{detail.id}_most", post_history.PAGE)
    with db.read() as session:
        found = post_history.versions(session, detail.id, limit=most)
        if not found.rows:
            st.caption("Each save from now on is kept here: what changed, who did it, and a way back.")
            return
        rows = {row.number: row for row in found.rows}
        number = st.selectbox("Version", list(rows), format_func=lambda n: _name(page, rows[n]),
                              key=f"version_{detail.id}")  # fmt: skip
        chosen = rows[number if number in rows else next(iter(rows))]
        before = post_history.version_at(session, detail.id, chosen.number - 1)
        newest = found.rows[0]
    if found.before is not None:
        st.button("Load older ones", key=f"versions_more_{detail.id}", type="tertiary",
                  on_click=_more, args=(detail.id, most))  # fmt: skip
    against = BEFORE
    if chosen.number != newest.number:
        against = st.segmented_control("Compared with", [BEFORE, NOW], default=BEFORE, required=True,
                                       key=f"version_with_{detail.id}") or BEFORE  # fmt: skip
    if against == NOW:
        show_diff(post_history.diff(chosen.content, newest.content))
    elif before is None:
        show_diff(post_history.diff({}, chosen.content), "It was empty.")
    else:
        show_diff(post_history.diff(before.content, chosen.content))
    if chosen.number != newest.number and page.actor.may(Right.PLAN):
        _restore(page, detail, chosen)


def _more(post_id: int, most: int) -> None:
    st.session_state[f"versions_{post_id}_most"] = most + post_history.PAGE


def _name(page: Page, row: Version) -> str:
    what = ACTIONS.get(row.action, row.action.rpartition(".")[2].replace("_", " "))
    return f"{row.number} · {what} by {row.by or 'the hub'}, {ago(row.at, page.zone)} ({exact(row.at, page.zone)})"


def _restore(page: Page, detail: PostDetail, chosen: Version) -> None:
    st.caption("Going back saves that version anew: nothing is lost, its time stays as it is, and a review applies.")

    def restore(session: Session) -> bool:
        lost = post_history.restore(session, page.actor, detail.id, chosen.number, detail.version)
        st.session_state[f"versions_{detail.id}_lost"] = lost
        return True

    if st.button("Restore this version", key=f"restore_{detail.id}", type="primary", icon=":material/restore:"):
        act(restore, done=f"Version {chosen.number} is back.")


def lost_words(detail: PostDetail) -> None:
    """What a restored version could not bring back, said once."""
    for sentence in st.session_state.pop(f"versions_{detail.id}_lost", None) or ():
        st.warning(shown(sentence), icon=":material/warning:")
