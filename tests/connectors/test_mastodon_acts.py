"""Likes, boosts, follows, mutes and blocks against mastodon-mock; what it did is looked at as its people see it."""

import pytest

from core.connectors.base import Act
from core.connectors.mastodon import Mastodon
from core.errors import NeedsReauth, RateLimited, Rejected, RemoteGone, RetryLater
from tests.connectors.conftest import LOOPBACK, Mock


@pytest.fixture
def channel(mastodon: Mock) -> Mastodon:
    return mastodon.channel("alice")


@pytest.fixture
def theirs(mastodon: Mock) -> dict:
    """What bob wrote to us."""
    return mastodon.say("bob", "@alice Wann habt ihr offen?")


def status(mastodon: Mock, remote_id: str) -> dict:
    return mastodon.ask("alice", "GET", f"/api/v1/statuses/{remote_id}")


def relationship(mastodon: Mock, account_id: str) -> dict:
    return mastodon.ask("alice", "GET", "/api/v1/accounts/relationships", params={"id[]": account_id})[0]


def writes(mastodon: Mock, channel: Mastodon, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The paths that the connector writes to from now on."""
    made: list[str] = []
    write = channel._http.write

    def noted(method: str, path: str, **options: object) -> object:
        made.append(path)
        return write(method, path, **options)

    monkeypatch.setattr(channel._http, "write", noted)
    return made


@pytest.mark.parametrize(
    ("act", "undo", "says", "count"),
    [
        (Act.LIKE, Act.UNLIKE, "favourited", "favourites_count"),
        (Act.REPOST, Act.UNREPOST, "reblogged", "reblogs_count"),
    ],
)
def test_liking_and_boosting_twice_is_doing_it_once(
    channel: Mastodon,
    mastodon: Mock,
    theirs: dict,
    monkeypatch: pytest.MonkeyPatch,
    act: Act,
    undo: Act,
    says: str,
    count: str,
):
    made = writes(mastodon, channel, monkeypatch)
    for _ in range(2):
        channel.act(act, theirs["id"])
        now = status(mastodon, theirs["id"])
        assert (now[says], now[count]) == (True, 1)
    assert len(made) == 1, "what is so already is not asked for again"
    for _ in range(2):
        channel.act(undo, theirs["id"])
        now = status(mastodon, theirs["id"])
        assert (now[says], now[count]) == (False, 0)
    assert len(made) == 2


def test_what_somebody_else_liked_is_still_to_be_liked_by_us(channel: Mastodon, mastodon: Mock, theirs: dict):
    mastodon.ask("carol", "POST", f"/api/v1/statuses/{theirs['id']}/favourite")
    channel.act(Act.LIKE, theirs["id"])
    assert status(mastodon, theirs["id"])["favourites_count"] == 2


@pytest.mark.parametrize("visibility", ["private", "direct"])
def test_what_is_not_public_is_not_boosted(channel: Mastodon, mastodon: Mock, visibility: str):
    secret = mastodon.say("bob", "@alice nur für dich", visibility=visibility)
    with pytest.raises(Rejected, match="Only public posts"):
        channel.act(Act.REPOST, secret["id"])
    assert status(mastodon, secret["id"])["reblogs_count"] == 0


@pytest.mark.parametrize(
    ("act", "undo", "says"),
    [
        (Act.FOLLOW, Act.UNFOLLOW, "following"),
        (Act.MUTE, Act.UNMUTE, "muting"),
        (Act.BLOCK, Act.UNBLOCK, "blocking"),
    ],
)
def test_who_wrote_is_followed_muted_blocked_and_let_go(
    channel: Mastodon, mastodon: Mock, theirs: dict, act: Act, undo: Act, says: str
):
    author = f"bob@{mastodon.host}"
    for _ in range(2):
        channel.act(act, theirs["id"], author)
        assert relationship(mastodon, theirs["account"]["id"])[says] is True
    for _ in range(2):
        channel.act(undo, theirs["id"], author)
        assert relationship(mastodon, theirs["account"]["id"])[says] is False


def test_who_deleted_what_they_wrote_can_still_be_blocked(channel: Mastodon, mastodon: Mock, theirs: dict):
    mastodon.ask("bob", "DELETE", f"/api/v1/statuses/{theirs['id']}")
    channel.act(Act.BLOCK, theirs["id"], f"bob@{mastodon.host}")
    assert relationship(mastodon, theirs["account"]["id"])["blocking"] is True
    with pytest.raises(RemoteGone):
        channel.act(Act.BLOCK, theirs["id"])  # nobody knows who it was
    with pytest.raises(RemoteGone):
        channel.act(Act.LIKE, theirs["id"])


def test_the_one_who_is_meant_is_blocked_whatever_the_message_says(channel: Mastodon, mastodon: Mock, theirs: dict):
    carol = mastodon.ask("carol", "GET", "/api/v1/accounts/verify_credentials")
    channel.act(Act.BLOCK, theirs["id"], f"carol@{mastodon.host}")
    assert relationship(mastodon, carol["id"])["blocking"] is True
    assert relationship(mastodon, theirs["account"]["id"])["blocking"] is False


def test_our_own_post_is_deleted_and_others_are_not(channel: Mastodon, mastodon: Mock, theirs: dict):
    ours = mastodon.say("alice", "Ein Versehen")
    channel.act(Act.DELETE_OWN, ours["id"])
    with pytest.raises(RemoteGone):
        channel.act(Act.DELETE_OWN, ours["id"])
    with pytest.raises((Rejected, RemoteGone)):
        channel.act(Act.DELETE_OWN, theirs["id"])
    assert status(mastodon, theirs["id"])["content"]


def test_answers_cannot_be_hidden_here(channel: Mastodon, theirs: dict):
    assert Act.HIDE not in channel.capabilities.acts
    with pytest.raises(Rejected, match="Mastodon doesn't let the hub do that"):
        channel.act(Act.HIDE, theirs["id"])


def test_a_fault_means_try_again_and_that_does_no_harm(channel: Mastodon, mastodon: Mock, theirs: dict):
    path = f"/api/v1/statuses/{theirs['id']}/favourite"
    mastodon.fault(path, "POST", type="status", status=503)
    with pytest.raises(RetryLater):
        channel.act(Act.LIKE, theirs["id"])
    mastodon.fault(path, "POST", type="ratelimit", retry_after=30)
    with pytest.raises(RateLimited):
        channel.act(Act.LIKE, theirs["id"])
    channel.act(Act.LIKE, theirs["id"])
    assert status(mastodon, theirs["id"])["favourites_count"] == 1


def test_an_ended_sign_in_is_noticed(mastodon: Mock, theirs: dict):
    channel = Mastodon(mastodon.url, {"access_token": "wrong"}, allowed_hosts=LOOPBACK)
    for act in (Act.LIKE, Act.MUTE):
        with pytest.raises(NeedsReauth):
            channel.act(act, theirs["id"], f"bob@{mastodon.host}")
    channel.close()
