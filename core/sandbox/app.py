"""The ASGI application: all routes, the people's background life, the faults around it."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from random import Random

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from core.sandbox import control, oauth, pages, routes_accounts, routes_reading, routes_statuses
from core.sandbox.call import Box
from core.sandbox.faults import Faults
from core.sandbox.life import Life
from core.sandbox.rules import MAX_IMAGE_BYTES

ROUTES = [
    *routes_statuses.ROUTES,
    *routes_accounts.ROUTES,  # before those that take any id
    *routes_reading.ROUTES,
    *oauth.ROUTES,
    *control.ROUTES,
    *pages.ROUTES,
]


def build(box: Box) -> Faults:
    """The application for one box. The outermost layer are the faults."""
    life = Life(box.network, Random(), lambda: box.live)  # noqa: S311 - what people say, not a secret
    box.network.on_published = life.on_published
    box.wake = life.wake

    @contextlib.asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[None]:
        task = asyncio.create_task(life.run())
        yield
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task

    app = Starlette(
        routes=ROUTES,
        lifespan=lifespan,
        exception_handlers={HTTPException: _said, Exception: _broken},
        max_body_size=MAX_IMAGE_BYTES + 1024 * 1024,
    )
    app.state.box = box
    box.faults = Faults(app)
    return box.faults


async def _said(request: Request, error: Exception) -> Response:
    status = error.status_code if isinstance(error, HTTPException) else 500
    said = {404: "Record not found", 405: "Method not allowed", 413: "The request is too large"}
    return JSONResponse({"error": said.get(status, "This request can't be answered")}, status)


async def _broken(request: Request, error: Exception) -> Response:
    return JSONResponse({"error": "Something went wrong in the sandbox"}, 500)
