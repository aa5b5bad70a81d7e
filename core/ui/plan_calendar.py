"""The plan as a calendar: month, week, list; drag to move a post, gaps, clashes, holidays and key dates."""

from collections.abc import Sequence

from core.services.channels import ChannelRow
from core.ui.page import Page


def plan_calendar(page: Page, channels: Sequence[ChannelRow]) -> None:
    """Draw it."""
