"""`python -m core notice …`: what members should know, and where it goes besides the app."""

import sys
from typing import Annotated

import typer

from core import db
from core.cli.frame import Json, room, show
from core.services.team import Actor

notice = room("What members should know, and where it goes besides the app.")

Whose = Annotated[str, typer.Option("--member", help="Whose: their e-mail.")]


def actor_by(email: str) -> Actor:
    """The member with this e-mail, as who acts."""
    from core.models.team import Member
    from core.services.inbox_handling import person
    from core.services.team import actor_of

    with db.read() as session:
        return actor_of(session.get_one(Member, person(session, email).id))


@notice.command("list")
def notice_list(member: Whose, as_json: Json = False) -> None:
    """What a member hasn't read yet, newest first."""
    from core.services.notices import CAP, unread

    actor = actor_by(member)
    with db.read() as session:
        rows = unread(session, actor, limit=CAP)
    names = ("id", "kind", "text", "target", "created_at")
    show([{name: getattr(row, name) for name in names} for row in rows], as_json, "Everything is read.")


@notice.command("read")
def notice_read(member: Whose) -> None:
    """Mark everything as read."""
    from core.services.notices import mark_read

    actor = actor_by(member)
    with db.write() as session:
        typer.echo(f"{mark_read(session, actor)} read.")


@notice.command("settings")
def notice_settings(
    member: Whose,
    addresses_stdin: Annotated[
        bool, typer.Option("--addresses-stdin", help="Read apprise addresses from standard input, one a line.")
    ] = False,
    no_address: Annotated[bool, typer.Option("--no-address", help="In the app alone.")] = False,
    kind: Annotated[list[str] | None, typer.Option(help="Which kinds go out; may be given again.")] = None,
    quiet: Annotated[str | None, typer.Option(help="Quiet hours like 19:00-08:00, or none.")] = None,
    digest: Annotated[str | None, typer.Option(help="One message a day at a time like 09:00, or none.")] = None,
    as_json: Json = False,
) -> None:
    """Show or change where a member's notices go. Addresses are shown without their secrets."""
    from core.services import notice_wishes
    from core.services.notice_options import digest_of, kinds_of, quiet_of

    actor = actor_by(member)
    if addresses_stdin or no_address or kind or quiet or digest:
        # Not as an option: they hold secrets, and everybody on the machine sees a command's words.
        addresses = notice_wishes.read_addresses(sys.stdin.read()) if addresses_stdin else {} if no_address else None
        with db.write() as session:
            now = notice_wishes.wishes(session, actor)
            notice_wishes.save(
                session,
                actor,
                addresses=addresses,
                kinds=kinds_of(kind, now),
                quiet=quiet_of(quiet, now),
                digest_at=digest_of(digest, now),
            )
    with db.read() as session:
        now = notice_wishes.wishes(session, actor)
    row = {
        "addresses": list(now.masked),
        "kinds": [one.value for one in now.kinds],
        "quiet": f"{now.quiet_from}-{now.quiet_to}" if now.quiet_from else None,
        "digest": now.digest_at,
        "trouble": now.trouble,
    }
    show([row], as_json, "")


@notice.command("test")
def notice_test(member: Whose, as_json: Json = False) -> None:
    """Send a word to each of a member's addresses now."""
    from core.services.notice_sending import send_test

    told = send_test(actor_by(member))
    show([{"address": label, "fate": one.fate, "said": one.said} for label, one in told], as_json, "")
    if not all(one.arrived for _, one in told):
        raise typer.Exit(1)
