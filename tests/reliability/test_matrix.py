"""The fault matrix of publishing: four points of a delivery's life × ten faults × three worlds, no cell left out.

What a cell means is written down in docs/reliability.md, with what happens in it and why that is right. Each cell is
played the same way: the fault strikes at its point and lasts; then what the hub shows is compared with what the network
really holds; then the world heals (nothing fails any more, claims of the dead run out, a person reconnects the channel
where the hub asks for that) and a fresh worker comes. In the end the post is online once and the hub says so; or,
where that can't be found out, it isn't online and the hub says that it doesn't know.
"""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest

from core import db
from core.connectors import http
from core.connectors.atproto import Session
from core.connectors.base import Replay
from core.connectors.mastodon import Mastodon
from core.models.channel import ChannelState
from core.models.planning import DeliveryState
from core.services import deliveries, planning, publishing
from core.services.team import COMMAND_LINE
from tests.reliability.conftest import Stage
from tests.reliability.pds import Pds
from tests.reliability.worlds import ALT, WORLDS, World, make_world

S = DeliveryState
ACTIVE, REAUTH = ChannelState.ACTIVE, ChannelState.NEEDS_REAUTH
UPLOAD, BEFORE, AFTER, COMMIT = "during media upload", "before send", "after send", "before commit"
POINTS = (UPLOAD, BEFORE, AFTER, COMMIT)
FAULTS = ("kill -9", "SIGTERM", "reset", "timeout", "500", "502", "429", "401", "locked", "full")
CELLS = [(point, fault) for point in POINTS for fault in FAULTS]
PAGE = Path(__file__).parents[2] / "docs" / "reliability.md"
PAUSE = 120  # seconds that a 429 asks for
TIMEOUT = httpx.Timeout(1.0)
ANSWER = {"500": r"fault of its own \(500\)", "502": r"fault of its own \(502\)"}


@dataclass(frozen=True)
class Shown:
    """What the hub shows right after the fault, and how many posts are online then."""

    state: DeliveryState
    online: int
    attempts: int = 0
    says: str = ""  # what stands with the delivery, as a regular expression
    channel: ChannelState = ACTIVE
    until: int = 0  # seconds that it waits at least


RESET, LATE = "without a whole answer", "did not answer in time"
LIMIT, TOKEN = "asks for a pause", "access token is invalid"


def _refused(state: DeliveryState, online: int, attempts: int) -> dict[str, Shown]:
    """What five ways of getting no good answer, a pause, and a lost sign-in look like at one point."""
    row = Shown(state, online, attempts)
    return {
        "reset": replace(row, says=RESET),
        "timeout": replace(row, says=LATE),
        "500": replace(row, says=ANSWER["500"]),
        "502": replace(row, says=ANSWER["502"]),
        "429": Shown(state, online, 0, LIMIT, until=PAUSE - 5),
        "401": Shown(state, online, 0, TOKEN, REAUTH),
    }


SENT = Shown(S.PUBLISHED, 1)
NOT_LEFT, LEFT, OUT = Shown(S.SCHEDULED, 0), Shown(S.SENDING, 0), Shown(S.SENDING, 1)
EXPECTED: dict[str, dict[str, Shown]] = {
    UPLOAD: {
        **{"kill -9": NOT_LEFT, "SIGTERM": SENT, "locked": NOT_LEFT, "full": NOT_LEFT},
        **_refused(S.SCHEDULED, 0, 1),
    },
    BEFORE: {
        **{"kill -9": LEFT, "SIGTERM": SENT, "locked": NOT_LEFT, "full": NOT_LEFT},
        **_refused(S.CHECKING, 0, 1),
        # Refused with a clear word: it isn't out, and nobody needs to look.
        **{"429": Shown(S.SCHEDULED, 0, 0, LIMIT, until=PAUSE - 5), "401": Shown(S.SCHEDULED, 0, 0, TOKEN, REAUTH)},
    },
    AFTER: {
        **{"kill -9": OUT, "SIGTERM": SENT, "locked": OUT, "full": OUT},
        **_refused(S.CHECKING, 1, 1),
        # The answer was lost, and the look for it meets the fault; one attempt was spent on the lost answer.
        **{
            "429": Shown(S.CHECKING, 1, 1, LIMIT, until=PAUSE - 5),
            "401": Shown(S.CHECKING, 1, 1, TOKEN, REAUTH),
        },
    },
    COMMIT: {
        **{"kill -9": OUT, "SIGTERM": SENT, "locked": OUT, "full": OUT},
        # The commit fails for longer than the worker has patience, and the look that follows meets the fault.
        **_refused(S.CHECKING, 1, 1),
    },
}
CRASHES = {UPLOAD: "uploading", BEFORE: "fixed", AFTER: "sent", COMMIT: "answered"}
UNKNOWABLE = {"kill -9", "reset", "timeout", "500", "502"}  # before the send, where nothing honours a replay


@pytest.fixture(params=WORLDS)
def world(
    request: pytest.FixtureRequest,
    stage: Stage,
    bluesky_server: tuple[str, Pds],
    monkeypatch: pytest.MonkeyPatch,
) -> Iterator[World]:
    monkeypatch.setattr(publishing, "PAUSES", (60.0,) * 4)
    monkeypatch.setattr(publishing, "REPLAY_PAUSES", (60.0,) * 6)
    monkeypatch.setattr(publishing, "REPLAY_AFTER", {Replay.KEY: 0.02, Replay.RECORD: 0.0})
    monkeypatch.setattr(publishing, "STORE_AGAIN", (0.01, 0.01))
    monkeypatch.setattr(db, "BUSY_MS", 40)
    db.reset()
    made = make_world(request.param, stage, bluesky_server, monkeypatch)
    yield made
    made.faults.orders.clear()
    made.trouble.end()


@pytest.mark.parametrize(("point", "fault"), CELLS, ids=[f"{point}-{fault}" for point, fault in CELLS])
def test_a_cell_of_the_matrix(world: World, point: str, fault: str) -> None:
    text = f"{fault} {point}, {world.name}"
    delivery = world.plan(text, image=point == UPLOAD)
    struck_at = db.utc_now()
    strike(world, point, fault)
    expected = EXPECTED[point][fault]
    compare(world, delivery, expected, text, struck_at)
    world.heal()
    row = world.stage.row(delivery)
    if point == BEFORE and fault in UNKNOWABLE and not world.honours:
        assert (row.state, world.online()) == (S.UNCONFIRMED, [])
        assert "may or may not be online" in (row.last_error or "")
        with db.write() as session:  # a person looks there: it isn't
            planning.confirm_delivery(session, COMMAND_LINE, delivery, published=False)
        world.heal()
        row = world.stage.row(delivery)
    assert world.online() == [text], "once, whatever happened"
    assert (row.state, [row.remote_id]) == (S.PUBLISHED, world.remote_ids())
    assert (row.last_error, row.due_at, row.claim_token) == (None, None, None)
    if point == UPLOAD:
        assert world.alts() == [ALT]


def test_the_table_in_the_documentation_says_the_same() -> None:
    lines = [line for line in PAGE.read_text(encoding="utf-8").splitlines() if line.startswith("|")]
    told = {cells[0].strip(" `"): cells[1:] for cells in (line.strip("| ").split("|") for line in lines)}
    names = {"kill -9": "kill -9", "reset": "connection reset", "500": "500, 502", "502": "500, 502"}
    names |= {"locked": "database locked", "full": "disk full"}
    for point, fault in CELLS:
        cell, expected = told[names.get(fault, fault)][POINTS.index(point)].strip(), EXPECTED[point][fault]
        assert cell.startswith(expected.state.value), (point, fault)
        assert ("reconnect" in cell) == (expected.channel is REAUTH), (point, fault)
        assert ("waits" in cell) == (expected.until > 0), (point, fault)
    online = [told["**online by then**"][number].strip() for number in range(4)]
    for point, word in zip(POINTS, online, strict=True):
        asked = {EXPECTED[point][fault].online for fault in FAULTS if fault != "SIGTERM"}
        assert asked == {int(word == "yes")}


def compare(world: World, delivery: int, expected: Shown, text: str, struck_at: datetime) -> None:
    """The hub shows what is true, and whatever is open will be looked at again."""
    world.trouble.end()  # so that it can be read; the rest of the fault lasts
    row, channel = world.stage.row(delivery), world.channel_row()
    assert world.online() == [text] * expected.online
    assert (row.state, row.attempts, channel.state) == (expected.state, expected.attempts, expected.channel)
    if expected.says:
        assert re.search(expected.says, row.last_error or ""), row.last_error
    if row.state is S.PUBLISHED:
        return
    assert row.due_at is not None, "nobody would ever look at it again"
    if expected.until:
        assert row.due_at >= struck_at + timedelta(seconds=expected.until)
    if expected.channel is REAUTH:
        assert TOKEN in (channel.last_error or ""), "whoever reconnects it reads why"
    if row.claim_token is not None:
        assert row.lease_until is not None and row.lease_until < db.utc_now() + timedelta(seconds=60)


# --- the faults, where they strike ------------------------------------------------------------------------------------


def strike(world: World, point: str, fault: str) -> None:
    """Have the fault happen at that point, and work until it has."""
    if fault in ("kill -9", "SIGTERM"):
        world.stage.crash_at(CRASHES[point], how="kill" if fault == "kill -9" else "term")
    elif fault in ("locked", "full"):
        _database(world, point, world.trouble.lock if fault == "locked" else world.trouble.fill)
    else:
        _network(world, point, fault)


def _database(world: World, point: str, begin: Callable[[], None]) -> None:
    if point == UPLOAD:
        world.when(Mastodon, "_upload", begin)
        world.when(Session, "upload", begin)
    elif point == AFTER:
        world.order("drop_after", world.post)
    world.when(deliveries, {UPLOAD: "fix", BEFORE: "fix", AFTER: "conclude", COMMIT: "accept"}[point], begin)
    world.work()
    assert len(world.raised) == 1, "the worker's log says that the database failed"


def _network(world: World, point: str, fault: str) -> None:
    if point == COMMIT:
        world.when(deliveries, "accept", world.trouble.lock)
        world.work()
        assert len(world.raised) == 1
        world.trouble.end()
        world.time_passes()
        _fail(world, fault, "GET", "/", acts=False)
    elif point == AFTER and fault in ("429", "401"):
        world.order("drop_after", world.post)
        world.work()
        world.time_passes()
        _fail(world, fault, "GET", "/", acts=False)
    else:
        _fail(world, fault, "POST", world.post if point in (BEFORE, AFTER) else world.media, acts=point != BEFORE)
    world.work()


def _fail(world: World, fault: str, method: str, path: str, *, acts: bool) -> None:
    """Such requests fail from now on. `acts`: the server does what it was asked to first."""
    if fault == "timeout":
        world.patch.setattr(http, "TIMEOUT", TIMEOUT)
    if fault == "reset":
        world.order("drop_after" if acts else "drop_before", path, method)
    elif fault == "timeout" and acts:
        world.order("slow_drip", path, method, seconds=3)
    elif fault == "timeout":
        world.order("latency", path, method, seconds=2)
        world.order("drop_before", path, method)
    else:
        more: dict[str, Any] = {"retry_after": PAUSE} if fault == "429" else {}
        kind = "status_after" if acts and fault in ANSWER else "status"
        world.order(kind, path, method, status=int(fault), **more)
