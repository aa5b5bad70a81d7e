"""What `doctor` examines: everything that can be wrong before anybody notices. Reads only, talks to no network."""

import os
import shutil
import stat
import sys
from collections.abc import Callable
from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.exc import SQLAlchemyError
from sqlmodel import col

from core import db, vault
from core.errors import HubError
from core.models.channel import Channel, ChannelState
from core.services.health import WORKER_LATE, schema_is_current, worker_age
from core.services.overview import waiting_counts
from core.settings import settings

LITTLE_SPACE = 500_000_000  # bytes


@dataclass(frozen=True)
class Finding:
    """One thing looked at; `told` says what to do when it isn't ok."""

    about: str
    ok: bool
    told: str


def examine() -> list[Finding]:
    """Look at everything. A fault in one thing doesn't keep the others from being looked at."""
    looks: list[tuple[str, Callable[[], Finding]]] = [
        ("Python", _python),
        ("Data folder", _folder),
        ("Disk", _disk),
        ("Key", _key),
        ("Database", _database),
        ("Channels", _channels),
        ("Worker", _worker),
    ]
    found: list[Finding] = []
    for about, look in looks:
        try:
            found.append(look())
        except (HubError, SQLAlchemyError, OSError, ValueError) as error:
            found.append(Finding(about, False, str(error).splitlines()[0] or type(error).__name__))
    return found


def _python() -> Finding:
    return Finding("Python", sys.version_info >= (3, 11), sys.version.split()[0])


def _folder() -> Finding:
    folder = settings().data_dir.resolve()
    settings().ensure_folders()
    if not os.access(folder, os.W_OK):
        return Finding(
            "Data folder", False, f"{folder} can't be written. Give the hub's user the right to, or set HUB_DATA_DIR."
        )
    return Finding("Data folder", True, str(folder))


def _disk() -> Finding:
    free = shutil.disk_usage(settings().data_dir).free
    told = f"{free / 1e9:.1f} GB free"
    return Finding("Disk", free > LITTLE_SPACE, told if free > LITTLE_SPACE else f"Only {told}. Make room.")


def _key() -> Finding:
    vault.unseal(vault.seal({"test": "1"}))
    path = settings().data_dir / vault.KEY_FILE
    if settings().secret_key:
        return Finding("Key", True, "from HUB_SECRET_KEY")
    open_to_others = stat.S_IMODE(path.stat().st_mode) & 0o077
    if open_to_others:
        return Finding("Key", False, f"{path} can be read by others. Run: chmod 600 {path}")
    return Finding("Key", True, f"{path}, readable by the owner only")


def _database() -> Finding:
    if not schema_is_current():
        return Finding("Database", False, "The schema isn't the newest. Run: python -m core migrate")
    if db.engine().dialect.name == "sqlite":
        with db.engine().connect() as connection:
            told = connection.exec_driver_sql("PRAGMA quick_check(1)").scalar_one()
        if told != "ok":
            return Finding("Database", False, f"SQLite reports damage ({told}). Restore your last backup.")
    return Finding("Database", True, f"{db.engine().dialect.name}, newest schema, undamaged")


def _channels() -> Finding:
    with db.read() as session:
        rows = session.execute(
            select(col(Channel.handle), col(Channel.sealed), col(Channel.state)).where(
                col(Channel.state) != ChannelState.REMOVED
            )
        ).all()
        ill = waiting_counts(session)["channels"]
    for handle, sealed, _ in rows:
        if sealed is not None:
            try:
                vault.unseal(sealed)
            except HubError as error:
                return Finding("Channels", False, f"{handle}: {error}")
    if ill:
        names = ", ".join(handle for handle, _, state in rows if state == ChannelState.NEEDS_REAUTH) or "see Home"
        return Finding("Channels", False, f"{ill} need care ({names}).")
    return Finding("Channels", True, f"{len(rows)} connected, their credentials open with the key")


def _worker() -> Finding:
    with db.read() as session:
        age = worker_age(session)
    if age is None:
        return Finding("Worker", False, "No worker is running. Start the hub: make run")
    if age > WORKER_LATE.total_seconds():
        return Finding("Worker", False, f"Silent for {age:.0f} seconds. Start the hub again: make run")
    return Finding("Worker", True, f"last heard {age:.0f} seconds ago")
