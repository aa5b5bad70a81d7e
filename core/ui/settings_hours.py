"""Settings: when the team is there, holidays, and how soon it promises to answer.

What is typed is understood at once and told in a sentence below; nothing counts before it is saved, and what can't be
understood stays in its field beside the reason.
"""

from collections.abc import Callable
from dataclasses import replace
from datetime import date
from typing import Any
from zoneinfo import available_timezones

import streamlit as st

from core import db
from core.db import utc_now
from core.errors import UserError
from core.services import service_hours
from core.services.service_hours import Hours, add_business, is_open, upcoming_holidays
from core.services.service_words import (
    DAYS,
    country_names,
    day_words,
    length_words,
    region_names,
    spans_of,
    target_words,
)
from core.services.team import Right
from core.ui.page import Page, act
from core.ui.parts import shown

UNITS = {"minutes": 1, "hours": 60}
DAY_WIDTH = 110  # pixels: “Wednesday”
FIELD = 290  # pixels: two spans
SMALL = 130
NO_HOLIDAYS = "No holidays"
ALL_REGIONS = "The whole country"


def hours_section(page: Page) -> None:
    """Draw the section: a form for administrators, the agreed hours for everybody else."""
    with db.read() as session:
        hours = service_hours.current(session)
    if page.actor.may(Right.TEAM):
        _editor(page, hours)
    else:
        _agreed(hours)


def _agreed(hours: Hours) -> None:
    st.header("When is somebody there?", anchor=False)
    for day, spans in zip(DAYS, hours.weekly, strict=True):
        with st.container(horizontal=True, gap="small"):
            st.markdown(f"**{day}**", width=DAY_WIDTH)
            st.markdown(day_words(spans) or ":gray[closed]", width="content")
    st.markdown(_means(hours))
    st.caption("Administrators can change this.")


@st.fragment(key="hours")
def _editor(page: Page, saved: Hours) -> None:
    st.header("When is somebody there?", anchor=False)
    st.caption(
        "Waiting is counted in these hours alone: who writes on Friday night isn't late on Saturday. "
        "Several spans a day are fine: 9–12, 13–17:30. An empty day is closed."
    )
    weekly, wrong = _week(saved)
    country, region, time_zone = _where(saved)
    st.header("What do we promise?", anchor=False)
    target, undo = _promise(saved)
    try:
        if wrong:
            raise wrong
        draft = replace(saved, weekly=weekly, country=country, region=region, time_zone=time_zone)
        draft = service_hours.check(replace(draft, target_minutes=target, undo_seconds=undo))
    except UserError as error:
        draft = None
        said = str(error)
    else:
        said = ""
        st.markdown(_means(draft))
    if st.button("Save the hours", type="primary", key="hours_save", icon=":material/check:"):
        if draft is None:
            st.error(f"{shown(said)} Nothing was saved.", icon=":material/error:")
        else:
            _save(page, draft)


def _save(page: Page, draft: Hours) -> None:
    act(
        lambda session: service_hours.save(session, page.actor, draft),
        done="The hours are saved. Deadlines follow within seconds.",
        rerun=None,
    )


# --- the week -------------------------------------------------------------------------------------------------------


def _week(saved: Hours) -> tuple[service_hours.Week, UserError | None]:
    """A row a day: the field, and what it comes to or why it can't be understood."""
    found: list[Any] = []
    wrong: UserError | None = None
    for day, name in enumerate(DAYS):
        with st.container(horizontal=True, vertical_alignment="center", gap="small", key=f"hours_row_{day}"):
            st.markdown(f"**{name}**", width=DAY_WIDTH)
            text = _field(day, name, day_words(saved.weekly[day]))
            try:
                spans = spans_of(text, day)
            except UserError as error:
                wrong, spans = wrong or error, ()
                st.markdown(f":red[:material/error: {shown(str(error))}]", width="stretch")
            else:
                minutes = sum(end - start for start, end in spans)
                st.markdown(f":gray[:small[{target_words(minutes) if minutes else 'closed'}]]", width="content")
        found.append(spans)
    with st.container(horizontal=True, gap="small"):
        for label, days in (
            ("Tuesday to Friday like Monday", range(1, 5)),
            ("The whole week like Monday", range(1, 7)),
        ):
            st.button(label, key=f"hours_copy_{days.stop}", type="tertiary", on_click=_copy, args=(days,))
    return tuple(found), wrong


def _key(day: int) -> str:
    return f"hours_day_{day}"


def _field(day: int, name: str, value: str) -> str:
    return (
        st.text_input(
            f"Hours on {name}",
            value,
            key=_key(day),
            max_chars=120,
            label_visibility="collapsed",
            placeholder="closed",
            width=FIELD,
            on_change=_tidy,
            args=(day,),
        )
        or ""
    )


def _tidy(day: int) -> None:
    """Write what was understood the way it is always written; what wasn't stays as it is."""
    try:
        st.session_state[_key(day)] = day_words(spans_of(st.session_state[_key(day)] or "", day))
    except UserError:
        return


def _copy(days: range) -> None:
    for day in days:
        st.session_state[_key(day)] = st.session_state[_key(0)]


# --- holidays, target -----------------------------------------------------------------------------------------------


def _where(saved: Hours) -> tuple[str | None, str | None, str]:
    """Whose holidays are free, and where the clock hangs."""
    with st.container(horizontal=True, vertical_alignment="bottom"):
        countries = country_names()
        country = _choice("Holidays of", countries, saved.country, NO_HOLIDAYS, "hours_country")
        regions = region_names(country) if country else {}
        region = None
        if regions:
            known = saved.region if country == saved.country else None
            region = _choice("State or region", regions, known, ALL_REGIONS, f"hours_region_{country}")
        zones = sorted(available_timezones())
        place = zones.index(saved.time_zone) if saved.time_zone in zones else 0
        zone = st.selectbox("Time zone", zones, index=place, key="hours_zone", width=FIELD)
    coming = upcoming_holidays(country, region, utc_now().date())
    if coming:
        st.caption("Free next: " + " · ".join(_holiday(day, name) for day, name in coming))
    return country, region, zone or saved.time_zone


def _choice(label: str, names: dict[str, str], now: str | None, none: str, key: str) -> str | None:
    codes = ["", *names]

    def told(code: str) -> str:
        return names.get(code, none)

    place = codes.index(now) if now in codes else 0
    return st.selectbox(label, codes, index=place, format_func=told, key=key, width=FIELD) or None


def _holiday(day: date, name: str) -> str:
    return f"{day:%a %d %b} {shown(name)}"


def _promise(saved: Hours) -> tuple[int, int]:
    with st.container(horizontal=True, vertical_alignment="bottom"):
        target = target_field("First answer within", saved.target_minutes, "hours_target")
        undo = st.number_input(
            "An answer can be taken back for (seconds)",
            min_value=0,
            max_value=service_hours.LONGEST_UNDO,
            value=saved.undo_seconds,
            step=5,
            key="hours_undo",
            help="So long it waits before it goes out. 0 sends at once.",
            width=FIELD,
        )
    return target, int(undo if undo is not None else saved.undo_seconds)


def target_field(label: str, minutes: int, key: str) -> int:
    """A number and its unit; gives minutes. Whole hours are shown as hours."""
    whole = minutes % 60 == 0
    number = st.number_input(
        label,
        min_value=1,
        max_value=service_hours.LONGEST_TARGET,
        value=minutes // 60 if whole else minutes,
        step=1,
        key=f"{key}_number",
        width=SMALL + 40,
    )
    unit = st.selectbox("Unit", list(UNITS), index=int(whole), key=f"{key}_unit", width=SMALL)
    return int(number or 0) * UNITS[unit or "minutes"]


def _means(hours: Hours, now: Callable[[], Any] = utc_now) -> str:
    """What the hours mean, with an example out of this moment."""
    moment = now()
    due = add_business(hours, moment, 60 * hours.target_minutes).astimezone(hours.zone)
    there = "Somebody is there now." if is_open(hours, moment) else "Nobody is there now."
    return (
        f"**{length_words(60 * hours.week_minutes)} a week.** {there} "
        f"A message that comes now is to be answered by **{due:%a %d %b, %H:%M}** "
        f"({target_words(hours.target_minutes)} of these hours)."
    )
