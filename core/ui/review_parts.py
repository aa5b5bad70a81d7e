"""How a post stands with its review: who asked, who may approve and why; approving and returning it."""

import streamlit as st
from sqlmodel import Session

from core import db
from core.models.planning import PostState
from core.services import approval
from core.services.approval import Need, Standing
from core.services.planning import PostDetail
from core.ui.page import Page, act
from core.ui.parts import ago, exact, shown

BEFORE = (PostState.IDEA, PostState.DRAFT, PostState.IN_REVIEW, PostState.APPROVED)


def standing_of(page: Page, post_id: int) -> Standing:
    """How it stands for whoever looks."""
    with db.read() as session:
        return approval.standing(session, page.actor, post_id)


def review_state(page: Page, detail: PostDetail, now: Standing) -> None:
    """Who asked, who may approve, since when. Nothing where nobody asked and no rule applies."""
    if detail.state in (PostState.PUBLISHED, PostState.CANCELLED) or not (now.required or now.asked_at):
        return
    st.subheader("Approval", anchor=False)
    with st.container(gap="xsmall"):
        if now.asked_at:
            when = ago(now.asked_at, page.zone)
            asked = f"{shown(now.asked_by)} asked for it, {when}." if now.asked_by else f"Since {when}."
            st.markdown(f":violet[:material/rate_review: In review.] {asked}", help=exact(now.asked_at, page.zone))
        elif now.required and not now.approved:
            st.markdown(":orange[:material/lock: Not approved yet.] It can't go out like this.")
        elif now.required:
            st.markdown(":green[:material/verified: Approved] as it stands. A change of what readers see ends that.")
        for need in now.needs:
            st.markdown(_need(page, need, several=len(now.needs) > 1))


def _need(page: Page, need: Need, several: bool) -> str:
    where = f"**{shown(need.where)}:** " if several or need.where != approval.EVERYWHERE else ""
    if need.done_by:
        return f":green[:material/check:] {where}approved by {shown(need.done_by)}, {ago(need.done_at, page.zone)}"
    if need.people:
        names = ", ".join(map(shown, need.people[:6])) + (" …" if len(need.people) > 6 else "")
        eyes = " Four eyes: not by who wrote it." if need.four_eyes else ""
        return f":gray[:material/person:] {where}{names} may approve it ({shown(need.who.partition(';')[0])}).{eyes}"
    return (
        f":red[:material/person_off:] {where}nobody is left who may approve it. An administrator must change the rule."
    )


def return_popover(page: Page, detail: PostDetail) -> None:
    """Send it back, with a reason."""
    with st.popover("Return …", icon=":material/undo:"):
        reason = st.text_area("What is to be changed?", key=f"return_{detail.id}", height=100, max_chars=2000)
        if st.button("Return it to its author", key=f"return_now_{detail.id}", type="primary"):
            act(lambda s: approval.return_to_author(s, page.actor, detail.id, reason or ""), done="Returned.")


def decide(page: Page, detail: PostDetail) -> None:
    """For who may approve but not write: how it stands, and the decision."""
    now = standing_of(page, detail.id)
    review_state(page, detail, now)
    if not now.may or detail.state not in BEFORE:
        return

    def approve(session: Session) -> tuple[str, ...]:
        return approval.approve(session, page.actor, detail.id, detail.version)

    with st.container(horizontal=True):
        if st.button("Approve", key=f"approve_{detail.id}", type="primary", icon=":material/verified:"):
            act(approve, done="Approved.")
        if now.may_return:
            return_popover(page, detail)
