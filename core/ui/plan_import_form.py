"""A file for the plan: choose or paste it, say what its columns are. What becomes of it is shown next door:
`plan_import_preview.py` for new posts, `plan_diff_list.py` for a file that the hub exported before."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import time
from functools import partial

import streamlit as st

from core.errors import UserError
from core.services import plan_columns, plan_diff, plan_files
from core.services.channels import ChannelRow
from core.services.plan_cells import DayOrder, day_order
from core.services.plan_columns import FIELDS, NINE, Reading, Table
from core.services.plan_export import XLSX, template
from core.services.plan_files import MAX_BYTES, MAX_ROWS, Raw
from core.services.team import Right
from core.ui.page import Page
from core.ui.parts import shown
from core.ui.plan_diff_list import plan_diff_list
from core.ui.plan_import_preview import plan_import_preview, result_bar

SOURCE, PASTED = "exchange_source", "exchange_pasted"
OURS = ("id", "version")
OFFERED = [None, *(key for key in FIELDS if key not in OURS)]
ORDERS = {
    DayOrder.DAY_FIRST: "Day first: 12/01 is 12 January",
    DayOrder.MONTH_FIRST: "Month first: 12/01 is 1 December",
}


@dataclass(frozen=True)
class Source:
    """A file as it was chosen, and read."""

    name: str
    data: bytes
    raw: Raw
    mark: str  # tells two files apart, also in the keys of what is drawn for them


def plan_import_form(page: Page, channels: Sequence[ChannelRow]) -> None:
    """Draw it."""
    if not page.actor.may(Right.PLAN):
        st.info("Your role lets you look at the plan, not import into it.")
        return
    result_bar(page)
    source: Source | None = st.session_state.get(SOURCE)
    if source is None:
        _choose(page)
    else:
        _chosen(page, channels, source)


def _choose(page: Page) -> None:
    st.markdown("### Bring posts into the plan")
    st.caption(
        "You see what would become of each row first; nothing is stored before you say so. A file that was exported "
        "here comes back as a list of changes."
    )
    upload = st.file_uploader(
        f"CSV or Excel file, up to {MAX_BYTES // 2**20} MB and {MAX_ROWS:,} rows",
        type=["xlsx", "csv", "tsv", "txt"],
        max_upload_size=MAX_BYTES // 2**20,
        key="exchange_file",
    )
    if upload is not None:
        _take(upload.name, upload.getvalue())
    pasted = st.text_area(
        "… or paste rows from a spreadsheet, with the names of the columns",
        key=PASTED,
        height=110,
        placeholder="Titel\tText\tDatum\tUhrzeit\tKanal",
    )
    with st.container(horizontal=True, vertical_alignment="center"):
        if st.button("Read the pasted rows", key="exchange_read", icon=":material/content_paste:"):
            if pasted and pasted.strip():
                _take("Pasted rows", pasted.encode())
            else:
                st.warning("Paste something first.")
        st.download_button(
            "Empty workbook to start from",
            partial(template, page.zone),
            file_name="plan-template.xlsx",
            mime=XLSX,
            key="exchange_template",
            icon=":material/table_view:",
            type="tertiary",
            on_click="ignore",
        )
    names = ", ".join(word for key, (word, _) in FIELDS.items() if key not in OURS)
    st.caption(f"Columns are known by German and English names: {names}. Pictures can't come from a file.")


def _take(name: str, data: bytes, sheet: str = "") -> None:
    try:
        raw = plan_files.read_file(data, name, sheet)
    except UserError as error:
        st.error(shown(str(error)), icon=":material/error:")
        return
    mark = hashlib.sha256(data + raw.sheet.encode()).hexdigest()[:10]
    st.session_state[SOURCE] = Source(name, data, raw, mark)
    st.rerun()


def _chosen(page: Page, channels: Sequence[ChannelRow], source: Source) -> None:
    raw = source.raw
    with st.container(horizontal=True, vertical_alignment="center"):
        st.markdown(f":material/description: **{shown(source.name)}**", width="content")
        st.caption(shown(raw.told), width="stretch")
        if st.button("Another file", key="exchange_drop", type="tertiary", icon=":material/close:"):
            drop()
    if len(raw.sheets) > 1 and raw.exported is None:
        sheet = st.selectbox("Sheet", raw.sheets, index=raw.sheets.index(raw.sheet), key=f"sheet_{len(source.data)}",
                             width=280)  # fmt: skip
        if sheet != raw.sheet:
            _take(source.name, source.data, sheet)
            return
    header = plan_columns.header_row(raw)
    table = plan_columns.headed(raw, header)
    columns, left_out = plan_columns.guessed(table)
    if plan_diff.is_ours(table, columns):
        zone = plan_diff.zone_of(table, raw.exported, page.zone)
        reading = Reading(columns, zone, _guess(table, columns))
        plan_diff_list(page, channels, source.name, source.mark, table, reading, raw.exported)
        return
    _understood(page, channels, source, header, left_out)


def _understood(
    page: Page, channels: Sequence[ChannelRow], source: Source, header: int | None, left_out: Sequence[str]
) -> None:
    """What its columns are, questions that only a person can answer, and the preview."""
    with st.expander("What the columns are", expanded=True, icon=":material/view_column:"):
        header = _header(source, header)
        table = plan_columns.headed(source.raw, header)
        columns = _mapping(source, table, plan_columns.guessed(table)[0])
        for sentence in left_out:
            st.caption(f":material/hide_image: {shown(sentence)}")
        twice = {key for key in columns.values() if list(columns.values()).count(key) > 1}
        if twice:
            words = " and ".join(f"“{FIELDS[key][0]}”" for key in sorted(twice))
            st.error(f"{words} is given to several columns. Leave all but one of them out.", icon=":material/error:")
            return
        order, usual, settled = _questions(source, table, columns)
    if not {"title", "text"} & set(columns.values()):
        st.warning("Say which column is the text, or the title.", icon=":material/view_column:")
    elif not table.rows:
        st.warning("There are no rows below the names of the columns.", icon=":material/table_rows:")
    elif settled:
        zone = plan_diff.zone_of(table, source.raw.exported, page.zone) if source.raw.exported else page.zone
        reading = Reading(columns, zone, order, usual)
        plan_import_preview(page, channels, source.name, f"{source.mark}_{header}", table, reading)


def _header(source: Source, guess: int | None) -> int | None:
    offered: list[int | None] = [None, *(number for number, _ in source.raw.rows[: plan_columns.LOOKED_AT])]
    lines = dict(source.raw.rows)

    def word(number: int | None) -> str:
        if number is None:
            return "No row: the columns have no names"
        return f"Row {number}: {', '.join(str(cell) for cell in lines[number] if cell != '')}"[:90]

    return st.selectbox(
        "The columns are named in", offered, index=offered.index(guess), format_func=word, key=f"head_{source.mark}",
        persist_state="session",
        width=520,
    )  # fmt: skip


def _mapping(source: Source, table: Table, guess: dict[int, str]) -> dict[int, str]:
    columns: dict[int, str] = {}
    with st.container(horizontal=True, gap="medium"):
        for place, name in enumerate(table.names):
            samples = table.samples(place)
            if guess.get(place) in OURS or (not samples and place not in guess):
                continue
            with st.container(width=230, gap="xxsmall"):
                known = guess.get(place)
                chosen = st.selectbox(
                    shown(name),
                    OFFERED,
                    index=OFFERED.index(known) if known in OFFERED else 0,
                    format_func=lambda key: FIELDS[key][0] if key else "Leave out",
                    key=f"map_{source.mark}_{table.header}_{place}",
                    persist_state="session",
                )
                st.caption(shown(" · ".join(_short(sample) for sample in samples)) or "empty")
                if chosen:
                    columns[place] = chosen
    return columns


def _short(sample: str, most: int = 34) -> str:
    return sample if len(sample) <= most else sample[: most - 1] + "…"


def _guess(table: Table, columns: dict[int, str]) -> DayOrder | None:
    places = [place for place, key in columns.items() if key in ("when", "day")]
    return day_order(cell for place in places for cell in table.cells(place))[1]


def _questions(source: Source, table: Table, columns: dict[int, str]) -> tuple[DayOrder | None, time, bool]:
    """(which way dates are meant, the time where none is given, whether all is answered)"""
    places = [place for place, key in columns.items() if key in ("when", "day")]
    asked, guess = day_order(cell for place in places for cell in table.cells(place))
    order, usual = guess, NINE
    with st.container(horizontal=True, vertical_alignment="bottom"):
        if asked:
            order = st.selectbox(
                "Dates with slashes",
                list(ORDERS),
                index=list(ORDERS).index(guess) if guess else None,
                format_func=ORDERS.__getitem__,
                key=f"order_{source.mark}",
                persist_state="session",
                placeholder="Which comes first?",
                width=330,
            )
        if places:
            chosen = st.time_input(
                "Time where none is given",
                NINE,
                key=f"usual_{source.mark}",
                width=230,
                step=900,
                persist_state="session",
            )
            usual = chosen if isinstance(chosen, time) else NINE
    if asked and order is None:
        st.warning("Dates like 12/01/2026 can be read in two ways. Say once how they are meant.",
                   icon=":material/help:")  # fmt: skip
        return None, usual, False
    return order, usual, True


def drop() -> None:
    """Forget the file."""
    st.session_state.pop(SOURCE, None)
    st.rerun()
