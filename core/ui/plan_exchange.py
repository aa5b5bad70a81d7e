"""The plan in and out: files to import with a preview, export to edit offline, calendar links, feeds."""

from collections.abc import Sequence

import streamlit as st

from core.services.channels import ChannelRow
from core.ui.calendar_links import calendar_links
from core.ui.feed_sources import feed_sources
from core.ui.page import Page
from core.ui.plan_export_form import plan_export_form
from core.ui.plan_import_form import plan_import_form

IMPORT, EXPORT, CALENDAR, FEEDS = "Import", "Export", "Calendar", "Feeds"


def plan_exchange(page: Page, channels: Sequence[ChannelRow]) -> None:
    """Draw the section that is chosen, and no other."""
    section = st.segmented_control(
        "Section",
        [IMPORT, EXPORT, CALENDAR, FEEDS],
        default=IMPORT,
        required=True,
        key="exchange",
        bind="query-params",
        label_visibility="collapsed",
    )
    if section == EXPORT:
        plan_export_form(page, channels)
    elif section == CALENDAR:
        calendar_links(page)
    elif section == FEEDS:
        feed_sources(page, channels)
    else:
        plan_import_form(page, channels)
