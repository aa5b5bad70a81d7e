"""What somebody changed in the table of the plan and hasn't saved yet. Holds and saves it; draws nothing.

An editor's edits name rows by their place. So what it shows is frozen while it holds edits (`drawn`), and edits are
folded into `cells`, which names posts by their number, before anything else is shown: another filter, another view, or
what is left after saving. New rows get numbers below zero until they are saved.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from sqlmodel import Session

from core import db
from core.errors import UserError
from core.models.planning import PostState
from core.services import planning
from core.services.channels import ChannelRow
from core.services.plan_drafts import local_to_utc
from core.services.planning import Changes, Conflict, PlanRow
from core.services.team import Actor
from core.ui.plan_words import POSTS

WORDS = {state: word for state, (word, _, _) in POSTS.items()}
STATES = {word: state for state, word in WORDS.items()}
BY_HAND = (PostState.IDEA, PostState.DRAFT, PostState.SCHEDULED, PostState.CANCELLED)

Cells = dict[str, Any]


@dataclass(frozen=True)
class Names:
    """Channels by the name shown in the table, and back: their name, and the handle too where two share a name."""

    by_id: dict[int, str]

    @classmethod
    def of(cls, channels: Sequence[ChannelRow]) -> "Names":
        """Names for the connected channels."""
        short = [channel.name or channel.handle for channel in channels]
        return cls(
            {
                channel.id: name if short.count(name) == 1 else f"{name} {channel.handle}"
                for channel, name in zip(channels, short, strict=True)
            }
        )

    def ids(self, names: Sequence[str] | None) -> tuple[int, ...]:
        """Numbers of the named channels. Raises `UserError` for one that isn't connected."""
        known = {name: number for number, name in self.by_id.items()}
        for name in names or ():
            if name not in known:
                raise UserError(f"“{name}” isn't connected. Choose channels from the list.")
        return tuple(known[name] for name in names or ())


@dataclass
class PlanWork:
    """Unsaved changes of one browser tab. `round` counts editors: a new one begins without edits."""

    rows: dict[int, PlanRow] = field(default_factory=dict)  # changed posts as they were when they were changed
    cells: dict[int, Cells] = field(default_factory=dict)
    gone: dict[int, PlanRow] = field(default_factory=dict)  # posts to be deleted
    drawn: tuple[PlanRow, ...] = ()
    view: Any = None
    edits: Mapping[str, Any] = field(default_factory=dict)
    told: list[str] = field(default_factory=list)  # why rows could not be saved
    round: int = 0

    @property
    def is_edited(self) -> bool:
        """Whether the editor on the page holds edits."""
        return any(self.edits.values())

    @property
    def ids(self) -> list[int]:
        """The number of each row drawn, new ones last."""
        return [*(row.id for row in self.drawn), *self.added]

    @property
    def added(self) -> list[int]:
        """New rows that an earlier editor left, in the order they were added."""
        return sorted((number for number in self.cells if number < 0), reverse=True)

    @property
    def unsaved(self) -> int:
        """How many rows wait to be saved, deletions included. Call it when no edits are held."""
        return len(self.cells) + len(self.gone)

    def show(self, rows: Sequence[PlanRow], view: Any, edits: Mapping[str, Any] | None) -> None:
        """Before drawing: keep what the editor holds (`edits`; None: it wasn't drawn), or take fresh rows."""
        left = edits is None or view != self.view
        self.edits = self.edits if edits is None else edits
        if self.is_edited and left:
            self.fold()
        if not self.is_edited:
            self.drawn = tuple(row for row in rows if row.id not in self.gone)
            self.view = view

    def fold(self) -> None:
        """From the editor's edits, by place, to changes by post."""
        ids, by_id = self.ids, {row.id: row for row in self.drawn}
        for place, cells in self.edits.get("edited_rows", {}).items():
            number = ids[int(place)]
            self.cells.setdefault(number, {}).update(_plain(cells))
            if number > 0:
                self.rows.setdefault(number, by_id[number])
        for place in self.edits.get("deleted_rows", ()):
            self.cells.pop(ids[place], None)
            if ids[place] > 0:
                self.gone[ids[place]] = by_id[ids[place]]
        for cells in self.edits.get("added_rows", ()):
            if any(value for value in cells.values()):
                self.cells[min([0, *self.cells]) - 1] = _plain(cells)
        self.edits = {}
        self.round += 1

    def drop(self) -> None:
        """Throw away all that isn't saved."""
        self.rows, self.cells, self.gone, self.edits, self.told = {}, {}, {}, {}, []
        self.round += 1

    def save(self, actor: Actor, names: Names, zone: ZoneInfo) -> int:
        """Save each row by itself; gives how many. What could not be saved stays, and `told` says why."""
        self.fold()
        self.told = []
        saved = 0
        for number, cells in sorted(self.cells.items()):
            if number < 0:
                done = self._try(number, lambda s, c=cells: add_row(s, actor, c, names, zone))
            else:
                row = self.rows[number]
                done = self._try(number, lambda s, r=row, c=cells: save_row(s, actor, r, c, names, zone))
            if done:
                del self.cells[number]
                self.rows.pop(number, None)
                saved += 1
        for number in list(self.gone):
            saved += self._try(number, lambda s, i=number: planning.delete_post(s, actor, i))
            del self.gone[number]  # one that stays in the plan is shown again
        return saved

    def _try(self, number: int, change: Callable[[Session], None]) -> bool:
        try:
            with db.write() as session:
                change(session)
        except Conflict as error:
            # Saving once more is then meant: against the version that is there now.
            self.rows[number] = replace(self.rows[number], version=error.version)
            self.told.append(f"{self._name(number)}: {error} Its text now: “{error.theirs}”")
        except UserError as error:
            self.told.append(f"{self._name(number)}: {error}")
        else:
            return True
        return False

    def _name(self, number: int) -> str:
        row = self.rows.get(number) or self.gone.get(number)
        typed = self.cells.get(number, {})
        title = typed.get("title") or typed.get("text") or (row.title or row.text if row else "")
        return f"“{title[:60]}”" if title else "New row" if number < 0 else f"Post {number}"


def _plain(cells: Mapping[str, Any]) -> Cells:
    """An editor's values as the table's own: times come as text."""
    return {name: _local(value) if name == "when" else value for name, value in cells.items()}


def _local(value: Any) -> datetime | None:
    if not value or isinstance(value, datetime):
        return value or None
    return datetime.fromisoformat(str(value).removesuffix("Z")).replace(tzinfo=None)


def _moment(cells: Cells, zone: ZoneInfo) -> datetime | None:
    local = _local(cells.get("when"))
    return local_to_utc(local, zone)[0] if local else None


def save_row(session: Session, actor: Actor, row: PlanRow, cells: Cells, names: Names, zone: ZoneInfo) -> None:
    """The changed cells of a post, and its new state if that was changed."""
    at = _moment(cells, zone)
    wanted = _wanted(row.state, cells)
    changes = Changes(
        title=(cells["title"] or "") if "title" in cells else None,
        text=(cells["text"] or "") if "text" in cells else None,
        channel_ids=names.ids(cells["channels"]) if "channels" in cells else None,
        planned_at=at,
        no_time="when" in cells and at is None,
        campaign=(cells["campaign"] or "") if "campaign" in cells else None,
    )
    if wanted in (PostState.IDEA, PostState.DRAFT) and row.state not in (PostState.IDEA, PostState.DRAFT):
        planning.unschedule_post(session, actor, row.id)  # first: what becomes a draft needn't be fit to go out
        row = replace(row, version=row.version + 1)
    planning.save_post(session, actor, row.id, row.version, changes)
    if wanted is not None:
        _move(session, actor, row.id, wanted, at if "when" in cells else row.planned_at)


def _wanted(now: PostState, cells: Cells) -> PostState | None:
    wanted = STATES.get(cells.get("state") or "")
    if wanted is None or wanted is now:
        return None
    if wanted not in BY_HAND:
        raise UserError(f"“{WORDS[wanted]}” can't be set by hand: it follows from what happens on the channels.")
    return wanted


def _move(session: Session, actor: Actor, post_id: int, wanted: PostState, at: datetime | None) -> None:
    if wanted is PostState.SCHEDULED:
        if at is None:
            raise UserError("Say when it goes out before you schedule it.")
        planning.schedule_post(session, actor, post_id, at)
    elif wanted is PostState.CANCELLED:
        planning.cancel_post(session, actor, post_id)
    else:
        planning.set_idea(session, actor, post_id, wanted is PostState.IDEA)


def add_row(session: Session, actor: Actor, cells: Cells, names: Names, zone: ZoneInfo) -> None:
    """A post from a new row."""
    at = _moment(cells, zone)
    post_id = planning.create_post(
        session,
        actor,
        title=cells.get("title") or "",
        text=cells.get("text") or "",
        channel_ids=names.ids(cells.get("channels")),
        planned_at=at,
        campaign=cells.get("campaign") or "",
        idea=cells.get("state") == WORDS[PostState.IDEA],
    )
    wanted = _wanted(PostState.DRAFT, cells)
    if wanted is not None and wanted is not PostState.IDEA:
        _move(session, actor, post_id, wanted, at)
