"""Beside the composer: comments of the team, versions, what was not saved yet."""

from core.services.planning import PostDetail
from core.ui.composer_state import Typed
from core.ui.page import Page


def restore(page: Page, key: str, detail: PostDetail | None) -> None:
    """Before the fields are drawn: bring back what this member typed here and didn't save."""


def autosave(page: Page, key: str, detail: PostDetail | None, typed: Typed) -> None:
    """After the fields were drawn: keep what is typed, so that a closed tab loses nothing."""


def beside(page: Page, detail: PostDetail) -> None:
    """Comments, review and versions of a stored post."""
