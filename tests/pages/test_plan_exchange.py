"""Files in and out as a person meets them: choose, see, correct, import, undo; a file that comes back as changes."""

import io
from collections.abc import Callable
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
import streamlit as st
from openpyxl import load_workbook
from sqlmodel import select
from streamlit.testing.v1 import AppTest

from core import db
from core.models.planning import Post, PostState
from core.services import plan_export, planning
from core.services.plan_list import PlanFilter
from core.services.planning import Changes
from core.services.team import Actor
from tests import factories

PAGE = Path(__file__).parents[2] / "pages" / "planning.py"
VIEW = "Import and export"
GERMAN = """Titel;Beitragstext;Datum;Uhrzeit;Kanal;Status;Bild-URL
Eins;Text eins;01.12.2027;9.00 Uhr;laden;Entwurf;x.png
Zwei;Text zwei;31.02.2027;10:00;;Entwurf;
Drei;Text eins;01.12.2027;9:00;;Entwurf;
"""


@pytest.fixture
def table(monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """What the table of the preview was given to draw."""
    given: dict[str, Any] = {}

    def stand_in(data: Any, key: str, **_: Any) -> None:
        given.update(rows=data, key=key)

    monkeypatch.setattr(st, "data_editor", stand_in)
    return given


@pytest.fixture
def anna(hub: Path, table: dict[str, Any], signed_in: Callable[..., Actor]) -> Actor:
    return signed_in("editor")


def opened(section: str = "Import") -> AppTest:
    app = AppTest.from_file(str(PAGE), default_timeout=30)
    app.query_params["plan_view"], app.query_params["exchange"] = VIEW, section
    return ran(app)


def ran(app: AppTest) -> AppTest:
    app.run()
    assert not app.exception, app.exception
    return app


def chosen(data: bytes | str, name: str = "plan.csv") -> AppTest:
    app = opened()
    content = data.encode() if isinstance(data, str) else data
    app.file_uploader(key="exchange_file").set_value((name, content, "text/csv"))
    return ran(app)


def said(app: AppTest) -> str:
    kinds = (app.markdown, app.caption, app.error, app.info, app.warning, app.success)
    return "\n".join(element.value for kind in kinds for element in kind).replace("\\", "").replace("\u2060", "")


def click(app: AppTest, label: str) -> AppTest:
    next(b for b in app.button if b.label == label).click()
    return ran(app)


def posts() -> list[Post]:
    with db.read() as session:
        return list(session.exec(select(Post).order_by(Post.id)))  # type: ignore[arg-type]


def test_a_file_is_shown_first_corrected_imported_and_taken_back(anna: Actor, table: dict[str, Any]):
    channel = factories.channel(handle="@laden@social.example")
    app = chosen(GERMAN)
    assert [box.value for box in app.selectbox if box.key.startswith("map_")] == [
        *("title", "text", "day", "clock", "channels", "state", None)
    ]
    assert "Pictures aren't taken from a file" in said(app) and "Row 3**: “31.02.2027”" in said(app)
    assert [(row["row"], row["take"]) for row in table["rows"]] == [(3, True), (4, False)]
    assert posts() == []
    app.session_state[table["key"]] = {"edited_rows": {0: {"when": "2027-02-28T10:00:00.000"}}}
    app = ran(app)
    assert "Row 3**" not in said(app) and table["rows"][0]["verdict"].startswith("✓")
    app = click(app, "Import 2 posts")
    assert [(post.title, post.state) for post in posts()] == [("Eins", PostState.DRAFT), ("Zwei", PostState.DRAFT)]
    assert f"{posts()[1].planned_at:%d.%m.%Y %H:%M}" == "28.02.2027 09:00"
    with db.read() as session:
        assert planning.post_detail(session, posts()[0].id).deliveries[0].channel_id == channel.id
    assert "2 posts imported" in said(app)
    click(app, "Delete 2 posts")
    assert posts() == []


def test_rows_are_pasted(anna: Actor):
    app = opened()
    app.text_area(key="exchange_pasted").set_value("Titel\tText\nEins\tHallo\n")
    app = click(app, "Read the pasted rows")
    click(app, "Import 1 post")
    assert [post.text for post in posts()] == ["Hallo"]


def test_dates_that_can_be_read_in_two_ways_are_asked_about_before_anything_is_shown(
    anna: Actor, table: dict[str, Any]
):
    app = chosen("Text,Date\nHallo,12/01/2027\n")
    assert "read in two ways" in said(app) and not table
    next(box for box in app.selectbox if box.label == "Dates with slashes").set_value("month")
    ran(app)
    assert f"{table['rows'][0]['when']:%Y-%m-%d}" == "2027-12-01"


def test_columns_are_said_by_hand(anna: Actor, table: dict[str, Any]):
    app = chosen("Was;Wer\nHallo;Anna\n")
    assert "Say which column is the text" in said(app)
    app.selectbox(key=next(box.key for box in app.selectbox if box.key.startswith("head_"))).set_value(1)
    app = ran(app)
    next(box for box in app.selectbox if box.label == "Was").set_value("text")
    app = ran(app)
    assert [row["text"] for row in table["rows"]] == ["Hallo"]
    app.session_state[table["key"]] = {"edited_rows": {0: {"title": "Von Hand"}}}
    for section in ("Export", "Import"):  # somebody looks elsewhere, and comes back
        app.segmented_control(key="exchange").set_value(section)
        app = ran(app)
    assert [(row["title"], row["text"]) for row in table["rows"]] == [("Von Hand", "Hallo")]
    next(box for box in app.selectbox if box.label == "Wer").set_value("text")
    assert "given to several columns" in said(ran(app))


def test_a_file_that_cannot_be_read_says_why(anna: Actor):
    assert "save it as .xlsx or .csv again" in said(chosen(b"PK\x03\x04nothing", "plan.xlsx"))


def exported(edit: Callable[[Any], None]) -> bytes:
    book = load_workbook(io.BytesIO(plan_export.export_plan(PlanFilter(), ZoneInfo("Europe/Berlin")).data))
    edit(book["Plan"])
    out = io.BytesIO()
    book.save(out)
    return out.getvalue()


def test_an_exported_file_comes_back_as_changes_to_tick(anna: Actor):
    with db.write() as session:
        first = planning.create_post(session, anna, title="Eins", text="Alt", campaign="Alt")
        planning.create_post(session, anna, title="Zwei")
        third = planning.create_post(session, anna, title="Drei")

    def edit(sheet: Any) -> None:
        sheet["C2"], sheet["D2"], sheet["H2"] = "Neuer Titel", "Mein Text", "Winter"
        sheet.delete_rows(4)

    data = exported(edit)
    with db.write() as session:
        planning.save_post(session, anna, first, 1, Changes(text="Ihr Text"))
    app = chosen(data, "plan.xlsx")
    words = said(app)
    assert "1 changed, 1 unchanged" in words and "They stay in the plan" in words
    assert "Ihr Text" in words and "Mein Text" in words and "In the plan now" in words
    next(box for box in app.checkbox if box.label == "Campaign").uncheck()
    app = ran(app)
    app = click(app, "Apply 1 change")
    with db.read() as session:
        detail = planning.post_detail(session, first)
        assert (detail.title, detail.text, detail.campaign) == ("Neuer Titel", "Ihr Text", "Alt")
        assert planning.post_detail(session, third).title == "Drei"


def test_what_is_missing_is_deleted_only_where_it_is_ticked(anna: Actor):
    with db.write() as session:
        for title in ("Eins", "Zwei", "Drei"):
            planning.create_post(session, anna, title=title)
    app = chosen(exported(lambda sheet: sheet.delete_rows(3, 2)), "plan.xlsx")
    next(box for box in app.checkbox if "Zwei" in box.label).check()
    app = ran(app)
    assert "1 will be deleted" in said(app)
    click(app, "Apply 1 change")
    assert [post.title for post in posts()] == ["Eins", "Drei"]


def test_export_offers_files_or_says_that_nothing_matches(anna: Actor):
    assert "No post matches" in said(opened("Export"))
    with db.write() as session:
        planning.create_post(session, anna, title="Eins", planned_at=db.utc_now())
    app = opened("Export")
    assert [b.label for b in app.get("download_button")] == ["Download workbook (.xlsx)", "Download CSV"]


def test_only_the_chosen_section_is_drawn_and_who_may_not_plan_is_told(
    hub: Path, signed_in: Callable[..., Actor], table: dict[str, Any]
):
    signed_in("viewer")
    assert "not import into it" in said(opened())
    assert not opened("Calendar").file_uploader and "The plan in your calendar" in said(opened("Calendar"))
    assert "Feeds that become drafts" in said(opened("Feeds"))
