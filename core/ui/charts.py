"""Altair charts in the theme's colours. Each is told in a sentence by its page; here is only the drawing."""

from typing import Any

import altair as alt
import pandas as pd
import streamlit as st

HEIGHT = 280
HOURS = list(range(24))
WEEKDAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")


def show(chart: Any, sentence: str) -> None:
    """Draw it, with its sentence for people who can't see it."""
    st.altair_chart(chart, width="stretch", alt=sentence)


def lines(frame: pd.DataFrame, x: str, y: str, series: str, label: str) -> Any:
    """A line a series over time; the scale needn't begin at zero: it is the change that is asked for."""
    return (
        alt.Chart(frame)
        .mark_line(strokeWidth=2.5, interpolate="monotone")
        .encode(
            x=alt.X(x, type="temporal", title=None),
            y=alt.Y(y, type="quantitative", title=label, scale=alt.Scale(zero=False)),
            color=_series(series),
            strokeDash=alt.StrokeDash(series, type="nominal", legend=None),
            tooltip=[
                alt.Tooltip(series, type="nominal", title=" "),
                alt.Tooltip(x, type="temporal", title="Day", format="%d.%m.%Y"),
                alt.Tooltip(y, type="quantitative", title=label, format=",.2~f"),
            ],
        )
        .properties(height=HEIGHT)
    )


def bars(frame: pd.DataFrame, x: str, y: str, series: str | None, label: str, unit: Any = None) -> Any:
    """Stacked bars. `unit`: an Altair time unit when `x` is a time; else `x` is a category in its given order."""
    timed = unit is not None
    horizontal = alt.X(
        x, type="temporal" if timed else "ordinal", timeUnit=unit or alt.Undefined, title=None, sort=None
    )
    chart = alt.Chart(frame).mark_bar(cornerRadiusTopLeft=2, cornerRadiusTopRight=2)
    tips = [alt.Tooltip(x, type="temporal" if timed else "nominal", title="When"),
            alt.Tooltip(y, type="quantitative", title=label, format=",.2~f", aggregate="sum")]  # fmt: skip
    if series:
        chart = chart.encode(color=_series(series))
        tips.insert(0, alt.Tooltip(series, type="nominal", title=" "))
    return chart.encode(
        x=horizontal, y=alt.Y(y, type="quantitative", title=label, aggregate="sum"), tooltip=tips
    ).properties(height=HEIGHT)


def areas(frame: pd.DataFrame, x: str, y: str, series: str, label: str) -> Any:
    """Stacked areas over time."""
    return (
        alt.Chart(frame)
        .mark_area(opacity=0.75)
        .encode(
            x=alt.X(x, type="temporal", title=None),
            y=alt.Y(y, type="quantitative", title=label),
            color=_series(series),
            tooltip=[
                alt.Tooltip(series, type="nominal", title=" "),
                alt.Tooltip(x, type="temporal", title="Day"),
                alt.Tooltip(y, type="quantitative", title=label),
            ],
        )
        .properties(height=HEIGHT)
    )


def heat(frame: pd.DataFrame, value: str, label: str) -> Any:
    """Weekday by hour; `frame` has weekday (Mon …), hour (0–23), `value`, count."""
    return (
        alt.Chart(frame)
        .mark_rect(cornerRadius=2)
        .encode(
            x=alt.X("hour", type="ordinal", title="Hour", scale=alt.Scale(domain=HOURS)),
            y=alt.Y("weekday", type="ordinal", title=None, sort=list(WEEKDAYS), scale=alt.Scale(domain=list(WEEKDAYS))),
            color=alt.Color(value, type="quantitative", title=label),
            tooltip=[
                "weekday",
                "hour",
                alt.Tooltip(value, title=label, format=".1f"),
                alt.Tooltip("count", title="Posts"),
            ],
        )
        .properties(height=HEIGHT)
    )


def _series(name: str) -> alt.Color:
    return alt.Color(name, type="nominal", title=None, legend=alt.Legend(orient="top", columns=3, labelLimit=260))
