"""The plan as iCal for calendars, which can't sign in: the address itself is the key (`services/calendar_feeds.py`)."""

import hashlib

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from core import db
from core.services import calendar_feeds

LONGEST_TOKEN = 80  # characters


async def calendar(request: Request) -> Response:
    """GET /calendar/{token}.ics; 404 for a link that doesn't work (any more)."""
    token = str(request.path_params["token"])
    made = await run_in_threadpool(_made, token) if len(token) <= LONGEST_TOKEN else None
    if made is None:
        return PlainTextResponse("This calendar link doesn't work any more.", 404, {"Cache-Control": "no-store"})
    tag = f'"{hashlib.sha256(made).hexdigest()[:32]}"'
    headers = {"Cache-Control": "private, max-age=300", "ETag": tag}
    if request.headers.get("if-none-match") == tag:
        return Response(None, 304, headers)
    return Response(made, 200, headers, "text/calendar; charset=utf-8")


def _made(token: str) -> bytes | None:
    with db.read() as session:
        link = calendar_feeds.opened(session, token)
        if link is None:
            return None
        made = calendar_feeds.as_ical(calendar_feeds.entries(session, link.group_id), link.group)
    if not link.noted:
        with db.write() as session:
            calendar_feeds.note_use(session, link.id)
    return made


ROUTES = [Route(f"{calendar_feeds.PATH}{{token:str}}{calendar_feeds.ENDING}", calendar, methods=["GET", "HEAD"])]
