"""The way into the sandbox, and its server: connect its channels with their past and plan, start and stop the process.

The sandbox itself is `core/sandbox`; everybody in it is invented, and its channels are marked as such. Nothing here
talks to it: rows are made from its plain data, so the door opens before the server is up; the worker starts that.
"""

import logging
import os
import secrets
import socket
import subprocess
import sys
import threading
import time
from dataclasses import replace
from datetime import datetime, timedelta
from datetime import time as clock
from pathlib import Path
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

from sqlalchemy import select, update
from sqlmodel import Session, col

import core
from core import db
from core.connectors.base import Profile
from core.models.analytics import Snapshot
from core.models.channel import Channel, ChannelState, SyncCursor
from core.models.planning import CampaignGoal, Post, PostState
from core.sandbox import growth, plan
from core.services import campaigns, key_dates, planning, slots
from core.services.channel_list import ensure_group
from core.services.connecting import keep_channel
from core.services.team import Actor, Right, audit, require
from core.settings import settings

log = logging.getLogger("hub.sandbox")

NETWORK = "mastodon"  # what it speaks
PATIENCE = 30.0  # seconds until it listens; the first start writes half a year of history
BERLIN = ZoneInfo("Europe/Berlin")
CAMPAIGNS = {  # name: colour, goal, audience, days it still runs
    "Herbsternte": ("orange", CampaignGoal.IMAGE, "Cafés und alle, die zu Hause mahlen", 18),
    "Ersatzteilversprechen": ("green", CampaignGoal.SUPPORT, "Leute mit einer Maschine von uns", 25),
    "Winter range": ("blue", CampaignGoal.LEADS, "Families without a second car", 40),
}
SLOTS = {  # 0 is Monday
    "brachvogel_kaffee": [(day, at) for day in range(5) for at in ("09:00", "17:30")],
    "curlew_cargo": [(1, "18:00"), (3, "12:30"), (5, "10:00")],
}
DATABASE, ADMIN_TOKEN = "sandbox.db", "sandbox-admin.token"

_lock = threading.Lock()
_process: subprocess.Popen[bytes] | None = None


def explore(actor: Actor) -> list[int]:
    """Connect the sandbox's channels, with half a year of followers and a content plan; gives the channels' ids.

    Once more changes nothing, but connects again what was removed.
    """
    require(actor, Right.CHANNELS)
    ids: dict[str, int] = {}
    with db.write() as session:
        for group in plan.GROUPS:
            ensure_group(session, group)
        for theirs in plan.CHANNELS:
            ids[theirs.handle] = _connected(session, actor, theirs)
        _plan(session, actor, ids)
        _around_the_plan(session, actor, ids)
    return list(ids.values())


def ensure_running() -> None:
    """Have the sandbox's server run while one of its channels is connected, and only then. Waits until it listens."""
    with _lock:
        if not _wanted():
            _end()
        elif (_process is None or _process.poll() is not None) and not _listens():
            _begin()
            if _listens():
                _sync_now()


def _sync_now() -> None:
    """What was due before the server listened has failed, and would be tried again only later."""
    ours = select(col(Channel.id)).where(col(Channel.is_sandbox), col(Channel.state) == ChannelState.ACTIVE)
    with db.write() as session:
        session.execute(
            update(SyncCursor)
            .where(
                col(SyncCursor.channel_id).in_(ours),
                col(SyncCursor.claim_token).is_(None),
                col(SyncCursor.error_kind).is_not(None),
            )
            .values(due_at=db.utc_now(), attempts=0, last_error=None, error_kind=None)
            .execution_options(synchronize_session=False)
        )


def stop() -> None:
    """Stop the server, if this process started it."""
    with _lock:
        _end()


def _connected(session: Session, actor: Actor, theirs: plan.SandboxChannel) -> int:
    profile = _profile(theirs)
    row = session.execute(
        select(Channel).where(
            col(Channel.network) == NETWORK,
            col(Channel.base_url) == settings().sandbox_url,
            col(Channel.handle) == profile.handle,
        )
    ).scalar_one_or_none()
    if row is not None and row.state in (ChannelState.ACTIVE, ChannelState.PAUSED):
        return int(row.id)
    credentials = {"access_token": theirs.token}
    row, new = keep_channel(session, NETWORK, settings().sandbox_url, profile, credentials, None)
    if row.group_id is None:
        row.group_id = ensure_group(session, theirs.group)
    if new:
        session.add_all(_past(row.id, theirs.handle))
    audit(session, actor, "channel.connect" if new else "channel.reconnect", f"channel:{row.id}", row.handle)
    return row.id


def _profile(theirs: plan.SandboxChannel) -> Profile:
    """As the connector reads it from the server, but for the id: that is known when the profile is synced."""
    host = urlsplit(settings().sandbox_url).netloc
    address = f"{theirs.handle}@{host}"
    return Profile(theirs.handle, f"@{address}", theirs.name, f"{settings().sandbox_url}/@{theirs.handle}")


def _past(channel_id: int, handle: str) -> list[Snapshot]:
    """A snapshot a day of half a year. The server would tell the same: how it grows is a pure function of time."""
    days = growth.history(handle, db.utc_now(), lambda _: 0)
    return [
        Snapshot(channel_id=channel_id, metric=metric, value=value, at=day.at)
        for day in days[:-1]
        for metric, value in (("followers", day.followers), ("following", day.following))
    ]


def _plan(session: Session, actor: Actor, ids: dict[str, int]) -> None:
    """The content plan, but for posts that are there already; those to be scheduled lie in the days to come."""
    titles = [planned.title for planned in plan.PLAN]
    known = set(session.execute(select(col(Post.title)).where(col(Post.title).in_(titles))).scalars())
    today = datetime.now(BERLIN).date()
    for planned in plan.PLAN:
        if planned.title in known:
            continue
        hour, minute = map(int, planned.time.split(":"))
        at = datetime.combine(today + timedelta(days=planned.day), clock(hour, minute), BERLIN)
        post_id = planning.create_post(
            session,
            actor,
            title=planned.title,
            text=planned.text,
            channel_ids=[ids[handle] for handle in planned.channels],
            variants={ids[handle]: text for handle, text in planned.variants},
            planned_at=at,
            campaign=planned.campaign or "",
            idea=planned.state == PostState.IDEA,
        )
        if planned.state == PostState.SCHEDULED:
            planning.schedule_post(session, actor, post_id, at)


def _around_the_plan(session: Session, actor: Actor, ids: dict[str, int]) -> None:
    """What an established team has beside its posts: campaigns that say something, slots, a day to know of."""
    today = datetime.now(BERLIN).date()
    for row in campaigns.campaigns(session):
        if row.form.name in CAMPAIGNS and row.form.starts_on is None:
            color, goal, audience, days = CAMPAIGNS[row.form.name]
            first, last = today - timedelta(days=10), today + timedelta(days=days)
            form = replace(row.form, color=color, goal=goal, audience=audience, starts_on=first, ends_on=last)
            campaigns.change_campaign(session, actor, row.id, form)
    for handle, times in SLOTS.items():
        if not slots.slots(session, [ids[handle]]):
            slots.add_slots(session, actor, ids[handle], times)
    if not key_dates.key_dates(session):
        day = today + timedelta(days=16)
        key_dates.add_key_date(session, actor, "Hausmesse in der Rösterei", day, day + timedelta(days=1), "violet")


def _wanted() -> bool:
    with db.read() as session:
        there = select(col(Channel.id)).where(col(Channel.is_sandbox), col(Channel.state) != ChannelState.REMOVED)
        return session.execute(there.limit(1)).first() is not None


def _listens() -> bool:
    try:
        socket.create_connection(("127.0.0.1", settings().sandbox_port), timeout=1).close()
    except OSError:
        return False
    return True


def _begin() -> None:
    global _process  # noqa: PLW0603 - one server a process
    folder, token = settings().data_dir.resolve(), _admin_token()
    hidden = ("HUB_SECRET_KEY", "DATABASE_URL")  # nothing of the hub's is the sandbox's business
    command = [sys.executable, "-m", "core.sandbox", str(folder / DATABASE)]
    command += ["--port", str(settings().sandbox_port), "--parent-pid", str(os.getpid()), "--admin-token-stdin"]
    _process = subprocess.Popen(  # noqa: S603 - our own program
        command,
        stdin=subprocess.PIPE,
        cwd=Path(core.__file__).parent.parent,
        env={name: value for name, value in os.environ.items() if name not in hidden},
    )
    assert _process.stdin is not None
    _process.stdin.write(f"{token}\n".encode())
    _process.stdin.close()
    log.info("started sandbox pid=%s port=%s", _process.pid, settings().sandbox_port)
    until = time.monotonic() + PATIENCE
    while _process.poll() is None and not _listens() and time.monotonic() < until:
        time.sleep(0.1)
    if _process.poll() is not None:
        log.error("the sandbox ended at once, code=%s", _process.returncode)


def _end() -> None:
    global _process  # noqa: PLW0603
    if _process is not None and _process.poll() is None:
        _process.terminate()
        try:
            _process.wait(5)
        except subprocess.TimeoutExpired:
            _process.kill()
            _process.wait()
        log.info("stopped sandbox pid=%s", _process.pid)
    _process = None


def _admin_token() -> str:
    """What opens the sandbox's `/_sandbox` (faults, clock): in a file for the owner of the data folder."""
    path = settings().data_dir / ADMIN_TOKEN
    if not path.exists():
        settings().ensure_folders()
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "w") as file:
            file.write(secrets.token_urlsafe(24))
    return path.read_text().strip()
