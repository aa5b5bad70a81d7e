"""The composer's images and video: upload, order, alt texts, what stays in sight when they are cropped."""

from collections.abc import Sequence

import streamlit as st

from core import db
from core.errors import UserError
from core.services import media
from core.services.planning import PostDetail
from core.ui.page import Page
from core.ui.parts import shown

Focal = dict[int, tuple[float, float] | None]
"""Media id to what stays in sight, as in `DraftImage.focus`."""


def media_fields(page: Page, key: str, detail: PostDetail | None) -> tuple[tuple[tuple[int, str], ...], Focal]:
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
    return tuple(kept), {}


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
