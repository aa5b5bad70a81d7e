"""Files of a spreadsheet, read: CSV in its many dialects, XLSX, and what is pasted. What its columns mean is next door.

Files come from anywhere, so all is bounded (`MAX_…`), nothing is calculated, and what is too much is refused with a
sentence. Cells are text; dates and times of a workbook stay dates and times.
"""

import csv
import io
import zipfile
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Any

from core.errors import UserError

MAX_BYTES = 10 * 2**20
MAX_UNPACKED = 60 * 2**20
MAX_PARTS = 2_000
MAX_ROWS = 5_000
MAX_LINES = 20_000  # of a sheet, empty ones too
MAX_COLUMNS = 60
MAX_CELL = 32_767  # characters, as in a workbook
DELIMITERS = (";", "\t", ",", "|")
DELIMITER_WORDS = {";": "semicolon", "\t": "tab", ",": "comma", "|": "bar"}
ESCAPED = ("=", "+", "-", "@", "\t", "\r")  # what a spreadsheet would take for a formula
UNREADABLE = "This file can't be read as a workbook. Open it in your spreadsheet and save it as .xlsx or .csv again."

Cell = str | datetime | date | time


@dataclass(frozen=True)
class Raw:
    """The rows of one sheet that hold something, with their numbers in the file, which begin at 1."""

    rows: tuple[tuple[int, tuple[Cell, ...]], ...]
    told: str  # how it was read, as a sentence
    sheet: str = ""
    sheets: tuple[str, ...] = ()  # to choose from; of a workbook
    exported: "Exported | None" = None

    @property
    def width(self) -> int:
        """Columns."""
        return max((len(cells) for _, cells in self.rows), default=0)


@dataclass(frozen=True)
class Exported:
    """What a workbook of ours remembers of the day it was exported."""

    zone: str = ""
    ids: tuple[str, ...] = ()  # of the posts that were in it


def read_file(data: bytes, name: str, sheet: str = "") -> Raw:
    """A CSV or XLSX file; `sheet`: which one, else the first. Raises `UserError` with what is wrong with it."""
    if len(data) > MAX_BYTES:
        raise UserError(f"This file has {len(data) / 2**20:.0f} MB; {MAX_BYTES // 2**20} MB is the most. Split it.")
    if not data.strip():
        raise UserError("This file is empty.")
    if data.startswith(b"PK"):
        return _read_workbook(data, sheet)
    if data.startswith(b"\xd0\xcf\x11\xe0") or name.lower().endswith((".xls", ".ods", ".numbers")):
        raise UserError("This kind of workbook can't be read here. Save it as .xlsx or .csv, then choose it again.")
    return read_text(*_decoded(data))


def read_text(text: str, encoding: str = "") -> Raw:
    """CSV, or what is copied from a spreadsheet (its cells are parted by tabs). Raises `UserError`."""
    if "\0" in text:
        raise UserError("This is no text file. Choose a .csv or .xlsx file.")
    first, _, rest = text.partition("\n")
    if first.strip().lower().startswith("sep=") and len(first.strip()) == 5:
        delimiter, text, skipped = first.strip()[4], rest, 1
    else:
        delimiter, skipped = _delimiter(text), 0
    rows = _bounded(enumerate(_records(text, delimiter), start=1 + skipped))
    told = f"Read as text, cells parted by {DELIMITER_WORDS.get(delimiter, repr(delimiter))}"
    return Raw(rows, f"{told}, {encoding}." if encoding else f"{told}.")


def _decoded(data: bytes) -> tuple[str, str]:
    """(text, name of its encoding)"""
    if data.startswith((b"\xff\xfe", b"\xfe\xff")):
        return data.decode("utf-16", "replace"), "UTF-16"
    head = data[:2000]
    if head.count(b"\0") > len(head) // 4:
        little = head[1::2].count(0) > head[::2].count(0)
        return data.decode("utf-16-le" if little else "utf-16-be", "replace"), "UTF-16"
    try:
        return data.decode("utf-8-sig"), "UTF-8"
    except UnicodeDecodeError:
        return data.decode("cp1252", "replace"), "Windows-1252"


def _delimiter(text: str) -> str:
    """The one that parts the first records into the most columns, alike in most of them."""

    def score(delimiter: str) -> tuple[int, int]:
        try:
            widths = [
                len(row) for row in _some(csv.reader(io.StringIO(text[:50_000], newline=""), delimiter=delimiter))
            ]
        except csv.Error:
            return 0, 0
        usual = max(set(widths), key=lambda width: (widths.count(width), width), default=0)
        return (widths.count(usual) * 100 // max(len(widths), 1) if usual > 1 else 0), usual

    if "\t" in text.partition("\n")[0]:
        return "\t"
    best = max(DELIMITERS, key=score)
    return best if score(best)[1] > 1 else ";"


def _some(rows: Iterable[list[str]], most: int = 30) -> Iterable[list[str]]:
    for row in rows:
        if row:
            most -= 1
            yield row
        if most == 0:
            return


def _records(text: str, delimiter: str) -> Iterable[tuple[Cell, ...]]:
    try:
        for row in csv.reader(io.StringIO(text, newline=""), delimiter=delimiter):
            yield tuple(unescaped(cell) for cell in row)
    except csv.Error:
        raise UserError(
            "The quotation marks in this file don't pair up, or a cell is far too long. "
            "Open it in your spreadsheet and save it as .xlsx instead."
        ) from None


def escaped(text: str) -> str:
    """As CSV holds it: a spreadsheet that opens the file must not take it for a formula."""
    return f"'{text}" if _formula(text) else text


def unescaped(text: str) -> str:
    """Without the mark of `escaped`."""
    return text[1:] if text.startswith("'") and _formula(text[1:]) else text


def _formula(text: str) -> bool:
    return text.lstrip("' ").startswith(ESCAPED)


def _bounded(rows: Iterable[tuple[int, Sequence[Cell]]]) -> tuple[tuple[int, tuple[Cell, ...]], ...]:
    found: list[tuple[int, tuple[Cell, ...]]] = []
    for number, cells in rows:
        kept = list(cells)
        while kept and kept[-1] == "":
            kept.pop()
        if all(isinstance(cell, str) and not cell.strip() for cell in kept):
            continue
        if len(found) > MAX_ROWS:
            raise UserError(f"This file has more than {MAX_ROWS:,} rows. Split it into several.")
        if len(kept) > MAX_COLUMNS:
            raise UserError(f"Row {number} has {len(kept)} columns; {MAX_COLUMNS} is the most.")
        if any(isinstance(cell, str) and len(cell) > MAX_CELL for cell in kept):
            raise UserError(f"A cell in row {number} has more than {MAX_CELL:,} characters. Shorten it.")
        found.append((number, tuple(kept)))
    if not found:
        raise UserError("There is nothing in this file.")
    return tuple(found)


# --- workbooks --------------------------------------------------------------------------------------------------------


def _read_workbook(data: bytes, wanted: str) -> Raw:
    _refuse_bombs(data)
    from openpyxl import load_workbook

    try:
        book = load_workbook(io.BytesIO(data), read_only=True, data_only=True, keep_links=False)
        sheets = tuple(sheet.title for sheet in book.worksheets if sheet.sheet_state == "visible")
        if not sheets:
            raise UserError("This workbook has no sheet to read.")
        name = wanted if wanted in sheets else sheets[0]
        lines = book[name].iter_rows(max_row=MAX_LINES + 1, max_col=MAX_COLUMNS + 1, values_only=True)
        rows = _bounded((number, [_cell(value) for value in line]) for number, line in enumerate(_lines(lines), 1))
        exported = _remembered(book)
        book.close()
    except UserError:
        raise
    except Exception:  # whatever a broken file makes of the library
        raise UserError(UNREADABLE) from None
    return Raw(rows, f"Read from the sheet “{name}”.", name, sheets, exported)


def _lines(rows: Iterable[tuple[Any, ...]]) -> Iterable[tuple[Any, ...]]:
    for number, row in enumerate(rows):
        if number >= MAX_LINES and any(value is not None for value in row):
            raise UserError(f"There are rows below line {MAX_LINES:,} of this sheet. Move them up, or split it.")
        yield row


def _refuse_bombs(data: bytes) -> None:
    """A small file may unpack into a large one, and XML may hold entities that grow. Both are refused unread."""
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as packed:
            parts = packed.infolist()
            read = [part for part in parts if part.filename.lower().endswith((".xml", ".rels"))]
            if len(parts) > MAX_PARTS or sum(part.file_size for part in read) > MAX_UNPACKED:
                raise UserError(
                    "This workbook is far larger inside than it looks, so it isn't opened. Save less in it."
                )
            for part in read:
                with packed.open(part) as stream:
                    head = stream.read(4096)
                if b"<!DOCTYPE" in head or b"<!ENTITY" in head or b"\0" in head[:8]:
                    raise UserError("This workbook holds XML that no spreadsheet writes, so it isn't opened.")
    except UserError:
        raise
    except Exception:  # a broken archive, a password, a method Python doesn't know
        raise UserError(UNREADABLE) from None


def _cell(value: Any) -> Cell:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return str(int(value)) if value.is_integer() else f"{value:.15g}"
    if isinstance(value, datetime | date | time):
        return value
    if isinstance(value, timedelta):  # a length of time: somebody's time of the day
        seconds = int((value % timedelta(days=1)).total_seconds())
        return time(seconds // 3600, seconds // 60 % 60, seconds % 60)
    return str(value).replace("_x000D_", "").replace("\r\n", "\n")


HIDDEN = "hub"


def _remembered(book: Any) -> Exported | None:
    """The hidden sheet of `plan_export.py`."""
    if HIDDEN not in book.sheetnames:
        return None
    lines = [str(row[0] or "") for row in book[HIDDEN].iter_rows(max_row=MAX_ROWS + 2, max_col=1, values_only=True)]
    return Exported(lines[0], tuple(filter(None, lines[1:]))) if lines else None
