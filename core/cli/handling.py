"""`python -m core work …` and `python -m core label …`: what is decided about conversations, and the labels for it."""

from collections.abc import Callable
from typing import Annotated
from zoneinfo import ZoneInfo

import typer
from sqlmodel import Session

from core import db
from core.cli.frame import Json, room, sentence, show
from core.services.inbox_undo import Undo
from core.services.team import COMMAND_LINE

work = room("What is decided about conversations: who has them, how urgent, what for, until when.")
label = room("The team's labels.")

Ids = Annotated[list[int], typer.Argument(help="Numbers of conversations, up to 1,000.", metavar="CONVERSATION...")]


def _decide(call: Callable[[Session], Undo]) -> None:
    with db.write() as session:
        made = call(session)
    typer.echo(f"{made.done}.")


@work.command("show")
def work_show(ids: Ids, as_json: Json = False) -> None:
    """How conversations are handled."""
    from core.services.inbox_handling import handling_of

    with db.read() as session:
        found = handling_of(session, ids)
    names = ("id", "state", "assignee", "priority", "goal", "snoozed_until", "resolved_at")
    rows = [
        {name: getattr(row, name) for name in names} | {"labels": [one.name for one in row.labels]}
        for row in found.values()
    ]
    show(rows, as_json, "No such conversation.")


@work.command("assign")
def work_assign(ids: Ids, to: Annotated[str, typer.Option(help="A member's e-mail, or nobody.")]) -> None:
    """Give conversations to a member, who is told, or to nobody."""
    from core.services.inbox_handling import assign, person

    def give(session: Session) -> Undo:
        member_id = None if to == "nobody" else person(session, to).id
        return assign(session, COMMAND_LINE, ids, member_id)

    _decide(give)


@work.command("label")
def work_label(
    ids: Ids,
    add: Annotated[list[str] | None, typer.Option(help="A label to put on; may be given again.")] = None,
    remove: Annotated[list[str] | None, typer.Option(help="A label to take off; may be given again.")] = None,
) -> None:
    """Put labels on conversations, or take them off."""
    from core.services.inbox_handling import add_label, remove_label
    from core.services.labels import label_named

    if not add and not remove:
        raise typer.BadParameter("Name a label with --add or --remove.")
    with db.write() as session:
        made = [remove_label(session, COMMAND_LINE, ids, label_named(session, name).id) for name in remove or ()]
        made += [add_label(session, COMMAND_LINE, ids, label_named(session, name).id) for name in add or ()]
    for one in made:
        typer.echo(f"{one.done}.")


@work.command("goal")
def work_goal(
    ids: Ids, to: Annotated[str, typer.Option(help="inquiry, support, opinion, praise, complaint or none.")]
) -> None:
    """Say what conversations are for the company."""
    from core.models.inbox import Goal
    from core.services.inbox_handling import set_goal

    with sentence(f"There is no goal “{to}”. Take inquiry, support, opinion, praise, complaint or none."):
        goal = None if to == "none" else Goal(to)
    _decide(lambda session: set_goal(session, COMMAND_LINE, ids, goal))


@work.command("priority")
def work_priority(ids: Ids, to: Annotated[str, typer.Option(help="low, normal, high or urgent.")]) -> None:
    """Say how soon somebody should look."""
    from core.models.inbox import Priority
    from core.services.inbox_handling import set_priority

    with sentence(f"There is no priority “{to}”. Take low, normal, high or urgent."):
        priority = Priority(to)
    _decide(lambda session: set_priority(session, COMMAND_LINE, ids, priority))


@work.command("snooze")
def work_snooze(
    ids: Ids,
    until: Annotated[str, typer.Option(help="tomorrow, monday (both at 9:00), 2h, 3d, or 2026-12-01T09:00.")],
) -> None:
    """Put conversations off. They come back then, or with the next message."""
    from core.services.inbox_handling import snooze
    from core.services.snooze_times import until as meant
    from core.settings import settings

    moment = meant(until, db.utc_now(), ZoneInfo(settings().time_zone))
    _decide(lambda session: snooze(session, COMMAND_LINE, ids, moment))


@work.command("resolve")
def work_resolve(ids: Ids) -> None:
    """Nothing is left to do. A new message opens them again."""
    _stand(ids, "resolved")


@work.command("pending")
def work_pending(ids: Ids) -> None:
    """Somebody else's turn. A new message opens them again."""
    _stand(ids, "pending")


@work.command("reopen")
def work_reopen(ids: Ids) -> None:
    """Open them again, snoozed ones too."""
    _stand(ids, "open")


def _stand(ids: list[int], state: str) -> None:
    from core.models.inbox import ConversationState
    from core.services.inbox_handling import set_states

    _decide(lambda session: set_states(session, COMMAND_LINE, ids, ConversationState(state)))


@label.command("list")
def label_list(as_json: Json = False) -> None:
    """All labels, with how many conversations and contacts carry them."""
    from core.services.labels import labels

    with db.read() as session:
        rows = labels(session)
    show([row.__dict__ for row in rows], as_json, "There is no label yet.")


@label.command("add")
def label_add(
    name: str,
    color: Annotated[str, typer.Option(help="gray, blue, green, yellow, orange, red or violet.")] = "gray",
) -> None:
    """Add a label. Prints its number."""
    from core.services.labels import create_label

    with db.write() as session:
        made = create_label(session, COMMAND_LINE, name, color)
    typer.echo(str(made))


@label.command("rename")
def label_rename(name: str, to: Annotated[str, typer.Option(help="The new name.")]) -> None:
    """Give a label another name; it stays wherever it is on."""
    from core.services.labels import label_named, rename_label

    with db.write() as session:
        rename_label(session, COMMAND_LINE, label_named(session, name).id, to)


@label.command("remove")
def label_remove(name: str) -> None:
    """Delete a label, everywhere. Prints on how many conversations it was."""
    from core.services.labels import delete_label, label_named

    with db.write() as session:
        used = delete_label(session, COMMAND_LINE, label_named(session, name).id)
    typer.echo(str(used))
