"""Acting at the network from the inbox: what is offered, what is done there, what is remembered, what is said."""

from dataclasses import replace
from datetime import timedelta
from typing import Any, ClassVar

import pytest
from sqlmodel import select

from core import db
from core.connectors import registry
from core.connectors.base import Act, Kind
from core.errors import (
    NeedsReauth,
    NetworkError,
    NotFound,
    OutcomeUnknown,
    PermissionDenied,
    RateLimited,
    Rejected,
    RemoteGone,
    RetryLater,
    UserError,
)
from core.models.channel import Channel, ChannelState
from core.models.inbox import Contact, Conversation, Direction, Message
from core.models.inbox_work import Deed
from core.models.team import AuditEntry, Role
from core.services import inbox, inbox_actions, inbox_deeds
from core.services.inbox import ConversationView, MessageView
from tests import factories
from tests.conftest import counted
from tests.fake_network import FakeConnector

pytestmark = pytest.mark.usefixtures("hub")

EVERYTHING = (
    *(Act.LIKE, Act.UNLIKE, Act.REPOST, Act.UNREPOST, Act.HIDE, Act.UNHIDE, Act.DELETE_OWN),
    *(Act.FOLLOW, Act.UNFOLLOW, Act.MUTE, Act.UNMUTE, Act.BLOCK, Act.UNBLOCK),
)


class Acting(FakeConnector):
    """A network that offers everything; `asked` is what it was asked for, `fault` is raised once."""

    asked: ClassVar[list[tuple[Act, str, str]]]
    fault: ClassVar[Exception | None]
    capabilities = replace(FakeConnector.capabilities, acts=EVERYTHING)

    def act(self, act: Act, remote_id: str, author: str = "") -> None:
        assert not db.engine().pool.checkedout(), "the network was asked inside a transaction"
        type(self).asked.append((act, remote_id, author))
        fault, type(self).fault = type(self).fault, None
        if fault is not None:
            raise fault


@pytest.fixture(autouse=True)
def network(monkeypatch: pytest.MonkeyPatch) -> type[Acting]:
    Acting.asked, Acting.fault = [], None
    monkeypatch.setitem(registry.NETWORKS, "fake", Acting)
    return Acting


@pytest.fixture
def talk() -> Conversation:
    """Somebody wrote below our post, and we answered."""
    made = factories.conversation(factories.channel("fake").id, "Wann liefert ihr?", kind=Kind.COMMENT)
    factories.message(made, "Am Montag.", direction=Direction.OUT)
    return made


def view(talk: Conversation) -> ConversationView:
    with db.read() as session:
        return inbox.conversation(session, talk.id)


def offered(talk: Conversation, place: int = 0) -> set[Act]:
    now = view(talk)
    return set(inbox_actions.acts_for(now, now.messages[place]))


def theirs(talk: Conversation) -> MessageView:
    return view(talk).messages[0]


def ours(talk: Conversation) -> MessageView:
    return view(talk).messages[1]


def do(talk: Conversation, act: Act, role: Role = Role.EDITOR) -> str:
    message = ours(talk) if act is Act.DELETE_OWN else theirs(talk)
    return inbox_actions.perform(factories.actor(role), message.id, act)


def rows(table: Any) -> list[Any]:
    with db.read() as session:
        return list(session.exec(select(table)).all())


# --- what is offered ------------------------------------------------------------------------------------------------


def test_what_others_wrote_can_be_liked_and_their_author_followed(talk: Conversation):
    assert offered(talk) == {Act.LIKE, Act.REPOST, Act.HIDE, Act.FOLLOW, Act.MUTE, Act.BLOCK}


def test_of_our_own_answers_only_deleting_is_offered(talk: Conversation):
    assert offered(talk, 1) == {Act.DELETE_OWN}


def test_nothing_is_offered_for_a_note_or_an_answer_that_is_not_out(talk: Conversation):
    factories.message(talk, "Stammkundin", direction=Direction.NOTE, remote_id=None)
    factories.message(talk, "Unterwegs", direction=Direction.OUT, remote_id=None)
    assert offered(talk, 2) == set() and offered(talk, 3) == set()


def test_a_direct_message_is_not_shared_on_and_a_mention_not_hidden():
    channel = factories.channel("fake")
    direct = factories.conversation(channel.id, kind=Kind.DIRECT)
    mention = factories.conversation(channel.id, kind=Kind.MENTION)
    assert offered(direct) == {Act.LIKE, Act.FOLLOW, Act.MUTE, Act.BLOCK}
    assert Act.HIDE not in offered(mention) and Act.REPOST in offered(mention)


def test_who_deleted_their_message_can_still_be_blocked(talk: Conversation):
    with db.write() as session:
        session.get_one(Message, theirs(talk).id).deleted_at = db.utc_now()
    assert offered(talk) == {Act.FOLLOW, Act.MUTE, Act.BLOCK}
    do(talk, Act.BLOCK)
    with pytest.raises(UserError, match="was deleted at the network"):
        do(talk, Act.LIKE)


@pytest.mark.parametrize("state", [ChannelState.PAUSED, ChannelState.NEEDS_REAUTH])
def test_through_a_channel_that_rests_nothing_is_done(state: ChannelState, network: type[Acting]):
    talk = factories.conversation(factories.channel("fake", state=state).id)
    assert offered(talk) == set()
    with pytest.raises(UserError, match="on the Channels page"):
        do(talk, Act.LIKE)
    assert network.asked == []


def test_one_message_alone_offers_the_same(talk: Conversation):
    for place, message in enumerate(view(talk).messages):
        with db.read() as session:
            assert set(inbox_actions.acts_of(session, message.id)) == offered(talk, place) != set()
    with db.read() as session, pytest.raises(NotFound):
        inbox_actions.acts_of(session, 999)


def test_each_network_offers_what_it_has():
    mastodon = factories.conversation(factories.channel("mastodon").id, kind=Kind.COMMENT)
    bluesky = factories.conversation(factories.channel("bluesky").id, kind=Kind.COMMENT)
    assert offered(bluesky) - offered(mastodon) == {Act.HIDE}
    with pytest.raises(UserError, match="Mastodon doesn't let the hub do that"):
        do(mastodon, Act.HIDE)


# --- what is done ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("act", "undo"),
    [
        (Act.LIKE, Act.UNLIKE),
        (Act.REPOST, Act.UNREPOST),
        (Act.HIDE, Act.UNHIDE),
        (Act.FOLLOW, Act.UNFOLLOW),
        (Act.MUTE, Act.UNMUTE),
        (Act.BLOCK, Act.UNBLOCK),
    ],
)
def test_what_was_done_is_remembered_and_can_be_taken_back(
    talk: Conversation, network: type[Acting], act: Act, undo: Act
):
    with db.read() as session:
        message = session.get_one(Message, theirs(talk).id)
        author = session.get_one(Contact, message.contact_id).remote_id
    do(talk, act)
    assert theirs(talk).done == {act}
    assert undo in offered(talk) and act not in offered(talk)
    do(talk, undo)
    assert theirs(talk).done == frozenset() and act in offered(talk)
    assert network.asked == [(act, message.remote_id, author), (undo, message.remote_id, author)]
    assert network is Acting and rows(Deed) == []


def test_who_is_blocked_can_only_be_let_back_in(talk: Conversation):
    do(talk, Act.FOLLOW)
    do(talk, Act.BLOCK)
    assert theirs(talk).done == {Act.BLOCK}, "a block ends following"
    assert offered(talk) & {Act.FOLLOW, Act.UNFOLLOW, Act.MUTE, Act.BLOCK, Act.UNBLOCK} == {Act.UNBLOCK}


def test_an_author_is_muted_on_this_channel_in_all_their_messages_and_nobody_else(talk: Conversation):
    writer = theirs(talk)
    with db.read() as session:
        contact_id = session.get_one(Message, writer.id).contact_id
    again = factories.conversation(talk.channel_id)
    factories.message(again, "Noch etwas", contact_id=contact_id)
    elsewhere = factories.conversation(factories.channel("fake").id)
    factories.message(elsewhere, "Und hier", contact_id=contact_id)
    do(talk, Act.MUTE)
    assert [m.done for m in view(again).messages] == [frozenset(), {Act.MUTE}]
    assert [m.done for m in view(elsewhere).messages] == [frozenset(), frozenset()]


def test_doing_it_twice_is_remembered_once(talk: Conversation):
    do(talk, Act.LIKE)
    do(talk, Act.LIKE)
    assert len(rows(Deed)) == 1


def test_a_deleted_answer_is_deleted_here_too(talk: Conversation):
    assert do(talk, Act.DELETE_OWN) == "Deleted at the network"
    assert ours(talk).deleted_at is not None and ours(talk).text == ""
    assert offered(talk, 1) == set()


def test_what_is_gone_already_counts_as_deleted(talk: Conversation, network: type[Acting]):
    network.fault = RemoteGone("Record not found")
    do(talk, Act.DELETE_OWN)
    assert ours(talk).deleted_at is not None


def test_others_messages_are_not_deleted_and_ours_not_liked(talk: Conversation, network: type[Acting]):
    with pytest.raises(UserError, match="Only what we wrote ourselves"):
        inbox_actions.perform(factories.actor(), theirs(talk).id, Act.DELETE_OWN)
    with pytest.raises(UserError, match="what others wrote"):
        inbox_actions.perform(factories.actor(), ours(talk).id, Act.LIKE)
    assert network.asked == []


def test_what_was_done_is_in_the_audit_trail_without_words(talk: Conversation):
    do(talk, Act.HIDE)
    entry = rows(AuditEntry)[-1]
    assert (entry.action, entry.target) == ("message.hide", f"conversation:{talk.id}")
    assert entry.member_id is not None and "liefert" not in entry.detail


def test_a_viewer_does_nothing(talk: Conversation, network: type[Acting]):
    with pytest.raises(PermissionDenied):
        do(talk, Act.LIKE, Role.VIEWER)
    assert network.asked == []


def test_a_message_that_is_not_there():
    with pytest.raises(NotFound):
        inbox_actions.perform(factories.actor(), 999, Act.LIKE)


def test_a_contact_whose_name_was_erased_is_left_alone(talk: Conversation):
    with db.write() as session:
        session.get_one(Message, theirs(talk).id).contact_id = None
    assert offered(talk) == {Act.LIKE, Act.REPOST, Act.HIDE}
    do(talk, Act.BLOCK)  # by the command line: who wrote is known to the network
    assert rows(Deed) == []
    do(talk, Act.UNFOLLOW)


# --- what goes wrong ------------------------------------------------------------------------------------------------


def refused(status: int, text: str = "Validation failed: no") -> NetworkError:
    error = Rejected(text)
    error.status = status
    return error


@pytest.mark.parametrize(
    ("fault", "said"),
    [
        (RateLimited("Pause", db.utc_now() + timedelta(minutes=1)), "asks for a pause"),
        (RetryLater("The server can't be reached."), "can't be reached. Try again"),
        (OutcomeUnknown("The server did not answer in time."), "did not answer in time. Try again"),
        (RemoteGone("Record not found"), "This message isn't on Fake any more"),
        (refused(422), "Fake refused: Validation failed: no"),
        (Rejected("Only public posts can be shared on."), "^Only public posts can be shared on.$"),
    ],
)
def test_what_goes_wrong_is_said_in_a_sentence_and_nothing_is_remembered(
    talk: Conversation, network: type[Acting], fault: Exception, said: str
):
    network.fault = fault
    with pytest.raises(UserError, match=said):
        do(talk, Act.LIKE)
    assert rows(Deed) == [] and rows(Channel)[0].state is ChannelState.ACTIVE
    do(talk, Act.LIKE)
    assert theirs(talk).done == {Act.LIKE}


def test_a_sign_in_that_has_ended_stops_the_channel(talk: Conversation, network: type[Acting]):
    network.fault = NeedsReauth("The access token is invalid")
    network.fault.status = 401
    with pytest.raises(UserError, match="must be reconnected"):
        do(talk, Act.LIKE)
    assert rows(Channel)[0].state is ChannelState.NEEDS_REAUTH


def test_a_permission_that_is_missing_for_this_alone_stops_nothing_else(talk: Conversation, network: type[Acting]):
    network.fault = NeedsReauth("The network says a permission is missing: outside the authorized scopes")
    network.fault.status = 403
    with pytest.raises(UserError, match="doesn't include this"):
        do(talk, Act.BLOCK)
    assert rows(Channel)[0].state is ChannelState.ACTIVE


# --- how it is read -------------------------------------------------------------------------------------------------


def test_what_was_done_costs_no_further_question(talk: Conversation):
    do(talk, Act.LIKE)
    do(talk, Act.MUTE)
    with counted() as ran:
        assert theirs(talk).done == {Act.LIKE, Act.MUTE}
    assert len(ran) == 3


def test_deeds_are_found_by_their_indexes(talk: Conversation):
    with db.read() as session:
        wanted = select(Message.id, inbox_deeds.deeds_column()).where(Message.conversation_id == talk.id)
        sql = wanted.compile(session.get_bind(), compile_kwargs={"literal_binds": True})
        plan = "\n".join(row[3] for row in session.connection().exec_driver_sql(f"EXPLAIN QUERY PLAN {sql}"))
    assert "SCAN deed" not in plan and "message_id=?" in plan and "contact_id=?" in plan
