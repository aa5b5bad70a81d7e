"""`python -m core post …`."""

from pathlib import Path
from typing import Annotated

import typer

from core import db
from core.cli.frame import Json, moment_of, room, show
from core.services.team import COMMAND_LINE

post = room("The content plan.")


@post.command("schedule")
def post_schedule(
    channel_id: Annotated[list[int], typer.Option("--channel", help="Number of a channel; may be repeated.")],
    text: Annotated[str, typer.Option(help="The text; a line with only --- begins the next entry of a thread.")],
    at: Annotated[str, typer.Option(help="When, ISO 8601; without an offset in the team's time zone.")],
    media: Annotated[list[Path] | None, typer.Option(help="An image; may be repeated.")] = None,
    alt: Annotated[list[str] | None, typer.Option(help="Alt text, one for each --media, in the same order.")] = None,
    title: Annotated[str, typer.Option(help="A title for the plan.")] = "",
) -> None:
    """Put a post into the plan; prints its number."""
    from core.services import media as media_service
    from core.services import planning

    moment = moment_of(at)
    alts = alt or []
    if len(alts) > len(media or []):
        raise typer.BadParameter("There are more --alt than --media.")
    stored = []
    for number, path in enumerate(media or []):
        if not path.is_file():
            raise typer.BadParameter(f"There is no file {path}.")
        with db.write() as session:
            asset = media_service.store_image(session, COMMAND_LINE, path.read_bytes(), path.name)
        stored.append((asset, alts[number] if number < len(alts) else ""))
    with db.write() as session:
        made = planning.create_post(
            session, COMMAND_LINE, title=title, text=text, channel_ids=channel_id, images=stored, planned_at=moment
        )
        planning.schedule_post(session, COMMAND_LINE, made, moment)
    typer.echo(str(made))


@post.command("list")
def post_list(as_json: Json = False) -> None:
    """The content plan, earliest first."""
    from core.services import planning

    with db.read() as session:
        rows = planning.all_posts(session)
    show(rows, as_json, "Nothing is planned yet.")


@post.command("show")
def postshow(post_id: int, as_json: Json = False) -> None:
    """A post's deliveries, one a channel, with state, link and what went wrong."""
    from core.services import planning

    with db.read() as session:
        rows = planning.delivery_facts(session, post_id)
    show(rows, as_json, "This post goes to no channel yet.")


@post.command("cancel")
def post_cancel(post_id: int) -> None:
    """Take a post back that isn't out yet."""
    from core.services import planning

    with db.write() as session:
        planning.cancel_post(session, COMMAND_LINE, post_id)
