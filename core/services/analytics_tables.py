"""One chart's table out of a report: a measure folded by time, by who posted and by the hour. No database here.

A table holds what a chart shows and nothing else, so that its file (`csv`) says the same as the picture.
"""

from enum import StrEnum
from typing import Any

import pandas as pd

from core.services.analytics import Fold, Measure, Report, local_days

WEEKDAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")


class Breakdown(StrEnum):
    """What a measure is split by. The last three say when posts were published, in the scope's zone."""

    NONE = "none"
    CHANNEL = "channel"
    GROUP = "group"
    NETWORK = "network"
    WEEKDAY = "weekday"
    HOUR = "hour"
    WEEKDAY_HOUR = "weekday_hour"


BY_CLOCK = {
    Breakdown.WEEKDAY: ["weekday"],
    Breakdown.HOUR: ["hour"],
    Breakdown.WEEKDAY_HOUR: ["weekday", "hour"],
}


class Step(StrEnum):
    """How long one point of a chart over time lasts; weeks begin on Monday."""

    DAY = "day"
    WEEK = "week"
    MONTH = "month"


def explore(
    found: Report, measure: Measure, breakdown: Breakdown = Breakdown.NONE, step: Step = Step.DAY, most: int = 10_000
) -> pd.DataFrame:
    """`value` by `at` and `series`, or by `weekday` (0 is Monday) and `hour`.

    `posts` is the number of posts behind each value (not for followers). Over time a stretch without posts sums to
    0; one whose posts nobody measured is missing. More than `most` series: the smaller ones are one.
    """
    frame = found.posts if measure.of_posts else found.followers
    if breakdown in BY_CLOCK:
        when = {"weekday": frame["at"].dt.day_of_week, "hour": frame["at"].dt.hour}
        return _folded(frame.assign(**when), measure, BY_CLOCK[breakdown])
    days = local_days(frame["at"])
    series = measure.label if breakdown is Breakdown.NONE else frame[breakdown.value].astype(str)
    frame = frame.assign(day=days, at=_begins(days, step), series=series)
    frame["series"] = _fewer(frame, measure, most)
    if measure.fold is Fold.LAST:
        daily = frame.groupby(["day", "at", "series"])[[measure.column]].sum().reset_index()
        return _folded(daily, measure, ["at", "series"]).drop(columns="posts")
    table = _folded(frame, measure, ["at", "series"])
    if measure.fold is Fold.SUM:
        table = _with_zeros(table, frame[frame[measure.column].isna()], found, step)
    return table if measure.of_posts else table.drop(columns="posts")


def _folded(frame: pd.DataFrame, measure: Measure, by: list[str]) -> pd.DataFrame:
    grouped = frame[frame[measure.column].notna()].groupby(by)[measure.column]
    return pd.DataFrame({"value": grouped.agg(measure.fold.value), "posts": grouped.size()}).reset_index()


def _begins(days: "pd.Series[Any]", step: Step) -> "pd.Series[Any]":
    if step is Step.DAY:
        return days
    past = days.dt.day_of_week if step is Step.WEEK else days.dt.day - 1
    start: pd.Series[Any] = days - pd.to_timedelta(past, unit="D")
    return start


def _fewer(frame: pd.DataFrame, measure: Measure, most: int) -> "pd.Series[Any]":
    """The series' names, the smaller ones under one name, so that at most `most` are left."""
    grouped = frame.groupby("series")[measure.column]
    sizes = grouped.last() if measure.fold is Fold.LAST else grouped.sum().abs()
    if len(sizes) <= most:
        return frame["series"]
    small = sizes.sort_values(ascending=False, kind="stable").index[most - 1 :]
    return frame["series"].mask(frame["series"].isin(small), f"{len(small)} others")


def _with_zeros(table: pd.DataFrame, unknown: pd.DataFrame, found: Report, step: Step) -> pd.DataFrame:
    """A series without any post in a stretch is worth 0 there; with unmeasured posts alone it stays missing."""
    days = pd.Series(pd.date_range(*found.scope.days))
    stretches = pd.Index(_begins(days, step).unique(), name="at")
    names = pd.Index(table["series"].unique(), name="series")
    full = table.set_index(["at", "series"]).reindex(pd.MultiIndex.from_product([stretches, names]))
    unmeasured = full.index.isin(pd.MultiIndex.from_frame(unknown[["at", "series"]]))
    return full[full["value"].notna() | ~unmeasured].fillna(0).astype({"posts": int}).reset_index()


def per_channel(posts: pd.DataFrame) -> pd.DataFrame:
    """Interactions a post by channel, best first: channel, value, posts (those measured)."""
    grouped = posts[posts["interactions"].notna()].groupby("channel")["interactions"]
    table = pd.DataFrame({"value": grouped.mean(), "posts": grouped.size()}).reset_index()
    return table.sort_values(["value", "posts"], ascending=False, ignore_index=True)


def csv(table: pd.DataFrame, step: Step) -> bytes:
    """A chart's table as a file: UTF-8, ISO dates, names of weekdays, whole numbers without a point."""
    plain = table.rename(columns={"at": step.value})
    if "weekday" in plain:
        plain["weekday"] = plain["weekday"].map(dict(enumerate(WEEKDAYS)))
    whole = bool((plain["value"] % 1 == 0).all())
    plain["value"] = plain["value"].astype("int64") if whole else plain["value"].round(4)
    return plain.to_csv(index=False, date_format="%Y-%m-%d").encode()
