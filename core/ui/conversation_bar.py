"""What is decided about a conversation: assignee, goal, priority, labels, snooze. One row under its head.

Each change acts at once, in a callback; only this row and the list are drawn again. The row looks again by itself: what
a colleague decides shows within seconds. How a conversation stands otherwise is up to its head (`answer.py`).
"""

from collections.abc import Callable, Sequence
from datetime import datetime, time, timedelta

import streamlit as st
from sqlmodel import Session

from core import db
from core.models.inbox import ConversationState, Goal, Priority
from core.services import inbox_handling, labels, notices, snooze_times
from core.services.inbox import ConversationView
from core.services.inbox_handling import Handling, Person, Undo
from core.services.labels import COLORS, LabelRow
from core.services.team import Right
from core.ui.fresh_key import fresh_key
from core.ui.page import Page
from core.ui.parts import exact, shown, today_or_day
from core.ui.undo import decide, last, say, undo_button

LOOK_AGAIN = 8  # seconds
HERE = ["bar", "list"]
ALL = ["thread", "list"]  # what its head shows changes too

GOALS = {
    Goal.INQUIRY: "Inquiry",
    Goal.SUPPORT: "Support",
    Goal.OPINION: "Opinion",
    Goal.PRAISE: "Praise",
    Goal.COMPLAINT: "Complaint",
}
PRIORITIES = {
    Priority.URGENT: "Urgent",
    Priority.HIGH: "High",
    Priority.NORMAL: "Normal",
    Priority.LOW: "Low",
}
_PRIORITY_LOOKS = {  # colour, symbol
    Priority.URGENT: ("red", "keyboard_double_arrow_up"),
    Priority.HIGH: ("orange", "keyboard_arrow_up"),
    Priority.NORMAL: ("", "drag_handle"),
    Priority.LOW: ("gray", "keyboard_arrow_down"),
}
_MANY = 24  # labels, before they get a box of their own


def conversation_bar(page: Page, view: ConversationView) -> None:
    """Draw the row; a viewer reads what was decided."""

    @st.fragment(run_every=LOOK_AGAIN, key="bar")
    def bar() -> None:
        with db.read() as session:
            now = inbox_handling.handling_of(session, [view.id]).get(view.id)
            team, words = inbox_handling.people(session), labels.labels(session, counted=False)
        if now is None:
            return
        say()
        if page.actor.may(Right.ANSWER):
            _row(page, now, team, words)
        else:
            _read_only(page, now)

    bar()
    _told(page, view.id)


def _told(page: Page, conversation_id: int) -> None:
    """Whoever opens a conversation has read what they were told about it."""
    target = f"conversation:{conversation_id}"
    with db.read() as session:
        news = any(row.target == target for row in notices.unread(session, page.actor, limit=notices.CAP))
    if news:
        with db.write() as session:
            notices.mark_read(session, page.actor, target)


def assign_to_me(page: Page, conversation_id: int, rerun: Sequence[str] = HERE) -> None:
    """In a callback: take a conversation."""
    decide(lambda session: inbox_handling.assign(session, page.actor, [conversation_id], page.actor.id))
    st.rerun(rerun)


def label_badge(row: LabelRow) -> str:
    """A label as Markdown."""
    return f":{row.color if row.color in COLORS else COLORS[0]}-badge[{shown(row.name)}]"


def _row(page: Page, now: Handling, team: Sequence[Person], words: Sequence[LabelRow]) -> None:
    with st.container(key="bar", gap="xxsmall"):
        with st.container(horizontal=True, vertical_alignment="center", gap="xsmall"):
            _assignee(page, now, team)
            _goal(page, now)
            _priority(page, now)
            _labels(page, now, words)
            _snooze(page, now)
        if now.labels or last(now.id):
            with st.container(horizontal=True, vertical_alignment="center", gap="small"):
                if now.labels:
                    st.markdown(" ".join(label_badge(row) for row in now.labels), width="content")
                undo_button(page, "undo", ALL, now.id)


def _assignee(page: Page, now: Handling, team: Sequence[Person]) -> None:
    names = {person.id: person.name for person in team}
    if now.assignee_id is not None and now.assignee_id not in names:
        names[now.assignee_id] = f"{now.assignee} (gone)"
    key = fresh_key(f"assignee_{now.id}", now.assignee_id)  # whoever decided it

    def give() -> None:
        chosen = st.session_state[key]
        decide(lambda session: inbox_handling.assign(session, page.actor, [now.id], chosen))
        st.rerun(HERE)

    free = now.assignee_id is None
    st.session_state.setdefault(key, now.assignee_id)
    st.selectbox(
        "Assigned to",
        list(names),
        index=None,  # so it can be emptied
        key=key,
        format_func=lambda member_id: names.get(member_id, ""),
        placeholder="Nobody yet",
        icon=":material/person:",
        label_visibility="collapsed",
        width=146 if free else 180,
        on_change=give,
    )
    if page.actor.id in names and now.assignee_id != page.actor.id:
        st.button(
            "Assign to me" if free else "",  # beside a colleague's name there is less room
            key="assign_to_me",
            type="tertiary",
            icon=":material/person_add:",
            help=None if free else "Assign to me",
            on_click=assign_to_me,
            args=(page, now.id),
        )


def _goal(page: Page, now: Handling) -> None:
    key = f"goal_{now.id}"

    def aim() -> None:
        chosen = st.session_state[key]
        goal = Goal(chosen) if chosen else None
        decide(lambda session: inbox_handling.set_goal(session, page.actor, [now.id], goal))
        st.rerun(HERE)

    st.menu_button(
        GOALS[now.goal] if now.goal else "Goal",
        [*(goal.value for goal in GOALS), ""],
        key=key,
        format_func=lambda value: GOALS[Goal(value)] if value else "No goal",
        type="tertiary",
        icon=":material/flag:",
        help="What this conversation is for the company: reports count by it",
        on_click=aim,
    )


def _priority(page: Page, now: Handling) -> None:
    key = f"priority_{now.id}"

    def rank() -> None:
        chosen = Priority(st.session_state[key])
        decide(lambda session: inbox_handling.set_priority(session, page.actor, [now.id], chosen))
        st.rerun(HERE)

    colour, symbol = _PRIORITY_LOOKS[now.priority]
    word = "Priority" if now.priority == Priority.NORMAL else PRIORITIES[now.priority]
    st.menu_button(
        f":{colour}[{word}]" if colour else word,
        [priority.value for priority in PRIORITIES],
        key=key,
        format_func=lambda value: PRIORITIES[Priority(value)],
        type="tertiary",
        icon=f":material/{symbol}:",
        help=f"Priority: {PRIORITIES[now.priority].lower()}",
        on_click=rank,
    )


def _labels(page: Page, now: Handling, words: Sequence[LabelRow]) -> None:
    by_id = {row.id: row for row in words}
    had = [row.id for row in now.labels if row.id in by_id]
    key = fresh_key(f"labels_{now.id}", had)

    def sort() -> None:
        chosen = set(st.session_state[key])
        decide(lambda session: _relabel(session, page, now.id, chosen, set(had)))
        st.rerun(HERE)

    with st.popover("Labels", type="tertiary", icon=":material/label:"):
        if by_id:
            with st.container(height=280 if len(by_id) > _MANY else "content", border=False):
                st.pills(
                    "Labels",
                    list(by_id),
                    selection_mode="multi",
                    default=had,
                    key=key,
                    format_func=lambda label_id: _label_word(by_id[label_id]),
                    label_visibility="collapsed",
                    on_change=sort,
                )
        _new_label(page, now, len(by_id))


def _new_label(page: Page, now: Handling, number: int) -> None:
    made = st.session_state.setdefault("labels_made", 0)
    key = f"new_label_{now.id}_{made}"  # a new box after each: the browser then drops what was typed

    def add() -> None:
        name = st.session_state[key]
        if not name.strip():
            st.rerun(HERE)
        if decide(lambda session: _create(session, page, now.id, name, COLORS[(number + 1) % len(COLORS)])):
            st.session_state["labels_made"] = made + 1
        st.rerun(HERE)

    st.text_input(
        "New label",
        key=key,
        max_chars=labels.NAME_LENGTH,
        placeholder="New label, then Enter",
        label_visibility="collapsed",
        on_change=add,
    )


def _create(session: Session, page: Page, conversation_id: int, name: str, color: str) -> Undo:
    label_id = labels.create_label(session, page.actor, name, color)
    return inbox_handling.add_label(session, page.actor, [conversation_id], label_id)


def _relabel(session: Session, page: Page, conversation_id: int, chosen: set[int], had: set[int]) -> Undo:
    """What was clicked is put on or taken off; a click changes one."""
    made = Undo("", "Nothing to change")
    for label_id in sorted(had - chosen):
        made = inbox_handling.remove_label(session, page.actor, [conversation_id], label_id)
    for label_id in sorted(chosen - had):
        made = inbox_handling.add_label(session, page.actor, [conversation_id], label_id)
    return made


def _label_word(row: LabelRow) -> str:
    return f":{row.color if row.color in COLORS else COLORS[0]}[:material/label:] {shown(row.name)}"


def _snooze(page: Page, now: Handling) -> None:
    asleep = now.state == ConversationState.SNOOZED and now.snoozed_until is not None
    label = today_or_day(now.snoozed_until, page.zone) if asleep and now.snoozed_until else "Snooze"
    key = f"snooze_{now.id}"

    def until(moment: datetime) -> None:
        st.session_state[key] = False  # closes it
        decide(lambda session: inbox_handling.snooze(session, page.actor, [now.id], moment))
        st.rerun(ALL)

    def wake() -> None:
        st.session_state[key] = False
        state = ConversationState.OPEN
        decide(lambda session: inbox_handling.set_states(session, page.actor, [now.id], state))
        st.rerun(ALL)

    # Its state is kept on the server, so that a choice can close it.
    with st.popover(label, type="tertiary", icon=":material/snooze:", key=key, on_change="rerun"):
        if asleep:
            st.caption(f"Snoozed until {exact(now.snoozed_until, page.zone)}")
            st.button("Wake now", key="wake", icon=":material/alarm:", width="stretch", on_click=wake)
        else:
            st.caption("Comes back then, or with the next message")
        with st.container(gap="xsmall"):
            for words, moment in snooze_times.choices(db.utc_now(), page.zone).items():
                st.button(
                    words,
                    key=f"snooze_{words}",
                    help=exact(moment, page.zone),
                    width="stretch",
                    on_click=lambda words=words, moment=moment: until(_meant(page, words, moment)),
                )
        _pick(page, now, until)


def _meant(page: Page, words: str, drawn: datetime) -> datetime:
    """The choice as it is now: the page may have been asleep since it drew the button."""
    return snooze_times.choices(db.utc_now(), page.zone).get(words, drawn)


def _pick(page: Page, now: Handling, until: Callable[[datetime], None]) -> None:
    """A day and a time on the member's own clock."""
    key = f"snooze_at_{now.id}"
    today = db.utc_now().astimezone(page.zone).date()

    def picked() -> None:
        at: datetime | None = st.session_state[key]
        if at is None:
            st.rerun(HERE)
        until(snooze_times.moment(at.date(), at.time(), page.zone))

    st.datetime_input(
        f"Until ({shown(page.zone.key)})",
        value=datetime.combine(today + timedelta(days=1), snooze_times.MORNING),
        min_value=datetime.combine(today, time()),
        max_value=datetime.combine(today, time()) + snooze_times.LONGEST,
        key=key,
        format="DD.MM.YYYY",
    )
    st.button("Snooze until then", key="snooze_picked", icon=":material/snooze:", width="stretch", on_click=picked)


def _read_only(page: Page, now: Handling) -> None:
    parts = [f":material/person: {shown(now.assignee)}"] if now.assignee else []
    if now.goal:
        parts.append(f":material/flag: {GOALS[now.goal]}")
    if now.priority != Priority.NORMAL:
        colour, symbol = _PRIORITY_LOOKS[now.priority]
        parts.append(f":{colour}[:material/{symbol}: {PRIORITIES[now.priority]}]")
    if now.snoozed_until:
        parts.append(f":material/snooze: {today_or_day(now.snoozed_until, page.zone)}")
    parts += [label_badge(row) for row in now.labels]
    if parts:
        st.markdown(" &nbsp; ".join(parts))
