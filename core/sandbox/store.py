"""The sandbox's state in one SQLite database: schema, connection, paging. What a write means is in `network.py`.

Ids of statuses are Mastodon's: milliseconds since 1970, shifted by 16 bits, and a running number. Times are such
milliseconds too.
"""
# ruff: noqa: S608 - values are always bound; only literals and question marks are put together

import sqlite3
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

Row = sqlite3.Row

SCHEMA = """
CREATE TABLE IF NOT EXISTS meta (key TEXT PRIMARY KEY, value TEXT) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS account (
  id INTEGER PRIMARY KEY, acct TEXT UNIQUE NOT NULL, username TEXT NOT NULL, name TEXT NOT NULL, note TEXT NOT NULL,
  channel INTEGER NOT NULL DEFAULT 0, language TEXT NOT NULL, colour TEXT NOT NULL, followers INTEGER NOT NULL,
  posts INTEGER NOT NULL DEFAULT 0, last_status_at INTEGER, created_at INTEGER NOT NULL);
CREATE TABLE IF NOT EXISTS app (
  id INTEGER PRIMARY KEY, client_id TEXT UNIQUE, client_secret TEXT, name TEXT, website TEXT, redirect_uris TEXT,
  scopes TEXT);
CREATE TABLE IF NOT EXISTS code (
  code TEXT PRIMARY KEY, app_id INTEGER, account_id INTEGER, redirect_uri TEXT, scopes TEXT, challenge TEXT,
  created_at INTEGER) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS token (
  token TEXT PRIMARY KEY, app_id INTEGER, account_id INTEGER, scopes TEXT, created_at INTEGER,
  revoked INTEGER NOT NULL DEFAULT 0) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS status (
  id INTEGER PRIMARY KEY, account_id INTEGER NOT NULL, created_at INTEGER NOT NULL, edited_at INTEGER,
  text TEXT NOT NULL, spoiler TEXT NOT NULL DEFAULT '', sensitive INTEGER NOT NULL DEFAULT 0,
  visibility TEXT NOT NULL, language TEXT, in_reply_to INTEGER, in_reply_to_account INTEGER,
  thread_id INTEGER NOT NULL, reblog_of INTEGER, app_id INTEGER, topic TEXT,
  born REAL NOT NULL, appeal REAL NOT NULL);
CREATE INDEX IF NOT EXISTS status_account ON status (account_id, id);
CREATE INDEX IF NOT EXISTS status_parent ON status (in_reply_to) WHERE in_reply_to IS NOT NULL;
CREATE INDEX IF NOT EXISTS status_thread ON status (thread_id, id);
CREATE INDEX IF NOT EXISTS status_reblog ON status (reblog_of, account_id) WHERE reblog_of IS NOT NULL;
CREATE VIRTUAL TABLE IF NOT EXISTS words USING fts5 (text, tokenize = "unicode61 remove_diacritics 2");
CREATE TABLE IF NOT EXISTS tag (
  tag TEXT NOT NULL, status_id INTEGER NOT NULL, PRIMARY KEY (tag, status_id)) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS tag_status ON tag (status_id);
CREATE TABLE IF NOT EXISTS mention (
  status_id INTEGER NOT NULL, account_id INTEGER NOT NULL, PRIMARY KEY (status_id, account_id)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS favourite (
  status_id INTEGER NOT NULL, account_id INTEGER NOT NULL, PRIMARY KEY (status_id, account_id)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS edit (
  id INTEGER PRIMARY KEY, status_id INTEGER NOT NULL, at INTEGER NOT NULL, text TEXT NOT NULL, spoiler TEXT NOT NULL);
CREATE INDEX IF NOT EXISTS edit_status ON edit (status_id);
CREATE TABLE IF NOT EXISTS media (
  id INTEGER PRIMARY KEY, account_id INTEGER NOT NULL, status_id INTEGER, position INTEGER, mime TEXT NOT NULL,
  width INTEGER NOT NULL, height INTEGER NOT NULL, description TEXT, body BLOB, sample TEXT,
  focus TEXT);
CREATE INDEX IF NOT EXISTS media_status ON media (status_id);
CREATE TABLE IF NOT EXISTS notification (
  id INTEGER PRIMARY KEY AUTOINCREMENT, account_id INTEGER NOT NULL, type TEXT NOT NULL, from_id INTEGER NOT NULL,
  status_id INTEGER, created_at INTEGER NOT NULL);
CREATE INDEX IF NOT EXISTS notification_account ON notification (account_id, id);
CREATE INDEX IF NOT EXISTS notification_status ON notification (status_id);
CREATE TABLE IF NOT EXISTS conversation (
  id INTEGER PRIMARY KEY AUTOINCREMENT, account_id INTEGER NOT NULL, thread_id INTEGER NOT NULL,
  last_status_id INTEGER NOT NULL, unread INTEGER NOT NULL, UNIQUE (account_id, thread_id));
CREATE INDEX IF NOT EXISTS conversation_last ON conversation (account_id, last_status_id);
CREATE TABLE IF NOT EXISTS follow (
  account_id INTEGER NOT NULL, target_id INTEGER NOT NULL, PRIMARY KEY (account_id, target_id)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS mute (
  account_id INTEGER NOT NULL, target_id INTEGER NOT NULL, PRIMARY KEY (account_id, target_id)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS block (
  account_id INTEGER NOT NULL, target_id INTEGER NOT NULL, PRIMARY KEY (account_id, target_id)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS replay (
  account_id INTEGER NOT NULL, key TEXT NOT NULL, status_id INTEGER NOT NULL, at INTEGER NOT NULL,
  PRIMARY KEY (account_id, key)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS journal (
  id INTEGER PRIMARY KEY, at INTEGER NOT NULL, key TEXT, text TEXT NOT NULL, account_id INTEGER NOT NULL,
  status_id INTEGER NOT NULL, replayed INTEGER NOT NULL);
"""


@dataclass(frozen=True)
class Paging:
    """A page of a list that is ordered by id, newest first, as the Mastodon API pages (`min_id` walks upwards)."""

    limit: int = 20
    max_id: int | None = None
    since_id: int | None = None
    min_id: int | None = None


class Store:
    """One connection for all threads, behind one lock. `path` None keeps everything in memory."""

    def __init__(self, path: str | None = None) -> None:
        self.lock = threading.RLock()
        self._depth = 0
        self._last_id = 0
        self._number = 0
        self.db = sqlite3.connect(path or ":memory:", check_same_thread=False, isolation_level=None)
        self.db.row_factory = sqlite3.Row
        for pragma in ("journal_mode=WAL", "synchronous=NORMAL", "cache_size=-6000", "temp_store=MEMORY"):
            self.db.execute(f"PRAGMA {pragma}")
        self.db.executescript(SCHEMA)
        if "focus" not in {row["name"] for row in self.db.execute("PRAGMA table_info(media)")}:
            self.db.execute("ALTER TABLE media ADD COLUMN focus TEXT")  # of a sandbox that is older

    def close(self) -> None:
        """Write everything out and close the database."""
        with self.lock:
            self.db.close()

    @contextmanager
    def writing(self) -> Iterator[None]:
        """One transaction; may be nested, the outermost commits. An exception undoes all of it."""
        with self.lock:
            if self._depth:
                yield
                return
            self.db.execute("BEGIN IMMEDIATE")
            self._depth = 1
            try:
                yield
            except BaseException:
                self.db.execute("ROLLBACK")
                raise
            else:
                self.db.execute("COMMIT")
            finally:
                self._depth = 0

    def run(self, sql: str, *values: Any) -> int:
        """Execute one statement; the id of the inserted row."""
        with self.lock:
            return self.db.execute(sql, values).lastrowid or 0

    def changed(self, sql: str, *values: Any) -> int:
        """Execute one statement; the number of rows it changed."""
        with self.lock:
            return self.db.execute(sql, values).rowcount

    def all(self, sql: str, *values: Any) -> list[Row]:
        """Every row of a query."""
        with self.lock:
            return self.db.execute(sql, values).fetchall()

    def one(self, sql: str, *values: Any) -> Row | None:
        """The first row of a query, or None."""
        with self.lock:
            row: Row | None = self.db.execute(sql, values).fetchone()
            return row

    def value(self, sql: str, *values: Any) -> Any:
        """The first value of the first row, or None."""
        row = self.one(sql, *values)
        return None if row is None else row[0]

    def insert(self, table: str, **values: Any) -> int:
        """Insert one row. Table and column names are literals of this package, never a request's."""
        names, marks = ", ".join(values), ", ".join("?" * len(values))
        return self.run(f"INSERT INTO {table} ({names}) VALUES ({marks})", *values.values())

    def listed(self, sql: str, values: Sequence[Any], key: str, paging: Paging) -> list[Row]:
        """Run `SELECT … WHERE …` for one page, newest first. `key` is the column that is paged by."""
        values = list(values)
        for limit, sign in ((paging.max_id, "<"), (paging.since_id, ">"), (paging.min_id, ">")):
            if limit is not None:
                sql += f" AND {key} {sign} ?"
                values.append(limit)
        upwards = paging.min_id is not None
        sql += f" ORDER BY {key} {'ASC' if upwards else 'DESC'} LIMIT ?"
        rows = self.all(sql, *values, paging.limit)
        return rows[::-1] if upwards else rows

    def new_id(self, at: int, live: bool = True) -> int:
        """An id for the time `at`. Live ids always rise, whatever the clock does; older ones are only unique."""
        with self.lock:
            self._number = (self._number + 1) & 0xFFFF
            fresh = at << 16 | self._number
            if live:
                fresh = max(fresh, self._last_id + 1)
                self._last_id = fresh
            return fresh

    def remember(self, key: str, value: str) -> None:
        """Keep a small value across restarts."""
        self.run("INSERT OR REPLACE INTO meta VALUES (?, ?)", key, value)

    def recall(self, key: str, default: str = "") -> str:
        """A value kept by `remember`."""
        return str(self.value("SELECT value FROM meta WHERE key = ?", key) or default)


def marks(values: Sequence[Any]) -> str:
    """Question marks for an IN list."""
    return ", ".join("?" * len(values))
