"""Which contacts are one person: joining them, parting them, and keeping that whole when one of them goes.

Contacts that are one person share `person_id`, the oldest one's number; a contact by itself has none. Notes, labels and
stages stay with the contact they were given to, so that parting brings back what was there before.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import bindparam, func, or_, select, update
from sqlalchemy.orm import aliased
from sqlmodel import Session, col

from core.errors import NotFound, UserError
from core.models.inbox import Contact
from core.services.intake_rows import chunks
from core.services.team import Actor, Right, audit, require

MOST = 20  # profiles of one person; more is a mistake


@dataclass(frozen=True)
class Merged:
    """Two persons became one. `unmerge` with `moved` takes it back."""

    person_id: int
    moved: tuple[int, ...]  # the contacts that joined


def profiles(session: Session, contact_id: int) -> tuple[Contact, ...]:
    """A contact and all who are the same person, the oldest first. One statement. Raises `NotFound`."""
    asked = aliased(Contact)
    person = func.coalesce(col(asked.person_id), col(asked.id))
    found = session.execute(
        select(Contact)
        .join(asked, or_(col(Contact.id) == person, col(Contact.person_id) == person))
        .where(col(asked.id) == contact_id)
        .order_by(col(Contact.id))
    )
    rows = tuple(found.scalars())
    if not rows:
        raise NotFound("This contact isn't there any more.")
    return rows


def merge(session: Session, actor: Actor, one_id: int, other_id: int) -> Merged:
    """These two are one person from now on, with everybody they were one with before."""
    require(actor, Right.ANSWER)
    one, other = _ids(session, one_id), _ids(session, other_id)
    if set(one) & set(other):
        raise UserError("These two are one person already.")
    if len(one) + len(other) > MOST:
        raise UserError(f"One person has up to {MOST} profiles here. Part some that don't belong together first.")
    older, younger = sorted((one, other), key=min)
    _group(session, [(*older, *younger)])
    audit(session, actor, "contact.merge", f"contact:{min(older)}", ", ".join(f"contact:{key}" for key in younger))
    return Merged(min(older), younger)


def unmerge(session: Session, actor: Actor, contact_ids: Collection[int]) -> int:
    """Part these from the person they belong to; they stay one with each other. Gives how many went.

    Contacts that don't belong to that person (any more) are passed over. Raises `UserError` when nobody is left to
    part.
    """
    require(actor, Right.ANSWER)
    if not contact_ids:
        raise UserError("Say which profile is somebody else's.")
    together = _ids(session, min(contact_ids))
    going = tuple(key for key in together if key in contact_ids)
    staying = tuple(key for key in together if key not in going)
    if not staying:
        raise UserError("This profile isn't merged with another one any more.")
    _group(session, [going, staying])
    audit(session, actor, "contact.unmerge", f"contact:{staying[0]}", ", ".join(f"contact:{key}" for key in going))
    return len(going)


def leave(session: Session, going: Sequence[int]) -> None:
    """Call it before contacts are deleted: whoever was one person with them stays one person."""
    persons: set[int] = set()
    for some in chunks(going):
        found = select(col(Contact.person_id)).where(col(Contact.id).in_(some), col(Contact.person_id).is_not(None))
        persons.update(key for key in session.execute(found).scalars() if key is not None)
    staying: dict[int, list[int]] = {}
    for many in chunks(sorted(persons)):
        rows: Any = session.execute(
            select(col(Contact.person_id), col(Contact.id)).where(col(Contact.person_id).in_(many))
        )
        for person_id, key in rows:
            staying.setdefault(person_id, []).append(key)
    gone = set(going)
    _group(session, [[key for key in keys if key not in gone] for keys in staying.values()])


def _ids(session: Session, contact_id: int) -> tuple[int, ...]:
    """The person's contacts, held until the transaction ends: nobody joins or parts them meanwhile."""
    ids = [row.id for row in profiles(session, contact_id)]
    held = select(col(Contact.id)).where(col(Contact.id).in_(ids)).order_by(col(Contact.id)).with_for_update()
    return tuple(session.execute(held).scalars())


def _group(session: Session, persons: Sequence[Sequence[int]]) -> None:
    """Each of these is one person, or a contact by itself."""
    rows = [{"key": key, "person": min(keys) if len(keys) > 1 else None} for keys in persons for key in keys]
    if not rows:
        return
    session.flush()
    table: Any = Contact.__table__  # type: ignore[attr-defined]
    session.execute(update(table).where(table.c.id == bindparam("key")).values(person_id=bindparam("person")), rows)
    for row in list(session.identity_map.values()):
        if isinstance(row, Contact):
            session.expire(row)
