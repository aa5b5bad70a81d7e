"""The team's labels: which there are, what they look like, what they are on.

Putting them on conversations is `inbox_handling.py`, on contacts `contacts.py`.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import func, literal, select
from sqlmodel import Session, col

from core.errors import NotFound, UserError
from core.models.inbox_work import ContactLabel, ConversationLabel, Label
from core.services.intake_rows import chunks
from core.services.team import Actor, Right, audit, require

COLORS = ("gray", "blue", "green", "yellow", "orange", "red", "violet")  # as Streamlit names them
NAME_LENGTH = 40  # characters
MOST = 200  # more are no order any more


@dataclass(frozen=True)
class LabelRow:
    """A label. `used` and `contacts`: on how many it is; only `labels` counts, elsewhere they are 0."""

    id: int
    name: str
    color: str
    used: int = 0
    contacts: int = 0


def labels(session: Session, counted: bool = True) -> tuple[LabelRow, ...]:
    """All labels by name, with how many conversations and contacts carry them unless not `counted`. One statement."""
    on_talks = _count(ConversationLabel) if counted else literal(0)
    on_people = _count(ContactLabel) if counted else literal(0)
    rows: Any = session.execute(select(Label.id, Label.name, Label.color, on_talks, on_people))  # type: ignore[call-overload]
    return tuple(sorted((LabelRow(*row) for row in rows), key=_by_name))


def labels_of(session: Session, conversation_ids: Sequence[int]) -> dict[int, tuple[LabelRow, ...]]:
    """The labels of these conversations by name; those without any are left out. One statement (a chunk)."""
    found: dict[int, list[LabelRow]] = {}
    for some in chunks(conversation_ids):
        rows: Any = session.execute(
            select(ConversationLabel.conversation_id, Label.id, Label.name, Label.color)  # type: ignore[call-overload]
            .join(Label, col(Label.id) == col(ConversationLabel.label_id))
            .where(col(ConversationLabel.conversation_id).in_(some))
        )
        for conversation_id, *label in rows:
            found.setdefault(conversation_id, []).append(LabelRow(*label))
    return {key: tuple(sorted(rows, key=_by_name)) for key, rows in found.items()}


def label(session: Session, label_id: int) -> LabelRow:
    """One label. Raises `NotFound`."""
    row = _label(session, label_id)
    return LabelRow(row.id, row.name, row.color)


def label_named(session: Session, name: str) -> LabelRow:
    """The label with this name, in whatever case. Raises `NotFound`."""
    for row in labels(session, counted=False):
        if row.name.casefold() == _tidy(name).casefold():
            return row
    raise NotFound(f"There is no label “{_tidy(name)}”. See: label list.")


def create_label(session: Session, actor: Actor, name: str, color: str = COLORS[0]) -> int:
    """Add a label; gives its number. Raises `UserError` for a bad or taken name."""
    require(actor, Right.ANSWER)
    there = labels(session, counted=False)
    if len(there) >= MOST:
        raise UserError(f"There are {MOST} labels already. Delete one that nobody needs first.")
    row = Label(name=_free_name(there, name), color=_known_color(color))
    session.add(row)
    session.flush()
    audit(session, actor, "label.add", f"label:{row.id}", row.name)
    return row.id


def rename_label(session: Session, actor: Actor, label_id: int, name: str) -> None:
    """Another name for a label; it stays wherever it is on."""
    require(actor, Right.ANSWER)
    row = _label(session, label_id)
    wanted = _free_name(labels(session, counted=False), name, besides=label_id)
    if wanted != row.name:
        audit(session, actor, "label.rename", f"label:{label_id}", f"{row.name} → {wanted}")
        row.name = wanted
        session.flush()


def recolor_label(session: Session, actor: Actor, label_id: int, color: str) -> None:
    """Another colour for a label, one of `COLORS`."""
    require(actor, Right.ANSWER)
    row = _label(session, label_id)
    if row.color != _known_color(color):
        row.color = color
        audit(session, actor, "label.color", f"label:{label_id}", color)
        session.flush()


def delete_label(session: Session, actor: Actor, label_id: int) -> int:
    """Delete a label, everywhere; gives how many conversations it was on."""
    require(actor, Right.ANSWER)
    row = _label(session, label_id)
    on = select(func.count()).select_from(ConversationLabel).where(col(ConversationLabel.label_id) == label_id)
    used = int(session.execute(on).scalar_one())
    audit(session, actor, "label.delete", f"label:{label_id}", f"{row.name}, on {used} conversations")
    session.delete(row)
    session.flush()
    return used


def _count(links: type[ConversationLabel] | type[ContactLabel]) -> Any:
    on = select(func.count()).select_from(links).where(col(links.label_id) == col(Label.id))
    return on.correlate(Label).scalar_subquery()


def _label(session: Session, label_id: int) -> Label:
    row = session.get(Label, label_id)
    if row is None:
        raise NotFound("This label isn't there any more.")
    return row


def _by_name(row: LabelRow) -> tuple[str, int]:
    return row.name.casefold(), row.id


def _tidy(name: str) -> str:
    return " ".join(name.replace("\x00", "").split())


def _free_name(there: Sequence[LabelRow], name: str, besides: int | None = None) -> str:
    tidy = _tidy(name)
    if not tidy:
        raise UserError("Give the label a name.")
    if len(tidy) > NAME_LENGTH:
        raise UserError(f"The name is {len(tidy) - NAME_LENGTH} characters too long. Shorten it.")
    for row in there:
        if row.id != besides and row.name.casefold() == tidy.casefold():
            raise UserError(f"There already is a label “{row.name}”.")
    return tidy


def _known_color(color: str) -> str:
    if color not in COLORS:
        raise UserError(f"There is no label colour “{color}”. Take one of: {', '.join(COLORS)}.")
    return color
