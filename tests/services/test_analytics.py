"""Figures are right: days begin where people are, levels carry on, what nobody measured isn't zero."""

from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
import time_machine

from core import db
from core.connectors.mastodon import Mastodon
from core.models.analytics import Publication, Snapshot
from core.models.channel import Channel, ChannelState
from core.services import analytics
from core.services.analytics import MEASURES, Report, Scope
from core.services.analytics_tables import Breakdown, Step, csv, explore, per_channel
from tests import factories
from tests.conftest import counted

BERLIN = ZoneInfo("Europe/Berlin")
NOW = datetime(2026, 6, 12, 10, tzinfo=UTC)  # a Friday, noon in Berlin


@pytest.fixture(autouse=True)
def clock():
    with time_machine.travel(NOW, tick=False):
        yield


def posted(channel: Channel, at: datetime, measured: bool = True, **values: Any) -> Publication:
    given: dict[str, Any] = {
        "remote_id": f"p{at.timestamp()}{values}",
        "published_at": at,
        "text": "Frisch geröstet",
        "url": "https://social.example/1",
        "measured_at": NOW if measured else None,
    }
    with db.write() as session:
        row = Publication(channel_id=channel.id, **(given | values))
        session.add(row)
    return row


def followed(channel: Channel, at: datetime, value: int, **values: Any) -> None:
    with db.write() as session:
        session.add(Snapshot(**({"channel_id": channel.id, "metric": "followers", "at": at, "value": value} | values)))


def told(days: int = 7, zone: ZoneInfo = BERLIN, **which: Any) -> Report:
    with db.read() as session:
        return analytics.report(session, analytics.last_days(days, zone, **which))


def table(found: Report, measure: str, breakdown: Breakdown = Breakdown.NONE, step: Step = Step.DAY, **more: Any):
    return explore(found, MEASURES[measure], breakdown, step, **more)


def by_day(found: Report, measure: str) -> dict[str, float]:
    rows = table(found, measure)
    return {f"{at:%d.%m.}": value for at, value in zip(rows["at"], rows["value"], strict=True)}


def day(number: int, hour: int = 12, minute: int = 0) -> datetime:
    return datetime(2026, 6, number, hour, minute, tzinfo=UTC)


def test_a_post_late_in_the_evening_counts_on_the_day_people_saw_it(hub):
    posted(factories.channel(), day(9, 23, 30), likes=3)
    berlin = by_day(told(), "likes")
    assert (berlin["09.06."], berlin["10.06."]) == (0, 3)
    assert by_day(told(zone=ZoneInfo("UTC")), "likes")["09.06."] == 3
    weekday = table(told(), "published", Breakdown.WEEKDAY_HOUR)
    assert weekday[["weekday", "hour"]].to_numpy().tolist() == [[2, 1]]  # Wednesday, one o'clock


def test_the_scope_begins_at_midnight_where_the_member_is(hub):
    channel = factories.channel()
    posted(channel, day(5, 21, 59), likes=1)  # the 5th in Berlin: one day too old
    posted(channel, day(5, 22, 0), likes=10)  # midnight of the 6th
    assert analytics.totals(told(7).posts).likes == 10
    assert list(by_day(told(7), "likes")) == ["06.06.", "07.06.", "08.06.", "09.06.", "10.06.", "11.06.", "12.06."]


def test_days_stay_right_when_the_clocks_change(hub):
    channel = factories.channel()
    with time_machine.travel(datetime(2026, 3, 30, 10, tzinfo=UTC), tick=False):
        posted(channel, datetime(2026, 3, 28, 23, 30, tzinfo=UTC), likes=1)  # 00:30 on the 29th, winter time
        posted(channel, datetime(2026, 3, 29, 22, 30, tzinfo=UTC), likes=2)  # 00:30 on the 30th, summer time
        followed(channel, datetime(2026, 3, 29, 21, 59, tzinfo=UTC), 5)
        followed(channel, datetime(2026, 3, 29, 22, 1, tzinfo=UTC), 7)
        found = told(3)
        assert by_day(found, "likes") == {"28.03.": 0, "29.03.": 1, "30.03.": 2}
        assert by_day(found, "followers") == {"29.03.": 5, "30.03.": 7}


def test_levels_are_carried_over_days_without_a_snapshot(hub):
    channel = factories.channel()
    followed(channel, day(1), 100)  # before the scope
    followed(channel, day(9, 8), 104)
    followed(channel, day(9, 21, 30), 110)  # the same day in Berlin: its end counts
    found = told()
    assert list(by_day(found, "followers").values()) == [100, 100, 100, 110, 110, 110, 110]
    assert list(by_day(found, "gained").values()) == [0, 0, 0, 10, 0, 0, 0]


def test_connecting_a_channel_gains_nobody(hub):
    old, new = factories.channel(), factories.channel()
    followed(old, day(1), 50)
    followed(new, day(10), 9_000)
    followed(new, day(11), 9_005)
    found = told()
    assert by_day(found, "followers")["09.06."] == 50
    assert by_day(found, "followers")["12.06."] == 9_055
    assert found.followers["gained"].sum() == 5


def test_a_week_ends_with_the_level_of_its_last_day(hub):
    channel = factories.channel()
    for number, value in ((1, 10), (7, 20), (8, 30), (12, 40)):
        followed(channel, day(number, 9), value)
    rows = table(told(12), "followers", step=Step.WEEK)
    assert [(f"{at:%d.%m.}", value) for at, value in zip(rows["at"], rows["value"], strict=True)] == [
        ("01.06.", 20),
        ("08.06.", 40),
    ]


def test_only_the_channels_own_followers_count(hub):
    channel = factories.channel()
    post = posted(channel, day(9))
    followed(channel, day(9), 5)
    followed(channel, day(9, 13), 999, metric="following")
    followed(channel, day(9, 14), 888, publication_id=post.id)
    assert by_day(told(), "followers")["12.06."] == 5


def test_what_nobody_measured_is_missing_and_not_zero(hub):
    channel = factories.channel()
    posted(channel, day(9), measured=False)
    posted(channel, day(10), likes=4, comments=2)
    posted(channel, day(10, 13), measured=False)
    found = told()
    assert "09.06." not in by_day(found, "likes")
    assert by_day(found, "likes")["10.06."] == 4
    assert by_day(found, "likes")["11.06."] == 0  # no post: nothing missing
    assert by_day(found, "published")["09.06."] == 1
    mean = table(found, "per_post")
    assert (mean["value"].tolist(), mean["posts"].tolist()) == ([6], [1])
    with db.read() as session:
        assert [row.likes for row in analytics.top_posts(session, found.scope)] == [4]


def test_a_network_that_does_not_tell_has_no_reach(hub, monkeypatch: pytest.MonkeyPatch):
    channel = factories.channel()
    posted(channel, day(9), likes=1, reach=700)  # a leftover: the network doesn't give it
    found = told()
    assert "reach" not in [measure.name for measure in found.given]
    assert analytics.totals(found.posts).reach is None
    assert table(found, "reach").empty
    gives = Mastodon.capabilities.__class__(**(Mastodon.capabilities.__dict__ | {"post_metrics": ("likes", "reach")}))
    monkeypatch.setattr(Mastodon, "capabilities", gives)
    found = told()
    assert "reach" in [measure.name for measure in found.given]
    assert analytics.totals(found.posts).reach == 700
    assert analytics.totals(found.posts).shares is None


def test_deleted_posts_and_removed_channels_do_not_count(hub):
    channel, removed = factories.channel(), factories.channel(state=ChannelState.REMOVED)
    posted(channel, day(9), likes=1)
    posted(channel, day(9, 13), likes=50, deleted_at=NOW)
    posted(removed, day(9), likes=500)
    followed(removed, day(9), 1_000)
    found = told()
    assert analytics.totals(found.posts) == analytics.Totals(1, 1, 1, 0, 0, None)
    assert found.followers.empty
    with db.read() as session:
        assert [row.likes for row in analytics.top_posts(session, found.scope)] == [1]


def test_channel_and_group_restrict_everything(hub):
    group = factories.group("Räder")
    ours, other = factories.channel(group_id=group.id), factories.channel()
    for channel, likes in ((ours, 2), (other, 30)):
        posted(channel, day(9), likes=likes)
        posted(channel, day(1), likes=likes)
        posted(channel, day(1) - timedelta(days=20), likes=likes)
        followed(channel, day(9), likes)
    for which in ({"channel_ids": (ours.id,)}, {"group_id": group.id}):
        found = told(**which)
        assert analytics.totals(found.posts).likes == 2
        assert found.before is not None and found.before.likes == 2
        assert set(found.followers["followers"]) == {2}
        with db.read() as session:
            assert [row.likes for row in analytics.top_posts(session, found.scope)] == [2]
    assert told(channel_ids=(ours.id,), group_id=999).posts.empty


def test_the_span_before_is_compared_only_when_all_of_it_is_known(hub):
    channel = factories.channel()
    posted(channel, day(9), likes=5, quotes=1)
    posted(channel, day(3), likes=4, shares=1)
    assert told().before is None
    posted(channel, day(1) - timedelta(days=10), likes=100)
    before = told().before
    assert before is not None
    assert (before.published, before.likes, before.interactions) == (1, 4, 5)


def test_splits_by_channel_group_and_network(hub):
    bikes = factories.group("Räder")
    one = factories.channel(handle="@kaffee@a.example", group_id=bikes.id)
    two = factories.channel("bluesky", handle="kaffee.bsky.social")
    posted(one, day(9), likes=1)
    posted(two, day(9), likes=2)
    found = told(1 + 3)

    def sums(breakdown: Breakdown) -> dict[str, float]:
        return table(found, "likes", breakdown).groupby("series")["value"].sum().to_dict()

    assert sums(Breakdown.CHANNEL) == {"@kaffee": 1, "kaffee.bsky.social": 2}
    assert sums(Breakdown.GROUP) == {"Räder": 1, "No group": 2}
    assert sums(Breakdown.NETWORK) == {"Mastodon": 1, "Bluesky": 2}
    assert per_channel(found.posts)["channel"].tolist() == ["kaffee.bsky.social", "@kaffee"]


def test_names_are_short_and_never_the_same():
    names = analytics.channel_names(
        [
            (1, "@kaffee@a.example", "Mastodon"),
            (2, "@kaffee@b.example", "Mastodon"),
            (3, "@rad@a.example", "Mastodon"),
            (4, "x.example", "Bluesky"),
            (5, "x.example", "Other"),
            (6, "@twice@c.example", "Mastodon"),
            (7, "@twice@c.example", "Mastodon"),
        ]
    )
    assert list(names.values()) == [
        *("@kaffee@a.example", "@kaffee@b.example", "@rad", "x.example (Bluesky)", "x.example (Other)"),
        *("@twice@c.example (Mastodon) #6", "@twice@c.example (Mastodon) #7"),
    ]


def test_many_channels_are_put_together_and_nothing_is_lost(hub):
    for number in range(1, 7):
        posted(factories.channel(handle=f"@c{number}@a.example"), day(9), likes=number)
    rows = table(told(), "likes", Breakdown.CHANNEL, most=3)
    assert rows.groupby("series")["value"].sum().to_dict() == {"@c6": 6, "@c5": 5, "4 others": 10}
    mean = table(told(), "per_post", Breakdown.CHANNEL, most=3)
    assert mean.set_index("series")["value"]["4 others"] == 2.5  # a mean of posts, not a sum of means


def test_weeks_begin_on_monday_and_months_on_the_first(hub):
    posted(factories.channel(), day(7, 12), likes=1)  # a Sunday
    weeks = table(told(30), "likes", step=Step.WEEK)
    assert [f"{at:%a %d.%m.}" for at in weeks["at"]][-2:] == ["Mon 01.06.", "Mon 08.06."]
    assert weeks["value"].tolist()[-2:] == [1, 0]
    months = table(told(30), "likes", step=Step.MONTH)
    assert [(f"{at:%d.%m.}", value) for at, value in zip(months["at"], months["value"], strict=True)] == [
        ("01.05.", 0),
        ("01.06.", 1),
    ]


def test_the_file_says_what_the_chart_shows(hub):
    channel = factories.channel(handle="@äpfel@a.example")
    posted(channel, day(11, 23, 30), likes=3)
    posted(channel, day(12, 8), likes=4)
    file = csv(table(told(2), "likes", Breakdown.CHANNEL), Step.DAY).decode()
    assert file == "day,series,value,posts\n2026-06-11,@äpfel,0,0\n2026-06-12,@äpfel,7,2\n"
    hours = csv(table(told(2), "per_post", Breakdown.WEEKDAY_HOUR), Step.DAY).decode()
    assert hours == "weekday,hour,value,posts\nFri,1,3,1\nFri,10,4,1\n"


def test_top_posts_in_each_order(hub):
    channel = factories.channel(handle="@kaffee@a.example")
    posted(channel, day(9), likes=1, shares=9, text="geteilt")
    posted(channel, day(10), likes=8, quotes=4, text="gemocht")
    scope = told().scope
    with db.read() as session:
        assert [row.text for row in analytics.top_posts(session, scope)] == ["gemocht", "geteilt"]
        assert [row.text for row in analytics.top_posts(session, scope, "shares")] == ["geteilt", "gemocht"]
        (best,) = analytics.top_posts(session, scope, limit=1)
    assert (best.channel, best.interactions, best.reach, best.published_at) == ("@kaffee", 12, None, day(10))


def test_an_empty_hub_has_empty_tables(hub):
    found = told()
    assert found.posts.empty and found.followers.empty and found.before is None
    for measure in MEASURES:
        for breakdown in Breakdown:
            if MEASURES[measure].of_posts or breakdown.value in {"none", "channel", "group", "network"}:
                assert table(found, measure, breakdown, Step.WEEK).empty, (measure, breakdown)
    assert analytics.totals(found.posts) == analytics.Totals(0, None, None, None, None, None)
    assert per_channel(found.posts).empty


def test_statements_stay_the_same_whatever_there_is(hub):
    def asked() -> int:
        with counted() as ran:
            found = told(90)
            with db.read() as session:
                analytics.top_posts(session, found.scope)
        return len(ran)

    channel = factories.channel()
    posted(channel, day(9))
    posted(channel, day(1) - timedelta(days=200))
    few = asked()
    for number in range(5):
        channel = factories.channel(group_id=factories.group().id)
        for hour in range(10):
            posted(channel, day(1 + number, hour), likes=hour)
            followed(channel, day(1 + number, hour), hour)
    assert asked() == few


def test_a_scope_in_a_zone_whose_midnight_is_skipped(hub):
    """In Santiago the clocks jump from 24:00 to 1:00 on 6 September 2026."""
    channel = factories.channel()
    zone = ZoneInfo("America/Santiago")
    with time_machine.travel(datetime(2026, 9, 7, 12, tzinfo=UTC), tick=False):
        followed(channel, datetime(2026, 9, 5, 12, tzinfo=UTC), 1)
        followed(channel, datetime(2026, 9, 6, 12, tzinfo=UTC), 2)
        assert list(by_day(told(3, zone), "followers").values()) == [1, 2, 2]


def test_before_is_as_long_as_the_scope():
    scope = Scope(day(6), day(12), BERLIN)
    assert scope.before == day(6) - timedelta(days=6)
