"""Alembic's entry: runs the steps on the connection that `core.services.health.migrate` opened."""

from alembic import context
from sqlmodel import SQLModel

from core import models  # noqa: F401 - makes the tables known

connection = context.config.attributes["connection"]
context.configure(
    connection=connection,
    target_metadata=SQLModel.metadata,
    render_as_batch=connection.dialect.name == "sqlite",
    compare_type=True,
)
with context.begin_transaction():
    context.run_migrations()
