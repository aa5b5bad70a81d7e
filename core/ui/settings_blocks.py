"""Settings: snippets and hashtag sets that posts are written with."""

from collections.abc import Sequence

import streamlit as st
from sqlmodel import Session

from core import db
from core.models.planning_sources import BlockKind
from core.services import text_blocks
from core.services.team import Right
from core.services.text_blocks import KINDS, LANGUAGES, BlockRow
from core.ui.page import Page, act
from core.ui.parts import empty, shown
from core.ui.saved_text import MANY, WIDTH, saved_text, search_box

SYMBOLS = {BlockKind.SNIPPET: "notes", BlockKind.HASHTAGS: "tag"}
HINTS = {
    BlockKind.SNIPPET: "Frisch geröstet in der Hafenstraße, jeden Tag von 8 bis 18 Uhr.",
    BlockKind.HASHTAGS: "#Kaffee #FairTrade #Hamburg",
}


def blocks_section(page: Page) -> None:
    """The text blocks; who may plan adds, changes and deletes them."""
    with db.read() as session:
        rows = text_blocks.blocks(session)
    may = page.actor.may(Right.PLAN)
    with st.container(width=WIDTH):
        st.caption(
            "What you write again and again: a closing line, opening hours, the hashtags of a topic. Below the text of "
            "a post, one click puts them in."
        )
        if may:
            _add(page, rows)
        if not rows:
            empty("No text blocks yet", "Begin with the hashtags that you look up each time.")
            return
        for row in _searched(rows):
            _block(page, row, may)


def _searched(rows: Sequence[BlockRow]) -> Sequence[BlockRow]:
    """Those looked for; nothing to look for among a handful."""
    if len(rows) < MANY:
        return rows
    with st.container(horizontal=True, vertical_alignment="bottom"):
        words = search_box("Find a text block", "blocks_search")
        kind = st.segmented_control("Kind", list(KINDS), format_func=KINDS.__getitem__, key="blocks_kind")
    found = [row for row in text_blocks.found_in(rows, words) if kind in (None, row.kind)]
    if not found:
        st.caption("No text block holds these words.")
    return found


def _block(page: Page, row: BlockRow, may: bool) -> None:
    badges = f":gray-badge[:material/{SYMBOLS[row.kind]}: {KINDS[row.kind]}]"
    if row.language:
        badges += f" :gray-badge[{LANGUAGES.get(row.language, row.language)}]"
    saved_text(page, row, f"block_{row.id}", badges, _change if may else None, _delete)


# --- writing one ------------------------------------------------------------------------------------------------------


def _add(page: Page, rows: Sequence[BlockRow]) -> None:
    """A new block; what was typed stays when something is wrong, and only then."""
    made = st.session_state.setdefault("blocks_added", 0)
    with st.expander("New text block", icon=":material/add:", expanded=not rows):
        kind = st.segmented_control("Kind", list(KINDS), default=BlockKind.SNIPPET, required=True,
                                    format_func=KINDS.__getitem__, key=f"new_block_{made}_kind")  # fmt: skip
        kind = kind or BlockKind.SNIPPET
        name, language, text = _fields(f"new_block_{made}", kind, None)

        def add(session: Session) -> None:
            text_blocks.create_block(session, page.actor, kind=kind, name=name, text=text, language=language)
            st.session_state["blocks_added"] = made + 1

        if st.button("Save the text block", key="block_add", type="primary", icon=":material/check:"):
            act(add, done="The text block is there.")


def _change(page: Page, row: BlockRow) -> None:
    name, language, text = _fields(f"block_{row.id}_{row.updated_at:%H%M%S%f}", row.kind, row)

    def save(session: Session) -> None:
        text_blocks.change_block(session, page.actor, row.id, name=name, text=text, language=language)

    if st.button("Save", key=f"save_block_{row.id}", type="primary", icon=":material/check:"):
        act(save, done="Saved.")


def _delete(page: Page, row: BlockRow) -> None:
    st.markdown(f"**{shown(row.name)}** is gone for good then. Posts that were written with it stay as they are.")
    if st.button("Delete the text block", key=f"delete_block_{row.id}", icon=":material/delete:", type="primary"):
        act(lambda session: text_blocks.delete_block(session, page.actor, row.id), done=f"{row.name} is deleted.")


def _fields(key: str, kind: BlockKind, row: BlockRow | None) -> tuple[str, str, str]:
    """Name, language, text; hashtags as they will be written."""
    with st.container(horizontal=True, vertical_alignment="bottom"):
        name = st.text_input("Name", value=row.name if row else "", max_chars=text_blocks.NAME_LENGTH,
                             key=f"{key}_name", placeholder="Öffnungszeiten")  # fmt: skip
        language = st.selectbox(
            "For posts in",
            list(LANGUAGES),
            index=list(LANGUAGES).index(row.language) if row and row.language in LANGUAGES else 0,
            format_func=LANGUAGES.__getitem__,
            key=f"{key}_language",
            width=180,
            help="Blocks in the language of a post are offered first.",
        )
    label = "Hashtags" if kind is BlockKind.HASHTAGS else "Text"
    text = st.text_area(label, value=row.text if row else "", max_chars=text_blocks.TEXT_LENGTH, height=120,
                        key=f"{key}_text_{kind.value}", placeholder=HINTS[kind])  # fmt: skip
    if kind is BlockKind.HASHTAGS and (text or "").strip() and text_blocks.hashtags(text or "") != (text or "").strip():
        st.caption(f"So they will stand there: {shown(text_blocks.hashtags(text or ''))}")
    return name or "", language or "", text or ""
