"""The command line: the same services without a browser. No rule lives here.

Exit code 0 done, 1 could not, 2 wrong use. Errors are one sentence on standard error; with `--json`, standard output
holds one JSON array and nothing else. One file a room; what they share is `frame.py`.
"""

import logging
import os
import sys
from typing import Annotated, Any

import typer
from sqlalchemy.exc import SQLAlchemyError

from core.cli import (
    actions,
    calendar,
    campaigns,
    channel,
    contacts,
    deliveries,
    feeds,
    handling,
    hours,
    inbox,
    monitor,
    notices,
    plan,
    publishing,
    replies,
    review,
    rules,
    slots,
    team,
    tone,
    views,
    writing,
)
from core.cli.frame import room
from core.errors import HubError
from core.services import health
from core.services.team import COMMAND_LINE
from core.settings import settings


class _Group(typer.core.TyperGroup):
    """Turns the hub's own errors into one sentence and exit code 1."""

    def invoke(self, ctx: Any) -> Any:
        try:
            return super().invoke(ctx)
        except HubError as error:
            typer.echo(str(error), err=True)
        except SQLAlchemyError as error:
            typer.echo(f"The database can't be used ({type(error).__name__}). Try: python -m core doctor", err=True)
        raise typer.Exit(1)


app = typer.Typer(
    cls=_Group,
    help="Social Hub without a browser.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=False,
)
sandbox = room("A small social network of our own, to try things out.")
for commands, name in (
    (team.member, "member"),
    (channel.channel, "channel"),
    (deliveries.post, "post"),
    (slots.slot, "slot"),
    (slots.queue, "queue"),
    (slots.repeat, "repeat"),
    (writing.block, "block"),
    (writing.person, "person"),
    (review.review, "review"),
    (plan.plan, "plan"),
    (plan.keydate, "keydate"),
    (publishing.publishing, "publishing"),
    (campaigns.campaign, "campaign"),
    (calendar.calendar_link, "calendar-link"),
    (feeds.feed, "feed"),
    (inbox.inbox, "inbox"),
    (contacts.contact, "contact"),
    (replies.reply, "reply"),
    (views.view, "view"),
    (handling.work, "work"),
    (handling.label, "label"),
    (rules.rule, "rule"),
    (tone.tone, "tone"),
    (monitor.monitor, "monitor"),
    (hours.hours, "hours"),
    (hours.service, "service"),
    (notices.notice, "notice"),
    (sandbox, "sandbox"),
):
    app.add_typer(commands, name=name)
app.command("act")(actions.act)


@app.callback()
def _start(context: typer.Context) -> None:
    logging.basicConfig(level=logging.WARNING, format="%(message)s", stream=sys.stderr)
    if context.invoked_subcommand not in {"migrate", "address", "doctor", "sandbox"}:
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


@sandbox.command("seed")
def sandbox_seed() -> None:
    """Connect the sandbox's three channels, with its history and plan. The worker starts its server."""
    from core.services import sandbox as sandbox_service

    sandbox_service.explore(COMMAND_LINE)
    typer.echo("The sandbox's channels are connected; a running worker fills the inbox within seconds.")


@app.command("seed")
def seed_bulk(
    messages: Annotated[int, typer.Option(min=1, help="How many messages.")] = 10_000,
    posts: Annotated[int, typer.Option(min=0, help="How many posts.")] = 500,
    channels: Annotated[int, typer.Option(min=1, help="How many channels.")] = 5,
) -> None:
    """Fill an empty hub with bulk data for benchmarks."""
    from core.services.seed import seed

    seed(messages, posts, channels, tell=lambda line: typer.echo(line, err=True))
