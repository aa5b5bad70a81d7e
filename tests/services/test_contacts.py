"""Who somebody is: history over all channels, stage, notes, labels, finding and merging."""

from datetime import datetime, timedelta

import pytest
from sqlalchemy import text
from sqlmodel import select

from core import db
from core.connectors.base import Kind
from core.errors import NotFound, PermissionDenied, UserError
from core.models.channel import Channel, ChannelState
from core.models.inbox import Contact, Conversation, Direction, Goal, Sentiment, Stage
from core.models.monitoring import Mention, MentionState, Monitor
from core.models.team import AuditEntry, Role
from core.services import channels, contacts, labels
from core.services.contacts import ContactView, HistoryCursor
from core.services.team import COMMAND_LINE, Actor
from tests import factories
from tests.conftest import counted

pytestmark = pytest.mark.usefixtures("hub")

NOON = db.utc_now().replace(hour=12, minute=0, second=0, microsecond=0)


@pytest.fixture
def editor() -> Actor:
    return factories.actor(Role.EDITOR)


def viewed(contact_id: int, limit: int = 5) -> ContactView:
    with db.read() as session:
        return contacts.contact(session, contact_id, limit)


def wrote(who: Contact, talk: Conversation, words: str, days_ago: float = 0, mood: Sentiment | None = None) -> None:
    at = NOON - timedelta(days=days_ago)
    factories.message(talk, words, at=at, contact_id=who.id, sentiment=mood)


def a_talk(who: Contact, *days_ago: float, channel_id: int | None = None, **values: object) -> Conversation:
    """A conversation that only this contact wrote in: a message on each of these days."""
    channel_id = channel_id or factories.channel().id
    row = factories.conversation(channel_id, "Andere", contact_id=who.id, **values)
    with db.write() as session:
        session.execute(text("DELETE FROM message WHERE conversation_id = :key"), {"key": row.id})
    for ago in days_ago:
        wrote(who, row, f"vor {ago} Tagen", ago)
    return row


def a_mention(who: Contact, number: int, at: datetime = NOON, **values: object) -> None:
    with db.write() as session:
        monitor = session.exec(select(Monitor)).first() or Monitor(name="Wir", query="#wir")
        session.add(monitor)
        session.flush()
        session.add(
            Mention(
                monitor_id=monitor.id,
                channel_id=session.exec(select(Channel.id)).first() or factories.channel().id,
                contact_id=who.id,
                remote_id=f"hit{number}",
                thread_id=f"hit{number}",
                uri=f"https://social.example/hit{number}",
                text="Die sind gut!",
                sent_at=at,
                **values,
            )
        )


def merged(actor: Actor, one: Contact, other: Contact) -> contacts.Merged:
    with db.write() as session:
        return contacts.merge(session, actor, one.id, other.id)


# --- history ----------------------------------------------------------------------------------------------------------


def test_history_spans_channels_and_shows_what_they_said_themselves():
    anna, ben = factories.contact(followers=120), factories.contact()
    comments = a_talk(ben, 3, kind=Kind.COMMENT)
    wrote(anna, comments, "Wann gibt es\nNachschub?", 2)
    wrote(ben, comments, "Das wüsste ich auch gern", 1)
    bluesky = factories.channel("bluesky", handle="wir.bsky.social")
    mentioned = a_talk(anna, 4, 1, channel_id=bluesky.id)
    view = viewed(anna.id)
    newest, older = view.history.rows
    assert (newest.conversation_id, newest.network, newest.channel_handle) == (mentioned.id, "bluesky", bluesky.handle)
    assert (newest.messages, newest.preview) == (2, "vor 1 Tagen")
    # Somebody else wrote last under that post; hers is what is shown, with its own time.
    assert (older.conversation_id, older.preview, older.kind) == (comments.id, "Wann gibt es Nachschub?", Kind.COMMENT)
    assert older.at == NOON - timedelta(days=2)
    assert view.followers == 120 and view.last_at == NOON - timedelta(days=1)


def test_history_pages_by_keyset_without_gaps_or_repeats():
    anna, channel = factories.contact(), factories.channel()
    same_time = [a_talk(anna, 5, channel_id=channel.id).id for _ in range(3)]
    others = [a_talk(anna, ago, channel_id=channel.id).id for ago in (1, 2, 9, 10)]
    expected = [*others[:2], *reversed(same_time), *others[2:]]
    found: list[int] = []
    before: HistoryCursor | None = None
    while True:
        with db.read() as session:
            page = contacts.history(session, anna.id, before, limit=2)
        found += [row.conversation_id for row in page.rows]
        before = page.next
        if before is None:
            break
    assert found == expected


def test_history_leaves_out_channels_that_were_removed():
    anna = factories.contact()
    kept, gone = a_talk(anna, 1), a_talk(anna, 2, channel_id=factories.channel(state=ChannelState.REMOVED).id)
    assert [row.conversation_id for row in viewed(anna.id).history.rows] == [kept.id] != [gone.id]


def test_an_unknown_contact_is_said_to_be_gone():
    with pytest.raises(NotFound, match="isn't there any more"):
        viewed(4711)


# --- stage ------------------------------------------------------------------------------------------------------------


def test_the_stage_follows_from_what_they_did():
    anna = factories.contact()
    talk = a_talk(anna, 9)
    assert viewed(anna.id).stage == Stage.NEW
    wrote(anna, talk, "Danke!", 8, Sentiment.POSITIVE)
    assert viewed(anna.id).stage == Stage.RETURNING
    for ago in (7, 6):
        wrote(anna, talk, "Wunderbar", ago, Sentiment.POSITIVE)
    assert viewed(anna.id).stage == Stage.FAN
    for number in range(3):
        a_mention(anna, number)
    view = viewed(anna.id)
    assert view.stage == Stage.ADVOCATE
    assert (view.facts.days, view.facts.positive, view.facts.mentions, view.facts.conversations) == (5, 3, 3, 1)


def test_praise_counts_by_conversation_and_dismissed_mentions_not_at_all():
    anna = factories.contact()
    for ago in (1, 2, 3):
        a_talk(anna, ago, goal=Goal.PRAISE)
    a_mention(anna, 1, state=MentionState.DISMISSED)
    a_mention(anna, 2, deleted_at=NOON)
    a_mention(anna, 3, at=NOON - timedelta(days=1))
    view = viewed(anna.id)
    assert view.stage == Stage.FAN
    assert (view.facts.praise, view.facts.mentions, view.facts.days) == (3, 1, 3)


def test_what_others_and_we_wrote_is_not_theirs():
    anna, ben = factories.contact(), factories.contact()
    talk = a_talk(anna, 1)
    wrote(ben, talk, "Mist", 2, Sentiment.NEGATIVE)
    factories.message(talk, "Gern!", direction=Direction.OUT)
    assert (viewed(anna.id).facts.messages, viewed(anna.id).facts.negative) == (1, 0)


def test_a_member_corrects_the_stage_and_takes_it_back(editor: Actor):
    anna = factories.contact()
    a_talk(anna, 1)
    with db.write() as session:
        contacts.set_stage(session, editor, anna.id, Stage.ADVOCATE)
    view = viewed(anna.id)
    assert (view.stage, view.said, view.derived) == (Stage.ADVOCATE, Stage.ADVOCATE, Stage.NEW)
    with db.write() as session:
        contacts.set_stage(session, editor, anna.id, None)
    assert (viewed(anna.id).stage, viewed(anna.id).said) == (Stage.NEW, None)


# --- notes and labels -------------------------------------------------------------------------------------------------


def test_a_note_is_kept_and_never_overwrites_a_colleagues(editor: Actor):
    anna = factories.contact()
    with db.write() as session:
        contacts.set_note(session, editor, anna.id, "  Stammkundin\x00  ", seen="")
    assert viewed(anna.id).note == "Stammkundin"
    with db.write() as session, pytest.raises(UserError, match="Stammkundin"):
        contacts.set_note(session, editor, anna.id, "Presse", seen="")
    assert viewed(anna.id).note == "Stammkundin"
    with db.write() as session, pytest.raises(UserError, match="1 characters too long"):
        contacts.set_note(session, editor, anna.id, "x" * 5001)
    with db.read() as session:
        entry = session.exec(select(AuditEntry)).one()
    assert "Stammkundin" not in entry.detail


def test_labels_go_on_and_off(editor: Actor):
    anna = factories.contact()
    with db.write() as session:
        keys = [labels.create_label(session, COMMAND_LINE, name) for name in ("Presse", "kunde")]
        for key in (*keys, keys[0]):
            contacts.label(session, editor, anna.id, key)
    assert [row.name for row in viewed(anna.id).labels] == ["kunde", "Presse"]
    with db.write() as session:
        contacts.unlabel(session, editor, anna.id, keys[0])
    assert [row.name for row in viewed(anna.id).labels] == ["kunde"]
    with db.write() as session, pytest.raises(NotFound):
        contacts.label(session, editor, anna.id, 4711)


def test_a_viewer_changes_nothing():
    viewer, anna, ben = factories.actor(Role.VIEWER), factories.contact(), factories.contact()
    calls = (
        lambda s: contacts.set_stage(s, viewer, anna.id, Stage.FAN),
        lambda s: contacts.set_note(s, viewer, anna.id, "Hm"),
        lambda s: contacts.label(s, viewer, anna.id, 1),
        lambda s: contacts.unlabel(s, viewer, anna.id, 1),
        lambda s: contacts.merge(s, viewer, anna.id, ben.id),
        lambda s: contacts.unmerge(s, viewer, [anna.id]),
    )
    for call in calls:
        with db.write() as session, pytest.raises(PermissionDenied):
            call(session)


# --- one person -------------------------------------------------------------------------------------------------------


def test_merged_contacts_share_history_counts_and_what_is_known(editor: Actor):
    anna = factories.contact(name="Anna", followers=10, note="Mag Kaffee")
    other = factories.contact("bluesky", name="anna.b", followers=500, note="Presse", stage=Stage.FAN)
    first, second = a_talk(anna, 4), a_talk(other, 3, 2)
    with db.write() as session:
        contacts.label(session, editor, other.id, labels.create_label(session, COMMAND_LINE, "Presse"))
    made = merged(editor, other, anna)
    assert made.person_id == anna.id and made.moved == (other.id,)
    for asked in (anna, other):
        view = viewed(asked.id)
        assert [row.conversation_id for row in view.history.rows] == [second.id, first.id]
        assert (view.facts.conversations, view.facts.messages, view.facts.days) == (2, 3, 3)
        assert (view.note, view.said, view.followers) == ("Mag Kaffee\n\nPresse", Stage.FAN, 500)
        assert [row.name for row in view.labels] == ["Presse"]
        assert view.profiles[0].id == asked.id and {row.id for row in view.profiles} == {anna.id, other.id}


def test_undone_both_are_what_they_were_before(editor: Actor):
    anna, ben = factories.contact(note="Mag Kaffee"), factories.contact(stage=Stage.FAN, note="Presse")
    a_talk(anna, 1), a_talk(ben, 2)
    before = viewed(anna.id), viewed(ben.id)
    made = merged(editor, anna, ben)
    with db.write() as session:
        assert contacts.unmerge(session, editor, made.moved) == 1
    assert (viewed(anna.id), viewed(ben.id)) == before
    with db.write() as session, pytest.raises(UserError, match="isn't merged"):
        contacts.unmerge(session, editor, made.moved)


def test_persons_of_several_profiles_join_and_part_as_they_were(editor: Actor):
    a, b, c, d = (factories.contact() for _ in range(4))
    merged(editor, c, b)  # the older pair by its oldest: b
    merged(editor, d, a)
    made = merged(editor, c, d)
    assert made.person_id == a.id and set(made.moved) == {b.id, c.id}
    assert {row.id for row in viewed(c.id).profiles} == {a.id, b.id, c.id, d.id}
    with db.write() as session:
        contacts.unmerge(session, editor, made.moved)
    assert {row.id for row in viewed(b.id).profiles} == {b.id, c.id}
    assert {row.id for row in viewed(a.id).profiles} == {a.id, d.id}
    with db.write() as session, pytest.raises(UserError, match="one person already"):
        contacts.merge(session, editor, b.id, c.id)


def test_the_oldest_profile_can_be_parted_too(editor: Actor):
    a, b, c = (factories.contact() for _ in range(3))
    merged(editor, a, b), merged(editor, b, c)
    with db.write() as session:
        contacts.unmerge(session, editor, [a.id])
    assert [row.id for row in viewed(a.id).profiles] == [a.id]
    assert {row.id for row in viewed(c.id).profiles} == {b.id, c.id}
    assert viewed(c.id).person_id == b.id


def test_nobody_falls_apart_when_a_channel_takes_their_oldest_profile_away(editor: Actor):
    old, one, other = factories.contact("mastodon"), factories.contact("bluesky"), factories.contact("bluesky")
    merged(editor, old, one), merged(editor, old, other)
    a_talk(one, 1, channel_id=factories.channel("bluesky").id)
    a_talk(other, 1, channel_id=factories.channel("bluesky").id)
    gone = factories.channel("mastodon", state=ChannelState.REMOVED, removed_at=NOON - timedelta(days=2))
    a_talk(old, 1, channel_id=gone.id)
    while channels.purge_removed():
        pass
    assert {row.id for row in viewed(one.id).profiles} == {one.id, other.id}


# --- finding ----------------------------------------------------------------------------------------------------------


def found(search: str) -> list[str]:
    with db.read() as session:
        return [row.name for row in contacts.contacts(session, search)]


def test_contacts_are_found_by_name_and_handle_on_every_network():
    factories.contact(name="Anna Müller", handle="@anna@norden.example")
    factories.contact("bluesky", name="Die Müllerin", handle="mueller.bsky.social")
    factories.contact(name="Ben 100%", handle="@ben@norden.example")
    assert found("anna") == ["Anna Müller"]
    assert found("@ANNA@nord") == ["Anna Müller"]
    assert found("mueller.b") == ["Die Müllerin"]
    assert found("müller") == ["Anna Müller", "Die Müllerin"]  # within too
    assert found("100%") == ["Ben 100%"] and found("%") == ["Ben 100%"]
    assert found("norden") == ["Anna Müller", "Ben 100%"]
    assert found("niemand") == []


def test_all_contacts_are_listed_newest_first_by_keyset():
    made = [factories.contact().id for _ in range(5)]
    with db.read() as session:
        first = contacts.contacts(session, limit=3)
        rest = contacts.contacts(session, after=first[-1].id, limit=3)
    assert [row.id for row in (*first, *rest)] == made[::-1]


def test_who_may_be_the_same_person_is_offered(editor: Actor):
    anna = factories.contact(name="Anna Müller", handle="@annam@norden.example")
    same_name = factories.contact("bluesky", name="anna müller", handle="x.bsky.social")
    same_handle = factories.contact("bluesky", name="AM", handle="annam.bsky.social")
    factories.contact(name="Anna", handle="@annalena@norden.example")
    with db.read() as session:
        offered = contacts.similar(session, contacts.contact(session, anna.id))
    assert {row.id for row in offered} == {same_name.id, same_handle.id}
    merged(editor, anna, same_handle)
    with db.read() as session:
        left = contacts.similar(session, contacts.contact(session, anna.id))
    assert {row.id for row in left} == {same_name.id}


# --- what it costs ----------------------------------------------------------------------------------------------------


def test_the_panel_asks_as_much_for_ten_profiles_as_for_one(editor: Actor):
    anna = factories.contact()
    a_talk(anna, 1)
    with counted() as alone:
        viewed(anna.id)
    for number in range(9):
        other = factories.contact()
        a_talk(other, number)
        merged(editor, anna, other)
    with counted() as together:
        assert len(viewed(anna.id).profiles) == 10
    assert len(alone) == len(together) == 4


def test_nothing_reads_all_messages_or_conversations():
    anna = factories.contact()
    a_talk(anna, 1)
    with counted() as ran:
        view = viewed(anna.id)
        with db.read() as session:
            contacts.history(session, anna.id, HistoryCursor(NOON, 9), 5)
            contacts.similar(session, view)
            contacts.contacts(session, "an")
    plans = [line for statement in ran for line in explained(statement)]
    for line in plans:
        assert not any(line.startswith(f"SCAN {table}") for table in ("message", "conversation", "mention")), line
    used = " ".join(plans)
    assert "COVERING INDEX ix_message_contact (contact_id=?" in used
    assert "ix_contact_name" in used and "ix_contact_handle" in used


def explained(statement: str) -> list[str]:
    """The lines of SQLite's plan."""
    with db.engine().connect() as connection:
        values = tuple(None for _ in range(statement.count("?")))
        return [row[3] for row in connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", values)]
