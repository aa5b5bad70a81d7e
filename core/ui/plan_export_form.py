"""Which posts go into a file, and the buttons that make it: only when somebody clicks."""

from collections.abc import Sequence
from functools import partial

import streamlit as st

from core import db
from core.services import planning
from core.services.channels import ChannelRow
from core.services.plan_export import CSV, XLSX, export_plan
from core.services.plan_files import MAX_ROWS
from core.services.planning import PlanFilter
from core.ui import plan_filters
from core.ui.page import Page


def plan_export_form(page: Page, channels: Sequence[ChannelRow]) -> None:
    """Filters as above the table, how many posts that is, two downloads."""
    st.markdown("### The plan as a file")
    st.caption(
        "Edit it in Excel, LibreOffice or Google Sheets, then choose it under Import: you see each change before it "
        "counts. Nothing in the file does anything by itself."
    )
    with db.read() as session:
        known = planning.campaigns(session)
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        span = plan_filters.span_of_time()
        wanted = plan_filters.within(plan_filters.plan_filters(channels, known), span)
    with db.read() as session:
        some = planning.plan(session, wanted, limit=1).rows
    if not some:
        st.info("No post matches. Choose another time or fewer filters.", icon=":material/filter_alt_off:")
        return
    with st.container(horizontal=True, vertical_alignment="center"):
        _button(page, wanted, "xlsx", XLSX, "Download workbook (.xlsx)", "primary")
        _button(page, wanted, "csv", CSV, "Download CSV", "secondary")
    notes = f"Times are those of {page.zone.key}. At most {MAX_ROWS:,} posts, the earliest first."
    if span in (plan_filters.UPCOMING, plan_filters.PAST):
        notes += " Posts without a time are only in “Everything”."
    st.caption(notes)


def _button(page: Page, wanted: PlanFilter, kind: str, mime: str, label: str, look: str) -> None:
    st.download_button(
        label,
        partial(_made, page, wanted, kind),
        file_name=f"plan-{db.utc_now().astimezone(page.zone):%Y-%m-%d}.{kind}",
        mime=mime,
        key=f"exchange_{kind}",
        icon=":material/table_view:" if kind == "xlsx" else ":material/csv:",
        type="primary" if look == "primary" else "secondary",
        on_click="ignore",
    )


def _made(page: Page, wanted: PlanFilter, kind: str) -> bytes:
    return export_plan(wanted, page.zone, kind).data
