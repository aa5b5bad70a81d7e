"""Members, their roles and sessions, and the audit trail."""

from datetime import datetime
from enum import StrEnum

from sqlalchemy import LargeBinary
from sqlmodel import Field, Index, SQLModel, text

from core.models.columns import choice, key, link, long_text, moment, plain_json


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


class Notice(SQLModel, table=True):
    """Something one member should know. Shown in the app; `sent_at` says when it also went out by other ways."""

    __table_args__ = (
        Index("ix_notice_member", "member_id", "read_at", "id"),
        Index("ix_notice_unsent", "id", sqlite_where=text("sent_at IS NULL"), postgresql_where=text("sent_at IS NULL")),
    )

    id: int = key()
    member_id: int = link("member.id")
    kind: str = Field(max_length=32)  # as in `services/notices.py`
    text: str = Field(max_length=300)  # one sentence
    target: str = Field(default="", max_length=120)  # "conversation:7", "channel:3"
    created_at: datetime = moment(now=True)
    read_at: datetime | None = moment(nullable=True)
    sent_at: datetime | None = moment(nullable=True)


class NoticeSettings(SQLModel, table=True):
    """How one member wants to hear of things; without a row everything shows in the app alone."""

    member_id: int = Field(primary_key=True, foreign_key="member.id", ondelete="CASCADE")
    sealed: bytes | None = Field(default=None, sa_type=LargeBinary, repr=False)  # apprise addresses: they hold secrets
    kinds: list[str] | None = plain_json()  # which also go out; None: all
    quiet_from: str | None = Field(default=None, max_length=5)  # "20:00", the member's time
    quiet_to: str | None = Field(default=None, max_length=5)
    digest_at: str | None = Field(default=None, max_length=5)  # one message a day instead of each by itself
    last_digest_at: datetime | None = moment(nullable=True)
    attempts: int = 0
    retry_at: datetime | None = moment(nullable=True)  # after a failure: not before
    trouble: str | None = long_text(None)  # why the last message didn't arrive; no secrets
    trouble_at: datetime | None = moment(nullable=True)


class AuditEntry(SQLModel, table=True):
    """Who did what, when. Append-only; never holds secrets or message texts."""

    id: int = key()
    at: datetime = moment(now=True)
    member_id: int | None = link("member.id", nullable=True)
    by: str | None = Field(default=None, max_length=120)  # who it was when it was no member: the command line, a rule
    action: str = Field(max_length=60)  # "channel.connect", "post.schedule", …
    target: str = Field(default="", max_length=120)  # "channel:3"
    detail: str = long_text("")
