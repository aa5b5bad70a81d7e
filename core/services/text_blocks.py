"""Pieces of text that posts are written with: snippets and sets of hashtags, counted when used.

Answers in the inbox have saved replies of their own (`saved_replies.py`), which are filled in with names.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import func, select, update
from sqlmodel import Session, col

from core import db
from core.errors import NotFound, UserError
from core.models.planning_sources import BlockKind, TextBlock
from core.services.team import Actor, Right, audit, require

NAME_LENGTH = 80  # characters
TEXT_LENGTH = 3000
LANGUAGES = {"": "Any language", "de": "Deutsch", "en": "English"}
KINDS = {BlockKind.SNIPPET: "Snippet", BlockKind.HASHTAGS: "Hashtag set"}
GONE = "This text block isn't there any more."

_TAG = re.compile(r"[^\W_][\w]*|_+\w+", re.UNICODE)


@dataclass(frozen=True)
class BlockRow:
    """A text block. `used`: how often somebody has put it into a post."""

    id: int
    kind: BlockKind
    name: str
    text: str
    language: str | None
    used: int
    updated_at: datetime


# --- reading --------------------------------------------------------------------------------------------------------


def blocks(session: Session, kind: BlockKind | None = None, search: str = "") -> list[BlockRow]:
    """All blocks by kind and name, or those of one kind, or that hold every word of `search`. One statement."""
    asked = select(TextBlock).order_by(col(TextBlock.kind), func.lower(col(TextBlock.name)), col(TextBlock.id))
    if kind is not None:
        asked = asked.where(col(TextBlock.kind) == kind)
    return found_in([_row(row) for row in session.execute(asked).scalars()], search)


def found_in(rows: Iterable[BlockRow], search: str) -> list[BlockRow]:
    """Those whose name or text holds every word of `search`, in whatever case."""
    words = search.casefold().split()
    return [row for row in rows if all(word in f"{row.name} {row.text}".casefold() for word in words)]


def ranked(rows: Iterable[BlockRow], language: str | None = None) -> list[BlockRow]:
    """Those in the post's language, or in none, first; among them the most used."""
    wanted = (language or "")[:2].lower()
    return sorted(
        rows,
        key=lambda row: (bool(wanted and row.language and row.language != wanted), -row.used, row.name.casefold()),
    )


def block_named(session: Session, name: str, kind: BlockKind | None = None) -> BlockRow:
    """The block of this name. Raises `NotFound`, or `UserError` where both kinds have one."""
    found = [row for row in blocks(session, kind) if row.name.casefold() == " ".join(name.split()).casefold()]
    if not found:
        raise NotFound(f"There is no text block “{name}”.")
    if len(found) > 1:
        raise UserError(f"“{name}” is there as a snippet and as a hashtag set. Say which one, with --kind.")
    return found[0]


# --- writing with them ----------------------------------------------------------------------------------------------


def put_behind(text: str, piece: str, kind: BlockKind) -> str:
    """The text with a block at its end: a snippet goes on in the line, hashtags get a line of their own. Hashtags
    that are in the text already aren't put there twice."""
    before = text.rstrip()
    if kind is BlockKind.HASHTAGS:
        there = {tag.casefold() for tag in re.findall(r"#\w+", before)}
        piece = " ".join(tag for tag in piece.split() if tag.casefold() not in there)
        if before and re.search(r"(?:^|\n)(?:#\w+\s*)+$", before):
            return f"{before} {piece}".rstrip()  # the last line is one of hashtags: they go on there
    if not before or not piece:
        return before or piece
    if kind is BlockKind.HASHTAGS:
        return f"{before}\n\n{piece}"
    return f"{text if text != before else before + ' '}{piece}"


def use_block(session: Session, actor: Actor, block_id: int) -> BlockRow:
    """The block, and one more use of it is counted."""
    require(actor, Right.PLAN)
    row = _row(_stored(session, block_id))
    counted = update(TextBlock).where(col(TextBlock.id) == block_id).values(used=col(TextBlock.used) + 1)
    session.execute(counted.execution_options(synchronize_session=False))
    return row


# --- changing -------------------------------------------------------------------------------------------------------


def create_block(
    session: Session, actor: Actor, *, kind: BlockKind, name: str, text: str, language: str | None = None
) -> int:
    """Keep a block; gives its number. Raises `UserError` for what is missing, too long, or there already."""
    require(actor, Right.PLAN)
    name, text = _checked(session, None, kind, name, text, language)
    row = TextBlock(kind=kind, name=name, text=text, language=language or None)
    session.add(row)
    session.flush()
    audit(session, actor, "block.add", f"block:{row.id}")
    return row.id


def change_block(
    session: Session, actor: Actor, block_id: int, *, name: str, text: str, language: str | None = None
) -> None:
    """Other words; how often it was used stays, and so do the posts that were written with it."""
    require(actor, Right.PLAN)
    row = _stored(session, block_id)
    row.name, row.text = _checked(session, block_id, row.kind, name, text, language)
    row.language, row.updated_at = language or None, db.utc_now()
    audit(session, actor, "block.change", f"block:{block_id}")


def delete_block(session: Session, actor: Actor, block_id: int) -> None:
    """Delete a block. Posts that were written with it stay as they are."""
    require(actor, Right.PLAN)
    session.delete(_stored(session, block_id))
    audit(session, actor, "block.delete", f"block:{block_id}")


def hashtags(text: str) -> str:
    """Words as hashtags, each once, in their order: “Kaffee, #FairTrade” is “#Kaffee #FairTrade”."""
    found: dict[str, str] = {}
    for tag in (word.lstrip("#＃") for word in re.split(r"[\s,;]+", text)):
        if tag:
            found.setdefault(tag.casefold(), f"#{tag}")
    return " ".join(found.values())


def _checked(
    session: Session, block_id: int | None, kind: BlockKind, name: str, text: str, language: str | None
) -> tuple[str, str]:
    name, text = " ".join(name.split()), text.strip()
    if not name:
        raise UserError("Give it a name, so that colleagues find it.")
    if len(name) > NAME_LENGTH:
        raise UserError(f"The name is {len(name) - NAME_LENGTH} characters too long. Shorten it.")
    if (language or "") not in LANGUAGES:
        raise UserError(
            f"“{language}” isn't a language of the text blocks. Take {' or '.join(filter(None, LANGUAGES))}."
        )
    if kind is BlockKind.HASHTAGS:
        text = _checked_tags(text)
    if not text:
        raise UserError("The text is empty. Write what should be put into posts.")
    if len(text) > TEXT_LENGTH:
        raise UserError(f"The text is {len(text) - TEXT_LENGTH} characters too long. Shorten it.")
    if any(row.name.casefold() == name.casefold() and row.id != block_id for row in blocks(session, kind)):
        raise UserError(f"There already is a {KINDS[kind].lower()} “{name}”. Change that one, or rename this.")
    return name, text


def _checked_tags(text: str) -> str:
    tags = hashtags(text)
    wrong = next((tag for tag in tags.split() if not _TAG.fullmatch(tag[1:]) or tag[1:].isdigit()), None)
    if wrong:
        raise UserError(f"“{wrong}” is no hashtag: only letters, digits and _ are, and not digits alone.")
    return tags


def _stored(session: Session, block_id: int) -> TextBlock:
    row = session.get(TextBlock, block_id)
    if row is None:
        raise NotFound(GONE)
    return row


def _row(row: TextBlock) -> BlockRow:
    return BlockRow(row.id, row.kind, row.name, row.text, row.language, row.used, row.updated_at)
