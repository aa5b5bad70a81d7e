"""Full-text search over messages, for the inbox list: what a person typed, hits newest first, snippets.

Knows nothing of rows or pages (`inbox_list.py`). What is typed is never search syntax: every term is quoted, words are
ANDed, `"a phrase"` stays together and the last word also matches as a beginning.
"""

import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import regex
from sqlalchemy import (
    ColumnElement,
    Integer,
    Select,
    and_,
    collate,
    column,
    func,
    select,
    table,
    text,
    union_all,
)
from sqlmodel import Session, col

from core.models.inbox import Contact, Conversation, Message

WINDOW = 2000  # hits looked at for one page: bounds the work when a frequent word meets a rare filter
MOST_TERMS = 8
FIRST_LOOK = 150  # of those, looked at first: enough unless filters throw most away
PREFIX_FROM = 3  # shorter beginnings match too much to be of use; the index keeps beginnings of 3 to 7 letters
SNIPPET = 120  # characters
FEW_CONTACTS = 50
LAST = (1 << 31) - 1  # the largest number a key can have

_PIECE = regex.compile(r'"([^"]*)"?|([^\s"]+)')
_TOKEN = regex.compile(r"[\p{L}\p{N}\p{M}]+")


@dataclass(frozen=True)
class Snippet:
    """The part of a message around a hit. `start` and `end` are the place of the hit in `text`, in characters."""

    text: str
    start: int = 0
    end: int = 0


@dataclass(frozen=True)
class Hit:
    """The newest matching message of one conversation."""

    message_id: int
    conversation_id: int
    text: str


@dataclass(frozen=True)
class Terms:
    """What was searched for: phrases of plain words, and whether the last one may go on."""

    phrases: tuple[tuple[str, ...], ...]
    open_end: bool

    def fts5(self) -> str:
        """As an FTS5 expression. Words hold letters, digits and marks only, so nothing in them can be syntax."""
        quoted = [f'"{" ".join(words)}"' for words in self.phrases]
        if self.open_end and quoted:
            quoted[-1] += " *"
        return " AND ".join(quoted)

    def tsquery(self) -> str:
        """As a PostgreSQL `tsquery`."""
        parts = [" <-> ".join(words) for words in self.phrases]
        if self.open_end and parts:
            parts[-1] += ":*"
        return " & ".join(f"({part})" for part in parts)


@lru_cache(maxsize=64)
def terms(typed: str) -> Terms:
    """Read what a person typed. Never fails; signs that are no words are passed over."""
    phrases: list[tuple[str, ...]] = []
    bare = False
    for phrase, word in _PIECE.findall(typed[:300]):
        words = tuple(_TOKEN.findall(unicodedata.normalize("NFC", phrase or word)))
        if words:
            phrases.append(words)
            bare = bool(word)
    del phrases[MOST_TERMS:]
    goes_on = bare and not typed[-1:].isspace() and len(phrases[-1][-1]) >= PREFIX_FROM
    return Terms(tuple(phrases), goes_on)


def hits(
    session: Session,
    wanted: Terms,
    where: Sequence[ColumnElement[bool]],
    before: int | None,
    limit: int,
    depth: int = 1,
) -> tuple[list[Hit], int | None, bool]:
    """Conversations with a matching message, by their newest one below message `before`, newest first.

    Gives up to `limit` hits, the message id to go on below (None: that was all), and whether looking ended before the
    page was full: at most `depth` times `WINDOW` messages are looked at, so a page may be short, even empty, and yet
    not be the last. Six statements at most.
    """
    most = WINDOW * depth
    window = _window(session, wanted, LAST if before is None else before)
    ids: list[int] = []
    newest: Sequence[int] = ()
    for looked, look in ((0, FIRST_LOOK), (FIRST_LOOK, most)):
        if len(ids) == looked and len(newest) <= limit:  # there may be more, and it is needed
            ids = list(session.execute(window.limit(look)).scalars())
            newest = _newest(session, ids, where, limit + 1)
    more = len(newest) > limit
    rows = session.execute(
        select(col(Message.id), col(Message.conversation_id), col(Message.text))
        .where(col(Message.id).in_(newest[:limit]))
        .order_by(col(Message.id).desc())
    ).all()
    shown = [Hit(*row) for row in rows]
    short = not more and len(ids) == most
    following = newest[limit - 1] if more else ids[-1] if short else None
    if before is not None and shown:
        earlier = _shown_before(session, wanted, shown, before)
        shown = [hit for hit in shown if hit.conversation_id not in earlier]
    return shown, following, short


def _newest(session: Session, among: Sequence[int], where: Sequence[ColumnElement[bool]], limit: int) -> Sequence[int]:
    """Of the messages in question, the newest of each conversation."""
    newest = func.max(col(Message.id))
    found = (
        select(newest)
        .join(Conversation, col(Conversation.id) == col(Message.conversation_id))
        .where(col(Message.id).in_(among), *where)
        .group_by(col(Message.conversation_id))
        .order_by(newest.desc())
        .limit(limit)
    )
    return session.execute(found).scalars().all()


def _matches(session: Session, wanted: Terms) -> tuple[Any, Any, Any]:
    """Where hits come from: a table, its message id, the condition."""
    if session.get_bind().dialect.name == "sqlite":
        fts = table("message_fts", column("rowid", Integer))
        return fts, fts.c.rowid, text("message_fts MATCH :query").bindparams(query=wanted.fts5())
    words = func.to_tsquery("simple", wanted.tsquery())
    matching = func.to_tsvector("simple", col(Message.text)).op("@@")(words)
    return Message.__table__, col(Message.id), matching  # type: ignore[attr-defined]


def _window(session: Session, wanted: Terms, top: int) -> Select[tuple[int]]:
    source, message_id, matching = _matches(session, wanted)
    return select(message_id).select_from(source).where(matching, message_id < top).order_by(message_id.desc())


def _shown_before(session: Session, wanted: Terms, shown: Sequence[Hit], before: int) -> set[int]:
    """Those whose newer hits stood on an earlier page."""
    if session.get_bind().dialect.name == "sqlite":
        source, message_id, matching = _matches(session, wanted)
        there = select(message_id).select_from(source).where(matching, message_id == col(Message.id)).exists()
    else:
        there = _matches(session, wanted)[2]
    rows = session.execute(
        select(col(Message.conversation_id))
        .where(col(Message.conversation_id).in_([hit.conversation_id for hit in shown]))
        .where(col(Message.id) >= before, there)
        .distinct()
    )
    return set(rows.scalars())


def conversations_of_contacts(
    session: Session, typed: str, where: Sequence[ColumnElement[bool]], limit: int
) -> list[int]:
    """Ids of the newest conversations with contacts whose name or handle begins with what was typed."""
    start = typed.strip().strip('"').lstrip("@")
    if len(start) < 2:
        return []
    few = union_all(
        _beginning(session, col(Contact.name), start),
        _beginning(session, col(Contact.handle), start),
        _beginning(session, col(Contact.handle), f"@{start}"),
    ).subquery()
    rows = session.execute(
        select(col(Conversation.id))
        .where(col(Conversation.contact_id).in_(select(few.c.id)), *where)
        .order_by(col(Conversation.last_message_at).desc(), col(Conversation.id).desc())
        .limit(limit)
    )
    return list(rows.scalars())


def _beginning(session: Session, of: Any, start: str) -> Select[tuple[int]]:
    if session.get_bind().dialect.name == "sqlite":
        # A range, because LIKE with a bound pattern doesn't use the NOCASE index.
        plain = collate(of, "NOCASE")
        begins = and_(plain >= start, plain < start + chr(0x10FFFF))
    else:
        begins = of.istartswith(start, autoescape=True)
    few = select(col(Contact.id)).where(begins).limit(FEW_CONTACTS).subquery()
    return select(few.c.id)


def snippet(whole: str, wanted: Terms) -> Snippet:
    """The part of a text around its first hit, with the place of the hit."""
    flat = " ".join(whole.split())
    plain = _folded(flat)
    for number, words in enumerate(wanted.phrases):
        tail = "" if wanted.open_end and number == len(wanted.phrases) - 1 else r"(?![\p{L}\p{N}])"
        inner = r"[^\p{L}\p{N}]+".join(regex.escape(_folded(word)) for word in words)
        found = regex.search(rf"(?<![\p{{L}}\p{{N}}]){inner}{tail}", plain)
        if found:
            return _around(flat, *found.span())
    return _around(flat, 0, 0)


def _around(flat: str, start: int, end: int) -> Snippet:
    first = max(0, start - SNIPPET // 3)
    first = flat.rfind(" ", 0, first) + 1 if first else 0
    cut = flat[first : first + SNIPPET]
    lead = "…" if first else ""
    shift = len(lead) - first
    ending = "…" if first + SNIPPET < len(flat) else ""
    length = len(lead + cut)
    return Snippet(lead + cut + ending, min(start + shift, length), min(end + shift, length))


def _folded(text_: str) -> str:
    """Without case and diacritics, as the index folds; as long as before, so that places stay."""
    return "".join((unicodedata.normalize("NFD", sign)[0].lower() or sign)[0] for sign in text_)
