"""Posts at risk: found before their time comes, with a sentence that says what to do."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from sqlmodel import select

from core import db
from core.connectors.base import Limits
from core.models.channel import Channel, ChannelState
from core.models.planning import Delivery, DeliveryState, MediaAsset, Post, PostMedia
from core.models.team import Notice
from core.services import at_risk
from core.services.at_risk import Risk, RiskKind
from tests import factories
from tests.conftest import counted

pytestmark = pytest.mark.usefixtures("hub")


def found(ahead: timedelta = at_risk.AHEAD) -> list[Risk]:
    with db.read() as session:
        return list(at_risk.risks(session, ahead))


def limited(**limits: Any) -> dict[str, Any]:
    return replace(Limits(), **limits).to_json()


def planned(channel: Channel, hours: float = 5, text: str = "Guten Morgen!", **values: Any) -> Post:
    return factories.post(channel.id, text=text, at=db.utc_now() + timedelta(hours=hours), **values)


def test_what_is_well_is_not_at_risk() -> None:
    planned(factories.channel())
    assert found() == []


@pytest.mark.parametrize(
    ("state", "words"), [(ChannelState.PAUSED, "is paused"), (ChannelState.NEEDS_REAUTH, "must be reconnected")]
)
def test_a_channel_that_does_not_work(state: ChannelState, words: str) -> None:
    post = planned(factories.channel(state=state, handle="@kaffee"))
    (risk,) = found()
    assert (risk.post_id, risk.kind) == (post.id, RiskKind.CHANNEL)
    assert words in risk.message and "@kaffee" in risk.message


def test_a_sign_in_that_ends_before_the_time_and_none_that_ends_after() -> None:
    channel = factories.channel(access_ends_at=db.utc_now() + timedelta(hours=24))
    planned(channel, 23)
    late = planned(channel, 25)
    assert [(risk.post_id, risk.kind) for risk in found()] == [(late.id, RiskKind.ACCESS)]


def test_more_posts_than_the_quota_takes_in_its_span() -> None:
    channel = factories.channel(limits=limited(quota_posts=3, quota_seconds=3600.0))
    for minutes in (0, 10):
        planned(channel, 1 + minutes / 60)
    thread = planned(channel, 1.5, "eins\n---\nzwei")
    next_hour = planned(channel, 2.6)
    risks = found()
    assert [risk.post_id for risk in risks] == [thread.id]  # two are taken, it needs two more
    assert risks[0].kind is RiskKind.QUOTA and "3 posts in 1 h" in risks[0].message
    assert next_hour.id not in {risk.post_id for risk in risks}


def test_what_went_out_just_now_counts_for_the_quota() -> None:
    channel = factories.channel(limits=limited(quota_posts=1, quota_seconds=3600.0))
    out = factories.post(channel.id, at=db.utc_now() - timedelta(minutes=10))
    with db.write() as session:
        row = session.exec(select(Delivery).where(Delivery.post_id == out.id)).one()
        row.state, row.published_at, row.due_at = DeliveryState.PUBLISHED, db.utc_now() - timedelta(minutes=10), None
    soon = planned(channel, 0.2)
    assert [risk.post_id for risk in found()] == [soon.id]


def test_text_that_no_longer_fits_and_media_that_breaks_a_limit() -> None:
    channel = factories.channel(limits=limited(text_length=20, images=0))
    long = planned(channel, 1, "Viel zu lang für diesen Server, seit gestern")
    pictured = planned(channel, 2, "Kurz")
    with db.write() as session:
        image = MediaAsset(sha256="a" * 64, filename="a.png", mime="image/png", size=10, width=1, height=1)
        session.add(image)
        session.flush()
        session.add(PostMedia(post_id=pictured.id, media_id=image.id, alt="Rot"))
    risks = found()
    assert [(risk.post_id, risk.kind) for risk in risks] == [(long.id, RiskKind.LIMITS), (pictured.id, RiskKind.LIMITS)]
    assert "too long" in risks[0].message and "images" in risks[1].message


def test_only_what_is_scheduled_and_not_too_far_away() -> None:
    channel = factories.channel(state=ChannelState.PAUSED)
    factories.post(channel.id)  # a draft
    planned(channel, 24 * 30)
    near = planned(channel, 24)
    assert [risk.post_id for risk in found()] == [near.id]
    assert found(timedelta(hours=2)) == []


def test_one_risk_for_each_delivery_and_no_query_each() -> None:
    channel = factories.channel(
        state=ChannelState.PAUSED, limits=limited(text_length=3, quota_posts=1, quota_seconds=9e4)
    )
    planned(channel)
    with db.read() as session, counted() as few:
        at_risk.risks(session)
    for hours in range(1, 21):
        planned(channel, hours)
    with db.read() as session, counted() as many:
        risks = at_risk.risks(session)
    assert len(many) == len(few)
    assert len(risks) == 21
    assert {risk.kind for risk in risks} == {RiskKind.CHANNEL}
    assert [risk.due_at for risk in risks] == sorted(risk.due_at for risk in risks)


def test_its_author_is_told_once_a_day_before() -> None:
    author = factories.member()
    channel = factories.channel(state=ChannelState.PAUSED)
    planned(channel, 5, member_id=author.id, title="Neue Röstung")
    planned(channel, 50, member_id=author.id, title="Übermorgen")
    for _ in range(2):
        at_risk.warn_authors()
    with db.read() as session:
        (told,) = session.exec(select(Notice)).all()
    assert told.member_id == author.id
    assert "Neue Röstung" in told.text and "paused" in told.text
