"""Changing and taking down what is published, at its network, and everything here that follows.

Each function opens its own short transactions: none is open while a network is talked to. Both deeds may be repeated
without harm, so a fault means: try again. What is still to be sent isn't touched here (`planning.py` does that).
"""

import logging
from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from functools import partial

from sqlalchemy import select
from sqlmodel import Session, col

from core import db
from core.connectors.base import Connector, Draft, DraftPart, Limits
from core.connectors.registry import connector_class
from core.errors import HubError, NeedsReauth, NotFound, RemoteGone, UserError
from core.models.analytics import Publication
from core.models.channel import Channel, ChannelState
from core.models.planning import Delivery, DeliveryState, Post
from core.models.planning_work import EventKind
from core.services import approval, channels, journal, post_history
from core.services.delivery_care import Outcome
from core.services.delivery_parts import Part, keep_parts, parts_of
from core.services.plan_deliveries import settle_post
from core.services.plan_drafts import BETWEEN, draft_of, first_error, problems_for, thread_texts
from core.services.proof_marks import close_publications, mark_missing
from core.services.team import Actor, Right, audit, require

log = logging.getLogger("hub.published")

GONE = "The network doesn't have it any more."


@dataclass(frozen=True)
class Target:
    """A published delivery as it stood when the work began. `parts` are those that are out."""

    id: int
    channel_id: int
    post_id: int
    handle: str
    network: str
    limits: Limits
    parts: tuple[Part, ...]
    draft: Draft | None


def published_text(session: Session, delivery_id: int) -> str:
    """What stands there as far as the hub knows, entries of a thread parted by lines of `---`."""
    row = session.get(Delivery, delivery_id)
    return _said(row) if row is not None else ""


# --- changing ---------------------------------------------------------------------------------------------------------


def edit_published(actor: Actor, delivery_id: int, text: str) -> None:
    """Give a published post another text at its network; of a thread, each entry that reads differently.

    Raises `UserError` where that isn't possible or allowed, and a `NetworkError` where the network didn't take it: what
    was changed until then is written down.
    """
    require(actor, Right.PLAN)
    with db.read() as session:
        target = _target(session, delivery_id, DeliveryState.PUBLISHED)
        _may_edit(session, actor, target)
    texts = thread_texts(text)
    if len(texts) != len(target.parts):
        raise UserError(_wrong_number(len(target.parts), len(texts)))
    draft = _judged(target, texts)
    changed = [n for n, part in enumerate(target.parts) if part.text != texts[n]]
    if not changed:
        raise UserError("Nothing is changed: this is what stands there.")

    def change(connector: Connector) -> None:
        for number in changed:
            remote_id = target.parts[number].remote_id
            assert remote_id is not None
            connector.edit(remote_id, draft, number)
            with db.write() as session:
                _keep_text(session, actor, target, number, texts[number])

    _at_network(target, change)
    with db.write() as session:
        _follow_text(session, actor, target, texts)


def edit_post_published(actor: Actor, post_id: int, text: str) -> list[Outcome]:
    """Give a post another text wherever it stands with the same words; one that fails doesn't keep the others from it.

    Where it reads differently (a text of its own, people and links as that network has them) it stays as it is.
    """
    require(actor, Right.PLAN)
    found = _published(post_id)
    common = Counter(said for *_, said in found).most_common(1)[0][0]
    outcomes = []
    for delivery_id, handle, said in found:
        if said != common:
            told = "It reads differently there, and stays so. Change it on its own."
            outcomes.append(Outcome(delivery_id, handle, False, told))
        else:
            outcomes.append(_tried(delivery_id, handle, "Changed.", partial(edit_published, actor, delivery_id, text)))
    if all(outcome.ok for outcome in outcomes):
        with db.write() as session:
            _share_text(session, actor, post_id)
    return outcomes


def common_text(texts: Sequence[str]) -> str | None:
    """The words that more than one of these published texts has; None where all read differently."""
    said, count = Counter(text for text in texts if text).most_common(1)[0] if any(texts) else ("", 0)
    return said if count > 1 else None


def _share_text(session: Session, actor: Actor, post_id: int) -> None:
    """All channels say the same again: then it is the post's text, and no channel's own."""
    post = session.get(Post, post_id)
    rows = list(session.execute(select(Delivery).where(col(Delivery.post_id) == post_id)).scalars())
    texts = {row.text for row in rows}
    if post is not None and len(texts) == 1 and (text := texts.pop()) is not None:
        post.text = text
        for row in rows:
            row.text = None
        _new_version(session, actor, post, "post.edit_published")


def _may_edit(session: Session, actor: Actor, target: Target) -> None:
    capabilities = connector_class(target.network).capabilities
    if not capabilities.edits:
        raise UserError(
            f"{capabilities.label} doesn't let anybody change what is published. "
            "Delete it there, and publish a corrected post."
        )
    approval.check_edit(session, actor, session.get_one(Post, target.post_id), target.channel_id)


def _wrong_number(there: int, given: int) -> str:
    if there == 1:
        return "It is one post there, and a change can't make a thread of it. Take out the lines of ---."
    return f"It is a thread of {there} entries there, but this would be {given}. Part them by {there - 1} lines of ---."


def _judged(target: Target, texts: Sequence[str]) -> Draft:
    """The draft with these texts, if the channel takes it. Images stay as they are there."""
    meant = target.draft.parts if target.draft is not None else ()
    images = [meant[n].images if n < len(meant) else () for n in range(len(texts))]
    parts = tuple(DraftPart(text, kept) for text, kept in zip(texts, images, strict=True))
    draft = replace(target.draft, parts=parts) if target.draft is not None else Draft(parts)
    problem = first_error(problems_for(target.network, target.limits, draft))
    if problem is not None:
        raise UserError(f"{problem.where(draft)}{problem.message}")
    return draft


def _keep_text(session: Session, actor: Actor, target: Target, number: int, text: str) -> None:
    """Part `number` reads differently now, there and here."""
    row = session.get(Delivery, target.id, with_for_update=True)
    if row is None:
        return
    parts = parts_of(row)
    parts[number] = replace(parts[number], text=text)
    keep_parts(row, parts)
    row.edited_at = db.utc_now()
    publication = select(Publication).where(
        col(Publication.channel_id) == row.channel_id, col(Publication.remote_id) == parts[number].remote_id
    )
    for found in session.execute(publication).scalars():
        found.text = text
    journal.note(session, row, EventKind.EDITED, part=number, actor=actor)
    audit(session, actor, "delivery.edit", f"delivery:{row.id}", f"part {number + 1}" if len(parts) > 1 else "")


def _follow_text(session: Session, actor: Actor, target: Target, texts: Sequence[str]) -> None:
    """The plan says what stands there: as this channel's own text, or as the post's when no other channel has it."""
    row, post = session.get(Delivery, target.id), session.get(Post, target.post_id)
    if row is None or post is None:
        return
    meant = thread_texts(row.text if row.text is not None else post.text)
    own = BETWEEN.join(texts[: len(meant)])  # behind them stands the first comment
    others = select(col(Delivery.id)).where(col(Delivery.post_id) == post.id, col(Delivery.id) != row.id)
    if session.execute(others.limit(1)).first() is None:
        post.text, row.text = own, None
    else:
        row.text = own if own != post.text else None
    _new_version(session, actor, post, "post.edit_published")


# --- taking down ------------------------------------------------------------------------------------------------------


def delete_published(actor: Actor, delivery_id: int) -> None:
    """Take a published post off its network, a thread from its end; what is gone there already counts as done.

    Raises as `edit_published` does. What was taken down until then is written down.
    """
    require(actor, Right.PLAN)
    with db.read() as session:
        target = _target(session, delivery_id, DeliveryState.PUBLISHED, DeliveryState.FAILED)
        capabilities = connector_class(target.network).capabilities
        if not capabilities.deletes:
            raise UserError(f"{capabilities.label} doesn't let the hub delete posts. Delete it there.")

    def delete(connector: Connector) -> None:
        for number in reversed(range(len(target.parts))):
            remote_id = target.parts[number].remote_id
            assert remote_id is not None
            try:
                connector.delete(remote_id)
            except RemoteGone:
                log.info("delivery %s: part %s was gone already", target.id, number + 1)
            with db.write() as session:
                _keep_deleted(session, actor, target, number, remote_id)

    _at_network(target, delete)


def delete_post_published(actor: Actor, post_id: int) -> list[Outcome]:
    """Take a post off every network that it is on; one that fails doesn't keep the others from it."""
    require(actor, Right.PLAN)
    return [
        _tried(delivery_id, handle, "Taken down.", partial(delete_published, actor, delivery_id))
        for delivery_id, handle, _ in _published(post_id)
    ]


def _keep_deleted(session: Session, actor: Actor, target: Target, number: int, remote_id: str) -> None:
    row = session.get(Delivery, target.id, with_for_update=True)
    if row is None:
        return
    close_publications(session, row, [remote_id])
    journal.note(session, row, EventKind.DELETED, part=number, actor=actor)
    row.proof_due_at = None
    if number == 0:  # the last to go
        row.state, row.gone_at, row.due_at = DeliveryState.DELETED, row.gone_at or db.utc_now(), None
        row.last_error = row.error_kind = None
        audit(session, actor, "delivery.delete", f"delivery:{row.id}")
        session.flush()
        settle_post(session, target.post_id)


# --- both -------------------------------------------------------------------------------------------------------------


def _published(post_id: int) -> list[tuple[int, str, str]]:
    """(delivery, handle, what stands there) of a post's published deliveries. Raises `UserError` when there is none."""
    with db.read() as session:
        there = (col(Delivery.post_id) == post_id, col(Delivery.state) == DeliveryState.PUBLISHED)
        asked = select(Delivery, col(Channel.handle)).join(Channel, col(Channel.id) == col(Delivery.channel_id))
        rows = session.execute(asked.where(*there).order_by(col(Delivery.id))).all()
    if not rows:
        raise UserError("Nothing of this post is published.")
    return [(row.id, handle, _said(row)) for row, handle in rows]


def _said(row: Delivery) -> str:
    return BETWEEN.join(part.text for part in parts_of(row) if part.remote_id)


def _tried(delivery_id: int, handle: str, done: str, deed: Callable[[], None]) -> Outcome:
    try:
        deed()
    except HubError as error:
        return Outcome(delivery_id, handle, False, str(error))
    return Outcome(delivery_id, handle, True, done)


def _target(session: Session, delivery_id: int, *states: DeliveryState) -> Target:
    """Raises `UserError` for what isn't in one of `states` with something of it out, or can't be reached."""
    row = session.get(Delivery, delivery_id)
    if row is None or row.post_id is None:
        raise NotFound("This delivery isn't there any more. Look at the post again.")
    channel = session.get_one(Channel, row.channel_id)
    parts = tuple(part for part in parts_of(row) if part.remote_id)
    if row.state is DeliveryState.DELETED:
        raise UserError(f"It was taken off {channel.handle} already.")
    if row.state not in states or (not parts and row.state is not DeliveryState.PUBLISHED):
        raise UserError(f"It isn't published on {channel.handle}, so there is nothing to change there.")
    if not parts:
        raise UserError("The hub doesn't know where exactly it stands (somebody confirmed it by hand). Do it there.")
    if channel.state is not ChannelState.ACTIVE:
        raise UserError(f"{channel.handle} isn't active. Resume or reconnect it on the Channels page first.")
    try:
        draft = draft_of(session, row)
    except HubError:
        draft = None
    limits = Limits.from_json(channel.limits)
    return Target(row.id, channel.id, row.post_id, channel.handle, channel.network, limits, parts, draft)


def _at_network(target: Target, work: Callable[[Connector], None]) -> None:
    """Run `work` with the channel's connector, and write down what its failure says about channel or post."""
    try:
        with closing(channels.open_connector(target.channel_id)) as connector:
            work(connector)
    except NeedsReauth as error:
        with db.write() as session:
            channels.note_error(session, target.channel_id, error)
        raise
    except RemoteGone:
        with db.write() as session:
            row = session.get(Delivery, target.id, with_for_update=True)
            if row is not None and row.gone_at is None:
                mark_missing(session, row, GONE)
        raise UserError(f"It isn't on {target.handle} any more, so it can't be changed there.") from None


def _new_version(session: Session, actor: Actor, post: Post, action: str) -> None:
    post.version += 1
    post.updated_at = db.utc_now()
    post_history.record(session, actor, post, action)
