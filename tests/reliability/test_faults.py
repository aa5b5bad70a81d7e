"""Everything a server may answer, over real HTTP: accepted once, told truly, and nobody else held up."""

import os
import re
import signal
import time
from collections.abc import Callable
from datetime import timedelta

import httpx
import psutil
import pytest
from sqlmodel import select

from core import db
from core.models.channel import Channel, ChannelState
from core.models.planning import Delivery, DeliveryState
from core.services import publishing
from tests.reliability.conftest import Stage

S = DeliveryState


def work(done: Callable[[], bool], seconds: float = 20) -> None:
    """Publish in this process until `done`."""
    end = time.monotonic() + seconds
    while not done():
        assert time.monotonic() < end
        publishing.publish_due()
        time.sleep(0.02)


@pytest.mark.parametrize("fault", ["drop_after", "not_json", "huge", "truncated", "slow_drip"])
@pytest.mark.parametrize("honours", [True, False], ids=["replay", "no-replay"])
@pytest.mark.usefixtures("hurried")
def test_accepted_with_a_broken_answer_is_online_once(stage: Stage, fault: str, honours: bool) -> None:
    stage.honour(honours)
    text = f"Broken by {fault}, {honours}"
    delivery = stage.plan(text)
    stage.order(fault, seconds=0.0)
    work(lambda: not stage.open())
    assert stage.texts() == [text]
    assert (stage.row(delivery).state, stage.row(delivery).remote_id) == (S.PUBLISHED, stage.writes()[0]["status_id"])


@pytest.mark.parametrize("fault", ["drop_before", "status"])
@pytest.mark.usefixtures("hurried")
def test_not_accepted_without_a_word_is_sent_again_only_with_its_key(stage: Stage, fault: str) -> None:
    first = stage.plan(f"Lost by {fault}")
    stage.order(fault)
    work(lambda: not stage.open())
    assert (stage.row(first).state, stage.texts()) == (S.PUBLISHED, [f"Lost by {fault}"])
    stage.honour(False)
    second = stage.plan(f"Lost for good by {fault}")
    stage.order(fault)
    work(lambda: not stage.open())
    assert (stage.row(second).state, len(stage.texts())) == (S.UNCONFIRMED, 1)


@pytest.mark.usefixtures("hurried")
def test_a_rate_limit_is_kept_to_the_second(stage: Stage) -> None:
    delivery = stage.plan("Slower, please")
    stage.order("status", status=429, retry_after=2)
    asked_at = db.utc_now()
    publishing.publish_due()
    waiting = stage.row(delivery)
    assert (waiting.state, waiting.attempts) == (S.SCHEDULED, 0)
    assert waiting.due_at is not None and waiting.due_at >= asked_at + timedelta(seconds=2)
    work(lambda: not stage.open())
    sent = stage.row(delivery)
    assert (sent.state, stage.texts()) == (S.PUBLISHED, ["Slower, please"])
    assert sent.sent_at is not None and sent.sent_at >= asked_at + timedelta(seconds=2)


def test_a_refusal_fails_with_the_servers_sentence(stage: Stage) -> None:
    delivery = stage.plan("Not like this")
    stage.order("status", status=422)
    publishing.publish_due()
    assert (stage.row(delivery).state, stage.texts()) == (S.FAILED, [])
    assert "told to refuse this" in (stage.row(delivery).last_error or "")


def test_an_expired_token_stops_only_its_channel(stage: Stage) -> None:
    token = {"token": next(iter(stage.box.tokens.values()))}
    httpx.post(f"{stage.box.url}/_sandbox/revoke", json=token, headers=stage.box.admin).raise_for_status()
    ill, well = stage.plan("Signed out"), stage.plan("Signed in", channel=1)
    publishing.publish_due()
    httpx.post(f"{stage.box.url}/_sandbox/revoke", json=token | {"restore": True}, headers=stage.box.admin)
    assert (stage.row(ill).state, stage.row(well).state) == (S.SCHEDULED, S.PUBLISHED)
    with db.write() as session:
        channel = session.get_one(Channel, stage.channels[0])
        assert channel.state is ChannelState.NEEDS_REAUTH
        channel.state = ChannelState.ACTIVE
    publishing.publish_due()
    assert (stage.row(ill).state, stage.texts()) == (S.PUBLISHED, ["Signed in", "Signed out"])


def test_a_server_that_is_down_loses_nothing(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    with db.write() as session:
        session.get_one(Channel, stage.channels[0]).base_url = "http://127.0.0.1:9"
    monkeypatch.setenv("HUB_ALLOWED_PRIVATE_HOSTS", "127.0.0.1")
    db.reset()
    delivery = stage.plan("Is anybody there?")
    publishing.publish_due()
    assert (stage.row(delivery).state, stage.row(delivery).attempts) == (S.SCHEDULED, 1)
    with db.write() as session:
        session.get_one(Channel, stage.channels[0]).base_url = stage.box.url
        session.get_one(Delivery, delivery).due_at = db.utc_now()
    publishing.publish_due()
    assert (stage.row(delivery).state, stage.texts()) == (S.PUBLISHED, ["Is anybody there?"])


# --- the worker as a process ------------------------------------------------------------------------------------------


def test_two_workers_started_by_mistake_do_no_harm(stage: Stage) -> None:
    texts = {f"Nummer {number}" for number in range(50)}
    for number, text in enumerate(sorted(texts)):
        stage.plan(text, channel=number % 3)
    with stage.working(hurried=False), stage.working(hurried=False):
        stage.until(lambda: not stage.open(), seconds=60)
    assert len(stage.texts()) == 50
    assert set(stage.texts()) == texts
    with db.read() as session:
        assert set(session.exec(select(Delivery.state))) == {S.PUBLISHED}


def test_a_slow_server_holds_up_nobody_else(stage: Stage) -> None:
    stage.order("latency", seconds=6, token=next(iter(stage.box.tokens.values())))
    slow = stage.plan("Langsam")
    with stage.working(hurried=False):
        stage.until(lambda: stage.row(slow).state is S.SENDING)
        quick = stage.plan("Schnell", channel=1)
        stage.until(lambda: stage.row(quick).state is S.PUBLISHED)
        assert stage.row(slow).state is S.SENDING
        stage.until(lambda: not stage.open())
    assert stage.texts() == ["Schnell", "Langsam"]


def test_told_to_stop_it_finishes_what_is_in_hand(stage: Stage) -> None:
    stage.order("latency", seconds=2)
    first, second = stage.plan("In der Hand"), stage.plan("Noch nicht begonnen")
    with stage.working(hurried=False):
        stage.until(lambda: stage.row(first).state is S.SENDING)
    assert (stage.row(first).state, stage.row(second).state) == (S.PUBLISHED, S.SCHEDULED)
    assert stage.row(second).claim_token is None
    assert stage.texts() == ["In der Hand"]


@pytest.mark.parametrize(("point", "honours"), [("fixed", True), ("fixed", False), ("answered", False)])
@pytest.mark.usefixtures("hurried")
def test_a_worker_that_sleeps_too_long_sends_nothing_twice(stage: Stage, point: str, honours: bool) -> None:
    """Stopped in mid-step until its lease has run out and another has taken over, then woken up."""
    stage.honour(honours)
    delivery = stage.plan(f"Asleep when {point}, {honours}")
    sleeper = stage.start(point, "1", "stop")
    try:
        stage.until(lambda: _is_stopped(sleeper.pid))
        stage.recover(process=point == "answered")
        os.kill(sleeper.pid, signal.SIGCONT)
        sleeper.terminate()
        assert sleeper.wait(15) == 0
    finally:
        sleeper.kill()
    lost = point == "fixed" and not honours  # it never left, and a person has been asked
    assert stage.texts() == ([] if lost else [f"Asleep when {point}, {honours}"])
    assert stage.row(delivery).state is (S.UNCONFIRMED if lost else S.PUBLISHED)


def _is_stopped(pid: int) -> bool:
    return psutil.Process(pid).status() == psutil.STATUS_STOPPED


def test_the_log_says_what_happened_one_line_an_event_and_no_secrets(stage: Stage) -> None:
    stage.plan("Geheim ist nur der Schlüssel")
    stage.plan("Abgelehnt", channel=1)
    stage.order("status", status=422, token=list(stage.box.tokens.values())[1])
    with stage.working(hurried=False):
        stage.until(lambda: not stage.open())
    lines = stage.log.read_text().splitlines()
    assert all(re.match(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ [A-Z]+ hub\.\S+ ", line) for line in lines), lines
    assert any("accepted as" in line for line in lines)
    assert any("failed (Rejected)" in line for line in lines)
    assert not any(token in line for token in stage.box.tokens.values() for line in lines)
