"""The one web process: `streamlit run core/web/app.py` serves pages, routes and gate.

Everything but the doors in `gate.OPEN` asks for a session first, before Streamlit sees the request.
"""

import asyncio
import logging
import sys
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
if str(ROOT) not in sys.path:  # `streamlit run` puts only this folder on the path
    sys.path.insert(0, str(ROOT))

import streamlit as st  # noqa: E402
import uvicorn  # noqa: E402
import uvicorn.config  # noqa: E402
from starlette.middleware import Middleware  # noqa: E402
from uvicorn.middleware.proxy_headers import ProxyHeadersMiddleware  # noqa: E402

from core.services import health, sessions  # noqa: E402
from core.settings import settings  # noqa: E402
from core.web import calendar, signin  # noqa: E402
from core.web.gate import Gate  # noqa: E402

TICK_SECONDS = 0.5

logging.getLogger("uvicorn.access").setLevel(logging.WARNING)


def _believed(app: Any, **_: Any) -> ProxyHeadersMiddleware:
    """What a proxy says of a visitor's address counts for the proxies in the settings alone."""
    return ProxyHeadersMiddleware(app, trusted_hosts=sorted(settings().trusted_proxies))


# The server under us believes whoever speaks from this machine, and has read its settings before it loads this module;
# right after, it asks for this class. `test_gate.py` notices when that changes.
uvicorn.config.ProxyHeadersMiddleware = _believed  # type: ignore[attr-defined,assignment]


async def _calm(server: uvicorn.Server) -> None:
    """The server's own loop looks ten times a second whether it shall end: half of what an idle hub would cost."""
    while not await server.on_tick(0):
        await asyncio.sleep(TICK_SECONDS)


uvicorn.Server.main_loop = _calm  # type: ignore[method-assign,assignment]
health.migrate()

app = st.App(ROOT / "Home.py", routes=[*signin.ROUTES, *calendar.ROUTES], middleware=[Middleware(Gate)])
sessions.GATE.set()
