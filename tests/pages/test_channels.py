"""The Channels page as a person meets it: two doors, connecting with mistakes, caring for channels."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from sqlmodel import select
from streamlit.testing.v1 import AppTest

from core import db
from core.errors import NeedsReauth
from core.models.channel import Channel, ChannelState
from core.services import channels
from core.services.team import COMMAND_LINE, Actor
from tests import factories
from tests.fake_reading import FakeNetwork, fake_network

PAGE = Path(__file__).parents[2] / "pages" / "channels.py"


@pytest.fixture
def world(hub: Path, monkeypatch: pytest.MonkeyPatch) -> FakeNetwork:
    return fake_network(monkeypatch)


@pytest.fixture
def admin(world: FakeNetwork, signed_in: Callable[..., Actor]) -> Actor:
    return signed_in("admin")


def opened() -> AppTest:
    page = AppTest.from_file(str(PAGE), default_timeout=30).run()
    assert not page.exception, page.exception
    return page


def press(page: AppTest, label: str) -> AppTest:
    (button,) = [b for b in page.button if b.label == label]
    page = button.click().run()
    assert not page.exception, page.exception
    return page


def fill(page: AppTest, key: str, text: str) -> None:
    (field,) = [f for f in page.text_input if (f.key or "").startswith(key)]
    field.input(text)


def words(page: AppTest) -> str:
    parts: list[Any] = [*page.markdown, *page.caption, *page.error, *page.warning, *page.info, *page.success]
    return "\n".join(str(part.value) for part in parts)


def channel() -> Channel:
    with db.read() as session:
        row = session.exec(select(Channel)).one()
        session.expunge(row)
    return row


def connect(token: str = "us", group: str = "") -> int:
    return channels.connect_token(COMMAND_LINE, "mastodon", "social.example", token, group)


def test_the_first_visit_has_two_doors(admin: Actor):
    page = opened()
    assert "Explore the sandbox" in [b.label for b in page.button]
    assert {"Mastodon", "Bluesky"} <= {tab.label for tab in page.tabs}


def test_a_viewer_is_told_whom_to_ask(world: FakeNetwork, signed_in: Callable[..., Actor]):
    signed_in("viewer")
    page = opened()
    assert "Ask an administrator" in words(page)
    assert not page.text_input
    connect()
    page = opened()
    assert "us" in words(page)
    assert not [b for b in page.button if b.label in ("Pause", "Remove", "Connect")]


def test_a_token_connects_and_is_not_kept_in_the_form(admin: Actor):
    page = opened()
    fill(page, "token_mastodon_server", "social.example")
    fill(page, "token_mastodon_secret", "us")
    (connect_button,) = [b for b in page.button if b.label == "Connect" and "token_mastodon" in str(b.form_id)]
    page = connect_button.click().run()
    assert channel().handle == "@us@social.example"
    assert "social" in words(page)
    assert all(field.value != "us" for field in page.text_input)


def test_a_mistake_is_a_sentence_and_what_was_typed_stays(admin: Actor, world: FakeNetwork):
    world.tokens = {"good": "us"}
    page = opened()
    fill(page, "token_mastodon_server", "social.example")
    fill(page, "token_mastodon_secret", "wrong")
    (connect_button,) = [b for b in page.button if b.label == "Connect" and "token_mastodon" in str(b.form_id)]
    page = connect_button.click().run()
    assert "accept this token" in words(page)
    assert {"social.example", "wrong"} <= {field.value for field in page.text_input}


def test_a_channel_shows_what_it_can_do_and_how_it_is(admin: Actor):
    connect(group="Kaffee")
    told = words(opened())
    for said in ("Kaffee", "Active", "Publish", "Search", "777 characters", "Not synced yet"):
        assert said in told


def manage(page: AppTest, what: str) -> AppTest:
    page = page.menu_button[0].set_value(what).run()
    assert not page.exception, page.exception
    return page


def test_pause_and_resume(admin: Actor):
    connect()
    page = manage(opened(), "Pause")
    assert channel().state == ChannelState.PAUSED
    assert "Paused" in words(page)
    manage(page, "Resume")
    assert channel().state == ChannelState.ACTIVE


def alone(form: str, actor: Actor, channel_id: int) -> AppTest:
    """The inside of a dialog, by itself: a test's rerun is a whole one and would close it."""
    script = f"""
from zoneinfo import ZoneInfo
from core import db
from core.services import channels
from core.services.team import Actor
from core.models.team import Role
from core.ui import channel_parts, connect_forms
from core.ui.page import Page
with db.read() as session:
    row, groups = channels.channel(session, {channel_id}), channels.groups(session)
page = Page(Actor({actor.id}, "Somebody", "s@example.org", Role.ADMIN), ZoneInfo("UTC"))
{form}
"""
    return AppTest.from_string(script, default_timeout=30).run()


def test_lost_access_is_shown_with_its_way_out(admin: Actor, world: FakeNetwork):
    channel_id = connect()
    world.tokens = {"us@social.example": "us"}
    with db.write() as session:
        channels.note_error(session, channel_id, NeedsReauth("The token was revoked."))
    page = opened()
    assert "Access lost" in words(page)
    assert "revoked" in words(page)
    page = press(page, "Reconnect")
    assert "keeps its conversations" in words(page)
    page = alone("connect_forms.reconnect_form(page, row)", admin, channel_id)
    fill(page, f"renew_{channel_id}_secret", "right")
    press(page, "Reconnect")
    assert channel().state == ChannelState.ACTIVE


def test_removing_explains_itself_first(admin: Actor, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("core.services.connecting.oauth.revoke", lambda *_: True)
    channel_id = connect()
    page = manage(opened(), "Remove")
    assert "erases the stored credentials" in words(page)
    assert channel().state == ChannelState.ACTIVE
    press(alone("channel_parts.removal_form(page, row)", admin, channel_id), "Remove channel")
    assert (channel().state, channel().sealed) == (ChannelState.REMOVED, None)


def test_another_group(admin: Actor):
    channel_id = connect(group="Kaffee")
    bikes = factories.group("Bikes")
    page = alone("channel_parts.group_form(page, row, groups)", admin, channel_id)
    page.selectbox[0].set_value("Bikes")
    press(page, "Save")
    with db.read() as session:
        assert channels.channel(session, channel_id).group_id == bikes.id


def test_names_from_the_network_are_shown_as_text(admin: Actor, world: FakeNetwork):
    world.tokens = {"us": "<b>[x](javascript:alert(1))**"}
    connect()
    assert "\\[x\\]\\(javascript" in words(opened()).lower()
