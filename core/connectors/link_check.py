"""Whether a link of ours leads somewhere, and the card that networks make of it. Guarded, bounded, brief; no secrets.

Used by the worker alone: a page of the hub never waits for somebody else's server.
"""

from contextlib import closing
from dataclasses import dataclass

from core.connectors import link_card
from core.connectors.http import Fault, Http, Look

PICTURE_BYTES = 3_000_000  # of a card; more isn't fetched
THUMB = (480, 480)  # pixels at most; what is kept is for a preview
GONE = (404, 410)


@dataclass(frozen=True)
class LinkReport:
    """`ok` None: it can't be told (a server that shuts out programs). `said` is a sentence where it isn't well."""

    ok: bool | None
    status: int
    said: str = ""
    title: str = ""
    description: str = ""
    image: bytes | None = None  # a small JPEG
    again: bool = False  # a fault that may pass: worth another look soon


_FAULTS = {
    Fault.NAME: LinkReport(False, 0, "Nobody has this address. Check how it is written."),
    Fault.PRIVATE: LinkReport(None, 0, "It is on a private network, so the hub doesn't look at it."),
    Fault.SLOW: LinkReport(None, 0, "The page didn't answer in time.", again=True),
    Fault.LOOP: LinkReport(False, 0, "The page redirects without end."),
    Fault.BROKEN: LinkReport(None, 0, "The page can't be reached.", again=True),
}


def check(url: str, allowed_hosts: frozenset[str] = frozenset(), http: Http | None = None) -> LinkReport:
    """Look at a page, at most about ten seconds. Never raises. `http` is for tests."""
    parts = url.split("#", maxsplit=1)[0]
    client = http or Http(parts, allowed_hosts=allowed_hosts)
    with closing(client):
        seen = client.look(parts, link_card.PAGE_BYTES)
        if seen.fault is not None:
            return _FAULTS[seen.fault]
        if seen.answer is None:
            return _refused(seen)
        card = link_card.card_of(client, seen.url, seen.answer, PICTURE_BYTES)
    if card is None:
        return LinkReport(True, seen.status)
    return LinkReport(True, seen.status, "", card.title, card.description, _thumb(card.image))


def _refused(seen: Look) -> LinkReport:
    if seen.status in GONE:
        return LinkReport(False, seen.status, "The page isn't there (any more).")
    if seen.status >= 500:
        return LinkReport(None, seen.status, f"The page has a fault of its own ({seen.status}).", again=True)
    return LinkReport(None, seen.status, f"The page doesn't let the hub look at it ({seen.status}). Try it yourself.")


def _thumb(data: bytes | None) -> bytes | None:
    """Small, and nothing but pixels; None for what is no picture."""
    if not data:
        return None
    import warnings
    from io import BytesIO

    from PIL import Image

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            with Image.open(BytesIO(data), formats=("JPEG", "PNG", "WEBP")) as picture:
                picture.draft("RGB", THUMB)
                picture.thumbnail(THUMB)
                out = BytesIO()
                picture.convert("RGB").save(out, "JPEG", quality=80)
    except Exception:  # whatever a decoder stumbles over: a card without a picture
        return None
    return out.getvalue()
