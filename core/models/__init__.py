"""The tables and their enums, one file a room. Importing this module makes all of them known to SQLModel."""

from core.models import (
    analytics,
    channel,
    inbox,
    inbox_work,
    monitoring,
    planning,
    planning_sources,
    planning_time,
    planning_work,
    team,
)

__all__ = [
    "analytics",
    "channel",
    "inbox",
    "inbox_work",
    "monitoring",
    "planning",
    "planning_sources",
    "planning_time",
    "planning_work",
    "team",
]
