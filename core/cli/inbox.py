"""`python -m core inbox …`."""

from pathlib import Path
from typing import Annotated

import typer

from core import db
from core.cli.frame import Json, room, sentence, show
from core.connectors.base import ReplyTo
from core.services.team import COMMAND_LINE

inbox = room("Conversations.")


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

    with sentence(f"There is no state “{state}”. Take open, pending, snoozed, resolved or all."):
        wanted = None if state == "all" else ConversationState(state)
    with db.read() as session:
        rows = conversations(session, InboxFilter(state=wanted, search=search), limit=limit).rows
    names = ("id", "state", "unread", "contact", "contact_handle", "channel_id", "channel_handle", "kind")
    more = ("message_count", "preview", "last_message_at", "waiting_since")
    shown = [{name: getattr(row, name) for name in (*names, *more)} for row in rows]
    show(shown, as_json, "No conversation matches.")


@inbox.command("show")
def inboxshow(conversation_id: int, as_json: Json = False) -> None:
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
    show([{name: getattr(row, name) for name in names} for row in talk.messages], as_json, "No messages.")


@inbox.command("reply")
def inbox_reply(
    conversation_id: int,
    text: Annotated[str, typer.Option(help="The answer. A line of only --- begins another post of a thread.")] = "",
    image: Annotated[list[Path] | None, typer.Option(help="An image; may be repeated.")] = None,
    alt: Annotated[list[str] | None, typer.Option(help="What is to be seen on it; one for each image.")] = None,
    saved: Annotated[str, typer.Option(help="The name of a saved reply to take instead of a text.")] = "",
    language: Annotated[str, typer.Option(help="Of the saved reply, where it is there in both.")] = "",
    as_thread: Annotated[
        bool, typer.Option("--thread", help="Part a text that is too long between sentences.")
    ] = False,
) -> None:
    """Answer; the worker sends it, at once. Prints the message's number."""
    from core.services import inbox as service
    from core.services import media, saved_replies

    if bool(text) == bool(saved) and not (image and not saved):
        raise typer.BadParameter("Give the answer with --text, or name a saved reply with --saved.")
    alts = alt or []
    if len(alts) > len(image or ()):
        raise typer.BadParameter("There are more --alt than --image.")
    missing = next((path for path in image or () if not path.is_file()), None)
    if missing is not None:
        raise typer.BadParameter(f"There is no file {missing}.")
    with db.write() as session:
        view = service.conversation(session, conversation_id, limit=1)
        if saved:
            row = saved_replies.reply_named(session, saved, language or None)
            text = saved_replies.use(session, COMMAND_LINE, row.id, view)
        if as_thread:
            to = ReplyTo("", "", view.kind, view.contact_handle)
            text = service.BETWEEN.join(service.split(text, view.network, view.limits, to))
        stored = [media.store_image(session, COMMAND_LINE, path.read_bytes(), path.name) for path in image or ()]
        images = [(asset, alts[number] if number < len(alts) else "") for number, asset in enumerate(stored)]
        made = service.send_reply(session, COMMAND_LINE, conversation_id, text, images=images)
    typer.echo(str(made))
