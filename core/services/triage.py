"""The worker's first look at what came in: language, mood, rules, deadline. Once for each message.

Steps of a batch: read what nobody looked at; judge tone and try the rules, outside of any transaction; then, in one
short one, take the messages (another worker may have been quicker), write down their tone, do what the rules say, and
promise an answer. A batch is done as a whole or not at all. Messages are worded by `tone.py`, rules by `rules.py`.
"""

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import bindparam, case, false, func, select, update
from sqlmodel import Session, col

from core import db
from core.models.channel import ChannelState
from core.models.inbox import Message
from core.services import service_time, tone
from core.services.intake_rows import HISTORY
from core.services.moods import follow_newest
from core.services.rule_matching import (
    UNTRIAGED,
    Arrived,
    Compiled,
    answered_at,
    enabled_rules,
    matches,
    subjects,
    untriaged,
)
from core.services.rule_work import Hit, carry_out
from core.services.tone import Tone

log = logging.getLogger("hub.triage")

BATCH = 500  # messages in one transaction


@dataclass(frozen=True)
class _Judged:
    """A batch, judged: the tone of each message by its id, and which rules matched."""

    messages: Sequence[Arrived]
    tones: dict[int, Tone]
    hits: Sequence[Hit]


def anything_due(session: Session) -> bool:
    """Whether something came in that nobody looked at: a glance at an index."""
    oldest = select(col(Message.id)).where(*UNTRIAGED).order_by(col(Message.id)).limit(1)  # in the order of that index
    return session.execute(oldest).first() is not None


def next_due(session: Session) -> datetime | None:
    """Nothing becomes due by itself: somebody has to write."""
    return None


def run(limit: int = BATCH, stopping: Callable[[], bool] = lambda: False) -> int:
    """Look at everything that came in, a batch at a time; gives how many messages."""
    looked = 0
    while not stopping():
        with db.read() as session:
            judged = _judged(session, limit)
        if judged.messages:
            with db.write() as session:
                looked += _store(session, judged)
        if len(judged.messages) < limit:
            break
    return looked


def judge(message: Arrived) -> Tone:
    """Language and mood of a message. What a member said about the mood stays, and so does a network's language."""
    if message.deleted_at is not None:
        return Tone(message.language, message.sentiment)
    try:
        found = tone.judge(message.text, message.language)
    except Exception:  # one odd text must not hold up the rest
        log.exception("could not judge the message %s", message.id)
        return Tone(message.language, message.sentiment)
    return Tone(message.language or found.language, message.sentiment if message.corrected else found.sentiment)


def _judged(session: Session, limit: int) -> _Judged:
    messages = untriaged(session, limit)
    tones = {one.id: judge(one) for one in messages}
    rules = enabled_rules(session) if messages else []
    return _Judged(messages, tones, _hits(session, messages, tones, rules) if rules else ())


def _hits(
    session: Session, messages: Sequence[Arrived], tones: dict[int, Tone], rules: Sequence[Compiled]
) -> list[Hit]:
    """Which rules match, for what is somebody's work: neither old nor deleted, and not answered already."""
    young = db.utc_now() - HISTORY
    usable = [
        one
        for one in messages
        if one.at > young and one.deleted_at is None and one.channel_state != ChannelState.REMOVED
    ]
    answered = answered_at(session, {one.conversation_id for one in usable})
    usable = [one for one in usable if one.at > answered.get(one.conversation_id, young)]
    looked_at = zip(usable, subjects(session, usable, tones, rules), strict=True)
    return [Hit(rule, one) for one, subject in looked_at for rule in matches(rules, subject)]


def _store(session: Session, judged: _Judged) -> int:
    """Write down what was found, for those messages that are still nobody's; gives how many."""
    ids = [one.id for one in judged.messages]
    taken = set(
        session.execute(
            update(Message)
            .where(col(Message.id).in_(ids), col(Message.triaged) == false())
            .values(triaged=True)
            .returning(col(Message.id))
            .execution_options(synchronize_session=False)
        ).scalars()
    )
    if not taken:
        return 0
    ours = [one for one in judged.messages if one.id in taken]
    talks = sorted({one.conversation_id for one in ours})
    _store_tones(session, ours, judged.tones)
    follow_newest(session, talks)
    carry_out(session, [hit for hit in judged.hits if hit.message.id in taken])
    service_time.promise(session, talks)
    return len(taken)


def _store_tones(session: Session, messages: Sequence[Arrived], tones: dict[int, Tone]) -> None:
    """Language where there is none, mood unless a member said it meanwhile; an edit meanwhile brought its own."""
    rows = [
        {"key": one.id, "language_now": tones[one.id].language, "mood_now": tones[one.id].sentiment, "seen": one.text}
        for one in messages
        if (one.language, one.sentiment) != (tones[one.id].language, tones[one.id].sentiment)
    ]
    if not rows:
        return
    table: Any = Message.__table__  # type: ignore[attr-defined]
    mood = case((table.c.corrected, table.c.sentiment), else_=bindparam("mood_now", type_=table.c.sentiment.type))
    language = func.coalesce(table.c.language, bindparam("language_now", type_=table.c.language.type))
    unedited = (table.c.id == bindparam("key"), table.c.text == bindparam("seen"))
    session.execute(update(table).where(*unedited).values(language=language, sentiment=mood), rows)
