"""The invented world: deterministic, varied, alive, and the best time to post can be found in it."""

import os
import signal
import subprocess
import sys
import time
from collections import Counter
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path
from random import Random

import httpx
import pytest

from core.sandbox import growth, texts
from core.sandbox.history import found
from core.sandbox.life import Life
from core.sandbox.network import Network
from core.sandbox.people import CONTACTS
from core.sandbox.plan import BIKES, CHANNELS, COFFEE, GROUPS, HELP, PLAN
from core.sandbox.rules import Entry
from core.sandbox.serve import Sandbox, running_sandbox
from core.sandbox.store import Store

from .conftest import client

NOW = datetime(2026, 3, 11, 14, 30, tzinfo=UTC).timestamp()


class Hands:
    """A clock that is moved by hand."""

    def __init__(self) -> None:
        self.at = NOW

    def __call__(self) -> float:
        return self.at


def world(seed: int, hands: Hands | None = None, history: bool = True) -> Network:
    network = Network(Store(), hands or Hands())
    found(network, seed, history)
    return network


def told(network: Network) -> list[tuple[object, ...]]:
    sql = "SELECT id, created_at, text, visibility, in_reply_to, account_id FROM status ORDER BY id"
    return [tuple(row) for row in network.store.all(sql)]


def test_the_same_seed_tells_the_same_story() -> None:
    story = told(world(1))
    assert story == told(world(1))
    assert story != told(world(2))


def test_half_a_year_holds_questions_praise_and_complaints_in_both_languages(past: Sandbox) -> None:
    """… on every day of the week, from most of the people, and little of it comes twice."""
    rows = past.network.store.all(
        "SELECT s.text, s.created_at, a.language, a.id FROM status s JOIN account a ON a.id = s.account_id "
        "WHERE a.channel = 0"
    )
    for language in ("de", "en"):
        said = [row["text"] for row in rows if row["language"] == language]
        for kind in ("questions", "praise", "complaints"):
            first_words = {
                talk.text.split("{", maxsplit=1)[0][:30]
                for topic in texts.topics().values()
                if (topic.handle == BIKES) == (language == "en")
                for talk in topic.get(kind)
            }
            hits = {start for start in first_words if any(start in text for text in said)}
            assert len(hits) > len(first_words) * 0.6, f"{language}: few {kind}"
        assert max(Counter(said).values()) < len(said) * 0.02
    days = Counter(growth.datetime.fromtimestamp(row["created_at"] / 1000, UTC).weekday() for row in rows)
    assert min(days.values()) > len(rows) * 0.07
    assert len({row["id"] for row in rows}) > len(CONTACTS) * 0.7


def test_the_history_has_what_a_hub_needs(past: Sandbox) -> None:
    value = past.network.store.value
    for channel in CHANNELS:
        account = past.network.find_account(channel.handle)
        assert account is not None
        own = "SELECT count(*) FROM status WHERE account_id = ? AND in_reply_to IS NULL"
        assert value(own, account["id"]) >= 26 * 3 - 3
        assert value(f"{own[:-24]} AND in_reply_to IS NOT NULL", account["id"]) > 30
        for kind in ("mention", "favourite", "follow"):
            assert value("SELECT count(*) FROM notification WHERE account_id = ? AND type = ?", account["id"], kind)
        assert value("SELECT count(*) FROM conversation WHERE account_id = ?", account["id"]) > 5
    deep = value("SELECT max(n) FROM (SELECT count(*) n FROM status GROUP BY thread_id)")
    assert deep >= 6
    newest = value("SELECT max(created_at) FROM status")
    assert newest <= past.network.now().timestamp() * 1000
    numbers = [r[0] for r in past.network.store.all("SELECT created_at FROM notification ORDER BY id")]
    assert numbers == sorted(numbers)


def test_there_are_enough_sentences_and_all_can_be_filled() -> None:
    sentences = [
        text
        for topic in texts.topics().values()
        for talks in topic.said.values()
        for talk in talks
        for text in (talk.text, *(turn for _, turn in talk.turns))
    ]
    assert len(set(sentences)) > 500
    assert len(set(sentences)) == len(sentences)
    values = texts.slots(Random(1), COFFEE)
    assert not [s for s in sentences if "{" in texts.fill(s, values)]


def test_likes_only_ever_grow() -> None:
    sent = datetime(2026, 3, 10, 6, 50, tzinfo=UTC)
    for handle in (COFFEE, HELP, BIKES, "somebody@else.example"):
        crowd = None if handle in growth.CURVES else 400
        counts = [
            (growth.likes(handle, sent, 1.3, age, crowd), growth.reblogs(handle, sent, 1.3, age, crowd))
            for age in (timedelta(minutes=m) for m in range(0, 6000, 7))
        ]
        assert counts == sorted(counts)
        assert counts[0] == (0, 0)
        assert counts[-1][0] > counts[10][0]


def test_a_post_does_better_when_the_audience_is_online(past: Sandbox) -> None:
    monday = datetime(2026, 3, 9, tzinfo=growth.BERLIN)

    def after_a_week(handle: str, hour: int) -> int:
        return growth.likes(handle, monday.replace(hour=hour).astimezone(UTC), 1.0, timedelta(days=7))

    assert after_a_week(COFFEE, 7) > 2 * after_a_week(COFFEE, 23)
    assert after_a_week(BIKES, 18) > 2 * after_a_week(BIKES, 2)
    assert after_a_week(HELP, 14) > 2 * after_a_week(HELP, 20)


def test_the_audience_clock_never_runs_back() -> None:
    hands = Hands()
    network = world(1, hands, history=False)
    status = network.publish(Entry(network.channels()[0]["id"], "Moin"))
    ages = []
    for speed in (1, 60, 1, 0, 5, 0.5):
        network.clock.speed = speed
        for _ in range(3):
            hands.at += 10
            ages.append(network.age(status))
    assert ages == sorted(ages)
    assert ages[-1] > timedelta(minutes=30)


def test_followers_grow_over_half_a_year_and_come_as_daily_snapshots(past: Sandbox) -> None:
    with client(past) as admin:
        days = admin.call("GET", "/_sandbox/history", params={"channel": BIKES})
    assert len(days) == 183
    assert days[-1]["followers"] > days[0]["followers"] + 500
    assert all(a["posts"] <= b["posts"] and a["at"] < b["at"] for a, b in pairwise(days))
    assert days[-1]["followers"] == pytest.approx(growth.followers(BIKES, past.network.now()), abs=2)
    account = past.network.find_account(BIKES)
    assert account is not None
    assert days[-1]["posts"] == account["posts"]


def test_the_plan_fits_the_channels() -> None:
    assert {channel.group for channel in CHANNELS} == set(GROUPS)
    handles = {channel.handle for channel in CHANNELS}
    assert len(PLAN) >= 12
    for post in PLAN:
        assert set(post.channels) <= handles
        assert {handle for handle, _ in post.variants} <= set(post.channels)
        assert all(len(text) <= 500 for text in (post.text, *dict(post.variants).values()))
    assert {post.state for post in PLAN} == {"idea", "draft", "scheduled"}


def test_people_react_to_what_we_publish_and_to_our_answers() -> None:
    hands = Hands()
    network = world(3, hands, history=False)
    life = Life(network, Random(3), lambda: True)
    network.on_published = life.on_published
    coffee = network.find_account(COFFEE)
    assert coffee is not None
    post = network.publish(Entry(coffee["id"], "Montag ist Rösttag! #Kaffee"))
    for _ in range(60):
        hands.at += 5
        life.tick()
    comments = network.store.all("SELECT * FROM status WHERE in_reply_to = ?", post["id"])
    assert comments
    assert network.store.value("SELECT count(*) FROM favourite WHERE status_id = ?", post["id"]) >= 1
    answers = [
        network.publish(Entry(coffee["id"], f"@cem Antwort {n}", in_reply_to=comments[0]["id"])) for n in range(8)
    ]
    for _ in range(30):
        hands.at += 5
        life.tick()
    ids = ", ".join(str(answer["id"]) for answer in answers)
    thanks = network.store.all(f"SELECT * FROM status WHERE in_reply_to IN ({ids})")
    assert thanks
    assert {row["account_id"] for row in thanks} == {comments[0]["account_id"]}


def test_news_keep_arriving_at_about_the_promised_rate() -> None:
    hands = Hands()
    network = world(4, hands, history=False)
    life = Life(network, Random(4), lambda: True)
    before = network.store.value("SELECT count(*) FROM status")
    for _ in range(3600):
        hands.at += 1
        life.tick()
    arrived = network.store.value("SELECT count(*) FROM status") - before
    assert 3600 / 45 < arrived < 3600 / 15


def test_the_quiet_sandbox_is_quiet(box: Sandbox) -> None:
    with client(box, COFFEE) as coffee:
        status = coffee.call("POST", "/api/v1/statuses", json={"status": "Moin"})
        later = box.network.store.one("SELECT * FROM status WHERE id = ?", int(status["id"]))
    assert later is not None
    assert later["appeal"] == 0


def test_life_goes_on_in_a_running_sandbox() -> None:
    with running_sandbox(quiet=False, speed=2000) as lively, client(lively, COFFEE) as coffee:
        post = coffee.call("POST", "/api/v1/statuses", json={"status": "Neue Ernte! #Kaffee"})
        deadline = time.monotonic() + 8
        seen = post
        while not (seen["favourites_count"] and seen["replies_count"]) and time.monotonic() < deadline:
            time.sleep(0.05)
            seen = coffee.call("GET", f"/api/v1/statuses/{post['id']}")
    assert seen["favourites_count"]
    assert seen["replies_count"]


def test_a_restart_keeps_everything(tmp_path: Path) -> None:
    path = tmp_path / "new" / "sandbox.db"
    with running_sandbox(path=path) as first, client(first, COFFEE) as coffee:
        kept = coffee.call("POST", "/api/v1/statuses", json={"status": "Bleibt"}, headers={"Idempotency-Key": "k"})
        with client(first) as admin:
            admin.call("POST", "/_sandbox/revoke", json={"token": first.tokens[BIKES]})
    with running_sandbox(path=path) as second, client(second, COFFEE) as coffee:
        assert coffee.call("GET", f"/api/v1/statuses/{kept['id']}")["content"] == "<p>Bleibt</p>"
        again = coffee.call("POST", "/api/v1/statuses", json={"status": "Bleibt"}, headers={"Idempotency-Key": "k"})
        assert again["id"] == kept["id"]
        newer = coffee.call("POST", "/api/v1/statuses", json={"status": "Neu"})
        assert int(newer["id"]) > int(kept["id"])
        coffee.call("GET", "/api/v1/timelines/home", 401, headers=second.auth(BIKES))
        assert second.network.store.value("SELECT count(*) FROM account") == len(CONTACTS) + len(CHANNELS)


def test_lookups_use_indexes() -> None:
    network = world(1, history=False)
    questions = (
        "SELECT s.* FROM status s WHERE s.account_id = 1 ORDER BY s.id DESC LIMIT 20",
        "SELECT * FROM status WHERE thread_id = 1 ORDER BY id",
        "SELECT in_reply_to, count(*) FROM status WHERE in_reply_to IN (1, 2) GROUP BY 1",
        "SELECT reblog_of, count(*) FROM status WHERE reblog_of IN (1, 2) GROUP BY 1",
        "SELECT * FROM notification WHERE account_id = 1 AND id > 5 ORDER BY id LIMIT 40",
        "SELECT * FROM conversation WHERE account_id = 1 ORDER BY last_status_id DESC LIMIT 20",
        "SELECT * FROM media WHERE status_id IN (1, 2)",
        "SELECT status_id FROM tag WHERE tag IN ('a', 'b')",
    )
    for sql in questions:
        plan = [row["detail"] for row in network.store.all(f"EXPLAIN QUERY PLAN {sql}")]
        assert not [step for step in plan if step.startswith("SCAN ")], (sql, plan)


@pytest.mark.parametrize("how", ["sigterm", "parent"])
def test_the_process_stops_cleanly(tmp_path: Path, how: str) -> None:
    parent = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    command = [sys.executable, "-m", "core.sandbox", str(tmp_path / "s.db"), "--port", "0", "--quiet"]
    process = subprocess.Popen(
        [*command, "--parent-pid", str(parent.pid), "--admin-token-stdin"],
        stdin=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=Path(__file__).parents[2],
        env=os.environ | {"PYTHONUNBUFFERED": "1"},
    )
    assert process.stdin is not None
    assert process.stderr is not None
    process.stdin.write("secret\n")
    process.stdin.close()
    url = next(line for line in process.stderr if "listens on" in line).split()[-1]
    answer = httpx.get(f"{url}/_sandbox/mode", headers={"Authorization": "Bearer secret"})
    assert answer.json()["life"] is False
    if how == "sigterm":
        process.send_signal(signal.SIGTERM)
    else:
        parent.kill()
        parent.wait()
    assert process.wait(10) == 0
    process.stderr.close()
    parent.kill()
    parent.wait()
