"""What is decided about a contact and asked for first: merging, parting, a copy of the data, erasing."""

import json
import time
from functools import partial

import streamlit as st

from core import db
from core.connectors.registry import connector_class
from core.errors import UserError
from core.services import contacts
from core.services.contact_erasure import Erasure, delete_contact
from core.services.contact_gdpr import export_contact
from core.services.contacts import ContactRow, ContactView, Merged, because
from core.services.team import Right
from core.ui.doing import do, report
from core.ui.page import Page
from core.ui.parts import ago, shown

HERE = ["contact", "list"]
OFFERED = 120.0  # seconds in which a merge can be undone beside it
FOUND = 8  # people offered at once
WORD = "erase"
_MERGED = "contact_merged"


def more(page: Page, who: ContactView) -> None:
    """The menu below a contact."""
    with st.popover("More", type="tertiary", icon=":material/more_horiz:", key="contact_more"):
        if st.button("Merge with …", key="contact_merge", icon=":material/merge:", width="stretch"):
            _merge_dialog(page, who.id)
        st.download_button(
            "Copy of their data",
            partial(_export, page, who.id),
            file_name=f"contact-{who.person_id}.json",
            mime="application/json",
            key="contact_export",
            icon=":material/download:",
            help="All that is stored about this person, as JSON (GDPR Art. 15)",
            on_click="ignore",
            width="stretch",
        )
        if page.actor.may(Right.PRIVACY) and st.button(
            "Erase …", key="contact_erase", icon=":material/delete_forever:", width="stretch"
        ):
            _erase_dialog(page, who)


def part_button(page: Page, row: ContactRow) -> None:
    """Part one profile from the person."""
    st.button(
        "",
        key=f"contact_part_{row.id}",
        icon=":material/call_split:",
        type="tertiary",
        help="This is somebody else",
        on_click=_part,
        args=(page, (row.id,), "Parted"),
    )


def undo_merge(page: Page, who: ContactView) -> None:
    """The way back after a merge, for a while."""
    made, at = st.session_state.get(_MERGED) or (None, 0.0)
    if made is None or time.monotonic() - at > OFFERED or made.person_id != who.person_id:
        return
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        st.caption("Merged: one person now.", width="content")
        st.button(
            "Undo",
            key="contact_undo_merge",
            icon=":material/undo:",
            type="tertiary",
            on_click=_part,
            args=(page, made.moved, "Undone"),
        )


def _part(page: Page, contact_ids: tuple[int, ...], done: str) -> None:
    st.session_state[_MERGED] = None
    do(lambda session: contacts.unmerge(session, page.actor, contact_ids), done)
    st.rerun(HERE)


def _export(page: Page, contact_id: int) -> str:
    """Made when it is asked for, not each time the button is drawn."""
    with db.write() as session:
        told = export_contact(session, page.actor, contact_id)
    return json.dumps(told, ensure_ascii=False, indent=2)


# --- merging ----------------------------------------------------------------------------------------------------------


@st.dialog("Are these one person?", icon=":material/merge:", width="medium")
def _merge_dialog(page: Page, contact_id: int) -> None:
    search = st.text_input(
        "Find the other one",
        key="merge_search",
        type="search",
        live="300ms",
        placeholder="Name or handle, on any network",
        icon=":material/search:",
    )
    with db.read() as session:
        who = contacts.contact(session, contact_id, 1)
        wanted = (search or "").strip()
        offered = contacts.contacts(session, wanted, limit=FOUND + len(who.profiles)) if wanted else None
        rows = [
            row
            for row in (contacts.similar(session, who) if offered is None else offered)
            if row.person_id != who.person_id
        ][:FOUND]
    if not rows:
        st.caption("Nobody else is called so." if wanted else "Nobody looks alike: type a name or a handle.")
        return
    by_id = {row.id: row for row in rows}
    chosen = st.radio(
        "Who is it?" if wanted else "These look alike",
        list(by_id),
        index=None,
        key=f"merge_with_{wanted}",
        format_func=lambda key: _told(by_id[key]),
    )
    if chosen is not None:
        _confirm_merge(page, who, chosen)


def _told(row: ContactRow) -> str:
    label = connector_class(row.network).capabilities.label
    handle = f" · {row.handle}" if row.handle and row.handle != row.called else ""
    return shown(f"{row.called}{handle} · {label}")


def _confirm_merge(page: Page, who: ContactView, other_id: int) -> None:
    with db.read() as session:
        other = contacts.contact(session, other_id, 1)
    for column, one in zip(st.columns(2, gap="small"), (who, other), strict=True):
        with column.container(border=True, gap="xsmall", height="stretch"):
            _card(page, one)
    st.caption("History, counts, labels and notes are shown as one person's from then on. You can part them again.")
    if st.button("They are one person", key="merge_sure", type="primary", icon=":material/merge:"):
        try:
            with db.write() as session:
                made: Merged = contacts.merge(session, page.actor, who.id, other_id)
        except UserError as error:
            st.error(shown(str(error)), icon=":material/error:")
            return
        st.session_state[_MERGED] = (made, time.monotonic())
        report("Merged")
        st.rerun()


def _card(page: Page, who: ContactView) -> None:
    st.markdown(f"**{shown(who.name)}**")
    for row in who.profiles:
        st.caption(f"{shown(row.handle)} · {connector_class(row.network).capabilities.label}")
    st.caption(because(who.facts))
    if who.history.rows:
        newest = who.history.rows[0]
        st.markdown(f":small[“{shown(newest.preview)}”]")
        st.caption(f"Last wrote {ago(newest.at, page.zone)}")


# --- erasing ----------------------------------------------------------------------------------------------------------


@st.dialog("Erase this person?", icon=":material/delete_forever:")
def _erase_dialog(page: Page, who: ContactView) -> None:
    several = f", with all {len(who.profiles)} profiles" if len(who.profiles) > 1 else ""
    st.markdown(
        f"**{shown(who.name)}** is erased{several}: what they wrote here ({who.facts.messages} messages), their name "
        "and handles, notes and labels. Conversations in which nobody else wrote go as a whole. "
        "**This can't be undone.** What they published stays at the networks; the hub won't fetch it again."
    )
    if who.facts.messages:
        st.caption("If they asked for a copy of their data, download it first.")
    typed = st.text_input(f"Type “{WORD}” to confirm", key="erase_word")
    with st.container(horizontal=True, horizontal_alignment="right"):
        if st.button("Cancel", key="erase_cancel"):
            st.rerun()
        sure = st.button(
            "Erase for good",
            key="erase_sure",
            type="primary",
            icon=":material/delete_forever:",
            disabled=(typed or "").strip().lower() != WORD,
        )
    if sure:
        try:
            with db.write() as session:
                made = delete_contact(session, page.actor, who.id)
        except UserError as error:
            st.error(shown(str(error)), icon=":material/error:")
            return
        report(_erased(made))
        st.rerun()


def _erased(made: Erasure) -> str:
    told = f"Erased: {made.messages} messages, {made.conversations} whole conversations."
    if made.rules:
        told += f" These rules still name them, change them: {', '.join(made.rules)}."
    return told
