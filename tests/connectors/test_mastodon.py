"""The Mastodon connector against mastodon-mock, a server that somebody else wrote: what people do, and what goes wrong.

What other servers do differently is in `test_mastodon_dialects.py`, real servers' recorded answers in
`test_recorded.py`, a real server of another kind in `tests/integration/test_snac.py`.
"""

import dataclasses
from datetime import UTC, datetime, timedelta
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest
from PIL import Image

from core.connectors import http as door
from core.connectors import mastodon as module
from core.connectors import mastodon_inbox, mastodon_media, oauth
from core.connectors.base import Draft, DraftImage, DraftPart, Kind, RemoteMessage, ReplyTo, Sent
from core.connectors.mastodon import Mastodon
from core.errors import NeedsReauth, OutcomeUnknown, RateLimited, Rejected, RemoteGone, RetryLater
from tests.connectors.conftest import LOOPBACK, Mock, draft


@pytest.fixture
def channel(mastodon: Mock) -> Mastodon:
    return mastodon.channel("alice")


def nobody(_: str) -> None:
    """The hub knows no message yet."""


def send(channel: Mastodon, what: Draft, part: int = 0, key: str = "key-1", previous: list[Sent] | None = None) -> Sent:
    return channel.publish(channel.prepare(what, part, key, previous or []))


def inbox(channel: Mastodon, cursor: str | None = None) -> list[RemoteMessage]:
    return list(channel.fetch_inbox(cursor, nobody).items)


def answering(item: RemoteMessage) -> ReplyTo:
    return ReplyTo(item.remote_id, item.thread_id, item.kind, item.author.handle)


# --- who we are -------------------------------------------------------------------------------------


def test_the_profile_has_the_name_the_world_knows(channel: Mastodon, mastodon: Mock):
    profile = channel.profile()
    assert profile.handle == f"@alice@{mastodon.host}"
    assert profile.name == "Alice"


def test_a_token_pasted_with_invisible_junk_works(mastodon: Mock):
    channel = Mastodon(mastodon.url, {"access_token": " alice_token\u200b\n"}, allowed_hosts=LOOPBACK)
    assert channel.profile().name == "Alice"
    channel.close()


def test_a_wrong_token_means_that_somebody_must_sign_in(mastodon: Mock):
    channel = Mastodon(mastodon.url, {"access_token": "wröng"}, allowed_hosts=LOOPBACK)
    with pytest.raises(NeedsReauth):
        channel.profile()
    channel.close()


def test_connecting_by_oauth_ends_with_a_token_that_works(mastodon: Mock):
    app = oauth.register_app(mastodon.url, "http://127.0.0.1/callback", LOOPBACK)
    verifier = oauth.new_verifier()
    address = oauth.authorize_url(app, "state-1", verifier)
    asked = parse_qs(urlsplit(address).query)
    assert asked["scope"] == ["read write"] and asked["code_challenge_method"] == ["S256"]
    assert verifier not in address and app.client_secret not in address
    assert app.client_secret not in repr(app)
    picked = {"username": "bob", "redirect_uri": asked["redirect_uri"][0], "state": asked["state"][0]}
    back = httpx.post(f"{mastodon.url}/oauth/authorize", data=picked).headers["location"]
    answer = parse_qs(urlsplit(back).query)
    assert back.startswith("http://127.0.0.1/callback?") and answer["state"] == ["state-1"]
    credentials = oauth.exchange(app, answer["code"][0], verifier, LOOPBACK)
    channel = Mastodon(mastodon.url, credentials, allowed_hosts=LOOPBACK)
    assert channel.profile().name == "Bob"
    assert oauth.revoke(mastodon.url, credentials, LOOPBACK)
    with pytest.raises(NeedsReauth):
        channel.channel_metrics()
    channel.close()


def test_a_code_that_was_not_given_opens_nothing(mastodon: Mock):
    app = oauth.register_app(mastodon.url, "http://127.0.0.1/callback", LOOPBACK)
    with pytest.raises(Rejected) as told:
        oauth.exchange(app, "made-up-code", oauth.new_verifier(), LOOPBACK)
    assert app.client_secret not in str(told.value) and "made-up-code" not in str(told.value)


# --- publishing -------------------------------------------------------------------------------------


def test_what_is_published_can_be_read_there(channel: Mastodon, mastodon: Mock):
    sent = send(channel, draft("Frische Bohnen & mehr #Kaffee", language="de"))
    there = mastodon.ask("bob", "GET", f"/api/v1/statuses/{sent.remote_id}")
    assert "Frische Bohnen &amp; mehr" in there["content"] and there["language"] == "de"
    assert sent.url and abs(sent.at - datetime.now(UTC)) < timedelta(minutes=1)


def test_the_same_key_makes_one_post(channel: Mastodon):
    prepared = channel.prepare(draft("Once"), 0, "key-once", [])
    assert channel.publish(prepared).remote_id == channel.publish(prepared).remote_id
    assert [post.text for post in channel.own_posts(None).items] == ["Once"]


def test_a_thread_hangs_together(channel: Mastodon, mastodon: Mock):
    what = draft("One", "Two", "Three")
    parts: list[Sent] = []
    for number in range(3):
        parts.append(send(channel, what, number, f"key-{number}", parts))
    context = mastodon.ask("bob", "GET", f"/api/v1/statuses/{parts[2].remote_id}/context")
    assert [status["id"] for status in context["ancestors"]] == [part.remote_id for part in parts[:2]]


def test_images_arrive_with_their_alt_text_and_fit(channel: Mastodon, mastodon: Mock, tmp_path: Path):
    path = tmp_path / "a.png"
    Image.effect_noise((300, 200), 90).convert("RGB").save(path)
    image = DraftImage(str(path), "image/png", path.stat().st_size, 300, 200, alt="Grey noise, “loud”")
    channel.limits = dataclasses.replace(channel.limits, image_bytes=20_000)
    before = datetime.now(UTC)
    prepared = channel.prepare(Draft((DraftPart("Look", (image,)),)), 0, "key-image", [])
    sent = channel.publish(prepared)
    (there,) = mastodon.ask("bob", "GET", f"/api/v1/statuses/{sent.remote_id}")["media_attachments"]
    assert there["description"] == "Grey noise, “loud”"
    assert len(httpx.get(there["url"]).content) <= 20_000
    assert channel.find_published(prepared, before) == sent


def test_an_upload_under_way_is_waited_for(
    channel: Mastodon, mastodon: Mock, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(mastodon_media, "WAIT", 0.01)
    path = tmp_path / "a.jpg"
    Image.new("RGB", (20, 20)).save(path)
    image = DraftImage(str(path), "image/jpeg", path.stat().st_size, 20, 20)
    mastodon.fault("/api/v2/media", "POST", type="status", status=202, body={"id": "7", "url": None})
    mastodon.fault("/api/v1/media/7", count=2, type="status", status=206, body={"id": "7", "url": None})
    mastodon.fault("/api/v1/media/7", type="status", status=200, body={"id": "7", "url": "http://x.example/7"})
    assert channel.prepare(Draft((DraftPart("", (image,)),)), 0, "k", []).request["form"]["media_ids"] == ["7"]
    monkeypatch.setattr(mastodon_media, "PATIENCE", 0.02)
    mastodon.fault("/api/v2/media", "POST", type="status", status=202, body={"id": "8", "url": None})
    mastodon.fault("/api/v1/media/8", count=9, type="status", status=206, body={"id": "8", "url": None})
    with pytest.raises(RetryLater):
        channel.prepare(Draft((DraftPart("", (image,)),)), 0, "k", [])


def test_deleting_removes_it_once(channel: Mastodon):
    sent = send(channel, draft("Oops"))
    channel.delete(sent.remote_id)
    assert channel.own_posts(None).items == ()
    with pytest.raises(RemoteGone):
        channel.delete(sent.remote_id)


# --- finding what may have been published -----------------------------------------------------------


@pytest.mark.parametrize(
    "text",
    [
        "Plain",
        "@bob see https://example.com/a/very/long/path/that/gets/an/ellipsis?x=1&y=2 #coffee #Köln",
        "Two\n\nparagraphs  & <angle> brackets",
        "@dave@remote.example 👩‍👩‍👧 “quotes” – 5 > 4",
        "?!",
    ],
)
def test_a_post_whose_answer_got_lost_is_found(channel: Mastodon, text: str):
    before = datetime.now(UTC)
    prepared = channel.prepare(draft(text), 0, "key-lost", [])
    assert channel.find_published(prepared, before) is None
    sent = channel.publish(prepared)
    send(channel, draft("Something else"), key="other")
    assert channel.find_published(prepared, before) == sent


def test_an_older_post_of_the_same_words_is_not_it(channel: Mastodon):
    send(channel, draft("Good morning"), key="yesterday")
    prepared = channel.prepare(draft("Good morning"), 0, "key-today", [])
    assert channel.find_published(prepared, datetime.now(UTC) + timedelta(minutes=2)) is None


def test_the_same_words_in_another_place_are_not_it(channel: Mastodon, mastodon: Mock):
    first, second = mastodon.say("bob", "@alice one"), mastodon.say("bob", "@alice two")
    before = datetime.now(UTC)
    one, two = (
        channel.prepare(draft("Thanks", reply_to=ReplyTo(s["id"], s["id"], Kind.MENTION)), 0, f"k{s['id']}", [])
        for s in (first, second)
    )
    sent = channel.publish(one)
    assert channel.find_published(two, before) is None
    assert channel.find_published(one, before) == sent


def test_a_lost_direct_answer_is_found(channel: Mastodon, mastodon: Mock):
    asked = mastodon.say("bob", "@alice secretly?", visibility="direct")
    before = datetime.now(UTC)
    prepared = channel.prepare(draft("Yes", reply_to=ReplyTo(asked["id"], asked["id"], Kind.DIRECT)), 0, "k", [])
    sent = channel.publish(prepared)
    assert channel.find_published(prepared, before) == sent


def test_a_post_far_down_the_timeline_is_found(channel: Mastodon, mastodon: Mock, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(module, "PAGE", 5)
    before = datetime.now(UTC)
    prepared = channel.prepare(draft("Deep down"), 0, "key-deep", [])
    sent = channel.publish(prepared)
    for number in range(12):
        mastodon.say("alice", f"Later post {number}")
    assert channel.find_published(prepared, before) == sent


# --- answering --------------------------------------------------------------------------------------


def test_an_answer_names_the_person_once_and_hangs_below(channel: Mastodon, mastodon: Mock):
    mastodon.say("bob", "@alice open today?")
    (question,) = inbox(channel)
    sent = send(channel, draft("Yes", reply_to=answering(question)))
    there = mastodon.ask("bob", "GET", f"/api/v1/statuses/{sent.remote_id}")
    assert there["in_reply_to_id"] == question.remote_id
    assert [person["acct"] for person in there["mentions"]] == ["bob"]
    assert "Yes" in [item.text.removeprefix("@bob ") for item in inbox(mastodon.channel("bob"))]


@pytest.mark.parametrize("text", ["@bob yes", "yes @BOB", "@bob@{host} yes"])
def test_a_name_already_there_is_not_written_again(channel: Mastodon, mastodon: Mock, text: str):
    asked = mastodon.say("bob", "@alice open today?")
    text = text.format(host=mastodon.host)
    reply = ReplyTo(asked["id"], asked["id"], Kind.MENTION)
    assert channel.prepare(draft(text, reply_to=reply), 0, "k", []).request["form"]["status"] == text


@pytest.mark.parametrize("text", ["mail bob@example.com", "see https://x.example/@bob", "@bob@elsewhere.example yes"])
def test_what_only_looks_like_the_name_does_not_count(channel: Mastodon, mastodon: Mock, text: str):
    asked = mastodon.say("bob", "@alice open today?")
    reply = ReplyTo(asked["id"], asked["id"], Kind.MENTION)
    assert channel.prepare(draft(text, reply_to=reply), 0, "k", []).request["form"]["status"] == f"@bob {text}"


@pytest.mark.parametrize("visibility", ["public", "unlisted", "private", "direct"])
def test_no_part_of_an_answer_is_wider_than_what_is_answered(channel: Mastodon, mastodon: Mock, visibility: str):
    asked = mastodon.say("bob", "@alice?", visibility=visibility)
    what = draft("One", "Two", reply_to=ReplyTo(asked["id"], asked["id"], Kind.MENTION))
    first = send(channel, what)
    second = channel.publish(channel.prepare(what, 1, "key-2", [first]))
    for sent in (first, second):
        there = mastodon.ask("alice", "GET", f"/api/v1/statuses/{sent.remote_id}")
        assert there["visibility"] == visibility
    assert there["in_reply_to_id"] == first.remote_id
    if visibility == "direct":
        assert mastodon.ask("bob", "GET", f"/api/v1/statuses/{second.remote_id}"), "who isn't named can't see it"


def test_a_direct_conversation_stays_direct(channel: Mastodon, mastodon: Mock):
    asked = mastodon.say("bob", "@alice?", visibility="public")
    reply = ReplyTo(asked["id"], asked["id"], Kind.DIRECT)
    assert channel.prepare(draft("psst", reply_to=reply), 0, "k", []).request["form"]["visibility"] == "direct"


def test_an_answer_that_the_name_makes_too_long_is_refused_before_it_leaves(channel: Mastodon, mastodon: Mock):
    asked = mastodon.say("bob", "@alice?")
    reply = ReplyTo(asked["id"], asked["id"], Kind.MENTION)
    with pytest.raises(Rejected, match=r"@bob.*2 characters too long"):
        channel.prepare(draft("x" * 497, reply_to=reply), 0, "k", [])


def test_answering_what_is_gone_is_said(channel: Mastodon):
    with pytest.raises(RemoteGone):
        channel.prepare(draft("Yes", reply_to=ReplyTo("999999", "999999", Kind.MENTION)), 0, "k", [])


# --- the inbox --------------------------------------------------------------------------------------


def test_everything_said_to_us_comes_in_oldest_first(channel: Mastodon, mastodon: Mock):
    post = send(channel, draft("We are open"))
    mastodon.say("bob", "@alice a question\nin two lines")
    mastodon.say("carol", "@alice a comment", in_reply_to_id=post.remote_id)
    mastodon.say("bob", "@alice a secret", visibility="direct")
    mastodon.ask("bob", "POST", f"/api/v1/statuses/{post.remote_id}/favourite")
    items = inbox(channel)
    assert [(item.text.removeprefix("@alice "), item.kind, item.is_own) for item in items] == [
        ("a question\nin two lines", Kind.MENTION, False),
        ("We are open", Kind.COMMENT, True),
        ("a comment", Kind.COMMENT, False),
        ("a secret", Kind.DIRECT, False),
    ]
    question, ours, comment, _ = items
    assert question.author.remote_id == f"bob@{mastodon.host}"
    assert comment.thread_id == ours.remote_id == post.remote_id and comment.reply_to == post.remote_id
    assert question.uri and question.url and question.sent_at.tzinfo is UTC


def test_a_restart_goes_on_where_it_was_and_nothing_comes_twice(channel: Mastodon, mastodon: Mock):
    mastodon.say("bob", "@alice one")
    first = channel.fetch_inbox(None, nobody)
    assert channel.fetch_inbox(first.next_cursor, nobody).items == ()
    mastodon.say("bob", "@alice two")
    mastodon.say("bob", "@alice three")
    second = channel.fetch_inbox(first.next_cursor, nobody)
    assert [item.text for item in second.items] == ["@alice two", "@alice three"]
    again = channel.fetch_inbox(second.next_cursor, nobody)
    assert again.items == () and again.next_cursor == second.next_cursor and not again.more


def test_a_long_pause_loses_nothing(channel: Mastodon, mastodon: Mock, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(mastodon_inbox, "PAGE", 5)
    mastodon.say("bob", "@alice first")
    cursor = channel.fetch_inbox(None, nobody).next_cursor
    for number in range(12):
        mastodon.say("bob", f"@alice number {number}")
    texts, more, rounds = [], True, 0
    while more:
        batch = channel.fetch_inbox(cursor, nobody)
        texts += [item.text for item in batch.items]
        cursor, more, rounds = batch.next_cursor, batch.more, rounds + 1
        assert rounds < 10
    assert texts == [f"@alice number {number}" for number in range(12)]


def test_a_known_thread_costs_no_request(channel: Mastodon, mastodon: Mock):
    post = send(channel, draft("We are open"))
    for name in ("bob", "carol"):
        mastodon.say(name, f"@alice hello from {name}", in_reply_to_id=post.remote_id)
    mastodon.fault("/api/v1/statuses/*/context", count=5, type="status", status=500)
    items = channel.fetch_inbox(None, {post.remote_id: "thread-1"}.get).items
    assert {item.thread_id for item in items} == {"thread-1"} and len(items) == 2


def test_deep_in_somebody_elses_thread_the_messages_above_come_along(channel: Mastodon, mastodon: Mock):
    top = mastodon.say("carol", "I wonder")
    middle = mastodon.say("bob", "@carol me too", in_reply_to_id=top["id"])
    mastodon.say("carol", "@alice do you know?", in_reply_to_id=middle["id"])
    items = inbox(channel)
    assert [item.text for item in items] == ["I wonder", "@carol me too", "@alice do you know?"]
    assert {item.thread_id for item in items} == {top["id"]}
    assert {item.kind for item in items} == {Kind.MENTION}


def test_edits_and_deletions_are_followed(channel: Mastodon, mastodon: Mock):
    kept, edited, deleted = (mastodon.say("bob", f"@alice {word}") for word in ("kept", "edited", "deleted"))
    mastodon.ask("bob", "PUT", f"/api/v1/statuses/{edited['id']}", json={"status": "@alice changed"})
    mastodon.ask("bob", "DELETE", f"/api/v1/statuses/{deleted['id']}")
    batch = channel.recheck([kept["id"], edited["id"], deleted["id"]])
    assert [item.text for item in batch.items] == ["@alice kept", "@alice changed"]
    assert batch.items[1].edited_at is not None
    assert batch.removed == (deleted["id"],)


# --- searching and counting -------------------------------------------------------------------------


def test_a_hashtag_is_found_and_only_that(channel: Mastodon, mastodon: Mock):
    mastodon.say("bob", "Best #coffee in town")
    mastodon.say("bob", "My #coffeemachine broke")
    mastodon.say("carol", "Not about it")
    send(channel, draft("Our own #coffee"))
    batch = channel.search("#Coffee", None)
    assert [item.text for item in batch.items] == ["Best #coffee in town"]
    mastodon.say("carol", "More #coffee and #cake")
    assert "More #coffee and #cake" in [item.text for item in channel.search("#coffee", batch.next_cursor).items]
    assert [item.text for item in channel.search("#coffee #cake", None).items] == ["More #coffee and #cake"]
    assert [item.text for item in channel.search("#coffee town", None).items] == ["Best #coffee in town"]


def test_words_and_phrases_are_found(channel: Mastodon, mastodon: Mock):
    mastodon.say("bob", "The Blue Bottle is open")
    mastodon.say("bob", "A bottle, blue as the sea")
    assert [item.text for item in channel.search('"blue bottle"', None).items] == ["The Blue Bottle is open"]


def test_our_posts_and_what_came_of_them(channel: Mastodon, mastodon: Mock):
    old, new = send(channel, draft("Old"), key="1"), send(channel, draft("New"), key="2")
    asked = mastodon.say("bob", "@alice nice", in_reply_to_id=new.remote_id)
    send(channel, draft("thanks", reply_to=ReplyTo(asked["id"], new.remote_id, Kind.COMMENT)), key="3")
    for action in ("favourite", "reblog"):
        mastodon.ask("bob", "POST", f"/api/v1/statuses/{new.remote_id}/{action}")
    batch = channel.own_posts(None)
    assert [item.text for item in batch.items] == ["New", "Old"], "answers are no posts"
    metrics = channel.post_metrics([new.remote_id, old.remote_id, "424242"])
    assert (metrics[new.remote_id]["likes"], metrics[new.remote_id]["shares"]) == (1, 1)
    assert metrics[new.remote_id]["comments"] >= 1
    assert metrics[old.remote_id]["likes"] == 0 and "424242" not in metrics
    assert channel.channel_metrics() == {"followers": 0, "following": 1, "posts": 3}


def test_our_posts_are_paged_to_the_end(channel: Mastodon, mastodon: Mock):
    for number in range(5):
        mastodon.say("alice", f"Post {number}")
    texts, cursor, more = [], None, True
    while more:
        batch = channel.own_posts(cursor, limit=2)
        texts += [item.text for item in batch.items]
        cursor, more = batch.next_cursor, batch.more
    assert texts == [f"Post {number}" for number in (4, 3, 2, 1, 0)]


# --- what goes wrong --------------------------------------------------------------------------------


def test_a_pause_is_asked_for(channel: Mastodon, mastodon: Mock):
    mastodon.fault("/api/v1/notifications", type="ratelimit", headers={"Retry-After": "77"})
    channel.profile()
    with pytest.raises(RateLimited) as told:
        channel.fetch_inbox(None, nobody)
    assert timedelta(seconds=70) < told.value.until - datetime.now(UTC) < timedelta(seconds=80)


def test_a_pause_in_the_middle_keeps_what_was_read(channel: Mastodon, mastodon: Mock):
    mastodon.say("bob", "@alice no thread")
    post = send(channel, draft("Post"))
    mastodon.say("bob", "@alice in a thread", in_reply_to_id=post.remote_id)
    mastodon.fault("/api/v1/statuses/*/context", type="ratelimit", headers={"Retry-After": "60"})
    first = channel.fetch_inbox(None, nobody)
    assert [item.text for item in first.items] == ["@alice no thread"]
    assert first.retry_after and first.retry_after > datetime.now(UTC) + timedelta(seconds=50)
    second = channel.fetch_inbox(first.next_cursor, nobody)
    assert [item.text for item in second.items] == ["Post", "@alice in a thread"]


@pytest.mark.parametrize(
    ("fault", "meaning"),
    [
        ({"type": "status", "status": 500}, OutcomeUnknown),
        ({"type": "malformed"}, OutcomeUnknown),
        ({"type": "status", "status": 200, "body": {}}, OutcomeUnknown),
        ({"type": "status", "status": 200, "body": ["?"]}, OutcomeUnknown),
        ({"type": "status", "status": 401}, NeedsReauth),
        ({"type": "status", "status": 422, "body": {"error": "Text is too long"}}, Rejected),
        ({"type": "ratelimit"}, RateLimited),
    ],
)
def test_what_a_failed_publishing_means(channel: Mastodon, mastodon: Mock, fault: dict, meaning: type[Exception]):
    mastodon.fault("/api/v1/statuses", "POST", **fault)
    with pytest.raises(meaning):
        send(channel, draft("Hello"))


def test_no_answer_in_time_leaves_it_open_and_looking_settles_it(mastodon: Mock, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(door, "TIMEOUT", httpx.Timeout(0.15))
    impatient, patient = mastodon.channel("alice"), None
    before = datetime.now(UTC)
    prepared = impatient.prepare(draft("Slowly"), 0, "key-slow", [])
    mastodon.fault("/api/v1/statuses", "POST", type="latency", delay_ms=400)
    with pytest.raises(OutcomeUnknown):
        impatient.publish(prepared)
    monkeypatch.undo()
    patient = mastodon.channel("alice")
    again = patient.publish(prepared)  # the same key: whichever came first, there is one post
    assert patient.find_published(prepared, before) == again
    assert len(patient.own_posts(None).items) == 1


def test_a_fault_while_reading_is_tried_later(channel: Mastodon, mastodon: Mock):
    mastodon.fault("/api/v1/notifications", type="malformed")
    with pytest.raises(RetryLater):
        channel.fetch_inbox(None, nobody)
    mastodon.fault("/api/v1/statuses", type="status", status=500)
    with pytest.raises(RetryLater):
        channel.recheck(["1"])
