"""Members, what a role allows, and the audit trail. Signing in is `sessions.py`."""

import re
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from zoneinfo import available_timezones

from sqlalchemy import func, select
from sqlmodel import Session, col

from core.db import utc_now
from core.errors import NotFound, PermissionDenied, UserError
from core.models.team import AuditEntry, Member, Role
from core.settings import settings

EMAIL = re.compile(r"[^@\s]+@[^@\s]+\.[^@\s]+")


class Right(StrEnum):
    """What an action needs; the words fit into "Your role doesn't let you …"."""

    LOOK = "look at this"
    ANSWER = "answer messages"
    PLAN = "change the content plan"
    MONITOR = "change monitors"
    CHANNELS = "connect or change channels"
    TEAM = "change the team"
    PRIVACY = "erase a person's data"


_EDITOR = frozenset({Right.LOOK, Right.ANSWER, Right.PLAN, Right.MONITOR})
RIGHTS: dict[Role, frozenset[Right]] = {
    Role.ADMIN: frozenset(Right),
    Role.EDITOR: _EDITOR,
    Role.VIEWER: frozenset({Right.LOOK}),
}

ROLE_NAMES = {Role.ADMIN: "Administrator", Role.EDITOR: "Editor", Role.VIEWER: "Viewer"}


@dataclass(frozen=True)
class Actor:
    """Whoever acts: a signed-in member, or the command line (`id` None)."""

    id: int | None
    name: str
    email: str
    role: Role
    time_zone: str = "Europe/Berlin"

    def may(self, right: Right) -> bool:
        """Whether the role allows it. Pages use this to hide; services use `require`."""
        return right in RIGHTS[self.role]


COMMAND_LINE = Actor(id=None, name="Command line", email="", role=Role.ADMIN)


def require(actor: Actor, right: Right) -> None:
    """Raise `PermissionDenied` unless the actor's role allows it."""
    if not actor.may(right):
        raise PermissionDenied(f"Your role ({actor.role.value}) doesn't let you {right.value}. Ask an administrator.")


def audit(session: Session, actor: Actor, action: str, target: str = "", detail: str = "") -> None:
    """Write one line into the audit trail, in the caller's transaction. No secrets, no message texts."""
    by = actor.name[:120] if actor.id is None else None
    session.add(AuditEntry(member_id=actor.id, by=by, action=action, target=target, detail=detail))


def actor_of(member: Member) -> Actor:
    """A member as an actor."""
    return Actor(member.id, member.name, member.email, member.role, member.time_zone)


def has_members(session: Session) -> bool:
    """Whether anybody can sign in yet."""
    return session.execute(select(col(Member.id)).limit(1)).first() is not None


def members(session: Session) -> list[Member]:
    """Everybody of the team, by name; disabled ones too."""
    return list(session.execute(select(Member).order_by(func.lower(col(Member.name)), col(Member.id))).scalars())


def create_member(
    session: Session, actor: Actor, *, email: str, name: str, password: str, role: Role = Role.EDITOR
) -> int:
    """Add a person who signs in; gives their number. Raises `UserError` for a bad or taken e-mail, name or password."""
    require(actor, Right.TEAM)
    return _add(session, actor, email, name, password, role)


def create_first_member(session: Session, *, email: str, name: str, password: str) -> int:
    """The very first member, an administrator. Refused as soon as there is one."""
    if has_members(session):
        raise PermissionDenied("There already is a member. Sign in instead.")
    return _add(session, None, email, name, password, Role.ADMIN)


def _add(session: Session, actor: Actor | None, email: str, name: str, password: str, role: Role) -> int:
    from core.services.sessions import hash_password

    email, name = email.strip().lower(), " ".join(name.split())[:120]
    if not EMAIL.fullmatch(email) or len(email) > 320:
        raise UserError(f"“{email}” is no e-mail address. Write it like name@example.org.")
    if not name:
        raise UserError("Give a name, so that colleagues know who it is.")
    hashed = hash_password(password)
    if session.execute(select(col(Member.id)).where(col(Member.email) == email)).first():
        raise UserError(f"There already is a member with the address {email}.")
    member = Member(email=email, name=name, password_hash=hashed, role=role, time_zone=settings().time_zone)
    session.add(member)
    session.flush()
    audit(session, actor or actor_of(member), "member.add", f"member:{member.id}", role.value)
    return member.id


def set_role(session: Session, actor: Actor, member_id: int, role: Role) -> None:
    """Give a member another role. One administrator always stays."""
    require(actor, Right.TEAM)
    member = _member(session, member_id)
    if member.role is Role.ADMIN and role is not Role.ADMIN:
        _not_the_last_admin(session, member_id)
    member.role = role
    audit(session, actor, "member.role", f"member:{member_id}", role.value)


def set_disabled(session: Session, actor: Actor, member_id: int, disabled: bool) -> None:
    """Close a member's door at once, everywhere; or open it again. One administrator always stays."""
    from core.services.sessions import end_sessions

    require(actor, Right.TEAM)
    member = _member(session, member_id)
    if disabled:
        if member.role is Role.ADMIN:
            _not_the_last_admin(session, member_id)
        end_sessions(session, member_id)
    member.disabled_at = utc_now() if disabled else None
    audit(session, actor, "member.disable" if disabled else "member.enable", f"member:{member_id}")


def change_password(session: Session, actor: Actor, old: str, new: str, keep: str | None = None) -> None:
    """One's own password. Signs out everywhere, but for the session with the token `keep`."""
    from core.services.sessions import end_sessions, hash_password, password_fits

    member = _member(session, actor.id or 0)
    if not password_fits(member.password_hash, old):
        raise UserError("The present password is wrong. Type it again.")
    member.password_hash = hash_password(new)
    end_sessions(session, member.id, keep)
    audit(session, actor, "member.password", f"member:{member.id}")


def set_password(session: Session, actor: Actor, member_id: int, new: str) -> None:
    """A new password for somebody who forgot theirs."""
    from core.services.sessions import end_sessions, hash_password

    require(actor, Right.TEAM)
    member = _member(session, member_id)
    member.password_hash = hash_password(new)
    end_sessions(session, member_id)
    audit(session, actor, "member.password", f"member:{member_id}")


def change_profile(session: Session, actor: Actor, name: str, time_zone: str) -> None:
    """One's own name and time zone."""
    if time_zone not in available_timezones():
        raise UserError(f"There is no time zone “{time_zone}”. Write it like Europe/Berlin.")
    if not name.strip():
        raise UserError("Give a name, so that colleagues know who it is.")
    member = _member(session, actor.id or 0)
    member.name, member.time_zone = " ".join(name.split())[:120], time_zone
    audit(session, actor, "member.profile", f"member:{member.id}")


@dataclass(frozen=True)
class AuditRow:
    """One line of the audit trail."""

    id: int
    at: datetime
    member: str
    action: str
    target: str
    detail: str


def audit_trail(session: Session, actor: Actor, before: int | None = None, limit: int = 50) -> list[AuditRow]:
    """Who did what, newest first; `before` is the last line's number of the page above."""
    require(actor, Right.TEAM)
    rows = select(AuditEntry, func.coalesce(col(Member.name), col(AuditEntry.by), COMMAND_LINE.name)).outerjoin(
        Member, col(Member.id) == col(AuditEntry.member_id)
    )
    if before is not None:
        rows = rows.where(col(AuditEntry.id) < before)
    found = session.execute(rows.order_by(col(AuditEntry.id).desc()).limit(limit)).all()
    return [AuditRow(e.id, e.at, name, e.action, e.target, e.detail) for e, name in found]


def _member(session: Session, member_id: int) -> Member:
    member = session.get(Member, member_id)
    if member is None:
        raise NotFound("This member isn't there any more.")
    return member


def _not_the_last_admin(session: Session, member_id: int) -> None:
    others = select(col(Member.id)).where(
        col(Member.role) == Role.ADMIN, col(Member.disabled_at).is_(None), col(Member.id) != member_id
    )
    if session.execute(others.limit(1)).first() is None:
        raise UserError("This is the only administrator. Make somebody else one first.")
