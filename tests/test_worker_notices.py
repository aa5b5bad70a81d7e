"""From what happens in the hub to a message that really arrives elsewhere: every kind, by the worker's own process."""

import os
import subprocess
import sys
from datetime import timedelta
from pathlib import Path
from typing import Any

from sqlalchemy import select, update
from sqlmodel import col

from core import db
from core.errors import NeedsReauth
from core.models.channel import ChannelState
from core.models.inbox import ConversationState
from core.models.planning import Delivery, PostState
from core.models.team import Member, Notice
from core.services import (
    approval,
    at_risk,
    channels,
    holds,
    inbox_handling,
    inbox_mentions,
    inbox_waking,
    notice_wishes,
    post_comments,
    proof_marks,
    rules,
    service_hours,
    service_time,
    team,
    triage,
)
from core.services.notices import NoticeKind
from core.services.rules import RuleDraft
from core.services.team import COMMAND_LINE, Actor
from tests import factories
from tests.services.test_notice_sending import Inbox, service

__all__ = ["service"]

ROOT = Path(__file__).parents[1]
ALWAYS = service_hours.Hours(((((0, 1440),),) * 7), time_zone="UTC", target_minutes=60)


def everything_happens(anna: Actor) -> None:
    """One thing of each kind, each done as it is done in the hub; every one concerns Anna."""
    now, channel = db.utc_now(), factories.channel(handle="@kaffee")
    mine: dict[str, Any] = {"assignee_id": anna.id, "waiting_since": None}
    given, noted = (factories.conversation(channel.id, waiting_since=None).id for _ in range(2))
    asleep = {"state": ConversationState.SNOOZED, "snoozed_until": now - timedelta(minutes=1)}
    factories.conversation(channel.id, **mine, **asleep)
    factories.conversation(channel.id, at=now - timedelta(minutes=50), assignee_id=anna.id)
    with db.write() as session:
        service_hours.save(session, COMMAND_LINE, ALWAYS)
        session.get_one(type(channel), channel.id).created_at = now - timedelta(days=1)
    with db.write() as session:
        inbox_handling.assign(session, COMMAND_LINE, [given], anna.id)
        inbox_mentions.note_mentions(session, COMMAND_LINE, noted, "@anna, kannst du?")
        inbox_waking.wake_snoozed(session)
        conditions = {"match": "all", "of": [{"on": "words", "words": ["liefert"]}]}
        draft = RuleDraft("Lieferung", conditions, [{"do": "notify", "member_ids": [anna.id]}])
        rules.create_rule(session, COMMAND_LINE, draft)
    service_time.watch()
    triage.run()
    with db.write() as session:
        channels.note_error(session, channel.id, NeedsReauth("revoked"))
    in_the_plan(anna)


def in_the_plan(anna: Actor) -> None:
    """What happens around posts: a review, a comment, the stop button, a risk, one that is gone."""
    bernd, channel = team.actor_of(factories.member(name="Bernd")), factories.channel(state=ChannelState.PAUSED)
    asked = factories.post(channel.id, member_id=bernd.id, title="Bernds Beitrag")
    mine = factories.post(channel.id, member_id=anna.id, title="Annas Beitrag")
    factories.post(channel.id, member_id=anna.id, title="Morgen früh", at=db.utc_now() + timedelta(hours=9))
    out = factories.post(channel.id, member_id=anna.id, title="Nicht mehr da", state=PostState.PUBLISHED)
    with db.write() as session:
        approval.submit_for_review(session, bernd, asked.id)
        approval.submit_for_review(session, anna, mine.id)
        approval.return_to_author(session, bernd, mine.id, "Bitte kürzer.")
        post_comments.comment(session, bernd, mine.id, "Geht das früher?")
        holds.stop_publishing(session, COMMAND_LINE, "Unfall im Werk")
        delivery = session.execute(select(Delivery).where(col(Delivery.post_id) == out.id)).scalar_one()
        proof_marks.mark_missing(session, delivery, "Gone.")
    at_risk.warn_authors()


def a_minute_passes() -> None:
    with db.write() as session:
        session.execute(update(Notice).values(created_at=db.utc_now() - timedelta(minutes=1)))


def worker_runs(hub: Path) -> str:
    environment = os.environ | {"HUB_DATA_DIR": str(hub), "HUB_LOG_LEVEL": "DEBUG"}
    command = [sys.executable, "-X", "importtime", "worker.py", "--once"]
    ran = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=90, check=False)
    assert ran.returncode == 0, ran.stderr
    return ran.stderr


def test_every_kind_is_told_and_arrives_once(service: Inbox, hub: Path) -> None:
    anna = team.actor_of(factories.member(name="Anna Beispiel"))
    with db.write() as session:
        notice_wishes.save(session, anna, addresses=notice_wishes.read_addresses(service.address))
    everything_happens(anna)
    with db.read() as session:
        kinds = {kind for (kind,) in session.execute(Notice.__table__.select().with_only_columns(Notice.kind))}  # type: ignore[attr-defined]
    assert kinds == {kind.value for kind in NoticeKind}
    a_minute_passes()
    said = worker_runs(hub)
    worker_runs(hub)
    (message,) = service.got
    for words in (
        "Command line assigned a conversation to you.",
        "mentioned you in a note on @\u2060kaffee.",
        "A conversation of yours is back from snooze.",
        "the answer is due",
        "Rule “Lieferung”",
        "@\u2060kaffee must be reconnected.",
        "Bernd commented on your post.",
        "Unfall im Werk",
        "… and 2 more",  # one message doesn't grow without end
    ):
        assert words in message["message"], words
    assert "wann liefert ihr" not in message["message"], "what customers write stays in the hub"
    assert "geheim" not in said
    assert "| apprise" not in said, "apprise is loaded by its own process alone"


def test_nobody_who_left_hears_of_it(service: Inbox, hub: Path) -> None:
    anna = team.actor_of(factories.member(name="Anna Beispiel"))
    with db.write() as session:
        notice_wishes.save(session, anna, addresses=notice_wishes.read_addresses(service.address))
    everything_happens(anna)
    a_minute_passes()
    with db.write() as session:
        session.get_one(Member, anna.id).disabled_at = db.utc_now()
    worker_runs(hub)
    assert service.got == []
