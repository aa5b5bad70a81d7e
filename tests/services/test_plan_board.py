"""The plan by state: what stands in which column, and moving a post on, back, or not at all."""

from datetime import timedelta
from pathlib import Path

import pytest
from sqlmodel import select

from core import db
from core.errors import PermissionDenied, UserError
from core.models.planning import Campaign, Delivery, DeliveryState, Post, PostState
from core.models.planning_work import PostComment, RemarkKind
from core.models.team import Role
from core.services import plan_board
from core.services.plan_board import CardMove, Column
from core.services.planning import PlanFilter
from core.services.team import Actor
from tests import factories
from tests.conftest import counted

IDEA, DRAFT, REVIEW, APPROVED = PostState.IDEA, PostState.DRAFT, PostState.IN_REVIEW, PostState.APPROVED
SCHEDULED, PUBLISHED, CARE = PostState.SCHEDULED, PostState.PUBLISHED, PostState.NEEDS_CARE


@pytest.fixture
def editor(hub: Path) -> Actor:
    return factories.actor(Role.EDITOR)


def columns(wanted: PlanFilter | None = None, most: int = 30) -> dict[PostState, Column]:
    with db.read() as session, counted() as ran:
        found = plan_board.board(session, wanted or PlanFilter(), most)
    assert len(ran) == 2, ran
    return {one.state: one for one in found}


def move(actor: Actor, post: Post, seen: PostState, target: PostState) -> CardMove:
    with db.write() as session:
        return plan_board.move_card(session, actor, post.id, seen, target)


def state(post: Post) -> PostState:
    with db.read() as session:
        return session.get_one(Post, post.id).state


def soon(days: float = 1) -> object:
    return db.utc_now() + timedelta(days=days)


def test_each_column_shows_the_next_or_the_newest_and_how_many_there_are(editor: Actor):
    channel = factories.channel()
    for number in range(5):
        factories.post(text=f"Idee {number}", state=IDEA)
        factories.post(channel.id, text=f"Bald {number}", at=soon(number + 1))
        factories.post(channel.id, text=f"Draußen {number}", at=soon(-number - 1), state=PUBLISHED)
    factories.post(channel.id, text="Lange her", at=soon(-15), state=PUBLISHED)
    factories.post(channel.id, text="Nie", state=PostState.CANCELLED)
    found = columns(most=3)
    assert list(found) == list(plan_board.COLUMNS)
    assert (found[IDEA].total, found[SCHEDULED].total, found[PUBLISHED].total, found[DRAFT].total) == (5, 5, 5, 0)
    words = {name: [card.text for card in column.cards] for name, column in found.items()}
    assert words[IDEA] == ["Idee 4", "Idee 3", "Idee 2"]
    assert words[SCHEDULED] == ["Bald 0", "Bald 1", "Bald 2"]
    assert words[PUBLISHED] == ["Draußen 0", "Draußen 1", "Draußen 2"]


def test_a_card_says_what_one_wants_to_know(editor: Actor):
    one, two = factories.channel(), factories.channel()
    with db.write() as session:
        session.add(Campaign(id=7, name="Herbst", color="orange"))
    post = factories.post(one.id, two.id, title="Röstung", at=soon(), campaign_id=7, member_id=editor.id, state=CARE)
    with db.write() as session:
        row = session.exec(select(Delivery).where(Delivery.channel_id == one.id)).one()
        row.state, row.last_error = DeliveryState.FAILED, "The network refused the image."
        for kind in (RemarkKind.COMMENT, RemarkKind.COMMENT, RemarkKind.ASKED):
            session.add(PostComment(post_id=post.id, member_id=editor.id, kind=kind, text="Schön"))
    (card,) = columns()[CARE].cards
    assert (card.title, card.campaign, card.color, card.author) == ("Röstung", "Herbst", "orange", editor.name)
    assert (card.channel_ids, card.comments, card.trouble) == ((one.id, two.id), 2, "The network refused the image.")


def test_the_filters_of_the_plan_hold_but_for_the_time(editor: Actor):
    one, two = factories.channel(), factories.channel()
    factories.post(one.id, text="Kaffee")
    factories.post(two.id, text="Tee")
    found = columns(PlanFilter(channel_ids=(two.id,), since=db.utc_now()))
    assert [card.text for card in found[DRAFT].cards] == ["Tee"] and found[DRAFT].total == 1


@pytest.mark.parametrize(
    ("seen", "target"),
    [
        *[(IDEA, DRAFT), (DRAFT, IDEA), (DRAFT, SCHEDULED), (IDEA, SCHEDULED), (SCHEDULED, DRAFT), (SCHEDULED, IDEA)],
        *[(DRAFT, REVIEW), (REVIEW, DRAFT), (REVIEW, APPROVED), (APPROVED, REVIEW)],
    ],
)
def test_a_post_moves_on_and_comes_back(editor: Actor, seen: PostState, target: PostState):
    channel = factories.channel()
    post = factories.post(channel.id, at=soon(), state=seen, member_id=editor.id)
    if seen is not SCHEDULED:
        with db.write() as session:
            session.exec(select(Delivery)).one().state = DeliveryState.DRAFT
    made = move(editor, post, seen, target)
    assert (made.before, made.after, state(post)) == (seen, target, target)
    with db.read() as session:
        going = session.exec(select(Delivery)).one().state
    assert (going is DeliveryState.SCHEDULED) == (target is SCHEDULED)
    with db.write() as session:
        plan_board.undo_card(session, editor, made)
    assert state(post) is seen


def test_what_was_approved_is_so_again_when_scheduling_is_undone(editor: Actor):
    post = factories.post(factories.channel().id, at=soon(), state=DRAFT, member_id=editor.id)
    for seen, target in ((DRAFT, REVIEW), (REVIEW, APPROVED)):
        move(editor, post, seen, target)
    made = move(editor, post, APPROVED, SCHEDULED)
    with db.write() as session:
        plan_board.undo_card(session, editor, made)
    assert state(post) is APPROVED


@pytest.mark.parametrize(
    ("seen", "target", "sentence"),
    [
        (PUBLISHED, DRAFT, "It is published"),
        (DRAFT, PUBLISHED, "by being published"),
        (DRAFT, CARE, "by themselves"),
        (CARE, SCHEDULED, "didn't go out"),
        (SCHEDULED, REVIEW, "make it a draft first"),
        (SCHEDULED, APPROVED, "nothing is left to approve"),
        (CARE, IDEA, "can't be taken there"),
    ],
)
def test_what_cannot_be_moved_says_why_and_stays(editor: Actor, seen: PostState, target: PostState, sentence: str):
    post = factories.post(factories.channel().id, at=soon(), state=seen)
    with pytest.raises(UserError, match=sentence):
        move(editor, post, seen, target)
    assert state(post) is seen


def test_without_a_time_nothing_is_scheduled(editor: Actor):
    post = factories.post(factories.channel().id, text="Wann?")
    with pytest.raises(UserError, match="Say when it goes out"):
        move(editor, post, DRAFT, SCHEDULED)


def test_who_moved_it_meanwhile_is_noticed_and_a_viewer_moves_nothing(editor: Actor):
    post = factories.post(text="Eine Idee", state=IDEA)
    with pytest.raises(UserError, match="Somebody else has moved"):
        move(editor, post, DRAFT, IDEA)
    with pytest.raises(PermissionDenied):
        move(factories.actor(Role.VIEWER), post, IDEA, DRAFT)
    assert state(post) is IDEA
