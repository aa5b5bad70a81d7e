"""Settings: the saved replies of the team, with what each becomes when it is used."""

from collections.abc import Callable, Sequence

import streamlit as st
from sqlmodel import Session

from core import db
from core.services import saved_replies
from core.services.saved_replies import LANGUAGES, ReplyRow
from core.services.team import Right
from core.ui.page import Page, act
from core.ui.parts import empty, shown
from core.ui.saved_text import MANY, WIDTH, saved_text, search_box

EXAMPLE = {"de": ("Erika Muster", "Kundenservice"), "en": ("Jane Sample", "Customer care")}  # contact, channel


def replies_section(page: Page) -> None:
    """The replies; who may answer adds, changes and deletes them."""
    with db.read() as session:
        rows = saved_replies.replies(session)
    may = page.actor.may(Right.ANSWER)
    with st.container(width=WIDTH):
        st.caption(
            "Answers you give often, in your own words. In the inbox they are chosen below the answer, or with / at "
            "the beginning of a line."
        )
        if may:
            _add(page, rows)
        if not rows:
            empty("No saved replies yet", "Begin with what you are asked each week: opening hours, delivery, contact.")
            return
        for row in _searched(rows):
            _reply(page, row, may)


def _searched(rows: Sequence[ReplyRow]) -> Sequence[ReplyRow]:
    """Those looked for; nothing to look for among a handful."""
    if len(rows) < MANY:
        return rows
    with st.container(horizontal=True, vertical_alignment="bottom"):
        words = search_box("Find a reply", "replies_search")
        language = st.segmented_control("Language", list(LANGUAGES), format_func=LANGUAGES.__getitem__,
                                        key="replies_language")  # fmt: skip
    found = [row for row in saved_replies.found_in(rows, words) if language in (None, row.language)]
    if not found:
        st.caption("No reply holds these words.")
    return found


def _reply(page: Page, row: ReplyRow, may: bool) -> None:
    saved_text(
        page, row, f"reply_{row.id}", f":gray-badge[{LANGUAGES[row.language]}]", _change if may else None, _delete
    )


# --- writing one ----------------------------------------------------------------------------------------------------


def _add(page: Page, rows: Sequence[ReplyRow]) -> None:
    """A new reply; what was typed stays when something is wrong, and only then."""
    made = st.session_state.setdefault("replies_added", 0)
    with st.expander("New reply", icon=":material/add:", expanded=not rows):
        name, language, text = _fields(page, f"new_reply_{made}", None)

        def add(session: Session) -> None:
            saved_replies.create_reply(session, page.actor, name=name, language=language, text=text)
            st.session_state["replies_added"] = made + 1

        if st.button("Save the reply", key="reply_add", type="primary", icon=":material/check:"):
            act(add, done="The reply is there.")


def _change(page: Page, row: ReplyRow) -> None:
    name, language, text = _fields(page, f"reply_{row.id}_{row.updated_at:%H%M%S%f}", row)

    def save(session: Session) -> None:
        saved_replies.change_reply(session, page.actor, row.id, name=name, language=language, text=text)

    if st.button("Save", key=f"save_reply_{row.id}", type="primary", icon=":material/check:"):
        act(save, done="Saved.")


def _delete(page: Page, row: ReplyRow) -> None:
    st.markdown(f"**{shown(row.name)}** is gone for good then. Answers that were made with it stay.")
    if st.button("Delete the reply", key=f"delete_reply_{row.id}", icon=":material/delete:", type="primary"):
        act(lambda session: saved_replies.delete_reply(session, page.actor, row.id), done=f"{row.name} is deleted.")


def _fields(page: Page, key: str, row: ReplyRow | None) -> tuple[str, str, str]:
    """Name, language, text; with what the text becomes."""
    with st.container(horizontal=True, vertical_alignment="bottom"):
        name = st.text_input(
            "Name",
            value=row.name if row else "",
            max_chars=saved_replies.NAME_LENGTH,
            key=f"{key}_name",
            placeholder="Lieferzeit",
        )
        language = st.segmented_control(
            "Language",
            list(LANGUAGES),
            default=row.language if row else "de",
            required=True,
            format_func=LANGUAGES.__getitem__,
            key=f"{key}_language",
        )
    text = st.text_area(
        "Text",
        value=row.text if row else "",
        height=140,
        max_chars=saved_replies.TEXT_LENGTH,
        key=f"{key}_text",
        placeholder="Hallo {contact}, …",
    )
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        st.caption("Put in:", width="content")
        for variable, what in saved_replies.VARIABLES.items():
            st.button(
                f"{{{variable}}}",
                key=f"{key}_put_{variable}",
                type="tertiary",
                help=f"Becomes {what}",
                on_click=_putter(f"{key}_text", variable),
            )
    _preview(page, text or "", language or "de")
    return name or "", language or "de", text or ""


def _putter(key: str, variable: str) -> Callable[[], None]:
    def put() -> None:
        there = str(st.session_state.get(key) or "")
        blank = "" if not there or there[-1].isspace() else " "
        st.session_state[key] = f"{there}{blank}{{{variable}}}"

    return put


def _preview(page: Page, text: str, language: str) -> None:
    if not text.strip():
        return
    unknown = saved_replies.unknown_variables(text)
    if unknown:
        st.markdown(f":red[:material/error: {shown(f'{{{unknown[0]}}}')} is no variable: it would stay as it is.]")
    contact, channel = EXAMPLE[language]
    filled = saved_replies.fill(text, contact=contact, member=page.actor.name, channel=channel)
    st.caption("So it reads, for an example:")
    with st.container(border=True):
        st.markdown(shown(filled))
