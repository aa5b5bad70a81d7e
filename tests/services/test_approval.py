"""Review: nothing that must be approved goes out unless somebody who may has approved exactly that."""

from datetime import timedelta

import pytest
from sqlmodel import select

from core import db
from core.errors import PermissionDenied, UserError
from core.models.planning import Campaign, Delivery, DeliveryState, Post, PostState
from core.models.planning_work import DeliveryEvent, PostComment, RemarkKind
from core.models.team import Notice, Role
from core.services import approval, at_risk, channels, planning, publishing
from core.services.planning import Changes
from core.services.team import COMMAND_LINE
from tests import factories
from tests.conftest import counted
from tests.fake_network import BASE_URL, FakeNetwork, network

__all__ = ["network"]

SOON = timedelta(hours=2)


@pytest.fixture
def team(hub):
    """An author (editor), an approver (admin), and a rule that everything must be approved by administrators."""
    author, boss = factories.actor(Role.EDITOR), factories.actor(Role.ADMIN)
    require()
    return author, boss


def require(group_id=None, **values):
    given = {"required": True} | values
    with db.write() as session:
        return approval.save_rule(session, COMMAND_LINE, group_id, **given)


def do(call, *args, **values):
    with db.write() as session:
        return call(session, *args, **values)


def draft(actor, *channel_ids, text="Neu im Regal"):
    return do(planning.create_post, actor, text=text, channel_ids=channel_ids)


def row(model, number):
    with db.read() as session:
        return session.get(model, number)


def state(post_id):
    return row(Post, post_id).state


def save(actor, post_id, **changes):
    return do(planning.save_post, actor, post_id, row(Post, post_id).version, Changes(**changes))


def schedule(actor, post_id, at=None):
    do(planning.schedule_post, actor, post_id, at or db.utc_now() + SOON)


def deliveries(post_id):
    with db.read() as session:
        return list(session.exec(select(Delivery).where(Delivery.post_id == post_id).order_by(Delivery.id)))


def notices(actor):
    with db.read() as session:
        rows = session.exec(select(Notice).where(Notice.member_id == actor.id, Notice.read_at.is_(None)))
        return [(n.kind, n.text) for n in rows]


def remarks(post_id):
    with db.read() as session:
        rows = session.exec(select(PostComment).where(PostComment.post_id == post_id).order_by(PostComment.id))
        return [(r.kind, r.text) for r in rows]


# --- the way through ----------------------------------------------------------------------------------------------


def test_from_draft_to_scheduled(team):
    author, boss = team
    channel = factories.channel()
    post_id = draft(author, channel.id)
    with pytest.raises(UserError, match=f"approval first, by {boss.name}. Ask for review"):
        schedule(author, post_id)
    assert {d.state for d in deliveries(post_id)} == {DeliveryState.DRAFT}
    do(approval.submit_for_review, author, post_id)
    assert notices(boss) == [("review", f"{author.name} asks for your approval of a post for {channel.handle}.")]
    with pytest.raises(PermissionDenied, match=boss.name):
        do(approval.approve, author, post_id)
    with pytest.raises(UserError, match="waits for an approval"):
        schedule(author, post_id)
    assert do(approval.approve, boss, post_id, row(Post, post_id).version) == ()
    assert state(post_id) is PostState.APPROVED and notices(boss) == []
    assert notices(author) == [("reviewed", f"{boss.name} approved your post for {channel.handle}.")]
    schedule(author, post_id)
    assert state(post_id) is PostState.SCHEDULED
    save(author, post_id, planned_at=db.utc_now() + 2 * SOON)
    assert state(post_id) is PostState.SCHEDULED  # another time is no other content
    assert [kind for kind, _ in remarks(post_id)] == [RemarkKind.ASKED, RemarkKind.APPROVED]


@pytest.mark.parametrize(
    "changes",
    [
        {"text": "Anders"},
        {"content_warning": "Werbung"},
        {"visibility": "unlisted"},
        {"first_comment": "Mehr davon"},
        {"campaign": "Herbst"},
        {"tagged": True},
        {"language": "de"},
    ],
)
def test_a_change_of_what_readers_see_needs_approval_again(team, changes):
    author, boss = team
    post_id = draft(author, factories.channel().id)
    do(approval.approve, boss, post_id)
    schedule(author, post_id)
    save(author, post_id, **changes)
    assert state(post_id) is PostState.IN_REVIEW
    assert {d.state for d in deliveries(post_id)} == {DeliveryState.DRAFT}
    assert remarks(post_id)[-1] == (RemarkKind.WITHDRAWN, "Changed it: it needs approval again.")
    assert notices(boss)[-1][0] == "review"
    post = row(Post, post_id)
    assert (post.approved_digest, post.approved_by) == (None, None) and post.planned_at is not None
    with pytest.raises(UserError, match="approval"):
        schedule(author, post_id)


def test_other_channels_variants_and_images_are_other_content(team):
    author, boss = team
    one, two = factories.channel(), factories.channel()
    post_id = draft(author, one.id)
    for changes in (
        {"channel_ids": (one.id, two.id)},
        {"variants": {two.id: "Nur hier"}},
        {"channel_ids": (two.id,)},
    ):
        do(approval.approve, boss, post_id)
        save(author, post_id, **changes)
        assert state(post_id) is PostState.IN_REVIEW, changes


def test_title_and_time_are_not_approved_by_anybody(team):
    author, boss = team
    post_id = draft(author, factories.channel().id)
    do(approval.approve, boss, post_id)
    save(author, post_id, title="Nur für den Plan", planned_at=db.utc_now() + SOON)
    assert state(post_id) is PostState.APPROVED


def test_who_may_approve_approves_by_scheduling_and_by_changing(team):
    author, boss = team
    post_id = draft(boss, factories.channel().id)
    schedule(boss, post_id)
    post = row(Post, post_id)
    assert (post.state, post.approved_by) == (PostState.SCHEDULED, boss.id)
    assert remarks(post_id) == [(RemarkKind.APPROVED, "By scheduling it.")]
    save(boss, post_id, text="Noch besser")
    assert state(post_id) is PostState.SCHEDULED
    assert remarks(post_id)[-1] == (RemarkKind.APPROVED, "By changing it.")
    save(author, post_id, text="Vom Autor")
    assert state(post_id) is PostState.IN_REVIEW


def test_the_command_line_may_approve_but_not_skip(team):
    author, _ = team
    post_id = draft(author, factories.channel().id)
    with pytest.raises(UserError, match="approval"):
        schedule(COMMAND_LINE, post_id)
    do(approval.approve, COMMAND_LINE, post_id)
    schedule(COMMAND_LINE, post_id)
    assert state(post_id) is PostState.SCHEDULED


def test_four_eyes_nobody_approves_what_they_wrote_or_changed(team):
    author, boss = team
    other = factories.actor(Role.ADMIN)
    require(four_eyes=True)
    post_id = draft(boss, factories.channel().id)
    with pytest.raises(PermissionDenied, match="you can't approve what you wrote"):
        do(approval.approve, boss, post_id)
    with pytest.raises(UserError, match=f"by {other.name}"):
        schedule(boss, post_id)
    save(other, post_id, text="Besser")
    save(author, post_id, text="Noch besser")
    for wrote in (boss, other):  # also whose change somebody else has changed again
        with pytest.raises(PermissionDenied):
            do(approval.approve, wrote, post_id)
    third = factories.actor(Role.ADMIN)
    do(approval.approve, third, post_id)
    schedule(author, post_id)
    save(other, post_id, text="Kleiner Fehler")  # their change alone is new: others may approve it, they may not
    assert state(post_id) is PostState.IN_REVIEW
    with pytest.raises(PermissionDenied):
        do(approval.approve, other, post_id)
    do(approval.approve, third, post_id)


def test_several_groups_need_every_one_of_their_rules(team):
    author, boss = team
    require(required=False)
    north, south = factories.group("Nord"), factories.group("Süd")
    anna, ben = factories.actor(Role.EDITOR), factories.actor(Role.VIEWER)
    require(north.id, member_ids=[anna.id])
    require(south.id, member_ids=[ben.id])
    free = factories.channel()
    there = [factories.channel(group_id=north.id).id, factories.channel(group_id=south.id).id, free.id]
    post_id = draft(author, *there)
    do(approval.submit_for_review, author, post_id)
    with db.read() as session:
        who = {p.name: why for p, why in approval.approvers(session, session.get(Post, post_id)).items()}
        assert who == {anna.name: ("Nord",), ben.name: ("Süd",)}
        assert [w.post_id for w in approval.waiting_for(session, ben)] == [post_id]
        assert approval.waiting_for(session, boss) == []
    assert do(approval.approve, anna, post_id) == ("Süd",)
    assert state(post_id) is PostState.IN_REVIEW
    with db.read() as session:
        assert approval.waiting_for(session, anna) == [] and approval.waiting_for(session, ben)
    with pytest.raises(UserError, match=r"Süd"):
        schedule(author, post_id)
    assert do(approval.approve, ben, post_id) == ()  # a viewer who is named may
    schedule(author, post_id)
    assert schedule(author, draft(author, free.id)) is None  # where nothing is required nothing is in the way


def test_returned_with_a_reason_and_taken_back(team):
    author, boss = team
    post_id = draft(author, factories.channel().id)
    do(approval.submit_for_review, author, post_id)
    with pytest.raises(UserError, match="Say why"):
        do(approval.return_to_author, boss, post_id, "  ")
    with pytest.raises(PermissionDenied):
        do(approval.return_to_author, author, post_id, "Gefällt mir nicht")
    do(approval.return_to_author, boss, post_id, "Der Preis fehlt.")
    assert state(post_id) is PostState.DRAFT and remarks(post_id)[-1] == (RemarkKind.RETURNED, "Der Preis fehlt.")
    assert notices(author)[-1][0] == "reviewed" and notices(boss) == []
    do(approval.submit_for_review, author, post_id)
    stranger = factories.actor(Role.EDITOR)
    with pytest.raises(PermissionDenied, match="Only who wrote"):
        do(approval.withdraw, stranger, post_id)
    do(approval.withdraw, author, post_id)
    assert state(post_id) is PostState.DRAFT and notices(boss) == []
    do(approval.approve, boss, post_id)
    schedule(author, post_id)
    do(approval.return_to_author, boss, post_id, "Doch nicht.")
    assert {d.state for d in deliveries(post_id)} == {DeliveryState.DRAFT}
    with pytest.raises(UserError, match="approval"):
        schedule(author, post_id)


def test_what_leaves_the_review_by_another_door_asks_nobody_any_more(team):
    author, boss = team
    for leave in (planning.unschedule_post, planning.cancel_post, planning.delete_post):
        post_id = draft(author, factories.channel().id)
        do(approval.submit_for_review, author, post_id)
        assert notices(boss)
        do(leave, author, post_id)
        assert notices(boss) == []
        with db.read() as session:
            assert approval.waiting_for(session, boss) == []


def test_what_changed_while_it_was_read_is_not_approved(team):
    author, boss = team
    post_id = draft(author, factories.channel().id)
    read = row(Post, post_id).version
    save(author, post_id, text="Heimlich anders")
    with pytest.raises(UserError, match="Read it again"):
        do(approval.approve, boss, post_id, read)


def test_a_disabled_approver_leaves_it_to_the_administrators(team):
    author, boss = team
    anna = factories.actor(Role.EDITOR)
    require(member_ids=[anna.id])
    post_id = draft(author, factories.channel().id)
    with pytest.raises(PermissionDenied):
        do(approval.approve, boss, post_id)
    from core.services import team as people

    do(people.set_disabled, boss, anna.id, True)
    do(approval.approve, boss, post_id)


def test_viewers_cannot_set_rules_and_editors_neither(hub):
    for role in (Role.VIEWER, Role.EDITOR):
        with pytest.raises(PermissionDenied):
            do(approval.save_rule, factories.actor(role), None, required=True)


# --- rules that change, and the last lock ---------------------------------------------------------------------------


def test_a_new_rule_takes_back_what_is_scheduled_and_tells_approvers_once(hub):
    author, boss = factories.actor(Role.EDITOR), factories.actor(Role.ADMIN)
    channel = factories.channel()
    ids = [draft(author, channel.id, text=f"Post {n}") for n in range(3)]
    for post_id in ids:
        schedule(author, post_id)
    assert require() == 3
    assert {state(post_id) for post_id in ids} == {PostState.IN_REVIEW}
    assert notices(boss) == [("review", "3 scheduled posts wait for an approval that is needed now.")]
    assert require() == 0


def test_a_channel_that_moves_into_a_strict_group_takes_its_posts_along(hub):
    author, boss = factories.actor(Role.EDITOR), factories.actor(Role.ADMIN)
    group, channel = factories.group(), factories.channel()
    require(group.id)
    post_id = draft(author, channel.id)
    schedule(author, post_id)
    do(channels.set_group, boss, channel.id, group.id)
    assert state(post_id) is PostState.IN_REVIEW


def test_the_lock_looks_at_what_is_really_sent(hub, network: FakeNetwork):
    author, boss = factories.actor(Role.EDITOR), factories.actor(Role.ADMIN)
    require()
    channel = factories.channel("fake", base_url=BASE_URL)
    post_id = draft(author, channel.id, text="Genehmigt")
    do(approval.approve, boss, post_id)
    do(planning.publish_now, author, post_id)
    with db.write() as session:  # by a way that asks nobody
        session.get(Post, post_id).text = "Untergeschoben"
    assert publishing.publish_due() == 1
    assert network.texts() == [] and network.prepared == 0
    assert state(post_id) is PostState.IN_REVIEW
    assert {d.state for d in deliveries(post_id)} == {DeliveryState.DRAFT}
    assert publishing.publish_due() == 0  # it isn't tried again and again
    with db.read() as session:
        events = session.exec(select(DeliveryEvent.detail).order_by(DeliveryEvent.id)).all()
    assert "isn't approved as it stands" in events[-1]
    assert notices(boss) and notices(author)
    do(approval.approve, boss, post_id)
    do(planning.publish_now, author, post_id)
    publishing.publish_due()
    assert network.texts() == ["Untergeschoben"]  # now somebody has read it


def test_a_campaign_whose_parameters_change_counts_as_another_link(team):
    author, boss = team
    post_id = draft(author, factories.channel().id)
    save(author, post_id, campaign="Herbst", tagged=True)
    do(approval.approve, boss, post_id)
    schedule(author, post_id)
    with db.read() as session:
        assert approval.unapproved(session, [post_id]) == set()
    with db.write() as session:
        session.exec(select(Campaign)).one().utm_source = "anders"
    with db.read() as session:
        assert approval.unapproved(session, [post_id]) == {post_id}
        assert [risk.post_id for risk in at_risk.risks(session)] == [post_id]  # and is told before its time
        assert not approval.may_go_out(session, session.get(Delivery, deliveries(post_id)[0].id))


def test_a_channel_that_is_removed_takes_no_approval_from_the_others(team):
    author, boss = team
    one, two = factories.channel(), factories.channel()
    post_id = draft(author, one.id, two.id)
    do(approval.approve, boss, post_id)
    schedule(author, post_id)
    with db.write() as session:
        session.delete(session.get(Delivery, deliveries(post_id)[1].id))
    with db.read() as session:
        assert approval.may_go_out(session, session.get(Delivery, deliveries(post_id)[0].id))


def test_a_copy_is_approved_while_it_says_the_same(team):
    author, boss = team
    channel = factories.channel()
    source = draft(author, channel.id, text="Jede Woche")
    do(approval.approve, boss, source)
    same, other = draft(COMMAND_LINE, channel.id, text="Jede Woche"), draft(COMMAND_LINE, channel.id, text="Anders")
    with db.write() as session:
        assert approval.inherit(session, session.get(Post, same), session.get(Post, source))
        assert not approval.inherit(session, session.get(Post, other), session.get(Post, source))
    schedule(COMMAND_LINE, same)
    with pytest.raises(UserError):
        schedule(COMMAND_LINE, other)


def test_a_failed_one_is_not_retried_with_other_words(team):
    author, boss = team
    one, two = factories.channel(), factories.channel()
    post_id = draft(author, one.id, two.id)
    do(approval.approve, boss, post_id)
    schedule(author, post_id)
    with db.write() as session:
        done, failed = (session.get(Delivery, d.id) for d in deliveries(post_id))
        done.state, failed.state = DeliveryState.PUBLISHED, DeliveryState.FAILED
        session.flush()
        planning.settle_post(session, post_id)
    save(author, post_id, variants={two.id: "Schnell noch anders"})
    with pytest.raises(UserError, match="approval"):
        do(planning.retry_delivery, author, failed.id)
    do(approval.approve, boss, post_id)
    do(planning.retry_delivery, author, failed.id)
    assert state(post_id) is PostState.SCHEDULED


def test_published_text_has_no_back_door(team):
    author, boss = team
    post_id = draft(boss, factories.channel().id)
    with db.read() as session:
        post = session.get(Post, post_id)
        approval.check_edit(session, boss, post)
        with pytest.raises(UserError, match="Only who may approve"):
            approval.check_edit(session, author, post)
    require(four_eyes=True)
    with db.read() as session, pytest.raises(UserError, match="corrected post"):
        approval.check_edit(session, boss, session.get(Post, post_id))


def test_how_it_stands_for_each(team):
    author, boss = team
    post_id = draft(author, factories.channel().id)
    do(approval.submit_for_review, author, post_id)
    with db.read() as session:
        for_author = approval.standing(session, author, post_id)
        for_boss = approval.standing(session, boss, post_id)
    assert (for_author.may, for_author.may_alone, for_author.may_return, for_author.asked_by_me) == (
        False,
        False,
        False,
        True,
    )
    assert (for_boss.may, for_boss.may_alone, for_boss.may_return) == (True, True, True)
    assert for_author.asked_by == author.name and "waits for an approval" in for_author.why_not
    assert for_author.needs[0].people == (boss.name,)


def test_the_number_of_statements_does_not_grow(team):
    author, boss = team
    group = factories.group()
    require(group.id, member_ids=[boss.id])
    made = [draft(author, factories.channel(group_id=group.id).id, factories.channel().id) for _ in range(6)]
    for post_id in made:
        do(approval.submit_for_review, author, post_id)
    for call, most in (
        (lambda s: approval.waiting_for(s, boss), 7),
        (lambda s: approval.unapproved(s, made), 5),
        (lambda s: approval.standing(s, boss, made[0]), 8),
    ):
        with db.read() as session, counted() as ran:
            call(session)
        assert len(ran) <= most, ran
    require(required=False)
    with db.write() as session:
        approval.drop_rule(session, boss, group.id)
    delivery = deliveries(made[0])[0]
    with db.read() as session, counted() as ran:
        assert approval.may_go_out(session, delivery)
    assert len(ran) == 1  # a hub without rules pays one read a delivery


def test_asking_anew_ends_the_approval_there_was(team):
    """Else the author could take it out of review alone, and it would be theirs."""
    author, boss = team
    post_id = draft(author, factories.channel().id)
    do(approval.approve, boss, post_id)
    assert (state(post_id), row(Post, post_id).approved_by) == (PostState.APPROVED, boss.id)
    do(approval.submit_for_review, author, post_id)
    with pytest.raises(PermissionDenied):
        do(approval.approve, author, post_id)
    with pytest.raises(UserError):
        schedule(author, post_id)
    assert (state(post_id), row(Post, post_id).approved_by) == (PostState.IN_REVIEW, None)
    do(approval.approve, boss, post_id)
    schedule(author, post_id)
    assert state(post_id) is PostState.SCHEDULED
