"""The database's schema, step by step (Alembic). `HEAD` is the newest step; a test keeps it so."""

HEAD = "0003"
