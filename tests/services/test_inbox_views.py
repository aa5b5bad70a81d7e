"""Views and filters of the inbox: they show what they say, page without loss, and read as an address."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from random import Random

import pytest
from sqlmodel import select

from core import db
from core.connectors.base import Kind
from core.errors import NotFound, UserError
from core.models.channel import ChannelState
from core.models.inbox import Contact, Conversation, ConversationState, Goal, Priority, Sentiment
from core.models.inbox_work import ConversationLabel, Label, SavedView
from core.models.team import Role
from core.services import inbox, inbox_streams, inbox_views
from core.services.inbox import InboxFilter, Page
from core.services.inbox_streams import NOBODY
from core.services.inbox_views import View
from core.services.team import Actor
from tests import factories
from tests.conftest import counted

pytestmark = pytest.mark.usefixtures("hub")

ALL = InboxFilter(state=None)


def listed(wanted: InboxFilter, **more) -> Page:
    with db.read() as session:
        return inbox.conversations(session, wanted, **more)


def ids(wanted: InboxFilter) -> list[int]:
    return [row.id for row in listed(wanted).rows]


def everything(wanted: InboxFilter, limit: int) -> list[int]:
    """Paged to the end."""
    seen: list[int] = []
    after = None
    for _ in range(500):
        page = listed(wanted, after=after, limit=limit)
        seen += [row.id for row in page.rows]
        if page.next is None:
            return seen
        after = page.next
    raise AssertionError("The list never ends.")


def label(name: str, *conversation_ids: int) -> int:
    with db.write() as session:
        row = Label(name=name)
        session.add(row)
        session.flush()
        session.add_all([ConversationLabel(conversation_id=key, label_id=row.id) for key in conversation_ids])
        return row.id


def asked(query: str, actor: Actor | None = None) -> tuple[View, InboxFilter]:
    with db.read() as session:
        return inbox_views.asked(session, actor or factories.actor(), query)


# --- filters --------------------------------------------------------------------------------------------------------


@pytest.fixture
def varied() -> Iterator[tuple[list[Conversation], dict[int, set[int]], list[int]]]:
    """A hundred and fifty conversations of every sort; what they carry; two members."""
    pick = Random(5)
    channels = [factories.channel().id for _ in range(3)] + [factories.channel(state=ChannelState.REMOVED).id]
    people = [factories.contact().id for _ in range(6)]
    team = [factories.member().id for _ in range(2)]
    now = db.utc_now()
    rows = []
    for number in range(150):
        waits = pick.random() < 0.6
        rows.append(
            Conversation(
                channel_id=pick.choice(channels),
                remote_id=f"v{number}",
                kind=pick.choice(list(Kind)),
                contact_id=pick.choice(people),
                state=pick.choice([ConversationState.OPEN, *ConversationState]),
                unread=pick.choice([0, 0, 2]),
                last_message_at=now - timedelta(hours=number // 3),  # equal times: the id must decide
                waiting_since=now if waits else None,
                respond_by=now + timedelta(hours=pick.randint(-30, 30)) if waits else None,
                assignee_id=pick.choice([None, *team]),
                priority=pick.choice(list(Priority)),
                goal=pick.choice([None, *Goal]),
                sentiment=pick.choice([None, *Sentiment]),
                language=pick.choice([None, "de", "en"]),
            )
        )
    with db.write() as session:
        session.add_all(rows)
        session.flush()
        session.expunge_all()
    carried: dict[int, set[int]] = {}
    for name, often in (("Oft", 0.5), ("Selten", 0.05)):
        on = [row.id for row in rows if pick.random() < often]
        carried[label(name, *on)] = set(on)
    yield rows, carried, team


def some_filter(pick: Random, rows: list[Conversation], carried: dict[int, set[int]], team: list[int]) -> InboxFilter:
    def maybe(*values):
        return pick.choice(values) if pick.random() < 0.35 else None

    return InboxFilter(
        state=pick.choice([None, None, *ConversationState]),
        channel_ids=pick.choice([(), (), (rows[0].channel_id,), tuple({row.channel_id for row in rows[:3]})]),
        kind=maybe(*Kind),
        unread_only=pick.random() < 0.2,
        assignee=maybe(NOBODY, *team),
        label_id=maybe(*carried),
        goal=maybe(*Goal),
        sentiment=maybe(*Sentiment),
        language=maybe("de", "en"),
        contact_id=maybe(*{row.contact_id for row in rows}),
        priority=maybe(*Priority),
        overdue=pick.random() < 0.2,
    )


def fits(row: Conversation, wanted: InboxFilter, carried: dict[int, set[int]], shown: set[int]) -> bool:
    plain = ("state", "kind", "goal", "sentiment", "language", "contact_id", "priority")
    return (
        row.channel_id in shown
        and (not wanted.channel_ids or row.channel_id in wanted.channel_ids)
        and all(getattr(wanted, name) in (None, getattr(row, name)) for name in plain)
        and (not wanted.unread_only or row.unread > 0)
        and (wanted.assignee is None or row.assignee_id == (None if wanted.assignee == NOBODY else wanted.assignee))
        and (wanted.label_id is None or row.id in carried[wanted.label_id])
        and (
            not wanted.overdue
            or (row.state == ConversationState.OPEN and row.respond_by is not None and row.respond_by < db.utc_now())
        )
    )


@pytest.mark.parametrize("look", [4, 60, inbox_streams.LOOK])
@pytest.mark.parametrize("few", [0, inbox_streams.FEW])
def test_any_filters_together_show_exactly_what_fits_in_order(varied, look: int, few: int, monkeypatch):
    """However little is looked at for a page, and whichever index leads."""
    monkeypatch.setattr(inbox_streams, "LOOK", look)
    monkeypatch.setattr(inbox_streams, "LOOK_AT_ROWS", look)
    monkeypatch.setattr(inbox_streams, "FEW", few)
    rows, carried, team = varied
    pick = Random(look + few)
    with db.read() as session:
        gone = session.exec(select(inbox_streams.Conversation.channel_id).distinct()).all()
    shown = set(gone) - {max(gone)}
    for _ in range(60):
        wanted = some_filter(pick, rows, carried, team)
        fitting = [row for row in rows if fits(row, wanted, carried, shown)]
        if wanted.overdue:
            fitting.sort(key=lambda row: (row.respond_by, row.id))
        else:
            fitting.sort(key=lambda row: (row.last_message_at, row.id), reverse=True)
        assert everything(wanted, limit=5) == [row.id for row in fitting], wanted


def test_a_rare_combination_gives_a_short_page_and_looking_deeper_finds_more(monkeypatch):
    monkeypatch.setattr(inbox_streams, "LOOK", 10)
    channel = factories.channel()
    now = db.utc_now()
    praise = [
        factories.conversation(
            channel.id, at=now - timedelta(minutes=n), goal=Goal.PRAISE if n in (3, 15, 45) else None
        )
        for n in range(50)
    ]
    wanted = InboxFilter(goal=Goal.PRAISE)
    first = listed(wanted)
    assert [row.id for row in first.rows] == [praise[3].id] and first.short and first.next
    assert [row.id for row in listed(wanted, depth=2).rows] == [praise[3].id, praise[15].id]
    deep = listed(wanted, depth=8)
    assert len(deep.rows) == 3 and not deep.short and deep.next is None


def test_a_row_says_whose_it_is_how_urgent_what_for_and_until_when():
    member = factories.member(name="Anna Beispiel")
    soon = db.utc_now() + timedelta(hours=1)
    talk = factories.conversation(
        factories.channel(target_minutes=90).id,
        assignee_id=member.id,
        priority=Priority.URGENT,
        goal=Goal.COMPLAINT,
        sentiment=Sentiment.NEGATIVE,
        respond_by=soon,
    )
    for name in ("Rückgabe", "Eilt"):
        label(name, talk.id)
    (row,) = listed(InboxFilter()).rows
    assert (row.assignee, row.priority, row.goal) == ("Anna Beispiel", Priority.URGENT, Goal.COMPLAINT)
    assert (row.respond_by, row.target_minutes, row.sentiment) == (soon, 90, Sentiment.NEGATIVE)
    assert [one.name for one in row.labels] == ["Eilt", "Rückgabe"]


def test_the_number_of_statements_is_the_same_for_five_filters_whatever_shows(varied):
    _, carried, team = varied
    wanted = InboxFilter(
        label_id=max(carried), goal=Goal.SUPPORT, language="de", sentiment=Sentiment.POSITIVE, assignee=team[0]
    )
    for narrow in (wanted, replace(wanted, label_id=min(carried)), replace(wanted, goal=None, sentiment=None)):
        with counted() as ran:
            listed(narrow)
        assert len(ran) <= 5


def test_a_person_merged_from_two_contacts_is_found_under_either():
    channel = factories.channel()
    one, two = factories.contact(), factories.contact()
    with db.write() as session:
        for key in (one.id, two.id):
            session.get_one(Contact, key).person_id = one.id
    made = {factories.conversation(channel.id, contact_id=key).id for key in (one.id, two.id)}
    factories.conversation(channel.id)
    assert set(ids(InboxFilter(contact_id=one.id))) == set(ids(InboxFilter(contact_id=two.id))) == made


def test_a_search_keeps_to_the_filters():
    channel, member = factories.channel(), factories.member()
    hers = factories.conversation(
        channel.id, "Kaffee", assignee_id=member.id, goal=Goal.PRAISE, respond_by=db.utc_now() - timedelta(hours=1)
    )
    other = factories.conversation(channel.id, "Kaffee")
    key = label("Idee", hers.id)
    assert ids(InboxFilter(search="kaffee")) == [other.id, hers.id]
    for narrow in ({"assignee": member.id}, {"goal": Goal.PRAISE}, {"label_id": key}, {"overdue": True}):
        assert ids(InboxFilter(search="kaffee", **narrow)) == [hers.id]


# --- views ----------------------------------------------------------------------------------------------------------


def test_each_view_shows_what_its_name_says():
    me, channel, now = factories.actor(), factories.channel().id, db.utc_now()
    mine = factories.conversation(channel, at=now, assignee_id=me.id)
    late = factories.conversation(channel, at=now - timedelta(1), respond_by=now - timedelta(hours=1))
    later = factories.conversation(channel, at=now - timedelta(2), respond_by=now - timedelta(hours=9))
    pending = factories.conversation(channel, state=ConversationState.PENDING, assignee_id=me.id)
    asleep = factories.conversation(channel, state=ConversationState.SNOOZED)
    done = factories.conversation(channel, state=ConversationState.RESOLVED, respond_by=now - timedelta(hours=1))
    expected = {
        View.MINE: [mine],
        View.UNASSIGNED: [late, later],
        View.OPEN: [mine, late, later],
        View.OVERDUE: [later, late],  # who is due longest comes first
        View.PENDING: [pending],
        View.SNOOZED: [asleep],
        View.RESOLVED: [done],
    }
    for view, talks in expected.items():
        assert ids(inbox_views.within(view, me, InboxFilter())) == [talk.id for talk in talks], view
    assert len(ids(inbox_views.within(View.ALL, me, InboxFilter()))) == 6
    with db.read() as session, counted() as ran:
        assert inbox_views.counts(session, me) == {View.MINE: 1, View.UNASSIGNED: 2, View.OVERDUE: 2}
    assert len(ran) == 1


def test_mine_is_the_readers_own_whatever_the_link_says():
    me, you = factories.actor(), factories.actor()
    view, wanted = asked(f"view=mine&assignee={you.id}", me)
    assert (view, wanted.assignee) == (View.MINE, me.id)


def test_a_query_means_the_same_after_a_round_trip():
    me, channel, group = factories.actor(), factories.channel(), factories.group()
    key, writer = label("Rückgabe"), factories.contact()
    asks = InboxFilter(
        search="kalter kaffee",
        channel_ids=(channel.id,),
        group_id=group.id,
        kind=Kind.DIRECT,
        unread_only=True,
        assignee=NOBODY,
        label_id=key,
        goal=Goal.SUPPORT,
        sentiment=Sentiment.NEUTRAL,
        language="de",
        contact_id=writer.id,
        priority=Priority.HIGH,
    )
    wanted = inbox_views.within(View.OVERDUE, me, asks)
    assert asked(inbox_views.query_of(View.OVERDUE, wanted), me) == (View.OVERDUE, wanted)


def test_a_query_may_be_typed_with_names():
    channel, member = factories.channel(handle="@kaffee@social.example"), factories.member(name="Çelik Beispiel")
    key = label("Rückgabe")
    _, wanted = asked("channel=@kaffee@social.example&label=rückgabe&assignee=Çelik+Beispiel&goal=Praise")
    assert (wanted.channel_ids, wanted.label_id, wanted.goal) == ((channel.id,), key, Goal.PRAISE)
    assert wanted.assignee == member.id


@pytest.mark.parametrize(
    ("query", "word"),
    [("view=meine", "meine"), ("goal=lob", "lob"), ("label=gibtsnicht", "gibtsnicht"), ("colour=red", "colour")],
)
def test_a_query_that_asks_for_what_there_is_not_says_so(query: str, word: str):
    with pytest.raises(UserError, match=word):
        asked(query)


def test_own_views_are_kept_replaced_renamed_and_nobody_elses():
    me, you = factories.actor(Role.VIEWER), factories.actor()
    with db.write() as session:
        inbox_views.keep_view(session, me, "  Lob   auf Deutsch ", "view=all&goal=praise&language=de")
        inbox_views.keep_view(session, me, "lob auf deutsch", "view=all&goal=praise")
        inbox_views.keep_view(session, you, "Lob auf Deutsch", "view=open")
    with db.read() as session:
        (kept,) = inbox_views.own_views(session, me)
    assert (kept.name, kept.query) == ("lob auf deutsch", "view=all&goal=praise")
    with pytest.raises(NotFound), db.write() as session:
        inbox_views.delete_view(session, you, kept.id)
    with db.write() as session:
        inbox_views.rename_view(session, me, kept.id, "Lob")
    with db.write() as session:
        assert inbox_views.own_named(inbox_views.own_views(session, me), "LOB").id == kept.id
        inbox_views.delete_view(session, me, kept.id)
    with db.read() as session:
        assert [row.member_id for row in session.exec(select(SavedView))] == [you.id]


@pytest.mark.parametrize("name", ["", "   ", "x" * 41])
def test_a_view_needs_a_name_that_fits(name: str):
    me = factories.actor()
    with pytest.raises(UserError, match="name"), db.write() as session:
        inbox_views.keep_view(session, me, name, "view=open")


def test_a_kept_view_survives_the_renaming_of_its_label():
    me, key = factories.actor(), label("Rückgabe")
    with db.write() as session:
        inbox_views.keep_view(session, me, "Rückgaben", "view=open&label=Rückgabe")
        session.get_one(Label, key).name = "Retoure"
    with db.read() as session:
        (kept,) = inbox_views.own_views(session, me)
    assert asked(kept.query, me)[1].label_id == key
