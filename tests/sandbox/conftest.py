"""Running sandboxes for these tests: one quiet and empty, one with half a year of history."""

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import httpx
import pytest

from core.sandbox.plan import BIKES, COFFEE
from core.sandbox.serve import Sandbox, running_sandbox


class Client(httpx.Client):
    """An HTTP client that returns JSON and fails loudly."""

    def call(self, method: str, path: str, status: int = 200, **options: Any) -> Any:
        answer = self.request(method, path, **options)
        assert answer.status_code == status, answer.text
        return answer.json()


def client(box: Sandbox, handle: str | None = None) -> Client:
    """Signed in as a channel, or as the admin if None. No certificates: reading them takes longer than the test."""
    return Client(base_url=box.url, headers=box.auth(handle) if handle else box.admin, verify=False)


@pytest.fixture(scope="session")
def browser() -> Iterator[httpx.Client]:
    """Somebody who hasn't signed in."""
    with httpx.Client(verify=False) as made:
        yield made


@pytest.fixture
def box() -> Iterator[Sandbox]:
    with running_sandbox() as running:
        yield running


@pytest.fixture
def admin(box: Sandbox) -> Iterator[Client]:
    with client(box) as made:
        yield made


@pytest.fixture
def coffee(box: Sandbox) -> Iterator[Client]:
    with client(box, COFFEE) as made:
        yield made


@pytest.fixture(scope="session")
def past() -> Iterator[Sandbox]:
    """With history, and the clock stopped, so that it is always the same one; the tests only read it."""
    with running_sandbox(history=True, seconds=datetime(2026, 3, 11, 14, 30, tzinfo=UTC).timestamp) as running:
        yield running


@pytest.fixture(scope="session")
def bikes(past: Sandbox) -> Iterator[Client]:
    with client(past, BIKES) as made:
        yield made
