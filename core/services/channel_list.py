"""Channels and groups as pages, planning and the command line see them. Reads, but for making a group."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import func, select
from sqlmodel import Session, col

from core.connectors.base import Capabilities, Limits
from core.connectors.registry import connector_class
from core.errors import NotFound, UserError
from core.models.channel import Channel, ChannelState, Group, SyncCursor

GROUP_NAME = 80  # characters
TROUBLE = 3  # failed attempts in a row that are worth telling


@dataclass(frozen=True)
class GroupRow:
    """A group of channels."""

    id: int
    name: str


@dataclass(frozen=True)
class ChannelRow:
    """A channel with what its network can do and what its server accepts.

    `last_error` is a sentence: why the channel needs care, or why it can't be synced for a while now.
    """

    id: int
    network: str
    network_label: str
    handle: str
    name: str
    url: str | None
    base_url: str
    group_id: int | None
    group: str
    state: ChannelState
    is_sandbox: bool
    last_error: str | None
    last_sync_at: datetime | None
    capabilities: Capabilities
    limits: Limits
    target_minutes: int | None = None  # first answer within, in business minutes; None: the hub's target
    time_zone: str | None = None  # of its audience; None: the hub's


def channels(session: Session, include_removed: bool = False) -> list[ChannelRow]:
    """All channels by group and handle. One statement."""
    wanted = _rows().order_by(func.coalesce(col(Group.name), "\uffff"), col(Channel.handle), col(Channel.id))
    if not include_removed:
        wanted = wanted.where(col(Channel.state) != ChannelState.REMOVED)
    return [_row(*found) for found in session.execute(wanted)]


def channel(session: Session, channel_id: int) -> ChannelRow:
    """One channel, even a removed one. Raises `NotFound`."""
    found = session.execute(_rows().where(col(Channel.id) == channel_id)).one_or_none()
    if found is None:
        raise NotFound("This channel isn't there any more.")
    return _row(*found)


def groups(session: Session) -> list[GroupRow]:
    """All groups by name."""
    rows = session.execute(select(col(Group.id), col(Group.name)).order_by(func.lower(col(Group.name))))
    return [GroupRow(*row) for row in rows]


def ensure_group(session: Session, name: str) -> int:
    """The id of the group of that name, whatever its case; made if it isn't there."""
    wanted = " ".join(name.split())
    if not wanted:
        raise UserError("A group needs a name. Write one.")
    if len(wanted) > GROUP_NAME:
        raise UserError(f"The group's name is over {GROUP_NAME} characters. Shorten it.")
    for row in groups(session):  # few; databases fold only ASCII letters
        if row.name.casefold() == wanted.casefold():
            return row.id
    made = Group(name=wanted)
    session.add(made)
    session.flush()
    return made.id


def _rows() -> Any:
    failing = (
        select(func.max(col(SyncCursor.last_error)))
        .where(col(SyncCursor.channel_id) == col(Channel.id), col(SyncCursor.attempts) >= TROUBLE)
        .correlate(Channel)
        .scalar_subquery()
    )
    return select(
        Channel, func.coalesce(col(Group.name), ""), func.coalesce(col(Channel.last_error), failing)
    ).outerjoin(Group, col(Group.id) == col(Channel.group_id))


def _row(row: Channel, group: str, error: str | None) -> ChannelRow:
    capabilities = connector_class(row.network).capabilities
    copied = ("id", "network", "handle", "name", "url", "base_url", "group_id", "state", "is_sandbox", "last_sync_at")
    return ChannelRow(
        **{name: getattr(row, name) for name in (*copied, "target_minutes", "time_zone")},
        network_label=capabilities.label,
        group=group,
        last_error=error,
        capabilities=capabilities,
        limits=Limits.from_json(row.limits),
    )
