"""Files into the plan: how they are read, what becomes of their rows, and taking all of it back."""

import io
import zipfile
from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from openpyxl import Workbook
from sqlmodel import func, select

from core import db
from core.errors import PermissionDenied, UserError
from core.models.planning import Campaign, Delivery, Post, PostState
from core.models.planning_work import PostVersion
from core.models.team import AuditEntry, Role
from core.services import plan_columns, plan_files, plan_import, planning, post_history
from core.services.channels import channels
from core.services.plan_cells import ChannelNames, DayOrder, day_order, language_in, planned_at, state_in
from core.services.plan_columns import NewRow, Reading
from core.services.planning import Changes
from core.services.team import Actor
from tests import factories
from tests.conftest import counted

pytestmark = pytest.mark.usefixtures("hub")
BERLIN = ZoneInfo("Europe/Berlin")
SOON = timedelta(hours=5)


@pytest.fixture
def anna() -> Actor:
    return factories.actor(Role.EDITOR)


def rows_of(
    data: bytes | str, name: str = "plan.csv", order: DayOrder | None = None, **wanted: str
) -> tuple[NewRow, ...]:
    raw = plan_files.read_text(data) if isinstance(data, str) else plan_files.read_file(data, name)
    table = plan_columns.headed(raw, plan_columns.header_row(raw, wanted.values()))
    with db.read() as session:
        names = ChannelNames.of(channels(session))
    return plan_columns.new_rows(table, Reading(plan_columns.by_names(table, wanted), BERLIN, order), names)


def workbook(*rows: list[Any], sheet: str = "Plan") -> bytes:
    book = Workbook()
    book.active.title = sheet
    for row in rows:
        book.active.append(row)
    out = io.BytesIO()
    book.save(out)
    return out.getvalue()


# --- reading ----------------------------------------------------------------------------------------------------------

GERMAN = "Titel;Inhalt;Datum;Uhrzeit\r\nMärz;Grüße, „liebe“ Leute;01.12.2026;9.00 Uhr\r\n"


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "cp1252"])
@pytest.mark.parametrize("delimiter", [";", "\t", ","])
def test_a_file_is_read_whatever_its_encoding_and_delimiter(encoding: str, delimiter: str):
    text = GERMAN.replace(";", delimiter)
    text = text.replace("Grüße, „liebe“ Leute", '"Grüße, „liebe“ Leute"')
    (row,) = rows_of(text.encode(encoding))
    assert (row.cells["title"], row.cells["text"]) == ("März", "Grüße, „liebe“ Leute")
    assert row.cells["planned_at"] == datetime(2026, 12, 1, 8, tzinfo=UTC)


def test_cells_with_lines_and_excels_mark_of_the_delimiter():
    (row,) = rows_of('sep=|\nTitel|Text\nEins|"Zeile 1\nZeile ""2"""\n')
    assert row.cells["text"] == 'Zeile 1\nZeile "2"' and row.number == 3


def test_what_is_copied_from_a_spreadsheet():
    (row,) = rows_of('Titel\tText\nEins\t"Zwei; drei, vier\nfünf"\n')
    assert row.cells["text"] == "Zwei; drei, vier\nfünf"


def test_the_names_of_the_columns_may_stand_below_a_title_and_rows_keep_their_numbers():
    data = workbook(["Redaktionsplan Dezember"], [], ["Nr.", "Titel", "Beitragstext", "Termin"], [1, "A", "B", None])
    (row,) = rows_of(data, "plan.xlsx")
    assert (row.number, row.cells["title"], row.cells["text"]) == (4, "A", "B")


def test_a_workbook_gives_values_never_formulas_and_numbers_without_a_point():
    data = workbook(
        ["Titel", "Text", "Datum", "Uhrzeit", "Status"],
        [2026.0, '=HYPERLINK("https://evil.example")', date(2026, 12, 1), time(9, 30), "Entwurf"],
    )
    (row,) = rows_of(data, "plan.xlsx")
    assert row.cells["title"] == "2026" and row.cells["text"] == ""
    assert row.cells["planned_at"] == datetime(2026, 12, 1, 8, 30, tzinfo=UTC)


def test_a_sheet_is_chosen():
    book = Workbook()
    book.active.append(["Titel"])
    other = book.create_sheet("Zweites")
    other.append(["Titel", "Text"])
    out = io.BytesIO()
    book.save(out)
    raw = plan_files.read_file(out.getvalue(), "a.xlsx", "Zweites")
    assert raw.sheets == ("Sheet", "Zweites") and raw.rows == ((1, ("Titel", "Text")),)


def bomb() -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as packed:
        packed.writestr("xl/worksheets/sheet1.xml", b" " * (plan_files.MAX_UNPACKED + 1))
    return out.getvalue()


def entities() -> bytes:
    out = io.BytesIO(workbook(["Titel"]))
    with zipfile.ZipFile(out, "a") as packed:
        packed.writestr("xl/extra.xml", '<!DOCTYPE a [<!ENTITY b "c">]><a>&b;</a>')
    return out.getvalue()


@pytest.mark.parametrize(
    ("data", "name", "said"),
    [
        (b"", "a.csv", "empty"),
        (b"\n\n", "a.csv", "empty"),
        (b"x" * (plan_files.MAX_BYTES + 1), "a.csv", "MB"),
        (bomb(), "a.xlsx", "far larger inside"),
        (entities(), "a.xlsx", "no spreadsheet writes"),
        (b"PK\x03\x04 broken", "a.xlsx", "can't be read as a workbook"),
        (b"\xd0\xcf\x11\xe0 old", "a.xls", "Save it as .xlsx"),
        (b"Titel\n" + b"a\n" * (plan_files.MAX_ROWS + 1), "a.csv", "more than 5,000 rows"),
        (b";".join([b"a"] * 61), "a.csv", "61 columns"),
        (b"Titel\n" + b"x" * 40_000, "a.csv", "Row 2|row 2"),
        (b'Titel\n"' + b"x" * 200_000, "a.csv", "quotation marks"),
        (b"\x00\x01\x02\x03" * 9, "a.csv", "no text file|UTF|."),
    ],
)
def test_what_is_too_much_or_broken_is_refused_with_a_sentence(data: bytes, name: str, said: str):
    with pytest.raises(UserError, match=said):
        plan_files.read_file(data, name)


# --- cells ------------------------------------------------------------------------------------------------------------


def local(*cells: Any, order: DayOrder | None = None) -> str:
    moment, _ = planned_at(cells, order, BERLIN, time(9))
    return f"{moment.astimezone(BERLIN):%Y-%m-%d %H:%M}" if moment else ""


@pytest.mark.parametrize(
    ("cells", "meant"),
    [
        (("2026-12-01 09:30",), "2026-12-01 09:30"),
        (("2026-12-01T09:30:00",), "2026-12-01 09:30"),
        (("2026-12-01T09:30Z",), "2026-12-01 10:30"),
        (("01.12.2026", "9:00"), "2026-12-01 09:00"),
        (("1.12.26", "9.05 Uhr"), "2026-12-01 09:05"),
        (("Di., 01.12.2026 um 9 Uhr",), "2026-12-01 09:00"),
        (("Dienstag 1. Dezember 2026, 14:15 Uhr",), "2026-12-01 14:15"),
        (("Dec 1, 2026 9 am",), "2026-12-01 09:00"),
        (("1 December 2026", "12:15 pm"), "2026-12-01 12:15"),
        (("1 December 2026", "12:15 am"), "2026-12-01 00:15"),
        (("12/31/2026", "9h30"), "2026-12-31 09:30"),
        (("31/12/2026", "18 Uhr 45"), "2026-12-31 18:45"),
        ((datetime(2026, 12, 1, 7, 5),), "2026-12-01 07:05"),
        ((date(2026, 12, 1), time(6, 0)), "2026-12-01 06:00"),
        (("01.12.2026",), "2026-12-01 09:00"),
        (("", ""), ""),
    ],
)
def test_days_and_times_as_people_write_them(cells: tuple[Any, ...], meant: str):
    assert local(*cells) == meant


def test_a_date_that_can_be_read_in_two_ways_is_asked_about_once():
    assert day_order(["12/01/2026", "11/02/2026"]) == (True, None)
    assert day_order(["12/01/2026", "11/25/2026"]) == (True, DayOrder.MONTH_FIRST)
    assert day_order(["12/01/2026", "25/11/2026"]) == (True, DayOrder.DAY_FIRST)
    assert day_order(["01.12.2026", "2026-12-01"]) == (False, None)
    with pytest.raises(UserError, match="two ways"):
        local("12/01/2026")
    assert local("12/01/2026", order=DayOrder.DAY_FIRST) == "2026-01-12 09:00"
    assert local("12/01/2026", order=DayOrder.MONTH_FIRST) == "2026-12-01 09:00"


@pytest.mark.parametrize("wrong", ["31.02.2026", "bald", "01.12.", "25:00", "Dec 1", "01.12.2026 13 pm"])
def test_no_time_is_guessed(wrong: str):
    with pytest.raises(UserError):
        local(wrong)


def test_the_two_odd_nights_are_told():
    skipped, told = planned_at(("28.03.2027 02:30",), None, BERLIN, time(9))
    assert skipped == datetime(2027, 3, 28, 1, tzinfo=UTC) and "doesn't exist that night" in told[0]
    twice, told = planned_at(("25.10.2026 02:30",), None, BERLIN, time(9))
    assert twice == datetime(2026, 10, 25, 0, 30, tzinfo=UTC) and "comes twice" in told[0]


def test_states_and_languages_in_both_languages():
    assert [state_in(word) for word in ("Entwurf", "draft", " GEPLANT ", "Zur Freigabe", "Cancelled", "")] == [
        PostState.DRAFT, PostState.DRAFT, PostState.SCHEDULED, PostState.IN_REVIEW, PostState.CANCELLED, None,
    ]  # fmt: skip
    assert [language_in(word) for word in ("Deutsch", "EN", "pt-br", "")] == ["de", "en", "pt-br", None]
    with pytest.raises(UserError, match="Take one of: Idea, Draft"):
        state_in("fertig")


def test_channels_by_handle_name_network_or_number():
    one = factories.channel(handle="@laden@social.example", name="Unser Laden")
    two = factories.channel("bluesky", handle="laden.bsky.social", name="Laden, Köln")
    with db.read() as session:
        names = ChannelNames.of(channels(session))
    assert names.find("@LADEN@social.example; bluesky") == (one.id, two.id)
    assert names.find(f"#{two.id}, unser laden") == (two.id, one.id)
    assert names.find("Laden, Köln") == (two.id,)
    with pytest.raises(UserError, match="may be several channels"):
        names.find("laden")
    with pytest.raises(UserError, match="“Myspace” isn't connected"):
        names.find("Mastodon, Myspace")


def test_hashtags_and_link_go_into_the_text_unless_they_stand_there():
    rows = rows_of("Text;Hashtags;Link;Bild-URL\nHallo #Eins;Eins, zwei;https://a.example;https://b.example/x.png\n")
    assert rows[0].cells["text"] == "Hallo #Eins\n\nhttps://a.example\n\n#zwei"
    raw = plan_files.read_text("Text;Bild-URL\na;b\n")
    assert "Pictures aren't taken" in plan_columns.guessed(plan_columns.headed(raw, 1))[1][0]


def test_columns_are_said_by_hand():
    rows = rows_of("Was;Wohin\nHallo;Nix\nZwei;\n", text="Was")
    assert [row.cells["text"] for row in rows] == ["Hallo", "Zwei"]
    with pytest.raises(UserError, match="no column “Wann”"):
        rows_of("Was\nHallo\nZwei\n", when="Wann")


# --- into the plan ----------------------------------------------------------------------------------------------------


def new(number: int, **cells: Any) -> NewRow:
    plain = {
        "title": f"Titel {number}",
        "text": f"Text {number}",
        "channel_ids": (),
        "planned_at": None,
        "campaign": "",
    }
    return NewRow(number, {**plain, "state": PostState.DRAFT, **cells})


def everything() -> tuple[Any, ...]:
    with db.read() as session:
        return tuple(
            session.exec(select(func.count()).select_from(table)).one()
            for table in (Post, Delivery, Campaign, PostVersion, AuditEntry)
        )


def test_a_preview_says_what_is_wrong_and_leaves_no_trace(anna: Actor):
    channel = factories.channel()
    factories.post(channel.id, text="Schon da", planned_at=db.utc_now().replace(microsecond=0) + SOON)
    with db.read() as session:
        there = session.exec(select(Post)).one()
    before = everything()
    rows = [
        new(2),
        new(3, title="", text=" "),
        new(4, text="x" * 600, channel_ids=(channel.id,)),
        new(5, state=PostState.SCHEDULED, channel_ids=(channel.id,)),
        new(6, state=PostState.SCHEDULED, channel_ids=(channel.id,), planned_at=db.utc_now() + SOON),
        new(7, state=PostState.PUBLISHED),
        new(8, channel_ids=(999,)),
        new(9, text="Schon da", planned_at=there.planned_at),
        new(10, text="Text 2"),
        NewRow(11, new(11).cells, wrong={"planned_at": "“bald” is no time."}),
    ]
    found = plan_import.judge(anna, rows)
    assert everything() == before
    assert not found[2].problem and "neither a title nor a text" in found[3].problem
    assert not found[4].problem and "too long" in found[4].notes[0]
    assert "Say when" in found[5].problem and not found[6].problem
    assert "can't be set by hand" in found[7].problem and "no channel 999" in found[8].problem
    assert "in the plan already" in found[9].duplicate and "row 2" in found[10].duplicate
    assert found[11].problem == "“bald” is no time."


def test_good_rows_are_imported_wrong_ones_are_told_and_all_of_it_is_taken_back(anna: Actor):
    channel = factories.channel()
    at = db.utc_now().replace(microsecond=0) + SOON
    rows = [
        new(2, campaign=" Herbst ", channel_ids=(channel.id,), planned_at=at, text="Ein Text"),
        new(3, state=PostState.IDEA),
        new(4, state=PostState.SCHEDULED, channel_ids=(channel.id,), planned_at=at),
        new(5, state=PostState.SCHEDULED, channel_ids=(channel.id,), planned_at=at - timedelta(days=9)),
        new(6, channel_ids=(999,)),
    ]
    before = everything()[:2]
    done = plan_import.import_rows(anna, rows)
    assert set(done.made) == {2, 3, 4, 5} and "no channel" in done.refused[6] and "passed" in done.drafts[5]
    with db.read() as session:
        posts = {row: session.get_one(Post, post_id) for row, (post_id, _) in done.made.items()}
        assert [posts[n].state for n in (2, 3, 4, 5)] == [
            PostState.DRAFT, PostState.IDEA, PostState.SCHEDULED, PostState.DRAFT,
        ]  # fmt: skip
        assert [post.origin for post in posts.values()] == ["import:2", "import:3", "import:4", "import:5"]
        kept = post_history.version(session, posts[2].id, 1)
        assert kept.content == post_history.content_of(session, posts[2]) and kept.content["campaign"] == "Herbst"
    with db.write() as session:
        planning.save_post(session, anna, posts[3].id, 1, Changes(title="Von Hand"))
    deleted, stayed = plan_import.undo_import(anna, dict(done.made.values()))
    assert (deleted, stayed) == (3, 1)
    assert everything()[:2] == (before[0] + 1, before[1])


def test_a_thousand_rows_take_a_bounded_number_of_statements(anna: Actor):
    ids = tuple(factories.channel().id for _ in range(2))
    rows = [new(n, channel_ids=ids, campaign=f"Kampagne {n % 3}") for n in range(2, 1002)]
    told: list[tuple[int, int]] = []
    with counted() as ran:
        plan_import.judge(anna, rows)
    assert len(ran) < 10
    with counted() as ran:
        done = plan_import.import_rows(anna, rows, lambda n, of: told.append((n, of)))
    assert len(done.made) == 1000 and len(ran) < 100
    assert told[-1] == (1000, 1000) and len(told) > 2
    with counted() as ran:
        assert plan_import.undo_import(anna, dict(done.made.values())) == (1000, 0)
    assert len(ran) < 40


def test_who_may_not_plan_imports_nothing():
    viewer = factories.actor(Role.VIEWER)
    for service in (plan_import.judge, plan_import.import_rows):
        with pytest.raises(PermissionDenied):
            service(viewer, [new(2)])
    assert everything()[0] == 0
