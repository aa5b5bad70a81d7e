"""The plan as iCal: what a calendar gets, that the link is a secret, and that it ends when it should."""

from datetime import UTC, datetime, timedelta

import pytest
from icalendar import Calendar
from sqlmodel import select
from starlette.applications import Starlette
from starlette.testclient import TestClient

from core import db
from core.errors import NotFound, PermissionDenied, UserError
from core.models.planning import Campaign, Post, PostState
from core.models.planning_sources import CalendarFeed
from core.models.team import AuditEntry, Member, Role
from core.services import calendar_feeds
from core.services.team import COMMAND_LINE, Actor
from core.web import calendar
from tests import factories
from tests.conftest import counted

pytestmark = pytest.mark.usefixtures("hub")


@pytest.fixture
def anna() -> Actor:
    return factories.actor(Role.VIEWER)


@pytest.fixture
def visitor() -> TestClient:
    return TestClient(Starlette(routes=calendar.ROUTES))


def link(actor: Actor, group_id: int | None = None) -> str:
    with db.write() as session:
        return calendar_feeds.create_link(session, actor, "Handy", group_id)


def path(address: str) -> str:
    return address[address.index(calendar_feeds.PATH) :]


def events(visitor: TestClient, address: str) -> dict[str, object]:
    answer = visitor.get(path(address))
    assert answer.status_code == 200 and answer.headers["content-type"].startswith("text/calendar")
    return {str(event["summary"]): event for event in Calendar.from_ical(answer.content).walk("VEVENT")}


def test_posts_with_a_time_stand_in_the_calendar_with_their_state(anna: Actor, visitor: TestClient):
    channel = factories.channel(handle="@kaffee")
    with db.write() as session:
        session.add(Campaign(id=1, name="Frühling"))
    at = datetime(2027, 3, 28, 0, 30, tzinfo=UTC) if db.utc_now().year == 2027 else db.utc_now() + timedelta(days=9)
    at = at.replace(microsecond=0)
    made = factories.post(
        channel.id, text="Erste Zeile\nZweite; mit, Zeichen\\", title="Neue Röstung", at=at, campaign_id=1
    )
    factories.post(channel.id, text="Nur eine Idee", title="", state=PostState.IDEA, planned_at=at)
    factories.post(channel.id, title="Ohne Zeit")
    factories.post(channel.id, title="Abgesagt", state=PostState.CANCELLED, planned_at=at)
    factories.post(channel.id, title="Uralt", planned_at=at - timedelta(days=365))
    found = events(visitor, link(anna))
    assert set(found) == {"Neue Röstung (Scheduled)", "Nur eine Idee (Idea)"}
    event = found["Neue Röstung (Scheduled)"]
    assert event.start == at and event["uid"] == f"post-{made.id}@social-hub"
    assert str(event["description"]) == "Erste Zeile\nZweite; mit, Zeichen\\\n\n@kaffee"
    assert (str(event["status"]), event.categories) == ("CONFIRMED", ["Frühling"])
    assert f"post={made.id}" in event["url"]
    assert str(found["Nur eine Idee (Idea)"]["status"]) == "TENTATIVE"


def test_a_changed_post_is_the_same_event_in_a_newer_version(anna: Actor, visitor: TestClient):
    post = factories.post(factories.channel().id, title="Alt", at=db.utc_now() + timedelta(days=1))
    address = link(anna)
    (before,) = events(visitor, address).values()
    with db.write() as session:
        row = session.get_one(Post, post.id)
        row.title, row.version = "Neu", row.version + 1
    (after,) = events(visitor, address).values()
    assert after["uid"] == before["uid"] and after["sequence"] > before["sequence"]


def test_a_groups_link_shows_that_group_alone(anna: Actor, visitor: TestClient):
    coffee = factories.group("Kaffee")
    factories.post(factories.channel(group_id=coffee.id).id, title="Kaffee", at=db.utc_now() + timedelta(days=1))
    factories.post(factories.channel().id, title="Räder", at=db.utc_now() + timedelta(days=1))
    assert set(events(visitor, link(anna, coffee.id))) == {"Kaffee (Scheduled)"}


def test_the_secret_is_stored_nowhere(anna: Actor):
    token = path(link(anna)).removeprefix(calendar_feeds.PATH).removesuffix(calendar_feeds.ENDING)
    assert len(token) >= 40
    with db.read() as session:
        stored = [*session.exec(select(CalendarFeed)), *session.exec(select(AuditEntry))]
        assert not any(token in str(row.model_dump()) for row in stored)


def test_a_revoked_link_shows_nothing_nor_does_that_of_somebody_who_left(anna: Actor, visitor: TestClient):
    first, second = link(anna), link(anna)
    with db.read() as session:
        newest = calendar_feeds.links(session, anna)[0].id
    with db.write() as session:
        calendar_feeds.revoke_link(session, anna, newest)
    assert visitor.get(path(second)).status_code == 404
    assert visitor.get(path(first)).status_code == 200
    with db.write() as session:
        session.get_one(Member, anna.id).disabled_at = db.utc_now()
    assert visitor.get(path(first)).status_code == 404
    assert visitor.get("/calendar/erraten.ics").status_code == 404
    assert visitor.get(f"/calendar/{'x' * 5000}.ics").status_code == 404


def test_only_ones_own_links_unless_an_administrator(anna: Actor):
    link(anna)
    other, admin = factories.actor(Role.EDITOR), factories.actor(Role.ADMIN)
    with db.read() as session:
        assert calendar_feeds.links(session, other) == ()
        number = calendar_feeds.links(session, anna)[0].id
    with pytest.raises(PermissionDenied), db.write() as session:
        calendar_feeds.revoke_link(session, other, number)
    with db.write() as session:
        calendar_feeds.revoke_link(session, admin, number)
    with pytest.raises(NotFound), db.write() as session:
        calendar_feeds.revoke_link(session, admin, number)
    with pytest.raises(UserError, match="belongs to a member"), db.write() as session:
        calendar_feeds.create_link(session, COMMAND_LINE)


def test_an_unchanged_plan_costs_a_calendar_nothing_and_its_use_is_noted(anna: Actor, visitor: TestClient):
    factories.post(factories.channel().id, at=db.utc_now() + timedelta(days=1))
    address = link(anna)
    answer = visitor.get(path(address))
    again = visitor.get(path(address), headers={"If-None-Match": answer.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")
    with db.read() as session:
        assert calendar_feeds.links(session, anna)[0].used_at is not None


def test_many_posts_are_read_at_once(anna: Actor):
    def statements(count: int) -> int:
        for number in range(count):
            factories.post(factories.channel().id, title=f"{number}", at=db.utc_now() + timedelta(days=1))
        with db.read() as session, counted() as ran:
            calendar_feeds.entries(session)
        return len(ran)

    assert statements(1) == statements(15)
