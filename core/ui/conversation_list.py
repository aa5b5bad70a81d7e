"""The inbox list as one element: dense rows, quick however many there are, all of it text.

A component of our own because a row of Streamlit widgets costs a message and a React tree each, and thirty of them miss
the click-to-visible budget (docs/adr). A stranger's words only ever become text nodes. The click is answered in the
browser at once (selection, unread mark); Python only has to draw the thread. The rows a person looks at stay where they
are when new ones arrive above. Keys come as events from `inbox_keys.py`.
"""

from base64 import b64encode
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import lru_cache
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import streamlit as st

from core.connectors.base import Kind
from core.db import utc_now
from core.models.inbox import ConversationState, Direction, Goal, Priority, Sentiment
from core.services.inbox import ConversationRow, Waiting
from core.services.inbox import Page as ListPage
from core.services.labels import COLORS
from core.services.service_time import lead_seconds
from core.services.team import Right
from core.ui.conversation_bar import GOALS
from core.ui.page import Page
from core.ui.parts import ago, exact, network_icon, today_or_day

KINDS = {Kind.COMMENT: "Comment", Kind.MENTION: "Mention", Kind.DIRECT: "Direct message", Kind.REVIEW: "Review"}
STATES = {
    ConversationState.OPEN: "Open",
    ConversationState.PENDING: "Pending",
    ConversationState.SNOOZED: "Snoozed",
    ConversationState.RESOLVED: "Resolved",
}
_PRIORITIES = {Priority.URGENT: ("Urgent", "red"), Priority.HIGH: ("High", "orange"), Priority.LOW: ("Low", "gray")}
ROWS = 30  # at a time
MOST_ROWS = 150  # up to which a list grows by itself
_SHOWN_LABELS = 3
_LIST = "conversations"

ASSETS = Path(__file__).parent / "assets"
_HTML = '<div class="scroll"><div class="list" role="listbox" aria-label="Conversations"></div></div>'

_component = st.components.v2.component(
    "conversation_list",
    html=_HTML,
    css=(ASSETS / "conversation_list.css").read_text(encoding="utf-8"),
    js=(ASSETS / "conversation_list.js").read_text(encoding="utf-8"),
)


@dataclass(frozen=True)
class Picked:
    """Which conversations are ticked. `epoch` counts up when Python decides it, so that the browser takes it over."""

    ids: tuple[int, ...] = ()
    epoch: int = 0


def picked() -> Picked:
    """What is ticked now."""
    found: Picked = st.session_state.get("picked", Picked())
    return found


def pick(ids: Sequence[int]) -> None:
    """Tick these and no others."""
    st.session_state["picked"] = Picked(tuple(ids), picked().epoch + 1)


def conversation_list(
    found: ListPage,
    page: Page,
    selected: int | None,
    asked: str,
    on_open: Callable[[], None],
) -> None:
    """Draw the list, in the fragment "list". `on_open` finds the conversation's id by `chosen`.

    `asked` says what the list shows: the same list stays where it is, another one begins at its top.
    """
    rows = found.rows
    shown = {row.id for row in rows}
    now = picked()
    if not shown.issuperset(now.ids):  # what has left the list isn't meant any more
        st.session_state["picked"] = now = Picked(tuple(i for i in now.ids if i in shown), now.epoch)
    _component(
        key=_LIST,
        data={
            "rows": [shown_row(row, page.zone, page.actor.id) for row in rows],
            "selected": selected,
            "asked": asked,
            "more": None if found.next is None else "Search further back" if found.short else "Show more",
            "may": page.actor.may(Right.ANSWER),
            "picked": list(now.ids),
            "epoch": now.epoch,
        },
        on_open_change=on_open,
        on_more_change=lambda: _more(found.short),
        on_pick_change=_take_picks,
    )


def reach(asked: str) -> tuple[int, int]:
    """How many rows to show, and how far back to look: both begin anew when something else is asked for."""
    if st.session_state.get("list_asked") != asked:
        st.session_state["list_asked"], st.session_state["list_reach"] = asked, (ROWS, 1)
    rows, depth = st.session_state["list_reach"]
    return int(rows), int(depth)


def grows(found: ListPage, asked: str) -> int:
    """How many rows to show instead, so that what came in above pushes nothing out below; 0: it is well as it is."""
    now = frozenset(row.id for row in found.rows)
    before_asked, before = st.session_state.get("list_seen", ("", frozenset()))
    st.session_state["list_seen"] = (asked, now)
    rows, depth = st.session_state["list_reach"]
    new = len(now - before)
    if before_asked != asked or not before - now or not new or found.next is None or rows + new > MOST_ROWS:
        return 0
    st.session_state["list_reach"] = (rows + new, depth)
    st.session_state["list_seen"] = (asked, now | before)
    return int(rows) + new


def _more(short: bool) -> None:
    """More rows; where looking ended before the page was full, twice as far back instead."""
    rows, depth = st.session_state["list_reach"]
    st.session_state["list_reach"] = (rows, depth * 2) if short else ((chosen("more") or rows) + ROWS, depth)
    st.rerun("list")


def waiting_line(who: Waiting) -> None:
    """How many wait, and how long the one who waits longest."""
    if who.count and who.oldest:
        word = "waits" if who.count == 1 else "wait"
        st.caption(f":material/schedule: {who.count} {word} for an answer, the longest {waited(who.oldest)}")


def chosen(what: str) -> int | None:
    """In a callback: what was clicked (`open`) or how many rows stood there (`more`)."""
    value = getattr(st.session_state.get(_LIST), what, None)
    return int(value) if value is not None else None


def _take_picks() -> None:
    told = getattr(st.session_state.get(_LIST), "pick", None)
    if told and int(told["epoch"]) == picked().epoch:  # what was ticked before Python decided otherwise is over
        st.session_state["picked"] = Picked(tuple(int(i) for i in told["ids"]), picked().epoch)


def _without_server(handle: str) -> str:
    """“@firma” of “@firma@server.example”: the row is narrow, and the whole handle shows on hover."""
    at = handle.find("@", 1)
    return handle[:at] if at > 0 else handle


def shown_row(row: ConversationRow, zone: ZoneInfo, me: int | None = None) -> dict[str, Any]:
    """A row as the browser draws it: plain values, every one shown as text."""
    return {
        "id": row.id,
        "at": int(row.last_message_at.timestamp() * 1000),
        "who": row.contact,
        "when": ago(row.last_message_at, zone),
        "exact": exact(row.last_message_at, zone),
        "preview": _preview(row),
        "unread": row.unread,
        "icon": mark_of(row.network),
        "network": row.network,
        "channel": _without_server(row.channel_handle),
        "channel_full": " · ".join(part for part in (row.channel_handle, row.group) if part),
        "owner": initials(row.assignee) if row.assignee else "",
        "owner_full": f"Assigned to {row.assignee}" if row.assignee else "",
        "mine": me is not None and row.assignee_id == me,
        "chips": [*_chips(row, zone), *_labels(row)],
    }


@lru_cache(maxsize=32)
def mark_of(network: str) -> str:
    """A network's mark as an address that is its own file: one picture, no request."""
    mark = Path(network_icon(network)).read_bytes()
    return f"data:image/svg+xml;base64,{b64encode(mark).decode()}"


def initials(name: str) -> str:
    """Of the first and the last name: “AB”."""
    parts = name.split() or ["?"]
    return "".join(part[0] for part in ([parts[0], parts[-1]] if len(parts) > 1 else [parts[0][:2]])).upper()


def waited(since: datetime) -> str:
    """How long somebody has waited, in one unit: `40 min`, `3 h`, `12 d`."""
    minutes = max(0, int((utc_now() - since).total_seconds() // 60))
    if minutes < 60:
        return f"{minutes} min"
    return f"{minutes // 60} h" if minutes < 48 * 60 else f"{minutes // 1440} d"


def _preview(row: ConversationRow) -> list[str]:
    """Before the hit, the hit, after it."""
    if row.found is not None:
        text, start, end = row.found.text, row.found.start, row.found.end
        return [text[:start], text[start:end], text[end:]]
    ours = "You: " if row.preview_direction == Direction.OUT else ""
    return [ours + " ".join(row.preview.split()), "", ""]


def urgency(row: ConversationRow) -> str:
    """How a waiting person stands to the target: `calm`, `soon` (the team is warned now) or `missed`."""
    if row.respond_by is None:
        return "calm"
    now = utc_now()
    if row.respond_by < now:
        return "missed"
    return "soon" if row.respond_by - timedelta(seconds=lead_seconds(row.target_minutes)) <= now else "calm"


_WAITS = {"calm": ("gray", ""), "soon": ("orange soon", ", due soon"), "missed": ("red missed", ", overdue")}


def _chips(row: ConversationRow, zone: ZoneInfo) -> list[dict[str, str]]:
    chips = []
    if row.trouble:
        chips.append(_chip("Answer not sent", "red trouble"))
    if row.waiting_since and row.state in (ConversationState.OPEN, ConversationState.PENDING):
        tone, word = _WAITS[urgency(row)]
        due = f"An answer was promised until {exact(row.respond_by, zone)}" if row.respond_by else ""
        chips.append(_chip(f"Waits {waited(row.waiting_since)}{word}", tone, due))
    if row.state == ConversationState.SNOOZED and row.snoozed_until:
        chips.append(_chip(f"Until {today_or_day(row.snoozed_until, zone)}", title="Snoozed"))
    elif row.state != ConversationState.OPEN:
        chips.append(_chip(STATES[row.state]))
    if row.priority in _PRIORITIES:
        chips.append(_chip(*_PRIORITIES[row.priority], "Priority"))
    if row.kind != Kind.MENTION:
        chips.append(_chip(KINDS[row.kind]))
    if row.goal:
        chips.append(_chip(GOALS[row.goal], title="Goal"))
    if row.sentiment == Sentiment.NEGATIVE and row.goal != Goal.COMPLAINT:
        chips.append(_chip("Negative", "red", "Mood of the newest message"))
    return chips


def _chip(word: str, tone: str = "plain", title: str = "") -> dict[str, str]:
    return {"word": word, "tone": tone, "title": title}


def _labels(row: ConversationRow) -> list[dict[str, str]]:
    """The first few by name, and how many more."""
    shown = [
        _chip(label.name, f"label {label.color if label.color in COLORS else COLORS[0]}", f"Label: {label.name}")
        for label in row.labels[:_SHOWN_LABELS]
    ]
    rest = row.labels[_SHOWN_LABELS:]
    return [*shown, _chip(f"+{len(rest)}", "label", ", ".join(label.name for label in rest))] if rest else shown
