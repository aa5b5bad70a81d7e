"""What goes out: names, links, warning and first comment on each network, the same when stored and when only typed."""

from dataclasses import replace

import pytest
from sqlmodel import select

from core import db
from core.connectors.base import Draft, DraftPart, Limits, Severity
from core.connectors.bluesky import LIMITS, Bluesky
from core.connectors.judging import validate
from core.connectors.mastodon import Mastodon
from core.errors import UserError
from core.models.planning import Campaign, Delivery, DeliveryState
from core.services import named_people, planning, publishing
from core.services.channels import channels
from core.services.delivery_parts import digest
from core.services.plan_drafts import Ingredients, PostText, channel_draft, drafts_of, lengths
from core.services.plan_typed import typed_post
from core.services.planning import Changes
from core.services.utm import Tags
from tests import factories
from tests.conftest import counted
from tests.fake_network import FakeNetwork, network  # noqa: F401

PEOPLE = {"lena": {"mastodon": "lena@norden.social"}}
MASTODON = Limits(url_length=23)


def texts(draft: Draft) -> list[str]:
    return [part.text for part in draft.parts]


# --- one draft: pure --------------------------------------------------------------------------------------------------


def test_each_network_gets_its_own_names_and_links():
    post = PostText("Von @[Lena]: https://a.example und https://b.example", tagged=True,
                    untagged_links=("https://b.example",))  # fmt: skip
    taken = Ingredients(PEOPLE, Tags("Herbst"))
    assert texts(channel_draft(post, None, "mastodon", taken)) == [
        "Von @lena@norden.social: https://a.example?utm_source=mastodon&utm_medium=social&utm_campaign=herbst "
        "und https://b.example"
    ]
    assert texts(channel_draft(replace(post, tagged=False), "@[Lena]!", "bluesky", taken)) == ["Lena!"]


def test_what_the_hub_adds_is_counted_as_the_network_counts():
    post = PostText("@[Lena] https://a.example", tagged=True, content_warning="Essen")
    taken = Ingredients({"lena": {"mastodon": "lena@norden.social", "bluesky": "l.bsky.social"}}, Tags("Herbst"))
    on_mastodon = channel_draft(post, None, "mastodon", taken)
    assert lengths("mastodon", MASTODON, on_mastodon) == (len("@lena ") + 23 + len("Essen"),)
    on_bluesky = channel_draft(post, None, "bluesky", taken)
    (said,) = texts(on_bluesky)
    assert said.startswith("CW: Essen\n\n@l.bsky.social https://a.example?utm_source=bluesky&")
    assert lengths("bluesky", LIMITS, on_bluesky) == (len(said),)


def test_the_first_comment_is_one_more_part_and_marked():
    draft = channel_draft(PostText("Eins\n---\nZwei", first_comment="Mehr\n---\ndazu"), None, "mastodon")
    assert texts(draft) == ["Eins", "Zwei", "Mehr\n\ndazu"]
    assert [part.comment for part in draft.parts] == [False, False, True]


def test_names_that_nobody_knows_are_said():
    draft = channel_draft(PostText("Mit @[Otto]", first_comment="und @[Lena]"), None, "mastodon", Ingredients(PEOPLE))
    problems = validate(Mastodon, draft, MASTODON)
    assert [p.severity for p in problems] == [Severity.WARNING] and "“Otto”" in problems[0].message


@pytest.mark.parametrize(
    ("connector", "visibility", "severity"),
    [
        (Mastodon, "private", None),
        (Mastodon, "unlisted", None),
        (Bluesky, "public", None),
        (Bluesky, None, None),
        (Bluesky, "unlisted", Severity.WARNING),
        (Bluesky, "private", Severity.ERROR),
        (Mastodon, "direct", Severity.ERROR),
    ],
)
def test_nothing_is_shown_to_more_people_than_it_is_meant_for(connector, visibility, severity):
    problems = validate(connector, Draft((DraftPart("Hallo"),), visibility=visibility), MASTODON)
    assert [p.severity for p in problems] == ([severity] if severity else [])


def test_a_warning_is_said_where_it_hides_nothing():
    draft = Draft((DraftPart("Hallo"),), content_warning="Essen")
    assert validate(Mastodon, draft, MASTODON) == []
    (problem,) = validate(Bluesky, draft, LIMITS)
    assert problem.severity is Severity.WARNING and "hides nothing" in problem.message


def test_a_warning_counts_on_every_part_and_a_comment_is_named():
    parts = (DraftPart("x" * 495), DraftPart("x" * 496), DraftPart("x" * 501, comment=True))
    problems = validate(Mastodon, Draft(parts, content_warning="Essen"), MASTODON)
    assert [(p.part, p.message.split(" too long")[0]) for p in problems] == [
        (1, "1 character"),
        (2, "First comment: 6 characters"),
    ]


def test_a_digest_names_what_is_said_and_nothing_else():
    draft = channel_draft(PostText("Mit @[Otto]", content_warning="Essen"), None, "mastodon")
    assert digest(draft, 0) == digest(replace(draft, remarks=()), 0)
    for other in (
        replace(draft, content_warning=""),
        replace(draft, visibility="private"),
        replace(draft, parts=(replace(draft.parts[0], comment=True),)),
    ):
        assert digest(draft, 0) != digest(other, 0)


# --- from the database ------------------------------------------------------------------------------------------------


def write(actor, *rows, **values) -> int:
    with db.write() as session:
        changes = Changes(channel_ids=tuple(row.id for row in rows), **values)
        return planning.create_post(session, actor, more=changes)


def deliveries(session, post_id):
    return session.exec(select(Delivery).where(Delivery.post_id == post_id).order_by(Delivery.id)).all()


FULL = {
    "text": "Von @[Lena]: https://a.example",
    "content_warning": "Essen",
    "visibility": "unlisted",
    "first_comment": "Mehr: https://b.example",
    "language": "de",
    "campaign": "Herbst",
    "tagged": True,
    "untagged_links": ("https://b.example",),
}


def test_what_is_typed_and_what_is_stored_make_the_same_draft(hub):
    actor = factories.actor()
    one, two = factories.channel(), factories.channel("bluesky", limits=LIMITS.to_json())
    with db.write() as session:
        named_people.create_person(session, actor, "Lena", {"mastodon": "lena@norden.social"})
        session.add(Campaign(name="Herbst", utm_medium="post"))
    typed = Changes(channel_ids=(one.id, two.id), variants={one.id: None, two.id: "Kurz"}, **FULL)
    with db.read() as session:
        shown = typed_post(session, typed, channels(session)).drafts
    post_id = write(actor, one, two, variants={two.id: "Kurz"}, **FULL)
    with db.read() as session:
        stored = {row.channel_id: planning.draft_of(session, row) for row in deliveries(session, post_id)}
    assert stored == shown
    assert "utm_medium=post" in stored[one.id].parts[0].text
    assert texts(stored[two.id]) == ["CW: Essen\n\nKurz", "Mehr: https://b.example"]


def test_many_channels_cost_no_more_statements_than_one(hub):
    actor = factories.actor()
    rows = [factories.channel() for _ in range(6)]
    few, many = write(actor, *rows[:1], **FULL), write(actor, *rows, **FULL)
    ran = []
    for post_id in (few, many):
        with db.read() as session:
            found = deliveries(session, post_id)
            with counted() as asked:
                assert len(drafts_of(session, found)) == len(found)
            ran.append(len(asked))
    assert ran == [4, 4]
    plain = write(actor, *rows, text="Hallo")
    with db.read() as session:
        found = deliveries(session, plain)
        with counted() as asked:
            drafts_of(session, found)
    assert len(asked) == 2
    with db.read() as session:
        rows = channels(session)
        with counted() as asked:
            typed_post(session, Changes(channel_ids=tuple(r.id for r in rows), **FULL), rows)
    assert len(asked) == 2  # nobody's image is in it


def test_a_private_post_is_not_scheduled_where_it_would_be_public(hub):
    actor = factories.actor()
    post_id = write(actor, factories.channel("bluesky", limits=LIMITS.to_json()), text="Hallo", visibility="private")
    with pytest.raises(UserError, match="everybody would see it"), db.write() as session:
        planning.publish_now(session, actor, post_id)
    with pytest.raises(UserError, match="no visibility"):
        write(actor, text="Hallo", visibility="geheim")


def test_the_first_comment_goes_out_below_the_first_part_exactly_once(hub, network: FakeNetwork):  # noqa: F811
    actor = factories.actor()
    channel = factories.channel("fake")
    post_id = write(actor, channel, text="Eins\n---\nZwei", first_comment="Mehr dazu")
    with db.write() as session:
        planning.publish_now(session, actor, post_id)
    network.faults.extend(["accept", "accept", "drop_before"])
    publishing.publish_due()
    with db.write() as session:  # it was looked for, and isn't there: a person says so
        (row,) = deliveries(session, post_id)
        row.state = DeliveryState.UNCONFIRMED
        planning.confirm_delivery(session, actor, row.id, published=False)
    publishing.publish_due()
    one, two, comment = network.posts
    assert [post.request["text"] for post in network.posts] == ["Eins", "Zwei", "Mehr dazu"]
    assert two.request["below"] == one.remote_id and comment.request["below"] == one.remote_id
    with db.read() as session:
        assert deliveries(session, post_id)[0].state is DeliveryState.PUBLISHED
