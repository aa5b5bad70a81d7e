"""Below the editable plan: what isn't saved yet, what a check says of each row, conflicts, save, throw away."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

import streamlit as st

from core.errors import UserError
from core.models.planning import PostState
from core.services import plan_rows
from core.services.plan_rows import Clash, RowEdit, Verdict
from core.ui.page import Page, say_later
from core.ui.parts import shown
from core.ui.plan_table import (
    DRAWN,
    KEPT,
    LATEST,
    WORDS,
    Kept,
    Names,
    Wanted,
    next_round,
    night_note,
    row_edit,
)
from core.ui.plan_words import CELLS, LABELS

CHECKED, TOLD = "plan_checked", "plan_told"
SHOWN = 30  # changed rows that are told about one by one


def changes_bar(page: Page, wanted: Mapping[str, Wanted], names: Names, versions: Mapping[str, int]) -> None:
    """Nothing is drawn as long as nothing is changed. `versions`: of the posts in view, as they stand now."""
    for told in st.session_state.pop(TOLD, []):
        st.error(shown(told), icon=":material/error:")
    if not wanted:
        st.session_state.pop(CHECKED, None)
        return
    verdicts = _checked(page, wanted, names, versions)
    good = [key for key in wanted if verdicts[key].good]
    deleted = sum(one.delete for one in wanted.values())
    with st.container(horizontal=True, vertical_alignment="center"):
        sure = not deleted or st.checkbox(f"Yes, delete {deleted} from the plan", key="plan_sure")
        if st.button("Save changes", type="primary", icon=":material/save:", key="plan_save", disabled=not sure):
            _save(page, wanted, names)
        if st.button("Throw away", key="plan_drop", type="tertiary"):
            _forget(set(wanted), wanted)
            st.rerun()
        st.caption(_count(len(wanted), len(good)))
    for key, one in list(wanted.items())[:SHOWN]:
        _row(page, key, one, verdicts[key], names, wanted)
    if len(wanted) > SHOWN:
        st.caption(f"… and {len(wanted) - SHOWN} more rows")


def _count(changed: int, good: int) -> str:
    rows = "1 row" if changed == 1 else f"{changed} rows"
    wrong = changed - good
    return f"{rows} not saved yet" + (f", {wrong} can't be saved like this" if wrong else "")


def _checked(page: Page, wanted: Mapping[str, Wanted], names: Names, versions: Mapping[str, int]) -> dict[str, Verdict]:
    """What a check says of each row. Only rows that somebody has changed since the last check are tried again."""
    before: dict[str, tuple[str, Verdict]] = st.session_state.get(CHECKED, {})
    verdicts: dict[str, Verdict] = {}
    to_try: dict[str, RowEdit] = {}
    marks = {key: repr((one, versions.get(key))) for key, one in wanted.items()}
    for key, one in wanted.items():
        if key in before and before[key][0] == marks[key]:
            verdicts[key] = before[key][1]
            continue
        try:
            to_try[key] = row_edit(one, names, page.zone)
        except UserError as error:
            verdicts[key] = Verdict(str(error))
    if to_try:
        with st.spinner("Checking …", show_time=len(to_try) > plan_rows.AT_ONCE):
            verdicts |= plan_rows.check_rows(page.actor, to_try)
    st.session_state[CHECKED] = {key: (marks[key], verdicts[key]) for key in wanted}
    return verdicts


def _row(page: Page, key: str, one: Wanted, verdict: Verdict, names: Names, all_: Mapping[str, Wanted]) -> None:
    name = shown(_name(one))
    if verdict.clashes:
        _clash(page, key, one, verdict, names, all_)
    elif verdict.problem:
        st.markdown(f":red[:material/error: **{name}**: {shown(verdict.problem)}]")
    elif one.delete:
        st.markdown(f":gray[:material/delete: **{name}** will be deleted]")
    else:
        notes = [*verdict.notes, *filter(None, [night_note(one, page.zone)])]
        for note in notes:
            st.markdown(f":orange[:material/help: **{name}**: {shown(note)}]")
        if not notes:
            st.markdown(f":green[:material/check: **{name}** can be saved]")


def _name(one: Wanted) -> str:
    cells = one.cells
    title = cells.get("title") or (one.base.title if one.base else "")
    text = " ".join(str(cells.get("text") or (one.base.text if one.base else "")).split())
    return str(title or text[:50] or "New row")


def _clash(page: Page, key: str, one: Wanted, verdict: Verdict, names: Names, all_: Mapping[str, Wanted]) -> None:
    """Both changed the same cell: both are shown, and a person decides."""
    with st.container(border=True, gap="xsmall", key=f"plan_clash_{key}"):
        st.markdown(f":orange[:material/group: **{shown(_name(one))}**: somebody else has changed this row meanwhile]")
        for clash in verdict.clashes:
            theirs, mine = st.columns(2)
            for where, word, value in ((theirs, "Theirs", clash.theirs), (mine, "Yours", clash.mine)):
                with where:
                    st.caption(f"{LABELS[clash.cell]}, {word.lower()}")
                    st.markdown(shown(_words(value, names, page)) or "–")
                    if st.button(f"Keep {word.lower()}", key=f"plan_keep_{word}_{key}_{clash.cell}"):
                        _decide(key, clash, verdict, word == "Yours", all_)


def _words(value: Any, names: Names, page: Page) -> str:
    if isinstance(value, PostState):
        return WORDS[value]
    if isinstance(value, datetime):
        return f"{value.astimezone(page.zone):%a %d.%m.%Y %H:%M}"
    if isinstance(value, tuple):
        return ", ".join(names.by_id.get(number, "?") for number in value)
    return str(value or "")


def _decide(key: str, clash: Clash, verdict: Verdict, mine: bool, all_: Mapping[str, Wanted]) -> None:
    """Mine: it is held against theirs from now on. Theirs: my cell is dropped. The rest of the row stays typed."""
    assert verdict.now is not None
    one = all_[key]
    column = next(name for name, cell in CELLS.items() if cell == clash.cell)
    edit = plan_rows.decided(RowEdit(one.base, {clash.cell: clash.mine}), verdict.now, clash.cell, mine)
    cells = one.cells if mine else {name: value for name, value in one.cells.items() if name != column}
    rows = dict(all_) | {key: Wanted(edit.base, cells, one.delete)}
    _keep({name: row for name, row in rows.items() if row.cells or row.delete})
    st.rerun()


def _save(page: Page, wanted: Mapping[str, Wanted], names: Names) -> None:
    edits: dict[str, RowEdit] = {}
    verdicts: dict[str, Verdict] = {}
    for key, one in wanted.items():
        try:
            edits[key] = row_edit(one, names, page.zone)
        except UserError as error:
            verdicts[key] = Verdict(str(error))
    with st.spinner("Saving …", show_time=len(edits) > plan_rows.AT_ONCE):
        verdicts |= plan_rows.save_rows(page.actor, edits)
    done = {key for key, verdict in verdicts.items() if verdict.good or verdict.kept_as_draft}
    st.session_state[TOLD] = [
        f"{_name(wanted[key])}: {verdict.problem}{' It was kept as a draft.' if verdict.kept_as_draft else ''}"
        for key, verdict in verdicts.items()
        if verdict.problem
    ]
    _forget(done, wanted)
    if done:
        say_later(f"{len(done)} saved.")
    st.rerun()


def _forget(done: set[str], wanted: Mapping[str, Wanted]) -> None:
    """These are saved or thrown away; the others stay as they were typed, in a new table."""
    _keep({key: one for key, one in wanted.items() if key not in done})


def _keep(rows: Mapping[str, Wanted]) -> None:
    kept: Kept = st.session_state[KEPT]
    kept.rows = dict(rows)
    st.session_state[LATEST] = dict(rows)
    st.session_state.pop(DRAWN, None)
    st.session_state.pop(CHECKED, None)
    next_round()
