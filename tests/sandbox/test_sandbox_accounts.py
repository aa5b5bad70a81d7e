"""What one account does about another in the sandbox, over HTTP; and the hub's own connector trying all of it there."""

from collections.abc import Iterator
from typing import Any

import pytest

from core.connectors.base import Act
from core.connectors.mastodon import Mastodon
from core.errors import NeedsReauth, Rejected, RemoteGone, RetryLater
from core.sandbox.plan import COFFEE
from core.sandbox.serve import Sandbox

from .conftest import Client

LENA = "lena@norden.example"


@pytest.fixture
def channel(box: Sandbox) -> Iterator[Mastodon]:
    host = box.url.removeprefix("http://")
    made = Mastodon(box.url, {"access_token": box.tokens[COFFEE]}, allowed_hosts=frozenset({host}))
    yield made
    made.close()


def says(admin: Client, text: str = "Wann habt ihr offen?", **more: Any) -> dict[str, Any]:
    """Lena writes to the channel."""
    return admin.call("POST", "/_sandbox/say", json={"who": LENA, "text": text, "to": COFFEE, **more})


def relationship(coffee: Client, account_id: str) -> dict[str, Any]:
    return coffee.call("GET", "/api/v1/accounts/relationships", params={"id[]": account_id})[0]


def told(coffee: Client) -> list[str]:
    return [note["type"] for note in coffee.call("GET", "/api/v1/notifications")]


def test_a_relationship_has_the_documented_fields(admin: Client, coffee: Client) -> None:
    lena = says(admin)["account"]["id"]
    found = coffee.call("GET", "/api/v1/accounts/relationships", params={"id[]": [lena, "1", lena]})
    assert [one["id"] for one in found] == [lena], "those that exist, once"
    documented = {
        *("id", "following", "showing_reblogs", "notifying", "languages", "followed_by", "blocking", "blocked_by"),
        *("muting", "muting_notifications", "requested", "requested_by", "domain_blocking", "endorsed", "note"),
    }
    assert found[0].keys() >= documented


@pytest.mark.parametrize(("name", "says_so"), [("follow", "following"), ("mute", "muting"), ("block", "blocking")])
def test_done_twice_is_done_once_and_can_be_taken_back(admin: Client, coffee: Client, name: str, says_so: str) -> None:
    lena = says(admin)["account"]["id"]
    for _ in range(2):
        assert coffee.call("POST", f"/api/v1/accounts/{lena}/{name}")[says_so] is True
        assert relationship(coffee, lena)[says_so] is True
    for _ in range(2):
        assert coffee.call("POST", f"/api/v1/accounts/{lena}/un{name}")[says_so] is False


def test_a_block_ends_following_both_ways(admin: Client, coffee: Client) -> None:
    lena = says(admin)["account"]["id"]
    coffee.call("POST", f"/api/v1/accounts/{lena}/follow")
    admin.call("POST", "/_sandbox/follow", json={"who": LENA, "to": COFFEE})
    assert relationship(coffee, lena)["followed_by"] is True
    now = coffee.call("POST", f"/api/v1/accounts/{lena}/block")
    assert (now["following"], now["followed_by"]) == (False, False)
    coffee.call("POST", f"/api/v1/accounts/{lena}/follow", status=403)


@pytest.mark.parametrize("name", ["mute", "block"])
def test_of_whom_it_silenced_a_channel_hears_nothing_more(admin: Client, coffee: Client, name: str) -> None:
    lena = says(admin)["account"]["id"]
    coffee.call("POST", f"/api/v1/accounts/{lena}/{name}")
    says(admin, "Hallo?")
    assert told(coffee) == ["mention"]
    coffee.call("POST", f"/api/v1/accounts/{lena}/un{name}")
    says(admin, "Und jetzt?")
    assert told(coffee) == ["mention", "mention"]


def test_nobody_acts_on_themselves_without_a_sign_in_or_on_nobody(coffee: Client, browser: Any, box: Sandbox) -> None:
    me = coffee.call("GET", "/api/v1/accounts/verify_credentials")["id"]
    coffee.call("POST", f"/api/v1/accounts/{me}/block", status=403)
    coffee.call("POST", "/api/v1/accounts/1/block", status=404)
    assert browser.post(f"{box.url}/api/v1/accounts/{me}/follow").status_code == 401


def test_a_token_for_less_may_not(admin: Client, box: Sandbox) -> None:
    token = admin.call("POST", "/_sandbox/token", json={"handle": COFFEE, "scopes": "read write:statuses"})
    narrow = Mastodon(
        box.url, {"access_token": token["token"]}, allowed_hosts=frozenset({box.url.removeprefix("http://")})
    )
    with pytest.raises(NeedsReauth) as refused:
        narrow.act(Act.BLOCK, says(admin)["id"], LENA)
    assert refused.value.status == 403
    narrow.close()


# --- the hub's connector --------------------------------------------------------------------------------------------


def test_everything_that_is_offered_works_here(channel: Mastodon, admin: Client, coffee: Client) -> None:
    message = says(admin)
    lena = message["account"]["id"]

    def seen() -> dict[str, bool]:
        status = coffee.call("GET", f"/api/v1/statuses/{message['id']}")
        return {**status, **relationship(coffee, lena)}

    for act, undo, says_so in (
        (Act.LIKE, Act.UNLIKE, "favourited"),
        (Act.REPOST, Act.UNREPOST, "reblogged"),
        (Act.FOLLOW, Act.UNFOLLOW, "following"),
        (Act.MUTE, Act.UNMUTE, "muting"),
        (Act.BLOCK, Act.UNBLOCK, "blocking"),
    ):
        for _ in range(2):
            channel.act(act, message["id"], LENA)
            assert seen()[says_so] is True, act
        for _ in range(2):
            channel.act(undo, message["id"], LENA)
            assert seen()[says_so] is False, undo


def test_our_own_answer_is_deleted(channel: Mastodon, coffee: Client) -> None:
    ours = coffee.call("POST", "/api/v1/statuses", json={"status": "Ein Versehen"})
    channel.act(Act.DELETE_OWN, ours["id"])
    coffee.call("GET", f"/api/v1/statuses/{ours['id']}", status=404)
    with pytest.raises(RemoteGone):
        channel.act(Act.DELETE_OWN, ours["id"])


def test_a_direct_message_is_not_shared_on(channel: Mastodon, admin: Client) -> None:
    with pytest.raises(Rejected, match="Only public posts"):
        channel.act(Act.REPOST, says(admin, visibility="direct")["id"])


def test_a_fault_after_which_it_is_tried_again_makes_one_like(channel: Mastodon, admin: Client, coffee: Client) -> None:
    message = says(admin)
    fault = {"path": f"/api/v1/statuses/{message['id']}/favourite", "method": "POST", "kind": "drop_after"}
    admin.call("POST", "/_sandbox/faults", json=fault)
    with pytest.raises(RetryLater):
        channel.act(Act.LIKE, message["id"])
    channel.act(Act.LIKE, message["id"])
    now = coffee.call("GET", f"/api/v1/statuses/{message['id']}")
    assert (now["favourited"], now["favourites_count"]) == (True, 1)
