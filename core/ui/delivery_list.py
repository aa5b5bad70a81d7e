"""What became of a post on each channel: state, link, what went wrong, and what a person can decide."""

import streamlit as st

from core.models.planning import DeliveryState
from core.services import planning
from core.services.plan_list import DeliveryView
from core.services.planning import PostDetail
from core.services.team import Right
from core.ui.page import Page, act
from core.ui.parts import exact, network_icon, shown, today_or_day
from core.ui.plan_words import state_badge


def deliveries(page: Page, detail: PostDetail) -> None:
    """One box a channel."""
    st.markdown("### Channels")
    for row in detail.deliveries:
        with st.container(border=True, gap="small"):
            with st.container(horizontal=True, vertical_alignment="center", gap="small"):
                st.image(network_icon(row.network), width=20, alt=row.network)
                st.markdown(f"**{shown(row.handle)}**")
                state_badge(row.state)
            _when(page, row)
            if row.error and row.state is not DeliveryState.PUBLISHED:
                st.markdown(f":red[{shown(row.error)}]")
            if page.actor.may(Right.PLAN):
                _decide(page, row)


def _when(page: Page, row: DeliveryView) -> None:
    with st.container(horizontal=True, vertical_alignment="center"):
        if row.published_at is not None:
            st.caption(f"Out since {exact(row.published_at, page.zone)}")
        elif row.due_at is not None:
            st.caption(f"Due {today_or_day(row.due_at, page.zone)}", help=exact(row.due_at, page.zone))
        if row.url and row.url.startswith(("https://", "http://")):
            st.link_button("Open", row.url, icon=":material/open_in_new:", type="tertiary")


def _decide(page: Page, row: DeliveryView) -> None:
    if row.state is DeliveryState.FAILED:
        with st.container(horizontal=True):
            if st.button("Try again", key=f"retry_{row.id}", icon=":material/refresh:"):
                act(lambda s: planning.retry_delivery(s, page.actor, row.id), done="It is on its way again.")
            if st.button("Give up", key=f"give_up_{row.id}", type="tertiary"):
                act(lambda s: planning.give_up_delivery(s, page.actor, row.id), done="Left unsent.")
    elif row.state is DeliveryState.UNCONFIRMED:
        st.markdown("Look at the channel on its network, then say which it is. The hub never sends it twice by itself.")
        url = st.text_input("Its address, if you have it", key=f"url_{row.id}", placeholder="https://…")
        with st.container(horizontal=True):
            if st.button("It is online", key=f"online_{row.id}", type="primary"):
                act(lambda s: planning.confirm_delivery(s, page.actor, row.id, True, url or None), done="Noted.")
            if st.button("It is not online: send again", key=f"again_{row.id}"):
                act(lambda s: planning.confirm_delivery(s, page.actor, row.id, False), done="It is sent again.")
