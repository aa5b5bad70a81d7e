"""The Inbox page as a person meets it: choose, read, answer, decide; and a stranger's text that must stay text.

List and thread are components that only a browser draws; here buttons stand in for their clicks, and what they would
draw is read from their data.
"""

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import streamlit as st
from sqlmodel import select
from streamlit.testing.v1 import AppTest

from core import db
from core.connectors.base import Limits
from core.models.channel import ChannelState
from core.models.inbox import Conversation, ConversationState, Direction, Message
from core.models.planning import Delivery, DeliveryState
from core.services import health
from core.services.team import Actor
from core.ui import conversation_list, inbox_keys, inbox_views, thread
from tests import factories
from tests.conftest import counted

PAGE = Path(__file__).parents[2] / "pages" / "inbox.py"
HOSTILE = "**fett** <script>alert(1)</script> [klick](javascript:alert(1)) :red[rot]"


@pytest.fixture
def drawn(monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """What the components were given to draw; with buttons `open 3`, `more`, `retry 7`, `view Mine` for clicks."""
    data: dict[str, Any] = {}

    def button(key: str, label: str, name: str, value: Any, then: Callable[[], None]) -> None:
        def click() -> None:
            st.session_state[key] = SimpleNamespace(**{name: value})
            then()

        st.button(label, key=label, on_click=click)

    def list_stand_in(key: str, **given: Any) -> None:
        data["list"] = given["data"]
        for row in given["data"]["rows"]:
            button(key, f"open {row['id']}", "open", row["id"], given["on_open_change"])
            picks = {"ids": [*given["data"]["picked"], row["id"]], "epoch": given["data"]["epoch"]}
            button(key, f"tick {row['id']}", "pick", picks, given["on_pick_change"])
        if given["data"]["more"]:
            button(key, "more", "more", len(given["data"]["rows"]), given["on_more_change"])

    def views_stand_in(key: str, **given: Any) -> None:
        data["views"] = {view["word"]: view for view in given["data"]["views"]}
        for view in given["data"]["views"]:
            button(key, f"view {view['word']}", "view", view["key"], given["on_view_change"])

    def keys_stand_in(key: str, **given: Any) -> None:
        for name, what in given["data"]["actions"].items():
            button(key, f"key {name}", "act", what, given["on_act_change"])

    def thread_stand_in(key: str, **given: Any) -> None:
        data["thread"] = given["data"]
        for message in given["data"]["messages"]:
            for name, _ in message["actions"] if given["data"]["may"] else []:
                clicked = {"name": name, "id": message["id"]}
                button(key, f"{name} {message['id']}", "act", clicked, given["on_act_change"])
        if given["data"]["earlier"]:
            button(key, "earlier", "earlier", 1, given["on_earlier_change"])

    monkeypatch.setattr(conversation_list, "_component", list_stand_in)
    monkeypatch.setattr(thread, "_component", thread_stand_in)
    monkeypatch.setattr(inbox_views, "_component", views_stand_in)
    monkeypatch.setattr(inbox_keys, "_component", keys_stand_in)
    return data


@pytest.fixture
def editor(hub: Path, drawn: dict[str, Any], signed_in: Callable[..., Actor]) -> Actor:
    with db.write() as session:
        health.beat(session, "worker")
    return signed_in("editor")


def opened(conversation_id: int | None = None, **filters: str) -> AppTest:
    page = AppTest.from_file(str(PAGE), default_timeout=30)
    if conversation_id is not None:
        page.query_params["conversation"] = str(conversation_id)
    for name, value in filters.items():
        page.query_params[name] = value
    page.run()
    assert not page.exception, page.exception
    return page


def press(page: AppTest, label: str) -> AppTest:
    (button,) = [b for b in page.button if label in (b.label, b.key)]
    page = button.click().run()
    assert not page.exception, page.exception
    return page


def words(page: AppTest) -> str:
    kinds = (page.markdown, page.caption, page.error, page.warning, page.info, page.toast)
    return "\n".join(element.value for kind in kinds for element in kind).replace("\\", "").replace("\u2060", "")


def stored() -> Conversation:
    with db.read() as session:
        return session.exec(select(Conversation)).one()


def test_without_a_channel_it_says_what_will_be_here(editor: Actor):
    assert "No channel is connected yet" in words(opened())


def test_an_empty_inbox_says_that_all_is_done(editor: Actor):
    factories.channel()
    assert "All done" in words(opened())


def test_a_filter_that_fits_nothing_says_so(editor: Actor):
    factories.conversation(factories.channel().id)
    assert "Nothing fits" in words(opened(search="gibtsnicht"))


def test_choosing_a_conversation_shows_it_marks_it_read_and_keeps_its_link(editor: Actor, drawn: dict[str, Any]):
    talk = factories.conversation(factories.channel().id, "Wann liefert ihr?")
    page = opened()
    assert "Choose a conversation" in words(page) and drawn["list"]["rows"][0]["unread"] == 1
    page = press(page, f"open {talk.id}")
    assert [m["text"] for m in drawn["thread"]["messages"]] == ["Wann liefert ihr?"]
    assert page.query_params["conversation"] in (str(talk.id), [str(talk.id)])
    assert stored().unread == 0


def test_a_link_to_a_conversation_opens_it_whatever_the_filter(editor: Actor, drawn: dict[str, Any]):
    talk = factories.conversation(factories.channel().id, "Alt", state=ConversationState.RESOLVED)
    opened(talk.id)
    assert drawn["thread"]["id"] == talk.id


@pytest.mark.parametrize("wrong", ["999", "abc", "-1", "9" * 40])
def test_a_wrong_link_harms_nothing(editor: Actor, wrong: str):
    factories.conversation(factories.channel().id)
    page = AppTest.from_file(str(PAGE), default_timeout=30)
    page.query_params["conversation"] = wrong
    page.run()
    assert not page.exception


def test_a_strangers_text_is_never_markdown(editor: Actor, drawn: dict[str, Any]):
    writer = factories.contact(name=HOSTILE, handle="@[x](javascript:1)")
    talk = factories.conversation(factories.channel().id, HOSTILE, contact_id=writer.id)
    with db.write() as session:
        message = session.exec(select(Message)).one()
        message.url, message.contact_id = "javascript:alert(1)", writer.id
        message.media = [
            {"url": "javascript:alert(1)", "kind": "image", "alt": ""},
            {"url": "https://ok.example/1.png"},
        ]
    page = opened(talk.id)
    shown = drawn["thread"]["messages"][0]
    assert shown["text"] == HOSTILE and shown["url"] is None
    assert [m["url"] for m in shown["media"]] == ["https://ok.example/1.png"]
    for element in [*page.markdown, *page.caption]:
        assert "**fett**" not in element.value and "[klick](" not in element.value and "<script>" not in element.value


def test_an_answer_is_sent_and_the_box_is_empty_again(editor: Actor, drawn: dict[str, Any]):
    talk = factories.conversation(factories.channel().id)
    page = opened(talk.id)
    page.text_area[0].input("Am Montag.").run()
    page = press(page, "Send")
    assert drawn["thread"]["messages"][-1]["state"] == "Goes out in 20 s"
    assert drawn["thread"]["messages"][-1]["author"] == editor.name
    assert page.text_area[0].value == "" and "On its way" in words(page)


def test_what_is_too_long_is_counted_refused_and_kept(editor: Actor):
    talk = factories.conversation(factories.channel("bluesky", limits=Limits(text_length=10).to_json()).id)
    page = opened(talk.id)
    page.text_area[0].input("Viel zu lang!").run()
    assert "13 of 10 characters: 3 too many" in words(page)
    page = press(page, "Send")
    assert "3 characters too long" in words(page) and page.text_area[0].value == "Viel zu lang!"
    with db.read() as session:
        assert session.exec(select(Delivery)).all() == []


def test_a_failed_answer_says_why_and_can_be_retried_or_taken_back(editor: Actor, drawn: dict[str, Any]):
    talk = factories.conversation(factories.channel().id)
    answer = factories.message(talk, "Am Montag.", direction=Direction.OUT, remote_id=None)
    with db.write() as session:
        session.add(
            Delivery(
                message_id=answer.id, channel_id=talk.channel_id, state=DeliveryState.FAILED, last_error="Refused."
            )
        )
    page = opened(talk.id)
    shown = drawn["thread"]["messages"][-1]
    assert (shown["state"], shown["why"]) == ("Not sent", "Refused.")
    assert drawn["list"]["rows"][0]["chips"][0]["word"] == "Answer not sent"
    page = press(page, f"discard {answer.id}")
    assert page.text_area[0].value == "Am Montag." and len(drawn["thread"]["messages"]) == 1


def test_a_channel_that_must_be_reconnected_says_so_before_anybody_writes(editor: Actor):
    talk = factories.conversation(factories.channel(state=ChannelState.NEEDS_REAUTH).id)
    page = opened(talk.id)
    assert "must be reconnected" in words(page)
    assert [b.disabled for b in page.button if b.label == "Send"] == [True]


def test_resolve_and_reopen(editor: Actor):
    talk = factories.conversation(factories.channel().id)
    page = press(opened(talk.id), "Resolve")
    assert stored().state == ConversationState.RESOLVED
    press(page, "Reopen")
    assert stored().state == ConversationState.OPEN


def test_marked_unread_it_stays_unread(editor: Actor):
    talk = factories.conversation(factories.channel().id)
    press(opened(talk.id), "unread_again")
    assert stored().unread == 1


def test_a_note_is_kept(editor: Actor, drawn: dict[str, Any]):
    talk = factories.conversation(factories.channel().id)
    page = opened(talk.id)
    page.text_area[0].input("Stammkundin").run()
    press(page, "Keep as note")
    assert drawn["thread"]["messages"][-1]["side"] == "note"


def test_a_certain_message_can_be_answered(editor: Actor, drawn: dict[str, Any]):
    talk = factories.conversation(factories.channel().id, "Eins", "Zwei")
    page = opened(talk.id)
    first = drawn["thread"]["messages"][0]["id"]
    page = press(page, f"reply {first}")
    assert "Eins" in words(page)
    page.text_area[0].input("Zu eins").run()
    press(page, "Send")
    with db.read() as session:
        sent = session.exec(select(Message).where(Message.direction == Direction.OUT)).one()
        assert sent.reply_to == session.get_one(Message, first).remote_id


def test_a_viewer_reads_and_changes_nothing(hub: Path, drawn: dict[str, Any], signed_in: Callable[..., Actor]):
    signed_in("viewer")
    talk = factories.conversation(factories.channel().id, "Hallo")
    page = opened(talk.id)
    assert drawn["thread"]["messages"][0]["text"] == "Hallo" and drawn["thread"]["may"] is False
    labels = {b.label for b in page.button}
    assert not labels & {"Send", "Resolve", "Pending", "Keep as note"} and not page.text_area
    assert "Your role lets you read" in words(page) and stored().unread == 1


def test_a_silent_worker_is_told(hub: Path, drawn: dict[str, Any], signed_in: Callable[..., Actor]):
    signed_in()
    factories.channel()
    assert "No worker is running" in words(opened())


def test_long_lists_and_threads_come_in_pages(editor: Actor, drawn: dict[str, Any]):
    channel = factories.channel()
    now = db.utc_now()
    for number in range(34):
        factories.conversation(channel.id, at=now - timedelta(minutes=number + 1))
    talk = factories.conversation(channel.id, *["Hallo"] * 60, at=now)
    page = opened(talk.id)
    assert (len(drawn["list"]["rows"]), len(drawn["thread"]["messages"])) == (30, 50)
    press(page, "more")
    assert len(drawn["list"]["rows"]) == 35 and drawn["list"]["more"] is None
    press(opened(talk.id), "earlier")
    assert len(drawn["thread"]["messages"]) == 60


def test_the_page_asks_the_same_number_of_questions_for_ten_and_for_many(editor: Actor):
    channel = factories.channel()
    counts = []
    for many in (10, 60):
        for _ in range(many):
            talk = factories.conversation(channel.id)
        with counted() as ran:
            opened(talk.id)
        counts.append(len(ran))
    assert counts[0] == counts[1]
