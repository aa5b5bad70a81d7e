"""Monitors' queries: whole words, phrases and hashtags, whatever the case."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.connectors.query import parse


@pytest.mark.parametrize(
    ("query", "text", "tags", "hit"),
    [
        ("kaffee", "Guten KAFFEE!", [], True),
        ("kaffee", "Kaffeebohnen", [], False),
        ("straße", "in der STRASSE", [], True),
        ("café", "cafe\u0301 am Platz", [], True),
        ("acme shop", "the shop of Acme's people", [], True),
        ("acme shop", "the shop", [], False),
        ('"acme shop"', "an ACME\n shop", [], True),
        ('"acme shop"', "a shop of acme", [], False),
        ('"unclosed phrase', "an unclosed phrase", [], True),
        ("#kaffee", "no tag in the text", ["Kaffee"], True),
        ("#kaffee", "kaffee", ["Kaffeebohnen"], False),
        ("#kaffee gut", "sehr gut", ["kaffee"], True),
        ("#kaffee gut", "schlecht", ["kaffee"], False),
        ("寿司", "美味しい寿司です", [], True),
        ("c++", "I like C++.", [], True),
        ("a.c", "abc", [], False),
        ("from:alice.test kaffee", "kaffee", [], True),
        ("from:alice.test", "anything", [], True),
        ("", "anything", [], False),
        ("  ", "anything", [], False),
        ("#", "a # b", [], True),
    ],
)
def test_matches_what_a_person_means(query, text, tags, hit):
    assert parse(query).matches(text, tags) is hit


@given(st.text(), st.text())
def test_any_query_can_be_asked(query, text):
    parse(query).matches(text, [])
