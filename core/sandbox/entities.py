"""Rows as the entities of docs.joinmastodon.org/entities: Account, Status, Notification, MediaAttachment, Conversation.

Whole lists are rendered at once, with the same number of queries however long they are.
"""
# ruff: noqa: S608 - values are always bound; only literals and question marks are put together

from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import Any

from core.sandbox import growth, markup
from core.sandbox.network import Network
from core.sandbox.rules import moment
from core.sandbox.store import Row, marks

Json = dict[str, Any]
EXTENSIONS = {
    **{"image/png": "png", "image/jpeg": "jpg", "image/gif": "gif", "image/webp": "webp"},
    **{"video/mp4": "mp4", "video/webm": "webm", "video/quicktime": "mov"},
}


def stamp(at: int | None) -> str | None:
    """A stored time as Mastodon writes it, e.g. 2026-08-01T13:55:56.462Z."""
    return None if at is None else moment(at).isoformat(timespec="milliseconds").replace("+00:00", "Z")


class Renderer:
    """Makes entities for one viewer (account id, 0 for nobody). `base` is the server's address without a slash."""

    def __init__(self, network: Network, base: str, viewer: int = 0) -> None:
        self.network = network
        self.store = network.store
        self.base = base
        self.viewer = viewer
        self._accounts: dict[int, Json] = {}

    # --- accounts -----------------------------------------------------------------------------------------------------

    def account(self, row: Row) -> Json:
        """An Account."""
        url = f"{self.base}/@{row['acct']}"
        avatar = f"{self.base}/avatars/{row['username']}-{row['id']}.svg"
        created = moment(row["created_at"]).strftime("%Y-%m-%dT00:00:00.000Z")
        last = stamp(row["last_status_at"])
        return {
            "id": str(row["id"]),
            "username": row["username"],
            "acct": row["acct"],
            "display_name": row["name"],
            "locked": False,
            "bot": True,
            "discoverable": True,
            "indexable": True,
            "group": False,
            "created_at": created,
            "note": markup.to_html(row["note"], {}, self.base),
            "url": url,
            "uri": f"{self.base}/users/{row['acct']}",
            "avatar": avatar,
            "avatar_static": avatar,
            "avatar_description": "",
            "header": f"{self.base}/avatars/header.svg",
            "header_static": f"{self.base}/avatars/header.svg",
            "header_description": "",
            "followers_count": self.network.followers(row),
            "following_count": self._following(row),
            "statuses_count": row["posts"],
            "last_status_at": last[:10] if last else None,
            "hide_collections": None,
            "noindex": False,
            "emojis": [],
            "roles": [],
            "fields": [{"name": "Sandbox", "value": "Invented, like everybody here", "verified_at": None}],
        }

    def own_account(self, row: Row) -> Json:
        """A CredentialAccount."""
        source = {
            "privacy": "public",
            "sensitive": False,
            "language": row["language"],
            "note": row["note"],
            "fields": [],
            "follow_requests_count": 0,
        }
        role = {"id": "-99", "name": "", "permissions": "0", "color": "", "highlighted": False}
        return self.account(row) | {"source": source, "role": role}

    def _following(self, row: Row) -> int:
        if row["channel"]:
            return growth.following(row["acct"], self.network.now())
        return int(row["followers"] * 0.6) + 20

    def _known(self, ids: Iterable[int]) -> dict[int, Json]:
        missing = [i for i in set(ids) if i not in self._accounts]
        if missing:
            rows = self.store.all(f"SELECT * FROM account WHERE id IN ({marks(missing)})", *missing)
            self._accounts |= {row["id"]: self.account(row) for row in rows}
        return self._accounts

    # --- statuses -----------------------------------------------------------------------------------------------------

    def status(self, row: Row) -> Json:
        """A Status."""
        return self.statuses([row])[0]

    def statuses(self, rows: Sequence[Row]) -> list[Json]:
        """Statuses, in the order given."""
        boosted_ids = [row["reblog_of"] for row in rows if row["reblog_of"]]
        boosted: dict[int, Json] = {}
        if boosted_ids:
            sql = f"SELECT * FROM status WHERE id IN ({marks(boosted_ids)})"
            originals = self.store.all(sql, *boosted_ids)
            boosted = {row["id"]: entity for row, entity in zip(originals, self.statuses(originals), strict=True)}
        ids = [row["id"] for row in rows]
        self._known(row["account_id"] for row in rows)
        parts = _Parts(self, ids)
        return [self._status(row, parts, boosted.get(row["reblog_of"])) for row in rows]

    def _status(self, row: Row, parts: "_Parts", boosted: Json | None) -> Json:
        status_id, author = row["id"], self._accounts[row["account_id"]]
        mine = {
            "favourited": status_id in parts.favourited,
            "reblogged": status_id in parts.boosted,
            "muted": False,
            "bookmarked": False,
        }
        return {
            "id": str(status_id),
            "created_at": stamp(row["created_at"]),
            "in_reply_to_id": _text_id(row["in_reply_to"]),
            "in_reply_to_account_id": _text_id(row["in_reply_to_account"]),
            "sensitive": bool(row["sensitive"]),
            "spoiler_text": row["spoiler"],
            "visibility": row["visibility"],
            "language": row["language"],
            "uri": f"{author['uri']}/statuses/{status_id}",
            "url": f"{author['url']}/{status_id}",
            **self._counts(row, author, parts),
            "edited_at": stamp(row["edited_at"]),
            **(mine if self.viewer else {}),
            "content": self.html(row["text"], parts.mentions[status_id]),
            "filtered": [],
            "reblog": boosted,
            "application": parts.apps.get(row["app_id"]),
            "account": author,
            "media_attachments": [self.media(m) for m in parts.media[status_id]],
            "mentions": [self._mention(m) for m in parts.mentions[status_id]],
            "tags": [{"name": t, "url": f"{self.base}/tags/{t}"} for t in parts.tags[status_id]],
            "emojis": [],
            "card": None,
            "poll": None,
            "quote": None,
        }

    def html(self, text: str, mentioned: Sequence[Row]) -> str:
        """A text as Mastodon's HTML; `mentioned` are the accounts that become links."""
        return markup.to_html(text, {m["acct"]: markup.Named(m["acct"], m["username"]) for m in mentioned}, self.base)

    def _counts(self, row: Row, author: Json, parts: "_Parts") -> Json:
        handle = author["acct"]
        crowd = None if handle in growth.CURVES else min(author["followers_count"], 3000)
        seen = (handle, moment(row["created_at"]), row["appeal"], self.network.age(row), crowd)
        status_id = row["id"]
        return {
            "replies_count": parts.replies[status_id],
            "reblogs_count": parts.boosts[status_id] + (growth.reblogs(*seen) if row["appeal"] else 0),
            "favourites_count": parts.favourites[status_id] + (growth.likes(*seen) if row["appeal"] else 0),
            "quotes_count": 0,
        }

    def _mention(self, row: Row) -> Json:
        url = f"{self.base}/@{row['acct']}"
        return {"id": str(row["id"]), "username": row["username"], "url": url, "acct": row["acct"]}

    def media(self, row: Row) -> Json:
        """A MediaAttachment."""
        url = f"{self.base}/media/{row['id']}.{EXTENSIONS[row['mime']]}"
        width, height = row["width"], row["height"]
        size = {
            "width": width,
            "height": height,
            "size": f"{width}x{height}",
            "aspect": round(width / max(height, 1), 4),
        }
        x, y = (float(part) for part in (row["focus"] or "0,0").split(","))
        return {
            "id": str(row["id"]),
            "type": row["mime"].partition("/")[0],
            "url": url,
            "preview_url": url,
            "remote_url": None,
            "preview_remote_url": None,
            "text_url": None,
            "meta": {"original": size, "small": size, "focus": {"x": x, "y": y}},
            "description": row["description"],
            "blurhash": "UGC~-#M{0JfkNFofR%M{IURj%Mt7E0oM%MR*",
        }

    # --- lists of other things ----------------------------------------------------------------------------------------

    def notifications(self, rows: Sequence[Row]) -> list[Json]:
        """Notifications, in the order given."""
        found = self._by_id({row["status_id"] for row in rows if row["status_id"]})
        accounts = self._known(row["from_id"] for row in rows)
        out = []
        for row in rows:
            entity = {
                "id": str(row["id"]),
                "type": row["type"],
                "created_at": stamp(row["created_at"]),
                "group_key": f"ungrouped-{row['id']}",
                "account": accounts[row["from_id"]],
            }
            out.append(entity | ({"status": found[row["status_id"]]} if row["status_id"] in found else {}))
        return out

    def _by_id(self, ids: Iterable[int]) -> dict[int, Json]:
        wanted = list(ids)
        if not wanted:
            return {}
        rows = self.store.all(f"SELECT * FROM status WHERE id IN ({marks(wanted)})", *wanted)
        return {row["id"]: entity for row, entity in zip(rows, self.statuses(rows), strict=True)}

    def conversations(self, rows: Sequence[Row]) -> list[Json]:
        """Conversations; the viewer isn't among their accounts unless alone."""
        found = self._by_id({row["last_status_id"] for row in rows})
        out = []
        for row in rows:
            last = found.get(row["last_status_id"])
            names = [last["account"]["id"], *(m["id"] for m in last["mentions"])] if last else []
            others = [int(i) for i in dict.fromkeys(names) if int(i) != self.viewer] or [self.viewer]
            known = self._known(others)
            out.append(
                {
                    "id": str(row["id"]),
                    "unread": bool(row["unread"]),
                    "accounts": [known[i] for i in others],
                    "last_status": last,
                }
            )
        return out


def _text_id(value: int | None) -> str | None:
    return None if value is None else str(value)


class _Parts:
    """What hangs on a list of statuses, fetched with one query each."""

    def __init__(self, renderer: Renderer, ids: list[int]) -> None:
        store, inside, viewer = renderer.store, f"({marks(ids)})", renderer.viewer

        def count(sql: str) -> dict[int, int]:
            return defaultdict(int, {r[0]: r[1] for r in store.all(sql.replace("?", inside), *ids)})

        self.replies = count("SELECT in_reply_to, count(*) FROM status WHERE in_reply_to IN ? GROUP BY 1")
        self.boosts = count("SELECT reblog_of, count(*) FROM status WHERE reblog_of IN ? GROUP BY 1")
        self.favourites = count("SELECT status_id, count(*) FROM favourite WHERE status_id IN ? GROUP BY 1")
        mine = (*ids, viewer) if viewer else ()
        liked = f"SELECT status_id FROM favourite WHERE status_id IN {inside} AND account_id = ?"
        shared = f"SELECT reblog_of FROM status WHERE reblog_of IN {inside} AND account_id = ?"
        self.favourited = {r[0] for r in store.all(liked, *mine)} if mine else set()
        self.boosted = {r[0] for r in store.all(shared, *mine)} if mine else set()
        self.mentions: dict[int, list[Row]] = defaultdict(list)
        self.tags: dict[int, list[str]] = defaultdict(list)
        self.media: dict[int, list[Row]] = defaultdict(list)
        named = "SELECT m.status_id, a.* FROM mention m JOIN account a ON a.id = m.account_id WHERE m.status_id IN "
        for row in store.all(named + inside, *ids):
            self.mentions[row["status_id"]].append(row)
        for row in store.all(f"SELECT status_id, tag FROM tag WHERE status_id IN {inside}", *ids):
            self.tags[row[0]].append(row[1])
        fields = "id, status_id, position, mime, width, height, description, focus"
        pictures = f"SELECT {fields} FROM media WHERE status_id IN {inside} ORDER BY position"
        for row in store.all(pictures, *ids):
            self.media[row["status_id"]].append(row)
        apps = "SELECT DISTINCT a.id, a.name, a.website FROM status s JOIN app a ON a.id = s.app_id WHERE s.id IN "
        self.apps = {r[0]: {"name": r[1], "website": r[2] or None} for r in store.all(apps + inside, *ids)}
