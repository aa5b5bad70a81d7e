"""`python -m core feed …`."""

from typing import Annotated

import typer

from core import db
from core.cli.frame import Json, room, show
from core.services.team import COMMAND_LINE

feed = room("RSS and Atom feeds whose entries become drafts.")


@feed.command("list")
def feed_list(as_json: Json = False) -> None:
    """All feeds and how they do."""
    from core.services import feeds

    with db.read() as session:
        rows = feeds.sources(session)
    names = ("paused", "read_at", "due_at", "drafts", "trouble")
    told = [{"id": row.id} | row.form.__dict__ | {name: getattr(row, name) for name in names} for row in rows]
    show(told, as_json, "No feed is followed yet.")


@feed.command("add")
def feed_add(
    url: str,
    name: Annotated[str, typer.Option(help="What it is called here.")] = "",
    channel: Annotated[list[int] | None, typer.Option(help="Number of a channel; may be repeated.")] = None,
    campaign: Annotated[str, typer.Option(help="Name of a campaign.")] = "",
    template: Annotated[str, typer.Option(help="Text of a draft, with {title}, {link} and {summary}.")] = "",
    idea: Annotated[bool, typer.Option(help="As ideas, not drafts.")] = False,
) -> None:
    """Follow a feed; prints its number. The worker reads it."""
    from core.services import feeds

    form = feeds.SourceForm(url, name, tuple(channel or ()), campaign, template or feeds.TEMPLATE, idea)
    with db.write() as session:
        typer.echo(str(feeds.add_source(session, COMMAND_LINE, form)))


@feed.command("pause")
def feed_pause(source_id: int, back: Annotated[bool, typer.Option(help="Go on reading it.")] = False) -> None:
    """Stop reading a feed, or go on."""
    from core.services import feeds

    with db.write() as session:
        feeds.pause_source(session, COMMAND_LINE, source_id, not back)


@feed.command("delete")
def feed_delete(source_id: int) -> None:
    """Follow a feed no more; its drafts stay."""
    from core.services import feeds

    with db.write() as session:
        feeds.delete_source(session, COMMAND_LINE, source_id)
