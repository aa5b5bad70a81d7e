"""What can be done with the post in the composer: save, send for review, schedule, publish now, take back."""

from collections.abc import Callable

import streamlit as st
from sqlmodel import Session

from core.errors import UserError
from core.models.planning import PostState
from core.services import planning
from core.services.planning import PostDetail
from core.ui.composer_state import PLAN, TURN_TO, Typed
from core.ui.page import Page, act, say_later
from core.ui.parts import shown


def actions(page: Page, key: str, detail: PostDetail | None, typed: Typed) -> None:
    scheduled = detail is not None and detail.state is PostState.SCHEDULED
    out = detail is not None and detail.state is PostState.PUBLISHED
    with st.container(horizontal=True):
        if scheduled:
            _button(page, key, "Save changes", "save", "primary", detail, typed, None, "Saved, and still scheduled.")
            _button(page, key, "Back to draft", "undo", "secondary", detail, typed, _unschedule, "It is a draft again.")
        elif not out:
            _button(page, key, "Schedule", "schedule_send", "primary", detail, typed, _schedule, "Scheduled.")
            _button(page, key, "Save draft", "save", "secondary", detail, typed, None, "Saved.")
        if not out:
            _publish_now(page, key, detail, typed)
        if detail:
            _take_back(page, detail)


Then = Callable[[Session, Page, int, Typed], None]


def _button(
    page: Page,
    key: str,
    label: str,
    symbol: str,
    kind: str,
    detail: PostDetail | None,
    typed: Typed,
    then: Then | None,
    done: str,
) -> None:
    if not st.button(label, icon=f":material/{symbol}:", type=kind, key=f"{key}_{symbol}"):  # type: ignore[arg-type]
        return
    _save(page, detail, typed, then, done)


def _save(page: Page, detail: PostDetail | None, typed: Typed, then: Then | None, done: str) -> None:
    """All of it in one transaction: nothing is saved when the network wouldn't take it."""

    def change(session: Session) -> int:
        post_id = _store(session, page, detail, typed)
        if then is not None:
            then(session, page, post_id, typed)
        return post_id

    post_id = act(change, rerun=None)
    if post_id is None:
        return
    st.session_state["new_posts"] = st.session_state.get("new_posts", 0) + 1
    say_later(done)
    st.query_params["post"] = str(post_id)
    st.rerun()


def _store(session: Session, page: Page, detail: PostDetail | None, typed: Typed) -> int:
    c = typed.changes
    if detail is not None:
        planning.save_post(session, page.actor, detail.id, detail.version, c)
        return detail.id
    return planning.create_post(
        session,
        page.actor,
        title=c.title or "",
        text=c.text or "",
        channel_ids=c.channel_ids or (),
        variants=c.variants,
        images=c.images or (),
        planned_at=c.planned_at,
        campaign=c.campaign or "",
        language=c.language or None,
    )


def _schedule(session: Session, page: Page, post_id: int, typed: Typed) -> None:
    if typed.at is None:
        raise UserError("Say when it goes out: choose a day and a time.")
    planning.schedule_post(session, page.actor, post_id, typed.at)


def _unschedule(session: Session, page: Page, post_id: int, typed: Typed) -> None:
    planning.unschedule_post(session, page.actor, post_id)


def _publish_now(page: Page, key: str, detail: PostDetail | None, typed: Typed) -> None:
    with st.popover("Publish now", icon=":material/send:"):
        names = ", ".join(shown(channel.handle) for channel in typed.channels) or "no channel yet"
        st.markdown(f"It goes out at once on: **{names}**.")
        if st.button("Yes, publish now", type="primary", key=f"{key}_now"):
            _save(page, detail, typed, _now, "It is on its way.")


def _now(session: Session, page: Page, post_id: int, typed: Typed) -> None:
    planning.publish_now(session, page.actor, post_id)


def _take_back(page: Page, detail: PostDetail) -> None:
    if detail.state in (
        PostState.CANCELLED,
        PostState.IDEA,
        PostState.DRAFT,
        PostState.SCHEDULED,
        PostState.NEEDS_CARE,
    ):
        with st.popover("Take back", icon=":material/delete:"):
            st.markdown("Cancelled, it stays in the plan and goes nowhere. Deleted, it is gone for good.")
            if detail.state is not PostState.CANCELLED and st.button("Cancel the post", key=f"cancel_{detail.id}"):
                act(lambda s: planning.cancel_post(s, page.actor, detail.id), done="Cancelled.")
            if st.button("Delete it", key=f"delete_{detail.id}") and act(
                lambda s: _gone(s, page, detail.id), rerun=None
            ):
                say_later("Deleted.")
                st.session_state[TURN_TO] = PLAN
                st.rerun()


def _gone(session: Session, page: Page, post_id: int) -> bool:
    planning.delete_post(session, page.actor, post_id)
    return True
