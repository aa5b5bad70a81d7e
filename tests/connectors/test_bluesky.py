"""The Bluesky connector against a server of a few lines: what a real one does rarely, or only when it breaks.

What a real network does is tested in tests/integration/test_bluesky_connector.py.
"""

import json
import sys
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.connectors import bluesky_posts
from core.connectors.atproto import AtUri, tid
from core.connectors.base import Draft, DraftImage, DraftPart, Kind, Limits, Prepared, Replay, ReplyTo, Sent
from core.connectors.bluesky import LIMITS, Bluesky
from core.connectors.http import Http
from core.connectors.judging import validate
from core.errors import NeedsReauth, OutcomeUnknown, RateLimited, Rejected, RemoteGone, RetryLater

PDS = "https://pds.example"
DID = "did:plc:me"
OTHER = "did:plc:other"
NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
Handler = Callable[[httpx.Request], httpx.Response]


def fault(status: int, code: str, message: str = "") -> httpx.Response:
    return httpx.Response(status, json={"error": code, "message": message or code})


def at(minutes: float) -> str:
    return (NOW + timedelta(minutes=minutes)).isoformat().replace("+00:00", "Z")


def view(rkey: str, text: str = "hello", did: str = OTHER, minutes: float = 0, **record: Any) -> dict[str, Any]:
    return {
        "uri": f"at://{did}/app.bsky.feed.post/{rkey}",
        "cid": f"cid-{rkey}",
        "author": {"did": did, "handle": "bob.test", "displayName": "Bob"},
        "record": {"$type": "app.bsky.feed.post", "text": text, "createdAt": at(minutes), **record},
        "indexedAt": at(minutes),
        "likeCount": 1,
        "repostCount": 2,
        "replyCount": 3,
        "quoteCount": 4,
    }


class Server:
    """A PDS of a few lines. `answers[name]` replaces what a call does; `calls` is what was asked."""

    def __init__(self) -> None:
        self.calls: list[str] = []
        self.records: dict[tuple[str, str, str], Any] = {}
        self.views: dict[str, dict[str, Any]] = {}
        self.valid = {"access-1"}
        self.answers: dict[str, Handler] = {}
        self.issued = 1
        self.page: Handler = lambda _: httpx.Response(404)

    def __call__(self, request: httpx.Request) -> httpx.Response:
        if not request.url.path.startswith("/xrpc/"):
            return self.page(request)
        name = request.url.path.removeprefix("/xrpc/")
        self.calls.append(name)
        if name in self.answers:
            return self.answers[name](request)
        if name.endswith(("createSession", "refreshSession")):
            return self.session()
        if request.headers.get("authorization", "").removeprefix("Bearer ") not in self.valid:
            return fault(400, "ExpiredToken", "Token has expired")
        return getattr(self, name.rsplit(".", 1)[1])(request)

    def session(self, **more: Any) -> httpx.Response:
        self.issued += 1
        self.valid.add(f"access-{self.issued}")
        tokens = {"accessJwt": f"access-{self.issued}", "refreshJwt": f"refresh-{self.issued}"}
        return httpx.Response(200, json={"did": DID, "handle": "me.test", **tokens, **more})

    def getProfile(self, _: httpx.Request) -> httpx.Response:
        return httpx.Response(200, json={"did": DID, "handle": "me.test", "followersCount": 7, "postsCount": 2})

    def getProfiles(self, _: httpx.Request) -> httpx.Response:
        return httpx.Response(200, json={"profiles": [{"did": OTHER, "followersCount": 5}]})

    def putRecord(self, request: httpx.Request) -> httpx.Response:
        body = json.loads(request.content)
        key = (body["repo"], body["collection"], body["rkey"])
        if key in self.records and self.records[key] != body["record"]:
            return fault(400, "InvalidSwap", "Record was at bafy")
        self.records[key] = body["record"]
        return httpx.Response(200, json={"uri": "at://" + "/".join(key), "cid": "cid-" + key[2]})

    def getRecord(self, request: httpx.Request) -> httpx.Response:
        key = tuple(request.url.params[name] for name in ("repo", "collection", "rkey"))
        if key not in self.records:
            return fault(400, "RecordNotFound", "Could not locate record")
        uri = "at://" + "/".join(key)
        return httpx.Response(200, json={"uri": uri, "cid": "cid-" + key[2], "value": self.records[key]})

    def deleteRecord(self, request: httpx.Request) -> httpx.Response:
        body = json.loads(request.content)
        self.records.pop((body["repo"], body["collection"], body["rkey"]), None)
        return httpx.Response(200, json={})

    def getPosts(self, request: httpx.Request) -> httpx.Response:
        uris = request.url.params.get_list("uris")
        assert len(uris) <= 25, "the network takes 25 at a time"
        return httpx.Response(200, json={"posts": [self.views[uri] for uri in uris if uri in self.views]})

    def resolveHandle(self, request: httpx.Request) -> httpx.Response:
        if request.url.params["handle"] == "bob.test":
            return httpx.Response(200, json={"did": OTHER})
        return fault(400, "InvalidRequest", "Unable to resolve handle")

    def uploadBlob(self, request: httpx.Request) -> httpx.Response:
        kind = request.headers["content-type"]
        blob = {"$type": "blob", "ref": {"$link": "bafkimage"}, "mimeType": kind, "size": len(request.content)}
        return httpx.Response(200, json={"blob": blob})


@pytest.fixture
def server() -> Server:
    return Server()


@pytest.fixture
def saved() -> list[dict[str, str]]:
    return []


@pytest.fixture
def channel(server: Server, saved: list[dict[str, str]]) -> Bluesky:
    return connect(server, saved)


def connect(server: Server, saved: list[dict[str, str]], **changed: str) -> Bluesky:
    credentials = {"handle": "me.test", "password": "pw", "did": DID, "access": "access-1", "refresh": "refresh-1"}
    http = Http(PDS, transport=httpx.MockTransport(server))
    return Bluesky(PDS, {**credentials, **changed}, save_credentials=saved.append, http=http)


def prepare(channel: Bluesky, text: str = "hello", **more: Any) -> Prepared:
    return channel.prepare(Draft((DraftPart(text),), **more), 0, "key", ())


# --- sessions -----------------------------------------------------------------------------------------------------


def test_an_expired_token_is_refreshed_once_and_saved_before_use(channel, server, saved):
    server.valid.clear()
    seen_when_saved = []
    channel._session._save = lambda fresh: (saved.append(fresh), seen_when_saved.append(list(server.calls)))
    assert channel.channel_metrics() == {"followers": 7, "posts": 2}
    profile, refresh = "app.bsky.actor.getProfile", "com.atproto.server.refreshSession"
    assert server.calls == [profile, refresh, profile]
    assert seen_when_saved == [[profile, refresh]], "saved between the refresh and the next use"
    assert (saved[-1]["access"], saved[-1]["refresh"], saved[-1]["password"]) == ("access-2", "refresh-2", "pw")


@pytest.mark.parametrize("answer", [fault(400, "ExpiredToken"), fault(401, "InvalidToken"), fault(400, "Whatever")])
def test_when_the_refresh_token_is_spent_the_app_password_signs_in(channel, server, saved, answer):
    server.valid.clear()
    server.answers["com.atproto.server.refreshSession"] = lambda _: answer
    assert channel.channel_metrics()["followers"] == 7
    assert "com.atproto.server.createSession" in server.calls
    assert saved[-1]["access"] == channel.credentials["access"]


def test_a_revoked_app_password_asks_for_reconnection(channel, server, saved):
    server.valid.clear()
    server.answers["com.atproto.server.refreshSession"] = lambda _: fault(400, "ExpiredToken")
    server.answers["com.atproto.server.createSession"] = lambda _: fault(401, "AuthenticationRequired")
    with pytest.raises(NeedsReauth, match="app password") as caught:
        channel.channel_metrics()
    assert saved == []
    assert "pw" not in str(caught.value).split()


def test_a_server_that_refuses_fresh_tokens_is_not_asked_forever(channel, server):
    server.answers["app.bsky.actor.getProfile"] = lambda _: fault(401, "InvalidToken")
    with pytest.raises(NeedsReauth):
        channel.channel_metrics()
    assert len(server.calls) == 3


def test_a_server_down_during_the_refresh_does_not_cost_the_channel_its_sign_in(channel, server):
    server.valid.clear()
    server.answers["com.atproto.server.refreshSession"] = lambda _: httpx.Response(503)
    with pytest.raises(RetryLater):
        channel.channel_metrics()
    assert "com.atproto.server.createSession" not in server.calls


def test_an_expired_token_at_publishing_sends_the_very_same_write(channel, server):
    prepared = prepare(channel)
    server.valid.clear()
    channel.publish(prepared)
    assert list(server.records.values()) == [prepared.request["record"]]


def test_a_handle_that_changed_hands_is_not_signed_in_to(server, saved):
    channel = connect(server, saved, access="")
    server.answers["com.atproto.server.createSession"] = lambda _: server.session(did="did:plc:stranger")
    with pytest.raises(NeedsReauth, match="another account"):
        channel.profile()
    assert saved == []


def sign_in(server: Server, handle: str = "me.test") -> dict[str, str]:
    return Bluesky.sign_in(PDS, handle, " pw ", http=Http(PDS, transport=httpx.MockTransport(server)))


def test_sign_in_takes_a_handle_as_people_copy_it(server):
    sent = []
    server.answers["com.atproto.server.createSession"] = lambda r: (
        sent.append(json.loads(r.content)) or server.session()
    )
    found = sign_in(server, " \u202a@me.test\u202c ")
    assert sent == [{"identifier": "me.test", "password": "pw"}]
    expected = {"handle": "me.test", "password": "pw", "did": DID, "access": "access-2", "refresh": "refresh-2"}
    assert {key: found[key] for key in expected} == expected


def test_a_code_by_mail_means_it_is_not_an_app_password(server):
    server.answers["com.atproto.server.createSession"] = lambda _: fault(401, "AuthFactorTokenRequired")
    with pytest.raises(NeedsReauth, match="own password"):
        sign_in(server)


@pytest.mark.parametrize(
    ("endpoint", "answers_us", "used"),
    [
        ("https://shard.example", True, "https://shard.example"),
        ("https://shard.example", False, PDS),
        ("http://shard.example", True, PDS),
        (PDS, True, PDS),
        (7, True, PDS),
    ],
)
def test_calls_go_to_the_accounts_own_server_if_it_answers(server, saved, endpoint, answers_us, used):
    document = {"service": [{"id": "#atproto_pds", "serviceEndpoint": endpoint}]}
    server.answers["com.atproto.server.createSession"] = lambda _: server.session(didDoc=document)
    server.answers["com.atproto.server.getSession"] = lambda _: (
        httpx.Response(200, json={"did": DID}) if answers_us else httpx.Response(502)
    )
    hosts = []
    server.answers["app.bsky.actor.getProfile"] = lambda r: hosts.append(r.url) or server.getProfile(r)
    channel = connect(server, saved, **sign_in(server))
    channel.channel_metrics()
    assert str(hosts[0]).startswith(f"{used}/")


# --- publishing ---------------------------------------------------------------------------------------------------


def test_the_request_is_plain_json_with_a_valid_key_and_guard(channel):
    request = json.loads(json.dumps(prepare(channel, "hi #there", language="en").request))
    assert len(request["rkey"]) == 13
    assert set(request["rkey"]) <= set("234567abcdefghijklmnopqrstuvwxyz")
    assert request["rkey"][0] in "234567abcdefghij"  # the top bit of a TID is 0
    assert request["swapRecord"] is None
    assert request["record"]["langs"] == ["en"]


@given(st.datetimes(datetime(2000, 1, 1), datetime(2200, 1, 1)), st.integers(0, 1023))
def test_keys_sort_by_time(moment, clock):
    early = moment.replace(tzinfo=UTC)
    late = early + timedelta(microseconds=1)
    assert tid(early, clock) < tid(late, 0)


def test_a_known_key_as_the_protocol_writes_it():
    moment = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=1688137381887007)
    assert tid(moment, 6) == "3jzfcijpj2z2a"  # the specification's example


def test_the_same_write_twice_makes_one_post(channel, server):
    prepared = prepare(channel)
    assert channel.publish(prepared) == channel.publish(prepared)
    assert len(server.records) == 1


def test_a_server_that_says_the_key_is_taken_by_our_record_has_it(channel, server):
    prepared = prepare(channel)
    first = channel.publish(prepared)
    server.answers["com.atproto.repo.putRecord"] = lambda _: fault(400, "InvalidSwap")
    assert channel.publish(prepared) == first


def test_another_record_under_our_key_is_refused(channel, server):
    prepared = prepare(channel)
    request = prepared.request
    server.records[DID, "app.bsky.feed.post", request["rkey"]] = {"text": "something else"}
    with pytest.raises(Rejected, match="bafy"):
        channel.publish(prepared)


def test_a_refused_post_says_why(channel, server):
    server.answers["com.atproto.repo.putRecord"] = lambda _: fault(400, "InvalidRequest", "text must not be longer")
    with pytest.raises(Rejected, match="must not be longer"):
        channel.publish(prepare(channel))


def test_a_lost_answer_is_an_unknown_outcome_and_found_by_looking(channel, server):
    def accept_and_drop(request: httpx.Request) -> httpx.Response:
        server.putRecord(request)
        raise httpx.ReadError("reset", request=request)

    server.answers["com.atproto.repo.putRecord"] = accept_and_drop
    prepared = prepare(channel)
    with pytest.raises(OutcomeUnknown):
        channel.publish(prepared)
    found = channel.find_published(prepared, NOW)
    assert found is not None
    assert found.remote_id == f"at://{DID}/app.bsky.feed.post/{prepared.request['rkey']}"
    assert found.url == f"https://bsky.app/profile/{DID}/post/{prepared.request['rkey']}"


@pytest.mark.parametrize("body", [b"<html>", b"[]", b"{}", b'{"uri": 1, "cid": "x"}'])
def test_an_answer_that_makes_no_sense_after_a_write_is_an_unknown_outcome(channel, server, body):
    server.answers["com.atproto.repo.putRecord"] = lambda _: httpx.Response(200, content=body)
    with pytest.raises(OutcomeUnknown):
        channel.publish(prepare(channel))


def test_nothing_published_is_none(channel):
    assert channel.find_published(prepare(channel), NOW) is None


def test_a_rate_limit_names_its_end(channel, server):
    reset = datetime.now(UTC).replace(microsecond=0) + timedelta(minutes=5)
    headers = {"ratelimit-reset": str(int(reset.timestamp()))}
    server.answers["com.atproto.repo.putRecord"] = lambda _: httpx.Response(
        429, json={"error": "RateLimitExceeded"}, headers=headers
    )
    with pytest.raises(RateLimited) as caught:
        channel.publish(prepare(channel))
    assert caught.value.until == reset


def test_mentions_become_dids_and_strangers_stay_text(channel):
    facets = prepare(channel, "@bob.test @nobody.test").request["record"]["facets"]
    assert [facet["features"][0]["did"] for facet in facets] == [OTHER]


def test_text_that_is_no_valid_unicode_is_repaired(channel):
    assert prepare(channel, "a\ud800b\r\nc").request["record"]["text"] == "ab\nc"


def test_images_are_fitted_uploaded_and_described(channel, monkeypatch):
    fitted = SimpleNamespace(data=b"jpeg!", mime="image/jpeg", width=800, height=600)
    seen = []
    stand_in = SimpleNamespace(fit=lambda image, limits: seen.append((image, limits)) or fitted)
    monkeypatch.setitem(sys.modules, "core.connectors.images", stand_in)
    image = DraftImage("/x.png", "image/png", 5_000_000, 4000, 3000, "A boat")
    draft = Draft((DraftPart("see https://page.example", (image,)),))
    (embedded,) = channel.prepare(draft, 0, "key", ()).request["record"]["embed"]["images"]
    assert embedded["image"]["size"] == 5
    assert embedded["image"]["mimeType"] == "image/jpeg"
    assert embedded["alt"] == "A boat"
    assert embedded["aspectRatio"] == {"width": 800, "height": 600}
    assert seen == [(image, LIMITS)]


PAGE = b"""<html><head><title>Plain</title><meta property="og:title" content="Shop &amp; more">
<meta name="description" content="All  you need"><meta property="og:image" content="/pic.jpg"></head>"""


def pages(**found: tuple[str, bytes]) -> Handler:
    def answer(request: httpx.Request) -> httpx.Response:
        assert "authorization" not in request.headers, "tokens are for the channel's server alone"
        kind, body = found.get(request.url.path.strip("/").replace(".", "_") or "root", ("", b""))
        return httpx.Response(200, headers={"content-type": kind}, content=body) if kind else httpx.Response(404)

    return answer


def card(channel: Bluesky, text: str = "look: https://page.example") -> dict[str, Any] | None:
    embed = prepare(channel, text).request["record"].get("embed")
    return embed and embed["external"]


def test_a_link_gets_a_card_with_title_and_picture(channel, server):
    server.page = pages(root=("text/html; charset=utf-8", PAGE), pic_jpg=("image/jpeg", b"x" * 900))
    made = card(channel)
    assert (made["uri"], made["title"], made["description"]) == (
        "https://page.example",
        "Shop & more",
        "All you need",
    )
    assert made["thumb"]["size"] == 900


def test_a_redirected_page_is_followed_and_the_card_names_our_link(channel, server):
    there = pages(root=("text/html", PAGE))
    server.page = lambda r: (
        there(r)
        if r.url.host == "www.page.example"
        else httpx.Response(301, headers={"location": "https://www.page.example/"})
    )
    assert card(channel)["title"] == "Shop & more"
    assert card(channel)["uri"] == "https://page.example"


def broken_connection(request: httpx.Request) -> httpx.Response:
    raise httpx.ConnectTimeout("slow", request=request)


@pytest.mark.parametrize(
    "page",
    [
        broken_connection,
        lambda _: httpx.Response(500),
        lambda r: httpx.Response(302, headers={"location": str(r.url)}),
        lambda _: httpx.Response(302, headers={"location": "file:///etc/passwd"}),
        pages(root=("application/pdf", b"%PDF")),
    ],
)
def test_a_page_that_cannot_be_read_has_no_card_but_the_link_stays(channel, server, page):
    server.page = page
    record = prepare(channel, "look: https://page.example").request["record"]
    assert "embed" not in record
    assert record["facets"][0]["features"][0]["uri"] == "https://page.example"


def test_a_page_without_a_title_is_named_by_its_host(channel, server):
    server.page = pages(root=("text/html", b"<p>\xff\xfe broken"))
    assert card(channel)["title"] == "page.example"


def test_a_picture_too_large_is_left_out(channel, server):
    server.page = pages(root=("text/html", PAGE), pic_jpg=("image/jpeg", b"x" * 1_000_001))
    assert "thumb" not in card(channel)


def test_an_answer_names_root_and_parent(channel, server):
    root = {"uri": f"at://{DID}/app.bsky.feed.post/root", "cid": "cid-root"}
    parent = view("parent", reply={"root": root, "parent": root})
    server.views = {parent["uri"]: parent}
    reply = prepare(channel, reply_to=ReplyTo(parent["uri"], root["uri"])).request["record"]["reply"]
    assert reply == {"root": root, "parent": {"uri": parent["uri"], "cid": "cid-parent"}}


def test_what_is_answered_is_read_from_its_repository_where_the_index_lags(channel, server):
    server.records[OTHER, "app.bsky.feed.post", "fresh"] = {"text": "just written"}
    uri = f"at://{OTHER}/app.bsky.feed.post/fresh"
    reply = prepare(channel, reply_to=ReplyTo(uri, uri)).request["record"]["reply"]
    assert reply["root"] == reply["parent"] == {"uri": uri, "cid": "cid-fresh"}


def test_an_answer_to_what_is_gone_says_so(channel):
    uri = f"at://{OTHER}/app.bsky.feed.post/gone"
    with pytest.raises(RemoteGone):
        prepare(channel, reply_to=ReplyTo(uri, uri))


def test_a_thread_that_answers_keeps_the_root_it_answers(channel, server):
    root = {"uri": f"at://{OTHER}/app.bsky.feed.post/root", "cid": "cid-root"}
    server.views = {root["uri"]: view("root")}
    draft = Draft((DraftPart("one"), DraftPart("two")), reply_to=ReplyTo(root["uri"], root["uri"]))
    first = channel.publish(channel.prepare(draft, 0, "a", ()))
    stored = Sent(first.remote_id, first.url, first.at, json.loads(json.dumps(dict(first.extra))))
    reply = channel.prepare(draft, 1, "b", (stored,)).request["record"]["reply"]
    assert reply == {"root": root, "parent": {"uri": first.remote_id, "cid": first.extra["cid"]}}


def test_a_first_comment_answers_the_first_part_not_the_last(channel, server):
    draft = Draft((DraftPart("one"), DraftPart("two"), DraftPart("more", comment=True)), content_warning="Food")
    out: list[Sent] = []
    for number in range(3):
        prepared = channel.prepare(draft, number, f"key-{number}", tuple(out))
        out.append(channel.publish(prepared))
    first = {"uri": out[0].remote_id, "cid": out[0].extra["cid"]}
    assert prepared.request["record"]["reply"] == {"root": first, "parent": first}
    assert not {"labels", "spoiler_text"} & prepared.request["record"].keys()


def test_limits_judge_graphemes_and_bytes():
    family = "👩‍👩‍👧‍👦"
    assert Bluesky.length(family * 300, LIMITS) == 300
    assert validate(Bluesky, Draft((DraftPart("ä" * 300),)), LIMITS) == []
    (problem,) = validate(Bluesky, Draft((DraftPart("ä" * 301),)), LIMITS)
    assert "1 character too long" in problem.message
    assert any("3000 bytes" in p.message for p in validate(Bluesky, Draft((DraftPart(family * 200),)), LIMITS))
    assert Limits.from_json(LIMITS.to_json()) == LIMITS
    assert LIMITS.replay is Replay.RECORD


# --- reading ------------------------------------------------------------------------------------------------------


class Notifications:
    """A list of notifications, newest first, whose cursor is the time of the last one given (ties get lost)."""

    def __init__(self, server: Server, views: list[dict[str, Any]], page: int = 100) -> None:
        self.server, self.page = server, page
        self.set(views)
        server.answers["app.bsky.notification.listNotifications"] = self

    def set(self, views: list[dict[str, Any]]) -> None:
        self.views = sorted(views, key=lambda one: one["indexedAt"], reverse=True)
        self.server.views = {one["uri"]: one for one in views}

    def __call__(self, request: httpx.Request) -> httpx.Response:
        before = request.url.params.get("cursor", "9999")
        found = [one for one in self.views if one["indexedAt"] < before][: self.page]
        notes = [
            {"uri": one["uri"], "reason": "reply", "indexedAt": one["indexedAt"], "author": one["author"]}
            for one in found
        ]
        cursor = {"cursor": found[-1]["indexedAt"]} if found else {}
        return httpx.Response(200, json={"notifications": [*notes, {"reason": "like"}, None], **cursor})


def unknown(_: str) -> None:
    return None


def to_us(rkey: str, minutes: float) -> dict[str, Any]:
    own = {"uri": f"at://{DID}/app.bsky.feed.post/own", "cid": "c"}
    return view(rkey, minutes=minutes, reply={"root": own, "parent": own})


@pytest.fixture(autouse=True)
def _no_thread_above(server: Server) -> None:
    server.answers["app.bsky.feed.getPostThread"] = lambda _: fault(400, "NotFound")


def test_a_reply_to_us_is_a_comment_in_our_thread(channel, server):
    Notifications(server, [to_us("one", 0)])
    (message,) = channel.fetch_inbox(None, unknown).items
    assert message.kind is Kind.COMMENT
    assert message.thread_id == f"at://{DID}/app.bsky.feed.post/own"
    assert message.author.followers == 5
    assert message.metrics == {"likes": 1, "shares": 2, "comments": 3, "quotes": 4}


def test_messages_above_come_with_a_new_thread_once(channel, server):
    root, middle = view("root", minutes=-9), view("middle", minutes=-8, did=DID)
    ref = {"root": {"uri": root["uri"]}, "parent": {"uri": middle["uri"]}}
    Notifications(server, [view("reply", reply=ref)])
    node = {"post": {}, "parent": {"post": middle, "parent": {"post": root, "parent": {"notFound": True}}}}
    server.answers["app.bsky.feed.getPostThread"] = lambda _: httpx.Response(200, json={"thread": node})
    found = channel.fetch_inbox(None, unknown).items
    assert [message.remote_id.rsplit("/", 1)[1] for message in found] == ["root", "middle", "reply"]
    assert {message.thread_id for message in found} == {root["uri"]}
    assert [message.is_own for message in found] == [False, True, False]

    known = {root["uri"]: "thread", middle["uri"]: "thread"}
    server.calls.clear()
    (reply,) = channel.fetch_inbox(None, known.get).items
    assert reply.thread_id == "thread", "it goes where the hub keeps the message it answers"
    assert "app.bsky.feed.getPostThread" not in server.calls


def test_a_long_pause_loses_nothing_and_ends(channel, server):
    first = [to_us("first", 0)]
    notifications = Notifications(server, first, page=3)
    cursor = channel.fetch_inbox(None, unknown).next_cursor
    missed = [to_us(f"n{number:02d}", 200 + number) for number in range(40)]
    notifications.set([*first, *missed])
    seen: list[str] = []
    for _ in range(20):
        batch = channel.fetch_inbox(cursor, dict.fromkeys(seen, "t").get)
        seen += [message.remote_id for message in batch.items]
        cursor = batch.next_cursor
        if not batch.more:
            break
    assert {one["uri"] for one in missed} <= set(seen)
    server.calls.clear()
    assert channel.fetch_inbox(cursor, dict.fromkeys(seen, "t").get).items == ()
    assert len(server.calls) < 30, "afterwards only the overlap is read"


def test_what_the_network_sorts_in_late_is_still_seen(channel, server):
    notifications = Notifications(server, [to_us("new", 30)])
    cursor = channel.fetch_inbox(None, unknown).next_cursor
    late = to_us("late", 10)
    notifications.set([to_us("new", 30), late])
    assert late["uri"] in [message.remote_id for message in channel.fetch_inbox(cursor, unknown).items]


def test_a_time_in_the_future_does_not_blind_us(channel, server):
    future = to_us("future", 0)
    future["indexedAt"] = "2999-01-01T00:00:00Z"
    Notifications(server, [future])
    cursor = channel.fetch_inbox(None, unknown).next_cursor
    assert cursor < "2999"


@pytest.mark.parametrize("answer", [b"<html>", b"[]", b'"x"'])
def test_a_broken_list_is_put_off(channel, server, answer):
    server.answers["app.bsky.notification.listNotifications"] = lambda _: httpx.Response(200, content=answer)
    with pytest.raises(RetryLater):
        channel.fetch_inbox(None, unknown)


@pytest.mark.parametrize(
    "broken",
    [
        {"record": None},
        {"author": None},
        {"author": {"did": 7}},
        {"uri": 3},
        {"record": {"text": 4, "createdAt": 5, "langs": {}, "reply": [], "facets": 9}, "indexedAt": None},
        {"record": {"text": "x", "createdAt": "0001-01-01T00:00:00+14:00"}, "indexedAt": "never"},
        {"embed": {"images": [None, {"fullsize": "javascript:x"}], "external": 3, "record": [], "media": {}}},
    ],
)
def test_a_broken_post_does_not_hide_the_others(channel, server, broken):
    good, bad = to_us("good", 1), to_us("bad", 0)
    Notifications(server, [good, bad])
    server.views[bad["uri"]] = {**bad, **broken}
    assert good["uri"] in [message.remote_id for message in channel.fetch_inbox(None, unknown).items]


def test_text_from_the_network_is_harmless():
    hostile = view("x", "a\u0000b\u202ec\r\nd<script>")
    hostile["author"] |= {"displayName": "Bank\u202e\n\u0007", "avatar": "javascript:alert(1)"}
    hostile["embed"] = {"external": {"uri": "javascript:alert(1)"}}
    message = bluesky_posts.message(hostile, DID)
    assert message.text == "abc\nd<script>"
    assert message.author.name == "Bank"
    assert message.author.avatar_url is None


def test_cards_and_quotations_keep_their_links():
    post = view("x", "read this")
    quoted = {"record": {"uri": f"at://{DID}/app.bsky.feed.post/abc"}}
    post["embed"] = {"record": quoted, "media": {"external": {"uri": "https://example.com/a"}}}
    text = bluesky_posts.message(post, DID).text
    assert text.split("\n") == ["read this", f"https://bsky.app/profile/{DID}/post/abc", "https://example.com/a"]


def test_a_post_from_the_future_is_as_old_as_it_was_first_seen():
    post = view("x") | {"indexedAt": at(5)}
    post["record"]["createdAt"] = "2999-01-01T00:00:00Z"
    assert bluesky_posts.message(post, DID).sent_at == NOW + timedelta(minutes=5)


def test_recheck_follows_deletions_in_groups_of_25(channel, server):
    views = [view(f"k{number}") for number in range(60)]
    server.views = {one["uri"]: one for one in views[:58]}
    batch = channel.recheck([one["uri"] for one in views])
    assert len(batch.items) == 58
    assert batch.removed == (views[58]["uri"], views[59]["uri"])
    assert server.calls.count("app.bsky.feed.getPosts") == 3


def test_a_post_of_ours_that_the_index_lost_is_not_gone(channel, server):
    server.records[DID, "app.bsky.feed.post", "mine"] = {"text": "still here"}
    here, gone = (f"at://{DID}/app.bsky.feed.post/{rkey}" for rkey in ("mine", "deleted"))
    assert channel.recheck([here, gone]).removed == (gone,)
    assert channel.post_metrics([here, gone]) == {here: {}}


def test_search_reads_the_query_as_a_person_means_it(channel, server):
    views = [
        view("tag", "Guten #Kaffee", minutes=1),
        view("longer", "#Kaffeebohnen", minutes=2),
        view("word", "kaffee ohne Tag", minutes=3),
    ]
    found = {"posts": [*reversed(views), None, {"uri": "x"}]}
    server.answers["app.bsky.feed.searchPosts"] = lambda _: httpx.Response(200, json=found)
    batch = channel.search("#kaffee", None)
    assert [hit.remote_id for hit in batch.items] == [views[0]["uri"]]
    later = channel.search("#kaffee", batch.next_cursor)
    assert later.next_cursor == batch.next_cursor


def test_own_posts_leave_reposts_out(channel, server):
    own, foreign = view("own", did=DID), view("foreign")
    feed = [{"post": foreign, "reason": {"$type": "app.bsky.feed.defs#reasonRepost"}}, {"post": own}, {}]
    answer = {"feed": feed, "cursor": "older"}
    server.answers["app.bsky.feed.getAuthorFeed"] = lambda _: httpx.Response(200, json=answer)
    batch = channel.own_posts(None)
    assert [post.remote_id for post in batch.items] == [own["uri"]]
    assert (batch.next_cursor, batch.more) == ("older", True)


def test_an_account_the_index_does_not_know_yet_still_has_a_profile(channel, server):
    server.answers["app.bsky.actor.getProfile"] = lambda _: fault(400, "InvalidRequest", "Profile not found")
    server.answers["com.atproto.server.getSession"] = lambda _: httpx.Response(
        200, json={"did": DID, "handle": "me.test"}
    )
    profile = channel.profile()
    assert (profile.remote_id, profile.handle, profile.name) == (DID, "me.test", "me.test")


@pytest.mark.parametrize("address", ["", "https://bsky.app/profile/x/post/y", "at://a/b", "at://a/b/c/d", "at://a//c"])
def test_other_addresses_are_refused(channel, address):
    with pytest.raises(Rejected):
        AtUri.parse(address)
    with pytest.raises(Rejected):
        channel.delete(address)
