"""People whom posts name: `@[Lena Fuchs]` becomes the handle she has on each network, or her plain name.

The team keeps the list; a contact of the inbox can be taken over with all profiles that were merged. Whether a handle
still leads to somebody is seen by the network when the post goes out.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import func, select
from sqlmodel import Session, col

from core import db
from core.connectors.registry import connector_class
from core.errors import NotFound, UserError
from core.models.planning_sources import NamedPerson
from core.services.contact_people import profiles
from core.services.team import Actor, Right, audit, require

NAME_LENGTH = 80  # characters
GONE = "This person isn't in the list any more."
NAMED = re.compile(r"@\[([^\[\]\n]{1,120})\]")
_HANDLE = re.compile(r"[\w.-]+(?:@[\w.-]+\w(?::\d+)?)?")
_JOINER = "\u2060"  # of no width: parts a handle from the letters typed right behind it ("@[Lena]s")

People = Mapping[str, Mapping[str, str]]
"""Folded name (`folded`) to network to handle, without @."""


@dataclass(frozen=True)
class PersonRow:
    """A person and their handles: network to handle, without @."""

    id: int
    name: str
    handles: Mapping[str, str]
    updated_at: datetime

    @property
    def written(self) -> str:
        """As it stands in a text."""
        return f"@[{self.name}]"


# --- in texts: pure ---------------------------------------------------------------------------------------------------


def folded(name: str) -> str:
    """What a name is found by: without case and spare blanks."""
    return " ".join(name.split()).casefold()


def names_in(*texts: str) -> list[str]:
    """Whom these texts name, in reading order, each once."""
    found = {folded(name): " ".join(name.split()) for text in texts for name in NAMED.findall(text)}
    return list(found.values())


def with_handles(text: str, network: str, people: People) -> str:
    """The text as it reads on that network: a handle where the person has one there, else the plain name."""

    def put(match: re.Match[str]) -> str:
        name = " ".join(match.group(1).split())
        handle = people.get(folded(name), {}).get(network)
        if not handle:
            return name
        behind = text[match.end() : match.end() + 1]
        return f"@{handle}{_JOINER if behind.isalnum() or behind in {'_', '@'} else ''}"

    return NAMED.sub(put, text)


def unknown(names: Iterable[str], people: People) -> list[str]:
    """Those nobody has put into the list."""
    return [name for name in names if folded(name) not in people]


# --- reading ----------------------------------------------------------------------------------------------------------


def people(session: Session, search: str = "") -> list[PersonRow]:
    """Everybody by name, or those whose name or handle holds each word of `search`. One statement."""
    rows = session.execute(select(NamedPerson).order_by(func.lower(col(NamedPerson.name)), col(NamedPerson.id)))
    return found_in([_row(row) for row in rows.scalars()], search)


def found_in(rows: Iterable[PersonRow], search: str) -> list[PersonRow]:
    """Those whose name or handles hold every word of `search`, in whatever case."""
    words = folded(search).split()
    return [row for row in rows if all(word in folded(" ".join([row.name, *row.handles.values()])) for word in words)]


def known(session: Session, names: Sequence[str]) -> People:
    """What is known of these names; asks the database once, and not at all without names."""
    if not names:
        return {}
    wanted = {folded(name) for name in names}
    rows = session.execute(select(col(NamedPerson.name), col(NamedPerson.handles)))
    return {folded(name): handles or {} for name, handles in rows if folded(name) in wanted}


def person_named(session: Session, name: str) -> PersonRow:
    """The person of this name. Raises `NotFound`."""
    found = next((row for row in people(session) if folded(row.name) == folded(name)), None)
    if found is None:
        raise NotFound(f"Nobody in the list is called “{name}”.")
    return found


# --- changing ---------------------------------------------------------------------------------------------------------


def create_person(session: Session, actor: Actor, name: str, handles: Mapping[str, str]) -> int:
    """Put a person into the list; gives their number. Raises `UserError` for what is missing, wrong or there."""
    require(actor, Right.PLAN)
    row = NamedPerson(name=_name(session, None, name), handles=_handles(handles))
    session.add(row)
    session.flush()
    audit(session, actor, "person.add", f"person:{row.id}")
    return row.id


def change_person(session: Session, actor: Actor, person_id: int, name: str, handles: Mapping[str, str]) -> None:
    """Another name, or other handles. Posts that are not out yet take them; their texts keep the name they were
    written with."""
    require(actor, Right.PLAN)
    row = _stored(session, person_id)
    row.name, row.handles, row.updated_at = _name(session, person_id, name), _handles(handles), db.utc_now()
    audit(session, actor, "person.change", f"person:{person_id}")


def delete_person(session: Session, actor: Actor, person_id: int) -> None:
    """Take a person off the list. Posts that name them say the plain name from then on."""
    require(actor, Right.PLAN)
    session.delete(_stored(session, person_id))
    audit(session, actor, "person.delete", f"person:{person_id}")


def person_from_contact(session: Session, actor: Actor, contact_id: int) -> int:
    """Take a contact over, with the handles of everybody who is the same person; who is there gets what they lack."""
    require(actor, Right.PLAN)
    rows = profiles(session, contact_id)
    handles: dict[str, str] = {}
    for row in rows:
        if row.handle and row.network not in handles:
            handles[row.network] = row.handle
    asked = next((row for row in rows if row.id == contact_id), rows[0])
    name = re.sub(r"[\[\]]", "", asked.name or asked.handle.lstrip("@"))[:NAME_LENGTH]
    there = next((row for row in people(session) if folded(row.name) == folded(name)), None)
    if there is None:
        return create_person(session, actor, name, handles)
    change_person(session, actor, there.id, there.name, {**handles, **there.handles})
    return there.id


def bare(handle: str) -> str:
    """A handle as it is kept: without @ in front, blanks, or the address of a profile around it."""
    return re.sub(r"[\s\u2060\u200b]", "", handle).removeprefix("@").rstrip("/")


def _handles(given: Mapping[str, str]) -> dict[str, str]:
    """Those that were given, each as its network writes them. Raises `UserError` with an example for a wrong one."""
    kept = {network: bare(handle) for network, handle in given.items() if bare(handle)}
    if not kept:
        raise UserError("Give at least one handle, so that the name becomes a mention somewhere.")
    for network, handle in kept.items():
        can = connector_class(network).capabilities
        example = can.handle_example
        like = handle.count("@") == example.count("@") and "." in handle.rpartition("@")[2]
        if not _HANDLE.fullmatch(handle) or (example and not like):
            raise UserError(f"“{handle}” is no handle on {can.label}. They look like {example or 'name'}.")
    return kept


def _name(session: Session, person_id: int | None, name: str) -> str:
    name = " ".join(name.split())
    if not name:
        raise UserError("Give the name as it should stand in posts.")
    if len(name) > NAME_LENGTH:
        raise UserError(f"The name is {len(name) - NAME_LENGTH} characters too long. Shorten it.")
    if set("[]") & set(name):
        raise UserError("A name can't hold square brackets: they mark its end in a text.")
    if any(folded(row.name) == folded(name) and row.id != person_id for row in people(session)):
        raise UserError(f"“{name}” is in the list already. Change that entry, or tell the two apart by their names.")
    return name


def _stored(session: Session, person_id: int) -> NamedPerson:
    row = session.get(NamedPerson, person_id)
    if row is None:
        raise NotFound(GONE)
    return row


def _row(row: NamedPerson) -> PersonRow:
    return PersonRow(row.id, row.name, dict(row.handles or {}), row.updated_at)
