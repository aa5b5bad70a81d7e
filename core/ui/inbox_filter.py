"""Which conversations the inbox shows: the view, the search and every filter; all of it in the address.

What is chosen stands in the address by its word (`label=Rückgabe`), so a link says what it shows; kept views know the
numbers (`services/inbox_views.py`).
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

import streamlit as st
from sqlmodel import Session

from core import db
from core.errors import NotFound
from core.models.inbox import Sentiment
from core.services import inbox_handling, inbox_views, labels
from core.services.channels import ChannelRow, GroupRow
from core.services.inbox import InboxFilter, conversation
from core.services.inbox_streams import NOBODY
from core.services.inbox_views import View
from core.ui.conversation_bar import GOALS, PRIORITIES
from core.ui.conversation_list import KINDS
from core.ui.page import Page

SENTIMENTS = {Sentiment.POSITIVE: "Positive", Sentiment.NEUTRAL: "Neutral", Sentiment.NEGATIVE: "Negative"}
LANGUAGES = {
    "de": "German",
    "en": "English",
    "fr": "French",
    "it": "Italian",
    "es": "Spanish",
    "nl": "Dutch",
    "pl": "Polish",
    "pt": "Portuguese",
    "tr": "Turkish",
    "uk": "Ukrainian",
    "ru": "Russian",
    "ar": "Arabic",
}
WHOSE = (View.MINE, View.UNASSIGNED)  # these views say themselves whose conversations they show

# Name in the address -> what stands above the box, what it says when nothing is chosen.
BOXES = {
    "channel": ("Channel", "All channels"),
    "group": ("Group", "All groups"),
    "kind": ("Kind", "All kinds"),
    "label": ("Label", "Any label or none"),
    "goal": ("Goal", "Any goal or none"),
    "sentiment": ("Sentiment", "Any mood"),
    "language": ("Language", "Any language"),
    "priority": ("Priority", "Any priority"),
    "assignee": ("Assigned to", "Anybody or nobody"),
}
_FIELDS = {"group": "group_id", "label": "label_id"}


@dataclass(frozen=True)
class Choices:
    """What each box offers: the word people see and the address holds, and what it stands for."""

    of: Mapping[str, Mapping[str, Any]]

    def word(self, name: str, value: Any) -> str | None:
        """The word for a value; None where it isn't offered (any more)."""
        return next((word for word, offered in self.of[name].items() if offered == value), None)


def choices(session: Session, channels: Sequence[ChannelRow], groups: Sequence[GroupRow]) -> Choices:
    """What can be chosen now. Two statements."""
    words = labels.labels(session, counted=False)
    team = inbox_handling.people(session)
    return Choices(
        {
            "channel": _named((f"{row.handle} ({row.network_label})", row.id) for row in channels),
            "group": _named((row.name, row.id) for row in groups),
            "kind": {word: kind for kind, word in KINDS.items()},
            "label": _named((row.name, row.id) for row in words),
            "goal": {word: goal for goal, word in GOALS.items()},
            "sentiment": {word: mood for mood, word in SENTIMENTS.items()},
            "language": {word: code for code, word in LANGUAGES.items()},
            "priority": {word: priority for priority, word in PRIORITIES.items()},
            "assignee": {"Nobody": NOBODY} | _named((person.name, person.id) for person in team),
        }
    )


def inbox_filter(page: Page, view: View, offered: Choices, opened: int | None) -> tuple[InboxFilter, Any]:
    """Draw search and filters; give what they ask for, within the view, and the box with the filters."""
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        search = st.text_input(
            "Search",
            key="search",
            type="search",
            live="300ms",
            bind="query-params",
            placeholder="Search messages and people",
            icon=":material/search:",
            label_visibility="collapsed",
        )
        box = st.popover(_label(view), icon=":material/tune:", help="Channel, label, goal and more; keep the view")
        with box:
            values, unread = _boxes(view, offered)
            with st.container(horizontal=True, gap="small"):
                st.button("Clear all filters", key="clear_filters", icon=":material/filter_alt_off:", on_click=clear)
                contact_id = _contact(opened)
    channel = values.pop("channel", None)
    restrictions = InboxFilter(
        **{_FIELDS.get(name, name): value for name, value in values.items()},
        channel_ids=() if channel is None else (channel,),
        unread_only=unread,
        contact_id=contact_id,
        search=search or "",
    )
    return inbox_views.within(view, page.actor, restrictions), box


def is_restricted(wanted: InboxFilter) -> bool:
    """Whether more than a view is asked for."""
    view = shown_view()
    return wanted != InboxFilter(
        state=wanted.state, overdue=wanted.overdue, assignee=wanted.assignee if view in WHOSE else None
    )


def shown_view() -> View:
    """The view in the address."""
    return inbox_views.view_named(st.query_params.get("view"))


def words_of(view: View, wanted: InboxFilter, offered: Choices) -> dict[str, str]:
    """What the address holds for this, by name."""
    given: dict[str, Any] = {name: getattr(wanted, _FIELDS.get(name, name), None) for name in BOXES}
    given["channel"] = wanted.channel_ids[0] if wanted.channel_ids else None
    if view in WHOSE:
        given["assignee"] = None
    found = {name: offered.word(name, value) for name, value in given.items() if value is not None}
    found |= {"search": wanted.search, "unread": "true" if wanted.unread_only else ""}
    found |= {"contact": str(wanted.contact_id or "")}
    return {"view": view.value} | {name: word for name, word in found.items() if word}


def address(words: Mapping[str, str]) -> str:
    """The link to what these words say."""
    return f"/inbox?{urlencode(words)}"


def ask(words: Mapping[str, str]) -> None:
    """In a callback: show what these words say and nothing else; the address follows."""
    for name in BOXES:
        st.session_state[name] = words.get(name)
    st.session_state["search"] = words.get("search", "")
    st.session_state["unread"] = words.get("unread") == "true"
    _say_in_address("view", words.get("view", View.OPEN.value), View.OPEN.value)
    _say_in_address("contact", words.get("contact", ""))


def choose_view(view: View) -> None:
    """In a callback: another view, under the same filters."""
    _say_in_address("view", view.value, View.OPEN.value)


def clear() -> None:
    """In a callback: no filter, no search; the view stays."""
    ask({"view": shown_view().value})


def _say_in_address(name: str, value: str, usual: str = "") -> None:
    if value != usual:
        st.query_params[name] = value
    elif name in st.query_params:
        del st.query_params[name]


def _named(pairs: Iterable[tuple[str, int]]) -> dict[str, int]:
    """By name; those of the same name are told apart by their number."""
    found: dict[str, int] = {}
    for name, key in pairs:
        found[f"{name} #{key}" if name in found else name] = key
    return found


def said(view: View) -> dict[str, str]:
    """What the address says: the view and every filter that is set, by name."""
    names = [*BOXES, "search", "unread"]
    if view in WHOSE:
        names.remove("assignee")
    # Before its box is drawn for the first time only the address knows a word.
    given = {name: st.session_state[name] if name in st.session_state else st.query_params.get(name) for name in names}
    given["unread"] = "true" if given["unread"] in (True, "true", "True") else ""
    given["contact"] = st.query_params.get("contact")
    return {"view": view.value} | {name: str(word) for name, word in given.items() if word}


def _label(view: View) -> str:
    """Says how many filters are set, since they hide behind the button."""
    number = len(said(view).keys() - {"view", "search"})
    return f"Filter ({number})" if number else "Filter"


def _boxes(view: View, offered: Choices) -> tuple[dict[str, Any], bool]:
    """What was chosen by name, and whether only unread ones are meant."""
    left, right = st.columns(2)
    found: dict[str, Any] = {}
    for number, (name, (label, nothing)) in enumerate(BOXES.items()):
        if not offered.of[name]:
            continue
        decided = name == "assignee" and view in WHOSE
        with right if number % 2 else left:
            word = st.selectbox(
                label,
                list(offered.of[name]),
                index=None,
                key=name,
                bind="query-params",
                placeholder=nothing,
                disabled=decided,
                help="The view says whose." if decided else None,
            )
        if word is not None and word in offered.of[name] and not decided:
            found[name] = offered.of[name][word]
    with right:
        return found, st.toggle("Unread only", key="unread", bind="query-params")


def _contact(opened: int | None) -> int | None:
    """One person's conversations: asked for with the open one, or by a link."""
    given = st.query_params.get("contact", "")
    contact_id = int(given) if given.isdecimal() and len(given) < 18 else None
    if contact_id is not None:
        st.button(
            "Of all people again",
            key="any_contact",
            icon=":material/group:",
            on_click=lambda: _say_in_address("contact", ""),
        )
    elif opened is not None:
        st.button(
            "Only who wrote the open one",
            key="this_contact",
            icon=":material/person_search:",
            on_click=_only_this_contact,
            args=(opened,),
        )
    return contact_id


def _only_this_contact(conversation_id: int) -> None:
    try:
        with db.read() as session:
            contact_id = conversation(session, conversation_id, limit=1).contact_id
    except NotFound:
        return
    if contact_id is not None:
        _say_in_address("contact", str(contact_id))
        _say_in_address("view", View.ALL.value, View.OPEN.value)
