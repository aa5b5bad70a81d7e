"""The command line: the same services without a browser. No rule lives here.

Exit code 0 done, 1 could not, 2 wrong use. Errors are one sentence on standard error; with `--json`, standard output holds one
JSON array and nothing else.
"""

import json
import logging
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, is_dataclass
from datetime import date, datetime
from enum import Enum
from pathlib import Path
from typing import Annotated, Any
from zoneinfo import ZoneInfo

import click
import typer
from sqlalchemy.exc import SQLAlchemyError

from core import db
from core.errors import HubError
from core.services import health
from core.services.team import COMMAND_LINE
from core.settings import settings


class _Group(typer.core.TyperGroup):
    """Turns the hub's own errors into one sentence and exit code 1."""

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except HubError as error:
            typer.echo(str(error), err=True)
        except SQLAlchemyError as error:
            typer.echo(f"The database can't be used ({type(error).__name__}). Try: python -m core doctor", err=True)
        raise typer.Exit(1)


def _room(about: str) -> typer.Typer:
    return typer.Typer(help=about, no_args_is_help=True, pretty_exceptions_enable=False)


app = typer.Typer(
    cls=_Group,
    help="Social Hub without a browser.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=False,
)
member = _room("The people of the team.")
channel = _room("Connected profiles.")
post = _room("The content plan.")
inbox = _room("Conversations.")
monitor = _room("Saved searches.")
sandbox = _room("A small social network of our own, to try things out.")
for room, name in (
    (member, "member"),
    (channel, "channel"),
    (post, "post"),
    (inbox, "inbox"),
    (monitor, "monitor"),
    (sandbox, "sandbox"),
):
    app.add_typer(room, name=name)

Json = Annotated[bool, typer.Option("--json", help="One JSON array on standard output, nothing else.")]
PasswordStdin = Annotated[bool, typer.Option("--password-stdin", help="Read the password from standard input.")]


@contextmanager
def _sentence(wrong: str) -> Iterator[None]:
    try:
        yield
    except ValueError:
        raise typer.BadParameter(wrong) from None


def _plain(value: Any) -> Any:
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, datetime | date):
        return value.isoformat()
    if is_dataclass(value) and not isinstance(value, type):
        return {name: _plain(inner) for name, inner in asdict(value).items()}
    if isinstance(value, dict):
        return {str(key): _plain(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [_plain(inner) for inner in value]
    return value


def _show(rows: list[dict[str, Any]], as_json: bool, nothing: str) -> None:
    """Rows as a JSON array, or as aligned columns for people."""
    rows = [_plain(row) for row in rows]
    if as_json:
        typer.echo(json.dumps(rows, ensure_ascii=False))
    elif not rows:
        typer.echo(nothing)
    else:
        cells = [[_cell(row[name]) for name in rows[0]] for row in rows]
        widths = [max(len(row[i]) for row in [list(rows[0]), *cells]) for i in range(len(rows[0]))]
        for row in [[name.upper() for name in rows[0]], *cells]:
            typer.echo("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())


def _cell(value: Any) -> str:
    text = "" if value is None else ", ".join(map(str, value)) if isinstance(value, list) else str(value)
    text = " ".join(text.split())
    return text if len(text) <= 60 else text[:59] + "…"


def _password(from_stdin: bool) -> str:
    if from_stdin:
        return sys.stdin.readline().rstrip("\r\n")
    return str(typer.prompt("Password", hide_input=True))


def _moment(text: str) -> datetime:
    """ISO 8601; without an offset it is meant in the team's time zone."""
    with _sentence(f"“{text}” is no time. Write it like 2026-12-01T09:00:00+01:00."):
        parsed = datetime.fromisoformat(text)
    return parsed if parsed.tzinfo else parsed.replace(tzinfo=ZoneInfo(settings().time_zone))


@app.callback()
def _start() -> None:
    logging.basicConfig(level=logging.WARNING, format="%(message)s", stream=sys.stderr)
    if click.get_current_context().invoked_subcommand not in {"migrate", "address", "doctor", "sandbox"}:
        health.migrate()


@app.command()
def migrate() -> None:
    """Bring the database to the newest schema."""
    health.migrate()


@app.command()
def address() -> None:
    """Say where the hub is to be found."""
    typer.echo(f"Social Hub is starting on {settings().base_url}  (Ctrl-C stops it)")


@app.command()
def web() -> None:
    """Serve the pages (the worker is started apart: python worker.py)."""
    health.migrate()
    config = settings()
    os.execv(  # noqa: S606 - our own interpreter, arguments from settings
        sys.executable,
        [
            *(sys.executable, "-m", "streamlit", "run", "core/web/app.py"),
            *("--server.port", str(config.port), "--server.address", config.host),
        ],
    )


@app.command()
def doctor() -> None:
    """Check what can be checked, and say what to do about it."""
    from core.services.doctor import examine

    findings = examine()
    for finding in findings:
        typer.echo(f"{'ok  ' if finding.ok else 'FAIL'}  {finding.about}: {finding.told}")
    if not all(finding.ok for finding in findings):
        raise typer.Exit(1)


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

    with _sentence(f"There is no role “{role}”. Take admin, editor or viewer."):
        wanted = Role(role)
    password = _password(password_stdin)
    with db.write() as session:
        create_member(session, COMMAND_LINE, email=email, name=name, password=password, role=wanted)
    typer.echo(f"{name} can sign in as {email}.")
