"""`python -m core view …`: filters as in the address, views a member keeps; seeded data has what they ask for."""

import pytest
from sqlmodel import select

from core import db
from core.models.inbox import Conversation, Direction, Goal, Message
from core.models.inbox_work import ConversationLabel
from core.models.team import Member
from core.services import seed
from tests import factories
from tests.test_cli import rows, run


def test_a_query_lists_what_it_asks_for_in_order(hub):
    channel, member = factories.channel(), factories.member(name="Anna Beispiel", email="anna@example.org")
    hers = factories.conversation(channel.id, goal=Goal.PRAISE, assignee_id=member.id)
    factories.conversation(channel.id, goal=Goal.PRAISE)
    (found,) = rows("view", "show", "view=open&goal=praise&assignee=anna@example.org")
    assert (found["id"], found["assignee"], found["goal"]) == (hers.id, "Anna Beispiel", "praise")
    assert [row["id"] for row in rows("view", "show", "view=mine", "--member", "anna@example.org")] == [hers.id]


def test_a_view_is_kept_listed_used_and_deleted(hub):
    talk = factories.conversation(factories.channel().id, goal=Goal.COMPLAINT)
    factories.member(email="anna@example.org")
    whose = ("--member", "anna@example.org")
    assert run("view", "keep", "Ärger", "view=all&goal=complaint", *whose).returncode == 0
    assert {"name": "Ärger", "query": "view=all&goal=complaint", "own": True} in rows("view", "list", *whose)
    assert [row["id"] for row in rows("view", "show", "ärger", *whose)] == [talk.id]
    assert run("view", "delete", "Ärger", *whose).returncode == 0
    assert not any(row["own"] for row in rows("view", "list", *whose))


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("show", "goal=lob"), "lob"),
        (("show", "view=mine"), "--member"),
        (("show", "Gibtsnicht"), "Gibtsnicht"),
        (("list", "--member", "wer@example.org"), "wer@example.org"),
    ],
)
def test_what_there_is_not_is_said_in_one_sentence(hub, words: tuple[str, ...], said: str):
    ran = run("view", *words)
    assert ran.returncode == 1 and said in ran.stderr and ran.stderr.count("\n") == 1 and not ran.stdout


def test_seeded_conversations_have_what_a_team_would_have_made_of_them(hub):
    members = {factories.member().id for _ in range(2)}
    seed.seed(1200, 5, 3)
    with db.read() as session:
        talks = session.exec(select(Conversation)).all()
        incoming = session.exec(select(Message).where(Message.direction == Direction.IN)).all()
        labels = session.exec(select(ConversationLabel)).all()
        assert len(session.exec(select(Member)).all()) == 2
    assert {talk.assignee_id for talk in talks} == {None, *members}
    assert {talk.goal for talk in talks} == {None, *Goal} and labels
    assert all(message.triaged and message.sentiment for message in incoming)
    assert all(talk.respond_by for talk in talks if talk.waiting_since)


def test_without_members_seeded_conversations_are_nobodys(hub):
    seed.seed(60, 5, 1)
    with db.read() as session:
        assert {talk.assignee_id for talk in session.exec(select(Conversation))} == {None}
