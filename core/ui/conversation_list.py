"""The inbox list as one element: dense rows of two lines, quick however many there are, all of it text.

A component of our own because a row of Streamlit widgets costs a message and a React tree each, and thirty of them miss
the click-to-visible budget (docs/adr). A stranger's words only ever become text nodes. The click is answered in the
browser at once (selection, unread mark); Python only has to draw the thread.
"""

from base64 import b64encode
from collections.abc import Callable
from datetime import datetime
from functools import lru_cache
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import streamlit as st

from core.connectors.base import Kind
from core.db import utc_now
from core.models.inbox import ConversationState, Direction
from core.services.inbox import ConversationRow
from core.ui.parts import ago, exact, network_icon

KINDS = {Kind.COMMENT: "Comment", Kind.MENTION: "Mention", Kind.DIRECT: "Direct message", Kind.REVIEW: "Review"}
STATES = {
    ConversationState.OPEN: "Open",
    ConversationState.PENDING: "Pending",
    ConversationState.SNOOZED: "Snoozed",
    ConversationState.RESOLVED: "Resolved",
}

_HTML = '<div class="list" role="listbox" aria-label="Conversations"></div>'

_CSS = """
:host { display: block; }
.list { overflow-y: auto; max-height: calc(100dvh - 21rem); min-height: 16rem; scrollbar-gutter: stable;
  font-family: var(--st-font); color: var(--st-text-color); border-top: 1px solid var(--st-border-color); }
.row { all: unset; box-sizing: border-box; display: grid; grid-template-columns: 1fr auto; column-gap: .75rem;
  width: 100%; padding: .55rem .75rem .55rem .85rem; cursor: pointer; position: relative; font-size: .875rem;
  line-height: 1.35; border-bottom: 1px solid var(--st-border-color); }
.row:hover { background: var(--st-secondary-background-color); }
.row:focus-visible { outline: 2px solid var(--st-primary-color); outline-offset: -2px; }
.row[aria-selected=true] { background: color-mix(in srgb, var(--st-primary-color) 11%, transparent); }
.row[aria-selected=true]::before { content: ""; position: absolute; inset: 0 auto 0 0; width: 3px;
  background: var(--st-primary-color); }
.who, .preview, .where { overflow: hidden; text-overflow: ellipsis; white-space: nowrap; min-width: 0; }
.unread .who { font-weight: 650; }
.when { font-size: .78rem; opacity: .7; white-space: nowrap; font-variant-numeric: tabular-nums; }
.preview { opacity: .72; }
.unread .preview { opacity: .95; }
.row:not(.unread) .preview { grid-column: 1 / -1; }
.preview mark { background: color-mix(in srgb, var(--st-primary-color) 28%, transparent); color: inherit;
  border-radius: 2px; }
.count { justify-self: end; align-self: center; background: var(--st-primary-color); color: var(--st-background-color);
  font-size: .7rem; font-weight: 650; line-height: 1.15rem; min-width: 1.15rem; text-align: center; padding: 0 .3rem;
  border-radius: 1rem; box-sizing: border-box; }
.where { grid-column: 1 / -1; font-size: .76rem; opacity: .9; display: flex; gap: .5rem; align-items: center;
  margin-top: .1rem; }
.where .channel { opacity: .75; overflow: hidden; text-overflow: ellipsis; flex: 0 1 auto; }
.where img { width: .95rem; height: .95rem; flex: none; }
.chip { flex: none; padding: 0 .35rem; border-radius: .3rem; line-height: 1.15rem; }
.chip.waits { color: var(--st-orange-text-color); background: var(--st-orange-background-color); }
.chip.trouble { color: var(--st-red-text-color); background: var(--st-red-background-color); }
.chip.plain { color: inherit; background: var(--st-gray-background-color); }
.more { all: unset; display: block; box-sizing: border-box; width: 100%; padding: .7rem; text-align: center;
  cursor: pointer; font-size: .85rem; color: var(--st-link-color); }
.more:hover { background: var(--st-secondary-background-color); }
.more:focus-visible { outline: 2px solid var(--st-primary-color); outline-offset: -2px; }
@media (max-width: 640px) { .list { max-height: 45dvh; } }
"""

_JS = """
function el(tag, cls, text) {
  const node = document.createElement(tag);
  if (cls) node.className = cls;
  if (text) node.textContent = text;
  return node;
}
function preview(row) {
  const node = el("span", "preview");
  const [before, hit, after] = row.preview;
  node.append(before);
  if (hit) node.append(el("mark", "", hit));
  node.append(after);
  return node;
}
function draw(row, selected) {
  const node = el("button", "row" + (row.unread ? " unread" : ""));
  node.type = "button";
  node.dataset.id = row.id;
  node.setAttribute("role", "option");
  node.setAttribute("aria-selected", String(row.id === selected));
  const when = el("span", "when", row.when);
  when.title = row.exact;
  const where = el("span", "where");
  if (row.icon) { const icon = el("img"); icon.src = row.icon; icon.alt = row.network; where.append(icon); }
  const channel = el("span", "channel", row.channel);
  channel.title = row.channel_full;
  where.append(channel);
  for (const chip of row.chips) where.append(el("span", "chip " + chip.tone, chip.word));
  node.append(el("span", "who", row.who), when, preview(row));
  if (row.unread) node.append(el("span", "count", row.unread > 99 ? "99+" : String(row.unread)));
  node.append(where);
  return node;
}
export default function ({ data, parentElement, setTriggerValue }) {
  const list = parentElement.querySelector(".list");
  const focused = list.getRootNode().activeElement?.dataset?.id;
  const top = list.scrollTop;
  const rows = data.rows.map((row) => draw(row, data.selected));
  if (data.more) {
    const more = el("button", "more", data.more);
    more.type = "button";
    more.onclick = () => { more.textContent = "…"; setTriggerValue("more", data.rows.length); };
    rows.push(more);
  }
  list.replaceChildren(...rows);
  list.scrollTop = top;
  if (focused) list.querySelector(`[data-id="${Number(focused)}"]`)?.focus({ preventScroll: true });
  list.onclick = (event) => {
    const row = event.target.closest(".row");
    if (!row) return;
    for (const other of list.querySelectorAll('[aria-selected="true"]')) other.setAttribute("aria-selected", "false");
    row.setAttribute("aria-selected", "true");
    row.classList.remove("unread");
    row.querySelector(".count")?.remove();
    setTriggerValue("open", Number(row.dataset.id));
  };
  list.onkeydown = (event) => {
    const step = { ArrowDown: "nextElementSibling", ArrowUp: "previousElementSibling" }[event.key];
    const next = step && event.target.closest("button")?.[step];
    if (next) { event.preventDefault(); next.focus(); }
  };
}
"""

_component = st.components.v2.component("conversation_list", html=_HTML, css=_CSS, js=_JS)


def conversation_list(
    rows: tuple[ConversationRow, ...],
    zone: ZoneInfo,
    selected: int | None,
    more: str | None,
    on_open: Callable[[], None],
    on_more: Callable[[], None],
) -> None:
    """Draw the list. The callbacks find the conversation's id, or the number of rows shown, by `chosen`."""
    _component(
        key="conversations",
        data={"rows": [shown_row(row, zone) for row in rows], "selected": selected, "more": more},
        on_open_change=on_open,
        on_more_change=on_more,
    )


def chosen(what: str) -> int | None:
    """In a callback: what was clicked (`open`) or how many rows stood there (`more`)."""
    value = getattr(st.session_state.get("conversations"), what, None)
    return int(value) if value is not None else None


def shown_row(row: ConversationRow, zone: ZoneInfo) -> dict[str, Any]:
    """A row as the browser draws it: plain values, every one shown as text."""
    return {
        "id": row.id,
        "who": row.contact,
        "when": ago(row.last_message_at, zone),
        "exact": exact(row.last_message_at, zone),
        "preview": _preview(row),
        "unread": row.unread,
        "icon": _icon(row.network),
        "network": row.network,
        "channel": row.channel_handle,
        "channel_full": " · ".join(part for part in (row.channel_handle, row.group) if part),
        "chips": _chips(row, zone),
    }


@lru_cache(maxsize=32)
def _icon(network: str) -> str:
    """A network's mark as an address that is its own file: one picture, no request."""
    mark = Path(network_icon(network)).read_bytes()
    return f"data:image/svg+xml;base64,{b64encode(mark).decode()}"


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


def _chips(row: ConversationRow, zone: ZoneInfo) -> list[dict[str, str]]:
    chips = []
    if row.trouble:
        chips.append({"tone": "trouble", "word": "Answer not sent"})
    if row.waiting_since and row.state in (ConversationState.OPEN, ConversationState.PENDING):
        chips.append({"tone": "waits", "word": f"Waits {waited(row.waiting_since)}"})
    if row.kind != Kind.MENTION:
        chips.append({"tone": "plain", "word": KINDS[row.kind]})
    if row.state != ConversationState.OPEN:
        chips.append({"tone": "plain", "word": STATES[row.state]})
    return chips
