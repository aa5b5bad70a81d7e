"""The plan as an editable table. Each changed row is saved by itself: a wrong cell says why, nothing is lost.

What could not be saved stays in the table (`pending`), laid over what is stored, until it can or is thrown away.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

import pandas as pd
import streamlit as st
from sqlmodel import Session

from core import db
from core.errors import UserError
from core.models.planning import PostState
from core.services import planning
from core.services.channels import ChannelRow
from core.services.plan_drafts import local_to_utc
from core.services.planning import Changes, PlanRow
from core.services.team import Right
from core.ui.page import Page, say_later
from core.ui.parts import shown
from core.ui.plan_words import POSTS

WORDS = {state: word for state, (word, _, _) in POSTS.items()}
STATES = {word: state for state, word in WORDS.items()}
BY_HAND = ("Idea", "Draft", "Scheduled", "Cancelled")
PENDING, ROUND = "plan_pending", "plan_round"


@dataclass(frozen=True)
class Names:
    """Channels by the name shown in the table, and back."""

    by_id: dict[int, str]

    @classmethod
    def of(cls, channels: Sequence[ChannelRow]) -> "Names":
        return cls({channel.id: channel.handle for channel in channels})

    def ids(self, names: Sequence[str] | None) -> tuple[int, ...]:
        """Numbers of the named channels. Raises `UserError` for one that isn't connected."""
        known = {name: number for number, name in self.by_id.items()}
        for name in names or ():
            if name not in known:
                raise UserError(f"“{name}” isn't connected. Choose channels from the list.")
        return tuple(known[name] for name in names or ())


def plan_table(page: Page, rows: Sequence[PlanRow], channels: Sequence[ChannelRow], campaigns: Sequence[str]) -> None:
    """Draw the table and, for who may, the buttons to save or throw away."""
    names = Names.of(channels)
    editable = page.actor.may(Right.PLAN)
    pending: dict[int, dict[str, Any]] = st.session_state.setdefault(PENDING, {})
    key = f"plan_{st.session_state.get(ROUND, 0)}"
    data = [_shown(row, names, page.zone) | pending.get(row.id, {}) for row in rows]
    if not data and not editable:
        st.info("Nothing is planned in this view yet.")
        return
    st.data_editor(
        data or _nothing(),
        key=key,
        num_rows="dynamic" if editable else "fixed",
        disabled=True if not editable else ["id", "trouble"],
        column_order=["title", "state", "when", "channels", "text", "campaign", "trouble"],
        column_config=_columns(names, campaigns, page.zone),
        hide_index=True,
        height=min(38 * (len(data) + 2) + 4, 640),
        placeholder="",
    )
    if editable:
        _save_bar(page, key, rows, names)


def _nothing() -> pd.DataFrame:
    """A table without a row that still knows its kinds: from empty lists they would all be guessed to be numbers."""
    words = ("title", "text", "state", "campaign", "trouble")
    kinds = {"id": "int64", "channels": "object", "when": "datetime64[s]"} | dict.fromkeys(words, "str")
    return pd.DataFrame({name: pd.Series(dtype=kind) for name, kind in kinds.items()})


def _columns(names: Names, campaigns: Sequence[str], zone: ZoneInfo) -> dict[str, Any]:
    c = st.column_config
    return {
        "title": c.TextColumn("Title", max_chars=200, width="medium"),
        "text": c.TextColumn("Text", width="large", help="Line breaks are kept; the composer shows them."),
        "channels": c.MultiselectColumn("Channels", options=list(names.by_id.values()), width="medium"),
        "when": c.DatetimeColumn(f"Goes out ({zone.key})", format="ddd DD.MM.YYYY HH:mm", step=60, width="medium"),
        "state": c.SelectboxColumn("State", options=list(STATES), width="small", required=False),
        "campaign": c.TextColumn("Campaign", max_chars=80, width="small", help="A new name makes a new campaign."),
        "trouble": c.TextColumn("What is wrong", width="medium", disabled=True),
    }


def _shown(row: PlanRow, names: Names, zone: ZoneInfo) -> dict[str, Any]:
    return {
        "id": row.id,
        "title": row.title,
        "text": row.text,
        "channels": [names.by_id[i] for i in row.channel_ids if i in names.by_id],
        "when": row.planned_at.astimezone(zone).replace(tzinfo=None) if row.planned_at else None,
        "state": WORDS[row.state],
        "campaign": row.campaign,
        "trouble": row.trouble,
    }


def _save_bar(page: Page, key: str, rows: Sequence[PlanRow], names: Names) -> None:
    edits = st.session_state.get(key) or {}
    pending = st.session_state[PENDING]
    deleted = [rows[i] for i in edits.get("deleted_rows", ()) if i < len(rows)]
    changed = len(edits.get("edited_rows", {})) + len(edits.get("added_rows", ())) + len(deleted)
    for told in st.session_state.pop("plan_told", []):
        st.error(shown(told), icon=":material/error:")
    if not changed and not pending:
        return
    with st.container(horizontal=True, vertical_alignment="center"):
        sure = True
        if deleted:
            sure = st.checkbox(f"Yes, delete {len(deleted)} from the plan", key=f"{key}_sure")
        if st.button("Save changes", type="primary", icon=":material/save:", key=f"{key}_save", disabled=not sure):
            _save_all(page, edits, rows, names)
        if st.button("Throw away", key=f"{key}_drop", type="tertiary"):
            st.session_state[PENDING] = {}
            _next_round()
            st.rerun()
        st.caption(f"{changed + len(pending)} rows not saved yet")


def _next_round() -> None:
    st.session_state[ROUND] = st.session_state.get(ROUND, 0) + 1


def _save_all(page: Page, edits: Mapping[str, Any], rows: Sequence[PlanRow], names: Names) -> None:
    told: list[str] = []
    pending: dict[int, dict[str, Any]] = dict(st.session_state[PENDING])
    wanted: dict[int, dict[str, Any]] = {row.id: dict(pending.get(row.id, {})) for row in rows if row.id in pending}
    for index, cells in edits.get("edited_rows", {}).items():
        wanted.setdefault(rows[int(index)].id, {}).update(cells)
    gone = {rows[i].id for i in edits.get("deleted_rows", ()) if i < len(rows)}
    by_id = {row.id: row for row in rows}
    saved = 0
    for post_id, cells in wanted.items():
        pending.pop(post_id, None)
        if post_id in gone:
            continue
        problem = _try(lambda s, r=by_id[post_id], c=cells: _save_row(s, page, r, c, names))
        if problem:
            told.append(f"{by_id[post_id].title or 'Post ' + str(post_id)}: {problem}")
            pending[post_id] = cells
        else:
            saved += 1
    for post_id in gone:
        problem = _try(lambda s, i=post_id: planning.delete_post(s, page.actor, i))
        if problem:
            told.append(f"{by_id[post_id].title}: {problem}")
        saved += not problem
    for cells in edits.get("added_rows", ()):
        problem = _try(lambda s, c=cells: _add_row(s, page, c, names))
        if problem:
            told.append(_added_anyway(page, cells, problem, names))
        saved += not problem
    st.session_state[PENDING] = pending
    st.session_state["plan_told"] = told
    _next_round()
    if saved:
        say_later(f"{saved} saved.")
    st.rerun()


def _try(change: Any) -> str:
    """The sentence that says what is wrong; empty when it was saved."""
    try:
        with db.write() as session:
            change(session)
    except UserError as error:
        return str(error)
    return ""


def _moment(value: Any, zone: ZoneInfo) -> datetime | None:
    if not value:
        return None
    local = value if isinstance(value, datetime) else datetime.fromisoformat(str(value).removesuffix("Z"))
    return local_to_utc(local, zone)[0]


def _changes(cells: Mapping[str, Any], names: Names, zone: ZoneInfo) -> Changes:
    return Changes(
        title=cells.get("title") if "title" not in cells else (cells["title"] or ""),
        text=cells.get("text") if "text" not in cells else (cells["text"] or ""),
        channel_ids=names.ids(cells["channels"]) if "channels" in cells else None,
        planned_at=_moment(cells.get("when"), zone),
        campaign=(cells["campaign"] or "") if "campaign" in cells else None,
    )


def _save_row(session: Session, page: Page, row: PlanRow, cells: Mapping[str, Any], names: Names) -> None:
    changes = _changes(cells, names, page.zone)
    planning.save_post(session, page.actor, row.id, row.version, changes)
    if "state" in cells:
        _move(session, page, row.id, row.state, str(cells["state"] or ""), changes.planned_at or row.planned_at)


def _move(session: Session, page: Page, post_id: int, now: PostState, word: str, at: datetime | None) -> None:
    wanted = STATES.get(word)
    if wanted is None or wanted is now:
        return
    if word not in BY_HAND:
        raise UserError(f"“{word}” can't be set by hand: it follows from what happens on the channels.")
    if wanted is PostState.SCHEDULED:
        if at is None:
            raise UserError("Say when it goes out before you schedule it.")
        planning.schedule_post(session, page.actor, post_id, at)
    elif wanted is PostState.CANCELLED:
        planning.cancel_post(session, page.actor, post_id)
    else:
        if now not in (PostState.IDEA, PostState.DRAFT):
            planning.unschedule_post(session, page.actor, post_id)
        planning.set_idea(session, page.actor, post_id, wanted is PostState.IDEA)


def _add_row(session: Session, page: Page, cells: Mapping[str, Any], names: Names) -> None:
    if not any(cells.get(name) for name in ("title", "text", "channels", "when")):
        return
    post_id = planning.create_post(
        session,
        page.actor,
        title=cells.get("title") or "",
        text=cells.get("text") or "",
        channel_ids=names.ids(cells.get("channels")),
        planned_at=_moment(cells.get("when"), page.zone),
        campaign=cells.get("campaign") or "",
        idea=cells.get("state") == "Idea",
    )
    if cells.get("state") == "Scheduled":
        _move(session, page, post_id, PostState.DRAFT, "Scheduled", _moment(cells.get("when"), page.zone))


def _added_anyway(page: Page, cells: Mapping[str, Any], problem: str, names: Names) -> str:
    """A new row that can't be scheduled is kept as a draft: what was typed isn't lost."""
    title = cells.get("title") or "New row"
    draft = dict(cells) | {"state": "Draft"}
    if _try(lambda s: _add_row(s, page, draft, names)):
        return f"{title}: {problem}"
    return f"{title}: {problem} It was kept as a draft."
