"""Messages to members outside of the hub, by apprise: mail, chats, push services. No database, no text of ours.

Apprise runs in a process of its own that ends with its job (`messenger_child.py`): nothing of it stays in memory, a
plug-in that hangs or crashes is only that, and where it may go is guarded beneath all of them. The addresses go there
by a pipe, and hold secrets: they are in no log and in no sentence.
"""

import json
import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Any

from core.connectors.messenger_guard import CERTIFICATES

ROOT = Path(__file__).parents[2]
SECONDS = 60.0  # for everything in one job
# A proxy from the environment would go round the address guard, so it isn't handed on.
PASSED_ON = ("PATH", "LANG", "SYSTEMROOT", *CERTIFICATES)


class Fate(StrEnum):
    """What became of a message."""

    SENT = "sent"  # the service said yes
    LATER = "later"  # nothing arrived, and another try may
    REFUSED = "refused"  # nothing arrived, and nothing will
    UNKNOWN = "unknown"  # it left, and nobody said what became of it


@dataclass(frozen=True)
class Letter:
    """One message to one address, as plain text."""

    address: str = field(repr=False)
    title: str
    body: str = field(repr=False)


@dataclass(frozen=True)
class Outcome:
    """What became of a letter; `said` is a sentence without secrets, empty when it arrived."""

    fate: Fate
    said: str = ""

    @property
    def arrived(self) -> bool:
        """Whether the service took it."""
        return self.fate == Fate.SENT


@dataclass(frozen=True)
class Checked:
    """An address as apprise reads it: how it may be shown, or (`fault`) what is wrong with it."""

    label: str
    fault: str


def check(addresses: Sequence[str], allowed: frozenset[str]) -> list[Checked]:
    """Read addresses without sending anything. `allowed`: private hosts that may be sent to. Takes half a second."""
    found = _run({"check": list(addresses), "allowed": sorted(allowed)})
    silent = {"label": "", "fault": "It could not be checked. Try again."}
    return [Checked(**found.get(number, silent)) for number in range(len(addresses))]


def deliver(letters: Sequence[Letter], allowed: frozenset[str]) -> list[Outcome]:
    """Send each letter once; the outcomes in the same order. Takes up to `SECONDS`, never inside a transaction."""
    work = [{"address": one.address, "title": one.title, "body": one.body} for one in letters]
    found = _run({"send": work, "allowed": sorted(allowed)})
    silent = {"outcome": Fate.UNKNOWN, "said": "Sending broke off. It may have arrived, so it isn't sent again."}
    told = [found.get(number, silent) for number in range(len(letters))]
    return [Outcome(Fate(one["outcome"]), one["said"]) for one in told]


def _run(job: Mapping[str, Any]) -> dict[int, Any]:
    """What the process said, by number; what is missing was not heard of."""
    process = subprocess.Popen(
        [sys.executable, "-m", "core.connectors.messenger_child"],
        cwd=ROOT,
        env={name: os.environ[name] for name in PASSED_ON if name in os.environ},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
    )
    try:
        told, _ = process.communicate(json.dumps(job).encode(), timeout=SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        told, _ = process.communicate()
    finally:
        process.kill()
    return dict(map(json.loads, told.splitlines()))
