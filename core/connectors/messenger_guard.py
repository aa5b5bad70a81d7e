"""What the process of `messenger_child.py` may do once it is armed: where it connects to, which files it reads.

Python's audit hooks are asked beneath every library, and can't be taken out again.
"""

import os
import socket
import sys
import sysconfig
from collections.abc import Callable
from contextvars import ContextVar
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from core.connectors.addresses import REFUSED, is_allowed, is_public

CERTIFICATES = ("SSL_CERT_FILE", "SSL_CERT_DIR", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE")
FORBIDDEN = ("subprocess.", "os.system", "os.exec", "os.posix_spawn", "os.fork", "os.spawn", "pty.", "syslog.")
CHANGING = ("os.remove", "os.rename", "os.mkdir", "os.rmdir", "os.link", "os.symlink", "os.truncate", "shutil.")


@dataclass
class Notes:
    """What was seen of one message on its way."""

    last: int | None = None  # the newest answer: an HTTP status, or an SMTP code
    mail: bool = False  # the answer is a mail server's
    accepted: int = 0  # answers that said yes
    left: bool = False  # something was sent, and its answer didn't come
    connected: bool = False
    refused: str = ""  # a sentence: where it wanted to go, and must not
    fault: str = ""  # class name of the last fault


current: ContextVar[Notes | None] = ContextVar("notes", default=None)


def seen() -> Notes:
    """Of the message that this thread (or one it started) sends now."""
    return current.get() or Notes()


@dataclass
class Guard:
    """Where this process may go, and what it may read."""

    allowed: frozenset[str]
    known: set[tuple[str, int]] = field(default_factory=set)  # addresses of hosts that are allowed by name
    find: Callable[..., Any] = socket.getaddrinfo

    def arm(self) -> None:
        """From here on there is no way back."""
        socket.getaddrinfo = self.addresses
        paths = {sysconfig.get_paths()[name] for name in ("stdlib", "platstdlib", "purelib", "platlib")}
        named = [os.environ[name] for name in CERTIFICATES if name in os.environ]
        root = str(Path(__file__).parents[1])
        roots = (*paths, root, *named, "/usr/share/zoneinfo", "/etc/ssl", "/usr/lib/ssl", "/dev/null", "/dev/urandom")
        self.readable = tuple(os.path.realpath(path) for path in roots)
        sys.addaudithook(self.audit)

    def addresses(self, host: Any, port: Any, *given: Any, **more: Any) -> Any:
        """As `socket.getaddrinfo`, without private addresses unless the host is allowed."""
        found = self.find(host, port, *given, **more)
        name = host.decode() if isinstance(host, bytes) else str(host or "localhost")
        if is_allowed(name, port, self.allowed):
            self.known |= {(info[4][0], info[4][1]) for info in found}
            return found
        public = [info for info in found if is_public(info[4][0])]
        if not public:
            raise self._refusal(name)
        return public

    def audit(self, event: str, given: tuple[Any, ...]) -> None:
        """Python asks here before it does anything outside of itself."""
        if event in ("socket.connect", "socket.sendto", "socket.sendmsg"):
            self._connect(given[1])
        elif event == "open":
            self._open(given[0], given[1], given[2])
        elif event.startswith(FORBIDDEN) or event.startswith(CHANGING):
            raise self._no_file()

    def _connect(self, address: Any) -> None:
        if address is None:
            return  # a datagram on a socket that is connected already
        try:
            host, port = str(address[0]), int(address[1])
            fine = (host, port) in self.known or is_public(host)
        except (ValueError, TypeError, IndexError):
            fine, host = False, "This machine" if isinstance(address, str | bytes) else str(address[0])
        if not fine:
            raise self._refusal(host)
        seen().connected = True

    def _open(self, path: Any, mode: Any, flags: Any) -> None:
        if isinstance(path, int) or path is None:
            return
        writes = (isinstance(mode, str) and set(mode) & set("wax+")) or int(flags or 0) & (os.O_WRONLY | os.O_RDWR)
        real = os.path.realpath(os.fsdecode(path))
        if writes or not any(real == root or real.startswith(f"{root}{os.sep}") for root in self.readable):
            raise self._no_file()

    def _refusal(self, host: str) -> OSError:
        seen().refused = REFUSED.format(host=host)
        return PermissionError(seen().refused)

    def _no_file(self) -> OSError:
        seen().refused = seen().refused or "It asks for a file of the hub's own machine. Those are not touched."
        return PermissionError(seen().refused)
