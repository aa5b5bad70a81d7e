"""What a post said after each saved change: versions to compare and to go back to."""

from sqlmodel import Session

from core.models.planning import Post
from core.services.team import Actor


def record(session: Session, actor: Actor, post: Post, action: str) -> None:
    """Keep what the post says now as version `post.version`, in the caller's transaction."""
