"""Bluesky: publish, inbox, search and numbers, on any server that speaks the AT Protocol.

Everything goes through the channel's own server (PDS), which passes reading on to the AppView as it does for
ordinary clients. The protocol below is in `atproto.py`, posts as messages in `bluesky_posts.py`, making a record
out of a draft in `bluesky_records.py`. Direct messages (`chat.bsky.*`) are not offered: they live at a service of
their own and need a wider app password. Sources: the lexicons at https://docs.bsky.app and https://atproto.com.

What publishing rests on: a post is a record under a key that we choose (a TID), fixed with its `createdAt` before
it leaves. Writing the same record again changes nothing, and `swapRecord: null` refuses to overwrite another.
"""

import logging
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import ClassVar

from core.connectors import bluesky_acts as acts
from core.connectors import bluesky_posts as posts
from core.connectors import bluesky_records as records
from core.connectors import facets
from core.connectors import query as queries
from core.connectors.atproto import AtUri, Json, Session, create_session, mapping, moment, objects, stamp
from core.connectors.backwards import Mark, walk
from core.connectors.base import (
    Act,
    Auth,
    Batch,
    Capabilities,
    Connector,
    Credentials,
    Draft,
    Kind,
    Limits,
    Prepared,
    Profile,
    RemoteMessage,
    Replay,
    Search,
    Sent,
    graphemes,
)
from core.connectors.http import Http
from core.connectors.seen_text import Piece
from core.errors import Rejected, RemoteGone

log = logging.getLogger("hub.bluesky")

DEFAULT_BASE_URL = "https://bsky.social"
LIMITS = Limits(
    text_length=300,  # graphemes, app.bsky.feed.post
    text_bytes=3000,
    images=4,  # app.bsky.embed.images
    image_bytes=1_000_000,
    alt_length=2000,  # the lexicon sets none; this is what the ordinary client allows
    videos=1,  # app.bsky.embed.video; the account's server may take less than that
    video_bytes=100_000_000,
    video_types=("video/mp4",),
    video_seconds=180.0,
    video_alt_length=1000,
    # 5,000 points an hour, 3 for each new record: https://docs.bsky.app/docs/advanced-guides/rate-limits
    quota_posts=1_666,
    quota_seconds=3600.0,
    replay=Replay.RECORD,
    replay_window=90 * 86400.0,  # the key is ours for good; what ends is the look-out for it
)
REASONS = ("reply", "mention", "quote")
AT_ONCE = 25  # addresses that getPosts and getProfiles take in one call
PAGE, PAGES = 100, 4
INBOX_OVERLAP, SEARCH_OVERLAP = timedelta(hours=1), timedelta(minutes=15)
THREAD_HEIGHT = 20  # messages above a new one that are worth showing


class Bluesky(Connector):
    """One Bluesky account. `credentials` as in `atproto.Session`; made by `sign_in`."""

    capabilities: ClassVar[Capabilities] = Capabilities(
        network="bluesky",
        label="Bluesky",
        auth=(Auth.APP_PASSWORD,),
        needs_base_url=True,
        search=Search.FULL,
        post_metrics=("likes", "shares", "comments", "quotes"),
        channel_metrics=("followers", "following", "posts"),
        acts=(*acts.ON_POST, *acts.HIDING, Act.DELETE_OWN, *acts.ON_PERSON, *acts.MUTING),
        handle_example="lena.bsky.social",
        docs_url="https://docs.bsky.app",
    )
    default_base_url: ClassVar[str] = DEFAULT_BASE_URL

    def __init__(
        self,
        base_url: str,
        credentials: Credentials,
        limits: Limits | None = None,
        save_credentials: Callable[[Credentials], None] = lambda _: None,
        allowed_hosts: frozenset[str] = frozenset(),
        *,
        http: Http | None = None,
    ) -> None:
        """`http` is for tests; it must carry no secrets in its headers (link cards are fetched through it)."""
        super().__init__(
            base_url or DEFAULT_BASE_URL, dict(credentials), limits or LIMITS, save_credentials, allowed_hosts
        )
        self._http = http or Http(self.base_url, allowed_hosts=allowed_hosts)
        self._session = Session(self._http, self.base_url, self.credentials, save_credentials)

    @classmethod
    def sign_in(
        cls,
        base_url: str,
        handle: str,
        password: str,
        allowed_hosts: frozenset[str] = frozenset(),
        *,
        http: Http | None = None,
    ) -> Credentials:
        """Credentials of an account, from its handle (or e-mail, or DID) and an app password.

        Raises `NeedsReauth` with a sentence where the server refuses them, `RetryLater` where it can't be reached.
        """
        address = (base_url or DEFAULT_BASE_URL).rstrip("/")
        client = http or Http(address, allowed_hosts=allowed_hosts)
        try:
            return {**create_session(client, address, handle, password), "password": password.strip()}
        finally:
            if http is None:
                client.close()

    def close(self) -> None:
        """Give back the network connections."""
        self._http.close()

    def profile(self) -> Profile:
        """Who we are. An account that the AppView hasn't seen yet is described by its own server."""
        did = self._session.did
        try:
            told = self._session.get("app.bsky.actor.getProfile", {"actor": did})
        except (Rejected, RemoteGone):
            told = self._session.get("com.atproto.server.getSession")
        who = posts.author({"did": did, **told})
        return Profile(did, who.handle, who.name, who.url, who.avatar_url)

    def fetch_limits(self) -> Limits:
        """The network's published limits: a server doesn't tell its own."""
        return LIMITS

    @classmethod
    def length(cls, text: str, limits: Limits) -> int:
        """Graphemes, as the lexicon counts."""
        return graphemes(text)

    @classmethod
    def pieces(cls, text: str) -> list[Piece]:
        """As the ordinary client shows facets."""
        return facets.seen(text)

    # --- publishing -----------------------------------------------------------------------------------------------

    def prepare(self, draft: Draft, part: int, replay_key: str, previous: Sequence[Sent]) -> Prepared:
        """Upload the images, look up who is mentioned and answered, and fix key, time and record."""
        request = records.request(self._session, self._http, self.limits, draft, part=part, previous=previous)
        return Prepared(replay_key, request)

    def publish(self, prepared: Prepared) -> Sent:
        """Write the record. If the server says that the key is taken, by this very record, that is success too."""
        request = prepared.request
        try:
            answer = self._session.post("com.atproto.repo.putRecord", request)
        except Rejected:
            held = self._session.record(_target(request))
            if held is None or held.get("value") != request["record"]:
                raise
            answer = held
        return records.sent(request, answer)

    def find_published(self, prepared: Prepared, since: datetime) -> Sent | None:
        """Look under the record's key: exact, whatever `since` is."""
        held = self._session.record(_target(prepared.request))
        return records.sent(prepared.request, held) if held else None

    def delete(self, remote_id: str) -> None:
        """Delete a post of ours. Raises `RemoteGone` if it isn't there, `Rejected` if it isn't ours."""
        uri = AtUri.parse(remote_id)
        if uri.repo != self._session.did:
            raise Rejected("This post belongs to another account, so it can't be deleted here.")
        if self._session.record(uri) is None:
            raise RemoteGone("This post is no longer on Bluesky.")
        self._session.post("com.atproto.repo.deleteRecord", uri._asdict(), repeatable=True)

    def act(self, act: Act, remote_id: str, author: str = "") -> None:
        """Like, repost, hide below our posts, delete; follow, mute, block: `bluesky_acts.py`."""
        if act is Act.DELETE_OWN:
            self.delete(remote_id)
        else:
            acts.do(self._session, act, remote_id, author)

    # --- reading --------------------------------------------------------------------------------------------------

    def fetch_inbox(self, cursor: str | None, thread_of: Callable[[str], str | None]) -> Batch[RemoteMessage]:
        """Replies, mentions and quotes since `cursor`, each with what stands above it where that is new.

        1. Notifications, newest first, back to an hour before the mark: the network sorts late ones in.
        2. Those that the hub has already are left out. The others are read as posts (deleted ones are gone).
        3. Where the message above is unknown, its thread is read upwards.
        """
        found = walk(Mark.parse(cursor), self._notifications, _seen_at, PAGES, INBOX_OVERLAP)
        new = [note["uri"] for note in found.entries if isinstance(note.get("uri"), str)]
        new = [uri for uri in dict.fromkeys(new) if thread_of(uri) is None]
        messages: dict[str, RemoteMessage] = {}
        for view in self._posts(new):
            self._file(view, thread_of, messages)
        return self._batch(messages.values(), str(found.mark), found.more)

    def _notifications(self, page: str | None) -> tuple[list[Json], str | None]:
        asked = [("reasons", reason) for reason in REASONS]
        told = self._session.get("app.bsky.notification.listNotifications", [*asked, *_page(page)])
        wanted = [note for note in objects(told.get("notifications")) if note.get("reason") in REASONS]
        return wanted, told.get("cursor")

    def _file(self, view: Json, thread_of: Callable[[str], str | None], messages: dict[str, RemoteMessage]) -> None:
        """Add a message, and those above it that neither the hub nor this batch has."""
        root, parent = posts.refs(mapping(view.get("record")))
        ours = f"at://{self._session.did}/"
        kind = Kind.COMMENT if any(uri and uri.startswith(ours) for uri in (root, parent)) else Kind.MENTION
        known = thread_of(parent) if parent else None
        above = [] if parent is None or known or parent in messages else self._above(str(view.get("uri")))
        for one in (view, *above):
            message = posts.message(one, self._session.did, kind, known or root)
            if message is None:
                log.warning("a post on Bluesky lacked what a message needs and was left out")
            elif message.remote_id not in messages and (one is view or thread_of(message.remote_id) is None):
                messages[message.remote_id] = message

    def _above(self, uri: str) -> list[Json]:
        asked = {"uri": uri, "depth": 0, "parentHeight": THREAD_HEIGHT}
        try:
            return posts.thread_above(self._session.get("app.bsky.feed.getPostThread", asked).get("thread"))
        except (Rejected, RemoteGone):  # deleted, or its author has blocked us, since it was announced
            return []

    def recheck(self, remote_ids: Sequence[str]) -> Batch[RemoteMessage]:
        """Read known messages again. Edits are rare here (a record is written anew), deletions are not."""
        messages = self._messages(self._posts(remote_ids))
        there = {message.remote_id for message in messages}
        removed = tuple(uri for uri in remote_ids if uri not in there and not self._still_ours(uri))
        return Batch(tuple(messages), removed=removed)

    def search(self, query: str, cursor: str | None) -> Batch[RemoteMessage]:
        """Posts that match, by our own reading of the query: what AppViews make of it differs a lot."""
        meant = queries.parse(query)
        mark = Mark.parse(cursor)
        floor = mark.since - SEARCH_OVERLAP if mark.since else None

        def fetch(page: str | None) -> tuple[list[Json], str | None]:
            asked = [("q", query), ("sort", "latest"), *([("since", stamp(floor))] if floor else []), *_page(page)]
            told = self._session.get("app.bsky.feed.searchPosts", asked)
            return objects(told.get("posts")), told.get("cursor")

        found = walk(mark, fetch, posts.sort_time, PAGES, SEARCH_OVERLAP)
        hits = [view for view in found.entries if meant.matches(*posts.searched_text(view))]
        fresh = [view for view in hits if floor is None or (posts.sort_time(view) or floor) >= floor]
        return self._batch(self._messages(fresh), str(found.mark), found.more)

    def own_posts(self, cursor: str | None, limit: int = 40) -> Batch[RemoteMessage]:
        """Our own posts without replies and reposts, newest first."""
        asked = {"actor": self._session.did, "filter": "posts_no_replies", "limit": min(limit, PAGE)}
        told = self._session.get("app.bsky.feed.getAuthorFeed", asked | ({"cursor": cursor} if cursor else {}))
        views = [mapping(item.get("post")) for item in objects(told.get("feed")) if not item.get("reason")]
        own = [message for message in self._messages(views) if message.is_own]
        older = told.get("cursor")
        return Batch(tuple(own), older if isinstance(older, str) else None, more=bool(older))

    def post_metrics(self, remote_ids: Sequence[str]) -> dict[str, dict[str, int]]:
        """Totals of our posts. One that the AppView doesn't have (yet) but our server has: no numbers, not gone."""
        found = {str(view.get("uri")): posts.counts(view) for view in self._posts(remote_ids)}
        for uri in remote_ids:
            if uri not in found and self._still_ours(uri):
                found[uri] = {}
        return found

    def channel_metrics(self) -> dict[str, int]:
        """Followers, following and posts of our profile."""
        told = self._session.get("app.bsky.actor.getProfile", {"actor": self._session.did})
        names = {"followers": "followersCount", "following": "followsCount", "posts": "postsCount"}
        return {ours: told[theirs] for ours, theirs in names.items() if isinstance(told.get(theirs), int)}

    # --- helpers --------------------------------------------------------------------------------------------------

    def _posts(self, uris: Sequence[str]) -> list[Json]:
        """The post views of these addresses; those that are gone are left out."""
        views: list[Json] = []
        for start in range(0, len(uris), AT_ONCE):
            asked = [("uris", uri) for uri in uris[start : start + AT_ONCE]]
            views += objects(self._session.get("app.bsky.feed.getPosts", asked).get("posts"))
        return views

    def _messages(self, views: Iterable[Json]) -> list[RemoteMessage]:
        found = [posts.message(view, self._session.did) for view in views]
        return [message for message in found if message is not None]

    def _still_ours(self, uri: str) -> bool:
        """Whether a post is in our own repository: the AppView may lag behind it."""
        address = AtUri.parse(uri)
        return address.repo == self._session.did and self._session.record(address) is not None

    def _batch(self, messages: Iterable[RemoteMessage], cursor: str, more: bool) -> Batch[RemoteMessage]:
        """Oldest first, each author with the number of followers."""
        ordered = sorted(messages, key=lambda message: message.sent_at)
        followers = self._followers(list({m.author.remote_id for m in ordered if not m.is_own}))
        named = (replace(m, author=replace(m.author, followers=followers.get(m.author.remote_id))) for m in ordered)
        return Batch(tuple(named), cursor or None, more)

    def _followers(self, dids: Sequence[str]) -> dict[str, int]:
        found: dict[str, int] = {}
        for start in range(0, len(dids), AT_ONCE):
            asked = [("actors", did) for did in dids[start : start + AT_ONCE]]
            for view in objects(self._session.get("app.bsky.actor.getProfiles", asked).get("profiles")):
                if isinstance(view.get("followersCount"), int):
                    found[str(view.get("did"))] = view["followersCount"]
        return found


def _page(page: str | None) -> list[tuple[str, str]]:
    return [("limit", str(PAGE)), *([("cursor", page)] if page else [])]


def _seen_at(note: Json) -> datetime | None:
    return moment(note.get("indexedAt"))


def _target(request: Json) -> AtUri:
    return AtUri(request["repo"], request["collection"], request["rkey"])
