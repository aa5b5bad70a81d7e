"""The Bluesky connector against a real network: what it does is looked at through somebody else's eyes."""

import uuid
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx
import pytest
from PIL import Image

from core.connectors.base import Act, Draft, DraftImage, DraftPart, Kind, Prepared, ReplyTo, Sent
from core.connectors.bluesky import Bluesky
from core.errors import NeedsReauth, RateLimited, Rejected, RemoteGone
from tests import videos
from tests.integration.bluesky_person import Person, eventually, mention
from tests.integration.conftest import BlueskyNetwork, start_bluesky

pytestmark = pytest.mark.integration


@pytest.fixture(scope="module")
def hub_credentials(bluesky_network: BlueskyNetwork) -> dict[str, str]:
    alice = bluesky_network.accounts["alice"]
    return Bluesky.sign_in(bluesky_network.pds, alice.handle, alice.app_password, bluesky_network.allowed_hosts)


@pytest.fixture
def channel(bluesky_network: BlueskyNetwork, hub_credentials: dict[str, str]) -> Iterator[Bluesky]:
    """Alice's account, as the hub has it."""
    connector = Bluesky(bluesky_network.pds, hub_credentials, allowed_hosts=bluesky_network.allowed_hosts)
    yield connector
    connector.close()


@pytest.fixture(scope="module")
def bob(bluesky_network: BlueskyNetwork) -> Iterator[Person]:
    account = bluesky_network.accounts["bob"]
    person = Person(bluesky_network.pds, account.handle, account.app_password)
    yield person
    person.close()


def prepare(channel: Bluesky, *texts: str, images: tuple[DraftImage, ...] = (), **more: object) -> Prepared:
    draft = Draft(tuple(DraftPart(text, images) for text in texts), **more)
    return channel.prepare(draft, 0, str(uuid.uuid4()), ())


def publish(channel: Bluesky, text: str, **more: object) -> Sent:
    return channel.publish(prepare(channel, text, **more))


def unknown(_: str) -> None:
    """The hub knows no message yet."""


def test_sign_in_gives_credentials_and_the_profile(channel: Bluesky, bluesky_network: BlueskyNetwork):
    assert channel.credentials["handle"] == "alice.test"
    profile = channel.profile()
    assert (profile.remote_id, profile.handle, profile.name) == (
        bluesky_network.accounts["alice"].did,
        "alice.test",
        "Alice",
    )


def test_a_wrong_password_is_said_in_a_sentence(bluesky_network: BlueskyNetwork):
    with pytest.raises(NeedsReauth, match="does not accept this handle and app password"):
        Bluesky.sign_in(bluesky_network.pds, "alice.test", "wrong", bluesky_network.allowed_hosts)


def test_a_broken_access_token_is_renewed_and_saved(bluesky_network: BlueskyNetwork, hub_credentials):
    saved: list[dict[str, str]] = []
    channel = Bluesky(
        bluesky_network.pds,
        {**hub_credentials, "access": "broken.token.here", "refresh": "also.broken.token"},
        save_credentials=saved.append,
        allowed_hosts=bluesky_network.allowed_hosts,
    )
    assert channel.channel_metrics()["followers"] >= 0
    assert saved[-1]["access"] == channel.credentials["access"] != "broken.token.here"
    assert saved[-1]["password"] == hub_credentials["password"]
    channel.close()


def test_text_is_published_with_links_mention_and_hashtag(channel: Bluesky, bob: Person):
    text = "Größe 👩🏽‍🚀: https://example.invalid/ä, @bob.test und @nobody.test #Grüße"
    sent = publish(channel, text, language="de")
    record = bob.seen(sent.remote_id)["record"]
    assert record["text"] == text
    assert record["langs"] == ["de"]
    raw = text.encode()
    marked = {raw[f["index"]["byteStart"] : f["index"]["byteEnd"]].decode(): f["features"][0] for f in record["facets"]}
    assert set(marked) == {"https://example.invalid/ä", "@bob.test", "#Grüße"}
    assert marked["@bob.test"]["did"] == bob.did
    assert sent.remote_id in [note["uri"] for note in eventually(lambda: bob.notifications("mention"))]


@pytest.mark.parametrize(
    "text",
    [
        "https:// https:///x http://[bad http://a b",
        "# #1 #\u200d ##double @ @. @-.test",
        "\U0001f1e9\U0001f1ea" * 40,
        "a\r\nb\u0000c" + "\u0301" * 30,
        "http://ex ample.com/<>\"'{}|\\^` https://münchen.de/ß?q=ä#ö www.example.com/(a)(b)).",
    ],
)
def test_odd_texts_are_accepted_by_the_real_server(channel: Bluesky, text: str):
    sent = publish(channel, text)
    channel.delete(sent.remote_id)


def test_the_same_write_again_makes_no_second_post(channel: Bluesky, bob: Person):
    prepared = prepare(channel, f"exactly once {uuid.uuid4()}")
    before = datetime.now(UTC)
    assert channel.find_published(prepared, before) is None
    first = channel.publish(prepared)
    stored = Prepared(prepared.replay_key, dict(prepared.request))  # as it comes back from the database
    assert channel.publish(stored) == first
    assert channel.find_published(stored, before) == first
    bob.seen(first.remote_id)
    feed = bob.ask("app.bsky.feed.getAuthorFeed", actor="alice.test", limit=100)["feed"]
    assert [item["post"]["uri"] for item in feed].count(first.remote_id) == 1


def test_another_record_under_the_same_key_is_not_overwritten(channel: Bluesky, bob: Person):
    prepared = prepare(channel, "the first version")
    sent = channel.publish(prepared)
    changed = {**prepared.request, "record": {**prepared.request["record"], "text": "another text"}}
    with pytest.raises(Rejected):
        channel.publish(Prepared(prepared.replay_key, changed))
    assert bob.seen(sent.remote_id)["record"]["text"] == "the first version"


def test_too_long_a_text_is_rejected_with_a_reason(channel: Bluesky):
    with pytest.raises(Rejected, match="300"):
        publish(channel, "x" * 301)


def test_an_image_arrives_with_alt_text_and_ratio(channel: Bluesky, bob: Person, tmp_path: Path):
    path = tmp_path / "large.png"
    Image.effect_noise((1600, 1200), 90).convert("RGB").save(path)
    assert path.stat().st_size > channel.limits.image_bytes
    image = DraftImage(str(path), "image/png", path.stat().st_size, 1600, 1200, "Rauschen in Grün")
    sent = publish(channel, "with an image", images=(image,))
    (shown,) = bob.seen(sent.remote_id)["embed"]["images"]
    assert shown["alt"] == "Rauschen in Grün"
    assert shown["aspectRatio"]["width"] / shown["aspectRatio"]["height"] == pytest.approx(4 / 3, rel=0.01)
    (own,) = [post for post in channel.own_posts(None).items if post.remote_id == sent.remote_id]
    assert [media.alt for media in own.media] == ["Rauschen in Grün"]


def test_a_video_is_taken_by_the_accounts_own_server(channel: Bluesky, bob: Person, tmp_path: Path):
    path = videos.make(tmp_path / "a.mp4", size=(64, 36))
    video = DraftImage(
        *(str(path), "video/mp4", path.stat().st_size, 64, 36), alt="Es dampft über Köln", duration=1.0, frame_rate=10
    )
    sent = publish(channel, "with a video", images=(video,))
    seen = bob.seen(sent.remote_id)
    held = seen["record"]["embed"]
    assert held["$type"] == "app.bsky.embed.video" and held["alt"] == "Es dampft über Köln"
    assert held["video"]["mimeType"] == "video/mp4" and held["video"]["size"] == path.stat().st_size
    shown = seen["embed"]
    assert shown["$type"] == "app.bsky.embed.video#view" and shown["aspectRatio"] == {"width": 64, "height": 36}
    blob = {"did": sent.remote_id.split("/")[2], "cid": held["video"]["ref"]["$link"]}
    whole = httpx.get(f"{channel.base_url}/xrpc/com.atproto.sync.getBlob", params=blob).content
    assert whole == path.read_bytes()


def test_a_thread_hangs_together(channel: Bluesky, bob: Person):
    draft = Draft((DraftPart("one"), DraftPart("two"), DraftPart("three")))
    sent: list[Sent] = []
    for part in range(3):
        sent.append(channel.publish(channel.prepare(draft, part, str(uuid.uuid4()), sent)))
    for one in sent:
        bob.seen(one.remote_id)
    third = bob.seen(sent[2].remote_id)["record"]["reply"]
    assert third["root"]["uri"] == sent[0].remote_id
    assert third["parent"]["uri"] == sent[1].remote_id


def test_replies_mentions_and_quotes_reach_the_inbox_and_can_be_answered(channel: Bluesky, bob: Person):
    started = channel.fetch_inbox(None, unknown).next_cursor
    sent = publish(channel, "What do you think?")
    post = bob.seen(sent.remote_id)
    reply = bob.reply(post, "I like it")
    deeper = bob.reply(reply, "very much", root=post)
    text = "hallo @alice.test, eine Frage"
    asked = bob.post(text, facets=[mention(text, "alice.test", channel.credentials["did"])])
    quote = bob.post("look", embed={"$type": "app.bsky.embed.record", "record": {k: post[k] for k in ("uri", "cid")}})

    def inbox() -> dict:
        found = {message.remote_id: message for message in channel.fetch_inbox(started, unknown).items}
        return found if {reply["uri"], deeper["uri"], asked["uri"], quote["uri"]} <= set(found) else {}

    found = eventually(inbox)
    assert found[reply["uri"]].kind is Kind.COMMENT
    assert found[reply["uri"]].thread_id == found[deeper["uri"]].thread_id == sent.remote_id
    assert found[reply["uri"]].author.handle == "bob.test"
    assert found[reply["uri"]].author.followers == 0
    assert found[deeper["uri"]].reply_to == reply["uri"]
    assert found[sent.remote_id].is_own, "what is answered is shown above the answer"
    assert found[asked["uri"]].kind is Kind.MENTION
    assert found[asked["uri"]].thread_id == asked["uri"]
    assert found[quote["uri"]].text == f"look\n{sent.url}"
    times = [message.sent_at for message in channel.fetch_inbox(started, unknown).items]
    assert times == sorted(times)

    known = {uri: message.thread_id for uri, message in found.items()}
    assert channel.fetch_inbox(started, known.get).items == (), "nothing comes twice"

    answered = ReplyTo(deeper["uri"], sent.remote_id)
    answer = publish(channel, "Thank you!", reply_to=answered)
    told = eventually(lambda: [n for n in bob.notifications("reply") if n["uri"] == answer.remote_id])
    assert told[0]["record"]["reply"]["parent"]["uri"] == deeper["uri"]
    assert told[0]["record"]["reply"]["root"]["uri"] == sent.remote_id


def test_an_answer_to_a_deleted_message_says_so(channel: Bluesky, bob: Person):
    post = bob.post("soon gone")
    rkey = post["uri"].rsplit("/", 1)[1]
    bob.call("com.atproto.repo.deleteRecord", repo=bob.did, collection="app.bsky.feed.post", rkey=rkey)
    eventually(lambda: not bob.ask("app.bsky.feed.getPosts", uris=[post["uri"]])["posts"])
    with pytest.raises(RemoteGone):
        publish(channel, "too late", reply_to=ReplyTo(post["uri"], post["uri"]))
    assert channel.recheck([post["uri"]]).removed == (post["uri"],)


def test_search_finds_hashtag_and_words_as_a_person_means_them(channel: Bluesky, bob: Person):
    word = f"kaffee{uuid.uuid4().hex[:8]}"
    tag = bob.post(f"Guten Morgen #{word}")
    plain = bob.post(f"kein Tag: {word}, aber ein Wort")
    longer = bob.post(f"#{word}bohnen sind etwas anderes")

    hashtag = channel.search(f"#{word}", None)
    assert [hit.remote_id for hit in hashtag.items] == [tag["uri"]]
    words = channel.search(word, None)
    assert [hit.remote_id for hit in words.items] == [tag["uri"], plain["uri"]], "oldest first, whole words"
    assert longer["uri"] not in [hit.remote_id for hit in words.items]

    new = bob.post(f"und noch einmal #{word}")
    assert new["uri"] in [hit.remote_id for hit in channel.search(f"#{word}", hashtag.next_cursor).items]


def test_likes_and_replies_are_counted(channel: Bluesky, bob: Person):
    sent = publish(channel, "count me")
    post = bob.seen(sent.remote_id)
    bob.like(post)
    bob.reply(post, "counted")
    counted = eventually(
        lambda: (
            channel.post_metrics([sent.remote_id])[sent.remote_id].get("likes")
            and channel.post_metrics([sent.remote_id])[sent.remote_id]
        )
    )
    assert counted == {"likes": 1, "shares": 0, "comments": 1, "quotes": 0}
    assert channel.channel_metrics()["posts"] > 0


def test_a_post_that_the_index_lacks_is_not_taken_for_deleted(channel: Bluesky):
    sent = publish(channel, "just now")  # the AppView follows a moment later
    assert sent.remote_id in channel.post_metrics([sent.remote_id])
    assert channel.recheck([sent.remote_id]).removed == ()


def test_delete_is_final_and_says_when_there_is_nothing(channel: Bluesky, bob: Person):
    sent = publish(channel, "a mistake")
    bob.seen(sent.remote_id)
    channel.delete(sent.remote_id)
    with pytest.raises(RemoteGone):
        channel.delete(sent.remote_id)
    eventually(lambda: not channel.recheck([sent.remote_id]).items)
    assert channel.recheck([sent.remote_id]).removed == (sent.remote_id,)
    assert channel.post_metrics([sent.remote_id]) == {}


def test_somebody_elses_post_is_not_deleted(channel: Bluesky, bob: Person):
    post = bob.post("mine")
    with pytest.raises(Rejected, match="another account"):
        channel.delete(post["uri"])


def test_own_posts_page_backwards_without_replies(channel: Bluesky, bob: Person):
    sent = [publish(channel, f"page {number}") for number in range(3)]
    for one in sent:
        bob.seen(one.remote_id)
    first = channel.own_posts(None, limit=2)
    assert [post.remote_id for post in first.items] == [sent[2].remote_id, sent[1].remote_id]
    second = channel.own_posts(first.next_cursor, limit=2)
    assert second.items[0].remote_id == sent[0].remote_id


def test_likes_and_reposts_are_seen_once_and_taken_back_whole(channel: Bluesky, bob: Person):
    post = bob.post("Was meint ihr?")
    for act, undo, count in ((Act.LIKE, Act.UNLIKE, "likeCount"), (Act.REPOST, Act.UNREPOST, "repostCount")):
        channel.act(act, post["uri"], bob.did)
        channel.act(act, post["uri"], bob.did)  # at once, before the index knows of the first
        eventually(lambda count=count: bob.seen(post["uri"])[count] == 1)
        channel.act(act, post["uri"], bob.did)
        channel.act(undo, post["uri"], bob.did)
        eventually(lambda count=count: bob.seen(post["uri"])[count] == 0)
        channel.act(undo, post["uri"], bob.did)
        channel.act(act, post["uri"], bob.did)
        eventually(lambda count=count: bob.seen(post["uri"])[count] == 1)
    reasons = [note["reason"] for note in bob.ask("app.bsky.notification.listNotifications", limit=50)["notifications"]]
    assert {"like", "repost"} <= set(reasons)


def test_an_answer_below_our_post_is_hidden_and_shown_again(channel: Bluesky, bob: Person):
    sent = publish(channel, "Fragt uns!")
    ours = bob.seen(sent.remote_id)
    rude, kind = bob.reply(ours, "Unsinn"), bob.reply(ours, "Danke!")

    def hidden() -> list[str]:
        gate = bob.ask("app.bsky.feed.getPostThread", uri=sent.remote_id).get("threadgate") or {}
        return gate.get("record", {}).get("hiddenReplies", [])

    channel.act(Act.HIDE, rude["uri"], bob.did)
    channel.act(Act.HIDE, rude["uri"], bob.did)
    eventually(lambda: hidden() == [rude["uri"]])
    channel.act(Act.HIDE, kind["uri"], bob.did)
    channel.act(Act.UNHIDE, rude["uri"], bob.did)
    eventually(lambda: hidden() == [kind["uri"]])
    bob.reply(ours, "Noch eine Frage")  # a gate without rules keeps nobody out

    elsewhere = publish(channel, "Guten Tag", reply_to=ReplyTo(rude["uri"], sent.remote_id))
    theirs = bob.post("Bobs eigener Post")
    below = bob.reply(theirs, "selbst beantwortet")
    with pytest.raises(Rejected, match="below your own posts"):
        channel.act(Act.HIDE, below["uri"], bob.did)
    channel.act(Act.DELETE_OWN, elsewhere.remote_id)
    with pytest.raises(RemoteGone):
        channel.act(Act.DELETE_OWN, elsewhere.remote_id)


def test_people_are_followed_muted_blocked_and_let_go(
    channel: Bluesky, bluesky_network: BlueskyNetwork, hub_credentials: dict[str, str]
):
    account = bluesky_network.accounts["carla"]
    carla = Person(bluesky_network.pds, account.handle, account.app_password)
    post = carla.post("Hallo!")

    def stands() -> dict:
        viewer = channel._session.get("app.bsky.actor.getProfile", {"actor": carla.did})["viewer"]
        return {"followed": "following" in viewer, "muted": viewer["muted"], "blocked": "blocking" in viewer}

    for act, undo, name in (
        (Act.FOLLOW, Act.UNFOLLOW, "followed"),
        (Act.MUTE, Act.UNMUTE, "muted"),
        (Act.BLOCK, Act.UNBLOCK, "blocked"),
    ):
        for _ in range(2):
            channel.act(act, post["uri"], carla.did)
        eventually(lambda name=name: stands()[name])
        for _ in range(2):
            channel.act(undo, post["uri"], carla.did)
        eventually(lambda name=name: not stands()[name])
    follows = carla.ask("app.bsky.graph.getFollows", actor="alice.test")["follows"]
    assert carla.did not in [one["did"] for one in follows]
    carla.close()


def test_the_real_servers_rate_limit_says_until_when():
    with start_bluesky(RATE_LIMITS="1", ACCOUNTS="alice") as network:
        alice = network.accounts["alice"]
        with pytest.raises(RateLimited) as caught:
            for _ in range(31):  # 30 sign-ins in 5 minutes are allowed
                Bluesky.sign_in(network.pds, alice.handle, alice.app_password, network.allowed_hosts)
    assert timedelta(0) < caught.value.until - datetime.now(UTC) <= timedelta(minutes=5, seconds=2)
