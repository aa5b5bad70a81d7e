"""Changing what is published on servers of the Mastodon API: what is asked, in which order, and what must not be lost.

An edit states the whole post (docs.joinmastodon.org/methods/statuses/#edit): the requests are compared word by word.
"""

import json
from datetime import UTC, datetime
from typing import Any

import httpx
import pytest

from core.connectors.base import Draft, DraftPart
from core.connectors.bluesky import Bluesky
from core.connectors.mastodon import Mastodon
from core.errors import NeedsReauth, Rejected, RemoteGone, RetryLater
from tests.connectors.test_mastodon_dialects import Server

AT = "/api/v1/statuses/108942703571991143"
STATUS = {
    "id": "108942703571991143",
    "created_at": "2022-09-04T23:22:13.704Z",
    "edited_at": None,
    "sensitive": True,
    "spoiler_text": "Kaffee",
    "visibility": "unlisted",
    "language": "de",
    "url": "https://server.example/@shop/108942703571991143",
    "content": "<p>Frisch geröstet</p>",
    "media_attachments": [{"id": "22345792", "description": "Eine Tasse"}, {"id": "22345793", "description": "Bohnen"}],
    "poll": None,
}
SOURCE = {"id": "108942703571991143", "text": "Frisch geröstet", "spoiler_text": "Kaffee & Kuchen"}
NEW = Draft((DraftPart("Vorher"), DraftPart("Frischer geröstet")))


def serving(put: Any = None, **changes: Any) -> Server:
    """A server with one status of ours; `put` answers the change."""

    def at(request: httpx.Request) -> Any:
        if request.method == "GET":
            return STATUS | changes
        return put if put is not None else STATUS | {"edited_at": "2022-09-05T00:33:20.309Z"}

    return Server({AT: at, f"{AT}/source": SOURCE})


def edit(server: Server) -> Any:
    channel: Mastodon = server.channel()
    return channel.edit(STATUS["id"], NEW, 1)


def test_everything_but_the_text_is_sent_back_as_it_stands_there() -> None:
    server = serving()
    sent = edit(server)
    assert [(r.method, r.url.path) for r in server.asked] == [("GET", AT), ("GET", f"{AT}/source"), ("PUT", AT)]
    assert json.loads(server.asked[-1].content) == {
        "status": "Frischer geröstet",
        "spoiler_text": "Kaffee & Kuchen",  # as it was written: the status itself may have it as HTML
        "sensitive": True,
        "media_ids": ["22345792", "22345793"],  # what isn't named is taken off the post
        "language": "de",
    }
    assert (sent.remote_id, sent.url) == (STATUS["id"], STATUS["url"])
    assert sent.at == datetime(2022, 9, 5, 0, 33, 20, 309000, tzinfo=UTC)


def test_the_same_words_again_ask_for_no_change() -> None:
    server = serving()
    server.answers[f"{AT}/source"] = SOURCE | {"text": "Frischer geröstet"}
    edit(server)
    assert "PUT" not in [request.method for request in server.asked]


def test_a_server_without_sources_is_asked_all_the_same() -> None:
    server = serving()
    del server.answers[f"{AT}/source"]
    edit(server)
    assert json.loads(server.asked[-1].content)["spoiler_text"] == "Kaffee"


def test_a_poll_is_not_put_at_risk() -> None:
    server = serving(poll={"id": "1", "options": []})
    with pytest.raises(Rejected, match="poll"):
        edit(server)
    assert [request.method for request in server.asked] == ["GET"]


@pytest.mark.parametrize(
    ("put", "meaning"),
    [
        (httpx.Response(404, json={"error": "Record not found"}), Rejected),  # it can be read: the request is missing
        (httpx.Response(422, json={"error": "Validation failed: Text can't be blank"}), Rejected),
        (httpx.Response(401, json={"error": "The access token is invalid"}), NeedsReauth),
        (httpx.Response(502, text="Bad gateway"), RetryLater),  # twice does no harm
        (httpx.Response(200, text="<html>"), RetryLater),
    ],
)
def test_what_a_failed_change_means(put: httpx.Response, meaning: type[Exception]) -> None:
    with pytest.raises(meaning):
        edit(serving(put))


def test_what_is_gone_cannot_be_changed() -> None:
    server = Server({})
    with pytest.raises(RemoteGone):
        edit(server)
    assert len(server.asked) == 1


def test_where_nothing_can_be_changed_it_is_said() -> None:
    assert Mastodon.capabilities.edits and not Bluesky.capabilities.edits
    channel = Bluesky("https://pds.example", {"identifier": "a", "password": "b"})
    with pytest.raises(Rejected, match="Bluesky doesn't let anybody change what is published"):
        channel.edit("at://x/y/z", NEW, 0)
    channel.close()
