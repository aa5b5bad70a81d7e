"""What stands in the composer now, and how its parts name their widgets. Draws nothing.

Every field lives in the session under the composer's key and its name: `f"{key}_{name}"`, see FIELDS, so that it can be
filled before it is drawn (`seed`), by a button (in its callback), or from what was kept (`composer_side.restore`).
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import TypeVar

import streamlit as st

from core.connectors.base import Draft
from core.services.channels import ChannelRow
from core.services.planning import Changes

T = TypeVar("T")

PLAN, WRITE = "Table", "Write"  # views of the page
TURN_TO = "_plan_turn_to"  # the view that the next run shows

FIELDS = (
    "title",
    "channels",
    "text",
    "language",
    "campaign",
    "content_warning",
    "visibility",
    "first_comment",
    "tagged",
)
"""Names of the fields that hold words and choices; `untagged` holds the links that get no parameters.

A channel with words of its own has `differs_{channel id}` (bool) and `variant_{channel id}` (text).
"""


@dataclass(frozen=True)
class Typed:
    """What stands in the composer now. `drafts`: what would go out, by channel."""

    changes: Changes
    at: datetime | None
    note: str | None  # on the two odd nights of the year
    channels: tuple[ChannelRow, ...]
    drafts: Mapping[int, Draft] = field(default_factory=dict)


def seed(key: str, name: str, value: T) -> str:
    """The key of a field, which holds `value` until somebody writes something else."""
    place = f"{key}_{name}"
    if place not in st.session_state:
        st.session_state[place] = value
    return place
