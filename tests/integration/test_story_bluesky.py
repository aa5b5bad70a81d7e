"""The hub on a real Bluesky network, by its command line: one person has a hub, another uses plain API calls."""

import json
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import pytest
from PIL import Image

from tests.hub_process import environment
from tests.integration.bluesky_person import Person, eventually, mention

pytestmark = pytest.mark.integration

TEXT = "Frisch geröstet: Äthiopien Guji ☕ #Kaffee"
QUESTION = "Wann liefert ihr nach Bremen?"
ANSWER = "Morgen früh, versprochen!"


class Hub:
    """A hub whose worker is run by hand, `--once` at a time."""

    def __init__(self, folder: Path) -> None:
        self.env = environment(folder, HUB_ALLOWED_PRIVATE_HOSTS="localhost,127.0.0.1", HUB_SYNC_SECONDS="1")

    def __call__(self, *words: str, stdin: str | None = None) -> str:
        ran = subprocess.run(
            [sys.executable, "-m", "core", *words],
            env=self.env, input=stdin, capture_output=True, text=True, timeout=90, check=False,
        )  # fmt: skip
        assert ran.returncode == 0, ran.stderr
        return ran.stdout

    def rows(self, *words: str) -> list[dict]:
        return json.loads(self(*words, "--json"))

    def work(self) -> None:
        ran = subprocess.run(
            [sys.executable, "worker.py", "--once"], env=self.env, capture_output=True, text=True, timeout=120
        )
        assert ran.returncode == 0, ran.stderr[-2000:]


@pytest.fixture
def hub_cli(tmp_path: Path) -> Hub:
    hub = Hub(tmp_path / "data")
    hub("migrate")
    return hub


def test_publish_be_answered_answer_monitor_and_measure(bluesky_network, hub_cli: Hub, tmp_path: Path):
    us, them = bluesky_network.accounts["alice"], bluesky_network.accounts["bob"]
    bob = Person(bluesky_network.pds, them.handle, them.app_password)
    hub = hub_cli
    hub("channel", "add", "bluesky", "--base-url", bluesky_network.pds, "--handle", us.handle, "--password-stdin",
        "--group", "Kaffee", stdin=us.app_password + "\n")  # fmt: skip
    picture = tmp_path / "tasse.png"
    Image.new("RGB", (640, 480), "saddlebrown").save(picture)
    post_id = hub("post", "schedule", "--channel", "1", "--text", TEXT, "--at", _now(),
                  "--media", str(picture), "--alt", "Eine Tasse Kaffee").strip()  # fmt: skip

    hub.work()
    (delivery,) = hub.rows("post", "show", post_id)
    assert delivery["state"] == "published", delivery
    feed = eventually(lambda: [i["post"] for i in bob.ask("app.bsky.feed.getAuthorFeed", actor=us.did)["feed"]])
    ours = next(p for p in feed if p["record"]["text"] == TEXT)
    assert ours["record"]["embed"]["images"][0]["alt"] == "Eine Tasse Kaffee"
    assert sum(p["record"]["text"] == TEXT for p in feed) == 1

    bob.like(ours)
    bob.reply(ours, QUESTION)
    shout = f"Hallo @{us.handle}, guter #Kaffee!"
    start = shout.encode().index(b"#Kaffee")
    tag = {
        "index": {"byteStart": start, "byteEnd": start + 7},
        "features": [{"$type": "app.bsky.richtext.facet#tag", "tag": "Kaffee"}],
    }
    bob.post(shout, facets=[mention(shout, us.handle, us.did), tag])

    def arrived() -> list[dict]:
        hub.work()
        return [row for row in hub.rows("inbox", "list", "--state", "open") if QUESTION in row["preview"]]

    (talk,) = eventually(arrived, 60)
    assert talk["contact_handle"].lstrip("@") == them.handle and talk["kind"] == "comment"
    assert any("guter #Kaffee" in row["preview"] for row in hub.rows("inbox", "list"))

    hub("inbox", "reply", str(talk["id"]), "--text", ANSWER)
    hub.work()
    answers = eventually(lambda: [n for n in bob.notifications("reply") if n["record"]["text"] == ANSWER])
    assert len(answers) == 1 and answers[0]["author"]["did"] == us.did
    shown = hub.rows("inbox", "show", str(talk["id"]))
    assert [m["text"] for m in shown][-2:] == [QUESTION, ANSWER] and shown[-1]["direction"] == "out"

    hub("monitor", "add", "Kaffee im Netz", "--query", "#Kaffee")

    def found() -> list[dict]:
        hub.work()
        return [row for row in hub.rows("monitor", "mentions") if "guter #Kaffee" in row["text"]]

    assert eventually(found, 60)[0]["handle"].lstrip("@") == them.handle

    _counts_the_like(hub)
    bob.close()


def _now() -> str:
    return datetime.now(UTC).isoformat()


def _counts_the_like(hub: Hub) -> None:
    """Analytics' own figures, read as its page reads them."""
    code = (
        "from zoneinfo import ZoneInfo; from core import db; from core.services import analytics\n"
        "with db.read() as s: print(analytics.top_posts(s, analytics.last_days(7, ZoneInfo('UTC'))))"
    )
    ask_now = "from core.services import sync; sync.sync_channel_now(1)"

    def told() -> bool:
        subprocess.run([sys.executable, "-c", ask_now], env=hub.env, check=True, timeout=60)
        hub.work()
        ran = subprocess.run([sys.executable, "-c", code], env=hub.env, capture_output=True, text=True, timeout=120)
        assert ran.returncode == 0, ran.stderr[-2000:]
        return "likes=1" in ran.stdout and "comments=1" in ran.stdout

    assert eventually(told, 60)
