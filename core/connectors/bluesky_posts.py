"""Bluesky's posts as the hub's messages: views of the AppView in, safe text and numbers out. Pure.

Source: the lexicons app.bsky.feed.defs#postView, app.bsky.actor.defs, app.bsky.embed.*.
"""

from collections.abc import Iterator
from datetime import datetime
from typing import Any

import regex

from core.connectors import facets
from core.connectors.atproto import AtUri, Json, mapping, moment, objects
from core.connectors.base import Author, Kind, RemoteMedia, RemoteMessage
from core.errors import Rejected

POST = "app.bsky.feed.post"
WEB = "https://bsky.app"
COUNTS = {"likes": "likeCount", "shares": "repostCount", "comments": "replyCount", "quotes": "quoteCount"}

# Control characters, and the marks that turn the direction of what follows: they fake names and addresses.
_UNWANTED = regex.compile(r"[\p{Cc}\p{Cs}\u202A-\u202E\u2066-\u2069&&[^\n\t]]", regex.V1)


def clean(text: object) -> str:
    """Plain text from the network, line breaks kept."""
    plain = text if isinstance(text, str) else ""
    return _UNWANTED.sub("", plain.replace("\r\n", "\n").replace("\r", "\n"))


def one_line(text: object) -> str:
    """A name: cleaned, without line breaks."""
    return " ".join(clean(text).split())


def web_url(uri: str) -> str | None:
    """Where people read a post in a browser; None for what isn't a post."""
    try:
        repo, collection, rkey = AtUri.parse(uri)
    except Rejected:
        return None
    return f"{WEB}/profile/{repo}/post/{rkey}" if collection == POST else None


def author(view: Json, followers: int | None = None) -> Author:
    """A contact out of a profile view of any size."""
    did = one_line(view.get("did"))
    handle = one_line(view.get("handle"))
    count = view.get("followersCount", followers)
    return Author(
        remote_id=did,
        handle=handle,
        name=one_line(view.get("displayName")) or handle,
        url=f"{WEB}/profile/{did}",
        avatar_url=_address(view.get("avatar")),
        followers=count if isinstance(count, int) else None,
    )


def _address(value: object) -> str | None:
    return value if isinstance(value, str) and value.lower().startswith(("https://", "http://")) else None


def counts(view: Json) -> dict[str, int]:
    """The raw totals of a post view, by the hub's names."""
    found = {ours: view.get(theirs) for ours, theirs in COUNTS.items()}
    return {name: count for name, count in found.items() if isinstance(count, int)}


def refs(record: Json) -> tuple[str | None, str | None]:
    """(root, parent) addresses of what a record replies to."""
    reply = mapping(record.get("reply"))
    root, parent = (mapping(reply.get(name)).get("uri") for name in ("root", "parent"))
    return root if isinstance(root, str) else None, parent if isinstance(parent, str) else None


def sort_time(view: Json) -> datetime | None:
    """When it was written as far as that can be believed: never later than it was first seen."""
    written, seen = moment(mapping(view.get("record")).get("createdAt")), moment(view.get("indexedAt"))
    return min(written, seen) if written and seen else written or seen


def message(
    view: Json, own_did: str, kind: Kind = Kind.MENTION, thread_id: str | None = None, followers: int | None = None
) -> RemoteMessage | None:
    """One post view as a message; None where it lacks what a message needs."""
    uri, record, by = view.get("uri"), mapping(view.get("record")), mapping(view.get("author"))
    sent_at = sort_time(view)
    if not isinstance(uri, str) or sent_at is None or not isinstance(by.get("did"), str):
        return None
    root, parent = refs(record)
    langs = record.get("langs")
    return RemoteMessage(
        remote_id=uri,
        thread_id=thread_id or root or uri,
        kind=kind,
        author=author(by, followers),
        text=full_text(view),
        sent_at=sent_at,
        is_own=by["did"] == own_did,
        url=web_url(uri),
        uri=uri,
        reply_to=parent,
        language=langs[0] if isinstance(langs, list) and langs and isinstance(langs[0], str) else None,
        media=tuple(_media(mapping(view.get("embed")))),
        metrics=counts(view),
    )


def full_text(view: Json) -> str:
    """The text with its links in full, and below it the links that only the card or quotation carries."""
    text = clean(facets.expanded(mapping(view.get("record"))))
    beside = [link for link in _embedded_links(mapping(view.get("embed"))) if link not in text]
    return "\n".join([text, *beside]).strip()


def _embedded_links(embed: Json) -> Iterator[str]:
    card = _address(mapping(embed.get("external")).get("uri"))
    if card:
        yield clean(card)
    quoted = mapping(embed.get("record"))
    uri = quoted.get("uri") or mapping(quoted.get("record")).get("uri")  # recordWithMedia nests it once more
    address = web_url(uri) if isinstance(uri, str) else None
    if address:
        yield clean(address)
    if isinstance(embed.get("media"), dict):
        yield from _embedded_links(embed["media"])


def _media(embed: Json) -> Iterator[RemoteMedia]:
    for image in objects(embed.get("images")):
        if address := _address(image.get("fullsize")):
            yield RemoteMedia(address, "image", clean(image.get("alt")))
    if address := _address(embed.get("playlist")):
        yield RemoteMedia(address, "video", clean(embed.get("alt")))
    if isinstance(embed.get("media"), dict):
        yield from _media(embed["media"])


def searched_text(view: Json) -> tuple[str, set[str]]:
    """(text, hashtags) that a query is held against: what is written, its links, its images' alt texts."""
    record = mapping(view.get("record"))
    alts = [media.alt for media in _media(mapping(view.get("embed")))]
    return "\n".join([clean(record.get("text")), full_text(view), *alts]), facets.tags_of(record)


def thread_above(node: Any) -> list[Json]:
    """The post views above a thread node (getPostThread), nearest first, up to the first that can't be seen."""
    above: list[Json] = []
    parent = mapping(mapping(node).get("parent"))
    while isinstance(parent.get("post"), dict):
        above.append(parent["post"])
        parent = mapping(parent.get("parent"))
    return above
