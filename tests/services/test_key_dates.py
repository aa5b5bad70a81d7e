"""Key dates: written down, changed, forgotten; when they are in a year."""

from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest
from sqlmodel import select

from core import db
from core.errors import NotFound, PermissionDenied, UserError
from core.models.team import AuditEntry, Role
from core.services import key_dates
from core.services.team import Actor
from tests import factories
from tests.conftest import counted


@pytest.fixture
def editor(hub: Path) -> Actor:
    return factories.actor(Role.EDITOR)


def add(actor: Actor, name: str = "Messe", day: date = date(2027, 4, 12), **more: object) -> int:
    with db.write() as session:
        return key_dates.add_key_date(session, actor, name, day, **more)  # type: ignore[arg-type]


def when(since: date, until: date) -> list[tuple[str, date, date]]:
    with db.read() as session, counted() as ran:
        rows = key_dates.key_dates(session)
    assert len(ran) == 1
    return [(one.key_date.name, one.first, one.last) for one in key_dates.occurrences(rows, since, until)]


def test_they_are_found_in_the_days_they_reach_into(editor: Actor):
    add(editor, "  Messe   Hannover ", date(2027, 4, 12), until_on=date(2027, 4, 16))
    add(editor, "Einmal", date(2026, 5, 1))
    assert when(date(2027, 4, 16), date(2027, 5, 1)) == [("Messe Hannover", date(2027, 4, 12), date(2027, 4, 16))]
    assert when(date(2027, 4, 17), date(2027, 5, 1)) == []
    assert when(date(2027, 4, 1), date(2027, 4, 12)) == []


def test_yearly_ones_come_again_over_new_year_and_on_leap_days(editor: Actor):
    add(editor, "Betriebsruhe", date(2020, 12, 28), until_on=date(2021, 1, 3), yearly=True)
    add(editor, "Schalttag", date(2024, 2, 29), yearly=True)
    assert when(date(2027, 1, 1), date(2027, 3, 1)) == [
        ("Betriebsruhe", date(2026, 12, 28), date(2027, 1, 3)),
        ("Schalttag", date(2027, 2, 28), date(2027, 2, 28)),
    ]
    assert ("Schalttag", date(2028, 2, 29), date(2028, 2, 29)) in when(date(2028, 2, 1), date(2028, 3, 2))
    assert when(date(2019, 1, 1), date(2020, 12, 1)) == []  # none before the first


@pytest.mark.parametrize(
    ("given", "sentence"),
    [
        ({"name": "   "}, "needs a name"),
        ({"name": "x" * 121}, "over 120 characters"),
        ({"until_on": date(2027, 4, 1)}, "before the first"),
        ({"until_on": date(2029, 4, 1)}, "a year at most"),
        ({"color": "url(x)"}, "no colour"),
    ],
)
def test_what_cannot_be_is_said(editor: Actor, given: dict[str, object], sentence: str):
    with pytest.raises(UserError, match=sentence):
        add(editor, **given)  # type: ignore[arg-type]


def test_they_are_changed_and_forgotten_with_a_trail(editor: Actor):
    key = add(editor)
    with db.write() as session:
        (row,) = key_dates.key_dates(session)
        key_dates.change_key_date(session, editor, replace(row, name="Hausmesse", yearly=True, color="green"))
    with db.read() as session:
        (row,) = key_dates.key_dates(session)
    assert (row.name, row.yearly, row.color, row.until_on) == ("Hausmesse", True, "green", None)
    with db.write() as session:
        key_dates.delete_key_date(session, editor, key)
    with pytest.raises(NotFound), db.write() as session:
        key_dates.delete_key_date(session, editor, key)
    with db.read() as session:
        actions = [entry.action for entry in session.exec(select(AuditEntry)).all()]
    assert actions[-3:] == ["keydate.add", "keydate.change", "keydate.delete"]


def test_who_may_not_plan_may_not_write_them(hub: Path):
    with pytest.raises(PermissionDenied):
        add(factories.actor(Role.VIEWER))
