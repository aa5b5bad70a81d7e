"""The view Queue and the composer's time part as a person meets them."""

from collections.abc import Callable
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from random import Random
from typing import Any

import pytest
import streamlit as st
import time_machine
from sqlmodel import select
from streamlit.testing.v1 import AppTest

from core import db
from core.models.channel import Channel
from core.models.planning import Delivery, Post, PostState
from core.models.planning_time import Recurrence, Slot
from core.services import queue, recurrences, slots
from core.services.team import COMMAND_LINE, Actor
from core.ui import best_time
from tests import factories
from tests.services.test_best_times import publish, tuesdays, usual_posts

PAGE = Path(__file__).parents[2] / "pages" / "planning.py"
MONDAY = datetime(2026, 11, 30, 6, tzinfo=UTC)  # 07:00 in Berlin
NINE = MONDAY.replace(hour=8)
DAY = timedelta(days=1)


@pytest.fixture
def editor(hub: Path, signed_in: Callable[..., Actor]):
    with time_machine.travel(MONDAY, tick=True):
        yield signed_in("editor")


def opened(**query: str) -> AppTest:
    page = AppTest.from_file(str(PAGE), default_timeout=30)
    for name, value in query.items():
        page.query_params[name] = value
    return ran(page)


def ran(page: AppTest) -> AppTest:
    page.run()
    assert not page.exception, page.exception
    return page


def the_queue() -> AppTest:
    return opened(plan_view="Queue")


def button(page: AppTest, label: str) -> Any:
    return next(b for b in page.button if label in b.label)


def key(page: AppTest, name: str) -> Any:
    return next(b for b in page.button if b.key == name)


def field(widgets: Any, label: str) -> Any:
    return next(w for w in widgets if w.label == label)


def press(page: AppTest, one: Any) -> AppTest:
    one.click()
    return ran(page)


def said(page: AppTest) -> str:
    parts = [*page.error, *page.warning, *page.info, *page.markdown, *page.caption, *page.toast]
    return "\n".join(str(part.value) for part in parts).replace("\\", "")


def rows(model: Any) -> list[Any]:
    with db.read() as session:
        return list(session.exec(select(model).order_by(model.id)).all())


def with_slots(**values: Any) -> int:
    channel = factories.channel(**values)
    with db.write() as session:
        slots.add_slots(session, COMMAND_LINE, channel.id, [(day, "09:00") for day in range(7)])
    return int(channel.id)


def enqueued(channel_id: int, *texts: str) -> list[int]:
    posts = [factories.post(channel_id, text=text).id for text in texts]
    with db.write() as session:
        for post in posts:
            queue.enqueue(session, COMMAND_LINE, post)
    return posts


def order(channel_id: int) -> list[str]:
    with db.read() as session:
        return [row.title for row in queue.queue(session, channel_id)]


# --- the view ---------------------------------------------------------------------------------------------------------


def test_without_a_channel_the_next_step_is_offered(editor: Actor):
    assert "No queue yet" in said(the_queue())


def test_a_channel_without_slots_is_offered_sensible_ones(editor: Actor):
    factories.channel()
    page = the_queue()
    assert "has no slots yet" in said(page) and "Not enough data yet" in said(page)
    page = press(page, button(page, "Mon–Fri 9:00 and 17:00"))
    assert len(rows(Slot)) == 10 and "0 of 10 taken, 10 free" in said(page)


def test_the_grid_shows_who_fills_a_slot_and_a_free_one_opens_the_composer(editor: Actor):
    channel = with_slots()
    enqueued(channel, "Am Montag")
    page = the_queue()
    assert "1 of 7 taken, 6 free" in said(page) and any("09:00 Am Montag" in b.label for b in page.button)
    page = press(page, button(page, "09:00 free"))
    assert field(page.multiselect, "Channels").value == [channel]
    assert (field(page.date_input, "Day").value, field(page.time_input, "Time").value) == (date(2026, 12, 1), time(9))
    assert "in the queue" in said(page)
    field(page.text_area, "Text").set_value("Für den Dienstag")
    press(ran(page), button(page, "Schedule"))
    assert order(channel) == ["Am Montag", "Für den Dienstag"]


def test_the_queue_is_moved_shuffled_and_closed_up(editor: Actor):
    channel = with_slots()
    posts = enqueued(channel, "Eins", "Zwei", "Drei")
    page = the_queue()
    assert key(page, f"queue_up_{posts[0]}").disabled and key(page, f"queue_down_{posts[2]}").disabled
    page = press(page, key(page, f"queue_top_{posts[2]}"))
    assert order(channel) == ["Drei", "Eins", "Zwei"]
    page = press(page, button(page, "Shuffle"))
    assert order(channel) != ["Drei", "Eins", "Zwei"]
    with db.write() as session:
        first = queue.queue(session, channel)[0]
        session.delete(session.get_one(Post, first.id))
    page = ran(page)
    press(page, button(page, "Close gaps"))
    with db.read() as session:
        assert [row.at for row in queue.queue(session, channel)] == [NINE, NINE + DAY]


def test_a_deleted_slot_offers_to_lay_the_queue_anew(editor: Actor):
    channel = with_slots()
    enqueued(channel, "Eins")
    page = the_queue()
    monday = rows(Slot)[0].id
    field(page.multiselect, "Delete").set_value([monday])
    page = ran(page)
    page = press(page, button(page, "Delete 1"))
    assert "1 post stands at times that are no slots any more" in said(page)
    press(page, button(page, "Lay the queue anew"))
    with db.read() as session:
        assert queue.queue(session, channel)[0].at == NINE + DAY


def test_what_comes_again_is_listed_paused_and_ended(editor: Actor):
    page = repeating()
    assert "Every week on Tue at 09:00" in said(page) and "2 made" in said(page)
    page = press(page, button(page, "Pause"))
    assert rows(Recurrence)[0].paused and len(rows(Post)) == 1
    page = press(page, button(page, "Resume"))
    assert len(rows(Post)) == 3
    press(page, button(page, "End it"))
    assert rows(Recurrence) == [] and len(rows(Post)) == 1


def repeating() -> AppTest:
    channel = with_slots()
    page = opened(plan_view="Write")
    field(page.multiselect, "Channels").set_value([channel])
    field(page.text_area, "Text").set_value("Guten Morgen")
    field(page.date_input, "Day").set_value(date(2026, 12, 1))
    field(page.toggle, "Repeat").set_value(True)
    press(ran(page), button(page, "Schedule"))
    return the_queue()


def test_who_may_not_plan_looks_only(hub: Path, signed_in: Callable[..., Actor]):
    signed_in("viewer")
    channel = factories.channel()
    page = the_queue()
    assert "has no slots yet" in said(page) and not any("Mon–Fri" in b.label for b in page.button)
    with db.write() as session:
        slots.add_slots(session, COMMAND_LINE, channel.id, [(day, "09:00") for day in range(7)])
    enqueued(channel.id, "Eins", "Zwei")
    page = the_queue()
    labels = " ".join(b.label for b in page.button)
    assert "Shuffle" not in labels and "free" not in labels and "Eins" in labels


# --- the composer -----------------------------------------------------------------------------------------------------


def composing(*channel_ids: int, **query: str) -> AppTest:
    page = opened(plan_view="Write", **query)
    field(page.multiselect, "Channels").set_value(list(channel_ids))
    field(page.text_area, "Text").set_value("Hallo")
    return ran(page)


def test_both_clocks_are_shown_where_they_differ(editor: Actor):
    channel = factories.channel(name="Coffee UK", time_zone="Europe/London")
    page = composing(channel.id)
    field(page.date_input, "Day").set_value(date(2026, 12, 1))
    page = ran(page)
    assert "09:00 Europe/Berlin · 08:00 in London" in said(page) and "Coffee UK" in said(page)


def test_the_next_free_slot_is_said_before_it_is_taken(editor: Actor):
    channel = with_slots(time_zone="Europe/London")
    page = composing(channel)
    page = press(page, button(page, "Next free slot: Today 10:00"))
    assert field(page.time_input, "Time").value == time(10) and "in the queue" in said(page)
    page = press(page, button(page, "Following free slot: Tomorrow 10:00"))
    press(page, button(page, "Schedule"))
    (post,) = rows(Post)
    assert (post.planned_at, post.queued, post.state) == (NINE + DAY + timedelta(hours=1), True, PostState.SCHEDULED)


def test_a_slot_that_was_taken_meanwhile_is_not_taken_twice(editor: Actor):
    channel = with_slots()
    page = composing(channel)
    page = press(page, button(page, "Next free slot"))
    enqueued(channel, "Schneller")
    page = press(page, button(page, "Schedule"))
    assert "isn't a free slot of these channels any more" in said(page)
    assert [p.text for p in rows(Post)] == ["Schneller"]
    assert field(page.text_area, "Text").value == "Hallo"


def test_a_time_of_its_own_leaves_the_queue(editor: Actor):
    channel = with_slots()
    (post,) = enqueued(channel, "Eins")
    page = opened(plan_view="Write", post=str(post))
    assert "in the queue" in said(page)
    field(page.time_input, "Time").set_value(time(11, 15))
    page = ran(page)
    assert "in the queue" not in said(page)
    press(page, button(page, "Save changes"))
    assert (rows(Post)[0].queued, rows(Delivery)[0].due_at) == (False, NINE.replace(hour=10, minute=15))


def test_a_moment_that_the_clock_shows_twice_stays_the_one_it_is(editor: Actor):
    """02:30 in Berlin, the second time: 20:30 in New York, where nothing is odd."""
    channel = factories.channel()
    second = datetime(2027, 10, 31, 1, 30, tzinfo=UTC)
    post = factories.post(channel.id, at=second)
    page = opened(plan_view="Write", post=str(post.id))
    assert field(page.time_input, "Time").value == time(2, 30) and "It goes out the second time" in said(page)
    field(page.text_area, "Text").set_value("Neu")
    press(ran(page), button(page, "Save changes"))
    assert rows(Delivery)[0].due_at == second and rows(Post)[0].text == "Neu"


def test_the_audiences_odd_night_is_said_too(editor: Actor):
    channel = factories.channel(name="NYC", time_zone="America/New_York")
    page = composing(channel.id)
    field(page.date_input, "Day").set_value(date(2027, 11, 7))
    field(page.time_input, "Time").set_value(time(7, 30))
    assert "clock 01:30 comes twice that night. It is the second" in said(ran(page))


def test_repeat_begins_with_schedule_and_a_change_is_followed(editor: Actor):
    repeating()
    pattern, *copies = rows(Post)
    assert [c.planned_at for c in copies] == [NINE + DAY, NINE + 8 * DAY] and pattern.planned_at is None
    page = opened(plan_view="Write", post=str(pattern.id))
    assert field(page.toggle, "Repeat").value and "2 of them wait" in said(page)
    field(page.text_area, "Text").set_value("Guten Abend")
    field(page.time_input, "Time").set_value(time(18))
    press(ran(page), button(page, "Save draft"))
    texts = [(p.text, p.planned_at.hour) for p in rows(Post)[1:]]
    assert texts == [("Guten Abend", 17)] * 2
    page = opened(plan_view="Write", post=str(rows(Post)[1].id))
    assert "which comes again" in said(page) and not any(t.label == "Repeat" for t in page.toggle)


def test_a_draft_keeps_how_it_comes_again_and_switching_off_ends_it(editor: Actor):
    channel = with_slots()
    page = composing(channel)
    field(page.toggle, "Repeat").set_value(True)
    page = ran(page)
    press(page, button(page, "Save draft"))
    with db.read() as session:
        (row,) = recurrences.recurrences(session)
    assert row.paused and len(rows(Post)) == 1
    page = opened(plan_view="Write", post=str(row.post_id))
    field(page.toggle, "Repeat").set_value(False)
    page = ran(page)
    assert "Saving ends the repetition" in said(page)
    press(page, button(page, "Save draft"))
    assert rows(Recurrence) == []


def test_what_stands_against_a_repetition_is_said_and_nothing_is_lost(editor: Actor):
    channel = factories.channel()
    page = composing(channel.id)
    field(page.toggle, "Repeat").set_value(True)
    page = ran(page)
    field(page.button_group, "How it comes again").set_value("Evergreen")
    page = ran(page)
    page = press(page, button(page, "Schedule"))
    assert "has slots yet" in said(page) and rows(Post) == [] and rows(Recurrence) == []
    assert field(page.toggle, "Repeat").value and field(page.text_area, "Text").value == "Hallo"


def test_one_click_puts_the_post_at_a_best_time(editor: Actor, monkeypatch: pytest.MonkeyPatch):
    def always_open(*_: Any, **__: Any) -> Any:
        box = st.container()
        box.open = True  # type: ignore[attr-defined]
        return box

    monkeypatch.setattr(best_time.st, "popover", always_open)
    channel = factories.channel()
    page = composing(channel.id)
    assert "Not enough data yet" in said(page)
    publish(channel.id, usual_posts(Random(3)) + [(at, 70) for at in tuesdays(18)])
    page = composing(channel.id)
    assert "Best on Tue 18:00: posts got about" in said(page) and "confidence high" in said(page)
    factories.post(channel.id, at=NINE.replace(hour=17) + DAY)  # that Tuesday is taken
    page = press(page, button(page, "Tue 08 Dec 18:00"))
    assert (field(page.date_input, "Day").value, field(page.time_input, "Time").value) == (date(2026, 12, 8), time(18))
    page = the_queue()
    assert "hours with a dot beat chance" in said(page)


def test_a_channels_zone_is_set_on_its_page(hub: Path, signed_in: Callable[..., Actor]):
    signed_in("admin")
    channel = factories.channel()
    app = AppTest.from_function(_zone_form)
    app.session_state["channel"] = channel.id
    page = ran(app)
    field(page.selectbox, "Time zone").set_value("Europe/London")
    press(ran(page), button(page, "Save"))
    assert rows(Channel)[0].time_zone == "Europe/London"


def _zone_form() -> None:
    import streamlit as st

    from core import db
    from core.services import channels
    from core.ui.channel_zone import zone_form
    from core.ui.page import open_page

    page = open_page("Channels", "channels")
    with db.read() as session:
        row = channels.channel(session, st.session_state["channel"])
    zone_form(page, row)
