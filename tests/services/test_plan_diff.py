"""The plan leaves as a file and comes back: what is untouched is no change, what is touched is, conflicts are seen."""

import csv
import io
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from openpyxl import load_workbook

from core import db
from core.models.planning import Post, PostState
from core.models.team import Role
from core.services import plan_columns, plan_diff, plan_export, plan_files, plan_import, planning
from core.services.plan_columns import Reading
from core.services.plan_diff import PlanDiff
from core.services.plan_list import PlanFilter
from core.services.plan_rows import RowEdit
from core.services.planning import Changes
from core.services.team import Actor
from tests import factories
from tests.conftest import counted

pytestmark = pytest.mark.usefixtures("hub")
BERLIN, LONDON = ZoneInfo("Europe/Berlin"), ZoneInfo("Europe/London")
Edit = Callable[[Any], None]
EVIL = '=HYPERLINK("https://evil.example";"klick")'


@pytest.fixture
def anna() -> Actor:
    return factories.actor(Role.EDITOR)


def made(actor: Actor, **values: Any) -> int:
    with db.write() as session:
        return planning.create_post(session, actor, **values)


def saved(actor: Actor, post_id: int, **values: Any) -> None:
    with db.write() as session:
        version = session.get_one(Post, post_id).version
        planning.save_post(session, actor, post_id, version, Changes(**values))


def post(post_id: int) -> Post:
    with db.read() as session:
        return session.get_one(Post, post_id)


def exported(kind: str = "xlsx", wanted: PlanFilter | None = None) -> bytes:
    return plan_export.export_plan(wanted or PlanFilter(), BERLIN, kind).data


def edited(data: bytes, *edits: Edit) -> bytes:
    book = load_workbook(io.BytesIO(data))
    for edit in edits:
        edit(book["Plan"])
    out = io.BytesIO()
    book.save(out)
    return out.getvalue()


def cell(row: int, name: str, value: Any) -> Edit:
    column = list(plan_export.COLUMNS).index(name) + 1
    return lambda sheet: setattr(sheet.cell(row, column), "value", value)


def back(actor: Actor, data: bytes, zone: ZoneInfo = LONDON) -> PlanDiff:
    raw = plan_files.read_file(data, "plan.xlsx")
    table = plan_columns.headed(raw, plan_columns.header_row(raw))
    columns, _ = plan_columns.guessed(table)
    assert plan_diff.is_ours(table, columns)
    zone = plan_diff.zone_of(table, raw.exported, zone)
    return plan_diff.compare(actor, table, Reading(columns, zone), raw.exported)


def apply_all(actor: Actor, diff: PlanDiff) -> None:
    edits = {one.number: one.only(dict.fromkeys(one.edit.cells, True)) for one in diff.changed}
    assert all(verdict.good for verdict in plan_diff.apply_changes(actor, edits).values())
    plan_import.import_rows(actor, diff.new)


@pytest.mark.parametrize("kind", ["xlsx", "csv"])
def test_an_untouched_file_changes_nothing(anna: Actor, kind: str):
    one, two = factories.channel(), factories.channel("bluesky", handle="laden.bsky.social")
    texts = (
        *(EVIL, "'=schon", "- Punkt\n- Punkt", "@lena", "+49 221", "Viele   Wörter \n\n\nund Zeilen "),
        *("12", "2026-12-01", "Glocke\x07", "\ttab", "'zitiert'"),
    )
    for number, text in enumerate(texts):
        at = datetime(2027, 10, 31, 1, 30, 12, 345, tzinfo=UTC) + timedelta(days=number)
        made(anna, title=text, text=text, channel_ids=(two.id, one.id), planned_at=at, campaign="Größe; „M“, L")
    made(anna, title="Ohne alles")
    diff = back(anna, exported(kind))
    assert (diff.changed, diff.new, diff.refused, diff.missing) == ((), (), {}, ())
    assert diff.unchanged == len(texts) + 1 and diff.zone == BERLIN


def test_no_cell_is_a_formula_for_a_spreadsheet(anna: Actor):
    made(anna, title="@SUM(1)", text=EVIL, campaign="-1+1")
    sheet = load_workbook(io.BytesIO(exported()))["Plan"]
    kinds = {(c.data_type, c.quotePrefix) for c in (sheet["C2"], sheet["D2"], sheet["H2"])}
    assert kinds == {("s", True)}
    rows = list(csv.reader(io.StringIO(exported("csv").decode("utf-8-sig")), delimiter=";"))
    assert [rows[1][n] for n in (2, 3, 7)] == ["'@SUM(1)", f"'{EVIL}", "'-1+1"]


def test_the_workbook_helps_to_edit_it(anna: Actor):
    made(anna, title="Eins", campaign="Herbst", planned_at=datetime(2026, 12, 1, 8, tzinfo=UTC))
    book = load_workbook(io.BytesIO(exported()))
    sheet, legend = book["Plan"], book["Legend"]
    assert sheet["F1"].value == "Goes out (Europe/Berlin)" and sheet["F2"].value == datetime(2026, 12, 1, 9)
    assert sheet.freeze_panes == "D2" and sheet["D2"].alignment.wrap_text
    lists = {rule.formula1 for rule in sheet.data_validations.dataValidation}
    assert lists == {"Legend!$B$2:$B$7", "Legend!$C$2:$C$2"}
    assert [legend[f"B{n}"].value for n in (2, 7)] == ["Idea", "Cancelled"] and legend["C2"].value == "Herbst"
    assert book["hub"].sheet_state == "hidden"


def test_only_what_was_asked_for_is_exported(anna: Actor):
    channel = factories.channel()
    made(anna, title="Ja", channel_ids=(channel.id,))
    made(anna, title="Nein")
    sheet = load_workbook(io.BytesIO(exported(wanted=PlanFilter(channel_ids=(channel.id,)))))["Plan"]
    assert [row[2].value for row in sheet.iter_rows(min_row=2)] == ["Ja"]


def test_out_edited_back_as_a_diff_and_applied(anna: Actor):
    factories.channel(handle="@laden@social.example")
    first = made(anna, title="Eins", text="Alt", planned_at=datetime(2027, 12, 1, 8, tzinfo=UTC))
    second = made(anna, title="Zwei", text="Bleibt", planned_at=datetime(2027, 12, 2, 8, tzinfo=UTC))
    third = made(anna, title="Drei", planned_at=datetime(2027, 12, 3, 8, tzinfo=UTC), campaign="Alt")
    data = edited(
        exported(),
        cell(2, "text", "Neu"),
        cell(2, "planned_at", datetime(2027, 12, 5, 18, 30)),
        cell(2, "state", "Geplant"),
        cell(2, "channel_ids", "laden"),
        cell(4, "campaign", "Winter"),
        cell(4, "planned_at", None),
        cell(5, "title", "Vier"),
    )
    diff = back(anna, data)
    assert [one.now.id for one in diff.changed] == [first, third] and diff.unchanged == 1
    assert set(diff.changed[0].edit.cells) == {"text", "planned_at", "state", "channel_ids"}
    assert post(first).text == "Alt"
    apply_all(anna, diff)
    assert (post(first).text, post(first).state) == ("Neu", PostState.SCHEDULED)
    assert post(first).planned_at == datetime(2027, 12, 5, 17, 30, tzinfo=UTC)
    assert post(third).planned_at is None and post(second).version == 1
    again = back(anna, data)
    assert not again.changed and len(again.new) == 1  # the same file once more: only the row without an id


def test_only_the_ticked_cells_are_applied(anna: Actor):
    first = made(anna, title="Eins", text="Alt")
    (one,) = back(anna, edited(exported(), cell(2, "title", "Neu"), cell(2, "text", "Neu"))).changed
    plan_diff.apply_changes(anna, {one.number: one.only({"title": True})})
    assert (post(first).title, post(first).text) == ("Neu", "Alt")


def test_what_was_changed_on_both_sides_is_a_conflict_and_a_person_decides(anna: Actor):
    bernd = factories.actor(Role.EDITOR)
    first = made(anna, title="Eins", text="Alt")
    data = edited(exported(), cell(2, "title", "Annas Titel"), cell(2, "text", "Annas Text"))
    saved(bernd, first, text="Bernds Text", campaign="Bernds")
    (one,) = back(anna, data).changed
    (clash,) = one.clashes
    assert (clash.before, clash.theirs, clash.mine) == ("Alt", "Bernds Text", "Annas Text")
    refused = plan_diff.apply_changes(anna, {2: one.edit})[2]
    assert refused.clashes and post(first).title == "Eins"
    plan_diff.apply_changes(anna, {2: one.only({"title": True})})
    assert (post(first).title, post(first).text) == ("Annas Titel", "Bernds Text")
    plan_diff.apply_changes(anna, {2: one.only({"text": True})})
    assert post(first).text == "Annas Text"


def test_what_happened_on_the_channels_meanwhile_is_no_change_of_the_file(anna: Actor):
    channel = factories.channel()
    first = made(anna, text="Geht raus", channel_ids=(channel.id,))
    with db.write() as session:
        planning.schedule_post(session, anna, first, db.utc_now() + timedelta(hours=5))
    data = exported()
    with db.write() as session:
        session.get_one(Post, first).state = PostState.PUBLISHED  # as the worker does, without a new version
    diff = back(anna, data)
    assert not diff.changed and diff.unchanged == 1
    assert not back(anna, exported()).changed


def test_the_same_in_other_words_is_no_change_and_some_states_follow_by_themselves(anna: Actor):
    channel = factories.channel(handle="@laden@social.example", name="Laden")
    at = datetime(2027, 12, 1, 8, tzinfo=UTC)
    first = made(anna, title="Eins", channel_ids=(channel.id,), planned_at=at)
    words = (("channel_ids", "laden"), ("planned_at", "1. Dezember 2027, 9 Uhr"), ("state", "Entwurf"))
    data = edited(exported(), *(cell(2, name, value) for name, value in words))
    saved(anna, first, channel_ids=(), planned_at=at + timedelta(days=1))
    diff = back(anna, data)
    assert not diff.changed and diff.unchanged == 1
    (one,) = back(anna, edited(exported(), cell(2, "state", "Veröffentlicht"))).changed
    assert "can't be set by hand" in one.wrong["state"] and not one.edit.cells


def test_both_did_the_same_and_both_nights_are_no_change(anna: Actor):
    bernd = factories.actor(Role.EDITOR)
    first = made(anna, text="Alt", planned_at=datetime(2026, 10, 25, 1, 30, tzinfo=UTC))  # 02:30 for the second time
    data = edited(exported(), cell(2, "text", "Neu"))
    saved(bernd, first, text="Neu")
    assert not back(anna, data).changed


def test_strange_ids_are_refused_and_copies_told(anna: Actor):
    first = made(anna, title="Eins")
    mark = plan_export.post_mark(first)
    counted_on = mark[:-1] + ("0" if mark[-1] != "0" else "1")
    gone = made(anna, title="Weg")
    data = edited(
        exported(),
        *(cell(4, name, value) for name, value in (("id", counted_on), ("version", 1), ("title", "Fremd"))),
        *(cell(5, name, value) for name, value in (("id", mark), ("version", 1), ("title", "Doppelt"))),
    )
    with db.write() as session:
        planning.delete_post(session, anna, gone)
    diff = back(anna, data)
    assert diff.unchanged == 1 and not diff.changed and not diff.new
    assert "isn't in the plan any more" in diff.refused[3]
    assert "wasn't given by this hub" in diff.refused[4] and "row 2" in diff.refused[5]


def test_a_cell_that_cannot_be_read_spoils_no_other(anna: Actor):
    first = made(anna, title="Eins")
    (one,) = back(anna, edited(exported(), cell(2, "title", "Neu"), cell(2, "planned_at", "bald"))).changed
    assert "no time" in one.wrong["planned_at"]
    plan_diff.apply_changes(anna, {2: one.only({"title": True})})
    assert post(first).title == "Neu"


def test_rows_taken_out_stay_unless_somebody_says_otherwise(anna: Actor):
    first, second = made(anna, title="Bleibt"), made(anna, title="Fehlt")
    diff = back(anna, edited(exported(), lambda sheet: sheet.delete_rows(3)))
    assert [row.id for row in diff.missing] == [second] and diff.unchanged == 1
    apply_all(anna, diff)
    assert post(second).title == "Fehlt"
    plan_diff.apply_changes(anna, {3: RowEdit(diff.missing[0], delete=True)})
    with db.read() as session:
        assert session.get(Post, second) is None and session.get(Post, first) is not None


def test_many_rows_are_compared_in_few_statements(anna: Actor):
    rows = [plan_import_row(number) for number in range(2, 602)]
    plan_import.import_rows(anna, rows)
    data = exported()
    with counted() as ran:
        diff = back(anna, data)
    assert diff.unchanged == 600 and len(ran) < 15


def plan_import_row(number: int) -> plan_columns.NewRow:
    cells = {"title": f"T{number}", "text": "", "channel_ids": (), "planned_at": None, "campaign": ""}
    return plan_columns.NewRow(number, cells | {"state": PostState.DRAFT})
