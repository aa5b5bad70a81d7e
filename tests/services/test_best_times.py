"""Best times: planted peaks are found, noise isn't, too little data is said, and times are offered that are free."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random
from zoneinfo import ZoneInfo

import pytest
import time_machine
from sqlalchemy import insert

from core import db
from core.models.analytics import Publication
from core.models.inbox import Direction, Message
from core.services import best_times
from core.services.best_times import Basis, BestTimes, Level
from core.services.best_times_model import LIKELY, SURE, fit_days, fit_values
from tests import factories
from tests.conftest import counted

NOW = datetime(2026, 11, 27, 12, tzinfo=UTC)  # a Friday
BERLIN = ZoneInfo("Europe/Berlin")
TUESDAY_18 = 24 + 18


@pytest.fixture(autouse=True)
def friday():
    with time_machine.travel(NOW, tick=False):
        yield


# --- the estimate -----------------------------------------------------------------------------------------------------


def noise(chance: Random, count: int) -> tuple[list[int], list[float]]:
    """Posts at the usual hours of an office, with reactions as skewed as they are, whatever the hour."""
    hours = [24 * chance.randrange(7) + chance.choice(range(8, 20)) for _ in range(count)]
    return hours, [float(int(chance.expovariate(1 / 25))) for _ in hours]


def test_noise_of_posts_seldom_passes_for_a_best_time():
    chance, runs = Random(1), 100
    told = likely = 0
    for run in range(runs):
        fit = fit_values(*noise(chance, 120), rounds=119, seed=run)
        told += fit.tells
        likely += max(fit.z) > fit.likely
    assert told <= 9, (
        f"{told} of {runs} times noise was taken for a best time: {SURE:.1%} is promised"
    )  # 99th percentile
    assert likely <= 32, f"{likely} of {runs}: {LIKELY:.0%} is promised"


def test_noise_of_bursty_days_seldom_passes_for_a_best_time():
    """Messages come in bursts: a busy day, an evening on which everybody answers. None of it is a habit."""
    chance, runs, told = Random(2), 40, 0
    for run in range(runs):
        days = []
        for _ in range(90):
            day, busy = [0.0] * 24, chance.expovariate(1.0)
            start = chance.randrange(24)
            for _ in range(int(20 * busy)):
                day[(start + int(chance.expovariate(1 / 3))) % 24] += 1
            days.append(day)
        told += fit_days([number % 7 for number in range(90)], days, rounds=79, seed=run).tells
    assert told <= 4  # one is expected


@pytest.mark.parametrize("seed", range(6))
def test_a_planted_peak_is_found_with_an_interval_that_holds_it(seed: int):
    chance = Random(seed)
    hours, values = noise(chance, 400)
    for place in range(0, 400, 16):  # twenty-five posts at the best hour: twice as much
        hours[place], values[place] = TUESDAY_18, 2 * values[place] + 10
    fit = fit_values(hours, values)
    assert fit.tells and max(range(168), key=fit.z.__getitem__) == TUESDAY_18
    assert 0.1 < fit.effect[TUESDAY_18] < 1.6  # drawn towards the mean, never beyond what was seen


def test_what_holds_for_a_whole_hour_of_day_is_learned_across_weekdays():
    chance = Random(5)
    hours, values = noise(chance, 500)
    values = [value * (2.2 if hour % 24 == 18 else 1) for hour, value in zip(hours, values, strict=True)]
    fit = fit_values(hours, values)
    assert fit.tells
    best = sorted(range(168), key=lambda hour: -fit.z[hour])[:5]
    assert {hour % 24 for hour in best} == {18}


def test_hours_that_were_never_tried_and_posts_without_reactions_claim_nothing():
    assert not fit_values([9] * 40, [0.0] * 40).tells and not fit_values([9] * 40, [3.0] * 40).tells
    fit = fit_values([9, 33] * 50, [1.0, 9.0] * 50)
    assert fit.z[10] == 0 and fit.count[33] == 50


def test_one_lucky_post_is_cut_and_growth_is_no_best_time():
    start = NOW - timedelta(days=170)
    rows = [(start + timedelta(days=i), 10) for i in range(60)] + [
        (start + timedelta(days=100 + i), 100) for i in range(60)
    ]
    rows[30] = (rows[30][0], 100_000)
    got = best_times.relative(rows)
    assert max(got) < 12 and abs(sum(got[65:]) / 55 - 1) < 0.1 and abs(sum(got[:20]) / 20 - 1) < 0.1


# --- from the database ------------------------------------------------------------------------------------------------


def publish(channel_id: int, posts: list[tuple[datetime, int]]) -> None:
    rows = [
        {"channel_id": channel_id, "remote_id": f"p{i}", "text": "", "published_at": at, "measured_at": NOW,
         "likes": got - got // 3, "shares": got // 3, "comments": 0, "quotes": 0}
        for i, (at, got) in enumerate(posts)
    ]  # fmt: skip
    with db.write() as session:
        session.execute(insert(Publication), rows)


def write_in(channel_id: int, times: list[datetime]) -> None:
    owner = factories.conversation(channel_id)
    rows = [
        {"conversation_id": owner.id, "channel_id": channel_id, "direction": Direction.IN, "remote_id": f"in{i}",
         "text": "", "sent_at": at, "automatic": False, "triaged": True, "corrected": False}
        for i, at in enumerate(times)
    ]  # fmt: skip
    with db.write() as session:
        session.execute(insert(Message), rows)


def looked(channel_id: int) -> BestTimes:
    with db.read() as session:
        return best_times.best_times(session, channel_id)


def tuesdays(hour: int, zone: ZoneInfo = BERLIN) -> list[datetime]:
    """Half a year of them, on both sides of the end of summer time."""
    first = datetime(2026, 6, 9, hour, 12, tzinfo=zone)
    return [(first + timedelta(days=7 * week)).astimezone(UTC) for week in range(24)]


def usual_posts(chance: Random) -> list[tuple[datetime, int]]:
    found = []
    for day in range(3, 175):
        at = datetime(2026, 11, 27, chance.choice(range(8, 18)), tzinfo=BERLIN) - timedelta(days=day)
        found.append((at.astimezone(UTC), int(chance.expovariate(1 / 20))))
    return found


def test_a_peak_on_tuesdays_at_six_is_found_in_the_channels_zone(hub: Path):
    channel = factories.channel()
    chance = Random(3)
    publish(channel.id, usual_posts(chance) + [(at, 60 + chance.randrange(30)) for at in tuesdays(18)])
    with counted() as ran:
        found = looked(channel.id)
    assert len(ran) == 3
    week = found.deciding
    assert week is not None and week.basis is Basis.POSTS and week.total == 196
    assert (week.best[0].words, week.best[0].count, week.best[0].level) == ("Tue 18:00", 24, Level.HIGH)
    assert 0 < week.best[0].low < week.best[0].effect < week.best[0].high
    said = best_times.answer(found)
    assert said.startswith("Best on Tue 18:00: posts got about") and "90 % sure" in said
    assert found.messages.missing == "199 more messages and 28 more days" or found.messages.missing


def test_suggestions_have_a_reason_and_pass_over_what_is_taken(hub: Path):
    channel, other = factories.channel(), factories.channel()
    publish(channel.id, usual_posts(Random(3)) + [(at, 70) for at in tuesdays(18)])
    found = looked(channel.id)
    with counted() as ran, db.read() as session:
        first, *_ = best_times.suggestions(session, found)
    assert len(ran) == 1
    assert first.at == datetime(2026, 12, 1, 17, tzinfo=UTC)  # 18:00 in Berlin's winter
    assert "% more reactions than usual · 24 of 196 posts in" in first.reason and first.reason.endswith(
        "confidence high"
    )
    factories.post(other.id, at=first.at + timedelta(minutes=50))
    with db.read() as session:
        assert best_times.suggestions(session, found)[0].at == first.at
        others = best_times.suggestions(session, found, [channel.id, other.id])
    assert first.at not in [one.at for one in others] and len({one.at for one in others}) == len(others)


def test_summer_time_does_not_smear_the_hour(hub: Path):
    """18:00 in Berlin is 16:00 UTC in summer and 17:00 in winter: one hour of the week all the same."""
    channel, there = factories.channel(), factories.channel(time_zone="America/New_York")
    for one in (channel, there):
        publish(one.id, [(at, 5) for at in tuesdays(18)] + [(at - timedelta(days=1), 5) for at in tuesdays(18)])
    assert {h.words: h.count for h in looked(channel.id).posts.hours if h.count} == {"Tue 18:00": 24, "Mon 18:00": 24}
    zone = ZoneInfo("America/New_York")
    expected = {at.astimezone(zone).hour for at in tuesdays(18)}
    assert {h.hour for h in looked(there.id).posts.hours if h.count} == expected == {12, 13}


def test_when_people_write_decides_where_posts_are_too_few(hub: Path):
    channel = factories.channel()
    chance = Random(4)
    times = []
    for day in range(1, 150):
        evening = datetime(2026, 11, 27, 20, tzinfo=BERLIN) - timedelta(days=day)
        times += [evening + timedelta(minutes=chance.randrange(55)) for _ in range(3)]
        times += [evening - timedelta(hours=chance.randrange(1, 20))]
    write_in(channel.id, times)
    publish(channel.id, [(NOW - timedelta(days=day), 5) for day in range(3, 13)])
    found = looked(channel.id)
    assert found.posts.missing == "20 more measured posts" and found.deciding is not None
    assert found.deciding.basis is Basis.MESSAGES and {hour.hour for hour in found.deciding.best} == {20}
    said = best_times.answer(found)
    assert "people write about" in said and "it takes 20 more measured posts" in said
    with db.read() as session:
        (first, *_) = best_times.suggestions(session, found)
    assert first.at.astimezone(BERLIN).hour == 20 and "people write" in first.reason


def test_too_little_data_says_what_is_missing(hub: Path):
    channel = factories.channel()
    found = looked(channel.id)
    assert not found.enough and found.deciding is None
    assert best_times.answer(found) == (
        "Not enough data yet: it takes 30 more measured posts, or 200 more messages and 28 more days, "
        "before hours can be compared."
    )
    with db.read() as session:
        assert best_times.suggestions(session, found) == []


def test_data_that_cannot_tell_say_so(hub: Path):
    channel = factories.channel()
    publish(channel.id, usual_posts(Random(12)))
    found = looked(channel.id)
    assert found.enough and found.deciding is None and all(hour.level is Level.NONE for hour in found.posts.hours)
    assert "no hour did better than chance would" in best_times.answer(found)


def test_what_does_not_count(hub: Path):
    """Young posts, deleted and unmeasured ones, those of another channel, our own messages, and what is too old."""
    channel, other = factories.channel(), factories.channel()
    publish(channel.id, [(NOW - timedelta(days=1), 5), (NOW - timedelta(days=181), 5), (NOW - timedelta(days=9), 5)])
    publish(other.id, [(NOW - timedelta(days=9), 5)])
    with db.write() as session:
        session.add(Publication(channel_id=channel.id, remote_id="u", published_at=NOW - timedelta(days=9)))
        gone = Publication(channel_id=channel.id, remote_id="d", published_at=NOW - timedelta(days=9), measured_at=NOW)
        gone.deleted_at = NOW
        session.add(gone)
    talk = factories.conversation(channel.id, "Hallo", at=NOW - timedelta(days=3))
    factories.message(talk, "Wir", at=NOW - timedelta(days=3), direction=Direction.OUT)
    factories.message(talk, "Alt", at=NOW - timedelta(days=200))
    found = looked(channel.id)
    assert (found.posts.total, found.messages.total) == (1, 1)


def test_messages_are_counted_by_the_index(hub: Path):
    """A busy channel has a hundred thousand; going through all of them takes half a second."""
    with counted() as ran, db.read() as session:
        best_times._messages(session, 1, NOW)
    (asked,) = ran
    with db.engine().connect() as connection:
        plan = connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {asked}", ("x",) * asked.count("?"))
        assert "ix_message_came" in str(plan.all())
