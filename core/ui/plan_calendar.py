"""The plan as a calendar: month, week, list; drag to move a post, gaps, clashes, holidays and key dates.

Drawn by FullCalendar (streamlit-calendar); what it draws is `plan_events.py`, how it looks `plan_look.py`. It tells
only clicks and drops, so the time it shows is decided here, and stands in the address.
"""

from collections.abc import Sequence
from datetime import date, datetime, timedelta
from typing import Any

import streamlit as st
from babel.dates import format_date
from streamlit_calendar import calendar as drawn  # type: ignore[import-untyped]

from core import db
from core.db import utc_now
from core.errors import UserError
from core.services import plan_calendar as service
from core.services import planning
from core.services.channels import ChannelRow
from core.services.plan_calendar import Calendar, Days, Move
from core.services.planning import PlanFilter
from core.services.team import Right
from core.ui import narrow as window
from core.ui import plan_said
from core.ui.composer_state import TURN_TO, WRITE
from core.ui.key_date_dialog import key_date_dialog
from core.ui.page import Page
from core.ui.parts import shown
from core.ui.plan_events import GROUP, LIST, MONTH, MORE_ID, STATE, WEEK, Colours, Look, clock, events, post_of
from core.ui.plan_look import LIST_DAYS, VIEWS, locale_of, options, style
from core.ui.plan_unplanned import unplanned

OFF, ANYWHERE = "Off", "All channels"
CAMPAIGNS = "Campaigns"  # the page's view
_DAY, _DONE, _TURN = "cal_day", "_cal_done", "_cal_turn"


def plan_calendar(page: Page, channels: Sequence[ChannelRow], wanted: PlanFilter) -> None:
    """Draw it. A fragment: a drop draws nothing else anew."""
    _calendar(page, channels, wanted)


@st.fragment(key="plan_calendar")
def _calendar(page: Page, channels: Sequence[ChannelRow], wanted: PlanFilter) -> None:
    narrow = window.is_narrow(_fit)
    if _TURN in st.session_state:
        st.session_state["cal_view"] = LIST
        _go(st.session_state.pop(_TURN))
    view, day, colour_by, marked = _toolbar(page, channels, narrow)
    first, after = _shown_days(view, day)
    dark, locale = st.context.theme.type == "dark", locale_of(st.context.locale)
    key = f"calendar_{view}_{first}_{'dark' if dark else 'light'}"
    _hear(page, st.session_state.get(key))
    since, until = service.start_of(first, page.zone), service.start_of(after, page.zone)
    with db.read() as session:
        found = service.calendar_month(session, wanted, since, until)
        days = service.days_to_know(session, first, after)
        undated = [row for row in planning.undated(session, wanted, limit=50) if not row.comes_again]
    editable = page.actor.may(Right.PLAN)
    look = Look(
        *(page.zone, view, colour_by, channels, first, after, editable),
        gap_days=_gaps(page, found, days, channels, marked),
        gap_word="Nothing planned" if marked in (OFF, ANYWHERE) else f"Nothing: {marked}",
        round=plan_said.turn(),
    )
    plan_said.say()
    _legend(found, look)
    now = utc_now().astimezone(page.zone).replace(tzinfo=None)
    left, right = st.columns([4.6, 1], gap="medium") if undated else (st.container(), None)
    with left:
        drawn(
            events=events(found, days, look),
            options=options(view, day, (after - first).days // 7, now, locale, editable),
            custom_css=style(dark),
            callbacks=["eventClick", "eventChange", *(["dateClick"] if editable else [])],
            key=key,
        )
        _in_words(page, found, look, days)
    if right is not None:
        with right:
            unplanned(page, undated, moved)


# --- which time -------------------------------------------------------------------------------------------------------


def _toolbar(page: Page, channels: Sequence[ChannelRow], narrow: bool) -> tuple[str, date, str, str]:
    """(view, a day in it, what colours mean, on which channels gaps are marked)."""
    if narrow and "cal_view" not in st.session_state and "cal_view" not in st.query_params:
        st.session_state["cal_view"] = LIST
    day = _day(page)
    with st.container(horizontal=True, vertical_alignment="center", gap="small", key="cal_bar"):
        view_now = str(st.session_state.get("cal_view") or st.query_params.get("cal_view") or MONTH)
        for label, symbol, to in (
            ("Earlier", "chevron_left", _step(view_now, day, -1)),
            ("Today", "", None),
            ("Later", "chevron_right", _step(view_now, day, 1)),
        ):
            st.button(
                label if not symbol else "",
                icon=f":material/{symbol}:" if symbol else None,
                help=None if not symbol else label,
                key=f"cal_{label.lower()}",
                on_click=_go,
                args=(to,),
            )
        st.markdown(f"**{shown(_title(view_now, day))}**", width="stretch")
        view = st.segmented_control(
            "Calendar view", list(VIEWS), default=MONTH, required=True, key="cal_view", bind="query-params",
            label_visibility="collapsed",
        )  # fmt: skip
        with st.popover("Show", icon=":material/palette:", help="What colours say, and gaps"):
            colour_by = st.segmented_control(
                "Colours say", [STATE, GROUP], default=STATE, required=True, key="cal_colour", bind="query-params"
            )
            marked = st.selectbox(
                "Mark work days without a post on", _markable(channels), key="cal_gaps", bind="query-params"
            )
        if st.button("Key dates", icon=":material/event:", key="cal_key_dates"):
            key_date_dialog(page)
    return view or MONTH, day, colour_by or STATE, marked or OFF


def _fit() -> None:
    """In a callback: the window is narrow, or no longer. Whoever chose a view keeps it."""
    if "cal_view" not in st.query_params or st.session_state.get("cal_view") == LIST:
        st.session_state["cal_view"] = LIST if window.told() else MONTH


def _day(page: Page) -> date:
    given = str(st.query_params.get(_DAY, ""))
    try:
        return date.fromisoformat(given)
    except ValueError:
        return utc_now().astimezone(page.zone).date()


def _go(day: date | None) -> None:
    if day is None:
        st.query_params.pop(_DAY, None)
    else:
        st.query_params[_DAY] = day.isoformat()


def _step(view: str, day: date, by: int) -> date:
    if view != MONTH:
        return day + timedelta(days=by * (7 if view == WEEK else LIST_DAYS))
    first = day.replace(day=1)
    return (first + timedelta(days=31)).replace(day=1) if by > 0 else (first - timedelta(days=1)).replace(day=1)


def _shown_days(view: str, day: date) -> tuple[date, date]:
    """(first day, the day after the last)."""
    if view == WEEK:
        monday = day - timedelta(days=day.weekday())
        return monday, monday + timedelta(days=7)
    if view == LIST:
        return day, _step(view, day, 1)
    return service.weeks_of_month(day)


def _title(view: str, day: date) -> str:
    locale = locale_of(st.context.locale).split("-")[0]
    if view == MONTH:
        return str(format_date(day, "LLLL y", locale=locale))
    first, after = _shown_days(view, day)
    last = after - timedelta(days=1)
    begin = "d MMM" if first.year == last.year else "d MMM y"
    return f"{format_date(first, begin, locale=locale)} – {format_date(last, 'd MMM y', locale=locale)}"


# --- gaps, clashes, colours -------------------------------------------------------------------------------------------


def _markable(channels: Sequence[ChannelRow]) -> list[str]:
    groups = dict.fromkeys(row.group for row in channels if row.group)
    return [OFF, ANYWHERE, *groups, *dict.fromkeys(row.handle for row in channels)]


def _gaps(page: Page, found: Calendar, days: Days, channels: Sequence[ChannelRow], marked: str) -> list[date]:
    """Work days from today on without anything on what is marked."""
    if marked == OFF:
        return []
    ids = None if marked == ANYWHERE else {row.id for row in channels if marked in (row.group, row.handle)}
    today = utc_now().astimezone(page.zone).date()
    return service.gaps(found, (day for day in days.work_days if day >= today), page.zone, ids)


def _legend(found: Calendar, look: Look) -> None:
    """What the colours mean, and how many there are."""
    with st.container(horizontal=True, vertical_alignment="center", gap="small", key="cal_legend"):
        for word, colour in Colours(look).legend(found.posts):
            st.badge(shown(word), color=colour)  # type: ignore[arg-type]
        count = f"{len(found.posts)} {'post' if len(found.posts) == 1 else 'posts'}"
        parts = [count if found.posts else _nothing(look)]
        if found.cut:
            parts = [f"the first {service.MOST} posts: filter to see the others"]
        if found.clashes:
            parts.append(f"{len(found.clashes)} {'clash' if len(found.clashes) == 1 else 'clashes'}")
        if look.gap_days:
            parts.append(f"{len(look.gap_days)} {'day' if len(look.gap_days) == 1 else 'days'} without a post")
        st.caption(" · ".join(parts))


def _nothing(look: Look) -> str:
    """An empty time: what will appear, and the next step."""
    if not look.channels:
        return "Nothing is planned yet. Connect a channel first, on the Channels page; then write the first post."
    step = " Click a day to write a post for it." if look.editable and look.view != LIST else ""
    return f"Nothing is planned in this time, or nothing that fits the filter.{step}"


def _in_words(page: Page, found: Calendar, look: Look, days: Days) -> None:
    """Clashes as sentences: who can't see colours or drag gets the same."""
    if not found.clashes:
        return
    handles = {row.id: row.handle for row in look.channels}
    with st.expander(f"Clashes: two posts on one channel within the hour ({len(found.clashes)})"):
        some = found.clashes[:20]
        with db.read() as session:
            titles = service.titles(session, [key for clash in some for key in (clash.first, clash.second)])
        for clash in some:
            one, two = (moment.astimezone(page.zone) for moment in (clash.at, clash.next_at))
            st.markdown(
                f"**{one:%a %d %b, %H:%M}** {shown(titles.get(clash.first, ''))} and **{two:%H:%M}** "
                f"{shown(titles.get(clash.second, ''))}, both on {shown(handles.get(clash.channel_id, 'a channel'))}"
            )
        if len(found.clashes) > len(some):
            st.caption(f"and {len(found.clashes) - len(some)} more")


# --- what the browser tells -------------------------------------------------------------------------------------------


def _hear(page: Page, told: Any) -> None:
    """A click or a drop, once."""
    if not told or told == st.session_state.get(_DONE):
        return
    st.session_state[_DONE] = told
    plan_said.next_turn()
    what = told.get("callback")
    if what == "eventChange":
        _dropped(page, told["eventChange"])
    elif what == "eventClick":
        _clicked(page, told["eventClick"].get("event", {}))
    elif what == "dateClick":
        _new_post(page, told["dateClick"])


def _dropped(page: Page, change: Any) -> None:
    found = post_of(change.get("event"))
    if found is None:
        return
    post_id, local, seen = found
    if local is None:
        return
    if change["event"].get("allDay"):  # dropped into the row of whole days: its time of day stays
        before = clock(change.get("oldEvent", {}).get("start")) or local
        local = datetime.combine(local.date(), before.time())
    try:
        with db.write() as session:
            move = service.move_post(session, page.actor, post_id, local, page.zone, seen)
    except UserError as error:
        plan_said.refuse(str(error))
    else:
        moved(page, move)


def _clicked(page: Page, event: Any) -> None:
    found = post_of(event)
    if found is not None:
        st.query_params["post"] = str(found[0])
        st.session_state[TURN_TO] = WRITE
        st.rerun()
    kind = str(event.get("id", "")).split(":")[0]
    if kind == "keydate":
        key_date_dialog(page)
    elif kind == "more":
        st.session_state[_TURN] = date.fromisoformat(str(event["id"]).removeprefix(MORE_ID))
        st.rerun()
    elif kind == "campaign":
        st.session_state[TURN_TO] = CAMPAIGNS
        st.rerun()


def _new_post(page: Page, click: Any) -> None:
    at = clock(click.get("date"))
    if at is None:
        return
    if at.date() < utc_now().astimezone(page.zone).date():
        plan_said.refuse("That day has passed. Choose a later one for a new post.")
        return
    number = st.session_state["new_posts"] = st.session_state.get("new_posts", 0) + 1
    st.session_state[f"post_new_{number}_day"] = at.date()
    if not click.get("allDay"):
        st.session_state[f"post_new_{number}_time"] = at.time()
    st.query_params.pop("post", None)
    st.session_state[TURN_TO] = WRITE
    st.rerun()


def moved(page: Page, move: Move) -> None:
    """Say when it goes out now, and offer the time it had."""
    local = move.after.astimezone(page.zone)
    notes = [note for note in (move.note, *move.warnings) if note]
    plan_said.keep(
        f"Moved to **{local:%a %d %b, %H:%M}**.", notes, lambda s: service.undo_move(s, page.actor, move)
    )  # fmt: skip
