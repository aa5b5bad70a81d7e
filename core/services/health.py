"""Is everything alive: the schema and its migrations, the worker's heartbeat, what `/healthz` and `doctor` tell."""

import os
import socket
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

from sqlalchemy import delete, func, inspect, select, text
from sqlalchemy.exc import SQLAlchemyError
from sqlmodel import Session, col

from core import db, migrations
from core.models.channel import WorkerBeat

WORKER_LATE = timedelta(seconds=30)  # a heartbeat comes every few seconds
FORGET_WORKER = timedelta(days=1)


@dataclass(frozen=True)
class Health:
    """`detail` is a sentence for people; `worker_age` is in seconds, None when no worker ever ran."""

    ok: bool
    database_ok: bool
    worker_age: float | None
    detail: str


def migrate() -> None:
    """Bring the database to the newest schema. Safe to call from web and worker at once, and when nothing is to do."""
    # Alembic is heavy and needed for a moment only: processes that find a current schema never load it.
    if schema_is_current():
        return
    from alembic import command
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(Path(migrations.__file__).parent))
    with db.engine().execution_options(**{db.WRITE: True}).begin() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, "head")


def schema_is_current() -> bool:
    """Whether the database is there and at the newest step."""
    with db.engine().connect() as connection:
        if not inspect(connection).has_table("alembic_version"):
            return False
        return bool(connection.scalar(text("SELECT version_num FROM alembic_version")) == migrations.HEAD)


def schema_fault() -> str | None:
    """Why the database can't be used (yet), as a sentence; None when it can."""
    try:
        if schema_is_current():
            return None
    except (SQLAlchemyError, OSError) as error:
        return f"The database can't be opened ({type(error).__name__}). Check HUB_DATA_DIR and DATABASE_URL."
    return "The database isn't at this version's schema. Run: python -m core migrate"


def beat(session: Session, worker_id: str) -> None:
    """Write the worker's heartbeat; rows of workers long gone are dropped."""
    now = db.utc_now()
    row = session.get(WorkerBeat, worker_id)
    if row is None:
        session.add(WorkerBeat(worker_id=worker_id, pid=os.getpid(), host=socket.gethostname()))
        session.execute(delete(WorkerBeat).where(col(WorkerBeat.beat_at) < now - FORGET_WORKER))
    else:
        row.beat_at = now


def sign_off(session: Session, worker_id: str) -> None:
    """A worker that stops in order takes its heartbeat along."""
    session.execute(delete(WorkerBeat).where(col(WorkerBeat.worker_id) == worker_id))


def worker_age(session: Session) -> float | None:
    """Seconds since the newest heartbeat of any worker; None when there is none."""
    newest = session.execute(select(func.max(WorkerBeat.beat_at))).scalar_one()
    return None if newest is None else max((db.utc_now() - newest).total_seconds(), 0.0)


def health() -> Health:
    """Whether database and worker are well, by one read."""
    try:
        if not schema_is_current():
            return Health(False, False, None, "The database isn't set up. Run: python -m core migrate")
        with db.read() as session:
            age = worker_age(session)
    except (SQLAlchemyError, OSError) as error:
        return Health(False, False, None, f"The database can't be read ({type(error).__name__}).")
    if age is None:
        return Health(False, True, None, "No worker is running. Start one with: make run")
    if age > WORKER_LATE.total_seconds():
        return Health(False, True, age, f"The worker has been silent for {age:.0f} seconds. Start it again.")
    return Health(True, True, age, "Database and worker are well.")
