"""Channel by channel below the text: how long its network counts it, and words of its own where somebody wants them.

A line is drawn before it is known what goes out (fields further down count too), so counts are filled in afterwards.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import zip_longest
from typing import Any

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from core.connectors.base import Draft, Limits
from core.services import post_diff
from core.services.channels import ChannelRow
from core.services.plan_drafts import lengths
from core.services.plan_typed import PER_MILLE, TypedPost
from core.services.planning import PostDetail
from core.services.post_diff import Piece
from core.services.threads import as_thread, is_thread, join_thread, thread_texts
from core.ui.composer_pickers import pickers
from core.ui.composer_state import seed
from core.ui.page import Page
from core.ui.parts import network_icon, shown

NEAR = 0.9  # from here on the count is coloured
MANY = 8  # channels; more of them scroll
AROUND = 40  # characters that are shown around a difference
WORD = re.compile(r"\w+")
SHOWN = 12  # entries of a thread in its preview


@dataclass(frozen=True)
class Line:
    """A channel's line: where its count goes, where its own text can be split. `own`: its own text, if it has one."""

    channel: ChannelRow
    count: DeltaGenerator
    threads: DeltaGenerator | None
    own: str | None


def channel_lines(
    page: Page, key: str, detail: PostDetail | None, channels: Sequence[ChannelRow], text: str
) -> tuple[dict[int, str | None], list[Line]]:
    """Draw the lines; gives the texts of their own (None: the post's), and the lines to fill in."""
    if not channels:
        st.caption("Choose a channel to see how its network counts the text.")
        return {}, []
    stored = {d.channel_id: d.text for d in detail.deliveries} if detail else {}
    height: Any = 420 if len(channels) > MANY else "content"
    with st.container(height=height, border=len(channels) > MANY, gap="xsmall"):
        lines = [_line(page, key, channel, stored.get(channel.id), text) for channel in channels]
    return {line.channel.id: line.own for line in lines}, lines


def _line(page: Page, key: str, channel: ChannelRow, stored: str | None, text: str) -> Line:
    with st.container(horizontal=True, vertical_alignment="center", gap="small", horizontal_alignment="distribute"):
        with st.container(horizontal=True, vertical_alignment="center", gap="small", width="stretch", wrap=False):
            st.image(network_icon(channel.network), width=18, alt=channel.network_label)
            with st.container(gap=None):
                st.markdown(f"**{shown(channel.handle)}**")  # a long one takes a second line
                count = st.container()
        different = st.toggle(
            "Different text",
            key=seed(key, f"differs_{channel.id}", stored is not None),
            persist_state="session",
        )
    if not different:
        return Line(channel, count, None, None)
    own, threads = _own_text(page, key, channel, stored if stored is not None else text, text)
    return Line(channel, count, threads, own)


def _own_text(page: Page, key: str, channel: ChannelRow, begin: str, text: str) -> tuple[str, DeltaGenerator]:
    name = f"variant_{channel.id}"
    with st.container(border=True, gap="small"):
        own = st.text_area(
            f"Text for {channel.handle}", key=seed(key, name, begin), height="content", persist_state="session"
        )
        with st.container(horizontal=True, vertical_alignment="center", gap="small"):
            pickers(page, key, name, [channel])
            threads = st.container(horizontal=True, width="content")
            st.button("Same as the text", key=f"{key}_same_{channel.id}", icon=":material/undo:", type="tertiary",
                      help="Drop these words: this channel gets the text above", on_click=_same,
                      args=(key, channel.id))  # fmt: skip
        _difference(key, channel, text, own or "")
    return own or "", threads


def _same(key: str, channel_id: int) -> None:
    st.session_state[f"{key}_differs_{channel_id}"] = False
    st.session_state.pop(f"{key}_variant_{channel_id}", None)


def _difference(key: str, channel: ChannelRow, text: str, own: str) -> None:
    """What is said here and not in the text, and the other way round."""
    if not text.strip() or not own.strip():
        return
    pieces = post_diff.words(text, own)
    changed = sum(len(WORD.findall(piece.text)) for piece in pieces if piece.sign != "same")
    if not changed:
        same = text.split() == own.split()
        st.caption("The same words as the text so far. Change them here." if same else "The same words as the text.")
        return
    label = f"{changed} word{'s' if changed != 1 else ''} differ{'s' if changed == 1 else ''} from the text"
    with st.expander(label, key=f"{key}_difference_{channel.id}", type="compact"):
        st.markdown("".join(_told(piece, then) for piece, then in zip_longest(pieces, pieces[1:])))
        st.caption("Struck out: only in the text. Bold: only here.")


def _told(piece: Piece, then: Piece | None) -> str:
    """One run of words; what is gone stands apart from what came in its place."""
    words = piece.text
    bare = words.strip()
    if piece.sign == "same":
        if len(words) > 2 * AROUND:
            words = f"{words[:AROUND]} … {words[-AROUND:]}"
        return shown(words)
    if not bare:
        return " "
    lead, tail = words[: len(words) - len(words.lstrip())], words[len(words.rstrip()) :]
    bare = " ".join(bare.split())
    marked = f":gray[~~{shown(bare)}~~]" if piece.sign == "gone" else f":green[**{shown(bare)}**]"
    apart = piece.sign == "gone" and then is not None and then.sign == "new"
    return f"{' ' if lead else ''}{marked}{' ' if tail or apart else ''}"


# --- counts -----------------------------------------------------------------------------------------------------------


def fill_counts(lines: Sequence[Line], drafts: Mapping[int, Draft]) -> None:
    """How long each network counts what goes out."""
    for line in lines:
        with line.count:
            st.markdown(count_words(line.channel.network, line.channel.limits, drafts[line.channel.id]))


def count_words(network: str, limits: Limits, draft: Draft) -> str:
    """“243 of 500 characters”, for a thread each of its parts; coloured when it gets tight."""
    counted = lengths(network, limits, draft)
    parts = [length for length, part in zip(counted, draft.parts, strict=True) if not part.comment]
    comments = [length for length, part in zip(counted, draft.parts, strict=True) if part.comment]
    words = f"{' · '.join(map(str, parts))} of {limits.text_length} characters"
    if len(parts) > 1:
        words = f"Thread of {len(parts)}: {words}"
    told = [_coloured(words, max(parts), limits)]
    told += [_coloured(f"first comment {length}", length, limits) for length in comments]
    return " :gray[·] ".join(told)


def _coloured(words: str, length: int, limits: Limits) -> str:
    over = length - limits.text_length
    if over > 0:
        return f":red[:small[**{words}: {over} too many**]]"
    colour = "orange" if length > limits.text_length * NEAR else "gray"
    return f":{colour}[:small[{words}]]"


def too_long(line: Line, draft: Draft) -> bool:
    """Whether a part of the text (not the first comment) is longer than this channel takes."""
    counted = lengths(line.channel.network, line.channel.limits, draft)
    return any(
        length > line.channel.limits.text_length
        for length, part in zip(counted, draft.parts, strict=True)
        if not part.comment
    )


# --- threads ----------------------------------------------------------------------------------------------------------


def fill_threads(key: str, text: str, main: DeltaGenerator, lines: Sequence[Line], typed: TypedPost) -> None:
    """Below the text and below each channel's own: split it where it is too long, join it again."""
    shared = [line for line in lines if line.own is None and line.channel.capabilities.threads]
    with main:
        _threads(key, "text", text, shared, typed)
    for line in lines:
        if line.threads is not None and line.own is not None and line.channel.capabilities.threads:
            with line.threads:
                _threads(key, f"variant_{line.channel.id}", line.own, [line], typed)


def _threads(key: str, name: str, text: str, lines: Sequence[Line], typed: TypedPost) -> None:
    if is_thread(text):
        st.button(
            "Join again",
            key=f"{key}_join_{name}",
            icon=":material/merge:",
            type="tertiary",
            help="One text again, without the lines of ---",
            on_click=_put,
            args=(key, name, join_thread(text)),
        )
    long = [line for line in lines if too_long(line, typed.drafts[line.channel.id])]
    if not long:
        return
    opened = st.popover(
        "Split into a thread",
        icon=":material/content_cut:",
        type="tertiary",
        key=f"{key}_split_{name}",
        on_change="rerun",
    )
    if opened.open:
        with opened, st.container(width=440):
            _split(key, name, text, lines, long, typed)


def _split(key: str, name: str, text: str, lines: Sequence[Line], long: Sequence[Line], typed: TypedPost) -> None:
    """What it would become, and for whom."""
    numbered = st.toggle("Number the parts: 1/3", key=f"{key}_numbered_{name}")
    measure = typed.fullness([line.channel for line in long])
    thread = as_thread(text, measure, PER_MILLE, numbered)
    parts = thread_texts(thread)
    st.caption(f"{len(parts)} posts, cut where a paragraph or sentence ends. You can move the lines of --- afterwards.")
    with st.container(height=min(320, 90 * len(parts)), border=False, gap="xsmall"):
        for part in parts[:SHOWN]:
            with st.container(border=True):
                st.markdown(shown(part))
        if len(parts) > SHOWN:
            st.caption(f"… and {len(parts) - SHOWN} more")
    others = [line for line in lines if line not in long]
    close = f"{key}_split_{name}"
    st.button(
        f"Split into {len(parts)} posts" + (" on all channels" if others else ""),
        key=f"{key}_split_now_{name}",
        type="primary",
        on_click=_put,
        args=(key, name, thread, close),
    )
    if others:
        own: dict[int, str] = {
            line.channel.id: as_thread(text, typed.fullness([line.channel]), PER_MILLE, numbered) for line in long
        }
        names = ", ".join(shown(line.channel.handle) for line in long)
        st.button(f"Only for {names}", key=f"{key}_split_own_{name}", on_click=_put_own, args=(key, own, close))


def _put(key: str, name: str, text: str, close: str = "") -> None:
    st.session_state[f"{key}_{name}"] = text
    if close:
        st.session_state[close] = False


def _put_own(key: str, texts: Mapping[int, str], close: str) -> None:
    """The others keep the text as one post."""
    for channel_id, text in texts.items():
        st.session_state[f"{key}_differs_{channel_id}"] = True
        st.session_state[f"{key}_variant_{channel_id}"] = text
    st.session_state[close] = False
