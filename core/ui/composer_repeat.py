"""Repeat, in the composer: how a post comes again, said in a sentence with its next times. Gives the rule."""

from collections.abc import Sequence
from datetime import date, datetime

import streamlit as st

from core import db
from core.db import utc_now
from core.errors import UserError
from core.models.planning_time import RecurrenceKind, RecurrenceUnit
from core.services import recurrences
from core.services.channels import ChannelRow
from core.services.planning import PostDetail
from core.services.recurrence_rules import Rule, checked, occurrences, words
from core.services.recurrences import RecurrenceRow
from core.services.slot_times import DAY_NAMES, zone_of
from core.ui.composer_state import seed
from core.ui.page import Page
from core.ui.parts import shown

KINDS = {"On a calendar": RecurrenceKind.CALENDAR, "Evergreen": RecurrenceKind.EVERGREEN}
UNITS = {"days": RecurrenceUnit.DAY, "weeks": RecurrenceUnit.WEEK, "months": RecurrenceUnit.MONTH}
REST = 30  # days


def repeat_fields(
    page: Page,
    key: str,
    detail: PostDetail | None,
    channels: Sequence[ChannelRow],
    known: RecurrenceRow | None,
    day: date | None,
    at: datetime | None,
) -> Rule | None:
    """How it comes again, None: it doesn't. `day` and `at` are the first day and time as they are typed."""
    if detail is not None and detail.recurrence_id is not None and _copy_of(detail.recurrence_id):
        return None
    on = st.toggle(
        "Repeat",
        key=seed(key, "repeat_switch", known is not None),
        help="The post becomes a pattern: copies of it go out by themselves, until an end or a limit.",
        persist_state="session",
    )
    if not on:
        if known is not None:
            st.info(
                "Saving ends the repetition. Copies that wait are taken back, but for those changed by hand.",
                icon=":material/event_busy:",
            )
        return None
    with st.container(border=True):
        return _rule(page, key, channels, known, day, at)


def _copy_of(recurrence_id: int) -> bool:
    """Say that this is a copy; whether it is one of something that still comes again."""
    with db.read() as session:
        row = recurrences.made_by(session, recurrence_id)
    if row is not None:
        st.caption(
            f":material/repeat: A copy of “{shown(row.title)}” (post {row.post_id}), which comes again: {row.words}. "
            "Changed by hand, it follows that one no more."
        )
    return row is not None


def _rule(
    page: Page,
    key: str,
    channels: Sequence[ChannelRow],
    known: RecurrenceRow | None,
    day: date | None,
    at: datetime | None,
) -> Rule:
    old = known.rule if known else None
    zone = _zone(page, key, channels, old)
    kind = _kind(key, old)
    local = at.astimezone(page.zone) if at else None
    starts_on = day or utc_now().astimezone(zone_of(zone)).date()
    every, unit, rest = 1, RecurrenceUnit.WEEK, 0
    weekdays: tuple[int, ...] = ()
    with st.container(horizontal=True, vertical_alignment="bottom", gap="small"):
        if kind is RecurrenceKind.CALENDAR:
            every, unit = _every(key, old)
        else:
            rest = _number(key, "repeat_rest", "Days of rest between two", old.rest_days if old else REST) or 0
        until = st.date_input(
            "Until (last day)",
            key=seed(key, "repeat_until", old.until_on if old else None),
            format="DD.MM.YYYY",
            width=150,
            persist_state="session",
        )
        most = _number(key, "repeat_most", "At most", old.most if old else None, "No limit")
    if kind is RecurrenceKind.CALENDAR and unit is RecurrenceUnit.WEEK:
        weekdays = _weekdays(key, old)
    clock = f"{local:%H:%M}" if local else old.at if old else "09:00"
    rule = Rule(kind, starts_on, zone, every, unit, weekdays, clock, rest, until, most)
    _say(page, rule, known)
    return rule


def _kind(key: str, old: Rule | None) -> RecurrenceKind:
    now = next(name for name, kind in KINDS.items() if kind is (old.kind if old else RecurrenceKind.CALENDAR))
    chosen = st.segmented_control(
        "How it comes again",
        list(KINDS),
        key=seed(key, "repeat_kind", now),
        required=True,
        label_visibility="collapsed",
        persist_state="session",
    )
    return KINDS[chosen or now]


def _every(key: str, old: Rule | None) -> tuple[int, RecurrenceUnit]:
    every = _number(key, "repeat_every", "Every", old.every if old else 1) or 1
    now = next(name for name, unit in UNITS.items() if unit is (old.unit if old else RecurrenceUnit.WEEK))
    unit = st.selectbox("Of these", list(UNITS), key=seed(key, "repeat_unit", now), width=120, persist_state="session")
    return every, UNITS[unit or now]


def _number(key: str, name: str, label: str, now: int | None, placeholder: str | None = None) -> int | None:
    return st.number_input(
        label,
        min_value=1,
        max_value=1000,
        step=1,
        key=seed(key, name, now),
        width=130,
        placeholder=placeholder,
        persist_state="session",
    )


def _weekdays(key: str, old: Rule | None) -> tuple[int, ...]:
    chosen = st.pills(
        "On (none: the weekday of the first day)",
        list(DAY_NAMES),
        selection_mode="multi",
        key=seed(key, "repeat_days", [DAY_NAMES[day] for day in old.weekdays] if old else []),
        persist_state="session",
    )
    return tuple(DAY_NAMES.index(name) for name in chosen)


def _zone(page: Page, key: str, channels: Sequence[ChannelRow], old: Rule | None) -> str:
    """Whose clock counts; asked only where there is a choice."""
    lead = zone_of(channels[0].time_zone).key if channels else page.zone.key
    options = list(dict.fromkeys([*([old.time_zone] if old else []), page.zone.key, lead]))
    if len(options) == 1:
        return options[0]
    return (
        st.selectbox(
            "On the clock of",
            options,
            key=seed(key, "repeat_zone", options[0]),
            width=260,
            help="It stays this time of day there when summer time begins or ends.",
            persist_state="session",
        )
        or options[0]
    )


def _say(page: Page, rule: Rule, known: RecurrenceRow | None) -> None:
    """The rule in words, its next times, and how it stands."""
    try:
        rule = checked(rule)
    except UserError as error:
        st.warning(shown(str(error)), icon=":material/error:")
        return
    st.markdown(f"**{shown(words(rule))}**")
    if rule.kind is RecurrenceKind.CALENDAR:
        coming = occurrences(rule, utc_now(), min(5, rule.most or 5))
        times = " · ".join(f"{one.at.astimezone(page.zone):%a %d %b %H:%M}" for one in coming)
        st.caption(f"Next, on your clock: {times}" if times else "It never comes: its last day is over before.")
        for note in dict.fromkeys(f"{one.day:%d %b}: {one.note}" for one in coming if one.note):
            st.info(note, icon=":material/schedule:")
    if known is None:
        st.caption("“Schedule” begins it. This post itself stays as the pattern.")
    elif known.trouble:
        st.warning(shown(known.trouble), icon=":material/error:")
    elif known.paused:
        st.caption(f"Not running: {known.made} made so far. “Schedule” begins it.")
    else:
        st.caption(
            f"Running: {known.made} made so far, {len(known.planned)} of them wait. A change is followed by those."
        )
