"""What an exported file would change in the plan: cells to be ticked, conflicts with both sides, then one button."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import streamlit as st

from core.errors import UserError
from core.models.planning import PostState
from core.services import plan_diff, plan_import, plan_rows, post_diff
from core.services.channels import ChannelRow
from core.services.plan_cells import ChannelNames, state_word
from core.services.plan_columns import NewRow, Reading, Table
from core.services.plan_diff import Changed, PlanDiff
from core.services.plan_files import Exported
from core.services.plan_import import Opinion
from core.services.plan_list import PlanRow
from core.services.plan_rows import Clash, RowEdit, Verdict
from core.ui.page import Page, say_later
from core.ui.parts import shown
from core.ui.plan_words import LABELS
from core.ui.post_diff_view import marked

STATE, RESULT = "exchange_diff", "exchange_diff_result"
A_PAGE = 20
Key = tuple[int, str]


@dataclass
class Kept:
    """A comparison, and what a person has said about it."""

    mark: str
    diff: PlanDiff
    opinions: dict[int, Opinion]  # of new rows
    ticks: dict[Key, bool] = field(default_factory=dict)  # (row of the file, cell)
    checked: dict[int, tuple[str, Verdict]] = field(default_factory=dict)

    def ticked(self, number: int, name: str, usual: bool) -> bool:
        """What was said last; the widgets forget it when they aren't drawn."""
        return self.ticks.get((number, name), usual)


def plan_diff_list(
    page: Page,
    channels: Sequence[ChannelRow],
    name: str,
    mark: str,
    table: Table,
    reading: Reading,
    exported: Exported | None,
) -> None:
    """Draw it."""
    kept: Kept | None = st.session_state.get(STATE)
    if kept is None or kept.mark != mark:
        with st.spinner("Comparing with the plan …"):
            diff = plan_diff.compare(page.actor, table, reading, exported)
            kept = Kept(mark, diff, plan_import.judge(page.actor, diff.new))
        st.session_state[STATE] = kept
    for told in st.session_state.pop(RESULT, []):
        st.error(shown(told), icon=":material/error:")
    diff, names = kept.diff, ChannelNames.of(channels)
    st.caption(_count(diff))
    if diff.nothing:
        st.success("The plan says what this file says: there is nothing to change.", icon=":material/check:")
        return
    head = st.container()
    words = _Words(names, reading)
    _refused(diff)
    turned = _pages(len(diff.changed), mark)
    for one in diff.changed[(turned - 1) * A_PAGE : turned * A_PAGE]:
        _changed(kept, one, words)
    _new(kept, words)
    _missing(kept)
    with head:
        _apply_bar(page, kept)


def _count(diff: PlanDiff) -> str:
    facts = [f"{len(diff.changed)} changed" if diff.changed else "", f"{len(diff.new)} new" if diff.new else ""]
    facts += [f"{len(diff.refused)} refused" if diff.refused else "", f"{diff.unchanged:,} unchanged"]
    missing = "" if diff.knows_missing else " A CSV file doesn't say which posts were taken out of it."
    return f"{', '.join(filter(None, facts))}. Times are those of {diff.zone.key}.{missing}"


def _pages(count: int, mark: str) -> int:
    return st.pagination(-(-count // A_PAGE), key=f"diff_page_{mark}") if count > A_PAGE else 1


def _refused(diff: PlanDiff) -> None:
    for number, said in list(diff.refused.items())[:A_PAGE]:
        st.markdown(f":red[:material/error: **Row {number}**: {shown(said)}]")
    if len(diff.refused) > A_PAGE:
        st.caption(f"… and {len(diff.refused) - A_PAGE} more rows that are refused.")


@dataclass(frozen=True)
class _Words:
    """Values of cells as words."""

    names: ChannelNames
    reading: Reading

    def of(self, value: Any) -> str:
        """As a person reads it."""
        if isinstance(value, PostState):
            return state_word(value)
        if isinstance(value, datetime):
            return f"{value.astimezone(self.reading.zone):%a %d.%m.%Y %H:%M}"
        if isinstance(value, tuple):
            return self.names.words(value)
        return str(value or "")


def _title(row: PlanRow) -> str:
    return shown(row.title or " ".join(row.text.split())[:60] or f"Post {row.id}")


def _changed(kept: Kept, one: Changed, words: _Words) -> None:
    clashes = {clash.cell: clash for clash in one.clashes}
    with st.container(border=True, gap="xsmall", key=f"diff_{kept.mark}_{one.number}"):
        with st.container(horizontal=True, vertical_alignment="center", gap="small"):
            st.markdown(f"**{_title(one.now)}**", width="content")
            st.caption(f"row {one.number}, post {one.now.id}", width="content")
            if clashes:
                st.badge("Changed here, too", icon=":material/group:", color="orange")
        for name, mine in one.edit.cells.items():
            if name in clashes:
                _conflict(kept, one, clashes[name], words)
            else:
                _cell(kept, one, name, getattr(one.edit.base, name), mine, words)
        for name, said in one.wrong.items():
            st.markdown(f":red[:material/error: {LABELS[name]}: {shown(said)} It stays as it is.]")
        verdict = kept.checked.get(one.number)
        problem = verdict[1].problem if verdict else ""
        if problem:
            st.markdown(f":red[:material/error: {shown(problem)}]")
        for note in (*one.notes, *(verdict[1].notes if verdict else ())):
            st.markdown(f":orange[:material/help: {shown(note)}]")


def _tick(kept: Kept, number: int, name: str, label: str, usual: bool) -> None:
    key = f"tick_{kept.mark}_{number}_{name}"
    kept.ticks[number, name] = st.checkbox(label, kept.ticked(number, name, usual), key=key)


def _cell(kept: Kept, one: Changed, name: str, before: Any, mine: Any, words: _Words) -> None:
    _tick(kept, one.number, name, LABELS[name], usual=True)
    if name in ("text", "title"):
        st.markdown(marked(post_diff.words(before, mine)))
    else:
        st.markdown(f"{shown(words.of(before)) or '–'} :material/arrow_right_alt: **{shown(words.of(mine)) or '–'}**")


def _conflict(kept: Kept, one: Changed, clash: Clash, words: _Words) -> None:
    _tick(kept, one.number, clash.cell, f"{LABELS[clash.cell]}: take the file's, although it was changed here since",
          usual=False)  # fmt: skip
    sides = (("At the export", clash.before), ("In the plan now", clash.theirs), ("In the file", clash.mine))
    for column, (word, value) in zip(st.columns(3), sides, strict=True):
        with column:
            st.caption(word)
            st.markdown(shown(words.of(value)) or "–")


def _new(kept: Kept, words: _Words) -> None:
    if not kept.diff.new:
        return
    st.markdown("#### New posts")
    for row in kept.diff.new[:A_PAGE]:
        opinion = kept.opinions[row.number]
        title = row.cells["title"] or " ".join(row.cells["text"].split())[:60] or "A row without a text"
        facts = [words.of(row.cells[name]) for name in ("state", "planned_at", "channel_ids", "campaign")]
        with st.container(gap="xxsmall"):
            if opinion.problem:
                st.markdown(f":red[:material/error: **{shown(title)}** (row {row.number}): {shown(opinion.problem)}]")
                continue
            _tick(kept, row.number, "new", f"**{shown(title)}** (row {row.number})", usual=not opinion.duplicate)
            st.caption(shown(" · ".join(filter(None, facts))))
            for note in filter(None, (opinion.duplicate, *opinion.notes)):
                st.markdown(f":orange[:material/help: {shown(note)}]")
    if len(kept.diff.new) > A_PAGE:
        st.caption(f"… and {len(kept.diff.new) - A_PAGE} more rows without an id. They are imported, too.")


def _missing(kept: Kept) -> None:
    missing = kept.diff.missing
    if not missing:
        return
    posts = "1 post isn't" if len(missing) == 1 else f"{len(missing)} posts aren't"
    with st.expander(f"{posts} in the file any more", icon=":material/playlist_remove:"):
        st.caption("They stay in the plan. Tick those that shall be deleted.")
        for row in missing[:100]:
            _tick(kept, -row.id, "delete", f"Delete **{_title(row)}** (post {row.id})", usual=False)
        if len(missing) > 100:
            st.caption(f"… and {len(missing) - 100} more. They stay.")


# --- doing it ---------------------------------------------------------------------------------------------------------


def _wanted(kept: Kept) -> tuple[dict[int, RowEdit], list[NewRow]]:
    """(edits by row of the file, deletions by the post's negative number; rows to be made)"""
    edits: dict[int, RowEdit] = {}
    for one in kept.diff.changed:
        clashing = {clash.cell for clash in one.clashes}
        ticks = {
            name: name in clashing for name in one.edit.cells if kept.ticked(one.number, name, name not in clashing)
        }
        if ticks:
            edits[one.number] = one.only(ticks)
    for row in kept.diff.missing:
        if kept.ticked(-row.id, "delete", False):
            edits[-row.id] = RowEdit(row, delete=True)
    new = [
        row
        for row in kept.diff.new
        if not kept.opinions[row.number].problem
        and kept.ticked(row.number, "new", not kept.opinions[row.number].duplicate)
    ]
    return edits, new


def _apply_bar(page: Page, kept: Kept) -> None:
    edits, new = _wanted(kept)
    before = {number: verdict for number, (_, verdict) in kept.checked.items()}
    _check(page, kept, edits)
    if before != {number: verdict for number, (_, verdict) in kept.checked.items()}:
        st.rerun()  # what the check says stands beside the rows, which are drawn already
    wrong = sum(1 for number in edits if not kept.checked[number][1].good)
    deleted = sum(1 for number in edits if number < 0)
    count = len(edits) - wrong + len(new)
    with st.container(horizontal=True, vertical_alignment="center"):
        label = "Apply 1 change" if count == 1 else f"Apply {count} changes"
        if st.button(label, type="primary", icon=":material/done_all:", key="diff_apply", disabled=not count):
            _apply(page, kept, edits, new)
        if wrong:
            st.badge(f"{wrong} can't be applied", icon=":material/error:", color="red")
        if deleted:
            st.badge(f"{deleted} will be deleted", icon=":material/delete:", color="orange")
        clashes = sum(1 for one in kept.diff.changed if one.clashes)
        if clashes:
            st.badge(f"{clashes} changed here, too", icon=":material/group:", color="orange")


def _check(page: Page, kept: Kept, edits: Mapping[int, RowEdit]) -> None:
    """Only what somebody ticked since the last check is tried again."""
    marks = {number: repr(edit) for number, edit in edits.items()}
    fresh = {n: edit for n, edit in edits.items() if n not in kept.checked or kept.checked[n][0] != marks[n]}
    if fresh:
        bar = st.empty()

        def tell(done: int, of: int) -> None:
            if of > 2 * plan_rows.AT_ONCE:
                bar.progress(done / of, f"{done:,} of {of:,} rows are checked")

        with st.spinner("Checking …"):
            found = plan_diff.judge_changes(page.actor, fresh, tell)
        bar.empty()
        kept.checked |= {number: (marks[number], verdict) for number, verdict in found.items()}
    kept.checked = {number: one for number, one in kept.checked.items() if number in edits}


def _apply(page: Page, kept: Kept, edits: Mapping[int, RowEdit], new: Sequence[NewRow]) -> None:
    bar = st.progress(0.0, "Applying …")
    of = max(len(edits) + len(new), 1)

    def tell(before: int) -> Callable[[int, int], object]:
        return lambda done, _: bar.progress(min((before + done) / of, 1.0), "Applying …")

    try:
        good = {number: edit for number, edit in edits.items() if kept.checked[number][1].good}
        verdicts = plan_diff.apply_changes(page.actor, good, tell(0))
        done = plan_import.import_rows(page.actor, new, tell(len(good)))
    except UserError as error:
        st.error(shown(str(error)), icon=":material/error:")
        return
    told = [f"{_where(n)}: {_said(verdict)}" for n, verdict in verdicts.items() if not verdict.good]
    told += [f"Row {n}: {said} It is a draft now." for n, said in done.drafts.items()]
    told += [f"Row {n}: {said}" for n, said in done.refused.items()]
    saved = sum(1 for verdict in verdicts.values() if verdict.good) + len(done.made)
    st.session_state[RESULT] = told
    for key in (STATE, *(() if told else ("exchange_source",))):
        st.session_state.pop(key, None)
    if done.made:
        st.session_state["exchange_done"] = ("the file", done)
    say_later(f"{saved} changes are in the plan.")
    st.rerun()


def _where(number: int) -> str:
    return f"Row {number}" if number > 0 else f"Post {-number}"


def _said(verdict: Verdict) -> str:
    return verdict.problem or "Somebody has changed it in this moment. Look at it again."
