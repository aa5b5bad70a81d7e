"""Contacts: who somebody is, what they wrote on every channel, what the team knows about them. The door to it.

A person may be several contacts (`contact_people.py`): profiles, labels, notes, counts and history here are always the
person's, whichever contact was asked for. The stage is worked out in `contact_stage.py` unless a member said otherwise;
erasing a person and telling what is stored about them is `contact_gdpr.py`.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import and_, collate, delete, func, or_, select, tuple_, union, union_all
from sqlalchemy.orm import aliased
from sqlmodel import Session, col

from core.connectors.base import Kind
from core.db import upsert
from core.errors import UserError
from core.models.channel import Channel, ChannelState
from core.models.inbox import Contact, Conversation, ConversationState, Direction, Goal, Message, Sentiment, Stage
from core.models.inbox_work import ContactLabel, Label
from core.models.monitoring import Mention, MentionState
from core.services import labels
from core.services.contact_people import Merged, merge, profiles, unmerge
from core.services.contact_stage import Facts, because, stage_of
from core.services.labels import LabelRow
from core.services.team import Actor, Right, audit, require

__all__ = [
    "ContactRow",
    "ContactView",
    "Facts",
    "History",
    "HistoryCursor",
    "HistoryRow",
    "Merged",
    "because",
    "contact",
    "contacts",
    "history",
    "label",
    "merge",
    "set_note",
    "set_stage",
    "similar",
    "unlabel",
    "unmerge",
]

NOTE_LENGTH = 5000  # characters
PREVIEW = 160
FEW = 40  # found by the beginning of a name or handle, of each


@dataclass(frozen=True)
class ContactRow:
    """One profile at one network. `person_id` is the same for all profiles of one person."""

    id: int
    network: str
    handle: str
    name: str
    url: str | None
    followers: int | None
    first_seen_at: datetime
    person_id: int

    @property
    def called(self) -> str:
        """What to call them."""
        return self.name or self.handle or "Unknown"


@dataclass(frozen=True)
class HistoryCursor:
    """Where a page of the history ended."""

    at: datetime
    id: int


@dataclass(frozen=True)
class HistoryRow:
    """A conversation in which they wrote: their newest words there, when, and how many messages of theirs it has."""

    conversation_id: int
    kind: Kind
    state: ConversationState
    network: str
    channel_handle: str
    at: datetime
    messages: int
    preview: str


@dataclass(frozen=True)
class History:
    """One page, newest first. `next` goes into the next call; None: this was the last."""

    rows: tuple[HistoryRow, ...]
    next: HistoryCursor | None


@dataclass(frozen=True)
class ContactView:
    """A person: their profiles (the one asked for first), what they did, what the team knows, their newest words.

    `derived` is the stage that follows from `facts`; `said` the one a member gave instead.
    """

    id: int
    person_id: int
    profiles: tuple[ContactRow, ...]
    labels: tuple[LabelRow, ...]
    note: str
    facts: Facts
    derived: Stage
    said: Stage | None
    last_at: datetime | None
    history: History

    @property
    def name(self) -> str:
        """What to call them."""
        return self.profiles[0].called

    @property
    def stage(self) -> Stage:
        """How far they have come."""
        return self.said or self.derived

    @property
    def first_seen_at(self) -> datetime:
        """When the hub first met any of their profiles."""
        return min(row.first_seen_at for row in self.profiles)

    @property
    def followers(self) -> int | None:
        """Of their biggest profile; None where no network tells."""
        return max((row.followers for row in self.profiles if row.followers is not None), default=None)


def contact(session: Session, contact_id: int, limit: int = 5) -> ContactView:
    """Everything about a person. Four statements, however many profiles they have. Raises `NotFound`."""
    people = profiles(session, contact_id)
    ids = [row.id for row in people]
    asked_first = sorted(people, key=lambda row: (row.id != contact_id, row.id))
    facts, last_at = _facts(session, ids)
    return ContactView(
        id=contact_id,
        person_id=ids[0],
        profiles=tuple(_row(row) for row in asked_first),
        labels=_labels(session, ids),
        note="\n\n".join(row.note for row in people if row.note),
        facts=facts,
        derived=stage_of(facts),
        said=next((row.stage for row in people if row.stage is not None), None),
        last_at=last_at,
        history=_history(session, ids, None, limit),
    )


def history(session: Session, contact_id: int, before: HistoryCursor | None = None, limit: int = 20) -> History:
    """The conversations in which a person wrote, on every channel, by their newest message there. Two statements."""
    return _history(session, [row.id for row in profiles(session, contact_id)], before, limit)


def contacts(session: Session, search: str = "", after: int | None = None, limit: int = 30) -> tuple[ContactRow, ...]:
    """Contacts of every network, newest first below number `after`; or those whose name or handle holds `search`.

    Of those found, whoever's begins with it comes first; there is no second page, another letter leads on.
    """
    wanted = " ".join(search.split()).lstrip("@")
    if wanted:
        return _found(session, wanted[:100], limit)
    newest = select(Contact).order_by(col(Contact.id).desc()).limit(limit)
    if after is not None:
        newest = newest.where(col(Contact.id) < after)
    return tuple(_row(row) for row in session.execute(newest).scalars())


def similar(session: Session, view: ContactView, limit: int = 3) -> tuple[ContactRow, ...]:
    """Who may be the same person: another profile of the same name, or with the same beginning of its handle."""
    among = []
    for row in view.profiles:
        if len(row.name.strip()) > 2:
            among.append(_equal(session, col(Contact.name), row.name))
        own = row.handle.lstrip("@").split("@")[0].split(".")[0]
        if len(own) > 3:
            among += [_beginning(session, col(Contact.handle), start) for start in (f"@{own}@", f"{own}.", f"@{own}.")]
    if not among:
        return ()
    mine = [row.id for row in view.profiles]
    few = union_all(*among).subquery()
    found = select(Contact).where(col(Contact.id).in_(select(few.c.id)), col(Contact.id).not_in(mine))
    rows = session.execute(found.order_by(col(Contact.id).desc()).limit(limit)).scalars()
    return tuple(_row(row) for row in rows)


# --- what the team knows ----------------------------------------------------------------------------------------------


def set_stage(session: Session, actor: Actor, contact_id: int, stage: Stage | None) -> None:
    """Say how far a person has come, against what follows from what they did; None takes that back."""
    require(actor, Right.ANSWER)
    person = profiles(session, contact_id)
    for row in person:
        row.stage = None
    person[0].stage = stage
    audit(session, actor, "contact.stage", f"contact:{person[0].id}", stage.value if stage else "as derived")
    session.flush()


def set_note(session: Session, actor: Actor, contact_id: int, text: str, seen: str | None = None) -> None:
    """Replace what the team has noted about a person; empty removes it.

    `seen` is the note the writer had before them: if it was changed since, a `UserError` shows what stands there now
    and nothing is overwritten. Of a person who was merged, the note is kept with their oldest profile from now on.
    """
    require(actor, Right.ANSWER)
    note = text.replace("\x00", "").strip()
    if len(note) > NOTE_LENGTH:
        raise UserError(f"The note is {len(note) - NOTE_LENGTH} characters too long. Shorten it.")
    person = profiles(session, contact_id)
    stored = "\n\n".join(row.note for row in person if row.note)
    if note == stored:
        return
    if seen is not None and seen != stored:
        said = f"It says now: “{stored}”" if stored else "It is empty now"
        raise UserError(f"Somebody has changed this note meanwhile. {said}. Yours isn't saved yet: save it again.")
    for row in person:
        row.note = ""
    person[0].note = note
    audit(session, actor, "contact.note", f"contact:{person[0].id}")
    session.flush()


def label(session: Session, actor: Actor, contact_id: int, label_id: int) -> None:
    """Put a label on a person."""
    require(actor, Right.ANSWER)
    labels.label(session, label_id)
    person = profiles(session, contact_id)
    if any(row.id == label_id for row in _labels(session, [row.id for row in person])):
        return
    made = upsert(session, ContactLabel.__table__).on_conflict_do_nothing()  # type: ignore[attr-defined]
    session.execute(made, [{"contact_id": person[0].id, "label_id": label_id}])
    audit(session, actor, "contact.label", f"contact:{person[0].id}", f"label:{label_id}")


def unlabel(session: Session, actor: Actor, contact_id: int, label_id: int) -> None:
    """Take a label off a person, from whichever profile it is on."""
    require(actor, Right.ANSWER)
    person = profiles(session, contact_id)
    taken = session.execute(
        delete(ContactLabel)
        .where(col(ContactLabel.contact_id).in_([row.id for row in person]), col(ContactLabel.label_id) == label_id)
        .returning(col(ContactLabel.contact_id))
        .execution_options(synchronize_session=False)
    ).all()
    if taken:
        audit(session, actor, "contact.unlabel", f"contact:{person[0].id}", f"label:{label_id}")


# --- what they did ----------------------------------------------------------------------------------------------------


def _facts(session: Session, ids: Sequence[int]) -> tuple[Facts, datetime | None]:
    """One statement: what they wrote to us, and about us."""
    wrote = (col(Message.contact_id).in_(ids), col(Message.direction) == Direction.IN)
    # What the team has thrown out was not about us; what was taken back no longer speaks for us.
    about = (
        col(Mention.contact_id).in_(ids),
        col(Mention.state) != MentionState.DISMISSED,
        col(Mention.deleted_at).is_(None),
    )
    days = union(
        select(func.date(col(Message.sent_at)).label("day")).where(*wrote),
        select(func.date(col(Mention.sent_at)).label("day")).where(*about),
    ).subquery()
    praising = select(func.count()).where(
        col(Conversation.id).in_(select(col(Message.conversation_id)).where(*wrote)),
        col(Conversation.goal) == Goal.PRAISE,
    )
    mood = col(Message.sentiment)
    row = session.execute(
        select(
            func.count(func.distinct(col(Message.conversation_id))),
            func.count(),
            select(func.count()).select_from(days).scalar_subquery(),
            func.count().filter(mood == Sentiment.POSITIVE),
            func.count().filter(mood == Sentiment.NEGATIVE),
            praising.scalar_subquery(),
            select(func.count(func.distinct(col(Mention.uri)))).where(*about).scalar_subquery(),
            func.max(col(Message.sent_at)),
        ).where(*wrote)
    ).one()
    return Facts(*row[:7]), row[7]


def _history(session: Session, ids: Sequence[int], before: HistoryCursor | None, limit: int) -> History:
    """One statement. All a person ever wrote is looked at, in an index that holds all that is asked for."""
    at, key = func.max(col(Message.sent_at)), col(Message.conversation_id)
    talks: Any = (
        select(key.label("id"), at.label("at"), func.count().label("messages"))
        .where(col(Message.contact_id).in_(ids))
        .group_by(key)
    )
    if before is not None:
        talks = talks.having(tuple_(at, key) < (before.at, before.id))
    there = talks.subquery()
    said = aliased(Message)
    words = (
        select(func.substr(func.replace(col(said.text), "\n", " "), 1, PREVIEW))
        .where(col(said.conversation_id) == there.c.id, col(said.contact_id).in_(ids))
        .order_by(col(said.sent_at).desc(), col(said.id).desc())
        .limit(1)
        .correlate(there)
        .scalar_subquery()
    )
    c = Conversation
    rows = session.execute(
        select(
            *(there.c.id, col(c.kind), col(c.state), col(Channel.network), col(Channel.handle)),
            *(there.c.at, there.c.messages, words),
        )
        .join(c, col(c.id) == there.c.id)
        .join(Channel, col(Channel.id) == col(c.channel_id))
        .where(col(Channel.state) != ChannelState.REMOVED)
        .order_by(there.c.at.desc(), there.c.id.desc())
        .limit(limit + 1)
    ).all()
    found = tuple(HistoryRow(*row) for row in rows[:limit])
    return History(found, HistoryCursor(found[-1].at, found[-1].conversation_id) if len(rows) > limit else None)


# --- finding ----------------------------------------------------------------------------------------------------------


def _found(session: Session, wanted: str, limit: int) -> tuple[ContactRow, ...]:
    """At most two statements: beginnings, out of the indexes; where those are few, also what lies within."""
    name, handle = col(Contact.name), col(Contact.handle)
    starts = union_all(
        _beginning(session, name, wanted),
        _beginning(session, handle, wanted),
        _beginning(session, handle, f"@{wanted}"),
    ).subquery()
    by_name = func.lower(name), col(Contact.id)
    first = select(Contact).where(col(Contact.id).in_(select(starts.c.id))).order_by(*by_name).limit(limit)
    rows = list(session.execute(first).scalars())
    if len(rows) < limit:
        within = or_(name.icontains(wanted, autoescape=True), handle.icontains(wanted, autoescape=True))
        rest = select(Contact).where(within, col(Contact.id).not_in([row.id for row in rows]))
        rows += session.execute(rest.order_by(*by_name).limit(limit - len(rows))).scalars()
    return tuple(_row(row) for row in rows)


def _beginning(session: Session, of: Any, start: str) -> Any:
    if session.get_bind().dialect.name == "sqlite":
        # A range, because LIKE with a bound pattern doesn't use the NOCASE index.
        plain = collate(of, "NOCASE")
        begins = and_(plain >= start, plain < start + chr(0x10FFFF))
    else:
        begins = of.istartswith(start, autoescape=True)
    return _some(begins)


def _equal(session: Session, of: Any, word: str) -> Any:
    if session.get_bind().dialect.name == "sqlite":
        return _some(collate(of, "NOCASE") == word)
    return _some(func.lower(of) == word.lower())


def _some(condition: Any) -> Any:
    few = select(col(Contact.id)).where(condition).limit(FEW).subquery()
    return select(few.c.id)


def _row(row: Contact) -> ContactRow:
    return ContactRow(
        *(row.id, row.network, row.handle, row.name, row.url, row.followers, row.first_seen_at),
        person_id=row.person_id or row.id,
    )


def _labels(session: Session, ids: Sequence[int]) -> tuple[LabelRow, ...]:
    rows: Any = session.execute(
        select(Label.id, Label.name, Label.color)  # type: ignore[call-overload]
        .join(ContactLabel, col(ContactLabel.label_id) == col(Label.id))
        .where(col(ContactLabel.contact_id).in_(ids))
        .distinct()
    )
    return tuple(sorted((LabelRow(*row) for row in rows), key=lambda row: (row.name.casefold(), row.id)))
