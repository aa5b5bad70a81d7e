"""Messages by apprise: real servers on this machine receive them, and nothing goes where it must not."""

import json
import socketserver
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from core.connectors import messenger
from core.connectors.messenger import Fate, Letter

SECRET = "tops3cretToken"


class Receiver:
    """A web server that keeps what it gets and answers as it is told."""

    def __init__(self) -> None:
        self.got: list[dict[str, Any]] = []
        self.status = 200
        self.location = ""
        self.hang_up = False
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                receiver.got.append(json.loads(body))
                if receiver.hang_up:
                    self.connection.close()
                    return
                self.send_response(receiver.status)
                if receiver.location:
                    self.send_header("Location", receiver.location)
                self.send_header("Content-Length", "0")
                self.end_headers()

            do_GET = do_POST

            def log_message(self, *_: object) -> None:
                """Quiet."""

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.place = f"127.0.0.1:{self.server.server_port}"
        self.address = f"json://user:{SECRET}@{self.place}/{SECRET}"
        self.thread = threading.Thread(target=self.server.serve_forever, kwargs={"poll_interval": 0.05})
        self.thread.start()

    def close(self) -> None:
        self.server.shutdown()
        self.thread.join()
        self.server.server_close()


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    made = Receiver()
    yield made
    made.close()


def send(address: str, *allowed: str, body: str = "Anna gave you a conversation.") -> messenger.Outcome:
    (outcome,) = messenger.deliver([Letter(address, "Assigned to you", body)], frozenset(allowed))
    return outcome


def fault(address: str, *allowed: str) -> str:
    (found,) = messenger.check([address], frozenset(allowed))
    assert bool(found.fault) != bool(found.label)
    return found.fault


# --- sending ----------------------------------------------------------------------------------------------------------


def test_a_message_arrives_as_it_was_written(receiver: Receiver) -> None:
    outcome = send(receiver.address, receiver.place, body="Zeile 1\nhttps://hub.example.org/inbox?conversation=7")
    assert outcome == messenger.Outcome(Fate.SENT)
    (got,) = receiver.got
    assert (got["title"], got["message"]) == (
        "Assigned to you",
        "Zeile 1\nhttps://hub.example.org/inbox?conversation=7",
    )


@pytest.mark.parametrize(
    ("status", "fate", "word"),
    [
        (401, Fate.REFUSED, "token or password"),
        (404, Fate.REFUSED, "doesn't know"),
        (429, Fate.LATER, "pause"),
        (503, Fate.LATER, "fault of its own"),
        (400, Fate.REFUSED, "refused the message"),
    ],
)
def test_a_refusal_says_whether_to_try_again_and_tells_no_secret(
    receiver: Receiver, status: int, fate: Fate, word: str
) -> None:
    receiver.status = status
    outcome = send(f"{receiver.address}?retry=5&wait=0&optional=yes", receiver.place)
    assert outcome.fate == fate
    assert word in outcome.said and str(status) in outcome.said
    assert SECRET not in outcome.said
    assert len(receiver.got) == 1, "apprise's own retries are off, whatever the address asks for"


def test_when_the_answer_is_lost_nobody_knows(receiver: Receiver) -> None:
    receiver.hang_up = True
    assert send(receiver.address, receiver.place).fate == Fate.UNKNOWN
    assert len(receiver.got) == 1


def test_where_nobody_listens_another_try_may_help(receiver: Receiver) -> None:
    receiver.close()
    assert send(receiver.address, receiver.place).fate == Fate.LATER


def test_one_that_fails_keeps_none_back(receiver: Receiver) -> None:
    letters = [
        Letter("json://127.0.0.1:1", "", "a"),
        Letter(receiver.address, "", "b"),
        Letter("gone://", "", "c"),
        Letter(receiver.address, "", "d"),
    ]
    told = [one.fate for one in messenger.deliver(letters, frozenset({receiver.place}))]
    assert told == [Fate.REFUSED, Fate.SENT, Fate.REFUSED, Fate.SENT]
    assert sorted(got["message"] for got in receiver.got) == ["b", "d"]


def test_when_the_process_is_killed_nothing_is_called_sent(monkeypatch: pytest.MonkeyPatch, receiver: Receiver) -> None:
    monkeypatch.setattr(messenger, "SECONDS", 0.01)
    assert send(receiver.address, receiver.place).fate == Fate.UNKNOWN


# --- mail -------------------------------------------------------------------------------------------------------------


class MailServer(socketserver.ThreadingTCPServer):
    """As much of a mail server as one message needs."""

    daemon_threads = True

    def __init__(self, to_rcpt: bytes = b"250 ok") -> None:
        self.mails: list[str] = []
        self.to_rcpt = to_rcpt
        super().__init__(("127.0.0.1", 0), _Mail)
        self.address = f"mailto://127.0.0.1:{self.server_address[1]}/?from=hub@example.org&to=anna@example.org"
        threading.Thread(target=self.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()


class _Mail(socketserver.StreamRequestHandler):
    server: MailServer

    def handle(self) -> None:
        self.wfile.write(b"220 here\r\n")
        while line := self.rfile.readline().strip().upper():
            if line == b"DATA":
                self.wfile.write(b"354 go on\r\n")
                text = b""
                while (part := self.rfile.readline()) != b".\r\n":
                    text += part
                self.server.mails.append(text.decode())
            self.wfile.write(self.server.to_rcpt + b"\r\n" if line.startswith(b"RCPT") else b"250 ok\r\n")


def test_a_mail_arrives() -> None:
    server = MailServer()
    try:
        assert send(server.address, "127.0.0.1").fate == Fate.SENT
    finally:
        server.shutdown()
        server.server_close()
    assert "Subject: Assigned to you" in server.mails[0] and "To: anna@example.org" in server.mails[0]


@pytest.mark.parametrize(("answer", "fate"), [(b"550 unknown", Fate.REFUSED), (b"451 busy", Fate.LATER)])
def test_a_mail_server_refuses_for_good_or_for_now(answer: bytes, fate: Fate) -> None:
    server = MailServer(answer)
    try:
        outcome = send(server.address, "127.0.0.1")
    finally:
        server.shutdown()
        server.server_close()
    assert outcome.fate == fate and "mail server" in outcome.said and not server.mails


# --- where nothing may go ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "2130706433", "0x7f000001", "[::1]"])
def test_a_private_host_is_refused_however_it_is_written(receiver: Receiver, host: str) -> None:
    address = receiver.address.replace("127.0.0.1", host)
    assert "HUB_ALLOWED_PRIVATE_HOSTS" in fault(address)
    outcome = send(address)
    assert outcome.fate == Fate.REFUSED and "private network" in outcome.said
    assert receiver.got == []


def test_another_port_of_an_allowed_host_is_refused(receiver: Receiver) -> None:
    assert send(receiver.address, "127.0.0.1:1").fate == Fate.REFUSED
    assert receiver.got == []


def test_a_redirect_leads_nowhere_else(receiver: Receiver) -> None:
    inner = Receiver()
    try:
        receiver.status, receiver.location = 307, f"http://{inner.place}/"
        outcome = send(f"{receiver.address}?redirect=yes", receiver.place)
        assert outcome.fate == Fate.REFUSED and inner.got == []
    finally:
        inner.close()


def test_raw_sockets_are_guarded_too() -> None:
    assert "private network" in send("irc://127.0.0.1/#hub").said


def test_a_proxy_of_the_environment_is_no_way_round(receiver: Receiver, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTP_PROXY", f"http://{receiver.place}")
    send("json://social.invalid/", receiver.place)
    assert receiver.got == []


@pytest.mark.parametrize(
    "address",
    [
        "workflows://127.0.0.1/{0}/{0}?template={1}",
        "fcm://project/device?keyfile={1}",
        "mailto://127.0.0.1:1?from=a@example.org&to=b@example.org&pgp=yes&pgppub={1}",
    ],
)
def test_no_file_of_the_machine_is_read(address: str, tmp_path: Path) -> None:
    file = tmp_path / "secret.key"
    file.write_text(json.dumps({"project_id": "project"}))
    filled = address.format("a" * 40, file)
    assert fault(filled) or send(filled, "127.0.0.1").fate == Fate.REFUSED


@pytest.mark.parametrize(
    "scheme", ["syslog", "rsyslog", "dbus", "kde", "qt", "glib", "gnome", "windows", "macosx", "blink1", "file"]
)
def test_what_reaches_only_the_machine_itself_is_refused(scheme: str) -> None:
    assert f"{scheme}://" in fault(f"{scheme}://localhost/")
    assert send(f"{scheme}://localhost/").fate == Fate.REFUSED


def test_the_process_gets_none_of_the_hubs_secrets(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HUB_SECRET_KEY", SECRET)
    given: dict[str, Any] = {}

    class Popen:
        def __init__(self, command: list[str], **more: Any) -> None:
            given.update(more, command=command)
            raise OSError

    monkeypatch.setattr(messenger.subprocess, "Popen", Popen)
    with pytest.raises(OSError):
        send(f"json://example.org/{SECRET}")
    assert SECRET not in repr(given)


# --- reading addresses ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("address", "told"),
    [
        ("anna@example.org", "mailto://"),
        ("hallo", "no address"),
        ("nowhere://x", "no service nowhere://"),
        ("slack://x", "slack://{token_a}"),
        ("https://example.org/x", "json://"),
        ("mqtt://broker.example.org", "library"),
        (f"json://example.org/{'x' * 3000}", "longer than"),
    ],
)
def test_a_wrong_address_says_what_to_do(address: str, told: str) -> None:
    assert told in fault(address)


def test_how_an_address_is_shown_opens_no_door() -> None:
    labels = {
        f"jsons://user:{SECRET}@hooks.example.org/{SECRET}?x={SECRET}": "JSON at hooks.example.org",
        f"mailto://user:{SECRET}@example.org?to=anna.muster@example.com": "E-Mail to a…@example.com",
        f"ntfys://{SECRET}": "ntfy",
        f"https://hooks.slack.com/services/T1JJ3T3L2/A1BRTD4JD/{SECRET}abcdefghij": "Slack",
        f"discord://123456789012345678/{SECRET}": "Discord",
    }
    found = messenger.check(list(labels), frozenset())
    assert [(one.label, one.fault) for one in found] == [(label, "") for label in labels.values()]
