"""Taking back what was decided about conversations, where nobody changed it since. Deciding is `inbox_handling.py`."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import bindparam, delete, select, update
from sqlmodel import Session, col

from core.db import upsert
from core.models.inbox import Conversation, ConversationState
from core.models.inbox_work import ConversationLabel
from core.models.team import Notice
from core.services import labels, service_time
from core.services.notices import NoticeKind
from core.services.team import Actor, Right, audit, require

_Values = tuple[Any, ...]


@dataclass(frozen=True)
class Undo:
    """What a change did, so that it can be taken back. `had`: each changed conversation with what it had before.

    `done` is a sentence for people. Columns are named in `fields`, `left` is what they hold since; for a label
    `label_id` says which and `labelled` whether it was put on or taken off.
    """

    action: str  # as in the audit trail
    done: str
    fields: tuple[str, ...] = ()
    left: _Values = ()
    had: tuple[tuple[int, _Values], ...] = field(default=(), repr=False)
    label_id: int | None = None
    labelled: bool = False

    @property
    def ids(self) -> tuple[int, ...]:
        """The conversations that were changed."""
        return tuple(key for key, _ in self.had)


def undo(session: Session, actor: Actor, change: Undo) -> int:
    """Take a change back, where everything is still as it left it: what somebody did since stays. Gives how many."""
    require(actor, Right.ANSWER)
    if not change.had:
        return 0
    if change.label_id is None:
        back = _undo_values(session, actor, change)
    else:
        back = _undo_label(session, change, change.label_id)
    if back:
        note(session, actor, "conversation.undo", back, change.action)
    return len(back)


def put_label(session: Session, ids: Sequence[int], label_id: int, labelled: bool) -> None:
    """Put it on these conversations, or take it off; without ids nothing."""
    if not ids:
        return
    if labelled:
        missing = upsert(session, ConversationLabel.__table__).on_conflict_do_nothing()  # type: ignore[attr-defined]
        session.execute(missing, [{"conversation_id": key, "label_id": label_id} for key in ids])
        return
    session.execute(
        delete(ConversationLabel)
        .where(col(ConversationLabel.label_id) == label_id, col(ConversationLabel.conversation_id).in_(ids))
        .execution_options(synchronize_session=False)
    )


def note(session: Session, actor: Actor, action: str, ids: Sequence[int], detail: str) -> None:
    """One line in the audit trail, however many conversations it is about."""
    one = len(ids) == 1
    target = f"conversation:{ids[0]}" if one else f"{len(ids)} conversations"
    listed = "" if one else f" · {', '.join(map(str, ids))}"
    audit(session, actor, action, target, f"{detail}{listed}")


def measure(session: Session, actor: Actor, moved: Sequence[tuple[int, ConversationState, ConversationState]]) -> None:
    """Service time of conversations that went from one state to another: begun anew, or ended."""
    resolved = ConversationState.RESOLVED
    if left := [key for key, before, after in moved if before == resolved != after]:
        service_time.forget_resolution(session, left)
    if entered := [key for key, before, after in moved if before != resolved == after]:
        service_time.note_resolution(session, actor, entered)


def forget(session: Session) -> None:
    """What the session holds of conversations is read anew: it was changed behind its back."""
    for row in list(session.identity_map.values()):
        if isinstance(row, Conversation):
            session.expire(row)


def _undo_values(session: Session, actor: Actor, change: Undo) -> list[int]:
    columns = [getattr(Conversation, name) for name in change.fields]
    rows = session.execute(
        select(col(Conversation.id), *columns)
        .where(col(Conversation.id).in_(change.ids))
        .order_by(col(Conversation.id))
        .with_for_update(of=Conversation)
    )
    still = {row[0] for row in rows if tuple(row[1:]) == change.left}
    back = [(key, values) for key, values in change.had if key in still]
    if not back:
        return []
    table: Any = Conversation.__table__  # type: ignore[attr-defined]
    session.execute(
        update(table)
        .where(table.c.id == bindparam("key"))
        .values({name: bindparam(f"old_{name}") for name in change.fields}),
        [
            {"key": key} | {f"old_{name}": old for name, old in zip(change.fields, values, strict=True)}
            for key, values in back
        ],
    )
    forget(session)
    ids = [key for key, _ in back]
    if "state" in change.fields:
        state = change.fields.index("state")
        measure(session, actor, [(key, change.left[state], values[state]) for key, values in back])
    _unsay(session, change, ids)
    return ids


def _unsay(session: Session, change: Undo, ids: Sequence[int]) -> None:
    """Nobody is told of an assignment that was taken back before they read of it."""
    member_id = dict(zip(change.fields, change.left, strict=True)).get("assignee_id")
    if member_id is None:
        return
    session.execute(
        delete(Notice)
        .where(
            col(Notice.member_id) == member_id,
            col(Notice.kind) == NoticeKind.ASSIGNED.value,
            col(Notice.target).in_([f"conversation:{key}" for key in ids]),
            col(Notice.read_at).is_(None),
        )
        .execution_options(synchronize_session=False)
    )


def _undo_label(session: Session, change: Undo, label_id: int) -> list[int]:
    """Where it is still on (or off), it goes off (or on) again; a label that was deleted since stays so."""
    on = select(col(ConversationLabel.conversation_id)).where(
        col(ConversationLabel.label_id) == label_id, col(ConversationLabel.conversation_id).in_(change.ids)
    )
    if change.labelled:
        back = sorted(session.execute(on).scalars())
    else:
        there = any(row.id == label_id for row in labels.labels(session, counted=False))
        off = select(col(Conversation.id)).where(col(Conversation.id).in_(change.ids), ~col(Conversation.id).in_(on))
        back = sorted(session.execute(off).scalars()) if there else []
    put_label(session, back, label_id, not change.labelled)
    return back
