"""`python -m core post …`, about what goes out: its journal, what needs care, what is published."""

from collections.abc import Sequence
from dataclasses import asdict
from typing import Annotated, Any

import typer

from core import db
from core.cli.frame import Json, plain, show
from core.cli.post import post
from core.services.team import COMMAND_LINE
from core.settings import settings

__all__ = ["post"]  # with these commands

ONE_OF = "Give the number of a delivery, or --post with the number of a post."
Ids = Annotated[list[int], typer.Argument(help="Numbers of deliveries, as `post show` and `post care` print them.")]


@post.command("journal")
def post_journal(post_id: int, as_json: Json = False) -> None:
    """What happened to each delivery of a post: intended, sent, accepted, seen, with times and the network's words."""
    from core.services import planning
    from core.services.proof_steps import proofs_of

    with db.read() as session:
        handles = {row.id: row.handle for row in planning.post_detail(session, post_id).deliveries}
        proofs = proofs_of(session, post_id)
    rows = [
        {
            "delivery": line.delivery_id,
            "channel": handles.get(line.delivery_id, ""),
            "at": line.at,
            "what": line.kind,
            "part": line.part + 1,
            "attempt": line.attempt,
            "times": line.times,
            "last_at": line.last_at,
            "by": line.by,
            "detail": line.detail,
        }
        for proof in proofs.values()
        for line in proof.lines
    ]
    show(rows, as_json, "Nothing has happened to this post yet.")


@post.command("outbox")
def post_outbox(as_json: Json = False) -> None:
    """What goes out within the hour, what is in doubt, what went out within a day, with its proof."""
    from zoneinfo import ZoneInfo

    from core.services.outbox import OutboxRow, outbox
    from core.services.proof_steps import sentence

    zone = ZoneInfo(settings().time_zone)
    with db.read() as session:
        found = outbox(session, limit=500)

    def facts(part: str, row: OutboxRow) -> dict[str, Any]:
        steps = [plain(asdict(step)) for step in row.steps] if as_json else [step.word for step in row.steps]
        said = row.waits or sentence(row.facts, row.lines, zone)
        return {
            "part": part,
            "delivery": row.id,
            "post": row.post_id,
            "channel": row.handle,
            "title": row.title,
            "due_at": row.facts.due_at,
            "seen_at": row.facts.seen_at,
            "proof": steps,
            "said": said,
        } | ({"conversation": row.conversation_id, "url": row.url} if as_json else {})

    parts = (("in doubt", found.doubtful), ("going out", found.going), ("published", found.published))
    show([facts(part, row) for part, rows in parts for row in rows], as_json, "Nothing goes out around now.")


@post.command("care")
def post_care(as_json: Json = False) -> None:
    """Deliveries that failed, may be out, or are gone from their network; the newest first."""
    from core.services.delivery_care import CareRow, care_rows

    rows: list[CareRow] = []
    before: int | None = None
    with db.read() as session:
        while True:
            page, before = care_rows(session, before, limit=500)
            rows += page
            if before is None:
                break
    names = ("id", "care", "title", "handle", "reason", "since", "post_id", "conversation_id", "url")
    show([{name: getattr(row, name) for name in names} for row in rows], as_json, "Nothing needs care.")


@post.command("retry")
def post_retry(delivery_ids: Ids) -> None:
    """Send failed deliveries again."""
    from core.services import delivery_care

    with db.write() as session:
        outcomes = delivery_care.retry_deliveries(session, COMMAND_LINE, delivery_ids)
    _tell(outcomes)


@post.command("give-up")
def post_give_up(delivery_ids: Ids) -> None:
    """Leave failed deliveries unsent, for good."""
    from core.services import delivery_care

    with db.write() as session:
        outcomes = delivery_care.give_up_deliveries(session, COMMAND_LINE, delivery_ids)
    _tell(outcomes)


@post.command("confirm")
def post_confirm(
    delivery_ids: Ids,
    online: Annotated[bool, typer.Option("--online/--not-online", help="What you saw at the network.")],
) -> None:
    """Say of unconfirmed deliveries whether they are online. What isn't is sent again."""
    from core.services import delivery_care

    with db.write() as session:
        outcomes = delivery_care.confirm_deliveries(session, COMMAND_LINE, delivery_ids, online)
    _tell(outcomes)


@post.command("note-gone")
def post_note_gone(delivery_ids: Ids) -> None:
    """Let deliveries that are gone from their network count as taken down."""
    from core.services import delivery_care

    with db.write() as session:
        outcomes = delivery_care.note_gone(session, COMMAND_LINE, delivery_ids)
    _tell(outcomes)


@post.command("edit-published")
def post_edit_published(
    text: Annotated[str, typer.Option(help="What stands there from now on; --- on a line of its own parts a thread.")],
    delivery_id: Annotated[int | None, typer.Argument(help="Number of a delivery.")] = None,
    post_id: Annotated[int | None, typer.Option("--post", help="Number of a post: wherever it says the same.")] = None,
) -> None:
    """Change a published post at its network, where that is possible."""
    from core.services import published

    if (delivery_id is None) == (post_id is None):
        raise typer.BadParameter(ONE_OF)
    if post_id is not None:
        _tell(published.edit_post_published(COMMAND_LINE, post_id, text))
    elif delivery_id is not None:
        published.edit_published(COMMAND_LINE, delivery_id, text)


@post.command("delete-published")
def post_delete_published(
    delivery_id: Annotated[int | None, typer.Argument(help="Number of a delivery.")] = None,
    post_id: Annotated[int | None, typer.Option("--post", help="Number of a post: everywhere it is.")] = None,
) -> None:
    """Take a published post off its network, or off every network that it is on."""
    from core.services import published

    if (delivery_id is None) == (post_id is None):
        raise typer.BadParameter(ONE_OF)
    if post_id is not None:
        _tell(published.delete_post_published(COMMAND_LINE, post_id))
    elif delivery_id is not None:
        published.delete_published(COMMAND_LINE, delivery_id)


def _tell(outcomes: Sequence[Any]) -> None:
    """One line each; exit code 1 when one could not be done."""
    for outcome in outcomes:
        typer.echo(f"{outcome.delivery_id}  {outcome.label}: {outcome.said}", err=not outcome.ok)
    if not all(outcome.ok for outcome in outcomes):
        raise typer.Exit(1)
