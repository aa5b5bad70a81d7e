"""Mastodon and servers that speak its API: GoToSocial, Pleroma, Friendica, Pixelfed, snac and others.

Protocol: https://docs.joinmastodon.org/methods/. Entities are read in `mastodon_posts.py`, connecting by OAuth is in
`oauth.py`. Servers differ: limits come from the server, missing fields are tolerated, ids are opaque.

What publishing rests on: a genuine Mastodon gives the same status again for the same `Idempotency-Key` for an hour.
No other server is trusted to; there an unknown outcome is only looked up on our own timeline.
"""

import logging
import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, ClassVar

import regex

from core.connectors import mastodon_posts as posts
from core.connectors import query as queries
from core.connectors.base import (
    Auth,
    Batch,
    Capabilities,
    Connector,
    Credentials,
    Draft,
    DraftImage,
    Kind,
    Limits,
    Prepared,
    Profile,
    RemoteMessage,
    ReplyTo,
    Search,
    Sent,
    graphemes,
)
from core.connectors.html import fingerprint, to_text
from core.connectors.http import Http
from core.connectors.mastodon_posts import Json, mapping, objects, word
from core.errors import OutcomeUnknown, Rejected, RemoteGone, RetryLater

log = logging.getLogger("hub.mastodon")

PAGE = 40  # entries of one page; the most that servers give
FIRST_PAGES = 5  # how far a first look at the inbox goes back
SKEW = timedelta(seconds=60)  # clocks of servers differ
LOOK_BACK = 5  # pages of our own timeline that are searched for a lost answer
AT_ONCE = 20  # statuses read in one request
UPLOAD_WAIT, UPLOAD_LOOKS = 0.5, 40  # seconds between looks at an upload being processed
WIDER = ("direct", "private", "unlisted", "public")
LINK = regex.compile(r"https?://[^\s<>\"]+", regex.IGNORECASE)
MENTION = regex.compile(r"(?<![\w/])@([\w.-]*\w)@[\w.-]+\w", regex.IGNORECASE)


class Mastodon(Connector):
    """One profile on one server."""

    capabilities: ClassVar[Capabilities] = Capabilities(
        network="mastodon",
        label="Mastodon",
        auth=(Auth.OAUTH, Auth.TOKEN),
        needs_base_url=True,
        direct_messages=True,
        search=Search.FULL,
        post_metrics=("likes", "shares", "comments", "quotes"),
        channel_metrics=("followers", "following", "posts"),
        docs_url="https://docs.joinmastodon.org/methods/",
    )

    def __init__(
        self,
        base_url: str,
        credentials: Credentials,
        limits: Limits | None = None,
        save_credentials: Callable[[Credentials], None] = lambda _: None,
        allowed_hosts: frozenset[str] = frozenset(),
        http: Http | None = None,
    ) -> None:
        """`http` is for tests."""
        super().__init__(base_url, credentials, limits, save_credentials, allowed_hosts)
        bearer = {"Authorization": f"Bearer {credentials.get('access_token', '')}"}
        self._http = http or Http(self.base_url, headers=bearer, allowed_hosts=allowed_hosts)
        self._host = posts.host_of(self.base_url)
        self._account: Json | None = None

    def close(self) -> None:
        """Give back the network connections."""
        self._http.close()

    # --- who we are, and what the server takes -----------------------------------------------------------------------

    def _me(self) -> Json:
        if self._account is None:
            told = mapping(self._http.get("/api/v1/accounts/verify_credentials").json())
            if not word(told.get("id")):
                raise Rejected("The server's answer isn't that of a Mastodon-API server. Check the address.")
            self._account = told
        return self._account

    def profile(self) -> Profile:
        """GET /api/v1/accounts/verify_credentials."""
        me = self._me()
        ours = posts.author(me, self._host)
        return Profile(word(me["id"]), ours.handle, ours.name or ours.handle, ours.url, ours.avatar_url)

    def fetch_limits(self) -> Limits:
        """GET /api/v2/instance, or v1 where that is all there is; published limits where neither answers."""
        for path in ("/api/v2/instance", "/api/v1/instance"):
            try:
                told = mapping(self._http.get(path).json())
            except (RemoteGone, Rejected, RetryLater) as error:
                log.info("no limits from %s: %s", path, type(error).__name__)
                continue
            if told:
                return posts.limits_v2(told)
        return Limits(url_length=23)

    @classmethod
    def length(cls, text: str, limits: Limits) -> int:
        """Characters as people count them; each link counts as `url_length`, a mention without its host."""
        text = MENTION.sub(r"@\1", text)
        if limits.url_length is None:
            return graphemes(text)
        links = LINK.findall(text)
        return graphemes(LINK.sub("", text)) + limits.url_length * len(links)

    # --- publishing ---------------------------------------------------------------------------------------------------

    def prepare(self, draft: Draft, part: int, replay_key: str, previous: Sequence[Sent]) -> Prepared:
        """Upload the images, look up what is answered, fix the form of POST /api/v1/statuses."""
        piece = draft.parts[part]
        form: Json = {"status": piece.text}
        if draft.language:
            form["language"] = draft.language
        if draft.reply_to is not None and not previous:
            form |= self._reply(draft.reply_to, piece.text)
        elif previous:
            form["in_reply_to_id"] = previous[-1].remote_id
            if draft.reply_to is not None and draft.reply_to.kind is Kind.DIRECT:
                form["visibility"] = "direct"
        if piece.images:
            form["media_ids"] = [self._upload(image) for image in piece.images]
        return Prepared(replay_key, {"form": form})

    def _reply(self, to: ReplyTo, text: str) -> Json:
        """Never wider than what is answered, and it names the person: without that they aren't told."""
        answered = mapping(self._http.get(f"/api/v1/statuses/{to.remote_id}").json())
        form: Json = {"in_reply_to_id": to.remote_id}
        visibility = word(answered.get("visibility"))
        if to.kind is Kind.DIRECT:
            form["visibility"] = "direct"
        elif visibility in WIDER:
            form["visibility"] = visibility
        account = mapping(answered.get("account"))
        handle = word(account.get("acct")) or to.handle.lstrip("@")
        named = {name.casefold() for name in regex.findall(r"@([\w.-]+(?:@[\w.-]+\w)?)", text)}
        ours = word(account.get("id")) == word(self._me().get("id"))
        if handle and not ours and not named & {handle.casefold(), handle.partition("@")[0].casefold()}:
            form["status"] = f"@{handle} {text}"
        return form

    def _upload(self, image: DraftImage) -> str:
        """POST /api/v2/media, then wait until the server has processed it. An image that isn't used harms nobody."""
        from core.connectors.images import fit

        fitted = fit(image, self.limits)
        name = "image." + fitted.mime.removeprefix("image/")
        told = mapping(
            self._http.write(
                "POST",
                "/api/v2/media",
                repeatable=True,
                files={"file": (name, fitted.data, fitted.mime)},
                data={"description": image.alt} if image.alt else None,
            ).json()
        )
        media_id = word(told.get("id"))
        if not media_id:
            raise RetryLater("The server took the image but didn't say where.")
        looks = 0
        while told.get("url") is None and looks < UPLOAD_LOOKS:
            time.sleep(UPLOAD_WAIT)
            answer = self._http.get(f"/api/v1/media/{media_id}")
            told = mapping(answer.json())
            if answer.status == 200:
                break
            looks += 1
        return media_id

    def publish(self, prepared: Prepared) -> Sent:
        """POST /api/v1/statuses with the Idempotency-Key."""
        told = self._http.write(
            "POST",
            "/api/v1/statuses",
            json=prepared.request["form"],
            headers={"Idempotency-Key": prepared.replay_key},
        ).json()
        if not word(mapping(told).get("id")):
            raise OutcomeUnknown("The server answered, but not with the post.")
        return self._sent(told)

    def _sent(self, status: Json) -> Sent:
        at = posts.moment(status.get("created_at")) or datetime.now(UTC)
        return Sent(word(status["id"]), posts.web(status.get("url")) or posts.web(status.get("uri")), at)

    def find_published(self, prepared: Prepared, since: datetime) -> Sent | None:
        """Look through our own statuses since then; direct messages also in /api/v1/conversations."""
        form = prepared.request["form"]
        oldest = since - SKEW
        for status in self._own_statuses(oldest):
            if self._is_it(status, form, oldest):
                return self._sent(status)
        if form.get("visibility") == "direct":
            for talk in objects(self._http.get("/api/v1/conversations", {"limit": PAGE}).json()):
                last = mapping(talk.get("last_status"))
                if self._is_ours(last) and self._is_it(last, form, oldest):
                    return self._sent(last)
        return None

    def _own_statuses(self, oldest: datetime) -> list[Json]:
        """Newest first, until older than `oldest`."""
        found: list[Json] = []
        params: Json = {"limit": PAGE, "exclude_reblogs": "true"}
        for _ in range(LOOK_BACK):
            page = objects(self._http.get(f"/api/v1/accounts/{self._me()['id']}/statuses", params).json())
            found += page
            last = posts.moment(page[-1].get("created_at")) if page else None
            if not page or (last and last < oldest):
                break
            params["max_id"] = word(page[-1].get("id"))
        return found

    def _is_ours(self, status: Json) -> bool:
        return word(mapping(status.get("account")).get("id")) == word(self._me()["id"])

    @staticmethod
    def _is_it(status: Json, form: Json, oldest: datetime) -> bool:
        sent_at = posts.moment(status.get("created_at"))
        if sent_at is None or sent_at < oldest:
            return False
        if word(status.get("in_reply_to_id")) != word(form.get("in_reply_to_id")):
            return False
        theirs = {word(item.get("id")) for item in objects(status.get("media_attachments"))}
        ours = set(form.get("media_ids") or [])
        # Ids of media are ours alone; a server that gives them other ids must at least have as many.
        if ours and theirs & ours:
            return True
        same_text = fingerprint(to_text(word(status.get("content")))) == fingerprint(word(form.get("status")))
        return same_text and len(theirs) == len(ours)

    def delete(self, remote_id: str) -> None:
        """DELETE /api/v1/statuses/:id."""
        self._http.write("DELETE", f"/api/v1/statuses/{remote_id}", repeatable=True)

    # --- what comes in ------------------------------------------------------------------------------------------------

    def fetch_inbox(self, cursor: str | None, thread_of: Callable[[str], str | None]) -> Batch[RemoteMessage]:
        """GET /api/v1/notifications: mentions, answers, direct messages and quotes, oldest first.

        The cursor is the newest notification read. A first look goes `FIRST_PAGES` pages back.
        """
        notes, full = self._notifications(cursor)
        if not notes:
            return Batch(next_cursor=cursor)
        threads = _Threads(self, thread_of)
        items: list[RemoteMessage] = []
        for note in notes:
            status = mapping(note.get("status"))
            if word(status.get("id")):
                items += threads.messages(status)
        return Batch(tuple(items), next_cursor=word(notes[-1].get("id")), more=full)

    def _notifications(self, cursor: str | None) -> tuple[list[Json], bool]:
        """Oldest first, and whether there are more at once."""
        path = "/api/v1/notifications"
        wanted: list[tuple[str, Any]] = [("types[]", "mention"), ("types[]", "quote"), ("limit", PAGE)]
        if cursor:
            page = objects(self._http.get(path, [*wanted, ("min_id", cursor)]).json())
            fresh = [note for note in page if word(note.get("id")) != cursor]
            return _wanted(reversed(fresh)), len(page) >= PAGE
        found: list[Json] = []
        below: list[tuple[str, Any]] = []
        for _ in range(FIRST_PAGES):
            page = objects(self._http.get(path, wanted + below).json())
            found += page
            if len(page) < PAGE:
                break
            below = [("max_id", word(page[-1].get("id")))]
        return _wanted(reversed(found)), False

    def recheck(self, remote_ids: Sequence[str]) -> Batch[RemoteMessage]:
        """Read statuses again: GET /api/v1/statuses?id[]= where the server can (Mastodon 4.3), else each."""
        found: dict[str, Json] = {}
        for start in range(0, len(remote_ids), AT_ONCE):
            found |= self._statuses(remote_ids[start : start + AT_ONCE])
        own = word(self._me()["id"])
        items = tuple(posts.message(found[i], self._host, own) for i in remote_ids if i in found)
        return Batch(items, removed=tuple(i for i in remote_ids if i not in found))

    def _statuses(self, remote_ids: Sequence[str]) -> dict[str, Json]:
        try:
            answer = self._http.get("/api/v1/statuses", [("id[]", i) for i in remote_ids]).json()
        except (RemoteGone, Rejected):
            answer = None
        if isinstance(answer, list):
            found = {word(s.get("id")): s for s in objects(answer)}
            # Before it is called gone, a missing one is asked for by itself.
            return found | self._each([i for i in remote_ids if i not in found])
        return self._each(remote_ids)

    def _each(self, remote_ids: Sequence[str]) -> dict[str, Json]:
        found: dict[str, Json] = {}
        for remote_id in remote_ids:
            try:
                found[remote_id] = mapping(self._http.get(f"/api/v1/statuses/{remote_id}").json())
            except RemoteGone:
                continue
        return found

    def search(self, query: str, cursor: str | None) -> Batch[RemoteMessage]:
        """A hashtag by its timeline, other words by /api/v2/search (it finds posts only where the server indexes them).

        The cursor is the newest status read. Found statuses are judged again here: servers search loosely.
        """
        wanted = queries.parse(query)
        if len(wanted.tags) >= 1:
            path: str = f"/api/v1/timelines/tag/{sorted(wanted.tags)[0]}"
            others = [("all[]", tag) for tag in sorted(wanted.tags)[1:]]
            position = [("min_id", cursor)] if cursor else []
            page = objects(self._http.get(path, [("limit", PAGE), *others, *position]).json())
        else:
            params = {"q": query, "type": "statuses", "limit": PAGE, "resolve": "false"}
            page = objects(mapping(self._http.get("/api/v2/search", params).json()).get("statuses"))
        own = word(self._me()["id"])
        page.sort(key=lambda s: (word(s.get("created_at")), word(s.get("id"))))
        items = tuple(
            posts.message(status, self._host, own)
            for status in page
            if not self._is_ours(status) and wanted.matches(posts.text_of(status), posts.tags(status))
        )
        newest = word(page[-1].get("id")) if page else None
        return Batch(items, next_cursor=newest or cursor, more=bool(cursor and wanted.tags and len(page) >= PAGE))

    # --- what came of it ----------------------------------------------------------------------------------------------

    def own_posts(self, cursor: str | None, limit: int = PAGE) -> Batch[RemoteMessage]:
        """GET /api/v1/accounts/:id/statuses without boosts, answers and direct messages; newest first."""
        params: Json = {"limit": min(limit, PAGE), "exclude_reblogs": "true", "exclude_replies": "true"}
        if cursor:
            params["max_id"] = cursor
        own = word(self._me()["id"])
        page = objects(self._http.get(f"/api/v1/accounts/{own}/statuses", params).json())
        items = tuple(
            posts.message(s, self._host, own) for s in page if s.get("visibility") != "direct" and not s.get("reblog")
        )
        last = word(page[-1].get("id")) if page else None
        return Batch(items, next_cursor=last or cursor, more=len(page) >= params["limit"])

    def post_metrics(self, remote_ids: Sequence[str]) -> dict[str, dict[str, int]]:
        """Counts of the statuses that are still there."""
        found: dict[str, Json] = {}
        for start in range(0, len(remote_ids), AT_ONCE):
            found |= self._statuses(remote_ids[start : start + AT_ONCE])
        return {remote_id: posts.metrics(status) for remote_id, status in found.items()}

    def channel_metrics(self) -> dict[str, int]:
        """Counts of our profile, read anew."""
        self._account = None
        me = self._me()
        names = {"followers": "followers_count", "following": "following_count", "posts": "statuses_count"}
        return {ours: posts.count(me[theirs]) for ours, theirs in names.items() if isinstance(me.get(theirs), int)}


def _wanted(notes: Any) -> list[Json]:
    """Servers that don't know `types[]` send everything: keep what has a status that speaks to us."""
    return [n for n in notes if n.get("type") in ("mention", "quote", None) or not mapping(n.get("status"))]


class _Threads:
    """Finds the conversation of each status of one batch: by what the hub knows, by the batch, else by the context."""

    def __init__(self, connector: Mastodon, thread_of: Callable[[str], str | None]) -> None:
        self._connector = connector
        self._known = thread_of
        self._roots: dict[str, tuple[str, Kind]] = {}
        self._own = word(connector._me()["id"])
        self._host = connector._host

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
        self._roots[remote_id] = (root, kind)
        for earlier in above:
            self._roots[word(earlier.get("id"))] = (root, kind)
        return [posts.message(s, self._host, self._own, root, kind) for s in (*above, status)]

    def _above(self, remote_id: str) -> list[Json]:
        """GET /api/v1/statuses/:id/context: the ancestors, first to last; none where the server hides them."""
        try:
            told = mapping(self._connector._http.get(f"/api/v1/statuses/{remote_id}/context").json())
        except (RemoteGone, Rejected):
            return []
        return objects(told.get("ancestors"))

    def _kind(self, status: Json, first: Json | None) -> Kind:
        """Direct by visibility; a comment when the thread began with us, or answers us; else a mention."""
        if status.get("visibility") == "direct":
            return Kind.DIRECT
        began = first is not None and word(mapping(first.get("account")).get("id")) == self._own
        answers_us = word(status.get("in_reply_to_account_id")) == self._own
        return Kind.COMMENT if began or answers_us else Kind.MENTION
