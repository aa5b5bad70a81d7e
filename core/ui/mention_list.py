"""The parts of the monitoring page: monitors with their counts, the form that makes one, hits and answering them."""

from collections.abc import Sequence
from zoneinfo import ZoneInfo

import streamlit as st

from core import db
from core.connectors.base import METRICS
from core.models.monitoring import MentionState
from core.services import channels, inbox, monitoring
from core.services.monitoring import MentionRow, MonitorRow
from core.services.team import Right
from core.ui.answer import do
from core.ui.page import Page, act
from core.ui.parts import ago, exact, network_icon, shown
from core.ui.thread import web_link

SYNTAX = """
- `#hashtag` finds posts with that hashtag
- `coffee grinder` finds posts with both words, anywhere
- `"coffee grinder"` finds the phrase
- `#coffee grinder` finds posts with the hashtag and the word

Case makes no difference. Some servers can only look for hashtags: there, give at least one.
"""
STATES: dict[str, MentionState | None] = {
    "New": MentionState.NEW,
    "Seen": MentionState.SEEN,
    "Dismissed": MentionState.DISMISSED,
    "All": None,
}


def monitor_list(page: Page, rows: Sequence[MonitorRow]) -> None:
    """Every monitor: what it looks for, how it does, and what can be changed."""
    for row in rows:
        with st.container(border=True, gap="xsmall"):
            with st.container(horizontal=True, wrap=False, vertical_alignment="center", gap="small"):
                badge = f" &nbsp; :primary-badge[{row.new} new]" if row.new else ""
                st.markdown(f"**{shown(row.name)}**{badge}", width="stretch")
                if page.actor.may(Right.MONITOR):
                    _monitor_menu(page, row)
            st.caption(f"{shown(row.query)} · {row.total} found")
            st.caption(_how_it_does(row, page.zone))
            if row.error and not row.paused:
                st.caption(f":red[{shown(row.error)}]")


def _how_it_does(row: MonitorRow, zone: ZoneInfo) -> str:
    if row.paused:
        return ":material/pause: Paused"
    if not row.places:
        return ":orange[No channel can search for this. Connect one, or look for a hashtag.]"
    last = f"Searched {ago(row.searched_at, zone)}" if row.searched_at else "Not searched yet"
    following = f", again {soon(row, zone)}" if row.next_at else ""
    return f"{last}{following} · {shown(', '.join(row.places))}"


def soon(row: MonitorRow, zone: ZoneInfo) -> str:
    """When the next look is."""
    return "now" if row.next_at is None or row.next_at <= db.utc_now() else ago(row.next_at, zone)


def _monitor_menu(page: Page, row: MonitorRow) -> None:
    with st.popover("", icon=":material/more_vert:", type="tertiary", key=f"menu_{row.id}", help="Change"):
        if st.button("Edit", key=f"edit_{row.id}", icon=":material/edit:", type="tertiary"):
            edit_dialog(page, row)
        word, icon = ("Resume", "play_arrow") if row.paused else ("Pause", "pause")
        if st.button(word, key=f"pause_{row.id}", icon=f":material/{icon}:", type="tertiary"):
            act(lambda s: monitoring.pause_monitor(s, page.actor, row.id, not row.paused), done=f"{word}d: {row.name}")
        if st.button("Delete", key=f"delete_{row.id}", icon=":material/delete:", type="tertiary"):
            delete_dialog(page, row)


@st.dialog("Edit monitor", icon=":material/edit:")
def edit_dialog(page: Page, row: MonitorRow) -> None:
    """Rename it or change what it looks for."""
    with st.form("edit_monitor", border=False):
        name = st.text_input("Name", row.name, max_chars=monitoring.NAME_LENGTH)
        query = st.text_input("Looks for", row.query, max_chars=monitoring.QUERY_LENGTH)
        st.markdown(SYNTAX)
        if st.form_submit_button("Save", type="primary"):
            act(lambda s: monitoring.edit_monitor(s, page.actor, row.id, name, query), done="Saved")


@st.dialog("Delete monitor", icon=":material/delete:")
def delete_dialog(page: Page, row: MonitorRow) -> None:
    """Ask once: the hits go too."""
    st.markdown(f"Delete **{shown(row.name)}** and the {row.total} hits it found? Conversations stay.")
    if st.button("Delete", type="primary", key="delete_sure"):
        act(lambda s: monitoring.delete_monitor(s, page.actor, row.id), done="Deleted")


def create_form(page: Page, number: int) -> None:
    """Name and query; what was typed stays when something is wrong. `number` of monitors: one more, empty fields."""
    most = monitoring.NAME_LENGTH, monitoring.QUERY_LENGTH
    with st.form("create_monitor", border=False):
        name = st.text_input("Name", key=f"name_{number}", placeholder="Our brand", max_chars=most[0])
        query = st.text_input("Look for", key=f"query_{number}", placeholder="#coffee grinder", max_chars=most[1])
        st.markdown(SYNTAX)
        if st.form_submit_button("Create monitor", type="primary", icon=":material/add:"):
            act(lambda s: monitoring.create_monitor(s, page.actor, name, query), done=f"{name.strip()} searches now")


def mention_card(page: Page, row: MentionRow) -> None:
    """One hit: who, what, how far it reaches, and what can be done about it."""
    with st.container(border=True, gap="xsmall", key=f"mention_{row.id}"):
        with st.container(horizontal=True, vertical_alignment="center", gap="small"):
            st.image(network_icon(row.network), width=18)
            who = f"**{shown(row.author)}**" + (f" {shown(row.handle)}" if row.handle != row.author else "")
            st.markdown(who, width="stretch")
            st.caption(ago(row.sent_at, page.zone), width="content", help=exact(row.sent_at, page.zone))
        st.markdown(shown(row.text))
        with st.container(horizontal=True, vertical_alignment="center", gap="small"):
            st.caption(_numbers(row), width="stretch")
            _mention_buttons(page, row)


def _numbers(row: MentionRow) -> str:
    counts = [
        (row.followers, "followers"),
        (row.likes, METRICS["likes"].lower()),
        (row.shares, METRICS["shares"].lower()),
    ]
    numbers = [f"{value:,} {word}".replace(",", " ") for value, word in counts if value]
    return " · ".join([f":material/radar: {shown(row.monitor)}", *numbers])


def _counted(number: int, things: str) -> str:
    return f"{number:,} {things if number != 1 else things.removesuffix('s')}".replace(",", " ")


def _mention_buttons(page: Page, row: MentionRow) -> None:
    def to(state: MentionState) -> None:
        do(lambda session: monitoring.set_mention_state(session, page.actor, [row.id], state))

    if row.conversation_id:
        st.page_link(
            "pages/inbox.py",
            label="Answered",
            icon=":material/forum:",
            query_params={"conversation": str(row.conversation_id), "state": "All"},
        )
    elif page.actor.may(Right.ANSWER) and st.button(
        "Answer", key=f"answer_{row.id}", icon=":material/reply:", type="tertiary"
    ):
        answer_dialog(page, row)
    if page.actor.may(Right.MONITOR):
        choices = [
            (MentionState.SEEN, "Seen", "done", "I know about it"),
            (MentionState.DISMISSED, "Dismiss", "block", "It isn't about us"),
            (MentionState.NEW, "New again", "undo", "Somebody should look at it"),
        ]
        for state, label, icon, why in choices:
            back = state == MentionState.NEW
            if (row.state == MentionState.NEW) != back:
                st.button(
                    label,
                    key=f"{state.value}_{row.id}",
                    icon=f":material/{icon}:",
                    type="tertiary",
                    help=why,
                    on_click=to,
                    args=(state,),
                )
    if web_link(row.url):
        st.link_button("", str(row.url), icon=":material/open_in_new:", type="tertiary", help="Open at the network")


@st.dialog("Answer", icon=":material/reply:", width="medium")
def answer_dialog(page: Page, row: MentionRow) -> None:
    """Answer a hit: it becomes a conversation in the inbox."""
    st.caption(f"{shown(row.author)}: {shown(' '.join(row.text.split())[:280])}")
    with db.read() as session:
        options = dict(monitoring.answer_channels(session, row.id))
        if not options:
            st.warning("No active channel is on this server any more. Connect or resume one to answer.")
            return
        limits = {i: channels.channel(session, i).limits for i in options}
    chosen = st.selectbox("As", list(options), format_func=lambda i: options[i], key=f"as_{row.id}")
    text = st.text_area("Your answer", key=f"mention_answer_{row.id}", height=140)
    length, most = inbox.answer_length(row.network, limits[chosen], text or "")
    over = length > most
    st.caption(
        f":red[{length} of {most} characters: {length - most} too many]" if over else f"{length} of {most} characters"
    )
    if st.button("Send", type="primary", icon=":material/send:", key=f"send_{row.id}", shortcut="Mod+Enter"):
        act(
            lambda s: monitoring.answer_mention(s, page.actor, row.id, text or "", chosen),
            done="On its way. The conversation is in the inbox.",
        )
