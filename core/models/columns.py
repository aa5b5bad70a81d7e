"""Column shorthands that every table uses. No table lives here."""

from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import JSON, Column, Enum, ForeignKey, Integer, Text, false
from sqlmodel import Field, SQLModel

from core.db import UtcDateTime, utc_now


def key() -> Any:
    """The primary key."""
    return Field(default=None, primary_key=True)


def link(target: str, *, nullable: bool = False, delete: str = "CASCADE", index: bool = False) -> Any:
    """A foreign key to `table.column`. Optional ones default to None."""
    column: Column[int] = Column(
        Integer,
        ForeignKey(target, ondelete="SET NULL" if nullable else delete),
        nullable=nullable,
        index=index,
    )
    return Field(default=None, sa_column=column) if nullable else Field(sa_column=column)


def moment(*, nullable: bool = False, now: bool = False) -> Any:
    """An aware UTC time."""
    if now:
        return Field(default_factory=utc_now, sa_type=UtcDateTime, nullable=False)
    if nullable:
        return Field(default=None, sa_type=UtcDateTime, nullable=True)
    return Field(sa_type=UtcDateTime, nullable=False)


def long_text(default: str | None = "") -> Any:
    """Text of any length."""
    known = {} if default is None else {"server_default": default}
    return Field(default=default, sa_type=Text, nullable=default is None, sa_column_kwargs=known)


def choice(default: StrEnum) -> Any:
    """An enum kept as its readable value; a new member needs no migration."""
    return Field(
        default=default,
        sa_type=_kept(type(default)),
        nullable=False,
        sa_column_kwargs={"server_default": default.value},
    )


def maybe(kind: type[StrEnum]) -> Any:
    """An enum that may be unset."""
    return Field(default=None, sa_type=_kept(kind), nullable=True)


def _kept(kind: type[StrEnum]) -> Any:
    return Enum(kind, native_enum=False, length=24, values_callable=lambda members: [m.value for m in members])


def flag() -> Any:
    """Yes or no, at first no."""
    return Field(default=False, nullable=False, sa_column_kwargs={"server_default": false()})


def plain_json() -> Any:
    """JSON values, or NULL."""
    return Field(default=None, sa_type=JSON(none_as_null=True), nullable=True)


class Leased(SQLModel):
    """The columns that make a row a job (`core/lease.py` is the only one who writes the first three)."""

    due_at: datetime | None = moment(nullable=True)
    claim_token: str | None = Field(default=None, max_length=80)
    lease_until: datetime | None = moment(nullable=True)
    attempts: int = 0
    last_error: str | None = long_text(None)
    error_kind: str | None = Field(default=None, max_length=40)  # class name of the error behind `last_error`
