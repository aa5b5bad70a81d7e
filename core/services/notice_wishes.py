"""How a member wants to hear of things outside of the app: addresses, kinds, quiet hours, one digest a day.

An address is one of apprise's (mail, Slack, Teams, Matrix, a webhook, …): it holds secrets, so it is sealed at rest,
shown by its label alone, and never logged. What is sent when is `notice_sending.py`.
"""

import logging
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from sqlmodel import Session

from core import vault
from core.connectors import messenger
from core.db import utc_now
from core.errors import UserError
from core.models.team import NoticeSettings
from core.services.notices import NoticeKind
from core.services.team import Actor, Right, audit, require
from core.settings import settings

log = logging.getLogger("hub.notices")

MOST = 5  # addresses of one member
LOST = "The kept addresses can't be opened with the hub's key any more. Enter them again."


@dataclass(frozen=True)
class Wishes:
    """A member's wishes; times are wall clock in their zone ("20:00"). `masked` names addresses without secrets."""

    masked: tuple[str, ...] = ()
    kinds: tuple[NoticeKind, ...] = tuple(NoticeKind)
    quiet_from: str | None = None
    quiet_to: str | None = None
    digest_at: str | None = None
    trouble: str | None = None
    trouble_at: datetime | None = None


def wishes(session: Session, actor: Actor) -> Wishes:
    """What this member wants; everything in the app alone until they said otherwise."""
    row = session.get(NoticeSettings, actor.id) if actor.id is not None else None
    if row is None:
        return Wishes()
    trouble = row.trouble if row.sealed is None or addresses_of(row) else LOST
    masked = tuple(addresses_of(row))
    return Wishes(masked, wanted_kinds(row), row.quiet_from, row.quiet_to, row.digest_at, trouble, row.trouble_at)


def read_addresses(typed: str) -> dict[str, str]:
    """Addresses, one a line, by how they may be shown. Nothing is sent; a line that can't be is a `UserError`.

    Asks another process and the name servers: call it outside of a transaction.
    """
    lines = list(dict.fromkeys(line.strip() for line in typed.splitlines() if line.strip()))
    if len(lines) > MOST:
        raise UserError(f"{len(lines)} addresses, but at most {MOST} fit. Take out some.")
    found: dict[str, str] = {}
    for number, (line, checked) in enumerate(
        zip(lines, messenger.check(lines, settings().allowed_private_hosts), strict=True), start=1
    ):
        if checked.fault:
            raise UserError(f"Line {number}: {checked.fault}")
        same = sum(name.partition(" (")[0] == checked.label for name in found)
        found[f"{checked.label} ({same + 1})" if same else checked.label] = line
    return found


def save(
    session: Session,
    actor: Actor,
    *,
    addresses: Mapping[str, str] | None = None,
    kinds: Sequence[NoticeKind] = tuple(NoticeKind),
    quiet: tuple[str, str] | None = None,
    digest_at: str | None = None,
) -> None:
    """Keep a member's wishes. `addresses`: out of `read_addresses`; None keeps those there are, {} takes them away.

    Raises `UserError` that says what to do; nothing is changed then.
    """
    require(actor, Right.LOOK)
    if actor.id is None:
        raise UserError("Notifications belong to a member. Say whose with --member.")
    if quiet is not None and quiet[0] == quiet[1]:
        raise UserError("Quiet hours that begin and end at the same time never end. Choose two different times.")
    row = session.get(NoticeSettings, actor.id) or NoticeSettings(member_id=actor.id)
    if addresses is not None:
        row.sealed = vault.seal(dict(addresses)) if addresses else None
        row.trouble = row.trouble_at = row.retry_at = None
        row.attempts = 0
    row.kinds = None if set(kinds) == set(NoticeKind) else [kind.value for kind in kinds]
    row.quiet_from, row.quiet_to = quiet if quiet is not None else (None, None)
    if digest_at != row.digest_at:
        row.digest_at, row.last_digest_at = digest_at, utc_now()  # the first one comes at its next time
    session.add(row)
    audit(session, actor, "notices.settings", f"member:{actor.id}", f"{len(addresses_of(row))} addresses")
    session.flush()


def addresses_of(row: NoticeSettings) -> dict[str, str]:
    """The addresses in clear, by their labels. Only for sending: they hold secrets. None where the key changed."""
    try:
        return vault.unseal(row.sealed) if row.sealed else {}
    except UserError:
        log.warning("member %s: the addresses can't be opened with this key", row.member_id)
        return {}


def wanted_kinds(row: NoticeSettings) -> tuple[NoticeKind, ...]:
    """The kinds that go out."""
    return tuple(NoticeKind) if row.kinds is None else tuple(k for k in NoticeKind if k.value in row.kinds)


def is_quiet(row: NoticeSettings, now: datetime, zone: ZoneInfo) -> bool:
    """Whether it is quiet for the member: by the wall clock, over midnight too."""
    if not row.quiet_from or not row.quiet_to:
        return False
    start, end = time.fromisoformat(row.quiet_from), time.fromisoformat(row.quiet_to)
    today = now.astimezone(zone).date()
    for day in (today - timedelta(days=1), today):
        last = day if start < end else day + timedelta(days=1)
        if next(_moments(day, start, zone)) <= now < max(_moments(last, end, zone)):
            return True
    return False


def _moments(day: date, clock: time, zone: ZoneInfo) -> Iterator[datetime]:
    """When the clock shows this time. Where it comes twice (in autumn) both count; where it is left out (in spring),
    it is the hour after."""
    for fold in (0, 1):
        yield datetime.combine(day, clock.replace(fold=fold), zone).astimezone(UTC)


def digest_due(row: NoticeSettings, now: datetime, zone: ZoneInfo) -> bool:
    """Whether the time of today's digest has come and it wasn't looked at yet."""
    if not row.digest_at:
        return False
    local = now.astimezone(zone)
    if local.time() < time.fromisoformat(row.digest_at):
        return False
    last = row.last_digest_at.astimezone(zone) if row.last_digest_at else local - timedelta(days=2)
    at = datetime.combine(local.date(), time.fromisoformat(row.digest_at), zone)
    return last < at
