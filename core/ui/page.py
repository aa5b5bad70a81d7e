"""The frame of every page: who is there, navigation, and the one way to change something.

`open_page` comes first on each page: a page opened directly skips `Home.py`, so the guard is here. The gate in
`core/web` has refused strangers before; this notices a session that ended since, and a hub started the wrong way.
"""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar
from zoneinfo import ZoneInfo

import streamlit as st
from sqlmodel import Session

from core import db
from core.errors import NetworkError, UserError
from core.services.notices import unread_count
from core.services.overview import CAP, waiting_counts
from core.services.sessions import COOKIE, GATE, session_actor
from core.services.team import ROLE_NAMES, Actor
from core.ui.garbage import spare_what_stays
from core.ui.parts import shown

T = TypeVar("T")

ROOT = Path(__file__).parents[2]
LOGO = ROOT / "static" / "logo.svg"
WORDMARK = ROOT / "static" / "wordmark.svg"

TOLD = "_told"  # what to say after the next rerun
# White on the light accent of the dark theme can't be read, and the theme has no setting for it.
DARK_BUTTONS = (
    '<style>[data-testid^="stBase"][data-testid*="rimary"] :is(p, span, kbd), [data-tag] :is(span, button)'
    " { color: #0c1418; }</style>"
)

PAGES = (
    ("Home.py", "Home", "home", "home"),
    ("pages/inbox.py", "Inbox", "inbox", "inbox"),
    ("pages/monitoring.py", "Monitoring", "radar", "monitoring"),
    ("pages/planning.py", "Planning", "calendar_month", "planning"),
    ("pages/analytics.py", "Analytics", "bar_chart", ""),
    ("pages/channels.py", "Channels", "hub", "channels"),
    ("pages/team.py", "Team", "group", ""),
    ("pages/settings.py", "Settings", "settings", ""),
)


@dataclass(frozen=True)
class Page:
    """Who looks, and in which time zone."""

    actor: Actor
    zone: ZoneInfo


def open_page(title: str, icon: str = "") -> Page:
    """Set the page up, let only members in, draw navigation and title. Stops the run for everybody else."""
    # A file of ours: for a Material symbol the browser would ask a font server elsewhere.
    st.set_page_config(page_title=f"{title} · Social Hub", page_icon=LOGO, layout="wide")
    if st.context.theme.type == "dark":
        st.html(DARK_BUTTONS)
    actor = _guarded()
    spare_what_stays()
    _navigation(actor)
    st.title(title, anchor=False)
    told = st.session_state.pop(TOLD, None)
    if told:
        st.toast(shown(told), icon=":material/check:")
    return Page(actor, ZoneInfo(actor.time_zone))


def session_token() -> str | None:
    """The token in the cookie that came with this page."""
    return st.context.cookies.get(COOKIE)


def signed_in() -> Actor | None:
    """The member whose cookie came with this page; None without one."""
    with db.read() as session:
        return session_actor(session, session_token())


def started_right() -> bool:
    """Whether the pages are served behind the gate."""
    return GATE.is_set()


def _guarded() -> Actor:
    if not started_right():
        st.title("Social Hub isn't started yet")
        st.markdown(
            "Its pages need the sign-in in front of them, so they don't open by themselves. Stop this server and run:"
        )
        st.code("make run", language="bash")
        st.markdown("or, without make: `streamlit run core/web/app.py` and, in a second shell, `python worker.py`.")
        st.stop()
    actor = signed_in()
    if actor is None:
        st.title("You are signed out")
        st.markdown("Your session has ended, or an administrator has closed it.")
        _door("Sign in", "/signin")
        st.stop()
    return actor


def _navigation(actor: Actor) -> None:
    with db.read() as session:
        counts = waiting_counts(session) | {"home": unread_count(session, actor)}
    st.logo(WORDMARK, size="large", icon_image=LOGO)
    with st.sidebar:
        if counts.get("sandbox"):
            st.badge("Sandbox: invented people", icon=":material/science:", color="violet")
        for path, name, symbol, key in PAGES:
            st.page_link(path, label=_with_count(name, counts.get(key, 0)), icon=f":material/{symbol}:")
        st.space("small")
        st.markdown(f"**{shown(actor.name)}**  \n:small[{ROLE_NAMES[actor.role]}]")
        _door("Sign out", "/signout")


def _door(label: str, path: str) -> None:
    """A link to one of the pages before the pages, in the same tab; `st.link_button` opens a new one."""
    st.html(f'<a href="{path}" style="color: inherit; font-size: 0.9rem; text-underline-offset: 0.2em">{label}</a>')


def _with_count(name: str, count: int) -> str:
    if not count:
        return name
    return f"{name}  :primary-badge[{f'{CAP - 1}+' if count >= CAP else count}]"


def say_later(done: str) -> None:
    """A toast after the next rerun."""
    st.session_state[TOLD] = done


def act(call: Callable[[Session], T], done: str | None = None, rerun: str | None = "app") -> T | None:
    """Change something: one session, one service. A `UserError` becomes a sentence and None; else a toast and a rerun.

    `rerun` is "app", "fragment" or None.
    """

    def alone() -> T:
        with db.write() as session:
            return call(session)

    return act_alone(alone, done, rerun=rerun)


def act_alone(
    call: Callable[[], T], done: str | None = None, spinner: str | None = None, rerun: str | None = "app"
) -> T | None:
    """As `act`, for a service that opens its own transactions because it talks to a network."""
    try:
        if spinner:
            with st.spinner(spinner):
                result = call()
        else:
            result = call()
    except (UserError, NetworkError) as error:
        st.error(shown(str(error)), icon=":material/error:")
        return None
    if done and rerun == "app":
        say_later(done)
    elif done:
        st.toast(shown(done), icon=":material/check:")
    if rerun is not None:
        again: Any = rerun
        st.rerun(scope=again)
    return result
