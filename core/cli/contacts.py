"""`python -m core contact …`: who writes to us, who is one person, and what the law lets them ask for."""

import json
from pathlib import Path
from typing import Annotated

import typer

from core import db
from core.cli.frame import Json, plain, room, sentence, show
from core.services.team import COMMAND_LINE

contact = room("Who writes to us: profiles, one person's history, copies and erasure of their data.")

Id = Annotated[int, typer.Argument(help="The contact's number.", metavar="CONTACT")]
Ids = Annotated[list[int], typer.Argument(help="Who isn't that person.", metavar="CONTACT...")]


@contact.command("list")
def contact_list(
    search: Annotated[str, typer.Option(help="The beginning of a name or handle.")] = "",
    after: Annotated[int | None, typer.Option(help="Go on behind this number.")] = None,
    limit: Annotated[int, typer.Option(min=1, max=500)] = 50,
    as_json: Json = False,
) -> None:
    """Contacts, by number."""
    from core.services.contacts import contacts

    with db.read() as session:
        found = contacts(session, search, after, limit)
    names = ("id", "person_id", "network", "handle", "name", "followers")
    show([{name: getattr(row, name) for name in names} for row in found], as_json, "Nobody fits.")


@contact.command("show")
def contact_show(contact_id: Id, as_json: Json = False) -> None:
    """One person: profiles, stage, labels, the team's note."""
    from core.services.contacts import contact as whole

    with db.read() as session:
        view = whole(session, contact_id)
    row = {
        "id": view.id,
        "name": view.name,
        "profiles": [f"{one.handle} ({one.network})" for one in view.profiles],
        "stage": view.stage,
        "corrected": view.said is not None,
        "labels": [one.name for one in view.labels],
        "followers": view.followers,
        "first_seen_at": view.first_seen_at,
        "last_at": view.last_at,
        "note": view.note,
    }
    show([row], as_json, "")


@contact.command("merge")
def contact_merge(contact_id: Id, other: Annotated[int, typer.Argument(help="Who is the same person.")]) -> None:
    """Two contacts are one person."""
    from core.services.contact_people import merge

    with db.write() as session:
        merged = merge(session, COMMAND_LINE, contact_id, other)
    typer.echo(f"One person now, as contact {merged.person_id}.")


@contact.command("part")
def contact_part(
    ids: Ids,
) -> None:
    """Take contacts out of the person they belong to; they stay one with each other."""
    from core.services.contact_people import unmerge

    with db.write() as session:
        parted = unmerge(session, COMMAND_LINE, ids)
    typer.echo(f"{parted} parted.")


@contact.command("stage")
def contact_stage(
    contact_id: Id, to: Annotated[str, typer.Option(help="new, returning, engaged, fan, advocate, or derived.")]
) -> None:
    """Correct how far somebody has come."""
    from core.models.inbox import Stage
    from core.services.contacts import set_stage

    with sentence(f"There is no stage “{to}”. Take new, returning, engaged, fan, advocate or derived."):
        stage = None if to == "derived" else Stage(to)
    with db.write() as session:
        set_stage(session, COMMAND_LINE, contact_id, stage)


@contact.command("note")
def contact_note(contact_id: Id, text: Annotated[str, typer.Argument(help="What colleagues should know.")]) -> None:
    """Replace the team's note."""
    from core.services.contacts import set_note

    with db.write() as session:
        set_note(session, COMMAND_LINE, contact_id, text)


@contact.command("label")
def contact_label(
    contact_id: Id,
    add: Annotated[list[str] | None, typer.Option(help="A label to put on; may be given again.")] = None,
    remove: Annotated[list[str] | None, typer.Option(help="A label to take off; may be given again.")] = None,
) -> None:
    """Put labels on somebody, or take them off."""
    from core.services.contacts import label, unlabel
    from core.services.labels import label_named

    if not add and not remove:
        raise typer.BadParameter("Name a label with --add or --remove.")
    with db.write() as session:
        for name in remove or ():
            unlabel(session, COMMAND_LINE, contact_id, label_named(session, name).id)
        for name in add or ():
            label(session, COMMAND_LINE, contact_id, label_named(session, name).id)


@contact.command("export")
def contact_export(
    contact_id: Id, file: Annotated[Path | None, typer.Option(help="Write it there; standard output without.")] = None
) -> None:
    """Everything the hub knows of a person, as JSON (GDPR, article 15)."""
    from core.services.contact_gdpr import export_contact

    with db.write() as session:
        copy = export_contact(session, COMMAND_LINE, contact_id)
    text = json.dumps(plain(copy), ensure_ascii=False, indent=2)
    if file is None:
        typer.echo(text)
    else:
        file.write_text(text + "\n", encoding="utf-8")


@contact.command("erase")
def contact_erase(
    contact_id: Id,
    yes: Annotated[bool, typer.Option("--yes", help="Don't ask. It can't be undone.")] = False,
) -> None:
    """Erase a person: what they wrote, their names, what was noted about them (GDPR, article 17)."""
    from core.services.contact_erasure import delete_contact
    from core.services.contacts import contact as whole

    with db.read() as session:
        name = whole(session, contact_id).name
    if not yes:
        typer.confirm(f"Erase {name} and everything they wrote? It can't be undone.", abort=True)
    with db.write() as session:
        gone = delete_contact(session, COMMAND_LINE, contact_id)
    typer.echo(
        f"Erased: {gone.profiles} profiles, {gone.messages} messages, {gone.conversations} whole conversations, "
        f"{gone.mentions} mentions."
    )
    for rule in gone.rules:
        typer.echo(f"The rule “{rule}” still names them: change it.")
