"""A network in memory to read from, for tests of connecting and syncing.

What it holds and how it fails is said by the test.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, ClassVar

import pytest

from core import db
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
    Search,
    Sent,
)
from core.errors import NeedsReauth


@dataclass
class FakeNetwork:
    """What the fake servers hold. `fault(method, connector)` may raise; `calls` tells what was asked."""

    inbox: list[RemoteMessage] = field(default_factory=list)
    posts: list[RemoteMessage] = field(default_factory=list)
    hits: list[RemoteMessage] = field(default_factory=list)
    rechecked: Batch[RemoteMessage] = field(default_factory=Batch)
    metrics: dict[str, int] = field(default_factory=lambda: {"followers": 10})
    page: int = 50
    tokens: dict[str, str] = field(default_factory=dict)  # access token -> profile; any token is good while empty
    fault: Callable[[str, Connector], None] = lambda method, connector: None
    calls: list[str] = field(default_factory=list)
    closed: int = 0

    def asked(self, method: str, connector: Connector) -> None:
        """Note a call, and fail if the test says so."""
        self.calls.append(method)
        assert not db.engine().pool.checkedout(), f"{method} was called inside a transaction"
        self.fault(method, connector)


class FakeConnector(Connector):
    """Reads from the `FakeNetwork` of the test."""

    world: ClassVar[FakeNetwork]
    capabilities = Capabilities(
        network="mastodon",
        label="Mastodon",
        auth=(Auth.OAUTH, Auth.TOKEN, Auth.APP_PASSWORD),
        needs_base_url=True,
        search=Search.FULL,
        post_metrics=("likes", "shares", "comments"),
        channel_metrics=("followers",),
    )
    default_base_url = "https://social.example"

    @classmethod
    def sign_in(cls, base_url: str, handle: str, password: str, allowed_hosts: frozenset[str]) -> dict[str, str]:
        cls.world.calls.append("sign_in")
        if password != "right":
            raise NeedsReauth("Invalid identifier or password")
        return {"access_token": handle}

    def close(self) -> None:
        self.world.closed += 1

    def profile(self) -> Profile:
        self.world.asked("profile", self)
        token = self.credentials["access_token"]
        if self.world.tokens and token not in self.world.tokens:
            raise NeedsReauth("The access token is invalid")
        name = self.world.tokens.get(token, token)
        return Profile(f"{name}@social.example", f"@{name}@social.example", name.title(), f"{self.base_url}/@{name}")

    def fetch_limits(self) -> Limits:
        return Limits(text_length=777)

    @classmethod
    def length(cls, text: str, limits: Limits) -> int:
        return len(text)

    def fetch_inbox(self, cursor: str | None, thread_of: Callable[[str], str | None]) -> Batch[RemoteMessage]:
        self.world.asked("fetch_inbox", self)
        start = int(cursor or 0)
        items = self.world.inbox[start : start + self.world.page]
        end = start + len(items)
        return Batch(tuple(items), str(end), more=end < len(self.world.inbox))

    def recheck(self, remote_ids: Sequence[str]) -> Batch[RemoteMessage]:
        self.world.asked(f"recheck {len(remote_ids)}", self)
        return self.world.rechecked

    def search(self, query: str, cursor: str | None) -> Batch[RemoteMessage]:
        self.world.asked(f"search {query}", self)
        return Batch(tuple(self.world.hits), "1")

    def own_posts(self, cursor: str | None, limit: int = 40) -> Batch[RemoteMessage]:
        self.world.asked(f"own_posts {cursor}", self)
        start = int(cursor or 0)
        items = self.world.posts[start : start + limit]
        end = start + len(items)
        more = end < len(self.world.posts)
        return Batch(tuple(items), str(end) if more else None, more)

    def post_metrics(self, remote_ids: Sequence[str]) -> dict[str, dict[str, int]]:
        self.world.asked(f"post_metrics {len(remote_ids)}", self)
        return {post.remote_id: dict(post.metrics) for post in self.world.posts if post.remote_id in remote_ids}

    def channel_metrics(self) -> dict[str, int]:
        self.world.asked("channel_metrics", self)
        return self.world.metrics

    def prepare(self, draft: Draft, part: int, replay_key: str, previous: Sequence[Sent]) -> Prepared:
        raise NotImplementedError

    def publish(self, prepared: Prepared) -> Sent:
        raise NotImplementedError

    def find_published(self, prepared: Prepared, since: datetime) -> Sent | None:
        raise NotImplementedError

    def delete(self, remote_id: str) -> None:
        raise NotImplementedError


def fake_network(patch: pytest.MonkeyPatch, network: str = "mastodon", **values: Any) -> FakeNetwork:
    """Put a fake in the place of a network."""
    world = FakeNetwork(**values)
    patch.setitem(registry.NETWORKS, network, type("Fake", (FakeConnector,), {"world": world}))
    return world


def remote(remote_id: str, text: str = "Hallo", **values: Any) -> RemoteMessage:
    """A message at the network, from Lena, just now, in a thread of its own."""
    given: dict[str, Any] = {
        "thread_id": remote_id,
        "kind": Kind.MENTION,
        "author": Author("lena@norden.example", "@lena@norden.example", "Lena"),
        "sent_at": db.utc_now(),
    } | values
    return RemoteMessage(remote_id, text=text, **given)
