"""Which posts of the plan are shown: one bar for table, calendar and board. All of it stands in the address.

What was chosen stays when somebody turns to a view without these filters (the composer) and back.
"""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import timedelta

import streamlit as st

from core.db import utc_now
from core.services.channels import ChannelRow
from core.services.planning import PlanFilter
from core.ui.plan_words import POSTS

UPCOMING, PAST = "Upcoming", "Past 30 days"
RANGES = {UPCOMING: 1, PAST: 30, "Everything": 0}  # days back
# Name in the address -> what stands above the box, what it says when nothing is chosen.
BOXES = {
    "plan_state": ("State", "All states"),
    "plan_group": ("Group", "All groups"),
    "plan_channel": ("Channel", "All channels"),
    "plan_campaign": ("Campaign", "All campaigns"),
}
SEARCH, RANGE, _KEPT = "plan_search", "plan_range", "plan_filters_kept"


def span_of_time() -> str:
    """The table's span of time: upcoming, the past 30 days, everything."""
    _recall(RANGE)
    span = st.segmented_control(
        "Time",
        list(RANGES),
        default=UPCOMING,
        required=True,
        key=RANGE,
        bind="query-params",
        label_visibility="collapsed",
    )
    _keep(RANGE, span)
    return span or UPCOMING


def within(wanted: PlanFilter, span: str) -> PlanFilter:
    """The same filter within one of `RANGES`."""
    back, now = RANGES.get(span, 1), utc_now()
    since = now - timedelta(days=back) if back else None
    return replace(wanted, since=since, until=now if span == PAST else None)


def plan_filters(channels: Sequence[ChannelRow], campaigns: Sequence[tuple[int, str]]) -> PlanFilter:
    """Draw search and filters, in a row that exists already; give what they ask for, without a time."""
    _recall(SEARCH)
    search = st.text_input(
        "Search",
        key=SEARCH,
        type="search",
        bind="query-params",
        placeholder="Search titles and texts",
        icon=":material/search:",
        label_visibility="collapsed",
        width=260,
    )
    _keep(SEARCH, search)
    offered: dict[str, dict[str, object]] = {
        "plan_state": {word: state for state, (word, _, _) in POSTS.items()},
        "plan_group": {row.group: row.group_id for row in channels if row.group_id is not None},
        "plan_channel": _named((row.handle, row.id) for row in channels),
        "plan_campaign": {name: number for number, name in campaigns},
    }
    for name in BOXES:
        _recall(name)
    with st.popover(_label(), icon=":material/tune:", help="State, group, channel and campaign"):
        chosen = {name: _box(name, options) for name, options in offered.items() if options}
        st.button("Clear all filters", key="plan_clear", icon=":material/filter_alt_off:", on_click=clear)
    found = {name: offered[name][word] for name, word in chosen.items() if word in offered[name]}
    return PlanFilter(
        states=(found["plan_state"],) if "plan_state" in found else (),  # type: ignore[arg-type]
        channel_ids=(found["plan_channel"],) if "plan_channel" in found else (),  # type: ignore[arg-type]
        group_id=found.get("plan_group"),  # type: ignore[arg-type]
        campaign_id=found.get("plan_campaign"),  # type: ignore[arg-type]
        text=search or "",
    )


def is_filtered(wanted: PlanFilter) -> bool:
    """Whether something is left out, but for the time."""
    return replace(wanted, since=None, until=None) != PlanFilter()


def clear() -> None:
    """In a callback: no filter, no search."""
    for name in BOXES:
        st.session_state[name] = None
    st.session_state[SEARCH] = ""


def _box(name: str, options: Iterable[str]) -> str | None:
    label, nothing = BOXES[name]
    word = st.selectbox(label, list(options), index=None, key=name, bind="query-params", placeholder=nothing)
    _keep(name, word)
    return word


def _label() -> str:
    """Says how many filters are set, since they hide behind the button."""
    # Before its box is drawn for the first time only the address knows a word.
    given = (st.session_state[name] if name in st.session_state else st.query_params.get(name) for name in BOXES)
    number = sum(1 for word in given if word)
    return f"Filter ({number})" if number else "Filter"


def _recall(name: str) -> None:
    """A widget that was not drawn for a while has forgotten what it said."""
    kept = st.session_state.get(_KEPT, {})
    if name in kept and name not in st.session_state and name not in st.query_params:
        st.session_state[name] = kept[name]


def _keep(name: str, word: str | None) -> None:
    st.session_state.setdefault(_KEPT, {})[name] = word


def _named(pairs: Iterable[tuple[str, int]]) -> dict[str, object]:
    """By name; those of the same name are told apart by their number."""
    found: dict[str, object] = {}
    for name, key in pairs:
        found[f"{name} #{key}" if name in found else name] = key
    return found
