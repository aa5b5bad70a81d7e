"""Faults on order: latency, error answers, dropped connections, broken bodies. Around the whole application.

Only the control routes (`/_sandbox/…`) are never disturbed. What each kind does is in `KINDS`.
"""

import asyncio
import itertools
import json
import re
from collections.abc import Callable, Coroutine
from dataclasses import asdict, dataclass, field
from typing import Any

from starlette.types import ASGIApp, Message, Receive, Scope, Send

KINDS = {
    "latency": "wait `seconds`, then go on as usual",
    "status": "answer with `status` (and `retry_after`) without acting",
    "status_after": "act, then answer with `status` (and `retry_after`) all the same, as a proxy in between does",
    "late": "act `seconds` later, whether or not anybody still waits, and give no answer",
    "drop_before": "close the connection without acting and without an answer",
    "drop_after": "act, then close the connection without an answer",
    "not_json": "act, but answer with an HTML page",
    "huge": "act, but answer with 64 MB",
    "slow_drip": "act, then send the answer byte by byte, one every `seconds`",
    "truncated": "act, then close the connection in the middle of the answer",
}
HUGE_CHUNK, HUGE_CHUNKS = b" " * 65536, 1024
SAID = {
    401: "The access token is invalid",
    403: "This action is not allowed",
    404: "Record not found",
    422: "Validation failed: the sandbox was told to refuse this",
    429: "Too many requests",
}


@dataclass
class Fault:
    """One order. `path` is a prefix, or a regular expression if it begins with ^; `count` None is until deleted.

    The first `skip` matching requests pass. `token` limits it to requests with that access token. `retry_after` is in
    seconds or a literal for the header.
    """

    kind: str
    method: str = ""
    path: str = "/"
    count: int | None = 1
    skip: int = 0
    status: int = 500
    seconds: float = 1.0
    retry_after: float | str | None = None
    token: str | None = None
    id: int = field(default=0)
    hits: int = field(default=0)

    @classmethod
    def read(cls, given: dict[str, Any]) -> "Fault":
        """From the control API's JSON. Raises `ValueError` with a sentence for what makes no sense."""
        unknown = set(given) - (set(cls.__dataclass_fields__) - {"id", "hits"})
        if unknown:
            raise ValueError(f"Unknown: {', '.join(sorted(unknown))}")
        if given.get("kind") not in KINDS:
            raise ValueError(f"kind must be one of {', '.join(KINDS)}")
        fault = cls(**given)
        re.compile(fault.path)
        return fault

    def matches(self, method: str, path: str, token: str) -> bool:
        """Whether a request is meant, not counting how often it was."""
        if self.method and self.method.upper() != method:
            return False
        if self.token and self.token != token:
            return False
        return bool(re.search(self.path, path)) if self.path.startswith("^") else path.startswith(self.path)

    def to_json(self) -> dict[str, Any]:
        """As the control API shows it; `left` is how often it will still strike."""
        return asdict(self) | {"left": self.left}

    @property
    def left(self) -> int | None:
        """How often it will still strike; None without end."""
        return None if self.count is None else max(0, self.count - self.hits)


class Faults:
    """The list of orders, and the ASGI layer that carries them out."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app
        self.orders: list[Fault] = []
        self._ids = itertools.count(1)

    def add(self, fault: Fault) -> Fault:
        """Take an order; orders strike in the sequence they came in, one a request (latency adds to the next)."""
        fault.id = next(self._ids)
        self.orders.append(fault)
        return fault

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """ASGI."""
        if scope["type"] != "http" or not self.orders or scope["path"].startswith("/_sandbox/"):
            await self.app(scope, receive, send)
            return
        for fault in self._due(scope):
            if fault.kind == "latency":
                await asyncio.sleep(fault.seconds)
                continue
            await getattr(self, f"_{fault.kind}")(fault, scope, receive, send)
            return
        await self.app(scope, receive, send)

    def _due(self, scope: Scope) -> list[Fault]:
        headers = dict(scope["headers"])
        token = headers.get(b"authorization", b"").decode("latin-1").removeprefix("Bearer ")
        due: list[Fault] = []
        for fault in self.orders:
            if fault.left == 0 or not fault.matches(scope["method"], scope["path"], token):
                continue
            if fault.skip:
                fault.skip -= 1
                continue
            fault.hits += 1
            due.append(fault)
            if fault.kind != "latency":
                break
        return due

    # --- the kinds ----------------------------------------------------------------------------------------------------

    async def _status(self, fault: Fault, scope: Scope, receive: Receive, send: Send) -> None:
        headers = [(b"content-type", b"application/json; charset=utf-8")]
        if fault.retry_after is not None:
            headers.append((b"retry-after", str(fault.retry_after).encode()))
        body = json.dumps({"error": SAID.get(fault.status, "Something went wrong (a fault on order)")})
        await _answer(send, fault.status, headers, body.encode())

    async def _status_after(self, fault: Fault, scope: Scope, receive: Receive, send: Send) -> None:
        await _collect(self.app, scope, receive)
        await self._status(fault, scope, receive, send)

    async def _late(self, fault: Fault, scope: Scope, receive: Receive, send: Send) -> None:
        body, more = bytearray(), True
        while more:
            message = await receive()
            body.extend(message.get("body", b""))
            more = message.get("more_body", False)

        async def kept() -> Message:
            return {"type": "http.request", "body": bytes(body), "more_body": False}

        await asyncio.sleep(fault.seconds)
        await _collect(self.app, scope, kept)
        await _hang_up(scope)

    async def _drop_before(self, fault: Fault, scope: Scope, receive: Receive, send: Send) -> None:
        await _hang_up(scope)

    async def _drop_after(self, fault: Fault, scope: Scope, receive: Receive, send: Send) -> None:
        await _collect(self.app, scope, receive)
        await _hang_up(scope)

    async def _not_json(self, fault: Fault, scope: Scope, receive: Receive, send: Send) -> None:
        status, _, _ = await _collect(self.app, scope, receive)
        page = b"<!DOCTYPE html><title>Sandbox</title><p>Down for maintenance (a fault on order)."
        await _answer(send, status, [(b"content-type", b"text/html; charset=utf-8")], page)

    async def _huge(self, fault: Fault, scope: Scope, receive: Receive, send: Send) -> None:
        status, _, _ = await _collect(self.app, scope, receive)
        await send(_start(status, [(b"content-type", b"application/json; charset=utf-8")]))
        for _ in range(HUGE_CHUNKS):
            await send({"type": "http.response.body", "body": HUGE_CHUNK, "more_body": True})
            await asyncio.sleep(0)
        await send({"type": "http.response.body", "body": b"[]"})

    async def _slow_drip(self, fault: Fault, scope: Scope, receive: Receive, send: Send) -> None:
        status, headers, body = await _collect(self.app, scope, receive)
        await send(_start(status, headers))
        gone = _gone(receive)
        for position in range(len(body)):
            await send({"type": "http.response.body", "body": body[position : position + 1], "more_body": True})
            done, _ = await asyncio.wait({gone}, timeout=fault.seconds)
            if done:
                return
        gone.cancel()
        await send({"type": "http.response.body", "body": b""})

    async def _truncated(self, fault: Fault, scope: Scope, receive: Receive, send: Send) -> None:
        status, headers, body = await _collect(self.app, scope, receive)
        await send(_start(status, headers))
        await send({"type": "http.response.body", "body": body[: len(body) // 2], "more_body": True})
        await asyncio.sleep(0.05)  # let the half leave before the line is cut
        await _hang_up(scope)


def _start(status: int, headers: list[tuple[bytes, bytes]]) -> Message:
    return {"type": "http.response.start", "status": status, "headers": headers}


async def _answer(send: Send, status: int, headers: list[tuple[bytes, bytes]], body: bytes) -> None:
    await send(_start(status, [*headers, (b"content-length", str(len(body)).encode())]))
    await send({"type": "http.response.body", "body": body})


async def _collect(app: ASGIApp, scope: Scope, receive: Receive) -> tuple[int, list[tuple[bytes, bytes]], bytes]:
    """Let the application act and keep its answer."""
    status, headers, body = 500, [], bytearray()

    async def keep(message: Message) -> None:
        nonlocal status, headers
        if message["type"] == "http.response.start":
            status, headers = message["status"], list(message.get("headers", []))
        else:
            body.extend(message.get("body", b""))

    await app(scope, receive, keep)
    return status, headers, bytes(body)


def _gone(receive: Receive) -> "asyncio.Task[None]":
    async def wait() -> None:
        while (await receive())["type"] != "http.disconnect":
            pass

    return asyncio.create_task(wait())


async def _hang_up(scope: Scope) -> None:
    """Close the TCP connection under the server's feet; `serve.py` puts the transport into the scope."""
    hang_up: Callable[[], Coroutine[Any, Any, None]] = scope["state"]["hang_up"]
    await hang_up()
