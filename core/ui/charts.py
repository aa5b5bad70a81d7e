"""Altair charts over the tables of `analytics_tables`: only the drawing. Colours and fonts are the theme's.

Colour never speaks alone: lines differ in their dashes too, bars and cells carry their figures or tell them on hover,
and every chart is told in a sentence, which is also what a screen reader says.
"""

from typing import Any

import altair as alt
import pandas as pd
import streamlit as st

from core.services.analytics_tables import WEEKDAYS, Step

HEIGHT = 340
ROW = 30  # pixels a row of a heat map
TALL = 44  # pixels a row with its name above it
COLOURS = 8  # as many as the theme has; more series than that can't be told apart
FEW = 3  # posts; a mean of fewer is drawn pale
NAMES = 220  # pixels for a name beside a row
LONG = 300  # pixels for a name in a legend
LETTER = 7.5  # pixels
TICKS = 12  # dates below a line
CELLS = 7 * 28  # pixels, a week of rows
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
            x=_time(table, step),
            y=_amount(zero=False),
            color=_series(table, "stroke"),
            strokeDash=_dashes(table),
            opacity=alt.condition(chosen, alt.value(1), alt.value(0.15)),
            tooltip=_tips(table, label, step),
        )
        .add_params(chosen)
        .properties(height=HEIGHT, title=_title(label))
    )


def areas(table: pd.DataFrame, label: str, step: Step) -> Any:
    """Stacked areas over time."""
    return _stacked(alt.Chart(_placed(table)).mark_area(opacity=0.8, interpolate="monotone"), table, label, step)


def bars(table: pd.DataFrame, label: str, step: Step) -> Any:
    """Stacked bars, one a day, week or month."""
    return _stacked(alt.Chart(_placed(table)).mark_bar(), table, label, step, bands=True)


def _stacked(chart: Any, table: pd.DataFrame, label: str, step: Step, bands: bool = False) -> Any:
    return chart.encode(
        x=_time(table, step, bands),
        y=_amount(),
        color=_series(table),
        order=alt.Order("place:Q"),
        tooltip=_tips(table, label, step),
    ).properties(height=HEIGHT, title=_title(label))


def columns(table: pd.DataFrame, label: str, by: str) -> Any:
    """A bar for each weekday or hour (`by` names the table's column)."""
    named = _named_days(table)
    order: list[Any] = list(WEEKDAYS) if by == "weekday" else list(range(24))
    return (
        alt.Chart(named)
        .mark_bar()
        .encode(
            x=alt.X(f"{by}:O", title=_clock_title(by), scale=alt.Scale(domain=order), axis=alt.Axis(labelAngle=0)),
            y=_amount(),
            tooltip=[alt.Tooltip(f"{by}:O", title=by.capitalize()), *_figures(table, label)],
        )
        .properties(height=HEIGHT, title=_title(label))
    )


def ranking(table: pd.DataFrame, label: str) -> Any:
    """Lying bars with their figures, in the table's order: channel, value, posts."""
    row = alt.Y("channel:N", sort=list(table["channel"]), axis=None)
    base = alt.Chart(table).encode(y=row, tooltip=[alt.Tooltip("channel:N", title="Channel"), *_figures(table, label)])
    room = 1.2 * max(table["value"].max(), 1)  # on the right, for the figures
    length = alt.X("value:Q", axis=None, scale=alt.Scale(domain=[0, room], nice=False))
    drawn = base.mark_bar(size=12, yOffset=10).encode(x=length)
    # Above its bar a name has the whole width: handles are long.
    names = base.mark_text(align="left", dy=-8, color=_ink()).encode(x=alt.value(0), text="channel:N")
    figures = base.mark_text(align="left", dx=6, dy=10, color=_ink()).encode(
        x=length, text=alt.Text("value:Q", format=",.1f")
    )
    return (drawn + names + figures).properties(height=max(TALL * len(table), 2 * TALL), title=_title(label))


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
            color=_heat(table[table["posts"] >= FEW]),
            opacity=alt.condition(f"datum.posts < {FEW}", alt.value(0.35), alt.value(1)),
            tooltip=[
                alt.Tooltip("weekday:O", title="Weekday"),
                alt.Tooltip("hour:O", title="Hour"),
                *_figures(table, label),
            ],
        )
        .properties(height=CELLS + 130, title=_title(label))
    )


def heat(table: pd.DataFrame, label: str, step: Step) -> Any:
    """A row a series, a cell a day, week or month."""
    names = _order(table)
    return (
        alt.Chart(table)
        .mark_rect(stroke=None)
        .encode(
            x=_time(table, step, bands=True),
            y=alt.Y("series:N", sort=names, title=None, axis=alt.Axis(labelLimit=NAMES, ticks=False, domain=False)),
            color=_heat(table),
            tooltip=_tips(table, label, step),
        )
        .properties(height=ROW * len(names) + 110, title=_title(label))
    )


def _time(table: pd.DataFrame, step: Step, bands: bool = False) -> alt.X:
    if bands:
        axis = alt.Axis(format=TICK[step], labelAngle=0, labelOverlap="greedy", labelSeparation=12, ticks=False)
        return alt.X("yearmonthdate(at):O", title=None, axis=axis, scale=alt.Scale(paddingInner=0.15))
    # Where our points are: left alone, Vega begins its weeks on Sunday.
    moments = sorted(table["at"].unique())
    marks = [alt.DateTime(year=m.year, month=m.month, date=m.day) for m in moments[:: len(moments) // TICKS + 1]]
    axis = alt.Axis(format=TICK[step], values=marks, labelOverlap="greedy", labelSeparation=12, grid=False)
    return alt.X("at:T", title=None, axis=axis)


def _amount(zero: bool = True) -> alt.Y:
    return alt.Y("value:Q", title=None, scale=alt.Scale(zero=zero, nice=True), axis=alt.Axis(format="~s", tickCount=5))


def _ink() -> str:
    """The theme's text colour: Streamlit gives it to axes and titles, but not to text among the marks."""
    dark = st.context.theme.type == "dark"
    return str(st.get_option(f"theme.{'dark' if dark else 'light'}.textColor") or ("#ffffff" if dark else "#000000"))


def _title(label: str) -> alt.TitleParams:
    """What is counted: above the chart, where it takes no width."""
    return alt.TitleParams(label, anchor="start", fontSize=13, fontWeight=500, offset=10)


def _order(table: pd.DataFrame) -> list[str]:
    """Series as they come in the legend: greatest first, what was put together last."""
    sums = table.groupby("series")["value"].sum().sort_values(ascending=False, kind="stable")
    names = [str(name) for name in sums.index]
    return sorted(names, key=lambda name: name.endswith(" others"))


def _placed(table: pd.DataFrame) -> pd.DataFrame:
    """With the place of each series in the stack: the greatest lies at the bottom."""
    return table.assign(place=table["series"].map({name: place for place, name in enumerate(_order(table))}))


def _series(table: pd.DataFrame, symbol: str = "square") -> Any:
    """The series' colours, with a legend where there is more than one."""
    names = _order(table)
    if len(names) < 2:
        return alt.Undefined
    return alt.Color("series:N", sort=names, scale=alt.Scale(domain=names), legend=_legend(names, symbol))


def _dashes(table: pd.DataFrame) -> Any:
    names = _order(table)
    if len(names) < 2:
        return alt.Undefined
    return alt.StrokeDash("series:N", sort=names, scale=alt.Scale(domain=names), legend=_legend(names, "stroke"))


def _legend(names: list[str], symbol: str) -> alt.Legend:
    # How many stand side by side is up to the window: Vega clips what doesn't fit.
    columns = alt.ExprRef(f"max(1, min(4, floor(width / {max(map(len, names)) * LETTER + 40})))")
    return alt.Legend(orient="top", columns=columns, labelLimit=LONG, title=None, symbolType=symbol, symbolSize=160)


def _heat(solid: pd.DataFrame) -> alt.Color:
    """From 0 to the greatest of the solid values: one lucky post must not make all others look the same."""
    scale = alt.Scale(zero=True) if solid.empty else alt.Scale(domain=[0, max(solid["value"].max(), 1)], clamp=True)
    legend = alt.Legend(orient="top", title=None, gradientLength=160, gradientThickness=8, format="~s")
    return alt.Color("value:Q", legend=legend, scale=scale)


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
