"""Campaigns: what can be said of them, how far they are, and that their posts outlive them."""

from datetime import date, timedelta

import pytest
from sqlmodel import select

from core import db
from core.errors import PermissionDenied, UserError
from core.models.analytics import Publication
from core.models.planning import Campaign, CampaignGoal, Delivery, Post, PostState
from core.models.team import Role
from core.services import campaigns, preflight
from core.services.campaigns import CampaignForm
from core.services.team import Actor
from tests import factories
from tests.conftest import counted

pytestmark = pytest.mark.usefixtures("hub")


@pytest.fixture
def anna() -> Actor:
    return factories.actor(Role.EDITOR)


def add(anna: Actor, name: str = "Frühling", **values: object) -> int:
    with db.write() as session:
        return campaigns.create_campaign(session, anna, CampaignForm(name, **values))  # type: ignore[arg-type]


def test_everything_that_was_said_is_kept_and_can_be_changed(anna: Actor):
    form = CampaignForm(
        "Frühling", "green", date(2027, 3, 1), date(2027, 4, 1), CampaignGoal.LEADS, "Neue Cafés", True, "s", "m", "c"
    )
    with db.write() as session:
        number = campaigns.create_campaign(session, anna, form)
    with db.read() as session:
        assert campaigns.campaign(session, number) == form
        assert campaigns.colors(session) == {"Frühling": "green"}
        assert preflight.is_paid(session, "Frühling")
    with db.write() as session:
        campaigns.change_campaign(session, anna, number, CampaignForm("  Sommer  "))
    with db.read() as session:
        assert campaigns.campaign(session, number) == CampaignForm("Sommer")


@pytest.mark.parametrize(
    ("form", "words"),
    [
        (CampaignForm(" "), "Give the campaign a name"),
        (CampaignForm("x" * 81), "over 80 characters"),
        (CampaignForm("früHLING"), "already is a campaign"),
        (CampaignForm("Neu", starts_on=date(2027, 4, 2), ends_on=date(2027, 4, 1)), "ends before it begins"),
        (CampaignForm("Neu", color="pink"), "no colour"),
        (CampaignForm("Neu", utm_source="zwei Wörter"), "utm_source is one word"),
    ],
)
def test_what_is_wrong_is_said(anna: Actor, form: CampaignForm, words: str):
    add(anna, "FrüHLING")
    with pytest.raises(UserError, match=words), db.write() as session:
        campaigns.create_campaign(session, anna, form)


def test_who_only_looks_changes_nothing():
    with pytest.raises(PermissionDenied):
        add(factories.actor(Role.VIEWER))


def test_how_far_it_is_and_what_came_of_it(anna: Actor):
    number, channel = add(anna), factories.channel()
    later = db.utc_now() + timedelta(days=2)
    factories.post(channel.id, campaign_id=number)
    factories.post(channel.id, campaign_id=number, state=PostState.IDEA)
    factories.post(channel.id, campaign_id=number, state=PostState.CANCELLED)
    factories.post(channel.id, campaign_id=number, at=later)
    out = factories.post(channel.id, campaign_id=number, state=PostState.PUBLISHED)
    with db.write() as session:
        delivery = session.exec(select(Delivery).where(Delivery.post_id == out.id)).one()
        common = {"channel_id": channel.id, "published_at": db.utc_now(), "delivery_id": delivery.id}
        session.add(Publication(remote_id="1", likes=3, shares=2, **common))
        session.add(Publication(remote_id="2", comments=1, quotes=1, **common))  # the thread's second part
    with db.read() as session, counted() as ran:
        (row,) = campaigns.campaigns(session)
    assert len(ran) == 3
    assert (row.waiting, row.scheduled, row.published, row.care, row.reactions) == (2, 1, 1, 0, 7)
    assert row.next_at == later


def test_archived_ones_are_away_and_come_back(anna: Actor):
    number = add(anna)
    with db.write() as session:
        campaigns.archive_campaign(session, anna, number)
        assert campaigns.campaigns(session) == ()
        assert [row.id for row in campaigns.campaigns(session, archived=True)] == [number]
        campaigns.archive_campaign(session, anna, number, False)
        assert [row.id for row in campaigns.campaigns(session)] == [number]


def test_deleted_its_posts_stay_but_not_while_any_is_scheduled(anna: Actor):
    number, channel = add(anna), factories.channel()
    post = factories.post(channel.id, campaign_id=number, at=db.utc_now() + timedelta(days=1))
    with pytest.raises(UserError, match="Archive it instead"), db.write() as session:
        campaigns.delete_campaign(session, anna, number)
    with db.write() as session:
        session.get_one(Post, post.id).state = PostState.PUBLISHED
        session.flush()
        campaigns.delete_campaign(session, anna, number)
    with db.read() as session:
        assert session.exec(select(Campaign)).all() == []
        assert session.get_one(Post, post.id).campaign_id is None
