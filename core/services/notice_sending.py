"""Sends notices to where members want them, by apprise. The worker looks every few seconds.

A member gets one message a look, whatever came: nobody is rung ten times. Quiet hours hold back, a digest waits for its
time; what was read in the app meanwhile, or taken back, isn't sent. A message is claimed (`sent_at`) and committed
before it leaves, so that a crash sends nothing twice; one that surely arrived nowhere is tried again, three times, then
the member finds the reason in the settings. At most once, on purpose: the notice itself stands in the app.
"""

import logging
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from sqlalchemy import func, select, update
from sqlmodel import Session, col

from core import db
from core.connectors import messenger
from core.connectors.messenger import Fate, Letter, Outcome
from core.errors import UserError
from core.models.team import Member, Notice, NoticeSettings
from core.services import overview
from core.services.intake_rows import chunks
from core.services.notice_wishes import addresses_of, digest_due, is_quiet, wanted_kinds
from core.services.team import Actor
from core.settings import settings

log = logging.getLogger("hub.notices")

BATCH = 5_000  # notices looked at
GRACE = timedelta(seconds=20)  # who is in the app reads it there; what was assigned by mistake is taken back
LINES = 10  # of a message; the rest is counted
TRIES = 3
PAUSE = timedelta(minutes=1)  # after a failure; then twice as long
# Names come from networks: none of them may call a whole chat, become a link, or be read as markup.
CALLS = re.compile(r"@(?=\w)|(?<=\])(?=\()|(?<=:)(?=//)")


@dataclass(frozen=True)
class Message:
    """One message to one member, claimed."""

    member_id: int
    addresses: Mapping[str, str] = field(repr=False)  # by their labels
    title: str
    body: str = field(repr=False)
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
        if not _anything(session) or _plan(session) == Plan():
            return 0
    with db.write() as session:
        messages = _claimed(session, _plan(session))  # anew: something may have been read or taken back just now
    for message, told in zip(messages, _send(messages), strict=True):
        with db.write() as session:
            _conclude(session, message, told)
    return len(messages)


def send_test(actor: Actor) -> tuple[tuple[str, Outcome], ...]:
    """Send a word to each of a member's addresses now; gives their labels with what became of it.

    Talks to the network: call it outside of a transaction. Raises `UserError` without an address.
    """
    with db.read() as session:
        row = session.get(NoticeSettings, actor.id) if actor.id is not None else None
        addresses = addresses_of(row) if row is not None else {}
    if not addresses:
        raise UserError("There is no address yet. Add one and save it first.")
    body = f"This is how {_harmless(actor.name)} will hear of things."
    (told,) = _send([Message(actor.id or 0, addresses, "Social Hub: a test", body, ())])
    return tuple(told.items())


def _send(messages: Sequence[Message]) -> list[dict[str, Outcome]]:
    """All messages to all their addresses, once each; what became of them by label."""
    letters = [Letter(to, one.title, one.body) for one in messages for to in one.addresses.values()]
    told = iter(messenger.deliver(letters, settings().allowed_private_hosts) if letters else ())
    return [{label: next(told) for label in one.addresses} for one in messages]


# --- inside -----------------------------------------------------------------------------------------------------------


def _anything(session: Session) -> bool:
    if session.execute(select(col(Notice.id)).where(col(Notice.sent_at).is_(None)).limit(1)).first():
        return True
    digests = select(col(NoticeSettings.member_id)).where(col(NoticeSettings.digest_at).is_not(None)).limit(1)
    return session.execute(digests).first() is not None


def _plan(session: Session) -> Plan:
    """What goes out now, and what never will. Two reads, a third for what is looked at now."""
    unsent = col(Notice.sent_at).is_(None)
    oldest = select(col(Notice.member_id), func.min(col(Notice.created_at))).where(unsent)
    since = {row[0]: row[1] for row in session.execute(oldest.group_by(col(Notice.member_id)))}
    now = [
        (row, member)
        for row, member in _who(session, since)
        if row is None or not _reachable(row, member) or _now(row, member, since.get(member.id))
    ]
    by_member = _unsent(session, [member.id for _, member in now if member.id in since])
    messages: list[Message] = []
    settled: list[int] = []
    digests: list[int] = []
    for row, member in now:
        theirs = by_member.get(member.id, [])
        wanted = _wanted(row, member, theirs)
        settled += [notice.id for notice in theirs if notice not in wanted]
        if row is not None and row.digest_at and _reachable(row, member):
            digests.append(member.id)
        if row is not None and wanted:
            messages.append(_message(session, row, wanted))
    return Plan(tuple(messages), tuple(settled), tuple(digests))


def _unsent(session: Session, member_ids: Sequence[int]) -> dict[int, list[Notice]]:
    """What wasn't decided on yet, oldest first. Theirs alone whose time it is: who waits keeps nobody waiting."""
    found: dict[int, list[Notice]] = {}
    asked = select(Notice).where(col(Notice.sent_at).is_(None), col(Notice.member_id).in_(member_ids))
    for notice in session.execute(asked.order_by(col(Notice.id)).limit(BATCH)).scalars() if member_ids else ():
        found.setdefault(notice.member_id, []).append(notice)
    return found


def _reachable(row: NoticeSettings, member: Member) -> bool:
    return bool(row.sealed) and member.disabled_at is None


def _wanted(row: NoticeSettings | None, member: Member, theirs: Sequence[Notice]) -> list[Notice]:
    """What is unread and wanted outside of the app."""
    if row is None or not _reachable(row, member) or not addresses_of(row):
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
    clear = [message for message in plan.messages if ours.issuperset(message.notice_ids)]
    back = ours.difference(plan.settled, *(message.notice_ids for message in clear))  # the next look takes them
    for some in chunks(sorted(back)):
        session.execute(update(Notice).where(col(Notice.id).in_(some)).values(sent_at=None))
    return clear


def _who(session: Session, waiting: Mapping[int, datetime]) -> list[tuple[NoticeSettings | None, Member]]:
    """Members with notices, and members whose digest may be due, with their wishes."""
    rows = session.execute(
        select(NoticeSettings, Member)
        .select_from(Member)
        .outerjoin(NoticeSettings, col(NoticeSettings.member_id) == col(Member.id))
        .where(col(Member.id).in_(list(waiting)) | col(NoticeSettings.digest_at).is_not(None))
        .order_by(col(Member.id))
    )
    return [(row[0], row[1]) for row in rows]


def _now(row: NoticeSettings, member: Member, since: datetime | None) -> bool:
    """Whether something may go to this member now. `since`: their oldest notice that waits."""
    now, zone = db.utc_now(), ZoneInfo(member.time_zone)
    if (row.retry_at is not None and row.retry_at > now) or is_quiet(row, now, zone):
        return False
    if row.digest_at:
        return digest_due(row, now, zone)
    return since is not None and since <= now - GRACE


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
    pages = {"conversation": "inbox?view=all&conversation=", "post": "planning?post=", "channel": "channels?channel=",
             "reviews": "planning?plan_state=In+review&plan_range=Everything"}  # fmt: skip
    base = settings().public_url
    text = _harmless(notice.text)
    if not base or room not in pages:
        return text
    return f"{text} {settings().base_url}/{pages[room]}{number}"


def _harmless(text: str) -> str:
    """One line that reads as it was, and that no chat and no mail takes for more than text."""
    plain = " ".join(text.split()).replace("<", "‹").replace(">", "›")
    return CALLS.sub(lambda found: f"{found.group()}\u2060", plain)


def _conclude(session: Session, message: Message, told: Mapping[str, Outcome]) -> None:
    row = session.get(NoticeSettings, message.member_id)
    if row is None:
        return
    failed = {label: outcome for label, outcome in told.items() if not outcome.arrived}
    if not failed:
        row.attempts, row.retry_at, row.trouble, row.trouble_at = 0, None, None, None
        return
    row.trouble = " ".join(f"{label}: {outcome.said}" for label, outcome in failed.items())[:500]
    row.trouble_at = db.utc_now()
    fates = {outcome.fate for outcome in told.values()}
    if not fates <= {Fate.LATER, Fate.REFUSED} or Fate.LATER not in fates:
        row.attempts, row.retry_at = 0, None  # it arrived somewhere, or may have; or another try is of no use
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
