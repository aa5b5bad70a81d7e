"""What servers of the Mastodon API do differently: missing and new fields, other ids, HTML pages, fewer requests.

A made-up server answers here, so that each oddity stands alone; servers that others wrote are in `test_mastodon.py`.
"""

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest

from core.connectors.base import Draft, DraftPart, Kind, Limits, Replay, ReplyTo, Severity
from core.connectors.http import Http
from core.connectors.judging import validate
from core.connectors.mastodon import Mastodon
from core.errors import NeedsReauth, OutcomeUnknown, Rejected, RetryLater

URL = "https://server.example"
ME = {"id": "01ME", "username": "shop", "acct": "shop"}
BOB = {"id": "01BOB", "username": "bob", "acct": "bob@other.example"}
VERIFY = "/api/v1/accounts/verify_credentials"
GENUINE = "https://github.com/mastodon/mastodon"

Reply = Any | Callable[[httpx.Request], Any]


class Server:
    """Answers by path; whatever isn't listed is 404 with a page of HTML. Remembers what it was asked."""

    def __init__(self, answers: dict[str, Reply]) -> None:
        self.answers = {VERIFY: ME, **answers}
        self.asked: list[httpx.Request] = []

    def __call__(self, request: httpx.Request) -> httpx.Response:
        self.asked.append(request)
        told = self.answers.get(request.url.path)
        if told is None:
            return httpx.Response(404, text="<!DOCTYPE html><h1>404 Not Found</h1>")
        told = told(request) if callable(told) else told
        return told if isinstance(told, httpx.Response) else httpx.Response(200, json=told)

    def channel(self, **options: Any) -> Mastodon:
        return Mastodon(URL, {"access_token": "t0ken"}, http=Http(URL, transport=httpx.MockTransport(self)), **options)

    def paths(self) -> list[str]:
        return [request.url.path for request in self.asked]


def status(remote_id: str, **more: Any) -> dict[str, Any]:
    return {"id": remote_id, "account": BOB, "content": "<p>Hi</p>", "created_at": "2026-05-01T10:00:00.000Z", **more}


def note(remote_id: str, what: dict[str, Any], kind: str = "mention") -> dict[str, Any]:
    return {"id": remote_id, "type": kind, "created_at": what.get("created_at"), "account": BOB, "status": what}


def nobody(_: str) -> None:
    """The hub knows no message yet."""


# --- limits -----------------------------------------------------------------------------------------


def test_a_server_with_only_the_old_address_is_asked_there():
    old = {"version": "3.2.1", "configuration": {"statuses": {"max_characters": 2000}}}
    server = Server({"/api/v1/instance": old})
    limits = server.channel().fetch_limits()
    assert (limits.text_length, limits.url_length) == (2000, 23)
    assert server.paths() == ["/api/v2/instance", "/api/v1/instance"]


def test_a_server_that_answers_with_a_page_is_asked_at_the_old_address():
    page = httpx.Response(200, text="<html>Welcome</html>")
    server = Server({"/api/v2/instance": page, "/api/v1/instance": {"max_toot_chars": 5000}})
    assert server.channel().fetch_limits().text_length == 5000


def test_a_server_that_tells_nothing_gets_the_published_limits():
    assert Server({}).channel().fetch_limits() == Limits(url_length=23)


def test_a_fault_is_not_taken_for_limits():
    broken = httpx.Response(503)
    with pytest.raises(RetryLater):
        Server({"/api/v2/instance": broken, "/api/v1/instance": broken}).channel().fetch_limits()


ODD = [None, [], "x", -1, 0.5, True, {"max_characters": "many"}]


@pytest.mark.parametrize("odd", ODD, ids=str)
def test_odd_limits_are_passed_over(odd: Any):
    told = {"configuration": {"statuses": odd, "media_attachments": odd}, "upload_limit": odd}
    limits = Server({"/api/v2/instance": told}).channel().fetch_limits()
    assert (limits.text_length, limits.images, limits.image_bytes) == (500, 4, 8_000_000)


@pytest.mark.parametrize(
    ("told", "replay"),
    [
        ({"source_url": GENUINE, "version": "4.7.0"}, Replay.KEY),
        ({"source_url": f"{GENUINE}/", "version": "4.7.0+glitch"}, Replay.KEY),
        ({"source_url": f"{GENUINE}-look-alike", "version": "4.7.0"}, Replay.NONE),
        ({"source_url": f"https://evil.example/?{GENUINE}", "version": "4.7.0"}, Replay.NONE),
        ({"source_url": GENUINE, "version": "2.7.2 (compatible; Pleroma 2.6)"}, Replay.NONE),
        ({"source_url": "https://github.com/superseriousbusiness/gotosocial", "version": "0.17"}, Replay.NONE),
        ({"version": "4.7.0"}, Replay.NONE),
        ({"source_url": None, "version": None}, Replay.NONE),
    ],
)
def test_only_a_genuine_mastodon_is_trusted_with_a_replay(told: dict[str, Any], replay: Replay):
    limits = Server({"/api/v2/instance": told}).channel().fetch_limits()
    assert limits.replay is replay and (limits.replay_window > 0) == (replay is Replay.KEY)


# --- how long a text is -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "length"),
    [
        ("Käse", 4),
        ("👩‍👩‍👧🇩🇪", 2),
        ("e\u0301", 1),
        ("https://example.com/" + "x" * 300, 23),
        ("http://a.de", 23),
        ("see https://example.com/a.", 4 + 23 + 1),
        ("(https://example.com/a)", 25),
        ("https://a.example https://b.example", 47),
        ("@bob@a-very-long-name.example hi", 7),
        ("@bob hi", 7),
        ("mail bob@example.com", 20),
        ("https:// alone", 14),
    ],
)
def test_a_text_is_counted_as_mastodon_counts_it(text: str, length: int):
    assert Mastodon.length(text, Limits(url_length=23)) == length


def test_servers_that_count_links_in_full_are_believed():
    told = {"configuration": {"statuses": {"characters_reserved_per_url": 0}}}
    limits = Server({"/api/v2/instance": told}).channel().fetch_limits()
    assert Mastodon.length("https://example.com/a", limits) == 21


def test_one_character_too_many_blocks_and_the_last_that_fits_does_not():
    limits = Limits(text_length=30, url_length=23)
    link = "https://example.com/" + "x" * 100
    assert not validate(Mastodon, Draft((DraftPart(f"{link} 123456"),)), limits)
    (problem,) = validate(Mastodon, Draft((DraftPart(f"{link} 1234567"),)), limits)
    assert problem.severity is Severity.ERROR and "1 character too long" in problem.message


# --- what comes in ----------------------------------------------------------------------------------


def test_a_message_with_hardly_any_fields_is_read():
    server = Server({"/api/v1/notifications": [note("n1", {"id": "s1"})]})
    (item,) = server.channel().fetch_inbox(None, nobody).items
    assert (item.remote_id, item.thread_id, item.text) == ("s1", "s1", "")
    assert item.sent_at.tzinfo is UTC and item.metrics == {} and item.url is None


def test_fields_nobody_knows_and_wrong_kinds_of_values_harm_nothing():
    odd = status("s1", media_attachments=[None, {"url": 5}, {"type": "hologram", "url": "https://x.example/h"}])
    odd |= {"favourites_count": "7", "replies_count": None, "tags": "no", "poll": [], "new_thing": {"a": 1}}
    odd |= {"url": "javascript:alert(1)", "uri": None, "created_at": "yesterday", "edited_at": 7}
    notes = [None, "x", {"id": "n0"}, note("n1", odd), note("n2", odd, "brand_new_kind")]
    batch = Server({"/api/v1/notifications": notes}).channel().fetch_inbox(None, nobody)
    (item,) = batch.items
    assert item.text == "Hi" and item.url is None and item.metrics == {}
    assert [(m.kind, m.url) for m in item.media] == [("file", "https://x.example/h")]


@pytest.mark.parametrize("remote_id", ["01HXYZ-Ab_c", "AbC/../../x?y#z", 12345, "1764"])
def test_ids_are_passed_on_as_they_are(remote_id: Any):
    """GoToSocial's are ULIDs, Pleroma's are flake ids, some are numbers in JSON; none may lead elsewhere."""
    server = Server({})
    server.answers["/api/v1/notifications"] = [note("n", status(remote_id))]
    channel = server.channel()
    (item,) = channel.fetch_inbox(None, nobody).items
    assert item.remote_id == str(remote_id)
    channel.recheck([item.remote_id])
    addresses = [r.url.raw_path.decode() for r in server.asked if r.url.raw_path.startswith(b"/api/v1/statuses/")]
    assert addresses and all(address.count("/") == 4 and "?" not in address for address in addresses)


def test_a_server_that_refuses_kinds_it_does_not_know_is_asked_with_fewer():
    def pleroma(request: httpx.Request) -> Any:
        kinds = request.url.params.get_list("types[]")
        return httpx.Response(400, json={"error": "Invalid"}) if "quote" in kinds else [note("n1", status("s1"))]

    batch = Server({"/api/v1/notifications": pleroma}).channel().fetch_inbox(None, nobody)
    assert [item.remote_id for item in batch.items] == ["s1"]


def test_a_server_that_sends_all_kinds_whatever_is_asked_for_fills_no_inbox():
    notes = [note("n2", status("s2"), "favourite"), note("n1", status("s1")), {"id": "n0", "type": "follow"}]
    batch = Server({"/api/v1/notifications": notes}).channel().fetch_inbox(None, nobody)
    assert [item.remote_id for item in batch.items] == ["s1"] and batch.next_cursor == "n2"


def test_a_server_that_ignores_the_cursor_does_not_keep_us_busy():
    notes = [note(f"n{number}", status(f"s{number}")) for number in range(40, 0, -1)]
    server = Server({"/api/v1/notifications": notes})
    batch = server.channel().fetch_inbox("n40", nobody)
    assert (batch.items, batch.next_cursor, batch.more) == ((), "n40", False)
    server.answers["/api/v1/notifications"] = [note("n41", status("s41")), *notes[:39]]
    batch = server.channel().fetch_inbox("n40", nobody)
    assert [item.remote_id for item in batch.items] == ["s41"] and batch.next_cursor == "n41"


def test_a_hidden_thread_is_still_a_conversation():
    server = Server({"/api/v1/notifications": [note("n1", status("s2", in_reply_to_id="s1"))]})
    (item,) = server.channel().fetch_inbox(None, nobody).items
    assert (item.thread_id, item.reply_to) == ("s1", "s1")


def test_a_page_instead_of_notifications_is_tried_later_and_loses_nothing():
    page = httpx.Response(200, text="<html>Down for maintenance</html>")
    with pytest.raises(RetryLater):
        Server({"/api/v1/notifications": page}).channel().fetch_inbox("n1", nobody)


def test_where_several_cannot_be_read_at_once_each_is_read_alone():
    there = {f"/api/v1/statuses/{name}": status(name) for name in ("a", "c")}
    server = Server(there)
    channel = server.channel()
    batch = channel.recheck(["a", "b", "c"])
    assert [item.remote_id for item in batch.items] == ["a", "c"] and batch.removed == ("b",)
    channel.recheck(["a"])
    assert server.paths().count("/api/v1/statuses") == 1, "asked once whether it can"


def test_a_status_left_out_of_an_answer_is_not_called_gone_before_it_was_asked_for():
    server = Server({"/api/v1/statuses": [status("a")], "/api/v1/statuses/b": status("b")})
    batch = server.channel().recheck(["a", "b"])
    assert [item.remote_id for item in batch.items] == ["a", "b"] and batch.removed == ()


@pytest.mark.parametrize("odd", [{}, [], {"error": "busy"}, "text", None], ids=str)
def test_an_answer_that_is_no_status_deletes_nothing(odd: Any):
    server = Server({"/api/v1/statuses": [], "/api/v1/statuses/a": lambda _: httpx.Response(200, json=odd)})
    with pytest.raises(RetryLater):
        server.channel().recheck(["a"])


def test_a_phrase_is_found_where_quotation_marks_are_not_understood():
    said = status("s1", content="<p>The Blue Bottle is open</p>")

    def literal(request: httpx.Request) -> Any:
        return {"statuses": [said] if request.url.params["q"].casefold() in "the blue bottle is open" else []}

    batch = Server({"/api/v2/search": literal}).channel().search('"blue bottle"', None)
    assert [item.remote_id for item in batch.items] == ["s1"]


def test_a_server_without_search_says_what_to_do():
    with pytest.raises(Rejected, match="#hashtag"):
        Server({}).channel().search("coffee", None)


# --- signing in -------------------------------------------------------------------------------------


@pytest.mark.parametrize("code", [400, 401, 403, 422])
def test_a_token_that_is_refused_in_any_way_must_be_renewed(code: int):
    server = Server({VERIFY: httpx.Response(code, text="<h1>Unprocessable</h1>")})
    with pytest.raises(NeedsReauth) as told:
        server.channel().profile()
    assert "t0ken" not in str(told.value) and "<" not in str(told.value)


@pytest.mark.parametrize("body", [{}, [], {"error": "no"}, {"id": None}], ids=str)
def test_a_server_of_another_kind_is_recognised(body: Any):
    with pytest.raises(Rejected, match="Check the address"):
        Server({VERIFY: lambda _: httpx.Response(200, json=body)}).channel().profile()


# --- answering and publishing -----------------------------------------------------------------------


def form_of(answered: dict[str, Any], kind: Kind = Kind.MENTION, text: str = "Yes", **me: Any) -> dict[str, Any]:
    server = Server({"/api/v1/statuses/s1": status("s1", **answered), VERIFY: {**ME, **me}})
    what = Draft((DraftPart(text),), reply_to=ReplyTo("s1", "s1", kind, "@bob@other.example"))
    return server.channel().prepare(what, 0, "k", []).request["form"]


@pytest.mark.parametrize(
    ("theirs", "usual", "ours"),
    [
        ("public", "public", "public"),
        ("public", "unlisted", "unlisted"),
        ("unlisted", "public", "unlisted"),
        ("private", "public", "private"),
        ("private", "unlisted", "private"),
        ("direct", "public", "direct"),
        ("mutuals_only", "public", "direct"),
        ("local", "public", "direct"),
        ("public", "something_new", "public"),
        ("public", None, "public"),
    ],
)
def test_an_answer_is_never_wider(theirs: str, usual: str | None, ours: str):
    assert form_of({"visibility": theirs}, source={"privacy": usual})["visibility"] == ours


def test_a_private_message_is_answered_privately_whatever_the_server_calls_it():
    assert form_of({"visibility": "public"}, Kind.DIRECT)["visibility"] == "direct"
    assert form_of({}, Kind.DIRECT)["visibility"] == "direct"


def test_somebody_on_another_server_is_named_with_it():
    assert form_of({})["status"] == "@bob@other.example Yes"
    assert form_of({}, text="@BOB@Other.Example yes")["status"] == "@BOB@Other.Example yes"
    assert form_of({"account": ME})["status"] == "Yes", "nobody names themselves"


def test_the_key_leaves_with_the_write_and_only_once():
    server = Server({"/api/v1/statuses": status("s9")})
    channel = server.channel()
    assert channel.publish(channel.prepare(Draft((DraftPart("Hi"),)), 0, "key-77", [])).remote_id == "s9"
    (write,) = (request for request in server.asked if request.method == "POST")
    assert write.headers["Idempotency-Key"] == "key-77" and json.loads(write.content) == {"status": "Hi"}


@pytest.mark.parametrize("code", [500, 502, 504])
def test_a_page_of_an_overworked_server_leaves_a_post_in_doubt(code: int):
    server = Server({"/api/v1/statuses": httpx.Response(code, text="<html>Bad gateway</html>")})
    channel = server.channel()
    prepared = channel.prepare(Draft((DraftPart("Hi"),)), 0, "k", [])
    with pytest.raises(OutcomeUnknown) as told:
        channel.publish(prepared)
    assert "<" not in str(told.value) and len(server.asked) == 1, "sent once, never again by itself"


def test_the_same_words_from_another_application_are_not_adopted():
    now = datetime.now(UTC).isoformat()
    theirs = status("s1", account=ME, created_at=now, application={"name": "Phone app"}, in_reply_to_id=None)
    server = Server({"/api/v1/accounts/01ME/statuses": [theirs], "/api/v1/apps/verify_credentials": {"name": "Hub"}})
    channel = server.channel()
    prepared = channel.prepare(Draft((DraftPart("Hi"),)), 0, "k", [])
    since = datetime.now(UTC) - timedelta(minutes=1)
    assert channel.find_published(prepared, since) is None
    theirs["application"] = {"name": "Hub"}
    found = channel.find_published(prepared, since)
    assert found is not None and found.remote_id == "s1"
