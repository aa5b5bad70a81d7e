"""When the post goes out: day and time on the member's and the channels' clocks, next free slot, best times, repeat.

A time is typed on the member's clock. One that was picked (a slot, a best time) or that is stored stays the very
moment it was, also where the clock shows it twice. What follows the save, the place in the queue and the repetition,
is done by `after_saving` and `begin`, in the transaction of whoever saves.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta

import streamlit as st
from sqlmodel import Session

from core import db
from core.db import utc_now
from core.errors import UserError
from core.services import planning, queue, recurrences, slots
from core.services.channels import ChannelRow
from core.services.plan_drafts import local_to_utc
from core.services.planning import PostDetail
from core.services.recurrence_rules import Rule
from core.services.recurrences import RecurrenceRow
from core.services.slot_times import SlotTime, both_clocks, zone_of
from core.ui.best_time import best_time_picker
from core.ui.composer_repeat import repeat_fields
from core.ui.composer_state import seed
from core.ui.page import Page
from core.ui.parts import shown, today_or_day

TWICE = "It goes out the second time."
TAKEN = "This isn't a free slot of these channels any more. Press “Next free slot” once more, or type a time."


@dataclass(frozen=True)
class Wish:
    """What the time part asks for beside the time itself. `ends`: the repetition that was switched off."""

    at: datetime | None = None
    queued: bool = False
    new_slot: bool = False
    repeat: Rule | None = None
    ends: int | None = None


def time_fields(
    page: Page, key: str, detail: PostDetail | None, channels: Sequence[ChannelRow]
) -> tuple[datetime | None, str | None]:
    """(when, aware UTC, or None; what to know of that night, or None). A post that comes again has no time itself."""
    known = _known(detail)
    at, note = _day_and_time(page, key, detail, channels, known)
    queued, new = _queued(key, detail, at)
    told = st.container(gap="small")
    rule = repeat_fields(page, key, detail, channels, known, st.session_state[f"{key}_day"], at)
    if at is not None and rule is None:  # a rule says itself on whose clock it goes, and when next
        with told:
            _told(page, channels, at, note, queued)
    ends = known.id if known is not None and rule is None else None
    st.session_state[f"{key}_wish"] = Wish(at, queued and rule is None, new, rule, ends)
    return (None, None) if rule is not None else (at, note)


def _known(detail: PostDetail | None) -> RecurrenceRow | None:
    if detail is None:
        return None
    with db.read() as session:
        return recurrences.of_post(session, detail.id)


def _day_and_time(
    page: Page, key: str, detail: PostDetail | None, channels: Sequence[ChannelRow], known: RecurrenceRow | None
) -> tuple[datetime | None, str | None]:
    day, clock = _stored(page, detail, known)
    with st.container(horizontal=True, vertical_alignment="bottom", gap="small"):
        chosen: date | None = st.date_input(
            "First day" if known else "Day",
            key=seed(key, "day", day),
            format="DD.MM.YYYY",
            width=150,
            persist_state="session",
        )
        at_clock: time | None = st.time_input(
            "Time", key=seed(key, "time", clock), step=timedelta(minutes=5), width=120, persist_state="session"
        )
        at, note = _moment(page, key, detail, chosen, at_clock)
        _slot_button(page, key, detail, channels, at)
        best_time_picker(page, key, channels, _pick)
    return at, note


def _stored(page: Page, detail: PostDetail | None, known: RecurrenceRow | None) -> tuple[date | None, time]:
    if known is not None:
        return known.rule.starts_on, time.fromisoformat(known.rule.at)
    asked = st.session_state.pop(f"{WANTED}", None) if detail is None else None
    planned = detail.planned_at if detail else asked
    local = planned.astimezone(page.zone) if planned else None
    return (local.date(), local.time().replace(second=0, microsecond=0)) if local else (None, time(9))


WANTED = "_composer_wanted_at"  # a moment that the next new post begins with; set by the view Queue


def write_for(at: datetime, channel_id: int) -> None:
    """In a callback: the next new post is for this slot of this channel."""
    key = f"post_new_{st.session_state.get('new_posts', 0)}"
    st.session_state[WANTED] = at
    for name in ("day", "time"):
        st.session_state.pop(f"{key}_{name}", None)
    st.session_state[f"{key}_picked"] = st.session_state[f"{key}_slot"] = at
    chosen = list(st.session_state.get(f"{key}_channels", ()))
    st.session_state[f"{key}_channels"] = [channel_id, *(c for c in chosen if c != channel_id)]


def _moment(
    page: Page, key: str, detail: PostDetail | None, day: date | None, clock: time | None
) -> tuple[datetime | None, str | None]:
    """The typed time as a moment; one that was picked or stored and still stands there stays exactly what it was."""
    if day is None or clock is None:
        return None, None
    local = datetime.combine(day, clock)
    at, note = local_to_utc(local, page.zone)
    for exact in (st.session_state.get(f"{key}_picked"), detail.planned_at if detail else None):
        if exact is not None and exact.astimezone(page.zone).replace(second=0, microsecond=0, tzinfo=None) == local:
            second = abs(exact - at) >= timedelta(minutes=1)
            return exact, f"{local:%H:%M} comes twice that night. {TWICE}" if second else note
    return at, note


def _pick(key: str, page: Page, at: datetime, slot: bool = False) -> None:
    """In a callback: put a moment into the fields."""
    local = at.astimezone(page.zone)
    st.session_state[f"{key}_day"] = local.date()
    st.session_state[f"{key}_time"] = local.time().replace(second=0, microsecond=0)
    st.session_state[f"{key}_picked"] = at
    st.session_state[f"{key}_slot"] = at if slot else None


def _slot_button(
    page: Page, key: str, detail: PostDetail | None, channels: Sequence[ChannelRow], at: datetime | None
) -> None:
    """The next free slot, said before it is taken; pressed again, the one after."""
    if not channels:
        return
    mine = [detail.id] if detail else []
    after = at if at is not None and at == st.session_state.get(f"{key}_slot") else None
    with db.read() as session:
        slot = slots.next_free_slot(session, [c.id for c in channels], after, without=mine)
    if slot is None:
        st.button("Next free slot", icon=":material/event_available:", key=f"{key}_find_slot", disabled=True,
                  help="No slots yet, or all are taken. The view Queue has them.")  # fmt: skip
        return
    label = f"{'Following' if after else 'Next'} free slot: {today_or_day(slot.at, page.zone)}"
    st.button(label, icon=":material/event_available:", key=f"{key}_find_slot", on_click=_pick,
              args=(key, page, slot.at, True), help=_whose(slot, channels))  # fmt: skip


def _whose(slot: SlotTime, channels: Sequence[ChannelRow]) -> str:
    lead = next(c for c in channels if c.id == slot.slot.channel_id)
    free = "" if len(channels) == 1 else f", at which all {len(channels)} channels are free"
    return f"{slot.slot.words} is a slot of {shown(lead.handle)}{free}."


def _queued(key: str, detail: PostDetail | None, at: datetime | None) -> tuple[bool, bool]:
    """(its time comes from a slot, one that was picked just now)."""
    stays = detail is not None and detail.queued and at == detail.planned_at
    new = at is not None and at == st.session_state.get(f"{key}_slot") and not stays
    return stays or new, new


def _told(page: Page, channels: Sequence[ChannelRow], at: datetime, note: str | None, queued: bool) -> None:
    """The moment on every clock that counts, and what is odd about that night."""
    clocks = both_clocks(at, page.zone, [(c.name or c.handle, zone_of(c.time_zone)) for c in channels])
    mark = " · :material/event_available: in the queue" if queued else ""
    st.caption(f":material/schedule: {shown(clocks)}{mark}")
    if note:
        st.info(note, icon=":material/schedule:")
    for channel in channels:
        there = _odd_there(at, channel, page)
        if there:
            st.info(there, icon=":material/schedule:")


def _odd_there(at: datetime, channel: ChannelRow, page: Page) -> str | None:
    """That the audience's clock shows this time twice that night, where the member's doesn't."""
    zone = zone_of(channel.time_zone)
    if zone.key == page.zone.key:
        return None
    local = at.astimezone(zone)
    other = local.replace(fold=1 - local.fold)
    if other.utcoffset() == local.utcoffset():
        return None
    which = "second" if local.fold else "first"
    return (
        f"On {shown(channel.name or channel.handle)}'s clock {local:%H:%M} comes twice that night. It is the {which}."
    )


# --- with the save ----------------------------------------------------------------------------------------------------


def after_saving(session: Session, page: Page, key: str, post_id: int) -> None:
    """What the time part asked for, right after the post was saved, in the same transaction."""
    wish: Wish = st.session_state.get(f"{key}_wish") or Wish()
    if wish.ends is not None:
        recurrences.end(session, page.actor, wish.ends)
    if wish.repeat is not None:
        recurrences.keep(session, page.actor, post_id, wish.repeat)
        recurrences.follow_now(session, post_id)
        return
    if wish.new_slot and wish.at is not None and not _still_free(session, post_id, wish.at):
        raise UserError(TAKEN)
    if wish.at is not None:
        queue.mark(session, post_id, wish.queued)


def _still_free(session: Session, post_id: int, at: datetime) -> bool:
    detail = planning.post_detail(session, post_id)
    ids = [delivery.channel_id for delivery in detail.deliveries]
    slot = slots.next_free_slot(session, ids, at - timedelta(seconds=1), without=[post_id])
    return (slot is not None and slot.at == at) or at < utc_now() + slots.LEAD


def repeats(key: str) -> bool:
    """Whether the post is to come again."""
    wish: Wish = st.session_state.get(f"{key}_wish") or Wish()
    return wish.repeat is not None


def begin(session: Session, page: Page, key: str, post_id: int) -> str:
    """Instead of scheduling a post that comes again; gives what to say."""
    wish: Wish = st.session_state[f"{key}_wish"]
    if wish.repeat is None:
        raise UserError("Say how it comes again.")
    number = recurrences.begin(session, page.actor, post_id, wish.repeat)
    row = recurrences.made_by(session, number)
    if row is None or not row.planned:
        return "It comes again as soon as the queue has run dry."
    return f"It comes again. Planned so far: {len(row.planned)}, the first {today_or_day(row.planned[0], page.zone)}."
