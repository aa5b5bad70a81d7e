"""Due rows are the queue: who gets what, for how long, and when it is due again."""

from datetime import timedelta

import pytest
from sqlmodel import Session

from core import db, lease
from core.errors import RateLimited, RetryLater
from core.models.channel import SyncCursor, SyncKind
from tests import factories
from tests.fake_network import Clock, clock

__all__ = ["clock"]

LEASE = 30.0


def cursor(due_in: float | None = 0.0) -> int:
    due_at = None if due_in is None else db.utc_now() + timedelta(seconds=due_in)
    row = SyncCursor(channel_id=factories.channel().id, kind=SyncKind.INBOX, due_at=due_at)
    with db.write() as session:
        session.add(row)
        session.flush()
        return row.id


def take(limit: int = 10) -> list[lease.Claim]:
    with db.write() as session:
        return lease.claim(session, SyncCursor, [], limit, LEASE)


def held(session: Session, claim: lease.Claim) -> SyncCursor:
    row = lease.hold(session, SyncCursor, claim)
    assert row is not None
    return row


def test_only_what_is_due_is_taken_and_the_oldest_first(clock: Clock) -> None:
    later, old, older, never = cursor(5), cursor(-10), cursor(-20), cursor(None)
    assert [claim.id for claim in take()] == [older, old]
    clock.advance(6)
    assert [claim.id for claim in take()] == [later]
    assert never not in [claim.id for claim in take()]


def test_nobody_takes_what_another_holds_until_the_lease_ends(clock: Clock) -> None:
    row = cursor()
    (first,) = take()
    assert not first.expired
    assert take() == []
    clock.advance(LEASE + 1)
    (second,) = take()
    assert (second.id, second.expired) == (row, True)
    with db.read() as session:
        assert lease.hold(session, SyncCursor, first) is None
        assert lease.hold(session, SyncCursor, second) is not None


def test_work_that_goes_on_keeps_its_claim(clock: Clock) -> None:
    cursor()
    (claim,) = take()
    for _ in range(4):
        clock.advance(LEASE - 5)
        with db.write() as session:
            lease.renew(session, SyncCursor, [claim.token], LEASE)
    assert take() == []


def test_a_claim_that_ran_out_is_still_ours_while_nobody_else_asks(clock: Clock) -> None:
    cursor()
    (claim,) = take()
    clock.advance(LEASE + 100)
    with db.write() as session:
        lease.finish(held(session, claim))
    assert take() == []


def test_done_well_forgets_the_trouble_before(clock: Clock) -> None:
    cursor()
    (claim,) = take()
    with db.write() as session:
        lease.back_off(held(session, claim), RetryLater("Broken."))
    clock.advance(10)
    (claim,) = take()
    again = clock.now + timedelta(minutes=1)
    with db.write() as session:
        lease.finish(held(session, claim), again)
    with db.read() as session:
        row = session.get_one(SyncCursor, claim.id)
        assert (row.due_at, row.attempts, row.last_error, row.error_kind) == (again, 0, None, None)


def test_a_snooze_spends_no_attempt_and_a_failure_does(clock: Clock) -> None:
    cursor()
    (claim,) = take()
    until = clock.now + timedelta(seconds=40)
    with db.write() as session:
        row = held(session, claim)
        lease.snooze(row, until, RateLimited("Slower.", until))
        assert (row.due_at, row.attempts, row.error_kind) == (until, 0, "RateLimited")
    clock.advance(41)
    (claim,) = take()
    with db.write() as session:
        row = held(session, claim)
        lease.back_off(row, RetryLater("Broken."))
        assert (row.attempts, row.last_error, row.claim_token) == (1, "Broken.", None)


def test_pauses_double_up_to_a_limit_and_differ_a_little(clock: Clock) -> None:
    cursor()
    (claim,) = take()
    pauses: list[float] = []
    with db.write() as session:
        row = held(session, claim)
        for _ in range(12):
            lease.back_off(row, RetryLater("Broken."))
            assert row.due_at is not None
            pauses.append((row.due_at - clock.now).total_seconds())
    for attempt, pause in enumerate(pauses):
        expected = min(lease.BACKOFF_FIRST * 2**attempt, lease.BACKOFF_MOST)
        assert expected * 0.75 <= pause <= expected * 1.25
    assert len(set(pauses)) == len(pauses)


def test_given_up_is_not_due_any_more_and_says_why(clock: Clock) -> None:
    row_id = cursor()
    (claim,) = take()
    with db.write() as session:
        lease.give_up(held(session, claim), RetryLater("Never again."))
    clock.advance(100_000)
    assert take() == []
    with db.read() as session:
        assert session.get_one(SyncCursor, row_id).last_error == "Never again."


def test_a_keeper_knows_what_is_worked_on_but_not_what_hangs(monkeypatch: pytest.MonkeyPatch) -> None:
    now = 1000.0
    monkeypatch.setattr(lease.time, "monotonic", lambda: now)
    keeper, claim = lease.Keeper(longest=60), lease.Claim(1, "token")
    with keeper.keeping(SyncCursor, claim):
        assert keeper.tokens() == {SyncCursor: ["token"]}
        now += 61
        assert keeper.tokens() == {}
    assert keeper.tokens() == {}
