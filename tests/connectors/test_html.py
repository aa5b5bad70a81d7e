"""HTML out of the networks becomes text that a person reads as it was meant, and that can do no harm."""

import unicodedata
from html import escape

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.connectors.html import fingerprint, plain, to_text

BOB = '<span class="h-card"><a href="https://x.example/@bob" class="u-url mention">@<span>bob</span></a></span>'
COFFEE = '<a href="https://x.example/tags/coffee" class="mention hashtag" rel="tag">#<span>coffee</span></a>'
MASTODON_LINK = (
    '<a href="https://example.com/a/very/long/path?x=1" rel="nofollow"><span class="invisible">https://</span>'
    '<span class="ellipsis">example.com/a/very/long</span><span class="invisible">/path?x=1</span></a>'
)


@pytest.mark.parametrize(
    ("html", "text"),
    [
        ("<p>One</p><p>Two<br>Three<br />Four</p>", "One\n\nTwo\nThree\nFour"),
        ("<p>Tom &amp; Jerry &lt;3</p>", "Tom & Jerry <3"),
        ("just words &amp; more", "just words & more"),
        (f"<p>Look: {MASTODON_LINK}!</p>", "Look: https://example.com/a/very/long/path?x=1!"),
        ('<p><a href="https://example.com/a">the article</a></p>', "the article (https://example.com/a)"),
        (f"{BOB} hi", "@bob hi"),
        ('<a href="https://x.example/tags/Köln" class="mention hashtag">#<span>Köln</span></a>', "#Köln"),
        ('<a href="javascript:alert(1)">click</a>', "click"),
        ("<ul><li>one</li><li>two</li></ul>after", "• one\n• two\n\nafter"),
        ("first<br/>\nsecond", "first\nsecond"),
        ("<p>wrapped\n   in the source</p>", "wrapped in the source"),
        ("<pre>def f():\n    pass</pre>", "def f():\n    pass"),
        ("<p>a</p><script>alert(1)</script><style>p{}</style>", "a"),
        ("a\u202egnp.exe<br>b\x07", "agnp.exe\nb"),
        ("", ""),
        (None, ""),
    ],
)
def test_reads_as_it_was_meant(html: str | None, text: str):
    assert to_text(html) == text


def test_a_link_that_says_one_thing_and_goes_elsewhere_shows_both():
    shown = to_text('<a href="https://evil.example/">https://bank.example</a>')
    assert "https://evil.example/" in shown and "bank.example" in shown


def test_names_and_alt_texts_are_not_html():
    assert plain("I <3 <b>bold</b> names") == "I <3 <b>bold</b> names"


@pytest.mark.parametrize(
    "hostile",
    [
        "<div>" * 50_000 + "deep",
        "<li" * 100_000,
        "<pre" * 100_000,
        " " * 1_000_000 + "<p>x",
        "<a href='" + "x" * 500_000,
        "<br" + " " * 300_000,
        "@" + "." * 300_000 + "<p>",
        "<p>" + "a" * 5_000_000,
    ],
    ids=["deep", "items", "pre", "spaces", "attribute", "break", "mention", "long"],
)
def test_hostile_html_is_read_without_harm(hostile: str):
    assert len(fingerprint(to_text(hostile))) <= 200_000


@given(st.text())
def test_any_text_ends_as_text_without_controls(text: str):
    shown = to_text(f"<p>{text}</p>")
    assert "\x00" not in shown and "\u202e" not in shown and "\n\n\n" not in shown


@given(st.text())
def test_whatever_is_written_is_read_and_nothing_of_ours_added(text: str):
    """Escaped as servers do it: every letter and sign comes through, what looks like a tag stays text."""
    shown = to_text(f"<p>{escape(text)}</p>")
    assert "</p>" not in shown or "</p>" in text
    assert letters(shown) == letters(text)


def letters(text: str) -> str:
    return "".join(c for c in text if unicodedata.category(c)[0] in "LNSP" or c == "<")


@pytest.mark.parametrize("text", ["<b>bold</b>", "<script>alert(1)</script>", "</p><p>", "<br>", "&lt;p&gt;", "a < b"])
def test_markup_that_somebody_wrote_about_is_shown_as_written(text: str):
    assert to_text(f"<p>{escape(text)}</p>") == text


@pytest.mark.parametrize(
    ("sent", "shown"),
    [
        (
            "@bob@other.example see https://example.com/a/very/long/path?x=1 #coffee",
            f"<p>{BOB} see {MASTODON_LINK} {COFFEE}</p>",
        ),
        ("One\n\n\nTwo  words", "<p>One</p><p>Two words</p>"),
        ("It's “fine” – 5 > 4 & so on…", "<p>It&#39;s “fine” – 5 &gt; 4 &amp; so on…</p>"),
        ("**bold** and _italic_", "<p><strong>bold</strong> and <em>italic</em></p>"),
        ("Café 👩‍👩‍👧 ½", "<p>Cafe\u0301 👩‍👩‍👧 ½</p>"),
        ("https://example.com", '<p><a href="https://example.com/">example.com</a></p>'),
    ],
)
def test_what_was_sent_is_recognised_in_what_is_shown(sent: str, shown: str):
    assert fingerprint(sent) == fingerprint(to_text(shown))


@pytest.mark.parametrize(
    ("one", "other"), [("Open at 9", "Open at 10"), ("Yes", "No"), ("👍", "👎"), ("!", "?"), ("a €", "a $")]
)
def test_different_texts_are_told_apart(one: str, other: str):
    assert fingerprint(one) != fingerprint(other)
