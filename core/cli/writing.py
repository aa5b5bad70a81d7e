"""`python -m core block …` and `python -m core person …`: what posts are written with."""

import sys
from typing import Annotated

import typer

from core import db
from core.cli.frame import Json, room, sentence, show
from core.models.planning_sources import BlockKind
from core.services.team import COMMAND_LINE

block = room("Text blocks: snippets and hashtag sets for posts.")
person = room("People whom posts name as @[Name], with their handles.")

Kind = Annotated[str, typer.Option(help="snippet or hashtags.")]


def _kind(kind: str) -> BlockKind | None:
    if not kind:
        return None
    with sentence(f"“{kind}” is no kind of text block. Take snippet or hashtags."):
        return BlockKind(kind)


# --- text blocks ------------------------------------------------------------------------------------------------------


@block.command("list")
def block_list(
    search: Annotated[str, typer.Option(help="Only those that hold all these words.")] = "",
    kind: Kind = "",
    as_json: Json = False,
) -> None:
    """The text blocks, by kind and name."""
    from core.services.text_blocks import blocks

    with db.read() as session:
        rows = blocks(session, _kind(kind), search)
    names = ("id", "kind", "name", "language", "used", "text", "updated_at")
    show([{name: getattr(row, name) for name in names} for row in rows], as_json, "No text block matches.")


@block.command("add")
def block_add(
    name: str,
    text: Annotated[str, typer.Option(help="The text, or hashtags; - reads standard input.")],
    kind: Kind = "snippet",
    language: Annotated[str, typer.Option(help="For posts in this language only: de or en.")] = "",
) -> None:
    """Keep a text block. Prints its number."""
    from core.services.text_blocks import create_block

    words = sys.stdin.read() if text == "-" else text
    with db.write() as session:
        made = create_block(
            session, COMMAND_LINE, kind=_kind(kind) or BlockKind.SNIPPET, name=name, text=words, language=language
        )
    typer.echo(str(made))


@block.command("change")
def block_change(
    name: str,
    text: Annotated[str | None, typer.Option(help="The new text; - reads standard input.")] = None,
    rename: Annotated[str | None, typer.Option(help="The new name.")] = None,
    kind: Kind = "",
) -> None:
    """Give a text block another text or name."""
    from core.services.text_blocks import block_named, change_block

    if text is None and rename is None:
        raise typer.BadParameter("Say what changes, with --text or --rename.")
    words = sys.stdin.read() if text == "-" else text
    with db.write() as session:
        row = block_named(session, name, _kind(kind))
        told = row.text if words is None else words
        change_block(session, COMMAND_LINE, row.id, name=rename or row.name, text=told, language=row.language)


@block.command("remove")
def block_remove(name: str, kind: Kind = "") -> None:
    """Delete a text block."""
    from core.services.text_blocks import block_named, delete_block

    with db.write() as session:
        delete_block(session, COMMAND_LINE, block_named(session, name, _kind(kind)).id)


# --- people -----------------------------------------------------------------------------------------------------------

Handles = Annotated[
    list[str], typer.Option("--handle", help="As network=handle, mastodon=lena@norden.social; may be repeated.")
]


def _handles(given: list[str]) -> dict[str, str]:
    pairs = [one.partition("=") for one in given]
    wrong = next((one for one, (_, sign, _) in zip(given, pairs, strict=True) if not sign), None)
    if wrong is not None:
        raise typer.BadParameter(f"“{wrong}” isn't written as network=handle.")
    return {network.strip(): handle for network, _, handle in pairs}


@person.command("list")
def person_list(
    search: Annotated[str, typer.Option(help="Only those whose name or handle holds all these words.")] = "",
    as_json: Json = False,
) -> None:
    """The people, by name."""
    from core.services.named_people import people

    with db.read() as session:
        rows = people(session, search)
    facts = [{"id": row.id, "name": row.name, "handles": dict(row.handles)} for row in rows]
    if not as_json:
        facts = [f | {"handles": [f"{network}={one}" for network, one in f["handles"].items()]} for f in facts]  # type: ignore[attr-defined]
    show(facts, as_json, "Nobody matches.")


@person.command("add")
def person_add(name: str, handle: Handles) -> None:
    """Put a person into the list. Prints their number."""
    from core.services.named_people import create_person

    with db.write() as session:
        made = create_person(session, COMMAND_LINE, name, _handles(handle))
    typer.echo(str(made))


@person.command("from-contact")
def person_from_contact(contact_id: int) -> None:
    """Take a contact over, with the handles of all profiles merged with it. Prints the person's number."""
    from core.services import named_people

    with db.write() as session:
        made = named_people.person_from_contact(session, COMMAND_LINE, contact_id)
    typer.echo(str(made))


@person.command("change")
def person_change(
    name: str,
    handle: Annotated[
        list[str] | None, typer.Option("--handle", help="As network=handle; an empty handle takes it away.")
    ] = None,
    rename: Annotated[str | None, typer.Option(help="The new name.")] = None,
) -> None:
    """Give a person another name, or other handles; handles not named stay."""
    from core.services.named_people import change_person, person_named

    if not handle and rename is None:
        raise typer.BadParameter("Say what changes, with --handle or --rename.")
    with db.write() as session:
        row = person_named(session, name)
        change_person(session, COMMAND_LINE, row.id, rename or row.name, {**row.handles, **_handles(handle or [])})


@person.command("remove")
def person_remove(name: str) -> None:
    """Take a person off the list. Posts that name them say the plain name then."""
    from core.services.named_people import delete_person, person_named

    with db.write() as session:
        delete_person(session, COMMAND_LINE, person_named(session, name).id)
