"""The Analytics page as a person meets it: questions with answers, choices that hold, a file that fits its chart."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from io import BytesIO
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pandas as pd
import pyarrow as pa
import pytest
import time_machine
from streamlit.testing.v1 import AppTest

from core import db
from core.models.analytics import Publication, Snapshot
from core.models.channel import Channel
from core.services import analytics
from core.services.analytics import MEASURES, Fold
from core.services.analytics_tables import BY_CLOCK, Breakdown, Step, explore
from core.services.team import Actor
from core.ui import explorer
from tests import factories
from tests.conftest import counted

PAGE = Path(__file__).parents[2] / "pages" / "analytics.py"
NOW = datetime(2026, 6, 12, 10, tzinfo=UTC)


@pytest.fixture(autouse=True)
def clock():
    with time_machine.travel(NOW, tick=False):
        yield


@pytest.fixture
def viewer(signed_in: Callable[..., Actor]) -> Actor:
    return signed_in("viewer")


def lively(handle: str = "@kaffee@a.example", posts: int = 30, gained: int = 60, **values: Any) -> Channel:
    """A channel with a post and a snapshot a day."""
    channel = factories.channel(handle=handle, **values)
    with db.write() as session:
        for number in range(posts):
            session.add(
                Publication(
                    channel_id=channel.id,
                    remote_id=f"p{number}",
                    text=f"Post {number} <b>*",
                    url="javascript:alert(1)" if number == 1 else f"https://a.example/{number}",
                    published_at=NOW - timedelta(days=number, hours=1),
                    likes=10,
                    comments=2,
                    measured_at=NOW,
                )
            )
            level = 1_000 + gained * (posts - 1 - number) // max(posts - 1, 1)
            at = NOW - timedelta(days=number, hours=1)
            session.add(Snapshot(channel_id=channel.id, metric="followers", value=level, at=at))
    return channel


def opened(**chosen: str) -> AppTest:
    page = AppTest.from_file(str(PAGE), default_timeout=30)
    for name, value in chosen.items():
        page.query_params[name] = value
    page = page.run()
    assert not page.exception, page.exception
    return page


def words(page: AppTest) -> str:
    """As a person reads them: without Markdown's backslashes."""
    parts = [*page.header, *page.markdown, *page.text, *page.caption]
    return "\n".join(str(part.value).replace("\\", "") for part in parts)


def charts(page: AppTest) -> list[Any]:
    return [element.proto for element in page.get("vega_lite_chart")]


def drawn(page: AppTest) -> pd.DataFrame:
    """The rows behind the last chart: the explorer's."""
    (data,) = [part.data.data for part in charts(page)[-1].datasets]
    with pa.ipc.open_stream(BytesIO(data)) as stream:
        return stream.read_pandas()


def test_without_channels_it_offers_to_connect_one(viewer: Actor):
    page = opened()
    assert "Connect a channel" in words(page)
    assert not charts(page) and not page.metric


def test_a_new_channel_is_told_to_wait(viewer: Actor):
    factories.channel()
    page = opened()
    assert "within minutes" in words(page)
    assert not charts(page)


def test_every_question_has_its_answer_and_says_it_aloud(viewer: Actor):
    lively()
    lively("@rad@a.example", posts=10, gained=5)
    page = opened(span="30 days")
    said = words(page)
    for question, answer in (
        ("Are more people following us?", "Yes, 65 more in 30 days. Most of it on @kaffee (+60)."),
        ("What do people react with, and when?", "480 interactions with 40 posts, mostly likes (83%)."),
        ("Which channel brings most per post?", "@kaffee: 12.0 interactions per post, from 30 posts."),
        ("When do our posts do well?", "11–12 h, 12.0 interactions per post"),
    ):
        assert question in said and answer in said
    spoken = [part.alt for part in charts(page)]
    assert len(spoken) == 5 and all(spoken)
    assert any("Yes, 65 more" in sentence for sentence in spoken)
    assert {m.label: m.value for m in page.metric} == {
        **{"Followers": "2065", "Posts": "40", "Likes": "400", "Shares": "0", "Comments": "80"}
    }
    assert "No reach here" in said


def test_one_day_of_counting_is_not_called_growth(viewer: Actor):
    lively(posts=1)
    page = opened()
    assert "Counting has just begun" in words(page)
    assert "Not enough posts yet: 1 measured in this time" in words(page)


def test_losing_followers_is_said_plainly(viewer: Actor):
    lively(gained=-40)
    assert "No, 40 fewer in 30 days." in words(opened(span="30 days"))


def test_filters_come_from_the_address(viewer: Actor):
    lively(group_id=factories.group("Räder").id)
    lively("@rad@a.example", posts=3)
    posts = {m.label: m.value for m in opened(span="7 days", of_group="Räder").metric}["Posts"]
    assert posts == "7"
    assert {m.label: m.value for m in opened(of_channels="@rad").metric}["Posts"] == "3"
    assert {m.label: m.value for m in opened(of_group="no such").metric}["Posts"] == "33"


def test_top_posts_link_only_to_the_web(viewer: Actor):
    lively(posts=3)
    (table,) = opened().dataframe
    assert table.value["Link"].fillna("none").tolist() == ["https://a.example/0", "none", "https://a.example/2"]
    assert table.value["Text"].tolist()[0] == "Post 0 <b>*"
    assert "Reach" not in table.value


def test_the_explorers_file_is_what_its_chart_shows(viewer: Actor, monkeypatch: pytest.MonkeyPatch):
    taken: list[tuple[bytes, str]] = []
    known = explorer.st.download_button
    monkeypatch.setattr(
        explorer.st,
        "download_button",
        lambda label, data, file_name, **more: (taken.append((data, file_name)), known(label, data, file_name, **more)),
    )
    lively()
    lively("@rad@a.example", posts=12)
    page = opened(span="30 days", measure="Likes", split="Channel", per="Week", kind="Bars")
    data, name = taken[-1]
    assert name == "likes-by-channel-per-week-2026-05-14-to-2026-06-12.csv"
    shown = drawn(page)
    file = pd.read_csv(BytesIO(data), parse_dates=["week"])
    assert file["value"].sum() == 420
    assert file["week"].tolist() == shown["at"].tolist()
    assert (
        file[["series", "value", "posts"]].to_numpy().tolist()
        == shown[["series", "value", "posts"]].to_numpy().tolist()
    )
    assert "42 posts, counted when they were published. 14 May 2026 – 12 Jun 2026" in words(page)


def test_every_choice_can_be_drawn_and_told(hub: Path):
    lively()
    lively("bluesky.example", network="bluesky")
    with db.read() as session:
        found = analytics.report(session, analytics.last_days(30, ZoneInfo("Europe/Berlin")))
    for name in ("followers", "gained", "likes", "per_post"):  # one of each kind
        measure = MEASURES[name]
        for split in Breakdown:
            if split in BY_CLOCK and not measure.of_posts:
                continue
            for kind in explorer.kinds(measure, split):
                table = explore(found, measure, split, Step.WEEK)
                assert explorer.drawn(table, measure, split, kind, Step.WEEK).to_dict()["mark"]
                assert measure.label in explorer.sentence(table, measure, split, Step.WEEK)


def test_only_charts_that_tell_the_truth_are_offered():
    for measure in MEASURES.values():
        for split in Breakdown:
            if split in BY_CLOCK and not measure.of_posts:
                continue
            offered = explorer.kinds(measure, split)
            assert offered
            if measure.fold is Fold.MEAN and split not in (Breakdown.NONE, *BY_CLOCK):
                assert not {"Bars", "Area"} & set(offered)  # means don't add up
            if measure.fold is Fold.LAST:
                assert "Bars" not in offered


def test_changing_the_measure_keeps_the_page_whole(viewer: Actor):
    lively()
    page = opened(measure="Likes", split="Hour")
    (measure,) = [box for box in page.selectbox if box.key == "measure"]
    page = measure.set_value("Followers").run()
    assert not page.exception
    (split,) = [box for box in page.selectbox if box.key == "split"]
    assert split.value == "Nothing" and "Hour" not in split.options


def test_a_stranger_sees_nothing(hub: Path):
    page = AppTest.from_file(str(PAGE), default_timeout=30).run()
    assert not charts(page) and not page.metric


def test_statements_do_not_grow(viewer: Actor):
    lively(posts=3)
    opened()
    with counted() as few:
        opened()
    for number in range(8):
        lively(f"@c{number}@a.example")
    with counted() as many:
        opened()
    assert len(few) == len(many)
