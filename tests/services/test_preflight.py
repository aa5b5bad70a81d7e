"""The preflight: each thing that can be known beforehand, said once, in a sentence; errors block, warnings ask."""

from datetime import timedelta

import pytest
from sqlmodel import select

from core import db
from core.connectors.base import Severity
from core.errors import UserError
from core.models.analytics import Publication
from core.models.planning import Campaign, MediaAsset, Post, PostState
from core.models.planning_sources import WebLink
from core.models.team import Role
from core.services import planning, preflight
from core.services.preflight_words import is_labelled, most_alike, normal, unreadable_hashtags
from core.services.team import Actor
from tests import factories
from tests.conftest import counted

pytestmark = pytest.mark.usefixtures("hub")
SOON = timedelta(hours=5)


@pytest.fixture
def anna() -> Actor:
    return factories.actor(Role.EDITOR)


def found(post: Post) -> list[tuple[str, str, str]]:
    with db.read() as session:
        findings = preflight.findings(session, session.get_one(Post, post.id))
    return [(one.severity.value, one.code, one.message) for one in findings]


def codes(post: Post) -> list[str]:
    return [code for _, code, _ in found(post)]


def campaign(**values: object) -> int:
    with db.write() as session:
        row = Campaign(name="Frühling", **values)
        session.add(row)
        session.flush()
        return row.id


def test_nothing_stands_against_a_plain_post():
    assert found(factories.post(factories.channel().id, text="Guten Morgen! #KaffeeLiebe")) == []


# --- words ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Wir #wirliebenkaffee", [("#wirliebenkaffee", "#WirLiebenKaffee")]),
        ("#throwbackthursday und #kaffee", [("#throwbackthursday", "#ThrowbackThursday")]),
        ("#WirLiebenKaffee #Kaffee #kaffee #xyzzyqwert #2026 #bio", []),
        ("https://a.example/#wirliebenkaffee", []),
    ],
)
def test_hashtags_that_nobody_can_read_aloud(text: str, expected: list[tuple[str, str]]):
    assert unreadable_hashtags(text) == expected


def test_words_of_the_post_help_to_read_its_hashtags():
    assert unreadable_hashtags("#brachvogelröstung") == []
    assert unreadable_hashtags("#brachvogelröstung", {"brachvogel"}) == [("#brachvogelröstung", "#BrachvogelRöstung")]


@pytest.mark.parametrize(
    ("text", "language", "labelled"),
    [
        ("Anzeige: Neu bei uns", "de", True),
        ("[Werbung] Neu", None, True),
        ("#Anzeige Neu", "de", True),
        ("– WERBUNG – Neu", "de", True),
        ("Neu bei uns #anzeige", "de", False),  # at the end nobody sees it in time
        ("#ad Neu", "de", False),
        ("#ad New", "en", True),
        ("Anzeigentafel neu", "de", False),
        ("Sponsored by X", "de", False),
    ],
)
def test_labels_of_advertising(text: str, language: str | None, labelled: bool):
    assert is_labelled(text, language) is labelled


def test_likeness_is_blind_to_case_marks_and_links():
    said = normal("Unsere neue Röstung ist da: mild, fein, BIO! https://a.example/1?utm_source=x")
    assert most_alike(said, [normal("Ganz etwas anderes als das, was sonst so gesagt wird")]) is None
    again = normal("unsere neue Röstung ist da – mild, fein und bio https://a.example/2")
    assert most_alike(said, ["kurz", again]) is not None
    assert most_alike(normal("Guten Morgen!"), [normal("Guten Morgen!")]) is None  # short ones are alike by chance


# --- a post -----------------------------------------------------------------------------------------------------------


def test_paid_campaigns_block_without_a_label_and_only_there(anna: Actor):
    channel = factories.channel()
    paid = campaign(paid=True)
    post = factories.post(channel.id, text="Jetzt neu bei uns", campaign_id=paid)
    assert [(severity, code) for severity, code, _ in found(post)] == [("error", "label")]
    with pytest.raises(UserError, match="Anzeige"), db.write() as session:
        planning.schedule_post(session, anna, post.id, db.utc_now() + SOON)
    with db.read() as session:
        assert session.get_one(Post, post.id).state is PostState.DRAFT
    assert found(factories.post(channel.id, text="Anzeige: Jetzt neu", campaign_id=paid)) == []


def test_links_that_lead_nowhere_or_could_not_be_looked_at():
    with db.write() as session:
        for name, ok, said in (("tot", False, "Weg."), ("zu", None, "Zu."), ("gut", True, "")):
            url = f"https://a.example/{name}"
            session.add(WebLink(url=url, ok=ok, said=said, checked_at=db.utc_now()))
        session.add(WebLink(url="https://a.example/neu"))
    text = " ".join(f"https://a.example/{name}" for name in ("tot", "zu", "gut", "neu", "nie"))
    said = found(factories.post(factories.channel().id, text=text))
    assert [(severity, code) for severity, code, _ in said] == [("warning", "link")] * 2
    assert "a.example/tot leads nowhere: Weg." in said[0][2]
    assert "a.example/zu could not be checked: Zu." in said[1][2]


def test_scheduling_has_the_links_looked_at(anna: Actor):
    post = factories.post(factories.channel().id, text="Mehr: https://a.example/mehr")
    with db.write() as session:
        planning.schedule_post(session, anna, post.id, db.utc_now() + SOON)
    with db.read() as session:
        assert [row.url for row in session.exec(select(WebLink)) if row.due_at] == ["https://a.example/mehr"]


def test_a_clash_within_the_hour_on_the_same_channel_only():
    one, two = factories.channel(handle="@eins"), factories.channel()
    at = db.utc_now() + SOON
    factories.post(one.id, text="Der andere Beitrag", at=at + timedelta(minutes=40), title="Röstung")
    clash = factories.post(one.id, text="Hier", planned_at=at)
    (told,) = found(clash)
    assert told[:2] == ("warning", "clash")
    assert "@eins" in told[2] and "Röstung" in told[2] and "40 min after" in told[2]
    assert found(factories.post(two.id, text="Dort", planned_at=at)) == []
    assert found(factories.post(one.id, text="Später", planned_at=at - timedelta(minutes=21))) == []


def test_near_duplicates_of_the_last_90_days_but_not_copies_of_the_same_recurrence():
    channel, other = factories.channel(), factories.channel()
    text = "Unsere neue Röstung ist da: mild, fein und bio!"
    factories.post(channel.id, text=text, at=db.utc_now() - timedelta(days=80), recurrence_id=7)
    again = "Unsere neue Röstung ist da, mild, fein und BIO."
    assert codes(factories.post(channel.id, text=again)) == ["duplicate"]
    assert codes(factories.post(other.id, text=again)) == []
    assert codes(factories.post(channel.id, text=again, recurrence_id=7)) == []
    with db.write() as session:
        for row in session.exec(select(Post)):
            row.planned_at = db.utc_now() - timedelta(days=91)
        session.add(
            Publication(channel_id=other.id, remote_id="x", text=text, published_at=db.utc_now() - timedelta(days=3))
        )
    assert codes(factories.post(channel.id, text=again)) == []
    assert codes(factories.post(other.id, text=again)) == ["duplicate"]  # written at the network itself


def test_what_all_channels_say_alike_is_said_once(anna: Actor):
    channels = [factories.channel().id, factories.channel().id]
    with db.write() as session:
        image = MediaAsset(sha256="a" * 64, filename="a.png", mime="image/png", size=10, width=1, height=1)
        session.add(image)
        session.flush()
        post_id = planning.create_post(
            session, anna, text="#wirliebenkaffee " + "x" * 600, channel_ids=channels, images=[(image.id, "")]
        )
    with db.read() as session:
        findings = preflight.findings(session, session.get_one(Post, post_id))
    assert [one.severity for one in findings] == [Severity.ERROR, Severity.WARNING, Severity.WARNING]
    assert [one.code for one in findings] == ["limits", "alt", "hashtag"]


def test_the_number_of_statements_does_not_grow_with_channels(anna: Actor):
    def statements(count: int) -> int:
        channels = [factories.channel().id for _ in range(count)]
        post = factories.post(*channels, text="Mehr auf https://a.example", planned_at=db.utc_now() + SOON)
        with db.read() as session, counted() as ran:
            preflight.findings(session, session.get_one(Post, post.id))
        return len(ran)

    assert statements(1) == statements(12)
