"""`python -m core reply …`: the saved replies."""

import sys
from typing import Annotated

import typer

from core import db
from core.cli.frame import Json, room, show
from core.services.team import COMMAND_LINE

reply = room("Saved replies: answers kept for next time.")

Language = Annotated[str, typer.Option(help="de or en.")]


@reply.command("list")
def reply_list(
    search: Annotated[str, typer.Option(help="Words of its name or text.")] = "",
    language: Annotated[str, typer.Option(help="de or en; without it both.")] = "",
    as_json: Json = False,
) -> None:
    """All saved replies, with how often each was used."""
    from core.services.saved_replies import replies

    with db.read() as session:
        rows = replies(session, search, language or None)
    names = ("id", "name", "language", "used", "text", "updated_at")
    show([{name: getattr(row, name) for name in names} for row in rows], as_json, "No saved reply matches.")


@reply.command("add")
def reply_add(
    name: str,
    text: Annotated[str, typer.Option(help="With {contact}, {member}, {channel}; - reads standard input.")],
    language: Language = "de",
) -> None:
    """Keep a reply. Prints its number."""
    from core.services.saved_replies import create_reply

    words = sys.stdin.read() if text == "-" else text
    with db.write() as session:
        made = create_reply(session, COMMAND_LINE, name=name, language=language, text=words)
    typer.echo(str(made))


@reply.command("change")
def reply_change(
    name: str,
    text: Annotated[str | None, typer.Option(help="The new text; - reads standard input.")] = None,
    rename: Annotated[str | None, typer.Option(help="The new name.")] = None,
    language: Annotated[str, typer.Option(help="Which one, where it is there in both.")] = "",
) -> None:
    """Give a reply another text or name."""
    from core.services.saved_replies import change_reply, reply_named

    if text is None and rename is None:
        raise typer.BadParameter("Say what changes, with --text or --rename.")
    words = sys.stdin.read() if text == "-" else text
    with db.write() as session:
        row = reply_named(session, name, language or None)
        change_reply(
            session,
            COMMAND_LINE,
            row.id,
            name=rename or row.name,
            language=row.language,
            text=row.text if words is None else words,
        )


@reply.command("remove")
def reply_remove(
    name: str, language: Annotated[str, typer.Option(help="Which one, where it is there in both.")] = ""
) -> None:
    """Delete a reply."""
    from core.services.saved_replies import delete_reply, reply_named

    with db.write() as session:
        delete_reply(session, COMMAND_LINE, reply_named(session, name, language or None).id)
