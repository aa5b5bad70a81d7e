"""How a post stands with its review: which rules it goes by, who approved for which of them, who may. Reads only.

`Post.review` keeps `{"writers": [member id …], "approvals": [{"group", "by", "name", "at"} …], "digest", "channels"}`:
who changed the content since it was last approved, and who approved what `digest` names, for which rule. An id that is
None is the command line. An approval that no rule asked for has the group "-": it satisfies none that comes later.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import and_, func, or_, select
from sqlmodel import Session, col

from core.models.channel import Channel
from core.models.planning import Delivery, Post, PostState
from core.models.planning_work import PostComment, RemarkKind
from core.models.team import Member, Role
from core.services.approval_digest import Digest, digest, digests
from core.services.approval_rules import (
    Person,
    Rule,
    allowed,
    applying,
    groups_of,
    groups_of_channels,
    named,
    rules,
    team,
    who,
)
from core.services.team import Actor, Right

UNASKED = "-"
SEEN_AT_ONCE = 200  # posts in review that are looked through for one member


def review_of(post: Post) -> dict[str, Any]:
    """A copy of what is kept, complete."""
    kept = post.review or {}
    return {
        "writers": list(kept.get("writers") or ()),
        "approvals": list(kept.get("approvals") or ()),
        "digest": kept.get("digest"),
        "channels": dict(kept.get("channels") or {}),
    }


def writers(post: Post) -> set[int | None]:
    """Whose writing it is: the author, and who has changed it since it was last approved."""
    return {post.member_id, *((post.review or {}).get("writers") or ())}


def approved_for(post: Post, now: Digest) -> set[Any]:
    """The rules (by group) for which the post is approved as it stands now."""
    kept = review_of(post)
    return {entry["group"] for entry in kept["approvals"]} if kept["digest"] == now.whole else set()


def required_rules(session: Session, post_id: int) -> list[Rule]:
    """The rules that the post needs an approval for, for all channels it has still to go to. Two reads at most."""
    every = rules(session)
    if not any(rule.required for rule in every):
        return []
    groups = groups_of(session, [post_id]).get(post_id, [])
    return [rule for rule in applying(every, groups or [None]) if rule.required]


def open_rules(session: Session, post: Post) -> list[Rule]:
    """Of those the ones that nobody has approved it for, as it stands now."""
    needed = required_rules(session, post.id)
    if not needed:
        return []
    done = approved_for(post, digest(session, post))
    return [rule for rule in needed if rule.group_id not in done]


def approvers(session: Session, post: Post) -> dict[Person, tuple[str, ...]]:
    """Who may approve what is open of it, each with the rules (where) that say so."""
    people = team(session)
    still = open_rules(session, post)
    if not still:
        return {p: () for p in people if p.role is not Role.VIEWER and p.id not in writers(post)}
    found: dict[Person, tuple[str, ...]] = {}
    for rule in still:
        for person in named(rule, people):
            if allowed(rule, person.id, writers(post), people):
                found[person] = (*found.get(person, ()), rule.where)
    return found


@dataclass(frozen=True)
class Need:
    """A rule that the post goes by. `who`: who may, in words; `people`: their names, without those whose text it is."""

    where: str
    who: str
    people: tuple[str, ...]
    four_eyes: bool
    done_by: str = ""
    done_at: datetime | None = None


@dataclass(frozen=True)
class Standing:
    """A post's review as one member sees it.

    `approved`: every rule is satisfied, as it stands now. `may`: this member may approve something that is open.
    `may_alone`: what they schedule counts as approved, because they may approve all of it. `may_return`: they may send
    it back. `why_not`: a sentence for who would like to schedule and can't.
    """

    needs: tuple[Need, ...] = ()
    approved: bool = True
    may: bool = False
    may_alone: bool = True
    may_return: bool = False
    why_not: str = ""
    asked_by: str = ""
    asked_at: datetime | None = None
    asked_by_me: bool = False
    approved_by: str = ""
    approved_at: datetime | None = None

    @property
    def required(self) -> bool:
        """Whether it must be approved at all."""
        return bool(self.needs)


def outlook(session: Session, actor: Actor, channel_ids: Sequence[int], post_id: int | None = None) -> Standing:
    """How a post would stand if this member saved it now for these channels, with other words than it has."""
    post = session.get(Post, post_id) if post_id is not None else None
    applied = applying(rules(session), groups_of_channels(session, channel_ids)) if channel_ids else []
    wrote = {actor.id, *(writers(post) if post else ())}
    asked = post is not None and post.state is PostState.IN_REVIEW
    return _standing(actor, [rule for rule in applied if rule.required], set(), wrote, team(session), [], asked)


def standing(session: Session, actor: Actor, post_id: int) -> Standing:
    """How a stored post stands. A constant number of statements."""
    post = session.get(Post, post_id)
    if post is None:
        return Standing()
    every, people = rules(session), team(session)
    groups = groups_of(session, [post.id]).get(post.id, [])
    applied = applying(every, groups or [None])
    needed = [rule for rule in applied if rule.required]
    now = digest(session, post)
    kept = review_of(post)
    entries = kept["approvals"] if kept["digest"] == now.whole else []
    asked_for = post.submitted_at is not None
    made = _standing(actor, needed, approved_for(post, now), writers(post), people, entries, asked_for)
    asked = _asked(session, [post.id]).get(post.id)
    returnable = post.state in (PostState.IN_REVIEW, PostState.APPROVED, PostState.SCHEDULED) and (
        any(allowed(r, actor.id, (), people) for r in needed) if needed else actor.may(Right.PLAN)
    )
    voluntary = not needed and post.state is PostState.IN_REVIEW and actor.may(Right.PLAN)
    return Standing(
        needs=made.needs,
        approved=made.approved,
        may=made.may or voluntary,
        may_alone=made.may_alone,
        may_return=returnable,
        why_not=made.why_not,
        asked_by=asked[0] if asked and post.submitted_at else "",
        asked_at=post.submitted_at,
        asked_by_me=bool(asked and asked[1] == actor.id),
        approved_by=", ".join(dict.fromkeys(entry["name"] for entry in entries)),
        approved_at=post.approved_at if entries else None,
    )


def _standing(
    actor: Actor,
    needed: Sequence[Rule],
    done: set[Any],
    wrote: set[int | None],
    people: Sequence[Person],
    entries: Sequence[dict[str, Any]],
    asked: bool = False,
) -> Standing:
    by = {entry["group"]: entry for entry in entries}
    needs = tuple(_need(rule, by.get(rule.group_id), wrote, people) for rule in needed)
    still = [rule for rule in needed if rule.group_id not in done]
    mine = [rule for rule in still if allowed(rule, actor.id, wrote, people)]
    return Standing(
        needs=needs,
        approved=not still,
        may=bool(mine),
        may_alone=len(mine) == len(still) and (actor.id is not None or not still),
        why_not=missing(still, wrote, people, asked) if still else "",
    )


def _need(rule: Rule, entry: dict[str, Any] | None, wrote: set[int | None], people: Sequence[Person]) -> Need:
    names = tuple(p.name for p in named(rule, people) if allowed(rule, p.id, wrote, people))
    at = datetime.fromisoformat(entry["at"]) if entry else None
    return Need(rule.where, who(rule, people), names, rule.four_eyes, entry["name"] if entry else "", at)


def missing(still: Sequence[Rule], wrote: set[int | None], people: Sequence[Person], asked: bool = False) -> str:
    """“It needs an approval first, by Anna or Ben (Nord). Ask for review.” `asked`: somebody has."""
    parts = []
    for rule in still:
        names = [p.name for p in named(rule, people) if allowed(rule, p.id, wrote, people)]
        if not names:
            parts.append(f"somebody who didn't write it ({rule.where}; there is nobody, so change the rule)")
        else:
            parts.append(f"{_either(names)} ({rule.where})" if rule.group_id is not None else _either(names))
    if asked:
        return f"It waits for an approval by {' and by '.join(parts)}."
    return f"It needs an approval first, by {' and by '.join(parts)}. Ask for review."


def _either(names: Sequence[str], most: int = 4) -> str:
    shown = [*names[:most], *(["somebody else"] if len(names) > most else [])]
    return shown[0] if len(shown) == 1 else f"{', '.join(shown[:-1])} or {shown[-1]}"


def _asked(session: Session, post_ids: Sequence[int]) -> dict[int, tuple[str, int | None]]:
    """Who asked last for a review: name and member, by post."""
    last = (
        select(func.max(col(PostComment.id)))
        .where(col(PostComment.post_id).in_(post_ids), col(PostComment.kind) == RemarkKind.ASKED)
        .group_by(col(PostComment.post_id))
    )
    rows = session.execute(
        select(col(PostComment.post_id), func.coalesce(col(Member.name), "Command line"), col(PostComment.member_id))
        .outerjoin(Member, col(Member.id) == col(PostComment.member_id))
        .where(col(PostComment.id).in_(last))
    )
    return {row[0]: (row[1], row[2]) for row in rows}


# --- what waits -------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Waiting:
    """A post in review. `channels`: handles; `asked_by`: who asked, or made the change that ended an approval."""

    post_id: int
    version: int
    title: str
    text: str
    author: str
    asked_by: str
    since: datetime | None
    planned_at: datetime | None
    channels: tuple[str, ...]


def in_review(session: Session, limit: int = SEEN_AT_ONCE) -> list[Waiting]:
    """Everything in review, what goes out first at the top. Three reads."""
    return [row for row, _ in _in_review(session, limit)]


def waiting_for(session: Session, actor: Actor, limit: int = 20) -> list[Waiting]:
    """What waits for this member's approval, what goes out first at the top. A constant number of reads."""
    found = _in_review(session, SEEN_AT_ONCE)
    if not found:
        return []
    every, people = rules(session), team(session)
    groups = groups_of(session, [row.post_id for row, _ in found])
    now = digests(session, [post for _, post in found if review_of(post)["approvals"]])
    mine = []
    for row, post in found:
        needed = [rule for rule in applying(every, groups.get(row.post_id, [None])) if rule.required]
        given = approved_for(post, now[post.id]) if post.id in now else set()
        wrote = writers(post)
        if any(r.group_id not in given and allowed(r, actor.id, wrote, people) for r in needed) or (
            not needed and actor.may(Right.PLAN) and actor.id not in wrote
        ):
            mine.append(row)
    return mine[:limit]


def _in_review(session: Session, limit: int) -> list[tuple[Waiting, Post]]:
    late = and_(col(Post.state) == PostState.NEEDS_CARE, col(Post.submitted_at).is_not(None))
    rows = session.execute(
        select(Post, func.coalesce(col(Member.name), "Command line"))
        .outerjoin(Member, col(Member.id) == col(Post.member_id))
        .where(or_(col(Post.state) == PostState.IN_REVIEW, late))
        .order_by(col(Post.planned_at).is_(None), col(Post.planned_at), col(Post.id))
        .limit(limit)
    ).all()
    if not rows:
        return []
    ids = [row[0].id for row in rows]
    asked = _asked(session, ids)
    handles: dict[int, list[str]] = {}
    for post_id, handle in session.execute(
        select(col(Delivery.post_id), col(Channel.handle))
        .join(Channel, col(Channel.id) == col(Delivery.channel_id))
        .where(col(Delivery.post_id).in_(ids))
        .order_by(col(Delivery.id))
    ):
        handles.setdefault(post_id or 0, []).append(handle)
    return [
        (
            Waiting(
                *(p.id, p.version, p.title, p.text, author, asked.get(p.id, (author, None))[0]),
                *(p.submitted_at, p.planned_at, tuple(handles.get(p.id, ()))),
            ),
            p,
        )
        for p, author in rows
    ]
