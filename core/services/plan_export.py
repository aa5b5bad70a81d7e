"""The plan as a file to work on elsewhere: a workbook with real dates and choices, or CSV; and how it looks in there.

A post's id carries four digits that only this hub can know: a spreadsheet that counts ids on when it fills cells, and a
file of another hub, are noticed when the file comes back (`plan_diff.py`).
"""

import csv
import io
import re
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from core import db, vault
from core.services.channel_list import channels
from core.services.plan_cells import STATES, ChannelNames, state_word
from core.services.plan_files import HIDDEN, MAX_ROWS, escaped
from core.services.plan_list import PlanCursor, PlanFilter, PlanRow, campaigns, plan
from core.services.plan_rows import BY_HAND

XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
CSV = "text/csv; charset=utf-8"
AT_ONCE = 500
LONGEST = 32_767  # characters a cell of a workbook may have
FORBIDDEN = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff]")  # in XML
# Column -> (its name, its width in characters).
COLUMNS = {
    "id": ("Id", 11),
    "version": ("Version", 9),
    "title": ("Title", 32),
    "text": ("Text", 72),
    "state": ("State", 13),
    "planned_at": ("Goes out", 24),
    "channel_ids": ("Channels", 34),
    "campaign": ("Campaign", 22),
}
MINE = ("id", "version")  # not to be changed
Tell = Callable[[int], None]


@dataclass(frozen=True)
class ExportFile:
    """What is downloaded. `left_out`: there were more posts than a file may have rows."""

    data: bytes
    name: str
    mime: str
    rows: int
    left_out: bool = False


def post_mark(post_id: int) -> str:
    """A post's id as it stands in a file."""
    return f"{post_id}-{vault.fingerprint('plan', str(post_id))[:4]}"


def marked_post(mark: str) -> int | None:
    """The number of the post with this id; None when this hub has never given it."""
    number = mark.partition("-")[0]
    return int(number) if number.isdecimal() and len(number) < 12 and post_mark(int(number)) == mark else None


def as_shown(row: PlanRow, names: ChannelNames, zone: ZoneInfo) -> dict[str, str]:
    """The cells of a row that can be changed, as words: what an untouched file gives back."""
    at = row.planned_at.astimezone(zone) if row.planned_at else None
    return {
        "title": clean(row.title),
        "text": clean(row.text),
        "state": state_word(row.state),
        "planned_at": f"{at:%Y-%m-%d %H:%M}" if at else "",
        "channel_ids": names.words(row.channel_ids),
        "campaign": clean(row.campaign),
    }


def clean(text: str) -> str:
    """What a cell of a workbook can hold of a text."""
    return FORBIDDEN.sub("", text.replace("\r\n", "\n").replace("\r", "\n"))[:LONGEST]


def export_rows(wanted: PlanFilter, tell: Tell | None = None) -> tuple[list[PlanRow], bool]:
    """(the posts of this filter, earliest first; whether there are more). Two statements for 500 posts."""
    rows: list[PlanRow] = []
    after: PlanCursor | None = None
    while len(rows) < MAX_ROWS:
        with db.read() as session:
            page = plan(session, wanted, after, limit=min(AT_ONCE, MAX_ROWS - len(rows)))
        rows += page.rows
        after = page.next
        if tell:
            tell(len(rows))
        if after is None:
            return rows, False
    return rows, True


def export_plan(wanted: PlanFilter, zone: ZoneInfo, kind: str = "xlsx", tell: Tell | None = None) -> ExportFile:
    """The posts of this filter as a file; `kind`: xlsx or csv. Times are those of `zone`, which the file names."""
    rows, more = export_rows(wanted, tell)
    with db.read() as session:
        names = ChannelNames.of(channels(session, include_removed=True))
        offered = ChannelNames.of(channels(session))
        known = [name for _, name in campaigns(session)]
    name = f"plan-{db.utc_now().astimezone(zone):%Y-%m-%d}"
    if kind == "csv":
        return ExportFile(_csv(rows, names, zone), f"{name}.csv", CSV, len(rows), more)
    return ExportFile(_workbook(rows, names, zone, known, offered), f"{name}.xlsx", XLSX, len(rows), more)


def template(zone: ZoneInfo) -> bytes:
    """A workbook without a post, to be filled: the same columns and choices."""
    with db.read() as session:
        offered = ChannelNames.of(channels(session))
        known = [name for _, name in campaigns(session)]
    return _workbook((), offered, zone, known, offered)


def headings(zone: ZoneInfo) -> list[str]:
    """The names of the columns; the zone stands with the time."""
    return [f"{word} ({zone.key})" if key == "planned_at" else word for key, (word, _) in COLUMNS.items()]


def _csv(rows: Sequence[PlanRow], names: ChannelNames, zone: ZoneInfo) -> bytes:
    """With a byte order mark and semicolons, as a German Excel opens it by a double click."""
    out = io.StringIO(newline="")
    writer = csv.writer(out, delimiter=";", lineterminator="\r\n")
    writer.writerow(headings(zone))
    for row in rows:
        cells = {"id": post_mark(row.id), "version": str(row.version)} | as_shown(row, names, zone)
        writer.writerow([escaped(cells[key]) for key in COLUMNS])
    return out.getvalue().encode("utf-8-sig")


# --- the workbook -----------------------------------------------------------------------------------------------------


def _workbook(
    rows: Sequence[PlanRow], names: ChannelNames, zone: ZoneInfo, campaigns: Collection[str], offered: ChannelNames
) -> bytes:
    from openpyxl import Workbook

    book = Workbook(write_only=True)
    sheet = book.create_sheet("Plan")
    _frame(sheet, len(rows))
    for line in _lines(sheet, rows, names, zone):
        sheet.append(line)
    legend = _legend(book, zone, sorted(campaigns, key=str.casefold), offered)
    _choices(sheet, legend, len(rows))
    hidden = book.create_sheet(HIDDEN)
    hidden.sheet_state = "hidden"
    for word in (zone.key, *(post_mark(row.id) for row in rows)):
        hidden.append([word])
    out = io.BytesIO()
    book.save(out)
    return out.getvalue()


def _frame(sheet: Any, count: int) -> None:
    from openpyxl.utils import get_column_letter

    sheet.freeze_panes = "D2"
    for place, (_, width) in enumerate(COLUMNS.values(), start=1):
        sheet.column_dimensions[get_column_letter(place)].width = width
    sheet.auto_filter.ref = f"A1:{get_column_letter(len(COLUMNS))}{count + 1}"
    sheet.print_title_rows = "1:1"
    sheet.page_setup.orientation = "landscape"
    sheet.page_setup.fitToHeight = 0
    sheet.sheet_properties.pageSetUpPr.fitToPage = True


def _lines(sheet: Any, rows: Sequence[PlanRow], names: ChannelNames, zone: ZoneInfo) -> Iterator[list[Any]]:
    from openpyxl.cell import WriteOnlyCell
    from openpyxl.comments import Comment
    from openpyxl.styles import Alignment, Font, PatternFill

    head, own = PatternFill("solid", fgColor="0F6B75"), PatternFill("solid", fgColor="E9ECF0")
    bold, pale = Font(bold=True, color="FFFFFF"), Font(color="6B7785")
    wrapped, middle = Alignment(wrap_text=True, vertical="top"), Alignment(vertical="center")

    def cell(value: Any, **look: Any) -> Any:
        made = WriteOnlyCell(sheet, value=value)
        for name, given in look.items():
            setattr(made, name, given)
        return made

    def words(text: str, **look: Any) -> Any:
        """Text, whatever it begins with: never a formula, not even after somebody has edited it."""
        made = cell(text or None, alignment=wrapped, **look)
        if text:
            made.data_type = "s"
            made.quotePrefix = text.lstrip(" ").startswith(("=", "+", "-", "@"))
        return made

    top = [cell(name, font=bold, fill=head, alignment=middle) for name in headings(zone)]
    note = "Leave this column as it is: by it the hub finds the post again. An empty id makes a new post."
    for made in top[: len(MINE)]:
        made.comment = Comment(note, "Social Hub", height=90, width=260)
    yield top
    for row in rows:
        shown = as_shown(row, names, zone)
        at = _local(row.planned_at, zone)
        yield [
            words(post_mark(row.id), font=pale, fill=own),
            cell(row.version, font=pale, fill=own, alignment=wrapped),
            words(shown["title"]),
            words(shown["text"]),
            words(shown["state"]),
            cell(at, number_format="ddd dd.mm.yyyy hh:mm", alignment=wrapped),
            words(shown["channel_ids"]),
            words(shown["campaign"]),
        ]


def _local(moment: datetime | None, zone: ZoneInfo) -> datetime | None:
    return moment.astimezone(zone).replace(tzinfo=None, second=0, microsecond=0) if moment else None


def _legend(book: Any, zone: ZoneInfo, campaigns: Sequence[str], offered: ChannelNames) -> dict[str, str]:
    """The second sheet: how this file works, and what can be chosen. Gives where the choices stand, by column."""
    from openpyxl.cell import WriteOnlyCell
    from openpyxl.styles import Alignment, Font

    sheet = book.create_sheet("Legend")
    for letter, width in zip("ABCD", (80, 18, 30, 36), strict=True):
        sheet.column_dimensions[letter].width = width
    lines = (
        "Edit the sheet “Plan”, save this file, and choose it in the hub under Planning, Import and export.",
        "The hub shows what you have changed, cell by cell, and changes nothing before you confirm.",
        "The grey columns Id and Version belong to the hub. Leave them as they are.",
        "A row without an id becomes a new post. To copy a post, copy its row and empty the id.",
        "A row that you delete here stays in the plan: the hub asks for each whether it shall go, too.",
        f"Times are those of {zone.key}. An empty time takes the time away.",
        "Channels: handles, names or numbers, parted by commas. The connected ones stand on the right.",
        "A campaign that isn't in the list is made.",
        "Published and Needs care follow from what happens on the channels: they can't be set here.",
    )
    choices = (lines, [state_word(state) for state in BY_HAND], campaigns, list(offered.by_id.values()))
    heads = ("How this file works", "States", "Campaigns", "Channels")
    bold, wrapped = Font(bold=True), Alignment(wrap_text=True, vertical="top")

    def cell(value: str, head: bool) -> Any:
        made = WriteOnlyCell(sheet, value=clean(value))
        made.alignment = wrapped
        made.data_type = "s"
        if head:
            made.font = bold
        return made

    sheet.append([cell(word, True) for word in heads])
    for place in range(max(map(len, choices))):
        sheet.append([cell(column[place], False) if place < len(column) else None for column in choices])
    found = {"state": f"Legend!$B$2:$B${len(BY_HAND) + 1}"}
    return found | ({"campaign": f"Legend!$C$2:$C${len(campaigns) + 1}"} if campaigns else {})


def _choices(sheet: Any, legend: dict[str, str], count: int) -> None:
    """Lists to choose from; another campaign may be typed all the same."""
    from openpyxl.utils import get_column_letter
    from openpyxl.worksheet.datavalidation import DataValidation

    for key, where in legend.items():
        letter = get_column_letter(list(COLUMNS).index(key) + 1)
        choice = DataValidation(type="list", formula1=where, allow_blank=True, showErrorMessage=key == "state")
        choice.errorStyle = "warning"  # states that follow by themselves stand in the file, too
        choice.errorTitle, choice.error = "No such state", f"Take one of: {', '.join(w[0] for w in STATES.values())}."
        choice.add(f"{letter}2:{letter}{count + 200}")
        sheet.data_validations.append(choice)
