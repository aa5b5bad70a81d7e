"""The preview of a web page: its title, description and picture, fetched guarded, bounded and briefly.

For networks where whoever posts also brings the card. A page that can't be read has no card: never an error.
"""

from dataclasses import dataclass
from urllib.parse import urljoin, urlsplit

from core.connectors.http import Answer, Http

PAGE_BYTES = 400_000  # what is of use stands in the head
TITLE_LENGTH, DESCRIPTION_LENGTH = 300, 1000


@dataclass(frozen=True)
class LinkCard:
    """What a page says of itself. `image` is the picture's bytes, at most `image_bytes` of the caller."""

    url: str
    title: str
    description: str = ""
    image: bytes | None = None
    image_type: str = ""


def read_card(http: Http, url: str, image_bytes: int) -> LinkCard | None:
    """The card of a page, or None. `http` must not carry secrets in its headers; takes about 10 s at worst."""
    page = http.page(url, PAGE_BYTES)
    return None if page is None else card_of(http, url, page, image_bytes)


def card_of(http: Http, url: str, page: Answer, image_bytes: int) -> LinkCard | None:
    """The card of a page that was read already, or None."""
    if not _type(page.headers.get("content-type")).startswith(("text/html", "application/xhtml")):
        return None
    said = _head(page.body)
    title = said.get("og:title") or said.get("twitter:title") or said.get("title") or urlsplit(url).hostname or url
    description = said.get("og:description") or said.get("description") or said.get("twitter:description") or ""
    picture = said.get("og:image") or said.get("twitter:image") or ""
    image, image_type = _picture(http, urljoin(url, picture), image_bytes) if picture else (None, "")
    return LinkCard(url, title[:TITLE_LENGTH], description[:DESCRIPTION_LENGTH], image, image_type)


def _head(body: bytes) -> dict[str, str]:
    from bs4 import BeautifulSoup

    soup = BeautifulSoup(body, "html.parser")
    said: dict[str, str] = {}
    for meta in soup.find_all("meta", limit=200):
        name = str(meta.get("property") or meta.get("name") or "").strip().lower()
        content = " ".join(str(meta.get("content") or "").split())
        if name and content:
            said.setdefault(name, content)
    if soup.title is not None:
        said.setdefault("title", " ".join(soup.title.get_text().split()))
    return said


def _picture(http: Http, url: str, limit: int) -> tuple[bytes | None, str]:
    if not url.startswith(("https://", "http://")):
        return None, ""
    answer = http.page(url, limit + 1)
    kind = _type(answer.headers.get("content-type")) if answer else ""
    if answer is None or kind not in ("image/jpeg", "image/png", "image/webp") or not 0 < len(answer.body) <= limit:
        return None, ""
    return answer.body, kind


def _type(header: str | None) -> str:
    return (header or "").partition(";")[0].strip().lower()
