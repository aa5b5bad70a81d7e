"""Workers made quickly: a process that has everything loaded and forks a worker for each test that asks.

What starts is the real worker (`crashing_worker.main`) in a process of its own, with its own environment and log; only
the seconds of importing are saved. `python -m tests.reliability.nursery` reads one JSON order a line and answers with
one; it ends when its standard input does.
"""

import contextlib
import importlib
import json
import os
import signal
import subprocess
import sys
import time
import traceback
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parent.parent.parent


class Worker:
    """A worker that was forked, with the face of a `subprocess.Popen`."""

    def __init__(self, nursery: "Nursery", pid: int) -> None:
        self.pid, self.returncode = pid, None
        self._nursery = nursery

    returncode: int | None

    def poll(self) -> int | None:
        """Its exit code, negative for the signal that killed it; None while it lives."""
        if self.returncode is None:
            self.returncode = self._nursery.ask({"poll": self.pid})
        return self.returncode

    def wait(self, timeout: float = 30) -> int:
        """Its exit code, once it has ended."""
        end = time.monotonic() + timeout
        while (code := self.poll()) is None:
            if time.monotonic() > end:
                raise subprocess.TimeoutExpired("worker", timeout)
            time.sleep(0.01)
        return code

    def terminate(self) -> None:
        """Ask it to stop."""
        self._signal(signal.SIGTERM)

    def kill(self) -> None:
        """End it."""
        self._signal(signal.SIGKILL)

    def _signal(self, number: signal.Signals) -> None:
        if self.poll() is None:
            with contextlib.suppress(ProcessLookupError):
                os.kill(self.pid, number)


class Nursery:
    """The other end of the process that forks."""

    def __init__(self, process: "subprocess.Popen[str]") -> None:
        self._process = process

    def start(self, words: tuple[str, ...], environment: Mapping[str, str], log: Path) -> Worker:
        """A worker with that environment; what it says is appended to `log`. `words`: see `crashing_worker`."""
        order = {"words": list(words), "environment": dict(environment), "log": str(log)}
        return Worker(self, self.ask(order))

    def ask(self, order: dict[str, Any]) -> Any:
        """One order, one answer."""
        assert self._process.stdin is not None and self._process.stdout is not None
        self._process.stdin.write(json.dumps(order) + "\n")
        self._process.stdin.flush()
        line = self._process.stdout.readline()
        assert line, "the nursery has ended"
        return json.loads(line)


@contextlib.contextmanager
def running_nursery() -> Iterator[Nursery]:
    """A nursery for as long as the block runs."""
    command = [sys.executable, "-m", "tests.reliability.nursery"]
    with subprocess.Popen(command, cwd=ROOT, text=True, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        yield Nursery(process)
        assert process.stdin is not None
        process.stdin.close()


# --- inside the process that forks ------------------------------------------------------------------------------------


def _fork(order: dict[str, Any]) -> int:
    pid = os.fork()
    if pid:
        return pid
    code = 1
    try:
        os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
        log = os.open(order["log"], os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        os.dup2(log, 1)
        os.dup2(log, 2)
        os.environ.clear()
        os.environ.update(order["environment"])
        from tests.reliability import crashing_worker

        code = crashing_worker.main(order["words"])
    except BaseException:
        traceback.print_exc()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)


def _poll(pid: int) -> int | None:
    done, status = os.waitpid(pid, os.WNOHANG)
    return os.waitstatus_to_exitcode(status) if done else None


def main() -> None:
    """Load what a worker needs, then take orders."""
    for module in ("core.connectors.bluesky", "core.connectors.images", "tests.reliability.crashing_worker"):
        importlib.import_module(module)
    for line in sys.stdin:
        order = json.loads(line)
        answer = _poll(order["poll"]) if "poll" in order else _fork(order)
        sys.stdout.write(json.dumps(answer) + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
