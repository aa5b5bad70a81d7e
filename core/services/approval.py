"""Review: which posts must be approved, who may, and what a change does to an approval."""

from sqlmodel import Session

from core.models.planning import Delivery, Post
from core.services.team import Actor


def check(session: Session, post: Post) -> None:
    """Raise `UserError` when this post must be approved and isn't, as it stands now."""


def content_changed(session: Session, actor: Actor, post: Post) -> bool:
    """Called after a saved change of text, media or channels: an approval that no longer fits ends.

    True when the post went back into review, so that it must not stay scheduled.
    """
    return False


def may_go_out(session: Session, row: Delivery) -> bool:
    """The last lock, asked right before a delivery leaves: whether its post is approved where that is required."""
    return True
