"""`python -m core act …`: like, repost, hide, delete, follow, mute, block at the network."""

from typing import Annotated

import typer

from core import db
from core.cli.frame import Json, sentence, show
from core.services.team import COMMAND_LINE


def act(
    message_id: int,
    what: Annotated[str | None, typer.Argument(help="like, unlike, …; without it: what can be done now.")] = None,
    yes: Annotated[bool, typer.Option("--yes", help="Don't ask before what can't be undone.")] = False,
    as_json: Json = False,
) -> None:
    """Do something at the network about a message (its number: inbox show) or about whoever wrote it."""
    from core.connectors.base import ON_AUTHOR, Act
    from core.services import inbox_actions

    if what is None:
        with db.read() as session:
            offered = inbox_actions.acts_of(session, message_id)
        rows = [{"act": a, "about": "author" if a in ON_AUTHOR else "message"} for a in offered]
        show(rows, as_json, "Nothing can be done with this message at its network.")
        return
    with sentence(f"There is no “{what}”. Take one of: {', '.join(Act)}."):
        wanted = Act(what)
    if wanted in inbox_actions.FINAL and not yes:
        typer.confirm(f"{wanted.value} can't be undone. Go on?", abort=True, err=True)
    typer.echo(f"{inbox_actions.perform(COMMAND_LINE, message_id, wanted)}.")
