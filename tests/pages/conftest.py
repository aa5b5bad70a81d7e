"""What every page test gets: somebody who is signed in, with a session as real as a browser's."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from streamlit.elements.widgets import button
from streamlit.runtime.pages_manager import PagesManager
from streamlit.util import calc_hash

from core import db
from core.models.team import Role
from core.services import sessions
from core.services.team import Actor
from core.ui import page
from tests import factories

ROOT = Path(__file__).parents[2]


@pytest.fixture(autouse=True)
def links(monkeypatch: pytest.MonkeyPatch) -> None:
    """Links between pages work although `AppTest` opens one page alone, and a link to a missing page still fails."""
    known = PagesManager.get_pages

    def all_pages(self: PagesManager) -> dict[Any, Any]:
        pages = known(self)
        if PagesManager.uses_pages_directory:
            return pages  # opened through Home.py: they are known
        for path in map(str, [ROOT / "Home.py", *sorted((ROOT / "pages").glob("*.py"))]):
            number, name = calc_hash(path), Path(path).stem
            pages[number] = {"page_script_hash": number, "page_name": name, "icon": "", "script_path": path}
        return pages

    monkeypatch.setattr(PagesManager, "get_pages", all_pages)
    monkeypatch.setattr(button, "get_main_script_directory", lambda _: str(ROOT))


@pytest.fixture
def signed_in(hub: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Actor]:
    """`signed_in("editor")` makes a member, opens their session, and hands its cookie to the pages."""
    monkeypatch.setattr(page, "started_right", lambda: True)

    def enter(role: str = "admin") -> Actor:
        actor = factories.actor(Role(role))
        assert actor.id is not None
        with db.write() as session:
            token = sessions.open_session(session, actor.id)
        monkeypatch.setattr(page, "session_token", lambda: token)
        return actor

    return enter
