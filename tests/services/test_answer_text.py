"""What an answer may say: counted as its network counts, and a long one cut so that a person would agree."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as some

from core.connectors.base import DraftImage, Kind, Limits, ReplyTo
from core.services.answer_text import MOST_PARTS, answer_length, judge, split

SHORT = Limits(text_length=40)
ANNA = ReplyTo("m1", "t1", Kind.MENTION, "@anna@social.example")


def test_what_the_network_puts_before_an_answer_is_counted():
    found = judge("mastodon", SHORT, "Am Montag.", (), ANNA)
    assert found.lengths == (len("@anna Am Montag."),) and found.before == "@anna@social.example" and not found.error
    assert judge("mastodon", SHORT, "@anna Am Montag.", (), ANNA).before == ""  # they are named already
    assert answer_length("bluesky", SHORT, "Am Montag.", ANNA) == (10, 40)  # no handle there


def test_only_a_direct_message_names_them_in_each_post():
    public = judge("mastodon", SHORT, "Eins\n---\nZwei", (), ANNA)
    direct = judge("mastodon", SHORT, "Eins\n---\nZwei", (), ReplyTo("m1", "t1", Kind.DIRECT, "@anna@social.example"))
    assert public.lengths == (10, 4) and direct.lengths == (10, 10)


def test_what_is_too_long_says_by_how_much():
    found = judge("bluesky", SHORT, "x" * 43)
    assert (found.over, found.remarks) == (3, ()) and found.error is not None and "3 characters" in found.error


def test_an_empty_box_has_no_length_and_nothing_to_remark():
    found = judge("mastodon", SHORT, "  ", (), ANNA)
    assert found.lengths == (0,) and found.remarks == () and found.error is not None and "nothing" in found.error


def test_images_are_judged_by_the_limits_of_the_channel():
    image = DraftImage("a.png", "image/png", 10, 1, 1)
    found = judge("mastodon", Limits(images=1), "Hier", [image, image], ANNA)
    assert found.error is not None and "at most 1" in found.error
    assert any("no alt text" in remark for remark in found.remarks)


def test_so_many_posts_are_no_answer():
    found = judge("bluesky", SHORT, "\n---\n".join(["Eins"] * (MOST_PARTS + 1)))
    assert found.error is not None and "too many" in found.error


def test_a_long_answer_is_cut_between_sentences():
    text = "Das tut uns leid. Wir liefern am 3. Oktober wieder aus. Fragen? Gern!"
    assert split(text, "bluesky", SHORT) == [
        "Das tut uns leid.",
        "Wir liefern am 3. Oktober wieder aus.",
        "Fragen? Gern!",
    ]


@pytest.mark.parametrize("short", ["z. B.", "ca.", "Dr.", "24.", "bzw."])
def test_an_abbreviation_ends_no_sentence(short: str):
    text = f"Wir nehmen das an. Es kommt {short} morgen wieder."
    assert split(text, "bluesky", SHORT) == ["Wir nehmen das an.", f"Es kommt {short} morgen wieder."]


def test_a_sentence_that_is_too_long_is_cut_between_words_and_a_word_anywhere():
    assert split("eins zwei drei vier", "bluesky", Limits(text_length=10)) == ["eins zwei", "drei vier"]
    assert split("x" * 25, "bluesky", Limits(text_length=10)) == ["x" * 10, "x" * 10, "x" * 5]


def test_cuts_that_somebody_made_stay():
    assert split("Eins.\n---\nZwei.", "bluesky", SHORT) == ["Eins.", "Zwei."]


def test_the_handle_before_the_first_post_leaves_it_less_room():
    first, *_ = split("eins zwei drei vier fünf", "mastodon", Limits(text_length=15), ANNA)
    assert first == "eins zwei"


@settings(max_examples=60, deadline=None)
@given(
    some.text(alphabet="aäß .!?\n\u200dé👩🏽‍🚒", max_size=300),
    some.integers(min_value=3, max_value=40),
    some.sampled_from(["mastodon", "bluesky"]),
)
def test_nothing_is_lost_and_each_post_fits(text: str, length: int, network: str):
    parts = split(text, network, Limits(text_length=length))
    assert "".join("".join(parts).split()) == "".join(text.split())
    assert judge(network, Limits(text_length=length), parts[0]).over == 0
    assert all(judge(network, Limits(text_length=length), part).over == 0 for part in parts)
    assert all(parts) or not text.strip()
