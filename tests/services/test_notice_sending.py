"""Notices on their way out of the app: whom they reach, when, and never twice. A real web server takes them."""

import json
import threading
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from sqlmodel import col, select

from core import db
from core.connectors.messenger import Fate, Outcome
from core.errors import UserError
from core.models.team import AuditEntry, Member, Notice, NoticeSettings, Role
from core.services import notice_sending, notice_wishes, notices, team
from core.services.notice_wishes import digest_due, is_quiet
from core.services.notices import NoticeKind
from core.services.team import Actor
from core.settings import settings
from tests import factories
from tests.conftest import counted

BERLIN = ZoneInfo("Europe/Berlin")


class Inbox(HTTPServer):
    """Takes what is posted to it, or refuses it with `answer`."""

    got: list[dict[str, str]]
    answer = 200

    @property
    def address(self) -> str:
        return f"json://name:geheim@127.0.0.1:{self.server_port}/"


class _Take(BaseHTTPRequestHandler):
    server: Inbox

    def do_POST(self) -> None:
        said = self.rfile.read(int(self.headers["content-length"]))
        if self.server.answer == 200:
            self.server.got.append(json.loads(said))
        self.send_response(self.server.answer)
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Quiet."""


@pytest.fixture
def service(hub: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Inbox]:
    monkeypatch.setenv("HUB_ALLOWED_PRIVATE_HOSTS", "127.0.0.1")
    settings.cache_clear()
    monkeypatch.setattr(notice_sending, "GRACE", timedelta(0))
    server = Inbox(("127.0.0.1", 0), _Take)
    server.got = []
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield server
    server.shutdown()
    server.server_close()
    settings.cache_clear()


@pytest.fixture
def anna(hub: Path) -> Actor:
    return team.actor_of(factories.member(Role.EDITOR, name="Anna Beispiel"))


def wish(who: Actor, addresses: str | None = None, **values: object) -> None:
    if addresses is not None:
        values["addresses"] = notice_wishes.read_addresses(addresses)
    with db.write() as session:
        notice_wishes.save(session, who, **values)  # type: ignore[arg-type]


def tell(who: Actor, text: str = "Dir wurde etwas zugewiesen.", target: str = "") -> None:
    assert who.id is not None
    with db.write() as session:
        notices.notify(session, [who.id], NoticeKind.ASSIGNED, text, target)
        session.exec(select(Notice).order_by(col(Notice.id).desc())).first().created_at = db.utc_now()


def row(who: Actor) -> NoticeSettings:
    with db.read() as session:
        found = session.get_one(NoticeSettings, who.id)
        session.expunge(found)
    return found


def bodies(service: Inbox) -> list[str]:
    return [message["message"] for message in service.got]


# --- what goes out ----------------------------------------------------------------------------------------------------


def test_a_notice_arrives_once(service: Inbox, anna: Actor) -> None:
    wish(anna, addresses=service.address)
    tell(anna, "Ein Gespräch wartet auf dich.")
    assert notice_sending.send_due() == 1
    assert notice_sending.send_due() == 0
    assert bodies(service) == ["Ein Gespräch wartet auf dich."]


def test_many_at_once_are_one_message(service: Inbox, anna: Actor) -> None:
    wish(anna, addresses=service.address)
    for number in range(14):
        tell(anna, f"Nummer {number}", f"conversation:{number}")
    assert notice_sending.send_due() == 1
    (body,) = bodies(service)
    assert "Nummer 0" in body and "Nummer 9" in body and "Nummer 10" not in body and "and 4 more" in body
    assert service.got[0]["title"] == "Social Hub: 14 new"


def test_without_an_address_or_for_other_kinds_it_stays_in_the_app(service: Inbox, anna: Actor) -> None:
    other = team.actor_of(factories.member())
    wish(anna, addresses=service.address, kinds=[NoticeKind.TARGET])
    tell(anna), tell(other)
    assert notice_sending.send_due() == 0 and service.got == []
    with db.read() as session:
        assert session.exec(select(Notice).where(Notice.sent_at.is_(None))).all() == []  # type: ignore[union-attr]
        assert notices.unread_count(session, anna) == notices.unread_count(session, other) == 1


def test_what_was_read_meanwhile_is_not_sent(service: Inbox, anna: Actor) -> None:
    wish(anna, addresses=service.address)
    tell(anna)
    with db.write() as session:
        notices.mark_read(session, anna)
    assert notice_sending.send_due() == 0 and service.got == []


def test_a_disabled_member_hears_nothing(service: Inbox, anna: Actor) -> None:
    wish(anna, addresses=service.address)
    tell(anna)
    with db.write() as session:
        session.get_one(Member, anna.id).disabled_at = db.utc_now()
    assert notice_sending.send_due() == 0 and service.got == []


def test_links_need_the_hubs_address(service: Inbox, anna: Actor, monkeypatch: pytest.MonkeyPatch) -> None:
    wish(anna, addresses=service.address)
    tell(anna, "Ohne", "conversation:7")
    notice_sending.send_due()
    monkeypatch.setenv("HUB_PUBLIC_URL", "https://hub.example")
    settings.cache_clear()
    tell(anna, "Mit", "conversation:8")
    notice_sending.send_due()
    assert bodies(service) == ["Ohne", "Mit https://hub.example/inbox?view=all&conversation=8"]


# --- when -------------------------------------------------------------------------------------------------------------


def at(clock: str, day: str = "2026-11-20") -> datetime:
    return datetime.fromisoformat(f"{day}T{clock}").replace(tzinfo=BERLIN).astimezone(UTC)


@pytest.mark.parametrize(
    ("start", "end", "clock", "quiet"),
    [
        ("19:00", "08:00", "23:30", True),
        ("19:00", "08:00", "07:59", True),
        ("19:00", "08:00", "08:00", False),
        ("19:00", "08:00", "18:59", False),
        ("12:00", "13:00", "12:30", True),
        ("12:00", "13:00", "13:00", False),
    ],
)
def test_quiet_hours_by_the_wall_clock(start: str, end: str, clock: str, quiet: bool) -> None:
    wishes = NoticeSettings(member_id=1, quiet_from=start, quiet_to=end)
    assert is_quiet(wishes, at(clock), BERLIN) is quiet
    assert is_quiet(wishes, at(clock, "2026-07-20"), BERLIN) is quiet  # summer time moves nothing
    assert not is_quiet(NoticeSettings(member_id=1), at(clock), BERLIN)


def test_quiet_on_the_nights_when_the_clock_changes() -> None:
    wishes = NoticeSettings(member_id=1, quiet_from="02:15", quiet_to="02:45")
    first, second = datetime(2026, 10, 25, 0, 30, tzinfo=UTC), datetime(2026, 10, 25, 1, 30, tzinfo=UTC)
    assert is_quiet(wishes, first, BERLIN) and is_quiet(wishes, second, BERLIN)  # 02:30 comes twice
    gap = datetime(2026, 3, 29, 1, 30, tzinfo=UTC)  # 03:30: half past two doesn't come, so it is this one
    assert is_quiet(wishes, gap, BERLIN) and not is_quiet(wishes, gap + timedelta(minutes=15), BERLIN)
    night = NoticeSettings(member_id=1, quiet_from="22:00", quiet_to="02:30")
    between = datetime(2026, 10, 25, 0, 45, tzinfo=UTC)  # 02:45 for the first time: the second 02:30 is the end
    assert is_quiet(night, between, BERLIN)
    assert not is_quiet(night, datetime(2026, 10, 25, 1, 30, tzinfo=UTC), BERLIN)


def test_what_came_in_quiet_hours_follows_as_one_message(
    service: Inbox, anna: Actor, monkeypatch: pytest.MonkeyPatch
) -> None:
    wish(anna, addresses=service.address, quiet=("19:00", "08:00"))
    monkeypatch.setattr(db, "utc_now", lambda: at("22:00"))
    tell(anna, "Eins", "conversation:1"), tell(anna, "Zwei", "conversation:2")
    with counted() as ran:
        assert notice_sending.send_due() == 0
    assert not any(statement.startswith("UPDATE") for statement in ran)  # waiting costs no write
    monkeypatch.setattr(db, "utc_now", lambda: at("08:00", "2026-11-21"))
    assert notice_sending.send_due() == 1
    assert bodies(service) == ["Eins\nZwei"]


def test_a_digest_comes_once_a_day_and_only_with_something_in_it(
    service: Inbox, anna: Actor, monkeypatch: pytest.MonkeyPatch
) -> None:
    def it_is(clock: str, day: str) -> None:
        monkeypatch.setattr(db, "utc_now", lambda: at(clock, day))
        monkeypatch.setattr(notice_wishes, "utc_now", lambda: at(clock, day))

    it_is("12:00", "2026-11-19")
    wish(anna, addresses=service.address, digest_at="09:00")
    tell(anna, "Eins", "conversation:1")
    assert notice_sending.send_due() == 0  # the first one comes at its next time
    it_is("08:59", "2026-11-20")
    assert notice_sending.send_due() == 0
    it_is("09:01", "2026-11-20")
    tell(anna, "Zwei", "conversation:2")
    assert notice_sending.send_due() == 1
    assert bodies(service)[0].startswith("Eins\nZwei\n0 unread") and "your day" in service.got[0]["title"]
    tell(anna, "Drei", "conversation:3")
    assert notice_sending.send_due() == 0
    it_is("09:01", "2026-11-21")
    assert notice_sending.send_due() == 1
    it_is("09:01", "2026-11-22")
    assert notice_sending.send_due() == 0 and len(service.got) == 2


def test_a_digest_on_the_night_without_its_time() -> None:
    wishes = NoticeSettings(member_id=1, digest_at="02:30", last_digest_at=at("12:00", "2026-03-28"))
    assert not digest_due(wishes, at("01:59", "2026-03-29"), BERLIN)
    assert digest_due(wishes, at("03:31", "2026-03-29"), BERLIN)


# --- what goes wrong --------------------------------------------------------------------------------------------------


def test_a_service_that_refuses_is_tried_again_and_then_told(
    service: Inbox, anna: Actor, monkeypatch: pytest.MonkeyPatch
) -> None:
    wish(anna, addresses=service.address)
    tell(anna, "Endlich")
    service.answer = 503
    now = db.utc_now()
    for minutes in (0, 2):
        monkeypatch.setattr(db, "utc_now", lambda m=minutes: now + timedelta(minutes=m))
        assert notice_sending.send_due() == 1
        assert notice_sending.send_due() == 0  # not before its pause is over
    assert "fault of its own (503)" in (row(anna).trouble or "") and "geheim" not in (row(anna).trouble or "")
    service.answer = 200
    monkeypatch.setattr(db, "utc_now", lambda: now + timedelta(minutes=10))
    assert notice_sending.send_due() == 1
    assert bodies(service) == ["Endlich"] and row(anna).trouble is None


def test_it_is_given_up_after_three_tries(service: Inbox, anna: Actor, monkeypatch: pytest.MonkeyPatch) -> None:
    wish(anna, addresses=service.address)
    tell(anna)
    service.answer = 500
    now = db.utc_now()
    for minutes in (0, 10, 20, 30, 40):
        monkeypatch.setattr(db, "utc_now", lambda m=minutes: now + timedelta(minutes=m))
        notice_sending.send_due()
    with db.read() as session:
        assert session.exec(select(Notice.sent_at)).one() is not None
    assert row(anna).trouble and row(anna).retry_at is None


def test_a_worker_that_dies_while_sending_sends_nothing_twice(
    service: Inbox, anna: Actor, monkeypatch: pytest.MonkeyPatch
) -> None:
    wish(anna, addresses=service.address)
    tell(anna)
    sent = notice_sending._send

    def and_die(messages: Sequence[notice_sending.Message]) -> list[dict[str, Outcome]]:
        sent(messages)
        raise KeyboardInterrupt

    monkeypatch.setattr(notice_sending, "_send", and_die)
    with pytest.raises(KeyboardInterrupt):
        notice_sending.send_due()
    monkeypatch.setattr(notice_sending, "_send", sent)
    assert notice_sending.send_due() == 0 and len(service.got) == 1


def test_two_workers_send_it_once(service: Inbox, anna: Actor) -> None:
    wish(anna, addresses=service.address)
    tell(anna)
    with db.read() as session:
        plan = notice_sending._plan(session)
    assert notice_sending.send_due() == 1
    with db.write() as session:
        assert notice_sending._claimed(session, plan) == []


def test_an_address_is_kept_sealed_and_shown_masked(service: Inbox, anna: Actor) -> None:
    wish(anna, addresses=service.address)
    assert b"geheim" not in (row(anna).sealed or b"")
    with db.read() as session:
        (masked,) = notice_wishes.wishes(session, anna).masked
        assert "geheim" not in masked and "127.0.0.1" in masked
        assert not any("geheim" in entry.detail for entry in session.exec(select(AuditEntry)))


def test_a_wrong_address_names_its_line(hub: Path) -> None:
    with pytest.raises(UserError, match=r"Line 2: .*private network"):
        notice_wishes.read_addresses("json://news.example/\n\njson://192.168.7.7/hook")
    with pytest.raises(UserError, match="at most 5"):
        notice_wishes.read_addresses("\n".join(f"json://news.example/{number}" for number in range(6)))
    found = notice_wishes.read_addresses("json://news.example/a\njson://news.example/b\njson://news.example/a")
    assert found == {
        "JSON at news.example": "json://news.example/a",
        "JSON at news.example (2)": "json://news.example/b",
    }


def test_a_test_says_who_took_it(service: Inbox, anna: Actor) -> None:
    with pytest.raises(UserError, match="no address"):
        notice_sending.send_test(anna)
    wish(anna, addresses=service.address)
    assert [one.fate for _, one in notice_sending.send_test(anna)] == [Fate.SENT]
    service.answer = 404
    ((label, outcome),) = notice_sending.send_test(anna)
    assert label == "JSON at 127.0.0.1" and "doesn't know this address" in outcome.said


def test_a_look_costs_the_same_whoever_waits(service: Inbox, anna: Actor) -> None:
    wish(anna, addresses=service.address, quiet=("00:00", "23:59"))
    tell(anna)
    with counted() as few:
        notice_sending.send_due()
    for number in range(30):
        tell(team.actor_of(factories.member()), target=f"conversation:{number}")
        tell(anna, target=f"conversation:{number}")
    notice_sending.send_due()  # puts away what needs no message
    with counted() as many:
        notice_sending.send_due()
    assert len(few) == len(many) <= 3


def test_who_waits_keeps_nobody_else_waiting(service: Inbox, anna: Actor, monkeypatch: pytest.MonkeyPatch) -> None:
    ben = team.actor_of(factories.member(Role.EDITOR, name="Ben"))
    wish(anna, addresses=service.address, digest_at="09:00"), wish(ben, addresses=service.address)
    monkeypatch.setattr(notice_sending, "BATCH", 3)
    for number in range(4):
        tell(anna, f"Anna {number}", f"conversation:{number}")
    tell(ben, "Ben")
    assert notice_sending.send_due() == 1 and bodies(service) == ["Ben"]


def test_who_is_in_the_app_reads_it_there(service: Inbox, anna: Actor, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(notice_sending, "GRACE", timedelta(seconds=20))
    wish(anna, addresses=service.address)
    tell(anna)
    assert notice_sending.send_due() == 0
    later = db.utc_now() + timedelta(seconds=21)
    monkeypatch.setattr(db, "utc_now", lambda: later)
    assert notice_sending.send_due() == 1 and len(service.got) == 1


def test_what_was_taken_back_at_the_last_moment_holds_up_nothing(
    service: Inbox, anna: Actor, monkeypatch: pytest.MonkeyPatch
) -> None:
    wish(anna, addresses=service.address)
    tell(anna, "Bleibt", "conversation:1"), tell(anna, "Geht", "conversation:2")
    with db.read() as session:
        plan = notice_sending._plan(session)
    with db.write() as session:
        session.delete(session.exec(select(Notice).where(Notice.text == "Geht")).one())
    with db.write() as session:
        assert notice_sending._claimed(session, plan) == []
    assert notice_sending.send_due() == 1 and bodies(service) == ["Bleibt"]


def test_one_address_of_two_that_fails_is_told_and_nothing_comes_twice(
    service: Inbox, anna: Actor, monkeypatch: pytest.MonkeyPatch
) -> None:
    wish(anna, addresses=f"{service.address}\njson://127.0.0.1:1/")
    tell(anna)
    assert notice_sending.send_due() == 1
    later = db.utc_now() + timedelta(hours=1)
    monkeypatch.setattr(db, "utc_now", lambda: later)
    assert notice_sending.send_due() == 0 and len(service.got) == 1
    assert row(anna).trouble == "JSON at 127.0.0.1 (2): The server can't be reached."


def test_a_name_from_a_network_calls_nobody_and_is_no_markup(service: Inbox, anna: Actor) -> None:
    wish(anna, addresses=service.address)
    tell(anna, "@everyone <img src=x> [klick](https://böse.example)\nUnd weiter")
    notice_sending.send_due()
    (body,) = bodies(service)
    assert body.replace("\u2060", "") == "@everyone ‹img src=x› [klick](https://böse.example) Und weiter"
    assert not any(mark in body for mark in ("@everyone", "<", "](", "://"))


def test_addresses_that_the_key_does_not_open_stop_nobody_else(service: Inbox, anna: Actor) -> None:
    ben = team.actor_of(factories.member(Role.EDITOR, name="Ben"))
    wish(anna, addresses=service.address), wish(ben, addresses=service.address)
    with db.write() as session:
        session.get_one(NoticeSettings, anna.id).sealed = b"other key"
    tell(anna, "Anna"), tell(ben, "Ben")
    assert notice_sending.send_due() == 1 and bodies(service) == ["Ben"]
    with db.read() as session:
        assert notice_wishes.wishes(session, anna).trouble == notice_wishes.LOST


def test_a_thousand_are_one_message(service: Inbox, anna: Actor) -> None:
    wish(anna, addresses=service.address)
    with db.write() as session:
        session.add_all(
            Notice(member_id=anna.id, kind="rule", text=f"Nummer {n}", target=f"conversation:{n}") for n in range(1000)
        )
    assert notice_sending.send_due() == 1 and notice_sending.send_due() == 0
    assert service.got[0]["title"] == "Social Hub: 1000 new" and "and 990 more" in bodies(service)[0]
