"""The doors that stand open: sign-in, the first member, signing out, the way back from a network, health.

Plain HTML forms: a cookie that scripts can't read has to be set by a route. Every form that changes something must come
from our own pages.
"""

from functools import lru_cache
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, select_autoescape
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, PlainTextResponse, RedirectResponse, Response
from starlette.routing import Route

from core import db
from core.errors import HubError, PermissionDenied, UserError
from core.services import connecting, health, sessions, team
from core.settings import settings
from core.ui.page import COOKIE
from core.web.gate import same_origin, token_of

TEMPLATES = Path(__file__).parent / "templates"
POLICY = "default-src 'none'; style-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"


@lru_cache(maxsize=1)
def _pages() -> Environment:
    return Environment(loader=FileSystemLoader(TEMPLATES), autoescape=select_autoescape())


def _page(template: str, status: int = 200, **values: Any) -> HTMLResponse:
    html = _pages().get_template(template).render(**values)
    return HTMLResponse(html, status, {"Content-Security-Policy": POLICY, "Cache-Control": "no-store"})


def _refused() -> Response:
    return PlainTextResponse("This form must be sent from the hub's own page.", 403)


def _address(request: Request) -> str:
    """The visitor's address; a proxy's word for it only if we were told to believe that proxy."""
    peer = request.client.host if request.client else "unknown"
    if peer in settings().trusted_proxies:
        said = request.headers.get("x-forwarded-for", "").split(",")[-1].strip()
        return said[:64] or peer
    return peer


def _signed_in(token: str, to: str = "/") -> RedirectResponse:
    answer = RedirectResponse(to, status_code=303)
    answer.set_cookie(
        COOKIE,
        token,
        max_age=int(sessions.SESSION_LIFE.total_seconds()),
        httponly=True,
        samesite="lax",
        secure=settings().base_url.startswith("https://"),
        path="/",
    )
    return answer


async def sign_in_page(request: Request) -> Response:
    """GET /signin."""
    if not await run_in_threadpool(_anybody):
        return RedirectResponse("/welcome", 303)
    return _page("signin.html", email="", error="")


async def sign_in(request: Request) -> Response:
    """POST /signin: e-mail and password; the e-mail stays in the form when they are wrong."""
    if not same_origin(request.headers):
        return _refused()
    form = await request.form()
    email, password = str(form.get("email", "")), str(form.get("password", ""))
    agent = request.headers.get("user-agent", "")
    try:
        token = await run_in_threadpool(sessions.sign_in, email, password, _address(request), agent)
    except sessions.TooManyTries as error:
        answer = _page("signin.html", 429, email=email, error=str(error))
        answer.headers["Retry-After"] = str(int(error.seconds) + 1)
        return answer
    except UserError as error:
        return _page("signin.html", 401, email=email, error=str(error))
    return _signed_in(token)


async def welcome_page(request: Request) -> Response:
    """GET /welcome: only while there is no member."""
    if await run_in_threadpool(_anybody):
        return RedirectResponse("/signin", 303)
    return _page("welcome.html", name="", email="", error="")


async def welcome(request: Request) -> Response:
    """POST /welcome: the first member, an administrator."""
    if not same_origin(request.headers):
        return _refused()
    form = await request.form()
    given = {name: str(form.get(name, "")) for name in ("name", "email", "password")}
    try:
        token = await run_in_threadpool(_first_member, given, request.headers.get("user-agent", ""))
    except UserError as error:
        status = 403 if isinstance(error, PermissionDenied) else 422
        return _page("welcome.html", status, name=given["name"], email=given["email"], error=str(error))
    return _signed_in(token)


async def sign_out_page(request: Request) -> Response:
    """GET /signout asks first: a link alone, from anywhere, must not sign people out."""
    return _page("signout.html")


async def sign_out(request: Request) -> Response:
    """POST /signout."""
    if not same_origin(request.headers):
        return _refused()
    token = token_of(request.headers)
    if token:
        await run_in_threadpool(sessions.sign_out, token)
    answer = RedirectResponse("/signin", 303)
    answer.delete_cookie(COOKIE, path="/")
    return answer


async def oauth_callback(request: Request) -> Response:
    """GET /oauth/callback: the network sends the browser back with a code, or with a refusal."""
    actor = await run_in_threadpool(_actor, token_of(request.headers))
    if actor is None or actor.id is None:
        return _page("message.html", 401, title="Sign in first", text="Sign in, then connect the channel again.")
    state, code = request.query_params.get("state", ""), request.query_params.get("code", "")
    if not code:
        return _page("message.html", 400, title="Not connected", text="The network didn't allow access. Begin again.")
    try:
        await run_in_threadpool(connecting.finish_oauth, state, code, actor.id)
    except HubError as error:
        return _page("message.html", 400, title="Not connected", text=str(error))
    return RedirectResponse("/channels", 303)


async def healthz(request: Request) -> Response:
    """GET /healthz: 200 when database and worker are well, else 503."""
    found = await run_in_threadpool(health.health)
    age = None if found.worker_age is None else round(found.worker_age, 1)
    told = {"ok": found.ok, "database": found.database_ok, "worker_age_seconds": age, "detail": found.detail}
    return JSONResponse(told, 200 if found.ok else 503, {"Cache-Control": "no-store"})


async def style(request: Request) -> Response:
    """The sign-in pages' own style sheet."""
    return Response((TEMPLATES / "style.css").read_text(), media_type="text/css")


def _anybody() -> bool:
    with db.read() as session:
        return team.has_members(session)


def _actor(token: str | None) -> team.Actor | None:
    with db.read() as session:
        return sessions.session_actor(session, token)


def _first_member(given: dict[str, str], agent: str) -> str:
    with db.write() as session:
        member_id = team.create_first_member(session, **given)
        return sessions.open_session(session, member_id, agent)


ROUTES = [
    Route("/signin", sign_in_page, methods=["GET"]),
    Route("/signin", sign_in, methods=["POST"]),
    Route("/signin/style.css", style, methods=["GET"]),
    Route("/welcome", welcome_page, methods=["GET"]),
    Route("/welcome", welcome, methods=["POST"]),
    Route("/signout", sign_out_page, methods=["GET"]),
    Route("/signout", sign_out, methods=["POST"]),
    Route("/oauth/callback", oauth_callback, methods=["GET"]),
    Route("/healthz", healthz, methods=["GET"]),
]
