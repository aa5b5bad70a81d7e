"""Settings: the labels of the team."""

import streamlit as st
from sqlmodel import Session

from core import db
from core.services import labels
from core.services.labels import COLORS, LabelRow
from core.services.team import Right
from core.ui.conversation_bar import label_badge
from core.ui.page import Page, act
from core.ui.parts import empty, shown

WIDTH = 720


def labels_section(page: Page) -> None:
    """The labels with where they are on; who may answer adds, changes and deletes them."""
    with db.read() as session:
        rows = labels.labels(session)
    may = page.actor.may(Right.ANSWER)
    with st.container(width=WIDTH):
        st.caption("Labels sort conversations and contacts. Filters, rules and reports go by them.")
        if may:
            _add(page, len(rows))
        if not rows:
            empty("No labels yet", "A few clear words are enough: delivery, invoice, press.")
        with st.container(gap="xsmall"):
            for row in rows:
                _one(page, row, may)


def _one(page: Page, row: LabelRow, may: bool) -> None:
    with st.container(border=True, horizontal=True, vertical_alignment="center", gap="small", key=f"label_{row.id}"):
        st.markdown(label_badge(row), width="stretch")
        st.caption(_where(row), width="content")
        if may:
            with st.popover("", icon=":material/edit:", help=f"Change {shown(row.name)}"):
                _change(page, row)
            with st.popover("", icon=":material/delete:", help=f"Delete {shown(row.name)}"):
                _delete(page, row)


def _add(page: Page, number: int) -> None:
    """A form for a new label; what was typed stays when something is wrong, and only then."""
    made = st.session_state.setdefault("labels_added", 0)
    with st.form(f"add_label_{made}", border=False), st.container(horizontal=True, vertical_alignment="bottom"):
        name = st.text_input("New label", max_chars=labels.NAME_LENGTH, placeholder="Delivery")
        color = st.selectbox(
            "Colour",
            COLORS,
            index=(number + 1) % len(COLORS),
            format_func=str.capitalize,
            width=140,
            key=f"color_{made}",
        )

        def add(session: Session) -> None:
            labels.create_label(session, page.actor, name, color or COLORS[0])
            st.session_state["labels_added"] = made + 1

        added = st.form_submit_button("Add", type="primary", icon=":material/add:")
    if added:  # outside of the form: a sentence about what is wrong has the whole width
        act(add, done="The label is there.")


def _change(page: Page, row: LabelRow) -> None:
    with st.form(f"change_label_{row.id}", border=False):
        name = st.text_input("Name", value=row.name, max_chars=labels.NAME_LENGTH, key=f"label_name_{row.id}")
        color = st.selectbox(
            "Colour",
            COLORS,
            index=COLORS.index(row.color) if row.color in COLORS else 0,
            format_func=str.capitalize,
            key=f"label_color_{row.id}",
        )

        def save(session: Session) -> None:
            labels.rename_label(session, page.actor, row.id, name)
            labels.recolor_label(session, page.actor, row.id, color or COLORS[0])

        if st.form_submit_button("Save", type="primary"):
            act(save, done="Saved.")


def _delete(page: Page, row: LabelRow) -> None:
    st.markdown(f"**{shown(row.name)}** is {_where(row)}. Deleting takes it off, for good.")
    if st.button("Delete the label", key=f"delete_label_{row.id}", icon=":material/delete:", type="primary"):
        act(lambda session: labels.delete_label(session, page.actor, row.id), done=f"{row.name} is deleted.")


def _where(row: LabelRow) -> str:
    """“on 12 conversations and 3 contacts”."""
    if not row.used and not row.contacts:
        return "not in use"
    talks = f"{row.used:,} conversation{'' if row.used == 1 else 's'}".replace(",", " ")
    people = f"{row.contacts:,} contact{'' if row.contacts == 1 else 's'}".replace(",", " ")
    parts = [talks] if row.used else []
    return "on " + " and ".join([*parts, people] if row.contacts else parts)
