"""Writing, reading and reacting to statuses (docs.joinmastodon.org/methods/statuses) and uploads (methods/media)."""
# ruff: noqa: S608 - values are always bound; only literals and question marks are put together

import warnings
from io import BytesIO

from starlette.datastructures import UploadFile
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from core.sandbox import rules
from core.sandbox.call import Call, endpoint
from core.sandbox.entities import stamp
from core.sandbox.rules import VISIBLE, ApiError, Entry
from core.sandbox.store import Row, marks


async def create(call: Call) -> Response:
    """POST /api/v1/statuses."""
    params = call.params
    for missing in ("scheduled_at", "poll"):
        if missing in params or any(f"{missing}[{part}]" in params for part in ("options", "expires_in")):
            raise ApiError(422, f"Validation failed: {missing} is not part of the sandbox")
    account = call.network.account(call.viewer)
    token = call.token
    entry = Entry(
        account_id=call.viewer,
        text=params.text("status"),
        visibility=params.text("visibility") or "public",
        in_reply_to=params.number("in_reply_to_id"),
        media=tuple(params.numbers("media_ids")),
        language=params.text("language") or account["language"],
        spoiler=params.text("spoiler_text"),
        sensitive=params.flag("sensitive") or bool(params.text("spoiler_text")),
        app_id=token["app_id"] if token else None,
    )
    status = call.network.post(entry, call.request.headers.get("idempotency-key"))
    return JSONResponse(call.render.status(status))


async def several(call: Call) -> Response:
    """GET /api/v1/statuses?id[]=…: those that exist and may be seen, in the order asked for."""
    ids = call.params.numbers("id")[:40]
    sql = f"SELECT s.* FROM status s WHERE s.id IN ({marks(ids)}) AND {VISIBLE}"
    found = {row["id"]: row for row in call.network.store.all(sql, *ids, call.viewer, call.viewer)}
    return JSONResponse(call.render.statuses([found[i] for i in dict.fromkeys(ids) if i in found]))


async def show(call: Call) -> Response:
    """GET /api/v1/statuses/:id."""
    return JSONResponse(call.render.status(call.network.status(call.id(), call.viewer)))


def own(call: Call) -> Row:
    """The status in the path, which must be the viewer's. Raises `ApiError` 404 (as Mastodon) if it isn't."""
    status = call.network.status(call.id(), call.viewer)
    if status["account_id"] != call.viewer:
        raise ApiError(404, "Record not found")
    return status


async def update(call: Call) -> Response:
    """PUT /api/v1/statuses/:id. As at Mastodon, it states the whole post: images that aren't named are taken away."""
    status, params = own(call), call.params
    changed = call.network.edit(
        status,
        params.text("status"),
        params.text("spoiler_text"),
        params.numbers("media_ids"),
        sensitive=params.flag("sensitive"),
        language=params.text("language") or status["language"],
    )
    return JSONResponse(call.render.status(changed))


async def remove(call: Call) -> Response:
    """DELETE /api/v1/statuses/:id: the deleted status with its source text."""
    status = own(call)
    entity = call.render.status(status) | {"text": status["text"]}
    call.network.delete(status)
    return JSONResponse(entity)


async def source(call: Call) -> Response:
    """GET /api/v1/statuses/:id/source."""
    status = own(call)
    return JSONResponse({"id": str(status["id"]), "text": status["text"], "spoiler_text": status["spoiler"]})


async def history(call: Call) -> Response:
    """GET /api/v1/statuses/:id/history: every wording, oldest first."""
    status = call.network.status(call.id(), call.viewer)
    entity = call.render.status(status)
    edits = call.network.store.all("SELECT * FROM edit WHERE status_id = ? ORDER BY id", status["id"])
    wordings = [(row["at"], row["text"], row["spoiler"]) for row in edits]
    wordings.append((status["edited_at"] or status["created_at"], status["text"], status["spoiler"]))
    return JSONResponse(
        [
            {
                "content": call.render.html(text, call.network.mentioned(text)),
                "spoiler_text": spoiler,
                "sensitive": entity["sensitive"],
                "created_at": stamp(at),
                "account": entity["account"],
                "media_attachments": entity["media_attachments"],
                "emojis": [],
            }
            for at, text, spoiler in wordings
        ]
    )


async def context(call: Call) -> Response:
    """GET /api/v1/statuses/:id/context: the way up to the first, and everything below, oldest first."""
    status = call.network.status(call.id(), call.viewer)
    sql = f"SELECT s.* FROM status s WHERE s.thread_id = ? AND {VISIBLE} ORDER BY s.id"
    rows = {r["id"]: r for r in call.network.store.all(sql, status["thread_id"], call.viewer, call.viewer)}
    above: list[Row] = []
    parent = rows.get(status["in_reply_to"])
    while parent is not None:
        above.insert(0, parent)
        parent = rows.get(parent["in_reply_to"])
    below, ids = [], {status["id"]}
    for row in rows.values():  # ids rise with time, so a parent always comes before its answers
        if row["in_reply_to"] in ids:
            ids.add(row["id"])
            below.append(row)
    render = call.render
    return JSONResponse({"ancestors": render.statuses(above), "descendants": render.statuses(below)})


async def favourite(call: Call) -> Response:
    """POST /api/v1/statuses/:id/favourite."""
    status = call.network.status(call.id(), call.viewer)
    call.network.favourite(call.viewer, status)
    return JSONResponse(call.render.status(status))


async def unfavourite(call: Call) -> Response:
    """POST /api/v1/statuses/:id/unfavourite."""
    status = call.network.status(call.id(), call.viewer)
    call.network.unfavourite(call.viewer, status)
    return JSONResponse(call.render.status(status))


async def reblog(call: Call) -> Response:
    """POST /api/v1/statuses/:id/reblog: the boost, with the original in `reblog`."""
    status = call.network.status(call.id(), call.viewer)
    return JSONResponse(call.render.status(call.network.reblog(call.viewer, status)))


async def unreblog(call: Call) -> Response:
    """POST /api/v1/statuses/:id/unreblog."""
    status = call.network.status(call.id(), call.viewer)
    sql = "SELECT * FROM status WHERE reblog_of = ? AND account_id = ?"
    boost = call.network.store.one(sql, status["id"], call.viewer)
    if boost is not None:
        call.network.delete(boost)
    return JSONResponse(call.render.status(status))


async def favourited_by(call: Call) -> Response:
    """GET /api/v1/statuses/:id/favourited_by: those who are known by name."""
    status = call.network.status(call.id(), call.viewer)
    sql = "SELECT a.* FROM favourite f JOIN account a ON a.id = f.account_id WHERE f.status_id = ? LIMIT 80"
    return JSONResponse([call.render.account(row) for row in call.network.store.all(sql, status["id"])])


async def reblogged_by(call: Call) -> Response:
    """GET /api/v1/statuses/:id/reblogged_by."""
    status = call.network.status(call.id(), call.viewer)
    sql = "SELECT a.* FROM status s JOIN account a ON a.id = s.account_id WHERE s.reblog_of = ? LIMIT 80"
    return JSONResponse([call.render.account(row) for row in call.network.store.all(sql, status["id"])])


# --- media ------------------------------------------------------------------------------------------------------------


async def upload(call: Call) -> Response:
    """POST /api/v2/media: an image or video, as multipart. A video is answered with 202: look again for its address."""
    file = call.params.file("file")
    if file is None:
        raise ApiError(422, "Validation failed: File can't be blank")
    description = _description(call)
    body = await _body(file)
    mime, width, height = _look(body)
    store = call.network.store
    media_id = store.insert(
        "media",
        id=store.new_id(rules.millis(call.network.now())),
        account_id=call.viewer,
        mime=mime,
        width=width,
        height=height,
        description=description,
        body=body,
        focus=_focus(call),
    )
    told = call.render.media(_media(call, media_id))
    return JSONResponse(told | {"url": None}, 202) if mime in rules.VIDEO_TYPES else JSONResponse(told)


def _focus(call: Call) -> str | None:
    """As “x,y”, each from -1 to 1."""
    told = call.params.text("focus")
    try:
        x, y = (float(part) for part in (told or "0,0").split(","))
    except ValueError:
        x = y = 2.0
    if not (-1 <= x <= 1 and -1 <= y <= 1):
        raise ApiError(422, "Validation failed: Focus is invalid")
    return f"{x},{y}" if told else None


def _description(call: Call) -> str | None:
    description = call.params.text("description")
    if len(description) > rules.MAX_DESCRIPTION:
        raise ApiError(422, f"Validation failed: Description is too long (maximum is {rules.MAX_DESCRIPTION})")
    return description or None


async def _body(file: UploadFile) -> bytes:
    body = await file.read(rules.MAX_VIDEO_BYTES + 1)
    most = rules.MAX_VIDEO_BYTES if _is_video(body) else rules.MAX_IMAGE_BYTES
    if len(body) > most:
        megabytes = most // 1024**2
        raise ApiError(422, f"Validation failed: File must be less than {megabytes} MB")
    return body


def _look(body: bytes) -> tuple[str, int, int]:
    """Type, width and height. Pillow reads only the head; it is imported late to keep the server small."""
    from PIL import Image, UnidentifiedImageError

    if _is_video(body):
        return _look_at_video(body)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            with Image.open(BytesIO(body), formats=("JPEG", "PNG", "GIF", "WEBP")) as image:
                mime, (width, height) = Image.MIME[image.format or ""], image.size
    except (UnidentifiedImageError, OSError, ValueError, KeyError, Image.DecompressionBombError) as error:
        raise ApiError(422, "Validation failed: File content type is invalid") from error
    if width * height > rules.MAX_IMAGE_PIXELS:
        raise ApiError(422, f"Validation failed: {width}x{height} images are not supported")
    return mime, width, height


def _is_video(body: bytes) -> bool:
    return body[4:8] == b"ftyp" or body[:4] == b"\x1aE\xdf\xa3"


def _look_at_video(body: bytes) -> tuple[str, int, int]:
    import av

    try:
        with av.open(BytesIO(body)) as opened:
            stream = opened.streams.video[0]
            return "video/webm" if "webm" in opened.format.name else "video/mp4", stream.width, stream.height
    except Exception as error:  # whatever a decoder stumbles over
        raise ApiError(422, "Validation failed: File content type is invalid") from error


def _media(call: Call, media_id: int) -> Row:
    sql = "SELECT id, status_id, mime, width, height, description, focus FROM media WHERE id = ? AND account_id = ?"
    row = call.network.store.one(sql, media_id, call.viewer)
    if row is None:
        raise ApiError(404, "Record not found")
    return row


async def show_media(call: Call) -> Response:
    """GET /api/v1/media/:id."""
    return JSONResponse(call.render.media(_media(call, call.id())))


async def update_media(call: Call) -> Response:
    """PUT /api/v1/media/:id: a new description and focus, until it is attached."""
    row = _media(call, call.id())
    if row["status_id"]:
        raise ApiError(404, "Record not found")
    focus = _focus(call) or row["focus"]
    sql = "UPDATE media SET description = ?, focus = ? WHERE id = ?"
    call.network.store.run(sql, _description(call), focus, row["id"])
    return JSONResponse(call.render.media(_media(call, row["id"])))


_S = "/api/v1/statuses"
ROUTES = [
    Route(_S, endpoint(create, "write:statuses"), methods=["POST"]),
    Route(_S, endpoint(several), methods=["GET"]),
    Route(f"{_S}/{{id}}", endpoint(show), methods=["GET"]),
    Route(f"{_S}/{{id}}", endpoint(update, "write:statuses"), methods=["PUT"]),
    Route(f"{_S}/{{id}}", endpoint(remove, "write:statuses"), methods=["DELETE"]),
    Route(f"{_S}/{{id}}/source", endpoint(source, "read:statuses"), methods=["GET"]),
    Route(f"{_S}/{{id}}/history", endpoint(history), methods=["GET"]),
    Route(f"{_S}/{{id}}/context", endpoint(context), methods=["GET"]),
    Route(f"{_S}/{{id}}/favourite", endpoint(favourite, "write:favourites"), methods=["POST"]),
    Route(f"{_S}/{{id}}/unfavourite", endpoint(unfavourite, "write:favourites"), methods=["POST"]),
    Route(f"{_S}/{{id}}/reblog", endpoint(reblog, "write:statuses"), methods=["POST"]),
    Route(f"{_S}/{{id}}/unreblog", endpoint(unreblog, "write:statuses"), methods=["POST"]),
    Route(f"{_S}/{{id}}/favourited_by", endpoint(favourited_by), methods=["GET"]),
    Route(f"{_S}/{{id}}/reblogged_by", endpoint(reblogged_by), methods=["GET"]),
    Route("/api/v2/media", endpoint(upload, "write:media"), methods=["POST"]),
    Route("/api/v1/media", endpoint(upload, "write:media"), methods=["POST"]),
    Route("/api/v1/media/{id}", endpoint(show_media, "write:media"), methods=["GET"]),
    Route("/api/v1/media/{id}", endpoint(update_media, "write:media"), methods=["PUT"]),
]
