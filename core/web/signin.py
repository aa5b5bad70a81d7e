"""The doors that stand open: sign-in, the first member, signing out, the way back from a network, health.

Plain HTML forms: a cookie that scripts can't read has to be set by a route. The gate has already seen to it that a form
comes from our own pages.
"""

from functools import lru_cache
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, select_autoescape
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import FileResponse, HTMLResponse, JSONResponse, RedirectResponse, Response
from starlette.routing import Route

from core import db
from core.errors import HubError, PermissionDenied, UserError
from core.services import connecting, health, sessions, team
from core.web.gate import OPEN_FILES, anybody
from core.web.visitor import expected_host, inside, set_cookie, token_of

TEMPLATES = Path(__file__).parent / "templates"
STATIC = Path(__file__).parents[2] / "static"
MOST_BYTES = 16_384  # of a form
POLICY = (
    "default-src 'none'; style-src 'self'; font-src 'self'; img-src 'self'; form-action 'self'; base-uri 'none'; "
    "frame-ancestors 'none'"
)


@lru_cache(maxsize=1)
def _pages() -> Environment:
    return Environment(loader=FileSystemLoader(TEMPLATES), autoescape=select_autoescape())


def _page(template: str, status: int = 200, **values: Any) -> HTMLResponse:
    html = _pages().get_template(template).render(**values)
    return HTMLResponse(html, status, {"Content-Security-Policy": POLICY, "Cache-Control": "no-store"})


def _signed_in(token: str, to: str = "/") -> RedirectResponse:
    answer = RedirectResponse(to, 303)
    set_cookie(answer, token)
    return answer


def _address(request: Request) -> str:
    """The visitor's address; what a proxy says of it counts only for those in `HUB_TRUSTED_PROXIES` (see `app.py`)."""
    return request.client.host if request.client else "unknown"


async def _form(request: Request) -> dict[str, str]:
    """What was filled in. Anybody may send something here, so it is short or it isn't read."""
    length = request.headers.get("content-length", "")
    if not length.isdigit() or int(length) > MOST_BYTES:
        raise HTTPException(413)
    return {name: value for name, value in (await request.form()).items() if isinstance(value, str)}


async def sign_in_page(request: Request) -> Response:
    """GET /signin; `next` is where to go afterwards."""
    if not await run_in_threadpool(anybody):
        return RedirectResponse("/welcome", 303)
    wanted = inside(request.query_params.get("next", "/"))
    if await run_in_threadpool(sessions.visit, token_of(request.headers)):
        return RedirectResponse(wanted, 303)
    return _page("signin.html", email="", error="", next=wanted)


async def sign_in(request: Request) -> Response:
    """POST /signin: e-mail and password; the e-mail stays in the form when they are wrong."""
    form = await _form(request)
    wanted, agent = inside(form.get("next", "/")), request.headers.get("user-agent", "")
    shown = {"email": form.get("email", ""), "next": wanted}
    try:
        token = await run_in_threadpool(
            sessions.sign_in, shown["email"], form.get("password", ""), _address(request), agent
        )
    except sessions.TooManyTries as error:
        answer = _page("signin.html", 429, **shown, error=str(error))
        answer.headers["Retry-After"] = str(int(error.seconds) + 1)
        return answer
    except UserError as error:
        return _page("signin.html", 401, **shown, error=str(error))
    return _signed_in(token, wanted)


async def welcome_page(request: Request) -> Response:
    """GET /welcome: only while there is no member."""
    if await run_in_threadpool(anybody):
        return RedirectResponse("/signin", 303)
    return _page("welcome.html", name="", email="", error="")


async def welcome(request: Request) -> Response:
    """POST /welcome: the first member, an administrator."""
    form = await _form(request)
    given = {name: form.get(name, "") for name in ("name", "email", "password")}
    try:
        if not expected_host(request.headers):
            raise PermissionDenied("Open the hub under the address that it printed when it started.")
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
    token = token_of(request.headers)
    if token:
        await run_in_threadpool(sessions.sign_out, token)
    answer = RedirectResponse("/signin", 303)
    answer.delete_cookie(sessions.COOKIE, path="/")
    return answer


async def oauth_callback(request: Request) -> Response:
    """GET /oauth/callback: the network sends the browser back with a code, or with a refusal."""
    actor = await run_in_threadpool(sessions.visit, token_of(request.headers))
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


async def file(request: Request) -> Response:
    """Style, font and mark of the sign-in pages: the only files that need no session."""
    name = request.url.path.rpartition("/")[2]
    folder = TEMPLATES if name == "style.css" else STATIC
    return FileResponse(folder / name, headers={"Cache-Control": "public, max-age=3600"})


def _first_member(given: dict[str, str], agent: str) -> str:
    with db.write() as session:
        member_id = team.create_first_member(session, **given)
        return sessions.open_session(session, member_id, agent)


ROUTES = [
    Route("/signin", sign_in_page, methods=["GET"]),
    Route("/signin", sign_in, methods=["POST"]),
    *(Route(path, file, methods=["GET"]) for path in sorted(OPEN_FILES)),
    Route("/welcome", welcome_page, methods=["GET"]),
    Route("/welcome", welcome, methods=["POST"]),
    Route("/signout", sign_out_page, methods=["GET"]),
    Route("/signout", sign_out, methods=["POST"]),
    Route("/oauth/callback", oauth_callback, methods=["GET"]),
    Route("/healthz", healthz, methods=["GET"]),
]
