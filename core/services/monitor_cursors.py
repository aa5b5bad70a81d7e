"""Which channels search for which monitor: the sync cursors of monitors, kept fitting. Searching is `sync.py`'s."""

from collections.abc import Sequence

from sqlalchemy import select
from sqlmodel import Session, col

from core.connectors import query as queries
from core.connectors.base import Search
from core.connectors.registry import connector_class
from core.db import utc_now
from core.models.channel import Channel, ChannelState, SyncCursor, SyncKind
from core.models.monitoring import Monitor


def searches(channel: Channel, query: str) -> bool:
    """Whether a channel's network lets us look for this."""
    ability = connector_class(channel.network).capabilities.search
    return ability == Search.FULL or (ability == Search.HASHTAG and bool(queries.parse(query).tags))


def can_search(session: Session) -> bool:
    """Whether any active channel lets us search at all."""
    networks = session.execute(
        select(col(Channel.network)).where(col(Channel.state) == ChannelState.ACTIVE).distinct()
    ).scalars()
    return any(connector_class(network).capabilities.search != Search.NONE for network in networks)


def ensure_cursors(session: Session) -> None:
    """Make the sync cursors fit: each monitor that isn't paused is searched through one active channel per server.

    Call it when monitors or channels changed. Keeps a server's place in a search when another channel takes over.
    """
    channels = session.execute(
        select(Channel).where(col(Channel.state) == ChannelState.ACTIVE).order_by(col(Channel.id))
    ).scalars()
    servers: dict[tuple[str, str], list[Channel]] = {}
    for channel in channels:
        servers.setdefault((channel.network, channel.base_url), []).append(channel)
    kept = _cursors_by_server(session)
    for monitor in session.execute(select(Monitor)).scalars():
        for server, members in servers.items():
            cursor = kept.pop((monitor.id, *server), None)
            if searches(members[0], monitor.query):
                _fit(session, cursor, monitor, members)
            elif cursor is not None:
                session.delete(cursor)
    for cursor in kept.values():  # servers through which nobody can search now: the place is kept for later
        cursor.due_at = None
    session.flush()


def _cursors_by_server(session: Session) -> dict[tuple[int, str, str], SyncCursor]:
    rows = session.execute(
        select(SyncCursor, col(Channel.network), col(Channel.base_url))
        .join(Channel, col(Channel.id) == col(SyncCursor.channel_id))
        .where(col(SyncCursor.kind) == SyncKind.MONITOR, col(SyncCursor.monitor_id).is_not(None))
        .order_by(col(SyncCursor.id).desc())  # the oldest of several wins: it has come furthest
    ).all()
    return {(cursor.monitor_id, network, base_url): cursor for cursor, network, base_url in rows}


def _fit(session: Session, cursor: SyncCursor | None, monitor: Monitor, members: Sequence[Channel]) -> None:
    if cursor is None:
        if not monitor.paused:
            session.add(
                SyncCursor(channel_id=members[0].id, kind=SyncKind.MONITOR, monitor_id=monitor.id, due_at=utc_now())
            )
        return
    if cursor.channel_id not in {channel.id for channel in members}:
        cursor.channel_id = members[0].id
        cursor.attempts, cursor.last_error, cursor.error_kind = 0, None, None
        cursor.due_at = utc_now()
    if monitor.paused:
        cursor.due_at = None
    elif cursor.due_at is None:
        cursor.due_at = utc_now()
