"""The plan as a board: a column a state, from idea to published."""

from collections.abc import Sequence

from core.services.channels import ChannelRow
from core.services.planning import PlanFilter
from core.ui.page import Page


def plan_board(page: Page, channels: Sequence[ChannelRow], wanted: PlanFilter) -> None:
    """Draw it."""
