"""What every test gets: a hub of its own (data folder, migrated database, key), and query counting.

With several processes (`make test`, or `pytest -n 4`) tests are spread by `spread.py`. What hypothesis makes up is the
same in every run, so that one commit has one result; `make explore` makes up something new each time.
"""

import shutil
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import hypothesis
import pytest
from sqlalchemy import event

from core import db, vault
from core.services import health
from tests import spread

hypothesis.settings.register_profile("same", derandomize=True)
hypothesis.settings.register_profile("explore", print_blob=True)
hypothesis.settings.load_profile("same")


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    """`-n` alone means our way; a `--dist` that somebody asks for is theirs."""
    return spread.Spread(config, log) if config.getoption("dist") == "load" else None


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Among several processes, what waits begins first."""
    if hasattr(config, "workerinput"):
        items.sort(key=lambda item: spread.begins(item.nodeid))


def _point_at(folder: Path, patch: pytest.MonkeyPatch) -> None:
    for name in ("DATABASE_URL", "HUB_SECRET_KEY", "HUB_PUBLIC_URL"):
        patch.delenv(name, raising=False)
    patch.setenv("HUB_DATA_DIR", str(folder))
    db.reset()
    vault.reset()


@pytest.fixture(scope="session")
def migrated_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data folder whose database was made by the real migrations, once; copied for each test."""
    folder = tmp_path_factory.mktemp("hub-template")
    with pytest.MonkeyPatch.context() as patch:
        _point_at(folder, patch)
        health.migrate()
        with db.engine().connect() as connection:
            connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)")
        db.reset()
    return folder


class Turns:
    """Whose turn it is to write (`db._writer`). A write inside a write, else a wait of 15 seconds for itself, fails."""

    def __init__(self) -> None:
        self._lock, self._holder = threading.Lock(), 0

    def acquire(self, timeout: float) -> bool:
        assert self._holder != threading.get_ident(), "db.write() inside db.write(): call factories before the block"
        taken = self._lock.acquire(timeout=timeout)
        if taken:
            self._holder = threading.get_ident()
        return taken

    def release(self) -> None:
        self._holder = 0
        self._lock.release()


@pytest.fixture
def hub(migrated_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """An empty hub of this test's own: its data folder. `db.read()`, `db.write()` and the services work on it."""
    folder = tmp_path / "data"
    shutil.copytree(migrated_folder, folder)
    _point_at(folder, monkeypatch)
    monkeypatch.setattr(db, "_writer", Turns())
    yield folder
    db.reset()
    vault.reset()


class Statements(list[str]):
    """The SQL statements that ran, without BEGIN, COMMIT and PRAGMA."""


@contextmanager
def counted() -> Iterator[Statements]:
    """Count what is asked of the database: `with counted() as ran: …; assert len(ran) == 2`."""
    ran = Statements()

    def note(_connection: object, _cursor: object, statement: str, *_: object) -> None:
        if not statement.startswith(("BEGIN", "PRAGMA", "SAVEPOINT", "RELEASE")):
            ran.append(statement)

    engine = db.engine()
    event.listen(engine, "before_cursor_execute", note)
    try:
        yield ran
    finally:
        event.remove(engine, "before_cursor_execute", note)
