"""The strings behind the stage, `/_sandbox/…`: only with the admin token. For tests, training and the demo.

POST faults, GET faults, DELETE faults[/id] · POST say, like, edit, delete, follow · POST revoke, token ·
GET, POST mode · GET writes · GET history?channel= · POST seed.
"""

import hmac
import json
import secrets
from collections.abc import Awaitable, Callable
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from core.sandbox.call import Box
from core.sandbox.entities import Renderer, stamp
from core.sandbox.faults import Fault, Faults
from core.sandbox.rules import ApiError, Entry, millis
from core.sandbox.store import Row
from core.sandbox.voices import LANGUAGE, Voices

Given = dict[str, Any]
Handler = Callable[[Box, Given], Awaitable[Any]]


def _guarded(handler: Handler) -> Callable[[Request], Awaitable[Response]]:
    async def run(request: Request) -> Response:
        box: Box = request.app.state.box
        token = request.headers.get("authorization", "").removeprefix("Bearer ")
        if not hmac.compare_digest(token.encode(), box.admin_token.encode()):
            return JSONResponse({"error": "The admin token is missing or wrong."}, 401)
        try:
            given = dict(request.query_params) | dict(request.path_params)
            body = await request.body()
            given |= json.loads(body) if body else {}
            return JSONResponse(await handler(box, given))
        except ApiError as error:
            return JSONResponse({"error": error.message}, error.status)
        except (ValueError, KeyError, TypeError) as error:
            return JSONResponse({"error": f"{type(error).__name__}: {error}"}, 422)

    return run


def _faults(box: Box) -> Faults:
    if box.faults is None:
        raise ApiError(500, "This server was built without faults.")
    return box.faults


async def add_fault(box: Box, given: Given) -> Any:
    """POST faults: an order, see `faults.Fault`."""
    return _faults(box).add(Fault.read(given)).to_json()


async def list_faults(box: Box, given: Given) -> Any:
    """GET faults: all orders with their hits."""
    return [fault.to_json() for fault in _faults(box).orders]


async def drop_faults(box: Box, given: Given) -> Any:
    """DELETE faults or faults/:id."""
    wanted = given.get("id")
    _faults(box).orders[:] = [f for f in _faults(box).orders if wanted is not None and f.id != int(wanted)]
    return {}


def _status(box: Box, given: Given, key: str = "id") -> Row:
    row = box.network.store.one("SELECT * FROM status WHERE id = ?", int(given[key]))
    if row is None:
        raise ApiError(404, "Record not found")
    return row


async def say(box: Box, given: Given) -> Any:
    """POST say {who, text, in_reply_to?, to?, visibility?, media?}: a contact writes; the Status.

    `to` is a handle that is mentioned; an answer mentions whom it answers. `media` is a number of pictures.
    """
    network = box.network
    who = network.contact(given["who"])
    below = _status(box, given, "in_reply_to") if given.get("in_reply_to") else None
    to = network.find_account(given["to"]) if given.get("to") else None
    if given.get("to") and to is None:
        raise ApiError(404, f"Nobody is called {given['to']}")
    if below is not None and to is None and below["account_id"] != who["id"]:
        to = network.account(below["account_id"])
    visibility = given.get("visibility") or (below["visibility"] if below else "public")
    voices = Voices(network, network.rng)
    media = tuple(voices.picture(who, who["language"]) for _ in range(int(given.get("media") or 0)))
    status = voices.say(who, given["text"], to=to, below=below, visibility=visibility, media=media)
    return Renderer(network, box.base, who["id"]).status(status)


async def like(box: Box, given: Given) -> Any:
    """POST like {id, who? | count?, reblog?}: contacts like (or boost) a status; the Status."""
    network, status = box.network, _status(box, given)
    names = [given["who"]] if given.get("who") else _some_contacts(box, int(given.get("count", 1)))
    for name in names:
        who = network.contact(name)
        if given.get("reblog"):
            network.reblog(who["id"], status)
        else:
            network.favourite(who["id"], status)
    return Renderer(network, box.base).status(status)


def _some_contacts(box: Box, count: int) -> list[str]:
    rows = box.network.store.all("SELECT acct FROM account WHERE channel = 0 ORDER BY id LIMIT ?", count)
    return [row[0] for row in rows]


async def follow(box: Box, given: Given) -> Any:
    """POST follow {who, to}: a contact follows a channel."""
    target = box.network.find_account(given["to"])
    if target is None:
        raise ApiError(404, f"Nobody is called {given['to']}")
    box.network.follow(box.network.contact(given["who"])["id"], target)
    return {}


async def edit(box: Box, given: Given) -> Any:
    """POST edit {id, text}: the author changes the wording; the Status."""
    status = box.network.edit(_status(box, given), given["text"])
    return Renderer(box.network, box.base, status["account_id"]).status(status)


async def delete(box: Box, given: Given) -> Any:
    """POST delete {id}: the author deletes it."""
    box.network.delete(_status(box, given))
    return {}


async def revoke(box: Box, given: Given) -> Any:
    """POST revoke {token, restore?}: the token is refused with 401 from now on, or good again."""
    good = int(not given.get("restore"))
    changed = box.network.store.changed("UPDATE token SET revoked = ? WHERE token = ?", good, given["token"])
    if not changed:
        raise ApiError(404, "There is no such token.")
    return {"revoked": bool(good)}


async def token(box: Box, given: Given) -> Any:
    """POST token {handle, scopes?}: a fresh access token for one of the channels."""
    account = box.network.find_account(given["handle"])
    if account is None or not account["channel"]:
        raise ApiError(404, f"No channel is called {given['handle']}")
    made = secrets.token_urlsafe(24)
    box.network.store.insert(
        "token",
        token=made,
        account_id=account["id"],
        scopes=given.get("scopes", "read write follow push"),
        created_at=millis(box.network.now()),
    )
    return {"token": made}


async def mode(box: Box, given: Given) -> Any:
    """GET or POST mode {idempotency?, life?, speed?, rate_limit?}: how the server behaves; the mode as it is now.

    `life`: people write by themselves and new posts gain likes. `rate_limit`: requests in five minutes for each token.
    """
    network = box.network
    if "idempotency" in given:
        network.idempotency = bool(given["idempotency"])
        network.store.remember("idempotency", str(int(network.idempotency)))
    if "life" in given:
        network.life = box.live = bool(given["life"])
    if "speed" in given:
        network.clock.speed = float(given["speed"])
    if "rate_limit" in given:
        box.rate_limit = int(given["rate_limit"])
        box.used.clear()
    box.wake()
    return {
        "idempotency": network.idempotency,
        "life": box.live,
        "speed": network.clock.speed,
        "rate_limit": box.rate_limit,
    }


async def writes(box: Box, given: Given) -> Any:
    """GET writes: every accepted POST /api/v1/statuses, oldest first. `after` leaves out earlier entries."""
    sql = "SELECT j.*, a.acct FROM journal j JOIN account a ON a.id = j.account_id WHERE j.id > ? ORDER BY j.id"
    return [
        {
            "id": row["id"],
            "at": stamp(row["at"]),
            "key": row["key"],
            "text": row["text"],
            "account": row["acct"],
            "status_id": str(row["status_id"]),
            "replayed": bool(row["replayed"]),
        }
        for row in box.network.store.all(sql, int(given.get("after", 0)))
    ]


async def history(box: Box, given: Given) -> Any:
    """GET history?channel=handle&days=182: daily snapshots {at, followers, following, posts}, oldest first."""
    days = box.network.history(given["channel"], int(given.get("days", 182)))
    return [day._asdict() | {"at": day.at.isoformat()} for day in days]


async def seed(box: Box, given: Given) -> Any:
    """POST seed {handle, count}: many mentions of a channel at once, for measuring; the number written."""
    account = box.network.find_account(given["handle"])
    if account is None:
        raise ApiError(404, f"Nobody is called {given['handle']}")
    voices = Voices(box.network, box.network.rng)
    with box.network.store.writing():
        for _ in range(int(given["count"])):
            who = voices.somebody(given["handle"])
            talk = voices.open_talk(given["handle"], "mentions")
            box.network.publish(Entry(who["id"], talk.text, language=LANGUAGE[given["handle"]]), box.network.now())
    return {"written": int(given["count"])}


def _routes() -> list[Route]:
    posts = {
        "faults": add_fault,
        "say": say,
        "like": like,
        "follow": follow,
        "edit": edit,
        "delete": delete,
        "revoke": revoke,
        "token": token,
        "mode": mode,
        "seed": seed,
    }
    gets = {"faults": list_faults, "mode": mode, "writes": writes, "history": history}
    routes = [Route(f"/_sandbox/{name}", _guarded(handler), methods=["POST"]) for name, handler in posts.items()]
    routes += [Route(f"/_sandbox/{name}", _guarded(handler), methods=["GET"]) for name, handler in gets.items()]
    for path in ("/_sandbox/faults", "/_sandbox/faults/{id:int}"):
        routes.append(Route(path, _guarded(drop_faults), methods=["DELETE"]))
    return routes


ROUTES = _routes()
