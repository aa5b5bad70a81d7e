"""`python -m core view …`: what the inbox shows under a view or any filters, and the views a member keeps."""

from typing import Annotated

import typer
from sqlmodel import Session

from core import db
from core.cli.frame import Json, room, show
from core.errors import NotFound
from core.services.team import COMMAND_LINE, Actor, actor_of, members

view = room("Views of the inbox.")
Whose = Annotated[str, typer.Option("--member", help="E-mail of the member whose views are meant.")]
_ASKS = "As in the address of the inbox: “view=open&label=Rückgabe&goal=complaint”, or the name of a view of --member."


@view.command("list")
def view_list(member: Whose = "", as_json: Json = False) -> None:
    """The views there are, those of a member too, with what to ask for."""
    from core.services import inbox_views

    with db.read() as session:
        own = inbox_views.own_views(session, _member(session, member)) if member else ()
    rows = [{"name": one.value, "query": f"view={one.value}", "own": False} for one in inbox_views.View]
    rows += [{"name": row.name, "query": row.query, "own": True} for row in own]
    show(rows, as_json, "No views.")


@view.command("show")
def view_show(
    asked: Annotated[str, typer.Argument(help=_ASKS)],
    member: Whose = "",
    limit: Annotated[int, typer.Option(help="How many at most.", min=1, max=10_000)] = 100,
    as_json: Json = False,
) -> None:
    """The conversations a view shows, in its order."""
    from core.services import inbox_views
    from core.services.inbox import ConversationRow, conversations

    with db.read() as session:
        actor = _member(session, member)
        query = asked if "=" in asked else inbox_views.own_named(inbox_views.own_views(session, actor), asked).query
        _, wanted = inbox_views.asked(session, actor, query)
        # Everything: whoever asks in a script doesn't see that more lies further back.
        found: list[ConversationRow] = []
        after = None
        while len(found) < limit:
            page = conversations(session, wanted, after, min(limit - len(found), 500))
            found += page.rows
            after = page.next
            if after is None:
                break
    names = ("id", "state", "contact", "contact_handle", "channel_handle", "kind", "unread", "assignee", "priority")
    more = (
        "goal",
        "sentiment",
        "language",
        "last_message_at",
        "waiting_since",
        "respond_by",
        "snoozed_until",
        "preview",
    )
    rows = [
        {name: getattr(row, name) for name in (*names, *more)} | {"labels": [one.name for one in row.labels]}
        for row in found
    ]
    show(rows, as_json, "No conversation matches.")


@view.command("keep")
def view_keep(
    name: Annotated[str, typer.Argument(help="What it is to be called.")],
    query: Annotated[str, typer.Argument(help="“view=open&label=Rückgabe”.")],
    member: Whose,
) -> None:
    """Keep a view for a member; one of the same name is replaced. Prints its number."""
    from core.services import inbox_views

    with db.write() as session:
        typer.echo(str(inbox_views.keep_view(session, _member(session, member), name, query)))


@view.command("delete")
def view_delete(name: Annotated[str, typer.Argument(help="Which one.")], member: Whose) -> None:
    """Forget a view of a member."""
    from core.services import inbox_views

    with db.write() as session:
        actor = _member(session, member)
        row = inbox_views.own_named(inbox_views.own_views(session, actor), name)
        inbox_views.delete_view(session, actor, row.id)
    typer.echo(f"“{row.name}” is deleted.")


def _member(session: Session, email: str) -> Actor:
    if not email:
        return COMMAND_LINE
    for row in members(session):
        if row.email == email.strip().lower():
            return actor_of(row)
    raise NotFound(f"There is no member with the address {email}.")
