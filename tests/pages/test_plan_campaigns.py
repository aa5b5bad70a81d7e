"""Campaigns as a person meets them: none yet, adding one, what its card says."""

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

from sqlmodel import select
from streamlit.testing.v1 import AppTest

from core import db
from core.models.planning import Campaign
from core.services.team import Actor
from tests import factories

PAGE = Path(__file__).parents[2] / "pages" / "planning.py"


def opened() -> AppTest:
    app = AppTest.from_file(str(PAGE), default_timeout=30)
    app.query_params["plan_view"] = "Campaigns"
    app.run()
    assert not app.exception, app.exception
    return app


def words(app: AppTest) -> str:
    return "\n".join(element.value for kind in (app.markdown, app.caption, app.error) for element in kind)


def button(app: AppTest, label: str) -> Any:
    return next(b for b in app.button if b.label == label)


def test_from_none_to_one_with_a_post(hub: Path, signed_in: Callable[..., Actor]) -> None:
    signed_in("editor")
    app = opened()
    assert "No campaigns yet" in words(app)
    button(app, "New campaign").click()
    button_missing = [b.label for b in app.button]
    assert "Save" not in button_missing
    app.run()
    app.text_input(key="campaign_form_new_name").input("Frühling & Café")
    app.checkbox(key="campaign_form_new_paid").check()
    button(app, "New campaign").click()
    button(app, "Save").click().run()
    assert not app.exception, app.exception
    with db.read() as session:
        made = session.exec(select(Campaign)).one()
    assert (made.name, made.paid) == ("Frühling & Café", True)
    factories.post(factories.channel().id, campaign_id=made.id, at=db.utc_now() + timedelta(days=1))
    said = words(opened())
    assert "Frühling" in said and "fruehling" in said


def test_who_only_looks_sees_no_buttons(hub: Path, signed_in: Callable[..., Actor]) -> None:
    signed_in("viewer")
    with db.write() as session:
        session.add(Campaign(name="Sommer"))
    app = opened()
    assert "Sommer" in words(app)
    assert not {"New campaign", "Edit", "Archive"} & {b.label for b in app.button}
