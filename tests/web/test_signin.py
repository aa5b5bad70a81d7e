"""The doors that stand open, as a browser meets them: first member, sign-in, sign-out, health."""

import asyncio
from collections.abc import Iterator
from datetime import timedelta
from http.cookies import SimpleCookie
from pathlib import Path
from typing import Any

import httpx
import pytest
import time_machine
from sqlmodel import select
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.responses import PlainTextResponse
from starlette.routing import Route

from core import db
from core.models.team import AuditEntry, Member, Role
from core.services import connecting, health, sessions, team
from core.web import signin
from core.web.gate import Gate
from tests import factories

PASSWORD = "ein langes Passwort"
GIVEN = {"email": "anna@example.org", "password": PASSWORD}
FIRST = {"name": "Anna", **GIVEN}
HTML = {"Accept": "text/html"}


async def _inner(_request: object) -> PlainTextResponse:
    return PlainTextResponse("inside", media_type="text/html")


class Browser:
    """One visitor with a cookie jar, on the gate and its doors; what is behind them just says “inside”."""

    def __init__(self, base_url: str = "http://localhost:8501", address: str = "10.1.1.1") -> None:
        routes = [*signin.ROUTES, Route("/{rest:path}", _inner)]
        app = Starlette(routes=routes, middleware=[Middleware(Gate)])
        self.transport = httpx.ASGITransport(app, client=(address, 4711))
        self.base_url = base_url
        self.cookies = httpx.Cookies()

    def get(self, path: str, headers: dict[str, str] | None = None) -> httpx.Response:
        return asyncio.run(self.ask("GET", path, headers=HTML | (headers or {})))

    def post(self, path: str, data: dict[str, str], headers: dict[str, str] | None = None) -> httpx.Response:
        return asyncio.run(self.ask("POST", path, data=data, headers=HTML | (headers or {})))

    async def ask(self, method: str, path: str, **values: Any) -> httpx.Response:
        async with httpx.AsyncClient(transport=self.transport, base_url=self.base_url, cookies=self.cookies) as client:
            answer = await client.request(method, path, **values)
            self.cookies = client.cookies
        return answer


@pytest.fixture
def anna(hub: Path) -> Iterator[Browser]:
    """A browser in a hub whose only member is Anna; nobody is signed in."""
    with db.write() as session:
        team.create_first_member(session, **FIRST)
    yield Browser()


def cookie(answer: httpx.Response) -> Any:
    return SimpleCookie(answer.headers["set-cookie"])["hub_session"]


def test_the_first_visitor_becomes_the_administrator_and_is_inside(hub: Path):
    browser = Browser()
    assert browser.get("/inbox").headers["location"] == "/welcome"
    assert browser.get("/signin").headers["location"] == "/welcome"
    assert "You are the first here" in browser.get("/welcome").text
    answer = browser.post("/welcome", FIRST)
    assert (answer.status_code, answer.headers["location"]) == (303, "/")
    assert browser.get("/").text == "inside"
    with db.read() as session:
        assert session.exec(select(Member)).one().role is Role.ADMIN
        assert session.exec(select(AuditEntry)).one().action == "member.add"


def test_only_one_can_be_first(hub: Path):
    browser = Browser()

    async def race() -> list[int]:
        asked = [browser.ask("POST", "/welcome", data=FIRST | {"email": f"m{i}@example.org"}) for i in range(3)]
        return sorted(answer.status_code for answer in await asyncio.gather(*asked))

    assert asyncio.run(race()) == [303, 403, 403]
    assert Browser().get("/welcome").headers["location"] == "/signin"
    late = Browser().post("/welcome", FIRST | {"email": "spaet@example.org"})
    assert late.status_code == 403 and "Sign in instead" in late.text
    with db.read() as session:
        assert len(session.exec(select(Member)).all()) == 1


@pytest.mark.parametrize(
    ("values", "told"),
    [({"password": "kurz"}, "10 characters"), ({"email": "kein-at"}, "no e-mail address"), ({"name": " "}, "a name")],
)
def test_a_mistake_at_the_first_visit_is_a_sentence_and_what_was_typed_stays(hub: Path, values: Any, told: str):
    answer = Browser().post("/welcome", FIRST | values)
    assert answer.status_code == 422 and told in answer.text
    assert (FIRST | values)["email"] in answer.text
    assert PASSWORD not in answer.text


def test_a_strangers_name_for_this_machine_founds_nothing(hub: Path):
    answer = Browser("http://evil.example:8501").post("/welcome", FIRST, {"Origin": "http://evil.example:8501"})
    assert answer.status_code == 403 and "address that it printed" in answer.text
    with db.read() as session:
        assert not team.has_members(session)


def test_signing_in_sets_a_cookie_that_scripts_and_other_sites_cannot_use(anna: Browser):
    answer = anna.post("/signin", GIVEN)
    assert (answer.status_code, answer.headers["location"]) == (303, "/")
    made = cookie(answer)
    assert made["httponly"] and made["samesite"] == "lax" and made["path"] == "/" and not made["secure"]
    assert int(made["max-age"]) == 14 * 24 * 3600 and len(made.value) >= 43
    assert anna.get("/").text == "inside"
    assert anna.get("/signin").headers["location"] == "/"


def test_behind_https_the_cookie_never_travels_in_the_clear(anna: Browser, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("HUB_PUBLIC_URL", "https://hub.example.org/")
    db.reset()
    assert cookie(anna.post("/signin", GIVEN))["secure"]


def test_whoever_comes_every_other_week_stays_signed_in(anna: Browser):
    anna.post("/signin", GIVEN)
    start = db.utc_now()
    for days in (10, 20, 30):
        with time_machine.travel(start + timedelta(days=days), tick=False):
            answer = anna.get("/")
            assert answer.text == "inside"
            assert int(cookie(answer)["max-age"]) == 14 * 24 * 3600
    with time_machine.travel(start + timedelta(days=45), tick=False):
        assert anna.get("/").headers["location"] == "/signin"


def test_one_lands_where_one_wanted_to_go(anna: Browser):
    refused = anna.get("/inbox?state=open&search=a%26b")
    assert refused.status_code == 303
    form = anna.get(refused.headers["location"])
    assert 'name="next" value="/inbox?state=open&amp;search=a%26b"' in form.text
    answer = anna.post("/signin", GIVEN | {"next": "/inbox?state=open&search=a%26b"})
    assert answer.headers["location"] == "/inbox?state=open&search=a%26b"


@pytest.mark.parametrize("next", ["https://evil.example", "//evil.example", "/\\evil.example", "javascript:x", "/a\nb"])
def test_a_link_to_the_sign_in_leads_nobody_elsewhere(anna: Browser, next: str):
    assert anna.post("/signin", GIVEN | {"next": next}).headers["location"] == "/"


def test_a_wrong_password_keeps_the_email_and_says_nothing_of_who_exists(anna: Browser):
    known = anna.post("/signin", GIVEN | {"password": "falsch"})
    unknown = anna.post("/signin", {"email": "niemand@example.org", "password": "falsch"})
    assert known.status_code == unknown.status_code == 401
    assert known.text.replace("anna@", "niemand@") == unknown.text
    assert 'value="anna@example.org"' in known.text and 'role="alert"' in known.text
    assert "set-cookie" not in known.headers


def test_what_is_typed_is_shown_as_text(anna: Browser):
    answer = anna.post("/signin", {"email": '"><script>alert(1)</script>', "password": "x"})
    assert "<script>" not in answer.text and "&lt;script&gt;" in answer.text
    assert "script-src" not in answer.headers["content-security-policy"]
    assert "default-src 'none'" in answer.headers["content-security-policy"]


def test_guessing_is_slowed_down_and_says_how_long(anna: Browser):
    for _ in range(sessions.FREE_TRIES):
        assert anna.post("/signin", GIVEN | {"password": "falsch"}).status_code == 401
    answer = anna.post("/signin", GIVEN)
    assert answer.status_code == 429 and 0 < int(answer.headers["retry-after"]) <= 16
    assert "Wait" in answer.text and 'value="anna@example.org"' in answer.text
    elsewhere = Browser(address="10.2.2.2")
    assert elsewhere.post("/signin", GIVEN).status_code == 429
    with time_machine.travel(db.utc_now() + timedelta(seconds=20)):
        assert anna.post("/signin", GIVEN).status_code == 303


def test_many_guesses_at_once_count_as_many(anna: Browser):
    async def burst() -> list[int]:
        asked = [anna.ask("POST", "/signin", data=GIVEN | {"password": f"falsch {i}"}) for i in range(12)]
        return [answer.status_code for answer in await asyncio.gather(*asked)]

    assert sorted(asyncio.run(burst())) == [401] * sessions.FREE_TRIES + [429] * (12 - sessions.FREE_TRIES)


@pytest.mark.parametrize(
    "headers",
    [
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
        {"Origin": "http://evil.example"},
        {"Origin": "null"},
        {"Origin": "http://localhost:9999"},
    ],
)
def test_a_form_on_another_site_does_nothing(anna: Browser, headers: dict[str, str]):
    assert anna.post("/signin", GIVEN, headers).status_code == 403
    anna.post("/signin", GIVEN)
    assert anna.post("/signout", {}, headers).status_code == 403
    assert anna.get("/").text == "inside"


def test_a_proxy_that_renames_the_host_is_no_other_site(anna: Browser, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("HUB_PUBLIC_URL", "https://hub.example.org")
    db.reset()
    assert anna.post("/signin", GIVEN, {"Origin": "https://hub.example.org"}).status_code == 303


def test_a_form_as_large_as_a_film_is_not_read(anna: Browser):
    assert anna.post("/signin", GIVEN | {"email": "a" * 20_000}).status_code == 413


def test_signing_out_asks_first_and_then_ends_the_session_itself(anna: Browser):
    anna.post("/signin", GIVEN)
    kept = httpx.Cookies(anna.cookies)
    assert "Sign out?" in anna.get("/signout").text
    assert anna.get("/").text == "inside"
    answer = anna.post("/signout", {})
    assert answer.headers["location"] == "/signin"
    anna.cookies = kept  # somebody had copied it
    assert anna.get("/").status_code == 303


def test_health_needs_no_session_and_tells_when_the_worker_is_ill(hub: Path):
    answer = Browser().get("/healthz")
    assert answer.status_code == 503 and answer.json()["database"] is True
    assert answer.json()["worker_age_seconds"] is None
    with db.write() as session:
        health.beat(session, "w1")
    answer = Browser().get("/healthz")
    assert answer.status_code == 200 and answer.json()["ok"] is True
    assert answer.json()["worker_age_seconds"] < 30
    with time_machine.travel(db.utc_now() + timedelta(minutes=5)):
        assert Browser().get("/healthz").status_code == 503


def test_coming_back_from_a_network_counts_only_for_who_set_out(anna: Browser, monkeypatch: pytest.MonkeyPatch):
    finished: list[tuple[str, str, int]] = []
    monkeypatch.setattr(connecting, "finish_oauth", lambda state, code, member: finished.append((state, code, member)))
    stranger = anna.get("/oauth/callback?state=s&code=c")
    assert stranger.status_code == 401 and "Sign in" in stranger.text
    anna.post("/signin", GIVEN)
    assert anna.get("/oauth/callback?error=access_denied&state=s").status_code == 400
    assert not finished
    with db.read() as session:
        member_id = session.exec(select(Member)).one().id
    assert anna.get("/oauth/callback?state=s&code=c").headers["location"] == "/channels"
    assert finished == [("s", "c", member_id)]


def test_a_made_up_way_back_from_a_network_is_a_sentence(anna: Browser):
    anna.post("/signin", GIVEN)
    answer = anna.get("/oauth/callback?state=made-up&code=c")
    assert answer.status_code == 400 and "Not connected" in answer.text


def test_the_sign_in_brings_its_own_style_font_and_mark(anna: Browser):
    page = anna.get("/signin").text
    for path, kind in (
        ("/signin/style.css", "text/css"),
        ("/signin/logo.svg", "image/svg+xml"),
        ("/signin/inter-latin.woff2", "font/woff2"),
    ):
        answer = anna.get(path)
        assert answer.status_code == 200 and answer.headers["content-type"].startswith(kind)
    assert 'href="/signin/style.css"' in page and "inter-latin.woff2" in anna.get("/signin/style.css").text


def test_a_disabled_member_is_out_at_once(anna: Browser):
    anna.post("/signin", GIVEN)
    boss = factories.actor()
    with db.write() as session:
        member_id = session.exec(select(Member.id).where(Member.email == GIVEN["email"])).one()
        team.set_disabled(session, boss, member_id, True)
    assert anna.get("/").status_code == 303
    assert anna.post("/signin", GIVEN).status_code == 401
