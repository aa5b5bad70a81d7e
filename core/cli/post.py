"""`python -m core post …`."""

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from core import db
from core.cli.frame import Json, moment_of, room, show
from core.services.team import COMMAND_LINE

if TYPE_CHECKING:
    from core.services.plan_changes import Changes

post = room("The content plan.")


@post.command("schedule")
def post_schedule(
    channel_id: Annotated[list[int], typer.Option("--channel", help="Number of a channel; may be repeated.")],
    text: Annotated[str, typer.Option(help="The text; a line with only --- begins the next entry of a thread.")],
    at: Annotated[str, typer.Option(help="When, ISO 8601; without an offset in the team's time zone.")],
    media: Annotated[list[Path] | None, typer.Option(help="An image or a video; may be repeated.")] = None,
    alt: Annotated[list[str] | None, typer.Option(help="Alt text, one for each --media, in the same order.")] = None,
    focus: Annotated[
        list[str] | None,
        typer.Option(help="What stays in sight, x,y from -1 to 1 (right and up), one for each --media; - for none."),
    ] = None,
    title: Annotated[str, typer.Option(help="A title for the plan.")] = "",
    language: Annotated[str, typer.Option(help="Of the text, as in de or en.")] = "",
    content_warning: Annotated[str, typer.Option(help="Stands in front of the post.")] = "",
    visibility: Annotated[str, typer.Option(help="public, unlisted or private; else as usual there.")] = "",
    first_comment: Annotated[str, typer.Option(help="Goes out below the post, right after it.")] = "",
    campaign: Annotated[str, typer.Option(help="Its name; made if it isn't there.")] = "",
    tag_links: Annotated[bool, typer.Option("--tag-links", help="Add the campaign's parameters to links.")] = False,
    split: Annotated[bool, typer.Option("--split", help="A text too long for a channel becomes a thread.")] = False,
    number: Annotated[bool, typer.Option("--number", help="With --split: 1/3 behind each part.")] = False,
) -> None:
    """Put a post into the plan; prints its number."""
    from core.services import planning
    from core.services.plan_changes import Changes

    moment = moment_of(at)
    images = _stored(media or [], alt or [])
    changes = Changes(
        title=title,
        text=text,
        language=language,
        channel_ids=tuple(channel_id),
        images=images,
        focal=_points([number for number, _ in images], focus or []),
        content_warning=content_warning,
        visibility=visibility,
        first_comment=first_comment,
        campaign=campaign,
        tagged=tag_links,
        planned_at=moment,
    )
    if split:
        changes = replace(changes, text=_as_thread(changes, number))
    with db.write() as session:
        made = planning.create_post(session, COMMAND_LINE, more=changes)
        planning.schedule_post(session, COMMAND_LINE, made, moment)
    typer.echo(str(made))


def _points(media_ids: list[int], told: list[str]) -> dict[int, tuple[float, float] | None]:
    """What stays in sight of each."""
    if len(told) > len(media_ids):
        raise typer.BadParameter("There are more --focus than --media.")
    points: dict[int, tuple[float, float] | None] = {}
    for media_id, one in zip(media_ids, told, strict=False):
        try:
            x, y = (float(part) for part in one.split(",")) if one != "-" else (0.0, 0.0)
        except ValueError:
            raise typer.BadParameter(f"--focus {one}: give two numbers with a comma, as in 0.5,-0.2.") from None
        if not (-1 <= x <= 1 and -1 <= y <= 1):
            raise typer.BadParameter(f"--focus {one}: each number is from -1 to 1.")
        points[media_id] = (x, y) if one != "-" else None
    return points


def _stored(media: list[Path], alts: list[str]) -> tuple[tuple[int, str], ...]:
    """The files kept as media, with their alt texts."""
    from core.services import media as media_service

    if len(alts) > len(media):
        raise typer.BadParameter("There are more --alt than --media.")
    stored = []
    for number, path in enumerate(media):
        if not path.is_file():
            raise typer.BadParameter(f"There is no file {path}.")
        with path.open("rb") as file:
            upload = media_service.look_at(COMMAND_LINE, file, path.name)
        with db.write() as session:
            asset = media_service.keep(session, COMMAND_LINE, upload)
        stored.append((asset, alts[number] if number < len(alts) else ""))
    return tuple(stored)


def _as_thread(changes: "Changes", numbered: bool) -> str:
    """The text cut so that each part fits every chosen channel."""
    from core.services.channels import channels
    from core.services.plan_typed import PER_MILLE, typed_post
    from core.services.threads import as_thread

    with db.read() as session:
        chosen = [row for row in channels(session) if row.id in (changes.channel_ids or ())]
        measure = typed_post(session, changes, chosen).fullness(chosen)
    return as_thread(changes.text or "", measure, PER_MILLE, numbered)


@post.command("draft")
def post_draft(post_id: int, as_json: Json = False) -> None:
    """What goes out: each part on each channel, with handles, links and lengths as its network counts."""
    from core.services import planning

    with db.read() as session:
        rows = planning.draft_facts(session, post_id)
    show(rows, as_json, "This post goes to no channel yet.")


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
