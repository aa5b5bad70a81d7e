"""The present: people who write while the server runs, and who react to what our channels publish.

Times of day count: when the audience is awake, more arrives. Everything is divided by the speed.
"""

import asyncio
import heapq
import itertools
import logging
import threading
from collections.abc import Callable
from random import Random

from core.sandbox import growth
from core.sandbox.network import Network
from core.sandbox.rules import ApiError
from core.sandbox.store import Row
from core.sandbox.voices import Voices

log = logging.getLogger("sandbox.life")

BUSY, CALM = 20.0, 40.0  # mean seconds between arrivals when everybody, or nobody, is online
# What happens after we publish: (deed, chance, earliest and latest second after it).
AFTER_A_POST = (
    ("like", 1.0, 3, 12),
    ("comment", 0.9, 12, 55),
    ("like", 0.9, 15, 60),
    ("reblog", 0.5, 20, 150),
    ("like", 0.7, 40, 300),
    ("comment", 0.55, 70, 280),
)
AFTER_AN_ANSWER = (("like", 0.6, 4, 25), ("thank", 0.6, 12, 80))
KINDS = {"comment": 0.45, "mentions": 0.17, "public": 0.25, "directs": 0.06, "follow": 0.07}


class Life:
    """Keeps a list of what is about to happen. `run` is the background task; the rest can be tested without it."""

    def __init__(self, network: Network, rng: Random, living: Callable[[], bool]) -> None:
        self.network = network
        self.rng = rng
        self.living = living
        self.voices = Voices(network, rng)
        self._due: list[tuple[float, int, str, int]] = []
        self._numbers = itertools.count()
        self._lock = threading.Lock()
        self._next_arrival = 0.0
        self._loop: asyncio.AbstractEventLoop | None = None
        self._woken = asyncio.Event()

    # --- the background task ------------------------------------------------------------------------------------------

    async def run(self) -> None:
        """Sleep until something is due, do it, again."""
        self._loop = asyncio.get_running_loop()
        self._next_arrival = self._after(self._pause())
        while True:
            self._woken.clear()
            try:
                await asyncio.wait_for(self._woken.wait(), timeout=self._wait())
            except TimeoutError:
                self.tick()

    def wake(self) -> None:
        """Something new is due, or the mode has changed. From any thread."""
        self._next_arrival = min(self._next_arrival, self._after(self._pause()))
        if self._loop is not None:
            self._loop.call_soon_threadsafe(self._woken.set)

    def _wait(self) -> float | None:
        if not self.living() or self.network.clock.speed <= 0:
            return None  # until `wake`
        with self._lock:
            next_deed = self._due[0][0] if self._due else self._next_arrival
        return max(0.0, min(next_deed, self._next_arrival) - self.network.clock.seconds())

    def tick(self) -> None:
        """Do all that is due now. An error is logged and harms nothing else."""
        now = self.network.clock.seconds()
        try:
            if now >= self._next_arrival:
                self._next_arrival = self._after(self._pause())
                self.arrive()
            while (deed := self._pop(now)) is not None:
                self.react(*deed)
        except ApiError as error:
            log.debug("passed over: %s", error)  # what it was about has been deleted
        except Exception:
            log.exception("life stumbled")

    def _pop(self, now: float) -> tuple[str, int] | None:
        with self._lock:
            if not self._due or self._due[0][0] > now:
                return None
            _, _, deed, status_id = heapq.heappop(self._due)
        return deed, status_id

    def _after(self, seconds: float) -> float:
        return self.network.clock.seconds() + seconds / max(self.network.clock.speed, 1e-6)

    def _pause(self) -> float:
        now = self.network.now()
        awake = max(growth.audience(handle, now) for handle in growth.CURVES)
        return self.rng.expovariate(1 / (CALM - (CALM - BUSY) * awake))

    # --- what arrives by itself ---------------------------------------------------------------------------------------

    def arrive(self) -> None:
        """Somebody writes, or follows. Channels whose audience is awake hear more."""
        now = self.network.now()
        channels = self.network.channels()
        weights = [growth.audience(channel["acct"], now) + 0.1 for channel in channels]
        channel = self.rng.choices(channels, weights)[0]
        kind = self.rng.choices(list(KINDS), list(KINDS.values()))[0]
        if kind == "comment":
            self._comment(channel, self._recent_post(channel))
        elif kind == "follow":
            self.network.follow(self.voices.somebody(channel["acct"])["id"], channel)
        else:
            self._open_talk(channel, kind)

    def _recent_post(self, channel: Row) -> Row | None:
        sql = (
            "SELECT * FROM status WHERE account_id = ? AND in_reply_to IS NULL AND reblog_of IS NULL "
            "AND visibility IN ('public', 'unlisted') ORDER BY id DESC LIMIT 6"
        )
        rows = self.network.store.all(sql, channel["id"])
        return rows[min(int(self.rng.expovariate(0.7)), len(rows) - 1)] if rows else None

    def _comment(self, channel: Row, post: Row | None) -> None:
        if post is None:
            self._open_talk(channel, "mentions")
            return
        author = self.voices.somebody(channel["acct"])
        self.voices.say(author, self.voices.comment_on(channel, post).text, to=channel, below=post)

    def _open_talk(self, channel: Row, what: str) -> None:
        author = self.voices.somebody(channel["acct"])
        direct = what == "directs"
        media = (self.voices.picture(author, author["language"]),) if self.rng.random() < 0.06 and not direct else ()
        self.voices.say(
            author,
            self.voices.open_talk(channel["acct"], what).text,
            to=channel if direct else None,
            visibility="direct" if direct else "public",
            media=media,
        )

    # --- what our own posts set off -----------------------------------------------------------------------------------

    def on_published(self, status: Row) -> None:
        """Called for every new status: people will react to those of our channels."""
        if not self.living() or not self.network.account(status["account_id"])["channel"]:
            return
        parent_is_theirs = status["in_reply_to_account"] not in (None, status["account_id"])
        plan = AFTER_AN_ANSWER if parent_is_theirs else AFTER_A_POST
        with self._lock:
            for deed, chance, earliest, latest in plan:
                if self.rng.random() < chance and (status["visibility"] != "direct" or deed == "thank"):
                    at = self._after(self.rng.uniform(earliest, latest))
                    heapq.heappush(self._due, (at, next(self._numbers), deed, status["id"]))
        self.wake()

    def react(self, deed: str, status_id: int) -> None:
        """One reaction to a status of ours. Raises `ApiError` if it is gone."""
        status = self.network.store.one("SELECT * FROM status WHERE id = ?", status_id)
        if status is None:
            raise ApiError(404, "Record not found")
        channel = self.network.account(status["account_id"])
        if deed == "thank":
            self._thank(channel, status)
        elif deed == "comment":
            self._comment(channel, status)
        elif deed == "reblog":
            self.network.reblog(self.voices.somebody(channel["acct"])["id"], status)
        else:
            self.network.favourite(self._admirer(channel, status), status)

    def _admirer(self, channel: Row, status: Row) -> int:
        answered = status["in_reply_to_account"]
        if answered and answered != channel["id"]:
            return int(answered)
        return int(self.voices.somebody(channel["acct"])["id"])

    def _thank(self, channel: Row, status: Row) -> None:
        author = self.network.account(status["in_reply_to_account"])
        if not author["channel"]:
            text = self.voices.thanks(channel["acct"])
            self.voices.say(author, text, to=channel, below=status, visibility=status["visibility"])
