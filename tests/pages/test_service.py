"""Service hours under Settings, a channel's target, and the answer times on Analytics, as a person meets them."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from io import BytesIO
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
import time_machine
from streamlit.testing.v1 import AppTest

from core import db
from core.models.channel import Channel
from core.models.inbox import ConversationState
from core.models.inbox_work import ServiceKind, ServiceTime
from core.services import service_hours
from core.services.service_hours import OFFICE, Hours
from core.services.service_report import NOBODY
from core.services.team import Actor
from core.ui import service_parts
from tests import factories
from tests.conftest import counted

PAGES = Path(__file__).parents[2] / "pages"
NOW = datetime(2026, 6, 12, 10, tzinfo=UTC)  # a Friday, noon in Berlin


@pytest.fixture(autouse=True)
def clock():
    with time_machine.travel(NOW, tick=False):
        yield


def opened(name: str, **chosen: str) -> AppTest:
    page = AppTest.from_file(str(PAGES / name), default_timeout=30)
    for key, value in chosen.items():
        page.query_params[key] = value
    page = page.run()
    assert not page.exception, page.exception
    return page


def words(page: AppTest) -> str:
    parts = [*page.header, *page.markdown, *page.text, *page.caption, *page.error]
    return "\n".join(str(part.value).replace("\\", "") for part in parts)


def saved() -> Hours:
    with db.read() as session:
        return service_hours.current(session)


# --- settings ---------------------------------------------------------------------------------------------------------


@pytest.fixture
def admin(signed_in: Callable[..., Actor]) -> Actor:
    return signed_in("admin")


def settings() -> AppTest:
    return opened("settings.py", section="Service hours")


def press(page: AppTest, label: str) -> AppTest:
    (button,) = [b for b in page.button if b.label == label]
    page = button.click().run()
    assert not page.exception, page.exception
    return page


def field(page: AppTest, key: str) -> Any:
    every = [*page.text_input, *page.number_input, *page.selectbox]
    (found,) = [one for one in every if one.key == key]
    return found


def test_the_week_is_shown_with_what_it_means(admin: Actor):
    page = settings()
    assert [field(page, f"hours_day_{day}").value for day in range(7)] == ["09:00–17:00"] * 5 + ["", ""]
    said = words(page)
    assert "40 h a week." in said and "Somebody is there now." in said
    assert "to be answered by **Fri 12 Jun, 16:00** (4 h of these hours)" in said
    assert "Free next: Sat 03 Oct German Unity Day" in said


def test_hours_are_understood_tidied_and_saved(admin: Actor):
    page = settings()
    page = field(page, "hours_day_0").input("8-12, 13.30 - 18").run()
    assert field(page, "hours_day_0").value == "08:00–12:00, 13:30–18:00"
    page = press(page, "Tuesday to Friday like Monday")
    assert field(page, "hours_day_4").value == "08:00–12:00, 13:30–18:00" and field(page, "hours_day_5").value == ""
    field(page, "hours_target_number").set_value(90)
    field(page, "hours_target_unit").set_value("minutes")
    field(page, "hours_undo").set_value(5)
    page = press(page.run(), "Save the hours")
    assert saved().weekly == (((480, 720), (810, 1080)),) * 5 + ((), ())
    assert (saved().target_minutes, saved().undo_seconds) == (90, 5)
    assert any("The hours are saved" in toast.value for toast in page.toast)


def test_what_is_wrong_says_why_stays_and_saves_nothing(admin: Actor):
    page = field(settings(), "hours_day_2").input("neun bis fünf").run()
    assert "Wednesday: “neun bis fünf” isn't understood" in words(page)
    page = press(page, "Save the hours")
    assert any("Nothing was saved" in error.value for error in page.error)
    assert field(page, "hours_day_2").value == "neun bis fünf"
    assert saved().weekly == OFFICE


def test_a_week_without_hours_is_refused(admin: Actor):
    page = settings()
    for day in range(5):
        page = field(page, f"hours_day_{day}").input("").run()
    page = press(page, "Save the hours")
    assert any("at least one day" in error.value for error in page.error) and saved().weekly == OFFICE


def test_holidays_follow_country_and_state(admin: Actor):
    page = field(settings(), "hours_region_DE").set_value("SN").run()
    press(page, "Save the hours")
    assert (saved().country, saved().region) == ("DE", "SN")
    page = settings()
    assert field(page, "hours_region_DE").value == "SN"
    page = field(page, "hours_country").set_value("AT").run()
    assert field(page, "hours_region_AT").value == ""
    press(page, "Save the hours")
    assert (saved().country, saved().region) == ("AT", None)
    page = field(settings(), "hours_country").set_value("").run()
    assert not [box for box in page.selectbox if (box.key or "").startswith("hours_region")]


def test_who_may_not_change_it_reads_it(signed_in: Callable[..., Actor]):
    signed_in("editor")
    page = settings()
    assert not page.text_input and "Save the hours" not in [b.label for b in page.button]
    assert "09:00–17:00" in words(page) and "Administrators can change this." in words(page)


def target_page(channel_id: int) -> None:
    """The dialog's inside: `AppTest` can't press a menu."""
    import streamlit as st

    from core import db
    from core.models.team import Role
    from core.services import channels
    from core.services.team import Actor
    from core.ui.channel_parts import target_form
    from core.ui.page import Page

    with db.read() as session:
        row = channels.channel(session, channel_id)
    target_form(Page(Actor(None, "Anna", "", Role.ADMIN), None), row)  # type: ignore[arg-type]
    st.caption(f"now: {row.target_minutes}")


def test_a_channel_gets_its_own_target(hub: Path):
    channel = factories.channel()
    page = AppTest.from_function(target_page, args=(channel.id,), default_timeout=30).run()
    assert not page.exception, page.exception
    assert page.radio[0].value == "As everywhere (4 h)" and not page.number_input
    page = page.radio[0].set_value("Its own target").run()
    field(page, f"target_{channel.id}_number").set_value(2)
    page = press(page.run(), "Save")
    with db.read() as session:
        assert session.get_one(Channel, channel.id).target_minutes == 120
    page = AppTest.from_function(target_page, args=(channel.id,), default_timeout=30).run()
    assert page.radio[0].value == "Its own target"
    press(page.radio[0].set_value("As everywhere (4 h)").run(), "Save")
    with db.read() as session:
        assert session.get_one(Channel, channel.id).target_minutes is None


def test_its_card_shows_a_target_of_its_own(admin: Actor):
    factories.channel()
    factories.channel(target_minutes=90)
    assert words(opened("channels.py")).count("Answers within") == 1
    assert "Answers within 1 h 30 min" in words(opened("channels.py"))


# --- analytics --------------------------------------------------------------------------------------------------------


@pytest.fixture
def viewer(signed_in: Callable[..., Actor]) -> Actor:
    return signed_in("viewer")


def measured(channel: Channel, *hours: float, days_ago: int = 1, member: int | None = None, **values: Any) -> None:
    """Answers so many hours after nine o'clock in Berlin."""
    start = NOW.replace(hour=7) - timedelta(days=days_ago)
    talks = [factories.conversation(channel.id, at=start, state=ConversationState.RESOLVED) for _ in hours]
    with db.write() as session:
        for talk, hour in zip(talks, hours, strict=True):
            given = {"kind": ServiceKind.FIRST, "member_id": member, "started_at": start} | values
            session.add(
                ServiceTime(
                    conversation_id=talk.id,
                    channel_id=channel.id,
                    ended_at=start + timedelta(hours=hour),
                    **given,
                )
            )


def chart(page: AppTest) -> Any:
    (found,) = [e.proto for e in page.get("vega_lite_chart") if "in working hours" in e.proto.alt]
    return found


def table(page: AppTest, first: str) -> pd.DataFrame:
    (found,) = [frame.value for frame in page.dataframe if frame.value.columns[0] == first]
    return found


QUESTION = "How long do people wait for us?"


def test_before_the_first_answer_it_says_when_it_appears(viewer: Actor):
    factories.conversation(factories.channel().id, at=NOW)
    page = opened("analytics.py")
    assert QUESTION in words(page) and "1 conversation waits for an answer now" in words(page)
    assert not page.get("vega_lite_chart")


def test_the_question_has_its_answer_and_what_it_rests_on(viewer: Actor):
    channel = factories.channel()
    measured(channel, *[0.5 * n for n in range(1, 11)])
    page = opened("analytics.py")
    said = (
        "Half were answered within 2 h 45 min, nine in ten within 4 h 30 min; 80% within the target. "
        "From 10 answers, in working hours."
    )
    assert QUESTION in words(page) and said in words(page) and "Too few" not in words(page)
    assert chart(page).alt.startswith(said)
    shown = table(page, "Week")
    assert shown["Answers"].tolist() == [10] and shown["Median (h)"].tolist() == [2.75]


def test_answers_in_the_night_are_not_called_zero_seconds(viewer: Actor):
    measured(
        factories.channel(), *[11 + n / 10 for n in range(10)], started_at=NOW.replace(hour=17) - timedelta(days=1)
    )
    said = words(opened("analytics.py"))
    assert "Half were answered before the next working hours began, nine in ten before" in said and "0 s" not in said


def test_few_answers_are_called_few(viewer: Actor):
    measured(factories.channel(), 1)
    assert "From 1 answer, in working hours. Too few to rely on." in words(opened("analytics.py"))


def test_it_keeps_to_the_filters_of_the_page(viewer: Actor):
    group = factories.group("Räder")
    coffee = factories.channel(handle="@kaffee@a.example")
    bikes = factories.channel(handle="@rad@a.example", group_id=group.id)
    measured(coffee, 1, 1)
    measured(bikes, 2)
    measured(bikes, 3, days_ago=20)
    for chosen, count in (
        ({}, 4),
        ({"span": "7 days"}, 3),
        ({"of_group": "Räder"}, 2),
        ({"of_channels": "@kaffee"}, 2),
        ({"of_group": "Räder", "span": "7 days"}, 1),
    ):
        shown = table(opened("analytics.py", service_by="Channel", **chosen), "Channel")
        assert shown["Answers"].sum() == count, chosen


def test_channels_have_their_targets_and_members_their_names(viewer: Actor):
    anna = factories.member(name="Anna")
    channel = factories.channel(handle="@kaffee@a.example", target_minutes=60)
    measured(channel, 0.5, 2, member=anna.id)
    measured(channel, 0.5)
    shown = table(opened("analytics.py", service_by="Channel"), "Channel")
    assert shown.iloc[0].to_dict() == {
        **{"Channel": "@kaffee", "Answers": 3, "Median (h)": 0.5, "9 in 10 within (h)": 2.0},
        **{"Within target": 0.67, "Target": "1 h"},
    }
    assert table(opened("analytics.py", service_by="Member"), "Member")["Member"].tolist() == ["Anna", NOBODY]


def test_resolutions_have_no_target(viewer: Actor):
    measured(factories.channel(), 3, kind=ServiceKind.RESOLUTION)
    page = opened("analytics.py", service_until="Resolution")
    assert "Half were resolved within 3 h" in words(page) and "within the target" not in words(page)
    assert table(page, "Week").columns.tolist() == ["Week", "Resolutions", "Median (h)", "9 in 10 within (h)"]
    assert "No answer was measured in this time." in words(opened("analytics.py"))


def test_the_file_is_what_the_table_shows(viewer: Actor, monkeypatch: pytest.MonkeyPatch):
    taken: list[tuple[bytes, str]] = []
    known = service_parts.st.download_button
    monkeypatch.setattr(
        service_parts.st,
        "download_button",
        lambda label, data, file_name, **more: (
            taken.append((data, file_name)),
            known(label, data, file_name, **more),
        ),
    )
    measured(factories.channel(handle="@größe@a.example"), 1, 2)
    page = opened("analytics.py", service_by="Channel", span="30 days")
    data, name = next(one for one in taken if one[1].startswith("first"))
    assert name == "first-answer-by-channel-2026-05-14-to-2026-06-12.csv"
    pd.testing.assert_frame_equal(pd.read_csv(BytesIO(data)), table(page, "Channel"), check_dtype=False)


@pytest.mark.parametrize("split", ["Week", "Channel", "Member"])
def test_each_way_to_split_is_drawn(viewer: Actor, split: str):
    for number in range(15):
        measured(factories.channel(), 1, days_ago=1 + number, member=factories.member(name=f"M{number}").id)
    page = opened("analytics.py", service_by=split)
    assert chart(page).alt and len(table(page, split)) >= 3


def test_statements_do_not_grow(viewer: Actor):
    measured(factories.channel(), 1)
    opened("analytics.py")
    with counted() as few:
        opened("analytics.py")
    for _ in range(8):
        measured(factories.channel(), 1, 2, member=factories.member().id)
    with counted() as many:
        opened("analytics.py")
    assert len(few) == len(many)
