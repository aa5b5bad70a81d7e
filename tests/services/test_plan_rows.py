"""Rows of the editable plan: tried without a trace, saved one by one, and what two people do to one row."""

from datetime import timedelta
from typing import Any

import pytest
from sqlmodel import func, select

from core import db
from core.models.planning import Campaign, Post, PostState
from core.models.planning_sources import WebLink
from core.models.planning_work import PostVersion
from core.models.team import AuditEntry, Role
from core.services import plan_rows, planning
from core.services.plan_list import PlanRow, rows_by_id
from core.services.plan_rows import RowEdit, Verdict
from core.services.planning import Changes
from core.services.team import Actor
from tests import factories
from tests.conftest import counted

pytestmark = pytest.mark.usefixtures("hub")
SOON = timedelta(hours=5)


@pytest.fixture
def anna() -> Actor:
    return factories.actor(Role.EDITOR)


def row(post: Post | int) -> PlanRow:
    with db.read() as session:
        return rows_by_id(session, [post if isinstance(post, int) else post.id])[0]


def check(actor: Actor, *edits: RowEdit) -> list[Verdict]:
    return list(plan_rows.check_rows(actor, {str(n): edit for n, edit in enumerate(edits)}).values())


def save(actor: Actor, *edits: RowEdit) -> list[Verdict]:
    return list(plan_rows.save_rows(actor, {str(n): edit for n, edit in enumerate(edits)}).values())


def everything() -> tuple[Any, ...]:
    """Counts of all that a change could leave behind."""
    with db.read() as session:
        tables = (Post, Campaign, AuditEntry, PostVersion, WebLink)
        return tuple(session.exec(select(func.count()).select_from(table)).one() for table in tables)


def test_a_check_says_what_would_happen_and_leaves_no_trace(anna: Actor):
    channel = factories.channel()
    post = factories.post(channel.id, text="Kurz")
    before, as_it_was = everything(), row(post)
    long, fine, new, gone = check(
        anna,
        RowEdit(row(post), {"text": "x" * 600, "state": PostState.SCHEDULED, "planned_at": db.utc_now() + SOON}),
        RowEdit(row(post), {"text": "Mehr: https://a.example", "campaign": "Neu"}),
        RowEdit(None, {"title": "Neue Zeile", "state": PostState.SCHEDULED}),
        RowEdit(row(post), delete=True),
    )
    assert "too long" in long.problem and fine.good and gone.good
    assert "Say when it goes out" in new.problem
    assert (everything(), row(post)) == (before, as_it_was)


def test_a_wrong_row_keeps_no_other_from_being_saved(anna: Actor):
    channel = factories.channel()
    one, two = factories.post(channel.id, text="Eins"), factories.post(channel.id, text="Zwei")
    good, bad, new = save(
        anna,
        RowEdit(row(one), {"title": "Gut"}),
        RowEdit(row(two), {"title": "Nie", "state": PostState.PUBLISHED}),
        RowEdit(None, {"title": "Neu", "text": "Drei", "campaign": "Herbst"}),
    )
    assert good.good and "can't be set by hand" in bad.problem and new.post_id is not None
    assert (row(one).title, row(two).title) == ("Gut", "Eins"[:0] + two.title)
    assert row(new.post_id).campaign == "Herbst"


def test_a_new_row_that_cannot_be_scheduled_is_kept_as_a_draft(anna: Actor):
    (verdict,) = save(anna, RowEdit(None, {"title": "Neu", "state": PostState.SCHEDULED}))
    assert verdict.kept_as_draft and "Say when" in verdict.problem
    assert verdict.post_id is not None and row(verdict.post_id).state is PostState.DRAFT


@pytest.mark.parametrize(
    "state", [PostState.IDEA, PostState.IN_REVIEW, PostState.SCHEDULED, PostState.CANCELLED, PostState.DRAFT]
)
def test_states_that_can_be_set_by_hand(anna: Actor, state: PostState):
    factories.member(Role.ADMIN)  # somebody who may approve
    post = factories.post(factories.channel().id, planned_at=db.utc_now() + SOON)
    (verdict,) = save(anna, RowEdit(row(post), {"state": state}))
    assert verdict.good, verdict
    assert row(post).state is state


def test_a_cancelled_post_comes_back(anna: Actor):
    post = factories.post(factories.channel().id, planned_at=db.utc_now() + SOON)
    save(anna, RowEdit(row(post), {"state": PostState.CANCELLED}))
    save(anna, RowEdit(row(post), {"state": PostState.SCHEDULED}))
    assert row(post).state is PostState.SCHEDULED


# --- two people -------------------------------------------------------------------------------------------------------


def bernd_changes(post: Post, **values: Any) -> None:
    bernd = factories.actor(Role.EDITOR)
    with db.write() as session:
        planning.save_post(session, bernd, post.id, row(post).version, Changes(**values))


def test_both_changed_the_same_cell_the_second_sees_both_texts_and_decides(anna: Actor):
    post = factories.post(factories.channel().id, text="Alt", title="Titel")
    mine = RowEdit(row(post), {"text": "Von Anna", "title": "Annas Titel"})
    bernd_changes(post, text="Von Bernd")
    for tried in (check, save):
        (verdict,) = tried(anna, mine)
        (clash,) = verdict.clashes
        assert (clash.cell, clash.before, clash.theirs, clash.mine) == ("text", "Alt", "Von Bernd", "Von Anna")
    assert row(post).text == "Von Bernd"
    assert verdict.now is not None
    theirs = plan_rows.decided(mine, verdict.now, "text", mine=False)
    assert dict(theirs.cells) == {"title": "Annas Titel"}
    (done,) = save(anna, plan_rows.decided(mine, verdict.now, "text", mine=True))
    assert done.good and (row(post).text, row(post).title) == ("Von Anna", "Annas Titel")


def test_who_decided_for_their_own_text_is_asked_again_when_it_changed_once_more(anna: Actor):
    post = factories.post(factories.channel().id, text="Alt")
    mine = RowEdit(row(post), {"text": "Von Anna"})
    bernd_changes(post, text="Von Bernd")
    (verdict,) = check(anna, mine)
    assert verdict.now is not None
    mine = plan_rows.decided(mine, verdict.now, "text", mine=True)
    bernd_changes(post, text="Von Bernd, besser")
    (verdict,) = save(anna, mine)
    assert [clash.theirs for clash in verdict.clashes] == ["Von Bernd, besser"]


def test_different_cells_are_merged_and_the_same_change_is_no_conflict(anna: Actor):
    one, two = factories.channel(), factories.channel()
    post = factories.post(one.id, two.id, text="Alt", title="Alt")
    mine = RowEdit(row(post), {"title": "Neu", "channel_ids": (two.id, one.id)})
    bernd_changes(post, text="Von Bernd", title="Neu")
    (verdict,) = save(anna, mine)
    assert verdict.good
    assert (row(post).title, row(post).text) == ("Neu", "Von Bernd")


def test_a_row_that_somebody_deleted_or_changed_is_not_deleted_blindly(anna: Actor):
    kept, gone = factories.post(factories.channel().id, text="Alt"), factories.post(text="Weg")
    delete_kept, change_gone = RowEdit(row(kept), delete=True), RowEdit(row(gone), {"title": "Neu"})
    bernd_changes(kept, text="Von Bernd")
    with db.write() as session:
        planning.delete_post(session, anna, gone.id)
    first, second = save(anna, delete_kept, change_gone)
    assert "Somebody else has changed this row" in first.problem
    assert "somebody has deleted it" in second.problem
    assert row(kept).text == "Von Bernd"


def test_a_viewer_changes_nothing():
    post = factories.post(text="Alt")
    viewer = factories.actor(Role.VIEWER)
    (verdict,) = save(viewer, RowEdit(row(post), {"title": "Neu"}))
    assert "role" in verdict.problem and row(post).title != "Neu"


def test_many_rows_are_read_at_once(anna: Actor):
    posts = [factories.post(factories.channel().id, text=f"{n}") for n in range(12)]
    with db.read() as session, counted() as ran:
        rows_by_id(session, [post.id for post in posts])
    assert len(ran) == 2
