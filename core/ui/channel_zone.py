"""On the Channels page: whose clock a channel goes by."""

from zoneinfo import available_timezones

import streamlit as st

from core.db import utc_now
from core.services import channel_zones
from core.services.channels import ChannelRow
from core.services.slot_times import place, zone_of
from core.settings import settings
from core.ui.page import Page, act


def zone_line(page: Page, row: ChannelRow) -> None:
    """What time it is for the channel's audience, where that differs from the member's clock."""
    zone = zone_of(row.time_zone)
    if zone.key != page.zone.key:
        st.caption(f":material/schedule: {utc_now().astimezone(zone):%H:%M} in {place(zone)}, where its audience is")


@st.dialog("Time zone of the audience", icon=":material/schedule:")
def zone_dialog(page: Page, row: ChannelRow) -> None:
    """Opened by the channel's menu."""
    zone_form(page, row)


def zone_form(page: Page, row: ChannelRow) -> None:
    """The zone of a channel's audience: slots, best times and the composer go by it."""
    usual = f"As the hub ({settings().time_zone})"
    zones = [usual, *sorted(available_timezones())]
    now = row.time_zone or usual
    chosen = st.selectbox("Time zone", zones, index=zones.index(now) if now in zones else 0, key=f"zone_{row.id}")
    st.caption("Its slots keep their times of day on the new clock. What is planned keeps its moment; the view Queue "
               "offers to lay the queue anew.")  # fmt: skip
    wanted = None if chosen in (usual, None) else chosen
    told = f"{row.handle} goes by {wanted or settings().time_zone} now."
    if st.button("Save", key=f"set_zone_{row.id}", type="primary"):
        act(lambda session: channel_zones.set_time_zone(session, page.actor, row.id, wanted), done=told)
