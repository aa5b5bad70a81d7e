"""The authorization code flow with PKCE, as a hub goes through it."""

import base64
import hashlib
import re
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest

from core.sandbox.plan import CHANNELS, HELP
from core.sandbox.serve import Sandbox

from .conftest import Client

BACK = "http://localhost:8501/oauth/callback?x=1"
VERIFIER = "a-verifier-that-is-long-enough-to-be-allowed-by-the-rfc"
CHALLENGE = base64.urlsafe_b64encode(hashlib.sha256(VERIFIER.encode()).digest()).rstrip(b"=").decode()


@pytest.fixture
def app(box: Sandbox, coffee: Client) -> dict[str, str]:
    made = {"client_name": "Social Hub", "redirect_uris": BACK, "scopes": "read write"}
    found: dict[str, str] = coffee.call("POST", "/api/v1/apps", data=made)
    return found


def asked(app: dict[str, str], **changes: str) -> dict[str, str]:
    return {
        "client_id": app["client_id"],
        "redirect_uri": BACK,
        "response_type": "code",
        "scope": "read write",
        "state": "s&t",
        "code_challenge": CHALLENGE,
        "code_challenge_method": "S256",
    } | changes


def allow(browser: httpx.Client, box: Sandbox, app: dict[str, str]) -> str:
    """Go through the page as a browser would; the code."""
    page = browser.get(f"{box.url}/oauth/authorize", params=asked(app))
    assert page.status_code == 200
    assert "Sandbox: allow Social Hub?" in page.text
    assert all(channel.name in page.text for channel in CHANNELS)
    choice = re.search(r'value="(\d+)"[^>]*>\s*<img[^>]*brachvogel_hilfe', page.text)
    assert choice
    form = asked(app) | {"account_id": choice[1], "decision": "allow"}
    answer = browser.post(f"{box.url}/oauth/authorize", data=form)
    assert answer.status_code == 303
    assert answer.headers["location"].startswith(BACK + "&")
    query = parse_qs(urlsplit(answer.headers["location"]).query)
    assert query["state"] == ["s&t"]
    return query["code"][0]


def exchange(browser: httpx.Client, box: Sandbox, app: dict[str, str], code: str, **changes: str) -> httpx.Response:
    form = {
        "grant_type": "authorization_code",
        "client_id": app["client_id"],
        "client_secret": app["client_secret"],
        "redirect_uri": BACK,
        "code": code,
        "code_verifier": VERIFIER,
    }
    return browser.post(f"{box.url}/oauth/token", data=form | changes)


def test_sign_in_use_and_revoke(browser: httpx.Client, box: Sandbox, app: dict[str, str]) -> None:
    answer = exchange(browser, box, app, allow(browser, box, app))
    assert answer.status_code == 200
    given = answer.json()
    assert (given["token_type"], given["scope"]) == ("Bearer", "read write")
    headers = {"Authorization": f"Bearer {given['access_token']}"}
    me = browser.get(f"{box.url}/api/v1/accounts/verify_credentials", headers=headers)
    assert me.json()["acct"] == HELP
    post = browser.post(f"{box.url}/api/v1/statuses", json={"status": "Moin"}, headers=headers)
    assert post.json()["application"]["name"] == "Social Hub"
    basic = (app["client_id"], app["client_secret"])
    browser.post(f"{box.url}/oauth/revoke", data={"token": given["access_token"]}, auth=basic).raise_for_status()
    again = browser.get(f"{box.url}/api/v1/accounts/verify_credentials", headers=headers)
    assert again.status_code == 401


def test_a_code_is_good_once(browser: httpx.Client, box: Sandbox, app: dict[str, str]) -> None:
    code = allow(browser, box, app)
    assert exchange(browser, box, app, code).status_code == 200
    assert exchange(browser, box, app, code).json()["error"] == "invalid_grant"


@pytest.mark.parametrize(
    "wrong", [{"code_verifier": "something else"}, {"code_verifier": ""}, {"redirect_uri": "http://evil.example/"}]
)
def test_a_wrong_verifier_or_address_gets_nothing_and_burns_the_code(
    browser: httpx.Client, box: Sandbox, app: dict[str, str], wrong: dict[str, str]
) -> None:
    code = allow(browser, box, app)
    answer = exchange(browser, box, app, code, **wrong)
    assert (answer.status_code, answer.json()["error"]) == (400, "invalid_grant")
    assert exchange(browser, box, app, code).status_code == 400


def test_a_wrong_secret_is_refused(browser: httpx.Client, box: Sandbox, app: dict[str, str]) -> None:
    answer = exchange(browser, box, app, allow(browser, box, app), client_secret="guess")
    assert (answer.status_code, answer.json()["error"]) == (401, "invalid_client")


@pytest.mark.parametrize(
    "wrong",
    [
        {"redirect_uri": "http://evil.example/"},
        {"client_id": "unknown"},
        {"scope": "follow"},
        {"code_challenge_method": "plain"},
        {"response_type": "token"},
    ],
)
def test_what_does_not_fit_is_said_on_a_page_and_never_redirected(
    browser: httpx.Client, box: Sandbox, app: dict[str, str], wrong: dict[str, str]
) -> None:
    for send in (
        lambda: browser.get(f"{box.url}/oauth/authorize", params=asked(app, **wrong)),
        lambda: browser.post(f"{box.url}/oauth/authorize", data=asked(app, decision="allow", account_id="1", **wrong)),
    ):
        answer = send()
        assert answer.status_code == 400
        assert "location" not in answer.headers


def test_saying_no_comes_back_as_an_error(browser: httpx.Client, box: Sandbox, app: dict[str, str]) -> None:
    answer = browser.post(f"{box.url}/oauth/authorize", data=asked(app, decision="deny"))
    assert parse_qs(urlsplit(answer.headers["location"]).query)["error"] == ["access_denied"]
