"""The preflight beside the composer: what stands against the post, and what is worth a second look."""

from core.services.planning import PostDetail
from core.ui.composer_state import Typed
from core.ui.page import Page


def checks(page: Page, key: str, detail: PostDetail | None, typed: Typed) -> None:
    """Everything the preflight finds in what is typed now."""
