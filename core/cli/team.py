"""`python -m core member …`."""

from typing import Annotated

import typer

from core import db
from core.cli.frame import PasswordStdin, password, room, sentence
from core.services.team import COMMAND_LINE

member = room("The people of the team.")


@member.command("add")
def member_add(
    email: str,
    name: Annotated[str, typer.Option(help="The name that colleagues see.")],
    role: Annotated[str, typer.Option(help="admin, editor or viewer.")] = "editor",
    password_stdin: PasswordStdin = False,
) -> None:
    """Add a person who signs in."""
    from core.models.team import Role
    from core.services.team import create_member

    with sentence(f"There is no role “{role}”. Take admin, editor or viewer."):
        wanted = Role(role)
    given = password(password_stdin)
    with db.write() as session:
        create_member(session, COMMAND_LINE, email=email, name=name, password=given, role=wanted)
    typer.echo(f"{name} can sign in as {email}.")
