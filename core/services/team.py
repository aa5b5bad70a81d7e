"""Members: who is signed in, what a role allows, and the audit trail."""

from dataclasses import dataclass
from enum import StrEnum

from sqlmodel import Session

from core.errors import PermissionDenied
from core.models.team import AuditEntry, Role


class Right(StrEnum):
    """What an action needs; the words fit into "Your role doesn't let you …"."""

    LOOK = "look at this"
    ANSWER = "answer messages"
    PLAN = "change the content plan"
    MONITOR = "change monitors"
    CHANNELS = "connect or change channels"
    TEAM = "change the team"


_EDITOR = frozenset({Right.LOOK, Right.ANSWER, Right.PLAN, Right.MONITOR})
RIGHTS: dict[Role, frozenset[Right]] = {
    Role.ADMIN: frozenset(Right),
    Role.EDITOR: _EDITOR,
    Role.VIEWER: frozenset({Right.LOOK}),
}


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
    session.add(AuditEntry(member_id=actor.id, action=action, target=target, detail=detail))
