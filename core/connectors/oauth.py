"""Connecting to a server of the Mastodon API: registering our application there, and the OAuth code flow with PKCE.

https://docs.joinmastodon.org/client/authorized/ · https://docs.joinmastodon.org/methods/oauth/
"""

import contextlib
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from authlib.common.security import generate_token
from authlib.common.urls import add_params_to_uri
from authlib.oauth2.rfc7636 import create_s256_code_challenge

from core.connectors.base import Credentials
from core.connectors.http import Http
from core.errors import NeedsReauth, NetworkError, Rejected, RemoteGone

CLIENT_NAME = "Social Hub"
WEBSITE = "https://github.com/social-hub/social-hub"
SCOPES = "read write"
LONGEST_TOKEN = 50 * 366 * 86400  # seconds; more is "for ever", and beyond what calendars hold


@dataclass(frozen=True)
class App:
    """Our registration at one server. `client_secret` is a secret: seal it."""

    base_url: str
    client_id: str
    client_secret: str = field(repr=False)
    redirect_uri: str


def new_verifier() -> str:
    """A fresh PKCE verifier (RFC 7636: 43 to 128 characters)."""
    return str(generate_token(64))


def register_app(base_url: str, redirect_uri: str, allowed_hosts: frozenset[str] = frozenset()) -> App:
    """Register at the server. Needs no sign-in; the server keeps it for good."""
    with contextlib.closing(Http(base_url, allowed_hosts=allowed_hosts)) as http:
        told = http.write(
            "POST",
            "/api/v1/apps",
            repeatable=True,
            data={"client_name": CLIENT_NAME, "redirect_uris": redirect_uri, "scopes": SCOPES, "website": WEBSITE},
        ).json()
    return App(base_url, _need(told, "client_id"), _need(told, "client_secret"), redirect_uri)


def still_known(app: App, allowed_hosts: frozenset[str] = frozenset()) -> bool:
    """Whether the server still has our registration; False only where it says that it hasn't."""
    with contextlib.closing(Http(app.base_url, allowed_hosts=allowed_hosts)) as http:
        try:
            http.write(
                "POST",
                "/oauth/token",
                repeatable=True,
                data={
                    "grant_type": "client_credentials",
                    "client_id": app.client_id,
                    "client_secret": app.client_secret,
                    "redirect_uri": app.redirect_uri,
                    "scope": "read",
                },
            )
        except NeedsReauth:
            return False
        except (Rejected, RemoteGone) as error:  # a server that doesn't know this kind of grant may well know us
            return error.code != "invalid_client"
    return True


def authorize_url(app: App, state: str, verifier: str) -> str:
    """Where to send the browser, so that the person can allow access there."""
    return str(
        add_params_to_uri(
            f"{app.base_url}/oauth/authorize",
            [
                ("response_type", "code"),
                ("client_id", app.client_id),
                ("redirect_uri", app.redirect_uri),
                ("scope", SCOPES),
                ("state", state),
                ("code_challenge", create_s256_code_challenge(verifier)),
                ("code_challenge_method", "S256"),
            ],
        )
    )


def exchange(app: App, code: str, verifier: str, allowed_hosts: frozenset[str] = frozenset()) -> Credentials:
    """The access token for the code that the browser brought back. Raises `NetworkError` for a used or wrong code."""
    with contextlib.closing(Http(app.base_url, allowed_hosts=allowed_hosts)) as http:
        told = http.write(
            "POST",
            "/oauth/token",
            repeatable=True,
            data={
                "grant_type": "authorization_code",
                "client_id": app.client_id,
                "client_secret": app.client_secret,
                "redirect_uri": app.redirect_uri,
                "code": code,
                "code_verifier": verifier,
                "scope": SCOPES,
            },
        ).json()
    token = _need(told, "access_token")
    given = {"access_token": token, "client_id": app.client_id, "client_secret": app.client_secret}
    return given | _end(told)


def _end(told: Any) -> Credentials:
    """When the token ends, where the server says so (RFC 6749, 5.1). Mastodon's own don't end."""
    seconds = told.get("expires_in")
    if not isinstance(seconds, int) or isinstance(seconds, bool) or seconds <= 0:
        return {}
    return {"expires_at": (datetime.now(UTC) + timedelta(seconds=min(seconds, LONGEST_TOKEN))).isoformat()}


def revoke(base_url: str, credentials: Credentials, allowed_hosts: frozenset[str] = frozenset()) -> bool:
    """Give the token back. False where the server doesn't take it (a pasted token has no application of ours)."""
    if "client_id" not in credentials:
        return False
    with contextlib.closing(Http(base_url, allowed_hosts=allowed_hosts)) as http:
        try:
            http.write(
                "POST",
                "/oauth/revoke",
                repeatable=True,
                data={
                    "client_id": credentials["client_id"],
                    "client_secret": credentials["client_secret"],
                    "token": credentials["access_token"],
                },
            )
        except NetworkError:
            return False
    return True


def _need(told: Any, name: str) -> str:
    value = told.get(name) if isinstance(told, dict) else None
    if not isinstance(value, str) or not value:
        raise Rejected("The server's answer isn't that of a Mastodon-API server. Check the address.")
    return value
