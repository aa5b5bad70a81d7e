"""One request to the Mastodon API: who asks, with which parameters, how lists page, how answers and errors look."""

import json
import time
from collections import defaultdict
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlencode

from starlette.datastructures import UploadFile
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from core.sandbox.entities import Renderer
from core.sandbox.faults import Faults
from core.sandbox.network import Network
from core.sandbox.rules import ApiError
from core.sandbox.store import Paging, Row

WINDOW = 300  # seconds, as on Mastodon
TRUE = {"1", "true", "on", "yes"}


@dataclass
class Box:
    """What the routes share: the network, its faults, its address and the admin token."""

    network: Network
    base: str
    admin_token: str
    rate_limit: int = 10_000  # requests in WINDOW seconds for each token; Mastodon's 300 would only be in the way
    used: dict[str, int] = field(default_factory=lambda: defaultdict(int))
    window: int = 0
    faults: Faults | None = None
    live: bool = True  # whether people write by themselves
    wake: Callable[[], None] = lambda: None

    def take(self, who: str) -> tuple[int, float]:
        """Count one request; how many are left, and when the window ends (seconds since 1970)."""
        window = int(time.time() // WINDOW)
        if window != self.window:
            self.window, self.used = window, defaultdict(int)
        self.used[who] += 1
        return self.rate_limit - self.used[who], (window + 1) * WINDOW


class Params:
    """Query and body in one, whether the body is a form or JSON. Lists may be `name[]` or a JSON list."""

    def __init__(self, pairs: Sequence[tuple[str, Any]]) -> None:
        self._values: dict[str, list[Any]] = {}
        for name, value in pairs:
            self._values.setdefault(name.removesuffix("[]"), []).append(value)

    @classmethod
    async def read(cls, request: Request) -> "Params":
        """Everything the request says. Raises `ApiError` 400 for JSON that isn't."""
        pairs: list[tuple[str, Any]] = list(request.query_params.multi_items())
        kind = request.headers.get("content-type", "").partition(";")[0].strip()
        if kind == "application/json":
            try:
                body = json.loads(await request.body() or b"{}")
            except ValueError as error:
                raise ApiError(400, "There was a problem parsing the JSON") from error
            for name, value in body.items() if isinstance(body, dict) else ():
                pairs += [(name, v) for v in value] if isinstance(value, list) else [(name, value)]
        elif kind in ("application/x-www-form-urlencoded", "multipart/form-data"):
            pairs += (await request.form()).multi_items()
        return cls(pairs)

    def __contains__(self, name: str) -> bool:
        return name in self._values

    def text(self, name: str, default: str = "") -> str:
        """A text; empty if it isn't there."""
        value = self._values.get(name, [None])[-1]
        return default if value is None or isinstance(value, UploadFile) else str(value)

    def flag(self, name: str) -> bool:
        """Whether a switch is on."""
        return self.text(name).lower() in TRUE

    def number(self, name: str) -> int | None:
        """A whole number or None. Raises `ApiError` 400 for something else."""
        text = self.text(name)
        if not text:
            return None
        if not text.isdecimal() or len(text) > 18:
            raise ApiError(400, f"Invalid value for {name}")
        return int(text)

    def texts(self, name: str) -> list[str]:
        """A list of texts."""
        return [str(value) for value in self._values.get(name, []) if value is not None]

    def numbers(self, name: str) -> list[int]:
        """A list of ids; what isn't a number can't exist and is left out."""
        return [int(value) for value in self.texts(name) if value.isdecimal() and len(value) <= 18]

    def file(self, name: str) -> UploadFile | None:
        """An uploaded file or None."""
        value = self._values.get(name, [None])[-1]
        return value if isinstance(value, UploadFile) else None

    def paging(self, default: int, most: int) -> Paging:
        """limit, max_id, since_id, min_id."""
        limit = self.number("limit")
        size = default if limit is None else max(1, min(limit, most))
        return Paging(size, self.number("max_id"), self.number("since_id"), self.number("min_id"))


@dataclass
class Call:
    """One request, understood."""

    request: Request
    box: Box
    params: Params
    token: Row | None

    @property
    def network(self) -> Network:
        """The network."""
        return self.box.network

    @property
    def viewer(self) -> int:
        """The account that asks; 0 for nobody."""
        return int(self.token["account_id"] or 0) if self.token else 0

    @property
    def render(self) -> Renderer:
        """Makes entities for the viewer."""
        return Renderer(self.box.network, self.box.base, self.viewer)

    def id(self, name: str = "id") -> int:
        """The id in the path. Raises `ApiError` 404 if it can't be one."""
        text = self.request.path_params[name]
        if not text.isdecimal() or len(text) > 18:
            raise ApiError(404, "Record not found")
        return int(text)

    def page(self, entities: list[Any], keys: Sequence[int], paging: Paging) -> JSONResponse:
        """A list with its Link header: `next` is older, `prev` newer, other parameters are kept."""
        response = JSONResponse(entities)
        if keys:
            url = f"{self.box.base}{self.request.url.path}"
            paged = ("max_id", "min_id", "since_id")
            kept = [(k, v) for k, v in self.request.query_params.multi_items() if k not in paged]
            prev = f'<{url}?{urlencode([*kept, ("min_id", max(keys))])}>; rel="prev"'
            older = f'<{url}?{urlencode([*kept, ("max_id", min(keys))])}>; rel="next"'
            full = len(keys) >= paging.limit
            response.headers["link"] = f"{older}, {prev}" if full else prev
        return response


Handler = Callable[[Call], Awaitable[Response]]


def endpoint(handler: Handler, scope: str | None = None) -> Callable[[Request], Awaitable[Response]]:
    """A route for Starlette. `scope` (`read:statuses`) means that a signed-in account with it is needed."""

    async def run(request: Request) -> Response:
        box: Box = request.app.state.box
        scheme, _, secret = request.headers.get("authorization", "").partition(" ")
        who = secret.strip() if scheme.lower() == "bearer" else ""  # Basic is how an app says who it is
        left, until = box.take(who)
        try:
            if left < 0:
                raise ApiError(429, "Too many requests")
            response = await _answer(request, box, handler, scope, who)
        except ApiError as error:
            response = JSONResponse({"error": error.message}, error.status)
        response.headers["x-ratelimit-limit"] = str(box.rate_limit)
        response.headers["x-ratelimit-remaining"] = str(max(0, left))
        response.headers["x-ratelimit-reset"] = time.strftime("%Y-%m-%dT%H:%M:%S.000000Z", time.gmtime(until))
        return response

    return run


async def _answer(request: Request, box: Box, handler: Handler, scope: str | None, who: str) -> Response:
    token = _token(box.network, who) if who else None
    if scope:
        _allowed(token, scope)
    try:
        params = await Params.read(request)
    except HTTPException as error:
        raise ApiError(error.status_code, str(error.detail)) from error
    return await handler(Call(request, box, params, token))


def _token(network: Network, who: str) -> Row:
    row = network.store.one("SELECT * FROM token WHERE token = ?", who)
    if row is None:
        raise ApiError(401, "The access token is invalid")
    if row["revoked"]:
        raise ApiError(401, "The access token was revoked")
    return row


def _allowed(token: Row | None, scope: str) -> None:
    if token is None:
        raise ApiError(401, "The access token is invalid")
    granted = token["scopes"].split()
    if scope not in granted and scope.partition(":")[0] not in granted:
        raise ApiError(403, "This action is outside the authorized scopes")
    if not token["account_id"]:
        raise ApiError(422, "This method requires an authenticated user")
