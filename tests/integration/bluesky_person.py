"""Somebody else on the Bluesky network, who uses it through plain API calls: no code of the hub's."""

import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any, TypeVar

import httpx

T = TypeVar("T")


def eventually(look: Callable[[], T], seconds: float = 20.0) -> T:
    """What `look` gives once it gives something: the network's index follows a moment later."""
    deadline = time.monotonic() + seconds
    while not (seen := look()):
        assert time.monotonic() < deadline, "The network never showed what was waited for."
        time.sleep(0.1)
    return seen


class Person:
    """An account with a session of its own. Posts are given and taken as `{"uri", "cid"}`."""

    def __init__(self, pds: str, handle: str, app_password: str) -> None:
        self._http = httpx.Client(base_url=f"{pds}/xrpc/", timeout=30, trust_env=False)
        session = self.call("com.atproto.server.createSession", identifier=handle, password=app_password)
        self.did: str = session["did"]
        self.handle = handle
        self._http.headers["Authorization"] = f"Bearer {session['accessJwt']}"

    def close(self) -> None:
        self._http.close()

    def call(self, procedure: str, **body: Any) -> dict[str, Any]:
        """A procedure (POST)."""
        return self._told(self._http.post(procedure, json=body))

    def ask(self, query: str, **params: Any) -> dict[str, Any]:
        """A query (GET)."""
        return self._told(self._http.get(query, params=params))

    @staticmethod
    def _told(answer: httpx.Response) -> dict[str, Any]:
        assert answer.is_success, answer.text
        return answer.json() if answer.content else {}

    def _create(self, collection: str, record: dict[str, Any]) -> dict[str, Any]:
        record = {"$type": collection, "createdAt": datetime.now(UTC).isoformat(timespec="milliseconds"), **record}
        return self.call("com.atproto.repo.createRecord", repo=self.did, collection=collection, record=record)

    def post(self, text: str, **more: Any) -> dict[str, Any]:
        """Write a post, and wait until the network shows it (a reply to an unseen post would notify nobody)."""
        made = self._create("app.bsky.feed.post", {"text": text, **more})
        return self.seen(made["uri"]) and made

    def reply(self, parent: dict[str, Any], text: str, root: dict[str, Any] | None = None, **more: Any) -> dict:
        """Answer a post that the network shows already."""
        ref = {key: parent[key] for key in ("uri", "cid")}
        root = {key: root[key] for key in ("uri", "cid")} if root else ref
        return self.post(text, reply={"root": root, "parent": ref}, **more)

    def like(self, post: dict[str, Any]) -> None:
        """Like a post."""
        self._create("app.bsky.feed.like", {"subject": {"uri": post["uri"], "cid": post["cid"]}})

    def seen(self, uri: str) -> dict[str, Any]:
        """The view of a post, once the network shows it."""
        return eventually(lambda: self.ask("app.bsky.feed.getPosts", uris=[uri])["posts"])[0]

    def notifications(self, reason: str) -> list[dict[str, Any]]:
        """What the network tells this person, of one kind (`reply`, `like`, …), newest first."""
        told = self.ask("app.bsky.notification.listNotifications", limit=100)["notifications"]
        return [note for note in told if note["reason"] == reason]


def mention(text: str, handle: str, did: str) -> dict[str, Any]:
    """The facet that makes `@handle` in a text a mention."""
    start = text.encode().index(f"@{handle}".encode())
    return {
        "index": {"byteStart": start, "byteEnd": start + len(handle.encode()) + 1},
        "features": [{"$type": "app.bsky.richtext.facet#mention", "did": did}],
    }
