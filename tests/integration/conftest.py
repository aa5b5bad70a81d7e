"""Real servers that are not ours, started for the tests and torn down after them.

`bluesky_network` is a whole Bluesky network (PLC, PDS, AppView) out of the npm package @atproto/dev-env. Where node or
PostgreSQL is missing the tests are skipped with a sentence; with HUB_REQUIRE_REAL_NETWORK=1 (CI) they fail instead.
"""

import json
import os
import pwd
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn

import pytest

from tests.hub_process import free_port
from tests.integration import packages
from tests.integration.packages import BLUESKY

STARTS_WITHIN = 120.0  # seconds, on a busy machine


@dataclass(frozen=True)
class BlueskyAccount:
    """A person on the test network."""

    handle: str
    did: str
    app_password: str


@dataclass(frozen=True)
class BlueskyNetwork:
    """Where the test network listens (`http://localhost:port`) and who is on it: alice, bob and carla."""

    pds: str
    appview: str
    plc: str
    accounts: Mapping[str, BlueskyAccount]

    @property
    def allowed_hosts(self) -> frozenset[str]:
        """What a connector must be allowed (`HUB_ALLOWED_PRIVATE_HOSTS`) to talk to it."""
        return frozenset({"localhost", "127.0.0.1"})


def _cannot(why: str) -> NoReturn:
    sentence = f"The real Bluesky network can't be started: {why}"
    if os.environ.get("HUB_REQUIRE_REAL_NETWORK") == "1":
        pytest.fail(sentence, pytrace=False)
    pytest.skip(sentence)


def _postgres_program(name: str) -> str:
    """A PostgreSQL server program: in PATH, or where Debian and Homebrew keep it out of it."""
    places = [*Path("/usr/lib/postgresql").glob("*/bin"), *Path("/opt/homebrew/opt").glob("postgresql*/bin")]
    newest_first = sorted(places, key=lambda place: [int(part) for part in _digits(str(place))], reverse=True)
    found = shutil.which(name) or shutil.which(name, path=os.pathsep.join(map(str, newest_first)))
    return found or _cannot(f"PostgreSQL ({name}) is not installed.")


def _digits(text: str) -> list[str]:
    return "".join(c if c.isdigit() else " " for c in text).split()


def _as_nobody_special(command: list[str]) -> list[str]:
    """PostgreSQL refuses to run as root: then it runs as the `postgres` user that its package made."""
    if os.geteuid() != 0:
        return command
    runuser = shutil.which("runuser")
    if not runuser or not any(entry.pw_name == "postgres" for entry in pwd.getpwall()):
        _cannot("PostgreSQL does not run as root, and there is no runuser or no user postgres to change that.")
    return [runuser, "-u", "postgres", "--", *command]


def _run(command: list[str], what: str, folder: str) -> None:
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        tail = (done.stderr or done.stdout).strip()[-1500:]
        pytest.fail(f"{what} failed ({done.returncode}):\n{tail}", pytrace=False)


def free_ports(count: int) -> list[int]:
    """Ports on loopback that nobody listens on, all different."""
    found: set[int] = set()
    while len(found) < count:
        found.add(free_port())
    return list(found)


@contextmanager
def postgres() -> Iterator[str]:
    """A throw-away PostgreSQL on loopback: the address of its empty database."""
    initdb, pg_ctl = _postgres_program("initdb"), _postgres_program("pg_ctl")
    with tempfile.TemporaryDirectory(prefix="hub-pg-") as folder:
        if os.geteuid() == 0:
            shutil.chown(folder, "postgres")
        data, (port,) = f"{folder}/data", free_ports(1)
        making = [initdb, "-D", data, "-A", "trust", "-U", "hub", "-E", "UTF8", "--locale=C", "--no-sync"]
        _run(_as_nobody_special(making), "initdb", folder)
        options = (
            f"-p {port} -c listen_addresses=127.0.0.1 -c unix_socket_directories= -c fsync=off -c shared_buffers=32MB"
        )
        # Its output goes to a file: inherited pipes would keep `_run` waiting for the server to end.
        start = [pg_ctl, "-D", data, "-o", options, "-l", f"{folder}/log", "-w", "-s", "start"]
        subprocess.run(
            _as_nobody_special(start), cwd=folder, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        try:
            yield f"postgresql://hub@127.0.0.1:{port}/postgres"
        finally:
            stop = [pg_ctl, "-D", data, "-m", "immediate", "-w", "-s", "stop"]
            _run(_as_nobody_special(stop), "stopping PostgreSQL", folder)


@contextmanager
def start_bluesky(**environment: str) -> Iterator[BlueskyNetwork]:
    """A Bluesky network of one's own, with settings of `network.mjs` (`RATE_LIMITS="1"`)."""
    node = shutil.which("node") or _cannot("node (20 or newer) is not installed.")
    with ExitStack() as stack:
        database = stack.enter_context(postgres())
        if trouble := packages.install():
            _cannot(trouble)
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="hub-bluesky-")))
        out, log = folder / "network.json", stack.enter_context((folder / "log").open("w+"))
        ports = dict(zip(("PLC_PORT", "PDS_PORT", "BSKY_PORT", "OZONE_PORT"), map(str, free_ports(4)), strict=True))
        passed_on = {name: value for name, value in os.environ.items() if not name.lower().endswith("_proxy")}
        process = subprocess.Popen(
            [node, "network.mjs"],
            cwd=BLUESKY,
            stdin=subprocess.PIPE,  # closes when we end, however that happens: the network then ends too
            stdout=log,
            stderr=subprocess.STDOUT,
            env={
                **passed_on,
                **ports,
                "DB_POSTGRES_URL": database,
                "REDIS_HOST": "127.0.0.1:1",
                "NODE_ENV": "test",
                "LOG_ENABLED": "false",
                "TMPDIR": str(folder),
                "OUT": str(out),
                **environment,
            },
        )
        stack.callback(_end, process)
        _wait(process, out, folder / "log")
        yield _network(json.loads(out.read_text()))


def _wait(process: "subprocess.Popen[bytes]", out: Path, log: Path) -> None:
    deadline = time.monotonic() + STARTS_WITHIN
    while not out.exists():
        if process.poll() is not None or time.monotonic() > deadline:
            pytest.fail(f"The Bluesky network did not start:\n{log.read_text()[-3000:]}", pytrace=False)
        time.sleep(0.1)


def _end(process: "subprocess.Popen[bytes]") -> None:
    process.terminate()
    try:
        process.wait(timeout=10)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
    if process.stdin:
        process.stdin.close()


def _network(told: dict) -> BlueskyNetwork:
    accounts = {
        name: BlueskyAccount(given["handle"], given["did"], given["appPassword"])
        for name, given in told["accounts"].items()
    }
    return BlueskyNetwork(told["pds"], told["appview"], told["plc"], accounts)


@pytest.fixture(scope="session")
def bluesky_network() -> Iterator[BlueskyNetwork]:
    """A real Bluesky network for the whole test session."""
    with start_bluesky() as network:
        yield network
