"""The rows of a file as the posts they would become: what is wrong with which, corrections, import, and undoing it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

import streamlit as st

from core.errors import UserError
from core.models.planning import PostState
from core.services import plan_columns, plan_import, plan_rows
from core.services.channels import ChannelRow
from core.services.plan_cells import ChannelNames, state_in, state_word
from core.services.plan_columns import NewRow, Reading, Table
from core.services.plan_drafts import local_to_utc
from core.services.plan_import import Imported, Opinion
from core.services.plan_rows import BY_HAND
from core.ui.page import Page, say_later
from core.ui.parts import shown
from core.ui.plan_words import CELLS

STATE, DONE = "exchange_preview", "exchange_done"
A_PAGE = 100
TOLD = 15  # rows that are told about one by one
WRONG, ALL = "To look at", "All rows"


@dataclass
class Preview:
    """What is known of one file, read in one way."""

    mark: str
    rows: dict[int, NewRow]
    typed: dict[int, dict[str, Any]] = field(default_factory=dict)  # corrections: row to cells, and `take`
    opinions: dict[int, Opinion] = field(default_factory=dict)
    seen: dict[int, str] = field(default_factory=dict)  # what an opinion was about
    first: dict[int, Opinion] = field(default_factory=dict)  # opinions before any correction


def plan_import_preview(
    page: Page, channels: Sequence[ChannelRow], name: str, mark: str, table: Table, reading: Reading
) -> None:
    """Draw it. Nothing is stored before somebody presses the button."""
    names = ChannelNames.of(channels)
    mark = f"{mark}_{hash((tuple(sorted(reading.columns.items())), reading.order, reading.usual, reading.zone.key))}"
    preview: Preview | None = st.session_state.get(STATE)
    if preview is None or preview.mark != mark:
        rows = plan_columns.new_rows(table, reading, names)
        preview = st.session_state[STATE] = Preview(mark, {row.number: row for row in rows})
    slot = st.container()
    _take_edits(preview)
    rows_now = {
        number: _corrected(row, preview.typed.get(number, {}), names, reading) for number, row in preview.rows.items()
    }
    _judge(page, preview, rows_now)
    wanted = [
        row for number, row in rows_now.items() if _taken(preview, number) and not preview.opinions[number].problem
    ]
    with slot:
        _head(page, preview, wanted, name)
    _table(preview, rows_now, names, reading)
    _told(preview, rows_now)


def _head(page: Page, preview: Preview, wanted: Sequence[NewRow], name: str) -> None:
    wrong = sum(1 for one in preview.opinions.values() if one.problem)
    doubles = sum(1 for one in preview.opinions.values() if one.duplicate and not one.problem)
    with st.container(horizontal=True, vertical_alignment="center"):
        posts = "1 post" if len(wanted) == 1 else f"{len(wanted):,} posts"
        pressed = st.button(f"Import {posts}", type="primary", icon=":material/upload:", key="exchange_import",
                            disabled=not wanted)  # fmt: skip
        if wrong:
            st.badge(f"{wrong} wrong", icon=":material/error:", color="red")
        if doubles:
            st.badge(f"{doubles} already there", icon=":material/content_copy:", color="orange")
        left = len(preview.rows) - len(wanted)
        st.caption(f"{left} of {len(preview.rows):,} rows are left out." if left else "Nothing is stored yet.")
    if pressed:
        _import(page, preview, wanted, name)


def _judge(page: Page, preview: Preview, rows: Mapping[int, NewRow]) -> None:
    """Only rows that somebody has changed since are tried again."""
    marks = {number: repr(row) for number, row in rows.items()}
    if marks == preview.seen:
        return
    same = {number: one for number, one in preview.opinions.items() if preview.seen.get(number) == marks[number]}
    with st.spinner("Checking the rows …"):
        bar = st.empty()

        def tell(done: int, of: int) -> None:
            if of > 2 * plan_rows.AT_ONCE:
                bar.progress(done / of, f"{done} of {of} rows are checked")

        preview.opinions = plan_import.judge(page.actor, list(rows.values()), tell, same)
        bar.empty()
    preview.seen = marks
    preview.first = preview.first or dict(preview.opinions)


def _taken(preview: Preview, number: int) -> bool:
    """Whether the row shall be imported, if it can be: doubles only when somebody says so."""
    usual = not preview.first[number].duplicate if number in preview.first else True
    return bool(preview.typed.get(number, {}).get("take", usual))


def _corrected(row: NewRow, typed: Mapping[str, Any], names: ChannelNames, reading: Reading) -> NewRow:
    cells, wrong = dict(row.cells), dict(row.wrong)
    for column, value in typed.items():
        if column not in CELLS:
            continue
        name = CELLS[column]
        wrong.pop(name, None)
        try:
            cells[name] = _read(column, value, names, reading)
        except UserError as error:
            wrong[name] = str(error)
    notes = () if "when" in typed else row.notes
    return replace(row, cells=cells, wrong=wrong, notes=notes) if typed else row


def _read(column: str, value: Any, names: ChannelNames, reading: Reading) -> Any:
    if column == "channels":
        known = {name: number for number, name in names.by_id.items()}
        return tuple(known[name] for name in value or () if name in known)
    if column == "state":
        return state_in(str(value or "")) or PostState.DRAFT
    if column == "when":
        if not value:
            return None
        local = value if isinstance(value, datetime) else datetime.fromisoformat(str(value).removesuffix("Z"))
        return local_to_utc(local, reading.zone)[0]
    return str(value or "")


# --- the table --------------------------------------------------------------------------------------------------------


def _take_edits(preview: Preview) -> None:
    """What was typed into the table that is drawn now, to the rows it belongs to."""
    drawn = st.session_state.get("exchange_drawn")
    if not drawn or drawn[0] not in st.session_state:
        return
    key, numbers = drawn
    for place, cells in (st.session_state[key] or {}).get("edited_rows", {}).items():
        if int(place) < len(numbers) and numbers[int(place)] in preview.rows:
            preview.typed.setdefault(numbers[int(place)], {}).update(cells)


def _table(preview: Preview, rows: Mapping[int, NewRow], names: ChannelNames, reading: Reading) -> None:
    to_look_at = [number for number in rows if _worth_a_look(preview.first[number])]
    words = {WRONG: f"{WRONG} ({len(to_look_at)})", ALL: f"{ALL} ({len(rows):,})"}
    with st.container(horizontal=True, vertical_alignment="center"):
        which: str | None = ALL
        if to_look_at and len(to_look_at) < len(rows):
            which = st.segmented_control(
                "Rows",
                list(words),
                default=WRONG,
                required=True,
                format_func=words.__getitem__,
                key=f"exchange_which_{preview.mark}",
                label_visibility="collapsed",
            )
        numbers = to_look_at if which == WRONG else list(rows)
        pages = -(-len(numbers) // A_PAGE)
        turned = st.pagination(pages, key=f"exchange_page_{preview.mark}_{which}") if pages > 1 else 1
    numbers = numbers[(turned - 1) * A_PAGE : turned * A_PAGE]
    key = f"exchange_rows_{preview.mark}_{which}_{turned}"
    st.session_state["exchange_drawn"] = (key, numbers)
    st.data_editor(
        [_line(preview, rows[number], names, reading) for number in numbers],
        key=key,
        num_rows="fixed",
        hide_index=True,
        disabled=["row", "verdict"],
        column_config=_columns(names, reading),
        height=min(35 * (len(numbers) + 1) + 3, 560),
        placeholder="",
    )


def _worth_a_look(opinion: Opinion) -> bool:
    return bool(opinion.problem or opinion.duplicate or opinion.notes)


def _line(preview: Preview, row: NewRow, names: ChannelNames, reading: Reading) -> dict[str, Any]:
    cells, at = row.cells, row.cells["planned_at"]
    opinion = preview.opinions[row.number]
    return {
        "take": _taken(preview, row.number),
        "row": row.number,
        "verdict": _verdict(opinion),
        "title": cells["title"],
        "text": cells["text"],
        "channels": [names.by_id[number] for number in cells["channel_ids"] if number in names.by_id],
        "when": at.astimezone(reading.zone).replace(tzinfo=None) if at else None,
        "state": state_word(cells["state"]),
        "campaign": cells["campaign"],
    }


def _verdict(opinion: Opinion) -> str:
    if opinion.problem:
        return f"✕ {opinion.problem}"
    said = " ".join(filter(None, (opinion.duplicate, *opinion.notes)))
    return f"? {said}" if said else "✓ good"


def _columns(names: ChannelNames, reading: Reading) -> dict[str, Any]:
    c = st.column_config
    return {
        "take": c.CheckboxColumn("Import", width="small"),
        "row": c.NumberColumn("Row", width="small", help="Its number in the file."),
        "verdict": c.TextColumn("Check", width=320),
        "title": c.TextColumn("Title", max_chars=200, width="medium"),
        "text": c.TextColumn("Text", width="large"),
        "channels": c.MultiselectColumn("Channels", options=list(names.by_id.values()), width="medium"),
        "when": c.DatetimeColumn(
            f"Goes out ({reading.zone.key})", format="ddd DD.MM.YYYY HH:mm", step=60, width="medium"
        ),
        "state": c.SelectboxColumn("State", options=[state_word(state) for state in BY_HAND], width="small"),
        "campaign": c.TextColumn("Campaign", max_chars=80, width="small"),
    }


def _told(preview: Preview, rows: Mapping[int, NewRow]) -> None:
    """Wrong rows once more as sentences: a table cuts them off."""
    wrong = [number for number in rows if preview.opinions[number].problem and _taken(preview, number)]
    for number in wrong[:TOLD]:
        words = shown(preview.opinions[number].problem)
        st.markdown(f":red[:material/error: **Row {number}**: {words}]")
    if len(wrong) > TOLD:
        st.caption(f"… and {len(wrong) - TOLD} more rows.")
    if wrong:
        st.caption("Correct them in the table, or leave them: they are left out of the import.")


# --- doing it ---------------------------------------------------------------------------------------------------------


def _import(page: Page, preview: Preview, wanted: Sequence[NewRow], name: str) -> None:
    bar = st.progress(0.0, "Importing …")
    try:
        done = plan_import.import_rows(
            page.actor, wanted, lambda n, of: bar.progress(n / of, f"Importing … {n:,} of {of:,}")
        )
    except UserError as error:
        st.error(shown(str(error)), icon=":material/error:")
        return
    st.session_state[DONE] = (name, done)
    for key in (STATE, "exchange_source", "exchange_drawn"):
        st.session_state.pop(key, None)
    st.rerun()


def result_bar(page: Page) -> None:
    """What the last import has made, and the way back."""
    if DONE not in st.session_state:
        return
    name, done = st.session_state[DONE]
    with st.container(border=True, key="exchange_result"):
        posts = "1 post" if len(done.made) == 1 else f"{len(done.made):,} posts"
        st.markdown(f":material/check_circle: **{posts} imported** from {shown(name)}")
        for row, said in list({**done.drafts, **done.refused}.items())[:TOLD]:
            kept = " It is a draft now." if row in done.drafts else " It was left out."
            st.markdown(f":orange[:material/help: **Row {row}**: {shown(said)}{kept}]")
        with st.container(horizontal=True, vertical_alignment="center"):
            if done.made:
                with st.popover("Undo this import", icon=":material/undo:"):
                    st.write(f"Delete {posts} again? Those that somebody has changed since, or that are out, stay.")
                    if st.button(f"Delete {posts}", key="exchange_undo", type="primary"):
                        _undo(page, done)
            if st.button("Done", key="exchange_seen", type="tertiary"):
                st.session_state.pop(DONE)
                st.rerun()


def _undo(page: Page, done: Imported) -> None:
    try:
        with st.spinner("Deleting …"):
            deleted, kept = plan_import.undo_import(page.actor, dict(done.made.values()))
    except UserError as error:
        st.error(shown(str(error)), icon=":material/error:")
        return
    st.session_state.pop(DONE)
    say_later(f"{deleted} deleted." + (f" {kept} stay: they were changed since." if kept else ""))
    st.rerun()
