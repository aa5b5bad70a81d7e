"""What can be done with the post in the composer: save, ask, approve, return, schedule, publish now, take back.

Which buttons there are follows from the post's state and what the member may; each does all of it in one transaction:
nothing is saved when a channel, the preflight or the review stands against it.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import streamlit as st
from sqlmodel import Session

from core import db
from core.errors import UserError
from core.models.planning import PostState
from core.models.team import Role
from core.services import approval, composer_drafts, planning, post_history
from core.services.approval import Standing
from core.services.planning import Conflict, PostDetail
from core.ui import composer_kept as kept
from core.ui import composer_time
from core.ui.composer_checks import unseen_warnings
from core.ui.composer_state import PLAN, TURN_TO, Typed
from core.ui.page import Page, act, say_later
from core.ui.parts import shown
from core.ui.review_parts import return_popover

Then = Callable[[Session, "Desk", int], str | None]
"""What follows the save; gives what to say instead of the usual."""

WRITTEN = (PostState.IDEA, PostState.DRAFT, PostState.NEEDS_CARE)
OTHERS_FIRST = "Somebody else saved this post meanwhile: this is how it stands now. Look at it, then do it again."


@dataclass(frozen=True)
class Desk:
    """All that the buttons need to know. `changed`: what readers see isn't what is stored. `shut`: why not."""

    page: Page
    key: str
    detail: PostDetail | None
    typed: Typed
    state: PostState
    now: Standing
    dirty: bool
    changed: bool

    @property
    def shut(self) -> str:
        """Why it can't be scheduled by this member as it stands here; empty when it can."""
        return "" if self.now.approved or self.now.may_alone else self.now.why_not


def actions(page: Page, key: str, detail: PostDetail | None, typed: Typed) -> None:
    """The buttons below the fields."""
    desk = _desk(page, key, detail, typed)
    if desk.state is PostState.PUBLISHED:
        _more(desk)
        return
    with st.container(horizontal=True):
        {
            PostState.SCHEDULED: _scheduled,
            PostState.IN_REVIEW: _in_review,
            PostState.APPROVED: _approved,
        }.get(desk.state, _written)(desk)
        _more(desk)
    if desk.shut:
        st.caption(f":material/lock: {shown(desk.shut)}")


def _desk(page: Page, key: str, detail: PostDetail | None, typed: Typed) -> Desk:
    dirty, changed = kept.differs(key, detail, typed)
    ids = typed.changes.channel_ids or ()
    with db.read() as session:
        if detail is None:
            now = approval.outlook(session, page.actor, ids)
        else:
            now = approval.standing(session, page.actor, detail.id)
            if changed:
                now = _as_changed(now, approval.outlook(session, page.actor, ids, detail.id))
    return Desk(page, key, detail, typed, detail.state if detail else PostState.DRAFT, now, dirty, changed)


def _as_changed(stored: Standing, after: Standing) -> Standing:
    """Who asked and what may be done with what is stored, and what a save of the changes would need."""
    return Standing(
        needs=after.needs,
        approved=after.approved,
        may=stored.may,
        may_alone=after.may_alone,
        may_return=stored.may_return,
        why_not=after.why_not,
        asked_by=stored.asked_by,
        asked_at=stored.asked_at,
        asked_by_me=stored.asked_by_me,
    )


# --- by state ---------------------------------------------------------------------------------------------------------


def _written(desk: Desk) -> None:
    """An idea, a draft, or what went wrong."""
    if desk.shut:
        _button(desk, "Ask for review", "rate_review", _ask, "Asked for approval.", primary=True)
    else:
        _button(desk, "Schedule", "schedule_send", _schedule, "Scheduled.", primary=True)
    _button(desk, "Save draft", "save", None, "Saved.")
    if desk.shut:
        _button(desk, "Schedule", "schedule_send", _schedule, "Scheduled.")
    _publish_now(desk)


def _in_review(desk: Desk) -> None:
    if desk.now.may:
        label = "Save and approve" if desk.dirty else "Approve"
        _button(desk, label, "verified", _approve, "Approved.", primary=True, only_changed=True)
        if desk.typed.at is not None:
            _button(
                desk, "Approve and schedule", "schedule_send", _approve_and_schedule, "Scheduled.", only_changed=True
            )
    if desk.now.may_return:
        return_popover(desk.page, desk.detail)  # type: ignore[arg-type]
    _button(desk, "Save changes", "save", None, "Saved, and still in review.", primary=not desk.now.may)
    if not desk.now.may and not desk.shut:
        _button(desk, "Schedule", "schedule_send", _schedule, "Scheduled.")
    actor, detail = desk.page.actor, desk.detail
    if detail and (desk.now.asked_by_me or detail.member_id == actor.id or actor.role is Role.ADMIN):
        _button(desk, "Take the request back", "undo", _withdraw, "It is a draft again.", only_changed=True)


def _approved(desk: Desk) -> None:
    if desk.shut:
        _button(desk, "Save and ask again", "rate_review", None, "Saved. It is in review again.", primary=True)
    else:
        _button(desk, "Schedule", "schedule_send", _schedule, "Scheduled.", primary=True)
        _button(desk, "Save changes", "save", None, "Saved.")
    _publish_now(desk)
    if desk.now.may_return and desk.detail:
        return_popover(desk.page, desk.detail)


def _scheduled(desk: Desk) -> None:
    if desk.shut and desk.changed:
        _button(desk, "Save and ask again", "save", None, "Saved. It goes out once it is approved again.", primary=True)
    else:
        _button(desk, "Save changes", "save", None, "Saved, and still scheduled.", primary=True)
    _button(desk, "Back to draft", "undo", _unschedule, "It is a draft again.")
    _publish_now(desk)
    if desk.now.may_return and desk.now.required and desk.detail:
        return_popover(desk.page, desk.detail)


# --- doing it ---------------------------------------------------------------------------------------------------------


def _button(
    desk: Desk,
    label: str,
    symbol: str,
    then: Then | None,
    done: str,
    *,
    primary: bool = False,
    only_changed: bool = False,
) -> None:
    kind: Any = "primary" if primary else "secondary"
    shut = desk.shut if label == "Schedule" else ""
    key = f"{desk.key}_do_{label.lower().replace(' ', '_')}"
    if st.button(label, icon=f":material/{symbol}:", type=kind, key=key, disabled=bool(shut), help=shut or None):
        _save(desk, then, done, only_changed)


def _save(desk: Desk, then: Then | None, done: str, only_changed: bool = False) -> None:
    """All of it in one transaction: nothing is saved when something stands against it.

    `only_changed`: what isn't changed isn't saved; it is about what is stored.
    """
    told: list[str] = []

    def change(session: Session) -> int:
        try:
            stored = desk.detail.id if desk.detail and only_changed and not desk.dirty else _store(session, desk)
        except Conflict:  # raised before anything was written
            return 0
        said = then(session, desk, stored) if then is not None else None
        told.append(said or done)
        composer_drafts.drop(session, desk.page.actor, composer_drafts.place_of(kept.post_id(desk.detail)))
        return stored

    post_id = act(change, rerun=None)
    if post_id is None:
        return
    if post_id == 0:
        if not desk.dirty:  # what was typed is shown beside theirs
            say_later(OTHERS_FIRST)
        st.rerun()
    kept.forget(desk.key)
    if desk.detail is None:
        st.session_state["new_posts"] = st.session_state.get("new_posts", 0) + 1
    say_later(told[0])
    st.query_params["post"] = str(post_id)
    st.rerun()


def _store(session: Session, desk: Desk) -> int:
    if desk.detail is not None:
        planning.save_post(session, desk.page.actor, desk.detail.id, desk.detail.version, desk.typed.changes)
        post_id = desk.detail.id
    else:
        post_id = planning.create_post(session, desk.page.actor, more=desk.typed.changes)
    composer_time.after_saving(session, desk.page, desk.key, post_id)
    return post_id


def _seen(desk: Desk) -> None:
    """Warnings ask: raise `UserError` until somebody has ticked them off."""
    unseen = unseen_warnings(desk.key)
    if unseen:
        raise UserError(unseen)


def _schedule(session: Session, desk: Desk, post_id: int) -> str | None:
    _seen(desk)
    if composer_time.repeats(desk.key):
        return composer_time.begin(session, desk.page, desk.key, post_id)
    if desk.typed.at is None:
        raise UserError("Say when it goes out: choose a day and a time.")
    planning.schedule_post(session, desk.page.actor, post_id, desk.typed.at)
    return None


def _ask(session: Session, desk: Desk, post_id: int) -> str | None:
    approval.submit_for_review(session, desk.page.actor, post_id)
    return None


def _approve(session: Session, desk: Desk, post_id: int) -> str | None:
    read = desk.detail.version if desk.detail and not desk.dirty else None  # what was just saved is known
    left = approval.approve(session, desk.page.actor, post_id, read)
    return f"Approved. Still to be approved for {' and '.join(left)}." if left else None


def _approve_and_schedule(session: Session, desk: Desk, post_id: int) -> str | None:
    return _approve(session, desk, post_id) or _schedule(session, desk, post_id)


def _withdraw(session: Session, desk: Desk, post_id: int) -> str | None:
    approval.withdraw(session, desk.page.actor, post_id)
    return None


def _unschedule(session: Session, desk: Desk, post_id: int) -> str | None:
    planning.unschedule_post(session, desk.page.actor, post_id)
    return None


def _now(session: Session, desk: Desk, post_id: int) -> str | None:
    _seen(desk)
    planning.publish_now(session, desk.page.actor, post_id)
    return None


def _publish_now(desk: Desk) -> None:
    with st.popover("Publish now", icon=":material/send:", disabled=bool(desk.shut), help=desk.shut or None):
        names = ", ".join(shown(channel.handle) for channel in desk.typed.channels) or "no channel yet"
        st.markdown(f"It goes out at once on: **{names}**.")
        if st.button("Yes, publish now", type="primary", key=f"{desk.key}_now"):
            _save(desk, _now, "It is on its way.")


# --- the rest ---------------------------------------------------------------------------------------------------------


def _more(desk: Desk) -> None:
    """What is needed less often."""
    detail, page = desk.detail, desk.page
    if detail is None:
        return
    with st.popover("More", icon=":material/more_horiz:"):
        if st.button("Duplicate", key=f"duplicate_{detail.id}", icon=":material/content_copy:", type="tertiary",
                     help="A new draft with the same content, without a time"):  # fmt: skip
            _duplicate(page, detail)
        if detail.state in WRITTEN and not desk.shut:
            _button(desk, "Ask for review", "rate_review", _ask, "Asked for approval.")
        if detail.state is not PostState.PUBLISHED:
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
    composer_drafts.drop(session, page.actor, composer_drafts.place_of(post_id))
    return True


def _duplicate(page: Page, detail: PostDetail) -> None:
    def copy(session: Session) -> int:
        changes = post_history.as_changes(session, detail.id)
        title = f"{changes.title} (copy)"[:200] if changes.title else ""
        return planning.create_post(session, page.actor, more=replace(changes, title=title))

    made = act(copy, rerun=None)
    if made is not None:
        say_later("This is the copy: a draft without a time.")
        st.query_params["post"] = str(made)
        st.rerun()
