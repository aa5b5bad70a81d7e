"""What a network's answer means, where requests may go, and how much of an answer is read."""

import gzip
import json
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest

from core.connectors import http as door
from core.connectors.http import Http, pause_until
from core.errors import (
    HubError,
    NeedsReauth,
    NetworkError,
    OutcomeUnknown,
    RateLimited,
    Rejected,
    RemoteGone,
    RetryLater,
)

LOOPBACK = frozenset({"127.0.0.1"})
NOW = datetime(2026, 5, 1, 12, 0, tzinfo=UTC)
OK = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{}"


def answering(status: int, body: Any = None, **headers: str) -> Http:
    """A client whose server always answers the same."""
    content = body if isinstance(body, bytes) else json.dumps(body or {}).encode()
    given = {name.replace("_", "-"): value for name, value in headers.items()}
    transport = httpx.MockTransport(lambda _: httpx.Response(status, content=content, headers=given))
    return Http("https://server.example", transport=transport)


def failing(error: type[Exception]) -> Http:
    def fail(request: httpx.Request) -> httpx.Response:
        raise (
            error("secret-token in here") if not issubclass(error, httpx.RequestError) else error("x", request=request)
        )

    return Http("https://server.example", transport=httpx.MockTransport(fail))


# --- the table ------------------------------------------------------------------------------------

TABLE = [
    # status, body, what a read means, what a write means
    (429, {}, RateLimited, RateLimited),
    (401, {"error": "The access token is invalid"}, NeedsReauth, NeedsReauth),
    (400, {"error": "ExpiredToken", "message": "Token has expired"}, NeedsReauth, NeedsReauth),
    (403, {"error": "This action is outside the authorized scopes"}, NeedsReauth, NeedsReauth),
    (403, {"error": "This action is not allowed"}, Rejected, Rejected),
    (404, {"error": "Record not found"}, RemoteGone, RemoteGone),
    (410, {}, RemoteGone, RemoteGone),
    (400, {"error": "bad"}, Rejected, Rejected),
    (422, {"error": "Validation failed: Text is too long"}, Rejected, Rejected),
    (413, b"<html>", Rejected, Rejected),
    (301, b"", Rejected, Rejected),
    (408, {}, RetryLater, OutcomeUnknown),
    (500, {}, RetryLater, OutcomeUnknown),
    (502, b"<html>Bad gateway</html>", RetryLater, OutcomeUnknown),
    (503, {}, RetryLater, OutcomeUnknown),
]


@pytest.mark.parametrize(("status", "body", "read", "write"), TABLE)
def test_what_a_status_means(status: int, body: Any, read: type[NetworkError], write: type[NetworkError]):
    with pytest.raises(NetworkError) as told:
        answering(status, body).get("/x")
    assert type(told.value) is read and told.value.status == status
    with pytest.raises(NetworkError) as told:
        answering(status, body).write("POST", "/x")
    assert type(told.value) is write


@pytest.mark.parametrize("status", [500, 502, 503])
def test_a_write_that_may_be_repeated_is_simply_tried_later(status: int):
    with pytest.raises(RetryLater):
        answering(status).write("POST", "/media", repeatable=True)


@pytest.mark.parametrize(
    ("error", "read", "write"),
    [
        (httpx.ConnectError, RetryLater, RetryLater),
        (httpx.ConnectTimeout, RetryLater, RetryLater),
        (httpx.PoolTimeout, RetryLater, RetryLater),
        (httpx.ReadTimeout, RetryLater, OutcomeUnknown),
        (httpx.WriteTimeout, RetryLater, OutcomeUnknown),
        (httpx.ReadError, RetryLater, OutcomeUnknown),
        (httpx.WriteError, RetryLater, OutcomeUnknown),
        (httpx.RemoteProtocolError, RetryLater, OutcomeUnknown),
        (httpx.DecodingError, RetryLater, OutcomeUnknown),
        (ConnectionResetError, RetryLater, OutcomeUnknown),
    ],
)
def test_what_a_broken_connection_means(error: type[Exception], read: type[HubError], write: type[HubError]):
    with pytest.raises(read) as told:
        failing(error).get("/x")
    assert type(told.value) is read
    with pytest.raises(write) as told:
        failing(error).write("POST", "/x")
    assert type(told.value) is write
    assert "secret" not in str(told.value)


def test_an_answer_that_is_no_json_leaves_a_write_in_doubt():
    with pytest.raises(RetryLater):
        answering(200, b"<html>hello</html>").get("/x").json()
    with pytest.raises(OutcomeUnknown):
        answering(200, b'{"id": "1').write("POST", "/x").json()


def test_the_servers_own_sentence_reaches_people_and_its_pages_do_not():
    with pytest.raises(Rejected, match="Text is too long"):
        answering(422, {"error": "Text is too long"}).get("/x")
    with pytest.raises(Rejected) as told:
        answering(422, b"<html><h1>Oops</h1></html>").get("/x")
    assert "<" not in str(told.value)
    with pytest.raises(Rejected) as told:
        answering(400, {"error": "invalid_grant", "error_description": "The code is used"}).get("/x")
    assert str(told.value) == "The code is used" and told.value.code == "invalid_grant"
    with pytest.raises(Rejected) as told:
        answering(400, {"error": "x" * 100_000}).get("/x")
    assert len(str(told.value)) <= 500


@pytest.mark.parametrize("body", [b"[]", b"null", b'"text"', b'{"error": {"deep": [1]}}', b"\xff\xfe", b""])
def test_odd_error_bodies_are_survived(body: bytes):
    with pytest.raises(Rejected):
        answering(422, body).get("/x")


# --- how long a pause is --------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({"retry-after": "30"}, 30),
        ({"retry-after": "1.5"}, 1.5),
        ({"retry-after": "Fri, 01 May 2026 12:05:00 GMT"}, 300),
        ({"x-ratelimit-reset": "2026-05-01T12:04:00.037659Z"}, 240.037659),
        ({"x-ratelimit-reset": "2026-05-01T14:04:00+02:00"}, 240),
        ({"x-ratelimit-reset": str(int(NOW.timestamp()) + 90)}, 90),
        ({"ratelimit-reset": "45"}, 45),
        ({"retry-after": "20", "x-ratelimit-reset": "2026-05-01T13:00:00Z"}, 20),
        ({"retry-after": "soon", "x-ratelimit-reset": "2026-05-01T12:01:10Z"}, 70),
        ({}, 60),
        ({"retry-after": "soon"}, 60),
        ({"retry-after": "nan"}, 60),
        ({"retry-after": "inf"}, 60),
        ({"retry-after": "1e300"}, 60),
        ({"retry-after": "0"}, 1),
        ({"retry-after": "-5"}, 1),
        ({"x-ratelimit-reset": "2020-01-01T00:00:00Z"}, 1),
        ({"retry-after": "99999999"}, 86400),
        ({"x-ratelimit-reset": "0001-01-01T00:00:00+14:00"}, 60),
    ],
)
def test_how_long_to_pause(headers: dict[str, str], seconds: float):
    assert pause_until(headers, NOW) - NOW == timedelta(seconds=seconds)


def test_a_429_says_until_when():
    before = datetime.now(UTC)
    with pytest.raises(RateLimited) as told:
        answering(429, {}, Retry_After="120").write("POST", "/x")
    assert timedelta(seconds=115) < told.value.until - before < timedelta(seconds=125)


# --- where requests may go ------------------------------------------------------------------------


@contextmanager
def server(handle: Callable[[socket.socket, int], None]) -> Iterator[str]:
    """A server of bare sockets: `handle(connection, number)` for each connection, which is closed afterwards."""
    listening = socket.create_server(("127.0.0.1", 0))

    def serve(connection: socket.socket, number: int) -> None:
        with connection, suppress(OSError):
            handle(connection, number)

    def accept() -> None:
        number = 0
        while True:
            try:
                connection, _ = listening.accept()
            except OSError:
                return
            threading.Thread(target=serve, args=(connection, number), daemon=True).start()
            number += 1

    threading.Thread(target=accept, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{listening.getsockname()[1]}"
    finally:
        listening.shutdown(socket.SHUT_RDWR)
        listening.close()


@contextmanager
def client(url: str, **options: Any) -> Iterator[Http]:
    made = Http(url, allowed_hosts=LOOPBACK, **options)
    try:
        yield made
    finally:
        made.close()


def request_of(connection: socket.socket) -> bytes:
    """One request, head and body."""
    data = b""
    while b"\r\n\r\n" not in data:
        piece = connection.recv(65536)
        if not piece:
            return data
        data += piece
    return data


PRIVATE = "127.0.0.1 localhost [::1] 0.0.0.0 10.0.0.1 192.168.1.1 169.254.169.254 [::ffff:127.0.0.1]"


@pytest.mark.parametrize("host", PRIVATE.split())
def test_private_addresses_are_not_contacted(host: str):
    reached = []
    with server(lambda connection, _: reached.append(connection)) as url:
        port = url.rpartition(":")[2]
        made = Http(f"http://{host}:{port}")
        with pytest.raises(RetryLater, match="HUB_ALLOWED_PRIVATE_HOSTS"):
            made.get("/")
        with pytest.raises(RetryLater):
            made.write("POST", "/", repeatable=False)
        assert made.page(f"http://{host}:{port}/", 100) is None
        made.close()
    assert not reached


def test_a_name_that_leads_to_a_private_address_is_not_contacted(monkeypatch: pytest.MonkeyPatch):
    private = [(socket.AF_INET, socket.SOCK_STREAM, 6, "", ("127.0.0.1", 80))]
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: private)
    with pytest.raises(RetryLater, match="private network"):
        Http("http://innocent.example").get("/")


@pytest.mark.parametrize("allowed", ["127.0.0.1", "127.0.0.1:{port}"])
def test_an_allowed_host_is_contacted(allowed: str):
    def ok(connection: socket.socket, _: int) -> None:
        request_of(connection)
        connection.sendall(OK)

    with server(ok) as url:
        port = url.rpartition(":")[2]
        made = Http(url, allowed_hosts=frozenset({allowed.format(port=port)}))
        assert made.get("/").json() == {}
        made.close()


def test_another_port_of_an_allowed_host_is_not():
    made = Http("http://127.0.0.1:9", allowed_hosts=frozenset({"127.0.0.1:8591"}))
    with pytest.raises(RetryLater, match="private network"):
        made.get("/")


def test_redirects_are_not_followed_with_our_secrets():
    with pytest.raises(Rejected, match="elsewhere"):
        answering(302, b"", Location="http://169.254.169.254/").get("/x")


@pytest.mark.parametrize("address", ["ftp://x.example", "file:///etc/passwd", "x.example", ""])
def test_only_web_addresses(address: str):
    with pytest.raises(Rejected, match="web address"):
        Http(address)


def test_a_name_nobody_has_is_said_so(monkeypatch: pytest.MonkeyPatch):
    def unknown(*_: Any, **__: Any) -> None:
        raise socket.gaierror(-2, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", unknown)
    with pytest.raises(RetryLater, match=r"no-such-host\.example can't be found"):
        Http("https://no-such-host.example").write("POST", "/")


# --- how much is read, and how long ---------------------------------------------------------------


def test_a_huge_answer_is_not_read(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(door, "MAX_ANSWER_BYTES", 10_000)
    with pytest.raises(RetryLater, match="too large"):
        answering(200, b"x" * 10_001).get("/x")
    with pytest.raises(OutcomeUnknown):
        answering(200, b"x" * 10_001).write("POST", "/x")
    bomb = gzip.compress(b"x" * 5_000_000)
    with pytest.raises(RetryLater, match="too large"):
        answering(200, bomb, Content_Encoding="gzip").get("/x")


def test_a_dripping_answer_comes_to_an_end(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(door, "MAX_SECONDS", 0.3)

    def drip(connection: socket.socket, _: int) -> None:
        request_of(connection)
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n")
        while True:
            connection.sendall(b" ")
            time.sleep(0.02)

    with server(drip) as url, client(url) as made:
        with pytest.raises(RetryLater, match="too long"):
            made.get("/")
        with pytest.raises(OutcomeUnknown, match="too long"):
            made.write("POST", "/", json={})


def test_a_server_that_says_nothing_is_given_up_on(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(door, "TIMEOUT", httpx.Timeout(0.2))
    done = threading.Event()
    with server(lambda *_: done.wait(5) and None) as url, client(url) as made:
        with pytest.raises(RetryLater, match="in time"):
            made.get("/")
        with pytest.raises(OutcomeUnknown, match="in time"):
            made.write("POST", "/", json={})
        done.set()


# --- connections that are no longer ---------------------------------------------------------------


@pytest.mark.parametrize("rudely", [False, True], ids=["closed", "reset"])
def test_a_read_survives_a_kept_connection_that_was_closed(rudely: bool):
    """As snac does it: the first answer promises to keep the connection, the next request finds it gone."""
    connections = []

    def once(connection: socket.socket, number: int) -> None:
        connections.append(number)
        request_of(connection)
        connection.sendall(OK)
        if rudely:
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\x01\x00\x00\x00\x00\x00\x00\x00")
            request_of(connection)

    with server(once) as url, client(url) as made:
        for _ in range(3):
            assert made.get("/").json() == {}
    assert len(connections) >= 3


def test_a_read_that_breaks_twice_is_put_off_and_asked_no_third_time():
    asked = []

    def silent(connection: socket.socket, number: int) -> None:
        asked.append(request_of(connection))

    with server(silent) as url, client(url) as made, pytest.raises(RetryLater):
        made.get("/")
    assert len(asked) == 2


def test_a_write_is_sent_once_whatever_happens():
    asked = []

    def silent(connection: socket.socket, number: int) -> None:
        asked.append(request_of(connection))

    with server(silent) as url, client(url) as made, pytest.raises(OutcomeUnknown):
        made.write("POST", "/api/v1/statuses", json={"status": "x"})
    assert len(asked) == 1


def test_a_write_takes_a_connection_of_its_own():
    """On a kept one a closed connection could not be told from an answer that got lost."""
    seen: list[tuple[int, bytes]] = []

    def keep(connection: socket.socket, number: int) -> None:
        while request := request_of(connection):
            seen.append((number, request.split(b" ", 1)[0]))
            connection.sendall(OK)

    with server(keep) as url, client(url) as made:
        made.get("/")
        made.get("/")
        made.write("POST", "/")
        made.write("POST", "/")
    assert [method for _, method in seen] == [b"GET", b"GET", b"POST", b"POST"]
    (first, _), (second, _), (third, _), (fourth, _) = seen
    assert first == second, "reads keep theirs"
    assert len({first, third, fourth}) == 3


def test_the_environments_proxy_is_not_used(monkeypatch: pytest.MonkeyPatch):
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")

    def ok(connection: socket.socket, _: int) -> None:
        request_of(connection)
        connection.sendall(OK)

    with server(ok) as url, client(url) as made:
        assert made.get("/").status == 200
