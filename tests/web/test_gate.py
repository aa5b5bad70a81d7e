"""The gate in front of the real Streamlit: no page, socket or file without a session, and none after it ended."""

import re
from collections.abc import Iterator
from contextlib import contextmanager

import httpx
import pytest
from sqlmodel import delete, select
from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import ClientConnection, connect

from core import db
from core.models.team import LoginFailure, LoginSession, Member, Role
from core.services import calendar_feeds, sessions, team
from core.services.team import COMMAND_LINE
from core.web.gate import drawn_anew
from tests.web.conftest import Hub

PASSWORD = "ein langes Passwort"
HTML = {"Accept": "text/html,application/xhtml+xml"}

CLOSED = [
    ("GET", "/"),
    ("GET", "/inbox"),
    ("GET", "/team/"),
    ("GET", "/signin/"),
    ("GET", "/signin/../team"),
    ("GET", "/signin/hub.db"),
    ("GET", "/welcome/x"),
    ("GET", "/calendar/"),
    ("GET", "/calendar/geheim"),
    ("GET", "/calendar/geheim.ics/team"),
    ("GET", "/calendar/../team.ics"),
    ("GET", "/calendar/%2e%2e/team"),
    ("POST", "/calendar/geheim.ics"),
    ("GET", "/healthz/"),
    ("GET", "/%73ignin/x"),
    ("GET", "//signin"),
    ("GET", "/media/0123456789abcdef.png"),
    ("GET", "/static/js/index.js"),
    ("GET", "/app/static/inter-latin.woff2"),
    ("GET", "/component/streamlit_calendar/index.html"),
    ("GET", "/_stcore/health"),
    ("GET", "/_stcore/host-config"),
    ("GET", "/_stcore/metrics"),
    ("GET", "/_stcore/stream"),
    ("GET", "/_stcore/bidi-components/x/y.js"),
    ("GET", "/_stcore/agent/openapi.json"),
    ("POST", "/_stcore/agent/interact"),
    ("PUT", "/_stcore/upload_file/a/b"),
    ("POST", "/_stcore/upload_file/a/b"),
    ("DELETE", "/_stcore/upload_file/a/b"),
    ("OPTIONS", "/_stcore/upload_file/a/b"),
    ("GET", "/auth/login"),
    ("GET", "/oauth2callback"),
    ("POST", "/signout"),
    ("GET", "/signout"),
]


@pytest.fixture
def inside(running: Hub, monkeypatch: pytest.MonkeyPatch) -> Iterator[Hub]:
    """This test looks into the running hub's own database."""
    monkeypatch.setenv("HUB_DATA_DIR", str(running.folder))
    db.reset()
    with db.write() as session:
        session.execute(delete(LoginFailure))
    yield running
    db.reset()


def enter(role: Role = Role.ADMIN) -> str:
    """A member with that role, signed in: the session's token."""
    with db.write() as session:
        email = f"m{len(team.members(session))}@example.org"
        number = team.create_member(session, COMMAND_LINE, email=email, name="Mia", password=PASSWORD, role=role)
        return sessions.open_session(session, number)


def asked(hub: Hub, method: str, path: str, token: str = "", headers: dict[str, str] | None = None) -> httpx.Response:
    cookie = {"Cookie": f"hub_session={token}"} if token else {}
    # A path as it is, dots and all: httpx would tidy it up.
    url = httpx.URL(hub.url).copy_with(raw_path=path.encode())
    with httpx.Client() as client:
        return client.send(client.build_request(method, url, headers=cookie | (headers or {})))


@contextmanager
def socket(hub: Hub, token: str = "", origin: str | None = None) -> Iterator[ClientConnection]:
    headers = {"Cookie": f"hub_session={token}"} if token else {}
    address = f"ws://127.0.0.1:{hub.port}/_stcore/stream"
    with connect(
        address,
        additional_headers=headers,
        origin=origin or hub.url,  # type: ignore[arg-type]
        subprotocols=["streamlit"],  # type: ignore[list-item]
        max_size=None,
    ) as made:
        yield made


def draw(made: ClientConnection, page: str = "") -> str:
    """Ask for a page through the socket; what came back, as text, until the script has run."""
    wish = BackMsg()
    wish.rerun_script.page_name = page
    return told(made, wish)


def told(made: ClientConnection, wish: BackMsg) -> str:
    made.send(wish.SerializeToString())
    seen = b""
    while True:
        data = made.recv(timeout=20)
        assert isinstance(data, bytes)
        seen += data
        message = ForwardMsg()
        message.ParseFromString(data)
        if message.WhichOneof("type") == "script_finished":
            return seen.decode("utf-8", "replace")


@pytest.mark.parametrize(("method", "path"), CLOSED)
@pytest.mark.parametrize("token", ["", "made-up"])
def test_a_stranger_gets_nothing(running: Hub, method: str, path: str, token: str):
    answer = asked(running, method, path, token)
    assert answer.status_code == 401 and answer.text == "Sign in first."


def test_a_stranger_who_opens_a_page_is_sent_to_the_door(inside: Hub):
    with db.read() as session:
        nobody = not team.has_members(session)
    if nobody:
        assert asked(inside, "GET", "/inbox", headers=HTML).headers["location"] == "/welcome"
    enter()
    answer = asked(inside, "GET", "/inbox?state=open", headers=HTML)
    assert (answer.status_code, answer.headers["location"]) == (303, "/signin?next=/inbox%3Fstate%3Dopen")
    assert asked(inside, "GET", "/", headers=HTML).headers["location"] == "/signin"


def test_a_calendar_with_its_link_needs_no_sign_in(inside: Hub):
    token = enter(Role.VIEWER)
    with db.read() as session:
        anna = sessions.session_actor(session, token)
    assert anna is not None
    with db.write() as session:
        address = calendar_feeds.create_link(session, anna, "Handy")
    answer = asked(inside, "GET", address[address.index("/calendar/") :])
    assert answer.status_code == 200 and answer.text.startswith("BEGIN:VCALENDAR")
    assert "set-cookie" not in answer.headers
    wrong = asked(inside, "GET", "/calendar/erraten.ics")
    assert (wrong.status_code, "doesn't work" in wrong.text) == (404, True)


def test_a_stranger_gets_no_socket(running: Hub):
    for token in ("", "made-up"):
        with pytest.raises(InvalidStatus) as refused, socket(running, token):
            pass
        assert refused.value.response.status_code == 403


def test_another_site_gets_no_socket_even_with_the_cookie(inside: Hub):
    token = enter()
    with pytest.raises(InvalidStatus) as refused, socket(inside, token, origin="http://evil.example"):
        pass
    assert refused.value.response.status_code == 403


def test_a_member_gets_pages_files_and_the_socket(inside: Hub):
    token = enter()
    page = asked(inside, "GET", "/inbox", token, HTML)
    assert page.status_code == 200 and "hub_session=" in page.headers["set-cookie"]
    scripts = re.findall(r'src="\.?(/static/[^"]+\.js)"', page.text)
    assert scripts
    assert asked(inside, "GET", scripts[0], token).status_code == 200
    assert asked(inside, "GET", "/app/static/inter-latin.woff2", token).headers["content-type"] == "font/woff2"
    assert asked(inside, "GET", "/_stcore/health", token).text == "ok"
    assert asked(inside, "GET", "/media/gone.png", token).status_code == 404
    with socket(inside, token) as made:
        assert "Two ways to begin" in draw(made)


def test_no_page_can_be_framed_sniffed_or_made_to_load_from_elsewhere(inside: Hub):
    for path, token in (("/", enter()), ("/signin", "")):
        headers = asked(inside, "GET", path, token, HTML).headers
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["x-frame-options"] == "SAMEORIGIN"
        policy = headers["content-security-policy"]
        assert "frame-ancestors" in policy and "default-src" in policy and "http" not in policy


def test_an_upload_needs_the_hubs_own_page(inside: Hub):
    token = enter()
    for headers in ({"Origin": "http://evil.example"}, {"Sec-Fetch-Site": "cross-site"}):
        answer = asked(inside, "PUT", "/_stcore/upload_file/a/b", token, headers)
        assert answer.status_code == 403 and "own page" in answer.text
    # Ours comes through to Streamlit, which doesn't know this upload.
    answer = asked(inside, "PUT", "/_stcore/upload_file/a/b", token, {"Origin": inside.url})
    assert answer.status_code != 401 and "own page" not in answer.text


def test_an_ended_session_closes_page_socket_and_files(inside: Hub):
    token = enter()
    with socket(inside, token) as made:
        assert "Two ways to begin" in draw(made)
        sessions.sign_out(token)
        seen = draw(made)
        assert "You are signed out" in seen and "Two ways to begin" not in seen
    assert asked(inside, "GET", "/team", token).status_code == 401
    with pytest.raises(InvalidStatus), socket(inside, token):
        pass


def test_a_click_after_the_session_ended_does_nothing(inside: Hub):
    """Callbacks and fragments run without the page's own guard, so the click must not arrive."""
    token = enter()
    with socket(inside, token) as made:
        draw(made, "team")
        with db.read() as session:
            before = session.exec(select(Member)).all()
        sessions.sign_out(token)
        click = BackMsg()
        click.rerun_script.page_name = "team"
        click.rerun_script.fragment_id = "home"
        state = click.rerun_script.widget_states.widgets.add()
        state.id, state.trigger_value = "$$ID-made-up-explore", True
        assert "You are signed out" in told(made, click)
        with db.read() as session:
            assert session.exec(select(Member)).all() == before


def test_a_lower_role_counts_from_the_next_click(inside: Hub):
    token = enter(Role.ADMIN)
    enter(Role.ADMIN)
    with socket(inside, token) as made:
        assert "Add a member" in draw(made, "team")
        with db.write() as session:
            number = session.exec(
                select(LoginSession.member_id).where(LoginSession.token_hash == sessions._hashed(token))
            ).one()
            team.set_role(session, COMMAND_LINE, number, Role.VIEWER)
        seen = draw(made, "team")
        assert "Viewer" in seen and "Add a member" not in seen


def test_of_a_strangers_click_only_the_wish_to_see_the_page_is_left():
    click = BackMsg()
    click.rerun_script.page_script_hash = "abc"
    click.rerun_script.query_string = "state=open"
    click.rerun_script.fragment_id = "now"
    state = click.rerun_script.widget_states.widgets.add()
    state.id, state.trigger_value = "send", True
    left = BackMsg()
    left.ParseFromString(drawn_anew(click.SerializeToString()) or b"")
    assert (left.rerun_script.page_script_hash, left.rerun_script.query_string) == ("abc", "state=open")
    assert not left.rerun_script.widget_states.widgets and not left.rerun_script.fragment_id
    upload = BackMsg()
    upload.file_urls_request.session_id = "x"
    for said in (upload.SerializeToString(), BackMsg(clear_cache=True).SerializeToString(), b"\xff\xff", b""):
        assert drawn_anew(said) is None


def test_nobody_dodges_the_slowing_down_by_naming_another_address(inside: Hub):
    """The server under us would believe any proxy on this machine."""
    enter()
    for number in range(sessions.FREE_TRIES + 1):
        answer = httpx.post(
            f"{inside.url}/signin",
            data={"email": f"guess{number}@example.org", "password": "falsch"},
            headers={"X-Forwarded-For": f"203.0.113.{number}"},
        )
    assert answer.status_code == 429


def test_nonsense_in_the_socket_harms_nobody(inside: Hub):
    token = enter()
    with socket(inside, token) as made:
        made.send(b"\xff\xfe nonsense")
        with pytest.raises((ConnectionClosed, TimeoutError)):
            while True:
                made.recv(timeout=1)
    assert asked(inside, "GET", "/_stcore/health", token).text == "ok"
