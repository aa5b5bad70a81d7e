"""The rules in the settings: a list one can order and switch, a form that loses nothing, a try without consequences."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from streamlit.testing.v1 import AppTest

from core import db
from core.models.inbox import Conversation, ConversationState
from core.models.inbox_work import Rule
from core.services import labels, rules
from core.services.rules import RuleDraft, RuleRow
from core.services.team import COMMAND_LINE, Actor
from tests import factories

HOSTILE = "**fett** :red[rot]"


def around() -> None:
    import streamlit as st

    from core.ui.page import open_page
    from core.ui.settings_rules import rules_section

    page = open_page("Settings")
    if not st.session_state.get("elsewhere"):
        rules_section(page)


def opened() -> AppTest:
    return fine(AppTest.from_function(around, default_timeout=30).run())


def fine(page: AppTest) -> AppTest:
    assert not page.exception, page.exception
    return page


def press(page: AppTest, label: str) -> AppTest:
    (button,) = [b for b in page.button if label in (b.label, b.key)]
    return fine(button.click().run())


def words(page: AppTest) -> str:
    kinds = (page.markdown, page.caption, page.error, page.warning, page.toast)
    return "\n".join(element.value for kind in kinds for element in kind).replace("\\", "").replace("\u2060", "")


def a_rule(name: str = "Rechnungen", *looked_for: str, **more: Any) -> int:
    of = [{"on": "words", "words": list(looked_for or ("rechnung",))}]
    draft = RuleDraft(name, {"match": "all", "of": of}, more.pop("actions", [{"do": "resolve"}]), **more)
    with db.write() as session:
        return rules.create_rule(session, COMMAND_LINE, draft)


def stored() -> tuple[RuleRow, ...]:
    with db.read() as session:
        return rules.rules(session)


def fields(page: AppTest, kind: str, label: str) -> list[Any]:
    return [element for element in getattr(page, kind) if element.label == label]


def buttons(page: AppTest, ending: str) -> list[Any]:
    return [button for button in page.button if button.key and button.key.endswith(ending)]


@pytest.fixture
def editor(hub: Path, signed_in: Callable[..., Actor]) -> Actor:
    return signed_in("editor")


# --- the list ---------------------------------------------------------------------------------------------------------


def test_without_rules_it_says_what_a_first_one_could_be(editor: Actor):
    page = opened()
    assert "No rules yet" in words(page) and [b.label for b in page.button] == ["New rule"]


def test_rules_are_listed_with_what_they_do_and_how_they_fare(editor: Actor):
    key = a_rule(HOSTILE, stop=True)
    with db.write() as session:
        row = session.get_one(Rule, key)
        row.matched, row.matched_at, row.trouble = 1204, db.utc_now(), f"@kaffee is paused. {HOSTILE}"
    page = opened()
    told = words(page)
    assert f"1. **{HOSTILE}**" in told and "If it says “rechnung”, resolve it." in told
    assert "matched 1 204 times, last now" in told and "No rule below it is tried then." in told
    assert "could not be done: @kaffee is paused." in told
    assert all(HOSTILE not in element.value for kind in (page.markdown, page.warning) for element in kind)


def test_order_and_switches(editor: Actor):
    one, two = a_rule("eins"), a_rule("zwei")
    page = opened()
    page = press(page, f"rule_up_{two}")
    assert [row.name for row in stored()] == ["zwei", "eins"]
    page = press(page, f"rule_down_{two}")
    assert [row.name for row in stored()] == ["eins", "zwei"]
    assert page.button(key=f"rule_up_{one}").disabled and page.button(key=f"rule_down_{two}").disabled
    page = fine(page.toggle[0].set_value(False).run())
    assert [row.enabled for row in stored()] == [False, True] and "gray-badge[off]" in words(page)
    with db.write() as session:
        rules.enable(session, COMMAND_LINE, one, True)  # a colleague, meanwhile
    fine(page.run())
    assert [row.enabled for row in stored()] == [True, True]


def test_a_rule_is_deleted(editor: Actor):
    a_rule()
    page = press(opened(), "Delete the rule")
    assert stored() == () and "Rechnungen is deleted." in words(page)


def test_trying_shows_a_table_and_changes_nothing(editor: Actor):
    key = a_rule()
    talk = factories.conversation(factories.channel().id, "Hallo", f"Rechnung {HOSTILE}")
    page = press(opened(), f"rule_try_{key}")
    assert "It would have applied to 1 of the last 2 messages" in words(page)
    (table,) = page.dataframe
    (hit,) = table.value.to_dict("records")
    assert (hit["Message"], hit["It would"]) == (f"Rechnung {HOSTILE}", "resolve it")
    assert hit["Open"] == f"/inbox?conversation={talk.id}"
    with db.read() as session:
        assert session.get_one(Conversation, talk.id).state == ConversationState.OPEN
    assert stored()[0].matched == 0


def test_a_viewer_looks_and_tries_only(hub: Path, signed_in: Callable[..., Actor]):
    signed_in("viewer")
    key = a_rule()
    page = opened()
    assert [b.key for b in page.button] == [f"rule_try_{key}"] and not page.toggle
    assert "no message has come in" in words(press(page, f"rule_try_{key}")).lower()


# --- writing one ------------------------------------------------------------------------------------------------------


def test_a_rule_is_written_like_a_sentence(editor: Actor):
    page = press(opened(), "New rule")
    assert "Say which words are to be looked for." in words(page)
    fields(page, "text_input", "Name")[0].input("Ärger")
    fields(page, "text_input", "Words")[0].input("rechnung, mahn*, wo bleibt")
    fields(page, "selectbox", "What is done")[0].set_value("priority")
    page = fine(page.run())
    fields(page, "selectbox", "Priority")[0].set_value("urgent")
    page = fine(page.run())
    assert "If it says “rechnung”, “mahn…” or “wo bleibt”, give it urgent priority." in words(page)
    page = press(page, "Save the rule")
    (row,) = stored()
    assert row.conditions["of"] == [{"on": "words", "has": "any", "words": ["rechnung", "mahn*", "wo bleibt"]}]
    assert row.name == "Ärger" and "The rule is saved." in words(page)
    assert "New rule" in [b.label for b in page.button], "back in the list"


def test_whatever_is_wrong_nothing_typed_is_lost(editor: Actor):
    a_rule("Rechnungen")
    page = press(opened(), "New rule")
    fields(page, "text_input", "Name")[0].input("RECHNUNGEN")
    fields(page, "text_input", "Words")[0].input("liefer*")
    fields(page, "selectbox", "What is done")[0].set_value("answer")
    page = fine(page.run())
    page.text_area[0].input("Hallo {member}")
    page = press(page, "Save the rule")
    assert page.error and "already is a rule “Rechnungen”" in words(page)
    assert fields(page, "text_input", "Name")[0].value == "RECHNUNGEN"
    fields(page, "text_input", "Name")[0].input("Lieferung")
    page = press(page, "Save the rule")
    assert page.error and "can't be filled in by a rule" in words(page)
    assert fields(page, "text_input", "Words")[0].value == "liefer*"
    assert page.text_area[0].value == "Hallo {member}"
    page.text_area[0].input("Hallo {contact}")
    press(page, "Save the rule")
    assert [row.name for row in stored()] == ["Rechnungen", "Lieferung"]


def test_what_is_typed_outlives_a_look_at_another_section(editor: Actor):
    page = press(opened(), "New rule")
    fields(page, "text_input", "Words")[0].input("liefer*")
    page = fine(page.run())
    page.session_state["elsewhere"] = True
    page = fine(page.run())
    assert not page.text_input
    page.session_state["elsewhere"] = False
    page = fine(page.run())
    assert fields(page, "text_input", "Words")[0].value == "liefer*"


def test_conditions_and_actions_come_and_go(editor: Actor):
    page = press(opened(), "New rule")
    page = press(press(page, "Condition"), "Condition")
    assert [s.value for s in fields(page, "selectbox", "How many of the conditions")] == ["all"]
    fields(page, "selectbox", "What is looked at")[0].set_value("hours")
    fields(page, "selectbox", "What is looked at")[1].set_value("sentiment")
    fields(page, "selectbox", "How many of the conditions")[0].set_value("any")
    page = fine(page.run())
    fields(page, "multiselect", "The mood")[0].set_value(["negative"])
    crosses = buttons(page, "_remove")
    assert len(crosses) == 4
    page = fine(crosses[2].click().run())
    fields(page, "selectbox", "What is done")[0].set_value("resolve")
    page = fine(page.run())
    assert "If it comes outside the service hours or it is negative, resolve it." in words(page)
    for _ in range(2):
        page = fine(buttons(page, "_remove")[0].click().run())
    assert "Whatever comes in, resolve it." in words(page) and "anything comes in" in words(page)
    page = fine(buttons(page, "_remove")[0].click().run())
    assert "add an action" in words(page)


EVERYTHING = [
    *({"do": "goal", "goal": "complaint"}, {"do": "priority", "priority": "high"}, {"do": "snooze", "hours": 30}),
    {"do": "answer", "text": "Bis morgen, {contact}", "when": "always"},
]


def test_changing_one_begins_with_all_it_holds(editor: Actor):
    anna = factories.member(name="Anna")
    with db.write() as session:
        label = labels.create_label(session, COMMAND_LINE, "Rechnung")
    channel, group = factories.channel(handle="@kaffee"), factories.group("Kaffee")
    of = [
        {"on": "words", "has": "all", "words": ["a", "b*"], "not": True},
        {"on": "channel", "is": [channel.id]},
        {"on": "group", "is": [group.id], "not": True},
        {"on": "kind", "is": ["comment", "review"]},
        {"on": "contact", "is": ["@lena@norden.example"]},
        {"on": "label", "is": [label]},
        {"on": "language", "is": ["de", "ja"]},
        {"on": "sentiment", "is": ["positive", "neutral"]},
        {"on": "hours", "is": "inside"},
    ]
    more = [{"do": "assign", "member_id": anna.id}, {"do": "label", "label_id": label}]
    actions = [*more, *EVERYTHING, {"do": "notify", "member_ids": [anna.id]}]
    with db.write() as session:
        draft = RuleDraft("Alles", {"match": "any", "of": of}, actions, stop=True)
        key = rules.create_rule(session, COMMAND_LINE, draft)
    (before,) = stored()
    page = press(opened(), f"rule_edit_{key}")
    assert before.sentence in words(page)
    fields(page, "text_input", "Name")[0].input("Anders")
    press(page, "Save the rule")
    (after,) = stored()
    assert (after.conditions, after.actions, after.stop) == (before.conditions, before.actions, True)
    assert after.name == "Anders"


def test_a_rule_is_tried_before_it_is_saved(editor: Actor):
    factories.conversation(factories.channel().id, "Wo bleibt die Lieferung?")
    page = press(opened(), "New rule")
    (tries,) = buttons(page, "_try")
    page = fine(tries.click().run())
    assert page.error and not page.dataframe
    fields(page, "text_input", "Words")[0].input("liefer*")
    fields(page, "selectbox", "What is done")[0].set_value("resolve")
    page = fine(page.run())
    (tries,) = buttons(page, "_try")
    page = fine(tries.click().run())
    assert "applied to 1 of the last 1 messages" in words(page) and len(page.dataframe[0].value) == 1
    fields(page, "text_input", "Words")[0].input("rechnung")
    page = fine(page.run())
    assert "has been changed since it was tried" in words(page)
    page = press(page, "Cancel")
    assert stored() == () and "No rules yet" in words(page)


def test_one_that_is_gone_meanwhile_is_told(editor: Actor):
    key = a_rule()
    page = press(opened(), f"rule_edit_{key}")
    with db.write() as session:
        rules.delete_rule(session, COMMAND_LINE, key)
    page = press(page, "Save the rule")
    assert "isn't there any more" in words(page)
    assert fields(page, "text_input", "Words")[0].value == "rechnung"
