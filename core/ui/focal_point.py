"""What of a picture stays in sight when networks crop it: clicked on, dragged, or moved with the arrow keys."""

from collections.abc import Callable
from typing import Any

import streamlit as st

from core.ui.conversation_list import ASSETS

CROPS = (("16 : 9", 16 / 9), ("1 : 1", 1.0))

_component = st.components.v2.component(
    "focal_point",
    html="""<div class="focal"><div class="whole"><img alt=""><button type="button" class="point" role="slider"
      aria-valuemin="0" aria-valuemax="100"></button></div><div class="crops"></div></div>""",
    css=(ASSETS / "focal_point.css").read_text(encoding="utf-8"),
    js=(ASSETS / "focal_point.js").read_text(encoding="utf-8"),
)


def focal_point(
    key: str, picture: str, focus: tuple[float, float] | None, label: str, on_change: Callable[..., None], *args: Any
) -> None:
    """Draw the picture with its point and what crops show. `picture` is a data address, `focus` as in `DraftImage`."""
    x, y = focus or (0.0, 0.0)
    _component(
        key=key,
        data={"src": picture, "x": x, "y": y, "label": label, "crops": [list(crop) for crop in CROPS]},
        on_focus_change=lambda: on_change(*args),
    )


def told(key: str) -> tuple[float, float] | None:
    """In the callback: the point that was chosen, each from −1 to 1."""
    value = getattr(st.session_state.get(key), "focus", None)
    try:
        x, y = (max(-1.0, min(1.0, round(float(part), 2))) for part in value)  # type: ignore[union-attr]
    except (TypeError, ValueError):
        return None
    return x, y
