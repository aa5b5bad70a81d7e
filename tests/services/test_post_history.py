"""Versions, comments, and what was typed but not saved."""

from datetime import timedelta

import pytest
from sqlmodel import select

from core import db
from core.errors import PermissionDenied, UserError
from core.models.planning import Post, PostState
from core.models.planning_work import ComposerDraft, PostVersion
from core.models.team import Notice, Role
from core.services import approval, composer_drafts, planning, post_comments, post_history
from core.services.planning import Changes, Conflict
from core.services.post_diff import Piece, words
from core.services.team import COMMAND_LINE
from tests import factories


def do(call, *args, **values):
    with db.write() as session:
        return call(session, *args, **values)


def version_of(post_id):
    with db.read() as session:
        return session.get(Post, post_id).version


def save(actor, post_id, **changes):
    return do(planning.save_post, actor, post_id, version_of(post_id), Changes(**changes))


def kept(post_id):
    with db.read() as session:
        return post_history.versions(session, post_id).rows


# --- versions -----------------------------------------------------------------------------------------------------


def test_each_change_is_a_version_and_a_save_of_nothing_is_none(hub):
    anna, channel = factories.actor(), factories.channel()
    post_id = do(planning.create_post, anna, text="Eins", channel_ids=[channel.id])
    save(anna, post_id, text="Zwei", content_warning="Kaffee", variants={channel.id: "Nur hier"}, campaign="Herbst")
    save(anna, post_id, text="Zwei")
    rows = kept(post_id)
    assert [(r.number, r.by, r.action) for r in rows] == [(2, anna.name, "post.change"), (1, anna.name, "post.create")]
    assert rows[0].content["text"] == "Zwei" and rows[0].content["channels"][0]["handle"] == channel.handle
    found = post_history.diff(rows[1].content, rows[0].content)
    assert [t.label for t in found.texts] == ["Text", "Content warning", f"Text for {channel.handle}"]
    assert found.texts[0].pieces == (Piece("gone", "Eins"), Piece("new", "Zwei"))
    assert found.others == ("Campaign: none became Herbst.",)


def test_going_back_is_a_save_that_a_review_and_a_colleague_can_stand_against(hub):
    anna, ben, channel = factories.actor(), factories.actor(Role.EDITOR), factories.channel()
    do(approval.save_rule, COMMAND_LINE, None, required=True)
    post_id = do(planning.create_post, ben, title="Alt", text="Alt", channel_ids=[channel.id])
    save(ben, post_id, title="Neu", text="Neu", channel_ids=())
    save(ben, post_id, channel_ids=(channel.id,))
    do(approval.approve, anna, post_id)
    do(planning.schedule_post, ben, post_id, db.utc_now() + timedelta(hours=2))
    with pytest.raises(Conflict):
        do(post_history.restore, ben, post_id, 1, version_of(post_id) - 1)
    assert do(post_history.restore, ben, post_id, 1, version_of(post_id)) == ()
    with db.read() as session:
        post = session.get(Post, post_id)
        assert (post.title, post.text, post.state) == ("Alt", "Alt", PostState.IN_REVIEW)
        assert post.planned_at is not None  # its time stays
    assert kept(post_id)[0].content["text"] == "Alt"
    with pytest.raises(UserError, match="Version 99"):
        do(post_history.restore, ben, post_id, 99, version_of(post_id))


def test_images_with_alt_text_and_what_stays_in_sight_come_back(hub):
    from core.models.planning import MediaAsset

    anna, channel = factories.actor(), factories.channel()
    image = factories._saved(
        MediaAsset(sha256="a" * 64, filename="bohne.png", mime="image/png", size=1, width=9, height=9)
    )
    post_id = do(planning.create_post, anna, text="Mit Bild", channel_ids=[channel.id])
    save(anna, post_id, images=((image.id, "Eine Bohne"),), focal={image.id: (0.5, -0.5)})
    save(anna, post_id, images=())
    found = post_history.diff(kept(post_id)[1].content, kept(post_id)[0].content)
    assert found.others == ("Without the image bohne.png.",)
    do(post_history.restore, anna, post_id, 2, version_of(post_id))
    with db.read() as session:
        (there,) = planning.post_images(session, post_id)
    assert (there.alt, there.focus) == ("Eine Bohne", (0.5, -0.5))


def test_the_first_and_the_last_hundred_are_kept(hub, monkeypatch):
    monkeypatch.setattr(post_history, "KEPT", 5)
    anna = factories.actor()
    post_id = do(planning.create_post, anna, text="0")
    for number in range(1, 20):
        save(anna, post_id, text=str(number))
    numbers = [row.number for row in kept(post_id)]
    assert numbers == [20, 19, 18, 17, 16, 1]


@pytest.mark.parametrize(
    ("old", "new", "pieces"),
    [
        ("Hallo", "Hallo Welt", [("same", "Hallo"), ("new", " Welt")]),
        ("rote Räder", "blaue Taschen", [("gone", "rote Räder"), ("new", "blaue Taschen")]),
        ("a\n\nb", "a\n\nb", [("same", "a\n\nb")]),
        ("", "neu", [("new", "neu")]),
    ],
)
def test_texts_word_by_word(old, new, pieces):
    assert [(p.sign, p.text) for p in words(old, new)] == pieces


def test_a_post_that_goes_takes_its_versions_along(hub):
    anna = factories.actor()
    post_id = do(planning.create_post, anna, text="Weg")
    do(post_comments.comment, anna, post_id, "Kann weg")
    do(planning.delete_post, anna, post_id)
    with db.read() as session:
        assert session.exec(select(PostVersion)).all() == []


# --- comments -----------------------------------------------------------------------------------------------------


def told(actor):
    with db.read() as session:
        rows = session.exec(select(Notice).where(Notice.member_id == actor.id).order_by(Notice.id))
        return [(n.kind, n.text, n.target) for n in rows]


def actor_named(name, role=Role.EDITOR):
    from core.services.team import actor_of

    return actor_of(factories.member(role, name=name, email=f"{name.split()[0].lower()}@example.org"))


def test_who_is_named_is_told_and_the_author(hub):
    anna, ben, jurgen = actor_named("Anna Muster"), actor_named("Ben"), actor_named("Jürgen", Role.VIEWER)
    post_id = do(planning.create_post, anna, text="Neu")
    do(post_comments.comment, ben, post_id, "Schau mal, @jurgen: **Preis?** Mail an post@norden.example")
    assert told(jurgen) == [("mentioned", "Ben mentioned you in a comment on a post.", f"post:{post_id}")]
    assert told(anna) == [("comment", "Ben commented on your post.", f"post:{post_id}")]
    do(post_comments.comment, jurgen, post_id, "Passt.")  # who may look may answer
    do(post_comments.comment, anna, post_id, "Danke @Anna")  # nobody is told what they wrote themselves
    assert len(told(anna)) == 1  # and nobody twice while it is unread
    with db.read() as session:
        assert [n.word for n in post_comments.names(session, ben)] == ["Anna", "Jürgen"]
        texts = [c.text for c in post_comments.comments(session, post_id, limit=2).rows]
        page = post_comments.comments(session, post_id, limit=2)
        assert texts == ["Passt.", "Danke @Anna"] and page.before is not None
        assert len(post_comments.comments(session, post_id, before=page.before).rows) == 1


def test_own_comments_can_be_taken_away_and_decisions_not(hub):
    anna, ben, boss = factories.actor(Role.EDITOR), factories.actor(Role.EDITOR), factories.actor()
    channel = factories.channel()
    post_id = do(planning.create_post, anna, text="Neu", channel_ids=[channel.id])
    mine = do(post_comments.comment, anna, post_id, "Oh")
    with pytest.raises(PermissionDenied):
        do(post_comments.remove_comment, ben, mine)
    do(post_comments.remove_comment, anna, mine)
    do(approval.submit_for_review, anna, post_id)
    with db.read() as session:
        (asked,) = post_comments.comments(session, post_id).rows
    with pytest.raises(UserError, match="decided"):
        do(post_comments.remove_comment, boss, asked.id)
    for text, why in (("  ", "Write something"), ("x" * 2001, "at most")):
        with pytest.raises(UserError, match=why):
            do(post_comments.comment, anna, post_id, text)


# --- not saved yet ------------------------------------------------------------------------------------------------


def test_what_is_typed_is_kept_for_its_member_alone_and_for_a_month(hub):
    anna, ben = factories.actor(), factories.actor()
    do(composer_drafts.keep, anna, "post:1", 3, {"fields": {"text": "halb fer"}})
    do(composer_drafts.keep, anna, "post:1", 3, {"fields": {"text": "halb fertig"}})
    with db.read() as session:
        mine = composer_drafts.unsaved(session, anna, "post:1")
        assert mine is not None and mine.content["fields"] == {"text": "halb fertig"} and mine.base_version == 3
        assert composer_drafts.unsaved(session, ben, "post:1") is None
        assert composer_drafts.unsaved(session, anna, "new") is None
    with db.write() as session:
        session.exec(select(ComposerDraft)).one().saved_at = db.utc_now() - timedelta(days=29)
    do(composer_drafts.forget_old)
    with db.write() as session:
        session.exec(select(ComposerDraft)).one().saved_at = db.utc_now() - timedelta(days=31)
    do(composer_drafts.forget_old)
    with db.read() as session:
        assert session.exec(select(ComposerDraft)).all() == []
