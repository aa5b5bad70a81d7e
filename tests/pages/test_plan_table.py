"""The editable plan as a person meets it: checked while one edits, two people at one row, nothing lost by a filter."""

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import streamlit as st
from sqlmodel import select
from streamlit.testing.v1 import AppTest

from core import db
from core.models.planning import Post, PostState
from core.models.planning_time import Recurrence
from core.models.team import Role
from core.services import planning
from core.services.planning import Changes
from core.services.team import Actor
from tests import factories

PAGE = Path(__file__).parents[2] / "pages" / "planning.py"


@pytest.fixture
def table(monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """What the editable table was given to draw."""
    given: dict[str, Any] = {}

    def stand_in(data: Any, key: str, **_: Any) -> None:
        given.update(rows=data if isinstance(data, list) else [], key=key)

    monkeypatch.setattr(st, "data_editor", stand_in)
    return given


@pytest.fixture
def editor(hub: Path, table: dict[str, Any], signed_in: Callable[..., Actor]) -> Actor:
    return signed_in("editor")


def opened() -> AppTest:
    app = AppTest.from_file(str(PAGE), default_timeout=30)
    return ran(app)


def ran(app: AppTest) -> AppTest:
    app.run()
    assert not app.exception, app.exception
    return app


def said(app: AppTest) -> str:
    kinds = (app.markdown, app.caption, app.error, app.info)
    return "\n".join(element.value for kind in kinds for element in kind).replace("\\", "").replace("\u2060", "")


def button(app: AppTest, label: str) -> Any:
    return next(b for b in app.button if b.label == label)


def edit(app: AppTest, table: dict[str, Any], **edits: Any) -> AppTest:
    app.session_state[table["key"]] = edits
    return ran(app)


def post(number: int = 0) -> Post:
    with db.read() as session:
        return session.exec(select(Post).order_by(Post.id)).all()[number]  # type: ignore[arg-type]


def bernd(**values: Any) -> None:
    other, row = factories.actor(Role.EDITOR), post()
    with db.write() as session:
        planning.save_post(session, other, row.id, row.version, Changes(**values))


def planned(*texts: str) -> None:
    channel = factories.channel()
    for hours, text in enumerate(texts, start=1):
        factories.post(channel.id, text=text, title=text, at=db.utc_now() + timedelta(hours=2 * hours))


def test_a_changed_row_is_checked_at_once(editor: Actor, table: dict[str, Any]) -> None:
    planned("Eins", "Zwei")
    app = edit(opened(), table, edited_rows={0: {"text": "x" * 600}, 1: {"title": "Besser"}})
    assert "**Eins**: " in said(app) and "too long" in said(app)
    assert "**Besser** can be saved" in said(app)
    assert "2 rows not saved yet, 1 can't be saved like this" in said(app)
    assert (post(0).text, post(1).title) == ("Eins", "Zwei")  # nothing is saved by a check


def test_only_rows_changed_since_are_checked_again(
    editor: Actor, table: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    from core.services import plan_rows

    tried: list[set[str]] = []
    original = plan_rows.check_rows
    monkeypatch.setattr(plan_rows, "check_rows", lambda a, e: tried.append(set(e)) or original(a, e))
    planned("Eins", "Zwei")
    app = edit(opened(), table, edited_rows={0: {"title": "A"}, 1: {"title": "B"}})
    ran(app)
    edit(app, table, edited_rows={0: {"title": "A"}, 1: {"title": "C"}})
    first, second = str(post(0).id), str(post(1).id)
    assert tried == [{first, second}, {second}]


def test_a_post_that_comes_again_says_so(editor: Actor, table: dict[str, Any]) -> None:
    channel = factories.channel()
    pattern = factories.post(channel.id, title="Angebot", state=PostState.DRAFT)
    factories.post(channel.id, title="Sommer", state=PostState.DRAFT)
    now = db.utc_now()
    with db.write() as session:
        session.add(Recurrence(post_id=pattern.id, time_zone="UTC", starts_on=now.date(), next_at=now))
    opened()
    assert [(row["title"], row["trouble"]) for row in table["rows"]] == [("Sommer", ""), ("Angebot", "Comes again")]


def test_the_second_of_two_sees_the_conflict_and_both_texts(editor: Actor, table: dict[str, Any]) -> None:
    planned("Alt")
    app = edit(opened(), table, edited_rows={0: {"text": "Von Anna", "title": "Annas Titel"}})
    bernd(text="Von Bernd")
    ran(app)  # whatever she clicks next
    assert "somebody else has changed this row" in said(app)
    assert "Von Bernd" in said(app) and "Von Anna" in said(app)
    button(app, "Save changes").click().run()
    assert post().text == "Von Bernd"  # not overwritten blindly
    button(app, "Keep yours").click().run()
    button(app, "Save changes").click().run()
    assert (post().text, post().title) == ("Von Anna", "Annas Titel")


def test_who_takes_theirs_keeps_the_rest_of_the_row(editor: Actor, table: dict[str, Any]) -> None:
    planned("Alt")
    app = edit(opened(), table, edited_rows={0: {"text": "Von Anna", "title": "Annas Titel"}})
    bernd(text="Von Bernd")
    ran(app)
    button(app, "Keep theirs").click().run()
    assert table["rows"][0]["title"] == "Annas Titel" and table["rows"][0]["text"] == "Von Bernd"
    button(app, "Save changes").click().run()
    assert (post().text, post().title) == ("Von Bernd", "Annas Titel")


def test_a_filter_another_view_and_other_peoples_rows_lose_nothing(editor: Actor, table: dict[str, Any]) -> None:
    planned("Eins", "Zwei")
    new = {"title": "Ganz neu", "text": "Drei"}
    app = edit(opened(), table, edited_rows={1: {"title": "Geändert"}}, added_rows=[new])
    app.text_input(key="plan_search").input("Eins").run()
    assert [row["title"] for row in table["rows"]] == ["Eins", "Ganz neu"]
    assert "2 rows not saved yet" in said(app)
    app.text_input(key="plan_search").input("").run()
    assert [row["title"] for row in table["rows"]] == ["Eins", "Geändert", "Ganz neu"]
    app.segmented_control(key="plan_view").set_value("Campaigns").run()
    app.segmented_control(key="plan_view").set_value("Table").run()
    assert [row["title"] for row in table["rows"]] == ["Eins", "Geändert", "Ganz neu"]
    factories.post(text="Von Bernd", title="Früher", at=db.utc_now() + timedelta(hours=1))
    ran(app)
    assert [row["title"] for row in table["rows"]] == ["Früher", "Eins", "Geändert", "Ganz neu"]
    button(app, "Save changes").click().run()
    with db.read() as session:
        assert set(session.exec(select(Post.title))) == {"Früher", "Eins", "Geändert", "Ganz neu"}


def test_an_edit_goes_to_its_row_even_if_the_rows_have_moved(editor: Actor, table: dict[str, Any]) -> None:
    planned("Eins", "Zwei")
    app = edit(opened(), table, edited_rows={0: {"title": "Für Eins"}})
    factories.post(text="Früher", title="Früher", at=db.utc_now() + timedelta(hours=1))  # now Eins is the second row
    button(app, "Save changes").click().run()
    with db.read() as session:
        titles = {p.text: p.title for p in session.exec(select(Post))}
    assert titles == {"Eins": "Für Eins", "Zwei": "Zwei", "Früher": "Früher"}


def test_cells_from_a_spreadsheet_that_cannot_be_read_say_why(editor: Actor, table: dict[str, Any]) -> None:
    planned("Eins")
    app = edit(
        opened(),
        table,
        added_rows=[
            {"title": "A", "state": "Geplant"},
            {"title": "B", "channels": ["@niemand"]},
            {"title": "C", "when": "irgendwann"},
            {"title": None, "text": ""},
        ],
    )
    for words in ("“Geplant” is no state", "“@niemand” isn't connected", "“irgendwann” is no time"):
        assert words in said(app)
    assert "3 rows not saved yet" in said(app)  # an empty one is none


def test_a_time_on_the_odd_night_is_explained_and_can_be_taken_away(editor: Actor, table: dict[str, Any]) -> None:
    planned("Eins")
    app = edit(opened(), table, edited_rows={0: {"when": "2031-03-30T02:30:00"}})
    assert "doesn't exist that night" in said(app)
    edit(app, table, edited_rows={0: {"when": None, "state": "Draft"}})
    button(app, "Save changes").click().run()
    assert post().planned_at is None


def test_thrown_away_is_thrown_away(editor: Actor, table: dict[str, Any]) -> None:
    planned("Eins")
    app = edit(opened(), table, edited_rows={0: {"title": "Nein"}}, added_rows=[{"title": "Auch nicht"}])
    button(app, "Throw away").click().run()
    assert [row["title"] for row in table["rows"]] == ["Eins"]
    assert "not saved yet" not in said(app)
