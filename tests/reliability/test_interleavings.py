"""Two workers, stepped through every commit and every request in any order, crashed, slept, on a network that fails.

Meanwhile people change their minds: they edit, move, cancel, put back into drafts, take back, stop all publishing and
let it go on, retry, give up, and say whether they see a post online. Whatever hypothesis makes of it: no part of a
post is online twice, nothing is lost, what people decided holds from the moment that the hub said so, and each row ends
in a truthful state. A worker is a thread that stops before and after each transaction and each request until it is
told to go on.
"""

import contextlib
import queue
import threading
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any, ClassVar

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    Bundle,
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)
from sqlalchemy import delete
from sqlmodel import select

from core import db
from core.connectors.base import Limits, Prepared, Replay
from core.errors import RateLimited, Rejected, RetryLater, UserError
from core.lease import Claim
from core.models.analytics import Publication
from core.models.channel import Channel, ChannelState
from core.models.planning import Delivery, DeliveryState, Post
from core.models.planning_work import PublishingHold
from core.services import deliveries, delivery_parts, holds, inbox, planning, publishing
from core.services.delivery_parts import Job
from core.services.team import COMMAND_LINE
from tests import factories
from tests.fake_network import Clock, FakeConnector, FakeNetwork, clock, network

__all__ = ["clock", "network"]

FAULTS = ["accept", "late", "drop_after", "drop_before", "bug_after", "refused", "429", "401", "422"]
STEPS = ("load", "fix", "fix_again", "accept", "adopt", "conclude")
OPEN = {DeliveryState.SCHEDULED, DeliveryState.SENDING, DeliveryState.CHECKING}


CLOSED = {DeliveryState.FAILED, DeliveryState.CANCELLED, DeliveryState.DRAFT}


@dataclass
class Meant:
    """What people last decided about a delivery, and which of its parts were online by then.

    `texts` of its parts; `not_before` its time; `never`: nothing more of it is to go out.
    """

    texts: list[str]
    not_before: datetime
    never: bool = False
    out_before: set[int] = field(default_factory=set)


class Killed(BaseException):
    """As `kill -9`: nothing of ours catches it."""


class Puppet:
    """A worker on a string: `at` is the point where it waits; None when it has ended."""

    here = threading.local()

    def __init__(self, claim: Claim) -> None:
        self.delivery_id = claim.id
        self.at: str | None = "start"
        self._orders: queue.Queue[str] = queue.Queue()
        self._reached: queue.Queue[str | None] = queue.Queue()
        self._fault: BaseException | None = None
        self._thread = threading.Thread(target=self._work, args=(claim,), daemon=True)
        self._thread.start()

    def _work(self, claim: Claim) -> None:
        Puppet.here.me = self
        try:
            if self._orders.get() == "go":
                with publishing.Publisher(stopping=lambda: True) as publisher:
                    publisher.run(claim)
        except Killed:
            pass
        except BaseException as error:
            self._fault = error
        self._reached.put(None)

    @staticmethod
    def gate(point: str) -> None:
        """Wait here, if this thread is a puppet's."""
        me = getattr(Puppet.here, "me", None)
        if me is not None:
            me._reached.put(point)
            if me._orders.get() == "die":
                raise Killed

    def step(self, order: str = "go") -> None:
        """Go on to the next point; or die where it stands."""
        self._orders.put(order)
        self.at = self._reached.get(timeout=30)
        if self.at is None and self._fault is not None:
            raise self._fault


class Hub(RuleBasedStateMachine):
    """The rules. `clock` and `network` are set by the test."""

    clock: ClassVar[Clock]
    patch: ClassVar[pytest.MonkeyPatch]
    workers = Bundle("workers")

    @initialize(replay=st.sampled_from(list(Replay)))
    def begin(self, replay: Replay) -> None:
        with db.write() as session:
            for table in (PublishingHold, Publication, Delivery, Post, Channel):
                session.execute(delete(table))
        self.meant: dict[int, Meant] = {}
        self.said_online: set[int] = set()  # by a person, who can't say under which number
        self.given_up: set[int] = set()
        self.network = FakeNetwork(replay=replay, gate=Puppet.gate)
        self.patch.setattr(FakeConnector, "network", self.network)
        self.puppets: dict[int, Puppet | None] = {0: None, 1: None}
        self.keys: dict[str, tuple[int, int]] = {}  # replay key -> delivery and number of the part
        self._watch()
        limits = replace(Limits(), replay=replay, replay_window=3600.0).to_json()
        self.channels = [factories.channel("fake", limits=limits).id for _ in range(2)]
        self.talk = factories.conversation(self.channels[0]).id
        self.answers: dict[str, int] = {}  # text -> message
        self.taken: set[str] = set()

    def _watch(self) -> None:
        for name in STEPS:
            original = getattr(deliveries, name)
            self.patch.setattr(deliveries, name, self._gated(name, getattr(original, "inner", original)))

    def _gated(self, name: str, original: Any) -> Any:
        def gated(*given: Any) -> Any:
            if name == "fix":
                job, number, prepared = given
                self._note(job, number, prepared)
            Puppet.gate(f"before {name}")
            stopped = name in ("fix", "fix_again") and self._stopped(name, *given)
            result = original(*given)
            assert not (stopped and result is not None), "it may leave although publishing is stopped"
            Puppet.gate(f"after {name}")
            return result

        gated.inner = original  # type: ignore[attr-defined]
        return gated

    def _stopped(self, name: str, what: Any, number: int, *_: object) -> bool:
        """Whether the stop button keeps back what is about to leave: the first part of a post."""
        delivery = what.claim.id if name == "fix" else what.id
        with db.read() as session:
            row = session.get(Delivery, delivery)
            return number == 0 and row is not None and row.message_id is None and bool(holds.open_holds(session))

    def _note(self, job: Job, number: int, prepared: Prepared) -> None:
        self.keys[prepared.replay_key] = (job.claim.id, number)

    # --- what may happen ----------------------------------------------------------------------------------------------

    @rule(text=st.sampled_from(["a", "b", "a\n---\nb", "a\n---\na\n---\na"]), on=st.sampled_from([0, 0, 1]))
    def schedule(self, text: str, on: int) -> None:
        post = factories.post(self.channels[on], text=text, at=self.clock.now)
        with db.read() as session:
            row = session.exec(select(Delivery.id).where(Delivery.post_id == post.id)).one()
        self.meant[row] = Meant(text.split("\n---\n"), self.clock.now)

    @rule(hold=st.sampled_from([0, 20]), posts=st.sampled_from([1, 2]))
    def answer(self, hold: float, posts: int) -> None:
        text = "\n---\n".join(f"answer {len(self.answers)}, {number}" for number in range(posts))
        with db.write() as session, contextlib.suppress(UserError):  # the channel may need care
            self.answers[text] = inbox.send_reply(session, COMMAND_LINE, self.talk, text, hold_seconds=hold)

    @precondition(lambda self: len(self.answers) > len(self.taken))
    @rule()
    def take_all_back_that_can_be(self) -> None:
        for text in [text for text in self.answers if text not in self.taken]:
            with contextlib.suppress(UserError):
                with db.write() as session:
                    inbox.take_back(session, COMMAND_LINE, self.answers[text])
                self.taken.add(text)

    @rule(who=st.sampled_from([0, 1]), posts=st.sampled_from([1, 2]), steps=st.integers(0, 14))
    def think_again_while_it_is_sent(self, who: int, posts: int, steps: int) -> None:
        self.answer(0, posts)
        self.start(who)
        self.go_on(who, steps)
        self.take_all_back_that_can_be()

    @rule(fault=st.sampled_from(FAULTS))
    def have_fail(self, fault: str) -> None:
        self.network.faults.append(fault)

    @rule(who=st.sampled_from([0, 1]))
    def start(self, who: int) -> None:
        if self._alive(who) is None:
            claims = publishing.claim_now(1)
            self.puppets[who] = Puppet(claims[0]) if claims else None

    @rule(who=st.sampled_from([0, 1]), steps=st.integers(1, 12))
    def go_on(self, who: int, steps: int) -> None:
        for _ in range(steps):
            puppet = self._alive(who)
            if puppet is not None:
                puppet.step()

    @rule(who=st.sampled_from([0, 1]))
    def kill(self, who: int) -> None:
        puppet = self._alive(who)
        if puppet is not None:
            puppet.step("die")

    @rule(seconds=st.sampled_from([1, 6, 16, 40, 130, 4000]))
    def sleep(self, seconds: float) -> None:
        self.clock.advance(seconds)

    @rule()
    def renew(self) -> None:
        with db.write() as session:
            publishing.renew_held(session)

    # --- people change their minds ------------------------------------------------------------------------------------

    def _posts(self, *states: DeliveryState) -> list[Delivery]:
        return [row for row in self._rows() if row.post_id is not None and (not states or row.state in states)]

    def _decide(self, which: int, states: tuple[DeliveryState, ...], do: Callable[[Any, Delivery], object]) -> int:
        """Let a person decide about one of the posts in these states; its delivery, 0 where the hub refuses."""
        found = self._posts(*states)
        if not found:
            return 0
        row = found[which % len(found)]
        with contextlib.suppress(UserError):
            with db.write() as session:
                do(session, row)
            self.meant[row.id].out_before = {n for delivery, n in self._online() if delivery == row.id}
            return row.id
        return 0

    @rule(which=st.integers(0, 5))
    def cancel(self, which: int) -> None:
        states = (DeliveryState.SCHEDULED, DeliveryState.FAILED, DeliveryState.CHECKING)
        row = self._decide(which, states, lambda s, r: planning.cancel_post(s, COMMAND_LINE, r.post_id))
        if row:
            self.meant[row].never = True

    @rule(which=st.integers(0, 5))
    def back_to_drafts(self, which: int) -> None:
        states = (DeliveryState.SCHEDULED, DeliveryState.SENDING)
        row = self._decide(which, states, lambda s, r: planning.unschedule_post(s, COMMAND_LINE, r.post_id))
        if row:
            self.meant[row].never = True

    @rule(which=st.integers(0, 5), seconds=st.sampled_from([0, 30, 500]))
    def move(self, which: int, seconds: float) -> None:
        at = self.clock.now + timedelta(seconds=seconds)
        states = (DeliveryState.SCHEDULED, DeliveryState.DRAFT, DeliveryState.SENDING, DeliveryState.FAILED)
        row = self._decide(which, states, lambda s, r: planning.schedule_post(s, COMMAND_LINE, r.post_id, at))
        if row:
            self.meant[row].not_before, self.meant[row].never = at, False

    @rule(which=st.integers(0, 5), text=st.sampled_from(["c", "d\n---\ne", "a"]))
    def edit(self, which: int, text: str) -> None:
        def save(session: Any, row: Delivery) -> None:
            version = session.get_one(Post, row.post_id).version
            planning.save_post(session, COMMAND_LINE, row.post_id, version, planning.Changes(text=text))

        row = self._decide(which, (), save)
        if row:
            self.meant[row].texts = text.split("\n---\n")

    @rule(
        who=st.sampled_from([0, 1]),
        steps=st.integers(2, 5),
        fails=st.sampled_from(["", "later", "pause", "refused"]),
        then=st.sampled_from(["cancel", "drafts", "move", "edit", "stop"]),
    )
    def think_again_about_a_post_under_way(self, who: int, steps: int, fails: str, then: str) -> None:
        self.schedule("b", 0)
        if fails:
            self.have_preparing_fail(fails)
        self.start(who)
        self.go_on(who, steps)
        if then == "cancel":
            self.cancel(-1)
        elif then == "drafts":
            self.back_to_drafts(-1)
        elif then == "move":
            self.move(-1, 500)
        elif then == "edit":
            self.edit(-1, "d\n---\ne")
        else:
            self.stop_publishing()
        self.go_on(who, 12)

    @rule(kind=st.sampled_from(["later", "pause", "refused"]))
    def have_preparing_fail(self, kind: str) -> None:
        pause = RateLimited("The network asks for a pause.", self.clock.now + timedelta(seconds=30))
        error = {"later": RetryLater("The server can't be reached."), "pause": pause, "refused": Rejected("No.")}[kind]
        self.network.prepare_faults.append(error)

    @rule()
    def stop_publishing(self) -> None:
        with contextlib.suppress(UserError), db.write() as session:
            holds.stop_publishing(session, COMMAND_LINE, "A crisis")

    @rule(then=st.sampled_from(list(holds.Release)))
    def go_on_publishing(self, then: holds.Release) -> None:
        start = self.clock.now + timedelta(seconds=60)
        before = {row.id: row for row in self._posts()}
        with db.write() as session:
            for hold in holds.open_holds(session):
                holds.resume_publishing(session, COMMAND_LINE, hold.id, then, start)
        for row in self._posts():
            if row.state is not before[row.id].state or row.due_at != before[row.id].due_at:
                meant = self.meant[row.id]
                meant.out_before = {n for delivery, n in self._online() if delivery == row.id}
                meant.never = row.state is DeliveryState.DRAFT
                meant.not_before = row.due_at or meant.not_before

    @rule()
    def let_some_go(self) -> None:
        with contextlib.suppress(UserError), db.write() as session:
            for hold in holds.open_holds(session):
                held = [post.post_id for post in holds.held_posts(session, hold.id)][:1]
                holds.release_posts(session, COMMAND_LINE, hold.id, held)

    @rule(which=st.integers(0, 5), again=st.booleans())
    def care_for_a_failed_one(self, which: int, again: bool) -> None:
        decide = planning.retry_delivery if again else planning.give_up_delivery
        row = self._decide(which, (DeliveryState.FAILED,), lambda s, r: decide(s, COMMAND_LINE, r.id))
        if row:
            self.meant[row].never = not again
            self.meant[row].not_before = self.clock.now
            if not again:
                self.given_up.add(row)

    @rule()
    def reconnect(self) -> None:
        with db.write() as session:
            for channel in session.exec(select(Channel)):
                channel.state = ChannelState.ACTIVE

    @precondition(lambda self: not self.network.late and not any(self._alive(who) for who in (0, 1)))
    @rule()
    def a_person_looks_and_decides(self) -> None:
        for row in self._posts(DeliveryState.UNCONFIRMED):
            seen = (row.id, delivery_parts.pending(delivery_parts.parts_of(row))) in self._online()
            if self._decide_on(row, seen) and seen:
                self.said_online.add(row.id)
        online = self._online()
        with db.write() as session:  # answers have a decision of their own
            unknown = select(Delivery).where(Delivery.state == DeliveryState.UNCONFIRMED)
            for row in session.exec(unknown.where(Delivery.message_id.is_not(None))):  # type: ignore[union-attr]
                pending = delivery_parts.pending(delivery_parts.parts_of(row))
                if (row.id, pending) not in online:
                    row.state, row.due_at = DeliveryState.SCHEDULED, self.clock.now

    def _decide_on(self, row: Delivery, online: bool) -> bool:
        with db.write() as session:
            planning.confirm_delivery(session, COMMAND_LINE, row.id, online)
        self.meant[row.id].not_before = self.clock.now
        return True

    def _online(self) -> dict[tuple[int, int], str]:
        return {self.keys[post.key]: post.remote_id for post in self.network.posts}

    def _alive(self, who: int) -> Puppet | None:
        puppet = self.puppets[who]
        return puppet if puppet is not None and puppet.at is not None else None

    # --- what must hold -----------------------------------------------------------------------------------------------

    @invariant()
    def nothing_is_online_twice(self) -> None:
        held = [self.keys[post.key] for post in self.network.posts] if hasattr(self, "network") else []
        assert len(held) == len(set(held)), held

    @invariant()
    def what_was_taken_back_is_not_online(self) -> None:
        if hasattr(self, "network"):
            gone = {part for text in self.taken for part in text.split("\n---\n")}
            assert not gone & {post.request["text"] for post in self.network.posts}

    @invariant()
    def what_people_decided_holds(self) -> None:
        """What went out since is what they meant, when they meant it."""
        for post in self.network.posts if hasattr(self, "network") else ():
            delivery, number = self.keys[post.key]
            meant = self.meant.get(delivery)
            if meant is None or number in meant.out_before:
                continue
            assert not meant.never, "it went out after a person had taken it back"
            assert post.at >= meant.not_before, "it went out before its time"
            assert post.request["text"] == meant.texts[number], "another text went out"

    def teardown(self) -> None:
        """The faults end, a healthy worker comes: every row reaches its end, and tells the truth."""
        if not hasattr(self, "puppets"):
            return
        for who in self.puppets:
            self.kill(who)
        self.network.faults.clear()
        self.network.prepare_faults.clear()
        self.reconnect()
        self.go_on_publishing(holds.Release.NOW)
        for _ in range(60):
            self.clock.advance(400)
            self.network.settle()
            publishing.publish_due()
            if not {row.state for row in self._rows()} & OPEN:
                break
        self.nothing_is_online_twice()
        self.what_was_taken_back_is_not_online()
        self.what_people_decided_holds()
        online = self._online()
        known: list[str] = []
        for row in self._rows():
            known += self._truthful(row, online)
        assert len(known) == len(set(known)), "two deliveries claim the same post"

    def _rows(self) -> list[Delivery]:
        with db.read() as session:
            rows = list(session.exec(select(Delivery).order_by(Delivery.id)))
            session.expunge_all()
        return rows

    def _truthful(self, row: Delivery, online: dict[tuple[int, int], str]) -> list[str]:
        parts = delivery_parts.parts_of(row)
        out = [part.remote_id for part in parts if part.remote_id]
        assert out == [online.get((row.id, number)) for number in range(len(out))], "it says of another that it is it"
        assert row.state not in OPEN, "it never came to an end"
        if row.id in self.said_online and row.state is DeliveryState.PUBLISHED:
            assert (row.id, len(out)) in online or len(out) == parts[0].count
        elif row.state is DeliveryState.PUBLISHED:
            assert len(out) == parts[0].count or row.id in self.given_up
        elif row.state in CLOSED:
            assert (row.id, len(out)) not in online, "it says that it isn't out, and it is"
        else:
            assert row.state is DeliveryState.UNCONFIRMED
            assert row.last_error
        return [remote_id for remote_id in out if remote_id]


@pytest.mark.parametrize("steps", [15, 50])
def test_exactly_once_whatever_happens(
    network: FakeNetwork, clock: Clock, monkeypatch: pytest.MonkeyPatch, steps: int
) -> None:
    Hub.clock, Hub.patch = clock, monkeypatch
    run_state_machine_as_test(
        Hub,
        settings=settings(
            max_examples=30,
            stateful_step_count=steps,
            deadline=None,
            phases=(Phase.explicit, Phase.reuse, Phase.generate),  # shrinking takes minutes: switch it on by hand
            suppress_health_check=list(HealthCheck),
            print_blob=True,
        ),
    )
