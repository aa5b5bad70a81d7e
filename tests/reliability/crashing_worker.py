"""The real worker, made to die (SIGKILL) at one point of a delivery's life: `main([POINT, NUMBER, HOW])`.

`POINT` is a key of POINTS, or `never`; `NUMBER` says at which time that it comes to that point (1). `HOW`: `kill`;
`stop` (SIGSTOP: it may be woken up again); `term` (SIGTERM: told to stop in mid-step, the step goes on); `hang`
(SIGTERM, and the step never ends). Waiting is hurried: what takes minutes for people takes fractions of a second here.
The worker itself knows nothing of this. `nursery.py` starts it.
"""

import itertools
import os
import signal
import sys
import time
from collections.abc import Callable, Sequence
from typing import Any, NoReturn

import worker
from core.connectors import http
from core.connectors.atproto import Session
from core.connectors.base import Replay
from core.connectors.bluesky import Bluesky
from core.connectors.mastodon import Mastodon
from core.services import deliveries, publishing

PAUSES = (0.3, 0.4, 0.5, 0.6)
REPLAY_AFTER = 0.8
LAST_SECONDS = 0.3  # that a worker gets to finish what hangs

BEFORE, AFTER = True, False
UPLOADS: tuple[tuple[Any, str], ...] = ((Mastodon, "_upload"), (Session, "upload"))
LOOKS: tuple[tuple[Any, str], ...] = ((Mastodon, "find_published"), (Bluesky, "find_published"))
POINTS: dict[str, tuple[tuple[tuple[Any, str], ...], bool]] = {
    "claimed": (((deliveries, "load"),), BEFORE),
    "uploading": (UPLOADS, BEFORE),
    "uploaded": (UPLOADS, AFTER),
    "prepared": (((deliveries, "fix"),), BEFORE),
    "fixed": (((deliveries, "fix"),), AFTER),  # committed, and nothing has left
    "sent": (((http, "_read_body"),), BEFORE),  # the server has acted, the answer is not read
    "answered": (((deliveries, "accept"),), BEFORE),
    "accepted": (((deliveries, "accept"),), AFTER),
    "looking": (LOOKS, BEFORE),
    "looked": (((deliveries, "adopt"),), BEFORE),
    "fixed_again": (((deliveries, "fix_again"),), AFTER),
}


def _kill() -> None:
    os.kill(os.getpid(), signal.SIGKILL)
    time.sleep(0.3)  # a signal takes a moment to reach every thread


def _stop() -> None:
    os.kill(os.getpid(), signal.SIGSTOP)
    time.sleep(0.3)


def _term() -> None:
    os.kill(os.getpid(), signal.SIGTERM)
    time.sleep(0.2)  # the worker hears of it while this step goes on


def _hang() -> NoReturn:
    worker.LAST_SECONDS = LAST_SECONDS
    os.kill(os.getpid(), signal.SIGTERM)
    while True:
        time.sleep(1)


HOW: dict[str, Callable[[], None]] = {"kill": _kill, "stop": _stop, "term": _term, "hang": _hang}


def strike_at(point: str, number: int, strike: Callable[[], None]) -> None:
    """Have `strike` called when this process comes to `point` for the `number`th time."""
    places, before = POINTS[point]
    times = itertools.count(1)
    for owner, name in places:
        setattr(owner, name, _struck(getattr(owner, name), point, before, lambda: next(times) == number, strike))


def _struck(
    original: Callable[..., Any], point: str, before: bool, is_it: Callable[[], bool], strike: Callable[[], None]
) -> Callable[..., Any]:
    def last(*given: Any, **named: Any) -> Any:
        if point == "sent" and not given[2]:  # an answer to something that only reads
            return original(*given, **named)
        final = is_it()
        if final and before:
            strike()
        result = original(*given, **named)
        if final and not before:
            strike()
        return result

    return last


def hurry() -> None:
    """Shorten the pauses between looks."""
    publishing.PAUSES = PAUSES
    publishing.REPLAY_PAUSES = (*PAUSES, 0.8, 0.8)
    publishing.REPLAY_AFTER = {Replay.KEY: REPLAY_AFTER, Replay.RECORD: 0.0}


def main(words: Sequence[str]) -> int:
    """Run the worker until it is told to stop, or dies; its exit code."""
    hurry()
    sys.argv = ["worker.py"]
    if words[0] != "never":
        strike_at(words[0], int(words[1]), HOW[words[2]])
    return worker.main()
