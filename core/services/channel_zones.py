"""Whose clock a channel goes by: the zone of its audience. What that means for slots is `slot_times.py`'s."""

from zoneinfo import available_timezones

from sqlmodel import Session

from core.errors import NotFound, UserError
from core.models.channel import Channel, ChannelState
from core.services.team import Actor, Right, audit, require


def set_time_zone(session: Session, actor: Actor, channel_id: int, time_zone: str | None) -> None:
    """Give a channel the zone of its audience, like Europe/London; None: the hub's own.

    Its slots keep their times of day on the new clock; what is planned already keeps its moment.
    """
    require(actor, Right.CHANNELS)
    row = session.get(Channel, channel_id)
    if row is None or row.state == ChannelState.REMOVED:
        raise NotFound("This channel isn't there any more.")
    if time_zone is not None and time_zone not in available_timezones():
        raise UserError(f"There is no time zone “{time_zone}”. Write it like Europe/London.")
    if row.time_zone != time_zone:
        row.time_zone = time_zone
        audit(session, actor, "channel.zone", f"channel:{channel_id}", time_zone or "")
        session.flush()
