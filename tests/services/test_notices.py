"""Notices: told once, to the right people, read by whom they are for."""

from datetime import timedelta
from typing import Any

import pytest
from sqlmodel import select

from core import db
from core.errors import NeedsReauth
from core.models.team import Member, Notice, Role
from core.services import channels, notices
from core.services.notices import NoticeKind
from tests import factories

pytestmark = pytest.mark.usefixtures("hub")


def tell(*members: int, by: Any = None, target: str = "conversation:7") -> int:
    with db.write() as session:
        return notices.notify(session, members, NoticeKind.ASSIGNED, "You have it now.", target, by=by)


def unread(actor: Any) -> list[str]:
    with db.read() as session:
        assert notices.unread_count(session, actor) == len(notices.unread(session, actor))
        return [row.target for row in notices.unread(session, actor)]


def test_everybody_is_told_but_who_did_it_and_nobody_twice():
    anna, ben = factories.actor(), factories.actor()
    assert tell(anna.id, ben.id, by=anna) == 1
    assert tell(anna.id, ben.id, by=anna) == 0
    assert (unread(anna), unread(ben)) == ([], ["conversation:7"])
    with db.read() as session:
        assert notices.unread(session, ben)[0].conversation_id == 7


def test_once_read_the_same_may_be_told_again():
    ben = factories.actor()
    tell(ben.id)
    with db.write() as session:
        assert notices.mark_read(session, ben, "conversation:7") == 1
    assert unread(ben) == []
    assert tell(ben.id) == 1


def test_one_or_all_are_marked_and_only_ones_own():
    anna, ben = factories.actor(), factories.actor()
    for number in (1, 2, 3):
        tell(anna.id, ben.id, target=f"conversation:{number}")
    with db.read() as session:
        newest = notices.unread(session, ben)[0]
    with db.write() as session:
        assert notices.mark_read(session, anna, notice_id=newest.id) == 0  # it is Ben's
        assert notices.mark_read(session, ben, notice_id=newest.id) == 1
    assert unread(ben) == ["conversation:2", "conversation:1"]
    with db.write() as session:
        assert notices.mark_read(session, ben) == 2
    assert len(unread(anna)) == 3


def test_whoever_left_is_told_nothing():
    gone = factories.member(disabled_at=db.utc_now())
    assert tell(gone.id) == 0


def test_administrators_hear_of_a_channel_that_must_be_reconnected():
    admin, editor = factories.actor(Role.ADMIN), factories.actor(Role.EDITOR)
    channel = factories.channel()
    with db.write() as session:
        channels.note_error(session, channel.id, NeedsReauth("revoked"))
    assert (unread(admin), unread(editor)) == ([f"channel:{channel.id}"], [])


def test_what_was_read_long_ago_is_forgotten():
    ben = factories.actor()
    tell(ben.id, target="conversation:1")
    tell(ben.id, target="conversation:2")
    with db.write() as session:
        old = session.exec(select(Notice).where(Notice.target == "conversation:1")).one()
        old.read_at = db.utc_now() - timedelta(days=31)
    with db.write() as session:
        notices.forget_old(session)
    with db.read() as session:
        assert [row.target for row in session.exec(select(Notice))] == ["conversation:2"]
        assert session.get(Member, ben.id) is not None
