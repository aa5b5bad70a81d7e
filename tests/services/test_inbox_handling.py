"""What the team decides about conversations, one or many at once, and taking it back."""

from collections.abc import Callable, Iterable
from datetime import datetime, timedelta
from typing import Any

import pytest
from sqlmodel import Session, col, select

from core import db
from core.errors import NotFound, PermissionDenied, UserError
from core.models.channel import ChannelState
from core.models.inbox import Conversation, ConversationState, Goal, Priority
from core.models.inbox_work import ConversationLabel, ServiceKind, ServiceTime
from core.models.team import AuditEntry, Notice, Role
from core.services import inbox, inbox_handling, inbox_waking, labels
from core.services.inbox_handling import Undo
from core.services.team import COMMAND_LINE, Actor
from tests import factories
from tests.conftest import counted

pytestmark = pytest.mark.usefixtures("hub")

S = ConversationState
TOMORROW = timedelta(days=1)


def change(call: Callable[..., Any], *given: Any, actor: Actor = COMMAND_LINE) -> Any:
    with db.write() as session:
        return call(session, actor, *given)


def stored(conversation_id: int) -> Conversation:
    with db.read() as session:
        return session.get_one(Conversation, conversation_id)


def notices(member_id: int) -> list[str]:
    with db.read() as session:
        return list(session.exec(select(Notice.text).where(Notice.member_id == member_id).order_by(col(Notice.id))))


def audited() -> list[tuple[str, str, str]]:
    with db.read() as session:
        return [(e.action, e.target, e.detail) for e in session.exec(select(AuditEntry).order_by(col(AuditEntry.id)))]


def resolutions() -> list[int]:
    with db.read() as session:
        measured = select(ServiceTime.conversation_id).where(ServiceTime.kind == ServiceKind.RESOLUTION)
        return sorted(session.exec(measured))


def on(label_id: int) -> set[int]:
    with db.read() as session:
        return set(
            session.exec(select(ConversationLabel.conversation_id).where(ConversationLabel.label_id == label_id))
        )


def talks(number: int, **values: Any) -> list[int]:
    channel = factories.channel()
    return [factories.conversation(channel.id, **values).id for _ in range(number)]


def many(number: int) -> list[int]:
    """As quick as it goes."""
    channel, now = factories.channel(), db.utc_now()
    with db.write() as session:
        rows = [Conversation(channel_id=channel.id, remote_id=f"t{n}", last_message_at=now) for n in range(number)]
        session.add_all(rows)
        session.flush()
        return [row.id for row in rows]


def a_label(name: str = "Lieferung") -> int:
    return change(labels.create_label, name)


# --- each decision ---------------------------------------------------------------------------------------------------


def test_assigned_it_is_theirs_and_they_are_told():
    (talk,), anna, bert = talks(1), factories.actor(Role.EDITOR), factories.actor()
    made = change(inbox_handling.assign, [talk], anna.id, actor=bert)
    assert stored(talk).assignee_id == anna.id and made.done == f"Assigned to {anna.name}"
    assert notices(anna.id) == [f"{bert.name} assigned a conversation to you."]
    assert change(inbox_handling.assign, [talk], None).done == "Assigned to nobody"
    assert stored(talk).assignee_id is None


def test_who_takes_something_is_not_told_so():
    (talk,), anna = talks(1), factories.actor()
    change(inbox_handling.assign, [talk], anna.id, actor=anna)
    assert notices(anna.id) == []


def test_many_assigned_at_once_are_one_notice():
    given, anna, bert = talks(5), factories.actor(), factories.actor()
    made = change(inbox_handling.assign, given, anna.id, actor=bert)
    assert notices(anna.id) == [f"{bert.name} assigned 5 conversations to you."]
    assert made.done == f"5 conversations assigned to {anna.name}"


def test_nothing_is_assigned_to_who_may_only_read_or_is_gone():
    (talk,), viewer = talks(1), factories.member(Role.VIEWER, name="Vera")
    gone = factories.member(disabled_at=db.utc_now())
    with pytest.raises(UserError, match="Vera may only read"):
        change(inbox_handling.assign, [talk], viewer.id)
    for nobody in (gone.id, 999):
        with pytest.raises(NotFound, match="Choose somebody else"):
            change(inbox_handling.assign, [talk], nobody)
    assert stored(talk).assignee_id is None


def test_people_are_those_who_may_answer_by_name():
    factories.member(Role.VIEWER, name="Vera")
    factories.member(name="Alt", disabled_at=db.utc_now())
    zoe, anna = factories.member(Role.EDITOR, name="zoe"), factories.member(name="Anna")
    with db.read() as session:
        assert [(p.id, p.name) for p in inbox_handling.people(session)] == [(anna.id, "Anna"), (zoe.id, "zoe")]


def test_priority_goal_and_label_are_seen_together():
    (talk, other), key = talks(2), a_label()
    change(inbox_handling.set_priority, [talk], Priority.URGENT)
    change(inbox_handling.set_goal, [talk], Goal.COMPLAINT)
    assert change(inbox_handling.add_label, [talk], key).done == "Labelled Lieferung"
    with counted() as ran, db.read() as session:
        found = inbox_handling.handling_of(session, [talk, other, 999])
    assert (found[talk].priority, found[talk].goal) == (Priority.URGENT, Goal.COMPLAINT)
    assert [row.name for row in found[talk].labels] == ["Lieferung"]
    assert found[other].labels == () and found[other].goal is None and set(found) == {talk, other} and len(ran) == 2
    change(inbox_handling.set_goal, [talk], None)
    change(inbox_handling.remove_label, [talk], key)
    with db.read() as session:
        now = inbox_handling.handling_of(session, [talk])[talk]
    assert now.goal is None and now.labels == ()


def test_a_label_that_is_gone_cannot_be_put_on():
    with pytest.raises(NotFound, match="label isn't there"):
        change(inbox_handling.add_label, talks(1), 999)


def test_resolving_reads_measures_and_keeps_the_moment():
    talk, before = talks(1)[0], db.utc_now()
    change(inbox_handling.set_states, [talk], S.RESOLVED)
    row = stored(talk)
    assert (row.state, row.unread) == (S.RESOLVED, 0) and row.resolved_at and row.resolved_at >= before
    again = change(inbox_handling.set_states, [talk], S.RESOLVED)
    assert again.done == "Nothing to change" and stored(talk).resolved_at == row.resolved_at


def test_a_resolution_is_measured_once_and_not_when_it_was_none():
    channel = factories.channel(created_at=db.utc_now() - TOMORROW)
    talk = factories.conversation(channel.id, "Wann?", at=db.utc_now() - timedelta(hours=1)).id
    change(inbox_handling.set_states, [talk], S.RESOLVED)
    assert resolutions() == [talk]
    change(inbox_handling.set_states, [talk], S.PENDING)
    assert resolutions() == []
    made = change(inbox_handling.set_states, [talk], S.RESOLVED)
    assert resolutions() == [talk]
    change(inbox_handling.undo, made)
    assert resolutions() == [] and stored(talk).state == S.PENDING


def test_snoozed_it_is_out_of_sight_until_then():
    (talk,), until = talks(1), db.utc_now() + TOMORROW
    change(inbox_handling.snooze, [talk], until)
    row = stored(talk)
    assert (row.state, row.snoozed_until, row.unread) == (S.SNOOZED, until, 0)
    later = until + TOMORROW
    change(inbox_handling.snooze, [talk], later)  # put off once more
    assert stored(talk).snoozed_until == later
    change(inbox_handling.set_states, [talk], S.OPEN)
    assert (stored(talk).state, stored(talk).snoozed_until) == (S.OPEN, None)


def test_snoozing_needs_a_time_to_come():
    given = talks(1)
    with pytest.raises(UserError, match="over"):
        change(inbox_handling.snooze, given, db.utc_now() - TOMORROW)
    with pytest.raises(UserError, match="until when"):
        change(inbox_handling.set_states, given, S.SNOOZED)
    assert stored(given[0]).state == S.OPEN


def test_an_answer_wakes_what_is_snoozed():
    (talk,), anna = talks(1), factories.actor()
    change(inbox_handling.snooze, [talk], db.utc_now() + TOMORROW)
    change(inbox.send_reply, talk, "Am Montag.", actor=anna)
    assert (stored(talk).state, stored(talk).snoozed_until) == (S.OPEN, None)


# --- many, and who may -----------------------------------------------------------------------------------------------


def everything(member_id: int, label_id: int) -> Iterable[tuple[str, Callable[[Session, Actor, list[int]], Undo]]]:
    h, until = inbox_handling, db.utc_now() + TOMORROW
    yield "assign", lambda s, a, ids: h.assign(s, a, ids, member_id)
    yield "priority", lambda s, a, ids: h.set_priority(s, a, ids, Priority.HIGH)
    yield "goal", lambda s, a, ids: h.set_goal(s, a, ids, Goal.PRAISE)
    yield "label", lambda s, a, ids: h.add_label(s, a, ids, label_id)
    yield "unlabel", lambda s, a, ids: h.remove_label(s, a, ids, label_id)
    yield "snooze", lambda s, a, ids: h.snooze(s, a, ids, until)
    yield "resolve", lambda s, a, ids: h.set_states(s, a, ids, S.RESOLVED)
    yield "reopen", lambda s, a, ids: h.set_states(s, a, ids, S.OPEN)


def test_a_thousand_take_as_many_statements_as_one():
    few, lots, key = many(2), many(1000), a_label()
    anna, bert = factories.actor(), factories.actor()
    for name, call in everything(bert.id, key):
        counts, undone = [], []
        for given in (few, lots):
            with counted() as ran:
                made = change(lambda s, a, ids=given, call=call: call(s, a, ids), actor=anna)
            assert made.ids == tuple(given), name
            with counted() as ran_back:
                assert change(inbox_handling.undo, made) == len(given), name
            change(lambda s, a, ids=given, call=call: call(s, a, ids), actor=anna)
            counts.append(len(ran))
            undone.append(len(ran_back))
        assert counts[0] == counts[1] <= 9, (name, counts)
        assert undone[0] == undone[1] <= 6, (name, undone)


def test_one_line_in_the_audit_trail_says_which_they_were():
    given, anna = talks(3), factories.actor()
    change(inbox_handling.set_states, given, S.RESOLVED, actor=anna)
    change(inbox_handling.set_priority, given[:1], Priority.LOW)
    made = change(inbox_handling.assign, given, anna.id)
    change(inbox_handling.undo, made)
    listed = ", ".join(map(str, given))
    assert audited() == [
        ("conversation.resolved", "3 conversations", f"resolved · {listed}"),
        ("conversation.priority", f"conversation:{given[0]}", "low"),
        ("conversation.assign", "3 conversations", f"{anna.id} · {listed}"),
        ("conversation.undo", "3 conversations", f"conversation.assign · {listed}"),
    ]


def test_too_many_none_and_unknown_ones():
    with pytest.raises(UserError, match="1001 conversations are too many"):
        change(inbox_handling.set_states, range(1, 1002), S.RESOLVED)
    with pytest.raises(UserError, match="Choose a conversation first"):
        change(inbox_handling.set_states, [], S.RESOLVED)
    with pytest.raises(NotFound, match="isn't there any more"):
        change(inbox_handling.set_states, [999], S.RESOLVED)


def test_those_that_are_gone_are_left_out_and_the_rest_is_done():
    kept = talks(2)
    removed = factories.conversation(factories.channel(state=ChannelState.REMOVED).id).id
    made = change(inbox_handling.set_states, [*kept, removed, 999, kept[0]], S.RESOLVED)
    assert made.ids == tuple(kept) and made.done == "2 conversations resolved"
    assert stored(removed).state == S.OPEN


def test_a_viewer_decides_nothing():
    given, key, viewer = talks(1), a_label(), factories.actor(Role.VIEWER)
    made = change(inbox_handling.set_goal, given, Goal.SUPPORT)
    for _, call in everything(factories.actor().id, key):
        with pytest.raises(PermissionDenied):
            change(lambda s, a, call=call: call(s, a, given), actor=viewer)
    with pytest.raises(PermissionDenied):
        change(inbox_handling.undo, made, actor=viewer)
    assert stored(given[0]).goal == Goal.SUPPORT and stored(given[0]).state == S.OPEN


# --- undo ------------------------------------------------------------------------------------------------------------


def test_each_goes_back_to_what_it_had():
    anna, bert = factories.actor(), factories.actor()
    one, two, three = talks(3)
    change(inbox_handling.assign, [one], anna.id)
    made = change(inbox_handling.assign, [one, two, three], bert.id, actor=anna)
    assert change(inbox_handling.undo, made) == 3
    assert [stored(key).assignee_id for key in (one, two, three)] == [anna.id, None, None]
    assert notices(bert.id) == [f"{anna.name} assigned 3 conversations to you."]


def test_a_notice_of_what_was_taken_back_goes_too():
    (talk,), anna, bert = talks(1), factories.actor(), factories.actor()
    made = change(inbox_handling.assign, [talk], bert.id, actor=anna)
    change(inbox_handling.undo, made, actor=anna)
    assert notices(bert.id) == []


def test_resolved_by_mistake_is_as_it_was_unread_and_snoozed():
    (talk,), until = talks(1), db.utc_now() + TOMORROW
    other = factories.conversation(factories.channel().id, "Eins", "Zwei").id
    change(inbox_handling.snooze, [talk], until)
    made = change(inbox_handling.set_states, [talk, other], S.RESOLVED)
    assert change(inbox_handling.undo, made) == 2
    assert (stored(talk).state, stored(talk).snoozed_until) == (S.SNOOZED, until)
    assert (stored(other).state, stored(other).unread, stored(other).resolved_at) == (S.OPEN, 2, None)


def test_what_somebody_changed_since_stays():
    anna, bert, cleo = (factories.actor() for _ in range(3))
    one, two = talks(2)
    made = change(inbox_handling.assign, [one, two], bert.id, actor=anna)
    change(inbox_handling.assign, [two], cleo.id, actor=bert)
    change(inbox_handling.set_priority, [one], Priority.HIGH, actor=bert)  # another thing: no hindrance
    assert change(inbox_handling.undo, made, actor=anna) == 1
    assert (stored(one).assignee_id, stored(two).assignee_id) == (None, cleo.id)
    assert stored(one).priority == Priority.HIGH
    assert change(inbox_handling.undo, made, actor=anna) == 0  # a second time there is nothing left


def test_resolved_again_by_somebody_else_stays_resolved():
    (talk,) = talks(1)
    made = change(inbox_handling.set_states, [talk], S.RESOLVED)
    change(inbox_handling.set_states, [talk], S.OPEN)
    change(inbox_handling.set_states, [talk], S.RESOLVED)
    assert change(inbox_handling.undo, made) == 0
    assert stored(talk).state == S.RESOLVED


def test_a_snooze_that_has_passed_is_not_taken_back(monkeypatch: pytest.MonkeyPatch):
    (talk,) = talks(1)
    made = change(inbox_handling.snooze, [talk], db.utc_now() + TOMORROW)
    wake_at(monkeypatch, db.utc_now() + 2 * TOMORROW)
    assert change(inbox_handling.undo, made) == 0 and stored(talk).state == S.OPEN


def test_labels_go_back_where_nobody_touched_them():
    one, two, three, key = *talks(3), a_label()
    change(inbox_handling.add_label, [one], key)
    put = change(inbox_handling.add_label, [one, two, three], key)
    assert put.ids == (two, three)  # `one` had it already, and keeps it
    change(inbox_handling.remove_label, [three], key)
    assert change(inbox_handling.undo, put) == 1 and on(key) == {one}
    off = change(inbox_handling.remove_label, [one, two], key)
    assert off.done == "Without the label Lieferung"
    assert change(inbox_handling.undo, off) == 1 and on(key) == {one}


def test_a_label_that_was_deleted_since_stays_deleted():
    (talk,), key = talks(1), a_label()
    change(inbox_handling.add_label, [talk], key)
    off = change(inbox_handling.remove_label, [talk], key)
    change(labels.delete_label, key)
    assert change(inbox_handling.undo, off) == 0


def test_nothing_changed_is_nothing_to_undo():
    (talk,) = talks(1)
    made = change(inbox_handling.set_priority, [talk], Priority.NORMAL)
    assert made.ids == () and made.done == "Nothing to change"
    assert change(inbox_handling.undo, made) == 0 and audited() == []


# --- waking ----------------------------------------------------------------------------------------------------------


def wake_at(patch: pytest.MonkeyPatch, now: datetime) -> int:
    with patch.context() as then:
        then.setattr(db, "utc_now", lambda: now)
        with db.write() as session:
            return inbox_waking.wake_snoozed(session)


def test_what_was_put_off_comes_back_unread_and_its_assignee_is_told(monkeypatch: pytest.MonkeyPatch):
    (one, two, three), anna = talks(3), factories.actor()
    change(inbox_handling.assign, [one], anna.id, actor=anna)
    until = db.utc_now() + TOMORROW
    change(inbox_handling.snooze, [one, two], until)
    change(inbox_handling.snooze, [three], until + TOMORROW)
    assert wake_at(monkeypatch, until - timedelta(seconds=1)) == 0
    assert wake_at(monkeypatch, until) == 2
    for key in (one, two):
        assert (stored(key).state, stored(key).unread, stored(key).snoozed_until) == (S.OPEN, 1, None)
    assert stored(three).state == S.SNOOZED
    assert notices(anna.id) == ["A conversation of yours is back from snooze."]


def test_many_that_come_back_are_one_notice(monkeypatch: pytest.MonkeyPatch):
    given, anna = many(600), factories.actor()
    change(inbox_handling.assign, given, anna.id, actor=anna)
    until = db.utc_now() + TOMORROW
    change(inbox_handling.snooze, given, until)
    assert wake_at(monkeypatch, until) == 500 and wake_at(monkeypatch, until) == 100
    assert notices(anna.id) == [f"{n} conversations of yours are back from snooze." for n in (500, 100)]


def test_nothing_due_is_one_glance_at_an_index(monkeypatch: pytest.MonkeyPatch):
    (talk,) = talks(1)
    change(inbox_handling.snooze, [talk], db.utc_now() + TOMORROW)
    with counted() as ran:
        assert not inbox_waking.anything_due()
    assert len(ran) == 1
    with db.read() as session:
        statement = inbox_waking._due_snoozes(db.utc_now()).compile(db.engine(), compile_kwargs={"literal_binds": True})
        plan = session.connection().exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}").all()
    assert "ix_conversation_snoozed" in str(plan), plan
    monkeypatch.setattr(db, "utc_now", lambda later=db.utc_now() + 2 * TOMORROW: later)
    assert inbox_waking.anything_due()


# --- notes -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("@anna kannst du?", ["anna"]),
        ("Frag @Anna.Muster, bitte.", ["anna"]),
        ("(@a.muster)", ["anna"]),
        ("@jurgen! und @JÜRGEN.", ["juergen"]),
        ("@max", ["max1", "max2"]),  # two of that name: both
        ("@max.eins", ["max1"]),
        ("@anna.schmidt und @ann", []),
        ("anna@norden.example und @anna@norden.example", []),
        ("anna, ohne Zeichen", []),
        ("@alt", []),  # can't sign in any more
    ],
)
def test_who_a_note_names(text: str, told: list[str]):
    team = {
        "anna": factories.member(Role.EDITOR, name="Anna Muster", email="a.muster@example.org"),
        "juergen": factories.member(name="Jürgen Groß", email="jg@example.org"),
        "max1": factories.member(name="Max Eins", email="m1@example.org"),
        "max2": factories.member(name="Max Zwei", email="m2@example.org"),
        "gone": factories.member(name="Alt", email="alt@example.org", disabled_at=db.utc_now()),
    }
    writer, talk = factories.actor(), factories.conversation(factories.channel(handle="@kaffee@s.example").id)
    change(inbox.add_note, talk.id, text, actor=writer)
    assert [name for name, row in team.items() if notices(row.id)] == told
    for name in told:
        assert notices(team[name].id) == [f"{writer.name} mentioned you in a note on @kaffee@s.example."]


def test_one_does_not_mention_oneself_and_words_stay_in_the_note():
    anna, talk = factories.actor(), talks(1)[0]
    change(inbox.add_note, talk, f"@{anna.email.partition('@')[0]} geheim", actor=anna)
    assert notices(anna.id) == []
    assert "geheim" not in str(audited())
