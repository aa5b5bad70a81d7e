"""The menu at a message as a person meets it: what is offered, what is asked twice, what is said afterwards."""

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest
import streamlit as st
from sqlmodel import select
from streamlit.testing.v1 import AppTest

from core import db
from core.connectors import registry
from core.connectors.base import Act, Kind
from core.errors import RateLimited
from core.models.inbox import Conversation, Direction, Message
from core.services.team import Actor
from core.ui import thread
from tests import factories
from tests.pages.test_inbox import HOSTILE, drawn, editor, opened, press, words
from tests.services.test_inbox_actions import Acting, network

__all__ = ["drawn", "editor", "network"]


@pytest.fixture(autouse=True)
def menus(drawn: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    """Buttons `menu like 7` beside those that stand for the other clicks."""
    others = thread._component

    def stand_in(key: str, **given: Any) -> None:
        others(key=key, **given)
        for message in given["data"]["messages"]:
            for name, _, _ in message["menu"] if given["data"]["may"] else []:
                label = f"menu {name} {message['id']}"
                st.button(label, key=label, on_click=_click, args=(key, name, message["id"], given["on_act_change"]))

    def _click(key: str, name: str, message_id: int, then: Callable[[], None]) -> None:
        st.session_state[key] = SimpleNamespace(act={"name": name, "id": message_id})
        then()

    monkeypatch.setattr(thread, "_component", stand_in)
    monkeypatch.setitem(registry.NETWORKS, "fake", Acting)


@pytest.fixture
def talk(editor: Actor) -> Conversation:
    made = factories.conversation(factories.channel("fake").id, "Wann liefert ihr?", kind=Kind.COMMENT)
    factories.message(made, "Am Montag.", direction=Direction.OUT)
    return made


def ids() -> list[int]:
    with db.read() as session:
        return list(session.exec(select(Message.id).order_by(Message.id)).all())


def asked(page: AppTest) -> bool:
    return any(button.key == "act_sure" for button in page.button)


def test_a_like_is_done_at_once_and_shows(talk: Conversation, drawn: dict[str, Any], network: type[Acting]):
    theirs, _ = ids()
    page = press(opened(talk.id), f"menu like {theirs}")
    assert "Liked" in words(page) and drawn["thread"]["messages"][0]["marks"] == ["Liked"]
    assert [act for act, _, _ in network.asked] == [Act.LIKE] and not asked(page)
    page = press(page, f"menu unlike {theirs}")
    assert "Like taken back" in words(page) and drawn["thread"]["messages"][0]["marks"] == []


def test_each_message_offers_what_fits_it_in_words(talk: Conversation, drawn: dict[str, Any]):
    opened(talk.id)
    theirs, ours = (message["menu"] for message in drawn["thread"]["messages"])
    who = drawn["thread"]["messages"][0]["author"]
    assert theirs == [
        ("like", "Like", False),
        ("repost", "Repost", False),
        ("hide", "Hide from readers", False),
        ("follow", f"Follow {who}", False),
        ("mute", f"Mute {who}", False),
        *((f"mood_{mood}", f"Mood: {mood}", False) for mood in ("positive", "neutral", "negative")),
        ("block", f"Block {who} …", True),
    ]
    assert ours == [("delete_own", "Delete at the network …", True)]


@pytest.mark.parametrize(("act", "sure"), [("block", "Block"), ("delete_own", "Delete")])
def test_what_cannot_be_undone_is_asked_for_first(talk: Conversation, network: type[Acting], act: str, sure: str):
    message_id = ids()[act == "delete_own"]
    page = press(opened(talk.id), f"menu {act} {message_id}")
    assert asked(page) and network.asked == []
    page = press(page, "Cancel")
    assert not asked(page) and network.asked == []
    page = press(page, f"menu {act} {message_id}")
    page = press(page, sure)
    assert [done for done, _, _ in network.asked] == [Act(act)] and not asked(page)


def test_deleted_it_says_so_and_its_words_are_gone(talk: Conversation, drawn: dict[str, Any]):
    page = press(opened(talk.id), f"menu delete_own {ids()[1]}")
    assert "Am Montag." in words(page), "so that one sees which"
    press(page, "Delete")
    ours = drawn["thread"]["messages"][1]
    assert (ours["text"], ours["marks"], ours["menu"]) == ("", ["deleted at the network"], [])


def test_an_error_becomes_a_sentence(talk: Conversation, network: type[Acting]):
    theirs, ours = ids()
    network.fault = RateLimited("Pause", db.utc_now())
    page = press(opened(talk.id), f"menu like {theirs}")
    assert "asks for a pause" in words(page)
    page = press(page, f"menu delete_own {ours}")
    network.fault = RateLimited("Pause", db.utc_now())
    page = press(page, "Delete")
    assert "asks for a pause" in words(page) and asked(page), "it can be tried again"


def test_a_strangers_name_stays_text_in_menu_and_dialog(editor: Actor, drawn: dict[str, Any]):
    writer = factories.contact("fake", name=HOSTILE)
    talk = factories.conversation(factories.channel("fake").id, contact_id=writer.id)
    with db.write() as session:
        session.exec(select(Message)).one().contact_id = writer.id
    page = press(opened(talk.id), f"menu block {ids()[0]}")
    for element in [*page.markdown, *page.caption]:
        assert "**fett**" not in element.value and "[klick](" not in element.value
    assert all(len(label) < 60 for _, label, _ in drawn["thread"]["messages"][0]["menu"])


def test_a_viewer_has_no_menu(talk: Conversation, signed_in: Callable[..., Actor], drawn: dict[str, Any]):
    signed_in("viewer")
    page = opened(talk.id)
    assert not [button for button in page.button if str(button.key).startswith("menu ")]
