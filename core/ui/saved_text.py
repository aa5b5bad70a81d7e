"""Texts that are kept to be used again (saved replies, text blocks), as Settings lists them."""

from collections.abc import Callable
from typing import TypeVar

import streamlit as st

from core.services.saved_replies import ReplyRow
from core.services.text_blocks import BlockRow
from core.ui.page import Page
from core.ui.parts import ago, shown

WIDTH = 760
MANY = 6  # from here on there is a search


Row = TypeVar("Row", ReplyRow, BlockRow)


def saved_text(
    page: Page,
    row: Row,
    key: str,
    badges: str,
    change: Callable[[Page, Row], None] | None,
    delete: Callable[[Page, Row], None],
) -> None:
    """One of them. `badges` are Markdown; `change` and `delete` draw what opens; None: this member may do neither."""
    with st.container(border=True, gap="xsmall", key=key):
        with st.container(horizontal=True, vertical_alignment="center", gap="small"):
            st.markdown(f"**{shown(row.name)}** &nbsp; {badges}", width="stretch")
            st.caption(_used(row.used), help=f"Changed {ago(row.updated_at, page.zone)}", width="content")
            if change is not None:
                with st.popover("", icon=":material/edit:", help=f"Change {shown(row.name)}"):
                    change(page, row)
                with st.popover("", icon=":material/delete:", help=f"Delete {shown(row.name)}"):
                    delete(page, row)
        st.markdown(shown(row.text))


def search_box(label: str, key: str) -> str:
    """The words to look for."""
    icon, example = ":material/search:", "Words of its name or text"
    return st.text_input(label, key=key, placeholder=example, icon=icon) or ""


def _used(times: int) -> str:
    return "not used yet" if not times else "used once" if times == 1 else f"used {times} times"
