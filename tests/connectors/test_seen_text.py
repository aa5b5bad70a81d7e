"""Texts as readers see them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.connectors.base import Connector
from core.connectors.bluesky import Bluesky
from core.connectors.mastodon import Mastodon

LINK = "https://www.example.org/kaffee/2026/roestung-im-norden?ref=1"


def kinds(of: type[Connector], text: str) -> list[tuple[str, str]]:
    return [(piece.kind, piece.text) for piece in of.pieces(text) if piece.kind != "text"]


def test_mastodon_hides_the_beginning_of_links_and_the_host_of_people():
    text = f"Neu bei @lena@norden.social: {LINK}. #KaffeeLiebe, #2026 und https://a.de/x #Röstung"
    assert kinds(Mastodon, text) == [
        ("mention", "@lena"),
        ("link", "example.org/kaffee/2026/roestu…"),
        ("tag", "#KaffeeLiebe"),
        ("link", "a.de/x"),
        ("tag", "#Röstung"),
    ]
    assert [piece.url for piece in Mastodon.pieces(text) if piece.url] == [LINK, "https://a.de/x"]


def test_bluesky_shows_host_and_little_of_the_path():
    text = f"Neu bei @lena.bsky.social: {LINK} und kaffee.example.com/ #KaffeeLiebe."
    assert kinds(Bluesky, text) == [
        ("mention", "@lena.bsky.social"),
        ("link", "www.example.org/kaffee/2026/..."),
        ("link", "kaffee.example.com"),
        ("tag", "#KaffeeLiebe"),
    ]


@pytest.mark.parametrize("network", [Mastodon, Bluesky])
@given(st.text(alphabet="ab@#./: é👩‍👧\n", max_size=60))
def test_plain_stretches_stay_as_they_were(network: type[Connector], text: str):
    at = 0
    for piece in network.pieces(text):
        if piece.kind == "text":
            at = text.index(piece.text, at) + len(piece.text)
    shown = "".join(piece.text for piece in network.pieces(text) if piece.kind == "text")
    assert len(shown) <= len(text)
    assert "".join(piece.text for piece in network.pieces("nur Worte")) == "nur Worte"
