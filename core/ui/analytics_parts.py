"""The parts of the Analytics page: head figures, charts with their question and its answer, top posts, the explorer."""

from typing import Any

import pandas as pd
import streamlit as st

from core import db
from core.services import analytics
from core.services.analytics import MEASURES, Breakdown, Measure, Scope, TopPost, Totals
from core.ui import charts
from core.ui.page import Page

ENOUGH = 20  # posts, before hours and weekdays say anything
BREAKDOWNS = {
    "Nothing": Breakdown.NONE,
    "Channel": Breakdown.CHANNEL,
    "Group": Breakdown.GROUP,
    "Network": Breakdown.NETWORK,
    "Weekday": Breakdown.WEEKDAY,
    "Hour": Breakdown.HOUR,
}
BY_TIME_OF_DAY = (Breakdown.WEEKDAY, Breakdown.HOUR)


def figures(now: Totals, before: Totals) -> None:
    """The totals, each beside the period before."""
    with st.container(horizontal=True):
        st.metric("Followers", _number(now.followers), _change(now.follower_change), border=True)
        for name in ("published", "likes", "shares", "comments"):
            label = {"published": "Posts"}.get(name, name.capitalize())
            st.metric(label, f"{getattr(now, name):,}", _change(getattr(now, name) - getattr(before, name)), border=True,
                      help="With the change against the span before.")  # fmt: skip
        if now.reach is not None:
            st.metric("Reach", _number(now.reach), border=True)
    if now.reach is None:
        st.caption("Reach is missing because none of these networks tells it.")


def _number(value: int | None) -> str:
    return "–" if value is None else f"{value:,}"


def _change(value: int | None) -> str | None:
    return None if value is None else f"{value:+,}"


def follower_chart(frame: pd.DataFrame) -> None:
    """Are more people following us?"""
    st.subheader("Are more people following us?")
    if frame.empty:
        st.caption("The first figures appear a few minutes after a channel is connected, then one a day.")
        return
    ends = frame.groupby("channel")["value"].agg(["first", "last"])
    ends["change"] = ends["last"] - ends["first"]
    best, total = ends["change"].idxmax(), int(ends["change"].sum())
    sentence = (
        f"{'Yes' if total > 0 else 'No'}: {total:+,} in this time, most on {best} ({int(ends['change'].max()):+,})."
    )
    st.markdown(_plain(sentence))
    charts.show(charts.lines(frame, "day", "value", "channel", "Followers"), sentence)


def reaction_chart(frame: pd.DataFrame, days: int) -> None:
    """How do people react, and when?"""
    st.subheader("How do people react to what we post?")
    if frame.empty:
        st.caption("Likes, shares and comments appear here as soon as posts of this time have been measured.")
        return
    kinds = {"likes": "Likes", "shares": "Shares", "comments": "Comments"}
    long = frame.rename(columns=kinds).melt("at", list(kinds.values()), "kind", "count")
    long["at"] = long["at"].dt.tz_localize(None)
    sums = long.groupby("kind")["count"].sum()
    sentence = f"{int(sums.sum()):,} reactions to {len(frame):,} posts, mostly {str(sums.idxmax()).lower()}."
    st.markdown(sentence)
    unit = "yearmonthdate" if days <= 45 else "yearweek"
    charts.show(charts.bars(long, "at", "count", "kind", "Reactions", unit), sentence)


def channel_chart(frame: pd.DataFrame) -> None:
    """Which channel brings most per post?"""
    st.subheader("Which channel brings most per post?")
    if frame.empty:
        st.caption("This compares channels once they have posts in this time.")
        return
    per_post = frame.groupby("channel")["interactions"].agg(["mean", "count"]).sort_values("mean", ascending=False)
    sentence = f"{per_post.index[0]}, with {per_post['mean'].iloc[0]:.1f} reactions a post."
    st.markdown(_plain(sentence))
    table = per_post.reset_index().rename(columns={"mean": "each"})
    charts.show(charts.bars(table, "channel", "each", None, "Reactions per post"), sentence)


def hour_chart(frame: pd.DataFrame, zone: str) -> None:
    """When do our posts do well?"""
    st.subheader("When do our posts do well?")
    if len(frame) < ENOUGH:
        st.caption(f"Not enough posts yet to say: {len(frame)} in this time, {ENOUGH} are needed.")
        return
    slots = frame.assign(weekday=[charts.WEEKDAYS[d] for d in frame["at"].dt.dayofweek], hour=frame["at"].dt.hour)
    table = slots.groupby(["weekday", "hour"])["interactions"].agg(["mean", "count"]).reset_index()
    solid = table[table["count"] >= 3]
    sentence = f"Too spread out to name one hour; {len(frame)} posts, times in {zone}."
    if not solid.empty:
        top = solid.sort_values("mean").iloc[-1]
        sentence = (
            f"Best so far: {top['weekday']} at {int(top['hour']):02d}:00, {top['mean']:.1f} reactions a post "
            f"from {int(top['count'])} posts ({zone})."
        )
    st.markdown(sentence)
    charts.show(charts.heat(table, "mean", "Reactions per post"), sentence)


def top_table(page: Page, rows: list[TopPost]) -> None:
    """The posts that did best."""
    if not rows:
        st.caption("Published posts appear here with what came of them.")
        return
    st.dataframe(
        [
            {
                "When": row.published_at.astimezone(page.zone).replace(tzinfo=None),
                "Channel": row.channel,
                "Text": row.text,
                "Likes": row.likes,
                "Shares": row.shares,
                "Comments": row.comments,
                "Together": row.interactions,
                "Link": row.url if row.url and row.url.startswith(("https://", "http://")) else None,
            }
            for row in rows
        ],
        hide_index=True,
        column_config={
            "When": st.column_config.DatetimeColumn(format="DD.MM.YYYY HH:mm"),
            "Text": st.column_config.TextColumn(width="large"),
            "Link": st.column_config.LinkColumn(display_text="Open"),
        },
    )


def explorer(page: Page, scope: Scope) -> None:
    """Choose what to see; a fragment of its own calls this."""
    with db.read() as session:
        given = analytics.measures_given(session)
    names = {measure.label: measure for measure in given}
    with st.container(horizontal=True, vertical_alignment="bottom"):
        label = st.selectbox("Measure", list(names), key="measure", bind="query-params", width=220)
        measure = names.get(label) or MEASURES["interactions"]
        splits = [n for n, b in BREAKDOWNS.items() if not (measure.level and b in BY_TIME_OF_DAY)]
        split = BREAKDOWNS[st.selectbox("Split by", splits, key="split", bind="query-params", width=170) or "Nothing"]
        kinds = ["Bars"] if split in BY_TIME_OF_DAY else ["Line", "Bars", "Area"]
        kind = st.segmented_control("Chart", kinds, default=kinds[0], required=True, key=f"chart_{len(kinds)}")
    with db.read() as session:
        table = analytics.explore(session, measure, split, scope)
    if table.empty:
        st.caption("There is nothing to draw for this choice yet.")
        return
    sentence = f"{measure.label}, split by {split.value}: {len(table)} points."
    charts.show(_drawn(table, measure, split, kind or "Bars"), sentence)
    st.download_button(
        "Download CSV",
        table.to_csv(index=False, date_format="%Y-%m-%d").encode(),
        file_name=f"{measure.name}-by-{split.value}.csv",
        mime="text/csv",
        icon=":material/download:",
        on_click="ignore",
    )


def _drawn(table: pd.DataFrame, measure: Measure, split: Breakdown, kind: str) -> Any:
    if split in BY_TIME_OF_DAY:
        return charts.bars(table, "at", "value", None, measure.label)
    if kind == "Line":
        return charts.lines(table, "at", "value", "series", measure.label)
    if kind == "Area":
        return charts.areas(table, "at", "value", "series", measure.label)
    return charts.bars(table, "at", "value", "series", measure.label, "yearmonthdate")


def _plain(text: str) -> str:
    from core.ui.parts import shown

    return shown(text)
