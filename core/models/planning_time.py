"""When posts go out: a channel's slots, posts that come again, days to know of."""

from datetime import date, datetime
from enum import StrEnum

from sqlmodel import Field, Index, SQLModel, UniqueConstraint

from core.models.columns import choice, flag, key, link, long_text, moment, plain_json


class Slot(SQLModel, table=True):
    """A time of the week at which a channel likes to publish, on the clock of the channel's zone."""

    __table_args__ = (UniqueConstraint("channel_id", "weekday", "at"),)

    id: int = key()
    channel_id: int = link("channel.id")
    weekday: int  # 0 is Monday
    at: str = Field(max_length=5)  # "09:30"


class RecurrenceKind(StrEnum):
    """How a post comes again."""

    CALENDAR = "calendar"  # every so many days, weeks or months
    EVERGREEN = "evergreen"  # into free slots, whenever the queue runs dry


class RecurrenceUnit(StrEnum):
    """Of what there are `every` between two."""

    DAY = "day"
    WEEK = "week"
    MONTH = "month"


class Recurrence(SQLModel, table=True):
    """A post that comes again: copies of `post_id` are planned ahead, until its end or limit."""

    __table_args__ = (Index("ix_recurrence_next", "next_at"),)

    id: int = key()
    post_id: int = Field(foreign_key="post.id", ondelete="CASCADE", unique=True)  # what is copied
    kind: RecurrenceKind = choice(RecurrenceKind.CALENDAR)
    every: int = 1
    unit: RecurrenceUnit = choice(RecurrenceUnit.WEEK)
    weekdays: list[int] | None = plain_json()  # of a weekly one; 0 is Monday
    at: str = Field(default="09:00", max_length=5)
    time_zone: str = Field(max_length=64)  # of `at`
    starts_on: date  # the first day; days and weeks are counted from it, a 31st is kept in mind
    rest_days: int = 0  # of an evergreen post: days between two
    until_on: date | None = None  # the last day
    most: int | None = None  # copies
    made: int = 0  # copies so far
    next_at: datetime | None = moment(nullable=True)  # of the next copy; None: it has ended
    followed: int = Field(default=0, sa_column_kwargs={"server_default": "0"})  # version of the post its copies follow
    paused: bool = flag()
    trouble: str | None = long_text(None)  # why the last copy could not be scheduled
    member_id: int | None = link("member.id", nullable=True)
    created_at: datetime = moment(now=True)


class KeyDate(SQLModel, table=True):
    """A day that matters to the plan: a fair, a launch, an anniversary."""

    __table_args__ = (Index("ix_keydate_day", "day"),)

    id: int = key()
    day: date
    until_on: date | None = None  # the last day of several
    name: str = Field(max_length=120)
    color: str = Field(default="violet", max_length=16)
    yearly: bool = flag()
