"""Who somebody is: beside the open conversation. Profile, stage, labels, note, and what they wrote on every channel.

A narrow column, drawn as a fragment of its own. Pictures are not loaded from the networks (that would tell them who
reads what when): initials stand for a face. Merging, parting and erasing are `contact_dialogs.py`.
"""

import html

import regex
import streamlit as st
from sqlmodel import Session

from core import db
from core.connectors.registry import connector_class
from core.errors import NotFound
from core.models.inbox import ConversationState, Stage
from core.services import contacts, labels
from core.services.contacts import ContactRow, ContactView, HistoryRow, because
from core.services.inbox import ConversationView
from core.services.labels import LabelRow
from core.services.team import Right
from core.ui.contact_dialogs import more, part_button, undo_merge
from core.ui.conversation_bar import label_badge
from core.ui.conversation_list import KINDS, STATES
from core.ui.doing import do, tell
from core.ui.fresh_key import fresh_key, key_now
from core.ui.page import Page
from core.ui.parts import ago, exact, shown
from core.ui.thread import web_link

HERE = "contact"
PAGE = 6  # conversations of the history at a time
STAGES = {
    Stage.NEW: "New",
    Stage.RETURNING: "Returning",
    Stage.ENGAGED: "Engaged",
    Stage.FAN: "Fan",
    Stage.ADVOCATE: "Advocate",
}
_DERIVED = "derived"
_LETTER = regex.compile(r"[\p{L}\p{N}]")
_FACE = (
    '<div aria-hidden="true" style="width: 2.5rem; height: 2.5rem; border-radius: 50%; display: grid; '
    "place-items: center; font-weight: 600; background: color-mix(in srgb, currentColor 12%, transparent)"
    '">{initials}</div>'
)


def contact_panel(page: Page, view: ConversationView) -> None:
    """Draw the contact of a conversation; a viewer reads."""
    contact_id, conversation_id = view.contact_id, view.id
    if contact_id is None:
        st.caption("Nobody has written here yet.")
        return

    @st.fragment(key=HERE)
    def panel() -> None:
        rows = st.session_state.get(_shown(contact_id), PAGE)
        try:
            with db.read() as session:
                who = contacts.contact(session, contact_id, rows)
                words = labels.labels(session, counted=False)
        except NotFound:
            st.caption("This contact isn't there any more.")
            return
        tell()
        _draw(page, who, words, conversation_id)

    panel()


def _draw(page: Page, who: ContactView, words: tuple[LabelRow, ...], conversation_id: int) -> None:
    may = page.actor.may(Right.ANSWER)
    with st.container(key="contact_panel", gap="small"):
        _face(page, who)
        for row in who.profiles[1:]:
            _other_profile(page, row, may)
        undo_merge(page, who)
        _stage(page, who, may)
        _labels(page, who, words, may)
        _note(page, who, may)
        _history(page, who, conversation_id)
        if may:
            more(page, who)


# --- profile ----------------------------------------------------------------------------------------------------------


def initials(name: str) -> str:
    """One or two letters for a face: of the first and the last word that has any."""
    found = [match.group() for word in name.replace("@", " ").split() if (match := _LETTER.search(word))]
    return "".join(found[:1] + found[1:][-1:]).upper() or "?"


def profile_line(row: ContactRow) -> str:
    """Handle and network as Markdown; the handle leads to the profile."""
    handle = shown(row.handle or row.called)
    link = web_link(row.url)
    label = connector_class(row.network).capabilities.label
    return f"{f'[{handle}]({link})' if link else handle} · {shown(label)}"


def followers(number: int | None) -> str:
    """“1 200 followers”; empty where the network doesn't tell."""
    if number is None:
        return ""
    return f"{number:,} follower{'' if number == 1 else 's'}".replace(",", "\u202f")


def _face(page: Page, who: ContactView) -> None:
    row = who.profiles[0]
    with st.container(horizontal=True, gap="small", wrap=False):
        st.html(_FACE.format(initials=html.escape(initials(who.name))), width="content")
        with st.container(gap="xxsmall"):
            st.markdown(f"**{shown(who.name)}**")
            st.caption(profile_line(row))
    parts = [followers(row.followers), f"first seen {ago(who.first_seen_at, page.zone)}"]
    st.caption(" · ".join(part for part in parts if part), help=exact(who.first_seen_at, page.zone))


def _other_profile(page: Page, row: ContactRow, may: bool) -> None:
    with st.container(horizontal=True, vertical_alignment="center", gap="xsmall", wrap=False):
        known = " · ".join(part for part in (f"**{shown(row.called)}**", followers(row.followers)) if part)
        st.caption(f"{known}  \n{profile_line(row)}", width="stretch")
        if may:
            part_button(page, row)


# --- stage ------------------------------------------------------------------------------------------------------------


def _stage(page: Page, who: ContactView, may: bool) -> None:
    key, person_id = f"stage_{who.person_id}", who.id
    step = list(STAGES).index(who.stage) + 1

    def say() -> None:
        chosen = st.session_state[key]
        stage = None if chosen == _DERIVED else Stage(chosen)
        do(lambda session: contacts.set_stage(session, page.actor, person_id, stage))
        st.rerun(HERE)

    with st.container(gap="xxsmall"):
        with st.container(horizontal=True, vertical_alignment="center", gap="small"):
            st.markdown(f":primary[{'●' * step}]:gray[{'○' * (len(STAGES) - step)}]", width="content")
            if may:
                st.menu_button(
                    STAGES[who.stage],
                    [*(stage.value for stage in STAGES), _DERIVED],
                    key=key,
                    format_func=lambda value: (
                        f"As it follows: {STAGES[who.derived]}" if value == _DERIVED else STAGES[Stage(value)]
                    ),
                    type="tertiary",
                    help="How far they have come on the way from user to fan",
                    on_click=say,
                )
            else:
                st.markdown(f"**{STAGES[who.stage]}**", width="content")
        if who.said is not None and who.said != who.derived:
            st.caption(f"Set by the team; what they did says {STAGES[who.derived].lower()}.")
        st.caption(because(who.facts))


# --- labels and note --------------------------------------------------------------------------------------------------


def _labels(page: Page, who: ContactView, words: tuple[LabelRow, ...], may: bool) -> None:
    badges = " ".join(label_badge(row) for row in who.labels)
    if not may:
        if badges:
            st.markdown(badges)
        return
    by_id = {row.id: row for row in words}
    had = [row.id for row in who.labels if row.id in by_id]
    key = fresh_key(f"contact_labels_{who.person_id}", had)

    def sort() -> None:
        chosen = set(st.session_state[key])
        do(lambda session: _relabel(session, page, who.id, chosen, set(had)))
        st.rerun(HERE)

    with st.container(horizontal=True, vertical_alignment="center", gap="xsmall"):
        if badges:
            st.markdown(badges, width="content")
        if not by_id:
            return
        with st.popover("Labels" if not badges else "", type="tertiary", icon=":material/label:", help="Labels"):
            st.pills(
                "Labels of this contact",
                list(by_id),
                selection_mode="multi",
                default=had,
                key=key,
                format_func=lambda label_id: shown(by_id[label_id].name),
                on_change=sort,
            )


def _relabel(session: Session, page: Page, contact_id: int, chosen: set[int], had: set[int]) -> None:
    """What was clicked is put on or taken off; a click changes one."""
    for label_id in sorted(had - chosen):
        contacts.unlabel(session, page.actor, contact_id, label_id)
    for label_id in sorted(chosen - had):
        contacts.label(session, page.actor, contact_id, label_id)


def _note(page: Page, who: ContactView, may: bool) -> None:
    """Saved when it is left. What couldn't be saved stays in the box."""
    if not may:
        if who.note:
            st.markdown(f":small[{shown(who.note)}]")
        return
    name = f"contact_note_{who.person_id}"
    key, seen = key_now(name), f"{name}_seen"
    if st.session_state.get(key, "") == st.session_state.get(seen, ""):  # nothing typed that isn't saved
        key, st.session_state[seen] = fresh_key(name, who.note), who.note
    st.text_area(
        "Note of the team",
        st.session_state[seen],
        key=key,
        height="content",
        max_chars=contacts.NOTE_LENGTH,
        placeholder="What colleagues should know",
        persist_state="session",
        on_change=_save_note,
        args=(page, who.id, key, seen),
    )
    if st.session_state[key] != st.session_state[seen]:
        st.caption(":orange[:material/edit: Not saved yet]")


def _save_note(page: Page, contact_id: int, key: str, seen: str) -> None:
    typed, before = st.session_state[key] or "", st.session_state[seen]

    def save(session: Session) -> bool:
        contacts.set_note(session, page.actor, contact_id, typed, before)
        return True

    if do(save):
        st.session_state[seen] = typed  # stored without blanks around it: the next drawing shows that
    else:
        try:
            with db.read() as session:  # what it was refused for has been shown now
                st.session_state[seen] = contacts.contact(session, contact_id, 1).note
        except NotFound:
            return
    st.rerun(HERE)


# --- history ----------------------------------------------------------------------------------------------------------


def _history(page: Page, who: ContactView, conversation_id: int) -> None:
    if not who.history.rows:
        return
    with st.container(gap="xsmall"):
        with st.container(horizontal=True, vertical_alignment="center", gap="small"):
            st.markdown("**History**", width="stretch")
            st.page_link(
                "pages/inbox.py",
                label="In the list",
                icon=":material/filter_list:",
                query_params={"view": "all", "contact": str(who.id), "conversation": str(conversation_id)},
                help="Only this person's conversations",
                width="content",
            )
        for row in who.history.rows:
            _conversation(page, row, row.conversation_id == conversation_id)
        if who.history.next:
            st.button("Earlier ones", key="contact_earlier", type="tertiary", on_click=_earlier, args=(who.id,))


def _conversation(page: Page, row: HistoryRow, is_open: bool) -> None:
    with st.container(gap="xxsmall", key=f"contact_talk_{row.conversation_id}"):
        state = "" if row.state == ConversationState.OPEN else f" · {STATES[row.state]}"
        label = f"{KINDS[row.kind]} · {ago(row.at, page.zone)}{state}"
        if is_open:
            st.markdown(f":small[**{label}** · this one]")
        else:
            st.button(
                label,
                key=f"contact_open_{row.conversation_id}",
                type="tertiary",
                help=f"{shown(row.channel_handle)}, {exact(row.at, page.zone)}",
                on_click=_open,
                args=(row.conversation_id,),
            )
        st.caption(shown(row.preview) or "no words")


def _open(conversation_id: int) -> None:
    st.query_params["conversation"] = str(conversation_id)
    st.session_state.pop("messages_shown", None)
    st.rerun(["thread", "list"])


def _earlier(contact_id: int) -> None:
    st.session_state[_shown(contact_id)] = st.session_state.get(_shown(contact_id), PAGE) + 2 * PAGE
    st.rerun(HERE)


def _shown(contact_id: int) -> str:
    return f"contact_rows_{contact_id}"
