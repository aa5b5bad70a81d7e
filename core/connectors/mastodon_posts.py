"""The entities of the Mastodon API as the hub's own words. Pure; tolerates missing fields and unknown ones.

https://docs.joinmastodon.org/entities/Status/ · …/Account/ · …/V1_Instance/ · …/Instance/
"""

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote, urlsplit

from core.connectors.base import Author, Kind, Limits, RemoteMedia, RemoteMessage, Replay
from core.connectors.html import plain, to_text

Json = dict[str, Any]

MEDIA_KINDS = {"image": "image", "gifv": "video", "video": "video", "audio": "audio"}
REPLAY_WINDOW = 3300.0  # seconds: Mastodon keeps an Idempotency-Key for an hour
GENUINE = re.compile(r"https://github\.com/mastodon/mastodon(?:\.git)?(?:/|$)", re.IGNORECASE)
# https://docs.joinmastodon.org/api/rate-limits/ names requests; posts: `RateLimiter::FAMILIES` in Mastodon's source.
QUOTA_POSTS, QUOTA_SECONDS = 300, 3 * 3600.0
URL_LENGTH = 23  # what a link counts, where the server doesn't say


def mapping(value: Any) -> Json:
    """The value if it is a JSON object, else an empty one."""
    return value if isinstance(value, dict) else {}


def objects(value: Any) -> list[Json]:
    """The objects in a JSON list; anything else is passed over."""
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []


def word(value: Any) -> str:
    """A string or number as text; anything else is empty."""
    return str(value) if isinstance(value, str | int) and not isinstance(value, bool) else ""


def moment(value: Any) -> datetime | None:
    """An ISO time, aware UTC."""
    try:
        parsed = datetime.fromisoformat(word(value))
    except ValueError:
        return None
    return parsed.astimezone(UTC) if parsed.tzinfo else parsed.replace(tzinfo=UTC)


def path(*parts: str) -> str:
    """An address of the API: its first part as it stands, the others (ids, hashtags) made safe to stand in one."""
    return "/".join([parts[0], *(quote(part, safe="") for part in parts[1:])])


def web(value: Any) -> str | None:
    """An http(s) address, or nothing."""
    text = word(value)
    return text if text.lower().startswith(("https://", "http://")) else None


def count(value: Any) -> int:
    """A number of people or acts; never below zero."""
    return max(value, 0) if isinstance(value, int) and not isinstance(value, bool) else 0


def full_handle(account: Json, host: str) -> str:
    """`user@host`, lower case: a local account's name gets the server's host."""
    acct = word(account.get("acct") or account.get("username")).lstrip("@").lower()
    return acct if "@" in acct else f"{acct}@{host}"


def author(account: Json, host: str) -> Author:
    """A contact."""
    handle = full_handle(account, host)
    followers = account.get("followers_count")
    return Author(
        remote_id=handle,
        handle=f"@{handle}",
        name=plain(word(account.get("display_name"))) or word(account.get("username")),
        url=web(account.get("url")),
        avatar_url=web(account.get("avatar_static") or account.get("avatar")),
        followers=count(followers) if isinstance(followers, int) else None,
    )


def text_of(status: Json) -> str:
    """Text with the content warning before it and a poll's choices after it."""
    parts = [plain(word(status.get("spoiler_text"))), to_text(word(status.get("content")))]
    parts += [f"○ {plain(word(o.get('title')))}" for o in objects(mapping(status.get("poll")).get("options"))]
    return "\n".join(part for part in parts if part)


def metrics(status: Json) -> dict[str, int]:
    """Raw totals; a measure that the server doesn't give is missing."""
    names = {
        "likes": "favourites_count",
        "shares": "reblogs_count",
        "comments": "replies_count",
        "quotes": "quotes_count",
    }
    return {ours: count(status[theirs]) for ours, theirs in names.items() if isinstance(status.get(theirs), int)}


def media(status: Json) -> tuple[RemoteMedia, ...]:
    """What is attached, by address."""
    found = []
    for item in objects(status.get("media_attachments")):
        url = web(item.get("url") or item.get("remote_url") or item.get("preview_url"))
        if url:
            kind = MEDIA_KINDS.get(word(item.get("type")), "file")
            found.append(RemoteMedia(url, kind, plain(word(item.get("description")))))
    return tuple(found)


def message(status: Json, host: str, own_id: str, thread_id: str = "", kind: Kind | None = None) -> RemoteMessage:
    """A status as a message. Without a `thread_id` it stands for itself."""
    account = mapping(status.get("account"))
    remote_id = word(status.get("id"))
    is_own = word(account.get("id")) == own_id
    direct = status.get("visibility") == "direct"
    uri = word(status.get("uri"))
    return RemoteMessage(
        remote_id=remote_id,
        thread_id=thread_id or remote_id,
        kind=kind or (Kind.DIRECT if direct else Kind.MENTION),
        author=author(account, host),
        text=text_of(status),
        sent_at=moment(status.get("created_at")) or datetime.now(UTC),
        is_own=is_own,
        url=web(status.get("url")) or web(uri),
        uri=uri or None,
        reply_to=word(status.get("in_reply_to_id")) or None,
        edited_at=moment(status.get("edited_at")),
        language=word(status.get("language")) or None,
        media=media(status),
        metrics=metrics(status),
    )


def tags(status: Json) -> list[str]:
    """Hashtags, without their sign."""
    return [word(tag.get("name")) for tag in objects(status.get("tags"))]


def host_of(base_url: str) -> str:
    """The host, with its port where one is given, as it stands behind local names."""
    return urlsplit(base_url).netloc.lower()


def limits(told: Mapping[str, Any]) -> Limits:
    """`/api/v2/instance` or `/api/v1/instance`: limits, or the published ones where it doesn't tell."""
    base = Limits()
    settings = mapping(told.get("configuration"))
    statuses, files = mapping(settings.get("statuses")), mapping(settings.get("media_attachments"))
    types = files.get("supported_mime_types")
    replay = _replay(told)
    # Pleroma and its kin put theirs beside the configuration.
    return Limits(
        text_length=_first(statuses.get("max_characters"), told.get("max_toot_chars")) or base.text_length,
        url_length=_url_length(statuses),
        images=_first(statuses.get("max_media_attachments"), told.get("max_media_attachments")) or base.images,
        image_bytes=_first(files.get("image_size_limit"), told.get("upload_limit")) or base.image_bytes,
        image_pixels=_first(files.get("image_matrix_limit")),
        image_types=tuple(t for t in base.image_types if isinstance(types, list) and t in types) or base.image_types,
        alt_length=_first(files.get("description_limit"), told.get("description_limit")) or base.alt_length,
        **_videos(told, files),
        replay=replay,
        replay_window=REPLAY_WINDOW if replay is Replay.KEY else 0.0,
        quota_posts=QUOTA_POSTS if genuine(told) else None,
        quota_seconds=QUOTA_SECONDS if genuine(told) else 0.0,
    )


def _first(*values: Any) -> int | None:
    """The first that is a number above zero."""
    return next((v for v in values if isinstance(v, int) and not isinstance(v, bool) and v > 0), None)


def _url_length(statuses: Json) -> int | None:
    """Zero is said by servers that count links like any text."""
    told = statuses.get("characters_reserved_per_url")
    return None if told == 0 and told is not False else _first(told) or URL_LENGTH


def _videos(told: Mapping[str, Any], files: Json) -> Json:
    """What of `Limits` is about videos: one in a post where the server names a size and a type, else none."""
    base, types = Limits(), files.get("supported_mime_types")
    kinds = tuple(t for t in base.video_types if t in types) if isinstance(types, list) else base.video_types
    size = _first(files.get("video_size_limit"), None if "video_size_limit" in files else told.get("upload_limit"))
    if size is None or not kinds:
        return {"videos": 0}
    return {
        "videos": 1,
        "video_bytes": size,
        "video_types": kinds,
        "video_pixels": _first(files.get("video_matrix_limit")),
        "video_frame_rate": _first(files.get("video_frame_rate_limit")),
    }


def _replay(told: Mapping[str, Any]) -> Replay:
    """Only servers known to honour Idempotency-Key: genuine Mastodon, and our sandbox, which says so of itself."""
    says = mapping(mapping(told.get("configuration")).get("sandbox")).get("idempotency") is True
    return Replay.KEY if says or genuine(told) else Replay.NONE


def genuine(told: Mapping[str, Any]) -> bool:
    """Whether an instance's description is that of Mastodon itself, not of a server that speaks its API."""
    return bool(GENUINE.match(word(told.get("source_url")))) and "compatible" not in word(told.get("version"))
