"""`python -m core rule …`: what happens by itself with what comes in."""

import json
import sys
from pathlib import Path
from typing import Annotated, Any

import typer
from sqlmodel import Session

from core import db
from core.cli.frame import Json, room, show
from core.errors import UserError
from core.services.team import COMMAND_LINE

rule = room("What happens by itself with what comes in: if … then ….")

Number = Annotated[int, typer.Argument(help="A rule's number, see: rule list.", metavar="RULE")]
File = Annotated[Path | None, typer.Argument(help="A file that holds the rule as JSON.", metavar="FILE")]
Stdin = Annotated[bool, typer.Option("--json-stdin", help="Read the rule as JSON from standard input.")]
EXAMPLE = (
    '{"name": "Bills", "conditions": {"match": "all", "of": [{"on": "words", "has": "any", "words": ["bill*"]}]}, '
    '"actions": [{"do": "priority", "priority": "high"}], "stop": false}'
)


def _written(file: Path | None, stdin: bool) -> dict[str, Any]:
    """A rule as somebody wrote it: an object with known keys."""
    if (file is None) is not stdin:
        raise typer.BadParameter("Give a file with the rule, or --json-stdin.")
    try:
        text = sys.stdin.read() if file is None else file.read_text(encoding="utf-8")
        given = json.loads(text)
    except OSError as error:
        raise UserError(f"{file} can't be read: {error.strerror}.") from None
    except UnicodeDecodeError:
        raise UserError("This is no text in UTF-8.") from None
    except json.JSONDecodeError as error:
        raise UserError(f"This is no JSON (line {error.lineno}): {error.msg}.") from None
    if not isinstance(given, dict):
        raise UserError(f"A rule is written like {EXAMPLE}")
    if unknown := sorted(set(given) - {"name", "conditions", "actions", "stop", "enabled"}):
        raise UserError(f"A rule can't have “{unknown[0]}”. It is written like {EXAMPLE}")
    kinds = {"name": str, "stop": bool, "enabled": bool}
    for key, kind in kinds.items():
        if not isinstance(given.get(key, kind()), kind):
            raise UserError(f"“{key}” is {'text' if kind is str else 'true or false'}.")
    return given


def _draft(given: dict[str, Any]) -> Any:
    from core.services.rules import RuleDraft

    return RuleDraft(
        name=given.get("name", ""),
        conditions=given.get("conditions", {"match": "all", "of": []}),
        actions=given.get("actions", []),
        stop=given.get("stop", False),
    )


@rule.command("list")
def rule_list(as_json: Json = False) -> None:
    """All rules in their order. With --json in the form that “rule add” takes, and how they fare."""
    from core.services.rules import rules

    with db.read() as session:
        rows = rules(session)
    if as_json:
        show([row.__dict__ for row in rows], True, "")
        return
    names = ("id", "position", "enabled", "stop", "name", "matched", "matched_at", "sentence")
    show([{name: getattr(row, name) for name in names} for row in rows], False, "There is no rule yet.")
    for row in rows:
        if row.trouble:
            typer.echo(f"{row.name}: {row.trouble}", err=True)


@rule.command("add", epilog=f"A rule is written like {EXAMPLE}")
def rule_add(file: File = None, json_stdin: Stdin = False) -> None:
    """Add a rule behind the others. Prints its number."""
    from core.services.rules import create_rule

    given = _written(file, json_stdin)
    with db.write() as session:
        made = create_rule(session, COMMAND_LINE, _draft(given), given.get("enabled", True))
    typer.echo(str(made))


@rule.command("edit")
def rule_edit(number: Number, file: File = None, json_stdin: Stdin = False) -> None:
    """Write a rule anew; its place and its count stay."""
    from core.services.rules import edit_rule, enable

    given = _written(file, json_stdin)
    with db.write() as session:
        edit_rule(session, COMMAND_LINE, number, _draft(given))
        if "enabled" in given:
            enable(session, COMMAND_LINE, number, given["enabled"])


@rule.command("remove")
def rule_remove(number: Number) -> None:
    """Delete a rule. What it did stays done."""
    from core.services.rules import delete_rule

    with db.write() as session:
        delete_rule(session, COMMAND_LINE, number)


@rule.command("enable")
def rule_enable(number: Number) -> None:
    """Switch a rule on."""
    _switch(number, True)


@rule.command("disable")
def rule_disable(number: Number) -> None:
    """Switch a rule off."""
    _switch(number, False)


def _switch(number: int, enabled: bool) -> None:
    from core.services.rules import enable

    with db.write() as session:
        enable(session, COMMAND_LINE, number, enabled)


@rule.command("move")
def rule_move(
    number: Number, by: Annotated[int, typer.Option(help="Places: -1 is one up, 1 one down.", show_default=False)]
) -> None:
    """Put a rule higher or lower: upper ones have their way."""
    from core.services.rules import move_rule

    with db.write() as session:
        move_rule(session, COMMAND_LINE, number, by)


@rule.command("try")
def rule_try(
    number: Annotated[int | None, typer.Argument(help="A rule's number, see: rule list.", metavar="RULE")] = None,
    file: Annotated[Path | None, typer.Option(help="A file that holds a rule as JSON.")] = None,
    json_stdin: Stdin = False,
    last: Annotated[int, typer.Option(min=1, max=5000, help="On so many messages.")] = 500,
    as_json: Json = False,
) -> None:
    """Show what a rule, added already or not yet, would have done to the last messages. Changes nothing."""
    from core.services.rules import dry_run

    if (number is not None) + (file is not None) + json_stdin != 1:
        raise typer.BadParameter("Give a rule's number, --file or --json-stdin.")
    draft = None if number is not None else _draft(_written(file, json_stdin))
    with db.read() as session:
        trial = dry_run(session, COMMAND_LINE, draft or _stored(session, number or 0), last)
    typer.echo(f"Applies to {len(trial.hits)} of the last {trial.looked} messages. Nothing was changed.", err=True)
    show([hit.__dict__ for hit in trial.hits] if as_json else [_line(hit) for hit in trial.hits], as_json, "")


def _stored(session: Session, number: int) -> Any:
    from core.services.rules import rule as stored

    return stored(session, number)


def _line(hit: Any) -> dict[str, Any]:
    would = f"nothing: {hit.stopped_by} stops before" if hit.stopped_by else ", ".join(hit.would)
    names = ("conversation_id", "at", "contact", "text")
    return {name: getattr(hit, name) for name in names} | {"would": would}
