"""The composer's words: counted as networks count, split into threads, put together from blocks, names and emoji.

Scheduling, images, times and the review have tests of their own (`test_planning.py` and beside it).
"""

from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from sqlmodel import select
from streamlit.testing.v1 import AppTest

from core import db
from core.connectors.base import Limits
from core.connectors.bluesky import LIMITS
from core.models.channel import Channel
from core.models.planning import Campaign, Delivery, Post
from core.models.planning_sources import BlockKind
from core.services import named_people, text_blocks
from core.services.team import COMMAND_LINE, Actor
from core.ui.emoji_words import EMOJI, USUAL, emoji_for
from tests import factories
from tests.conftest import counted

PAGE = Path(__file__).parents[2] / "pages" / "planning.py"
KEY = "post_new_0"
SENTENCE = "Ein Satz mit ein paar Worten. "


@pytest.fixture
def editor(hub: Path, signed_in: Callable[..., Actor]) -> Actor:
    return signed_in("editor")


@pytest.fixture
def mastodon(editor: Actor) -> Channel:
    return factories.channel(limits=Limits(url_length=23).to_json())


@pytest.fixture
def bluesky(editor: Actor) -> Channel:
    return factories.channel("bluesky", handle="norden.bsky.social", limits=LIMITS.to_json())


def fine(page: AppTest) -> AppTest:
    assert not page.exception, page.exception
    return page


def opened(*channels: Channel, text: str = "", campaign: str = "", **query: str) -> AppTest:
    page = AppTest.from_file(str(PAGE), default_timeout=30)
    if campaign:
        page.session_state[f"{KEY}_campaign"] = campaign  # as if its name had been typed
    for name, value in ({"plan_view": "Write"} | query).items():
        page.query_params[name] = value
    page.run()
    if channels:
        page.multiselect(key=f"{KEY}_channels").set_value([channel.id for channel in channels])
    if text:
        page.text_area(key=f"{KEY}_text").set_value(text)
    return fine(page.run()) if channels or text else fine(page)


def press(page: AppTest, label: str) -> AppTest:
    (button,) = [b for b in page.button if label in (b.label, b.key)]
    return fine(button.click().run())


def open_popover(page: AppTest, what: str, name: str = "text") -> AppTest:
    page.session_state[f"{KEY}_{what}_{name}"] = True
    return fine(page.run())


def said(page: AppTest) -> str:
    kinds = (page.error, page.warning, page.markdown, page.caption, page.toast)
    words = "\n".join(str(part.value) for kind in kinds for part in kind)
    return words.replace("\\", "").replace("\u2060", "")


def text(page: AppTest, name: str = "text") -> str:
    return str(page.text_area(key=f"{KEY}_{name}").value)


def rows(model: Any) -> list[Any]:
    with db.read() as session:
        return list(session.exec(select(model).order_by(model.id)).all())


# --- counting ---------------------------------------------------------------------------------------------------------


def test_each_network_counts_in_its_own_way(mastodon: Channel, bluesky: Channel):
    words = said(opened(mastodon, bluesky, text=f"Hier: https://norden.example/{'x' * 100}"))
    assert "29 of 500 characters" in words and "129 of 300 characters" in words


def test_what_the_hub_adds_counts_and_is_seen(mastodon: Channel, bluesky: Channel):
    with db.write() as session:
        session.add(Campaign(name="Herbst"))
        named_people.create_person(session, COMMAND_LINE, "Lena", {"mastodon": "lena@norden.social"})
    page = opened(mastodon, bluesky, text="@[Lena] https://a.example")
    assert "29 of 500 characters" in said(page) and "22 of 300 characters" in said(page)
    page.selectbox(key=f"{KEY}_campaign").set_value("Herbst")
    page.toggle(key=f"{KEY}_tagged").set_value(True)
    page.text_input(key=f"{KEY}_content_warning").set_value("Essen")
    fine(page.run())
    words = said(page)
    assert "34 of 500 characters" in words  # the link stays 23, the warning counts
    assert "Bluesky: ?utm_source=bluesky&utm_medium=social&utm_campaign=herbst" in words
    added = len("CW: Essen\n\n") + len("?utm_source=bluesky&utm_medium=social&utm_campaign=herbst")
    assert f"{22 + added} of 300 characters" in words
    page.checkbox[0].set_value(False)
    fine(page.run())
    assert "?utm_source" not in said(page) and f"{22 + len('CW: Essen') + 2} of 300 characters" in said(page)
    press(page, "Save draft")
    (post,) = rows(Post)
    assert (post.tagged, post.untagged_links, post.content_warning) == (True, ["https://a.example"], "Essen")


def test_links_are_tagged_only_with_a_campaign(mastodon: Channel):
    page = opened(mastodon, text="Kein Link")
    assert "no link" not in said(page)
    page.toggle(key=f"{KEY}_tagged").set_value(True)
    assert "Choose a campaign" in said(fine(page.run()))
    page = opened(mastodon, text="Kein Link", campaign="Ganz neu")
    fine(page.toggle(key=f"{KEY}_tagged").set_value(True).run())
    assert "no link in the text yet" in said(page) and "New campaign" in said(page)
    press(page, "Save draft")
    assert [c.name for c in rows(Campaign)] == ["Ganz neu"]


# --- threads ----------------------------------------------------------------------------------------------------------


def test_a_text_too_long_for_one_channel_is_split_only_there(mastodon: Channel, bluesky: Channel):
    page = opened(mastodon, bluesky, text=SENTENCE * 14)
    assert "119 too many" in said(page)
    open_popover(page, "split")
    press(page, f"{KEY}_split_own_text")
    own = text(page, f"variant_{bluesky.id}")
    assert own.count("---") == 1 and text(page) == SENTENCE * 14
    assert "Thread of 2" in said(page) and "too many" not in said(page)
    press(page, f"{KEY}_join_variant_{bluesky.id}")
    assert "---" not in text(page, f"variant_{bluesky.id}")


def test_all_channels_get_the_thread_numbered_and_joined_again(mastodon: Channel, bluesky: Channel):
    page = opened(mastodon, bluesky, text=(SENTENCE * 14).strip())
    open_popover(page, "split")
    fine(page.toggle(key=f"{KEY}_numbered_text").set_value(True).run())
    press(page, f"{KEY}_split_now_text")
    assert " 1/2\n---\n" in text(page) and text(page).endswith(" 2/2")
    press(page, "Join again")
    assert text(page) == (SENTENCE * 14).strip()


# --- texts of their own -----------------------------------------------------------------------------------------------


def test_a_channels_own_text_is_compared_and_dropped_again(mastodon: Channel, bluesky: Channel):
    page = opened(mastodon, bluesky, text="Moin, liebe Leute!")
    fine(page.toggle(key=f"{KEY}_differs_{bluesky.id}").set_value(True).run())
    assert "same words as the text" in said(page)
    fine(page.text_area(key=f"{KEY}_variant_{bluesky.id}").set_value("Moin, liebe Menschen!").run())
    assert any("2 words differ" in e.label for e in page.expander)
    assert "~~Leute~~" in said(page) and "**Menschen**" in said(page) and "21 of 300" in said(page)
    press(page, "Same as the text")
    press(page, "Save draft")
    assert {row.text for row in rows(Delivery)} == {None}


# --- putting things in ------------------------------------------------------------------------------------------------


def test_blocks_emoji_and_people_go_to_the_end_of_their_field(mastodon: Channel):
    with db.write() as session:
        text_blocks.create_block(session, COMMAND_LINE, kind=BlockKind.HASHTAGS, name="Kaffee", text="#Kaffee #Tee")
        named_people.create_person(session, COMMAND_LINE, "Lena", {"bluesky": "lena.bsky.social"})
    page = opened(mastodon, text="Moin")
    open_popover(page, "people")
    assert any(b.help == "Only the name on Mastodon" for b in page.button)
    press(page, next(b.key for b in page.button if b.key and f"{KEY}_person_text_" in b.key))
    open_popover(page, "emoji")
    fine(page.text_input(key=f"{KEY}_emoji_search_text").set_value("kaffee").run())
    press(page, "☕")
    open_popover(page, "blocks")
    press(page, next(b.key for b in page.button if b.key and f"{KEY}_block_text_" in b.key))
    assert text(page) == "Moin @[Lena] ☕\n\n#Kaffee #Tee"
    open_popover(page, "blocks", "first_comment")
    press(page, next(b.key for b in page.button if b.key and f"{KEY}_block_first_comment_" in b.key))
    assert text(page, "first_comment") == "#Kaffee #Tee"
    with db.read() as session:
        assert text_blocks.blocks(session)[0].used == 2


def test_without_any_it_is_said_where_they_come_from(mastodon: Channel):
    page = open_popover(open_popover(opened(mastodon), "blocks"), "people")
    assert "hashtag sets that the team writes with appear here" in said(page) and "handle they have" in said(page)


def test_emoji_are_found_in_both_languages():
    assert emoji_for("Kaffee") == emoji_for("coffee") == ["☕"]
    assert emoji_for("herz rot") == ["❤️"] and emoji_for("", ("🐝",))[0] == "🐝"
    assert set(USUAL) <= EMOJI.keys()


# --- where the network has it -----------------------------------------------------------------------------------------


def test_only_what_a_chosen_network_has_is_asked(mastodon: Channel, bluesky: Channel):
    def fields(page: AppTest) -> set[str]:
        return {w.label for w in (*page.text_input, *page.selectbox)} & {"Content warning", "Who sees it"}

    assert fields(opened(bluesky)) == set()
    page = opened(mastodon, bluesky)
    assert fields(page) == {"Content warning", "Who sees it"}
    page.selectbox(key=f"{KEY}_visibility").set_value("private")
    page.multiselect(key=f"{KEY}_channels").set_value([bluesky.id])
    fine(page.run())
    assert "Who sees it" in fields(page), "what was chosen can't be seen any more"
    assert "everybody would see it" in said(page)


# --- nothing is lost --------------------------------------------------------------------------------------------------


def test_a_save_that_fails_keeps_everything_that_was_typed(mastodon: Channel, bluesky: Channel):
    page = opened(mastodon, bluesky, text="x" * 501, campaign="Herbst")
    fine(page.toggle(key=f"{KEY}_differs_{bluesky.id}").set_value(True).run())
    typed = {"title": "Titel", "content_warning": "Essen"}
    for name, words in typed.items():
        page.text_input(key=f"{KEY}_{name}").set_value(words)
    page.text_area(key=f"{KEY}_variant_{bluesky.id}").set_value("Nur hier")
    page.text_area(key=f"{KEY}_first_comment").set_value("Mehr dazu")
    chosen = {"language": "de", "visibility": "unlisted"}
    for name, choice in chosen.items():
        page.selectbox(key=f"{KEY}_{name}").set_value(choice)
    page.toggle(key=f"{KEY}_tagged").set_value(True)
    next(d for d in page.date_input if d.label == "Day").set_value(date(2031, 7, 1))
    fine(page.run())
    press(page, "Schedule")
    assert rows(Post) == [] and "too long" in said(page)
    assert {name: page.text_input(key=f"{KEY}_{name}").value for name in typed} == typed
    assert {name: page.selectbox(key=f"{KEY}_{name}").value for name in chosen} == chosen
    assert (text(page), text(page, f"variant_{bluesky.id}"), text(page, "first_comment")) == (
        "x" * 501,
        "Nur hier",
        "Mehr dazu",
    )
    assert page.selectbox(key=f"{KEY}_campaign").value == "Herbst"
    assert page.toggle(key=f"{KEY}_tagged").value and rows(Campaign) == []


def test_a_stored_post_opens_with_everything_and_saves_it_again(mastodon: Channel):
    values = {"content_warning": "Essen", "visibility": "unlisted", "first_comment": "Mehr", "tagged": True}
    post = factories.post(mastodon.id, text="Hallo https://a.example", untagged_links=["https://a.example"],
                          language="nds", **values)  # fmt: skip
    page = opened(post=str(post.id))
    key = f"post_{post.id}_{post.version}"
    assert any("content warning, first comment, campaign parameters" in e.label for e in page.expander)
    fine(page.text_area(key=f"{key}_text").set_value("Neu https://a.example").run())
    press(page, "Save draft")
    (row,) = rows(Post)
    assert {name: getattr(row, name) for name in values} == values
    assert (row.text, row.language, row.untagged_links) == ("Neu https://a.example", "nds", ["https://a.example"])


def test_many_channels_cost_no_more_statements_than_one(editor: Actor):
    channels = [factories.channel() for _ in range(9)]
    ran = []
    for some in (channels[:1], channels):
        page = opened(*some, text="Hallo @[Lena] https://a.example")
        with counted() as asked:
            fine(page.run())
        ran.append(len(asked))
    assert ran[0] == ran[1]


def test_a_look_at_another_view_loses_nothing(mastodon: Channel):
    page = opened(mastodon, text="Noch nicht fertig")
    fine(page.text_input(key=f"{KEY}_content_warning").set_value("Essen").run())
    for view in ("Campaigns", "Write"):
        fine(page.segmented_control(key="plan_view").set_value(view).run())
    assert text(page) == "Noch nicht fertig" and page.multiselect(key=f"{KEY}_channels").value == [mastodon.id]
    assert page.text_input(key=f"{KEY}_content_warning").value == "Essen"
