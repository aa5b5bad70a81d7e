"""Snippets and hashtag sets: kept, found, put into a text, counted."""

import pytest

from core import db
from core.errors import NotFound, PermissionDenied, UserError
from core.models.planning_sources import BlockKind
from core.models.team import Role
from core.services import text_blocks
from core.services.text_blocks import put_behind
from tests import factories

TAGS, SNIPPET = BlockKind.HASHTAGS, BlockKind.SNIPPET


def add(actor, name="Kaffee", text="Kaffee, #FairTrade #kaffee", kind=TAGS, language=None):
    with db.write() as session:
        return text_blocks.create_block(session, actor, kind=kind, name=name, text=text, language=language)


def stored(**search):
    with db.read() as session:
        return [(row.name, row.text) for row in text_blocks.blocks(session, **search)]


def test_words_become_hashtags_each_once(hub):
    add(factories.actor())
    assert stored() == [("Kaffee", "#Kaffee #FairTrade")]
    assert stored(search="fairtrade KAFFEE") and not stored(search="tee") and not stored(kind=SNIPPET)


@pytest.mark.parametrize(
    ("values", "sentence"),
    [
        ({"name": " "}, "Give it a name"),
        ({"name": "kaffee"}, "already is a hashtag set"),
        ({"name": "Neu", "text": "#fair-trade"}, "no hashtag"),
        ({"name": "Neu", "text": "#2026"}, "no hashtag"),
        ({"name": "Neu", "text": " ", "kind": SNIPPET}, "is empty"),
        ({"name": "Neu", "language": "xx"}, "isn't a language"),
        ({"name": "x" * 81}, "1 characters too long"),
    ],
)
def test_what_is_wrong_is_said(hub, values, sentence):
    actor = factories.actor()
    add(actor)
    with pytest.raises(UserError, match=sentence):
        add(actor, **values)
    assert len(stored()) == 1


def test_they_are_used_changed_and_deleted(hub):
    actor = factories.actor()
    block_id = add(actor)
    with db.write() as session:
        assert text_blocks.use_block(session, actor, block_id).text == "#Kaffee #FairTrade"
    with db.write() as session:
        text_blocks.change_block(session, actor, block_id, name="Röstung", text="#Röstung", language="de")
    with db.read() as session:
        (row,) = text_blocks.blocks(session)
    assert (row.name, row.used, row.language) == ("Röstung", 1, "de")
    with db.write() as session:
        text_blocks.delete_block(session, actor, block_id)
    with pytest.raises(NotFound), db.write() as session:
        text_blocks.use_block(session, actor, block_id)


def test_the_most_used_in_the_posts_language_come_first(hub):
    actor = factories.actor()
    for name, language in (("A", "en"), ("B", None), ("C", "de")):
        add(actor, name, "#x", language=language)
    with db.write() as session:
        text_blocks.use_block(session, actor, text_blocks.block_named(session, "C").id)
    with db.read() as session:
        rows = text_blocks.blocks(session)
    assert [row.name for row in text_blocks.ranked(rows, "de")] == ["C", "B", "A"]
    assert [row.name for row in text_blocks.ranked(rows, "en")] == ["A", "B", "C"]


@pytest.mark.parametrize(
    ("text", "piece", "kind", "wanted"),
    [
        ("", "#a #b", TAGS, "#a #b"),
        ("Moin!", "#a #b", TAGS, "Moin!\n\n#a #b"),
        ("Moin #A!", "#a #b", TAGS, "Moin #A!\n\n#b"),
        ("Moin!\n\n#a", "#a #b", TAGS, "Moin!\n\n#a #b"),
        ("Moin #a", "#A", TAGS, "Moin #a"),
        ("Moin!", "Bis bald.", SNIPPET, "Moin! Bis bald."),
        ("Moin!\n\n", "Bis bald.", SNIPPET, "Moin!\n\nBis bald."),
    ],
)
def test_where_a_block_goes(text, piece, kind, wanted):
    assert put_behind(text, piece, kind) == wanted


def test_who_may_not_plan_keeps_none(hub):
    with pytest.raises(PermissionDenied):
        add(factories.actor(Role.VIEWER))
