"""A stand-in for a Bluesky server (PDS) over real HTTP that fails on order: sessions, blobs, records, what tests read.

It answers as the published PDS does for these calls (`tests/integration/test_pds_parity.py` holds it against the real
one), behind the same layer of faults as the sandbox (`core/sandbox/faults.py`). Everything is in memory, and `journal`
lists every post that it took: what stands there is what the world has seen.
Source: the lexicons com.atproto.server.*, com.atproto.repo.*; packages/pds of github.com/bluesky-social/atproto.
"""

import base64
import contextlib
import hashlib
import itertools
import json
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from core.connectors.base import graphemes
from core.sandbox import serve
from core.sandbox.faults import Faults

Json = dict[str, Any]
POST = "app.bsky.feed.post"
HANDLE, PASSWORD, DID = "hub.test", "abcd-efgh-ijkl-mnop", "did:plc:hubhubhubhubhubhubhubhub"
OTHERS = {"bob.test": "did:plc:bobbobbobbobbobbobbobbob"}


class Refused(Exception):
    """An XRPC error."""

    def __init__(self, status: int, code: str, message: str) -> None:
        super().__init__(message)
        self.status, self.code = status, code


@dataclass(frozen=True)
class Written:
    """A post that was taken. `replayed`: the very same record lay there already, so nothing new came to be."""

    uri: str
    record: Json
    at: datetime
    replayed: bool

    @property
    def text(self) -> str:
        return str(self.record["text"])


class Pds:
    """The server's state, and a method for each call it knows."""

    def __init__(self) -> None:
        self.records: dict[str, tuple[str, Json]] = {}  # at:// address -> cid and value
        self.blobs: dict[str, bytes] = {}
        self.journal: list[Written] = []
        self.access: set[str] = set()
        self.refresh: set[str] = set()
        self.calls: list[str] = []
        self.app_passwords = {PASSWORD}
        self.faults = Faults(
            Starlette(
                routes=[
                    Route("/xrpc/{name}", self._query, methods=["GET"]),
                    Route("/xrpc/{name}", self._procedure, methods=["POST"]),
                ]
            )
        )
        self._numbers = itertools.count(1)

    def credentials(self) -> dict[str, str]:
        """What a sign-in with the app password gives the hub."""
        access, refresh = self._tokens()
        return {"handle": HANDLE, "password": PASSWORD, "did": DID, "access": access, "refresh": refresh, "pds": ""}

    def forget_sessions(self) -> None:
        """No token is good any more; the app password still is."""
        self.access.clear()
        self.refresh.clear()

    def posts(self) -> list[Json]:
        """The posts as they stand in the repository, oldest first."""
        return [value for uri, (_, value) in sorted(self.records.items()) if f"/{POST}/" in uri]

    # --- HTTP ---------------------------------------------------------------------------------------------------------

    async def _query(self, request: Request) -> Response:
        return self._answer(request, self._queries(), lambda call: call(request))

    async def _procedure(self, request: Request) -> Response:
        body = await request.body()
        return self._answer(request, self._procedures(), lambda call: call(request, body))

    def _answer(self, request: Request, known: dict[str, Any], run: Callable[[Any], Json]) -> Response:
        name = request.path_params["name"]
        self.calls.append(name)
        try:
            if name not in known:
                raise Refused(501, "MethodNotImplemented", "Method Not Implemented")
            return JSONResponse(run(known[name]))
        except Refused as error:
            return JSONResponse({"error": error.code, "message": str(error)}, error.status)

    def _queries(self) -> dict[str, Callable[[Request], Json]]:
        return {
            "com.atproto.server.getSession": self.get_session,
            "com.atproto.identity.resolveHandle": self.resolve_handle,
            "com.atproto.repo.getRecord": self.get_record,
            "com.atproto.repo.listRecords": self.list_records,
            "app.bsky.actor.getProfile": self.get_profile,
            "app.bsky.feed.getPosts": self.get_posts,
            "app.bsky.feed.getAuthorFeed": self.get_author_feed,
            "app.bsky.notification.listNotifications": self.list_notifications,
        }

    def _procedures(self) -> dict[str, Callable[[Request, bytes], Json]]:
        return {
            "com.atproto.server.createSession": self.create_session,
            "com.atproto.server.refreshSession": self.refresh_session,
            "com.atproto.repo.uploadBlob": self.upload_blob,
            "com.atproto.repo.putRecord": self.put_record,
            "com.atproto.repo.deleteRecord": self.delete_record,
        }

    # --- sessions -----------------------------------------------------------------------------------------------------

    def create_session(self, _: Request, body: bytes) -> Json:
        given = json.loads(body)
        if given.get("identifier") not in (HANDLE, DID) or given.get("password") not in self.app_passwords:
            raise Refused(401, "AuthenticationRequired", "Invalid identifier or password")
        return self._session()

    def refresh_session(self, request: Request, _: bytes) -> Json:
        token = _bearer(request)
        if token not in self.refresh:
            raise Refused(400, "ExpiredToken", "Token has been revoked")
        return self._session()

    def get_session(self, request: Request) -> Json:
        self._signed_in(request)
        return {"did": DID, "handle": HANDLE, "active": True}

    def _session(self) -> Json:
        access, refresh = self._tokens()
        return {"did": DID, "handle": HANDLE, "accessJwt": access, "refreshJwt": refresh, "active": True}

    def _tokens(self) -> tuple[str, str]:
        number = next(self._numbers)
        self.access.add(f"access-{number}")
        self.refresh.add(f"refresh-{number}")
        return f"access-{number}", f"refresh-{number}"

    def _signed_in(self, request: Request) -> None:
        token = _bearer(request)
        if not token:
            raise Refused(401, "AuthMissing", "Authentication Required")
        if not token.startswith("access-"):
            raise Refused(400, "InvalidToken", "Token could not be verified")
        if token not in self.access:
            raise Refused(400, "ExpiredToken", "Token has expired")

    # --- records ------------------------------------------------------------------------------------------------------

    def upload_blob(self, request: Request, body: bytes) -> Json:
        self._signed_in(request)
        link = _cid(body, "bafkrei")
        self.blobs[link] = body
        kind = request.headers.get("content-type", "application/octet-stream")
        return {"blob": {"$type": "blob", "ref": {"$link": link}, "mimeType": kind, "size": len(body)}}

    def put_record(self, request: Request, body: bytes) -> Json:
        """The very same record again changes nothing, whatever `swapRecord` says; another one is weighed against it."""
        self._signed_in(request)
        given = json.loads(body)
        record, uri = given["record"], f"at://{given['repo']}/{given['collection']}/{given['rkey']}"
        if given["repo"] not in (DID, HANDLE):
            raise Refused(403, "AccountNotFound", "Account not found")
        self._must_be_valid(given["collection"], record)
        cid = _cid(_canonical(record), "bafyrei")
        held = self.records.get(uri)
        if held is None or held[0] != cid:
            swap = given.get("swapRecord", ...)
            if swap is not ... and swap != (held[0] if held else None):
                raise Refused(400, "InvalidSwap", f"Record was at {held[0] if held else 'null'}")
            self.records[uri] = cid, record
        if given["collection"] == POST:
            self.journal.append(Written(uri, record, datetime.now(UTC), held is not None and held[0] == cid))
        return {"uri": uri, "cid": cid, "validationStatus": "valid"}

    def _must_be_valid(self, collection: str, record: Json) -> None:
        if record.get("$type") != collection:
            raise Refused(400, "InvalidRequest", f"Invalid $type: expected {collection}, got {record.get('$type')}")
        if collection != POST:
            return
        if graphemes(record["text"]) > 300:
            sentence = f"Invalid {POST} record: Record/text must not be longer than 300 graphemes"
            raise Refused(400, "InvalidRequest", sentence)
        for image in (record.get("embed") or {}).get("images", ()):
            if image["image"]["ref"]["$link"] not in self.blobs:
                raise Refused(400, "BlobNotFound", f"Could not find blob: {image['image']['ref']['$link']}")

    def get_record(self, request: Request) -> Json:
        asked = request.query_params
        uri = f"at://{asked['repo']}/{asked['collection']}/{asked['rkey']}"
        if uri not in self.records:
            raise Refused(400, "RecordNotFound", f"Could not locate record: {uri}")
        cid, value = self.records[uri]
        return {"uri": uri, "cid": cid, "value": value}

    def list_records(self, request: Request) -> Json:
        asked = request.query_params
        start, limit = f"at://{asked['repo']}/{asked['collection']}/", int(asked.get("limit", 50))
        before = asked.get("cursor")
        found = sorted((uri for uri in self.records if uri.startswith(start)), reverse=True)
        page = [uri for uri in found if before is None or uri < start + before][:limit]
        rows = [{"uri": uri, "cid": self.records[uri][0], "value": self.records[uri][1]} for uri in page]
        return {"records": rows, **({"cursor": page[-1].rsplit("/", 1)[1]} if page else {})}

    def delete_record(self, request: Request, body: bytes) -> Json:
        self._signed_in(request)
        given = json.loads(body)
        self.records.pop(f"at://{given['repo']}/{given['collection']}/{given['rkey']}", None)
        return {}

    # --- what the real one passes on to the AppView -------------------------------------------------------------------

    def resolve_handle(self, request: Request) -> Json:
        did = ({HANDLE: DID} | OTHERS).get(request.query_params["handle"])
        if did is None:
            raise Refused(400, "InvalidRequest", "Unable to resolve handle")
        return {"did": did}

    def get_profile(self, request: Request) -> Json:
        self._signed_in(request)
        if request.query_params["actor"] not in (DID, HANDLE):
            raise Refused(400, "InvalidRequest", "Profile not found")
        counts = {"followersCount": 0, "followsCount": 0, "postsCount": len(self.posts())}
        return {"did": DID, "handle": HANDLE, "displayName": "Hub", **counts}

    def get_posts(self, request: Request) -> Json:
        self._signed_in(request)
        asked = request.query_params.getlist("uris")
        return {"posts": [self._view(uri) for uri in asked if uri in self.records]}

    def get_author_feed(self, request: Request) -> Json:
        self._signed_in(request)
        limit = int(request.query_params.get("limit", 50))
        own = sorted((uri for uri in self.records if f"/{POST}/" in uri), reverse=True)
        return {"feed": [{"post": self._view(uri)} for uri in own[:limit]]}

    def list_notifications(self, request: Request) -> Json:
        self._signed_in(request)
        return {"notifications": []}

    def _view(self, uri: str) -> Json:
        cid, record = self.records[uri]
        author = {"did": DID, "handle": HANDLE, "displayName": "Hub"}
        counts = {"likeCount": 0, "repostCount": 0, "replyCount": 0, "quoteCount": 0}
        return {"uri": uri, "cid": cid, "author": author, "record": record, "indexedAt": record["createdAt"], **counts}


def _bearer(request: Request) -> str:
    return request.headers.get("authorization", "").removeprefix("Bearer ")


def _canonical(record: Json) -> bytes:
    return json.dumps(record, sort_keys=True, ensure_ascii=False).encode()


def _cid(content: bytes, kind: str) -> str:
    """Names a content, as a CID does; equal for equal contents."""
    return kind + base64.b32encode(hashlib.sha256(content).digest()).decode().lower().rstrip("=")


@contextlib.contextmanager
def running_pds() -> Iterator[tuple[str, Pds]]:
    """(address, state) of a server in a thread of this process, gone at the end of the block."""
    pds, sock = Pds(), serve._listen(0)
    config = uvicorn.Config(
        pds.faults,
        http=serve._Protocol,  # lets the faults hang up
        ws="none",
        loop="asyncio",
        lifespan="off",
        log_config=None,
        access_log=False,
        timeout_graceful_shutdown=2,
    )
    server = serve._Server(config)
    thread = threading.Thread(target=server.run, kwargs={"sockets": [sock]}, name="pds", daemon=True)
    thread.start()
    try:
        while not server.started:
            assert thread.is_alive(), "the stand-in did not start"
            time.sleep(0.005)
        yield f"http://{serve.HOST}:{sock.getsockname()[1]}", pds
    finally:
        server.stop()
        thread.join(10)
