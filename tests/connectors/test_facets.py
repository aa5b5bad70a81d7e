"""Facets: what they mark is, byte for byte, what a person sees marked."""

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from core.connectors.facets import LINK, MENTION, TAG, expanded, facets, hashtags, tags_of

DIDS = {"alice.test": "did:plc:alice", "bob.example.com": "did:plc:bob"}


def marked(text: str) -> list[tuple[str, str]]:
    """(what is marked, what it means) for every facet."""
    raw = text.encode()
    out = []
    for facet in facets(text, DIDS.get):
        (feature,) = facet["features"]
        meaning = feature.get("uri") or feature.get("did") or feature.get("tag")
        out.append((raw[facet["index"]["byteStart"] : facet["index"]["byteEnd"]].decode(), meaning))
    return out


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("plain text, no marks", []),
        ("see https://example.com/a?b=c#d.", [("https://example.com/a?b=c#d", "https://example.com/a?b=c#d")]),
        ("(https://example.com/a)", [("https://example.com/a", "https://example.com/a")]),
        ("https://de.wikipedia.org/wiki/Bonn_(Stadt)", [("https://de.wikipedia.org/wiki/Bonn_(Stadt)",) * 2]),
        ("„https://example.com“, sagte sie", [("https://example.com", "https://example.com")]),
        ("go to example.com/shop now", [("example.com/shop", "https://example.com/shop")]),
        ("www.example.de.", [("www.example.de", "https://www.example.de")]),
        ("read README.md or z.B. main.py, at 10.30", []),
        ("mail me@example.com", []),
        ("https:// and https:///x and http://[bad are no links", []),
        ("hi @alice.test!", [("@alice.test", "did:plc:alice")]),
        ("hi @Alice.Test.", [("@Alice.Test", "did:plc:alice")]),
        ("hi @stranger.test and @nobody", []),
        ("(@bob.example.com)", [("@bob.example.com", "did:plc:bob")]),
        ("👨‍👩‍👧 @alice.test äöü #Grüße", [("@alice.test", "did:plc:alice"), ("#Grüße", "Grüße")]),
        ("#one #two, #3 #4you #.", [("#one", "one"), ("#two", "two"), ("#4you", "4you")]),
        ("＃寿司 is good", [("＃寿司", "寿司")]),
        ("a#b https://example.com/#c", [("https://example.com/#c", "https://example.com/#c")]),
        ("#" + "x" * 65, []),
    ],
)
def test_marks_what_a_reader_expects(text, expected):
    assert marked(text) == expected


WORDS = st.sampled_from(
    [
        "https://example.com/ä",
        "@alice.test",
        "#Straße",
        "example.org",
        "👩🏽‍🚀",
        "\u0301",
        "e\u0301",
        "(",
        ")",
        "\n",
        " ",
    ]
)


@given(st.lists(st.one_of(WORDS, st.text(max_size=8)), max_size=20).map("".join))
@example("\U0001f1e9\U0001f1ea #a\u200d @alice.test\u00a0#b")
def test_offsets_decode_to_the_exact_words(text):
    raw = text.encode()
    end_before = 0
    for facet in facets(text, DIDS.get):
        start, end = facet["index"]["byteStart"], facet["index"]["byteEnd"]
        assert end_before <= start < end <= len(raw)
        end_before = end
        shown = raw[start:end].decode()  # strict: an offset inside a character would raise
        (feature,) = facet["features"]
        match feature["$type"]:
            case kind if kind == LINK:
                assert feature["uri"] in (shown, f"https://{shown}")
            case kind if kind == MENTION:
                assert DIDS[shown[1:].lower()] == feature["did"]
            case kind if kind == TAG:
                assert shown[1:] == feature["tag"]


@given(st.text())
def test_any_text_survives_being_read_back(text):
    record = {"text": text, "facets": facets(text, DIDS.get)}
    if all("." not in part for part in text.split()):  # nothing that could be shown shorter than its address
        assert expanded(record) == text
    assert {tag.casefold() for tag in hashtags(text)} <= tags_of(record) | {""}


def test_one_handle_is_looked_up_once():
    asked = []
    facets("@alice.test and @ALICE.test", lambda handle: asked.append(handle))
    assert asked == ["alice.test"]


def link(text: str, shown: str, uri: str) -> dict:
    start = text.encode().index(shown.encode())
    index = {"byteStart": start, "byteEnd": start + len(shown.encode())}
    return {"text": text, "facets": [{"index": index, "features": [{"$type": LINK, "uri": uri}]}]}


def test_a_shortened_link_is_shown_in_full():
    record = link("Größe: example.com/very-lo… ok", "example.com/very-lo…", "https://example.com/very-long")
    assert expanded(record) == "Größe: https://example.com/very-long ok"


def test_a_link_that_hides_its_target_is_told():
    record = link("please visit bank.example", "bank.example", "https://evil.example/login")
    assert expanded(record) == "please visit bank.example (https://evil.example/login)"


def test_a_javascript_link_is_left_as_words():
    assert expanded(link("click here", "here", "javascript:alert(1)")) == "click here"


@pytest.mark.parametrize(
    "broken",
    [
        None,
        "x",
        [None],
        [{"index": None}],
        [{"index": {"byteStart": "0", "byteEnd": 4}, "features": [{"$type": LINK, "uri": "https://a.b"}]}],
        [{"index": {"byteStart": 2, "byteEnd": 900}, "features": [{"$type": LINK, "uri": "https://a.b"}]}],
        [{"index": {"byteStart": 0, "byteEnd": 1}, "features": [{"$type": LINK, "uri": 7}]}],
        [{"index": {"byteStart": 0, "byteEnd": 1}, "features": "no"}],
    ],
)
def test_broken_facets_harm_nothing(broken):
    record = {"text": "text #tag", "facets": broken}
    assert expanded(record) == "text #tag"
    assert tags_of(record) == {"tag"}


def test_tags_come_from_facets_extra_tags_and_text():
    text = "buy now #Kaffee"
    record = {
        "text": text,
        "tags": ["Extra", 3],
        "facets": [{"index": {"byteStart": 0, "byteEnd": 3}, "features": [{"$type": TAG, "tag": "Hidden"}]}],
    }
    assert tags_of(record) == {"kaffee", "extra", "hidden"}
