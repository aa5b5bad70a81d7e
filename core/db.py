"""Engine, sessions, SQLite pragmas and what differs between databases. No table and no query lives here.

`read()` and `write()` are the two ways in. Both are short: no network call inside (a transaction that waits for a
server locks everyone else out).
"""

import sqlite3
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any

from sqlalchemy import DateTime, Dialect, Engine, create_engine, event, func
from sqlalchemy.types import TypeDecorator
from sqlmodel import Session

from core.settings import settings

WRITE = "hub_write"
BUSY_MS = 15_000


def utc_now() -> datetime:
    """The present moment, aware, UTC."""
    return datetime.now(UTC)


class UtcDateTime(TypeDecorator[datetime]):
    """Aware datetimes in and out, UTC in the database. A naive one is a bug and is refused."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """To UTC; SQLite keeps no zone, so it goes in without one."""
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError(f"A time without a zone was given to the database: {value!r}")
        moment = value.astimezone(UTC)
        return moment.replace(tzinfo=None) if dialect.name == "sqlite" else moment

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """Back as aware UTC."""
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


def stored_time(moment: datetime) -> str:
    """A time exactly as SQLite stores it, for the few statements that go round SQLAlchemy's types."""
    return moment.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S.%f")


def _prepare_sqlite(engine: Engine) -> None:
    @event.listens_for(engine, "connect")
    def _pragmas(connection: sqlite3.Connection, _record: Any) -> None:
        # The driver must not open transactions by itself: `_begin` below decides which kind.
        connection.isolation_level = None
        for pragma in (
            f"busy_timeout={BUSY_MS}",
            "journal_mode=WAL",
            # FULL: what is committed before a send must survive a power cut, or the post goes out twice.
            "synchronous=FULL",
            "foreign_keys=ON",
            "temp_store=MEMORY",
            "cache_size=-16000",
        ):
            connection.execute(f"PRAGMA {pragma}").close()

    @event.listens_for(engine, "begin")
    def _begin(connection: Any) -> None:
        # A writer takes its lock at once: upgrading a read transaction fails without waiting when another wrote.
        write = connection.get_execution_options().get(WRITE, False)
        connection.exec_driver_sql("BEGIN IMMEDIATE" if write else "BEGIN")


def make_engine(url: str) -> Engine:
    """A new engine for a database address."""
    if url.startswith("sqlite"):
        engine = create_engine(
            url, connect_args={"check_same_thread": False}, pool_size=16, max_overflow=16, hide_parameters=True
        )
        _prepare_sqlite(engine)
        return engine
    return create_engine(url, pool_pre_ping=True, hide_parameters=True)


@lru_cache(maxsize=1)
def engine() -> Engine:
    """The engine of this process."""
    settings().ensure_folders()
    return make_engine(settings().database_url)


def reset() -> None:
    """Forget engine and settings (tests; after a fork)."""
    if engine.cache_info().currsize:
        engine().dispose()
    engine.cache_clear()
    settings.cache_clear()


@contextmanager
def read() -> Iterator[Session]:
    """A session that sees one moment of the database; what is changed in it is thrown away."""
    with Session(engine(), expire_on_commit=False, autoflush=False) as session:
        try:
            yield session
        finally:
            session.expunge_all()  # what was read stays readable; a rollback would empty it
            session.rollback()


_writer = threading.Lock()


@contextmanager
def _turn() -> Iterator[None]:
    """SQLite takes one writer at a time. Threads queue here: its own way of waiting is to sleep and try again."""
    waits = engine().dialect.name == "sqlite" and _writer.acquire(timeout=BUSY_MS / 1000)
    try:
        yield
    finally:
        if waits:
            _writer.release()


@contextmanager
def write() -> Iterator[Session]:
    """A session in one transaction: committed at the end, rolled back on an error."""
    with _turn(), Session(engine().execution_options(**{WRITE: True}), expire_on_commit=False) as session:
        try:
            yield session
        except BaseException:
            session.rollback()
            raise
        session.commit()


class Changes:
    """Tells cheaply whether anybody, in any process, committed since. For one thread."""

    def __init__(self) -> None:
        self._connection = engine().raw_connection() if engine().dialect.name == "sqlite" else None
        self._asked = 0

    def version(self) -> int:
        """Another number than before when something was committed. Only SQLite knows; elsewhere it always differs."""
        self._asked += 1
        if self._connection is None:
            return self._asked
        cursor = self._connection.cursor()
        version: int = cursor.execute("PRAGMA data_version").fetchone()[0]
        cursor.close()
        return version

    def close(self) -> None:
        """Give the connection back."""
        if self._connection is not None:
            self._connection.close()


def utc_hour(session: Session, moment: Any) -> Any:
    """The hour (UTC) of a column with times as text, "2026-11-30 08", to group by."""
    if session.get_bind().dialect.name == "postgresql":
        return func.to_char(func.timezone("UTC", moment), "YYYY-MM-DD HH24")
    return func.substr(moment, 1, 13)  # as it is stored


def upsert(session: Session, table: Any) -> Any:
    """An INSERT that knows `on_conflict_do_update` and `on_conflict_do_nothing`, for this session's database."""
    from sqlalchemy.dialects import postgresql, sqlite

    return (postgresql if session.get_bind().dialect.name == "postgresql" else sqlite).insert(table)
