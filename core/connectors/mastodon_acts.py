"""Likes, boosts, follows, mutes and blocks on a Mastodon-API server.

https://docs.joinmastodon.org/methods/statuses/ · https://docs.joinmastodon.org/methods/accounts/

A status says itself what we did with it, and is read first: what is so already isn't asked for again (not every server
takes a second boost for the first). What is asked of an account may be asked twice anywhere.
"""

from collections.abc import Callable

from core.connectors import mastodon_posts as posts
from core.connectors.base import Act
from core.connectors.http import Http
from core.connectors.mastodon_posts import Json, mapping, path, word
from core.errors import Rejected, RemoteGone, RetryLater

STATUSES, ACCOUNTS = "/api/v1/statuses", "/api/v1/accounts"
# Act -> the request, what the status then says of itself, and which of both it says.
ON_STATUS: dict[Act, tuple[str, str, bool]] = {
    Act.LIKE: ("favourite", "favourited", True),
    Act.UNLIKE: ("unfavourite", "favourited", False),
    Act.REPOST: ("reblog", "reblogged", True),
    Act.UNREPOST: ("unreblog", "reblogged", False),
}
ON_ACCOUNT: dict[Act, str] = {
    Act.FOLLOW: "follow",
    Act.UNFOLLOW: "unfollow",
    Act.MUTE: "mute",
    Act.UNMUTE: "unmute",
    Act.BLOCK: "block",
    Act.UNBLOCK: "unblock",
}
NOT_PUBLIC = "Only public posts can be shared on, and this one isn't."


class Acts:
    """What can be done from one profile; `host` is its server's, `delete` deletes a status of ours."""

    def __init__(self, http: Http, host: str, delete: Callable[[str], None]) -> None:
        self._http = http
        self._host = host
        self._delete = delete

    def do(self, act: Act, remote_id: str, author: str) -> None:
        """As `Connector.act`."""
        if act in ON_STATUS:
            self.on_status(act, remote_id)
        elif act in ON_ACCOUNT:
            self.on_account(act, remote_id, author)
        else:
            self._delete(remote_id)

    def on_status(self, act: Act, remote_id: str) -> None:
        """POST /api/v1/statuses/:id/favourite, /unfavourite, /reblog or /unreblog, unless it is so already.

        https://docs.joinmastodon.org/methods/statuses/#favourite · …#boost
        """
        request, says, wanted = ON_STATUS[act]
        status = mapping(self._http.get(path(STATUSES, remote_id)).json())
        if not word(status.get("id")):
            raise RetryLater("The server's answer was not a post.")
        if status.get(says) is wanted:
            return
        if act is Act.REPOST and status.get("visibility") in ("private", "direct"):
            raise Rejected(NOT_PUBLIC)
        self._http.write("POST", path(STATUSES, remote_id, request), repeatable=True)

    def on_account(self, act: Act, remote_id: str, author: str) -> None:
        """POST /api/v1/accounts/:id/follow, /unfollow, /mute, /unmute, /block or /unblock.

        https://docs.joinmastodon.org/methods/accounts/#follow · …#mute · …#block
        """
        account_id = self._account_id(remote_id, author)
        self._http.write("POST", path(ACCOUNTS, account_id, ON_ACCOUNT[act]), repeatable=True)

    def _account_id(self, remote_id: str, author: str) -> str:
        """This server's number for who wrote a status: as the status says, or by name where it is gone."""
        try:
            account = mapping(mapping(self._http.get(path(STATUSES, remote_id)).json()).get("account"))
        except RemoteGone:
            account = {}
        if not word(account.get("id")) or (author and posts.full_handle(account, self._host) != author.lower()):
            account = self._looked_up(author)
        account_id = word(account.get("id"))
        if not account_id:
            raise RemoteGone("The network no longer has whoever wrote this.")
        return account_id

    def _looked_up(self, author: str) -> Json:
        """GET /api/v1/accounts/lookup. https://docs.joinmastodon.org/methods/accounts/#lookup"""
        if not author:
            return {}
        name = author.removesuffix(f"@{self._host}")
        return mapping(self._http.get(f"{ACCOUNTS}/lookup", {"acct": name}).json())
