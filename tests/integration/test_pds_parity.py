"""The stand-in for a Bluesky server that the fault tests use, held against the real one: the same calls, one by one.

What is compared is what the connector decides by: the status, the name of the fault, which fields an answer has, and
what lies in the repository afterwards.
"""

import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from io import BytesIO
from typing import Any

import httpx
import pytest
from PIL import Image

from core.connectors.atproto import stamp, tid
from tests.integration.conftest import BlueskyNetwork
from tests.reliability import pds as stand_in
from tests.reliability.pds import running_pds

pytestmark = pytest.mark.integration

POST = "app.bsky.feed.post"
Answer = tuple[int, str, frozenset[str]]  # status, name of the fault, fields


@dataclass
class Caller:
    """Plain calls as one account."""

    http: httpx.Client
    did: str
    handle: str
    password: str
    access: str = ""

    def call(self, name: str, *, token: str | None = None, content: bytes | None = None, **body: Any) -> httpx.Response:
        headers = {"Authorization": f"Bearer {self.access if token is None else token}"}
        if not (self.access if token is None else token):
            headers = {}
        if content is not None:
            return self.http.post(name, content=content, headers={**headers, "Content-Type": "image/png"})
        return self.http.post(name, json=body or None, headers=headers)

    def ask(self, name: str, *, token: str | None = None, **params: Any) -> httpx.Response:
        given = self.access if token is None else token
        return self.http.get(name, params=params, headers={"Authorization": f"Bearer {given}"} if given else {})


def heard(answer: httpx.Response, *fields: str) -> Answer:
    """What is compared of an answer; of its fields those that the connector reads."""
    told = answer.json() if answer.content else {}
    return answer.status_code, told.get("error", ""), frozenset(told) & frozenset(fields)


def written(caller: Caller, text: str) -> dict[str, Any]:
    now = datetime.now(UTC)
    record = {"$type": POST, "text": text, "createdAt": stamp(now)}
    place = {"repo": caller.did, "collection": POST, "rkey": tid(now, 7)}
    return {**place, "record": record, "swapRecord": None}


def picture() -> bytes:
    out = BytesIO()
    Image.new("RGB", (8, 8), "red").save(out, "PNG")
    return out.getvalue()


def conversation(caller: Caller) -> list[tuple[str, Any]]:
    """Everything the connector does, and what may go wrong with it, by name."""
    said: list[tuple[str, Any]] = []
    put, get = "com.atproto.repo.putRecord", "com.atproto.repo.getRecord"
    session = ("accessJwt", "refreshJwt", "did", "handle")
    wrong = caller.call("com.atproto.server.createSession", token="", identifier=caller.handle, password="wrong")
    said.append(("wrong password", heard(wrong)))
    opened = caller.call(
        "com.atproto.server.createSession", token="", identifier=caller.handle, password=caller.password
    )
    said.append(("sign in", heard(opened, *session)))
    renewed = caller.call("com.atproto.server.refreshSession", token=opened.json()["refreshJwt"])
    said.append(("renew", heard(renewed, *session)))
    caller.access = renewed.json()["accessJwt"]
    said.append(("who", heard(caller.ask("com.atproto.server.getSession"), "did", "handle")))
    said.append(("profile", heard(caller.ask("app.bsky.actor.getProfile", actor=caller.did), "did", "handle")))
    resolve = "com.atproto.identity.resolveHandle"
    said.append(("known handle", heard(caller.ask(resolve, handle="bob.test"), "did")))
    said.append(("unknown handle", heard(caller.ask(resolve, handle="nobody.test"), "did")))

    body = written(caller, f"parity {uuid.uuid4()}")
    said.append(("without a token", heard(caller.call(put, token="", **body))))
    said.append(("with a broken token", heard(caller.call(put, token="broken", **body))))
    first = caller.call(put, **body)
    said.append(("new record", heard(first, "uri", "cid")))
    again = caller.call(put, **body)
    said.append(("the same again", (heard(again, "uri", "cid"), again.json()["cid"] == first.json()["cid"])))
    other = {**body, "record": {**body["record"], "text": "another text"}}
    said.append(("another under its key", heard(caller.call(put, **other))))
    place = {"repo": caller.did, "collection": POST, "rkey": body["rkey"]}
    held = caller.ask(get, **place)
    said.append(("as it lies there", (heard(held, "uri", "cid", "value"), held.json()["value"] == body["record"])))
    said.append(("not there", heard(caller.ask(get, **(place | {"rkey": tid(datetime.now(UTC), 9)})))))
    said.append(("read without a token", heard(caller.ask(get, token="", **place), "uri", "cid", "value")))
    replaced = {**other, "swapRecord": first.json()["cid"]}
    said.append(("replaced on purpose", heard(caller.call(put, **replaced), "uri", "cid")))
    free = {key: value for key, value in written(caller, "not kept").items() if key != "swapRecord"}
    said.append(("without a guard", heard(caller.call(put, **free), "uri", "cid")))
    loose = {**free, "record": {**free["record"], "text": "written over"}}
    said.append(("without a guard, over it", heard(caller.call(put, **loose), "uri", "cid")))
    said.append(("too long", heard(caller.call(put, **written(caller, "x" * 301)))))
    said.append(("somebody else's", heard(caller.call(put, **{**written(caller, "x"), "repo": "did:plc:else"}))))

    blob = caller.call("com.atproto.repo.uploadBlob", content=picture())
    said.append(("upload", (heard(blob, "blob"), frozenset(blob.json()["blob"]))))
    listed = caller.ask("com.atproto.repo.listRecords", repo=caller.did, collection=POST, limit=2)
    keys = [row["uri"].rsplit("/", 1)[1] for row in listed.json()["records"]]
    said.append(("list", (heard(listed, "records", "cursor"), keys == [free["rkey"], body["rkey"]])))
    said.append(("delete", heard(caller.call("com.atproto.repo.deleteRecord", **place))))
    said.append(("delete what is gone", heard(caller.call("com.atproto.repo.deleteRecord", **place))))
    said.append(("gone", heard(caller.ask(get, **place))))
    said.append(("no such call", heard(caller.call("com.atproto.repo.noSuchThing"))))
    return said


@pytest.fixture
def imitated() -> Iterator[Caller]:
    with running_pds() as (url, _), httpx.Client(base_url=f"{url}/xrpc/", trust_env=False) as http:
        yield Caller(http, stand_in.DID, stand_in.HANDLE, stand_in.PASSWORD)


@pytest.fixture
def genuine(bluesky_network: BlueskyNetwork) -> Iterator[Caller]:
    carla = bluesky_network.accounts["carla"]
    with httpx.Client(base_url=f"{bluesky_network.pds}/xrpc/", trust_env=False, timeout=30) as http:
        yield Caller(http, carla.did, carla.handle, carla.app_password)


def test_the_stand_in_answers_as_the_real_server_does(imitated: Caller, genuine: Caller) -> None:
    ours, theirs = conversation(imitated), conversation(genuine)
    assert dict(ours) == dict(theirs)
    assert [status for name, status in ours if name == "another under its key"] == [(400, "InvalidSwap", frozenset())]
