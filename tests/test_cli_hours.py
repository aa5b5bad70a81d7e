"""The command line of service hours and service times."""

from datetime import timedelta

import pytest

from core import db
from core.models.inbox_work import ServiceKind, ServiceTime
from core.services import service_hours
from core.services.team import COMMAND_LINE
from tests import factories
from tests.test_cli import rows, run


def test_hours_are_shown_set_and_keep_what_isnt_named(hub):
    assert rows("hours", "show")[0]["weekly"]["mon"] == "09:00–17:00"
    words = ("--day", "mon-fri=8-12,13-17", "--day", "sat=9-12", "--country", "DE", "--region", "SN", "--target", "90m")
    assert run("hours", "set", *words).returncode == 0
    assert run("hours", "set", "--undo", "0").returncode == 0
    (found,) = rows("hours", "show")
    assert found["weekly"]["fri"] == "08:00–12:00, 13:00–17:00" and found["weekly"]["sat"] == "09:00–12:00"
    assert (found["country"], found["region"], found["target_minutes"], found["undo_seconds"]) == ("DE", "SN", 90, 0)
    assert run("hours", "set", "--country", "none").returncode == 0
    told = run("hours", "show").stdout
    assert "holidays   none" in told and "sat" in told and "90 min" in told


def test_a_channel_gets_its_own_target_and_loses_it(hub):
    channel = factories.channel()
    assert run("hours", "set", "--channel", str(channel.id), "--target", "2h").returncode == 0
    assert rows("hours", "show")[0]["channel_targets"] == {channel.handle: 120}
    assert run("hours", "set", "--channel", str(channel.id), "--target", "hub").returncode == 0
    assert rows("hours", "show")[0]["channel_targets"] == {}


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (("--day", "mo-fr=9-17"), 2),
        (("--day", "fri-mon=9-17"), 2),
        ((), 2),
        (("--channel", "1", "--undo", "3"), 2),
        (("--day", "mon=abends"), 1),
        (("--country", "XX"), 1),
        (("--target", "bald"), 1),
        (("--channel", "99", "--target", "1h"), 1),
    ],
)
def test_wrong_hours_are_one_sentence_and_change_nothing(hub, words, code):
    ran = run("hours", "set", *words)
    assert ran.returncode == code and not ran.stdout and "Traceback" not in ran.stderr
    with db.read() as session:
        assert service_hours.current(session).weekly == service_hours.OFFICE


def test_a_report_is_one_array(hub):
    channel = factories.channel(target_minutes=60)
    talk = factories.conversation(channel.id)
    assert [row["count"] for row in rows("service", "report")] == [0, 0]
    end = db.utc_now() - timedelta(days=1)
    with db.write() as session:
        service_hours.save(session, COMMAND_LINE, service_hours.Hours((((0, 1440),),) * 7, time_zone="UTC"))
        session.add(
            ServiceTime(
                kind=ServiceKind.FIRST,
                conversation_id=talk.id,
                channel_id=channel.id,
                started_at=end - timedelta(minutes=90),
                ended_at=end,
            )
        )
    found = {(row["kind"], row["by"]): row for row in rows("service", "report", "--days", "7")}
    line = found["first_answer", "channel"]
    assert (line["key"], line["name"], line["count"], line["median_seconds"]) == (channel.id, channel.handle, 1, 5400)
    assert (line["within_target"], line["target_minutes"]) == (0.0, 60)
    assert found["first_answer", "member"]["key"] is None and found["resolution", "total"]["median_seconds"] is None
    assert rows("service", "report", "--channel", "999")[0]["count"] == 0
    assert "first_answer" in run("service", "report").stdout
