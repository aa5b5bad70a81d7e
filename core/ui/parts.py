"""Small things that every page shows alike: times in words, hostile text, network marks, empty states."""

import re
from datetime import datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import streamlit as st

from core.db import utc_now

ICONS = Path(__file__).parent / "icons"
MARKDOWN = re.compile(r"([\\`*_{}\[\]()<>#+\-.!|~$:&^=])")
STEPS = ((60, "min"), (24 * 60, "h"), (14 * 24 * 60, "d"))  # minutes up to which a unit is used


def ago(moment: datetime | None, zone: ZoneInfo, now: datetime | None = None) -> str:
    """How long ago, short: “now”, “5 min”, “3 h”, “2 d”, else the date. A time to come is “in 5 min”."""
    if moment is None:
        return "never"
    minutes = int(((now or utc_now()) - moment).total_seconds() // 60)
    ahead, minutes = minutes < -1, abs(minutes)
    if minutes < 1 or (not ahead and minutes == 1 and moment > (now or utc_now())):
        return "now"
    if minutes >= STEPS[-1][0]:
        local = moment.astimezone(zone)
        same_year = local.year == (now or utc_now()).astimezone(zone).year
        return f"{local:%d %b}" if same_year else f"{local:%d %b %Y}"
    span = f"{minutes} min" if minutes < 60 else f"{minutes // 60} h" if minutes < 48 * 60 else f"{minutes // 1440} d"
    return f"in {span}" if ahead else f"{span} ago"


def exact(moment: datetime | None, zone: ZoneInfo) -> str:
    """Day, time and zone, for the hover."""
    return "never" if moment is None else f"{moment.astimezone(zone):%a %d %b %Y, %H:%M %Z}"


def today_or_day(moment: datetime, zone: ZoneInfo) -> str:
    """“Today 14:30”, “Tomorrow 09:00”, else the day and time."""
    local, today = moment.astimezone(zone), utc_now().astimezone(zone).date()
    names = {today: "Today", today + timedelta(days=1): "Tomorrow", today - timedelta(days=1): "Yesterday"}
    return f"{names.get(local.date(), f'{local:%a %d %b}')} {local:%H:%M}"


def shown(text: str) -> str:
    """Somebody's text for a place that reads Markdown: appears as typed, with its line breaks, and does nothing."""
    # What follows an @ is joined with a mark of no width: Markdown would make @lena@norden.example an e-mail link.
    return MARKDOWN.sub(r"\\\1", text.replace("@", "@\u2060")).replace("\n", "  \n")


def network_icon(network: str) -> str:
    """The file of a network's mark."""
    path = ICONS / f"{network}.svg"
    return str(path if path.exists() else ICONS / "other.svg")


def empty(title: str, text: str, page: str | None = None, label: str = "") -> None:
    """Nothing here yet: what will appear, and the next step."""
    with st.container(border=True, horizontal_alignment="center"):
        st.markdown(f"### {title}", text_alignment="center")
        st.markdown(text, text_alignment="center")
        if page:
            st.page_link(page, label=label, icon=":material/arrow_forward:")
