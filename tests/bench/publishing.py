"""1,000 posts that are due at the same minute, on 50 channels: until the last is out, and how late they are.

The network is a server of a few lines in a process of its own that takes `LATENCY` for each post. The floor is the same
number of the same requests to it, bare, from as many threads, in the same run.
"""

import asyncio
import itertools
import json
import os
import queue
import signal
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx

from tests.hub_process import ROOT, environment, free_port

CHANNELS, POSTS = 50, 1000
LATENCY = 0.02  # seconds that the server takes for a post
LEAD = 4.0  # seconds until they are due: the worker is up by then
PATIENCE = 300.0  # seconds, on a busy machine
HOST = "127.0.0.1"

SEED = """
import sys
from datetime import timedelta
from core import db, vault
from core.connectors.base import Limits
from core.models.channel import Channel, ChannelState
from core.models.planning import Delivery, DeliveryState, Post, PostState
url, channels, posts, lead = sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), float(sys.argv[4])
with db.write() as session:
    for number in range(channels):
        sealed = vault.seal({"access_token": f"token-{number}", "account_id": str(number)})
        session.add(Channel(network="mastodon", base_url=url, remote_id=str(number), handle=f"@c{number}", name="C",
                            state=ChannelState.ACTIVE, sealed=sealed, limits=Limits().to_json()))
with db.write() as session:
    at = db.utc_now() + timedelta(seconds=lead)
    for number in range(posts):
        post = Post(text=f"Bench {number}", state=PostState.SCHEDULED, planned_at=at)
        session.add(post)
        session.flush()
        session.add(Delivery(post_id=post.id, channel_id=1 + number % channels, due_at=at,
                             state=DeliveryState.SCHEDULED))
"""
OUT = "SELECT count(*) FROM delivery WHERE state = 'published'"
TIMES = """
SELECT p.planned_at, d.published_at FROM delivery d JOIN post p ON p.id = d.post_id WHERE d.state = 'published'
"""


def measure(folder: Path) -> list[tuple[str, float, str, float]]:
    """(name, value, unit, floor) of each figure."""
    from core.settings import Settings

    threads = Settings.model_fields["publish_threads"].default
    where = folder / "publish50" / "data"
    where.mkdir(parents=True)
    with _server() as url:
        bare = _bare(url, threads)
        late = _hub(where, url)
    return [
        ("publish_50_last", late[-1], "s", bare[-1]),
        ("publish_50_lateness_p95", _p95(late) * 1000, "ms", _p95(bare) * 1000),
    ]


def _p95(seconds: list[float]) -> float:
    return seconds[int(len(seconds) * 0.95)]


def _bare(url: str, threads: int) -> list[float]:
    """Seconds after the start at which each bare request was answered, sorted. A connection each, as the hub does."""
    left: queue.SimpleQueue[int] = queue.SimpleQueue()
    for number in range(POSTS):
        left.put(number)
    done: list[float] = []
    go = threading.Event()

    def send() -> None:
        with httpx.Client(base_url=url, limits=httpx.Limits(max_keepalive_connections=0), trust_env=False) as client:
            go.wait()
            while True:
                try:
                    number = left.get_nowait()
                except queue.Empty:
                    return
                client.post("/api/v1/statuses", json={"status": f"Bench {number}"}).raise_for_status()
                done.append(time.perf_counter() - start)

    crew = [threading.Thread(target=send) for _ in range(threads)]
    for thread in crew:
        thread.start()
    start = time.perf_counter()
    go.set()
    for thread in crew:
        thread.join()
    return sorted(done)


def _hub(folder: Path, url: str) -> list[float]:
    """Seconds after its time at which the network had each post, sorted."""
    env = environment(folder, HUB_ALLOWED_PRIVATE_HOSTS=HOST, HUB_LOG_LEVEL="WARNING")
    python = [sys.executable, "-m", "core", "migrate"]
    subprocess.run(python, cwd=ROOT, env=env, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    seed = [sys.executable, "-c", SEED, url, str(CHANNELS), str(POSTS), str(LEAD)]
    subprocess.run(seed, cwd=ROOT, env=env, check=True)
    with (folder.parent / "worker.log").open("wb") as log:
        worker = subprocess.Popen([sys.executable, "worker.py"], cwd=ROOT, env=env, stdout=log, stderr=log)
    try:
        with closing(sqlite3.connect(folder / "hub.db", timeout=10)) as database:
            end = time.monotonic() + PATIENCE
            while database.execute(OUT).fetchone()[0] < POSTS:
                if time.monotonic() > end or worker.poll() is not None:
                    raise SystemExit(f"not all went out:\n{(folder.parent / 'worker.log').read_text()[-2000:]}")
                time.sleep(0.2)
            rows = database.execute(TIMES).fetchall()
    finally:
        worker.terminate()
        worker.wait(20)
    return sorted(_moment(out) - _moment(due) for due, out in rows)


def _moment(stored: str) -> float:
    return datetime.fromisoformat(stored).replace(tzinfo=UTC).timestamp()


# --- the server -------------------------------------------------------------------------------------------------------


@contextmanager
def _server() -> Iterator[str]:
    port = free_port()
    process = subprocess.Popen([sys.executable, "-m", "tests.bench.publishing", str(port)], cwd=ROOT)
    try:
        end = time.monotonic() + 20
        while True:
            try:
                httpx.get(f"http://{HOST}:{port}/", trust_env=False)
                break
            except httpx.ConnectError:
                if time.monotonic() > end:
                    raise
                time.sleep(0.05)
        yield f"http://{HOST}:{port}"
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(10)


def _length(head: bytes) -> int:
    lines = (line.partition(b":") for line in head.lower().split(b"\r\n"))
    return next((int(value) for name, _, value in lines if name == b"content-length"), 0)


async def serve(port: int) -> None:
    """Take every post after `LATENCY`, and say at what time that was."""
    numbers = itertools.count(1)

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while head := await reader.readuntil(b"\r\n\r\n"):
                await reader.readexactly(_length(head))
                await asyncio.sleep(LATENCY if head.startswith(b"POST") else 0)
                told: dict[str, Any] = {"id": str(next(numbers)), "created_at": datetime.now(UTC).isoformat()}
                body = json.dumps(told).encode()
                start = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: %d\r\n\r\n" % len(body)
                writer.write(start + body)
                await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()

    server = await asyncio.start_server(answer, HOST, port, backlog=256)
    loop = asyncio.get_running_loop()
    loop.add_signal_handler(signal.SIGTERM, lambda: os._exit(0))
    await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(serve(int(sys.argv[1])))
