"""The plan by days on the command line."""

import json
from datetime import UTC, datetime
from pathlib import Path

import pytest
import time_machine
from typer.testing import CliRunner, Result

from core.cli import app
from tests import factories

NOW = datetime(2027, 3, 1, 9, tzinfo=UTC)


@pytest.fixture(autouse=True)
def frozen(hub: Path):
    with time_machine.travel(NOW, tick=False):
        yield


def run(*words: str) -> Result:
    return CliRunner().invoke(app, words)


def told(*words: str) -> list[dict[str, object]]:
    ran = run(*words, "--json")
    assert ran.exit_code == 0, ran.output
    found: list[dict[str, object]] = json.loads(ran.stdout)
    return found


def test_a_month_its_gaps_and_its_clashes():
    group = factories.group("Kaffee")
    one, two = factories.channel(group_id=group.id), factories.channel()
    for minute in (0, 30):
        factories.post(one.id, title=f"Um {minute}", at=datetime(2027, 3, 10, 8, minute, tzinfo=UTC))
    factories.post(two.id, title="Anderswo", at=datetime(2027, 3, 11, 8, tzinfo=UTC))
    assert run("keydate", "add", "Messe", "--day", "2027-03-10", "--until", "2027-03-12").stdout.strip() == "1"
    rows = told("plan", "calendar", "--month", "2027-03")
    assert [(row["day"], row["time"], row["title"]) for row in rows][:4] == [
        ("2027-03-10", None, "Messe"),
        ("2027-03-10", "09:00", "Um 0"),
        ("2027-03-10", "09:30", "Um 30"),
        ("2027-03-11", "09:00", "Anderswo"),
    ]
    assert {row["title"] for row in rows if row["what"] == "holiday"} == {"Good Friday", "Easter Monday"}
    (clash,) = told("plan", "clashes", "--month", "2027-03", "--group", "kaffee")
    assert (clash["channel_id"], clash["at"]) == (one.id, "2027-03-10T09:00:00+01:00")
    days = {row["day"] for row in told("plan", "gaps", "--channel", str(one.id))}
    assert "2027-03-11" in days and not {"2027-03-10", "2027-03-13", "2027-03-26"} & days


def test_key_dates_and_wrong_use():
    assert run("keydate", "add", "Messe", "--day", "2027-03-10", "--yearly", "--color", "green").exit_code == 0
    assert told("keydate", "list")[0]["yearly"] is True
    assert run("keydate", "delete", "1").exit_code == 0 and told("keydate", "list") == []
    gone = run("keydate", "delete", "1")
    assert gone.exit_code == 1 and "isn't there any more" in gone.output
    assert run("keydate", "add", "Messe", "--day", "morgen").exit_code == 2
    assert run("plan", "gaps", "--group", "Gibt es nicht").exit_code == 2
