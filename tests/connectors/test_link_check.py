"""Looking at links: what each answer means, the card, and that nobody is sent into a private network."""

from io import BytesIO

import httpx
import pytest
from PIL import Image

from core.connectors.http import Http
from core.connectors.link_check import THUMB, check

PAGE = """<html><head><title>Neue Röstung</title><meta property="og:description" content="Mild &amp; fein">
<meta property="og:image" content="/bild.png"></head></html>"""


def picture() -> bytes:
    out = BytesIO()
    Image.new("RGBA", (1200, 630), (200, 30, 30, 120)).save(out, "PNG")
    return out.getvalue()


def looked(answer: object, url: str = "https://shop.example/kaffee") -> object:
    def handler(request: httpx.Request) -> httpx.Response:
        if isinstance(answer, Exception):
            raise answer
        if callable(answer):
            return answer(request)
        return answer  # type: ignore[return-value]

    return check(url, http=Http("https://shop.example", transport=httpx.MockTransport(handler)))


def test_a_page_with_a_card_and_a_small_picture():
    def site(request: httpx.Request) -> httpx.Response:
        if request.url.path == "/bild.png":
            return httpx.Response(200, content=picture(), headers={"content-type": "image/png"})
        assert request.url.fragment == ""
        return httpx.Response(200, text=PAGE, headers={"content-type": "text/html; charset=utf-8"})

    report = looked(site, "https://shop.example/kaffee#mild")
    assert (report.ok, report.status, report.title, report.description) == (True, 200, "Neue Röstung", "Mild & fein")
    with Image.open(BytesIO(report.image)) as thumb:
        assert thumb.format == "JPEG" and thumb.width <= THUMB[0]


@pytest.mark.parametrize(
    ("answer", "ok", "again", "words"),
    [
        (httpx.Response(404), False, False, "isn't there"),
        (httpx.Response(410), False, False, "isn't there"),
        (httpx.Response(403), None, False, "doesn't let the hub"),
        (httpx.Response(503), None, True, "fault of its own"),
        (httpx.ConnectError("The name shop.example can't be found."), False, False, "Nobody has this address"),
        (httpx.ReadTimeout("slow"), None, True, "in time"),
        (httpx.Response(302, headers={"location": "https://shop.example/kaffee"}), False, False, "without end"),
        (httpx.Response(200, content=b"%PDF", headers={"content-type": "application/pdf"}), True, False, ""),
    ],
)
def test_what_an_answer_means(answer: object, ok: bool | None, again: bool, words: str):
    report = looked(answer)
    assert (report.ok, report.again) == (ok, again)
    assert words in report.said


@pytest.mark.parametrize(
    "url", ["http://127.0.0.1:8591/", "http://localhost/", "http://169.254.169.254/latest", "http://[::1]/"]
)
def test_private_networks_are_not_looked_at(url: str):
    report = check(url)
    assert report.ok is None and "private network" in report.said and not report.again


def test_a_redirect_into_a_private_network_ends_there():
    from core.connectors import http as door

    asked: list[str] = []

    class Guarded(httpx.HTTPTransport):
        """The first answer is a redirect; whatever follows takes the real way, with its guard."""

        def handle_request(self, request: httpx.Request) -> httpx.Response:
            asked.append(request.url.host)
            if request.url.host == "shop.example":
                return httpx.Response(302, headers={"location": "http://127.0.0.1:1/secret"})
            return door._transport(frozenset(), False).handle_request(request)

    report = check("https://shop.example/", http=Http("https://shop.example", transport=Guarded()))
    assert asked == ["shop.example", "127.0.0.1"]
    assert report.ok is None and "private network" in report.said


def test_a_picture_that_is_none_leaves_a_card_without():
    def site(request: httpx.Request) -> httpx.Response:
        kind = "image/png" if request.url.path.endswith("png") else "text/html"
        return httpx.Response(
            200, content=PAGE.encode() if kind == "text/html" else b"no", headers={"content-type": kind}
        )

    report = looked(site)
    assert report.ok and report.title and report.image is None
