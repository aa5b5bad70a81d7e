"""Channels: use, pause, resume, group, remove and purge them. The one place for what the rest asks about channels.

Connecting is next door and offered here too (`connecting.py`), as are the lists (`channel_list.py`). What is synced
when is `sync.py`'s.
"""

import logging
from datetime import timedelta
from typing import Any

from sqlalchemy import delete, select, update
from sqlmodel import Session, col

from core import db, vault
from core.connectors.base import Connector, Credentials, Limits
from core.connectors.registry import connector_class
from core.errors import HubError, NeedsReauth, NotFound, UserError
from core.models.analytics import Publication, Snapshot
from core.models.channel import Channel, ChannelState, SyncCursor
from core.models.inbox import Contact, Conversation, Message
from core.models.monitoring import Mention
from core.models.planning import Delivery, DeliveryState
from core.models.planning_work import EventKind
from core.models.team import Member, Role
from core.services import approval, journal
from core.services.channel_list import ChannelRow, GroupRow, channel, channels, ensure_group, groups
from core.services.connecting import (
    allowed_hosts,
    connect_password,
    connect_token,
    finish_oauth,
    reconnect,
    revoke,
    start_oauth,
)
from core.services.contact_people import leave
from core.services.monitor_cursors import ensure_cursors
from core.services.notices import NoticeKind, notify
from core.services.planning import settle_post
from core.services.team import Actor, Right, audit, require

__all__ = [
    "ChannelRow",
    "GroupRow",
    "channel",
    "channels",
    "connect_password",
    "connect_token",
    "ensure_group",
    "finish_oauth",
    "groups",
    "note_error",
    "open_connector",
    "pause",
    "purge_removed",
    "reconnect",
    "remove",
    "resume",
    "set_group",
    "start_oauth",
]

log = logging.getLogger("hub.channels")

WORKER = Actor(id=None, name="Worker", email="", role=Role.ADMIN)

OPEN = (DeliveryState.DRAFT, DeliveryState.SCHEDULED, DeliveryState.CHECKING)
PURGE_DELAY = timedelta(seconds=30)  # what was under way when a channel was removed comes to its end first


def open_connector(channel_id: int) -> Connector:
    """The connector of a channel, with its credentials; use it with `contextlib.closing`.

    Raises `NotFound` for a removed channel, `NeedsReauth` where there are no credentials, `UserError` where the key
    doesn't open them.
    """
    with db.read() as session:
        row = session.get(Channel, channel_id)
        if row is None or row.state == ChannelState.REMOVED:
            raise NotFound("This channel isn't there any more.")
        session.expunge(row)
    if row.sealed is None:
        raise NeedsReauth("The channel has no credentials. Reconnect it.")
    return connector_class(row.network)(
        row.base_url,
        vault.unseal(row.sealed),
        Limits.from_json(row.limits) if row.limits else None,
        lambda fresh: _save_credentials(channel_id, fresh),
        allowed_hosts(row.base_url),
    )


def _save_credentials(channel_id: int, fresh: Credentials) -> None:
    with db.write() as session:
        row = session.get(Channel, channel_id)
        if row is not None and row.state != ChannelState.REMOVED:
            row.sealed = vault.seal(fresh)
            row.access_ends_at = connector_class(row.network).access_ends_at(fresh)


def pause(session: Session, actor: Actor, channel_id: int) -> None:
    """Nothing is synced or published through it until it is resumed."""
    require(actor, Right.CHANNELS)
    row = _channel(session, channel_id)
    if row.state == ChannelState.PAUSED:
        return
    row.state = ChannelState.PAUSED
    audit(session, actor, "channel.pause", f"channel:{channel_id}", row.handle)
    session.flush()
    ensure_cursors(session)


def resume(session: Session, actor: Actor, channel_id: int) -> None:
    """Sync and publish again, beginning at once."""
    require(actor, Right.CHANNELS)
    row = _channel(session, channel_id)
    if row.sealed is None:
        raise UserError(f"{row.handle} has no credentials. Reconnect it.")
    if row.state != ChannelState.PAUSED:
        if row.state == ChannelState.NEEDS_REAUTH:
            raise UserError(f"{row.handle} must be reconnected: the network no longer accepts its sign-in.")
        return
    row.state = ChannelState.ACTIVE
    row.last_error = None
    make_due(session, channel_id)
    audit(session, actor, "channel.resume", f"channel:{channel_id}", row.handle)
    session.flush()
    ensure_cursors(session)


def make_due(session: Session, channel_id: int) -> None:
    """Have everything of a channel synced now; what is under way ends first."""
    session.execute(
        update(SyncCursor)
        .where(col(SyncCursor.channel_id) == channel_id, col(SyncCursor.due_at).is_not(None))
        .values(due_at=db.utc_now())
        .execution_options(synchronize_session=False)
    )


def set_group(session: Session, actor: Actor, channel_id: int, group_id: int | None) -> None:
    """Put a channel into a group, or into none."""
    require(actor, Right.CHANNELS)
    row = _channel(session, channel_id)
    if group_id is not None and group_id not in {group.id for group in groups(session)}:
        raise NotFound("This group isn't there any more. Choose another one.")
    row.group_id = group_id
    audit(session, actor, "channel.group", f"channel:{channel_id}", row.handle)
    approval.recheck(session, actor)


def remove(actor: Actor, channel_id: int) -> None:
    """Disconnect a channel: its access is given back where the network can do that, its secrets are erased at once.

    It is hidden everywhere, what was to go out through it is cancelled, and the worker deletes its rows. Until it has,
    connecting the same profile again brings them back.
    """
    require(actor, Right.CHANNELS)
    with db.read() as session:
        row = _channel(session, channel_id)
        session.expunge(row)
    _give_back(row)
    with db.write() as session:
        row = _channel(session, channel_id)
        row.state, row.sealed, row.last_error, row.removed_at = ChannelState.REMOVED, None, None, db.utc_now()
        _cancel_deliveries(session, channel_id)
        audit(session, actor, "channel.remove", f"channel:{channel_id}", row.handle)
        session.flush()
        ensure_cursors(session)
    log.info("removed channel=%s", channel_id)


def _give_back(row: Channel) -> None:
    """Ask the network to forget our access; whatever it answers, the channel goes."""
    if row.sealed is None:
        return
    try:
        revoke(row.network, row.base_url, vault.unseal(row.sealed))
    except HubError as error:
        log.info("access of channel=%s was not revoked: %s", row.id, type(error).__name__)


def _cancel_deliveries(session: Session, channel_id: int) -> None:
    cancelled = session.execute(
        update(Delivery)
        .where(col(Delivery.channel_id) == channel_id, col(Delivery.state).in_(OPEN))
        .values(state=DeliveryState.CANCELLED, due_at=None, claim_token=None, lease_until=None)
        .returning(col(Delivery.id), col(Delivery.post_id))
        .execution_options(synchronize_session=False)
    ).all()
    ids = [delivery_id for delivery_id, _ in cancelled]
    journal.note_all(session, ids, EventKind.CANCELLED, "The channel was disconnected.")
    for post_id in {post_id for _, post_id in cancelled if post_id is not None}:
        settle_post(session, post_id)


def note_error(session: Session, channel_id: int, error: Exception) -> None:
    """Keep what went wrong with a channel. `NeedsReauth` also stops it until somebody reconnects it."""
    row = session.get(Channel, channel_id)
    if row is None or row.state == ChannelState.REMOVED:
        return
    row.last_error = str(error)[:500] or type(error).__name__
    if isinstance(error, NeedsReauth) and row.state == ChannelState.ACTIVE:
        row.state = ChannelState.NEEDS_REAUTH
        audit(session, WORKER, "channel.needs_reauth", f"channel:{channel_id}", row.handle)
        admins = session.execute(select(col(Member.id)).where(col(Member.role) == Role.ADMIN)).scalars()
        notify(session, admins, NoticeKind.CHANNEL, f"{row.handle} must be reconnected.", f"channel:{channel_id}")
        session.flush()
        ensure_cursors(session)
        log.warning("channel=%s needs to be reconnected", channel_id)


def purge_removed(limit: int = 2_000) -> int:
    """Delete up to `limit` rows of removed channels, the channel itself last; gives how many. 0: nothing is left."""
    with db.write() as session:
        gone = (col(Channel.state) == ChannelState.REMOVED, col(Channel.removed_at) < db.utc_now() - PURGE_DELAY)
        channel_id = session.execute(select(col(Channel.id)).where(*gone).limit(1)).scalar()
        if channel_id is None:
            return 0
        deleted = 0
        for table in (Mention, Snapshot, Publication, Message, Conversation, Delivery, SyncCursor):
            deleted += _delete_some(session, table, channel_id, limit - deleted)
            if deleted >= limit:
                return deleted
        deleted += _delete_strangers(session, channel_id, limit - deleted)
        if deleted >= limit:
            return deleted
        session.execute(delete(Channel).where(col(Channel.id) == channel_id))
        log.info("purged channel=%s", channel_id)
        return deleted + 1


def _delete_some(session: Session, table: Any, channel_id: int, limit: int) -> int:
    some = select(table.id).where(table.channel_id == channel_id).limit(limit)
    ids = list(session.execute(some).scalars())
    if ids:
        session.execute(delete(table).where(table.id.in_(ids)).execution_options(synchronize_session=False))
    return len(ids)


def _delete_strangers(session: Session, channel_id: int, limit: int) -> int:
    """People of the channel's network who appear nowhere any more: nothing is a reason to keep their names."""
    network = select(col(Channel.network)).where(col(Channel.id) == channel_id).scalar_subquery()
    places: tuple[Any, ...] = (Message, Conversation, Mention)
    nowhere = (~select(table.id).where(table.contact_id == col(Contact.id)).exists() for table in places)
    nobody = select(col(Contact.id)).where(col(Contact.network) == network, *nowhere).limit(limit)
    ids = list(session.execute(nobody).scalars())
    leave(session, ids)
    session.execute(delete(Contact).where(col(Contact.id).in_(ids)).execution_options(synchronize_session=False))
    return len(ids)


def _channel(session: Session, channel_id: int) -> Channel:
    row = session.get(Channel, channel_id)
    if row is None or row.state == ChannelState.REMOVED:
        raise NotFound("This channel isn't there any more.")
    return row
