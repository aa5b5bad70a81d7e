"""Rows of the editable plan: what changing them would do (tried and taken back), and doing it; each row by itself.

Two people may edit one table. A cell is compared three ways: as it stood when the edit began, as it stands now, and as
it shall be. What only one of them changed is merged; where both changed a cell, the second sees both and decides.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from sqlmodel import Session

from core import db
from core.errors import NotFound, UserError
from core.models.planning import Post, PostState
from core.services import plan_board, planning
from core.services.plan_list import PlanRow, rows_by_id
from core.services.planning import Changes
from core.services.team import Actor

CELLS = ("title", "text", "channel_ids", "planned_at", "campaign", "state")
BY_HAND = (
    PostState.IDEA,
    PostState.DRAFT,
    PostState.IN_REVIEW,
    PostState.APPROVED,
    PostState.SCHEDULED,
    PostState.CANCELLED,
)
AT_ONCE = 25  # rows tried in one transaction
GONE = "It isn't in the plan any more: somebody has deleted it. Throw this change away, or write it as a new row."


@dataclass(frozen=True)
class RowEdit:
    """What shall become of a row: `cells` (of CELLS) to their new values. `base` None: a new row; `delete`: none."""

    base: PlanRow | None
    cells: Mapping[str, Any] = field(default_factory=dict)
    delete: bool = False


@dataclass(frozen=True)
class Clash:
    """A cell that somebody else changed, too: as it stood, theirs, and mine."""

    cell: str
    before: Any
    theirs: Any
    mine: Any


@dataclass(frozen=True)
class Verdict:
    """What a change would do, or did. `problem` keeps it from being saved; `notes` are worth a second look.

    `clashes` are to be decided; `now` is the row as it stands, to decide against. `post_id` once a new row is saved.
    """

    problem: str = ""
    notes: tuple[str, ...] = ()
    clashes: tuple[Clash, ...] = ()
    now: PlanRow | None = None
    post_id: int | None = None
    kept_as_draft: bool = False

    @property
    def good(self) -> bool:
        """Whether it can be saved, or was."""
        return not self.problem and not self.clashes


class _TakenBack(Exception):
    pass


def check_rows(actor: Actor, edits: Mapping[str, RowEdit]) -> dict[str, Verdict]:
    """What saving these would do, by the keys they were given under. Everything is tried, and nothing is kept."""
    verdicts: dict[str, Verdict] = {}
    for some in _batches(edits):  # nobody who wants to write waits for long
        try:
            with db.write() as session:
                now = _standing(session, dict(some))
                for key, edit in some:
                    verdicts[key] = _tried(session, actor, edit, now)
                raise _TakenBack
        except _TakenBack:
            pass
    return verdicts


def _batches(edits: Mapping[str, RowEdit]) -> Iterator[list[tuple[str, RowEdit]]]:
    waiting = list(edits.items())
    for start in range(0, len(waiting), AT_ONCE):
        yield waiting[start : start + AT_ONCE]


def save_rows(actor: Actor, edits: Mapping[str, RowEdit]) -> dict[str, Verdict]:
    """Save what can be saved, each row in a transaction of its own; by the keys they were given under.

    A new row that can't be scheduled is kept as a draft: what was typed isn't lost.
    """
    verdicts: dict[str, Verdict] = {}
    for key, edit in edits.items():
        try:
            with db.write() as session:
                verdict = _judged(session, actor, edit, _standing(session, {key: edit}))
                verdicts[key] = verdict
                if not verdict.good:
                    raise _TakenBack
        except _TakenBack:
            pass
        except UserError as error:
            verdicts[key] = _second_try(actor, edit, Verdict(str(error)))
    return verdicts


def _second_try(actor: Actor, edit: RowEdit, refused: Verdict) -> Verdict:
    if edit.base is not None or "state" not in edit.cells:
        return refused
    plain = replace(edit, cells={name: value for name, value in edit.cells.items() if name != "state"})
    try:
        with db.write() as session:
            kept = _judged(session, actor, plain, {})
    except UserError:
        return refused
    return replace(refused, post_id=kept.post_id, kept_as_draft=True)


def _standing(session: Session, edits: Mapping[str, RowEdit]) -> dict[int, PlanRow]:
    ids = [edit.base.id for edit in edits.values() if edit.base is not None]
    return {row.id: row for row in rows_by_id(session, ids)} if ids else {}


def _tried(session: Session, actor: Actor, edit: RowEdit, now: Mapping[int, PlanRow]) -> Verdict:
    """One row within a try of many: its changes are taken back, the others' stay unseen by it."""
    attempt = session.begin_nested()
    try:
        return _judged(session, actor, edit, now)
    except UserError as error:
        return Verdict(str(error))
    finally:
        attempt.rollback()
        session.expire_all()


def _judged(session: Session, actor: Actor, edit: RowEdit, now: Mapping[int, PlanRow]) -> Verdict:
    """Do it in this session. Raises `UserError` with what is wrong."""
    if edit.base is None:
        return _add(session, actor, edit.cells)
    row = now.get(edit.base.id)
    if row is None:
        raise NotFound(GONE)
    if edit.delete:
        if row.version != edit.base.version and row != edit.base:
            raise UserError("Somebody else has changed this row meanwhile. Look at it again before you delete it.")
        planning.delete_post(session, actor, row.id)
        return Verdict()
    clashes = _clashes(edit, row)
    if clashes:
        return Verdict(clashes=clashes, now=row)
    return Verdict(notes=_change(session, actor, row, edit.cells))


def _clashes(edit: RowEdit, now: PlanRow) -> tuple[Clash, ...]:
    assert edit.base is not None
    found = []
    for cell, mine in edit.cells.items():
        before, theirs = getattr(edit.base, cell), getattr(now, cell)
        if theirs not in (before, mine) and not _same(theirs, mine):
            found.append(Clash(cell, before, theirs, mine))
    return tuple(found)


def _same(one: Any, other: Any) -> bool:
    """Channels have no order."""
    return isinstance(one, tuple) and isinstance(other, tuple) and set(one) == set(other)


def _change(session: Session, actor: Actor, row: PlanRow, cells: Mapping[str, Any]) -> tuple[str, ...]:
    wanted = {name: value for name, value in cells.items() if name != "state"}
    state: PostState | None = cells.get("state")
    if state is not None and state is not row.state and state not in BY_HAND:
        raise UserError("That state can't be set by hand: it follows from what happens on the channels.")
    moves = state is not None and state is not row.state
    first = moves and row.state is PostState.SCHEDULED  # else it would have to be fit to go out as it is changed
    if first and state is not None:
        _move(session, actor, row.id, state, row.planned_at)
    if wanted:
        version = session.get_one(Post, row.id).version
        planning.save_post(session, actor, row.id, version, _changes(wanted))
    if first or not moves or state is None:
        return ()
    return _move(session, actor, row.id, state, wanted.get("planned_at", row.planned_at))


def _move(session: Session, actor: Actor, post_id: int, state: PostState, at: datetime | None) -> tuple[str, ...]:
    if state is PostState.CANCELLED:
        planning.cancel_post(session, actor, post_id)
        return ()
    if state is PostState.SCHEDULED and at is None:
        raise UserError("Say when it goes out before you schedule it.")
    standing = session.get_one(Post, post_id).state  # a change of its text may have taken it back into review
    if standing is state:
        return ()
    if standing is PostState.CANCELLED and state in (PostState.IDEA, PostState.DRAFT):
        planning.set_idea(session, actor, post_id, state is PostState.IDEA)
        return ()
    if standing is PostState.CANCELLED and state is PostState.SCHEDULED and at is not None:
        return planning.schedule_post(session, actor, post_id, at)
    return plan_board.move_card(session, actor, post_id, standing, state).notes


def _changes(cells: Mapping[str, Any]) -> Changes:
    return Changes(
        title=cells.get("title"),
        text=cells.get("text"),
        channel_ids=cells.get("channel_ids"),
        planned_at=cells.get("planned_at"),
        no_time="planned_at" in cells and cells["planned_at"] is None,
        campaign=cells.get("campaign"),
    )


def _add(session: Session, actor: Actor, cells: Mapping[str, Any]) -> Verdict:
    state: PostState = cells.get("state") or PostState.DRAFT
    if state not in BY_HAND:
        raise UserError("That state can't be set by hand: it follows from what happens on the channels.")
    post_id = planning.create_post(
        session,
        actor,
        title=cells.get("title") or "",
        text=cells.get("text") or "",
        channel_ids=cells.get("channel_ids") or (),
        planned_at=cells.get("planned_at"),
        campaign=cells.get("campaign") or "",
        idea=state is PostState.IDEA,
    )
    notes = (
        ()
        if state in (PostState.IDEA, PostState.DRAFT)
        else _move(session, actor, post_id, state, cells.get("planned_at"))
    )
    return Verdict(notes=notes, post_id=post_id)


def decided(edit: RowEdit, now: PlanRow, cell: str, mine: bool) -> RowEdit:
    """The same edit after somebody decided about a clash: mine shall stand, or theirs stays."""
    assert edit.base is not None
    if mine:
        return replace(edit, base=replace(edit.base, **{cell: getattr(now, cell)}))
    return replace(edit, cells={name: value for name, value in edit.cells.items() if name != cell})


def changed_meanwhile(session: Session, bases: Sequence[PlanRow]) -> bool:
    """Whether any of these rows isn't as it was any more. Two statements."""
    now = {row.id: row for row in rows_by_id(session, [row.id for row in bases])}
    return any(now.get(base.id) is None or now[base.id].version != base.version for base in bases)
