"""A Mastodon-API server that somebody else wrote (mastodon-mock), started once, emptied for each test.

`mastodon` gives a `Mock`: people with tokens (alice, bob, carol), faults on order. Our channel is alice's.
"""

from collections.abc import Iterator
from contextlib import ExitStack
from typing import Any

import httpx
import pytest
from mastodon_mock.testing.server import MockServer

from core.connectors.base import Draft, DraftPart, ReplyTo
from core.connectors.mastodon import Mastodon

LOOPBACK = frozenset({"127.0.0.1"})


class Mock:
    """The running server."""

    def __init__(self, url: str, stack: ExitStack, client: httpx.Client) -> None:
        self.url = url
        self._client = client
        self.host = url.removeprefix("http://")
        self._stack = stack

    def channel(self, name: str, **options: Any) -> Mastodon:
        """A connector signed in as one of its people."""
        connector = Mastodon(self.url, {"access_token": f"{name}_token"}, allowed_hosts=LOOPBACK, **options)
        self._stack.callback(connector.close)
        return connector

    def ask(self, name: str, method: str, path: str, **options: Any) -> Any:
        """What a person does there with another program."""
        headers = {"Authorization": f"Bearer {name}_token"}
        answer = self._client.request(method, self.url + path, headers=headers, **options)
        answer.raise_for_status()
        return answer.json()

    def say(self, name: str, text: str, **form: Any) -> dict[str, Any]:
        """Post as a person with another program; gives the status."""
        return self.ask(name, "POST", "/api/v1/statuses", json={"status": text, **form})

    def fault(self, path: str, method: str = "GET", count: int = 1, **effect: Any) -> None:
        """Have the next `count` requests fail: `type` is status, ratelimit, latency, malformed or timeout."""
        rule = {"match": {"path": path, "methods": [method]}, "effect": effect, "count": count}
        self._client.post(f"{self.url}/api/v1/_mock/faults", json=rule).raise_for_status()


@pytest.fixture(scope="session")
def mock_server() -> Iterator[MockServer]:
    with MockServer() as server:
        yield server


@pytest.fixture(scope="session")
def person() -> Iterator[httpx.Client]:
    """One client for what people do there: making one takes longer than most requests."""
    with httpx.Client(trust_env=False) as client:
        yield client


@pytest.fixture
def mastodon(mock_server: MockServer, person: httpx.Client) -> Iterator[Mock]:
    faults = f"{mock_server.base_url}/api/v1/_mock/faults"
    person.delete(faults).raise_for_status()
    person.post(f"{mock_server.base_url}/api/v1/_mock/reset").raise_for_status()
    with ExitStack() as stack:
        yield Mock(mock_server.base_url, stack, person)
    person.delete(faults).raise_for_status()


def draft(*texts: str, reply_to: ReplyTo | None = None, **more: Any) -> Draft:
    """A draft of these parts."""
    return Draft(tuple(DraftPart(text) for text in texts), reply_to=reply_to, **more)
