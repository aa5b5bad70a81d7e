"""Images of an answer: chosen, stored at once so that nothing loses them, described, taken out again."""

import streamlit as st

from core import db
from core.connectors.base import DraftImage
from core.errors import UserError
from core.services import media
from core.services.inbox import ConversationView
from core.ui import answer_draft as draft
from core.ui.answer_draft import Chosen
from core.ui.doing import refuse
from core.ui.page import Page

TYPES = ["jpg", "jpeg", "png", "gif", "webp"]


def image_button(page: Page, view: ConversationView) -> None:
    """Where files are chosen; not there where the network takes none, and closed once it has enough."""
    most = view.limits.images
    if most < 1:
        return
    full = len(draft.chosen(view.id)) >= most
    with st.popover("", icon=":material/add_photo_alternate:", help="Add images", type="tertiary", disabled=full):
        key = _uploader(view.id)
        st.file_uploader(
            f"Images, at most {most}",
            type=TYPES,
            accept_multiple_files=True,
            max_upload_size=media.MOST_BYTES // 1_000_000,
            key=key,
            on_change=_take,
            args=(page, view.id, key),
        )


def image_rows(view: ConversationView) -> None:
    """The images with their alt texts."""
    for number, image in enumerate(draft.chosen(view.id), start=1):
        with st.container(horizontal=True, vertical_alignment="center", gap="small"):
            st.image(image.path, width=64, alt=f"Image {number} of your answer")
            st.text_input(
                f"Alt text of image {number}",
                key=draft.alt_key(view.id, image.media_id),
                max_chars=view.limits.alt_length,
                persist_state="session",
                placeholder="What is to be seen, for people who can't",
            )
            st.button(
                "",
                key=f"answer_drop_{view.id}_{image.media_id}",
                icon=":material/close:",
                type="tertiary",
                help=f"Remove image {number}",
                on_click=draft.drop_image,
                args=(view.id, image.media_id),
            )


def pictures(view: ConversationView) -> list[DraftImage]:
    """As they will be judged and sent."""
    chosen = draft.images(view.id)
    if not chosen:
        return []
    with db.read() as session:
        return media.draft_images(session, chosen)


def put_back(conversation_id: int, images: tuple[tuple[int, str], ...]) -> None:
    """What an answer held that was taken back."""
    with db.read() as session:
        paths = {media_id: media.path_of(session, media_id) for media_id, _ in images}
    for media_id, alt in images:
        draft.add_image(conversation_id, Chosen(media_id, paths[media_id]), alt)


def _uploader(conversation_id: int) -> str:
    """A new one after each choice: the files are stored, and it is empty again."""
    return f"answer_files_{conversation_id}_{st.session_state.get('answer_uploads', 0)}"


def _take(page: Page, conversation_id: int, key: str) -> None:
    for file in st.session_state.get(key) or ():
        try:
            with db.write() as session:
                media_id = media.store_image(session, page.actor, file.getvalue(), file.name)
                path = media.path_of(session, media_id)
        except UserError as error:
            refuse(str(error))
            continue
        draft.add_image(conversation_id, Chosen(media_id, path))
    st.session_state["answer_uploads"] = st.session_state.get("answer_uploads", 0) + 1
