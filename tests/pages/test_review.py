"""The composer by state and role: ask, approve, return; comments, versions, what was typed and not saved, conflicts."""

from collections.abc import Callable
from datetime import date, time, timedelta
from pathlib import Path
from typing import Any

import pytest
from PIL import Image as PIL
from sqlmodel import select
from streamlit.testing.v1 import AppTest

from core import db
from core.models.planning import MediaAsset, Post, PostState
from core.models.planning_work import ApprovalRule, ComposerDraft, PostComment
from core.models.team import Role
from core.services import approval, planning, post_history
from core.services.media import media_path
from core.services.planning import Changes
from core.services.team import COMMAND_LINE, Actor
from tests import factories

ROOT = Path(__file__).parents[2]
HOSTILE = "**fett** <script>alert(1)</script> :red[rot]"


def opened(name: str = "planning", **query: str) -> AppTest:
    page = AppTest.from_file(str(ROOT / "pages" / f"{name}.py"), default_timeout=60)
    for key, value in query.items():
        page.query_params[key] = value
    return page.run()


def ran(page: AppTest) -> AppTest:
    assert not page.exception, page.exception
    return page


def button(page: AppTest, label: str) -> Any:
    return next(b for b in page.button if b.label == label)


def shown_buttons(page: AppTest) -> dict[str, bool]:
    """Label to whether it can be pressed."""
    return {b.label: not b.disabled for b in page.button if b.label}


def field(widgets: Any, label: str) -> Any:
    return next(w for w in widgets if w.label == label)


def said(page: AppTest) -> str:
    parts = [*page.error, *page.warning, *page.info, *page.markdown, *page.caption, *page.toast]
    return "\n".join(str(part.value) for part in parts)


def must_approve(**values: Any) -> None:
    with db.write() as session:
        approval.save_rule(session, COMMAND_LINE, None, required=True, **values)


def written(author: Actor, text: str = "Neu im Regal", review: bool = False) -> int:
    channel = factories.channel()
    with db.write() as session:
        post_id = planning.create_post(session, author, title="Regal", text=text, channel_ids=[channel.id])
        if review:
            approval.submit_for_review(session, author, post_id)
    return post_id


def post(post_id: int) -> Post:
    with db.read() as session:
        return session.get_one(Post, post_id)


def save(post_id: int, actor: Actor, **changes: Any) -> None:
    with db.write() as session:
        planning.save_post(session, actor, post_id, post(post_id).version, Changes(**changes))


# --- asking and deciding ------------------------------------------------------------------------------------------


def test_an_author_asks_and_cannot_go_round(hub: Path, signed_in: Callable[..., Actor]):
    boss = factories.actor(Role.ADMIN)
    must_approve()
    author = signed_in("editor")
    post_id = written(author)
    page = ran(opened(post=str(post_id)))
    can = shown_buttons(page)
    assert can["Ask for review"] and can["Save draft"] and not can["Schedule"]
    assert boss.name in said(page)  # who may approve is said
    button(page, "Ask for review").click().run()
    ran(page)
    assert post(post_id).state is PostState.IN_REVIEW
    can = shown_buttons(page)
    assert "Approve" not in can and can["Take the request back"] and "Schedule" not in can
    button(page, "Take the request back").click().run()
    assert post(post_id).state is PostState.DRAFT


def test_an_approver_approves_what_they_see_and_schedules_it_at_once(hub: Path, signed_in: Callable[..., Actor]):
    author = factories.actor(Role.EDITOR)
    must_approve()
    post_id = written(author, review=True)
    save(post_id, author, planned_at=db.utc_now() + timedelta(days=2))
    signed_in("admin")
    page = ran(opened(post=str(post_id)))
    assert {"Approve", "Approve and schedule"} <= set(shown_buttons(page))
    before = post(post_id).version
    button(page, "Approve").click().run()
    assert ran(page) and post(post_id).state is PostState.APPROVED
    assert post(post_id).version == before  # approving is no save: the author's open page stays good
    again = written(author, review=True)
    save(again, author, planned_at=db.utc_now() + timedelta(days=2))
    page = ran(opened(post=str(again)))
    button(page, "Approve and schedule").click().run()
    assert ran(page) and post(again).state is PostState.SCHEDULED


def test_returned_with_a_reason_that_stands_beside_the_post(hub: Path, signed_in: Callable[..., Actor]):
    author = factories.actor(Role.EDITOR)
    must_approve()
    post_id = written(author, review=True)
    signed_in("admin")
    page = ran(opened(post=str(post_id)))
    button(page, "Return it to its author").click().run()
    assert "Say why" in said(page) and post(post_id).state is PostState.IN_REVIEW
    field(page.text_area, "What is to be changed?").set_value(HOSTILE)
    button(page, "Return it to its author").click().run()
    assert ran(page) and post(post_id).state is PostState.DRAFT
    assert "returned it" in said(page) and HOSTILE not in said(page)


def test_a_viewer_who_is_named_reads_and_decides(hub: Path, signed_in: Callable[..., Actor]):
    author, viewer = factories.actor(Role.EDITOR), signed_in("viewer")
    must_approve(member_ids=[viewer.id])
    post_id = written(author, HOSTILE, review=True)
    page = ran(opened(post=str(post_id)))
    assert "Text" not in {t.label for t in page.text_area} and HOSTILE not in said(page)
    button(page, "Approve").click().run()
    assert ran(page) and post(post_id).state is PostState.APPROVED
    other = written(author)
    page = ran(opened(post=str(other)))
    field(page.text_area, "Comment").set_value("Darf ich auch?")
    button(page, "Comment").click().run()
    with db.read() as session:
        assert [c.text for c in session.exec(select(PostComment).where(PostComment.post_id == other))] == [
            "Darf ich auch?"
        ]


def test_a_change_of_what_is_scheduled_says_that_it_asks_again(hub: Path, signed_in: Callable[..., Actor]):
    boss = factories.actor(Role.ADMIN)
    must_approve()
    author = signed_in("editor")
    post_id = written(author)
    with db.write() as session:
        approval.approve(session, boss, post_id)
        planning.schedule_post(session, author, post_id, db.utc_now() + timedelta(days=1))
    page = ran(opened(post=str(post_id)))
    assert "Save changes" in shown_buttons(page)
    field(page.text_area, "Text").set_value("Anders")
    ran(page.run())
    assert "Save changes" not in shown_buttons(page)
    button(page, "Save and ask again").click().run()
    assert ran(page) and post(post_id).state is PostState.IN_REVIEW


# --- comments and versions ----------------------------------------------------------------------------------------


def test_a_comment_names_a_colleague_and_reads_as_typed(hub: Path, signed_in: Callable[..., Actor]):
    factories.member(Role.EDITOR, name="Anna Muster")
    author = signed_in("editor")
    page = ran(opened(post=str(written(author))))
    field(page.text_area, "Comment").set_value(HOSTILE)
    ran(page.run())
    field(page.selectbox, "Name somebody").set_value("Anna Muster")
    ran(page.run())
    assert field(page.text_area, "Comment").value == f"{HOSTILE} @Anna "
    button(page, "Comment").click().run()
    assert ran(page) and not field(page.text_area, "Comment").value
    assert HOSTILE not in said(page) and "fett" in said(page)


def test_a_copy_is_a_draft_of_its_own(hub: Path, signed_in: Callable[..., Actor]):
    author = signed_in("editor")
    post_id = written(author)
    page = ran(opened(post=str(post_id)))
    button(page, "Duplicate").click().run()
    ran(page)
    with db.read() as session:
        copy = session.exec(select(Post).where(Post.id != post_id)).one()
    assert (copy.title, copy.text, copy.state) == ("Regal (copy)", "Neu im Regal", PostState.DRAFT)
    assert str(copy.id) in page.query_params["post"]


def test_versions_show_what_changed_and_bring_it_back(hub: Path, signed_in: Callable[..., Actor]):
    author = signed_in("editor")
    post_id = written(author, "Alte Fassung")
    save(post_id, author, text=f"Neue Fassung {HOSTILE}")
    page = ran(opened(post=str(post_id)))
    button(page, "Versions").click().run()
    ran(page)
    assert ":red-background[~~Alte~~]:green-background[Neue]" in said(page) and HOSTILE not in said(page)
    # A test's rerun is a whole one, which closes a dialog: it is opened anew, at the version that was chosen.
    page.session_state[f"version_{post_id}"] = 1
    button(page, "Versions").click().run()
    button(page, "Versions").click()
    button(page, "Restore this version").click().run()
    assert ran(page) and post(post_id).text == "Alte Fassung"


# --- not saved yet ------------------------------------------------------------------------------------------------


def drafts() -> list[ComposerDraft]:
    with db.read() as session:
        return list(session.exec(select(ComposerDraft)))


def test_what_was_typed_is_there_again_until_it_is_saved(hub: Path, signed_in: Callable[..., Actor]):
    signed_in("editor")
    channel = factories.channel()
    page = ran(opened(plan_view="Write"))
    assert drafts() == []  # looking keeps nothing
    field(page.text_input, "Title").set_value("Halb")
    field(page.text_area, "Text").set_value("Noch nicht fer")
    field(page.multiselect, "Channels").set_value([channel.id])
    ran(page.run())
    assert len(drafts()) == 1
    page = ran(opened(plan_view="Write"))  # another tab, another day
    assert field(page.text_area, "Text").value == "Noch nicht fer"
    assert field(page.multiselect, "Channels").value == [channel.id]
    assert "Not saved yet" in said(page)
    button(page, "Save draft").click().run()
    assert ran(page) and drafts() == []
    page = ran(opened(plan_view="Write"))
    assert not field(page.text_area, "Text").value and "Not saved yet" not in said(page)


def test_every_field_is_kept(hub: Path, signed_in: Callable[..., Actor]):
    author = signed_in("editor")
    post_id = written(author)
    image = factories._saved(
        MediaAsset(sha256="a" * 64, filename="bohne.png", mime="image/png", size=1, width=9, height=9)
    )
    media_path("a" * 64, "image/png").parent.mkdir(parents=True, exist_ok=True)
    PIL.new("RGB", (9, 9)).save(media_path("a" * 64, "image/png"))
    save(post_id, author, images=((image.id, "Alt"),))
    page = ran(opened(post=str(post_id)))
    for widgets, values in (
        (page.text_input, {"Title": "Neuer Titel", "Content warning": "Kaffee"}),
        (page.text_area, {"Text": "Neuer Text", "First comment": "Erster!"}),
        (page.date_input, {"Day": date(2031, 7, 1)}),
        (page.time_input, {"Time": time(17, 45)}),
        (page.selectbox, {"Language": "de"}),
    ):
        for label, value in values.items():
            field(widgets, label).set_value(value)
    next(w for kind in (page.text_input, page.text_area) for w in kind if "lt text" in w.label).set_value("Eine Bohne")
    next(t for t in page.toggle if t.label == "Different text").set_value(True)
    ran(page.run())
    next(t for t in page.text_area if t.label.startswith("Text for") or "differ" in (t.key or "")
         or "variant" in (t.key or "")).set_value("Nur hier")  # fmt: skip
    ran(page.run())
    before = drafts()[0].content
    assert before is not None and before["mine"]["channels"][0]["text"] == "Nur hier"
    assert before["mine"]["images"][0]["alt"] == "Eine Bohne"
    again = ran(opened(post=str(post_id)))
    assert "Not saved yet" in said(again)
    button(again, "Save draft").click().run()
    ran(again)
    with db.read() as session:
        said_now = post_history.content_of(session, session.get_one(Post, post_id))
    mine = before["mine"]
    assert {name: said_now[name] for name in mine if name != "images"} == {n: mine[n] for n in mine if n != "images"}
    assert said_now["images"][0]["alt"] == "Eine Bohne"


def test_it_can_be_thrown_away_and_nobody_else_sees_it(hub: Path, signed_in: Callable[..., Actor]):
    author = signed_in("editor")
    post_id = written(author)
    page = ran(opened(post=str(post_id)))
    field(page.text_area, "Text").set_value("Ganz anders")
    ran(page.run())
    signed_in("editor")  # somebody else
    other = ran(opened(post=str(post_id)))
    assert field(other.text_area, "Text").value == "Neu im Regal"
    assert len(drafts()) == 1


def test_thrown_away_means_what_is_saved(hub: Path, signed_in: Callable[..., Actor]):
    post_id = written(signed_in("editor"))
    page = ran(opened(post=str(post_id)))
    field(page.text_area, "Text").set_value("Ganz anders")
    ran(page.run())
    page = ran(opened(post=str(post_id)))
    assert field(page.text_area, "Text").value == "Ganz anders"
    button(page, "Throw away").click().run()
    assert ran(page) and field(page.text_area, "Text").value == "Neu im Regal" and drafts() == []


def test_two_who_change_different_things_lose_nothing(hub: Path, signed_in: Callable[..., Actor]):
    author, other = signed_in("editor"), factories.actor(Role.EDITOR)
    post_id = written(author)
    page = ran(opened(post=str(post_id)))
    field(page.text_area, "Text").set_value("Mein Text")
    ran(page.run())
    save(post_id, other, title="Ihr Titel")
    button(page, "Save draft").click().run()
    ran(page)
    assert field(page.text_area, "Text").value == "Mein Text"
    assert field(page.text_input, "Title").value == "Ihr Titel"
    assert "yours are on top" in said(page) and post(post_id).text == "Neu im Regal"
    button(page, "Save draft").click().run()
    assert ran(page) and (post(post_id).title, post(post_id).text) == ("Ihr Titel", "Mein Text")


@pytest.mark.parametrize("choice", ["Keep mine", "Take theirs"])
def test_two_who_change_the_same_see_both_and_choose(hub: Path, signed_in: Callable[..., Actor], choice: str):
    author, other = signed_in("editor"), factories.actor(Role.EDITOR)
    post_id = written(author)
    page = ran(opened(post=str(post_id)))
    field(page.text_area, "Text").set_value("Mein Text")
    ran(page.run())
    save(post_id, other, text="Ihr Text")
    button(page, "Save draft").click().run()
    ran(page)
    assert post(post_id).text == "Ihr Text"  # nothing is written over
    assert "changed this post meanwhile" in said(page)
    assert "~~Ihr~~" in said(page) and ":green-background[Mein]" in said(page)
    button(page, choice).click().run()
    ran(page)
    mine = choice == "Keep mine"
    assert field(page.text_area, "Text").value == ("Mein Text" if mine else "Ihr Text")
    assert post(post_id).text == "Ihr Text" and bool(drafts()) is mine
    button(page, "Save draft").click().run()
    assert ran(page) and post(post_id).text == ("Mein Text" if mine else "Ihr Text")


# --- rules --------------------------------------------------------------------------------------------------------


def test_an_administrator_sets_the_rule_and_hears_what_it_does(hub: Path, signed_in: Callable[..., Actor]):
    author = factories.actor(Role.EDITOR)
    post_id = written(author)
    with db.write() as session:
        planning.schedule_post(session, author, post_id, db.utc_now() + timedelta(days=1))
    boss = signed_in("admin")
    page = ran(opened("settings", section="Approval"))
    field(page.toggle, "Posts must be approved").set_value(True)
    ran(page.run())
    field(page.toggle, "Four eyes").set_value(True)
    button(page, "Save").click().run()
    ran(page)
    with db.read() as session:
        (row,) = session.exec(select(ApprovalRule)).all()
    assert (row.required, row.roles, row.four_eyes) == (True, ["admin"], True)
    assert "One scheduled post went back into review" in said(page)
    assert post(post_id).state is PostState.IN_REVIEW
    assert f"Only {boss.name} may" in said(page)  # a rule that leaves one alone is told
    signed_in("editor")
    page = ran(opened("settings", section="Approval"))
    assert "An administrator of your team changes these rules" in said(page) and not page.toggle


def test_home_lists_what_waits_for_whoever_looks(hub: Path, signed_in: Callable[..., Actor]):
    author, boss = factories.actor(Role.EDITOR), signed_in("admin")
    must_approve()
    written(author, review=True)

    def home(actor) -> None:  # type: ignore[no-untyped-def]  # its source is run by itself
        from zoneinfo import ZoneInfo

        from core.ui.home_review import reviews
        from core.ui.page import Page

        reviews(Page(actor, ZoneInfo("Europe/Berlin")))

    def drawn(actor: Actor) -> str:
        page = ran(AppTest.from_function(home, kwargs={"actor": actor}, default_timeout=60).run())
        return "\n".join([h.value for h in page.header] + [c.value for c in page.caption])

    assert "Waiting for your approval" in drawn(boss) and author.name in drawn(boss)
    assert drawn(author) == ""
