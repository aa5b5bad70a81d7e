"""The gate: no page, socket or file for whoever isn't signed in. Pure ASGI, so that nothing slips past it.

One indexed read a request, and one a message of a socket: a session that ended, or a role that changed, counts from
the next click on, also inside fragments and callbacks, which run before a page can ask who is there.
"""

import re
from urllib.parse import quote

from starlette.concurrency import run_in_threadpool
from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import PlainTextResponse, RedirectResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from core import db
from core.services.sessions import visit
from core.services.team import Actor, has_members
from core.web.visitor import same_origin, set_cookie, token_of

OPEN = frozenset({"/signin", "/welcome", "/healthz", "/oauth/callback"})
SECRET = re.compile(r"/calendar/[\w-]+\.ics")  # the address is the key; the route looks it up
OPEN_FILES = frozenset({"/signin/style.css", "/signin/inter-latin.woff2", "/signin/logo.svg"})
SAFE = frozenset({"GET", "HEAD", "OPTIONS"})

HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "SAMEORIGIN",
    "Referrer-Policy": "same-origin",
    "Permissions-Policy": "camera=(), microphone=(), geolocation=()",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    # Streamlit's pages need inline styles, and eval for charts. Nothing is loaded from, or told to, anybody else.
    "Content-Security-Policy": "; ".join(
        (
            "default-src 'self'",
            "script-src 'self' 'unsafe-inline' 'unsafe-eval' blob:",
            "style-src 'self' 'unsafe-inline'",
            "img-src 'self' data: blob:",
            "font-src 'self' data:",
            "media-src 'self' data: blob:",
            "worker-src 'self' blob:",
            "object-src 'none'",
            "base-uri 'self'",
            "form-action 'self'",
            "frame-ancestors 'self'",
        )
    ),
}


class Gate:
    """Stands before Streamlit and its routes."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let in, send to the sign-in, or refuse."""
        if scope["type"] == "websocket":
            await self._socket(scope, receive, send)
        elif scope["type"] == "http":
            await self._request(scope, receive, send)
        else:
            await self.app(scope, receive, send)

    async def _request(self, scope: Scope, receive: Receive, send: Send) -> None:
        headers, path = Headers(scope=scope), scope["path"]
        if scope["method"] not in SAFE and not same_origin(headers):
            answer: Response = PlainTextResponse("This form must be sent from the hub's own page.", 403)
            await answer(scope, receive, _with_headers(send))
            return
        if path in OPEN or path in OPEN_FILES or (SECRET.fullmatch(path) and scope["method"] in ("GET", "HEAD")):
            await self.app(scope, receive, _with_headers(send))
            return
        token = token_of(headers)
        if token is None or await run_in_threadpool(visit, token) is None:
            await (await _refusal(scope, headers))(scope, receive, _with_headers(send))
            return
        await self.app(scope, receive, _with_headers(send, token if _opens_a_page(scope, headers) else None))

    async def _socket(self, scope: Scope, receive: Receive, send: Send) -> None:
        headers = Headers(scope=scope)
        token = token_of(headers)
        actor = await run_in_threadpool(visit, token)
        if token is None or actor is None or not same_origin(headers):
            # Closed before it is accepted: the browser gets a 403.
            await send({"type": "websocket.close", "code": 4401})
            return
        await self.app(scope, _Listener(receive, token, actor), send)


class _Listener:
    """Hears what a browser says through its socket, and asks each time whether it still may."""

    def __init__(self, receive: Receive, token: str, actor: Actor) -> None:
        self.receive = receive
        self.token = token
        self.actor: Actor | None = actor

    async def __call__(self) -> Message:
        while True:
            message = await self.receive()
            if message["type"] != "websocket.receive":
                return message
            now = await run_in_threadpool(visit, self.token)
            if now is not None and self.actor is not None and now.role is self.actor.role:
                return message
            self.actor = now
            if (anew := drawn_anew(message.get("bytes") or b"")) is not None:
                return {"type": "websocket.receive", "bytes": anew}


def drawn_anew(said: bytes) -> bytes | None:
    """Of a message to Streamlit, only the wish to see the page: no click, no input, no fragment. None: no such wish.

    The page itself then says that the session has ended, or shows what the new role may see.
    """
    from google.protobuf.message import DecodeError  # type: ignore[import-untyped]
    from streamlit.proto.BackMsg_pb2 import BackMsg

    heard, anew = BackMsg(), BackMsg()
    try:
        heard.ParseFromString(said)
    except DecodeError:
        return None
    if heard.WhichOneof("type") != "rerun_script":
        return None
    anew.rerun_script.query_string = heard.rerun_script.query_string
    anew.rerun_script.page_script_hash = heard.rerun_script.page_script_hash
    anew.rerun_script.page_name = heard.rerun_script.page_name
    anew.rerun_script.context_info.CopyFrom(heard.rerun_script.context_info)
    wish: bytes = anew.SerializeToString()
    return wish


async def _refusal(scope: Scope, headers: Headers) -> Response:
    """To the sign-in for whoever opens a page (and back to it afterwards), else 401."""
    if not _opens_a_page(scope, headers):
        return PlainTextResponse("Sign in first.", 401, {"Cache-Control": "no-store"})
    if not await run_in_threadpool(anybody):
        return RedirectResponse("/welcome", 303)
    query = scope["query_string"].decode("latin-1")
    wanted = scope["path"] + (f"?{query}" if query else "")
    return RedirectResponse("/signin" if wanted == "/" else f"/signin?next={quote(wanted, safe='/')}", 303)


def anybody() -> bool:
    """Whether the hub has a member yet."""
    with db.read() as session:
        return has_members(session)


def _opens_a_page(scope: Scope, headers: Headers) -> bool:
    return scope["method"] in ("GET", "HEAD") and "text/html" in headers.get("accept", "")


def _with_headers(send: Send, token: str | None = None) -> Send:
    """Add what keeps others from framing or sniffing an answer; with a token, the cookie lives on from now."""

    async def sending(message: Message) -> None:
        if message["type"] == "http.response.start":
            headers = MutableHeaders(scope=message)
            for name, value in HEADERS.items():
                headers.setdefault(name, value)
            if token is not None:
                renewed = Response()
                set_cookie(renewed, token)
                headers.append("set-cookie", renewed.headers["set-cookie"])
        await send(message)

    return sending
