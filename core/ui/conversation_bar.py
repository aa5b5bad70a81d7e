"""What is decided about a conversation: assignee, labels, goal, priority, snooze, state."""

from core.services.inbox import ConversationView
from core.ui.page import Page


def conversation_bar(page: Page, view: ConversationView) -> None:
    """Draw what can be decided about a conversation."""
