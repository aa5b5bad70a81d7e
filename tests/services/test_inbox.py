"""The inbox: list, search, one conversation, and what the team does in it."""

from collections.abc import Callable
from datetime import timedelta

import pytest
from sqlmodel import select

from core import db
from core.connectors.base import Kind, Limits
from core.errors import NotFound, PermissionDenied, UserError
from core.models.analytics import Publication
from core.models.channel import ChannelState
from core.models.inbox import Conversation, ConversationState, Direction, Message
from core.models.inbox_work import ServiceKind, ServiceTime
from core.models.planning import Delivery, DeliveryState
from core.models.team import AuditEntry, Role
from core.services import inbox
from core.services.inbox import AnswerState, Cursor, InboxFilter, Page
from core.services.inbox_search import snippet, terms
from tests import factories
from tests.conftest import counted

pytestmark = pytest.mark.usefixtures("hub")

ALL = InboxFilter(state=None)


def listed(wanted: InboxFilter = ALL, after: Cursor | None = None, limit: int = 30) -> Page:
    with db.read() as session:
        return inbox.conversations(session, wanted, after, limit)


def ids(wanted: InboxFilter = ALL) -> list[int]:
    return [row.id for row in listed(wanted).rows]


def searched(words: str) -> list[int]:
    return ids(InboxFilter(state=None, search=words))


def view(conversation_id: int, **more):
    with db.read() as session:
        return inbox.conversation(session, conversation_id, **more)


def failed_answer(talk: Conversation, state: DeliveryState = DeliveryState.FAILED, text: str = "Am Montag.") -> Message:
    answer = factories.message(talk, text, direction=Direction.OUT, remote_id=None)
    with db.write() as session:
        session.add(
            Delivery(message_id=answer.id, channel_id=talk.channel_id, text=text, state=state, last_error="Too long.")
        )
    return answer


def test_the_list_is_newest_first_and_says_who_where_and_since_when():
    group = factories.group("Kaffee")
    channel = factories.channel(group_id=group.id, handle="@kaffee@social.example")
    now = db.utc_now()
    old = factories.conversation(channel.id, "Alt", at=now - timedelta(hours=2))
    new = factories.conversation(channel.id, "Neu", at=now)
    rows = listed().rows
    assert [row.id for row in rows] == [new.id, old.id]
    assert (rows[0].channel_handle, rows[0].group, rows[0].preview) == ("@kaffee@social.example", "Kaffee", "Neu")
    assert rows[1].waiting_since == old.waiting_since and rows[1].unread == 1


@pytest.mark.parametrize("many", [10, 500])
def test_the_number_of_statements_does_not_grow(many: int):
    channels = [factories.channel() for _ in range(3)]
    with db.write() as session:
        now = db.utc_now()
        for number in range(many):
            session.add(
                Conversation(
                    channel_id=channels[number % 3].id, remote_id=f"t{number}", last_message_at=now, preview="Hallo"
                )
            )
    with counted() as ran:
        listed()
    assert len(ran) == 3  # the channels, the rows, their labels


def test_paging_loses_and_doubles_nothing_while_messages_arrive():
    channels = [factories.channel() for _ in range(3)]
    now = db.utc_now()
    # Equal times across channels: the id must decide.
    made = {factories.conversation(channels[n % 3].id, at=now - timedelta(minutes=n // 4)).id for n in range(25)}
    seen: list[int] = []
    after = None
    while True:
        page = listed(after=after, limit=4)
        seen += [row.id for row in page.rows]
        factories.conversation(channels[0].id, at=db.utc_now() + timedelta(minutes=1))
        if page.next is None:
            break
        after = page.next
    assert len(seen) == len(set(seen)) and set(seen) == made


def test_filters_by_state_channel_group_kind_and_unread():
    group = factories.group()
    one, two = factories.channel(group_id=group.id), factories.channel()
    open_one = factories.conversation(one.id, unread=0)
    pending = factories.conversation(one.id, state=ConversationState.PENDING, kind=Kind.DIRECT)
    other = factories.conversation(two.id)
    assert set(ids(InboxFilter())) == {open_one.id, other.id}
    assert ids(InboxFilter(state=ConversationState.PENDING)) == [pending.id]
    assert set(ids(InboxFilter(state=None, group_id=group.id))) == {open_one.id, pending.id}
    assert ids(InboxFilter(state=None, channel_ids=(two.id,))) == [other.id]
    assert ids(InboxFilter(state=None, kind=Kind.DIRECT)) == [pending.id]
    assert set(ids(InboxFilter(state=None, unread_only=True))) == {pending.id, other.id}
    assert ids(InboxFilter(state=ConversationState.OPEN, unread_only=True, group_id=group.id)) == []


def test_a_removed_channel_takes_its_conversations_out_of_sight():
    channel = factories.channel(state=ChannelState.REMOVED)
    hidden = factories.conversation(channel.id, "Versteckt")
    assert ids() == [] and searched("versteckt") == []
    with pytest.raises(NotFound):
        view(hidden.id)


def test_a_failed_answer_shows_in_the_list():
    channel = factories.channel()
    good, bad = factories.conversation(channel.id), factories.conversation(channel.id)
    failed_answer(bad)
    assert {row.id: row.trouble for row in listed().rows} == {good.id: False, bad.id: True}


def test_waiting_counts_open_conversations_and_knows_the_oldest():
    channel = factories.channel()
    now = db.utc_now()
    factories.conversation(channel.id, at=now - timedelta(hours=3), state=ConversationState.RESOLVED)
    oldest = factories.conversation(channel.id, at=now - timedelta(hours=2))
    factories.conversation(channel.id, at=now)
    with db.read() as session:
        found = inbox.waiting(session)
    assert (found.count, found.oldest) == (2, oldest.waiting_since)


def test_search_folds_case_and_diacritics_and_takes_the_beginning_of_the_last_word():
    talk = factories.conversation(factories.channel().id, "Habt ihr die Größe 42 noch?")
    assert searched("große") == searched("GRÖSSE 42") + searched("größ") == [talk.id]
    assert searched("42 grö") == [talk.id]
    assert searched("grö 42") == []  # only the last word may go on


@pytest.mark.parametrize(
    "hostile",
    ['"', "AND", "NOT kaffee", "kaffee* OR", "text:kaffee", "NEAR(", "(", "^", "-", "'; DROP TABLE message", "\0", "%"],
)
def test_nothing_typed_is_search_syntax(hostile: str):
    factories.conversation(factories.channel().id, "Kaffee")
    assert searched(hostile) == []


def test_a_phrase_stays_together():
    channel = factories.channel()
    phrase = factories.conversation(channel.id, "Der kalte Kaffee")
    factories.conversation(channel.id, "Kaffee, aber kalte Milch")
    assert searched('"kalte kaffee"') == [phrase.id]
    assert len(searched("kalte kaffee")) == 2


def test_search_finds_people_first_and_says_what_it_met():
    channel = factories.channel()
    writer = factories.contact(name="Änne Bohne", handle="@aenne@social.example")
    hers = factories.conversation(channel.id, "Moin", contact_id=writer.id)
    about = factories.conversation(channel.id, "Grüßt Änne von mir, der Laden ist super")
    with db.read() as session:
        page = inbox.conversations(session, InboxFilter(state=None, search="Änne"))
    assert [row.id for row in page.rows] == [hers.id, about.id]
    found = page.rows[1].found
    assert page.rows[0].found is None and found and found.text[found.start : found.end] == "Änne"
    assert searched("@aenne") == [hers.id]


def test_search_shows_a_conversation_once_across_pages_and_keeps_filters():
    channel = factories.channel()
    talks = [factories.conversation(channel.id, "kaffee eins", "kaffee zwei", "kaffee drei") for _ in range(5)]
    seen: list[int] = []
    after, wanted = None, InboxFilter(state=None, search="kaffee")
    for _ in range(20):
        page = listed(wanted, after, limit=2)
        seen += [row.id for row in page.rows]
        if page.next is None:
            break
        after = page.next
    assert seen == [talk.id for talk in reversed(talks)]
    assert ids(InboxFilter(state=ConversationState.RESOLVED, search="kaffee")) == []


def test_search_takes_a_bounded_number_of_statements():
    channel = factories.channel()
    for _ in range(8):
        factories.conversation(channel.id, "kaffee", "kaffee")
    with counted() as ran:
        first = listed(InboxFilter(search="kaffee"), limit=3)
    assert len(ran) <= 7
    with counted() as ran:
        listed(InboxFilter(search="kaffee"), first.next, limit=3)
    assert len(ran) <= 7


def test_a_deleted_or_edited_text_is_no_longer_found():
    talk = factories.conversation(factories.channel().id, "Geheimnis")
    with db.write() as session:
        session.exec(select(Message)).one().text = "Verraten"
    assert searched("geheimnis") == [] and searched("verraten") == [talk.id]


def test_a_snippet_holds_the_hit_of_a_long_text():
    found = snippet("Vorher " * 60 + "die Größe\nstimmt " + "nachher " * 60, terms("größe"))
    assert found.text[found.start : found.end] == "Größe"
    assert found.text.startswith("…") and found.text.endswith("…") and len(found.text) < 140


def test_a_conversation_shows_its_messages_oldest_first_and_pages_upwards():
    talk = factories.conversation(factories.channel().id, *[f"Nachricht {n}" for n in range(7)])
    newest = view(talk.id, limit=3)
    assert [m.text for m in newest.messages] == ["Nachricht 4", "Nachricht 5", "Nachricht 6"]
    above = view(talk.id, limit=3, before=newest.earlier)
    assert [m.text for m in above.messages] == ["Nachricht 1", "Nachricht 2", "Nachricht 3"]
    assert view(talk.id, limit=3, before=above.earlier).earlier is None


def test_a_conversation_takes_three_statements_however_long_it_is():
    talk = factories.conversation(factories.channel().id, *["Hallo"] * 60)
    with counted() as ran:
        view(talk.id)
    assert len(ran) == 3


def test_a_comment_shows_the_post_it_is_about():
    channel = factories.channel()
    talk = factories.conversation(channel.id, kind=Kind.COMMENT, remote_id="post-1")
    with db.write() as session:
        session.add(
            Publication(channel_id=channel.id, remote_id="post-1", text="Winterröstung", published_at=db.utc_now())
        )
    about = view(talk.id).about
    assert about and about.text == "Winterröstung"


def test_a_reply_goes_on_its_way_and_nobody_waits_any_more():
    actor, channel = factories.actor(Role.EDITOR), factories.channel()
    talk = factories.conversation(channel.id, "Wann liefert ihr?")
    with db.write() as session:
        message_id = inbox.send_reply(session, actor, talk.id, "  Am Montag.  ")
    shown = view(talk.id)
    answer = shown.messages[-1]
    assert (answer.id, answer.text, answer.answer, answer.author) == (
        message_id,
        "Am Montag.",
        AnswerState.SENDING,
        actor.name,
    )
    assert shown.unread == 0 and shown.waiting_since is None and shown.on_its_way
    with db.read() as session:
        delivery = session.exec(select(Delivery)).one()
        audit = session.exec(select(AuditEntry)).one()
        stored = session.get_one(Message, message_id)
    assert delivery.state == DeliveryState.SCHEDULED and delivery.due_at is not None and delivery.text == "Am Montag."
    assert stored.reply_to == shown.messages[0].remote_id
    assert audit.action == "message.reply" and "Montag" not in audit.detail + audit.target


def test_a_reply_can_go_to_an_older_message():
    talk = factories.conversation(factories.channel().id, "Eins", "Zwei")
    first = view(talk.id).messages[0]
    actor = factories.actor()
    with db.write() as session:
        message_id = inbox.send_reply(session, actor, talk.id, "Zu eins", to_message=first.id)
    with db.read() as session:
        assert session.get_one(Message, message_id).reply_to == first.remote_id


@pytest.mark.parametrize(
    ("channel", "text", "sentence"),
    [
        ({}, "   ", "nothing to publish"),
        ({"network": "bluesky", "limits": Limits(text_length=5).to_json()}, "Zu lang!", "3 characters too long"),
        ({"state": ChannelState.PAUSED}, "Hallo", "Resume it"),
        ({"state": ChannelState.NEEDS_REAUTH}, "Hallo", "reconnected"),
    ],
)
def test_what_cannot_be_sent_is_said_and_leaves_nothing_behind(channel: dict, text: str, sentence: str):
    talk = factories.conversation(factories.channel(**channel).id)
    actor = factories.actor()
    with pytest.raises(UserError, match=sentence), db.write() as session:
        inbox.send_reply(session, actor, talk.id, text)
    assert len(view(talk.id).messages) == 1


def test_what_was_deleted_at_the_network_cannot_be_answered():
    talk = factories.conversation(factories.channel().id)
    with db.write() as session:
        session.exec(select(Message)).one().deleted_at = db.utc_now()
    actor = factories.actor()
    with pytest.raises(UserError, match="deleted"), db.write() as session:
        inbox.send_reply(session, actor, talk.id, "Hallo")


def test_a_failed_answer_can_be_retried():
    talk = factories.conversation(factories.channel().id)
    answer = failed_answer(talk)
    assert view(talk.id).messages[-1].error == "Too long."
    actor = factories.actor()
    with db.write() as session:
        inbox.retry_reply(session, actor, answer.id)
    shown = view(talk.id)
    assert shown.messages[-1].answer == AnswerState.SENDING and shown.messages[-1].error is None
    assert shown.waiting_since is None


def test_discarding_gives_the_text_back_and_they_wait_again():
    talk = factories.conversation(factories.channel().id)
    answer = failed_answer(talk)
    actor = factories.actor()
    with db.write() as session:
        assert inbox.discard_reply(session, actor, answer.id) == "Am Montag."
    shown = view(talk.id)
    assert len(shown.messages) == 1 and shown.waiting_since is not None
    with db.read() as session:
        assert session.exec(select(Delivery)).all() == []


def test_a_person_confirms_what_the_hub_could_not_find_out():
    talk = factories.conversation(factories.channel().id)
    answer = failed_answer(talk, DeliveryState.UNCONFIRMED)
    assert view(talk.id).messages[-1].answer == AnswerState.UNCONFIRMED
    actor = factories.actor()
    with db.write() as session:
        inbox.confirm_reply(session, actor, answer.id)
    assert view(talk.id).messages[-1].answer == AnswerState.SENT
    with db.read() as session:
        assert [row.kind for row in session.exec(select(ServiceTime))] == [ServiceKind.FIRST]


@pytest.mark.parametrize("state", [DeliveryState.SENDING, DeliveryState.CHECKING, DeliveryState.PUBLISHED])
def test_what_is_on_its_way_or_out_cannot_be_retried_or_discarded(state: DeliveryState):
    talk = factories.conversation(factories.channel().id)
    answer, actor = failed_answer(talk, state), factories.actor()
    for action in (inbox.retry_reply, inbox.discard_reply, inbox.confirm_reply):
        with pytest.raises(UserError, match="already out"), db.write() as session:
            action(session, actor, answer.id)


def test_resolving_reads_and_takes_it_from_the_open_ones():
    talk, actor = factories.conversation(factories.channel().id), factories.actor()
    with db.write() as session:
        inbox.set_state(session, actor, talk.id, ConversationState.RESOLVED)
    assert ids(InboxFilter()) == [] and view(talk.id).unread == 0
    with db.write() as session:
        inbox.set_state(session, actor, talk.id, ConversationState.OPEN)
    assert ids(InboxFilter()) == [talk.id]


def test_read_and_unread():
    talk, actor = factories.conversation(factories.channel().id, "Eins", "Zwei"), factories.actor()
    with db.write() as session:
        inbox.mark_read(session, actor, talk.id)
    assert view(talk.id).unread == 0
    with db.write() as session:
        inbox.mark_unread(session, actor, talk.id)
    assert view(talk.id).unread == 1


def test_a_note_stays_in_the_house():
    talk = factories.conversation(factories.channel().id, "Wann liefert ihr?")
    actor = factories.actor()
    with db.write() as session:
        inbox.add_note(session, actor, talk.id, "Stammkundin")
    shown = view(talk.id)
    assert shown.messages[-1].direction == Direction.NOTE and shown.messages[-1].answer is None
    assert shown.waiting_since is not None  # a note answers nobody
    assert listed().rows[0].preview == "Wann liefert ihr?"
    with db.read() as session:
        assert session.exec(select(Delivery)).all() == []


@pytest.mark.parametrize(
    "write",
    [
        lambda s, a, i: inbox.send_reply(s, a, i, "Hallo"),
        lambda s, a, i: inbox.add_note(s, a, i, "Hallo"),
        lambda s, a, i: inbox.set_state(s, a, i, ConversationState.RESOLVED),
        inbox.mark_read,
        inbox.mark_unread,
        inbox.retry_reply,
        inbox.discard_reply,
        inbox.confirm_reply,
    ],
)
def test_a_viewer_changes_nothing(write: Callable):
    talk, viewer = factories.conversation(factories.channel().id), factories.actor(Role.VIEWER)
    with pytest.raises(PermissionDenied), db.write() as session:
        write(session, viewer, talk.id)
