"""The worker as a process: once, forever, told to stop, without a database; and what it is made of."""

import logging
import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from sqlmodel import Session, select

from core import db
from core.models.channel import WorkerBeat
from core.models.planning import DeliveryState
from core.services import health, publishing, sync
from core.services.crew import Alarm, Crew, safely
from core.services.logs import OneLine
from tests import factories
from tests.reliability.conftest import Stage, nursery, sandbox, stage

__all__ = ["nursery", "sandbox", "stage"]

ROOT = Path(__file__).parent.parent
S = DeliveryState


def run(folder: Path, *words: str, seconds: float = 60) -> subprocess.CompletedProcess[str]:
    environment = os.environ | {"HUB_DATA_DIR": str(folder)}
    command = [sys.executable, "worker.py", *words]
    return subprocess.run(
        command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=seconds, check=False
    )


def beats() -> list[WorkerBeat]:
    with db.read() as session:
        found = list(session.exec(select(WorkerBeat)))
        session.expunge_all()
    return found


# --- once -------------------------------------------------------------------------------------------------------------


def test_once_does_what_is_due_and_what_follows_soon(stage: Stage) -> None:
    """One of them loses its answer: it is looked for after five seconds, which `--once` waits for."""
    stage.order("drop_after")
    deliveries = [stage.plan(f"Einmal {number}", channel=number % 3) for number in range(6)]
    later = factories.post(stage.channels[0], text="Später", at=db.utc_now() + timedelta(hours=1))
    process = stage.start_plain("--once")
    assert process.wait(60) == 0, stage.log.read_text()
    assert {stage.row(delivery).state for delivery in deliveries} == {S.PUBLISHED}
    assert sorted(stage.texts()) == [f"Einmal {number}" for number in range(6)]
    assert later.text not in stage.texts()
    assert beats() == []


def test_once_with_nothing_to_do_ends(hub: Path) -> None:
    ended = run(hub, "--once")
    assert ended.returncode == 0, ended.stderr


def test_once_without_a_schema_says_what_to_do(tmp_path: Path) -> None:
    ended = run(tmp_path, "--once")
    assert ended.returncode == 1
    assert ended.stderr.strip().splitlines()[-1].endswith("Run: python -m core migrate")


def test_once_with_a_database_that_cannot_be_opened_says_so(tmp_path: Path) -> None:
    (tmp_path / "hub.db").write_text("this is no database")
    ended = run(tmp_path, "--once")
    assert ended.returncode == 1
    assert "can't be opened" in ended.stderr
    assert "Traceback" not in ended.stderr


def test_wrong_use(tmp_path: Path) -> None:
    assert run(tmp_path, "--twice").returncode == 2


# --- forever ----------------------------------------------------------------------------------------------------------


def test_it_is_seen_while_it_lives_and_signs_off_in_order(stage: Stage) -> None:
    with stage.working(hurried=False) as process:
        stage.until(lambda: bool(beats()))
        assert [beat.pid for beat in beats()] == [process.pid]
        assert health.health().ok
    assert beats() == []


def test_one_that_was_killed_leaves_its_last_heartbeat(stage: Stage) -> None:
    process = stage.start_plain()
    stage.until(lambda: bool(beats()))
    process.kill()
    process.wait()
    assert len(beats()) == 1
    with db.write() as session:
        session.exec(select(WorkerBeat)).one().beat_at -= timedelta(minutes=5)
    assert not health.health().ok
    assert "silent" in health.health().detail


def test_it_waits_for_the_schema_that_another_brings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    log = tmp_path / "log"
    environment = os.environ | {"HUB_DATA_DIR": str(tmp_path / "data")}
    with log.open("wb") as out:
        process = subprocess.Popen([sys.executable, "worker.py"], cwd=ROOT, env=environment, stderr=out)
    try:
        until(lambda: "waiting: " in log.read_text())
        monkeypatch.setenv("HUB_DATA_DIR", str(tmp_path / "data"))
        db.reset()
        health.migrate()
        until(lambda: bool(beats()))
        process.terminate()
        assert process.wait(15) == 0
    finally:
        process.kill()
        db.reset()
    assert log.read_text().count("waiting: ") == 1, "said once, not every second"


# --- what it is made of -----------------------------------------------------------------------------------------------


def until(done: Callable[[], bool], seconds: float = 20) -> None:
    end = time.monotonic() + seconds
    while not done():
        assert time.monotonic() < end
        time.sleep(0.02)


def test_a_stuck_thread_stops_nobody_else() -> None:
    crew, stuck, done = Crew("test", 2), threading.Event(), threading.Event()
    crew.start(stuck.wait)
    assert crew.free == 1
    crew.start(done.set)
    assert done.wait(5)
    until(lambda: crew.free == 1)
    assert not crew.idle
    assert not crew.finish(0.05)
    stuck.set()
    assert crew.finish(5)


def test_a_full_crew_takes_nothing_on() -> None:
    crew, stuck, never = Crew("test", 1), threading.Event(), threading.Event()
    crew.start(stuck.wait)
    crew.start(never.set)
    stuck.set()
    assert crew.finish(5)
    assert not never.is_set()


def test_a_fault_is_logged_and_the_worker_goes_on(caplog: pytest.LogCaptureFixture) -> None:
    def broken() -> None:
        raise ZeroDivisionError("division by zero")

    safely(broken)
    assert "broken failed" in caplog.text
    assert "ZeroDivisionError" in caplog.text


def test_a_traceback_is_one_line() -> None:
    try:
        raise ValueError("first line\nsecond line")
    except ValueError:
        record = logging.getLogger("hub").makeRecord("hub", logging.ERROR, "f", 1, "oh\nno", (), sys.exc_info())
    line = OneLine("%(message)s").format(record)
    assert "\n" not in line
    assert line.startswith("oh | no | Traceback")
    assert "second line" in line


class Counting:
    """A queue that counts how often it is asked."""

    def __init__(self) -> None:
        self.asked = 0
        self.soon: datetime | None = None

    def anything_due(self, session: Session) -> bool:
        self.asked += 1
        return self.soon is not None and self.soon <= db.utc_now()

    def next_due(self, session: Session) -> datetime | None:
        return self.soon


def test_an_alarm_asks_the_database_only_when_the_answer_may_have_changed(hub: Path) -> None:
    queue, changes = Counting(), db.Changes()
    alarm = Alarm(queue, changes)
    assert not alarm.rings()
    for _ in range(50):
        assert not alarm.rings()
    assert queue.asked == 1
    factories.channel()  # somebody commits
    assert not alarm.rings()
    assert queue.asked == 2
    queue.soon = db.utc_now() + timedelta(milliseconds=200)
    factories.channel()
    assert not alarm.rings()
    until(alarm.rings)
    changes.close()


@pytest.mark.parametrize("queue", [publishing, sync])
def test_an_alarm_rings_for_what_is_due(hub: Path, queue: object) -> None:
    changes = db.Changes()
    alarm = Alarm(queue, changes)  # type: ignore[arg-type]
    assert not alarm.rings()
    factories.post(factories.channel(cursors=True).id, at=db.utc_now())
    assert alarm.rings()
    changes.close()
