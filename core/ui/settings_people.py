"""Settings: people whom posts name, with the handle each network knows them by."""

from collections.abc import Mapping, Sequence

import streamlit as st
from sqlmodel import Session

from core import db
from core.connectors.registry import NETWORKS
from core.services import contacts, named_people
from core.services.named_people import PersonRow
from core.services.team import Right
from core.ui.page import Page, act
from core.ui.parts import ago, empty, network_icon, shown

WIDTH = 760
MANY = 6  # from here on there is a search
FOUND = 8  # contacts offered


def people_section(page: Page) -> None:
    """The people; who may plan adds, changes and deletes them."""
    with db.read() as session:
        rows = named_people.people(session)
    may = page.actor.may(Right.PLAN)
    with st.container(width=WIDTH):
        st.caption(
            "People and organisations that your posts name. In a text they stand as @[Name]; each network gets the "
            "handle they have there, and where they have none their plain name."
        )
        if may:
            _add(page, rows)
            _from_contact(page)
        if not rows:
            empty("Nobody is in the list yet", "Begin with partners and colleagues whom you mention often.")
            return
        for row in _searched(rows):
            _person(page, row, may)


def _searched(rows: Sequence[PersonRow]) -> Sequence[PersonRow]:
    if len(rows) < MANY:
        return rows
    words = st.text_input("Find somebody", key="people_search", placeholder="Name or handle", icon=":material/search:")
    found = named_people.found_in(rows, words or "")
    if not found:
        st.caption("Nobody is called so.")
    return found


def _person(page: Page, row: PersonRow, may: bool) -> None:
    with st.container(border=True, gap="xsmall", key=f"person_{row.id}"):
        with st.container(horizontal=True, vertical_alignment="center", gap="small"):
            st.markdown(f"**{shown(row.name)}**", width="stretch", help=f"Changed {ago(row.updated_at, page.zone)}")
            if may:
                with st.popover("", icon=":material/edit:", help=f"Change {shown(row.name)}"):
                    _change(page, row)
                with st.popover("", icon=":material/delete:", help=f"Delete {shown(row.name)}"):
                    _delete(page, row)
        for network, connector in NETWORKS.items():
            with st.container(horizontal=True, vertical_alignment="center", gap="small"):
                st.image(network_icon(network), width=18, alt=connector.capabilities.label)
                handle = row.handles.get(network)
                st.markdown(f"{shown('@' + handle)}" if handle else f":gray[{shown(row.name)}, by name only]")


def _add(page: Page, rows: Sequence[PersonRow]) -> None:
    made = st.session_state.setdefault("people_added", 0)
    with st.expander("Somebody new", icon=":material/person_add:", expanded=not rows):
        name, handles = _fields(f"new_person_{made}", None)

        def add(session: Session) -> None:
            named_people.create_person(session, page.actor, name, handles)
            st.session_state["people_added"] = made + 1

        if st.button("Add to the list", key="person_add", type="primary", icon=":material/check:"):
            act(add, done=f"{name} is in the list.")


def _from_contact(page: Page) -> None:
    """From the inbox: whoever was merged there brings all handles along."""
    with st.expander("From a contact", icon=":material/contacts:"):
        words = st.text_input("Find a contact", key="people_contact", placeholder="Name or handle",
                              icon=":material/search:")  # fmt: skip
        if not (words or "").strip():
            st.caption("Whoever wrote to you, with the handles of all profiles that you have joined to one person.")
            return
        with db.read() as session:
            found = contacts.contacts(session, words or "", limit=FOUND)
        if not found:
            st.caption("No contact is called so.")
        for row in found:
            with st.container(horizontal=True, vertical_alignment="center", gap="small"):
                st.image(network_icon(row.network), width=18, alt=row.network)
                st.markdown(f"**{shown(row.name)}** :gray[{shown(row.handle)}]", width="stretch")
                if st.button("Take over", key=f"person_from_{row.id}", icon=":material/person_add:", type="tertiary"):
                    act(
                        lambda session, key=row.id: named_people.person_from_contact(session, page.actor, key),  # type: ignore[misc]
                        done=f"{row.name} is in the list.",
                    )


def _change(page: Page, row: PersonRow) -> None:
    name, handles = _fields(f"person_{row.id}_{row.updated_at:%H%M%S%f}", row)
    st.caption("Texts that name them with the old name keep it: the list is searched by name.")

    def save(session: Session) -> None:
        named_people.change_person(session, page.actor, row.id, name, handles)

    if st.button("Save", key=f"save_person_{row.id}", type="primary", icon=":material/check:"):
        act(save, done="Saved.")


def _delete(page: Page, row: PersonRow) -> None:
    st.markdown(f"Posts that name **{shown(row.name)}** and are not out yet will say the plain name.")
    if st.button("Take off the list", key=f"delete_person_{row.id}", icon=":material/delete:", type="primary"):
        act(
            lambda session: named_people.delete_person(session, page.actor, row.id), done=f"{row.name} is off the list."
        )


def _fields(key: str, row: PersonRow | None) -> tuple[str, Mapping[str, str]]:
    """Name, and a handle for each network."""
    name = st.text_input("Name", value=row.name if row else "", max_chars=named_people.NAME_LENGTH, key=f"{key}_name",
                         placeholder="Lena Fuchs")  # fmt: skip
    handles = {}
    for network, connector in NETWORKS.items():
        can = connector.capabilities
        handles[network] = st.text_input(
            f"On {can.label}",
            value=row.handles.get(network, "") if row else "",
            key=f"{key}_{network}",
            placeholder=f"@{can.handle_example}",
        )
    return name or "", {network: handle or "" for network, handle in handles.items()}
