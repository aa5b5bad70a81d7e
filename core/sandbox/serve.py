"""Starts and stops the sandbox: `running_sandbox` in a thread for tests, `serve` as a process of its own.

`python -m core.sandbox --help` does the same from a shell. Listens on loopback only.
"""

import asyncio
import contextlib
import logging
import os
import secrets
import signal
import socket
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from types import FrameType
from typing import Any

import uvicorn
from uvicorn.protocols.http.auto import AutoHTTPProtocol

from core.sandbox.app import build
from core.sandbox.call import Box
from core.sandbox.history import found
from core.sandbox.network import Network
from core.sandbox.plan import CHANNELS
from core.sandbox.store import Store

log = logging.getLogger("sandbox")

HOST = "127.0.0.1"
DEFAULT_SEED = 20_240


class _Protocol(AutoHTTPProtocol):  # type: ignore[misc, valid-type]
    """uvicorn's own, which lets the faults close the connection it serves."""

    def connection_made(self, transport: asyncio.Transport) -> None:
        super().connection_made(transport)

        async def hang_up() -> None:
            transport.close()
            await asyncio.sleep(0.01)  # until the protocol has heard of it and expects no answer any more

        self.app_state: dict[str, Any] = {**self.app_state, "hang_up": hang_up}


class _Server(uvicorn.Server):
    """Stops cleanly on SIGTERM and SIGINT (uvicorn would die of the same signal once more), or with its parent."""

    def __init__(self, config: uvicorn.Config, parent_pid: int | None = None) -> None:
        super().__init__(config)
        self.parent_pid = parent_pid
        self._loop: asyncio.AbstractEventLoop | None = None
        self._stopped = asyncio.Event()

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        if threading.current_thread() is not threading.main_thread():
            yield
            return
        old = {s: signal.signal(s, self.handle_exit) for s in (signal.SIGTERM, signal.SIGINT)}
        try:
            yield
        finally:
            for number, handler in old.items():
                signal.signal(number, handler)

    async def main_loop(self) -> None:
        """One tick a second, not ten: a server at rest sleeps. Ends at once on `stop`."""
        self._loop, self._stopped = asyncio.get_running_loop(), asyncio.Event()
        while not await self.on_tick(0):
            if self.parent_pid is not None and not _alive(self.parent_pid):
                log.info("parent %s is gone, stopping", self.parent_pid)
                return
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._stopped.wait(), 1.0)

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        super().handle_exit(sig, frame)
        self.stop()

    def stop(self) -> None:
        """Shut down now. From any thread or signal handler."""
        self.should_exit = True
        if self._loop is not None:
            self._loop.call_soon_threadsafe(self._stopped.set)


def _alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


@dataclass
class Sandbox:
    """A running sandbox. `tokens` are access tokens by handle; `network` is its state, safe from any thread."""

    url: str
    admin_token: str
    network: Network
    box: Box
    tokens: dict[str, str] = field(default_factory=lambda: {c.handle: c.token for c in CHANNELS})

    @property
    def admin(self) -> dict[str, str]:
        """Headers for `/_sandbox/…`."""
        return {"Authorization": f"Bearer {self.admin_token}"}

    def auth(self, handle: str) -> dict[str, str]:
        """Headers for the Mastodon API as one of the channels."""
        return {"Authorization": f"Bearer {self.tokens[handle]}"}


def _listen(port: int) -> socket.socket:
    # With the protocol named, or asyncio leaves Nagle's algorithm on and every answer waits 40 ms.
    sock = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        sock.bind((HOST, port))
    except OSError:
        sock.close()
        raise
    return sock


def _prepare(
    path: str | Path | None,
    base: str,
    admin_token: str,
    *,
    quiet: bool,
    seed: int,
    with_history: bool,
    seconds: Callable[[], float],
) -> Box:
    if path is not None:
        Path(path).parent.mkdir(parents=True, exist_ok=True)
    network = Network(Store(str(path) if path is not None else None), seconds, life=not quiet)
    found(network, seed, with_history)
    return Box(network, base, admin_token, live=not quiet)


def _server(box: Box, parent_pid: int | None = None) -> _Server:
    config = uvicorn.Config(
        build(box),
        http=_Protocol,
        ws="none",
        loop="asyncio",
        lifespan="on",
        log_config=None,
        access_log=False,
        proxy_headers=False,
        server_header=False,
        timeout_graceful_shutdown=2,
    )
    return _Server(config, parent_pid)


@contextlib.contextmanager
def running_sandbox(
    *,
    quiet: bool = True,
    history: bool = False,
    seed: int = DEFAULT_SEED,
    path: str | Path | None = None,
    port: int = 0,
    speed: float | None = None,
    seconds: Callable[[], float] = time.time,
) -> Iterator[Sandbox]:
    """A sandbox in a thread of this process, gone at the end of the block.

    `quiet`: nobody writes by themselves and new posts gain no likes, so counts are exact. `history`: with half a year
    of it. `path` None keeps the state in memory; `port` 0 takes a free one; `seconds` is the clock.
    """
    admin_token = secrets.token_urlsafe(16)
    sock = _listen(port)
    url = f"http://{HOST}:{sock.getsockname()[1]}"
    box = _prepare(path, url, admin_token, quiet=quiet, seed=seed, with_history=history, seconds=seconds)
    if speed is not None:
        box.network.clock.speed = speed
    server = _server(box)
    thread = threading.Thread(target=server.run, kwargs={"sockets": [sock]}, name="sandbox", daemon=True)
    thread.start()
    try:
        while not server.started:
            if not thread.is_alive():
                raise RuntimeError("The sandbox did not start; its log says why.")
            time.sleep(0.005)
        yield Sandbox(url, admin_token, box.network, box)
    finally:
        server.stop()
        thread.join(10)
        box.network.close()


def serve(
    path: str | Path,
    port: int,
    admin_token: str,
    parent_pid: int | None = None,
    *,
    quiet: bool = False,
    history: bool = True,
    seed: int = DEFAULT_SEED,
) -> None:
    """Run until SIGTERM, SIGINT, or until the process `parent_pid` is gone. Blocks. Call it in the main thread.

    Raises `OSError` if the port is taken. The first start writes the history into `path`.
    """
    sock = _listen(port)
    url = f"http://{HOST}:{sock.getsockname()[1]}"
    box = _prepare(path, url, admin_token, quiet=quiet, seed=seed, with_history=history, seconds=time.time)
    log.info("sandbox listens on %s", url)
    try:
        _server(box, parent_pid).run(sockets=[sock])
    finally:
        box.network.close()
