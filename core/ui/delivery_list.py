"""What became of a post on each channel: proof, link, what went wrong, and what a person can decide or do there."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import streamlit as st

from core import db
from core.connectors.base import Capabilities
from core.connectors.registry import connector_class
from core.errors import NotFound
from core.models.planning import DeliveryState
from core.services import delivery_care, planning, published
from core.services.delivery_care import Outcome
from core.services.plan_list import DeliveryView
from core.services.planning import PostDetail
from core.services.proof_marks import GONE
from core.services.proof_steps import Proof, proofs_of, sentence, steps
from core.services.team import Right
from core.ui.page import Page, act, act_alone, say_later
from core.ui.parts import exact, network_icon, shown, today_or_day
from core.ui.plan_words import state_badge
from core.ui.proof_parts import journal_button, proof_line

LIVELY = 4.0  # seconds between looks while something moves
MOVING = (DeliveryState.SENDING, DeliveryState.CHECKING)
OUT = (DeliveryState.PUBLISHED, DeliveryState.DELETED)


@dataclass(frozen=True)
class _Shown:
    """A delivery with all that its box shows."""

    row: DeliveryView
    proof: Proof
    detail: PostDetail

    @property
    def capabilities(self) -> Capabilities:
        return connector_class(self.row.network).capabilities

    @property
    def there(self) -> bool:
        """Whether something stands at the network, and the hub knows where."""
        return self.proof.remote and self.row.state in (DeliveryState.PUBLISHED, DeliveryState.FAILED)

    @property
    def can_change(self) -> bool:
        """Whether its text can be changed there."""
        return self.there and self.capabilities.edits and self.row.state is DeliveryState.PUBLISHED and not self.is_gone

    @property
    def is_gone(self) -> bool:
        return self.row.state is DeliveryState.PUBLISHED and self.row.gone_at is not None


def deliveries(page: Page, detail: PostDetail) -> None:
    """One box a channel; looks again by itself while something is on its way or is being read back."""
    with db.read() as session:
        proofs = proofs_of(session, detail.id)
    moving = any(
        proof.facts.state in MOVING or (proof.facts.proof_due_at is not None and proof.facts.proof_looks < 2)
        for proof in proofs.values()
    )
    st.fragment(_deliveries, run_every=LIVELY if moving else None)(page, detail.id)


def _deliveries(page: Page, post_id: int) -> None:
    with db.read() as session:
        try:
            detail, proofs = planning.post_detail(session, post_id), proofs_of(session, post_id)
        except NotFound:
            return
    st.markdown("### Channels")
    boxes = [_Shown(row, proofs[row.id], detail) for row in detail.deliveries if row.id in proofs]
    for box in boxes:
        with st.container(border=True, gap="small", key=f"delivery_{box.row.id}"):
            _box(page, box)
    if page.actor.may(Right.PLAN) and sum(box.there for box in boxes) > 1:
        with st.container(horizontal=True, gap="small"):
            _edit_everywhere(page, detail, boxes)
            _delete_everywhere(page, detail)


def _box(page: Page, box: _Shown) -> None:
    row = box.row
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        st.image(network_icon(row.network), width=20, alt=row.network)
        st.markdown(f"**{shown(row.handle)}**")
        state_badge(row.state)
    found = steps(box.proof.facts, box.proof.lines)
    if row.state is DeliveryState.SCHEDULED and row.due_at is not None:
        st.caption(f"Due {today_or_day(row.due_at, page.zone)}", help=exact(row.due_at, page.zone))
    else:
        proof_line(found, page.zone)
    _trouble(page, box)
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        if row.url and row.url.startswith(("https://", "http://")) and row.state is not DeliveryState.DELETED:
            st.link_button("Open", row.url, icon=":material/open_in_new:", type="tertiary")
        journal_button(box.proof.lines, page.zone, str(row.id))
        if page.actor.may(Right.PLAN):
            _deeds(page, box)
    if page.actor.may(Right.PLAN):
        _decide(page, box)


def _trouble(page: Page, box: _Shown) -> None:
    if box.is_gone:
        st.markdown(f":red[:material/visibility_off: {GONE}]")
    said = sentence(box.proof.facts, box.proof.lines, page.zone)
    if said:
        st.caption(shown(said))
    told = box.row.state is not DeliveryState.FAILED and (said or box.row.state in OUT)
    if box.row.error and not told:
        st.markdown(f":red[{shown(box.row.error)}]")


# --- what failed, or may be out ---------------------------------------------------------------------------------------


def _decide(page: Page, box: _Shown) -> None:
    row = box.row
    if row.state is DeliveryState.FAILED:
        with st.container(horizontal=True, gap="small"):
            if st.button("Try again", key=f"retry_{row.id}", icon=":material/refresh:"):
                act(lambda s: planning.retry_delivery(s, page.actor, row.id), done="It is on its way again.")
            if not box.proof.remote:
                _other_text(page, box)
            if st.button("Give up", key=f"give_up_{row.id}", type="tertiary"):
                act(lambda s: planning.give_up_delivery(s, page.actor, row.id), done="Left unsent.")
    elif row.state is DeliveryState.UNCONFIRMED:
        st.markdown("Look at the channel on its network, then say which it is. The hub never sends it twice by itself.")
        url = st.text_input("Its address, if you have it", key=f"url_{row.id}", placeholder="https://…")
        with st.container(horizontal=True, gap="small"):
            if box.proof.profile.startswith(("https://", "http://")):
                st.link_button("Look there", box.proof.profile, icon=":material/open_in_new:")
            if st.button("It is online", key=f"online_{row.id}", type="primary"):
                act(lambda s: planning.confirm_delivery(s, page.actor, row.id, True, url or None), done="Noted.")
            if st.button("It is not online: send again", key=f"again_{row.id}"):
                act(lambda s: planning.confirm_delivery(s, page.actor, row.id, False), done="It is sent again.")
    elif box.is_gone and st.button(
        "Noted", key=f"noted_{row.id}", icon=":material/check:", help="It counts as taken down"
    ):
        act(lambda s: delivery_care.note_gone(s, page.actor, [row.id]), done="It counts as taken down.")


def _other_text(page: Page, box: _Shown) -> None:
    """What the network refused, said differently."""
    row, detail = box.row, box.detail
    with st.popover("Edit text", icon=":material/edit:"):
        text = st.text_area(
            f"Text for {row.handle}", value=row.text or detail.text, key=f"other_{row.id}_{detail.version}", height=180
        )
        if st.button("Save and try again", key=f"other_send_{row.id}", type="primary"):
            act(
                lambda s: delivery_care.retry_with_text(s, page.actor, row.id, detail.version, text),
                done="It is on its way again.",
            )


# --- what stands there ------------------------------------------------------------------------------------------------


def _deeds(page: Page, box: _Shown) -> None:
    if not box.there or box.is_gone:
        return
    if box.can_change:
        _edit_there(page, box)
    if box.capabilities.deletes:
        _delete_there(page, box)


def _edit_there(page: Page, box: _Shown) -> None:
    row, label = box.row, box.capabilities.label
    with st.popover("Edit there", icon=":material/edit:", type="tertiary"):
        text = st.text_area(
            f"Text on {label}",
            value=box.proof.text,
            key=f"there_{row.id}_{row.edited_at}",
            height=200,
            help="A line of only --- parts the entries of a thread.",
        )
        st.caption(f"People on {label} see that it was changed, and what it said before. Images stay as they are.")
        if st.button("Change it there", key=f"there_send_{row.id}", type="primary"):
            act_alone(
                lambda: published.edit_published(page.actor, row.id, text),
                done=f"Changed on {label}.",
                spinner=f"Changing it on {label} …",
            )


def _delete_there(page: Page, box: _Shown) -> None:
    row, label = box.row, box.capabilities.label
    with st.popover("Delete there", icon=":material/delete:", type="tertiary"):
        st.markdown(f"Take it off {label}? Its likes and shares are lost. This can't be undone.")
        if not box.capabilities.edits:
            st.caption(f"{label} doesn't let anybody change what is published: delete it, and plan a corrected post.")
        if st.button("Yes, delete it there", key=f"delete_there_{row.id}", type="primary"):
            act_alone(
                lambda: published.delete_published(page.actor, row.id),
                done=f"Taken off {label}.",
                spinner=f"Deleting it on {label} …",
            )


def _edit_everywhere(page: Page, detail: PostDetail, boxes: Sequence[_Shown]) -> None:
    """Only where several channels have the same words, and let them be changed."""
    open_ones = [box for box in boxes if box.can_change]
    common = published.common_text([box.proof.text for box in open_ones])
    if common is None:
        return
    with st.popover("Edit everywhere", icon=":material/edit_note:", type="tertiary"):
        text = st.text_area("Text everywhere", value=common, key=f"all_{detail.id}_{detail.version}", height=200)
        st.caption("Changed wherever it stands with these words. Where it reads differently, it stays as it is.")
        if st.button("Change it everywhere", key="edit_everywhere", type="primary"):
            _everywhere(lambda: published.edit_post_published(page.actor, detail.id, text), "Changed", "Changing …")


def _delete_everywhere(page: Page, detail: PostDetail) -> None:
    with st.popover("Delete everywhere", icon=":material/delete_sweep:", type="tertiary"):
        st.markdown("Take this post off every network that it is on? This can't be undone.")
        if st.button("Yes, delete it everywhere", key="delete_everywhere", type="primary"):
            _everywhere(lambda: published.delete_post_published(page.actor, detail.id), "Taken down", "Deleting …")


def _everywhere(deed: Callable[[], list[Outcome]], done: str, spinner: str) -> None:
    """Do it, and name the channels where it didn't work."""
    outcomes = act_alone(deed, spinner=spinner, rerun=None)
    for outcome in outcomes or ():
        if not outcome.ok:
            st.error(f"{shown(outcome.label)}: {shown(outcome.said)}", icon=":material/error:")
    if outcomes and all(outcome.ok for outcome in outcomes):
        say_later(f"{done} everywhere.")
        st.rerun()
