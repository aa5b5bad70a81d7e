"""Altair charts over the tables of `analytics_tables`: only the drawing. Colours and fonts are the theme's.

Colour never speaks alone: lines differ in their dashes too, bars and cells carry their figures or tell them on hover,
and every chart is told in a sentence, which is also what a screen reader says.
"""

from typing import Any

import altair as alt
import pandas as pd
import streamlit as st

from core.services.analytics_tables import WEEKDAYS, Step

HEIGHT = 300
ROW = 30  # pixels a row of a chart that lies down
COLOURS = 8  # as many as the theme has; more series than that can't be told apart
FEW = 3  # posts; a mean of fewer is drawn pale
NAMES = 190  # pixels for a name beside a row
LONG = 380  # pixels for a name in a legend
NUMBER = ",.2~f"
DATE = {Step.DAY: "%a %d %b %Y", Step.WEEK: "Week of %d %b %Y", Step.MONTH: "%B %Y"}
TICK = {Step.DAY: "%d %b", Step.WEEK: "%d %b", Step.MONTH: "%b %Y"}


def show(chart: Any, sentence: str) -> None:
    """Draw it, with its sentence for people who can't see it."""
    st.altair_chart(chart, width="stretch", alt=sentence)


def lines(table: pd.DataFrame, label: str, step: Step) -> Any:
    """A line a series over time. The scale needn't begin at zero: it is the change that is asked for."""
    points = table["at"].nunique() <= 31  # a line through few points hides where they are
    chosen = alt.selection_point(fields=["series"], bind="legend")
    chart = alt.Chart(table).mark_line(
        strokeWidth=2.25, interpolate="monotone", point={"size": 28} if points else False
    )
    return (
        chart.encode(
            x=_time(step),
            y=_amount(label, zero=False),
            color=_series(table),
            strokeDash=alt.StrokeDash("series:N", sort=_order(table), legend=None),
            opacity=alt.condition(chosen, alt.value(1), alt.value(0.15)),
            tooltip=_tips(table, label, step),
        )
        .add_params(chosen)
        .properties(height=HEIGHT)
    )


def areas(table: pd.DataFrame, label: str, step: Step) -> Any:
    """Stacked areas over time."""
    return _stacked(alt.Chart(_placed(table)).mark_area(opacity=0.8, interpolate="monotone"), table, label, step)


def bars(table: pd.DataFrame, label: str, step: Step) -> Any:
    """Stacked bars, one a day, week or month."""
    return _stacked(alt.Chart(_placed(table)).mark_bar(), table, label, step, bands=True)


def _stacked(chart: Any, table: pd.DataFrame, label: str, step: Step, bands: bool = False) -> Any:
    return chart.encode(
        x=_time(step, bands),
        y=_amount(label),
        color=_series(table),
        order=alt.Order("place:Q"),
        tooltip=_tips(table, label, step),
    ).properties(height=HEIGHT)


def columns(table: pd.DataFrame, label: str, by: str) -> Any:
    """A bar for each weekday or hour (`by` names the table's column)."""
    named = _named_days(table)
    order: list[Any] = list(WEEKDAYS) if by == "weekday" else list(range(24))
    return (
        alt.Chart(named)
        .mark_bar()
        .encode(
            x=alt.X(f"{by}:O", title=_clock_title(by), scale=alt.Scale(domain=order), axis=alt.Axis(labelAngle=0)),
            y=_amount(label),
            tooltip=[alt.Tooltip(f"{by}:O", title=by.capitalize()), *_figures(table, label)],
        )
        .properties(height=HEIGHT)
    )


def ranking(table: pd.DataFrame, label: str) -> Any:
    """Lying bars with their figures, in the table's order: channel, value, posts."""
    order = list(table["channel"])
    base = alt.Chart(table).encode(
        y=alt.Y("channel:N", sort=order, title=None, axis=alt.Axis(labelLimit=NAMES, ticks=False, domain=False)),
        x=alt.X("value:Q", title=None, axis=None),
        tooltip=[alt.Tooltip("channel:N", title="Channel"), *_figures(table, label)],
    )
    figures = base.mark_text(align="left", dx=5).encode(text=alt.Text("value:Q", format=",.1f"))
    return (base.mark_bar(size=ROW * 0.6) + figures).properties(height=max(ROW * len(table), 2 * ROW))


def clock(table: pd.DataFrame, label: str) -> Any:
    """Weekday by hour as a heat map; a cell with fewer than `FEW` posts is pale."""
    named = _named_days(table)
    return (
        alt.Chart(named)
        .mark_rect(cornerRadius=2, stroke=None)
        .encode(
            x=alt.X(
                "hour:O",
                title=_clock_title("hour"),
                scale=alt.Scale(domain=list(range(24)), paddingInner=0.06),
                axis=alt.Axis(labelAngle=0, labelOverlap=True, ticks=False, domain=False),
            ),
            y=alt.Y(
                "weekday:O",
                title=None,
                scale=alt.Scale(domain=list(WEEKDAYS), paddingInner=0.06),
                axis=alt.Axis(ticks=False, domain=False),
            ),
            color=_heat(label),
            opacity=alt.condition(f"datum.posts < {FEW}", alt.value(0.35), alt.value(1)),
            tooltip=[
                alt.Tooltip("weekday:O", title="Weekday"),
                alt.Tooltip("hour:O", title="Hour"),
                *_figures(table, label),
            ],
        )
        .properties(height=HEIGHT)
    )


def heat(table: pd.DataFrame, label: str, step: Step) -> Any:
    """A row a series, a cell a day, week or month."""
    names = _order(table)
    return (
        alt.Chart(table)
        .mark_rect(stroke=None)
        .encode(
            x=_time(step, bands=True),
            y=alt.Y("series:N", sort=names, title=None, axis=alt.Axis(labelLimit=NAMES, ticks=False, domain=False)),
            color=_heat(label),
            tooltip=_tips(table, label, step),
        )
        .properties(height=max(ROW * len(names) + 60, 120))
    )


def _time(step: Step, bands: bool = False) -> alt.X:
    if bands:
        axis = alt.Axis(format=TICK[step], labelAngle=0, labelOverlap="greedy", labelSeparation=12, ticks=False)
        return alt.X("yearmonthdate(at):O", title=None, axis=axis, scale=alt.Scale(paddingInner=0.15))
    return alt.X("at:T", title=None, axis=alt.Axis(format=TICK[step], labelOverlap="greedy", labelSeparation=12))


def _amount(label: str, zero: bool = True) -> alt.Y:
    axis = alt.Axis(format="~s", tickCount=5, titleAnchor="end", titleAngle=0, titleAlign="left", titleY=-12, titleX=0)
    return alt.Y("value:Q", title=label, scale=alt.Scale(zero=zero, nice=True), axis=axis)


def _order(table: pd.DataFrame) -> list[str]:
    """Series as they come in the legend: greatest first, what was put together last."""
    sums = table.groupby("series")["value"].sum().sort_values(ascending=False, kind="stable")
    names = [str(name) for name in sums.index]
    return sorted(names, key=lambda name: name.endswith(" others"))


def _placed(table: pd.DataFrame) -> pd.DataFrame:
    """With the place of each series in the stack: the greatest lies at the bottom."""
    return table.assign(place=table["series"].map({name: place for place, name in enumerate(_order(table))}))


def _series(table: pd.DataFrame) -> Any:
    """The series' colours, with a legend where there is more than one."""
    names = _order(table)
    if len(names) < 2:
        return alt.Undefined
    wide = max(map(len, names)) > 18
    legend = alt.Legend(
        orient="top", columns=2 if wide else 4, labelLimit=LONG, title=None, symbolType="square", offset=14
    )
    return alt.Color("series:N", sort=names, scale=alt.Scale(domain=names), legend=legend)


def _heat(label: str) -> alt.Color:
    legend = alt.Legend(
        orient="top", title=label, gradientLength=160, gradientThickness=10, titleLimit=300, format="~s"
    )
    return alt.Color("value:Q", legend=legend, scale=alt.Scale(zero=True))


def _tips(table: pd.DataFrame, label: str, step: Step) -> list[alt.Tooltip]:
    when = alt.Tooltip("at:T", title="When", format=DATE[step])
    who = [alt.Tooltip("series:N", title="Of")] if table["series"].nunique() > 1 else []
    return [when, *who, *_figures(table, label)]


def _figures(table: pd.DataFrame, label: str) -> list[alt.Tooltip]:
    count = [alt.Tooltip("posts:Q", title="Posts behind it", format=",")] if "posts" in table else []
    return [alt.Tooltip("value:Q", title=label, format=NUMBER), *count]


def _named_days(table: pd.DataFrame) -> pd.DataFrame:
    if "weekday" not in table:
        return table
    return table.assign(weekday=table["weekday"].map(dict(enumerate(WEEKDAYS))))


def _clock_title(by: str) -> str | None:
    return "Hour of publication" if by == "hour" else None
