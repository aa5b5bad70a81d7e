"""Beside the composer: comments of the team, review, versions; and what was typed there and not saved yet."""

import streamlit as st

from core.services import post_diff
from core.services.composer_drafts import Unsaved
from core.services.planning import PostDetail
from core.services.post_diff import Piece, TextDiff
from core.ui import composer_kept as kept
from core.ui.composer_state import Typed
from core.ui.page import Page
from core.ui.parts import exact, shown
from core.ui.post_diff_view import marked
from core.ui.post_talk import talk
from core.ui.post_versions import lost_words, versions_button
from core.ui.review_parts import review_state, standing_of


def restore(page: Page, key: str, detail: PostDetail | None) -> None:
    """Before the fields are drawn: bring back what this member typed here and didn't save."""
    if detail:
        lost_words(detail)
    if not kept.is_open(key):
        draft = kept.stored(page, detail)
        if draft is not None:
            _bring_back(page, key, detail, draft)
    colliding: Unsaved | None = st.session_state.get(f"{key}_{kept.OWN}conflict")
    if colliding is not None and detail is not None:
        _conflict(page, key, detail, colliding)
    elif f"{key}_{kept.OWN}restored" in st.session_state:
        _restored(page, key, detail)


def _bring_back(page: Page, key: str, detail: PostDetail | None, draft: Unsaved) -> None:
    base, mine = draft.content.get("base") or {}, draft.content.get("mine") or {}
    if detail is None or draft.base_version == detail.version:
        kept.take_up(key, draft)
        return
    theirs = kept.saved_content(detail)
    if all(mine[name] == theirs.get(name) for name in mine):
        kept.drop(page, detail)  # it says that by now
    elif kept.collide(base, mine, theirs):
        st.session_state[f"{key}_{kept.OWN}conflict"] = draft
    else:
        kept.take_up(key, draft, theirs)
        st.session_state[f"{key}_{kept.OWN}on_top"] = True


def _restored(page: Page, key: str, detail: PostDetail | None) -> None:
    at = st.session_state[f"{key}_{kept.OWN}restored"].astimezone(page.zone)
    on_top = st.session_state.get(f"{key}_{kept.OWN}on_top")
    with st.container(border=True, horizontal=True, vertical_alignment="center", gap="small", key=f"{key}_unsaved"):
        words = f":orange[:material/edit_note: **Not saved yet:**] your changes of {at:%d.%m., %H:%M}."
        if on_top:
            words += " Somebody saved meanwhile; yours are on top of that."
        st.markdown(words, width="stretch")
        st.button("Throw away", key=f"{key}_throw", type="tertiary", icon=":material/delete:",
                  help="Back to what is saved", on_click=kept.throw_away, args=(page, key, detail))  # fmt: skip


def autosave(page: Page, key: str, detail: PostDetail | None, typed: Typed) -> None:
    """After the fields were drawn: keep what is typed, so that a closed tab loses nothing."""
    if f"{key}_{kept.OWN}conflict" in st.session_state:
        return  # what waits for a decision must not be written over
    kept.base_after_taking_up(key)
    if kept.remember(page, key, detail, typed):
        at = st.session_state[f"{key}_{kept.OWN}at"]
        st.caption(f":material/cloud_done: Not saved yet, but kept for you ({at.astimezone(page.zone):%H:%M}).",
                   help="Closing the page loses nothing. Only you see it.")  # fmt: skip
    else:
        st.session_state.pop(f"{key}_{kept.OWN}on_top", None)


# --- two people at once -----------------------------------------------------------------------------------------------


def _conflict(page: Page, key: str, detail: PostDetail, draft: Unsaved) -> None:
    """What is saved by now and what I typed, side by side."""
    base, mine = draft.content.get("base") or {}, draft.content.get("mine") or {}
    theirs = kept.saved_content(detail)
    both = post_diff.diff(theirs, kept.merged(base, mine, theirs) | {"planned_at": theirs["planned_at"]})
    with st.container(border=True, key=f"{key}_conflict"):
        st.markdown(
            ":orange[:material/merge: **Somebody else has changed this post meanwhile.**] "
            "Nothing of yours is lost: choose what goes on. You can edit it before you save."
        )
        left, right = st.columns(2)
        left.markdown(f"**Saved** {exact(detail.updated_at, page.zone)}")
        right.markdown(f"**Yours**, not saved, {exact(draft.saved_at, page.zone)}")
        for text in both.texts:
            _beside_each_other(text)
        for sentence in both.others:
            st.markdown(f":material/arrow_right: With yours: {shown(sentence)}")
        with st.container(horizontal=True):
            st.button("Keep mine", key=f"{key}_mine", type="primary", icon=":material/edit:",
                      help="Into the fields below, not saved yet",
                      on_click=_take_mine, args=(key, detail, draft))  # fmt: skip
            st.button("Take theirs", key=f"{key}_theirs", icon=":material/check:",
                      help="Yours is thrown away", on_click=_take_theirs, args=(page, key, detail))  # fmt: skip


def _beside_each_other(text: TextDiff) -> None:
    def without(sign: str) -> list[Piece]:
        return [piece for piece in text.pieces if piece.sign != sign]

    for column, hidden in zip(st.columns(2), ("new", "gone"), strict=True):
        with column:
            st.caption(shown(text.label))
            with st.container(border=True):
                st.markdown(marked(without(hidden)))


def _take_mine(key: str, detail: PostDetail, draft: Unsaved) -> None:
    st.session_state.pop(f"{key}_{kept.OWN}conflict", None)
    kept.take_up(key, draft, kept.saved_content(detail))


def _take_theirs(page: Page, key: str, detail: PostDetail) -> None:
    st.session_state.pop(f"{key}_{kept.OWN}conflict", None)
    kept.drop(page, detail)


# --- beside -----------------------------------------------------------------------------------------------------------


def beside(page: Page, detail: PostDetail) -> None:
    """Comments, review and versions of a stored post."""
    review_state(page, detail, standing_of(page, detail.id))
    talk(page, detail)
    versions_button(page, detail)
