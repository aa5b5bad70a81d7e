"""What all commands share: options, output as a table or as JSON, reading times and passwords. No command here."""

import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, is_dataclass
from datetime import date, datetime
from enum import Enum
from typing import Annotated, Any
from zoneinfo import ZoneInfo

import typer

from core.settings import settings


def room(about: str) -> typer.Typer:
    """A group of commands."""
    return typer.Typer(help=about, no_args_is_help=True, pretty_exceptions_enable=False)


Json = Annotated[bool, typer.Option("--json", help="One JSON array on standard output, nothing else.")]
PasswordStdin = Annotated[bool, typer.Option("--password-stdin", help="Read the password from standard input.")]


@contextmanager
def sentence(wrong: str) -> Iterator[None]:
    """A `ValueError` inside becomes a wrong use with this sentence."""
    try:
        yield
    except ValueError:
        raise typer.BadParameter(wrong) from None


def plain(value: Any) -> Any:
    """As values JSON knows."""
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, datetime | date):
        return value.isoformat()
    if is_dataclass(value) and not isinstance(value, type):
        return {name: plain(inner) for name, inner in asdict(value).items()}
    if isinstance(value, dict):
        return {str(key): plain(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [plain(inner) for inner in value]
    return value


def show(rows: list[dict[str, Any]], as_json: bool, nothing: str) -> None:
    """Rows as a JSON array, or as aligned columns for people."""
    rows = [plain(row) for row in rows]
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


def password(from_stdin: bool) -> str:
    """From standard input, or asked for without showing it."""
    if from_stdin:
        return sys.stdin.readline().rstrip("\r\n")
    return str(typer.prompt("Password", hide_input=True))


def moment_of(text: str) -> datetime:
    """ISO 8601; without an offset it is meant in the team's time zone. Standard error says what is odd that night."""
    from core.services.plan_drafts import local_to_utc

    with sentence(f"“{text}” is no time. Write it like 2026-12-01T09:00:00+01:00."):
        parsed = datetime.fromisoformat(text)
    if parsed.tzinfo:
        return parsed
    moment, note = local_to_utc(parsed, ZoneInfo(settings().time_zone))
    if note:
        typer.echo(note, err=True)
    return moment
