"""A network in memory that fails on order, and its connector: for tests that try every way a delivery can go.

It is as unkind as a real one may be: the check of a replay key happens when a request is carried out, not when it
comes in, so that two of the same at once would both be accepted.
"""

import itertools
import threading
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any, ClassVar

import pytest

from core import db, lease
from core.connectors import registry
from core.connectors.base import (
    Auth,
    Author,
    Batch,
    Capabilities,
    Connector,
    Draft,
    Kind,
    Limits,
    Prepared,
    Profile,
    RemoteMessage,
    Replay,
    Sent,
)
from core.errors import NeedsReauth, OutcomeUnknown, RateLimited, Rejected, RemoteGone, RetryLater
from core.services import delivery_parts

BASE_URL = "https://fake.example"
WINDOW = 3600.0
LATE = timedelta(seconds=12)  # how long a slow server may work on a request whose sender has gone


@dataclass
class Online:
    """A post that the network holds."""

    remote_id: str
    key: str
    request: dict[str, Any]
    at: datetime


@dataclass
class FakeNetwork:
    """`faults` are used up, one a write: see `_act`. `look_faults` likewise, one a look; `prepare_faults` too."""

    replay: Replay = Replay.NONE
    posts: list[Online] = field(default_factory=list)
    faults: deque[str] = field(default_factory=deque)
    look_faults: deque[Exception] = field(default_factory=deque)
    prepare_faults: deque[Exception] = field(default_factory=deque)
    writes: list[Prepared] = field(default_factory=list)  # every request that came in, accepted or not
    prepared: int = 0
    looks: int = 0
    read_back: list[tuple[str, ...]] = field(default_factory=list)  # every time known posts were read again
    read_faults: deque[Exception] = field(default_factory=deque)  # used up, one a reading
    deed_faults: deque[Exception | None] = field(default_factory=deque)  # one an edit or deletion; None: it works
    hidden: set[str] = field(default_factory=set)  # ids that can't be read although nobody removed them
    late: list[tuple[datetime, Prepared]] = field(default_factory=list)
    gate: Callable[[str], None] = lambda _point: None
    _ids: Any = field(default_factory=lambda: itertools.count(1))
    _lock: Any = field(default_factory=threading.RLock)

    def texts(self) -> list[str]:
        """What is online, oldest first."""
        self.settle()
        return [post.request["text"] for post in self.posts]

    def settle(self) -> None:
        """Carry out what a slow server had still to do."""
        with self._lock:
            for moment, prepared in [entry for entry in self.late if entry[0] <= db.utc_now()]:
                self.late.remove((moment, prepared))
                self.hold(prepared)

    def hold(self, prepared: Prepared) -> Online:
        """Accept a write; the very same one again gives the first post, where the network honours that."""
        with self._lock:
            for post in self.posts:
                age = (db.utc_now() - post.at).total_seconds()
                honours = self.replay is Replay.RECORD or (self.replay is Replay.KEY and age < WINDOW)
                if post.key == prepared.replay_key and honours:
                    return post
            self.posts.append(Online(f"r{next(self._ids)}", prepared.replay_key, dict(prepared.request), db.utc_now()))
            return self.posts[-1]

    def publish(self, prepared: Prepared) -> Sent:
        """A write comes in."""
        with self._lock:
            self.settle()
            self.writes.append(prepared)
            fault = self.faults.popleft() if self.faults else "accept"
            if fault == "late":
                self.late.append((db.utc_now() + LATE, prepared))
            elif fault in ("accept", "drop_after", "bug_after"):
                post = self.hold(prepared)
        if fault == "accept":
            return Sent(post.remote_id, f"{BASE_URL}/{post.remote_id}", post.at, {"id": post.remote_id})
        raise self.error(fault)

    @staticmethod
    def error(fault: str) -> Exception:
        """What a connector raises after that fault."""
        return {
            "late": OutcomeUnknown("The server did not answer in time."),
            "drop_after": OutcomeUnknown("The connection broke."),
            "drop_before": OutcomeUnknown("The connection broke."),
            "bug_after": KeyError("id"),
            "refused": RetryLater("The server can't be reached."),
            "429": RateLimited("The network asks for a pause.", db.utc_now() + timedelta(seconds=30)),
            "401": NeedsReauth("The network no longer accepts our sign-in."),
            "422": Rejected("Validation failed: too long"),
        }[fault]

    def find(self, prepared: Prepared, since: datetime) -> Sent | None:
        """The newest post with these words, here like most networks; with a record key, that very record."""
        self.looks += 1
        if self.look_faults:
            raise self.look_faults.popleft()
        self.settle()
        for post in reversed(self.posts):
            same = post.key == prepared.replay_key
            alike = post.at >= since and post.request == prepared.request
            if same if self.replay is Replay.RECORD else alike:
                return Sent(post.remote_id, f"{BASE_URL}/{post.remote_id}", post.at, {"id": post.remote_id})
        return None

    def reread(self, remote_ids: Sequence[str]) -> Batch[RemoteMessage]:
        """Known posts as they are now; of hidden ones nothing is said."""
        self.read_back.append(tuple(remote_ids))
        if self.read_faults:
            raise self.read_faults.popleft()
        there = {post.remote_id: post for post in self.posts}
        me = Author("me", "me")
        items = [
            RemoteMessage(i, i, Kind.COMMENT, me, there[i].request["text"], there[i].at, is_own=True)
            for i in remote_ids
            if i in there and i not in self.hidden
        ]
        removed = tuple(i for i in remote_ids if i not in there and i not in self.hidden)
        return Batch(tuple(items), removed=removed)

    def deed(self, remote_id: str) -> Online:
        """The post that is changed or deleted."""
        fault = self.deed_faults.popleft() if self.deed_faults else None
        if fault is not None:
            raise fault
        for post in self.posts:
            if post.remote_id == remote_id:
                return post
        raise RemoteGone("It isn't there.")


class FakeConnector(Connector):
    """Publishes to `network`, which a test sets."""

    network: ClassVar[FakeNetwork] = FakeNetwork()
    capabilities = Capabilities("fake", "Fake", (Auth.TOKEN,), needs_base_url=True, edits=True)

    def close(self) -> None:
        """Nothing to close."""

    @classmethod
    def length(cls, text: str, limits: Limits) -> int:
        """Characters."""
        return len(text)

    def prepare(self, draft: Draft, part: int, replay_key: str, previous: Sequence[Sent]) -> Prepared:
        """Fix the request."""
        self.network.gate("prepare")
        self.network.prepared += 1
        if self.network.prepare_faults:
            raise self.network.prepare_faults.popleft()
        parent = draft.above(part, previous)
        above = parent.remote_id if parent else None
        answered = draft.reply_to.remote_id if draft.reply_to else None
        by = self.credentials["access_token"]
        return Prepared(replay_key, {"text": draft.parts[part].text, "below": above or answered, "by": by})

    def publish(self, prepared: Prepared) -> Sent:
        """Send it."""
        try:
            sent = self.network.publish(prepared)
        finally:
            self.network.gate("answer")
        return sent

    def find_published(self, prepared: Prepared, since: datetime) -> Sent | None:
        """Look for it."""
        self.network.gate("look")
        found = self.network.find(prepared, since)
        self.network.gate("looked")
        return found

    def profile(self) -> Profile:
        """Somebody."""
        return Profile("me", "me", "Me")

    def fetch_limits(self) -> Limits:
        """As the channel has them."""
        return self.limits

    def delete(self, remote_id: str) -> None:
        """Take it off the network."""
        self.network.posts.remove(self.network.deed(remote_id))

    def edit(self, remote_id: str, draft: Draft, part: int) -> Sent:
        """Another text."""
        post = self.network.deed(remote_id)
        post.request = post.request | {"text": draft.parts[part].text}
        return Sent(post.remote_id, f"{BASE_URL}/{post.remote_id}", post.at)

    def fetch_inbox(self, cursor: str | None, thread_of: Callable[[str], str | None]) -> Batch[RemoteMessage]:
        """Nobody writes."""
        return Batch()

    def recheck(self, remote_ids: Sequence[str]) -> Batch[RemoteMessage]:
        """As the network has them now."""
        return self.network.reread(remote_ids)

    def search(self, query: str, cursor: str | None) -> Batch[RemoteMessage]:
        """Nothing is found."""
        return Batch()

    def own_posts(self, cursor: str | None, limit: int = 40) -> Batch[RemoteMessage]:
        """Not needed here."""
        return Batch()

    def post_metrics(self, remote_ids: Sequence[str]) -> dict[str, dict[str, int]]:
        """No numbers."""
        return {}

    def channel_metrics(self) -> dict[str, int]:
        """No numbers."""
        return {}


class Clock:
    """The hub's clock in a test: stands still unless it is moved."""

    def __init__(self) -> None:
        self.now = datetime.now(UTC)

    def utc_now(self) -> datetime:
        """In place of `db.utc_now`."""
        return self.now

    def seconds(self) -> float:
        """In place of `time.time` and `time.monotonic`."""
        return self.now.timestamp()

    def advance(self, seconds: float) -> None:
        """Let time pass."""
        self.now += timedelta(seconds=seconds)

    def install(self, patch: pytest.MonkeyPatch) -> None:
        """Have the hub read this clock."""
        patch.setattr(db, "utc_now", self.utc_now)
        patch.setattr(lease, "utc_now", self.utc_now)
        patch.setattr(delivery_parts, "time", SimpleNamespace(time=self.seconds, monotonic=self.seconds))


@pytest.fixture
def network(hub: object, monkeypatch: pytest.MonkeyPatch) -> FakeNetwork:
    """A fresh network that channels of the network "fake" talk to."""
    fresh = FakeNetwork()
    monkeypatch.setattr(FakeConnector, "network", fresh)
    monkeypatch.setitem(registry.NETWORKS, "fake", FakeConnector)
    return fresh


@pytest.fixture
def clock(hub: object, monkeypatch: pytest.MonkeyPatch) -> Clock:
    """A clock that the test moves."""
    made = Clock()
    made.install(monkeypatch)
    return made
