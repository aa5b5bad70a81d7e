"""Settings → Notifications, as a member meets them."""

from collections.abc import Callable
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from core import db
from core.connectors.messenger import Fate, Outcome
from core.services import notice_sending, notice_wishes
from core.services.notice_wishes import Wishes
from core.services.notices import NoticeKind
from core.services.team import Actor
from tests.pages.test_planning import button, labels

PAGE = Path(__file__).parents[2] / "pages" / "settings.py"
MAIL = "mailtos://hub:geheim@example.org?to=anna@example.org"


def opened() -> AppTest:
    page = AppTest.from_file(str(PAGE), default_timeout=30)
    page.query_params["section"] = "Notifications"
    page.run()
    assert not page.exception, page.exception
    return page


def wishes(actor: Actor) -> Wishes:
    with db.read() as session:
        return notice_wishes.wishes(session, actor)


def save_address(page: AppTest, address: str) -> None:
    page.text_area[0].set_value(address)
    button(page, "Save the addresses").click()
    page.run()


def test_an_address_is_saved_and_shown_without_its_secret(signed_in: Callable[..., Actor]) -> None:
    actor = signed_in("viewer")
    page = opened()
    save_address(page, MAIL)
    assert len(wishes(actor).masked) == 1 and page.text_area[0].value == ""
    assert not any("geheim" in str(m.value) for m in page.markdown) and "Send a test" in labels(page)
    button(page, "Take the addresses away").click()
    page.run()
    assert wishes(actor).masked == ()


def test_a_wrong_address_stays_in_its_field_beside_the_reason(signed_in: Callable[..., Actor]) -> None:
    actor = signed_in()
    page = opened()
    save_address(page, f"{MAIL}\nkeine Adresse")
    assert "Line 2" in page.error[0].value and page.text_area[0].value == f"{MAIL}\nkeine Adresse"
    assert wishes(actor).masked == ()


def test_kinds_quiet_hours_and_digest(signed_in: Callable[..., Actor]) -> None:
    actor = signed_in()
    page = opened()
    next(box for box in page.checkbox if "rule" in box.label).uncheck()
    for toggle in page.toggle:
        toggle.set_value(True)
    page.run()
    button(page, "Save").click()
    page.run()
    kept = wishes(actor)
    assert NoticeKind.RULE not in kept.kinds and NoticeKind.TARGET in kept.kinds
    assert (kept.quiet_from, kept.quiet_to, kept.digest_at) == ("19:00", "08:00", "09:00")


def test_a_test_says_what_happened(signed_in: Callable[..., Actor], monkeypatch: pytest.MonkeyPatch) -> None:
    signed_in()
    page = opened()
    save_address(page, MAIL)
    refused = Outcome(Fate.REFUSED, "The mail server refuses the name or password (535).")
    monkeypatch.setattr(notice_sending.messenger, "deliver", lambda letters, _: [refused for _ in letters])
    button(page, "Send a test").click()
    page.run()
    assert "refuses the name or password" in page.error[0].value and "geheim" not in page.error[0].value
