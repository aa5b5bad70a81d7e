"""The box for an answer as a person meets it: the pause, the colleague who was quicker, saved replies, images, threads.

What is typed and chosen must survive whatever goes wrong.
"""

from collections.abc import Callable
from io import BytesIO
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import streamlit as st
from PIL import Image
from sqlmodel import select
from streamlit.testing.v1 import AppTest

from core import db
from core.connectors.base import Limits
from core.models.channel import Channel, ChannelState
from core.models.inbox import Conversation, Direction, Message
from core.models.inbox_work import Doing
from core.models.planning import Delivery, DeliveryState
from core.services import inbox, inbox_presence, saved_replies
from core.services.team import COMMAND_LINE, Actor
from core.ui import answer_watch
from tests import factories
from tests.pages.test_inbox import drawn, editor, opened, press, words

__all__ = ["drawn", "editor"]

HOSTILE = "**fett** :red[rot] [klick](javascript:alert(1))"


@pytest.fixture
def talk(editor: Actor) -> Conversation:
    return factories.conversation(factories.channel().id, "Wann liefert ihr?")


def typed(page: AppTest, text: str) -> AppTest:
    (box,) = [area for area in page.text_area if area.label == "Answer"]
    return fine(box.input(text).run())


def standing(page: AppTest) -> str:
    (box,) = [area for area in page.text_area if area.label == "Answer"]
    return box.value or ""


def fine(page: AppTest) -> AppTest:
    assert not page.exception, page.exception
    return page


def answers() -> list[Message]:
    with db.read() as session:
        return list(session.exec(select(Message).where(Message.direction == Direction.OUT).order_by(Message.id)))


def colleague_answers(talk: Conversation, text: str = "Am Montag.", name: str = "Ben Otto") -> None:
    ben = factories.member(name=name)
    actor = Actor(ben.id, ben.name, ben.email, ben.role)
    with db.write() as session:
        inbox.send_reply(session, actor, talk.id, text, hold_seconds=20)


def png(colour: str = "red") -> bytes:
    data = BytesIO()
    Image.new("RGB", (40, 30), colour).save(data, "PNG")
    return data.getvalue()


def add_image(page: AppTest, data: bytes | None = None, name: str = "bild.png") -> AppTest:
    return fine(page.file_uploader[0].set_value([(name, data or png(), "image/png")]).run())


def alt(page: AppTest, number: int = 1) -> Any:
    (field,) = [field for field in page.text_input if field.label == f"Alt text of image {number}"]
    return field


def save_reply(name: str = "Lieferzeit", language: str = "de", text: str = "Hallo {contact}, am Montag.") -> int:
    with db.write() as session:
        return saved_replies.create_reply(session, COMMAND_LINE, name=name, language=language, text=text)


# --- the pause ------------------------------------------------------------------------------------------------------


def test_an_answer_counts_down_and_can_be_taken_back_into_the_box(talk: Conversation, drawn: dict[str, Any]):
    page = press(typed(opened(talk.id), "Am Montag."), "Send")
    shown = drawn["thread"]["messages"][-1]
    assert shown["state"] == "Goes out in 20 s" and shown["left"] == 20
    assert ["take_back", "Take back"] in [list(action) for action in shown["actions"]]
    assert "can be taken back" in words(page) and standing(page) == ""
    page = press(page, f"take_back {shown['id']}")
    assert standing(page) == "Am Montag." and answers() == [] and "Taken back" in words(page)


def test_taken_back_it_keeps_what_was_written_meanwhile(talk: Conversation, drawn: dict[str, Any]):
    page = press(typed(opened(talk.id), "Am Montag."), "Send")
    page = typed(page, "Noch etwas:")
    page = press(page, f"take_back {drawn['thread']['messages'][-1]['id']}")
    assert standing(page) == "Noch etwas:\n\nAm Montag."


def test_too_late_says_so_and_the_answer_stays(talk: Conversation, drawn: dict[str, Any]):
    page = press(typed(opened(talk.id), "Am Montag."), "Send")
    with db.write() as session:
        session.exec(select(Delivery)).one().state = DeliveryState.SENDING
    page = press(page, f"take_back {answers()[0].id}")
    assert "already on its way" in words(page) and len(answers()) == 1


def test_without_a_pause_it_is_sent_at_once(talk: Conversation, drawn: dict[str, Any], editor: Actor):
    from core.models.inbox_work import ServiceHours

    with db.write() as session:
        session.add(ServiceHours(id=1, weekly={"0": [["09:00", "17:00"]]}, undo_seconds=0))
    press(typed(opened(talk.id), "Am Montag."), "Send")
    shown = drawn["thread"]["messages"][-1]
    assert (shown["state"], shown["actions"]) == ("Sending …", [])


# --- the second sender ----------------------------------------------------------------------------------------------


def test_who_is_second_sees_what_the_first_one_sent_and_can_send_anyway(talk: Conversation):
    page = typed(opened(talk.id), "Am Dienstag.")
    colleague_answers(talk, f"Am Montag. {HOSTILE}")
    page = press(page, "Send")
    assert "Ben Otto has answered meanwhile" in words(page) and f"Am Montag. {HOSTILE}" in words(page)
    assert standing(page) == "Am Dienstag." and [m.text for m in answers()] == [f"Am Montag. {HOSTILE}"]
    assert not any("[klick](" in element.value for element in [*page.markdown, *page.caption])
    page = press(page, "Send anyway")
    assert [m.text for m in answers()][1:] == ["Am Dienstag."] and standing(page) == ""
    assert "answered meanwhile" not in words(page)


def test_who_is_second_can_leave_it(talk: Conversation):
    page = typed(opened(talk.id), "Am Dienstag.")
    colleague_answers(talk)
    page = press(press(page, "Send"), "Discard mine")
    assert standing(page) == "" and "answered meanwhile" not in words(page) and len(answers()) == 1


def test_an_answer_that_was_there_before_stops_nobody(talk: Conversation):
    colleague_answers(talk)
    press(typed(opened(talk.id), "Und noch etwas."), "Send")
    assert len(answers()) == 2


def test_colleagues_are_seen_and_see_us(talk: Conversation, editor: Actor):
    ben = factories.member(name=f"Ben {HOSTILE}")
    actor = Actor(ben.id, ben.name, ben.email, ben.role)
    with db.write() as session:
        inbox_presence.beat(session, actor, talk.id, Doing.WRITING)
    page = opened(talk.id)
    assert f"Ben {HOSTILE} is writing an answer" in words(page)
    assert not any("[klick](" in element.value for element in page.markdown)

    def as_ben_sees_it() -> list[Doing]:
        with db.read() as session:
            return [one.doing for one in inbox_presence.others(session, actor, talk.id)]

    assert as_ben_sees_it() == [Doing.READING]
    page = fine(typed(page, "Am Dienstag.").run())
    assert as_ben_sees_it() == [Doing.WRITING]
    press(page, "Send")
    assert as_ben_sees_it() == [Doing.READING]


# --- what is being written ------------------------------------------------------------------------------------------


def test_text_and_images_stay_with_their_conversation(talk: Conversation):
    other = factories.conversation(talk.channel_id, "Und ihr?")
    page = add_image(typed(opened(talk.id), "Für die eine."))
    page = fine(alt(page).input("Ein rotes Feld").run())
    page = press(page, f"open {other.id}")
    assert standing(page) == "" and not [field for field in page.text_input if field.label.startswith("Alt text")]
    page = press(fine(page.run()), f"open {talk.id}")
    assert standing(page) == "Für die eine." and alt(page).value == "Ein rotes Feld"


def test_nothing_is_lost_when_the_network_would_refuse_it(editor: Actor):
    channel = factories.channel("bluesky", limits=Limits(text_length=10).to_json())
    talk = factories.conversation(channel.id)
    page = add_image(typed(opened(talk.id), "Viel zu lang!"))
    page = fine(alt(page).input("Ein rotes Feld").run())
    page = press(page, "Send")
    assert "3 characters too long" in words(page) and answers() == []
    assert standing(page) == "Viel zu lang!" and alt(page).value == "Ein rotes Feld"


def test_nothing_is_lost_when_the_channel_stops_meanwhile(talk: Conversation):
    page = add_image(typed(opened(talk.id), "Am Montag."))
    with db.write() as session:
        session.get_one(Channel, talk.channel_id).state = ChannelState.PAUSED
    page = press(page, "Send")
    assert "paused" in words(page) and standing(page) == "Am Montag." and alt(page) is not None


def test_while_one_types_the_count_follows_and_sending_takes_it(editor: Actor, monkeypatch: pytest.MonkeyPatch):
    talk = factories.conversation(factories.channel("bluesky", limits=Limits().to_json()).id)
    told: dict[str, Any] = {}

    def stand_in(key: str, **given: Any) -> None:
        told.update(given["data"])

        def click() -> None:
            st.session_state[key] = SimpleNamespace(typed={"box": told["box"], "text": "Noch nicht fertig"})
            given["on_typed_change"]()

        def restore() -> None:
            st.session_state[key] = SimpleNamespace(restored={"box": told["box"], "text": "Von vorhin"})
            given["on_restored_change"]()

        st.button("type", on_click=click)
        st.button("reload", on_click=restore)

    monkeypatch.setattr(answer_watch, "_component", stand_in)
    page = press(opened(talk.id), "reload")
    assert standing(page) == "Von vorhin"
    page = press(typed(page, ""), "type")
    assert "17 of 500 characters" in words(page)
    page = press(page, "reload")  # there is text already: nothing is put over it
    press(page, "Send")
    assert [m.text for m in answers()] == ["Noch nicht fertig"]


def test_what_goes_before_an_answer_is_counted(editor: Actor):
    writer = factories.contact(handle="@erika@social.example")
    talk = factories.conversation(factories.channel().id)
    factories.message(talk, "Hallo?", contact_id=writer.id)
    page = typed(opened(talk.id), "Am Montag.")
    assert f"{len('@erika Am Montag.')} of 500 characters" in words(page)


# --- long answers ---------------------------------------------------------------------------------------------------


def test_a_long_answer_is_offered_as_a_thread(editor: Actor):
    talk = factories.conversation(factories.channel("bluesky", limits=Limits(text_length=20).to_json()).id)
    page = typed(opened(talk.id), "Das tut uns leid. Am Montag geht es. Bis dann!")
    assert "26 too many" in words(page)
    page = press(page, "Part it into 3 posts")
    assert standing(page) == "Das tut uns leid.\n---\nAm Montag geht es.\n---\nBis dann!"
    assert "17 · 18 · 9 of 20 characters" in words(page)
    page = press(page, "Send as 3 posts")
    assert len(answers()) == 1 and standing(page) == ""


# --- saved replies --------------------------------------------------------------------------------------------------


def picker(page: AppTest) -> Any:
    (found,) = [box for box in page.selectbox if box.label == "Saved replies"]
    return found


def test_a_saved_reply_is_put_in_filled_in_and_counted(editor: Actor):
    writer = factories.contact(name="Erika Muster")
    talk = factories.conversation(factories.channel().id, contact_id=writer.id)
    reply_id = save_reply()
    page = typed(opened(talk.id), "Danke!")
    page = fine(picker(page).set_value(reply_id).run())
    assert standing(page) == "Danke!\n\nHallo Erika Muster, am Montag." and picker(page).value is None
    with db.read() as session:
        assert saved_replies.replies(session)[0].used == 1


def test_the_contacts_language_is_offered_first(editor: Actor):
    save_reply("Delivery", "en", "On Monday.")
    save_reply("Lieferzeit", "de", "Am Montag.")
    talk = factories.conversation(factories.channel().id, language="de")
    assert picker(opened(talk.id)).options[0].startswith("Lieferzeit · DE · Am Montag.")


def test_one_that_was_deleted_meanwhile_says_so_and_takes_nothing(talk: Conversation):
    reply_id = save_reply()
    page = typed(opened(talk.id), "Danke!")
    with db.write() as session:
        saved_replies.delete_reply(session, COMMAND_LINE, reply_id)
    page = fine(picker(page).set_value(reply_id).run())
    assert "isn't there any more" in words(page) and standing(page) == "Danke!"


def test_without_saved_replies_nothing_is_in_the_way(talk: Conversation):
    assert not [box for box in opened(talk.id).selectbox if box.label == "Saved replies"]


# --- images ---------------------------------------------------------------------------------------------------------


def test_images_are_sent_with_their_alt_texts_and_come_back_when_taken_back(talk: Conversation, drawn: dict[str, Any]):
    page = add_image(typed(opened(talk.id), "Hier:"))
    assert "no alt text" in words(page)
    page = fine(alt(page).input("Ein rotes Feld").run())
    assert "no alt text" not in words(page)
    page = press(page, "Send")
    (sent,) = answers()
    assert sent.media is not None and sent.media[0]["alt"] == "Ein rotes Feld"
    assert drawn["thread"]["messages"][-1]["media"] == [{"url": "", "label": "Image: Ein rotes Feld"}]
    assert not [field for field in page.text_input if field.label.startswith("Alt text")]
    page = press(page, f"take_back {sent.id}")
    assert standing(page) == "Hier:" and alt(page).value == "Ein rotes Feld"


def test_an_image_can_be_taken_out_again(talk: Conversation):
    page = add_image(opened(talk.id))
    (drop,) = [button for button in page.button if (button.key or "").startswith("answer_drop_")]
    page = fine(drop.click().run())
    assert not [field for field in page.text_input if field.label.startswith("Alt text")]


def test_what_is_no_image_is_said_and_leaves_the_text_alone(talk: Conversation):
    page = add_image(typed(opened(talk.id), "Hier:"), b"kein Bild")
    assert "no image the hub can read" in words(page) and standing(page) == "Hier:"


def test_a_note_holds_no_images_and_loses_none(talk: Conversation):
    page = press(add_image(typed(opened(talk.id), "Hier:")), "Keep as note")
    assert "can't hold images" in words(page) and standing(page) == "Hier:" and alt(page) is not None


def test_a_viewer_is_seen_reading_and_gets_no_box(drawn: dict[str, Any], signed_in: Callable[..., Actor], hub: Path):
    viewer = signed_in("viewer")
    talk = factories.conversation(factories.channel().id)
    assert not opened(talk.id).text_area
    with db.read() as session:
        here = inbox_presence.others(session, factories.actor(), talk.id)
    assert [(one.name, one.doing) for one in here] == [(viewer.name, Doing.READING)]
