"""The team's key dates, in a dialog of the calendar: write one down, change it, delete it."""

from dataclasses import replace
from datetime import date
from typing import Any

import streamlit as st
from sqlmodel import Session

from core import db
from core.services import key_dates
from core.services.key_dates import KeyDateRow
from core.services.labels import COLORS
from core.services.team import Right
from core.ui.page import Page, act
from core.ui.parts import shown

SHOWN = 30
FIRST, LAST = date(1900, 1, 1), date(2100, 12, 31)


@st.dialog("Key dates", width="medium", on_dismiss="rerun")
def key_date_dialog(page: Page) -> None:
    """Draw it; in a fragment of the page."""
    with db.read() as session:
        rows = key_dates.key_dates(session)
    may = page.actor.may(Right.PLAN)
    st.caption("Days that matter to the plan: a fair, a launch, an anniversary. They stand in the calendar.")
    if may:
        _add(page)
    if not rows:
        st.info("No key dates yet. Public holidays are there already: they follow from the service hours.")
    with st.container(gap="xsmall"):
        for row in rows[:SHOWN]:
            _one(page, row, may)
    if len(rows) > SHOWN:
        st.caption(f"and {len(rows) - SHOWN} more: python -m core keydate list")


def _add(page: Page) -> None:
    made = st.session_state.setdefault("key_dates_added", 0)
    with st.form(f"add_key_date_{made}", border=False):
        given = _fields(f"new_key_date_{made}", None)
        added = st.form_submit_button("Add", type="primary", icon=":material/add:")
    if added and given["day"] is None:
        st.error("Choose the day.", icon=":material/error:")
    elif added:

        def add(session: Session) -> None:
            key_dates.add_key_date(session, page.actor, **given)
            st.session_state["key_dates_added"] = made + 1

        act(add, rerun="fragment")


def _fields(key: str, row: KeyDateRow | None) -> dict[str, Any]:
    name = st.text_input("Name", value=row.name if row else "", max_chars=key_dates.NAME_LENGTH, key=f"{key}_name",
                         placeholder="Trade fair in Hannover")  # fmt: skip
    with st.container(horizontal=True, vertical_alignment="bottom"):
        day = _day("Day", row.day if row else None, f"{key}_day")
        last = _day("Last day, if several", row.until_on if row else None, f"{key}_last")
        colour = st.selectbox("Colour", COLORS, index=COLORS.index(row.color if row else "violet"), key=f"{key}_colour",
                              format_func=str.capitalize, width=130)  # fmt: skip
        yearly = st.checkbox("Every year", value=row.yearly if row else False, key=f"{key}_yearly")
    return {"name": name, "day": day, "until_on": last, "color": colour or COLORS[0], "yearly": yearly}


def _day(label: str, value: date | None, key: str) -> date | None:
    day: date | None = st.date_input(
        label, value=value, key=key, format="DD.MM.YYYY", min_value=FIRST, max_value=LAST, width=160
    )
    return day


def _one(page: Page, row: KeyDateRow, may: bool) -> None:
    with st.container(border=True, horizontal=True, vertical_alignment="center", gap="small", key=f"key_date_{row.id}"):
        st.badge(shown(row.name), color=row.color)  # type: ignore[arg-type]
        st.caption(_when(row), width="stretch")
        if may:
            if st.button("", icon=":material/edit:", key=f"edit_{row.id}", help=f"Change {shown(row.name)}"):
                editing = st.session_state.get("key_date_edited") != row.id
                st.session_state["key_date_edited"] = row.id if editing else None
            with st.popover("", icon=":material/delete:", help=f"Delete {shown(row.name)}"):
                if st.button("Delete the key date", key=f"forget_{row.id}", type="primary", icon=":material/delete:"):
                    act(lambda s: key_dates.delete_key_date(s, page.actor, row.id), rerun="fragment")
    if may and st.session_state.get("key_date_edited") == row.id:
        _change(page, row)


def _change(page: Page, row: KeyDateRow) -> None:
    with st.form(f"change_key_date_{row.id}"):
        given = _fields(f"key_date_{row.id}", row)
        saved = st.form_submit_button("Save", type="primary")
    if saved and given["day"] is None:
        st.error("Choose the day.", icon=":material/error:")
    elif saved:
        st.session_state["key_date_edited"] = None
        act(lambda s: key_dates.change_key_date(s, page.actor, replace(row, **given)), rerun="fragment")


def _when(row: KeyDateRow) -> str:
    shape = "%d %b" if row.yearly else "%d %b %Y"
    last = f" – {row.until_on.strftime(shape)}" if row.until_on else ""
    return f"{row.day.strftime(shape)}{last}{', every year' if row.yearly else ''}"
