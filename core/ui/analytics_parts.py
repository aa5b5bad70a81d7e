"""The parts of the Analytics page: filters, head figures, charts with their question and its answer, top posts.

The chart explorer is `explorer.py`, the drawing `charts.py`.
"""

from collections.abc import Mapping, Sequence
from zoneinfo import ZoneInfo

import pandas as pd
import streamlit as st

from core.services import analytics
from core.services.analytics import MEASURES, POST_METRICS, REACTIONS, Report, Scope, TopPost
from core.services.analytics_tables import WEEKDAYS, Breakdown, Step, explore, per_channel
from core.services.channels import ChannelRow, GroupRow
from core.ui import charts
from core.ui.parts import shown

SPANS = {"7 days": 7, "30 days": 30, "90 days": 90, "180 days": 180}
USUAL = "90 days"
ENOUGH = 20  # posts, before hours and weekdays say anything
SOLID = 5  # posts, before a channel counts as the best
RANKED = 12  # channels in the comparison
FIGURE = 156  # pixels: five in a row beside the navigation, two on a telephone
DAYS = dict(zip(WEEKDAYS, ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"), strict=True))


def filters(connected: Sequence[ChannelRow], groups: Sequence[GroupRow], zone: ZoneInfo) -> Scope:
    """Draw them and give what they ask for; they live in the URL."""
    names = analytics.channel_names([(c.id, c.handle, c.network_label) for c in connected])
    ids = {name: key for key, name in names.items()}
    group_ids = {row.name: row.id for row in groups}
    with st.container(horizontal=True, vertical_alignment="bottom"):
        span = st.segmented_control("Time", list(SPANS), default=USUAL, required=True, key="span", bind="query-params")
        group = None
        if group_ids:
            group = st.selectbox(
                "Group",
                list(group_ids),
                index=None,
                key="of_group",
                bind="query-params",
                placeholder="All groups",
                width=200,
            )
        chosen = st.multiselect(
            "Channels", list(ids), key="of_channels", bind="query-params", placeholder="All channels"
        )
    return analytics.last_days(
        SPANS.get(span or USUAL, 90),
        zone,
        channel_ids=tuple(ids[name] for name in chosen if name in ids),
        group_id=group_ids.get(group or ""),
    )


def step_for(scope: Scope) -> Step:
    """Days as long as they can be told apart, else weeks, else months."""
    first, last = scope.days
    length = (last - first).days
    return Step.DAY if length <= 31 else Step.WEEK if length <= 200 else Step.MONTH


def courses(found: Report) -> dict[str, pd.DataFrame]:
    """How posts and what people made of them went over time: a table by measure, for figures and chart alike."""
    return {name: explore(found, MEASURES[name], step=step_for(found.scope)) for name in ("published", *POST_METRICS)}


def figures(found: Report, over_time: Mapping[str, pd.DataFrame]) -> None:
    """The totals, each beside the span before and with its course."""
    now, before = analytics.totals(found.posts), found.before
    first, last = found.scope.days
    against = f"The small figure compares with the {(last - first).days + 1} days before."
    reach = any(measure.name == "reach" for measure in found.given)
    with st.container(horizontal=True):
        _followers_figure(found)
        for name in ("published", "likes", "shares", "comments", *(["reach"] if reach else [])):
            value, past = getattr(now, name), getattr(before, name, None)
            course = over_time[name]["value"]
            st.metric(
                "Posts" if name == "published" else MEASURES[name].label,
                "–" if value is None else value,
                None if value is None or past is None else value - past,
                format=_format(value),
                delta_color="off" if name == "published" else "normal",  # more of them isn't better
                help=against if before else None,
                chart_data=list(course) if len(course) > 1 else None,
                chart_type="bar",
                border=True,
                width=FIGURE,
                height="stretch",
            )
    if not reach:
        st.caption("No reach here: the networks of these channels don't tell how many people saw a post.")


def _followers_figure(found: Report) -> None:
    if found.followers.empty:
        return
    days = found.followers.groupby("at")[["followers", "gained"]].sum()
    level = int(days["followers"].iloc[-1])
    st.metric(
        "Followers",
        level,
        int(days["gained"].sum()),
        format=_format(level),
        help="The small figure is the change in this time.",
        chart_data=list(days["gained"].cumsum()) if len(days) > 1 else None,
        border=True,
        width=FIGURE,
        height="stretch",
    )


def _format(value: int | None) -> str:
    return "compact" if value is not None and value >= 100_000 else "localized"


def follower_chart(found: Report) -> None:
    """Are more people following us?"""
    st.header("Are more people following us?", anchor=False)
    frame = found.followers
    if frame.empty:
        st.caption("The first figures appear a few minutes after a channel is connected, then a point a day.")
        return
    sentence = _follower_sentence(frame)
    st.text(sentence)
    shows = st.segmented_control(
        "Show",
        ["Gained", "Total"],
        default="Gained",
        required=True,
        key="followers_as",
        bind="query-params",
        label_visibility="collapsed",
    )
    first = pd.Timestamp(found.scope.days[0])
    measure = MEASURES["followers" if shows == "Total" else "gained"]
    table = explore(found, measure, Breakdown.CHANNEL, Step.DAY, charts.COLOURS)
    if shows != "Total":
        table["value"] = table.sort_values("at").groupby("series")["value"].cumsum()
    label = "Followers" if shows == "Total" else f"Followers gained since {first:%d %b}"
    charts.show(charts.lines(table, label, Step.DAY), sentence)
    late = int((frame.groupby("channel", observed=True)["at"].min() > first).sum())
    if late:
        began = "1 channel was" if late == 1 else f"{late} channels were"
        st.caption(f"{began} connected within this time and counts from then on.")


def _follower_sentence(frame: pd.DataFrame) -> str:
    gained = frame.groupby("channel", observed=True)["gained"].sum()
    total, days = int(gained.sum()), frame["at"].nunique()
    if days == 1:
        return f"{int(frame['followers'].sum()):,} follow us. Counting has just begun: the line grows by a point a day."
    if total == 0:
        return "As many as before: who came and who left balance out."
    name = str(gained.idxmax() if total > 0 else gained.idxmin())
    where = f" Most of it on {name} ({int(gained[name]):+,})." if len(gained) > 1 else ""
    return f"{'Yes' if total > 0 else 'No'}, {abs(total):,} {'more' if total > 0 else 'fewer'} in {days} days.{where}"


def reaction_chart(found: Report, over_time: Mapping[str, pd.DataFrame]) -> None:
    """What do people react with, and when?"""
    st.header("What do people react with, and when?", anchor=False)
    step = step_for(found.scope)
    parts = [over_time[name] for name in REACTIONS]
    table = pd.concat([part for part in parts if part["value"].sum() > 0] or parts[:1])
    if not table["value"].sum():
        st.caption("Likes, shares and comments appear here as soon as posts of this time have some.")
        return
    sums, when = table.groupby("series")["value"].sum(), table.groupby("at")["value"].sum()
    total, best = sums.sum(), when.idxmax()
    named = {Step.DAY: f"The best day was {best:%d %b}", Step.WEEK: f"The best week began on {best:%d %b}"}
    sentence = (
        f"{int(total):,} interactions with {_posts(len(found.posts))}, mostly {str(sums.idxmax()).lower()} "
        f"({sums.max() / total:.0%}). {named.get(step, f'The best month was {best:%B}')}, with {int(when.max()):,}."
    )
    st.text(sentence)
    charts.show(charts.bars(table, "Interactions", step), sentence)
    cut = "" if step is Step.DAY else f" The first and the last {step.value} are cut off by the time chosen."
    st.caption(f"They count on the day the post was published; young posts are still gathering theirs.{cut}")


def channel_chart(found: Report) -> None:
    """Which channel brings most per post?"""
    st.header("Which channel brings most per post?", anchor=False)
    table = per_channel(found.posts)
    if table.empty:
        st.caption("This compares channels once they have measured posts in this time.")
        return
    solid = table[table["posts"] >= SOLID]
    best = (table if solid.empty else solid).iloc[0]
    sentence = f"{best['channel']}: {best['value']:,.1f} interactions per post, from {_posts(best['posts'])}."
    st.text(sentence)
    charts.show(charts.ranking(table.head(RANKED), "Interactions per post"), sentence)
    if len(table) > RANKED:
        st.caption(f"The best {RANKED} of {len(table)} channels. The explorer below has them all.")


def hour_chart(found: Report) -> None:
    """When do our posts do well?"""
    st.header("When do our posts do well?", anchor=False)
    table = explore(found, MEASURES["per_post"], Breakdown.WEEKDAY_HOUR)
    count, zone = int(table["posts"].sum()), found.scope.zone.key
    if count < ENOUGH:
        st.caption(f"Not enough posts yet: {count} measured in this time, {ENOUGH} say something about hours.")
        return
    solid = table[table["posts"] >= charts.FEW]
    if solid.empty:
        sentence = f"Too spread out to name an hour: {_posts(count)}, but no hour of the week has {charts.FEW}."
    else:
        top = solid.sort_values("value").iloc[-1]
        day = DAYS[WEEKDAYS[int(top["weekday"])]]
        sentence = (
            f"Best so far: {day}, {int(top['hour']):02d}–{int(top['hour']) + 1:02d} h, {top['value']:,.1f} "
            f"interactions per post from {_posts(top['posts'])}."
        )
    st.text(sentence)
    charts.show(charts.clock(table, "Interactions per post"), sentence)
    st.caption(f"{_posts(count)}, hours in {shown(zone)}. Pale: fewer than {charts.FEW} posts, so rather chance.")


def _posts(count: int) -> str:
    return "1 post" if count == 1 else f"{int(count):,} posts"


def top_table(rows: Sequence[TopPost], zone: ZoneInfo, reach: bool) -> None:
    """The posts that did best, in the order they come."""
    if not rows:
        st.caption("Published posts appear here once their likes, shares and comments have been read.")
        return
    told = [
        {
            "When": row.published_at.astimezone(zone).replace(tzinfo=None),
            "Channel": row.channel,
            "Text": " ".join(row.text.split()) or "(no text)",
            "Interactions": row.interactions,
            "Likes": row.likes,
            "Shares": row.shares,
            "Comments": row.comments,
            "Reach": row.reach,
            "Link": row.url if row.url and row.url.lower().startswith(("https://", "http://")) else None,
        }
        for row in rows
    ]
    whole = st.column_config.NumberColumn(format="localized", width=80)
    st.dataframe(
        pd.DataFrame(told).drop(columns=[] if reach else ["Reach"]),
        hide_index=True,
        column_config={
            "When": st.column_config.DatetimeColumn(format="DD MMM YYYY, HH:mm", width=140),
            "Channel": st.column_config.TextColumn(width=145),
            "Text": st.column_config.TextColumn(width=220),
            **dict.fromkeys(("Interactions", "Likes", "Shares", "Comments", "Reach"), whole),
            "Link": st.column_config.LinkColumn(display_text="Open", width=60, validate="^https?://"),
        },
        alt=f"The {len(rows)} best posts with their interactions",
    )
