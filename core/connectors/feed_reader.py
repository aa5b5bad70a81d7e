"""RSS and Atom feeds, read guarded and bounded, as plain entries. Parsing is feedparser's.

https://feedparser.readthedocs.io · conditional requests: RFC 9110, 13 (`If-None-Match`, `If-Modified-Since`).
"""

import calendar
import hashlib
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime
from io import BytesIO
from typing import Any

from core.connectors.html import plain, to_text
from core.connectors.http import Fault, Http, Look
from core.errors import Rejected, RemoteGone, RetryLater

MOST_BYTES = 5_000_000
MOST_ENTRIES = 100
SECONDS = 10.0
NOT_A_FEED = "This address isn't an RSS or Atom feed. Look for “RSS” or “Feed” on the site and copy that address."


@dataclass(frozen=True)
class FeedEntry:
    """One entry; texts are plain. `guid_hash` is the same each time it is read, whatever else changes."""

    guid_hash: str
    title: str
    link: str
    summary: str
    at: datetime | None


@dataclass(frozen=True)
class FeedRead:
    """A feed as it stands, newest entries first. `unchanged`: nothing since the last time, `entries` is empty."""

    title: str = ""
    entries: tuple[FeedEntry, ...] = ()
    etag: str = ""
    modified: str = ""
    unchanged: bool = False


def read(
    url: str, etag: str = "", modified: str = "", allowed_hosts: frozenset[str] = frozenset(), http: Http | None = None
) -> FeedRead:
    """Read a feed. `etag` and `modified` as the last reading gave them. `http` is for tests.

    Raises `Rejected` for what is no feed, `RemoteGone` for one that is gone, `RetryLater` for what may pass.
    """
    asked = {"Accept": "application/rss+xml, application/atom+xml, application/xml;q=0.9, */*;q=0.5"}
    asked |= {"If-None-Match": etag} if etag else {}
    asked |= {"If-Modified-Since": modified} if modified else {}
    client = http or Http(url, allowed_hosts=allowed_hosts)
    with closing(client):
        seen = client.look(url, MOST_BYTES, SECONDS, asked)
    if seen.status == 304:
        return FeedRead(etag=etag, modified=modified, unchanged=True)
    if seen.answer is None:
        raise _fault(seen)
    return _parsed(seen)


def _fault(seen: Look) -> Exception:
    if seen.fault is Fault.NAME:
        return Rejected("Nobody has this address. Check how it is written.")
    if seen.fault is Fault.PRIVATE:
        return Rejected("This address is on a private network, so the hub doesn't read it.")
    if seen.fault is not None:
        return RetryLater("The feed can't be reached.")
    if seen.status in (404, 410):
        return RemoteGone("The feed isn't there (any more). Check its address.")
    if seen.status >= 500 or seen.status == 429:
        return RetryLater(f"The feed's server has a fault of its own ({seen.status}).")
    return Rejected(f"The feed's server doesn't let the hub read it ({seen.status}).")


def _parsed(seen: Look) -> FeedRead:
    import feedparser  # type: ignore[import-untyped]

    assert seen.answer is not None
    headers = {name.lower(): value for name, value in seen.answer.headers.items()}
    told: Any = feedparser.parse(
        BytesIO(seen.answer.body),
        response_headers={"content-type": headers.get("content-type", ""), "content-location": seen.url},
        sanitize_html=False,  # `to_text` makes plain text of it
        resolve_relative_uris=True,
    )
    if not told.get("version") and not told.entries:
        raise Rejected(NOT_A_FEED)
    entries = tuple(entry for item in told.entries[:MOST_ENTRIES] if (entry := _entry(item)) is not None)
    newest = sorted(entries, key=lambda entry: entry.at or datetime.min.replace(tzinfo=UTC), reverse=True)
    dated = all(entry.at for entry in entries)
    return FeedRead(
        plain(str(told.feed.get("title", "")))[:120],
        tuple(newest) if dated else entries,
        headers.get("etag", "")[:300],
        headers.get("last-modified", "")[:100],
    )


def _entry(item: Any) -> FeedEntry | None:
    """None for an entry that says nothing."""
    link = str(item.get("link") or "")
    link = link if link.startswith(("https://", "http://")) else ""
    title = " ".join(to_text(str(item.get("title") or "")).split())
    summary = to_text(str(item.get("summary") or ""))
    guid = str(item.get("id") or link or f"{title}\n{summary}")
    if not guid.strip():
        return None
    at = item.get("published_parsed") or item.get("updated_parsed")
    when = datetime.fromtimestamp(calendar.timegm(at), UTC) if at else None
    return FeedEntry(hashlib.sha256(guid.encode()).hexdigest(), title[:300], link[:2000], summary[:5000], when)
