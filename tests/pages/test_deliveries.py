"""What became of a post, on its page and in the outbox: the proof, what can be done there, many decided at once."""

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlmodel import select
from streamlit.testing.v1 import AppTest

from core import db
from core.connectors.base import Capabilities
from core.models.planning import Delivery, DeliveryState, Post, PostState
from core.services import proofs, publishing
from core.services.team import Actor
from tests import factories
from tests.conftest import counted
from tests.fake_network import Clock, FakeConnector, FakeNetwork, clock, network
from tests.pages.test_planning import HOSTILE, button, field, labels, opened, said
from tests.services.test_publishing import channel, planned, row

__all__ = ["clock", "network"]

S = DeliveryState


@pytest.fixture
def editor(hub: Path, signed_in: Callable[..., Actor]) -> Actor:
    return signed_in("editor")


def out(text: str = "Guten Morgen!", **values: Any) -> int:
    delivery = planned(text, **values)
    publishing.publish_due()
    return delivery


def post_page(delivery: int) -> AppTest:
    return opened(post=str(row(delivery).post_id))


def outbox() -> AppTest:
    return opened(plan_view="Outbox")


def after(page: AppTest) -> AppTest:
    assert not page.exception, page.exception
    return page


def stuck(state: DeliveryState, *texts: str, error: str = "Too long.") -> list[int]:
    made = []
    here = channel()
    for text in texts:
        delivery = planned(text, on=here)
        with db.write() as session:
            found = session.get_one(Delivery, delivery)
            found.state, found.due_at, found.last_error = state, None, error
            session.get_one(Post, found.post_id).state = PostState.NEEDS_CARE
        made.append(delivery)
    return made


# --- a post's page ----------------------------------------------------------------------------------------------------


def test_the_proof_grows_step_by_step(editor: Actor, network: FakeNetwork, clock: Clock) -> None:
    delivery = out()
    told = said(post_page(delivery))
    assert "Intended" in told and "Accepted" in told and "Looking" in told and "Seen" not in told
    clock.advance(6)
    proofs.look_due()
    page = post_page(delivery)
    assert "visibility: Seen" in said(page) and "Looking" not in said(page)
    assert "Accepted by the network" not in said(page)  # the journal is drawn once it is opened
    page.session_state[f"journal_{delivery}"] = True
    after(page.run())
    assert "Accepted by the network" in said(page) and "Seen there" in said(page)


def test_a_published_text_is_changed_there(editor: Actor, network: FakeNetwork) -> None:
    page = post_page(out())
    field(page.text_area, "Text on Fake").set_value("Guten Abend!")
    after(button(page, "Change it there").click().run())
    assert network.texts() == ["Guten Abend!"] and "Changed on Fake" in said(page)


def test_what_the_channel_would_not_take_is_said_and_nothing_typed_is_lost(editor: Actor, network: FakeNetwork) -> None:
    page = post_page(out())
    field(page.text_area, "Text on Fake").set_value("x" * 501)
    after(button(page, "Change it there").click().run())
    assert "1 character too long" in "\n".join(e.value for e in page.error)
    assert field(page.text_area, "Text on Fake").value == "x" * 501 and network.texts() == ["Guten Morgen!"]


def test_where_nothing_can_be_changed_it_is_said_and_deleting_works(
    editor: Actor, network: FakeNetwork, monkeypatch: pytest.MonkeyPatch
) -> None:
    fixed = Capabilities("fake", "Fake", FakeConnector.capabilities.auth, needs_base_url=True)
    monkeypatch.setattr(FakeConnector, "capabilities", fixed)
    delivery = out()
    page = post_page(delivery)
    assert "Change it there" not in labels(page)
    assert "Fake doesn't let anybody change what is published" in said(page)
    after(button(page, "Yes, delete it there").click().run())
    assert network.texts() == [] and row(delivery).state is S.DELETED
    assert "Taken off Fake" in said(page) and "Yes, delete it there" not in labels(page)


def test_a_post_is_taken_down_everywhere_and_what_fails_is_named(editor: Actor, network: FakeNetwork) -> None:
    from core.errors import RetryLater

    one, two = channel(), channel()
    post = factories.post(one.id, two.id, text="Überall", at=db.utc_now() - timedelta(seconds=1))
    publishing.publish_due()
    page = opened(post=str(post.id))
    network.deed_faults.append(RetryLater("The server can't be reached."))
    after(button(page, "Yes, delete it everywhere").click().run())
    told = "\n".join(e.value for e in page.error)
    assert "The server can't be reached" in told.replace("\\", "") and network.texts() == ["Überall"]


def test_a_mistake_is_mended_everywhere_at_once(editor: Actor, network: FakeNetwork) -> None:
    post = factories.post(channel().id, channel().id, text="Tippfehlr", at=db.utc_now() - timedelta(seconds=1))
    publishing.publish_due()
    page = opened(post=str(post.id))
    field(page.text_area, "Text everywhere").set_value("Tippfehler")
    after(button(page, "Change it everywhere").click().run())
    assert network.texts() == ["Tippfehler", "Tippfehler"] and "Changed everywhere" in said(page)


def test_what_failed_is_said_differently_and_sent(editor: Actor, network: FakeNetwork) -> None:
    (delivery,) = stuck(S.FAILED, "Zu lang", error=f"Refused. {HOSTILE}")
    page = post_page(delivery)
    assert "Refused" in said(page) and "<script>" not in said(page)
    field(page.text_area, f"Text for {page_handle(delivery)}").set_value("Kürzer")
    after(button(page, "Save and try again").click().run())
    assert row(delivery).state is S.SCHEDULED and row(delivery).text == "Kürzer"
    publishing.publish_due()
    assert network.texts() == ["Kürzer"]


def page_handle(delivery: int) -> str:
    from core.models.channel import Channel

    with db.read() as session:
        return session.get_one(Channel, row(delivery).channel_id).handle


def test_a_lost_answer_is_told_in_words(editor: Actor, network: FakeNetwork, clock: Clock) -> None:
    delivery = planned()
    network.faults.append("drop_before")
    publishing.publish_due()
    told = said(post_page(delivery)).replace("\\", "")
    assert "no answer. Not looked yet, next look" in told


def test_who_may_not_plan_sees_the_proof_and_no_button(
    hub: Path, signed_in: Callable[..., Actor], network: FakeNetwork
) -> None:
    signed_in("viewer")
    page = post_page(out())
    assert "Accepted" in said(page)
    assert not {"Change it there", "Yes, delete it there", "Try again"} & labels(page)
    stuck(S.FAILED, "Eins")
    page = outbox()
    assert "Eins" in str([p.label for p in page.get("page_link")]) or "Needs care" in str(page.header)
    assert not page.checkbox and "Choose all" not in labels(page)


# --- the outbox -------------------------------------------------------------------------------------------------------


def test_the_outbox_says_what_moves(editor: Actor, network: FakeNetwork, clock: Clock) -> None:
    out("Schon draußen")
    factories.post(channel().id, text="Gleich", at=db.utc_now() + timedelta(minutes=10))
    page = outbox()
    headers = [h.value for h in page.header]
    assert headers == ["Going out (1)", "Just published (1)"]
    assert "Nothing failed, nothing is in doubt" in said(page)


def test_an_empty_outbox_says_what_will_appear(editor: Actor) -> None:
    factories.channel()
    told = said(outbox())
    assert "within the hour will appear here" in told and "with the proof that the network has it" in told


def test_many_are_decided_at_once_and_what_cannot_be_is_named(editor: Actor, network: FakeNetwork) -> None:
    good, bad = stuck(S.FAILED, "Gut", "x" * 501)
    page = outbox()
    assert page.header[0].value == "Needs care (2)" and "Choose some" in said(page)
    button(page, "Choose all").click().run()
    after(button(page, "Try 2 again").click().run())
    assert row(good).state is S.SCHEDULED and row(bad).state is S.FAILED
    told = said(page).replace("\\", "")
    assert "1 are on their way again. 1 could not be done." in told and "1 character too long" in told
    assert page.header[0].value == "Needs care (1)"


def test_in_doubt_gone_and_given_up(editor: Actor, network: FakeNetwork, clock: Clock) -> None:
    (failed,) = stuck(S.FAILED, "Eins")
    (doubtful,) = stuck(S.UNCONFIRMED, "Zwei")
    gone = out("Drei")
    with db.write() as session:
        session.get_one(Delivery, gone).gone_at = db.utc_now()
    page = outbox()
    assert "not on the network any more" in said(page)
    for box in page.checkbox:
        box.check()
    page.run()
    after(button(page, "Yes, leave them unsent").click().run())
    after(button(page, "1 is online").click().run())
    after(button(page, "1 noted").click().run())
    assert [row(d).state for d in (failed, doubtful, gone)] == [S.CANCELLED, S.PUBLISHED, S.DELETED]
    assert "Nothing failed" in said(page) or page.session_state["care_told"] == []


def test_a_long_list_is_paged_and_asks_as_often_as_a_short_one(editor: Actor, network: FakeNetwork) -> None:
    stuck(S.FAILED, "Einer")
    outbox()  # what is read once a process
    with counted() as few:
        outbox()
    stuck(S.FAILED, *(f"Nummer {number}" for number in range(30)))
    with counted() as many:
        page = outbox()
    assert len(many) == len(few)
    assert len(page.checkbox) == 25
    after(button(page, "Older").click().run())
    assert len(page.checkbox) == 6 and "Older" not in labels(page)
    after(button(page, "Newer").click().run())
    assert len(page.checkbox) == 25


def test_a_page_of_a_post_asks_as_often_however_much_happened(
    editor: Actor, network: FakeNetwork, clock: Clock
) -> None:
    delivery = out()
    post_page(delivery)
    with counted() as few:
        post_page(delivery)
    with db.write() as session:
        from core.models.planning_work import DeliveryEvent, EventKind

        session.add_all(DeliveryEvent(delivery_id=delivery, kind=EventKind.LOOKED, detail=str(i)) for i in range(40))
    with counted() as many:
        post_page(delivery)
    assert len(many) == len(few)
    with db.read() as session:
        assert len(session.exec(select(DeliveryEvent)).all()) > 40
