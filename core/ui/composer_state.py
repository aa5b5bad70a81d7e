"""What stands in the composer now, and how its parts name their widgets. Draws nothing."""

from dataclasses import dataclass
from datetime import datetime

from core.services.channels import ChannelRow
from core.services.planning import Changes

PLAN, WRITE = "Table", "Write"  # views of the page
TURN_TO = "_plan_turn_to"  # the view that the next run shows


@dataclass(frozen=True)
class Typed:
    """What stands in the composer now."""

    changes: Changes
    at: datetime | None
    note: str | None  # on the two odd nights of the year
    channels: tuple[ChannelRow, ...]
