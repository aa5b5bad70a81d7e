"""Rules of approval: for which groups posts must be approved, and by whom. What they do to a post is `approval.py`'s.

A group has a rule of its own or goes by the one for all others; channels without a group go by that one, too.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from sqlalchemy import select
from sqlmodel import Session, col

from core.errors import NotFound, UserError
from core.models.channel import Channel, Group
from core.models.planning import Delivery, DeliveryState
from core.models.planning_work import ApprovalRule
from core.models.team import Member, Role
from core.services.team import Actor, Right, audit, require

EVERYWHERE = "all other channels"
ROLE_WORDS = {Role.ADMIN: "administrators", Role.EDITOR: "editors", Role.VIEWER: "viewers"}
UNSENT = (
    DeliveryState.DRAFT,
    DeliveryState.SCHEDULED,
    DeliveryState.SENDING,
    DeliveryState.CHECKING,
    DeliveryState.FAILED,
)


@dataclass(frozen=True)
class Rule:
    """A rule. `group_id` None: for all groups without one, and channels in none. Nobody named: administrators may."""

    group_id: int | None
    where: str = EVERYWHERE
    required: bool = False
    roles: tuple[Role, ...] = ()
    member_ids: tuple[int, ...] = ()
    four_eyes: bool = False


@dataclass(frozen=True)
class Person:
    """Somebody of the team who can sign in."""

    id: int
    name: str
    role: Role


def rules(session: Session) -> tuple[Rule, ...]:
    """All rules there are: the one for all others first (also where nobody has set it), then by group. One read."""
    rows = session.execute(
        select(ApprovalRule, col(Group.name))
        .outerjoin(Group, col(Group.id) == col(ApprovalRule.group_id))
        .order_by(col(Group.name))
    ).all()
    found = [_rule(row[0], row[1]) for row in rows]
    general = next((rule for rule in found if rule.group_id is None), Rule(None))
    return (general, *(rule for rule in found if rule.group_id is not None))


def rule_for(session: Session, group_id: int | None) -> Rule:
    """The rule that posts of this group go by."""
    return applying(rules(session), [group_id])[0]


def applying(all_rules: Sequence[Rule], group_ids: Iterable[int | None]) -> list[Rule]:
    """The rules that posts of these groups go by, each once."""
    by_group = {rule.group_id: rule for rule in all_rules}
    general = by_group.get(None, Rule(None))
    return list({(rule := by_group.get(number, general)).group_id: rule for number in group_ids}.values())


def _rule(row: ApprovalRule, group: str | None) -> Rule:
    roles = tuple(role for role in Role if role.value in (row.roles or ()))
    where = group or EVERYWHERE
    return Rule(row.group_id, where, row.required, roles, tuple(row.member_ids or ()), row.four_eyes)


def save_rule(
    session: Session,
    actor: Actor,
    group_id: int | None,
    *,
    required: bool,
    roles: Sequence[Role] = (),
    member_ids: Sequence[int] = (),
    four_eyes: bool = False,
) -> None:
    """Keep a rule. `approval.save_rule` also takes back what it now keeps from going out: call that one."""
    require(actor, Right.TEAM)
    if group_id is not None and session.get(Group, group_id) is None:
        raise NotFound("This group isn't there any more. Choose another one.")
    known = {person.id for person in team(session)}
    if not set(member_ids) <= known:
        raise UserError("One of the members isn't there any more. Choose again who may approve.")
    same = col(ApprovalRule.group_id).is_(None) if group_id is None else col(ApprovalRule.group_id) == group_id
    row = session.execute(select(ApprovalRule).where(same)).scalar_one_or_none() or ApprovalRule(group_id=group_id)
    row.required, row.four_eyes = required, four_eyes
    row.roles = [role.value for role in Role if role in roles] or None
    row.member_ids = sorted(set(member_ids)) or None
    session.add(row)
    session.flush()
    audit(session, actor, "approval.rule", f"group:{group_id or 0}", "required" if required else "not required")


def drop_rule(session: Session, actor: Actor, group_id: int) -> None:
    """Let a group go by the rule for all others again. As `save_rule`: call `approval.drop_rule`."""
    require(actor, Right.TEAM)
    row = session.execute(select(ApprovalRule).where(col(ApprovalRule.group_id) == group_id)).scalar_one_or_none()
    if row is not None:
        session.delete(row)
        session.flush()
        audit(session, actor, "approval.rule", f"group:{group_id}", "as all others")


# --- who may ----------------------------------------------------------------------------------------------------------


def team(session: Session) -> list[Person]:
    """Everybody who can sign in, by name."""
    rows = session.execute(
        select(col(Member.id), col(Member.name), col(Member.role))
        .where(col(Member.disabled_at).is_(None))
        .order_by(col(Member.name), col(Member.id))
    )
    return [Person(*row) for row in rows]


def named(rule: Rule, people: Sequence[Person]) -> list[Person]:
    """Whom the rule lets approve, own texts or not. Is nobody of them left, administrators may."""
    found = [person for person in people if person.role in rule.roles or person.id in rule.member_ids]
    return found or [person for person in people if person.role is Role.ADMIN]


def allowed(rule: Rule, actor_id: int | None, writers: Iterable[int | None], people: Sequence[Person]) -> bool:
    """Whether this one may approve what `writers` wrote. None is the command line: whoever runs the machine."""
    if rule.four_eyes and actor_id in set(writers):
        return False
    return actor_id is None or any(person.id == actor_id for person in named(rule, people))


def who(rule: Rule, people: Sequence[Person]) -> str:
    """“Administrators, Anna Muster; nobody what they wrote themselves”."""
    names = [ROLE_WORDS[role] for role in rule.roles]
    names += [person.name for person in people if person.id in rule.member_ids and person.role not in rule.roles]
    words = ", ".join(names) or ROLE_WORDS[Role.ADMIN]
    return words[0].upper() + words[1:] + ("; nobody what they wrote themselves" if rule.four_eyes else "")


# --- of posts ---------------------------------------------------------------------------------------------------------


def groups_of(session: Session, post_ids: Sequence[int]) -> dict[int, list[int | None]]:
    """The groups of the channels that posts have still to go to, by post. One read."""
    rows = session.execute(
        select(col(Delivery.post_id), col(Channel.group_id))
        .join(Channel, col(Channel.id) == col(Delivery.channel_id))
        .where(col(Delivery.post_id).in_(post_ids), col(Delivery.state).in_(UNSENT))
        .distinct()
    )
    found: dict[int, list[int | None]] = {}
    for post_id, group_id in rows:
        found.setdefault(post_id or 0, []).append(group_id)
    return found


def groups_of_channels(session: Session, channel_ids: Sequence[int]) -> list[int | None]:
    """The groups of these channels. One read."""
    rows = session.execute(select(col(Channel.group_id)).where(col(Channel.id).in_(channel_ids)).distinct())
    return list(rows.scalars())
