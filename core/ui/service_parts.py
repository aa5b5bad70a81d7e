"""The service time on the Analytics page: how long people wait, by week, channel, member. Figures: `service_report`.

Hours are the team's business hours, so a weekend makes nobody slow. How many answers are behind a figure always stands
beside it.
"""

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any

import altair as alt
import pandas as pd
import streamlit as st

from core import db
from core.services import service_report
from core.services.analytics import Scope, channel_names
from core.services.channels import ChannelRow
from core.services.service_report import Figures, Line, Part, ServiceReport
from core.services.service_words import length_words, target_words
from core.ui import charts

ENOUGH = 10  # below, nine of ten is only the slowest
KINDS = {"First answer": "first", "Resolution": "resolution"}
SPLITS = {"Week": "by_week", "Channel": "by_channel", "Member": "by_member"}
MOST = 12  # channels or members in the chart; the table has all
HALF, NINE = "Half within", "Nine in ten within"


def service_section(scope: Scope, connected: Sequence[ChannelRow]) -> None:
    """How long do people wait for us? Respects the page's time, channels and group. Call it in a fragment."""
    st.header("How long do people wait for us?", anchor=False)
    with db.read() as session:
        found = service_report.report(session, scope.since, scope.until, scope.zone, scope.channel_ids, scope.group_id)
    if not found.first.total.count and not found.resolution.total.count:
        st.caption(f"Appears here with the first answer to a message that came in after connecting.{_open(found)}")
        return
    with st.container(horizontal=True, vertical_alignment="bottom"):
        kind = _chosen("Until the", list(KINDS), "service_until")
        split = _chosen("By", list(SPLITS), "service_by")
    part: Part = getattr(found, KINDS[kind])
    names = channel_names([(row.id, row.handle, row.network_label) for row in connected])
    lines = _named(getattr(part, SPLITS[split]), names, split)
    said = sentence(part, kind)
    st.text(said)
    if not lines:
        return
    draw = weeks if split == "Week" else rows
    charts.show(draw(lines, kind), f"{said} {_spoken(lines, split)}")
    table = listed(lines, split, kind)
    _table(table, split)
    _foot(found, table, file_name(scope, kind, split))


def _chosen(label: str, options: list[str], key: str) -> str:
    chosen = st.segmented_control(label, options, default=options[0], required=True, key=key, bind="query-params")
    return chosen if chosen in options else options[0]


def _named(lines: Sequence[Line], names: Mapping[int, str], split: str) -> list[tuple[str, Line]]:
    if split == "Channel":
        return [(names.get(line.key, line.name) if isinstance(line.key, int) else line.name, line) for line in lines]
    return [(line.name, line) for line in lines]


# --- words ----------------------------------------------------------------------------------------------------------


def sentence(part: Part, kind: str) -> str:
    """The answer to the question, with how much it rests on."""
    total = part.total
    if total.median is None or total.p90 is None:
        return f"No {'answer' if kind == 'First answer' else 'resolution'} was measured in this time."
    what = "were answered" if kind == "First answer" else "were resolved"
    within = "" if total.within is None else f"; {total.within:.0%} within the target"
    head = f"Half {what} {_within(total.median)}, nine in ten {_within(total.p90)}{within}."
    few = " Too few to rely on." if total.count < ENOUGH else ""
    return f"{head} From {_count(total.count, kind)}, in working hours.{few}"


def _within(seconds: float) -> str:
    return f"within {length_words(seconds)}" if seconds else "before the next working hours began"


def _count(count: int, kind: str) -> str:
    word = "answer" if kind == "First answer" else "resolution"
    return f"1 {word}" if count == 1 else f"{count:,} {word}s"


def _spoken(lines: Sequence[tuple[str, Line]], split: str) -> str:
    slowest = max(lines, key=lambda one: one[1].figures.median or 0)
    return f"By {split.lower()}; slowest: {slowest[0]}." if len(lines) > 1 else ""


def _open(found: ServiceReport) -> str:
    if not found.waiting:
        return " Nobody waits now."
    people = "1 conversation waits" if found.waiting == 1 else f"{found.waiting:,} conversations wait"
    late = f", {found.overdue:,} past the target" if found.overdue else ""
    return f" {people} for an answer now{late}: not counted before it is given."


def _foot(found: ServiceReport, table: pd.DataFrame, name: str) -> None:
    with st.container(horizontal=True, vertical_alignment="center", horizontal_alignment="distribute"):
        st.caption(f"Hours and targets of today, as under Settings.{_open(found)}")
        st.download_button(
            "Download CSV",
            table.to_csv(index=False).encode(),
            file_name=name,
            mime="text/csv",
            icon=":material/download:",
            key="service_csv",
            on_click="ignore",
        )


def file_name(scope: Scope, kind: str, split: str) -> str:
    """As `first-answer-by-week-2026-05-01-to-2026-07-31.csv`."""
    first, last = scope.days
    return f"{kind.lower().replace(' ', '-')}-by-{split.lower()}-{first}-to-{last}.csv"


# --- chart ----------------------------------------------------------------------------------------------------------


def _long(lines: Sequence[tuple[str, Line]]) -> pd.DataFrame:
    """A row a line and figure: at, name, figure, hours, told, count."""
    return pd.DataFrame(
        {
            "at": pd.Timestamp(line.key) if isinstance(line.key, date) else pd.NaT,
            "name": name,
            "figure": figure,
            "hours": seconds / 3600,
            "told": length_words(seconds),
            "count": line.figures.count,
        }
        for name, line in lines
        for figure, seconds in ((HALF, line.figures.median or 0.0), (NINE, line.figures.p90 or 0.0))
    )


def _colour() -> Any:
    legend = alt.Legend(orient="top", title=None, symbolSize=160)
    return alt.Color("figure:N", sort=[HALF, NINE], scale=alt.Scale(domain=[HALF, NINE]), legend=legend)


def _tips(kind: str, who: alt.Tooltip) -> list[alt.Tooltip]:
    count = "Answers behind it" if kind == "First answer" else "Resolutions behind it"
    return [
        who,
        alt.Tooltip("figure:N", title="Figure"),
        alt.Tooltip("told:N", title="Working time"),
        alt.Tooltip("count:Q", title=count, format=","),
    ]


def weeks(lines: Sequence[tuple[str, Line]], kind: str) -> Any:
    """Both figures as a pair of bars a week; a week with few answers is pale."""
    week = alt.Tooltip("at:T", title="Week", format="Week of %d %b %Y")
    return (
        alt.Chart(_long(lines))
        .mark_bar()
        .encode(
            x=alt.X(
                "yearmonthdate(at):O",
                title=None,
                axis=alt.Axis(format="%d %b", labelAngle=0, labelOverlap="greedy", labelSeparation=12, ticks=False),
            ),
            xOffset=alt.XOffset("figure:N", sort=[HALF, NINE]),
            y=alt.Y("hours:Q", title=None, axis=alt.Axis(tickCount=5)),
            color=_colour(),
            opacity=_pale(),
            tooltip=_tips(kind, week),
        )
        .properties(height=charts.HEIGHT, title=_title(kind))
    )


def rows(lines: Sequence[tuple[str, Line]], kind: str) -> Any:
    """Both figures as lying bars, a pair for each channel or member; those with most first."""
    table = _long(lines[:MOST])
    order = list(dict.fromkeys(table["name"]))
    return (
        alt.Chart(table)
        .mark_bar()
        .encode(
            y=alt.Y(
                "name:N",
                sort=order,
                title=None,
                axis=alt.Axis(labelLimit=charts.NAMES, ticks=False, domain=False),
            ),
            yOffset=alt.YOffset("figure:N", sort=[HALF, NINE]),
            x=alt.X("hours:Q", title=None, axis=alt.Axis(tickCount=5)),
            color=_colour(),
            opacity=_pale(),
            tooltip=_tips(kind, alt.Tooltip("name:N", title="Of")),
        )
        .properties(height=charts.TALL * len(order) + 120, title=_title(kind))
    )


def _pale() -> Any:
    return alt.condition(f"datum.count < {charts.FEW}", alt.value(0.45), alt.value(1))


def _title(kind: str) -> alt.TitleParams:
    label = f"Working hours until the {kind.lower()}"
    return alt.TitleParams(label, anchor="start", fontSize=13, fontWeight=500, offset=10)


# --- table ----------------------------------------------------------------------------------------------------------


def listed(lines: Sequence[tuple[str, Line]], split: str, kind: str) -> pd.DataFrame:
    """All lines as the table shows them and the file holds them: hours, and the share within the target."""
    told: list[dict[str, Any]] = [
        {split: line.key if split == "Week" else name, **_figures(line.figures, kind), "Target": _target(line)}
        for name, line in lines
    ]
    empty = [name for name in ("Within target", "Target") if all(row[name] is None for row in told)]
    return pd.DataFrame(told).drop(columns=empty)


def _figures(figures: Figures, kind: str) -> dict[str, Any]:
    count = "Answers" if kind == "First answer" else "Resolutions"
    return {
        count: figures.count,
        "Median (h)": round((figures.median or 0) / 3600, 2),
        "9 in 10 within (h)": round((figures.p90 or 0) / 3600, 2),
        "Within target": None if figures.within is None else round(figures.within, 2),
    }


def _target(line: Line) -> str | None:
    return None if line.target_minutes is None else target_words(line.target_minutes)


def _table(table: pd.DataFrame, split: str) -> None:
    number = st.column_config.NumberColumn(format="%.1f")
    st.dataframe(
        table,
        hide_index=True,
        column_config={
            "Week": st.column_config.DateColumn(format="DD MMM YYYY"),
            **dict.fromkeys(("Median (h)", "9 in 10 within (h)"), number),
            "Within target": st.column_config.NumberColumn(format="percent"),
        },
        alt=f"Service time by {split.lower()}, {len(table)} rows",
    )
