"""What is put into a text while writing: text blocks, emoji, people. Each opens below its field, with a search.

Nothing is read from the database, and nothing sent to the browser, before one of them is opened.
"""

from collections.abc import Callable, Sequence

import streamlit as st

from core import db
from core.connectors.registry import connector_class
from core.models.planning_sources import BlockKind
from core.services import named_people, text_blocks
from core.services.channels import ChannelRow
from core.services.named_people import PersonRow
from core.services.text_blocks import BlockRow
from core.ui.doing import do
from core.ui.emoji_words import emoji_for
from core.ui.page import Page
from core.ui.parts import shown

MOST = 10  # shown at a time; the search finds the others
SYMBOLS = {BlockKind.SNIPPET: "notes", BlockKind.HASHTAGS: "tag"}
RECENT = "composer_recent_emoji"
SETTINGS = "pages/settings.py"


def pickers(page: Page, key: str, name: str, channels: Sequence[ChannelRow]) -> None:
    """The three of them, for the field `name`; draw them in a row below it."""
    _popover(key, name, "blocks", "Text blocks", "library_add", lambda: _blocks(page, key, name))
    _popover(key, name, "emoji", "Emoji", "mood", lambda: _emoji(key, name))
    _popover(key, name, "people", "Name somebody", "alternate_email", lambda: _people(key, name, channels))


def _popover(key: str, name: str, what: str, label: str, symbol: str, draw: Callable[[], None]) -> None:
    opened = st.popover(label, icon=f":material/{symbol}:", type="tertiary", key=_open(key, name, what),
                        on_change="rerun")  # fmt: skip
    if opened.open:
        with opened:
            draw()


def _open(key: str, name: str, what: str) -> str:
    return f"{key}_{what}_{name}"


def put(key: str, name: str, text: str) -> None:
    """In a callback: at the end of the field, a blank before it."""
    place = f"{key}_{name}"
    there = str(st.session_state.get(place) or "")
    st.session_state[place] = f"{there}{'' if not there or there[-1].isspace() else ' '}{text}"


# --- text blocks ------------------------------------------------------------------------------------------------------


def _blocks(page: Page, key: str, name: str) -> None:
    with db.read() as session:
        rows = text_blocks.ranked(text_blocks.blocks(session), st.session_state.get(f"{key}_language"))
    if not rows:
        st.markdown("Snippets and hashtag sets that the team writes with appear here.")
        st.page_link(SETTINGS, label="Write the first one", icon=":material/arrow_forward:",
                     query_params={"section": "Text blocks"})  # fmt: skip
        return
    words = _search(key, name, "blocks", "Find a text block")
    found = text_blocks.found_in(rows, words)
    for row in found[:MOST]:
        st.button(
            f"**{shown(row.name)}** :gray[{shown(' '.join(row.text.split())[:70])}]",
            key=f"{key}_block_{name}_{row.id}",
            icon=f":material/{SYMBOLS[row.kind]}:",
            type="tertiary",
            on_click=_put_block,
            args=(page, key, name, row),
        )
    _rest(len(found), "text block")


def _put_block(page: Page, key: str, name: str, row: BlockRow) -> None:
    block = do(lambda session: text_blocks.use_block(session, page.actor, row.id))
    if block is None:
        return
    place = f"{key}_{name}"
    st.session_state[place] = text_blocks.put_behind(str(st.session_state.get(place) or ""), block.text, block.kind)
    st.session_state[_open(key, name, "blocks")] = False


# --- emoji ------------------------------------------------------------------------------------------------------------


def _emoji(key: str, name: str) -> None:
    words = _search(key, name, "emoji", "Kaffee, heart, …")
    found = emoji_for(words, tuple(st.session_state.get(RECENT, ())))
    if not found:
        st.caption("None of the emoji here is called so.")
    with st.container(horizontal=True, gap="xxsmall", width=330):
        for sign in found:
            st.button(sign, key=f"{key}_emoji_{name}_{sign}", type="tertiary", on_click=_put_emoji,
                      args=(key, name, sign))  # fmt: skip


def _put_emoji(key: str, name: str, sign: str) -> None:
    put(key, name, sign)
    st.session_state[RECENT] = list(dict.fromkeys([sign, *st.session_state.get(RECENT, ())]))[:8]


# --- people -----------------------------------------------------------------------------------------------------------


def _people(key: str, name: str, channels: Sequence[ChannelRow]) -> None:
    with db.read() as session:
        rows = named_people.people(session)
    if not rows:
        st.markdown("People whom posts name appear here. Each network gets the handle they have there.")
        st.page_link(SETTINGS, label="Add the first one", icon=":material/arrow_forward:",
                     query_params={"section": "People"})  # fmt: skip
        return
    words = _search(key, name, "people", "Find somebody")
    found = named_people.found_in(rows, words)
    for row in found[:MOST]:
        st.button(
            f"**{shown(row.name)}** :gray[{shown(', '.join(row.handles.values()))}]",
            key=f"{key}_person_{name}_{row.id}",
            type="tertiary",
            help=_where(row, channels),
            on_click=_put_person,
            args=(key, name, row.written),
        )
    _rest(len(found), "person")


def _where(row: PersonRow, channels: Sequence[ChannelRow]) -> str:
    """On which of the chosen networks it will be a mention."""
    lacking = sorted({c.network for c in channels} - row.handles.keys())
    if not lacking:
        return "Becomes a mention everywhere"
    return f"Only the name on {', '.join(connector_class(network).capabilities.label for network in lacking)}"


def _put_person(key: str, name: str, written: str) -> None:
    put(key, name, written)
    st.session_state[_open(key, name, "people")] = False


# --- all three --------------------------------------------------------------------------------------------------------


def _search(key: str, name: str, what: str, placeholder: str) -> str:
    return st.text_input("Search", key=f"{key}_{what}_search_{name}", placeholder=placeholder, icon=":material/search:",
                         label_visibility="collapsed", width=330) or ""  # fmt: skip


def _rest(found: int, what: str) -> None:
    if not found:
        st.caption(f"No {what} is called so.")
    elif found > MOST:
        st.caption(f"{found - MOST} more: search for them.")
