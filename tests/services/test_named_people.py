"""People whom posts name: a handle where they have one, a name where they don't."""

import pytest

from core import db
from core.errors import NotFound, PermissionDenied, UserError
from core.models.team import Role
from core.services import contact_people, named_people
from core.services.named_people import known, names_in, with_handles
from tests import factories
from tests.conftest import counted

LENA = {"mastodon": "@lena@norden.social", "bluesky": "lena.bsky.social"}


def add(actor, name="Lena Fuchs", handles=None):
    with db.write() as session:
        return named_people.create_person(session, actor, name, LENA if handles is None else handles)


def people():
    with db.read() as session:
        return {row.name: dict(row.handles) for row in named_people.people(session)}


def test_a_name_becomes_the_handle_of_each_network(hub):
    add(factories.actor())
    text = "Danke, @[lena  fuchs]! Und @[Otto]."
    with db.read() as session:
        found = known(session, names_in(text))
    assert with_handles(text, "mastodon", found) == "Danke, @lena@norden.social! Und Otto."
    assert with_handles(text, "bluesky", found) == "Danke, @lena.bsky.social! Und Otto."
    assert with_handles(text, "elsewhere", found) == "Danke, lena fuchs! Und Otto."
    assert named_people.unknown(names_in(text), found) == ["Otto"]


def test_letters_right_behind_a_name_are_not_part_of_the_handle(hub):
    found = {"lena": {"mastodon": "lena@norden.social"}}
    out = with_handles("@[Lena]s Laden", "mastodon", found)
    assert out.replace("\u2060", "|") == "@lena@norden.social|s Laden"


def test_nothing_is_asked_where_nobody_is_named(hub):
    with db.read() as session, counted() as ran:
        assert known(session, names_in("Kein Name, nur @lena@norden.social")) == {}
    assert ran == []


@pytest.mark.parametrize(
    ("name", "handles", "sentence"),
    [
        ("", LENA, "Give the name"),
        ("Lena [Chefin]", LENA, "square brackets"),
        ("LENA fuchs", LENA, "in the list already"),
        ("Otto", {"mastodon": "  "}, "at least one handle"),
        ("Otto", {"mastodon": "otto"}, "lena@norden.social"),
        ("Otto", {"bluesky": "otto@norden.social"}, "lena.bsky.social"),
        ("Otto", {"bluesky": "otto bsky"}, "no handle on Bluesky"),
    ],
)
def test_what_is_wrong_is_said(hub, name, handles, sentence):
    actor = factories.actor()
    add(actor)
    with pytest.raises(UserError, match=sentence):
        add(actor, name, handles)
    assert list(people()) == ["Lena Fuchs"]


def test_they_are_changed_and_deleted(hub):
    actor = factories.actor()
    person_id = add(actor)
    with db.write() as session:
        named_people.change_person(session, actor, person_id, "Lena Fuchs-Otto", {"bluesky": "@lena.example"})
    assert people() == {"Lena Fuchs-Otto": {"bluesky": "lena.example"}}
    with db.write() as session:
        named_people.delete_person(session, actor, person_id)
    assert people() == {}
    with pytest.raises(NotFound), db.write() as session:
        named_people.delete_person(session, actor, person_id)


def test_a_contact_brings_the_handles_of_all_their_profiles(hub):
    actor = factories.actor()
    one = factories.contact(name="Lena [Fuchs]", handle="@lena@norden.social")
    two = factories.contact("bluesky", name="lena", handle="lena.bsky.social")
    with db.write() as session:
        contact_people.merge(session, actor, one.id, two.id)
    with db.write() as session:
        named_people.person_from_contact(session, actor, one.id)
    assert people() == {"Lena Fuchs": {"mastodon": "lena@norden.social", "bluesky": "lena.bsky.social"}}
    with db.write() as session:  # once more changes nothing
        named_people.person_from_contact(session, actor, one.id)
    assert len(people()) == 1


def test_who_may_not_plan_changes_nobody(hub):
    viewer = factories.actor(Role.VIEWER)
    with pytest.raises(PermissionDenied):
        add(viewer)
