"""The proof of a delivery to look at: steps with symbol, word and time on one line, and the journal behind a button."""

from collections.abc import Sequence
from datetime import datetime
from textwrap import shorten
from zoneinfo import ZoneInfo

import streamlit as st

from core.db import utc_now
from core.models.planning_work import EventKind
from core.services.proof_steps import Line, Mark, Step
from core.ui.parts import shown
from core.ui.plan_words import Colour

TITLE = 48  # characters
MOST = 60  # lines shown; older ones are in the database
MARKS: dict[Mark, tuple[Colour, str]] = {
    Mark.DONE: ("green", "check_circle"),
    Mark.NOW: ("blue", "progress_activity"),
    Mark.OPEN: ("gray", "schedule"),
    Mark.DOUBT: ("orange", "help"),
    Mark.BAD: ("red", "error"),
}
SYMBOLS = {"Seen": "visibility", "Gone": "visibility_off", "Changed": "edit", "Taken down": "delete"}
KINDS: dict[EventKind, tuple[str, str]] = {
    EventKind.SCHEDULED: ("Scheduled", "schedule"),
    EventKind.INTENDED: ("Intended", "flag"),
    EventKind.SENT: ("Sent", "send"),
    EventKind.ACCEPTED: ("Accepted by the network", "check_circle"),
    EventKind.ADOPTED: ("Found there", "check_circle"),
    EventKind.SEEN: ("Seen there", "visibility"),
    EventKind.MISSING: ("Not there", "visibility_off"),
    EventKind.LOOKED: ("Looked for, not found", "manage_search"),
    EventKind.RESENT: ("Same request once more", "replay"),
    EventKind.WAITING: ("Put off", "hourglass_empty"),
    EventKind.FAILED: ("Failed", "error"),
    EventKind.UNCONFIRMED: ("Not confirmed", "help"),
    EventKind.RETRIED: ("Tried again", "refresh"),
    EventKind.CONFIRMED: ("Decided by hand", "person_check"),
    EventKind.GIVEN_UP: ("Given up", "block"),
    EventKind.CANCELLED: ("Cancelled", "block"),
    EventKind.HELD: ("Held back", "front_hand"),
    EventKind.RELEASED: ("Let go", "play_arrow"),
    EventKind.EDITED: ("Changed there", "edit"),
    EventKind.DELETED: ("Taken down", "delete"),
}


def short(title: str) -> str:
    """For a link in a list, which doesn't wrap: some words, and a sign that there are more."""
    return shorten(title, TITLE, placeholder=" …") if " " in title[:TITLE] else title[:TITLE]


def proof_line(found: Sequence[Step], zone: ZoneInfo) -> None:
    """“Intended 09:00:00 → Sent 09:00:01 → Accepted 09:00:01 → Seen 09:00:07”; breaks between steps."""
    if not found:
        return
    words, day = [], utc_now().astimezone(zone).date()
    for step in found:
        colour, symbol = MARKS[step.mark]
        at = ""
        if step.at is not None:
            local = step.at.astimezone(zone)
            at = f" {local:%H:%M:%S}" if local.date() == day else f" {local:%d %b %H:%M:%S}"
            day = local.date()
        words.append(f":{colour}-badge[:material/{SYMBOLS.get(step.word, symbol)}: {step.word}{shown(at)}]")
    st.markdown(" → ".join(words))


def journal_button(lines: Sequence[Line], zone: ZoneInfo, key: str) -> None:
    """All that happened, oldest first, behind a button; drawn when it is opened."""
    if not lines:
        return
    opener = st.popover("Journal", icon=":material/history:", type="tertiary", key=f"journal_{key}", on_change="rerun")
    if opener.open:
        with opener:
            journal_lines(lines, zone)


def journal_lines(lines: Sequence[Line], zone: ZoneInfo) -> None:
    """The lines as a list."""
    threads = any(line.part for line in lines)
    if len(lines) > MOST:
        st.caption(f"The newest {MOST} of {len(lines)} lines.")
    st.markdown("\n".join(f"- {_line(line, zone, threads)}" for line in lines[-MOST:]))


def _line(line: Line, zone: ZoneInfo, threads: bool) -> str:
    word, symbol = KINDS[line.kind]
    said = [f":material/{symbol}: {shown(_clock(line.at, zone))} **{word}**"]
    if threads:
        said.append(f"entry {line.part + 1}")
    if line.times > 1:
        said.append(f"{line.times} times, until {shown(_clock(line.last_at, zone))}")
    if line.by:
        said.append(f"by {shown(line.by)}")
    head = " · ".join(said)
    detail = shown(" ".join(line.detail.split()))
    return f"{head}  \n  :small[:gray[{detail}]]" if detail else head


def _clock(at: datetime, zone: ZoneInfo) -> str:
    local = at.astimezone(zone)
    return f"{local:%H:%M:%S}" if local.date() == utc_now().astimezone(zone).date() else f"{local:%d %b, %H:%M:%S}"
