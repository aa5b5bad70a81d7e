"""The Planning page as a person meets it: write, be told what is wrong, schedule, change the plan in its table.

Only a browser draws the editable table; here its data are read and its edits given as the browser would report them.
"""

from collections.abc import Callable
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from typing import Any

import pytest
import streamlit as st
from sqlmodel import select
from streamlit.testing.v1 import AppTest

from core import db
from core.models.planning import Campaign, Delivery, DeliveryState, Post, PostState
from core.services.team import Actor
from tests import factories

PAGE = Path(__file__).parents[2] / "pages" / "planning.py"
HOSTILE = "**fett** <script>alert(1)</script> :red[rot]"


@pytest.fixture
def table(monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """What the editable table was given to draw."""
    given: dict[str, Any] = {}

    def stand_in(data: Any, key: str, disabled: Any, **_: Any) -> None:
        given.update(rows=data if isinstance(data, list) else [], key=key, locked=disabled is True)

    monkeypatch.setattr(st, "data_editor", stand_in)
    return given


@pytest.fixture
def editor(hub: Path, table: dict[str, Any], signed_in: Callable[..., Actor]) -> Actor:
    return signed_in("editor")


def opened(**query: str) -> AppTest:
    page = AppTest.from_file(str(PAGE), default_timeout=30)
    for name, value in query.items():
        page.query_params[name] = value
    page.run()
    assert not page.exception, page.exception
    return page


def writing() -> AppTest:
    return opened(plan_view="Write")


def button(page: AppTest, label: str) -> Any:
    return next(b for b in page.button if b.label == label)


def labels(page: AppTest) -> set[str]:
    return {b.label for b in page.button}


def field(widgets: Any, label: str) -> Any:
    return next(w for w in widgets if w.label == label)


def fill(page: AppTest, text: str, *channel_ids: int, title: str = "", day: date | None = None) -> AppTest:
    field(page.text_input, "Title").set_value(title)
    field(page.multiselect, "Channels").set_value(list(channel_ids))
    field(page.text_area, "Text").set_value(text)
    if day is not None:
        field(page.date_input, "Day").set_value(day)
        field(page.time_input, "Time").set_value(time(9, 30))
    page.run()
    assert not page.exception, page.exception
    return page


def said(page: AppTest) -> str:
    parts = [*page.error, *page.warning, *page.info, *page.markdown, *page.caption, *page.toast]
    return "\n".join(str(part.value) for part in parts)


def rows(model: Any) -> list[Any]:
    with db.read() as session:
        return list(session.exec(select(model).order_by(model.id)).all())


def tomorrow() -> date:
    return (db.utc_now() + timedelta(days=1)).date()


# --- writing ------------------------------------------------------------------------------------------------------


def test_a_post_is_written_and_scheduled(editor: Actor):
    channel = factories.channel()
    page = fill(writing(), "Frisch geröstet!", channel.id, title="Röstung", day=date(2031, 7, 1))
    button(page, "Schedule").click().run()
    (post,) = rows(Post)
    assert (post.title, post.text, post.state, post.member_id) == (
        "Röstung",
        "Frisch geröstet!",
        PostState.SCHEDULED,
        editor.id,
    )
    assert post.planned_at == datetime(2031, 7, 1, 7, 30, tzinfo=UTC)  # 9:30 in Berlin's summer
    (delivery,) = rows(Delivery)
    assert (delivery.channel_id, delivery.state) == (channel.id, DeliveryState.SCHEDULED)
    assert "Scheduled" in said(page) and str(post.id) in page.query_params["post"]


def test_a_draft_needs_neither_time_nor_channel(editor: Actor):
    factories.channel()
    page = fill(writing(), "Eine Idee")
    button(page, "Save draft").click().run()
    (post,) = rows(Post)
    assert (post.state, post.planned_at, rows(Delivery)) == (PostState.DRAFT, None, [])


@pytest.mark.parametrize(
    ("text", "with_channel", "day", "sentence"),
    [
        ("Hallo", True, None, "choose a day and a time"),
        ("x" * 501, True, tomorrow(), "1 character too long"),
        ("Hallo", False, tomorrow(), "hannel"),
        ("", True, tomorrow(), "nothing to publish yet"),
    ],
)
def test_what_is_wrong_is_said_and_nothing_typed_is_lost(
    editor: Actor, text: str, with_channel: bool, day: date | None, sentence: str
):
    channel = factories.channel()
    page = fill(writing(), text, *([channel.id] if with_channel else []), title="Mein Titel", day=day)
    button(page, "Schedule").click().run()
    assert sentence in "\n".join(e.value for e in page.error), said(page)
    assert rows(Post) == []  # nothing is half saved
    assert field(page.text_area, "Text").value == text
    assert field(page.text_input, "Title").value == "Mein Titel"


def test_problems_show_before_scheduling(editor: Actor):
    channel = factories.channel()
    page = fill(writing(), "x" * 501, channel.id)
    assert "501 of 500 characters" in said(page)
    page = fill(page, "x" * 500, channel.id)
    assert "500 of 500 characters" in said(page) and ":red[" not in said(page)


def test_a_channel_can_have_words_of_its_own(editor: Actor):
    one, two = factories.channel(), factories.channel()
    page = fill(writing(), "Für alle", one.id, two.id, day=tomorrow())
    next(t for t in page.toggle if str(t.key).endswith(f"_differs_{two.id}")).set_value(True)
    page.run()
    field(page.text_area, f"Text for {two.handle}").set_value("Nur hier")
    button(page, "Schedule").click().run()
    assert {d.channel_id: d.text for d in rows(Delivery)} == {one.id: None, two.id: "Nur hier"}


def test_publishing_now_asks_once_more_and_is_due_at_once(editor: Actor):
    channel = factories.channel()
    page = fill(writing(), "Jetzt", channel.id)
    button(page, "Yes, publish now").click().run()
    (delivery,) = rows(Delivery)
    assert delivery.state == DeliveryState.SCHEDULED and delivery.due_at <= db.utc_now()
    assert "on its way" in said(page)


def test_a_time_that_does_not_exist_is_explained(editor: Actor):
    channel = factories.channel()
    page = writing()
    field(page.multiselect, "Channels").set_value([channel.id])
    field(page.text_area, "Text").set_value("Nachts")
    field(page.date_input, "Day").set_value(date(2031, 3, 30))
    field(page.time_input, "Time").set_value(time(2, 30))
    page.run()
    assert page.info, "nobody says that the clocks go forward over this time"
    button(page, "Schedule").click().run()
    assert rows(Post)[0].planned_at == datetime(2031, 3, 30, 1, 0, tzinfo=UTC)  # the first moment after the gap


# --- changing -----------------------------------------------------------------------------------------------------


def test_a_link_opens_a_post_and_a_change_keeps_it_scheduled(editor: Actor):
    channel = factories.channel()
    post = factories.post(channel.id, text="Alt", at=db.utc_now() + timedelta(days=2))
    page = opened(post=str(post.id))
    assert field(page.text_area, "Text").value == "Alt"
    field(page.text_area, "Text").set_value("Neu")
    page.run()
    button(page, "Save changes").click().run()
    (row,) = rows(Post)
    assert (row.text, row.state) == ("Neu", PostState.SCHEDULED)


def test_a_post_goes_back_to_draft_and_can_be_cancelled_and_deleted(editor: Actor):
    channel = factories.channel()
    post = factories.post(channel.id, at=db.utc_now() + timedelta(days=2))
    page = opened(post=str(post.id))
    button(page, "Back to draft").click().run()
    assert rows(Post)[0].state == PostState.DRAFT
    button(page, "Cancel the post").click().run()
    assert rows(Post)[0].state == PostState.CANCELLED
    button(page, "Delete it").click().run()
    assert rows(Post) == []


def test_who_may_not_plan_looks_only(hub: Path, table: dict[str, Any], signed_in: Callable[..., Actor]):
    signed_in("viewer")
    channel = factories.channel()
    post = factories.post(channel.id, text=HOSTILE, at=db.utc_now() + timedelta(days=2))
    assert opened().session_state is not None and table["locked"]
    page = opened(post=str(post.id))
    assert not {"Schedule", "Save changes", "Back to draft", "Delete it"} & labels(page)
    assert "<script>" not in said(page) and "fett" in said(page)


def test_what_failed_says_why_and_can_be_tried_again(editor: Actor):
    channel = factories.channel()
    post = factories.post(channel.id, at=db.utc_now() - timedelta(minutes=5))
    with db.write() as session:
        row = session.exec(select(Delivery)).one()
        row.state, row.due_at, row.last_error = DeliveryState.FAILED, None, f"Too long. {HOSTILE}"
        session.get_one(Post, post.id).state = PostState.NEEDS_CARE
    page = opened(post=str(post.id))
    assert "Too long" in said(page) and "<script>" not in said(page)
    button(page, "Try again").click().run()
    assert rows(Delivery)[0].state == DeliveryState.SCHEDULED


def test_a_post_that_is_gone_is_said(editor: Actor):
    factories.channel()
    page = opened(post="4711")
    assert "isn't in the plan any more" in said(page)


# --- the table ----------------------------------------------------------------------------------------------------


def saved(page: AppTest, table: dict[str, Any], **edits: Any) -> AppTest:
    page.session_state[table["key"]] = edits
    page.run()
    button(page, "Save changes").click().run()
    assert not page.exception, page.exception
    return page


def test_the_table_shows_what_is_planned_in_the_members_time(editor: Actor, table: dict[str, Any]):
    channel = factories.channel()
    factories.post(channel.id, text="Bald", at=datetime(2031, 7, 1, 7, 30, tzinfo=UTC))
    factories.post(text="Ohne Termin")
    opened()
    first, undated = table["rows"]
    assert (first["text"], first["when"], first["channels"]) == ("Bald", datetime(2031, 7, 1, 9, 30), [channel.handle])
    assert (undated["text"], undated["state"], undated["when"]) == ("Ohne Termin", "Draft", None)


def test_cells_rows_and_campaigns_are_saved(editor: Actor, table: dict[str, Any]):
    channel = factories.channel()
    factories.post(text="Eins", at=None)
    page = opened()
    saved(
        page,
        table,
        edited_rows={0: {"title": "Neuer Titel", "campaign": "Herbst", "channels": [channel.handle]}},
        added_rows=[{"title": "Zweite", "text": "Zwei", "when": "2031-07-02T10:00:00", "state": "Idea"}],
        deleted_rows=[],
    )
    one, two = rows(Post)
    assert one.title == "Neuer Titel" and [c.name for c in rows(Campaign)] == ["Herbst"]
    assert (two.title, two.state, two.planned_at) == ("Zweite", PostState.IDEA, datetime(2031, 7, 2, 8, tzinfo=UTC))


def test_a_wrong_cell_says_why_and_stays_while_the_others_are_saved(editor: Actor, table: dict[str, Any]):
    channel = factories.channel()
    factories.post(channel.id, text="Eins", title="Eins")
    factories.post(channel.id, text="Zwei", title="Zwei")
    page = opened()
    first, second = (row["title"] for row in table["rows"])
    saved(page, table, edited_rows={0: {"state": "Published", "text": "Von mir"}, 1: {"title": "Gespeichert"}})
    assert "can't be set by hand" in said(page) and first in said(page)
    titles = {post.title for post in rows(Post)}
    assert titles == {first, "Gespeichert"} and second not in titles
    assert table["rows"][0] | {"state": "Published", "text": "Von mir"} == table["rows"][0]  # still there to mend


def test_a_new_row_that_cannot_be_scheduled_is_kept_as_a_draft(editor: Actor, table: dict[str, Any]):
    factories.channel()
    page = opened()
    saved(page, table, added_rows=[{"title": "Neu", "text": "Hallo", "state": "Scheduled"}])
    assert "kept as a draft" in said(page)
    assert [(post.title, post.state) for post in rows(Post)] == [("Neu", PostState.DRAFT)]


def test_rows_are_deleted_only_when_sure(editor: Actor, table: dict[str, Any]):
    factories.post(text="Weg damit")
    page = opened()
    page.session_state[table["key"]] = {"deleted_rows": [0]}
    page.run()
    assert button(page, "Save changes").disabled
    page.checkbox[0].check().run()
    button(page, "Save changes").click().run()
    assert rows(Post) == []


def test_filters_come_from_the_link(editor: Actor, table: dict[str, Any]):
    one, two = factories.channel(), factories.channel()
    factories.post(one.id, text="Kaffee", at=db.utc_now() + timedelta(days=1))
    factories.post(two.id, text="Tee", at=db.utc_now() + timedelta(days=1))
    opened(plan_channel=two.handle)
    assert [row["text"] for row in table["rows"]] == ["Tee"]
    opened(plan_search="kaffee")
    assert [row["text"] for row in table["rows"]] == ["Kaffee"]
    page = opened(plan_search="nichts dergleichen")
    assert table["rows"] == [] and "Nothing matches" in said(page)


def test_an_empty_plan_is_a_table_to_write_into(hub: Path, signed_in: Callable[..., Actor]) -> None:
    """The real table, not the stand-in: it refuses columns whose kind it can only guess."""
    signed_in("editor")
    factories.channel()
    assert "Nothing matches yet" in opened().caption[0].value
