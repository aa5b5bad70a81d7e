"""What one account does about another (docs.joinmastodon.org/methods/accounts: follow, mute, block, relationships)."""

from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from core.sandbox import relations
from core.sandbox.call import Call, Handler, endpoint
from core.sandbox.rules import ApiError


async def relationships(call: Call) -> Response:
    """GET /api/v1/accounts/relationships?id[]=…: one for each account that exists."""
    known = [i for i in dict.fromkeys(call.params.numbers("id")) if _exists(call, i)]
    return JSONResponse([relations.relationship(call.network.store, call.viewer, i) for i in known])


def _exists(call: Call, account_id: int) -> bool:
    return call.network.store.one("SELECT 1 FROM account WHERE id = ?", account_id) is not None


def _done(kind: str) -> Handler:
    async def run(call: Call) -> Response:
        target = call.network.account(call.id())
        if target["id"] == call.viewer:
            raise ApiError(403, "This action is not allowed")
        if kind == "follow":
            _may_follow(call, target["id"])
            call.network.follow(call.viewer, target)
        else:
            relations.tie(call.network.store, kind, call.viewer, target["id"])
        return _now(call, target["id"])

    return run


def _may_follow(call: Call, target_id: int) -> None:
    store = call.network.store
    if relations.tied(store, "block", target_id, call.viewer) or relations.tied(store, "block", call.viewer, target_id):
        raise ApiError(403, "This action is not allowed")


def _undone(kind: str) -> Handler:
    async def run(call: Call) -> Response:
        target = call.network.account(call.id())
        relations.untie(call.network.store, kind, call.viewer, target["id"])
        return _now(call, target["id"])

    return run


def _now(call: Call, target_id: int) -> Response:
    return JSONResponse(relations.relationship(call.network.store, call.viewer, target_id))


_A = "/api/v1/accounts"
_SCOPES = {"follow": "write:follows", "mute": "write:mutes", "block": "write:blocks"}
ROUTES = [
    Route(f"{_A}/relationships", endpoint(relationships, "read:follows")),
    *(
        Route(f"{_A}/{{id}}/{name}", endpoint(handler(kind), scope), methods=["POST"])
        for kind, scope in _SCOPES.items()
        for name, handler in ((kind, _done), (f"un{kind}", _undone))
    ),
]
