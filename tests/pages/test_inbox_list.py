"""The Inbox page's list: views, filters by link, ticking many and deciding once, keys. As in `test_inbox.py`."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from sqlmodel import select

from core import db
from core.models.inbox import Conversation, ConversationState, Goal, Priority, Sentiment
from core.models.inbox_work import ConversationLabel, Label, SavedView
from core.services import inbox_streams
from core.services.team import Actor
from tests import factories
from tests.conftest import counted
from tests.pages.test_inbox import drawn, editor, opened, press, words

__all__ = ["drawn", "editor"]


def rows(drawn: dict[str, Any]) -> list[int]:
    return [row["id"] for row in drawn["list"]["rows"]]


def chips(drawn: dict[str, Any], number: int = 0) -> list[str]:
    return [chip["word"] for chip in drawn["list"]["rows"][number]["chips"]]


def labelled(name: str, *conversation_ids: int) -> int:
    with db.write() as session:
        row = Label(name=name, color="orange")
        session.add(row)
        session.flush()
        session.add_all([ConversationLabel(conversation_id=key, label_id=row.id) for key in conversation_ids])
        return row.id


def states() -> dict[int, ConversationState]:
    with db.read() as session:
        return {row.id: row.state for row in session.exec(select(Conversation))}


def test_views_show_theirs_say_how_many_and_stand_in_the_address(editor: Actor, drawn: dict[str, Any]):
    channel = factories.channel().id
    mine = factories.conversation(channel, assignee_id=editor.id)
    late = factories.conversation(channel, respond_by=db.utc_now() - timedelta(hours=1))
    done = factories.conversation(channel, state=ConversationState.RESOLVED)
    page = opened()
    assert set(rows(drawn)) == {mine.id, late.id} and drawn["views"]["All open"]["current"]
    assert [drawn["views"][name]["count"] for name in ("Mine", "Unassigned", "Waiting too long")] == ["1", "1", "1"]
    for name, shown in (("Mine", mine), ("Unassigned", late), ("Waiting too long", late), ("Resolved", done)):
        page = press(page, f"view {name}")
        assert rows(drawn) == [shown.id] and drawn["views"][name]["current"]
    assert page.query_params["view"] in ("resolved", ["resolved"])
    opened(view="mine")
    assert rows(drawn) == [mine.id]


def test_a_link_carries_every_filter(editor: Actor, drawn: dict[str, Any]):
    channel, other = factories.channel(), factories.channel()
    bernd = factories.member(name="Bernd Beispiel")
    right = factories.conversation(
        channel.id,
        goal=Goal.COMPLAINT,
        sentiment=Sentiment.NEGATIVE,
        language="de",
        priority=Priority.HIGH,
        assignee_id=bernd.id,
    )
    for _ in range(3):
        factories.conversation(other.id)
    labelled("Rückgabe", right.id)
    whole = {
        "channel": f"{channel.handle} (Mastodon)",
        "kind": "Mention",
        "label": "Rückgabe",
        "goal": "Complaint",
        "sentiment": "Negative",
        "language": "German",
        "priority": "High",
        "assignee": "Bernd Beispiel",
        "unread": "true",
        "contact": str(right.contact_id),
    }
    page = opened(**whole)
    assert rows(drawn) == [right.id]
    assert "Filter (10)" in [box.proto.popover.label for box in page.get("popover")]
    for name, value in whole.items():
        opened(**{name: value})
        assert right.id in rows(drawn), name
    press(page, "clear_filters")
    assert len(rows(drawn)) == 4


def test_a_filter_by_what_is_gone_harms_nothing(editor: Actor, drawn: dict[str, Any]):
    talk = factories.conversation(factories.channel().id)
    opened(label="Gelöscht", contact="abc", view="erfunden", goal="Lob")
    assert rows(drawn) == [talk.id]


def test_only_who_wrote_the_open_one(editor: Actor, drawn: dict[str, Any]):
    channel = factories.channel().id
    one = factories.conversation(channel)
    before = factories.conversation(channel, contact_id=one.contact_id, state=ConversationState.RESOLVED)
    factories.conversation(channel)
    page = press(opened(one.id), "this_contact")
    assert set(rows(drawn)) == {one.id, before.id}
    press(page, "any_contact")
    assert len(rows(drawn)) == 3


def test_a_view_of_ones_own_is_kept_opened_and_deleted(editor: Actor, drawn: dict[str, Any]):
    channel = factories.channel().id
    praise = factories.conversation(channel, goal=Goal.PRAISE, state=ConversationState.RESOLVED)
    factories.conversation(channel)
    page = opened(view="all", goal="Praise")
    box = next(box for box in page.text_input if box.key.startswith("view_name"))
    page = box.input("Lob für alle").run()
    kept = drawn["views"]["Lob für alle"]
    assert kept["own"] and kept["current"] and "goal=Praise" in kept["href"]
    page = press(page, "view All open")
    page = press(page, "clear_filters")
    assert praise.id not in rows(drawn)
    page = press(page, "view Lob für alle")
    assert rows(drawn) == [praise.id] and drawn["views"]["Lob für alle"]["current"]
    with db.read() as session:
        (row,) = session.exec(select(SavedView)).all()
    press(page, f"delete_view_{row.id}")
    assert "Lob für alle" not in drawn["views"]


def test_a_kept_view_says_when_its_label_is_gone(editor: Actor, drawn: dict[str, Any]):
    factories.conversation(factories.channel().id)
    with db.write() as session:
        session.add(SavedView(member_id=editor.id, name="Rückgaben", query="view=open&label=77"))
    opened()
    assert drawn["views"]["Rückgaben"]["count"] == "something it asked for is gone"


def test_a_row_says_who_has_it_how_urgent_what_for_and_until_when(editor: Actor, drawn: dict[str, Any]):
    channel, now = factories.channel().id, db.utc_now()
    talk = factories.conversation(
        channel, assignee_id=editor.id, priority=Priority.URGENT, goal=Goal.SUPPORT, respond_by=now - timedelta(hours=2)
    )
    labelled("Rindfleischetikettierungsüberwachung", talk.id)
    opened()
    (row,) = drawn["list"]["rows"]
    assert row["mine"] and len(row["owner"]) == 2 and row["owner_full"].startswith("Assigned to")
    assert {"Urgent", "Support", "Rindfleischetikettierungsüberwachung"} <= set(chips(drawn))


@pytest.mark.parametrize(
    ("hours", "word", "tone"), [(30, "Waits 0 min", "gray"), (0.2, "due soon", "soon"), (-1, "overdue", "missed")]
)
def test_the_wait_is_coloured_by_the_target_and_says_so(editor, drawn: dict[str, Any], hours, word: str, tone: str):
    factories.conversation(factories.channel().id, respond_by=db.utc_now() + timedelta(hours=hours))
    opened()
    chip = drawn["list"]["rows"][0]["chips"][0]
    assert word in chip["word"] and tone in chip["tone"]


def test_many_are_ticked_resolved_at_once_and_taken_back(editor: Actor, drawn: dict[str, Any]):
    channel = factories.channel().id
    talks = [factories.conversation(channel).id for _ in range(3)]
    page = opened()
    for key in talks[:2]:
        page = press(page, f"tick {key}")
    assert "**2** ticked" in words(page)
    page = press(page, "bulk_resolve")
    assert [states()[key] for key in talks] == [*[ConversationState.RESOLVED] * 2, ConversationState.OPEN]
    assert rows(drawn) == talks[2:] and drawn["list"]["picked"] == []
    page = press(page, "undo_many")
    assert set(states().values()) == {ConversationState.OPEN} and "Undone" in words(page)


def test_all_that_is_shown_is_ticked_at_a_click_and_what_leaves_the_list_no_longer(
    editor: Actor, drawn: dict[str, Any]
):
    channel = factories.channel().id
    talks = [factories.conversation(channel).id for _ in range(3)]
    page = press(press(opened(), f"tick {talks[0]}"), "bulk_all")
    assert set(drawn["list"]["picked"]) == set(talks)
    with db.write() as session:  # a colleague was quicker
        session.get_one(Conversation, talks[1]).state = ConversationState.RESOLVED
    page = page.run()
    assert set(drawn["list"]["picked"]) == {talks[0], talks[2]}
    press(page, "bulk_none")
    assert drawn["list"]["picked"] == []


def test_keys_resolve_take_and_undo_what_is_open(editor: Actor, drawn: dict[str, Any]):
    talk = factories.conversation(factories.channel().id)
    page = press(opened(talk.id), "key a")
    assert drawn["list"]["rows"][0]["mine"]
    page = press(page.run(), "key e")
    assert states()[talk.id] == ConversationState.RESOLVED
    press(page.run(), "key u")
    assert states()[talk.id] == ConversationState.OPEN


def test_a_viewer_ticks_and_decides_nothing(hub, drawn: dict[str, Any], signed_in: Callable[..., Actor]):
    signed_in("viewer")
    talk = factories.conversation(factories.channel().id)
    page = press(opened(talk.id), f"tick {talk.id}")
    assert drawn["list"]["may"] is False and not {b.key for b in page.button} & {"bulk_resolve", "bulk_all"}
    for key in ("key e", "key a"):
        page = press(page.run(), key)
    assert states()[talk.id] == ConversationState.OPEN


def test_where_little_is_found_one_can_look_further_back(editor: Actor, drawn: dict[str, Any], monkeypatch):
    monkeypatch.setattr(inbox_streams, "LOOK", 10)
    channel, now = factories.channel().id, db.utc_now()
    for number in range(40):
        goal = Goal.PRAISE if number in (2, 15) else None
        factories.conversation(channel, at=now - timedelta(minutes=number), goal=goal)
    page = opened(goal="Praise")
    assert len(rows(drawn)) == 1 and drawn["list"]["more"] == "Search further back"
    page = press(page, "more")
    assert len(rows(drawn)) == 2
    press(page, "more")
    assert drawn["list"]["more"] is None


def test_the_list_asks_the_same_number_of_questions_with_filters_views_and_labels(editor: Actor):
    channel = factories.channel().id
    counts = []
    for many in (3, 30):
        for number in range(many):
            talk = factories.conversation(channel, goal=Goal.PRAISE)
            key = labelled(f"L{many}.{number}", talk.id)
            with db.write() as session:
                session.add(SavedView(member_id=editor.id, name=f"V{many}.{number}", query=f"view=all&label={key}"))
        opened(goal="Praise")  # warm
        with counted() as ran:
            opened(goal="Praise")
        counts.append(len(ran))
    assert counts[0] == counts[1]
