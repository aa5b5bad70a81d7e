"""Members, their roles and sessions, and the audit trail."""

from datetime import datetime
from enum import StrEnum

from sqlmodel import Field, Index, SQLModel

from core.models.columns import choice, key, link, long_text, moment


class Role(StrEnum):
    """What a member may do; `services/team.py` says what each allows."""

    ADMIN = "admin"  # everything, channels and members too
    EDITOR = "editor"  # answer, write, schedule, monitors
    VIEWER = "viewer"  # look


class Member(SQLModel, table=True):
    """A person of the team who signs in."""

    id: int = key()
    email: str = Field(unique=True, max_length=320)  # lower case
    name: str = Field(max_length=120)
    password_hash: str = Field(max_length=255)
    role: Role = choice(Role.EDITOR)
    time_zone: str = Field(default="Europe/Berlin", max_length=64)
    created_at: datetime = moment(now=True)
    disabled_at: datetime | None = moment(nullable=True)


class LoginSession(SQLModel, table=True):
    """One signed-in browser. The cookie holds the token, the table only its SHA-256."""

    id: int = key()
    token_hash: str = Field(unique=True, max_length=64)
    member_id: int = link("member.id", index=True)
    created_at: datetime = moment(now=True)
    seen_at: datetime = moment(now=True)
    expires_at: datetime = moment()
    user_agent: str = Field(default="", max_length=300)


class LoginFailure(SQLModel, table=True):
    """A failed sign-in, counted per address and per e-mail to slow guessing down; kept for an hour."""

    __table_args__ = (Index("ix_loginfailure_key", "key", "at"),)

    id: int = key()
    key: str = Field(max_length=350)  # "ip:…" or "email:…"
    at: datetime = moment(now=True)


class AuditEntry(SQLModel, table=True):
    """Who did what, when. Append-only; never holds secrets or message texts."""

    id: int = key()
    at: datetime = moment(now=True)
    member_id: int | None = link("member.id", nullable=True)
    action: str = Field(max_length=60)  # "channel.connect", "post.schedule", …
    target: str = Field(default="", max_length=120)  # "channel:3"
    detail: str = long_text("")
