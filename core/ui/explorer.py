"""The chart explorer: choose measure, split, time and chart, see how many posts are behind it, take the file."""

from typing import Any

import pandas as pd
import streamlit as st

from core import db
from core.services import analytics
from core.services.analytics import Fold, Measure, Report
from core.services.analytics_tables import BY_CLOCK, WEEKDAYS, Breakdown, Step, csv, explore
from core.ui import charts
from core.ui.analytics_parts import step_for
from core.ui.parts import shown

SPLITS = {
    "Nothing": Breakdown.NONE,
    "Channel": Breakdown.CHANNEL,
    "Group": Breakdown.GROUP,
    "Network": Breakdown.NETWORK,
    "Weekday": Breakdown.WEEKDAY,
    "Hour": Breakdown.HOUR,
    "Weekday and hour": Breakdown.WEEKDAY_HOUR,
}
SPANS = {"As above": None, "7 days": 7, "30 days": 30, "90 days": 90, "180 days": 180, "A year": 365}
STEPS = {"Fitting": None, "Day": Step.DAY, "Week": Step.WEEK, "Month": Step.MONTH}
USUAL = "interactions"


def kinds(measure: Measure, split: Breakdown) -> list[str]:
    """The charts that tell the truth about this choice, the best first: levels and means don't add up to a stack."""
    if split is Breakdown.WEEKDAY_HOUR:
        return ["Heat map"]
    if split in BY_CLOCK:
        return ["Bars"]
    stacks = measure.fold is not Fold.MEAN or split is Breakdown.NONE
    fits = {
        "Line": True,
        "Bars": stacks and measure.fold is not Fold.LAST,
        "Area": stacks and measure.fold is not Fold.MEAN and measure.name != "gained",  # may fall below zero
        "Heat map": split is not Breakdown.NONE,
    }
    return [name for name, fit in fits.items() if fit]


def explorer(above: Report) -> None:
    """The choices, the chart, what is behind it, its file. Call it in a fragment."""
    with st.container(horizontal=True, vertical_alignment="bottom"):
        measure, split = _question(above)
        found = _within(above)
        step, kind = _how(measure, split, found)
    apart = charts.COLOURS if kind in {"Line", "Bars", "Area"} else 10_000
    table = explore(found, measure, split, step, apart)
    if table.empty:
        st.caption("There is nothing to draw for this choice yet. Take a longer time or another measure.")
        return
    charts.show(drawn(table, measure, split, kind, step), sentence(table, measure, split, step))
    with st.container(horizontal=True, vertical_alignment="center", horizontal_alignment="distribute"):
        st.caption(shown(behind(table, found, measure)))
        st.download_button(
            "Download CSV",
            csv(table, step),
            file_name=file_name(found, measure, split, step),
            mime="text/csv",
            icon=":material/download:",
            on_click="ignore",
        )


def _question(above: Report) -> tuple[Measure, Breakdown]:
    offered = {measure.label: measure for measure in above.given}
    first = next((place for place, measure in enumerate(above.given) if measure.name == USUAL), 0)
    label = st.selectbox("Measure", list(offered), index=first, key="measure", bind="query-params", width=210)
    measure = offered.get(label or "", analytics.MEASURES[USUAL])
    splits = [name for name, split in SPLITS.items() if measure.of_posts or split not in BY_CLOCK]
    chosen = st.selectbox("Split by", splits, key="split", bind="query-params", width=190)
    return measure, SPLITS.get(chosen or "", Breakdown.NONE)


def _within(above: Report) -> Report:
    chosen = st.selectbox("Time", list(SPANS), key="within", bind="query-params", width=130)
    days = SPANS.get(chosen or "")
    if days is None:
        return above
    scope = above.scope
    with db.read() as session:
        return analytics.report(
            session,
            analytics.last_days(days, scope.zone, channel_ids=scope.channel_ids, group_id=scope.group_id),
        )


def _how(measure: Measure, split: Breakdown, found: Report) -> tuple[Step, str]:
    step = step_for(found.scope)
    if split not in BY_CLOCK:
        per = st.selectbox("A point each", list(STEPS), key="per", bind="query-params", width=120)
        step = STEPS.get(per or "") or step
    offered = kinds(measure, split)
    kind = st.segmented_control(
        "Chart", offered, default=offered[0], required=True, key="kind", bind="query-params", wrap=True
    )
    return step, kind if kind in offered else offered[0]


def drawn(table: pd.DataFrame, measure: Measure, split: Breakdown, kind: str, step: Step) -> Any:
    """The Altair chart of a table."""
    if split is Breakdown.WEEKDAY_HOUR:
        return charts.clock(table, measure.label)
    if split in BY_CLOCK:
        return charts.columns(table, measure.label, split.value)
    draw = {"Line": charts.lines, "Bars": charts.bars, "Area": charts.areas, "Heat map": charts.heat}[kind]
    return draw(table, measure.label, step)


def sentence(table: pd.DataFrame, measure: Measure, split: Breakdown, step: Step) -> str:
    """The chart in words: what it shows and where the highest value is."""
    top = table.iloc[int(table["value"].argmax())]
    if split in BY_CLOCK:
        named = {"weekday": lambda v: WEEKDAYS[int(v)], "hour": lambda v: f"{int(v):02d} h"}
        where = " ".join(named[name](top[name]) for name in BY_CLOCK[split])
    else:
        where = f"{top['series']}, {top['at']:%d %b %Y}" if split is not Breakdown.NONE else f"{top['at']:%d %b %Y}"
    parts = "" if split is Breakdown.NONE else f" by {split.value.replace('_', ' and ')}"
    over = "" if split in BY_CLOCK else f", a point a {step.value}"
    return f"{measure.label}{parts}{over}. Highest: {top['value']:,.4g} ({where})."


def behind(table: pd.DataFrame, found: Report, measure: Measure) -> str:
    """What the figures rest on."""
    first, last = found.scope.days
    time = f"{first:%d %b %Y} – {last:%d %b %Y}, days in {found.scope.zone.key}"
    if not measure.of_posts:
        return f"{found.followers['channel_id'].nunique()} channels, as they stood at the end of each day. {time}."
    count = int(table["posts"].sum())
    left = len(found.posts) - count
    more = f" {left:,} more without this figure, not counted." if left else ""
    return f"{count:,} {'post' if count == 1 else 'posts'}, counted when they were published. {time}.{more}"


def file_name(found: Report, measure: Measure, split: Breakdown, step: Step) -> str:
    """As `likes-by-channel-per-week-2026-05-01-to-2026-07-31.csv`."""
    first, last = found.scope.days
    by = "" if split is Breakdown.NONE else f"-by-{split.value.replace('_', '-')}"
    per = "" if split in BY_CLOCK else f"-per-{step.value}"
    return f"{measure.name.replace('_', '-')}{by}{per}-{first}-to-{last}.csv"
