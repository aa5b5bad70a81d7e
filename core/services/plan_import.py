"""Rows of a file become posts: judged without a trace, made in few statements, taken back while nobody touched them.

Reading is `plan_files.py` and `plan_columns.py`. Drafts and ideas can't be refused once their cells can be read, so
they are judged here and made many at a time; one with another state is moved there as on the board
(`plan_board.py`), which asks reviews, channels and preflight.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any, TypeVar

from sqlalchemy import delete, insert, or_, select
from sqlmodel import Session, col

from core import db
from core.db import utc_now
from core.errors import UserError
from core.models.channel import ChannelState
from core.models.planning import Delivery, DeliveryState, Post, PostState
from core.models.planning_work import PostVersion
from core.models.team import AuditEntry
from core.services import plan_board, plan_rows, planning
from core.services.channel_list import ChannelRow, channels
from core.services.plan_changes import OUT, ensure_campaign
from core.services.plan_columns import NewRow
from core.services.plan_drafts import NOTHING, PostText, channel_draft, first_error, problems_for
from core.services.team import Actor, Right, audit, require

AT_ONCE = 250  # posts made in one transaction
ORIGIN = "import"
SIMPLE = (PostState.DRAFT, PostState.IDEA)
Tell = Callable[[int, int], object]  # done, of how many
T = TypeVar("T")


@dataclass(frozen=True)
class Opinion:
    """What would become of a row. `problem` keeps it from being imported; `notes` are worth a second look."""

    problem: str = ""
    notes: tuple[str, ...] = ()
    duplicate: str = ""  # where the same text at the same time stands already, as a sentence


@dataclass
class Imported:
    """What an import has made. `drafts`: rows that could not get their state and are drafts now, with the reason."""

    made: dict[int, tuple[int, int]] = field(default_factory=dict)  # row of the file to (post, its version)
    refused: dict[int, str] = field(default_factory=dict)
    drafts: dict[int, str] = field(default_factory=dict)


def judge(
    actor: Actor, rows: Sequence[NewRow], tell: Tell | None = None, earlier: Mapping[int, Opinion] | None = None
) -> dict[int, Opinion]:
    """What would become of these rows, by their number. Nothing is kept; a constant number of statements for drafts.

    `earlier`: what was said of rows that have not changed since; only doubles are looked for again.
    """
    require(actor, Right.PLAN)
    with db.read() as session:
        known = {one.id: one for one in channels(session)}
        doubles = _doubles(session, rows)
    opinions = dict(earlier or {})
    fresh = [row for row in rows if row.number not in opinions]
    opinions |= {row.number: _plain_opinion(row, known) for row in fresh}
    to_try = [row for row in fresh if row.cells["state"] not in SIMPLE and not opinions[row.number].problem]
    for done, some in _batches(to_try, plan_rows.AT_ONCE):
        for number, (problem, notes) in _tried(actor, some).items():
            opinions[number] = Opinion(problem, (*opinions[number].notes, *notes))
        if tell:
            tell(done, len(to_try))
    return {row.number: replace(opinions[row.number], duplicate=doubles.get(row.number, "")) for row in rows}


class _TakenBack(Exception):
    pass


def _tried(actor: Actor, rows: Sequence[NewRow]) -> dict[int, tuple[str, tuple[str, ...]]]:
    """As they would be made and moved, by their number; all of it is taken back."""
    found: dict[int, tuple[str, tuple[str, ...]]] = {}
    try:
        with db.write() as session:
            posts = _make(session, actor, rows, Imported())
            there = [row for row in rows if row.number in posts]
            found = {row.number: _moved(session, actor, row, posts[row.number], keep=False) for row in there}
            raise _TakenBack
    except _TakenBack:
        return found


def _moved(session: Session, actor: Actor, row: NewRow, post_id: int, keep: bool) -> tuple[str, tuple[str, ...]]:
    """To the state its row asks for: (what is in the way, what is worth a second look)."""
    attempt = session.begin_nested()
    try:
        notes = _move(session, actor, post_id, row.cells["state"], row.cells["planned_at"])
    except UserError as error:
        attempt.rollback()
        return str(error), ()
    if keep:
        attempt.commit()
    else:
        attempt.rollback()
        session.expire_all()
    return "", notes


def _move(
    session: Session, actor: Actor, post_id: int, state: PostState, planned_at: datetime | None
) -> tuple[str, ...]:
    if state not in plan_rows.BY_HAND:
        raise UserError("That state can't be set by hand: it follows from what happens on the channels.")
    if state is PostState.SCHEDULED and planned_at is None:
        raise UserError("Say when it goes out before you schedule it.")
    if state is PostState.CANCELLED:
        planning.cancel_post(session, actor, post_id)
        return ()
    return plan_board.move_card(session, actor, post_id, PostState.DRAFT, state).notes


def _plain_opinion(row: NewRow, known: Mapping[int, ChannelRow]) -> Opinion:
    if row.wrong:
        return Opinion(" ".join(row.wrong.values()), row.notes)
    cells, notes = row.cells, list(row.notes)
    if not cells["title"].strip() and not cells["text"].strip():
        return Opinion("There is neither a title nor a text.", row.notes)
    for channel_id in cells["channel_ids"]:
        one = known.get(channel_id)
        if one is None or one.state is ChannelState.REMOVED:
            return Opinion(f"There is no channel {channel_id}. Choose one that is connected.", row.notes)
        if not one.capabilities.publishes:
            return Opinion(f"{one.handle} can't publish. Leave it out.", row.notes)
        notes += _too_much(one, cells) if cells["state"] in SIMPLE else []
    if cells["state"] in SIMPLE and cells["planned_at"] and cells["planned_at"] < utc_now():
        notes.append("Its time has passed.")
    return Opinion("", tuple(notes))


def _too_much(channel: ChannelRow, cells: Mapping[str, Any]) -> list[str]:
    """What will keep a draft from going out there as it stands."""
    draft = channel_draft(PostText(text=cells["text"]), None, channel.network, NOTHING)
    blocking = first_error(problems_for(channel.network, channel.limits, draft)) if cells["text"] else None
    return [f"{channel.handle}: {blocking.message}"] if blocking else []


def _doubles(session: Session, rows: Sequence[NewRow]) -> dict[int, str]:
    """Rows with a text and time that stand in the plan, or in the file, already. One statement for 500 rows."""
    texts = {row.cells["text"].strip() for row in rows if row.cells["text"].strip()}
    there: dict[tuple[str, datetime | None], str] = {}
    for _, some in _batches(sorted(texts), 500):
        asked = select(col(Post.id), col(Post.title), col(Post.text), col(Post.planned_at)).where(
            col(Post.text).in_(some)
        )
        for number, title, text, at in session.execute(asked):
            there.setdefault((text.strip(), at), f"It is in the plan already, as “{(title or text)[:60]}” ({number}).")
    found: dict[int, str] = {}
    for row in rows:
        key = row.cells["text"].strip(), row.cells["planned_at"]
        if not key[0]:
            continue
        if key in there:
            found[row.number] = there[key]
        else:
            there[key] = f"The same text and time as in row {row.number}."
    return found


# --- making them ------------------------------------------------------------------------------------------------------


def import_rows(actor: Actor, rows: Sequence[NewRow], tell: Tell | None = None) -> Imported:
    """Make posts of these rows, each by itself: what is wrong is refused, and keeps no other back.

    A row that can't get its state (a time that has passed, an approval that is missing) is kept as a draft.
    """
    require(actor, Right.PLAN)
    result = Imported()
    posts: dict[int, int] = {}
    moves = [row for row in rows if row.cells["state"] not in SIMPLE]
    all_of_it, made = len(rows) + len(moves), 0
    for made, some in _batches(rows, AT_ONCE):
        with db.write() as session:
            posts |= _make(session, actor, some, result)
        if tell:
            tell(made, all_of_it)
    for done, some in _batches([row for row in moves if row.number in posts], plan_rows.AT_ONCE):
        with db.write() as session:
            for row in some:
                problem, _ = _moved(session, actor, row, posts[row.number], keep=True)
                if problem:
                    result.drafts[row.number] = problem
        if tell:
            tell(made + done, all_of_it)
    _look_again(result)
    if result.made:
        with db.write() as session:
            audit(session, actor, "plan.import", "", f"{len(result.made)} posts")
    return result


def _make(session: Session, actor: Actor, rows: Sequence[NewRow], result: Imported) -> dict[int, int]:
    """Posts, deliveries, versions and lines of the audit trail, each kind at once; gives posts by row."""
    known = {one.id: one for one in channels(session)}
    good: list[NewRow] = []
    for row in rows:
        opinion = _plain_opinion(row, known)
        if opinion.problem:
            result.refused[row.number] = opinion.problem
        else:
            good.append(row)
    names = {name for row in good if (name := " ".join(row.cells["campaign"].split()))}
    campaigns = {name: ensure_campaign(session, name) for name in sorted(names)}
    posts = [_post(actor, row, campaigns) for row in good]
    if not posts:
        return {}
    made_as = {post.origin: post for post in posts}
    for number, origin in session.execute(insert(Post).returning(col(Post.id), col(Post.origin)), _values(posts)).all():
        made_as[origin].id = number
    pairs = list(zip(good, posts, strict=True))
    by = actor.name[:120] if actor.id is None else None
    others: tuple[tuple[Any, list[Any]], ...] = (
        (
            Delivery,
            [
                Delivery(post_id=post.id, channel_id=n)
                for row, post in pairs
                for n in dict.fromkeys(row.cells["channel_ids"])
            ],
        ),
        (PostVersion, [_version(actor, row, post, known) for row, post in pairs]),
        (
            AuditEntry,
            [
                AuditEntry(member_id=actor.id, by=by, action="post.create", target=f"post:{post.id}", detail=ORIGIN)
                for _, post in pairs
            ],
        ),
    )
    for table, made in others:
        if made:
            session.execute(insert(table), _values(made))
    result.made |= {row.number: (post.id, 1) for row, post in pairs}
    return {row.number: post.id for row, post in pairs}


def _values(made: Sequence[Any]) -> list[dict[str, Any]]:
    """Rows as one statement takes them: the session would write them one by one."""
    names = [column.key for column in made[0].__table__.columns if column.key != "id"]
    return [{name: getattr(one, name) for name in names} for one in made]


def _version(actor: Actor, row: NewRow, post: Post, known: Mapping[int, ChannelRow]) -> PostVersion:
    content = _content(row, post, known)
    return PostVersion(post_id=post.id, number=1, member_id=actor.id, action="post.create", content=content)


def _post(actor: Actor, row: NewRow, campaigns: Mapping[str, int]) -> Post:
    cells = row.cells
    return Post(
        title=" ".join(cells["title"].split())[:200],
        text=cells["text"],
        language=row.language,
        state=PostState.IDEA if cells["state"] is PostState.IDEA else PostState.DRAFT,
        planned_at=cells["planned_at"],
        campaign_id=campaigns.get(" ".join(cells["campaign"].split())),
        member_id=actor.id,
        origin=f"{ORIGIN}:{row.number}",
    )


def _content(row: NewRow, post: Post, known: Mapping[int, ChannelRow]) -> dict[str, Any]:
    """As `post_history.content_of` reads it from the rows; a test holds both together."""
    ids = dict.fromkeys(row.cells["channel_ids"])
    return {
        "title": post.title,
        "text": post.text,
        "language": post.language or "",
        "channels": [{"id": number, "handle": known[number].handle, "text": None} for number in ids],
        "images": [],
        "content_warning": "",
        "visibility": "",
        "first_comment": "",
        "campaign": " ".join(row.cells["campaign"].split()),
        "tagged": False,
        "untagged_links": [],
        "planned_at": post.planned_at.isoformat() if post.planned_at else None,
        "state": post.state.value,
    }


def _look_again(result: Imported) -> None:
    """The versions as they stand at the end: what is changed after that isn't taken back any more."""
    ids = [post_id for post_id, _ in result.made.values()]
    with db.read() as session:
        now = {
            number: version
            for _, some in _batches(ids, 500)
            for number, version in session.execute(
                select(col(Post.id), col(Post.version)).where(col(Post.id).in_(some))
            )
        }
    result.made = {row: (post_id, now[post_id]) for row, (post_id, _) in result.made.items() if post_id in now}


def undo_import(actor: Actor, made: Mapping[int, int]) -> tuple[int, int]:
    """Take an import back: delete its posts (number to version) that nobody has changed since and that aren't out.

    Gives (deleted, kept).
    """
    require(actor, Right.PLAN)
    deleted = 0
    for _, some in _batches(list(made), AT_ONCE):
        with db.write() as session:
            asked = select(col(Post.id), col(Post.version)).where(
                col(Post.id).in_(some), col(Post.origin).startswith(ORIGIN)
            )
            same = [number for number, version in session.execute(asked) if made[number] == version]
            tried = or_(col(Delivery.state).in_((*OUT, DeliveryState.FAILED)), col(Delivery.sent_at).is_not(None))
            out = select(col(Delivery.post_id)).where(col(Delivery.post_id).in_(same), tried)
            free = sorted(set(same) - set(session.execute(out).scalars()))
            session.execute(delete(Post).where(col(Post.id).in_(free)).execution_options(synchronize_session=False))
            by = actor.name[:120] if actor.id is None else None
            lines = [
                AuditEntry(member_id=actor.id, by=by, action="post.delete", target=f"post:{number}", detail="undone")
                for number in free
            ]
            if lines:
                session.execute(insert(AuditEntry), _values(lines))
            deleted += len(free)
    return deleted, len(made) - deleted


def _batches(all_: Sequence[T], size: int) -> Iterator[tuple[int, Sequence[T]]]:
    """(how many are done with this batch, the batch)"""
    for start in range(0, len(all_), size):
        some = all_[start : start + size]
        yield start + len(some), some
