"""A whole hub as a person starts it: web and worker as processes, on free ports, in a data folder of its own."""

import contextlib
import os
import random
import socket
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx

ROOT = Path(__file__).parents[1]
PATIENCE = 60.0  # seconds
# What the first syncs have still to bring, or nobody has looked at yet.
UNSETTLED = """
SELECT (SELECT count(*) FROM synccursor WHERE done_at IS NULL OR claim_token IS NOT NULL OR due_at <= done_at)
     + (SELECT count(*) FROM message WHERE NOT triaged AND direction = 'in') + (SELECT count(*) = 0 FROM message)
"""


@dataclass
class RunningHub:
    """Its address, its data, and a way to run the command line on it."""

    url: str
    folder: Path
    env: dict[str, str]
    web: subprocess.Popen[bytes]
    worker: subprocess.Popen[bytes] | None

    def cli(self, *words: str, stdin: str | None = None) -> subprocess.CompletedProcess[str]:
        """`python -m core …` on this hub."""
        command = [sys.executable, "-m", "core", *words]
        return subprocess.run(
            command, cwd=ROOT, env=self.env, input=stdin, capture_output=True, text=True, timeout=60, check=False
        )

    def ask(self, sql: str) -> list[tuple[Any, ...]]:
        """What its database answers; costs nothing beside a process of the command line."""
        with closing(sqlite3.connect(f"file:{self.folder}/hub.db?mode=ro", uri=True, timeout=10)) as database:
            return database.execute(sql).fetchall()

    def settled(self) -> None:
        """Wait until the worker has brought what was said before: nothing grows by itself any more."""
        wait_for(lambda: self.ask(UNSETTLED) == [(0,)], "the end of the first syncs", 2 * PATIENCE)

    def logs(self) -> str:
        """What web and worker have said."""
        return "\n".join(path.read_text() for path in sorted(self.folder.parent.glob("*.log")))


def free_port() -> int:
    """A port nobody listens on, and that nothing takes in the seconds until its server is up.

    Port 0 would give one of those that the system hands out to every outgoing connection, too.
    """
    while True:
        port = random.randrange(12_000, 32_000)
        with socket.socket() as probe, contextlib.suppress(OSError):
            probe.bind(("127.0.0.1", port))
            return port


def environment(folder: Path, **more: str) -> dict[str, str]:
    """What a hub of its own needs in its environment."""
    kept = {k: v for k, v in os.environ.items() if not k.startswith("HUB_") and k != "DATABASE_URL"}
    own = {"HUB_DATA_DIR": str(folder), "HUB_PORT": str(free_port()), "HUB_SANDBOX_PORT": str(free_port())}
    return kept | own | more


@contextmanager
def running_hub(folder: Path, worker: bool = True, **more: str) -> Iterator[RunningHub]:
    """Start it, wait until it is healthy, stop it in order."""
    env = environment(folder, **more)
    processes: list[subprocess.Popen[bytes]] = []

    def start(name: str, *command: str) -> subprocess.Popen[bytes]:
        with (folder.parent / f"{name}.log").open("wb") as log:
            process = subprocess.Popen([sys.executable, *command], cwd=ROOT, env=env, stdout=log, stderr=log)
        processes.append(process)
        return process

    try:
        web = start("web", "-m", "core", "web")  # brings the schema; the worker waits for it
        beside = start("worker", "worker.py") if worker else None
        url = f"http://127.0.0.1:{env['HUB_PORT']}"
        well = (200,) if worker else (200, 503)
        wait_for(lambda: httpx.get(f"{url}/healthz", timeout=5).status_code in well, "a healthy hub", 2 * PATIENCE)
        hub = RunningHub(url, folder, env, web, beside)
        yield hub
    finally:
        for process in reversed(processes):
            process.terminate()
        for process in processes:
            try:
                process.wait(20)
            except subprocess.TimeoutExpired:
                process.kill()


def wait_for(true: object, what: str, patience: float = PATIENCE) -> None:
    """Ask again and again until it is so; an `AssertionError` says what never came."""
    end = time.monotonic() + patience
    while time.monotonic() < end:
        try:
            if true():  # type: ignore[operator]
                return
        except httpx.HTTPError:
            pass
        time.sleep(0.1)
    raise AssertionError(f"{what} did not come within {patience:.0f} seconds")
