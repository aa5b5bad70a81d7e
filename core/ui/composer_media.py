"""The composer's images and video: upload, order, alt texts, what stays in sight when they are cropped.

An upload is stored at once, so nothing loses it. In the session stand `images` (numbers of assets in their order),
`focal` (number to point) and `alt_{number}`, under the composer's key like every field (`composer_state.py`).
"""

from collections.abc import Callable, Sequence
from typing import BinaryIO

import streamlit as st

from core import db
from core.connectors.base import DraftImage, Limits
from core.errors import UserError
from core.services import media, media_views
from core.services.channels import ChannelRow
from core.services.media import Kept
from core.services.planning import PostDetail
from core.ui.composer_state import seed
from core.ui.conversation_list import ASSETS
from core.ui.focal_point import focal_point, told
from core.ui.later import once_more
from core.ui.page import Page
from core.ui.parts import shown
from core.ui.preview_looks import clock

Focal = dict[int, tuple[float, float] | None]
"""Media id to what stays in sight, as in `DraftImage.focus`."""

TYPES = ["jpg", "jpeg", "png", "gif", "webp", "mp4", "mov", "webm", "m4v"]
PLACE = "composer_fields"  # what is pasted in there is meant for the post
NEAR = 0.9  # of an alt text's length: from here on its count is coloured
AGAIN = 0.8  # seconds until it is asked again what networks will get
NAME = 22  # characters of a file's name
SHORT = 60  # characters of an earlier alt text on its button

_paste = st.components.v2.component("paste_files", js=(ASSETS / "paste_files.js").read_text(encoding="utf-8"))


def media_fields(
    page: Page, key: str, detail: PostDetail | None, channels: Sequence[ChannelRow]
) -> tuple[tuple[tuple[int, str], ...], Focal]:
    """Images or a video in their order, each with its alt text, and what stays in sight of them."""
    stored = detail.images if detail else []
    place = seed(key, "images", [image.media_id for image in stored])
    points = seed(key, "focal", {image.media_id: image.focus for image in stored if image.focus})
    for image in stored:
        seed(key, f"alt_{image.media_id}", image.alt)
    _uploader(page, key)
    ids: list[int] = list(st.session_state[place])
    with db.read() as session:
        found = media.kept(session, ids)
        before = media.last_alts(session, ids) if ids else {}
    ids = [number for number in ids if number in found]
    for place_of_it, number in enumerate(ids):
        _row(key, found[number], place_of_it, len(ids), before.get(number, ""), channels)
    if ids:
        _outcome([found[number].image for number in ids], channels)
    focal: Focal = {number: st.session_state[points].get(number) for number in ids}
    return tuple((number, str(st.session_state.get(f"{key}_alt_{number}") or "")) for number in ids), focal


# --- upload -----------------------------------------------------------------------------------------------------------


def _uploader(page: Page, key: str) -> None:
    room = st.empty()
    with room:
        place, files = _choose(key)
    if files:
        _take(page, key, files)
        with room:
            place, _ = _choose(key)  # empty again
    with st.container(height=1, border=False, key="paste_box"):
        _paste(key="paste_files", data={"uploader": place, "place": PLACE})


def _choose(key: str) -> tuple[str, Sequence[BinaryIO]]:
    """The uploader, and what was chosen with it."""
    place = f"{key}_files_{st.session_state.get(f'{key}_uploads', 0)}"
    files = st.file_uploader(
        "Images or a video",
        type=TYPES,
        accept_multiple_files=True,
        key=place,
        max_upload_size=media.MOST_VIDEO_BYTES // 1_000_000,
        help="JPEG, PNG, GIF, WebP up to 20 MB; MP4, MOV, WebM up to 100 MB. Pictures can be pasted into the text.",
    )
    return place, files or []


def _take(page: Page, key: str, files: Sequence[BinaryIO]) -> None:
    """Look at each and keep it."""
    held: list[int] = st.session_state[f"{key}_images"]
    troubles: list[str] = []
    bar = st.progress(0.0)
    for number, file in enumerate(files):
        bar.progress(number / len(files), f"Looking at {shown(file.name)} ({number + 1} of {len(files)}) …")
        try:
            upload = media.look_at(page.actor, file, file.name)
            with db.write() as session:
                media_id = media.keep(session, page.actor, upload)
        except UserError as error:
            troubles.append(str(error))
            continue
        if media_id in held:
            troubles.append(f"“{file.name}” is in this post already.")
        else:
            held.append(media_id)
    bar.empty()
    for trouble in troubles:
        st.error(shown(trouble), icon=":material/error:")
    st.session_state[f"{key}_uploads"] = st.session_state.get(f"{key}_uploads", 0) + 1


# --- one image --------------------------------------------------------------------------------------------------------


def _row(key: str, one: Kept, number: int, count: int, before: str, channels: Sequence[ChannelRow]) -> None:
    what = "the video" if one.image.is_video else f"image {number + 1}"
    with st.container(border=True, gap="xsmall", key=f"{key}_media_{one.id}"):
        with st.container(horizontal=True, gap="small"):
            _picture(one, what)
            with st.container(gap="xsmall", width="stretch"):
                _alt(key, one, what, before)
                with st.container(horizontal=True, vertical_alignment="center", gap="xsmall"):
                    st.markdown(_facts(key, one, channels), width="stretch")
                    _buttons(key, one, number, count, what)
        if st.session_state.get(f"{key}_pick_focus") == one.id:
            _focus(key, one, what, channels)


def _picture(one: Kept, what: str) -> None:
    data = media_views.small_bytes(one.image.path)
    if data:
        st.image(data, width=104, alt=f"{what.capitalize()}: {one.filename}")
    else:
        st.markdown(":gray[:material/broken_image: The file is gone]", width=104)


def _alt(key: str, one: Kept, what: str, before: str) -> None:
    place = seed(key, f"alt_{one.id}", "")
    words = st.text_area(
        f"Alt text of {what}",
        key=place,
        height=68,
        placeholder="What is to be seen, for people who can't",
        persist_state="session",
    )
    if before and not (words or "").strip():
        short = before if len(before) <= SHORT else f"{before[:SHORT]}…"
        st.button(
            f"As last time: “{shown(short)}”",
            key=f"{key}_alt_again_{one.id}",
            icon=":material/history:",
            type="tertiary",
            on_click=_put_alt,
            args=(place, before),
        )


def _alt_limit(limits: Limits, image: DraftImage) -> int:
    return (limits.video_alt_length or limits.alt_length) if image.is_video else limits.alt_length


def _counted(length: int, most: int) -> str:
    words = f"{length} of {most} characters"
    if length > most:
        return f":red[:small[**{words}**]]"
    return f":{'orange' if length > most * NEAR else 'gray'}[:small[{words}]]"


def _facts(key: str, one: Kept, channels: Sequence[ChannelRow]) -> str:
    """How long the alt text is, by the channel that takes least; and what the file is."""
    image = one.image
    limits = [_alt_limit(channel.limits, image) for channel in channels]
    words = str(st.session_state.get(f"{key}_alt_{one.id}") or "")
    facts = [shown(_short(one.filename)), f"{image.width} × {image.height}", megabytes(image.size)]
    facts += [clock(image.duration)] if image.is_video else []
    told = f":gray[:small[{' · '.join(facts)}]]"
    return f"{_counted(len(words), min(limits))} :gray[·] {told}" if limits else told


def _buttons(key: str, one: Kept, number: int, count: int, what: str) -> None:
    if count > 1:
        _button(key, "earlier", one, ":material/arrow_upward:", f"Move {what} up", number == 0, _move, key, one.id, -1)
        last = number == count - 1
        _button(key, "later", one, ":material/arrow_downward:", f"Move {what} down", last, _move, key, one.id, 1)
    if not one.image.is_video:
        said = f"What of {what} stays in sight when it is cropped"
        _button(key, "focus", one, ":material/center_focus_strong:", said, False, _toggle_focus, key, one.id)
    _button(key, "drop", one, ":material/close:", f"Take {what} out", False, _drop, key, one.id)


def _button(
    key: str, name: str, one: Kept, icon: str, label: str, off: bool, call: Callable[..., None], *args: object
) -> None:
    st.button(
        "",
        key=f"{key}_{name}_{one.id}",
        icon=icon,
        help=label,
        type="tertiary",
        width=32,
        disabled=off,
        on_click=call,
        args=args,
    )


def _move(key: str, media_id: int, by: int) -> None:
    held: list[int] = list(st.session_state[f"{key}_images"])
    at = held.index(media_id)
    to = max(0, min(len(held) - 1, at + by))
    held.insert(to, held.pop(at))
    st.session_state[f"{key}_images"] = held


def _drop(key: str, media_id: int) -> None:
    st.session_state[f"{key}_images"] = [one for one in st.session_state[f"{key}_images"] if one != media_id]


def _put_alt(place: str, words: str) -> None:
    st.session_state[place] = words


# --- what stays in sight ----------------------------------------------------------------------------------------------


def _toggle_focus(key: str, media_id: int) -> None:
    place = f"{key}_pick_focus"
    st.session_state[place] = None if st.session_state.get(place) == media_id else media_id


def _focus(key: str, one: Kept, what: str, channels: Sequence[ChannelRow]) -> None:
    place = f"{key}_find_focus_{one.id}"
    focus = st.session_state[f"{key}_focal"].get(one.id)
    label = f"What of {what} stays in sight: arrow keys move the point, Home puts it in the middle"
    focal_point(place, media_views.small(one.image.path), focus, label, _take_focus, key, one.id)
    heed = [c.network_label for c in channels if c.capabilities.focal_points]
    deaf = [c.network_label for c in channels if not c.capabilities.focal_points]
    said = "Click on what must stay in sight; arrow keys work too."
    if deaf:
        names = " and ".join(dict.fromkeys(deaf))
        said += (
            f" {names} crops around the middle."
            if heed
            else f" {names} knows no such point: it crops around the middle."
        )
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        st.caption(said, width="stretch")
        if focus is not None:
            st.button("Middle", key=f"{key}_middle_{one.id}", type="tertiary", icon=":material/filter_center_focus:",
                      help="No point of its own", on_click=_set_focus, args=(key, one.id, None))  # fmt: skip


def _take_focus(key: str, media_id: int) -> None:
    chosen = told(f"{key}_find_focus_{media_id}")
    if chosen is not None:
        _set_focus(key, media_id, chosen)


def _set_focus(key: str, media_id: int, point: tuple[float, float] | None) -> None:
    points = dict(st.session_state[f"{key}_focal"])
    points[media_id] = point
    st.session_state[f"{key}_focal"] = {number: at for number, at in points.items() if at is not None}


# --- what each network gets -------------------------------------------------------------------------------------------


def _outcome(images: Sequence[DraftImage], channels: Sequence[ChannelRow]) -> None:
    """Each channel's sizes; those being worked out are asked for again soon, without drawing the rest anew."""
    if groups := _alike(channels):
        _gets(images, groups)


@st.fragment
def _gets(images: Sequence[DraftImage], groups: Sequence[tuple[Limits, str]]) -> None:
    with st.expander("What each network gets", icon=":material/photo_size_select_large:", type="compact"):
        for limits, names in groups:
            said = [_said(number, image, limits, len(images)) for number, image in enumerate(images, start=1)]
            st.markdown("  \n".join(f":small[{line}]" for line in (f"**{names}**", *said)))
    if not all(_known(images, limits) for limits, _ in groups):
        once_more("what_networks_get", AGAIN)


def _alike(channels: Sequence[ChannelRow]) -> list[tuple[Limits, str]]:
    """Limits with the names of the networks whose channels have the same."""
    found: dict[tuple[object, ...], tuple[Limits, dict[str, None]]] = {}
    for channel in channels:
        limits = channel.limits
        same = (limits.image_bytes, limits.image_pixels, limits.image_types, limits.videos)
        found.setdefault(same, (limits, {}))[1][channel.network_label] = None
    return [(limits, ", ".join(names)) for limits, names in found.values()]


def _known(images: Sequence[DraftImage], limits: Limits) -> bool:
    return all(image.is_video or media_views.fitted(image, limits).known for image in images)


def _said(number: int, image: DraftImage, limits: Limits, count: int) -> str:
    start = f"Image {number}: " if count > 1 else ""
    if image.is_video:
        taken = limits.videos > 0
        return f"The video as it is, {megabytes(image.size)}" if taken else ":red[No video: this network takes none]"
    got = media_views.fitted(image, limits)
    if got.trouble:
        return f":red[{start}{shown(got.trouble)}]"
    if not got.known:
        return f":gray[{start}being worked out …]"
    before, after = f"{image.width} × {image.height}", f"{got.width} × {got.height}"
    return f"{start}{before if before == after else f'{before} → {after}'}, {megabytes(got.size)}"


def _short(filename: str) -> str:
    """A file's name in one glance: its beginning and its kind."""
    stem, dot, kind = filename.rpartition(".")
    return filename if len(filename) <= NAME else f"{(stem or kind)[: NAME - 6]}…{dot}{kind[:5]}"


def megabytes(size: int) -> str:
    """A size for people: 0.9 MB, 12 KB."""
    return f"{size / 1e6:.1f} MB" if size >= 100_000 else f"{max(1, round(size / 1000))} KB"
