"""The one web process: `streamlit run core/web/app.py` serves pages, routes and gate.

Everything but the doors in `gate.OPEN` asks for a session first, before Streamlit sees the request.
"""

import logging
import os
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
if str(ROOT) not in sys.path:  # `streamlit run` puts only this folder on the path
    sys.path.insert(0, str(ROOT))

import streamlit as st  # noqa: E402
from starlette.middleware import Middleware  # noqa: E402

from core.services import health  # noqa: E402
from core.settings import settings  # noqa: E402
from core.ui.page import STARTED_RIGHT  # noqa: E402
from core.web import signin  # noqa: E402
from core.web.gate import Gate  # noqa: E402

# The pages see by this that they stand behind the gate; the number is this process's, so a child doesn't inherit it.
os.environ[STARTED_RIGHT] = str(os.getpid())
logging.getLogger("uvicorn.access").setLevel(logging.WARNING)
# The server under us believes every proxy on this machine unless it is told which ones to believe.
os.environ["FORWARDED_ALLOW_IPS"] = ",".join(sorted(settings().trusted_proxies))
health.migrate()

app = st.App(ROOT / "Home.py", routes=signin.ROUTES, middleware=[Middleware(Gate)])
