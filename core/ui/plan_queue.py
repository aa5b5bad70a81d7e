"""Slots and queues of the channels: the week's times, what waits for them, posts that come again, best times."""

from collections.abc import Sequence

from core.services.channels import ChannelRow
from core.ui.page import Page


def plan_queue(page: Page, channels: Sequence[ChannelRow]) -> None:
    """Draw it."""
