"""The plan as a board: a column a state, from idea to published."""

from collections.abc import Sequence

from core.services.channels import ChannelRow
from core.ui.page import Page


def plan_board(page: Page, channels: Sequence[ChannelRow]) -> None:
    """Draw it."""
