"""Best times to post: three suggestions with their reasons in the composer, a heat map of the week in the view Queue.

What is known and how sure it is comes from `services/best_times.py`; here it is only shown. Colours are the theme's
sequence, which colour-blind eyes tell apart by lightness, light and dark.
"""

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any

import streamlit as st

from core import db
from core.db import utc_now
from core.services import best_times
from core.services.best_times import Basis, BestTimes, Level, Week
from core.services.channels import ChannelRow
from core.services.slot_times import DAY_NAMES
from core.ui.page import Page
from core.ui.parts import shown, today_or_day

Pick = Callable[[str, Page, datetime], None]
LEVELS = {Level.HIGH: "high", Level.MEDIUM: "medium", Level.NONE: "no better than chance"}
NAMES = {Basis.POSTS: "How posts did", Basis.MESSAGES: "When people write"}
COUNTED = {Basis.POSTS: "Posts behind it", Basis.MESSAGES: "Messages behind it"}
KEPT = "_best_times"


def known(channel_id: int) -> BestTimes:
    """What is known of a channel's audience; worked out once an hour in a session, it changes slowly."""
    stamp = (channel_id, utc_now().replace(minute=0, second=0, microsecond=0))
    kept: dict[Any, BestTimes] = st.session_state.setdefault(KEPT, {})
    if stamp not in kept:
        with db.read() as session:
            kept[stamp] = best_times.best_times(session, channel_id)
        for old in [one for one in kept if one[1] != stamp[1]]:
            del kept[old]
    return kept[stamp]


def best_time_picker(page: Page, key: str, channels: Sequence[ChannelRow], pick: Pick) -> None:
    """A popover with the best free times of the first channel's audience; one click takes one."""
    if not channels:
        return
    popover = st.popover("Best time", icon=":material/trending_up:", key=f"{key}_find_best", on_change="rerun")
    if popover.open:
        with popover:
            _offer(page, key, channels, pick)


def _offer(page: Page, key: str, channels: Sequence[ChannelRow], pick: Pick) -> None:
    lead = channels[0]
    found = known(lead.id)
    st.markdown(f"**When does the audience of {shown(lead.name or lead.handle)} react?**")
    st.markdown(shown(best_times.answer(found)))
    with db.read() as session:
        offered = best_times.suggestions(session, found, [c.id for c in channels])
    for number, one in enumerate(offered):
        label = today_or_day(one.at, page.zone)
        st.button(label, key=f"{key}_find_best_{number}", icon=":material/add_alarm:", width="stretch",
                  on_click=pick, args=(key, page, one.at))  # fmt: skip
        st.caption(f"{one.hour.words} in {found.zone.key}: {shown(one.reason)}")


# --- the week ---------------------------------------------------------------------------------------------------------


def heat_map(row: ChannelRow) -> None:
    """When this channel's audience reacts: the question, the sentence that answers it, and the week by hours."""
    found = known(row.id)
    st.markdown(f"#### When does the audience of {shown(row.name or row.handle)} react?")
    st.markdown(shown(best_times.answer(found)))
    weeks = {NAMES[week.basis]: week for week in (found.posts, found.messages) if week.hours}
    if not weeks:
        _progress(found)
        return
    deciding = found.deciding or next(iter(weeks.values()))
    name = NAMES[deciding.basis]
    if len(weeks) > 1:
        name = st.segmented_control("Show", list(weeks), default=name, required=True, key=f"best_show_{row.id}") or name
    week = weeks[name]
    st.altair_chart(_chart(week), width="stretch", alt=best_times.answer(found))
    what = "posts" if week.basis is Basis.POSTS else "messages"
    st.caption(
        f"{week.total:,} {what} in {week.days} days, on the clock of {found.zone.key}. Estimates are drawn towards the "
        "average where little is known; hours with a dot beat chance."
    )


def _progress(found: BestTimes) -> None:
    """How far it is until something can be said."""
    for label, week, enough in (
        ("Measured posts", found.posts, best_times.ENOUGH_POSTS),
        ("Messages", found.messages, best_times.ENOUGH_MESSAGES),
    ):
        st.progress(min(week.total / enough, 1.0), text=f"{label}: {min(week.total, enough)} of {enough}")


def _chart(week: Week) -> Any:
    """Weekday by hour. The colour is the estimate, a dot says that it beats chance, the tooltip what it stands on."""
    import altair as alt
    import pandas as pd

    table = pd.DataFrame(
        {
            "weekday": [DAY_NAMES[h.weekday] for h in week.hours],
            "hour": [h.hour for h in week.hours],
            "effect": [round(100 * h.effect, 1) for h in week.hours],
            "range": [f"{100 * h.low:+.0f} to {100 * h.high:+.0f} %" for h in week.hours],
            "count": [h.count for h in week.hours],
            "confidence": [LEVELS[h.level] for h in week.hours],
            "sure": [h.level is not Level.NONE for h in week.hours],
        }
    )
    x = alt.X("hour:O", title=None, axis=alt.Axis(labelAngle=0, labelOverlap=True, ticks=False, domain=False))
    y = alt.Y("weekday:O", title=None, scale=alt.Scale(domain=list(DAY_NAMES)),
              axis=alt.Axis(ticks=False, domain=False))  # fmt: skip
    base = alt.Chart(table).encode(x=x, y=y, tooltip=_tips(week))
    cells = base.mark_rect(cornerRadius=2).encode(
        color=alt.Color(
            "effect:Q",
            legend=alt.Legend(orient="top", title="% against the usual", gradientLength=160, gradientThickness=8),
        ),
        opacity=alt.condition("datum.count > 0", alt.value(1), alt.value(0.25)),
    )
    dots = base.transform_filter("datum.sure").mark_circle(size=45, color=_ground(), opacity=1)
    return (cells + dots).properties(height=7 * 28 + 110)


def _ground() -> str:
    """The theme's background: the best hours are at the other end of the colours, so it is seen on them."""
    dark = st.context.theme.type == "dark"
    return str(st.get_option(f"theme.{'dark' if dark else 'light'}.backgroundColor") or ("#000" if dark else "#fff"))


def _tips(week: Week) -> list[Any]:
    import altair as alt

    return [
        alt.Tooltip("weekday:O", title="Weekday"),
        alt.Tooltip("hour:O", title="Hour"),
        alt.Tooltip("effect:Q", title="Against the usual, %", format="+.0f"),
        alt.Tooltip("range:N", title="With 90 %"),
        alt.Tooltip("count:Q", title=COUNTED[week.basis], format=","),
        alt.Tooltip("confidence:N", title="Confidence"),
    ]
