"""What a browser sees: profiles, posts, hashtags, faces and pictures. Every page says that it is a sandbox."""
# ruff: noqa: S608 - values are always bound; only literals and question marks are put together

import html
from functools import lru_cache
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response
from starlette.routing import Route

from core.sandbox import pictures
from core.sandbox.call import Box
from core.sandbox.entities import Renderer
from core.sandbox.rules import ApiError

_TEMPLATES = Environment(loader=FileSystemLoader(Path(__file__).parent / "templates"), autoescape=True)
POLICY = "default-src 'none'; style-src 'unsafe-inline'; img-src 'self'; media-src 'self'; base-uri 'none'"
FOREVER = {"cache-control": "public, max-age=31536000, immutable"}
PUBLIC = "s.visibility IN ('public', 'unlisted') AND s.reblog_of IS NULL"


def page(name: str, status: int = 200, **values: Any) -> HTMLResponse:
    """Render a template; whatever is put in is escaped."""
    body = _TEMPLATES.get_template(name).render(**values)
    return HTMLResponse(body, status, headers={"content-security-policy": POLICY, "referrer-policy": "no-referrer"})


def _list(request: Request, title: str, intro: str, where: str, *values: Any) -> Response:
    box: Box = request.app.state.box
    sql = f"SELECT s.* FROM status s WHERE {PUBLIC} AND {where} ORDER BY s.id DESC LIMIT 40"
    statuses = Renderer(box.network, box.base).statuses(box.network.store.all(sql, *values))
    return page("list.html", title=title, intro=intro, statuses=statuses)


async def front(request: Request) -> Response:
    """/: the latest public posts."""
    return _list(
        request, "Social Hub Sandbox", "The latest posts of a small invented network.", "s.in_reply_to IS NULL"
    )


async def profile(request: Request) -> Response:
    """/@acct."""
    box: Box = request.app.state.box
    row = box.network.find_account(request.path_params["acct"])
    if row is None:
        return page("refused.html", status=404, reason="Nobody of that name lives in the sandbox.")
    note = Renderer(box.network, box.base).account(row)["note"]
    return _list(request, row["name"], note, "s.account_id = ?", row["id"])


async def post(request: Request) -> Response:
    """/@acct/id: the whole thread."""
    box: Box = request.app.state.box
    try:
        status = box.network.status(int(request.path_params["id"]))
    except ApiError:
        return page("refused.html", status=404, reason="There is no such post, or it isn't public.")
    sql = f"SELECT s.* FROM status s WHERE {PUBLIC} AND s.thread_id = ? ORDER BY s.id"
    statuses = Renderer(box.network, box.base).statuses(box.network.store.all(sql, status["thread_id"]))
    return page("list.html", title="Thread", intro="", statuses=statuses)


async def user(request: Request) -> Response:
    """/users/acct and /users/acct/statuses/id, the addresses of things, lead to their pages."""
    path = "/@" + request.path_params["acct"]
    number = request.path_params.get("id")
    return RedirectResponse(f"{path}/{number}" if number else path)


async def hashtag(request: Request) -> Response:
    """/tags/tag."""
    tag = request.path_params["tag"].lower()
    return _list(request, f"#{tag}", "", "s.id IN (SELECT status_id FROM tag WHERE tag = ?)", tag)


async def avatar(request: Request) -> Response:
    """/avatars/username-id.svg: initials on the account's colour."""
    box: Box = request.app.state.box
    number = request.path_params["name"].removesuffix(".svg").rpartition("-")[2]
    row = None
    if number.isdecimal() and len(number) <= 18:
        row = box.network.store.one("SELECT name, colour FROM account WHERE id = ?", int(number))
    body = _face(row["name"], row["colour"]) if row else _face("", "#2f6f73")
    return Response(body, media_type="image/svg+xml", headers=FOREVER | {"content-security-policy": POLICY})


@lru_cache(maxsize=128)
def _face(name: str, colour: str) -> str:
    letters = html.escape("".join(word[0] for word in name.split() if word[0].isalnum())[:2].upper())
    return (
        '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 96 96" width="96" height="96">'
        f'<rect width="96" height="96" fill="{html.escape(colour)}"/><text x="48" y="50" fill="#fff" '
        'font-family="system-ui,sans-serif" font-size="38" font-weight="600" text-anchor="middle" '
        f'dominant-baseline="middle">{letters}</text></svg>'
    )


async def media(request: Request) -> Response:
    """/media/id.ext: an uploaded image as it came, or a drawn one."""
    box: Box = request.app.state.box
    number = request.path_params["name"].partition(".")[0]
    row = None
    if number.isdecimal() and len(number) <= 18:
        sql = "SELECT mime, body, sample, width, height FROM media WHERE id = ?"
        row = box.network.store.one(sql, int(number))
    if row is None:
        return page("refused.html", status=404, reason="There is no such picture.")
    body = row["body"] or pictures.draw(row["sample"], row["width"], row["height"])
    return Response(body, media_type=row["mime"], headers=FOREVER | {"x-content-type-options": "nosniff"})


ROUTES = [
    Route("/", front),
    Route("/@{acct}", profile),
    Route("/@{acct}/{id:int}", post),
    Route("/users/{acct}", user),
    Route("/users/{acct}/statuses/{id:int}", user),
    Route("/tags/{tag}", hashtag),
    Route("/avatars/{name}", avatar),
    Route("/media/{name}", media),
]
