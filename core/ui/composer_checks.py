"""The preflight beside the composer: what stands against the post, and what is worth a second look.

Errors block in the service, whatever is shown here. Warnings ask: with any, scheduling waits for a tick.
"""

from collections.abc import Sequence

import streamlit as st

from core import db
from core.connectors.base import Severity
from core.services import preflight, weblinks
from core.services.planning import PostDetail
from core.services.preflight import Finding, Subject, Where
from core.ui.composer_state import Typed
from core.ui.page import Page
from core.ui.parts import shown

SYMBOLS = {
    "limits": "straighten",
    "alt": "image_not_supported",
    "link": "link_off",
    "duplicate": "content_copy",
    "clash": "event_busy",
    "hashtag": "tag",
    "label": "campaign",
}
UNSEEN = "Read the warnings of the preflight and tick them off, or mend them. Then schedule again."


def checks(page: Page, key: str, detail: PostDetail | None, typed: Typed) -> None:
    """Everything the preflight finds in what is typed now. Draws nothing as long as nothing is written."""
    if not typed.channels or not _written(typed):
        st.session_state.pop(_place(key), None)
        return
    _ask_about_links(key, typed)
    found = _examined(detail, typed)
    errors = preflight.of_one(found, Severity.ERROR)
    warnings = preflight.of_one(found, Severity.WARNING)
    with st.container(border=True, gap="xsmall", key=f"{key}_preflight"):
        st.markdown(_headline(len(errors), len(warnings)))
        for one in errors:
            st.markdown(f":red[:material/error: {shown(one.message)}]")
        for one in warnings:
            st.markdown(f":orange[:material/{SYMBOLS.get(one.code, 'warning')}: {shown(one.message)}]")
        _tick(key, warnings)


def unseen_warnings(key: str) -> str | None:
    """A sentence when the post has warnings that nobody has ticked off; None when it may be scheduled."""
    said: str | None = st.session_state.get(_place(key))
    return UNSEEN if said and not st.session_state.get(said) else None


def _place(key: str) -> str:
    return f"{key}_preflight_tick"


def _tick(key: str, warnings: Sequence[Finding]) -> None:
    """One tick for exactly these warnings: another one asks anew."""
    if not warnings:
        st.session_state.pop(_place(key), None)
        return
    # Times in a sentence change as one drags the post about; what is found stays the same thing.
    mark = hash(tuple(sorted((one.code, one.message) for one in warnings))) & 0xFFFFFFFF
    tick = f"{key}_seen_{mark:x}"
    st.session_state[_place(key)] = tick
    st.checkbox("I have seen these warnings: publish it all the same", key=tick)


def _headline(errors: int, warnings: int) -> str:
    if errors:
        words = "1 thing keeps" if errors == 1 else f"{errors} things keep"
        return f"**:red[:material/block: Preflight: {words} it from going out]**"
    if warnings:
        words = "1 thing is" if warnings == 1 else f"{warnings} things are"
        return f"**:orange[:material/help: Preflight: {words} worth a look]**"
    return "**:green[:material/check_circle: Preflight: nothing stands against it]**"


def _written(typed: Typed) -> bool:
    c = typed.changes
    return bool((c.text or "").strip() or c.images or any((c.variants or {}).values()))


def _examined(detail: PostDetail | None, typed: Typed) -> tuple[Finding, ...]:
    with db.read() as session:
        return preflight.examine(
            session,
            Subject(
                drafts=typed.drafts,
                channels={c.id: Where(c.handle, c.network, c.limits) for c in typed.channels if c.id in typed.drafts},
                at=typed.at,
                post_id=detail.id if detail else None,
                recurrence_id=detail.recurrence_id if detail else None,
                paid=preflight.is_paid(session, typed.changes.campaign or ""),
                language=typed.changes.language or None,
            ),
        )


def _ask_about_links(key: str, typed: Typed) -> None:
    """Have the worker look at links that weren't there at the last run: one short write, only when there are new."""
    texts = [part.text for draft in typed.drafts.values() for part in draft.parts]
    links = frozenset(weblinks.worth_a_look(texts))
    if links and links != st.session_state.get(f"{key}_links"):
        st.session_state[f"{key}_links"] = links
        with db.write() as session:
            weblinks.ask(session, texts)
