"""Campaign parameters: put on links without breaking an address, seen, and taken away again."""

from urllib.parse import parse_qs, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.services.utm import Tags, links_in, shown_links, slug, tag_links, tagged, untag

TAGS = {"utm_source": "mastodon", "utm_medium": "social", "utm_campaign": "herbst"}
QUERY = "utm_source=mastodon&utm_medium=social&utm_campaign=herbst"


@pytest.mark.parametrize(
    ("url", "wanted"),
    [
        ("https://norden.example", f"https://norden.example?{QUERY}"),
        ("https://norden.example/kaffee/", f"https://norden.example/kaffee/?{QUERY}"),
        ("https://norden.example/?sorte=dunkel", f"https://norden.example/?sorte=dunkel&{QUERY}"),
        ("https://norden.example/a#teil", f"https://norden.example/a?{QUERY}#teil"),
        ("https://müller.example/käse?ä=ö", f"https://müller.example/käse?ä=ö&{QUERY}"),
        ("https://norden.example/a?b&", f"https://norden.example/a?b&{QUERY}"),
        (
            "https://norden.example/?UTM_Source=brief",
            "https://norden.example/?UTM_Source=brief&utm_medium=social&utm_campaign=herbst",
        ),
    ],
)
def test_an_address_is_only_added_to(url, wanted):
    assert tagged(url, TAGS) == wanted
    assert tagged(tagged(url, TAGS), TAGS) == wanted  # twice is once


def test_only_links_change_and_the_sentence_around_them_stays():
    text = "Mehr (auf https://a.example/x), „https://b.example“ und an mailto:a@b.example. Nicht: ftp://c.example!"
    assert tag_links(text, {"utm_source": "x"}) == (
        "Mehr (auf https://a.example/x?utm_source=x), „https://b.example?utm_source=x“ und an mailto:a@b.example. "
        "Nicht: ftp://c.example!"
    )
    assert links_in("https://de.example/Haus_(Film), https://a.example/x...") == [
        "https://de.example/Haus_(Film)",
        "https://a.example/x",
    ]


def test_a_link_can_be_left_out_and_shows_what_it_becomes():
    text = "https://a.example und https://b.example?utm_source=brief"
    assert tag_links(text, TAGS, ["https://a.example"]).startswith("https://a.example und")
    one, two = shown_links(text, TAGS, ["https://a.example"])
    assert (one.tagged, one.own) == ("https://a.example", False)
    assert two.own and two.tagged.endswith("?utm_source=brief&utm_medium=social&utm_campaign=herbst")


def test_parameters_are_taken_off_again():
    assert untag(f"Hier: https://a.example/x?sorte=1&{QUERY}#teil.") == "Hier: https://a.example/x?sorte=1#teil."
    assert untag(f"https://a.example/?{QUERY}") == "https://a.example/"
    assert untag("https://a.example/?a=1&&b") == "https://a.example/?a=1&&b"


def test_what_a_campaign_leaves_empty_is_made_up():
    assert Tags("Frühling & Café").on("bluesky") == {
        "utm_source": "bluesky",
        "utm_medium": "social",
        "utm_campaign": "fruehling-cafe",
    }
    named = Tags("X", source="{network}-hub", medium="post", campaign="Herbst 26")
    assert named.on("mastodon")["utm_source"] == "mastodon-hub"
    assert tagged("https://a.example", named.on("mastodon")).endswith("utm_campaign=Herbst%2026")
    assert slug("Größe: XL – Straße!") == "groesse-xl-strasse"


PATH = st.from_regex(r"[a-zäöü0-9/_.-]{0,20}[a-z0-9/]", fullmatch=True)
PAIRS = st.lists(
    st.tuples(st.from_regex(r"[a-z]{1,6}", fullmatch=True), st.from_regex(r"[a-z0-9%]{0,6}", fullmatch=True))
)


@given(PATH, PAIRS, st.sampled_from(["", "#teil", "#a?b=c"]))
def test_tagging_keeps_everything_and_untagging_undoes_it(path, pairs, fragment):
    query = "&".join(f"{name}={value}" for name, value in pairs)
    url = f"https://norden.example/{path}{'?' + query if query else ''}{fragment}"
    out = tagged(url, TAGS)
    before, after = urlsplit(url), urlsplit(out)
    assert (before.netloc, before.path, before.fragment) == (after.netloc, after.path, after.fragment)
    assert after.query.startswith(before.query)
    assert {k: v[0] for k, v in parse_qs(after.query).items() if k.startswith("utm_")} == TAGS
    assert untag(out) == url
