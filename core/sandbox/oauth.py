"""Signing in: apps, the authorization code flow with PKCE, revoking (docs.joinmastodon.org/methods/oauth, RFC 7636)."""

import base64
import hashlib
import hmac
import secrets
from typing import Any
from urllib.parse import urlencode, urlsplit

from starlette.responses import JSONResponse, RedirectResponse, Response
from starlette.routing import Route

from core.sandbox.call import Call, endpoint
from core.sandbox.pages import page
from core.sandbox.rules import ApiError, millis
from core.sandbox.store import Row

OOB = "urn:ietf:wg:oauth:2.0:oob"
CODE_MILLISECONDS = 600_000
TOP_SCOPES = {"read", "write", "follow", "push", "profile"}


async def create_app(call: Call) -> Response:
    """POST /api/v1/apps."""
    name, uris = call.params.text("client_name"), call.params.texts("redirect_uris")
    uris = [uri for line in uris for uri in line.split()]
    if not name or not uris:
        raise ApiError(422, "Validation failed: Application name can't be blank, Redirect URI can't be blank")
    if any(uri != OOB and urlsplit(uri).scheme not in ("http", "https") for uri in uris):
        raise ApiError(422, "Validation failed: Redirect URI must be an absolute URI.")
    scopes = call.params.text("scopes", "read")
    if not _scopes_known(scopes):
        raise ApiError(422, "Validation failed: Scopes doesn't match configured on the server.")
    made = {"client_id": secrets.token_urlsafe(32), "client_secret": secrets.token_urlsafe(32)}
    website = call.params.text("website") or None
    app = call.network.store.insert(
        "app", name=name, website=website, redirect_uris="\n".join(uris), scopes=scopes, **made
    )
    return JSONResponse(
        {
            "id": str(app),
            "name": name,
            "website": website,
            "scopes": scopes.split(),
            "redirect_uris": uris,
            "redirect_uri": "\n".join(uris),
            "vapid_key": "",
            **made,
            "client_secret_expires_at": 0,
        }
    )


def _scopes_known(scopes: str) -> bool:
    return all(scope.partition(":")[0] in TOP_SCOPES for scope in scopes.split())


async def verify_app(call: Call) -> Response:
    """GET /api/v1/apps/verify_credentials."""
    row = call.token and call.network.store.one("SELECT * FROM app WHERE id = ?", call.token["app_id"])
    if not row:
        raise ApiError(401, "The access token is invalid")
    return JSONResponse({"id": str(row["id"]), "name": row["name"], "website": row["website"], "vapid_key": ""})


# --- authorize --------------------------------------------------------------------------------------------------------

ASKED = ("client_id", "redirect_uri", "response_type", "scope", "state", "code_challenge", "code_challenge_method")


class _Refused(Exception):
    pass


def _asked(call: Call) -> tuple[Row, dict[str, str]]:
    """The app and what it asks for. Raises `_Refused`; an address it doesn't know is never redirected to."""
    given = {name: call.params.text(name) for name in ASKED}
    app = call.network.store.one("SELECT * FROM app WHERE client_id = ?", given["client_id"])
    if app is None:
        raise _Refused("Client authentication failed due to unknown client.")
    if given["redirect_uri"] not in app["redirect_uris"].split("\n"):
        raise _Refused("The redirect uri included is not valid.")
    if given["response_type"] != "code":
        raise _Refused("The authorization server does not support this response type.")
    given["scope"] = given["scope"] or "read"
    allowed = set(app["scopes"].split())
    if not all(s in allowed or s.partition(":")[0] in allowed for s in given["scope"].split()):
        raise _Refused("The requested scope is invalid, unknown, or malformed.")
    if given["code_challenge"] and given["code_challenge_method"] != "S256":
        raise _Refused("The code_challenge_method must be S256.")
    return app, given


async def ask(call: Call) -> Response:
    """GET /oauth/authorize: which of the sandbox's channels shall it be?"""
    try:
        app, given = _asked(call)
    except _Refused as error:
        return page("refused.html", status=400, reason=str(error))
    channels = call.network.channels()
    return page("authorize.html", app=app, given=given, channels=channels, base=call.box.base)


async def decide(call: Call) -> Response:
    """POST /oauth/authorize: the form of that page."""
    try:
        app, given = _asked(call)
    except _Refused as error:
        return page("refused.html", status=400, reason=str(error))
    account = call.network.store.one(
        "SELECT id FROM account WHERE channel = 1 AND id = ?", call.params.number("account_id") or 0
    )
    if call.params.text("decision") != "allow" or account is None:
        denied = {"error": "access_denied", "error_description": "The request was denied in the sandbox."}
        return _back(given, denied)
    code = secrets.token_urlsafe(32)
    call.network.store.insert(
        "code",
        code=code,
        app_id=app["id"],
        account_id=account["id"],
        redirect_uri=given["redirect_uri"],
        scopes=given["scope"],
        challenge=given["code_challenge"] or None,
        created_at=millis(call.network.now()),
    )
    if given["redirect_uri"] == OOB:
        return page("code.html", code=code)
    return _back(given, {"code": code})


def _back(given: dict[str, str], answer: dict[str, str]) -> Response:
    if given["redirect_uri"] == OOB:
        return page("refused.html", status=200, reason=answer.get("error_description", ""))
    if given["state"]:
        answer["state"] = given["state"]
    joint = "&" if urlsplit(given["redirect_uri"]).query else "?"
    return RedirectResponse(given["redirect_uri"] + joint + urlencode(answer), status_code=303)


# --- token ------------------------------------------------------------------------------------------------------------


def _wrong(error: str, description: str, status: int = 400) -> Response:
    return JSONResponse({"error": error, "error_description": description}, status)


INVALID_GRANT = (
    "The provided authorization grant is invalid, expired, revoked, does not match the redirection URI "
    "used in the authorization request, or was issued to another client."
)


def _client(call: Call) -> Row | None:
    """The app that identifies itself, in the body or by HTTP Basic."""
    client_id, secret = call.params.text("client_id"), call.params.text("client_secret")
    basic = call.request.headers.get("authorization", "")
    if basic.startswith("Basic "):
        try:
            client_id, _, secret = base64.b64decode(basic[6:]).decode().partition(":")
        except ValueError:
            return None
    app = call.network.store.one("SELECT * FROM app WHERE client_id = ?", client_id)
    if app is None or not hmac.compare_digest(app["client_secret"], secret):
        return None
    return app


async def token(call: Call) -> Response:
    """POST /oauth/token: authorization_code (with PKCE where it was begun) or client_credentials."""
    app = _client(call)
    if app is None:
        return _wrong("invalid_client", "Client authentication failed.", 401)
    grant = call.params.text("grant_type")
    if grant == "client_credentials":
        return _issue(call, app, None, call.params.text("scope", "read"))
    if grant != "authorization_code":
        return _wrong("unsupported_grant_type", "The authorization grant type is not supported.")
    store = call.network.store
    with store.writing():
        code = store.one("SELECT * FROM code WHERE code = ?", call.params.text("code"))
        store.run("DELETE FROM code WHERE code = ?", call.params.text("code"))  # good once, even if it fails
    if code is None or not _fits(call, app, code):
        return _wrong("invalid_grant", INVALID_GRANT)
    return _issue(call, app, code["account_id"], code["scopes"])


def _fits(call: Call, app: Row, code: Row) -> bool:
    fresh = millis(call.network.now()) - code["created_at"] < CODE_MILLISECONDS
    same: bool = code["app_id"] == app["id"] and code["redirect_uri"] == call.params.text("redirect_uri")
    if not code["challenge"]:
        return fresh and same
    digest = hashlib.sha256(call.params.text("code_verifier").encode()).digest()
    proof = base64.urlsafe_b64encode(digest).rstrip(b"=").decode()
    return fresh and same and hmac.compare_digest(proof, code["challenge"])


def _issue(call: Call, app: Row, account_id: int | None, scopes: str) -> Response:
    now = millis(call.network.now())
    made = secrets.token_urlsafe(32)
    call.network.store.insert(
        "token", token=made, app_id=app["id"], account_id=account_id, scopes=scopes, created_at=now
    )
    answer: dict[str, Any] = {"access_token": made, "token_type": "Bearer", "scope": scopes, "created_at": now // 1000}
    return JSONResponse(answer, headers={"cache-control": "no-store"})


async def revoke(call: Call) -> Response:
    """POST /oauth/revoke."""
    app = _client(call)
    if app is None:
        return _wrong("unauthorized_client", "You are not authorized to revoke this token", 403)
    call.network.store.run(
        "UPDATE token SET revoked = 1 WHERE token = ? AND app_id = ?", call.params.text("token"), app["id"]
    )
    return JSONResponse({})


async def metadata(call: Call) -> Response:
    """GET /.well-known/oauth-authorization-server (RFC 8414)."""
    base = call.box.base
    return JSONResponse(
        {
            "issuer": f"{base}/",
            "authorization_endpoint": f"{base}/oauth/authorize",
            "token_endpoint": f"{base}/oauth/token",
            "revocation_endpoint": f"{base}/oauth/revoke",
            "app_registration_endpoint": f"{base}/api/v1/apps",
            "scopes_supported": sorted(TOP_SCOPES),
            "response_types_supported": ["code"],
            "grant_types_supported": ["authorization_code", "client_credentials"],
            "token_endpoint_auth_methods_supported": ["client_secret_basic", "client_secret_post"],
            "code_challenge_methods_supported": ["S256"],
        }
    )


ROUTES = [
    Route("/api/v1/apps", endpoint(create_app), methods=["POST"]),
    Route("/api/v1/apps/verify_credentials", endpoint(verify_app)),
    Route("/oauth/authorize", endpoint(ask)),
    Route("/oauth/authorize", endpoint(decide), methods=["POST"]),
    Route("/oauth/token", endpoint(token), methods=["POST"]),
    Route("/oauth/revoke", endpoint(revoke), methods=["POST"]),
    Route("/.well-known/oauth-authorization-server", endpoint(metadata)),
]
