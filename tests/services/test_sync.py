"""Channels keep in step: nothing twice, nothing lost, and one broken channel stops only itself."""

import contextlib
import logging
from collections.abc import Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlmodel import col, select

from core import db
from core.connectors.base import Batch, Connector
from core.errors import NeedsReauth, RateLimited, Rejected, RetryLater
from core.models.analytics import Publication, Snapshot
from core.models.channel import Channel, ChannelState, SyncCursor, SyncKind
from core.models.inbox import Message
from core.models.monitoring import Mention, Monitor
from core.models.team import AuditEntry
from core.services import channels, monitoring, sync
from core.services.team import COMMAND_LINE
from tests import factories
from tests.conftest import counted
from tests.fake_reading import FakeNetwork, fake_network, remote

NOW = db.utc_now()


@pytest.fixture
def world(hub: Path, monkeypatch: pytest.MonkeyPatch) -> FakeNetwork:
    return fake_network(monkeypatch)


def only(*kinds: SyncKind) -> None:
    """Leave only cursors of these kinds due."""
    with db.write() as session:
        for cursor in session.exec(select(SyncCursor).where(col(SyncCursor.kind).not_in(kinds))):
            cursor.due_at = None


def connected(*kinds: SyncKind, **values: Any) -> Channel:
    row = factories.channel(cursors=True, **values)
    only(*(kinds or (SyncKind.INBOX,)))
    return row


def rows(table: Any, *where: Any) -> Sequence[Any]:
    with db.read() as session:
        found = session.exec(select(table).where(*where).order_by(table.id)).all()
        session.expunge_all()
    return found


def cursor(channel: Channel, kind: SyncKind = SyncKind.INBOX) -> SyncCursor:
    (row,) = rows(SyncCursor, col(SyncCursor.channel_id) == channel.id, col(SyncCursor.kind) == kind)
    return row


def state(channel: Channel) -> Channel:
    (row,) = rows(Channel, col(Channel.id) == channel.id)
    return row


def due_again() -> None:
    with db.write() as session:
        for row in session.exec(select(SyncCursor).where(col(SyncCursor.due_at).is_not(None))):
            row.due_at = db.utc_now()


def test_the_inbox_comes_page_by_page_and_then_rests(world: FakeNetwork):
    channel = connected()
    world.page, world.inbox = 2, [remote(f"m{i}") for i in range(5)]
    assert sync.sync_due("w") == 3
    assert [m.remote_id for m in rows(Message)] == ["m0", "m1", "m2", "m3", "m4"]
    row = cursor(channel)
    assert row.cursor == "5"
    assert timedelta(seconds=40) < row.due_at - db.utc_now() < timedelta(seconds=80)
    assert (row.claim_token, row.attempts) == (None, 0)
    assert state(channel).last_sync_at is not None


def test_a_restart_resumes_where_it_was(world: FakeNetwork):
    connected()
    world.inbox = [remote("m0")]
    sync.sync_due("w")
    db.engine().dispose()  # the process is gone, the file remains
    world.inbox.append(remote("m1"))
    due_again()
    sync.sync_due("another")
    assert [m.remote_id for m in rows(Message)] == ["m0", "m1"]


def test_a_worker_that_died_is_taken_over_and_nothing_comes_twice(world: FakeNetwork):
    channel = connected()
    world.inbox = [remote("m0")]
    (dead,) = sync.claim_due("dead", 10)
    assert sync.claim_due("alive", 10) == []
    with db.write() as session:
        session.get_one(SyncCursor, dead.id).lease_until = NOW - timedelta(minutes=1)
    assert sync.sync_due("alive") == 1
    sync.run(dead)  # it wakes up again: the claim is no longer its own
    assert len(rows(Message)) == 1
    assert cursor(channel).cursor == "1"


def test_overtaken_while_the_network_answered(world: FakeNetwork):
    connected()
    world.inbox = [remote("m0")]
    (claimed,) = sync.claim_due("slow", 10)

    def taken_over(method: str, _: Connector) -> None:
        with db.write() as session:
            session.get_one(SyncCursor, claimed.id).claim_token = "somebody else's"

    world.fault = taken_over
    sync.run(claimed)
    assert rows(Message) == []


def test_one_sync_of_a_channel_at_a_time(world: FakeNetwork):
    first, second = connected(*SyncKind), connected(*SyncKind)
    due_again()
    claims = sync.claim_due("w", 10)
    held = [row.channel_id for row in rows(SyncCursor, col(SyncCursor.claim_token).is_not(None))]
    assert sorted(held) == [first.id, second.id]
    assert len(claims) == 2
    assert sync.claim_due("w", 10) == []


def test_a_paused_channel_is_left_alone(world: FakeNetwork):
    channel = connected()
    with db.write() as session:
        channels.pause(session, COMMAND_LINE, channel.id)
    assert sync.sync_due("w") == 0
    assert world.calls == []
    with db.write() as session:
        channels.resume(session, COMMAND_LINE, channel.id)
    assert sync.sync_due("w") == 1


def test_an_expired_token_stops_only_its_channel(world: FakeNetwork):
    broken, well = connected(), connected(SyncKind.INBOX)
    token = "token-of-the-broken"
    with db.write() as session:
        session.get_one(Channel, broken.id).sealed = channels.vault.seal({"access_token": token})

    def fault(_: str, connector: Connector) -> None:
        if connector.credentials["access_token"] == token:
            raise NeedsReauth("The access token was revoked")

    world.fault, world.inbox = fault, [remote("m0")]
    due_again()
    sync.sync_due("w")
    assert state(broken).state == ChannelState.NEEDS_REAUTH
    assert state(broken).last_error == "The access token was revoked"
    assert state(well).state == ChannelState.ACTIVE
    assert [m.channel_id for m in rows(Message)] == [well.id]
    assert [a.action for a in rows(AuditEntry)] == ["channel.needs_reauth"]
    due_again()
    world.calls.clear()
    sync.sync_due("w")
    assert len(world.calls) == 1  # only the well one is asked


@pytest.mark.parametrize("span", [30, 900])
def test_a_rate_limit_slows_the_whole_channel_down(world: FakeNetwork, span: int):
    channel = connected(*SyncKind)
    until = db.utc_now() + timedelta(seconds=span)

    def fault(method: str, _: Connector) -> None:
        raise RateLimited("Too many requests", until)

    world.fault = fault
    assert sync.sync_due("w") == 1
    for row in rows(SyncCursor, col(SyncCursor.channel_id) == channel.id):
        assert row.due_at >= until
        assert row.attempts == 0


def test_trouble_at_the_server_is_tried_again_later_and_later(world: FakeNetwork):
    channel = connected()

    def fault(method: str, _: Connector) -> None:
        raise RetryLater("The server has a fault of its own (502).")

    world.fault = fault
    pauses = []
    for _ in range(3):
        due_again()
        sync.sync_due("w")
        pauses.append((cursor(channel).due_at - db.utc_now()).total_seconds())
    assert cursor(channel).attempts == 3
    assert pauses[0] < pauses[1] < pauses[2]
    assert state(channel).last_error is None
    with db.read() as session:
        assert channels.channel(session, channel.id).last_error == "The server has a fault of its own (502)."
    world.fault = lambda method, connector: None
    due_again()
    sync.sync_due("w")
    with db.read() as session:
        assert channels.channel(session, channel.id).last_error is None


def test_a_bug_is_logged_with_its_traceback_and_put_off(world: FakeNetwork, caplog: pytest.LogCaptureFixture):
    channel, well = connected(), connected(SyncKind.INBOX)

    def fault(_: str, connector: Connector) -> None:
        if world.calls.count("fetch_inbox") == 1:
            raise KeyError("account")

    world.fault = fault
    due_again()
    with caplog.at_level(logging.ERROR):
        sync.sync_due("w")
    assert "KeyError" in caplog.text and "Traceback" in caplog.text
    assert cursor(channel).error_kind == "KeyError"
    assert cursor(channel).due_at > db.utc_now() + timedelta(minutes=50)
    assert "unexpected" in (state(channel).last_error or "")
    assert cursor(well).done_at is not None
    world.fault = lambda method, connector: None
    due_again()
    sync.sync_due("w")
    assert state(channel).last_error is None


@pytest.mark.parametrize("text", ["The server's answer was not JSON.", "The server's answer was far too large …"])
def test_a_broken_answer_harms_nothing(world: FakeNetwork, text: str):
    channel = connected()
    world.inbox = [remote("m0")]
    sync.sync_due("w")

    def fault(method: str, _: Connector) -> None:
        raise RetryLater(text)

    world.fault = fault
    due_again()
    sync.sync_due("w")
    assert cursor(channel).cursor == "1"
    assert len(rows(Message)) == 1


def test_items_and_cursor_are_stored_together_or_not_at_all(world: FakeNetwork, monkeypatch: pytest.MonkeyPatch):
    channel = connected()
    world.inbox = [remote("m0")]
    with monkeypatch.context() as patch:
        patch.setattr("core.services.intake.mark_removed", lambda *_: 1 / 0)
        sync.sync_due("w")
    assert rows(Message) == []
    assert cursor(channel).cursor is None
    due_again()
    sync.sync_due("w")
    assert len(rows(Message)) == 1


def test_no_secret_and_no_text_reaches_the_log(world: FakeNetwork, caplog: pytest.LogCaptureFixture):
    connected(sealed=channels.vault.seal({"access_token": "sehr-geheim"}))
    world.inbox = [remote("m0", "vertraulicher Text")]
    with caplog.at_level(logging.DEBUG):
        sync.sync_due("w")
    assert "synced channel=1 kind=inbox new=1" in caplog.text
    assert "geheim" not in caplog.text
    assert "vertraulich" not in caplog.text


def test_recent_messages_are_read_again(world: FakeNetwork):
    connected(SyncKind.INBOX)
    world.inbox = [remote("m0", "Kafee"), remote("m1", "weg damit"), remote("old", sent_at=NOW - timedelta(days=40))]
    sync.sync_due("w")
    with db.write() as session:
        for row in session.exec(select(SyncCursor).where(SyncCursor.kind == SyncKind.RECHECK)):
            row.due_at = db.utc_now()
    world.rechecked = Batch((remote("m0", "Kaffee", thread_id="nonsense"),), removed=("m1",))
    sync.sync_due("w")
    assert "recheck 2" in world.calls
    assert [(m.text, m.deleted_at is not None) for m in rows(Message)][:2] == [("Kaffee", False), ("", True)]


def monitor(query: str = "#kaffee") -> int:
    with db.write() as session:
        return monitoring.create_monitor(session, COMMAND_LINE, query, query)


def test_a_monitor_asks_each_server_once(world: FakeNetwork):
    connected(SyncKind.MONITOR), connected(SyncKind.MONITOR)
    monitor()
    world.hits = [remote("h1", "#kaffee", uri="https://a/1")]
    sync.sync_due("w")
    assert world.calls.count("search #kaffee") == 1
    assert [m.uri for m in rows(Mention)] == ["https://a/1"]


def test_a_monitor_that_the_server_refuses_does_not_make_its_channel_ill(world: FakeNetwork):
    channel = connected(SyncKind.MONITOR)
    monitor()

    def fault(method: str, _: Connector) -> None:
        raise Rejected("Search is not available here")

    world.fault = fault
    sync.sync_due("w")
    assert state(channel).last_error is None
    assert cursor(channel, SyncKind.MONITOR).last_error == "Search is not available here"
    assert cursor(channel, SyncKind.MONITOR).due_at > db.utc_now() + timedelta(minutes=50)


def test_a_monitor_paused_meanwhile_is_not_run(world: FakeNetwork):
    connected(SyncKind.MONITOR)
    key = monitor()
    (claimed,) = sync.claim_due("w", 5)
    with db.write() as session:
        session.get_one(Monitor, key).paused = True
    sync.run(claimed)
    assert world.calls == []


def posts(count: int, every: timedelta = timedelta(days=1)) -> list[Any]:
    return [
        remote(
            f"p{i}", f"Post {i}", is_own=True, sent_at=NOW - every * i, metrics={"likes": i, "shares": 0, "comments": 0}
        )
        for i in range(count)
    ]


@pytest.mark.parametrize(("count", "every", "kept"), [(90, 1, 90), (500, 0.1, 400), (260, 1, 200)])
def test_half_a_year_or_400_posts_are_brought_in(world: FakeNetwork, count: int, every: float, kept: int):
    channel = connected(SyncKind.POSTS)
    world.posts = posts(count, timedelta(days=every))
    sync.sync_due("w")
    assert len(rows(Publication)) == kept
    assert cursor(channel, SyncKind.POSTS).cursor == "newest"
    world.calls.clear()
    due_again()
    sync.sync_due("w")
    assert world.calls[0] == "own_posts None"
    assert len([call for call in world.calls if call.startswith("own_posts")]) == 1


def test_a_deleted_post_is_noticed(world: FakeNetwork):
    connected(SyncKind.POSTS)
    world.posts = posts(5)
    sync.sync_due("w")
    del world.posts[2]
    due_again()
    sync.sync_due("w")
    assert [p.remote_id for p in rows(Publication, col(Publication.deleted_at).is_not(None))] == ["p2"]


def test_the_profile_brings_followers_name_and_limits(world: FakeNetwork):
    channel = connected(SyncKind.PROFILE)
    sync.sync_due("w")
    after = state(channel)
    assert after.limits["text_length"] == 777
    assert after.name.startswith("Token")
    assert [(s.metric, s.value) for s in rows(Snapshot)] == [("followers", 10)]


def test_a_key_that_does_not_fit_is_told(world: FakeNetwork):
    channel = connected(sealed=b"sealed with another key")
    sync.sync_due("w")
    assert "HUB_SECRET_KEY" in (state(channel).last_error or "")
    assert state(channel).state == ChannelState.ACTIVE  # the right key mends it, no need to reconnect
    assert world.calls == []


def test_sync_now_makes_everything_due(world: FakeNetwork):
    channel = connected(SyncKind.INBOX)
    sync.sync_due("w")
    sync.sync_channel_now(channel.id)
    assert sync.sync_due("w") == 1


def test_claims_are_renewed_while_their_work_goes_on(world: FakeNetwork):
    connected()
    (claimed,) = sync.claim_due("w", 5)
    with db.write() as session:
        session.get_one(SyncCursor, claimed.id).lease_until = NOW - timedelta(seconds=1)
        session.flush()
        sync.renew_held(session)
    assert sync.claim_due("second", 5) == []
    sync.run(claimed)
    due_again()
    assert len(sync.claim_due("second", 5)) == 1


def test_nothing_due_costs_one_read(world: FakeNetwork):
    connected()
    sync.sync_due("w")
    with counted() as ran:
        assert sync.claim_due("w", 5) == []
    assert len(ran) == 1


def test_syncs_do_not_march_in_step(world: FakeNetwork):
    for _ in range(8):
        connected(SyncKind.INBOX)
    due_again()
    sync.sync_due("w")
    times = {row.due_at.replace(microsecond=0) for row in rows(SyncCursor, col(SyncCursor.due_at).is_not(None))}
    assert len(times) > 1


def test_connections_are_given_back(world: FakeNetwork):
    connected()
    with contextlib.suppress(Exception):
        sync.sync_due("w")
    assert world.closed == 1
    assert isinstance(cursor(rows(Channel)[0]).due_at, datetime)
