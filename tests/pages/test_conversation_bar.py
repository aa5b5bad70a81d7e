"""What is decided about a conversation, as a person does it: assign, goal, priority, labels, snooze, undo."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from sqlmodel import select
from streamlit.testing.v1 import AppTest

from core import db
from core.models.inbox import Conversation, ConversationState, Goal, Priority
from core.models.team import Role
from core.services import inbox_handling, labels
from core.services.team import COMMAND_LINE, Actor
from core.ui import conversation_bar, undo
from tests import factories
from tests.conftest import counted

HOSTILE = "**fett** :red[rot] [x](javascript:1)"
BERLIN = ZoneInfo("Europe/Berlin")


@pytest.fixture
def editor(hub: Path, signed_in: Callable[..., Actor]) -> Actor:
    return signed_in("editor")


def around() -> None:
    """The fragments that the inbox has around the row."""
    import streamlit as st

    from core import db
    from core.services import inbox
    from core.ui.conversation_bar import conversation_bar
    from core.ui.page import open_page

    page = open_page("Inbox")

    @st.fragment(key="list")
    def list_part() -> None:
        st.caption("the list")

    @st.fragment(key="thread")
    def thread_part() -> None:
        with db.read() as session:
            view = inbox.conversation(session, int(st.query_params["conversation"]))
        st.caption(f"It is {view.state.value}")
        conversation_bar(page, view)

    list_part()
    thread_part()


def opened(conversation_id: int) -> AppTest:
    page = AppTest.from_function(around, default_timeout=30)
    page.query_params["conversation"] = str(conversation_id)
    return fine(page.run())


def fine(page: AppTest) -> AppTest:
    assert not page.exception, page.exception
    return page


def press(page: AppTest, label: str) -> AppTest:
    (button,) = [b for b in page.button if label in (b.label, b.key)]
    return fine(button.click().run())


def choose(page: AppTest, key: str, value: str) -> AppTest:
    return fine(page.menu_button(key=key).click(value).run())


def assign(page: AppTest, member_id: int | None) -> AppTest:
    (box,) = [box for box in page.selectbox if box.label == "Assigned to"]
    return fine(box.set_value(member_id).run())


def words(page: AppTest) -> str:
    kinds = (page.markdown, page.caption, page.error, page.toast)
    return "\n".join(element.value for kind in kinds for element in kind).replace("\\", "").replace("\u2060", "")


def buttons(page: AppTest) -> set[str]:
    return {b.label for b in page.button}


def stored() -> Conversation:
    with db.read() as session:
        return session.exec(select(Conversation)).one()


def named(conversation_id: int) -> list[str]:
    with db.read() as session:
        return [row.name for row in labels.labels_of(session, [conversation_id]).get(conversation_id, ())]


def a_talk() -> int:
    return factories.conversation(factories.channel().id).id


def a_label(name: str, color: str = "gray") -> int:
    with db.write() as session:
        return labels.create_label(session, COMMAND_LINE, name, color)


def test_assigned_to_me_with_one_click_and_undone_with_another(editor: Actor):
    talk = a_talk()
    page = press(opened(talk), "Assign to me")
    assert stored().assignee_id == editor.id and f"Assigned to {editor.name}" in words(page)
    assert page.selectbox[0].value == editor.id and "Assign to me" not in buttons(page)
    page = press(page, "Undo")
    assert stored().assignee_id is None and "Undone" in words(page)
    assert page.selectbox[0].value is None and "Undo" not in buttons(page)


def test_assigned_to_a_colleague_and_taken_from_them(editor: Actor):
    talk, anna = a_talk(), factories.member(Role.EDITOR, name=HOSTILE)
    page = assign(opened(talk), anna.id)
    assert stored().assignee_id == anna.id
    assert f"Assigned to {HOSTILE}" in words(page) and HOSTILE not in [t.value for t in page.toast]
    assign(page, None)
    assert stored().assignee_id is None


def test_only_who_may_answer_is_offered_and_who_has_it_is_shown_even_when_gone(editor: Actor):
    talk, gone = a_talk(), factories.member(name="Alt")
    factories.member(Role.VIEWER, name="Vera")
    with db.write() as session:
        inbox_handling.assign(session, COMMAND_LINE, [talk], gone.id)
        session.merge(gone).disabled_at = db.utc_now()
    assert set(opened(talk).selectbox[0].options) == {editor.name, "Alt (gone)"}


def test_what_a_colleague_decides_shows_with_the_next_look(editor: Actor):
    talk, anna = a_talk(), factories.actor(Role.EDITOR)
    page = opened(talk)
    with db.write() as session:
        inbox_handling.assign(session, anna, [talk], anna.id)
        inbox_handling.set_priority(session, anna, [talk], Priority.URGENT)
    page = fine(page.run())
    assert page.selectbox[0].value == anna.id
    assert "Urgent" in page.menu_button(key=f"priority_{talk}").label


def test_a_browser_that_has_not_drawn_a_colleague_s_decision_takes_none_of_it_back(editor: Actor):
    talk, anna, first = a_talk(), factories.actor(Role.EDITOR), a_label("Lieferung")
    page = opened(talk)
    before = page._tree.get_widget_states()  # what the browser shows, and sends when the page looks again by itself
    with db.write() as session:
        inbox_handling.assign(session, anna, [talk], anna.id)
        inbox_handling.add_label(session, anna, [talk], first)
    fine(page.run())
    page = fine(page._run(before))
    assert stored().assignee_id == anna.id and named(talk) == ["Lieferung"]
    assert page.selectbox[0].value == anna.id and page.pills[0].value == [first]


def test_a_browser_that_is_late_does_not_take_back_ones_own_click(editor: Actor):
    page = opened(a_talk())
    before = page._tree.get_widget_states()
    page = fine(press(page, "Assign to me")._run(before))
    assert stored().assignee_id == editor.id and page.selectbox[0].value == editor.id


def test_undo_leaves_what_a_colleague_did_since(editor: Actor):
    talk, anna = a_talk(), factories.actor(Role.EDITOR)
    page = press(opened(talk), "Assign to me")
    with db.write() as session:
        inbox_handling.assign(session, anna, [talk], anna.id)
    page = press(page, "Undo")
    assert stored().assignee_id == anna.id and "has been changed since" in words(page)


def test_the_way_back_closes_after_a_while(editor: Actor, monkeypatch: pytest.MonkeyPatch):
    page = press(opened(a_talk()), "Assign to me")
    monkeypatch.setattr(undo, "OFFERED", -1.0)
    assert "Undo" not in buttons(fine(page.run()))


def test_goal_and_priority(editor: Actor):
    talk = a_talk()
    page = choose(opened(talk), f"goal_{talk}", "complaint")
    assert stored().goal == Goal.COMPLAINT and page.menu_button(key=f"goal_{talk}").label == "Complaint"
    page = choose(page, f"priority_{talk}", "urgent")
    assert stored().priority == Priority.URGENT and "Urgent" in page.menu_button(key=f"priority_{talk}").label
    choose(page, f"goal_{talk}", "")
    assert stored().goal is None


def test_labels_are_put_on_taken_off_and_made(editor: Actor):
    talk, first, other = a_talk(), a_label("Lieferung"), a_label(HOSTILE, "red")
    page = opened(talk)
    page = fine(page.pills[0].set_value([first, other]).run())
    assert named(talk) == [HOSTILE, "Lieferung"]
    badges = [m.value for m in page.markdown if "-badge[" in m.value and "Lieferung" in m.value]
    assert badges and HOSTILE not in badges[0] and ":red-badge[" in badges[0]
    page = fine(page.pills[0].set_value([other]).run())
    assert named(talk) == [HOSTILE]
    page = press(page, "Undo")
    assert named(talk) == [HOSTILE, "Lieferung"]
    page = fine(page.text_input[0].input("Große Bestellung").run())
    assert "Große Bestellung" in named(talk) and page.text_input[0].value == ""


def test_a_label_that_is_there_already_is_told_and_what_was_typed_stays(editor: Actor):
    talk = a_talk()
    a_label("Lieferung")
    page = fine(opened(talk).text_input[0].input("lieferung").run())
    assert "already is a label" in words(page) and page.text_input[0].value == "lieferung"
    assert named(talk) == []


def test_snoozed_for_an_hour_and_woken(editor: Actor):
    talk, before = a_talk(), db.utc_now()
    page = press(opened(talk), "In 1 hour")
    row = stored()
    assert row.state == ConversationState.SNOOZED and row.snoozed_until is not None
    assert timedelta(minutes=59) < row.snoozed_until - before < timedelta(minutes=61)
    assert "It is snoozed" in words(page)  # the head too
    page = press(page, "Wake now")
    assert stored().state == ConversationState.OPEN and "It is open" in words(page)


def test_snoozed_until_a_time_on_ones_own_clock(editor: Actor):
    """The hub's clock runs in UTC; nine in the morning is meant in Berlin, in winter and in summer."""
    talk = a_talk()
    page = opened(talk)
    year = db.utc_now().astimezone(BERLIN).year + 1
    in_reach = db.utc_now() + timedelta(days=365)
    summer, winter = datetime(year, 7, 1, 9), datetime(year, 1, 20, 9)
    for local, hour in ((winter, 8), (summer, 7)):
        if local.replace(tzinfo=BERLIN) > in_reach:
            local = local.replace(year=year - 1)
        page.datetime_input[0].set_value(local)
        page = press(page, "Snooze until then")
        assert stored().snoozed_until == local.replace(hour=hour, tzinfo=UTC)


def test_a_time_that_is_over_is_refused(editor: Actor):
    talk = a_talk()
    page = opened(talk)
    page.datetime_input[0].set_value(datetime.combine(db.utc_now().astimezone(BERLIN).date(), datetime.min.time()))
    page = press(page, "Snooze until then")
    assert "Choose one to come" in words(page) and stored().state == ConversationState.OPEN


def test_a_viewer_reads_what_was_decided(hub: Path, signed_in: Callable[..., Actor]):
    signed_in("viewer")
    talk, anna, key = a_talk(), factories.member(name="Anna"), a_label("Lieferung")
    with db.write() as session:
        inbox_handling.assign(session, COMMAND_LINE, [talk], anna.id)
        inbox_handling.set_goal(session, COMMAND_LINE, [talk], Goal.PRAISE)
        inbox_handling.add_label(session, COMMAND_LINE, [talk], key)
    page = opened(talk)
    assert not page.button and not page.selectbox and not page.menu_button and not page.pills
    assert all(word in words(page) for word in ("Anna", "Praise", "Lieferung"))


def test_the_row_asks_four_questions_however_many_labels_and_members(editor: Actor):
    talk = a_talk()
    counts = []
    for number in range(2):
        for part in range(6):
            key = a_label(f"L{number}{part}")
            with db.write() as session:
                inbox_handling.add_label(session, COMMAND_LINE, [talk], key)
            factories.member()
        page = opened(talk)
        with counted() as ran:
            fine(page.run())
        counts.append(len(ran))
    assert counts[0] == counts[1]


def test_every_goal_and_priority_has_a_word():
    assert set(conversation_bar.GOALS) == set(Goal) and set(conversation_bar.PRIORITIES) == set(Priority)
