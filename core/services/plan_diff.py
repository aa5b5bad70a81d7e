"""An exported file that comes back: what somebody changed in it, cell by cell, held against the plan as it stands now.

Three states count: as it was exported (the version in the file, read from the post's history), as the file says, as the
plan says now. A cell that says what it said at the export is no change, whatever the spreadsheet made of its form; one
that was changed on both sides is a conflict, and a person decides. What isn't in the file is never deleted by itself.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from sqlalchemy import select
from sqlmodel import Session, col

from core import db
from core.errors import UserError
from core.models.planning import PostState
from core.models.planning_work import PostVersion
from core.services import plan_rows
from core.services.channel_list import channels
from core.services.plan_cells import ChannelNames, planned_at, state_in
from core.services.plan_columns import NewRow, Reading, Table, new_rows
from core.services.plan_export import as_shown, marked_post
from core.services.plan_files import Cell, Exported
from core.services.plan_import import Tell
from core.services.plan_list import PlanRow, rows_by_id
from core.services.plan_rows import BY_HAND, CELLS, Clash, RowEdit, Verdict, decided
from core.services.team import Actor, Right, require

AT_ONCE = 400
MARK = re.compile(r"^\d{1,11}-[0-9a-f]{4}$")
STRANGE = (
    "This id wasn't given by this hub: ids can't be typed, counted on or taken from another hub. "
    "Empty it for a new post."
)
TWICE = "This id stands in row {} already. Empty it to make a copy, which becomes a new post."
NOT_KEPT = "What it said at the export isn't kept any more: it is compared with what it says now."
BY_THEMSELVES = tuple(state for state in PostState if state not in BY_HAND)  # nobody asks for these
# Column of the file -> cell of a row.
COLUMNS = {
    "title": "title",
    "text": "text",
    "state": "state",
    "when": "planned_at",
    "channels": "channel_ids",
    "campaign": "campaign",
}


@dataclass(frozen=True)
class Changed:
    """A post of the plan that the file wants otherwise. `edit.base` is the post as it was exported."""

    number: int  # of its row in the file
    now: PlanRow
    edit: RowEdit
    clashes: tuple[Clash, ...] = ()
    wrong: dict[str, str] = field(default_factory=dict)  # cell to the sentence on why it can't be read
    notes: tuple[str, ...] = ()

    def only(self, cells: Mapping[str, bool]) -> RowEdit:
        """The changes of these cells alone; True: although the cell is in conflict."""
        edit = RowEdit(self.edit.base, {name: value for name, value in self.edit.cells.items() if name in cells})
        for name in [clash.cell for clash in self.clashes if cells.get(clash.cell)]:
            edit = decided(edit, self.now, name, mine=True)
        return edit


@dataclass(frozen=True)
class PlanDiff:
    """All that a file would change. `refused`: rows that can't be taken, with the reason."""

    changed: tuple[Changed, ...]
    new: tuple[NewRow, ...]
    refused: dict[int, str]
    unchanged: int
    missing: tuple[PlanRow, ...]  # exported with this file, still in the plan, and not in it any more
    knows_missing: bool  # whether the file remembers what was exported with it
    zone: ZoneInfo

    @property
    def nothing(self) -> bool:
        """Whether the plan says what the file says."""
        return not (self.changed or self.new or self.refused or self.missing)


def is_ours(table: Table, columns: Mapping[int, str]) -> bool:
    """Whether a file was exported by a hub: it has our columns, and ids of our form."""
    if not {"id", "version"} <= set(columns.values()):
        return False
    place = next(place for place, key in columns.items() if key == "id")
    return any(MARK.match(str(cell).strip()) for cell in table.cells(place))


def zone_of(table: Table, exported: Exported | None, usual: ZoneInfo) -> ZoneInfo:
    """The zone that stands with the times of an exported file."""
    said = [found[1] for name in table.names if (found := re.search(r"\(([A-Za-z_]+(?:/[A-Za-z_+\-0-9]+)*)\)", name))]
    for name in [*said, *([exported.zone] if exported else [])]:
        try:
            return ZoneInfo(name)
        except (ZoneInfoNotFoundError, ValueError):
            continue
    return usual


def compare(actor: Actor, table: Table, reading: Reading, exported: Exported | None = None) -> PlanDiff:
    """What this file would change. Nothing is written; four statements for 400 rows."""
    require(actor, Right.PLAN)
    known, refused, fresh = _by_id(table, reading)
    with db.read() as session:
        names = ChannelNames.of(channels(session, include_removed=True))
        offered = ChannelNames.of(channels(session))
        now = _rows(session, list(known))
        then = _as_exported(session, {post_id: version for post_id, (_, _, version) in known.items()}, now)
        gone = {one for mark in (exported.ids if exported else ()) if (one := marked_post(mark)) is not None}
        missing = _rows(session, sorted(gone - set(known)))
    changed: list[Changed] = []
    unchanged = 0
    for post_id, (number, cells, _) in known.items():
        if post_id not in now:
            refused[number] = (
                "This post isn't in the plan any more: somebody has deleted it. Empty its id to make it anew."
            )
            continue
        found = _compared(number, cells, now[post_id], then.get(post_id), reading, names)
        if found is None:
            unchanged += 1
        else:
            changed.append(found)
    new = new_rows(Table(table.names, tuple(fresh), table.header), reading, offered)
    left = sorted(missing.values(), key=lambda row: (row.planned_at is None, row.planned_at or db.utc_now(), row.id))
    return PlanDiff(tuple(changed), new, refused, unchanged, tuple(left), exported is not None, reading.zone)


def _by_id(
    table: Table, reading: Reading
) -> tuple[dict[int, tuple[int, tuple[Cell, ...], int]], dict[int, str], list[tuple[int, tuple[Cell, ...]]]]:
    """(rows by their post: number, cells, version; refused rows; rows without an id)"""
    (id_place, version_place) = reading.places("id", "version")
    known: dict[int, tuple[int, tuple[Cell, ...], int]] = {}
    refused: dict[int, str] = {}
    fresh = []
    for number, cells in table.rows:
        mark = str(cells[id_place]).strip() if id_place < len(cells) else ""
        if not mark:
            fresh.append((number, cells))
            continue
        post_id = marked_post(mark)
        version = str(cells[version_place]).strip() if version_place < len(cells) else ""
        if post_id is None:
            refused[number] = STRANGE
        elif post_id in known:
            refused[number] = TWICE.format(known[post_id][0])
        elif not version.isdecimal():
            refused[number] = "Its version is missing. Leave the grey columns as they are, or export the plan again."
        else:
            known[post_id] = number, cells, int(version)
    return known, refused, fresh


def _rows(session: Session, ids: Sequence[int]) -> dict[int, PlanRow]:
    found: dict[int, PlanRow] = {}
    for start in range(0, len(ids), AT_ONCE):
        found |= {row.id: row for row in rows_by_id(session, ids[start : start + AT_ONCE])}
    return found


def _as_exported(session: Session, wanted: Mapping[int, int], now: Mapping[int, PlanRow]) -> dict[int, PlanRow]:
    """Posts as they were in these versions: the version kept at it or last before it. Two statements for 400 posts."""
    ids = [post_id for post_id in wanted if post_id in now]
    found: dict[int, PlanRow] = {}
    for start in range(0, len(ids), AT_ONCE):
        some = ids[start : start + AT_ONCE]
        numbers = select(col(PostVersion.id), col(PostVersion.post_id), col(PostVersion.number)).where(
            col(PostVersion.post_id).in_(some)
        )
        best: dict[int, tuple[int, int]] = {}
        for key, post_id, number in session.execute(numbers):
            if number <= wanted[post_id] and number > best.get(post_id, (0, 0))[0]:
                best[post_id] = number, key
        contents = select(col(PostVersion.post_id), col(PostVersion.content)).where(
            col(PostVersion.id).in_([key for _, key in best.values()])
        )
        for post_id, content in session.execute(contents):
            found[post_id] = _from_content(now[post_id], wanted[post_id], content or {})
    return found


def _from_content(now: PlanRow, version: int, content: Mapping[str, Any]) -> PlanRow:
    at = content.get("planned_at")
    return PlanRow(
        id=now.id,
        title=content.get("title") or "",
        text=content.get("text") or "",
        state=PostState(content.get("state") or PostState.DRAFT),
        planned_at=datetime.fromisoformat(at) if at else None,
        campaign=content.get("campaign") or "",
        channel_ids=tuple(sorted(one["id"] for one in content.get("channels") or ())),
        version=version,
        trouble="",
    )


def _compared(
    number: int, cells: Sequence[Cell], now: PlanRow, then: PlanRow | None, reading: Reading, names: ChannelNames
) -> Changed | None:
    """What the file wants of this post; None: nothing. What the plan says now, too, is no change: both did the same."""
    base = then or now
    wanted: dict[str, Any] = {}
    wrong: dict[str, str] = {}
    told: list[str] = [] if then else [NOT_KEPT]
    shown = [as_shown(one, names, reading.zone) for one in (base, now)]
    for column, name in COLUMNS.items():
        places = reading.places(column)
        cell = cells[places[0]] if places and places[0] < len(cells) else ""
        if not places or any(_says_the_same(name, cell, one[name]) for one in shown):
            continue
        try:
            value, notes = _read(name, cell, reading, names)
        except UserError as error:
            wrong[name] = str(error)
            continue
        if any(_alike(value, getattr(one, name)) for one in (base, now)):
            continue
        if value in BY_THEMSELVES:
            if not {base.state, now.state} & set(BY_THEMSELVES):  # else it was exported like that
                wrong[name] = "That state can't be set by hand: it follows from what happens on the channels."
            continue
        wanted[name] = value
        told += notes
    if not wanted and not wrong:
        return None
    edit = RowEdit(base, wanted)
    return Changed(number, now, edit, _clashes(edit, now), wrong, tuple(told))


def _clashes(edit: RowEdit, now: PlanRow) -> tuple[Clash, ...]:
    assert edit.base is not None
    return tuple(
        Clash(name, before, theirs, mine)
        for name, mine in edit.cells.items()
        if not _alike(theirs := getattr(now, name), before := getattr(edit.base, name))
    )


def _says_the_same(name: str, cell: Cell, shown: str) -> bool:
    """Whether the cell is as it was exported, but for what spreadsheets do to the form of text and times."""
    if name == "planned_at":
        if isinstance(cell, datetime):
            return f"{cell:%Y-%m-%d %H:%M}" == shown
        return " ".join(str(cell).split()) == shown
    if name == "channel_ids":
        return {part.strip() for part in str(cell).split(",")} == {part.strip() for part in shown.split(",")}
    return _form(str(cell)) == _form(shown)


def _form(text: str) -> str:
    return "\n".join(line.rstrip() for line in text.replace("\r\n", "\n").replace("\r", "\n").strip().split("\n"))


def _alike(one: Any, other: Any) -> bool:
    if isinstance(one, tuple) and isinstance(other, tuple):
        return set(one) == set(other)  # channels have no order
    if isinstance(one, datetime) and isinstance(other, datetime):
        return one.replace(second=0, microsecond=0) == other.replace(second=0, microsecond=0)
    if isinstance(one, str) and isinstance(other, str):
        return _form(one) == _form(other)
    return bool(one == other)


def _read(name: str, cell: Cell, reading: Reading, names: ChannelNames) -> tuple[Any, tuple[str, ...]]:
    if name == "channel_ids":
        return tuple(sorted(names.find(cell))), ()
    if name == "state":
        return state_in(cell) or PostState.DRAFT, ()
    if name == "planned_at":
        if isinstance(cell, datetime) and cell.time() == datetime.min.time():
            cell = f"{cell:%Y-%m-%d} 00:00"  # at midnight, since a file of ours always has a time
        return planned_at([cell], reading.order, reading.zone, reading.usual)
    if name == "text":
        return str(cell).strip().replace("\r\n", "\n"), ()
    return " ".join(str(cell).split())[: 200 if name == "title" else 80], ()


# --- doing it ---------------------------------------------------------------------------------------------------------


def judge_changes(actor: Actor, edits: Mapping[int, RowEdit], tell: Tell | None = None) -> dict[int, Verdict]:
    """What saving these would do, by row of the file. Nothing is kept."""
    return _through(plan_rows.check_rows, actor, edits, tell)


def apply_changes(actor: Actor, edits: Mapping[int, RowEdit], tell: Tell | None = None) -> dict[int, Verdict]:
    """Save what can be saved, each row by itself; what was changed by others since the comparison is a clash."""
    return _through(plan_rows.save_rows, actor, edits, tell)


def _through(does: Any, actor: Actor, edits: Mapping[int, RowEdit], tell: Tell | None) -> dict[int, Verdict]:
    require(actor, Right.PLAN)
    waiting = list(edits.items())
    verdicts: dict[int, Verdict] = {}
    for start in range(0, len(waiting), plan_rows.AT_ONCE):
        some = waiting[start : start + plan_rows.AT_ONCE]
        found = does(actor, {str(number): edit for number, edit in some})
        verdicts |= {int(key): verdict for key, verdict in found.items()}
        if tell:
            tell(start + len(some), len(waiting))
    return verdicts


__all__ = ["CELLS", "Changed", "PlanDiff", "apply_changes", "compare", "is_ours", "judge_changes", "zone_of"]
