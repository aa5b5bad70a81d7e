"""What comes in is stored once, follows the network, and doesn't drown anybody."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

import pytest
from sqlmodel import col, select

from core import db
from core.connectors.base import Author, Kind, RemoteMedia, RemoteMessage
from core.models.analytics import Publication, Snapshot
from core.models.channel import Channel
from core.models.inbox import Contact, Conversation, ConversationState, Direction, Message
from core.models.monitoring import Mention, MentionState, Monitor
from core.models.planning import Delivery, DeliveryState
from core.services import intake
from core.services.intake_numbers import store_metrics
from tests import factories
from tests.conftest import counted

NOW = db.utc_now()
LENA = Author("lena@norden.example", "@lena@norden.example", "Lena", "https://norden.example/@lena", followers=412)
US = Author("r1@social.example", "@us@social.example", "Us")


def said(remote_id: str, text: str = "Wann liefert ihr?", **values: Any) -> RemoteMessage:
    given: dict[str, Any] = {"thread_id": "t1", "kind": Kind.MENTION, "author": LENA, "sent_at": NOW} | values
    return RemoteMessage(remote_id, text=text, **given)


def own(remote_id: str, text: str = "Morgen!", **values: Any) -> RemoteMessage:
    return said(remote_id, text, author=US, is_own=True, **values)


@pytest.fixture
def channel(hub: Any) -> Channel:
    return factories.channel()


def store(channel: Channel, *items: RemoteMessage) -> intake.StoreResult:
    with db.write() as session:
        return intake.store_messages(session, channel, items)


def rows(table: Any, *where: Any) -> Sequence[Any]:
    with db.read() as session:
        found = session.exec(select(table).where(*where).order_by(table.id)).all()
        session.expunge_all()
    return found


def only(table: Any) -> Any:
    (row,) = rows(table)
    return row


def ago(**span: float) -> datetime:
    return NOW - timedelta(**span)


def test_a_message_arrives_with_its_contact_and_conversation(channel: Channel):
    picture = RemoteMedia("https://norden.example/1.jpg", "image", "Eine Mühle")
    result = store(channel, said("m1", "Hallo!\nWann liefert ihr?", language="de", media=(picture,)))
    assert (result.new, result.edited) == (1, 0)
    message, talk, contact = only(Message), only(Conversation), only(Contact)
    assert message.text == "Hallo!\nWann liefert ihr?"
    assert message.media == [{"url": picture.url, "kind": "image", "alt": "Eine Mühle"}]
    assert (contact.name, contact.handle, contact.followers) == ("Lena", "@lena@norden.example", 412)
    assert message.contact_id == talk.contact_id == contact.id
    assert (talk.state, talk.unread, talk.message_count) == (ConversationState.OPEN, 1, 1)
    assert talk.preview == "Hallo! Wann liefert ihr?"
    assert talk.last_message_at == talk.waiting_since == NOW


def test_overlapping_fetches_bring_nothing_twice(channel: Channel):
    first = [said(f"m{i}", sent_at=ago(minutes=9 - i)) for i in range(5)]
    store(channel, *first)
    result = store(channel, *first[2:], said("m5"), said("m5"))
    assert result == intake.StoreResult(new=1, edited=0)
    assert len(rows(Message)) == 6
    talk = only(Conversation)
    assert (talk.unread, talk.message_count) == (6, 6)


def test_edits_are_followed_and_found_by_search(channel: Channel):
    store(channel, said("m1", "Kafee?"))
    result = store(channel, said("m1", "Kaffee?", edited_at=NOW + timedelta(minutes=1)))
    assert result == intake.StoreResult(new=0, edited=1)
    message, talk = only(Message), only(Conversation)
    assert (message.text, message.edited_at, talk.preview) == ("Kaffee?", NOW + timedelta(minutes=1), "Kaffee?")
    assert talk.unread == 1
    with db.read() as session:
        found = session.connection().exec_driver_sql("SELECT rowid FROM message_fts WHERE message_fts MATCH 'kaffee'")
        assert [row[0] for row in found] == [message.id]


def test_deletions_take_the_words_and_leave_the_row(channel: Channel):
    store(channel, said("m1", "Danke", sent_at=ago(minutes=5)), said("m2", "Meine Nummer ist 0421 …"))
    with db.write() as session:
        assert intake.mark_removed(session, channel.id, ["m2", "unknown"]) == 1
        assert intake.mark_removed(session, channel.id, ["m2"]) == 0
    gone = rows(Message)[1]
    assert (gone.text, gone.media) == ("", None)
    assert gone.deleted_at is not None
    talk = only(Conversation)
    assert talk.preview == "Danke"
    assert talk.waiting_since == ago(minutes=5)
    with db.read() as session:
        found = session.connection().exec_driver_sql("SELECT rowid FROM message_fts WHERE message_fts MATCH 'nummer'")
        assert found.all() == []


def test_a_deleted_message_that_is_back_is_shown_again(channel: Channel):
    store(channel, said("m1", "Hallo"))
    with db.write() as session:
        intake.mark_removed(session, channel.id, ["m1"])
    store(channel, said("m1", "Hallo"))
    message = only(Message)
    assert (message.text, message.deleted_at) == ("Hallo", None)


@pytest.mark.parametrize("state", [s for s in ConversationState if s != ConversationState.OPEN])
def test_a_new_message_opens_whatever_is_not_open(channel: Channel, state: ConversationState):
    talk = factories.conversation(
        channel.id, state=state, unread=0, at=ago(hours=2), snoozed_until=ago(hours=-2), resolved_at=ago(hours=1)
    )
    store(channel, said("m1", thread_id=talk.remote_id))
    now = only(Conversation)
    assert (now.state, now.unread, now.snoozed_until, now.resolved_at) == (ConversationState.OPEN, 1, None, None)


def test_a_late_message_does_not_reopen(channel: Channel):
    talk = factories.conversation(channel.id, state=ConversationState.RESOLVED, unread=0, at=ago(hours=2))
    store(channel, said("m1", thread_id=talk.remote_id, sent_at=ago(hours=3)))
    assert only(Conversation).state == ConversationState.RESOLVED


def test_history_does_not_drown_a_new_team(channel: Channel):
    store(
        channel,
        said("old", thread_id="old", sent_at=ago(days=40)),
        said("asked", thread_id="answered", sent_at=ago(days=3)),
        own("told", thread_id="answered", sent_at=ago(days=2)),
        said("fresh", thread_id="fresh", sent_at=ago(days=3)),
    )
    old, answered, fresh = rows(Conversation)
    assert (old.state, old.unread) == (ConversationState.RESOLVED, 0)
    assert (answered.state, answered.unread, answered.waiting_since) == (ConversationState.RESOLVED, 0, None)
    assert answered.preview_direction == Direction.OUT
    assert (fresh.state, fresh.unread) == (ConversationState.OPEN, 1)


def test_waiting_since_counts_from_the_first_unanswered(channel: Channel):
    store(
        channel,
        said("a", sent_at=ago(minutes=50)),
        own("b", sent_at=ago(minutes=40)),
        said("c", sent_at=ago(minutes=30)),
        said("d", sent_at=ago(minutes=20)),
    )
    assert only(Conversation).waiting_since == ago(minutes=30)


def answer(talk: Conversation, text: str, state: DeliveryState, **values: Any) -> Message:
    """An answer given here, as `send_reply` and the worker leave it."""
    member = factories.member()
    row = factories.message(
        talk, text, direction=Direction.OUT, remote_id=None, reply_to="m1", member_id=member.id, at=ago(minutes=1)
    )
    with db.write() as session:
        session.add(
            Delivery(
                message_id=row.id, channel_id=talk.channel_id, text=text, state=state, sent_at=ago(minutes=1), **values
            )
        )
    return row


@pytest.mark.parametrize("given", [{"remote_id": "ours"}, {}])
def test_an_answer_of_ours_that_turns_up_is_not_doubled(channel: Channel, given: dict[str, str]):
    store(channel, said("m1", sent_at=ago(minutes=9)))
    row = answer(only(Conversation), "Morgen  früh!", DeliveryState.SENDING, **given)
    result = store(channel, own("ours", "@lena@norden.example Morgen früh!", reply_to="m1", url="https://x.example/1"))
    assert result.new == 0
    adopted = rows(Message)[1]
    assert (adopted.id, adopted.remote_id, adopted.text) == (row.id, "ours", "Morgen  früh!")
    assert len(rows(Message)) == 2


def test_another_message_of_ours_is_not_taken_for_the_answer(channel: Channel):
    store(channel, said("m1", sent_at=ago(minutes=9)))
    row = answer(only(Conversation), "Morgen früh!", DeliveryState.SENDING)
    assert store(channel, own("else", "Übermorgen früh!", reply_to="m1")).new == 1
    with db.read() as session:
        assert session.get_one(Message, row.id).remote_id is None


def test_a_copy_makes_room_for_the_answer(channel: Channel):
    store(channel, said("m1", sent_at=ago(minutes=9)))
    row = answer(only(Conversation), "Morgen früh!", DeliveryState.SENDING)
    store(channel, own("ours", "something the network made of it", reply_to="m1"))
    with db.write() as session:
        intake.make_room(session, row.id, channel.id, "ours")
        session.get_one(Message, row.id).remote_id = "ours"
    assert [m.remote_id for m in rows(Message)] == ["m1", "ours"]


def test_a_failed_answer_leaves_the_contact_waiting(channel: Channel):
    store(channel, said("m1", sent_at=ago(minutes=9)))
    talk = only(Conversation)
    answer(talk, "Morgen!", DeliveryState.SCHEDULED)
    with db.write() as session:
        intake.settle(session, [talk.id])
    assert only(Conversation).waiting_since is None
    with db.write() as session:
        session.exec(select(Delivery)).one().state = DeliveryState.FAILED
        intake.settle(session, [talk.id])
    assert only(Conversation).waiting_since == ago(minutes=9)


def test_what_the_network_makes_of_our_words_is_no_edit(channel: Channel):
    talk = factories.conversation(channel.id)
    factories.message(
        talk, "Morgen!", direction=Direction.OUT, remote_id="ours", member_id=factories.member().id, at=NOW
    )
    assert store(channel, own("ours", "@lena Morgen!", thread_id=talk.remote_id)).edited == 0
    changed = own("ours", "@lena Übermorgen!", thread_id=talk.remote_id, edited_at=NOW + timedelta(minutes=2))
    assert store(channel, changed).edited == 1


def test_notes_change_nothing_about_a_conversation(channel: Channel):
    store(channel, said("m1"))
    talk = only(Conversation)
    factories.message(talk, "Stammkundin", direction=Direction.NOTE, remote_id=None, at=NOW + timedelta(hours=1))
    with db.write() as session:
        intake.settle(session, [talk.id])
    after = only(Conversation)
    assert (after.message_count, after.preview, after.last_message_at) == (1, "Wann liefert ihr?", NOW)


def test_hostile_values_are_kept_within_bounds(channel: Channel):
    author = Author("x" * 299, "h" * 900, "n" * 900, "javascript:alert(1)")
    media = (RemoteMedia("javascript:alert(1)"), RemoteMedia("https://ok.example/a.png"))
    store(
        channel,
        said("m1", "a\x00b", author=author, url="javascript:alert(1)", language="x" * 99, media=media),
        said("y" * 401),
        said("", "no id"),
    )
    message, contact = only(Message), only(Contact)
    assert (message.text, message.url, contact.url) == ("ab", None, None)
    assert [m["url"] for m in message.media] == ["https://ok.example/a.png"]
    assert len(contact.handle) == len(contact.name) == 300


def test_contacts_go_by_their_newest_name(channel: Channel):
    store(channel, said("m1"))
    renamed = Author(LENA.remote_id, LENA.handle, "Lena W.", LENA.url, followers=None)
    store(channel, said("m2", author=renamed))
    assert (only(Contact).name, only(Contact).followers) == ("Lena W.", 412)


@pytest.mark.parametrize("size", [1, 300])
def test_statements_do_not_grow_with_the_batch(channel: Channel, size: int):
    store(channel, *(said(f"known{i}", f"{i}", thread_id=f"t{i}") for i in range(size)))
    items = [said(f"known{i}", f"{i} changed", thread_id=f"t{i}") for i in range(size)]
    items += [said(f"m{i}", thread_id=f"t{i}") for i in range(size)]
    items += [
        said(f"n{i}", thread_id=f"new{i}", author=Author(f"c{i}@x.example", f"@c{i}@x.example")) for i in range(size)
    ]
    with counted() as ran:
        store(channel, *items)
    assert len(ran) == 16, ran


def monitor() -> Monitor:
    with db.write() as session:
        row = Monitor(name="Kaffee", query="#kaffee")
        session.add(row)
        session.flush()
        session.expunge(row)
    return row


def test_mentions_are_stored_once_and_updated(channel: Channel):
    watch = monitor()
    sister = factories.channel()
    with db.write() as session:
        hits = [
            said("h1", "#kaffee!", uri="https://a/1", metrics={"likes": 2}),
            own("h2", "#kaffee", uri="https://a/2"),
            said("h4", "#kaffee", uri="https://a/4", author=Author("sister@x.test", sister.handle)),
        ]
        assert intake.store_mentions(session, watch.id, channel, hits) == 1
    with db.write() as session:
        session.exec(select(Mention)).one().state = MentionState.DISMISSED
    with db.write() as session:
        again = [
            said("h1", "#kaffee!!", uri="https://a/1", metrics={"likes": 9, "comments": 1}),
            said("h3", "alt", uri="https://a/3", sent_at=ago(days=60)),
        ]
        assert intake.store_mentions(session, watch.id, channel, again) == 1
    first, old = rows(Mention)
    assert (first.text, first.likes, first.comments, first.state) == ("#kaffee!!", 9, 1, MentionState.DISMISSED)
    assert old.state == MentionState.SEEN


def posted(remote_id: str, likes: int, sent_at: datetime = NOW) -> RemoteMessage:
    return own(remote_id, thread_id=remote_id, sent_at=sent_at, metrics={"likes": likes, "shares": 0, "comments": 0})


def test_posts_keep_newest_totals_and_a_snapshot_of_each_change(channel: Channel):
    for likes in (1, 1, 4):
        with db.write() as session:
            intake.store_posts(session, channel, [posted("p1", likes)])
    post = only(Publication)
    assert (post.likes, post.reach) == (4, None)
    values = [s.value for s in rows(Snapshot, col(Snapshot.metric) == "likes")]
    assert values == [1, 4]


def test_an_older_post_gets_one_snapshot_an_hour(channel: Channel):
    for likes in (1, 2, 3):
        with db.write() as session:
            intake.store_posts(session, channel, [posted("p1", likes, ago(days=9))])
    assert [s.value for s in rows(Snapshot, col(Snapshot.metric) == "likes")] == [1]
    with db.write() as session:
        for snapshot in session.exec(select(Snapshot)):
            snapshot.at = ago(hours=2)
    with db.write() as session:
        intake.store_posts(session, channel, [posted("p1", 5, ago(days=9))])
    assert [s.value for s in rows(Snapshot, col(Snapshot.metric) == "likes")] == [1, 5]
    assert only(Publication).likes == 5


def test_a_post_is_linked_to_the_delivery_that_sent_it(channel: Channel):
    factories.post(channel.id, at=NOW)
    with db.write() as session:
        delivery = session.exec(select(Delivery)).one()
        delivery.remote_id = "p1"
    with db.write() as session:
        intake.store_posts(session, channel, [posted("p1", 0), posted("p2", 0)])
    assert {p.remote_id: p.delivery_id for p in rows(Publication)} == {"p1": delivery.id, "p2": None}


def test_posts_that_the_network_no_longer_has_are_marked(channel: Channel):
    with db.write() as session:
        intake.store_posts(session, channel, [posted("p1", 1), posted("p2", 1)])
        assert store_metrics(session, channel, ["p1", "p2"], {"p2": {"likes": 7}}) == 1
    gone, there = rows(Publication)
    assert gone.deleted_at is not None
    assert (there.deleted_at, there.likes) == (None, 7)
    with db.write() as session:
        intake.store_posts(session, channel, [posted("p1", 1)])
    assert rows(Publication)[0].deleted_at is None


def test_channel_totals_are_kept_when_they_change(channel: Channel):
    for followers in (10, 10, 11):
        with db.write() as session:
            intake.store_channel_metrics(session, channel, {"followers": followers, "posts": 3, "unheard of": 1})
    assert [s.value for s in rows(Snapshot, col(Snapshot.metric) == "followers")] == [10, 11]
    assert [s.value for s in rows(Snapshot, col(Snapshot.metric) == "posts")] == [3]
    assert not rows(Snapshot, col(Snapshot.metric) == "unheard of")


@pytest.mark.parametrize("size", [1, 40])
def test_post_statements_do_not_grow_with_the_page(channel: Channel, size: int):
    with counted() as ran, db.write() as session:
        intake.store_posts(session, channel, [posted(f"p{i}", i) for i in range(size)])
    assert len(ran) == 6, ran
