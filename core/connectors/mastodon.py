"""Mastodon and servers that speak its API: GoToSocial, Pleroma, Friendica, Pixelfed, snac and others.

Protocol: https://docs.joinmastodon.org/methods/. Entities are read in `mastodon_posts.py`, connecting by OAuth is in
`oauth.py`. Servers differ: limits come from the server, missing fields are tolerated, ids are opaque.

What publishing rests on: a genuine Mastodon gives the same status again for the same `Idempotency-Key` for an hour.
No other server is trusted to; there an unknown outcome is only looked up on our own timeline.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import ClassVar

from core.connectors import mastodon_edits as edits
from core.connectors import mastodon_media
from core.connectors import mastodon_posts as posts
from core.connectors import mastodon_sending as sending
from core.connectors import query as queries
from core.connectors.base import (
    Act,
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
from core.connectors.http import Http
from core.connectors.mastodon_acts import ON_ACCOUNT, ON_STATUS, Acts
from core.connectors.mastodon_inbox import Inbox
from core.connectors.mastodon_posts import Json, mapping, objects, path, word
from core.connectors.seen_text import Piece
from core.errors import NeedsReauth, NetworkError, OutcomeUnknown, Rejected, RemoteGone, RetryLater

PAGE = 40  # entries of one page; the most that servers give
SKEW = timedelta(seconds=60)  # clocks of servers differ
LOOK_BACK = 5  # pages of our own timeline that are searched for a lost answer
AT_ONCE = 20  # statuses read in one request; Mastodon refuses more
LATE = timedelta(minutes=15)  # posts from other servers are sorted in by the time they were written
NOT_MASTODON = "The server's answer isn't that of a Mastodon-API server. Check the address."


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
        acts=(*ON_STATUS, Act.DELETE_OWN, *ON_ACCOUNT),
        edits=True,
        content_warnings=True,
        focal_points=True,
        visibilities=("public", "unlisted", "private"),
        handle_example="lena@norden.social",
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
        # Pasted tokens bring spaces that nobody sees along; a header could not carry them.
        token = "".join(c for c in credentials.get("access_token", "") if "!" <= c <= "~")
        bearer = {"Authorization": f"Bearer {token}"}
        self._http = http or Http(self.base_url, headers=bearer, allowed_hosts=allowed_hosts)
        self._host = posts.host_of(self.base_url)
        self._account: Json | None = None
        self._application: str | None = None
        self._reads_many = True

    @classmethod
    def access_ends_at(cls, credentials: Credentials) -> datetime | None:
        """As the server said when it gave the token; Mastodon's own last until they are revoked."""
        return posts.moment(credentials.get("expires_at"))

    def close(self) -> None:
        """Give back the network connections."""
        self._http.close()

    # --- who we are, and what the server takes -----------------------------------------------------------------------

    def _me(self) -> Json:
        if self._account is None:
            try:
                told = mapping(self._http.get("/api/v1/accounts/verify_credentials").json())
            except Rejected as error:
                # A token that isn't known is 422 to snac; 403 is an account that may not sign in.
                if error.status in (400, 403, 422):
                    raise NeedsReauth("The server doesn't accept our sign-in. Reconnect the channel.") from error
                raise
            if not word(told.get("id")):
                raise Rejected(NOT_MASTODON)
            self._account = told
            if self.credentials.get("account_id") != word(told["id"]):
                self.credentials = {**self.credentials, "account_id": word(told["id"])}
                self.save_credentials(self.credentials)
        return self._account

    def _own_id(self) -> str:
        """Our account's id. It belongs to the token and is kept with it, which saves a request at each sync."""
        return self.credentials.get("account_id") or word(self._me()["id"])

    def profile(self) -> Profile:
        """GET /api/v1/accounts/verify_credentials."""
        me = self._me()
        ours = posts.author(me, self._host)
        return Profile(word(me["id"]), ours.handle, ours.name or ours.handle, ours.url, ours.avatar_url)

    def fetch_limits(self) -> Limits:
        """GET /api/v2/instance, or v1 where that is all there is; published limits where the server has neither."""
        trouble: RetryLater | None = None
        for address in ("/api/v2/instance", "/api/v1/instance"):
            try:
                told = mapping(self._http.get(address).json())
            except (RemoteGone, Rejected):
                trouble = None
                continue
            except RetryLater as error:  # a fault, or the HTML page of a server that doesn't know the address
                trouble = error
                continue
            if told:
                return posts.limits(told)
        if trouble is not None:
            raise trouble
        return Limits(url_length=posts.URL_LENGTH)

    @classmethod
    def length(cls, text: str, limits: Limits) -> int:
        """Characters as people count them; each link counts as `url_length`, a mention without its host."""
        return sending.counted(text, limits)

    @classmethod
    def part_length(cls, draft: Draft, part: int, limits: Limits) -> int:
        """With the content warning, which every part carries and which counts as it stands, links and all."""
        return cls.length(draft.parts[part].text, limits) + graphemes(draft.content_warning)

    @classmethod
    def pieces(cls, text: str) -> list[Piece]:
        """Links without their beginning, mentions without their host."""
        return sending.seen(text)

    @classmethod
    def answer_text(cls, text: str, to: ReplyTo, first: bool = True) -> str:
        """As `_reply` makes it, as far as that is known without asking the server."""
        return sending.addressed(text, to.handle) if first or to.kind is Kind.DIRECT else text

    # --- publishing ---------------------------------------------------------------------------------------------------

    def prepare(self, draft: Draft, part: int, replay_key: str, previous: Sequence[Sent]) -> Prepared:
        """Upload images and video, look up what is answered, fix the form of POST /api/v1/statuses."""
        piece = draft.parts[part]
        form: Json = {"status": piece.text, **sending.manner(draft)}
        if draft.reply_to is not None:
            form |= self._reply(draft.reply_to, piece.text, first=not previous)
        if above := draft.above(part, previous):
            form["in_reply_to_id"] = above.remote_id
        if piece.images:
            form["media_ids"] = [self._upload(image) for image in piece.images]
        return Prepared(replay_key, {"form": form})

    def _reply(self, to: ReplyTo, text: str, first: bool) -> Json:
        """Never wider than what is answered, and it names the person: without that they aren't told.

        The further parts of an answer need no name, except in a direct message, which only those named get to see.
        """
        answered = mapping(self._http.get(path("/api/v1/statuses", to.remote_id)).json())
        account, me = mapping(answered.get("account")), self._me()
        form: Json = {"in_reply_to_id": to.remote_id}
        usual = word(mapping(me.get("source")).get("privacy"))
        visibility = sending.visibility(answered, to.kind, usual)
        if visibility:
            form["visibility"] = visibility
        handle = word(account.get("acct")) or to.handle.lstrip("@")
        whole = posts.full_handle({"acct": handle}, self._host)
        ours = word(account.get("id")) == word(me.get("id"))
        wanted = handle and not ours and (first or visibility == "direct")
        if wanted and whole not in sending.mentioned(text, self._host):
            form["status"] = f"@{handle} {text}".rstrip()
            self._must_fit(form["status"], handle)
        return form

    def _must_fit(self, text: str, handle: str) -> None:
        over = self.length(text, self.limits) - self.limits.text_length
        if over > 0:
            raise Rejected(
                f"An answer has to begin with @{handle}, and with that it is {over} characters too long. Shorten it."
            )

    def _upload(self, image: DraftImage) -> str:
        """An image or video, with alt text and focal point: `mastodon_media.py`."""
        return mastodon_media.upload(self._http, image, self.limits)

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
        """Look where it would be: on our timeline, below what it answers, among direct messages."""
        form, oldest = prepared.request["form"], since - SKEW
        for status in self._where_it_would_be(form, oldest):
            if sending.is_it(status, form, oldest) and self._from_here(status):
                return self._sent(status)
        return None

    def _where_it_would_be(self, form: Json, oldest: datetime) -> Iterator[Json]:
        yield from self._own_statuses(oldest)
        # Not every server lists answers and direct messages among an account's statuses.
        answered = word(form.get("in_reply_to_id"))
        if answered:
            try:
                told = mapping(self._http.get(path("/api/v1/statuses", answered, "context")).json())
            except (RemoteGone, Rejected):
                told = {}
            yield from filter(self._is_ours, objects(told.get("descendants")))
        if form.get("visibility") == "direct":
            talks = objects(self._http.get("/api/v1/conversations", {"limit": PAGE}).json())
            yield from filter(self._is_ours, (mapping(talk.get("last_status")) for talk in talks))

    def _own_statuses(self, oldest: datetime) -> Iterator[Json]:
        """Newest first, until older than `oldest`."""
        params: Json = {"limit": PAGE, "exclude_reblogs": "true"}
        for _ in range(LOOK_BACK):
            page = objects(self._http.get(self._own_path(), params).json())
            yield from page
            last = posts.moment(page[-1].get("created_at")) if page else None
            if not page or (last and last < oldest):
                return
            params["max_id"] = word(page[-1].get("id"))

    def _own_path(self) -> str:
        return path("/api/v1/accounts", self._own_id(), "statuses")

    def _is_ours(self, status: Json) -> bool:
        return word(mapping(status.get("account")).get("id")) == self._own_id()

    def _from_here(self, status: Json) -> bool:
        """False for what a person wrote elsewhere in the same words: the server names another application."""
        theirs = sending.application(status)
        if not theirs:
            return True
        if self._application is None:
            try:
                told = mapping(self._http.get("/api/v1/apps/verify_credentials").json())
            except (Rejected, RemoteGone, RetryLater, NeedsReauth):
                told = {}
            self._application = word(told.get("name"))
        return not self._application or self._application == theirs

    def delete(self, remote_id: str) -> None:
        """DELETE /api/v1/statuses/:id."""
        address = path("/api/v1/statuses", remote_id)
        try:
            self._http.write("DELETE", address, repeatable=True)
        except RemoteGone:
            # snac answers 404 because it has no such request: gone is only what can't be read either.
            try:
                self._http.get(address)
            except NetworkError:
                pass
            else:
                raise Rejected("This server doesn't let applications delete posts. Delete it there.") from None
            raise

    def edit(self, remote_id: str, draft: Draft, part: int) -> Sent:
        """PUT /api/v1/statuses/:id: another text, everything else as it is there."""
        changed = edits.edit(self._http, remote_id, draft.parts[part].text)
        return replace(self._sent(changed), at=posts.moment(changed.get("edited_at")) or datetime.now(UTC))

    def act(self, act: Act, remote_id: str, author: str = "") -> None:
        """Like, boost, delete; follow, mute, block: `mastodon_acts.py`. An answer below ours can't be hidden here."""
        if act not in self.capabilities.acts:
            super().act(act, remote_id, author)
        Acts(self._http, self._host, self.delete).do(act, remote_id, author)

    # --- what comes in ------------------------------------------------------------------------------------------------

    def fetch_inbox(self, cursor: str | None, thread_of: Callable[[str], str | None]) -> Batch[RemoteMessage]:
        """GET /api/v1/notifications: mentions, answers, direct messages and quotes, oldest first."""
        return Inbox(self._http, self._host, self._own_id(), thread_of).fetch(cursor)

    def recheck(self, remote_ids: Sequence[str]) -> Batch[RemoteMessage]:
        """Read statuses again: GET /api/v1/statuses?id[]= where the server can (Mastodon 4.3), else each."""
        found = self._statuses(remote_ids)
        own = self._own_id()
        items = tuple(posts.message(found[i], self._host, own) for i in remote_ids if i in found)
        return Batch(items, removed=tuple(i for i in remote_ids if i not in found))

    def _statuses(self, remote_ids: Sequence[str]) -> dict[str, Json]:
        """Those that are still there, by id. Before one is called gone it is asked for by itself."""
        found: dict[str, Json] = {}
        for start in range(0, len(remote_ids), AT_ONCE):
            found |= self._many(remote_ids[start : start + AT_ONCE])
        for remote_id in remote_ids:
            if remote_id not in found:
                try:
                    status = mapping(self._http.get(path("/api/v1/statuses", remote_id)).json())
                except RemoteGone:
                    continue
                if not word(status.get("id")):
                    raise RetryLater("The server's answer was not a post.")
                found[remote_id] = status
        return found

    def _many(self, remote_ids: Sequence[str]) -> dict[str, Json]:
        if not self._reads_many:
            return {}
        try:
            told = self._http.get("/api/v1/statuses", [("id[]", i) for i in remote_ids]).json()
        except (RemoteGone, Rejected):
            self._reads_many = False
            return {}
        return {word(status.get("id")): status for status in objects(told)}

    def search(self, query: str, cursor: str | None) -> Batch[RemoteMessage]:
        """A hashtag by its timeline, other words by /api/v2/search (it finds posts only where the server indexes them).

        Found statuses are judged again here: servers search loosely.
        """
        wanted = queries.parse(query)
        page, next_cursor, more = (
            self._tagged(sorted(wanted.tags), cursor) if wanted.tags else (self._searched(query), None, False)
        )
        own = self._own_id()
        page.sort(key=lambda s: (word(s.get("created_at")), word(s.get("id"))))
        items = tuple(
            posts.message(status, self._host, own)
            for status in page
            if not self._is_ours(status) and wanted.matches(posts.text_of(status), posts.tags(status))
        )
        return Batch(items, next_cursor, more)

    def _tagged(self, tags: Sequence[str], cursor: str | None) -> tuple[list[Json], str | None, bool]:
        """A page of GET /api/v1/timelines/tag/:tag, the next cursor, whether there is more at once.

        The cursor stays `LATE` behind: what other servers deliver late is sorted in below what was read already.
        """
        others = [("all[]", tag) for tag in tags[1:]]
        position = [("min_id", cursor)] if cursor else []
        told = self._http.get(path("/api/v1/timelines/tag", tags[0]), [("limit", PAGE), *others, *position]).json()
        page = [status for status in objects(told) if word(status.get("id"))]
        by_age = sorted(page, key=lambda s: word(s.get("created_at")))
        if not by_age:
            return [], cursor, False
        newest = word(by_age[-1]["id"])
        if cursor and len(page) >= PAGE and newest != cursor:
            return page, newest, True
        settled_by = datetime.now(UTC) - LATE
        settled = [s for s in by_age if (posts.moment(s.get("created_at")) or settled_by) < settled_by]
        if settled:
            return page, word(settled[-1]["id"]), False
        return page, cursor or word(by_age[0]["id"]), False

    def _searched(self, query: str) -> list[Json]:
        """Some servers don't know quotation marks and look for them too: a phrase not found is tried without."""
        for words in dict.fromkeys((query, query.replace('"', " ").strip())):
            params = {"q": words, "type": "statuses", "limit": PAGE, "resolve": "false"}
            try:
                told = mapping(self._http.get("/api/v2/search", params).json())
            except RemoteGone:
                raise Rejected("This server can't be searched for words. Look for a #hashtag instead.") from None
            if found := objects(told.get("statuses")):
                return found
        return []

    # --- what came of it ----------------------------------------------------------------------------------------------

    def own_posts(self, cursor: str | None, limit: int = PAGE) -> Batch[RemoteMessage]:
        """GET /api/v1/accounts/:id/statuses without boosts, answers and direct messages; newest first."""
        params: Json = {"limit": min(limit, PAGE), "exclude_reblogs": "true", "exclude_replies": "true"}
        if cursor:
            params["max_id"] = cursor
        page = objects(self._http.get(self._own_path(), params).json())
        own = self._own_id()
        items = tuple(
            posts.message(status, self._host, own)
            for status in page
            if status.get("visibility") != "direct" and not status.get("reblog")
        )
        last = word(page[-1].get("id")) if page else None
        # Servers give fewer than asked for as they like: only an empty page is the end.
        return Batch(items, last or cursor, more=last not in (None, "", cursor))

    def post_metrics(self, remote_ids: Sequence[str]) -> dict[str, dict[str, int]]:
        """Counts of the statuses that are still there."""
        return {remote_id: posts.metrics(status) for remote_id, status in self._statuses(remote_ids).items()}

    def channel_metrics(self) -> dict[str, int]:
        """Counts of our profile, read anew."""
        self._account = None
        me = self._me()
        names = {"followers": "followers_count", "following": "following_count", "posts": "statuses_count"}
        return {ours: posts.count(me[theirs]) for ours, theirs in names.items() if isinstance(me.get(theirs), int)}
