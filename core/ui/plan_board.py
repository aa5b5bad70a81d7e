"""The plan as a board: a column a state, from idea to published. Cards are dragged, or moved by a menu of their own.

A component of our own (as docs/adr/0004 says for lists); what may be moved where is `services/plan_board.py`'s. A card
moves at once, and a refused one is back with the next drawing.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import streamlit as st

from core import db
from core.errors import UserError
from core.models.planning import PostState
from core.services import plan_board as service
from core.services.channels import ChannelRow
from core.services.labels import COLORS
from core.services.plan_board import Card, CardMove, Column
from core.services.planning import PlanFilter
from core.services.team import Right
from core.ui import plan_said
from core.ui.composer_state import TURN_TO, WRITE
from core.ui.conversation_list import ASSETS, initials, mark_of
from core.ui.page import Page
from core.ui.parts import exact, today_or_day
from core.ui.plan_words import AGAIN, POSTS
from core.ui.risk_list import risks_of_plan

EMPTY = {
    PostState.IDEA: "Ideas stand here until somebody writes them.",
    PostState.DRAFT: "What is being written stands here.",
    PostState.IN_REVIEW: "What waits for approval stands here.",
    PostState.APPROVED: "What may go out as it stands, but isn't scheduled, stands here.",
    PostState.SCHEDULED: "What goes out by itself stands here.",
    PostState.PUBLISHED: "What went out in the last 14 days stands here.",
    PostState.NEEDS_CARE: "Nothing needs you.",
}
_BOARD, _MOST = "plan_board", "board_most"
_component = st.components.v2.component(
    "plan_board",
    html='<div class="frame"><div class="tabs"></div><div class="board" role="group" aria-label="Board"></div></div>',
    css=(ASSETS / "board.css").read_text(encoding="utf-8"),
    js=(ASSETS / "board.js").read_text(encoding="utf-8"),
)


def plan_board(page: Page, channels: Sequence[ChannelRow], wanted: PlanFilter) -> None:
    """Draw it. A fragment: a move draws nothing else anew."""
    _board(page, channels, wanted)


@st.fragment(key="plan_board_fragment")
def _board(page: Page, channels: Sequence[ChannelRow], wanted: PlanFilter) -> None:
    plan_said.say()
    opened = st.session_state.pop("board_open", None)
    if opened is not None:
        st.query_params["post"] = str(opened)
        st.session_state[TURN_TO] = WRITE
        st.rerun()
    with db.read() as session:
        columns = service.board(session, wanted, st.session_state.get(_MOST, service.SHOWN))
    risks = {risk.post_id: risk.message for risk in reversed(risks_of_plan())}
    drawn = Drawn(page, channels, risks)
    _component(
        key=_BOARD,
        data={"columns": [drawn.column(one) for one in columns], "turn": plan_said.turn()},
        on_move_change=lambda: _moved(page),
        on_open_change=_open,
        on_more_change=_more,
    )
    if not page.actor.may(Right.PLAN):
        st.caption("Your role lets you look at the plan, not change it.")


class Drawn:
    """Columns and cards as the browser draws them: plain values, every one shown as text."""

    def __init__(self, page: Page, channels: Sequence[ChannelRow], risks: Mapping[int, str]) -> None:
        self._page, self._risks = page, risks
        self._channels = {row.id: row for row in channels}

    def column(self, one: Column) -> dict[str, Any]:
        """A state with its cards."""
        word, colour, _ = POSTS[one.state]
        left = one.total - len(one.cards)
        return {
            "state": one.state.value,
            "word": word,
            "color": colour,
            "total": one.total,
            "note": "14 d" if one.state is PostState.PUBLISHED else "",
            "empty": EMPTY[one.state],
            "more": f"Show more ({left})" if left else "",
            "cards": [self.card(card) for card in one.cards],
        }

    def card(self, card: Card) -> dict[str, Any]:
        """A post."""
        zone = self._page.zone
        targets = service.TARGETS[card.state] if self._page.actor.may(Right.PLAN) else ()
        said = f"{card.comments} comment{'' if card.comments == 1 else 's'}" if card.comments else ""
        return {
            "id": card.id,
            "state": card.state.value,
            "title": card.title or card.text or f"Post {card.id}",
            "words": card.text if card.title else "",
            "when": today_or_day(card.planned_at, zone) if card.planned_at else "",
            "exact": exact(card.planned_at, zone) if card.planned_at else "",
            "campaign": card.campaign,
            "color": card.color if card.color in COLORS else COLORS[0],
            "author": card.author,
            "initials": initials(card.author) if card.author else "",
            "comments": said,
            "icons": self._icons(card),
            "mark": self._mark(card),
            "targets": [{"state": state.value, "word": POSTS[state][0]} for state in targets],
        }

    def _icons(self, card: Card) -> list[dict[str, str]]:
        """One a network, with the channels' names."""
        names: dict[str, list[str]] = {}
        for channel in (self._channels[i] for i in card.channel_ids if i in self._channels):
            names.setdefault(channel.network, []).append(channel.handle)
        return [{"src": mark_of(network), "name": ", ".join(handles)} for network, handles in names.items()]

    def _mark(self, card: Card) -> dict[str, str] | None:
        if card.trouble:
            return {"word": "Not out", "tone": "red", "title": card.trouble}
        if card.id in self._risks:
            return {"word": "At risk", "tone": "orange", "title": self._risks[card.id]}
        if card.comes_again:
            return {"word": AGAIN, "tone": "violet", "title": "Copies of it go out by its rule, not itself."}
        return None


# --- what the browser tells, in callbacks -----------------------------------------------------------------------------


def _told(what: str) -> Any:
    return getattr(st.session_state.get(_BOARD), what, None)


def _open() -> None:
    st.session_state["board_open"] = int(_told("open"))


def _more() -> None:
    st.session_state[_MOST] = st.session_state.get(_MOST, service.SHOWN) + service.SHOWN


def _moved(page: Page) -> None:
    told = _told("move")
    if not told:
        return
    plan_said.next_turn()
    try:
        with db.write() as session:
            move = service.move_card(
                session, page.actor, int(told["id"]), PostState(told["from"]), PostState(told["to"])
            )  # fmt: skip
    except UserError as error:
        plan_said.refuse(str(error))
    else:
        plan_said.keep(_sentence(move), move.notes, lambda s: service.undo_card(s, page.actor, move))


def _sentence(move: CardMove) -> str:
    word = POSTS[move.after][0]
    return f"Moved to **{word}**." if move.after is not move.before else f"It stays in **{word}**."
