"""The plan as an editable table: many cells at a time, rows added, pasted and deleted.

What the browser's table reports are cells by their place. Here they become changes of posts, held against the row as it
stood when the edit began, and kept in the session until they are saved or thrown away, whatever is filtered, looked at
or changed by others meanwhile. Each is checked at once (`plan_changes_bar.py`); saving is `core/services/plan_rows.py`.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

import pandas as pd
import streamlit as st

from core.errors import UserError
from core.models.planning import PostState
from core.services.channels import ChannelRow
from core.services.plan_drafts import local_to_utc
from core.services.plan_rows import BY_HAND, RowEdit
from core.services.planning import PlanRow
from core.services.team import Right
from core.ui.page import Page
from core.ui.plan_words import AGAIN, CELLS, POSTS

WORDS = {state: word for state, (word, _, _) in POSTS.items()}
STATES = {word: state for state, word in WORDS.items()}
KEPT, ROUND, DRAWN, LATEST = "plan_kept", "plan_round", "plan_drawn", "plan_latest"


@dataclass(frozen=True)
class Names:
    """Channels by the name shown in the table, and back."""

    by_id: dict[int, str]

    @classmethod
    def of(cls, channels: Sequence[ChannelRow]) -> "Names":
        """Handles; where two are alike, with their network."""
        handles = [channel.handle for channel in channels]
        return cls(
            {c.id: c.handle if handles.count(c.handle) == 1 else f"{c.handle} ({c.network_label})" for c in channels}
        )

    def ids(self, names: Sequence[str] | None) -> tuple[int, ...]:
        """Numbers of the named channels. Raises `UserError` for one that isn't connected."""
        known = {name: number for number, name in self.by_id.items()}
        for name in names or ():
            if name not in known:
                raise UserError(f"“{name}” isn't connected. Choose channels from the list.")
        return tuple(known[name] for name in names or ())


@dataclass(frozen=True)
class Wanted:
    """A change as it was typed: cells by their column. `base` None: a new row."""

    base: PlanRow | None
    cells: dict[str, Any] = field(default_factory=dict)
    delete: bool = False

    @property
    def nothing(self) -> bool:
        """Whether nothing would come of it."""
        return not self.delete and not any(
            value not in (None, "", []) for value in (self.cells.values() if self.base is None else ("there",))
        )


@dataclass
class Kept:
    """Changes that aren't saved yet, by key: the post's number, or `new 1` and so on."""

    rows: dict[str, Wanted] = field(default_factory=dict)

    @property
    def count(self) -> int:
        """The highest number of a new row."""
        return max((int(key.removeprefix("new ")) for key in self.rows if key.startswith("new ")), default=0)


def plan_table(page: Page, rows: Sequence[PlanRow], channels: Sequence[ChannelRow], campaigns: Sequence[str]) -> None:
    """Draw the table and, for who may, what is changed and the buttons to save it or throw it away."""
    from core.ui.plan_changes_bar import changes_bar

    names, editable = Names.of(channels), page.actor.may(Right.PLAN)
    kept: Kept = st.session_state.setdefault(KEPT, Kept())
    if table_key() not in st.session_state:  # a new table, or one that comes back from another view without its edits
        kept.rows = dict(st.session_state.get(LATEST, kept.rows))
    drawn = _drawn(rows, kept)
    data = [_cells(drawn.get(key), names, page.zone) | _typed(kept, key) for key in drawn]
    if not data and not editable:
        st.info("Nothing is planned in this view yet.")
        return
    st.data_editor(
        data or _nothing(),
        key=table_key(),
        num_rows="dynamic" if editable else "fixed",
        disabled=True if not editable else ["id", "trouble"],
        column_order=["title", "state", "when", "channels", "text", "campaign", "trouble"],
        column_config=_columns(names, campaigns, page.zone),
        hide_index=True,
        height=min(38 * (len(data) + 2) + 4, 640),
        placeholder="",
    )
    if editable:
        latest = merged(kept, drawn, st.session_state.get(table_key()) or {})
        st.session_state[LATEST] = latest
        changes_bar(page, latest, names, {str(row.id): row.version for row in rows})


def _drawn(rows: Sequence[PlanRow], kept: Kept) -> dict[str, PlanRow | None]:
    """What the table shows, by key. While cells are edited it stays as it is: they are known by their place alone.

    When other rows are asked for (a filter, more of them), the edits are kept aside and the table begins anew.
    """
    fresh: dict[str, PlanRow | None] = {str(row.id): row for row in rows}
    fresh |= {key: None for key, wanted in kept.rows.items() if wanted.base is None}
    before: dict[str, PlanRow | None] | None = st.session_state.get(DRAWN)
    edits = st.session_state.get(table_key()) or {}
    if before is not None and before != fresh:
        if any(edits.get(kind) for kind in ("edited_rows", "added_rows", "deleted_rows")):
            if list(before) == list(fresh):
                return before
            kept.rows = merged(kept, before, edits)
            fresh |= {key: None for key, wanted in kept.rows.items() if wanted.base is None}
        next_round()
    st.session_state[DRAWN] = fresh
    return fresh


def table_key() -> str:
    """The key of the table that is drawn now."""
    return f"plan_{st.session_state.get(ROUND, 0)}"


def next_round() -> None:
    """A new table, which knows no edits."""
    st.session_state[ROUND] = st.session_state.get(ROUND, 0) + 1


def merged(kept: Kept, drawn: Mapping[str, PlanRow | None], edits: Mapping[str, Any]) -> dict[str, Wanted]:
    """All changes by key: those kept from before, and those of the table that is drawn now."""
    keys, found = list(drawn), dict(kept.rows)
    for place, cells in edits.get("edited_rows", {}).items():
        if int(place) < len(keys):
            key = keys[int(place)]
            there = found.get(key) or Wanted(drawn[key])
            found[key] = replace(there, cells=there.cells | cells)
    for place in edits.get("deleted_rows", ()):
        if place < len(keys):
            key = keys[place]
            if drawn[key] is None:
                found.pop(key, None)
            else:
                found[key] = replace(found.get(key) or Wanted(drawn[key]), delete=True)
    for number, cells in enumerate(edits.get("added_rows", ()), start=1):
        found[f"new {kept.count + number}"] = Wanted(None, dict(cells))
    return {key: wanted for key, wanted in found.items() if not wanted.nothing}


def row_edit(wanted: Wanted, names: Names, zone: ZoneInfo) -> RowEdit:
    """As the service wants it. Raises `UserError` for a cell that can't be read."""
    cells: dict[str, Any] = {}
    for column, value in wanted.cells.items():
        if column in CELLS:
            cells[CELLS[column]] = _read(column, value, names, zone)
    if wanted.base is not None:
        cells = {name: value for name, value in cells.items() if value != getattr(wanted.base, name)}
    return RowEdit(wanted.base, cells, wanted.delete)


def _read(column: str, value: Any, names: Names, zone: ZoneInfo) -> Any:
    if column == "channels":
        return names.ids(value)
    if column == "when":
        return moment_of(value, zone)
    if column == "state":
        return state_of(value)
    return str(value or "")


def state_of(word: Any) -> PostState:
    """The state of a word; none is a draft."""
    wanted = STATES.get(str(word or WORDS[PostState.DRAFT]))
    if wanted is None:
        offered = ", ".join(WORDS[state] for state in BY_HAND)
        raise UserError(f"“{word}” is no state. Choose one of: {offered}.")
    return wanted


def moment_of(value: Any, zone: ZoneInfo) -> datetime | None:
    """A time of the table, which is the member's."""
    if not value:
        return None
    try:
        local = value if isinstance(value, datetime) else datetime.fromisoformat(str(value).removesuffix("Z"))
    except ValueError:
        raise UserError(f"“{value}” is no time. Choose a day and a time.") from None
    return local_to_utc(local, zone)[0]


def night_note(wanted: Wanted, zone: ZoneInfo) -> str | None:
    """What there is to know of a time on the two odd nights of the year."""
    value = wanted.cells.get("when")
    try:
        local = value if isinstance(value, datetime) else datetime.fromisoformat(str(value).removesuffix("Z"))
    except ValueError:
        return None
    return local_to_utc(local, zone)[1]


def _nothing() -> pd.DataFrame:
    """A table without a row that still knows its kinds: from empty lists they would all be guessed to be numbers."""
    words = ("title", "text", "state", "campaign", "trouble")
    kinds = {"id": "int64", "channels": "object", "when": "datetime64[s]"} | dict.fromkeys(words, "str")
    return pd.DataFrame({name: pd.Series(dtype=kind) for name, kind in kinds.items()})


def _columns(names: Names, campaigns: Sequence[str], zone: ZoneInfo) -> dict[str, Any]:
    c = st.column_config
    return {
        "title": c.TextColumn("Title", max_chars=200, width="medium"),
        "text": c.TextColumn("Text", width="large", help="Line breaks are kept; the composer shows them."),
        "channels": c.MultiselectColumn("Channels", options=list(names.by_id.values()), width="medium"),
        "when": c.DatetimeColumn(f"Goes out ({zone.key})", format="ddd DD.MM.YYYY HH:mm", step=60, width="medium"),
        "state": c.SelectboxColumn("State", options=list(STATES), width="small", required=False),
        "campaign": c.TextColumn("Campaign", max_chars=80, width="small", help="A new name makes a new campaign."),
        "trouble": c.TextColumn("To know", width="medium", disabled=True),
    }


def _cells(row: PlanRow | None, names: Names, zone: ZoneInfo) -> dict[str, Any]:
    """A row as the table shows it; an empty one for a new row."""
    if row is None:
        words = dict.fromkeys(("title", "text", "campaign", "trouble"), "")
        return {"id": None, "channels": [], "when": None, "state": WORDS[PostState.DRAFT]} | words
    return {
        "id": row.id,
        "title": row.title,
        "text": row.text,
        "channels": [names.by_id[i] for i in row.channel_ids if i in names.by_id],
        "when": row.planned_at.astimezone(zone).replace(tzinfo=None) if row.planned_at else None,
        "state": WORDS[row.state],
        "campaign": row.campaign,
        "trouble": row.trouble or (AGAIN if row.comes_again else ""),
    }


def _typed(kept: Kept, key: str) -> dict[str, Any]:
    """What was typed into this row before the table was drawn anew."""
    cells = dict(kept.rows[key].cells) if key in kept.rows else {}
    if isinstance(cells.get("when"), str):  # as the browser reports it
        cells["when"] = datetime.fromisoformat(cells["when"].removesuffix("Z"))
    return cells
