"""The notifications of a Mastodon-API server as messages of the hub's inbox, each in its thread.

https://docs.joinmastodon.org/methods/notifications/ · …/methods/statuses/#context

A thread that the hub doesn't know costs one request for its context. To stay within the server's quota a fetch asks for
at most `CONTEXTS` of them, remembers what it learnt, and hands out what it has when the server wants a pause.
"""

from collections.abc import Callable, Iterable
from typing import Any

from core.connectors import mastodon_posts as posts
from core.connectors.base import Batch, Kind, RemoteMessage
from core.connectors.http import Http
from core.connectors.mastodon_posts import Json, mapping, objects, word
from core.errors import RateLimited, Rejected, RemoteGone

PATH = "/api/v1/notifications"
PAGE = 40
FIRST_PAGES = 5  # how far a first look goes back
CONTEXTS = 60  # threads looked up in one fetch
# Some servers refuse kinds they don't know (Pleroma), others send everything whatever is asked for.
TYPES: tuple[tuple[str, ...], ...] = (("mention", "quote"), ("mention",), ())
SPEAKS_TO_US = ("mention", "quote")


class Inbox:
    """One look into the inbox of the profile `own_id` at `host`."""

    def __init__(self, http: Http, host: str, own_id: str, thread_of: Callable[[str], str | None]) -> None:
        self._http = http
        self._threads = _Threads(http, host, own_id, thread_of)
        self._asking = 0  # index in TYPES

    def fetch(self, cursor: str | None) -> Batch[RemoteMessage]:
        """Messages since `cursor`, oldest first. The cursor is the newest notification read."""
        notes, full = self._since(cursor) if cursor else (self._first_look(), False)
        items: list[RemoteMessage] = []
        read_to = cursor
        for note in notes:
            if self._threads.asked >= CONTEXTS:
                return Batch(tuple(items), read_to, more=True)
            try:
                items += self._messages(note)
            except RateLimited as pause:
                if read_to == cursor:
                    raise
                return Batch(tuple(items), read_to, retry_after=pause.until)
            read_to = word(note.get("id")) or read_to
        # A server that ignores `min_id` always sends a full page: then there is no more once nothing moves.
        return Batch(tuple(items), read_to, more=full and read_to != cursor)

    def _messages(self, note: Json) -> list[RemoteMessage]:
        status = mapping(note.get("status"))
        if not word(status.get("id")) or note.get("type", "mention") not in SPEAKS_TO_US:
            return []
        return self._threads.messages(status)

    def _since(self, cursor: str) -> tuple[list[Json], bool]:
        """The page right after `cursor`, oldest first, and whether it was full."""
        page = _oldest_first(self._page([("min_id", cursor)]))
        ids = [word(note.get("id")) for note in page]
        # A server that ignores `min_id` sends what was read, too: going back to that would never end.
        fresh = page[ids.index(cursor) + 1 :] if cursor in ids else page
        return fresh, len(page) >= PAGE

    def _first_look(self) -> list[Json]:
        """The newest pages, oldest first."""
        found: dict[str, Json] = {}
        below: list[tuple[str, Any]] = []
        for _ in range(FIRST_PAGES):
            page = list(reversed(_oldest_first(self._page(below))))
            new = {word(note.get("id")): note for note in page if word(note.get("id"))}
            if new.keys() <= found.keys():  # the end, or a server that doesn't page
                break
            found |= new
            below = [("max_id", list(new)[-1])]
        return list(reversed(found.values()))

    def _page(self, place: list[tuple[str, Any]]) -> list[Json]:
        while True:
            types = [("types[]", name) for name in TYPES[self._asking]]
            try:
                return objects(self._http.get(PATH, [*types, ("limit", PAGE), *place]).json())
            except Rejected:
                if not types:
                    raise
                self._asking += 1


def _oldest_first(page: list[Json]) -> list[Json]:
    """Pages come newest first; a server that sends them the other way round is taken as it is."""
    first, last = (posts.moment(page[place].get("created_at")) if page else None for place in (0, -1))
    ascending = first is not None and last is not None and first < last
    return page if ascending else list(reversed(page))


class _Threads:
    """Finds the conversation of each status: by what the hub knows, by what this fetch learnt, else by the context."""

    def __init__(self, http: Http, host: str, own_id: str, thread_of: Callable[[str], str | None]) -> None:
        self.asked = 0
        self._http = http
        self._host = host
        self._own = own_id
        self._known = thread_of
        self._roots: dict[str, tuple[str, Kind]] = {}

    def messages(self, status: Json) -> list[RemoteMessage]:
        """The status as a message, after the messages above it where its thread is new to the hub."""
        remote_id, parent = word(status.get("id")), word(status.get("in_reply_to_id"))
        above: list[Json] = []
        if not parent:
            root, kind = remote_id, self._kind(status, None)
        elif parent in self._roots:
            root, kind = self._roots[parent]
        else:
            known = self._known(parent)
            above = [] if known else self._above(remote_id)
            root = known or (word(above[0].get("id")) if above else parent)
            kind = self._kind(status, above[0] if above else None)
        self._remember((status, *above), root, kind)
        return [posts.message(s, self._host, self._own, root, kind) for s in (*above, status)]

    def _remember(self, statuses: Iterable[Json], root: str, kind: Kind) -> None:
        for status in statuses:
            self._roots[word(status.get("id"))] = (root, kind)

    def _above(self, remote_id: str) -> list[Json]:
        """GET /api/v1/statuses/:id/context: the ancestors, first to last; none where the server hides them."""
        self.asked += 1
        try:
            told = mapping(self._http.get(posts.path("/api/v1/statuses", remote_id, "context")).json())
        except (RemoteGone, Rejected):
            return []
        return [status for status in objects(told.get("ancestors")) if word(status.get("id"))]

    def _kind(self, status: Json, first: Json | None) -> Kind:
        """Direct by visibility; a comment when the thread began with us, or answers us; else a mention."""
        if status.get("visibility") == "direct":
            return Kind.DIRECT
        began = first is not None and word(mapping(first.get("account")).get("id")) == self._own
        answers_us = word(status.get("in_reply_to_account_id")) == self._own
        return Kind.COMMENT if began or answers_us else Kind.MENTION
