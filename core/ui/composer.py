"""The composer: one text, variants where channels differ, images with alt text, live preview, time, and what to do.

Everything typed lives in widgets under one key a post, so nothing is lost when a channel refuses the text.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta

import streamlit as st
from sqlmodel import Session

from core import db
from core.errors import UserError
from core.models.channel import ChannelState
from core.models.planning import PostState
from core.services import media, planning
from core.services.channels import ChannelRow
from core.services.plan_drafts import draft_from, local_to_utc
from core.services.planning import Changes, PostDetail
from core.ui.delivery_list import deliveries
from core.ui.page import Page, act, say_later
from core.ui.parts import exact, shown
from core.ui.plan_words import state_badge
from core.ui.preview import preview

LANGUAGES = {"": "Not said", "de": "Deutsch", "en": "English"}
PLAN, WRITE = "Plan", "Write"  # the two views of the page
TURN_TO = "_plan_turn_to"  # the view that the next run shows


@dataclass(frozen=True)
class Typed:
    """What stands in the composer now."""

    changes: Changes
    at: datetime | None
    note: str | None  # on the two odd nights of the year
    channels: tuple[ChannelRow, ...]


def composer(page: Page, detail: PostDetail | None, channels: Sequence[ChannelRow], campaigns: Sequence[str]) -> None:
    """Write a new post, or change one. Draws a fragment: typing reruns nothing else."""
    _composer(page, detail, channels, campaigns)


@st.fragment(key="composer")
def _composer(page: Page, detail: PostDetail | None, channels: Sequence[ChannelRow], campaigns: Sequence[str]) -> None:
    key = f"post_{detail.id}_{detail.version}" if detail else f"post_new_{st.session_state.get('new_posts', 0)}"
    left, right = st.columns([3, 2], gap="large")
    with left:
        if detail:
            _head(page, detail)
        typed = _fields(page, key, detail, channels, campaigns)
        _actions(page, key, detail, typed)
    with right:
        _previews(typed, key)
        if detail and detail.deliveries:
            deliveries(page, detail)


def _head(page: Page, detail: PostDetail) -> None:
    with st.container(horizontal=True, vertical_alignment="center"):
        state_badge(detail.state)
        st.caption(f"by {shown(detail.author)} · changed {exact(detail.updated_at, page.zone)}")


def _fields(
    page: Page, key: str, detail: PostDetail | None, channels: Sequence[ChannelRow], campaigns: Sequence[str]
) -> Typed:
    title = st.text_input("Title", value=detail.title if detail else "", max_chars=200, key=f"{key}_title",
                          placeholder="For the plan only, nobody outside sees it")  # fmt: skip
    by_id = {channel.id: channel for channel in channels}
    chosen = st.multiselect(
        "Channels",
        list(by_id),
        default=[d.channel_id for d in detail.deliveries if d.channel_id in by_id] if detail else [],
        format_func=lambda i: f"{by_id[i].handle} · {by_id[i].network_label}",
        key=f"{key}_channels",
        placeholder="Choose where it goes",
    )
    text = st.text_area("Text", value=detail.text if detail else "", height=200, key=f"{key}_text",
                        help="A line with only --- begins the next entry of a thread.")  # fmt: skip
    st.caption("Preview and count follow when you leave the field or press Ctrl+Enter.")
    picked = tuple(by_id[i] for i in chosen)
    variants = _variants(key, detail, picked, text)
    images = _images(page, key, detail)
    at, note = _time(page, key, detail)
    with st.container(horizontal=True):
        language = st.selectbox("Language", list(LANGUAGES), format_func=LANGUAGES.__getitem__, key=f"{key}_language",
                                index=_index([*LANGUAGES], detail.language if detail else None), width=160)  # fmt: skip
        campaign = _campaign(key, detail, campaigns)
    changes = Changes(
        title=title,
        text=text,
        language=language or "",
        channel_ids=tuple(chosen),
        variants=variants,
        images=images,
        planned_at=at,
        campaign=campaign,
    )
    return Typed(changes, at, note, picked)


def _index(options: Sequence[str], wanted: str | None) -> int:
    return list(options).index(wanted) if wanted is not None and wanted in options else 0


def _variants(key: str, detail: PostDetail | None, channels: Sequence[ChannelRow], text: str) -> dict[int, str | None]:
    """A text of its own for a channel, only where somebody wants one."""
    stored = {d.channel_id: d.text for d in detail.deliveries} if detail else {}
    variants: dict[int, str | None] = {}
    for channel in channels:
        own = stored.get(channel.id)
        different = st.toggle(f"Different text for {shown(channel.handle)}", value=own is not None,
                              key=f"{key}_differs_{channel.id}")  # fmt: skip
        variants[channel.id] = None
        if different:
            variants[channel.id] = st.text_area(
                f"Text for {channel.handle}", value=own or text, height=140, key=f"{key}_variant_{channel.id}"
            )
    return variants


def _images(page: Page, key: str, detail: PostDetail | None) -> tuple[tuple[int, str], ...]:
    """Images in their order with alt texts. An upload is stored at once, so a rerun doesn't lose it."""
    held = f"{key}_images"
    if held not in st.session_state:
        st.session_state[held] = [(i.media_id, i.alt, i.path) for i in detail.images] if detail else []
    files = st.file_uploader("Images", type=["jpg", "jpeg", "png", "gif", "webp"], accept_multiple_files=True,
                             key=f"{key}_files_{st.session_state.get(f'{key}_uploads', 0)}")  # fmt: skip
    if files:
        _take(page, key, files)
    kept: list[tuple[int, str]] = []
    for number, (media_id, alt, path) in enumerate(st.session_state[held]):
        with st.container(horizontal=True, vertical_alignment="center"):
            st.image(path, width=96, alt=alt or "Image without alt text")
            words = st.text_input(f"Alt text of image {number + 1}", value=alt, key=f"{key}_alt_{media_id}",
                                  placeholder="What is to be seen, for people who can't")  # fmt: skip
            if st.button("Remove", key=f"{key}_drop_{media_id}", icon=":material/close:", type="tertiary"):
                st.session_state[held].pop(number)
                st.rerun(scope="fragment")
        kept.append((media_id, words))
    return tuple(kept)


def _take(page: Page, key: str, files: Sequence[object]) -> None:
    for file in files:
        name, data = str(getattr(file, "name", "image")), file.getvalue()  # type: ignore[attr-defined]
        try:
            with db.write() as session:
                media_id = media.store_image(session, page.actor, data, name)
            with db.read() as session:
                path = media.path_of(session, media_id)
        except UserError as error:
            st.error(shown(str(error)), icon=":material/error:")
            return
        held = st.session_state[f"{key}_images"]
        if all(media_id != there for there, _, _ in held):
            held.append((media_id, "", path))
    st.session_state[f"{key}_uploads"] = st.session_state.get(f"{key}_uploads", 0) + 1
    st.rerun(scope="fragment")


def _time(page: Page, key: str, detail: PostDetail | None) -> tuple[datetime | None, str | None]:
    planned = detail.planned_at.astimezone(page.zone) if detail and detail.planned_at else None
    with st.container(horizontal=True, vertical_alignment="bottom"):
        day: date | None = st.date_input("Day", value=planned.date() if planned else None, key=f"{key}_day",
                                         format="DD.MM.YYYY", width=180)  # fmt: skip
        clock: time | None = st.time_input("Time", value=planned.time() if planned else time(9), key=f"{key}_time",
                                           step=timedelta(minutes=5), width=140)  # fmt: skip
        st.caption(page.zone.key)
    if day is None or clock is None:
        return None, None
    at, note = local_to_utc(datetime.combine(day, clock), page.zone)
    if note:
        st.info(note, icon=":material/schedule:")
    return at, note


def _campaign(key: str, detail: PostDetail | None, campaigns: Sequence[str]) -> str:
    options = ["", *campaigns]
    return (
        st.selectbox(
            "Campaign",
            options,
            index=_index(options, detail.campaign if detail else ""),
            format_func=lambda name: name or "None",
            accept_new_options=True,
            key=f"{key}_campaign",
            width=260,
        )
        or ""
    )


def _previews(typed: Typed, key: str) -> None:
    st.markdown("### Preview")
    if not typed.channels:
        st.caption("Choose a channel to see how the post will look there.")
        return
    held = st.session_state.get(f"{key}_images", [])
    alts = dict(typed.changes.images or ())
    with db.read() as session:
        pictures = media.draft_images(session, [(media_id, alts.get(media_id, "")) for media_id, _, _ in held])
    for channel in typed.channels:
        text = (typed.changes.variants or {}).get(channel.id) or typed.changes.text or ""
        draft = draft_from(text, pictures, typed.changes.language or None)
        preview(channel, draft, planning.problems_for(channel.network, channel.limits, draft))
        if channel.state is not ChannelState.ACTIVE:
            st.warning(f"{shown(channel.handle)} is not active: look at the Channels page.", icon=":material/warning:")


def _actions(page: Page, key: str, detail: PostDetail | None, typed: Typed) -> None:
    scheduled = detail is not None and detail.state is PostState.SCHEDULED
    out = detail is not None and detail.state is PostState.PUBLISHED
    with st.container(horizontal=True):
        if scheduled:
            _button(page, key, "Save changes", "save", "primary", detail, typed, None, "Saved, and still scheduled.")
            _button(page, key, "Back to draft", "undo", "secondary", detail, typed, _unschedule, "It is a draft again.")
        elif not out:
            _button(page, key, "Schedule", "schedule_send", "primary", detail, typed, _schedule, "Scheduled.")
            _button(page, key, "Save draft", "save", "secondary", detail, typed, None, "Saved.")
        if not out:
            _publish_now(page, key, detail, typed)
        if detail:
            _take_back(page, detail)


Then = Callable[[Session, Page, int, Typed], None]


def _button(
    page: Page,
    key: str,
    label: str,
    symbol: str,
    kind: str,
    detail: PostDetail | None,
    typed: Typed,
    then: Then | None,
    done: str,
) -> None:
    if not st.button(label, icon=f":material/{symbol}:", type=kind, key=f"{key}_{symbol}"):  # type: ignore[arg-type]
        return
    _save(page, detail, typed, then, done)


def _save(page: Page, detail: PostDetail | None, typed: Typed, then: Then | None, done: str) -> None:
    """All of it in one transaction: nothing is saved when the network wouldn't take it."""

    def change(session: Session) -> int:
        post_id = _store(session, page, detail, typed)
        if then is not None:
            then(session, page, post_id, typed)
        return post_id

    post_id = act(change, rerun=None)
    if post_id is None:
        return
    st.session_state["new_posts"] = st.session_state.get("new_posts", 0) + 1
    say_later(done)
    st.query_params["post"] = str(post_id)
    st.rerun()


def _store(session: Session, page: Page, detail: PostDetail | None, typed: Typed) -> int:
    c = typed.changes
    if detail is not None:
        planning.save_post(session, page.actor, detail.id, detail.version, c)
        return detail.id
    return planning.create_post(
        session,
        page.actor,
        title=c.title or "",
        text=c.text or "",
        channel_ids=c.channel_ids or (),
        variants=c.variants,
        images=c.images or (),
        planned_at=c.planned_at,
        campaign=c.campaign or "",
        language=c.language or None,
    )


def _schedule(session: Session, page: Page, post_id: int, typed: Typed) -> None:
    if typed.at is None:
        raise UserError("Say when it goes out: choose a day and a time.")
    planning.schedule_post(session, page.actor, post_id, typed.at)


def _unschedule(session: Session, page: Page, post_id: int, typed: Typed) -> None:
    planning.unschedule_post(session, page.actor, post_id)


def _publish_now(page: Page, key: str, detail: PostDetail | None, typed: Typed) -> None:
    with st.popover("Publish now", icon=":material/send:"):
        names = ", ".join(shown(channel.handle) for channel in typed.channels) or "no channel yet"
        st.markdown(f"It goes out at once on: **{names}**.")
        if st.button("Yes, publish now", type="primary", key=f"{key}_now"):
            _save(page, detail, typed, _now, "It is on its way.")


def _now(session: Session, page: Page, post_id: int, typed: Typed) -> None:
    planning.publish_now(session, page.actor, post_id)


def _take_back(page: Page, detail: PostDetail) -> None:
    if detail.state in (
        PostState.CANCELLED,
        PostState.IDEA,
        PostState.DRAFT,
        PostState.SCHEDULED,
        PostState.NEEDS_CARE,
    ):
        with st.popover("Take back", icon=":material/delete:"):
            st.markdown("Cancelled, it stays in the plan and goes nowhere. Deleted, it is gone for good.")
            if detail.state is not PostState.CANCELLED and st.button("Cancel the post", key=f"cancel_{detail.id}"):
                act(lambda s: planning.cancel_post(s, page.actor, detail.id), done="Cancelled.")
            if st.button("Delete it", key=f"delete_{detail.id}") and act(
                lambda s: _gone(s, page, detail.id), rerun=None
            ):
                say_later("Deleted.")
                st.session_state[TURN_TO] = PLAN
                st.rerun()


def _gone(session: Session, page: Page, post_id: int) -> bool:
    planning.delete_post(session, page.actor, post_id)
    return True
