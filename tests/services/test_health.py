"""The schema's steps, the heartbeat, and what /healthz is told."""

from datetime import timedelta

from alembic import command
from alembic.config import Config
from alembic.script import ScriptDirectory
from sqlalchemy import inspect
from sqlmodel import SQLModel

from core import db, migrations
from core.models.channel import WorkerBeat
from core.models.inbox import Conversation, Message, Priority
from core.services import health, triage
from tests import factories


def test_head_is_the_newest_step():
    config = Config()
    config.set_main_option("script_location", str(next(iter(migrations.__path__))))
    assert ScriptDirectory.from_config(config).get_current_head() == migrations.HEAD


def test_migrations_make_every_table_column_and_index_of_the_models(hub):
    made = inspect(db.engine())
    for table in SQLModel.metadata.sorted_tables:
        assert {c["name"] for c in made.get_columns(table.name)} == {c.name for c in table.columns}, table.name
        with db.engine().connect() as connection:
            rows = connection.exec_driver_sql(
                "SELECT name FROM sqlite_master WHERE type='index' AND tbl_name = ?", (table.name,)
            )
            assert {i.name for i in table.indexes} <= {row[0] for row in rows}, table.name


def test_migrating_again_changes_nothing(hub):
    assert health.schema_is_current()
    health.migrate()
    assert health.schema_is_current()


def test_healthy_only_with_a_fresh_heartbeat(hub):
    assert not health.health().ok
    with db.write() as session:
        health.beat(session, "w1")
    assert health.health().ok
    with db.write() as session:
        session.get(WorkerBeat, "w1").beat_at = db.utc_now() - timedelta(minutes=5)
    told = health.health()
    assert not told.ok and told.database_ok and told.worker_age > 290
    with db.write() as session:
        health.beat(session, "w1")
    assert health.health().ok
    with db.write() as session:
        health.sign_off(session, "w1")
    assert "No worker" in health.health().detail


def test_without_a_schema_it_says_what_to_do(tmp_path, monkeypatch):
    monkeypatch.setenv("HUB_DATA_DIR", str(tmp_path))
    monkeypatch.delenv("DATABASE_URL", raising=False)
    db.reset()
    told = health.health()
    assert not told.database_ok and "migrate" in told.detail
    db.reset()


def test_text_search_folds_diacritics_and_follows_edits(hub):
    channel = factories.channel()
    talk = factories.conversation(channel.id, "Die Größe passt, schöne Grüße")
    search = "SELECT rowid FROM message_fts WHERE message_fts MATCH ?"
    with db.write() as session:
        connection = session.connection()
        assert len(connection.exec_driver_sql(search, ("grusse",)).all()) == 0
        assert len(connection.exec_driver_sql(search, ("schone",)).all()) == 1
        connection.exec_driver_sql("UPDATE message SET text = 'Tschüss' WHERE conversation_id = ?", (talk.id,))
        assert len(connection.exec_driver_sql(search, ("schone",)).all()) == 0
        assert len(connection.exec_driver_sql(search, ("tschuss",)).all()) == 1


def test_a_hub_of_the_first_release_keeps_everything(hub):
    """From the first step on, with what was stored then: nothing is lost, and the search finds old and new."""
    db.reset()
    for file in hub.glob("hub.db*"):
        file.unlink()
    _upgrade("0001")
    now = f"{db.utc_now():%Y-%m-%d %H:%M:%S.%f}"  # as SQLite stores it
    with db.engine().execution_options(**{db.WRITE: True}).begin() as connection:
        connection.exec_driver_sql(
            "INSERT INTO channel (id, network, remote_id, handle, name, state, is_sandbox, created_at, base_url)"
            " VALUES (1, 'mastodon', 'r', '@a@b', 'A', 'active', 0, '2026-01-01', 'https://b')"
        )
        connection.exec_driver_sql(
            "INSERT INTO conversation (id, channel_id, remote_id, kind, state, unread, message_count, preview,"
            " preview_direction, last_message_at, waiting_since, created_at)"
            f" VALUES (1, 1, 'c', 'mention', 'open', 1, 1, 'P', 'in', '{now}', '{now}', '{now}')"
        )
        connection.exec_driver_sql(
            "INSERT INTO message (id, conversation_id, channel_id, direction, remote_id, text, sent_at)"
            f" VALUES (1, 1, 1, 'in', 'm', 'Lieferung fehlt', '{now}')"
        )
    health.migrate()
    assert health.schema_is_current()
    with db.read() as session:
        message, conversation = session.get(Message, 1), session.get(Conversation, 1)
        assert message.text == "Lieferung fehlt" and not message.triaged
        assert conversation.priority == Priority.NORMAL and conversation.respond_by is None
        found = session.connection().exec_driver_sql(
            "SELECT rowid FROM message_fts WHERE message_fts MATCH 'Lieferung'"
        )
        assert found.scalar() == 1
    assert triage.run() == 1
    with db.read() as session:
        assert session.get(Conversation, 1).respond_by is not None


def _upgrade(step):
    config = Config()
    config.set_main_option("script_location", str(next(iter(migrations.__path__))))
    with db.engine().execution_options(**{db.WRITE: True}).begin() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, step)
