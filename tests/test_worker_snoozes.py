"""The worker brings back what was put off."""

import os
import subprocess
import sys
from datetime import timedelta
from pathlib import Path

from core import db
from core.models.inbox import Conversation, ConversationState
from tests import factories

ROOT = Path(__file__).parent.parent


def test_what_is_due_comes_back_and_the_rest_sleeps_on(hub: Path) -> None:
    channel, now = factories.channel(), db.utc_now()
    due, later = (
        factories.conversation(
            channel.id, unread=0, state=ConversationState.SNOOZED, snoozed_until=now + timedelta(minutes=minutes)
        ).id
        for minutes in (-1, 60)
    )
    environment = os.environ | {"HUB_DATA_DIR": str(hub)}
    command = [sys.executable, "worker.py", "--once"]
    ran = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=60, check=False)
    assert ran.returncode == 0, ran.stderr
    with db.read() as session:
        woken, asleep = session.get_one(Conversation, due), session.get_one(Conversation, later)
    assert (woken.state, woken.snoozed_until, woken.unread) == (ConversationState.OPEN, None, 1)
    assert asleep.state == ConversationState.SNOOZED
