"""How the calendar looks: its options, and the style that gives it the hub's theme, light and dark.

It lives in a frame of its own that knows nothing of the page's theme, so the colours are said here once more.
"""

from datetime import date, datetime
from functools import lru_cache
from typing import Any

from core.ui.plan_events import LIST, MONTH, WEEK
from core.ui.plan_words import POSTS

VIEWS = {MONTH: "dayGridMonth", WEEK: "timeGridWeek", LIST: "listDays"}
LIST_DAYS = 31
GERMAN, ENGLISH = "de", "en-gb"  # as FullCalendar and Babel read them
WORDS = {
    GERMAN: {"more": "weitere", "all_day": "Tag", "nothing": "Nichts geplant"},
    ENGLISH: {"more": "more", "all_day": "Day", "nothing": "Nothing is planned in this time"},
}
# Ground, edge: 4.5:1 between the theme's text and the ground.
LIGHT = {
    "gray": ("#e9ecf0", "#6b7785"),
    "blue": ("#dfecfb", "#2467c2"),
    "green": ("#dff3e4", "#22804a"),
    "yellow": ("#fbf2cc", "#9a7b00"),
    "orange": ("#fdead7", "#c2610c"),
    "red": ("#fbe2e1", "#c2342f"),
    "violet": ("#ece5fb", "#6d47c4"),
    "primary": ("#d9eef0", "#0f6b75"),
}
DARK = {
    "gray": ("#2b343e", "#97a3b1"),
    "blue": ("#17324f", "#6aaaf2"),
    "green": ("#173a27", "#5cc487"),
    "yellow": ("#3b3412", "#dcbf3f"),
    "orange": ("#43290f", "#f0a057"),
    "red": ("#471f20", "#f18b86"),
    "violet": ("#33284f", "#b49af0"),
    "primary": ("#103b40", "#6cc7d0"),
}
# Page, ground of heads, border, text, small text, accent; as in .streamlit/config.toml.
LIGHT_PAGE = ("#ffffff", "#f3f5f7", "#d9dee5", "#0d141b", "#4d5966", "#0f6b75")
DARK_PAGE = ("#12171d", "#1a2129", "#333e4a", "#e6eaf0", "#a7b3c0", "#6cc7d0")
WEEK_HEIGHT, HEAD = 166, 34  # px, of a week in the month: four posts fit into a day
HEIGHTS = {WEEK: 780, LIST: 640}


def locale_of(browser: str | None) -> str:
    """German for who reads German, else English: days and months only, and Monday first in both."""
    return GERMAN if (browser or "").lower().startswith("de") else ENGLISH


def options(view: str, day: date, weeks: int, now: datetime, locale: str, editable: bool) -> dict[str, Any]:
    """FullCalendar's options. `now` is the member's wall clock, without a zone."""
    words, hours = WORDS[locale], {"hour": "2-digit", "minute": "2-digit", "hour12": False}
    return {
        "initialView": VIEWS[view],
        "initialDate": day.isoformat(),
        "views": {VIEWS[LIST]: {"type": "list", "duration": {"days": LIST_DAYS}}},
        "headerToolbar": False,
        "timeZone": "UTC",  # of times without a zone: they are shown as they are given
        "now": now.isoformat(timespec="minutes"),
        "locale": locale,
        "firstDay": 1,
        "height": HEIGHTS.get(view, HEAD + weeks * WEEK_HEIGHT),
        "fixedWeekCount": False,
        "weekNumbers": view == MONTH,
        "weekNumberFormat": {"week": "numeric"},
        "editable": editable,
        "eventDurationEditable": False,
        "eventDisplay": "block",
        "eventInteractive": True,
        "eventOrder": "rank,start,title",
        "eventTimeFormat": hours,
        "slotLabelFormat": hours,
        "displayEventEnd": False,
        "defaultTimedEventDuration": "00:30",
        "slotEventOverlap": False,
        "eventMaxStack": 4,
        "eventShortHeight": 18,
        "dayMaxEvents": True,
        "snapDuration": "00:05",
        "scrollTime": "07:00:00",
        "nowIndicator": True,
        "dayHeaderFormat": {"weekday": "short"} if view == MONTH else
        {"weekday": "short", "day": "2-digit", "month": "2-digit"},
        "listDayFormat": {"weekday": "long", "day": "numeric", "month": "long"},
        "listDaySideFormat": False,
        "moreLinkText": words["more"],
        "moreLinkClick": "popover",
        "allDayText": words["all_day"],
        "noEventsText": words["nothing"],
        "dragScroll": True,
        "longPressDelay": 350,
    }  # fmt: skip


@lru_cache(maxsize=2)
def style(dark: bool) -> str:
    """The calendar's CSS for one of the two themes."""
    page, head, border, text, small, accent = DARK_PAGE if dark else LIGHT_PAGE
    colours = DARK if dark else LIGHT
    parts = [
        f"""
@font-face {{ font-family: Inter; font-weight: 100 900;
  src: url("../../app/static/inter-latin.woff2") format("woff2"); }}
body:has(&) {{ background: {page}; margin: 0; color-scheme: {"dark" if dark else "light"}; }}
& {{ color: {text}; font-family: Inter, system-ui, sans-serif; font-size: 13px; line-height: 1.35;
  --fc-border-color: {border}; --fc-page-bg-color: {page}; --fc-neutral-bg-color: {head};
  --fc-list-event-hover-bg-color: {head}; --fc-now-indicator-color: {colours["red"][1]};
  --fc-today-bg-color: color-mix(in srgb, {accent} {14 if dark else 9}%, transparent);
  --fc-small-font-size: 12px; --fc-highlight-color: color-mix(in srgb, {accent} 18%, transparent); }}
a {{ color: inherit; text-decoration: none; }}
.fc-scrollgrid {{ border-radius: 8px; overflow: hidden; }}
.fc-col-header-cell-cushion {{ font-weight: 600; padding: 6px 4px; color: {small}; }}
.fc-daygrid-day-number {{ padding: 3px 6px; color: {small}; font-variant-numeric: tabular-nums; }}
.fc-day-today .fc-daygrid-day-number {{ background: {accent}; color: {page}; border-radius: 6px; font-weight: 600;
  padding: 1px 6px; margin: 2px 3px; }}
.fc-day-other .fc-daygrid-day-top {{ opacity: 1; }}
.fc-day-other {{ background: {head}; }}
.fc-daygrid-week-number {{ background: none; color: {small}; padding: 3px 4px; font-size: 11px; }}
.fc-event {{ border-radius: 4px; cursor: pointer; }}
.fc-event:focus-visible, .fc-daygrid-more-link:focus-visible {{ outline: 2px solid {accent}; outline-offset: 1px;
  box-shadow: none; }}
.fc-event:focus::after, .fc-event-selected::after {{ background: none; }}
.hub-post {{ border-width: 0 0 0 3px; border-radius: 3px 4px 4px 3px; }}
.fc-daygrid-event {{ margin-bottom: 1px; }}
.fc-daygrid-event.hub-post .fc-event-main-frame {{ display: block; padding: 1px 4px 1px 5px; line-height: 1.15; }}
.hub-post .fc-event-time {{ font-weight: 400; font-size: 11px; color: {small}; font-variant-numeric: tabular-nums;
  white-space: nowrap; overflow: hidden; text-overflow: ellipsis; }}
.hub-post .fc-event-title {{ font-weight: 500; overflow: hidden; text-overflow: ellipsis; white-space: nowrap; }}
.fc-timegrid-event.hub-post .fc-event-main {{ padding: 1px 3px 1px 4px; }}
.fc-timegrid-event.hub-post .fc-event-main-frame {{ display: block; line-height: 1.2; }}
.fc-timegrid-slot {{ height: 31px; }}
.hub-s-cancelled .fc-event-title {{ text-decoration: line-through; }}
.hub-s-idea {{ border-left-style: dashed; }}
.hub-s-draft {{ border-left-style: double; }}
.hub-clash .fc-event-title::before, .hub-clash .fc-list-event-title a::before {{ content: "Clash"; font-weight: 600;
  font-size: 10.5px; color: {page}; background: {colours["orange"][1]}; border-radius: 3px; padding: 0 4px;
  margin-right: 4px; }}
.hub-band, .hub-day, .hub-holiday {{ border-width: 0; border-radius: 3px; font-size: 11px; line-height: 1.35; }}
.hub-band .fc-event-main, .hub-day .fc-event-main, .hub-holiday .fc-event-main {{ padding: 0 5px; font-weight: 500; }}
.hub-band {{ border-left-width: 0; opacity: .92; }}
.hub-begins {{ border-left-width: 4px; }}
.hub-holiday {{ cursor: default; }}
.hub-rest .fc-event-time {{ display: none; }}
.hub-rest {{ border-width: 0; font-size: 11px; }}
.hub-day {{ border: 1px solid; cursor: pointer; }}
.fc-bg-event {{ opacity: 1; }}
.fc-bg-event.hub-free {{ background: {colours["red"][0]}; opacity: .38; }}
.fc-bg-event.hub-gap {{ background: repeating-linear-gradient(135deg, transparent 0 7px, {border} 7px 8px);
  display: flex; align-items: flex-end; }}
.fc-bg-event.hub-gap .fc-event-title {{ margin: 0 0 4px 6px; font-style: normal; font-size: 11px; color: {small};
  background: {page}; border-radius: 3px; padding: 0 4px; opacity: 1; }}
.fc-daygrid-more-link {{ color: {accent}; font-weight: 600; font-size: 11.5px; padding: 0 4px; }}
.fc-popover {{ border-radius: 8px; overflow: hidden; box-shadow: 0 6px 24px rgb(0 0 0 / 28%); z-index: 20; }}
.fc-popover-body {{ max-height: 340px; overflow-y: auto; min-width: 250px; }}
.fc-popover-header {{ padding: 6px 8px; font-weight: 600; }}
.fc-timegrid-slot-label-cushion, .fc-timegrid-axis-cushion {{ color: {small}; font-size: 11px; }}
.fc-list {{ border-radius: 8px; }}
.fc-list-day-cushion {{ padding: 7px 12px; }}
.fc-list-event td {{ padding: 7px 12px; vertical-align: top; }}
.fc-list-event-time {{ color: {small}; font-variant-numeric: tabular-nums; width: 1%; white-space: nowrap; }}
.fc-list-event-dot {{ border-radius: 3px; }}
.fc-list-event-title a {{ overflow-wrap: anywhere; }}
.fc-list-empty {{ background: {page}; color: {small}; }}
"""
    ]
    for name, (ground, edge) in colours.items():
        parts.append(
            f".hub-c-{name} {{ --fc-event-bg-color: {ground}; --fc-event-border-color: {edge};"
            f" --fc-event-text-color: {text}; background-color: {ground}; border-color: {edge}; }}"
            f".fc-list-event.hub-c-{name} {{ background: none; }}"
            f".hub-c-{name} .fc-list-event-dot {{ border-color: {edge}; }}"
        )
    for state, (word, _, _) in POSTS.items():
        parts.append(
            f'.hub-s-{state.value} .fc-event-time::after {{ content: " · {word}"; }}'
            f'.hub-s-{state.value} .fc-list-event-title a::after {{ content: " · {word}"; color: {small}; }}'
        )
    return "\n".join(parts)
