"""`python -m core calendar-link …`: the plan in calendar programs."""

from typing import Annotated

import typer

from core import db
from core.cli.frame import Json, room, show
from core.cli.notices import Whose, actor_by
from core.services.team import COMMAND_LINE

calendar_link = room("Secret links that show the plan in a calendar program.")


@calendar_link.command("add")
def calendar_link_add(
    member: Whose,
    name: Annotated[str, typer.Option(help="What it is for, say “Phone”.")] = "",
    group: Annotated[int | None, typer.Option(help="Number of a group; without it the whole plan.")] = None,
) -> None:
    """Make a link for a member; prints its address, which is shown this once."""
    from core.services import calendar_feeds

    actor = actor_by(member)
    with db.write() as session:
        typer.echo(calendar_feeds.create_link(session, actor, name, group))


@calendar_link.command("list")
def calendar_link_list(member: Whose, as_json: Json = False) -> None:
    """A member's links that still work."""
    from core.services import calendar_feeds

    actor = actor_by(member)
    with db.read() as session:
        rows = calendar_feeds.links(session, actor)
    show([row.__dict__ for row in rows], as_json, "No links.")


@calendar_link.command("revoke")
def calendar_link_revoke(link_id: int) -> None:
    """From now on the link shows nothing."""
    from core.services import calendar_feeds

    with db.write() as session:
        calendar_feeds.revoke_link(session, COMMAND_LINE, link_id)
