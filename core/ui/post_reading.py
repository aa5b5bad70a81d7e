"""A post to read, for who may not change it: all that goes out, how its review stands, what the team says."""

import streamlit as st

from core.services.planning import PostDetail
from core.ui.delivery_list import deliveries
from core.ui.page import Page
from core.ui.parts import exact, shown
from core.ui.plan_words import state_badge
from core.ui.post_talk import talk
from core.ui.post_versions import versions_button
from core.ui.review_parts import decide


def read_post(page: Page, detail: PostDetail) -> None:
    """Left what it says, right what the team does with it."""
    left, right = st.columns([3, 2], gap="large")
    with left:
        with st.container(horizontal=True, vertical_alignment="center"):
            state_badge(detail.state)
            when = f" · {exact(detail.planned_at, page.zone)}" if detail.planned_at else ""
            st.caption(f"by {shown(detail.author)}{when}")
        if detail.title:
            st.subheader(shown(detail.title), anchor=False)
        _said(detail)
        if detail.deliveries:
            deliveries(page, detail)
    with right:
        decide(page, detail)
        talk(page, detail)
        versions_button(page, detail)


def _said(detail: PostDetail) -> None:
    if detail.content_warning:
        st.markdown(f":orange[:material/warning: {shown(detail.content_warning)}]")
    with st.container(border=True):
        st.markdown(shown(detail.text) or "&nbsp;")
    for image in detail.images:
        with st.container(horizontal=True, vertical_alignment="center"):
            st.image(image.path, width=160, alt=image.alt or "Image without alt text")
            st.caption(shown(image.alt) or "Without alt text")
    for row in detail.deliveries:
        if row.text is not None:
            st.caption(f"Text for {shown(row.handle)}")
            with st.container(border=True):
                st.markdown(shown(row.text))
    if detail.first_comment:
        st.caption("First comment")
        with st.container(border=True):
            st.markdown(shown(detail.first_comment))
