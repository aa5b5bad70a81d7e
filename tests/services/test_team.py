"""Members, sessions, and failed sign-ins slowed down."""

from datetime import timedelta

import pytest
import time_machine
from sqlmodel import select

from core import db
from core.errors import PermissionDenied, UserError
from core.models.team import AuditEntry, LoginSession, Member, Role
from core.services import sessions, team
from tests import factories

PASSWORD = "ein langes Passwort"


def first():
    with db.write() as session:
        return team.create_first_member(session, email="Anna@Example.org", name=" Anna  B ", password=PASSWORD)


def who(token):
    with db.read() as session:
        return sessions.session_actor(session, token)


def test_the_first_member_is_an_administrator_and_there_is_only_one_first(hub):
    first()
    with db.read() as session:
        member = session.exec(select(Member)).one()
    assert (member.email, member.name, member.role) == ("anna@example.org", "Anna B", Role.ADMIN)
    assert PASSWORD not in member.password_hash and member.password_hash.startswith("$argon2id$")
    with pytest.raises(PermissionDenied):
        first()


def test_signing_in_and_out(hub):
    first()
    token = sessions.sign_in("ANNA@example.org ", PASSWORD, "10.0.0.1", "Browser")
    assert who(token).email == "anna@example.org"
    with db.read() as session:
        stored = session.exec(select(LoginSession)).one()
    assert token not in stored.token_hash
    sessions.sign_out(token)
    assert who(token) is None and who("") is None and who("made up") is None


def test_a_session_ends_when_it_is_not_used_and_goes_on_when_it_is(hub):
    first()
    token = sessions.sign_in("anna@example.org", PASSWORD, "10.0.0.1")
    now = db.utc_now()
    with time_machine.travel(now + timedelta(days=10), tick=False):
        sessions.keep_alive(token)
    with time_machine.travel(now + timedelta(days=20), tick=False):
        assert who(token) is not None
    with time_machine.travel(now + timedelta(days=25), tick=False):
        assert who(token) is None


def test_a_disabled_member_is_out_at_once(hub):
    first()
    token = sessions.sign_in("anna@example.org", PASSWORD, "10.0.0.1")
    boss = factories.actor()
    with db.write() as session:
        team.set_disabled(session, boss, who(token).id, True)
    assert who(token) is None
    with pytest.raises(UserError, match="wrong"):
        sessions.sign_in("anna@example.org", PASSWORD, "10.0.0.1")


def test_wrong_passwords_are_slowed_down_per_email_and_per_address(hub):
    first()
    for number in range(sessions.FREE_TRIES):
        with pytest.raises(UserError, match="wrong"):
            sessions.sign_in("anna@example.org", "falsch", f"10.0.0.{number}")
    with pytest.raises(sessions.TooManyTries) as raised:
        sessions.sign_in("anna@example.org", PASSWORD, "10.9.9.9")
    assert 0 < raised.value.seconds <= sessions.FIRST_PAUSE
    with time_machine.travel(db.utc_now() + timedelta(seconds=sessions.FIRST_PAUSE + 1)):
        assert sessions.sign_in("anna@example.org", PASSWORD, "10.9.9.9")
    for number in range(sessions.FREE_TRIES):
        with pytest.raises(UserError):
            sessions.sign_in(f"nobody{number}@example.org", "falsch", "10.7.7.7")
    with pytest.raises(sessions.TooManyTries):
        sessions.sign_in("somebody@example.org", "falsch", "10.7.7.7")


def test_an_unknown_email_says_the_same_as_a_wrong_password(hub):
    first()
    told = set()
    for email in ("anna@example.org", "nobody@example.org"):
        with pytest.raises(UserError) as raised:
            sessions.sign_in(email, "falsch", "10.0.0.1")
        told.add(str(raised.value))
    assert told == {sessions.WRONG}


@pytest.mark.parametrize(
    ("values", "told"),
    [
        ({"email": "kein-at"}, "no e-mail"),
        ({"name": "  "}, "name"),
        ({"password": "kurz"}, "10 characters"),
    ],
)
def test_a_bad_member_is_refused_with_a_sentence(hub, values, told):
    boss = factories.actor()
    given = {"email": "neu@example.org", "name": "Neu", "password": PASSWORD} | values
    with pytest.raises(UserError, match=told), db.write() as session:
        team.create_member(session, boss, **given)


def test_an_address_is_taken_only_once(hub):
    boss = factories.actor()
    with db.write() as session:
        team.create_member(session, boss, email="neu@example.org", name="Neu", password=PASSWORD)
    with pytest.raises(UserError, match="already"), db.write() as session:
        team.create_member(session, boss, email="NEU@example.org", name="Neu", password=PASSWORD)


def test_the_last_administrator_stays(hub):
    boss = factories.actor()
    for change in (
        lambda s: team.set_role(s, boss, boss.id, Role.VIEWER),
        lambda s: team.set_disabled(s, boss, boss.id, True),
    ):
        with pytest.raises(UserError, match="only administrator"), db.write() as session:
            change(session)


def test_only_administrators_change_the_team_and_it_is_written_down(hub):
    boss, editor = factories.actor(), factories.actor(Role.EDITOR)
    with pytest.raises(PermissionDenied), db.write() as session:
        team.set_role(session, editor, editor.id, Role.ADMIN)
    with db.write() as session:
        team.set_role(session, boss, editor.id, Role.ADMIN)
    with db.read() as session:
        assert session.exec(select(AuditEntry)).one().action == "member.role"
        with pytest.raises(PermissionDenied):
            team.audit_trail(session, editor)
        assert team.audit_trail(session, boss)[0].member == boss.name


def test_a_changed_password_signs_out_everywhere(hub):
    first()
    token = sessions.sign_in("anna@example.org", PASSWORD, "10.0.0.1")
    actor = who(token)
    with pytest.raises(UserError, match="wrong"), db.write() as session:
        team.change_password(session, actor, "falsch", "ganz neues Passwort")
    with db.write() as session:
        team.change_password(session, actor, PASSWORD, "ganz neues Passwort")
    assert who(token) is None
    assert sessions.sign_in("anna@example.org", "ganz neues Passwort", "10.0.0.1")
