"""What goes with a text on Mastodon: warning, visibility, language, first comment; and knowing it again afterwards."""

from datetime import UTC, datetime, timedelta

import pytest

from core.connectors.base import Draft, DraftPart, Sent
from core.connectors.html import fingerprint
from core.connectors.mastodon import Mastodon
from core.connectors.mastodon_sending import is_it
from tests.connectors.conftest import Mock

NOW = datetime(2026, 12, 3, 9, tzinfo=UTC)
WHOLE = Draft(
    (DraftPart("Eins"), DraftPart("Zwei"), DraftPart("Mehr dazu", comment=True)),
    language="de",
    content_warning="Essen & Trinken",
    visibility="unlisted",
)


@pytest.fixture
def channel(mastodon: Mock) -> Mastodon:
    return mastodon.channel("alice")


def test_every_part_carries_warning_and_visibility_and_the_comment_hangs_below_the_first(channel, mastodon):
    out: list[Sent] = []
    for number in range(3):
        prepared = channel.prepare(WHOLE, number, f"key-{number}", out)
        assert (
            prepared.request["form"]
            | {
                "language": "de",
                "spoiler_text": "Essen & Trinken",
                "sensitive": True,
                "visibility": "unlisted",
            }
            == prepared.request["form"]
        )
        out.append(channel.publish(prepared))
    there = [mastodon.ask("bob", "GET", f"/api/v1/statuses/{one.remote_id}") for one in out]
    assert [status["in_reply_to_id"] for status in there] == [None, out[0].remote_id, out[0].remote_id]
    assert {(s["spoiler_text"], s["visibility"], s["sensitive"]) for s in there} == {
        ("Essen & Trinken", "unlisted", True)
    }


def test_a_plain_draft_leaves_everything_to_the_server(channel):
    form = channel.prepare(Draft((DraftPart("Hallo"),)), 0, "key", []).request["form"]
    assert form == {"status": "Hallo"}


def test_what_went_out_with_a_warning_is_found_again(channel):
    before = datetime.now(UTC) - timedelta(seconds=5)
    prepared = channel.prepare(WHOLE, 0, "key", [])
    sent = channel.publish(prepared)
    assert channel.find_published(prepared, before) == sent
    other = channel.prepare(Draft((DraftPart("Eins"),), content_warning="Anderes"), 0, "key-2", [])
    assert channel.find_published(other, before) is None


@pytest.mark.parametrize(
    ("status", "same"),
    [
        ({"content": "<p>Hallo</p>", "spoiler_text": "Essen &amp; Trinken"}, True),  # some servers escape it
        ({"content": "<p>Hallo</p>", "spoiler_text": ""}, True),  # a server without warnings leaves it out …
        ({"content": "<p>Essen &amp; Trinken</p><p>Hallo</p>", "spoiler_text": ""}, True),  # … or puts it first
        ({"content": "<p>Hallo</p>", "spoiler_text": "Anderes"}, False),
        ({"content": "<p>Essen &amp; Trinken</p>", "spoiler_text": ""}, False),
    ],
)
def test_however_a_server_dresses_a_warning(status, same):
    form = {"status": "Hallo", "spoiler_text": "Essen & Trinken"}
    there = {"id": "1", "created_at": NOW.isoformat(), "media_attachments": [], **status}
    assert is_it(there, form, NOW) is same


def test_of_an_empty_text_mastodon_makes_the_warning_the_text():
    there = {"id": "1", "created_at": NOW.isoformat(), "content": "<p>Essen</p>", "spoiler_text": ""}
    assert is_it(there, {"status": "", "spoiler_text": "Essen"}, NOW)
    assert fingerprint("Essen") == fingerprint("\nEssen")


def test_what_somebody_else_wrote_behind_a_warning_is_not_ours():
    there = {"id": "1", "created_at": NOW.isoformat(), "content": "<p>Hallo</p>", "spoiler_text": "Essen"}
    assert not is_it(there, {"status": "Hallo"}, NOW)
