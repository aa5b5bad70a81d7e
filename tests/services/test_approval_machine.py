"""Whatever people do, in whatever order, while rules come and go: what must be approved never leaves unapproved.

What the network holds is held against a book of its own that the test keeps: which words somebody who was allowed to
has approved, for which rule. It knows nothing of digests.
"""

from datetime import timedelta
from pathlib import Path

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test
from sqlmodel import select

from core import db
from core.errors import UserError
from core.models.planning import Delivery, DeliveryState, Post, PostState
from core.models.planning_work import ApprovalRule
from core.models.team import Role
from core.services import approval, channels, planning, publishing
from core.services.planning import Changes
from core.services.team import COMMAND_LINE, Actor
from tests import factories
from tests.fake_network import BASE_URL, FakeNetwork, network

__all__ = ["network"]

WORDS = ["eins", "zwei", "drei"]
PEOPLE = st.integers(0, 3)


class Machine(RuleBasedStateMachine):
    network: FakeNetwork

    @initialize(required=st.sampled_from([True, True, False]), eyes=st.booleans())
    def begin(self, required: bool, eyes: bool) -> None:
        self.team: list[Actor] = [
            factories.actor(Role.EDITOR),
            factories.actor(Role.EDITOR),
            factories.actor(Role.ADMIN),
            COMMAND_LINE,
        ]
        self.group = factories.group()
        self.places = [
            factories.channel("fake", base_url=BASE_URL),
            factories.channel("fake", base_url=BASE_URL, group_id=self.group.id),
        ]
        with db.write() as session:
            for row in session.exec(select(ApprovalRule)):
                session.delete(row)
            for row in session.exec(select(Delivery).where(Delivery.state == DeliveryState.SCHEDULED)):
                row.state = DeliveryState.CANCELLED
        self.rules: dict[int | None, tuple[bool, bool, frozenset[Role]]] = {}
        self.grouped = [None, self.group.id]
        self.known = len(self.network.texts())
        self.write(0)
        self.set_rule(grouped=False, required=required, eyes=eyes, roles=(Role.EDITOR, Role.ADMIN))

    # --- the book -----------------------------------------------------------------------------------------------------

    def write(self, who: int) -> None:
        self.number = getattr(self, "number", 0) + 1
        self.text = f"{WORDS[0]} {id(self)} {self.number}"
        with db.write() as session:
            ids = [place.id for place in self.places]
            self.post = planning.create_post(session, self.team[who], text=self.text, channel_ids=ids)
        self.author, self.editors = self.team[who].id, {self.team[who].id}
        self.approved: set[tuple[int | None, str]] = set()

    def asked(self) -> set[int | None]:
        """Rules that require something of the post now, by the channels it has not gone to yet."""
        with db.read() as session:
            left = session.exec(
                select(Delivery.channel_id).where(
                    Delivery.post_id == self.post,
                    Delivery.state.in_([DeliveryState.DRAFT, DeliveryState.SCHEDULED, DeliveryState.FAILED]),
                )
            ).all()
        groups = {self.grouped[n] for n, place in enumerate(self.places) if place.id in left}
        keys = {group if group in self.rules else None for group in groups}
        return {key for key in keys if self.rules.get(key, (False, False, frozenset()))[0]}

    def allowed(self, who: Actor, key: int | None) -> bool:
        _, eyes, roles = self.rules[key]
        if eyes and who.id in {self.author, *self.editors}:
            return False
        return who.id is None or who.role in (roles or {Role.ADMIN})

    def note(self, who: Actor) -> None:
        """This one has just approved the post as it stands, for all rules that let them."""
        mine = {key for key in self.asked() if self.allowed(who, key)}
        self.approved |= {(key, self.text) for key in mine}
        if all((key, self.text) in self.approved for key in self.asked()):
            self.fully = True

    def attempt(self, call, *args, **values) -> bool:
        try:
            with db.write() as session:
                call(session, *args, **values)
        except UserError:
            return False
        return True

    def state(self) -> PostState:
        with db.read() as session:
            return session.get_one(Post, self.post).state

    # --- what people do -----------------------------------------------------------------------------------------------

    @rule(who=PEOPLE, verb=st.sampled_from(["submit", "return", "withdraw", "unschedule"]))
    def talk(self, who: int, verb: str) -> None:
        actor = self.team[who]
        if verb == "return":
            self.attempt(approval.return_to_author, actor, self.post, "Noch nicht.")
        else:
            calls = {
                "submit": approval.submit_for_review,
                "withdraw": approval.withdraw,
                "unschedule": planning.unschedule_post,
            }
            self.attempt(calls[verb], actor, self.post)

    @rule(who=PEOPLE)
    def approve(self, who: int) -> None:
        may = any(self.allowed(self.team[who], key) for key in self.asked())
        if self.attempt(approval.approve, self.team[who], self.post):
            assert may or not self.asked()
            self.note(self.team[who])

    @rule(who=PEOPLE, word=st.sampled_from(WORDS))
    def edit(self, who: int, word: str) -> None:
        text = f"{word} {id(self)} {self.number}"
        with db.read() as session:
            version = session.get_one(Post, self.post).version
        before, actor = self.state(), self.team[who]
        if self.attempt(planning.save_post, actor, self.post, version, Changes(text=text)) and text != self.text:
            if getattr(self, "fully", False):
                self.editors, self.fully = set(), False
            self.text = text
            self.editors.add(actor.id)
            alone = actor.id is not None and all(self.allowed(actor, key) for key in self.asked())
            if alone and before in (PostState.SCHEDULED, PostState.APPROVED, PostState.NEEDS_CARE):
                self.note(actor)

    def smuggle(self, word: str) -> None:
        """Past every service."""
        with db.write() as session:
            row = session.get_one(Post, self.post)
            if row.state is not PostState.PUBLISHED:
                row.text = self.text = f"{word} {id(self)} {self.number} geschmuggelt"

    @rule(who=PEOPLE, later=st.booleans(), smuggled=st.sampled_from([False, False, True]))
    def send(self, who: int, later: bool, smuggled: bool) -> None:
        """Schedule or publish it, and let the worker look once it is due."""
        actor, at = self.team[who], [db.utc_now() + timedelta(hours=1)] if later else []
        alone = actor.id is not None and all(self.allowed(actor, key) for key in self.asked())
        if self.attempt(planning.schedule_post if later else planning.publish_now, actor, self.post, *at) and alone:
            self.note(actor)
        if smuggled:
            self.smuggle(WORDS[who % 3])
        self.work(late=True)

    @rule(
        grouped=st.booleans(),
        required=st.booleans(),
        eyes=st.booleans(),
        roles=st.sampled_from([(), (Role.EDITOR,), (Role.EDITOR, Role.ADMIN)]),
    )
    def set_rule(self, grouped: bool, required: bool, eyes: bool, roles: tuple[Role, ...]) -> None:
        key = self.group.id if grouped else None
        with db.write() as session:
            approval.save_rule(session, COMMAND_LINE, key, required=required, roles=roles, four_eyes=eyes)
        self.rules[key] = (required, eyes, frozenset(roles))

    @rule(which=st.integers(0, 1), into=st.booleans())
    def move(self, which: int, into: bool) -> None:
        self.grouped[which] = self.group.id if into else None
        with db.write() as session:
            channels.set_group(session, COMMAND_LINE, self.places[which].id, self.grouped[which])

    # --- what the worker does -----------------------------------------------------------------------------------------

    @rule(late=st.booleans())
    def work(self, late: bool) -> None:
        if late:  # an hour passes
            with db.write() as session:
                for row in session.exec(select(Delivery).where(Delivery.post_id == self.post)):
                    if row.state is DeliveryState.SCHEDULED:
                        row.due_at = db.utc_now() - timedelta(seconds=1)
        asked = self.asked()
        assert publishing.publish_due() <= len(self.places)
        sent = self.network.texts()[self.known :]
        self.known += len(sent)
        for text in sent:
            assert all((key, text) in self.approved for key in asked), (text, asked, self.approved)
        with db.read() as session:
            assert not publishing.anything_due(session), "what may not go out is tried for ever"
        if self.state() is PostState.PUBLISHED:
            self.write(self.number % 2)

    @invariant()
    def what_is_scheduled_is_approved(self) -> None:
        """Or the lock would refuse it: nothing else may say so."""
        if not hasattr(self, "post"):
            return
        with db.read() as session:
            post = session.get_one(Post, self.post)
            if post.state is PostState.APPROVED:
                assert post.submitted_at is None
            if post.state is PostState.IN_REVIEW:
                rows = session.exec(select(Delivery).where(Delivery.post_id == self.post)).all()
                assert all(row.state is not DeliveryState.SCHEDULED for row in rows)


def test_nothing_leaves_that_nobody_allowed_has_approved(hub: Path, network: FakeNetwork):
    class Here(Machine):
        pass

    Here.network = network
    checks = [HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.filter_too_much]
    run_state_machine_as_test(
        Here, settings=settings(max_examples=15, stateful_step_count=20, deadline=None, suppress_health_check=checks)
    )
