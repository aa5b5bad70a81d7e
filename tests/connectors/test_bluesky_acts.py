"""Acts on Bluesky against a server of a few lines: records are written once, taken back whole, gates kept as they are.

That a real network understands them is tested in tests/integration/test_bluesky_connector.py.
"""

import contextlib
import json
from typing import Any

import httpx
import pytest

from core.connectors.base import Act
from core.connectors.bluesky import Bluesky
from core.errors import Rejected, RemoteGone, RetryLater
from tests.connectors.test_bluesky import DID, OTHER, Server, connect, fault, view

POST = "app.bsky.feed.post"
LIKE, FOLLOW, BLOCK = "app.bsky.feed.like", "app.bsky.graph.follow", "app.bsky.graph.block"
GATE = "app.bsky.feed.threadgate"
THEIRS = f"at://{OTHER}/{POST}/theirs"
ROOT = f"at://{DID}/{POST}/root"


class Acting(Server):
    """A server that also writes, lists and mutes. `viewer` is what its index says about post and person."""

    def __init__(self) -> None:
        super().__init__()
        self.viewer: dict[str, str] = {}
        self.muted: set[str] = set()
        self.bodies: list[dict[str, Any]] = []
        self.views[THEIRS] = view("theirs", "Wann?", reply={"root": {"uri": ROOT}, "parent": {"uri": ROOT}})

    def createRecord(self, request: httpx.Request) -> httpx.Response:
        body = json.loads(request.content)
        key = (body["repo"], body["collection"], f"key{len(self.records)}")
        self.records[key] = body["record"]
        return httpx.Response(200, json={"uri": "at://" + "/".join(key), "cid": "cid"})

    def listRecords(self, request: httpx.Request) -> httpx.Response:
        asked = (request.url.params["repo"], request.url.params["collection"])
        found = [{"uri": "at://" + "/".join(k), "value": v} for k, v in self.records.items() if k[:2] == asked]
        return httpx.Response(200, json={"records": found[-int(request.url.params["limit"]) :]})

    def getPosts(self, request: httpx.Request) -> httpx.Response:
        told = json.loads(super().getPosts(request).content)
        return httpx.Response(200, json={"posts": [one | {"viewer": self.viewer} for one in told["posts"]]})

    def getProfile(self, request: httpx.Request) -> httpx.Response:
        return httpx.Response(200, json={"did": request.url.params["actor"], "viewer": self.viewer})

    def putRecord(self, request: httpx.Request) -> httpx.Response:
        body = json.loads(request.content)
        self.bodies.append(body)
        self.records[(body["repo"], body["collection"], body["rkey"])] = body["record"]
        return httpx.Response(200, json={"uri": "at://x/y/z", "cid": "cid"})

    def muteActor(self, request: httpx.Request) -> httpx.Response:
        self.muted.add(json.loads(request.content)["actor"])
        return httpx.Response(200)

    def unmuteActor(self, request: httpx.Request) -> httpx.Response:
        self.muted.discard(json.loads(request.content)["actor"])
        return httpx.Response(200)

    def held(self, collection: str) -> list[Any]:
        return [value for key, value in self.records.items() if key[1] == collection]


@pytest.fixture
def server() -> Acting:
    return Acting()


@pytest.fixture
def channel(server: Acting) -> Bluesky:
    return connect(server, [])


def test_a_like_is_one_record_about_the_very_post(channel: Bluesky, server: Acting):
    channel.act(Act.LIKE, THEIRS, OTHER)
    channel.act(Act.LIKE, THEIRS, OTHER)  # the index knows nothing of the first yet
    (like,) = server.held(LIKE)
    assert like["$type"] == LIKE and like["subject"] == {"uri": THEIRS, "cid": "cid-theirs"}
    assert like["createdAt"].endswith("Z")


def test_a_like_from_years_ago_is_found_by_the_index(channel: Bluesky, server: Acting):
    server.records[(DID, LIKE, "old")] = {"subject": {"uri": THEIRS}}
    server.viewer["like"] = f"at://{DID}/{LIKE}/old"
    server.answers["com.atproto.repo.listRecords"] = lambda _: httpx.Response(200, json={"records": []})
    channel.act(Act.LIKE, THEIRS)
    assert len(server.held(LIKE)) == 1
    channel.act(Act.UNLIKE, THEIRS)
    assert server.held(LIKE) == []


def test_a_like_taken_back_a_moment_ago_is_not_believed_to_be_there(channel: Bluesky, server: Acting):
    server.viewer["like"] = f"at://{DID}/{LIKE}/gone"  # the index is behind
    channel.act(Act.LIKE, THEIRS)
    assert len(server.held(LIKE)) == 1


@pytest.mark.parametrize("named", [f"at://{OTHER}/{LIKE}/x", f"at://{DID}/{POST}/x"])
def test_only_our_own_likes_are_ever_deleted(channel: Bluesky, server: Acting, named: str):
    server.viewer["like"] = named
    server.records[tuple(named.removeprefix("at://").split("/"))] = {"text": "not a like of ours"}
    channel.act(Act.UNLIKE, THEIRS)
    assert len(server.records) == 1


def test_taking_back_takes_back_every_one_and_nothing_else(channel: Bluesky, server: Acting):
    for number in range(2):  # two clients, each wrote one
        server.records[(DID, LIKE, f"a{number}")] = {"subject": {"uri": THEIRS}}
    server.records[(DID, LIKE, "b")] = {"subject": {"uri": f"at://{OTHER}/{POST}/another"}}
    channel.act(Act.UNLIKE, THEIRS)
    assert [like["subject"]["uri"] for like in server.held(LIKE)] == [f"at://{OTHER}/{POST}/another"]
    channel.act(Act.UNLIKE, THEIRS)


def test_a_repost_is_another_record_than_a_like(channel: Bluesky, server: Acting):
    channel.act(Act.LIKE, THEIRS)
    channel.act(Act.REPOST, THEIRS)
    channel.act(Act.UNREPOST, THEIRS)
    assert server.held("app.bsky.feed.repost") == [] and len(server.held(LIKE)) == 1


def test_a_post_that_is_gone_says_so(channel: Bluesky, server: Acting):
    server.views.clear()
    for act in (Act.LIKE, Act.UNREPOST, Act.HIDE):
        with pytest.raises(RemoteGone, match="no longer on Bluesky"):
            channel.act(act, THEIRS)
    assert server.records == {}


@pytest.mark.parametrize("author", [OTHER, ""])
def test_people_are_followed_and_blocked_by_their_did(channel: Bluesky, server: Acting, author: str):
    for act, undo, collection in ((Act.FOLLOW, Act.UNFOLLOW, FOLLOW), (Act.BLOCK, Act.UNBLOCK, BLOCK)):
        channel.act(act, THEIRS, author)
        channel.act(act, THEIRS, author)
        assert [record["subject"] for record in server.held(collection)] == [OTHER]
        channel.act(undo, THEIRS, author)
        assert server.held(collection) == []


def test_muting_is_a_call_that_may_be_repeated(channel: Bluesky, server: Acting):
    channel.act(Act.MUTE, THEIRS, OTHER)
    channel.act(Act.MUTE, THEIRS, OTHER)
    assert server.muted == {OTHER}
    channel.act(Act.UNMUTE, THEIRS, OTHER)
    assert server.muted == set() and server.records == {}


# --- hiding ---------------------------------------------------------------------------------------------------------


def gate(server: Acting) -> dict[str, Any]:
    return server.records[(DID, GATE, "root")]


def test_an_answer_is_hidden_by_the_gate_beside_our_post(channel: Bluesky, server: Acting):
    channel.act(Act.HIDE, THEIRS)
    assert gate(server)["post"] == ROOT and gate(server)["hiddenReplies"] == [THEIRS]
    assert "allow" not in gate(server), "everybody may go on answering"
    assert server.bodies[-1]["swapRecord"] is None, "nobody else's gate is written over"
    channel.act(Act.HIDE, THEIRS)
    assert len(server.bodies) == 1
    channel.act(Act.UNHIDE, THEIRS)
    assert gate(server)["hiddenReplies"] == []


def test_who_may_answer_and_what_is_hidden_already_stays(channel: Bluesky, server: Acting):
    rule = [{"$type": "app.bsky.feed.threadgate#mentionRule"}]
    server.records[(DID, GATE, "root")] = {"post": ROOT, "allow": rule, "hiddenReplies": ["at://a/b/c"], "x": 1}
    channel.act(Act.HIDE, THEIRS)
    assert gate(server) == {"post": ROOT, "allow": rule, "hiddenReplies": ["at://a/b/c", THEIRS], "x": 1}
    assert server.bodies[-1]["swapRecord"] == "cid-root"
    channel.act(Act.UNHIDE, THEIRS)
    assert gate(server)["hiddenReplies"] == ["at://a/b/c"]


def test_a_gate_that_changed_meanwhile_is_read_again(channel: Bluesky, server: Acting):
    def changed(_: httpx.Request) -> httpx.Response:
        del server.answers["com.atproto.repo.putRecord"]
        server.records[(DID, GATE, "root")] = {"post": ROOT, "hiddenReplies": ["at://a/b/c"]}
        return fault(400, "InvalidSwap")

    server.answers["com.atproto.repo.putRecord"] = changed
    channel.act(Act.HIDE, THEIRS)
    assert gate(server)["hiddenReplies"] == ["at://a/b/c", THEIRS]


def test_a_gate_that_never_holds_still_is_given_up(channel: Bluesky, server: Acting):
    server.answers["com.atproto.repo.putRecord"] = lambda _: fault(400, "InvalidSwap", "Record was at bafy")
    with pytest.raises(Rejected, match="Record was at"):
        channel.act(Act.HIDE, THEIRS)


def test_below_somebody_elses_post_nothing_is_hidden(channel: Bluesky, server: Acting):
    theirs = f"at://{OTHER}/{POST}/root"
    server.views[THEIRS] = view("theirs", reply={"root": {"uri": theirs}, "parent": {"uri": ROOT}})
    with pytest.raises(Rejected, match="below your own posts"):
        channel.act(Act.HIDE, THEIRS)
    server.views[THEIRS] = view("theirs")
    with pytest.raises(Rejected, match="no answer to a post"):
        channel.act(Act.HIDE, THEIRS)
    assert server.records == {}


def test_a_full_gate_says_what_to_do(channel: Bluesky, server: Acting):
    server.records[(DID, GATE, "root")] = {"post": ROOT, "hiddenReplies": [f"at://a/b/{n}" for n in range(300)]}
    with pytest.raises(Rejected, match="at most 300"):
        channel.act(Act.HIDE, THEIRS)


# --- the rest -------------------------------------------------------------------------------------------------------


def test_our_own_post_is_deleted(channel: Bluesky, server: Acting):
    server.records[(DID, POST, "root")] = {"text": "a mistake"}
    channel.act(Act.DELETE_OWN, ROOT)
    assert server.held(POST) == []
    with pytest.raises(Rejected, match="another account"):
        channel.act(Act.DELETE_OWN, THEIRS)


@pytest.mark.parametrize("act", [Act.LIKE, Act.FOLLOW, Act.MUTE, Act.HIDE])
def test_a_fault_means_try_again(channel: Bluesky, server: Acting, act: Act):
    for name in ("repo.createRecord", "repo.putRecord"):
        server.answers[f"com.atproto.{name}"] = lambda _: httpx.Response(502)
    server.answers["app.bsky.graph.muteActor"] = lambda _: httpx.Response(502)
    with pytest.raises(RetryLater):
        channel.act(act, THEIRS, OTHER)


def test_hostile_answers_end_in_an_error_of_ours_or_nothing(channel: Bluesky, server: Acting):
    for named in ("nonsense", 7, ["x"], "at://a/b"):
        server.viewer["like"] = named  # type: ignore[assignment]
        with contextlib.suppress(Rejected):
            channel.act(Act.UNLIKE, THEIRS)
    server.answers["com.atproto.repo.listRecords"] = lambda _: httpx.Response(200, json={"records": [{"uri": 7}, "x"]})
    server.viewer.clear()
    channel.act(Act.UNLIKE, THEIRS)
    assert server.records == {}
