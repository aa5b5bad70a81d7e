"""The real worker, made to die (SIGKILL) at one point of a delivery's life: `python -m … POINT [NUMBER] [stop]`.

`POINT` is a key of POINTS, or `never`; `NUMBER` says at which time that it comes to that point (1). With `stop` it is
stopped (SIGSTOP) instead, and may be woken up again. Waiting is hurried:
what takes minutes for people takes fractions of a second here. The worker itself knows nothing of this.
"""

import itertools
import os
import signal
import sys
import time
from collections.abc import Callable
from typing import Any

import worker
from core.connectors import http
from core.connectors.base import Replay
from core.connectors.mastodon import Mastodon
from core.services import deliveries, publishing

PAUSES = (0.3, 0.4, 0.5, 0.6)
REPLAY_AFTER = 0.8

BEFORE, AFTER = True, False
POINTS: dict[str, tuple[Any, str, bool]] = {
    "claimed": (deliveries, "load", BEFORE),
    "uploading": (Mastodon, "_upload", BEFORE),
    "uploaded": (Mastodon, "_upload", AFTER),
    "prepared": (deliveries, "fix", BEFORE),
    "fixed": (deliveries, "fix", AFTER),  # committed, and nothing has left
    "sent": (http, "_read_body", BEFORE),  # the server has acted, the answer is not read
    "answered": (deliveries, "accept", BEFORE),
    "accepted": (deliveries, "accept", AFTER),
    "looking": (Mastodon, "find_published", BEFORE),
    "looked": (deliveries, "adopt", BEFORE),
    "fixed_again": (deliveries, "fix_again", AFTER),
}


def die_at(point: str, number: int, how: signal.Signals) -> None:
    """Have this process killed (or stopped) when it comes to `point` for the `number`th time."""
    owner, name, before = POINTS[point]
    original: Callable[..., Any] = getattr(owner, name)
    times = itertools.count(1)

    def last(*given: Any, **named: Any) -> Any:
        if point == "sent" and not given[2]:  # an answer to something that only reads
            return original(*given, **named)
        final = next(times) == number
        if final and before:
            end(how)
        result = original(*given, **named)
        if final and not before:
            end(how)
        return result

    setattr(owner, name, last)


def end(how: signal.Signals) -> None:
    """Here and no further: a signal takes a moment to reach every thread."""
    os.kill(os.getpid(), how)
    time.sleep(0.3)


def hurry() -> None:
    """Shorten the pauses between looks."""
    publishing.PAUSES = PAUSES
    publishing.REPLAY_PAUSES = (*PAUSES, 0.8, 0.8)
    publishing.REPLAY_AFTER = {Replay.KEY: REPLAY_AFTER, Replay.RECORD: 0.0}


if __name__ == "__main__":
    hurry()
    words, sys.argv = sys.argv[1:], sys.argv[:1]
    if words[0] != "never":
        die_at(words[0], int(words[1]), signal.SIGSTOP if "stop" in words else signal.SIGKILL)
    sys.exit(worker.main())
