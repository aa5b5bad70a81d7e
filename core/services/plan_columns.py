"""The columns of a file: which row names them, what each means, and its rows as posts that aren't made yet."""

import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import time
from typing import Any
from zoneinfo import ZoneInfo

from core.errors import UserError
from core.models.planning import PostState
from core.services.plan_cells import ChannelNames, DayOrder, language_in, planned_at, state_in
from core.services.plan_files import Cell, Raw

NINE = time(9)
# What a column can be -> what it is called in the list, and how people name it.
FIELDS: dict[str, tuple[str, tuple[str, ...]]] = {
    "id": ("Id", ("id", "post id")),
    "version": ("Version", ("version",)),
    "title": ("Title", ("titel", "title", "thema", "betreff", "überschrift", "headline", "topic", "subject")),
    "text": ("Text", ("text", "inhalt", "beitrag", "beitragstext", "posttext", "post text", "post", "copy", "content",
                      "caption", "message", "nachricht", "body")),
    "when": ("Day and time", ("termin", "goes out", "geht raus", "zeitpunkt", "datum uhrzeit", "datum und uhrzeit",
                              "date time", "datetime", "date and time", "veröffentlichung", "veröffentlichungstermin",
                              "publish at", "scheduled at", "planned at", "scheduled for", "when")),
    "day": ("Day", ("datum", "tag", "date", "day", "veröffentlichungsdatum", "publish date", "publishing date")),
    "clock": ("Time", ("uhrzeit", "zeit", "time", "publish time", "veröffentlichungszeit")),
    "channels": ("Channels", ("kanal", "kanäle", "channel", "channels", "profil", "profile", "profiles", "netzwerk",
                              "netzwerke", "network", "networks", "plattform", "plattformen", "platform", "platforms")),
    "campaign": ("Campaign", ("kampagne", "campaign", "aktion", "kampagnenname", "campaign name")),
    "state": ("State", ("status", "state", "stand", "zustand")),
    "language": ("Language", ("sprache", "language", "lang", "locale")),
    "hashtags": ("Hashtags", ("hashtag", "hashtags", "tags", "schlagworte", "schlagwörter")),
    "link": ("Link", ("link", "links", "url", "webadresse", "landingpage", "landing page", "ziel url", "weblink")),
}  # fmt: skip
_NAMES = {name: key for key, (_, names) in FIELDS.items() for name in names}
PICTURES = re.compile(
    r"\b(bild|bilder|foto|fotos|grafik|image|images|picture|photo|video|media|medien|asset)", re.IGNORECASE
)
NO_PICTURES = (
    "Pictures aren't taken from a file: add them in the composer, where they get their alt text. “{}” is left out."
)
LOOKED_AT = 15  # rows in which the names of the columns are looked for


@dataclass(frozen=True)
class Table:
    """A file with its columns named."""

    names: tuple[str, ...]
    rows: tuple[tuple[int, tuple[Cell, ...]], ...]
    header: int | None  # the row of the file that names the columns

    def samples(self, column: int, most: int = 3) -> tuple[str, ...]:
        """What stands in this column, as text."""
        found: list[str] = []
        for _, cells in self.rows:
            words = " ".join(str(cells[column]).split()) if column < len(cells) else ""
            if words and words not in found:
                found.append(words)
            if len(found) == most:
                break
        return tuple(found)

    def cells(self, column: int) -> list[Cell]:
        """All of a column."""
        return [cells[column] for _, cells in self.rows if column < len(cells)]


@dataclass(frozen=True)
class Reading:
    """How a file is to be understood. `columns`: place of a column to one of FIELDS; columns not in it are left out."""

    columns: Mapping[int, str]
    zone: ZoneInfo
    order: DayOrder | None = None
    usual: time = NINE

    def places(self, *fields: str) -> list[int]:
        """Places of the columns that are these, in the order of `fields`."""
        return [place for one in fields for place, key in self.columns.items() if key == one]


@dataclass(frozen=True)
class NewRow:
    """A row of a file as the post it would become. `wrong`: cell to the sentence on why it can't be read."""

    number: int  # of its row in the file
    cells: dict[str, Any]  # as in plan_rows.CELLS
    language: str | None = None
    wrong: dict[str, str] = field(default_factory=dict)
    notes: tuple[str, ...] = ()


def header_row(raw: Raw, called: Collection[str] = ()) -> int | None:
    """Number of the row that names the columns; None where none does. `called`: names that somebody says it has."""
    said = {name.casefold() for name in called if name}
    for number, cells in raw.rows[:LOOKED_AT]:
        if said and said <= {" ".join(str(cell).split()).casefold() for cell in cells}:
            return number
    best, score = None, 0
    for number, cells in raw.rows[:LOOKED_AT]:
        known = len({key for cell in cells if (key := known_name(cell)) is not None})
        if known > score:
            best, score = number, known
    return best if score >= 2 or (score == 1 and best == raw.rows[0][0]) else None


def headed(raw: Raw, header: int | None) -> Table:
    """The file with the names in row `header`, and the rows below it; None: columns are called A, B, C."""
    named = next((cells for number, cells in raw.rows if number == header), ())
    rows = tuple(row for row in raw.rows if header is None or row[0] > header)
    names = [" ".join(str(cell).split()) for cell in named]
    names += [""] * (raw.width - len(names))
    return Table(tuple(name or f"Column {_letters(place)}" for place, name in enumerate(names)), rows, header)


def _letters(place: int) -> str:
    return (_letters(place // 26 - 1) if place >= 26 else "") + chr(ord("A") + place % 26)


def known_name(cell: Cell) -> str | None:
    """Which of FIELDS a column of this name is."""
    if not isinstance(cell, str) or len(cell) > 80:
        return None
    plain = " ".join(re.sub(r"\(.*?\)|[^\w\s]|_", " ", cell.casefold()).split())
    if plain in _NAMES:
        return _NAMES[plain]
    if PICTURES.search(plain):
        return None
    words = plain.split()
    return next((_NAMES[word] for word in words if word in _NAMES), None) if len(words) <= 3 else None


def guessed(table: Table) -> tuple[dict[int, str], tuple[str, ...]]:
    """(place of a column to one of FIELDS, each given once; sentences on what is left out for good)."""
    columns: dict[int, str] = {}
    for exact in (True, False):  # "Text" is the text, even if "Text length" stands before it
        for place, name in enumerate(table.names):
            key = known_name(name)
            is_exact = " ".join(name.casefold().split()) in _NAMES
            if key is not None and place not in columns and key not in columns.values() and is_exact is exact:
                columns[place] = key
    if "day" in columns.values() and "clock" not in columns.values():
        columns = {
            place: "when" if key == "day" and "when" not in columns.values() else key for place, key in columns.items()
        }
    pictures = [n for place, n in enumerate(table.names) if place not in columns and PICTURES.search(n)]
    return columns, tuple(NO_PICTURES.format(name) for name in pictures)


def is_export(columns: Mapping[int, str]) -> bool:
    """Whether this is a file that the hub exported, to be compared with the plan."""
    return {"id", "version"} <= set(columns.values())


def by_names(table: Table, wanted: Mapping[str, str]) -> dict[int, str]:
    """Columns as somebody says: field to the column's name in the file. Raises `UserError`."""
    columns, _ = guessed(table)
    for key, name in wanted.items():
        if key not in FIELDS:
            raise UserError(f"“{key}” is nothing a column can be. Take one of: {', '.join(FIELDS)}.")
        place = next((n for n, one in enumerate(table.names) if one.casefold() == name.casefold()), None)
        if name and place is None:
            raise UserError(f"There is no column “{name}” in this file. It has: {', '.join(table.names)}.")
        columns = {n: one for n, one in columns.items() if one != key and n != place}
        if place is not None:
            columns[place] = key
    return columns


def new_rows(table: Table, reading: Reading, names: ChannelNames) -> tuple[NewRow, ...]:
    """Each row of the file as the post it would become. Nothing is asked of the database."""
    return tuple(_new_row(number, cells, reading, names) for number, cells in table.rows)


def _new_row(number: int, cells: Sequence[Cell], reading: Reading, names: ChannelNames) -> NewRow:
    def said(key: str) -> Cell:
        places = [place for place in reading.places(key) if place < len(cells)]
        return cells[places[0]] if places else ""

    wrong: dict[str, str] = {}
    notes: list[str] = []
    found: dict[str, Any] = {
        "title": " ".join(str(said("title")).split()),
        "text": _text(str(said("text")), str(said("hashtags")), str(said("link"))),
        "campaign": " ".join(str(said("campaign")).split()),
        "channel_ids": (),
        "planned_at": None,
        "state": PostState.DRAFT,
    }
    language = None
    try:
        found["channel_ids"] = names.find(said("channels"))
    except UserError as error:
        wrong["channel_ids"] = str(error)
    try:
        times = [cells[place] for place in reading.places("when", "day", "clock") if place < len(cells)]
        found["planned_at"], told = planned_at(times, reading.order, reading.zone, reading.usual)
        notes += told
    except UserError as error:
        wrong["planned_at"] = str(error)
    try:
        found["state"] = state_in(said("state")) or PostState.DRAFT
    except UserError as error:
        wrong["state"] = str(error)
    try:
        language = language_in(said("language"))
    except UserError as error:
        notes.append(f"{error} It is left out.")
    notes += [f"The {cell} is cut at {most} characters." for cell, most in (("title", 200), ("campaign", 80))
              if len(found[cell]) > most]  # fmt: skip
    found["title"], found["campaign"] = found["title"][:200], found["campaign"][:80].strip()
    return NewRow(number, found, language, wrong, tuple(notes))


def _text(text: str, hashtags: str, link: str) -> str:
    """The text with its link and hashtags, where they don't stand in it already."""
    text, link = text.strip().replace("\r\n", "\n"), link.strip()
    words = [word for word in re.split(r"[\s,;]+", hashtags) if word.strip("#")]
    tags = [
        f"#{word.lstrip('#')}" for word in words if f"#{word.lstrip('#')}".casefold() not in text.casefold().split()
    ]
    return "\n\n".join(filter(None, (text, link if link and link not in text else "", " ".join(tags))))
