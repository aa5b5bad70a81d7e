"""The inbox's views as one line of links, the built-in ones with what waits in them, and one's own; keeping, deleting.

A component of our own because a view is a link (it opens in a new tab, it can be copied) that changes only the list.
"""

from typing import Any

import streamlit as st

from core import db
from core.errors import UserError
from core.services import inbox_views
from core.services.inbox import InboxFilter
from core.services.inbox_views import CAP, OwnView, View
from core.ui import inbox_filter
from core.ui.inbox_filter import Choices
from core.ui.page import Page
from core.ui.parts import shown

NAMES = {
    View.MINE: "Mine",
    View.UNASSIGNED: "Unassigned",
    View.OPEN: "All open",
    View.OVERDUE: "Waiting too long",
    View.PENDING: "Pending",
    View.SNOOZED: "Snoozed",
    View.RESOLVED: "Resolved",
    View.ALL: "All",
}
_KEY = "views"

_HTML = '<nav aria-label="Views"></nav>'
_CSS = """
:host { display: block; }
nav { display: flex; flex-wrap: wrap; gap: .1rem .15rem; font-family: var(--st-font); font-size: .85rem; }
a { display: inline-flex; align-items: center; gap: .35rem; max-width: 100%; box-sizing: border-box;
  padding: .22rem .45rem; border-radius: .4rem; color: var(--st-text-color); text-decoration: none; line-height: 1.35; }
a:hover { background: var(--st-secondary-background-color); }
a:focus-visible { outline: 2px solid var(--st-primary-color); outline-offset: -1px; }
a[aria-current=page] { background: color-mix(in srgb, var(--st-primary-color) 14%, transparent); font-weight: 600; }
.word { overflow: hidden; text-overflow: ellipsis; white-space: nowrap; min-width: 0; }
.count { font-size: .74rem; font-variant-numeric: tabular-nums; opacity: .8; }
.count.late { color: var(--st-red-text-color); background: var(--st-red-background-color); opacity: 1; font-weight: 600;
  padding: 0 .3rem; border-radius: .3rem; }
.own { box-shadow: inset 0 0 0 1px var(--st-border-color); }
"""
_JS = """
export default function ({ data, parentElement, setTriggerValue }) {
  const nav = parentElement.querySelector("nav");
  const focused = nav.getRootNode().activeElement?.dataset?.key;
  nav.replaceChildren(...data.views.map((view) => {
    const link = document.createElement("a");
    link.href = view.href;
    link.dataset.key = view.key;
    if (view.own) link.className = "own";
    if (view.current) link.setAttribute("aria-current", "page");
    const word = document.createElement("span");
    word.className = "word";
    word.textContent = word.title = view.word;
    link.append(word);
    if (view.count) {
      const count = document.createElement("span");
      count.className = "count " + view.tone;
      count.textContent = view.count;
      link.append(count);
    }
    return link;
  }));
  if (focused) nav.querySelector(`[data-key="${CSS.escape(focused)}"]`)?.focus({ preventScroll: true });
  nav.onclick = (event) => {
    const link = event.target.closest("a");
    if (!link || event.ctrlKey || event.metaKey || event.shiftKey) return; // a new tab is the browser's
    event.preventDefault();
    for (const other of nav.children) other.removeAttribute("aria-current");
    link.setAttribute("aria-current", "page");
    setTriggerValue("view", link.dataset.key);
  };
}
"""
_component = st.components.v2.component("inbox_views", html=_HTML, css=_CSS, js=_JS)


def views(page: Page, offered: Choices) -> View:
    """Draw the views and say which one is shown. Two statements."""
    view = inbox_filter.shown_view()
    with db.read() as session:
        counted = inbox_views.counts(session, page.actor)
        own = inbox_views.own_views(session, page.actor)
    meant = {row.id: _words(page, row, offered) for row in own}
    current = inbox_filter.said(view)
    mine = next((row.id for row in own if meant[row.id][0] == current and len(current) > 1), None)
    links = [_built_in(one, current, counted.get(one, 0), one == view and mine is None) for one in NAMES]
    links += [_own(row, *meant[row.id], current=row.id == mine) for row in own]
    _component(
        key=_KEY, data={"views": links}, on_view_change=lambda: _choose({i: words for i, (words, _) in meant.items()})
    )
    return view


def _built_in(view: View, said: dict[str, str], count: int, current: bool) -> dict[str, Any]:
    """A link that keeps the filters."""
    return {
        "key": view.value,
        "word": NAMES[view],
        "href": inbox_filter.address(said | {"view": view.value}),
        "count": "" if not count else f"{CAP - 1}+" if count >= CAP else str(count),
        "tone": "late" if view == View.OVERDUE else "",
        "current": current,
        "own": False,
    }


def _own(row: OwnView, words: dict[str, str], gone: bool, current: bool) -> dict[str, Any]:
    return {
        "key": f"own:{row.id}",
        "word": row.name,
        "href": inbox_filter.address(words),
        "count": "something it asked for is gone" if gone else "",
        "tone": "late" if gone else "",
        "current": current,
        "own": True,
    }


def keep_or_delete(page: Page, view: View, wanted: InboxFilter) -> None:
    """Draw what keeps the present view under a name, and what forgets one's own."""
    said = st.session_state.pop("view_said", None)
    if said:
        st.toast(shown(said[1]), icon=":material/check:" if said[0] else ":material/error:")
    made = st.session_state.setdefault("views_made", 0)
    st.text_input(
        "Keep what is shown now as a view of your own",
        key=f"view_name_{made}",
        max_chars=inbox_views.NAME_LENGTH,
        placeholder="A name, then Enter",
        icon=":material/bookmark_add:",
        on_change=lambda: _keep(page, view, wanted, made),
    )
    with db.read() as session:
        own = inbox_views.own_views(session, page.actor)
    with st.container(horizontal=True, gap="small"):
        for row in own:
            st.button(
                f"Delete {shown(row.name)}",
                key=f"delete_view_{row.id}",
                icon=":material/delete:",
                type="tertiary",
                on_click=_delete,
                args=(page, row),
            )


def _words(page: Page, row: OwnView, offered: Choices) -> tuple[dict[str, str], bool]:
    """What a kept view asks for, in today's words; and whether something it named is gone."""
    view, wanted = inbox_views.meant(page.actor, row.query)
    words = inbox_filter.words_of(view, wanted, offered)
    return words, len(words) < len(inbox_views.query_of(view, wanted).split("&"))


def _choose(meant: dict[int, dict[str, str]]) -> None:
    key = str(getattr(st.session_state.get(_KEY), "view", "") or "")
    if key.startswith("own:"):
        inbox_filter.ask(meant.get(int(key.removeprefix("own:")), {}))
    else:
        inbox_filter.choose_view(inbox_views.view_named(key))
    st.rerun("list")


def _keep(page: Page, view: View, wanted: InboxFilter, made: int) -> None:
    name = st.session_state[f"view_name_{made}"]
    if not name.strip():
        return
    try:
        with db.write() as session:
            inbox_views.keep_view(session, page.actor, name, inbox_views.query_of(view, wanted))
    except UserError as error:
        st.session_state["view_said"] = (False, str(error))
        return
    st.session_state["views_made"] = made + 1  # a new box: the browser then drops what was typed
    st.session_state["view_said"] = (True, "Kept. It stands beside the other views.")


def _delete(page: Page, row: OwnView) -> None:
    try:
        with db.write() as session:
            inbox_views.delete_view(session, page.actor, row.id)
    except UserError as error:
        st.session_state["view_said"] = (False, str(error))
        return
    st.session_state["view_said"] = (True, f"“{row.name}” is deleted.")
