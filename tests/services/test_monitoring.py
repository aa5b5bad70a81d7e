"""Monitors, the cursors that search for them, and what the team does with mentions."""

from datetime import timedelta
from typing import Any

import pytest
from sqlmodel import select

from core import db
from core.errors import NotFound, PermissionDenied, UserError
from core.models.channel import Channel, ChannelState, SyncCursor, SyncKind
from core.models.inbox import Conversation, Message
from core.models.monitoring import Mention, MentionState, Monitor
from core.models.planning import Delivery
from core.models.team import Role
from core.services import monitoring
from core.services.monitoring import MentionFilter
from tests import factories
from tests.conftest import counted

pytestmark = pytest.mark.usefixtures("hub")


def make(name: str = "Marke", query: str = "#kaffee") -> int:
    actor = factories.actor()
    with db.write() as session:
        return monitoring.create_monitor(session, actor, name, query)


def mention(monitor_id: int, channel_id: int, number: int = 0, **values: Any) -> int:
    writer = factories.contact(followers=1200)
    given: dict[str, Any] = {
        "remote_id": f"r{number}",
        "thread_id": f"t{number}",
        "uri": f"https://social.example/{monitor_id}/{number}",
        "text": f"Guter #kaffee {number}",
        "sent_at": db.utc_now() - timedelta(minutes=number),
        "contact_id": writer.id,
    }
    with db.write() as session:
        row = Mention(monitor_id=monitor_id, channel_id=channel_id, **(given | values))
        session.add(row)
        session.flush()
        return row.id


def cursors() -> list[SyncCursor]:
    with db.read() as session:
        return list(session.exec(select(SyncCursor).where(SyncCursor.kind == SyncKind.MONITOR)))


def found(wanted: MentionFilter = MentionFilter(), after=None, limit: int = 30):
    with db.read() as session:
        return monitoring.mentions(session, wanted, after, limit)


@pytest.mark.parametrize(
    ("query", "sentence"),
    [
        ("  ", "Say what to look for"),
        ('"kalter kaffee', "quotation mark is missing"),
        ("#", "no hashtag"),
        ("#12", "no hashtag"),
        ("#kaf-fee", "no hashtag"),
        ("from:anna", "no word"),
        ("x" * 301, "too long"),
        (" ".join(f"w{n}" for n in range(11)), "At most 10"),
    ],
)
def test_a_query_that_finds_nothing_is_refused_with_a_sentence(query: str, sentence: str):
    with pytest.raises(UserError, match=sentence):
        monitoring.check_query(query)


@pytest.mark.parametrize("query", ["#Kaffee", "kaffee bohne", '"kalter kaffee" #winter', "#röstung_2026", "カフェ"])
def test_a_good_query_passes(query: str):
    assert monitoring.check_query(f"  {query} ") == query


def test_names_are_unique_whatever_their_case():
    make("Marke")
    with pytest.raises(UserError, match="already"):
        make(" marke ")
    with pytest.raises(UserError, match="name"):
        make("  ")


def test_each_server_is_searched_once_through_an_active_channel():
    first = factories.channel(base_url="https://one.example")
    factories.channel(base_url="https://one.example")
    other = factories.channel(base_url="https://two.example")
    factories.channel(base_url="https://three.example", state=ChannelState.PAUSED)
    make()
    assert {c.channel_id for c in cursors()} == {first.id, other.id}
    assert all(c.due_at is not None for c in cursors())


def test_another_channel_of_the_server_takes_over_and_goes_on_at_the_same_place():
    first, second = factories.channel(), factories.channel()
    make()
    with db.write() as session:
        session.exec(select(SyncCursor)).one().cursor = "place-7"
        session.get_one(Channel, first.id).state = ChannelState.PAUSED
        session.flush()
        monitoring.ensure_cursors(session)
    (cursor,) = cursors()
    assert (cursor.channel_id, cursor.cursor) == (second.id, "place-7")


def test_a_server_without_an_active_channel_rests_and_wakes_again():
    channel = factories.channel()
    make()
    for state, searched in [(ChannelState.PAUSED, False), (ChannelState.ACTIVE, True)]:
        with db.write() as session:
            session.get_one(Channel, channel.id).state = state
            session.flush()
            monitoring.ensure_cursors(session)
        assert [c.due_at is not None for c in cursors()] == [searched]


def test_pausing_stops_the_search_and_resuming_starts_it():
    factories.channel()
    monitor_id, actor = make(), factories.actor()
    for paused in (True, False):
        with db.write() as session:
            monitoring.pause_monitor(session, actor, monitor_id, paused)
        assert [c.due_at is None for c in cursors()] == [paused]


def test_a_changed_query_searches_anew():
    factories.channel()
    monitor_id = make()
    with db.write() as session:
        session.exec(select(SyncCursor)).one().cursor = "old"
    actor = factories.actor()
    with db.write() as session:
        monitoring.edit_monitor(session, actor, monitor_id, "Marke", "#tee")
    assert [c.cursor for c in cursors()] == [None]


def test_deleting_takes_hits_and_cursors_along():
    channel = factories.channel()
    monitor_id = make()
    mention(monitor_id, channel.id)
    actor = factories.actor()
    with db.write() as session:
        monitoring.delete_monitor(session, actor, monitor_id)
    with db.read() as session:
        assert [session.exec(select(t)).all() for t in (Monitor, Mention, SyncCursor)] == [[], [], []]


def test_monitors_say_how_they_do_in_two_statements():
    channel = factories.channel(base_url="https://one.example")
    for number in range(4):
        monitor_id = make(f"M{number}")
        mention(monitor_id, channel.id, 1)
        mention(monitor_id, channel.id, 2, state=MentionState.SEEN)
    with counted() as ran, db.read() as session:
        rows = monitoring.monitors(session)
    assert len(ran) == 2
    first = rows[0]
    assert (first.name, first.new, first.total, first.places) == ("M0", 1, 2, ("Mastodon (one.example)",))


def test_mentions_page_without_loss_while_new_ones_arrive():
    channel, monitor_id = factories.channel(), make()
    made = {mention(monitor_id, channel.id, n, sent_at=db.utc_now() - timedelta(minutes=n // 3)) for n in range(10)}
    seen, after = [], None
    for round_ in range(20):
        page = found(after=after, limit=3)
        seen += [row.id for row in page.rows]
        mention(monitor_id, channel.id, 100 + round_, sent_at=db.utc_now() + timedelta(hours=1))
        if page.next is None:
            break
        after = page.next
    assert len(seen) == len(set(seen)) and set(seen) == made


def test_mentions_are_filtered():
    one, two = factories.channel(), factories.channel("bluesky", base_url="https://bsky.example")
    brand, other = make("Marke"), make("Andere")
    a = mention(brand, one.id, 1, text="100 % Arabica")
    b = mention(other, two.id, 2, state=MentionState.SEEN)
    gone = mention(brand, one.id, 3, deleted_at=db.utc_now())

    def shown(**wanted: Any) -> list[int]:
        return [row.id for row in found(MentionFilter(**wanted)).rows]

    assert shown() == [a]
    assert shown(state=None) == [a, b] and gone not in shown(state=None)
    assert shown(state=None, monitor_id=other) == [b]
    assert shown(state=None, network="bluesky") == [b]
    assert shown(state=None, search="arabica") == [a]
    assert shown(state=None, search="0 %_") == []  # % and _ are signs, not wildcards


def test_seen_dismissed_and_all_seen():
    channel, monitor_id, actor = factories.channel(), make(), factories.actor()
    a, b = mention(monitor_id, channel.id, 1), mention(monitor_id, channel.id, 2)
    with db.write() as session:
        monitoring.set_mention_state(session, actor, [a], MentionState.DISMISSED)
        assert monitoring.mark_all_seen(session, actor, None, db.utc_now()) == 1
    assert [row.id for row in found(MentionFilter(state=MentionState.SEEN)).rows] == [b]
    assert [row.id for row in found(MentionFilter(state=MentionState.DISMISSED)).rows] == [a]


def test_answering_a_mention_makes_a_conversation_once():
    channel, monitor_id, actor = factories.channel(), make(), factories.actor()
    mention_id = mention(monitor_id, channel.id)
    with db.write() as session:
        first = monitoring.answer_mention(session, actor, mention_id, "Danke!")
    with db.write() as session:
        again = monitoring.answer_mention(session, actor, mention_id, "Und noch etwas.")
    assert first == again
    with db.read() as session:
        talk = session.exec(select(Conversation)).one()
        texts = [m.text for m in session.exec(select(Message).order_by(Message.id))]  # type: ignore[arg-type]
        assert texts == ["Guter #kaffee 0", "Danke!", "Und noch etwas."]
        assert len(session.exec(select(Delivery)).all()) == 2
    assert talk.preview == "Und noch etwas." and talk.waiting_since is None
    row = found(MentionFilter(state=None)).rows[0]
    assert (row.state, row.conversation_id, row.followers) == (MentionState.SEEN, first, 1200)


def test_a_mention_is_answered_from_its_own_server_only():
    here, twin = factories.channel(), factories.channel()
    elsewhere = factories.channel(base_url="https://other.example")
    mention_id, actor = mention(make(), here.id), factories.actor()
    with db.read() as session:
        assert [i for i, _ in monitoring.answer_channels(session, mention_id)] == [here.id, twin.id]
    with pytest.raises(UserError, match="server where it was found"), db.write() as session:
        monitoring.answer_mention(session, actor, mention_id, "Hallo", elsewhere.id)
    with db.write() as session:
        monitoring.answer_mention(session, actor, mention_id, "Hallo", twin.id)
    with db.read() as session:
        assert session.exec(select(Conversation)).one().channel_id == twin.id


def test_too_long_an_answer_leaves_no_conversation_behind():
    mention_id, actor = mention(make(), factories.channel().id), factories.actor()
    with pytest.raises(UserError, match="too long"), db.write() as session:
        monitoring.answer_mention(session, actor, mention_id, "x" * 501)
    with db.read() as session:
        assert session.exec(select(Conversation)).all() == []


def test_what_is_gone_cannot_be_answered():
    mention_id = mention(make(), factories.channel().id, deleted_at=db.utc_now())
    actor = factories.actor()
    with pytest.raises(NotFound), db.write() as session:
        monitoring.answer_mention(session, actor, mention_id, "Hallo")


def test_a_viewer_changes_nothing():
    viewer, monitor_id = factories.actor(Role.VIEWER), make()
    mention_id = mention(monitor_id, factories.channel().id)
    writes = [
        lambda s: monitoring.create_monitor(s, viewer, "X", "#x"),
        lambda s: monitoring.edit_monitor(s, viewer, monitor_id, "X", "#x"),
        lambda s: monitoring.pause_monitor(s, viewer, monitor_id),
        lambda s: monitoring.delete_monitor(s, viewer, monitor_id),
        lambda s: monitoring.set_mention_state(s, viewer, [mention_id], MentionState.SEEN),
        lambda s: monitoring.mark_all_seen(s, viewer, None, db.utc_now()),
        lambda s: monitoring.answer_mention(s, viewer, mention_id, "Hallo"),
    ]
    for write in writes:
        with pytest.raises(PermissionDenied), db.write() as session:
            write(session)
