"""What Home is told."""

from datetime import timedelta
from zoneinfo import ZoneInfo

from sqlmodel import select

from core import db
from core.models.channel import ChannelState
from core.models.inbox import ConversationState
from core.models.planning import Delivery, DeliveryState
from core.services.overview import CAP, overview, waiting_counts
from tests import factories
from tests.conftest import counted

BERLIN = ZoneInfo("Europe/Berlin")


def told():
    with db.read() as session:
        return overview(session, BERLIN)


def test_an_empty_hub_has_nothing_to_do(hub):
    home = told()
    assert not home.has_channels and home.worker_age is None
    assert (home.due, home.waiting, home.deliveries, home.channels, home.new_mentions) == ([], [], [], [], 0)


def test_it_names_what_waits_and_counts_it(hub):
    channel = factories.channel()
    first = factories.conversation(channel.id, "Wo bleibt meine Bestellung?", at=db.utc_now() - timedelta(hours=5))
    factories.conversation(channel.id, "Danke!", waiting_since=None, unread=0)
    factories.conversation(channel.id, "Alt", state=ConversationState.RESOLVED, unread=0)
    factories.conversation(channel.id, "Neu")
    home = told()
    assert home.waiting_count == 2
    assert home.waiting[0].conversation_id == first.id and "Bestellung" in home.waiting[0].preview
    with db.read() as session:
        assert waiting_counts(session)["inbox"] == 2


def test_due_today_overdue_and_troubled_deliveries(hub):
    channel = factories.channel()
    now = db.utc_now()
    late = factories.post(channel.id, at=now - timedelta(minutes=10))
    factories.post(channel.id, at=now + timedelta(days=2))
    broken = factories.post(channel.id, text="Kaputt", at=now)
    with db.write() as session:
        row = session.exec(select(Delivery).where(Delivery.post_id == broken.id)).one()
        row.state, row.last_error, row.due_at = DeliveryState.FAILED, "Too long.", None
    home = told()
    assert [(d.post_id, d.overdue) for d in home.due] == [(late.id, True)]
    assert [(d.post_id, d.error) for d in home.deliveries] == [(broken.id, "Too long.")]


def test_channels_that_need_care(hub):
    well = factories.channel()
    ill = factories.channel(state=ChannelState.NEEDS_REAUTH, last_error="The token was revoked.")
    factories.channel(state=ChannelState.PAUSED, last_error="old")
    home = told()
    assert [(c.channel_id, c.error) for c in home.channels] == [(ill.id, "The token was revoked.")]
    assert home.has_channels and well.id not in {c.channel_id for c in home.channels}


def test_counts_stop_at_the_cap_and_statements_stay_constant(hub):
    channel = factories.channel()
    factories.conversation(channel.id)
    with counted() as few:
        told()
    for _ in range(CAP + 5):
        factories.conversation(channel.id)
    with counted() as many:
        assert told().waiting_count == CAP
    assert len(few) == len(many)
