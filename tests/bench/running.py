"""A running hub against the sandbox: how fast and how late posts go out, and what it takes at rest."""

import json
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import psutil

from core.sandbox.plan import CHANNELS
from core.sandbox.serve import running_sandbox
from tests.hub_process import ROOT, RunningHub, running_hub

POSTS = 1000
RATE_FLOOR = 20.0  # posts a second, the target of the project
LATE_FLOOR = 1000.0  # ms
RSS_FLOOR, CPU_FLOOR = 300.0, 1.0  # MB; percent of a core

SCHEDULE = """
import sys
from datetime import timedelta
from core import db
from core.models.planning import Delivery, DeliveryState, Post, PostState
count, delay, step = int(sys.argv[1]), float(sys.argv[2]), float(sys.argv[3])
due = db.utc_now() + timedelta(seconds=delay)
with db.write() as session:
    for number in range(count):
        at = due + timedelta(seconds=step * number)
        post = Post(text=f"Bench {delay} {number}", state=PostState.SCHEDULED, planned_at=at)
        session.add(post)
        session.flush()
        session.add(Delivery(post_id=post.id, channel_id=1 + number % 3, due_at=at, state=DeliveryState.SCHEDULED))
"""
LATENESS = """
import json
from sqlmodel import select
from core import db
from core.models.planning import Delivery, DeliveryState, Post
with db.read() as session:
    out = select(Delivery, Post).where(Delivery.post_id == Post.id, Delivery.state == DeliveryState.PUBLISHED)
    rows = session.exec(out.order_by(Delivery.id)).all()
    print(json.dumps([[(d.published_at - p.planned_at).total_seconds(), d.published_at.timestamp()] for d, p in rows]))
"""


def _python(hub: RunningHub, code: str, *words: str) -> str:
    ran = subprocess.run(
        [sys.executable, "-c", code, *words], env=hub.env, cwd=ROOT, capture_output=True, text=True, check=True
    )
    return ran.stdout


def _connect(hub: RunningHub, url: str) -> None:
    for channel in CHANNELS:
        told = hub.cli("channel", "add", "mastodon", "--base-url", url, "--token", channel.token)
        assert told.returncode == 0, told.stderr


def _published(hub: RunningHub, count: int) -> list[list[float]]:
    end = time.monotonic() + 180
    while time.monotonic() < end:
        rows: list[list[float]] = json.loads(_python(hub, LATENESS))
        if len(rows) >= count:
            return rows
        time.sleep(1)
    raise SystemExit(f"{count} posts did not go out in time")


def publishing(folder: Path) -> list[dict[str, Any]]:
    """Lateness when idle (one post each second), then throughput and lateness with everything due at once."""
    where = folder / "publish" / "data"
    where.parent.mkdir()
    with running_sandbox(quiet=True, history=False) as box:
        host = box.url.removeprefix("http://")
        with running_hub(where, HUB_ALLOWED_PRIVATE_HOSTS=host, HUB_SYNC_SECONDS="60") as hub:
            _connect(hub, box.url)
            time.sleep(5)
            _python(hub, SCHEDULE, "40", "3", "0.5")
            idle = sorted(late for late, _ in _published(hub, 40))
            _python(hub, SCHEDULE, str(POSTS), "2", "0")
            rows = _published(hub, 40 + POSTS)[-POSTS:]
    late = sorted(seconds for seconds, _ in rows)
    span = max(at for _, at in rows) - min(at for _, at in rows) + 1
    figures = [
        ("publish_rate", POSTS / span, "posts/s", RATE_FLOOR),
        ("publish_lateness_p50", late[len(late) // 2] * 1000, "ms", LATE_FLOOR),
        ("publish_lateness_p95", late[int(len(late) * 0.95)] * 1000, "ms", LATE_FLOOR),
        ("publish_lateness_max", late[-1] * 1000, "ms", LATE_FLOOR),
        ("publish_lateness_idle_p99", idle[-1] * 1000, "ms", LATE_FLOOR),
    ]
    return [_row(*figure) for figure in figures]


def at_rest(folder: Path, seconds: float = 60) -> list[dict[str, Any]]:
    """Resident memory and processor time of web and worker with 20 channels that are synced every minute."""
    where = folder / "rest" / "data"
    where.parent.mkdir()
    with running_sandbox(quiet=True, history=False) as box:
        host = box.url.removeprefix("http://")
        with running_hub(where, HUB_ALLOWED_PRIVATE_HOSTS=host) as hub:
            _connect(hub, box.url)
            _python(hub, TWENTY)
            time.sleep(75)  # starting, and the first syncs, are not rest
            assert hub.worker is not None
            both = [psutil.Process(p.pid) for p in (hub.web, hub.worker)]
            before = sum(sum(p.cpu_times()[:2]) for p in both)
            time.sleep(seconds)
            used = sum(sum(p.cpu_times()[:2]) for p in both) - before
            memory = sum(p.memory_info().rss for p in both) / 1e6
    return [_row("rest_rss", memory, "MB", RSS_FLOOR), _row("rest_cpu", used / seconds * 100, "% of a core", CPU_FLOOR)]


TWENTY = """
from sqlmodel import select
from core import db
from core.models.channel import Channel
from core.services import connecting
with db.write() as session:
    first = session.exec(select(Channel)).first()
    for number in range(17):
        values = first.model_dump(exclude={"id", "remote_id", "handle"})
        channel = Channel(**values, remote_id=f"copy{number}", handle=f"@copy{number}")
        session.add(channel)
        session.flush()
        connecting.add_cursors(session, channel.id)
"""


def _row(name: str, value: float, unit: str, floor: float) -> dict[str, Any]:
    return {"name": name, "value": round(value, 2), "unit": unit, "floor": floor, "ratio": round(value / floor, 3)}
