"""`python -m core publishing …`: the stop button, and posts at risk."""

from datetime import timedelta
from typing import Annotated

import typer

from core import db
from core.cli.frame import Json, moment_of, room, show
from core.services.team import COMMAND_LINE

publishing = room("Stop publishing and let it go on; what is at risk.")


@publishing.command("stop")
def publishing_stop(
    reason: Annotated[str, typer.Option(help="Why; the whole team reads it.")],
    group: Annotated[str, typer.Option(help="Name of a group; without it, all channels.")] = "",
) -> None:
    """From now on no post goes out; answers do. Prints the stop's number."""
    from core.services import channels, holds

    with db.write() as session:
        group_id = None
        if group:
            known = {row.name.casefold(): row.id for row in channels.groups(session)}
            if group.casefold() not in known:
                raise typer.BadParameter(f"There is no group “{group}”.")
            group_id = known[group.casefold()]
        typer.echo(str(holds.stop_publishing(session, COMMAND_LINE, reason, group_id)))


@publishing.command("stops")
def publishing_stops(as_json: Json = False) -> None:
    """What is stopped now, why, and how many posts it holds that are overdue."""
    from core.services import holds

    with db.read() as session:
        rows, counts = holds.open_holds(session), holds.held_counts(session)
    names = ("id", "group", "reason", "by", "started_at")
    told = [{name: getattr(row, name) for name in names} | {"overdue": counts.get(row.id, 0)} for row in rows]
    show(told, as_json, "Nothing is stopped.")


@publishing.command("held")
def publishing_held(stop_id: int, as_json: Json = False) -> None:
    """The posts that a stop keeps back, the earliest first."""
    from core.services import holds

    with db.read() as session:
        rows = holds.held_posts(session, stop_id)
    names = ("post_id", "title", "due_at", "overdue", "channels")
    show([{name: getattr(row, name) for name in names} for row in rows], as_json, "Nothing is held.")


@publishing.command("release")
def publishing_release(stop_id: int, post_id: list[int]) -> None:
    """Let some posts go although the stop stays."""
    from core.services import holds

    with db.write() as session:
        holds.release_posts(session, COMMAND_LINE, stop_id, post_id)


@publishing.command("resume")
def publishing_resume(
    stop_id: int,
    then: Annotated[str, typer.Option(help="What is overdue: now, in_order or drafts.")] = "now",
    start: Annotated[str, typer.Option(help="With in_order: when the first goes out, ISO 8601.")] = "",
    gap: Annotated[int, typer.Option(help="With in_order: minutes between two.")] = 15,
) -> None:
    """End a stop; prints how many posts had been held past their time."""
    from core.services import holds

    if then not in {choice.value for choice in holds.Release}:
        raise typer.BadParameter("--then is now, in_order or drafts.")
    at = moment_of(start) if start else None
    with db.write() as session:
        typer.echo(str(holds.resume_publishing(session, COMMAND_LINE, stop_id, holds.Release(then), at, gap)))


@publishing.command("at-risk")
def publishing_at_risk(
    days: Annotated[int, typer.Option(min=1, max=90, help="How far to look.")] = 14, as_json: Json = False
) -> None:
    """Scheduled posts that won't go out as things stand, and why."""
    from core.services import at_risk

    with db.read() as session:
        rows = at_risk.risks(session, timedelta(days=days))
    names = ("post_id", "title", "handle", "due_at", "kind", "message")
    show([{name: getattr(row, name) for name in names} for row in rows], as_json, "Nothing is at risk.")
