"""The command line: the same services without a browser. No rule lives here.

Exit code 0 done, 1 could not, 2 wrong use. Errors are one sentence on standard error; with `--json`, standard output
holds one JSON array and nothing else.
"""

import json
import logging
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, is_dataclass
from datetime import date, datetime
from enum import Enum
from pathlib import Path
from typing import Annotated, Any
from zoneinfo import ZoneInfo

import typer
from sqlalchemy.exc import SQLAlchemyError

from core import db
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


@channel.command("add")
def channel_add(
    network: Annotated[str, typer.Argument(help="mastodon or bluesky.")],
    base_url: Annotated[str, typer.Option(help="Address of the server; Bluesky: of the PDS.")] = "",
    token: Annotated[str, typer.Option(help="Access token.", envvar="HUB_CHANNEL_TOKEN")] = "",
    handle: Annotated[str, typer.Option(help="Handle, for networks with app passwords.")] = "",
    password_stdin: PasswordStdin = False,
    group: Annotated[str, typer.Option(help="Name of the group; made if it isn't there.")] = "",
) -> None:
    """Connect a profile, or reconnect it with new credentials."""
    from core.connectors.base import Auth
    from core.connectors.registry import connector_class
    from core.services import channels

    ways = connector_class(network).capabilities.auth
    if Auth.APP_PASSWORD in ways:
        if not handle:
            raise typer.BadParameter("Name the profile with --handle.")
        made = channels.connect_password(
            COMMAND_LINE, network, base_url, handle, _password(password_stdin), group or None
        )
    else:
        if not token or not base_url:
            raise typer.BadParameter("Give the server's address with --base-url and an access token with --token.")
        made = channels.connect_token(COMMAND_LINE, network, base_url, token, group or None)
    with db.read() as session:
        row = channels.channel(session, made)
    typer.echo(f"Channel {row.id}: {row.handle} is connected.")


@channel.command("list")
def channel_list(as_json: Json = False) -> None:
    """All channels."""
    from core.services import channels

    with db.read() as session:
        rows = channels.channels(session)
    names = ("id", "network", "handle", "name", "group", "state", "is_sandbox", "last_sync_at", "last_error", "url")
    _show([{name: getattr(row, name) for name in names} for row in rows], as_json, "No channel is connected yet.")


@channel.command("pause")
def channel_pause(channel_id: int) -> None:
    """Stop syncing and publishing on a channel."""
    from core.services import channels

    with db.write() as session:
        channels.pause(session, COMMAND_LINE, channel_id)


@channel.command("resume")
def channel_resume(channel_id: int) -> None:
    """Go on with a paused channel."""
    from core.services import channels

    with db.write() as session:
        channels.resume(session, COMMAND_LINE, channel_id)


@channel.command("remove")
def channel_remove(channel_id: int) -> None:
    """Erase a channel's credentials at once and what came through it soon after."""
    from core.services import channels

    channels.remove(COMMAND_LINE, channel_id)


@post.command("schedule")
def post_schedule(
    channel_id: Annotated[list[int], typer.Option("--channel", help="Number of a channel; may be repeated.")],
    text: Annotated[str, typer.Option(help="The text; a line with only --- begins the next entry of a thread.")],
    at: Annotated[str, typer.Option(help="When, ISO 8601; without an offset in the team's time zone.")],
    media: Annotated[list[Path] | None, typer.Option(help="An image; may be repeated.")] = None,
    alt: Annotated[list[str] | None, typer.Option(help="Alt text, one for each --media, in the same order.")] = None,
    title: Annotated[str, typer.Option(help="A title for the plan.")] = "",
) -> None:
    """Put a post into the plan; prints its number."""
    from core.services import media as media_service
    from core.services import planning

    moment = _moment(at)
    alts = alt or []
    if len(alts) > len(media or []):
        raise typer.BadParameter("There are more --alt than --media.")
    stored = []
    for number, path in enumerate(media or []):
        if not path.is_file():
            raise typer.BadParameter(f"There is no file {path}.")
        with db.write() as session:
            asset = media_service.store_image(session, COMMAND_LINE, path.read_bytes(), path.name)
        stored.append((asset, alts[number] if number < len(alts) else ""))
    with db.write() as session:
        made = planning.create_post(
            session, COMMAND_LINE, title=title, text=text, channel_ids=channel_id, images=stored, planned_at=moment
        )
        planning.schedule_post(session, COMMAND_LINE, made, moment)
    typer.echo(str(made))


@post.command("list")
def post_list(as_json: Json = False) -> None:
    """The content plan, earliest first."""
    from core.services import planning

    with db.read() as session:
        rows = planning.all_posts(session)
    _show(rows, as_json, "Nothing is planned yet.")


@post.command("show")
def post_show(post_id: int, as_json: Json = False) -> None:
    """A post's deliveries, one a channel, with state, link and what went wrong."""
    from core.services import planning

    with db.read() as session:
        rows = planning.delivery_facts(session, post_id)
    _show(rows, as_json, "This post goes to no channel yet.")


@post.command("cancel")
def post_cancel(post_id: int) -> None:
    """Take a post back that isn't out yet."""
    from core.services import planning

    with db.write() as session:
        planning.cancel_post(session, COMMAND_LINE, post_id)


@inbox.command("list")
def inbox_list(
    state: Annotated[str, typer.Option(help="open, pending, snoozed, resolved or all.")] = "all",
    search: Annotated[str, typer.Option(help="Words to look for.")] = "",
    limit: Annotated[int, typer.Option(help="How many at most.", min=1, max=10_000)] = 100,
    as_json: Json = False,
) -> None:
    """Conversations, newest first."""
    from core.models.inbox import ConversationState
    from core.services.inbox import InboxFilter, conversations

    with _sentence(f"There is no state “{state}”. Take open, pending, snoozed, resolved or all."):
        wanted = None if state == "all" else ConversationState(state)
    with db.read() as session:
        rows = conversations(session, InboxFilter(state=wanted, search=search), limit=limit).rows
    names = ("id", "state", "unread", "contact", "contact_handle", "channel_id", "channel_handle", "kind")
    more = ("message_count", "preview", "last_message_at", "waiting_since")
    shown = [{name: getattr(row, name) for name in (*names, *more)} for row in rows]
    _show(shown, as_json, "No conversation matches.")


@inbox.command("show")
def inbox_show(conversation_id: int, as_json: Json = False) -> None:
    """The messages of a conversation, oldest first."""
    from core.services.inbox import conversation

    with db.read() as session:
        talk = conversation(session, conversation_id, limit=500)
    names = (
        "id",
        "direction",
        "author",
        "handle",
        "text",
        "sent_at",
        "url",
        "answer",
        "error",
        "edited_at",
        "deleted_at",
    )
    _show([{name: getattr(row, name) for name in names} for row in talk.messages], as_json, "No messages.")


@inbox.command("reply")
def inbox_reply(conversation_id: int, text: Annotated[str, typer.Option(help="The answer.")]) -> None:
    """Answer; the worker sends it. Prints the message's number."""
    from core.services.inbox import send_reply

    with db.write() as session:
        made = send_reply(session, COMMAND_LINE, conversation_id, text)
    typer.echo(str(made))


@monitor.command("add")
def monitor_add(name: str, query: Annotated[str, typer.Option(help='#hashtag, words, or a "quoted phrase".')]) -> None:
    """Save a search; the worker looks for it from now on. Prints its number."""
    from core.services.monitoring import create_monitor

    with db.write() as session:
        made = create_monitor(session, COMMAND_LINE, name, query)
    typer.echo(str(made))


@monitor.command("list")
def monitor_list(as_json: Json = False) -> None:
    """All monitors."""
    from core.services.monitoring import monitors

    with db.read() as session:
        rows = monitors(session)
    _show([_plain(row) for row in rows], as_json, "No monitor yet.")


@monitor.command("mentions")
def monitor_mentions(
    limit: Annotated[int, typer.Option(help="How many at most.", min=1, max=10_000)] = 100, as_json: Json = False
) -> None:
    """What monitors found, newest first."""
    from core.services.monitoring import MentionFilter, mentions

    with db.read() as session:
        rows = mentions(session, MentionFilter(), limit=limit).rows
    _show([_plain(row) for row in rows], as_json, "Nothing found so far.")


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
