"""`python -m core inbox …`."""

from typing import Annotated

import typer

from core import db
from core.cli.frame import Json, room, sentence, show
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
def inbox_reply(conversation_id: int, text: Annotated[str, typer.Option(help="The answer.")]) -> None:
    """Answer; the worker sends it. Prints the message's number."""
    from core.services.inbox import send_reply

    with db.write() as session:
        made = send_reply(session, COMMAND_LINE, conversation_id, text)
    typer.echo(str(made))
