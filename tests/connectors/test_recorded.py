"""What real Mastodon servers answered, recorded: every answer is read without loss, and we ask only for what exists."""

import json
import re
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from functools import cache, partial
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import httpx
import pytest
from PIL import Image

from core.connectors import mastodon_posts as posts
from core.connectors import oauth
from core.connectors.base import Draft, DraftImage, DraftPart, Kind, Replay, ReplyTo
from core.connectors.http import Http
from core.connectors.mastodon import Mastodon
from core.connectors.mastodon_acts import ON_STATUS
from core.errors import NetworkError

RECORDED = Path(__file__).parents[3] / "shared" / "recorded" / "mastodon.jsonl"
HOST = "server.example"
URL = f"https://{HOST}"
pytestmark = pytest.mark.skipif(
    not RECORDED.exists(), reason="The recorded answers (shared/recorded/mastodon.jsonl) are not beside the checkout."
)

# Documented at docs.joinmastodon.org, and not in the recordings.
DOCUMENTED = {
    ("GET", "/api/v1/statuses"),  # several at once, since 4.3
    ("POST", "/api/v1/media"),  # for servers without v2
    ("POST", "/oauth/revoke"),
}


@cache
def exchanges() -> list[dict[str, Any]]:
    return [json.loads(line) for line in RECORDED.read_text().splitlines()]


def inside(value: Any) -> Iterator[dict[str, Any]]:
    """Every object in an answer, however deep."""
    if isinstance(value, dict):
        yield value
    for item in value.values() if isinstance(value, dict) else value if isinstance(value, list) else ():
        yield from inside(item)


def entities(wanted: Callable[[dict[str, Any]], bool]) -> list[dict[str, Any]]:
    """Every different entity of a kind; there must be some, or the test would prove nothing."""
    found = [e for exchange in exchanges() for e in inside(exchange["body"]) if wanted(e)]
    assert found, "no such entity in the recordings"
    return list({json.dumps(e, sort_keys=True): e for e in found}.values())


def is_status(entity: dict[str, Any]) -> bool:
    return entity.keys() >= {"id", "content", "account", "visibility"}


def is_account(entity: dict[str, Any]) -> bool:
    return entity.keys() >= {"id", "acct", "display_name"}


class Words(HTMLParser):
    """What a browser would show, read by another parser than ours."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.found = ""
        self.feed(html)
        self.close()

    def handle_data(self, data: str) -> None:
        self.found += data


def without_space(text: str) -> str:
    return "".join(text.split())


def when(value: str | None) -> datetime | None:
    return datetime.strptime(value, "%Y-%m-%dT%H:%M:%S.%fZ").replace(tzinfo=UTC) if value else None


# --- read without loss ------------------------------------------------------------------------------


def test_every_status_is_read_as_it_is():
    for raw in entities(is_status):
        read = posts.message(raw, HOST, own_id="0")
        assert read.remote_id == raw["id"] and read.uri == raw["uri"] and read.reply_to == raw["in_reply_to_id"]
        assert read.url == (raw["url"] or raw["uri"]) and read.language == raw["language"]
        assert (read.sent_at, read.edited_at) == (when(raw["created_at"]), when(raw["edited_at"]))
        assert (read.kind is Kind.DIRECT) == (raw["visibility"] == "direct")
        counts = (raw["favourites_count"], raw["reblogs_count"], raw["replies_count"])
        assert (read.metrics["likes"], read.metrics["shares"], read.metrics["comments"]) == counts
        assert read.metrics.get("quotes") == raw.get("quotes_count")
        assert not read.is_own and posts.message(raw, HOST, raw["account"]["id"]).is_own


def test_every_text_is_whole():
    for raw in entities(is_status):
        text = without_space(posts.text_of(raw))
        assert without_space(Words(raw["content"]).found) in text
        assert without_space(raw["spoiler_text"]) in text
        for option in (raw.get("poll") or {}).get("options", []):
            assert without_space(option["title"]) in text


def test_every_attachment_is_kept():
    for raw in entities(lambda e: is_status(e) and bool(e["media_attachments"])):
        read, given = posts.media(raw), raw["media_attachments"]
        assert [(m.url, m.alt) for m in read] == [(g["url"], g["description"] or "") for g in given]
        assert {m.kind for m in read} <= {"image", "video", "audio", "file"}


def test_every_account_is_read_as_it_is():
    for raw in entities(is_account):
        read = posts.author(raw, HOST)
        local = "@" not in raw["acct"]
        assert read.remote_id == (f"{raw['acct']}@{HOST}" if local else raw["acct"]).lower()
        assert read.handle == f"@{read.remote_id}"
        assert read.name == (raw["display_name"].strip() or raw["username"])
        assert read.followers == raw.get("followers_count")
        assert (read.url, read.avatar_url) == (raw["url"], raw.get("avatar_static"))


def test_every_instance_tells_its_limits():
    for raw in entities(lambda e: "configuration" in e and "version" in e):
        told, read = raw["configuration"], posts.limits(raw)
        assert read.text_length == told["statuses"]["max_characters"]
        assert read.url_length == told["statuses"]["characters_reserved_per_url"]
        assert read.images == told["statuses"]["max_media_attachments"]
        assert read.image_bytes == told["media_attachments"]["image_size_limit"]
        assert read.image_pixels == told["media_attachments"]["image_matrix_limit"]
        assert set(read.image_types) <= set(told["media_attachments"]["supported_mime_types"])
        if "source_url" in raw:  # v1 doesn't say what it is
            assert read.replay is Replay.KEY and 0 < read.replay_window <= 3600


def test_every_refusal_is_a_sentence_for_people():
    refused = [e for e in exchanges() if e["status"] >= 400]
    assert refused
    for exchange in refused:
        with pytest.raises(NetworkError) as told:
            replaying([exchange], []).write(exchange["method"], exchange["path"])
        assert told.value.status == exchange["status"]
        said = exchange["body"].get("error") if isinstance(exchange["body"], dict) else None
        assert str(told.value) == said if said else str(told.value).endswith(".")


# --- ask only for what exists -----------------------------------------------------------------------


def shape(method: str, path: str) -> tuple[str, str]:
    """A request without its ids and hashtags."""
    path = re.sub(r"/(statuses|media|accounts|notifications)/\d+", r"/\1/:id", path.split("?")[0].rstrip("/"))
    return method, re.sub(r"/timelines/tag/[^/]+", "/timelines/tag/:tag", path)


def response(exchange: dict[str, Any]) -> httpx.Response:
    body = exchange["body"]
    content = body.encode() if isinstance(body, str) else json.dumps(body).encode()
    return httpx.Response(exchange["status"], content=content)


def replaying(given: list[dict[str, Any]], asked: list[tuple[str, str]]) -> Http:
    """A server that answers each kind of request with what was recorded for one like it; `asked` gets the kinds."""
    # The fullest answer to each kind of request: an empty list would prove little.
    by_kind = {shape(e["method"], e["path"]): e for e in sorted(given, key=lambda e: len(json.dumps(e["body"])))}

    def answer(request: httpx.Request) -> httpx.Response:
        kind = shape(request.method, request.url.path)
        asked.append(kind)
        recorded = by_kind.get(kind)
        return response(recorded) if recorded else httpx.Response(404, json={"error": "Record not found"})

    return Http(URL, transport=httpx.MockTransport(answer))


@pytest.fixture
def asked() -> list[tuple[str, str]]:
    return []


@pytest.fixture
def channel(asked: list[tuple[str, str]]) -> Mastodon:
    good = [e for e in exchanges() if e["status"] < 300]
    return Mastodon(URL, {"access_token": "t"}, http=replaying(good, asked))


def only_what_exists(asked: list[tuple[str, str]]) -> None:
    known = {shape(e["method"], e["path"]) for e in exchanges()}
    assert asked and not set(asked) - known - DOCUMENTED


def test_reading_asks_for_what_exists_and_reads_all_of_it(channel: Mastodon, asked: list[tuple[str, str]]):
    assert channel.profile().handle.endswith(f"@{HOST}")
    assert channel.fetch_limits().replay is Replay.KEY
    assert channel.fetch_inbox(None, lambda _: None).next_cursor
    posted = channel.own_posts(None).items
    assert posted
    assert channel.recheck([posted[0].remote_id]).removed == ()
    assert set(channel.channel_metrics()) == {"followers", "following", "posts"}
    channel.search("#hoot", None)
    channel.search("hoot", None)
    only_what_exists(asked)


def test_writing_asks_for_what_exists(channel: Mastodon, asked: list[tuple[str, str]], tmp_path: Path):
    path = tmp_path / "a.jpg"
    Image.new("RGB", (20, 20)).save(path)
    image = DraftImage(str(path), "image/jpeg", path.stat().st_size, 20, 20, alt="black")
    reply = ReplyTo("117020457910412882", "117020457910412882", Kind.DIRECT)
    prepared = channel.prepare(Draft((DraftPart("Hello", (image,)),), reply_to=reply), 0, "key", [])
    assert prepared.request["form"]["media_ids"] and prepared.request["form"]["visibility"] == "direct"
    assert channel.publish(prepared).remote_id
    channel.find_published(prepared, datetime.now(UTC))
    channel.delete("117020457910412882")
    only_what_exists(asked)
    assert ("GET", "/api/v1/conversations") in asked


def test_acting_asks_for_what_exists(channel: Mastodon, asked: list[tuple[str, str]]):
    for act in channel.capabilities.acts:
        if act in ON_STATUS:
            channel.act(act, "117020457910412882")
    only_what_exists(asked)


def test_a_status_says_what_we_did_with_it():
    """What each request leaves behind, as the real servers said it: the connector looks there before it asks again."""
    for request, says, wanted in ON_STATUS.values():
        answers = [e["body"] for e in exchanges() if e["path"].endswith(f"/{request}") and e["status"] == 200]
        assert answers
        for status in answers:
            assert (status.get("reblog") or status)[says] is wanted


def test_connecting_asks_for_what_exists(asked: list[tuple[str, str]], monkeypatch: pytest.MonkeyPatch):
    good = [e for e in exchanges() if e["status"] < 300]
    monkeypatch.setattr(oauth, "Http", partial(lambda *_, **__: replaying(good, asked)))
    app = oauth.register_app(URL, "https://hub.example/callback")
    credentials = oauth.exchange(app, "code", oauth.new_verifier())
    assert oauth.still_known(app)
    oauth.revoke(URL, credentials)
    only_what_exists(asked)
