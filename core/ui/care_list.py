"""The list of what needs care: deliveries that failed, may be out, or are gone. Decided one by one, or many at once."""

from collections.abc import Callable, Sequence

import streamlit as st
from sqlmodel import Session

from core import db
from core.services import delivery_care
from core.services.delivery_care import Care, CareRow, Outcome, care_count, care_rows
from core.services.team import Right
from core.ui.page import Page, act, say_later
from core.ui.parts import ago, exact, network_icon, shown
from core.ui.plan_words import Colour
from core.ui.proof_parts import short

ROWS = 25
CARES: dict[Care, tuple[str, Colour, str]] = {
    Care.FAILED: ("Failed", "red", "error"),
    Care.UNCONFIRMED: ("Not confirmed", "orange", "help"),
    Care.GONE: ("Gone", "red", "visibility_off"),
}
ALL = "All"
_TOLD, _PAGES = "care_told", "care_pages"


def care_list(page: Page) -> None:
    """The newest first, a page of it, with what can be decided about the chosen ones."""
    with db.read() as session:
        count = care_count(session)
    if not count and not st.session_state.get(_TOLD):
        st.markdown(":green[:material/check_circle:] Nothing failed, nothing is in doubt, nothing is gone.")
        return
    st.header(
        f"Needs care ({min(count, delivery_care.CAP - 1)}{'+' if count >= delivery_care.CAP else ''})", anchor=False
    )
    _tell()
    care = _kind()
    before = st.session_state.setdefault(_PAGES, [])
    with db.read() as session:
        rows, following = care_rows(session, before[-1] if before else None, ROWS, care)
    if not rows:
        st.caption("Nothing of this kind.")
    may = page.actor.may(Right.PLAN)
    for row in rows:
        _row(page, row, may)
    if may and rows:
        _bulk(page, [row for row in rows if st.session_state.get(_key(row))], rows)
    _turn(before, following)


def _kind() -> Care | None:
    words = {word: care for care, (word, _, _) in CARES.items()}
    chosen = st.segmented_control(
        "Kind",
        [ALL, *words],
        default=ALL,
        required=True,
        key="care_kind",
        label_visibility="collapsed",
        on_change=lambda: st.session_state.pop(_PAGES, None),
    )
    return words.get(chosen or ALL)


def _key(row: CareRow) -> str:
    return f"care_{row.id}"


def _row(page: Page, row: CareRow, may: bool) -> None:
    word, colour, symbol = CARES[row.care]
    with st.container(border=True, gap="xxsmall", key=f"care_box_{row.id}"):
        with st.container(horizontal=True, vertical_alignment="center", gap="small"):
            if may:
                st.checkbox(f"Choose {row.title}", key=_key(row), label_visibility="collapsed", width="content")
            st.badge(word, color=colour, icon=f":material/{symbol}:")
            path, query = ("pages/planning.py", {"post": str(row.post_id)})
            if row.post_id is None:
                path, query = "pages/inbox.py", {"conversation": str(row.conversation_id)}
            st.page_link(path, label=f"**{shown(short(row.title))}**", query_params=query)
        with st.container(horizontal=True, vertical_alignment="center", gap="small"):
            st.image(network_icon(row.network), width=16, alt=row.network)
            what = "" if row.post_id is not None else " · answer"
            since = f" · {ago(row.since, page.zone)}" if row.since is not None else ""
            st.caption(f"{shown(row.handle)}{what}{since}", help=exact(row.since, page.zone) if since else None)
        st.markdown(f":small[{shown(row.reason)}]")
        if row.care is not Care.FAILED and row.url and row.url.startswith(("https://", "http://")):
            st.link_button("Look there", row.url, icon=":material/open_in_new:", type="tertiary")


def _bulk(page: Page, chosen: Sequence[CareRow], rows: Sequence[CareRow]) -> None:
    """What can be decided about the chosen ones; each button counts those that it is meant for."""
    ids = {care: [row.id for row in chosen if row.care is care] for care in Care}
    failed, doubtful, gone = ids[Care.FAILED], ids[Care.UNCONFIRMED], ids[Care.GONE]
    with st.container(horizontal=True, vertical_alignment="center", gap="small", key="care_bulk"):
        everything = len(chosen) == len(rows)
        st.button(
            "Choose none" if everything else "Choose all",
            key="care_all",
            type="tertiary",
            icon=":material/select_all:",
            on_click=_choose,
            args=(rows, not everything),
        )
        if failed:
            _button(f"Try {len(failed)} again", "refresh", "are on their way again",
                    lambda s: delivery_care.retry_deliveries(s, page.actor, failed))  # fmt: skip
            with st.popover(f"Give up {len(failed)}", icon=":material/block:"):
                st.markdown("They stay unsent, for good.")
                _button("Yes, leave them unsent", "block", "are left unsent",
                        lambda s: delivery_care.give_up_deliveries(s, page.actor, failed))  # fmt: skip
        if doubtful:
            _button(_count(doubtful, "is online", "are online"), "check", "count as online",
                    lambda s: delivery_care.confirm_deliveries(s, page.actor, doubtful, True))  # fmt: skip
            with st.popover(_count(doubtful, "isn't online", "aren't online"), icon=":material/send:"):
                st.markdown("Somebody has looked at the networks: they aren't there, and are sent again.")
                _button("Yes, send them again", "send", "are sent again",
                        lambda s: delivery_care.confirm_deliveries(s, page.actor, doubtful, False))  # fmt: skip
        if gone:
            _button(f"{len(gone)} noted", "visibility_off", "count as taken down",
                    lambda s: delivery_care.note_gone(s, page.actor, gone))  # fmt: skip
        if not chosen:
            st.caption("Choose some to decide about them together.")


def _count(ids: Sequence[int], one: str, more: str) -> str:
    return f"{len(ids)} {one if len(ids) == 1 else more}"


def _button(label: str, symbol: str, done: str, call: Callable[[Session], list[Outcome]]) -> None:
    if st.button(label, key=f"care_{symbol}_{done}", icon=f":material/{symbol}:"):
        outcomes = act(call, rerun=None)
        if outcomes is not None:
            st.session_state[_TOLD] = [outcome for outcome in outcomes if not outcome.ok]
            say_later(delivery_care.summary(outcomes, done))
            st.rerun()


def _choose(rows: Sequence[CareRow], chosen: bool) -> None:
    for row in rows:
        st.session_state[_key(row)] = chosen


def _tell() -> None:
    """What could not be done, and why; until the next decision."""
    told: list[Outcome] = st.session_state.pop(_TOLD, None) or []
    if told:
        lines = "\n".join(f"- {shown(outcome.label)}: {shown(outcome.said)}" for outcome in told)
        st.warning(f"Not done:\n\n{lines}", icon=":material/error:")


def _turn(before: list[int], following: int | None) -> None:
    with st.container(horizontal=True, gap="small"):
        if before and st.button("Newer", key="care_newer", icon=":material/arrow_back:", type="tertiary"):
            st.session_state[_PAGES] = before[:-1]
            st.rerun()
        if following is not None and st.button(
            "Older", key="care_older", icon=":material/arrow_forward:", type="tertiary"
        ):
            st.session_state[_PAGES] = [*before, following]
            st.rerun()
