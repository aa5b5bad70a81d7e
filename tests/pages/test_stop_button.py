"""The stop button as a person meets it: on Home and in the plan, stopping, what is held, letting go."""

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

from sqlmodel import select
from streamlit.testing.v1 import AppTest

from core import db
from core.models.channel import ChannelState
from core.models.planning import Delivery, Post, PostState
from core.models.planning_work import PublishingHold
from core.services import holds
from core.services.team import Actor
from tests import factories

ROOT = Path(__file__).parents[2]
HOSTILE = "**fett** <b>x</b>"


def opened(page: str) -> AppTest:
    app = AppTest.from_file(str(ROOT / page), default_timeout=30)
    app.run()
    assert not app.exception, app.exception
    return app


def words(app: AppTest) -> str:
    return "\n".join(element.value for kind in (app.markdown, app.caption, app.error) for element in kind)


def button(app: AppTest, label: str) -> Any:
    return next(b for b in app.button if b.label.startswith(label))


def press(app: AppTest, opener: str, label: str) -> None:
    """In a dialog: `AppTest` runs the whole page for each click, which closes it, so both are pressed in one go."""
    button(app, opener).click()
    button(app, label).click().run()
    assert not app.exception, app.exception


def hold() -> PublishingHold | None:
    with db.read() as session:
        return session.exec(select(PublishingHold)).one_or_none()


def test_stopping_needs_a_reason_and_shows_everywhere(hub: Path, signed_in: Callable[..., Actor]) -> None:
    signed_in("editor")
    factories.channel()
    app = opened("pages/planning.py")
    button(app, "Stop publishing").click().run()
    press(app, "Stop publishing", "Stop now")
    assert "Say why publishing is stopped" in words(app)
    app.text_input(key="stop_reason").input(HOSTILE)
    press(app, "Stop publishing", "Stop now")
    made = hold()
    assert made is not None and made.reason == HOSTILE
    for page in ("pages/planning.py", "Home.py"):
        shown = words(opened(page))
        assert "Publishing is stopped: All channels" in shown
        assert "<b>" not in shown.replace("\\<b\\>", "")


def test_held_posts_are_seen_and_go_on_as_drafts(hub: Path, signed_in: Callable[..., Actor]) -> None:
    editor = signed_in("editor")
    channel = factories.channel()
    late = factories.post(channel.id, at=db.utc_now() - timedelta(minutes=5), title="Zu spät")
    later = factories.post(channel.id, at=db.utc_now() + timedelta(days=2), title="Erst übermorgen")
    with db.write() as session:
        holds.stop_publishing(session, editor, "Unfall")
    app = opened("Home.py")
    assert "1 post overdue" in words(app)
    button(app, "See what is held").click().run()
    assert list(app.dataframe[0].value["Post"]) == ["Zu spät", "Erst übermorgen"]
    app.radio[0].set_value(holds.Release.DRAFTS)
    press(app, "See what is held", "Publishing goes on")
    with db.read() as session:
        assert session.get_one(Post, late.id).state is PostState.DRAFT
        assert session.get_one(Post, later.id).state is PostState.SCHEDULED
    assert "Publishing is stopped" not in words(opened("Home.py"))


def test_who_only_looks_can_neither_stop_nor_let_go(hub: Path, signed_in: Callable[..., Actor]) -> None:
    viewer = signed_in("viewer")
    factories.channel()
    with db.write() as session:
        session.add(PublishingHold(reason="Unfall"))
    app = opened("pages/planning.py")
    assert "Unfall" in words(app)
    assert not any(b.label.startswith("Stop publishing") for b in app.button)
    button(app, "See what is held").click().run()
    assert not any(b.label.startswith("Publishing goes on") for b in app.button)
    assert viewer.id is not None


def test_a_post_at_risk_shows_on_home_and_in_the_plan(hub: Path, signed_in: Callable[..., Actor]) -> None:
    signed_in("editor")
    channel = factories.channel(state=ChannelState.PAUSED, handle="@kaffee")
    factories.post(channel.id, at=db.utc_now() + timedelta(hours=5), title="Morgen neu")
    home = opened("Home.py")
    assert "**1** at risk" in words(home) and "is paused" in words(home)
    assert any("1 scheduled post is at risk" in box.label for box in opened("pages/planning.py").expander)
    with db.write() as session:
        session.exec(select(Delivery)).one().due_at = db.utc_now() + timedelta(days=30)
    assert "at risk" not in words(opened("Home.py"))
