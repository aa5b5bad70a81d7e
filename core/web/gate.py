"""The gate: no page, socket or file for whoever isn't signed in. Pure ASGI, so that nothing slips past it.

One indexed read a request. Also puts the headers on every answer that keep others from framing or sniffing it.
"""

from http.cookies import CookieError, SimpleCookie
from typing import Any
from urllib.parse import urlsplit

from starlette.concurrency import run_in_threadpool
from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import PlainTextResponse, RedirectResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from core import db
from core.services.sessions import keep_alive, session_actor
from core.services.team import has_members
from core.ui.page import COOKIE

OPEN = ("/signin", "/signin/style.css", "/welcome", "/healthz", "/oauth/callback")
HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "SAMEORIGIN",
    "Referrer-Policy": "same-origin",
    "Permissions-Policy": "camera=(), microphone=(), geolocation=()",
    "Cross-Origin-Opener-Policy": "same-origin",
}


def token_of(headers: Headers) -> str | None:
    """The session token out of the cookie header."""
    try:
        cookie = SimpleCookie(headers.get("cookie", ""))
    except CookieError:
        return None
    return cookie[COOKIE].value if COOKIE in cookie else None


def same_origin(headers: Headers) -> bool:
    """Whether a request that changes something comes from our own pages. Browsers say so; others carry no cookie."""
    site = headers.get("sec-fetch-site")
    if site is not None:
        return site in ("same-origin", "none")
    origin = headers.get("origin")
    return origin is None or urlsplit(origin).netloc == headers.get("host")


class Gate:
    """Stands before Streamlit and its routes."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let in, send to the sign-in, or refuse."""
        if scope["type"] not in ("http", "websocket"):
            await self.app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        path = _path(scope)
        if path not in OPEN and not await run_in_threadpool(_known, token_of(headers)):
            await self._refuse(scope, receive, send, path, headers)
            return
        if scope["type"] == "websocket" and not same_origin(headers):
            await send({"type": "websocket.close", "code": 4403})
            return
        await self.app(scope, receive, _with_headers(send))

    @staticmethod
    async def _refuse(scope: Scope, receive: Receive, send: Send, path: str, headers: Headers) -> None:
        if scope["type"] == "websocket":
            # Closed before it is accepted: the browser gets a 403.
            await send({"type": "websocket.close", "code": 4401})
            return
        answer: Response = PlainTextResponse("Sign in first.", status_code=401)
        if scope["method"] in ("GET", "HEAD") and "text/html" in headers.get("accept", ""):
            door = "/signin" if await run_in_threadpool(_anybody) else "/welcome"
            answer = RedirectResponse(door, status_code=303)
        await answer(scope, receive, _with_headers(send))


def _path(scope: Scope) -> str:
    path: str = scope["path"]
    return path.rstrip("/") or "/"


def _known(token: str | None) -> bool:
    if not token:
        return False
    with db.read() as session:
        known = session_actor(session, token) is not None
    if known:
        keep_alive(token)
    return known


def _anybody() -> bool:
    with db.read() as session:
        return has_members(session)


def _with_headers(send: Send) -> Send:
    async def sending(message: Message) -> None:
        if message["type"] == "http.response.start":
            headers: Any = MutableHeaders(scope=message)
            for name, value in HEADERS.items():
                headers.setdefault(name, value)
        await send(message)

    return sending
