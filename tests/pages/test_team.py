"""The Team page as a person meets it: members, oneself, the audit trail."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from argon2 import PasswordHasher
from sqlmodel import select
from streamlit.testing.v1 import AppTest

from core import db
from core.models.team import AuditEntry, Member, Role
from core.services import sessions
from core.services.team import Actor
from core.ui import page as frame
from tests import factories

PAGE = Path(__file__).parents[2] / "pages" / "team.py"
PASSWORD = "ein langes Passwort"
SignedIn = Callable[..., Actor]


@pytest.fixture(autouse=True)
def quick_hashes(monkeypatch: pytest.MonkeyPatch) -> None:
    quick = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)
    monkeypatch.setattr(sessions, "_hasher", lambda: quick)


def opened(view: str = "Members") -> AppTest:
    page = AppTest.from_file(str(PAGE), default_timeout=30)
    page.query_params["team_view"] = view
    return page.run()


def words(page: AppTest) -> str:
    parts: list[Any] = [*page.markdown, *page.caption, *page.error]
    return "\n".join(str(part.value) for part in parts)


def field(page: AppTest, label: str) -> Any:
    return next(f for f in page.text_input if f.label == label)


def press(page: AppTest, label: str) -> AppTest:
    page = next(b for b in page.button if b.label == label).click().run()
    assert not page.exception, page.exception
    return page


def everybody() -> dict[str, Member]:
    with db.read() as session:
        return {member.name: member for member in session.exec(select(Member))}


def add(page: AppTest, **given: str) -> AppTest:
    values = {"Name": "Bea", "E-mail": "bea@example.org", "First password": PASSWORD} | given
    for label, value in values.items():
        field(page, label).input(value)
    return press(page, "Add")


def test_adding_a_colleague_who_can_then_sign_in(signed_in: SignedIn):
    signed_in()
    page = add(opened())
    assert not page.error
    assert everybody()["Bea"].role is Role.EDITOR
    assert sessions.sign_in("bea@example.org", PASSWORD, "10.0.0.1")
    assert "Bea" in words(page)
    assert [field(page, label).value for label in ("Name", "E-mail", "First password")] == ["", "", ""]


def test_a_mistake_is_a_sentence_and_what_was_typed_stays(signed_in: SignedIn):
    signed_in()
    page = add(opened(), **{"First password": "kurz"})
    assert "10 characters" in words(page)
    assert field(page, "E-mail").value == "bea@example.org"
    assert "Bea" not in everybody()


def test_changing_a_role_and_closing_a_door(signed_in: SignedIn):
    signed_in()
    colleague = factories.member(Role.EDITOR, name="Cem")
    page = opened()
    next(s for s in page.selectbox if s.key == f"role_{colleague.id}").set_value(Role.VIEWER).run()
    page = press(page, "Save the role")
    assert everybody()["Cem"].role is Role.VIEWER
    page = page.button(key=f"disable_{colleague.id}").click().run()
    assert everybody()["Cem"].disabled_at is not None
    assert "Disabled" in words(page)
    page = page.button(key=f"enable_{colleague.id}").click().run()
    assert everybody()["Cem"].disabled_at is None


def test_the_only_administrator_is_not_locked_out(signed_in: SignedIn):
    me = signed_in()
    page = opened()
    page = page.button(key=f"disable_{me.id}").click().run()
    assert "only administrator" in words(page)
    assert everybody()[me.name].disabled_at is None


@pytest.mark.parametrize("role", ["editor", "viewer"])
def test_others_see_the_team_and_change_nothing(signed_in: SignedIn, role: str):
    signed_in(role)
    factories.member(Role.ADMIN, name="Boss")
    page = opened()
    assert "Boss" in words(page)
    assert not page.button and not page.text_input
    assert "Audit trail" not in next(iter(page.segmented_control)).options


def test_an_address_of_the_audit_trail_shows_nothing_to_an_editor(signed_in: SignedIn):
    me = signed_in("editor")
    with db.write() as session:
        session.add(AuditEntry(member_id=me.id, action="channel.connect", detail="geheim"))
    page = opened("Audit trail")
    assert not page.dataframe and "geheim" not in words(page)


def test_ones_own_password_changes_and_this_browser_stays(signed_in: SignedIn):
    me = signed_in("viewer")
    with db.write() as session:
        session.get_one(Member, me.id).password_hash = sessions.hash_password(PASSWORD)
        other = sessions.open_session(session, me.id or 0)
    page = opened("You")
    field(page, "Present password").input("falsch")
    field(page, "New password").input("ganz neues Passwort")
    page = press(page, "Change the password")
    assert "present password is wrong" in words(page)
    field(page, "Present password").input(PASSWORD)
    field(page, "New password").input("ganz neues Passwort")
    page = press(page, "Change the password")
    assert not page.error
    with db.read() as session:
        assert sessions.session_actor(session, other) is None
        assert sessions.session_actor(session, frame.session_token()) is not None
    assert sessions.sign_in(me.email, "ganz neues Passwort", "10.0.0.1")


def test_ones_own_name_and_time_zone(signed_in: SignedIn):
    signed_in("viewer")
    page = opened("You")
    field(page, "Name").input("Mia Muster")
    page.selectbox[0].set_value("America/New_York")
    page = press(page, "Save")
    mia = everybody()["Mia Muster"]
    assert mia.time_zone == "America/New_York"


def test_the_audit_trail_pages_backwards(signed_in: SignedIn):
    me = signed_in()
    with db.write() as session:
        session.add_all(
            [AuditEntry(member_id=me.id, action="post.schedule", target=f"post:{n}") for n in range(1, 121)]
        )
    page = opened("Audit trail")
    assert list(page.dataframe[0].value["On"])[:2] == ["post:120", "post:119"]
    page = press(page, "Earlier")
    assert next(iter(page.dataframe[0].value["On"])) == "post:70"
    page = press(press(page, "Earlier"), "Newest")
    assert next(iter(page.dataframe[0].value["On"])) == "post:120"


def test_names_are_shown_as_text(signed_in: SignedIn):
    signed_in()
    factories.member(Role.EDITOR, name="**Fett** [x](https://evil.example)")
    assert "\\*\\*Fett" in words(opened())
