"""The plan: write, schedule, change, cancel; what may go out and what a person decides about."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlmodel import select

from core import db
from core.errors import PermissionDenied, UserError
from core.models.channel import Channel, ChannelState
from core.models.planning import Delivery, DeliveryState, Post, PostState
from core.models.team import Role
from core.services import planning
from core.services.plan_drafts import draft_from, local_to_utc
from core.services.planning import Changes, Conflict, PlanFilter
from tests import factories
from tests.conftest import counted

BERLIN = ZoneInfo("Europe/Berlin")
SOON = timedelta(hours=2)


def write(actor, *channels, **values):
    with db.write() as session:
        return planning.create_post(session, actor, channel_ids=[c.id for c in channels], **values)


def schedule(actor, post_id, at=None):
    with db.write() as session:
        planning.schedule_post(session, actor, post_id, at or db.utc_now() + SOON)


def rows(post_id):
    with db.read() as session:
        return session.exec(select(Delivery).where(Delivery.post_id == post_id).order_by(Delivery.id)).all()


def state(post_id):
    with db.read() as session:
        return session.get(Post, post_id).state


def mark(post_id, *states):
    with db.write() as session:
        found = session.exec(select(Delivery).where(Delivery.post_id == post_id).order_by(Delivery.id)).all()
        for row, wanted in zip(found, states, strict=True):
            row.state = wanted
        session.flush()
        planning.settle_post(session, post_id)


def test_a_post_is_scheduled_on_each_of_its_channels(hub):
    actor, one, two = factories.actor(), factories.channel(), factories.channel()
    post_id = write(actor, one, two, text="Moin!", variants={two.id: "Hello!"})
    assert {r.state for r in rows(post_id)} == {DeliveryState.DRAFT}
    at = db.utc_now() + SOON
    schedule(actor, post_id, at)
    assert [(r.state, r.due_at, r.text) for r in rows(post_id)] == [
        (DeliveryState.SCHEDULED, at, None),
        (DeliveryState.SCHEDULED, at, "Hello!"),
    ]
    assert state(post_id) is PostState.SCHEDULED
    with db.read() as session:
        texts = [planning.draft_of(session, row).parts[0].text for row in rows(post_id)]
    assert texts == ["Moin!", "Hello!"]


@pytest.mark.parametrize(
    ("values", "told"),
    [
        ({"text": "x" * 501}, "too long"),
        ({"text": " "}, "nothing to publish"),
    ],
)
def test_what_a_channel_would_refuse_is_said_before(hub, values, told):
    actor, channel = factories.actor(), factories.channel()
    post_id = write(actor, channel, **values)
    with pytest.raises(UserError, match=told) as raised:
        schedule(actor, post_id)
    assert channel.handle in str(raised.value)
    assert {r.state for r in rows(post_id)} == {DeliveryState.DRAFT}


@pytest.mark.parametrize("ill", [ChannelState.PAUSED, ChannelState.NEEDS_REAUTH])
def test_channels_that_cannot_send_are_named(hub, ill):
    actor, channel = factories.actor(), factories.channel(state=ill)
    with pytest.raises(UserError, match="Channels page"):
        schedule(actor, write(actor, channel, text="Hallo"))


def test_no_channel_and_a_time_that_has_passed_are_refused(hub):
    actor, channel = factories.actor(), factories.channel()
    with pytest.raises(UserError, match="at least one channel"):
        schedule(actor, write(actor, text="Hallo"))
    with pytest.raises(UserError, match="has passed"):
        schedule(actor, write(actor, channel, text="Hallo"), db.utc_now() - timedelta(minutes=5))


def test_a_change_keeps_it_scheduled_and_is_judged_anew(hub):
    actor, channel = factories.actor(), factories.channel()
    post_id = write(actor, channel, text="Hallo")
    schedule(actor, post_id)
    with db.read() as session:
        version = session.get(Post, post_id).version
    later = db.utc_now() + timedelta(days=1)
    with db.write() as session:
        planning.save_post(session, actor, post_id, version, Changes(text="Servus", planned_at=later))
    assert [(r.state, r.due_at) for r in rows(post_id)] == [(DeliveryState.SCHEDULED, later)]
    with pytest.raises(UserError, match="too long"), db.write() as session:
        planning.save_post(session, actor, post_id, version + 1, Changes(text="x" * 600))
    with db.read() as session:
        assert session.get(Post, post_id).text == "Servus"


def test_two_people_editing_the_second_sees_both_texts(hub):
    actor, channel = factories.actor(), factories.channel()
    post_id = write(actor, channel, text="Eins")
    with db.write() as session:
        planning.save_post(session, actor, post_id, 1, Changes(text="Zwei"))
    with pytest.raises(Conflict) as raised, db.write() as session:
        planning.save_post(session, actor, post_id, 1, Changes(text="Drei"))
    assert (raised.value.theirs, raised.value.mine) == ("Zwei", "Drei")


def test_what_is_out_cannot_be_changed_cancelled_or_deleted(hub):
    actor, channel = factories.actor(), factories.channel()
    post_id = write(actor, channel, text="Draußen")
    schedule(actor, post_id)
    mark(post_id, DeliveryState.PUBLISHED)
    for change in (
        lambda s: planning.save_post(s, actor, post_id, 2, Changes(text="Anders")),
        lambda s: planning.cancel_post(s, actor, post_id),
        lambda s: planning.delete_post(s, actor, post_id),
        lambda s: planning.unschedule_post(s, actor, post_id),
    ):
        with pytest.raises(UserError), db.write() as session:
            change(session)
    assert state(post_id) is PostState.PUBLISHED


def test_cancel_takes_back_what_is_not_out_yet(hub):
    actor, one, two = factories.actor(), factories.channel(), factories.channel()
    post_id = write(actor, one, two, text="Hallo")
    schedule(actor, post_id)
    mark(post_id, DeliveryState.PUBLISHED, DeliveryState.SCHEDULED)
    with db.write() as session:
        planning.cancel_post(session, actor, post_id)
    assert [r.state for r in rows(post_id)] == [DeliveryState.PUBLISHED, DeliveryState.CANCELLED]
    assert state(post_id) is PostState.PUBLISHED


@pytest.mark.parametrize(
    ("states", "wanted"),
    [
        ((DeliveryState.PUBLISHED, DeliveryState.PUBLISHED), PostState.PUBLISHED),
        ((DeliveryState.PUBLISHED, DeliveryState.FAILED), PostState.NEEDS_CARE),
        ((DeliveryState.UNCONFIRMED, DeliveryState.SCHEDULED), PostState.NEEDS_CARE),
        ((DeliveryState.PUBLISHED, DeliveryState.SENDING), PostState.SCHEDULED),
        ((DeliveryState.CANCELLED, DeliveryState.CANCELLED), PostState.CANCELLED),
    ],
)
def test_a_posts_state_follows_from_its_deliveries(hub, states, wanted):
    actor, one, two = factories.actor(), factories.channel(), factories.channel()
    post_id = write(actor, one, two, text="Hallo")
    mark(post_id, *states)
    assert state(post_id) is wanted


def test_a_person_decides_about_failed_and_unconfirmed(hub):
    actor, one, two = factories.actor(), factories.channel(), factories.channel()
    post_id = write(actor, one, two, text="Hallo")
    mark(post_id, DeliveryState.FAILED, DeliveryState.UNCONFIRMED)
    failed, unsure = rows(post_id)
    with db.write() as session:
        planning.retry_delivery(session, actor, failed.id)
        planning.confirm_delivery(session, actor, unsure.id, True, "https://social.example/1")
    again, online = rows(post_id)
    assert again.state is DeliveryState.SCHEDULED and again.due_at <= db.utc_now()
    assert online.state is DeliveryState.PUBLISHED and online.url == "https://social.example/1"
    with pytest.raises(UserError), db.write() as session:
        planning.confirm_delivery(session, actor, unsure.id, False)


def test_retrying_a_thread_keeps_the_parts_that_are_out(hub):
    actor, channel = factories.actor(), factories.channel()
    post_id = write(actor, channel, text="eins\n---\nzwei")
    mark(post_id, DeliveryState.FAILED)
    with db.write() as session:
        row = session.get(Delivery, rows(post_id)[0].id)
        row.parts = [{"replay_key": "a", "remote_id": "1"}, {"replay_key": "b", "remote_id": None}]
    with db.write() as session:
        planning.retry_delivery(session, actor, row.id)
    assert [part["replay_key"] for part in rows(post_id)[0].parts] == ["a"]


def test_a_thread_that_is_half_out_is_never_begun_again(hub):
    actor, channel = factories.actor(), factories.channel()
    post_id = write(actor, channel, text="eins\n---\nzwei")
    schedule(actor, post_id)
    with db.write() as session:
        session.get(Delivery, rows(post_id)[0].id).parts = [{"replay_key": "a", "remote_id": "1"}]
    with pytest.raises(UserError), db.write() as session:
        planning.unschedule_post(session, actor, post_id)
    with pytest.raises(UserError), db.write() as session:
        planning.delete_post(session, actor, post_id)
    with db.write() as session:
        planning.cancel_post(session, actor, post_id)
    schedule(actor, post_id)
    assert [part["replay_key"] for part in rows(post_id)[0].parts] == ["a"]


def test_a_viewer_changes_nothing(hub):
    viewer, channel = factories.actor(Role.VIEWER), factories.channel()
    with pytest.raises(PermissionDenied):
        write(viewer, channel, text="Hallo")


def test_threads_split_at_lines_of_dashes():
    draft = draft_from("Eins\n---\nZwei -- und\n ---  \nDrei")
    assert [part.text for part in draft.parts] == ["Eins", "Zwei -- und", "Drei"]
    assert [part.text for part in draft_from("---\n").parts] == [""]


def test_the_plan_pages_without_loss_in_a_constant_number_of_statements(hub):
    channel = factories.channel()
    now = db.utc_now()
    for number in range(25):
        factories.post(channel.id, text=f"Post {number}", at=now + timedelta(hours=number // 2))
    factories.post(channel.id, text="Ohne Zeit")
    seen, after = [], None
    while True:
        with db.read() as session, counted() as ran:
            page = planning.plan(session, PlanFilter(), after, limit=7)
        assert len(ran) == 2
        seen += [row.id for row in page.rows]
        after = page.next
        if after is None:
            break
    assert len(seen) == len(set(seen)) == 26
    with db.read() as session:
        last = planning.plan(session, PlanFilter(), limit=100).rows[-1]
    assert last.text == "Ohne Zeit" and last.channel_ids == (channel.id,)


def test_the_plan_is_filtered(hub):
    one, two = factories.channel(), factories.channel()
    factories.post(one.id, text="Kaffee im Herbst", at=db.utc_now() + SOON)
    factories.post(two.id, text="Räder", at=db.utc_now() - timedelta(days=3))

    def found(**wanted):
        with db.read() as session:
            return [row.text for row in planning.plan(session, PlanFilter(**wanted)).rows]

    assert found(channel_ids=(two.id,)) == ["Räder"]
    assert found(text="herbst") == ["Kaffee im Herbst"]
    assert found(since=db.utc_now()) == ["Kaffee im Herbst"]
    assert found(states=(PostState.DRAFT,)) == []


def test_removed_channels_cannot_be_chosen(hub):
    actor, channel = factories.actor(), factories.channel()
    with db.write() as session:
        session.get(Channel, channel.id).state = ChannelState.REMOVED
    with pytest.raises(UserError, match="no channel"):
        write(actor, channel, text="Hallo")


def test_the_two_odd_nights_have_one_answer_each():
    skipped, told = local_to_utc(datetime(2026, 3, 29, 2, 30), BERLIN)
    assert skipped == datetime(2026, 3, 29, 1, 0, tzinfo=UTC) and "doesn't exist" in told and "03:00" in told
    twice, told = local_to_utc(datetime(2026, 10, 25, 2, 30), BERLIN)
    assert twice == datetime(2026, 10, 25, 0, 30, tzinfo=UTC) and "twice" in told
    assert local_to_utc(datetime(2026, 7, 1, 9, 0), BERLIN) == (datetime(2026, 7, 1, 7, 0, tzinfo=UTC), None)


@given(
    st.datetimes(datetime(2020, 1, 1), datetime(2035, 1, 1)),
    st.sampled_from(["Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Asia/Kolkata", "UTC"]),
)
def test_every_local_time_has_a_moment_and_comes_back_unless_it_was_skipped(local, name):
    local, zone = local.replace(microsecond=0), ZoneInfo(name)
    moment, note = local_to_utc(local, zone)
    back = moment.astimezone(zone).replace(tzinfo=None)
    if note is None or "twice" in note:
        assert back == local
    else:
        assert local < back <= local + timedelta(hours=1)
