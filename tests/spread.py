"""How tests are spread over processes (`make test`): what goes together, and what begins first.

A file stays together, for what it starts once (a browser, a server) is started once. Whatever talks to the real Bluesky
network is one group. Tests that share nothing worth starting again go one by one, so that no process is last for long.
"""

import re

import pytest
from xdist.remote import Producer
from xdist.scheduler import LoadScopeScheduling

TOGETHER = re.compile(r"tests/integration/(?!test_snac)")
ONE_BY_ONE = re.compile(r"tests/reliability/|tests/test_worker")
# What waits (for a worker, a page, a network) begins first: others compute meanwhile.
FIRST = (
    "tests/integration/test_bluesky",
    "tests/integration/",
    "tests/e2e/",
    "tests/reliability/test_interleavings",
    "tests/reliability/",
    "tests/test_worker",
    "tests/services/test_sandbox",
    "tests/pages/",
)


def begins(nodeid: str) -> int:
    """Where in the order a test begins: lower is sooner."""
    return next((place for place, start in enumerate(FIRST) if nodeid.startswith(start)), len(FIRST))


class Spread(LoadScopeScheduling):
    """Hands out groups of tests in the order in which they were collected."""

    def __init__(self, config: pytest.Config, log: Producer | None = None) -> None:
        super().__init__(config, log)
        config.option.loadscopereorder = False  # its order is by number of tests, which says nothing here

    def _split_scope(self, nodeid: str) -> str:
        if TOGETHER.match(nodeid):
            return "the Bluesky network"
        return nodeid if ONE_BY_ONE.match(nodeid) else nodeid.partition("::")[0]
