"""Posts that come again, in the view Queue: how, when next, how many are made, and pausing or ending them."""

import streamlit as st

from core import db
from core.services import recurrences
from core.services.channels import ChannelRow
from core.services.recurrences import RecurrenceRow
from core.services.team import Right
from core.ui.composer_state import TURN_TO, WRITE
from core.ui.page import Page, act
from core.ui.parts import shown

EVERYWHERE = "All channels"
TIMES = 4


def recurrence_list(page: Page, channel: ChannelRow, handles: dict[int, str]) -> None:
    """All recurrences of a channel, or of all."""
    with st.container(horizontal=True, vertical_alignment="center"):
        st.markdown("#### Comes again")
        everywhere = st.toggle(EVERYWHERE, key="again_everywhere")
    with db.read() as session:
        rows = recurrences.recurrences(session, None if everywhere else channel.id)
    if not rows:
        st.caption("Nothing comes again yet. Switch on “Repeat” below the time of a post; it is listed here then.")
    for row in rows:
        _row(page, row, handles)


def _row(page: Page, row: RecurrenceRow, handles: dict[int, str]) -> None:
    with st.container(border=True, key=f"again_{row.id}"):
        with st.container(horizontal=True, vertical_alignment="center", gap="small"):
            st.button(shown(row.title), key=f"again_open_{row.id}", type="tertiary", icon=":material/repeat:",
                      on_click=_open, args=(row.post_id,))  # fmt: skip
            _state(row)
            if page.actor.may(Right.PLAN):
                _verbs(page, row)
        st.markdown(shown(row.words))
        names = ", ".join(handles[i] for i in row.channel_ids if i in handles) or "no channel"
        made = f"{row.made} of {row.rule.most} made" if row.rule.most else f"{row.made} made"
        st.caption(f"{shown(names)} · {made} · {_times(page, row)}")
        if row.trouble:
            st.warning(shown(row.trouble), icon=":material/error:")


def _state(row: RecurrenceRow) -> None:
    if row.paused:
        st.badge("Paused", icon=":material/pause_circle:", color="gray")
    elif row.ended:
        st.badge("Ended", icon=":material/event_available:", color="gray")
    elif row.trouble:
        st.badge("Trouble", icon=":material/error:", color="orange")
    else:
        st.badge("Running", icon=":material/repeat:", color="green")


def _times(page: Page, row: RecurrenceRow) -> str:
    """The next times: of copies that wait, then those to come."""
    times = sorted({*row.planned, *(() if row.paused else row.next)})[:TIMES]
    if not times:
        return "none planned" if row.paused or row.ended else "waits for a free slot"
    return "next " + ", ".join(f"{at.astimezone(page.zone):%a %d %b %H:%M}" for at in times)


def _verbs(page: Page, row: RecurrenceRow) -> None:
    with st.container(horizontal=True, horizontal_alignment="right", gap="small"):
        if row.paused and st.button("Resume", key=f"again_resume_{row.id}", icon=":material/play_arrow:"):
            act(lambda s: recurrences.resume(s, page.actor, row.id), done="It goes on.")
        if (
            not row.paused
            and not row.ended
            and st.button("Pause", key=f"again_pause_{row.id}", icon=":material/pause:", help=_taken_back(row))
        ):
            act(lambda s: recurrences.pause(s, page.actor, row.id), done="Paused.")
        with st.popover("End", icon=":material/event_busy:"):
            st.markdown(f"It comes no more, and its post is an ordinary draft again. {_taken_back(row)}")
            if st.button("End it", key=f"again_end_{row.id}", type="primary"):
                act(lambda s: recurrences.end(s, page.actor, row.id), done="Ended.")


def _taken_back(row: RecurrenceRow) -> str:
    if not row.planned:
        return "No copy waits."
    what = "1 copy that waits is" if len(row.planned) == 1 else f"{len(row.planned)} copies that wait are"
    return f"{what} taken back, but for those changed by hand."


def _open(post_id: int) -> None:
    st.query_params["post"] = str(post_id)
    st.session_state[TURN_TO] = WRITE
