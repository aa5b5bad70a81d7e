"""`python -m core monitor …`."""

from typing import Annotated

import typer

from core import db
from core.cli.frame import Json, plain, room, show
from core.services.team import COMMAND_LINE

monitor = room("Saved searches.")


@monitor.command("add")
def monitor_add(name: str, query: Annotated[str, typer.Option(help='#hashtag, words, or a "quoted phrase".')]) -> None:
    """Save a search; the worker looks for it from now on. Prints its number."""
    from core.services.monitoring import create_monitor

    with db.write() as session:
        made = create_monitor(session, COMMAND_LINE, name, query)
    typer.echo(str(made))


@monitor.command("list")
def monitor_list(as_json: Json = False) -> None:
    """All monitors."""
    from core.services.monitoring import monitors

    with db.read() as session:
        rows = monitors(session)
    show([plain(row) for row in rows], as_json, "No monitor yet.")


@monitor.command("mentions")
def monitor_mentions(
    limit: Annotated[int, typer.Option(help="How many at most.", min=1, max=10_000)] = 100, as_json: Json = False
) -> None:
    """What monitors found, newest first."""
    from core.services.monitoring import MentionFilter, mentions

    with db.read() as session:
        rows = mentions(session, MentionFilter(), limit=limit).rows
    show([plain(row) for row in rows], as_json, "Nothing found so far.")
