"""Preflight: everything that can be known to be wrong with a post before it goes out. Errors block, warnings ask."""

from dataclasses import dataclass

from sqlmodel import Session

from core.connectors.base import Severity
from core.models.planning import Post


@dataclass(frozen=True)
class Finding:
    """One thing that isn't right: a sentence that says what to do. `channel_id` None: of the post as a whole."""

    severity: Severity
    code: str  # "alt", "link", "duplicate", "clash", "hashtag", "label", "limits", …
    message: str
    channel_id: int | None = None


def findings(session: Session, post: Post) -> tuple[Finding, ...]:
    """All there is to say about a stored post, errors first."""
    return ()
