"""The view Queue: a channel's slots and what fills them, what waits in which order, what comes again, best times."""

from collections.abc import Sequence
from datetime import time, timedelta

import streamlit as st

from core import db
from core.services import queue, slots
from core.services.channels import ChannelRow
from core.services.slot_times import DAY_NAMES, LONG_DAYS, SlotRow, both_clocks, place, zone_of
from core.services.slots import OFFERS, SlotUse
from core.services.team import Right
from core.ui.best_time import heat_map, known
from core.ui.composer_state import TURN_TO, WRITE
from core.ui.composer_time import write_for
from core.ui.page import Page, act
from core.ui.parts import empty, shown, today_or_day
from core.ui.plan_recurrences import recurrence_list
from core.ui.plan_words import state_badge

WEEKS = {"This week": 7, "Two weeks": 14, "Four weeks": 28}
ROWS = 20  # of the queue
TITLE = 24  # characters in a slot
CELL = 148  # pixels a day: a week beside the navigation, two days on a telephone


def plan_queue(page: Page, channels: Sequence[ChannelRow]) -> None:
    """Draw it."""
    able = {channel.id: channel for channel in channels if channel.capabilities.publishes}
    if not able:
        empty("No queue yet", "Connect a channel first; then give it times of the week at which it likes to publish.",
              "pages/channels.py", "Connect a channel")  # fmt: skip
        return
    handles = {channel.handle: channel for channel in able.values()}
    chosen = st.selectbox("Channel", list(handles), key="queue_channel", bind="query-params", width=360)
    channel = handles.get(chosen or "", next(iter(able.values())))
    with db.read() as session:
        known_slots = slots.slots(session, [channel.id])
        waiting = queue.queue(session, channel.id)
    _slots(page, channel, known_slots)
    _waiting(page, channel, waiting, {c.id: c.handle for c in channels})
    recurrence_list(page, channel, {c.id: c.handle for c in channels})
    st.divider()
    heat_map(channel)


# --- slots ----------------------------------------------------------------------------------------------------------


def _slots(page: Page, channel: ChannelRow, known_slots: Sequence[SlotRow]) -> None:
    zone = zone_of(channel.time_zone)
    may = page.actor.may(Right.PLAN)
    with st.container(horizontal=True, vertical_alignment="center"):
        st.markdown("#### Slots")
        clock = "" if zone.key == page.zone.key else f" ({place(zone)}; yours is {place(page.zone)})"
        st.caption(f"On the channel's clock{clock}.", width="content")
        if may:
            _manage(page, channel, known_slots)
    if not known_slots:
        _offer(page, channel, may)
        return
    span = st.segmented_control("Span", list(WEEKS), default="This week", required=True, key="queue_span",
                                label_visibility="collapsed")  # fmt: skip
    with db.read() as session:
        uses = slots.upcoming(session, channel.id, WEEKS[span or "This week"])
    _grid(page, channel, uses, may)


def _offer(page: Page, channel: ChannelRow, may: bool) -> None:
    """No slots yet: sensible ones, or what its audience says."""
    with st.container(border=True):
        st.markdown(f"**{shown(channel.handle)} has no slots yet.**  \nSlots are times of the week for its posts: "
                    "“Next free slot” fills them one after the other, so nobody must look for a time.")  # fmt: skip
        if not may:
            return
        with st.container(horizontal=True):
            for name, wanted in OFFERS.items():
                if st.button(name, key=f"offer_{name}", icon=":material/add:"):
                    _add(page, channel, wanted)
            week = known(channel.id).deciding
            if week is not None:
                best = _apart([(hour.weekday, f"{hour.hour:02}:00") for hour in week.best[:7]])
                told = ", ".join(f"{DAY_NAMES[day]} {at}" for day, at in best[:3]) + (" …" if len(best) > 3 else "")
                if st.button(
                    f"Its best times: {told}", key="offer_best", icon=":material/trending_up:", type="primary"
                ):
                    _add(page, channel, best)


def _apart(wanted: Sequence[tuple[int, str]]) -> list[tuple[int, str]]:
    return sorted(set(wanted))


def _add(page: Page, channel: ChannelRow, wanted: Sequence[tuple[int, str]]) -> None:
    act(lambda session: slots.add_slots(session, page.actor, channel.id, wanted), done="The slots are there.")


def _manage(page: Page, channel: ChannelRow, known_slots: Sequence[SlotRow]) -> None:
    with st.popover("Change slots", icon=":material/edit_calendar:"):
        days = st.pills(
            "Weekdays", list(DAY_NAMES), selection_mode="multi", key="slot_days", default=list(DAY_NAMES)[:5]
        )
        at = st.time_input("Time", value=time(9), key="slot_at", step=timedelta(minutes=15), width=140)
        st.caption(
            "02:30 on the night that skips it goes out at 03:00; on the night that has it twice, the first time."
        )
        if st.button("Add", key="slot_add", type="primary", icon=":material/add:") and at is not None:
            _add(page, channel, [(DAY_NAMES.index(day), f"{at:%H:%M}") for day in days])
        names = {slot.id: slot.words for slot in known_slots}
        if not names:
            return
        gone = st.multiselect("Delete", list(names), format_func=names.__getitem__, key="slot_gone",
                              placeholder="Choose slots to delete")  # fmt: skip
        if gone and st.button(f"Delete {len(gone)}", key="slot_delete", icon=":material/delete:"):
            act(lambda session: slots.delete_slots(session, page.actor, gone),
                done="Deleted. What was queued there keeps its time until you lay the queue anew.")  # fmt: skip
        one = st.selectbox("Move", list(names), index=None, format_func=names.__getitem__, key="slot_move",
                           placeholder="Choose a slot to move")  # fmt: skip
        if one is not None:
            day = st.selectbox("To", list(LONG_DAYS), key="slot_to_day")
            to = st.time_input("At", value=time(9), key="slot_to_at", step=timedelta(minutes=15))
            if st.button("Move it", key="slot_moved") and to is not None:
                act(lambda s: slots.change_slot(s, page.actor, one, LONG_DAYS.index(day), f"{to:%H:%M}"),
                    done="Moved. What was queued there keeps its time until you lay the queue anew.")  # fmt: skip


def _grid(page: Page, channel: ChannelRow, uses: Sequence[SlotUse], may: bool) -> None:
    """A card a day with its slots in order; a free one is a door to the composer."""
    zone = zone_of(channel.time_zone)
    free = sum(use.post is None for use in uses)
    st.caption(f"{len(uses) - free} of {len(uses)} taken, {free} free.")
    by_day: dict[str, list[SlotUse]] = {}
    for use in uses:
        by_day.setdefault(f"{use.time.at.astimezone(zone):%a %d %b}", []).append(use)
    with st.container(horizontal=True, gap="small"):
        for day, some in by_day.items():
            with st.container(border=True, width=CELL, gap="small"):
                st.markdown(f"**{day}**")
                for use in some:
                    _cell(page, channel, use, may)


def _cell(page: Page, channel: ChannelRow, use: SlotUse, may: bool) -> None:
    local = use.time.at.astimezone(zone_of(channel.time_zone))
    hint = both_clocks(use.time.at, page.zone, [(channel.name or channel.handle, zone_of(channel.time_zone))])
    if use.time.note:
        hint += f" · {use.time.note}"
    key = f"slot_{use.time.slot.id}_{use.time.at:%Y%m%d%H%M}"
    if use.post is not None:
        title = use.post.title if len(use.post.title) <= TITLE else f"{use.post.title[: TITLE - 1]}…"
        st.button(f"{local:%H:%M} {shown(title or 'Post')}", key=key, type="tertiary", help=hint, width="stretch",
                  on_click=_open, args=(use.post.post_id,))  # fmt: skip
    elif may:
        st.button(f"{local:%H:%M} free", key=key, icon=":material/add:", width="stretch",
                  help=f"Write a post for this slot. {hint}", on_click=_write, args=(use, channel.id))  # fmt: skip
    else:
        st.markdown(f":gray[{local:%H:%M} free]", help=hint)


def _open(post_id: int) -> None:
    st.query_params["post"] = str(post_id)
    st.session_state[TURN_TO] = WRITE


def _write(use: SlotUse, channel_id: int) -> None:
    st.query_params.pop("post", None)
    write_for(use.time.at, channel_id)
    st.session_state[TURN_TO] = WRITE


# --- the queue ------------------------------------------------------------------------------------------------------


def _waiting(page: Page, channel: ChannelRow, rows: Sequence[queue.QueuedPost], handles: dict[int, str]) -> None:
    may = page.actor.may(Right.PLAN)
    with st.container(horizontal=True, vertical_alignment="center"):
        st.markdown(f"#### Queue{f' · {len(rows)}' if rows else ''}")
        if may and len(rows) > 1:
            if st.button("Shuffle", icon=":material/shuffle:", key="queue_shuffle",
                         help="The posts trade their times; campaigns are mixed."):  # fmt: skip
                act(lambda s: queue.shuffle(s, page.actor, channel.id), done="Shuffled.")
            if st.button("Close gaps", icon=":material/compress:", key="queue_gaps",
                         help="Move everything up, in this order, to the next free slots."):  # fmt: skip
                act(lambda s: queue.close_gaps(s, page.actor, channel.id), done="No gaps any more.")
    if not rows:
        st.caption(
            "Nothing waits. A post that takes the next free slot stands here, in the order in which they go out."
        )
        return
    strays = [row for row in rows if row.stray]
    if strays:
        _strays(page, channel, len(strays), may)
    for number, row in enumerate(rows[:ROWS]):
        _post(page, channel, row, number, len(rows), handles, may)
    if len(rows) > ROWS:
        st.caption(f"… and {len(rows) - ROWS} more.")


def _strays(page: Page, channel: ChannelRow, count: int, may: bool) -> None:
    """Slots, or the channel's zone, were changed: what stands where no slot is any more can be laid anew."""
    what = "1 post stands" if count == 1 else f"{count} posts stand"
    with st.container(horizontal=True, vertical_alignment="center"):
        st.warning(f"{what} at times that are no slots any more.", icon=":material/event_busy:", width="stretch")
        if may and st.button("Lay the queue anew", key="queue_retime", type="primary"):
            act(lambda s: queue.close_gaps(s, page.actor, channel.id), done="The queue follows the slots again.")


def _post(
    page: Page, channel: ChannelRow, row: queue.QueuedPost, number: int, count: int, handles: dict[int, str], may: bool
) -> None:
    with st.container(border=True, key=f"queued_{row.id}"):
        with st.container(horizontal=True, vertical_alignment="center", gap="small"):
            st.markdown(f"**{today_or_day(row.at, page.zone)}**", width=150)
            st.button(shown(row.title), key=f"queue_open_{row.id}", type="tertiary", on_click=_open, args=(row.id,))
            state_badge(row.state)
            if row.campaign:
                st.badge(shown(row.campaign), icon=":material/campaign:", color=_colour(row.color))  # type: ignore[arg-type]
            if row.recurrence_id is not None:
                st.badge("Comes again", icon=":material/repeat:", color="gray")
            if row.stray:
                st.badge("No slot", icon=":material/event_busy:", color="orange")
            if may:
                _moves(page, channel, row, number, count)
        others = [handles[i] for i in row.channel_ids if i != channel.id and i in handles]
        if others:
            st.caption(f"also on {shown(', '.join(others))}")


def _colour(name: str) -> str:
    return name if name in ("red", "orange", "yellow", "blue", "green", "violet", "gray", "primary") else "gray"


MOVES = (("top", "vertical_align_top", "To the top"), ("up", "arrow_upward", "Up"), ("down", "arrow_downward", "Down"))


def _moves(page: Page, channel: ChannelRow, row: queue.QueuedPost, number: int, count: int) -> None:
    with st.container(horizontal=True, horizontal_alignment="right", gap="small"):
        for to, symbol, label in MOVES:
            edge = number == 0 if to != "down" else number == count - 1
            if st.button("", icon=f":material/{symbol}:", key=f"queue_{to}_{row.id}", type="tertiary", disabled=edge,
                         help=label):  # fmt: skip
                act(lambda s, to=to: queue.move(s, page.actor, channel.id, row.id, to), done="Moved.")  # type: ignore[misc]
