"""The preflight in the composer: errors block, warnings ask and wait for a tick, links are asked about."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from sqlmodel import select
from streamlit.testing.v1 import AppTest

from core import db
from core.models.planning import Campaign, Post, PostState
from core.models.planning_sources import WebLink
from core.services.team import Actor
from tests import factories

PAGE = Path(__file__).parents[2] / "pages" / "planning.py"


@pytest.fixture
def editor(hub: Path, signed_in: Callable[..., Actor]) -> Actor:
    return signed_in("editor")


def written(text: str, **values: Any) -> AppTest:
    """A stored draft, opened in the composer."""
    from datetime import timedelta

    post = factories.post(factories.channel().id, text=text, planned_at=db.utc_now() + timedelta(days=2), **values)
    app = AppTest.from_file(str(PAGE), default_timeout=30)
    app.query_params["post"] = str(post.id)
    return ran(app)


def ran(app: AppTest) -> AppTest:
    app.run()
    assert not app.exception, app.exception
    return app


def said(app: AppTest) -> str:
    kinds = (app.markdown, app.caption, app.error)
    return "\n".join(element.value for kind in kinds for element in kind).replace("\\", "")


def press(app: AppTest, label: str) -> None:
    next(b for b in app.button if b.label == label).click().run()
    assert not app.exception, app.exception


def state() -> PostState:
    with db.read() as session:
        return session.exec(select(Post.state)).one()


def test_nothing_stands_against_a_plain_post(editor: Actor) -> None:
    app = written("Guten Morgen!")
    assert "nothing stands against it" in said(app)
    press(app, "Schedule")
    assert state() is PostState.SCHEDULED


def test_warnings_wait_for_a_tick_and_another_one_asks_anew(editor: Actor) -> None:
    app = written("Neu #wirliebenkaffee")
    assert "#WirLiebenKaffee" in said(app)
    press(app, "Schedule")
    assert "tick them off" in said(app) and state() is PostState.DRAFT
    (tick,) = (box for box in app.checkbox if box.label.startswith("I have seen"))
    tick.check().run()
    text = next(area for area in app.text_area if area.label == "Text")
    text.input("Neu #wirliebenkaffee #throwbackthursday").run()
    press(app, "Schedule")
    assert state() is PostState.DRAFT
    next(box for box in app.checkbox if box.label.startswith("I have seen")).check().run()
    press(app, "Schedule")
    assert state() is PostState.SCHEDULED


def test_an_error_blocks_and_nothing_typed_is_lost(editor: Actor) -> None:
    with db.write() as session:
        session.add(Campaign(id=1, name="Bezahlt", paid=True))
    app = written("Jetzt neu", campaign_id=1)
    assert "1 thing keeps it from going out" in said(app) and "“Anzeige”" in said(app)
    press(app, "Schedule")
    assert state() is PostState.DRAFT
    assert next(area for area in app.text_area if area.label == "Text").value == "Jetzt neu"


def test_the_worker_is_asked_to_look_at_links_while_one_writes(editor: Actor) -> None:
    app = written("Mehr: https://a.example/mehr")
    with db.write() as session:
        link = session.exec(select(WebLink)).one()
        assert link.url == "https://a.example/mehr" and link.due_at is not None
        link.ok, link.said, link.checked_at, link.due_at = False, "Weg.", db.utc_now(), None
    assert "leads nowhere" in said(ran(app))
