"""`python -m core plan export …` and `plan import …`: the plan as a file, and files into the plan."""

from pathlib import Path
from typing import Annotated, Any
from zoneinfo import ZoneInfo

import typer

from core import db
from core.cli.frame import Json, moment_of, sentence, show
from core.errors import UserError
from core.models.planning import PostState
from core.services.team import COMMAND_LINE
from core.settings import settings

File = Annotated[Path, typer.Argument(help="A file that ends in .xlsx or .csv.")]
CELLS = {"title": "title", "text": "text", "channel_ids": "channels", "planned_at": "time", "campaign": "campaign",
         "state": "state"}  # fmt: skip


def plan_export(
    file: File,
    state: Annotated[list[str] | None, typer.Option(help="Only posts in this state; may be repeated.")] = None,
    channel: Annotated[list[int] | None, typer.Option("--channel", help="Only of this channel; may repeat.")] = None,
    group: Annotated[str | None, typer.Option(help="Only of the channels of this group, by its name.")] = None,
    campaign: Annotated[str | None, typer.Option(help="Only of this campaign, by its name.")] = None,
    since: Annotated[str | None, typer.Option(help="Only from this time on, like 2026-12-01T00:00.")] = None,
    until: Annotated[str | None, typer.Option(help="Only before this time.")] = None,
) -> None:
    """Write the plan into a workbook or a CSV file, to edit it elsewhere and bring it back with `plan import`."""
    from core.services import plan_export as service
    from core.services.planning import PlanFilter

    kind = _kind(file)
    group_id, campaign_id = _numbers(group, campaign)
    with sentence(f"There is no such state. Take one of: {', '.join(PostState)}."):
        states = tuple(PostState(word) for word in state or ())
    wanted = PlanFilter(
        since=moment_of(since) if since else None,
        until=moment_of(until) if until else None,
        states=states,
        channel_ids=tuple(channel or ()),
        group_id=group_id,
        campaign_id=campaign_id,
    )
    made = service.export_plan(wanted, ZoneInfo(settings().time_zone), kind)
    with _written(file):
        file.write_bytes(made.data)
    more = " There are more: narrow it down." if made.left_out else ""
    typer.echo(f"{made.rows} posts are in {file}.{more}", err=True)


def _written(file: Path) -> Any:
    from contextlib import contextmanager

    @contextmanager
    def guard() -> Any:
        try:
            yield
        except OSError as error:
            raise UserError(f"{file} can't be written: {error.strerror}.") from None

    return guard()


def _kind(file: Path) -> str:
    kind = file.suffix.lower().removeprefix(".")
    if kind not in ("xlsx", "csv"):
        raise typer.BadParameter("The file's name must end in .xlsx or .csv.")
    return kind


def _numbers(group: str | None, campaign: str | None) -> tuple[int | None, int | None]:
    from core.services import channels, planning

    with db.read() as session:
        groups = {row.name.casefold(): row.id for row in channels.groups(session)}
        campaigns = {name.casefold(): number for number, name in planning.campaigns(session)}
    for word, known, what in ((group, groups, "group"), (campaign, campaigns, "campaign")):
        if word is not None and word.casefold() not in known:
            raise typer.BadParameter(f"There is no {what} called “{word}”.")
    return groups.get((group or "").casefold()), campaigns.get((campaign or "").casefold())


# --- in ---------------------------------------------------------------------------------------------------------------


def plan_import(
    file: File,
    map_: Annotated[
        list[str] | None, typer.Option("--map", help="What a column is, as field=column: text=Inhalt; may be repeated.")
    ] = None,
    sheet: Annotated[str, typer.Option(help="Which sheet of a workbook; without it, the first.")] = "",
    day_first: Annotated[
        bool | None, typer.Option("--day-first/--month-first", help="How dates like 12/01/2026 are meant.")
    ] = None,
    time: Annotated[str, typer.Option(help="The time of the day where a row has none.")] = "09:00",
    duplicates: Annotated[bool, typer.Option(help="Import rows, too, that stand in the plan already.")] = False,
    over: Annotated[bool, typer.Option("--mine", help="Where both changed a cell, take the file's.")] = False,
    apply: Annotated[bool, typer.Option("--apply", help="Do it; without this, only say what would happen.")] = False,
    as_json: Json = False,
) -> None:
    """Bring a file into the plan: new posts, or what was changed in a file of `plan export`. Says what would happen."""
    from core.services import plan_columns, plan_diff, plan_files
    from core.services.plan_cells import DayOrder

    raw = plan_files.read_file(_bytes(file), file.name, sheet)
    said = _pairs(map_ or [])
    table = plan_columns.headed(raw, plan_columns.header_row(raw, said.values()))
    columns = plan_columns.by_names(table, said)
    zone = ZoneInfo(settings().time_zone)
    order = {True: DayOrder.DAY_FIRST, False: DayOrder.MONTH_FIRST}.get(day_first)  # type: ignore[arg-type]
    ours = plan_diff.is_ours(table, columns)
    if ours:
        zone = plan_diff.zone_of(table, raw.exported, zone)
    reading = plan_columns.Reading(columns, zone, order or _order(table, columns), _clock(time))
    rows = _changes(raw, table, reading, over, apply) if ours else _new(table, reading, duplicates, apply)
    show(rows, as_json, "The plan says what the file says.")
    if not apply and rows and not as_json:
        typer.echo("Nothing is changed yet. With --apply it is.", err=True)


def _bytes(file: Path) -> bytes:
    from core.services.plan_files import MAX_BYTES

    try:
        with file.open("rb") as stream:
            return stream.read(MAX_BYTES + 1)
    except OSError as error:
        raise UserError(f"{file} can't be read: {error.strerror}.") from None


def _pairs(given: list[str]) -> dict[str, str]:
    pairs = [one.partition("=") for one in given]
    wrong = next((one for one, (_, sign, _) in zip(given, pairs, strict=True) if not sign), None)
    if wrong is not None:
        raise typer.BadParameter(f"“{wrong}” isn't written as field=column.")
    return {key.strip(): name.strip() for key, _, name in pairs}


def _clock(text: str) -> Any:
    from datetime import time

    with sentence(f"“{text}” is no time of the day. Write it like 09:00."):
        return time.fromisoformat(text)


def _order(table: Any, columns: dict[int, str]) -> Any:
    from core.services.plan_cells import day_order

    places = [place for place, key in columns.items() if key in ("when", "day")]
    return day_order(cell for place in places for cell in table.cells(place))[1]


def _new(table: Any, reading: Any, duplicates: bool, apply: bool) -> list[dict[str, Any]]:
    from core.services import plan_import as service
    from core.services.channels import channels
    from core.services.plan_cells import ChannelNames
    from core.services.plan_columns import new_rows

    with db.read() as session:
        names = ChannelNames.of(channels(session))
    rows = new_rows(table, reading, names)
    opinions = service.judge(COMMAND_LINE, rows)
    wanted = [
        row for row in rows if not opinions[row.number].problem and (duplicates or not opinions[row.number].duplicate)
    ]
    done = service.import_rows(COMMAND_LINE, wanted) if apply else service.Imported()
    facts = []
    for row in rows:
        opinion = opinions[row.number]
        post_id = done.made.get(row.number, (None, 0))[0]
        said = [opinion.problem, opinion.duplicate, done.refused.get(row.number, ""), done.drafts.get(row.number, "")]
        verdict = "import" if row in wanted else "wrong" if opinion.problem else "duplicate"
        facts.append(
            {
                "row": row.number,
                "verdict": ("imported" if post_id else "refused") if apply and verdict == "import" else verdict,
                "post_id": post_id,
                **{name: row.cells[name] for name in CELLS},
                "notes": [one for one in (*said, *opinion.notes) if one],
            }
        )
    return facts


def _changes(raw: Any, table: Any, reading: Any, over: bool, apply: bool) -> list[dict[str, Any]]:
    """One line a cell that changes, a row that is new, refused, or missing."""
    from core.services import plan_diff, plan_import

    diff = plan_diff.compare(COMMAND_LINE, table, reading, raw.exported)
    typer.echo(f"{diff.unchanged} unchanged.", err=True)
    edits = {one.number: one.only(_taken(one, over)) for one in diff.changed}
    edits = {number: edit for number, edit in edits.items() if edit.cells}
    does = plan_diff.apply_changes if apply else plan_diff.judge_changes
    verdicts = does(COMMAND_LINE, edits)
    opinions = plan_import.judge(COMMAND_LINE, diff.new)
    good = [row for row in diff.new if not opinions[row.number].problem]
    done = plan_import.import_rows(COMMAND_LINE, good) if apply else plan_import.Imported()
    facts = []
    for one in diff.changed:
        verdict, clashing = verdicts.get(one.number), {clash.cell: clash.theirs for clash in one.clashes}
        for name, mine in one.edit.cells.items():
            kept_back = name in clashing and not over
            word = "conflict" if kept_back else "wrong" if verdict and not verdict.good else "changed"
            facts.append(_line(one.number, word, one.now.id, name, getattr(one.edit.base, name), mine,
                               verdict.problem if verdict and not kept_back else "", clashing.get(name)))  # fmt: skip
        facts += [_line(one.number, "wrong", one.now.id, name, None, None, said) for name, said in one.wrong.items()]
    for row in diff.new:
        post_id = done.made.get(row.number, (None, 0))[0]
        said = opinions[row.number].problem or done.drafts.get(row.number, "")
        words = row.cells["title"] or row.cells["text"]
        facts.append(_line(row.number, "wrong" if row.number not in {r.number for r in good} else "new", post_id, "",
                           None, words, said))  # fmt: skip
    facts += [_line(number, "refused", None, "", None, None, said) for number, said in diff.refused.items()]
    facts += [_line(None, "missing", row.id, "", row.title or row.text, None, "It stays.") for row in diff.missing]
    return facts


def _taken(one: Any, over: bool) -> dict[str, bool]:
    clashing = {clash.cell for clash in one.clashes}
    return {name: over for name in one.edit.cells if over or name not in clashing}


def _line(
    row: int | None, verdict: str, post_id: int | None, cell: str, old: Any, new: Any, said: str, theirs: Any = None
) -> dict[str, Any]:
    names = ("row", "verdict", "post_id", "cell", "old", "new", "theirs", "said")
    return dict(zip(names, (row, verdict, post_id, CELLS.get(cell, cell), old, new, theirs, said), strict=True))
