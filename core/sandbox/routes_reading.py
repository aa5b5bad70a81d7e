"""Reading: accounts, timelines, search, notifications, conversations and what the server says of itself.

Each function is one page of docs.joinmastodon.org/methods; lists page with max_id, since_id, min_id and a Link header.
"""
# ruff: noqa: S608 - values are always bound; only literals and question marks are put together

import re
from typing import Any

from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from core.sandbox import rules
from core.sandbox.call import Call, endpoint
from core.sandbox.rules import VISIBLE, ApiError
from core.sandbox.store import Row, marks

VERSION = "4.5.0+socialhub.sandbox"
TITLE = "Social Hub Sandbox"
DESCRIPTION = "Sandbox – invented people. Nothing here reaches the outside."

# --- accounts ---------------------------------------------------------------------------------------------------------


async def verify_credentials(call: Call) -> Response:
    """GET /api/v1/accounts/verify_credentials."""
    return JSONResponse(call.render.own_account(call.network.account(call.viewer)))


async def lookup(call: Call) -> Response:
    """GET /api/v1/accounts/lookup?acct=."""
    host = call.box.base.partition("//")[2]
    row = call.network.find_account(call.params.text("acct").removesuffix(f"@{host}"))
    if row is None:
        raise ApiError(404, "Record not found")
    return JSONResponse(call.render.account(row))


async def account(call: Call) -> Response:
    """GET /api/v1/accounts/:id."""
    return JSONResponse(call.render.account(call.network.account(call.id())))


async def account_statuses(call: Call) -> Response:
    """GET /api/v1/accounts/:id/statuses."""
    who = call.network.account(call.id())["id"]
    sql = f"SELECT s.* FROM status s WHERE s.account_id = ? AND {VISIBLE}"
    values: list[Any] = [who, call.viewer, call.viewer]
    if call.params.flag("exclude_replies"):  # answers to oneself, a thread, stay: as on Mastodon
        sql += " AND (s.in_reply_to IS NULL OR s.in_reply_to_account = s.account_id)"
    if call.params.flag("exclude_reblogs"):
        sql += " AND s.reblog_of IS NULL"
    if call.params.flag("only_media"):
        sql += " AND EXISTS (SELECT 1 FROM media m WHERE m.status_id = s.id)"
    if call.params.text("tagged"):
        sql += " AND EXISTS (SELECT 1 FROM tag t WHERE t.status_id = s.id AND t.tag = ?)"
        values.append(call.params.text("tagged").lower())
    return _statuses(call, sql, values)


def _statuses(call: Call, sql: str, values: list[Any]) -> Response:
    paging = call.params.paging(20, 40)
    rows = call.network.store.listed(sql, values, "s.id", paging)
    return call.page(call.render.statuses(rows), [row["id"] for row in rows], paging)


# --- timelines --------------------------------------------------------------------------------------------------------


async def home(call: Call) -> Response:
    """GET /api/v1/timelines/home: our own and those we follow."""
    sql = (
        "SELECT s.* FROM status s WHERE s.account_id IN "
        f"(SELECT target_id FROM follow WHERE account_id = ? UNION SELECT ?) AND {VISIBLE}"
    )
    return _statuses(call, sql, [call.viewer] * 4)


async def public(call: Call) -> Response:
    """GET /api/v1/timelines/public: no answers, no boosts."""
    sql = "SELECT s.* FROM status s WHERE s.visibility = 'public' AND s.in_reply_to IS NULL AND s.reblog_of IS NULL"
    return _statuses(call, sql, [])


async def tag(call: Call) -> Response:
    """GET /api/v1/timelines/tag/:hashtag with any[], all[], none[]."""
    names = [call.request.path_params["tag"], *call.params.texts("any")]
    wanted = list(dict.fromkeys(name.lower().lstrip("#") for name in names))
    sql = (
        f"SELECT s.* FROM status s WHERE s.id IN (SELECT status_id FROM tag WHERE tag IN ({marks(wanted)})) "
        "AND s.visibility = 'public'"
    )
    values: list[Any] = wanted
    for name in call.params.texts("all"):
        sql += " AND EXISTS (SELECT 1 FROM tag t WHERE t.status_id = s.id AND t.tag = ?)"
        values.append(name.lower())
    for name in call.params.texts("none"):
        sql += " AND NOT EXISTS (SELECT 1 FROM tag t WHERE t.status_id = s.id AND t.tag = ?)"
        values.append(name.lower())
    return _statuses(call, sql, values)


# --- search -----------------------------------------------------------------------------------------------------------


async def search(call: Call) -> Response:
    """GET /api/v2/search: all words must occur, a "quoted phrase" as it stands; newest first."""
    query = call.params.text("q").strip()
    if not query:
        raise ApiError(400, "Validation failed: Search can't be blank")
    kind = call.params.text("type")
    limit = max(1, min(call.params.number("limit") or 20, 40))
    wanted = {kind} if kind else {"accounts", "statuses", "hashtags"}
    return JSONResponse(
        {
            "accounts": _search_accounts(call, query, limit) if "accounts" in wanted else [],
            "statuses": _search_statuses(call, query, limit) if "statuses" in wanted else [],
            "hashtags": _search_tags(call, query, limit) if "hashtags" in wanted else [],
        }
    )


def _search_statuses(call: Call, query: str, limit: int) -> list[Any]:
    base = re.escape(call.box.base)
    address = re.match(rf"{base}/(?:@[^/]+|users/[^/]+/statuses)/(\d{{1,18}})$", query)
    if address:
        try:
            return [call.render.status(call.network.status(int(address[1]), call.viewer))]
        except ApiError:
            return []
    words = [part[0] or part[1] for part in re.findall(r'"([^"]+)"|(\S+)', query)]
    match = " ".join('"' + word.replace('"', "") + '"' for word in words if re.search(r"\w", word))
    if not match or not call.viewer:
        return []  # Mastodon, too, searches texts only for those who have signed in
    sql = (
        "SELECT s.* FROM status s WHERE s.id IN (SELECT rowid FROM words WHERE words MATCH ?) "
        f"AND {VISIBLE} AND s.reblog_of IS NULL"
    )
    values: list[Any] = [match, call.viewer, call.viewer]
    if call.params.number("account_id"):
        sql += " AND s.account_id = ?"
        values.append(call.params.number("account_id"))
    for name, sign in (("max_id", "<"), ("min_id", ">")):
        if call.params.number(name):
            sql += f" AND s.id {sign} ?"
            values.append(call.params.number(name))
    sql += " ORDER BY s.id DESC LIMIT ? OFFSET ?"
    rows = call.network.store.all(sql, *values, limit, call.params.number("offset") or 0)
    return call.render.statuses(rows)


def _search_accounts(call: Call, query: str, limit: int) -> list[Any]:
    like = "%" + query.lstrip("@").lower().replace("%", "") + "%"
    sql = "SELECT * FROM account WHERE acct LIKE ? OR lower(name) LIKE ? ORDER BY channel DESC, followers DESC LIMIT ?"
    return [call.render.account(row) for row in call.network.store.all(sql, like, like, limit)]


def _search_tags(call: Call, query: str, limit: int) -> list[Any]:
    start = query.lstrip("#").lower()
    sql = "SELECT DISTINCT tag FROM tag WHERE tag >= ? AND tag < ? LIMIT ?"
    rows = call.network.store.all(sql, start, start + "\U0010ffff", limit)
    return [{"name": row[0], "url": f"{call.box.base}/tags/{row[0]}", "history": []} for row in rows]


# --- notifications ----------------------------------------------------------------------------------------------------


async def notifications(call: Call) -> Response:
    """GET /api/v1/notifications with types[], exclude_types[] and account_id."""
    sql = "SELECT * FROM notification WHERE account_id = ?"
    types, without = call.params.texts("types"), call.params.texts("exclude_types")
    if types:
        sql += f" AND type IN ({marks(types)})"
    if without:
        sql += f" AND type NOT IN ({marks(without)})"
    values: list[Any] = [call.viewer, *types, *without]
    if call.params.number("account_id"):
        sql += " AND from_id = ?"
        values.append(call.params.number("account_id"))
    paging = call.params.paging(40, 80)
    rows = call.network.store.listed(sql, values, "id", paging)
    return call.page(call.render.notifications(rows), [row["id"] for row in rows], paging)


def _notification(call: Call) -> Row:
    sql = "SELECT * FROM notification WHERE id = ? AND account_id = ?"
    row = call.network.store.one(sql, call.id(), call.viewer)
    if row is None:
        raise ApiError(404, "Record not found")
    return row


async def notification(call: Call) -> Response:
    """GET /api/v1/notifications/:id."""
    return JSONResponse(call.render.notifications([_notification(call)])[0])


async def dismiss(call: Call) -> Response:
    """POST /api/v1/notifications/:id/dismiss."""
    call.network.store.run("DELETE FROM notification WHERE id = ?", _notification(call)["id"])
    return JSONResponse({})


async def clear(call: Call) -> Response:
    """POST /api/v1/notifications/clear."""
    call.network.store.run("DELETE FROM notification WHERE account_id = ?", call.viewer)
    return JSONResponse({})


# --- conversations ----------------------------------------------------------------------------------------------------


async def conversations(call: Call) -> Response:
    """GET /api/v1/conversations: direct messages by thread; pages by the id of the last status."""
    paging = call.params.paging(20, 40)
    sql = "SELECT * FROM conversation WHERE account_id = ?"
    rows = call.network.store.listed(sql, [call.viewer], "last_status_id", paging)
    return call.page(call.render.conversations(rows), [row["last_status_id"] for row in rows], paging)


def _conversation(call: Call) -> Row:
    sql = "SELECT * FROM conversation WHERE id = ? AND account_id = ?"
    row = call.network.store.one(sql, call.id(), call.viewer)
    if row is None:
        raise ApiError(404, "Record not found")
    return row


async def read_conversation(call: Call) -> Response:
    """POST /api/v1/conversations/:id/read."""
    row = _conversation(call)
    call.network.store.run("UPDATE conversation SET unread = 0 WHERE id = ?", row["id"])
    return JSONResponse(call.render.conversations([_conversation(call)])[0])


async def drop_conversation(call: Call) -> Response:
    """DELETE /api/v1/conversations/:id."""
    call.network.store.run("DELETE FROM conversation WHERE id = ?", _conversation(call)["id"])
    return JSONResponse({})


# --- the server -------------------------------------------------------------------------------------------------------


def _configuration() -> dict[str, Any]:
    return {
        "accounts": {"max_featured_tags": 10},
        "statuses": {
            "max_characters": rules.MAX_CHARACTERS,
            "max_media_attachments": rules.MAX_MEDIA,
            "characters_reserved_per_url": 23,
        },
        "media_attachments": {
            "description_limit": rules.MAX_DESCRIPTION,
            "image_matrix_limit": rules.MAX_IMAGE_PIXELS,
            "image_size_limit": rules.MAX_IMAGE_BYTES,
            "supported_mime_types": [*rules.IMAGE_TYPES, *rules.VIDEO_TYPES],
            "video_size_limit": rules.MAX_VIDEO_BYTES,
            "video_frame_rate_limit": rules.MAX_FRAME_RATE,
            "video_matrix_limit": rules.MAX_VIDEO_PIXELS,
        },
        "polls": {
            "max_options": 0,
            "max_characters_per_option": 0,
            "min_expiration": 300,
            "max_expiration": 2629746,
        },
    }


async def instance_v2(call: Call) -> Response:
    """GET /api/v2/instance; `configuration.sandbox` is ours alone."""
    base = call.box.base
    configuration = _configuration() | {
        "urls": {"streaming": None, "status": None, "about": base, "privacy_policy": None, "terms_of_service": None},
        "vapid": {"public_key": ""},
        "translation": {"enabled": False},
        "sandbox": {"idempotency": call.network.idempotency},
    }
    return JSONResponse(
        {
            "domain": base.partition("//")[2],
            "title": TITLE,
            "version": VERSION,
            "source_url": "https://github.com/social-hub/sandbox",
            "description": DESCRIPTION,
            "usage": {"users": {"active_month": _people(call)}},
            "thumbnail": {"url": f"{base}/avatars/header.svg"},
            "icon": [],
            "languages": ["de", "en"],
            "configuration": configuration,
            "registrations": {"enabled": False, "approval_required": False, "message": None, "url": None},
            "api_versions": {"mastodon": 6},
            "contact": {"email": "sandbox@invented.example", "account": None},
            "rules": [{"id": "1", "text": "Everybody here is invented.", "hint": ""}],
        }
    )


def _people(call: Call) -> int:
    return int(call.network.store.value("SELECT count(*) FROM account"))


async def instance_v1(call: Call) -> Response:
    """GET /api/v1/instance."""
    base = call.box.base
    newest = call.network.store.value("SELECT count(*) FROM status")
    return JSONResponse(
        {
            "uri": base.partition("//")[2],
            "title": TITLE,
            "short_description": DESCRIPTION,
            "description": DESCRIPTION,
            "email": "sandbox@invented.example",
            "version": VERSION,
            "urls": {"streaming_api": None},
            "stats": {"user_count": _people(call), "status_count": newest, "domain_count": 6},
            "thumbnail": f"{base}/avatars/header.svg",
            "languages": ["de", "en"],
            "registrations": False,
            "approval_required": False,
            "invites_enabled": False,
            "configuration": _configuration(),
            "contact_account": None,
            "rules": [{"id": "1", "text": "Everybody here is invented."}],
        }
    )


ROUTES = [
    Route("/api/v1/accounts/verify_credentials", endpoint(verify_credentials, "read:accounts")),
    Route("/api/v1/accounts/lookup", endpoint(lookup)),
    Route("/api/v1/accounts/{id}", endpoint(account)),
    Route("/api/v1/accounts/{id}/statuses", endpoint(account_statuses)),
    Route("/api/v1/timelines/home", endpoint(home, "read:statuses")),
    Route("/api/v1/timelines/public", endpoint(public)),
    Route("/api/v1/timelines/tag/{tag}", endpoint(tag)),
    Route("/api/v2/search", endpoint(search)),
    Route("/api/v1/notifications", endpoint(notifications, "read:notifications")),
    Route("/api/v1/notifications/clear", endpoint(clear, "write:notifications"), methods=["POST"]),
    Route("/api/v1/notifications/{id}", endpoint(notification, "read:notifications")),
    Route("/api/v1/notifications/{id}/dismiss", endpoint(dismiss, "write:notifications"), methods=["POST"]),
    Route("/api/v1/conversations", endpoint(conversations, "read:statuses")),
    Route("/api/v1/conversations/{id}", endpoint(drop_conversation, "write:conversations"), methods=["DELETE"]),
    Route("/api/v1/conversations/{id}/read", endpoint(read_conversation, "write:conversations"), methods=["POST"]),
    Route("/api/v1/instance", endpoint(instance_v1)),
    Route("/api/v2/instance", endpoint(instance_v2)),
]
