"""The words, handles and values that rules look for, and what is refused when they are written."""

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.errors import UserError
from core.services.rule_actions import Team, checked_actions, filled
from core.services.rule_terms import (
    On,
    Subject,
    checked_conditions,
    compiled,
    main_language,
    needle,
    plain_handle,
    spelled,
)

KNOWN = {On.CHANNEL: {1, 2}, On.GROUP: {5}, On.LABEL: {7}}
TEAM = Team(answering={1}, members={1, 2}, labels={7})
SUBJECT = Subject(
    channel_id=1,
    group_id=5,
    kind="comment",
    spelled=spelled("Wann kommt die Lieferung?"),
    handle="lena@norden.example",
    labels=frozenset({7}),
    language="de",
    sentiment="negative",
    inside=True,
)


def says(text: str, *words: str, has: str = "any", **more: Any) -> bool:
    conditions = {"match": "all", "of": [{"on": "words", "has": has, "words": list(words)} | more]}
    return compiled(checked_conditions(conditions, KNOWN))(replace(SUBJECT, spelled=spelled(text)))


def holds(*several: dict[str, Any], match: str = "all", **subject: Any) -> bool:
    conditions = checked_conditions({"match": match, "of": list(several)}, KNOWN)
    return compiled(conditions)(replace(SUBJECT, **subject))


# --- words ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "word"),
    [
        ("Wo bleibt die LIEFERUNG?", "lieferung"),
        ("(Lieferung)", "Lieferung"),
        ("#Lieferung!", "lieferung"),
        ("Die Größe stimmt nicht", "grosse"),
        ("Die Grosse stimmt nicht", "Größe"),
        ("STRASSE gesperrt", "Straße"),
        ("Ein Café in Gro\u0308mitz", "cafe"),
        ("Ein Café in Gro\u0308mitz", "Grömitz"),
        ("Lieferverzögerung", "liefer*"),
        ("Lieferverzögerungen seit Tagen", "lieferverzog*"),
        ("Sagt mal: wo  bleibt\nmeine Bestellung?", "wo bleibt"),
        ("wo, bleibt", "wo bleibt"),
        ("Wo bleiben die Pakete", "wo bleib*"),
        ("I don't know", "don't"),
        ("Na toll 😡😡", "😡"),
        ("Danke❤️", "❤️"),
        ("Nr. 4711", "4711"),
    ],
)
def test_a_word_is_found(text: str, word: str):
    assert says(text, word)


@pytest.mark.parametrize(
    ("text", "word"),
    [
        ("Lieferungen kommen an", "lieferung"),
        ("Auslieferung", "lieferung"),
        ("Auslieferung", "liefer*"),
        ("bleibt wo?", "wo bleibt"),
        ("Nr. 14711", "4711"),
        ("", "lieferung"),
        ("😀", "😡"),
    ],
)
def test_another_word_is_none(text: str, word: str):
    assert not says(text, word)


def test_one_of_them_or_all_of_them_or_none():
    text = "Die Rechnung ist falsch"
    assert says(text, "rechnung", "mahnung")
    assert not says(text, "rechnung", "mahnung", has="all")
    assert says(text, "falsch", "rechnung", has="all")
    assert says(text, "mahnung", **{"not": True})
    assert not says(text, "rechnung", **{"not": True})


@pytest.mark.parametrize("word", ["?!", "*", "**", "*ung", "lie*fer"])
def test_what_can_never_be_found_is_refused(word: str):
    with pytest.raises(UserError, match=r"letter or digit|can only stand at the end"):
        needle(word)


@given(st.text(max_size=80), st.text(max_size=80))
def test_every_text_contains_its_own_words(before: str, after: str):
    text = f"{before} Lieferverzögerung {after}"
    assert says(text, "lieferverzogerung") and says(text, "Liefer*")
    assert spelled(spelled(text)) == spelled(text)


# --- the rest ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("condition", "changed"),
    [
        ({"on": "channel", "is": [1]}, {"channel_id": 2}),
        ({"on": "group", "is": [5]}, {"group_id": None}),
        ({"on": "kind", "is": ["comment", "review"]}, {"kind": "direct"}),
        ({"on": "contact", "is": ["@Lena@Norden.Example"]}, {"handle": "lena@sueden.example"}),
        ({"on": "label", "is": [7]}, {"labels": frozenset()}),
        ({"on": "language", "is": ["de-AT"]}, {"language": "en"}),
        ({"on": "sentiment", "is": ["negative"]}, {"sentiment": None}),
        ({"on": "hours", "is": "inside"}, {"inside": False}),
    ],
    ids=lambda value: value.get("on", "") if isinstance(value, dict) else "",
)
def test_each_condition_holds_and_can_be_turned_round(condition: dict[str, Any], changed: dict[str, Any]):
    assert holds(condition) and not holds(condition, **changed)
    turned = condition | {"not": True}
    assert not holds(turned) and holds(turned, **changed)


def test_all_or_any():
    yes, no = {"on": "channel", "is": [1]}, {"on": "kind", "is": ["direct"]}
    assert holds(yes, no, match="any") and not holds(yes, no)
    assert holds() and holds(match="any"), "without conditions a rule is about everything"


def test_handles_and_languages_are_compared_as_people_mean_them():
    assert plain_handle(" @Lena@Norden.example ") == "lena@norden.example"
    assert [main_language(code) for code in ("de-AT", "de_CH", "EN", None, "")] == ["de", "de", "en", None, None]


@pytest.mark.parametrize(
    ("conditions", "why"),
    [
        ([], "Write conditions like"),
        ({"match": "some", "of": []}, "It can be one of: all, any"),
        ({"of": [{"on": "weather", "is": ["bad"]}]}, "It can be one of: channel, group"),
        ({"of": [{"is": ["bad"]}]}, "“on” is nothing"),
        ({"of": ["words"]}, "list of conditions"),
        ({"if": []}, "can't have “if”"),
        ({"of": [{"on": "kind", "are": ["comment"]}]}, "can't have “are”"),
        ({"of": [{"on": "kind", "is": ["post"]}]}, "comment, mention, direct, review"),
        ({"of": [{"on": "kind", "is": []}]}, "Choose which kinds"),
        ({"of": [{"on": "channel", "is": [9]}]}, "channel 9 isn't there any more"),
        ({"of": [{"on": "channel", "is": ["1"]}]}, "isn't the number of a channel"),
        ({"of": [{"on": "channel", "is": [True]}]}, "isn't the number of a channel"),
        ({"of": [{"on": "label", "is": []}]}, "Choose at least one label"),
        ({"of": [{"on": "words", "words": [" "]}]}, "which words"),
        ({"of": [{"on": "words", "words": "liefer"}]}, "which words"),
        ({"of": [{"on": "words", "words": ["x" * 81]}]}, "too long"),
        ({"of": [{"on": "words", "words": ["a"], "not": "yes"}]}, "true or false"),
        ({"of": [{"on": "contact", "is": ["@"]}]}, "handle is empty"),
        ({"of": [{"on": "language", "is": ["Deutsch"]}]}, "is no language"),
        ({"of": [{"on": "hours", "is": "sometimes"}]}, "inside, outside"),
        ({"of": [{"on": "kind", "is": ["comment"]}] * 21}, "too many"),
    ],
)
def test_conditions_that_cannot_be_meant_are_told(conditions: Any, why: str):
    with pytest.raises(UserError, match=why):
        checked_conditions(conditions, KNOWN)


def test_conditions_come_in_one_form():
    given = {
        "of": [{"on": "words", "words": [" liefer*  ", "liefer*", "wo  bleibt"]}, {"on": "language", "is": ["DE"]}]
    }
    once = checked_conditions(given, KNOWN)
    assert once == {
        "match": "all",
        "of": [
            {"on": "words", "has": "any", "words": ["liefer*", "wo bleibt"]},
            {"on": "language", "is": ["de"]},
        ],
    }
    assert checked_conditions(once, KNOWN) == once


# --- actions ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("actions", "why"),
    [
        ({}, "as a list"),
        ([], "add an action"),
        ([{"do": "dance"}], "assign, label, goal"),
        ([{"do": "resolve", "why": 1}], "can't have “why”"),
        ([{"do": "assign", "member_id": 2}], "member who may answer 2 isn't there"),
        ([{"do": "assign"}], "Choose at least one member"),
        ([{"do": "label", "label_id": 8}], "label 8 isn't there"),
        ([{"do": "goal", "goal": "fame"}], "inquiry, support"),
        ([{"do": "priority"}], "low, normal, high, urgent"),
        ([{"do": "snooze", "hours": 0}], "whole hours"),
        ([{"do": "snooze", "hours": 1.5}], "whole hours"),
        ([{"do": "notify", "member_ids": []}], "at least one member"),
        ([{"do": "answer", "text": "  "}], "empty"),
        ([{"do": "answer", "text": "Hallo {member}"}], "can't be filled in by a rule"),
        ([{"do": "answer", "text": "x", "when": "never"}], "outside, always"),
        ([{"do": "resolve"}, {"do": "snooze", "hours": 2}], "not both"),
        ([{"do": "goal", "goal": "praise"}, {"do": "goal", "goal": "support"}], "one “goal” at most"),
        ([{"do": "resolve"}] * 21, "too many"),
    ],
)
def test_actions_that_cannot_be_done_are_told(actions: Any, why: str):
    with pytest.raises(UserError, match=why):
        checked_actions(actions, TEAM)


def test_actions_come_in_one_form():
    once = checked_actions([{"do": "answer", "text": " Bis morgen! "}, {"do": "resolve"}, {"do": "resolve"}], TEAM)
    assert once == [{"do": "answer", "text": "Bis morgen!", "when": "outside"}, {"do": "resolve"}]
    assert checked_actions(once, TEAM) == once


@pytest.mark.parametrize(
    ("name", "handle", "greeted"),
    [
        ("Lena Müller-Lüdenscheidt", "@lena@norden.example", "Lena Müller-Lüdenscheidt"),
        ("D’Arcy O'Neil", "@x@y", "D’Arcy O'Neil"),
        ("@everyone https://spam.example #gewinn", "@x@y", "everyone https spam example gewinn"),
        ("Kauf\nbei\u202euns", "@x@y", "Kauf bei uns"),
        ("✨🎉", "@lena@norden.example", "lena"),
        ("", "lena.bsky.example", "lena"),
        ("x" * 90, "@x@y", "x" * 60),
    ],
)
def test_a_name_goes_out_without_links_handles_and_hashtags(name: str, handle: str, greeted: str):
    assert filled("Hallo {contact}, hier ist { channel }.", name, handle, "Segelkaffee") == (
        f"Hallo {greeted}, hier ist Segelkaffee."
    )
    assert filled("{contact}", "{channel}", "@a@b", "Segelkaffee") == "channel"
