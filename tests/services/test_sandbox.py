"""The door into the sandbox: its channels, past and plan appear at once; its server runs while it is wanted."""

import socket
from datetime import timedelta
from pathlib import Path

import pytest
from sqlmodel import col, select

from core import db
from core.errors import PermissionDenied
from core.models.analytics import Publication, Snapshot
from core.models.channel import Channel, ChannelState, SyncCursor
from core.models.inbox import Conversation, ConversationState, Message
from core.models.planning import Delivery, DeliveryState, Post, PostState
from core.models.team import Role
from core.sandbox.plan import CHANNELS, PLAN
from core.services import channels, sandbox, sync
from core.services.team import COMMAND_LINE
from core.settings import settings
from tests import factories
from tests.hub_process import free_port


@pytest.fixture
def port(hub: Path, monkeypatch: pytest.MonkeyPatch) -> int:
    number = free_port()
    monkeypatch.setenv("HUB_SANDBOX_PORT", str(number))
    settings.cache_clear()
    return number


def listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def test_the_door_opens_without_the_server(port: int):
    ids = sandbox.explore(COMMAND_LINE)
    with db.read() as session:
        rows = channels.channels(session)
        assert sorted(row.id for row in rows) == sorted(ids)
        assert all(row.is_sandbox and row.state == ChannelState.ACTIVE for row in rows)
        assert {row.group for row in rows} == {channel.group for channel in CHANNELS}
        past = session.exec(select(Snapshot).where(Snapshot.metric == "followers").order_by(col(Snapshot.at))).all()
        assert past[-1].at - past[0].at > timedelta(days=178)
        assert len(session.exec(select(Post)).all()) == len(PLAN)
        due = session.exec(select(Delivery).where(Delivery.state == DeliveryState.SCHEDULED)).all()
        assert due and all(delivery.due_at and delivery.due_at > db.utc_now() for delivery in due)
    assert not listens(port)


def test_twice_is_once(port: int):
    first = sandbox.explore(COMMAND_LINE)
    with db.read() as session:
        before = [len(session.exec(select(table)).all()) for table in (Channel, Snapshot, Post, Delivery, SyncCursor)]
    assert sandbox.explore(COMMAND_LINE) == first
    with db.read() as session:
        after = [len(session.exec(select(table)).all()) for table in (Channel, Snapshot, Post, Delivery, SyncCursor)]
    assert before == after


def test_only_who_may_connect_opens_it(port: int):
    with pytest.raises(PermissionDenied):
        sandbox.explore(factories.actor(Role.EDITOR))


def test_its_server_runs_while_it_is_wanted_and_fills_the_hub(port: int):
    """The real server in its own process, read through the real connector."""
    sandbox.ensure_running()
    assert not listens(port)  # nobody wants it yet
    ids = sandbox.explore(COMMAND_LINE)
    try:
        sandbox.ensure_running()
        assert listens(port)
        assert sync.sync_due("w", limit=60) > 10
        with db.read() as session:
            assert [c.last_error for c in session.exec(select(Channel))] == [None] * 3
            assert len(session.exec(select(Message)).all()) > 50
            assert len(session.exec(select(Publication)).all()) > 100
            talks = session.exec(select(Conversation)).all()
            waiting = [talk for talk in talks if talk.state == ConversationState.OPEN]
            assert 0 < len(waiting) < len(talks)
        again = channels.connect_token(COMMAND_LINE, "mastodon", settings().sandbox_url, CHANNELS[0].token)
        assert again == ids[0]
        for channel_id in ids:
            channels.remove(COMMAND_LINE, channel_id)
        sandbox.ensure_running()
        assert not listens(port)
    finally:
        sandbox.stop()
    with db.read() as session:
        assert not session.exec(select(Post).where(Post.state == PostState.PUBLISHED)).all()
