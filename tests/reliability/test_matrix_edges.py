"""What the fault matrix has no cell for: late servers, gateways that lie, sessions that end, a step that hangs, a disk
that is full while a picture is stored, threads on Bluesky."""

import io
import resource
import signal
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

import httpx
import pytest
from PIL import Image
from sqlmodel import select

from core import db
from core.connectors import http
from core.errors import UserError
from core.models.channel import ChannelState
from core.models.planning import DeliveryState, MediaAsset
from core.services import channels, deliveries, media, publishing
from core.services.team import COMMAND_LINE
from core.settings import settings
from tests.reliability import pds as bluesky
from tests.reliability.pds import Pds
from tests.reliability.test_matrix import AFTER, BEFORE, CRASHES, UPLOAD, world
from tests.reliability.worlds import World

__all__ = ["world"]

S = DeliveryState
ACTIVE, REAUTH = ChannelState.ACTIVE, ChannelState.NEEDS_REAUTH
on = pytest.mark.parametrize


@on("world", ["mastodon", "bluesky"], indirect=True)
@on("status", [429, 401])
def test_a_gateway_that_says_no_although_the_server_acted(world: World, status: int) -> None:
    """The refusal is believed; what is sent again later is the very same request, which the server takes once."""
    text = f"gateway {status}, {world.name}"
    delivery = world.plan(text)
    world.order("status_after", world.post, status=status, retry_after=120)
    world.work()
    assert (world.stage.row(delivery).state, world.online()) == (S.SCHEDULED, [text])
    world.heal()
    row = world.stage.row(delivery)
    assert (row.state, world.online(), [row.remote_id]) == (S.PUBLISHED, [text], world.remote_ids())


def test_a_server_that_acts_long_after_we_gave_up_waiting(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(http, "TIMEOUT", httpx.Timeout(0.4))
    monkeypatch.setattr(publishing, "PAUSES", (0.3,) * 5)
    text = f"late, {world.name}"
    delivery = world.plan(text)
    world.order("late", world.post, seconds=1.0)
    world.work()
    asked = time.monotonic()
    assert world.stage.row(delivery).state is S.CHECKING
    world.faults.orders.clear()
    monkeypatch.setattr(http, "TIMEOUT", httpx.Timeout(15.0))
    world.stage.until(lambda: publishing.publish_due() >= 0 and not world.stage.open())
    world.stage.until(lambda: len(world.online()) > 0)
    time.sleep(max(0.0, asked + 1.6 - time.monotonic()))  # whoever comes second has come, too
    assert (world.stage.row(delivery).state, world.online()) == (S.PUBLISHED, [text])


@on("world", ["mastodon", "bluesky"], indirect=True)
@on("point", [UPLOAD, BEFORE, AFTER])
def test_told_to_stop_while_a_step_hangs(world: World, point: str) -> None:
    """The worker waits for what it has in hand, but not for ever; the next one looks."""
    text = f"hangs {point}, {world.name}"
    delivery = world.plan(text, image=point == UPLOAD)
    world.stage.crash_at(CRASHES[point], how="hang")
    assert "the next one looks at what was in hand" in world.stage.log.read_text()
    assert world.stage.row(delivery).state is (S.SCHEDULED if point == UPLOAD else S.SENDING)
    world.heal()
    assert (world.stage.row(delivery).state, world.online()) == (S.PUBLISHED, [text])


def test_a_lock_that_ends_soon_is_waited_for(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(publishing, "STORE_AGAIN", (0.1, 0.2, 0.4, 0.8))
    text = f"soon free, {world.name}"
    delivery = world.plan(text)
    free = threading.Timer(0.3, world.trouble.end)
    world.when(deliveries, "accept", lambda: (world.trouble.lock(), free.start()))
    world.work()
    free.join()
    assert not world.raised
    assert (world.stage.row(delivery).state, world.online()) == (S.PUBLISHED, [text])


def test_nothing_can_be_claimed_while_the_disk_is_full(world: World) -> None:
    text = f"no room, {world.name}"
    delivery = world.plan(text)
    world.trouble.fill()
    world.work()
    assert len(world.raised) == 1
    assert (world.stage.row(delivery).state, world.online()) == (S.SCHEDULED, [])
    world.heal()
    assert (world.stage.row(delivery).state, world.online()) == (S.PUBLISHED, [text])


# --- Bluesky's sessions and threads -----------------------------------------------------------------------------------


@pytest.fixture
def server(bluesky_server: tuple[str, Pds]) -> Iterator[Pds]:
    pds = bluesky_server[1]
    yield pds
    pds.app_passwords = {bluesky.PASSWORD}


@on("world", ["bluesky"], indirect=True)
@on("gone", ["access", "session"])
def test_a_session_that_ended_is_renewed_without_a_word(world: World, server: Pds, gone: str) -> None:
    delivery = world.plan(f"renewed {gone}")
    server.access.clear()
    if gone == "session":
        server.forget_sessions()
    world.work()
    assert (world.stage.row(delivery).state, world.online()) == (S.PUBLISHED, [f"renewed {gone}"])
    assert world.channel_row().state is ACTIVE
    again = world.plan(f"and kept {gone}")
    before = len(server.calls)
    world.work()
    assert world.stage.row(again).state is S.PUBLISHED
    assert not [call for call in server.calls[before:] if "Session" in call], "the new token was kept"


@on("world", ["bluesky"], indirect=True)
def test_an_app_password_that_was_revoked_waits_for_a_person(world: World, server: Pds) -> None:
    delivery = world.plan("revoked")
    server.forget_sessions()
    server.app_passwords = {"new-new-new-new"}
    world.work()
    row, channel = world.stage.row(delivery), world.channel_row()
    assert (row.state, row.attempts, channel.state, world.online()) == (S.SCHEDULED, 0, REAUTH, [])
    assert "App passwords are made in Bluesky" in (channel.last_error or "")
    channels.reconnect(COMMAND_LINE, world.channel, "new-new-new-new")
    world.work()
    assert (world.stage.row(delivery).state, world.online()) == (S.PUBLISHED, ["revoked"])


@on("world", ["bluesky"], indirect=True)
def test_a_new_token_that_can_not_be_kept_costs_no_post(world: World, server: Pds) -> None:
    """Renewed between fixing and sending, while the database is locked: the old refresh token is used up."""
    delivery = world.plan("a token between")

    def end_sessions() -> None:
        server.access.clear()

    world.when(publishing, "_too_late", end_sessions)
    world.when(channels, "_save_credentials", world.trouble.lock)
    world.work()
    world.trouble.end()
    assert world.online() == []
    server.refresh.clear()
    world.heal()
    assert (world.stage.row(delivery).state, world.online()) == (S.PUBLISHED, ["a token between"])
    assert world.channel_row().state is ACTIVE


@on("world", ["bluesky"], indirect=True)
@on(("point", "number"), [("accepted", 1), ("fixed", 2), ("sent", 2), ("answered", 3)])
def test_killed_in_the_middle_of_a_thread_on_bluesky(world: World, server: Pds, point: str, number: int) -> None:
    texts = [f"{word} ({point})" for word in ("eins", "zwei", "drei")]
    delivery = world.plan("\n---\n".join(texts))
    world.stage.crash_at(point, number)
    world.heal()
    assert world.online() == texts
    assert world.stage.row(delivery).state is S.PUBLISHED
    first, second, third = world.remote_ids()
    replies = [post.get("reply") for post in server.posts()]
    assert [reply and (reply["root"]["uri"], reply["parent"]["uri"]) for reply in replies] == [
        None,
        (first, first),
        (first, second),
    ]
    assert len({first, second, third}) == 3


# --- the disk ---------------------------------------------------------------------------------------------------------


@contextmanager
def no_file_above(size: int) -> Iterator[None]:
    """The system refuses to write further, as a full disk does."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    old = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
        signal.signal(signal.SIGXFSZ, old)


@pytest.mark.usefixtures("hub")
def test_a_picture_that_finds_no_room_leaves_nothing_behind() -> None:
    out = io.BytesIO()
    Image.effect_noise((600, 600), 90).save(out, "PNG")
    assert len(out.getvalue()) > 200_000
    with no_file_above(100_000), pytest.raises(UserError, match="disk is full"), db.read() as session:
        media.store_image(session, COMMAND_LINE, out.getvalue(), "rauschen.png")
    assert list(settings().media_dir.iterdir()) == []
    with db.write() as session:
        media.store_image(session, COMMAND_LINE, out.getvalue(), "rauschen.png")
    (kept,) = settings().media_dir.iterdir()
    assert kept.read_bytes() == out.getvalue()
    with db.read() as session:
        assert [asset.filename for asset in session.exec(select(MediaAsset))] == ["rauschen.png"]
