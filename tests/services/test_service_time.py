"""Deadlines, warnings and what is measured, as the team would count it by hand."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from itertools import pairwise
from typing import Any
from zoneinfo import ZoneInfo

import pytest
import time_machine
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlmodel import select

from core import db
from core.connectors.base import Author, Kind, Limits, RemoteMessage
from core.models.channel import Channel
from core.models.inbox import Conversation, ConversationState, Message
from core.models.inbox_work import ServiceKind, ServiceTime
from core.models.planning import Delivery, DeliveryState
from core.models.team import Notice, Role
from core.services import inbox, intake, publishing, service_report, service_time
from core.services.service_report import NOBODY
from core.services.service_time import _Wait, lead_seconds
from core.services.settling import settle
from core.services.team import Actor
from tests import factories
from tests.conftest import counted
from tests.fake_network import Clock, FakeNetwork, clock, network

__all__ = ["clock", "network"]

BERLIN = ZoneInfo("Europe/Berlin")
LENA = Author("lena@norden.example", "@lena@norden.example", "Lena")
US = Author("r1@social.example", "@us@social.example", "Us")


def at(text: str) -> datetime:
    """A time in the week from Monday, 8 June 2026, in Berlin: “mon 09:00”."""
    day, time = text.split()
    return datetime.fromisoformat(f"2026-06-{8 + ['mon', 'tue', 'wed', 'thu', 'fri'].index(day):02d} {time}").replace(
        tzinfo=BERLIN
    )


@pytest.fixture
def wall():
    """The clock; it stands at Monday, nine o'clock, and goes only when told."""
    with time_machine.travel(at("mon 09:00"), tick=False) as traveller:
        yield traveller


@pytest.fixture
def channel(hub: Any, wall: Any) -> Channel:
    return factories.channel(created_at=at("mon 07:00"))


def said(remote_id: str, when: str, **values: Any) -> RemoteMessage:
    given: dict[str, Any] = {"thread_id": "t1", "kind": Kind.MENTION, "author": LENA, "text": "Wann?"} | values
    return RemoteMessage(remote_id, sent_at=at(when), **given)


def own(remote_id: str, when: str, **values: Any) -> RemoteMessage:
    return said(remote_id, when, author=US, is_own=True, **values)


def store(channel: Channel, *items: RemoteMessage) -> None:
    with db.write() as session:
        intake.store_messages(session, channel, items)


def rows(table: Any) -> Sequence[Any]:
    with db.read() as session:
        found = session.exec(select(table).order_by(table.id)).all()
        session.expunge_all()
    return found


def talk() -> Conversation:
    (row,) = rows(Conversation)
    return row


def spans(kind: ServiceKind = ServiceKind.FIRST) -> list[tuple[datetime, datetime, int | None]]:
    found = sorted((row for row in rows(ServiceTime) if row.kind is kind), key=lambda row: row.started_at)
    return [(row.started_at, row.ended_at, row.member_id) for row in found]


def resolve(actor: Actor, *ids: int) -> None:
    """As the team does it."""
    with db.write() as session:
        for key in ids:
            session.get_one(Conversation, key).state = ConversationState.RESOLVED
        session.flush()
        service_time.note_resolution(session, actor, ids)


# --- deadlines --------------------------------------------------------------------------------------------------------


def test_who_waits_gets_a_deadline_and_keeps_it_while_waiting(channel: Channel):
    store(channel, said("m1", "mon 15:00"))
    service_time.watch()
    assert talk().respond_by == at("tue 11:00")  # four hours, of which two are on Monday
    store(channel, said("m2", "mon 16:00"))
    assert (talk().waiting_since, talk().respond_by) == (at("mon 15:00"), at("tue 11:00"))


def test_an_answer_ends_the_deadline_and_the_next_message_gets_its_own(channel: Channel):
    store(channel, said("m1", "mon 09:00"))
    service_time.watch()
    store(channel, own("o1", "mon 10:00"))
    assert (talk().waiting_since, talk().respond_by) == (None, None)
    store(channel, said("m2", "mon 11:00"))
    assert talk().respond_by is None
    service_time.watch()
    assert talk().respond_by == at("mon 15:00")


def test_an_answer_that_failed_leaves_the_deadline_where_it_was(channel: Channel):
    actor = factories.actor()
    store(channel, said("m1", "mon 09:00"))
    service_time.watch()
    with db.write() as session:
        message_id = inbox.send_reply(session, actor, talk().id, "Morgen.")
    assert talk().respond_by is None
    with db.write() as session:
        session.exec(select(Delivery)).one().state = DeliveryState.FAILED
        settle(session, [session.get_one(Message, message_id).conversation_id])
    service_time.watch()
    assert talk().respond_by == at("mon 13:00")


def test_what_waited_before_the_channel_was_connected_has_the_whole_target(hub: Any, wall: Any):
    channel = factories.channel(created_at=at("wed 10:00"))
    wall.move_to(at("wed 10:05"))
    store(channel, said("m1", "mon 09:00"))
    service_time.watch()
    assert (talk().waiting_since, talk().respond_by) == (at("mon 09:00"), at("wed 14:00"))


def test_history_that_nobody_answered_makes_nobody_late(channel: Channel, wall: Any):
    old = RemoteMessage(
        "m0", sent_at=at("mon 09:00") - timedelta(days=90), thread_id="t1", kind=Kind.COMMENT, author=LENA, text="?"
    )
    store(channel, old)
    assert talk().state is ConversationState.RESOLVED and talk().waiting_since is None
    wall.move_to(at("tue 09:00"))
    store(channel, said("m1", "tue 09:00"))
    service_time.watch()
    assert (talk().waiting_since, talk().respond_by) == (at("tue 09:00"), at("tue 13:00"))


def test_what_was_resolved_without_an_answer_does_not_wait_when_they_write_again(channel: Channel, wall: Any):
    actor = factories.actor()
    store(channel, said("m1", "mon 09:00", text="Danke!"))
    resolve(actor, talk().id)
    wall.move_to(at("thu 10:00"))
    store(channel, said("m2", "thu 10:00"))
    service_time.watch()
    assert talk().state is ConversationState.OPEN
    assert (talk().waiting_since, talk().respond_by) == (at("thu 10:00"), at("thu 14:00"))


def test_a_deleted_message_waits_for_nobody(channel: Channel):
    store(channel, said("m1", "mon 09:00"))
    service_time.watch()
    with db.write() as session:
        intake.mark_removed(session, channel.id, ["m1"])
    assert (talk().waiting_since, talk().respond_by) == (None, None)


def test_deadlines_take_as_many_statements_for_many_as_for_few(channel: Channel):
    def promised(number: int) -> int:
        ids = [factories.conversation(channel.id, at=at("mon 08:00")).id for _ in range(number)]
        with db.write() as session, counted() as ran:
            service_time.promise(session, ids)
        return len(ran)

    assert promised(2) == promised(40) == 3


# --- warnings -------------------------------------------------------------------------------------------------------


def notices() -> list[tuple[int, str, str]]:
    return [(n.member_id, n.target, n.text) for n in rows(Notice) if n.kind == "target"]


def test_the_warning_comes_before_the_deadline_and_once(channel: Channel, wall: Any):
    editor, viewer = factories.actor(Role.EDITOR), factories.actor(Role.VIEWER)
    store(channel, said("m1", "mon 09:00"))
    for moment in ("mon 09:00", "mon 11:59"):
        wall.move_to(at(moment))
        service_time.watch()
        assert notices() == []
    wall.move_to(at("mon 12:00"))  # a quarter of four hours before 13:00
    service_time.watch()
    expected = f"Lena on {channel.handle}: the answer is due Mon 08 Jun, 13:00 CEST."
    assert notices() == [(editor.id, f"conversation:{talk().id}", expected)]
    with db.write() as session:
        for notice in session.exec(select(Notice)):
            notice.read_at = db.utc_now()
    wall.move_to(at("mon 14:00"))
    service_time.watch()
    assert len(notices()) == 1 and viewer.id not in {member for member, *_ in notices()}


def test_a_later_wait_is_warned_of_again(channel: Channel, wall: Any):
    factories.actor(Role.EDITOR)
    for number, day in enumerate(("mon", "tue")):
        wall.move_to(at(f"{day} 12:30"))
        store(channel, said(f"m{number}", f"{day} 09:00"))
        service_time.watch()
        with db.write() as session:
            for notice in session.exec(select(Notice)):
                notice.read_at = db.utc_now()
        store(channel, own(f"o{number}", f"{day} 12:45"))
    assert len(notices()) == 2


def test_the_assignee_alone_is_warned_unless_they_left(channel: Channel, wall: Any):
    mine, gone = factories.actor(Role.EDITOR), factories.member(Role.EDITOR, disabled_at=at("mon 08:00"))
    other = factories.actor(Role.ADMIN)
    first = factories.conversation(channel.id, at=at("mon 09:00"), assignee_id=mine.id)
    second = factories.conversation(channel.id, at=at("mon 09:00"), assignee_id=gone.id)
    wall.move_to(at("mon 12:30"))
    service_time.watch()
    told = {(member, target) for member, target, _ in notices()}
    assert told == {
        (mine.id, f"conversation:{first.id}"),
        (mine.id, f"conversation:{second.id}"),
        (other.id, f"conversation:{second.id}"),
    }


def test_nights_and_weekends_are_quiet(channel: Channel, wall: Any):
    factories.actor()
    store(channel, said("m1", "fri 14:00"))  # due on Monday at ten? No: three hours on Friday, one on Monday
    wall.move_to(at("fri 15:59"))
    service_time.watch()
    assert talk().respond_by == at("fri 10:00") + timedelta(days=3) and notices() == []
    wall.move_to(at("fri 17:00") + timedelta(days=1))
    service_time.watch()
    assert len(notices()) == 1  # one business hour is left as soon as Friday ends


def test_many_at_once_are_one_notice(channel: Channel, wall: Any):
    editor = factories.actor(Role.EDITOR)
    talks = [factories.conversation(channel.id, at=at("mon 09:00") + timedelta(minutes=n)) for n in range(12)]
    wall.move_to(at("mon 16:00"))
    service_time.watch()
    ((member, target, text),) = notices()
    assert (member, target) == (editor.id, f"conversation:{talks[0].id}")
    assert text.startswith("12 people wait for an answer, first ") and "was due Mon 08 Jun, 13:00 CEST" in text
    service_time.watch()
    assert len(notices()) == 1


def test_snoozed_and_resolved_conversations_are_nobodys_hurry(channel: Channel, wall: Any):
    factories.actor()
    for state in (ConversationState.SNOOZED, ConversationState.RESOLVED, ConversationState.PENDING):
        factories.conversation(channel.id, at=at("mon 09:00"), state=state)
    wall.move_to(at("tue 12:00"))
    service_time.watch()
    assert notices() == []


def test_a_channels_own_target_warns_by_itself(channel: Channel, wall: Any):
    factories.actor()
    slow = factories.channel(created_at=at("mon 07:00"), target_minutes=960)
    quick = factories.channel(created_at=at("mon 07:00"), target_minutes=40)
    talks = [factories.conversation(c.id, at=at("mon 09:00")).id for c in (slow, quick)]
    service_time.watch()
    assert notices() == []
    wall.move_to(at("mon 09:20"))
    service_time.watch()
    assert [target for _, target, _ in notices()] == [f"conversation:{talks[1]}"]
    wall.move_to(at("tue 13:00"))
    service_time.watch()
    assert [target for _, target, _ in notices()] == [f"conversation:{talks[1]}", f"conversation:{talks[0]}"]


@pytest.mark.parametrize(("target", "lead"), [(240, 60), (60, 30), (40, 20), (10, 5), (2400, 600)])
def test_how_long_before_a_deadline_somebody_is_told(target: int, lead: int):
    assert lead_seconds(target) == lead * 60


# --- first answers ----------------------------------------------------------------------------------------------------


def test_an_answer_from_here_counts_when_it_is_out(network: FakeNetwork, clock: Clock):
    channel = factories.channel(
        "fake", base_url="https://fake.example", limits=Limits().to_json(), created_at=clock.now - timedelta(days=1)
    )
    actor = factories.actor()
    asked = clock.now - timedelta(minutes=10)
    row = factories.conversation(channel.id, at=asked)
    with db.write() as session:
        inbox.send_reply(session, actor, row.id, "Morgen.")
    assert spans() == []
    clock.advance(5)
    publishing.publish_due()
    assert spans() == [(asked, network.posts[0].at, actor.id)]


def test_an_answer_at_the_network_counts_for_nobody_in_particular(channel: Channel):
    store(channel, said("m1", "mon 09:00"), said("m2", "mon 09:30"), own("o1", "mon 10:00"), own("o2", "mon 10:05"))
    assert spans() == [(at("mon 09:00"), at("mon 10:00"), None)]


def test_each_wait_counts_once(channel: Channel):
    store(channel, said("m1", "mon 09:00"), own("o1", "mon 10:00"))
    store(channel, said("m2", "mon 11:00"))
    store(channel, own("o2", "mon 11:30"))
    store(channel, own("o2", "mon 11:30"), own("o1", "mon 10:00"))  # the network says it again
    assert spans() == [(at("mon 09:00"), at("mon 10:00"), None), (at("mon 11:00"), at("mon 11:30"), None)]


def test_a_copy_that_a_sync_brought_first_becomes_the_members_answer(channel: Channel):
    actor = factories.actor()
    store(channel, said("m1", "mon 09:00"))
    with db.write() as session:
        key = inbox.send_reply(session, actor, talk().id, "Ganz anders.")
    store(channel, own("o1", "mon 10:00", reply_to="m1"))
    assert spans() == [(at("mon 09:00"), at("mon 10:00"), None)]
    with db.write() as session:
        intake.make_room(session, key, channel.id, "o1")
        answer = session.get_one(Message, key)
        answer.remote_id, answer.sent_at = "o1", at("mon 10:00")
        service_time.note_answer(session, answer)
    assert spans() == [(at("mon 09:00"), at("mon 10:00"), actor.id)]


def test_an_answer_of_unknown_fate_counts_once_a_sync_has_seen_it(channel: Channel):
    actor = factories.actor()
    store(channel, said("m1", "mon 08:55"))
    with db.write() as session:
        inbox.send_reply(session, actor, talk().id, "Morgen.")
        delivery = session.exec(select(Delivery)).one()
        delivery.state, delivery.sent_at = DeliveryState.UNCONFIRMED, at("mon 09:00")
    store(channel, own("o1", "mon 09:00", text="@lena@norden.example Morgen.", reply_to="m1"))
    assert spans() == [(at("mon 08:55"), at("mon 09:00"), actor.id)]


def test_what_comes_late_is_put_in_its_place(channel: Channel):
    store(channel, own("o2", "mon 12:00"))
    assert spans() == []
    store(channel, said("m1", "mon 09:00"))
    assert spans() == [(at("mon 09:00"), at("mon 12:00"), None)]
    store(channel, own("o1", "mon 10:00"))  # it was answered long before, only we didn't know
    assert spans() == [(at("mon 09:00"), at("mon 10:00"), None)]
    store(channel, said("m2", "mon 11:00"))
    assert spans() == [(at("mon 09:00"), at("mon 10:00"), None), (at("mon 11:00"), at("mon 12:00"), None)]


def test_what_was_before_the_connection_is_not_measured(hub: Any, wall: Any):
    channel = factories.channel(created_at=at("tue 12:00"))
    wall.move_to(at("tue 15:00"))
    store(channel, said("m1", "mon 09:00"), own("o1", "mon 10:00"), said("m2", "mon 11:00"), own("o2", "tue 13:00"))
    assert spans() == []
    store(channel, said("m3", "tue 14:00"), own("o3", "tue 14:30"))
    assert spans() == [(at("tue 14:00"), at("tue 14:30"), None)]


def test_who_took_it_back_did_not_wait(channel: Channel, wall: Any):
    store(channel, said("m1", "mon 08:00"), said("m2", "mon 08:30"))
    with db.write() as session:
        intake.mark_removed(session, channel.id, ["m1"])  # now: nine o'clock
    store(channel, own("o1", "mon 09:30"))
    assert spans() == [(at("mon 08:30"), at("mon 09:30"), None)]


def test_what_was_resolved_without_an_answer_is_not_measured_as_one(channel: Channel, wall: Any):
    actor = factories.actor()
    store(channel, said("m1", "mon 08:00"))
    resolve(actor, talk().id)
    wall.move_to(at("wed 12:00"))
    store(channel, said("m2", "wed 11:00"))
    store(channel, own("o1", "wed 11:30"))
    assert spans() == [(at("wed 11:00"), at("wed 11:30"), None)]


def test_notes_and_unsent_answers_end_no_wait(channel: Channel):
    actor = factories.actor()
    store(channel, said("m1", "mon 08:00"))
    with db.write() as session:
        inbox.add_note(session, actor, talk().id, "Weiß das jemand?")
        inbox.send_reply(session, actor, talk().id, "Morgen.")
        service_time.note_answers(session, [talk_id(session)], at("mon 07:00"))
    assert spans() == []


def talk_id(session: Any) -> int:
    return session.exec(select(Conversation.id)).one()


events = st.lists(st.tuples(st.sampled_from("io"), st.integers(0, 30)), max_size=25)


@given(events)
@settings(max_examples=200, deadline=None)
def test_waits_never_overlap_and_each_answer_ends_at_most_one(said_when: list[tuple[str, int]]):
    """The heart of it, without a database: i they wrote, o we did."""
    start = at("mon 08:00")
    wait, found = _Wait(), []
    for what, minute in sorted(said_when, key=lambda one: (one[1], one[0])):
        moment = start + timedelta(minutes=minute)
        row = type("Row", (), {"sent_at": moment, "deleted_at": None})
        if what == "i":
            wait.wrote(row, ())
        elif (since := wait.began(moment)) is not None:
            found.append((since, moment))
    assert all(a <= b for a, b in found)
    assert all(before[1] < after[0] for before, after in pairwise(found))
    ours = [minute for what, minute in said_when if what == "o"]
    answered = {minute for what, minute in said_when if what == "i" and any(o >= minute for o in ours)}
    assert bool(found) == bool(answered)


@pytest.mark.parametrize("number", [1, 30])
def test_answers_from_the_network_cost_the_same_however_many(channel: Channel, number: int):
    items = [said(f"m{n}", "mon 08:00", thread_id=f"t{n}") for n in range(number)]
    items += [own(f"o{n}", "mon 08:30", thread_id=f"t{n}") for n in range(number)]
    store(channel, said("m", "mon 08:00", thread_id="t"))
    with db.write() as session, counted() as ran:
        service_time.note_arrivals(session, channel.id, ["m"])
    assert len(ran) == 4
    store(channel, *items)
    with db.write() as session, counted() as ran:
        service_time.note_arrivals(session, channel.id, [item.remote_id for item in items])
    assert len(ran) == 5 and len(spans()) == number


def test_their_messages_alone_cost_nothing_more(channel: Channel):
    store(channel, said("m1", "mon 08:00"))
    with counted() as ran:
        store(channel, said("m2", "mon 08:30"))
    assert not any("servicetime (" in one.lower() or "delete from servicetime" in one.lower() for one in ran)


# --- resolutions ------------------------------------------------------------------------------------------------------


def resolutions() -> list[tuple[datetime, datetime, int | None]]:
    return spans(ServiceKind.RESOLUTION)


def test_a_resolution_counts_from_their_first_message(channel: Channel, wall: Any):
    actor = factories.actor()
    store(channel, said("m1", "mon 08:00"), said("m2", "mon 08:30"), own("o1", "mon 08:45"))
    resolve(actor, talk().id)
    assert resolutions() == [(at("mon 08:00"), at("mon 09:00"), actor.id)]
    wall.move_to(at("wed 10:00"))
    store(channel, said("m3", "wed 09:00"))
    resolve(actor, talk().id)
    assert resolutions()[1:] == [(at("wed 09:00"), at("wed 10:00"), actor.id)]


def test_resolving_twice_counts_once_and_taking_it_back_not_at_all(channel: Channel, wall: Any):
    actor = factories.actor()
    store(channel, said("m1", "mon 08:00"))
    resolve(actor, talk().id)
    wall.move_to(at("mon 10:00"))
    resolve(actor, talk().id)
    assert resolutions() == [(at("mon 08:00"), at("mon 09:00"), actor.id)]
    with db.write() as session:
        service_time.forget_resolution(session, [talk_id(session)])
    assert resolutions() == []
    wall.move_to(at("mon 11:00"))
    resolve(actor, talk().id)
    assert resolutions() == [(at("mon 08:00"), at("mon 11:00"), actor.id)]


def test_a_resolution_they_wrote_after_stays(channel: Channel, wall: Any):
    actor = factories.actor()
    store(channel, said("m1", "mon 08:00"))
    resolve(actor, talk().id)
    wall.move_to(at("mon 12:00"))
    store(channel, said("m2", "mon 11:00"))
    resolve(actor, talk().id)
    with db.write() as session:
        service_time.forget_resolution(session, [talk_id(session)])
    assert resolutions() == [(at("mon 08:00"), at("mon 09:00"), actor.id)]


def test_many_are_resolved_in_two_statements(channel: Channel):
    actor = factories.actor()
    ids = [factories.conversation(channel.id, at=at("mon 08:00")).id for _ in range(50)]
    with db.write() as session, counted() as ran:
        service_time.note_resolution(session, actor, ids)
    assert len(ran) == 2 and len(resolutions()) == 50


# --- reports ----------------------------------------------------------------------------------------------------------


def measured(channel: Channel, start: str, hours: float, member: int | None = None, **values: Any) -> None:
    with db.write() as session:
        row = Conversation(
            channel_id=channel.id, remote_id=f"x{start}{hours}{channel.id}{member}", last_message_at=at(start)
        )
        session.add(row)
        session.flush()
        given = {"kind": ServiceKind.FIRST, "ended_at": at(start) + timedelta(hours=hours)} | values
        session.add(
            ServiceTime(conversation_id=row.id, channel_id=channel.id, member_id=member, started_at=at(start), **given)
        )


def asked(**which: Any) -> service_report.ServiceReport:
    with db.read() as session:
        span = at("mon 00:00") - timedelta(days=60), at("fri 23:59")
        return service_report.report(session, *span, BERLIN, **which)


def test_figures_are_in_business_time(channel: Channel):
    lena = factories.actor()
    for hours in (1, 2, 3):
        measured(channel, "mon 09:00", hours, lena.id)
    measured(channel, "mon 16:00", 18)  # until ten on Tuesday: two hours
    total = asked().first.total
    assert (total.count, total.median, total.p90, total.within) == (4, 2 * 3600, 3 * 3600, 1.0)
    (channel_line,) = asked().first.by_channel
    assert (channel_line.key, channel_line.name, channel_line.target_minutes) == (channel.id, channel.handle, 240)
    assert [(line.name, line.figures.count) for line in asked().first.by_member] == [(lena.name, 3), (NOBODY, 1)]
    assert asked().resolution.total.count == 0 and asked().resolution.total.median is None


def test_nine_of_ten_is_a_span_that_occurred(channel: Channel):
    for minutes in range(10, 110, 10):
        measured(channel, "mon 09:00", minutes / 60)
    assert asked().first.total.p90 == 90 * 60 and asked().first.total.median == 55 * 60


def test_each_channel_is_held_to_its_own_target(channel: Channel):
    quick = factories.channel(target_minutes=60)
    for place in (channel, quick):
        measured(place, "mon 09:00", 0.5)
        measured(place, "mon 09:00", 2)
    within = {line.key: line.figures.within for line in asked().first.by_channel}
    assert within == {channel.id: 1.0, quick.id: 0.5} and asked().first.total.within == 0.75


def test_weeks_begin_on_monday_where_one_lives(channel: Channel):
    measured(channel, "mon 09:00", 1)
    measured(channel, "mon 00:10", 0.1)  # in UTC it is still Sunday
    measured(channel, "fri 09:00", 1)
    measured(channel, "mon 09:00", 2, ended_at=at("mon 09:00") - timedelta(days=3))
    assert [(line.name, line.figures.count) for line in asked().first.by_week] == [("2026-06-01", 1), ("2026-06-08", 3)]


def test_a_report_keeps_to_its_channels_group_and_time(channel: Channel):
    group = factories.group()
    other = factories.channel(group_id=group.id)
    measured(channel, "mon 09:00", 1)
    measured(other, "mon 09:00", 2)
    measured(other, "mon 09:00", 3, ended_at=at("mon 00:00") - timedelta(days=70))
    assert asked(channel_ids=(channel.id,)).first.total.median == 3600
    assert asked(group_id=group.id).first.total.count == 1
    assert asked(channel_ids=(channel.id,), group_id=group.id).first.total.count == 0


def test_who_still_waits_is_told_beside(channel: Channel, wall: Any):
    factories.conversation(channel.id, at=at("mon 08:00"))
    factories.conversation(channel.id, at=at("mon 13:00"))
    factories.conversation(channel.id, state=ConversationState.RESOLVED)
    wall.move_to(at("mon 14:00"))
    service_time.watch()
    assert (asked().waiting, asked().overdue) == (2, 1)


def test_a_report_takes_five_statements_whatever_there_is(channel: Channel):
    with counted() as few:
        asked()
    for number in range(6):
        place = factories.channel()
        measured(place, "mon 09:00", number, factories.actor().id)
    with counted() as many:
        asked()
    assert len(few) == len(many) == 5


def test_what_goes_with_a_conversation_is_gone(channel: Channel):
    measured(channel, "mon 09:00", 1)
    with db.write() as session:
        session.delete(session.exec(select(Conversation)).one())
    assert rows(ServiceTime) == []
