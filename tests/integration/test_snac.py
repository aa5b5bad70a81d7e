"""Our connector against snac, a real fediverse server that somebody else wrote and that speaks the API loosely.

Where the program `snac` isn't in PATH (Debian: package snac2, in bookworm-backports) these tests are skipped.
"""

import json
import re
import shutil
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest

from core.connectors import oauth
from core.connectors.base import Draft, DraftPart, Kind, RemoteMessage, Replay, ReplyTo
from core.connectors.mastodon import Mastodon
from core.errors import NeedsReauth, NetworkError, Rejected, RemoteGone
from tests.integration.conftest import free_ports

pytestmark = pytest.mark.integration

ALLOWED = frozenset({"127.0.0.1"})
REDIRECT = "http://127.0.0.1/oauth/callback"
PATIENCE = 20.0  # seconds: snac works through its queue every few seconds


@dataclass(frozen=True)
class Snac:
    """Where it listens, and its people's passwords."""

    url: str
    passwords: dict[str, str]


@pytest.fixture(scope="module")
def snac(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Snac]:
    program = shutil.which("snac")
    if program is None:
        pytest.skip("The program snac is not installed (Debian: snac2 in bookworm-backports).")
    folder, (port,) = tmp_path_factory.mktemp("snac") / "data", free_ports(1)
    answers = f"127.0.0.1\n{port}\n127.0.0.1:{port}\n\n\n"
    subprocess.run([program, "init", str(folder)], input=answers, text=True, check=True, capture_output=True)
    config = folder / "server.json"
    # With few threads a kept connection takes up the whole server.
    config.write_text(json.dumps({**json.loads(config.read_text()), "protocol": "http", "num_threads": 32}))
    passwords = {}
    for name in ("shop", "bob"):
        made = subprocess.run(
            [program, "adduser", str(folder), name],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=True,
        )
        passwords[name] = re.search(r"password is (\S+)", made.stdout + made.stderr)[1]  # type: ignore[index]
    process = subprocess.Popen(
        [program, "httpd", str(folder)], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, stdin=subprocess.DEVNULL
    )
    try:
        _wait_for(f"http://127.0.0.1:{port}/")
        yield Snac(f"http://127.0.0.1:{port}", passwords)
    finally:
        process.terminate()
        try:
            process.wait(timeout=10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _wait_for(url: str) -> None:
    deadline = time.monotonic() + 10
    while True:
        try:
            httpx.get(url)
            return
        except httpx.HTTPError:
            assert time.monotonic() < deadline, "snac did not start"
            time.sleep(0.05)


def signed_in(snac: Snac, name: str) -> Mastodon:
    """Through the whole OAuth flow, the person's part played in plain HTTP."""
    app = oauth.register_app(snac.url, REDIRECT, ALLOWED)
    verifier = oauth.new_verifier()
    page = httpx.get(oauth.authorize_url(app, "state-1", verifier))
    form = dict(re.findall(r'<input[^>]*name="([^"]+)"[^>]*value="([^"]*)"', page.text))
    action = re.search(r'<form[^>]*action="([^"]+)"', page.text)
    assert action, page.text
    back = httpx.post(action[1], data={**form, "login": name, "passwd": snac.passwords[name]})
    answer = parse_qs(urlsplit(back.headers["location"]).query)
    assert answer["state"] == ["state-1"]
    return Mastodon(snac.url, oauth.exchange(app, answer["code"][0], verifier, ALLOWED), allowed_hosts=ALLOWED)


@pytest.fixture(scope="module")
def shop(snac: Snac) -> Iterator[Mastodon]:
    connector = signed_in(snac, "shop")
    yield connector
    connector.close()


@pytest.fixture(scope="module")
def bob(snac: Snac) -> Iterator[Mastodon]:
    connector = signed_in(snac, "bob")
    yield connector
    connector.close()


def say(channel: Mastodon, text: str, reply_to: ReplyTo | None = None) -> str:
    draft = Draft((DraftPart(text),), reply_to=reply_to)
    return channel.publish(channel.prepare(draft, 0, f"key-{time.monotonic_ns()}", [])).remote_id


def arrived(channel: Mastodon, words: str, cursor: str | None = None) -> RemoteMessage:
    """The message with these words, once it is in the inbox."""
    deadline = time.monotonic() + PATIENCE
    while True:
        batch = channel.fetch_inbox(cursor, lambda _: None)
        found = [item for item in batch.items if words in item.text and not item.is_own]
        if found:
            return found[0]
        assert time.monotonic() < deadline, f"{words!r} did not arrive: {[item.text for item in batch.items]}"
        time.sleep(0.3)


def test_who_we_are_and_what_the_server_takes(shop: Mastodon, snac: Snac):
    host = urlsplit(snac.url).netloc
    assert shop.profile().handle == f"@shop@{host}"
    limits = shop.fetch_limits()
    assert limits.replay is Replay.NONE, "snac makes a second post of the same key"
    assert limits.text_length > 0 and limits.images > 0
    assert set(shop.channel_metrics()) >= {"followers", "following"}


def test_a_post_is_found_again_by_what_it_says(shop: Mastodon):
    text = "Fresh beans, *roasted* today & more: https://example.com/beans?a=1&b=2 #coffee"
    before = datetime.now(UTC)
    prepared = shop.prepare(Draft((DraftPart(text),)), 0, "key-found-again", [])
    sent = shop.publish(prepared)
    found = shop.find_published(prepared, before)
    assert found is not None and found.remote_id == sent.remote_id
    assert shop.find_published(prepared, datetime.now(UTC) + timedelta(hours=1)) is None
    assert sent.remote_id in {post.remote_id for post in shop.own_posts(None).items}
    assert sent.remote_id in shop.post_metrics([sent.remote_id])


def test_a_question_is_answered_and_answered_again(shop: Mastodon, bob: Mastodon, snac: Snac):
    host = urlsplit(snac.url).netloc
    asked = say(bob, "@shop are you open on Sunday?\nI would come at ten.")
    question = arrived(shop, "open on Sunday")
    assert question.author.remote_id == f"bob@{host}"
    assert question.kind is Kind.MENTION
    assert "I would come at ten." in question.text.splitlines()
    answer = say(shop, "Yes, from nine.", ReplyTo(question.remote_id, question.thread_id, Kind.MENTION, "@bob"))
    seen = arrived(bob, "Yes, from nine.")
    assert seen.text.startswith("@bob"), "without the name the person isn't told"
    assert seen.thread_id == asked
    say(bob, "@shop lovely", ReplyTo(answer, asked, Kind.MENTION, "@shop"))
    thanks = arrived(shop, "lovely")
    assert thanks.thread_id == question.thread_id, "the same conversation"
    assert thanks.kind is Kind.COMMENT


def test_a_message_that_is_gone_is_told_from_one_that_is_there(shop: Mastodon):
    there = say(shop, "Still here")
    batch = shop.recheck([there, "no-such-status"])
    assert [item.remote_id for item in batch.items] == [there]
    assert batch.removed == ("no-such-status",)


def test_deleting_says_the_truth(shop: Mastodon):
    posted = say(shop, "Not for long")
    try:
        shop.delete(posted)
    except Rejected as refusal:  # 2.75 knows no DELETE
        assert "Delete it there" in str(refusal)
        assert posted in shop.post_metrics([posted])
    else:
        assert posted not in shop.post_metrics([posted])
    with pytest.raises(RemoteGone):
        shop.delete("no-such-status")


def test_a_wrong_token_means_that_somebody_must_sign_in(snac: Snac):
    channel = Mastodon(snac.url, {"access_token": "nonsense"}, allowed_hosts=ALLOWED)
    with pytest.raises(NetworkError) as refusal:
        channel.profile()
    assert isinstance(refusal.value, NeedsReauth)


def test_many_reads_in_a_row_survive_closed_connections(shop: Mastodon):
    for _ in range(10):
        assert shop.profile().name
