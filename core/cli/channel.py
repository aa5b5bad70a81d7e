"""`python -m core channel …`."""

from typing import Annotated

import typer

from core import db
from core.cli.frame import Json, PasswordStdin, password, room, show
from core.services.team import COMMAND_LINE

channel = room("Connected profiles.")


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
            COMMAND_LINE, network, base_url, handle, password(password_stdin), group or None
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
    facts = [{name: getattr(row, name) for name in (*names, "time_zone")} for row in rows]
    show(facts, as_json, "No channel is connected yet.")


@channel.command("zone")
def channel_zone(
    channel_id: int, time_zone: Annotated[str, typer.Argument(help="Like Europe/London; empty: the hub's own.")] = ""
) -> None:
    """Whose clock a channel goes by: the zone of its audience."""
    from core.services import channel_zones

    with db.write() as session:
        channel_zones.set_time_zone(session, COMMAND_LINE, channel_id, time_zone or None)


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
