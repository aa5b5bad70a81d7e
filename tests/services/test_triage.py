"""What the worker does first with what came in: tone, rules, deadline; once, set-wise, and nothing holds it up."""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import select, text
from sqlmodel import Session, col

from core import db
from core.connectors.base import Author, Kind, RemoteMessage
from core.models.channel import Channel, ChannelState
from core.models.inbox import Conversation, ConversationState, Direction, Goal, Message, Priority, Sentiment
from core.models.inbox_work import ConversationLabel, Rule
from core.models.planning import Delivery, DeliveryState
from core.models.team import AuditEntry, Member, Notice
from core.services import intake, labels, rule_work, rules, service_hours, triage
from core.services.rules import RuleDraft
from core.services.team import COMMAND_LINE
from tests import factories
from tests.conftest import counted

pytestmark = pytest.mark.usefixtures("hub")

OPEN = service_hours.Hours(weekly=(((0, 1440),),) * 7, time_zone="UTC")
ANGRY = "Das ist furchtbar, eine Frechheit! Ich bin sehr enttäuscht."
HAPPY = "Vielen Dank, das ist wunderbar und ganz toll!"


def a_rule(*actions: dict[str, Any], words: Any = (), of: Any = (), name: str = "", **more: Any) -> int:
    """A rule about everything, about what says one of these words, or with these conditions."""
    conditions = [*of, *([{"on": "words", "words": list(words)}] if words else [])]
    with db.write() as session:
        name = name or f"Rule {len(rules.rules(session)) + 1}"
        draft = RuleDraft(name, {"match": "all", "of": conditions}, list(actions), **more)
        return rules.create_rule(session, COMMAND_LINE, draft)


def write_in(channel: Channel, *texts: str, thread: str = "t1", at: datetime | None = None, **more: Any) -> int:
    """Messages come in as a sync brings them; gives the conversation."""
    at = at or db.utc_now()
    author = more.pop("author", Author("lena@norden.example", "@lena@norden.example", "Lena Ähler"))
    items = [
        RemoteMessage(
            remote_id=f"{thread}.{at.isoformat()}.{number}",
            thread_id=thread,
            kind=more.get("kind", Kind.MENTION),
            author=author,
            text=text,
            sent_at=at - timedelta(seconds=len(texts) - 1 - number),
            is_own=more.get("is_own", False),
            language=more.get("language"),
        )
        for number, text in enumerate(texts)
    ]
    with db.write() as session:
        intake.store_messages(session, session.get_one(Channel, channel.id), items)
        found = select(col(Conversation.id)).where(
            col(Conversation.channel_id) == channel.id, col(Conversation.remote_id) == thread
        )
        return session.execute(found).scalar_one()


def talk(key: int) -> Conversation:
    with db.read() as session:
        return session.get_one(Conversation, key)


def messages(conversation_id: int, direction: Direction = Direction.IN) -> list[Message]:
    there = (col(Message.conversation_id) == conversation_id, col(Message.direction) == direction)
    with db.read() as session:
        return list(session.execute(select(Message).where(*there).order_by(col(Message.id))).scalars())


def rule(key: int) -> Rule:
    with db.read() as session:
        return session.get_one(Rule, key)


def notices() -> list[tuple[int, str, str]]:
    with db.read() as session:
        return [(n.member_id, n.text, n.target) for n in session.execute(select(Notice)).scalars()]


def keep_hours(hours: service_hours.Hours) -> None:
    with db.write() as session:
        service_hours.save(session, COMMAND_LINE, hours)


def closed() -> service_hours.Hours:
    """Hours in which nobody is there now."""
    day = (db.utc_now() + timedelta(days=3)).weekday()
    return service_hours.Hours(weekly=tuple(((540, 600),) if i == day else () for i in range(7)), time_zone="UTC")


# --- tone and deadline -----------------------------------------------------------------------------------------------


def test_language_and_mood_of_a_message_become_the_conversations():
    key = write_in(factories.channel(), HAPPY, ANGRY)
    assert triage.run() == 2
    assert [(m.language, m.sentiment, m.triaged) for m in messages(key)] == [
        ("de", Sentiment.POSITIVE, True),
        ("de", Sentiment.NEGATIVE, True),
    ]
    row = talk(key)
    assert (row.language, row.sentiment) == ("de", Sentiment.NEGATIVE)
    assert row.respond_by is not None and row.respond_by > row.waiting_since
    assert triage.run() == 0


def test_what_the_network_and_a_member_said_stays():
    channel = factories.channel()
    key = write_in(channel, ANGRY, language="nl")
    with db.write() as session:
        message = session.get_one(Message, messages(key)[0].id)
        message.sentiment, message.corrected = Sentiment.POSITIVE, True
    found = a_rule({"do": "resolve"}, of=[{"on": "sentiment", "is": ["positive"]}])
    triage.run()
    (message,) = messages(key)
    assert (message.language, message.sentiment) == ("nl", Sentiment.POSITIVE)
    assert (talk(key).language, talk(key).sentiment) == ("nl", Sentiment.POSITIVE)
    assert rule(found).matched == 1


def test_a_correction_made_meanwhile_is_not_overwritten(monkeypatch: pytest.MonkeyPatch):
    key = write_in(factories.channel(), ANGRY)
    meanwhile(monkeypatch, lambda session: correct(session, messages(key)[0].id))
    triage.run()
    assert messages(key)[0].sentiment == Sentiment.POSITIVE and talk(key).sentiment == Sentiment.POSITIVE


def correct(session: Session, message_id: int) -> None:
    message = session.get_one(Message, message_id)
    message.sentiment, message.corrected = Sentiment.POSITIVE, True


def meanwhile(monkeypatch: pytest.MonkeyPatch, change: Callable[[Session], None]) -> None:
    """Something is written between the worker's reading and its writing."""
    judged = triage._judged

    def interrupted(session: Session, limit: int) -> Any:
        found = judged(session, limit)
        session.rollback()
        with db.write() as other:
            change(other)
        return found

    monkeypatch.setattr(triage, "_judged", interrupted)


def test_two_workers_do_not_do_it_twice(monkeypatch: pytest.MonkeyPatch):
    found, key = a_rule({"do": "priority", "priority": "high"}), write_in(factories.channel(), "Hallo", "Hallo?")

    real = triage._judged
    with monkeypatch.context() as patch:
        done: list[bool] = []

        def interrupted(session: Session, limit: int) -> Any:
            judged = real(session, limit)
            if not done:
                done.append(True)
                session.rollback()
                with db.write() as other:
                    triage._store(other, real(other, 1))
            return judged

        patch.setattr(triage, "_judged", interrupted)
        assert triage.run() == 1
    assert rule(found).matched == 2 and talk(key).priority == Priority.HIGH


def test_only_what_came_in_is_looked_at_and_each_once():
    channel = factories.channel()
    key = write_in(channel, "Hallo")
    write_in(channel, "Wir melden uns", is_own=True)
    factories.message(talk(key), "Notiz", direction=Direction.NOTE, remote_id=None)
    with db.read() as session:
        assert triage.anything_due(session) and triage.next_due(session) is None
    assert triage.run() == 1
    with db.read() as session:
        assert not triage.anything_due(session)


def test_batches_follow_one_another_until_all_is_done():
    channel = factories.channel()
    for number in range(5):
        write_in(channel, "eins", "zwei", thread=f"t{number}")
    assert triage.run(limit=3) == 10


def test_it_stops_between_batches_when_told():
    write_in(factories.channel(), "eins", "zwei", "drei")
    told = iter([False, True])
    assert triage.run(limit=2, stopping=lambda: next(told)) == 2
    assert triage.run() == 1


def test_a_batch_takes_a_constant_number_of_statements():
    channel, anna = factories.channel(), factories.member()
    a_rule({"do": "assign", "member_id": anna.id}, {"do": "priority", "priority": "high"}, {"do": "resolve"})

    def ran(number: int) -> int:
        for one in range(number):
            write_in(channel, HAPPY, ANGRY, thread=f"{number}.{one}")
        with counted() as statements:
            triage.run()
        return len(statements)

    assert ran(2) == ran(40)


@pytest.mark.parametrize("look", [triage.anything_due, lambda session: triage.untriaged(session, 500)])
def test_looking_for_work_asks_a_small_index_only(look: Callable[[Session], Any]):
    with db.read() as session, counted() as ran:
        look(session)
    with db.read() as session:
        rows = session.execute(text(f"EXPLAIN QUERY PLAN {ran[0].replace('?', '1')}")).all()
    plan = [row[3] for row in rows]
    assert any("ix_message_triage" in step for step in plan)
    assert not any(step.startswith("SCAN") and "ix_message_triage" not in step for step in plan), plan


def test_a_text_that_cannot_be_judged_holds_nothing_up(monkeypatch: pytest.MonkeyPatch):
    from core.services import tone

    def broken(text: str, language: str | None) -> Any:
        raise RuntimeError("odd text")

    key = write_in(factories.channel(), "Hallo")
    found = a_rule({"do": "goal", "goal": "support"})
    monkeypatch.setattr(tone, "judge", broken)
    assert triage.run() == 1
    assert talk(key).goal == Goal.SUPPORT and rule(found).matched == 1


# --- rules ------------------------------------------------------------------------------------------------------------


def test_every_action_is_done_counted_and_in_the_trail():
    anna, ben = factories.member(name="Anna"), factories.member(name="Ben")
    with db.write() as session:
        label = labels.create_label(session, COMMAND_LINE, "Rechnung")
    found = a_rule(
        {"do": "assign", "member_id": anna.id},
        {"do": "label", "label_id": label},
        {"do": "goal", "goal": "complaint"},
        {"do": "priority", "priority": "urgent"},
        {"do": "snooze", "hours": 5},
        {"do": "notify", "member_ids": [ben.id]},
        words=["Rechnung"],
        name="Geld",
    )
    channel = factories.channel(handle="@kaffee")
    key, other = write_in(channel, "Meine Rechnung!"), write_in(channel, "Hallo", thread="t2")
    triage.run()
    row = talk(key)
    assert (row.assignee_id, row.goal, row.priority) == (anna.id, Goal.COMPLAINT, Priority.URGENT)
    assert row.state == ConversationState.SNOOZED
    assert timedelta(hours=4) < row.snoozed_until - db.utc_now() <= timedelta(hours=5)
    with db.read() as session:
        assert session.execute(select(ConversationLabel.conversation_id)).scalars().all() == [key]  # type: ignore[call-overload]
        trail = session.execute(
            select(AuditEntry.action, AuditEntry.by).where(col(AuditEntry.by) != "Command line")
        ).all()  # type: ignore[call-overload]
    assert set(trail) == {
        (f"conversation.{what}", "The rule “Geld”") for what in ("assign", "label", "goal", "priority", "snoozed")
    }
    assert notices() == [
        (anna.id, "The rule “Geld” assigned a conversation to you.", f"conversation:{key}"),
        (ben.id, "Rule “Geld”: Lena Ähler on @kaffee.", f"conversation:{key}"),
    ]
    row = talk(other)
    assert (row.assignee_id, row.goal, row.state) == (None, None, ConversationState.OPEN)
    told = rule(found)
    assert told.matched == 1 and told.matched_at is not None and told.trouble is None


def test_many_are_told_in_one_sentence():
    anna = factories.member()
    a_rule({"do": "notify", "member_ids": [anna.id]}, name="Alles")
    channel = factories.channel(handle="@kaffee")
    for number in range(5):
        write_in(channel, "Hallo", "Hallo?", thread=f"t{number}")
    triage.run()
    assert [text for _, text, _ in notices()] == ["Rule “Alles”: 5 conversations, the first Lena Ähler on @kaffee."]


def test_what_a_person_decided_stays():
    anna, ben = factories.member(), factories.member()
    a_rule({"do": "assign", "member_id": anna.id}, {"do": "goal", "goal": "praise"})
    key = write_in(factories.channel(), "Hallo")
    with db.write() as session:
        row = session.get_one(Conversation, key)
        row.assignee_id, row.goal = ben.id, Goal.COMPLAINT
    triage.run()
    assert (talk(key).assignee_id, talk(key).goal) == (ben.id, Goal.COMPLAINT)


def test_the_upper_rule_has_its_way_and_stop_ends_it():
    anna, ben = factories.member(), factories.member()
    upper = a_rule({"do": "assign", "member_id": anna.id}, {"do": "priority", "priority": "high"}, words=["eins"])
    lower = a_rule({"do": "assign", "member_id": ben.id}, {"do": "priority", "priority": "low"})
    channel = factories.channel()
    both, one = write_in(channel, "eins"), write_in(channel, "zwei", thread="t2")
    triage.run()
    assert [(talk(k).assignee_id, talk(k).priority) for k in (both, one)] == [
        (anna.id, Priority.HIGH),
        (ben.id, Priority.LOW),
    ]
    assert (rule(upper).matched, rule(lower).matched) == (1, 2)
    with db.write() as session:
        session.get_one(Rule, upper).stop = True
        rules.move_rule(session, COMMAND_LINE, lower, -1)
    write_in(channel, "eins", thread="t3")
    with db.write() as session:
        rules.move_rule(session, COMMAND_LINE, lower, 1)
    third = write_in(channel, "eins", thread="t4")
    triage.run()
    assert (rule(upper).matched, rule(lower).matched) == (3, 2), "it stopped before the lower one"
    assert talk(third).assignee_id == anna.id


def test_a_rule_that_is_off_does_nothing():
    found = a_rule({"do": "resolve"})
    with db.write() as session:
        rules.enable(session, COMMAND_LINE, found, False)
    key = write_in(factories.channel(), "Hallo")
    triage.run()
    assert talk(key).state == ConversationState.OPEN and rule(found).matched == 0


def test_resolving_waits_for_nobody_but_hides_nothing_newer():
    a_rule({"do": "resolve"}, words=["danke"])
    channel = factories.channel()
    thanks, more = write_in(channel, "Danke!"), write_in(channel, "Danke!", "Noch eine Frage", thread="t2")
    triage.run()
    assert (talk(thanks).state, talk(thanks).unread) == (ConversationState.RESOLVED, 0)
    assert (talk(more).state, talk(more).unread) == (ConversationState.OPEN, 2)
    write_in(channel, "Danke nochmal", thread="t2", at=db.utc_now() + timedelta(seconds=5))
    triage.run()
    assert talk(more).state == ConversationState.RESOLVED


def test_history_gets_a_tone_but_no_rules():
    channel, now = factories.channel(), db.utc_now()
    found = a_rule({"do": "goal", "goal": "praise"})
    old = write_in(channel, ANGRY, at=now - timedelta(days=31))
    answered = write_in(channel, ANGRY, thread="t2", at=now - timedelta(days=2))
    write_in(channel, "Wir helfen", thread="t2", at=now - timedelta(days=1), is_own=True)
    recent = write_in(channel, ANGRY, thread="t3", at=now - timedelta(days=29))
    triage.run()
    assert {messages(key)[0].sentiment for key in (old, answered, recent)} == {Sentiment.NEGATIVE}
    assert [talk(key).goal for key in (old, answered, recent)] == [None, None, Goal.PRAISE]
    assert rule(found).matched == 1


def test_what_is_deleted_or_on_a_removed_channel_moves_nobody():
    channel, gone = factories.channel(), factories.channel()
    found = a_rule({"do": "priority", "priority": "high"})
    key = write_in(channel, "Hallo")
    write_in(gone, "Hallo")
    with db.write() as session:
        session.get_one(Channel, gone.id).state = ChannelState.REMOVED
        intake.mark_removed(session, channel.id, [messages(key)[0].remote_id or ""])
    assert triage.run() == 2
    assert rule(found).matched == 0


def test_an_action_that_cannot_be_done_holds_nothing_up():
    anna = factories.member()
    with db.write() as session:
        label = labels.create_label(session, COMMAND_LINE, "weg")
    found = a_rule(
        *({"do": "assign", "member_id": anna.id}, {"do": "label", "label_id": label}),
        *({"do": "notify", "member_ids": [anna.id]}, {"do": "priority", "priority": "high"}),
    )
    with db.write() as session:
        session.get_one(Member, anna.id).disabled_at = db.utc_now()
        labels.delete_label(session, COMMAND_LINE, label)
    key = write_in(factories.channel(), "Hallo")
    assert triage.run() == 1
    assert talk(key).priority == Priority.HIGH and talk(key).assignee_id is None
    assert "isn't there any more" in (rule(found).trouble or "")


def test_a_rule_that_cannot_be_read_or_breaks_holds_nothing_up(monkeypatch: pytest.MonkeyPatch):
    unreadable = a_rule({"do": "resolve"})
    breaks = a_rule({"do": "goal", "goal": "praise"})
    works = a_rule({"do": "priority", "priority": "high"})
    with db.write() as session:
        session.get_one(Rule, unreadable).conditions = {"of": "weather"}

    def broken(*_: Any) -> None:
        raise RuntimeError("a bug")

    monkeypatch.setattr(rule_work.inbox_handling, "set_goal", broken)
    key = write_in(factories.channel(), "Hallo")
    assert triage.run() == 1
    assert talk(key).priority == Priority.HIGH and talk(key).state == ConversationState.OPEN
    assert (rule(unreadable).matched, rule(breaks).matched, rule(works).matched) == (0, 1, 1)
    assert "Something went wrong" in (rule(breaks).trouble or "")


# --- automatic answers ------------------------------------------------------------------------------------------------

ANSWER = {"do": "answer", "text": "Hallo {contact}, {channel} ist morgen wieder da.", "when": "always"}


def answers(conversation_id: int) -> list[str]:
    return [message.text for message in messages(conversation_id, Direction.OUT)]


def test_an_automatic_answer_goes_the_way_of_every_answer():
    found = a_rule(ANSWER, name="Nachts")
    channel = factories.channel(name="Segelkaffee")
    key = write_in(channel, "Hallo", "Ist wer da?")
    triage.run()
    (sent,) = messages(key, Direction.OUT)
    assert sent.text == "Hallo Lena Ähler, Segelkaffee ist morgen wieder da."
    assert (sent.automatic, sent.member_id, sent.reply_to) == (True, None, messages(key)[-1].remote_id)
    with db.read() as session:
        delivery = session.execute(select(Delivery)).scalar_one()
        entry = session.execute(select(AuditEntry).where(col(AuditEntry.action) == "message.reply")).scalar_one()
    assert (delivery.message_id, delivery.state) == (sent.id, DeliveryState.SCHEDULED)
    assert delivery.due_at is not None and delivery.due_at <= db.utc_now()
    assert entry.by == "The rule “Nachts”"
    assert rule(found).trouble is None


def test_whoever_got_one_still_waits_for_a_person():
    a_rule(ANSWER)
    channel = factories.channel()
    key = write_in(channel, "Ist wer da?")
    before = talk(key)
    triage.run()
    after = talk(key)
    assert (after.unread, after.state) == (1, ConversationState.OPEN)
    assert after.waiting_since == before.waiting_since is not None and after.respond_by is not None
    late = write_in(channel, "Hallooo", at=db.utc_now() - timedelta(seconds=1))
    assert late == key and talk(key).unread == 2, "what comes in late isn't taken for answered"


def test_one_a_day_in_a_conversation():
    a_rule(ANSWER)
    channel, now = factories.channel(), db.utc_now()
    key, other = write_in(channel, "Hallo"), write_in(channel, "Hallo", thread="t2")
    triage.run()
    write_in(channel, "Noch da?", at=now + timedelta(seconds=2))
    triage.run()
    assert (len(answers(key)), len(answers(other))) == (1, 1)
    with db.write() as session:
        session.get_one(Message, messages(key, Direction.OUT)[0].id).sent_at = now - timedelta(hours=25)
    write_in(channel, "Und heute?", at=now + timedelta(seconds=4))
    triage.run()
    assert len(answers(key)) == 2


def test_several_rules_answer_once():
    a_rule({"do": "answer", "text": "oben", "when": "always"})
    a_rule({"do": "answer", "text": "unten", "when": "always"})
    key = write_in(factories.channel(), "Hallo")
    triage.run()
    assert answers(key) == ["oben"]


def test_nothing_older_than_an_hour_is_answered():
    a_rule(ANSWER)
    channel, now = factories.channel(), db.utc_now()
    old = write_in(channel, "Hallo", at=now - timedelta(minutes=61))
    young = write_in(channel, "Hallo", thread="t2", at=now - timedelta(minutes=58))
    triage.run()
    assert (answers(old), len(answers(young))) == ([], 1)


@pytest.mark.parametrize("state", [ChannelState.ACTIVE, ChannelState.REMOVED])
def test_our_own_channels_are_never_answered(state: ChannelState):
    a_rule(ANSWER)
    channel = factories.channel()
    factories.channel(handle="@Bikes@Norden.example", remote_id="bikes@norden.example", state=state)
    by_handle = write_in(channel, "Hallo", author=Author("17", "@bikes@norden.example"))
    by_id = write_in(channel, "Hallo", thread="t2", author=Author("bikes@norden.example", "@neuer@name.example"))
    other = write_in(channel, "Hallo", thread="t3")
    triage.run()
    assert (answers(by_handle), answers(by_id), len(answers(other))) == ([], [], 1)


def test_outside_the_hours_means_when_nobody_is_there_now():
    outside = ANSWER | {"when": "outside"}
    a_rule(outside)
    channel = factories.channel()
    keep_hours(OPEN)
    there = write_in(channel, "Hallo")
    triage.run()
    keep_hours(closed())
    away = write_in(channel, "Hallo", thread="t2")
    triage.run()
    assert (answers(there), len(answers(away))) == ([], 1)


def test_the_hours_are_a_condition_too():
    keep_hours(closed())
    inside = a_rule({"do": "priority", "priority": "high"}, of=[{"on": "hours", "is": "inside"}])
    outside = a_rule({"do": "priority", "priority": "low"}, of=[{"on": "hours", "is": "outside"}])
    write_in(factories.channel(), "Hallo")
    triage.run()
    assert (rule(inside).matched, rule(outside).matched) == (0, 1)


def test_where_it_cannot_be_sent_the_rule_says_so():
    found = a_rule(ANSWER)
    paused = factories.channel(handle="@pause", state=ChannelState.PAUSED)
    key = write_in(paused, "Hallo")
    triage.run()
    assert answers(key) == [] and "@pause is paused" in (rule(found).trouble or "")
    assert messages(key)[0].triaged


def test_answering_and_resolving_go_together():
    a_rule(ANSWER, {"do": "resolve"})
    key = write_in(factories.channel(), "Danke")
    triage.run()
    assert len(answers(key)) == 1 and talk(key).state == ConversationState.RESOLVED
