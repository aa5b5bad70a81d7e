"""Rules are written, put in order, switched, deleted, and tried without consequences."""

from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import select, text
from sqlmodel import col

from core import db
from core.connectors.base import Kind, Limits
from core.errors import NotFound, PermissionDenied, UserError
from core.models.channel import ChannelState
from core.models.inbox import Sentiment
from core.models.inbox_work import ContactLabel, Rule
from core.models.team import AuditEntry, Role
from core.services import labels, rules, service_hours
from core.services.rules import RuleDraft, RuleRow, Trial
from core.services.team import COMMAND_LINE, Actor, audit_trail
from tests import factories
from tests.conftest import counted

pytestmark = pytest.mark.usefixtures("hub")

RESOLVE = [{"do": "resolve"}]
ALWAYS = service_hours.Hours(weekly=(((0, 1440),),) * 7, time_zone="UTC")


def if_(*several: dict[str, Any], match: str = "all") -> dict[str, Any]:
    return {"match": match, "of": list(several)}


def words(*several: str) -> dict[str, Any]:
    return {"on": "words", "words": list(several)}


def a_rule(name: str = "Rechnungen", conditions: Any = None, actions: Any = None, **more: Any) -> int:
    enabled = more.pop("enabled", True)
    draft = RuleDraft(name, conditions or if_(words("rechnung")), actions or RESOLVE, **more)
    with db.write() as session:
        return rules.create_rule(session, COMMAND_LINE, draft, enabled=enabled)


def listed() -> tuple[RuleRow, ...]:
    with db.read() as session:
        return rules.rules(session)


def change(call: Any, *given: Any, actor: Actor = COMMAND_LINE) -> Any:
    with db.write() as session:
        return call(session, actor, *given)


def tried(rule: RuleRow | RuleDraft, last: int = 500) -> Trial:
    with db.read() as session:
        return rules.dry_run(session, COMMAND_LINE, rule, last)


# --- writing ----------------------------------------------------------------------------------------------------------


def test_a_rule_is_kept_in_one_form_and_reads_like_a_sentence():
    anna = factories.member(name="Anna")
    with db.write() as session:
        label = labels.create_label(session, COMMAND_LINE, "Beschwerde", "red")
    channel = factories.channel(handle="@kaffee@norden.example")
    key = a_rule(
        "  Ärger  mit Rechnungen ",
        if_(
            {"on": "sentiment", "is": ["negative"]},
            words("Rechnung", "mahn*"),
            {"on": "channel", "is": [channel.id], "not": True},
        ),
        [{"do": "assign", "member_id": anna.id}, {"do": "label", "label_id": label}],
        stop=True,
    )
    (row,) = listed()
    assert (row.id, row.name, row.position, row.enabled, row.stop) == (key, "Ärger mit Rechnungen", 1, True, True)
    assert row.sentence == (
        "If it is negative and it says “Rechnung” or “mahn…” and the channel isn't @kaffee@norden.example, "
        "assign it to Anna and label it Beschwerde."
    )
    assert (row.matched, row.matched_at, row.trouble) == (0, None, None)


def test_what_a_rule_names_and_is_gone_is_told():
    anna = factories.member(name="Anna")
    a_rule(actions=[{"do": "assign", "member_id": anna.id}, {"do": "notify", "member_ids": [anna.id]}])
    with db.write() as session:
        session.get_one(type(anna), anna.id).disabled_at = db.utc_now()
    assert "assign it to (a member who is gone) and tell (a member who is gone)" in listed()[0].sentence


def test_one_that_cannot_be_read_does_not_break_the_list():
    key = a_rule()
    with db.write() as session:
        session.get_one(Rule, key).conditions = {"of": [{"on": "weather"}]}
    assert "can't be read" in listed()[0].sentence
    with pytest.raises(UserError, match="can't be read"):
        tried(listed()[0])


@pytest.mark.parametrize(
    ("draft", "why"),
    [
        (RuleDraft("  ", if_(), RESOLVE), "Give the rule a name"),
        (RuleDraft("x" * 81, if_(), RESOLVE), "1 characters too long"),
        (RuleDraft("RECHNUNGEN", if_(), RESOLVE), "already is a rule “Rechnungen”"),
        (RuleDraft("x", if_(), []), "add an action"),
        (RuleDraft("x", if_(words()), RESOLVE), "which words"),
        (RuleDraft("x", if_({"on": "label", "is": [99]}), RESOLVE), "isn't there any more"),
        (RuleDraft("x", if_(), [{"do": "assign", "member_id": 99}]), "isn't there any more"),
    ],
)
def test_what_is_wrong_is_told_and_nothing_kept(draft: RuleDraft, why: str):
    a_rule()
    with pytest.raises(UserError, match=why):
        change(rules.create_rule, draft)
    assert [row.name for row in listed()] == ["Rechnungen"]


def test_nobody_is_given_work_who_may_only_read():
    viewer = factories.member(Role.VIEWER)
    with pytest.raises(UserError, match="who may answer"):
        a_rule(actions=[{"do": "assign", "member_id": viewer.id}])
    a_rule(actions=[{"do": "notify", "member_ids": [viewer.id]}])


def test_an_answer_must_fit_on_every_channel_that_it_can_be_for():
    factories.channel(limits=Limits(text_length=500).to_json())
    small = factories.channel(handle="@klein", limits=Limits(text_length=50).to_json())
    group = factories.group()
    answer = [{"do": "answer", "text": "x" * 60}]
    with pytest.raises(UserError, match="10 characters too long for @klein"):
        a_rule(conditions=if_(), actions=answer)
    a_rule("without it", if_({"on": "channel", "is": [small.id], "not": True}), answer)
    a_rule("elsewhere", if_({"on": "group", "is": [group.id]}), answer)
    with pytest.raises(UserError, match="too long for @klein"):
        a_rule("maybe", if_({"on": "group", "is": [group.id]}, words("x"), match="any"), answer)


def test_editing_keeps_place_and_count_and_forgets_the_trouble():
    first, second = a_rule("one"), a_rule("two")
    with db.write() as session:
        row = session.get_one(Rule, first)
        row.matched, row.trouble = 7, "It could not be done."
    change(rules.edit_rule, first, RuleDraft("uno", if_(), [{"do": "snooze", "hours": 48}], stop=True))
    row = listed()[0]
    assert (row.id, row.name, row.matched, row.trouble, row.stop) == (first, "uno", 7, None, True)
    assert row.sentence == "Whatever comes in, snooze it for 2 days."
    with pytest.raises(UserError, match="already is a rule “uno”"):
        change(rules.edit_rule, second, RuleDraft("UNO", if_(), RESOLVE))
    change(rules.edit_rule, first, RuleDraft("Uno", if_(), RESOLVE))


def test_order_is_kept_whole():
    one, two, three = a_rule("one"), a_rule("two"), a_rule("three")
    change(rules.move_rule, three, -1)
    change(rules.move_rule, one, -1)
    assert [(row.id, row.position) for row in listed()] == [(one, 1), (three, 2), (two, 3)]
    change(rules.move_rule, one, 1)
    change(rules.delete_rule, three)
    assert [(row.id, row.position) for row in listed()] == [(one, 1), (two, 2)]
    four = a_rule("four")
    assert [(row.id, row.position) for row in listed()] == [(one, 1), (two, 2), (four, 3)]


def test_rules_are_switched_and_every_change_is_in_the_trail():
    key = a_rule()
    change(rules.enable, key, False)
    change(rules.enable, key, False)
    assert not listed()[0].enabled
    change(rules.enable, key, True)
    change(rules.delete_rule, key)
    with db.read() as session:
        trail = [(row.action, row.member, row.detail) for row in reversed(audit_trail(session, COMMAND_LINE))]
    assert trail == [(f"rule.{what}", "Command line", "Rechnungen") for what in ("add", "disable", "enable", "delete")]
    with pytest.raises(NotFound):
        change(rules.enable, key, True)


def test_a_viewer_looks_and_tries_but_changes_nothing():
    key, viewer = a_rule(), factories.actor(Role.VIEWER)
    for call, given in (
        (rules.create_rule, (RuleDraft("x", if_(), RESOLVE),)),
        (rules.edit_rule, (key, RuleDraft("x", if_(), RESOLVE))),
        (rules.move_rule, (key, 1)),
        (rules.enable, (key, False)),
        (rules.delete_rule, (key,)),
    ):
        with pytest.raises(PermissionDenied):
            change(call, *given, actor=viewer)
    with db.read() as session:
        assert rules.dry_run(session, viewer, listed()[0]).looked == 0


def test_reading_takes_a_constant_number_of_statements():
    for number in range(3):
        a_rule(f"rule {number}")
    with db.read() as session, counted() as few:
        rules.rules(session)
    for number in range(3, 30):
        a_rule(f"rule {number}")
    with db.read() as session, counted() as many:
        rules.rules(session)
    assert len(few) == len(many) == 5


# --- trying -----------------------------------------------------------------------------------------------------------


def everything() -> dict[str, list[Any]]:
    """Every row of every table."""
    with db.read() as session:
        tables = session.execute(text("SELECT name FROM sqlite_master WHERE type = 'table'")).scalars().all()
        return {name: list(session.execute(text(f'SELECT * FROM "{name}"'))) for name in tables}


def test_a_dry_run_shows_what_would_be_done_and_changes_nothing():
    anna = factories.member(name="Anna")
    with db.write() as session:
        label = labels.create_label(session, COMMAND_LINE, "Rechnung")
        service_hours.save(session, COMMAND_LINE, ALWAYS)
    channel = factories.channel(handle="@kaffee")
    talk = factories.conversation(channel.id, "Hallo", "Meine Rechnung ist falsch")
    factories.conversation(channel.id, "Danke!")
    everyone = [
        *({"do": "assign", "member_id": anna.id}, {"do": "label", "label_id": label}, {"do": "snooze", "hours": 3}),
        *({"do": "notify", "member_ids": [anna.id]}, {"do": "goal", "goal": "complaint"}),
        *({"do": "priority", "priority": "urgent"}, {"do": "answer", "text": "Wir prüfen das.", "when": "always"}),
    ]
    a_rule(actions=everyone)
    before = everything()
    with counted() as ran:
        trial = tried(listed()[0])
    assert everything() == before
    assert all(statement.startswith("SELECT") for statement in ran)
    assert trial.looked == 3
    (hit,) = trial.hits
    assert (hit.conversation_id, hit.channel, hit.text) == (talk.id, "@kaffee", "Meine Rechnung ist falsch")
    assert hit.contact.startswith("Contact ")
    assert hit.would == (
        *("assign it to Anna", "label it Rechnung", "snooze it for 3 h", "tell Anna", "mark it as a complaint"),
        *("give it urgent priority", "answer “Wir prüfen das.”"),
    )


def test_a_rule_is_tried_while_it_is_being_written():
    factories.conversation(factories.channel().id, "Rechnung", "Mahnung")
    assert len(tried(RuleDraft("", if_(words("mahn*")), RESOLVE)).hits) == 1
    with pytest.raises(UserError, match="add an action"):
        tried(RuleDraft("", if_(), []))
    with pytest.raises(UserError, match="which words"):
        tried(RuleDraft("", if_(words(" ")), RESOLVE))


def test_it_looks_at_the_last_messages_only_newest_first():
    channel = factories.channel()
    for number in range(5):
        factories.conversation(channel.id, f"Rechnung {number}")
    gone = factories.channel(state=ChannelState.REMOVED)
    factories.conversation(gone.id, "Rechnung")
    trial = tried(RuleDraft("", if_(words("rechnung")), RESOLVE), last=3)
    assert trial.looked == 3
    assert [hit.text for hit in trial.hits] == ["Rechnung 4", "Rechnung 3", "Rechnung 2"]
    assert trial.since is not None


def test_a_rule_above_that_stops_is_named():
    factories.conversation(factories.channel().id, "Rechnung", "Lob")
    a_rule("First", if_(words("rechnung")), stop=True)
    a_rule("Doesn't stop", if_())
    a_rule("Last", if_())
    last = listed()[-1]
    assert [(hit.text, hit.stopped_by, hit.would) for hit in tried(last).hits] == [
        ("Lob", None, ("resolve it",)),
        ("Rechnung", "First", ()),
    ]
    assert [hit.stopped_by for hit in tried(listed()[0]).hits] == [None]
    change(rules.enable, listed()[0].id, False)
    assert {hit.stopped_by for hit in tried(last).hits} == {None}


def test_an_automatic_answer_is_tried_with_its_restraint():
    with db.write() as session:
        service_hours.save(session, COMMAND_LINE, ALWAYS)
    channel, now = factories.channel(handle="@kaffee@norden.example"), db.utc_now()
    talk = factories.conversation(channel.id, "eins", "zwei", at=now - timedelta(days=2))
    factories.message(talk, "drei", at=now)
    ours = factories.contact(handle="@KAFFEE@norden.example")
    own = factories.conversation(channel.id, contact_id=ours.id)
    factories.message(own, "von uns", contact_id=ours.id)
    always = RuleDraft("", if_(words("eins", "zwei", "drei", "uns")), [{"do": "answer", "text": "?", "when": "always"}])
    said = {hit.text: hit.would[0] for hit in tried(always).hits}
    assert said == {
        "eins": "answer “?”",
        "zwei": "no answer: one has gone out within 24 h",
        "drei": "answer “?”",
        "von uns": "no answer: one of our own channels wrote it",
    }
    outside = RuleDraft("", if_(words("eins")), [{"do": "answer", "text": "?"}])
    assert tried(outside).hits[0].would == ("no answer: somebody is there",)


def test_every_condition_finds_its_messages():
    group = factories.group()
    channel = factories.channel(group_id=group.id)
    vip = factories.contact(handle="@vip@norden.example")
    other = factories.contact(person_id=vip.id)
    with db.write() as session:
        label = labels.create_label(session, COMMAND_LINE, "VIP")
        session.flush()
        session.add(ContactLabel(contact_id=vip.id, label_id=label))
    one = factories.conversation(channel.id, kind=Kind.DIRECT)
    factories.message(one, "Guten Tag", contact_id=vip.id, language="de-AT", sentiment=Sentiment.POSITIVE)
    factories.message(one, "Hello", contact_id=other.id, language="en", sentiment=Sentiment.NEUTRAL)
    factories.conversation(factories.channel().id, "Hallo")

    def found(condition: dict[str, Any]) -> list[str]:
        return sorted(hit.text for hit in tried(RuleDraft("", if_(condition), RESOLVE)).hits)

    assert found({"on": "language", "is": ["en"]}) == ["Hello"]
    assert "Guten Tag" in found({"on": "language", "is": ["de"]})
    assert "Guten Tag" in found({"on": "sentiment", "is": ["positive"]})
    assert found({"on": "contact", "is": ["vip@norden.example"]}) == ["Guten Tag"]
    assert found({"on": "label", "is": [label]}) == ["Guten Tag", "Hello"], "one person, two profiles"
    whole = ["Guten Tag", "Hallo, wann liefert ihr?", "Hello"]
    assert found({"on": "group", "is": [group.id]}) == found({"on": "channel", "is": [channel.id]}) == whole
    assert found({"on": "kind", "is": ["direct"]}) == whole
    assert len(found({"on": "hours", "is": "inside"}) + found({"on": "hours", "is": "outside"})) == 4


def test_trying_takes_a_constant_number_of_statements():
    channel = factories.channel()
    draft = RuleDraft("", if_({"on": "hours", "is": "inside"}), [{"do": "answer", "text": "x"}])
    factories.conversation(channel.id)
    with counted() as few:
        tried(draft)
    for _ in range(20):
        factories.conversation(channel.id)
    with counted() as many:
        tried(draft)
    assert len(few) == len(many)


def test_who_acted_is_told_even_when_it_was_no_member():
    a_rule()
    with db.read() as session:
        entry = session.execute(select(AuditEntry).where(col(AuditEntry.action) == "rule.add")).scalar_one()
    assert (entry.member_id, entry.by) == (None, "Command line")
