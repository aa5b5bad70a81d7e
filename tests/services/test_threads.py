"""Long texts as threads: cut where readers pause, nothing lost, every part fits, and back again."""

import pytest
import regex
from hypothesis import given
from hypothesis import strategies as st

from core.connectors.base import graphemes
from core.services.threads import (
    as_thread,
    beginning,
    is_thread,
    join_thread,
    split_thread,
    thread_texts,
    without_numbers,
)

WHOLE = (
    "https://example.com/a.b?c=d#e",
    "@[Lena Fuchs]",
    "@lena@norden.social",
    "#Kaffee",
    "👨‍👩‍👧",
    "🇩🇪",
    "z. B.",
    "3. Mai",
)
TEXT = """Frisch geröstet! Ab dem 3. Dezember gibt es z. B. im Laden neuen Kaffee. Dr. Müller (ca. 70) kommt auch.

Er sagt: „Gut!“ und lacht. Alles steht auf https://norden.example/a.b?c=d. Bis bald, @[Lena Fuchs]!"""


def test_a_part_ends_with_a_sentence_where_one_fits():
    parts = split_thread(TEXT, len, 80)
    assert parts == [
        "Frisch geröstet! Ab dem 3. Dezember gibt es z. B. im Laden neuen Kaffee.",
        "Dr. Müller (ca. 70) kommt auch.",
        "Er sagt: „Gut!“ und lacht. Alles steht auf https://norden.example/a.b?c=d.",
        "Bis bald, @[Lena Fuchs]!",
    ]


def test_a_paragraph_is_a_better_end_than_a_sentence():
    text = f"{'Erster Absatz. ' * 3}\n\n{'Zweiter Absatz. ' * 3}"
    one, two = split_thread(text, len, 70)
    assert one.endswith("Erster Absatz.") and two.startswith("Zweiter")


def test_a_short_greeting_does_not_stand_alone():
    first = split_thread(f"Moin!\n\n{'Ein Satz mit Worten. ' * 10}", len, 100)[0]
    assert first.startswith("Moin!\n\nEin Satz")


@pytest.mark.parametrize("together", ["z. B.", "3. Dezember", "Dr. Müller", "ca. 30", "@[Lena Fuchs]", "Nr. 7"])
def test_what_belongs_together_is_not_cut(together):
    for before in range(1, 40):
        parts = split_thread(f"{'x' * before} wort {together} und weiter geht es mit mehr Text", len, 42)
        assert any(together in part for part in parts), parts


def test_numbers_are_counted_and_made_anew():
    parts = split_thread("Ein Satz mit Worten. " * 12, len, 60, numbering=True)
    assert [part[-4:] for part in parts] == [f" {n}/{len(parts)}" for n in range(1, len(parts) + 1)]
    assert max(map(len, parts)) <= 60
    again = as_thread(as_thread("Ein Satz mit Worten. " * 12, len, 60, True), len, 60, True)
    assert again.count(" 1/") == 1
    assert without_numbers(["Nur die Hälfte: 1/2", "hat keine"]) == ["Nur die Hälfte: 1/2", "hat keine"]


def test_more_than_nine_parts_leave_room_for_two_digits():
    parts = split_thread("Wort " * 120, len, 40, numbering=True)
    assert len(parts) > 9 and max(map(len, parts)) <= 40 and parts[-1].endswith(f"{len(parts)}/{len(parts)}")


def test_joining_gives_the_very_text_again():
    for numbered in (False, True):
        thread = as_thread(TEXT, len, 80, numbered)
        assert is_thread(thread) and join_thread(thread) == TEXT


def test_lines_that_somebody_drew_stay_cuts():
    assert split_thread("Eins\n---\nZwei", len, 100) == ["Eins", "Zwei"]
    assert join_thread("Eins.\n---\nZwei.\n\n---\n\nDrei.") == "Eins. Zwei.\n\nDrei."
    assert thread_texts("Eins\n---\nZwei -- und\n ---  \nDrei") == ["Eins", "Zwei -- und", "Drei"]
    assert split_thread("", len, 10) == [""] == thread_texts("---\n")


def test_what_must_stay_whole_is_left_whole_when_nothing_fits():
    url = "https://example.com/" + "a" * 60
    assert url in split_thread(f"Hier: {url} und mehr", len, 30)
    assert beginning("👨‍👩‍👧👨‍👩‍👧", lambda piece: len(piece) <= 1) == "👨‍👩‍👧"


WORDS = st.text("abcdefgäöü", min_size=1, max_size=12)
PIECES = st.lists(
    st.tuples(st.one_of(WORDS, st.sampled_from(WHOLE)), st.sampled_from([" ", ". ", "! ", "\n", "\n\n", ", "])),
    min_size=1,
    max_size=60,
)


@given(PIECES, st.integers(12, 90), st.booleans())
def test_nothing_is_lost_and_every_part_fits(pieces, limit, numbered):
    text = "".join(word + gap for word, gap in pieces)
    parts = split_thread(text, graphemes, limit, numbered)
    bare = without_numbers(parts) if numbered else parts
    assert "".join("".join(bare).split()) == "".join(text.split())
    for part, words in zip(parts, bare, strict=True):
        whole = any(one in words and graphemes(one) > limit - 6 for one in WHOLE)
        assert graphemes(part) <= limit or whole
    for one in ("https://example.com/a.b?c=d#e", "@[Lena Fuchs]", "@lena@norden.social", "👨‍👩‍👧"):
        assert sum(part.count(one) for part in parts) == text.count(one)
    joined = join_thread(as_thread(text, graphemes, limit, numbered))
    assert "".join(joined.split()) == "".join(text.split())


@given(st.text(max_size=300), st.integers(1, 60))
def test_any_text_at_all_comes_out_whole(text, limit):
    parts = split_thread(text, graphemes, limit)
    kept = regex.sub(r"(?m)^[ \t]*---[ \t]*$", "", text)
    assert "".join("".join(parts).split()) == "".join(kept.split())
