"""Sends notices to where members want them, by apprise. The worker looks every few seconds.

A member gets one message a look, whatever came: nobody is rung ten times. Quiet hours hold back, a digest waits for its
time; what was read in the app meanwhile isn't sent. A message is claimed (`sent_at`) and committed before it leaves, so
that a crash sends nothing twice; one that surely failed is tried again, three times, then the member finds the reason
in the settings. At most once, on purpose: the notice itself stands in the app.
"""

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from zoneinfo import ZoneInfo

from sqlalchemy import select, update
from sqlmodel import Session, col

from core import db
from core.errors import UserError
from core.models.team import Member, Notice, NoticeSettings
from core.services import overview
from core.services.intake_rows import chunks
from core.services.notice_wishes import (
    addresses_of,
    digest_due,
    hosts_of,
    instance,
    is_quiet,
    mask,
    may_reach,
    wanted_kinds,
)
from core.services.team import Actor
from core.settings import settings

log = logging.getLogger("hub.notices")

BATCH = 1000  # notices looked at
LINES = 10  # of a message; the rest is counted
TRIES = 3
PAUSE = timedelta(minutes=1)  # after a failure; then twice as long


@dataclass(frozen=True)
class Message:
    """One message to one member, claimed."""

    member_id: int
    addresses: tuple[str, ...]
    title: str
    body: str
    notice_ids: tuple[int, ...]


@dataclass(frozen=True)
class Plan:
    """What a look found: messages to send, notices that need none, members whose digest was looked at."""

    messages: tuple[Message, ...] = ()
    settled: tuple[int, ...] = ()
    digests: tuple[int, ...] = ()


def send_due() -> int:
    """Send what is to be sent now; gives how many messages that were."""
    with db.read() as session:
        plan = _plan(session) if _anything(session) else Plan()
    if plan == Plan():
        return 0
    with db.write() as session:
        messages = _claimed(session, plan)
    for message in messages:
        failed = [address for address in message.addresses if not _send(address, message.title, message.body)]
        with db.write() as session:
            _conclude(session, message, failed)
    return len(messages)


def send_test(actor: Actor) -> tuple[tuple[str, bool], ...]:
    """Send a word to each of a member's addresses now; gives them masked, with whether they took it.

    Talks to the network: call it outside of a transaction. Raises `UserError` without an address.
    """
    with db.read() as session:
        row = session.get(NoticeSettings, actor.id) if actor.id is not None else None
        addresses = addresses_of(row) if row is not None else ()
    if not addresses:
        raise UserError("There is no address yet. Add one and save it first.")
    body = f"This is how {actor.name} will hear of things."
    return tuple((mask(address), _send(address, "Social Hub: a test", body)) for address in addresses)


# --- inside -----------------------------------------------------------------------------------------------------------


def _anything(session: Session) -> bool:
    if session.execute(select(col(Notice.id)).where(col(Notice.sent_at).is_(None)).limit(1)).first():
        return True
    digests = select(col(NoticeSettings.member_id)).where(col(NoticeSettings.digest_at).is_not(None)).limit(1)
    return session.execute(digests).first() is not None


def _plan(session: Session) -> Plan:
    """What goes out now, and what never will. Three reads."""
    rows = session.execute(
        select(Notice).where(col(Notice.sent_at).is_(None)).order_by(col(Notice.id)).limit(BATCH)
    ).scalars()
    by_member: dict[int, list[Notice]] = {}
    for notice in rows:
        by_member.setdefault(notice.member_id, []).append(notice)
    messages: list[Message] = []
    settled: list[int] = []
    digests: list[int] = []
    for row, member in _who(session, by_member):
        theirs = by_member.get(member.id, [])
        wanted = _wanted(row, member, theirs)
        settled += [notice.id for notice in theirs if notice not in wanted]
        if row is None or not _now(row, member):
            continue
        if row.digest_at:
            digests.append(member.id)
        if wanted:
            messages.append(_message(session, row, wanted))
    return Plan(tuple(messages), tuple(settled), tuple(digests))


def _wanted(row: NoticeSettings | None, member: Member, theirs: Sequence[Notice]) -> list[Notice]:
    """What is unread and wanted outside of the app."""
    if row is None or not row.sealed or member.disabled_at is not None:
        return []
    kinds = {kind.value for kind in wanted_kinds(row)}
    return [notice for notice in theirs if notice.read_at is None and notice.kind in kinds]


def _claimed(session: Session, plan: Plan) -> list[Message]:
    """The messages of the plan that are ours: another worker may have been quicker."""
    now = db.utc_now()
    ids = [*plan.settled, *(key for message in plan.messages for key in message.notice_ids)]
    ours: set[int] = set()
    for some in chunks(ids):
        free = update(Notice).where(col(Notice.id).in_(some), col(Notice.sent_at).is_(None))
        ours |= set(session.execute(free.values(sent_at=now).returning(col(Notice.id))).scalars())
    for member_id in plan.digests:
        session.get_one(NoticeSettings, member_id).last_digest_at = now
    return [message for message in plan.messages if ours.issuperset(message.notice_ids)]


def _who(session: Session, by_member: dict[int, list[Notice]]) -> list[tuple[NoticeSettings | None, Member]]:
    """Members with notices, and members whose digest may be due, with their wishes."""
    rows = session.execute(
        select(NoticeSettings, Member)
        .select_from(Member)
        .outerjoin(NoticeSettings, col(NoticeSettings.member_id) == col(Member.id))
        .where(col(Member.id).in_(by_member) | col(NoticeSettings.digest_at).is_not(None))
        .order_by(col(Member.id))
    )
    return [(row[0], row[1]) for row in rows]


def _now(row: NoticeSettings, member: Member) -> bool:
    """Whether something may go to this member now."""
    now, zone = db.utc_now(), ZoneInfo(member.time_zone)
    if not row.sealed or (row.retry_at is not None and row.retry_at > now) or is_quiet(row, now, zone):
        return False
    return digest_due(row, now, zone) if row.digest_at else True


def _message(session: Session, row: NoticeSettings, notices: Sequence[Notice]) -> Message:
    ids = tuple(notice.id for notice in notices)
    lines = [_line(notice) for notice in notices[:LINES]]
    if len(notices) > LINES:
        lines.append(f"… and {len(notices) - LINES} more")
    if row.digest_at:
        waiting = overview.waiting_counts(session).get("inbox", 0)
        lines.append(f"{waiting} unread conversations are in the inbox.")
        title = f"Social Hub: your day, {len(notices)} to look at"
    elif len(notices) == 1:
        title = "Social Hub"
    else:
        title = f"Social Hub: {len(notices)} new"
    return Message(row.member_id, addresses_of(row), title, "\n".join(lines), ids)


def _line(notice: Notice) -> str:
    room, _, number = notice.target.partition(":")
    pages = {"conversation": "inbox?view=all&conversation=", "post": "planning?post=", "channel": "channels?channel="}
    base = settings().public_url
    if not base or room not in pages:
        return notice.text
    return f"{notice.text} {settings().base_url}/{pages[room]}{number}"


def _send(address: str, title: str, body: str) -> bool:
    """Whether the service took it."""
    target = instance(address)
    if target is None or not all(may_reach(host, target.schema) for host in hosts_of(target)):
        return False
    try:
        return bool(target.notify(body=body, title=title))
    except Exception as error:  # plug-ins differ in what they raise; no address must get into the log
        log.warning("a notification could not be sent (%s)", type(error).__name__)
        return False


def _conclude(session: Session, message: Message, failed: Sequence[str]) -> None:
    row = session.get(NoticeSettings, message.member_id)
    if row is None:
        return
    if not failed:
        row.attempts, row.retry_at, row.trouble, row.trouble_at = 0, None, None, None
        return
    row.trouble = f"{', '.join(mask(address) for address in failed)} did not take the last message."[:500]
    row.trouble_at = db.utc_now()
    if len(failed) < len(message.addresses):
        row.attempts, row.retry_at = 0, None  # it has arrived somewhere
        return
    row.attempts += 1
    if row.attempts >= TRIES:
        log.warning("member %s: a notification was given up after %s tries", message.member_id, TRIES)
        row.attempts, row.retry_at = 0, None
        return
    row.retry_at = db.utc_now() + PAUSE * 2 ** (row.attempts - 1)
    if row.digest_at:
        row.last_digest_at = None
    session.execute(update(Notice).where(col(Notice.id).in_(message.notice_ids)).values(sent_at=None))
