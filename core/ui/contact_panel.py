"""Who somebody is: beside the open conversation."""

from core.services.inbox import ConversationView
from core.ui.page import Page


def contact_panel(page: Page, view: ConversationView) -> None:
    """Draw the contact of a conversation."""
