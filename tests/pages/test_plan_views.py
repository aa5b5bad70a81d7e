"""Calendar and board as a person meets them. Only a browser draws them; here what they are given is read, and what a
browser would tell is told. Dragging itself is tested in tests/e2e/test_plan_views.py.
"""

from collections.abc import Callable
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pytest
import streamlit as st
import time_machine
from sqlmodel import select
from streamlit.testing.v1 import AppTest

from core import db
from core.models.planning import Campaign, Post, PostState
from core.models.planning_time import Recurrence
from core.services import key_dates
from core.services.team import COMMAND_LINE, Actor
from core.ui import plan_board, plan_calendar
from tests import factories
from tests.pages.test_planning import button, field, opened, said

NOW = datetime(2031, 6, 30, 9, tzinfo=UTC)  # a Monday
JULY = {"plan_view": "Calendar", "cal_day": "2031-07-01"}


class Calendar:
    """What the calendar was given to draw, and what it tells."""

    def __init__(self) -> None:
        self.events: list[dict[str, Any]] = []
        self.options: dict[str, Any] = {}
        self.callbacks: list[str] = []
        self.key = ""

    def draw(self, *, events: Any, options: Any, callbacks: Any, key: str, **_: Any) -> None:
        self.events, self.options, self.callbacks, self.key = events, options, callbacks, key

    def titled(self, title: str) -> dict[str, Any]:
        return next(event for event in self.events if event["title"] == title)

    def titles(self, kind: str) -> list[str]:
        return [event["title"] for event in self.events if event["id"].startswith(kind)]

    def tell(self, page: AppTest, what: str, **told: Any) -> AppTest:
        page.session_state[self.key] = {"callback": what, what: told}
        page.run()
        assert not page.exception, page.exception
        return page

    def event(self, title: str, start: str) -> dict[str, Any]:
        """As FullCalendar tells an event: our own values lie in `extendedProps`."""
        drawn = self.titled(title)
        return {"id": drawn["id"], "start": start, "allDay": False,
                "extendedProps": {"at": drawn["at"], "round": drawn["round"]}}  # fmt: skip

    def drop(self, page: AppTest, title: str, start: str) -> AppTest:
        return self.tell(page, "eventChange", event=self.event(title, start), oldEvent={})


@pytest.fixture(autouse=True)
def calm_clock():
    with time_machine.travel(NOW):
        yield


@pytest.fixture
def calendar(monkeypatch: pytest.MonkeyPatch) -> Calendar:
    found = Calendar()
    monkeypatch.setattr(plan_calendar, "drawn", found.draw)
    return found


@pytest.fixture
def editor(hub: Path, signed_in: Callable[..., Actor]) -> Actor:
    return signed_in("editor")


def july(day: int, hour: int) -> datetime:
    return datetime(2031, 7, day, hour, tzinfo=UTC)


def planned(title: str) -> datetime | None:
    with db.read() as session:
        return session.exec(select(Post).where(Post.title == title)).one().planned_at


# --- the calendar -----------------------------------------------------------------------------------------------------


def test_a_month_shows_posts_on_the_members_clock_with_their_state(editor: Actor, calendar: Calendar):
    channel = factories.channel()
    factories.post(channel.id, title="Röstung", at=july(1, 7))
    factories.post(channel.id, title="Daneben", at=july(1, 7).replace(minute=30))
    factories.post(channel.id, title="Im Herbst", at=datetime(2031, 10, 1, 7, tzinfo=UTC))
    page = opened(**JULY)
    first = calendar.titled("Röstung")
    assert (first["start"], first["allDay"], first["startEditable"]) == ("2031-07-01T09:00:00", False, True)
    assert {"hub-s-scheduled", "hub-clash", "hub-c-blue"} <= set(first["classNames"])
    assert "Im Herbst" not in calendar.titles("post:") and calendar.options["firstDay"] == 1
    assert "2 posts · 1 clash" in said(page) and "Scheduled" in said(page) and "July 2031" in said(page)


def test_a_drop_is_stored_said_and_undone(editor: Actor, calendar: Calendar):
    factories.post(factories.channel().id, title="Röstung", at=july(1, 7))
    page = calendar.drop(opened(**JULY), "Röstung", "2031-07-03T09:00:00Z")
    assert planned("Röstung") == july(3, 7) and "Moved to **Thu 03 Jul, 09:00**." in said(page)
    assert calendar.titled("Röstung")["start"] == "2031-07-03T09:00:00"
    page.run()
    assert planned("Röstung") == july(3, 7), "what was told once counts once"
    button(page, "Undo").click().run()
    assert planned("Röstung") == july(1, 7) and "Undo" not in {b.label for b in page.button}
    calendar.drop(page, "Röstung", "2031-07-03T09:00:00Z")
    assert planned("Röstung") == july(3, 7), "the same drop once more is another one"


def test_the_row_of_whole_days_keeps_the_time_of_day(editor: Actor, calendar: Calendar):
    factories.post(factories.channel().id, title="Röstung", at=july(1, 7))
    page = opened(**JULY, cal_view="Week")
    event = calendar.event("Röstung", "2031-07-04") | {"allDay": True}
    page = calendar.tell(page, "eventChange", event=event, oldEvent={"start": "2031-07-01T09:00:00Z"})
    assert planned("Röstung") == july(4, 7)


def test_a_night_that_skips_an_hour_is_explained(editor: Actor, calendar: Calendar):
    factories.post(factories.channel().id, title="Röstung", at=datetime(2032, 3, 27, 8, tzinfo=UTC))
    page = opened(plan_view="Calendar", cal_day="2032-03-27", cal_view="Week")
    calendar.drop(page, "Röstung", "2032-03-28T02:30:00Z")
    assert planned("Röstung") == datetime(2032, 3, 28, 1, tzinfo=UTC) and "doesn't exist that night" in said(page)


def test_what_may_not_move_says_why_and_is_drawn_where_it_was(editor: Actor, calendar: Calendar):
    factories.post(factories.channel().id, title="Draußen", at=july(1, 7), state=PostState.PUBLISHED)
    page = opened(**JULY)
    before = calendar.titled("Draußen")
    calendar.drop(page, "Draußen", "2031-07-03T09:00:00Z")
    assert "is published" in said(page) and planned("Draußen") == july(1, 7)
    again = calendar.titled("Draußen")
    assert again["start"] == before["start"] and again["round"] != before["round"]  # else nothing would snap back


def test_a_click_opens_the_post_and_an_empty_day_begins_one(editor: Actor, calendar: Calendar):
    factories.post(factories.channel().id, title="Röstung", text="Frisch", at=july(1, 7))
    page = opened(**JULY)
    calendar.tell(page, "eventClick", event=calendar.event("Röstung", "2031-07-01T09:00:00Z"))
    assert field(page.text_input, "Title").value == "Röstung"
    page = calendar.tell(opened(**JULY), "dateClick", date="2031-07-05T00:00:00.000Z", allDay=True)
    assert field(page.date_input, "Day").value == date(2031, 7, 5)
    page = calendar.tell(opened(**JULY), "dateClick", date="2031-06-29T00:00:00.000Z", allDay=True)
    assert "That day has passed" in said(page)


def test_holidays_key_dates_campaigns_and_gaps_stand_in_it(editor: Actor, calendar: Calendar):
    channel = factories.channel()
    with db.write() as session:
        session.add(Campaign(name="Advent", starts_on=date(2031, 11, 20), ends_on=date(2032, 1, 6), color="green"))
        key_dates.add_key_date(session, COMMAND_LINE, "Hausmesse", date(2031, 12, 10), date(2031, 12, 12))
    factories.post(channel.id, title="Röstung", at=datetime(2031, 12, 1, 8, tzinfo=UTC))
    page = opened(plan_view="Calendar", cal_day="2031-12-01", cal_gaps=channel.handle)
    assert "Christmas Day" in calendar.titles("holiday:")
    assert (calendar.titled("Hausmesse")["start"], calendar.titled("Hausmesse")["end"]) == ("2031-12-10", "2031-12-13")
    assert calendar.titled("Advent")["start"] == "2031-12-01"  # open on both sides of what is shown
    gaps = {event["start"] for event in calendar.events if event["id"].startswith("gap:")}
    assert "2031-12-02" in gaps and not {"2031-12-01", "2031-12-06", "2031-12-25"} & gaps
    assert "days without a post" in said(page)


def test_a_day_full_of_posts_says_how_many_more_there_are(editor: Actor, calendar: Calendar):
    channel = factories.channel()
    for number in range(33):
        factories.post(channel.id, title=f"Post {number:02}", at=july(1, 6 + number % 12))
    page = opened(**JULY)
    assert len(calendar.titles("post:")) == 30 and calendar.titles("more:") == ["and 3 more posts"]
    calendar.tell(page, "eventClick", event={"id": "more:2031-07-01", "start": "2031-07-01T23:59:59Z"})
    page.run()
    assert calendar.options["initialView"] == "listDays" and len(calendar.titles("post:")) == 33


def test_what_has_no_time_stands_beside_it(editor: Actor, calendar: Calendar):
    factories.post(text="Irgendwann einmal", title="")
    page = opened(**JULY)
    assert "Without a time" in said(page)
    assert "Irgendwann einmal" in said(page)
    next(b for b in page.button if str(b.key).startswith("open_undated")).click().run()
    assert field(page.text_area, "Text").value == "Irgendwann einmal"


def test_who_may_not_plan_looks_only(hub: Path, signed_in: Callable[..., Actor], calendar: Calendar):
    signed_in("viewer")
    factories.post(factories.channel().id, title="Röstung", at=july(1, 7))
    page = opened(**JULY)
    assert not calendar.options["editable"] and "dateClick" not in calendar.callbacks
    assert not calendar.titled("Röstung")["startEditable"]
    calendar.drop(page, "Röstung", "2031-07-03T09:00:00Z")  # the browser is no lock
    assert "role" in said(page) and planned("Röstung") == july(1, 7)


def test_the_filters_of_the_table_hold_here_and_are_cleared(editor: Actor, calendar: Calendar):
    group = factories.group("Kaffee")
    one, two = factories.channel(group_id=group.id), factories.channel()
    factories.post(one.id, title="Kaffeepost", at=july(1, 7))
    factories.post(two.id, title="Teepost", at=july(1, 12))
    page = opened(**JULY, plan_group="Kaffee")
    assert calendar.titles("post:") == ["Kaffeepost"]
    assert "Filter (1)" in {p.proto.popover.label for p in page.get("popover")}
    button(page, "Clear all filters").click().run()
    assert calendar.titles("post:") == ["Kaffeepost", "Teepost"]


# --- the board --------------------------------------------------------------------------------------------------------


class Board:
    """What the board was given to draw, and what it tells."""

    def __init__(self) -> None:
        self.data: dict[str, Any] = {}
        self.told: dict[str, Any] | None = None

    def draw(self, *, data: Any, key: str, on_move_change: Callable[[], None], **_: Any) -> None:
        self.data = data
        if self.told is not None:
            on_move_change()
            self.told = None
            st.rerun()

    def move(self, page: AppTest, title: str, to: str) -> AppTest:
        card = self.card(title)
        self.told = {"id": card["id"], "from": card["state"], "to": to}
        page.run()
        assert not page.exception, page.exception
        return page

    def words(self, state: str) -> list[str]:
        column = next(one for one in self.data["columns"] if one["state"] == state)
        return [card["title"] for card in column["cards"]]

    def card(self, title: str) -> dict[str, Any]:
        return next(card for one in self.data["columns"] for card in one["cards"] if card["title"] == title)


@pytest.fixture
def board(monkeypatch: pytest.MonkeyPatch) -> Board:
    found = Board()
    monkeypatch.setattr(plan_board, "_component", found.draw)
    monkeypatch.setattr(plan_board, "_told", lambda what: found.told if what == "move" else None)
    return found


def test_a_card_moves_and_is_taken_back(editor: Actor, board: Board):
    channel = factories.channel()
    factories.post(channel.id, title="Röstung", at=july(1, 7), state=PostState.DRAFT)
    page = opened(plan_view="Board")
    assert board.words("draft") == ["Röstung"] and board.card("Röstung")["when"] == "Tomorrow 09:00"
    assert board.card("Röstung")["icons"][0]["name"] == channel.handle
    board.move(page, "Röstung", "scheduled")
    assert "Moved to **Scheduled**." in said(page) and board.words("scheduled") == ["Röstung"]
    button(page, "Undo").click().run()
    assert board.words("draft") == ["Röstung"]


def test_a_post_that_comes_again_says_so_on_its_card(editor: Actor, board: Board):
    channel = factories.channel()
    pattern = factories.post(channel.id, title="Angebot", text="Heute: Kuchen", state=PostState.DRAFT)
    ended = factories.post(channel.id, title="Sommer", text="Eis", state=PostState.DRAFT)
    with db.write() as session:
        for post, when in ((pattern, july(8, 7)), (ended, None)):
            session.add(Recurrence(post_id=post.id, time_zone="UTC", starts_on=date(2031, 7, 1), next_at=when))
    opened(plan_view="Board")
    assert board.card("Angebot")["mark"]["word"] == "Comes again" and board.card("Sommer")["mark"] is None
    waiting = said(opened(plan_view="Calendar"))  # the pattern waits for no time
    assert "Sommer" in waiting and "Angebot" not in waiting


def test_a_refused_card_is_back_and_says_why(editor: Actor, board: Board):
    factories.post(title="Ohne Termin", text="Hallo")
    page = opened(plan_view="Board")
    turn = board.data["turn"]
    board.move(page, "Ohne Termin", "scheduled")
    assert "Say when it goes out first" in said(page) and board.words("draft") == ["Ohne Termin"]
    assert board.data["turn"] != turn


def test_a_viewer_moves_no_card(hub: Path, signed_in: Callable[..., Actor], board: Board):
    signed_in("viewer")
    factories.post(title="Röstung", text="Hallo", state=PostState.IDEA)
    page = opened(plan_view="Board")
    assert board.card("Röstung")["targets"] == [] and "look at the plan" in said(page)
