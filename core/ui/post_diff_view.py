"""What is different between two versions of a post, readable in light and dark: struck out and marked, never by colour
alone."""

import re
from collections.abc import Sequence

import streamlit as st

from core.services.post_diff import Diff, Piece
from core.ui.parts import shown

EDGES = re.compile(r"^(\s*)(.*?)(\s*)$", re.DOTALL)


def show_diff(diff: Diff, same: str = "Nothing is different.") -> None:
    """Texts word by word, then the rest as sentences."""
    if not diff:
        st.caption(same)
        return
    for text in diff.texts:
        st.caption(shown(text.label))
        with st.container(border=True):
            st.markdown(marked(text.pieces))
    for sentence in diff.others:
        st.markdown(f":material/arrow_right: {shown(sentence)}")


def marked(pieces: Sequence[Piece]) -> str:
    """Markdown: what is gone struck out on red, what is new on green; the words themselves do nothing."""
    return "".join(_piece(piece) for piece in pieces) or "&nbsp;"


def _piece(piece: Piece) -> str:
    if piece.sign == "same":
        return shown(_spaced(piece.text))
    if not piece.text.strip():  # a change of nothing but spaces and line ends
        text = piece.text.replace(" ", "␣").replace("\n", "↵\n")
        return "  \n".join(_wrapped(line, piece.sign) for line in text.split("\n"))
    return "  \n".join(_wrapped(line, piece.sign) for line in piece.text.split("\n"))


def _wrapped(line: str, sign: str) -> str:
    found = EDGES.match(line)
    before, words, after = found.groups() if found else ("", line, "")
    if not words:
        return _spaced(line)
    text = shown(_spaced(words))
    inner = f":red-background[~~{text}~~]" if sign == "gone" else f":green-background[{text}]"
    return f"{_spaced(before)}{inner}{_spaced(after)}"


def _spaced(text: str) -> str:
    """Several spaces stay several, and never become a block of code."""
    return re.sub(r" {2,}|^ ", lambda m: "\u00a0" * len(m.group()), text, flags=re.MULTILINE)
