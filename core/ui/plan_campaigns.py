"""Campaigns: colour, period, goal, audience, advertising, UTM parameters, and how far they are."""

from collections.abc import Sequence

from core.services.channels import ChannelRow
from core.ui.page import Page


def plan_campaigns(page: Page, channels: Sequence[ChannelRow]) -> None:
    """Draw it."""
