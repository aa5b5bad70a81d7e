"""The frame of every page: who is let in, what the navigation says, how a change is told."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from streamlit.testing.v1 import AppTest

from core import db
from core.errors import UserError
from core.models.channel import ChannelState
from core.services import sessions
from core.services.overview import CAP
from core.services.team import Actor
from core.ui import page
from core.ui.parts import ago, exact, shown
from tests import factories

ROOT = Path(__file__).parents[2]
PAGES = [ROOT / "Home.py", *sorted((ROOT / "pages").glob("*.py"))]
SignedIn = Callable[..., Actor]


def opened(path: Path) -> AppTest:
    return AppTest.from_file(str(path), default_timeout=30).run()


def words(seen: AppTest) -> str:
    parts: list[Any] = [*seen.title, *seen.markdown, *seen.caption, *seen.error, *seen.code]
    return "\n".join(str(part.value) for part in parts)


@pytest.mark.parametrize("path", PAGES, ids=lambda p: p.stem)
def test_no_page_opens_without_the_sign_in_in_front_of_it(hub: Path, path: Path):
    seen = opened(path)
    assert not seen.exception
    assert [t.value for t in seen.title] == ["Social Hub isn't started yet"]
    assert "make run" in words(seen)
    assert not seen.button and not seen.text_input


@pytest.mark.parametrize("path", PAGES, ids=lambda p: p.stem)
def test_no_page_shows_anything_once_the_session_has_ended(signed_in: SignedIn, path: Path):
    signed_in()
    token = page.session_token()
    assert token
    sessions.sign_out(token)
    seen = opened(path)
    assert not seen.exception
    assert [t.value for t in seen.title] == ["You are signed out"]
    assert not seen.button and not seen.text_input


@pytest.mark.parametrize("path", PAGES, ids=lambda p: p.stem)
@pytest.mark.parametrize("role", ["admin", "viewer"])
def test_every_page_opens_in_an_empty_hub(signed_in: SignedIn, path: Path, role: str):
    actor = signed_in(role)
    seen = opened(path)
    assert not seen.exception, seen.exception
    side = "\n".join(str(m.value) for m in seen.sidebar.markdown)
    assert shown(actor.name) in side and ("Administrator" if role == "admin" else "Viewer") in side
    assert "Sandbox" not in side


def test_the_navigation_says_where_work_waits(signed_in: SignedIn):
    signed_in()
    ours = factories.channel(is_sandbox=True)
    factories.channel(state=ChannelState.NEEDS_REAUTH)
    for _ in range(3):
        factories.conversation(ours.id)
    links = {link.label for link in opened(ROOT / "pages" / "team.py").sidebar.get("page_link")}
    assert "Inbox  :primary-badge[3]" in links and "Channels  :primary-badge[1]" in links
    assert {"Home", "Analytics", "Team"} <= links
    assert "Sandbox" in "\n".join(str(m.value) for m in opened(ROOT / "pages" / "team.py").sidebar.markdown)


def test_many_are_simply_many():
    assert page._with_count("Inbox", 0) == "Inbox"
    assert page._with_count("Inbox", CAP - 1) == "Inbox  :primary-badge[99]"
    assert page._with_count("Inbox", CAP) == "Inbox  :primary-badge[99+]"


def changing() -> None:
    import streamlit as st

    from core.errors import UserError
    from core.models.channel import Group
    from core.ui.page import act

    def fail(session):  # type: ignore[no-untyped-def]
        session.add(Group(name="half done"))
        session.flush()
        raise UserError("Take *another* name.")

    if st.button("Fail"):
        act(fail, done="Never said.")
    if st.button("Do"):
        act(lambda session: session.add(Group(name="made")), done="It is *done*.")
    st.markdown("still here")


def test_a_mistake_is_a_sentence_and_leaves_nothing_behind(hub: Path):
    seen = AppTest.from_function(changing).run()
    seen = seen.button[0].click().run()
    assert [e.value for e in seen.error] == [r"Take \*another\* name\."]
    assert "still here" in words(seen)
    with db.read() as session:
        assert session.connection().exec_driver_sql("SELECT count(*) FROM channel_group").scalar() == 0


def test_a_change_is_kept_and_told_after_the_rerun(hub: Path):
    seen = AppTest.from_function(changing).run()
    seen = seen.button[1].click().run()
    assert not seen.error
    assert seen.session_state[page.TOLD] == "It is *done*."
    with db.read() as session:
        assert session.connection().exec_driver_sql("SELECT name FROM channel_group").scalar() == "made"


def test_a_strangers_text_is_shown_as_typed():
    text = "# Titel\n**fett** [x](javascript:1) :red[x] $x$ <b> `c` ~a~ |"
    safe = shown(text)
    for sign in (
        "\\#",
        "\\*\\*fett",
        "\\[x\\]\\(javascript\\:1\\)",
        "\\:red\\[",
        "\\$x\\$",
        "\\<b\\>",
        "\\`c\\`",
        "\\|",
    ):
        assert sign in safe
    assert "  \n" in safe


def test_times_are_said_in_words():
    from datetime import UTC, datetime, timedelta
    from zoneinfo import ZoneInfo

    zone, now = ZoneInfo("Europe/Berlin"), datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
    for delta, told in (
        (timedelta(seconds=20), "now"),
        (timedelta(minutes=5), "5 min ago"),
        (timedelta(hours=3), "3 h ago"),
        (timedelta(days=3), "3 d ago"),
        (timedelta(days=30), "30 Jan"),
        (timedelta(days=400), "25 Jan 2025"),
        (-timedelta(minutes=10), "in 10 min"),
    ):
        assert ago(now - delta, zone, now) == told
    assert ago(None, zone) == "never"
    assert exact(now, zone) == "Sun 01 Mar 2026, 13:00 CET"


def test_user_errors_are_what_pages_show():
    """`act` tells sentences only; a bug still raises."""
    assert issubclass(UserError, Exception)
    with pytest.raises(ZeroDivisionError):
        page.act_alone(lambda: 1 // 0)
