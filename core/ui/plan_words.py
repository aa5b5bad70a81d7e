"""States of posts and deliveries as words with a colour and a symbol."""

from typing import Literal

import streamlit as st

from core.models.planning import DeliveryState, PostState

Colour = Literal["red", "orange", "yellow", "blue", "green", "violet", "gray", "primary"]

POSTS: dict[PostState, tuple[str, Colour, str]] = {
    PostState.IDEA: ("Idea", "gray", "lightbulb"),
    PostState.DRAFT: ("Draft", "gray", "edit_note"),
    PostState.IN_REVIEW: ("In review", "violet", "rate_review"),
    PostState.APPROVED: ("Approved", "primary", "verified"),
    PostState.SCHEDULED: ("Scheduled", "blue", "schedule"),
    PostState.PUBLISHED: ("Published", "green", "check_circle"),
    PostState.NEEDS_CARE: ("Needs care", "red", "error"),
    PostState.CANCELLED: ("Cancelled", "gray", "block"),
}
DELIVERIES: dict[DeliveryState, tuple[str, Colour, str]] = {
    DeliveryState.DRAFT: ("Draft", "gray", "edit_note"),
    DeliveryState.SCHEDULED: ("Scheduled", "blue", "schedule"),
    DeliveryState.SENDING: ("Sending", "blue", "sync"),
    DeliveryState.CHECKING: ("Checking", "orange", "manage_search"),
    DeliveryState.PUBLISHED: ("Published", "green", "check_circle"),
    DeliveryState.FAILED: ("Failed", "red", "error"),
    DeliveryState.UNCONFIRMED: ("Not confirmed", "orange", "help"),
    DeliveryState.CANCELLED: ("Cancelled", "gray", "block"),
    DeliveryState.DELETED: ("Taken down", "gray", "delete"),
}

AGAIN = "Comes again"  # what is copied by a rule; itself it has no time

# Column of a table of posts -> cell of a row (`core/services/plan_rows.CELLS`), and the cells' names for people.
CELLS = {
    "title": "title",
    "text": "text",
    "channels": "channel_ids",
    "when": "planned_at",
    "state": "state",
    "campaign": "campaign",
}
LABELS = {
    "title": "Title",
    "text": "Text",
    "channel_ids": "Channels",
    "planned_at": "Goes out",
    "campaign": "Campaign",
    "state": "State",
}


def state_badge(state: PostState | DeliveryState) -> None:
    """The state: a word, a colour and a symbol."""
    word, colour, symbol = POSTS[state] if isinstance(state, PostState) else DELIVERIES[state]
    st.badge(word, color=colour, icon=f":material/{symbol}:")
