"""What was typed into the composer and not saved: told from what is saved, kept, and put back. Draws nothing.

Kept are the fields that somebody changed, as their widgets hold them, and beside them what the post would say. So a
colleague's save of other fields doesn't get in the way, and what both changed can be shown.
"""

import re
from collections.abc import Mapping
from datetime import UTC, date, datetime, time
from typing import Any

import streamlit as st

from core import db
from core.services import composer_drafts, post_history
from core.services.channels import channels
from core.services.composer_drafts import Unsaved, place_of
from core.services.planning import PostDetail
from core.ui.composer_state import Typed
from core.ui.page import Page

OWN = "kept_"  # what this module remembers
# Of what is on or off only switches are kept: buttons are that, too, and nobody may set them.
SWITCH = re.compile(r"(differs|tagged|switch|toggle)")
PASSING = re.compile(r"(files|uploads|search|emoji|find|pick|insert)")  # ways to type, not what was typed


def post_id(detail: PostDetail | None) -> int | None:
    """Of a new post there is none."""
    return detail.id if detail else None


def stored(page: Page, detail: PostDetail | None) -> Unsaved | None:
    """What is kept of this member and post."""
    with db.read() as session:
        return composer_drafts.unsaved(session, page.actor, place_of(post_id(detail)))


def drop(page: Page, detail: PostDetail | None) -> None:
    """It was thrown away."""
    with db.write() as session:
        composer_drafts.drop(session, page.actor, place_of(post_id(detail)))


# --- fields -----------------------------------------------------------------------------------------------------------


def fields(key: str) -> dict[str, Any]:
    """What stands in the composer's widgets and beside them, as plain JSON, by the part of their key that follows."""
    found = {}
    for name in list(st.session_state):
        rest = str(name).removeprefix(f"{key}_")
        if rest == name or rest.startswith(OWN) or PASSING.search(rest):
            continue
        value = st.session_state[name]
        if isinstance(value, bool) and not SWITCH.search(rest):
            continue
        try:
            found[rest] = packed(value)
        except TypeError:
            continue  # an upload, a component
    return found


def put(key: str, values: Mapping[str, Any]) -> None:
    """Into the widgets, before they are drawn (or in a callback)."""
    for rest, value in values.items():
        there = unpacked(value)
        if rest == "channels":
            with db.read() as session:
                known = {row.id for row in channels(session)}
            there = [one for one in there or () if one in known]
        st.session_state[f"{key}_{rest}"] = there


def packed(value: Any) -> Any:
    """As plain JSON that `unpacked` reads. Raises `TypeError` for what is neither text, number, time nor a list."""
    if value is None or isinstance(value, str | int | float):
        return value
    if isinstance(value, datetime):
        return {"datetime": value.isoformat()}
    if isinstance(value, date):
        return {"date": value.isoformat()}
    if isinstance(value, time):
        return {"time": value.isoformat()}
    if isinstance(value, tuple):
        return {"tuple": [packed(one) for one in value]}
    if isinstance(value, list):
        return [packed(one) for one in value]
    if type(value) is dict:
        return {"dict": [[packed(k), packed(v)] for k, v in value.items()]}
    raise TypeError(type(value))


def unpacked(value: Any) -> Any:
    """What `packed` was given."""
    if isinstance(value, list):
        return [unpacked(one) for one in value]
    if not isinstance(value, dict):
        return value
    ((kind, inner),) = value.items()
    if kind == "tuple":
        return tuple(unpacked(one) for one in inner)
    if kind == "dict":
        return {unpacked(k): unpacked(v) for k, v in inner}
    return {"datetime": datetime, "date": date, "time": time}[kind].fromisoformat(inner)  # type: ignore[attr-defined]


# --- what the post would say ------------------------------------------------------------------------------------------


def content(typed: Typed, detail: PostDetail | None) -> dict[str, Any]:
    """What stands in the composer, as `post_history.content_of` would say it after a save."""
    c = typed.changes
    handles = {row.id: row.handle for row in typed.channels}
    names = {i.media_id: i.filename for i in detail.images} if detail else {}
    focal = c.focal or {}
    return {
        "title": " ".join((c.title or "").split()),
        "text": c.text or "",
        "language": c.language or "",
        "channels": [
            {"id": number, "handle": handles.get(number, ""), "text": (c.variants or {}).get(number)}
            for number in c.channel_ids or ()
        ],
        "images": [
            {
                "id": n,
                "name": names.get(n, f"number {n}"),
                "alt": alt.strip(),
                "focus": list(focal.get(n) or ()) or None,
            }
            for n, alt in c.images or ()
        ],
        "content_warning": c.content_warning or "",
        "visibility": c.visibility or "",
        "first_comment": c.first_comment or "",
        "campaign": c.campaign or "",
        "tagged": bool(c.tagged),
        "untagged_links": sorted(getattr(c, "untagged_links", None) or ()),
        "planned_at": c.planned_at.astimezone(UTC).isoformat() if c.planned_at else None,
    }


def merged(base: Mapping[str, Any], mine: Mapping[str, Any], theirs: Mapping[str, Any]) -> dict[str, Any]:
    """Theirs with what I changed."""
    return {name: mine[name] if mine.get(name) != base.get(name) else theirs.get(name) for name in mine}


def collide(base: Mapping[str, Any], mine: Mapping[str, Any], theirs: Mapping[str, Any]) -> bool:
    """Whether both changed the same thing, and differently. Times aren't compared: whoever saves says when."""
    return any(
        mine[name] != base.get(name) and theirs.get(name) != base.get(name) and mine[name] != theirs.get(name)
        for name in mine
        if name != "planned_at"
    )


def saved_content(detail: PostDetail) -> dict[str, Any]:
    """What the stored post says now, in the words of `content`."""
    return {
        "title": detail.title,
        "text": detail.text,
        "language": detail.language or "",
        "channels": [{"id": d.channel_id, "handle": d.handle, "text": d.text} for d in detail.deliveries],
        "images": [
            {"id": i.media_id, "name": i.filename, "alt": i.alt, "focus": list(i.focus) if i.focus else None}
            for i in detail.images
        ],
        "content_warning": detail.content_warning,
        "visibility": detail.visibility or "",
        "first_comment": detail.first_comment,
        "campaign": detail.campaign,
        "tagged": detail.tagged,
        "untagged_links": sorted(getattr(detail, "untagged_links", ()) or ()),
        "planned_at": detail.planned_at.astimezone(UTC).isoformat() if detail.planned_at else None,
    }


# --- keeping ----------------------------------------------------------------------------------------------------------


def remember(page: Page, key: str, detail: PostDetail | None, typed: Typed) -> bool:
    """Keep what is typed if it is new; whether there is anything that isn't saved."""
    now, said = fields(key), content(typed, detail)
    base = st.session_state.setdefault(f"{key}_{OWN}base", {"fields": now, "said": said})
    if said == base["said"]:
        if st.session_state.pop(f"{key}_{OWN}last", None) is not None:
            drop(page, detail)
            st.session_state.pop(f"{key}_{OWN}restored", None)
        return False
    changed = {name: value for name, value in now.items() if value != base["fields"].get(name)}
    kept = {
        "fields": changed,
        "was": {name: base["fields"].get(name) for name in changed},
        "base": base["said"],
        "mine": said,
    }
    if st.session_state.get(f"{key}_{OWN}last") != kept:
        with db.write() as session:
            composer_drafts.keep(session, page.actor, place_of(post_id(detail)), detail.version if detail else 0, kept)
        st.session_state[f"{key}_{OWN}last"] = kept
        st.session_state[f"{key}_{OWN}at"] = db.utc_now()
    return True


def differs(key: str, detail: PostDetail | None, typed: Typed) -> tuple[bool, bool]:
    """Whether anything is typed that isn't saved, and whether readers would see it."""
    base = st.session_state.get(f"{key}_{OWN}base")
    if base is None:
        return False, False
    said, before = content(typed, detail), base["said"]
    seen = any(said[name] != before.get(name) for name in said if name not in ("title", "planned_at"))
    return said != before, seen


def forget(key: str) -> None:
    """It was saved: nothing is to be remembered of these fields."""
    for name in [str(name) for name in st.session_state if str(name).startswith(f"{key}_")]:
        del st.session_state[name]


def take_up(key: str, draft: Unsaved, said: Mapping[str, Any] | None = None) -> None:
    """Put a draft into the fields that are about to be drawn. `said`: what is stored by now, if that is newer."""
    kept = draft.content
    put(key, kept.get("fields") or {})
    st.session_state[f"{key}_{OWN}restored"] = draft.saved_at
    st.session_state[f"{key}_{OWN}last"] = dict(kept)
    st.session_state[f"{key}_{OWN}at"] = draft.saved_at
    st.session_state[f"{key}_{OWN}taken"] = {"was": kept.get("was") or {}, "said": dict(said or kept.get("base") or {})}


def base_after_taking_up(key: str) -> None:
    """After the fields were drawn with a draft in them: what they would hold without it."""
    taken = st.session_state.pop(f"{key}_{OWN}taken", None)
    if taken is not None:
        st.session_state[f"{key}_{OWN}base"] = {"fields": fields(key) | taken["was"], "said": taken["said"]}


def throw_away(page: Page, key: str, detail: PostDetail | None) -> None:
    """In a callback: back to what is saved."""
    drop(page, detail)
    base = st.session_state.get(f"{key}_{OWN}base")
    last = st.session_state.pop(f"{key}_{OWN}last", None)
    if base and last:
        put(key, {name: value for name, value in (last.get("was") or {}).items() if value is not None})
        for name, value in (last.get("was") or {}).items():
            if value is None:
                st.session_state.pop(f"{key}_{name}", None)
    for name in ("restored", "at", "base"):
        st.session_state.pop(f"{key}_{OWN}{name}", None)


def is_open(key: str) -> bool:
    """Whether the fields hold something already: they were drawn in the run before."""
    return any(f"{key}_{name}" in st.session_state for name in ("title", "text", "channels"))


def version_said(detail: PostDetail, number: int) -> dict[str, Any] | None:
    """What the post said when it had this number; None when that isn't kept."""
    with db.read() as session:
        found = post_history.version_at(session, detail.id, number)
    return dict(found.content) if found else None
