"""The plan as an editable table. Each changed row is saved by itself: a wrong cell says why, nothing is lost.

What isn't saved yet is kept in `plan_work.py`; here it is drawn.
"""

from collections.abc import Sequence
from typing import Any
from zoneinfo import ZoneInfo

import pandas as pd
import streamlit as st

from core.services.channels import ChannelRow
from core.services.planning import PlanRow
from core.services.team import Right
from core.ui.page import Page, say_later
from core.ui.parts import shown
from core.ui.plan_work import STATES, WORDS, Cells, Names, PlanWork

WORK = "plan_work"
OPEN = "plan_open"
OPEN_LABEL = ":material/open_in_full:"
ROW, MOST = 35, 640  # pixels
TEXTS = ("title", "state", "text", "campaign", "trouble")


def plan_table(page: Page, rows: Sequence[PlanRow], view: Any, channels: Sequence[ChannelRow]) -> int | None:
    """Draw the table and, for who may, the buttons to save or throw away. `view` differs when other rows are meant.

    Gives the number of the post that somebody wants to open.
    """
    names, may = Names.of(channels), page.actor.may(Right.PLAN)
    work: PlanWork = st.session_state.setdefault(WORK, PlanWork())
    work.show(rows, view, st.session_state.get(_key(work)))
    data = _frame(work, names, page.zone)
    if may or len(data):
        _editor(data, _key(work), names, page.zone, may)
    work.edits = dict(st.session_state.get(_key(work)) or {})
    if may:
        _save_bar(page, work, names)
    return _opened(work)


def _key(work: PlanWork) -> str:
    return f"plan_{work.round}"


def _opened(work: PlanWork) -> int | None:
    click = st.session_state.get(OPEN)
    ids = work.ids
    number = ids[click["row"]] if click and click["row"] < len(ids) else -1
    return number if number > 0 else None


def _editor(data: pd.DataFrame, key: str, names: Names, zone: ZoneInfo, may: bool) -> None:
    order = ["open", "title", "state", "when", "channels", "text", "campaign"]
    if data["trouble"].any():
        order.insert(3, "trouble")
    st.data_editor(
        data,
        key=key,
        num_rows="dynamic" if may else "fixed",
        disabled=["trouble"] if may else True,
        column_order=order,
        column_config=_columns(names, zone),
        hide_index=True,
        height=min(ROW * (len(data) + (2 if may else 1)) + 3, MOST),
        placeholder="",
        alt="The content plan",
    )


def _columns(names: Names, zone: ZoneInfo) -> dict[str, Any]:
    c = st.column_config
    return {
        "open": c.ButtonColumn("", width=44, type="tertiary", key=OPEN, on_click=_noted, help="Open in the composer"),
        "title": c.TextColumn("Title", max_chars=200, width=230, help="For the plan only, nobody outside sees it."),
        "state": c.SelectboxColumn("State", options=list(STATES), width=105, required=False),
        "trouble": c.TextColumn("What is wrong", width=200, disabled=True),
        "when": c.DatetimeColumn(f"Goes out ({zone.key})", format="ddd DD.MM.YYYY HH:mm", step=60, width=180),
        "channels": c.MultiselectColumn("Channels", options=list(names.by_id.values()), width=220),
        "text": c.TextColumn("Text", width=330, help="Line breaks are kept. Open the post to see it in full."),
        "campaign": c.TextColumn("Campaign", max_chars=80, width=130, help="A new name makes a new campaign."),
    }


def _noted() -> None:
    """The click is read after drawing; without a callback none would be told."""


def _frame(work: PlanWork, names: Names, zone: ZoneInfo) -> pd.DataFrame:
    """What is stored, and over it what was typed. Columns keep their type when they are empty."""
    cells = [_cells(row, names, zone) | work.cells.get(row.id, {}) for row in work.drawn]
    cells += [work.cells[number] for number in work.added]
    columns: dict[str, Any] = {name: pd.Series([c.get(name) for c in cells], dtype="str") for name in TEXTS}
    columns["when"] = pd.Series([c.get("when") for c in cells], dtype="datetime64[ms]")
    columns["channels"] = pd.Series([list(c.get("channels") or ()) for c in cells], dtype="object")
    columns["open"] = pd.Series([OPEN_LABEL if n > 0 else None for n in work.ids], dtype="str")
    return pd.DataFrame(columns)


def _cells(row: PlanRow, names: Names, zone: ZoneInfo) -> Cells:
    return {
        "title": row.title,
        "text": row.text,
        "channels": [names.by_id[i] for i in row.channel_ids if i in names.by_id],
        "when": row.planned_at.astimezone(zone).replace(tzinfo=None) if row.planned_at else None,
        "state": WORDS[row.state],
        "campaign": row.campaign,
        "trouble": row.trouble,
    }


def _save_bar(page: Page, work: PlanWork, names: Names) -> None:
    for sentence in work.told:
        st.error(shown(sentence), icon=":material/error:")
    edits = work.edits
    places = {*map(int, edits.get("edited_rows", {}))} - {*edits.get("deleted_rows", ())}
    ids = work.ids
    changed = {ids[place] for place in places if place < len(ids)} | set(work.cells)
    gone = [ids[place] for place in edits.get("deleted_rows", ()) if ids[place] > 0] + list(work.gone)
    count = len(changed - set(gone)) + len(edits.get("added_rows", ())) + len(gone)
    if not count:
        return
    with st.container(horizontal=True, vertical_alignment="center"):
        sure = not gone or st.checkbox(
            f"Yes, delete {len(gone)} {'post' if len(gone) == 1 else 'posts'} from the plan", key=f"sure_{len(gone)}"
        )
        if st.button("Save changes", type="primary", icon=":material/save:", key="plan_save", disabled=not sure):
            saved = work.save(page.actor, names, page.zone)
            if saved:
                say_later(f"{saved} saved.")
            st.rerun()
        if st.button("Throw away", key="plan_drop", type="tertiary"):
            work.drop()
            st.rerun()
        st.caption(f"{count} {'row' if count == 1 else 'rows'} not saved yet")
