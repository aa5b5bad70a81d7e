"""What the gate and the sign-in know about a visitor: their cookie, whence their request comes."""

from http.cookies import CookieError, SimpleCookie
from urllib.parse import urlsplit

from starlette.datastructures import Headers
from starlette.responses import Response

from core.services.sessions import COOKIE, SESSION_LIFE
from core.settings import settings

HERE_ONLY = frozenset({"localhost", "127.0.0.1", "::1"})


def token_of(headers: Headers) -> str | None:
    """The session token out of the cookie header."""
    try:
        cookie = SimpleCookie(headers.get("cookie", ""))
    except CookieError:
        return None
    return cookie[COOKIE].value if COOKIE in cookie else None


def set_cookie(answer: Response, token: str) -> None:
    """Hand the token over, for as long as a session lives unused; scripts can't read it, other sites can't send it."""
    answer.set_cookie(
        COOKIE,
        token,
        max_age=int(SESSION_LIFE.total_seconds()),
        httponly=True,
        samesite="lax",
        secure=settings().base_url.startswith("https://"),
        path="/",
    )


def same_origin(headers: Headers) -> bool:
    """Whether a request comes from our own pages. Browsers say so; what says nothing is no browser's other tab."""
    site = headers.get("sec-fetch-site")
    if site is not None:
        return site in ("same-origin", "none")
    origin = headers.get("origin")
    return origin is None or urlsplit(origin).netloc in (headers.get("host"), urlsplit(settings().base_url).netloc)


def expected_host(headers: Headers) -> bool:
    """Whether the hub is called by a name of its own, when it serves this machine only.

    A stranger's name that was pointed at this machine (DNS rebinding) is of the “same origin” as itself.
    """
    if settings().host not in HERE_ONLY:
        return True
    name = urlsplit(f"//{headers.get('host', '')}").hostname
    return name in HERE_ONLY or name == urlsplit(settings().base_url).hostname


def inside(address: str) -> str:
    """A path of the hub to go to after signing in; "/" for anything else, so that no link leads people elsewhere."""
    plain = address.startswith("/") and not address.startswith("//") and "\\" not in address and address.isprintable()
    return address if plain else "/"
