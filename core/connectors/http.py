"""The only door to the outside: one HTTP client for every connector.

Here is decided what a network's answer means (the table in ARCHITECTURE.md), where requests may go (no private
address that isn't allowed, checked on the address really connected to), and how much of an answer is read.
"""

import email.utils
import json
import logging
import socket
import ssl
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from functools import lru_cache
from typing import Any, BinaryIO
from urllib.parse import urlsplit

import httpcore
import httpx

from core.connectors.addresses import REFUSED, is_allowed, is_public
from core.errors import (
    NeedsReauth,
    NetworkError,
    OutcomeUnknown,
    RateLimited,
    Rejected,
    RemoteGone,
    RetryLater,
)

log = logging.getLogger("hub.http")

USER_AGENT = "SocialHub/0.1"
MAX_ANSWER_BYTES = 16 * 1024 * 1024
MAX_SECONDS = 60.0  # for one answer as a whole, however slowly it drips
TIMEOUT = httpx.Timeout(15.0, connect=8.0)
PATIENT = httpx.Timeout(60.0, connect=8.0)  # where a server has a large upload to look at before it answers
SLOWEST, MOST_SECONDS = 400_000, 300.0  # bytes a second of a large upload; seconds in all
HOPS = 4  # requests for one page of somebody else's, redirects included
DEFAULT_PAUSE = timedelta(seconds=60)  # after a 429 that doesn't say how long
NOT_SENT = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout, httpx.UnsupportedProtocol)

Params = Mapping[str, Any] | list[tuple[str, Any]]


class RefusedAddress(httpx.ConnectError):
    """The host's address is private and not in the allowed list."""


class _GuardedBackend(httpcore.SyncBackend):
    """Connects only to public addresses, and to allowed hosts. Checked after the name is looked up: no rebinding."""

    def __init__(self, allowed: frozenset[str]) -> None:
        self.allowed = allowed

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore.NetworkStream:
        try:
            found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
        except (socket.gaierror, UnicodeError) as error:
            raise httpcore.ConnectError(f"The name {host} can't be found.") from error
        addresses = [info[4][0] for info in found]
        if not is_allowed(host, port, self.allowed):
            addresses = [a for a in addresses if is_public(str(a))]
            if not addresses:
                raise httpcore.ConnectError(REFUSED.format(host=host))
        last: Exception = httpcore.ConnectError(f"{host} has no address.")
        for address in addresses:
            try:
                return super().connect_tcp(str(address), port, timeout, local_address, socket_options)
            except (httpcore.ConnectError, httpcore.ConnectTimeout) as error:
                last = error
        raise last


@lru_cache(maxsize=1)
def _tls() -> ssl.SSLContext:
    """Reading the certificates takes longer than most requests: once a process."""
    return httpx.create_ssl_context()


def _transport(allowed: frozenset[str], keep_alive: bool) -> httpx.HTTPTransport:
    transport = httpx.HTTPTransport(verify=_tls())
    transport._pool = httpcore.ConnectionPool(
        ssl_context=_tls(),
        max_connections=10,
        max_keepalive_connections=5 if keep_alive else 0,
        keepalive_expiry=30.0,
        network_backend=_GuardedBackend(allowed),
    )
    return transport


class Answer:
    """A 2xx answer, read whole. `json` raises `RetryLater` or, after a write, `OutcomeUnknown` if it isn't JSON."""

    def __init__(self, status: int, headers: httpx.Headers, body: bytes, write: bool) -> None:
        self.status = status
        self.headers = headers
        self.body = body
        self._write = write

    def json(self) -> Any:
        """The body as JSON values (dict, list, …), not yet checked for its shape."""
        try:
            return json.loads(self.body)
        except ValueError as error:
            raise _broken(self._write, "The server's answer was not JSON.") from error


class Fault(StrEnum):
    """Why a page could not be looked at."""

    NAME = "name"  # nobody has that name
    PRIVATE = "private"  # it is on a network that the hub doesn't look around in
    SLOW = "slow"
    LOOP = "loop"  # one redirect after another
    BROKEN = "broken"


@dataclass(frozen=True)
class Look:
    """What came of asking for a page. `status` 0: no answer, for the reason `fault`. `url`: after redirects."""

    status: int
    url: str
    answer: Answer | None = None
    fault: Fault | None = None


def _why_not_seen(error: Exception) -> Fault:
    text = str(error)
    if "HUB_ALLOWED_PRIVATE_HOSTS" in text:
        return Fault.PRIVATE
    if "can't be found" in text or isinstance(error, (httpx.InvalidURL, httpx.UnsupportedProtocol, ValueError)):
        return Fault.NAME
    return Fault.SLOW if isinstance(error, httpx.TimeoutException) else Fault.BROKEN


def _broken(write: bool, message: str) -> NetworkError:
    return OutcomeUnknown(message) if write else RetryLater(message)


class Http:
    """A client for one channel. Reads keep their connection, writes always take a fresh one.

    A write on a kept connection that the server has closed silently could not be told from one that arrived.
    """

    def __init__(
        self,
        base_url: str,
        headers: Mapping[str, str] | None = None,
        allowed_hosts: frozenset[str] = frozenset(),
        transport: httpx.BaseTransport | None = None,
    ) -> None:
        """`transport` is for tests (`httpx.MockTransport`)."""
        scheme = urlsplit(base_url).scheme
        if scheme not in ("http", "https"):
            raise Rejected(
                f"{base_url} is no web address. It must begin with https:// (or http:// on your own network)."
            )
        common = {"User-Agent": USER_AGENT, "Accept": "application/json", **(headers or {})}
        self._reads, self._writes = (
            httpx.Client(
                base_url=base_url,
                headers=common,
                timeout=TIMEOUT,
                follow_redirects=False,
                trust_env=False,  # a proxy from the environment would go round the address guard
                transport=transport or _transport(allowed_hosts, keep_alive),
            )
            for keep_alive in (True, False)
        )

    def close(self) -> None:
        """Close every connection."""
        self._reads.close()
        self._writes.close()

    def get(self, path: str, params: Params | None = None, headers: Mapping[str, str] | None = None) -> Answer:
        """Read. A connection that broke under a read is tried once more."""
        try:
            return self._send(self._reads, False, "GET", path, params=params, headers=headers)
        except _StaleConnection:
            return self._send(self._reads, False, "GET", path, params=params, headers=headers, last_try=True)

    def page(self, url: str, limit: int, seconds: float = 5.0) -> Answer | None:
        """Somebody's public page or picture: up to `HOPS` redirects, the first `limit` bytes, within `seconds`.

        None where it can't be had, whatever the reason. For clients without secrets in their headers only.
        """
        return self.look(url, limit, seconds).answer

    def look(self, url: str, limit: int, seconds: float = 5.0, headers: Mapping[str, str] | None = None) -> Look:
        """As `page`, and what came of it. Never raises."""
        asked = {"Accept": "*/*", **(headers or {})}
        deadline = time.monotonic() + seconds
        for _ in range(HOPS):
            try:
                with self._reads.stream("GET", url, timeout=seconds, headers=asked) as response:
                    if response.next_request is None:
                        answer = _first_bytes(response, limit, deadline) if response.is_success else None
                        return Look(response.status_code, url, answer)
                    url = str(response.next_request.url)
            except (httpx.HTTPError, httpx.InvalidURL, OSError, ValueError) as error:
                return Look(0, url, fault=_why_not_seen(error))
            if time.monotonic() > deadline:
                return Look(0, url, fault=Fault.SLOW)
        return Look(0, url, fault=Fault.LOOP)

    def write(
        self,
        method: str,
        path: str,
        *,
        repeatable: bool = False,
        json: Any = None,
        data: Mapping[str, Any] | None = None,
        files: Any = None,
        content: bytes | BinaryIO | None = None,
        headers: Mapping[str, str] | None = None,
        params: Params | None = None,
        seconds: float = MAX_SECONDS,
    ) -> Answer:
        """Change something. `repeatable`: twice does no harm (an upload, a token), so a fault means RetryLater.

        `seconds`: for the whole of it; a large upload needs more, and its server more time until it answers.
        """
        return self._send(
            self._writes,
            not repeatable,
            method,
            path,
            json=json,
            data=data,
            files=files,
            content=content,
            headers=headers,
            params=params,
            last_try=True,
            seconds=seconds,
            timeout=None if seconds <= MAX_SECONDS else PATIENT,
        )

    def _send(
        self,
        client: httpx.Client,
        write: bool,
        method: str,
        path: str,
        last_try: bool = False,
        seconds: float = MAX_SECONDS,
        **options: Any,
    ) -> Answer:
        given = {key: value for key, value in options.items() if value is not None}
        deadline = time.monotonic() + seconds
        try:
            with client.stream(method, path, **given) as response:
                body = _read_body(response, deadline, write)
                status, headers = response.status_code, response.headers
        except NOT_SENT as error:
            raise RetryLater(_why_not_sent(error)) from error
        except (httpx.RemoteProtocolError, httpx.ReadError, httpx.WriteError) as error:
            if not last_try:
                raise _StaleConnection from error
            raise _broken(write, "The server closed the connection without a whole answer.") from error
        except httpx.TimeoutException as error:
            raise _broken(write, "The server did not answer in time.") from error
        except (httpx.HTTPError, OSError, httpx.InvalidURL) as error:
            raise _broken(write, f"The connection broke ({type(error).__name__}).") from error
        log.debug("%s %s %s", method, path.split("?", maxsplit=1)[0], status)
        if 200 <= status < 300:
            return Answer(status, headers, body, write)
        fault = _meaning(status, headers, body, write)
        fault.code, fault.status = explanation(body)[0], status
        raise fault


class _StaleConnection(Exception):
    pass


def _read_body(response: httpx.Response, deadline: float, write: bool) -> bytes:
    body = bytearray()
    for piece in response.iter_bytes():
        body += piece
        if len(body) > MAX_ANSWER_BYTES:
            raise _broken(write, "The server's answer was far too large and was not read.")
        if time.monotonic() > deadline:
            raise _broken(write, "The server's answer took too long.")
    return bytes(body)


def _first_bytes(response: httpx.Response, limit: int, deadline: float) -> Answer:
    body = bytearray()
    for piece in response.iter_bytes():
        body += piece
        if len(body) >= limit or time.monotonic() > deadline:
            break
    return Answer(response.status_code, response.headers, bytes(body[:limit]), write=False)


def _why_not_sent(error: Exception) -> str:
    text = str(error)
    if "HUB_ALLOWED_PRIVATE_HOSTS" in text or "can't be found" in text:
        return text
    return "The server can't be reached. Check the address, or try again later."


def _meaning(status: int, headers: httpx.Headers, body: bytes, write: bool) -> NetworkError:
    """The one table: what a status that isn't 2xx means."""
    code, said = explanation(body)
    if status == 429:
        return RateLimited("The network asks for a pause (rate limit).", pause_until(headers))
    if status == 401 or (status == 400 and code in {"ExpiredToken", "InvalidToken"}):
        return NeedsReauth(said or "The network no longer accepts our sign-in. Reconnect the channel.")
    if status == 403 and "scope" in said.lower():
        return NeedsReauth(f"The network says a permission is missing: {said}")
    if status in (404, 410):
        return RemoteGone(said or "The network says that this is gone.")
    if status in (408, 425) or status >= 500:
        return _broken(write, f"The server has a fault of its own ({status}).")
    if 300 <= status < 400:
        return Rejected(f"The server redirects elsewhere ({headers.get('location', 'no address')}). Use that address.")
    return Rejected(said or f"The network refused this ({status}).")


def explanation(body: bytes) -> tuple[str, str]:
    """(error code, sentence) out of an error's body; both empty if it has none. HTML pages say nothing to people."""
    try:
        told = json.loads(body)
    except ValueError:
        return "", ""
    if not isinstance(told, dict):
        return "", ""
    code = str(told.get("error") or "")
    said = told.get("error_description") or told.get("message") or told.get("error") or ""
    return code, str(said)[:500]


def upload_seconds(size: int) -> float:
    """How long an upload of so many bytes may take: well within the ten minutes that a claim is kept for."""
    return min(MAX_SECONDS + size / SLOWEST, MOST_SECONDS)


def pause_until(headers: Mapping[str, str], now: datetime | None = None) -> datetime:
    """When a 429 ends: Retry-After (seconds or date), else a reset header (epoch, span or ISO time), else a minute."""
    now = now or datetime.now(UTC)
    latest = now + timedelta(hours=24)
    for name in ("retry-after", "x-ratelimit-reset", "ratelimit-reset"):
        value = headers.get(name, "").strip()
        until = _moment(value, now) if value else None
        if until is not None:
            return min(max(until, now + timedelta(seconds=1)), latest)
    return now + DEFAULT_PAUSE


def _moment(value: str, now: datetime) -> datetime | None:
    """None for what is no time, and for what lies outside all calendars."""
    try:
        number = float(value)
    except ValueError:
        number = None
    try:
        if number is not None:
            # Small numbers are a span, large ones an epoch (2001 and later).
            return datetime.fromtimestamp(number, UTC) if number > 1e9 else now + timedelta(seconds=max(number, 0))
        parsed = _written(value)
        return parsed.astimezone(UTC) if parsed.tzinfo else parsed.replace(tzinfo=UTC)
    except (ValueError, OverflowError, OSError):
        return None


def _written(value: str) -> datetime:
    """An ISO time, or one as HTTP writes it. Raises `ValueError`."""
    try:
        return datetime.fromisoformat(value)
    except ValueError:
        return email.utils.parsedate_to_datetime(value)
