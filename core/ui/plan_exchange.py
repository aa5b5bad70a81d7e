"""The plan in and out: files to import with a preview, export to edit offline, calendar links."""

from collections.abc import Sequence

from core.services.channels import ChannelRow
from core.ui.page import Page


def plan_exchange(page: Page, channels: Sequence[ChannelRow]) -> None:
    """Draw it."""
