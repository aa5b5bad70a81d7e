"""When the post goes out: day and time in the member's and the channel's zone, slots, best times."""

from collections.abc import Sequence
from datetime import date, datetime, time, timedelta

import streamlit as st

from core.services.channels import ChannelRow
from core.services.plan_drafts import local_to_utc
from core.services.planning import PostDetail
from core.ui.page import Page


def time_fields(
    page: Page, key: str, detail: PostDetail | None, channels: Sequence[ChannelRow]
) -> tuple[datetime | None, str | None]:
    """(when, aware UTC, or None; what to know of that night, or None)."""
    planned = detail.planned_at.astimezone(page.zone) if detail and detail.planned_at else None
    with st.container(horizontal=True, vertical_alignment="bottom"):
        day: date | None = st.date_input("Day", value=planned.date() if planned else None, key=f"{key}_day",
                                         format="DD.MM.YYYY", width=180)  # fmt: skip
        clock: time | None = st.time_input("Time", value=planned.time() if planned else time(9), key=f"{key}_time",
                                           step=timedelta(minutes=5), width=140)  # fmt: skip
        st.caption(page.zone.key)
    if day is None or clock is None:
        return None, None
    at, note = local_to_utc(datetime.combine(day, clock), page.zone)
    if note:
        st.info(note, icon=":material/schedule:")
    return at, note
