"""What happens in the network: somebody writes, edits, deletes, likes, follows. One class over the store.

No HTTP here, and no invention: routes, history and the people's life all come through the same methods.
"""
# ruff: noqa: S608 - values are always bound; only literals and question marks are put together

import time
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from random import Random

from core.sandbox import growth, markup, relations
from core.sandbox.clock import Clock
from core.sandbox.plan import MARK
from core.sandbox.rules import VIDEO_TYPES, VISIBLE, ApiError, Entry, check, millis
from core.sandbox.store import Row, Store, marks

REPLAY_MILLISECONDS = 3_600_000  # Mastodon keeps an Idempotency-Key for an hour


class Network:
    """The whole sandbox network. `seconds` is the time; `life` says whether new posts gain likes by themselves."""

    def __init__(self, store: Store, seconds: Callable[[], float] = time.time, life: bool = True) -> None:
        self.store = store
        self.clock = Clock(store, seconds)
        self.life = life
        self.idempotency = store.recall("idempotency", "1") == "1"
        self.rng = Random()  # noqa: S311 - what people say, not a secret
        self._held: list[tuple[int, int, str, int, int | None]] | None = None
        self.on_published: Callable[[Row], None] = lambda _: None

    # --- time ---------------------------------------------------------------------------------------------------------

    def now(self) -> datetime:
        """The time, aware, UTC."""
        return self.clock.now()

    def age(self, status: Row) -> timedelta:
        """How long the audience has had to see a status."""
        return timedelta(seconds=max(0.0, self.clock.audience() - status["born"]))

    def close(self) -> None:
        """Keep the audience's clock and close the store."""
        self.clock.keep()
        self.store.close()

    # --- accounts ---------------------------------------------------------------------------------------------------

    def add_account(
        self,
        acct: str,
        name: str,
        note: str,
        *,
        language: str,
        colour: str = "",
        followers: int = 0,
        channel: bool = False,
        created_at: datetime | None = None,
    ) -> int:
        """A new account, marked as invented in its bio; its id."""
        at = millis(created_at or self.now())
        return self.store.insert(
            "account",
            id=self.store.new_id(at, live=False),
            acct=acct.lower(),
            username=acct.partition("@")[0],
            name=name,
            note=f"{note}\n\n{MARK}".strip(),
            language=language,
            colour=colour or f"hsl({int(growth.chance(acct) * 360)} 45% 45%)",
            followers=followers,
            channel=int(channel),
            created_at=at,
        )

    def account(self, account_id: int) -> Row:
        """An account by id. Raises `ApiError` 404."""
        row = self.store.one("SELECT * FROM account WHERE id = ?", account_id)
        if row is None:
            raise ApiError(404, "Record not found")
        return row

    def find_account(self, acct: str) -> Row | None:
        """An account by `user` or `user@server`, with or without a leading @."""
        return self.store.one("SELECT * FROM account WHERE acct = ?", acct.lstrip("@").lower())

    def contact(self, acct: str) -> Row:
        """The account of that name; somebody new moves in if there is none."""
        found = self.find_account(acct)
        if found is None:
            name = acct.lstrip("@")
            found = self.account(self.add_account(name, name, "Just arrived.", language="en", followers=12))
        return found

    def channels(self) -> list[Row]:
        """Our own accounts, in the order of `plan.CHANNELS`."""
        return self.store.all("SELECT * FROM account WHERE channel = 1 ORDER BY id")

    # --- statuses ---------------------------------------------------------------------------------------------------

    def status(self, status_id: int, viewer: int = 0) -> Row:
        """A status that the viewer may see. Raises `ApiError` 404 otherwise."""
        sql = f"SELECT s.* FROM status s WHERE s.id = ? AND {VISIBLE}"
        row = self.store.one(sql, status_id, viewer, viewer)
        if row is None:
            raise ApiError(404, "Record not found")
        return row

    def publish(self, entry: Entry, at: datetime | None = None) -> Row:
        """Write a status with its tags, mentions, media and notifications. `at` is for history."""
        with self.store.writing():
            check(entry)
            created = millis(at or self.now())
            status_id = self.store.new_id(created, live=at is None)
            parent = self._parent(entry)
            self.store.insert(
                "status",
                id=status_id,
                account_id=entry.account_id,
                created_at=created,
                text=entry.text,
                spoiler=entry.spoiler,
                sensitive=int(entry.sensitive),
                visibility=entry.visibility,
                language=entry.language,
                in_reply_to=parent["id"] if parent else None,
                in_reply_to_account=parent["account_id"] if parent else None,
                thread_id=parent["thread_id"] if parent else status_id,
                app_id=entry.app_id,
                topic=entry.topic,
                born=created / 1000 if at else self.clock.audience(),
                appeal=self._appeal(entry, created) if at or self.life else 0.0,
            )
            self._index(status_id, entry.text, entry.spoiler)
            self._attach(entry, status_id)
            self._count(entry.account_id, created)
            self._tell(status_id)
        row = self.status(status_id, entry.account_id)
        if at is None:
            self.on_published(row)
        return row

    def _appeal(self, entry: Entry, created: int) -> float:
        """How good it is: an answer reaches only those who read the thread, a direct message nobody else."""
        if entry.visibility == "direct":
            return 0.0
        return growth.appeal_of(created, entry.account_id) * (0.12 if entry.in_reply_to else 1.0)

    def _parent(self, entry: Entry) -> Row | None:
        if entry.in_reply_to is None:
            return None
        try:
            return self.status(entry.in_reply_to, entry.account_id)
        except ApiError as error:
            raise ApiError(404, "The post you are trying to reply to does not appear to exist.") from error

    def _index(self, status_id: int, text: str, spoiler: str) -> None:
        self.store.run("INSERT INTO words (rowid, text) VALUES (?, ?)", status_id, f"{spoiler} {text}")
        for tag in markup.hashtags(text):
            self.store.run("INSERT INTO tag VALUES (?, ?)", tag, status_id)
        for account in self.mentioned(text):
            self.store.run("INSERT OR IGNORE INTO mention VALUES (?, ?)", status_id, account["id"])

    def mentioned(self, text: str) -> list[Row]:
        """The accounts that a text mentions."""
        accts = markup.mentions(text)
        if not accts:
            return []
        return self.store.all(f"SELECT * FROM account WHERE acct IN ({marks(accts)})", *accts)

    def _attach(self, entry: Entry, status_id: int) -> None:
        kinds = f"SELECT mime FROM media WHERE id IN ({marks(entry.media)})"
        if len(entry.media) > 1 and any(row[0] in VIDEO_TYPES for row in self.store.all(kinds, *entry.media)):
            raise ApiError(422, "Validation failed: Cannot attach a video to a post that already contains images")
        for position, media_id in enumerate(entry.media):
            taken = self.store.changed(
                "UPDATE media SET status_id = ?, position = ? WHERE id = ? AND account_id = ? "
                "AND (status_id IS NULL OR status_id = ?)",
                status_id,
                position,
                media_id,
                entry.account_id,
                status_id,
            )
            if not taken:
                raise ApiError(422, f"Media ({media_id}) not found or already attached to another post")

    def _count(self, account_id: int, at: int) -> None:
        self.store.run(
            "UPDATE account SET posts = posts + 1, last_status_at = max(coalesce(last_status_at, 0), ?) WHERE id = ?",
            at,
            account_id,
        )

    def _tell(self, status_id: int) -> None:
        """Notify whom the status mentions, and put a direct one into the conversations of all who take part."""
        status = self.store.one("SELECT * FROM status WHERE id = ?", status_id)
        if status is None:
            return
        author = status["account_id"]
        named = [r[0] for r in self.store.all("SELECT account_id FROM mention WHERE status_id = ?", status_id)]
        for account_id in named:
            if account_id != author:
                self.notify(account_id, "mention", author, status_id, status["created_at"])
        if status["visibility"] == "direct":
            for account_id in {*named, author}:
                self.store.run(
                    "INSERT INTO conversation (account_id, thread_id, last_status_id, unread) VALUES (?, ?, ?, ?) "
                    "ON CONFLICT DO UPDATE SET unread = excluded.unread, "
                    "last_status_id = max(last_status_id, excluded.last_status_id)",
                    account_id,
                    status["thread_id"],
                    status_id,
                    int(account_id != author),
                )

    def edit(
        self,
        status: Row,
        text: str,
        spoiler: str | None = None,
        media: Sequence[int] | None = None,
        sensitive: bool | None = None,
        language: str | None = None,
    ) -> Row:
        """Change a status; the old wording stays in its history, mentions are told anew only if they are new.

        None leaves a thing as it is. A change that changes nothing leaves no trace, as on Mastodon.
        """
        spoiler = status["spoiler"] if spoiler is None else spoiler
        sensitive = bool(status["sensitive"]) if sensitive is None else sensitive or bool(spoiler)
        language = language or status["language"]
        now = millis(self.now())
        sql = "SELECT id FROM media WHERE status_id = ? ORDER BY position"
        kept = [r[0] for r in self.store.all(sql, status["id"])]
        entry = Entry(status["account_id"], text, media=tuple(kept if media is None else media), spoiler=spoiler)
        meant = (text, spoiler, sensitive, language, list(entry.media))
        if meant == (status["text"], status["spoiler"], bool(status["sensitive"]), status["language"], kept):
            return status
        with self.store.writing():
            check(entry)
            self.store.insert(
                "edit",
                status_id=status["id"],
                at=status["edited_at"] or status["created_at"],
                text=status["text"],
                spoiler=status["spoiler"],
            )
            self._unindex(status["id"])
            self.store.run(
                "UPDATE status SET text = ?, spoiler = ?, sensitive = ?, language = ?, edited_at = ? WHERE id = ?",
                *(text, spoiler, int(sensitive), language, now, status["id"]),
            )
            self._index(status["id"], text, spoiler)
            if media is not None:
                self.store.run("UPDATE media SET status_id = NULL WHERE status_id = ?", status["id"])
                self._attach(entry, status["id"])
        return self.status(status["id"], status["account_id"])

    def _unindex(self, status_id: int) -> None:
        self.store.run("DELETE FROM words WHERE rowid = ?", status_id)
        for table in ("tag", "mention"):
            self.store.run(f"DELETE FROM {table} WHERE status_id = ?", status_id)

    def delete(self, status: Row) -> None:
        """Remove a status and all that hangs on it; answers to it stay and lose their parent, as on Mastodon."""
        status_id = status["id"]
        with self.store.writing():
            for boost in self.store.all("SELECT * FROM status WHERE reblog_of = ?", status_id):
                self.delete(boost)
            self._unindex(status_id)
            for table in ("favourite", "edit", "notification", "media"):
                self.store.run(f"DELETE FROM {table} WHERE status_id = ?", status_id)
            self.store.run(
                "UPDATE status SET in_reply_to = NULL, in_reply_to_account = NULL WHERE in_reply_to = ?", status_id
            )
            self.store.run("DELETE FROM status WHERE id = ?", status_id)
            self.store.run("UPDATE account SET posts = max(0, posts - 1) WHERE id = ?", status["account_id"])
            self._shorten(status["thread_id"], status_id)

    def _shorten(self, thread_id: int, status_id: int) -> None:
        last = self.store.value("SELECT max(id) FROM status WHERE thread_id = ? AND visibility = 'direct'", thread_id)
        if last is None:
            self.store.run("DELETE FROM conversation WHERE thread_id = ?", thread_id)
        else:
            self.store.run(
                "UPDATE conversation SET last_status_id = ? WHERE thread_id = ? AND last_status_id = ?",
                last,
                thread_id,
                status_id,
            )

    # --- reactions --------------------------------------------------------------------------------------------------

    def favourite(self, account_id: int, status: Row, at: datetime | None = None) -> None:
        """Like a status; liking twice changes nothing."""
        with self.store.writing():
            if self.store.changed("INSERT OR IGNORE INTO favourite VALUES (?, ?)", status["id"], account_id):
                self.notify(status["account_id"], "favourite", account_id, status["id"], millis(at or self.now()))

    def unfavourite(self, account_id: int, status: Row) -> None:
        """Take a like back."""
        self.store.run("DELETE FROM favourite WHERE status_id = ? AND account_id = ?", status["id"], account_id)

    def reblog(self, account_id: int, status: Row) -> Row:
        """Boost a status; the boost is a status of its own, made once."""
        if status["visibility"] not in ("public", "unlisted"):
            raise ApiError(422, "Validation failed: This action is not allowed")
        made = self.store.one("SELECT * FROM status WHERE reblog_of = ? AND account_id = ?", status["id"], account_id)
        if made is not None:
            return made
        with self.store.writing():
            now = millis(self.now())
            boost = self.store.new_id(now)
            self.store.insert(
                "status",
                id=boost,
                account_id=account_id,
                created_at=now,
                text="",
                visibility=status["visibility"],
                thread_id=boost,
                reblog_of=status["id"],
                born=now / 1000,
                appeal=0.0,
            )
            self._count(account_id, now)
            self.notify(status["account_id"], "reblog", account_id, status["id"], now)
        return self.status(boost)

    def follow(self, account_id: int, target: Row, at: datetime | None = None) -> None:
        """Follow an account; it is notified."""
        with self.store.writing():
            if relations.tie(self.store, "follow", account_id, target["id"]):
                self.notify(target["id"], "follow", account_id, None, millis(at or self.now()))

    # --- notifications ----------------------------------------------------------------------------------------------

    def notify(self, account_id: int, kind: str, from_id: int, status_id: int | None, at: int) -> None:
        """Tell one of our channels, unless it has muted or blocked who did it; contacts don't read theirs."""
        is_channel = self.store.value("SELECT channel FROM account WHERE id = ?", account_id)
        if not is_channel or account_id == from_id or relations.is_silent(self.store, account_id, from_id):
            return
        if self._held is not None:
            self._held.append((at, account_id, kind, from_id, status_id))
            return
        self.store.insert(
            "notification", account_id=account_id, type=kind, from_id=from_id, status_id=status_id, created_at=at
        )

    def hold_notifications(self) -> None:
        """While history is written out of order: keep notifications back …"""
        self._held = []

    def release_notifications(self) -> None:
        """… and number them by their time."""
        held, self._held = sorted(self._held or (), key=lambda n: n[0]), None
        for at, account_id, kind, from_id, status_id in held:
            self.notify(account_id, kind, from_id, status_id, at)

    # --- posting through the API ------------------------------------------------------------------------------------

    def post(self, entry: Entry, key: str | None) -> Row:
        """What POST /api/v1/statuses does: honours the Idempotency-Key and writes the journal."""
        with self.store.writing():
            now = millis(self.now())
            old = self._replayed(entry.account_id, key, now) if key and self.idempotency else None
            status = old or self.publish(entry)
            if key and not old:
                self.store.run(
                    "INSERT OR REPLACE INTO replay VALUES (?, ?, ?, ?)", entry.account_id, key, status["id"], now
                )
            self.store.insert(
                "journal",
                at=now,
                key=key,
                text=entry.text,
                account_id=entry.account_id,
                status_id=status["id"],
                replayed=int(old is not None),
            )
        return status

    def _replayed(self, account_id: int, key: str, now: int) -> Row | None:
        return self.store.one(
            "SELECT s.* FROM replay r JOIN status s ON s.id = r.status_id "
            "WHERE r.account_id = ? AND r.key = ? AND r.at > ?",
            account_id,
            key,
            now - REPLAY_MILLISECONDS,
        )

    # --- numbers ----------------------------------------------------------------------------------------------------

    def followers(self, account: Row) -> int:
        """Followers of an account now."""
        if account["channel"]:
            return growth.followers(account["acct"], self.now())
        return int(account["followers"])

    def history(self, handle: str, days: int = 182) -> list[growth.Day]:
        """A channel's daily snapshots up to now, oldest first; posts counted from what is really there."""
        account = self.find_account(handle)
        if account is None or not account["channel"]:
            raise ApiError(404, "Record not found")
        sql = "SELECT count(*) FROM status WHERE account_id = ? AND id < ?"

        def posts_at(at: datetime) -> int:
            return int(self.store.value(sql, account["id"], millis(at) + 1 << 16))

        return growth.history(handle, self.now(), posts_at, days)
